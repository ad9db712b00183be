//! The perceptual hash: turned, recompressed, shrunk and brightened copies are found, strangers not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr)]

use lanewalk_camera::scene;
use lanewalk_media::phash::of_luma;
use lanewalk_model::photo::PHash;
use std::f64::consts::PI;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// A grey picture.
#[derive(Clone)]
struct Grey {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl Grey {
    fn of_rgb(width: usize, height: usize, rgb: &[u8]) -> Self {
        let luma = |p: &[u8]| (u32::from(p[0]) * 77 + u32::from(p[1]) * 150 + u32::from(p[2]) * 29) >> 8;
        Self { width, height, data: rgb.chunks_exact(3).map(|p| luma(p) as u8).collect() }
    }

    fn of_jpeg(jpeg: &[u8]) -> Self {
        let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
        let data = decoder.decode().unwrap();
        let (width, height) = decoder.dimensions().unwrap();
        Self { width, height, data }
    }

    fn scene(seed: u64) -> Self {
        let picture = scene(seed, 640, 480);
        Self::of_rgb(640, 480, &picture.rgb())
    }

    fn shrunk(&self, width: usize, height: usize) -> Self {
        let mut data = Vec::new();
        for y in 0..height {
            let rows = y * self.height / height..(y + 1) * self.height / height;
            for x in 0..width {
                let columns = x * self.width / width..(x + 1) * self.width / width;
                let n = rows.len() * columns.len();
                let row_sum = |r: usize| -> usize {
                    self.data[r * self.width..][columns.clone()].iter().map(|p| usize::from(*p)).sum()
                };
                data.push(((rows.clone().map(row_sum).sum::<usize>() + n / 2) / n) as u8);
            }
        }
        Self { width, height, data }
    }

    fn map(&self, change: impl Fn(f64) -> f64) -> Self {
        let data = self.data.iter().map(|p| change(f64::from(*p)).clamp(0.0, 255.0) as u8).collect();
        Self { data, ..*self }
    }

    fn recompressed(&self, quality: u8) -> Self {
        let mut out = Vec::new();
        let encoder = jpeg_encoder::Encoder::new(&mut out, quality);
        let (width, height) = (self.width as u16, self.height as u16);
        encoder.encode(&self.data, width, height, jpeg_encoder::ColorType::Luma).unwrap();
        Self::of_jpeg(&out)
    }

    fn luma(&self) -> [u8; 1024] {
        self.shrunk(32, 32).data.try_into().unwrap()
    }

    fn hash(&self) -> Option<PHash> {
        of_luma(&self.luma())
    }
}

fn photos() -> Vec<(&'static str, Grey)> {
    ["DSCN0010.jpg", "HMD_Nokia_8.3_5G.jpg", "landscape_1.jpg"]
        .into_iter()
        .filter_map(|name| {
            let path = format!("{}/../../../shared/data/photos/{name}", env!("CARGO_MANIFEST_DIR"));
            let found = std::fs::read(path).ok();
            if found.is_none() {
                eprintln!("skipped: the sample photo {name} is not there");
            }
            Some((name, Grey::of_jpeg(&found?)))
        })
        .collect()
}

/// The definition, in floating point.
fn by_definition(luma: &[u8; 1024]) -> (u64, Vec<f64>) {
    let mut coefficients = Vec::new();
    for v in 0..8 {
        for u in 0..8 {
            let wave = |n: usize, f: usize| ((2 * n + 1) as f64 * f as f64 * PI / 64.0).cos();
            let cell = |i: usize| f64::from(luma[i]) * wave(i % 32, u) * wave(i / 32, v);
            coefficients.push((0..1024).map(cell).sum::<f64>() / 16.0);
        }
    }
    let bits = coefficients.iter().enumerate().skip(1).filter(|(_, c)| **c > 0.0);
    (bits.fold(0, |hash, (bit, _)| hash | 1 << bit), coefficients)
}

#[test]
fn the_bits_are_those_of_the_definition() {
    for seed in 0..20 {
        let luma = Grey::scene(seed).luma();
        let (expected, coefficients) = by_definition(&luma);
        let Some(hash) = of_luma(&luma) else { continue };
        for bit in (0..64).filter(|bit| (hash.0 ^ expected) >> bit & 1 == 1) {
            // The table has 14 binary places: only a coefficient of no size may differ.
            assert!(coefficients[bit].abs() < 0.5, "seed {seed}, bit {bit}: {}", coefficients[bit]);
        }
        assert_eq!(hash.0 & 1, 0);
    }
    // Bright in one corner: both lowest frequencies are positive there.
    let luma: [u8; 1024] = std::array::from_fn(|i| if i % 32 < 13 && i / 32 < 9 { 200 } else { 20 });
    let hash = of_luma(&luma).unwrap();
    assert_eq!(hash.0 >> 1 & 1, 1, "brighter on the left");
    assert_eq!(hash.0 >> 8 & 1, 1, "brighter above");
}

#[test]
fn turning_the_picture_permutes_the_bits() {
    type Step = fn(usize, usize) -> (usize, usize);
    // Where the pixel at (x, y) comes from, in the order of `PHash::orientations`.
    let ways: [Step; 8] = [
        |x, y| (x, y),
        |x, y| (31 - x, y),
        |x, y| (x, 31 - y),
        |x, y| (31 - x, 31 - y),
        |x, y| (y, x),
        |x, y| (y, 31 - x),
        |x, y| (31 - y, x),
        |x, y| (31 - y, 31 - x),
    ];
    for seed in 0..20 {
        let luma = Grey::scene(seed).luma();
        let Some(hash) = of_luma(&luma) else { continue };
        for (way, from) in ways.into_iter().enumerate() {
            let turned: [u8; 1024] = std::array::from_fn(|i| {
                let (x, y) = from(i % 32, i / 32);
                luma[y * 32 + x]
            });
            let turned = of_luma(&turned).unwrap();
            assert_eq!(hash.distance(turned), 0, "seed {seed}, way {way}");
            let same = hash.orientations().iter().position(|h| h.0 | 1 == turned.0 | 1);
            assert!(same.is_some(), "seed {seed}, way {way}");
            if way < 5 {
                assert_eq!(same, Some(way), "seed {seed}");
            }
        }
    }
}

#[test]
fn copies_are_near() {
    let scenes = (0..12).map(|seed| ("scene", Grey::scene(seed)));
    let mut most = 0;
    for (name, picture) in photos().into_iter().chain(scenes) {
        let Some(hash) = picture.hash() else { continue };
        let (w, h) = (picture.width, picture.height);
        for (what, copy) in [
            ("quality 30", picture.recompressed(30)),
            ("half", picture.shrunk(w / 2, h / 2).recompressed(80)),
            ("third", picture.shrunk(w / 3, h / 3).recompressed(60)),
            ("brighter", picture.map(|p| p * 1.15 + 12.0)),
            ("darker", picture.map(|p| p * 0.7)),
            ("gamma", picture.map(|p| 255.0 * (p / 255.0).powf(0.8))),
        ] {
            let away = hash.distance(copy.hash().unwrap());
            assert!(away <= 10, "{name} {what}: {away}");
            most = most.max(away);
        }
    }
    eprintln!("farthest copy: {most} bits");
}

#[test]
fn strangers_are_far() {
    let scenes = (100..160).map(|seed| ("scene", Grey::scene(seed)));
    let hashes: Vec<PHash> = photos().into_iter().chain(scenes).filter_map(|(_, p)| p.hash()).collect();
    assert!(hashes.len() >= 40, "{} pictures have a hash", hashes.len());
    let mut away: Vec<u32> =
        hashes.iter().enumerate().flat_map(|(n, a)| hashes[..n].iter().map(|b| a.distance(*b))).collect();
    away.sort_unstable();
    let at = |part: f64| away[(away.len() as f64 * part) as usize];
    eprintln!(
        "{} pairs: least {}, 1 % {}, 10 % {}, median {}",
        away.len(),
        away[0],
        at(0.01),
        at(0.1),
        at(0.5)
    );
    assert!(at(0.0) > 10, "{away:?}");
}

#[test]
fn pictures_of_nothing_have_no_hash() {
    let noise = |x: usize, y: usize| ((x * 7_919 + y * 104_729) % 97) as f64 / 97.0 - 0.5;
    let made = |f: &dyn Fn(f64, f64) -> f64, noisy: f64| {
        let (width, height) = (320, 240);
        let data = (0..width * height)
            .map(|i| (i % width, i / width))
            .map(|(x, y)| f(x as f64 / 320.0, y as f64 / 240.0) + noisy * noise(x, y))
            .map(|p| p.round().clamp(0.0, 255.0) as u8)
            .collect();
        Grey { width, height, data }
    };
    let off_centre = |x: f64, y: f64| (x - 0.5).powi(2) + (y - 0.5).powi(2);
    for (what, picture) in [
        ("black", made(&|_, _| 0.0, 0.0)),
        ("white", made(&|_, _| 255.0, 0.0)),
        ("covered lens", made(&|_, _| 3.0, 6.0)),
        ("sky", made(&|_, y| 160.0 + 60.0 * y, 6.0)),
        ("sky with the sun at the side", made(&|x, y| 100.0 + 60.0 * y + 40.0 * x, 6.0)),
        ("wall, darker at its corners", made(&|x, y| 200.0 - 160.0 * off_centre(x, y), 8.0)),
    ] {
        assert_eq!(picture.hash(), None, "{what}");
        assert_eq!(picture.recompressed(50).hash(), None, "{what}, recompressed");
    }
    let cracked = |x: f64, y: f64| {
        if (x - 0.5 - 0.1 * (y * 9.0).sin()).abs() < 0.008 { 70.0 } else { 190.0 - 40.0 * off_centre(x, y) }
    };
    assert!(made(&cracked, 6.0).hash().is_some(), "a wall with a crack");
    for (name, photo) in photos() {
        assert!(photo.hash().is_some(), "{name}");
    }
}
