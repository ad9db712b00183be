//! One signed request.
//!
//! Invariant: every request of an enrolled phone is signed in the one profile, over the body that
//! goes out. Rejected: each engine building its own headers.

use super::SyncError;
use crate::{
    error::FieldError,
    facade::Inner,
    identity,
    store::meta::{self, key},
};
use lanewalk_model::id::DeviceId;
use lanewalk_protocol::{
    http::{Request, authority},
    httpsig::{CONTENT_DIGEST, RequestParts, SIGNATURE, SIGNATURE_INPUT, sign_request},
    keys::PublicKey,
};
use rusqlite::Connection;

/// Who asks whom: what every request of an enrolled phone needs.
pub(super) struct Way {
    pub(super) device: DeviceId,
    pub(super) hq_key: PublicKey,
    pub(super) authority: String,
}

impl Way {
    /// Reads it; [`FieldError::NotEnrolled`] before enrolment.
    pub(super) fn load(conn: &Connection) -> Result<Self, FieldError> {
        let device = identity::device(conn)?.ok_or(FieldError::NotEnrolled)?;
        let url = meta::get_text(conn, key::URL)?;
        let authority = authority(&url).ok_or(FieldError::NotEnrolled)?;
        Ok(Self { device, hq_key: identity::hq_key(conn)?, authority })
    }
}

/// Reads the nonce for the next request. Before the first answer any word will do; headquarters
/// gives a fresh one.
pub(super) fn nonce(conn: &Connection) -> Result<String, FieldError> {
    let nonce = meta::get_text(conn, key::NONCE)?;
    Ok(if nonce.is_empty() { "none".to_owned() } else { nonce })
}

/// What a request is before it is signed.
pub(super) struct Unsigned<'a> {
    pub(super) method: &'a str,
    pub(super) authority: &'a str,
    pub(super) path: &'a str,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Inner {
    /// Signs a request with the device's key.
    pub(super) fn sign(
        &self,
        request: Unsigned<'_>,
        nonce: &str,
        device: DeviceId,
    ) -> Result<Request, SyncError> {
        let Unsigned { method, authority, path, mut headers, body } = request;
        let parts = RequestParts { method, authority, path, query: "", body: &body };
        let created_s = self.source.wall_ms().div_euclid(1_000);
        let signed =
            self.signed(|signer| sign_request(parts, created_s, nonce, &device.to_string(), signer))?;
        headers.push((CONTENT_DIGEST.to_owned(), signed.content_digest));
        headers.push((SIGNATURE_INPUT.to_owned(), signed.signature_input));
        headers.push((SIGNATURE.to_owned(), signed.signature));
        Ok(Request {
            method: method.to_owned(),
            authority: authority.to_owned(),
            path: path.to_owned(),
            query: String::new(),
            headers,
            body,
        })
    }
}
