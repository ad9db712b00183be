//! WebP rows.
//!
//! Invariant: the header has counted the memory; the format's prediction reaches over the whole
//! picture, so it is decoded at once. Rejected: libwebp, a second C library for a format that
//! hardly any camera writes.

use super::{Rows, guarded, over_white};
use crate::{MediaError, header};
use image_webp::{DecodingError, WebPDecoder};
use std::io::{BufRead, Seek};

pub(super) struct WebPRows {
    size: (usize, usize),
    pixels: Vec<u8>,
    alpha: bool,
    at: usize,
}

impl WebPRows {
    pub(super) fn open<R: BufRead + Seek>(source: R, max_memory: u64) -> Result<Self, MediaError> {
        guarded(|| {
            let mut decoder = WebPDecoder::new(source).map_err(error)?;
            decoder.set_memory_limit(usize::try_from(max_memory).unwrap_or(usize::MAX));
            let (width, height) = decoder.dimensions();
            let mut pixels = vec![0; decoder.output_buffer_size().ok_or(MediaError::Decoder)?];
            decoder.read_image(&mut pixels).map_err(error)?;
            Ok(Self { size: (width as usize, height as usize), pixels, alpha: decoder.has_alpha(), at: 0 })
        })
    }
}

impl Rows for WebPRows {
    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn read(&mut self, rows: &mut [u8]) -> Result<(), MediaError> {
        let from = self.pixels.get(self.at..).unwrap_or_default();
        let count = rows.len() / 3;
        if self.alpha {
            let pixels = from.get(..count * 4).ok_or(MediaError::Truncated)?;
            for (out, pixel) in rows.chunks_exact_mut(3).zip(pixels.chunks_exact(4)) {
                let [rgb @ .., alpha] = pixel else { continue };
                for (out, channel) in out.iter_mut().zip(rgb) {
                    *out = over_white(*channel, *alpha);
                }
            }
            self.at += count * 4;
        } else {
            rows.copy_from_slice(from.get(..rows.len()).ok_or(MediaError::Truncated)?);
            self.at += rows.len();
        }
        Ok(())
    }
}

fn error(error: DecodingError) -> MediaError {
    match error {
        DecodingError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => MediaError::Truncated,
        DecodingError::IoError(e) => header::scan::io(&e),
        _ => MediaError::Malformed { what: "WebP data" },
    }
}
