//! Good pictures with a broken EXIF block.

use super::{Case, segment, splice};
use crate::dice::Dice;

pub(super) fn cases(good: &[u8]) -> Vec<Case> {
    let with = |tiff: &[u8]| splice(good, 2, 0, &segment(0xE1, &[b"Exif\0\0", tiff].concat()));
    let many: Vec<Entry> = (0..5000).map(|n| (n, 3, 1, 1)).collect();
    let mut dice = Dice::new(4);
    let noise: Vec<u8> = (0..60_000).map(|_| u8::try_from(dice.range(0, 255)).unwrap_or(0)).collect();
    // Empty directories, each pointing to the next one, 6 bytes on.
    let chain: Vec<u8> =
        (1..=4000_u32).flat_map(|n| [&[0, 0][..], &(8 + 6 * n).to_le_bytes()].concat()).collect();
    vec![
        ("exif-empty", with(b"")),
        ("exif-header-only", with(b"II*\0\x08\0\0\0")),
        ("exif-no-byte-order", with(&[b"XX*\0\x08\0\0\0", &directory(&[], 0)[..]].concat())),
        ("exif-first-directory-outside", with(b"II*\0\xFF\xFF\xFF\x7F")),
        ("exif-directory-is-its-own-next", with(&block(&[(0x0112, 3, 1, 6)], 8))),
        ("exif-photo-directory-is-the-first", with(&block(&[(0x8769, 4, 1, 8), (0x8825, 4, 1, 8)], 0))),
        ("exif-chain-of-4000-directories", with(&[b"II*\0\x08\0\0\0", &chain[..]].concat())),
        ("exif-value-outside", with(&block(&[(0x010F, 2, 40, 0xFFFF_0000)], 0))),
        ("exif-value-offset-wraps", with(&block(&[(0x010F, 2, 40, 0xFFFF_FFF0)], 0))),
        ("exif-count-of-4-thousand-million", with(&block(&[(0x010F, 2, u32::MAX, 8)], 0))),
        ("exif-count-times-8-wraps", with(&block(&[(0x0002, 5, 0x2000_0001, 8)], 0))),
        ("exif-type-99", with(&block(&[(0x0112, 99, 1, 6)], 0))),
        ("exif-orientation-0", with(&block(&[(0x0112, 3, 1, 0)], 0))),
        ("exif-orientation-9", with(&block(&[(0x0112, 3, 1, 9)], 0))),
        ("exif-orientation-twice", with(&block(&[(0x0112, 3, 1, 6), (0x0112, 3, 1, 3)], 0))),
        ("exif-5000-entries", with(&block(&many, 0))),
        ("exif-more-entries-than-bytes", with(b"II*\0\x08\0\0\0\xFF\xFF\x12\x01\x03\0\x01\0")),
        ("exif-entry-cut", with(block(&[(0x0112, 3, 1, 6)], 0).get(..15).unwrap_or_default())),
        ("exif-of-noise", with(&noise)),
        (
            "exif-twice",
            splice(&with(&block(&[(0x0112, 3, 1, 3)], 0)), 2, 0, &segment(0xE1, b"Exif\0\0II*\0")),
        ),
    ]
}

/// Tag, type, count, value or offset.
type Entry = (u16, u16, u32, u32);

fn block(entries: &[Entry], next: u32) -> Vec<u8> {
    [b"II*\0\x08\0\0\0", &directory(entries, next)[..]].concat()
}

fn directory(entries: &[Entry], next: u32) -> Vec<u8> {
    let mut bytes = u16::try_from(entries.len()).unwrap_or(u16::MAX).to_le_bytes().to_vec();
    for (tag, kind, count, value) in entries {
        bytes.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        bytes.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    bytes.extend(next.to_le_bytes());
    bytes
}
