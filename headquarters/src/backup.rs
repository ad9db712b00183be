//! Copies of headquarters: making one while it runs, and being one.
//!
//! Invariant: the durable horizons move only after the copy has been opened and checked, and the
//! one of photo files names a file only when it and every file before it lie in the copy's folder;
//! phones let go of what they hold by them. So a damaged disk frees nothing on phones. Rejected:
//! the newest file copied as the horizon, which would cover a gap before it.

use crate::{
    error::HqError,
    hq::Headquarters,
    photos::{Folder, folder::sync_all},
    store::{self, set_meta},
};
use lanewalk_model::{id::Hash, photo::FileRef};
use lanewalk_protocol::{batch::chunk_hash, entry::Header};
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// Key of the horizon of files in `meta`.
pub(crate) const FILES_HORIZON: &str = "durable_files";

impl Headquarters {
    /// Declares that the database was restored from a backup (F26): phones will offer again
    /// what this copy does not know.
    pub fn mark_restored(&mut self) -> Result<(), HqError> {
        let mut random = [0; 4];
        self.core.source.fill_random(&mut random);
        // Random, so that two restores of the same backup differ.
        let step = 1 + u64::from(u32::from_be_bytes(random));
        let epoch = self.core.epoch.saturating_add(step);
        let tx = self.db.transaction()?;
        set_meta(&tx, "epoch", &epoch.to_be_bytes())?;
        // Whether the photo folder was restored too is not known: the next backup says.
        set_meta(&tx, FILES_HORIZON, &0_u64.to_be_bytes())?;
        tx.execute("DELETE FROM members", [])?;
        tx.execute("UPDATE devices SET scanned = 0, scan_pending = 0, page_token = 0", [])?;
        tx.commit()?;
        self.core.epoch = epoch;
        Ok(())
    }

    /// Copies the database to a file while it is in use, opens and checks the copy, brings the photo
    /// files it knows into `<file>.photos`, and only then moves the durable horizons: phones may
    /// let go of what a verified copy holds. Returns the log index that the copy reaches.
    pub fn backup_to(&mut self, path: &Path) -> Result<u64, HqError> {
        self.sweep_uploads()?;
        let mut to = Connection::open(path)?;
        rusqlite::backup::Backup::new(&self.db, &mut to)?.run_to_completion(
            512,
            std::time::Duration::ZERO,
            None,
        )?;
        drop(to);
        let copy = store::open_reader(path)?;
        let verdict: String = copy.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0))?;
        if verdict != "ok" {
            return Err(HqError::Reference { what: "backup", why: verdict });
        }
        entries_whole(&copy)?;
        let reached = store::log_end(&copy)?;
        let files = copy_files(&self.dock.folder, &copy, path)?;
        self.act(|tx, _| {
            set_meta(tx, "durable_index", &reached.to_be_bytes())?;
            set_meta(tx, FILES_HORIZON, &files.to_be_bytes())
        })?;
        Ok(reached)
    }
}

/// Compares every entry of a copied log with its own hash: the database has no sums over its pages, so
/// a sector that rotted inside an entry passes `integrity_check`.
fn entries_whole(copied: &Connection) -> Result<(), HqError> {
    let mut statement = copied.prepare("SELECT idx, hash, header, change FROM log")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (hash, change): (Hash, Hash) =
            (Hash(row.get(1)?), Hash(chunk_hash(row.get_ref(3)?.as_blob().unwrap_or_default())));
        let header = Header::from_bytes(row.get_ref(2)?.as_blob().unwrap_or_default());
        if !header.is_ok_and(|header| header.hash() == hash && header.change == change) {
            let why = format!("entry {} of the log is damaged", row.get::<_, u64>(0)?);
            return Err(HqError::Reference { what: "backup", why });
        }
    }
    Ok(())
}

/// Returns the folder beside the copy of a database: `<copy>.photos`.
fn folder_of(copy: &Path) -> PathBuf {
    let mut name = copy.as_os_str().to_owned();
    name.push(".photos");
    name.into()
}

/// Brings every file that a copied database knows into the folder beside it, and returns how far
/// they reach without a gap.
fn copy_files(folder: &Folder, copied: &Connection, copy: &Path) -> Result<u64, HqError> {
    let to = folder_of(copy);
    std::fs::create_dir_all(&to)?;
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
    if let Some(parent) = to.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::File::open(parent)?.sync_all()?;
    }
    Ok(reached)
}
