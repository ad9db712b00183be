//! What happens to phones and clocks beyond bad weather, drawn from dice.

use crate::{disk, options::Options};
use lanewalk_field::{DeviceKey, Status, SyncError};
use lanewalk_protocol::keys::SignerError;
use std::collections::BTreeMap;
use support::{
    dice::Dice,
    town::{Fate, Snapshot, Town},
};

/// Troubles, each of which has to be made at least once in thirty seeds.
pub(crate) const ALL: [&str; 9] = [
    "chip busy",
    "chip lost",
    "wrong key",
    "copy",
    "restored phone",
    "revoked",
    "lost phone",
    "second phone",
    "headquarters' clock",
];

/// Phones that a town may get beside its first ones.
const MORE: usize = 3;
const HOUR_MS: i64 = 3_600_000;

/// The troubles of one run.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    /// How often each was made.
    pub(crate) counts: BTreeMap<&'static str, u64>,
    disks: Vec<Snapshot>,
    copies: Vec<usize>,
    more: usize,
}

impl Troubles {
    /// Makes one trouble, if the seed has it.
    pub(crate) fn make(&mut self, town: &mut Town, dice: &mut Dice, o: &Options, phone: usize, talk: bool) {
        let what = match dice.below(14) {
            0 | 1 if o.keys => self.chip(town, dice, phone),
            2 if o.keys => {
                town.wrong_key(phone);
                Some("wrong key")
            }
            3 if o.copies && self.more < MORE => {
                self.more += 1;
                self.copies.push(town.clone_phone(phone));
                Some("copy")
            }
            4 if o.copies => {
                self.disks.push(town.snapshot(phone));
                None
            }
            5 if o.copies && !self.disks.is_empty() => {
                let at = usize::try_from(dice.below(self.disks.len() as u64)).unwrap();
                let disk = self.disks.swap_remove(at);
                town.restore_phone(&disk);
                Some("restored phone")
            }
            6 if o.losses && self.more < MORE && town.phones[phone].works() => {
                self.more += 1;
                let other = town.another_phone(phone);
                if dice.chance(50) {
                    town.revoke(phone);
                    // It hears of it, or goes on for a while.
                    Some("revoked")
                } else {
                    town.lose(phone);
                    town.act(other);
                    Some("lost phone")
                }
            }
            7 if o.two_phones && self.more < MORE => {
                self.more += 1;
                town.another_phone(phone);
                Some("second phone")
            }
            8 | 9 if o.hq_clock => {
                let hours = i64::try_from(dice.below(5)).unwrap() - 2;
                town.clock.set_hq_error(hours * HOUR_MS);
                Some("headquarters' clock")
            }
            10..=12 if o.bad_disks => disk::fail(town, dice, phone),
            _ => None,
        };
        if let Some(what) = what {
            self.count(what, 1);
            if talk {
                println!("{what}: phone {phone}, {}", town.phones[phone].worker);
            }
        }
    }

    /// Notes that something happened so often.
    pub(crate) fn count(&mut self, what: &'static str, times: u64) {
        if times > 0 {
            *self.counts.entry(what).or_default() += times;
        }
    }

    /// A chip fails for one or two syncs; nothing else may notice.
    fn chip(&mut self, town: &mut Town, dice: &mut Dice, phone: usize) -> Option<&'static str> {
        let lost = dice.chance(40);
        let with = if lost { SignerError::KeyLost } else { SignerError::Unavailable };
        town.phones[phone].signer.fail(Some(with));
        let before = town.phones[phone].field().status().unwrap();
        let said = town.sync(phone);
        town.phones[phone].signer.fail(None);
        match said {
            Err(SyncError::KeyLost) if lost => {}
            Err(SyncError::SignerUnavailable) if !lost => {}
            other => panic!("a chip that fails ({with:?}) gave {other:?}"),
        }
        let after = town.phones[phone].field().status().unwrap();
        if lost {
            assert_eq!(after.device_key, DeviceKey::Lost);
        }
        assert_eq!(Status { device_key: before.device_key, ..after }, before);
        Some(if lost { "chip lost" } else { "chip busy" })
    }

    /// The day ends: clocks are set right, and copies are put away.
    pub(crate) fn end(&mut self, town: &mut Town) {
        town.clock.set_hq_error(0);
        for copy in self.copies.drain(..) {
            town.put_away(copy);
        }
    }

    /// Who has no phone that works gets one.
    pub(crate) fn morning(&mut self, town: &mut Town) {
        for i in 0..town.phones.len() {
            let worker = &town.phones[i].worker;
            let has = town.phones.iter().any(|p| p.works() && p.worker == *worker);
            if town.phones[i].fate != Fate::Working && !has {
                town.another_phone(i);
            }
        }
    }
}
