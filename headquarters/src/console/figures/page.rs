//! The report: what came in, the rates, pictures, the stages, a breakdown, the grids.

use super::{
    charts,
    period::{Asked, Preset},
    shown,
    tables::{breakdown, grid_work, more_rates, parts_of, points, stage_table, stages},
    words,
};
use crate::{
    HqError,
    console::{
        names::Names,
        parts::{self, bi, both, say, when},
        photos::Sources,
        web::{Answer, Ask},
    },
    figures::{Bucket, Dimension, Figures, MAY_FREEZE, Scope, Tally, calendar},
};
use chrono::NaiveDate;
use lanewalk_model::{
    deadline::china_date,
    kpi::{DueKind::Internal, Metric},
};
use maud::{Markup, html};

/// The six rates that the article names.
const FIRST: [Metric; 6] = [
    Metric::Dispatch,
    Metric::Response,
    Metric::Closing(Internal),
    Metric::Resolution,
    Metric::ProcessSatisfied,
    Metric::ResultSatisfied,
];
pub(super) fn answer(from: &Sources<'_>, asked: &Asked, ask: &Ask) -> Result<Answer, HqError> {
    let figures = Figures::of(from.db, &asked.query, &[asked.by])?;
    let former = match asked.former() {
        Some((query, first, last)) => Some((Figures::of(from.db, &query, &[])?.total, first, last)),
        None => None,
    };
    let names = Names::all(from.db)?;
    let workdays = workdays(from, asked)?;
    let before = former.as_ref().map(|(tally, _, _)| tally);
    let content = html! {
        (charts::shared())
        div.report {
            (head(asked, ask))
            (picker(asked, &names, ask))
            @if let Some((_, first, last)) = &former {
                p.against { (both(format!("对比 {first} – {last} 同期"), format!("compared with {first} – {last} at the same point"))) }
            }
            (counts(asked, &figures, before, workdays))
            (first_rates(asked, &figures.total, before))
            (pictures(asked, &figures))
            (more_rates(asked, &figures, before))
            (stages(&figures))
            (breakdown(asked, figures.groups.first().map_or(&[], Vec::as_slice), &names))
            (grid_work(&figures.grid_work))
        }
    };
    Ok(shown(("数据", "Figures"), content))
}

fn head(asked: &Asked, ask: &Ask) -> Markup {
    html! {
        div.lead {
            h1 { (bi(("数据", "Figures"))) }
            p.span { (asked.first) " – " (asked.last) }
            p.sub { (bi(("截至", "as of"))) " " (when(asked.query.as_of.0)) }
        }
        nav.tools aria-label=(say(("文件", "files"))) {
            form method="post" action=(asked.link("/figures/report.xlsx", &[])) { button.second type="submit" { (bi(("Excel 报表", "report, Excel"))) } }
            form method="post" action=(asked.link("/figures/report.csv", &[])) { button.second type="submit" { (bi(("CSV 报表", "report, CSV"))) } }
            form method="post" action=(asked.link("/figures/orders.csv", &[])) { button.second type="submit" { (bi(("工单明细 CSV", "orders, CSV"))) } }
            @if asked.query.scope == Scope::All {
                a href=(asked.link("/figures/meetings", &[])) {
                    (bi(if MAY_FREEZE.has(ask.visitor.subject.role) { ("调度会定格", "freeze for a meeting") } else { ("调度会", "dispatch meetings") }))
                }
            }
        }
        @for problem in &asked.problems { p.problem role="alert" { (problem) } }
        @if let Scope::Own { .. } = asked.query.scope {
            p.sub { (bi(("只含本人网格和本科室的工单", "only orders of your own grids and section"))) }
        }
    }
}

fn picker(asked: &Asked, names: &Names, ask: &Ask) -> Markup {
    let today = china_date(ask.now).map_or(asked.last, |(day, _)| day);
    let presets = [
        (("本周", "week"), Preset::Week, 0),
        (("上周", "last week"), Preset::Week, 1),
        (("本月", "month"), Preset::Month, 0),
        (("上月", "last month"), Preset::Month, 1),
        (("本半年", "half-year"), Preset::HalfYear, 0),
        (("上个半年", "last half-year"), Preset::HalfYear, 1),
        (("本年", "year"), Preset::Year, 0),
    ];
    let filter = &asked.query.filter;
    let moment = asked.query.as_of.china_with("%Y-%m-%dT%H:%M");
    let urgency = [("urgent", ("紧急", "urgent")), ("general", ("一般", "general"))]
        .map(|(id, words)| (id.to_owned(), say(words)));
    let options = |all: &[(String, String)], chosen: &Option<String>| {
        html! {
            option value="" { (say(("全部", "all"))) }
            @for (id, name) in all {
                option value=(id) selected[chosen.as_deref() == Some(id)] { (parts::visible(name)) }
            }
        }
    };
    html! {
        ul.presets aria-label=(say(("时段", "period"))) {
            @for (name, preset, back) in presets {
                @if let Some((first, last)) = preset.around(today, back) {
                    li { a aria-current=[((first, last) == (asked.first, asked.last)).then_some("true")]
                        href=(asked.link("/figures", &[("from", &first.to_string()), ("to", &last.to_string()), ("as_of", "")])) {
                        (bi(name))
                    } }
                }
            }
        }
        form.filter method="get" action="/figures" {
            label { (bi(("从", "from"))) input type="date" name="from" value=(asked.first); }
            label { (bi(("到", "to"))) input type="date" name="to" value=(asked.last); }
            label { (bi(("截至", "as of"))) input type="datetime-local" name="as_of" value=[asked.moment_named.then_some(moment)]; }
            label { (bi(("科室", "section"))) select name="unit" { (options(&names.list("lead_unit"), &filter.unit)) } }
            label { (bi(("事项", "matter"))) select name="matter" { (options(&names.list("matter_code"), &filter.matter)) } }
            label { (bi(("缓急", "urgency"))) select name="urgency" { (options(&urgency, &filter.urgency)) } }
            label { (bi(("社区或网格编号", "community or grid"))) input type="text" name="grid" inputmode="numeric" maxlength="15" size="16" value=[filter.grid.as_deref()]; }
            @if let Some(channel) = &filter.channel { input type="hidden" name="channel" value=(channel); }
            @if asked.by != Dimension::Community { input type="hidden" name="by" value=(asked.by.id()); }
            button type="submit" { (bi(("查看", "show"))) }
        }
    }
}

/// Days and working days of the period that have begun at the moment (R5); `None` past the calendar.
fn workdays(from: &Sources<'_>, asked: &Asked) -> Result<(u64, u64), HqError> {
    let calendar = calendar(from.db)?;
    let last = china_date(asked.query.as_of).map_or(asked.last, |(day, _)| day.min(asked.last));
    let days: Vec<NaiveDate> = asked.first.iter_days().take_while(|d| *d <= last).collect();
    let work = days.iter().filter(|d| calendar.is_workday(**d)).count();
    Ok((days.len() as u64, work as u64))
}

/// Writes `n / d` with one decimal, rounded half up.
fn per(n: u64, d: u64) -> String {
    if d == 0 {
        return "–".to_owned();
    }
    let tenths = n.saturating_mul(20).saturating_add(d) / d.saturating_mul(2);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Says how a count changed.
fn change(now: u64, before: Option<u64>) -> Markup {
    let Some(before) = before else { return html! {} };
    let (sign, by) = if now >= before { ("+", now - before) } else { ("−", before - now) };
    html! { span.was { @if by == 0 { (bi(("与上期相同", "as before"))) } @else { (both(format!("上期 {before},{sign}{by}"), format!("{before} before, {sign}{by}"))) } } }
}

fn counts(asked: &Asked, figures: &Figures, before: Option<&Tally>, (days, work): (u64, u64)) -> Markup {
    let total = &figures.total;
    let list = |metric: Metric, part: &str| {
        asked.link("/figures/orders", &[("metric", metric.id()), ("part", part)])
    };
    let n = |metric: Metric| total.of(metric).n();
    let was = |metric: Metric| before.map(|b| b.of(metric).n());
    let received = n(Metric::Received);
    let (a_day, a_workday) = (per(received, days), per(received, work));
    let tile = |class: &str, label: crate::console::words::Words, metric: Metric, more: Markup| {
        html! {
            li class={ (class) @if n(metric) == 0 { " zero" } } {
                a href=(list(metric, "n")) { strong { (n(metric)) } span.label { (bi(label)) } }
                (more)
            }
        }
    };
    html! {
        ul.figures.sums aria-label=(say(("工单数", "counts"))) {
            (tile("held", ("收件", "received"), Metric::Received, html! {
                p.sub { (both(format!("日均 {a_day} · 工作日均 {a_workday}"), format!("{a_day} a day · {a_workday} a working day"))) }
                p.sub { (change(received, was(Metric::Received))) }
            }))
            (tile("held", ("办结", "closed"), Metric::ClosingAll, html! { p.sub { (change(n(Metric::ClosingAll), was(Metric::ClosingAll))) } }))
            (tile("ask", ("在办", "open"), Metric::Open, html! {}))
            (tile("late", ("逾期未办结", "open and overdue"), Metric::Overdue(Internal), html! {}))
            (tile("soon", ("剔除(单列,不入率)", "excluded, in no rate"), Metric::Excluded, html! {}))
            li.held { div.sum { strong { (figures.moves) } " " span.label { (bi(("转派次数", "transfers"))) } } }
        }
    }
}

fn first_rates(asked: &Asked, total: &Tally, before: Option<&Tally>) -> Markup {
    html! {
        ul.rates aria-label=(say(("六率", "the six rates"))) {
            @for metric in FIRST {
                @let rate = total.of(metric);
                @let was = before.map(|b| b.of(metric));
                li {
                    h2 { (bi(words::metric(metric))) }
                    p.percent { (rate.percent()) }
                    (charts::meter(rate, was))
                    p.sub { (parts_of(asked, metric, rate, &[])) " " @if was.is_some_and(|w| w.d() > 0) { (points(rate, was)) } }
                    p.formula { (bi(words::formula(metric))) }
                }
            }
        }
    }
}

fn pictures(asked: &Asked, figures: &Figures) -> Markup {
    let flow = &figures.flow;
    let link = |b: &Bucket| {
        let last = lanewalk_model::time::TimeMs(b.to.0.saturating_sub(1));
        let moment = asked.query.as_of.china_with("%Y-%m-%dT%H:%M");
        let moment = if asked.moment_named { moment.as_str() } else { "" };
        let (from, to) = (charts::day(b.from), charts::day(last));
        asked.link(
            "/figures/orders",
            &[("from", &from), ("to", &to), ("as_of", moment), ("metric", "received"), ("part", "n")],
        )
    };
    html! {
        section.charts aria-label=(say(("图", "charts"))) {
            (charts::figure(
                ("收件与办结", "Orders in, and how they stand"),
                ("按收件时间,每柱可点开", "by when they came in; columns are links"),
                &charts::legend(flow), &charts::flow(flow, &link), &charts::flow_table(flow)))
            (charts::figure(
                ("按时办结率走势", "On-time share"),
                ("已办结工单中每轮均按时提交的比例;纵轴不一定从零起", "of closed orders; the axis may not begin at zero"),
                &html! {}, &charts::on_time(flow), &charts::on_time_table(flow)))
            (charts::figure(
                ("在办工单用时", "Age of open orders"),
                ("斜线为逾期", "hatched: overdue"),
                &html! {}, &charts::ages(&figures.ages), &charts::ages_table(&figures.ages)))
            (charts::figure(
                ("四环节用时", "The four stages"),
                ("实心为中位数,空心为 95 分位;越靠右越慢", "filled: median, open: 95th percentile; slower to the right"),
                &html! {}, &charts::stages(&figures.timers), &stage_table(figures)))
        }
    }
}
