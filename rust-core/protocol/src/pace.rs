//! How slowly a body may come, on both sides of the wire (F18).
//!
//! Invariant: whoever sends keeps a small time in hand by sending; a line of 1 KB/s never runs out of
//! it, a drop a minute does at once. Rejected: a time for a whole body, which is either too short for
//! a page over 2G or so long that a caller holds a place with a byte now and then.

use std::time::Duration;

/// A least rate with something in hand, as web servers have it (Apache's `RequestReadTimeout`
/// with `MinRate`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Time in hand at the beginning, and the most that sending earns: the longest standstill.
    pub grace: Duration,
    /// Bytes that earn a second; zero counts as one.
    pub bytes_per_s: u32,
}

impl Default for Pace {
    /// A minute, and 500 bytes a second: half of a bad 2G line.
    fn default() -> Self {
        Self { grace: Duration::from_secs(60), bytes_per_s: 500 }
    }
}

impl Pace {
    /// Returns what so many bytes earn.
    fn earned(self, bytes: usize) -> Duration {
        let millis = (bytes as u64).saturating_mul(1_000) / u64::from(self.bytes_per_s.max(1));
        Duration::from_millis(millis)
    }

    /// Returns the longest time for a body of this length.
    pub fn longest(self, bytes: usize) -> Duration {
        self.grace.saturating_add(self.earned(bytes))
    }

    /// Begins to judge a body.
    pub fn begin(self) -> Pacer {
        Pacer { pace: self, until: self.grace }
    }
}

/// A body on its way. Times count from its beginning.
#[derive(Debug, Clone, Copy)]
pub struct Pacer {
    pace: Pace,
    until: Duration,
}

impl Pacer {
    /// Returns when the body is given up if nothing more is heard.
    pub fn until(&self) -> Duration {
        self.until
    }

    /// Takes note of bytes heard at a time.
    pub fn heard(&mut self, at: Duration, bytes: usize) {
        let most = at.saturating_add(self.pace.grace);
        self.until = self.until.saturating_add(self.pace.earned(bytes)).min(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;

    /// Sends a body in pieces of so many bytes, one every so many milliseconds. Returns what was
    /// heard when it ended, and whether it was whole.
    fn sent(length: usize, piece: usize, every_ms: u64) -> (usize, bool) {
        let (mut pacer, mut at, mut heard) = (Pace::default().begin(), Duration::ZERO, 0);
        while heard < length {
            at += Duration::from_millis(every_ms);
            if at > pacer.until() {
                return (heard, false);
            }
            pacer.heard(at, piece);
            heard += piece;
        }
        (heard, true)
    }

    #[test]
    fn a_slow_line_gets_through_and_drops_do_not() {
        // 2G: 1 KB/s evenly, in bursts of half a minute, and packet by packet.
        for (piece, every_ms) in [(1_000, 1_000), (30_000, 30_000), (1_400, 1_400)] {
            for length in [64 << 10, limits::MAX_REQUEST_BYTES, limits::MAX_RESPONSE_BYTES] {
                assert!(sent(length, piece, every_ms).1, "{length} bytes, {piece} every {every_ms} ms");
            }
        }
        // A drop a second lasts hardly longer than silence.
        assert_eq!(sent(64 << 10, 1, 1_000), (60, false));
        assert_eq!(sent(64 << 10, 1, 59_000), (1, false));
        assert_eq!(sent(64 << 10, 1, 60_001), (0, false));
        // Whoever was fast may not stand still for longer.
        assert_eq!(sent(1 << 20, 512 << 10, 61_000), (0, false));
        let mut pacer = Pace::default().begin();
        pacer.heard(Duration::from_secs(1), 1 << 20);
        assert_eq!(pacer.until(), Duration::from_secs(61));
    }

    #[test]
    fn nothing_overflows() {
        let pace = Pace { grace: Duration::MAX, bytes_per_s: 0 };
        assert_eq!(pace.longest(usize::MAX), Duration::MAX);
        let mut pacer = pace.begin();
        pacer.heard(Duration::MAX, usize::MAX);
        assert_eq!(pacer.until(), Duration::MAX);
    }
}
