//! The figures themselves: of each order, is it counted, and does it hit.
//!
//! Invariant: the table of DOMAIN.md §6, one row per variant. Every rate is a sum over
//! [`Metric::judge`], every list behind a figure a filter by it.

use super::{
    facts::{DueKind, OrderFacts},
    rate::Rate,
};
use crate::time::TimeMs;
use DueKind::{Internal, Upstream};

/// Where an order stands in a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Not in the denominator.
    Out,
    /// In the denominator only.
    Not,
    /// In the numerator.
    Hit,
}

/// A figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// 收件: every order that is not excluded; only a count.
    Received,
    /// 剔除: excluded with approval, beside all rates (R10).
    Excluded,
    /// 在办: open / received.
    Open,
    /// 逾期: open and past due / open.
    Overdue(DueKind),
    /// 交办率: dispatched / received (R50).
    Dispatch,
    /// 准派率: dispatched once, never returned or transferred / dispatched.
    FirstDispatch,
    /// 响应率: first contact in time / due for contact.
    Response,
    /// 办结率: closed / closed, or open and past due.
    Closing(DueKind),
    /// 办结率 over all: closed / dispatched.
    ClosingAll,
    /// 按时办结率: handled in time / closed.
    OnTime(DueKind),
    /// 解决率: resolved, as the requester says / reached.
    Resolution,
    /// 服务过程满意率: satisfied / reached and answered.
    ProcessSatisfied,
    /// 办理结果满意率: satisfied / reached and answered.
    ResultSatisfied,
    /// 回访率: called back at least once / passed on to the callback or closed.
    Callback,
    /// 回访成功率: reached / tried.
    CallbackSuccess,
    /// 退单率: returned at least once / dispatched.
    Return,
    /// 转派率: moved to another holder at least once / dispatched.
    Transfer,
    /// 重办率: reworked at least once / passed on to the callback or closed.
    Rework,
    /// 重复诉求率: names an earlier order / received.
    Recurrence,
}

impl Metric {
    /// Every figure, in the order in which reports print them.
    pub const ALL: [Self; 22] = [
        Self::Received,
        Self::Excluded,
        Self::Open,
        Self::Overdue(Internal),
        Self::Overdue(Upstream),
        Self::Dispatch,
        Self::FirstDispatch,
        Self::Response,
        Self::Closing(Internal),
        Self::Closing(Upstream),
        Self::ClosingAll,
        Self::OnTime(Internal),
        Self::OnTime(Upstream),
        Self::Resolution,
        Self::ProcessSatisfied,
        Self::ResultSatisfied,
        Self::Callback,
        Self::CallbackSuccess,
        Self::Return,
        Self::Transfer,
        Self::Rework,
        Self::Recurrence,
    ];

    /// Returns the id used in addresses and files.
    pub fn id(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Excluded => "excluded",
            Self::Open => "open",
            Self::Overdue(Internal) => "overdue",
            Self::Overdue(Upstream) => "overdue_upstream",
            Self::Dispatch => "dispatch",
            Self::FirstDispatch => "first_dispatch",
            Self::Response => "response",
            Self::Closing(Internal) => "closing",
            Self::Closing(Upstream) => "closing_upstream",
            Self::ClosingAll => "closing_all",
            Self::OnTime(Internal) => "on_time",
            Self::OnTime(Upstream) => "on_time_upstream",
            Self::Resolution => "resolution",
            Self::ProcessSatisfied => "process_satisfied",
            Self::ResultSatisfied => "result_satisfied",
            Self::Callback => "callback",
            Self::CallbackSuccess => "callback_success",
            Self::Return => "return",
            Self::Transfer => "transfer",
            Self::Rework => "rework",
            Self::Recurrence => "recurrence",
        }
    }

    /// Finds a figure by its id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.id() == id)
    }

    /// Says where an order stands in this figure at a moment, the one its facts are of.
    pub fn judge(self, o: &OrderFacts, at: TimeMs) -> Part {
        if o.excluded {
            return if self == Self::Excluded { Part::Hit } else { Part::Out };
        }
        let dispatched = o.dispatches > 0;
        let closed = o.closed_at.is_some();
        let closable = closed || o.to_callback_at.is_some();
        let reached = o.reached_at.is_some();
        let answered = |answer: Option<bool>| part(reached && answer.is_some(), answer == Some(true));
        match self {
            Self::Received => Part::Hit,
            Self::Excluded => Part::Not,
            Self::Open => part(true, o.is_open()),
            Self::Overdue(due) => part(o.is_open(), o.is_overdue(due, at)),
            Self::Dispatch => part(true, dispatched),
            Self::FirstDispatch => part(dispatched, o.dispatches == 1 && o.returns == 0 && o.transfers == 0),
            Self::Response => {
                // One who was reached early is due for contact too; one without a limit, or still
                // within it and not contacted, is not.
                let Some(due) = o.contact_due else { return Part::Out };
                part(due < at || o.first_contact_at.is_some(), o.first_contact_at.is_some_and(|t| t <= due))
            }
            Self::Closing(due) => part(closed || o.is_overdue(due, at), closed),
            Self::ClosingAll => part(dispatched, closed),
            Self::OnTime(due) => part(closed, o.is_in_time(due)),
            // Reached without an answer is not resolved.
            Self::Resolution => part(reached, o.answers.resolved == Some(true)),
            Self::ProcessSatisfied => answered(o.answers.process_satisfied),
            Self::ResultSatisfied => answered(o.answers.result_satisfied),
            Self::Callback => part(closable, o.attempts > 0 || o.rounds > 0),
            Self::CallbackSuccess => part(o.attempts > 0, reached),
            Self::Return => part(dispatched, o.returns > 0),
            Self::Transfer => part(dispatched, o.transfers > 0),
            Self::Rework => part(closable, o.rounds > 0),
            Self::Recurrence => part(true, o.recurrence),
        }
    }

    /// Computes the rate over orders.
    pub fn rate(self, orders: &[OrderFacts], at: TimeMs) -> Rate {
        orders.iter().fold(Rate::default(), |rate, o| rate.plus(self.judge(o, at)))
    }
}

fn part(counts: bool, hits: bool) -> Part {
    match (counts, hits) {
        (false, _) => Part::Out,
        (true, false) => Part::Not,
        (true, true) => Part::Hit,
    }
}
