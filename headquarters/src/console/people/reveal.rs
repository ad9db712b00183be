//! Who asked: masked on the order's page, in full for a reason, once.
//!
//! Invariant: the line of the log is committed before name and number are read. Rejected: a link
//! that shows them; a browser keeps addresses and fetches some of them ahead.

use super::{NO_PURPOSE, allowed, page, purpose, purpose_fields};
use crate::{
    Headquarters, HqError,
    console::{
        order_id,
        parts::{bi, none, say, shown},
        web::{Answer, Ask},
    },
};
use lanewalk_model::{
    access::{Action, Sight},
    id::{DocId, to_hex},
    privacy,
    view::DocView,
};
use maud::{Markup, html};
use rusqlite::{Connection, OptionalExtension as _};

fn requester(db: &Connection, order: DocId) -> Result<Option<(String, String)>, HqError> {
    Ok(db
        .prepare_cached(
            "SELECT r.name, r.phone FROM requesters r JOIN docs d ON d.n = r.doc WHERE d.id = ?1",
        )?
        .query_row([order.to_bytes()], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?)
}

/// Shows who asked as far as the visitor may know without a reason.
pub(in crate::console) fn section(
    db: &Connection,
    ask: &Ask,
    id: DocId,
    order: &DocView,
) -> Result<Markup, HqError> {
    let Some(Sight::Masked | Sight::Full) = ask.sight(Action::ReadIdentity, order) else {
        return Ok(html! {});
    };
    let found = requester(db, id)?;
    let may = allowed(ask, Action::RevealIdentity, order).is_some();
    Ok(html! {
        section id="requester" {
            h2 { (bi(("诉求人", "Requester"))) }
            @match found {
                None => p { (none()) " " (bi(("没有登记,或已按期限删除", "not known, or erased in due time"))) },
                Some((name, phone)) => {
                    p { (shown(&privacy::mask_name(&name))) " " span.id { (privacy::mask_phone(&phone)) } }
                    @if may {
                        details {
                            summary { (bi(("查看姓名和电话(会留下记录)", "See name and number; it is logged"))) }
                            form.panel method="post" action={ "/orders/" (to_hex(&id.uuid)) "/reveal" } {
                                (purpose_fields())
                                p { button type="submit" { (bi(("查看", "See"))) } }
                            }
                        }
                    }
                }
            }
        }
    })
}

/// Shows name and number: `POST /orders/{id}/reveal`.
pub(in crate::console) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let parts = ask.parts();
    let id = match parts.as_slice() {
        [_, id, "reveal"] => order_id(id),
        _ => None,
    };
    let Some(id) = id else { return Ok(Answer::Missing) };
    let Some(order) = hq.document(id)? else { return Ok(Answer::Missing) };
    if allowed(ask, Action::RevealIdentity, &order).is_none() {
        return Ok(Answer::Refused(say(("您的角色不能查看诉求人", "your role may not see who asked"))));
    }
    let Some(purpose) = purpose(ask) else { return Ok(Answer::Refused(NO_PURPOSE.into())) };
    let Some((name, phone)) = hq.reveal(id, ask, &purpose)? else {
        let none = ("没有登记诉求人，或已按期限删除", "no requester is known, or erased in due time");
        return Ok(Answer::Refused(say(none)));
    };
    Ok(page(
        ("诉求人", "Requester"),
        html! {
            p.crumb { a href={ "/orders/" (to_hex(&id.uuid)) } { "← " (bi(("工单", "order"))) } }
            h1 { (bi(("诉求人", "Requester"))) }
            p.done { (bi(("本次查看已记录。离开此页后需重新说明用途。", "This view is logged. After this page a reason is needed again."))) }
            dl.facts {
                div { dt { (bi(("姓名", "name"))) } dd { (shown(&name)) } }
                div { dt { (bi(("电话", "number"))) } dd { (shown(&phone)) } }
            }
        },
    ))
}

impl Headquarters {
    /// Writes the line of the log and then reads who asked.
    fn reveal(
        &mut self,
        order: DocId,
        ask: &Ask,
        purpose: &str,
    ) -> Result<Option<(String, String)>, HqError> {
        let found = requester(self.reader(), order)?;
        let Some((name, phone)) = &found else { return Ok(None) };
        self.note_read("reveal", &order.to_string(), Some((name, phone)), ask, purpose)?;
        Ok(found)
    }
}
