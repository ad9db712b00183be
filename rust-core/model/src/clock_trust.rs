//! Which time an event of a phone is judged by (DOMAIN.md §5, R25, R30, AC-5).
//!
//! Invariant: `effective_at` is the phone's time only while a signed HQ time of the same boot
//! and the monotonic clock vouch for it; otherwise it is the time of receipt, and never later
//! than that. Rejected: taking the phone's own "saved at" with a plausibility window, which
//! rewards setting the clock back.

use serde::{Deserialize, Serialize};

use crate::time::TimeMs;

/// How far the claimed wall time may differ from the corrected time by default: 5 minutes \[P\].
pub const DEFAULT_TOLERANCE_MS: u64 = 5 * 60_000;

/// A signed HQ time and what the phone's monotonic clock showed when it was seen.
///
/// Holds within one boot only: whoever builds it for an event compares boot ids first. The
/// monotonic clock must be one that runs on in deep sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// HQ's time, UTC.
    pub hq_time: TimeMs,
    /// Monotonic milliseconds since boot when `hq_time` was received.
    pub mono_at_ms: u64,
}

/// Says how far a phone's time can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockTrust {
    /// HQ time plus elapsed monotonic time agrees with the claimed wall time.
    Anchored,
    /// No HQ time of this boot covers the event.
    NoAnchor,
    /// The clocks disagree: flagged for review (待复核).
    Contradicted,
}

/// The verdict on the time of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The time that deadlines are judged by, UTC.
    pub effective_at: TimeMs,
    /// Why.
    pub trust: ClockTrust,
}

impl Judged {
    /// Returns true if a person should look at the times.
    pub fn needs_review(self) -> bool {
        self.trust == ClockTrust::Contradicted
    }
}

/// Judges an event with the default tolerance; see [`judge_within`].
pub fn judge(wall: TimeMs, mono_ms: u64, anchor: Option<&Anchor>, received_at: TimeMs) -> Judged {
    judge_within(DEFAULT_TOLERANCE_MS, wall, mono_ms, anchor, received_at)
}

/// Judges an event from its claimed wall time, its monotonic reading, the newest anchor of the
/// same boot and HQ's time of receipt.
///
/// The corrected time is the anchor's HQ time plus the monotonic time since. It holds if it
/// differs from `wall` by at most `tolerance_ms` and is not later than the receipt by more than
/// that; it is then capped at the receipt. A reading before the anchor counts as no anchor, one
/// that overflows as contradicted. Total on every input.
pub fn judge_within(
    tolerance_ms: u64,
    wall: TimeMs,
    mono_ms: u64,
    anchor: Option<&Anchor>,
    received_at: TimeMs,
) -> Judged {
    let by_receipt = |trust| Judged { effective_at: received_at, trust };
    let Some(anchor) = anchor else {
        return by_receipt(ClockTrust::NoAnchor);
    };
    let Some(elapsed) = mono_ms.checked_sub(anchor.mono_at_ms) else {
        return by_receipt(ClockTrust::NoAnchor);
    };
    let Some(corrected) = anchor.hq_time.0.checked_add_unsigned(elapsed) else {
        return by_receipt(ClockTrust::Contradicted);
    };
    let from_the_future = corrected > received_at.0 && corrected.abs_diff(received_at.0) > tolerance_ms;
    if from_the_future || corrected.abs_diff(wall.0) > tolerance_ms {
        return by_receipt(ClockTrust::Contradicted);
    }
    Judged { effective_at: TimeMs(corrected.min(received_at.0)), trust: ClockTrust::Anchored }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    const MIN: i64 = 60_000;
    /// 2026-10-01 00:00 in China.
    const DAY: i64 = 1_790_784_000_000;

    fn at(hour: i64, minute: i64) -> TimeMs {
        TimeMs(DAY + (hour * 60 + minute) * MIN)
    }

    #[test]
    fn ac5_urgent_order_on_a_holiday() {
        // Got it at 10:05 (anchor, 7 minutes after boot); handled at 11:35; back online 12:41.
        let anchor = Anchor { hq_time: at(10, 5), mono_at_ms: 7 * 60_000 };
        let (handled_mono, received, due) = (97 * 60_000, at(12, 41), at(12, 0));
        let reboot_mono = 3 * 60_000;
        let new_anchor = Anchor { hq_time: at(11, 33), mono_at_ms: 60_000 };
        for (case, wall, mono, anchor, effective, trust) in [
            ("(a) anchored", at(11, 35), handled_mono, Some(anchor), at(11, 35), ClockTrust::Anchored),
            ("(b) set back 1 h", at(10, 35), handled_mono, Some(anchor), received, ClockTrust::Contradicted),
            ("(b) set on 1 h", at(12, 35), handled_mono, Some(anchor), received, ClockTrust::Contradicted),
            ("(c) rebooted", at(11, 35), reboot_mono, None, received, ClockTrust::NoAnchor),
            ("(c) new anchor", at(11, 35), reboot_mono, Some(new_anchor), at(11, 35), ClockTrust::Anchored),
        ] {
            let got = judge(wall, mono, anchor.as_ref(), received);
            assert_eq!(got, Judged { effective_at: effective, trust }, "{case}");
            assert_eq!(got.effective_at <= due, trust == ClockTrust::Anchored, "{case}");
            assert_eq!(got.needs_review(), case.starts_with("(b)"), "{case}");
        }
    }

    #[test]
    fn edges() {
        let anchor = Anchor { hq_time: TimeMs(1_000_000), mono_at_ms: 500 };
        let tolerance = i64::try_from(DEFAULT_TOLERANCE_MS).unwrap();
        let late = TimeMs(9_000_000);
        let judged = |wall, mono, received| judge(TimeMs(wall), mono, Some(&anchor), received);
        // Exactly the tolerance is still trusted, one more millisecond is not.
        assert_eq!(judged(1_000_000 + tolerance, 500, late).trust, ClockTrust::Anchored);
        assert_eq!(judged(1_000_001 + tolerance, 500, late).trust, ClockTrust::Contradicted);
        assert_eq!(judged(1_000_000 - tolerance, 500, late).effective_at, anchor.hq_time);
        // A reading before the anchor is not covered by it.
        assert_eq!(judged(1_000_000, 499, late).trust, ClockTrust::NoAnchor);
        // Drift that puts the event just after its receipt is capped, a lot of it is not believed.
        let capped = judged(1_002_000, 2_500, TimeMs(1_001_000));
        assert_eq!(capped, Judged { effective_at: TimeMs(1_001_000), trust: ClockTrust::Anchored });
        let future = judged(2_000_000, 1_000_500, TimeMs(1_001_000));
        assert_eq!(future, Judged { effective_at: TimeMs(1_001_000), trust: ClockTrust::Contradicted });
        // Nothing overflows.
        assert_eq!(judged(i64::MIN, u64::MAX, late).trust, ClockTrust::Contradicted);
        let end = Anchor { hq_time: TimeMs(i64::MAX), mono_at_ms: 0 };
        assert_eq!(judge(TimeMs(0), 1, Some(&end), late).trust, ClockTrust::Contradicted);
        // The tolerance is configuration.
        let strict = judge_within(0, TimeMs(1_000_001), 500, Some(&anchor), late);
        assert_eq!(strict.trust, ClockTrust::Contradicted);
    }

    proptest! {
        #[test]
        fn effective_time_is_between_anchor_and_receipt(
            wall in any::<i64>(), mono in any::<u64>(), hq in any::<i64>(), seen in any::<u64>(),
            received in any::<i64>(), tolerance in any::<u64>(), near in any::<bool>(),
        ) {
            let anchor = Anchor { hq_time: TimeMs(hq), mono_at_ms: seen };
            let wall = if near { hq.saturating_add_unsigned(mono.saturating_sub(seen)) } else { wall };
            let got = judge_within(tolerance, TimeMs(wall), mono, Some(&anchor), TimeMs(received));
            prop_assert!(got.effective_at.0 <= received);
            if got.trust == ClockTrust::Anchored && hq <= received {
                prop_assert!(got.effective_at.0 >= hq);
            } else {
                prop_assert_eq!(got.effective_at.0, received);
            }
        }
    }
}
