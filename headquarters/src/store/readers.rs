//! Connections that read beside the writer, kept open between requests.
//!
//! Invariant: each is lent to one request at a time and is read-only. Rejected: one for each
//! request; opening reads the whole schema, and its statements are prepared anew.

use super::open_reader;
use crate::error::HqError;
use rusqlite::Connection;
use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

/// Connections kept while nobody reads.
const KEPT: usize = 4;

/// The readers of a database.
#[derive(Debug)]
pub(crate) struct Readers {
    database: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Makes readers of a database. Does no IO.
    pub(crate) fn new(database: PathBuf) -> Self {
        Self { database, idle: Mutex::default() }
    }

    /// Lends a reader. One whose work failed is not used again.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, HqError>,
    ) -> Result<T, HqError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut db = idle.map_or_else(|| open_reader(&self.database), Ok)?;
        let done = work(&mut db)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(db);
        }
        Ok(done)
    }
}
