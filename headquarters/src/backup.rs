//! Copies of headquarters: making one while it runs, and becoming one.
//!
//! Invariant: the durable horizons, by which phones let go of what they hold, move only after the
//! copy was restored to a scratch place by the same function that restores after a loss, and its log
//! read line by line gave the root that the running log has. The horizon of photo files names a file
//! only when it and every file before it lie in the copy's folder. So a damaged disk frees nothing on
//! phones. A restored database is marked as a new life before it has its name: there is no moment in
//! which it could be started as if nothing had been lost. Rejected: the newest file copied as the
//! horizon, which would cover a gap before it; a check of the copy that is not a restore, which says
//! nothing about restoring.

use crate::{
    config::Source,
    error::HqError,
    hq::Headquarters,
    people::audit,
    photos::{
        self, Folder,
        folder::{sync_all, sync_names},
    },
    store::{self, Place, set_meta},
    tlog::{self, LogCheck, Tree},
};
use lanewalk_model::{id::Hash, photo::FileRef, time::TimeMs};
use lanewalk_protocol::tlog::merkle;
use rusqlite::Connection;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Key of the horizon of files in `meta`.
pub(crate) const FILES_HORIZON: &str = "durable_files";

/// What a restore brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// The log: its lines and the root over them.
    pub log: LogCheck,
    /// The new life of the database.
    pub epoch: u64,
    /// Photo files it knows.
    pub files: u64,
    /// Of these, the ones that the backup lacks; phones are asked for what they still have.
    pub files_missing: u64,
}

impl Headquarters {
    /// Copies the database to a file while it is in use, brings the photo files it knows into
    /// `<file>.photos`, restores the copy to a scratch folder beside it, and only then moves the
    /// durable horizons: phones may let go of what a copy holds that was restored. A copy that was
    /// there before is replaced only then. Returns the log index that the copy reaches.
    ///
    /// # Errors
    /// [`HqError::LogBroken`] when the log is not as it was written; no horizon moves.
    pub fn backup_to(&mut self, path: &Path) -> Result<u64, HqError> {
        self.sweep_uploads()?;
        let part = beside(path, ".part");
        remove_database(&part)?;
        let mut to = Connection::open(&part)?;
        rusqlite::backup::Backup::new(&self.db, &mut to)?.run_to_completion(
            512,
            std::time::Duration::ZERO,
            None,
        )?;
        to.close().map_err(|(_, e)| e)?;
        let scratch = beside(path, ".drill");
        let drilled = self.drill(&part, &scratch);
        if scratch.exists() {
            fs::remove_dir_all(&scratch)?;
        }
        let reached = drilled?;
        fs::File::open(&part)?.sync_all()?;
        let line = format!("{}  {}\n", sha256(&part)?, name_of(path));
        // While the names change hands, both the old copy and the new one are good.
        let before = fs::read_to_string(sums_of(path)).unwrap_or_default();
        write_sums(path, &(before + &line))?;
        remove_database(path)?;
        fs::rename(&part, path)?;
        write_sums(path, &line)?;
        let copy = store::open_reader(path)?;
        let files = copy_files(&self.dock.folder, &copy, path)?;
        self.act(|tx, _| {
            set_meta(tx, "durable_index", &reached.to_be_bytes())?;
            set_meta(tx, FILES_HORIZON, &files.to_be_bytes())
        })?;
        Ok(reached)
    }

    /// Restores a copy to a scratch folder and compares its log with the running one.
    fn drill(&self, copy: &Path, scratch: &Path) -> Result<u64, HqError> {
        if scratch.exists() {
            fs::remove_dir_all(scratch)?;
        }
        fs::create_dir_all(scratch)?;
        let restored = restore_database(copy, &scratch.join("hq.db"), self.core.source.as_ref())?;
        let root = merkle::root(&Tree(&self.db), restored.log.size)?;
        if root == restored.log.root {
            Ok(restored.log.size)
        } else {
            Err(HqError::LogBroken(restored.log.size))
        }
    }
}

/// Becomes headquarters as a backup holds it (F26): checks every byte of the copy against its checksum
/// and its whole log line by line, marks it as a new life, so that phones offer again what it does not know, and brings its photos. The database
/// gets its name last; before that nothing was restored. Does IO.
///
/// # Errors
/// `NotAllowed` where a database is already; [`HqError::LogBroken`] and others when the copy does not
/// hold.
pub fn restore(backup: &Path, database: &Path, source: &dyn Source) -> Result<Restored, HqError> {
    if database.exists() {
        return Err(HqError::NotAllowed(
            "这里已有数据库，请先移走 / a database is here already, move it away first".into(),
        ));
    }
    let sum = sha256(backup)?;
    let sums = fs::read_to_string(sums_of(backup))?;
    if !sums.lines().any(|line| line.split_whitespace().next() == Some(sum.as_str())) {
        return Err(HqError::Reference { what: "backup", why: format!("SHA-256 {sum}") });
    }
    let part = beside(database, ".part");
    remove_database(&part)?;
    let mut restored = restore_database(backup, &part, source)?;
    let from = Folder::at(folder_of(backup));
    let to = Folder::beside(database, 0);
    let db = store::open_reader(&part)?;
    let mut statement = db.prepare("SELECT sha256, bytes FROM files")?;
    let mut files = statement.query([])?;
    while let Some(r) = files.next()? {
        let file = FileRef { sha256: Hash(r.get(0)?), bytes: r.get(1)? };
        restored.files += 1;
        let here =
            to.holds(file) || from.back_up(file, to.root()).map_err(|e| HqError::Photos(e.to_string()))?;
        restored.files_missing += u64::from(!here);
    }
    if to.root().exists() {
        sync_all(to.root()).map_err(|e| HqError::Photos(e.to_string()))?;
    }
    drop(files);
    drop(statement);
    drop(db);
    // A log of another database beside the name would be taken for this one's.
    remove_database(database)?;
    fs::rename(&part, database)?;
    // The folder may be as new as what is in it.
    sync_names(database, 2)?;
    Ok(restored)
}

/// The file with the checksum of a copy, as `sha256sum -c` reads it: `<copy>.sha256`.
fn sums_of(copy: &Path) -> PathBuf {
    beside(copy, ".sha256")
}

fn name_of(copy: &Path) -> String {
    copy.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn sha256(file: &Path) -> Result<String, HqError> {
    Ok(photos::folder::hash(&fs::File::open(file)?)?.sha256.to_string())
}

fn write_sums(copy: &Path, text: &str) -> Result<(), HqError> {
    let part = beside(copy, ".sha256.part");
    fs::write(&part, text)?;
    fs::File::open(&part)?.sync_all()?;
    fs::rename(&part, sums_of(copy))?;
    Ok(sync_names(copy, 1)?)
}

/// Copies a backup's database, checks it whole and marks it as a new life.
fn restore_database(backup: &Path, to: &Path, source: &dyn Source) -> Result<Restored, HqError> {
    fs::copy(backup, to)?;
    let mut db = store::open(&Place::File(to.to_owned()))?;
    let verdict: String = db.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0))?;
    if verdict != "ok" {
        return Err(HqError::Reference { what: "backup", why: verdict });
    }
    let strays: i64 = db.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |r| r.get(0))?;
    if strays > 0 {
        return Err(HqError::Reference { what: "backup", why: format!("{strays} rows refer to nothing") });
    }
    let log = tlog::check_log(&db)?;
    let mut random = [0; 4];
    source.fill_random(&mut random);
    // Random, so that two restores of the same backup differ.
    let step = 1 + u64::from(u32::from_be_bytes(random));
    let tx = db.transaction()?;
    let epoch = store::meta_u64(&tx, "epoch")?.saturating_add(step);
    set_meta(&tx, "epoch", &epoch.to_be_bytes())?;
    tx.execute("INSERT INTO epochs (epoch, began) VALUES (?1, ?2)", (epoch, log.size))?;
    // Whether the photo folder is whole is not known: the next backup says.
    set_meta(&tx, FILES_HORIZON, &0_u64.to_be_bytes())?;
    tx.execute("DELETE FROM members", [])?;
    tx.execute("UPDATE devices SET scanned = 0, scan_pending = 0, page_token = 0", [])?;
    audit(&tx, TimeMs(source.now_ms()), "hq", "restored", &format!("{} / {epoch}", log.size))?;
    tx.commit()?;
    // With the last connection the WAL goes into the file.
    db.close().map_err(|(_, e)| e)?;
    fs::File::open(to)?.sync_all()?;
    Ok(Restored { log, epoch, files: 0, files_missing: 0 })
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Removes a database that nobody uses, with its WAL.
fn remove_database(path: &Path) -> Result<(), HqError> {
    for end in ["", "-wal", "-shm"] {
        match fs::remove_file(beside(path, end)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Returns the folder beside the copy of a database: `<copy>.photos`.
fn folder_of(copy: &Path) -> PathBuf {
    beside(copy, ".photos")
}

/// Brings every file that a copied database knows into the folder beside it, and returns how far
/// they reach without a gap.
fn copy_files(folder: &Folder, copied: &Connection, copy: &Path) -> Result<u64, HqError> {
    let to = folder_of(copy);
    fs::create_dir_all(&to)?;
    let mut statement = copied.prepare("SELECT n, sha256, bytes FROM files ORDER BY n")?;
    let mut files = statement.query([])?;
    let (mut reached, mut whole) = (0, true);
    while let Some(r) = files.next()? {
        let file = FileRef { sha256: Hash(r.get(1)?), bytes: r.get(2)? };
        // One that is missing does not keep those behind it out of the backup.
        whole &= folder.back_up(file, &to).map_err(|e| HqError::Photos(e.to_string()))?;
        if whole {
            reached = r.get(0)?;
        }
    }
    sync_all(&to).map_err(|e| HqError::Photos(e.to_string()))?;
    sync_names(&to, 1)?;
    Ok(reached)
}
