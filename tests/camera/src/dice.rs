//! Numbers that a seed decides.
//!
//! Invariant: integer arithmetic only, so the same seed gives the same numbers on every platform,
//! and a number can be asked for by its place without drawing those before it.
//! Rejected: a stream generator such as ChaCha for everything: a lattice point of the noise would
//! need all points before it.

/// Returns 64 well mixed bits of `n` (the finaliser of SplitMix64).
pub(crate) fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

/// Returns the bits that belong to a place of a plane.
pub(crate) fn at(seed: u64, x: i32, y: i32) -> u64 {
    mix(seed ^ (u64::from(x.cast_unsigned()) | u64::from(y.cast_unsigned()) << 32))
}

/// Draws one number after the other.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0)
    }

    /// Returns a number of `low..=high` (`low` when the range is empty).
    pub(crate) fn range(&mut self, low: i32, high: i32) -> i32 {
        let many = u64::try_from(i64::from(high) - i64::from(low) + 1).unwrap_or(1).max(1);
        let step = i64::try_from(self.next() % many).unwrap_or(0);
        i32::try_from(i64::from(low) + step).unwrap_or(low)
    }

    pub(crate) fn chance(&mut self, percent: i32) -> bool {
        self.range(0, 99) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T], otherwise: T) -> T {
        let at = self.range(0, i32::try_from(from.len()).unwrap_or(1) - 1);
        usize::try_from(at).ok().and_then(|i| from.get(i)).copied().unwrap_or(otherwise)
    }
}
