//! Migrations at every crash point: each saved store of a released schema, opened by this build (F10).
//!
//! Headquarters has one schema, nothing of it is released; making it is a use case of the recorded day.

use crate::{
    crash::{Print, cells, lay},
    folder, number, phone,
};
use lanewalk_fault_disk::{Disk, Image, Op, Platter};
use lanewalk_field::{Config, Field, StoreKey};
use lanewalk_protocol::keys::{Algorithm, SoftSigner};
use rusqlite::Connection;
use std::{collections::BTreeMap, fs, path::Path, sync::Arc};
use support::{
    clock::{PhoneSource, TownClock},
    dice::Dice,
    town::START,
};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../rust-core/field/tests/fixtures");
/// The key of every fixture.
const KEY: [u8; 32] = [7; 32];
const DB: &str = "lanewalk.db";
const WAL: &str = "lanewalk.db-wal";

/// A store's schema version and everything in it.
type State = (i64, Print);

fn open(at: &Path) -> Result<Field, lanewalk_field::FieldError> {
    let source = PhoneSource::new(TownClock::new(START), Dice::new(1, 55));
    let signer = SoftSigner::new(Algorithm::Es256, &[3; 32]).unwrap();
    Field::open(Config::new(at.to_owned(), StoreKey::new(KEY)), Arc::new(source), Arc::new(signer))
}

fn state(db: &Connection) -> rusqlite::Result<State> {
    let verdict: String = db.query_row("PRAGMA integrity_check", [], |r| r.get(0))?;
    assert_eq!(verdict, "ok");
    Ok((db.query_row("PRAGMA user_version", [], |r| r.get(0))?, cells(db)?))
}

/// How many rows the tables of an older store have in this one.
fn old_content(db: &Connection, tables: &[String]) -> BTreeMap<String, i64> {
    let count = |table: &String| {
        db.query_row(&format!("SELECT count(*) FROM \"{table}\""), [], |r| r.get(0)).unwrap()
    };
    tables.iter().map(|table| (table.clone(), count(table))).collect()
}

fn tables(db: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'";
    db.prepare(sql).unwrap().query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect()
}

/// A saved store as an app left it: closed, or killed with its last commit in the WAL.
fn left_behind(fixture: &Path, killed: bool) -> Image {
    let dir = folder();
    let file = dir.path().join(DB);
    fs::copy(fixture, &file).unwrap();
    let db = phone::raw(&KEY, dir.path()).unwrap().unwrap();
    if killed {
        db.execute("INSERT INTO meta (key, value) VALUES ('last act', x'01')", []).unwrap();
    }
    let mut image = Image::from([(DB.into(), fs::read(&file).unwrap())]);
    if killed {
        image.insert(WAL.into(), fs::read(dir.path().join(WAL)).unwrap());
    }
    image
}

/// Opens one store with a crash after each operation; returns images tried, and how many crashes left
/// which version.
fn crash_everywhere(start: &Image, subsets: u64) -> (u64, BTreeMap<i64, u64>) {
    let (root, dir) = (folder(), folder());
    lay(start, root.path());
    let before = phone::raw(&KEY, root.path()).unwrap().unwrap();
    let ((first, _), names) = (state(&before).unwrap(), tables(&before));
    let wanted = old_content(&before, &names);
    drop(before);
    lay(start, root.path());
    let disk = Disk::mount(root.path());
    let field = open(root.path()).unwrap();
    disk.mark("open");
    let journal = disk.take_journal();
    drop((field, disk));
    let migrated = phone::raw(&KEY, root.path()).unwrap().unwrap();
    let end = state(&migrated).unwrap();
    assert_eq!(old_content(&migrated, &names), wanted);
    drop(migrated);
    let mut platter = Platter::default();
    // Found files are met late in the journal, but were there from the start.
    for (n, (name, bytes)) in start.iter().enumerate() {
        platter.apply(&Op::Found(name.clone(), 1_000_000 + n as u64, bytes.clone()));
    }
    let (mut states, mut tried, mut left) = (Vec::<State>::new(), 0, BTreeMap::new());
    let mut promised = 0;
    for (point, op) in journal.iter().enumerate() {
        platter.apply(op);
        if *op == Op::Mark("open".into()) {
            promised = states.len() - 1;
        } else if !op.is_point() {
            continue;
        }
        for subset in 0..=subsets {
            let what = format!("point {point} subset {subset}");
            let image = match subset.checked_sub(1) {
                None => platter.killed(),
                Some(subset) => platter.power_cut(1, point as u64, subset),
            };
            lay(&image, dir.path());
            let db = phone::raw(&KEY, dir.path()).unwrap().unwrap();
            let found = state(&db).unwrap_or_else(|e| panic!("{what}: {e}"));
            drop(db);
            if subset == 0 && states.last() != Some(&found) {
                // One transaction a step: no version has two contents before the newest.
                let next = states.last().is_none_or(|(version, _)| found.0 > *version);
                assert!(next, "{what}: version {} twice", found.0);
                states.push(found);
            }
            let at = states.iter().position(|state| *state == found);
            assert!(at.is_some_and(|at| at >= promised), "{what}: neither an old nor a new store");
            *left.entry(found.0).or_default() += 1;
            // The product gets the image as the crash left it, and goes on to the newest version.
            lay(&image, dir.path());
            let field = open(dir.path()).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(field.status().unwrap().pending, 1, "{what}");
            let hit = field.search("养猫", 10).unwrap();
            assert_eq!(field.document(hit[0].id).unwrap().members("note").count(), 1, "{what}");
            field.check().unwrap_or_else(|e| panic!("{what}: {e}"));
            drop(field);
            phone::chain(&KEY, dir.path()).unwrap_or_else(|e| panic!("{what}: {e}"));
            let db = phone::raw(&KEY, dir.path()).unwrap().unwrap();
            assert_eq!(state(&db).unwrap(), end, "{what}: another end");
            tried += 1;
        }
    }
    assert_eq!(states.first().map(|(version, _)| *version), Some(first), "the first state is the saved one");
    (tried, left)
}

/// F10: a kill or a power cut at any write of a migration leaves the version before it or after it, with
/// everything; the next opening brings it to the end.
#[test]
fn a_migration_survives_a_crash_at_every_point() {
    let mut fixtures: Vec<_> = fs::read_dir(FIXTURES).unwrap().map(|entry| entry.unwrap().path()).collect();
    fixtures.retain(|path| path.extension().is_some_and(|end| end == "db"));
    fixtures.sort();
    assert!(!fixtures.is_empty());
    for fixture in fixtures {
        for killed in [false, true] {
            let (tried, left) = crash_everywhere(&left_behind(&fixture, killed), number("DISK_SUBSETS", 4));
            let name = fixture.file_name().unwrap().display();
            println!("{name}, killed {killed}: {tried} crashes, by the version they left: {left:?}");
            assert!(tried >= 150, "{tried}");
            assert!(left.len() >= 3 && left.values().all(|n| *n > 9), "{left:?}");
        }
    }
}
