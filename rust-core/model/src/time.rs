//! Time as data: UTC milliseconds and the hybrid logical clock.
//!
//! Invariant: a value here is a claim somebody made, never "now". Order comes from causality
//! and headquarters' log; the hybrid clock only breaks ties between concurrent writes of an LWW
//! field and sorts what people read (rejected: ordering by wall time, which a worker's phone
//! can have years off).

use serde::{Deserialize, Serialize};

/// UTC time in milliseconds since 1970-01-01. China is one zone, UTC+8, all year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeMs(pub i64);

impl TimeMs {
    /// Formats as `2026-05-08 09:40` in China's time (UTC+8).
    pub fn china(self) -> String {
        self.china_with("%Y-%m-%d %H:%M")
    }

    /// Formats as an HTTP date: `Mon, 22 Jun 2026 02:05:00 GMT`.
    pub fn http_date(self) -> String {
        chrono::DateTime::from_timestamp_millis(self.0)
            .map_or_else(String::new, |t| t.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
    }

    /// Formats in China's time with a chrono format string.
    pub fn china_with(self, format: &str) -> String {
        chrono::DateTime::from_timestamp_millis(self.0.saturating_add(8 * 3_600_000))
            .map_or_else(|| format!("{} ms", self.0), |t| t.format(format).to_string())
    }
}

/// A hybrid logical clock reading: milliseconds in the upper 42 bits, a counter in the lower 11.
///
/// Kept as `i64` because it travels in the `time` field of an automerge change, and within 2⁵³
/// because larger times overflow automerge's delta columns. A counter that runs over borrows
/// from the next millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hlc(pub i64);

/// How far a device's wall clock may run ahead of what headquarters' time suggests before the
/// hybrid clock stops following it (F30).
pub const HLC_MAX_AHEAD_MS: i64 = 5 * 60_000;

impl Hlc {
    const MAX_MS: i64 = (1 << 42) - 1;
    const COUNTER_BITS: u32 = 11;

    /// Makes the reading for a wall time with counter 0; times before 1970 count as 1970.
    pub fn from_wall(wall: TimeMs) -> Self {
        Self(wall.0.clamp(0, Self::MAX_MS) << Self::COUNTER_BITS)
    }

    /// Returns the millisecond part.
    pub fn ms(self) -> TimeMs {
        TimeMs(self.0 >> Self::COUNTER_BITS)
    }

    /// Returns the next reading: later than `self`, at least `wall`, where `wall` is first
    /// capped to `ceiling` (the best guess of headquarters' time plus [`HLC_MAX_AHEAD_MS`]).
    pub fn tick(self, wall: TimeMs, ceiling: Option<TimeMs>) -> Self {
        let wall = ceiling.map_or(wall, |c| TimeMs(wall.0.min(c.0)));
        Self::from_wall(wall).max(Self(self.0.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hybrid_clock_never_goes_back() {
        let mut clock = Hlc::default();
        for wall in [5, 5, 3, 9, i64::MAX, -4, 10] {
            let next = clock.tick(TimeMs(wall), Some(TimeMs(1_000)));
            assert!(next > clock);
            assert!(next.ms().0 <= 1_001);
            clock = next;
        }
    }

    #[test]
    fn china_time_is_eight_hours_ahead() {
        assert_eq!(TimeMs(1_778_204_400_000).china(), "2026-05-08 09:40");
    }
}
