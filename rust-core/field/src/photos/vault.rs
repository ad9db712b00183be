//! The folder of sealed files and the folder the camera writes to.
//!
//! Invariant: a file appears under its name only when all of it is on the disk (written aside,
//! synced, renamed, folder synced), and its row is written after that; so a row without its file
//! is damage, and a file without a row was never called saved (F11). Rejected: blobs in the
//! database, which would double every write through the WAL.

use super::seal::{self, FileKey, Sealed};
use crate::{
    error::FieldError,
    store::{io_error, sync_folder},
};
use lanewalk_model::{
    id::EventId,
    photo::{FileRef, FileTrouble},
};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Ending of a file that is being written.
const UNFINISHED: &str = ".part";

/// Both folders.
#[derive(Debug)]
pub(crate) struct Vault {
    sealed: PathBuf,
    camera: PathBuf,
}

impl Vault {
    /// Makes the folders inside the app's private directory.
    pub(crate) fn open(directory: &Path) -> Result<Self, FieldError> {
        let vault = Self { sealed: directory.join("photos"), camera: directory.join("camera") };
        for folder in [&vault.sealed, &vault.camera] {
            fs::create_dir_all(folder).map_err(|e| io_error(&e))?;
        }
        // A file is as safe as the name of its folder; who made that may have been killed before this.
        sync_folder(directory).map_err(|e| io_error(&e))?;
        Ok(vault)
    }

    /// Returns the folder whose disk the photos fill.
    pub(crate) fn folder(&self) -> &Path {
        &self.sealed
    }

    /// Returns where the camera must write the photo of a ticket.
    pub(crate) fn camera_path(&self, ticket: EventId) -> PathBuf {
        self.camera.join(format!("{ticket}.jpg"))
    }

    /// Says whether a path is one the camera was given.
    pub(crate) fn is_ours(&self, path: &Path) -> bool {
        path.parent() == Some(self.camera.as_path())
    }

    /// Seals what a reader gives under a name; durable when this returns.
    pub(crate) fn put(&self, name: &str, key: &FileKey, from: &mut dyn Read) -> Result<Sealed, FieldError> {
        let unfinished = self.sealed.join([name, UNFINISHED].concat());
        let written = self.write(&unfinished, name, key, from);
        if written.is_err() {
            // Best effort: the next sweep takes what stays.
            let _ = fs::remove_file(&unfinished);
        }
        written.map_err(|e| io_error(&e))
    }

    fn write(&self, unfinished: &Path, name: &str, key: &FileKey, from: &mut dyn Read) -> io::Result<Sealed> {
        let mut file = File::create(unfinished)?;
        let sealed = seal::seal(key, from, &mut file)?;
        file.sync_all()?;
        drop(file);
        fs::rename(unfinished, self.sealed.join(name))?;
        sync_folder(&self.sealed)?;
        Ok(sealed)
    }

    /// Reads a range of a file.
    pub(crate) fn read(
        &self,
        name: &str,
        key: &FileKey,
        bytes: u64,
        offset: u64,
        most: usize,
    ) -> Result<Vec<u8>, ReadFailure> {
        let mut file = File::open(self.sealed.join(name)).map_err(ReadFailure::of)?;
        seal::open_range(key, &mut file, bytes, offset, most).map_err(ReadFailure::of)
    }

    /// Hands out a whole file, decrypted, in parts of at most 1 MiB.
    pub(crate) fn unseal(
        &self,
        name: &str,
        key: &FileKey,
        bytes: u64,
        mut take: impl FnMut(&[u8]) -> Result<(), FieldError>,
    ) -> Result<(), FieldError> {
        const PART: usize = 1 << 20;
        let mut offset = 0;
        loop {
            let part = self.read(name, key, bytes, offset, PART)?;
            take(&part)?;
            offset += part.len() as u64;
            if offset >= bytes {
                return Ok(());
            }
        }
    }

    /// Reads a whole file and compares it with its name.
    pub(crate) fn check(&self, name: &str, key: &FileKey, wanted: FileRef) -> Result<(), ReadFailure> {
        let mut file = File::open(self.sealed.join(name)).map_err(ReadFailure::of)?;
        let found = seal::verify(key, &mut file, wanted.bytes).map_err(ReadFailure::of)?;
        if found.sha256 == wanted.sha256.0 { Ok(()) } else { Err(ReadFailure::Lost(FileTrouble::Altered)) }
    }

    /// Removes a file; one that is gone already is no error.
    pub(crate) fn remove(&self, name: &str) -> Result<(), FieldError> {
        remove(&self.sealed.join(name))
    }

    /// Removes the camera's open file of a ticket.
    pub(crate) fn remove_camera_file(&self, ticket: EventId) -> Result<(), FieldError> {
        remove(&self.camera_path(ticket))
    }

    /// Removes sealed files that no row holds and open files that no ticket waits for.
    pub(crate) fn sweep(
        &self,
        held: &BTreeSet<String>,
        tickets: &BTreeSet<EventId>,
    ) -> Result<(), FieldError> {
        let waited: BTreeSet<PathBuf> = tickets.iter().map(|t| self.camera_path(*t)).collect();
        for path in listed(&self.sealed)?.into_iter().chain(listed(&self.camera)?) {
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            let sealed = path.parent() == Some(self.sealed.as_path());
            let kept = if sealed { held.contains(name) } else { waited.contains(&path) };
            // What cannot be removed now stays for the next time; it must not keep the store shut.
            if !kept && path.is_file() {
                let _ = remove(&path);
            }
        }
        Ok(())
    }

    /// Removes both folders with everything in them.
    pub(crate) fn destroy(&self) -> Result<(), FieldError> {
        for folder in [&self.sealed, &self.camera] {
            match fs::remove_dir_all(folder) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io_error(&e)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Says whether a file lies there; its content is checked when it is read. A disk that cannot say
    /// so now has not lost it.
    pub(crate) fn has(&self, name: &str) -> bool {
        let found = fs::metadata(self.sealed.join(name));
        !found.is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
    }
}

/// Why a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReadFailure {
    /// It will never be readable again.
    Lost(FileTrouble),
    /// The disk failed now; another time may do.
    Disk(FieldError),
}

impl ReadFailure {
    fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Lost(FileTrouble::Missing),
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Self::Lost(FileTrouble::Altered),
            _ => Self::Disk(io_error(&error)),
        }
    }
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>, FieldError> {
    let entries = fs::read_dir(folder).map_err(|e| io_error(&e))?;
    entries.map(|e| e.map(|e| e.path()).map_err(|e| io_error(&e))).collect()
}

fn remove(path: &Path) -> Result<(), FieldError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_error(&e)),
        _ => Ok(()),
    }
}
