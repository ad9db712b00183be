//! Copies of the past: headquarters from an older backup (F26), a phone from a copy (F27).

use crate::{A, B, OTHER, accepted, at_hq, hq_ids, logged, order_in, town, visit};
use lanewalk_field::{NewPlace, SyncError};
use lanewalk_model::{id::Hash, records::ProposalKind, schema::DocKind, view::Value};
use support::{check, network::Weather, town::Town};

pub(crate) fn in_log(town: &Town, hash: Hash) -> Option<Option<String>> {
    town.network.hq(|hq| {
        let mut s = hq.reader().prepare("SELECT refused FROM log WHERE hash = ?1").unwrap();
        let mut rows = s.query_map([hash.0], |r| r.get(0)).unwrap();
        rows.next().map(Result::unwrap)
    })
}

/// Lists the devices of which headquarters noted something.
fn alarms(town: &Town, what: &str) -> Vec<String> {
    town.network.hq(|hq| {
        let mut s = hq.reader().prepare("SELECT about FROM audit WHERE what = ?1").unwrap();
        s.query_map([what], |r| r.get(0)).unwrap().map(Result::unwrap).collect()
    })
}

/// Facts written after the backup come back by themselves: every phone offers them again.
#[test]
fn a_restored_headquarters_gets_every_fact_again() {
    let mut town = town(601, 6);
    let order = order_in(&mut town, 0, "水压不足");
    let backup = town.backup_hq();
    town.clock.advance(3_600_000);
    // A morning that the backup does not know; all of it has receipts.
    for phone in [A, OTHER, B] {
        for _ in 0..12 {
            town.clock.advance(60_000);
            town.act(phone);
        }
    }
    town.phones[A].field().record_visit(visit(order, "site_check", "水表前正常")).unwrap();
    let fact = town.remember(A, "visit");
    town.settle();
    assert_eq!(logged(&town, fact).0, None);
    let saved: Vec<_> = town.saved.clone();
    assert!(saved.len() > 15);
    // And some that nobody has sent yet.
    town.phones[OTHER]
        .field()
        .new_place(NewPlace {
            name: "粮油店".into(),
            kind: "shop".into(),
            grid: Some(town.cells[1].clone()),
            ..NewPlace::default()
        })
        .unwrap();
    town.remember(OTHER, "place");

    town.clock.advance(3_600_000);
    town.restore_hq(&backup);
    assert_eq!(in_log(&town, fact), None, "the backup does not know it");
    let changed: Vec<bool> = (0..3).map(|p| town.sync(p).unwrap().epoch_changed).collect();
    assert_eq!(changed, [true; 3]);
    town.settle();
    // Law 1, one by one: in the log, and in the documents or visibly refused.
    for act in &town.saved {
        let refused =
            in_log(&town, act.hash).unwrap_or_else(|| panic!("LOST after the restore: {}", act.what));
        if let Some(code) = refused {
            let shown = town.phones[act.phone].field().quarantine().unwrap();
            assert!(
                shown.iter().any(|q| q.hash == act.hash && q.code == code),
                "{} ({code}) is not shown",
                act.what
            );
        }
    }
    assert_eq!(in_log(&town, fact), Some(None), "a visit depends on nothing and is a fact again");
    let visits = town.phones[A].field().order(order).unwrap().visits.len();
    assert!(visits >= 1);
    check::laws(&town);
}

/// Headquarters loses its own decisions with the restore. What phones wrote on top of them names
/// changes that no longer exist: it is kept in the log, refused as `missing_dependency`, and stands
/// in the phone's quarantine with its words.
#[test]
fn what_was_built_on_lost_decisions_is_refused_visibly() {
    let mut town = town(602, 2);
    let order = order_in(&mut town, 1, "宠物伤人");
    let backup = town.backup_hq();
    let field = town.phones[A].field().clone();
    town.clock.advance(60_000);
    let ack = field.propose(order, ProposalKind::Ack, "", None, None, false).unwrap().to_string();
    town.remember(A, "ack");
    town.settle();
    accepted(&town, A, order, &ack);
    // This note is written on top of headquarters' decision.
    let note = field.add_note(order, "狗主已到派出所").unwrap();
    town.remember(A, "note");
    town.settle();
    assert_eq!(logged(&town, note.hash).0, None);

    town.restore_hq(&backup);
    town.settle();
    // The proposal stood on nothing that was lost: it is decided once more.
    accepted(&town, A, order, &ack);
    assert_eq!(at_hq(&town, order).text("state"), Some("ACKED"));
    // The note did.
    assert_eq!(in_log(&town, note.hash), Some(Some("missing_dependency".into())));
    let shown = field.quarantine().unwrap();
    assert_eq!(
        shown.iter().map(|q| (q.hash, q.code.as_str())).collect::<Vec<_>>(),
        [(note.hash, "missing_dependency")]
    );
    assert!(field.export_quarantine().unwrap().contains("狗主已到派出所"));
    assert_eq!(at_hq(&town, order).members("note").count(), 0);
    // Written again it is a fact.
    field.add_note(order, "狗主已到派出所").unwrap();
    town.settle();
    assert_eq!(at_hq(&town, order).members("note").count(), 1);
    check::laws(&town);
}

/// An order that came in after the backup is gone with the restore; importing it again makes
/// another document. What phones wrote about the first is kept and shown.
#[test]
fn an_order_lost_with_the_restore() {
    let mut town = town(603, 2);
    let backup = town.backup_hq();
    town.clock.advance(60_000);
    let order = order_in(&mut town, 0, "围墙倒塌");
    let field = town.phones[A].field().clone();
    field.record_visit(visit(order, "site_check", "已拉警戒线")).unwrap();
    let fact = town.remember(A, "visit");
    let note = field.add_note(order, "无人受伤").unwrap();
    town.remember(A, "note");
    town.settle();

    town.restore_hq(&backup);
    let again = order_in(&mut town, 0, "围墙倒塌");
    town.settle();
    assert_ne!(order, again);
    assert_eq!(in_log(&town, fact), Some(None), "the visit is a document of its own and stays");
    assert_eq!(
        at_hq(&town, hq_ids(&town, DocKind::Visit)[0]).text("order"),
        Some(order.to_string().as_str())
    );
    let code = in_log(&town, note.hash).expect("kept").expect("refused");
    let shown = field.quarantine().unwrap();
    assert_eq!(
        shown.iter().map(|q| (q.hash, q.code.as_str())).collect::<Vec<_>>(),
        [(note.hash, code.as_str())]
    );
    assert!(field.export_quarantine().unwrap().contains("无人受伤"));
    assert!(field.order(order).is_err(), "the lost order has left the phone");
    assert!(field.order(again).is_ok());
    check::laws(&town);
}

/// Two restores of the same backup, with work between them.
#[test]
fn a_second_restore() {
    let mut town = town(604, 4);
    let backup = town.backup_hq();
    for round in 0..2 {
        for phone in [A, OTHER, B] {
            for _ in 0..6 {
                town.clock.advance(60_000);
                town.act(phone);
            }
        }
        town.settle();
        check::laws(&town);
        town.restore_hq(&backup);
        town.settle();
        check::laws(&town);
        assert!(town.phones.iter().all(|p| p.field().status().unwrap().pending == 0), "round {round}");
    }
}

/// A phone was enrolled after the backup: the restored headquarters does not know it. It says so, loses
/// nothing, and with a new code it is the same device again and offers everything.
#[test]
fn a_phone_that_the_backup_does_not_know_goes_on_under_a_new_code() {
    let mut town = town(608, 2);
    let order = order_in(&mut town, 0, "车棚漏雨");
    let backup = town.backup_hq();
    let new = town.another_phone(A);
    town.settle();
    let field = town.phones[new].field().clone();
    let device = town.device(new);
    field.record_visit(visit(order, "site_check", "棚顶破洞")).unwrap();
    let receipted = town.remember(new, "visit");
    town.settle();
    assert_eq!(logged(&town, receipted).0, None);
    field.record_visit(visit(order, "prelim", "已联系维修")).unwrap();
    let unsent = town.remember(new, "visit");

    town.restore_hq(&backup);
    for _ in 0..2 {
        let told = town.sync(new);
        assert!(
            matches!(&told, Err(SyncError::Refused { code, .. }) if code == "unknown_device"),
            "{told:?}"
        );
    }
    assert!(field.status().unwrap().problems.iter().any(|(code, _)| code == "unknown_device"));
    assert_eq!(field.status().unwrap().pending, 1);
    // Somebody else's code is none for this store.
    let other = town.network.hq(|hq| hq.invite("gw-02").unwrap().to_text());
    let wire = support::network::Wire::new(town.network.clone(), || {});
    assert_eq!(field.enrol(&other, &wire).unwrap_err(), SyncError::AlreadyEnrolled);

    town.give_code(new);
    assert_eq!(town.device(new), device, "the same device, so its chain goes on");
    town.settle();
    for hash in [receipted, unsent] {
        assert_eq!(in_log(&town, hash), Some(None));
    }
    assert_eq!(field.status().unwrap().problems, []);
    // Who is known cannot be taken for another.
    let text = town.network.hq(|hq| hq.invite("gw-01").unwrap().to_text());
    assert_eq!(field.enrol(&text, &wire).unwrap_err(), SyncError::AlreadyEnrolled);
    check::laws(&town);
}

/// A phone's disk is copied to another phone and both go to work.
#[test]
fn a_cloned_phone_is_noticed_and_loses_nothing() {
    let mut town = town(605, 2);
    let order = order_in(&mut town, 0, "群租房");
    town.phones[A].field().add_note(order, "复制之前").unwrap();
    town.settle();
    let copy = town.clone_phone(A);
    let (first, second) = (town.phones[A].field().clone(), town.phones[copy].field().clone());
    first.add_note(order, "原机写的").unwrap();
    let kept = town.remember(A, "note");
    second.add_note(order, "副本写的一").unwrap();
    second.set_field(order, "verified_facts", Value::Text("副本写的二".into())).unwrap();
    town.sync(A).unwrap();

    for _ in 0..2 {
        let fork = town.sync(copy);
        assert!(matches!(fork, Err(SyncError::Fork { .. })), "{fork:?}");
    }
    // The first branch is unharmed and goes on.
    assert_eq!(logged(&town, kept).0, None);
    first.add_note(order, "原机继续").unwrap();
    town.sync(A).unwrap();
    assert_eq!(first.status().unwrap().pending, 0);
    assert_eq!(at_hq(&town, order).members("note").count(), 3);
    // The second still has every word, shows it, and gives it out.
    assert_eq!(second.status().unwrap().pending, 2);
    assert_eq!(second.document(order).unwrap().text("verified_facts"), Some("副本写的二"));
    let export = second.export_unsent().unwrap();
    assert!(export.contains("副本写的一") && export.contains("副本写的二") && !export.contains("复制之前"));
    second.check().unwrap();
    // Headquarters heard it, once.
    assert_eq!(alarms(&town, "chain_forked"), [town.device(A).to_string()]);
    // The copy is put away; everybody else is in step.
    town.phones.truncate(copy);
    town.settle();
    check::laws(&town);
}

/// The copy speaks first: then the original is the one that is told.
#[test]
fn whoever_speaks_second_is_the_fork() {
    let mut town = town(606, 2);
    let order = order_in(&mut town, 0, "高空抛物");
    let copy = town.clone_phone(A);
    town.phones[A].field().add_note(order, "原机").unwrap();
    town.phones[copy].field().add_note(order, "副本").unwrap();
    town.sync(copy).unwrap();
    assert!(matches!(town.sync(A), Err(SyncError::Fork { .. })));
    assert!(town.phones[A].field().export_unsent().unwrap().contains("原机"));
    assert_eq!(at_hq(&town, order).members("note").count(), 1);
}

/// What a copy delivered before it fell silent stands on the original too, which is told of it.
#[test]
fn the_words_of_a_copy_reach_the_original() {
    let mut town = town(608, 2);
    let order = order_in(&mut town, 0, "墙面渗水");
    let copy = town.clone_phone(A);
    town.phones[copy].field().add_note(order, "副本写的").unwrap();
    town.network.set_weather(Weather { drop_response: 100, ..Weather::FAIR });
    town.sync(copy).unwrap_err();
    town.network.set_weather(Weather::FAIR);
    assert_eq!(at_hq(&town, order).members("note").count(), 1);
    town.phones.truncate(copy);
    town.settle();
    let field = town.phones[A].field();
    assert_eq!(field.document(order).unwrap().members("note").count(), 1);
    assert!(field.status().unwrap().problems.iter().any(|(code, _)| code == "fork"));
    check::laws(&town);
}

/// A copy that writes nothing learns that it is one before its first word; nobody is harmed.
#[test]
fn a_copy_that_only_reads() {
    let mut town = town(607, 2);
    let order = order_in(&mut town, 0, "灯杆倾斜");
    let copy = town.clone_phone(A);
    town.phones[A].field().add_note(order, "已报修").unwrap();
    town.sync(A).unwrap();
    for phone in [copy, A, copy, A] {
        town.sync(phone).unwrap();
    }
    let problems = |phone: usize| town.phones[phone].field().status().unwrap().problems;
    assert_eq!(problems(copy).iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(), ["fork"]);
    assert_eq!(problems(A), []);
    // Headquarters saw it too (F45): once, and not for phones that have written what it holds.
    let device = town.phones[A].field().identity().unwrap().device.to_string();
    assert_eq!(alarms(&town, "chain_rolled_back"), [device]);
    assert_eq!(at_hq(&town, order).members("note").count(), 1);
    town.phones.truncate(copy);
    town.settle();
    check::laws(&town);
}
