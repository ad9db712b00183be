//! Proposals: asked at headquarters or on a phone, decided here.
//!
//! Invariant: a section's proposal from the console goes the same way as one from a phone: it
//! names the order version its author saw, stands in the order, and gets an answer with a reason.

use super::{names_somebody, staff, within_reach};
use crate::{
    core::Core,
    error::HqError,
    hq::Headquarters,
    store::{DocRow, StoredDoc},
    workflow,
};
use lanewalk_model::{
    access::{self, Action, Asker, CaseFacts},
    document::{Document, Edit},
    id::DocId,
    order::{self, Outcome, Refusal},
    records::{DecisionRecord, ProposalKind, ProposalRecord, to_json},
    schema::DocKind,
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
        let mut statement =
            self.db.prepare("SELECT id, saved FROM docs WHERE kind = ?1 AND pending > 0 ORDER BY n")?;
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

    /// Writes a proposal as a member of staff at headquarters and decides it as far as a rule can.
    /// Returns the refusal when one was written beside it; the proposal stays in the order.
    pub fn propose(
        &mut self,
        by: &str,
        order: DocId,
        record: &ProposalRecord,
    ) -> Result<Option<Refusal>, HqError> {
        self.act(|tx, core| {
            let (author, view) = within_reach(tx, by, order, core.now())?;
            let words = [Some(&record.reason), record.ground.as_ref(), record.evidence.as_ref()];
            for words in words.into_iter().flatten() {
                if names_somebody(tx, order, words)? {
                    return Ok(Some(Refusal::PersonalData));
                }
            }
            // Words from the street are kept whoever wrote them (law 1); at a desk nothing is.
            let now = core.now();
            let at = workflow::circumstances(tx, core, &view, order, &author, now)?;
            let writes = view.kind().spec().field("proposal/x").is_some_and(|f| f.may_write(author.role));
            let judged = order::decide(&view, "", record, &author, &at, false);
            if !writes || judged == Outcome::Refuse(Refusal::RoleMayNot) {
                return Ok(Some(Refusal::RoleMayNot));
            }
            let event = core.event().to_string();
            core.write(tx, order, by, &[Edit::set(format!("proposal/{event}"), to_json(record))])?;
            workflow::decide(tx, core, &author, order, &event, now)?;
            let decided = StoredDoc::find(tx, order)?.map(|d| d.view()).transpose()?;
            Ok(decided.and_then(|v| {
                let answer = v.text(&format!("decision/{event}"))?;
                serde_json::from_str::<DecisionRecord>(answer).ok()?.reason
            }))
        })
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
            let (decider, view) = within_reach(tx, by, order, core.now())?;
            let asker = Asker { subject: &decider, admin: false };
            let facts = CaseFacts::of_order(&view);
            let judges = [Action::DecideReturn, Action::DecideExtend, Action::DecideSubmit, Action::Exclude];
            if !judges.iter().any(|a| access::decide(asker, *a, &facts, core.now()).is_ok()) {
                return Ok(Some(Refusal::OtherDecides));
            }
            let refused = |words: &str| Err(HqError::NotAllowed(words.into()));
            let Some(proposal) = workflow::read_proposal(&view, event) else {
                return refused("没有这项申请 / no such proposal");
            };
            if view.get(&format!("decision/{event}")).is_some() {
                return refused("这项申请已有决定 / it was decided already");
            }
            // Before anything else: also a refusal is a decision.
            if !order::deciders(proposal.kind).has(decider.role) {
                return Ok(Some(Refusal::OtherDecides));
            }
            let proposer = proposer(&view, event);
            if proposer == by {
                return refused("本人不能决定自己的申请 / nobody decides an own proposal");
            }
            if names_somebody(tx, order, words)? {
                return Ok(Some(Refusal::PersonalData));
            }
            let author = staff(tx, &proposer)?;
            let effective = effective_at(tx, order, event)?.unwrap_or_else(|| core.now());
            let at = workflow::circumstances(tx, core, &view, order, &author, effective)?;
            let first = order::decide(&view, event, &proposal, &author, &at, false);
            if let Outcome::Ask(roles) = &first
                && !roles.has(decider.role)
            {
                return Ok(Some(Refusal::OtherDecides));
            }
            let outcome = if accept {
                order::decide(&view, event, &proposal, &author, &at, true)
            } else {
                Outcome::Refuse(Refusal::RefusedByPerson)
            };
            let words = (!words.is_empty()).then(|| words.to_owned());
            let asked = workflow::Asked {
                order,
                event,
                view: &view,
                proposal: &proposal,
                author: &author,
                effective_at: effective,
            };
            workflow::answer(tx, core, &asked, &outcome, by, words)?;
            Ok(match outcome {
                Outcome::Refuse(reason) => Some(reason),
                _ => None,
            })
        })
    }
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
    let proposal = format!("proposal/{event}");
    while let Some(r) = rows.next()? {
        // The id is 32 hexadecimal digits; a change that contains it as a proposal wrote it.
        let change = r.get_ref(1)?.as_blob().unwrap_or_default();
        if change.windows(proposal.len()).any(|w| w == proposal.as_bytes()) {
            return Ok(Some(TimeMs(r.get(0)?)));
        }
    }
    Ok(None)
}

impl Core {
    /// Adds to an accepted extension what the calendar says.
    pub(crate) fn extension_edits(
        &self,
        view: &DocView,
        proposal: &ProposalRecord,
    ) -> Option<(TimeMs, Vec<Edit>)> {
        if proposal.kind != ProposalKind::Extend {
            return None;
        }
        let due = self.extended(view, proposal.extend_days.unwrap_or(0))?;
        // R31 does not hold back what was approved.
        let edits = self.due_edits(view, &due, due.at);
        Some((due.at, edits))
    }
}
