//! Headquarters at ten times the half year: the console's pages, acts and clock, measured.
//!
//! `bench -- console [--orders N] [--keep DIR]`: builds the town once (in `DIR`, where it stays),
//! then measures in a process of its own. Figures of a shared machine: every p95 is of at least
//! 200 requests, and the whole table comes twice.

mod build;
mod lives;
mod measure;
mod town;

use std::{path::Path, process::Command};

/// Orders without `--orders`: ten times the article's 3,284, rounded up.
const ORDERS: u64 = 35_000;

/// Runs the benchmark.
pub(crate) fn run(args: &[String]) {
    let after = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1));
    let orders = after("--orders").map_or(ORDERS, |n| n.parse().unwrap());
    match after("--keep") {
        Some(dir) => town_and_table(Path::new(dir), orders),
        None => town_and_table(tempfile::tempdir().unwrap().path(), orders),
    }
}

fn town_and_table(dir: &Path, orders: u64) {
    std::fs::create_dir_all(dir).unwrap();
    let database = dir.join("hq.db");
    // A name that only a finished town gets.
    let finished = dir.join("built");
    if !finished.exists() {
        let _ = std::fs::remove_file(&database);
        build::build(&database, orders);
        std::fs::write(&finished, orders.to_string()).unwrap();
    }
    for run in 1..=2 {
        println!("\nrun {run}");
        let me = std::env::current_exe().unwrap();
        let ended = Command::new(me).args(["console-table", dir.to_str().unwrap()]).status().unwrap();
        assert!(ended.success());
    }
}

/// Measures a town that was built.
pub(crate) fn table(dir: &str) {
    measure::table(Path::new(dir));
}
