//! A photo as a phone would have stored it.
//!
//! Invariant: the same shot gives the same bytes on every platform, so a test can name a hash.
//! The encoder runs without its AVX2 code for the same reason. Rejected: photos as files in the
//! repository, which are large, somebody's, and never of the size a test needs.

use crate::exif::ExifBlock;
use crate::picture::Picture;
use jpeg_encoder::{
    ChromaSubsamplingMethod, ColorType, Encoder, ImageBuffer, JpegColorType, SamplingFactor, rgb_to_ycbcr,
};

/// How much colour is kept beside brightness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subsampling {
    /// A quarter, as phones do.
    Yuv420,
    /// Half.
    Yuv422,
    /// All.
    Yuv444,
}

/// A photo that no camera took.
#[derive(Debug, Clone, PartialEq)]
pub struct Shot {
    /// The place.
    pub seed: u64,
    /// Which of several photos of the place; see [`Picture::taken`].
    pub moment: u32,
    /// Pixels across of the upright picture.
    pub width: u16,
    /// Pixels down of the upright picture.
    pub height: u16,
    /// JPEG quality, 1 to 100.
    pub quality: u8,
    /// How much colour is kept.
    pub subsampling: Subsampling,
    /// EXIF orientation 1 to 8, anything else is 1: the stored pixels are turned so that the
    /// picture is upright for who obeys it.
    pub orientation: u8,
    /// Spectral scans (the encoder keeps 12 bytes a pixel then) instead of one baseline scan.
    pub progressive: bool,
    /// A restart marker after so many blocks of pixels, 0 = none.
    pub restart: u16,
    /// What the camera says. The tag for the orientation comes from the shot unless set here.
    pub exif: Option<ExifBlock>,
}

impl Default for Shot {
    /// Returns a 12 megapixel photo without EXIF.
    fn default() -> Self {
        Self {
            seed: 1,
            moment: 0,
            width: 4000,
            height: 3000,
            quality: 92,
            subsampling: Subsampling::Yuv420,
            orientation: 1,
            progressive: false,
            restart: 0,
            exif: None,
        }
    }
}

impl Shot {
    /// Returns the upright picture.
    #[must_use]
    pub fn picture(&self) -> Picture {
        Picture::taken(self.seed, self.width, self.height, self.moment)
    }

    /// Returns the same place photographed once more: slightly moved, other light, other noise.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { moment: self.moment.wrapping_add(1), ..self.clone() }
    }

    /// Returns the photo as a messenger passes it on: upright, shrunk to `long_edge` pixels (never
    /// enlarged), of another quality, without EXIF. Its noise is drawn anew at the new size.
    #[must_use]
    pub fn recompressed(&self, long_edge: u16, quality: u8) -> Self {
        let long = u32::from(self.width.max(self.height)).max(1);
        let target = u32::from(long_edge.max(1)).min(long);
        let shrink =
            |edge: u16| u16::try_from((u32::from(edge) * target + long / 2) / long).unwrap_or(1).max(1);
        Self {
            width: shrink(self.width),
            height: shrink(self.height),
            quality,
            orientation: 1,
            exif: None,
            ..self.clone()
        }
    }

    /// Returns the file.
    ///
    /// Baseline and orientation 1 to 4 need a few rows of memory beside it; the others hold the
    /// whole picture.
    #[must_use]
    pub fn jpeg(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, self.quality.clamp(1, 100));
        encoder.set_sampling_factor(match self.subsampling {
            Subsampling::Yuv420 => SamplingFactor::R_4_2_0,
            Subsampling::Yuv422 => SamplingFactor::R_4_2_2,
            Subsampling::Yuv444 => SamplingFactor::R_4_4_4,
        });
        encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
        encoder.set_progressive(self.progressive);
        encoder.set_restart_interval(self.restart);
        let tag = (self.orientation != 1).then_some(self.orientation);
        let exif = match (&self.exif, tag) {
            (None, None) => None,
            (None, Some(_)) => Some(ExifBlock { orientation: tag, ..ExifBlock::default() }),
            (Some(exif), _) => Some(ExifBlock { orientation: exif.orientation.or(tag), ..exif.clone() }),
        };
        if let Some(exif) = exif {
            encoder.add_exif_metadata(&exif.tiff()).expect("a block of a few texts fits a segment");
        }
        let picture = self.picture();
        let (width, height) = (picture.width(), picture.height());
        let done = match self.orientation {
            5..=8 => {
                let turned = transposed(&picture, self.orientation);
                encoder.encode(&turned, height, width, ColorType::Rgb)
            }
            2..=4 => encoder.encode_image(Rows { picture, orientation: self.orientation }),
            _ => encoder.encode_image(Rows { picture, orientation: 1 }),
        };
        done.expect("no edge is 0, and memory takes every byte");
        file
    }
}

/// Gives the encoder one stored row after the other.
struct Rows {
    picture: Picture,
    orientation: u8,
}

impl ImageBuffer for Rows {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.picture.width()
    }

    fn height(&self) -> u16 {
        self.picture.height()
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let upside_down = matches!(self.orientation, 3 | 4);
        let y = if upside_down { self.picture.height() - 1 - y } else { y };
        let mut row = vec![0; usize::from(self.picture.width()) * 3];
        self.picture.row(y, &mut row);
        let pixels = row.as_chunks_mut::<3>().0;
        if matches!(self.orientation, 2 | 3) {
            pixels.reverse();
        }
        let [luma, blue, red, _] = buffers;
        for [r, g, b] in pixels {
            let (y, cb, cr) = rgb_to_ycbcr(*r, *g, *b);
            luma.push(y);
            blue.push(cb);
            red.push(cr);
        }
    }
}

/// Returns the stored pixels of orientation 5 to 8: rows of the file are columns of the picture.
fn transposed(picture: &Picture, orientation: u8) -> Vec<u8> {
    let (wide, high) = (usize::from(picture.width()), usize::from(picture.height()));
    let mut stored = vec![0; wide * high * 3];
    let mut row = vec![0; wide * 3];
    for y in 0..picture.height() {
        picture.row(y, &mut row);
        let pixels = row.as_chunks_mut::<3>().0;
        // 6 and 7 are stored with the picture's right edge on top.
        if matches!(orientation, 6 | 7) {
            pixels.reverse();
        }
        // 7 and 8 are stored with the picture's lower edge on the left.
        let column = usize::from(y);
        let column = if matches!(orientation, 7 | 8) { high - 1 - column } else { column };
        let places = stored.as_chunks_mut::<3>().0.iter_mut().skip(column).step_by(high);
        for (place, pixel) in places.zip(pixels) {
            *place = *pixel;
        }
    }
    stored
}
