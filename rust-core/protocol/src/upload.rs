//! Photo files on their way: tus 1.0 with names by content and answers by signature.
//!
//! A phone creates an upload for a file that a record of an accepted visit names by SHA-256, sends
//! its bytes from the offset headquarters tells, and holds a signed [`FileReceipt`] when
//! headquarters has checked length and hash. Spoken are the tus core and the extensions creation,
//! creation-with-upload, checksum, expiration and termination; not concatenation, since one phone
//! sends one stream.
//!
//! Invariant: an upload's id is its nonce: made by headquarters, known to one device, dead with the
//! upload. `HEAD` and `DELETE` sign with [`UploadId`]'s text, `PATCH` with [`patch_nonce`], which
//! names the offset too, so a repeated `PATCH` finds the offset moved and has no effect. Rejected:
//! the one-time nonces of sync requests, which would cost a round trip after every broken
//! connection.

mod answer;
mod error;
mod headers;

pub use answer::{FileReceipt, UnsignedFileReceipt, UploadAnswer};
pub use error::TusError;
pub use headers::{Checksum, Creation, checksum, length_of, offset_of, require_media_type, require_version};

use lanewalk_model::id::{Hash, from_hex, to_hex};
use std::{fmt, str::FromStr};

/// Path where uploads are created.
pub const UPLOADS_PATH: &str = "/v1/uploads";
/// Path under which files of photos are read: `/v1/photos/<sha256>`.
pub const PHOTOS_PATH: &str = "/v1/photos";
/// The tus version spoken.
pub const TUS_VERSION: &str = "1.0.0";
/// The tus extensions spoken.
pub const TUS_EXTENSIONS: &str = "creation,creation-with-upload,checksum,expiration,termination";
/// The checksum algorithms taken; tus demands `sha1`.
pub const TUS_CHECKSUMS: &str = "sha1,sha256";
/// Media type of the bytes of a file.
pub const OFFSET_STREAM: &str = "application/offset+octet-stream";

/// Names of the headers, lower case.
pub mod header {
    /// Version of tus.
    pub const TUS_RESUMABLE: &str = "tus-resumable";
    /// Position of the next byte.
    pub const UPLOAD_OFFSET: &str = "upload-offset";
    /// Size of the file.
    pub const UPLOAD_LENGTH: &str = "upload-length";
    /// Key and base64 value pairs; here `sha256`.
    pub const UPLOAD_METADATA: &str = "upload-metadata";
    /// Algorithm and base64 hash of the body.
    pub const UPLOAD_CHECKSUM: &str = "upload-checksum";
    /// When an unfinished upload is thrown away.
    pub const UPLOAD_EXPIRES: &str = "upload-expires";
    /// Where the upload is.
    pub const LOCATION: &str = "location";
    /// The receipt, base64 of CBOR.
    pub const RECEIPT: &str = "lanewalk-receipt";
}

/// Names an upload: 16 random bytes, 32 hexadecimal digits as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(pub [u8; 16]);

impl UploadId {
    /// Returns the path of the upload.
    pub fn path(self) -> String {
        format!("{UPLOADS_PATH}/{self}")
    }

    /// Reads the id out of a path; `None` when it is not the path of an upload.
    pub fn of_path(path: &str) -> Option<Self> {
        path.strip_prefix(UPLOADS_PATH)?.strip_prefix('/')?.parse().ok()
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl FromStr for UploadId {
    type Err = lanewalk_model::id::IdError;

    /// Reads lower-case hexadecimal only, so that an upload has one path.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        from_hex(text)
            .filter(|_| !text.bytes().any(|b| b.is_ascii_uppercase()))
            .map(Self)
            .ok_or(lanewalk_model::id::IdError { what: "upload id" })
    }
}

/// Returns the nonce with which a `PATCH` at this offset is signed.
pub fn patch_nonce(id: UploadId, offset: u64) -> String {
    format!("{id}.{offset}")
}

/// Returns the path under which a file is read.
pub fn photo_path(sha256: Hash) -> String {
    format!("{PHOTOS_PATH}/{sha256}")
}

/// Reads the hash out of such a path; `None` when it is another path.
pub fn photo_of_path(path: &str) -> Option<Hash> {
    let text = path.strip_prefix(PHOTOS_PATH)?.strip_prefix('/')?;
    from_hex(text).filter(|_| !text.bytes().any(|b| b.is_ascii_uppercase())).map(Hash)
}

#[cfg(test)]
mod tests;
