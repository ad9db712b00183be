//! Figures (率) as headquarters prints them (DOMAIN.md §6, R4–R6, R22, R50).
//!
//! Invariant: every figure is counted from the log of an order, by one function that says for
//! each order whether it is in the denominator and in the numerator ([`Metric::judge`]); the list
//! behind a figure is made by the same function. Orders excluded with approval are in no rate and
//! are counted beside. Rejected: a counting query per rate and another for its list, which
//! disagree sooner or later.
//!
//! An order handled in time and closed later, because the requester was hard to reach, is on time:
//!
//! ```
//! use lanewalk_model::{
//!     kpi::{DueKind, History, Metric, Part},
//!     records::{StepKind, StepRecord},
//!     time::TimeMs,
//! };
//!
//! let mut order = History { received_at: TimeMs(0), internal_due: Some(TimeMs(20)), ..History::default() };
//! for (kind, at) in [(StepKind::Dispatched, 1), (StepKind::Submitted, 20), (StepKind::Closed, 50)] {
//!     order.step(&StepRecord::new(kind, TimeMs(at), "hq"));
//! }
//! let now = order.at(TimeMs(60)).expect("it came in before");
//! assert_eq!(Metric::OnTime(DueKind::Internal).judge(&now, TimeMs(60)), Part::Hit);
//! // At 30 it was open and past due.
//! let then = order.at(TimeMs(30)).expect("it came in before");
//! assert_eq!(Metric::Closing(DueKind::Internal).judge(&then, TimeMs(30)), Part::Not);
//! ```

mod facts;
mod history;
mod metric;
mod rate;
mod stage;

pub use facts::{Answers, DueKind, OrderFacts};
pub use history::{Event, Happened, History, is_counted};
pub use metric::{Metric, Part};
pub use rate::{Rate, RateError};
pub use stage::{Spread, Stage};

#[cfg(test)]
mod tests;
