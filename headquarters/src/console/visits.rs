//! Visits of an order with their measurements and photos.
//!
//! Invariant: times and positions of a visit are shown as what the phone claimed. Rejected: one
//! list of all photos of an order, which takes them from what was said beside them.

use super::{
    board::short,
    names::Names,
    parts::{MAX_ROWS, Row, Veil, bi, both, fold, none, table, when},
    photos::{self, Photo, Sources},
    values::Showing,
    words,
};
use crate::error::HqError;
use lanewalk_model::{
    document::Document,
    id::{DocId, to_hex},
    position::Position,
    records::MeasurementRecord,
    schema::DocKind,
    view::{DocView, Value},
};
use maud::{Markup, html};
use rusqlite::{Connection, params};

/// One visit.
pub(super) struct Visit {
    /// Row number.
    pub(super) n: i64,
    /// Id.
    pub(super) id: DocId,
    /// Content; `None` when the document does not load.
    pub(super) view: Option<DocView>,
}

/// Reads the visits of an order, newest first, and how many there are.
pub(super) fn read(db: &Connection, order: DocId) -> Result<(Vec<Visit>, u64), HqError> {
    let (parent, kind) = (order.to_string(), DocKind::Visit.code());
    let total = db
        .prepare("SELECT count(*) FROM docs WHERE parent = ?1 AND kind = ?2")?
        .query_row(params![parent, kind], |r| r.get(0))?;
    let mut statement =
        db.prepare("SELECT n, id, saved FROM docs WHERE parent = ?1 AND kind = ?2 ORDER BY n DESC LIMIT ?3")?;
    let mut rows = statement.query(params![parent, kind, MAX_ROWS as u64])?;
    let mut out = Vec::new();
    while let Some(r) = rows.next()? {
        let Ok(id) = DocId::from_slice(r.get_ref(1)?.as_blob().unwrap_or_default()) else { continue };
        let view =
            Document::load(id.kind, r.get_ref(2)?.as_blob().unwrap_or_default()).ok().map(|mut d| d.view());
        out.push(Visit { n: r.get(0)?, id, view });
    }
    Ok((out, total))
}

/// Shows the visits; `place` is the order's.
pub(super) fn section(
    from: &Sources<'_>,
    (visits, total): (&[Visit], u64),
    place: Option<Position>,
    names: &Names,
    veil: &Veil,
) -> Result<Markup, HqError> {
    let left_out = total.saturating_sub(visits.len() as u64);
    let (mut all, mut shown) = (Vec::new(), Vec::new());
    for visit in visits {
        let of = |view| photos::read(from, visit.id, view, place);
        let photos = visit.view.as_ref().map_or_else(|| Ok(Vec::new()), of)?;
        shown.push(one(from, visit, &photos, names, veil)?);
        all.extend(photos);
    }
    let caption = html! { (bi(("走访与查实", "Visits and site checks"))) " " span.count { (total) } };
    let content = html! {
        @if visits.is_empty() { p.empty { (bi(("还没有走访", "no visit yet"))) } }
        (photos::summary(all.iter()))
        @for visit in shown { (visit) }
        @if left_out > 0 { p.more { (both(format!("另有 {left_out} 次未显示"), format!("{left_out} more not shown"))) } }
    };
    Ok(fold("visits", &caption, total > 0, &content))
}

fn one(
    from: &Sources<'_>,
    visit: &Visit,
    photos: &[Photo],
    names: &Names,
    veil: &Veil,
) -> Result<Markup, HqError> {
    let hex = to_hex(&visit.id.uuid);
    let Some(view) = &visit.view else {
        return Ok(
            html! { article.visit { p { (bi(("无法读取", "cannot be read"))) " " span.id { (short(&hex)) } } } },
        );
    };
    let show = Showing { names, veil, most: 4_000 };
    let word = |key: &str| view.get(key).map(|v| show.value(DocKind::Visit, key, v));
    let time = |key: &str| view.int(key).map(when);
    let facts: [(words::Words, Option<Markup>); 7] = [
        (("走访人", "by"), word("by")),
        (("开始", "started"), time("started")),
        (("结束", "ended"), time("ended")),
        (("目的", "purpose"), word("purpose")),
        (("网格", "grid"), word("grid")),
        (("位置", "position"), word("position")),
        (("更正", "corrects"), word("corrects")),
    ];
    let photos = photos::grid(from.db, photos, &show)?;
    Ok(html! {
        article.visit id={ "v" (hex) } {
            h3 {
                (word("kind").unwrap_or_else(none)) " "
                @if let Some(result) = word("result") { span.tag { (result) } " " }
                span.id title=(hex) { (short(&hex)) }
            }
            dl.facts {
                @for (label, value) in facts { @if let Some(value) = value { div { dt { (bi(label)) } dd { (value) } } } }
            }
            @if let Some(notes) = view.text("notes") { p.text { (veil.text(notes)) } }
            (others(view, &show))
            (measurements(view, &show))
            (photos)
        }
    })
}

/// Confirmations and whatever else hangs on a visit.
fn others(view: &DocView, show: &Showing<'_>) -> Markup {
    html! {
        @for (member, value) in view.members("confirmation").take(MAX_ROWS) {
            p { span.key { (bi(("居民确认", "confirmation"))) } " " (show.value(DocKind::Visit, &format!("confirmation/{member}"), value)) }
        }
    }
}

fn read_json<T: serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_str(value.text()?).ok()
}

/// Shows the measurements of an order or a visit; nothing when there are none.
pub(super) fn measurements(view: &DocView, show: &Showing<'_>) -> Markup {
    let all: Vec<_> = view.entries().filter(|(key, _)| key.starts_with("measurement/")).collect();
    let mut rows: Vec<Row> = Vec::new();
    for written in all.iter().filter_map(|(_, values)| values.last()) {
        let Some(record) = read_json::<MeasurementRecord>(&written.value) else { continue };
        rows.push(Row::from(vec![
            show.measurement(&record),
            show.names.person(&written.by),
            when(record.at.0),
        ]));
    }
    rows.truncate(MAX_ROWS);
    let heads = [("测量", "measured"), ("谁", "who"), ("手机时间", "phone time")];
    let left_out = all.len().saturating_sub(rows.len()) as u64;
    html! { @if !all.is_empty() { (table(bi(("测量", "Measurements")), &heads, &rows, left_out, ("无", "none"))) } }
}
