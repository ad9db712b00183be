//! What headquarters does by rule when an entry has come in.
//!
//! Invariant: facts are already kept when this runs; all it can do is decide proposals and move
//! states, as headquarters' own entries in the same transaction. Every rule is the model's.

use crate::{
    core::Core,
    desk::evidence,
    error::HqError,
    groups,
    people::{Line, note},
    store::{self, DocRow, StoredDoc},
};
use lanewalk_model::{
    access,
    catalog::Evidence,
    chunk::{ChangeFacts, OpAction, Scalar},
    deadline,
    document::Edit,
    id::DocId,
    order::{self, Circumstances, Outcome, Refusal, State},
    policy::{self, ScopeFacts},
    records::{
        ContactRecord, DecisionRecord, NoteRecord, ProposalKind, ProposalRecord, StepKind, StepRecord,
        ViewedRecord, to_json,
    },
    schema::DocKind,
    staff::{Role, Subject},
    time::TimeMs,
    view::DocView,
};
use rusqlite::{Connection, Transaction};
use serde::de::DeserializeOwned;

/// Characters of somebody's words repeated in a step, a note or an answer: a record holds 4,096 bytes.
const MOST_CHARS: usize = 800;

/// Looks at an accepted entry and acts on it.
pub(crate) fn on_entry(
    tx: &Transaction<'_>,
    core: &mut Core,
    author: &Subject,
    doc: DocId,
    facts: &ChangeFacts,
    effective_at: TimeMs,
) -> Result<(), HqError> {
    match doc.kind {
        DocKind::Visit => {
            let order = facts.ops.iter().find(|op| op.key == "order").and_then(|op| match &op.action {
                OpAction::Set(Scalar::Text(id)) => id.parse::<DocId>().ok(),
                _ => None,
            });
            match order {
                Some(order) if may_touch(tx, author, order, effective_at, core.now())? => {
                    if is_call_that_reached(facts) {
                        first_contact(tx, core, order, effective_at)?;
                    }
                    begin_inquiry(tx, core, order, effective_at)
                }
                _ => Ok(()),
            }
        }
        DocKind::Order => {
            for op in &facts.ops {
                if let Some(event) = op.key.strip_prefix("proposal/") {
                    decide(tx, core, author, doc, event, effective_at)?;
                }
            }
            Ok(())
        }
        // R17: what was settled at the door waits for nobody.
        DocKind::Appeal if sets(facts, "solved_on_site", &Scalar::Bool(true)) => {
            core.write(tx, doc, "hq", &[Edit::set("status", "solved_on_site")])?;
            Ok(())
        }
        DocKind::Brief if facts.ops.iter().any(|op| op.key.starts_with("contact/")) => {
            let Some(order) = view(tx, doc)?.and_then(|v| v.text("order")?.parse().ok()) else {
                return Ok(());
            };
            if contacts(facts).any(|c| c.reached) {
                first_contact(tx, core, order, effective_at)?;
            }
            begin_inquiry(tx, core, order, effective_at)
        }
        DocKind::Care => {
            // R38: what was opened on a phone stands in the one log of who read what.
            for opened in viewed(facts) {
                let person = view(tx, doc)?.and_then(|care| care.text("person")?.parse().ok());
                let person = person.map(|id| view(tx, id)).transpose()?.flatten();
                let of = |key| person.as_ref().and_then(|p| p.text(key)).unwrap_or_default();
                let line = Line {
                    who: &author.worker,
                    role: author.role.id(),
                    what: "care",
                    about: &doc.to_string(),
                    purpose: &opened.purpose,
                    resident: Some((of("name"), of("phone"))),
                    session: "",
                };
                note(tx, effective_at, &line)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Says whether a visit's author may write to the order it names. A visit elsewhere is a fact all
/// the same, but moves nothing.
fn may_touch(
    tx: &Transaction<'_>,
    author: &Subject,
    order: DocId,
    effective_at: TimeMs,
    now: TimeMs,
) -> Result<bool, HqError> {
    let Some(row) = DocRow::find(tx, order)? else { return Ok(false) };
    let keys = std::iter::once("visit/x");
    let interval = (effective_at.min(now), now);
    Ok(policy::may_write(author, DocKind::Order, Some(&row.facts), &ScopeFacts::default(), keys, interval)
        .is_ok())
}

/// A preliminary call that met the requester is a contact.
fn is_call_that_reached(facts: &ChangeFacts) -> bool {
    let says = |key, word: &str| sets(facts, key, &Scalar::Text(word.into()));
    says("kind", "prelim_call") && says("result", "met")
}

fn sets(facts: &ChangeFacts, key: &str, value: &Scalar) -> bool {
    facts.ops.iter().any(|op| op.key == key && matches!(&op.action, OpAction::Set(v) if v == value))
}

fn contacts(facts: &ChangeFacts) -> impl Iterator<Item = ContactRecord> {
    records(facts, "contact/")
}

fn viewed(facts: &ChangeFacts) -> impl Iterator<Item = ViewedRecord> {
    records(facts, "viewed/")
}

/// Reads the records that a change adds to a family.
fn records<T: DeserializeOwned>(facts: &ChangeFacts, family: &str) -> impl Iterator<Item = T> {
    facts.ops.iter().filter(move |op| op.key.starts_with(family)).filter_map(|op| match &op.action {
        OpAction::Set(Scalar::Text(json)) => serde_json::from_str(json).ok(),
        _ => None,
    })
}

/// Keeps when the requester was first reached (R3); an earlier contact that arrives later counts.
pub(crate) fn first_contact(
    tx: &Transaction<'_>,
    core: &mut Core,
    order: DocId,
    at: TimeMs,
) -> Result<(), HqError> {
    let Some(view) = view(tx, order)? else { return Ok(()) };
    if view.int("first_contact_at").is_none_or(|known| at.0 < known) {
        core.write(tx, order, "hq", &[Edit::set("first_contact_at", at.0)])?;
    }
    Ok(())
}

/// The first inquiry or visit moves an acknowledged order on (R48); one that came in before the
/// acknowledgement does so once that is here. Not a new order version: nobody's proposal becomes
/// stale because somebody knocked at a door.
pub(crate) fn begin_inquiry(
    tx: &Transaction<'_>,
    core: &mut Core,
    order: DocId,
    at: TimeMs,
) -> Result<(), HqError> {
    let Some(view) = view(tx, order)? else { return Ok(()) };
    if order::state(&view) == State::Acked {
        let step = StepRecord::new(StepKind::Investigated, at, "hq");
        core.step(tx, order, "hq", vec![Edit::set("state", State::Investigating.id())], &step)?;
    }
    Ok(())
}

/// Decides a proposal that stands in an order, as far as a rule can.
pub(crate) fn decide(
    tx: &Transaction<'_>,
    core: &mut Core,
    author: &Subject,
    order: DocId,
    event: &str,
    effective_at: TimeMs,
) -> Result<(), HqError> {
    let Some(view) = view(tx, order)? else { return Ok(()) };
    // Decided once: the same change in a new entry asks nothing new.
    if view.get(&format!("decision/{event}")).is_some() {
        return Ok(());
    }
    let unreadable = ProposalRecord::new(ProposalKind::Ack, 0, "");
    let read = read_proposal(&view, event);
    let proposal = read.as_ref().unwrap_or(&unreadable);
    let asked = Asked { order, event, view: &view, proposal, author, effective_at };
    if read.is_none() {
        return answer(tx, core, &asked, &Outcome::Refuse(Refusal::Unreadable), "hq", None);
    }
    let at = circumstances(tx, core, &view, order, author, effective_at)?;
    let mut outcome = order::decide(&view, event, proposal, author, &at, false);
    let to = proposal.to.as_deref().unwrap_or_default();
    if proposal.kind == ProposalKind::Transfer
        && matches!(outcome, Outcome::Accept(_))
        && !is_holder(tx, core, &view, to)?
    {
        outcome = Outcome::Refuse(Refusal::HolderUnknown);
    }
    let mut words = None;
    if outcome == Outcome::Refuse(Refusal::EvidenceMissing) {
        words = missing_evidence(tx, core, order, &view)?;
    }
    if proposal.kind == ProposalKind::Check && matches!(outcome, Outcome::Refuse(_)) {
        // Also beside another reason: who looks again has to know what the others found.
        let found = order::contradictions(&view, proposal, &author.worker);
        words = (!found.is_empty()).then(|| found.join("; "));
    }
    if outcome == Outcome::Refuse(Refusal::RoleMayNot) && !proposal.reason.is_empty() {
        keep_as_note(tx, core, order, proposal, author)?;
        words = Some("内容已作为备注保留 (the text is kept as a note)".to_owned());
    }
    answer(tx, core, &asked, &outcome, "hq", words)?;
    if at.inquiries > 0 { begin_inquiry(tx, core, order, effective_at) } else { Ok(()) }
}

/// Says whether an order can be offered to somebody: a unit of the catalogue or a member of staff
/// who handles orders.
fn is_holder(tx: &Transaction<'_>, core: &mut Core, order: &DocView, to: &str) -> Result<bool, HqError> {
    if core.catalog.units.iter().any(|u| u.id == to) {
        return Ok(true);
    }
    let staff = store::subject(tx, to)?;
    // Somebody who does not reach the order could not take it.
    let now = core.now();
    let handles =
        |s: &Subject| matches!(s.role, Role::GridWorker | Role::Section) && access::reaches(s, order, now);
    Ok(staff.is_some_and(|(s, _)| handles(&s)))
}

/// Says which demanded evidence is missing, for the worker.
fn missing_evidence(
    tx: &Transaction<'_>,
    core: &Core,
    order: DocId,
    view: &DocView,
) -> Result<Option<String>, HqError> {
    let missing = evidence::missing(tx, order, view, core.demanded(view))?;
    let list: Vec<String> = missing.iter().map(|e| format!("{} ({})", e.words().0, e.words().1)).collect();
    Ok((!list.is_empty()).then(|| list.join("、")))
}

/// A proposal whose author has no such right: its words stay with the order (AC-2).
fn cut(text: &str) -> String {
    text.chars().take(MOST_CHARS).collect()
}

/// Answers the proposals of an entry whose consequences do not fit a document: the entry stays,
/// and its author learns that nothing came of it.
pub(crate) fn unanswerable(
    tx: &Transaction<'_>,
    core: &mut Core,
    doc: DocId,
    facts: &ChangeFacts,
) -> Result<(), HqError> {
    for event in facts.ops.iter().filter_map(|op| op.key.strip_prefix("proposal/")) {
        let known = view(tx, doc)?.is_some_and(|v| v.get(&format!("decision/{event}")).is_some());
        let record = order::answer(&Outcome::Refuse(Refusal::Unreadable), core.now(), "hq");
        if let Some(record) = record.filter(|_| !known) {
            core.write(tx, doc, "hq", &[Edit::set(format!("decision/{event}"), to_json(&record))])?;
        }
    }
    Ok(())
}

fn keep_as_note(
    tx: &Transaction<'_>,
    core: &mut Core,
    order: DocId,
    proposal: &ProposalRecord,
    author: &Subject,
) -> Result<(), HqError> {
    let text = format!("{} 提出{}:{}", author.worker, proposal.kind.zh(), cut(&proposal.reason));
    let note = NoteRecord { text, at: core.now() };
    let key = format!("note/{}", core.event());
    core.write(tx, order, "hq", &[Edit::set(key, to_json(&note))])?;
    Ok(())
}

/// Reads a proposal from an order.
pub(crate) fn read_proposal(view: &DocView, event: &str) -> Option<ProposalRecord> {
    serde_json::from_str(view.text(&format!("proposal/{event}"))?).ok()
}

/// A proposal with all that its answer needs.
pub(crate) struct Asked<'a> {
    pub(crate) order: DocId,
    pub(crate) event: &'a str,
    pub(crate) view: &'a DocView,
    pub(crate) proposal: &'a ProposalRecord,
    pub(crate) author: &'a Subject,
    /// When the proposal counts.
    pub(crate) effective_at: TimeMs,
}

/// Writes the answer to a proposal, with its effect and its step, as one entry. Does nothing
/// while a person has to decide.
pub(crate) fn answer(
    tx: &Transaction<'_>,
    core: &mut Core,
    asked: &Asked<'_>,
    outcome: &Outcome,
    by: &str,
    words: Option<String>,
) -> Result<(), HqError> {
    let Some(record) = order::answer(outcome, core.now(), by) else { return Ok(()) };
    let record = DecisionRecord { words: words.as_deref().map(cut), ..record };
    let decision = Edit::set(format!("decision/{}", asked.event), to_json(&record));
    let Outcome::Accept(edits) = outcome else {
        core.write(tx, asked.order, by, &[decision])?;
        return Ok(());
    };
    let mut edits = edits.clone();
    let mut step = step_of(asked);
    if let Some((due, more)) = core.extension_edits(asked.view, asked.proposal) {
        step.due = Some(due);
        edits.extend(more);
    }
    edits.push(decision);
    let after = core.step(tx, asked.order, by, edits, &step)?;
    if let Some(at) = after.int("closed_at").filter(|_| !order::state(&after).is_open()) {
        for brief in StoredDoc::children(tx, &asked.order.to_string(), DocKind::Brief)? {
            core.write(tx, brief.row.id, by, &[Edit::set("closed_at", at)])?;
        }
        groups::ended(tx, core, asked.order)?;
    }
    Ok(())
}

/// The step that an accepted proposal is in the order's log.
fn step_of(asked: &Asked<'_>) -> StepRecord {
    let text = |key: &str| asked.view.text(key).filter(|t| !t.is_empty()).map(str::to_owned);
    let offered = text("offered_to");
    let author = asked.author;
    let taken = offered
        .as_deref()
        .is_some_and(|to| to == author.worker || author.units_at(asked.effective_at).any(|unit| unit == to));
    let kind = match asked.proposal.kind {
        ProposalKind::Ack if taken => StepKind::Transferred,
        ProposalKind::Ack => StepKind::Acked,
        ProposalKind::Return => StepKind::Returned,
        ProposalKind::Handle => StepKind::Handling,
        ProposalKind::Submit => StepKind::Submitted,
        ProposalKind::Extend => StepKind::Extended,
        ProposalKind::Transfer => StepKind::Offered,
        ProposalKind::Decline => StepKind::Declined,
        ProposalKind::Exclude => StepKind::Excluded,
        ProposalKind::Park => StepKind::Parked,
        ProposalKind::Check => StepKind::Checked,
    };
    let mut step = StepRecord::new(kind, asked.effective_at, asked.author.worker.as_str());
    match kind {
        StepKind::Transferred => {
            step.to = offered;
            step.from = text("current_owner").or_else(|| text("lead_unit"));
        }
        StepKind::Offered => step.to.clone_from(&asked.proposal.to),
        StepKind::Submitted => step.due = asked.view.int("internal_due").map(TimeMs),
        _ => {}
    }
    if kind != StepKind::Transferred {
        step.reason = cut(&asked.proposal.reason);
    }
    step
}

/// Gathers what deciding needs besides the order itself.
pub(crate) fn circumstances(
    db: &Connection,
    core: &mut Core,
    view: &DocView,
    order: DocId,
    author: &Subject,
    effective_at: TimeMs,
) -> Result<Circumstances, HqError> {
    let now = core.now();
    let mut inquiries = 0_u32;
    for brief in StoredDoc::children(db, &order.to_string(), DocKind::Brief)? {
        let contacts = u32::try_from(brief.view()?.members("contact").count()).unwrap_or(u32::MAX);
        inquiries = inquiries.saturating_add(contacts);
    }
    let mut site_checks = 0_u32;
    for visit in StoredDoc::children(db, &order.to_string(), DocKind::Visit)? {
        inquiries = inquiries.saturating_add(1);
        if visit.view()?.text("kind") != Some("prelim_call") {
            site_checks = site_checks.saturating_add(1);
        }
    }
    let return_limit = view
        .int("dispatched_at")
        .and_then(|at| {
            deadline::limit_due(
                TimeMs(at),
                core.settings.limits.return_street,
                &core.calendar,
                &core.settings.hours,
            )
            .ok()
        })
        .map(|due| due.at);
    Ok(Circumstances {
        effective_at,
        // A right that ended meanwhile: the fact was kept, the decision is refused (§3).
        right_stands: access::reaches(author, view, now),
        return_limit,
        inquiries,
        site_checks,
        max_extension_days: core.settings.limits.max_extension_workdays.into(),
        now,
        evidence_missing: !evidence::missing(db, order, view, core.demanded(view))?.is_empty(),
    })
}

impl Core {
    /// Lists the evidence that the order's matter demands.
    fn demanded(&self, order: &DocView) -> &[Evidence] {
        let matter = order.text("matter_code").and_then(|code| self.catalog.matter(code));
        matter.map_or(&[], |m| m.required_evidence.as_slice())
    }
}

fn view(db: &Connection, id: DocId) -> Result<Option<DocView>, HqError> {
    StoredDoc::find(db, id)?.map(|stored| stored.view()).transpose()
}
