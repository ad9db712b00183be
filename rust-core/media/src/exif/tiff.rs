//! The directories of a TIFF block, read in place.
//!
//! Invariant: every access is a checked `get`; a directory is a list of 12-byte entries inside the
//! block, at most 5,461 of them, and is never followed to another one. Rejected: a table of all
//! fields, whose size the block would choose.

const ENTRY: usize = 12;
/// Longest text looked at, in bytes: twice 64 characters of four bytes.
const MOST_TEXT: usize = 512;

/// A TIFF block with its byte order.
#[derive(Clone, Copy)]
pub(super) struct Tiff<'a> {
    data: &'a [u8],
    little: bool,
}

/// One directory; empty where the block has none.
pub(super) struct Directory<'a> {
    tiff: Tiff<'a>,
    entries: &'a [u8],
}

/// The bytes of one entry: `count` elements of `kind`, cut to what the block holds.
struct Value<'a> {
    kind: u16,
    bytes: &'a [u8],
}

impl<'a> Tiff<'a> {
    /// Reads the header and finds the main directory.
    pub(super) fn open(data: &'a [u8]) -> Option<(Self, Directory<'a>)> {
        let little = match data.get(..2)? {
            b"II" => true,
            b"MM" => false,
            _ => return None,
        };
        let tiff = Self { data, little };
        let main = (tiff.u16_at(2)? == 42).then(|| tiff.u32_at(4))??;
        Some((tiff, tiff.directory(main)))
    }

    /// Returns the directory that an entry points to.
    pub(super) fn child(self, parent: &Directory<'a>, tag: u16) -> Directory<'a> {
        let offset = parent.number(tag, 0).filter(|n| *n >= 0.0 && *n <= f64::from(u32::MAX));
        self.directory(offset.map_or(u32::MAX, |n| n as u32))
    }

    fn directory(self, offset: u32) -> Directory<'a> {
        let entries = || {
            let start = usize::try_from(offset).ok()?;
            let count = usize::from(self.u16_at(start)?);
            let rest = self.data.get(start.checked_add(2)?..)?;
            // A count beyond the end is cut: the entries that are there still count.
            rest.get(..(count * ENTRY).min(rest.len()))
        };
        Directory { tiff: self, entries: entries().unwrap_or_default() }
    }

    fn u16_at(self, at: usize) -> Option<u16> {
        let bytes = self.data.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32_at(self, at: usize) -> Option<u32> {
        let bytes = self.data.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }
}

impl<'a> Directory<'a> {
    /// Returns true if the tag is there at all.
    pub(super) fn has(&self, tag: u16) -> bool {
        self.entry(tag).is_some()
    }

    /// Returns a text up to its first NUL; bytes that are not UTF-8 are left out.
    pub(super) fn text(&self, tag: u16) -> Option<String> {
        let Value { kind, bytes } = self.value(tag)?;
        // ASCII, UTF-8 of Exif 3, and the BYTE or UNDEFINED that some writers use for text.
        if !matches!(kind, 2 | 129 | 1 | 7) {
            return None;
        }
        let bytes = bytes.get(..MOST_TEXT).unwrap_or(bytes);
        let text = bytes.split(|b| *b == 0).next().unwrap_or_default();
        Some(String::from_utf8_lossy(text).replace(char::REPLACEMENT_CHARACTER, ""))
    }

    /// Returns the `n`-th number of an entry; a fraction over zero is none.
    pub(super) fn number(&self, tag: u16, n: usize) -> Option<f64> {
        let Value { kind, bytes } = self.value(tag)?;
        let value = Tiff { data: bytes, little: self.tiff.little };
        let (over, under) = match kind {
            1 | 7 => (f64::from(*bytes.get(n)?), 1.0),
            3 => (f64::from(value.u16_at(n.checked_mul(2)?)?), 1.0),
            4 | 13 => (f64::from(value.u32_at(n.checked_mul(4)?)?), 1.0),
            5 | 10 => {
                let at = n.checked_mul(8)?;
                let (over, under) = (value.u32_at(at)?, value.u32_at(at.checked_add(4)?)?);
                if kind == 5 {
                    (f64::from(over), f64::from(under))
                } else {
                    (f64::from(over.cast_signed()), f64::from(under.cast_signed()))
                }
            }
            _ => return None,
        };
        (under != 0.0).then_some(over / under)
    }

    fn entry(&self, tag: u16) -> Option<Tiff<'a>> {
        let little = self.tiff.little;
        let mut entries = self.entries.chunks_exact(ENTRY).map(|data| Tiff { data, little });
        entries.find(|entry| entry.u16_at(0) == Some(tag))
    }

    fn value(&self, tag: u16) -> Option<Value<'a>> {
        let entry = self.entry(tag)?;
        let kind = entry.u16_at(2)?;
        let unit = match kind {
            1 | 2 | 6 | 7 | 129 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 => 8,
            _ => return None,
        };
        let size = usize::try_from(entry.u32_at(4)?).ok()?.checked_mul(unit)?;
        let bytes = if size <= 4 {
            entry.data.get(8..)?.get(..size)?
        } else {
            let rest = self.tiff.data.get(usize::try_from(entry.u32_at(8)?).ok()?..)?;
            rest.get(..size.min(rest.len()))?
        };
        Some(Value { kind, bytes })
    }
}
