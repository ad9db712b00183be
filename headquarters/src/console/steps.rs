//! Steps of an order and answers of a callback, in words.
//!
//! Invariant: every kind of step has a name here; the compiler says so. Rejected: showing the
//! record's own keys, which only those who wrote the program can read.

use super::{
    names::Names,
    parts::{MAX_ROWS, Row, Veil, bi, fold, shown, table, when},
    words::{self, Words},
};
use lanewalk_model::{
    id::{DocId, to_hex},
    order,
    records::{CallbackRecord, StepKind, StepRecord},
    schema::DocKind,
    staff::Role,
    time::TimeMs,
    view::DocView,
};
use maud::{Markup, html};

/// Names a step.
pub(super) fn name(kind: StepKind) -> Words {
    match kind {
        StepKind::Received => ("收到", "received"),
        StepKind::Accepted => ("接单", "accepted"),
        StepKind::ToTriage => ("转研判", "sent to triage"),
        StepKind::Dispatched => ("派件", "dispatched"),
        StepKind::Offered => ("转派", "offered to another"),
        StepKind::Declined => ("未接受转派", "declined the offer"),
        StepKind::Transferred => ("已转交", "handed over"),
        StepKind::Acked => ("签收", "acknowledged"),
        StepKind::Investigated => ("初查/查实", "inquired"),
        StepKind::Handling => ("转办理", "handling began"),
        StepKind::Submitted => ("提交结果", "result submitted"),
        StepKind::SentBack => ("退回补办", "sent back"),
        StepKind::ToCallback => ("转回访", "passed on to callback"),
        StepKind::CalledBack => ("回访", "called back"),
        StepKind::Reworked => ("重办", "rework began"),
        StepKind::Closed => ("办结", "closed"),
        StepKind::Archived => ("归档", "archived"),
        StepKind::Returned => ("退单", "returned"),
        StepKind::Extended => ("延期", "extended"),
        StepKind::Redated => ("按新日历重算时限", "due time computed again"),
        StepKind::Chased => ("催办", "chased"),
        StepKind::Supervised => ("督办", "supervised"),
        StepKind::Yellow => ("黄牌", "yellow card"),
        StepKind::Red => ("红牌", "red card"),
        StepKind::Escalated => ("逐级上报", "escalated"),
        StepKind::Excluded => ("不予受理", "excluded"),
        StepKind::Parked => ("挂账", "parked"),
        StepKind::Resumed => ("恢复办理", "taken up again"),
        StepKind::Urgency => ("调整缓急", "urgency changed"),
        StepKind::Clustered => ("并案", "cluster changed"),
        StepKind::TaskForce => ("专班", "task force changed"),
        StepKind::Cleared => ("澄清不明标记", "flags of doubt cleared"),
        StepKind::Checked => ("现场查实结果", "site check result"),
    }
}

/// Shows the course of an order: every step and callback, newest first, by when each counts. Who
/// does not read `all` of it sees what was done and when, not the words.
pub(super) fn section(view: &DocView, names: &Names, veil: &Veil, all: bool) -> Markup {
    let unsaid = |text: &mut String| {
        if !all {
            text.clear()
        }
    };
    let steps = order::steps(view).into_iter().map(|(_, mut s)| {
        unsaid(&mut s.reason);
        s
    });
    // A callback says more than the step beside it.
    let steps = steps.filter(|s| s.kind != StepKind::CalledBack);
    let steps = steps.map(|s| (s.at, name(s.kind), names.person(&s.by), particulars(&s, names, veil)));
    let called = ("回访", "callback");
    let calls = order::callbacks(view).into_iter().map(|(by, mut c)| {
        unsaid(&mut c.note);
        (by, c)
    });
    let calls = calls.map(|(by, c)| (c.at, called, names.person(&by), answers(&c, veil)));
    let mut course: Vec<_> = steps.chain(calls).collect();
    course.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
    let total = course.len();
    let line = |(at, what, who, more): (TimeMs, Words, Markup, Markup)| {
        Row::from(vec![when(at.0), html! { strong { (bi(what)) } }, who, more])
    };
    let rows: Vec<Row> = course.into_iter().take(MAX_ROWS).map(line).collect();
    let left_out = total.saturating_sub(rows.len()) as u64;
    let caption = html! { (bi(("经过", "Course"))) " " span.count { (total) } };
    let heads = [("何时", "when it counts"), ("何事", "what"), ("谁", "who"), ("详情", "particulars")];
    let content = table(caption.clone(), &heads, &rows, left_out, ("还没有", "nothing yet"));
    fold("steps", &caption, total > 0, &content)
}

/// Shows a step.
pub(super) fn step(record: &StepRecord, names: &Names, veil: &Veil) -> Markup {
    html! {
        strong { (bi(name(record.kind))) } " · " (names.person(&record.by)) " · " (when(record.at.0))
        (particulars(record, names, veil))
    }
}

fn particulars(record: &StepRecord, names: &Names, veil: &Veil) -> Markup {
    html! {
        @if let Some(from) = &record.from { " " (bi(("自", "from"))) " " (party(from, names)) }
        @if let Some(to) = &record.to { " → " (party(to, names)) }
        @if let Some(due) = record.due { span.part { span.sub.inline { (bi(("时限", "due"))) } " " (when(due.0)) } }
        @if !record.reason.is_empty() { span.quote { (veil.text(&record.reason)) } }
    }
}

/// Shows whom or what a step names: a role, an urgency, a document, a unit or a member of staff.
fn party(id: &str, names: &Names) -> Markup {
    if let Some(role) = Role::from_id(id) {
        return bi(words::role(role));
    }
    if let Some(words) = words::value("urgency", id) {
        return bi(words);
    }
    match id.parse::<DocId>() {
        Ok(doc) if doc.kind == DocKind::Order => {
            html! { a href={ "/orders/" (to_hex(&doc.uuid)) } { (bi(words::kind(doc.kind))) } }
        }
        Ok(doc) => bi(words::kind(doc.kind)),
        Err(_) if names.is_person(id) => names.person(id),
        Err(_) if id.starts_with("sec-") => names.thing("lead_unit", id),
        Err(_) => shown(id),
    }
}

/// Shows an attempt to call back: three answers, never one (R4).
pub(super) fn callback(record: &CallbackRecord, veil: &Veil) -> Markup {
    html! { (when(record.at.0)) " · " (answers(record, veil)) }
}

fn answers(record: &CallbackRecord, veil: &Veil) -> Markup {
    let answers: [(Words, Option<bool>); 3] = [
        (("办理过程满意", "satisfied with the way"), record.process_satisfied),
        (("办理结果满意", "satisfied with the result"), record.result_satisfied),
        (("问题已解决", "resolved"), record.resolved),
    ];
    html! {
        strong { (bi(if record.reached { ("接通", "reached") } else { ("未接通", "not reached") })) }
        @if record.reached {
            @for (question, answer) in answers {
                span.part { span.sub.inline { (bi(question)) } " " (bi(match answer {
                    Some(true) => ("是", "yes"),
                    Some(false) => ("否", "no"),
                    None => ("未答", "did not say"),
                })) }
            }
        }
        @if !record.note.is_empty() { span.quote { (veil.text(&record.note)) } }
    }
}
