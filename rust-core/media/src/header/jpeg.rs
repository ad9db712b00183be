//! A JPEG's structure: a walk from marker to marker up to the end of the picture.
//!
//! Invariant: reads everything up to EOI and decodes nothing, so a cut file is known as one before
//! a decoder fills the rest with grey. Rejected: the decoder's own header, which ends where the
//! first scan begins and does not see what follows.

use super::scan::Scan;
use crate::{Limits, MediaError};
use std::io::Read;

/// Progressive files of cameras and editors have about 10 scans, the longest scripts under 30; each
/// scan is a pass over all coefficients, however few bytes it has.
const MOST_SCANS: u32 = 64;
/// An ICC profile and a long comment take some hundred segments.
const MOST_SEGMENTS: u32 = 4_096;
/// Fill bytes before one marker; encoders that align write a few.
const MOST_FILL: u32 = 255;
/// Bytes of 64 coefficients.
const BLOCK_BYTES: u64 = 128;

/// What the markers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) components: Vec<Component>,
    /// True when an Adobe segment says that CMYK is stored inverted, as all who write it do.
    pub(crate) adobe: bool,
    /// Bytes of coefficients the decoder must hold; 0 where rows stream.
    pub(crate) memory: u64,
    /// TIFF block of the first EXIF segment.
    pub(crate) exif: Option<Vec<u8>>,
}

/// One colour component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Component {
    id: u8,
    across: u8,
    down: u8,
}

/// State of the walk.
#[derive(Default)]
struct Walk {
    frame: Option<Frame>,
    progressive: bool,
    scans: u32,
    /// The first scan has fewer components than the frame.
    apart: bool,
    adobe: bool,
    /// MCUs between restart markers, 0 = none.
    restart: u16,
    exif: Option<Vec<u8>>,
}

/// Walks from SOI to EOI; the scan stands behind EOI afterwards.
pub(super) fn walk<R: Read>(scan: &mut Scan<R>, limits: &Limits) -> Result<Frame, MediaError> {
    if scan.array()? != [0xFF, 0xD8] {
        return Err(broken("start of image"));
    }
    let mut walk = Walk::default();
    let mut next = marker(scan)?;
    for _ in 0..MOST_SEGMENTS {
        next = match next {
            0xD9 => return walk.end(),
            0xD8 => return Err(broken("a second start of image")),
            0x01 | 0xD0..=0xD7 => return Err(broken("a marker out of place")),
            0xDA => {
                walk.start_of_scan(scan, limits)?;
                entropy_coded(scan, walk.restarts())?
            }
            code => {
                let length = scan.be16()?.checked_sub(2).ok_or(broken("length of a segment"))?;
                walk.segment(code, usize::from(length), scan, limits)?;
                marker(scan)?
            }
        };
    }
    Err(broken("thousands of segments"))
}

impl Walk {
    fn segment<R: Read>(
        &mut self,
        code: u8,
        length: usize,
        scan: &mut Scan<R>,
        limits: &Limits,
    ) -> Result<(), MediaError> {
        match code {
            0xC0..=0xC2 => {
                let body = scan.take(length)?;
                if self.frame.is_some() {
                    return Err(broken("two frames"));
                }
                self.frame = Some(frame(&body, limits)?);
                self.progressive = code == 0xC2;
            }
            0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                return Err(MediaError::Unsupported { what: "lossless, arithmetic or hierarchical JPEG" });
            }
            0xE1 if self.exif.is_none() => {
                let body = scan.take(length)?;
                self.exif = body.strip_prefix(b"Exif\0").and_then(|rest| rest.get(1..)).map(<[u8]>::to_vec);
            }
            0xDD => {
                let [high, low] = scan.take(length)?.try_into().map_err(|_| broken("restart interval"))?;
                self.restart = u16::from_be_bytes([high, low]);
            }
            0xEE => self.adobe |= scan.take(length)?.starts_with(b"Adobe"),
            _ => scan.skip(length as u64)?,
        }
        Ok(())
    }

    fn start_of_scan<R: Read>(&mut self, scan: &mut Scan<R>, limits: &Limits) -> Result<(), MediaError> {
        let length = scan.be16()?.checked_sub(2).ok_or(broken("length of a segment"))?;
        let body = scan.take(usize::from(length))?;
        let frame = self.frame.as_mut().ok_or(broken("a scan before the frame"))?;
        let count = usize::from(*body.first().ok_or(broken("header of a scan"))?);
        if !(1..=4).contains(&count) || body.len() != 4 + 2 * count {
            return Err(broken("header of a scan"));
        }
        self.scans += 1;
        if self.scans > MOST_SCANS {
            return Err(broken("too many scans"));
        }
        if self.scans == 1 {
            self.apart = count < frame.components.len();
            if self.progressive || self.apart {
                frame.memory = coefficients(frame);
                limits.check_memory(frame.memory)?;
            }
        } else if !self.progressive && !self.apart {
            return Err(broken("a scan after the last"));
        }
        Ok(())
    }

    /// Returns how many restart markers one scan may hold at most.
    fn restarts(&self) -> u64 {
        let blocks = self
            .frame
            .as_ref()
            .map_or(0, |f| u64::from(f.width).div_ceil(8) * u64::from(f.height).div_ceil(8));
        blocks.checked_div(self.restart.into()).unwrap_or(0)
    }

    fn end(self) -> Result<Frame, MediaError> {
        let mut frame = self.frame.filter(|_| self.scans > 0).ok_or(broken("no picture"))?;
        frame.adobe = self.adobe;
        frame.exif = self.exif;
        Ok(frame)
    }
}

/// Reads a frame header and judges its size at once.
fn frame(body: &[u8], limits: &Limits) -> Result<Frame, MediaError> {
    let [precision, h1, h0, w1, w0, count, rest @ ..] = body else {
        return Err(broken("frame header"));
    };
    let (width, height) = (u16::from_be_bytes([*w1, *w0]).into(), u16::from_be_bytes([*h1, *h0]).into());
    limits.check_size(width, height)?;
    if *precision != 8 {
        return Err(MediaError::Unsupported { what: "JPEG with other than 8 bits" });
    }
    if !matches!(count, 1 | 3 | 4) {
        return Err(MediaError::Unsupported { what: "JPEG with an odd number of colours" });
    }
    if rest.len() != 3 * usize::from(*count) {
        return Err(broken("frame header"));
    }
    let components: Vec<_> = rest
        .chunks_exact(3)
        .filter_map(|c| Some(Component { id: *c.first()?, across: c.get(1)? >> 4, down: c.get(1)? & 15 }))
        .collect();
    let valid = |n: u8| (1..=4).contains(&n);
    if components.iter().any(|c| !valid(c.across) || !valid(c.down)) {
        return Err(broken("sampling factors"));
    }
    let mut ids: Vec<_> = components.iter().map(|c| c.id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() != components.len() {
        return Err(broken("two components of one name"));
    }
    let (across, down) = most(&components);
    if components.iter().any(|c| across % c.across != 0 || down % c.down != 0) {
        return Err(MediaError::Unsupported { what: "JPEG with fractional sampling" });
    }
    Ok(Frame { width, height, components, adobe: false, memory: 0, exif: None })
}

fn most(components: &[Component]) -> (u8, u8) {
    let across = components.iter().map(|c| c.across).max().unwrap_or(1);
    (across, components.iter().map(|c| c.down).max().unwrap_or(1))
}

/// Returns the bytes of all coefficients, blocks rounded up as the decoder does.
fn coefficients(frame: &Frame) -> u64 {
    let (across, down) = most(&frame.components);
    let units = |pixels: u32, most: u8| u64::from(pixels).div_ceil(8 * u64::from(most));
    let mcus = units(frame.width, across) * units(frame.height, down);
    frame.components.iter().map(|c| mcus * u64::from(c.across) * u64::from(c.down) * BLOCK_BYTES).sum()
}

/// Reads the code of the marker that must stand here.
fn marker<R: Read>(scan: &mut Scan<R>) -> Result<u8, MediaError> {
    match scan.byte()? {
        0xFF => Some(after_fill(scan)?).filter(|code| *code != 0),
        _ => None,
    }
    .ok_or(broken("bytes between segments"))
}

/// Goes over entropy-coded bytes and returns the code of the marker that ends them.
fn entropy_coded<R: Read>(scan: &mut Scan<R>, most_restarts: u64) -> Result<u8, MediaError> {
    let mut restarts = 0;
    loop {
        let chunk = scan.chunk()?;
        if chunk.is_empty() {
            return Err(MediaError::Truncated);
        }
        let Some(at) = memchr::memchr(0xFF, chunk) else {
            let whole = chunk.len();
            scan.advance(whole);
            continue;
        };
        scan.advance(at + 1);
        match after_fill(scan)? {
            0 => {}
            0xD0..=0xD7 => restarts += 1,
            code => return Ok(code),
        }
        if restarts > most_restarts {
            return Err(broken("restart markers"));
        }
    }
}

/// Reads what follows an `FF` that may be repeated.
fn after_fill<R: Read>(scan: &mut Scan<R>) -> Result<u8, MediaError> {
    for _ in 0..MOST_FILL {
        match scan.byte()? {
            0xFF => {}
            code => return Ok(code),
        }
    }
    Err(broken("fill bytes"))
}

fn broken(what: &'static str) -> MediaError {
    MediaError::Malformed { what }
}
