//! Cuts the file into records by its quotes, and counts physical lines and columns.
//!
//! Invariant: a record is known to be well quoted and to have the right number of columns before its
//! cells are taken apart, so the memory for one record is bounded by the header, not by the file.
//! Rejected: one `csv::Reader` over the file. It is lenient where we must not be (a quote that is
//! never closed, text after a closing quote), a 64 MiB line of commas costs it 512 MiB of offsets, and
//! its line numbers lag behind where lines end in CRLF.

/// Says whether a record's quotes are in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// They are.
    Sound,
    /// Text stands after a closing quote.
    Stray,
    /// The file ended inside quotes.
    Open,
}

/// Holds one record as it stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// Its bytes without the line end.
    pub(super) raw: &'a [u8],
    /// Where they begin, in bytes after the byte order mark.
    pub(super) start: usize,
    /// The physical line where it begins, from 1.
    pub(super) line: u64,
    /// The physical line where it ends.
    pub(super) last_line: u64,
    /// How many columns it has.
    pub(super) columns: u64,
    /// Whether its quotes are in order.
    pub(super) quotes: Quotes,
    /// Whether a line end follows; the last record of a file may lack it.
    pub(super) ended: bool,
}

/// Walks over the records of a file; blank lines are passed over.
#[derive(Debug, Clone)]
pub(super) struct Frames<'a> {
    rest: &'a [u8],
    length: usize,
    line: u64,
    delimiter: u8,
}

impl<'a> Frames<'a> {
    /// Starts at the first byte after a byte order mark. `delimiter` is ASCII and no quote.
    pub(super) const fn new(bytes: &'a [u8], delimiter: u8) -> Self {
        Self { rest: bytes, length: bytes.len(), line: 1, delimiter }
    }

    /// Takes one line end off the front, where there is one.
    fn eat_line_end(&mut self) -> bool {
        let rest = match self.rest {
            [b'\r', b'\n', rest @ ..] | [b'\r' | b'\n', rest @ ..] => rest,
            _ => return false,
        };
        self.rest = rest;
        self.line = self.line.saturating_add(1);
        true
    }
}

#[derive(Clone, Copy)]
enum At {
    FieldStart,
    Plain,
    Quoted,
    QuoteInQuoted,
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        while self.eat_line_end() {}
        if self.rest.is_empty() {
            return None;
        }
        let (mut at, mut stray, mut after_cr) = (At::FieldStart, false, false);
        let (mut columns, mut last_line, mut length) = (1_u64, self.line, 0_usize);
        for &byte in self.rest {
            at = match (at, byte) {
                (At::Quoted, b'"') => At::QuoteInQuoted,
                (At::Quoted, _) => {
                    // CRLF inside quotes is one line end, so the LF after a CR does not count.
                    if byte == b'\r' || (byte == b'\n' && !after_cr) {
                        last_line = last_line.saturating_add(1);
                    }
                    At::Quoted
                }
                (_, b'\r' | b'\n') => break,
                (At::FieldStart | At::QuoteInQuoted, b'"') => At::Quoted,
                (_, delimiter) if delimiter == self.delimiter => {
                    columns = columns.saturating_add(1);
                    At::FieldStart
                }
                (At::QuoteInQuoted, _) => {
                    stray = true;
                    At::Plain
                }
                (At::FieldStart | At::Plain, _) => At::Plain,
            };
            after_cr = byte == b'\r';
            length = length.saturating_add(1);
        }
        let quotes = match at {
            At::Quoted => Quotes::Open,
            _ if stray => Quotes::Stray,
            _ => Quotes::Sound,
        };
        let start = self.length.saturating_sub(self.rest.len());
        let (raw, rest) = self.rest.split_at_checked(length)?;
        let line = self.line;
        self.rest = rest;
        self.line = last_line;
        let ended = self.eat_line_end();
        Some(Frame { raw, start, line, last_line, columns, quotes, ended })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn records_lines_and_columns() {
        // (file, [(raw, first line, last line, columns, quotes, ended)])
        type Want = (&'static str, u64, u64, u64, Quotes, bool);
        let table: &[(&str, &[Want])] = &[
            ("", &[]),
            ("\n\r\n\r", &[]),
            ("a,b", &[("a,b", 1, 1, 2, Quotes::Sound, false)]),
            ("a\r\nb\r\n", &[("a", 1, 1, 1, Quotes::Sound, true), ("b", 2, 2, 1, Quotes::Sound, true)]),
            ("a\n\n\nb\n", &[("a", 1, 1, 1, Quotes::Sound, true), ("b", 4, 4, 1, Quotes::Sound, true)]),
            ("a\rb", &[("a", 1, 1, 1, Quotes::Sound, true), ("b", 2, 2, 1, Quotes::Sound, false)]),
            (
                "\"x\r\ny\",2\r\nz,3\r\n",
                &[("\"x\r\ny\",2", 1, 2, 2, Quotes::Sound, true), ("z,3", 3, 3, 2, Quotes::Sound, true)],
            ),
            ("\"a\"\"b,c\"", &[("\"a\"\"b,c\"", 1, 1, 1, Quotes::Sound, false)]),
            ("5\" pipe,x\n", &[("5\" pipe,x", 1, 1, 2, Quotes::Sound, true)]),
            ("\"a\"b,c\n", &[("\"a\"b,c", 1, 1, 2, Quotes::Stray, true)]),
            (
                "ok\n\"half,\nx\ny",
                &[("ok", 1, 1, 1, Quotes::Sound, true), ("\"half,\nx\ny", 2, 4, 1, Quotes::Open, false)],
            ),
        ];
        for (file, want) in table {
            let got: Vec<Want> = Frames::new(file.as_bytes(), b',')
                .map(|f| {
                    (std::str::from_utf8(f.raw).unwrap(), f.line, f.last_line, f.columns, f.quotes, f.ended)
                })
                .collect();
            assert_eq!(&got, want, "{file:?}");
        }
    }

    fn csv_like() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(proptest::sample::select(&b"\",;\r\n\taA1 =\0\x81\xd6\xe5\xff"[..]), 0..80)
    }

    proptest! {
        /// The frames agree with the csv crate about where records and cells lie.
        #[test]
        fn agrees_with_the_csv_crate(bytes in csv_like()) {
            let frames: Vec<_> = Frames::new(&bytes, b',').collect();
            let read: Vec<_> = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(bytes.as_slice())
                .into_byte_records()
                .collect::<Result<_, _>>()
                .unwrap();
            prop_assert_eq!(frames.len(), read.len());
            for (frame, record) in frames.iter().zip(&read) {
                prop_assert_eq!(frame.columns, record.len() as u64);
            }
        }
    }
}
