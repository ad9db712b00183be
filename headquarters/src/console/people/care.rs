//! Vulnerability records: `POST /care/{id}` with a reason, for those of DOMAIN.md §3 alone.
//!
//! Invariant: as with requesters, the line of the log comes first; a record past its date is not
//! shown. Rejected: a list of them; whoever looks has a case and knows whom it is about.

use super::{NO_PURPOSE, page, purpose};
use crate::{
    Headquarters, HqError,
    console::{
        parts::{bi, shown, when},
        web::{Answer, Ask},
    },
};
use lanewalk_model::{
    access::{self, Action, Sight},
    id::{DocId, from_hex},
    schema::DocKind,
};
use maud::html;

/// Shows one record.
pub(in crate::console) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let parts = ask.parts();
    let [_, id] = parts.as_slice() else { return Ok(Answer::Missing) };
    let Some(uuid) = from_hex(id) else { return Ok(Answer::Missing) };
    let id = DocId { kind: DocKind::Care, uuid };
    let Some(care) = hq.document(id)? else { return Ok(Answer::Missing) };
    let sight = access::decide(ask.asker(), Action::ReadCare, &access::care_facts(&care), ask.now);
    let until = care.all("valid_to").iter().filter_map(|v| v.value.int()).max();
    let over = care.flag("expired") || until.is_some_and(|t| t < ask.now.0);
    if sight != Ok(Sight::Full) || over {
        return Ok(Answer::Missing);
    }
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
