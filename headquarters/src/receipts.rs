//! Receipts and refusals, made from the log.
//!
//! Invariant: a receipt says what the log says, so a repeated push gets the same one. Rejected:
//! remembering the receipts that were given.

use crate::{core::Core, error::HqError};
use lanewalk_model::id::{DeviceId, Hash};
use lanewalk_protocol::{
    keys::{Domain, sign_domain},
    limits,
    receipt::{Receipt, Refused, UnsignedReceipt},
};
use rusqlite::{Connection, params};

/// Makes the receipts and refusals for a run of a device's chain: one receipt for each stretch
/// that was committed together.
pub(crate) fn of_run(
    db: &Connection,
    core: &Core,
    device_n: i64,
    (first, last): (u64, u64),
) -> Result<(Vec<Receipt>, Vec<Refused>), HqError> {
    let mut statement = db.prepare_cached(
        "SELECT l.idx, l.seq, l.hash, l.received_at, l.refused, l.detail, d.id FROM log l JOIN devices d ON d.n = l.device
         WHERE l.device = ?1 AND l.seq BETWEEN ?2 AND ?3 ORDER BY l.seq",
    )?;
    let mut rows = statement.query(params![device_n, first, last])?;
    // (first seq, last seq, last hash, first index, time)
    let mut spans: Vec<(u64, u64, Hash, u64, i64)> = Vec::new();
    let mut refused = Vec::new();
    let mut device = core.own;
    while let Some(r) = rows.next()? {
        let (idx, seq): (u64, u64) = (r.get(0)?, r.get(1)?);
        let hash = Hash::from_slice(&r.get::<_, Vec<u8>>(2)?).unwrap_or(Hash([0; 32]));
        let at: i64 = r.get(3)?;
        if let Some(code) = r.get::<_, Option<String>>(4)? {
            refused.push(Refused { seq, hash, code, detail: r.get(5)? });
        }
        device = DeviceId::from_slice(&r.get::<_, Vec<u8>>(6)?).unwrap_or(core.own);
        match spans.last_mut() {
            Some(open) if open.4 == at && idx - open.3 == seq - open.0 => (open.1, open.2) = (seq, hash),
            _ => spans.push((seq, seq, hash, idx, at)),
        }
    }
    // A receipt that cannot be signed is not given; the phone keeps its entries and asks again.
    let receipts = spans.into_iter().filter_map(|span| sign(core, device, span)).collect();
    Ok((receipts, refused))
}

/// Lists every entry of a device that is kept outside the documents, the newest 4,096 of them.
pub(crate) fn all_refused(db: &Connection, device: i64) -> Result<Vec<Refused>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT seq, hash, refused, detail FROM log WHERE device = ?1 AND refused IS NOT NULL ORDER BY seq DESC LIMIT ?2",
    )?;
    let rows = statement.query_map(params![device, limits::MAX_PUSH_ENTRIES], |r| {
        let hash = Hash(r.get(1)?);
        Ok(Refused { seq: r.get(0)?, hash, code: r.get(2)?, detail: r.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn sign(core: &Core, device: DeviceId, span: (u64, u64, Hash, u64, i64)) -> Option<Receipt> {
    let (first_seq, last_seq, head, log_index, hq_time) = span;
    let unsigned =
        UnsignedReceipt { device, first_seq, last_seq, head, log_index, hq_time, hq_epoch: core.epoch };
    let signature = sign_domain(&*core.signer, Domain::Receipt, &unsigned.message()).ok()?;
    Some(unsigned.with(signature))
}
