//! The four stage timers (R22: 早接单、准派件、快处理、重回访).
//!
//! Invariant: clocks start when upstream dispatched, not when we accepted (R25), so slow
//! accepting is visible. Median and p95 are nearest rank: the value of an order there is, never
//! one between two orders. Rejected: means, which one forgotten order moves at will.

use super::facts::OrderFacts;
use crate::time::TimeMs;

/// A stage of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// 接单: upstream's dispatch → accepted.
    Accept,
    /// 派件: accepted → first dispatched.
    Dispatch,
    /// 办理: first dispatched → the result that stands was submitted, rework included.
    Handle,
    /// 回访: passed on to the callback → requester reached, else closed.
    Callback,
}

impl Stage {
    /// Every stage in order.
    pub const ALL: [Self; 4] = [Self::Accept, Self::Dispatch, Self::Handle, Self::Callback];

    /// Returns the id used in files.
    pub fn id(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Dispatch => "dispatch",
            Self::Handle => "handle",
            Self::Callback => "callback",
        }
    }

    /// Returns when an order began and ended this stage; `None` while it has not, and for an
    /// excluded order. An end before its beginning, which a wrong upstream clock makes, counts as
    /// no time at all.
    pub fn span(self, o: &OrderFacts) -> Option<(TimeMs, TimeMs)> {
        let (from, to) = match self {
            Self::Accept => (Some(o.started_at), o.accepted_at),
            Self::Dispatch => (o.accepted_at.or(Some(o.started_at)), o.dispatched_at),
            Self::Handle => (o.dispatched_at, o.submitted_at),
            Self::Callback => (o.to_callback_at, o.reached_at.or(o.closed_at)),
        };
        let (from, to) = from.zip(to).filter(|_| !o.excluded)?;
        Some((from, to.max(from)))
    }
}

/// How a number of durations spread, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Spread {
    /// How many there are.
    pub n: u64,
    /// The value of rank ⌈n/2⌉.
    pub median: i64,
    /// The value of rank ⌈0.95 n⌉.
    pub p95: i64,
}

impl Spread {
    /// Computes it; `None` for no durations. Leaves them in another order.
    pub fn of(durations: &mut [i64]) -> Option<Self> {
        let n = durations.len();
        let mut rank = |percent: usize| {
            let rank = n.saturating_mul(percent).div_ceil(100).checked_sub(1)?;
            (rank < n).then(|| *durations.select_nth_unstable(rank).1)
        };
        Some(Self { median: rank(50)?, p95: rank(95)?, n: n as u64 })
    }
}
