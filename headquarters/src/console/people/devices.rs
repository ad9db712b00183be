//! Devices: who holds which phone, when it was last heard of, what it has not sent.
//!
//! Invariant: revoking is one act with a line in the audit log, and cannot be taken back. Rejected:
//! deleting a device; its entries stay, and so does who wrote them.

use super::page;
use crate::{
    Headquarters, HqError,
    console::{
        Sources,
        forms::unclear,
        names::Names,
        parts::{Row, bi, none, table, when},
        sections,
        web::{Answer, Ask},
    },
    store,
};
use lanewalk_model::{
    access::Action,
    id::{DeviceId, from_hex, to_hex},
};
use maud::html;

/// Lists the devices.
pub(in crate::console) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    if !ask.may(Action::ManageStaff) || ask.parts().len() != 1 {
        return Ok(Answer::Missing);
    }
    let names = Names::of_staff(from.db)?;
    let own = store::meta(from.db, "own_device")?.unwrap_or_default();
    let mut statement = from.db.prepare(
        "SELECT id, worker, lease_version, last_contact FROM devices WHERE id <> ?1 AND revoked_at IS NULL
         ORDER BY worker, n LIMIT 500",
    )?;
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
        section { (sections::devices(from.db, &names, from.now, true)?.table) }
        section { (table(bi(("吊销", "Revoke")), &heads, &rows, 0, ("没有在用的设备", "no device in use"))) }
    };
    Ok(page(("设备", "Devices"), content))
}

/// Revokes a device.
pub(in crate::console) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    if !ask.may(Action::ManageStaff) {
        return Ok(Answer::Missing);
    }
    if ask.form.get("act") != Some("revoke") {
        return Ok(unclear());
    }
    let device = ask.form.get("device").and_then(from_hex).map(DeviceId);
    let (Some(device), Some("yes")) = (device, ask.form.get("sure")) else {
        return Ok(Answer::Refused("请先勾选“确定” / tick \"sure\" first".into()));
    };
    hq.revoke_by(device, ask.by())?;
    Ok(Answer::SeeOther("/devices?done=revoked".into()))
}
