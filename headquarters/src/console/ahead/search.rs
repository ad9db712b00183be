//! `/search`: everything the visitor may see, by words.

use super::{HqError, finder, order_link, sections, words};
use crate::console::{
    Sources,
    parts::{UNTITLED, Veil, bi, none, say, shown, visible, when},
    web::{Answer, Ask, Page},
};
use lanewalk_model::{
    id::{DocId, to_hex},
    schema::DocKind,
    search as model,
};
use maud::{Markup, html};
use std::borrow::Cow;

/// Hits of one page.
const MOST: usize = 50;
/// Characters of an excerpt.
const EXCERPT: usize = 110;

pub(super) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    let query = ask.query.get("q").unwrap_or_default();
    let kind = ask.query.get("kind").and_then(DocKind::from_name);
    let found = finder::find(from.db, &ask.visitor.subject, query, kind, ask.now, MOST)?;
    let total: u32 = found.kinds.values().sum();
    let address = |kind: Option<DocKind>| {
        let head = "/search?".to_owned();
        let mut out = form_urlencoded::Serializer::for_suffix(head, 8);
        out.append_pair("q", query);
        if let Some(kind) = kind {
            out.append_pair("kind", kind.name());
        }
        out.finish()
    };
    let mut hits = Vec::with_capacity(found.hits.len());
    for hit in &found.hits {
        let order = hit.order.or_else(|| (hit.id.kind == DocKind::Order).then_some(hit.id));
        let veil = order.map_or_else(|| Ok(Veil::default()), |order| sections::veil(from.db, order))?;
        hits.push((hit, veil));
    }
    let content = html! {
        h1 { (bi(("搜索", "Search"))) }
        form.find method="get" action="/search" role="search" {
            input type="search" name="q" value=(query) maxlength="200" autofocus aria-label=(say(("搜索", "search")));
            button type="submit" { (bi(("搜索", "search"))) }
        }
        @if query.is_empty() {
            p.sub { (bi(("工单、走访、诉求、地点、专班、调查、资料库。可输入多个词,用空格隔开。", "Orders, visits, appeals, places, task forces, surveys, knowledge. Several words with spaces between."))) }
        } @else {
            nav.kinds aria-label=(say(("类别", "kinds"))) {
                a href=(address(None)) aria-current=[kind.is_none().then_some("true")] { (bi(("全部", "all"))) " " (total) @if found.more { "+" } }
                @for (code, n) in &found.kinds {
                    @if let Some(k) = DocKind::from_code(*code) {
                        a href=(address(Some(k))) aria-current=[(kind == Some(k)).then_some("true")] { (bi(words::kind(k))) " " (n) }
                    }
                }
            }
            @if hits.is_empty() { p { (bi(("没有找到。请换一个词。", "Nothing found. Try another word."))) } }
            ol.hits {
                @for (hit, veil) in &hits {
                    li {
                        span.tag { (bi(words::kind(hit.id.kind))) } " "
                        (title(hit, veil))
                        p.excerpt { (marked(&veil.plain(&hit.row.search), query)) }
                        p.sub { @match hit.row.at { Some(at) => (when(at)), None => (none()) } @if !hit.row.grid.is_empty() { " · " span.id { (shown(&hit.row.grid)) } } }
                    }
                }
            }
            @if found.more { p.more { (bi(("只看了最新的一千条;请多给一个词。", "Only the newest thousand were looked at; add a word."))) } }
        }
    };
    Ok(Answer::Page(Page { title: ("搜索", "Search"), live: false, content }))
}

fn title(hit: &finder::Hit, veil: &Veil) -> Markup {
    let text: Cow<'_, str> = match hit.id.kind {
        DocKind::Visit => say(words::value("kind", &hit.row.title).unwrap_or(("走访", "visit"))).into(),
        _ => veil.plain(&hit.row.title).into(),
    };
    let hex = to_hex(&hit.id.uuid);
    let to = |path: String| html! { a.title href=(path) { @if text.trim().is_empty() { (bi(UNTITLED)) } @else { (shown(&text)) } } };
    match hit.id.kind {
        DocKind::Order => order_link(hit.id, &text, &veil.plain(&hit.row.detail), hit.row.urgent),
        DocKind::Knowledge => to(format!("/kb/{hex}")),
        DocKind::TaskForce => to(format!("/taskforces/{hex}")),
        DocKind::Survey => to(format!("/surveys/{hex}")),
        _ => match hit.order {
            Some(DocId { uuid, .. }) => to(format!("/orders/{}", to_hex(&uuid))),
            None => shown(&text),
        },
    }
}

/// Shows what surrounds the words, with the words marked.
fn marked(text: &str, query: &str) -> Markup {
    let pieces = model::excerpt(text, query, EXCERPT);
    html! { bdi { @for p in &pieces { @if p.hit { mark { (visible(&p.text)) } } @else { (visible(&p.text)) } } } }
}
