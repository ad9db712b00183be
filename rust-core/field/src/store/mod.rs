//! The phone's store: one encrypted SQLite database.
//!
//! Invariant: exactly one connection writes, behind one lock, and every function that writes
//! takes a `&Transaction`; readers use a second connection beside it and never wait for a sync.
//! The cache of open documents belongs to the writer and is emptied by every transaction that
//! fails. Rejected: a connection pool, which brings SQLITE_BUSY into a single process.

mod cache;
pub(crate) mod docs;
pub(crate) mod entries;
pub(crate) mod former;
pub(crate) mod list;
pub(crate) mod meta;
mod migrate;
mod open;
pub(crate) mod photos;
pub(crate) mod salvage;
mod wal;

pub use former::Former;
pub use open::StoreKey;
pub use salvage::Salvaged;

pub(crate) use cache::DocCache;

use crate::error::FieldError;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The database's name in the app's directory.
const FILE: &str = "lanewalk.db";

/// How sure a commit must be before it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// On the disk: what the user was told is saved.
    Act,
    /// May vanish in a power cut as a whole: a pulled page with its cursor.
    Page,
}

struct Writer {
    link: Link,
    log: wal::Log,
    cache: DocCache,
}

impl Writer {
    fn open(path: &Path, key: &StoreKey) -> Result<Self, FieldError> {
        let (mut conn, whole) = open::writer(path, key)?;
        let log = wal::Log::watch(&mut conn, whole)?;
        Ok(Self { link: Link::new(conn), log, cache: DocCache::default() })
    }
}

/// An open connection.
struct Link {
    conn: Connection,
    /// The last call on it met the disk failing. SQLCipher refuses everything on such a connection
    /// from then on, however well the disk is again: the next call opens another.
    suspect: bool,
}

impl Link {
    fn new(conn: Connection) -> Self {
        Self { conn, suspect: false }
    }

    /// Says whether it can be used. What a transaction that could not even be rolled back left is ended
    /// first: memory may have run out just there.
    fn is_usable(&self) -> bool {
        !self.suspect && (self.conn.is_autocommit() || self.conn.execute_batch("ROLLBACK").is_ok())
    }

    fn note<T>(&mut self, done: &Result<T, FieldError>) {
        self.suspect = matches!(done, Err(FieldError::Corrupt { .. } | FieldError::Internal { .. }));
    }
}

/// The open store.
pub(crate) struct Store {
    path: PathBuf,
    key: StoreKey,
    writer: Mutex<Option<Writer>>,
    // Dropped last, and it writes no WAL back: a store whose opening failed after all keeps its bytes.
    // [`Self::pause`] writes it back.
    reader: Mutex<Option<Link>>,
}

/// Locks, also after a panic elsewhere: a transaction cut off by it was rolled back.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// Opens or creates the database in a directory.
    pub(crate) fn open(directory: &Path, key: StoreKey) -> Result<Self, FieldError> {
        std::fs::create_dir_all(directory).map_err(|e| io_error(&e))?;
        salvage::finish(directory)?;
        let store =
            Self { path: directory.join(FILE), key, writer: Mutex::new(None), reader: Mutex::new(None) };
        store.resume()?;
        Ok(store)
    }

    /// Saves what can be read of a damaged store and begins a new one with it.
    pub(crate) fn salvage(directory: &Path, key: &StoreKey) -> Result<Salvaged, FieldError> {
        salvage::run(directory, key)
    }

    /// Opens the connections if they are closed.
    pub(crate) fn resume(&self) -> Result<(), FieldError> {
        let mut writer = lock(&self.writer);
        if writer.is_none() {
            let opened = Writer::open(&self.path, &self.key)?;
            let reader = open::reader(&self.path, &self.key)?;
            *writer = Some(opened);
            *lock(&self.reader) = Some(Link::new(reader));
        }
        Ok(())
    }

    /// Writes the WAL back and closes the connections, so that nothing holds a file lock while
    /// the system has the app suspended.
    pub(crate) fn pause(&self) -> Result<(), FieldError> {
        let mut writer = lock(&self.writer);
        *lock(&self.reader) = None;
        if let Some(w) = writer.take() {
            // A failed checkpoint is no loss: the WAL stays and is read at the next open.
            let _ = w.link.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            w.link.conn.close().map_err(|(_, e)| FieldError::from(e))?;
        }
        Ok(())
    }

    /// Runs a read on the reading connection.
    pub(crate) fn read<T>(
        &self,
        run: impl FnOnce(&Connection) -> Result<T, FieldError>,
    ) -> Result<T, FieldError> {
        let mut guard = lock(&self.reader);
        let link = guard.as_mut().ok_or(FieldError::Paused)?;
        if !link.is_usable() {
            *link = Link::new(open::reader(&self.path, &self.key)?);
        }
        // One snapshot for all statements of the read.
        let out = link.conn.transaction().map_err(FieldError::from).and_then(|tx| run(&tx));
        link.note(&out);
        out
    }

    /// Removes the database of a store that was closed for good.
    pub(crate) fn destroy(&self) -> Result<(), FieldError> {
        for end in ["", "-wal", "-shm"] {
            let mut path = self.path.clone().into_os_string();
            path.push(end);
            match std::fs::remove_file(path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io_error(&e)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Runs a write in one transaction; returns only after the commit.
    pub(crate) fn write<T>(
        &self,
        durability: Durability,
        run: impl FnOnce(&Transaction<'_>, &mut DocCache) -> Result<T, FieldError>,
    ) -> Result<T, FieldError> {
        let mut guard = lock(&self.writer);
        let writer = guard.as_mut().ok_or(FieldError::Paused)?;
        if !writer.link.is_usable() {
            *writer = Writer::open(&self.path, &self.key)?;
        }
        let Writer { link, log, cache } = writer;
        let conn = &mut link.conn;
        let run = std::panic::AssertUnwindSafe(|| transact(conn, log, cache, durability, run));
        let out = std::panic::catch_unwind(run).unwrap_or_else(|_| Err(FieldError::internal("panicked")));
        if out.is_err() {
            cache.clear();
        }
        link.note(&out);
        // It is saved, whatever becomes of writing the log back.
        let (value, commit) = out?;
        if let Some(commit) = commit {
            link.suspect = log.committed(&link.conn, commit).is_err();
        }
        Ok(value)
    }

    /// Reads every page of the file and its checksums (F7); slow, for support. On a connection
    /// of its own: one that is in use checks FTS5 against a structure it remembers.
    pub(crate) fn check(&self) -> Result<(), FieldError> {
        let conn = open::reader(&self.path, &self.key)?;
        // What a crash tore in the file is whole in the WAL: written back before it is judged.
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        sound(&conn, &self.path)
    }
}

/// Reads every page through a connection. The file's own checksums are asked only when no WAL lies
/// over it: a checkpoint that was cut off leaves torn pages beneath, which nobody ever reads.
fn sound(conn: &Connection, path: &Path) -> Result<(), FieldError> {
    let verdict: String = conn.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
    if verdict != "ok" {
        return Err(FieldError::corrupt(verdict));
    }
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    if std::fs::metadata(wal).is_ok_and(|wal| wal.len() > 0) {
        return Ok(());
    }
    let broken = conn.prepare("PRAGMA cipher_integrity_check")?.exists([])?;
    if broken { Err(FieldError::corrupt("a page fails its checksum")) } else { Ok(()) }
}

/// Headquarters lives another life, or has forgotten this device: what it does not know any more is
/// offered again (F26).
pub(crate) fn offer_again(tx: &Transaction<'_>, hq_epoch: u64, known_seq: u64) -> Result<(), FieldError> {
    entries::reopen_above(tx, known_seq)?;
    photos::reopen(tx, hq_epoch)?;
    salvage::tell_again(tx)
}

/// Makes the names in a folder durable. Windows has no such call and needs none.
pub(crate) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Returns also the number of the commit; none when nothing was changed.
fn transact<T>(
    conn: &mut Connection,
    log: &wal::Log,
    cache: &mut DocCache,
    durability: Durability,
    run: impl FnOnce(&Transaction<'_>, &mut DocCache) -> Result<T, FieldError>,
) -> Result<(T, Option<u64>), FieldError> {
    // Set on the way in: whatever a write before it left behind, an act is durable.
    let level = if durability == Durability::Act { "FULL" } else { "NORMAL" };
    conn.pragma_update(None, "synchronous", level)?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = tx.total_changes();
    let value = run(&tx, cache)?;
    let commit = if tx.total_changes() == before { None } else { Some(log.number(&tx)?) };
    tx.commit()?;
    Ok((value, commit))
}

/// Turns a failure of the disk into what the shell can act on.
pub(crate) fn io_error(error: &std::io::Error) -> FieldError {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => FieldError::StorageFull,
        kind => FieldError::internal(kind),
    }
}

/// SQLite has no unsigned integers; sequence numbers and indexes stay far below the limit.
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Reads back what [`int`] wrote.
pub(crate) fn uint(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
