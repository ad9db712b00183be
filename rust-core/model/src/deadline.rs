//! Due times (办结时限): when an order, a return or a reply is due, on the phone and at HQ alike.
//!
//! Invariant: a due time is a pure function of start, limit, calendar and business hours; it is
//! always later than its start, and one counted in working days or hours never falls on a day
//! off. Nothing pauses the clock except an approved extension. Rejected: counting forward from
//! "now" with accumulated pauses, the shape behind the lost-minute and forgotten-pause bugs of
//! other desks (DOMAIN.md §7).

mod elapsed;
mod hours;
mod limits;
mod promise;

pub use elapsed::BusinessTime;
pub use hours::{Hours, HoursRow, Minute, Shift};
pub use limits::{Limit, Limits};
pub use promise::Promise;

use chrono::{Datelike, Days, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::time::TimeMs;

/// Offset of China's one time zone from UTC, in milliseconds.
pub const CHINA_OFFSET_MS: i64 = 8 * 3_600_000;
/// Milliseconds of a day; China has no daylight saving, so every day has as many.
pub const DAY_MS: i64 = 86_400_000;
pub(crate) const MINUTE_MS: i64 = 60_000;
/// Most working days a limit may have: about four years, to bound the walk over the calendar.
pub const MAX_WORKDAYS: u16 = 1_000;
/// Most minutes a limit may have: 1,000 days of 24 hours.
pub const MAX_MINUTES: u32 = 1_000 * 24 * 60;
const EPOCH_FROM_CE: i64 = 719_163;

/// Says why a due time could not be computed or a table of limits was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeadlineError {
    /// The start or the result is outside what the calendar arithmetic can express.
    #[error("time {0} ms is out of range")]
    OutOfRange(i64),
    /// A limit of zero, or beyond [`MAX_WORKDAYS`] or [`MAX_MINUTES`].
    #[error("limit {0} is zero or too long")]
    BadLimit(u32),
    /// An extension beyond the configured maximum.
    #[error("an extension of {asked} working days is more than {most}")]
    ExtensionTooLong {
        /// Working days asked for.
        asked: u16,
        /// Working days allowed.
        most: u16,
    },
    /// The order already has as many extensions as allowed.
    #[error("the order has been extended before")]
    AlreadyExtended,
    /// The extension was asked for at or after the due time.
    #[error("an extension must be asked for before the order is due")]
    AskedTooLate,
    /// A firm due time would become a guess again.
    #[error("the calendar is older than the one the due time was computed with")]
    OlderCalendar,
    /// A time of day is not `HH:MM` between 00:00 and 24:00.
    #[error("time of day is not HH:MM")]
    BadMinute,
    /// The business hours are empty, unordered, or a half-day closes before it opens.
    #[error("business hours are not in order")]
    BadHours,
}

/// A computed point in time with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// The time, UTC.
    pub at: TimeMs,
    /// True if a day outside the calendar was counted: a guess until a newer table arrives.
    pub provisional: bool,
    /// The version of the calendar used; `None` for clock time, which needs no calendar.
    pub calendar_version: Option<String>,
}

/// Returns China's date and the milliseconds since its midnight.
pub fn china_date(at: TimeMs) -> Result<(NaiveDate, i64), DeadlineError> {
    let local = at.0.checked_add(CHINA_OFFSET_MS).ok_or(DeadlineError::OutOfRange(at.0))?;
    let days = local.div_euclid(DAY_MS).checked_add(EPOCH_FROM_CE);
    days.and_then(|d| i32::try_from(d).ok())
        .and_then(NaiveDate::from_num_days_from_ce_opt)
        .map(|date| (date, local.rem_euclid(DAY_MS)))
        .ok_or(DeadlineError::OutOfRange(at.0))
}

/// Returns the UTC time of a minute (0 to 1,440) of a date in China.
pub fn china_time(date: NaiveDate, minute: Minute) -> TimeMs {
    // A NaiveDate spans about ±262,000 years, so nothing here comes near the end of i64.
    let days = i64::from(date.num_days_from_ce()).saturating_sub(EPOCH_FROM_CE);
    TimeMs(days.saturating_mul(DAY_MS).saturating_add(minute.ms()).saturating_sub(CHINA_OFFSET_MS))
}

/// Computes the due time of a general order (一般件): close of business of the `workdays`-th
/// working day after the day of the start.
///
/// The start day does not count (民法典 201), whatever its hour. R30; `workdays` is 1 to
/// [`MAX_WORKDAYS`].
pub fn general_due(
    start: TimeMs,
    workdays: u16,
    calendar: &Calendar,
    hours: &Hours,
) -> Result<Due, DeadlineError> {
    if workdays == 0 || workdays > MAX_WORKDAYS {
        return Err(DeadlineError::BadLimit(workdays.into()));
    }
    let (mut date, _) = china_date(start)?;
    let mut provisional = calendar.day(date).is_provisional();
    for _ in 0..workdays {
        date = calendar.next_workday(date).ok_or(DeadlineError::OutOfRange(start.0))?;
        provisional |= calendar.day(date).is_provisional();
    }
    Ok(due_at(china_time(date, hours.on(date).closes()), provisional, calendar))
}

/// Computes a due time counted in days: close of business of the last one, or of the next
/// working day after it when that one is off (民法典 203). `days` is 1 to [`MAX_WORKDAYS`].
pub fn days_due(start: TimeMs, days: u16, calendar: &Calendar, hours: &Hours) -> Result<Due, DeadlineError> {
    if days == 0 || days > MAX_WORKDAYS {
        return Err(DeadlineError::BadLimit(days.into()));
    }
    let (date, _) = china_date(start)?;
    let out = DeadlineError::OutOfRange(start.0);
    // The day before the last: the first working day after it is the last one, if that works.
    let before = date.checked_add_days(Days::new(u64::from(days) - 1)).ok_or(out.clone())?;
    let last = calendar.next_workday(before).ok_or(out)?;
    let provisional = calendar.day(last).is_provisional();
    Ok(due_at(china_time(last, hours.on(last).closes()), provisional, calendar))
}

/// Computes the due time of an urgent order (紧急件): clock time, day and night, any day.
///
/// R30 gives 120 minutes; `minutes` is 1 to [`MAX_MINUTES`].
pub fn urgent_due(start: TimeMs, minutes: u32) -> Result<Due, DeadlineError> {
    let ms = limit_ms(minutes)?;
    let at = start.0.checked_add(ms).ok_or(DeadlineError::OutOfRange(start.0))?;
    Ok(Due { at: TimeMs(at), provisional: false, calendar_version: None })
}

/// Computes a due time in working minutes, run through the business hours of working days
/// (configuration option B of DOMAIN.md §7: 15 working hours; also the return limit).
///
/// A start outside business hours counts from the next opening. Half-days are half-open
/// intervals, so a table that closes at 24:00 and opens at 00:00 loses nothing at midnight; a
/// limit used up exactly at closing is due at that closing.
pub fn working_minutes_due(
    start: TimeMs,
    minutes: u32,
    calendar: &Calendar,
    hours: &Hours,
) -> Result<Due, DeadlineError> {
    let mut left = limit_ms(minutes)?;
    let (mut date, _) = china_date(start)?;
    let mut provisional = calendar.day(date).is_provisional();
    if !calendar.is_workday(date) {
        date = calendar.next_workday(date).ok_or(DeadlineError::OutOfRange(start.0))?;
    }
    // Ends: every working day has business hours (checked in Hours), so `left` shrinks by at
    // least two minutes a day, and next_workday gives out at the end of representable time.
    loop {
        provisional |= calendar.day(date).is_provisional();
        let row = hours.on(date);
        for shift in [row.morning, row.afternoon] {
            let from = china_time(date, shift.opens).0.max(start.0);
            let open_ms = china_time(date, shift.closes).0.saturating_sub(from);
            if open_ms <= 0 {
                continue;
            }
            if left <= open_ms {
                return Ok(due_at(TimeMs(from.saturating_add(left)), provisional, calendar));
            }
            left = left.saturating_sub(open_ms);
        }
        date = calendar.next_workday(date).ok_or(DeadlineError::OutOfRange(start.0))?;
    }
}

/// Computes a due time in working hours; see [`working_minutes_due`].
pub fn working_hours_due(
    start: TimeMs,
    working_hours: u16,
    calendar: &Calendar,
    hours: &Hours,
) -> Result<Due, DeadlineError> {
    working_minutes_due(start, u32::from(working_hours).saturating_mul(60), calendar, hours)
}

/// Computes the due time of any limit.
pub fn limit_due(
    start: TimeMs,
    limit: Limit,
    calendar: &Calendar,
    hours: &Hours,
) -> Result<Due, DeadlineError> {
    match limit {
        Limit::Workdays(n) => general_due(start, n, calendar, hours),
        Limit::ClockMinutes(n) => urgent_due(start, n),
        Limit::WorkingMinutes(n) => working_minutes_due(start, n, calendar, hours),
    }
}

/// Computes when the yellow card (黄牌) is shown: opening of business one working day before the
/// due date (Shandong 2017).
///
/// For an urgent order this can lie before its start; the card then shows from the start.
pub fn yellow_card_at(due: TimeMs, calendar: &Calendar, hours: &Hours) -> Result<Due, DeadlineError> {
    opening(due, Calendar::previous_workday, calendar, hours)
}

/// Computes when the red card (红牌) is shown: opening of business of the first working day
/// after the due date (Shandong 2017).
pub fn red_card_at(due: TimeMs, calendar: &Calendar, hours: &Hours) -> Result<Due, DeadlineError> {
    opening(due, Calendar::next_workday, calendar, hours)
}

fn opening(
    due: TimeMs,
    step: fn(&Calendar, NaiveDate) -> Option<NaiveDate>,
    calendar: &Calendar,
    hours: &Hours,
) -> Result<Due, DeadlineError> {
    let (due_date, _) = china_date(last_moment(due))?;
    let date = step(calendar, due_date).ok_or(DeadlineError::OutOfRange(due.0))?;
    let provisional = [due_date, date].iter().any(|d| calendar.day(*d).is_provisional());
    Ok(due_at(china_time(date, hours.on(date).opens()), provisional, calendar))
}

/// Computes the due time after an extension (延期): close of business of the `workdays`-th
/// working day after the old due date. More than `limits.max_extension_workdays` is refused.
pub fn extend(
    due: TimeMs,
    workdays: u16,
    limits: &Limits,
    calendar: &Calendar,
    hours: &Hours,
) -> Result<Due, DeadlineError> {
    let most = limits.max_extension_workdays;
    if workdays > most {
        return Err(DeadlineError::ExtensionTooLong { asked: workdays, most });
    }
    extended(due, workdays, calendar, hours)
}

fn extended(due: TimeMs, workdays: u16, calendar: &Calendar, hours: &Hours) -> Result<Due, DeadlineError> {
    general_due(last_moment(due), workdays, calendar, hours)
}

/// A due time at midnight (business closes at 24:00) belongs to the day that ends.
fn last_moment(due: TimeMs) -> TimeMs {
    TimeMs(due.0.saturating_sub(1))
}

/// Checks that an extension may still be asked for: before the due time, and not more often
/// than `limits.max_extensions` (DOMAIN.md §4: once).
pub fn may_extend(
    asked_at: TimeMs,
    due: TimeMs,
    extensions_before: u16,
    limits: &Limits,
) -> Result<(), DeadlineError> {
    if extensions_before >= limits.max_extensions {
        return Err(DeadlineError::AlreadyExtended);
    }
    if asked_at >= due {
        return Err(DeadlineError::AskedTooLate);
    }
    Ok(())
}

/// The due time that binds, with the R31 warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindingDue {
    /// The earlier of both due times.
    pub at: TimeMs,
    /// True if our own due time was later than upstream's: warn, upstream's is used.
    pub internal_too_late: bool,
}

/// Chooses between our due time and that of city or district (R31: ours must not be later).
pub fn internal_vs_upstream(internal: TimeMs, upstream: Option<TimeMs>) -> BindingDue {
    match upstream {
        Some(upstream) if upstream < internal => BindingDue { at: upstream, internal_too_late: true },
        _ => BindingDue { at: internal, internal_too_late: false },
    }
}

fn limit_ms(minutes: u32) -> Result<i64, DeadlineError> {
    if minutes == 0 || minutes > MAX_MINUTES {
        return Err(DeadlineError::BadLimit(minutes));
    }
    Ok(i64::from(minutes).saturating_mul(MINUTE_MS))
}

fn due_at(at: TimeMs, provisional: bool, calendar: &Calendar) -> Due {
    Due { at, provisional, calendar_version: Some(calendar.version().to_owned()) }
}

#[cfg(test)]
mod tests;
