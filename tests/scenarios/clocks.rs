//! AC-5: which time counts when the phone's clock, its user or its battery lie (F30), and headquarters' own (F31).

use crate::{A, logged, order_in, town, visit};
use std::sync::atomic::Ordering;
use support::town::Town;

const MIN: i64 = 60_000;

/// 10:05 contact, 11:35 handled on site, 12:41 back online. Returns (handled, received, log row).
fn handled(seed: u64, between: impl Fn(&Town)) -> (i64, i64, (i64, String, i64)) {
    let mut town = town(seed, 2);
    let order = order_in(&mut town, 0, "燃气泄漏");
    town.clock.advance(90 * MIN);
    between(&town);
    let handled = town.clock.now();
    town.phones[A].field().record_visit(visit(order, "handle", "已关阀")).unwrap();
    let hash = town.remember(A, "handle");
    town.clock.advance(66 * MIN);
    let received = town.clock.now();
    town.settle();
    let (why, effective, trust, at) = logged(&town, hash);
    assert_eq!(why, None);
    support::check::laws(&town);
    (handled, received, (effective, trust, at))
}

#[test]
fn an_anchored_clock_is_believed() {
    let (at, received, row) = handled(401, |_| {});
    assert_eq!(row, (at, "anchored".to_owned(), received));
}

#[test]
fn a_clock_set_back_is_not() {
    for hours in [-1, 1, -24 * 365, 24 * 365 * 10] {
        let (_, received, row) = handled(402, |town| {
            town.phones[A].source.wall_error.store(hours * 60 * MIN, Ordering::Relaxed);
        });
        assert_eq!(row, (received, "contradicted".to_owned(), received), "{hours} h");
    }
}

#[test]
fn a_few_minutes_are_no_lie() {
    let (at, received, row) = handled(403, |town| {
        town.phones[A].source.wall_error.store(-4 * MIN, Ordering::Relaxed);
    });
    assert_eq!(row, (at, "anchored".to_owned(), received));
}

#[test]
fn a_reboot_offline_loses_the_anchor() {
    let (_, received, row) = handled(404, |town| town.phones[A].source.reboot());
    assert_eq!(row, (received, "no_anchor".to_owned(), received));
}

#[test]
fn a_contact_after_the_reboot_anchors_again() {
    let (at, received, row) = handled(405, |town| {
        town.phones[A].source.reboot();
        let wire = support::network::Wire::new(town.network.clone(), || {});
        town.phones[A].field().sync(&wire).unwrap();
        town.clock.advance(2 * MIN);
    });
    assert_eq!(row, (at, "anchored".to_owned(), received));
}

/// Headquarters' clock goes back an hour and on again, with restarts between: its time in the log
/// never does, the log's numbers give the order, and nobody's work waits.
#[test]
fn headquarters_clock_steps_and_its_time_does_not_go_back() {
    let mut town = town(406, 2);
    let order = order_in(&mut town, 0, "路灯不亮");
    let mut received = Vec::new();
    for (hours, restart) in
        [(0, false), (-1, false), (-1, true), (-30, true), (2, false), (0, true), (0, false)]
    {
        town.clock.set_hq_error(hours * 60 * MIN);
        if restart {
            town.kill_hq();
        }
        town.clock.advance(MIN);
        town.phones[A].field().record_visit(visit(order, "prelim", &format!("偏差{hours}小时"))).unwrap();
        let hash = town.remember(A, "visit");
        town.sync(A).unwrap();
        let (why, effective, _, at) = logged(&town, hash);
        assert_eq!(why, None);
        assert!(effective <= at, "an act counts before it was received");
        received.push(at);
    }
    assert!(received.is_sorted(), "{received:?}");
    assert!(received[1] >= received[0] && received[6] - received[0] <= 2 * 60 * MIN + 7 * MIN);
    town.settle();
    support::check::laws(&town);
}
