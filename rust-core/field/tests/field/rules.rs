//! What may be written, by whom, until when.

use crate::{
    hq::Hq,
    phone::{GRID, HOUR, Phone},
};
use lanewalk_field::{FieldError, NewAppeal, NewCare, NewPerson, NewPlace, NewVisit};
use lanewalk_model::{
    document::Edit,
    id::DocId,
    order::Refusal,
    records::{Method, ProposalKind},
    schema::DocKind,
    staff::Role,
    view::Value,
};

fn denied(error: FieldError) -> String {
    match error {
        FieldError::NotAllowed { code } => code,
        other => other.code().to_owned(),
    }
}

#[test]
fn what_the_rules_forbid_is_not_written() {
    let hq = Hq::new();
    let id = hq.order(1, &[]);
    let elsewhere = hq.order(2, &[Edit::set("grid", "370705005004002")]);
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    let new = |kind| DocId { kind, uuid: [99; 16] };
    let big = "大".repeat(5_000);
    for (doc, edits, want) in [
        (id, vec![Edit::set("state", "CLOSED")], "role_field"),
        (id, vec![Edit::set("nonsense", 1_i64)], "unknown_field"),
        (id, vec![Edit::set("severity", 9_i64)], "invalid"),
        (id, vec![Edit::set("verified_facts", big.as_str())], "invalid"),
        (id, vec![Edit::Remove("severity".into())], "invalid"),
        (id, vec![], "invalid"),
        (id, vec![Edit::set("severity", 1_i64), Edit::set("severity", 2_i64)], "invalid"),
        (elsewhere, vec![Edit::set("severity", 1_i64)], "outside_grid"),
        (new(DocKind::Order), vec![Edit::set("severity", 1_i64)], "may_not_create"),
        (new(DocKind::Visit), vec![Edit::set("grid", GRID), Edit::set("by", "gw-02")], "not_author"),
    ] {
        let error = phone.field.write(doc, edits.clone(), 0).unwrap_err();
        assert_eq!(denied(error), want, "{edits:?}");
    }
    assert_eq!(phone.field.status().unwrap().last_seq, 0, "nothing was written");
    assert_eq!(
        phone.field.set_field(new(DocKind::Order), "severity", Value::Int(1)),
        Err(FieldError::NotFound)
    );
    phone.field.set_field(id, "severity", Value::Int(2)).unwrap();
    assert_eq!(denied(phone.field.set_field(id, "severity", Value::Int(1)).unwrap_err()), "invalid");
}

#[test]
fn property_staff_hold_the_least_rights() {
    let hq = Hq::with_role(Role::PropertyStaff);
    let mine = hq.order(1, &[Edit::set("assignee/gw-01", true)]);
    let other = hq.order(2, &[]);
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    phone.field.add_note(mine, "现场查看").unwrap();
    assert_eq!(denied(phone.field.add_note(other, "x").unwrap_err()), "not_assigned");
    let person = NewPerson { name: "张三".into(), purpose: "回访".into(), ..NewPerson::default() };
    assert_eq!(denied(phone.field.new_person(person).unwrap_err()), "may_not_create");
}

#[test]
fn nothing_is_written_before_enrolment() {
    let phone = Phone::new(1);
    assert_eq!(phone.field.new_place(NewPlace::default()).unwrap_err(), FieldError::NotEnrolled);
    assert_eq!(phone.field.identity(), None);
    assert_eq!(phone.field.status().unwrap().last_contact_ms, None);
}

#[test]
fn a_morning_at_the_doors() {
    let hq = Hq::new();
    let order = hq.order(1, &[]);
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    let f = &phone.field;
    let visit = NewVisit {
        order: Some(order),
        kind: "site_check".into(),
        result: "met".into(),
        notes: "楼道内有异味".into(),
        ..NewVisit::default()
    };
    let visit = f.record_visit(visit).unwrap();
    f.measure(visit, "猫", 12_000, "只", Method::Estimated).unwrap();
    let person =
        NewPerson { name: "欧阳娜".into(), purpose: "走访登记".into(), ..NewPerson::default() };
    let person = f.new_person(person).unwrap();
    let care =
        NewCare { person, kind: "独居".into(), basis: "本人同意".into(), valid_to: None, grid: None };
    f.new_care(care).unwrap();
    let appeal = NewAppeal { kind: "complain".into(), text: "油烟大".into(), ..NewAppeal::default() };
    f.new_appeal(appeal).unwrap();
    let page = f.order(order).unwrap();
    assert_eq!(page.visits.len(), 1);
    assert_eq!(page.visits[0].row.grid, GRID, "the order's grid");
    assert_eq!(f.status().unwrap().pending, 5);
    let report = f.sync(&hq).unwrap();
    assert_eq!((report.acknowledged, report.refused), (5, 0));
    assert_eq!(f.heads().unwrap(), hq.heads());
}

#[test]
fn proposals_are_checked_before_and_one_after_another_offline() {
    let hq = Hq::new();
    let order = hq.order(1, &[]);
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    let f = &phone.field;
    let refused =
        |kind, reason: &str, outcome, days| match f.propose(order, kind, reason, outcome, days, false) {
            Err(FieldError::WouldBeRefused { refusal }) => refusal,
            other => panic!("{other:?}"),
        };
    assert_eq!(refused(ProposalKind::Submit, "", Some("explained"), None), Refusal::WrongState);
    assert_eq!(refused(ProposalKind::Return, " ", None, None), Refusal::ReasonMissing);
    assert_eq!(refused(ProposalKind::Extend, "雨天", None, Some(11)), Refusal::TooLong);
    assert!(f.order(order).unwrap().actions.contains(&"ack"));
    f.propose(order, ProposalKind::Ack, "", None, None, false).unwrap();
    assert!(!f.order(order).unwrap().actions.contains(&"ack"), "asked already");
    let visit = NewVisit { order: Some(order), kind: "prelim".into(), ..NewVisit::default() };
    f.record_visit(visit).unwrap();
    assert_eq!(refused(ProposalKind::Submit, "", Some("explained"), None), Refusal::ReplyMissing);
    f.set_field(order, "reply_text", "已当面解释".into()).unwrap();
    assert!(f.order(order).unwrap().actions.contains(&"submit"));
    f.propose(order, ProposalKind::Submit, "", Some("explained"), None, false).unwrap();
    let page = f.order(order).unwrap();
    assert_eq!(page.proposals.len(), 2);
    assert!(page.proposals.iter().all(|p| p.decision.is_none() && p.record.order_version == 3));
    // What the phone would refuse can still be sent as a fact.
    f.propose(order, ProposalKind::Return, "", None, None, true).unwrap();
}

#[test]
fn after_the_leases_end_only_new_facts_can_be_written() {
    let hq = Hq::new();
    let order = hq.order(1, &[]);
    let brief = DocId { kind: DocKind::Brief, uuid: [1; 16] };
    let brief_edits = [
        Edit::set("order", order.to_string()),
        Edit::set("grid", GRID),
        Edit::set("reported_text", "楼下养猫"),
    ];
    hq.edit(brief, &brief_edits);
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    let f = &phone.field;
    let own = f
        .record_visit(NewVisit { grid: Some(GRID.into()), kind: "patrol".into(), ..NewVisit::default() })
        .unwrap();
    assert!(f.order(order).unwrap().brief.is_some());
    assert_eq!(f.search("楼下", 9).unwrap().len(), 1);
    phone.source.pass(73 * HOUR);
    assert_eq!(f.document(brief), Err(FieldError::LeaseOver));
    assert_eq!(f.order(order).unwrap().brief, None);
    assert_eq!(f.search("楼下", 9).unwrap().len(), 0);
    // Facts are kept; nothing of others' is overwritten, and residents stay locked for writing too.
    f.add_note(order, "x").unwrap();
    assert_eq!(f.set_field(order, "reply_text", "x".into()).unwrap_err(), FieldError::LeaseOver);
    let proposed = f.propose(order, ProposalKind::Submit, "x", None, None, true);
    assert_eq!(proposed.unwrap_err(), FieldError::LeaseOver);
    let contact = vec![Edit::set("contact/0190a1b2c3d47e5f8a9b0c1d2e3f4a5b", "{}")];
    assert_eq!(f.write(brief, contact, 0).unwrap_err(), FieldError::LeaseOver);
    f.set_field(own, "notes", "补记".into()).unwrap();
    f.record_visit(NewVisit { grid: Some(GRID.into()), kind: "patrol".into(), ..NewVisit::default() })
        .unwrap();
    // Contact renews it.
    let mut lease = crate::hq::lease(Role::GridWorker, 2);
    lease.valid_until += 100 * HOUR;
    let mut s = hq.state.lock().unwrap();
    s.now += 73 * HOUR;
    s.lease = lease;
    drop(s);
    f.sync(&hq).unwrap();
    assert!(f.document(brief).is_ok());
    f.add_note(order, "x").unwrap();
}

#[test]
fn a_clock_years_ahead_does_not_win_for_ever() {
    let hq = Hq::new();
    let order = hq.order(1, &[]);
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    for (ahead, boot) in [(10, 1), (200, 2)] {
        phone
            .source
            .wall
            .store(crate::phone::NOW + ahead * 365 * 24 * HOUR, std::sync::atomic::Ordering::SeqCst);
        phone.source.boot.store(boot, std::sync::atomic::Ordering::SeqCst);
        let value = format!("v{ahead}");
        // A new boot knows no HQ time, so the lease seems over: own documents can be written.
        let visit =
            NewVisit { grid: Some(GRID.into()), kind: "patrol".into(), notes: value, ..NewVisit::default() };
        let id = phone.field.write(
            DocId { kind: DocKind::Visit, uuid: [u8::try_from(boot).unwrap(); 16] },
            vec![Edit::set("grid", GRID), Edit::set("by", "gw-01"), Edit::set("notes", visit.notes.as_str())],
            0,
        );
        id.unwrap();
        let view = phone
            .field
            .document(DocId { kind: DocKind::Visit, uuid: [u8::try_from(boot).unwrap(); 16] })
            .unwrap();
        let at = view.all("notes")[0].at.ms().0;
        assert!(at <= crate::phone::NOW + 73 * HOUR, "{ahead} years ahead gave {at}");
    }
    let _ = order;
}
