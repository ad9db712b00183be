//! The tables of the report: other rates, stage timers, a breakdown, the work in the grids.

use super::{charts, period::Asked, words};
use crate::{
    console::{
        names::Names,
        parts::{self, Row, bi, none},
        words::Words,
    },
    figures::{Dimension, Figures, GridWork, Group, Tally},
};
use lanewalk_model::kpi::{
    DueKind::{Internal, Upstream},
    Metric, Rate, Spread, Stage,
};
use maud::{Markup, html};

/// All others, in a table.
const MORE: [Metric; 13] = [
    Metric::FirstDispatch,
    Metric::Closing(Upstream),
    Metric::ClosingAll,
    Metric::OnTime(Internal),
    Metric::OnTime(Upstream),
    Metric::Overdue(Upstream),
    Metric::Callback,
    Metric::CallbackSuccess,
    Metric::Return,
    Metric::Transfer,
    Metric::Rework,
    Metric::Recurrence,
    Metric::Excluded,
];
/// Columns of a breakdown.
const COLUMNS: [Metric; 7] = [
    Metric::Response,
    Metric::Closing(Internal),
    Metric::OnTime(Internal),
    Metric::Resolution,
    Metric::ResultSatisfied,
    Metric::Rework,
    Metric::Overdue(Internal),
];

/// Shows `n/d` as two links.
pub(super) fn parts_of(asked: &Asked, metric: Metric, rate: Rate, more: &[(&str, &str)]) -> Markup {
    let to = |part| {
        let mut with = vec![("metric", metric.id()), ("part", part)];
        with.extend_from_slice(more);
        asked.link("/figures/orders", &with)
    };
    html! {
        span.nd {
            @if rate.d() == 0 { "0/0" } @else {
                a href=(to("n")) title="分子 numerator" { (rate.n()) } "/" a href=(to("d")) title="分母 denominator" { (rate.d()) }
                @if rate.n() < rate.d() && words::more_is_better(metric) {
                    " " a.not href=(to("not")) title="未达标的 the others" { "差 " (rate.d() - rate.n()) }
                }
            }
        }
    }
}

/// Says how a rate changed, in percentage points.
pub(super) fn points(rate: Rate, before: Option<Rate>) -> Markup {
    let Some(before) = before.filter(|b| b.d() > 0 && rate.d() > 0) else { return none() };
    let hundredths = |r: Rate| (i128::from(r.n()) * 20_000 + i128::from(r.d())) / (i128::from(r.d()) * 2);
    let by = hundredths(rate) - hundredths(before);
    let (zh, en) = match by {
        0 => ("持平", "as before"),
        1.. => ("升", "up"),
        _ => ("降", "down"),
    };
    let size = by.unsigned_abs();
    html! {
        span.was title={ "上期 " (before) } {
            (zh) @if by != 0 { " " (size / 100) "." (format!("{:02}", size % 100)) " 个百分点" } " " span.en lang="en" { (en) }
        }
    }
}

pub(super) fn more_rates(asked: &Asked, figures: &Figures, before: Option<&Tally>) -> Markup {
    let rows: Vec<Row> = MORE
        .into_iter()
        .map(|metric| {
            let rate = figures.total.of(metric);
            let was = before.map(|b| b.of(metric));
            vec![
                html! { strong { (bi(words::metric(metric))) } span.sub { (bi(words::formula(metric))) } },
                html! { span.percent.small { (rate.percent()) } },
                parts_of(asked, metric, rate, &[]),
                html! { (points(rate, was)) },
            ]
            .into()
        })
        .collect();
    let heads = [("指标", "figure"), ("比率", "rate"), ("分子/分母", "n/d"), ("比上期", "change")];
    html! { section { (parts::table(bi(("其他指标", "Other rates")), &heads, &rows, 0, ("没有数据", "nothing"))) } }
}

/// Says a length of time; its two largest units.
fn time(ms: Option<i64>) -> Markup {
    ms.map_or_else(none, |ms| bi_owned(parts::span(ms)))
}

fn bi_owned((zh, en): (String, String)) -> Markup {
    html! { (zh) " " span.en lang="en" { (en) } }
}

pub(super) fn stage_table(figures: &Figures) -> Markup {
    html! {
        table.plain {
            thead { tr { th scope="col" { (bi(("环节", "stage"))) } th scope="col" { (bi(("件数", "orders"))) } th scope="col" { (bi(("中位", "median"))) } th scope="col" { "95%" } } }
            tbody { @for (stage, timer) in Stage::ALL.into_iter().zip(&figures.timers) {
                tr { th scope="row" { (words::stage(stage).0) } td { (timer.clock.map_or(0, |s| s.n)) } td { (timer.clock.map_or_else(|| "–".to_owned(), |s| charts::length(s.median))) } td { (timer.clock.map_or_else(|| "–".to_owned(), |s| charts::length(s.p95))) } }
            } }
        }
    }
}

pub(super) fn stages(figures: &Figures) -> Markup {
    let rows: Vec<Row> = Stage::ALL
        .into_iter()
        .zip(&figures.timers)
        .map(|(stage, timer)| {
            let of = |s: Option<Spread>, which: fn(Spread) -> i64| time(s.map(which));
            vec![
                html! { strong { (bi(words::stage(stage))) } span.sub { (bi(words::stage_span(stage))) } },
                html! { (timer.clock.map_or(0, |s| s.n)) },
                of(timer.clock, |s| s.median),
                of(timer.clock, |s| s.p95),
                of(timer.working, |s| s.median),
                of(timer.working, |s| s.p95),
            ]
            .into()
        })
        .collect();
    let heads = [
        ("环节", "stage"),
        ("件数", "orders"),
        ("中位", "median"),
        ("95 分位", "p95"),
        ("中位(工作时间)", "median, business hours"),
        ("95 分位(工作时间)", "p95, business hours"),
    ];
    html! {
        section {
            (parts::table(bi(("环节用时", "Stage timers")), &heads, &rows, 0, ("没有数据", "nothing")))
            p.more { (bi(("从上级转办起算;取实有工单的名次值(⌈n·50%⌉、⌈n·95%⌉)", "from upstream's dispatch; nearest rank: the value of an order there is"))) }
        }
    }
}

/// The names of groups: as in lists, except codes that are words.
fn group_name(names: &Names, dimension: Dimension, key: &str) -> Markup {
    if key.is_empty() {
        return html! { span.none { (bi(("未定", "none yet"))) } };
    }
    match dimension {
        Dimension::Unit => names.thing("lead_unit", key),
        Dimension::Matter => names.thing("matter_code", key),
        Dimension::Grid => names.thing("grid", key),
        Dimension::Community => html! { span.id { (parts::shown(key)) } },
        Dimension::Urgency | Dimension::Channel => match words::code(key) {
            Some(known) => bi(known),
            None => parts::shown(key),
        },
    }
}

pub(super) fn breakdown(asked: &Asked, groups: &[Group], names: &Names) -> Markup {
    let param = |dimension: Dimension| match dimension {
        Dimension::Community | Dimension::Grid => "grid",
        other => other.id(),
    };
    let most = groups.iter().map(|g| g.tally.of(Metric::Received).n()).max().unwrap_or(0);
    let rows: Vec<Row> = groups
        .iter()
        .take(parts::MAX_ROWS)
        .map(|group| {
            let own = [(param(asked.by), group.key.as_str())];
            // An address cannot ask for "none": those have no link of their own.
            let shows = |metric: Metric| {
                let rate = group.tally.of(metric);
                html! {
                    span.percent.small { (rate.percent()) } " "
                    @if group.key.is_empty() { span.nd { (rate.n()) "/" (rate.d()) } } @else { (parts_of(asked, metric, rate, &own)) }
                }
            };
            let received = group.tally.of(Metric::Received).n();
            let share = Rate::new(received, most.max(received)).unwrap_or_default();
            let mut cells = vec![
                html! { @if group.key.is_empty() { (group_name(names, asked.by, "")) } @else { a.title href=(asked.link("/figures", &own)) { (group_name(names, asked.by, &group.key)) } } },
                html! { strong { (received) } (charts::meter(share, None)) },
            ];
            cells.extend(COLUMNS.iter().map(|m| shows(*m)));
            cells.into()
        })
        .collect();
    let mut heads = vec![words::dimension(asked.by), ("收件", "received")];
    heads.extend(COLUMNS.map(words::metric));
    let left_out = groups.len().saturating_sub(parts::MAX_ROWS) as u64;
    html! {
        section id="by" {
            ul.presets aria-label="分项 break down by" {
                @for d in Dimension::ALL {
                    li { a aria-current=[(d == asked.by).then_some("true")] href={ (asked.link("/figures", &[("by", d.id())])) "#by" } { "按" (bi(words::dimension(d))) } }
                }
            }
            (parts::table(bi(("分项", "Breakdown")), &heads, &rows, left_out, ("本期没有工单", "no orders in this period")))
        }
    }
}

pub(super) fn grid_work(work: &GridWork) -> Markup {
    let rows: Vec<Row> = work
        .appeals
        .iter()
        .map(|a| {
            let known = |w: Option<Words>, id: &str| w.map_or_else(|| parts::shown(id), bi);
            vec![
                known(words::appeal(&a.kind), &a.kind),
                known(words::code(&a.channel), &a.channel),
                html! { (a.n) },
                html! { (a.solved) },
                html! { (a.turned) },
            ]
            .into()
        })
        .collect();
    let heads = [
        ("类别", "kind"),
        ("来源", "channel"),
        ("诉求", "appeals"),
        ("当场解决", "solved on site"),
        ("转工单", "made orders"),
    ];
    html! {
        section.grid-work {
            h2 { "网格工作 " span.en lang="en" { "In the grids" } }
            ul.figures.sums {
                li.held { div.count { strong { (work.appeals_in_all()) } span.label { (bi(("收集诉求", "appeals"))) } } }
                li.held { div.count { strong { (work.people) } span.label { (bi(("联系群众(人)", "people met"))) } } p.sub { (work.contacts) " 人次 " span.en lang="en" { "contacts" } " · " (work.visits) " 次走访" } }
                li.held { div.count { strong { (work.coverage.percent()) } span.label { (bi(("入户覆盖", "dwellings visited"))) } } p.sub { (work.coverage.n()) "/" (work.coverage.d()) } }
                li.held { div.count { strong { (work.kept_off.percent()) } span.label { (bi(("当场解决后未再拨热线", "kept off the hotline"))) } } p.sub { (work.kept_off.n()) "/" (work.kept_off.d()) " 同址期内无热线工单" } }
            }
            (parts::table(bi(("诉求", "Appeals")), &heads, &rows, 0, ("本期没有网格诉求", "no appeals in this period")))
        }
    }
}
