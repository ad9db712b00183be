//! The limits themselves, as configuration.
//!
//! Invariant: no figure marked \[P\] in DOMAIN.md is a constant of a rule; it is a field here.
//! Whoever loads a table calls [`Limits::check`]; the rules refuse a bad limit again. Rejected: one number and a unit guessed
//! from the urgency, since towns mix working days, working hours and clock hours freely.

use serde::{Deserialize, Serialize};

use super::{DeadlineError, MAX_MINUTES, MAX_WORKDAYS};

/// A length of time and the way it is counted. JSON: `{"unit":"workdays","n":2}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "unit", content = "n", rename_all = "snake_case")]
pub enum Limit {
    /// Whole working days; due at close of business.
    Workdays(u16),
    /// Clock time, day and night.
    ClockMinutes(u32),
    /// Time within business hours of working days.
    WorkingMinutes(u32),
}

impl Limit {
    /// Checks that the limit is neither zero nor too long to compute.
    pub fn check(self) -> Result<(), DeadlineError> {
        let (n, most) = match self {
            Self::Workdays(n) => (u32::from(n), u32::from(MAX_WORKDAYS)),
            Self::ClockMinutes(n) | Self::WorkingMinutes(n) => (n, MAX_MINUTES),
        };
        if n == 0 || n > most { Err(DeadlineError::BadLimit(n)) } else { Ok(()) }
    }
}

/// All limits of one street; every field that configuration leaves out keeps its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// A general order is closed within (R30: 2 working days; option B: 900 working minutes).
    pub general: Limit,
    /// An urgent order is closed within (R30: 2 hours).
    pub urgent: Limit,
    /// A rework round is closed within (夏阳街道 2022: 3 working days).
    pub rework: Limit,
    /// A section may return an order to the street within (4 working hours \[P\]).
    pub return_street: Limit,
    /// The street may return an order upstream within (Shandong 2020: 2 working days).
    pub return_upstream: Limit,
    /// First contact with the requester of a general order (夏阳街道: 1 working day).
    pub response_general: Limit,
    /// First contact with the requester of an urgent order (30 minutes \[P\]).
    pub response_urgent: Limit,
    /// The clerk on watch accepts a general order within (R23, 30 minutes \[P\]).
    pub accept_general: Limit,
    /// The clerk on watch accepts an urgent order within (R23, 5 minutes \[P\]).
    pub accept_urgent: Limit,
    /// Longest extension in working days (Shandong 2020: 10).
    pub max_extension_workdays: u16,
    /// Extensions per order (DOMAIN.md §4: 1).
    pub max_extensions: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            general: Limit::Workdays(2),
            urgent: Limit::ClockMinutes(120),
            rework: Limit::Workdays(3),
            return_street: Limit::WorkingMinutes(240),
            return_upstream: Limit::Workdays(2),
            response_general: Limit::Workdays(1),
            response_urgent: Limit::ClockMinutes(30),
            accept_general: Limit::ClockMinutes(30),
            accept_urgent: Limit::ClockMinutes(5),
            max_extension_workdays: 10,
            max_extensions: 1,
        }
    }
}

impl Limits {
    /// Checks every limit; called where configuration is loaded.
    pub fn check(&self) -> Result<(), DeadlineError> {
        [
            self.general,
            self.urgent,
            self.rework,
            self.return_street,
            self.return_upstream,
            self.response_general,
            self.response_urgent,
            self.accept_general,
            self.accept_urgent,
        ]
        .into_iter()
        .try_for_each(Limit::check)?;
        if self.max_extension_workdays > MAX_WORKDAYS {
            return Err(DeadlineError::BadLimit(self.max_extension_workdays.into()));
        }
        Ok(())
    }
}
