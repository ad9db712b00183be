//! Sizes are judged on what the file says, before anything is decoded.

use super::files::*;
use lanewalk_media::{Limits, MediaError, MediaType, inspect};
use std::{io::Write, time::Instant};

/// The same file with another width and height in its frame header.
fn lying(file: &[u8], width: u16, height: u16) -> Vec<u8> {
    let at = file.windows(2).position(|w| matches!(w, [0xFF, 0xC0..=0xC2])).unwrap();
    let mut file = file.to_vec();
    file[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
    file[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
    file
}

#[test]
fn each_limit_has_its_error() {
    let file = jpeg(400, 300);
    let strict = Limits { max_bytes: file.len() as u64, max_pixels: 120_000, max_edge: 400, max_memory: 0 };
    assert!(taken_within(&file, &strict).is_ok());
    let bytes = file.len() as u64;
    assert_eq!(
        taken_within(&file, &Limits { max_bytes: bytes - 1, ..strict }),
        Err(MediaError::TooManyBytes { bytes, most: bytes - 1 })
    );
    assert_eq!(
        taken_within(&file, &Limits { max_pixels: 119_999, ..strict }),
        Err(MediaError::TooManyPixels { width: 400, height: 300, most: 119_999 })
    );
    assert_eq!(
        taken_within(&file, &Limits { max_edge: 399, ..strict }),
        Err(MediaError::TooLong { edge: 400, most: 399 })
    );
}

#[test]
fn what_cannot_stream_is_counted() {
    let progressive = encoded(&picture(400, 300), |encoder| encoder.set_progressive(true));
    // 25 × 19 units of 6 blocks of 64 coefficients of 2 bytes, and the copy.
    let bytes = 25 * 19 * 6 * 128 + 400 * 300 * 3;
    let limits = |max_memory| Limits { max_memory, ..Limits::default() };
    assert!(taken_within(&progressive, &limits(bytes)).is_ok());
    let refused = Err(MediaError::TooMuchMemory { bytes, most: bytes - 1 });
    assert_eq!(taken_within(&progressive, &limits(bytes - 1)), refused);

    let png = Png { width: 400, height: 300, depth: 8, colour: 2, interlaced: true, more: &[] };
    let few = limits(100_000);
    assert!(taken_within(&Png { interlaced: false, ..png }.file(|_, _| vec![1; 3]), &few).is_ok());
    assert_eq!(taken_within(&png.file(|_, _| vec![1; 3]), &few).unwrap_err().code(), "too_much_memory");

    let mut webp = Vec::new();
    let encoder = image_webp::WebPEncoder::new(&mut webp);
    encoder.encode(&picture(400, 300).data, 400, 300, image_webp::ColorType::Rgb8).unwrap();
    assert_eq!(taken_within(&webp, &few).unwrap_err().code(), "too_much_memory");
    assert_eq!(
        taken_within(include_bytes!("data/lossy.webp"), &limits(9_999)).unwrap_err().code(),
        "too_much_memory"
    );
}

#[test]
fn a_lying_header_costs_nothing() {
    let clock = Instant::now();
    let plain = jpeg(64, 48);
    let progressive = encoded(&picture(64, 48), |encoder| encoder.set_progressive(true));
    for file in [&plain, &progressive] {
        let all = taken(&lying(file, 65_535, 65_535)).unwrap_err();
        assert_eq!(all, MediaError::TooManyPixels { width: 65_535, height: 65_535, most: 50_000_000 });
        assert_eq!(taken(&lying(file, 0, 48)).unwrap_err().code(), "malformed");
        assert_eq!(taken(&lying(file, 64, 0)).unwrap_err().code(), "malformed");
        assert_eq!(taken(&lying(file, 65_535, 48)).unwrap_err().code(), "too_long");
    }
    assert_eq!(taken(&lying(&plain, 8_000, 6_000)).unwrap_err().code(), "malformed");
    assert_eq!(taken(&lying(&progressive, 8_000, 6_000)).unwrap_err().code(), "too_much_memory");
    // The largest lie that is let through to the decoder.
    assert_eq!(taken(&lying(&progressive, 4_400, 3_300)).unwrap_err().code(), "malformed");
    eprintln!("{} ms for all lies", clock.elapsed().as_millis());
}

#[test]
fn the_largest_edge_streams() {
    let long = Png { width: 65_500, height: 20, depth: 8, colour: 0, ..Png::default() };
    let out = taken(&long.file(|x, _| vec![(x % 251) as u8])).unwrap();
    assert_eq!(out.evidence_size, (2_048, 1));
    let tall = Png { width: 20, height: 65_500, ..long };
    assert_eq!(taken(&tall.file(|_, y| vec![(y % 251) as u8])).unwrap().evidence_size, (1, 2_048));
}

#[test]
fn a_header_is_read_without_decoding() {
    // Noise in the place of the scan's bytes: no decoder would pass it.
    let mut file = encoded(&picture(400, 300), |encoder| {
        encoder.add_app_segment(1, [b"Exif\0\0", &tiff(6)[..]].concat()).unwrap();
    });
    let scan = file.windows(2).position(|w| w == [0xFF, 0xDA]).unwrap() + 14;
    let end = file.len() - 2;
    file[scan..end].fill(0xAA);
    let mut on_disk = tempfile::NamedTempFile::new().unwrap();
    on_disk.write_all(&file).unwrap();
    let header = inspect(on_disk.path(), &Limits::default()).unwrap();
    assert_eq!((header.media, header.width, header.height), (MediaType::Jpeg, 300, 400));
    assert_eq!((header.original.bytes, header.exif), (file.len() as u64, None));
    assert_eq!(taken(&file).unwrap_err().code(), "malformed");
}
