//! What headquarters does by rule when an entry has come in.
//!
//! Invariant: facts are already kept when this runs; all it can do is decide proposals and move
//! states, as headquarters' own entries in the same transaction. Every rule is the model's.

use crate::{
    core::Core,
    error::HqError,
    store::{DocRow, StoredDoc},
};
use lanewalk_model::{
    chunk::{ChangeFacts, OpAction, Scalar},
    deadline,
    document::Edit,
    id::DocId,
    order::{self, Circumstances, Outcome, Refusal, State},
    policy::{self, ScopeFacts},
    records::{DecisionRecord, NoteRecord, ProposalRecord, to_json},
    schema::DocKind,
    staff::Subject,
    time::TimeMs,
    view::DocView,
};
use rusqlite::{Connection, Transaction};

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
                    begin_inquiry(tx, core, order)
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
        DocKind::Brief if facts.ops.iter().any(|op| op.key.starts_with("contact/")) => {
            let order = view(tx, doc)?.and_then(|v| v.text("order")?.parse().ok());
            order.map_or(Ok(()), |order| begin_inquiry(tx, core, order))
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

/// The first inquiry or visit moves an acknowledged order on (R48); one that came in before the
/// acknowledgement does so once that is here. Not a new order version: nobody's proposal becomes
/// stale because somebody knocked at a door.
fn begin_inquiry(tx: &Transaction<'_>, core: &mut Core, order: DocId) -> Result<(), HqError> {
    let Some(view) = view(tx, order)? else { return Ok(()) };
    if order::state(&view) == State::Acked {
        core.write(tx, order, "hq", &[Edit::set("state", State::Investigating.id())])?;
    }
    Ok(())
}

fn decide(
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
    let Some(proposal) = read_proposal(&view, event) else {
        return answer(tx, core, order, event, &Outcome::Refuse(Refusal::Unreadable), "hq", None);
    };
    let at = circumstances(tx, core, &view, order, author, effective_at)?;
    let outcome = order::decide(&view, event, &proposal, author, &at, false);
    let mut words = None;
    if outcome == Outcome::Refuse(Refusal::RoleMayNot) && !proposal.reason.is_empty() {
        keep_as_note(tx, core, order, &proposal, author)?;
        words = Some("内容已作为备注保留 (the text is kept as a note)".to_owned());
    }
    answer(tx, core, order, event, &outcome, "hq", words)?;
    if at.inquiries > 0 { begin_inquiry(tx, core, order) } else { Ok(()) }
}

/// A proposal whose author has no such right: its words stay with the order (AC-2).
fn keep_as_note(
    tx: &Transaction<'_>,
    core: &mut Core,
    order: DocId,
    proposal: &ProposalRecord,
    author: &Subject,
) -> Result<(), HqError> {
    let text = format!("{} 提出{}:{}", author.worker, proposal.kind.zh(), proposal.reason);
    let note = NoteRecord { text, at: core.now() };
    let key = format!("note/{}", core.event());
    core.write(tx, order, "hq", &[Edit::set(key, to_json(&note))])?;
    Ok(())
}

/// Reads a proposal from an order.
pub(crate) fn read_proposal(view: &DocView, event: &str) -> Option<ProposalRecord> {
    serde_json::from_str(view.text(&format!("proposal/{event}"))?).ok()
}

/// Writes the answer to a proposal, with its effect, as one entry. Does nothing while a person
/// has to decide.
pub(crate) fn answer(
    tx: &Transaction<'_>,
    core: &mut Core,
    order: DocId,
    event: &str,
    outcome: &Outcome,
    by: &str,
    words: Option<String>,
) -> Result<(), HqError> {
    let Some(record) = order::answer(outcome, core.now(), by) else { return Ok(()) };
    let record = DecisionRecord { words, ..record };
    let mut edits = match outcome {
        Outcome::Accept(edits) => edits.clone(),
        _ => Vec::new(),
    };
    edits.push(Edit::set(format!("decision/{event}"), to_json(&record)));
    core.write(tx, order, by, &edits)?;
    Ok(())
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
    let facts = ScopeFacts::of(view);
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
        right_stands: author.holds(&facts.grid, now, now),
        return_limit,
        inquiries,
        site_checks,
        max_extension_days: core.settings.limits.max_extension_workdays.into(),
        now,
        evidence_missing: false,
    })
}

fn view(db: &Connection, id: DocId) -> Result<Option<DocView>, HqError> {
    StoredDoc::find(db, id)?.map(|stored| stored.view()).transpose()
}
