//! The headers of a tus request, read without trust.
//!
//! Invariant: every reader takes exactly one spelling per value and refuses a repeated header, so
//! two programs on the way cannot understand it differently. Rejected: a header library's lenient
//! numbers (`+5`, ` 5`, `5,5`).

use super::{OFFSET_STREAM, TUS_VERSION, TusError, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lanewalk_model::{
    id::{Hash, from_hex},
    photo::FileRef,
};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// Longest `Upload-Metadata` that is looked at.
const MAX_METADATA: usize = 1_024;
/// The key of the hash in `Upload-Metadata`.
const SHA256_KEY: &str = "sha256";

/// Returns the only header of a name; `None` when missing or repeated.
fn one<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut found = headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Reads digits only, without a leading zero, up to 2⁵³.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= 16 && text.bytes().all(|b| b.is_ascii_digit());
    let plain = digits && (text.len() == 1 || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten().filter(|n| *n <= 1 << 53)
}

/// Demands `Tus-Resumable: 1.0.0`.
pub fn require_version(headers: &[(String, String)]) -> Result<(), TusError> {
    (one(headers, header::TUS_RESUMABLE) == Some(TUS_VERSION)).then_some(()).ok_or(TusError::Version)
}

/// Demands the media type of bytes at an offset.
pub fn require_media_type(headers: &[(String, String)]) -> Result<(), TusError> {
    (one(headers, "content-type") == Some(OFFSET_STREAM)).then_some(()).ok_or(TusError::MediaType)
}

/// Reads `Upload-Offset`.
pub fn offset_of(headers: &[(String, String)]) -> Result<u64, TusError> {
    one(headers, header::UPLOAD_OFFSET).and_then(number).ok_or(TusError::Offset)
}

/// Reads `Upload-Length`.
pub fn length_of(headers: &[(String, String)]) -> Result<u64, TusError> {
    one(headers, header::UPLOAD_LENGTH).and_then(number).ok_or(TusError::Length)
}

/// The headers that create an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Creation {
    /// Which file.
    pub file: FileRef,
}

impl Creation {
    /// Returns the headers to send; with `first` when the body is the file's beginning.
    pub fn headers(&self, first: bool) -> Vec<(String, String)> {
        let name = STANDARD.encode(self.file.sha256.to_string());
        let mut headers = vec![
            (header::TUS_RESUMABLE.to_owned(), TUS_VERSION.to_owned()),
            (header::UPLOAD_LENGTH.to_owned(), self.file.bytes.to_string()),
            (header::UPLOAD_METADATA.to_owned(), format!("{SHA256_KEY} {name}")),
        ];
        if first {
            headers.push(("content-type".to_owned(), OFFSET_STREAM.to_owned()));
        }
        headers
    }

    /// Reads the headers of a received request. Further metadata is passed over.
    pub fn read(headers: &[(String, String)]) -> Result<Self, TusError> {
        require_version(headers)?;
        let bytes = length_of(headers)?;
        let metadata = one(headers, header::UPLOAD_METADATA).filter(|m| m.len() <= MAX_METADATA);
        let mut hashes = metadata.unwrap_or_default().split(',').filter_map(|pair| {
            let (key, value) = pair.split_once(' ')?;
            (key == SHA256_KEY).then_some(value)
        });
        let (Some(value), None) = (hashes.next(), hashes.next()) else { return Err(TusError::Metadata) };
        let text = STANDARD.decode(value).ok().and_then(|b| String::from_utf8(b).ok());
        let sha256 = text.and_then(|t| from_hex(&t)).ok_or(TusError::Metadata)?;
        Ok(Self { file: FileRef { sha256: Hash(sha256), bytes } })
    }
}

/// What a body must hash to (extension checksum).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-1, which tus demands; it finds damage, not malice.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
}

impl Checksum {
    /// Says whether a body has it.
    pub fn matches(&self, body: &[u8]) -> bool {
        match self {
            Self::Sha1(wanted) => Sha1::digest(body).as_slice() == wanted,
            Self::Sha256(wanted) => Sha256::digest(body).as_slice() == wanted,
        }
    }
}

/// Reads `Upload-Checksum`; `None` when it is not sent.
pub fn checksum(headers: &[(String, String)]) -> Result<Option<Checksum>, TusError> {
    if !headers.iter().any(|(name, _)| name == header::UPLOAD_CHECKSUM) {
        return Ok(None);
    }
    let value = one(headers, header::UPLOAD_CHECKSUM).ok_or(TusError::Checksum)?;
    let (algorithm, hash) = value.split_once(' ').ok_or(TusError::Checksum)?;
    let hash = STANDARD.decode(hash).map_err(|_| TusError::Checksum)?;
    let read = match algorithm {
        "sha1" => hash.try_into().ok().map(Checksum::Sha1),
        "sha256" => hash.try_into().ok().map(Checksum::Sha256),
        _ => None,
    };
    read.map(Some).ok_or(TusError::Checksum)
}
