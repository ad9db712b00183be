//! A day of work recorded on the fault disk: every use case of a phone and of headquarters once.

use crate::folder;
use lanewalk_camera::Shot as Camera;
use lanewalk_fault_disk::{Disk, Op};
use lanewalk_field::{
    ListQuery, NewAppeal, NewCare, NewPerson, NewPlace, NewVisit, Shot, StoreKey, UploadPolicy,
};
use lanewalk_headquarters::{Headquarters, Settings, gate::InProcess, intake::Acceptance, store::Place};
use lanewalk_model::{
    id::{DocId, EventId, Hash},
    order::{Act, Destination},
    photo::{PhotoPart, PhotoRole},
    records::{Method, ProposalKind},
    schema::DocKind,
    staff::{Grant, Role},
    time::TimeMs,
    view::Value,
};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use support::{
    clock::HqSource,
    dice::Dice,
    town::{Plan, START, Town},
};

/// What the phone promised when a use case was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Saved, in so many transactions.
    Saved(usize),
    /// Saved; how many transactions depends on what came.
    Kept,
    /// Pulled pages: a power cut may take them, a kill may not.
    Pulled,
    /// Nothing: the phone had no part in it.
    Nothing,
}

/// One use case.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    pub(crate) promise: Promise,
    /// It ends in a state that was there before.
    pub(crate) undoes: bool,
    /// Entries of the phone that headquarters holds after it, by the phone's receipts.
    pub(crate) receipts: Vec<Hash>,
    /// Photos saved on the phone after it, with whether their originals lie there.
    pub(crate) photos: Vec<EventId>,
    pub(crate) freed: bool,
}

/// The recorded day.
pub(crate) struct Day {
    pub(crate) seed: u64,
    /// Everything that was written; `Mark("begin n")` and `Mark("end n")` frame use case `n`.
    pub(crate) journal: Vec<Op>,
    pub(crate) stages: Vec<Stage>,
    /// An order the phone holds all day.
    pub(crate) order: DocId,
    pub(crate) key: StoreKey,
    pub(crate) key_bytes: [u8; 32],
}

struct Recorder {
    town: Town,
    disk: Disk,
    stages: Vec<Stage>,
    photos: Vec<EventId>,
    receipts: Vec<Hash>,
    freed: bool,
}

const ME: usize = 0;

impl Recorder {
    fn stage(&mut self, name: &'static str, promise: Promise, run: impl FnOnce(&mut Self)) {
        let n = self.stages.len();
        self.disk.mark(format!("begin {n}"));
        run(self);
        self.disk.mark(format!("end {n}"));
        self.town.clock.advance(60_000);
        self.stages.push(Stage {
            name,
            promise,
            undoes: name.starts_with("drop"),
            receipts: self.receipts.clone(),
            photos: self.photos.clone(),
            freed: self.freed,
        });
    }

    /// A use case of the phone alone.
    fn act(&mut self, name: &'static str, transactions: usize, run: impl FnOnce(&Town)) {
        self.stage(name, Promise::Saved(transactions), |r| run(&r.town));
    }

    fn sync(&mut self, name: &'static str) {
        self.stage(name, Promise::Pulled, |r| {
            r.town.sync(ME).unwrap();
            // Fair weather: whatever was written has a receipt now.
            let field = r.town.phones[ME].field();
            assert_eq!(field.status().unwrap().pending, 0);
            let all = 1..=field.status().unwrap().last_seq;
            r.receipts.extend(all.filter_map(|seq| field.entry_hash(seq).unwrap()));
            r.receipts.sort_unstable();
            r.receipts.dedup();
        });
    }

    /// A use case of headquarters.
    fn desk(&mut self, name: &'static str, run: impl FnOnce(&mut Headquarters, &[String])) {
        self.stage(name, Promise::Nothing, |r| {
            let cells = r.town.cells.clone();
            r.town.network.hq(|hq| run(hq, &cells));
        });
    }

    fn list(&self, kind: DocKind) -> Vec<DocId> {
        let query = ListQuery { kind: Some(kind), limit: 100, ..ListQuery::default() };
        self.town.phones[ME].field().list(&query).unwrap().into_iter().map(|i| i.id).collect()
    }
}

/// A small photo of its own per seed.
pub(crate) fn picture(seed: u64) -> Vec<u8> {
    Camera { seed, width: 320, height: 240, ..Camera::default() }.jpeg()
}

/// Records the day. Takes some seconds.
pub(crate) fn record(seed: u64) -> Day {
    let root = folder();
    let disk = Disk::mount(root.path());
    let at = root.path().to_owned();
    let town =
        Town::without_phones(Plan { seed, grid_workers: 2, property_staff: 0, orders: 3 }, START, root);
    // The folders themselves are there, as an installer leaves them.
    for folder in ["hq-new", "phone-0-0"] {
        std::fs::create_dir(at.join(folder)).unwrap();
    }
    disk.flush();
    let mut day = Recorder { town, disk, stages: vec![], photos: vec![], receipts: vec![], freed: false };

    day.stage("open a new headquarters", Promise::Nothing, |r| {
        let new = at.join("hq-new");
        let source = Arc::new(HqSource::new(r.town.clock.clone(), Dice::new(seed, 77)));
        let settings = Settings { public_url: "http://hq.test".into(), ..Settings::default() };
        let hq = Headquarters::open(&Place::File(new.join("hq.db")), settings, source, Box::new(InProcess));
        drop(hq.unwrap());
    });
    day.desk("staff and grant", |hq, cells| {
        hq.put_staff("gw-09", "钱网格", Role::GridWorker).unwrap();
        let grant = Grant { grid: cells[0].clone(), role: Role::GridWorker, from: TimeMs(0), to: None };
        hq.grant("gw-09", &grant).unwrap();
    });
    day.stage("open a new store", Promise::Kept, |r| r.town.unpack_phone(0));
    day.stage("enrol", Promise::Saved(2), |r| r.town.enrol(ME));
    day.sync("first sync");
    let order = day.list(DocKind::Order)[0];
    let now = day.town.clock.now();

    day.act("note", 1, |t| {
        t.phones[ME].field().add_note(order, "门口有积水,已拍照").unwrap();
    });
    day.act("visit", 1, |t| {
        let visit = NewVisit {
            order: Some(order),
            kind: "site_check".into(),
            notes: "楼道堆物".into(),
            started: Some(TimeMs(now)),
            ..NewVisit::default()
        };
        t.phones[ME].field().record_visit(visit).unwrap();
    });
    let visit = day.list(DocKind::Visit)[0];
    day.act("finish visit", 1, |t| {
        t.phones[ME].field().finish_visit(visit, "met", None, "已劝离").unwrap();
    });
    day.act("measure", 1, |t| {
        t.phones[ME].field().measure(order, "积水", 12_000, "cm", Method::Counted).unwrap();
    });
    day.act("set a field", 1, |t| {
        let value = Value::Text("属实".into());
        t.phones[ME].field().set_field(order, "verified_facts", value).unwrap();
    });
    let grid = Some(day.town.cells[0].clone());
    day.act("appeal", 1, |t| {
        let appeal = NewAppeal {
            kind: "help".into(),
            text: "路灯不亮".into(),
            grid: grid.clone(),
            ..NewAppeal::default()
        };
        t.phones[ME].field().new_appeal(appeal).unwrap();
    });
    day.act("place", 1, |t| {
        let place =
            NewPlace {
                name: "小店".into(), kind: "shop".into(), grid: grid.clone(), ..NewPlace::default()
            };
        t.phones[ME].field().new_place(place).unwrap();
    });
    day.act("person and care", 2, |t| {
        let person = NewPerson {
            name: "张三".into(),
            phone: String::new(),
            grid: grid.clone(),
            purpose: "走访".into(),
        };
        let person = t.phones[ME].field().new_person(person).unwrap();
        let care = NewCare {
            person,
            kind: "elderly_alone".into(),
            basis: "社区名册".into(),
            valid_to: None,
            grid: grid.clone(),
        };
        t.phones[ME].field().new_care(care).unwrap();
    });
    day.act("contact", 1, |t| {
        t.phones[ME].field().contact(order, true, "已去电").unwrap();
    });
    day.act("proposal", 1, |t| {
        t.phones[ME].field().propose(order, ProposalKind::Ack, "接单", None, None, true).unwrap();
    });
    day.stage("photo ticket", Promise::Saved(1), |r| {
        r.town.phones[ME].field().begin_photo(visit, PhotoRole::Before).unwrap();
    });
    let ticket = day.town.phones[ME].field().open_tickets().unwrap()[0].clone();
    std::fs::write(&ticket.path, picture(1)).unwrap();
    day.stage("photo", Promise::Saved(1), |r| {
        let shot = Shot { caption: "门口".into(), taken_at: Some(TimeMs(now)), ..Shot::default() };
        r.photos.push(r.town.phones[ME].field().finish_photo(ticket.id, &shot).unwrap());
    });
    day.stage("photo import", Promise::Saved(1), |r| {
        let file = std::env::temp_dir().join(format!("lanewalk-import-{}.jpg", std::process::id()));
        std::fs::write(&file, picture(2)).unwrap();
        let shot = Shot { taken_at: Some(TimeMs(now)), ..Shot::default() };
        let photo = r.town.phones[ME].field().import_photo(visit, PhotoRole::After, &file, &shot);
        std::fs::remove_file(file).unwrap();
        r.photos.push(photo.unwrap());
    });
    day.act("drop a ticket", 2, |t| {
        let field = t.phones[ME].field();
        let ticket = field.begin_photo(visit, PhotoRole::After).unwrap();
        std::fs::write(&ticket.path, b"half a pictu").unwrap();
        field.drop_ticket(ticket.id).unwrap();
    });
    day.sync("sync with receipts");
    day.stage("send photos", Promise::Pulled, |r| {
        r.town.upload(ME, UploadPolicy::UNMETERED).unwrap();
        assert_eq!(r.town.phones[ME].field().storage().unwrap().unsent_files, 0);
    });
    day.stage("import rows", Promise::Nothing, |r| r.town.import_as(3, Acceptance::Later));
    day.desk("accept and dispatch", |hq, cells| {
        let sql = "SELECT id FROM docs WHERE kind = ?1 AND row ->> 'state' = 'RECEIVED' ORDER BY n";
        let id: Vec<u8> = hq.reader().query_row(sql, [DocKind::Order.code()], |r| r.get(0)).unwrap();
        let id = DocId::from_slice(&id).unwrap();
        assert_eq!(hq.take_watch("hc-01", "无").unwrap(), None);
        assert_eq!(hq.perform("hc-01", id, &Act::Accept, "").unwrap(), None);
        let to =
            Destination { lead_unit: "sec-zhujian".into(), grid: cells[0].clone(), ..Destination::default() };
        let _ = hq.perform("dl-01", id, &Act::Dispatch(to), "研判派件").unwrap();
    });
    day.desk("decide a proposal", |hq, _| {
        for w in hq.waiting().unwrap() {
            assert_eq!(hq.decide(w.order, &w.event, true, "dl-01", "同意").unwrap(), None);
        }
    });
    day.desk("desk: note, chase, ticking clock, watch", |hq, _| {
        let _ = hq.note("hc-01", order, "补充说明").unwrap();
        let _ = hq.perform("hc-01", order, &Act::Chase, "请尽快").unwrap();
        hq.tick().unwrap();
        hq.take_watch("hc-02", "无").unwrap();
    });
    day.desk("want an original", |hq, _| {
        let photo = hq.document(visit).unwrap().unwrap();
        let id = photo.members("photo").next().unwrap().0.parse().unwrap();
        hq.want_original(visit, id, "hc-01").unwrap();
    });
    day.sync("sync: decisions and new orders");
    day.desk("move a grant", |hq, cells| hq.end_grant("gw-01", &cells[1], TimeMs(now)).unwrap());
    day.sync("sync: what left the scope");
    day.stage("backup", Promise::Nothing, |r| r.town.backup());
    day.sync("sync: the durable horizon");
    day.stage("purge", Promise::Kept, |r| {
        r.town.phones[ME].field().purge().unwrap();
    });
    day.stage("purge: give up photo files", Promise::Kept, |r| {
        r.freed = true;
        assert!(r.town.phones[ME].field().free_photos(u64::MAX).unwrap().files > 0);
    });
    day.stage("pause and resume", Promise::Kept, |r| {
        r.town.phones[ME].field().pause().unwrap();
        r.town.phones[ME].field().resume().unwrap();
    });
    day.act("note after resuming", 1, |t| {
        t.phones[ME].field().add_note(order, "回访").unwrap();
    });
    day.stage("a burst of notes", Promise::Kept, |r| {
        // Past SQLite's automatic checkpoint at 1,000 pages of WAL.
        for n in 0..130 {
            r.town.phones[ME].field().add_note(order, &format!("第{n}条记录")).unwrap();
        }
    });
    // Headquarters decides something; the backup does not know it; the phone builds on it.
    day.desk("a decision the backup lacks", |hq, _| {
        let _ = hq.note("hc-01", order, "备份之后").unwrap();
    });
    day.sync("sync: that decision");
    day.act("note on top of it", 1, |t| {
        t.phones[ME].field().add_note(order, "收到").unwrap();
    });
    day.sync("sync: the note");
    day.stage("restore", Promise::Nothing, |r| {
        // From here on receipts of the life before are claims, offered again.
        r.receipts.clear();
        r.town.restore();
    });
    day.sync("sync: another life of headquarters, refusals");
    let quarantine = day.town.phones[ME].field().quarantine().unwrap();
    println!("refused after the restore: {}", quarantine.len());
    day.act("close and open again", 0, |t| {
        t.phones[ME].field().pause().unwrap();
        t.phones[ME].field().resume().unwrap();
    });

    assert!(day.town.phones[ME].field().photo_bytes(day.photos[0], PhotoPart::Thumbnail).is_err());
    // As the town draws it.
    let mut key_bytes = [0; 32];
    Dice::new(seed, 1_000).fill(&mut key_bytes);
    Day {
        seed,
        journal: day.disk.take_journal(),
        key: StoreKey::new(key_bytes),
        key_bytes,
        stages: day.stages,
        order,
    }
}

/// A seed is a day: the same files, calls, offsets and lengths, whatever the ciphers draw.
#[test]
fn a_recorded_day_replays_exactly() {
    let trace = |seed| {
        let mut hash = Sha256::new();
        record(seed).journal.iter().for_each(|op| op.trace(&mut hash));
        let hash: [u8; 32] = hash.finalize().into();
        hash
    };
    assert_eq!(trace(2), trace(2));
    assert_ne!(trace(2), trace(3));
}
