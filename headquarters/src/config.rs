//! What is injected into headquarters: settings, clock, randomness.

use lanewalk_model::deadline::{Hours, Limits};

/// The one source of time and randomness; a seeded one replays everything.
pub trait Source: Send + Sync {
    /// Returns UTC milliseconds.
    fn now_ms(&self) -> i64;
    /// Fills a buffer with random bytes.
    fn fill_random(&self, buf: &mut [u8]);
}

/// The machine's clock and random generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemSource;

impl Source for SystemSource {
    fn now_ms(&self) -> i64 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .ok()
            .and_then(|d| i64::try_from(d.as_millis()).ok())
            .unwrap_or(0)
    }

    fn fill_random(&self, buf: &mut [u8]) {
        // Without randomness nothing here may run; the kernel's generator does not fail.
        if getrandom::fill(buf).is_err() {
            std::process::abort();
        }
    }
}

/// Figures a town may change. The defaults are DOMAIN.md's proposals marked [P].
#[derive(Debug, Clone)]
pub struct Settings {
    /// Limits of orders (R30, R31).
    pub limits: Limits,
    /// Business hours.
    pub hours: Hours,
    /// What phones put into their URL and Host header, such as `http://127.0.0.1:8645`.
    pub public_url: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { limits: Limits::default(), hours: Hours::default(), public_url: "http://127.0.0.1:8645".into() }
    }
}

impl Settings {
    /// Returns the host (and port) that requests must be addressed to.
    pub fn authority(&self) -> &str {
        self.public_url.split_once("://").map_or(self.public_url.as_str(), |(_, rest)| rest).trim_end_matches('/')
    }
}
