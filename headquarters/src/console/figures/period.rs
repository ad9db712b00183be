//! The question in the address: period, moment, part of the town.
//!
//! Invariant: an address says everything about what it shows, so it can be kept, sent and asked
//! again; what cannot be read is said and the rest holds. Rejected: a period remembered in the
//! session, which shows two people different figures under one address.

use crate::{
    console::web::Fields,
    figures::{Dimension, Filter, MAX_PERIOD_MS, Query, Scope},
};
use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime};
use lanewalk_model::{
    deadline::{CHINA_OFFSET_MS, DAY_MS, china_date},
    time::TimeMs,
};

/// Longest code taken from an address, in bytes.
const MAX_CODE: usize = 64;

/// A question with what the page needs beside it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The question.
    pub(super) query: Query,
    /// First day.
    pub(super) first: NaiveDate,
    /// Last day.
    pub(super) last: NaiveDate,
    /// The address names a moment; otherwise it is now.
    pub(super) moment_named: bool,
    /// By what figures are broken down.
    pub(super) by: Dimension,
    /// What could not be read, in words.
    pub(super) problems: Vec<String>,
}

/// A period one click away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preset {
    Week,
    Month,
    HalfYear,
    Year,
}

impl Preset {
    pub(super) const ALL: [Self; 4] = [Self::Week, Self::Month, Self::HalfYear, Self::Year];

    /// Returns first and last day of the one that `day` is in; `back` counts whole periods back.
    pub(super) fn around(self, day: NaiveDate, back: u32) -> Option<(NaiveDate, NaiveDate)> {
        let months = |n: u32, first: NaiveDate| {
            let first = first.checked_sub_months(Months::new(n * back))?;
            Some((first, first.checked_add_months(Months::new(n))?.pred_opt()?))
        };
        match self {
            Self::Week => {
                let into = u64::from(day.weekday().num_days_from_monday());
                let first = day.checked_sub_days(Days::new(into + 7 * u64::from(back)))?;
                Some((first, first.checked_add_days(Days::new(6))?))
            }
            Self::Month => months(1, day.with_day(1)?),
            Self::HalfYear => {
                let month = if day.month() <= 6 { 1 } else { 7 };
                months(6, NaiveDate::from_ymd_opt(day.year(), month, 1)?)
            }
            Self::Year => months(12, NaiveDate::from_ymd_opt(day.year(), 1, 1)?),
        }
    }
}

fn start_of(day: NaiveDate) -> TimeMs {
    let midnight = day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
    TimeMs(midnight.saturating_sub(CHINA_OFFSET_MS))
}

fn today(now: TimeMs) -> NaiveDate {
    china_date(now).map_or_else(|_| NaiveDate::default(), |(day, _)| day)
}

impl Asked {
    /// Reads an address. `scope` is what the visitor may see.
    pub(super) fn read(fields: &Fields, scope: Scope, now: TimeMs) -> Self {
        let mut problems = Vec::new();
        let day = |name: &str, problems: &mut Vec<String>| {
            let text = fields.get(name)?;
            let day = text.parse::<NaiveDate>().ok().filter(|d| (2000..2200).contains(&d.year()));
            if day.is_none() {
                problems
                    .push(format!("日期“{}”应写成 2026-05-08 (dates are written 2026-05-08)", short(text)));
            }
            day
        };
        let today = today(now);
        let (mut first, mut last) = Preset::HalfYear.around(today, 0).unwrap_or((today, today));
        match (day("from", &mut problems), day("to", &mut problems)) {
            (Some(from), Some(to)) if from <= to => (first, last) = (from, to),
            (Some(_), Some(_)) => {
                problems.push("结束日期早于开始日期 (the last day lies before the first)".to_owned());
            }
            (Some(from), None) => (first, last) = (from, today.max(from)),
            (None, Some(to)) => (first, last) = (first.min(to), to),
            (None, None) => {}
        }
        if (last - first).num_milliseconds() >= MAX_PERIOD_MS {
            problems.push("最长十年 (ten years at most)".to_owned());
            first = last.checked_sub_days(Days::new(3_650)).unwrap_or(last);
        }
        let moment = fields.get("as_of").and_then(|text| {
            let read = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"]
                .iter()
                .find_map(|f| NaiveDateTime::parse_from_str(text, f).ok());
            if read.is_none() {
                problems
                    .push(format!("时刻“{}”应写成 2026-05-08T09:40 (moments are written so)", short(text)));
            }
            Some(TimeMs(read?.and_utc().timestamp_millis().saturating_sub(CHINA_OFFSET_MS)))
        });
        let code = |name| fields.get(name).filter(|t| t.len() <= MAX_CODE).map(str::to_owned);
        let filter = Filter {
            grid: code("grid"),
            matter: code("matter"),
            unit: code("unit"),
            urgency: code("urgency"),
            channel: code("channel"),
        };
        let by = fields.get("by").and_then(|id| Dimension::ALL.into_iter().find(|d| d.id() == id));
        let to = TimeMs(start_of(last).0.saturating_add(DAY_MS));
        // Nobody knows yet what counts later than now.
        let as_of = moment.unwrap_or(now).min(now);
        Self {
            query: Query { from: start_of(first), to, as_of, filter, scope },
            first,
            last,
            moment_named: moment.is_some(),
            by: by.unwrap_or(Dimension::Community),
            problems,
        }
    }

    /// Returns the period before, of the same kind and at the same point of it: a month half over
    /// is compared with the first half of the month before.
    pub(super) fn former(&self) -> Option<(Query, NaiveDate, NaiveDate)> {
        let preset = Preset::ALL.iter().find(|p| p.around(self.first, 0) == Some((self.first, self.last)));
        let (first, last) = match preset {
            Some(preset) => preset.around(self.first, 1)?,
            None => {
                let days = u64::try_from((self.last - self.first).num_days()).unwrap_or(0).saturating_add(1);
                let back = |d: NaiveDate| d.checked_sub_days(Days::new(days));
                (back(self.first)?, back(self.last)?)
            }
        };
        let from = start_of(first);
        let back = self.query.from.0.saturating_sub(from.0);
        let over = self.query.as_of >= self.query.to;
        let to = TimeMs(start_of(last).0.saturating_add(DAY_MS));
        let as_of = TimeMs(self.query.as_of.0.saturating_sub(back));
        // A period that is over is compared with one that is over as long.
        let as_of =
            if over { TimeMs(to.0.saturating_add(self.query.as_of.0 - self.query.to.0)) } else { as_of };
        Some((Query { as_of, ..self.query.during(from, to) }, first, last))
    }

    /// Writes an address that asks the same, with some names set anew; an empty value leaves the
    /// name out.
    pub(super) fn link(&self, path: &str, with: &[(&str, &str)]) -> String {
        let (first, last) = (self.first.to_string(), self.last.to_string());
        let moment =
            if self.moment_named { self.query.as_of.china_with("%Y-%m-%dT%H:%M") } else { String::new() };
        let Filter { grid, matter, unit, urgency, channel } = &self.query.filter;
        let own = [
            ("from", first.as_str()),
            ("to", last.as_str()),
            ("as_of", moment.as_str()),
            ("grid", grid.as_deref().unwrap_or_default()),
            ("matter", matter.as_deref().unwrap_or_default()),
            ("unit", unit.as_deref().unwrap_or_default()),
            ("urgency", urgency.as_deref().unwrap_or_default()),
            ("channel", channel.as_deref().unwrap_or_default()),
            ("by", if self.by == Dimension::Community { "" } else { self.by.id() }),
        ];
        let mut out = form_urlencoded::Serializer::new(String::new());
        let kept = own.iter().filter(|(name, _)| with.iter().all(|(n, _)| n != name));
        for (name, value) in kept.chain(with).filter(|(_, value)| !value.is_empty()) {
            out.append_pair(name, value);
        }
        format!("{path}?{}", out.finish())
    }
}

fn short(text: &str) -> String {
    crate::console::parts::visible(&crate::console::parts::clip(text, 30))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn at(text: &str) -> TimeMs {
        let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
        TimeMs(time.and_utc().timestamp_millis() - CHINA_OFFSET_MS)
    }

    fn read(text: &str) -> Asked {
        Asked::read(&Fields::parse(text.as_bytes()), Scope::All, at("2026-05-08 09:40"))
    }

    #[test]
    fn addresses_are_read_and_what_cannot_be_is_said() {
        for (text, first, last, problems) in [
            ("", "2026-01-01", "2026-06-30", 0),
            ("from=2026-05-01&to=2026-05-31", "2026-05-01", "2026-05-31", 0),
            ("from=2026-05-01", "2026-05-01", "2026-05-08", 0),
            ("from=2026-06-01", "2026-06-01", "2026-06-01", 0),
            ("to=2025-12-31", "2025-12-31", "2025-12-31", 0),
            ("from=2026-05-09&to=2026-05-08", "2026-01-01", "2026-06-30", 1),
            ("from=%3Cb%3E&to=9999999-01-01", "2026-01-01", "2026-06-30", 2),
            ("from=2001-01-01&to=2100-01-01&as_of=x", "2090-01-03", "2100-01-01", 2),
        ] {
            let asked = read(text);
            assert_eq!(
                (asked.first.to_string(), asked.last.to_string()),
                (first.into(), last.into()),
                "{text}"
            );
            assert_eq!(asked.problems.len(), problems, "{text} {:?}", asked.problems);
            assert_eq!(
                asked.query.to.0 - asked.query.from.0,
                ((asked.last - asked.first).num_days() + 1) * DAY_MS
            );
        }
        assert_eq!(read("as_of=2026-05-07T08:00").query.as_of, at("2026-05-07 08:00"));
        assert_eq!(
            read("as_of=2036-05-07T08:00").query.as_of,
            at("2026-05-08 09:40"),
            "the future is not known"
        );
    }

    #[test]
    fn an_address_asks_the_same_again() {
        let text =
            "from=2026-05-01&to=2026-05-31&as_of=2026-05-07T08:00&grid=370705005004&unit=sec-a%26b&by=matter";
        let asked = read(text);
        let again = asked.link("/figures", &[]);
        let again = read(again.strip_prefix("/figures?").unwrap());
        assert_eq!((again.query, again.by), (asked.query.clone(), asked.by));
        let other = asked.link("/x", &[("unit", ""), ("grid", "1")]);
        assert!(!other.contains("unit") && other.contains("grid=1") && !other.contains("370705005004"));
    }

    #[test]
    fn the_former_period_is_taken_at_the_same_point() {
        for (text, first, last, as_of) in [
            ("", "2025-07-01", "2025-12-31", "2025-11-05 09:40"),
            ("from=2026-05-01&to=2026-05-31", "2026-04-01", "2026-04-30", "2026-04-08 09:40"),
            ("from=2026-05-04&to=2026-05-10", "2026-04-27", "2026-05-03", "2026-05-01 09:40"),
            ("from=2026-05-01&to=2026-05-03", "2026-04-28", "2026-04-30", "2026-05-05 09:40"),
            ("from=2026-03-01&to=2026-03-31", "2026-02-01", "2026-02-28", "2026-04-07 09:40"),
        ] {
            let (query, from, to) = read(text).former().unwrap();
            assert_eq!((from.to_string(), to.to_string()), (first.into(), last.into()), "{text}");
            assert_eq!(query.as_of, at(as_of), "{text}");
        }
    }
}
