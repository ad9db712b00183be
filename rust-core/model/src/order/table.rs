//! The state machine of DOMAIN.md §4 as one table.

use super::State;
use crate::staff::{Role, Roles};

/// A guard that must hold before a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Nothing more.
    None,
    /// The catalogue has exactly one match (R26).
    CatalogMatch,
    /// The asker is whom the order was offered to.
    OfferHolder,
    /// Within the return limit, with a reason.
    ReturnLimit,
    /// At least one preliminary inquiry or visit; a site check if a fact or the responsibility
    /// is unclear (R48, R49).
    Inquiry,
    /// A reply text and an outcome exist.
    Reply,
    /// Callback done, or three attempts on two days.
    CallbackDone,
    /// Reason and evidence.
    Reason,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Transition {
    /// From.
    pub from: State,
    /// To.
    pub to: State,
    /// Roles that may propose it from a device.
    pub proposers: Roles,
    /// Roles that decide it.
    pub deciders: Roles,
    /// What must hold.
    pub guard: Guard,
}

pub(super) const CLERK: Roles = Role::HotlineClerk.bit();
pub(super) const DEPUTY: Roles = Role::DeputyLeader.bit();
pub(super) const PRINCIPAL: Roles = Role::Principal.bit();
pub(super) const LEADERS: Roles = DEPUTY.or(PRINCIPAL);
pub(super) const CALLBACK: Roles = Role::CallbackAgent.bit();
pub(super) const SYSTEM: Roles = Role::System.bit();
pub(super) const LEAD: Roles = Role::GridWorker.bit().or(Role::Section.bit());
/// Who may ask for an exclusion or a parking; nobody decides an own one.
pub(super) const ASKS: Roles = LEAD.or(CLERK);

const fn row(from: State, to: State, proposers: Roles, deciders: Roles, guard: Guard) -> Transition {
    Transition { from, to, proposers, deciders, guard }
}

/// The state machine of DOMAIN.md §4. What is not here is refused.
pub const TRANSITIONS: &[Transition] = &[
    row(State::Received, State::Accepted, Roles::NONE, CLERK, Guard::None),
    row(State::Accepted, State::Dispatched, Roles::NONE, CLERK.or(PRINCIPAL), Guard::CatalogMatch),
    row(State::Accepted, State::Triage, Roles::NONE, CLERK.or(SYSTEM), Guard::None),
    row(State::Triage, State::Dispatched, Roles::NONE, DEPUTY, Guard::None),
    row(State::Dispatched, State::Acked, LEAD, SYSTEM, Guard::OfferHolder),
    row(State::Dispatched, State::Returned, LEAD, CLERK.or(LEADERS), Guard::ReturnLimit),
    row(State::Acked, State::Returned, LEAD, CLERK.or(LEADERS), Guard::ReturnLimit),
    row(State::Acked, State::Investigating, Roles::NONE, SYSTEM, Guard::Inquiry),
    row(State::Investigating, State::Handling, LEAD, SYSTEM, Guard::Inquiry),
    row(State::Investigating, State::Submitted, LEAD, SYSTEM, Guard::Reply),
    row(State::Handling, State::Submitted, LEAD, SYSTEM, Guard::Reply),
    row(State::Submitted, State::Handling, Roles::NONE, CLERK.or(DEPUTY), Guard::None),
    row(State::Submitted, State::Callback, Roles::NONE, CLERK.or(DEPUTY), Guard::None),
    row(State::Callback, State::Closed, Roles::NONE, CLERK, Guard::CallbackDone),
    row(State::Callback, State::Handling, Roles::NONE, CLERK, Guard::None),
    row(State::Closed, State::Archived, Roles::NONE, SYSTEM, Guard::None),
    row(State::Received, State::Excluded, ASKS, DEPUTY, Guard::Reason),
    row(State::Accepted, State::Excluded, ASKS, DEPUTY, Guard::Reason),
    row(State::Triage, State::Excluded, ASKS, DEPUTY, Guard::Reason),
    row(State::Dispatched, State::Excluded, ASKS, DEPUTY, Guard::Reason),
    row(State::Acked, State::Excluded, ASKS, DEPUTY, Guard::Reason),
    row(State::Investigating, State::Excluded, ASKS, DEPUTY, Guard::Reason),
    row(State::Handling, State::Excluded, ASKS, DEPUTY, Guard::Reason),
    row(State::Submitted, State::Excluded, ASKS, DEPUTY, Guard::Reason),
    row(State::Callback, State::Excluded, ASKS, DEPUTY, Guard::Reason),
    row(State::Parked, State::Excluded, ASKS, DEPUTY, Guard::Reason),
    row(State::Received, State::Parked, ASKS, DEPUTY, Guard::Reason),
    row(State::Accepted, State::Parked, ASKS, DEPUTY, Guard::Reason),
    row(State::Triage, State::Parked, ASKS, DEPUTY, Guard::Reason),
    row(State::Dispatched, State::Parked, ASKS, DEPUTY, Guard::Reason),
    row(State::Acked, State::Parked, ASKS, DEPUTY, Guard::Reason),
    row(State::Investigating, State::Parked, ASKS, DEPUTY, Guard::Reason),
    row(State::Handling, State::Parked, ASKS, DEPUTY, Guard::Reason),
    row(State::Submitted, State::Parked, ASKS, DEPUTY, Guard::Reason),
    row(State::Callback, State::Parked, ASKS, DEPUTY, Guard::Reason),
    row(State::Parked, State::Handling, Roles::NONE, DEPUTY, Guard::None),
    row(State::Parked, State::Triage, Roles::NONE, DEPUTY, Guard::None),
];
