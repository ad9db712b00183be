//! Times as cameras write them.
//!
//! Invariant: a date that is not in the calendar is no date; nothing is rounded into range.
//! Rejected: trusting the layout by position only, under which `2008-10-22T16:28:39` of some
//! editors is lost.

use chrono::NaiveDate;

/// Offsets in use reach from −12 to +14 hours.
const MOST_OFFSET_MIN: i32 = 14 * 60;

/// Reads `YYYY:MM:DD HH:MM:SS` as ms, counted as if it were UTC.
pub(super) fn civil_ms(text: &str) -> Option<i64> {
    let (date, time) = text.trim().split_once([' ', 'T'])?;
    let [h, m, s] = clock(time.trim())?;
    let second = date_of(date)?.and_hms_opt(h, m, s)?;
    Some(second.and_utc().timestamp_millis())
}

/// Reads `YYYY:MM:DD` as ms of its midnight in UTC.
pub(super) fn day_ms(text: &str) -> Option<i64> {
    Some(date_of(text.trim())?.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis())
}

/// Reads the digits after the second's point as ms, cut after the third.
pub(super) fn fraction_ms(text: &str) -> i64 {
    let digits = text.trim();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return 0;
    }
    digits.bytes().chain(*b"00").take(3).fold(0, |ms, digit| ms * 10 + i64::from(digit - b'0'))
}

/// Reads `+08:00` or `Z` as minutes.
pub(super) fn offset_min(text: &str) -> Option<i32> {
    let text = text.trim();
    if text == "Z" {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (h, m) = text.strip_prefix(['+', '-'])?.split_once(':')?;
    let minutes = two_digits(h)? * 60 + two_digits(m).filter(|m| *m < 60)?;
    let minutes = i32::try_from(minutes).ok()?;
    (minutes <= MOST_OFFSET_MIN).then_some(sign * minutes)
}

fn date_of(text: &str) -> Option<NaiveDate> {
    let year = text.get(..4)?;
    let rest = text.get(4..)?.strip_prefix([':', '-', '/'])?;
    let (month, day) = rest.split_once([':', '-', '/'])?;
    // 0000:01:01 is how a camera without a clock says so.
    let year = digits(year).filter(|y| *y > 0)?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, two_digits(month)?, two_digits(day)?)
}

fn clock(text: &str) -> Option<[u32; 3]> {
    let mut parts = text.split(':').map(two_digits);
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

fn two_digits(text: &str) -> Option<u32> {
    (text.len() == 2).then(|| digits(text))?
}

/// Plain digits only: `parse` alone would take a sign.
fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}
