//! Due times of orders: set, moved, and why (R30, R31).
//!
//! Invariant: every due time comes from the model and follows from start, limit and extensions;
//! the promise made before stays readable (`promised_due` and the steps). Rejected: moving a due
//! time by a difference, which forgets an extension when the calendar changes.

use super::tick;
use crate::{core::Core, error::HqError, store::StoredDoc};
use lanewalk_model::{
    deadline::{self, Due, Limit, Promise},
    document::Edit,
    id::DocId,
    order::{self, Marks, State},
    records::{DecisionRecord, ProposalKind, ProposalRecord, StepKind, StepRecord, Verdict},
    schema::DocKind,
    time::TimeMs,
    view::DocView,
};
use rusqlite::Transaction;

impl Core {
    /// Returns the promise an order stands under: its round's start, limit and extensions.
    /// `None` when nothing can be computed (a start outside every calendar).
    pub(crate) fn promise(&self, order: &DocView) -> Option<Promise> {
        let (limits, calendar, hours) = (&self.settings.limits, &self.calendar, &self.settings.hours);
        let rework = order::steps(order).into_iter().map(|(_, s)| s).rfind(|s| s.kind == StepKind::Reworked);
        let (start, limit) = match rework {
            Some(step) => (step.at, limits.rework),
            None if order.text("urgency") == Some("urgent") => {
                (TimeMs(order.int("reported_at")?), limits.urgent)
            }
            None => (TimeMs(order.int("reported_at")?), limits.general),
        };
        Promise::with_extensions(start, limit, extensions(order, start), calendar, hours).ok()
    }

    /// Returns the due time that binds (R31): in the first round never later than upstream's. An
    /// approved extension or a rework may go beyond it.
    pub(crate) fn binding(&self, order: &DocView, due: &Due) -> TimeMs {
        let first = order::round(order) == 0 && !order.flag("flag/extended");
        let upstream = order.int("upstream_due").map(TimeMs).filter(|_| first);
        deadline::internal_vs_upstream(due.at, upstream).at
    }

    /// Makes the edits that put an order under a due time, `at` as it binds; the first promise
    /// stays visible, and the cards of the time before go.
    pub(crate) fn due_edits(&self, order: &DocView, due: &Due, at: TimeMs) -> Vec<Edit> {
        let mut edits = vec![
            Edit::set("internal_due", at.0),
            Edit::set("due_provisional", due.provisional),
            Edit::set("calendar_version", self.calendar.version()),
        ];
        let Some(old) = order.int("internal_due").filter(|old| *old != at.0) else { return edits };
        if order.get("promised_due").is_none() {
            edits.push(Edit::set("promised_due", old));
        }
        let cards = ["flag/yellow", "flag/overdue", "flag/red"];
        edits.extend(cards.into_iter().filter(|c| order.flag(c)).map(|c| Edit::set(c, false)));
        edits
    }

    /// Returns the due time after an extension by working days.
    pub(crate) fn extended(&self, order: &DocView, days: u32) -> Option<Due> {
        let due = TimeMs(order.int("internal_due")?);
        let days = u16::try_from(days).unwrap_or(u16::MAX);
        let (limits, calendar, hours) = (&self.settings.limits, &self.calendar, &self.settings.hours);
        deadline::extend(due, days, limits, calendar, hours).ok()
    }

    /// Returns when a limit that starts at a moment ends.
    pub(crate) fn limit_end(&self, start: TimeMs, limit: Limit) -> Option<Due> {
        deadline::limit_due(start, limit, &self.calendar, &self.settings.hours).ok()
    }

    /// Returns when an order is marked.
    pub(crate) fn marks(&self, order: &DocView) -> Option<Marks> {
        let due = TimeMs(order.int("internal_due")?);
        let yellow = deadline::yellow_card_at(due, &self.calendar, &self.settings.hours).ok()?.at;
        let red = deadline::red_card_at(due, &self.calendar, &self.settings.hours).ok()?.at;
        // An urgent order's yellow card would lie before its start.
        let start = TimeMs(order.int("dispatched_at").or(order.int("reported_at")).unwrap_or(due.0));
        let yellow = if yellow < start { TimeMs(start.0.midpoint(due.0)) } else { yellow };
        Some(Marks { yellow, due, red })
    }

    /// Computes provisional due times of open orders again, after a calendar came (DOMAIN.md §7).
    /// Returns how many moved.
    pub(crate) fn redate(&mut self, tx: &Transaction<'_>) -> Result<u32, HqError> {
        tick::look_at_all(tx)?;
        let ids: Vec<Vec<u8>> = tx
            .prepare_cached("SELECT id FROM docs WHERE kind = ?1 AND open = 1 AND row ->> 'due_provisional'")?
            .query_map([DocKind::Order.code()], |r| r.get(0))?
            .collect::<Result<_, _>>()?;
        let mut moved = 0;
        for id in ids.iter().filter_map(|b| DocId::from_slice(b).ok()) {
            let Some(stored) = StoredDoc::find(tx, id)? else { continue };
            let view = stored.view()?;
            // A sub-task's time is its maker's, a parked order waits for its review.
            if order::state(&view) == State::Parked || view.text("subtask_of").is_some() {
                continue;
            }
            let Some(promise) = self.promise(&view) else { continue };
            let at = self.binding(&view, &promise.due);
            let edits = self.due_edits(&view, &promise.due, at);
            if Some(at.0) == view.int("internal_due") {
                // The same time, now firm.
                self.write(tx, id, "hq", &edits)?;
                continue;
            }
            let mut step = StepRecord::new(StepKind::Redated, self.now(), "hq");
            step.due = Some(at);
            step.reason = self.calendar.version().to_owned();
            self.step(tx, id, "hq", edits, &step)?;
            moved += 1;
        }
        Ok(moved)
    }
}

/// Reads the approved extensions since a moment, in working days.
fn extensions(order: &DocView, since: TimeMs) -> Vec<u16> {
    let approved = |id: &str| {
        let decision = order.text(&format!("decision/{id}"))?;
        let decision: DecisionRecord = serde_json::from_str(decision).ok()?;
        (decision.verdict == Verdict::Accepted && decision.decided_at >= since).then_some(())
    };
    order
        .members("proposal")
        .filter_map(|(id, value)| {
            let record: ProposalRecord = serde_json::from_str(value.text()?).ok()?;
            approved(id).filter(|()| record.kind == ProposalKind::Extend)?;
            u16::try_from(record.extend_days?).ok()
        })
        .collect()
}
