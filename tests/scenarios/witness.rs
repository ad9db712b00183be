//! Phones as witnesses of headquarters' log (F46): who has access to the database can change it, but
//! not without some phone holding headquarters' own signature against it.

use super::*;
use lanewalk_field::Witness;
use lanewalk_protocol::tlog::{Checkpoint, LEAF_FORMAT, Leaf, merkle};
use std::{cell::RefCell, convert::Infallible, path::Path};
use support::check;

fn witness(town: &Town, phone: usize) -> Witness {
    town.phones[phone].field().witness().unwrap()
}

fn head(town: &Town, phone: usize) -> Checkpoint {
    let key = town.network.hq(|hq| hq.public_key());
    Checkpoint::from_note(&witness(town, phone).checkpoint.unwrap(), &key).unwrap()
}

fn problems(town: &Town, phone: usize) -> Vec<String> {
    town.phones[phone].field().status().unwrap().problems.into_iter().map(|(code, _)| code).collect()
}

/// What somebody does who rewrites the log and all that is computed from it.
pub(crate) fn recompute_tree(db: &rusqlite::Connection) {
    struct Levels(RefCell<Vec<Vec<Hash>>>);
    impl merkle::Nodes for Levels {
        type Error = Infallible;
        fn node(&self, level: u32, index: u64) -> Result<Hash, Infallible> {
            Ok(self.0.borrow()[level as usize][index as usize])
        }
    }
    let levels = Levels(RefCell::default());
    let mut statement = db
        .prepare(
            "SELECT l.idx, l.hash, d.id, l.seq, d.key, l.received_at, l.effective_at, l.trust, l.refused
             FROM log l JOIN devices d ON d.n = l.device ORDER BY l.idx",
        )
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(r) = rows.next().unwrap() {
        let key: lanewalk_protocol::keys::PublicKey =
            minicbor::decode(&r.get::<_, Vec<u8>>(4).unwrap()).unwrap();
        let leaf = Leaf {
            format: LEAF_FORMAT,
            index: r.get(0).unwrap(),
            entry: Hash(r.get(1).unwrap()),
            device: lanewalk_model::id::DeviceId(r.get(2).unwrap()),
            seq: r.get(3).unwrap(),
            key: key.fingerprint(),
            hq_time: r.get(5).unwrap(),
            effective_at: r.get(6).unwrap(),
            trust: r.get(7).unwrap(),
            refused: r.get(8).unwrap(),
        };
        let made = merkle::completed(&levels, leaf.index - 1, leaf.hash()).unwrap();
        let bytes: Vec<u8> = made.iter().flat_map(|h| h.0).collect();
        let mut all = levels.0.borrow_mut();
        let high = all.len().max(made.len());
        all.resize(high, Vec::new());
        all.iter_mut().zip(made).for_each(|(level, hash)| level.push(hash));
        db.execute("UPDATE log SET nodes = ?2 WHERE idx = ?1", rusqlite::params![leaf.index, bytes]).unwrap();
    }
}

fn open(file: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(file).unwrap()
}

/// Every answer carries the newest checkpoint; a phone moves along proofs only, and the tree is the
/// log, line by line.
#[test]
fn every_phone_holds_the_newest_checkpoint() {
    let mut town = town(701, 3);
    let order = order_in(&mut town, 1, "围栏破损");
    for round in 0..5 {
        town.phones[A].field().add_note(order, &format!("第{round}次")).unwrap();
        town.clock.advance(60_000);
        town.settle();
        let (checked, at_hq) = town.network.hq(|hq| (hq.check_log().unwrap(), hq.checkpoint().unwrap()));
        assert_eq!((checked.size, checked.root), (at_hq.head.size, at_hq.head.root));
        assert_eq!(head(&town, A), at_hq, "round {round}");
    }
    town.kill_hq();
    town.settle();
    for phone in [A, OTHER, B] {
        assert_eq!(problems(&town, phone), [""; 0]);
        assert!(witness(&town, phone).contradictions.is_empty());
    }
    // Headquarters was killed in between: the tree is read back from the log.
    let now = town.network.hq(|hq| hq.checkpoint().unwrap());
    assert_eq!(head(&town, OTHER).head.root, now.head.root);
}

/// Somebody changes when an entry came in, and everything that is computed from it.
#[test]
fn a_rewritten_line_is_noticed_by_a_phone_and_told_to_headquarters() {
    let mut town = town(702, 2);
    let order = order_in(&mut town, 0, "占道经营");
    town.phones[A].field().add_note(order, "已劝离").unwrap();
    town.settle();
    let before = head(&town, A);
    town.tamper_hq(|file| {
        let db = open(file);
        let sql = "UPDATE log SET received_at = received_at - 86400000 WHERE idx = (SELECT max(idx) FROM log WHERE device <> 1)";
        assert_eq!(db.execute(sql, []).unwrap(), 1);
        recompute_tree(&db);
    });
    town.network.hq(|hq| hq.check_log().unwrap());
    town.phones[A].field().add_note(order, "继续工作").unwrap();
    town.settle();
    town.settle();

    assert_eq!(problems(&town, A), ["history_rewritten"]);
    let seen = witness(&town, A);
    assert_eq!(seen.contradictions.len(), 1, "once, however often it syncs");
    assert_eq!(seen.contradictions[0].kind, "rewritten");
    assert_eq!(head(&town, A), before, "it stays with what it saw");
    // Work goes on, and headquarters has its own two signatures in the log of accesses.
    assert_eq!(town.phones[A].field().status().unwrap().pending, 0);
    let (told, lines) = town.network.hq(|hq| {
        let sql = "SELECT count(*) FROM audit WHERE what = 'history_contradicted'";
        (hq.contradictions().unwrap(), hq.reader().query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap())
    });
    assert!(
        told.iter().any(|c| c.held == seen.contradictions[0].held && c.seen == seen.contradictions[0].seen)
    );
    assert_eq!(lines, told.len() as i64);
    // It survives.
    town.kill(A);
    town.kill_hq();
    town.settle();
    assert_eq!(problems(&town, A), ["history_rewritten"]);
    assert_eq!(witness(&town, A), seen);
}

/// The database is put back to an older copy and nobody says so.
#[test]
fn a_quiet_rollback_is_noticed() {
    let mut town = town(703, 2);
    let order = order_in(&mut town, 0, "夜间施工");
    let backup = town.backup_hq();
    town.phones[A].field().add_note(order, "二十二时仍在施工").unwrap();
    town.settle();
    town.tamper_hq(|file| {
        for end in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", file.display()));
        }
        std::fs::copy(&backup, file).unwrap();
    });
    town.sync(A).unwrap();
    let seen = witness(&town, A);
    assert_eq!(problems(&town, A).first().map(String::as_str), Some("history_rewritten"));
    assert_eq!(seen.contradictions.iter().map(|c| c.kind.as_str()).collect::<Vec<_>>(), ["shrunk"]);
}

/// A line is changed without the tree: headquarters' own check finds it before any phone.
#[test]
fn a_line_that_was_changed_alone_is_found_by_the_check() {
    let mut town = town(704, 2);
    let order = order_in(&mut town, 0, "违规充电");
    town.phones[A].field().add_note(order, "已制止").unwrap();
    town.settle();
    let columns = [
        "received_at = received_at + 1",
        "trust = 'hq_' || trust",
        "refused = 'not_author'",
        "change = x'00'",
        "seq = seq + 1000",
    ];
    for change in columns {
        let mut found = None;
        town.tamper_hq(|file| {
            let db = open(file);
            let tx = db.unchecked_transaction().unwrap();
            tx.execute(&format!("UPDATE log SET {change} WHERE idx = 3"), []).unwrap();
            found = Some(lanewalk_headquarters::tlog::check_log(&tx).unwrap_err().to_string());
        });
        assert!(found.unwrap().contains("line 3 "), "{change}");
    }
    town.network.hq(|hq| hq.check_log().unwrap());
}

/// A restore that is said is no rewriting: phones keep what they saw as evidence and go on (F26).
#[test]
fn a_restore_that_is_said_is_no_alarm() {
    let mut town = town(705, 2);
    let order = order_in(&mut town, 0, "下水堵塞");
    let backup = town.backup_hq();
    let early = head(&town, OTHER);
    town.phones[A].field().add_note(order, "疏通中").unwrap();
    town.sync(A).unwrap();
    let late = head(&town, A);
    assert!(late.head.size > early.head.size);
    for restored in 1..=2 {
        town.restore_hq(&backup);
        town.settle();
        for phone in [A, OTHER, B] {
            assert_eq!(problems(&town, phone), [""; 0], "restore {restored}");
            assert!(witness(&town, phone).contradictions.is_empty());
            assert_eq!(witness(&town, phone).earlier.len(), restored);
        }
        let key = town.network.hq(|hq| hq.public_key());
        assert_eq!(witness(&town, A).earlier[0], late.to_note(&key), "what headquarters once had");
        let now = head(&town, A).head;
        assert_eq!(now.began, early.head.size, "the checkpoint says how much came back");
    }
    check::laws(&town);
}
