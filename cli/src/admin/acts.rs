//! What each administrative act does.
//!
//! Invariant: an act runs on headquarters' one thread and answers in words; nothing is printed here.

use super::{Act, Answer, StaffAct, exchange};
use crate::{
    seed,
    words::{Failure, cut, pad, short, when},
};
use lanewalk_headquarters::{Headquarters, Source as _, SystemSource, enrol};
use lanewalk_model::{
    id::{DeviceId, DocId, EventId},
    order::{self, Destination, State},
    rows::ListRow,
    schema::DocKind,
    staff::{Grant, Role},
    time::TimeMs,
};
use std::{collections::HashMap, fmt::Write as _};

/// Performs an act.
pub(super) fn perform(hq: &mut Headquarters, act: &Act) -> Result<Answer, Failure> {
    let now = TimeMs(SystemSource.now_ms());
    let text = match act {
        Act::Staff { act } => staff(hq, act, now)?,
        Act::Invite { worker } => return invite(hq, worker),
        Act::Import { file, mapping, as_of_now, by } => {
            let csv = std::fs::read(file)?;
            let import = seed::import(hq, &csv, &std::fs::read_to_string(mapping)?, now, *as_of_now, by)?;
            let mut text = import.words();
            if *as_of_now {
                let _ = write!(text, "\n{}", seed::moved_words(import.moved_ms));
            }
            for problem in &import.read.problems {
                let _ = write!(text, "\n  {} / {}", problem.message_zh, problem.message_en);
            }
            text
        }
        Act::Publish { name, file, version } => {
            let carried = hq.publish_reference(name, version, &std::fs::read_to_string(file)?)?.words();
            format!("已发布 / published {name} {version}\n{carried}")
        }
        Act::Triage => triage(hq)?,
        Act::Dispatch { order, lead, grid, by, reason } => {
            let (id, _) = find_order(hq, order)?;
            let to = Destination { lead_unit: lead.clone(), grid: grid.clone(), ..Destination::default() };
            if let Some(refusal) = hq.perform(by, id, &order::Act::Dispatch(to), reason)? {
                return Err(Failure::new(format!("{} / {}", refusal.zh(), refusal.en())));
            }
            format!("已派往 / dispatched to {lead}，{grid}")
        }
        Act::Waiting => waiting(hq)?,
        Act::Decide { proposal, verdict, words, by } => decide(hq, proposal, verdict == "accept", words, by)?,
        Act::WantOriginal { photo, by } => {
            let (visit, id) = find_photo(hq, photo)?;
            hq.want_original(visit, id, by)?;
            format!("已记下，手机下次同步时得知 / the phone learns it with its next sync: {id}")
        }
        Act::Open311Key { name, revoke: true } => {
            hq.revoke_open311_key(name)?;
            format!("已收回 / revoked: {name}")
        }
        Act::Open311Key { name, revoke: false } => format!(
            "{name} 的密钥，只显示这一次 / the key of {name}, shown this once:\n{}",
            hq.make_open311_key(name)?
        ),
        Act::Exchange { act } => exchange::perform(hq, act)?,
        Act::Backup { file } => {
            let reached = hq.backup_to(&std::path::absolute(file)?)?;
            format!(
                "已备份并试恢复核对，日志到第 {reached} 条 / backed up, restored on trial and checked, the log up to {reached}"
            )
        }
        // Done before anybody is asked: no headquarters may be open.
        Act::Restore { .. } => return Err(Failure::usage("请先停止服务 / stop the server first")),
        Act::ExportEvidence(wish) => {
            let (order, _) = find_order(hq, &wish.order)?;
            crate::evidence::perform(hq, order, wish)?
        }
        Act::Account { staff, drop_app: true, .. } => {
            hq.drop_totp(staff, "hq")?;
            format!(
                "已解除 {staff} 的动态码，本人登录后可绑定新的 / unbound: {staff} can bind another after signing in"
            )
        }
        Act::Account { staff, admin, .. } => {
            // Whoever reaches this socket could read the database too.
            let code = hq.account_code(staff, admin.then_some(true), "hq")?;
            format!(
                "{staff} 的密码设置码（三天内一次有效） / code to set a password, good once within three days:\n\n    {code}\n\n在控制台的 /password 页输入 / type it on the console's page /password"
            )
        }
        Act::CheckLog => match hq.check_access_log("hq")?.broken {
            None => check_log(hq)?,
            Some(b) => {
                return Err(Failure::new(format!(
                    "查阅记录从第 {} 条起不可信 / the access log is broken from line {} on",
                    b.n, b.n
                )));
            }
        },
        Act::MapTiles { address } => {
            hq.set_map_tiles(address, "hq")?;
            match address.as_str() {
                "" => "地图不用底图 / the map has no tiles".into(),
                from => format!("地图底图 / the map's tiles: {from}"),
            }
        }
        Act::Devices => devices(hq)?.iter().map(|d| d.1.as_str()).collect::<Vec<_>>().join("\n"),
        Act::Confirm { fingerprint } => confirm(hq, &fingerprint.concat())?,
        // Files alone; never sent to the server.
        Act::Tls { .. } => return Err(Failure::usage("tls")),
        Act::Revoke { device } => {
            let all = devices(hq)?;
            let hits = all.iter().filter(|d| matches(&d.0.to_string(), device)).map(|d| d.0);
            let id = only(hits, device)?;
            hq.revoke(id)?;
            format!("已停用 / revoked {id}")
        }
    };
    Ok(Answer { text, qr: None })
}

/// Looks at the log of entries as well, and at what phones brought against it.
fn check_log(hq: &Headquarters) -> Result<String, Failure> {
    let log = hq.check_log()?;
    let against = hq.contradictions()?;
    if against.is_empty() {
        let (n, root) = (log.size, log.root);
        return Ok(format!(
            "查阅记录完整；日志 {n} 条，逐条相符，根 / the access log is whole; {n} lines of the log, each as it was written, root {root}"
        ));
    }
    let mut text = format!(
        "有 {} 份手机凭证与日志矛盾 / {} phones' checkpoints contradict the log",
        against.len(),
        against.len()
    );
    for c in against {
        let _ = write!(text, "\n{} {}\n{}{}", when(Some(c.at)), c.device, c.held, c.seen);
    }
    Err(Failure::new(text))
}

fn staff(hq: &mut Headquarters, act: &StaffAct, now: TimeMs) -> Result<String, Failure> {
    match act {
        StaffAct::List => {
            let mut statement = hq.reader().prepare(
                "SELECT s.id, s.name, s.role, coalesce((SELECT group_concat(g.grid, ' ') FROM grants g
                 WHERE g.staff = s.id AND (g.to_ms IS NULL OR g.to_ms > ?1)), '') FROM staff s ORDER BY s.id",
            )?;
            let rows = statement.query_map([now.0], |r| {
                Ok((
                    r.get::<_, String>(0)?,
                    r.get::<_, String>(1)?,
                    r.get::<_, String>(2)?,
                    r.get::<_, String>(3)?,
                ))
            })?;
            let mut text = String::new();
            for row in rows {
                let (id, name, role, grids) = row?;
                let role = Role::from_id(&role).map_or(role.as_str(), |r| r.zh());
                let _ = writeln!(text, "{} {} {} {grids}", pad(&id, 7), pad(&name, 8), pad(role, 10));
            }
            Ok(text)
        }
        StaffAct::Add { id, name, role, grids } => {
            let role = Role::from_id(role).ok_or_else(|| {
                let all: Vec<_> = Role::ALL.iter().map(|r| r.id()).collect();
                Failure::usage(format!("没有这个角色 / no such role: {role}（{}）", all.join("、")))
            })?;
            hq.put_staff(id, name, role)?;
            for grid in grids {
                hq.grant(id, &Grant { grid: grid.clone(), role, from: now, to: None })?;
            }
            Ok(format!("已添加 / added {id} {name}（{}），{} 个网格 / grids", role.zh(), grids.len()))
        }
        StaffAct::End { worker, grid } => {
            hq.end_grant(worker, grid, now)?;
            Ok(format!(
                "已收回 / ended: {worker} {grid}；此前写下的内容照收 / what was written before still comes in"
            ))
        }
    }
}

fn invite(hq: &mut Headquarters, worker: &str) -> Result<Answer, Failure> {
    let invitation = hq.invite(worker)?;
    let text = format!(
        "{worker} 的邀请码，{} 前一次有效 / for {worker}, valid once until then\n在手机上 / on the phone: lanewalk phone --data DIR enrol '…'\n然后核对手机上的指纹 / then compare the fingerprint it shows: lanewalk admin confirm FINGERPRINT",
        when(Some(invitation.expires_at))
    );
    Ok(Answer { text, qr: Some(invitation.to_text()) })
}

/// Confirms the one waiting phone with this fingerprint.
fn confirm(hq: &mut Headquarters, typed: &str) -> Result<String, Failure> {
    let plain = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    let waiting = enrol::waiting(hq.reader())?;
    let Some(found) = waiting.iter().find(|w| plain(&w.fingerprint) == plain(typed)) else {
        return Err(Failure::new(
            "没有这个指纹的手机在等待，请逐位核对 / no waiting phone has this fingerprint: compare every digit",
        ));
    };
    hq.confirm(found.device)?;
    let again = match found.other_tries {
        0 => String::new(),
        n => format!("\n注意：同一个邀请码另有 {n} 次尝试 / note: {n} other tries with the same code"),
    };
    Ok(format!("已确认 / confirmed: {} {}{again}", found.worker, found.fingerprint))
}

/// Lists all orders of headquarters with their list rows.
pub(crate) fn orders(hq: &Headquarters) -> Result<Vec<(DocId, ListRow)>, Failure> {
    let mut statement = hq.reader().prepare("SELECT id, row FROM docs WHERE kind = ?1 ORDER BY n")?;
    let rows = statement
        .query_map([DocKind::Order.code()], |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, String>(1)?)))?;
    let mut out = Vec::new();
    for row in rows {
        let (id, json) = row?;
        let id = DocId::from_slice(&id).map_err(|e| Failure::new(e.to_string()))?;
        out.push((id, serde_json::from_str(&json).map_err(|e| Failure::new(e.to_string()))?));
    }
    Ok(out)
}

fn triage(hq: &Headquarters) -> Result<String, Failure> {
    let mut text = String::new();
    for (id, row) in orders(hq)?.iter().filter(|(_, row)| row.state == State::Triage.id()) {
        let grid = if row.grid.is_empty() { "—" } else { &row.grid };
        let _ = writeln!(text, "{}  {}  {}  {}", short(id), grid, cut(&row.title, 40), cut(&row.detail, 40));
    }
    if text.is_empty() {
        text.push_str("没有待研判的工单 / nothing to triage");
    }
    Ok(text)
}

fn waiting(hq: &Headquarters) -> Result<String, Failure> {
    let mut text = String::new();
    for w in hq.waiting()? {
        let end: String = w.event.chars().skip(w.event.len().saturating_sub(6)).collect();
        let kind = w.record.kind.zh();
        let _ = writeln!(
            text,
            "{end}  {} {kind}：{}  [{} {}]",
            w.by,
            w.record.reason,
            short(&w.order),
            cut(&w.title, 30)
        );
    }
    if text.is_empty() {
        text.push_str("没有等待审批的申请 / nothing waits");
    }
    Ok(text)
}

fn decide(
    hq: &mut Headquarters,
    proposal: &str,
    accept: bool,
    words: &str,
    by: &str,
) -> Result<String, Failure> {
    let all = hq.waiting()?;
    let hit = only(all.iter().filter(|w| matches(&w.event, proposal)), proposal)?;
    Ok(match hq.decide(hit.order, &hit.event, accept, by, words)? {
        None => "已同意 / accepted".into(),
        Some(refusal) => format!("未同意 / refused: {} / {}", refusal.zh(), refusal.en()),
    })
}

fn devices(hq: &Headquarters) -> Result<Vec<(DeviceId, String)>, Failure> {
    let mut statement = hq.reader().prepare(
        "SELECT id, worker, last_seq, announced_seq, last_contact, revoked_at FROM devices WHERE worker <> 'hq' ORDER BY n",
    )?;
    let waiting: HashMap<_, _> =
        enrol::waiting(hq.reader())?.into_iter().map(|w| (w.device, w.fingerprint)).collect();
    let rows = statement.query_map([], |r| {
        let id: Vec<u8> = r.get(0)?;
        let (worker, held, said): (String, u64, u64) = (r.get(1)?, r.get(2)?, r.get(3)?);
        Ok((id, worker, held, said, r.get::<_, Option<i64>>(4)?, r.get::<_, Option<i64>>(5)?))
    })?;
    let salvages = hq.salvages()?;
    let mut out = Vec::new();
    for row in rows {
        let (id, worker, held, said, contact, revoked) = row?;
        let id = DeviceId::from_slice(&id).map_err(|e| Failure::new(e.to_string()))?;
        let end = match (revoked, waiting.get(&id)) {
            (Some(_), _) => "  已停用 / revoked".to_owned(),
            (None, Some(fingerprint)) => format!("  等待确认 / waiting: {fingerprint}"),
            (None, None) => String::new(),
        };
        let mut line = format!(
            "{id}  {worker}  收到 {held}/{}  最近联系 / last contact {}{end}",
            said.max(held),
            when(contact)
        );
        for s in salvages.iter().filter(|s| s.device == id) {
            let _ = write!(
                line,
                "  损坏后抢救 / salvaged {}：读不出 / missing {}，等新邀请码 / wait for a new code {}",
                when(Some(s.at.0)),
                s.salvage.missing,
                s.salvage.export_only
            );
        }
        out.push((id, line));
    }
    Ok(out)
}

fn find_order(hq: &Headquarters, wanted: &str) -> Result<(DocId, ListRow), Failure> {
    let all = orders(hq)?;
    only(all.into_iter().filter(|(id, _)| matches(&id.to_string(), wanted)), wanted)
}

/// Finds a photo among the records of all visits.
fn find_photo(hq: &Headquarters, wanted: &str) -> Result<(DocId, EventId), Failure> {
    let mut statement = hq.reader().prepare(
        "SELECT DISTINCT r.photo, d.id FROM file_refs r JOIN docs d ON d.n = r.doc ORDER BY r.photo",
    )?;
    let rows = statement
        .query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, Vec<u8>>(1)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    let (photo, visit) = only(rows.into_iter().filter(|(photo, _)| matches(photo, wanted)), wanted)?;
    let found = photo.parse().ok().zip(DocId::from_slice(&visit).ok());
    found
        .map(|(photo, visit)| (visit, photo))
        .ok_or_else(|| Failure::new(format!("没有找到 / not found: {wanted}")))
}

/// Says whether an id is meant: written in full or by its last digits.
fn matches(id: &str, wanted: &str) -> bool {
    !wanted.is_empty() && id.ends_with(wanted)
}

fn only<T>(mut hits: impl Iterator<Item = T>, wanted: &str) -> Result<T, Failure> {
    match (hits.next(), hits.next()) {
        (Some(hit), None) => Ok(hit),
        (None, _) => Err(Failure::new(format!("没有找到 / not found: {wanted}"))),
        (Some(_), Some(_)) => {
            Err(Failure::new(format!("不止一个，请多写几位 / several match, write more digits: {wanted}")))
        }
    }
}
