//! One task force: members, meetings, plans, orders, surveys, and what the visitor may do.

use super::{HqError, Orders, forms, surveys};
use crate::{
    console::{
        Sources,
        names::Names,
        parts::{MAX_ROWS, bi, none, remaining, shown, when},
        web::{Answer, Ask, Page},
        words::Words,
    },
    groups,
};
use lanewalk_model::{
    group::taskforce::{self, Act},
    id::{DocId, to_hex},
    records::{StepKind, StepRecord},
    schema::DocKind,
    time::TimeMs,
    view::DocView,
};
use maud::{Markup, html};

pub(super) fn page(from: &Sources<'_>, ask: &Ask, id: DocId) -> Result<Answer, HqError> {
    let Some(view) = groups::find(from.db, id)? else { return Ok(Answer::Missing) };
    let names = Names::all(from.db)?;
    let who = &ask.visitor.subject;
    let over = taskforce::is_over(&view);
    let due = view.int("due").unwrap_or(0);
    let orders = groups::orders_of(&view, "order");
    let table = Orders { db: from.db, who, names: &names, now: ask.now, pick: false }.table(
        ("所办工单", "Its orders"),
        &orders,
        MAX_ROWS,
    )?;
    let hex = to_hex(&id.uuid);
    let may = |act| taskforce::may(Some(&view), act, who).is_ok();
    let content = html! {
        p.crumb { a href="/taskforces" { "← " (bi(("专班", "task forces"))) } }
        h1 { (shown(view.text("title").unwrap_or_default())) }
        p.lead {
            span.tag { (bi(if over { ("已解散", "dissolved") } else { ("进行中", "at work") })) } " "
            (bi(("牵头", "lead"))) " " (names.person(view.text("lead").unwrap_or_default())) " · "
            (bi(("时限", "due"))) " " (when(due)) @if !over { " " (remaining(due, ask.now)) }
        }
        section { h2 { (bi(("成员", "Members"))) } (members(&view, &hex, may(Act::Member))) }
        section { h2 { (bi(("方案", "Plans"))) } (plans(&view, &hex, may(Act::Adopt))) }
        section { h2 { (bi(("会议", "Meetings"))) } (meetings(&view)) }
        section { (table) }
        (surveys::of_task_force(from, ask, id)?)
        section { h2 { (bi(("督办记录", "Log"))) } (steps(&view, &names)) }
        (acts(&view, &names, &hex, &may))
        @if over { form method="post" action={ "/kb/from/" (DocKind::TaskForce.name()) "/" (hex) } { (forms::button("draft", ("据此起草预案", "draft a plan from it"), "")) } }
    };
    Ok(Answer::Page(Page { title: ("专班", "Task force"), live: false, content }))
}

fn members(view: &DocView, hex: &str, may: bool) -> Markup {
    let all: Vec<_> = view.members("member").collect();
    html! {
        @if all.is_empty() { p { (none()) } }
        ul.chips { @for (id, name) in all { li {
            (shown(name.text().unwrap_or(id))) @if !id.starts_with("ext-") { " " span.id { (shown(id)) } }
            @if may { " " form.inline method="post" action={ "/taskforces/" (hex) } { input type="hidden" name="member" value=(id); button.plain type="submit" name="act" value="leaves" aria-label={ "移除 remove " (id) } { "×" } } }
        } } }
    }
}

fn plans(view: &DocView, hex: &str, may: bool) -> Markup {
    let adopted = taskforce::adopted(view).map(|p| p.version);
    let all = taskforce::plans(view);
    html! {
        @if all.is_empty() { p { (bi(("还没有方案", "no plan yet"))) } }
        ol.said { @for (event, plan) in all.iter().rev() { li {
            p { strong { "v" (plan.version) } " " (when(plan.at.0)) " " (author(view, "plan", event))
                @if adopted == Some(plan.version) { " " span.tag.planned { (bi(("已采用", "adopted"))) } }
                @else if may { " " form.inline method="post" action={ "/taskforces/" (hex) } { input type="hidden" name="version" value=(plan.version); button.plain type="submit" name="act" value="adopt" { (bi(("采用此版", "adopt"))) } } }
            }
            div.text { (shown(&plan.text)) }
        } } }
    }
}

fn author(view: &DocView, family: &str, event: &str) -> Markup {
    let by = view.all(&format!("{family}/{event}")).last().map(|a| a.by.clone()).unwrap_or_default();
    html! { span.id { (shown(&by)) } }
}

fn meetings(view: &DocView) -> Markup {
    let all = taskforce::meetings(view);
    html! {
        @if all.is_empty() { p { (bi(("还没有会议", "no meeting yet"))) } }
        ol.said { @for (event, m) in all.iter().rev() { li {
            p { (when(m.at.0)) " " (author(view, "meeting", event)) @if !m.present.is_empty() { " · " (bi(("参会", "present"))) " " (shown(&m.present.join("、"))) } }
            div.text { (shown(&m.words)) }
        } } }
    }
}

fn steps(view: &DocView, names: &Names) -> Markup {
    let read =
        |(_, v): (&str, &lanewalk_model::view::Value)| serde_json::from_str::<StepRecord>(v.text()?).ok();
    let mut all: Vec<StepRecord> = view.members("step").filter_map(read).collect();
    all.sort_by_key(|s| std::cmp::Reverse(s.at));
    let word = |kind: StepKind| -> Words {
        match kind {
            StepKind::TaskForce => ("成立", "opened"),
            StepKind::Extended => ("调整时限", "due time changed"),
            StepKind::Supervised => ("督办", "supervised"),
            StepKind::Closed => ("解散", "dissolved"),
            _ => ("记录", "noted"),
        }
    };
    html! { ol.said { @for s in &all { li {
        p { strong { (bi(word(s.kind))) } " " (names.person(&s.by)) " " (when(s.at.0)) @if let Some(due) = s.due { " · " (bi(("时限", "due"))) " " (when(due.0)) } }
        @if !s.reason.is_empty() { p { (shown(&s.reason)) } }
    } } } }
}

/// Shows the forms of what the visitor may do.
fn acts(view: &DocView, names: &Names, hex: &str, may: &impl Fn(Act) -> bool) -> Markup {
    let to = format!("/taskforces/{hex}");
    let form = |act: Act, title: Words, inner: Markup| {
        html! { @if may(act) { details { summary { (bi(title)) } form.panel method="post" action=(to) { (inner) } } } }
    };
    let due = view.int("due").map(TimeMs);
    html! {
        (form(Act::Meeting, ("记录会议", "Record a meeting"), html! {
            (forms::moment("at", ("时间", "when"), None))
            (forms::line("present", ("参会人员(顿号隔开)", "who was there"), "", false))
            (forms::area("words", ("议定事项", "what was agreed"), "", true))
            p { (forms::button("meeting", ("保存", "save"), "")) }
        }))
        (form(Act::Plan, ("写下一版方案", "Write the next plan version"), html! {
            (forms::area("words", ("方案", "plan"), taskforce::plans(view).last().map_or("", |(_, p)| p.text.as_str()), true))
            p { (forms::button("plan", ("保存为新版本", "save as a version"), "")) }
        }))
        (form(Act::Member, ("增加成员", "Add a member"), html! {
            (forms::line("member", ("人员编号,或外单位及姓名", "staff id, or body and name"), "", true))
            p { (forms::button("member", ("增加", "add"), "")) }
        }))
        (form(Act::Order, ("纳入工单", "Take orders up"), html! {
            (forms::area("orders", ("工单或主单编号(每行一件)", "orders or masters, a line each"), "", true))
            p { (forms::button("take", ("纳入", "take up"), "")) }
        }))
        (form(Act::Order, ("移出工单", "Let an order go"), html! {
            (forms::line("order", ("工单编号", "order"), "", true))
            (forms::line("words", ("理由", "why"), "", true))
            p { (forms::button("let_go", ("移出", "let go"), "second")) }
        }))
        (form(Act::Lead, ("更换牵头人", "Change the lead"), html! {
            (forms::select("lead", ("牵头人", "lead"), &names.list("lead"), view.text("lead").unwrap_or_default()))
            p { (forms::button("lead", ("更换", "change"), "")) }
        }))
        (form(Act::Due, ("调整时限", "Change the due time"), html! {
            (forms::moment("due", ("时限", "due"), due))
            (forms::line("words", ("理由", "why"), "", true))
            p { (forms::button("due", ("调整", "change"), "")) }
        }))
        (form(Act::Dissolve, ("解散专班", "Dissolve"), html! {
            (forms::area("words", ("总结", "what came of it"), "", true))
            p { (forms::button("dissolve", ("解散", "dissolve"), "danger")) }
        }))
    }
}
