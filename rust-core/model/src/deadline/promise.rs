//! A due time that remembers what was promised before.
//!
//! Invariant: `due` follows from `start`, `limit` and `extensions` alone, so a new calendar or a
//! changed limit cannot forget an extension; each different time ever promised stays in
//! `earlier`. Rejected: storing the due time only and moving it by the difference, which drifts
//! and cannot be explained to the requester.

use serde::{Deserialize, Serialize};

use super::{DeadlineError, Due, Hours, Limit, Limits, extended, limit_due, may_extend};
use crate::calendar::Calendar;
use crate::time::TimeMs;

/// The due time of one order with its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// When the clock began: upstream's dispatch time (R25).
    pub start: TimeMs,
    /// The limit that applies.
    pub limit: Limit,
    /// Approved extensions in working days, in order of approval.
    #[serde(default)]
    pub extensions: Vec<u16>,
    /// The due time that holds.
    pub due: Due,
    /// Due times promised before, oldest first.
    #[serde(default)]
    pub earlier: Vec<Due>,
}

impl Promise {
    /// Computes the first due time of an order.
    pub fn new(
        start: TimeMs,
        limit: Limit,
        calendar: &Calendar,
        hours: &Hours,
    ) -> Result<Self, DeadlineError> {
        let due = limit_due(start, limit, calendar, hours)?;
        Ok(Self { start, limit, extensions: Vec::new(), due, earlier: Vec::new() })
    }

    /// Computes the due time of an order with approved extensions, from nothing else.
    pub fn with_extensions(
        start: TimeMs,
        limit: Limit,
        extensions: Vec<u16>,
        calendar: &Calendar,
        hours: &Hours,
    ) -> Result<Self, DeadlineError> {
        let mut promise = Self::new(start, limit, calendar, hours)?;
        promise.extensions = extensions;
        promise.due = promise.compute(calendar, hours)?;
        Ok(promise)
    }

    /// Computes the due time again when a newer calendar (or table of hours) arrives.
    ///
    /// `None` if nothing changes. A firm due time never becomes provisional again: that is an
    /// older calendar, refused with [`DeadlineError::OlderCalendar`]. Meant for open orders; a
    /// closed one is judged by the promise that held when it closed.
    pub fn recompute(&self, calendar: &Calendar, hours: &Hours) -> Result<Option<Self>, DeadlineError> {
        let due = self.compute(calendar, hours)?;
        if due.provisional && !self.due.provisional {
            return Err(DeadlineError::OlderCalendar);
        }
        Ok((due != self.due).then(|| self.clone().with_due(due)))
    }

    /// Adds an approved extension asked for at `asked_at`; see [`may_extend`] and
    /// [`super::extend`].
    pub fn extend(
        &self,
        asked_at: TimeMs,
        workdays: u16,
        limits: &Limits,
        calendar: &Calendar,
        hours: &Hours,
    ) -> Result<Self, DeadlineError> {
        let before = u16::try_from(self.extensions.len()).unwrap_or(u16::MAX);
        may_extend(asked_at, self.due.at, before, limits)?;
        let due = super::extend(self.due.at, workdays, limits, calendar, hours)?;
        let provisional = due.provisional || self.due.provisional;
        let mut next = self.clone().with_due(Due { provisional, ..due });
        next.extensions.push(workdays);
        Ok(next)
    }

    /// Changes the limit (an order becomes urgent); approved extensions still count.
    pub fn with_limit(
        &self,
        limit: Limit,
        calendar: &Calendar,
        hours: &Hours,
    ) -> Result<Self, DeadlineError> {
        let changed = Self { limit, ..self.clone() };
        let due = changed.compute(calendar, hours)?;
        Ok(changed.with_due(due))
    }

    fn compute(&self, calendar: &Calendar, hours: &Hours) -> Result<Due, DeadlineError> {
        let first = limit_due(self.start, self.limit, calendar, hours)?;
        self.extensions.iter().try_fold(first, |due, workdays| {
            let next = extended(due.at, *workdays, calendar, hours)?;
            Ok(Due { provisional: next.provisional || due.provisional, ..next })
        })
    }

    fn with_due(mut self, due: Due) -> Self {
        let old = std::mem::replace(&mut self.due, due);
        if old.at != self.due.at {
            self.earlier.push(old);
        }
        self
    }
}
