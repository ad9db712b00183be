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

/// Figures a town may change. The defaults are DOMAIN.md's proposals marked \[P\].
#[derive(Debug, Clone)]
pub struct Settings {
    /// Limits of orders (R30, R31).
    pub limits: Limits,
    /// Business hours.
    pub hours: Hours,
    /// What phones put into their URL and Host header, such as `http://127.0.0.1:8645`.
    pub public_url: String,
    /// Room that photos leave free on their disk, in bytes, since the database grows on it too.
    pub keep_free: u64,
    /// R21: an appeal solved on site counts as kept off the hotline after so many days without a
    /// hotline order at its place.
    pub quiet_days: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            hours: Hours::default(),
            public_url: "http://127.0.0.1:8645".into(),
            keep_free: 256 << 20,
            quiet_days: 30,
        }
    }
}

impl Settings {
    /// Returns the host (and port) that requests must be addressed to, as phones send it: lower
    /// case, without the scheme's default port.
    pub fn authority(&self) -> String {
        let (scheme, rest) = self.public_url.split_once("://").unwrap_or(("http", &self.public_url));
        let host = rest.trim_end_matches('/').to_ascii_lowercase();
        let default_port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
        host.strip_suffix(default_port).map_or_else(|| host.clone(), str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_is_what_phones_send() {
        for (url, want) in [
            ("http://127.0.0.1:8645", "127.0.0.1:8645"),
            ("https://HQ.example:443/", "hq.example"),
            ("http://hq.example:80", "hq.example"),
            ("https://hq.example:80", "hq.example:80"),
        ] {
            let settings = Settings { public_url: url.into(), ..Settings::default() };
            assert_eq!(settings.authority(), want);
        }
    }
}
