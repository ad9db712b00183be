//! Chains that ended, and what was written again of them.
//!
//! Headquarters keeps one chain a device. A store whose device has another chain there (a copy, F27), or
//! whose key is gone with its chip (F9), becomes another device with a chain of its own. What it wrote
//! before is set aside here with its bytes and receipts; what headquarters lacks of it is written again
//! under the new device: same words, same moment, same sight, another author id.
//!
//! Invariant: setting aside and writing again are one transaction, so each of these entries is in the
//! outbox exactly once. Rejected: sending the old bytes under the new device, whose signature they do
//! not carry; a second store beside the first, which a shell would have to read for ever.

use super::{DocCache, docs, docs::Digest, entries, entries::Stored, int, meta};
use crate::error::{FieldError, guarded};
use lanewalk_model::{
    chunk::{self, OpAction},
    document::{Document, Edit, Stamp},
    id::{ActorId, DeviceId, Hash},
    time::Hlc,
};
use lanewalk_protocol::{batch::chunk_hash, enrolment::Held, entry::Header, limits};
use rusqlite::{Connection, Transaction};
use std::collections::{BTreeMap, BTreeSet};

/// Why an entry could not be written again; it is in quarantine under this code.
const NOT_REWRITTEN: &str = "not_rewritten";

/// An entry of a chain that ended, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Former {
    /// The device it was written as.
    pub device: DeviceId,
    /// Its number there.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
    /// The entry that says the same in the chain that followed; `None` when headquarters has it, or
    /// when it is in quarantine.
    pub again: Option<Hash>,
}

/// Ends the chain of `was` and begins that of another device and actor. What headquarters says that it
/// `held` of the first is not written again; returns how many entries were.
pub(crate) fn begin_again(
    tx: &Transaction<'_>,
    cache: &mut DocCache,
    was: DeviceId,
    now: (DeviceId, ActorId),
    held: &[Held],
) -> Result<u64, FieldError> {
    let open = entries::unsent(tx)?;
    tx.execute(
        "INSERT INTO former (device, seq, hash, doc, header, change, change_hash, state, refused_code, refused_detail, log_index)
         SELECT ?1, seq, hash, doc, header, change, change_hash, state, refused_code, refused_detail, log_index FROM entries",
        [was.0],
    )?;
    tx.execute(
        "INSERT INTO former_receipts (device, first_seq, last_seq, hq_epoch, receipt)
         SELECT ?1, first_seq, last_seq, hq_epoch, receipt FROM receipts",
        [was.0],
    )?;
    tx.execute(
        "UPDATE photos SET seq = CASE (SELECT state FROM entries e WHERE e.seq = photos.seq)
                                 WHEN 2 THEN -1 WHEN 0 THEN -1 - seq ELSE 0 END WHERE seq > 0",
        [],
    )?;
    tx.execute_batch("DELETE FROM entries; DELETE FROM receipts;")?;
    meta::put_chain(tx, &meta::Chain { seq: 0, head: Hash([0; 32]) })?;
    cache.clear();
    let held: BTreeMap<Hash, Option<&str>> = held.iter().map(|h| (h.hash, h.refused.as_deref())).collect();
    let (mut count, mut digest) = (0, Digest::load(tx)?);
    for old in &open {
        let fate = match held.get(&old.hash) {
            Some(None) => {
                // What comes after it stands on it.
                if !old.in_doc {
                    docs::confirm(tx, &mut digest, old.doc, &old.change, old.change_hash)?;
                }
                Fate::Held
            }
            Some(Some(code)) => Fate::Quarantine((*code).to_owned(), String::new()),
            None => write_again(tx, now, old)?,
        };
        count += u64::from(matches!(fate, Fate::Again(..)));
        settle(tx, was, old.seq, &fate)?;
    }
    digest.store(tx)?;
    // What stood on an entry that was set aside is shown without it.
    let docs: BTreeSet<_> = open.iter().map(|old| old.doc).collect();
    docs.into_iter().try_for_each(|doc| docs::refresh(tx, cache, doc))?;
    Ok(count)
}

/// What becomes of an entry that has no receipt.
enum Fate {
    /// Written again under this number.
    Again(u64, Hash),
    /// Headquarters has what it says.
    Held,
    /// Shown in quarantine, with code and detail.
    Quarantine(String, String),
}

/// Notes it, also for the photos that the entry names.
fn settle(tx: &Transaction<'_>, was: DeviceId, seq: u64, fate: &Fate) -> Result<(), FieldError> {
    let photo = match fate {
        Fate::Again(seq, _) => int(*seq),
        Fate::Held => 0,
        Fate::Quarantine(..) => -1,
    };
    tx.prepare_cached("UPDATE photos SET seq = ?2 WHERE seq = -1 - ?1")?.execute((int(seq), photo))?;
    match fate {
        Fate::Held => {}
        Fate::Again(_, hash) => {
            tx.prepare_cached("UPDATE former SET again = ?3 WHERE device = ?1 AND seq = ?2")?.execute((
                was.0,
                int(seq),
                hash.0,
            ))?;
        }
        Fate::Quarantine(code, detail) => {
            let sql = "UPDATE former SET state = 2, refused_code = ?3, refused_detail = ?4
                       WHERE device = ?1 AND seq = ?2";
            tx.prepare_cached(sql)?.execute((was.0, int(seq), code, detail))?;
        }
    }
    Ok(())
}

/// Writes an entry's words again on what is here now. What cannot be is quarantined with the reason;
/// an error is the store's own, and ends the transaction.
fn write_again(
    tx: &Transaction<'_>,
    (device, actor): (DeviceId, ActorId),
    old: &Stored,
) -> Result<Fate, FieldError> {
    let new = || Ok(Document::new(old.doc.kind));
    let kept = docs::kept(tx, old.doc)?.map_or_else(new, |kept| kept.document().map(|(doc, _)| doc));
    let drafted = match kept {
        Ok(mut doc) => {
            docs::apply_pending(tx, old.doc, &mut doc)?;
            draft(&mut doc, actor, old)
        }
        Err(why) => Err(why),
    };
    let (before, change) = match drafted {
        Ok(Some(drafted)) => drafted,
        // The words are true already.
        Ok(None) => return Ok(Fate::Held),
        Err(why) => return Ok(Fate::Quarantine(NOT_REWRITTEN.to_owned(), why.to_string())),
    };
    let chain = meta::chain(tx)?;
    let header = Header {
        device,
        seq: chain.seq.saturating_add(1),
        prev: chain.head,
        change: Hash(chunk_hash(&change)),
        ..before
    };
    let hash = entries::append(tx, &header, &change)?;
    Ok(Fate::Again(header.seq, hash))
}

/// Makes the change that says an entry's words once more, with the header of the first; `None` when they
/// are already true of the document.
fn draft(doc: &mut Document, actor: ActorId, old: &Stored) -> Result<Option<(Header, Vec<u8>)>, FieldError> {
    let facts = chunk::read_change(&old.change, &limits::DEVICE_CHANGE).map_err(FieldError::corrupt)?;
    let before = Header::from_bytes(&old.header).map_err(FieldError::corrupt)?;
    let edits: Vec<Edit> = facts.ops.into_iter().map(|op| edit(op.key, op.action)).collect();
    let stamp = Stamp { actor, worker: facts.message.unwrap_or_default(), hlc: Hlc(facts.time) };
    let change =
        guarded(|| doc.edit(&stamp, &edits))?.map_err(|e| FieldError::invalid("edits", e.to_string()))?;
    let Some(change) = change else { return Ok(None) };
    chunk::read_change(&change, &limits::DEVICE_CHANGE)
        .map_err(|e| FieldError::invalid("edits", e.code()))?;
    Ok(Some((before, change)))
}

fn edit(key: String, action: OpAction) -> Edit {
    match action {
        OpAction::Set(scalar) => Edit::set(key, scalar),
        OpAction::Delete => Edit::Remove(key),
    }
}

/// Lists the entries of chains that ended.
pub(crate) fn all(conn: &Connection) -> Result<Vec<Former>, FieldError> {
    let mut statement =
        conn.prepare_cached("SELECT device, seq, hash, again FROM former ORDER BY device, seq")?;
    let mut rows = statement.query([])?;
    let mut out = Vec::new();
    while let Some(r) = rows.next()? {
        let again: Option<[u8; 32]> = r.get(3)?;
        out.push(Former {
            device: DeviceId(r.get(0)?),
            seq: super::uint(r.get(1)?),
            hash: Hash(r.get(2)?),
            again: again.map(Hash),
        });
    }
    Ok(out)
}
