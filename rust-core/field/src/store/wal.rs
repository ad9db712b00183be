//! Which write-ahead log belongs to which database, and when it is written back.
//!
//! SQLite takes any log whose sums hold for that of the database beside it, also one of another day
//! (files copied one by one, a backup put over a store that was in use): pages of two days would lie
//! among each other, each with a checksum that fits. So every commit is numbered, and the row with its
//! number says at which commit the log was begun (F4).
//!
//! Invariant: the commit in the database alone is at least the one at which the log beside it was begun
//! and at most the log's last. A crash within writing back keeps that, since what is written back was
//! synced in the log first. Rejected: the log's own salts, drawn anew at each opening; SQLite's change
//! counter, written only with the first page; SQLite's automatic checkpoint, which does not tell when
//! the log begins anew.

use super::{StoreKey, meta, open};
use crate::error::FieldError;
use rusqlite::{Connection, Transaction};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
};

/// Frames in the log from which on it is written back after a commit; 4 MiB, SQLite's own number.
const FRAMES: i32 = 1_000;

/// Number of the last commit, and of the one at which the log was begun.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Mark {
    commit: u64,
    base: u64,
}

impl Mark {
    /// Reads it in whatever a connection sees, an empty file too.
    fn of(conn: &Connection) -> Result<Self, FieldError> {
        let made = "SELECT count(*) FROM sqlite_master WHERE name = 'meta'";
        match conn.query_row(made, [], |r| r.get(0))? {
            0 => Ok(Self::default()),
            _ => Self::read(conn),
        }
    }

    /// Reads the row; a store of an older build has none.
    fn read(conn: &Connection) -> Result<Self, FieldError> {
        let row = meta::get(conn, meta::key::COMMIT)?;
        let row: Option<[u8; 16]> = row.and_then(|bytes| bytes.try_into().ok());
        let row = row.map_or(0, u128::from_be_bytes);
        let half = |n: u128| u64::try_from(n & u128::from(u64::MAX)).unwrap_or(0);
        Ok(Self { commit: half(row >> 64), base: half(row) })
    }

    fn write(self, tx: &Transaction<'_>) -> Result<(), FieldError> {
        let row = u128::from(self.commit) << 64 | u128::from(self.base);
        meta::put(tx, meta::key::COMMIT, &row.to_be_bytes())
    }
}

/// What lies beside a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// No log: the database alone is the store, up to this commit.
    Nothing(u64),
    /// Its own log.
    Own,
    /// A log that ends before what the database holds, or that cannot be read over it.
    Foreign,
    /// A log that was begun after what the database holds.
    Ahead,
}

impl Beside {
    /// Looks, given a connection that reads the log too, or why there is none. Writes nothing.
    pub(super) fn look(
        path: &Path,
        key: &StoreKey,
        conn: Result<&Connection, FieldError>,
    ) -> Result<Self, FieldError> {
        let mark = conn.and_then(Mark::of);
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        if !std::fs::metadata(log).is_ok_and(|log| log.len() > 0) {
            return Ok(Self::Nothing(mark?.commit));
        }
        let alone = open::alone(path, key).and_then(|conn| Mark::of(&conn));
        match (mark, alone) {
            (Ok(mark), Ok(alone)) if alone.commit > mark.commit => Ok(Self::Foreign),
            (Ok(mark), Ok(alone)) if alone.commit < mark.base => Ok(Self::Ahead),
            // A page torn beneath the log says nothing: the log was being written over it.
            (Ok(_), _) => Ok(Self::Own),
            (Err(FieldError::Corrupt { .. } | FieldError::WrongKey), Ok(_)) => Ok(Self::Foreign),
            (Err(why), _) => Err(why),
        }
    }

    /// Turns a log that is not the database's own into an error; returns the commit at which the next log
    /// begins, where none lies there.
    pub(super) fn own(self) -> Result<Option<u64>, FieldError> {
        match self {
            Self::Nothing(commit) => Ok(Some(commit)),
            Self::Own => Ok(None),
            Self::Foreign => Err(FieldError::corrupt("the write-ahead log is not this database's")),
            Self::Ahead => Err(FieldError::corrupt("the database is older than its write-ahead log")),
        }
    }
}

/// The writer's view of its log.
#[derive(Debug)]
pub(super) struct Log {
    frames: Arc<AtomicI32>,
    /// The commit up to which all of it is in the database: at the next one it may begin anew.
    whole: Option<u64>,
}

impl Log {
    /// Watches a writing connection; `whole` as [`Beside::own`] says. SQLite writes nothing back by
    /// itself from now on, except at closing.
    pub(super) fn watch(conn: &mut Connection, whole: Option<u64>) -> Result<Self, FieldError> {
        let frames = Arc::new(AtomicI32::new(0));
        let seen = frames.clone();
        conn.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            seen.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self { frames, whole })
    }

    /// Numbers the commit that this transaction becomes.
    pub(super) fn number(&self, tx: &Transaction<'_>) -> Result<u64, FieldError> {
        let Mark { commit, base } = Mark::read(tx)?;
        let mark = Mark { commit: commit.saturating_add(1), base: self.whole.unwrap_or(base) };
        mark.write(tx)?;
        Ok(mark.commit)
    }

    /// After a commit: writes a long log back as far as readers let it. Never waits.
    pub(super) fn committed(&mut self, conn: &Connection, commit: u64) -> Result<(), FieldError> {
        self.whole = None;
        if self.frames.load(Ordering::Relaxed) < FRAMES {
            return Ok(());
        }
        let (busy, frames, back): (i64, i64, i64) =
            conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
        self.whole = (busy == 0 && frames == back).then_some(commit);
        Ok(())
    }
}
