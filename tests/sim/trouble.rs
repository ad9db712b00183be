//! What happens to phones and clocks beyond bad weather, drawn from dice.

use crate::{disk, options::Options};
use lanewalk_field::{DeviceKey, Status, SyncError};
use lanewalk_protocol::keys::SignerError;
use std::collections::BTreeMap;
use support::{
    dice::Dice,
    skew::Skew,
    town::{Fate, Snapshot, Town},
};

/// Troubles, each of which has to be made at least once in a run; a copy that a worker took along when
/// there was no time left to deliver is counted beside them, and is rare.
pub(crate) const ALL: [&str; 21] = [
    "chip busy",
    "chip lost",
    "chip replaced",
    "wrong key",
    "copy",
    "copy begins again",
    "written again",
    "restored phone",
    "revoked",
    "lost phone",
    "mislaid phone",
    "second phone",
    "headquarters' clock",
    "waiting phone",
    "confirmed",
    "turned away",
    "wiped",
    "other version",
    "outdated",
    "floor",
    "newer record",
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
    mislaid: Vec<usize>,
    more: usize,
}

impl Troubles {
    /// Makes one trouble, if the seed has it.
    pub(crate) fn make(&mut self, town: &mut Town, dice: &mut Dice, o: &Options, phone: usize, talk: bool) {
        let what = match dice.below(20) {
            0 | 1 if o.keys => self.chip(town, dice, phone),
            2 if o.keys => {
                town.wrong_key(phone);
                Some("wrong key")
            }
            3 if o.copies && self.more < MORE && town.phones[phone].works() => {
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
                town.restore_phone(&disk).then_some("restored phone")
            }
            6 if o.losses && self.more < MORE && town.phones[phone].works() => {
                self.more += 1;
                let other = town.another_phone(phone);
                let (revoked, gone) = (dice.chance(60), dice.below(5));
                if revoked {
                    town.revoke(phone);
                    // It hears of it, or goes on for a while.
                    self.count("revoked", 1);
                }
                match gone {
                    // It is found again on the next day, when there may be no time left to deliver.
                    0 | 1 => {
                        town.put_away(phone);
                        self.mislaid.push(phone);
                        Some("mislaid phone")
                    }
                    2 => {
                        town.lose(phone);
                        town.act(other);
                        Some("lost phone")
                    }
                    _ => None,
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
            10 if o.waiting && self.more < MORE => {
                self.more += 1;
                town.waiting_phone(phone);
                Some("waiting phone")
            }
            11 if o.waiting => {
                let waits = |i: &usize| town.phones[*i].fate == Fate::Waiting && town.waits(*i);
                let one = (0..town.phones.len()).find(waits);
                one.map(|i| self.look_at(town, dice, i))
            }
            12 | 13 => {
                let revoked = |i: &usize| town.phones[*i].in_use() && town.phones[*i].is_revoked();
                let one = (0..town.phones.len()).find(revoked);
                one.and_then(|i| self.farewell(town, i))
            }
            14 | 15 if o.versions && town.phones[phone].works() => {
                let version = [
                    Skew::Same,
                    Skew::Older,
                    Skew::Older,
                    Skew::Newer,
                    Skew::Newer,
                    Skew::TooOld,
                    Skew::TooNew,
                ];
                let version = *dice.pick(&version);
                town.update(phone, version);
                Some(if version.speaks() { "other version" } else { "outdated" })
            }
            16 if o.versions => town.newer_record(phone).then_some("newer record"),
            17 if o.versions && o.kill_hq => {
                town.floor(dice.chance(50));
                Some("floor")
            }
            18 | 19 if o.bad_disks => disk::fail(town, dice, phone),
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

    /// An administrator compares a waiting phone's fingerprint.
    fn look_at(&mut self, town: &mut Town, dice: &mut Dice, phone: usize) -> &'static str {
        if dice.chance(60) {
            town.confirm(phone);
            "confirmed"
        } else {
            town.revoke(phone);
            "turned away"
        }
    }

    /// A revoked phone's shell does what the core says.
    fn farewell(&mut self, town: &mut Town, phone: usize) -> Option<&'static str> {
        if !town.say_farewell(phone) {
            return None;
        }
        if !town.phones[phone].left.delivered {
            self.count("copy taken along", 1);
        }
        Some("wiped")
    }

    /// A chip fails for one sync, or holds another key; nothing else may notice.
    fn chip(&mut self, town: &mut Town, dice: &mut Dice, phone: usize) -> Option<&'static str> {
        let (what, key) = *dice.pick(&[
            ("chip busy", DeviceKey::Ready),
            ("chip lost", DeviceKey::Lost),
            ("chip replaced", DeviceKey::Replaced),
        ]);
        let chip = town.phones[phone].signer.clone();
        match key {
            DeviceKey::Lost => chip.fail(Some(SignerError::KeyLost)),
            // The store was moved to another phone: noticed when the app starts there.
            DeviceKey::Replaced => {
                chip.replace(Some(support::hostile::key(1)));
                town.restart(phone);
            }
            _ => chip.fail(Some(SignerError::Unavailable)),
        }
        let before = town.phones[phone].field().status().unwrap();
        let said = town.sync(phone);
        match (&said, key) {
            (Err(SyncError::KeyLost), DeviceKey::Lost)
            | (Err(SyncError::KeyReplaced), DeviceKey::Replaced)
            | (Err(SyncError::SignerUnavailable), DeviceKey::Ready) => {}
            _ => panic!("{what} gave {said:?}"),
        }
        let after = town.phones[phone].field().status().unwrap();
        if key != DeviceKey::Ready {
            assert_eq!(after.device_key, key);
        }
        assert_eq!(Status { device_key: before.device_key, ..after }, before);
        chip.fail(None);
        chip.replace(None);
        Some(what)
    }

    /// The day ends: clocks are set right; copies become devices of their own, or are put away.
    pub(crate) fn end(&mut self, town: &mut Town, dice: &mut Dice) {
        town.clock.set_hq_error(0);
        for copy in std::mem::take(&mut self.copies) {
            if !town.phones[copy].in_use() {
                continue;
            }
            if dice.chance(60) && town.is_told_apart(copy) {
                let again = town.begin_again(copy);
                // The model follows one chain of a phone.
                self.disks.retain(|disk| disk.phone != copy);
                self.count("copy begins again", 1);
                self.count("written again", again);
            } else {
                town.put_away(copy);
            }
        }
    }

    /// Waiting phones are looked at, outdated ones updated, revoked ones wiped; who has no phone that
    /// works gets one.
    pub(crate) fn morning(&mut self, town: &mut Town, dice: &mut Dice) {
        town.floor(false);
        for phone in self.mislaid.drain(..) {
            town.find(phone);
        }
        for i in 0..town.phones.len() {
            match town.phones[i].fate {
                // Whom a restored headquarters does not know may ask again, and is not missed.
                Fate::Waiting if town.waits(i) && dice.chance(70) => {
                    let what = self.look_at(town, dice, i);
                    self.count(what, 1);
                }
                Fate::Outdated => town.update(i, Skew::Same),
                Fate::Revoked => {
                    if let Some(what) = self.farewell(town, i) {
                        self.count(what, 1);
                    }
                }
                _ => {}
            }
        }
        for i in 0..town.phones.len() {
            let worker = &town.phones[i].worker;
            let has = town.phones.iter().any(|p| p.works() && p.worker == *worker);
            if town.phones[i].fate != Fate::Working && !has {
                town.another_phone(i);
            }
        }
    }
}
