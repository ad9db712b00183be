//! One page of headquarters' answer, applied in one transaction.
//!
//! Invariant: after the commit the store is as if everything up to the new cursor had been
//! applied, or nothing of the page; receipts count only with a valid signature over exactly our
//! entry (law 1). Order: refusals, receipts, snapshots, changes, departures, then cursor,
//! lease and fingerprint. Rejected: several transactions per page, which a crash leaves with a
//! cursor that lies.

use super::{
    enrol::{CHAIN_GAP, FORK, UNKNOWN_DEVICE},
    witness,
};
use crate::{
    clock::{self, Now},
    error::{FieldError, guarded},
    identity,
    store::{
        DocCache, docs,
        docs::Digest,
        entries::{self, REFUSED},
        int, list, meta,
        meta::key,
        offer_again, salvage, uint,
    },
};
use lanewalk_model::{
    chunk,
    document::Document,
    id::{DocId, Hash},
    schema::DocKind,
};
use lanewalk_protocol::{
    keys::PublicKey,
    limits,
    receipt::{Receipt, Refused},
    sync::{Contradiction, Salvage, SyncResponse},
};
use rusqlite::Transaction;
use std::collections::{BTreeMap, BTreeSet};

/// Least time between two full resynchronisations after a fingerprint that differs.
const RESYNC_PAUSE_MS: i64 = 6 * 3_600_000;

/// A page with what is needed to judge it.
pub(super) struct Page<'a> {
    pub(super) response: &'a SyncResponse,
    pub(super) hq_key: &'a PublicKey,
    /// Documents asked for by name in the request.
    pub(super) asked: &'a [DocId],
    /// What the request told of headquarters' log.
    pub(super) told: Option<&'a Contradiction>,
    /// What the request told of a damaged store.
    pub(super) salvage: Option<&'a Salvage>,
    pub(super) next_nonce: &'a str,
    pub(super) now: Now,
}

/// What applying did.
#[derive(Debug, Default)]
pub(super) struct Applied {
    pub(super) acknowledged: u64,
    pub(super) receipts: u64,
    pub(super) refused: u64,
    pub(super) touched: BTreeSet<DocKind>,
    /// The cursor was set back, so another request is needed.
    pub(super) restarted: bool,
    pub(super) resynced: bool,
    pub(super) epoch_changed: bool,
}

struct Applier<'a> {
    tx: &'a Transaction<'a>,
    cache: &'a mut DocCache,
    digest: Digest,
    out: Applied,
}

/// Applies a page.
pub(super) fn apply(
    tx: &Transaction<'_>,
    cache: &mut DocCache,
    page: &Page<'_>,
) -> Result<Applied, FieldError> {
    let response = page.response;
    let mut applier = Applier { tx, cache, digest: Digest::load(tx)?, out: Applied::default() };
    applier.epoch(response)?;
    applier.refusals(&response.refused)?;
    for receipt in &response.receipts {
        applier.receipt(receipt, page.hq_key)?;
    }
    for snapshot in &response.snapshots {
        applier.snapshot(snapshot.doc, &snapshot.saved)?;
    }
    applier.changes(response)?;
    for id in &response.left {
        docs::forget(tx, applier.cache, &mut applier.digest, *id)?;
        docs::unwant(tx, *id)?;
        applier.out.touched.insert(id.kind);
    }
    if let Some(pair) = page.told {
        witness::reported(tx, pair)?;
    }
    if let Some(told) = page.salvage {
        salvage::told(tx, told)?;
    }
    if let Some(update) = &response.checkpoint {
        witness::take(tx, update, response.hq_epoch, page.hq_key)?;
    }
    applier.answered(page)?;
    applier.position(page)?;
    applier.compare(response)?;
    applier.digest.store(tx)?;
    Ok(applier.out)
}

impl Applier<'_> {
    /// Headquarters was restored from a backup: what it lost is pending again, and everything is
    /// compared from the start (F26).
    fn epoch(&mut self, response: &SyncResponse) -> Result<(), FieldError> {
        let known = uint(meta::get_int(self.tx, key::HQ_EPOCH)?);
        if known != 0 && known != response.hq_epoch {
            offer_again(self.tx, response.hq_epoch, response.known_seq)?;
            self.begin_sweep()?;
            self.cache.clear();
            self.out.epoch_changed = true;
        }
        meta::put_int(self.tx, key::HQ_EPOCH, int(response.hq_epoch))
    }

    fn refusals(&mut self, refused: &[Refused]) -> Result<(), FieldError> {
        let mut affected = BTreeSet::new();
        for refusal in refused {
            let Some(entry) = entries::get(self.tx, refusal.seq)? else { continue };
            if entry.hash != refusal.hash {
                meta::set_problem(self.tx, "refusal_unknown", &refusal.seq.to_string())?;
                continue;
            }
            entries::refuse(self.tx, refusal.seq, &refusal.code, &refusal.detail)?;
            if entry.state != REFUSED {
                self.out.refused += 1;
                affected.insert(entry.doc);
            }
        }
        for id in affected {
            docs::refresh(self.tx, self.cache, id)?;
            self.out.touched.insert(id.kind);
        }
        Ok(())
    }

    fn receipt(&mut self, receipt: &Receipt, hq_key: &PublicKey) -> Result<(), FieldError> {
        let device = identity::device(self.tx)?.ok_or(FieldError::NotEnrolled)?;
        let head = entries::get(self.tx, receipt.last_seq)?;
        let fits = receipt.device == device
            && receipt.first_seq <= receipt.last_seq
            && head.is_some_and(|e| e.hash == receipt.head)
            && receipt.verify(hq_key).is_ok();
        if !fits {
            // Our entries may be purged already: then it is an old receipt once more.
            let durable = uint(meta::get_int(self.tx, key::DURABLE_SEQ)?);
            if receipt.last_seq > durable {
                meta::set_problem(self.tx, "receipt_invalid", &receipt.last_seq.to_string())?;
            }
            return Ok(());
        }
        for entry in entries::range(self.tx, receipt.first_seq, receipt.last_seq)? {
            let index = receipt.log_index.saturating_add(entry.seq - receipt.first_seq);
            entries::acknowledge(self.tx, entry.seq, index)?;
            if entry.state == entries::PENDING {
                self.out.acknowledged += 1;
                if !entry.in_doc {
                    docs::confirm(self.tx, &mut self.digest, entry.doc, &entry.change, entry.change_hash)?;
                }
            }
        }
        self.out.receipts += 1;
        self.tx
            .prepare_cached(
                "INSERT OR REPLACE INTO receipts (first_seq, last_seq, hq_epoch, receipt) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((
                int(receipt.first_seq),
                int(receipt.last_seq),
                int(receipt.hq_epoch),
                minicbor::to_vec(receipt).map_err(FieldError::internal)?,
            ))?;
        Ok(())
    }

    fn snapshot(&mut self, id: DocId, saved: &[u8]) -> Result<(), FieldError> {
        let Ok((doc, heads)) = docs::read_snapshot(id, saved) else { return docs::want(self.tx, id) };
        docs::put_snapshot(self.tx, &mut self.digest, id, saved, &heads)?;
        docs::unwant(self.tx, id)?;
        self.show(id, doc)
    }

    /// Updates what depends on a confirmed document: marks, own pending changes, list row.
    fn show(&mut self, id: DocId, mut doc: Document) -> Result<(), FieldError> {
        docs::mark_contained(self.tx, id, &mut doc)?;
        drop(self.cache.take(id));
        docs::apply_pending(self.tx, id, &mut doc)?;
        let view = guarded(|| doc.view())?;
        list::put(self.tx, id, &view)?;
        self.out.touched.insert(id.kind);
        Ok(())
    }

    fn changes(&mut self, response: &SyncResponse) -> Result<(), FieldError> {
        let all = match response.changes.expand() {
            Ok(all) => all,
            Err(e) => return Err(FieldError::internal(e)),
        };
        let mut by_doc: BTreeMap<DocId, Vec<(Vec<u8>, Hash)>> = BTreeMap::new();
        for (id, change, hash) in all {
            by_doc.entry(id).or_default().push((change, hash));
        }
        for (id, changes) in by_doc {
            if !self.pull(id, &changes)? {
                docs::want(self.tx, id)?;
            }
        }
        Ok(())
    }

    /// Applies pulled changes of one document; false when something does not apply.
    fn pull(&mut self, id: DocId, changes: &[(Vec<u8>, Hash)]) -> Result<bool, FieldError> {
        let plain = |bytes: &[u8]| chunk::read_change(bytes, &limits::HQ_CHANGE).is_ok();
        if !changes.iter().all(|(bytes, _)| plain(bytes)) {
            return Ok(false);
        }
        let held = docs::confirmed(self.tx, id)?;
        let (mut doc, appended) = match docs::kept(self.tx, id)?.map(|kept| kept.document()) {
            Some(Ok(loaded)) => loaded,
            // A damaged copy is replaced by headquarters' own.
            Some(Err(_)) => return Ok(false),
            // Its content was purged here; only a snapshot brings it back.
            None if held.is_some() => return Ok(false),
            None => (Document::new(id.kind), 0),
        };
        let mut fresh: Vec<&[u8]> = Vec::new();
        for (bytes, hash) in changes {
            if !guarded(|| doc.has_change(hash))? {
                fresh.push(bytes);
            }
        }
        if fresh.is_empty() {
            return Ok(true);
        }
        if doc.apply(fresh.iter().copied()).is_err() {
            return Ok(false);
        }
        docs::append_pulled(self.tx, &mut self.digest, id, &mut doc, appended, &fresh)?;
        self.show(id, doc)?;
        Ok(true)
    }

    /// Counts the questions that this page did not answer.
    fn answered(&mut self, page: &Page<'_>) -> Result<(), FieldError> {
        for id in page.asked {
            docs::tried(self.tx, *id)?;
        }
        Ok(())
    }

    fn position(&mut self, page: &Page<'_>) -> Result<(), FieldError> {
        let response = page.response;
        if !self.out.epoch_changed {
            meta::put_cbor(self.tx, key::CURSOR, &response.cursor)?;
        }
        meta::put(self.tx, key::NONCE, page.next_nonce.as_bytes())?;
        meta::put_int(self.tx, key::DURABLE_SEQ, int(response.durable_seq))?;
        meta::put_int(self.tx, key::DURABLE_FILES, int(response.durable_files.unwrap_or(0)))?;
        // Headquarters holds entries that this store never wrote: it is a copy of the past (F27),
        // and what is written here from now on can only fork the chain.
        let written = meta::chain(self.tx)?.seq;
        if response.known_seq <= written {
            meta::clear_problem(self.tx, FORK)?;
        } else {
            meta::set_problem(
                self.tx,
                FORK,
                &[response.known_seq, written].map(|n| n.to_string()).join(" > "),
            )?;
        }
        meta::clear_problem(self.tx, UNKNOWN_DEVICE)?;
        meta::clear_problem(self.tx, CHAIN_GAP)?;
        meta::delete(self.tx, key::WAITING)?;
        meta::put_int(self.tx, key::CONTACT, response.beacon.hq_time)?;
        clock::put_beacon(self.tx, &response.beacon, page.now)?;
        if let Some(lease) = &response.lease {
            meta::put_cbor(self.tx, key::LEASE, lease)?;
            if let Some(pins) = &lease.pins {
                meta::put_cbor(self.tx, key::PINS, pins)?;
            }
            match lease.min_core.filter(|least| *least > crate::CORE) {
                Some([a, b, c]) => meta::set_problem(self.tx, "core_too_old", &format!("{a}.{b}.{c}"))?,
                None => meta::clear_problem(self.tx, "core_too_old")?,
            }
        }
        Ok(())
    }

    /// Compares fingerprints when all is pulled; a difference pulls everything once more.
    fn compare(&mut self, response: &SyncResponse) -> Result<(), FieldError> {
        if response.more || self.out.epoch_changed {
            return Ok(());
        }
        if meta::get(self.tx, key::SWEEP)?.is_some() {
            self.sweep()?;
        }
        let Some(theirs) = response.digest else { return Ok(()) };
        if theirs == self.digest.value() {
            return meta::clear_problem(self.tx, "digest_differs");
        }
        if !docs::wanted(self.tx, 1)?.is_empty() {
            return Ok(());
        }
        let detail = format!("{} of {} documents", self.digest.value().docs, theirs.docs);
        meta::set_problem(self.tx, "digest_differs", &detail)?;
        let last =
            meta::get(self.tx, key::RESYNCED)?.is_some().then(|| meta::get_int(self.tx, key::RESYNCED));
        let hq_now = response.beacon.hq_time;
        if last.transpose()?.is_some_and(|at| hq_now.saturating_sub(at) < RESYNC_PAUSE_MS) {
            return Ok(());
        }
        meta::put_int(self.tx, key::RESYNCED, hq_now)?;
        self.out.resynced = true;
        self.begin_sweep()
    }

    /// Begins a full resynchronisation: everything from the start, the documents stay meanwhile.
    fn begin_sweep(&mut self) -> Result<(), FieldError> {
        docs::begin_sweep(self.tx)?;
        self.out.restarted = true;
        Ok(())
    }

    /// Ends a full resynchronisation: what headquarters did not name has left the scope.
    fn sweep(&mut self) -> Result<(), FieldError> {
        meta::delete(self.tx, key::SWEEP)?;
        let gone: Vec<DocId> = self
            .tx
            .prepare("SELECT doc FROM docs WHERE seen = 0")?
            .query_map([], |r| entries::blob_id(r, 0, DocId::from_slice))?
            .collect::<Result<_, _>>()?;
        for id in gone {
            // What was refused stays in quarantine without its document.
            if !entries::has_unsent(self.tx, id)? {
                docs::forget(self.tx, self.cache, &mut self.digest, id)?;
                self.out.touched.insert(id.kind);
            }
        }
        Ok(())
    }
}
