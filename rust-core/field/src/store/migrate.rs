//! Numbered migrations.
//!
//! Invariant: each step is one transaction that also raises `user_version`, so an interrupted
//! migration leaves the version before it (F10). Rejected: a table of applied migrations, a
//! second place that can disagree with the schema.

use crate::error::FieldError;
use rusqlite::{Connection, TransactionBehavior};

/// Marks the file as ours ("LWLK").
pub(crate) const APPLICATION_ID: i32 = 0x4C57_4C4B;

const STEPS: [&str; 4] = [
    include_str!("migrations/0001_init.sql"),
    include_str!("migrations/0002_photos.sql"),
    include_str!("migrations/0003_witness.sql"),
    include_str!("migrations/0004_former.sql"),
];

/// Newest schema this build knows.
pub(crate) const KNOWN: u32 = STEPS.len() as u32;

/// Reads the file's schema version and refuses files that are newer or not ours.
pub(crate) fn check(conn: &Connection) -> Result<u32, FieldError> {
    let version: i64 = conn.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    let application: i32 = conn.query_row("PRAGMA application_id", [], |r| r.get(0))?;
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get(0))?;
    let found = u32::try_from(version).unwrap_or(u32::MAX);
    if found > KNOWN {
        return Err(FieldError::NewerSchema { found, known: KNOWN });
    }
    let new = found == 0 && application == 0 && tables == 0;
    if new || application == APPLICATION_ID {
        Ok(found)
    } else {
        Err(FieldError::corrupt("not a Lanewalk store"))
    }
}

/// Brings the schema from `found` to [`KNOWN`].
pub(crate) fn run(conn: &mut Connection, found: u32) -> Result<(), FieldError> {
    for (step, version) in STEPS.iter().zip(1_u32..).filter(|(_, version)| *version > found) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(step)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", version)?;
        tx.commit()?;
    }
    Ok(())
}
