//! What came of all seeds together, and the floors under it.
//!
//! Invariant: a simulator in which nothing happens proves nothing, so everything that it can do has to
//! have been done.

use crate::{Outcome, desk::Acts, disk, trouble};
use std::collections::BTreeMap;
use support::town::Fate;

/// What has to happen at least once in so many seeds.
const WORKFLOW: [&str; 21] = [
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
    "convert",
    "tick",
    "catalogue",
];

/// So rare that a run only has to have tried it.
const RARE: &str = "undo";

/// Seeds after which nothing may be left untried.
const ENOUGH: u64 = 200;
/// Phone-days that a seed brings at least, on average: 2,000 of FAULTS in 250 seeds.
const PHONE_DAYS: u64 = 8;

/// Sums over seeds.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    seeds: u64,
    failed: Vec<u64>,
    entries: u64,
    refused: u64,
    conflicts: u64,
    decided: u64,
    photos: u64,
    unguarded: u64,
    saved: u64,
    phone_days: u64,
    acts: Acts,
    troubles: BTreeMap<&'static str, u64>,
    rounds: BTreeMap<u32, u64>,
    still: BTreeMap<Fate, u64>,
}

impl Tally {
    /// Takes what came of a seed.
    pub(crate) fn take(&mut self, seed: u64, outcome: std::thread::Result<Outcome>) {
        self.seeds += 1;
        let Ok(outcome) = outcome else { return self.failed.push(seed) };
        let state = outcome.state;
        self.entries += state.entries;
        self.refused += state.refused;
        self.conflicts += state.conflicts;
        self.decided += state.decided;
        self.photos += state.photos;
        self.unguarded += state.unguarded;
        self.saved += outcome.saved;
        self.phone_days += outcome.phone_days;
        for (what, (done, refused)) in outcome.acts {
            let sum = self.acts.entry(what).or_default();
            *sum = (sum.0 + done, sum.1 + refused);
        }
        outcome.troubles.into_iter().for_each(|(what, n)| *self.troubles.entry(what).or_default() += n);
        outcome.rounds.into_iter().for_each(|n| *self.rounds.entry(n).or_default() += 1);
        outcome.still.into_iter().for_each(|(fate, n)| *self.still.entry(fate).or_default() += n);
    }

    /// Prints the sums and fails under the floors.
    pub(crate) fn judge(self) {
        let Self { seeds, entries, refused, conflicts, decided, photos, saved, phone_days, .. } = self;
        println!(
            "{seeds} seeds, {phone_days} phone-days with {saved} saves: {entries} entries, {refused} refused, {conflicts} conflicts kept, {decided} proposals decided, {photos} photos"
        );
        println!("headquarters (done, refused): {:?}", self.acts);
        println!("troubles: {:?}", self.troubles);
        println!(
            "rounds to quiescence: {:?}; phones that said why they stand still: {:?}",
            self.rounds, self.still
        );
        println!(
            "lost with headquarters' disk after the phone that delivered it was wiped: {}",
            self.unguarded
        );
        assert!(self.failed.is_empty(), "seeds that fail: {:?}", self.failed);
        if seeds >= ENOUGH {
            for what in WORKFLOW {
                let (done, _) = self.acts.get(what).copied().unwrap_or_default();
                assert!(done > 0, "{what} never happened in {seeds} seeds");
            }
            assert!(self.acts.contains_key(RARE), "{RARE} was never tried in {seeds} seeds");
            for what in trouble::ALL.into_iter().chain(disk::ALL) {
                assert!(self.troubles.contains_key(what), "{what} never happened in {seeds} seeds");
            }
            assert!(self.acts.values().map(|(done, _)| done).sum::<u64>() > seeds * 4);
            assert!(phone_days >= seeds * PHONE_DAYS, "{phone_days} phone-days in {seeds} seeds");
            assert!(entries > seeds * 50 && conflicts > seeds / 4 && decided > seeds && photos > seeds);
        }
    }
}
