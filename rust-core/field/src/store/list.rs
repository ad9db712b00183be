//! The list table and the word index: what screens read.
//!
//! Invariant: a row is [`ListRow::of`] one document and is written in the transaction that
//! changed the document. Rejected: reading lists from the documents (0.9 s for 5,000, against
//! 5 ms for the first rows of the table).

use super::entries::blob_id;
use crate::{
    error::FieldError,
    reads::{ListItem, ListQuery},
};
use lanewalk_model::{id::DocId, policy::ScopeFacts, rows::ListRow, schema::DocKind, search, view::DocView};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, named_params};

/// Most rows one call returns.
pub(crate) const MAX_ROWS: u32 = 1_000;

/// Writes a document's row and words.
pub(crate) fn put(tx: &Transaction<'_>, id: DocId, view: &DocView) -> Result<(), FieldError> {
    let row = ListRow::of(id, view);
    let key = id.to_bytes();
    let before: Option<String> = tx
        .prepare_cached("SELECT search FROM list WHERE doc = ?1")?
        .query_row([key.as_slice()], |r| r.get(0))
        .optional()?;
    let rowid: i64 = tx
        .prepare_cached(
            "INSERT INTO list (doc, kind, title, detail, state, open, urgent, due_at, due_provisional, grid,
                               lat_e7, lon_e7, parent, author, at, conflicts, pending, search, finished_at)
             VALUES (:doc, :kind, :title, :detail, :state, :open, :urgent, :due_at, :due_provisional, :grid,
                     :lat_e7, :lon_e7, :parent, :author, :at, :conflicts, :pending, :search, :finished_at)
             ON CONFLICT (doc) DO UPDATE SET
                title = excluded.title, detail = excluded.detail, state = excluded.state,
                open = excluded.open, urgent = excluded.urgent, due_at = excluded.due_at,
                due_provisional = excluded.due_provisional, grid = excluded.grid,
                lat_e7 = excluded.lat_e7, lon_e7 = excluded.lon_e7, parent = excluded.parent,
                author = excluded.author, at = excluded.at, conflicts = excluded.conflicts,
                pending = excluded.pending, search = excluded.search, finished_at = excluded.finished_at
             RETURNING id",
        )?
        .query_row(
            named_params! {
                ":doc": key.as_slice(), ":kind": id.kind.code(), ":title": row.title,
                ":detail": row.detail, ":state": row.state, ":open": row.open, ":urgent": row.urgent,
                ":due_at": row.due_at, ":due_provisional": row.due_provisional, ":grid": row.grid,
                ":lat_e7": row.lat_e7, ":lon_e7": row.lon_e7, ":parent": row.parent,
                ":author": row.author, ":at": row.at, ":conflicts": row.conflicts,
                ":pending": row.pending, ":search": row.search,
                ":finished_at": ScopeFacts::of(view).finished_at.map(|t| t.0),
            },
            |r| r.get(0),
        )?;
    if before.as_ref() == Some(&row.search) {
        return Ok(());
    }
    if before.is_some_and(|text| !text.is_empty()) {
        unindex(tx, rowid)?;
    }
    if !row.search.is_empty() {
        tx.prepare_cached("INSERT INTO list_fts (rowid, words) VALUES (?1, ?2)")?
            .execute((rowid, search::index_text(&row.search)))?;
    }
    Ok(())
}

/// Removes a document's row and words.
pub(crate) fn remove(tx: &Transaction<'_>, id: DocId) -> Result<(), FieldError> {
    let gone: Option<(i64, String)> = tx
        .prepare_cached("DELETE FROM list WHERE doc = ?1 RETURNING id, search")?
        .query_row([id.to_bytes().as_slice()], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    match gone {
        Some((rowid, text)) if !text.is_empty() => unindex(tx, rowid),
        _ => Ok(()),
    }
}

fn unindex(tx: &Transaction<'_>, rowid: i64) -> Result<(), FieldError> {
    tx.prepare_cached("DELETE FROM list_fts WHERE rowid = ?1")?.execute([rowid])?;
    Ok(())
}

const COLUMNS: &str = "l.doc, l.title, l.detail, l.state, l.open, l.urgent, l.due_at, l.due_provisional, l.grid, \
     l.lat_e7, l.lon_e7, l.parent, l.author, l.at, l.conflicts, l.pending";

fn item(r: &Row<'_>) -> rusqlite::Result<ListItem> {
    Ok(ListItem {
        id: blob_id(r, 0, DocId::from_slice)?,
        row: ListRow {
            // For headquarters' clock and queues.
            marked: false,
            units: String::new(),
            title: r.get(1)?,
            detail: r.get(2)?,
            state: r.get(3)?,
            open: r.get(4)?,
            urgent: r.get(5)?,
            due_at: r.get(6)?,
            due_provisional: r.get(7)?,
            grid: r.get(8)?,
            lat_e7: r.get(9)?,
            lon_e7: r.get(10)?,
            parent: r.get(11)?,
            author: r.get(12)?,
            at: r.get(13)?,
            conflicts: r.get(14)?,
            pending: r.get(15)?,
            search: String::new(),
        },
        distance_m: None,
        countdown: None,
    })
}

const ORDER: &str = " ORDER BY l.open DESC, l.urgent DESC, l.due_order, l.at_order DESC, l.id";

/// The fixed fragments of SQL that a query needs; values are always bound.
fn filter(query: &ListQuery) -> Vec<&'static str> {
    let mut parts = Vec::new();
    if query.kind.is_some() {
        parts.push("l.kind = :kind");
    }
    if query.open_only {
        parts.push("l.open = 1");
    }
    if query.parent.is_some() {
        parts.push("l.parent = :parent");
    }
    if query.near.is_some() {
        parts.push("l.lat_e7 IS NOT NULL");
    }
    parts
}

/// Lists rows; kinds in `hidden` are left out.
pub(crate) fn query(
    conn: &Connection,
    query: &ListQuery,
    hidden: &[DocKind],
) -> Result<Vec<ListItem>, FieldError> {
    let mut parts = filter(query);
    if !hidden.is_empty() {
        parts.push("l.kind NOT IN (SELECT value FROM json_each(:hidden))");
    }
    let condition = if parts.is_empty() { String::new() } else { [" WHERE ", &parts.join(" AND ")].concat() };
    let kind = query.kind.map(DocKind::code);
    let hidden = kinds_json(hidden);
    let limit = query.limit.min(MAX_ROWS);
    let bind = |statement: &mut rusqlite::Statement<'_>| -> Result<(), FieldError> {
        for (name, value) in [
            (":kind", &kind as &dyn rusqlite::ToSql),
            (":parent", &query.parent),
            (":hidden", &hidden),
            (":limit", &limit),
            (":offset", &query.offset),
        ] {
            if let Some(at) = statement.parameter_index(name)? {
                statement.raw_bind_parameter(at, value)?;
            }
        }
        Ok(())
    };
    if let Some(here) = &query.near {
        let sql = ["SELECT l.id, l.lat_e7, l.lon_e7 FROM list l", &condition].concat();
        let mut statement = conn.prepare_cached(&sql)?;
        bind(&mut statement)?;
        let from = (i64::from(here.lat_e7()), i64::from(here.lon_e7()));
        let mut near: Vec<(f64, i64)> = Vec::new();
        let mut rows = statement.raw_query();
        while let Some(r) = rows.next()? {
            near.push((distance_m(from, (r.get(1)?, r.get(2)?)), r.get(0)?));
        }
        near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let page = near.into_iter().skip(query.offset as usize).take(limit as usize);
        return page.map(|(metres, rowid)| by_rowid(conn, rowid, Some(metres))).collect();
    }
    let sql =
        ["SELECT ", COLUMNS, " FROM list l", &condition, ORDER, " LIMIT :limit OFFSET :offset"].concat();
    let mut statement = conn.prepare_cached(&sql)?;
    bind(&mut statement)?;
    let rows = statement.raw_query().mapped(item);
    Ok(rows.collect::<Result<_, _>>()?)
}

fn by_rowid(conn: &Connection, rowid: i64, distance_m: Option<f64>) -> Result<ListItem, FieldError> {
    let sql = ["SELECT ", COLUMNS, " FROM list l WHERE l.id = ?1"].concat();
    let found = conn.prepare_cached(&sql)?.query_row([rowid], item)?;
    Ok(ListItem { distance_m, ..found })
}

/// Hits looked at: more than that is no search but a list.
const MAX_HITS: &str = "2000";

/// Finds rows by words: open work first, then the newest. Not by bm25, which walks every
/// occurrence of every character of the query: 34 ms at 5,000 documents, and no better an order
/// for short Chinese texts.
pub(crate) fn find(
    conn: &Connection,
    text: &str,
    limit: u32,
    hidden: &[DocKind],
) -> Result<Vec<ListItem>, FieldError> {
    let Some(expression) = search::match_expression(text) else { return Ok(Vec::new()) };
    let sql = [
        "SELECT ",
        COLUMNS,
        " FROM (SELECT rowid FROM list_fts WHERE list_fts MATCH ?1 ORDER BY rowid DESC LIMIT ",
        MAX_HITS,
        ") f JOIN list l ON l.id = f.rowid
          WHERE l.kind NOT IN (SELECT value FROM json_each(?2))
          ORDER BY l.open DESC, l.at_order DESC, l.id DESC LIMIT ?3",
    ]
    .concat();
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map((expression, kinds_json(hidden), limit.min(MAX_ROWS)), item)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn kinds_json(kinds: &[DocKind]) -> String {
    serde_json::to_string(&kinds.iter().map(|k| k.code()).collect::<Vec<_>>()).unwrap_or_default()
}

/// Reads one row.
pub(crate) fn get(conn: &Connection, id: DocId) -> Result<Option<ListItem>, FieldError> {
    let sql = ["SELECT ", COLUMNS, " FROM list l WHERE l.doc = ?1"].concat();
    Ok(conn.prepare_cached(&sql)?.query_row([id.to_bytes().as_slice()], item).optional()?)
}

/// Lists documents with fields that wait for a person.
pub(crate) fn with_conflicts(conn: &Connection) -> Result<Vec<DocId>, FieldError> {
    let mut statement = conn.prepare_cached("SELECT doc FROM list WHERE conflicts > 0 ORDER BY id")?;
    let rows = statement.query_map([], |r| blob_id(r, 0, DocId::from_slice))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Finds the reference document of a name.
pub(crate) fn reference(conn: &Connection, name: &str) -> Result<Option<DocId>, FieldError> {
    Ok(conn
        .prepare_cached("SELECT doc FROM list WHERE kind = ?1 AND title = ?2 ORDER BY id LIMIT 1")?
        .query_row((DocKind::Reference.code(), name), |r| blob_id(r, 0, DocId::from_slice))
        .optional()?)
}

/// Lists documents finished before a time.
pub(crate) fn finished_before(conn: &Connection, before: i64) -> Result<Vec<DocId>, FieldError> {
    let mut statement = conn.prepare_cached("SELECT doc FROM list WHERE finished_at < ?1 ORDER BY id")?;
    let rows = statement.query_map([before], |r| blob_id(r, 0, DocId::from_slice))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Metres between two places on one town's scale: a degree of latitude is 111.2 km and one of
/// longitude shrinks with the latitude. Off by less than 0.5 % within 100 km.
fn distance_m((lat_a, lon_a): (i64, i64), (lat_b, lon_b): (i64, i64)) -> f64 {
    const METRES_PER_UNIT: f64 = 0.011_119_5;
    // Both are below 1.8e9 in size, which f64 holds exactly.
    #[allow(clippy::cast_precision_loss)]
    let (dy, dx, lat) = ((lat_a - lat_b) as f64, (lon_a - lon_b) as f64, (lat_a + lat_b) as f64 / 2e7);
    (dy * METRES_PER_UNIT).hypot(dx * METRES_PER_UNIT * lat.to_radians().cos())
}
