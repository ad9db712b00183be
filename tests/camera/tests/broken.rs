//! Broken files are broken in the way their name says.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use lanewalk_camera::{Shot, broken};
use std::collections::{BTreeMap, BTreeSet};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

fn good() -> Vec<u8> {
    Shot { width: 160, height: 120, ..Shot::default() }.jpeg()
}

fn decodes(file: &[u8]) -> bool {
    JpegDecoder::new(ZCursor::new(file)).decode().is_ok()
}

#[test]
fn every_case_is_small_and_differs_from_all_others() {
    let good = good();
    let all = broken::all(&good);
    let names: BTreeSet<&str> = all.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), all.len());
    let files: BTreeMap<&[u8], &str> = all.iter().map(|(name, file)| (&file[..], *name)).collect();
    assert_eq!(files.len(), all.len());
    for (name, file) in &all {
        assert_ne!(*file, good, "{name}");
        assert!(file.len() <= good.len() + (1 << 20), "{name}: {} bytes", file.len());
    }
    assert_eq!(all, broken::all(&good));
}

#[test]
fn pictures_with_broken_words_are_whole() {
    let good = good();
    let mut whole = broken::trailers(&good);
    whole.extend(broken::all(&good).into_iter().filter(|(name, _)| name.starts_with("exif-")));
    assert!(whole.len() > 20);
    for (name, file) in whole {
        assert!(decodes(&file), "{name}");
    }
}

#[test]
fn what_must_be_refused_is_refused_by_a_lenient_decoder() {
    // This decoder paints a cut file grey and does not look behind the end; a stricter reader must.
    let lenient = ["cut-half", "cut-last-64", "cut-end-marker", "size-twice-as-high"];
    for (name, file) in broken::all(&good()) {
        let either = name.starts_with("exif-") || name.starts_with("odd-");
        if !either && !name.ends_with("-behind") && !lenient.contains(&name) {
            assert!(!decodes(&file), "{name}");
        }
    }
}

#[test]
fn a_bad_good_file_is_no_panic() {
    for good in [&b""[..], b"\xFF", b"\xFF\xD8\xFF\xD9", b"\xFF\xD8\xFF\xC0\0\x03\xFF\xDA"] {
        assert!(broken::all(good).len() > 80);
    }
}

#[test]
fn the_bomb_is_what_it_says() {
    let all = broken::all(&good());
    let (_, file) = all.iter().find(|(name, _)| name.starts_with("png-bomb-60000")).unwrap();
    // Signature 8, IHDR 25, then length and name of IDAT.
    let mut stream = flate2::read::ZlibDecoder::new(&file[41..file.len() - 16]);
    let many = std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
    assert_eq!(many, 60_000 * 7501);
}

#[test]
fn the_many_scans_are_legal() {
    let all = broken::all(&good());
    let (_, file) = all.iter().find(|(name, _)| name.starts_with("odd-progressive-")).unwrap();
    let scans = file.windows(2).filter(|pair| *pair == [0xFF, 0xDA]).count();
    assert_eq!(scans, 2646 + 1);
}
