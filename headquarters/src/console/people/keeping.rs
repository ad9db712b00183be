//! Retention: what is due to be erased, and erasing that two administrators do together.
//!
//! Invariant: nothing here shows whom the erased data name. Rejected: erasing by one person.

use super::page;
use crate::{
    Headquarters, HqError,
    console::{
        Sources,
        forms::unclear,
        names::Names,
        order_id,
        parts::{Row, bi, shown, table, when},
        web::{Answer, Ask},
    },
    people,
};
use lanewalk_model::access::Action;
use maud::html;

/// Shows what is due and what waits for a second administrator.
pub(in crate::console) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    if !ask.may(Action::Erase) || ask.parts().len() != 1 {
        return Ok(Answer::Missing);
    }
    let names = Names::of_staff(from.db)?;
    let due = people::due(from.db, ask.now)?;
    let rows: Vec<Row> = people::pairs(from.db, ask.now)?
        .iter()
        .map(|p| {
            let own = p.by == ask.visitor.subject.worker;
            Row::from(vec![
                html! { span.id { (shown(&p.what)) } " " span.id { (shown(&p.about)) } },
                shown(&p.reason),
                html! { (names.person(&p.by)) span.sub { (when(p.at)) } },
                if own { bi(("等另一位管理员", "waits for another administrator")) } else {
                    html! { form method="post" action="/keeping" {
                        input type="hidden" name="n" value=(p.n);
                        button.danger type="submit" name="act" value="confirm" { (bi(("确认执行", "confirm and do it"))) }
                    } }
                },
            ])
        })
        .collect();
    let heads = [("申请", "request"), ("理由", "reason"), ("申请人", "by"), ("", "")];
    let content = html! {
        h1 { (bi(("保存期限", "Retention"))) }
        section {
            h2 { (bi(("到期的数据", "Due now"))) }
            dl.facts {
                div { dt { (bi(("诉求人信息", "requesters"))) } dd { (due.requesters) } }
                div { dt { (bi(("关爱记录", "care records"))) } dd { (due.care) } }
            }
            p { form method="post" action="/keeping" { button type="submit" name="act" value="run" { (bi(("现在执行", "run now"))) } } }
        }
        section {
            (table(bi(("等待第二位管理员", "Waiting for a second administrator")), &heads, &rows, 0, ("没有", "none")))
        }
        section {
            h2 { (bi(("提前删除一件工单的诉求人信息", "Erase who asked in one order, before its time"))) }
            form.panel method="post" action="/keeping" {
                p { label for="order" { (bi(("工单号(32 位)", "Order id, 32 digits"))) } input #order name="order" required maxlength="40" autocomplete="off"; }
                p { label for="reason" { (bi(("理由", "Reason"))) } input #reason name="reason" required minlength="4" maxlength="200"; }
                p { button.danger type="submit" name="act" value="erase" { (bi(("申请删除", "ask for it"))) } }
            }
        }
    };
    Ok(page(("保存期限", "Retention"), content))
}

/// Runs what is due, asks for an erasure, or confirms one.
pub(in crate::console) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    if !ask.may(Action::Erase) {
        return Ok(Answer::Missing);
    }
    let by = &ask.visitor.subject.worker;
    match ask.form.get("act") {
        Some("run") => {
            hq.run_retention(by)?;
            Ok(Answer::SeeOther("/keeping?done=erased".into()))
        }
        Some("erase") => {
            let order = ask.form.get("order").and_then(order_id);
            let Some(order) = order.filter(|id| hq.document(*id).is_ok_and(|d| d.is_some())) else {
                return Ok(Answer::Refused("没有这件工单 / no such order".into()));
            };
            hq.ask_pair("erase", &order.to_string(), ask.form.get("reason").unwrap_or_default(), by)?;
            Ok(Answer::SeeOther("/keeping?done=asked".into()))
        }
        Some("confirm") => {
            let n = ask.form.get("n").and_then(|n| n.parse().ok()).unwrap_or(0);
            hq.confirm_erasure(n, by)?;
            Ok(Answer::SeeOther("/keeping?done=erased".into()))
        }
        _ => Ok(unclear()),
    }
}
