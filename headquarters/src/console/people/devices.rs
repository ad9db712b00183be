//! Devices: who holds which phone, when it was last heard of, what it has not sent.
//!
//! Invariant: a phone is confirmed with the fingerprint that stood on the page, so that what was
//! compared is what is confirmed; revoking is one act with a line in the audit log, and cannot be
//! taken back. Rejected: deleting a device; its entries stay, and so does who wrote them.

use super::page;
use crate::{
    Headquarters, HqError,
    console::{
        Sources, alarms,
        forms::unclear,
        names::Names,
        parts::{Row, bi, none, table, when},
        sections,
        web::{Answer, Ask},
        words::Words,
    },
    enrol::{self, Waiting},
    store,
};
use lanewalk_model::{
    access::Action,
    id::{DeviceId, from_hex, to_hex},
};
use maud::html;

const WAITING_HEADS: [Words; 4] =
    [("人员", "worker"), ("指纹", "fingerprint"), ("登记", "enrolled"), ("", "")];

/// One phone that waits.
fn offer(names: &Names, waiting: &Waiting) -> Row {
    let hex = to_hex(&waiting.device.0);
    Row::from(vec![
        names.person(&waiting.worker),
        html! {
            strong.id { (waiting.fingerprint) }
            @if waiting.other_tries > 0 {
                span.tag.ask { (bi(("同一个码有别的手机用过", "another phone tried the same code"))) }
            }
        },
        when(waiting.enrolled_at.0),
        html! { form method="post" action="/devices" {
            input type="hidden" name="device" value=(hex);
            input type="hidden" name="fingerprint" value=(waiting.fingerprint);
            label.inline { input type="checkbox" name="sure" value="yes" required; " " (bi(("与手机上一致", "the phone shows the same"))) }
            button type="submit" name="act" value="confirm" { (bi(("确认", "confirm"))) }
        }
        form method="post" action="/devices" {
            input type="hidden" name="device" value=(hex);
            label.inline { input type="checkbox" name="sure" value="yes" required; " " (bi(("不是本人的手机", "not this person's phone"))) }
            button.danger type="submit" name="act" value="revoke" { (bi(("拒绝", "turn away"))) }
        } },
    ])
}

/// Lists the devices.
pub(in crate::console) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    if !ask.may(Action::ManageStaff) || ask.parts().len() != 1 {
        return Ok(Answer::Missing);
    }
    let names = Names::of_staff(from.db)?;
    let own = store::meta(from.db, "own_device")?.unwrap_or_default();
    let mut statement = from.db.prepare(
        "SELECT id, worker, lease_version, last_contact FROM devices WHERE id <> ?1 AND revoked_at IS NULL AND confirmed_at IS NOT NULL
         ORDER BY worker, n LIMIT 500",
    )?;
    let waiting: Vec<Row> = enrol::waiting(from.db)?.iter().map(|w| offer(&names, w)).collect();
    let rows = statement
        .query_map([&own], |r| {
            Ok((
                r.get::<_, Vec<u8>>(0)?,
                r.get::<_, String>(1)?,
                r.get::<_, u64>(2)?,
                r.get::<_, Option<i64>>(3)?,
            ))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let rows: Vec<Row> = rows
        .iter()
        .map(|(id, worker, lease, contact)| {
            let hex = to_hex(id);
            Row::from(vec![
                names.person(worker),
                html! { span.id { (hex) } },
                contact.map_or_else(none, when),
                html! { (lease) },
                html! { form method="post" action="/devices" {
                    input type="hidden" name="device" value=(hex);
                    label.inline { input type="checkbox" name="sure" value="yes" required; " " (bi(("确定", "sure"))) }
                    button.danger type="submit" name="act" value="revoke" { (bi(("吊销", "revoke"))) }
                } },
            ])
        })
        .collect();
    let heads = [
        ("人员", "worker"),
        ("设备", "device"),
        ("最近联系", "last contact"),
        ("租约版本", "lease"),
        ("", ""),
    ];
    let content = html! {
        h1 { (bi(("设备", "Devices"))) }
        (alarms::section(from.db, ask, &names)?)
        section {
            p { (bi((
                "请与本人核对：手机屏幕上的指纹与下面完全一致，才可确认。确认之前这部手机看不到任何工单。",
                "Compare with its owner: confirm only if the phone shows exactly this fingerprint. Until then it is given nothing."
            ))) }
            (table(bi(("等待确认的手机", "Phones waiting for confirmation")), &WAITING_HEADS, &waiting, 0, ("没有等待确认的手机", "no phone waits")))
        }
        section { (sections::devices(from.db, &names, from.now, true)?.table) }
        section { (table(bi(("吊销", "Revoke")), &heads, &rows, 0, ("没有在用的设备", "no device in use"))) }
    };
    Ok(page(("设备", "Devices"), content))
}

/// Confirms or revokes a device.
pub(in crate::console) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    if !ask.may(Action::ManageStaff) {
        return Ok(Answer::Missing);
    }
    let device = ask.form.get("device").and_then(from_hex).map(DeviceId);
    let (Some(device), Some("yes")) = (device, ask.form.get("sure")) else {
        return Ok(Answer::Refused("请先勾选“确定” / tick \"sure\" first".into()));
    };
    match ask.form.get("act") {
        Some("revoke") => {
            hq.revoke_by(device, ask.by())?;
            Ok(Answer::SeeOther("/devices?done=revoked".into()))
        }
        Some("confirm") => {
            let seen = ask.form.get("fingerprint").unwrap_or_default();
            let waits = enrol::waiting(hq.reader())?;
            if !waits.iter().any(|w| w.device == device && w.fingerprint == seen) {
                return Ok(Answer::Refused("这部手机已不在等待 / this phone waits no more".into()));
            }
            hq.confirm_by(device, ask.by())?;
            Ok(Answer::SeeOther("/devices?done=confirmed".into()))
        }
        _ => Ok(unclear()),
    }
}
