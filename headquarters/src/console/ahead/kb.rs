//! `/kb`: the knowledge base and response plans: list, new entries, drafts.

use super::{HqError, entry, forms};
use crate::{
    Headquarters,
    ahead::kb::{self, Draft, Entry},
    console::{
        Sources,
        names::Names,
        parts::{Row, bi, none, say, shown, table, when},
        web::{Answer, Ask, Page},
    },
};
use lanewalk_model::{
    id::{DocId, to_hex},
    knowledge,
    schema::DocKind,
};
use maud::{Markup, html};

pub(super) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    match ask.parts().as_slice() {
        [_] => list(from),
        [_, "new"] => blank(from, ask),
        [_, "drafts", n] => draft(from, ask, n),
        [_, hex] => match super::id(DocKind::Knowledge, hex) {
            Some(id) => entry::page(from, ask, id),
            None => Ok(Answer::Missing),
        },
        _ => Ok(Answer::Missing),
    }
}

fn list(from: &Sources<'_>) -> Result<Answer, HqError> {
    let names = Names::all(from.db)?;
    let (all, drafts) = (kb::current(from.db)?, kb::drafts(from.db)?);
    let rows: Vec<Row> = all
        .iter()
        .map(|v| {
            Row::from(vec![
                html! { a.title href={ "/kb/" (to_hex(&v.id.uuid)) } { (shown(&v.title)) } span.sub { "v" (v.version) } },
                html! { span.tag { (bi(entry::kind(v.is_plan))) } },
                if v.matter.is_empty() { none() } else { names.thing("matter_code", &v.matter) },
                names.thing("lead_unit", &v.owner_unit),
                if v.waiting > 0 { html! { span.tag.ask { (v.waiting) " " (bi(("条建议", "suggestions"))) } } } else { none() },
            ])
        })
        .collect();
    let heads = [
        ("标题", "title"),
        ("类别", "kind"),
        ("事项", "matter"),
        ("责任科室", "section"),
        ("待处理", "to do"),
    ];
    let content = html! {
        h1 { (bi(("资料库与解决预案", "Knowledge and response plans"))) }
        form.find method="get" action="/search" role="search" {
            input type="search" name="q" maxlength="200" aria-label=(say(("搜索资料库", "search")));
            input type="hidden" name="kind" value=(DocKind::Knowledge.name());
            button type="submit" { (bi(("搜索", "search"))) }
            a.button href="/kb/new" { (bi(("新建", "new"))) }
        }
        @if !drafts.is_empty() { (waiting(&drafts, &names)) }
        (table(html! { (bi(("现行版本", "In force"))) " " span.count { (all.len()) } }, &heads, &rows, 0, ("还没有资料", "nothing yet")))
    };
    Ok(Answer::Page(Page { title: ("资料库", "Knowledge"), live: false, content }))
}

fn waiting(drafts: &[Draft], names: &Names) -> Markup {
    let rows: Vec<Row> = drafts
        .iter()
        .map(|d| {
            Row::from(vec![
                html! { a.title href={ "/kb/drafts/" (d.n) } { (shown(&d.entry.title)) } },
                names.thing("lead_unit", &d.entry.owner_unit),
                html! { (names.person(&d.by)) span.sub { (when(d.at.0)) } },
            ])
        })
        .collect();
    let caption = html! { (bi(("待发布的草稿", "Drafts that wait"))) " " span.count { (rows.len()) } };
    table(
        caption,
        &[("标题", "title"), ("责任科室", "section"), ("起草", "drafted by")],
        &rows,
        0,
        ("没有草稿", "none"),
    )
}

/// Shows the fields of a version to be written.
pub(super) fn fields(names: &Names, e: &Entry) -> Markup {
    let kinds = [("kb_entry", entry::kind(false)), ("playbook", entry::kind(true))];
    let kinds = kinds.map(|(id, w)| (id.to_owned(), say(w)));
    let matters: Vec<(String, String)> =
        std::iter::once((String::new(), say(("不限", "any")))).chain(names.list("matter_code")).collect();
    html! {
        (forms::line("title", ("标题", "title"), &e.title, true))
        (forms::select("kind", ("类别", "kind"), &kinds, if e.is_plan { "playbook" } else { "kb_entry" }))
        (forms::select("matter", ("事项", "matter"), &matters, &e.matter))
        (forms::select("owner_unit", ("责任科室", "section that answers for it"), &names.list("lead_unit"), &e.owner_unit))
        (forms::line("trigger", ("启动条件(预案)", "when a plan applies"), &e.trigger, false))
        (forms::area("body", ("内容", "content"), &e.body, true))
        (forms::area("steps", ("步骤(预案,每行一步)", "steps of a plan, a line each"), &e.steps, false))
    }
}

/// Reads them.
fn read(ask: &Ask) -> Entry {
    let text = |name| forms::text(ask, name).to_owned();
    Entry {
        is_plan: forms::text(ask, "kind") == "playbook",
        title: text("title"),
        matter: text("matter"),
        owner_unit: text("owner_unit"),
        trigger: text("trigger"),
        body: text("body"),
        steps: text("steps"),
    }
}

fn blank(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    let names = Names::all(from.db)?;
    let matter = ask.query.get("matter").unwrap_or_default().to_owned();
    let unit = ask.visitor.subject.units_at(ask.now).next().unwrap_or_default().to_owned();
    let entry = Entry { is_plan: !matter.is_empty(), matter, owner_unit: unit, ..Entry::default() };
    let content = html! {
        p.crumb { a href="/kb" { "← " (bi(("资料库", "knowledge"))) } }
        h1 { (bi(("新建资料或预案", "A new entry or plan"))) }
        form.panel method="post" action="/kb" {
            (fields(&names, &entry))
            p.sub { (bi(("发布后即下发到手机;内容不能再改,只能发新版本。", "Phones get it at once. It never changes; a new version follows it."))) }
            p { (forms::button("publish", ("发布第 1 版", "publish version 1"), "")) }
        }
    };
    Ok(Answer::Page(Page { title: ("新建资料", "New entry"), live: false, content }))
}

fn draft(from: &Sources<'_>, ask: &Ask, n: &str) -> Result<Answer, HqError> {
    let Some(draft) = kb::drafts(from.db)?.into_iter().find(|d| d.n.to_string() == n) else {
        return Ok(Answer::Missing);
    };
    let names = Names::all(from.db)?;
    let may = knowledge::may_publish(&ask.visitor.subject, &draft.entry.owner_unit, ask.now).is_ok();
    let origin = draft.origin.map(|DocId { kind, uuid }| {
        let room = if kind == DocKind::TaskForce { "taskforces" } else { "orders" };
        format!("/{room}/{}", to_hex(&uuid))
    });
    let content = html! {
        p.crumb { a href="/kb" { "← " (bi(("资料库", "knowledge"))) } }
        h1 { (bi(("预案草稿", "Draft of a plan"))) }
        p { (bi(("起草", "drafted by"))) " " (names.person(&draft.by)) " " (when(draft.at.0)) @if let Some(to) = origin { " · " a href=(to) { (bi(("来源", "origin"))) } } }
        form.panel method="post" action={ "/kb/drafts/" (n) } {
            (fields(&names, &draft.entry))
            @if may { p { (forms::button("publish", ("发布", "publish"), "")) } }
            @else { p.sub { (bi(("由责任科室或领导发布", "its section or a leader publishes it"))) } }
        }
        form.panel method="post" action={ "/kb/drafts/" (n) } {
            (forms::line("words", ("不发布的理由", "why not"), "", true))
            p { (forms::button("drop", ("放弃草稿", "drop the draft"), "second")) }
        }
    };
    Ok(Answer::Page(Page { title: ("预案草稿", "Draft"), live: false, content }))
}

pub(super) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let by = &ask.visitor.subject.worker;
    let to = |id: DocId| Ok(Answer::SeeOther(format!("/kb/{}?done=saved", to_hex(&id.uuid))));
    let words = forms::text(ask, "words");
    match (ask.parts().as_slice(), forms::text(ask, "act")) {
        ([_], "publish") => to(hq.publish(&read(ask), by)?),
        ([_, "drafts", n], act) => {
            let Ok(n) = n.parse() else { return Ok(Answer::Missing) };
            match act {
                "publish" => to(hq.publish_draft(n, &read(ask), by)?),
                "drop" => {
                    hq.drop_draft(n, words, by)?;
                    Ok(Answer::SeeOther("/kb?done=decided".into()))
                }
                _ => Ok(forms::unclear()),
            }
        }
        ([_, "from", kind, hex], "draft") => {
            let origin = DocKind::from_name(kind).and_then(|kind| super::id(kind, hex));
            let Some(origin) = origin else { return Ok(Answer::Missing) };
            let n = hq.draft_plan(origin, by)?;
            Ok(Answer::SeeOther(format!("/kb/drafts/{n}?done=saved")))
        }
        ([_, hex], act) => {
            let Some(id) = super::id(DocKind::Knowledge, hex) else { return Ok(Answer::Missing) };
            if hq.document(id)?.is_none() {
                return Ok(Answer::Missing);
            }
            forms::named(change(hq, ask, id, act))
        }
        ([_], _) => Ok(forms::unclear()),
        _ => Ok(Answer::Missing),
    }
}

/// Acts on one version.
fn change(hq: &mut Headquarters, ask: &Ask, id: DocId, act: &str) -> Result<Answer, HqError> {
    let by = &ask.visitor.subject.worker;
    let to = |id: DocId| Ok(Answer::SeeOther(format!("/kb/{}?done=saved", to_hex(&id.uuid))));
    let words = forms::text(ask, "words");
    match act {
        "suggest" => {
            hq.suggest(id, words, by)?;
            to(id)
        }
        "revise" => {
            let seen = super::id(DocKind::Knowledge, forms::text(ask, "seen"));
            let taken_up = seen.zip(ask.form.get("event"));
            to(hq.revise(id, &read(ask), taken_up, by)?)
        }
        "decline" => {
            hq.decline_suggestion(id, forms::text(ask, "event"), words, by)?;
            Ok(Answer::SeeOther(format!("/kb/{}?done=decided", to_hex(&id.uuid))))
        }
        "use" => {
            let order = super::id(DocKind::Order, forms::text(ask, "order"));
            let Some(order) = order else { return Ok(forms::unclear()) };
            hq.use_plan(order, id, by)?;
            Ok(Answer::SeeOther(format!("/orders/{}?done=saved", to_hex(&order.uuid))))
        }
        _ => Ok(forms::unclear()),
    }
}
