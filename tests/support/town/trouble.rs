//! What happens to phones beyond bad weather: key chips that fail, copies, restored backups,
//! revocation, a second phone for the same worker.
//!
//! Invariant: the plain-data model is told what each of these takes away, so that everything else
//! must still be there.

use super::{Fate, Phone, SavedPhoto, Town, phone::copy_dir};
use crate::dice::Dice;
use lanewalk_field::{Config, Field, FieldError, StoreKey, SyncError};
use lanewalk_model::id::DeviceId;
use lanewalk_protocol::keys::{Algorithm, DeviceSigner, PublicKey, Signature, SignerError, SoftSigner};
use std::{path::PathBuf, sync::Mutex};

/// A phone's key chip, which can fail, and hold another key.
#[derive(Debug)]
pub struct KeyChip {
    key: SoftSigner,
    fails: Mutex<Option<SignerError>>,
    other: Mutex<Option<SoftSigner>>,
}

impl KeyChip {
    /// Makes a chip that works.
    pub fn new(key: SoftSigner) -> Self {
        Self { key, fails: Mutex::default(), other: Mutex::default() }
    }

    /// Makes every call from now on fail, or none.
    pub fn fail(&self, with: Option<SignerError>) {
        *self.fails.lock().unwrap() = with;
    }

    /// Puts another key into its place, or the right one.
    pub fn replace(&self, by: Option<SoftSigner>) {
        *self.other.lock().unwrap() = by;
    }

    fn with<T>(&self, run: impl FnOnce(&SoftSigner) -> Result<T, SignerError>) -> Result<T, SignerError> {
        match *self.fails.lock().unwrap() {
            Some(fails) => Err(fails),
            None => run(self.other.lock().unwrap().as_ref().unwrap_or(&self.key)),
        }
    }
}

impl DeviceSigner for KeyChip {
    fn public_key(&self) -> Result<PublicKey, SignerError> {
        self.with(|key| Ok(key.public_key()))
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        self.with(|key| key.sign(message))
    }
}

/// A copy of a phone's disk, with how much the model knew at that moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Whose it is.
    pub phone: usize,
    directory: PathBuf,
    saved: usize,
    photos: usize,
}

impl Town {
    /// Gives a worker another phone, enrolled as the one before was; both may be in use (F20).
    pub fn another_phone(&mut self, of: usize) -> usize {
        let (worker, role) = (self.phones[of].worker.clone(), self.phones[of].role);
        let i = self.phones.len();
        self.add_phone(i as u64, worker, role);
        i
    }

    /// Gives a phone a code, with which it enrols, and confirms it: a new one, or one that a restored
    /// headquarters does not know (F26).
    pub fn give_code(&mut self, phone: usize) {
        self.invite(phone);
        self.confirm(phone);
    }

    /// Gives a phone a code, with which it enrols.
    pub(super) fn invite(&mut self, phone: usize) {
        let text = self.network.hq(|hq| hq.invite(&self.phones[phone].worker).unwrap().to_text());
        self.phones[phone].enrol(&text);
    }

    /// Gives a code to a phone whose chain cannot go on: it becomes another device and writes again what
    /// headquarters lacks (F27). The model follows. Returns how many entries that were.
    pub fn begin_again(&mut self, phone: usize) -> u64 {
        let was = self.device(phone);
        self.give_code(phone);
        let former = self.phones[phone].field().former().unwrap();
        for act in self.saved.iter_mut().filter(|act| act.phone == phone) {
            let again = former.iter().find(|f| f.device == was && f.hash == act.hash);
            act.hash = again.and_then(|f| f.again).unwrap_or(act.hash);
        }
        let p = &mut self.phones[phone];
        (p.fate, p.copied, p.revoked) = (Fate::Working, false, false);
        former.iter().filter(|f| f.device == was && f.again.is_some()).count() as u64
    }

    /// Lets a phone that may be a copy ask, and says whether it was told that it is one.
    pub fn is_told_apart(&mut self, phone: usize) -> bool {
        if !self.phones[phone].works() && self.phones[phone].fate != Fate::Forked {
            return false;
        }
        if let Err(why) = self.sync(phone) {
            self.stands_still(phone, &why);
        }
        let p = &self.phones[phone];
        let told = || p.field().status().unwrap().problems.iter().any(|(code, _)| code == "fork");
        (p.works() || p.fate == Fate::Forked) && p.speaks() && told()
    }

    /// Moves a phone's store to another phone, with a chip and key of its own (F9, F27).
    pub fn another_chip(&mut self, phone: usize) {
        let mut secret = [0; 32];
        Dice::new(self.plan.seed, 2_000 + phone as u64).fill(&mut secret);
        let p = &mut self.phones[phone];
        p.signer.replace(Some(SoftSigner::new(Algorithm::Es256, &secret).unwrap()));
        p.field = None;
        p.open();
    }

    /// Revokes a phone's device (F29).
    pub fn revoke(&mut self, phone: usize) {
        let device = self.device(phone);
        let same =
            |p: &Phone| p.field.as_ref().and_then(|f| f.identity()).is_some_and(|i| i.device == device);
        for p in self.phones.iter_mut().filter(|p| same(p)) {
            p.revoked = true;
            if p.fate == Fate::Waiting {
                p.fate = Fate::Revoked;
            }
        }
        self.network.hq(|hq| hq.revoke(device).unwrap());
    }

    /// Returns a phone's device.
    pub fn device(&self, phone: usize) -> DeviceId {
        self.phones[phone].field().identity().unwrap().device
    }

    /// Copies a phone's disk as it is now.
    pub fn snapshot(&mut self, phone: usize) -> Snapshot {
        self.copies += 1;
        let directory = self.root.path().join(format!("copy-{}", self.copies));
        copy_dir(&self.phones[phone].directory, &directory);
        Snapshot { phone, directory, saved: self.saved.len(), photos: self.photos.len() }
    }

    /// Puts an older copy of its disk onto a phone, as restoring a backup of the whole phone does
    /// (F27). What neither the copy nor headquarters knows is gone with the disk. Returns false when
    /// there is no such phone any more.
    pub fn restore_phone(&mut self, snapshot: &Snapshot) -> bool {
        if !self.phones[snapshot.phone].in_use() {
            return false;
        }
        self.forget(snapshot.phone, snapshot.saved, snapshot.photos);
        let p = &mut self.phones[snapshot.phone];
        p.replace_disk(&snapshot.directory);
        if p.fate == Fate::Forked {
            // What forked the chain may be gone with the disk: it asks again.
            p.fate = Fate::Working;
        }
        true
    }

    /// Loses a phone with all that was not sent (F28).
    pub fn lose(&mut self, phone: usize) {
        self.forget(phone, 0, 0);
        self.put_away(phone);
    }

    /// Puts a phone into a drawer, its work still on it.
    pub fn put_away(&mut self, phone: usize) {
        self.phones[phone].fate = Fate::PutAway;
    }

    /// Finds a phone again that lay in a drawer, its work still on it.
    pub fn find(&mut self, phone: usize) {
        self.phones[phone].fate = Fate::Working;
    }

    /// Tells the model what is gone with a disk: acts and photos from these on.
    fn forget(&mut self, phone: usize, saved: usize, photos: usize) {
        for at in saved..self.saved.len() {
            if self.saved[at].phone == phone {
                let delivered = self.in_log(self.saved[at].hash);
                self.saved[at].delivered_only |= delivered;
                self.saved[at].gone |= !delivered;
            }
        }
        self.forget_photos(phone, photos);
    }

    /// Tells the model that a phone's photos from this on are gone with a disk.
    pub(super) fn forget_photos(&mut self, phone: usize, from: usize) {
        for photo in self.photos.iter_mut().skip(from).filter(|p| p.phone == phone) {
            *photo = SavedPhoto { gone: true, ..*photo };
        }
    }

    /// Tells the model what went with headquarters' disk: what neither its backup nor a phone has.
    pub(super) fn forget_undelivered(&mut self) {
        for at in 0..self.saved.len() {
            let act = &self.saved[at];
            let gone = act.delivered_only && !self.in_log(act.hash);
            self.saved[at].gone |= gone;
        }
    }

    fn in_log(&self, hash: lanewalk_model::id::Hash) -> bool {
        self.network.hq(|hq| {
            let mut s = hq.reader().prepare_cached("SELECT 1 FROM log WHERE hash = ?1").unwrap();
            s.exists([hash.0]).unwrap()
        })
    }

    /// Ends a phone's app in order and starts it again.
    pub fn restart(&mut self, phone: usize) {
        let p = &mut self.phones[phone];
        p.field().close().unwrap();
        p.field = None;
        p.open();
    }

    /// Starts a phone with a key that is not its store's: it says so and touches nothing (F9). Then
    /// with the right one.
    pub fn wrong_key(&mut self, phone: usize) {
        let p = &mut self.phones[phone];
        p.field().close().unwrap();
        p.field = None;
        let config = Config::new(p.directory.clone(), StoreKey::new([0x5a; 32]));
        match Field::open(config, p.source.clone(), p.signer.clone()) {
            Err(FieldError::WrongKey) => p.open(),
            other => panic!("opened with another key: {other:?}"),
        }
    }
}

impl Phone {
    /// Enrols, as often as the weather wants.
    pub(super) fn enrol(&mut self, invitation: &str) {
        for _ in 0..100 {
            let said = self.field().enrol(invitation, &self.wire);
            self.revive_if_dead();
            match said {
                Ok(_) => return,
                Err(SyncError::NoNetwork { .. }) => {}
                Err(e) => panic!("{} cannot enrol: {e}", self.worker),
            }
        }
        panic!("{} cannot enrol in this weather", self.worker);
    }

    fn replace_disk(&mut self, from: &std::path::Path) {
        self.field = None;
        std::fs::remove_dir_all(&self.directory).unwrap();
        copy_dir(from, &self.directory);
        self.copied = true;
        self.source.reboot();
        self.open();
    }
}
