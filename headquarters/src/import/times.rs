//! Reads dates by the mapping's formats.
//!
//! Invariant: a format either reads all that a cell holds or nothing: an hour is never dropped.
//! Rejected: guessing a format from the text; 01/02/2022 has two meanings.

use std::fmt::Write as _;

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

const MINUTE_MS: i64 = 60_000;

/// Holds one date format and what it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimeFormat {
    text: String,
    reads: Reads,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// Date, time and its own offset.
    Zoned,
    /// Date and time in the mapping's offset.
    Local,
    /// A day; it stands for its first moment.
    Day,
}

impl TimeFormat {
    /// Checks a strftime format, such as `%Y-%m-%d %H:%M:%S`, by writing and reading a sample.
    ///
    /// Gives none where it is not valid or does not tell at least year, month and day.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if StrftimeItems::new(text).any(|item| matches!(item, Item::Error)) {
            return None;
        }
        let sample = DateTime::parse_from_rfc3339("2001-12-31T22:45:00+05:30").ok()?;
        let noon = DateTime::parse_from_rfc3339("2001-12-31T12:00:00+05:30").ok()?;
        let written = write(sample, text)?;
        let reads = if DateTime::parse_from_str(&written, text) == Ok(sample) {
            Reads::Zoned
        } else if NaiveDateTime::parse_from_str(&written, text) == Ok(sample.naive_local()) {
            Reads::Local
        } else if NaiveDate::parse_from_str(&written, text) == Ok(sample.date_naive())
            && write(noon, text)? == written
        {
            Reads::Day
        } else {
            return None;
        };
        Some(Self { text: text.to_owned(), reads })
    }

    fn read(&self, cell: &str, offset_minutes: i32) -> Option<i64> {
        let local = match self.reads {
            Reads::Zoned => {
                return DateTime::parse_from_str(cell, &self.text).ok().map(|time| time.timestamp_millis());
            }
            Reads::Local => NaiveDateTime::parse_from_str(cell, &self.text).ok()?,
            Reads::Day => NaiveDate::parse_from_str(cell, &self.text).ok()?.and_time(NaiveTime::MIN),
        };
        local.and_utc().timestamp_millis().checked_sub(i64::from(offset_minutes).checked_mul(MINUTE_MS)?)
    }
}

fn write(time: DateTime<FixedOffset>, format: &str) -> Option<String> {
    let mut written = String::new();
    // Not to_string(): it panics on what the formatter refuses.
    write!(written, "{}", time.format(format)).ok()?;
    Some(written)
}

/// Reads a trimmed cell by the first format that fits; UTC milliseconds.
pub(super) fn read_time(cell: &str, formats: &[TimeFormat], offset_minutes: i32) -> Option<i64> {
    formats.iter().find_map(|format| format.read(cell, offset_minutes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn reads() {
        // (format, cell, offset, UTC)
        for (format, cell, offset, want) in [
            ("%Y-%m-%d %H:%M:%S", "2022-01-21 13:47:00", -300, Some("2022-01-21T18:47:00Z")),
            ("%Y-%m-%d %H:%M:%S", "2022-01-21 13:47", -300, None),
            ("%Y-%m-%d %H:%M:%S", "2022-01-21 13:47:00x", -300, None),
            ("%Y-%m-%d %H:%M", "2026-05-08 09:40", 480, Some("2026-05-08T01:40:00Z")),
            ("%Y年%m月%d日 %H:%M", "2026年5月8日 9:40", 480, Some("2026-05-08T01:40:00Z")),
            ("%Y/%m/%d", "2026/5/8", 480, Some("2026-05-07T16:00:00Z")),
            ("%Y/%m/%d", "2026/2/30", 480, None),
            ("%Y-%m-%dT%H:%M:%S%:z", "2026-05-08T09:40:00+08:00", 0, Some("2026-05-08T01:40:00Z")),
            ("%Y-%m-%d", "", 0, None),
        ] {
            let formats = [TimeFormat::parse(format).unwrap()];
            let want = want.map(|text| DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis());
            assert_eq!(read_time(cell, &formats, offset), want, "{format} {cell}");
        }
    }

    #[test]
    fn the_first_format_that_fits_decides() {
        let formats = ["%d/%m/%Y", "%m/%d/%Y"].map(|text| TimeFormat::parse(text).unwrap());
        let ms = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
        assert_eq!(read_time("01/02/2022", &formats, 0), Some(ms("2022-02-01T00:00:00Z")));
        assert_eq!(read_time("01/13/2022", &formats, 0), Some(ms("2022-01-13T00:00:00Z")));
    }

    #[test]
    fn refuses_formats_that_lose_something() {
        for bad in ["", "%H:%M", "%Y-%m", "%Y-%m-%d %H", "%Q", "%Y-%m-%d %I:%M", "x"] {
            assert_eq!(TimeFormat::parse(bad), None, "{bad}");
        }
    }
}
