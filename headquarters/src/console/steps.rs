//! The course of an order (经过): every step and callback, newest first.
//!
//! Invariant: what counts and what is shown are the same records; the time shown is when a step
//! counts, and the history below says when headquarters heard of it.

use super::{
    names::Names,
    parts::{MAX_ROWS, Row, Veil, bi, fold, none, table, when},
    words::{self, Words},
};
use lanewalk_model::{
    order,
    records::{CallbackRecord, StepKind, StepRecord},
    view::DocView,
};
use maud::{Markup, html};

/// Shows the steps and callbacks of an order.
pub(super) fn section(view: &DocView, names: &Names, veil: &Veil) -> Markup {
    let steps = order::steps(view).into_iter().map(|(_, s)| s);
    // A callback says more than the step beside it.
    let steps = steps.filter(|s| s.kind != StepKind::CalledBack).map(|s| (s.at, step(&s, names, veil)));
    let calls = order::callbacks(view).into_iter().map(|(by, c)| (c.at, call(&by, &c, names, veil)));
    let mut all: Vec<_> = steps.chain(calls).collect();
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let total = all.len();
    let rows: Vec<Row> = all.into_iter().take(MAX_ROWS).map(|(_, row)| row).collect();
    let left_out = total.saturating_sub(rows.len()) as u64;
    let caption = html! { (bi(("经过", "Course"))) " " span.count { (total) } };
    let heads = [("何时", "when it counts"), ("何事", "what"), ("谁", "who"), ("详情", "particulars")];
    let content = table(caption.clone(), &heads, &rows, left_out, ("还没有", "nothing yet"));
    fold("steps", &caption, total > 0, &content)
}

fn step(s: &StepRecord, names: &Names, veil: &Veil) -> Row {
    let holder = |id: &str| match id {
        "section" | "deputy_leader" | "principal" => {
            lanewalk_model::staff::Role::from_id(id).map_or_else(none, |r| bi(words::role(r)))
        }
        "backup" => bi(("备班", "backup")),
        "urgent" => bi(("紧急", "urgent")),
        "general" => bi(("一般", "general")),
        _ if names.name_of("lead_unit", id).is_some() => names.thing("lead_unit", id),
        _ => names.person(id),
    };
    let more = html! {
        @if let Some(from) = &s.from { (holder(from)) " " }
        @if let Some(to) = &s.to { "→ " (holder(to)) " " }
        @if let Some(due) = s.due { span { (bi(("时限", "due"))) " " (when(due.0)) } }
        @if !s.reason.is_empty() { span.quote { (veil.short(&s.reason, 600)) } }
        @if s.from.is_none() && s.to.is_none() && s.due.is_none() && s.reason.is_empty() { (none()) }
    };
    Row::from(vec![when(s.at.0), html! { strong { (bi(kind(s.kind))) } }, names.person(&s.by), more])
}

fn call(by: &str, c: &CallbackRecord, names: &Names, veil: &Veil) -> Row {
    let answer = |words: Words, said: Option<bool>| {
        let said = match said {
            Some(true) => bi(("是", "yes")),
            Some(false) => html! { strong.late { (bi(("否", "no"))) } },
            None => bi(("未答", "did not say")),
        };
        html! { span.answer { (bi(words)) " " (said) } " " }
    };
    let more = html! {
        @if c.reached {
            (answer(("过程满意", "the way"), c.process_satisfied))
            (answer(("结果满意", "the result"), c.result_satisfied))
            (answer(("已解决", "resolved"), c.resolved))
        } @else { (bi(("未接通", "not reached"))) }
        @if !c.note.is_empty() { span.quote { (veil.short(&c.note, 600)) } }
    };
    Row::from(vec![when(c.at.0), html! { strong { (bi(("回访", "callback"))) } }, names.person(by), more])
}

/// Names a step.
fn kind(kind: StepKind) -> Words {
    match kind {
        StepKind::Received => ("来件", "came in"),
        StepKind::Accepted => ("接单", "accepted"),
        StepKind::ToTriage => ("转研判", "to triage"),
        StepKind::Dispatched => ("派件", "dispatched"),
        StepKind::Offered => ("提出转派", "offered on"),
        StepKind::Declined => ("不接转派", "offer declined"),
        StepKind::Transferred => ("转派", "transferred"),
        StepKind::Acked => ("签收", "acknowledged"),
        StepKind::Investigated => ("开始初查", "inquiry begun"),
        StepKind::Handling => ("开始办理", "handling begun"),
        StepKind::Submitted => ("提交结果", "result submitted"),
        StepKind::SentBack => ("退回补办", "sent back"),
        StepKind::ToCallback => ("转回访", "to callback"),
        StepKind::CalledBack => ("回访", "callback"),
        StepKind::Reworked => ("重办", "rework"),
        StepKind::Closed => ("办结", "closed"),
        StepKind::Archived => ("归档", "archived"),
        StepKind::Returned => ("退单", "returned"),
        StepKind::Extended => ("延期", "extended"),
        StepKind::Redated => ("时限重算", "due time computed again"),
        StepKind::Chased => ("催办", "chased"),
        StepKind::Supervised => ("督办", "supervised"),
        StepKind::Yellow => ("黄牌", "yellow card"),
        StepKind::Red => ("红牌", "red card"),
        StepKind::Escalated => ("升级提醒", "escalated"),
        StepKind::Excluded => ("不予受理", "excluded"),
        StepKind::Parked => ("挂账", "parked"),
        StepKind::Resumed => ("恢复办理", "taken up again"),
        StepKind::Urgency => ("改变缓急", "urgency changed"),
        StepKind::Clustered => ("并案", "cluster"),
        StepKind::TaskForce => ("专班", "task force"),
        StepKind::Cleared => ("澄清不明", "doubt cleared"),
        StepKind::Checked => ("现场查实结果", "site check result"),
    }
}
