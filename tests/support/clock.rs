//! Simulated time, and the sources of phones and headquarters made from it.

use crate::dice::Dice;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

/// The true time of the simulated town, UTC ms, and how far headquarters' clock is off.
#[derive(Debug, Clone)]
pub struct TownClock {
    now: Arc<AtomicI64>,
    hq_error: Arc<AtomicI64>,
}

impl TownClock {
    /// Starts the clock.
    pub fn new(start_ms: i64) -> Self {
        Self { now: Arc::new(AtomicI64::new(start_ms)), hq_error: Arc::default() }
    }

    /// Reads it.
    pub fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    /// Sets headquarters' clock so far off (F31).
    pub fn set_hq_error(&self, ms: i64) {
        self.hq_error.store(ms, Ordering::Relaxed);
    }

    /// Lets time pass.
    pub fn advance(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::Relaxed);
    }
}

/// Headquarters' source.
#[derive(Debug)]
pub struct HqSource {
    clock: TownClock,
    dice: Mutex<Dice>,
}

impl HqSource {
    /// Makes the source.
    pub fn new(clock: TownClock, dice: Dice) -> Self {
        Self { clock, dice: Mutex::new(dice) }
    }
}

impl lanewalk_headquarters::Source for HqSource {
    fn now_ms(&self) -> i64 {
        self.clock.now() + self.clock.hq_error.load(Ordering::Relaxed)
    }
    fn fill_random(&self, buf: &mut [u8]) {
        self.dice.lock().unwrap().fill(buf);
    }
}

/// A phone's source: its wall clock may be wrong and may jump; its boot id changes on reboot.
#[derive(Debug)]
pub struct PhoneSource {
    clock: TownClock,
    /// How far the wall clock is off.
    pub wall_error: AtomicI64,
    boot_at: AtomicI64,
    boot: AtomicU64,
    dice: Mutex<Dice>,
}

impl PhoneSource {
    /// Makes the source.
    pub fn new(clock: TownClock, dice: Dice) -> Self {
        let boot_at = AtomicI64::new(clock.now() - 60_000);
        Self {
            clock,
            wall_error: AtomicI64::new(0),
            boot_at,
            boot: AtomicU64::new(1),
            dice: Mutex::new(dice),
        }
    }

    /// Restarts the phone: new boot id, monotonic clock from zero.
    pub fn reboot(&self) {
        self.boot_at.store(self.clock.now(), Ordering::Relaxed);
        self.boot.fetch_add(1, Ordering::Relaxed);
    }
}

impl lanewalk_field::Source for PhoneSource {
    fn wall_ms(&self) -> i64 {
        self.clock.now() + self.wall_error.load(Ordering::Relaxed)
    }
    fn mono_ms(&self) -> u64 {
        u64::try_from(self.clock.now() - self.boot_at.load(Ordering::Relaxed)).unwrap_or(0)
    }
    fn boot_id(&self) -> [u8; 8] {
        self.boot.load(Ordering::Relaxed).to_be_bytes()
    }
    fn fill_random(&self, buf: &mut [u8]) {
        self.dice.lock().unwrap().fill(buf);
    }
}
