//! Why a file is not taken in.

/// Says why a file cannot be a photo here; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The file cannot be read.
    #[error("cannot read the file: {detail}")]
    Io {
        /// Kind of failure; no path.
        detail: String,
    },
    /// More bytes than allowed.
    #[error("{bytes} bytes, {most} allowed")]
    TooManyBytes {
        /// Size of the file.
        bytes: u64,
        /// Limit.
        most: u64,
    },
    /// More pixels than allowed.
    #[error("{width} × {height} pixels, {most} allowed in all")]
    TooManyPixels {
        /// Width in the header.
        width: u32,
        /// Height in the header.
        height: u32,
        /// Limit of width × height.
        most: u64,
    },
    /// A longer edge than allowed.
    #[error("{edge} pixels long, {most} allowed")]
    TooLong {
        /// Long edge in the header.
        edge: u32,
        /// Limit.
        most: u32,
    },
    /// Decoding it would need more memory than allowed (progressive, interlaced, WebP).
    #[error("decoding needs {bytes} bytes of memory, {most} allowed")]
    TooMuchMemory {
        /// Needed at least.
        bytes: u64,
        /// Limit.
        most: u64,
    },
    /// A format that the platform decodes itself: transcode to JPEG in the shell first.
    #[error("{format}: transcode to JPEG first")]
    TranscodeFirst {
        /// `heic`, `avif`.
        format: &'static str,
    },
    /// Not a photo by its first bytes.
    #[error("not a photo: {what}")]
    Unsupported {
        /// What it looks like.
        what: &'static str,
    },
    /// The file ends before its picture does.
    #[error("the file is cut off")]
    Truncated,
    /// Another file hangs on the picture.
    #[error("{what} hidden in the file")]
    Polyglot {
        /// What it looks like.
        what: &'static str,
    },
    /// The structure is broken.
    #[error("broken file: {what}")]
    Malformed {
        /// Where.
        what: &'static str,
    },
    /// A library panicked on it; its fault, the file is not taken.
    #[error("a decoder failed")]
    Decoder,
    /// The stamp has no room on the picture.
    #[error("the picture is too small for its stamp")]
    TooSmall,
    /// A character that none of the fonts has.
    #[error("no font can draw “{character}”")]
    Undrawable {
        /// Which.
        character: char,
    },
    /// No font, or one that cannot be read.
    #[error("font: {detail}")]
    Font {
        /// What is wrong with it; no path.
        detail: String,
    },
}

impl MediaError {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "io",
            Self::TooManyBytes { .. } => "too_many_bytes",
            Self::TooManyPixels { .. } => "too_many_pixels",
            Self::TooLong { .. } => "too_long",
            Self::TooMuchMemory { .. } => "too_much_memory",
            Self::TranscodeFirst { .. } => "transcode_first",
            Self::Unsupported { .. } => "unsupported",
            Self::Truncated => "truncated",
            Self::Polyglot { .. } => "polyglot",
            Self::Malformed { .. } => "malformed",
            Self::Decoder => "decoder",
            Self::TooSmall => "too_small",
            Self::Undrawable { .. } => "undrawable",
            Self::Font { .. } => "font",
        }
    }
}
