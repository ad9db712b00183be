//! What of a document the concentration rule and the search look at.
//!
//! Invariant: a pure function of the document and of who asked for the order; a requester's name
//! is taken out before a word is indexed, so that nobody finds an order by it. Persons, care
//! records and briefs are not indexed at all.

use crate::{error::HqError, groups, store};
use lanewalk_model::{
    group::cluster,
    id::DocId,
    knowledge,
    order::{self, State},
    privacy,
    rows::ListRow,
    schema::DocKind,
    search,
    view::DocView,
};
use rusqlite::{OptionalExtension as _, Transaction, params};
use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
};

/// Notes a document that was just written; `n` is its row number.
pub(crate) fn note(
    tx: &Transaction<'_>,
    n: i64,
    id: DocId,
    view: &DocView,
    row: &ListRow,
) -> Result<(), HqError> {
    match id.kind {
        DocKind::Order => spot(tx, n, view, row)?,
        DocKind::Knowledge => entry(tx, n, view)?,
        _ => {}
    }
    words(tx, n, id, row)
}

fn spot(tx: &Transaction<'_>, n: i64, view: &DocView, row: &ListRow) -> Result<(), HqError> {
    let mut units: Vec<&str> = view.members("support_unit").map(|(unit, _)| unit).collect();
    units.extend(view.text("lead_unit").filter(|u| !u.is_empty()));
    let void = matches!(order::state(view), State::Excluded | State::Returned);
    let counted = match groups::is_master(view) {
        true => 2,
        false => i64::from(cluster::is_counted(view) && !void),
    };
    tx.prepare_cached(
        "INSERT INTO spots (doc, matter, grid, at, lat_e7, lon_e7, units, counted)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (doc) DO UPDATE SET matter = excluded.matter, grid = excluded.grid,
            units = excluded.units, counted = excluded.counted
         WHERE (matter, grid, units, counted)
            IS NOT (excluded.matter, excluded.grid, excluded.units, excluded.counted)",
    )?
    .execute(params![
        n,
        view.text("matter_code").unwrap_or_default(),
        row.grid,
        row.at.unwrap_or(0),
        row.lat_e7,
        row.lon_e7,
        units.join(" "),
        counted,
    ])?;
    Ok(())
}

fn entry(tx: &Transaction<'_>, n: i64, view: &DocView) -> Result<(), HqError> {
    let text = |key| view.text(key).unwrap_or_default();
    let waiting = knowledge::suggestions(view).iter().filter(|(_, _, _, decided)| !decided).count();
    tx.prepare_cached(
        "INSERT INTO kb (doc, topic, version, kind, matter, owner_unit, title, current, waiting)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (doc) DO UPDATE SET current = excluded.current, waiting = excluded.waiting",
    )?
    .execute(params![
        n,
        text("topic"),
        view.int("version").unwrap_or(0),
        text("kind"),
        text("matter_code"),
        text("owner_unit"),
        text("title"),
        !view.flag("superseded"),
        i64::try_from(waiting).unwrap_or(i64::MAX),
    ])?;
    Ok(())
}

/// Kinds that are found by words.
pub(super) fn is_searched(kind: DocKind) -> bool {
    matches!(
        kind,
        DocKind::Order
            | DocKind::Visit
            | DocKind::Appeal
            | DocKind::Place
            | DocKind::Survey
            | DocKind::TaskForce
            | DocKind::Knowledge
    )
}

fn words(tx: &Transaction<'_>, n: i64, id: DocId, row: &ListRow) -> Result<(), HqError> {
    if !is_searched(id.kind) {
        return Ok(());
    }
    let table = if id.kind == DocKind::Knowledge { "known" } else { "found" };
    let mut hasher = DefaultHasher::new();
    row.search.hash(&mut hasher);
    let sum = hasher.finish().cast_signed();
    let before: Option<i64> = tx
        .prepare_cached("SELECT sum FROM found_of WHERE doc = ?1")?
        .query_row([n], |r| r.get(0))
        .optional()?;
    if before == Some(sum) || (before.is_none() && row.search.trim().is_empty()) {
        return Ok(());
    }
    if before.is_some() {
        tx.prepare_cached(&format!("DELETE FROM {table} WHERE rowid = ?1"))?.execute([n])?;
    }
    let name = requester(tx, n, id, row)?;
    let text = search::index_text(&privacy::redact(&row.search, &[&name]));
    tx.prepare_cached(&format!("INSERT INTO {table} (rowid, words) VALUES (?1, ?2)"))?
        .execute(params![n, text])?;
    tx.prepare_cached(
        "INSERT INTO found_of (doc, sum) VALUES (?1, ?2) ON CONFLICT (doc) DO UPDATE SET sum = excluded.sum",
    )?
    .execute([n, sum])?;
    Ok(())
}

/// Reads the name of who asked for the order that a document is or belongs to.
fn requester(tx: &Transaction<'_>, n: i64, id: DocId, row: &ListRow) -> Result<String, HqError> {
    let order = match id.kind {
        DocKind::Order => Some(n),
        _ => match row.parent.parse::<DocId>() {
            Ok(parent) => store::DocRow::find(tx, parent)?.map(|d| d.n),
            Err(_) => None,
        },
    };
    let Some(order) = order else { return Ok(String::new()) };
    let name = tx
        .prepare_cached("SELECT name FROM requesters WHERE doc = ?1")?
        .query_row([order], |r| r.get(0))
        .optional()?;
    Ok(name.unwrap_or_default())
}
