//! Headquarters' database: opening, and the small queries everything else is made of.
//!
//! Invariant: functions that write take `&Transaction`; whoever holds one holds the only
//! writer. Rejected: an ORM or a pool; one connection is the whole concurrency there is.

mod docs;
mod log;
mod people;
mod readers;
mod reference;

pub use docs::{DocRow, StoredDoc};
pub(crate) use docs::{FACT_COLUMNS, put as docs_put};
pub(crate) use log::LogRow;
pub use people::DeviceRow;
pub(crate) use people::{holders, subject};
pub(crate) use readers::Readers;
pub(crate) use reference::reference;

use crate::error::HqError;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use std::path::Path;

/// Where the database is.
#[derive(Debug, Clone)]
pub enum Place {
    /// A file; WAL, `-shm` and the folder `photos` lie beside it.
    File(std::path::PathBuf),
}

const SCHEMA_VERSION: i64 = 1;
/// "LWHQ".
const APPLICATION_ID: i64 = 0x4C57_4851;
/// One file per room; nothing is released yet, so version 1 still changes in place.
const MIGRATIONS: &[&str] = &[concat!(
    include_str!("schema/core.sql"),
    include_str!("schema/people.sql"),
    include_str!("schema/watch.sql"),
    include_str!("schema/figures.sql"),
    include_str!("schema/ahead.sql"),
    include_str!("schema/exchange.sql"),
)];

/// Pragma, value, why.
const PRAGMAS: &[(&str, &str, &str)] = &[
    ("journal_mode", "WAL", "readers of the console never wait for the writer"),
    ("synchronous", "FULL", "a receipt is a promise that survives a power cut"),
    ("foreign_keys", "ON", ""),
    ("busy_timeout", "5000", "a backup may hold the file for a moment"),
    (
        "cache_size",
        "-64000",
        "64 MB: the indexes of ten times a half year; with 16 MB an import read its pages again and again",
    ),
    ("temp_store", "MEMORY", "nothing personal in temporary files"),
    ("secure_delete", "ON", "erased means overwritten"),
    ("journal_size_limit", "16777216", "a log that grew behind a long reader becomes short again"),
];

/// Opens or creates the database and brings it to the current schema.
pub fn open(place: &Place) -> Result<Connection, HqError> {
    let Place::File(path) = place;
    let mut db = Connection::open(path)?;
    for (name, value, _) in PRAGMAS {
        db.pragma_update(None, name, value)?;
    }
    db.set_prepared_statement_cache_capacity(128);
    let found: i64 = db.pragma_query_value(None, "user_version", |r| r.get(0))?;
    if found > SCHEMA_VERSION {
        return Err(HqError::NewerSchema { found, known: SCHEMA_VERSION });
    }
    for (step, sql) in (1_i64..).zip(MIGRATIONS).filter(|(step, _)| *step > found) {
        let tx = db.transaction()?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", step)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.commit()?;
    }
    Ok(db)
}

/// Begins a transaction. What one that could not even be rolled back left is ended first: memory may
/// have run out just there, and nothing would begin on this connection ever again.
pub(crate) fn begin(db: &mut Connection, behavior: TransactionBehavior) -> Result<Transaction<'_>, HqError> {
    if !db.is_autocommit() {
        db.execute_batch("ROLLBACK")?;
    }
    Ok(db.transaction_with_behavior(behavior)?)
}

/// Opens a second, read-only connection for the console.
pub fn open_reader(path: &Path) -> Result<Connection, HqError> {
    let db = Connection::open_with_flags(
        path,
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    db.pragma_update(None, "busy_timeout", 5000)?;
    db.pragma_update(None, "cache_size", -8000)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(db)
}

/// Reads a meta value.
pub fn meta(db: &Connection, key: &str) -> Result<Option<Vec<u8>>, HqError> {
    Ok(db
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |r| r.get(0))
        .optional()?)
}

/// Writes a meta value.
pub fn set_meta(tx: &Transaction<'_>, key: &str, value: &[u8]) -> Result<(), HqError> {
    tx.prepare_cached("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value")?
        .execute(params![key, value])?;
    Ok(())
}

/// Reads a meta number, 0 when absent.
pub fn meta_u64(db: &Connection, key: &str) -> Result<u64, HqError> {
    Ok(meta(db, key)?.and_then(|v| v.try_into().ok()).map_or(0, u64::from_be_bytes))
}

/// Returns when the newest entry came in, UTC ms; 0 for an empty log.
pub(crate) fn last_received(db: &Connection) -> Result<i64, HqError> {
    let mut statement =
        db.prepare_cached("SELECT received_at FROM log WHERE idx = (SELECT max(idx) FROM log)")?;
    Ok(statement.query_row([], |r| r.get(0)).optional()?.unwrap_or(0))
}

/// Returns the highest log index.
pub fn log_end(db: &Connection) -> Result<u64, HqError> {
    Ok(db.prepare_cached("SELECT coalesce(max(idx), 0) FROM log")?.query_row([], |r| r.get(0))?)
}
