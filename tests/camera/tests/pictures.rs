//! Pictures: stable bytes, sizes, likeness, all eight ways to hold them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use lanewalk_camera::{ExifBlock, STRANGERS, Shot, Subsampling, scene};
use lanewalk_model::photo::PHash;
use sha2::{Digest, Sha256};
use std::f64::consts::PI;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

fn decode(file: &[u8]) -> (usize, usize, Vec<u8>) {
    let mut decoder = JpegDecoder::new(ZCursor::new(file));
    let pixels = decoder.decode().unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    (width, height, pixels)
}

/// The hash as `lanewalk_model::photo::PHash` defines it, straight from the sum.
fn hash(rgb: &[u8], width: usize, height: usize) -> PHash {
    let mut cells = [0.0; 1024];
    for (i, cell) in cells.iter_mut().enumerate() {
        let (x, y) = (i % 32, i / 32);
        let columns = x * width / 32..(x + 1) * width / 32;
        let rows = y * height / 32..(y + 1) * height / 32;
        let many = (columns.len() * rows.len()) as f64;
        for at in rows.flat_map(|y| columns.clone().map(move |x| (y * width + x) * 3)) {
            let [r, g, b] = [0, 1, 2].map(|c| f64::from(rgb[at + c]));
            *cell += (0.299 * r + 0.587 * g + 0.114 * b) / many;
        }
    }
    let wave = |k: usize, n: usize| ((2 * n + 1) as f64 * k as f64 * PI / 64.0).cos();
    let positive = |n: &usize| {
        let sum: f64 =
            cells.iter().enumerate().map(|(i, c)| c * wave(n % 8, i % 32) * wave(n / 8, i / 32)).sum();
        sum > 0.0
    };
    PHash((1..64).filter(positive).fold(0, |bits, n| bits | 1 << n))
}

fn small(seed: u64) -> Shot {
    Shot { seed, width: 256, height: 192, ..Shot::default() }
}

fn hash_of(shot: &Shot) -> PHash {
    hash(&shot.picture().rgb(), shot.width.into(), shot.height.into())
}

#[test]
fn bytes_are_the_same_everywhere() {
    let exif = ExifBlock { local_ms: Some(1_700_000_000_000), make: "Lane".into(), ..ExifBlock::default() };
    let odd = Shot {
        seed: 7,
        width: 201,
        height: 135,
        orientation: 6,
        subsampling: Subsampling::Yuv444,
        exif: Some(exif),
        ..Shot::default()
    };
    let sums = [small(1), odd].map(|shot| {
        let sum = Sha256::digest(shot.jpeg());
        sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    });
    assert_eq!(
        sums,
        [
            "e797755f3cfefdca6715ced06ffb13733b68939f7064d987fb9b0cf28f1ba8fb",
            "07e3b430bc6e8287502f0db8fa499594b9ad5917777d00267cf421f7ef1deb63",
        ]
    );
}

#[test]
fn a_row_needs_no_other_row() {
    let picture = scene(3, 320, 240);
    let all = picture.rgb();
    for y in [239, 0, 120] {
        let mut row = vec![0; 960];
        picture.row(y, &mut row);
        assert_eq!(row, all[usize::from(y) * 960..][..960]);
    }
}

#[test]
fn files_are_as_large_as_a_phones() {
    // 12 MP are to weigh 4 to 6 MB: 0.33 to 0.5 bytes a pixel.
    for seed in [1, 2, 3, 42] {
        let shot = Shot { seed, width: 1600, height: 1200, ..Shot::default() };
        let per_pixel = shot.jpeg().len() as f64 / (1600.0 * 1200.0);
        assert!((0.33..0.5).contains(&per_pixel), "seed {seed}: {per_pixel} bytes a pixel");
    }
}

#[test]
fn every_kind_decodes_to_the_picture() {
    let base = Shot { width: 203, height: 117, ..small(5) };
    let upright = base.picture().rgb();
    let kinds = [(Subsampling::Yuv420, 0x22), (Subsampling::Yuv422, 0x21), (Subsampling::Yuv444, 0x11)];
    for (subsampling, factors) in kinds {
        for (progressive, restart) in [(false, 0), (true, 0), (false, 4)] {
            let shot = Shot { subsampling, progressive, restart, ..base.clone() };
            let file = shot.jpeg();
            // Precision 8, height, width, three components, the first's number and its factors.
            let frame = [8, 0, 117, 0, 203, 3, 0, factors];
            assert!(file.windows(8).any(|bytes| bytes == frame), "{subsampling:?}");
            let (width, height, pixels) = decode(&file);
            assert_eq!((width, height), (203, 117));
            let off = difference(&pixels, &upright);
            assert!(off < 9.0, "{subsampling:?} progressive {progressive}: {off} levels off");
        }
    }
}

fn difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.len() as f64
}

#[test]
fn who_obeys_the_orientation_sees_the_same_picture() {
    let base = Shot { width: 48, height: 32, quality: 100, subsampling: Subsampling::Yuv444, ..small(2) };
    let upright = base.picture().rgb();
    for orientation in 1..=8 {
        let shot = Shot { orientation, ..base.clone() };
        let (width, height, stored) = decode(&shot.jpeg());
        assert_eq!((width, height), if orientation < 5 { (48, 32) } else { (32, 48) });
        // Where the standard's table puts stored row and column of the upright pixel (x, y).
        let seen: Vec<u8> = (0..32 * 48)
            .flat_map(|i| {
                let (x, y) = (i % 48, i / 48);
                let (column, row) = match orientation {
                    2 => (47 - x, y),
                    3 => (47 - x, 31 - y),
                    4 => (x, 31 - y),
                    5 => (y, x),
                    6 => (y, 47 - x),
                    7 => (31 - y, 47 - x),
                    8 => (31 - y, x),
                    _ => (x, y),
                };
                let at = (row * width + column) * 3;
                [stored[at], stored[at + 1], stored[at + 2]]
            })
            .collect();
        let off = difference(&seen, &upright);
        assert!(off < 1.5, "orientation {orientation}: {off} levels off");
    }
}

#[test]
fn strangers_are_never_confused() {
    let hashes = STRANGERS.map(|seed| hash_of(&small(seed)));
    for (i, a) in hashes.iter().enumerate() {
        for (j, b) in hashes.iter().enumerate().take(i) {
            let distance = a.distance(*b);
            assert!(distance >= 22, "seeds {} and {}: {distance}", STRANGERS[i], STRANGERS[j]);
        }
    }
}

#[test]
fn most_other_places_are_far_apart_too() {
    let hashes: Vec<PHash> = (100..160).map(|seed| hash_of(&small(seed))).collect();
    let pairs: Vec<u32> =
        hashes.iter().enumerate().flat_map(|(i, a)| hashes.iter().take(i).map(|b| a.distance(*b))).collect();
    let near = pairs.iter().filter(|distance| **distance < 22).count();
    assert!(near * 10 < pairs.len(), "{near} of {} pairs nearer than 22", pairs.len());
    assert!(pairs.iter().all(|distance| *distance > 10));
}

#[test]
fn the_next_moment_looks_the_same_and_is_another_file() {
    for seed in 1..20 {
        let first = small(seed);
        let next = first.again();
        assert_ne!(first.jpeg(), next.jpeg());
        let distance = hash_of(&first).distance(hash_of(&next));
        assert!(distance <= 10, "seed {seed}: {distance}");
        let passed_on = Shot { width: 800, height: 600, ..first.clone() }.recompressed(320, 60);
        assert_eq!((passed_on.width, passed_on.height), (320, 240));
        let (width, height, pixels) = decode(&passed_on.jpeg());
        let distance = hash_of(&first).distance(hash(&pixels, width, height));
        assert!(distance <= 10, "seed {seed} passed on: {distance}");
    }
}

#[test]
fn no_edge_is_nothing() {
    let (width, height, _) = decode(&Shot { width: 0, height: 0, ..small(1) }.jpeg());
    assert_eq!((width, height), (1, 1));
}
