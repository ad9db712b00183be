//! What a file is by its first bytes.
//!
//! Invariant: names and endings are never asked. Rejected: a list of a hundred types by a crate,
//! where only three may pass and the rest differ in one word of the refusal.

use super::MediaType;
use crate::MediaError;

/// First bytes and what they mean to a person.
const OTHERS: [(&[u8], &str); 26] = [
    (b"PK\x03\x04", "ZIP"),
    (b"PK\x05\x06", "ZIP"),
    (b"%PDF", "PDF"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\x00\x00\x00\x0CJXL ", "JPEG XL"),
    (b"\xFF\x0A", "JPEG XL"),
    (b"\x00\x00\x00\x0CjP  ", "JPEG 2000"),
    (b"Rar!\x1A\x07", "RAR"),
    (b"7z\xBC\xAF\x27\x1C", "7z"),
    (b"\x1F\x8B", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xFD7zXZ\0", "xz"),
    (b"\x28\xB5\x2F\xFD", "zstd"),
    (b"\x7FELF", "ELF"),
    (b"MZ", "MZ"),
    (b"\xCA\xFE\xBA\xBE", "class"),
    (b"\xCF\xFA\xED\xFE", "Mach-O"),
    (b"dex\n", "DEX"),
    (b"SQLite format 3\0", "SQLite"),
    (b"OggS", "Ogg"),
    (b"\x1A\x45\xDF\xA3", "Matroska"),
    (b"#!", "script"),
    (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "OLE document"),
];

/// Tells what the first bytes (up to 1,024) are; refuses what is not one of ours.
pub(super) fn media_type(head: &[u8]) -> Result<MediaType, MediaError> {
    if head.starts_with(&[0xFF, 0xD8, 0xFF]) {
        return Ok(MediaType::Jpeg);
    }
    if head.starts_with(b"\x89PNG\r\n\x1A\n") {
        return Ok(MediaType::Png);
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP".as_slice()) {
        return Ok(MediaType::WebP);
    }
    if head.get(4..8) == Some(b"ftyp".as_slice()) {
        return Err(iso_bmff(head));
    }
    Err(MediaError::Unsupported { what: other(head).unwrap_or("unknown") })
}

/// Names a foreign file by its first bytes.
pub(super) fn other(head: &[u8]) -> Option<&'static str> {
    let known = OTHERS.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, what)| *what);
    known.or_else(|| head.is_empty().then_some("an empty file")).or_else(|| markup(head))
}

/// Finds the words by which a browser or an interpreter would run a file.
pub(super) fn markup(bytes: &[u8]) -> Option<&'static str> {
    const TAGS: [(&[u8], &str); 7] = [
        (b"html", "HTML"),
        (b"!doctype", "HTML"),
        (b"script", "HTML"),
        (b"iframe", "HTML"),
        (b"body", "HTML"),
        (b"svg", "SVG"),
        (b"?php", "PHP"),
    ];
    memchr::memchr_iter(b'<', bytes).find_map(|at| {
        let word = bytes.get(at + 1..)?;
        TAGS.iter().find_map(|(tag, what)| {
            let (same, after) = (word.get(..tag.len())?, word.get(tag.len())?);
            let whole = matches!(after, b' ' | b'>' | b'\t' | b'\r' | b'\n' | b'/');
            (whole && same.eq_ignore_ascii_case(tag)).then_some(*what)
        })
    })
}

fn iso_bmff(head: &[u8]) -> MediaError {
    let size = head.first_chunk().map_or(0, |size| u32::from_be_bytes(*size) as usize);
    let brands = head.get(8..size.min(head.len())).unwrap_or_default();
    // Major brand, four bytes of version, compatible brands.
    let mut brands = brands.chunks_exact(4).enumerate().filter(|(at, _)| *at != 1).map(|(_, brand)| brand);
    let mut heic = false;
    if brands.clone().any(|brand| matches!(brand, b"avif" | b"avis")) {
        return MediaError::TranscodeFirst { format: "avif" };
    }
    heic |= brands.any(|brand| {
        matches!(brand, b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1")
    });
    match heic {
        true => MediaError::TranscodeFirst { format: "heic" },
        false => MediaError::Unsupported { what: "a video" },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn brands_decide_between_transcoding_and_refusal() {
        let file = |brands: &[u8]| {
            let mut head = (8 + brands.len() as u32).to_be_bytes().to_vec();
            head.extend_from_slice(b"ftyp");
            head.extend_from_slice(brands);
            head.extend_from_slice(b"....heic");
            media_type(&head).unwrap_err()
        };
        assert_eq!(file(b"heic\0\0\0\0mif1heic"), MediaError::TranscodeFirst { format: "heic" });
        assert_eq!(file(b"mif1\0\0\0\0avifmiaf"), MediaError::TranscodeFirst { format: "avif" });
        // The version field is no brand, and what follows the box is none either.
        assert_eq!(file(b"isomheic"), MediaError::Unsupported { what: "a video" });
        assert_eq!(file(b"mp42\0\0\0\0isom"), MediaError::Unsupported { what: "a video" });
    }

    #[test]
    fn markup_needs_the_whole_word() {
        assert_eq!(markup(b"....<ScRiPt>"), Some("HTML"));
        assert_eq!(markup(b"<!DOCTYPE html>"), Some("HTML"));
        assert_eq!(markup(b"<?php echo"), Some("PHP"));
        assert_eq!(markup(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'> <htmlish>"), None);
    }
}
