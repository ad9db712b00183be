//! A PNG's structure: a walk over its chunks.
//!
//! Invariant: inflates nothing; sizes come from IHDR and are judged before anything else is read.
//! Rejected: the decoder's own walk, which stops before the picture and inflates profiles and texts.

use super::scan::Scan;
use crate::{Limits, MediaError};
use std::io::Read;

const MOST_EXIF: u32 = 64 << 10;
const MOST_CHUNKS: u32 = 65_536;

/// What the chunks say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Bytes the decoder must hold; 0 where rows stream.
    pub(crate) memory: u64,
    pub(crate) exif: Option<Vec<u8>>,
}

/// Walks from the signature to IEND.
pub(super) fn walk<R: Read>(scan: &mut Scan<R>, limits: &Limits) -> Result<Frame, MediaError> {
    scan.skip(8)?;
    if scan.array()? != [0, 0, 0, 13] || &scan.array()? != b"IHDR" {
        return Err(broken("no IHDR"));
    }
    let width = u32::from_be_bytes(scan.array()?);
    let height = u32::from_be_bytes(scan.array()?);
    limits.check_size(width, height)?;
    let [depth, colour, _, _, interlace] = scan.array()?;
    // After expansion to 8 bits: grey 1, RGB 3, palette up to 4, grey + alpha 2, RGBA 4.
    let per_pixel: u64 = match colour {
        0 => 2,
        4 => 2,
        2 | 3 | 6 => 4,
        _ => return Err(broken("colour type")),
    };
    if !matches!(depth, 1 | 2 | 4 | 8 | 16) {
        return Err(broken("bit depth"));
    }
    // A row as stored is held a few times; 8 bytes a pixel at most.
    let row = u64::from(width) * 8;
    let whole = if interlace == 0 { 0 } else { u64::from(width) * u64::from(height) * per_pixel };
    let memory = whole + 4 * row;
    limits.check_memory(memory)?;
    scan.skip(4)?;
    let mut frame = Frame { width, height, memory: whole, exif: None };
    let mut data = false;
    for _ in 0..MOST_CHUNKS {
        let length = u32::from_be_bytes(scan.array()?);
        if length > i32::MAX as u32 {
            return Err(broken("length of a chunk"));
        }
        match &scan.array::<4>()? {
            b"IEND" => {
                scan.skip(u64::from(length) + 4)?;
                return if data { Ok(frame) } else { Err(broken("no picture")) };
            }
            b"IHDR" => return Err(broken("two headers")),
            b"acTL" | b"fcTL" | b"fdAT" => return Err(MediaError::Unsupported { what: "animated PNG" }),
            b"eXIf" if frame.exif.is_none() && length <= MOST_EXIF => {
                frame.exif = Some(scan.take(length as usize)?);
                scan.skip(4)?;
            }
            name => {
                data |= name == b"IDAT";
                scan.skip(u64::from(length) + 4)?;
            }
        }
    }
    Err(broken("thousands of chunks"))
}

fn broken(what: &'static str) -> MediaError {
    MediaError::Malformed { what }
}
