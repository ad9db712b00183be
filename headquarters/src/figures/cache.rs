//! What figures keep of each document, written with the document itself.
//!
//! Invariant: every table here can be made anew from documents and log ([`rebuild`]) and is then
//! the same. Rejected: counting documents at each report, which opens 35,000 of them.

use super::pack::pack;
use crate::{error::HqError, store::StoredDoc};
use lanewalk_model::{
    id::DocId,
    kpi::{History, is_counted},
    person::merged_into,
    schema::DocKind,
    search,
    time::TimeMs,
    view::DocView,
};
use rusqlite::{Connection, Transaction, params};

/// Notes a document that was just written under row number `n`.
pub(crate) fn note(tx: &Transaction<'_>, n: i64, id: DocId, view: &DocView) -> Result<(), HqError> {
    match id.kind {
        DocKind::Order => order(tx, n, view),
        DocKind::Visit => visit(tx, n, view),
        DocKind::Appeal => appeal(tx, n, view),
        DocKind::Person => person(tx, id, view),
        DocKind::Place => place(tx, id, view),
        _ => Ok(()),
    }
}

/// Notes when the first entry of a visit or an appeal counts: a phone's own times are claims.
pub(crate) fn counts_from(tx: &Transaction<'_>, n: i64, kind: DocKind, at: TimeMs) -> Result<(), HqError> {
    let sql = match kind {
        DocKind::Visit => "UPDATE visit_facts SET at = ?2 WHERE doc = ?1 AND at IS NULL",
        DocKind::Appeal => "UPDATE appeal_facts SET at = ?2 WHERE doc = ?1 AND at IS NULL",
        _ => return Ok(()),
    };
    tx.prepare_cached(sql)?.execute(params![n, at.0])?;
    Ok(())
}

/// Makes all tables anew.
pub(crate) fn rebuild(tx: &Transaction<'_>) -> Result<(), HqError> {
    tx.execute_batch(
        "DELETE FROM order_facts; DELETE FROM visit_facts; DELETE FROM contact_facts; DELETE FROM appeal_facts;
         DELETE FROM person_links; DELETE FROM dwelling_facts;",
    )?;
    let kinds = [DocKind::Order, DocKind::Visit, DocKind::Appeal, DocKind::Person, DocKind::Place];
    for kind in kinds {
        for id in ids(tx, kind)? {
            let Some(stored) = StoredDoc::find(tx, id)? else { continue };
            note(tx, stored.row.n, id, &stored.view()?)?;
        }
    }
    for table in ["visit_facts", "appeal_facts"] {
        // The first entry that is in the documents: the one that made it.
        tx.execute(
            &format!(
                "UPDATE {table} SET at = (SELECT effective_at FROM log WHERE doc = {table}.doc AND refused IS NULL
                 ORDER BY idx LIMIT 1)"
            ),
            [],
        )?;
    }
    Ok(())
}

fn ids(db: &Connection, kind: DocKind) -> Result<Vec<DocId>, HqError> {
    let mut statement = db.prepare("SELECT id FROM docs WHERE kind = ?1 ORDER BY n")?;
    let found = statement.query_map([kind.code()], |r| r.get::<_, Vec<u8>>(0))?;
    let found: Vec<Vec<u8>> = found.collect::<Result<_, _>>()?;
    Ok(found.iter().filter_map(|bytes| DocId::from_slice(bytes).ok()).collect())
}

fn order(tx: &Transaction<'_>, n: i64, view: &DocView) -> Result<(), HqError> {
    tx.prepare_cached("DELETE FROM order_facts WHERE doc = ?1")?.execute([n])?;
    if !is_counted(view) {
        return Ok(());
    }
    let history = History::of(view);
    let text = |key| view.text(key).unwrap_or_default();
    let hotline = text("appeal").is_empty() && !matches!(text("channel"), "grid" | "service_point");
    tx.prepare_cached(
        "INSERT INTO order_facts (received_at, doc, grid, matter, unit, urgency, channel, hotline, place, history)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        history.received_at.0,
        n,
        text("grid"),
        text("matter_code"),
        text("lead_unit"),
        text("urgency"),
        text("channel"),
        hotline,
        place_words(text("place_text")),
        pack(&history),
    ])?;
    Ok(())
}

/// Writes a place so that one within another can be found; empty when nothing names it.
fn place_words(text: &str) -> String {
    let words = search::index_text(text);
    if words.is_empty() { words } else { format!(" {words} ") }
}

fn visit(tx: &Transaction<'_>, n: i64, view: &DocView) -> Result<(), HqError> {
    let text = |key| view.text(key).unwrap_or_default();
    tx.prepare_cached("INSERT OR IGNORE INTO visit_facts (doc, grid, target) VALUES (?1, ?2, ?3)")?
        .execute(params![n, text("grid"), text("target")])?;
    for (event, person) in view.members("met") {
        tx.prepare_cached("INSERT OR IGNORE INTO contact_facts (visit, event, person) VALUES (?1, ?2, ?3)")?
            .execute(params![n, event, person.text().unwrap_or_default()])?;
    }
    Ok(())
}

fn appeal(tx: &Transaction<'_>, n: i64, view: &DocView) -> Result<(), HqError> {
    let text = |key| view.text(key).unwrap_or_default();
    let solved = view.flag("solved_on_site") || text("status") == "solved_on_site";
    tx.prepare_cached(
        "INSERT INTO appeal_facts (doc, grid, kind, channel, place, solved, turned)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (doc) DO UPDATE SET solved = excluded.solved, turned = excluded.turned",
    )?
    .execute(params![
        n,
        text("grid"),
        text("kind"),
        text("channel"),
        place_words(text("place_text")),
        solved,
        text("status") == "converted",
    ])?;
    Ok(())
}

fn person(tx: &Transaction<'_>, id: DocId, view: &DocView) -> Result<(), HqError> {
    let person = id.to_string();
    match merged_into(view) {
        Some((_, other)) => tx
            .prepare_cached("INSERT OR REPLACE INTO person_links (person, other) VALUES (?1, ?2)")?
            .execute([person, other.to_string()])?,
        None => tx.prepare_cached("DELETE FROM person_links WHERE person = ?1")?.execute([person])?,
    };
    Ok(())
}

fn place(tx: &Transaction<'_>, id: DocId, view: &DocView) -> Result<(), HqError> {
    let place = id.to_string();
    // A place that was found to be another one is no dwelling of its own.
    let counts = view.text("kind") == Some("dwelling") && view.text("mapped_to").is_none_or(str::is_empty);
    if counts {
        tx.prepare_cached("INSERT OR REPLACE INTO dwelling_facts (place, grid) VALUES (?1, ?2)")?
            .execute([place.as_str(), view.text("grid").unwrap_or_default()])?;
    } else {
        tx.prepare_cached("DELETE FROM dwelling_facts WHERE place = ?1")?.execute([place])?;
    }
    Ok(())
}
