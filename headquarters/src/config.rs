//! What is injected into headquarters: settings, clock, randomness.

use lanewalk_model::{
    deadline::{Hours, Limits},
    hotspot::Concentration,
};
use lanewalk_protocol::{http, pins::Pins};
use std::{net::IpAddr, num::NonZeroU32};

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
    /// The keys of headquarters' own TLS, as phones are told; empty where a proxy ends TLS.
    pub pins: Pins,
    /// Addresses of the proxies in front; none named: this machine's own, where a proxy ends TLS.
    pub proxies: Vec<IpAddr>,
    /// Days after closing when an order is archived (\[P\]).
    pub archive_after_days: u16,
    /// Room that photos leave free on their disk, in bytes, since the database grows on it too.
    pub keep_free: u64,
    /// When orders count as concentrated (R11).
    pub concentration: Concentration,
    /// A closed order's matter that comes back within so many days is a repeat (DOMAIN.md §4).
    pub repeat_days: u16,
    /// A settled matter is looked at again after so many days (AC-3, \[P\]).
    pub recheck_days: u16,
    /// Two positions within so many metres are one place for that.
    pub repeat_metres: u16,
    /// The Open311 endpoint.
    pub open311: Open311Settings,
    /// A session ends after this long without a request, ms.
    pub session_idle_ms: i64,
    /// A session ends this long after signing in, ms.
    pub session_most_ms: i64,
    /// Who asked is erased this long after an order was closed, ms.
    pub keep_requesters_ms: i64,
    /// A revoked device may deliver what it wrote for so many days.
    pub deposit_days: u16,
    /// Phones with an older core are told to update (`major.minor.patch`); they go on delivering.
    pub min_core: [u16; 3],
    /// How much phones may ask.
    pub rates: Rates,
    /// R21: an appeal solved on site counts as kept off the hotline after so many days without a
    /// hotline order at its place.
    pub quiet_days: u16,
}

/// How the Open311 endpoint answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open311Settings {
    /// The only `jurisdiction_id` that is known; empty takes any.
    pub jurisdiction: String,
    /// Reading needs no key.
    pub public: bool,
    /// Every order can be read, not only those that came in by Open311.
    pub all_orders: bool,
    /// Requests of one key, or one address without a key, in a minute.
    pub per_minute: u32,
    /// The same form from the same key is the same order for so long, in minutes.
    pub same_form_minutes: u32,
    /// Whom developers write to, as discovery tells it.
    pub contact: String,
}

impl Default for Open311Settings {
    fn default() -> Self {
        Self {
            jurisdiction: String::new(),
            public: false,
            all_orders: false,
            per_minute: 120,
            same_form_minutes: 60,
            contact: "街道热线办 / hotline office of the subdistrict".into(),
        }
    }
}

/// How much phones may ask (F24). What is above it is answered with 429 and a time to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Requests a second of one address, and at once: a whole station may stand behind one.
    pub address: (NonZeroU32, NonZeroU32),
    /// Messages a second of one device, and at once.
    pub messages: (NonZeroU32, NonZeroU32),
    /// Requests about files a second of one device, and at once.
    pub files: (NonZeroU32, NonZeroU32),
    /// Enrolments refused to one address in ten minutes before it has to wait.
    pub tries: u32,
}

impl Default for Rates {
    fn default() -> Self {
        let rate = |second: u32, burst: u32| {
            (NonZeroU32::MIN.saturating_add(second - 1), NonZeroU32::MIN.saturating_add(burst - 1))
        };
        Self { address: rate(100, 1_000), messages: rate(10, 100), files: rate(20, 300), tries: 5 }
    }
}

const MINUTE_MS: i64 = 60_000;
const YEAR_MS: i64 = 365 * 24 * 60 * MINUTE_MS;

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            hours: Hours::default(),
            public_url: "http://127.0.0.1:8645".into(),
            pins: Pins::default(),
            proxies: Vec::new(),
            archive_after_days: 30,
            keep_free: 256 << 20,
            concentration: Concentration::default(),
            repeat_days: 30,
            recheck_days: 7,
            repeat_metres: 100,
            open311: Open311Settings::default(),
            session_idle_ms: 30 * MINUTE_MS,
            session_most_ms: 12 * 60 * MINUTE_MS,
            keep_requesters_ms: 3 * YEAR_MS,
            deposit_days: 14,
            min_core: [0; 3],
            rates: Rates::default(),
            quiet_days: 30,
        }
    }
}

impl Settings {
    /// Says whether browsers and phones reach it over TLS, which it or a proxy in front ends.
    pub fn is_https(&self) -> bool {
        self.public_url.get(..8).is_some_and(|s| s.eq_ignore_ascii_case("https://"))
    }

    /// Says whether an address is that of a proxy in front, whose word about a caller counts.
    pub fn is_proxy(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if self.proxies.is_empty() {
            return self.is_https() && self.pins.is_empty() && address.is_loopback();
        }
        self.proxies.iter().any(|p| p.to_canonical() == address)
    }

    /// Returns the host (and port) that requests must be addressed to, as phones send it; empty, which no
    /// request names, when [`Self::public_url`] is no address.
    pub fn authority(&self) -> String {
        http::authority(&self.public_url).unwrap_or_default()
    }
}
