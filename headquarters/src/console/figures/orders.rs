//! The orders behind a number, 50 a page.

use super::{period::Asked, shown, words};
use crate::{
    HqError,
    console::{
        board::order_link,
        parts::{self, Row, Veil, bi, both, none, say, when},
        photos::Sources,
        web::{Answer, Ask},
        words::state,
    },
    figures::{Found, list},
    store::{DocRow, FACT_COLUMNS},
};
use lanewalk_model::{
    access::{CaseFacts, Extent, Sight},
    id::to_hex,
    kpi::{DueKind, Metric, OrderFacts, Part},
    order::State,
    rows::ListRow,
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
    // Figures are of the whole house; what an order says is for those whose it is.
    let reach = Extent::of_orders(&ask.visitor.subject, ask.now);
    let rows = found
        .iter()
        .skip((page - 1) * PAGE)
        .take(PAGE)
        .map(|found| row(from.db, found, asked, reach.as_ref()))
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
        p.crumb { a href=(asked.link("/figures", &[])) { "← " (bi(("数据", "back to the figures"))) } }
        div.lead {
            h1 { (bi(words::metric(metric))) }
            p.sub { (bi(which)) " · " (asked.first) " – " (asked.last) " · " (bi(("截至", "as of"))) " " (when(asked.query.as_of.0)) }
        }
        p.formula { (bi(words::formula(metric))) }
        @for problem in &asked.problems { p.problem role="alert" { (problem) } }
        (parts::table(html! { (bi(("工单", "Orders"))) " " span.count { (found.len()) } }, &heads, &rows, 0, ("没有工单", "no orders")))
        @if pages > 1 {
            nav.pages aria-label=(say(("分页", "pages"))) {
                @if page > 1 { a rel="prev" href=(to(page - 1)) { (bi(("上一页", "previous"))) } }
                span { (page) " / " (pages) }
                @if page < pages { a rel="next" href=(to(page + 1)) { (bi(("下一页", "next"))) } }
            }
        }
    };
    Ok(shown(words::metric(metric), content))
}

/// Says how much of an order the visitor sees; `None` for nothing.
fn sight(reach: Option<&(Extent<'_>, Sight)>, doc: &DocRow, row: &ListRow) -> Option<Sight> {
    let (extent, sight) = reach?;
    let facts = CaseFacts {
        scope: doc.facts.clone(),
        units: row.units.split_whitespace().map(str::to_owned).collect(),
        owner: row.author.clone(),
        ..CaseFacts::default()
    };
    extent.holds(&facts).then_some(*sight)
}

fn row(
    db: &Connection,
    found: &Found,
    asked: &Asked,
    reach: Option<&(Extent<'_>, Sight)>,
) -> Result<Row, HqError> {
    let known: Option<(DocRow, String)> = db
        .prepare_cached(&format!("SELECT {FACT_COLUMNS}, d.row FROM docs d WHERE d.n = ?1"))?
        .query_row([found.doc], |r| Ok((DocRow::read(r)?, r.get(6)?)))
        .optional()?;
    let known = known.and_then(|(doc, row)| Some((doc, serde_json::from_str::<ListRow>(&row).ok()?)));
    let o = &found.facts;
    let time = |t: Option<lanewalk_model::time::TimeMs>| t.map_or_else(none, |t| when(t.0));
    let overdue = o.is_overdue(DueKind::Internal, asked.query.as_of);
    let late = o.closed_at.is_some() && !o.is_in_time(DueKind::Internal);
    let (link, state) = match known {
        Some((doc, row)) => {
            let veil = Veil::default();
            let hex = to_hex(&doc.id.uuid);
            let link = match sight(reach, &doc, &row) {
                None => html! { span.id { (hex) } },
                Some(Sight::Metadata | Sight::Flag) => html! { a.id href={ "/orders/" (hex) } { (hex) } },
                Some(_) => order_link(doc.id, &veil.plain(&row.title), &veil.plain(&row.detail), row.urgent),
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
            html! { (time(o.submitted_at)) @if o.rounds > 0 { span.sub { (both(format!("重办 {} 轮", o.rounds), format!("reworked {} times", o.rounds))) } } },
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
        return html! {
            (bi(("未接通", "not reached"))) " "
            span.sub { (both(format!("试过 {} 次", o.attempts), format!("{} attempts", o.attempts))) }
        };
    }
    let (pleased, not_pleased) = (("满意", "satisfied"), ("不满意", "not satisfied"));
    let answers = [
        (("过程", "process"), o.answers.process_satisfied, pleased, not_pleased),
        (("结果", "result"), o.answers.result_satisfied, pleased, not_pleased),
        (("问题", "problem"), o.answers.resolved, ("已解决", "resolved"), ("未解决", "not resolved")),
    ];
    html! {
        ul.set {
            @for (about, answer, yes, no) in answers {
                li { (bi(about)) " " (bi(answer.map_or(("未答", "no answer"), |a| if a { yes } else { no }))) }
            }
        }
    }
}
