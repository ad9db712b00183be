//! Every accepted format gives the same picture.

use super::files::*;
use jpeg_encoder::{JpegColorType, SamplingFactor};
use lanewalk_media::{MediaType, redraw};
use mozjpeg::{ColorSpace, Compress, ScanMode};
use sha2::{Digest, Sha256};

#[test]
fn jpeg_of_every_sampling() {
    use SamplingFactor::*;
    for factor in [F_1_1, F_2_1, F_1_2, F_2_2, F_4_1, F_4_2, F_1_4, F_2_4] {
        for (progressive, restart, size) in
            [(false, 0, (203, 117)), (false, 3, (160, 160)), (true, 0, (203, 117))]
        {
            let file = encoded(&picture(size.0, size.1), |encoder| {
                encoder.set_sampling_factor(factor);
                encoder.set_progressive(progressive);
                encoder.set_restart_interval(restart);
            });
            let name = format!("{factor:?} progressive {progressive} restart {restart}");
            let out = taken(&file).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!((out.width, out.height, out.evidence_size), (size.0, size.1, size), "{name}");
            assert_gradients(&out.evidence, &name);
            assert_gradients(&out.thumbnail, &name);
        }
    }
}

/// Factors as `(across, down)` per component.
fn odd(factors: [(i32, i32); 3], interleaved: bool) -> Vec<u8> {
    let (width, height) = (203, 117);
    let mut encoder = Compress::new(ColorSpace::JCS_RGB);
    encoder.set_size(width as usize, height as usize);
    encoder.set_fastest_defaults();
    encoder.set_quality(92.0);
    if !interleaved {
        encoder.set_scan_optimization_mode(ScanMode::ScanPerComponent);
        encoder.set_progressive_mode();
    }
    for (component, (across, down)) in encoder.components_mut().iter_mut().zip(factors) {
        (component.h_samp_factor, component.v_samp_factor) = (across, down);
    }
    let mut started = encoder.start_compress(Vec::new()).unwrap();
    started.write_scanlines(&picture(width, height).data).unwrap();
    started.finish().unwrap()
}

#[test]
fn jpeg_of_odd_sampling() {
    for factors in [
        [(3, 1), (1, 1), (1, 1)],
        [(1, 3), (1, 1), (1, 1)],
        [(2, 2), (1, 2), (2, 1)],
        [(1, 1), (2, 2), (2, 2)],
        [(4, 1), (2, 1), (1, 1)],
    ] {
        for interleaved in [true, false] {
            let name = format!("{factors:?} {interleaved}");
            let out = taken(&odd(factors, interleaved)).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_gradients(&out.evidence, &name);
        }
    }
}

#[test]
fn jpeg_of_inks_and_of_grey() {
    for colour in [JpegColorType::Cmyk, JpegColorType::Ycck] {
        let out = taken(&cmyk(&picture(120, 90), colour)).unwrap();
        assert_gradients(&out.evidence, &format!("{colour:?}"));
    }
    let grey: Vec<u8> = (0..90 * 120).map(|at| (at % 120 * 2) as u8).collect();
    let mut file = Vec::new();
    jpeg_encoder::Encoder::new(&mut file, 92).encode(&grey, 120, 90, jpeg_encoder::ColorType::Luma).unwrap();
    let got = decoded(&taken(&file).unwrap().evidence);
    let wanted = grey.iter().flat_map(|g| [*g; 3]).collect();
    assert_like(&got, &lanewalk_media::pixels::Rgb { data: wanted, ..got.clone() }, "grey");
}

#[test]
fn png_of_every_kind() {
    let (width, height) = (203, 117);
    let rgb = |x, y| pixel(x, y, width, height);
    for interlaced in [false, true] {
        let png = Png { width, height, depth: 8, colour: 2, interlaced, more: &[] };
        let files = [
            ("rgb", png.file(|x, y| rgb(x, y).to_vec())),
            ("rgba", Png { colour: 6, ..png }.file(|x, y| [&rgb(x, y)[..], &[255]].concat())),
            (
                "rgb 16",
                Png { depth: 16, ..png }.file(|x, y| rgb(x, y).into_iter().flat_map(|c| [c, 77]).collect()),
            ),
        ];
        for (name, file) in files {
            let name = format!("{name} interlaced {interlaced}");
            let out = taken(&file).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(out.media, MediaType::Png);
            assert_gradients(&out.evidence, &name);
        }
    }
}

#[test]
fn png_of_few_colours_and_none() {
    let base = Png { width: 64, height: 48, depth: 8, ..Png::default() };
    let palette: Vec<u8> = (0..=255_u8).flat_map(|n| [n, 255 - n, 128]).collect();
    let seen = |file: &[u8], at: usize| {
        let picture = decoded(&taken(file).unwrap().evidence);
        <[u8; 3]>::try_from(&picture.data[at * 3..at * 3 + 3]).unwrap()
    };
    let near = |got: [u8; 3], wanted: [u8; 3]| {
        assert!(got.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) < 6), "{got:?} is not {wanted:?}");
    };
    let indexed = Png { colour: 3, more: &[(b"PLTE", &palette)], ..base }.file(|_, _| vec![200]);
    near(seen(&indexed, 100), [200, 55, 128]);
    let see_through = Png { colour: 3, more: &[(b"PLTE", &palette), (b"tRNS", &[0; 201])], ..base };
    near(seen(&see_through.file(|_, _| vec![200]), 100), [255; 3]);
    near(seen(&base.file(|_, _| vec![90]), 100), [90; 3]);
    near(seen(&Png { colour: 4, ..base }.file(|_, _| vec![0, 128]), 100), [127; 3]);
    near(seen(&Png { colour: 6, ..base }.file(|_, _| vec![255, 0, 0, 0]), 100), [255; 3]);
    near(
        seen(&Png { colour: 6, depth: 16, ..base }.file(|_, _| vec![0, 0, 0, 0, 255, 255, 128, 0]), 100),
        [127, 127, 255],
    );
}

#[test]
fn webp_with_and_without_loss() {
    let (width, height) = (203, 117);
    let mut file = Vec::new();
    let encoder = image_webp::WebPEncoder::new(&mut file);
    encoder.encode(&picture(width, height).data, width, height, image_webp::ColorType::Rgb8).unwrap();
    let out = taken(&file).unwrap();
    assert_eq!(out.media, MediaType::WebP);
    assert_gradients(&out.evidence, "lossless");

    // Red grows to the right, green downwards; the second one is white in its right half.
    for (file, right) in [
        (&include_bytes!("data/lossy.webp")[..], [240, 120, 168]),
        (&include_bytes!("data/lossy-alpha.webp")[..], [255; 3]),
    ] {
        let copy = decoded(&taken(file).unwrap().evidence);
        let at = |x: usize, y: usize| &copy.data[(y * 64 + x) * 3..][..3];
        for (got, wanted) in [(at(8, 24), [32, 120, 64]), (at(60, 24), right)] {
            assert!(got.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) < 24), "{got:?} is not {wanted:?}");
        }
    }
}

#[test]
fn a_large_picture_is_shrunk_and_named_by_its_bytes() {
    for (width, height, evidence, thumbnail) in [
        (2_600, 1_300, (2_048, 1_024), (320, 160)),
        (700, 4_400, (326, 2_048), (51, 320)),
        (321, 7, (321, 7), (320, 7)),
        (1, 1, (1, 1), (1, 1)),
    ] {
        let file = jpeg(width, height);
        let out = taken(&file).unwrap();
        let name = format!("{width} × {height}");
        assert_eq!((out.width, out.height), (width, height));
        assert_eq!((out.evidence_size, out.thumbnail_size), (evidence, thumbnail), "{name}");
        assert_eq!(
            (out.original.bytes, &out.original.sha256.0[..]),
            (file.len() as u64, &Sha256::digest(&file)[..])
        );
        // Seven rows from one end of a channel to the other are no slow gradients.
        if height > 50 {
            assert_gradients(&out.evidence, &name);
            assert_gradients(&out.thumbnail, &name);
        }
    }
}

/// Segments before the first scan, by their codes.
fn segments(jpeg: &[u8]) -> Vec<u8> {
    let (mut at, mut codes) = (2, Vec::new());
    while jpeg[at + 1] != 0xDA {
        codes.push(jpeg[at + 1]);
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    }
    codes
}

#[test]
fn copies_carry_no_metadata() {
    let file = encoded(&picture(400, 300), |encoder| {
        encoder.add_app_segment(1, [b"Exif\0\0", &tiff(6)[..]].concat()).unwrap();
        encoder.add_icc_profile(&[7; 3_000]).unwrap();
        encoder.add_app_segment(13, b"Photoshop 3.0\0".to_vec()).unwrap();
    });
    let out = taken(&file).unwrap();
    let again = redraw(&file, 200, &lanewalk_media::Limits::default()).unwrap();
    for copy in [&out.evidence, &out.thumbnail, &again.jpeg] {
        let codes = segments(copy);
        assert!(codes.iter().all(|code| matches!(code, 0xE0 | 0xDB | 0xC0 | 0xC4)), "{codes:X?}");
    }
    assert_eq!(again.size, (150, 200));
    assert_eq!(again.phash, out.phash);
}

#[test]
fn headquarters_redraws_jpeg_only() {
    let limits = lanewalk_media::Limits::default();
    let png = Png { width: 8, height: 8, depth: 8, colour: 0, ..Png::default() }.file(|_, _| vec![9]);
    assert_eq!(redraw(&png, 320, &limits).unwrap_err().code(), "unsupported");
    // At the size itself, at a half, a quarter and an eighth by the decoder; odd edges.
    for (size, copy_size) in [
        ((500, 400), (320, 256)),
        ((1_283, 641), (320, 160)),
        ((2_601, 1_299), (320, 160)),
        ((5_203, 2_599), (320, 160)),
    ] {
        let copy = redraw(&jpeg(size.0, size.1), 320, &limits).unwrap();
        assert_eq!(copy.size, copy_size);
        assert_gradients(&copy.jpeg, &format!("{size:?} redrawn"));
    }
}
