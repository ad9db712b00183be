//! What fuzzing starts from and what it found interesting, replayed: every file as it is, then so
//! many of them with a few bytes changed.
//!
//! Invariant: every target is replayed, as often as the list says at least. Rejected: a fixed time
//! a target, in which a slow machine passes having tried nothing. `LANEWALK_CORPUS=20` asks for
//! twenty times as many bent files.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

use lanewalk_forge::Mutator;
use lanewalk_fuzz::TARGETS;
use std::{path::PathBuf, time::Instant};

const SEED: u64 = 0xc0_4b05;
/// Files that a corpus has at least.
const FILES: usize = 4;

/// Checks every file of a target's corpus, then as many bent ones as the list says.
fn replay(target: &str) {
    let known = TARGETS.iter().find(|known| known.name == target).unwrap();
    let times = std::env::var("LANEWALK_CORPUS").map_or(1, |n| n.parse::<u64>().unwrap());
    let (check, bent) = (known.check, known.bent * times);
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus")).join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    assert!(files.len() >= FILES, "{} files for {target}", files.len());
    files.sort();
    let files: Vec<Vec<u8>> = files.into_iter().map(|file| std::fs::read(file).unwrap()).collect();
    let (started, mut done) = (Instant::now(), 0);
    for file in &files {
        run(target, check, file);
        done += 1;
    }
    let mut random = Mutator::new(SEED);
    for _ in 0..bent {
        let mut bytes = files[random.below(files.len())].clone();
        for _ in 0..=random.below(3) {
            random.byte(&mut bytes);
        }
        run(target, check, &bytes);
        done += 1;
    }
    let took = started.elapsed().as_secs_f64();
    println!("{target}: {} files, {done} executions, {:.0} a second", files.len(), done as f64 / took);
    assert!(done >= bent + FILES as u64, "{target}: only {done}");
}

fn run(target: &str, check: fn(&[u8]), bytes: &[u8]) {
    let checked = std::panic::catch_unwind(|| check(bytes));
    assert!(checked.is_ok(), "{target} fails on {:?}", String::from_utf8_lossy(bytes));
}

#[test]
fn evidence_bundles() {
    replay("bundle");
}

#[test]
fn changes() {
    replay("change");
}

#[test]
fn exports_of_hotlines() {
    replay("csv");
}

#[test]
fn entries_and_batches() {
    replay("entry");
}

#[test]
fn files_of_neighbours() {
    replay("exchange");
}

#[test]
fn exif_blocks() {
    replay("exif");
}

#[test]
fn forms() {
    replay("form");
}

#[test]
fn photo_headers() {
    replay("header");
}

#[test]
fn settings_and_mappings() {
    replay("mapping");
}

#[test]
fn checkpoints_and_proofs() {
    replay("note");
}

#[test]
fn open311_requests() {
    replay("open311");
}

#[test]
fn receipts_and_leases() {
    replay("receipt");
}

#[test]
fn reference_data() {
    replay("reference");
}

#[test]
fn signature_headers() {
    replay("signature");
}

#[test]
fn sync_messages() {
    replay("sync");
}

#[test]
fn invitations_and_enrolments() {
    replay("ticket");
}

#[test]
fn upload_headers() {
    replay("tus");
}

#[test]
fn every_target_is_replayed_and_described() {
    let (readme, here) = (include_str!("../README.md"), include_str!("replay.rs"));
    for target in TARGETS.iter().map(|target| target.name) {
        assert!(readme.contains(&format!("| `{target}` |")), "{target} is not in the table");
        assert!(here.contains(&format!("replay(\"{target}\");")), "{target} is not replayed");
    }
    let corpora = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus")).unwrap().count();
    assert_eq!(corpora, TARGETS.len(), "a corpus without a target");
}
