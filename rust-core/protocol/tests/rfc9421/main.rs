//! RFC 9421: the published vectors through the same `signature_base` as the profile, and the
//! profile against altered, re-spelled and hostile requests.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use lanewalk_protocol::httpsig::{RequestParts, SignatureHeaders, sign_request, verify_request};
use lanewalk_protocol::keys::{Algorithm, PublicKey, SoftSigner};

mod coverage;
mod properties;
mod spellings;
mod vectors;

pub(crate) const NONCE: &str = "q1w2E3r4-T5y6_U7i8";
pub(crate) const KEY_ID: &str = "device:0190b2c4";
pub(crate) const CREATED: i64 = 1_780_000_000;
pub(crate) const PARTS: RequestParts<'static> = RequestParts {
    method: "POST",
    authority: "hq.jiedao.example:8443",
    path: "/v1/sync",
    query: "cursor=17&scope=a%2Fb",
    body: b"\x28\xb5\x2f\xfdcompressed",
};

pub(crate) fn device(algorithm: Algorithm, fill: u8) -> SoftSigner {
    SoftSigner::new(algorithm, &[fill; 32]).unwrap()
}

pub(crate) fn signed() -> (PublicKey, SignatureHeaders) {
    let signer = device(Algorithm::Es256, 5);
    (signer.public_key(), sign_request(PARTS, CREATED, NONCE, KEY_ID, &signer).unwrap())
}

pub(crate) fn code(parts: RequestParts<'_>, headers: &SignatureHeaders, key: &PublicKey) -> &'static str {
    verify_request(parts, &headers.as_received(), key).map_or_else(|error| error.code(), |_| "ok")
}

/// Replaces text that must be there, so that a case cannot silently test nothing.
pub(crate) fn swap(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?} in {text:?}");
    text.replace(from, to)
}
