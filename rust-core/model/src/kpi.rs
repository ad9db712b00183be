//! Rates (率) as headquarters prints them (DOMAIN.md §6, R4–R6, R50).
//!
//! Invariant: a rate is two counts, derived from the log and always printed together; "100%"
//! appears if and only if both are equal. Orders excluded with approval are left out and counted
//! beside. Rejected: percentages as floating point, where 29999 of 30000 rounds to "100%".

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::TimeMs;

/// Says that a numerator is larger than its denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rate of {n} in {d} is not possible")]
pub struct RateError {
    n: u64,
    d: u64,
}

/// `n` of `d`. JSON: `{"n":597,"d":601}`. Prints as `99.33% (597/601)`, or `– (0/0)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Rate {
    n: u64,
    d: u64,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    n: u64,
    d: u64,
}

impl TryFrom<Wire> for Rate {
    type Error = RateError;

    fn try_from(w: Wire) -> Result<Self, RateError> {
        Self::new(w.n, w.d)
    }
}

impl From<Rate> for Wire {
    fn from(r: Rate) -> Self {
        Self { n: r.n, d: r.d }
    }
}

impl Rate {
    /// Makes a rate; more than all is refused.
    pub fn new(n: u64, d: u64) -> Result<Self, RateError> {
        if n > d { Err(RateError { n, d }) } else { Ok(Self { n, d }) }
    }

    /// Counts `hit` among the items that `of` admits; a hit outside them does not count.
    pub fn count<T>(items: &[T], of: impl Fn(&T) -> bool, hit: impl Fn(&T) -> bool) -> Self {
        items.iter().filter(|item| of(item)).fold(Self::default(), |rate, item| Self {
            n: rate.n.saturating_add(hit(item).into()),
            d: rate.d.saturating_add(1),
        })
    }

    /// Returns the numerator.
    pub fn n(self) -> u64 {
        self.n
    }

    /// Returns the denominator.
    pub fn d(self) -> u64 {
        self.d
    }

    /// Returns the percentage alone: `99.33%`, `100%`, or `–` for a denominator of 0.
    ///
    /// Integers only; rounded half up to 2 decimals, but never up to 100.
    pub fn percent(self) -> String {
        if self.d == 0 {
            return "–".to_owned();
        }
        if self.n == self.d {
            return "100%".to_owned();
        }
        let (n, d) = (u128::from(self.n), u128::from(self.d));
        let doubled = n.saturating_mul(20_000).saturating_add(d);
        let hundredths = (doubled / d.saturating_mul(2).max(1)).min(9_999);
        format!("{}.{:02}%", hundredths / 100, hundredths % 100)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}/{})", self.percent(), self.n, self.d)
    }
}

/// What the rates need to know of one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrderFacts {
    /// Excluded (剔除) with approval: in no rate, counted beside (R10).
    pub excluded: bool,
    /// How often it was dispatched.
    pub dispatches: u32,
    /// It was returned or transferred at least once.
    pub bounced: bool,
    /// When the requester was first contacted (effective time), if ever.
    pub first_contact_at: Option<TimeMs>,
    /// Until when the requester had to be contacted.
    pub contact_due: Option<TimeMs>,
    /// When it was closed (effective time), if it is.
    pub closed_at: Option<TimeMs>,
    /// Our own due time.
    pub internal_due: Option<TimeMs>,
    /// The due time of city or district.
    pub upstream_due: Option<TimeMs>,
}

/// Says which due time a rate is about; print it with the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueKind {
    /// Our own (R30).
    Internal,
    /// City's or district's (R31).
    Upstream,
}

impl OrderFacts {
    fn due(&self, kind: DueKind) -> Option<TimeMs> {
        match kind {
            DueKind::Internal => self.internal_due,
            DueKind::Upstream => self.upstream_due,
        }
    }

    fn closed_by(&self, as_of: TimeMs) -> Option<TimeMs> {
        self.closed_at.filter(|at| *at <= as_of)
    }
}

/// Computes 交办率: dispatched / received.
pub fn dispatch_rate(orders: &[OrderFacts]) -> Rate {
    Rate::count(orders, |o| !o.excluded, |o| o.dispatches > 0)
}

/// Computes 准派率: dispatched once and never returned or transferred / dispatched.
pub fn first_dispatch_accuracy(orders: &[OrderFacts]) -> Rate {
    let once = |o: &OrderFacts| o.dispatches == 1 && !o.bounced;
    Rate::count(orders, |o| !o.excluded && o.dispatches > 0, once)
}

/// Computes 响应率: first contact in time / orders due for contact at `as_of`.
///
/// An order whose requester was reached early is due for contact too; one without a limit, or
/// still within it and not contacted, is not.
pub fn response_rate(orders: &[OrderFacts], as_of: TimeMs) -> Rate {
    let contact = |o: &OrderFacts| o.first_contact_at.filter(|at| *at <= as_of);
    Rate::count(
        orders,
        |o| {
            let due = o.contact_due.filter(|_| !o.excluded);
            due.is_some_and(|due| due < as_of || contact(o).is_some())
        },
        |o| contact(o).zip(o.contact_due).is_some_and(|(at, due)| at <= due),
    )
}

/// Computes 办结率: closed / (closed + open and past due) at `as_of`. An overdue open order is
/// never hidden; an open one still within its time does not count yet.
pub fn closing_rate(orders: &[OrderFacts], kind: DueKind, as_of: TimeMs) -> Rate {
    let overdue = |o: &OrderFacts| o.due(kind).is_some_and(|due| due < as_of);
    Rate::count(
        orders,
        |o| !o.excluded && (o.closed_by(as_of).is_some() || overdue(o)),
        |o| o.closed_by(as_of).is_some(),
    )
}

/// Computes the variant "all" of 办结率: closed / dispatched at `as_of`.
pub fn closing_rate_all(orders: &[OrderFacts], as_of: TimeMs) -> Rate {
    let closed = |o: &OrderFacts| o.closed_by(as_of).is_some();
    Rate::count(orders, |o| !o.excluded && o.dispatches > 0, closed)
}

/// Computes 按时办结率: closed at or before due / closed, at `as_of`.
///
/// An order without that due time cannot be late against it and counts as on time, as in the
/// public data of Boston (vector d).
pub fn on_time_rate(orders: &[OrderFacts], kind: DueKind, as_of: TimeMs) -> Rate {
    Rate::count(
        orders,
        |o| !o.excluded && o.closed_by(as_of).is_some(),
        |o| o.due(kind).is_none_or(|due| o.closed_at.is_some_and(|at| at <= due)),
    )
}

/// Counts the orders left out of the rates, to be printed beside them (R10).
pub fn excluded_count(orders: &[OrderFacts]) -> usize {
    orders.iter().filter(|o| o.excluded).count()
}

/// What the rates need to know of the callback (回访) of one closable order. After rework the
/// last round counts; attempts are those of that round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallbackFacts {
    /// How often it was tried.
    pub attempts: u32,
    /// The requester was reached.
    pub reached: bool,
    /// Answer to "satisfied with how it was handled"; `None` if not answered.
    pub process_satisfied: Option<bool>,
    /// Answer to "satisfied with the result".
    pub result_satisfied: Option<bool>,
    /// Answer to "is it solved"; never the handler's claim.
    pub resolved: Option<bool>,
}

/// Says which of the two satisfaction answers a rate is about (R4: never one score).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Satisfaction {
    /// 服务过程满意率.
    Process,
    /// 办理结果满意率.
    Result,
}

/// Computes 解决率: resolved / callbacks reached. Reached without an answer is not resolved.
pub fn resolution_rate(callbacks: &[CallbackFacts]) -> Rate {
    Rate::count(callbacks, |c| c.reached, |c| c.resolved == Some(true))
}

/// Computes 服务过程满意率 or 办理结果满意率: satisfied / reached that answered the question.
pub fn satisfaction_rate(callbacks: &[CallbackFacts], which: Satisfaction) -> Rate {
    let answer = |c: &CallbackFacts| match which {
        Satisfaction::Process => c.process_satisfied,
        Satisfaction::Result => c.result_satisfied,
    };
    Rate::count(callbacks, |c| c.reached && answer(c).is_some(), |c| answer(c) == Some(true))
}

/// Computes 回访率: orders with at least one attempt / closable orders.
pub fn callback_rate(callbacks: &[CallbackFacts]) -> Rate {
    Rate::count(callbacks, |_| true, |c| c.attempts > 0)
}

/// Computes 回访成功率: reached / attempted.
pub fn callback_success_rate(callbacks: &[CallbackFacts]) -> Rate {
    Rate::count(callbacks, |c| c.attempts > 0, |c| c.reached)
}

#[cfg(test)]
mod tests;
