//! Stores on the fault disk: a kill may be a power cut, and a disk may fail for a while.
//!
//! Invariant: what comes back after a power cut is what POSIX promises and a draw of the rest
//! ([`lanewalk_fault_disk::Platter`]), so the model's promise stays as it is: what was called saved is
//! there. A store that is opened, restored or copied begins with everything on the medium.

use super::{Town, phone::copy_dir};
use crate::{dice::Dice, words};
use lanewalk_fault_disk::{Disk, Failure, Fault, Op, Platter};
use lanewalk_field::{FieldError, ListQuery, NewVisit, SyncError, UploadPolicy};
use lanewalk_model::schema::DocKind;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

/// What the disks of a town do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disks {
    /// A kill leaves what a power cut may leave; otherwise everything that was written.
    pub power_cuts: bool,
}

/// The medium of one store at a time; shared with whatever kills it.
#[derive(Debug, Clone)]
pub(super) struct Medium(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    disks: Option<Disks>,
    dice: Dice,
    now: Option<Mounted>,
    cuts: u64,
}

#[derive(Debug)]
struct Mounted {
    disk: Disk,
    platter: Platter,
    root: PathBuf,
}

impl Medium {
    /// Makes the medium of a store; without `disks` it is the machine's own.
    pub(super) fn new(disks: Option<Disks>, dice: Dice) -> Self {
        Self(Arc::new(Mutex::new(State { disks, dice, now: None, cuts: 0 })))
    }

    /// Says that the store lies in this folder from now on, all of it on the medium.
    pub(super) fn mount(&self, root: &Path) {
        let mut state = self.0.lock().unwrap();
        state.now = None;
        if state.disks.is_none() {
            return;
        }
        let mut platter = Platter::default();
        for (n, (name, bytes)) in files(root).into_iter().enumerate() {
            // The disk numbers files from one, as it meets them.
            platter.apply(&Op::Found(name, (1 << 32) + n as u64, bytes));
        }
        state.now = Some(Mounted { disk: Disk::mount(root), platter, root: root.to_owned() });
    }

    /// Writes what a kill at this moment leaves of the folder `from` into the folder `to`.
    pub(super) fn crash(&self, from: &Path, to: &Path) {
        let mut state = self.0.lock().unwrap();
        let State { disks, dice, now, cuts } = &mut *state;
        if let Some(mounted) = now {
            // What the program met ends with it; looking at the medium meets nothing.
            mounted.disk.disarm();
        }
        let (Some(Disks { power_cuts: true }), Some(mounted)) = (disks, now) else {
            return copy_dir(from, to);
        };
        assert_eq!(mounted.root, from, "another store is on the medium");
        mounted.disk.take_journal().iter().for_each(|op| mounted.platter.apply(op));
        let image = match dice.chance(30) {
            true => mounted.platter.killed(),
            false => {
                *cuts += 1;
                mounted.platter.power_cut(dice.below(u64::MAX), *cuts, dice.below(4))
            }
        };
        std::fs::create_dir_all(to).unwrap();
        for (name, bytes) in image {
            let file = to.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
    }

    fn cuts(&self) -> u64 {
        self.0.lock().unwrap().cuts
    }

    fn arm(&self, fault: Fault) {
        if let Some(mounted) = &self.0.lock().unwrap().now {
            mounted.disk.arm(fault);
        }
    }

    /// Ends the fault, if the same disk is still there; returns how many calls failed.
    fn disarm(&self) -> u64 {
        self.0.lock().unwrap().now.as_ref().map_or(0, |mounted| mounted.disk.disarm())
    }
}

/// Every file below a folder, by its name in it; `-shm` is rebuilt from the WAL.
fn files(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut found, mut open) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                open.push(path);
            } else if !path.to_string_lossy().ends_with("-shm") {
                found.push((path.strip_prefix(root).unwrap().to_owned(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// What an act on a failing disk ended with, as far as a person may be told it.
fn told(e: &FieldError) -> bool {
    match e {
        FieldError::StorageFull | FieldError::Internal { .. } => true,
        FieldError::Photo { code, .. } => *code == "io",
        _ => false,
    }
}

impl Town {
    /// Builds the town with all its stores on the fault disk.
    pub fn on_disks(plan: super::Plan, disks: Disks) -> Self {
        Self::populated(plan, super::START, Some(disks))
    }

    /// Returns how many kills were power cuts.
    pub fn power_cuts(&self) -> u64 {
        self.hq_medium.cuts() + self.phones.iter().map(|p| p.medium.cuts()).sum::<u64>()
    }

    /// Lets a phone work while its disk is full or fails: what it says is saved is, what it says is not
    /// is not at all (F5). Returns how many calls failed.
    pub fn work_on_failing_disk(&mut self, phone: usize, failure: Failure) -> u64 {
        let fault = self.draw_fault(failure);
        let choice = self.dice.below(4);
        let query = ListQuery { kind: Some(DocKind::Order), limit: 40, ..ListQuery::default() };
        let p = &self.phones[phone];
        let order = p.field().list(&query).ok().filter(|l| !l.is_empty()).map(|l| self.dice.pick(&l).id);
        let before = p.field().status().unwrap().last_seq;
        let text = words::sentence(&mut self.dice);
        p.medium.arm(fault);
        let (what, done) = match (choice, order) {
            (0, Some(order)) => ("note", p.field().add_note(order, &text).map(drop)),
            (1, _) => {
                let visit = NewVisit { order, kind: "site_check".into(), notes: text, ..NewVisit::default() };
                ("visit", p.field().record_visit(visit).map(drop))
            }
            (2, _) => ("send photos", self.upload(phone, UploadPolicy::UNMETERED).map(drop).or_else(passing)),
            _ => ("sync", self.sync(phone).map(drop).or_else(passing)),
        };
        let p = &self.phones[phone];
        let failed = p.medium.disarm();
        let worker = &p.worker;
        let after = p.field().status().unwrap_or_else(|e| panic!("{worker} after {fault:?}: {e}"));
        match done {
            Ok(()) if after.last_seq > before => {
                let hash = p.field().entry_hash(after.last_seq).unwrap().unwrap();
                self.keep(phone, hash, what);
            }
            Ok(()) => {}
            Err(FieldError::NotAllowed { .. } | FieldError::NotFound | FieldError::LeaseOver) => {}
            // Of a visit to no order, by somebody with two grids or none.
            Err(FieldError::Invalid { field, .. }) if field == "grid" => {}
            Err(e) => {
                assert!(failed > 0 && told(&e), "{what} on {worker} with {fault:?}: {e}");
                assert_eq!(after.last_seq, before, "{what} on {worker} with {fault:?}: half saved");
            }
        }
        failed
    }

    /// Lets a phone sync while headquarters' disk is full or fails (F25). Returns how many calls failed.
    pub fn sync_with_failing_headquarters(&mut self, phone: usize, failure: Failure) -> u64 {
        let fault = self.draw_fault(failure);
        self.hq_medium.arm(fault);
        let _ = self.sync(phone);
        let _ = self.upload(phone, UploadPolicy::UNMETERED);
        self.hq_medium.disarm()
    }

    fn draw_fault(&mut self, failure: Failure) -> Fault {
        Fault { failure, at: 1 + self.dice.below(24), for_ever: self.dice.chance(50) }
    }
}

/// A sync may end as the weather wants; only what the store says is looked at.
fn passing(e: SyncError) -> Result<(), FieldError> {
    match e {
        SyncError::Field(e) => Err(e),
        _ => Ok(()),
    }
}
