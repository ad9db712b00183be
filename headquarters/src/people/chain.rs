//! Whether the access log is as it was written.
//!
//! Invariant: a mark (a line's number and hash) is set only on a line up to which everything was
//! looked at; a page looks at what came after the mark, a whole check at everything, the mark too.
//! Rejected: the whole chain for every page; after years that is seconds of work for each.

use super::{
    audit,
    audit::{AuditLine, COLUMNS},
};
use crate::{error::HqError, hq::Headquarters};
use lanewalk_model::time::TimeMs;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

/// Lines after which the mark moves on.
const STEP: i64 = 1_000;
/// Lines looked at in one go of the clock; some 300,000 a second.
const MOST: i64 = 50_000;

/// The first line that is not as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// Its number.
    pub n: i64,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// The last line that had been looked at before: 0 if this check began at the first.
    pub since: i64,
    /// When everything was looked at last.
    pub whole_at: Option<TimeMs>,
    /// The first wrong line.
    pub broken: Option<Broken>,
}

/// A line up to which everything was looked at.
#[derive(Debug, Default)]
struct Mark {
    n: i64,
    hash: Vec<u8>,
    whole_at: Option<i64>,
}

fn mark(db: &Connection) -> Result<Mark, HqError> {
    let sql = "SELECT n, hash, whole_at FROM audit_mark WHERE one = 1";
    let read = |r: &rusqlite::Row<'_>| Ok(Mark { n: r.get(0)?, hash: r.get(1)?, whole_at: r.get(2)? });
    Ok(db.prepare_cached(sql)?.query_row([], read).optional()?.unwrap_or_default())
}

fn set_mark(tx: &Transaction<'_>, mark: &Mark) -> Result<(), HqError> {
    tx.prepare_cached(
        "INSERT INTO audit_mark (one, n, hash, whole_at) VALUES (1, ?1, ?2, ?3)
         ON CONFLICT (one) DO UPDATE SET n = excluded.n, hash = excluded.hash, whole_at = excluded.whole_at",
    )?
    .execute(params![mark.n, mark.hash, mark.whole_at])?;
    Ok(())
}

/// Walks from a line that is taken as right; returns the last line and its hash, or the first
/// wrong one. A line that `must` be there and is not, or not with that hash, is wrong.
fn walk(
    db: &Connection,
    from: (i64, Vec<u8>),
    most: i64,
    must: &Mark,
) -> Result<Result<(i64, Vec<u8>), Broken>, HqError> {
    let sql = format!("SELECT {COLUMNS}, hash FROM audit WHERE n > ?1 ORDER BY n LIMIT ?2");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params![from.0, most])?;
    let (mut last, mut before) = from;
    while let Some(r) = rows.next()? {
        let (line, hash): (_, Vec<u8>) = (AuditLine::read(r)?, r.get(10)?);
        let as_marked = line.n != must.n || hash == must.hash;
        if line.n != last + 1 || line.hash(&before).as_slice() != hash || !as_marked {
            return Ok(Err(Broken { n: last + 1 }));
        }
        (last, before) = (line.n, hash);
    }
    Ok(if last < must.n { Err(Broken { n: last + 1 }) } else { Ok((last, before)) })
}

/// The hash of a line as it stands; the line itself is looked at when it is the mark's.
fn hash_of(db: &Connection, n: i64) -> Result<Option<Vec<u8>>, HqError> {
    let sql = "SELECT hash FROM audit WHERE n = ?1";
    Ok(db.prepare_cached(sql)?.query_row([n], |r| r.get(0)).optional()?)
}

/// Checks what came after the mark, and the marked line itself.
pub fn check_new(db: &Connection) -> Result<Checked, HqError> {
    let mark = mark(db)?;
    let end = walk_new(db, &mark, i64::MAX)?;
    Ok(Checked { since: mark.n, whole_at: mark.whole_at.map(TimeMs), broken: end.err() })
}

fn walk_new(db: &Connection, mark: &Mark, most: i64) -> Result<Result<(i64, Vec<u8>), Broken>, HqError> {
    // The marked line is walked again, from the one before it.
    let from = match mark.n {
        0 | 1 => (0, Vec::new()),
        n => match hash_of(db, n - 1)? {
            Some(hash) => (n - 1, hash),
            None => return Ok(Err(Broken { n: n - 1 })),
        },
    };
    walk(db, from, most, mark)
}

/// Checks the whole chain, whatever the mark says.
pub fn check_chain(db: &Connection) -> Result<Option<Broken>, HqError> {
    Ok(walk(db, (0, Vec::new()), i64::MAX, &mark(db)?)?.err())
}

/// Moves the mark on over lines that are right; the clock calls it.
pub(crate) fn advance(tx: &Transaction<'_>) -> Result<(), HqError> {
    let end: i64 = tx.query_row("SELECT coalesce(max(n), 0) FROM audit", [], |r| r.get(0))?;
    let mark = mark(tx)?;
    if end - mark.n < STEP {
        return Ok(());
    }
    match walk_new(tx, &mark, MOST)? {
        Ok((n, hash)) => set_mark(tx, &Mark { n, hash, whole_at: mark.whole_at }),
        // It stays before the wrong line, so that every page tells of it.
        Err(_) => Ok(()),
    }
}

impl Headquarters {
    /// Checks the whole access log, and leaves a line about it.
    pub fn check_access_log(&mut self, by: &str) -> Result<Checked, HqError> {
        self.act(|tx, core| {
            let at = core.now();
            let known = mark(tx)?;
            let found = walk(tx, (0, Vec::new()), i64::MAX, &known)?;
            let about = found.as_ref().map_or_else(|b| format!("#{}", b.n), |_| String::new());
            if let Ok((n, hash)) = &found {
                set_mark(tx, &Mark { n: *n, hash: hash.clone(), whole_at: Some(at.0) })?;
            }
            audit(tx, at, by, if found.is_ok() { "log_whole" } else { "log_broken" }, &about)?;
            let whole_at = if found.is_ok() { Some(at) } else { known.whole_at.map(TimeMs) };
            Ok(Checked { since: 0, whole_at, broken: found.err() })
        })
    }
}
