//! Damage that no crash makes: flipped bits, cut WALs, WALs of another store (F4, F7).

use crate::{
    DAY,
    crash::{Print, Store, image_after, lay},
    day::Day,
    folder, number,
    office::{self, Office},
    phone::{self, FOLDER, Phone},
};
use lanewalk_fault_disk::{Disk, Image, Op, Platter};
use lanewalk_field::{Config, Field, FieldError, Salvaged};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use support::dice::Dice;

pub(crate) fn file(ending: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("lanewalk.db{ending}"))
}

/// The committed contents of the phone's store up to the end of a use case.
fn history(day: &Day, name: &str) -> BTreeSet<Print> {
    let dir = folder();
    let mut image = image_after(&Phone, day, name);
    let wal = image.get(&file("-wal")).unwrap().clone();
    let mut states = BTreeSet::new();
    // Every frame's end: 32 bytes of header, then 24 and a page for each.
    for frames in 0..=(wal.len() - 32) / 4_120 {
        image.insert(file("-wal"), wal[..32 + frames * 4_120].to_vec());
        lay(&image, dir.path());
        states.insert(Phone.print(dir.path()).unwrap());
    }
    states
}

/// The phone's files with nothing left in the WAL.
pub(crate) fn written_back(day: &Day, name: &str) -> Image {
    let dir = folder();
    let mut image = image_after(&Phone, day, name);
    lay(&image, dir.path());
    phone::open(day, &dir.path().join(FOLDER)).unwrap().pause().unwrap();
    image.remove(&file("-wal"));
    image.insert(file(""), fs::read(dir.path().join(file(""))).unwrap());
    image
}

fn code(done: Result<Field, FieldError>) -> &'static str {
    match done {
        Ok(_) => "open",
        Err(e) => e.code(),
    }
}

/// F4: whatever is cut off the WAL or flipped in it, the store opens as it stood at some commit; nothing
/// beside the WAL changes before it is open.
#[test]
fn a_torn_wal_recovers_to_a_commit() {
    let day = &*DAY;
    let states = history(day, "proposal");
    assert!(states.len() > 8, "{}", states.len());
    let image = image_after(&Phone, day, "proposal");
    let wal = image.get(&file("-wal")).unwrap().clone();
    let dir = folder();
    let step = usize::try_from(number("DISK_WAL_STEP", 4_001)).unwrap();
    let (mut tried, mut reached) = (0, BTreeSet::new());
    for at in (0..wal.len()).step_by(step) {
        for flip in [false, true] {
            let mut torn = wal.clone();
            if flip {
                torn[at] ^= 1 << (at % 8)
            } else {
                torn.truncate(at)
            }
            let mut image = image.clone();
            image.insert(file("-wal"), torn);
            lay(&image, dir.path());
            let print = Phone.print(dir.path()).unwrap_or_else(|e| panic!("{at} {flip}: {e}"));
            assert!(states.contains(&print), "byte {at}, flipped {flip}: a state that never was");
            reached.insert(print);
            lay(&image, dir.path());
            Phone.check(day, None, dir.path()).unwrap_or_else(|e| panic!("{at} {flip}: {e}"));
            tried += 1;
        }
    }
    println!("torn WALs: {tried}, reaching {} of {} commits", reached.len(), states.len());
    assert!(tried > 150 && reached.len() > 6);
}

/// F4: a WAL of another store, however whole, is not written into this one; the store opens again when
/// it is gone.
#[test]
fn a_foreign_wal_is_refused_and_touches_nothing() {
    let day = &*DAY;
    let mut image = image_after(&Phone, day, "proposal");
    let own = image.get(&file("-wal")).unwrap().clone();
    let dir = folder();
    lay(&image, dir.path());
    let at = dir.path().join(FOLDER);
    // Another phone of the same person: the same key, another salt.
    let other = folder();
    let field = phone::open(day, other.path()).unwrap();
    let foreign = fs::read(other.path().join("lanewalk.db-wal")).unwrap();
    drop(field);
    assert!(foreign.len() > 4_000);
    image.insert(file("-wal"), foreign.clone());
    lay(&image, dir.path());
    let before = code(phone::open(day, &at));
    assert!(matches!(before, "wrong_key" | "corrupt"), "{before}");
    assert!(fs::read(at.join("lanewalk.db")).unwrap() == image[&file("")], "the database changed");
    assert!(fs::read(at.join("lanewalk.db-wal")).unwrap() == foreign, "the WAL is not kept");
    image.insert(file("-wal"), own);
    lay(&image, dir.path());
    Phone.check(day, None, dir.path()).unwrap();
}

/// F7: a bit flipped anywhere in the database beneath its WAL ends in a state with a name, and the files
/// stay as they are until somebody asks for a salvage; that keeps them and every entry that can be read.
#[test]
fn every_flipped_bit_of_a_phone_ends_in_a_typed_state() {
    let day = &*DAY;
    let dir = folder();
    let at = dir.path().join(FOLDER);
    // A note in the WAL over a database that holds the rest.
    lay(&written_back(day, "proposal"), dir.path());
    let field = phone::open(day, &at).unwrap();
    field.add_note(day.order, "之上").unwrap();
    let good = fs::read(at.join("lanewalk.db")).unwrap();
    let wal = fs::read(at.join("lanewalk.db-wal")).unwrap();
    drop(field);
    let image = Image::from([(file(""), good.clone()), (file("-wal"), wal)]);
    let mut dice = Dice::new(day.seed, 70);
    let mut seen: Vec<(&str, u64)> = Vec::new();
    for page in 0..good.len() / 4_096 {
        let byte = page * 4_096 + usize::try_from(dice.below(4_096)).unwrap();
        let mut bad = good.clone();
        bad[byte] ^= 1 << dice.below(8);
        let mut image = image.clone();
        image.insert(file(""), bad.clone());
        lay(&image, dir.path());
        let opened = phone::open(day, &at);
        let state = match opened {
            Ok(field) => match field.check() {
                Ok(()) => "covered by the WAL",
                Err(e) => e.code(),
            },
            Err(e) => {
                assert!(fs::read(at.join("lanewalk.db")).unwrap() == bad, "byte {byte}: the file changed");
                e.code()
            }
        };
        assert!(matches!(state, "covered by the WAL" | "corrupt" | "wrong_key"), "byte {byte}: {state}");
        match seen.iter_mut().find(|(s, _)| *s == state) {
            Some((_, n)) => *n += 1,
            None => seen.push((state, 1)),
        }
        if state == "corrupt" {
            lay(&image, dir.path());
            let saved = salvage(day, &at).unwrap_or_else(|e| panic!("byte {byte}: {e}"));
            assert!(fs::read(at.join("damaged-1/lanewalk.db")).unwrap() == bad, "byte {byte}: not kept");
            if saved.identity && saved.missing == 0 {
                phone::chain(&day.key_bytes, &at).unwrap_or_else(|e| panic!("byte {byte}: {e}"));
            }
            phone::open(day, &at).unwrap().check().unwrap();
        }
    }
    println!("flipped bits of a phone: {seen:?}");
    assert!(seen.iter().map(|(_, n)| n).sum::<u64>() >= 30);
}

pub(crate) fn salvage(day: &Day, at: &Path) -> Result<Salvaged, FieldError> {
    Field::salvage(&Config::new(at.to_owned(), day.key.clone()))
}

/// F1, F7: a crash at any point of a salvage leaves the damaged store or the new one, and the damaged
/// bytes somewhere.
#[test]
fn a_salvage_survives_a_crash_at_every_point() {
    let day = &*DAY;
    let mut image = written_back(day, "photo import");
    // The page of a list that can be pulled again: everything else is readable.
    let dir = folder();
    let (damaged, whole) = (0..image[&file("")].len() / 4_096)
        .rev()
        .find_map(|page| {
            let mut bad = image.clone();
            bad.get_mut(&file(""))?[page * 4_096 + 99] ^= 4;
            lay(&bad, dir.path());
            let saved = salvage(day, &dir.path().join(FOLDER)).ok()?;
            (saved.identity && saved.missing == 0 && saved.unsent > 9 && saved.photos == 2)
                .then_some((bad, saved))
        })
        .unwrap();
    image.clone_from(&damaged);
    let root = folder();
    lay(&image, root.path());
    let disk = Disk::mount(root.path());
    disk.flush();
    salvage(day, &root.path().join(FOLDER)).unwrap();
    let journal = disk.take_journal();
    drop(disk);
    // Found files are met late in the journal, but were there from the start.
    let mut platter = Platter::default();
    for (n, (name, bytes)) in image.iter().enumerate() {
        platter.apply(&Op::Found(name.clone(), 1_000_000 + n as u64, bytes.clone()));
    }
    let (mut tried, mut old) = (0, 0);
    for (point, op) in journal.iter().enumerate() {
        platter.apply(op);
        if !op.is_point() {
            continue;
        }
        for subset in 0..=number("DISK_SUBSETS", 2) {
            let left = match subset.checked_sub(1) {
                None => platter.killed(),
                Some(subset) => platter.power_cut(day.seed, point as u64, subset),
            };
            lay(&left, dir.path());
            let at = dir.path().join(FOLDER);
            let what = format!("point {point} subset {subset}");
            let field = match phone::open(day, &at) {
                Ok(field) if field.check().is_ok() => field,
                _ => {
                    old += 1;
                    assert_eq!(salvage(day, &at).unwrap_or_else(|e| panic!("{what}: {e}")), whole, "{what}");
                    phone::open(day, &at).unwrap()
                }
            };
            assert_eq!(field.status().unwrap().pending, whole.unsent, "{what}");
            drop(field);
            phone::chain(&day.key_bytes, &at).unwrap_or_else(|e| panic!("{what}: {e}"));
            let kept = fs::read_dir(&at).unwrap().flatten().any(|entry| {
                entry.file_name().to_string_lossy().starts_with("damaged-")
                    && fs::read(entry.path().join("lanewalk.db")).is_ok_and(|kept| kept == damaged[&file("")])
            });
            assert!(kept, "{what}: the damaged file is gone");
            tried += 1;
        }
    }
    println!("crashes of a salvage: {tried}, {old} before it was decided");
    assert!(tried > 300 && old > 50);
}

/// F7 at headquarters: damage is an error with a name; it never moves the horizon that phones let go by.
#[test]
fn every_flipped_bit_of_headquarters_is_found_before_a_backup_counts() {
    let day = &*DAY;
    let image = image_after(&Office("hq-0"), day, "send photos");
    let (db, wal) = (PathBuf::from("hq-0/hq.db"), PathBuf::from("hq-0/hq.db-wal"));
    let dir = folder();
    // Everything in the database itself, nothing in a WAL over it.
    lay(&image, dir.path());
    drop(office::open(day, &dir.path().join("hq-0")).unwrap());
    let good = fs::read(dir.path().join(&db)).unwrap();
    let mut image: Image = image;
    image.remove(&wal);
    let log = |file: &Path| -> rusqlite::Result<Vec<[Vec<u8>; 3]>> {
        let db = rusqlite::Connection::open(file)?;
        let mut statement = db.prepare("SELECT hash, header, change FROM log ORDER BY idx")?;
        let rows = statement.query_map([], |r| Ok([r.get(0)?, r.get(1)?, r.get(2)?]))?;
        rows.collect()
    };
    let wanted = log(&dir.path().join(&db)).unwrap();
    let mut dice = Dice::new(day.seed, 71);
    let (mut refused, mut taken) = (0, 0);
    for page in 0..good.len() / 4_096 {
        let mut bad = good.clone();
        // A whole sector, as disks lose them.
        let sector = page * 4_096 + 512 * usize::try_from(dice.below(8)).unwrap();
        bad[sector..sector + 512].fill(0xA5);
        image.insert(db.clone(), bad);
        lay(&image, dir.path());
        let at = dir.path().join("hq-0");
        let copy = at.join("copy.db");
        match office::open(day, &at).and_then(|mut hq| hq.backup_to(&copy)) {
            Err(_) => refused += 1,
            Ok(_) => {
                taken += 1;
                assert!(
                    log(&copy).unwrap() == wanted,
                    "sector {}: a backup without the entries counts",
                    sector / 512
                );
            }
        }
    }
    println!("lost sectors of headquarters: {refused} refused, {taken} outside the log");
    assert!(refused > 15 && taken > 15);
}
