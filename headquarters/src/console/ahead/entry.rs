//! One version of knowledge: its text, what differs from the version before, suggestions.

use super::{HqError, forms, kb as room};
use crate::{
    ahead::kb::{self, Entry, Version},
    console::{
        Sources, diff,
        names::Names,
        parts::{bi, none, shown, visible, when},
        web::{Answer, Ask, Page},
        words::Words,
    },
    store::StoredDoc,
};
use lanewalk_model::{
    id::{DocId, to_hex},
    knowledge,
    records::{DecisionRecord, Verdict},
    view::DocView,
};
use maud::{Markup, html};

pub(super) fn kind(is_plan: bool) -> Words {
    if is_plan { ("解决预案", "response plan") } else { ("资料", "knowledge") }
}

pub(super) fn page(from: &Sources<'_>, ask: &Ask, id: DocId) -> Result<Answer, HqError> {
    let Some(stored) = StoredDoc::find(from.db, id)? else { return Ok(Answer::Missing) };
    let (view, names) = (stored.view()?, Names::all(from.db)?);
    let (entry, topic) = (Entry::of(&view), view.text("topic").unwrap_or_default());
    let versions = kb::versions(from.db, topic)?;
    let number = view.int("version").unwrap_or(0);
    let current = versions.iter().find(|v| v.current);
    let in_force = current.is_some_and(|v| v.id == id);
    let before = versions.iter().find(|v| v.version == number - 1);
    let before = before.map(|v| StoredDoc::find(from.db, v.id)).transpose()?.flatten();
    let before = before.map(|s| s.view()).transpose()?.map(|v| Entry::of(&v));
    let who = &ask.visitor.subject;
    let publisher = knowledge::may_publish(who, &entry.owner_unit, ask.now).is_ok();
    let hex = to_hex(&id.uuid);
    let content = html! {
        p.crumb { a href="/kb" { "← " (bi(("资料库", "knowledge"))) } }
        h1 { (shown(&entry.title)) }
        p.lead {
            span.tag { (bi(kind(entry.is_plan))) } " v" (number) " "
            @if in_force { span.tag.planned { (bi(("现行", "in force"))) } }
            @else if let Some(v) = current { span.tag.closed { (bi(("旧版本", "superseded"))) } " " a href={ "/kb/" (to_hex(&v.id.uuid)) } { (bi(("看现行版本", "see the one in force"))) } }
        }
        p.ids {
            @if !entry.matter.is_empty() { (bi(("事项", "matter"))) " " (names.thing("matter_code", &entry.matter)) " · " }
            (bi(("责任科室", "section"))) " " (names.thing("lead_unit", &entry.owner_unit))
            @if let Some(by) = view.text("suggested_by") { " · " (bi(("采纳建议", "suggested by"))) " " (names.person(by)) }
        }
        @if !entry.trigger.is_empty() { section { h2 { (bi(("启动条件", "When it applies"))) } p { (shown(&entry.trigger)) } } }
        section { h2 { (bi(("内容", "Content"))) } div.text { (shown(&entry.body)) } }
        @if !entry.steps.is_empty() { section { h2 { (bi(("步骤", "Steps"))) } div.text { (shown(&entry.steps)) } } }
        @if let Some(old) = &before { section { h2 { (bi(("与上一版的差别", "What differs from the version before"))) } (differences(old, &entry)) } }
        (suggestions(&view, &hex, ask, &names, publisher, current))
        section {
            h2 { (bi(("版本", "Versions"))) }
            ol.said { @for v in &versions { li { a href={ "/kb/" (to_hex(&v.id.uuid)) } { "v" (v.version) " " (shown(&v.title)) } @if v.current { " " span.tag.planned { (bi(("现行", "in force"))) } } @if v.waiting > 0 { " " span.tag.ask { (v.waiting) " " (bi(("条建议", "suggestions"))) } } } } }
        }
        @if publisher && in_force {
            details { summary { (bi(("编写新版本", "Write the next version"))) }
                form.panel method="post" action={ "/kb/" (hex) } {
                    (room::fields(&names, &entry))
                    p { (forms::button("revise", ("发布新版本", "publish"), "")) }
                }
            }
        } @else if in_force {
            form.panel method="post" action={ "/kb/" (hex) } {
                (forms::area("words", ("修改建议", "suggest a change"), "", true))
                p { (forms::button("suggest", ("提交建议", "suggest"), "")) }
            }
        }
    };
    Ok(Answer::Page(Page { title: ("资料", "Knowledge"), live: false, content }))
}

/// Shows both wordings of every part that changed, with what the other side lacks marked.
fn differences(old: &Entry, new: &Entry) -> Markup {
    let parts: [(Words, &str, &str); 4] = [
        (("标题", "title"), &old.title, &new.title),
        (("启动条件", "trigger"), &old.trigger, &new.trigger),
        (("内容", "content"), &old.body, &new.body),
        (("步骤", "steps"), &old.steps, &new.steps),
    ];
    let side = |pieces: &[diff::Piece]| html! { bdi { @for p in pieces { @if p.common { (visible(&p.text)) } @else { mark { (visible(&p.text)) } } } } };
    let changed: Vec<_> = parts.iter().filter(|(_, a, b)| a != b).collect();
    html! {
        @if changed.is_empty() { p { (none()) } }
        @for (label, a, b) in changed {
            @let (left, right) = diff::pieces(a, b);
            h3 { (bi(*label)) }
            div.beside { div.text { (side(&left)) } div.text { (side(&right)) } }
        }
    }
}

fn suggestions(
    view: &DocView,
    hex: &str,
    ask: &Ask,
    names: &Names,
    publisher: bool,
    current: Option<&Version>,
) -> Markup {
    let all = knowledge::suggestions(view);
    let decision = |event: &str| -> Option<DecisionRecord> {
        serde_json::from_str(view.text(&format!("decision/{event}"))?).ok()
    };
    let entry = Entry::of(view);
    html! {
        @if !all.is_empty() { section {
            h2 { (bi(("修改建议", "Suggestions"))) " " span.count { (all.len()) } }
            ol.said { @for (event, by, record, _) in &all { li {
                p { (names.person(by)) " " (when(record.at.0)) }
                p { (shown(&record.text)) }
                @match decision(event) {
                    Some(d) => p.sub { (bi(if d.verdict == Verdict::Accepted { ("已采纳", "taken up") } else { ("未采纳", "declined") })) " " (names.person(&d.by)) " " (shown(d.words.as_deref().unwrap_or_default())) },
                    None => @if publisher && *by != ask.visitor.subject.worker { (decide(hex, event, names, &entry, current)) }
                        @else { p.sub { (bi(("待科室处理", "waits for the section"))) } }
                }
            } } }
        } }
    }
}

fn decide(hex: &str, event: &str, names: &Names, entry: &Entry, current: Option<&Version>) -> Markup {
    html! {
        @if let Some(current) = current {
            details { summary { (bi(("采纳并发布新版本", "take it up in a new version"))) }
                form.panel method="post" action={ "/kb/" (to_hex(&current.id.uuid)) } {
                    input type="hidden" name="seen" value=(hex);
                    input type="hidden" name="event" value=(event);
                    (room::fields(names, entry))
                    p { (forms::button("revise", ("发布新版本", "publish"), "")) }
                }
            }
        }
        form.row method="post" action={ "/kb/" (hex) } {
            input type="hidden" name="event" value=(event);
            input name="words" required maxlength="600" placeholder="不采纳的理由 why not" aria-label="不采纳的理由 why not";
            (forms::button("decline", ("不采纳", "decline"), "second"))
        }
    }
}
