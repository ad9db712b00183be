//! The gate with real worker processes: hostile changes are refused by code, a worker that dies or
//! hangs costs only the guilty change, and whatever is accepted stays usable (F33–F39).
//!
//! The worker is this test binary itself, see [`worker_process`].
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "hostile_gate/mutants.rs"]
mod mutants;
#[path = "hostile_gate/support.rs"]
mod support;

use lanewalk_forge::{
    Draft,
    column::{ACTION, INSERT, KEY, META, PRED_COUNT, VALUE},
    signed, unsigned,
};
use lanewalk_headquarters::gate::{
    GATE_UNAVAILABLE, Gate, InProcess, Job, JobResult, WorkerCommand, WorkerLimits, WorkerPool, trial,
    worker_with,
};
use lanewalk_model::{
    chunk::{join, split},
    document::{Document, Edit},
    id::DocId,
    schema::DocKind,
};
use std::{fs::File, time::Duration};
use support::{codes, edit};

/// Documents whose first uuid byte is one of these make the worker of the tests misbehave, but
/// only on a change that contains the same word.
const ABORT: u8 = 0xa1;
const SPIN: u8 = 0xa2;
const HOARD: u8 = 0xa3;
const BABBLE: u8 = 0xa4;
const EXIT: u8 = 0xa5;
/// Misbehaves even without any change.
const CURSED: u8 = 0xa6;
const TRIGGER: &str = "trigger";

/// Not a test: the body of the worker process, which [`pool`] starts by running this test binary
/// with this one name. The test harness prints on standard output, so answers go to descriptor 3.
#[test]
#[ignore = "body of the worker process"]
fn worker_process() {
    let Ok(answers) = File::options().write(true).open("/dev/fd/3") else { return };
    let _ = worker_with(answers, misbehave);
}

fn misbehave(job: &Job) -> JobResult {
    let triggered = job.changes.iter().any(|c| c.windows(TRIGGER.len()).any(|w| w == TRIGGER.as_bytes()));
    match (job.doc.uuid[0], triggered) {
        (ABORT, true) | (CURSED, _) => std::process::abort(),
        (EXIT, true) => std::process::exit(0),
        (SPIN, true) => loop {
            std::hint::spin_loop();
        },
        (HOARD, true) => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(vec![1_u8; 1 << 24]);
            }
        }
        (BABBLE, true) => JobResult { verdicts: vec![Ok(()); 99], ..trial(job) },
        _ => trial(job),
    }
}

fn command() -> WorkerCommand {
    let me = std::env::current_exe().unwrap().display().to_string();
    let script = r#"exec "$0" --exact worker_process --ignored --nocapture 3>&1 1>/dev/null"#;
    WorkerCommand { program: "/bin/sh".into(), args: ["-c".into(), script.into(), me].into() }
}

fn limits() -> WorkerLimits {
    // Long enough for a loaded machine; only the tests with a spinning worker wait for it.
    let deadline = Duration::from_secs(4);
    WorkerLimits {
        start: Duration::from_secs(60),
        batch: deadline,
        alone: deadline,
        ..WorkerLimits::default()
    }
}

fn pool(workers: usize) -> WorkerPool {
    WorkerPool::start(workers, command(), limits()).unwrap()
}

fn order(first: u8, n: u32) -> DocId {
    let mut uuid = [first; 16];
    uuid[12..].copy_from_slice(&n.to_be_bytes());
    DocId { kind: DocKind::Order, uuid }
}

/// An order of headquarters with concurrent changes of two phones on it.
fn good_job(first: u8, n: u32) -> Job {
    let mut doc = Document::new(DocKind::Order);
    edit(&mut doc, 1, &[Edit::set("title", format!("井盖丢失 {n}")), Edit::set("severity", 1)]);
    let base = doc.save();
    let mut other = doc.clone();
    let changes = vec![
        edit(&mut doc, 2, &[Edit::set("verified_address", "一号院"), Edit::set("severity", 2)]),
        edit(&mut other, 3, &[Edit::set("verified_address", "二号院"), Edit::set("tag/lid", true)]),
        edit(&mut doc, 2, &[Edit::set("unclear_statement", true)]),
    ];
    Job { doc: order(first, n), base: Some(base), changes }
}

/// A good job of three changes, of which the second triggers what its document stands for.
fn evil_job(first: u8) -> Job {
    let mut job = good_job(first, 0);
    let mut doc = Document::load(DocKind::Order, job.base.as_ref().unwrap()).unwrap();
    job.changes[1] = edit(&mut doc, 5, &[Edit::set("verified_facts", TRIGGER)]);
    job
}

#[test]
fn the_pool_says_the_same_as_this_process() {
    let mut jobs: Vec<Job> = (0..300).map(|n| good_job(1, n)).collect();
    jobs[7].changes.swap(0, 2);
    jobs[8].base = None;
    jobs[9].changes.clear();
    jobs[10].base = Some(vec![0; 10]);
    jobs[11].changes.push(vec![0; 70_000]);
    jobs[12].changes = vec![vec![7; 1 << 20]; 20];
    let expected = InProcess.run(jobs.clone());
    assert_eq!(codes(&expected[0]), ["ok"; 3]);
    assert_eq!(codes(&expected[7]), ["missing_dependency", "ok", "ok"]);
    let mut pool = pool(2);
    assert!(pool.run(Vec::new()).is_empty());
    for _ in 0..2 {
        assert!(pool.run(jobs.clone()) == expected);
    }
}

/// F33–F39, each on a document that honest phones write at the same time.
#[test]
fn hostile_changes_are_refused_and_the_pool_goes_on() {
    let run = |count: i64, value: &[u8]| {
        let mut column = vec![];
        signed(&mut column, count);
        column.extend_from_slice(value);
        column
    };
    let mut million = vec![];
    unsigned(&mut million, 10_000_000);
    let bomb = Draft::new()
        .column(KEY, &run(10_000_000, b"\x01k"))
        .column(INSERT, &million)
        .column(ACTION, &run(10_000_000, &[1]))
        .column(META, &run(10_000_000, &[1]))
        .column(VALUE, &[])
        .column(PRED_COUNT, &run(10_000_000, &[0]));
    let with = |bend: fn(&mut Draft)| {
        let mut draft = Draft::new();
        bend(&mut draft);
        draft.build()
    };
    let typed = |kind: u8| {
        let mut chunk = Draft::new().build();
        chunk[8] = kind;
        chunk
    };
    let honest = good_job(1, 0);
    let first = split(&honest.changes[0]).unwrap();
    let second = split(&honest.changes[2]).unwrap();
    let renumbered =
        |actor: &[u8], seq: u8| join(&second.deps, actor, &[&[seq], &second.rest[1..]].concat()).unwrap();
    let mut broken = honest.changes[0].clone();
    *broken.last_mut().unwrap() ^= 1;
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("F33 number of headquarters taken", renumbered(&[1; 16], 1), "not_next"),
        ("F33 own number again", renumbered(second.actor, 1), "not_next"),
        ("F33 number ahead", renumbered(second.actor, 3), "not_next"),
        ("F34 counter 2^32", with(|d| d.start_op = 1 << 32), "start_op"),
        ("F34 counter 2^32-1", with(|d| d.start_op = (1 << 32) - 1), "start_op"),
        ("F34 counter ahead", with(|d| d.start_op = 900_000), "not_next"),
        ("F35 operation bomb", bomb.build(), "too_many_ops"),
        ("F36 document", typed(0), "chunk_type"),
        ("F36 deflated change", typed(2), "chunk_type"),
        ("F36 bundle", typed(3), "chunk_type"),
        ("F37 nested map", Draft::new().column(ACTION, &[0x7f, 0]).build(), "nested_object"),
        ("F37 list", Draft::new().column(ACTION, &[0x7f, 2]).build(), "list_op"),
        ("F37 text", Draft::new().column(ACTION, &[0x7f, 4]).build(), "text_object"),
        ("F38 run of one", Draft::new().column(META, &[1, 0x16]).build(), "not_canonical"),
        ("F38 broken checksum", broken, "checksum"),
        ("F39 orphan", join(&[[9; 32]], &[9; 16], first.rest).unwrap(), "missing_dependency"),
        ("a document", honest.base.clone().unwrap(), "chunk_type"),
        ("nothing", vec![], "truncated"),
        ("not automerge", vec![0x42; 5_000], "magic"),
    ];
    let mut pool = pool(1);
    let expected = pool.run(vec![honest.clone()]);
    assert_eq!(codes(&expected[0]), ["ok"; 3]);
    let before = resident();
    for (name, change, code) in cases {
        // Between the first two honest ones, or behind them where it continues the first.
        let mut job = honest.clone();
        job.changes.insert(1, change);
        let result = pool.run(vec![job]).pop().unwrap();
        assert_eq!(codes(&result), ["ok", code, "ok", "ok"], "{name}");
        assert_eq!(result.view, expected[0].view, "{name}");
        assert_eq!(result.heads, expected[0].heads, "{name}");
    }
    // F39: a flood of orphans.
    let mut flood = honest.clone();
    let orphan = |n: u32| {
        let mut dep = [7; 32];
        dep[..4].copy_from_slice(&n.to_be_bytes());
        join(&[dep], &[9; 16], first.rest).unwrap()
    };
    flood.changes.splice(1..1, (0..4_000).map(orphan));
    let result = pool.run(vec![flood]).pop().unwrap();
    assert_eq!(codes(&result).iter().filter(|code| **code == "missing_dependency").count(), 4_000);
    assert_eq!(result.view, expected[0].view);
    // Other tests share this process; a bomb that got here would be gigabytes.
    assert!(resident() < before + 128 * 1024, "grown from {before} to {} KiB", resident());
}

#[test]
fn a_worker_that_dies_costs_only_the_guilty_change() {
    let mut pool = pool(2);
    for (kind, code) in [
        (ABORT, "gate_crashed"),
        (EXIT, "gate_crashed"),
        (HOARD, "gate_crashed"),
        (BABBLE, "gate_crashed"),
        (SPIN, "gate_timeout"),
    ] {
        let mut jobs: Vec<Job> = (0..60).map(|n| good_job(1, n)).collect();
        let good = InProcess.run(jobs.clone());
        jobs.insert(20, evil_job(kind));
        let mut results = pool.run(jobs);
        let evil = results.remove(20);
        assert!(results == good, "{kind:#x}");
        assert_eq!(codes(&evil), ["ok", code, "ok"], "{kind:#x}");
        let mut without = evil_job(kind);
        without.changes.remove(1);
        let without = trial(&without);
        assert_eq!((evil.saved, evil.heads, evil.view), (without.saved, without.heads, without.view));
        let mut single = evil_job(kind);
        single.changes = vec![single.changes.swap_remove(1)];
        if kind != SPIN {
            let base = single.base.clone().unwrap();
            let result = pool.run(vec![single]).pop().unwrap();
            assert_eq!(codes(&result), [code], "{kind:#x}");
            assert_eq!(result.saved, base);
            assert_eq!(result.view.int("severity"), Some(1));
        }
    }
}

#[test]
fn a_base_that_breaks_the_worker_blames_no_phone() {
    let jobs = vec![good_job(1, 1), good_job(CURSED, 2), good_job(1, 3)];
    let results = pool(1).run(jobs);
    assert_eq!(codes(&results[0]), ["ok"; 3]);
    assert_eq!(codes(&results[1]), ["base_unreadable"; 3]);
    assert_eq!(codes(&results[2]), ["ok"; 3]);
}

#[test]
fn many_guilty_changes_in_one_document_end_soon() {
    let mut job = good_job(ABORT, 1);
    let mut doc = Document::load(DocKind::Order, job.base.as_ref().unwrap()).unwrap();
    for n in 0..50 {
        job.changes.push(edit(&mut doc, 7, &[Edit::set("reply_text", format!("{TRIGGER} {n}"))]));
    }
    let result = pool(1).run(vec![job]).pop().unwrap();
    assert_eq!(codes(&result)[..3], ["ok"; 3]);
    // Three of them were tried; the rest is refused untried.
    assert_eq!(codes(&result)[3..], ["gate_crashed"; 50]);
}

#[test]
fn what_is_no_worker_does_not_start() {
    for (program, args) in
        [("/nonexistent", vec![]), ("/bin/cat", vec!["/dev/null"]), ("/bin/echo", vec!["hello world"])]
    {
        let args = args.into_iter().map(String::from).collect();
        let command = WorkerCommand { program: program.into(), args };
        assert!(WorkerPool::start(1, command, limits()).is_err(), "{program}");
    }
}

/// The program vanishes under a running server: nobody's change is refused for good.
#[test]
fn without_any_worker_the_answer_is_later() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("worker");
    std::os::unix::fs::symlink("/bin/sh", &link).unwrap();
    let command = WorkerCommand { program: link.clone(), ..command() };
    let mut pool = WorkerPool::start(1, command, limits()).unwrap();
    assert_eq!(codes(&pool.run(vec![good_job(1, 1)])[0]), ["ok"; 3]);
    std::fs::remove_file(&link).unwrap();
    let results = pool.run(vec![evil_job(ABORT), good_job(1, 2)]);
    for result in &results {
        assert_eq!(codes(result), [GATE_UNAVAILABLE; 3]);
        assert!(result.verdicts.iter().all(|v| !v.as_ref().unwrap_err().is_final()));
    }
    std::os::unix::fs::symlink("/bin/sh", &link).unwrap();
    let results = pool.run(vec![evil_job(ABORT), good_job(1, 2)]);
    assert_eq!(codes(&results[0]), ["ok", "gate_crashed", "ok"]);
    assert_eq!(codes(&results[1]), ["ok"; 3]);
}

/// Returns the resident memory of this process in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
