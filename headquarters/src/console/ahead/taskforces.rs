//! `/taskforces`: the list, opening one, and what is done to one.

use super::{HqError, forms, taskforce as one};
use crate::{
    Headquarters,
    console::{
        Sources,
        names::Names,
        parts::{MAX_ROWS, Row, bi, remaining, shown, table, when},
        web::{Answer, Ask, Page},
    },
    groups::{self, NewTaskForce},
};
use lanewalk_model::{
    group::taskforce::{self, Act},
    id::{DocId, to_hex},
    schema::DocKind,
};
use maud::html;

pub(super) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    match ask.parts().as_slice() {
        [_] => list(from, ask),
        [_, hex] => match super::id(DocKind::TaskForce, hex) {
            Some(id) => one::page(from, ask, id),
            None => Ok(Answer::Missing),
        },
        _ => Ok(Answer::Missing),
    }
}

fn list(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    let names = Names::all(from.db)?;
    let mut rows = Vec::new();
    for row in groups::list(from.db, DocKind::TaskForce, MAX_ROWS)? {
        let Some(view) = groups::find(from.db, row.id)? else { continue };
        let over = taskforce::is_over(&view);
        let due = view.int("due").unwrap_or(0);
        rows.push(Row {
            class: if !over && due < ask.now.0 { "late" } else { "" },
            cells: vec![
                html! { a.title href={ "/taskforces/" (to_hex(&row.id.uuid)) } { (shown(view.text("title").unwrap_or_default())) } },
                names.person(view.text("lead").unwrap_or_default()),
                html! { (when(due)) @if !over { span.sub { (remaining(due, ask.now)) } } },
                html! { (groups::orders_of(&view, "order").len()) },
                html! { span.tag { (bi(if over { ("已解散", "dissolved") } else { ("进行中", "at work") })) } },
            ],
        });
    }
    let heads = [
        ("专班", "task force"),
        ("牵头人", "lead"),
        ("时限", "due"),
        ("工单", "orders"),
        ("情况", "standing"),
    ];
    let caption = html! { (bi(("专班", "Task forces"))) " " span.count { (rows.len()) } };
    let may_open = taskforce::may(None, Act::Open, &ask.visitor.subject).is_ok();
    let orders: String = ask.query.all("order").collect::<Vec<_>>().join("\n");
    let content = html! {
        h1 { (bi(("专班推进", "Task forces"))) }
        (table(caption, &heads, &rows, 0, ("没有专班", "no task force")))
        @if may_open {
            form.panel method="post" action="/taskforces" {
                h2 { (bi(("成立专班", "Open a task force"))) }
                (forms::line("title", ("名称", "what it is for"), "", true))
                (forms::select("lead", ("牵头人", "lead"), &names.list("lead"), ""))
                (forms::moment("due", ("办结时限", "due"), None))
                (forms::area("members", ("成员(每行一人:人员编号,或外单位及姓名)", "members, a line each: staff id, or body and name"), "", false))
                (forms::area("orders", ("工单或主单编号(每行一件)", "orders or masters, a line each"), &orders, false))
                p { (forms::button("open", ("成立", "open"), "")) }
            }
        } @else { p.sub { (bi(("专班由主要领导成立", "the principal leader opens task forces"))) } }
    };
    Ok(Answer::Page(Page { title: ("专班", "Task forces"), live: false, content }))
}

/// Reads lines that name orders by their 32 digits.
fn orders(text: &str) -> Result<Vec<DocId>, HqError> {
    let bad = |line: &str| HqError::NotAllowed(format!("工单编号不对 (no order number): {line}"));
    text.lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .map(|l| super::id(DocKind::Order, l.strip_prefix("order:").unwrap_or(l)).ok_or_else(|| bad(l)))
        .collect()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(|l| l.trim().to_owned()).filter(|l| !l.is_empty()).collect()
}

pub(super) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let done = match ask.parts().as_slice() {
        [_] => open(hq, ask),
        [_, hex] => match super::id(DocKind::TaskForce, hex) {
            Some(id) if hq.document(id)?.is_some() => change(hq, ask, id),
            _ => return Ok(Answer::Missing),
        },
        _ => return Ok(Answer::Missing),
    };
    forms::named(done)
}

fn saved(force: DocId) -> Answer {
    Answer::SeeOther(format!("/taskforces/{}?done=saved", to_hex(&force.uuid)))
}

fn open(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let text = |name| forms::text(ask, name);
    if text("act") != "open" {
        return Ok(forms::unclear());
    }
    let new = NewTaskForce {
        title: text("title").to_owned(),
        lead: text("lead").to_owned(),
        due: forms::time(ask, "due")?,
        members: lines(text("members")),
        orders: orders(text("orders"))?,
    };
    hq.open_task_force(&new, &ask.visitor.subject.worker).map(saved)
}

fn change(hq: &mut Headquarters, ask: &Ask, id: DocId) -> Result<Answer, HqError> {
    let by = &ask.visitor.subject.worker;
    let text = |name| forms::text(ask, name);
    let words = text("words");
    match text("act") {
        "take" => orders(text("orders"))?.iter().try_for_each(|o| hq.task_force_takes(id, *o, by))?,
        "let_go" => {
            let Some(order) = super::id(DocKind::Order, text("order")) else { return Ok(forms::unclear()) };
            hq.task_force_lets_go(id, order, words, by)?;
        }
        "lead" => hq.task_force_lead(id, text("lead"), by)?,
        "due" => hq.task_force_due(id, forms::time(ask, "due")?, words, by)?,
        "member" => hq.task_force_member(id, text("member"), by)?,
        "leaves" => hq.task_force_leaves(id, text("member"), by)?,
        "meeting" => {
            let present = lines(&text("present").replace([',', '、', ','], "\n"));
            hq.task_force_meets(id, forms::time(ask, "at")?, &present, words, by)?;
        }
        "plan" => hq.task_force_plan(id, words, by).map(|_| ())?,
        "adopt" => hq.task_force_adopts(id, text("version").parse().unwrap_or(0), by)?,
        "dissolve" => hq.dissolve_task_force(id, words, by)?,
        _ => return Ok(forms::unclear()),
    }
    Ok(saved(id))
}
