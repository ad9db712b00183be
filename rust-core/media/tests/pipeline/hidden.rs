//! What hangs behind a picture: phones' additions pass, other files do not.

use super::files::*;
use lanewalk_camera::{Shot, broken};
use lanewalk_media::MediaError;

fn with(more: &[u8]) -> Result<lanewalk_media::Intake, MediaError> {
    taken(&[&jpeg(64, 48), more].concat())
}

fn polyglot(what: &'static str) -> MediaError {
    MediaError::Polyglot { what }
}

#[test]
fn what_phones_append_passes() {
    let good = Shot { width: 160, height: 120, ..Shot::default() }.jpeg();
    let plain = taken(&good).unwrap();
    for (name, file) in broken::trailers(&good) {
        let out = taken(&file).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(out.evidence, plain.evidence, "{name}");
        assert_eq!(out.original.bytes, file.len() as u64, "{name}");
    }
}

#[test]
fn another_file_is_found_wherever_it_begins() {
    for padding in [0, 1, 7, 65_536 - 700, 200_000] {
        for (more, what) in [
            (&b"%PDF-1.7\n"[..], "PDF"),
            (b"Rar!\x1A\x07\x01\0 and so on", "RAR"),
            (b"<HTML ><body>", "HTML"),
            (b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xFF\xFF\0\0", "MZ"),
        ] {
            assert_eq!(
                with(&[&vec![0; padding], more].concat()),
                Err(polyglot(what)),
                "{what} after {padding}"
            );
        }
    }
}

#[test]
fn another_file_is_found_inside_what_phones_append() {
    // Behind a second JPEG, at every place where a chunk of reading may end.
    let second = jpeg(64, 48);
    let first = second.len();
    for cut in 0..12 {
        let filling = vec![0x55; (64 << 10) - 2 * first - cut];
        assert_eq!(with(&[&second[..], &filling, b"<script>x"].concat()), Err(polyglot("HTML")), "cut {cut}");
    }
}

#[test]
fn an_archive_is_found_by_its_end_also_inside_the_picture() {
    let end = |comment: u16| {
        [&b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x2F\0\0\0\x1F\0\0\0"[..], &comment.to_le_bytes()].concat()
    };
    let good = jpeg(64, 48);
    // In a comment segment; the rest of the picture is the archive's comment.
    let record = end((good.len() - 2) as u16);
    let segment = [&[0xFF, 0xFE][..], &(record.len() as u16 + 2).to_be_bytes(), &record].concat();
    let file = [&good[..2], &segment, &good[2..]].concat();
    assert_eq!(taken(&file), Err(polyglot("ZIP")));
    // A comment longer than the file is none.
    assert!(with(&[&[0x55; 40][..], &end(9)].concat()).is_ok());
    assert_eq!(with(&[&[0x55; 40][..], &end(0)].concat()), Err(polyglot("ZIP")));
}

#[test]
fn a_document_is_found_in_the_head() {
    let good = jpeg(64, 48);
    for (body, what) in [(&b"\n%PDF-1.4\n"[..], "PDF"), (b"<!doctype html><p>", "HTML"), (b"<?php x", "PHP")]
    {
        let segment = [&[0xFF, 0xFE][..], &(body.len() as u16 + 2).to_be_bytes(), body].concat();
        assert_eq!(taken(&[&good[..2], &segment, &good[2..]].concat()), Err(polyglot(what)));
    }
}

#[test]
fn png_and_webp_are_looked_behind_as_well() {
    let png = Png { width: 8, height: 8, depth: 8, colour: 0, ..Png::default() }.file(|_, _| vec![9]);
    let webp = include_bytes!("data/lossy.webp").to_vec();
    for file in [png, webp] {
        assert!(taken(&file).is_ok());
        assert!(taken(&[&file[..], &[0; 100]].concat()).is_ok());
        assert_eq!(taken(&[&file[..], b"GIF89a"].concat()), Err(polyglot("GIF")));
    }
}
