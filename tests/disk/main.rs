//! The real stores on a disk that fails on purpose: crash points, torn and unsynced writes, full
//! and failing disks, damage, memory that runs out (FAULTS.md F1, F3–F8, F10–F12, F25).
//!
//! `DISK_SUBSETS=n` draws n power cuts at each point instead of 4, `DISK_STRIDE=1` takes every call of
//! a long use case in the sweeps, `DISK_SEED=n` draws others, `DISK_POINT=side/point/subset` replays one,
//! `DISK_ALLOCATIONS=n` lets n allocations of each use case fail instead of 10.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    reason = "a test"
)]

mod apart;
mod crash;
mod damage;
mod day;
mod memory;
mod migration;
mod office;
mod phone;
mod reader;
mod sweep;

use std::{path::Path, sync::LazyLock};

/// A setting out of the environment.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A new folder, memory-backed where there is such a thing, without symbolic links in its path.
fn folder() -> tempfile::TempDir {
    let shm = Path::new("/dev/shm");
    let base = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
    tempfile::tempdir_in(base.canonicalize().unwrap()).unwrap()
}

/// The recorded day, once for all tests.
static DAY: LazyLock<day::Day> = LazyLock::new(|| day::record(number("DISK_SEED", 1)));
