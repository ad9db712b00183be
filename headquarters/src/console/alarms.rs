//! What an administrator must not overlook: a phone that proves the log was rewritten, a phone whose
//! work does not arrive any more.
//!
//! Invariant: an alarm stands as long as its ground does, on every page where an administrator comes in:
//! that of a rewritten log for good, that of a damaged phone until its entries arrived, it is enrolled again or revoked.
//! Rejected: ticking alarms off; who rewrote the log could do that too.

use super::{
    board::short,
    names::Names,
    parts::{bi, both, when},
    web::Ask,
};
use crate::{error::HqError, salvage, store::DeviceRow};
use lanewalk_model::{access::Action, id::to_hex};
use maud::{Markup, html};
use rusqlite::Connection;

/// Phones named; more say the same.
const MOST: usize = 5;

/// Shows the alarms that concern this visitor.
pub(super) fn section(db: &Connection, ask: &Ask, names: &Names) -> Result<Markup, HqError> {
    let rewritten = if ask.may(Action::ReadAccessLog) { contradicting(db)? } else { Vec::new() };
    let mut stuck = Vec::new();
    if ask.may(Action::ManageStaff) {
        for found in salvage::all(db)?.into_iter().filter(|s| s.stuck).take(MOST) {
            let worker = DeviceRow::find(db, found.device)?.map(|d| d.worker).unwrap_or_default();
            stuck.push((worker, found));
        }
    }
    Ok(html! {
        @for (worker, device, at) in &rewritten {
            p.refused role="alert" {
                strong { (bi(("总部日志可能被改写", "Headquarters' log may have been rewritten"))) } ": "
                (names.person(worker)) " " span.id { (short(device)) } " " (when(*at)) " "
                (bi((
                    "这部手机存有总部签名的凭证,与现在的日志不符。请保留手机原样并查证。",
                    "This phone holds a checkpoint that headquarters signed and this log contradicts. Keep the phone as it is and look into it."
                )))
                " " a href={ "/audit?about=" (device) } { (bi(("查阅记录", "access log"))) }
            }
        }
        @for (worker, found) in &stuck {
            p.refused role="alert" {
                strong { (bi(("手机数据库损坏,条目传不上来", "A phone's store was damaged and its entries do not arrive"))) } ": "
                (names.person(worker)) " " span.id { (short(&found.device.to_string())) } " " (when(found.at.0)) " "
                (both(
                    format!("{} 条读不出,其后 {} 条要等新的邀请码:在这部手机上重新登记,就会传上来。", found.salvage.missing, found.salvage.export_only),
                    format!("{} could not be read, {} behind them wait for a new code: enrol this phone again and they arrive.", found.salvage.missing, found.salvage.export_only),
                ))
                " " a href="/devices" { (bi(("设备", "devices"))) }
            }
        }
    })
}

/// Lists whose phone contradicts the log, which device, since when; the newest first.
fn contradicting(db: &Connection) -> Result<Vec<(String, String, i64)>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT d.worker, d.id, min(c.at) FROM contradictions c JOIN devices d ON d.n = c.device
         GROUP BY d.n ORDER BY 3 DESC, d.n LIMIT ?1",
    )?;
    let rows = statement
        .query_map([MOST as u64], |r| Ok((r.get(0)?, to_hex(&r.get::<_, Vec<u8>>(1)?), r.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
