//! Work orders: states, proposals, decisions (DOMAIN.md §4).
//!
//! Invariant: one table says who may ask for which transition from which state under which
//! guard; the phone asks it before it writes and headquarters asks it on receipt, with the same
//! code. A phone never decides: a proposal that this module accepts becomes true only by
//! headquarters' own change. Rejected: a state column that phones write.
//!
//! A worker acknowledges an order as it was in the morning; a property manager asks to send it
//! back, which is not his to ask:
//!
//! ```
//! use lanewalk_model::{
//!     document::{Document, Edit, Stamp},
//!     id::ActorId,
//!     order::{self, Circumstances, Outcome, Refusal, State},
//!     records::{ProposalKind, ProposalRecord},
//!     schema::DocKind,
//!     staff::{Role, Subject},
//!     time::{Hlc, TimeMs},
//! };
//!
//! let stamp = Stamp { actor: ActorId([1; 16]), worker: "hq".into(), hlc: Hlc::default() };
//! let mut doc = Document::new(DocKind::Order);
//! doc.edit(&stamp, &[Edit::set("state", State::Dispatched.id()), Edit::set("order_version", 3)])?;
//!
//! let ask = |kind, role| {
//!     let who = Subject { worker: "w-01".into(), role, grants: Vec::new() };
//!     let proposal = ProposalRecord::new(kind, 3, "邻里纠纷");
//!     let at = Circumstances {
//!         effective_at: TimeMs(0),
//!         right_stands: true,
//!         return_limit: None,
//!         inquiries: 0,
//!         site_checks: 0,
//!         max_extension_days: 10,
//!         now: TimeMs(0),
//!         evidence_missing: false,
//!     };
//!     (who, proposal, at)
//! };
//! let view = doc.view();
//! let (who, proposal, at) = ask(ProposalKind::Ack, Role::GridWorker);
//! let Outcome::Accept(edits) = order::decide(&view, "event-1", &proposal, &who, &at, false) else {
//!     unreachable!("the offer is open to every worker of the grid")
//! };
//! let (who, proposal, at) = ask(ProposalKind::Return, Role::PropertyStaff);
//! let refused = order::decide(&view, "event-2", &proposal, &who, &at, false);
//! assert_eq!(refused, Outcome::Refuse(Refusal::RoleMayNot));
//!
//! // Only headquarters makes it true.
//! doc.edit(&stamp, &edits)?;
//! assert_eq!(order::state(&doc.view()), State::Acked);
//! assert_eq!(order::version(&doc.view()), 4);
//! # Ok::<(), lanewalk_model::document::DocumentError>(())
//! ```

use crate::{
    document::Edit,
    records::{DecisionRecord, ProposalKind, ProposalRecord, Verdict},
    schema::DocKind,
    staff::{Role, Roles, Subject},
    time::TimeMs,
    view::{DocView, Value},
};

mod act;
mod check;
mod refusal;
mod state;
mod table;

pub use act::{
    Act, Destination, Done, Marks, Situation, act, acts_for, callback_done, callbacks, clock, is_handler,
    next_mark, round, steps, transfers,
};
pub use check::contradictions;
pub use refusal::Refusal;
pub use state::State;
pub use table::{Guard, TRANSITIONS, Transition};

use table::{ASKS, CLERK, LEAD, LEADERS};

/// What happens to a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It becomes true with these edits.
    Accept(Vec<Edit>),
    /// It is refused.
    Refuse(Refusal),
    /// A person with one of these roles decides.
    Ask(Roles),
}

/// What deciding needs to know besides the order.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// When the act counts (DOMAIN.md `effective_at`).
    pub effective_at: TimeMs,
    /// Whether the proposer held the right when writing and still holds it.
    pub right_stands: bool,
    /// Last moment for returning the order, if known.
    pub return_limit: Option<TimeMs>,
    /// How many site checks (visits on site) and inquiries of any kind are linked.
    pub inquiries: u32,
    /// Of these, on site.
    pub site_checks: u32,
    /// Longest extension in working days.
    pub max_extension_days: u32,
    /// HQ time, or the phone's best guess of it.
    pub now: TimeMs,
    /// Evidence that the catalogue demands of a submission is missing or has not arrived.
    pub evidence_missing: bool,
}

/// Reads the state of an order.
pub fn state(order: &DocView) -> State {
    order.text("state").and_then(State::from_id).unwrap_or(State::Received)
}

/// Reads the order version.
pub fn version(order: &DocView) -> u64 {
    order.int("order_version").and_then(|v| u64::try_from(v).ok()).unwrap_or(0)
}

/// Says whether the order changed since the proposer saw it, other than by the same worker's
/// own proposals made on the same sight of it: offline, 签收 and 提交 both name the version of
/// the morning, and the first must not make the second stale.
fn is_stale(order: &DocView, event: &str, proposal: &ProposalRecord, proposer: &Subject) -> bool {
    let own = order
        .members("decision")
        .filter(|(id, _)| *id != event)
        .filter(|(id, value)| {
            let accepted = value.text().and_then(|t| serde_json::from_str::<DecisionRecord>(t).ok());
            let sibling = order.all(&format!("proposal/{id}")).last();
            let same_sight = sibling
                .and_then(|p| serde_json::from_str::<ProposalRecord>(p.value.text()?).ok())
                .is_some_and(|p| p.order_version == proposal.order_version);
            same_sight
                && sibling.is_some_and(|p| p.by == proposer.worker)
                && accepted.is_some_and(|d| d.verdict == Verdict::Accepted)
        })
        .count();
    proposal.order_version.saturating_add(own as u64) != version(order)
}

/// Decides a proposal as far as a rule can. `event` is its id in the order.
///
/// `by_person` tells that a person with the deciding role has already agreed.
pub fn decide(
    order: &DocView,
    event: &str,
    proposal: &ProposalRecord,
    proposer: &Subject,
    at: &Circumstances,
    by_person: bool,
) -> Outcome {
    let now = state(order);
    // A cluster's master moves with its children alone (R33).
    if is_master(order) {
        return Outcome::Refuse(Refusal::WrongState);
    }
    if !at.right_stands {
        return Outcome::Refuse(Refusal::RightRevoked);
    }
    let target = match proposal.kind {
        ProposalKind::Ack if offered_to(order).is_some_and(|to| is_holder(proposer, to, at.now)) => {
            return answer_offer(order, event, proposal, (proposer, at.now), true);
        }
        ProposalKind::Decline if !LEAD.has(proposer.role) => return Outcome::Refuse(Refusal::RoleMayNot),
        ProposalKind::Decline => return answer_offer(order, event, proposal, (proposer, at.now), false),
        ProposalKind::Transfer => return offer(order, event, proposal, (proposer, at.now)),
        ProposalKind::Extend => return decide_extension(order, event, proposal, proposer, at, by_person),
        ProposalKind::Check => return check::decide(order, event, proposal, proposer, at, by_person),
        kind => target(kind).unwrap_or(now),
    };
    let to_target = || TRANSITIONS.iter().filter(move |t| t.to == target);
    if !to_target().any(|t| t.proposers.has(proposer.role)) {
        return Outcome::Refuse(Refusal::RoleMayNot);
    }
    // The row for this state may be another role's: the clerk sends work back to HANDLING, a
    // worker cannot ask for that.
    let from_here = to_target().find(|t| t.from == now && t.proposers.has(proposer.role));
    let Some(transition) = from_here else {
        return Outcome::Refuse(Refusal::WrongState);
    };
    if is_stale(order, event, proposal, proposer) {
        return Outcome::Refuse(Refusal::StaleVersion);
    }
    if let Some(refusal) = check_guard(transition.guard, order, proposal, proposer, at) {
        return Outcome::Refuse(refusal);
    }
    if !by_person && !transition.deciders.has(Role::System) {
        return Outcome::Ask(transition.deciders);
    }
    let known = |outcome: &String| {
        let field = DocKind::Order.spec().field("outcome");
        field.is_some_and(|f| f.accepts(&Value::Text(outcome.clone())))
    };
    if target == State::Submitted && !proposal.outcome.as_ref().is_some_and(known) {
        return Outcome::Refuse(Refusal::ReplyMissing);
    }
    let mut edits = move_to(order, target);
    if target == State::Acked && offered_to(order).is_some() {
        // Who had it took it after all: nothing is offered any more.
        edits.push(Edit::set("offered_to", ""));
    }
    if target == State::Submitted {
        edits.push(Edit::set("submitted_at", at.effective_at.0));
        edits.extend(proposal.outcome.as_deref().map(|o| Edit::set("outcome", o)));
    }
    if target == State::Parked {
        edits.extend(proposal.review_at.map(|t| Edit::set("review_at", t.0)));
    }
    if matches!(target, State::Returned | State::Excluded) {
        edits.push(Edit::set("closed_at", at.now.0));
    }
    if target == State::Acked {
        edits.push(Edit::set("current_owner", proposer.worker.as_str()));
        // R29: fixed since the first acknowledgement, also when the order comes round again.
        if order.get("first_owner").is_none() {
            edits.push(Edit::set("first_owner", proposer.worker.as_str()));
        }
    }
    Outcome::Accept(edits)
}

/// Returns the state that a kind of proposal asks for, where it asks for one.
fn target(kind: ProposalKind) -> Option<State> {
    match kind {
        ProposalKind::Ack => Some(State::Acked),
        ProposalKind::Return => Some(State::Returned),
        ProposalKind::Handle => Some(State::Handling),
        ProposalKind::Submit => Some(State::Submitted),
        ProposalKind::Exclude => Some(State::Excluded),
        ProposalKind::Park => Some(State::Parked),
        ProposalKind::Decline | ProposalKind::Transfer | ProposalKind::Extend | ProposalKind::Check => None,
    }
}

/// Returns who may ever decide a kind of proposal by hand, whatever the order's state; nobody where
/// rules alone decide.
pub fn deciders(kind: ProposalKind) -> Roles {
    match (kind, target(kind)) {
        (ProposalKind::Extend, _) => LEADERS.or(CLERK),
        (ProposalKind::Check, _) => CLERK,
        (_, Some(target)) => TRANSITIONS
            .iter()
            .filter(|t| t.to == target && !t.deciders.has(Role::System))
            .fold(Roles(0), |all, t| all.or(t.deciders)),
        (_, None) => Roles(0),
    }
}

/// Makes the edits of a transition: the state and the next order version.
pub fn move_to(order: &DocView, to: State) -> Vec<Edit> {
    let mut edits = vec![Edit::set("state", to.id()), next_version(order)];
    if offered_to(order).is_some() && !OFFERABLE.contains(&to) {
        edits.push(Edit::set("offered_to", ""));
    }
    edits
}

/// States in which an order can be offered on and taken (R29).
const OFFERABLE: [State; 4] = [State::Dispatched, State::Acked, State::Investigating, State::Handling];

/// Says whether an order is the master of a cluster: it has no requester and no work of its own.
pub fn is_master(order: &DocView) -> bool {
    order.text("channel") == Some("cluster")
}

fn next_version(order: &DocView) -> Edit {
    Edit::set("order_version", i64::try_from(version(order).saturating_add(1)).unwrap_or(i64::MAX))
}

/// Makes the record that answers a proposal; `None` while a person has to decide.
pub fn answer(outcome: &Outcome, decided_at: TimeMs, by: &str) -> Option<DecisionRecord> {
    let (verdict, reason) = match outcome {
        Outcome::Accept(_) => (Verdict::Accepted, None),
        Outcome::Refuse(reason) => (Verdict::Refused, Some(*reason)),
        Outcome::Ask(_) => return None,
    };
    Some(DecisionRecord { verdict, reason, decided_at, by: by.to_owned(), words: None })
}

fn check_guard(
    guard: Guard,
    order: &DocView,
    proposal: &ProposalRecord,
    proposer: &Subject,
    at: &Circumstances,
) -> Option<Refusal> {
    match guard {
        Guard::OfferHolder => {
            let offered = order.text("current_owner").is_none_or(|o| o.is_empty() || o == proposer.worker);
            let assigned = order.members("assignee").next().is_none()
                || order.flag(&format!("assignee/{}", proposer.worker))
                || order.text("lead_unit").is_some_and(|unit| is_holder(proposer, unit, at.now));
            (!(offered && assigned)).then_some(Refusal::NotOfferHolder)
        }
        Guard::ReturnLimit if proposal.reason.trim().is_empty() => Some(Refusal::ReasonMissing),
        Guard::ReturnLimit => {
            at.return_limit.is_some_and(|l| at.effective_at > l).then_some(Refusal::ReturnLimitPassed)
        }
        Guard::Inquiry => inquiry_missing(order, at),
        Guard::Reply => inquiry_missing(order, at).or_else(|| {
            let reply = order.text("reply_text").is_some_and(|t| !t.trim().is_empty());
            if !(reply && proposal.outcome.is_some()) {
                return Some(Refusal::ReplyMissing);
            }
            at.evidence_missing.then_some(Refusal::EvidenceMissing)
        }),
        Guard::Reason if proposal.reason.trim().is_empty() => Some(Refusal::ReasonMissing),
        Guard::Reason if proposal.kind == ProposalKind::Park => {
            let later = proposal.review_at.is_some_and(|t| t > at.now);
            (!later).then_some(Refusal::ReviewMissing)
        }
        Guard::Reason => {
            let said = |text: &Option<String>| text.as_deref().is_some_and(|t| !t.trim().is_empty());
            (!(said(&proposal.ground) && said(&proposal.evidence))).then_some(Refusal::GroundMissing)
        }
        Guard::None | Guard::CatalogMatch | Guard::CallbackDone => None,
    }
}

/// Reads whom the order is offered to.
fn offered_to(order: &DocView) -> Option<&str> {
    order.text("offered_to").filter(|to| !to.is_empty())
}

/// Says whether a subject may answer for a holder: for itself, or for its unit.
fn is_holder(subject: &Subject, holder: &str, at: TimeMs) -> bool {
    holder == subject.worker || subject.units_at(at).any(|unit| unit == holder)
}

/// Says whether an order is a subject's to give away: its owner, or the section that leads it.
fn has_it(order: &DocView, subject: &Subject, at: TimeMs) -> bool {
    let owner = order.text("current_owner").filter(|o| !o.is_empty());
    let leads = order.text("lead_unit").is_some_and(|unit| is_holder(subject, unit, at));
    leads
        || owner.map_or_else(|| order.flag(&format!("assignee/{}", subject.worker)), |o| o == subject.worker)
}

/// R29: who has the order offers it to another holder. Nothing moves until that one accepts.
fn offer(
    order: &DocView,
    event: &str,
    proposal: &ProposalRecord,
    (proposer, at): (&Subject, TimeMs),
) -> Outcome {
    let now = state(order);
    let to = proposal.to.as_deref().unwrap_or_default().trim();
    let refusal = if !LEAD.has(proposer.role) {
        Some(Refusal::RoleMayNot)
    } else if !OFFERABLE.contains(&now) {
        Some(Refusal::WrongState)
    } else if !has_it(order, proposer, at) {
        Some(Refusal::NotOfferHolder)
    } else if is_holder(proposer, to, at) {
        Some(Refusal::HolderUnknown)
    } else if is_stale(order, event, proposal, proposer) {
        Some(Refusal::StaleVersion)
    } else if proposal.reason.trim().is_empty() {
        Some(Refusal::ReasonMissing)
    } else if to.is_empty() || [order.text("lead_unit"), order.text("current_owner")].contains(&Some(to)) {
        Some(Refusal::HolderUnknown)
    } else {
        None
    };
    if let Some(refusal) = refusal {
        return Outcome::Refuse(refusal);
    }
    Outcome::Accept(vec![Edit::set("offered_to", to), next_version(order)])
}

/// The holder an order is offered to takes it or declines: a worker by own id, a section by
/// the unit its staff belong to.
fn answer_offer(
    order: &DocView,
    event: &str,
    proposal: &ProposalRecord,
    (proposer, now): (&Subject, TimeMs),
    takes: bool,
) -> Outcome {
    let Some(to) = offered_to(order).filter(|to| is_holder(proposer, to, now)) else {
        return Outcome::Refuse(Refusal::NothingOffered);
    };
    if !OFFERABLE.contains(&state(order)) {
        return Outcome::Refuse(Refusal::WrongState);
    }
    if is_stale(order, event, proposal, proposer) {
        return Outcome::Refuse(Refusal::StaleVersion);
    }
    let mut edits = vec![Edit::set("offered_to", ""), next_version(order)];
    if takes {
        edits.push(Edit::set("current_owner", proposer.worker.as_str()));
        edits.push(Edit::set(format!("assignee/{}", proposer.worker), true));
        if to != proposer.worker {
            edits.push(Edit::set("lead_unit", to));
        }
        if order.get("first_owner").is_none() {
            edits.push(Edit::set("first_owner", proposer.worker.as_str()));
        }
        if transfers(order) >= 1 {
            edits.push(Edit::set("flag/transfers", true));
        }
        if state(order) == State::Dispatched {
            edits.push(Edit::set("state", State::Acked.id()));
        }
    }
    Outcome::Accept(edits)
}

/// R48 and R49: no handling before an inquiry; unclear facts or responsibility force a site check.
fn inquiry_missing(order: &DocView, at: &Circumstances) -> Option<Refusal> {
    if at.inquiries == 0 {
        return Some(Refusal::NoInquiry);
    }
    let unclear = order.flag("unclear_statement") || order.flag("unclear_responsibility");
    (unclear && at.site_checks == 0).then_some(Refusal::NoSiteCheck)
}

fn decide_extension(
    order: &DocView,
    event: &str,
    proposal: &ProposalRecord,
    proposer: &Subject,
    at: &Circumstances,
    by_person: bool,
) -> Outcome {
    if !LEAD.has(proposer.role) {
        return Outcome::Refuse(Refusal::RoleMayNot);
    }
    if !state(order).is_open() {
        return Outcome::Refuse(Refusal::WrongState);
    }
    if is_stale(order, event, proposal, proposer) {
        return Outcome::Refuse(Refusal::StaleVersion);
    }
    if proposal.reason.trim().is_empty() {
        return Outcome::Refuse(Refusal::ReasonMissing);
    }
    if order.flag("flag/extended") {
        return Outcome::Refuse(Refusal::AlreadyExtended);
    }
    if order.int("internal_due").is_some_and(|due| at.effective_at.0 > due) {
        return Outcome::Refuse(Refusal::AfterDue);
    }
    let days = proposal.extend_days.unwrap_or(0);
    if days == 0 || days > at.max_extension_days {
        return Outcome::Refuse(Refusal::TooLong);
    }
    if !by_person {
        return Outcome::Ask(LEADERS.or(CLERK));
    }
    // The new due time needs the calendar, which headquarters adds to these edits.
    Outcome::Accept(vec![Edit::set("flag/extended", true), next_version(order)])
}

/// Lists what a subject may do with an order now, as ids for the screen's buttons.
///
/// Facts (`visit`, `note`, `measure`) while the order is open and the schema lets the role write
/// them, then the proposals the table has for this state. A button here can still be refused:
/// guards look at circumstances.
pub fn allowed_actions(order: &DocView, subject: &Subject) -> Vec<&'static str> {
    let now = state(order);
    let mut actions = Vec::new();
    let writes = |key| DocKind::Order.spec().field(key).is_some_and(|f| f.may_write(subject.role));
    let facts = [
        ("visit", DocKind::Visit.spec().creators.has(subject.role)),
        ("note", writes("note/1")),
        ("measure", writes("measurement/1")),
    ];
    actions.extend(facts.into_iter().filter(|(_, may)| now.is_open() && *may).map(|(action, _)| action));
    for t in TRANSITIONS.iter().filter(|t| t.from == now && t.proposers.has(subject.role)) {
        actions.push(match t.to {
            State::Acked => "ack",
            State::Returned => "return",
            State::Handling => "handle",
            State::Submitted => "submit",
            _ => continue,
        });
    }
    if now.is_open() && LEAD.has(subject.role) {
        if !order.flag("flag/extended") {
            actions.push("extend");
        }
        if matches!(now, State::Dispatched | State::Acked | State::Investigating | State::Handling) {
            actions.push("transfer");
        }
    }
    if check::is_open(now) && check::CHECKERS.has(subject.role) {
        actions.push("check");
    }
    // Rights without an end are the ones that stand; the decision looks at the dates.
    if now.is_open() && offered_to(order).is_some_and(|to| is_holder(subject, to, TimeMs(i64::MAX))) {
        actions.extend(["ack", "decline"]);
    }
    if ASKS.has(subject.role) && now.is_open() {
        actions.push("exclude");
        if now != State::Parked {
            actions.push("park");
        }
    }
    actions.dedup();
    actions
}

/// Lists the proposals of an order that have no decision yet: (event id, record).
pub fn pending(order: &DocView) -> Vec<(String, ProposalRecord)> {
    order
        .members("proposal")
        .filter(|(id, _)| order.get(&format!("decision/{id}")).is_none())
        .filter_map(|(id, value)| match value {
            Value::Text(json) => serde_json::from_str(json).ok().map(|p| (id.to_owned(), p)),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
