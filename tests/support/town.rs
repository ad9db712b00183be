//! A whole town: one headquarters and its phones, with acts drawn from dice.
//!
//! What a phone returned as saved is written into [`Town::saved`] in plain data; the checks
//! compare everything else with that.

mod act;
mod disk;
mod office;
mod phone;
mod standing;
mod trouble;

pub use disk::Disks;
pub use office::incoming;
pub use phone::Phone;
pub use standing::{Fate, Left, confirm_all};
pub use trouble::{KeyChip, Snapshot};

use self::disk::Medium;
use crate::{
    clock::TownClock,
    dice::Dice,
    network::{Network, Weather},
};
use lanewalk_field::{SyncError, SyncReport, UploadPolicy, UploadReport};
use lanewalk_model::{
    id::{DocId, EventId, Hash},
    staff::Role,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// 2026-05-06 08:00 in China: a working day.
pub const START: i64 = 1_778_025_600_000;

/// How a town is set up. Everything else comes from the seed.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Phones of community workers.
    pub grid_workers: u64,
    /// Phones of property managers.
    pub property_staff: u64,
    /// Orders imported at the start.
    pub orders: u64,
}

/// An act that a phone returned as saved.
#[derive(Debug, Clone)]
pub struct SavedAct {
    /// Index of the phone.
    pub phone: usize,
    /// Hash of its entry.
    pub hash: Hash,
    /// What it was, for people.
    pub what: &'static str,
    /// Its phone's disk is lost: headquarters alone has it, as far as its last backup.
    pub delivered_only: bool,
    /// It was on disks that are lost, and nowhere else.
    pub gone: bool,
}

/// A photo that a phone returned as saved.
#[derive(Debug, Clone, Copy)]
pub struct SavedPhoto {
    /// Index of the phone.
    pub phone: usize,
    /// Its visit.
    pub visit: DocId,
    /// Its id.
    pub photo: EventId,
    /// The disk it was on is lost; what headquarters has of it is there.
    pub gone: bool,
}

/// The town.
pub struct Town {
    /// How it was set up.
    pub plan: Plan,
    /// True time.
    pub clock: TownClock,
    /// The wires, with headquarters at their end.
    pub network: Arc<Network>,
    /// Phones.
    pub phones: Vec<Phone>,
    /// Everything that was said to be saved.
    pub saved: Vec<SavedAct>,
    /// Every photo that was said to be saved.
    pub photos: Vec<SavedPhoto>,
    /// Grid cells.
    pub cells: Vec<String>,
    /// Dice for acts.
    pub dice: Dice,
    root: tempfile::TempDir,
    copies: u64,
    /// How often headquarters came back from a backup.
    pub restores: u64,
    hq_lives: u64,
    hq_medium: Medium,
    disks: Option<Disks>,
    /// The oldest core headquarters wants; all zero: any.
    pub min_core: [u16; 3],
    /// Records as a newer version writes them: entry, document, key, text.
    pub newer: Vec<(Hash, DocId, String, String)>,
    backup: Option<PathBuf>,
    upstream: u64,
}

impl std::fmt::Debug for Town {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Town({:?})", self.plan)
    }
}

impl Town {
    /// Builds the town: grids, staff, calendar, catalogue, orders, enrolled phones.
    pub fn new(plan: Plan) -> Self {
        Self::at(plan, START)
    }

    /// Builds the town as of a moment, UTC ms.
    pub fn at(plan: Plan, start: i64) -> Self {
        Self::populated(plan, start, None)
    }

    fn populated(plan: Plan, start: i64, disks: Option<Disks>) -> Self {
        // Memory-backed where there is one: fsync is then free, and nothing else changes.
        let shm = Path::new("/dev/shm");
        let base = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        // SQLite opens files by their names without links, and a mounted folder is found by its name.
        let root = tempfile::tempdir_in(base.canonicalize().unwrap()).unwrap();
        let mut town = Self::build(plan, start, root, disks);
        for i in 0..plan.grid_workers + plan.property_staff {
            let (worker, role) = worker(i, plan);
            town.add_phone(i, worker, role);
        }
        town
    }

    /// Builds the town in a folder of the caller's; its people have no phones yet.
    pub fn without_phones(plan: Plan, start: i64, root: tempfile::TempDir) -> Self {
        Self::build(plan, start, root, None)
    }

    fn build(plan: Plan, start: i64, root: tempfile::TempDir, disks: Option<Disks>) -> Self {
        let hq_medium = Medium::new(disks, Dice::new(plan.seed, 60));
        std::fs::create_dir_all(root.path().join("hq-0")).unwrap();
        hq_medium.mount(&root.path().join("hq-0"));
        let clock = TownClock::new(start);
        let mut hq = office::open(&root.path().join("hq-0"), &clock, plan.seed, 0, [0; 3]);
        let cells = office::furnish(&mut hq, plan);
        let network = Network::new(hq, Dice::new(plan.seed, 2));
        let mut town = Self {
            plan,
            clock,
            network,
            phones: Vec::new(),
            saved: Vec::new(),
            photos: Vec::new(),
            cells,
            dice: Dice::new(plan.seed, 3),
            root,
            copies: 0,
            restores: 0,
            hq_lives: 0,
            hq_medium,
            disks,
            min_core: [0; 3],
            newer: Vec::new(),
            backup: None,
            upstream: 0,
        };
        town.import(plan.orders);
        town
    }

    /// Remembers the newest entry of a phone as saved, for the laws.
    pub fn remember(&mut self, phone: usize, what: &'static str) -> Hash {
        let field = self.phones[phone].field();
        let hash = field.entry_hash(field.status().unwrap().last_seq).unwrap().unwrap();
        self.keep(phone, hash, what);
        hash
    }

    /// Remembers an entry that a phone returned as saved.
    pub fn keep(&mut self, phone: usize, hash: Hash, what: &'static str) {
        self.saved.push(SavedAct { phone, hash, what, delivered_only: false, gone: false });
    }

    /// Syncs one phone as far as the weather lets it; a phone that died comes back.
    pub fn sync(&mut self, phone: usize) -> Result<SyncReport, SyncError> {
        let p = &mut self.phones[phone];
        let report = p.field().sync(&p.wire);
        p.revive_if_dead();
        report
    }

    /// Sends one phone's photo files as far as the weather lets it; a phone that died comes back.
    pub fn upload(&mut self, phone: usize, policy: UploadPolicy) -> Result<UploadReport, SyncError> {
        let p = &mut self.phones[phone];
        let report = p.field().upload(&p.wire, policy);
        p.revive_if_dead();
        report
    }

    /// Faults stop; everybody syncs until nothing moves. Returns the rounds that were needed: those in
    /// which something still moved (I8). Whoever does not sync must have said why.
    pub fn settle(&mut self) -> u32 {
        self.network.set_weather(Weather::FAIR);
        for round in 0..=6 {
            let mut moved = false;
            for i in 0..self.phones.len() {
                moved |= self.settle_one(i);
            }
            if !moved {
                self.reasons();
                return round;
            }
        }
        panic!("no quiescence after 6 rounds")
    }

    /// One phone's round in fair weather; says whether anything moved.
    fn settle_one(&mut self, i: usize) -> bool {
        self.phones[i].signer.fail(None);
        match self.phones[i].fate {
            Fate::Working | Fate::Revoked => {}
            // A restored headquarters may not know the other chain, and goes on with this one.
            Fate::Forked if self.restores > 0 => {}
            _ => return false,
        }
        let before = self.phones[i].field().status().unwrap().pending;
        let mut report = self.sync(i);
        if self.restores > 0 && self.phones[i].works() {
            if matches!(&report, Err(e) if forgotten(e)) {
                if self.phones[i].is_revoked() {
                    // It heard so before the restore and takes no code; its worker has the copy.
                    self.phones[i].fate = Fate::Revoked;
                    return false;
                }
                self.give_code(i);
                report = self.sync(i);
            }
            if report == Err(SyncError::NotConfirmed) {
                // Confirmed after the backup from which headquarters was restored.
                self.confirm(i);
                report = self.sync(i);
            }
        }
        let moved = match report {
            Ok(report) => {
                assert!(self.phones[i].speaks(), "{} is answered in another version", self.phones[i].worker);
                if self.phones[i].fate == Fate::Forked {
                    self.phones[i].fate = Fate::Working;
                }
                report.pushed > 0 || report.pulled > 0 || report.left > 0
            }
            Err(e) if self.stands_still(i, &e) => {
                if self.phones[i].fate != Fate::Revoked {
                    return false;
                }
                // Its text is delivered; the photos may follow it (F29).
                self.phones[i].field().status().unwrap().pending != before
            }
            Err(_) if self.restores > 0 && !self.phones[i].works() => return false,
            Err(e) => panic!("{} cannot sync in fair weather: {e}", self.phones[i].worker),
        };
        match self.upload(i, UploadPolicy::UNMETERED) {
            Ok(report) => moved || report.files > 0 || report.yielded,
            Err(SyncError::Revoked { .. }) if !self.phones[i].works() => moved,
            Err(e) => panic!("{} cannot send photos in fair weather: {e}", self.phones[i].worker),
        }
    }

    /// Whoever does not sync is told why, and the reason is what the town did to it.
    fn reasons(&mut self) {
        for i in 0..self.phones.len() {
            if self.phones[i].works() || !self.phones[i].in_use() {
                continue;
            }
            let said = self.sync(i);
            let p = &self.phones[i];
            let reason = said.as_ref().err().and_then(|e| p.reason(e));
            // Of a device that is forked and revoked headquarters says the first while it takes deposits.
            let right = reason == Some(p.fate) || p.fate == Fate::Forked && reason == Some(Fate::Revoked);
            // A restored headquarters may not know what it had decided of it.
            assert!(right || self.restores > 0, "{} ({:?}) is told {said:?}", p.worker, p.fate);
        }
    }
}

fn worker(i: u64, plan: Plan) -> (String, Role) {
    if i < plan.grid_workers {
        (format!("gw-{:02}", i + 1), Role::GridWorker)
    } else {
        (format!("ps-{:02}", i - plan.grid_workers + 1), Role::PropertyStaff)
    }
}

/// Says whether headquarters does not know the device.
fn forgotten(why: &SyncError) -> bool {
    matches!(why, SyncError::Refused { code, .. } if code == "unknown_device")
}
