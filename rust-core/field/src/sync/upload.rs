//! Photo files to headquarters, request by request, without IO on the network.
//!
//! Thumbnails first, then evidence copies, then originals as the policy allows; small files in the
//! request that creates the upload, others in parts from the offset headquarters tells.
//!
//! Invariant: a file counts as delivered only by headquarters' signed receipt for exactly its hash
//! and length; what a broken connection left at headquarters is asked for, never sent again. New
//! text ends the session, so that it does not wait behind a photo. Rejected: files inside sync
//! requests, which would make a sentence wait for megabytes.

use super::{
    Progress, SyncError, TransportError, answer,
    policy::UploadPolicy,
    request::{self, Unsigned, Way},
};
use crate::{
    facade::{Field, Inner},
    photos::vault::ReadFailure,
    store::{
        Durability, entries, meta,
        meta::key,
        photos::{self, FileRow},
    },
};
use lanewalk_model::id::Hash;
use lanewalk_protocol::{
    http::{Request, Response},
    limits,
    upload::{
        Creation, OFFSET_STREAM, TUS_VERSION, UPLOADS_PATH, UploadAnswer, UploadId, header, patch_nonce,
    },
};
use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

/// Files up to this size travel in the request that creates the upload: one round trip instead of two.
const SMALL: u64 = 64 << 10;
/// Beginnings anew for one file in one session.
const MAX_TRIES: u32 = 4;

/// What an upload session did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UploadReport {
    /// Requests sent.
    pub requests: u32,
    /// Bytes of requests: bodies and headers.
    pub bytes_up: u64,
    /// Bytes of responses: bodies and headers.
    pub bytes_down: u64,
    /// Files with a receipt from this session.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// Files headquarters had already: nothing was sent.
    pub known: u64,
    /// Files lost on this phone, found now.
    pub lost: u64,
    /// Files headquarters did not want; they stay and are offered again.
    pub refused: u64,
    /// Files the policy held back.
    pub held_back: u64,
    /// True when the session ended because new text waits.
    pub yielded: bool,
}

impl std::ops::AddAssign for UploadReport {
    /// `held_back` and `yielded` are those of the later session.
    fn add_assign(&mut self, more: Self) {
        self.requests += more.requests;
        self.bytes_up += more.bytes_up;
        self.bytes_down += more.bytes_down;
        self.files += more.files;
        self.file_bytes += more.file_bytes;
        self.known += more.known;
        self.lost += more.lost;
        self.refused += more.refused;
        (self.held_back, self.yielded) = (more.held_back, more.yielded);
    }
}

/// The file under way.
struct Work {
    row: FileRow,
    offset: Option<u64>,
    tries: u32,
    /// Checked against its hash after headquarters said that it differs.
    checked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Create,
    Head,
    Patch,
}

struct Sent {
    step: Step,
    binding: String,
}

enum Phase {
    Ready,
    Waiting(Sent),
    Done,
}

/// An upload of photo files in progress. Call [`Self::next_request`] and [`Self::receive`] in turn.
pub struct UploadSession {
    inner: Arc<Inner>,
    way: Way,
    queue: VecDeque<FileRow>,
    work: Option<Work>,
    phase: Phase,
    report: UploadReport,
    /// The end of the chain when the session began; later text makes it yield.
    written: u64,
    /// Why a file was passed over; the session's result when nothing else is left.
    unread: Option<SyncError>,
}

impl Drop for UploadSession {
    fn drop(&mut self) {
        self.inner.uploading.store(false, Ordering::Release);
    }
}

impl std::fmt::Debug for UploadSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UploadSession").field("report", &self.report).finish_non_exhaustive()
    }
}

impl Field {
    /// Sends photo files until none is left that may go; blocks on the network, never inside a lock.
    ///
    /// # Errors
    /// [`SyncError`]; what headquarters has stays there and is not sent again. A second call while
    /// one runs gives `Busy`.
    pub fn upload(
        &self,
        transport: &dyn super::Transport,
        policy: UploadPolicy,
    ) -> Result<UploadReport, SyncError> {
        let mut session = self.upload_session(policy)?;
        while let Some(request) = session.next_request()? {
            match session.receive(transport.send(request))? {
                Progress::More => {}
                Progress::Done => break,
            }
        }
        Ok(session.report())
    }

    /// Starts an upload session for a driver of its own. Ends when dropped.
    pub fn upload_session(&self, policy: UploadPolicy) -> Result<UploadSession, SyncError> {
        UploadSession::start(Arc::clone(&self.inner), policy)
    }
}

impl UploadSession {
    fn start(inner: Arc<Inner>, policy: UploadPolicy) -> Result<Self, SyncError> {
        if inner.uploading.swap(true, Ordering::AcqRel) {
            return Err(SyncError::Busy);
        }
        let begun = inner.tell_troubles().and_then(|()| {
            inner.store.read(|conn| {
                let way = Way::load(conn)?;
                let (mut queue, mut held_back) = (VecDeque::new(), 0);
                for row in photos::unsent(conn)? {
                    if policy.lets(conn, &row)? {
                        queue.push_back(row);
                    } else {
                        held_back += 1;
                    }
                }
                Ok((way, queue, held_back, meta::chain(conn)?.seq))
            })
        });
        if begun.is_err() {
            inner.uploading.store(false, Ordering::Release);
        }
        let (way, queue, held_back, written) = begun?;
        let report = UploadReport { held_back, ..UploadReport::default() };
        Ok(Self { inner, way, queue, work: None, phase: Phase::Ready, report, written, unread: None })
    }

    /// Returns what was done so far.
    pub fn report(&self) -> UploadReport {
        self.report
    }

    /// Returns the next request; `None` when nothing is left that may go now.
    pub fn next_request(&mut self) -> Result<Option<Request>, SyncError> {
        if matches!(self.phase, Phase::Waiting(_)) {
            return Err(SyncError::Protocol { detail: "a request is under way".into() });
        }
        while matches!(self.phase, Phase::Ready) {
            if self.text_waits()? {
                self.report.yielded = true;
                self.phase = Phase::Done;
                break;
            }
            let Some(work) = self.work.take().or_else(|| self.queue.pop_front().map(Work::new)) else {
                self.phase = Phase::Done;
                break;
            };
            match self.build(&work)? {
                Ok((request, sent)) => {
                    self.work = Some(work);
                    self.report.requests += 1;
                    self.report.bytes_up += answer::request_bytes(&request);
                    self.phase = Phase::Waiting(sent);
                    return Ok(Some(request));
                }
                // The file is gone: told to headquarters, and on to the next one.
                Err(ReadFailure::Lost(trouble)) => self.lose(&work, trouble)?,
                // The others may be readable: this one is tried again in the next session.
                Err(ReadFailure::Disk(error)) => self.pass_over(error.into()),
            }
        }
        // Told at the end, when everything else has gone.
        self.unread.take().map_or(Ok(None), Err)
    }

    /// Leaves a file for the next session and remembers why.
    fn pass_over(&mut self, error: SyncError) {
        self.report.refused += 1;
        self.unread.get_or_insert(error);
    }

    /// Says whether something was written since the session began.
    fn text_waits(&self) -> Result<bool, SyncError> {
        let written = self.written;
        Ok(self
            .inner
            .store
            .read(|conn| Ok(meta::chain(conn)?.seq > written && entries::first_unsent(conn)?.is_some()))?)
    }

    fn lose(&mut self, work: &Work, trouble: lanewalk_model::photo::FileTrouble) -> Result<(), SyncError> {
        self.report.lost += 1;
        self.inner
            .store
            .write(Durability::Act, |tx, _| photos::set_trouble(tx, work.row.file.sha256, trouble))?;
        Ok(self.inner.tell_troubles()?)
    }

    fn build(&self, work: &Work) -> Result<Result<(Request, Sent), ReadFailure>, SyncError> {
        let file = work.row.file;
        let bytes = |offset: u64, most: usize| {
            self.inner.vault.read(&work.row.name, &work.row.key, file.bytes, offset, most)
        };
        let tus = || vec![(header::TUS_RESUMABLE.to_owned(), TUS_VERSION.to_owned())];
        let (step, method, path, nonce, headers, body) = match (work.row.upload, work.offset) {
            (None, _) => {
                // What a broken creation brought is at headquarters, but nobody here knows where: on a
                // line that breaks, the answer to an empty creation says so, and the parts join.
                let small = file.bytes <= SMALL && !self.inner.creation_broke.load(Ordering::Relaxed);
                // Also the first bytes of a large file are read now: a file that is gone must not be announced.
                let first = match bytes(0, usize::try_from(SMALL).unwrap_or(0)) {
                    Ok(first) => first,
                    Err(failure) => return Ok(Err(failure)),
                };
                let nonce = self.inner.store.read(request::nonce)?;
                let headers = Creation { file }.headers(small);
                let body = if small { first } else { Vec::new() };
                (Step::Create, "POST", UPLOADS_PATH.to_owned(), nonce, headers, body)
            }
            (Some(id), None) => (Step::Head, "HEAD", id.path(), id.to_string(), tus(), Vec::new()),
            (Some(id), Some(offset)) => {
                let body = match bytes(offset, limits::UPLOAD_PART_BYTES) {
                    Ok(body) => body,
                    Err(failure) => return Ok(Err(failure)),
                };
                let mut headers = tus();
                headers.push((header::UPLOAD_OFFSET.to_owned(), offset.to_string()));
                headers.push(("content-type".to_owned(), OFFSET_STREAM.to_owned()));
                (Step::Patch, "PATCH", id.path(), patch_nonce(id, offset), headers, body)
            }
        };
        let unsigned = Unsigned { method, authority: &self.way.authority, path: &path, headers, body };
        let request = self.inner.sign(unsigned, &nonce, self.way.device)?;
        let binding = request.binding();
        Ok(Ok((request, Sent { step, binding })))
    }

    /// Takes the response or the failure of the request under way.
    ///
    /// # Errors
    /// Any error ends the session; start a new one to go on where headquarters is.
    pub fn receive(&mut self, response: Result<Response, TransportError>) -> Result<Progress, SyncError> {
        let Phase::Waiting(sent) = std::mem::replace(&mut self.phase, Phase::Done) else {
            return Err(SyncError::Protocol { detail: "no request is under way".into() });
        };
        let Some(work) = self.work.take() else {
            return Err(SyncError::Protocol { detail: "no file is under way".into() });
        };
        match (sent.step, &response) {
            (Step::Create, Err(_)) => self.inner.creation_broke.store(true, Ordering::Relaxed),
            // The line carries a whole part again.
            (Step::Patch, Ok(_)) => self.inner.creation_broke.store(false, Ordering::Relaxed),
            _ => {}
        }
        let response = response?;
        self.report.bytes_down += answer::response_bytes(&response);
        let answer = answer::check_upload(response, &sent.binding, &self.way.hq_key)?;
        if sent.step == Step::Create && !answer.next_nonce.is_empty() {
            let nonce = answer.next_nonce.as_bytes();
            self.inner.store.write(Durability::Page, |tx, _| meta::put(tx, key::NONCE, nonce))?;
        }
        match answer.content {
            answer::UploadContent::State(state) => self.advance(work, sent.step, state)?,
            answer::UploadContent::Refused { status, body } => {
                self.refused(work, sent.step, status, &body)?
            }
        }
        self.phase = Phase::Ready;
        Ok(Progress::More)
    }

    fn advance(&mut self, mut work: Work, step: Step, state: UploadAnswer) -> Result<(), SyncError> {
        let wrong = |detail: &str| Err(SyncError::Protocol { detail: detail.to_owned() });
        let file = work.row.file;
        if state.length != file.bytes || state.offset > state.length {
            return wrong("an upload of another length");
        }
        if let Some(receipt) = state.receipt {
            if receipt.verify(&self.way.hq_key).is_err()
                || receipt.device != self.way.device
                || receipt.file() != file
            {
                return wrong("a receipt for something else");
            }
            self.inner.store.write(Durability::Page, |tx, _| photos::set_receipt(tx, &receipt))?;
            self.report.files += 1;
            self.report.file_bytes += file.bytes;
            self.report.known += u64::from(step == Step::Create && file.bytes > SMALL);
            return Ok(());
        }
        let moved = work.offset.is_none_or(|before| state.offset > before);
        if !moved || state.offset == state.length {
            work.tries += 1;
        }
        if work.tries > MAX_TRIES {
            self.pass_over(SyncError::Protocol { detail: "an upload that does not move".into() });
            return Ok(());
        }
        // Complete without a receipt: ask again.
        work.offset = (state.offset < state.length).then_some(state.offset);
        work.row.upload = Some(state.id);
        self.note(file.sha256, work.row.upload, state.offset)?;
        self.work = Some(work);
        Ok(())
    }

    fn refused(&mut self, mut work: Work, step: Step, status: u16, body: &[u8]) -> Result<(), SyncError> {
        let error = answer::upload_error(step == Step::Head, status, body)?;
        work.tries += 1;
        let again = work.tries <= MAX_TRIES;
        match (error.code.as_str(), step) {
            ("nonce", Step::Create) if again => {}
            ("wrong_offset" | "checksum_mismatch", _) if again => work.offset = None,
            // Headquarters forgot the upload, or never heard of it: begin anew.
            ("not_found" | "upload_gone" | "nonce", _) if again => {
                (work.row.upload, work.offset) = (None, None);
                self.note(work.row.file.sha256, None, 0)?;
            }
            ("hash_mismatch", _) if again && !work.checked => {
                match self.inner.vault.check(&work.row.name, &work.row.key, work.row.file) {
                    Err(ReadFailure::Lost(trouble)) => return self.lose(&work, trouble),
                    Err(ReadFailure::Disk(error)) => {
                        self.pass_over(error.into());
                        return Ok(());
                    }
                    Ok(()) => {}
                }
                work.checked = true;
                (work.row.upload, work.offset) = (None, None);
                self.note(work.row.file.sha256, None, 0)?;
            }
            // Another request about the same upload is being worked.
            ("busy", _) => return Err(SyncError::Overloaded { retry_after_s: 1 }),
            // This file's own matter: the others go on.
            ("not_cited" | "wrong_length" | "too_large" | "hash_mismatch", _) => {
                self.report.refused += 1;
                self.note(work.row.file.sha256, None, 0)?;
                return Ok(());
            }
            _ => return Err(self.inner.refusal(error)),
        }
        self.work = Some(work);
        Ok(())
    }

    fn note(&self, sha256: Hash, upload: Option<UploadId>, sent: u64) -> Result<(), SyncError> {
        let write =
            |tx: &rusqlite::Transaction<'_>, _: &mut _| photos::set_progress(tx, sha256, upload, sent);
        Ok(self.inner.store.write(Durability::Page, write)?)
    }
}

impl Work {
    fn new(row: FileRow) -> Self {
        Self { row, offset: None, tries: 0, checked: false }
    }
}
