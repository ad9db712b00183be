//! Surveys over a door list (R35).

use super::{LINE, find, need};
use crate::{
    ahead::{actor, refused, words},
    error::HqError,
    hq::Headquarters,
};
use lanewalk_model::{
    document::Edit,
    group::{
        Refusal,
        survey::{Merged, Tally, tally as count},
        taskforce,
    },
    id::{DocId, from_hex, to_hex},
    schema::DocKind,
    staff::{Role, Roles, Subject},
    view::DocView,
};
use rusqlite::{Connection, Transaction};
use std::collections::{BTreeSet, HashMap};

/// Doors of one survey at most.
const MAX_DOORS: usize = 2_000;
const ASKERS: Roles = Role::HotlineClerk.bit().or(Role::DeputyLeader.bit()).or(Role::Principal.bit());

/// One door of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// The recorded place, if there is one; a number in the list otherwise.
    pub place: Option<DocId>,
    /// Name of the shop or flat.
    pub name: String,
}

/// A survey to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewSurvey {
    /// Title.
    pub title: String,
    /// What is asked at each door.
    pub question: String,
    /// The task force it serves.
    pub taskforce: Option<DocId>,
    /// The order or master it serves.
    pub order: Option<DocId>,
    /// Grid whose phones get it; that of what it serves when empty.
    pub grid: String,
    /// The doors.
    pub doors: Vec<Door>,
}

impl Headquarters {
    /// Makes a survey. Clerk and leaders may, and whoever leads the task force it serves.
    pub fn make_survey(&mut self, new: &NewSurvey, by: &str) -> Result<DocId, HqError> {
        self.act(|tx, core| {
            let who = actor(tx, by)?;
            let (mut edits, mut grid) = (Vec::new(), new.grid.trim().to_owned());
            let mut leads = false;
            for (key, id, kind) in
                [("taskforce", new.taskforce, DocKind::TaskForce), ("order", new.order, DocKind::Order)]
            {
                let Some(id) = id else { continue };
                let view = need(tx, id, kind)?;
                if kind == DocKind::TaskForce && taskforce::is_over(&view) {
                    return Err(refused(Refusal::Over));
                }
                leads |= view.text("lead") == Some(&who.worker);
                if grid.is_empty() {
                    view.text("grid").unwrap_or_default().clone_into(&mut grid);
                }
                edits.push(Edit::set(key, id.to_string()));
            }
            if !(leads || ASKERS.has(who.role)) {
                return Err(refused(Refusal::RoleMayNot));
            }
            edits.push(Edit::set("title", words(&new.title, LINE)?));
            edits.push(Edit::set("question", words(&new.question, LINE)?));
            edits.push(Edit::set("grid", grid));
            edits.extend(doors(tx, &new.doors, 0)?);
            let id = DocId { kind: DocKind::Survey, uuid: core.uuid() };
            core.write(tx, id, by, &edits)?;
            Ok(id)
        })
    }

    /// Counts a survey as the places stand now.
    pub fn survey_tally(&self, survey: DocId) -> Result<Tally, HqError> {
        tally(&self.db, &need(&self.db, survey, DocKind::Survey)?)
    }

    /// Adds doors to a survey.
    pub fn add_doors(&mut self, survey: DocId, more: &[Door], by: &str) -> Result<(), HqError> {
        self.act(|tx, core| {
            may_add(&actor(tx, by)?)?;
            let view = need(tx, survey, DocKind::Survey)?;
            let edits = doors(tx, more, view.members("target").count())?;
            core.write(tx, survey, by, &edits).map(|_| ())
        })
    }
}

fn may_add(who: &Subject) -> Result<(), HqError> {
    if ASKERS.has(who.role) { Ok(()) } else { Err(refused(Refusal::RoleMayNot)) }
}

fn doors(tx: &Transaction<'_>, doors: &[Door], known: usize) -> Result<Vec<Edit>, HqError> {
    if doors.len().saturating_add(known) > MAX_DOORS {
        return Err(HqError::NotAllowed(format!("一次调查最多 {MAX_DOORS} 户 (at most {MAX_DOORS} doors)")));
    }
    let mut edits = Vec::with_capacity(doors.len());
    for (i, door) in (known + 1..).zip(doors) {
        let key = match door.place {
            Some(place) => {
                need(tx, place, DocKind::Place)?;
                to_hex(&place.uuid)
            }
            None => format!("{i}"),
        };
        edits.push(Edit::set(format!("target/{key}"), words(&door.name, LINE)?));
    }
    Ok(edits)
}

/// Counts a survey as the places stand now.
pub(crate) fn tally(db: &Connection, survey: &DocView) -> Result<Tally, HqError> {
    let mut merged: HashMap<String, Merged> = HashMap::new();
    let mut open: Vec<String> =
        ["target", "answer"].iter().flat_map(|f| survey.members(f)).map(|(id, _)| id.to_owned()).collect();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    while let Some(target) = open.pop() {
        if !seen.insert(target.clone()) {
            continue;
        }
        let Some(uuid) = from_hex(&target) else { continue };
        let Some(place) = find(db, DocId { kind: DocKind::Place, uuid })? else { continue };
        let Some(said) = place.all("mapped_to").last() else { continue };
        if let Some(into) = said.value.text().and_then(|t| t.parse::<DocId>().ok()) {
            let into = to_hex(&into.uuid);
            open.push(into.clone());
            merged.insert(target, Merged { into, at: said.at });
        }
    }
    Ok(count(survey, |target| merged.get(target).cloned()))
}
