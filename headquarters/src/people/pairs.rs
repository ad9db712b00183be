//! Acts that two administrators do together: one asks, another confirms.
//!
//! Invariant: who asked can never confirm; a request is good once, for a day. Rejected: a
//! "superuser" who may do it alone.

use super::audit;
use crate::{error::HqError, hq::Headquarters};
use lanewalk_model::time::TimeMs;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

/// How long a request waits for the second.
const PAIR_MS: i64 = 24 * 3_600_000;

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Number.
    pub n: i64,
    /// `export` or `erase`.
    pub what: String,
    /// What it is about.
    pub about: String,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub by: String,
    /// When.
    pub at: i64,
}

/// Lists what waits for a second administrator.
pub fn pairs(db: &Connection, now: TimeMs) -> Result<Vec<Pair>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT n, what, about, reason, by, at FROM pairs WHERE second IS NULL AND at > ?1 ORDER BY n LIMIT 100",
    )?;
    let rows = statement.query_map([now.0 - PAIR_MS], |r| {
        Ok(Pair {
            n: r.get(0)?,
            what: r.get(1)?,
            about: r.get(2)?,
            reason: r.get(3)?,
            by: r.get(4)?,
            at: r.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Headquarters {
    /// Asks for an act that needs two.
    pub fn ask_pair(&mut self, what: &str, about: &str, reason: &str, by: &str) -> Result<(), HqError> {
        self.act(|tx, core| {
            if reason.chars().count() < 4 {
                return Err(HqError::NotAllowed("请写明理由 / say why".into()));
            }
            let now = core.now();
            tx.execute(
                "INSERT INTO pairs (what, about, reason, by, at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![what, about, reason, by, now.0],
            )?;
            audit(tx, now, by, "pair_asked", &format!("{what} {about}"))
        })
    }
}

/// Confirms a request and returns it; the act itself is done in the same transaction.
pub(crate) fn confirm(tx: &Transaction<'_>, now: TimeMs, n: i64, second: &str) -> Result<Pair, HqError> {
    let found = tx
        .query_row(
            "SELECT n, what, about, reason, by, at FROM pairs WHERE n = ?1 AND second IS NULL AND at > ?2",
            params![n, now.0 - PAIR_MS],
            |r| {
                Ok(Pair {
                    n: r.get(0)?,
                    what: r.get(1)?,
                    about: r.get(2)?,
                    reason: r.get(3)?,
                    by: r.get(4)?,
                    at: r.get(5)?,
                })
            },
        )
        .optional()?;
    let pair = found.ok_or_else(|| {
        HqError::NotAllowed("这项申请已过期或已处理 / the request is too old or already done".into())
    })?;
    if pair.by == second {
        return Err(HqError::NotAllowed(
            "申请人自己不能确认,请另一位管理员确认 / another administrator has to confirm".into(),
        ));
    }
    tx.execute("UPDATE pairs SET second = ?2, done_at = ?3 WHERE n = ?1", params![n, second, now.0])?;
    audit(tx, now, second, "pair_confirmed", &format!("{} {}", pair.what, pair.about))?;
    Ok(pair)
}
