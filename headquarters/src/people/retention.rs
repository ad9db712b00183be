//! What is kept no longer than it may be: who asked, and care records past their date.
//!
//! Invariant: the log and the documents hold no requester, only a salted promise about the record it
//! came in; so erasing the rows and the salt (overwritten on the disk) leaves every proof as it was,
//! and an entry of its own says who erased when. Rejected: erasing orders; a count that shrinks with
//! time is no count.

use super::{audit, pairs};
use crate::{
    core::Core,
    error::HqError,
    hq::Headquarters,
    store::{self, DocRow, StoredDoc},
};
use lanewalk_model::{
    document::Edit,
    id::DocId,
    records::{ErasureRecord, to_json},
    schema::DocKind,
    time::TimeMs,
};
use rusqlite::{Connection, Transaction, params};

/// Documents one run takes on; the next run goes on.
const MOST: usize = 500;

/// What a run has to do at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Due {
    /// Requesters of orders that ended long enough ago.
    pub requesters: u64,
    /// Care records past their date that are not marked.
    pub care: u64,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Requesters erased.
    pub requesters: u64,
    /// Care records marked as expired.
    pub care: u64,
}

const ENDED: &str =
    "FROM docs d WHERE d.kind = ?1 AND d.open = 0 AND d.finished_at IS NOT NULL AND d.finished_at < ?2
    AND (EXISTS (SELECT 1 FROM requesters WHERE doc = d.n) OR EXISTS (SELECT 1 FROM payloads WHERE doc = d.n)
         OR EXISTS (SELECT 1 FROM open311_posts WHERE doc = d.n)
         OR EXISTS (SELECT 1 FROM arrivals WHERE doc = d.n AND requester IS NOT NULL))";

/// A CSV file waits so long for the clerk's decision.
const DRAFT_MS: i64 = 24 * 3_600_000;

/// Where the period stands for readers, who have no settings.
const KEEP: &str = "keep_requesters_ms";

/// Notes the period that is in force.
pub(crate) fn note_period(tx: &Transaction<'_>, keep_ms: i64) -> Result<(), HqError> {
    let keep = u64::try_from(keep_ms).unwrap_or(0);
    if store::meta(tx, KEEP)?.is_some() && store::meta_u64(tx, KEEP)? == keep {
        return Ok(());
    }
    store::set_meta(tx, KEEP, &keep.to_be_bytes())
}

/// Counts what is due.
pub fn due(db: &Connection, now: TimeMs) -> Result<Due, HqError> {
    let keep_ms = i64::try_from(store::meta_u64(db, KEEP)?).unwrap_or(i64::MAX);
    let requesters = db
        .prepare_cached(&format!("SELECT count(*) {ENDED}"))?
        .query_row(params![DocKind::Order.code(), now.0.saturating_sub(keep_ms)], |r| r.get(0))?;
    Ok(Due { requesters, care: u64::try_from(expired(db, now)?.len()).unwrap_or(u64::MAX) })
}

/// Does what is due, in the caller's transaction.
pub(crate) fn run(tx: &Transaction<'_>, core: &mut Core) -> Result<Report, HqError> {
    let now = core.now();
    let before = now.0.saturating_sub(core.settings.keep_requesters_ms);
    let ended: Vec<i64> = tx
        .prepare_cached(&format!("SELECT d.n {ENDED} LIMIT {MOST}"))?
        .query_map(params![DocKind::Order.code(), before], |r| r.get(0))?
        .collect::<Result<_, _>>()?;
    for doc in &ended {
        let done = ErasureRecord { at: now, by: "hq".into(), second: None };
        forget(tx, core, *doc, done)?;
    }
    let erased = ended.len();
    // CSV files that were looked at and not taken in.
    tx.execute("DELETE FROM import_drafts WHERE at < ?1", [now.0.saturating_sub(DRAFT_MS)])?;
    let care = expired(tx, now)?;
    for id in &care {
        core.write(tx, *id, "hq", &[Edit::set("expired", true)])?;
    }
    let report = Report {
        requesters: u64::try_from(erased).unwrap_or(u64::MAX),
        care: u64::try_from(care.len()).unwrap_or(u64::MAX),
    };
    if report != Report::default() {
        let about = format!("{} requesters, {} care records", report.requesters, report.care);
        audit(tx, now, "hq", "retention", &about)?;
    }
    Ok(report)
}

/// Erases who asked in one order: the identity, the bytes it came as with their salt, what repeats
/// are found by; and says so in the order, as an entry of headquarters' chain.
fn forget(tx: &Transaction<'_>, core: &mut Core, doc: i64, done: ErasureRecord) -> Result<(), HqError> {
    let mut erased = 0;
    for sql in [
        "DELETE FROM requesters WHERE doc = ?1",
        "DELETE FROM payloads WHERE doc = ?1",
        "DELETE FROM open311_posts WHERE doc = ?1",
        "UPDATE arrivals SET requester = NULL WHERE doc = ?1 AND requester IS NOT NULL",
    ] {
        erased += tx.prepare_cached(sql)?.execute([doc])?;
    }
    if let (true, Some(row)) = (erased > 0, DocRow::by_number(tx, doc)?) {
        let key = format!("erasure/{}", core.event());
        core.write(tx, row.id, &done.by.clone(), &[Edit::set(key, to_json(&done))])?;
    }
    Ok(())
}

/// Lists care records past their date. The latest of several dates counts: nobody loses care
/// because two people wrote at once.
fn expired(db: &Connection, now: TimeMs) -> Result<Vec<DocId>, HqError> {
    let mut statement = db.prepare_cached("SELECT id FROM docs WHERE kind = ?1 ORDER BY n")?;
    let ids = statement
        .query_map([DocKind::Care.code()], |r| r.get::<_, Vec<u8>>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    let mut out = Vec::new();
    for id in ids.iter().filter_map(|id| DocId::from_slice(id).ok()) {
        let Some(stored) = StoredDoc::find(db, id)? else { continue };
        let view = stored.view()?;
        let until = view.all("valid_to").iter().filter_map(|v| v.value.int()).max();
        if !view.flag("expired") && until.is_some_and(|t| t < now.0) {
            out.push(id);
            if out.len() == MOST {
                break;
            }
        }
    }
    Ok(out)
}

impl Headquarters {
    /// Does what is due now; `by` is the administrator who wants it.
    pub fn run_retention(&mut self, by: &str) -> Result<Report, HqError> {
        self.act(|tx, core| {
            let report = run(tx, core)?;
            audit(tx, core.now(), by, "retention_run", "")?;
            Ok(report)
        })
    }

    /// Confirms a pair's request to erase who asked in one order, and does it.
    pub fn confirm_erasure(&mut self, pair: i64, second: &str) -> Result<(), HqError> {
        self.act(|tx, core| {
            let pair = pairs::confirm(tx, core.now(), pair, second)?;
            if pair.what != "erase" {
                return Err(HqError::NotAllowed("不是删除申请 / not a request to erase".into()));
            }
            let order: DocId = pair.about.parse().map_err(|_| HqError::NotFound(pair.about.clone()))?;
            if let Some(row) = DocRow::find(tx, order)? {
                let done =
                    ErasureRecord { at: core.now(), by: pair.by.clone(), second: Some(second.to_owned()) };
                forget(tx, core, row.n, done)?;
            }
            audit(tx, core.now(), second, "erase", &pair.about)
        })
    }
}
