//! JPEG rows by libjpeg.
//!
//! Invariant: no callback of libjpeg is left to its defaults: an error and, once the first row is
//! near, a warning unwind with a [`MediaError`]; `guarded` catches them. Rejected: pure-Rust
//! decoders, which hold the whole picture (48 MP: 144 MB) or accept cut files.

use super::{Rows, guarded};
use crate::{MediaError, header};
use mozjpeg::{Decompress, decompress::DecompressStarted};
use mozjpeg_sys::{jpeg_common_struct, jpeg_error_mgr};
use std::{cell::Cell, ffi::c_int, io::BufRead, panic::resume_unwind, ptr::null};

/// `JCS_CMYK` has this many channels, everything else is asked for as RGB.
const CMYK: usize = 4;

thread_local! {
    /// True while a warning of libjpeg ends decoding.
    static STRICT: Cell<bool> = const { Cell::new(false) };
}

pub(super) struct JpegRows<R> {
    decoder: DecompressStarted<R>,
    extent: (f64, f64),
    /// One row of four inks; empty for other pictures.
    inks: Vec<u8>,
    inverted: bool,
}

impl<R: BufRead> JpegRows<R> {
    pub(super) fn open(source: R, frame: &header::jpeg::Frame, target: u32) -> Result<Self, MediaError> {
        let eighths = eighths(frame.width.max(frame.height), target);
        let whole = frame.memory > 0;
        guarded(|| {
            // Warnings on the way to the pixels are about versions and parameters nobody needs;
            // a picture held as a whole is decoded in here, so there they count from the header on.
            STRICT.set(false);
            let mut decoder =
                Decompress::builder().with_err(errors()).from_reader(source).map_err(|_| corrupt())?;
            if decoder.size() != (frame.width as usize, frame.height as usize) {
                return Err(corrupt());
            }
            decoder.scale(eighths);
            STRICT.set(whole);
            let decoder = match frame.components.len() == CMYK {
                true => decoder.to_colorspace(mozjpeg::ColorSpace::JCS_CMYK),
                false => decoder.rgb(),
            }
            .map_err(|_| corrupt())?;
            let part = f64::from(eighths) / 8.0;
            let inks = if frame.components.len() == CMYK { decoder.width() * CMYK } else { 0 };
            Ok(Self {
                extent: (f64::from(frame.width) * part, f64::from(frame.height) * part),
                decoder,
                inks: vec![0; inks],
                inverted: frame.adobe,
            })
        })
    }
}

impl<R: BufRead> Rows for JpegRows<R> {
    fn size(&self) -> (usize, usize) {
        (self.decoder.width(), self.decoder.height())
    }

    fn extent(&self) -> (f64, f64) {
        self.extent
    }

    fn read(&mut self, rows: &mut [u8]) -> Result<(), MediaError> {
        guarded(|| {
            STRICT.set(true);
            if self.inks.is_empty() {
                return self.decoder.read_scanlines_into(rows).map(|_| ()).map_err(|_| corrupt());
            }
            for row in rows.chunks_exact_mut(self.decoder.width() * 3) {
                self.decoder.read_scanlines_into(&mut self.inks).map_err(|_| corrupt())?;
                for (pixel, inks) in row.chunks_exact_mut(3).zip(self.inks.chunks_exact(CMYK)) {
                    mix(pixel, inks, self.inverted);
                }
            }
            Ok(())
        })
    }
}

/// Mixes cyan, magenta, yellow and black without a profile.
fn mix(pixel: &mut [u8], inks: &[u8], inverted: bool) {
    let light = |ink: u8| u32::from(if inverted { ink } else { 255 - ink });
    let [colours @ .., black] = inks else { return };
    for (out, ink) in pixel.iter_mut().zip(colours) {
        *out = ((light(*ink) * light(*black) + 127) / 255) as u8;
    }
}

/// Returns the size, in eighths, at which libjpeg should give the picture.
fn eighths(edge: u32, target: u32) -> u8 {
    let shrink = edge / target.max(1);
    match shrink {
        0..4 => 8,
        4..8 => 4,
        8..16 => 2,
        _ => 1,
    }
}

fn corrupt() -> MediaError {
    MediaError::Malformed { what: "JPEG data" }
}

fn errors() -> jpeg_error_mgr {
    jpeg_error_mgr {
        error_exit: Some(fail),
        emit_message: Some(message),
        output_message: Some(ignore),
        format_message: Some(format),
        reset_error_mgr: Some(ignore),
        msg_code: 0,
        msg_parm: Default::default(),
        trace_level: 0,
        num_warnings: 0,
        jpeg_message_table: null(),
        last_jpeg_message: 0,
        addon_message_table: null(),
        first_addon_message: 0,
        last_addon_message: 0,
    }
}

/// libjpeg does not expect to return from here. The panic hook is not called.
extern "C-unwind" fn fail(_: &mut jpeg_common_struct) {
    resume_unwind(Box::new(corrupt()));
}

/// Levels below 0 are warnings, the others tell what is being done.
extern "C-unwind" fn message(_: &mut jpeg_common_struct, level: c_int) {
    if level < 0 && STRICT.get() {
        resume_unwind(Box::new(corrupt()));
    }
}

extern "C-unwind" fn ignore(_: &mut jpeg_common_struct) {}

extern "C-unwind" fn format(_: &mut jpeg_common_struct, _: &[u8; 80]) {}

#[cfg(test)]
mod tests {
    use super::eighths;

    #[test]
    fn the_decoder_leaves_twice_the_pixels_wanted() {
        for (edge, target, wanted) in [
            (4_000, 2_048, 8),
            (8_000, 2_048, 8),
            (8_191, 2_048, 8),
            (8_192, 2_048, 4),
            (16_384, 2_048, 2),
            (32_768, 2_048, 1),
            (65_500, 2_048, 1),
            (5_000, 320, 2),
            (1, 0, 8),
        ] {
            assert_eq!(eighths(edge, target), wanted, "{edge} to {target}");
        }
    }
}
