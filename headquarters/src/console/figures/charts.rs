//! Pictures of figures: plain SVG made here, readable without colour and without pointing at it.
//!
//! Invariant: a chart shows counts that stand in a table beside it, names itself and says in one
//! sentence what is seen; all that is drawn comes from numbers, so nothing of strangers is in it.
//! Rejected: a charting script, which the console's policy forbids and paper cannot run.

use super::words;
use crate::{
    console::{parts::bi, words::Words},
    figures::{Age, Bucket, Timer},
};
use lanewalk_model::{
    kpi::{Rate, Stage},
    time::TimeMs,
};
use maud::{Markup, html};

const WIDTH: f64 = 560.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 14.0;
const PLOT: f64 = 150.0;
const HEIGHT: f64 = TOP + PLOT + 30.0;

/// The places an order can stand in, as they are stacked: class, words, count.
fn layers(b: &Bucket) -> [(&'static str, Words, u64); 5] {
    [
        ("in-time", ("按时办结", "closed in time"), b.stands.in_time),
        ("was-late", ("超时办结", "closed late"), b.stands.late),
        ("overdue", ("逾期未办结", "open, overdue"), b.stands.overdue),
        ("still-open", ("在办", "open"), b.stands.open),
        ("returned", ("已退单", "returned"), b.stands.returned),
    ]
}

/// Frames a chart: heading, picture, what is seen in words, and the table.
pub(super) fn figure(title: Words, seen: Words, legend: &Markup, picture: &Markup, table: &Markup) -> Markup {
    html! {
        figure.chart {
            figcaption { h3 { (bi(title)) } p.seen { (bi(seen)) } (legend) }
            (picture)
            details { summary { (bi(("看数字", "the numbers"))) } (table) }
        }
    }
}

fn svg(height: f64, title: &str, description: &str, inside: &Markup) -> Markup {
    html! {
        svg.plot viewBox={ "0 0 " (WIDTH) " " (height) } role="img" xmlns="http://www.w3.org/2000/svg" {
            title { (title) }
            desc { (description) }
            (inside)
        }
    }
}

/// What all charts of a page share. Late work is hatched too: seen without colour and on paper.
pub(super) fn shared() -> Markup {
    html! {
        svg.shared width="0" height="0" aria-hidden="true" {
            defs {
                pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect.hatch-ground width="5" height="5" {}
                    line.hatch-line x1="0" y1="0" x2="0" y2="5" {}
                }
            }
        }
    }
}

/// What a class is filled with, if the style sheet does not say.
fn paint(class: &str) -> Option<&'static str> {
    (class == "overdue").then_some("url(#hatch)")
}

fn at(value: f64) -> String {
    format!("{value:.1}")
}

#[allow(clippy::cast_precision_loss, reason = "counts of a subdistrict, for drawing")]
fn f(n: u64) -> f64 {
    n as f64
}

/// Returns a round number not below `n` and the step of its grid lines.
fn scale(n: u64) -> (u64, u64) {
    let mut step = 1_u64;
    for factor in [2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000] {
        if n.div_ceil(step) <= 4 {
            break;
        }
        step = factor;
    }
    (n.div_ceil(step).max(1).saturating_mul(step), step)
}

/// The day a bucket begins with; the month where buckets are months.
pub(super) fn bucket_name(b: &Bucket) -> String {
    let days = b.to.0.saturating_sub(b.from.0) / 86_400_000;
    if days > 14 { b.from.china_with("%Y-%m") } else { b.from.china_with("%m-%d") }
}

/// Names of every nth bucket under a plot.
fn names_below(flow: &[Bucket], slot: f64, y: f64) -> Markup {
    let every = flow.len().div_ceil(8).max(1);
    html! {
        @for (i, b) in flow.iter().enumerate().filter(|(i, _)| i % every == 0) {
            text.tick x=(at(LEFT + slot * (f(i as u64) + 0.5))) y=(at(y)) text-anchor="middle" { (bucket_name(b)) }
        }
    }
}

fn slot(flow: &[Bucket]) -> f64 {
    (WIDTH - LEFT - RIGHT) / f(flow.len().max(1) as u64)
}

/// Orders by when they came in, each column cut by how they stand.
pub(super) fn flow(flow: &[Bucket], link: &dyn Fn(&Bucket) -> String) -> Markup {
    let (top, step) = scale(flow.iter().map(|b| b.stands.all()).max().unwrap_or(0));
    let slot = slot(flow);
    let y = |n: u64| TOP + PLOT - PLOT * f(n) / f(top);
    let bar = (slot * 0.76).min(34.0);
    let lines: Vec<u64> = (0..=top / step).map(|i| i * step).collect();
    let inside = html! {
        @for n in &lines {
            line.grid x1=(at(LEFT)) x2=(at(WIDTH - RIGHT)) y1=(at(y(*n))) y2=(at(y(*n))) {}
            text.tick x=(at(LEFT - 6.0)) y=(at(y(*n) + 4.0)) text-anchor="end" { (n) }
        }
        @for (i, b) in flow.iter().enumerate() {
            @let x = LEFT + slot * f(i as u64) + (slot - bar) / 2.0;
            a href=(link(b)) {
                title { (bucket_name(b)) @for (_, (zh, _), n) in layers(b) { @if n > 0 { " · " (zh) " " (n) } } }
                // Empty columns can be pointed at too.
                rect.reach x=(at(LEFT + slot * f(i as u64))) y=(at(TOP)) width=(at(slot)) height=(at(PLOT)) {}
                @for (below, class, n) in stack(&layers(b)) {
                    @let height = (y(below) - y(below + n) - 1.0).max(0.6);
                    rect class=(class) fill=[paint(class)] x=(at(x)) width=(at(bar)) y=(at(y(below + n))) height=(at(height)) {}
                }
            }
        }
        (names_below(flow, slot, HEIGHT - 10.0))
    };
    svg(
        HEIGHT,
        "收件与办结 Orders in and how they stand",
        "每柱为一段时间收到的工单 one column per day, week or month",
        &inside,
    )
}

fn stack(layers: &[(&'static str, Words, u64)]) -> Vec<(u64, &'static str, u64)> {
    let mut below = 0_u64;
    let mut out = Vec::new();
    for (class, _, n) in layers.iter().filter(|(_, _, n)| *n > 0) {
        out.push((below, *class, *n));
        below = below.saturating_add(*n);
    }
    out
}

/// Says what the colours of [`flow`] are, with the sums.
pub(super) fn legend(flow: &[Bucket]) -> Markup {
    let mut sums: Vec<(&str, Words, u64)> = Vec::new();
    for b in flow {
        for (i, (class, words, n)) in layers(b).into_iter().enumerate() {
            match sums.get_mut(i) {
                Some(sum) => sum.2 = sum.2.saturating_add(n),
                None => sums.push((class, words, n)),
            }
        }
    }
    html! {
        ul.legend {
            @for (class, words, n) in sums.iter().filter(|(_, _, n)| *n > 0) {
                li { (swatch(class)) (bi(*words)) " " strong { (n) } }
            }
        }
    }
}

fn swatch(class: &str) -> Markup {
    html! { svg.swatch viewBox="0 0 12 12" aria-hidden="true" { rect class=(class) fill=[paint(class)] width="12" height="12" {} } }
}

/// The table of [`flow`].
pub(super) fn flow_table(flow: &[Bucket]) -> Markup {
    html! {
        table.plain {
            thead { tr { th scope="col" { "起 from" } @if let Some(b) = flow.first() {
                @for (_, words, _) in layers(b) { th scope="col" { (bi(words)) } }
            } th scope="col" { (bi(("合计", "all"))) } } }
            tbody { @for b in flow {
                tr { th scope="row" { (bucket_name(b)) } @for (_, _, n) in layers(b) { td { (n) } } td { (b.stands.all()) } }
            } }
        }
    }
}

/// The share handled in time of what came in during a bucket and is closed.
pub(super) fn share(b: &Bucket) -> Rate {
    Rate::new(b.stands.in_time, b.stands.in_time.saturating_add(b.stands.late)).unwrap_or_default()
}

/// On-time share over the period.
pub(super) fn on_time(flow: &[Bucket]) -> Markup {
    let shares: Vec<(f64, Rate)> =
        flow.iter().map(share).map(|r| (f(r.n()) / f(r.d().max(1)) * 100.0, r)).collect();
    let known = || shares.iter().filter(|(_, r)| r.d() > 0);
    let least = known().map(|(p, _)| *p).fold(100.0, f64::min);
    // The axis begins at zero unless all points lie high; the caption says so.
    let floor = [80.0, 60.0, 40.0, 20.0].into_iter().find(|floor| *floor <= least).unwrap_or(0.0);
    let slot = slot(flow);
    let y = |p: f64| TOP + PLOT * (100.0 - p) / (100.0 - floor);
    let x = |i: usize| LEFT + slot * (f(i as u64) + 0.5);
    let ticks: Vec<f64> = (0..=4).map(|i| floor + (100.0 - floor) * f64::from(i) / 4.0).collect();
    let path = line(shares.iter().enumerate().map(|(i, (p, r))| (r.d() > 0).then(|| (x(i), y(*p)))));
    let last = shares.iter().enumerate().rfind(|(_, (_, r))| r.d() > 0);
    let inside = html! {
        @for p in &ticks {
            line.grid x1=(at(LEFT)) x2=(at(WIDTH - RIGHT)) y1=(at(y(*p))) y2=(at(y(*p))) {}
            text.tick x=(at(LEFT - 6.0)) y=(at(y(*p) + 4.0)) text-anchor="end" { (format!("{p:.0}")) }
        }
        path.line d=(path) fill="none" {}
        @for (i, (p, r)) in shares.iter().enumerate().filter(|(_, (_, r))| r.d() > 0) {
            circle.dot cx=(at(x(i))) cy=(at(y(*p))) r="3.5" { title { @if let Some(b) = flow.get(i) { (bucket_name(b)) } " " (r) } }
        }
        @if let Some((i, (p, r))) = last {
            // Beside the point, on the side that has room.
            @let above = if y(*p) > TOP + 24.0 { -10.0 } else { 20.0 };
            text.value x=(at(x(i).min(WIDTH - RIGHT))) y=(at(y(*p) + above)) text-anchor="end" { (r.percent()) }
        }
        (names_below(flow, slot, HEIGHT - 10.0))
    };
    svg(
        HEIGHT,
        "按时办结率 On-time share",
        "按收件时间,单位为百分比 by when orders came in, in per cent",
        &inside,
    )
}

/// Draws through points; a gap where there is none.
fn line(points: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    let mut path = String::new();
    let mut pen = 'M';
    for point in points {
        match point {
            Some((x, y)) => {
                path.push_str(&format!("{pen}{x:.1} {y:.1}"));
                pen = 'L';
            }
            None => pen = 'M',
        }
    }
    path
}

/// The table of [`on_time`].
pub(super) fn on_time_table(flow: &[Bucket]) -> Markup {
    html! {
        table.plain {
            thead { tr { th scope="col" { "起 from" } th scope="col" { (bi(("按时办结率", "on time"))) } } }
            tbody { @for b in flow { tr { th scope="row" { (bucket_name(b)) } td { (share(b)) } } } }
        }
    }
}

/// Ages of open orders, in words.
pub(super) const AGES: [Words; 6] = [
    ("1 天内", "< 1 day"),
    ("1–2 天", "1–2 days"),
    ("2–5 天", "2–5 days"),
    ("5–10 天", "5–10 days"),
    ("10–30 天", "10–30 days"),
    ("30 天以上", "> 30 days"),
];

/// Open orders by age.
pub(super) fn ages(ages: &[Age; 6]) -> Markup {
    let most = ages.iter().map(|a| a.open + a.overdue).max().unwrap_or(0).max(1);
    let (left, row) = (92.0, 27.0);
    let width = |n: u64| (WIDTH - left - 70.0) * f(n) / f(most);
    let inside = html! {
        @for (i, (age, (zh, en))) in ages.iter().zip(AGES).enumerate() {
            @let y = TOP + row * f(i as u64);
            @let (late, open) = (width(age.overdue), width(age.open));
            g {
                title { (zh) " " (en) ": 逾期 " (age.overdue) " · 未到期 " (age.open) }
                text.name x=(at(left - 8.0)) y=(at(y + 13.0)) text-anchor="end" { (zh) }
                rect.overdue fill="url(#hatch)" x=(at(left)) y=(at(y)) width=(at(late)) height="18" {}
                rect.still-open x=(at(left + late + if age.overdue > 0 { 1.0 } else { 0.0 })) y=(at(y)) width=(at(open)) height="18" {}
                text.value x=(at(left + late + open + 8.0)) y=(at(y + 13.5)) { (age.open + age.overdue) }
            }
        }
    };
    svg(
        TOP + row * 6.0 + 4.0,
        "在办工单的已用时间 Age of open orders",
        "每条为一个时间段 one bar per age",
        &inside,
    )
}

/// The table of [`ages`].
pub(super) fn ages_table(ages: &[Age; 6]) -> Markup {
    html! {
        table.plain {
            thead { tr { th scope="col" { (bi(("已用时间", "age"))) } th scope="col" { (bi(("逾期", "overdue"))) } th scope="col" { (bi(("未到期", "not due yet"))) } } }
            tbody { @for (age, words) in ages.iter().zip(AGES) {
                tr { th scope="row" { (bi(words)) } td { (age.overdue) } td { (age.open) } }
            } }
        }
    }
}

/// Marks on the axis of lengths of time, in milliseconds.
const LENGTHS: [(i64, &str); 6] = [
    (60_000, "1 分"),
    (600_000, "10 分"),
    (3_600_000, "1 时"),
    (28_800_000, "8 时"),
    (172_800_000, "2 天"),
    (864_000_000, "10 天"),
];

/// The stages: from the median to p95, on a scale where each step is several times the one before.
pub(super) fn stages(timers: &[Timer; 4]) -> Markup {
    let (left, row) = (70.0, 36.0);
    #[allow(clippy::cast_precision_loss, reason = "lengths of time, for drawing")]
    let x = |ms: i64| {
        let share = (ms as f64 / 60_000.0).clamp(0.5, 40_000.0).ln() - 0.5_f64.ln();
        left + (WIDTH - left - 20.0) * share / (40_000.0_f64.ln() - 0.5_f64.ln())
    };
    let bottom = TOP + row * 4.0;
    let inside = html! {
        @for (ms, name) in LENGTHS {
            @let at_x = x(ms);
            line.grid x1=(at(at_x)) x2=(at(at_x)) y1=(at(TOP - 4.0)) y2=(at(bottom)) {}
            text.tick x=(at(at_x)) y=(at(bottom + 18.0)) text-anchor="middle" { (name) }
        }
        @for (i, (stage, timer)) in Stage::ALL.into_iter().zip(timers).enumerate() {
            @let y = TOP + row * f(i as u64) + 18.0;
            text.name x=(at(left - 12.0)) y=(at(y + 5.0)) text-anchor="end" { (words::stage(stage).0) }
            @if let Some(s) = timer.clock {
                g {
                    title { (words::stage(stage).0) ": 中位 " (length(s.median)) " · 95% " (length(s.p95)) " · " (s.n) " 件" }
                    line.range x1=(at(x(s.median))) x2=(at(x(s.p95))) y1=(at(y)) y2=(at(y)) {}
                    circle.dot cx=(at(x(s.median))) cy=(at(y)) r="6" {}
                    circle.ring cx=(at(x(s.p95))) cy=(at(y)) r="5" {}
                }
            } @else {
                text.tick x=(at(left + 4.0)) y=(at(y + 4.0)) { "– " }
            }
        }
    };
    svg(
        bottom + 26.0,
        "四个环节的用时 The four stages",
        "实心点为中位数,空心点为 95 分位 filled: median, open: 95th percentile",
        &inside,
    )
}

/// Says a length of time in Chinese, short.
pub(super) fn length(ms: i64) -> String {
    crate::console::parts::span(ms).0
}

/// Draws how full a rate is, with a mark where it was before.
pub(super) fn meter(rate: Rate, before: Option<Rate>) -> Markup {
    let x = |r: Rate| if r.d() == 0 { 0.0 } else { f(r.n()) / f(r.d()) * 100.0 };
    html! {
        svg.meter viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
            rect.track width="100" height="6" {}
            rect.fill width=(at(x(rate))) height="6" {}
            @if let Some(before) = before.filter(|r| r.d() > 0) {
                rect.before x=(at((x(before) - 0.5).clamp(0.0, 99.0))) width="1" height="6" {}
            }
        }
    }
}

/// Writes a moment of the axis for machines and people: the day.
pub(super) fn day(at: TimeMs) -> String {
    at.china_with("%Y-%m-%d")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_round_and_cover_all() {
        for n in (0..3_000).chain([999_999, 1_500_000]) {
            let (top, step) = scale(n);
            assert!(top >= n && top > 0 && top % step == 0, "{n}: {top} {step}");
            assert!(top / step <= 5 || n > 400_000, "{n}: {top} {step}");
        }
    }
}
