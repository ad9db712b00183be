//! A whole town: one headquarters and its phones, with acts drawn from dice.
//!
//! What a phone returned as saved is written into [`Town::saved`] in plain data; the checks
//! compare everything else with that.

mod disk;
mod trouble;

pub use disk::Disks;
pub use trouble::{Fate, KeyChip, Snapshot};

use self::disk::Medium;
use crate::{
    clock::{HqSource, PhoneSource, TownClock},
    dice::Dice,
    network::{Network, Wire},
    words,
};
use lanewalk_camera::Shot as Camera;
use lanewalk_field::{
    Answer, Config, Field, FieldError, FontFile, ListQuery, NewAppeal, NewPerson, NewPlace, NewVisit,
    PhotoSettings, Saved, Shot, StorageBudget, StoreKey, SyncError, SyncReport, UploadPolicy, UploadReport,
};
use lanewalk_headquarters::{
    Headquarters, Settings, backup::restore, enrol, gate::InProcess, import::IncomingOrder,
    intake::Acceptance, store::Place,
};
use lanewalk_model::{
    calendar::Calendar,
    grid::{Bounds, CommunityId, GridSet, lattice},
    id::{DocId, EventId, Hash},
    photo::PhotoRole,
    records::{Confirmation, Method, ProposalKind, ProposalRecord, Talk},
    schema::DocKind,
    staff::{Grant, Role},
    time::TimeMs,
    view::Value,
};
use lanewalk_protocol::keys::{Algorithm, SoftSigner};
use sha2::Digest as _;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// 2026-05-06 08:00 in China: a working day.
pub const START: i64 = 1_778_025_600_000;
/// South-west and north-east corner of the generated grids.
const WEST_E7: i32 = 1_191_000_000;
const SOUTH_E7: i32 = 366_800_000;
const CELL_E7: i32 = 100_000;
const COLUMNS: u16 = 3;

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
    /// It was on a disk that is lost, and nowhere else.
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

/// A few small photos; each town takes them again and again, so that identical files meet.
static PICTURES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    (0..6).map(|seed| Camera { seed, width: 320, height: 240, ..Camera::default() }.jpeg()).collect()
});

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
    copied: bool,
    revoked: bool,
    /// Index of the phone it has its keys from: its own, unless it is a copy.
    key_of: u64,
    key: [u8; 32],
    dying: Arc<AtomicBool>,
    lives: Arc<AtomicU64>,
    wire: Wire,
    medium: Medium,
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Phone({})", self.worker)
    }
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
    backup: Option<PathBuf>,
    upstream: u64,
}

impl std::fmt::Debug for Town {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Town({:?})", self.plan)
    }
}

/// Confirms every phone that waits, as an administrator who has compared the fingerprints.
pub fn confirm_all(hq: &mut Headquarters) {
    for waiting in enrol::waiting(hq.reader()).unwrap() {
        hq.confirm(waiting.device).unwrap();
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
        let clock = TownClock::new(start);
        let hq_medium = Medium::new(disks, Dice::new(plan.seed, 60));
        std::fs::create_dir_all(root.path().join("hq-0")).unwrap();
        hq_medium.mount(&root.path().join("hq-0"));
        let mut hq = open_hq(&root.path().join("hq-0"), &clock, plan.seed, 0);
        let cells = seed_headquarters(&mut hq, plan);
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
            backup: None,
            upstream: 0,
        };
        town.import(plan.orders);
        town
    }

    fn add_phone(&mut self, i: u64, worker: String, role: Role) {
        self.unpack(i, worker, role);
        self.give_code(self.phones.len() - 1);
    }

    /// Gives the town's `i`th worker a phone with an empty store.
    pub fn unpack_phone(&mut self, i: u64) {
        let (worker, role) = worker(i, self.plan);
        self.unpack(i, worker, role);
    }

    fn unpack(&mut self, i: u64, worker: String, role: Role) {
        std::fs::create_dir_all(self.root.path().join(format!("phone-{i}-0"))).unwrap();
        let phone = self.make_phone(i, i, worker, role);
        self.phones.push(phone);
    }

    /// Makes a phone its worker's device, at the first try.
    pub fn enrol(&self, phone: usize) {
        let phone = &self.phones[phone];
        let text = self.network.hq(|hq| hq.invite(&phone.worker).unwrap().to_text());
        phone.field().enrol(&text, &phone.wire).unwrap();
        self.network.hq(confirm_all);
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
        };
        let (fate, copied, revoked) = (Fate::Working, false, false);
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

    /// Imports new hotline orders, accepted by the clerk at once.
    pub fn import(&mut self, n: u64) {
        self.import_as(n, Acceptance::By("hc-01"));
    }

    /// Imports new hotline orders.
    pub fn import_as(&mut self, n: u64, accepted: Acceptance<'_>) {
        let now = self.clock.now();
        let orders: Vec<IncomingOrder> = (0..n)
            .map(|_| {
                self.upstream += 1;
                incoming(&mut self.dice, self.upstream, now)
            })
            .collect();
        self.network.hq(|hq| hq.take_in(&orders, accepted).unwrap());
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

    /// Kills headquarters now and brings it back from what is on its disk.
    pub fn kill_hq(&mut self) {
        let from = self.root.path().join(format!("hq-{}", self.hq_lives));
        self.hq_lives += 1;
        let to = self.root.path().join(format!("hq-{}", self.hq_lives));
        self.hq_medium.crash(&from, &to);
        self.hq_medium.mount(&to);
        let hq = open_hq(&to, &self.clock, self.plan.seed, self.hq_lives);
        self.network.replace_hq(hq);
    }

    /// Stops headquarters, lets somebody at its database file, and starts it again.
    pub fn tamper_hq(&mut self, with: impl FnOnce(&Path)) {
        let from = self.root.path().join(format!("hq-{}", self.hq_lives));
        self.hq_lives += 1;
        let to = self.root.path().join(format!("hq-{}", self.hq_lives));
        copy_dir(&from, &to);
        with(&to.join("hq.db"));
        self.hq_medium.mount(&to);
        let hq = open_hq(&to, &self.clock, self.plan.seed, self.hq_lives);
        self.network.replace_hq(hq);
    }

    /// Makes a verified backup of headquarters and remembers it.
    pub fn backup(&mut self) {
        self.backup = Some(self.backup_hq());
    }

    /// Loses headquarters' disk and restores the last remembered backup (F26). Without one, nothing.
    pub fn restore(&mut self) {
        if let Some(backup) = self.backup.clone() {
            self.restore_hq(&backup);
        }
    }

    /// Copies headquarters' database while it runs; returns the file.
    pub fn backup_hq(&self) -> PathBuf {
        let file = self.root.path().join(format!("backup-{}.db", self.clock.now()));
        self.network.hq(|hq| hq.backup_to(&file).unwrap());
        file
    }

    /// Returns where headquarters keeps photo files.
    pub fn photo_folder(&self) -> PathBuf {
        self.root.path().join(format!("hq-{}/photos", self.hq_lives))
    }

    /// Replaces headquarters by what a backup holds (F26).
    pub fn restore_hq(&mut self, backup: &Path) {
        self.restores += 1;
        self.hq_lives += 1;
        let to = self.root.path().join(format!("hq-{}", self.hq_lives));
        std::fs::create_dir_all(&to).unwrap();
        let source = HqSource::new(self.clock.clone(), Dice::new(self.plan.seed, 50_000 + self.hq_lives));
        restore(backup, &to.join("hq.db"), &source).unwrap();
        self.hq_medium.mount(&to);
        let hq = open_hq(&to, &self.clock, self.plan.seed, self.hq_lives);
        self.network.replace_hq(hq);
    }

    /// Remembers the newest entry of a phone as saved, for the laws.
    pub fn remember(&mut self, phone: usize, what: &'static str) -> Hash {
        let field = self.phones[phone].field();
        let hash = field.entry_hash(field.status().unwrap().last_seq).unwrap().unwrap();
        self.saved.push(SavedAct { phone, hash, what, gone: false });
        hash
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

    /// Lets a phone take a photo at one of its visits; sometimes the worker puts the phone away
    /// behind the camera, and what he left is taken in later.
    pub fn photograph(&mut self, phone: usize) {
        let field = self.phones[phone].field();
        for ticket in field.open_tickets().unwrap() {
            if ticket.has_file && self.dice.chance(70) {
                self.finish(phone, ticket.visit, ticket.id);
            }
        }
        let query = ListQuery { kind: Some(DocKind::Visit), limit: 40, ..ListQuery::default() };
        let list = self.phones[phone].field().list(&query).unwrap();
        if list.is_empty() {
            return;
        }
        let visit = self.dice.pick(&list).id;
        let field = self.phones[phone].field();
        match field.begin_photo(visit, PhotoRole::Before) {
            Ok(ticket) => {
                std::fs::write(&ticket.path, self.dice.pick(&PICTURES)).unwrap();
                if self.dice.chance(85) {
                    self.finish(phone, visit, ticket.id);
                }
            }
            Err(FieldError::NotAllowed { .. } | FieldError::NotFound | FieldError::LeaseOver) => {}
            Err(e) => panic!("photo on {}: {e}", self.phones[phone].worker),
        }
    }

    fn finish(&mut self, phone: usize, visit: DocId, ticket: EventId) {
        let taken_at = Some(TimeMs(self.clock.now()));
        let shot = Shot { caption: "门口".into(), taken_at, ..Shot::default() };
        match self.phones[phone].field().finish_photo(ticket, &shot) {
            Ok(photo) => {
                self.remember(phone, "photo");
                self.photos.push(SavedPhoto { phone, visit, photo, gone: false });
            }
            // The grid was given to somebody else while the camera was open.
            Err(FieldError::NotAllowed { .. } | FieldError::NotFound | FieldError::LeaseOver) => {
                self.phones[phone].field().drop_ticket(ticket).unwrap();
            }
            // The camera synced nothing, and the power went before the core took its file in.
            Err(FieldError::Photo { .. }) if self.disks.is_some_and(|disks| disks.power_cuts) => {
                self.phones[phone].field().drop_ticket(ticket).unwrap();
            }
            Err(e) => panic!("photo on {}: {e}", self.phones[phone].worker),
        }
    }

    /// Faults stop; everybody syncs until nothing moves. Returns the rounds it took.
    pub fn settle(&mut self) -> u32 {
        self.network.set_weather(crate::network::Weather::FAIR);
        for round in 1..=6 {
            let mut moved = false;
            for i in 0..self.phones.len() {
                self.phones[i].signer.fail(None);
                if !self.phones[i].works() {
                    continue;
                }
                let mut report = self.sync(i);
                if self.restores > 0 && matches!(&report, Err(e) if forgotten(e)) {
                    self.give_code(i);
                    report = self.sync(i);
                }
                let report = match report {
                    Ok(report) => report,
                    Err(e) if self.stands_still(i, &e) => continue,
                    Err(e) => panic!("{} cannot sync in fair weather: {e}", self.phones[i].worker),
                };
                moved |= report.pushed > 0 || report.pulled > 0 || report.left > 0;
                let report = self.upload(i, UploadPolicy::UNMETERED).unwrap_or_else(|e| {
                    panic!("{} cannot send photos in fair weather: {e}", self.phones[i].worker)
                });
                moved |= report.files > 0 || report.yielded;
            }
            if !moved {
                return round;
            }
        }
        panic!("no quiescence after 6 rounds")
    }

    /// Lets one phone do one act drawn from the dice; remembers it if it was saved.
    pub fn act(&mut self, phone: usize) {
        let before = self.phones[phone].field().status().unwrap().last_seq;
        let (what, done) = act(&mut self.dice, &self.phones[phone], &self.cells, self.clock.now());
        match done {
            Ok(Some(saved)) => self.saved.push(SavedAct { phone, hash: saved.hash, what, gone: false }),
            Ok(None) => {
                // The act returned a document id; its entry is the newest one.
                let field = self.phones[phone].field();
                let status = field.status().unwrap();
                if status.last_seq > before {
                    let hash = field.entry_hash(status.last_seq).unwrap().unwrap();
                    self.saved.push(SavedAct { phone, hash, what, gone: false });
                }
            }
            Err(
                FieldError::NotAllowed { .. }
                | FieldError::WouldBeRefused { .. }
                | FieldError::NotFound
                | FieldError::LeaseOver,
            ) => {}
            Err(e) => panic!("{what} on {}: {e}", self.phones[phone].worker),
        }
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

    fn open(&mut self) {
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

    fn revive_if_dead(&mut self) {
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

fn worker(i: u64, plan: Plan) -> (String, Role) {
    if i < plan.grid_workers {
        (format!("gw-{:02}", i + 1), Role::GridWorker)
    } else {
        (format!("ps-{:02}", i - plan.grid_workers + 1), Role::PropertyStaff)
    }
}

fn open_hq(directory: &Path, clock: &TownClock, seed: u64, life: u64) -> Headquarters {
    std::fs::create_dir_all(directory).unwrap();
    let source = Arc::new(HqSource::new(clock.clone(), Dice::new(seed, 10_000 + life)));
    let settings = Settings { public_url: "http://hq.test".into(), ..Settings::default() };
    Headquarters::open(&Place::File(directory.join("hq.db")), settings, source, Box::new(InProcess)).unwrap()
}

fn seed_headquarters(hq: &mut Headquarters, plan: Plan) -> Vec<String> {
    let communities: Vec<CommunityId> =
        ["370705005004", "370705005008"].iter().map(|c| c.parse().unwrap()).collect();
    let bounds = Bounds {
        west_e7: WEST_E7,
        south_e7: SOUTH_E7,
        east_e7: WEST_E7 + CELL_E7 * i32::from(COLUMNS),
        north_e7: SOUTH_E7 + CELL_E7,
    };
    let grids: GridSet = lattice(bounds, COLUMNS, 1, &communities[..1]).unwrap();
    let cells: Vec<String> = grids.cells().iter().map(|c| c.id().to_string()).collect();
    hq.publish_reference("grids", "g1", &grids.to_geojson()).unwrap();
    let calendar = serde_json::to_string(Calendar::china().unwrap()).unwrap();
    hq.publish_reference("calendar", "c1", &calendar).unwrap();
    hq.publish_reference("matter_catalog", "m1", CATALOG).unwrap();
    for (id, name, role, scope) in [
        ("hc-01", "王热线", Role::HotlineClerk, "*"),
        ("hc-02", "赵热线", Role::HotlineClerk, "*"),
        ("dl-01", "李分管", Role::DeputyLeader, "*"),
        ("pl-01", "陈书记", Role::Principal, "*"),
        ("ca-01", "孙回访", Role::CallbackAgent, "*"),
        ("cg-01", "城管甲", Role::Section, "sec-chengguan"),
        ("zj-01", "住建甲", Role::Section, "sec-zhujian"),
        ("sq-01", "社区甲", Role::Section, "sec-shequ"),
        ("en-01", "中队甲", Role::Enforcement, "sec-chengguan"),
        ("au-01", "审计甲", Role::Auditor, "*"),
    ] {
        hq.put_staff(id, name, role).unwrap();
        hq.grant(id, &Grant { grid: scope.into(), role, from: TimeMs(0), to: None }).unwrap();
    }
    for i in 0..plan.grid_workers + plan.property_staff {
        let (id, role) = worker(i, plan);
        hq.put_staff(&id, &format!("{}{id}", role.zh()), role).unwrap();
        // Everybody holds two of the three cells, so that people meet on the same order.
        for step in 0..2 {
            let cell = &cells[usize::try_from((i + step) % u64::from(COLUMNS)).unwrap()];
            let grant = Grant { grid: cell.clone(), role, from: TimeMs(0), to: None };
            hq.grant(&id, &grant).unwrap();
        }
    }
    cells
}

const CATALOG: &str = r#"{"version":"m1","units":[{"id":"sec-chengguan","name_zh":"城管科"},{"id":"sec-zhujian","name_zh":"住建科"},
    {"id":"sec-shequ","name_zh":"社区科"}],"matters":[
    {"matter_code":"010101","name_zh":"噪音","match":["noise"],"urgency":"general","lead_unit":"sec-chengguan"},
    {"matter_code":"010102","name_zh":"漏水","match":["leak"],"urgency":"urgent","lead_unit":"sec-zhujian"}]}"#;

/// Draws an order as upstream sends it.
pub fn incoming(dice: &mut Dice, n: u64, now: i64) -> IncomingOrder {
    // Inside the lattice, off its edges.
    let e7 = |base: i32, width: i32, dice: &mut Dice| {
        base + 1_000 + i32::try_from(dice.below(u64::try_from(width - 2_000).unwrap())).unwrap()
    };
    let text = words::sentence(dice);
    let payload_sha256 = sha2::Sha256::digest(format!("{n}{text}")).into();
    IncomingOrder {
        upstream_id: format!("T{n:05}"),
        channel: "12345".into(),
        matter_text: (*dice.pick(&["noise", "leak", "noise", "unknown"])).into(),
        title: text.chars().take(12).collect(),
        reported_text: format!("{text}请回电13800008000。"),
        reported_address: words::address(dice),
        reported_at_ms: now,
        upstream_due_at_ms: None,
        closed_at_ms: None,
        urgent: false,
        lat_e7: Some(e7(SOUTH_E7, CELL_E7, dice)),
        lon_e7: Some(e7(WEST_E7, CELL_E7 * i32::from(COLUMNS), dice)),
        datum: "wgs84".into(),
        requester_name: Some("张三丰".into()),
        requester_phone: Some("13800008000".into()),
        secrecy: false,
        payload_sha256,
    }
}

/// Says whether headquarters does not know the device.
fn forgotten(why: &SyncError) -> bool {
    matches!(why, SyncError::Refused { code, .. } if code == "unknown_device")
}

type Done = Result<Option<Saved>, FieldError>;

fn act(dice: &mut Dice, phone: &Phone, cells: &[String], now: i64) -> (&'static str, Done) {
    let field = phone.field();
    let of_kind = |kind: DocKind, dice: &mut Dice| -> Option<DocId> {
        let query = ListQuery { kind: Some(kind), limit: 40, ..ListQuery::default() };
        let list = match field.list(&query) {
            Err(FieldError::LeaseOver) => Vec::new(),
            list => list.unwrap(),
        };
        (!list.is_empty()).then(|| dice.pick(&list).id)
    };
    let order = of_kind(DocKind::Order, dice);
    let grid = Some(dice.pick(cells).clone());
    let choice = dice.below(19);
    match (choice, order) {
        (0..=2, Some(order)) => {
            let kind = (*dice.pick(&["prelim_call", "prelim", "site_check", "handle"])).to_owned();
            let visit = NewVisit {
                order: Some(order),
                kind,
                result: (*dice.pick(&["met", "absent", "refused", "locked"])).to_owned(),
                started: Some(TimeMs(now)),
                notes: words::sentence(dice),
                ..NewVisit::default()
            };
            ("visit", field.record_visit(visit).map(|_| None))
        }
        (3, Some(order)) => ("note", field.add_note(order, &words::sentence(dice)).map(Some)),
        (4, Some(order)) => {
            let milli = i64::try_from(dice.below(20_000)).unwrap();
            ("measure", field.measure(order, "猫", milli, "只", Method::Counted).map(Some))
        }
        (5, Some(order)) => {
            let severity = i64::try_from(dice.below(4)).unwrap();
            let done = field.set_field(order, "severity", Value::Int(severity));
            // A smaller severity than the one seen is refused at once: MAX only grows.
            (
                "severity",
                if matches!(done, Err(FieldError::Invalid { .. })) { Ok(None) } else { done.map(Some) },
            )
        }
        (6 | 7, Some(order)) => {
            let value = Value::Text(words::sentence(dice));
            ("verified_facts", field.set_field(order, "verified_facts", value).map(Some))
        }
        (8, Some(order)) if phone.role == Role::GridWorker => {
            ("reply", field.set_field(order, "reply_text", Value::Text(words::sentence(dice))).map(Some))
        }
        (9 | 10, Some(order)) => {
            let kind = *dice.pick(&[
                ProposalKind::Ack,
                ProposalKind::Return,
                ProposalKind::Handle,
                ProposalKind::Submit,
                ProposalKind::Extend,
            ]);
            let outcome = (kind == ProposalKind::Submit).then(|| "mediated".to_owned());
            let days = (kind == ProposalKind::Extend).then_some(3);
            // Forced: what the phone would have told at once is exactly what headquarters must refuse.
            (
                "proposal",
                field
                    .propose(order, kind, "邻里纠纷,非本网格职责", outcome.as_deref(), days, true)
                    .map(|_| None),
            )
        }
        (11, _) => {
            let appeal =
                NewAppeal { kind: "help".into(), text: words::sentence(dice), grid, ..NewAppeal::default() };
            ("appeal", field.new_appeal(appeal).map(|_| None))
        }
        (12..=13, _) if phone.role == Role::GridWorker && dice.chance(70) => {
            let person =
                NewPerson {
                    name: "张三".into(), phone: "13900001111".into(), grid, purpose: "走访".into()
                };
            ("person", field.new_person(person).map(|_| None))
        }
        (12..=13, _) => {
            let place = NewPlace {
                raw_address: words::address(dice),
                name: "小店".into(),
                kind: "shop".into(),
                grid,
                position: None,
            };
            ("place", field.new_place(place).map(|_| None))
        }
        (14, _) => match of_kind(DocKind::Place, dice) {
            Some(place) => {
                let value = Value::Text(words::sentence(dice));
                ("access_note", field.set_field(place, "access_note", value).map(Some))
            }
            None => ("nothing", Ok(None)),
        },
        (15, Some(order)) if phone.role == Role::GridWorker => match dice.below(3) {
            0 => ("contact", field.contact(order, dice.chance(60), "已去电").map(Some)),
            1 => ("talk", field.talk(order, Talk::Persuasion, dice.chance(50), None, "劝导").map(Some)),
            _ => ("police", field.police(order, "报字1号", TimeMs(now), "").map(Some)),
        },
        (16, Some(order)) => {
            let outcome = Some((*dice.pick(&["not_found", "explained"])).to_owned());
            let check =
                ProposalRecord { outcome, ..ProposalRecord::new(ProposalKind::Check, 0, "现场未见") };
            ("check", field.propose_record(order, check, true).map(|_| None))
        }
        (17, _) => match (of_kind(DocKind::Visit, dice), of_kind(DocKind::Person, dice)) {
            (Some(visit), Some(person)) if dice.chance(60) => ("met", field.met(visit, &[person]).map(Some)),
            (Some(visit), _) => ("confirm", field.confirm(visit, Confirmation::Refused, None).map(Some)),
            _ => ("nothing", Ok(None)),
        },
        (18, _) => match (of_kind(DocKind::Survey, dice), of_kind(DocKind::Place, dice)) {
            (Some(survey), place) => {
                let answer = (*dice.pick(&["support", "oppose", "absent"])).to_owned();
                let answer = Answer { place, answer, words: String::new(), add_as: "门店".into() };
                let done = field.answer(survey, &answer);
                ("answer", if place.is_none() { Ok(None) } else { done.map(Some) })
            }
            _ => ("nothing", Ok(None)),
        },
        _ => ("nothing", Ok(None)),
    }
}

fn copy_dir(from: &Path, to: &Path) {
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
