//! The orders behind a number, 50 a page.

use super::{period::Asked, shown, words};
use crate::{
    HqError,
    console::{
        board::order_link,
        parts::{self, Row, Veil, bi, none, when},
        photos::Sources,
        web::{Answer, Ask},
        words::state,
    },
    figures::{Found, list},
};
use lanewalk_model::{
    id::DocId,
    kpi::{DueKind, Metric, OrderFacts, Part},
    order::State,
    rows::ListRow,
    schema::DocKind,
};
use maud::{Markup, html};
use rusqlite::{Connection, OptionalExtension as _};

const PAGE: usize = 50;

pub(super) fn answer(from: &Sources<'_>, asked: &Asked, ask: &Ask) -> Result<Answer, HqError> {
    let Some(metric) = Metric::from_id(ask.query.get("metric").unwrap_or("received")) else {
        return Ok(Answer::Missing);
    };
    let (part, which) = match ask.query.get("part").unwrap_or("d") {
        "n" => (Some(Part::Hit), ("计入分子的", "in the numerator")),
        "not" => (Some(Part::Not), ("只计入分母的", "in the denominator only")),
        "d" => (None, ("计入分母的", "in the denominator")),
        _ => return Ok(Answer::Missing),
    };
    let found = list(from.db, &asked.query, metric, part)?;
    let pages = found.len().div_ceil(PAGE).max(1);
    let page = ask.query.get("page").and_then(|p| p.parse::<usize>().ok()).unwrap_or(1).clamp(1, pages);
    // Who may not read orders sees that they exist, and no word of them.
    let may_read = DocKind::Order.spec().readers.has(ask.visitor.subject.role);
    let rows = found
        .iter()
        .skip((page - 1) * PAGE)
        .take(PAGE)
        .map(|found| row(from.db, found, asked, may_read))
        .collect::<Result<Vec<_>, _>>()?;
    let heads = [
        ("工单", "order"),
        ("收件", "received"),
        ("状态", "state today"),
        ("街道时限", "our due time"),
        ("提交", "submitted"),
        ("办结", "closed"),
        ("回访", "callback"),
    ];
    let id = metric.id();
    let part_id = ask.query.get("part").unwrap_or("d").to_owned();
    let to = |p: usize| {
        asked.link("/figures/orders", &[("metric", id), ("part", &part_id), ("page", &p.to_string())])
    };
    let content = html! {
        p.crumb { a href=(asked.link("/figures", &[])) { "← 数据 " span.en lang="en" { "back to the figures" } } }
        div.lead {
            h1 { (words::metric(metric).0) " " span.en lang="en" { (words::metric(metric).1) } }
            p.sub { (bi(which)) " · " (asked.first) " 至 " (asked.last) " · 截至 " (when(asked.query.as_of.0)) }
        }
        p.formula { (bi(words::formula(metric))) }
        @for problem in &asked.problems { p.problem role="alert" { (problem) } }
        (parts::table(html! { "工单 " span.count { (found.len()) } " " span.en lang="en" { "orders" } }, &heads, &rows, 0, ("没有工单", "no orders")))
        @if pages > 1 {
            nav.pages aria-label="分页 pages" {
                @if page > 1 { a rel="prev" href=(to(page - 1)) { "上一页" } }
                span { (page) " / " (pages) }
                @if page < pages { a rel="next" href=(to(page + 1)) { "下一页" } }
            }
        }
    };
    Ok(shown(words::metric(metric), content))
}

fn row(db: &Connection, found: &Found, asked: &Asked, may_read: bool) -> Result<Row, HqError> {
    let known: Option<(Vec<u8>, String)> = db
        .prepare_cached("SELECT id, row FROM docs WHERE n = ?1")?
        .query_row([found.doc], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let known = known.and_then(|(id, row)| {
        Some((DocId::from_slice(&id).ok()?, serde_json::from_str::<ListRow>(&row).ok()?))
    });
    let o = &found.facts;
    let time = |t: Option<lanewalk_model::time::TimeMs>| t.map_or_else(none, |t| when(t.0));
    let overdue = o.is_overdue(DueKind::Internal, asked.query.as_of);
    let late = o.closed_at.is_some() && !o.is_in_time(DueKind::Internal);
    let (link, state) = match known {
        Some((id, row)) => {
            let veil = Veil::default();
            let link = if may_read {
                order_link(id, &veil.plain(&row.title), &veil.plain(&row.detail), row.urgent)
            } else {
                html! { span.id { (lanewalk_model::id::to_hex(&id.uuid)) } }
            };
            let known = State::from_id(&row.state);
            (link, known.map_or_else(|| parts::shown(&row.state), |s| bi(state(s))))
        }
        None => (none(), none()),
    };
    Ok(Row {
        class: if overdue { "late" } else { "" },
        cells: vec![
            link,
            when(o.received_at.0),
            html! { span.state { (state) } },
            html! { (time(o.internal_due)) @if overdue { " " strong.late { (bi(("逾期", "overdue"))) } } },
            html! { (time(o.submitted_at)) @if o.rounds > 0 { span.sub { "重办 " (o.rounds) " 轮" } } },
            html! { (time(o.closed_at)) @if late { " " strong.late { (bi(("超时", "late"))) } } },
            said(o),
        ],
    })
}

/// The three answers, each by itself (R4).
fn said(o: &OrderFacts) -> Markup {
    if o.attempts == 0 {
        return none();
    }
    if o.reached_at.is_none() {
        return html! { "未接通 " span.sub { "试过 " (o.attempts) " 次" } };
    }
    let answers = [
        ("过程", "process", o.answers.process_satisfied, ("不满意", "满意")),
        ("结果", "result", o.answers.result_satisfied, ("不满意", "满意")),
        ("问题", "problem", o.answers.resolved, ("未解决", "已解决")),
    ];
    html! {
        ul.set {
            @for (zh, en, answer, words) in answers {
                li { (zh) " " span.en lang="en" { (en) } " " (answer.map_or("未答", |yes| if yes { words.1 } else { words.0 })) }
            }
        }
    }
}
