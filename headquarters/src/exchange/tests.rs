//! Files across a gap, and everything that can happen to them on the way.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::{Settings, SystemSource, gate::InProcess, store::Place};
use lanewalk_model::{document::Edit, id::DocId, staff::Role};
use lanewalk_protocol::keys::{Algorithm, SoftSigner};
use std::sync::Arc;

struct Town {
    hq: Headquarters,
    neighbour: SoftSigner,
    _dir: tempfile::TempDir,
}

fn town() -> Town {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::File(dir.path().join("hq.db"));
    let mut hq =
        Headquarters::open(&place, Settings::default(), Arc::new(SystemSource), Box::new(InProcess)).unwrap();
    hq.put_staff("hc-01", "马静", Role::HotlineClerk).unwrap();
    let neighbour = SoftSigner::new(Algorithm::Ed25519, &[9; 32]).unwrap();
    hq.trust_neighbour("区热线办", &neighbour.public_key().to_text(), false).unwrap();
    Town { hq, neighbour, _dir: dir }
}

fn line(id: &str) -> OrderLine {
    OrderLine {
        upstream_id: id.into(),
        title: "楼道内养猫".into(),
        text: "张三说楼道内养猫".into(),
        reported_at: "2026-05-08T09:40:00+08:00".into(),
        due: Some("2026-05-15T17:30:00+08:00".into()),
        requester_name: Some("张三".into()),
        ..OrderLine::default()
    }
}

impl Town {
    fn file(&self, seq: u64, lines: &[OrderLine]) -> Vec<u8> {
        let records: Vec<_> = lines.iter().map(|l| serde_json::to_string(l).unwrap()).collect();
        let to = self.hq.public_key();
        seal(&self.neighbour, Kind::Orders, &to, seq, 1_778_204_400_000, &records).unwrap()
    }

    fn refused(&mut self, bytes: &[u8]) -> String {
        match self.hq.take_file(bytes, "hc-01", false) {
            Err(HqError::NotAllowed(words)) => words,
            other => panic!("{other:?}"),
        }
    }

    fn orders(&self) -> i64 {
        self.hq.db.query_row("SELECT count(*) FROM upstream", [], |r| r.get(0)).unwrap()
    }

    fn order(&self, upstream: &str) -> DocId {
        let sql = "SELECT d.id FROM upstream u JOIN docs d ON d.n = u.doc WHERE u.upstream_id = ?1";
        let id: Vec<u8> = self.hq.db.query_row(sql, [upstream], |r| r.get(0)).unwrap();
        DocId::from_slice(&id).unwrap()
    }
}

#[test]
fn files_are_taken_in_the_order_of_their_numbers_and_once() {
    let mut town = town();
    let first = town.file(1, &[line("Q1"), line("Q2")]);
    let taken = town.hq.take_file(&first, "hc-01", false).unwrap();
    assert_eq!((taken.seq, taken.missing, taken.orders.new), (1, 0, 2));
    assert!(town.refused(&first).contains("taken in before"));
    let other = town.file(1, &[line("Q9")]);
    assert!(town.refused(&other).contains("another file had the number 1"));
    let fourth = town.file(4, &[line("Q4"), OrderLine { text: "又补充了".into(), ..line("Q1") }]);
    assert!(town.refused(&fourth).contains("files 2 to 3 are missing"));
    assert_eq!(town.orders(), 2);
    let taken = town.hq.take_file(&fourth, "hc-01", true).unwrap();
    assert_eq!((taken.missing, taken.orders.new, taken.orders.amended), (2, 1, 1));
    let third = town.file(3, &[line("Q3")]);
    assert!(town.refused(&third).contains("older than 4"));
    let view = town.hq.document(town.order("Q1")).unwrap().unwrap();
    assert_eq!(view.text("state"), Some("RECEIVED"));
    assert_eq!(view.text("summary"), Some("[姓名]说楼道内养猫"));
    assert_eq!(view.int("upstream_due"), Some(1_778_837_400_000));
    let kept: i64 = town.hq.db.query_row("SELECT count(*) FROM payloads", [], |r| r.get(0)).unwrap();
    assert_eq!(kept, 4, "every version as it came");
}

#[test]
fn an_altered_or_foreign_file_changes_nothing() {
    let mut town = town();
    let good = town.file(1, &[line("Q1")]);
    // Every byte counts: at no place does a flipped bit pass.
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        town.refused(&bad);
    }
    for end in [0, 1, good.len() / 2, good.len() - 1] {
        town.refused(&good[..end]);
    }
    let stranger = SoftSigner::new(Algorithm::Ed25519, &[8; 32]).unwrap();
    let own = town.hq.public_key();
    let foreign = seal(&stranger, Kind::Orders, &own, 1, 0, &[]).unwrap();
    assert!(town.refused(&foreign).contains("not registered"));
    let elsewhere = seal(&town.neighbour, Kind::Orders, &stranger.public_key(), 1, 0, &[]).unwrap();
    assert!(town.refused(&elsewhere).contains("somebody else"));
    let wrong = seal(&town.neighbour, Kind::Changes, &own, 1, 0, &[]).unwrap();
    assert!(town.refused(&wrong).contains("no orders"));
    assert_eq!(town.orders(), 0);
    assert_eq!(town.hq.take_file(&good, "hc-01", false).unwrap().orders.new, 1);
}

#[test]
fn one_bad_line_refuses_the_file_and_every_bad_line_is_named() {
    let mut town = town();
    let table = [
        (OrderLine { upstream_id: " ".into(), ..line("x") }, "the id is not valid"),
        (OrderLine { upstream_id: "9".repeat(65), ..line("x") }, "the id is not valid"),
        (OrderLine { reported_at: "昨天".into(), ..line("x") }, "a time is not valid"),
        (OrderLine { reported_at: "3026-05-08T09:40:00+08:00".into(), ..line("x") }, "not plausible"),
        (OrderLine { lat: Some(91.0), long: Some(1.0), ..line("x") }, "a coordinate is not valid"),
        (OrderLine { lat: Some(1.0), ..line("x") }, "datum is not valid"),
        (OrderLine { text: "字".repeat(30_000), ..line("x") }, "too long"),
        (line("Q1"), "stands twice"),
    ];
    for (bad, want) in table {
        let file = town.file(1, &[line("Q1"), bad, OrderLine { due: Some("x".into()), ..line("Q3") }]);
        let words = town.refused(&file);
        assert!(words.contains(want) && words.contains("record 2") && words.contains("record 3"), "{words}");
        assert_eq!(town.orders(), 0);
    }
    // What the hotline brought is not the neighbour's to amend.
    let order = read_own("H1");
    town.hq.take_in([&order], "hc-01").unwrap();
    let file = town.file(1, &[line("H1")]);
    assert!(town.refused(&file).contains("another source"));
}

fn read_own(id: &str) -> crate::import::IncomingOrder {
    crate::import::IncomingOrder {
        upstream_id: id.into(),
        channel: "12345".into(),
        matter_text: String::new(),
        title: "t".into(),
        reported_text: "t".into(),
        reported_address: String::new(),
        reported_at_ms: 1_778_204_400_000,
        upstream_due_at_ms: None,
        closed_at_ms: None,
        urgent: false,
        lat_e7: None,
        lon_e7: None,
        datum: "wgs84".into(),
        requester_name: None,
        requester_phone: None,
        secrecy: false,
        payload_sha256: [1; 32],
    }
}

#[test]
fn what_changed_goes_out_once_and_can_be_given_again() {
    let mut town = town();
    let file = town.file(1, &[line("Q1"), line("Q2")]);
    town.hq.take_file(&file, "hc-01", false).unwrap();
    town.hq.take_in([&read_own("H1")], "hc-01").unwrap();
    let given = town.hq.give_file("区热线办", "hc-01").unwrap().unwrap();
    assert_eq!((given.seq, given.lines, given.more), (1, 2, false), "not the hotline's own");
    assert_eq!(town.hq.give_file("区热线办", "hc-01").unwrap(), None);
    let order = town.order("Q1");
    let edits = [Edit::set("reply_text", "已劝导")];
    town.hq.write_by_rule(&[(order, edits.to_vec())]).unwrap();
    let draft = town.hq.give_file("区热线办", "hc-01").unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&draft.bytes).contains("已劝导"), "a draft is no reply");
    let edits = [Edit::set("state", "SUBMITTED"), Edit::set("submitted_at", 1_778_290_800_000)];
    town.hq.write_by_rule(&[(order, edits.to_vec())]).unwrap();
    let third = town.hq.give_file("区热线办", "hc-01").unwrap().unwrap();
    assert_eq!((third.seq, third.lines), (3, 1));
    let ours = town.hq.public_key();
    let opened = container::open(&third.bytes, &town.neighbour.public_key(), |_| Some(ours.clone())).unwrap();
    let change: serde_json::Value = serde_json::from_str(opened.lines[0]).unwrap();
    assert_eq!((&change["upstream_id"], &change["state"]), (&"Q1".into(), &"SUBMITTED".into()));
    assert_eq!((&change["reply"], &change["status"]), (&"已劝导".into(), &"open".into()));
    assert_eq!(change["upstream_due"], "2026-05-15T17:30:00+08:00");
    assert!(!String::from_utf8_lossy(&third.bytes).contains("张三"));
    assert_eq!(town.hq.give_again("区热线办", 3, "hc-01").unwrap().bytes, third.bytes);
    assert!(town.hq.give_again("区热线办", 4, "hc-01").is_err());
    // A neighbour that hears of everything gets the hotline's orders too.
    let all = SoftSigner::new(Algorithm::Ed25519, &[7; 32]).unwrap();
    town.hq.trust_neighbour("市热线", &all.public_key().to_text(), true).unwrap();
    assert_eq!(town.hq.give_file("市热线", "hc-01").unwrap().unwrap().lines, 3);
}

#[test]
fn more_than_one_file_holds_goes_into_the_next() {
    let mut town = town();
    let file = town.file(1, &[line("Q1"), line("Q2"), line("Q3")]);
    town.hq.take_file(&file, "hc-01", false).unwrap();
    let mut told = Vec::new();
    for more_is_left in [true, false] {
        let (records, more) = town
            .hq
            .act(|tx, _| {
                let to = Neighbour::named(tx, "区热线办")?;
                let (records, mark, more) = give::changed(tx, &to, 2)?;
                let seq = to.last(tx, false)? + 1;
                let sql = "INSERT INTO exchange_files (neighbour, taken, seq, at, by, sha256, lines, mark)
                           VALUES (?1, 0, ?2, 0, '', x'', 0, ?3)";
                tx.execute(sql, params![to.id, seq, mark])?;
                Ok((records, more))
            })
            .unwrap();
        assert_eq!(more, more_is_left);
        told.extend(records);
    }
    let ids: Vec<_> = ["Q1", "Q2", "Q3"].iter().filter(|id| told.iter().any(|r| r.contains(**id))).collect();
    assert_eq!((ids.len(), told.len()), (3, 3));
}

#[test]
fn keys_are_read_as_they_are_written() {
    let key = SoftSigner::new(Algorithm::Ed25519, &[7; 32]).unwrap().public_key();
    assert_eq!(PublicKey::from_text(&key.to_text()), Some(key));
    for bad in ["", "ed25519:", "ed25519:00", "rsa:00", &format!("ed25519:{}", "0".repeat(64))] {
        assert_eq!(PublicKey::from_text(bad), None, "{bad}");
    }
    let mut town = town();
    for name in ["", "csv", "open311", "a\nb"] {
        let key = town.hq.exchange_key();
        assert!(town.hq.trust_neighbour(name, &key, false).is_err(), "{name}");
    }
}
