//! Writes the copies as JPEG.
//!
//! Invariant: a JFIF header, tables and pixels, nothing that came with the original. Rejected:
//! progressive scans and trellis quantisation, 5 % fewer bytes for several times the work.

use crate::{MediaError, pixels::Rgb};
use mozjpeg::{ColorSpace, Compress};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// libjpeg's scale. At 82 blocks cannot be seen at arm's length.
pub(crate) const QUALITY: f32 = 82.0;

/// Tried one after the other while a copy is too long: leaves and gravel at full size.
const COARSER: [f32; 4] = [72.0, 60.0, 45.0, 30.0];
/// Longest copy; headquarters gives it to phones in one answer.
const MOST_BYTES: usize = 3 << 20;

/// Encodes with a quarter of the colour (4:2:0), as phones do, in at most [`MOST_BYTES`] if any
/// quality gives that.
pub(crate) fn jpeg(picture: &Rgb) -> Result<Vec<u8>, MediaError> {
    within(picture, MOST_BYTES)
}

fn within(picture: &Rgb, most: usize) -> Result<Vec<u8>, MediaError> {
    let mut bytes = at_quality(picture, QUALITY)?;
    for quality in COARSER {
        if bytes.len() <= most {
            break;
        }
        bytes = at_quality(picture, quality)?;
    }
    Ok(bytes)
}

fn at_quality(picture: &Rgb, quality: f32) -> Result<Vec<u8>, MediaError> {
    catch_unwind(AssertUnwindSafe(|| {
        let mut encoder = Compress::new(ColorSpace::JCS_RGB);
        encoder.set_size(picture.width as usize, picture.height as usize);
        encoder.set_fastest_defaults();
        encoder.set_quality(quality);
        let mut started = encoder.start_compress(Vec::new()).ok()?;
        started.write_scanlines(&picture.data).ok()?;
        started.finish().ok()
    }))
    .ok()
    .flatten()
    .ok_or(MediaError::Decoder)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_copy_that_is_too_long_is_written_coarser() {
        // Noise, the worst there is.
        let mut state = 1_u32;
        let data = (0..256 * 256 * 3)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        let picture = Rgb { width: 256, height: 256, data };
        let plain = within(&picture, usize::MAX).unwrap();
        let short = within(&picture, plain.len() * 2 / 3).unwrap();
        assert!(short.len() <= plain.len() * 2 / 3 && short.starts_with(&[0xff, 0xd8]));
        assert_eq!(jpeg(&picture).unwrap(), plain);
    }
}
