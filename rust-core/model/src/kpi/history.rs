//! What happened to an order, as far as figures count it.
//!
//! Invariant: a pure function of the order's document, and the facts at any moment are a pure
//! function of it: nothing that counts later than the moment enters ([`History::at`], R9).
//! Rejected: the facts of today with an "as of" filter on some of them, which tells last month's
//! meeting this month's due times.

use super::facts::{Answers, OrderFacts};
use crate::{
    records::{CallbackRecord, StepKind, StepRecord},
    time::TimeMs,
    view::DocView,
};

/// The channel of a cluster's master (R33).
const CLUSTER: &str = "cluster";

/// Says whether a document is an order that counts: a cluster's master and a linked sub-task are
/// not (each child of a cluster is).
pub fn is_counted(order: &DocView) -> bool {
    order.text("channel") != Some(CLUSTER) && order.text("subtask_of").is_none_or(str::is_empty)
}

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// A step.
    Step(StepKind),
    /// An attempt to call back.
    Call {
        /// The round it is about.
        round: u32,
        /// The requester was reached.
        reached: bool,
        /// What was said.
        answers: Answers,
    },
}

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub what: Happened,
    /// When it counts.
    pub at: TimeMs,
    /// The due time it names.
    pub due: Option<TimeMs>,
}

/// The whole history of one order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// When it came in.
    pub received_at: TimeMs,
    /// When upstream dispatched it.
    pub started_at: TimeMs,
    /// Until when the requester had to be contacted.
    pub contact_due: Option<TimeMs>,
    /// When the requester was first contacted.
    pub first_contact_at: Option<TimeMs>,
    /// Our own due time today.
    pub internal_due: Option<TimeMs>,
    /// The one promised before.
    pub promised_due: Option<TimeMs>,
    /// Upstream's due time.
    pub upstream_due: Option<TimeMs>,
    /// It names an earlier order.
    pub recurrence: bool,
    /// In the order in which they were written.
    pub events: Vec<Event>,
}

impl History {
    /// Reads an order. Records this version cannot read are left out.
    pub fn of(order: &DocView) -> Self {
        let time = |key| order.int(key).map(TimeMs);
        let started = time("reported_at").or(time("accepted_at"));
        let mut history = Self {
            received_at: started.unwrap_or_default(),
            started_at: started.unwrap_or_default(),
            contact_due: time("contact_due"),
            first_contact_at: time("first_contact_at"),
            internal_due: time("internal_due"),
            promised_due: time("promised_due"),
            upstream_due: time("upstream_due"),
            recurrence: order.text("recurrence_of").is_some_and(|id| !id.is_empty()),
            events: Vec::new(),
        };
        let mut came = None;
        let steps = order.members("step").filter_map(|(id, value)| {
            let step: StepRecord = serde_json::from_str(value.text()?).ok()?;
            if step.kind == StepKind::Received && came.is_none() {
                came = Some(step.at);
            }
            let event = Event { what: Happened::Step(step.kind), at: step.at, due: step.due };
            // An attempt to call back stands in a record of its own, with the answers.
            (step.kind != StepKind::CalledBack).then_some((id, event))
        });
        let calls = order.members("callback").filter_map(|(id, value)| {
            let call: CallbackRecord = serde_json::from_str(value.text()?).ok()?;
            Some((id, call_event(&call)))
        });
        // Event ids are uuids of version 7: their order is the order of writing.
        let mut events: Vec<(&str, Event)> = steps.chain(calls).collect();
        events.sort_by_key(|(id, _)| *id);
        history.received_at = came.unwrap_or(history.received_at);
        history.events = events.into_iter().map(|(_, event)| event).collect();
        history
    }

    /// Adds a step.
    pub fn step(&mut self, step: &StepRecord) {
        self.events.push(Event { what: Happened::Step(step.kind), at: step.at, due: step.due });
    }

    /// Adds an attempt to call back.
    pub fn call(&mut self, call: &CallbackRecord) {
        self.events.push(call_event(call));
    }

    /// Returns the order as it was at a moment; `None` if it had not come in yet.
    ///
    /// A result that a phone submitted without network counts from when it took effect, not from
    /// when headquarters heard of it; a figure frozen between the two did not know it.
    pub fn at(&self, moment: TimeMs) -> Option<OrderFacts> {
        if self.received_at > moment {
            return None;
        }
        let mut fold = Fold {
            facts: OrderFacts {
                received_at: self.received_at,
                started_at: self.started_at,
                contact_due: self.contact_due,
                first_contact_at: self.first_contact_at.filter(|at| *at <= moment),
                internal_due: self.due_at(moment),
                upstream_due: self.upstream_due,
                recurrence: self.recurrence,
                ..OrderFacts::default()
            },
            result: None,
        };
        for event in self.events.iter().filter(|e| e.at <= moment) {
            fold.add(event);
        }
        Some(fold.facts)
    }

    /// Returns our own due time as it was at a moment.
    fn due_at(&self, moment: TimeMs) -> Option<TimeMs> {
        let moves = |e: &&Event| {
            let Happened::Step(kind) = e.what else { return false };
            let moving = [StepKind::Extended, StepKind::Redated, StepKind::Reworked, StepKind::Urgency];
            e.due.is_some() && (moving.contains(&kind) || kind == StepKind::Received)
        };
        if self.events.iter().filter(moves).all(|e| e.at <= moment) {
            return self.internal_due;
        }
        let named = self.events.iter().filter(moves).rfind(|e| e.at <= moment).and_then(|e| e.due);
        named.or(self.promised_due).or(self.internal_due)
    }
}

fn call_event(call: &CallbackRecord) -> Event {
    let answers = Answers {
        process_satisfied: call.process_satisfied,
        result_satisfied: call.result_satisfied,
        resolved: call.resolved,
    };
    Event {
        what: Happened::Call { round: call.round, reached: call.reached, answers },
        at: call.at,
        due: None,
    }
}

/// The facts while the events go by.
struct Fold {
    facts: OrderFacts,
    /// The result that stands in this round: when it counts, and until when it was due.
    result: Option<(TimeMs, Option<TimeMs>)>,
}

impl Fold {
    fn add(&mut self, event: &Event) {
        let facts = &mut self.facts;
        match event.what {
            Happened::Call { round, reached, answers } if round == facts.rounds => {
                facts.attempts = facts.attempts.saturating_add(1);
                if reached {
                    facts.reached_at = facts.reached_at.or(Some(event.at));
                    facts.answers = answers;
                }
            }
            Happened::Call { .. } => {}
            Happened::Step(kind) => self.step(kind, event),
        }
    }

    fn step(&mut self, kind: StepKind, event: &Event) {
        let facts = &mut self.facts;
        match kind {
            StepKind::Accepted => {
                facts.accepted_at = facts.accepted_at.or(Some(event.at));
                facts.returned = false;
            }
            StepKind::Dispatched => {
                facts.dispatched_at = facts.dispatched_at.or(Some(event.at));
                facts.dispatches = facts.dispatches.saturating_add(1);
                facts.returned = false;
            }
            StepKind::Acked => facts.acked_at = facts.acked_at.or(Some(event.at)),
            StepKind::Transferred => facts.transfers = facts.transfers.saturating_add(1),
            StepKind::Returned => {
                facts.returns = facts.returns.saturating_add(1);
                facts.returned = true;
            }
            StepKind::Submitted => {
                self.result = Some((event.at, event.due.or(facts.internal_due)));
                facts.submitted_at = Some(event.at);
            }
            StepKind::SentBack => {
                self.result = None;
                facts.submitted_at = None;
            }
            StepKind::ToCallback => facts.to_callback_at = Some(event.at),
            StepKind::Reworked => {
                self.end_round(event.at);
                let facts = &mut self.facts;
                facts.rounds = facts.rounds.saturating_add(1);
                (facts.attempts, facts.reached_at, facts.answers) = (0, None, Answers::default());
                facts.submitted_at = None;
            }
            StepKind::Closed => {
                let done = self.end_round(event.at);
                let facts = &mut self.facts;
                facts.late_upstream = facts.upstream_due.is_some_and(|due| done > due);
                facts.closed_at = Some(event.at);
            }
            StepKind::Excluded => facts.excluded = true,
            StepKind::Parked => facts.parked = true,
            StepKind::Resumed => facts.parked = false,
            StepKind::Received
            | StepKind::ToTriage
            | StepKind::Offered
            | StepKind::Declined
            | StepKind::Investigated
            | StepKind::Checked
            | StepKind::Handling
            | StepKind::CalledBack
            | StepKind::Archived
            | StepKind::Extended
            | StepKind::Redated
            | StepKind::Chased
            | StepKind::Supervised
            | StepKind::Yellow
            | StepKind::Red
            | StepKind::Escalated
            | StepKind::Urgency
            | StepKind::Clustered
            | StepKind::TaskForce
            | StepKind::Cleared => {}
        }
    }

    /// Judges the round that ends; returns when its work was done.
    fn end_round(&mut self, ended: TimeMs) -> TimeMs {
        let (done, due) = self.result.take().unwrap_or((ended, self.facts.internal_due));
        self.facts.late_internal |= due.is_some_and(|due| done > due);
        done
    }
}
