//! Files in every format, of one picture that survives them all.

use flate2::{Compression, Crc, write::ZlibEncoder};
use jpeg_encoder::{ColorType, Encoder, JpegColorType, SamplingFactor};
use lanewalk_media::{Intake, Limits, MediaError, intake, pixels::Rgb};
use std::io::Write;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// Slow gradients, different in each corner and channel: turning shows, subsampling does not.
pub(crate) fn pixel(x: u32, y: u32, width: u32, height: u32) -> [u8; 3] {
    let part = |at: u32, of: u32| f64::from(at) / f64::from(of.max(2) - 1);
    let (x, y) = (part(x, width), part(y, height));
    [30.0 + 200.0 * x, 220.0 - 180.0 * y, 40.0 + 170.0 * x * y].map(|channel: f64| channel.round() as u8)
}

pub(crate) fn picture(width: u32, height: u32) -> Rgb {
    let data = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y, width, height))).collect();
    Rgb { width, height, data }
}

/// A baseline file of the gradients with the sampling of phones.
pub(crate) fn jpeg(width: u32, height: u32) -> Vec<u8> {
    encoded(&picture(width, height), |_| {})
}

pub(crate) fn encoded(picture: &Rgb, set: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 92);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    set(&mut encoder);
    let (width, height) = (picture.width as u16, picture.height as u16);
    encoder.encode(&picture.data, width, height, ColorType::Rgb).unwrap();
    file
}

/// Inks stored inverted, with the Adobe segment, as every writer of CMYK does it.
pub(crate) fn cmyk(picture: &Rgb, colour: JpegColorType) -> Vec<u8> {
    let inks: Vec<u8> = picture.data.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
    let mut file = Vec::new();
    let encoder = Encoder::new(&mut file, 92);
    let kind = match colour {
        JpegColorType::Ycck => ColorType::CmykAsYcck,
        _ => ColorType::Cmyk,
    };
    let (width, height) = (picture.width as u16, picture.height as u16);
    // The encoder inverts; it is given ink.
    let inks: Vec<u8> = inks.iter().map(|light| 255 - light).collect();
    encoder.encode(&inks, width, height, kind).unwrap();
    file
}

/// How a PNG is written.
#[derive(Clone, Copy, Default)]
pub(crate) struct Png<'a> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) depth: u8,
    pub(crate) colour: u8,
    pub(crate) interlaced: bool,
    /// Chunks between header and data.
    pub(crate) more: &'a [(&'a [u8; 4], &'a [u8])],
}

impl Png<'_> {
    /// `pixel` gives the bytes of one pixel; depths under 8 are not packed here.
    pub(crate) fn file(self, pixel: impl Fn(u32, u32) -> Vec<u8>) -> Vec<u8> {
        // First column, first row, step across, step down.
        const PASSES: [(u32, u32, usize, usize); 7] = [
            (0, 0, 8, 8),
            (4, 0, 8, 8),
            (0, 4, 4, 8),
            (2, 0, 4, 4),
            (0, 2, 2, 4),
            (1, 0, 2, 2),
            (0, 1, 1, 2),
        ];
        let passes = if self.interlaced { &PASSES[..] } else { &[(0, 0, 1, 1)] };
        let mut raw = Vec::new();
        for &(left, top, across, down) in passes {
            for y in (top..self.height).step_by(down).filter(|_| left < self.width) {
                raw.push(0);
                raw.extend((left..self.width).step_by(across).flat_map(|x| pixel(x, y)));
            }
        }
        let mut data = ZlibEncoder::new(Vec::new(), Compression::fast());
        data.write_all(&raw).unwrap();
        let mut header = [self.width.to_be_bytes(), self.height.to_be_bytes()].concat();
        header.extend([self.depth, self.colour, 0, 0, u8::from(self.interlaced)]);
        let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
        file.extend(chunk(b"IHDR", &header));
        file.extend(self.more.iter().flat_map(|(name, body)| chunk(name, body)));
        file.extend(chunk(b"IDAT", &data.finish().unwrap()));
        file.extend(chunk(b"IEND", &[]));
        file
    }
}

pub(crate) fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut sum = Crc::new();
    sum.update(name);
    sum.update(body);
    [&(body.len() as u32).to_be_bytes()[..], name, body, &sum.sum().to_be_bytes()].concat()
}

/// A TIFF block that says nothing but how to hold the picture.
pub(crate) fn tiff(orientation: u8) -> Vec<u8> {
    [&b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"[..], &[orientation, 0, 0, 0, 0, 0, 0]].concat()
}

pub(crate) fn taken(file: &[u8]) -> Result<Intake, MediaError> {
    taken_within(file, &Limits::default())
}

pub(crate) fn taken_within(file: &[u8], limits: &Limits) -> Result<Intake, MediaError> {
    let mut on_disk = tempfile::NamedTempFile::new().unwrap();
    on_disk.write_all(file).unwrap();
    intake(on_disk.path(), None, limits)
}

/// Decodes with another decoder than the intake's.
pub(crate) fn decoded(jpeg: &[u8]) -> Rgb {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    let data = decoder.decode().unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    Rgb { width: width as u32, height: height as u32, data }
}

/// Fails unless the copy is the gradients: on average within 2 levels, nowhere 16 off.
pub(crate) fn assert_gradients(copy: &[u8], name: &str) {
    let got = decoded(copy);
    assert_like(&got, &picture(got.width, got.height), name);
}

pub(crate) fn assert_like(got: &Rgb, wanted: &Rgb, name: &str) {
    assert_eq!((got.width, got.height), (wanted.width, wanted.height), "{name}: size");
    let far: Vec<u32> = got.data.iter().zip(&wanted.data).map(|(a, b)| a.abs_diff(*b).into()).collect();
    let mean = f64::from(far.iter().sum::<u32>()) / far.len() as f64;
    let worst = far.iter().max().unwrap();
    assert!(mean < 2.0 && *worst < 16, "{name}: mean {mean}, worst {worst}");
}
