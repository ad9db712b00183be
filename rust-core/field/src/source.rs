//! Where time, place, randomness and the disk's free room come from.
//!
//! Invariant: nothing else in this crate reads a clock or draws a random number, so a seeded
//! [`Source`] replays a phone exactly. Rejected: `SystemTime::now()` where it is needed.

use lanewalk_model::position::Position;
use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// Gives time, place and randomness. Called from any thread; must not block.
pub trait Source: Send + Sync {
    /// Returns the phone's wall clock, UTC ms: a claim, never trusted.
    fn wall_ms(&self) -> i64;
    /// Returns milliseconds on a clock that only runs forward within one boot.
    fn mono_ms(&self) -> u64;
    /// Names the boot, so that monotonic times can be compared.
    fn boot_id(&self) -> [u8; 8];
    /// Returns the bytes free on the disk of a folder; `u64::MAX` where nobody knows.
    fn free_bytes(&self, folder: &Path) -> u64 {
        fs4::available_space(folder).unwrap_or(u64::MAX)
    }
    /// Returns the last known place of the phone without waiting for one; asked at an act alone.
    fn position(&self) -> Option<Position> {
        None
    }
    /// Fills a buffer with random bytes fit for identifiers.
    fn fill_random(&self, buf: &mut [u8]);
}

/// The phone's own clocks and random numbers.
///
/// Uses the kernel's boot id together with its uptime, which also runs while the phone sleeps;
/// where either cannot be read, each process counts as a boot of its own.
#[derive(Debug)]
pub struct SystemSource {
    started: Instant,
    boot: [u8; 8],
    has_uptime: bool,
    last: AtomicU64,
}

impl SystemSource {
    /// Reads the boot id.
    pub fn new() -> Self {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        let boot = kernel.and_then(|text| {
            let hex: String = text.chars().filter(char::is_ascii_hexdigit).take(16).collect();
            lanewalk_model::id::from_hex::<8>(&hex)
        });
        let has_uptime = boot.is_some() && uptime_ms().is_some();
        let boot = boot.filter(|_| has_uptime).unwrap_or_else(|| {
            let mut id = [0; 8];
            random(&mut id);
            id
        });
        Self { started: Instant::now(), boot, has_uptime, last: AtomicU64::new(0) }
    }
}

impl Default for SystemSource {
    fn default() -> Self {
        Self::new()
    }
}

impl Source for SystemSource {
    fn wall_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
    }

    fn mono_ms(&self) -> u64 {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        // An uptime that suddenly cannot be read gives 0 here and the last value below.
        let now = if self.has_uptime { uptime_ms().unwrap_or(0) } else { elapsed };
        self.last.fetch_max(now, Ordering::Relaxed).max(now)
    }

    fn boot_id(&self) -> [u8; 8] {
        self.boot
    }

    fn fill_random(&self, buf: &mut [u8]) {
        random(buf);
    }
}

/// Reads seconds with two decimals, such as `350735.47`.
fn uptime_ms() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let (seconds, rest) = text.split_whitespace().next()?.split_once('.')?;
    let hundredths: u64 = rest.parse().ok()?;
    seconds.parse::<u64>().ok()?.checked_mul(1_000)?.checked_add(hundredths.checked_mul(10)?)
}

fn random(buf: &mut [u8]) {
    // The system's generator fails only where the kernel offers none. Identifiers would then
    // repeat, so the process number and the time at least tell two runs apart.
    if getrandom::fill(buf).is_err() {
        use std::hash::{BuildHasher as _, RandomState};
        for chunk in buf.chunks_mut(8) {
            let word = RandomState::new().hash_one((std::process::id(), Instant::now())).to_le_bytes();
            for (to, from) in chunk.iter_mut().zip(word) {
                *to = from;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_clock_runs_forward_and_random_bytes_differ() {
        let source = SystemSource::new();
        let first = source.mono_ms();
        assert!(source.mono_ms() >= first);
        assert!(source.wall_ms() > 1_600_000_000_000);
        let (mut a, mut b) = ([0; 16], [0; 16]);
        source.fill_random(&mut a);
        source.fill_random(&mut b);
        assert_ne!(a, b);
    }
}
