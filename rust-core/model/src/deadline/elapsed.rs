//! How much business time passed between two moments.
//!
//! Invariant: additive: `between(a, b) + between(b, c) = between(a, c)`; time outside business
//! hours adds nothing. Days are summed up once, so that a report over tens of thousands of orders
//! asks the calendar once per day. Rejected: walking the calendar for each order.

use chrono::NaiveDate;

use super::{DAY_MS, DeadlineError, Hours, Shift, china_date};
use crate::{calendar::Calendar, time::TimeMs};

/// Longest span, in days; what lies before it counts as business time of its first moment.
const MAX_DAYS: i64 = 4_000;

/// Business time over a span of days.
#[derive(Debug, Clone)]
pub struct BusinessTime {
    /// Midnight of the first day in China, UTC ms.
    start: i64,
    /// Per day: business time before it, and its half-days; empty on days off.
    days: Vec<(i64, Option<[Shift; 2]>)>,
}

impl BusinessTime {
    /// Sums up the days from one moment to another, at most 4,000 days back.
    pub fn new(from: TimeMs, to: TimeMs, calendar: &Calendar, hours: &Hours) -> Result<Self, DeadlineError> {
        let earliest = to.0.saturating_sub(MAX_DAYS * DAY_MS);
        let first = TimeMs(from.0.clamp(earliest, to.0.max(earliest)));
        let (mut date, into) = china_date(first)?;
        let start = first.0.saturating_sub(into);
        let mut days = Vec::new();
        let mut sum = 0_i64;
        while start.saturating_add((days.len() as i64).saturating_mul(DAY_MS)) <= to.0 {
            let shifts = shifts(date, calendar, hours);
            days.push((sum, shifts));
            let open = shifts.iter().flatten().map(|s| s.closes.ms().saturating_sub(s.opens.ms()));
            sum = sum.saturating_add(open.sum());
            date = date.succ_opt().ok_or(DeadlineError::OutOfRange(to.0))?;
        }
        Ok(Self { start, days })
    }

    /// Returns the business time from one moment to a later one in milliseconds; 0 if it is not
    /// later. Moments outside the span count as its nearest end.
    pub fn between(&self, from: TimeMs, to: TimeMs) -> i64 {
        self.before(to).saturating_sub(self.before(from)).max(0)
    }

    /// Returns the business time from the beginning of the span to a moment.
    fn before(&self, at: TimeMs) -> i64 {
        let since = at.0.saturating_sub(self.start).max(0);
        let last = i64::try_from(self.days.len()).unwrap_or(i64::MAX).saturating_sub(1);
        let day = since.div_euclid(DAY_MS).min(last);
        let into = since.saturating_sub(day.saturating_mul(DAY_MS)).min(DAY_MS);
        let Some((sum, shifts)) = usize::try_from(day).ok().and_then(|i| self.days.get(i)) else { return 0 };
        let open = |s: &Shift| into.min(s.closes.ms()).saturating_sub(s.opens.ms()).max(0);
        sum.saturating_add(shifts.iter().flatten().map(open).sum())
    }
}

fn shifts(date: NaiveDate, calendar: &Calendar, hours: &Hours) -> Option<[Shift; 2]> {
    let row = hours.on(date);
    calendar.is_workday(date).then_some([row.morning, row.afternoon])
}
