//! The working-day calendar (工作日历): statutory days off and make-up workdays (调休).
//!
//! Invariant: a calendar speaks with authority only between `covers_from` and `covers_until`;
//! outside, every answer is Monday–Friday and marked provisional (DOMAIN.md §7). It is data: it
//! travels as a signed reference document and a newer one replaces it. Rejected: a holiday
//! library that guesses the coming year, since it knows no make-up days and is wrong in silence.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use chrono::{Datelike, Days, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

/// Longest calendar accepted, in years.
pub const MAX_YEARS: i32 = 50;
/// Longest version text, in bytes.
pub const MAX_VERSION_BYTES: usize = 64;
/// Largest holiday file accepted, in bytes.
pub const MAX_FILE_BYTES: usize = 256 * 1024;

const CN_VERSION: &str = "cn-2024-2026";
const CN_FILES: [&str; 3] = [
    include_str!("../data/calendar/cn-2024.json"),
    include_str!("../data/calendar/cn-2025.json"),
    include_str!("../data/calendar/cn-2026.json"),
];

/// Says why a calendar was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// The text is not the expected JSON.
    #[error("calendar file {index} is not valid: {reason}")]
    BadJson {
        /// Position of the file in the input, from 0.
        index: usize,
        /// What the parser said.
        reason: String,
    },
    /// A file is larger than [`MAX_FILE_BYTES`], or there are more than [`MAX_YEARS`] of them.
    #[error("calendar input is too large")]
    TooLarge,
    /// Two files are about the same year.
    #[error("year {0} is given twice")]
    DuplicateYear(i32),
    /// A year in the middle is missing or empty.
    #[error("the calendar has no data for {0}, though a later year has")]
    GapBetweenYears(i32),
    /// No year holds any day.
    #[error("no year of the calendar is covered")]
    NothingCovered,
    /// One date is stated twice and differently.
    #[error("{0} is both a day off and a working day")]
    Contradiction(NaiveDate),
    /// A date lies outside what the calendar covers or what its file may speak about.
    #[error("{0} is outside the calendar")]
    OutsideCover(NaiveDate),
    /// A make-up workday falls on Monday–Friday, the mark of a shifted table.
    #[error("make-up workday {0} is not on a weekend")]
    MakeupOnWeekday(NaiveDate),
    /// The covered span is empty or longer than [`MAX_YEARS`].
    #[error("the calendar covers an impossible span")]
    BadSpan,
    /// The version is empty or longer than [`MAX_VERSION_BYTES`].
    #[error("the calendar version is empty or too long")]
    BadVersion,
}

/// Says what kind of day a date is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayKind {
    /// An ordinary working day inside the covered span.
    Workday,
    /// A weekend day or statutory day off inside the covered span.
    Off,
    /// A weekend day that is worked (调休上班).
    MakeupWorkday,
    /// Monday–Friday outside the covered span: a guess.
    ProvisionalWorkday,
    /// Saturday or Sunday outside the covered span: a guess.
    ProvisionalOff,
}

impl DayKind {
    /// Returns true if people work on this day.
    pub fn is_workday(self) -> bool {
        matches!(self, Self::Workday | Self::MakeupWorkday | Self::ProvisionalWorkday)
    }

    /// Returns true if the answer is a guess outside the table.
    pub fn is_provisional(self) -> bool {
        matches!(self, Self::ProvisionalWorkday | Self::ProvisionalOff)
    }
}

/// A checked table of days off and make-up workdays for an unbroken span of dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Calendar {
    version: String,
    covers_from: NaiveDate,
    covers_until: NaiveDate,
    off: BTreeSet<NaiveDate>,
    makeup: BTreeSet<NaiveDate>,
}

/// The JSON form: dates as `YYYY-MM-DD`, both ends inclusive.
#[derive(Serialize, Deserialize)]
struct Wire {
    version: String,
    covers_from: NaiveDate,
    covers_until: NaiveDate,
    off: BTreeSet<NaiveDate>,
    makeup: BTreeSet<NaiveDate>,
}

#[derive(Deserialize)]
struct CnYear {
    year: i32,
    days: Vec<CnDay>,
}

#[derive(Deserialize)]
struct CnDay {
    date: NaiveDate,
    #[serde(rename = "isOffDay")]
    is_off_day: bool,
}

impl TryFrom<Wire> for Calendar {
    type Error = CalendarError;

    fn try_from(wire: Wire) -> Result<Self, CalendarError> {
        Self::new(wire.version, wire.covers_from, wire.covers_until, wire.off, wire.makeup)
    }
}

impl From<Calendar> for Wire {
    fn from(c: Calendar) -> Self {
        Self {
            version: c.version,
            covers_from: c.covers_from,
            covers_until: c.covers_until,
            off: c.off,
            makeup: c.makeup,
        }
    }
}

impl Calendar {
    /// Checks and builds a calendar; both ends of the span are inclusive.
    pub fn new(
        version: impl Into<String>,
        covers_from: NaiveDate,
        covers_until: NaiveDate,
        off: BTreeSet<NaiveDate>,
        makeup: BTreeSet<NaiveDate>,
    ) -> Result<Self, CalendarError> {
        let version = version.into();
        if version.trim().is_empty() || version.len() > MAX_VERSION_BYTES {
            return Err(CalendarError::BadVersion);
        }
        let years = covers_until.year().saturating_sub(covers_from.year());
        if covers_until < covers_from || years >= MAX_YEARS {
            return Err(CalendarError::BadSpan);
        }
        let span = covers_from..=covers_until;
        if let Some(date) = off.iter().chain(&makeup).find(|d| !span.contains(d)) {
            return Err(CalendarError::OutsideCover(*date));
        }
        if let Some(date) = off.intersection(&makeup).next() {
            return Err(CalendarError::Contradiction(*date));
        }
        if let Some(date) = makeup.iter().find(|d| !is_weekend(**d)) {
            return Err(CalendarError::MakeupOnWeekday(*date));
        }
        Ok(Self { version, covers_from, covers_until, off, makeup })
    }

    /// Reads yearly files in the holiday-cn format, in any order.
    ///
    /// Trailing years without days (2027 before its notice) are not covered. A notice may speak
    /// of the December before or the January after its year; where two files speak of one date
    /// the later notice holds, and what lies outside the covered years is left out.
    pub fn from_holiday_cn(version: impl Into<String>, files: &[&str]) -> Result<Self, CalendarError> {
        if files.len() > MAX_YEARS.unsigned_abs() as usize {
            return Err(CalendarError::TooLarge);
        }
        let mut years = Vec::with_capacity(files.len());
        for (index, text) in files.iter().enumerate() {
            if text.len() > MAX_FILE_BYTES {
                return Err(CalendarError::TooLarge);
            }
            let year: CnYear = serde_json::from_str(text)
                .map_err(|e| CalendarError::BadJson { index, reason: e.to_string() })?;
            years.push(year);
        }
        years.sort_by_key(|y| y.year);
        for (a, b) in years.iter().zip(years.iter().skip(1)) {
            if a.year == b.year {
                return Err(CalendarError::DuplicateYear(a.year));
            }
        }
        let last = years.iter().rposition(|y| !y.days.is_empty()).ok_or(CalendarError::NothingCovered)?;
        years.truncate(last.saturating_add(1));
        Self::from_years(version.into(), &years)
    }

    fn from_years(version: String, years: &[CnYear]) -> Result<Self, CalendarError> {
        let (Some(first), Some(last)) = (years.first(), years.last()) else {
            return Err(CalendarError::NothingCovered);
        };
        let covers_from = NaiveDate::from_ymd_opt(first.year, 1, 1).ok_or(CalendarError::BadSpan)?;
        let covers_until = NaiveDate::from_ymd_opt(last.year, 12, 31).ok_or(CalendarError::BadSpan)?;
        let mut off = BTreeSet::new();
        let mut makeup = BTreeSet::new();
        let mut expected = first.year;
        for file in years {
            if file.year != expected || file.days.is_empty() {
                return Err(CalendarError::GapBetweenYears(expected));
            }
            expected = expected.saturating_add(1);
            let mut seen = BTreeSet::new();
            for day in &file.days {
                let own = day.date.year() == file.year
                    || (day.date.year().saturating_add(1) == file.year && day.date.month() == 12)
                    || (day.date.year() == file.year.saturating_add(1) && day.date.month() == 1);
                if !own {
                    return Err(CalendarError::OutsideCover(day.date));
                }
                let (into, from) =
                    if day.is_off_day { (&mut off, &mut makeup) } else { (&mut makeup, &mut off) };
                if !seen.insert(day.date) && from.contains(&day.date) {
                    return Err(CalendarError::Contradiction(day.date));
                }
                from.remove(&day.date);
                into.insert(day.date);
            }
        }
        let span = covers_from..=covers_until;
        off.retain(|d| span.contains(d));
        makeup.retain(|d| span.contains(d));
        Self::new(version, covers_from, covers_until, off, makeup)
    }

    /// Returns the built-in table of mainland China, 2024-01-01 to 2026-12-31.
    ///
    /// Parsed and checked once. The error can only mean that the program was built with damaged
    /// data; callers at start-up report it like any other bad calendar.
    pub fn china() -> Result<&'static Self, CalendarError> {
        static CHINA: OnceLock<Result<Calendar, CalendarError>> = OnceLock::new();
        CHINA.get_or_init(|| Self::from_holiday_cn(CN_VERSION, &CN_FILES)).as_ref().map_err(Clone::clone)
    }

    /// Returns the version text; a due time records it so that it can be recomputed.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the first covered date.
    pub fn covers_from(&self) -> NaiveDate {
        self.covers_from
    }

    /// Returns the last covered date.
    pub fn covers_until(&self) -> NaiveDate {
        self.covers_until
    }

    /// Returns the statutory days off, in order (ordinary weekends are not listed).
    pub fn off_days(&self) -> impl Iterator<Item = NaiveDate> + '_ {
        self.off.iter().copied()
    }

    /// Returns the make-up workdays, in order.
    pub fn makeup_days(&self) -> impl Iterator<Item = NaiveDate> + '_ {
        self.makeup.iter().copied()
    }

    /// Says what kind of day `date` is.
    pub fn day(&self, date: NaiveDate) -> DayKind {
        let weekend = is_weekend(date);
        if date < self.covers_from || date > self.covers_until {
            return if weekend { DayKind::ProvisionalOff } else { DayKind::ProvisionalWorkday };
        }
        if self.makeup.contains(&date) {
            DayKind::MakeupWorkday
        } else if weekend || self.off.contains(&date) {
            DayKind::Off
        } else {
            DayKind::Workday
        }
    }

    /// Returns true if people work on `date`; a guess outside the covered span.
    pub fn is_workday(&self, date: NaiveDate) -> bool {
        self.day(date).is_workday()
    }

    /// Returns the first working day after `date`; `None` at the end of representable time.
    pub fn next_workday(&self, date: NaiveDate) -> Option<NaiveDate> {
        std::iter::successors(date.succ_opt(), |d| d.succ_opt()).find(|d| self.is_workday(*d))
    }

    /// Returns the last working day before `date`; `None` at the start of representable time.
    pub fn previous_workday(&self, date: NaiveDate) -> Option<NaiveDate> {
        std::iter::successors(date.pred_opt(), |d| d.pred_opt()).find(|d| self.is_workday(*d))
    }

    /// Counts the working days of a year; `None` unless the whole year is covered.
    pub fn working_days_in(&self, year: i32) -> Option<u32> {
        let first = NaiveDate::from_ymd_opt(year, 1, 1)?;
        let last = NaiveDate::from_ymd_opt(year, 12, 31)?;
        if first < self.covers_from || last > self.covers_until {
            return None;
        }
        let days = (0..366).filter_map(|n| first.checked_add_days(Days::new(n)));
        let worked = days.filter(|d| *d <= last && self.is_workday(*d)).count();
        u32::try_from(worked).ok()
    }
}

fn is_weekend(date: NaiveDate) -> bool {
    matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

#[cfg(test)]
mod tests;
