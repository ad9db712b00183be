//! AC-6: nobody's order (R26–R29).

use super::street::{act, at_hq, call, decide, go_to, order_in, propose, state, steps, to, town, try_act};
use crate::visit;
use lanewalk_model::{
    order::{self, Refusal, State},
    records::{ProposalKind, ProposalRecord, StepKind},
};

const A: usize = 0;

fn ask(kind: ProposalKind, unit: &str) -> ProposalRecord {
    ProposalRecord { to: Some(unit.into()), ..ProposalRecord::new(kind, 0, "职责不在本科室") }
}

#[test]
fn an_order_without_a_row_in_the_catalogue_finds_its_owner() {
    let mut town = town(461, 1, 0, "2026-05-06 09:00");
    let cell = town.cells[0].clone();
    let now = town.clock.now();
    let order = order_in(&mut town, call(now, "AC6", 0, "河道边废弃冰柜", "unknown", false));
    assert_eq!(state(&town, order), State::Triage);
    assert_eq!(steps(&town, order, StepKind::ToTriage).len(), 1);

    // Only the deputy leader leads out, and says why.
    let dispatch = to("sec-chengguan", &cell);
    assert_eq!(try_act(&town, "hc-01", order, &dispatch, "城管的"), Some(Refusal::OtherDecides));
    assert_eq!(try_act(&town, "dl-01", order, &dispatch, ""), Some(Refusal::ReasonMissing));
    assert_eq!(try_act(&town, "dl-01", order, &to("sec-nobody", &cell), "?"), Some(Refusal::HolderUnknown));
    act(&town, "dl-01", order, &dispatch, "清单未列明,由城管科牵头");
    assert_eq!(at_hq(&town, order).text("lead_unit"), Some("sec-chengguan"));

    // The section takes it, then offers it on; the other section ignores the offer.
    let taken = propose(&town, "cg-01", order, ProposalRecord::new(ProposalKind::Ack, 0, ""));
    assert_eq!(taken, None);
    let first = at_hq(&town, order);
    assert_eq!((first.text("first_owner"), first.text("current_owner")), (Some("cg-01"), Some("cg-01")));
    assert_eq!(propose(&town, "cg-01", order, ask(ProposalKind::Transfer, "sec-zhujian")), None);
    go_to(&town, "2026-05-06 10:00");
    let offered = at_hq(&town, order);
    assert_eq!(offered.text("offered_to"), Some("sec-zhujian"));
    assert_eq!(
        (offered.text("lead_unit"), offered.text("current_owner")),
        (Some("sec-chengguan"), Some("cg-01"))
    );
    assert_eq!(order::transfers(&offered), 0);
    // Somebody whom it was not offered to cannot take it.
    let stranger = propose(&town, "dl-01", order, ProposalRecord::new(ProposalKind::Ack, 0, ""));
    assert_eq!(stranger, Some(Refusal::RoleMayNot));

    // Declined; offered again and taken; offered back and taken: the second transfer is an alert.
    assert_eq!(propose(&town, "zj-01", order, ProposalRecord::new(ProposalKind::Decline, 0, "不是")), None);
    assert_eq!(at_hq(&town, order).text("offered_to"), Some(""));
    for (from, unit, by, alert) in
        [("cg-01", "sec-zhujian", "zj-01", false), ("zj-01", "sec-chengguan", "cg-01", true)]
    {
        assert_eq!(propose(&town, from, order, ask(ProposalKind::Transfer, unit)), None);
        assert_eq!(propose(&town, by, order, ProposalRecord::new(ProposalKind::Ack, 0, "")), None);
        let moved = at_hq(&town, order);
        assert_eq!((moved.text("lead_unit"), moved.text("current_owner")), (Some(unit), Some(by)));
        assert_eq!(moved.text("first_owner"), Some("cg-01"), "never changes (R29)");
        assert_eq!(moved.flag("flag/transfers"), alert);
    }
    assert_eq!(order::transfers(&at_hq(&town, order)), 2);

    // Asked to be returned after four working hours: too late.
    go_to(&town, "2026-05-06 16:00");
    let late = propose(&town, "cg-01", order, ProposalRecord::new(ProposalKind::Return, 0, "不属我街道"));
    assert_eq!(late, Some(Refusal::ReturnLimitPassed));
    town.settle();
    support::check::laws(&town);
}

#[test]
fn a_return_in_time_waits_for_the_clerk_and_ends_the_order() {
    let mut town = town(462, 1, 0, "2026-05-06 09:00");
    let now = town.clock.now();
    let order = order_in(&mut town, call(now, "AC6b", 0, "区界外噪音", "noise", false));
    assert_eq!(
        propose(&town, "cg-01", order, ProposalRecord::new(ProposalKind::Return, 0, "在区界外")),
        None
    );
    assert_eq!(state(&town, order), State::Dispatched, "a person decides");
    assert_eq!(decide(&town, "hc-01", order, true, "属实"), None);
    assert_eq!(state(&town, order), State::Returned);
    assert_eq!(steps(&town, order, StepKind::Returned).len(), 1);
}

/// R27: the choice becomes a row of the next catalogue; a phone that still has the old one goes on
/// filing.
#[test]
fn the_choice_becomes_a_row_and_old_phones_go_on() {
    let mut town = town(463, 1, 0, "2026-05-06 09:00");
    let cell = town.cells[0].clone();
    let now = town.clock.now();
    let order = order_in(&mut town, call(now, "AC6c", 0, "河道边废弃冰柜", "old fridge", false));
    act(&town, "dl-01", order, &to("sec-chengguan", &cell), "由城管科牵头");
    town.settle();
    let field = town.phones[A].field().clone();
    let version =
        |catalog: Option<std::sync::Arc<lanewalk_model::catalog::Catalog>>| catalog.unwrap().version.clone();
    assert_eq!(version(field.catalog().unwrap()), "m1");

    let rows = town.network.hq(|hq| hq.catalog_proposals().unwrap());
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].lead_unit.as_str(), rows[0].order), ("sec-chengguan", order));
    let adopt = |by: &str| {
        town.network.hq(|hq| hq.adopt_row(by, rows[0].n, "010103", "河道废弃物", &["old fridge"]).unwrap())
    };
    assert_eq!(adopt("hc-01"), Some(Refusal::OtherDecides));
    assert_eq!(adopt("dl-01"), None);
    assert_eq!(adopt("dl-01"), Some(Refusal::WrongState), "once");

    // The next order with these words is dispatched at once, under the new version.
    let next = call(town.clock.now(), "AC6d", 0, "又一台旧冰柜", "old fridge", false);
    town.network.hq(|hq| hq.take_in(&[next], "hc-01").unwrap());
    let next = super::street::by_upstream(&town, "AC6d");
    let view = at_hq(&town, next);
    assert_eq!((view.text("state"), view.text("matter_code")), (Some("DISPATCHED"), Some("010103")));
    assert_ne!(view.text("catalog_version"), Some("m1"));

    // The phone has not synced since: it files on what it has, and all of it comes in.
    assert_eq!(version(field.catalog().unwrap()), "m1");
    field.record_visit(visit(order, "site_check", "冰柜还在")).unwrap();
    let fact = town.remember(A, "visit");
    field.propose(order, ProposalKind::Ack, "", None, None, false).unwrap();
    town.settle();
    assert_eq!(crate::logged(&town, fact).0, None);
    assert_eq!(state(&town, order), State::Investigating);
    assert_ne!(version(field.catalog().unwrap()), "m1");
    assert!(field.order(next).is_ok());
    support::check::laws(&town);
}
