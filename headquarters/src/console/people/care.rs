//! Vulnerability records: `POST /care/{id}` with a reason, for those of DOMAIN.md §3 alone.
//!
//! Invariant: as with requesters, the line of the log comes first; a record past its date is not
//! shown. Rejected: a list of them; whoever looks has a case and knows whom it is about.

use super::{NO_PURPOSE, page, purpose, purpose_fields};
use crate::{
    Headquarters, HqError,
    console::{
        parts::{bi, shown, when},
        visits::Visit,
        web::{Answer, Ask},
    },
};
use lanewalk_model::{
    access::{self, Action, Sight},
    document::Document,
    id::{DocId, from_hex, to_hex},
    schema::DocKind,
    view::DocView,
};
use maud::{Markup, html};
use rusqlite::{Connection, params};

/// Shows that there are records about people whom visits to an order met, to those who may read
/// them for a reason; nothing to anybody else.
pub(in crate::console) fn section(
    db: &Connection,
    ask: &Ask,
    grid: &str,
    visits: &[Visit],
) -> Result<Markup, HqError> {
    let met: Vec<&str> = visits
        .iter()
        .filter_map(|v| v.view.as_ref())
        .flat_map(|v| v.members("met").filter_map(|(_, person)| person.text()))
        .collect();
    if met.is_empty() {
        return Ok(html! {});
    }
    let mut statement = db.prepare_cached("SELECT id, saved FROM docs WHERE kind = ?1 AND grid = ?2")?;
    let mut found = statement.query(params![DocKind::Care.code(), grid])?;
    let mut open = Vec::new();
    while let Some(r) = found.next()? {
        let Ok(id) = DocId::from_slice(r.get_ref(0)?.as_blob().unwrap_or_default()) else { continue };
        let saved = r.get_ref(1)?.as_blob().unwrap_or_default();
        let Ok(care) = Document::load(id.kind, saved).map(|mut d| d.view()) else { continue };
        if care.text("person").is_some_and(|p| met.contains(&p)) && readable(ask, &care).is_some() {
            open.push(id);
        }
    }
    Ok(html! {
        @for id in &open {
            details.card {
                summary { (bi(("关爱记录(查看会留下记录)", "Care record; reading it is logged"))) }
                form method="post" action={ "/care/" (to_hex(&id.uuid)) } {
                    (purpose_fields())
                    div.buttons { button type="submit" { (bi(("查看", "See"))) } }
                }
            }
        }
    })
}

/// Says until when a visitor may read a record; `None` when not, or when its date is over.
fn readable(ask: &Ask, care: &DocView) -> Option<Option<i64>> {
    let sight = access::decide(ask.asker(), Action::ReadCare, &access::care_facts(care), ask.now);
    let until = care.all("valid_to").iter().filter_map(|v| v.value.int()).max();
    let over = care.flag("expired") || until.is_some_and(|t| t < ask.now.0);
    (sight == Ok(Sight::Full) && !over).then_some(until)
}

/// Shows one record.
pub(in crate::console) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let parts = ask.parts();
    let [_, id] = parts.as_slice() else { return Ok(Answer::Missing) };
    let Some(uuid) = from_hex(id) else { return Ok(Answer::Missing) };
    let id = DocId { kind: DocKind::Care, uuid };
    let Some(care) = hq.document(id)? else { return Ok(Answer::Missing) };
    let Some(until) = readable(ask, &care) else { return Ok(Answer::Missing) };
    let Some(purpose) = purpose(ask) else { return Ok(Answer::Refused(NO_PURPOSE.into())) };
    let person = care.text("person").and_then(|p| p.parse::<DocId>().ok());
    let person = person.map(|p| hq.document(p)).transpose()?.flatten();
    let name = person.as_ref().and_then(|p| p.text("name")).unwrap_or_default().to_owned();
    let phone = person.as_ref().and_then(|p| p.text("phone")).unwrap_or_default().to_owned();
    hq.note_read("care", &id.to_string(), Some((&name, &phone)), ask, &purpose)?;
    Ok(page(
        ("关爱记录", "Care record"),
        html! {
            h1 { (bi(("关爱记录", "Care record"))) }
            p.done { (bi(("本次查看已记录。", "This view is logged."))) }
            dl.facts {
                div { dt { (bi(("姓名", "name"))) } dd { (shown(&name)) } }
                @for value in care.all("kind") { div { dt { (bi(("情况", "kind"))) } dd { (shown(value.value.text().unwrap_or_default())) } } }
                @for value in care.all("basis") { div { dt { (bi(("依据", "basis"))) } dd { (shown(value.value.text().unwrap_or_default())) } } }
                @if let Some(until) = until { div { dt { (bi(("有效到", "valid to"))) } dd { (when(until)) } } }
            }
        },
    ))
}
