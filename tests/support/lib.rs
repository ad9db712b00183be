//! A town for tests: seeded dice, a simulated clock, phones with real cores and real encrypted
//! databases, a real headquarters, and a network that does to them what streets do.
//!
//! Invariant: one thread, one seed; nothing here reads a real clock or sleeps, so a seed replays
//! byte for byte. Rejected: mocked stores, which cannot lose what real ones lose.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "test support: a broken assumption here must stop the test, loudly"
)]

pub mod check;
pub mod clock;
pub mod crowd;
pub mod dice;
pub mod hostile;
pub mod network;
pub mod served;
pub mod skew;
pub mod town;
pub mod words;
