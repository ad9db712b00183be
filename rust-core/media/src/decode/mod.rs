//! Rows of red, green, blue out of a file whose header was judged.
//!
//! Invariant: what a decoder only warns of is an error here, and its panics end at [`guarded`].
//! Rejected: pictures with grey where the file was broken, which is how most viewers show them.

mod jpeg;
mod png;
mod webp;

use crate::{
    MediaError,
    header::{Frame, scan::io},
};
use std::{
    io::{BufReader, Read, Seek},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Buffer of the file while it is decoded.
const BUFFER: usize = 64 << 10;

/// A picture that comes row by row from the top.
pub(crate) trait Rows {
    /// Pixels in a row and number of rows.
    fn size(&self) -> (usize, usize);

    /// Part of [`Self::size`] that the picture fills; less than all of the last column and row
    /// where the decoder shrank an edge that 2, 4 or 8 does not divide.
    fn extent(&self) -> (f64, f64) {
        let (width, height) = self.size();
        (width as f64, height as f64)
    }

    /// Fills whole rows of 3 bytes a pixel.
    fn read(&mut self, rows: &mut [u8]) -> Result<(), MediaError>;
}

/// Opens a picture for rows. `target` is the long edge wanted in the end: a JPEG may come at a
/// half, a quarter or an eighth of its size if that leaves at least twice as many pixels.
pub(crate) fn open<'a, R: Read + Seek + 'a>(
    mut source: R,
    frame: &Frame,
    target: u32,
    max_memory: u64,
) -> Result<Box<dyn Rows + 'a>, MediaError> {
    source.rewind().map_err(|e| io(&e))?;
    let source = BufReader::with_capacity(BUFFER, source);
    match frame {
        Frame::Jpeg(frame) => Ok(Box::new(jpeg::JpegRows::open(source, frame, target)?)),
        Frame::Png(frame) => Ok(Box::new(png::PngRows::open(source, frame, max_memory)?)),
        Frame::WebP(_) => Ok(Box::new(webp::WebPRows::open(source, max_memory)?)),
    }
}

/// Runs a library's code; a panic becomes an error, one that carries a [`MediaError`] that error.
fn guarded<T>(run: impl FnOnce() -> Result<T, MediaError>) -> Result<T, MediaError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        Err(payload.downcast().map_or(MediaError::Decoder, |error: Box<MediaError>| *error))
    })
}

/// Lays a pixel of `alpha` over white.
fn over_white(channel: u8, alpha: u8) -> u8 {
    let (channel, alpha) = (u32::from(channel), u32::from(alpha));
    ((channel * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}
