//! What a seed decides.

use support::{dice::Dice, network::Weather, skew::Skew, town::Plan};

/// Everything one seed decides, printed when it fails.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) plan: Plan,
    pub(crate) weather: Weather,
    /// Acts of all people on one day.
    pub(crate) acts: u64,
    /// Phones are killed between acts.
    pub(crate) kill_phones: bool,
    pub(crate) kill_hq: bool,
    /// Phones' clocks jump by up to ten years, in both directions.
    pub(crate) bad_clocks: bool,
    /// Headquarters' clock steps by up to two hours, in both directions.
    pub(crate) hq_clock: bool,
    pub(crate) move_grants: bool,
    pub(crate) clerk: bool,
    pub(crate) desk: bool,
    pub(crate) purge: bool,
    /// Headquarters comes back from an older backup.
    pub(crate) restore: bool,
    pub(crate) photos: bool,
    /// Key chips do not answer for a while, stores are opened with a wrong key.
    pub(crate) keys: bool,
    /// Phones are copied, and come back from older copies of themselves.
    pub(crate) copies: bool,
    /// Devices are revoked or lost, and their workers get others.
    pub(crate) losses: bool,
    /// Workers use two phones.
    pub(crate) two_phones: bool,
    /// New phones wait for somebody to compare their fingerprint, and may be turned away.
    pub(crate) waiting: bool,
    /// Phones speak as older and newer versions would, or in one that headquarters does not speak.
    pub(crate) versions: bool,
    /// What headquarters speaks.
    pub(crate) hq_version: Skew,
    /// Days between two days of work.
    pub(crate) pause_days: i64,
    /// A kill of anything may be a power cut: what was not synced is gone, torn or there.
    pub(crate) power_cuts: bool,
    /// Disks are full or fail for a while.
    pub(crate) bad_disks: bool,
}

/// Draws the options of a seed.
pub(crate) fn of(seed: u64) -> Options {
    let mut dice = Dice::new(seed, 1);
    // Swarm: each seed enables a random half of the faults, so that rare pairs meet.
    let mut fault = |most: u64| if dice.chance(50) { 1 + dice.below(most) } else { 0 };
    let weather = Weather {
        drop_request: fault(25),
        drop_response: fault(25),
        duplicate: fault(20),
        late_repeat: fault(20),
        delay: fault(20),
        overload: fault(20),
        captive_portal: fault(15),
        cut_request: fault(25),
        cut_response: fault(15),
        flip_response: fault(15),
        kill: fault(15),
    };
    let plan = Plan {
        seed,
        grid_workers: 2 + dice.below(3),
        property_staff: 1 + dice.below(2),
        orders: 4 + dice.below(12),
    };
    Options {
        plan,
        weather,
        acts: 45 + dice.below(70),
        kill_phones: dice.chance(50),
        kill_hq: dice.chance(50),
        bad_clocks: dice.chance(50),
        hq_clock: dice.chance(50),
        move_grants: dice.chance(50),
        clerk: dice.chance(70),
        desk: dice.chance(70),
        purge: dice.chance(50),
        restore: dice.chance(50),
        photos: dice.chance(70),
        keys: dice.chance(50),
        copies: dice.chance(50),
        losses: dice.chance(50),
        two_phones: dice.chance(50),
        waiting: dice.chance(50),
        versions: dice.chance(50),
        hq_version: *dice.pick(&[Skew::Same, Skew::Same, Skew::Older, Skew::Newer]),
        // Over a weekend a lease ends (72 h), over three weeks the time to deliver (14 days).
        pause_days: *dice.pick(&[0, 0, 1, 4, 21]),
        power_cuts: dice.chance(50),
        bad_disks: dice.chance(50),
    }
}
