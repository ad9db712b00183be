//! A phone whose database was damaged, from the disk to the office (F7).

use super::*;
use lanewalk_field::{Config, FieldError, Salvaged};
use lanewalk_headquarters::salvage::Salvaged as Told;
use std::path::Path;
use support::{check, town::SavedAct};

const PAGE: usize = 4_096;

/// Flips a bit of one page of a phone's database after another, each in a copy beside it, until the
/// salvage of one fits; returns the folder that was salvaged.
fn salvaged(town: &Town, phone: usize, fits: impl Fn(&Salvaged) -> bool) -> (tempfile::TempDir, Salvaged) {
    let phone = &town.phones[phone];
    let pages = std::fs::read(phone.directory.join("lanewalk.db")).unwrap().len() / PAGE;
    for page in (1..pages).rev() {
        let dir = tempfile::tempdir().unwrap();
        copy(&phone.directory, dir.path());
        let file = dir.path().join("lanewalk.db");
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[page * PAGE + 700] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        match Field::salvage(&Config::new(dir.path().to_owned(), phone.store_key())) {
            Ok(saved) if fits(&saved) => return (dir, saved),
            // A page of no use.
            Ok(_) | Err(FieldError::Invalid { .. }) => {}
            Err(e) => panic!("page {page}: {e}"),
        }
    }
    panic!("no page whose damage leaves that");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let at = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &at),
            false => drop(std::fs::copy(entry.path(), at).unwrap()),
        }
    }
}

/// Puts a salvaged folder in the place of a phone's store, which is closed, and starts the phone again.
fn put_back(town: &mut Town, phone: usize, dir: &tempfile::TempDir) {
    let at = town.phones[phone].directory.clone();
    std::fs::remove_dir_all(&at).unwrap();
    copy(dir.path(), &at);
    // What was found on the disk, nothing of what was in memory.
    town.kill(phone);
}

fn told(town: &Town) -> (Vec<Told>, i64) {
    town.network.hq(|hq| {
        let sql = "SELECT count(*) FROM audit WHERE what = 'store_salvaged'";
        (hq.salvages().unwrap(), hq.reader().query_row(sql, [], |r| r.get(0)).unwrap())
    })
}

/// A phone with work that headquarters lacks, closed.
fn with_work(town: &mut Town, notes: usize) -> DocId {
    let order = order_in(town, 0, "楼道堆物");
    town.settle();
    for n in 0..notes {
        let text = format!("第{n}次查看").repeat(60);
        town.phones[A].field().add_note(order, &text).unwrap();
        town.remember(A, "note");
    }
    town.phones[A].field().close().unwrap();
    order
}

/// Damage where everything can be read or pulled again: headquarters hears of it once, also when the
/// phone is killed before it syncs and when headquarters is; nothing is lost, and work goes on.
#[test]
fn headquarters_hears_of_a_salvage_once() {
    let mut town = town(751, 2);
    let order = with_work(&mut town, 6);
    let (dir, saved) = salvaged(&town, A, |s| s.identity && s.missing == 0 && s.unsent == 6);
    put_back(&mut town, A, &dir);
    town.kill(A);
    assert_eq!(told(&town), (Vec::new(), 0), "it has not synced yet");
    town.settle();
    town.settle();
    town.kill_hq();
    town.kill(A);
    town.settle();
    let (all, lines) = told(&town);
    let [one] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((lines, one.stuck, one.salvage.number), (1, false, 1));
    assert_eq!((one.salvage.entries, one.salvage.unsent, one.salvage.export_only), (saved.entries, 6, 0));
    town.phones[A].field().add_note(order, "之后").unwrap();
    town.remember(A, "note");
    town.settle();
    check::laws(&town);
}

/// A hole in the outbox: what stands before it arrives, and headquarters is told how many entries wait
/// behind it, although it refuses the push that follows. They can be exported, and with a new code they arrive too.
#[test]
fn a_hole_in_the_outbox_is_told_and_what_stands_behind_it_arrives() {
    for amid in [false, true] {
        let mut town = town(752, 2);
        let order = with_work(&mut town, 24);
        let held = |town: &Town| -> u64 {
            let sql = "SELECT last_seq FROM devices WHERE worker = 'gw-01'";
            town.network.hq(|hq| hq.reader().query_row(sql, [], |r| r.get(0)).unwrap())
        };
        let before = held(&town);
        let fits = |s: &Salvaged| s.identity && s.export_only > 0 && (s.unsent > s.export_only) == amid;
        let (dir, saved) = salvaged(&town, A, fits);
        put_back(&mut town, A, &dir);
        for _ in 0..2 {
            let stopped = town.sync(A).unwrap_err();
            assert!(matches!(stopped, SyncError::ChainGap { .. }), "{stopped}");
        }
        assert_eq!(held(&town), before + saved.unsent - saved.export_only);
        let (all, lines) = told(&town);
        let [one] = all.as_slice() else { panic!("amid {amid}: {all:?}") };
        assert_eq!((lines, one.stuck), (1, true), "amid {amid}");
        assert_eq!((one.salvage.export_only, one.salvage.missing), (saved.export_only, saved.missing));
        let export = town.phones[A].field().export_unsent().unwrap();
        assert_eq!(export.matches("\"seq\"").count() as u64, saved.export_only);
        // With a new code it is another device, and what stands behind the hole arrives as well.
        assert_eq!(town.begin_again(A), saved.export_only);
        let again: Vec<_> = town.phones[A].field().former().unwrap().iter().filter_map(|f| f.again).collect();
        let lost =
            |act: &SavedAct| !again.contains(&act.hash) && crate::restore::in_log(&town, act.hash).is_none();
        let lost: Vec<bool> = town.saved.iter().map(|act| act.phone == A && lost(act)).collect();
        assert_eq!(lost.iter().filter(|lost| **lost).count() as u64, saved.missing);
        for (act, lost) in town.saved.iter_mut().zip(lost) {
            act.gone = lost;
        }
        town.settle();
        let there = at_hq(&town, order).members("note").count() as u64;
        assert_eq!(there, 24 - saved.missing);
        assert!(!told(&town).0[0].stuck, "the alarm ends");
        check::laws(&town);
    }
}
