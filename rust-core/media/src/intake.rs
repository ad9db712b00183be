//! From a file to its copies.
//!
//! Invariant: the original is only read; both copies are made from the same pixels, the thumbnail
//! and the perceptual hash from before the stamp is drawn. Rejected: one copy without and one with
//! the stamp, which is a second upload for what the original already proves.

use crate::{
    Header, Limits, MediaError, MediaType, decode, encode,
    header::{self, Frame, scan::io},
    orient, phash,
    pixels::Rgb,
    shrink,
    stamp::Stamper,
};
use lanewalk_model::photo::{ExifFacts, FileRef, PHash};
use std::{
    fs::File,
    io::{Cursor, Read, Seek},
    path::Path,
};

/// Long edge of the evidence copy in pixels.
pub const EVIDENCE_EDGE: u32 = 2_048;
/// Long edge of the thumbnail in pixels.
pub const THUMBNAIL_EDGE: u32 = 320;

/// A photo taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intake {
    /// SHA-256 and size of the file as it is.
    pub original: FileRef,
    /// Format of the file by its bytes.
    pub media: MediaType,
    /// Width of the original in pixels, held upright.
    pub width: u32,
    /// Height of the original in pixels, held upright.
    pub height: u32,
    /// What the camera wrote; `None` where it wrote nothing.
    pub exif: Option<ExifFacts>,
    /// What the picture looks like; `None` for a flat one.
    pub phash: Option<PHash>,
    /// The evidence copy: JPEG, upright, stamped, without metadata.
    pub evidence: Vec<u8>,
    /// Its width and height in pixels.
    pub evidence_size: (u32, u32),
    /// The thumbnail: JPEG, upright, without stamp and metadata.
    pub thumbnail: Vec<u8>,
    /// Its width and height in pixels.
    pub thumbnail_size: (u32, u32),
}

/// A received copy, drawn anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrawn {
    /// JPEG without metadata.
    pub jpeg: Vec<u8>,
    /// Its width and height in pixels.
    pub size: (u32, u32),
    /// What the picture looks like; `None` for a flat one.
    pub phash: Option<PHash>,
}

/// Reads a file's header and EXIF and walks its structure to the end; decodes nothing.
///
/// Holds less than 1 MiB. Fails with what [`intake`] would fail with before it decodes.
pub fn inspect(path: &Path, limits: &Limits) -> Result<Header, MediaError> {
    let (header, frame, _) = header::read(&mut open(path)?, limits)?;
    planned(&frame, EVIDENCE_EDGE, limits)?;
    Ok(header)
}

/// Does the same for a file in memory.
pub fn inspect_bytes(bytes: &[u8], limits: &Limits) -> Result<Header, MediaError> {
    let (header, frame, _) = header::read(&mut Cursor::new(bytes), limits)?;
    planned(&frame, EVIDENCE_EDGE, limits)?;
    Ok(header)
}

/// Takes a photo in: judges the file, decodes it once and makes the copies.
///
/// `stamp`: who draws which lines on the evidence copy. Writes nothing. A 12 MP baseline JPEG
/// takes a tenth of a second and 25 MB; no accepted file takes more than 64 MB.
pub fn intake(
    path: &Path,
    stamp: Option<(&Stamper, &[String])>,
    limits: &Limits,
) -> Result<Intake, MediaError> {
    let mut file = open(path)?;
    let (header, frame, orientation) = header::read(&mut file, limits)?;
    let mut picture = upright(file, &frame, orientation, EVIDENCE_EDGE, limits)?;
    let small = shrunk(&picture, THUMBNAIL_EDGE)?;
    if let Some((stamper, lines)) = stamp {
        stamper.draw(&mut picture, lines)?;
    }
    Ok(Intake {
        original: header.original,
        media: header.media,
        width: header.width,
        height: header.height,
        exif: header.exif,
        phash: phash::of_luma(&shrink::luma(&small)?),
        evidence: encode::jpeg(&picture)?,
        evidence_size: (picture.width, picture.height),
        thumbnail: encode::jpeg(&small)?,
        thumbnail_size: (small.width, small.height),
    })
}

/// Decodes a received JPEG copy and encodes it anew, so that nothing but pixels is passed on.
///
/// `long_edge`: at most so many pixels. For headquarters' limited worker: other formats than JPEG
/// are refused, the memory is bounded by `limits`.
pub fn redraw(bytes: &[u8], long_edge: u32, limits: &Limits) -> Result<Redrawn, MediaError> {
    let mut source = Cursor::new(bytes);
    let (header, frame, orientation) = header::read(&mut source, limits)?;
    if header.media != MediaType::Jpeg {
        return Err(MediaError::Unsupported { what: "other than JPEG as a copy" });
    }
    let picture = upright(source, &frame, orientation, long_edge, limits)?;
    let small = shrunk(&picture, THUMBNAIL_EDGE)?;
    Ok(Redrawn {
        jpeg: encode::jpeg(&picture)?,
        size: (picture.width, picture.height),
        phash: phash::of_luma(&shrink::luma(&small)?),
    })
}

fn open(path: &Path) -> Result<File, MediaError> {
    File::open(path).map_err(|e| io(&e))
}

/// Returns the size of the copy, if decoder and copy fit into the memory.
fn planned(frame: &Frame, edge: u32, limits: &Limits) -> Result<(u32, u32), MediaError> {
    let to = shrink::fit(frame.size(), edge.max(1));
    if frame.memory() > 0 {
        limits.check_memory(frame.memory() + u64::from(to.0) * u64::from(to.1) * 3)?;
    }
    Ok(to)
}

fn upright<R: Read + Seek>(
    source: R,
    frame: &Frame,
    orientation: u8,
    edge: u32,
    limits: &Limits,
) -> Result<Rgb, MediaError> {
    let to = planned(frame, edge, limits)?;
    let mut rows = decode::open(source, frame, to.0.max(to.1), limits.max_memory)?;
    let strip = if frame.memory() > 0 { shrink::SMALL_STRIP } else { shrink::STRIP };
    let picture = shrink::stream(rows.as_mut(), to, strip)?;
    // The decoder's buffers go before a turned copy of the picture comes.
    drop(rows);
    Ok(orient::upright(picture, orientation))
}

fn shrunk(picture: &Rgb, edge: u32) -> Result<Rgb, MediaError> {
    shrink::whole(picture, shrink::fit((picture.width, picture.height), edge))
}
