//! Several orders as one piece of work, as acts of headquarters' staff: clusters, task forces,
//! sub-tasks, surveys; and records of one place or person that were made twice.
//!
//! Invariant: every act is one transaction that names the member of staff, is judged by
//! [`lanewalk_model::group`], and leaves a step in every order it touches. An order keeps its own
//! id, deadline, reply and callback whatever it is joined to. Rejected: moving children into the
//! master, which loses every citizen but one.

mod cluster;
mod merge;
mod subtask;
mod survey;
mod taskforce;

pub use subtask::NewSubtask;
pub use survey::{Door, NewSurvey};
pub use taskforce::NewTaskForce;

pub(crate) use survey::tally;

use crate::{
    core::Core,
    error::HqError,
    hq::Headquarters,
    store::{DocRow, StoredDoc},
};
use lanewalk_model::{
    document::Edit,
    id::DocId,
    records::{StepRecord, to_json},
    schema::DocKind,
    view::DocView,
};
use rusqlite::{Connection, Transaction};

/// Bytes of a title: the schema's.
const LINE: usize = 600;

/// What ended or grew late while nobody looked: ends masters whose children have ended, tells of
/// task forces that are overdue. The clock calls it.
pub(crate) fn tick(tx: &Transaction<'_>, core: &mut Core) -> Result<(), HqError> {
    cluster::end_masters(tx, core)?;
    taskforce::tell_overdue(tx, core)
}

impl Headquarters {
    /// Does what time alone does to groups.
    pub fn tick_groups(&mut self) -> Result<(), HqError> {
        self.act(tick)
    }
}

/// An order has ended: its master may end with it. Whoever ends an order calls it.
pub(crate) fn ended(tx: &Transaction<'_>, core: &mut Core, order: DocId) -> Result<(), HqError> {
    let Some(view) = find(tx, order)? else { return Ok(()) };
    match view.text("master").and_then(|m| m.parse().ok()) {
        Some(master) => cluster::settle(tx, core, master),
        None => Ok(()),
    }
}

/// Reads a document; `None` when there is none.
pub(crate) fn find(db: &Connection, id: DocId) -> Result<Option<DocView>, HqError> {
    StoredDoc::find(db, id)?.map(|stored| stored.view()).transpose()
}

/// Reads a document of a kind.
pub(crate) fn need(db: &Connection, id: DocId, kind: DocKind) -> Result<DocView, HqError> {
    let found = if id.kind == kind { find(db, id)? } else { None };
    found.ok_or_else(|| HqError::NotFound(id.to_string()))
}

/// Reads the ids of the orders that a family names by their 32 digits.
pub(crate) fn orders_of(view: &DocView, family: &str) -> Vec<DocId> {
    view.members(family).filter_map(|(hex, _)| format!("order:{hex}").parse().ok()).collect()
}

/// Lists the documents of a kind, open ones first, newest first.
pub(crate) fn list(db: &Connection, kind: DocKind, most: usize) -> Result<Vec<DocRow>, HqError> {
    let sql = format!(
        "SELECT {} FROM docs d WHERE d.kind = ?1 ORDER BY d.open DESC, d.n DESC LIMIT ?2",
        crate::store::FACT_COLUMNS
    );
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map((kind.code(), i64::try_from(most).unwrap_or(0)), DocRow::read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Says whether a document of kind order is a master.
pub(crate) fn is_master(view: &DocView) -> bool {
    view.text("channel") == Some(lanewalk_model::group::cluster::CHANNEL)
}

/// Lists the masters, open ones first, newest first.
pub(crate) fn masters(db: &Connection, most: usize) -> Result<Vec<DocId>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT d.id FROM spots s JOIN docs d ON d.n = s.doc WHERE s.counted = 2
         ORDER BY d.open DESC, d.n DESC LIMIT ?1",
    )?;
    let rows = statement.query_map([i64::try_from(most).unwrap_or(0)], |r| r.get::<_, Vec<u8>>(0))?;
    let ids: Vec<Vec<u8>> = rows.collect::<Result<_, _>>()?;
    Ok(ids.iter().filter_map(|id| DocId::from_slice(id).ok()).collect())
}

/// Writes edits and the step that explains them.
fn write(
    tx: &Transaction<'_>,
    core: &mut Core,
    id: DocId,
    mut edits: Vec<Edit>,
    step: &StepRecord,
) -> Result<(), HqError> {
    edits.push(Edit::set(format!("step/{}", core.event()), to_json(step)));
    core.write(tx, id, &step.by, &edits).map(|_| ())
}

#[cfg(test)]
mod tests;
