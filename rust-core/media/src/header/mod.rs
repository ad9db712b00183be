//! What a file says of itself, read without decoding it.
//!
//! Invariant: one pass over the bytes gives structure, limits, EXIF and hash; only what passed it
//! reaches a decoder. Rejected: trusting a decoder's own checks, which differ between formats.

mod hidden;
pub(crate) mod jpeg;
mod magic;
pub(crate) mod png;
pub(crate) mod scan;
pub(crate) mod webp;

use crate::{
    Limits, MediaError,
    exif::{self, Exif},
};
use lanewalk_model::photo::{ExifFacts, FileRef};
use scan::{Scan, io, read_some};
use std::io::{Read, Seek, SeekFrom};

/// Bytes in which readers of PDF look for their magic.
const HEAD: usize = 1_024;

/// Formats that are taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// JPEG, 8 bits, Huffman-coded.
    Jpeg,
    /// PNG, not animated.
    Png,
    /// WebP, not animated.
    WebP,
}

impl MediaType {
    /// Returns the media type as HTTP writes it.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }

    /// Returns the usual ending of a name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
        }
    }
}

/// What is known of a file without decoding it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// SHA-256 and size of the file as it is.
    pub original: FileRef,
    /// Format by its bytes.
    pub media: MediaType,
    /// Width in pixels, held upright.
    pub width: u32,
    /// Height in pixels, held upright.
    pub height: u32,
    /// What the camera wrote; `None` where there is no EXIF block or it says nothing.
    pub exif: Option<ExifFacts>,
}

/// Structure of the picture, per format.
pub(crate) enum Frame {
    Jpeg(jpeg::Frame),
    Png(png::Frame),
    WebP(webp::Frame),
}

impl Frame {
    /// Returns width and height as stored.
    pub(crate) fn size(&self) -> (u32, u32) {
        match self {
            Self::Jpeg(frame) => (frame.width, frame.height),
            Self::Png(frame) => (frame.width, frame.height),
            Self::WebP(frame) => (frame.width, frame.height),
        }
    }

    /// Returns the bytes the decoder must hold; 0 where rows stream.
    pub(crate) fn memory(&self) -> u64 {
        match self {
            Self::Jpeg(frame) => frame.memory,
            Self::Png(frame) => frame.memory,
            Self::WebP(frame) => frame.memory,
        }
    }

    fn media(&self) -> MediaType {
        match self {
            Self::Jpeg(_) => MediaType::Jpeg,
            Self::Png(_) => MediaType::Png,
            Self::WebP(_) => MediaType::WebP,
        }
    }

    fn exif(&self) -> Option<&[u8]> {
        match self {
            Self::Jpeg(frame) => frame.exif.as_deref(),
            Self::Png(frame) => frame.exif.as_deref(),
            Self::WebP(frame) => frame.exif.as_deref(),
        }
    }
}

/// Reads the whole file once; returns its header, its structure and how to hold it (1 to 8).
pub(crate) fn read<R: Read + Seek>(
    source: &mut R,
    limits: &Limits,
) -> Result<(Header, Frame, u8), MediaError> {
    let bytes = source.seek(SeekFrom::End(0)).map_err(|e| io(&e))?;
    limits.check_bytes(bytes)?;
    source.rewind().map_err(|e| io(&e))?;
    let mut head = vec![0; HEAD];
    let got = read_some(source, &mut head)?;
    head.truncate(got);
    let media = magic::media_type(&head)?;
    hidden::in_head(&head)?;
    hidden::archive_at_end(source, bytes)?;
    source.rewind().map_err(|e| io(&e))?;
    let mut scan = Scan::new(source, bytes);
    let frame = match media {
        MediaType::Jpeg => Frame::Jpeg(jpeg::walk(&mut scan, limits)?),
        MediaType::Png => Frame::Png(png::walk(&mut scan, limits)?),
        MediaType::WebP => Frame::WebP(webp::walk(&mut scan, limits)?),
    };
    hidden::after_picture(&mut scan)?;
    let original = scan.finish()?;
    let Exif { facts, orientation } = frame.exif().map(exif::read).unwrap_or_default();
    let (width, height) = match (frame.size(), orientation) {
        ((width, height), 5..=8) => (height, width),
        (size, _) => size,
    };
    let exif = (!facts.is_empty()).then_some(facts);
    Ok((Header { original, media: frame.media(), width, height, exif }, frame, orientation))
}
