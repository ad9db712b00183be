//! The writer's part of a request about photos: rows, receipts, signatures.
//!
//! Invariant: a receipt is made from a row in `files` that is committed before the answer leaves,
//! and such a row is only written for bytes that [`super::stage`] has checked. Rejected: receipts
//! from the thread that took the bytes, which knows nothing of the commit.

use super::{
    rows::{self, FileRow, State, UploadRow},
    stage::{Asked, FirstBytes, Staged, Standing, Verb, Wish},
};
use crate::{
    auth::{Caller, Lane},
    core::Core,
    error::{HqError, Refusal},
};
use lanewalk_model::{id::DeviceId, photo::FileRef};
use lanewalk_protocol::{
    http,
    keys::{Domain, sign_domain},
    limits,
    upload::{
        FileReceipt, TUS_CHECKSUMS, TUS_EXTENSIONS, TUS_VERSION, UnsignedFileReceipt, UploadAnswer, UploadId,
        header,
    },
};
use rusqlite::Transaction;

/// What the writer made of a request.
#[derive(Debug)]
pub(crate) enum Settled {
    /// The answer.
    Answer(http::Response),
    /// The upload is made; its first bytes must go to the disk, and come back.
    First(Box<FirstBytes>),
}

impl Staged {
    /// Returns what the answer is bound to, and whether it must have no body.
    pub(crate) fn bound_to(&self) -> (String, bool) {
        match self {
            Self::Refused { binding, head, .. } => (binding.clone(), *head),
            Self::Options => (String::new(), false),
            Self::Create { caller, .. } | Self::Read { caller, .. } => (caller.binding.clone(), false),
            Self::Moved { asked, .. } => (asked.binding.clone(), asked.verb == Verb::Look),
        }
    }
}

impl Core {
    /// Writes what a staged request came to and answers it.
    pub(crate) fn settle(&mut self, tx: &Transaction<'_>, staged: Staged) -> Result<Settled, HqError> {
        let answer = match staged {
            Staged::Options => options(),
            Staged::Refused { binding, refusal, head } => self.refuse_bare(&binding, &refusal, head),
            Staged::Create { caller, verdict } => match self.admitted(&caller, true, verdict) {
                Ok(wish) => return self.create_upload(tx, &caller, wish),
                Err(refusal) => self.refuse(&caller.binding, Some(caller.device.id), &refusal),
            },
            Staged::Read { caller, verdict } => match self.admitted(&caller, false, verdict) {
                Ok(bytes) => self.give(&caller, bytes),
                Err(refusal) => self.refuse(&caller.binding, Some(caller.device.id), &refusal),
            },
            Staged::Moved { asked, verdict } => match verdict {
                Ok(standing) => self.answer_upload(tx, asked, standing)?,
                Err(refusal) if asked.verb == Verb::Create => {
                    self.refuse(&asked.binding, Some(asked.device), &refusal)
                }
                Err(refusal) => self.refuse_bare(&asked.binding, &refusal, asked.verb == Verb::Look),
            },
        };
        Ok(Settled::Answer(answer))
    }

    /// A request with a one-time nonce: that first, whatever else is wrong.
    fn admitted<T>(
        &mut self,
        caller: &Caller,
        delivers: bool,
        verdict: Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        if !self.nonces.is_current(caller.device.id, &caller.nonce) {
            return Err(Refusal::new(401, "nonce"));
        }
        match caller.lane(self.now())? {
            Lane::Deposit if !delivers => Err(caller.revoked()),
            Lane::Open | Lane::Deposit => verdict,
        }
    }

    /// Refuses without a next nonce: to nobody known, or about an upload, which is its own nonce.
    /// An answer to `HEAD` has no body, so its reason is the status alone.
    pub(crate) fn refuse_bare(&mut self, binding: &str, refusal: &Refusal, head: bool) -> http::Response {
        let body = if head { Vec::new() } else { refusal.body() };
        self.respond(binding, None, refusal.status, body)
    }

    fn create_upload(
        &mut self,
        tx: &Transaction<'_>,
        caller: &Caller,
        wish: Wish,
    ) -> Result<Settled, HqError> {
        let Wish { file, mut offset, arrived, body, checksum } = wish;
        let (now, device) = (self.now(), caller.device.n);
        let mut row = UploadRow::of_file(tx, device, file.sha256)?;
        let stale =
            |row: &UploadRow| row.file != file || (row.state == State::Open && row.expires_at <= now.0);
        if let Some(mut old) = row.take_if(|row| stale(row)) {
            old.set(tx, State::Gone, now)?;
        }
        let row = match row {
            Some(row) => row,
            None => {
                if !arrived && rows::open_uploads(tx, device, now)? >= limits::MAX_OPEN_UPLOADS {
                    let refusal = Refusal::new(429, "too_many_uploads");
                    let answer = self.refuse(&caller.binding, Some(caller.device.id), &refusal);
                    return Ok(Settled::Answer(answer));
                }
                // What was measured belonged to the one that is given up.
                offset = 0;
                let mut id = [0; 16];
                self.source.fill_random(&mut id);
                UploadRow::create(tx, UploadId(id), device, file, now)?
            }
        };
        let asked =
            Asked { row, device: caller.device.id, binding: caller.binding.clone(), verb: Verb::Create };
        if arrived || offset > 0 || body.is_empty() {
            let answer = self.answer_upload(tx, asked, Standing { offset, arrived })?;
            return Ok(Settled::Answer(answer));
        }
        // Used up now, while the bytes go to the disk.
        self.next_nonce(Some(caller.device.id));
        Ok(Settled::First(Box::new(FirstBytes { asked, body, checksum })))
    }

    fn answer_upload(
        &mut self,
        tx: &Transaction<'_>,
        asked: Asked,
        standing: Standing,
    ) -> Result<http::Response, HqError> {
        let Asked { mut row, device, binding, verb } = asked;
        let now = self.now();
        let mut receipt = None;
        if standing.arrived {
            let held = rows::put_file(tx, row.file, row.device, now)?;
            if row.state != State::Finished {
                row.set(tx, State::Finished, now)?;
            }
            receipt = self.file_receipt(device, row.file, held);
        } else if verb == Verb::Delete {
            row.set(tx, State::Gone, now)?;
        } else if row.state == State::Finished {
            // The file is gone from the disk, as after a restore without it.
            row.set(tx, State::Open, now)?;
        } else {
            row.touch(tx, now)?;
        }
        let answer = UploadAnswer {
            id: row.id,
            offset: if standing.arrived { row.file.bytes } else { standing.offset },
            length: row.file.bytes,
            expires: if row.state == State::Open { row.expires_at } else { 0 },
            receipt,
        };
        let (status, to) = match verb {
            Verb::Create => (201, Some(device)),
            Verb::Look => (200, None),
            Verb::Append | Verb::Delete => (204, None),
        };
        let mut headers = self.signed_headers(&binding, to, status, &answer.message());
        headers.extend(answer.headers());
        Ok(http::Response { status, headers, body: Vec::new() })
    }

    /// A receipt that cannot be signed is not given; the device keeps its file and asks again.
    fn file_receipt(&self, device: DeviceId, file: FileRef, held: FileRow) -> Option<FileReceipt> {
        let unsigned = UnsignedFileReceipt {
            device,
            file,
            index: held.n,
            hq_time: held.received_at,
            hq_epoch: self.epoch,
        };
        Some(unsigned.with(sign_domain(&*self.signer, Domain::File, &unsigned.message()).ok()?))
    }

    /// Gives a file out as nothing a browser would show or guess at (F40).
    fn give(&mut self, caller: &Caller, bytes: Vec<u8>) -> http::Response {
        let mut response = self.respond(&caller.binding, Some(caller.device.id), 200, bytes);
        for (name, value) in &mut response.headers {
            if name == "content-type" {
                "application/octet-stream".clone_into(value);
            }
        }
        let more = [("x-content-type-options", "nosniff"), ("content-disposition", "attachment")];
        response.headers.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
        response
    }
}

/// What tus clients may ask before anything else; it says nothing of anybody, so it is not signed.
fn options() -> http::Response {
    let most = limits::MAX_FILE_BYTES.to_string();
    let headers = [
        (header::TUS_RESUMABLE, TUS_VERSION),
        ("tus-version", TUS_VERSION),
        ("tus-max-size", most.as_str()),
        ("tus-extension", TUS_EXTENSIONS),
        ("tus-checksum-algorithm", TUS_CHECKSUMS),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    http::Response { status: 204, headers, body: Vec::new() }
}
