//! The board's other lists: proposals that wait, entries that were refused, devices.
//!
//! Invariant: as [`super::board`]: bounded, with what is left out counted.

use super::{
    board::order_link,
    desk, history,
    names::Names,
    parts::{MAX_ROWS, Row, Veil, bi, both, fold, none, shown, span, table, when},
    reach::Reach,
    words,
};
use crate::{
    error::HqError,
    salvage::{self, Salvaged},
    store,
};
use lanewalk_model::{
    document::Document,
    id::{DocId, to_hex},
    order,
    records::ProposalRecord,
    schema::DocKind,
    time::TimeMs,
};
use maud::{Markup, html};
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter, types::Value as Sql};

/// How far back refused entries are listed.
const REFUSED_MS: i64 = 7 * 24 * 3_600_000;
/// Refused entries listed.
const REFUSED_ROWS: i64 = 50;
/// A device silent for longer is marked.
const SILENT_MS: i64 = 3 * 24 * 3_600_000;

/// One list and how many things it is about.
pub(super) struct Section {
    pub(super) total: u64,
    pub(super) table: Markup,
}

/// Reads what takes a requester out of texts about an order.
pub(super) fn veil(db: &Connection, order: DocId) -> Result<Veil, HqError> {
    let found = db
        .prepare_cached(
            "SELECT r.name, r.phone FROM requesters r JOIN docs d ON d.n = r.doc WHERE d.id = ?1",
        )?
        .query_row([order.to_bytes()], |r| Ok(Veil { name: r.get(0)?, phone: r.get(1)? }))
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// Shows what a proposal asks, in a few words.
pub(super) fn asks(record: &ProposalRecord, veil: &Veil) -> Markup {
    html! {
        strong { (bi(words::proposal(record.kind))) }
        @if let Some(days) = record.extend_days { " " (both(format!("{days} 个工作日"), format!("{days} working days"))) }
        @if let Some(outcome) = &record.outcome {
            " · " @match words::value("outcome", outcome) { Some(w) => (bi(w)), None => (shown(outcome)) }
        }
        @if let Some(to) = &record.to { " → " (shown(to)) }
        @if let Some(ground) = &record.ground { " · " (desk::ground(ground)) }
        @if let Some(at) = record.review_at { " · " (bi(("复查", "review"))) " " (when(at.0)) }
        @if let Some(evidence) = &record.evidence { span.quote { (veil.short(evidence, 300)) } }
        @if !record.reason.is_empty() { span.quote { (veil.short(&record.reason, 300)) } }
    }
}

/// Lists the proposals that wait for a person.
pub(super) fn waiting(db: &Connection, names: &Names, reach: &Reach) -> Result<Section, HqError> {
    let kind = Sql::from(i64::from(DocKind::Order.code()));
    let which = format!("kind = ? AND pending > 0 AND {}", reach.sql);
    let values: Vec<Sql> = std::iter::once(kind).chain(reach.values.iter().cloned()).collect();
    let sql = format!("SELECT coalesce(sum(pending), 0) FROM docs WHERE {which}");
    let total: u64 = db.prepare(&sql)?.query_row(params_from_iter(&values), |r| r.get(0))?;
    let sql = format!(
        "SELECT id, saved FROM docs WHERE {which} ORDER BY open DESC, due_at IS NULL, due_at, n LIMIT {MAX_ROWS}"
    );
    let mut statement = db.prepare(&sql)?;
    let mut found = statement.query(params_from_iter(&values))?;
    let mut rows: Vec<Row> = Vec::new();
    while let Some(r) = found.next()? {
        let Ok(id) = DocId::from_slice(r.get_ref(0)?.as_blob().unwrap_or_default()) else { continue };
        let Ok(mut document) = Document::load(id.kind, r.get_ref(1)?.as_blob().unwrap_or_default()) else {
            continue;
        };
        let view = document.view();
        let veil = veil(db, id)?;
        for (event, record) in order::pending(&view) {
            let written = view.all(&format!("proposal/{event}")).last();
            rows.push(Row::from(vec![
                order_link(
                    id,
                    &veil.plain(view.text("title").unwrap_or_default()),
                    "",
                    view.text("urgency") == Some("urgent"),
                ),
                asks(&record, &veil),
                written.map_or_else(none, |w| names.person(&w.by)),
                written.map_or_else(none, |w| when(w.at.ms().0)),
            ]));
        }
    }
    rows.truncate(MAX_ROWS);
    let caption =
        html! { (bi(("待决定的申请", "Proposals waiting for a person"))) " " span.count { (total) } };
    let heads = [("工单", "order"), ("申请", "asks for"), ("申请人", "by"), ("手机时间", "phone time")];
    let left_out = total.saturating_sub(rows.len() as u64);
    Ok(Section {
        total,
        table: fold(
            "waiting",
            &caption,
            total > 0,
            &table(caption.clone(), &heads, &rows, left_out, ("没有待决定的申请", "nothing to decide")),
        ),
    })
}

/// Lists entries of the last days that were kept outside the documents.
pub(super) fn refused(db: &Connection, names: &Names, now: TimeMs) -> Result<Section, HqError> {
    let after = last_index_before(db, now.0.saturating_sub(REFUSED_MS))?;
    let total: u64 = db
        .prepare("SELECT count(*) FROM log WHERE idx > ?1 AND refused IS NOT NULL")?
        .query_row([after], |r| r.get(0))?;
    let entries = history::entries(db, "l.idx > ?1 AND l.refused IS NOT NULL", params![after, REFUSED_ROWS])?;
    let rows: Vec<Row> = entries
        .iter()
        .map(|e| {
            Row::from(vec![
                e.number(),
                when(e.received_at),
                names.person(&e.worker),
                e.about(),
                e.refusal().unwrap_or_else(none),
            ])
        })
        .collect();
    let caption = html! { (bi(("7 天内未采纳的条目", "Entries kept outside documents, 7 days"))) " " span.count { (total) } };
    let heads =
        [("日志", "log"), ("收到", "received"), ("来自", "from"), ("关于", "about"), ("原因", "reason")];
    let left_out = total.saturating_sub(rows.len() as u64);
    Ok(Section {
        total,
        table: fold(
            "refused",
            &caption,
            false,
            &table(caption.clone(), &heads, &rows, left_out, ("没有未采纳的条目", "none refused")),
        ),
    })
}

/// Finds the last log index received before a moment by halving: the log is in order of receipt
/// and has no index on time. Looks at some 20 rows of a million.
fn last_index_before(db: &Connection, at: i64) -> Result<u64, HqError> {
    let mut statement =
        db.prepare_cached("SELECT received_at FROM log WHERE idx >= ?1 ORDER BY idx LIMIT 1")?;
    let (mut low, mut high) = (0, store::log_end(db)?);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let received: Option<i64> = statement.query_row([middle], |r| r.get(0)).optional()?;
        if received.is_some_and(|t| t < at) { low = middle } else { high = middle - 1 }
    }
    Ok(low)
}

/// Lists the devices; the total counts entries that they wrote and have not sent.
pub(super) fn devices(db: &Connection, names: &Names, now: TimeMs, open: bool) -> Result<Section, HqError> {
    let own = store::meta(db, "own_device")?.unwrap_or_default();
    let (all, total): (u64, u64) = db
        .prepare(
            "SELECT count(*), coalesce(sum(max(announced_seq - last_seq, 0)), 0) FROM devices WHERE id <> ?1",
        )?
        .query_row([&own], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let mut statement = db.prepare(
        "SELECT id, worker, enrolled_at, revoked_at, last_seq, announced_seq, last_contact, confirmed_at, deposit_until,
                EXISTS (SELECT 1 FROM audit a WHERE a.about = lower(hex(devices.id)) AND a.what IN ('chain_forked', 'chain_rolled_back'))
         FROM devices
         WHERE id <> ?1 ORDER BY revoked_at IS NOT NULL, announced_seq - last_seq DESC, last_contact, n LIMIT ?2",
    )?;
    let mut found = statement.query(params![own, MAX_ROWS as u64])?;
    let salvages = salvage::all(db)?;
    let mut rows: Vec<Row> = Vec::new();
    while let Some(r) = found.next()? {
        let id = to_hex(r.get_ref(0)?.as_blob().unwrap_or_default());
        let worker: String = r.get(1)?;
        let (enrolled, revoked): (i64, Option<i64>) = (r.get(2)?, r.get(3)?);
        let (held, announced): (u64, u64) = (r.get(4)?, r.get(5)?);
        let contact: Option<i64> = r.get(6)?;
        let (confirmed, deposit): (Option<i64>, Option<i64>) = (r.get(7)?, r.get(8)?);
        let copied: bool = r.get(9)?;
        let unsent = announced.saturating_sub(held);
        rows.push(Row {
            class: if revoked.is_some() { "ended" } else { "" },
            cells: vec![
                html! { (names.person(&worker)) },
                html! { span.id { (super::board::short(&id)) } span.sub { (bi(("登记", "enrolled"))) " " (when(enrolled)) } },
                last_contact(contact, now),
                html! { (held) " / " (announced.max(held)) },
                if unsent > 0 {
                    html! { span.tag.ask { (both(format!("{unsent} 条未上传"), format!("{unsent} unsent"))) } }
                } else {
                    html! { "0" }
                },
                html! {
                    @match (revoked, confirmed) {
                        (None, Some(_)) => { (bi(("在用", "in use"))) },
                        (None, None) => { span.tag.ask { (bi(("等待确认", "waiting"))) } },
                        (Some(at), _) => {
                            span.tag { (bi(("已吊销", "revoked"))) } span.sub { (when(at)) }
                            @if let Some(until) = deposit { span.sub { (bi(("可补交至", "may deliver until"))) " " (when(until)) } }
                        },
                    }
                    @if copied { span.sub { span.tag.doubt { (bi(("数据被复制或回退", "a copy, or put back"))) } } }
                    @for s in salvages.iter().filter(|s| to_hex(&s.device.0) == id) { (salvaged(s)) }
                },
            ],
        });
    }
    let caption = html! { (bi(("设备", "Devices"))) " " span.count { (all) } };
    let heads = [
        ("人员", "worker"),
        ("设备", "device"),
        ("最近上传", "last upload"),
        ("已收 / 已写", "held / announced"),
        ("未上传", "unsent"),
        ("状态", "status"),
    ];
    let left_out = all.saturating_sub(rows.len() as u64);
    let content = table(caption.clone(), &heads, &rows, left_out, ("没有设备", "no devices"));
    Ok(Section { total, table: fold("devices", &caption, open, &content) })
}

/// Says what a phone saved of its damaged store.
fn salvaged(Salvaged { at, salvage: s, .. }: &Salvaged) -> Markup {
    html! {
        span.sub {
            span.tag.doubt { (bi(("数据库损坏后抢救", "damaged store, salvaged"))) } " " (when(at.0)) " "
            @if !s.identity {
                (bi(("登记前的数据读不出,损坏的文件留在手机里", "what was there before its enrolment cannot be read; the damaged files are kept on the phone")))
            } @else {
                (both(
                    format!("救回 {} 条,读不出 {} 条,等新邀请码 {} 条", s.entries, s.missing, s.export_only),
                    format!("{} entries saved, {} unreadable, {} wait for a new code", s.entries, s.missing, s.export_only),
                ))
            }
        }
    }
}

fn last_contact(at: Option<i64>, now: TimeMs) -> Markup {
    let Some(at) = at else { return html! { span.none { (bi(("还没有", "never"))) } } };
    let ago = now.0.saturating_sub(at);
    let (zh, en) = span(ago);
    html! {
        (when(at))
        span.sub {
            @if ago > SILENT_MS { strong.soon { (both(format!("{zh}前"), format!("{en} ago"))) } }
            @else { (both(format!("{zh}前"), format!("{en} ago"))) }
        }
    }
}
