//! A database and a write-ahead log of different days, as files copied one by one leave them (F4).
//!
//! Both are whole and of the same store, so every sum of SQLite's and SQLCipher's holds over any pair.

use crate::{
    DAY,
    crash::{Print, Store, lay},
    damage::{file, salvage, written_back},
    day::Day,
    folder,
    phone::{self, FOLDER, Phone},
};
use lanewalk_fault_disk::Image;
use lanewalk_field::{Field, NewVisit};
use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::Path,
};

/// A store after an act: its two files and what is in them together.
struct Moment {
    database: Vec<u8>,
    log: Vec<u8>,
    print: Print,
}

impl Moment {
    fn of(at: &Path) -> Self {
        let read = |ending: &str| fs::read(at.join(file(ending))).unwrap_or_default();
        let (database, log) = (read(""), read("-wal"));
        let copy = folder();
        lay(&pair(&database, &log), copy.path());
        Self { database, log, print: Phone.print(copy.path()).unwrap() }
    }
}

fn pair(database: &[u8], log: &[u8]) -> Image {
    let mut image = Image::from([(file(""), database.to_vec())]);
    if !log.is_empty() {
        image.insert(file("-wal"), log.to_vec());
    }
    image
}

/// A life of several logs: ended by a pause, by a kill that finds a log to go on with, by its length.
fn life(day: &Day, root: &Path) -> Vec<Moment> {
    let at = root.join(FOLDER);
    let mut moments = Vec::new();
    let act = |field: &Field, n: u64| {
        match n % 3 {
            0 => drop(field.add_note(day.order, &format!("第{n}条")).unwrap()),
            1 => {
                let visit =
                    NewVisit { order: Some(day.order), kind: "site_check".into(), ..NewVisit::default() };
                field.record_visit(visit).unwrap();
            }
            _ => drop(field.contact(day.order, true, "已去电").unwrap()),
        };
    };
    let mut field = phone::open(day, &at).unwrap();
    for n in 0..12 {
        if n % 3 == 0 {
            field.pause().unwrap();
            moments.push(Moment::of(root));
            field.resume().unwrap();
        } else if n % 5 == 0 {
            drop(field);
            field = phone::open_again(day, &at, n).unwrap();
        }
        act(&field, n);
        moments.push(Moment::of(root));
    }
    // A log so long that it is written back and begins anew while the store is open.
    let mut before = moments[moments.len() - 1].database.clone();
    let mut after = 0;
    for n in 0.. {
        field.add_note(day.order, &format!("第{n}条记录")).unwrap();
        let now = fs::read(root.join(file(""))).unwrap();
        if now != before || after > 0 {
            after += 1;
            moments.push(Moment::of(root));
            before = now;
        }
        if after > 3 {
            break;
        }
        assert!(n < 400, "the log is never written back");
    }
    moments
}

/// F4: whatever moments of one store its database and its log are from, it opens as it stood at some
/// commit, or refuses and touches nothing; what was saved can be got out.
#[test]
fn a_log_of_another_day_is_its_own_or_refused() {
    let day = &*DAY;
    let (root, dir) = (folder(), folder());
    lay(&written_back(day, "proposal"), root.path());
    let moments = life(day, root.path());
    let states: HashSet<Print> = moments.iter().map(|moment| moment.print).collect();
    let mut databases: Vec<&Vec<u8>> = moments.iter().map(|moment| &moment.database).collect();
    databases.dedup();
    assert!(databases.len() >= 5, "{}", databases.len());
    let at = dir.path().join(FOLDER);
    let (mut ends, mut mixtures, mut salvaged) = (BTreeMap::<&str, u64>::new(), 0, 0);
    for (d, database) in databases.iter().enumerate() {
        for (n, moment) in moments.iter().enumerate().filter(|(_, moment)| !moment.log.is_empty()) {
            let image = pair(database, &moment.log);
            let what = format!("database {d}, log of moment {n}");
            lay(&image, dir.path());
            let mixed = !Phone.print(dir.path()).is_ok_and(|print| states.contains(&print));
            mixtures += u64::from(mixed);
            lay(&image, dir.path());
            match phone::open(day, &at) {
                Ok(field) => {
                    assert!(!mixed, "{what}: a mixture was opened");
                    drop(field);
                    let print = Phone.print(dir.path()).unwrap_or_else(|e| panic!("{what}: {e}"));
                    assert!(states.contains(&print), "{what}: a state that never was");
                    *ends.entry("opened").or_default() += 1;
                }
                Err(e) => {
                    assert_eq!(e.code(), "corrupt", "{what}: {e}");
                    assert!(**database != moment.database, "{what}: its own log is refused");
                    assert!(fs::read(at.join("lanewalk.db")).unwrap() == **database, "{what}: touched");
                    assert!(fs::read(at.join("lanewalk.db-wal")).unwrap() == moment.log, "{what}: touched");
                    let said = e.to_string();
                    let older = said.contains("is not this database's");
                    // Where the pages of two days do not even fit, SQLite says so first.
                    let end = match () {
                        () if older => "older log",
                        () if said.contains("older than its") => "older database",
                        () => "malformed",
                    };
                    *ends.entry(end).or_default() += 1;
                    if (d + n) % 4 == 0 {
                        let saved = salvage(day, &at).unwrap_or_else(|e| panic!("{what}: {e}"));
                        assert!(saved.identity && saved.entries > 0, "{what}: {saved:?}");
                        let kept = fs::read(at.join("damaged-1/lanewalk.db-wal")).unwrap();
                        assert!(kept == moment.log, "{what}: the log is not kept");
                        phone::open(day, &at).unwrap().check().unwrap();
                        if older {
                            assert_eq!(saved.missing, 0, "{what}");
                            phone::chain(&day.key_bytes, &at).unwrap_or_else(|e| panic!("{what}: {e}"));
                        }
                        salvaged += 1;
                    }
                }
            }
        }
    }
    println!(
        "databases and logs of different moments: {ends:?}, {mixtures} of them mixtures, {salvaged} salvaged"
    );
    assert!(["opened", "older log", "older database"].iter().all(|end| ends[end] > 9), "{ends:?}");
    assert!(mixtures > 30 && salvaged > 10, "{mixtures} {salvaged}");
}
