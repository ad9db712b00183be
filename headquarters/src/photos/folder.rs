//! The folder of photo files, by content.
//!
//! `photos/ab/<hash>` is a whole file, `photos/incoming/<upload id>` one on its way.
//!
//! Invariant: a file under its hash has that hash and is durable, name and all, before anybody
//! is told; it is never removed because a row is missing. How much of an upload is here is the
//! length of its file and nothing else, so no crash can make the two differ. Rejected: offsets in
//! the database, which cost a commit per part and lie after a power cut.

use lanewalk_model::{id::Hash, photo::FileRef};
use lanewalk_protocol::upload::UploadId;
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

const INCOMING: &str = "incoming";

/// Why the folder did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The upload stands elsewhere.
    #[error("the upload stands at {is}")]
    WrongOffset {
        /// Bytes that are here.
        is: u64,
    },
    /// No room; what was here is still here.
    #[error("no room for photos")]
    Full,
    /// The bytes are not what they are called; they are thrown away.
    #[error("the file is not what its hash says")]
    Mismatch,
    /// Anything else.
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for FolderError {
    fn from(e: io::Error) -> Self {
        match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full
            }
            _ => Self::Io(e),
        }
    }
}

/// The folder. Cheap to clone; its methods do IO and may be called from any thread.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    /// Room that photos leave on the disk, bytes.
    keep_free: u64,
}

impl Folder {
    /// Returns the folder that belongs to a database: `photos` beside it. Does no IO.
    pub fn beside(database: &Path, keep_free: u64) -> Self {
        Self { root: database.with_file_name("photos"), keep_free }
    }

    /// Returns a folder of this layout elsewhere, such as a backup's. Does no IO.
    pub(crate) fn at(root: PathBuf) -> Self {
        Self { root, keep_free: 0 }
    }

    /// Returns the path of the folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns where a whole file is or would be.
    pub fn path(&self, sha256: Hash) -> PathBuf {
        place(&self.root, sha256)
    }

    fn incoming(&self, id: UploadId) -> PathBuf {
        self.root.join(INCOMING).join(id.to_string())
    }

    /// Says whether a whole file is here, by its length; its bytes were checked when it came.
    pub fn holds(&self, file: FileRef) -> bool {
        fs::metadata(self.path(file.sha256)).is_ok_and(|m| m.is_file() && m.len() == file.bytes)
    }

    /// Returns how many bytes of an upload are here; 0 when none.
    pub fn length(&self, id: UploadId) -> Result<u64, FolderError> {
        match fs::metadata(self.incoming(id)) {
            Ok(m) => Ok(m.len()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(e) => Err(e.into()),
        }
    }

    /// Appends bytes at an offset, which must be the end, and returns the new end. Not durable yet:
    /// the hash over the whole file finds what a power cut took. Afterwards either all bytes are
    /// here or none.
    pub fn append(&self, id: UploadId, offset: u64, bytes: &[u8]) -> Result<u64, FolderError> {
        fs::create_dir_all(self.root.join(INCOMING))?;
        if fs4::available_space(&self.root)? < self.keep_free.saturating_add(bytes.len() as u64) {
            return Err(FolderError::Full);
        }
        let path = self.incoming(id);
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        let is = file.seek(SeekFrom::End(0))?;
        if is != offset {
            return Err(FolderError::WrongOffset { is });
        }
        if let Err(e) = file.write_all(bytes) {
            file.set_len(offset)?;
            return Err(e.into());
        }
        Ok(offset.saturating_add(bytes.len() as u64))
    }

    /// Checks a complete upload and puts it under its hash, durably. A file that is there already
    /// is replaced by these checked bytes. On [`FolderError::Mismatch`] the upload is empty.
    pub fn finish(&self, id: UploadId, file: FileRef) -> Result<(), FolderError> {
        let from = self.incoming(id);
        let opened = File::open(&from)?;
        if hash(&opened)? != file {
            drop(opened);
            fs::remove_file(&from)?;
            return Err(FolderError::Mismatch);
        }
        opened.sync_all()?;
        let to = self.path(file.sha256);
        settle(&from, &to)?;
        Ok(sync_names(&from, NAMES)?)
    }

    /// Checks a whole file that no row tells of, as after a restore of the database alone. Returns
    /// false when there is none; one that is not what its name says is removed.
    pub fn adopt(&self, file: FileRef) -> Result<bool, FolderError> {
        let path = self.path(file.sha256);
        let opened = match File::open(&path) {
            Ok(opened) => opened,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(e.into()),
        };
        let is = hash(&opened)?;
        // Left where it is: an upload that finishes puts the right one in its place.
        if is.sha256 != file.sha256 {
            return Ok(false);
        }
        opened.sync_all()?;
        sync_names(&path, NAMES)?;
        Ok(is == file)
    }

    /// Throws the bytes of an upload away.
    pub fn remove(&self, id: UploadId) -> Result<(), FolderError> {
        match fs::remove_file(self.incoming(id)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e.into()),
            _ => Ok(()),
        }
    }

    /// Reads a whole file of at most `most` bytes; `None` when it is not here or longer.
    pub fn read(&self, sha256: Hash, most: u64) -> Result<Option<Vec<u8>>, FolderError> {
        let file = match File::open(self.path(sha256)) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok((bytes.len() as u64 <= most).then_some(bytes))
    }

    /// Removes the files of uploads that `open` does not know, and returns how many.
    pub fn sweep(&self, open: impl Fn(UploadId) -> bool) -> Result<u64, FolderError> {
        let entries = match fs::read_dir(self.root.join(INCOMING)) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(e) => return Err(e.into()),
        };
        let mut removed = 0;
        for entry in entries {
            let entry = entry?;
            let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if !id.is_some_and(&open) && entry.file_type()?.is_file() {
                fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Puts a file into a backup folder of the same layout: a hard link where that is possible, else
    /// a copy that is checked. Returns false when the file is missing here or damaged. The names are
    /// durable after `sync_all`, once for all files.
    pub fn back_up(&self, file: FileRef, to: &Path) -> Result<bool, FolderError> {
        let (from, to) = (self.path(file.sha256), place(to, file.sha256));
        if fs::metadata(&to).is_ok_and(|m| m.len() == file.bytes) {
            return Ok(true);
        }
        // Read once, when it first enters a backup: a file that rotted since its receipt must not be
        // what lets phones go of theirs.
        match File::open(&from) {
            Ok(source) if hash(&source)? == file => {}
            Ok(_) => return Ok(false),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(e.into()),
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        if fs::hard_link(&from, &to).is_err() {
            let part = to.with_extension("part");
            fs::copy(&from, &part)?;
            let copy = File::open(&part)?;
            if hash(&copy)? != file {
                fs::remove_file(&part)?;
                return Ok(false);
            }
            copy.sync_all()?;
            fs::rename(&part, &to)?;
        }
        Ok(true)
    }
}

/// Makes every name in a folder of this layout durable.
pub(crate) fn sync_all(root: &Path) -> Result<(), FolderError> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    Ok(File::open(root)?.sync_all()?)
}

fn place(root: &Path, sha256: Hash) -> PathBuf {
    let name = sha256.to_string();
    root.join(name.get(..2).unwrap_or_default()).join(name)
}

/// Moves a checked file to its place.
fn settle(from: &Path, to: &Path) -> Result<(), FolderError> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::rename(from, to)?;
    Ok(sync_names(to, NAMES)?)
}

/// Directories that a file's name hangs on: its own, and those whose names the first upload makes.
const NAMES: usize = 3;

/// Makes the name of a file durable, and those of the directories above it: `levels` of them are written,
/// the lowest first. The working directory is not.
pub(crate) fn sync_names(path: &Path, levels: usize) -> io::Result<()> {
    let above = path.ancestors().skip(1).take(levels).filter(|name| !name.as_os_str().is_empty());
    above.into_iter().try_for_each(|directory| File::open(directory)?.sync_all())
}

/// Returns length and hash of a file.
pub(crate) fn hash(mut file: &File) -> io::Result<FileRef> {
    let (mut sha256, mut bytes, mut buffer) = (Sha256::new(), 0_u64, vec![0; 1 << 17]);
    loop {
        let n = file.read(&mut buffer)?;
        let Some(read) = buffer.get(..n).filter(|read| !read.is_empty()) else { break };
        sha256.update(read);
        bytes += read.len() as u64;
    }
    Ok(FileRef { sha256: Hash(sha256.finalize().into()), bytes })
}

#[cfg(test)]
mod tests;
