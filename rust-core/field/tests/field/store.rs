//! Opening, refusing and surviving.

use crate::{
    hq::Hq,
    phone::{KEY, Phone, TestSource, open},
};
use lanewalk_field::FieldError;
use lanewalk_model::document::Edit;
use std::path::Path;

fn raw(dir: &Path) -> rusqlite::Connection {
    let conn = rusqlite::Connection::open(dir.join("lanewalk.db")).unwrap();
    conn.execute_batch(&format!("PRAGMA key = \"x'{}'\"", lanewalk_model::id::to_hex(&KEY))).unwrap();
    conn
}

#[test]
fn a_wrong_key_is_told_and_touches_nothing() {
    let phone = Phone::new(1);
    phone.field.close().unwrap();
    let file = phone.dir.path().join("lanewalk.db");
    let before = std::fs::read(&file).unwrap();
    let error = open(phone.dir.path(), [8; 32], TestSource::new(1)).unwrap_err();
    assert_eq!(error, FieldError::WrongKey);
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert!(open(phone.dir.path(), KEY, TestSource::new(1)).is_ok());
}

#[test]
fn nothing_readable_lies_on_the_disk() {
    let hq = Hq::new();
    let id = hq.order(1, &[Edit::set("title", "canary-title-4711")]);
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    phone.field.add_note(id, "canary-note-4712").unwrap();
    for entry in std::fs::read_dir(phone.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let bytes = std::fs::read(path).unwrap();
        assert!(!bytes.windows(6).any(|w| w == b"canary"));
        assert!(!bytes.starts_with(b"SQLite format"));
    }
}

#[test]
fn a_newer_schema_is_refused_and_kept() {
    let phone = Phone::new(1);
    phone.field.close().unwrap();
    raw(phone.dir.path()).execute_batch("PRAGMA user_version = 99").unwrap();
    let error = open(phone.dir.path(), KEY, TestSource::new(1)).unwrap_err();
    assert_eq!(error, FieldError::NewerSchema { found: 99, known: 4 });
    let still: i64 = raw(phone.dir.path()).query_row("PRAGMA user_version", [], |r| r.get(0)).unwrap();
    assert_eq!(still, 99);
}

#[test]
fn another_programs_database_is_not_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    raw(dir.path()).execute_batch("CREATE TABLE t(x)").unwrap();
    let error = open(dir.path(), KEY, TestSource::new(1)).unwrap_err();
    assert_eq!(error.code(), "corrupt");
}

#[test]
fn every_broken_page_ends_in_a_typed_state() {
    let hq = Hq::new();
    let ids: Vec<_> = (1..40).map(|n| hq.order(n, &[Edit::set("title", "噪音扰民".repeat(40))])).collect();
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    for id in &ids {
        phone.field.add_note(*id, "记录").unwrap();
    }
    phone.field.close().unwrap();
    let file = phone.dir.path().join("lanewalk.db");
    let good = std::fs::read(&file).unwrap();
    let pages = good.len() / 4096;
    assert!(pages > 20, "{pages}");
    let mut seen = 0;
    for page in 0..pages {
        let mut bad = good.clone();
        bad[page * 4096 + 1_000] ^= 1;
        std::fs::write(&file, &bad).unwrap();
        let outcome = open(phone.dir.path(), KEY, TestSource::new(2)).and_then(|field| {
            let used = field.check();
            for id in &ids {
                if let Err(e) = field.document(*id) {
                    assert_eq!(e.code(), "corrupt", "page {page}");
                }
            }
            used
        });
        match outcome {
            Err(FieldError::Corrupt { .. } | FieldError::WrongKey) => seen += 1,
            other => panic!("page {page}: {other:?}"),
        }
        assert_eq!(std::fs::read(&file).unwrap(), bad, "page {page}: the file was changed");
    }
    assert_eq!(seen, pages);
}

#[test]
fn what_was_saved_survives_a_kill_at_any_moment() {
    let hq = Hq::new();
    let id = hq.order(1, &[]);
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    for n in 1..=25_u64 {
        let saved = phone.field.add_note(id, &format!("note {n}")).unwrap();
        assert_eq!(saved.seq, n);
        if n % 6 == 0 {
            let copy = phone.after_kill();
            assert_eq!(copy.field.status().unwrap().pending, n);
            let view = copy.field.document(id).unwrap();
            assert_eq!(view.members("note").count() as u64, n);
            // The copy goes on with the same chain.
            assert_eq!(copy.field.add_note(id, "after").unwrap().seq, n + 1);
            copy.field.check().unwrap();
        }
    }
}

#[test]
fn a_saved_version_1_database_opens() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-v1.db");
    if std::env::var_os("LANEWALK_WRITE_FIXTURE").is_some() {
        let hq = Hq::new();
        let id = hq.order(1, &[Edit::set("title", "潍棉小区养猫")]);
        let phone = Phone::enrolled(&hq);
        phone.field.sync(&hq).unwrap();
        phone.field.add_note(id, "等待上传").unwrap();
        phone.field.close().unwrap();
        std::fs::copy(phone.dir.path().join("lanewalk.db"), &fixture).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(&fixture, dir.path().join("lanewalk.db")).unwrap();
    let field = open(dir.path(), KEY, TestSource::new(3)).unwrap();
    assert_eq!(field.identity().unwrap().worker, "gw-01");
    assert_eq!(field.status().unwrap().pending, 1);
    let found = field.search("养猫", 10).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(field.document(found[0].id).unwrap().members("note").count(), 1);
}

#[test]
fn pausing_closes_the_files_and_resuming_goes_on() {
    let hq = Hq::new();
    let id = hq.order(1, &[]);
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    phone.field.pause().unwrap();
    assert_eq!(phone.field.add_note(id, "x").unwrap_err(), FieldError::Paused);
    assert_eq!(phone.field.document(id).unwrap_err(), FieldError::Paused);
    assert!(!phone.dir.path().join("lanewalk.db-wal").exists());
    phone.field.resume().unwrap();
    assert_eq!(phone.field.add_note(id, "x").unwrap().seq, 1);
}
