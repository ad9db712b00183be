//! Dispatch meetings: freeze figures, agree on items, come back and say what became of them.

use super::{charts, period::Asked, shown, tables::parts_of, words};
use crate::{
    Headquarters, HqError,
    console::{
        forms::{named, unclear},
        names::Names,
        parts::{self, Row, bi, both, none, say, shown as said, when},
        photos::Sources,
        web::{Answer, Ask},
    },
    figures::{Figures, Frozen, MAY_FREEZE, Meeting, NewItem, Query, Scope},
};
use chrono::NaiveDate;
use lanewalk_model::{deadline::CHINA_OFFSET_MS, kpi::Metric, time::TimeMs};
use maud::{Markup, html};

/// Lines for items in the form.
const LINES: usize = 6;
/// Meetings in the list.
const MOST: u32 = 200;

pub(super) fn answer(from: &Sources<'_>, asked: &Asked, ask: &Ask, rest: &[&str]) -> Result<Answer, HqError> {
    match rest {
        [] => list(from, asked, ask),
        [n] => match n.parse().ok().map(|n| Frozen::find(from.db, n)).transpose()?.flatten() {
            Some(frozen) => one(from, &frozen, ask),
            None => Ok(Answer::Missing),
        },
        _ => Ok(Answer::Missing),
    }
}

pub(super) fn act(hq: &mut Headquarters, ask: &Ask, rest: &[&str]) -> Result<Answer, HqError> {
    let by = ask.visitor.subject.worker.as_str();
    let text = |name: &str| ask.form.get(name).unwrap_or_default().to_owned();
    let done = match rest {
        [] => {
            let asked = Asked::read(&ask.form, Scope::All, ask.now);
            let mut problems = asked.problems.clone();
            let items = items(ask, &mut problems);
            if !problems.is_empty() {
                return Ok(Answer::Refused(problems.join("; ")));
            }
            hq.freeze_meeting(by, &text("title"), &asked.query, &items)
        }
        [n] => {
            let Ok(n) = n.parse::<i64>() else { return Ok(Answer::Missing) };
            let Ok(item) = text("item").parse::<i64>() else { return Ok(unclear()) };
            hq.mark_item(by, n, item, &text("words")).map(|()| n)
        }
        _ => return Ok(Answer::Missing),
    };
    match done {
        Ok(n) => Ok(Answer::SeeOther(format!("/figures/meetings/{n}"))),
        Err(HqError::NotAllowed(why)) => Ok(Answer::Refused(why)),
        Err(e) => named(Err(e)),
    }
}

fn items(ask: &Ask, problems: &mut Vec<String>) -> Vec<NewItem> {
    let mut items = Vec::new();
    for i in 0..LINES {
        let get = |name: &str| ask.form.get(&format!("{name}_{i}"));
        let Some(words) = get("words") else { continue };
        let due = get("due").and_then(|text| {
            let day = text.parse::<NaiveDate>().ok();
            if day.is_none() {
                let n = i + 1;
                problems.push(say((
                    format!("第 {n} 项的日期应写成 2026-05-08"),
                    format!("item {n}: dates are written 2026-05-08"),
                )));
            }
            // Until the end of that day.
            let next = day?.succ_opt()?.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
            Some(TimeMs(next.saturating_sub(CHINA_OFFSET_MS + 60_000)))
        });
        items.push(NewItem {
            words: words.to_owned(),
            owner: get("owner").unwrap_or_default().to_owned(),
            due,
        });
    }
    items
}

fn period(query: &Query) -> String {
    let last = TimeMs(query.to.0.saturating_sub(1));
    format!("{} – {}", charts::day(query.from), charts::day(last))
}

fn list(from: &Sources<'_>, asked: &Asked, ask: &Ask) -> Result<Answer, HqError> {
    let names = Names::of_staff(from.db)?;
    let meetings = Meeting::latest(from.db, MOST)?;
    let rows: Vec<Row> = meetings
        .iter()
        .map(|m| {
            let (items, waiting) = m.items;
            vec![
                html! { a.title href={ "/figures/meetings/" (m.n) } { (said(&m.title)) } },
                html! { (period(&m.query)) },
                html! { (when(m.at.0)) span.sub { (names.person(&m.by)) } },
                html! { (items) @if waiting > 0 { " " span.tag.ask { (both(format!("未回报 {waiting}"), format!("{waiting} not reported"))) } } },
            ]
            .into()
        })
        .collect();
    let heads = [("会议", "meeting"), ("时段", "period"), ("定格于", "frozen"), ("议定事项", "items")];
    let content = html! {
        p.crumb { a href=(asked.link("/figures", &[])) { "← " (bi(("数据", "back to the figures"))) } }
        h1 { (bi(("调度会", "Dispatch meetings"))) }
        (parts::table(bi(("已定格", "Frozen")), &heads, &rows, 0, ("还没有", "none yet")))
        @if MAY_FREEZE.has(ask.visitor.subject.role) { (form(asked)) }
    };
    Ok(shown(("调度会", "Dispatch meetings"), content))
}

fn form(asked: &Asked) -> Markup {
    let filter = &asked.query.filter;
    let moment = asked.moment_named.then(|| asked.query.as_of.china_with("%Y-%m-%dT%H:%M"));
    let kept = [
        ("grid", filter.grid.as_deref()),
        ("matter", filter.matter.as_deref()),
        ("unit", filter.unit.as_deref()),
        ("urgency", filter.urgency.as_deref()),
        ("channel", filter.channel.as_deref()),
        ("as_of", moment.as_deref()),
    ];
    html! {
        form.freeze method="post" action="/figures/meetings" {
            h2 { (bi(("定格现在的数据", "Freeze the figures as they are"))) }
            p.sub { (bi(("定格后不能更改;以后打开时,旁边显示当日数据。", "Nothing frozen can be changed; later it stands beside the figures of the day."))) }
            label { (bi(("会议名称", "title"))) input type="text" name="title" required maxlength="400" size="40"; }
            label { (bi(("从", "from"))) input type="date" name="from" value=(asked.first); }
            label { (bi(("到", "to"))) input type="date" name="to" value=(asked.last); }
            @for (name, value) in kept { @if let Some(value) = value { input type="hidden" name=(name) value=(value); } }
            fieldset {
                legend { (bi(("议定事项(不写个人信息)", "action items, without personal data"))) }
                @for i in 0..LINES {
                    div.line {
                        label { (bi(("事项", "what"))) input type="text" name={ "words_" (i) } maxlength="400" size="44"; }
                        label { (bi(("责任", "who"))) input type="text" name={ "owner_" (i) } maxlength="64" size="14"; }
                        label { (bi(("期限", "until"))) input type="date" name={ "due_" (i) }; }
                    }
                }
            }
            button type="submit" { (bi(("定格", "freeze"))) }
        }
    }
}

fn one(from: &Sources<'_>, frozen: &Frozen, ask: &Ask) -> Result<Answer, HqError> {
    let m = &frozen.meeting;
    let names = Names::of_staff(from.db)?;
    let today_query = Query { as_of: ask.now, ..m.query.clone() };
    let today = Figures::of(from.db, &today_query, &[])?;
    // Links lead to what is counted today; what was frozen has no list, only its numbers.
    let mut asked = Asked::read(&crate::console::web::Fields::default(), Scope::All, ask.now);
    let china = |at: TimeMs| lanewalk_model::deadline::china_date(at).map(|(day, _)| day).ok();
    asked.first = china(m.query.from).unwrap_or(asked.first);
    asked.last = china(TimeMs(m.query.to.0.saturating_sub(1))).unwrap_or(asked.last);
    asked.query = today_query;
    let rows: Vec<Row> = Metric::ALL
        .into_iter()
        .map(|metric| {
            let (then, now) = (frozen.figures.total.of(metric), today.total.of(metric));
            Row {
                class: if then == now { "" } else { "differs" },
                cells: vec![
                    html! { strong { (bi(words::metric(metric))) } },
                    html! { span.percent.small { (then.percent()) } " " span.nd { (then.n()) "/" (then.d()) } },
                    html! { span.percent.small { (now.percent()) } " " (parts_of(&asked, metric, now, &[])) },
                ],
            }
        })
        .collect();
    let heads = [("指标", "figure"), ("会议所见", "as the meeting saw it"), ("今日", "today")];
    let may = MAY_FREEZE.has(ask.visitor.subject.role);
    let content = html! {
        (charts::shared())
        p.crumb { a href="/figures/meetings" { "← " (bi(("调度会", "all meetings"))) } }
        div.lead { h1 { (said(&m.title)) } p.span { (period(&m.query)) } }
        p.sub { (bi(("截至", "as of"))) " " (when(m.query.as_of.0)) " · " (bi(("定格于", "frozen"))) " " (when(m.at.0)) " · " (names.person(&m.by)) " · " (both(format!("日志 {} 条", m.log_end), format!("{} log entries", m.log_end))) }
        section.items {
            h2 { (bi(("议定事项", "Action items"))) }
            @if frozen.items.is_empty() { p.empty { (bi(("没有", "none"))) } }
            ol { @for item in &frozen.items {
                li {
                    p { (said(&item.is.words)) }
                    p.sub {
                        (bi(("责任", "who"))) ": " @if item.is.owner.is_empty() { (none()) } @else { (said(&item.is.owner)) }
                        @if let Some(due) = item.is.due {
                            " · " (bi(("期限", "until"))) " " (when(due.0))
                            @if item.marks.is_empty() && due < ask.now { " " strong.late { (bi(("逾期未回报", "overdue"))) } }
                        }
                    }
                    @for mark in &item.marks { p.mark { (when(mark.at.0)) " " (names.person(&mark.by)) ": " (said(&mark.words)) } }
                    @if may {
                        form.mark method="post" action={ "/figures/meetings/" (m.n) } {
                            input type="hidden" name="item" value=(item.n);
                            label { (bi(("办理情况", "what became of it"))) input type="text" name="words" required maxlength="400" size="36"; }
                            button type="submit" { (bi(("回报", "report"))) }
                        }
                    }
                }
            } }
        }
        section.charts {
            (charts::figure(("会议所见", "as the meeting saw it"), ("收件与办结", "orders in, and how they stand"), &charts::legend(&frozen.figures.flow), &charts::flow(&frozen.figures.flow, &|_| asked.link("/figures", &[])), &charts::flow_table(&frozen.figures.flow)))
            (charts::figure(("今日", "today"), ("同一批时段的工单,以今日为准", "the same period as of today"), &charts::legend(&today.flow), &charts::flow(&today.flow, &|_| asked.link("/figures", &[])), &charts::flow_table(&today.flow)))
        }
        section { (parts::table(bi(("指标对照", "Then and now")), &heads, &rows, 0, ("没有", "none"))) }
    };
    Ok(shown(("调度会", "Dispatch meeting"), content))
}
