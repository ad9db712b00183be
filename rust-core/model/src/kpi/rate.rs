//! One rate: two counts that are always printed together.
//!
//! Invariant: "100%" appears if and only if both counts are equal. Rejected: percentages as
//! floating point, where 29999 of 30000 rounds to "100%".

use std::fmt;

use serde::{Deserialize, Serialize};

use super::metric::Part;

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

    /// Adds one order.
    #[must_use]
    pub fn plus(self, part: Part) -> Self {
        Self {
            n: self.n.saturating_add((part == Part::Hit).into()),
            d: self.d.saturating_add((part != Part::Out).into()),
        }
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
