//! Appeals that workers brought from the grid: a clerk makes orders of them or closes them (R17).
//!
//! Invariant: each is dealt with once; the rule says so, not the page. Rejected: hiding what was
//! settled on the spot from the clerk for good; it is counted on its own page of figures.

use super::{
    forms::{Filled, line, tick},
    intake::{matter_choice, refused},
    names::Names,
    parts::{MAX_ROWS, bi, both, clip, none, shown, when},
    photos::Sources,
    web::{Answer, Ask, Page, Room},
    words::{self, Words},
};
use crate::{
    ahead::search::may_see,
    error::HqError,
    hq::Headquarters,
    intake::{Conversion, NOT_LISTED, appeal_is_open, catalogue},
};
use lanewalk_model::{
    catalog::Catalog,
    document::Document,
    id::{DocId, from_hex, to_hex},
    policy::ScopeFacts,
    schema::DocKind,
    staff::Role,
    view::DocView,
};
use maud::{Markup, html};

const TITLE: Words = ("网格诉求", "Appeals from the grid");

/// `/appeals`.
pub(super) const ROOM: Room =
    Room { at: "appeals", title: Some(TITLE), who: Role::HotlineClerk.bit(), get, post };

fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    if ask.parts().as_slice() != ["appeals"] {
        return Ok(Answer::Missing);
    }
    let names = Names::all(from.db)?;
    let catalog = catalogue(from.db)?.catalog;
    let mut statement =
        from.db.prepare("SELECT id, saved FROM docs WHERE kind = ?1 AND open = 1 ORDER BY n")?;
    let mut rows = statement.query([DocKind::Appeal.code()])?;
    let (mut cards, mut more) = (Vec::new(), 0_u64);
    while let Some(r) = rows.next()? {
        let id: Vec<u8> = r.get(0)?;
        let Ok(id) = DocId::from_slice(&id) else { continue };
        let saved = r.get_ref(1)?.as_blob().unwrap_or_default();
        let Ok(view) = Document::load(id.kind, saved).map(|mut d| d.view()) else { continue };
        if !appeal_is_open(&view) || !is_seen(ask, &view) {
            continue;
        }
        if cards.len() < MAX_ROWS {
            cards.push(card(id, &view, &names, &catalog));
        } else {
            more += 1;
        }
    }
    let content = html! {
        h1 { (bi(TITLE)) }
        p.sub { (bi(("转为工单后，时限从现在起算。", "Once it is an order, its clock runs from now."))) }
        @if cards.is_empty() { p.empty { (bi(("没有待处理的诉求", "nothing waits"))) } }
        @for card in &cards { (card) }
        @if more > 0 { p.more { (both(format!("另有 {more} 条未显示"), format!("{more} more not shown"))) } }
    };
    Ok(Answer::Page(Page { title: TITLE, live: false, content }))
}

/// Says whether an appeal comes from a grid of the visitor's.
fn is_seen(ask: &Ask, appeal: &DocView) -> bool {
    may_see(&ask.visitor.subject, DocKind::Appeal, &ScopeFacts::of(appeal), "", ask.now)
}

fn card(id: DocId, view: &DocView, names: &Names, catalog: &Catalog) -> Markup {
    let hex = to_hex(&id.uuid);
    let text = |key: &str| view.text(key).unwrap_or_default();
    let called = |field: &str, id: &str| match words::value(field, id) {
        Some(words) => bi(words),
        None => shown(id),
    };
    let filled = Filled { get: &|_| None, faults: &[] };
    html! {
        article.card id=(hex) {
            h2 { (shown(&clip(text("text"), 60))) }
            p.quote { (shown(text("text"))) }
            dl.facts {
                div { dt { (bi(("类型", "kind"))) } dd { (called("appeal_kind", text("kind"))) } }
                div { dt { (bi(("地点", "place"))) } dd { @if text("place_text").is_empty() { (none()) } @else { (shown(text("place_text"))) } } }
                div { dt { (bi(("网格", "grid"))) } dd { (names.thing("grid", text("grid"))) } }
                div { dt { (bi(("收集人", "collected by"))) } dd { (names.person(text("by"))) } }
                div { dt { (bi(("时间", "time"))) } dd { @match view.int("at") { Some(at) => (when(at)), None => (none()) } } }
            }
            div.acts {
                form.panel method="post" action={ "/appeals/" (hex) "/convert" } {
                    (matter_choice(&filled, catalog))
                    (tick("urgent", ("紧急", "urgent"), false))
                    (tick("secrecy", ("要求保密", "asks for confidence"), false))
                    div.buttons { button type="submit" { (bi(("转为工单", "convert to order"))) } }
                }
                form.panel method="post" action={ "/appeals/" (hex) "/close" } {
                    (line("words", ("不转工单的理由", "why no order"), "", true))
                    div.buttons { button.second type="submit" { (bi(("结束", "close"))) } }
                }
            }
        }
    }
}

fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let parts = ask.parts();
    let ["appeals", hex, act] = parts.as_slice() else { return Ok(Answer::Missing) };
    let Some(uuid) = from_hex(hex) else { return Ok(Answer::Missing) };
    let appeal = DocId { kind: DocKind::Appeal, uuid };
    if !hq.document(appeal)?.is_some_and(|view| is_seen(ask, &view)) {
        return Ok(Answer::Missing);
    }
    let by = ask.visitor.subject.worker.as_str();
    let done = match *act {
        "convert" => {
            let how = Conversion {
                matter_code: ask.form.get("matter").filter(|m| *m != NOT_LISTED),
                urgent: ask.form.get("urgent").is_some(),
                secrecy: ask.form.get("secrecy").is_some(),
            };
            hq.convert_appeal(appeal, by, &how)
                .map(|order| Answer::SeeOther(format!("/orders/{}", to_hex(&order.uuid))))
        }
        "close" => hq
            .close_appeal(appeal, by, ask.form.get("words").unwrap_or_default())
            .map(|()| Answer::SeeOther("/appeals".to_owned())),
        _ => return Ok(Answer::Missing),
    };
    done.or_else(refused)
}
