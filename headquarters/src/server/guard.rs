//! How much a caller may ask of the protocol's routes.
//!
//! Invariant: a request is counted before its body is read, by the address it came from and by the
//! device it names there, so nobody uses up another's share; enrolments are counted when they were
//! refused. Rejected: counting by device alone, which anybody could claim to be; counting in the
//! database, which costs a write for every flood.

use crate::config::{Rates, Source};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use lanewalk_protocol::{http, httpsig, httpsig::SignatureHeadersRef};
use std::{
    collections::HashMap,
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

/// Refused enrolments are forgotten after this time: the life of a code.
const FORGET_MS: i64 = lanewalk_protocol::limits::ENROLMENT_TTL_MS;
/// Counters of callers who are quiet again are let go after so many requests.
const TIDY: u32 = 10_000;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Enrolment,
    Messages,
    Files,
}

type Shares<K> = DefaultKeyedRateLimiter<K>;

/// Refused enrolments of each address, and when the last was, HQ time in ms.
type Tries = HashMap<IpAddr, (u32, i64)>;

/// The counters.
pub(super) struct Guard {
    source: Arc<dyn Source>,
    most_tries: u32,
    addresses: Shares<IpAddr>,
    messages: Shares<(IpAddr, String)>,
    files: Shares<(IpAddr, String)>,
    tries: Mutex<Tries>,
    asked: AtomicU32,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guard")
    }
}

fn shares<K: std::hash::Hash + Eq + Clone>((second, burst): (NonZeroU32, NonZeroU32)) -> Shares<K> {
    RateLimiter::keyed(Quota::per_second(second).allow_burst(burst))
}

impl Guard {
    pub(super) fn new(rates: Rates, source: Arc<dyn Source>) -> Self {
        Self {
            source,
            most_tries: rates.tries,
            addresses: shares(rates.address),
            messages: shares(rates.messages),
            files: shares(rates.files),
            tries: Mutex::default(),
            asked: AtomicU32::new(0),
        }
    }

    /// Counts a request; the code of the refusal when it is one too many.
    pub(super) fn admit(
        &self,
        from: IpAddr,
        about: About,
        request: &http::Request,
    ) -> Result<(), &'static str> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % TIDY == TIDY - 1 {
            self.tidy();
        }
        let within = self.addresses.check_key(&from).is_ok()
            && match about {
                About::Enrolment => true,
                About::Messages => self.messages.check_key(&(from, claimed(request))).is_ok(),
                About::Files => self.files.check_key(&(from, claimed(request))).is_ok(),
            };
        if !within {
            return Err("too_many_requests");
        }
        if about == About::Enrolment && self.tries_of(from) >= self.most_tries {
            return Err("too_many_tries");
        }
        Ok(())
    }

    /// Counts an enrolment that was refused.
    pub(super) fn refused(&self, from: IpAddr) {
        let now = self.source.now_ms();
        let mut tries = self.tries();
        let (count, last) = tries.entry(from).or_insert((0, now));
        (*count, *last) = if now - *last > FORGET_MS { (1, now) } else { (*count + 1, now) };
    }

    fn tries(&self) -> MutexGuard<'_, Tries> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tries_of(&self, from: IpAddr) -> u32 {
        let now = self.source.now_ms();
        self.tries().get(&from).filter(|(_, last)| now - last <= FORGET_MS).map_or(0, |(count, _)| *count)
    }

    fn tidy(&self) {
        self.addresses.retain_recent();
        self.messages.retain_recent();
        self.files.retain_recent();
        let now = self.source.now_ms();
        self.tries().retain(|_, (_, last)| now - *last <= FORGET_MS);
    }
}

/// Returns the device a request names, unchecked; empty when it names none.
fn claimed(request: &http::Request) -> String {
    let lines = request.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes()));
    let named = SignatureHeadersRef::from_lines(lines).and_then(|headers| httpsig::parse(&headers));
    named.map(|named| named.key_id).unwrap_or_default()
}
