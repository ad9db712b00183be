//! Real databases: what is written here, and what an OpenSSL build of SQLCipher wrote.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use lanewalk_sqlcipher_provider::{assert_ready, table};
use rusqlite::{Connection, ErrorCode};

const RAW_KEY: &str = "x'2DD29CA851E7B56E4697B0E1F08507293D761A05CE4D1B628663F411A8086D99'";
const OTHER_KEY: &str = "x'2DD29CA851E7B56E4697B0E1F08507293D761A05CE4D1B628663F411A8086D98'";
const PASSPHRASE: &str = "大垫尖 lane walk";

fn open(path: &Path, key: &str) -> Connection {
    let db = Connection::open(path).unwrap();
    db.pragma_update(None, "key", key).unwrap();
    db
}

fn fill(db: &Connection) {
    db.execute_batch("CREATE TABLE visit(id INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT").unwrap();
    let mut insert = db.prepare("INSERT INTO visit(id, note) VALUES (?1, ?2)").unwrap();
    for id in 0..200 {
        insert.execute((id, note(id))).unwrap();
    }
}

fn note(id: i64) -> String {
    format!("visit {id}: {}", "井巷 12 号 ".repeat(40))
}

fn check(db: &Connection) {
    let mut select = db.prepare("SELECT id, note FROM visit ORDER BY id").unwrap();
    let rows: Vec<(i64, String)> =
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows, (0..200).map(|id| (id, note(id))).collect::<Vec<_>>());
}

/// Reads the complaints of `PRAGMA cipher_integrity_check`: one for each page whose tag is wrong.
fn complaints(db: &Connection) -> usize {
    let mut check = db.prepare("PRAGMA cipher_integrity_check").unwrap();
    check.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap).count()
}

fn contains(path: &Path, needle: &[u8]) -> bool {
    fs::read(path).unwrap().windows(needle.len()).any(|window| window == needle)
}

#[test]
fn ready_reports_what_is_linked() {
    let versions = assert_ready().unwrap();
    assert_eq!(versions.provider.as_bytes(), table::PROVIDER_NAME.to_bytes());
    assert_eq!(versions.provider_version, env!("CARGO_PKG_VERSION"));
    assert!(versions.sqlcipher.starts_with(sqlcipher_src::SQLCIPHER_VERSION), "{versions:?}");
    assert_eq!(versions.sqlite, sqlcipher_src::SQLITE_VERSION);
}

#[test]
fn what_is_written_is_read_back_and_only_with_the_key() {
    for key in [RAW_KEY, PASSPHRASE] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lanewalk.db");
        let db = open(&path, key);
        fill(&db);
        drop(db);

        let db = open(&path, key);
        check(&db);
        assert_eq!(complaints(&db), 0);
        drop(db);

        for plain in ["SQLite format 3", "CREATE TABLE", "visit", "井巷"] {
            assert!(!contains(&path, plain.as_bytes()), "{plain} is readable");
        }
        for wrong in [OTHER_KEY, "another passphrase"] {
            let refused =
                open(&path, wrong).query_row("SELECT count(*) FROM visit", [], |row| row.get::<_, i64>(0));
            assert_eq!(refused.unwrap_err().sqlite_error_code(), Some(ErrorCode::NotADatabase));
        }
    }
}

#[test]
fn the_write_ahead_log_is_encrypted_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lanewalk.db");
    let db = open(&path, RAW_KEY);
    db.pragma_update(None, "journal_mode", "wal").unwrap();
    fill(&db);
    let log = folder.path().join("lanewalk.db-wal");
    assert!(fs::metadata(&log).unwrap().len() > 100_000);
    assert!(!contains(&log, "井巷".as_bytes()));
    check(&open(&path, RAW_KEY));
}

#[test]
fn one_changed_bit_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lanewalk.db");
    fill(&open(&path, RAW_KEY));
    let mut file = fs::read(&path).unwrap();
    file[5 * 4096 + 100] ^= 1;
    fs::write(&path, file).unwrap();

    let db = open(&path, RAW_KEY);
    assert_eq!(complaints(&db), 1);
    assert!(db.query_row("SELECT sum(length(note)) FROM visit", [], |row| row.get::<_, i64>(0)).is_err());
}

#[test]
fn databases_of_an_openssl_build_open_and_take_writes() {
    // Written by the same SQLCipher release with its OpenSSL provider: four rows in `lane`.
    for (name, key) in [("openssl-raw-key.db", RAW_KEY), ("openssl-passphrase.db", PASSPHRASE)] {
        let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::copy(fixture, &path).unwrap();

        let db = open(&path, key);
        assert_eq!(complaints(&db), 0, "{name}");
        let mut select = db.prepare("SELECT name, size FROM lane ORDER BY id").unwrap();
        let lanes: Vec<(String, i64)> =
            select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
        let expected = [("井巷".to_owned(), 120), ("衣裳街".to_owned(), 640), ("Willow Lane".to_owned(), 7)];
        assert_eq!(lanes[..3], expected, "{name}");
        assert_eq!(lanes[3], ("田".repeat(1000), 3000), "{name}");
        drop(select);

        db.execute("UPDATE lane SET size = size + 1", []).unwrap();
        drop(db);
        let sum = open(&path, key).query_row("SELECT sum(size) FROM lane", [], |row| row.get::<_, i64>(0));
        assert_eq!(sum.unwrap(), 120 + 640 + 7 + 3000 + 4, "{name}");
    }
}

#[test]
fn threads_share_the_provider() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let path = folder.path().join(format!("{worker}.db"));
            scope.spawn(move || {
                fill(&open(&path, RAW_KEY));
                check(&open(&path, RAW_KEY));
            });
        }
    });
}
