//! Business hours as a dated table.
//!
//! Invariant: a table has at least one row, rows are in order of date, and both half-days of a
//! row are longer than nothing and do not overlap. Rejected: one pair of opening and closing
//! constants, since towns move their hours with the season and old orders keep the old ones.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{DeadlineError, MINUTE_MS};

const MAX_ROWS: usize = 1_000;

/// A time of day in whole minutes, 00:00 to 24:00, written `HH:MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Minute(u16);

impl Minute {
    /// Makes a time of day; hour 24 only with minute 0.
    pub fn new(hour: u16, minute: u16) -> Result<Self, DeadlineError> {
        if minute > 59 || hour > 24 || (hour == 24 && minute > 0) {
            return Err(DeadlineError::BadMinute);
        }
        Ok(Self(hour.saturating_mul(60).saturating_add(minute)))
    }

    /// Returns the milliseconds since midnight.
    pub fn ms(self) -> i64 {
        i64::from(self.0).saturating_mul(MINUTE_MS)
    }
}

impl TryFrom<String> for Minute {
    type Error = DeadlineError;

    fn try_from(text: String) -> Result<Self, DeadlineError> {
        let two = |part: &str| {
            let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten().ok_or(DeadlineError::BadMinute)
        };
        let (hour, minute) = text.split_once(':').ok_or(DeadlineError::BadMinute)?;
        Self::new(two(hour)?, two(minute)?)
    }
}

impl From<Minute> for String {
    fn from(m: Minute) -> Self {
        format!("{:02}:{:02}", m.0 / 60, m.0 % 60)
    }
}

/// One half-day of business: from `opens` up to but not including `closes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// Opening time.
    pub opens: Minute,
    /// Closing time.
    pub closes: Minute,
}

/// The business hours that hold from a date on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoursRow {
    /// First date of these hours.
    pub from_date: NaiveDate,
    /// Before lunch.
    pub morning: Shift,
    /// After lunch; may begin when the morning ends.
    pub afternoon: Shift,
}

impl HoursRow {
    /// Returns when the day begins.
    pub fn opens(&self) -> Minute {
        self.morning.opens
    }

    /// Returns the close of business.
    pub fn closes(&self) -> Minute {
        self.afternoon.closes
    }

    fn is_ordered(&self) -> bool {
        self.morning.opens < self.morning.closes
            && self.morning.closes <= self.afternoon.opens
            && self.afternoon.opens < self.afternoon.closes
    }
}

/// A dated table of business hours; a date before the first row uses the first row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<HoursRow>", into = "Vec<HoursRow>")]
pub struct Hours {
    first: HoursRow,
    later: Vec<HoursRow>,
}

impl Hours {
    /// Returns the row that holds on `date`.
    pub fn on(&self, date: NaiveDate) -> &HoursRow {
        self.later.iter().rev().find(|row| row.from_date <= date).unwrap_or(&self.first)
    }
}

impl Default for Hours {
    /// 8:30–12:00 and 13:30–17:30 on every date \[P\].
    fn default() -> Self {
        let first = HoursRow {
            // Any date serves: the first row also holds before its date.
            from_date: NaiveDate::default(),
            morning: Shift { opens: Minute(510), closes: Minute(720) },
            afternoon: Shift { opens: Minute(810), closes: Minute(1_050) },
        };
        Self { first, later: Vec::new() }
    }
}

impl TryFrom<Vec<HoursRow>> for Hours {
    type Error = DeadlineError;

    fn try_from(rows: Vec<HoursRow>) -> Result<Self, DeadlineError> {
        let dates = rows.iter().zip(rows.iter().skip(1));
        let ordered = dates.into_iter().all(|(a, b)| a.from_date < b.from_date);
        if !ordered || rows.len() > MAX_ROWS || !rows.iter().all(HoursRow::is_ordered) {
            return Err(DeadlineError::BadHours);
        }
        let mut rows = rows.into_iter();
        let first = rows.next().ok_or(DeadlineError::BadHours)?;
        Ok(Self { first, later: rows.collect() })
    }
}

impl From<Hours> for Vec<HoursRow> {
    fn from(hours: Hours) -> Self {
        std::iter::once(hours.first).chain(hours.later).collect()
    }
}
