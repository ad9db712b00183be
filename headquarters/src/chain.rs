//! A device's chain as headquarters holds it.
//!
//! Invariant: a push either continues the chain, repeats a part of it, or is refused whole.

use crate::{
    auth::Caller,
    error::{HqError, Refusal},
    people::audit,
    store::DeviceRow,
};
use lanewalk_model::{id::Hash, time::TimeMs};
use lanewalk_protocol::{
    entry::{Entry, chain_message},
    keys::{Domain, verify_domain},
    sync::Push,
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

/// Code of a refusal: headquarters holds another chain of this device.
pub(crate) const FORK: &str = "fork";

/// Checks that a push continues the device's chain and that its end is signed; returns the
/// entries headquarters does not have yet.
pub(crate) fn check(
    db: &Connection,
    caller: &Caller,
    push: &Push,
) -> Result<Result<Vec<(Entry, Hash)>, Refusal>, HqError> {
    let device = &caller.device;
    let entries = match push.batch.unpack(device.id) {
        Ok(entries) => entries,
        Err(e) => return Ok(Err(Refusal::new(400, "malformed").detail(e.to_string()))),
    };
    let Some((last, head)) = entries.last().map(|(e, h)| (e.header.seq, *h)) else {
        return Ok(Err(Refusal::new(400, "empty_push")));
    };
    if verify_domain(&device.key, Domain::Chain, &chain_message(device.id, last, head), &push.signature)
        .is_err()
    {
        return Ok(Err(Refusal::new(401, "bad_chain_signature")));
    }
    let first = push.batch.first_seq;
    if first == 0 {
        return Ok(Err(Refusal::new(400, "malformed").detail("sequence numbers start at 1")));
    }
    if first > device.last_seq + 1 {
        let mut refusal = Refusal::new(409, "chain_gap");
        refusal.need_seq = Some(device.last_seq + 1);
        return Ok(Err(refusal));
    }
    let before = hash_at(db, device.n, first - 1)?.unwrap_or(Hash([0; 32]));
    let mut fork = push.batch.prev != before;
    let mut fresh = Vec::with_capacity(entries.len());
    for (entry, hash) in entries {
        if entry.header.seq > device.last_seq {
            fresh.push((entry, hash));
        } else {
            fork |= hash_at(db, device.n, entry.header.seq)? != Some(hash);
        }
    }
    // Two children of one entry: a cloned or restored phone (F27).
    if fork { Ok(Err(Refusal::new(409, FORK))) } else { Ok(Ok(fresh)) }
}

/// Notes, once for each device, that it has written less than headquarters holds of it: its store was
/// put back to an older state, or it is a copy (F45).
pub(crate) fn note_rollback(
    tx: &Transaction<'_>,
    now: TimeMs,
    device: &DeviceRow,
    written: u64,
) -> Result<(), HqError> {
    if written >= device.last_seq { Ok(()) } else { note_once(tx, now, device, "chain_rolled_back") }
}

/// Notes, once for each device, that two phones write as it (F27).
pub(crate) fn note_fork(tx: &Transaction<'_>, now: TimeMs, device: &DeviceRow) -> Result<(), HqError> {
    note_once(tx, now, device, "chain_forked")
}

fn note_once(tx: &Transaction<'_>, now: TimeMs, device: &DeviceRow, what: &str) -> Result<(), HqError> {
    let about = device.id.to_string();
    let known: bool = tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM audit WHERE about = ?1 AND what = ?2)")?
        .query_row([about.as_str(), what], |r| r.get(0))?;
    if known { Ok(()) } else { audit(tx, now, &device.worker, what, &about) }
}

fn hash_at(db: &Connection, device: i64, seq: u64) -> Result<Option<Hash>, HqError> {
    let hash: Option<Vec<u8>> = db
        .prepare_cached("SELECT hash FROM log WHERE device = ?1 AND seq = ?2")?
        .query_row(params![device, seq], |r| r.get(0))
        .optional()?;
    Ok(hash.and_then(|h| Hash::from_slice(&h).ok()))
}
