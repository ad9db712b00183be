//! The seeded simulator: many phones and headquarters in one thread, on a simulated network,
//! clock and disk. `SIM_SEED=n` replays one seed and tells what happens; `SIM_SEEDS=n` runs so many,
//! from `SIM_FIRST` on.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

mod desk;
mod disk;
mod options;
mod trouble;

use desk::Acts;
use lanewalk_field::UploadPolicy;
use lanewalk_model::{staff::Grant, time::TimeMs};
use options::Options;
use std::{collections::BTreeMap, sync::atomic::Ordering};
use support::{
    check,
    dice::Dice,
    town::{Fate, Town},
};
use trouble::Troubles;

/// What came of one seed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Outcome {
    state: check::State,
    acts: Acts,
    /// How often each trouble of a phone was made.
    troubles: BTreeMap<&'static str, u64>,
    /// Hash over every byte that went over the wires, in its order.
    trace: [u8; 32],
}

fn run(seed: u64, talk: bool) -> Outcome {
    let o = options::of(seed);
    if talk {
        println!("{o:#?}");
    }
    let mut town = disk::town(&o);
    town.settle();
    let (mut dice, mut acts, mut troubles) = (Dice::new(seed, 4), Acts::new(), Troubles::default());
    for day in 0..2 {
        town.network.set_weather(o.weather);
        for _ in 0..o.acts / 2 {
            town.clock.advance(i64::try_from(1_000 + dice.below(400_000)).unwrap());
            let phone = usize::try_from(dice.below(town.phones.len() as u64)).unwrap();
            if town.phones[phone].fate == Fate::PutAway {
                continue;
            }
            match dice.below(31) {
                0..=12 => town.act(phone),
                13..=15 => {
                    let report = town.sync(phone);
                    if talk {
                        println!("{} syncs: {report:?}", town.phones[phone].worker);
                    }
                }
                16 if o.kill_phones => town.kill(phone),
                17 if o.kill_hq => town.kill_hq(),
                18 if o.bad_clocks => {
                    let error = i64::try_from(dice.below(20 * 365)).unwrap() - 10 * 365;
                    town.phones[phone].source.wall_error.store(error * 86_400_000, Ordering::Relaxed);
                }
                19 => headquarters_acts(&mut town, &mut dice, &o, &mut acts),
                20 | 21 if o.photos => town.photograph(phone),
                22 | 23 if o.photos => {
                    let policy =
                        *dice.pick(&[UploadPolicy::UNMETERED, UploadPolicy::METERED, UploadPolicy::SAVING]);
                    let report = town.upload(phone, policy);
                    if talk {
                        println!("{} sends photos: {report:?}", town.phones[phone].worker);
                    }
                }
                24..=27 if o.desk => desk::work_on(&mut town, &mut dice, &mut acts),
                28.. => troubles.make(&mut town, &mut dice, &o, phone, talk),
                _ => {}
            }
        }
        troubles.end(&mut town);
        let rounds = town.settle();
        // Three in which something moves, and one that finds nothing more.
        assert!(rounds <= 4, "{rounds} rounds on day {day}");
        if o.purge {
            for phone in &town.phones {
                phone.field().purge().unwrap();
                phone.field().free_photos(u64::MAX).unwrap();
            }
            town.settle();
        }
        let state = check::laws(&town);
        if talk {
            println!("day {day}: {state:?} {:?}", town.network.traffic());
        }
        if day == 0 {
            troubles.morning(&mut town);
        }
    }
    troubles.count("power cut", town.power_cuts());
    Outcome { state: check::laws(&town), acts, troubles: troubles.counts, trace: town.network.trace() }
}

fn headquarters_acts(town: &mut Town, dice: &mut Dice, o: &Options, acts: &mut Acts) {
    match dice.below(6) {
        4 => town.backup(),
        5 if o.restore => town.restore(),
        0 => town.import(1 + dice.below(2)),
        1 | 2 if o.clerk => desk::answer(town, dice, acts),
        3 if o.move_grants => {
            let now = TimeMs(town.clock.now());
            let phone = usize::try_from(dice.below(town.phones.len() as u64)).unwrap();
            let (worker, role) = (town.phones[phone].worker.clone(), town.phones[phone].role);
            let cell = dice.pick(&town.cells).clone();
            let end = dice.chance(50);
            town.network.hq(|hq| {
                if end {
                    hq.end_grant(&worker, &cell, now).unwrap();
                } else {
                    hq.grant(&worker, &Grant { grid: cell, role, from: now, to: None }).unwrap();
                }
            });
        }
        _ => {}
    }
}

/// Runs a seed and says which one it was if it fails.
fn run_named(seed: u64, talk: bool) -> Outcome {
    match std::panic::catch_unwind(|| run(seed, talk)) {
        Ok(done) => done,
        Err(why) => {
            println!(
                "seed {seed} fails; replay: SIM_SEED={seed} cargo test -p lanewalk-tests --test sim\n{:#?}",
                options::of(seed)
            );
            std::panic::resume_unwind(why)
        }
    }
}

/// What has to happen at least once in thirty seeds.
const WORKFLOW: [&str; 22] = [
    "accept",
    "dispatch",
    "ack",
    "submit",
    "pass",
    "send back",
    "callback",
    "close",
    "rework",
    "transfer",
    "extend",
    "exclude",
    "decide",
    "cluster",
    "split",
    "task force",
    "plan",
    "merge",
    "undo",
    "convert",
    "tick",
    "catalogue",
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn nothing_lost_nothing_overwritten_same_everywhere() {
    if let Some(seed) = number("SIM_SEED") {
        println!("{:?}", run_named(seed, true));
        return;
    }
    let seeds = number("SIM_SEEDS").unwrap_or(200);
    let first = number("SIM_FIRST").unwrap_or(0);
    let next = std::sync::atomic::AtomicU64::new(first);
    let totals = std::sync::Mutex::new((0, 0, 0, 0, 0));
    let all = std::sync::Mutex::new(Acts::new());
    let made = std::sync::Mutex::new(BTreeMap::<&str, u64>::new());
    // Each seed is one thread's alone; several seeds run beside each other.
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        return;
                    }
                    let Outcome { state, acts, troubles, .. } = run_named(seed, false);
                    for (what, count) in troubles {
                        *made.lock().unwrap().entry(what).or_default() += count;
                    }
                    for (what, (done, refused)) in acts {
                        let mut all = all.lock().unwrap();
                        let sum = all.entry(what).or_default();
                        *sum = (sum.0 + done, sum.1 + refused);
                    }
                    let mut t = totals.lock().unwrap();
                    *t = (
                        t.0 + state.entries,
                        t.1 + state.refused,
                        t.2 + state.conflicts,
                        t.3 + state.decided,
                        t.4 + state.photos,
                    );
                }
            });
        }
    });
    let (entries, refused, conflicts, decided, photos) = totals.into_inner().unwrap();
    println!(
        "{seeds} seeds: {entries} entries, {refused} refused, {conflicts} conflicts kept, {decided} proposals decided, {photos} photos"
    );
    let all = all.into_inner().unwrap();
    println!("headquarters (done, refused): {all:?}");
    let made = made.into_inner().unwrap();
    println!("troubles: {made:?}");
    // A simulator in which nothing happens proves nothing.
    if seeds >= 30 {
        for what in WORKFLOW {
            let (done, _) = all.get(what).copied().unwrap_or_default();
            assert!(done > 0, "{what} never happened in {seeds} seeds");
        }
        for what in trouble::ALL.into_iter().chain(disk::ALL) {
            assert!(made.contains_key(what), "{what} never happened in {seeds} seeds");
        }
        assert!(all.values().map(|(done, _)| done).sum::<u64>() > seeds * 4);
    }
    assert!(entries > seeds * 50 && conflicts > seeds / 2 && decided > seeds && photos > seeds);
}

/// Byte for byte: the same requests and answers in the same order, and the same end.
#[test]
fn a_seed_replays_exactly() {
    for seed in 1_000..1_020 {
        assert_eq!(run_named(seed, false), run_named(seed, false), "seed {seed}");
    }
}
