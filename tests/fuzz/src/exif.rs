//! Any block of bytes is read as EXIF.

use lanewalk_media::exif::read;

/// Most characters of one text.
const MOST_CHARS: usize = 64;

/// Reads the bytes and checks what every result must fulfil.
pub(crate) fn check(data: &[u8]) {
    let exif = read(data);
    assert!((1..=8).contains(&exif.orientation));
    let facts = exif.facts;
    assert!(facts.offset_min.is_none_or(|m| m.abs() <= 14 * 60));
    // Four digits of a year: 0001 to 9999.
    for ms in [facts.local_ms, facts.gps_ms].into_iter().flatten() {
        assert!((-62_135_596_800_000..=253_402_300_799_999).contains(&ms), "{ms}");
    }
    for text in [&facts.datum, &facts.camera, &facts.software] {
        assert!(text.chars().count() <= MOST_CHARS && !text.chars().any(char::is_control), "{text:?}");
        assert_eq!(text.trim(), text);
    }
}
