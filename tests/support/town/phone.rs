//! Phones: real cores on real encrypted stores, which die and come back from what is on their disk.

use super::{Fate, KeyChip, Town, disk::Medium, standing::Left, worker};
use crate::{clock::PhoneSource, dice::Dice, network::Wire};
use lanewalk_field::{Config, Field, FontFile, PhotoSettings, StorageBudget, StoreKey};
use lanewalk_model::staff::Role;
use lanewalk_protocol::keys::{Algorithm, SoftSigner};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// One phone.
pub struct Phone {
    /// Staff id.
    pub worker: String,
    /// Role.
    pub role: Role,
    /// Its core; `None` only while it is being replaced.
    pub field: Option<Field>,
    /// Its clock and randomness.
    pub source: Arc<PhoneSource>,
    /// Its directory now; a crash moves it.
    pub directory: PathBuf,
    /// What became of it.
    pub fate: Fate,
    /// Its key chip.
    pub signer: Arc<KeyChip>,
    /// Another disk holds, or held, the same chain.
    pub(super) copied: bool,
    pub(super) revoked: bool,
    /// What its worker was left with when it was wiped.
    pub left: Left,
    /// Index of the phone it has its keys from: its own, unless it is a copy.
    key_of: u64,
    key: [u8; 32],
    dying: Arc<AtomicBool>,
    lives: Arc<AtomicU64>,
    pub(super) wire: Wire,
    pub(super) medium: Medium,
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Phone({})", self.worker)
    }
}

impl Town {
    pub(super) fn add_phone(&mut self, i: u64, worker: String, role: Role) {
        self.unpack(i, worker, role);
        self.give_code(self.phones.len() - 1);
    }

    /// Gives the town's `i`th worker a phone with an empty store.
    pub fn unpack_phone(&mut self, i: u64) {
        let (worker, role) = worker(i, self.plan);
        self.unpack(i, worker, role);
    }

    pub(super) fn unpack(&mut self, i: u64, worker: String, role: Role) {
        std::fs::create_dir_all(self.root.path().join(format!("phone-{i}-0"))).unwrap();
        let phone = self.make_phone(i, i, worker, role);
        self.phones.push(phone);
    }

    /// Makes a phone its worker's device, at the first try.
    pub fn enrol(&self, phone: usize) {
        let phone = &self.phones[phone];
        let text = self.network.hq(|hq| hq.invite(&phone.worker).unwrap().to_text());
        phone.field().enrol(&text, &phone.wire).unwrap();
        let device = phone.field().identity().unwrap().device;
        self.network.hq(|hq| hq.confirm(device).unwrap());
    }

    /// Copies a phone's disk into another phone with the same key, as restoring a backup of the
    /// app does (F27). Returns the copy's index.
    pub fn clone_phone(&mut self, phone: usize) -> usize {
        let i = self.phones.len();
        let copy = self.root.path().join(format!("phone-{i}-0"));
        copy_dir(&self.phones[phone].directory, &copy);
        let (worker, role) = (self.phones[phone].worker.clone(), self.phones[phone].role);
        self.phones[phone].copied = true;
        let mut copy = self.make_phone(i as u64, self.phones[phone].key_of, worker, role);
        copy.copied = true;
        self.phones.push(copy);
        i
    }

    /// Opens phone `i` on its first directory with the key of phone `key_of`.
    fn make_phone(&self, i: u64, key_of: u64, worker: String, role: Role) -> Phone {
        let directory = self.root.path().join(format!("phone-{i}-0"));
        let source = Arc::new(PhoneSource::new(self.clock.clone(), Dice::new(self.plan.seed, 100 + i)));
        let mut secret = [0; 32];
        Dice::new(self.plan.seed, 1_000 + key_of).fill(&mut secret);
        let signer = Arc::new(KeyChip::new(SoftSigner::new(Algorithm::Es256, &secret).unwrap()));
        let dying = Arc::new(AtomicBool::new(false));
        let lives = Arc::new(AtomicU64::new(0));
        let medium = Medium::new(self.disks, Dice::new(self.plan.seed, 200 + i));
        let wire = {
            let (dying, lives, medium) = (dying.clone(), lives.clone(), medium.clone());
            let root = self.root.path().to_owned();
            Wire::new(self.network.clone(), move || {
                // What lies on the disk at this moment is what the phone has when it comes back.
                if !dying.swap(true, Ordering::Relaxed) {
                    let life = lives.load(Ordering::Relaxed);
                    medium.crash(
                        &root.join(format!("phone-{i}-{life}")),
                        &root.join(format!("phone-{i}-{}", life + 1)),
                    );
                }
            })
            .with_chip(signer.clone())
        };
        let (fate, copied, revoked, left) = (Fate::Working, false, false, Left::default());
        let mut phone = Phone {
            worker,
            role,
            field: None,
            source,
            directory,
            fate,
            signer,
            copied,
            revoked,
            left,
            key_of,
            key: secret,
            dying,
            lives,
            wire,
            medium,
        };
        phone.open();
        phone
    }

    /// Kills a phone now and brings it back from what is on its disk.
    pub fn kill(&mut self, phone: usize) {
        let p = &mut self.phones[phone];
        let life = p.lives.load(Ordering::Relaxed);
        let next = p.directory.with_file_name(
            p.directory.file_name().unwrap().to_string_lossy().rsplit_once('-').unwrap().0.to_owned()
                + &format!("-{}", life + 1),
        );
        p.medium.crash(&p.directory, &next);
        p.dying.store(true, Ordering::Relaxed);
        p.revive_if_dead();
    }
}

impl Phone {
    /// Returns the core.
    pub fn field(&self) -> &Field {
        self.field.as_ref().unwrap()
    }

    /// Returns the key of the store, as the shell keeps it for this user.
    pub fn store_key(&self) -> StoreKey {
        StoreKey::new(self.key)
    }

    pub(super) fn open(&mut self) {
        self.medium.mount(&self.directory);
        let config = Config::new(self.directory.clone(), StoreKey::new(self.key));
        let field = Field::open(config, self.source.clone(), self.signer.clone()).unwrap();
        let font =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../rust-core/media/fonts/NotoSansSC-GB2312.otf");
        // The machine's own disk is not part of the town.
        let budget = StorageBudget { keep_free: 0, ..StorageBudget::default() };
        let fonts = vec![FontFile { path: font, index: None }];
        field.set_photo_settings(PhotoSettings { fonts, budget, ..PhotoSettings::default() }).unwrap();
        self.field = Some(field);
    }

    /// Returns everything that whoever has the key reads out of a directory of this phone: every
    /// cell of every table, beside the bytes of every file as they lie there.
    pub fn plain(&self, directory: &Path) -> Vec<u8> {
        let mut out = Vec::new();
        let mut open = vec![directory.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                match entry.file_type().unwrap().is_dir() {
                    true => open.push(entry.path()),
                    false => out.extend(std::fs::read(entry.path()).unwrap()),
                }
            }
        }
        let db = rusqlite::Connection::open(directory.join("lanewalk.db")).unwrap();
        let key = lanewalk_model::id::to_hex(&self.key);
        db.execute_batch(&format!("PRAGMA key = \"x'{key}'\"")).unwrap();
        let tables: Vec<String> = db
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'")
            .unwrap()
            .query_map([], |r| r.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for table in tables {
            let mut statement = db.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for i in 0..columns {
                    if let Ok(cell) = row.get_ref(i).unwrap().as_bytes() {
                        out.extend(cell);
                        out.push(0);
                    }
                }
            }
        }
        out
    }

    pub(super) fn revive_if_dead(&mut self) {
        if !self.dying.swap(false, Ordering::Relaxed) {
            return;
        }
        // The old core's own files are not looked at again: the copy was made at the kill.
        self.field = None;
        let life = self.lives.fetch_add(1, Ordering::Relaxed) + 1;
        let name =
            self.directory.file_name().unwrap().to_string_lossy().rsplit_once('-').unwrap().0.to_owned();
        let next = self.directory.with_file_name(format!("{name}-{life}"));
        let old = std::mem::replace(&mut self.directory, next);
        std::fs::remove_dir_all(old).unwrap();
        self.source.reboot();
        self.open();
    }
}

pub(super) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_dir() {
            copy_dir(&file.path(), &to.join(file.file_name()));
        }
        // The -shm file is rebuilt from the WAL, as after a power cut.
        if file.file_type().unwrap().is_file() && !file.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}
