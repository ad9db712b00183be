//! Full and failing disks: the N-th call fails, once and for ever, in every use case (F5, F25).
//!
//! The stores stay open: each round does an act with one fault, asks what became of it, ends the fault
//! and does the act again.

use crate::{day::picture, folder, number};
use lanewalk_fault_disk::{Disk, Failure, Fault};
use lanewalk_field::{
    Config, Field, FieldError, ListQuery, NewAppeal, NewPlace, NewVisit, Shot, StoreKey, SyncError,
    UploadPolicy,
};
use lanewalk_headquarters::{HqError, backup::restore, intake::Acceptance};
use lanewalk_model::{
    id::DocId,
    photo::PhotoRole,
    records::{Method, ProposalKind},
    schema::DocKind,
    staff::Role,
    time::TimeMs,
    view::Value,
};
use lanewalk_protocol::keys::{Algorithm, SoftSigner};
use std::{collections::BTreeMap, sync::Arc};
use support::{
    clock::{HqSource, PhoneSource, TownClock},
    dice::Dice,
    town::{Plan, START, SavedPhoto, Town},
};

/// Whose disk fails.
pub(crate) enum Side {
    Phone,
    Office,
}

/// What an act ends with: a stable code when it fails.
pub(crate) type Done = Result<(), String>;
pub(crate) type Act = (&'static str, fn(&mut Scene) -> Done);

pub(crate) struct Scene {
    pub(crate) town: Town,
    order: DocId,
    visit: DocId,
    n: u64,
}

const ME: usize = 0;

impl Scene {
    pub(crate) fn field(&self) -> &Field {
        self.town.phones[ME].field()
    }

    fn text(&mut self) -> String {
        self.n += 1;
        format!("第{}次", self.n)
    }
}

fn code(e: FieldError) -> String {
    e.code().to_owned()
}

fn sync_code(e: SyncError) -> String {
    match e {
        SyncError::Field(e) => code(e),
        other => other.code().to_owned(),
    }
}

fn hq_code(e: HqError) -> String {
    match e {
        HqError::Database(e) => format!("{:?}", e.sqlite_error_code()),
        HqError::Io(e) => e.kind().to_string(),
        HqError::Photos(text) => text,
        other => other.to_string(),
    }
}

fn photo(s: &mut Scene) -> Done {
    let field = s.field();
    let ticket = match field.open_tickets().map_err(code)?.pop() {
        Some(ticket) => ticket,
        None => field.begin_photo(s.visit, PhotoRole::Before).map_err(code)?,
    };
    // The camera's own trouble is not ours.
    if std::fs::write(&ticket.path, picture(s.n)).is_err() {
        return Err("camera".into());
    }
    let shot = Shot { taken_at: Some(TimeMs(START)), ..Shot::default() };
    let done = s.field().finish_photo(ticket.id, &shot).map_err(code);
    s.n += 1;
    // Saved, also when the call went wrong afterwards.
    if done.is_ok() || s.field().open_tickets().is_ok_and(|open| open.iter().all(|t| t.id != ticket.id)) {
        s.town.photos.push(SavedPhoto { phone: ME, visit: s.visit, photo: ticket.id, gone: false });
    }
    done.map(|_| ())
}

pub(crate) const PHONE: &[Act] = &[
    ("note", |s| {
        let text = s.text();
        s.field().add_note(s.order, &text).map(|_| ()).map_err(code)
    }),
    ("visit", |s| {
        let kind = "site_check".into();
        let visit = NewVisit { order: Some(s.order), kind, notes: s.text(), ..NewVisit::default() };
        s.field().record_visit(visit).map(|_| ()).map_err(code)
    }),
    ("measure", |s| {
        s.field().measure(s.order, "积水", 1_000, "cm", Method::Counted).map(|_| ()).map_err(code)
    }),
    ("set a field", |s| {
        let value = Value::Text(s.text());
        s.field().set_field(s.order, "verified_facts", value).map(|_| ()).map_err(code)
    }),
    ("appeal", |s| {
        let grid = Some(s.town.cells[0].clone());
        let appeal = NewAppeal { kind: "help".into(), text: s.text(), grid, ..NewAppeal::default() };
        s.field().new_appeal(appeal).map(|_| ()).map_err(code)
    }),
    ("place", |s| {
        let grid = Some(s.town.cells[0].clone());
        let place = NewPlace { name: s.text(), kind: "shop".into(), grid, ..NewPlace::default() };
        s.field().new_place(place).map(|_| ()).map_err(code)
    }),
    ("proposal", |s| {
        let text = s.text();
        s.field().propose(s.order, ProposalKind::Return, &text, None, None, true).map(|_| ()).map_err(code)
    }),
    ("photo", photo),
    ("sync", |s| s.town.sync(ME).map(|_| ()).map_err(sync_code)),
    ("send photos", |s| s.town.upload(ME, UploadPolicy::UNMETERED).map(|_| ()).map_err(sync_code)),
    ("purge and free", |s| {
        s.field().purge().map_err(code)?;
        s.field().free_photos(u64::MAX).map(|_| ()).map_err(code)
    }),
    ("pause and resume", |s| {
        let paused = s.field().pause();
        let resumed = s.field().resume();
        paused.and(resumed).map_err(code)
    }),
];

pub(crate) const OFFICE: &[Act] = &[
    ("import rows", |s| {
        let n = s.n;
        s.n += 1;
        s.town.network.hq(|hq| {
            let mut order = support::town::incoming(&mut Dice::new(n, 9), 5_000 + n, START);
            order.upstream_id = format!("sweep-{n}");
            hq.take_in(&[order], "hc-01").map(|_| ()).map_err(hq_code)
        })
    }),
    ("note at the desk", |s| {
        let (text, order) = (s.text(), s.order);
        s.town.network.hq(|hq| hq.note("hc-01", order, &text).map(|_| ()).map_err(hq_code))
    }),
    ("staff", |s| {
        let text = s.text();
        s.town.network.hq(|hq| hq.put_staff("gw-77", &text, Role::GridWorker).map_err(hq_code))
    }),
    ("invite", |s| s.town.network.hq(|hq| hq.invite("gw-01").map(|_| ()).map_err(hq_code))),
    ("tick", |s| {
        s.town.clock.advance(60_000);
        s.town.network.hq(|hq| hq.tick().map(|_| ()).map_err(hq_code))
    }),
    ("take a push", |s| {
        let text = s.text();
        s.field().add_note(s.order, &text).map_err(code)?;
        s.town.sync(ME).map(|_| ()).map_err(sync_code)
    }),
    ("take photos", |s| {
        let (picture, shot) = (picture(s.n), Shot { taken_at: Some(TimeMs(START)), ..Shot::default() });
        s.n += 1;
        let ticket = s.field().begin_photo(s.visit, PhotoRole::Before).map_err(code)?;
        std::fs::write(&ticket.path, picture).unwrap();
        let photo = s.field().finish_photo(ticket.id, &shot).map_err(code)?;
        s.town.photos.push(SavedPhoto { phone: ME, visit: s.visit, photo, gone: false });
        s.town.sync(ME).map_err(sync_code)?;
        let report = s.town.upload(ME, UploadPolicy::UNMETERED).map_err(sync_code)?;
        if s.field().storage().map_err(code)?.unsent_files > 0 {
            Err(format!("held back: {report:?}"))
        } else {
            Ok(())
        }
    }),
    ("backup", |s| {
        let file = s.town.photo_folder().with_file_name(format!("copy-{}.db", s.n % 3));
        s.town.network.hq(|hq| hq.backup_to(&file).map(|_| ()).map_err(hq_code))
    }),
    ("restore", |s| {
        s.n += 1;
        let folder = s.town.photo_folder();
        let (copy, fresh) =
            (folder.with_file_name("copy-r.db"), folder.with_file_name(format!("fresh-{}.db", s.n)));
        s.town.network.hq(|hq| hq.backup_to(&copy).map_err(hq_code))?;
        let source = HqSource::new(s.town.clock.clone(), Dice::new(s.n, 90));
        restore(&copy, &fresh, &source).map(|_| ()).map_err(hq_code)
    }),
];

pub(crate) fn scene(side: &Side) -> (Scene, Disk) {
    let root = folder();
    // Before any file in it is opened: a connection stays on the disk it was opened on.
    let disk = Disk::mount(&root.path().join(if matches!(side, Side::Phone) { "phone-0-0" } else { "hq-0" }));
    let plan = Plan { seed: 4, grid_workers: 1, property_staff: 0, orders: 3 };
    let mut town = Town::without_phones(plan, START, root);
    town.unpack_phone(0);
    town.enrol(ME);
    town.settle();
    let query = ListQuery { kind: Some(DocKind::Order), limit: 9, ..ListQuery::default() };
    let order = town.phones[ME].field().list(&query).unwrap()[0].id;
    let visit = NewVisit { order: Some(order), kind: "site_check".into(), ..NewVisit::default() };
    let visit = town.phones[ME].field().record_visit(visit).unwrap();
    town.settle();
    (Scene { town, order, visit, n: 0 }, disk)
}

/// How calls fail, whether for ever, and whether the store was just opened: then every page has to be read.
const FAULTS: [(Failure, bool, bool); 5] = [
    (Failure::Full, false, false),
    (Failure::Full, true, false),
    (Failure::Io, false, false),
    (Failure::Io, true, false),
    (Failure::Io, false, true),
];

/// Gives an act something to do, on a disk that works.
pub(crate) fn prepare(name: &str, s: &mut Scene) {
    match name {
        "sync" => {
            let text = s.text();
            s.field().add_note(s.order, &text).unwrap();
            s.town.import_as(1, Acceptance::By("hc-01"));
        }
        "send photos" => {
            photo(s).unwrap();
            s.town.sync(ME).unwrap();
        }
        _ => {}
    }
}

/// Runs every act with every fault; returns how often each ended how, by (act, fault, outcome).
fn sweep(side: &Side, acts: &[Act]) -> BTreeMap<(&'static str, String, String), u64> {
    let (mut s, disk) = scene(side);
    let mut seen = BTreeMap::new();
    for (name, act) in acts {
        for (failure, for_ever, cold) in FAULTS {
            let prepare = |s: &mut Scene| {
                prepare(name, s);
                match side {
                    _ if !cold => {}
                    Side::Phone => s.town.restart(ME),
                    Side::Office => s.town.restart_hq(),
                }
            };
            // Without a fault it works, and this many calls could have failed.
            prepare(&mut s);
            disk.arm(Fault { failure, at: u64::MAX, for_ever });
            act(&mut s).unwrap_or_else(|e| panic!("{name} without a fault: {e}"));
            let calls = disk.counted();
            disk.disarm();
            let most = number("DISK_CALLS", 24).max(1);
            let stride = if number("DISK_STRIDE", 0) > 0 {
                number("DISK_STRIDE", 1)
            } else {
                calls.div_ceil(most).max(1)
            };
            let mut at = 1;
            while at <= calls {
                disk.take_journal();
                prepare(&mut s);
                let before = s.field().status().map(|status| status.last_seq);
                let before = before.unwrap_or_else(|e| panic!("{name} {failure:?} {at}: status {e}"));
                disk.arm(Fault { failure, at, for_ever });
                let done = act(&mut s);
                let failed = disk.disarm();
                let times = if for_ever { "for ever" } else { "once" };
                let what =
                    format!("{name}: call {at} {failure:?} {times}{}", if cold { ", cold" } else { "" });
                let outcome = done.clone().err().unwrap_or_else(|| "done".into());
                let fault =
                    format!("{failure:?}{}{}", if for_ever { "+" } else { "" }, if cold { "*" } else { "" });
                *seen.entry((*name, fault, outcome.clone())).or_default() += u64::from(failed > 0);
                judge(side, &what, failure, failed, &outcome);
                // Whatever it was, it is over: the phone still knows all it said was saved, and goes on.
                s.field().resume().unwrap_or_else(|e| panic!("{what}: resuming afterwards: {e}"));
                let after = s.field().status().unwrap_or_else(|e| panic!("{what}: {e}"));
                if done.is_err()
                    && matches!(side, Side::Phone)
                    && !matches!(*name, "photo" | "sync" | "send photos")
                {
                    assert_eq!(after.last_seq, before, "{what}: half saved");
                }
                act(&mut s).unwrap_or_else(|e| panic!("{what}: afterwards {e}"));
                at += stride;
            }
        }
        s.field().check().unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    s.town.settle();
    support::check::laws(&s.town);
    seen
}

fn judge(side: &Side, what: &str, failure: Failure, failed: u64, outcome: &str) {
    match side {
        // A full disk is told as such, or the photo and the upload say which file; a failing one is
        // never taken for damage or for a wrong key.
        Side::Phone => {
            let typed: &[&str] = match failure {
                Failure::Full => &["done", "storage_full", "camera", "internal"],
                _ => &["done", "internal", "camera", "io"],
            };
            assert!(typed.contains(&outcome), "{what}: {outcome}");
        }
        Side::Office => assert!(!outcome.contains("panic"), "{what}: {outcome}"),
    }
    assert!(failed > 0 || outcome == "done", "{what}: {outcome} without a fault");
}

fn tell(side: &str, seen: &BTreeMap<(&'static str, String, String), u64>, floor: u64) {
    for ((act, fault, outcome), n) in seen {
        println!("{side}: {act}: {fault}: {n} {outcome}");
    }
    let sum: u64 = seen.values().sum();
    println!("{side}: {sum} faults given");
    assert!(sum >= floor, "{sum} faults, wanted {floor}");
}

/// F5: a full or failing disk at any call of the phone costs an error that says so, and nothing else.
#[test]
fn a_phone_on_a_full_or_failing_disk_says_so_and_goes_on() {
    let seen = sweep(&Side::Phone, PHONE);
    tell("phone", &seen, 500);
    let full: u64 = seen.iter().filter(|((.., outcome), _)| outcome == "storage_full").map(|(_, n)| n).sum();
    assert!(full > 100, "{full}");
}

/// F25: the same for headquarters; what a phone pushes meanwhile stays in its outbox.
#[test]
fn headquarters_on_a_full_or_failing_disk_says_so_and_goes_on() {
    let seen = sweep(&Side::Office, OFFICE);
    tell("headquarters", &seen, 160);
}

/// F5, F10: opening a new store, and one of the first version, with each call failing: an error, then
/// the same store.
#[test]
fn opening_on_a_full_or_failing_disk_fails_whole_and_works_afterwards() {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../rust-core/field/tests/fixtures/store-v1.db");
    let mut given = 0;
    for old in [false, true] {
        for (failure, for_ever, _) in FAULTS.into_iter().filter(|(.., cold)| !cold) {
            let mut at = 1;
            loop {
                let dir = folder();
                if old {
                    std::fs::copy(fixture, dir.path().join("lanewalk.db")).unwrap();
                }
                let disk = Disk::mount(dir.path());
                let open = || {
                    let source = PhoneSource::new(TownClock::new(START), Dice::new(1, 55));
                    let signer = SoftSigner::new(Algorithm::Es256, &[3; 32]).unwrap();
                    let config = Config::new(dir.path().to_owned(), StoreKey::new([7; 32]));
                    Field::open(config, Arc::new(source), Arc::new(signer))
                };
                disk.arm(Fault { failure, at, for_ever });
                let first = open();
                let failed = disk.disarm();
                let what = format!("old {old} {failure:?} {at}");
                if let Err(e) = &first {
                    assert!(matches!(e.code(), "internal" | "storage_full"), "{what}: {e}");
                }
                drop(first);
                let field = open().unwrap_or_else(|e| panic!("{what}: afterwards {e}"));
                assert_eq!(field.status().unwrap().pending, u64::from(old), "{what}");
                field.check().unwrap_or_else(|e| panic!("{what}: {e}"));
                if failed == 0 {
                    break;
                }
                given += 1;
                at += number("DISK_STRIDE", 3);
            }
        }
    }
    println!("opening: {given} faults given");
    assert!(given > 150, "{given}");
}
