//! What is wrong with a tus request.

/// Says why a tus request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TusError {
    /// `Tus-Resumable` is missing or another version.
    #[error("Tus-Resumable: 1.0.0 is wanted")]
    Version,
    /// `Upload-Length` is missing, repeated or no number (deferred lengths are not taken).
    #[error("Upload-Length is missing or no number")]
    Length,
    /// `Upload-Offset` is missing, repeated or no number.
    #[error("Upload-Offset is missing or no number")]
    Offset,
    /// `Upload-Metadata` has no readable `sha256`.
    #[error("Upload-Metadata has no sha256")]
    Metadata,
    /// The body is not declared as bytes at an offset.
    #[error("Content-Type: application/offset+octet-stream is wanted")]
    MediaType,
    /// `Upload-Checksum` cannot be read or names an unknown algorithm.
    #[error("Upload-Checksum cannot be read")]
    Checksum,
}

impl TusError {
    /// Returns the stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Version => "tus_version",
            Self::Length => "upload_length",
            Self::Offset => "upload_offset",
            Self::Metadata => "upload_metadata",
            Self::MediaType => "media_type",
            Self::Checksum => "upload_checksum",
        }
    }

    /// Returns the HTTP status that tus gives it.
    pub fn status(self) -> u16 {
        match self {
            Self::Version => 412,
            Self::MediaType => 415,
            _ => 400,
        }
    }
}
