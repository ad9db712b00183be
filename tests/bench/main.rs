//! Benchmarks as a table: workload W over loopback HTTP, local writes, cold start, search,
//! memory, and headquarters under many small pushes. Everything is on: encryption, signatures,
//! gate workers, receipts.
//!
//! `cargo run --release -p lanewalk-tests --bin bench -- [D …]` (default 100 1000 5000), and
//! `… --bin bench -- photos` for the intake of photos beside libvips, `… --bin bench -- console`
//! for headquarters at ten times the half year. Two are no tables but pass or fail: `… --bin bench --
//! crowd [long]` for headquarters under a crowd of phones, `… --bin bench -- full-phone` for one phone
//! as full as they get.
//! Headquarters and the phone are processes of their own, so their memory is their own.
//! Figures are of one run on one machine: compare ratios, not absolutes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark stops when an assumption breaks, and printing is its purpose"
)]

mod child;
mod console;
mod crowd;
mod full_phone;
mod hq;
mod load;
mod phone;
mod photos;
mod process;

use child::Child;
use serde_json::{Value, json};

/// As the `lanewalk` program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("gate-worker") => return lanewalk_headquarters::gate::worker_main(),
        Some("hq") => hq::serve(&args[1], args[2].parse().unwrap()),
        Some("phone") => phone::run(&args[1]),
        Some("intake") => photos::child(&args[1..]),
        Some("photos") => photos::table(),
        Some("console") => console::run(&args[1..]),
        Some("console-table") => console::table(&args[1]),
        Some("load") => load::run(&args[1], &args[2]),
        Some("office") => crowd::office(&args[1], &args[2]),
        Some("full-phone") => return held(full_phone::run()),
        Some("full-phone-child") => full_phone::child(&args[1]),
        Some("crowd") => return held(crowd::run(args.get(1).is_some_and(|a| a == "long"))),
        _ => table(&args),
    }
    std::process::ExitCode::SUCCESS
}

/// Turns "every floor held" into an exit code.
fn held(held: bool) -> std::process::ExitCode {
    if held { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

fn table(args: &[String]) {
    let sizes: Vec<u64> = args.iter().filter_map(|a| a.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![100, 1_000, 5_000] } else { sizes };
    println!("workload W, loopback HTTP; sizes are HTTP bodies and headers as sent");
    for d in sizes {
        let dir = tempfile::tempdir().unwrap();
        workload(d, dir.path());
    }
    let dir = tempfile::tempdir().unwrap();
    many_phones(dir.path());
}

fn workload(d: u64, dir: &std::path::Path) {
    let mut hq = Child::start(&["hq", dir.to_str().unwrap(), &d.to_string()]);
    let ready = hq.line();
    let phone_dir = dir.join("phone");
    let mut phone = Child::start(&["phone", phone_dir.to_str().unwrap()]);
    phone.ask(&json!({"do": "enrol", "invitation": ready["invitation"]}));
    hq.ask(&json!({"do": "confirm"}));
    println!("\nD = {d}");
    row("first sync", &phone.ask(&json!({"do": "first_sync"})), None);
    phone.ask(&json!({"do": "edit", "d": d}));
    hq.ask(&json!({"do": "edit"}));
    hq.ask(&json!({"do": "reset"}));
    let synced = phone.ask(&json!({"do": "sync"}));
    row("W to convergence", &synced, Some(&hq.ask(&json!({"do": "figures"}))));
    let digest = phone.ask(&json!({"do": "heads"}));
    assert_eq!(digest, hq.ask(&json!({"do": "heads"})), "phone and headquarters differ after sync");
    row("idle sync", &phone.ask(&json!({"do": "sync"})), None);
    let save = phone.ask(&json!({"do": "save", "n": 400}));
    println!(
        "  save one edit     p50 {} ms, p99 {} ms; the same without fsync p50 {} ms ({} % of the save is the disk)",
        save["p50"], save["p99"], save["p50_memory"], save["disk_percent"]
    );
    let figures = phone.ask(&json!({"do": "memory"}));
    println!("  phone resident    {} MB with {} documents", figures["rss_mb"], figures["documents"]);
    phone.ask(&json!({"do": "quit"}));
    let mut again = Child::start(&["phone", phone_dir.to_str().unwrap()]);
    let cold = again.ask(&json!({"do": "cold"}));
    println!(
        "  cold open         {} ms to the first {} rows (new process, key given)",
        cold["ms"], cold["rows"]
    );
    let search = again.ask(&json!({"do": "search"}));
    println!(
        "  search            p50 {} ms, p99 {} ms over {} queries",
        search["p50"], search["p99"], search["n"]
    );
    again.ask(&json!({"do": "quit"}));
    hq.ask(&json!({"do": "quit"}));
}

fn row(what: &str, phone: &Value, hq: Option<&Value>) {
    print!(
        "  {what:<17} {} requests, up {} KB, down {} KB, {} ms wall, {} ms phone CPU, phone peak {} MB",
        phone["requests"], phone["up_kb"], phone["down_kb"], phone["ms"], phone["cpu_ms"], phone["peak_mb"]
    );
    if let Some(first) = phone.get("first_screen_ms") {
        print!(", first screen after {first} ms");
    }
    if let Some(hq) = hq {
        print!(
            "; HQ {} ms CPU, peak {} MB (gate workers {} MB)",
            hq["cpu_ms"], hq["peak_mb"], hq["workers_mb"]
        );
    }
    println!();
}

fn many_phones(dir: &std::path::Path) {
    let mut hq = Child::start(&["hq", dir.to_str().unwrap(), "200"]);
    let ready = hq.line();
    let phones = dir.join("load");
    let mut load = Child::start(&["load", phones.to_str().unwrap(), ready["url"].as_str().unwrap()]);
    let invitations = hq.ask(&json!({"do": "invite", "n": 24}));
    load.ask(&invitations);
    hq.ask(&json!({"do": "confirm"}));
    hq.ask(&json!({"do": "reset"}));
    let done = load.ask(&json!({"do": "load"}));
    let figures = hq.ask(&json!({"do": "figures"}));
    println!(
        "\nheadquarters: {} pushes of one visit by {} phones at once: {} pushes/s, p50 {} ms, p99 {} ms, {} commits",
        done["pushes"],
        done["phones"],
        done["per_s"],
        done["p50"],
        done["p99"],
        hq.ask(&json!({"do": "commits"}))["commits"]
    );
    println!(
        "  CPU: headquarters {} ms, gate workers {} ms, phones {} ms; headquarters' peak {} MB",
        figures["cpu_ms"], figures["workers_cpu_ms"], done["cpu_ms"], figures["peak_mb"]
    );
    hq.ask(&json!({"do": "quit"}));
}
