//! What an upload request needs before the writer: who asks, and the work on the disk.
//!
//! Invariant: nothing here writes to the database or draws a nonce, so it runs beside the writer
//! on any connection; what it did to files is either a longer prefix of an upload or a checked
//! file under its hash, both of which any later request finds again. Two requests never work on
//! one upload at once. Rejected: appending on the writer thread, where one slow disk would hold up
//! every phone's sync.

use super::{
    folder::{Folder, FolderError},
    reach,
    rows::{self, State, UploadRow},
};
use crate::{
    auth::{Body, Caller, authenticate},
    config::{Settings, Source},
    error::Refusal,
};
use lanewalk_model::{
    id::{DeviceId, Hash},
    photo::FileRef,
    time::TimeMs,
};
use lanewalk_protocol::{
    http::Request,
    limits,
    upload::{
        self, Checksum, Creation, TusError, UPLOADS_PATH, UploadId, offset_of, patch_nonce, photo_of_path,
        require_media_type, require_version,
    },
};
use rusqlite::Connection;
use std::{
    collections::HashSet,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

/// Where uploads arrive. Shared by the writer and the threads beside it.
pub struct Dock {
    pub(crate) folder: Folder,
    authority: String,
    source: Arc<dyn Source>,
    /// Uploads some request is working on.
    busy: Mutex<HashSet<UploadId>>,
}

impl std::fmt::Debug for Dock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dock").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// A request that has done its work on the disk and waits for the writer.
#[derive(Debug)]
pub(crate) enum Staged {
    /// Already the answer, or one that only has to be signed.
    Refused { binding: String, refusal: Refusal, head: bool },
    /// Which extensions are spoken.
    Options,
    /// An upload to create.
    Create { caller: Box<Caller>, verdict: Result<Wish, Refusal> },
    /// A file to give out.
    Read { caller: Box<Caller>, verdict: Result<Vec<u8>, Refusal> },
    /// Work on an upload.
    Moved { asked: Asked, verdict: Result<Standing, Refusal> },
}

/// An upload a device wants to create.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(super) file: FileRef,
    pub(super) offset: u64,
    pub(super) arrived: bool,
    pub(super) body: Vec<u8>,
    pub(super) checksum: Option<Checksum>,
}

/// Whom an answer about an upload goes to.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(super) row: UploadRow,
    pub(super) device: DeviceId,
    pub(super) binding: String,
    pub(super) verb: Verb,
}

/// What was asked of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// `POST`: the one that carries a one-time nonce, so its answer gives the next.
    Create,
    /// `HEAD`.
    Look,
    /// `PATCH`.
    Append,
    /// `DELETE`.
    Delete,
}

/// Where an upload stands on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(super) offset: u64,
    /// The whole file lies checked under its hash.
    pub(super) arrived: bool,
}

/// Bytes that came with the request that created their upload.
#[derive(Debug)]
pub(crate) struct FirstBytes {
    pub(super) asked: Asked,
    pub(super) body: Vec<u8>,
    pub(super) checksum: Option<Checksum>,
}

/// The right to work on an upload, until dropped.
struct Claim<'a>(&'a Dock, UploadId);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

pub(super) type Verdict<T> = Result<T, Refusal>;

pub(super) fn failed(e: impl std::fmt::Display) -> Refusal {
    Refusal::new(503, "storage_failed").detail(e.to_string())
}

fn of_tus(e: TusError) -> Refusal {
    Refusal::new(e.status(), e.code()).detail(e.to_string())
}

fn of_folder(e: FolderError) -> Refusal {
    match e {
        FolderError::WrongOffset { is } => Refusal::new(409, "wrong_offset").detail(is.to_string()),
        FolderError::Full => Refusal::new(507, "storage_full"),
        FolderError::Mismatch => Refusal::new(460, "hash_mismatch"),
        FolderError::Io(e) => failed(e),
    }
}

impl Dock {
    pub(crate) fn new(database: &Path, settings: &Settings, source: Arc<dyn Source>) -> Self {
        Self {
            folder: Folder::beside(database, settings.keep_free),
            authority: settings.authority(),
            source,
            busy: Mutex::default(),
        }
    }

    /// Does everything about a request that needs no writer.
    pub(crate) fn stage(&self, db: &Connection, request: &Request) -> Staged {
        let head = request.method == "HEAD";
        if request.method == "OPTIONS" {
            return Staged::Options;
        }
        self.staged(db, request, Body::Whole).unwrap_or_else(|refusal| Staged::Refused {
            binding: request.binding(),
            refusal,
            head,
        })
    }

    /// Keeps what arrived of a `PATCH` whose connection ended before its body did. Nobody is left to
    /// be told, so errors are not either: the device asks with `HEAD`.
    pub(crate) fn keep_cut(&self, db: &Connection, request: &Request) {
        // With `Upload-Checksum` it is all or nothing: a part has another hash than the body.
        if request.method == "PATCH" && !request.body.is_empty() {
            let _ = self.staged(db, request, Body::Cut);
        }
    }

    fn staged(&self, db: &Connection, request: &Request, body: Body) -> Verdict<Staged> {
        if request.body.len() > limits::UPLOAD_PART_BYTES {
            return Err(Refusal::new(413, "too_large"));
        }
        let id = UploadId::of_path(&request.path);
        let file = photo_of_path(&request.path);
        let verb = match (request.method.as_str(), id, file) {
            ("POST", None, None) if request.path == UPLOADS_PATH => Verb::Create,
            ("GET", None, Some(_)) | ("HEAD", Some(_), None) => Verb::Look,
            ("PATCH", Some(_), None) => Verb::Append,
            ("DELETE", Some(_), None) => Verb::Delete,
            _ => return Err(Refusal::new(404, "not_found")),
        };
        let caller = authenticate(db, request, &self.authority, body).map_err(failed)??;
        match (id, file) {
            (Some(id), _) => self.moved(db, request, body, caller, verb, id),
            (_, Some(sha256)) => {
                let verdict = self.readable(db, &caller, sha256);
                Ok(Staged::Read { caller: Box::new(caller), verdict })
            }
            (None, None) => {
                let verdict = self.wish(db, &caller, request);
                Ok(Staged::Create { caller: Box::new(caller), verdict })
            }
        }
    }

    fn wish(&self, db: &Connection, caller: &Caller, request: &Request) -> Verdict<Wish> {
        let Creation { file } = Creation::read(&request.headers).map_err(of_tus)?;
        let checksum = upload::checksum(&request.headers).map_err(of_tus)?;
        if !request.body.is_empty() {
            require_media_type(&request.headers).map_err(of_tus)?;
        }
        reach::may_bring(db, &caller.device, file, self.now())?;
        let live = UploadRow::of_file(db, caller.device.n, file.sha256).map_err(failed)?;
        let Standing { offset, arrived } = match live.filter(|row| row.file == file) {
            Some(row) => {
                let _claim = self.claim(row.id)?;
                self.standing(db, &row)?
            }
            None => {
                let arrived = self.is_here(db, file)? || self.folder.adopt(file).map_err(of_folder)?;
                Standing { offset: 0, arrived }
            }
        };
        Ok(Wish { file, offset, arrived, body: request.body.clone(), checksum })
    }

    fn readable(&self, db: &Connection, caller: &Caller, sha256: Hash) -> Verdict<Vec<u8>> {
        reach::may_read(db, &caller.device.worker, sha256, self.now())?;
        let bytes = self.folder.read(sha256, limits::MAX_COPY_BYTES).map_err(of_folder)?;
        bytes.ok_or_else(|| Refusal::new(404, "not_found"))
    }

    fn now(&self) -> TimeMs {
        TimeMs(self.source.now_ms())
    }

    fn moved(
        &self,
        db: &Connection,
        request: &Request,
        body: Body,
        caller: Caller,
        verb: Verb,
        id: UploadId,
    ) -> Verdict<Staged> {
        let offset = match verb {
            Verb::Append => offset_of(&request.headers).map_err(of_tus)?,
            _ => 0,
        };
        let wanted = if verb == Verb::Append { patch_nonce(id, offset) } else { id.to_string() };
        if caller.nonce != wanted {
            return Err(Refusal::new(401, "nonce"));
        }
        caller.lane(self.now())?;
        let row = UploadRow::find(db, id).map_err(failed)?.filter(|row| row.device == caller.device.n);
        let row = row.ok_or_else(|| Refusal::new(404, "not_found"))?;
        require_version(&request.headers).map_err(of_tus)?;
        let over = row.state == State::Gone
            || (row.state == State::Open && row.expires_at <= self.now().0)
            || (row.state == State::Finished && verb != Verb::Look);
        if over {
            return Err(Refusal::new(410, "upload_gone"));
        }
        let _claim = self.claim(id)?;
        let verdict = match verb {
            Verb::Append => {
                require_media_type(&request.headers).map_err(of_tus)?;
                let checksum = upload::checksum(&request.headers).map_err(of_tus)?;
                self.append(db, &row, offset, &request.body, checksum, body)
            }
            Verb::Delete => {
                self.folder.remove(id).map_err(of_folder)?;
                Ok(Standing { offset: 0, arrived: false })
            }
            _ => self.standing(db, &row),
        };
        let asked = Asked { row, device: caller.device.id, binding: caller.binding, verb };
        Ok(Staged::Moved { asked, verdict })
    }

    /// Appends the bytes that came with the creation of their upload, after the writer made it.
    pub(crate) fn append_first(&self, db: &Connection, first: FirstBytes) -> Staged {
        let FirstBytes { asked, body, checksum } = first;
        let verdict = self
            .claim(asked.row.id)
            .and_then(|_claim| self.append(db, &asked.row, 0, &body, checksum, Body::Whole));
        Staged::Moved { asked, verdict }
    }

    fn append(
        &self,
        db: &Connection,
        row: &UploadRow,
        offset: u64,
        bytes: &[u8],
        checksum: Option<Checksum>,
        body: Body,
    ) -> Verdict<Standing> {
        let standing = self.standing(db, row)?;
        if standing.arrived {
            return Ok(standing);
        }
        if standing.offset != offset {
            return Err(of_folder(FolderError::WrongOffset { is: standing.offset }));
        }
        if bytes.len() as u64 > row.file.bytes - offset.min(row.file.bytes) {
            return Err(Refusal::new(413, "too_large"));
        }
        if checksum.is_some_and(|sum| !sum.matches(bytes)) {
            return Err(Refusal::new(460, "checksum_mismatch"));
        }
        let offset = self.folder.append(row.id, offset, bytes).map_err(of_folder)?;
        let complete = offset == row.file.bytes && body == Body::Whole;
        if complete {
            self.folder.finish(row.id, row.file).map_err(of_folder)?;
        }
        Ok(Standing { offset, arrived: complete })
    }

    /// Says where an upload stands, and ends what a crash, or another device with the same file,
    /// has left unfinished.
    fn standing(&self, db: &Connection, row: &UploadRow) -> Verdict<Standing> {
        let arrived = Standing { offset: row.file.bytes, arrived: true };
        if self.is_here(db, row.file)? {
            self.folder.remove(row.id).map_err(of_folder)?;
            return Ok(arrived);
        }
        let offset = self.folder.length(row.id).map_err(of_folder)?;
        if offset >= row.file.bytes {
            return match self.folder.finish(row.id, row.file) {
                Ok(()) => Ok(arrived),
                Err(FolderError::Mismatch) => Ok(Standing { offset: 0, arrived: false }),
                Err(e) => Err(of_folder(e)),
            };
        }
        if offset == 0 && self.folder.adopt(row.file).map_err(of_folder)? {
            return Ok(arrived);
        }
        Ok(Standing { offset, arrived: false })
    }

    fn is_here(&self, db: &Connection, file: FileRef) -> Verdict<bool> {
        Ok(rows::file(db, file.sha256).map_err(failed)?.is_some() && self.folder.holds(file))
    }

    fn claim(&self, id: UploadId) -> Verdict<Claim<'_>> {
        let free = self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        free.then_some(Claim(self, id)).ok_or_else(|| Refusal::new(409, "busy"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::config::SystemSource;

    #[test]
    fn one_request_at_a_time_works_on_an_upload() {
        let dock = Dock::new(Path::new("hq.db"), &Settings::default(), Arc::new(SystemSource));
        let (one, other) = (UploadId([1; 16]), UploadId([2; 16]));
        let claim = dock.claim(one).unwrap();
        assert_eq!(dock.claim(one).err(), Some(Refusal::new(409, "busy")));
        assert!(dock.claim(other).is_ok());
        drop(claim);
        assert!(dock.claim(one).is_ok());
    }
}
