//! AC-5: an urgent order, a bad clock, a holiday (R25, R30).

use super::street::{act, at, at_hq, call, go_to, order_in, reached, state, steps, town};
use crate::visit;
use lanewalk_model::{
    kpi::{DueKind, History},
    order::{Act, State},
    records::{ProposalKind, StepKind},
    time::TimeMs,
    view::Value,
};
use std::sync::atomic::Ordering;
use support::town::Town;

const A: usize = 0;

/// Thu 2026-10-01 10:00 urgent; the phone has it at 10:05, is offline 10:20 to 12:41, and the work
/// is done at 11:35. Returns (on time, effective time of the submission).
fn handled(seed: u64, meanwhile: impl Fn(&Town)) -> (bool, i64) {
    let mut town = town(seed, 1, 0, "2026-10-01 10:00");
    let now = town.clock.now();
    let order = order_in(&mut town, call(now, "AC5", 0, "燃气泄漏", "noise", true));
    let due = at_hq(&town, order).int("internal_due").unwrap();
    assert_eq!(due, at("2026-10-01 12:00"), "two hours of clock time, on a holiday too");

    go_to(&town, "2026-10-01 10:05");
    town.settle();
    let field = town.phones[A].field().clone();
    let row = field.order(order).unwrap().row;
    assert_eq!((row.urgent, row.due_at), (true, Some(due)));

    go_to(&town, "2026-10-01 11:35");
    meanwhile(&town);
    field.propose(order, ProposalKind::Ack, "", None, None, false).unwrap();
    field.record_visit(visit(order, "handle", "已关阀并通风")).unwrap();
    field.set_field(order, "reply_text", Value::Text("已关阀,隐患排除".into())).unwrap();
    field.propose(order, ProposalKind::Submit, "", Some("enforced"), None, false).unwrap();
    go_to(&town, "2026-10-01 12:41");
    town.settle();
    assert_eq!(state(&town, order), State::Submitted);
    let submitted = steps(&town, order, StepKind::Submitted);
    assert_eq!(submitted.len(), 1);
    assert_eq!(submitted[0].due.map(|t| t.0), Some(due));

    act(&town, "hc-01", order, &Act::Pass, "");
    act(&town, "ca-01", order, &reached(true, true, true), "");
    act(&town, "hc-01", order, &Act::Close, "");
    town.settle();
    support::check::laws(&town);
    let facts = History::of(&at_hq(&town, order)).at(TimeMs(town.clock.now())).unwrap();
    (facts.is_in_time(DueKind::Internal), submitted[0].at.0)
}

#[test]
fn an_anchored_clock_is_believed_and_the_order_is_on_time() {
    assert_eq!(handled(451, |_| {}), (true, at("2026-10-01 11:35")));
}

#[test]
fn a_clock_set_back_makes_the_order_late() {
    let late = handled(452, |town| town.phones[A].source.wall_error.store(-3_600_000, Ordering::Relaxed));
    assert_eq!(late, (false, at("2026-10-01 12:41")));
}

#[test]
fn a_reboot_offline_makes_the_order_late() {
    assert_eq!(handled(453, |town| town.phones[A].source.reboot()), (false, at("2026-10-01 12:41")));
}
