//! Shrinks pictures, also such as never stand in memory as a whole.
//!
//! Invariant: a picture shrunk strip by strip is the picture shrunk at once, ±1 by rounding: each
//! strip has the rows above and below that the filter reaches. Nothing is enlarged. Rejected:
//! decoding everything first, 144 MB at 48 MP where this needs 6.

mod kernel;

use crate::{MediaError, decode::Rows, phash, pixels::Rgb};
use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};
use kernel::REACH;

/// Bytes of the picture in memory at a time, where the filter's reach fits in. Each strip shrinks
/// that reach anew: at 48 MP an intake takes 1.8 times as long at 1 MB and 4 % less at 8 MB.
pub(crate) const STRIP: usize = 4 << 20;
/// The same beside a decoder that holds the whole picture: a 16 MP progressive JPEG stays under 64 MB.
pub(crate) const SMALL_STRIP: usize = 1 << 20;

/// Returns the size with the long edge at most `edge`, both at least 1.
pub(crate) fn fit((width, height): (u32, u32), edge: u32) -> (u32, u32) {
    let long = width.max(height);
    if long <= edge {
        return (width, height);
    }
    let scale = |side: u32| ((f64::from(side) * f64::from(edge) / f64::from(long)).round() as u32).max(1);
    (scale(width), scale(height))
}

/// Reads all rows and shrinks them to `to`; holds `bytes` of them, or what one row of the result
/// needs.
pub(crate) fn stream(rows: &mut dyn Rows, to: (u32, u32), bytes: usize) -> Result<Rgb, MediaError> {
    let mut out = Rgb::black(to.0, to.1);
    let (width, height) = rows.size();
    let extent = rows.extent();
    if extent == (f64::from(to.0), f64::from(to.1)) {
        rows.read(&mut out.data)?;
        return Ok(out);
    }
    let (line, out_line) = (width * 3, to.0 as usize * 3);
    let scale = extent.1 / f64::from(to.1);
    let reach = REACH * scale.max(1.0) + 1.0;
    let rows_at_once = (((bytes / line) as f64 - 2.0 * reach) / scale).max(1.0) as usize;
    let mut resizer = Resizer::new();
    // Rows `first..until` of the picture stand at the begin of the strip.
    let (mut strip, mut first, mut until) = (Vec::new(), 0, 0);
    for (number, target) in out.data.chunks_mut(out_line * rows_at_once).enumerate() {
        let target_rows = target.len() / out_line;
        let top = (number * rows_at_once) as f64 * scale;
        let bottom = (top + target_rows as f64 * scale).min(extent.1);
        let from = (top - reach).max(0.0) as usize;
        let kept = (from - first) * line..(until - first) * line;
        let have = kept.len();
        strip.copy_within(kept, 0);
        (first, until) = (from, ((bottom + reach).ceil() as usize).min(height));
        let need = (until - first) * line;
        if strip.len() < need {
            strip.resize(need, 0);
        }
        rows.read(strip.get_mut(have..need).unwrap_or_default())?;
        let strip = strip.get(..need).unwrap_or_default();
        let source = ImageRef::new(width as u32, (until - first) as u32, strip, PixelType::U8x3);
        let into = Image::from_slice_u8(to.0, target_rows as u32, target, PixelType::U8x3);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(kernel::filter())).crop(
            0.0,
            top - first as f64,
            extent.0,
            bottom - top,
        );
        resizer.resize(&source.map_err(refused)?, &mut into.map_err(refused)?, &options).map_err(refused)?;
    }
    Ok(out)
}

/// Shrinks a picture that is in memory.
pub(crate) fn whole(picture: &Rgb, to: (u32, u32)) -> Result<Rgb, MediaError> {
    let mut out = Rgb::black(to.0, to.1);
    resize(&picture.data, picture, &mut out.data, to, PixelType::U8x3, kernel::filter())?;
    Ok(out)
}

/// Returns the 32 × 32 means of brightness that the perceptual hash is made of.
pub(crate) fn luma(picture: &Rgb) -> Result<[u8; phash::SIDE * phash::SIDE], MediaError> {
    let grey: Vec<u8> = picture
        .data
        .chunks_exact(3)
        .map(|pixel| {
            // BT.601 in 1/256.
            let sum: u32 = pixel.iter().zip([77, 150, 29]).map(|(c, weight)| u32::from(*c) * weight).sum();
            ((sum + 128) >> 8) as u8
        })
        .collect();
    let mut out = [0; phash::SIDE * phash::SIDE];
    let side = phash::SIDE as u32;
    resize(&grey, picture, &mut out, (side, side), PixelType::U8, FilterType::Box)?;
    Ok(out)
}

fn resize(
    from: &[u8],
    size: &Rgb,
    into: &mut [u8],
    to: (u32, u32),
    pixel: PixelType,
    filter: FilterType,
) -> Result<(), MediaError> {
    let source = ImageRef::new(size.width, size.height, from, pixel).map_err(refused)?;
    let mut target = Image::from_slice_u8(to.0, to.1, into, pixel).map_err(refused)?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    Resizer::new().resize(&source, &mut target, &options).map_err(refused)
}

/// All sizes come from us, so a refusal of the library is its fault or ours.
fn refused<E>(_: E) -> MediaError {
    MediaError::Decoder
}

#[cfg(test)]
mod tests;
