//! Out: what became of a neighbour's orders since the file before.
//!
//! Invariant: what changed after a file's mark is in a later one; a file that was lost can be given
//! again byte by byte under its number. Rejected: moving the mark back when a file is lost; the
//! neighbour could then not tell the second file from a forgery of the first.

use super::{Kind, MAX_LINES, Neighbour, seal};
use crate::{
    core::Core,
    error::HqError,
    hq::Headquarters,
    people::audit,
    store::{self, DocRow, StoredDoc},
};
use lanewalk_model::{order, time::TimeMs, view::DocView};
use rusqlite::{OptionalExtension as _, Transaction, params};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// Files kept to be given again.
const KEPT: u64 = 20;

/// A file that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its number.
    pub seq: u64,
    /// Records in it.
    pub lines: usize,
    /// The file.
    pub bytes: Vec<u8>,
    /// More changed than one file holds: give another.
    pub more: bool,
}

/// One record: what became of an order. Times are ISO 8601 with an offset.
#[derive(Debug, Serialize)]
struct Change<'a> {
    upstream_id: &'a str,
    state: &'a str,
    /// `open` or `closed`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lead_unit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_due: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    submitted_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_at: Option<String>,
}

fn change<'a>(view: &'a DocView) -> Change<'a> {
    let time = |key: &str| view.int(key).map(|at| iso(TimeMs(at)));
    let text = |key: &str| view.text(key).filter(|t| !t.is_empty());
    let state = order::state(view);
    Change {
        upstream_id: text("upstream_id").unwrap_or_default(),
        state: text("state").unwrap_or(state.id()),
        status: if state.is_open() { "open" } else { "closed" },
        lead_unit: text("lead_unit"),
        due: time("internal_due"),
        upstream_due: time("upstream_due"),
        // A draft is nobody's answer yet: it counts from submission on.
        reply: text("reply_text").filter(|_| view.int("submitted_at").is_some()),
        outcome: text("outcome"),
        submitted_at: time("submitted_at"),
        closed_at: time("closed_at"),
        changed_at: order::steps(view).iter().map(|(_, s)| s.at).max().map(iso),
    }
}

fn iso(at: TimeMs) -> String {
    at.china_with("%Y-%m-%dT%H:%M:%S+08:00")
}

impl Headquarters {
    /// Makes the next file for a neighbour; `None` when nothing changed.
    pub fn give_file(&mut self, neighbour: &str, by: &str) -> Result<Option<Given>, HqError> {
        self.act(|tx, core| {
            let to = Neighbour::named(tx, neighbour)?;
            let seq = to.last(tx, false)?.saturating_add(1);
            let (records, mark, more) = changed(tx, &to, MAX_LINES)?;
            if records.is_empty() {
                return Ok(None);
            }
            let now = core.now().0;
            let bytes = core.sealed(&to, seq, now, &records)?;
            let lines = records.len();
            tx.execute(
                "INSERT INTO exchange_files (neighbour, taken, seq, at, by, sha256, lines, mark, bytes)
                 VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![to.id, seq, now, by, Sha256::digest(&bytes).as_slice(), lines, mark, bytes],
            )?;
            tx.execute(
                "UPDATE exchange_files SET bytes = NULL WHERE neighbour = ?1 AND taken = 0 AND seq <= ?2",
                params![to.id, seq.saturating_sub(KEPT)],
            )?;
            audit(tx, TimeMs(now), by, "exchange_give", &format!("{} {seq}", to.name))?;
            Ok(Some(Given { seq, lines, bytes, more }))
        })
    }

    /// Gives a file of the last twenty again.
    pub fn give_again(&mut self, neighbour: &str, seq: u64, by: &str) -> Result<Given, HqError> {
        self.act(|tx, core| {
            let to = Neighbour::named(tx, neighbour)?;
            let found: Option<(Option<Vec<u8>>, usize)> = tx
                .query_row(
                    "SELECT bytes, lines FROM exchange_files WHERE neighbour = ?1 AND taken = 0 AND seq = ?2",
                    params![to.id, seq],
                    |r| Ok((r.get(0)?, r.get(1)?)),
                )
                .optional()?;
            let Some((Some(bytes), lines)) = found else {
                return Err(HqError::NotAllowed(format!(
                    "第 {seq} 号文件已不在 / file {seq} is not kept any more"
                )));
            };
            audit(tx, core.now(), by, "exchange_give_again", &format!("{} {seq}", to.name))?;
            Ok(Given { seq, lines, bytes, more: false })
        })
    }
}

impl Core {
    fn sealed(&self, to: &Neighbour, seq: u64, now: i64, records: &[String]) -> Result<Vec<u8>, HqError> {
        seal(&*self.signer, Kind::Changes, &to.key, seq, now, records)
            .map_err(|e| HqError::Reference { what: "signing key", why: e.to_string() })
    }
}

/// Reads what changed since the last file, of at most so many orders: records, the new mark,
/// whether there is more.
pub(super) fn changed(
    tx: &Transaction<'_>,
    to: &Neighbour,
    most: usize,
) -> Result<(Vec<String>, u64, bool), HqError> {
    let since: u64 = tx
        .prepare_cached(
            "SELECT coalesce(max(mark), 0) FROM exchange_files WHERE neighbour = ?1 AND taken = 0",
        )?
        .query_row([to.id], |r| r.get(0))?;
    let mut statement = tx.prepare_cached(
        "SELECT l.idx, l.doc FROM log l JOIN arrivals a ON a.doc = l.doc JOIN upstream u ON u.doc = l.doc
         WHERE l.idx > ?1 AND l.refused IS NULL AND (?2 OR a.source = ?3) ORDER BY l.idx",
    )?;
    let mut rows = statement.query(params![since, to.all_of, to.name])?;
    let (mut docs, mut mark, mut more) = (BTreeSet::new(), store::log_end(tx)?, false);
    while let Some(r) = rows.next()? {
        let (idx, doc): (u64, i64) = (r.get(0)?, r.get(1)?);
        if docs.len() >= most && !docs.contains(&doc) {
            (mark, more) = (idx.saturating_sub(1), true);
            break;
        }
        docs.insert(doc);
    }
    let mut records = Vec::with_capacity(docs.len());
    for doc in docs {
        let Some(row) = DocRow::by_number(tx, doc)? else { continue };
        let Some(stored) = StoredDoc::find(tx, row.id)? else { continue };
        records.push(serde_json::to_string(&change(&stored.view()?)).unwrap_or_default());
    }
    Ok((records, mark, more))
}
