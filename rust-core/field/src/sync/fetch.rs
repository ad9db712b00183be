//! A photo's copy from headquarters: a colleague's, or one this phone has given up.
//!
//! Invariant: the bytes are returned only when they are what the record names; nothing is kept.
//! Rejected: a second store of photos that are not this phone's own evidence.

use super::{
    SyncError, Transport, answer,
    request::{self, Unsigned, Way},
};
use crate::{
    facade::Field,
    photos::record_key,
    reads,
    store::{Durability, meta, meta::key},
};
use lanewalk_model::{
    id::{DocId, EventId},
    photo::{FileRef, PhotoPart, PhotoRecord},
};
use lanewalk_protocol::upload::photo_path;

/// Tries with a new nonce.
const MAX_TRIES: u32 = 3;

impl Field {
    /// Reads a photo's thumbnail or evidence copy from headquarters; blocks on the network.
    ///
    /// # Errors
    /// `NotFound` when the record is not here or names no such file; `Refused` with `not_found` when
    /// headquarters has not got it or may not give it; what a sync can fail with.
    pub fn fetch_photo(
        &self,
        transport: &dyn Transport,
        visit: DocId,
        photo: EventId,
        part: PhotoPart,
    ) -> Result<Vec<u8>, SyncError> {
        let file = self.copy_named(visit, photo, part)?;
        for _ in 0..MAX_TRIES {
            let (way, nonce) = self.inner.store.read(|conn| Ok((Way::load(conn)?, request::nonce(conn)?)))?;
            let path = photo_path(file.sha256);
            let unsigned = Unsigned {
                method: "GET",
                authority: &way.authority,
                path: &path,
                headers: Vec::new(),
                body: Vec::new(),
            };
            let request = self.inner.sign(unsigned, &nonce, way.device)?;
            let binding = request.binding();
            let answer = answer::check_bytes(transport.send(request)?, &binding, &way.hq_key)?;
            let next = answer.next_nonce.as_bytes();
            self.inner.store.write(Durability::Page, |tx, _| meta::put(tx, key::NONCE, next))?;
            if answer.status == 200 && FileRef::of(&answer.body) == file {
                return Ok(answer.body);
            }
            if answer.status == 200 {
                return Err(SyncError::Protocol { detail: "another file than the record names".into() });
            }
            let error = answer::error_body(&answer)?;
            if error.code != "nonce" {
                return Err(self.inner.refusal(error));
            }
        }
        Err(SyncError::Protocol { detail: "no nonce is taken".into() })
    }

    fn copy_named(&self, visit: DocId, photo: EventId, part: PhotoPart) -> Result<FileRef, SyncError> {
        if part == PhotoPart::Original {
            return Err(crate::FieldError::invalid("part", "originals stay at headquarters").into());
        }
        let file = self.inner.store.read(|conn| {
            let view = reads::view(conn, visit)?.ok_or(crate::FieldError::NotFound)?;
            let record = view.text(&record_key(photo)).ok_or(crate::FieldError::NotFound)?;
            let record: Option<PhotoRecord> = serde_json::from_str(record).ok();
            record.and_then(|r| r.part(part)).ok_or(crate::FieldError::NotFound)
        })?;
        Ok(file)
    }
}
