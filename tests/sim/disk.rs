//! Disks that fail for a while, and what a seed says of them.

use crate::options::Options;
use lanewalk_fault_disk::Failure;
use support::{
    dice::Dice,
    town::{Disks, Town},
};

/// What has to happen at least once in thirty seeds.
pub(crate) const ALL: [&str; 4] = ["full disk", "failing disk", "headquarters' disk", "power cut"];

/// Builds the town of a seed: on the machine's own disk unless something happens to disks.
pub(crate) fn town(o: &Options) -> Town {
    if o.power_cuts || o.bad_disks {
        Town::on_disks(o.plan, Disks { power_cuts: o.power_cuts })
    } else {
        Town::new(o.plan)
    }
}

/// Lets a disk fail during one act or sync; nothing when no call met it.
pub(crate) fn fail(town: &mut Town, dice: &mut Dice, phone: usize) -> Option<&'static str> {
    let full = dice.chance(50);
    let failure = if full { Failure::Full } else { Failure::Io };
    let (what, failed) = match dice.below(3) {
        0 => ("headquarters' disk", town.sync_with_failing_headquarters(phone, failure)),
        _ if full => ("full disk", town.work_on_failing_disk(phone, failure)),
        _ => ("failing disk", town.work_on_failing_disk(phone, failure)),
    };
    (failed > 0).then_some(what)
}
