//! What staff at headquarters decide by hand: triage, and proposals that need a person.
//!
//! Invariant: every act names the member of staff, asks the model whether that role may, and is
//! one entry of headquarters' chain. Nobody decides an own proposal (DOMAIN.md §3).

use crate::{
    core::Core,
    error::HqError,
    hq::Headquarters,
    store::{self, DocRow, StoredDoc},
    workflow,
};
use lanewalk_model::{
    deadline,
    document::{Document, Edit},
    id::DocId,
    order::{self, Outcome, Refusal, State, TRANSITIONS},
    records::{ProposalKind, ProposalRecord},
    schema::DocKind,
    staff::Subject,
    time::TimeMs,
    view::DocView,
};
use rusqlite::Transaction;

/// A proposal that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The order.
    pub order: DocId,
    /// The proposal's id in it.
    pub event: String,
    /// The proposal.
    pub record: ProposalRecord,
    /// Who proposed it.
    pub by: String,
    /// The order's title.
    pub title: String,
}

impl Headquarters {
    /// Lists the proposals that wait for a person, oldest order first.
    pub fn waiting(&self) -> Result<Vec<Waiting>, HqError> {
        let mut statement = self
            .db
            .prepare("SELECT id, saved FROM docs WHERE kind = ?1 AND row ->> 'pending' > 0 ORDER BY n")?;
        let rows = statement
            .query_map([DocKind::Order.code()], |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, Vec<u8>>(1)?)))?;
        let mut out = Vec::new();
        for row in rows {
            let (id, saved) = row?;
            let Ok(order) = DocId::from_slice(&id) else { continue };
            let view = Document::load(order.kind, &saved)?.view();
            for (event, record) in order::pending(&view) {
                let by = proposer(&view, &event);
                let title = view.text("title").unwrap_or_default().to_owned();
                out.push(Waiting { order, event, record, by, title });
            }
        }
        Ok(out)
    }

    /// Decides a waiting proposal. Returns the refusal when the rules or the person refuse it.
    pub fn decide(
        &mut self,
        order: DocId,
        event: &str,
        accept: bool,
        by: &str,
        words: &str,
    ) -> Result<Option<Refusal>, HqError> {
        self.act(|tx, core| {
            let decider = staff(tx, by)?;
            let view = view(tx, order)?;
            let proposal =
                workflow::read_proposal(&view, event).ok_or_else(|| HqError::NotFound(event.to_owned()))?;
            if view.get(&format!("decision/{event}")).is_some() {
                return Err(HqError::NotAllowed("already decided".into()));
            }
            let proposer = proposer(&view, event);
            if proposer == by {
                return Err(HqError::NotAllowed("nobody decides an own proposal".into()));
            }
            let author = staff(tx, &proposer)?;
            let effective = effective_at(tx, order, event)?.unwrap_or_else(|| core.now());
            let at = workflow::circumstances(tx, core, &view, order, &author, effective)?;
            let first = order::decide(&view, event, &proposal, &author, &at, false);
            if let Outcome::Ask(roles) = &first
                && !roles.has(decider.role)
            {
                return Err(HqError::NotAllowed(format!("{} may not decide this", decider.role.id())));
            }
            let mut outcome = if accept {
                order::decide(&view, event, &proposal, &author, &at, true)
            } else {
                Outcome::Refuse(Refusal::RefusedByPerson)
            };
            if let (Outcome::Accept(edits), ProposalKind::Extend) = (&mut outcome, proposal.kind) {
                extend_due(core, &view, proposal.extend_days.unwrap_or(0), edits);
            }
            let words = (!words.is_empty()).then(|| words.to_owned());
            workflow::answer(tx, core, order, event, &outcome, by, words)?;
            Ok(match outcome {
                Outcome::Refuse(reason) => Some(reason),
                _ => None,
            })
        })
    }

    /// R27: sends an order without a clear owner to a section and a grid. Only roles that the
    /// table lets leave TRIAGE may.
    pub fn triage(&mut self, order: DocId, by: &str, lead: &str, grid: &str) -> Result<(), HqError> {
        self.act(|tx, core| {
            let decider = staff(tx, by)?;
            let view = view(tx, order)?;
            let now = order::state(&view);
            let allowed = TRANSITIONS
                .iter()
                .any(|t| t.from == now && t.to == State::Dispatched && t.deciders.has(decider.role));
            if !allowed {
                return Err(HqError::NotAllowed(format!(
                    "{} may not dispatch from {}",
                    decider.role.id(),
                    now.id()
                )));
            }
            let mut edits = order::move_to(&view, State::Dispatched);
            edits.push(Edit::set("grid", grid));
            let at = core.now();
            core.dispatch_edits(tx, &mut edits, lead, &[], grid, at)?;
            core.write(tx, order, by, &edits)?;
            for brief in StoredDoc::children(tx, &order.to_string(), DocKind::Brief)? {
                core.write(tx, brief.row.id, by, &[Edit::set("grid", grid)])?;
            }
            Ok(())
        })
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

fn staff(tx: &Transaction<'_>, id: &str) -> Result<Subject, HqError> {
    store::subject(tx, id)?.map(|(s, _)| s).ok_or_else(|| HqError::NotFound(format!("staff {id}")))
}

fn view(tx: &Transaction<'_>, id: DocId) -> Result<DocView, HqError> {
    StoredDoc::find(tx, id)?.ok_or_else(|| HqError::NotFound(id.to_string()))?.view()
}

fn proposer(view: &DocView, event: &str) -> String {
    view.all(&format!("proposal/{event}")).last().map(|a| a.by.clone()).unwrap_or_default()
}

/// Finds when a proposal's entry counts; the entry is found by the order and its event id.
fn effective_at(tx: &Transaction<'_>, order: DocId, event: &str) -> Result<Option<TimeMs>, HqError> {
    let Some(row) = DocRow::find(tx, order)? else { return Ok(None) };
    let mut statement = tx.prepare_cached(
        "SELECT effective_at, change FROM log WHERE doc = ?1 AND refused IS NULL ORDER BY idx DESC",
    )?;
    let mut rows = statement.query([row.n])?;
    while let Some(r) = rows.next()? {
        // The id is 32 hexadecimal digits; a change that contains it wrote it.
        let change = r.get_ref(1)?.as_blob().unwrap_or_default();
        if change.windows(event.len()).any(|w| w == event.as_bytes()) {
            return Ok(Some(TimeMs(r.get(0)?)));
        }
    }
    Ok(None)
}

/// An extension moves the due time by working days and keeps the earlier promise visible.
fn extend_due(core: &Core, view: &DocView, days: u32, edits: &mut Vec<Edit>) {
    let Some(due) = view.int("internal_due") else { return };
    let days = u16::try_from(days).unwrap_or(u16::MAX);
    if let Ok(later) =
        deadline::extend(TimeMs(due), days, &core.settings.limits, &core.calendar, &core.settings.hours)
    {
        edits.push(Edit::set("promised_due", due));
        edits.push(Edit::set("internal_due", later.at.0));
        edits.push(Edit::set("due_provisional", later.provisional));
    }
}
