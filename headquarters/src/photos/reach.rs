//! Who may bring and who may read a file.
//!
//! Invariant: both follow from the visits whose accepted records name the file, by the same
//! `policy` as the visits (F43). Rejected: rights kept with the file, which would stay behind when
//! a grid changes hands.

use super::{
    rows::{self, Citation},
    stage::{Verdict, failed},
};
use crate::{
    error::Refusal,
    store::{self, DeviceRow},
};
use lanewalk_model::{
    id::Hash,
    photo::{FileRef, PhotoPart},
    policy,
    time::TimeMs,
};
use lanewalk_protocol::limits;
use rusqlite::Connection;

/// Says whether a worker's device may bring a file: a record names it in a visit that the worker
/// may read now or has written. Who took a photo delivers it, whoever holds the grid by then.
/// What a revoked device took is named by its entries in quarantine too (F29).
pub(super) fn may_bring(db: &Connection, device: &DeviceRow, file: FileRef, now: TimeMs) -> Verdict<()> {
    let worker = &device.worker;
    if file.bytes > limits::MAX_FILE_BYTES {
        return Err(Refusal::new(413, "too_large"));
    }
    let subject = store::subject(db, worker).map_err(failed)?.map(|(s, _)| s);
    let mut named = rows::citations(db, file.sha256).map_err(failed)?;
    named.retain(|Citation { visit, .. }| {
        let reads = |s| policy::may_read(s, visit.id.kind, &visit.facts, now).is_ok();
        visit.facts.author == *worker || subject.as_ref().is_some_and(reads)
    });
    let mut named: Vec<(PhotoPart, u64)> = named.iter().map(|c| (c.part, c.bytes)).collect();
    if named.is_empty() && device.revoked_at.is_some() {
        named = rows::deposited(db, device.n, file.sha256).map_err(failed)?;
    }
    if named.is_empty() {
        return Err(Refusal::new(409, "not_cited"));
    }
    named.retain(|(_, bytes)| *bytes == file.bytes && *bytes > 0);
    if named.is_empty() {
        return Err(Refusal::new(409, "wrong_length"));
    }
    let fits =
        |(part, bytes): &(PhotoPart, u64)| *part == PhotoPart::Original || *bytes <= limits::MAX_COPY_BYTES;
    if named.iter().any(fits) { Ok(()) } else { Err(Refusal::new(413, "too_large")) }
}

/// Says whether a worker's phone may be given a file: a stamped copy or a thumbnail of a visit the
/// worker may read now. What a file is counts as the first record said that named it, and a
/// record of the caller's own opens nothing that another's named first: who has kept a hash
/// cannot cite himself in.
pub(super) fn may_read(db: &Connection, worker: &str, sha256: Hash, now: TimeMs) -> Verdict<()> {
    let not_found = || Refusal::new(404, "not_found");
    let (subject, _) = store::subject(db, worker).map_err(failed)?.ok_or_else(not_found)?;
    let named = rows::citations(db, sha256).map_err(failed)?;
    if named.first().is_none_or(|first| first.part == PhotoPart::Original) {
        return Err(not_found());
    }
    let opens = |(at, Citation { visit, .. }): (usize, &Citation)| {
        let brought_by_others = at > 0 && visit.facts.author == subject.worker;
        !brought_by_others && policy::may_read(&subject, visit.id.kind, &visit.facts, now).is_ok()
    };
    let here = rows::file(db, sha256).map_err(failed)?.is_some();
    if here && named.iter().enumerate().any(opens) { Ok(()) } else { Err(not_found()) }
}
