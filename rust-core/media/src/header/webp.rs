//! A WebP's structure: a walk over its RIFF chunks.
//!
//! Invariant: exactly one still picture, whose own size is the canvas' size. Rejected: taking the
//! first frame of an animation, which is not what a person saw.

use super::scan::Scan;
use crate::{Limits, MediaError};
use std::io::Read;

const MOST_EXIF: u64 = 64 << 10;
const MOST_CHUNKS: u32 = 4_096;

/// What the chunks say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Bytes the decoder must hold.
    pub(crate) memory: u64,
    pub(crate) exif: Option<Vec<u8>>,
}

#[derive(Default)]
struct Walk {
    canvas: Option<(u32, u32)>,
    picture: Option<(u32, u32)>,
    alpha: bool,
    memory: u64,
    exif: Option<Vec<u8>>,
}

/// Walks over the RIFF; the scan stands behind it afterwards.
pub(super) fn walk<R: Read>(scan: &mut Scan<R>, limits: &Limits) -> Result<Frame, MediaError> {
    scan.skip(4)?;
    let mut left = u64::from(u32::from_le_bytes(scan.array()?)).checked_sub(4).ok_or(broken("RIFF size"))?;
    scan.skip(4)?;
    let mut walk = Walk::default();
    for _ in 0..MOST_CHUNKS {
        if left == 0 {
            return walk.end();
        }
        let name: [u8; 4] = scan.array()?;
        let length = u64::from(u32::from_le_bytes(scan.array()?));
        let padded = length + (length & 1);
        left = left.checked_sub(8 + padded).ok_or(broken("length of a chunk"))?;
        let used = walk.chunk(&name, length, scan, limits)?;
        scan.skip(padded.checked_sub(used).ok_or(broken("length of a chunk"))?)?;
    }
    Err(broken("thousands of chunks"))
}

impl Walk {
    /// Reads the head of a chunk; returns how many bytes of it.
    fn chunk<R: Read>(
        &mut self,
        name: &[u8; 4],
        length: u64,
        scan: &mut Scan<R>,
        limits: &Limits,
    ) -> Result<u64, MediaError> {
        let first = self.canvas.is_none() && self.picture.is_none();
        match name {
            b"VP8X" if first && length >= 10 => {
                let [flags, _, _, _, w @ .., h0, h1, h2] = scan.array::<10>()?;
                if flags & 2 != 0 {
                    return Err(animated());
                }
                let three = |b: [u8; 3]| u32::from_le_bytes([b[0], b[1], b[2], 0]) + 1;
                let size = (three(w), three([h0, h1, h2]));
                limits.check_size(size.0, size.1)?;
                self.canvas = Some(size);
                Ok(10)
            }
            b"VP8 " if length >= 10 => {
                let [frame, _, _, s0, s1, s2, w0, w1, h0, h1] = scan.array()?;
                if frame & 1 != 0 || [s0, s1, s2] != [0x9D, 0x01, 0x2A] {
                    return Err(broken("VP8 header"));
                }
                let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
                // Planes of 1.5 bytes a pixel, the picture, alpha three times over, the chunk.
                let per_pixel_x2 = if self.alpha { 23 } else { 9 };
                self.picture((side(w0, w1), side(h0, h1)), per_pixel_x2, length, limits)?;
                Ok(10)
            }
            b"VP8L" if length >= 5 => {
                let [signature, head @ ..] = scan.array::<5>()?;
                let bits = u32::from_le_bytes(head);
                if signature != 0x2F {
                    return Err(broken("VP8L header"));
                }
                let side = |bits: u32| (bits & 0x3FFF) + 1;
                // The picture with alpha, then without, and what its transforms hold.
                self.picture((side(bits), side(bits >> 14)), 16, 0, limits)?;
                Ok(5)
            }
            b"VP8X" | b"VP8 " | b"VP8L" => Err(broken("length of a chunk")),
            b"ANIM" | b"ANMF" => Err(animated()),
            // Behind the picture it would be used all the same and was not counted.
            b"ALPH" if self.picture.is_some() => Err(broken("order of chunks")),
            b"ALPH" => {
                self.alpha = true;
                Ok(0)
            }
            b"EXIF" if self.exif.is_none() && length <= MOST_EXIF => {
                let body = scan.take(length as usize)?;
                // Some writers keep JPEG's prefix.
                let tiff = body.strip_prefix(b"Exif\0\0").unwrap_or(&body);
                self.exif = Some(tiff.to_vec());
                Ok(length)
            }
            _ => Ok(0),
        }
    }

    fn picture(
        &mut self,
        size: (u32, u32),
        per_pixel_x2: u64,
        more: u64,
        limits: &Limits,
    ) -> Result<(), MediaError> {
        limits.check_size(size.0, size.1)?;
        self.memory = u64::from(size.0) * u64::from(size.1) * per_pixel_x2 / 2 + more;
        limits.check_memory(self.memory)?;
        if self.picture.replace(size).is_some() {
            return Err(broken("two pictures"));
        }
        if self.canvas.is_some_and(|canvas| canvas != size) {
            return Err(broken("canvas and picture differ"));
        }
        Ok(())
    }

    fn end(self) -> Result<Frame, MediaError> {
        let (width, height) = self.picture.ok_or(broken("no picture"))?;
        Ok(Frame { width, height, memory: self.memory, exif: self.exif })
    }
}

fn animated() -> MediaError {
    MediaError::Unsupported { what: "animated WebP" }
}

fn broken(what: &'static str) -> MediaError {
    MediaError::Malformed { what }
}
