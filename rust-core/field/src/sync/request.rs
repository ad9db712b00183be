//! One signed request.
//!
//! Invariant: every request of an enrolled phone is signed in the one profile, over the body that
//! goes out. Rejected: each engine building its own headers.

use super::SyncError;
use crate::facade::Inner;
use lanewalk_model::id::DeviceId;
use lanewalk_protocol::{
    http::Request,
    httpsig::{CONTENT_DIGEST, RequestParts, SIGNATURE, SIGNATURE_INPUT, sign_request},
};

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
        let signed = sign_request(parts, created_s, nonce, &device.to_string(), self.signer.as_ref())?;
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
