//! What an order looks like to the figures at one moment.
//!
//! Invariant: derived from a [`super::History`] and a moment, never written. Times are the
//! effective ones (DOMAIN.md §5). Rejected: stored counters, which a late entry makes wrong.

use serde::{Deserialize, Serialize};

use crate::time::TimeMs;

/// Says which due time a figure is about; print it with the figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueKind {
    /// Our own (R30).
    Internal,
    /// City's or district's (R31).
    Upstream,
}

/// What the requester said when called back (R4: three answers, never one); `None`: not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answers {
    /// Satisfied with how it was handled.
    pub process_satisfied: Option<bool>,
    /// Satisfied with the result.
    pub result_satisfied: Option<bool>,
    /// Solved, as the requester sees it; never the handler's claim.
    pub resolved: Option<bool>,
}

/// One order at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrderFacts {
    /// When it came in: decides which period it belongs to (R5).
    pub received_at: TimeMs,
    /// When upstream dispatched it: where our clocks begin (R25).
    pub started_at: TimeMs,
    /// Until when the requester had to be contacted.
    pub contact_due: Option<TimeMs>,
    /// When the requester was first contacted.
    pub first_contact_at: Option<TimeMs>,
    /// Accepted by the clerk.
    pub accepted_at: Option<TimeMs>,
    /// First dispatched.
    pub dispatched_at: Option<TimeMs>,
    /// How often it was dispatched.
    pub dispatches: u32,
    /// First acknowledged.
    pub acked_at: Option<TimeMs>,
    /// How often it moved to another holder.
    pub transfers: u32,
    /// How often it was returned upstream.
    pub returns: u32,
    /// Returned and not come back.
    pub returned: bool,
    /// When the result that stands was submitted.
    pub submitted_at: Option<TimeMs>,
    /// The last time a result was passed on to the callback.
    pub to_callback_at: Option<TimeMs>,
    /// Rounds of rework.
    pub rounds: u32,
    /// Attempts to call back in this round.
    pub attempts: u32,
    /// First time the requester was reached in this round.
    pub reached_at: Option<TimeMs>,
    /// What the requester said the last time he was reached in this round.
    pub answers: Answers,
    /// Closed.
    pub closed_at: Option<TimeMs>,
    /// A round that is over was late against our own due time.
    pub late_internal: bool,
    /// The result that stands, or the closing, was late against upstream's due time.
    pub late_upstream: bool,
    /// Excluded with approval (R10).
    pub excluded: bool,
    /// Parked with a review date.
    pub parked: bool,
    /// Our own due time as it then was.
    pub internal_due: Option<TimeMs>,
    /// Upstream's due time.
    pub upstream_due: Option<TimeMs>,
    /// The same requester, matter and place came before (R2).
    pub recurrence: bool,
}

impl OrderFacts {
    /// Returns one of the two due times.
    pub fn due(&self, kind: DueKind) -> Option<TimeMs> {
        match kind {
            DueKind::Internal => self.internal_due,
            DueKind::Upstream => self.upstream_due,
        }
    }

    /// Says whether it still needs work. A parked order does: parking hides nothing.
    pub fn is_open(&self) -> bool {
        self.closed_at.is_none() && !self.returned && !self.excluded
    }

    /// Says whether it is open and past due; an order without that due time never is.
    pub fn is_overdue(&self, kind: DueKind, at: TimeMs) -> bool {
        self.is_open() && self.due(kind).is_some_and(|due| due < at)
    }

    /// Says whether it was handled in time. Each round is judged in its own time: the result that
    /// was accepted, by when it counts, against the due time it was submitted under; without one
    /// the closing. Against upstream's single due time the last result counts. An order without
    /// a due time cannot be late, as in the public data of Boston (vector d).
    pub fn is_in_time(&self, kind: DueKind) -> bool {
        match kind {
            DueKind::Internal => !self.late_internal,
            DueKind::Upstream => !self.late_upstream,
        }
    }
}
