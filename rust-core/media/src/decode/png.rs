//! PNG rows.
//!
//! Invariant: one row in memory unless the picture is interlaced, and then the header has counted
//! what that needs. Rejected: decoding into one buffer always, 200 MB for the largest picture.

use super::{Rows, guarded, over_white};
use crate::{MediaError, header};
use png::{ColorType, Decoder, DecodingError, Limits, Reader, Transformations};
use std::io::{BufRead, Seek};

pub(super) struct PngRows<R: BufRead + Seek> {
    reader: Reader<R>,
    size: (usize, usize),
    colour: ColorType,
    /// All pixels of an interlaced picture, and the next byte of them.
    whole: Option<(Vec<u8>, usize)>,
    row: Vec<u8>,
}

impl<R: BufRead + Seek> PngRows<R> {
    pub(super) fn open(source: R, frame: &header::png::Frame, max_memory: u64) -> Result<Self, MediaError> {
        guarded(|| {
            let bytes = usize::try_from(max_memory).unwrap_or(usize::MAX);
            let mut decoder = Decoder::new_with_limits(source, Limits { bytes });
            decoder.set_ignore_text_chunk(true);
            decoder.set_ignore_iccp_chunk(true);
            decoder.set_transformations(Transformations::normalize_to_color8());
            let mut reader = decoder.read_info().map_err(error)?;
            let (width, height) = (frame.width as usize, frame.height as usize);
            if (reader.info().width, reader.info().height) != (frame.width, frame.height) {
                return Err(MediaError::Malformed { what: "two sizes" });
            }
            let (colour, _) = reader.output_color_type();
            let line = reader.output_line_size(frame.width).ok_or(MediaError::Decoder)?;
            let whole = if frame.memory > 0 {
                let mut pixels = vec![0; line * height];
                reader.next_frame(&mut pixels).map_err(error)?;
                Some((pixels, 0))
            } else {
                None
            };
            Ok(Self { reader, size: (width, height), colour, whole, row: vec![0; line] })
        })
    }

    fn next_row(&mut self) -> Result<(), MediaError> {
        let line = self.row.len();
        match &mut self.whole {
            Some((pixels, at)) => {
                self.row.copy_from_slice(pixels.get(*at..*at + line).ok_or(MediaError::Truncated)?);
                *at += line;
                Ok(())
            }
            None => match self.reader.read_row(&mut self.row).map_err(error)? {
                Some(_) => Ok(()),
                None => Err(MediaError::Truncated),
            },
        }
    }
}

impl<R: BufRead + Seek> Rows for PngRows<R> {
    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn read(&mut self, rows: &mut [u8]) -> Result<(), MediaError> {
        guarded(|| {
            for out in rows.chunks_exact_mut(self.size.0 * 3) {
                self.next_row()?;
                let channels = self.colour.samples();
                for (pixel, from) in out.chunks_exact_mut(3).zip(self.row.chunks_exact(channels)) {
                    let rgb = match *from {
                        [grey] => [grey; 3],
                        [grey, alpha] => [over_white(grey, alpha); 3],
                        [r, g, b] => [r, g, b],
                        [r, g, b, alpha] => [r, g, b].map(|channel| over_white(channel, alpha)),
                        _ => return Err(MediaError::Decoder),
                    };
                    pixel.copy_from_slice(&rgb);
                }
            }
            Ok(())
        })
    }
}

fn error(error: DecodingError) -> MediaError {
    match error {
        DecodingError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => MediaError::Truncated,
        DecodingError::IoError(e) => header::scan::io(&e),
        _ => MediaError::Malformed { what: "PNG data" },
    }
}
