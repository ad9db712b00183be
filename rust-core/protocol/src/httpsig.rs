//! Signed HTTP requests: one fixed profile of RFC 9421, free of any HTTP library.
//!
//! Covered, in this order: `@method`, `@authority`, `@path`, `@query`, `content-digest`; then the
//! parameters `created`, `nonce`, `keyid`. One signature, labelled `lw`. The algorithm is not sent:
//! it is the one of the key that `keyid` names, so a request cannot choose it.
//!
//! Invariant: there is exactly one spelling of every accepted header, and headquarters checks the
//! signature over a base it has built itself from the request and the parsed values. Whatever a phone is
//! talked into signing (a nonce with a quote, a path with a line feed), the bytes either say what
//! headquarters reads or match no request at all.
//!
//! `created` comes from the phone's clock and is information only; freshness is the server's nonce,
//! which is checked elsewhere.
//!
//! Rejected: a general RFC 9421 implementation with a policy on top. Its freedom (component order,
//! several signatures, optional parameters, parameters per component) is what such checks get wrong.

mod base;
mod error;
mod parse;
mod parts;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::keys::{self, DeviceSigner, PublicKey, Signature, SignerError};

pub use base::{ParamValue, signature_base, signature_params};
pub use error::HttpSigError;
pub use parse::{MAX_KEY_ID_LEN, MAX_NONCE_LEN, MAX_SIGNATURE_INPUT_LEN, parse};
pub use parts::{MAX_PATH_LEN, MAX_QUERY_LEN, RequestParts};

/// Names the header with the hash of the body (RFC 9530).
pub const CONTENT_DIGEST: &str = "content-digest";
/// Names the header that says what is signed (RFC 9421 §4.1).
pub const SIGNATURE_INPUT: &str = "signature-input";
/// Names the header with the signature (RFC 9421 §4.2).
pub const SIGNATURE: &str = "signature";

/// Holds the three headers to send with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// The value of `Content-Digest`.
    pub content_digest: String,
    /// The value of `Signature-Input`.
    pub signature_input: String,
    /// The value of `Signature`.
    pub signature: String,
}

impl SignatureHeaders {
    /// Borrows the headers as a receiver would see them.
    pub fn as_received(&self) -> SignatureHeadersRef<'_> {
        SignatureHeadersRef {
            content_digest: Some(&self.content_digest),
            signature_input: Some(&self.signature_input),
            signature: Some(&self.signature),
        }
    }
}

/// Borrows the three headers of a received request; `None` where one was not sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignatureHeadersRef<'a> {
    /// The value of `Content-Digest`.
    pub content_digest: Option<&'a str>,
    /// The value of `Signature-Input`.
    pub signature_input: Option<&'a str>,
    /// The value of `Signature`.
    pub signature: Option<&'a str>,
}

impl<'a> SignatureHeadersRef<'a> {
    /// Picks the three headers out of all header lines of a request (names in any case).
    ///
    /// A receiver should prefer this to looking each name up: a lookup returns the first of two
    /// lines with one name, and another program on the way may have taken the second. Here a
    /// repeated line is [`HttpSigError::Malformed`], as is a value that is not text.
    pub fn from_lines<'n>(
        lines: impl IntoIterator<Item = (&'n str, &'a [u8])>,
    ) -> Result<Self, HttpSigError> {
        let mut found = Self::default();
        for (name, value) in lines {
            let (slot, name) = if name.eq_ignore_ascii_case(CONTENT_DIGEST) {
                (&mut found.content_digest, CONTENT_DIGEST)
            } else if name.eq_ignore_ascii_case(SIGNATURE_INPUT) {
                (&mut found.signature_input, SIGNATURE_INPUT)
            } else if name.eq_ignore_ascii_case(SIGNATURE) {
                (&mut found.signature, SIGNATURE)
            } else {
                continue;
            };
            let text = std::str::from_utf8(value).map_err(|_| HttpSigError::Malformed(name))?;
            if slot.replace(text).is_some() {
                return Err(HttpSigError::Malformed(name));
            }
        }
        Ok(found)
    }
}

/// Says who a request claims to be from. From [`parse`] it is only a claim, good for finding the
/// key; from [`verify_request`] it is what the key's owner signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The name under which headquarters knows the key.
    pub key_id: String,
    /// The nonce that headquarters gave out.
    pub nonce: String,
    /// The phone's clock when it signed, seconds since 1970; information only.
    pub created_s: i64,
}

/// Returns the value of `Content-Digest` for a body: `sha-256=:…:` (RFC 9530), also when empty.
pub fn content_digest(body: &[u8]) -> String {
    digest_header(&Sha256::digest(body).into())
}

fn digest_header(digest: &[u8; 32]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(digest))
}

/// Signs a request and returns the headers to add.
///
/// `nonce` and `key_id` are 1 to 128 characters out of `A–Z a–z 0–9 - . _ ~ : + / =`. Input outside
/// the profile is not an error here: it gives headers that every receiver refuses (see the module's
/// invariant). `created_s` is brought into the ±999 999 999 999 999 that a header can carry, so that
/// no clock, however wrong, keeps a phone from syncing.
///
/// # Errors
/// What the signer says; nothing else can fail.
pub fn sign_request(
    parts: RequestParts<'_>,
    created_s: i64,
    nonce: &str,
    key_id: &str,
    signer: &dyn DeviceSigner,
) -> Result<SignatureHeaders, SignerError> {
    let created_s = created_s.clamp(-parse::MAX_INTEGER, parse::MAX_INTEGER);
    let digest = content_digest(parts.body);
    let params = base::profile_params(created_s, nonce, key_id);
    let text = base::profile_base(&parts, &digest, &params);
    let signature = signer.sign(text.as_bytes())?;
    Ok(SignatureHeaders {
        content_digest: digest,
        signature_input: format!("lw={}", signature_params(&base::COVERED, &params)),
        signature: format!("lw=:{}:", STANDARD.encode(signature.bytes())),
    })
}

/// Checks the headers against the request and the key that belongs to their `keyid`.
///
/// The caller finds that key with [`parse`] first, and afterwards checks the nonce. Takes the hash
/// of the body before the signature, so a damaged upload is told apart from a wrong key.
pub fn verify_request(
    parts: RequestParts<'_>,
    headers: &SignatureHeadersRef<'_>,
    key: &PublicKey,
) -> Result<Claimed, HttpSigError> {
    verify(&parts, headers, key, true)
}

/// Checks everything but the body, which was cut off on its way: the signature covers the hash of
/// the whole body, so what came is what the device sent only if a hash over the whole file says so
/// later. `parts.body` is not looked at.
pub fn verify_cut_request(
    parts: RequestParts<'_>,
    headers: &SignatureHeadersRef<'_>,
    key: &PublicKey,
) -> Result<Claimed, HttpSigError> {
    verify(&parts, headers, key, false)
}

fn verify(
    parts: &RequestParts<'_>,
    headers: &SignatureHeadersRef<'_>,
    key: &PublicKey,
    whole: bool,
) -> Result<Claimed, HttpSigError> {
    let parsed = parse::parse_all(headers)?;
    parts::check(parts)?;
    if whole && parsed.digest != <[u8; 32]>::from(Sha256::digest(parts.body)) {
        return Err(HttpSigError::DigestMismatch);
    }
    let claimed = parsed.claimed;
    let params = base::profile_params(claimed.created_s, &claimed.nonce, &claimed.key_id);
    let digest = digest_header(&parsed.digest);
    let text = base::profile_base(parts, &digest, &params);
    let signature =
        Signature::new(key.algorithm(), &parsed.signature).map_err(|_| HttpSigError::Malformed(SIGNATURE))?;
    keys::verify(key, text.as_bytes(), &signature).map_err(|_| HttpSigError::BadSignature)?;
    Ok(claimed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;

    #[test]
    fn header_lines_are_picked_in_any_case_and_refused_when_repeated() {
        let lines: [(&str, &[u8]); 4] = [
            ("Host", b"hq.example"),
            ("Content-Digest", b"d"),
            ("SIGNATURE-input", b"i"),
            ("signature", b"s"),
        ];
        let found = SignatureHeadersRef::from_lines(lines).unwrap();
        let wanted = SignatureHeadersRef {
            content_digest: Some("d"),
            signature_input: Some("i"),
            signature: Some("s"),
        };
        assert_eq!(found, wanted);
        for (name, value) in lines.into_iter().skip(1) {
            let twice = lines.into_iter().chain([(name, value)]);
            assert_eq!(SignatureHeadersRef::from_lines(twice).unwrap_err().code(), "malformed");
        }
        let not_text: [(&str, &[u8]); 1] = [("Signature", b"\xff")];
        assert_eq!(SignatureHeadersRef::from_lines(not_text).unwrap_err().code(), "malformed");
    }

    /// RFC 9530 gives this value for an empty body as the SHA-256 of nothing.
    #[test]
    fn an_empty_body_has_a_digest_too() {
        let wanted = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        assert_eq!(content_digest(b""), wanted);
    }
}
