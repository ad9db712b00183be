//! A damaged store: what only this phone has is saved, the rest is pulled again (F7).

use crate::{
    hq::{Hq, Mood},
    phone::{GRID, KEY, Phone, TestSource, open},
};
use lanewalk_field::{Config, Field, FieldError, NewPlace, Salvaged, StoreKey, SyncError};
use lanewalk_model::{
    document::Edit,
    id::{DocId, Hash},
};
use lanewalk_protocol::sync::Salvage;
use std::{fs, path::Path};

const PAGE: usize = 4096;

fn salvage(dir: &Path) -> Result<Salvaged, FieldError> {
    Field::salvage(&Config::new(dir.to_owned(), StoreKey::new(KEY)))
}

/// A phone with 30 acknowledged and 12 unsent entries, closed; the bytes of its database.
fn with_work(hq: &Hq) -> (Phone, Vec<DocId>, Vec<u8>) {
    let orders: Vec<_> = (1..30).map(|n| hq.order(n, &[Edit::set("title", "噪音扰民".repeat(40))])).collect();
    let phone = Phone::enrolled(hq);
    phone.field.sync(hq).unwrap();
    for n in 0..30 {
        phone.field.add_note(orders[n % orders.len()], "已上传").unwrap();
    }
    phone.field.sync(hq).unwrap();
    for (n, order) in orders.iter().take(11).enumerate() {
        phone.field.add_note(*order, &format!("未上传{n}").repeat(60)).unwrap();
    }
    let place = NewPlace {
        name: "粮油店".into(),
        kind: "shop".into(),
        grid: Some(GRID.into()),
        ..NewPlace::default()
    };
    phone.field.new_place(place).unwrap();
    phone.field.close().unwrap();
    let bytes = fs::read(phone.dir.path().join("lanewalk.db")).unwrap();
    (phone, orders, bytes)
}

/// Lays a store with one bit of one page flipped into a new folder.
fn damaged(good: &[u8], page: usize) -> (tempfile::TempDir, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let mut bad = good.to_vec();
    bad[page * PAGE + 1_000] ^= 1;
    fs::write(dir.path().join("lanewalk.db"), &bad).unwrap();
    (dir, bad)
}

#[test]
fn one_broken_page_anywhere_costs_no_readable_entry() {
    let hq = Hq::new();
    let (_phone, orders, good) = with_work(&hq);
    let (mut whole, mut holes, mut strangers) = (0, 0, 0);
    for page in 1..good.len() / PAGE {
        let (dir, bad) = damaged(&good, page);
        let saved = salvage(dir.path()).unwrap_or_else(|e| panic!("page {page}: {e}"));
        assert!(fs::read(dir.path().join("damaged-1/lanewalk.db")).unwrap() == bad, "page {page}");
        assert!(!dir.path().join("salvage").exists() && !dir.path().join("salvage.part").exists());
        let field = open(dir.path(), KEY, TestSource::new(2)).unwrap();
        field.check().unwrap();
        let status = field.status().unwrap();
        if !saved.identity {
            strangers += 1;
            assert_eq!(field.identity(), None);
            continue;
        }
        assert_eq!(field.identity().unwrap().worker, "gw-01");
        assert_eq!(status.last_seq, 42);
        assert!(status.problems.iter().any(|(code, _)| code == "salvaged"), "page {page}");
        assert_eq!((status.pending, saved.unsent + saved.missing), (saved.unsent, 12), "page {page}");
        assert_eq!(field.export_unsent().unwrap().matches("\"seq\"").count() as u64, saved.unsent);
        if saved.missing > 0 {
            holes += 1;
            continue;
        }
        whole += 1;
        if whole % 8 == 1 {
            // Everything comes back, and the chain goes on.
            field.sync(&hq).unwrap();
            assert_eq!(field.status().unwrap().pending, 0, "page {page}");
            assert_eq!(field.heads().unwrap(), hq.heads(), "page {page}");
            let seq = field.add_note(orders[0], "之后").unwrap().seq;
            assert_eq!(seq, 43);
        }
    }
    let counts =
        format!("{whole} stores whole, {holes} with a hole in the outbox, {strangers} without identity");
    assert!(whole > 20 && holes > 0 && strangers > 0, "{counts}");
    // The first page: nothing tells it from a wrong key, and nothing is touched.
    let (dir, bad) = damaged(&good, 0);
    assert_eq!(salvage(dir.path()), Err(FieldError::WrongKey));
    assert!(fs::read(dir.path().join("lanewalk.db")).unwrap() == bad);
}

/// What stands before a hole is delivered, what stands behind it is exported, and headquarters is told
/// of both also by the requests that it refuses.
#[test]
fn entries_behind_a_hole_are_exported_and_the_sync_says_why_it_stops() {
    let hq = Hq::new();
    let (_phone, _, good) = with_work(&hq);
    let (mut at_once, mut amid) = (0, 0);
    for page in 1..good.len() / PAGE {
        let (dir, _) = damaged(&good, page);
        let saved = salvage(dir.path()).unwrap();
        if !saved.identity || saved.export_only == 0 {
            continue;
        }
        let before = saved.unsent - saved.export_only;
        let (known, head) = {
            let mut s = hq.state.lock().unwrap();
            s.salvages.clear();
            (s.known_seq, s.head)
        };
        let field = open(dir.path(), KEY, TestSource::new(2)).unwrap();
        let stopped = field.sync(&hq).unwrap_err();
        assert_eq!(stopped, SyncError::ChainGap { need_seq: known + before + 1 }, "page {page}");
        let status = field.status().unwrap();
        assert_eq!((hq.state.lock().unwrap().known_seq, status.pending), (known + before, saved.export_only));
        assert!(field.export_unsent().unwrap().contains("未上传"));
        let told = hq.state.lock().unwrap().salvages[0];
        assert_eq!(
            (told.number, told.unsent, told.export_only, told.missing),
            (1, saved.unsent, saved.export_only, saved.missing)
        );
        *(if before == 0 { &mut at_once } else { &mut amid }) += 1;
        // The next page's phone meets the headquarters of the beginning.
        let mut s = hq.state.lock().unwrap();
        (s.known_seq, s.head) = (known, head);
    }
    assert!(at_once > 0 && amid > 0, "{at_once} holes at the beginning, {amid} amid the outbox");
}

/// Headquarters hears of each salvage until it has answered, whatever is lost or killed on the way, and
/// once more when it was restored from a backup.
#[test]
fn headquarters_is_told_of_a_salvage_once() {
    let hq = Hq::new();
    let (_phone, _, good) = with_work(&hq);
    let heard = |hq: &Hq| std::mem::take(&mut hq.state.lock().unwrap().salvages);
    let numbers = |told: Vec<Salvage>| told.iter().map(|s| s.number).collect::<Vec<_>>();
    // A page with nothing that cannot be pulled again.
    let (dir, saved) = (1..good.len() / PAGE)
        .rev()
        .find_map(|page| {
            let (dir, _) = damaged(&good, page);
            let saved = salvage(dir.path()).unwrap();
            (saved.identity && saved.missing == 0).then_some((dir, saved))
        })
        .unwrap();
    assert_eq!(saved.export_only, 0);
    // Killed before any sync; then the answer is lost.
    drop(open(dir.path(), KEY, TestSource::new(2)).unwrap());
    let field = open(dir.path(), KEY, TestSource::new(2)).unwrap();
    hq.mood(Mood::LoseAnswer);
    field.sync(&hq).unwrap_err();
    let told = heard(&hq);
    let Salvaged { identity, entries, unsent, export_only, missing, photos } = saved;
    assert_eq!(told, [Salvage { number: 1, identity, entries, unsent, export_only, missing, photos }]);
    hq.mood(Mood::Well);
    field.sync(&hq).unwrap();
    assert_eq!(numbers(heard(&hq)), [1]);
    field.sync(&hq).unwrap();
    field.close().unwrap();
    let field = open(dir.path(), KEY, TestSource::new(3)).unwrap();
    field.sync(&hq).unwrap();
    assert_eq!(heard(&hq), [], "once");
    // Damaged again: the second one is told, the first is not told again.
    field.close().unwrap();
    let file = dir.path().join("lanewalk.db");
    let good = fs::read(&file).unwrap();
    let second = (1..good.len() / PAGE)
        .rev()
        .find_map(|page| {
            let (dir, _) = damaged(&good, page);
            fs::create_dir(dir.path().join("damaged-1")).unwrap();
            let saved = salvage(dir.path()).unwrap();
            (saved.identity && saved.missing == 0).then_some(dir)
        })
        .unwrap();
    let field = open(second.path(), KEY, TestSource::new(4)).unwrap();
    field.sync(&hq).unwrap();
    assert_eq!(numbers(heard(&hq)), [2]);
    field.sync(&hq).unwrap();
    assert_eq!(heard(&hq), []);
    hq.state.lock().unwrap().epoch += 1;
    field.sync(&hq).unwrap();
    field.sync(&hq).unwrap();
    assert_eq!(numbers(heard(&hq)), [1, 2], "a restored headquarters hears of all");
}

/// A store of which not even the identity can be read is no secret either: the device that is enrolled
/// after it tells.
#[test]
fn a_store_that_nobody_can_read_is_told_by_the_next_device() {
    let hq = Hq::new();
    let (_phone, _, good) = with_work(&hq);
    let dir = (1..good.len() / PAGE)
        .find_map(|page| {
            let (dir, _) = damaged(&good, page);
            (!salvage(dir.path()).unwrap().identity).then_some(dir)
        })
        .unwrap();
    let field = open(dir.path(), KEY, TestSource::new(2)).unwrap();
    let mut s = hq.state.lock().unwrap();
    (s.known_seq, s.head) = (0, Hash([0; 32]));
    drop(s);
    field.enrol(&hq.invitation(), &hq).unwrap();
    field.sync(&hq).unwrap();
    assert_eq!(hq.state.lock().unwrap().salvages, [Salvage { number: 1, ..Salvage::default() }]);
}

/// F29: damage does not make a revoked phone one that reads again.
#[test]
fn a_revoked_phone_stays_revoked() {
    let hq = Hq::new();
    let (phone, _, _) = with_work(&hq);
    phone.field.resume().unwrap();
    hq.mood(Mood::Fail("revoked", None));
    assert_eq!(phone.field.sync(&hq), Err(SyncError::Revoked { deposit_until: None }));
    let before = phone.field.standing().unwrap();
    phone.field.close().unwrap();
    let good = fs::read(phone.dir.path().join("lanewalk.db")).unwrap();
    let mut kept = 0;
    for page in 1..good.len() / PAGE {
        let (dir, _) = damaged(&good, page);
        // Without an identity it is no device at all.
        if salvage(dir.path()).unwrap().identity {
            let field = open(dir.path(), KEY, TestSource::new(2)).unwrap();
            kept += u32::from(field.standing().unwrap() == before);
        }
    }
    assert!(kept > 10, "{kept}");
}

#[test]
fn a_sound_store_is_left_alone() {
    let hq = Hq::new();
    let (phone, _, good) = with_work(&hq);
    assert_eq!(salvage(phone.dir.path()).unwrap_err().code(), "invalid");
    let wrong = Field::salvage(&Config::new(phone.dir.path().to_owned(), StoreKey::new([8; 32])));
    assert_eq!(wrong, Err(FieldError::WrongKey));
    assert!(fs::read(phone.dir.path().join("lanewalk.db")).unwrap() == good);
    let names = fs::read_dir(phone.dir.path()).unwrap().count();
    assert_eq!(names, 3, "database, photos, camera");
}
