//! Records of one place or one resident that were made twice.

use super::{find, need};
use crate::{
    ahead::{actor, refused, words},
    core::Core,
    error::HqError,
    hq::Headquarters,
    people::{Line, note},
};
use lanewalk_model::{
    document::Edit,
    group::Refusal,
    id::DocId,
    person::{MergeRecord, merged_into, stands_for},
    records::to_json,
    schema::DocKind,
    staff::Role,
};
use rusqlite::{Connection, Transaction};

impl Headquarters {
    /// Says that a place is another one; `None` takes it back. The one that stays is not mapped.
    /// The reason stands in the access log.
    pub fn map_place(
        &mut self,
        place: DocId,
        into: Option<DocId>,
        text: &str,
        by: &str,
    ) -> Result<(), HqError> {
        self.act(|tx, core| {
            clerk(tx, by)?;
            need(tx, place, DocKind::Place)?;
            let what = if into.is_some() { "map_place" } else { "unmap_place" };
            said(tx, core, (what, place), text, by)?;
            let Some(into) = into else {
                return core.write(tx, place, by, &[Edit::set("mapped_to", "")]).map(|_| ());
            };
            need(tx, into, DocKind::Place)?;
            let last =
                last(tx, into, |db, id| Ok(find(db, id)?.and_then(|v| v.text("mapped_to")?.parse().ok())))?;
            if last == place {
                return Err(refused(Refusal::Same));
            }
            core.write(tx, place, by, &[Edit::set("mapped_to", into.to_string())]).map(|_| ())
        })
    }

    /// Says that a resident is one who was recorded before; can be undone.
    pub fn merge_persons(&mut self, person: DocId, into: DocId, text: &str, by: &str) -> Result<(), HqError> {
        self.act(|tx, core| {
            clerk(tx, by)?;
            let view = need(tx, person, DocKind::Person)?;
            need(tx, into, DocKind::Person)?;
            if merged_into(&view).is_some() {
                return Err(refused(Refusal::Taken));
            }
            if last(tx, into, merged)? == person {
                return Err(refused(Refusal::Same));
            }
            let words = said(tx, core, ("merge_person", person), text, by)?;
            let record = MergeRecord { at: core.now(), into: Some(into.to_string()), undoes: None, words };
            append(tx, core, person, &record, by)
        })
    }

    /// Undoes the merge of a resident that stands; both count again.
    pub fn undo_merge(&mut self, person: DocId, text: &str, by: &str) -> Result<(), HqError> {
        self.act(|tx, core| {
            clerk(tx, by)?;
            let view = need(tx, person, DocKind::Person)?;
            let (event, _) = merged_into(&view).ok_or_else(|| refused(Refusal::NothingToUndo))?;
            let words = said(tx, core, ("undo_merge", person), text, by)?;
            let record = MergeRecord { at: core.now(), into: None, undoes: Some(event), words };
            append(tx, core, person, &record, by)
        })
    }
}

fn clerk(db: &Connection, by: &str) -> Result<(), HqError> {
    let role = actor(db, by)?.role;
    if role == Role::HotlineClerk { Ok(()) } else { Err(refused(Refusal::RoleMayNot)) }
}

/// Checks the reason and leaves the line about who joined or parted records, and why.
fn said(
    tx: &Transaction<'_>,
    core: &mut Core,
    (what, id): (&str, DocId),
    text: &str,
    by: &str,
) -> Result<String, HqError> {
    let purpose = words(text, 600)?;
    let line = Line { who: by, what, about: &id.to_string(), purpose: &purpose, ..Line::default() };
    note(tx, core.now(), &line)?;
    Ok(purpose)
}

fn append(
    tx: &Transaction<'_>,
    core: &mut Core,
    person: DocId,
    record: &MergeRecord,
    by: &str,
) -> Result<(), HqError> {
    let key = format!("merged/{}", core.event());
    core.write(tx, person, by, &[Edit::set(key, to_json(record))]).map(|_| ())
}

fn merged(db: &Connection, id: DocId) -> Result<Option<DocId>, HqError> {
    Ok(find(db, id)?.and_then(|v| merged_into(&v)).map(|(_, into)| into))
}

/// Finds what a record stands for in the end.
fn last(
    db: &Connection,
    id: DocId,
    next: impl Fn(&Connection, DocId) -> Result<Option<DocId>, HqError>,
) -> Result<DocId, HqError> {
    let mut failed = None;
    let end = stands_for(id, |at| {
        next(db, at).unwrap_or_else(|e| {
            failed.get_or_insert(e);
            None
        })
    });
    failed.map_or(Ok(end), Err)
}
