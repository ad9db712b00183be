//! Memory that runs out inside SQLite: the N-th allocation fails, once and for ever, in every use case
//! of the phone and of headquarters, and while they are opened (F8).
//!
//! SQLite takes another allocator only before its first use, so the sweep runs in a process of its own.
//! `DISK_ALLOCATIONS=n` takes so many places of each use case instead of 10, `DISK_STRIDE=1` all.

use crate::{
    folder, number,
    sweep::{Act, OFFICE, PHONE, Scene, Side, prepare, scene},
};
use lanewalk_fault_disk::Memory;
use lanewalk_field::{Config, Field, StoreKey};
use lanewalk_headquarters::{Headquarters, Settings, gate::InProcess, store::Place};
use lanewalk_protocol::keys::{Algorithm, SoftSigner};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::Command,
    sync::Arc,
};
use support::{
    clock::{HqSource, PhoneSource, TownClock},
    dice::Dice,
    town::START,
};

/// Says to the child that it is one.
const CHILD: &str = "LANEWALK_FAILING_MEMORY";

/// How often what ended how.
type Seen = BTreeMap<(&'static str, String), u64>;

/// F8: memory that runs out at any allocation inside SQLite costs an error, and nothing that was saved.
#[test]
fn memory_that_runs_out_inside_sqlite_costs_an_error_and_nothing_else() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "memory::in_a_process_of_its_own"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    println!("{said}");
    let told = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{:?}: {said}\n{told}", child.status);
    assert!(said.contains("allocations failed"), "{said}");
}

#[test]
#[ignore = "run by the test above"]
fn in_a_process_of_its_own() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let memory = Memory::install().unwrap();
    let mut seen = Seen::new();
    let opened = open(&memory);
    sweep(&memory, &Side::Phone, PHONE, &mut seen);
    sweep(&memory, &Side::Office, OFFICE, &mut seen);
    for ((act, outcome), n) in &seen {
        println!("{act}: {n} {outcome}");
    }
    let sum = seen.values().sum::<u64>();
    let told: u64 = seen.iter().filter(|((_, outcome), _)| outcome != "done").map(|(_, n)| n).sum();
    println!("{sum} allocations failed in use cases, {told} of them told, {opened} in openings");
    assert!(sum >= 300 && told >= 200 && opened >= 50, "{sum} {told} {opened}");
}

fn stride(calls: u64) -> u64 {
    match number("DISK_STRIDE", 0) {
        0 => calls.div_ceil(number("DISK_ALLOCATIONS", 10).max(1)).max(1),
        n => n,
    }
}

/// Runs something with the `at`th allocation failing; a panic of ours is the outcome `panic`.
fn failing(
    memory: &Memory,
    at: u64,
    for_ever: bool,
    run: impl FnOnce() -> Result<(), String>,
) -> (u64, String) {
    memory.arm(at, for_ever);
    let done = catch_unwind(AssertUnwindSafe(run));
    let (failed, _) = memory.disarm();
    let outcome = match done {
        Ok(done) => done.err().unwrap_or_else(|| "done".into()),
        Err(_) => "panic".into(),
    };
    (failed, outcome)
}

fn sweep(memory: &Memory, side: &Side, acts: &[Act], seen: &mut Seen) {
    let (mut s, disk) = scene(side);
    for (name, act) in acts {
        for for_ever in [false, true] {
            disk.take_journal();
            prepare(name, &mut s);
            memory.arm(u64::MAX, for_ever);
            act(&mut s).unwrap_or_else(|e| panic!("{name} with all memory: {e}"));
            let (_, calls) = memory.disarm();
            for at in (1..=calls).step_by(usize::try_from(stride(calls)).unwrap()) {
                disk.take_journal();
                prepare(name, &mut s);
                let what = format!("{name}: allocation {at} of {calls}, for ever {for_ever}");
                let before = s.field().status().unwrap_or_else(|e| panic!("{what}: before {e}")).last_seq;
                let (failed, outcome) = failing(memory, at, for_ever, || act(&mut s));
                assert!(outcome != "panic", "{what}: panicked");
                assert!(failed > 0 || outcome == "done", "{what}: {outcome} without a fault");
                // Headquarters is in this process too: what it answers then is a code of its own.
                if matches!(side, Side::Phone) && !matches!(*name, "sync" | "send photos") {
                    let typed = ["done", "internal", "io", "camera"];
                    assert!(typed.contains(&outcome.as_str()), "{what}: {outcome}");
                }
                again(&mut s, name, *act, side, &what, before, &outcome);
                *seen.entry((name, outcome)).or_default() += u64::from(failed > 0);
            }
        }
        s.field().check().unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    s.town.settle();
    support::check::laws(&s.town);
}

/// There is memory again: the phone knows all it said was saved, nothing half, and the act can be done.
fn again(
    s: &mut Scene,
    name: &str,
    act: fn(&mut Scene) -> Result<(), String>,
    side: &Side,
    what: &str,
    before: u64,
    outcome: &str,
) {
    s.field().resume().unwrap_or_else(|e| panic!("{what}: resuming afterwards: {e}"));
    let after = s.field().status().unwrap_or_else(|e| panic!("{what}: {e}")).last_seq;
    assert!(after >= before, "{what}: {before} entries became {after}");
    if outcome != "done" && matches!(side, Side::Phone) && !matches!(name, "photo" | "sync" | "send photos") {
        assert_eq!(after, before, "{what}: half saved");
    }
    act(s).unwrap_or_else(|e| panic!("{what}: afterwards {e}"));
}

fn open_phone(at: &Path) -> Result<(), String> {
    let source = PhoneSource::new(TownClock::new(START), Dice::new(1, 55));
    let signer = SoftSigner::new(Algorithm::Es256, &[3; 32]).unwrap();
    let config = Config::new(at.to_owned(), StoreKey::new([7; 32]));
    let field = Field::open(config, Arc::new(source), Arc::new(signer)).map_err(|e| e.code().to_owned())?;
    field.status().map(drop).map_err(|e| e.code().to_owned())
}

fn open_office(at: &Path) -> Result<(), String> {
    let source = HqSource::new(TownClock::new(START), Dice::new(1, 56));
    let settings = Settings { public_url: "http://hq.test".into(), ..Settings::default() };
    let place = Place::File(at.join("hq.db"));
    Headquarters::open(&place, settings, Arc::new(source), Box::new(InProcess))
        .map(drop)
        .map_err(|e| e.to_string())
}

/// Opens new stores and a store of the first version; returns how many openings met a failure.
fn open(memory: &Memory) -> u64 {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../rust-core/field/tests/fixtures/store-v1.db");
    type Open = fn(&Path) -> Result<(), String>;
    let stores: [(&str, Open, bool); 3] = [
        ("a new phone", open_phone, false),
        ("an old phone", open_phone, true),
        ("headquarters", open_office, false),
    ];
    let mut given = 0;
    for (name, open, old) in stores {
        let fresh = || {
            let dir = folder();
            if old {
                std::fs::copy(fixture, dir.path().join("lanewalk.db")).unwrap();
            }
            dir
        };
        for for_ever in [false, true] {
            memory.arm(u64::MAX, for_ever);
            open(fresh().path()).unwrap();
            let (_, calls) = memory.disarm();
            for at in (1..=calls).step_by(usize::try_from(stride(calls)).unwrap()) {
                let dir = fresh();
                let what = format!("{name}: allocation {at} of {calls}, for ever {for_ever}");
                let (failed, outcome) = failing(memory, at, for_ever, || open(dir.path()));
                assert!(outcome != "panic", "{what}: panicked");
                let phone = name.ends_with("phone");
                assert!(!phone || matches!(outcome.as_str(), "done" | "internal"), "{what}: {outcome}");
                open(dir.path()).unwrap_or_else(|e| panic!("{what}: afterwards {e}"));
                given += u64::from(failed > 0);
            }
        }
    }
    given
}
