//! Sync: receipts, refusals, repeats, lies.

use crate::{
    hq::{Hq, Mood},
    phone::{GRID, HOUR, Phone},
};
use lanewalk_field::{NewVisit, SyncError, SyncReport};
use lanewalk_model::{
    document::{Document, Edit},
    id::DocId,
    schema::DocKind,
};
use lanewalk_protocol::sync::ScopeDigest;
use std::collections::BTreeSet;

fn visit(order: DocId) -> NewVisit {
    NewVisit { order: Some(order), kind: "handle".into(), notes: "已处理".into(), ..NewVisit::default() }
}

fn start() -> (Hq, Phone, DocId) {
    let hq = Hq::new();
    let order = hq.order(1, &[Edit::set("title", "路灯不亮")]);
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    (hq, phone, order)
}

fn in_step(hq: &Hq, phone: &Phone) {
    let status = phone.field.status().unwrap();
    assert_eq!((status.pending, status.problems), (0, vec![]));
    assert_eq!(phone.field.heads().unwrap(), hq.heads());
}

#[test]
fn one_request_pushes_and_pulls() {
    let (hq, phone, order) = start();
    let before = hq.state.lock().unwrap().requests;
    for n in 0..30 {
        phone.field.add_note(order, &format!("第{n}次")).unwrap();
    }
    phone.field.record_visit(visit(order)).unwrap();
    hq.order(2, &[]);
    let report = phone.field.sync(&hq).unwrap();
    assert_eq!(hq.state.lock().unwrap().requests, before + 1);
    let want = SyncReport { requests: 1, pushed: 31, acknowledged: 31, receipts: 1, pulled: 1, ..report };
    assert_eq!(report, want);
    assert!(report.bytes_up > 500 && report.bytes_down > 300, "{report:?}");
    in_step(&hq, &phone);
    // More changes than are appended before folding, then read from a cold start.
    hq.edit(order, &[Edit::set("title", "路灯修好")]);
    phone.field.sync(&hq).unwrap();
    in_step(&hq, &phone);
    let cold = phone.after_kill();
    let view = cold.field.document(order).unwrap();
    assert_eq!((view.members("note").count(), view.text("title")), (30, Some("路灯修好")));
}

#[test]
fn a_lost_answer_costs_only_the_repeat() {
    let (hq, phone, order) = start();
    phone.field.add_note(order, "只有一次").unwrap();
    hq.mood(Mood::LoseAnswer);
    let error = phone.field.sync(&hq).unwrap_err();
    assert_eq!(error.code(), "no_network");
    assert_eq!(phone.field.status().unwrap().pending, 1);
    hq.mood(Mood::Well);
    // The nonce was used up as well, so the first request is answered with a new one.
    let report = phone.field.sync(&hq).unwrap();
    assert_eq!((report.requests, report.acknowledged), (2, 1));
    in_step(&hq, &phone);
    assert_eq!(phone.field.document(order).unwrap().members("note").count(), 1);
    assert_eq!(hq.state.lock().unwrap().log.iter().filter(|(_, _, phone)| *phone).count(), 1);
}

/// F18: headquarters did sign it, for the request before, whose nonce this one has too.
#[test]
fn the_answer_to_another_request_is_no_network() {
    let (hq, phone, order) = start();
    phone.field.add_note(order, "先").unwrap();
    hq.mood(Mood::LoseAnswer);
    phone.field.sync(&hq).unwrap_err();
    phone.field.add_note(order, "后").unwrap();
    let before = phone.field.status().unwrap();
    hq.mood(Mood::Before);
    assert_eq!(phone.field.sync(&hq).unwrap_err().code(), "no_network");
    assert_eq!(phone.field.status().unwrap(), before);
    hq.mood(Mood::Well);
    phone.field.sync(&hq).unwrap();
    in_step(&hq, &phone);
}

#[test]
fn what_headquarters_did_not_sign_is_no_network() {
    let (hq, phone, order) = start();
    phone.field.add_note(order, "x").unwrap();
    let before = phone.field.status().unwrap();
    for mood in [Mood::Portal, Mood::Tamper] {
        hq.mood(mood);
        assert_eq!(phone.field.sync(&hq).unwrap_err().code(), "no_network", "{mood:?}");
        assert_eq!(phone.field.status().unwrap(), before, "{mood:?}");
    }
    hq.mood(Mood::Well);
    phone.field.sync(&hq).unwrap();
    in_step(&hq, &phone);
}

#[test]
fn a_forged_receipt_frees_nothing() {
    let (hq, phone, order) = start();
    phone.field.add_note(order, "x").unwrap();
    hq.mood(Mood::ForgeReceipts);
    phone.field.sync(&hq).unwrap();
    let status = phone.field.status().unwrap();
    assert_eq!((status.pending, status.acked), (1, 0));
    assert!(status.problems.iter().any(|(code, _)| code == "receipt_invalid"));
}

#[test]
fn errors_are_typed_and_never_touch_the_outbox() {
    let (hq, phone, order) = start();
    phone.field.add_note(order, "x").unwrap();
    for (code, want) in [
        ("not_confirmed", "not_confirmed"),
        ("fork", "fork"),
        ("version_too_old", "version_too_old"),
        ("overloaded", "overloaded"),
        ("something_new", "refused"),
        ("nonce", "refused"),
    ] {
        hq.mood(Mood::Fail(code, None));
        assert_eq!(phone.field.sync(&hq).unwrap_err().code(), want);
        assert_eq!(phone.field.status().unwrap().pending, 1);
    }
    hq.mood(Mood::Fail("overloaded", None));
    // What headquarters said, and up to a half of it more: phones do not come back all at once.
    let mut waits = BTreeSet::new();
    for _ in 0..40 {
        let Err(SyncError::Overloaded { retry_after_s }) = phone.field.sync(&hq) else { panic!("no wait") };
        waits.insert(retry_after_s);
    }
    assert!(waits.iter().all(|s| (9..=13).contains(s)) && waits.len() > 2, "{waits:?}");
    // Headquarters wants the chain from an earlier entry once more.
    hq.mood(Mood::Fail("chain_gap", Some(1)));
    phone.field.sync(&hq).unwrap();
    hq.mood(Mood::Fail("chain_gap", Some(7)));
    assert_eq!(phone.field.sync(&hq), Err(SyncError::ChainGap { need_seq: 7 }));
    hq.mood(Mood::Well);
    phone.field.sync(&hq).unwrap();
    in_step(&hq, &phone);
}

#[test]
fn a_refused_entry_leaves_the_document_and_stays_in_quarantine() {
    let (hq, phone, order) = start();
    phone.field.set_field(order, "verified_facts", "灯杆倾斜".into()).unwrap();
    phone.field.add_note(order, "依赖前一条").unwrap();
    phone.field.record_visit(visit(order)).unwrap();
    hq.state.lock().unwrap().refuse.insert(1, "schema");
    let report = phone.field.sync(&hq).unwrap();
    assert_eq!((report.refused, report.acknowledged), (2, 1));
    let view = phone.field.document(order).unwrap();
    assert_eq!((view.text("verified_facts"), view.members("note").count()), (None, 0));
    let kept = phone.field.quarantine().unwrap();
    assert_eq!(
        kept.iter().map(|q| (q.seq, q.code.as_str())).collect::<Vec<_>>(),
        [(1, "schema"), (2, "missing_dependency")]
    );
    assert_eq!(kept[0].written[0].value.as_deref(), Some("灯杆倾斜"));
    let export: serde_json::Value = serde_json::from_str(&phone.field.export_quarantine().unwrap()).unwrap();
    assert!(export[0]["change"].as_str().unwrap().starts_with("856f4a83"));
    // The document goes on, under a new line of changes.
    phone.field.set_field(order, "verified_facts", "灯杆已扶正".into()).unwrap();
    phone.field.add_note(order, "第二条").unwrap();
    phone.field.sync(&hq).unwrap();
    assert_eq!(phone.field.heads().unwrap(), hq.heads());
    let cold = phone.after_kill();
    assert_eq!(cold.field.document(order).unwrap().text("verified_facts"), Some("灯杆已扶正"));
    assert_eq!(cold.field.status().unwrap().quarantined, 2);
}

#[test]
fn a_refused_new_document_vanishes_from_lists_but_not_from_the_phone() {
    let (hq, phone, order) = start();
    let id = phone.field.record_visit(visit(order)).unwrap();
    hq.state.lock().unwrap().refuse.insert(1, "outside_grid");
    phone.field.sync(&hq).unwrap();
    assert!(phone.field.document(id).is_err());
    assert_eq!(phone.field.order(order).unwrap().visits, []);
    assert_eq!(phone.field.quarantine().unwrap().len(), 1);
    assert!(phone.field.set_field(id, "notes", "x".into()).is_err(), "not born a second time");
}

#[test]
fn both_values_of_a_conflict_are_kept_until_a_person_chooses() {
    let (hq, phone, order) = start();
    let saved = hq.state.lock().unwrap().docs.get_mut(&order).unwrap().save();
    let mut other = Document::load(DocKind::Order, &saved).unwrap();
    phone.field.set_field(order, "verified_facts", "甲说".into()).unwrap();
    hq.concurrent_edit(order, &mut other, "gw-02", &[Edit::set("verified_facts", "乙说")]);
    phone.field.sync(&hq).unwrap();
    in_step(&hq, &phone);
    let conflicts = phone.field.conflicts().unwrap();
    assert_eq!(conflicts.len(), 1);
    let mut values: Vec<_> =
        conflicts[0].1.values.iter().map(|v| (v.by.as_str(), v.value.to_string())).collect();
    values.sort();
    assert_eq!(values, [("gw-01", "甲说".to_owned()), ("gw-02", "乙说".to_owned())]);
    assert_eq!(phone.field.status().unwrap().conflicts, 1);
    phone.field.set_field(order, "verified_facts", "甲说".into()).unwrap();
    assert_eq!(phone.field.conflicts().unwrap(), []);
    phone.field.sync(&hq).unwrap();
    in_step(&hq, &phone);
}

#[test]
fn a_change_without_its_ground_is_asked_for_whole() {
    let (hq, phone, order) = start();
    hq.edit(order, &[Edit::set("title", "一")]);
    hq.edit(order, &[Edit::set("title", "二")]);
    hq.state.lock().unwrap().wrong_changes = true;
    phone.field.sync(&hq).unwrap();
    assert!(hq.state.lock().unwrap().wants.iter().any(|w| w == &[order]));
    in_step(&hq, &phone);
    assert_eq!(phone.field.document(order).unwrap().text("title"), Some("二"));
}

#[test]
fn what_leaves_the_scope_goes_but_entries_of_ours_stay() {
    let (hq, phone, order) = start();
    phone.field.add_note(order, "未上传").unwrap();
    let mut s = hq.state.lock().unwrap();
    s.left.push(order);
    s.docs.remove(&order);
    drop(s);
    phone.field.sync(&hq).unwrap();
    assert!(phone.field.document(order).is_err());
    assert_eq!(phone.field.search("路灯", 9).unwrap().len(), 0);
    // This headquarters refuses what it cannot place; the words are still here.
    assert_eq!(phone.field.status().unwrap().quarantined, 1);
    assert!(phone.field.export_quarantine().unwrap().contains("未上传"));
    in_step(&hq, &phone);
}

#[test]
fn a_restored_headquarters_gets_everything_again() {
    let (hq, phone, order) = start();
    phone.field.add_note(order, "在备份里").unwrap();
    phone.field.sync(&hq).unwrap();
    let backup = {
        let mut s = hq.state.lock().unwrap();
        let docs: Vec<_> = s.docs.iter_mut().map(|(id, d)| (*id, d.save())).collect();
        (docs, s.log.clone(), s.known_seq, s.head)
    };
    phone.field.add_note(order, "备份之后").unwrap();
    let id = phone.field.record_visit(visit(order)).unwrap();
    phone.field.sync(&hq).unwrap();
    phone.field.add_note(order, "恢复之后").unwrap();
    {
        let mut s = hq.state.lock().unwrap();
        s.docs = backup.0.iter().map(|(id, b)| (*id, Document::load(id.kind, b).unwrap())).collect();
        (s.log, s.known_seq, s.head) = (backup.1, backup.2, backup.3);
        s.epoch = 2;
    }
    let report = phone.field.sync(&hq).unwrap();
    assert!(report.epoch_changed);
    in_step(&hq, &phone);
    assert_eq!(phone.field.document(order).unwrap().members("note").count(), 3);
    assert!(hq.heads().contains_key(&id));
    assert!(!phone.field.sync(&hq).unwrap().epoch_changed);
}

#[test]
fn a_fingerprint_that_differs_pulls_everything_once() {
    let (hq, phone, order) = start();
    let extra = hq.order(2, &[]);
    phone.field.sync(&hq).unwrap();
    // Headquarters forgot to say that the order left.
    hq.state.lock().unwrap().docs.remove(&extra);
    let report = phone.field.sync(&hq).unwrap();
    assert!(report.resynced);
    in_step(&hq, &phone);
    assert!(phone.field.document(extra).is_err());
    // One that can never agree is tried once, not in a loop.
    hq.state.lock().unwrap().digest = Some(ScopeDigest { docs: 9, xor: [9; 32] });
    let later = hq.state.lock().unwrap().now + 7 * HOUR;
    hq.state.lock().unwrap().now = later;
    assert_eq!(phone.field.sync(&hq).unwrap().requests, 2);
    assert_eq!(phone.field.sync(&hq).unwrap().requests, 1);
    assert!(phone.field.status().unwrap().problems.iter().any(|(code, _)| code == "digest_differs"));
    assert!(phone.field.document(order).is_ok());
}

#[test]
fn only_one_sync_at_a_time() {
    let (hq, phone, _) = start();
    let session = phone.field.session().unwrap();
    assert_eq!(phone.field.sync(&hq), Err(SyncError::Busy));
    drop(session);
    phone.field.sync(&hq).unwrap();
}

#[test]
fn purging_waits_for_the_durable_horizon_and_keeps_the_fingerprint() {
    let (hq, phone, order) = start();
    phone.field.add_note(order, "一").unwrap();
    phone.field.add_note(order, "二").unwrap();
    hq.edit(order, &[Edit::set("state", "CLOSED"), Edit::set("closed_at", crate::phone::NOW)]);
    phone.field.sync(&hq).unwrap();
    assert_eq!(phone.field.purge().unwrap(), Default::default());
    let mut s = hq.state.lock().unwrap();
    s.now += 31 * 24 * HOUR;
    s.durable_seq = 1;
    drop(s);
    phone.field.sync(&hq).unwrap();
    let report = phone.field.purge().unwrap();
    assert_eq!((report.documents, report.entries), (1, 1));
    assert!(phone.field.document(order).is_err());
    assert_eq!(phone.field.status().unwrap().acked, 1);
    in_step(&hq, &phone);
    assert!(!phone.field.sync(&hq).unwrap().resynced);
    // The chain goes on where it was.
    assert_eq!(
        phone
            .field
            .record_visit(NewVisit { grid: Some(GRID.into()), kind: "patrol".into(), ..NewVisit::default() })
            .map(|_| ()),
        Ok(())
    );
    phone.field.sync(&hq).unwrap();
    assert_eq!(phone.field.status().unwrap().last_seq, 3);
    // A new change brings the whole document back.
    hq.edit(order, &[Edit::set("state", "ARCHIVED")]);
    phone.field.sync(&hq).unwrap();
    in_step(&hq, &phone);
    assert!(phone.field.document(order).is_ok());
}

#[test]
fn enrolment_is_bound_to_the_invitation() {
    let hq = Hq::new();
    let phone = Phone::new(1);
    assert_eq!(phone.field.enrol("not an invitation", &hq), Err(SyncError::BadInvitation));
    for mood in [Mood::Portal, Mood::Tamper] {
        hq.mood(mood);
        assert_eq!(phone.field.enrol(&hq.invitation(), &hq).unwrap_err().code(), "no_network");
        assert_eq!(phone.field.identity(), None);
    }
    hq.mood(Mood::Well);
    let enrolled = phone.field.enrol(&hq.invitation(), &hq).unwrap();
    assert_eq!((enrolled.worker.as_str(), enrolled.name.as_str()), ("gw-01", "李网格"));
    assert_eq!(phone.field.identity().unwrap().grids, [GRID]);
    assert_eq!(phone.field.enrol(&hq.invitation(), &hq), Err(SyncError::AlreadyEnrolled));
}

#[test]
fn writing_reading_and_syncing_at_once_loses_nothing() {
    let (hq, phone, order) = start();
    std::thread::scope(|scope| {
        for t in 0..3 {
            let field = phone.field.clone();
            scope.spawn(move || {
                for n in 0..40 {
                    field.add_note(order, &format!("{t}-{n}")).unwrap();
                    assert!(field.document(order).unwrap().members("note").count() > n);
                }
            });
        }
        for _ in 0..8 {
            phone.field.sync(&hq).unwrap();
        }
    });
    phone.field.sync(&hq).unwrap();
    in_step(&hq, &phone);
    let status = phone.field.status().unwrap();
    assert_eq!((status.last_seq, status.acked, status.quarantined), (120, 120, 0));
    assert_eq!(phone.field.document(order).unwrap().members("note").count(), 120);
}
