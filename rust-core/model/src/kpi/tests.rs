#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
use crate::{
    document::{Document, Edit, Stamp},
    id::ActorId,
    records::{
        CallbackRecord,
        StepKind::{self, *},
        StepRecord,
    },
    schema::DocKind,
    time::{Hlc, TimeMs},
};
use proptest::prelude::*;

fn print(n: u64, d: u64) -> String {
    Rate::new(n, d).unwrap().to_string()
}

#[test]
fn printing() {
    for (n, d, text) in [
        (0, 0, "– (0/0)"),
        (0, 7, "0.00% (0/7)"),
        (7, 7, "100% (7/7)"),
        (1, 3, "33.33% (1/3)"),
        (2, 3, "66.67% (2/3)"),
        (1, 20_000, "0.01% (1/20000)"), // exactly half rounds up
        (1, 20_001, "0.00% (1/20001)"),
        (29_999, 30_000, "99.99% (29999/30000)"), // would round to 100.00
        (u64::MAX - 1, u64::MAX, "99.99% (18446744073709551614/18446744073709551615)"),
        (u64::MAX, u64::MAX, "100% (18446744073709551615/18446744073709551615)"),
    ] {
        assert_eq!(print(n, d), text);
    }
    assert!(Rate::new(1, 0).is_err());
    assert!(serde_json::from_str::<Rate>(r#"{"n":2,"d":1}"#).is_err());
    let text = serde_json::to_string(&Rate::new(597, 601).unwrap()).unwrap();
    assert_eq!(text, r#"{"n":597,"d":601}"#);
}

const LATER: TimeMs = TimeMs(1_000);
const DUE: DueKind = DueKind::Internal;

fn rate(metric: Metric, orders: &[OrderFacts], at: TimeMs) -> String {
    metric.rate(orders, at).to_string()
}

/// An order due at 10 to which these steps happened.
fn history(steps: &[(StepKind, i64)]) -> History {
    let mut order = History { internal_due: Some(TimeMs(10)), ..History::default() };
    for (kind, at) in steps {
        order.step(&StepRecord::new(*kind, TimeMs(*at), "hq"));
    }
    order
}

fn facts(steps: &[(StepKind, i64)]) -> OrderFacts {
    history(steps).at(LATER).unwrap()
}

/// `on_time` orders closed at 10 with due 10, `late` closed at 11, and some closed in time that
/// were never dispatched.
fn closed(on_time: usize, late: usize, undispatched: usize) -> Vec<OrderFacts> {
    let order = |at| facts(&[(Dispatched, 0), (Closed, at)]);
    let own = facts(&[(Closed, 10)]);
    [vec![order(10); on_time], vec![order(11); late], vec![own; undispatched]].concat()
}

#[test]
fn vector_a_county_level_city_april_2022() {
    let orders = closed(597, 4, 2276);
    assert_eq!(rate(Metric::Received, &orders, LATER), "100% (2877/2877)");
    assert_eq!(rate(Metric::Dispatch, &orders, LATER), "20.89% (601/2877)");
    assert_eq!(rate(Metric::ClosingAll, &orders, LATER), "100% (601/601)");
    assert_eq!(rate(Metric::OnTime(DUE), &closed(597, 4, 0), LATER), "99.33% (597/601)");
}

fn called(reached: bool, result: Option<bool>, resolved: Option<bool>) -> OrderFacts {
    let mut order = history(&[(Dispatched, 0), (Submitted, 5), (ToCallback, 6)]);
    order.call(&CallbackRecord {
        at: TimeMs(7),
        round: 0,
        reached,
        process_satisfied: result,
        result_satisfied: result,
        resolved,
        note: String::new(),
    });
    order.at(LATER).unwrap()
}

#[test]
fn vector_b_counts_reached_callbacks() {
    // 75.86 % of 99 is impossible: somebody left out who was not reached.
    assert!((0..=99).all(|n| Rate::new(n, 99).unwrap().percent() != "75.86%"));
    for (n, d) in [(66, 87), (44, 58), (22, 29)] {
        assert_eq!(Rate::new(n, d).unwrap().percent(), "75.86%");
    }
    assert_eq!(Rate::new(21, 22).unwrap().percent(), "95.45%");
    assert_eq!(2_276 + 601, 2_877);
    let week = [
        vec![called(true, Some(true), None); 66],
        vec![called(true, Some(false), None); 21],
        vec![called(false, None, None); 12],
    ]
    .concat();
    assert_eq!(week.len(), 99);
    assert_eq!(rate(Metric::ResultSatisfied, &week, LATER), "75.86% (66/87)");
    assert_eq!(rate(Metric::CallbackSuccess, &week, LATER), "87.88% (87/99)");
    assert_eq!(rate(Metric::Received, &vec![facts(&[]); 495 + 11], LATER), "100% (506/506)");
}

#[test]
fn vector_c_march_2017() {
    let orders = closed(2424, 71, 0);
    assert_eq!((orders.len(), 2388 + 107), (2495, 2495));
    assert_eq!(rate(Metric::OnTime(DUE), &orders, LATER), "97.15% (2424/2495)");
}

#[test]
fn vector_d_boston_january_2022() {
    // 85 closed: 72 on time, 5 late, 8 without a target; 12 open and overdue, 3 without one.
    let no_target = |steps| History { internal_due: None, ..history(steps) }.at(LATER).unwrap();
    let orders =
        [closed(72, 5, 0), vec![no_target(&[(Closed, 5)]); 8], vec![facts(&[]); 12], vec![no_target(&[]); 3]]
            .concat();
    assert_eq!(orders.len(), 100);
    assert_eq!(rate(Metric::OnTime(DUE), &orders, LATER), "94.12% (80/85)");
    assert_eq!(rate(Metric::Closing(DUE), &orders, LATER), "87.63% (85/97)");
}

#[test]
fn open_overdue_orders_are_never_hidden() {
    let open = |due| History {
        internal_due: Some(TimeMs(due)),
        upstream_due: Some(TimeMs(due + 50)),
        ..history(&[(Dispatched, 0)])
    };
    let mut all = vec![history(&[(Dispatched, 0), (Closed, 10)]); 8];
    all.extend([open(90), open(100), open(200)]);
    all.push(History { events: history(&[(Excluded, 2)]).events, ..open(1) });
    // Returned upstream: no longer ours to close. Parked: still is.
    all.push(History { events: history(&[(Dispatched, 0), (Returned, 2)]).events, ..open(500) });
    let at = |all: &[History], at| all.iter().filter_map(|o| o.at(TimeMs(at))).collect::<Vec<_>>();
    let closing = |all: &[History], due, now| rate(Metric::Closing(due), &at(all, now), TimeMs(now));
    assert_eq!(closing(&all, DUE, 100), "88.89% (8/9)"); // due this very moment: not past
    assert_eq!(closing(&all, DUE, 101), "80.00% (8/10)");
    assert_eq!(closing(&all, DueKind::Upstream, 100), "100% (8/8)");
    assert_eq!(rate(Metric::ClosingAll, &at(&all, 100), TimeMs(100)), "66.67% (8/12)");
    assert_eq!(rate(Metric::Excluded, &at(&all, 100), TimeMs(100)), "7.69% (1/13)");
    assert_eq!(rate(Metric::Open, &at(&all, 100), TimeMs(100)), "25.00% (3/12)");
    // A figure as of a moment does not change when an order is closed or parked afterwards.
    all[8].step(&StepRecord::new(Closed, TimeMs(150), "hq"));
    all[9].step(&StepRecord::new(Parked, TimeMs(120), "hq"));
    assert_eq!(closing(&all, DUE, 100), "88.89% (8/9)");
    assert_eq!(closing(&all, DUE, 300), "81.82% (9/11)");
}

#[test]
fn response_and_dispatch() {
    let order = |contact: Option<i64>, due: Option<i64>, steps: &[(StepKind, i64)]| History {
        first_contact_at: contact.map(TimeMs),
        contact_due: due.map(TimeMs),
        ..history(steps)
    };
    let sent = (Dispatched, 1);
    let all = [
        order(Some(10), Some(10), &[sent]),                   // just in time
        order(Some(11), Some(10), &[sent, (Transferred, 3)]), // late
        order(None, Some(99), &[sent, (Returned, 2), (Dispatched, 3)]), // never, past due
        order(None, Some(100), &[sent]),                      // not yet due
        order(Some(20), Some(500), &[sent, (Dispatched, 90)]), // early; dispatched again
        order(Some(150), Some(99), &[(Dispatched, 101)]),     // after the moment
        order(None, Some(1), &[sent, (Transferred, 2), (Excluded, 3)]),
        order(Some(1), None, &[sent]),
    ];
    let then: Vec<_> = all.iter().filter_map(|o| o.at(TimeMs(100))).collect();
    assert_eq!(rate(Metric::Response, &then, TimeMs(100)), "40.00% (2/5)");
    assert_eq!(rate(Metric::Dispatch, &then, TimeMs(100)), "85.71% (6/7)");
    assert_eq!(rate(Metric::FirstDispatch, &then, TimeMs(100)), "50.00% (3/6)");
    assert_eq!(rate(Metric::Return, &then, TimeMs(100)), "16.67% (1/6)");
    assert_eq!(rate(Metric::Transfer, &then, TimeMs(100)), "16.67% (1/6)");
    assert_eq!(rate(Metric::Response, &[], LATER), "– (0/0)");
}

#[test]
fn ac1_callbacks() {
    let mut all = vec![called(true, Some(true), Some(true)); 13];
    all.push(called(false, None, None));
    assert_eq!(rate(Metric::ResultSatisfied, &all, LATER), "100% (13/13)");
    assert_eq!(rate(Metric::CallbackSuccess, &all, LATER), "92.86% (13/14)");
    assert_eq!(rate(Metric::Callback, &all, LATER), "100% (14/14)");
    // Reached but silent on the questions: unresolved, and in no satisfaction rate.
    all.push(called(true, None, None));
    all.push(called(true, Some(false), Some(true)));
    all.push(facts(&[(Submitted, 5), (ToCallback, 6)]));
    all.push(facts(&[(Submitted, 5)])); // not passed on yet: not closable
    assert_eq!(rate(Metric::Resolution, &all, LATER), "93.33% (14/15)");
    assert_eq!(rate(Metric::ProcessSatisfied, &all, LATER), "92.86% (13/14)");
    assert_eq!(rate(Metric::Callback, &all, LATER), "94.12% (16/17)");
}

#[test]
fn each_round_is_judged_in_its_own_time() {
    let submitted = |at: i64, due: i64| StepRecord {
        due: Some(TimeMs(due)),
        ..StepRecord::new(Submitted, TimeMs(at), "gw-01")
    };
    for (first, second, want) in [(10, 30, true), (11, 30, false), (10, 31, false)] {
        let mut order = history(&[(Dispatched, 0)]);
        order.step(&submitted(99, 10)); // sent back: does not count
        order.step(&StepRecord::new(SentBack, TimeMs(5), "c"));
        order.step(&submitted(first, 10));
        order.step(&StepRecord::new(ToCallback, TimeMs(12), "c"));
        order.step(&StepRecord { due: Some(TimeMs(30)), ..StepRecord::new(Reworked, TimeMs(13), "c") });
        order.step(&submitted(second, 30));
        order.step(&StepRecord::new(Closed, TimeMs(60), "c"));
        order.upstream_due = Some(TimeMs(30));
        let now = order.at(LATER).unwrap();
        assert_eq!(now.is_in_time(DUE), want, "{first} {second}");
        assert_eq!(now.is_in_time(DueKind::Upstream), second <= 30);
        assert_eq!((now.rounds, now.submitted_at), (1, Some(TimeMs(second))));
    }
}

#[test]
fn answers_are_those_of_the_last_round() {
    let call = |round, at, reached, resolved| CallbackRecord {
        at: TimeMs(at),
        round,
        reached,
        process_satisfied: None,
        result_satisfied: None,
        resolved,
        note: String::new(),
    };
    let mut order = history(&[(ToCallback, 1)]);
    order.call(&call(0, 2, true, Some(false)));
    order.step(&StepRecord::new(Reworked, TimeMs(3), "c"));
    assert_eq!(order.at(TimeMs(4)).unwrap().attempts, 0);
    order.step(&StepRecord::new(ToCallback, TimeMs(5), "c"));
    order.call(&call(1, 6, false, None));
    order.call(&call(1, 7, true, Some(true)));
    order.call(&call(0, 8, true, Some(false))); // a late record of the round before
    let now = order.at(LATER).unwrap();
    assert_eq!((now.attempts, now.reached_at, now.answers.resolved), (2, Some(TimeMs(7)), Some(true)));
    assert_eq!(order.at(TimeMs(2)).unwrap().answers.resolved, Some(false));
    assert_eq!(Stage::Callback.span(&now), Some((TimeMs(5), TimeMs(7))));
    assert_eq!(rate(Metric::Callback, &[order.at(TimeMs(4)).unwrap()], LATER), "100% (1/1)");
}

#[test]
fn due_times_are_those_of_the_moment() {
    let mut order =
        History { promised_due: Some(TimeMs(10)), internal_due: Some(TimeMs(40)), ..history(&[]) };
    order.step(&StepRecord { due: Some(TimeMs(40)), ..StepRecord::new(Extended, TimeMs(8), "d") });
    let due = |order: &History, at| order.at(TimeMs(at)).unwrap().internal_due.unwrap().0;
    assert_eq!((due(&order, 7), due(&order, 8), due(&order, 99)), (10, 40, 40));
    // The step of its coming in names the first promise, however many follow.
    order.events.insert(0, Event { what: Happened::Step(Received), at: TimeMs(0), due: Some(TimeMs(9)) });
    assert_eq!((due(&order, 7), due(&order, 8)), (9, 40));
    assert_eq!(History { received_at: TimeMs(5), ..order }.at(TimeMs(4)), None);
}

#[test]
fn masters_and_sub_tasks_are_no_orders() {
    let stamp = Stamp { actor: ActorId([1; 16]), worker: "hq".into(), hlc: Hlc::default() };
    for (key, value, want) in [
        ("channel", "12345", true),
        ("channel", "cluster", false),
        ("master", "order:00", true),
        ("subtask_of", "order:00", false),
        ("subtask_of", "", true),
    ] {
        let mut doc = Document::new(DocKind::Order);
        doc.edit(&stamp, &[Edit::set(key, value)]).unwrap();
        assert_eq!(is_counted(&doc.view()), want, "{key} {value}");
    }
}

#[test]
fn spread_is_nearest_rank() {
    assert_eq!(Spread::of(&mut []), None);
    for (n, median, p95) in [(1, 1, 1), (2, 1, 2), (20, 10, 19), (21, 11, 20), (100, 50, 95)] {
        let mut all: Vec<i64> = (1..=n).rev().collect();
        assert_eq!(Spread::of(&mut all), Some(Spread { n: n as u64, median, p95 }), "{n}");
    }
}

#[test]
fn ids_are_unique() {
    for m in Metric::ALL {
        assert_eq!(Metric::from_id(m.id()), Some(m));
    }
}

/// A town's worth of nonsense: any steps at any times.
fn any_history() -> impl Strategy<Value = History> {
    let kinds = [
        Accepted,
        Dispatched,
        Transferred,
        Acked,
        Submitted,
        SentBack,
        ToCallback,
        Reworked,
        Closed,
        Returned,
        Excluded,
        Parked,
        Resumed,
    ];
    let step = (0..kinds.len(), 0..200_i64, proptest::option::of(0..200_i64));
    let times = proptest::collection::vec(proptest::option::of(0..200_i64), 5);
    (proptest::collection::vec(step, 0..14), times).prop_map(move |(steps, times)| {
        let time = |i: usize| times[i].map(TimeMs);
        let mut order = History {
            contact_due: time(0),
            first_contact_at: time(1),
            internal_due: time(2),
            promised_due: time(3),
            upstream_due: time(4),
            ..History::default()
        };
        for (kind, at, due) in steps {
            order.step(&StepRecord { due: due.map(TimeMs), ..StepRecord::new(kinds[kind], TimeMs(at), "x") });
        }
        order
    })
}

proptest! {
    /// What comes after a moment cannot change the figures of that moment.
    #[test]
    fn the_past_stands_still(order in any_history(), moment in 0..200_i64, late in any_history()) {
        let moment = TimeMs(moment);
        // Due times of today are given, so those that move later are left out of the comparison.
        let mut known = order.clone();
        known.events.retain(|e| e.due.is_none());
        let mut longer = known.clone();
        longer.events.extend(late.events.into_iter().filter(|e| e.at > moment && e.due.is_none()));
        prop_assert_eq!(known.at(moment), longer.at(moment));
    }

    /// Counts that belong together add up, whatever happened.
    #[test]
    fn counts_agree(orders in proptest::collection::vec(any_history(), 0..20), at in 0..200_i64) {
        let at = TimeMs(at);
        let now: Vec<_> = orders.iter().filter_map(|o| o.at(at)).collect();
        let rate = |m: Metric| m.rate(&now, at);
        prop_assert_eq!(rate(Metric::Received).d() + rate(Metric::Excluded).n(), now.len() as u64);
        prop_assert_eq!(rate(Metric::Closing(DUE)).n(), rate(Metric::OnTime(DUE)).d());
        let overdue = rate(Metric::Overdue(DUE)).n();
        prop_assert_eq!(rate(Metric::Closing(DUE)).d(), rate(Metric::OnTime(DUE)).d() + overdue);
        prop_assert!(rate(Metric::Return).d() == rate(Metric::Dispatch).n());
        prop_assert!(rate(Metric::ResultSatisfied).d() <= rate(Metric::Resolution).d());
    }

    #[test]
    fn hundred_percent_only_if_equal(a in any::<u64>(), b in any::<u64>(), near in any::<bool>()) {
        let d = a.max(b);
        let n = if near { d.saturating_sub(a % 3) } else { a.min(b) };
        let text = Rate::new(n, d).unwrap().percent();
        prop_assert_eq!(text.starts_with("100"), n == d && d > 0);
    }

    #[test]
    fn rounding_is_within_half_a_hundredth(d in 1_u64..1_000_000, part in 0.0..1.0_f64) {
        let n = (d as f64 * part) as u64;
        let text = Rate::new(n, d).unwrap().percent();
        let hundredths: i128 = text.trim_end_matches('%').replace('.', "").parse().unwrap();
        // 100% has no decimals; otherwise |printed - exact| <= 1/2 hundredth, or 99.99 capped.
        let error = (hundredths * i128::from(d) - i128::from(n) * 10_000).abs() * 2;
        prop_assert!(n == d || error <= i128::from(d) || hundredths == 9_999);
    }
}
