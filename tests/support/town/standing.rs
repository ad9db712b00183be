//! Where phones stand with headquarters: waiting for confirmation, turned away, revoked, wiped, of
//! another version.
//!
//! Invariant: a phone that does not sync names its reason, and the reason is the one that the town
//! gave it.

use super::{Phone, Town};
use crate::skew::Skew;
use lanewalk_field::{Farewell, FieldError, ListQuery, Standing, SyncError};
use lanewalk_headquarters::Headquarters;
use lanewalk_model::{document::Edit, schema::DocKind};

/// What became of a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It works.
    Working,
    /// Enrolled; nobody has compared its fingerprint yet (F42).
    Waiting,
    /// Another phone goes on with its chain: headquarters answers 409 `fork`.
    Forked,
    /// Headquarters revoked it, or turned it away while it waited.
    Revoked,
    /// Headquarters speaks another version (F23).
    Outdated,
    /// Somebody put it into a drawer.
    PutAway,
    /// Its store is gone, as headquarters and the core agreed.
    Wiped,
}

/// What the worker of a wiped phone was left with.
#[derive(Debug, Clone, Default)]
pub struct Left {
    /// The copy of what headquarters did not take, as the core gave it out.
    pub copy: String,
    /// Headquarters had taken everything.
    pub delivered: bool,
    /// And had it in a verified backup: the time to deliver was not over.
    pub guarded: bool,
}

/// Confirms every phone that waits, as an administrator who has compared the fingerprints.
pub fn confirm_all(hq: &mut Headquarters) {
    for waiting in lanewalk_headquarters::enrol::waiting(hq.reader()).unwrap() {
        hq.confirm(waiting.device).unwrap();
    }
}

impl Town {
    /// Gives a worker another phone; nobody has confirmed it yet.
    pub fn waiting_phone(&mut self, of: usize) -> usize {
        let (worker, role) = (self.phones[of].worker.clone(), self.phones[of].role);
        let i = self.phones.len();
        self.unpack(i as u64, worker, role);
        self.invite(i);
        self.phones[i].fate = Fate::Waiting;
        let said = self.phones[i].field().standing().unwrap();
        assert!(matches!(&said, Standing::Waiting { fingerprint } if fingerprint.len() == 19), "{said:?}");
        i
    }

    /// Confirms a phone's device, as an administrator who has compared its fingerprint.
    pub fn confirm(&mut self, phone: usize) {
        let device = self.device(phone);
        self.network.hq(|hq| hq.confirm(device).unwrap());
        if self.phones[phone].fate == Fate::Waiting {
            self.phones[phone].fate = Fate::Working;
        }
    }

    /// Says whether headquarters has a phone's device and waits for its fingerprint.
    pub fn waits(&self, phone: usize) -> bool {
        let device = self.device(phone);
        self.network.hq(|hq| {
            lanewalk_headquarters::enrol::waiting(hq.reader()).unwrap().iter().any(|w| w.device == device)
        })
    }

    /// Puts another version onto a phone.
    pub fn update(&mut self, phone: usize, version: Skew) {
        let p = &mut self.phones[phone];
        p.wire.speak(version);
        if p.fate == Fate::Outdated && version.speaks() {
            p.fate = Fate::Working;
        }
    }

    /// Lets headquarters, which restarts for it, want a newer core than there is, or be content again:
    /// phones are told and go on.
    pub fn floor(&mut self, high: bool) {
        let floor = if high { [99, 0, 0] } else { [0; 3] };
        if floor != self.min_core {
            self.min_core = floor;
            self.kill_hq();
        }
    }

    /// Lets a phone write a record as a newer version would, with members nobody here knows. Returns
    /// false when it could not.
    pub fn newer_record(&mut self, phone: usize) -> bool {
        let field = self.phones[phone].field();
        let query = ListQuery { kind: Some(DocKind::Order), limit: 40, ..ListQuery::default() };
        let Ok(orders) = field.list(&query) else { return false };
        if orders.is_empty() {
            return false;
        }
        let order = self.dice.pick(&orders).id;
        let key = format!("note/{:032x}", u128::from(self.dice.below(u64::MAX)));
        let text = format!(r#"{{"future":{{"tags":["新",{}]}},"text":"看过","at":0}}"#, self.dice.below(9));
        match field.write(order, vec![Edit::set(&key, text.as_str())], 0) {
            Ok(saved) => {
                self.keep(phone, saved.hash, "newer record");
                self.newer.push((saved.hash, order, key, text));
                true
            }
            Err(FieldError::NotAllowed { .. } | FieldError::NotFound | FieldError::LeaseOver) => false,
            Err(e) => panic!("newer record on {}: {e}", self.phones[phone].worker),
        }
    }

    /// Does with a revoked phone what its core says, as a shell does. Returns whether it was wiped.
    pub fn say_farewell(&mut self, phone: usize) -> bool {
        let p = &self.phones[phone];
        let Standing::Revoked { mut next, entries, files, deposit_until } = p.field().standing().unwrap()
        else {
            return false;
        };
        let delivered = entries + files == 0;
        let guarded = delivered && deposit_until.is_some_and(|until| self.clock.now() <= until);
        // The copy is there whatever the core wants: what it wants it for is checked.
        let left = Left { copy: p.field().export_unsent().unwrap(), delivered, guarded };
        if next == Farewell::Export {
            let Standing::Revoked { next: after, .. } = p.field().standing().unwrap() else {
                panic!("a copy was given, and {} is no longer revoked", p.worker)
            };
            next = after;
        }
        match next {
            Farewell::Wipe => self.wipe(phone, left),
            Farewell::Deliver => {
                assert_eq!(
                    p.field().wipe().unwrap_err().code(),
                    "invalid",
                    "{} was wiped too early",
                    p.worker
                );
                false
            }
            Farewell::Export => panic!("{} gave its copy and wants to give it again", p.worker),
        }
    }

    /// The shell destroys the key and the core its files; the photos that headquarters lacks go along.
    fn wipe(&mut self, phone: usize, left: Left) -> bool {
        if !left.delivered {
            self.forget_photos(phone, 0);
        }
        let p = &mut self.phones[phone];
        p.field().wipe().unwrap();
        p.field = None;
        let rest: Vec<_> = std::fs::read_dir(&p.directory).unwrap().map(|e| e.unwrap().path()).collect();
        assert!(rest.is_empty(), "{} left {rest:?} behind", p.worker);
        (p.fate, p.left) = (Fate::Wiped, left);
        true
    }

    /// Notes why a phone cannot sync any more, if it is a reason that may be; says whether it is.
    pub(super) fn stands_still(&mut self, phone: usize, why: &SyncError) -> bool {
        let p = &mut self.phones[phone];
        let fate = p.reason(why);
        p.fate = fate.unwrap_or(p.fate);
        fate.is_some()
    }
}

impl Phone {
    /// Says whether it syncs.
    pub fn works(&self) -> bool {
        self.fate == Fate::Working
    }

    /// Says whether headquarters speaks its version.
    pub fn speaks(&self) -> bool {
        self.wire.version().speaks()
    }

    /// Says whether somebody may hold it in his hand.
    pub fn in_use(&self) -> bool {
        !matches!(self.fate, Fate::PutAway | Fate::Wiped)
    }

    /// Says whether it knows that it is revoked.
    pub fn is_revoked(&self) -> bool {
        matches!(self.field().standing().unwrap(), Standing::Revoked { .. })
    }

    /// The fate that a refusal names, if the town gave this phone that fate.
    pub(super) fn reason(&self, why: &SyncError) -> Option<Fate> {
        match why {
            SyncError::Fork { .. } if self.copied => Some(Fate::Forked),
            SyncError::Revoked { .. } if self.revoked => Some(Fate::Revoked),
            SyncError::NotConfirmed if self.fate == Fate::Waiting => Some(Fate::Waiting),
            SyncError::VersionTooOld if self.wire.version() == Skew::TooOld => Some(Fate::Outdated),
            SyncError::Refused { code, .. }
                if code == "version_too_new" && self.wire.version() == Skew::TooNew =>
            {
                Some(Fate::Outdated)
            }
            _ => None,
        }
    }
}
