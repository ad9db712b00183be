//! The log in words: who wrote what, and by which time it counts.
//!
//! Invariant: what a line says is read from the entry's own change, not from the document, so a
//! refused entry is as readable as an accepted one. Rejected: showing the difference between two
//! document states, which a refused entry does not have.

use super::{
    board,
    names::Names,
    parts::{Row, Veil, bi, both, clip, fold, none, shown, table, when},
    values::{Showing, label},
    words,
};
use crate::{error::HqError, store};
use lanewalk_model::{
    chunk::{self, ChangeFacts, OpAction, Scalar},
    id::{DocId, to_hex},
    schema::DocKind,
    view::Value,
};
use lanewalk_protocol::{entry::Header, limits};
use maud::{Markup, html};
use rusqlite::{Connection, Params, params};
use std::rc::Rc;

/// Entries shown of an order's history.
const HISTORY_ROWS: i64 = 200;
/// Operations shown of an entry.
const MAX_OPS: usize = 16;
/// Entries without a document looked through for those meant for an order.
const STRAY_ROWS: i64 = 500;

/// One entry of the log.
pub(super) struct Entry {
    idx: u64,
    doc: Option<DocId>,
    /// Whose device sent it; for headquarters' own chain, who decided.
    pub(super) worker: String,
    device: String,
    wall_ms: Option<i64>,
    pub(super) received_at: i64,
    effective_at: i64,
    trust: String,
    refused: Option<(String, String)>,
    facts: Option<ChangeFacts>,
}

/// Reads entries, newest first. `which` may use `?1`; `?2` is the most rows.
pub(super) fn entries(db: &Connection, which: &str, values: impl Params) -> Result<Vec<Entry>, HqError> {
    let own = store::meta(db, "own_device")?.unwrap_or_default();
    let mut statement = db.prepare(&format!(
        "SELECT l.idx, l.header, l.change, l.received_at, l.effective_at, l.trust, l.refused, l.detail, d.id, d.worker
         FROM log l JOIN devices d ON d.n = l.device WHERE {which} ORDER BY l.idx DESC LIMIT ?2"
    ))?;
    let mut rows = statement.query(values)?;
    let mut out = Vec::new();
    while let Some(r) = rows.next()? {
        let header = Header::from_bytes(r.get_ref(1)?.as_blob().unwrap_or_default()).ok();
        let facts = chunk::read_change(r.get_ref(2)?.as_blob().unwrap_or_default(), &limits::HQ_CHANGE).ok();
        let device = r.get_ref(8)?.as_blob().unwrap_or_default();
        let author = facts.as_ref().and_then(|f| f.message.clone());
        let refused: Option<String> = r.get(6)?;
        let detail: String = r.get(7)?;
        out.push(Entry {
            idx: r.get(0)?,
            doc: header.as_ref().map(|h| h.doc),
            // A phone only claims an author; its device's worker is who answers for it.
            worker: if device == own { author.unwrap_or_default() } else { r.get(9)? },
            device: if device == own { String::new() } else { to_hex(device) },
            wall_ms: header.map(|h| h.wall_ms),
            received_at: r.get(3)?,
            effective_at: r.get(4)?,
            trust: r.get(5)?,
            refused: refused.map(|code| (code, detail)),
            facts,
        });
    }
    Ok(out)
}

impl Entry {
    /// Shows the log index.
    pub(super) fn number(&self) -> Markup {
        html! { span.id { "#" (self.idx) } }
    }

    /// Shows which document the entry is about, without anything of its content.
    pub(super) fn about(&self) -> Markup {
        let Some(doc) = self.doc else { return none() };
        let hex = to_hex(&doc.uuid);
        html! {
            @if doc.kind == DocKind::Order { a href={ "/orders/" (hex) } { (bi(words::kind(doc.kind))) } }
            @else { (bi(words::kind(doc.kind))) }
            " " span.id title=(hex) { (board::short(&hex)) }
        }
    }

    /// Shows why the entry is not in the documents; `None` when it is.
    pub(super) fn refusal(&self) -> Option<Markup> {
        let (code, detail) = self.refused.as_ref()?;
        Some(html! {
            strong { (bi(("未采纳", "refused"))) } " " (bi(words::rejection(code)))
            span.sub { span.id { (shown(&clip(code, 60))) } @if !detail.is_empty() { " " (Veil::default().short(detail, 160)) } }
        })
    }

    /// Says whether the entry writes a key.
    fn sets(&self, key: &str) -> bool {
        self.facts.iter().flat_map(|f| &f.ops).any(|op| op.key == key)
    }

    /// Says whether the entry creates something that belongs to an order.
    fn names_order(&self, order: &str) -> bool {
        self.facts.iter().flat_map(|f| &f.ops).any(|op| {
            op.key == "order" && matches!(&op.action, OpAction::Set(Scalar::Text(id)) if id == order)
        })
    }

    fn what(&self, show: &Showing<'_>) -> Markup {
        let Some(facts) = &self.facts else { return bi(("无法解读", "cannot be read")) };
        let kind = self.doc.map_or(DocKind::Order, |d| d.kind);
        let left_out = facts.ops.len().saturating_sub(MAX_OPS);
        html! {
            @if kind != DocKind::Order { p.sub { (self.about()) } }
            ul.ops {
                @for op in facts.ops.iter().take(MAX_OPS) {
                    li {
                        span.key { (label(&op.key)) } " "
                        @match &op.action {
                            OpAction::Set(scalar) => (show.value(kind, &op.key, &value(scalar))),
                            OpAction::Delete => (bi(("移除", "removed"))),
                        }
                    }
                }
                @if left_out > 0 { li.more { (both(format!("另有 {left_out} 项"), format!("{left_out} more"))) } }
            }
        }
    }

    /// Says how far the time that counts can be trusted.
    pub(super) fn trusted(&self) -> Markup {
        let trusted = words::trust(&self.trust).map_or_else(|| shown(&self.trust), bi);
        html! { @if self.trust == "contradicted" { strong.soon { (trusted) } } @else { (trusted) } }
    }

    /// Shows every time of the entry.
    pub(super) fn times(&self) -> Markup {
        let phone = self.wall_ms.filter(|_| !self.device.is_empty());
        html! {
            ul.times {
                @if let Some(wall) = phone { li { span.key { (bi(("手机", "phone"))) } " " (when(wall)) } }
                li { span.key { (bi(("收到", "received"))) } " " (when(self.received_at)) }
                @if phone.is_some() {
                    li {
                        span.key { (bi(("按", "counts as"))) } " " (when(self.effective_at))
                        span.sub { (self.trusted()) }
                    }
                }
            }
        }
    }

    fn row(&self, names: &Names, show: &Showing<'_>) -> Row {
        Row {
            class: if self.refused.is_some() { "refused" } else { "" },
            cells: vec![
                self.number(),
                html! {
                    (names.person(&self.worker))
                    @if !self.device.is_empty() { span.sub { (bi(("设备", "device"))) " " span.id { (board::short(&self.device)) } } }
                },
                html! { @if let Some(why) = self.refusal() { p.why { (why) } } (self.what(show)) },
                self.times(),
            ],
        }
    }
}

fn value(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Text(t) => Value::Text(t.clone()),
        Scalar::Int(i) => Value::Int(*i),
        Scalar::Bool(b) => Value::Bool(*b),
    }
}

/// Finds the entry that brought a key: the accepted one before refused ones, the first before
/// later ones.
pub(super) fn setting(entries: &[Rc<Entry>], key: &str) -> Option<Rc<Entry>> {
    entries.iter().filter(|e| e.sets(key)).min_by_key(|e| (e.refused.is_some(), e.idx)).cloned()
}

/// Shows the merged history of an order and its visits, newest first. `docs` are their row
/// numbers; entries that were refused before their document existed are found by the order they
/// name.
pub(super) fn section(
    db: &Connection,
    order: DocId,
    docs: &[i64],
    names: &Names,
    veil: &Veil,
) -> Result<Markup, HqError> {
    let docs = serde_json::to_string(docs).unwrap_or_default();
    let which = "l.doc IN (SELECT value FROM json_each(?1))";
    let total: u64 =
        db.prepare(&format!("SELECT count(*) FROM log l WHERE {which}"))?.query_row([&docs], |r| r.get(0))?;
    let mut all = entries(db, which, params![docs, HISTORY_ROWS])?;
    let left_out = total.saturating_sub(all.len() as u64);
    let mut stray =
        entries(db, "l.doc IS NULL AND l.refused IS NOT NULL AND l.idx > ?1", params![0, STRAY_ROWS])?;
    let name = order.to_string();
    stray.retain(|e| e.doc == Some(order) || e.names_order(&name));
    all.append(&mut stray);
    all.sort_by_key(|e| std::cmp::Reverse(e.idx));
    let show = Showing { names, veil, most: 240 };
    let rows: Vec<Row> = all.iter().map(|e| e.row(names, &show)).collect();
    let caption =
        html! { (bi(("日志", "Log of this order and its visits, newest first"))) " " span.count { (total) } };
    let heads = [("日志", "log"), ("谁", "who"), ("写了什么", "what"), ("时间", "times")];
    let content = table(caption.clone(), &heads, &rows, left_out, ("没有记录", "no entries"));
    Ok(fold("history", &caption, false, &content))
}
