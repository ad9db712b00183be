//! Finds the file's charset and decodes its cells.
//!
//! Invariant: no byte is ever replaced. A cell decodes completely or is a problem of its record.
//! Rejected: decoding the whole file first. A broken byte could then not be told by its column, and
//! the payload hash must be taken over the raw bytes anyway.

use std::borrow::Cow;

use super::ImportError;

/// Names the charset as the mapping asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CharsetRule {
    /// A byte order mark, else whichever of UTF-8 and GB18030 fits.
    #[default]
    Auto,
    /// UTF-8 with or without a byte order mark.
    #[serde(rename = "utf-8")]
    Utf8,
    /// GB18030, which includes GBK and GB2312.
    Gb18030,
}

impl CharsetRule {
    /// Encodes a text so that [`detect`] under this rule finds its charset again.
    pub(super) fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Gb18030 => encoding_rs::GB18030.encode(text).0.into_owned(),
            Self::Auto | Self::Utf8 => [BOM_UTF8, text.as_bytes()].concat(),
        }
    }
}

/// Names the charset of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    /// UTF-8.
    Utf8,
    /// GB18030.
    Gb18030,
}

const BOM_UTF8: &[u8] = b"\xef\xbb\xbf";
const BOM_GB18030: &[u8] = b"\x84\x31\x95\x33";

/// Finds the charset and gives the bytes after the byte order mark.
///
/// # Errors
/// UTF-16, or a byte order mark that contradicts the mapping.
pub(super) fn detect(bytes: &[u8], rule: CharsetRule) -> Result<(Charset, &[u8]), ImportError> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(ImportError::Utf16);
    }
    let marked = bytes
        .strip_prefix(BOM_UTF8)
        .map(|body| (Charset::Utf8, body))
        .or_else(|| bytes.strip_prefix(BOM_GB18030).map(|body| (Charset::Gb18030, body)));
    let asked = match rule {
        CharsetRule::Auto => None,
        CharsetRule::Utf8 => Some(Charset::Utf8),
        CharsetRule::Gb18030 => Some(Charset::Gb18030),
    };
    match (marked, asked) {
        (Some((found, _)), Some(asked)) if found != asked => Err(ImportError::CharsetContradicted),
        (Some(marked), _) => Ok(marked),
        (None, Some(asked)) => Ok((asked, bytes)),
        (None, None) => Ok((guess(bytes), bytes)),
    }
}

/// Chooses UTF-8 unless broken places outnumber its multi-byte characters.
///
/// One damaged row must not turn a whole UTF-8 file into GB18030, which would read most of it without
/// an error and wrongly. In GB18030 text fewer than one Chinese character in five looks like UTF-8.
fn guess(bytes: &[u8]) -> Charset {
    let (mut good, mut broken) = (0_u64, 0_u64);
    for chunk in bytes.utf8_chunks() {
        let wide = chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        good = good.saturating_add(u64::try_from(wide).unwrap_or(u64::MAX));
        broken = broken.saturating_add(u64::from(!chunk.invalid().is_empty()));
    }
    if broken > good { Charset::Gb18030 } else { Charset::Utf8 }
}

impl Charset {
    /// Decodes one cell, or says with none that it cannot be decoded without loss.
    pub(super) fn decode(self, cell: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Utf8 => std::str::from_utf8(cell).ok().map(Cow::Borrowed),
            Self::Gb18030 => encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(cell),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    const POEM: &str = "网格员到潍州路街道入户走访，楼道内有人养猫，物业多次现场查看";

    #[test]
    fn finds_the_charset() {
        let gb = encoding_rs::GB18030.encode(POEM).0.into_owned();
        let mut hurt = POEM.as_bytes().to_vec();
        hurt[10] = 0xff;
        let with_mark = [BOM_UTF8, b"a"].concat();
        let table: &[(&[u8], CharsetRule, Result<Charset, ImportError>)] = &[
            (b"plain", CharsetRule::Auto, Ok(Charset::Utf8)),
            (POEM.as_bytes(), CharsetRule::Auto, Ok(Charset::Utf8)),
            (&hurt, CharsetRule::Auto, Ok(Charset::Utf8)),
            (&gb, CharsetRule::Auto, Ok(Charset::Gb18030)),
            (&gb, CharsetRule::Utf8, Ok(Charset::Utf8)),
            (&with_mark, CharsetRule::Auto, Ok(Charset::Utf8)),
            (&with_mark, CharsetRule::Gb18030, Err(ImportError::CharsetContradicted)),
            (b"\x84\x31\x95\x33a", CharsetRule::Auto, Ok(Charset::Gb18030)),
            (b"\xff\xfea\0", CharsetRule::Auto, Err(ImportError::Utf16)),
        ];
        for (bytes, rule, want) in table {
            assert_eq!(&detect(bytes, *rule).map(|found| found.0), want, "{bytes:x?} {rule:?}");
        }
        assert_eq!(detect(&with_mark, CharsetRule::Auto).unwrap().1, b"a");
    }

    #[test]
    fn decodes_completely_or_not_at_all() {
        let table: &[(Charset, &[u8], Option<&str>)] = &[
            (Charset::Utf8, "潍".as_bytes(), Some("潍")),
            (Charset::Utf8, b"\xce\xab\xff", None),
            (Charset::Gb18030, b"\xce\xab", Some("潍")),
            (Charset::Gb18030, b"\xce", None),
            // Four bytes: a rare character that GBK lacks.
            (Charset::Gb18030, b"\x95\x32\x82\x36", Some("\u{20000}")),
            (Charset::Gb18030, b"\xff", None),
        ];
        for (charset, bytes, want) in table {
            assert_eq!(charset.decode(bytes).as_deref(), *want, "{charset:?} {bytes:x?}");
        }
    }
}
