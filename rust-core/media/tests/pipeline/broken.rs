//! Broken and hostile files: a typed error, soon, and never a panic.

use super::files::*;
use lanewalk_camera::{Shot, broken};
use lanewalk_media::MediaError;
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// No broken file may keep a phone longer; the good ones of this size take 5 ms.
const SOON: Duration = Duration::from_secs(2);

fn good() -> Vec<u8> {
    Shot { width: 320, height: 240, ..Shot::default() }.jpeg()
}

#[test]
fn the_corpus_is_refused() {
    let mut wrong = Vec::new();
    for (name, file) in broken::all(&good()) {
        let clock = Instant::now();
        let result = taken(&file).map(|_| ()).map_err(|e| e.to_string());
        let slow = clock.elapsed();
        eprintln!("{name}: {result:?} in {slow:?}");
        let expected = match name {
            _ if name.starts_with("exif-") => result.is_ok(),
            _ if name.starts_with("flip-") || name.starts_with("odd-") => true,
            _ => result.is_err(),
        };
        if !expected || slow > SOON {
            wrong.push(format!("{name}: {result:?} in {slow:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn refusals_say_why() {
    let codes: Vec<(&str, &str)> = broken::all(&good())
        .into_iter()
        .filter_map(|(name, file)| Some((name, taken(&file).err()?.code())))
        .collect();
    for (name, code) in [
        ("empty", "unsupported"),
        ("zip", "unsupported"),
        ("svg", "unsupported"),
        ("gif", "unsupported"),
        ("heic", "transcode_first"),
        ("avif", "transcode_first"),
        ("cut-half", "truncated"),
        ("cut-end-marker", "truncated"),
        ("size-height-0", "malformed"),
        ("size-65535x65535", "too_many_pixels"),
        ("size-twice-as-high", "malformed"),
        ("frame-12-bits", "unsupported"),
        ("frame-arithmetic", "unsupported"),
        ("frame-twice", "malformed"),
        ("quantization-missing", "malformed"),
        ("png-bomb-60000x60000", "too_many_pixels"),
        ("polyglot-zip-before", "unsupported"),
        ("polyglot-zip-behind", "polyglot"),
        ("polyglot-html-behind", "polyglot"),
        ("polyglot-program-behind", "polyglot"),
    ] {
        assert!(
            codes.contains(&(name, code)),
            "{name} is not {code}: {:?}",
            codes.iter().find(|c| c.0 == name)
        );
    }
}

#[test]
fn a_picture_in_too_many_scans_is_refused() {
    let file = encoded(&picture(40, 30), |encoder| encoder.set_progressive(true));
    let scans: Vec<usize> = (0..file.len() - 1).filter(|at| file[*at..*at + 2] == [0xFF, 0xDA]).collect();
    let (last, end) = (scans[scans.len() - 1], file.len() - 2);
    let with = |count: usize| {
        let more = file[last..end].repeat(count - scans.len());
        [&file[..end], &more, &file[end..]].concat()
    };
    assert_ne!(taken(&with(64)), Err(MediaError::Malformed { what: "too many scans" }));
    assert_eq!(taken(&with(65)), Err(MediaError::Malformed { what: "too many scans" }));
}

#[test]
fn restart_markers_need_an_interval() {
    let file = jpeg(40, 30);
    let end = file.len() - 2;
    let flood = [&file[..end], &[0xFF, 0xD0], &file[end..]].concat();
    assert_eq!(taken(&flood), Err(MediaError::Malformed { what: "restart markers" }));
}

/// Cut anywhere, a file is no picture.
fn refused_at_every_cut(file: &[u8], name: &str) {
    for cut in 0..file.len() {
        let error = taken(&file[..cut]).expect_err(&format!("{name} cut at {cut}"));
        let code = error.code();
        assert!(matches!(code, "truncated" | "unsupported" | "malformed"), "{name} cut at {cut}: {code}");
    }
    assert!(taken(file).is_ok(), "{name}");
}

#[test]
fn every_cut_is_seen() {
    refused_at_every_cut(&jpeg(40, 30), "baseline");
    refused_at_every_cut(&encoded(&picture(40, 30), |encoder| encoder.set_progressive(true)), "progressive");
    let restarts = encoded(&picture(40, 30), |encoder| {
        encoder.set_restart_interval(1);
    });
    refused_at_every_cut(&restarts, "restarts");
    let png = Png { width: 20, height: 15, depth: 8, colour: 2, ..Png::default() };
    refused_at_every_cut(&png.file(|x, y| pixel(x, y, 20, 15).to_vec()), "PNG");
    refused_at_every_cut(include_bytes!("data/lossy.webp"), "WebP");
    refused_at_every_cut(include_bytes!("data/lossy-alpha.webp"), "WebP with alpha");
}

#[test]
fn animations_are_refused() {
    let control: &[u8] = &[0, 0, 0, 2, 0, 0, 0, 0];
    let png =
        Png { width: 8, height: 8, depth: 8, colour: 0, interlaced: false, more: &[(b"acTL", control)] };
    assert_eq!(taken(&png.file(|_, _| vec![1])), Err(MediaError::Unsupported { what: "animated PNG" }));
    let mut webp = b"RIFF\x16\0\0\0WEBPVP8X\x0A\0\0\0\x02\0\0\0\x07\0\0\x07\0\0".to_vec();
    assert_eq!(taken(&webp), Err(MediaError::Unsupported { what: "animated WebP" }));
    webp[20] = 0;
    webp[4] = 0x1E;
    webp.extend(b"ANMF\0\0\0\0");
    assert_eq!(taken(&webp), Err(MediaError::Unsupported { what: "animated WebP" }));
}

#[test]
fn a_canvas_may_not_lie_about_its_picture() {
    let mut file = include_bytes!("data/lossy-alpha.webp").to_vec();
    assert!(taken(&file).is_ok());
    file[24] = 64;
    assert_eq!(taken(&file), Err(MediaError::Malformed { what: "canvas and picture differ" }));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is changed: an answer, soon. An accepted file is one whose change no decoder sees.
    #[test]
    fn changed_bytes_never_panic(
        kind in 0..5_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let png = Png { width: 40, height: 30, depth: 8, colour: 6, interlaced: true, more: &[] };
        let mut file = match kind {
            0 => jpeg(90, 70),
            1 => encoded(&picture(90, 70), |encoder| encoder.set_progressive(true)),
            2 => png.file(|x, y| [&pixel(x, y, 40, 30)[..], &[200]].concat()),
            3 => include_bytes!("data/lossy-alpha.webp").to_vec(),
            _ => {
                let mut file = Vec::new();
                let encoder = image_webp::WebPEncoder::new(&mut file);
                encoder.encode(&picture(40, 30).data, 40, 30, image_webp::ColorType::Rgb8).unwrap();
                file
            }
        };
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let clock = Instant::now();
        if let Err(error) = taken(&file) {
            prop_assert_ne!(error.code(), "io");
        }
        prop_assert!(clock.elapsed() < SOON);
    }

    #[test]
    fn noise_behind_a_magic_never_panics(
        magic in prop::sample::select(vec![
            &b"\xFF\xD8\xFF"[..], b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR", b"RIFF\x40\0\0\0WEBPVP8 ", b"RIFF\x40\0\0\0WEBPVP8X",
            b"\xFF\xD8\xFF\xC0\0\x11\x08", b"\0\0\0\x18ftyp",
        ]),
        noise in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        prop_assert!(taken(&[magic, &noise].concat()).is_err());
    }
}
