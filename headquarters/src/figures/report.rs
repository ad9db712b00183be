//! The counting itself: one pass over the orders of a period.
//!
//! Invariant: every order is judged once, by [`Metric::judge`]; totals, groups and time buckets
//! are sums of the same judgements.

use super::{
    Rules,
    grid_work::GridWork,
    pack::unpack,
    query::{Belongs, Dimension, Query},
};
use crate::error::HqError;
use lanewalk_model::{
    calendar::Calendar,
    deadline::{BusinessTime, CHINA_OFFSET_MS, DAY_MS},
    kpi::{DueKind, History, Metric, OrderFacts, Part, Rate, Spread, Stage},
    time::TimeMs,
};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Upper ends, in days, of the ages by which open orders are shown; the last is open.
pub const AGES_DAYS: [i64; 5] = [1, 2, 5, 10, 30];

/// Every figure of a set of orders.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally(Vec<Rate>);

impl Tally {
    /// Returns a figure.
    pub fn of(&self, metric: Metric) -> Rate {
        let at = Metric::ALL.iter().position(|m| *m == metric);
        at.and_then(|i| self.0.get(i)).copied().unwrap_or_default()
    }

    fn add(&mut self, parts: &[Part]) {
        self.0.resize(parts.len(), Rate::default());
        for (rate, part) in self.0.iter_mut().zip(parts) {
            *rate = rate.plus(*part);
        }
    }
}

/// How an order stands: each in exactly one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stands {
    /// Closed, handled in time.
    pub in_time: u64,
    /// Closed, late.
    pub late: u64,
    /// Open, not past due.
    pub open: u64,
    /// Open and past due.
    pub overdue: u64,
    /// Returned upstream.
    pub returned: u64,
}

impl Stands {
    fn add(&mut self, o: &OrderFacts, at: TimeMs) {
        let place = match (o.closed_at, o.is_in_time(DueKind::Internal), o.returned) {
            (Some(_), true, _) => &mut self.in_time,
            (Some(_), false, _) => &mut self.late,
            (None, _, true) => &mut self.returned,
            (None, _, false) if o.is_overdue(DueKind::Internal, at) => &mut self.overdue,
            _ => &mut self.open,
        };
        *place = place.saturating_add(1);
    }

    /// Returns the sum.
    pub fn all(&self) -> u64 {
        [self.in_time, self.late, self.open, self.overdue, self.returned].iter().sum()
    }
}

/// The orders that came in during a part of the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// First moment.
    pub from: TimeMs,
    /// First moment after it.
    pub to: TimeMs,
    /// How they stand; excluded ones are not among them.
    pub stands: Stands,
}

/// Open orders of an age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Age {
    /// Not past due.
    pub open: u64,
    /// Past due.
    pub overdue: u64,
}

/// How long a stage takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timer {
    /// By the clock; `None` if no order has been through it.
    pub clock: Option<Spread>,
    /// In business hours.
    pub working: Option<Spread>,
}

/// A line of a breakdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Code; empty for orders that have none.
    pub key: String,
    /// Its figures.
    pub tally: Tally,
}

/// The answer to a [`Query`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// All figures.
    pub total: Tally,
    /// 转派次数: moves to another holder, all together.
    pub moves: u64,
    /// The four stages, in order.
    pub timers: [Timer; 4],
    /// Through the period.
    pub flow: Vec<Bucket>,
    /// Open orders by age, youngest first; one more than [`AGES_DAYS`].
    pub ages: [Age; 6],
    /// Breakdowns as asked for, largest group first.
    pub groups: Vec<Vec<Group>>,
    /// What the grids did (R19–R21).
    pub grid_work: GridWork,
}

impl Figures {
    /// Counts. Reads one stretch of `order_facts`; 35,000 orders take some tens of milliseconds.
    pub fn of(db: &Connection, query: &Query, by: &[Dimension]) -> Result<Self, HqError> {
        let rules = Rules::read(db)?;
        let mut figures = Self { flow: buckets(query.from, query.to), ..Self::default() };
        let mut spans: [Vec<(TimeMs, TimeMs)>; 4] = Default::default();
        let mut groups: Vec<HashMap<String, Tally>> = vec![HashMap::new(); by.len()];
        each(db, query, |_, belongs, facts| {
            let parts = Metric::ALL.map(|m| m.judge(facts, query.as_of));
            figures.total.add(&parts);
            for (dimension, groups) in by.iter().zip(&mut groups) {
                let key = dimension.of(belongs);
                match groups.get_mut(key) {
                    Some(tally) => tally.add(&parts),
                    None => groups.entry(key.to_owned()).or_default().add(&parts),
                }
            }
            if facts.excluded {
                return;
            }
            figures.moves = figures.moves.saturating_add(facts.transfers.into());
            for (stage, spans) in Stage::ALL.into_iter().zip(&mut spans) {
                spans.extend(stage.span(facts));
            }
            let at = figures.flow.partition_point(|b| b.to <= facts.received_at);
            if let Some(bucket) = figures.flow.get_mut(at) {
                bucket.stands.add(facts, query.as_of);
            }
            if facts.is_open() {
                let age = query.as_of.0.saturating_sub(facts.received_at.0) / DAY_MS;
                let age = figures.ages.get_mut(AGES_DAYS.partition_point(|days| *days <= age));
                let overdue = facts.is_overdue(DueKind::Internal, query.as_of);
                if let Some(age) = age {
                    let place = if overdue { &mut age.overdue } else { &mut age.open };
                    *place = place.saturating_add(1);
                }
            }
        })?;
        figures.timers = timers(&spans, &rules, &super::calendar(db)?)?;
        figures.groups = groups.into_iter().map(sorted).collect();
        figures.grid_work = GridWork::of(db, query, rules.quiet_days)?;
        Ok(figures)
    }
}

fn sorted(groups: HashMap<String, Tally>) -> Vec<Group> {
    let mut groups: Vec<Group> = groups.into_iter().map(|(key, tally)| Group { key, tally }).collect();
    let size = |g: &Group| std::cmp::Reverse(g.tally.of(Metric::Received).d());
    groups.sort_by(|a, b| size(a).cmp(&size(b)).then_with(|| a.key.cmp(&b.key)));
    groups
}

fn timers(
    spans: &[Vec<(TimeMs, TimeMs)>; 4],
    rules: &Rules,
    calendar: &Calendar,
) -> Result<[Timer; 4], HqError> {
    let all = || spans.iter().flatten();
    let first = all().map(|(from, _)| *from).min().unwrap_or_default();
    let last = all().map(|(_, to)| *to).max().unwrap_or_default();
    let business = BusinessTime::new(first, last, calendar, &rules.hours)
        .map_err(|e| HqError::Reference { what: "business hours", why: e.to_string() })?;
    let spread = |spans: &[(TimeMs, TimeMs)], length: &dyn Fn(TimeMs, TimeMs) -> i64| {
        let mut lengths: Vec<i64> = spans.iter().map(|(from, to)| length(*from, *to)).collect();
        Spread::of(&mut lengths)
    };
    let mut timers = [Timer::default(); 4];
    for (timer, spans) in timers.iter_mut().zip(spans) {
        timer.clock = spread(spans, &|from, to| to.0.saturating_sub(from.0));
        timer.working = spread(spans, &|from, to| business.between(from, to));
    }
    Ok(timers)
}

/// An order of a list: row number and facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Row number of the document.
    pub doc: i64,
    /// How it stood.
    pub facts: OrderFacts,
}

/// Lists the orders behind a figure, latest first: those in its numerator ([`Part::Hit`]), those
/// only in its denominator ([`Part::Not`]), or, for `None`, both.
pub fn list(
    db: &Connection,
    query: &Query,
    metric: Metric,
    part: Option<Part>,
) -> Result<Vec<Found>, HqError> {
    let mut found = Vec::new();
    each(db, query, |doc, _, facts| {
        let is = metric.judge(facts, query.as_of);
        if part.map_or(is != Part::Out, |part| part == is) {
            found.push(Found { doc, facts: *facts });
        }
    })?;
    found.reverse();
    Ok(found)
}

/// Goes over the orders that are asked for, earliest first.
pub(super) fn each(
    db: &Connection,
    query: &Query,
    mut with: impl FnMut(i64, &Belongs<'_>, &OrderFacts),
) -> Result<(), HqError> {
    let mut statement = db.prepare_cached(
        "SELECT doc, grid, matter, unit, urgency, channel, history FROM order_facts
         WHERE received_at >= ?1 AND received_at < ?2 AND received_at <= ?3 ORDER BY received_at, doc",
    )?;
    let mut rows = statement.query(params![query.from.0, query.to.0, query.as_of.0])?;
    let mut history = History::default();
    while let Some(r) = rows.next()? {
        let text = |i: usize| r.get_ref(i).map(|v| v.as_str().unwrap_or_default());
        let belongs = Belongs {
            grid: text(1)?,
            matter: text(2)?,
            unit: text(3)?,
            urgency: text(4)?,
            channel: text(5)?,
        };
        if !query.asks_for(&belongs) {
            continue;
        }
        let bytes = r.get_ref(6)?.as_blob().unwrap_or_default();
        unpack(bytes, &mut history).ok_or_else(|| HqError::Reference {
            what: "order_facts",
            why: "not readable; make the figures anew".into(),
        })?;
        if let Some(facts) = history.at(query.as_of) {
            with(r.get(0)?, &belongs, &facts);
        }
    }
    Ok(())
}

/// Cuts a period into days (up to 31), weeks from Monday (up to 200 days) or months, in China's
/// time; the first and the last may be shorter.
fn buckets(from: TimeMs, to: TimeMs) -> Vec<Bucket> {
    let days = to.0.saturating_sub(from.0) / DAY_MS;
    let mut out = Vec::new();
    let mut start = from;
    while start < to && out.len() < 200 {
        let end = if days <= 31 {
            TimeMs(next_day(start.0))
        } else if days <= 200 {
            // 1970-01-01 was a Thursday.
            let day = (start.0.saturating_add(CHINA_OFFSET_MS)).div_euclid(DAY_MS);
            TimeMs(next_day(start.0).saturating_add((6 - (day + 3).rem_euclid(7)).saturating_mul(DAY_MS)))
        } else {
            next_month(start)
        };
        let end = end.min(to);
        out.push(Bucket { from: start, to: end, stands: Stands::default() });
        start = end;
    }
    out
}

fn next_day(at: i64) -> i64 {
    let day = at.saturating_add(CHINA_OFFSET_MS).div_euclid(DAY_MS).saturating_add(1);
    day.saturating_mul(DAY_MS).saturating_sub(CHINA_OFFSET_MS)
}

fn next_month(at: TimeMs) -> TimeMs {
    let month = at.china_with("%Y-%m");
    let mut day = at.0;
    // At most 31 times.
    while TimeMs(day).china_with("%Y-%m") == month {
        day = next_day(day);
    }
    TimeMs(day)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn at(text: &str) -> TimeMs {
        let time = chrono::NaiveDateTime::parse_from_str(&format!("{text} 00:00"), "%Y-%m-%d %H:%M").unwrap();
        TimeMs(time.and_utc().timestamp_millis() - CHINA_OFFSET_MS)
    }

    #[test]
    fn periods_are_cut_without_gap() {
        for (from, to, n, second) in [
            ("2026-05-01", "2026-06-01", 31, "2026-05-02"),
            ("2026-05-01", "2026-07-01", 10, "2026-05-04"), // a Friday: the first week is short
            ("2026-01-01", "2027-01-01", 12, "2026-02-01"),
            ("2026-05-01", "2026-05-02", 1, ""),
        ] {
            let cut = buckets(at(from), at(to));
            assert_eq!(cut.len(), n, "{from}");
            assert!(cut.windows(2).all(|w| w[0].to == w[1].from));
            assert_eq!((cut[0].from, cut[n - 1].to), (at(from), at(to)));
            if n > 1 {
                assert_eq!(cut[1].from, at(second));
            }
        }
        assert!(buckets(TimeMs(i64::MIN), TimeMs(i64::MAX)).len() <= 200);
    }
}
