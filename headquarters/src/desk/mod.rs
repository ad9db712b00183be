//! The desk: what staff at headquarters do to orders.
//!
//! Invariant: every act names the member of staff, is judged by the model, and is one entry of
//! headquarters' chain with one step. Nobody decides an own proposal (DOMAIN.md §3). An order
//! outside somebody's reach is one that does not exist.

pub mod catalogue;
mod due;
pub(crate) mod evidence;
mod facts;
mod proposals;
pub mod tick;
pub mod watch;

pub use proposals::Waiting;

use crate::{
    core::Core,
    error::HqError,
    groups,
    hq::Headquarters,
    store::{self, StoredDoc},
};
use lanewalk_model::{
    access,
    document::Edit,
    id::DocId,
    order::{self, Act, Destination, Done, Refusal, Situation, State},
    privacy,
    records::{CallbackRecord, to_json},
    schema::DocKind,
    staff::Subject,
    time::TimeMs,
    view::DocView,
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

impl Headquarters {
    /// Does an act to an order as a member of staff, for a reason. Returns the refusal when the
    /// rules refuse it; then nothing changed.
    ///
    /// # Errors
    /// [`HqError::NotFound`] when there is no such person or no such order within their reach.
    pub fn perform(
        &mut self,
        by: &str,
        order: DocId,
        what: &Act,
        reason: &str,
    ) -> Result<Option<Refusal>, HqError> {
        self.act(|tx, core| core.perform(tx, by, order, what, reason))
    }

    /// Writes edits to a document as a member of staff whose role the schema lets write them.
    /// The console and tests use it; phones never reach it.
    pub fn write_as(&mut self, by: &str, id: DocId, edits: &[Edit]) -> Result<DocView, HqError> {
        self.act(|tx, core| {
            let subject = staff(tx, by)?;
            let spec = id.kind.spec();
            for edit in edits {
                let field = spec
                    .field(edit.key())
                    .ok_or_else(|| HqError::NotAllowed(format!("no field {}", edit.key())))?;
                if !field.may_write(subject.role) {
                    return Err(HqError::NotAllowed(format!(
                        "{} may not write {}",
                        subject.role.id(),
                        edit.key()
                    )));
                }
            }
            core.write(tx, id, by, edits)
        })
    }

    /// Writes many documents by rule in one transaction: imports of reference kinds, tests.
    pub fn write_by_rule(&mut self, documents: &[(DocId, Vec<Edit>)]) -> Result<(), HqError> {
        self.act(|tx, core| {
            for (id, edits) in documents {
                core.write(tx, *id, "hq", edits)?;
            }
            Ok(())
        })
    }

    /// Draws an id for a new document.
    pub fn new_id(&mut self, kind: DocKind) -> DocId {
        DocId { kind, uuid: self.core.uuid() }
    }
}

impl Core {
    pub(crate) fn perform(
        &mut self,
        tx: &Transaction<'_>,
        by: &str,
        order: DocId,
        what: &Act,
        reason: &str,
    ) -> Result<Option<Refusal>, HqError> {
        let (subject, view) = within_reach(tx, by, order, self.now())?;
        let mut what = what.clone();
        let note = if let Act::Callback(call) = &what { call.note.as_str() } else { "" };
        if names_somebody(tx, order, &[reason, note].join(" "))? {
            return Ok(Some(Refusal::PersonalData));
        }
        let situation = self.situation(tx, &subject, order, &view, &mut what, reason)?;
        let done = match order::act(&view, &what, &subject, &situation) {
            Ok(done) => done,
            Err(refusal) => return Ok(Some(refusal)),
        };
        let Done { mut edits, mut step } = done;
        match &what {
            Act::Accept => {
                self.push_step(&mut edits, &step);
                return self.route(tx, by, order, &view, edits).map(|()| None);
            }
            Act::Dispatch(to) => {
                if !self.knows(tx, to)? {
                    return Ok(Some(Refusal::HolderUnknown));
                }
                if order::state(&view) == State::Triage {
                    self.propose_row(tx, by, order, &view, to)?;
                }
                self.send_to(tx, &mut edits, order, by, to)?;
            }
            Act::Urgency(_) => {
                let changed = view.with(&edits);
                if let Some(promise) = self.promise(&changed) {
                    let at = self.binding(&changed, &promise.due);
                    step.due = Some(at);
                    edits.extend(self.due_edits(&view, &promise.due, at));
                }
            }
            Act::Rework => {
                if let Some(due) = self.limit_end(situation.now, self.settings.limits.rework) {
                    step.due = Some(due.at);
                    // A round of its own: the upstream time belonged to the first.
                    edits.extend(self.due_edits(&view, &due, due.at));
                }
            }
            Act::Callback(call) => {
                let call = CallbackRecord { at: situation.now, round: order::round(&view), ..call.clone() };
                edits.push(Edit::set(format!("callback/{}", self.event()), to_json(&call)));
            }
            Act::Close => {
                for brief in StoredDoc::children(tx, &order.to_string(), DocKind::Brief)? {
                    self.write(tx, brief.row.id, by, &[Edit::set("closed_at", situation.now.0)])?;
                }
            }
            _ => {}
        }
        self.step(tx, order, by, edits, &step)?;
        if matches!(what, Act::Close) {
            groups::ended(tx, self, order)?;
        }
        Ok(None)
    }

    /// An accepted order goes on by the catalogue at once (R26, R27), unless the clerk has to plan
    /// a site check or say where it is.
    fn route(
        &mut self,
        tx: &Transaction<'_>,
        by: &str,
        order: DocId,
        view: &DocView,
        mut edits: Vec<Edit>,
    ) -> Result<(), HqError> {
        let Some(stored) = StoredDoc::find(tx, order)? else { return Ok(()) };
        let matter = self.matter_of(tx, &stored, view)?;
        let grid = view.text("grid").filter(|g| !g.is_empty());
        let unclear = view.flag("unclear_statement") || view.flag("unclear_responsibility");
        if matter.is_none() || (grid.is_some() && !unclear) {
            if let Some(matter) = &matter {
                edits.push(Edit::set("matter_code", matter.matter_code.as_str()));
                edits.push(Edit::set("catalog_version", self.catalog.version.as_str()));
            }
            self.route_edits(tx, &mut edits, matter.as_ref(), grid, by)?;
        }
        self.write(tx, order, by, &edits)?;
        Ok(())
    }

    fn situation(
        &mut self,
        tx: &Transaction<'_>,
        subject: &Subject,
        order: DocId,
        view: &DocView,
        what: &mut Act,
        reason: &str,
    ) -> Result<Situation, HqError> {
        let mut matches = 0;
        if let Act::Dispatch(to) = what {
            let code = to.matter_code.as_deref().or_else(|| view.text("matter_code"));
            if let Some(matter) = code.and_then(|c| self.catalog.matter(c)) {
                matches = 1;
                if order::state(view) == State::Accepted {
                    // R26: with one match the catalogue says whose it is, not the clerk.
                    to.lead_unit.clone_from(&matter.lead_unit);
                    to.support_units.clone_from(&matter.support_units);
                }
                to.matter_code = Some(matter.matter_code.clone());
            } else {
                to.matter_code = None;
            }
            if to.grid.is_empty() {
                view.text("grid").unwrap_or_default().clone_into(&mut to.grid);
            }
        }
        let mut visitors = Vec::new();
        if matches!(what, Act::Callback(_)) {
            for visit in StoredDoc::children(tx, &order.to_string(), DocKind::Visit)? {
                visitors.push(visit.row.facts.author);
            }
        }
        Ok(Situation {
            now: self.now(),
            reason: reason.to_owned(),
            on_watch: watch::on_watch(tx)?.is_some_and(|w| w.person == subject.worker),
            matches,
            visitors,
        })
    }

    /// Says whether the place an order is sent to exists: the unit in the catalogue (when there is
    /// one with units), the grid on the map (when there is one).
    fn knows(&self, tx: &Transaction<'_>, to: &Destination) -> Result<bool, HqError> {
        let unit = self.catalog.units.is_empty() || self.catalog.units.iter().any(|u| u.id == to.lead_unit);
        let on_map =
            self.grids.as_ref().is_none_or(|g| g.cells().iter().any(|c| c.id().to_string() == to.grid));
        Ok(unit && (on_map || !store::holders(tx, &to.grid, self.last_now)?.is_empty()))
    }

    /// Adds the edits of a dispatch, and moves the brief to the same grid.
    fn send_to(
        &mut self,
        tx: &Transaction<'_>,
        edits: &mut Vec<Edit>,
        order: DocId,
        by: &str,
        to: &Destination,
    ) -> Result<(), HqError> {
        let now = self.now();
        edits.push(Edit::set("grid", to.grid.as_str()));
        if let Some(code) = &to.matter_code {
            edits.push(Edit::set("matter_code", code.as_str()));
        }
        edits.push(Edit::set("catalog_version", self.catalog.version.as_str()));
        self.dispatch_edits(tx, edits, &to.lead_unit, &to.support_units, &to.grid, now)?;
        for brief in StoredDoc::children(tx, &order.to_string(), DocKind::Brief)? {
            self.write(tx, brief.row.id, by, &[Edit::set("grid", to.grid.as_str())])?;
        }
        Ok(())
    }

    /// R27: keeps the deputy leader's choice as a proposed row of the catalogue.
    fn propose_row(
        &mut self,
        tx: &Transaction<'_>,
        by: &str,
        order: DocId,
        view: &DocView,
        to: &Destination,
    ) -> Result<(), HqError> {
        let n: i64 = tx.query_row("SELECT n FROM docs WHERE id = ?1", [order.to_bytes()], |r| r.get(0))?;
        let words = view.text("title").unwrap_or_default();
        let urgency = view.text("urgency").unwrap_or("general");
        tx.prepare_cached(
            "INSERT INTO catalog_proposals (doc, words, lead_unit, support, urgency, by, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            n,
            words,
            to.lead_unit,
            to.support_units.join(" "),
            urgency,
            by,
            self.now().0
        ])?;
        Ok(())
    }
}

/// Reads who acts and the order, if it is within their reach now.
pub(crate) fn within_reach(
    db: &Connection,
    by: &str,
    order: DocId,
    now: TimeMs,
) -> Result<(Subject, DocView), HqError> {
    let subject = staff(db, by)?;
    let missing = || HqError::NotFound(order.to_string());
    let view = StoredDoc::find(db, order)?
        .filter(|d| d.row.id.kind == DocKind::Order)
        .ok_or_else(missing)?
        .view()?;
    if !access::reaches(&subject, &view, now) {
        return Err(missing());
    }
    Ok((subject, view))
}

/// Says whether words that phones of property staff will read name a person: by a number, or by the
/// name or number of the order's own requester (DOMAIN.md §9).
pub(crate) fn names_somebody(db: &Connection, order: DocId, words: &str) -> Result<bool, HqError> {
    if privacy::identifies(words) {
        return Ok(true);
    }
    let requester: Option<(String, String)> = db
        .prepare_cached(
            "SELECT r.name, r.phone FROM requesters r JOIN docs d ON d.n = r.doc WHERE d.id = ?1",
        )?
        .query_row([order.to_bytes()], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let said = |text: &str, least: usize| text.chars().count() >= least && words.contains(text);
    Ok(requester.is_some_and(|(name, phone)| said(name.trim(), 2) || said(phone.trim(), 5)))
}

fn staff(db: &Connection, id: &str) -> Result<Subject, HqError> {
    store::subject(db, id)?.map(|(s, _)| s).ok_or_else(|| HqError::NotFound(format!("staff {id}")))
}
