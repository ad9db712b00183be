//! The strict reader of the three signature headers.
//!
//! Invariant: what is accepted is byte for byte what [`super::sign_request`] would write for the
//! values read; no white space, escape, padding, sign or order is optional. Work and memory are
//! bounded by the lengths below before anything is looked at.
//!
//! Rejected: a parser for RFC 8941 structured fields. It accepts many spellings of one value, and
//! two programs that read the same header (a proxy, headquarters) could then see two requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::base::{COVERED, signature_params};
use super::{CONTENT_DIGEST, Claimed, HttpSigError, SIGNATURE, SIGNATURE_INPUT, SignatureHeadersRef};
use crate::keys::SIGNATURE_LEN;

/// Limits the nonce, in characters.
pub const MAX_NONCE_LEN: usize = 128;
/// Limits the key id, in characters.
pub const MAX_KEY_ID_LEN: usize = 128;
/// Limits `Signature-Input`, in bytes: the fixed text, the nonce, the key id and some room, so that
/// a wrong component list is told apart from a flood.
pub const MAX_SIGNATURE_INPUT_LEN: usize = 512;
const MAX_CONTENT_DIGEST_LEN: usize = 256;
const MAX_SIGNATURE_HEADER_LEN: usize = 256;
/// The largest integer of a structured field (RFC 8941 §3.3.1).
pub(super) const MAX_INTEGER: i64 = 999_999_999_999_999;

/// What the three headers say.
pub(super) struct Parsed {
    pub(super) claimed: Claimed,
    pub(super) digest: [u8; 32],
    pub(super) signature: Vec<u8>,
}

/// Reads who a request claims to be from, to find the key; nothing is verified yet.
///
/// All three headers must be there and be spelled as the profile says, so a request that can never
/// be verified costs no key lookup.
pub fn parse(headers: &SignatureHeadersRef<'_>) -> Result<Claimed, HttpSigError> {
    parse_all(headers).map(|parsed| parsed.claimed)
}

pub(super) fn parse_all(headers: &SignatureHeadersRef<'_>) -> Result<Parsed, HttpSigError> {
    let digest = field(headers.content_digest, CONTENT_DIGEST, MAX_CONTENT_DIGEST_LEN)?;
    let input = field(headers.signature_input, SIGNATURE_INPUT, MAX_SIGNATURE_INPUT_LEN)?;
    let signature = field(headers.signature, SIGNATURE, MAX_SIGNATURE_HEADER_LEN)?;
    Ok(Parsed {
        claimed: parse_input(input)?,
        digest: parse_digest(digest)?,
        signature: parse_signature(signature)?,
    })
}

fn field<'a>(value: Option<&'a str>, name: &'static str, limit: usize) -> Result<&'a str, HttpSigError> {
    let text = value.ok_or(HttpSigError::MissingHeader(name))?;
    if text.len() > limit { Err(HttpSigError::TooLong(name)) } else { Ok(text) }
}

fn parse_input(text: &str) -> Result<Claimed, HttpSigError> {
    const MALFORMED: HttpSigError = HttpSigError::Malformed(SIGNATURE_INPUT);
    let member = text.strip_prefix("lw=").ok_or(MALFORMED)?;
    let Some(params) = member.strip_prefix(signature_params(&COVERED, &[]).as_str()) else {
        return Err(if lists_components(member) { HttpSigError::WrongComponents } else { MALFORMED });
    };
    // Only to say it clearly; such a header would be malformed anyway.
    if params.contains(";alg=") {
        return Err(HttpSigError::UnknownAlgorithm(SIGNATURE_INPUT));
    }
    let rest = params.strip_prefix(";created=").ok_or(MALFORMED)?;
    let (created, rest) = rest.split_once(";nonce=\"").ok_or(MALFORMED)?;
    let (nonce, rest) = rest.split_once("\";keyid=\"").ok_or(MALFORMED)?;
    let key_id = rest.strip_suffix('"').ok_or(MALFORMED)?;
    Ok(Claimed {
        created_s: integer(created).ok_or(MALFORMED)?,
        nonce: token(nonce, "nonce", MAX_NONCE_LEN)?,
        key_id: token(key_id, "keyid", MAX_KEY_ID_LEN)?,
    })
}

/// Says whether a text starts with a list of quoted names, that is, whether it is the choice of
/// components that is wrong and not the spelling.
fn lists_components(member: &str) -> bool {
    let Some((names, _)) = member.strip_prefix('(').and_then(|rest| rest.split_once(')')) else {
        return false;
    };
    names.is_empty()
        || names.split(' ').all(|item| {
            item.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).is_some_and(|name| {
                !name.is_empty()
                    && name
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"@-_".contains(&b))
            })
        })
}

/// Reads an integer in its only spelling: no plus, no leading zero, no minus zero.
fn integer(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    ((-MAX_INTEGER..=MAX_INTEGER).contains(&number) && number.to_string() == text).then_some(number)
}

/// Reads a nonce or key id: 1 to `limit` characters that never need an escape.
fn token(text: &str, what: &'static str, limit: usize) -> Result<String, HttpSigError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:+/=".contains(&byte);
    // Characters first: what runs on past a quote is a spelling mistake, not a long name.
    if text.is_empty() || !text.bytes().all(allowed) {
        return Err(HttpSigError::Malformed(what));
    }
    if text.len() > limit {
        return Err(HttpSigError::TooLong(what));
    }
    Ok(text.to_owned())
}

fn parse_digest(text: &str) -> Result<[u8; 32], HttpSigError> {
    const MALFORMED: HttpSigError = HttpSigError::Malformed(CONTENT_DIGEST);
    let (name, value) = text.split_once('=').ok_or(MALFORMED)?;
    if name != "sha-256" {
        let known_form = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        return Err(if known_form { HttpSigError::UnknownAlgorithm(CONTENT_DIGEST) } else { MALFORMED });
    }
    byte_sequence(value).and_then(|bytes| bytes.try_into().ok()).ok_or(MALFORMED)
}

fn parse_signature(text: &str) -> Result<Vec<u8>, HttpSigError> {
    text.strip_prefix("lw=")
        .and_then(byte_sequence)
        .filter(|bytes| bytes.len() == SIGNATURE_LEN)
        .ok_or(HttpSigError::Malformed(SIGNATURE))
}

/// Reads `:base64:`. The decoder wants the padding and zero spare bits, so one spelling remains.
fn byte_sequence(text: &str) -> Option<Vec<u8>> {
    let inner = text.strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(inner).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;

    #[test]
    fn integers_have_one_spelling() {
        for (text, wanted) in [
            ("0", Some(0)),
            ("1618884473", Some(1_618_884_473)),
            ("-1", Some(-1)),
            ("999999999999999", Some(MAX_INTEGER)),
            ("1000000000000000", None),
            ("99999999999999999999", None),
            ("+1", None),
            ("01", None),
            ("-0", None),
            ("", None),
            (" 1", None),
            ("1.0", None),
            ("１", None),
        ] {
            assert_eq!(integer(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn byte_sequences_have_one_spelling() {
        assert_eq!(byte_sequence(":/+8=:"), Some(vec![0xff, 0xef]));
        for text in [":/+8:", ":/+9=:", ":_-8=:", ":/+8==:", "/+8=", ":/+8=", ": /+8=:", ":/+8=::", ":"] {
            assert_eq!(byte_sequence(text), None, "{text}");
        }
    }

    #[test]
    fn the_longest_legal_input_fits_the_limit() {
        let params = [
            ("created", super::super::ParamValue::Integer(-MAX_INTEGER)),
            ("nonce", super::super::ParamValue::String(&"n".repeat(MAX_NONCE_LEN))),
            ("keyid", super::super::ParamValue::String(&"k".repeat(MAX_KEY_ID_LEN))),
        ];
        let text = format!("lw={}", signature_params(&COVERED, &params));
        assert!(text.len() <= MAX_SIGNATURE_INPUT_LEN);
        assert_eq!(parse_input(&text).unwrap().created_s, -MAX_INTEGER);
    }
}
