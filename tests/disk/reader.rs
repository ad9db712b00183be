//! A reader that stays for long while the log grows (F6).
//!
//! Nobody can write back past what a reader still reads, so the log grows with what is written meanwhile.
//! The writer must not wait for it, and once it is gone the log must become short again.

use crate::{
    DAY,
    crash::lay,
    damage::written_back,
    folder,
    phone::{self, FOLDER},
};
use rusqlite::Connection;
use std::{fs, path::Path};
use support::{
    dice::Dice,
    town::{Plan, START, Town, incoming},
};

/// What both stores keep of a log that begins anew.
const KEPT: u64 = 16 << 20;

fn length(file: &Path) -> u64 {
    fs::metadata(file).unwrap().len()
}

/// A second connection within a snapshot, and what it reads in it.
fn stay(reader: Connection, sql: &str) -> (Connection, i64) {
    reader.execute_batch("BEGIN").unwrap();
    let seen = reader.query_row(sql, [], |r| r.get(0)).unwrap();
    (reader, seen)
}

/// Writes until the log is longer than what is kept of one. Returns how often.
fn outgrow(log: &Path, mut write: impl FnMut(u64)) -> u64 {
    for n in 0..20_000 {
        if length(log) > KEPT + (1 << 20) {
            return n;
        }
        write(n);
    }
    panic!("{} bytes after 20,000 writes", length(log));
}

/// F6: what the phone writes beside a reader that stays is saved at once; afterwards its log is short.
#[test]
fn a_phone_writes_beside_a_reader_that_stays() {
    let day = &*DAY;
    let root = folder();
    lay(&written_back(day, "proposal"), root.path());
    let at = root.path().join(FOLDER);
    let (database, log) = (at.join("lanewalk.db"), at.join("lanewalk.db-wal"));
    let field = phone::open(day, &at).unwrap();
    field.add_note(day.order, "之前").unwrap();
    let count = "SELECT count(*) FROM entries";
    let (reader, seen) = stay(phone::raw(&day.key_bytes, &at).unwrap().unwrap(), count);
    let text = "长".repeat(900);
    let first = field.status().unwrap().last_seq;
    let written = outgrow(&log, |n| {
        field.add_note(day.order, &format!("{n}{text}")).unwrap();
    });
    // The reader still reads its moment; nobody else waits for it.
    assert_eq!(reader.query_row(count, [], |r| r.get::<_, i64>(0)).unwrap(), seen);
    assert_eq!(field.status().unwrap().last_seq, first + written);
    let (short, long) = (length(&database), length(&log));
    drop(reader);
    // The next commit writes it all back, the one after begins the log anew.
    field.add_note(day.order, "之后").unwrap();
    assert!(length(&database) > short, "nothing was written back");
    field.add_note(day.order, "再后").unwrap();
    println!("phone: {written} acts beside a reader, a log of {long} bytes, afterwards {}", length(&log));
    assert!(length(&log) <= KEPT, "{} bytes are kept", length(&log));
    // Nothing of it is lost, whichever files a kill leaves.
    let left = folder();
    fs::create_dir_all(left.path().join(FOLDER)).unwrap();
    for name in ["lanewalk.db", "lanewalk.db-wal"] {
        fs::copy(at.join(name), left.path().join(FOLDER).join(name)).unwrap();
    }
    let again = phone::open_again(day, &left.path().join(FOLDER), 1).unwrap();
    assert_eq!(again.status().unwrap().last_seq, first + written + 2);
    again.check().unwrap();
    field.pause().unwrap();
    assert!(!log.exists());
}

/// F6: the same for headquarters, whose console reads from other threads.
#[test]
fn headquarters_writes_beside_a_reader_that_stays() {
    let root = folder();
    let hq = root.path().join("hq-0");
    let (database, log) = (hq.join("hq.db"), hq.join("hq.db-wal"));
    let plan = Plan { seed: 6, grid_workers: 1, property_staff: 0, orders: 3 };
    let town = Town::without_phones(plan, START, root);
    let count = "SELECT count(*) FROM log";
    let (reader, seen) = stay(Connection::open(&database).unwrap(), count);
    let take_in = |n: u64| {
        let mut order = incoming(&mut Dice::new(n, 9), 7_000 + n, START);
        order.reported_text = format!("{n}{}", "雨".repeat(3_000));
        town.network.hq(|hq| hq.take_in(&[order], "hc-01").map(|_| ())).unwrap();
    };
    let written = outgrow(&log, take_in);
    assert_eq!(reader.query_row(count, [], |r| r.get::<_, i64>(0)).unwrap(), seen);
    let (short, long) = (length(&database), length(&log));
    drop(reader);
    take_in(written);
    assert!(length(&database) > short, "nothing was written back");
    take_in(written + 1);
    println!(
        "headquarters: {written} orders beside a reader, a log of {long} bytes, afterwards {}",
        length(&log)
    );
    assert!(length(&log) <= KEPT, "{} bytes are kept", length(&log));
    let sql = "SELECT count(*) FROM docs WHERE kind = ?1";
    let kind = lanewalk_model::schema::DocKind::Order.code();
    let held: u64 = town.network.hq(|hq| hq.reader().query_row(sql, [kind], |r| r.get(0)).unwrap());
    assert_eq!(held, 3 + written + 2);
}
