//! Room for photos.
//!
//! Invariant: what is given up was promised by headquarters and lies in its verified backup;
//! originals go first, thumbnails last, oldest first; what headquarters lacks is never touched,
//! however full the disk is. Rejected: deleting by age.

use crate::{
    error::FieldError,
    facade::Field,
    store::{Durability, list, meta, meta::key, photos, uint},
};
use lanewalk_model::{id::Hash, photo::PhotoPart};
use std::collections::BTreeSet;

/// How much room photos may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageBudget {
    /// Bytes of sealed photos, about; unsent ones may exceed it.
    pub photo_bytes: u64,
    /// Bytes that must stay free on the disk before a camera opens.
    pub keep_free: u64,
}

impl Default for StorageBudget {
    fn default() -> Self {
        Self { photo_bytes: 2 << 30, keep_free: 300 << 20 }
    }
}

/// How the room for photos stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StorageReport {
    /// Bytes of photos on this phone.
    pub held: u64,
    /// Of these, bytes headquarters has not acknowledged.
    pub unsent: u64,
    /// Files headquarters has not acknowledged.
    pub unsent_files: u64,
    /// Bytes of these that headquarters is known to have already.
    pub sent: u64,
    /// Bytes that may be given up: originals, evidence copies, thumbnails.
    pub freeable: [u64; 3],
    /// Bytes free on the disk.
    pub free: u64,
}

/// What was given up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freed {
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Field {
    /// Says how the room for photos stands.
    pub fn storage(&self) -> Result<StorageReport, FieldError> {
        let free = self.inner.source.free_bytes(self.inner.vault.folder());
        self.inner.store.read(|conn| {
            let sums = photos::sums(conn)?;
            let mut freeable = [0; 3];
            for row in freeable_rows(conn)? {
                let slot = match row.part {
                    PhotoPart::Original => 0,
                    PhotoPart::Evidence => 1,
                    PhotoPart::Thumbnail => 2,
                };
                if let Some(bytes) = freeable.get_mut(slot) {
                    *bytes += row.file.bytes;
                }
            }
            Ok(StorageReport {
                held: sums.held,
                unsent: sums.unsent,
                unsent_files: sums.unsent_files,
                sent: sums.sent,
                freeable,
                free,
            })
        })
    }

    /// Gives up files until so many bytes are freed or nothing more may go.
    pub fn free_photos(&self, bytes: u64) -> Result<Freed, FieldError> {
        // Chosen and given up in one transaction: a receipt may lose its worth meanwhile (F26). Rows
        // first: a kill in between leaves files without rows, which the next sweep takes.
        let (freed, going) = self.inner.store.write(Durability::Act, |tx, _| {
            let (mut freed, mut going) = (Freed::default(), Vec::new());
            for row in freeable_rows(tx)? {
                if freed.bytes >= bytes {
                    break;
                }
                photos::give_up(tx, row.file.sha256)?;
                freed.bytes += row.file.bytes;
                freed.files += 1;
                going.push(row);
            }
            Ok((freed, going))
        })?;
        for row in &going {
            self.inner.vault.remove(&row.name)?;
        }
        Ok(freed)
    }

    /// Makes room for one more photo, or says that there is none.
    pub(super) fn make_room(&self) -> Result<(), FieldError> {
        let budget = self.inner.darkroom().settings.budget;
        let now = self.storage()?;
        let over = now.held.saturating_sub(budget.photo_bytes);
        let short = budget.keep_free.saturating_sub(now.free);
        if over.max(short) > 0 {
            self.free_photos(over.max(short))?;
        }
        let free = self.inner.source.free_bytes(self.inner.vault.folder());
        if free < budget.keep_free { Err(FieldError::StorageFull) } else { Ok(()) }
    }
}

impl Field {
    /// Forgets photos whose visit left this phone, once headquarters holds every file of theirs in
    /// a verified backup (or was told that it is lost). Returns how many.
    pub(crate) fn purge_photos(&self) -> Result<u64, FieldError> {
        let inner = &self.inner;
        let (count, names) = inner.store.write(Durability::Act, |tx, _| {
            let safe: BTreeSet<_> = freeable_rows(tx)?.iter().map(|f| f.file.sha256).collect();
            let (mut count, mut names) = (0, BTreeSet::new());
            for photo in photos::photos(tx)? {
                if list::get(tx, photo.visit)?.is_some() {
                    continue;
                }
                let done = |hash: &Hash| -> Result<bool, FieldError> {
                    let row = photos::file(tx, *hash)?;
                    let lost = |f: &photos::FileRow| f.told && !inner.vault.has(&f.name);
                    Ok(safe.contains(hash) || row.is_none_or(|f| !f.held || lost(&f)))
                };
                if photo.files.iter().map(done).collect::<Result<Vec<_>, _>>()?.into_iter().all(|d| d) {
                    names.extend(photos::forget(tx, &photo)?);
                    count += 1;
                }
            }
            Ok((count, names))
        })?;
        for name in &names {
            inner.vault.remove(name)?;
        }
        Ok(count)
    }
}

fn freeable_rows(conn: &rusqlite::Connection) -> Result<Vec<photos::FileRow>, FieldError> {
    let epoch = uint(meta::get_int(conn, key::HQ_EPOCH)?);
    photos::freeable(conn, epoch, uint(meta::get_int(conn, key::DURABLE_FILES)?))
}
