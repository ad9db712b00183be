//! The disk bites where it must and nowhere else: settings that lose data lose it here, settings
//! that promise to keep it keep it.
#![allow(clippy::unwrap_used, missing_docs)]

use lanewalk_fault_disk::{Disk, Failure, Fault, Image, Op, Platter};
use lanewalk_sqlcipher_provider as _;
use rusqlite::Connection;
use std::{collections::BTreeSet, fs, io::Write as _, path::Path};

fn write_out(image: &Image, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for (name, bytes) in image {
        fs::create_dir_all(to.join(name).parent().unwrap()).unwrap();
        fs::write(to.join(name), bytes).unwrap();
    }
}

fn rows(dir: &Path) -> rusqlite::Result<i64> {
    let db = Connection::open(dir.join("t.db"))?;
    let verdict: String = db.query_row("PRAGMA integrity_check", [], |r| r.get(0))?;
    if verdict != "ok" {
        return Ok(-1);
    }
    let made: bool = db.query_row("SELECT count(*) > 0 FROM sqlite_master", [], |r| r.get(0))?;
    if made { db.query_row("SELECT count(*) FROM t", [], |r| r.get(0)) } else { Ok(0) }
}

/// Commits ten rows; every crash point with `subsets` power cuts. Returns the numbers of rows missing
/// from what had been acknowledged; -1 is damage.
fn missing(journal_mode: &str, synchronous: &str, subsets: u64) -> BTreeSet<i64> {
    let dir = tempfile::tempdir().unwrap();
    let (root, out) = (dir.path().join("disk"), dir.path().join("image"));
    fs::create_dir(&root).unwrap();
    let disk = Disk::mount(&root);
    let db = Connection::open(root.join("t.db")).unwrap();
    db.pragma_update(None, "journal_mode", journal_mode).unwrap();
    db.pragma_update(None, "synchronous", synchronous).unwrap();
    db.execute_batch("CREATE TABLE t (a, b)").unwrap();
    disk.mark("0");
    for n in 1..=10 {
        db.execute("INSERT INTO t VALUES (?1, ?2)", (n, "x".repeat(3_000))).unwrap();
        if n == 5 {
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        }
        disk.mark(n.to_string());
    }
    let (mut platter, mut acknowledged, mut out_of) = (Platter::default(), None, BTreeSet::new());
    for (point, op) in disk.take_journal().iter().enumerate() {
        platter.apply(op);
        if let Op::Mark(n) = op {
            acknowledged = Some(n.parse::<i64>().unwrap());
        }
        let Some(acknowledged) = acknowledged else { continue };
        write_out(&platter.killed(), &out);
        assert!(rows(&out).unwrap() >= acknowledged, "a kill lost a row at {point}");
        for subset in 0..subsets {
            write_out(&platter.power_cut(1, point as u64, subset), &out);
            out_of.insert(match rows(&out) {
                Ok(-1) | Err(_) => -1,
                Ok(there) => (acknowledged - there).max(0),
            });
        }
    }
    out_of
}

#[test]
fn settings_that_promise_to_keep_keep() {
    assert_eq!(missing("WAL", "FULL", 6), BTreeSet::from([0]));
    assert_eq!(missing("DELETE", "EXTRA", 6), BTreeSet::from([0]));
}

#[test]
fn settings_that_promise_nothing_lose() {
    let normal = missing("WAL", "NORMAL", 6);
    assert!(normal.iter().any(|n| *n > 0) && !normal.contains(&-1), "{normal:?}");
    assert!(missing("DELETE", "OFF", 6).contains(&-1));
}

#[test]
fn a_name_without_its_folder_synced_and_content_without_its_file_synced_can_be_lost() {
    for (sync_file, sync_folder) in [(true, true), (true, false), (false, true)] {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::mount(dir.path());
        let mut file = fs::File::create(dir.path().join("a.part")).unwrap();
        file.write_all(&[7; 4_000]).unwrap();
        if sync_file {
            file.sync_all().unwrap();
        }
        drop(file);
        fs::rename(dir.path().join("a.part"), dir.path().join("a")).unwrap();
        if sync_folder {
            fs::File::open(dir.path()).unwrap().sync_all().unwrap();
        }
        let mut platter = Platter::default();
        disk.take_journal().iter().for_each(|op| platter.apply(op));
        let whole = |image: &Image| image.get(Path::new("a")).is_some_and(|a| *a == [7; 4_000]);
        assert!(whole(&platter.killed()));
        let kept = (0..32).filter(|s| whole(&platter.power_cut(1, 0, *s))).count();
        assert_eq!(kept == 32, sync_file && sync_folder, "{sync_file} {sync_folder}: {kept}");
    }
}

#[test]
fn the_nth_call_fails_once_or_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::mount(dir.path());
    let put = |name: &str| fs::write(dir.path().join(name), b"x").map_err(|e| e.kind());
    let full = Err(std::io::ErrorKind::StorageFull);
    disk.arm(Fault { failure: Failure::Full, at: 2, for_ever: false });
    // Opening is the first call that needs room, writing the second.
    assert_eq!([put("a"), put("b")], [full, Ok(())]);
    disk.arm(Fault { failure: Failure::Full, at: 2, for_ever: true });
    assert_eq!([put("c"), put("d")], [full, full]);
    assert_eq!(disk.disarm(), 2);
    assert_eq!(put("e"), Ok(()));

    let db = Connection::open(dir.path().join("t.db")).unwrap();
    db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a)").unwrap();
    disk.arm(Fault { failure: Failure::Full, at: 1, for_ever: true });
    let error = db.execute("INSERT INTO t VALUES (1)", []).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull));
    disk.disarm();
    db.execute("INSERT INTO t VALUES (1)", []).unwrap();
}
