#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
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

/// `on_time` orders closed at 10 with due 10, `late` closed at 11 with due 10.
fn closed(on_time: usize, late: usize, undispatched: usize) -> Vec<OrderFacts> {
    let order = |at| OrderFacts {
        dispatches: 1,
        closed_at: Some(TimeMs(at)),
        internal_due: Some(TimeMs(10)),
        ..OrderFacts::default()
    };
    let own = OrderFacts { dispatches: 0, ..order(10) };
    [vec![order(10); on_time], vec![order(11); late], vec![own; undispatched]].concat()
}

const LATER: TimeMs = TimeMs(1_000);

#[test]
fn vector_a_county_level_city_april_2022() {
    let orders = closed(597, 4, 2276);
    assert_eq!(orders.len(), 2877);
    assert_eq!(dispatch_rate(&orders).to_string(), "20.89% (601/2877)");
    assert_eq!(closing_rate_all(&orders, LATER).to_string(), "100% (601/601)");
    let on_time = on_time_rate(&closed(597, 4, 0), DueKind::Internal, LATER);
    assert_eq!(on_time.to_string(), "99.33% (597/601)");
}

#[test]
fn vector_b_counts_reached_callbacks() {
    // 75.86 % of 99 is impossible: somebody left out who was not reached.
    assert!((0..=99).all(|n| Rate::new(n, 99).unwrap().percent() != "75.86%"));
    for (n, d) in [(66, 87), (44, 58), (22, 29)] {
        assert_eq!(Rate::new(n, d).unwrap().percent(), "75.86%");
    }
    assert_eq!(Rate::new(21, 22).unwrap().percent(), "95.45%");
    let callback = |reached, answer| CallbackFacts {
        attempts: 1,
        reached,
        result_satisfied: answer,
        ..CallbackFacts::default()
    };
    let week = [
        vec![callback(true, Some(true)); 66],
        vec![callback(true, Some(false)); 21],
        vec![callback(false, None); 12],
    ]
    .concat();
    assert_eq!(week.len(), 99);
    let rate = satisfaction_rate(&week, Satisfaction::Result);
    assert_eq!(rate.to_string(), "75.86% (66/87)");
    assert_eq!(callback_success_rate(&week).to_string(), "87.88% (87/99)");
}

#[test]
fn vector_c_march_2017() {
    let orders = closed(2424, 71, 0);
    assert_eq!((orders.len(), 2388 + 107), (2495, 2495));
    let rate = on_time_rate(&orders, DueKind::Internal, LATER);
    assert_eq!(rate.to_string(), "97.15% (2424/2495)");
}

#[test]
fn vector_d_boston_january_2022() {
    // 85 closed: 72 on time, 5 late, 8 without a target; 12 open and overdue, 3 without one.
    let no_target = OrderFacts { closed_at: Some(TimeMs(5)), ..OrderFacts::default() };
    let overdue = OrderFacts { internal_due: Some(TimeMs(9)), ..OrderFacts::default() };
    let orders =
        [closed(72, 5, 0), vec![no_target; 8], vec![overdue; 12], vec![OrderFacts::default(); 3]].concat();
    assert_eq!(orders.len(), 100);
    let on_time = on_time_rate(&orders, DueKind::Internal, LATER);
    assert_eq!(on_time.to_string(), "94.12% (80/85)");
    let closing = closing_rate(&orders, DueKind::Internal, LATER);
    assert_eq!(closing.to_string(), "87.63% (85/97)");
}

#[test]
fn open_overdue_orders_are_never_hidden() {
    let open = |due| OrderFacts {
        dispatches: 1,
        internal_due: Some(TimeMs(due)),
        upstream_due: Some(TimeMs(due + 50)),
        ..OrderFacts::default()
    };
    let mut orders = closed(8, 0, 0);
    orders.extend([open(90), open(100), open(200)]);
    orders.push(OrderFacts { excluded: true, ..open(1) });
    let now = TimeMs(100);
    let rate = |kind, at| closing_rate(&orders, kind, at).to_string();
    assert_eq!(rate(DueKind::Internal, now), "88.89% (8/9)"); // due this very moment: not past
    assert_eq!(rate(DueKind::Internal, TimeMs(101)), "80.00% (8/10)");
    assert_eq!(rate(DueKind::Upstream, now), "100% (8/8)");
    assert_eq!(closing_rate_all(&orders, now).to_string(), "72.73% (8/11)");
    assert_eq!(excluded_count(&orders), 1);
    // A frozen snapshot does not change when an order is closed afterwards.
    orders[8].closed_at = Some(TimeMs(150));
    assert_eq!(closing_rate(&orders, DueKind::Internal, now).to_string(), "88.89% (8/9)");
}

#[test]
fn response_and_dispatch() {
    let order = |contact: Option<i64>, due: i64, dispatches, bounced| OrderFacts {
        dispatches,
        bounced,
        first_contact_at: contact.map(TimeMs),
        contact_due: Some(TimeMs(due)),
        ..OrderFacts::default()
    };
    let orders = [
        order(Some(10), 10, 1, false),  // just in time
        order(Some(11), 10, 1, true),   // late
        order(None, 99, 2, false),      // never, past due
        order(None, 100, 1, false),     // not yet due
        order(Some(20), 500, 1, false), // early
        order(Some(150), 99, 0, false), // after the snapshot
        OrderFacts { excluded: true, ..order(None, 1, 1, true) },
        OrderFacts { contact_due: None, ..order(Some(1), 1, 1, false) },
    ];
    assert_eq!(response_rate(&orders, TimeMs(100)).to_string(), "40.00% (2/5)");
    assert_eq!(dispatch_rate(&orders).to_string(), "85.71% (6/7)");
    assert_eq!(first_dispatch_accuracy(&orders).to_string(), "66.67% (4/6)");
    assert_eq!(response_rate(&[], LATER).to_string(), "– (0/0)");
}

#[test]
fn ac1_callbacks() {
    let happy = CallbackFacts {
        attempts: 1,
        reached: true,
        process_satisfied: Some(true),
        result_satisfied: Some(true),
        resolved: Some(true),
    };
    let silent = CallbackFacts { attempts: 3, ..CallbackFacts::default() };
    let mut all = vec![happy; 13];
    all.push(silent);
    assert_eq!(satisfaction_rate(&all, Satisfaction::Result).to_string(), "100% (13/13)");
    assert_eq!(callback_success_rate(&all).to_string(), "92.86% (13/14)");
    assert_eq!(callback_rate(&all).to_string(), "100% (14/14)");
    // Reached but silent on the questions: unresolved, and in no satisfaction rate.
    all.push(CallbackFacts { attempts: 1, reached: true, ..CallbackFacts::default() });
    all.push(CallbackFacts { process_satisfied: Some(false), ..happy });
    all.push(CallbackFacts::default());
    assert_eq!(resolution_rate(&all).to_string(), "93.33% (14/15)");
    assert_eq!(satisfaction_rate(&all, Satisfaction::Process).to_string(), "92.86% (13/14)");
    assert_eq!(satisfaction_rate(&all, Satisfaction::Result).to_string(), "100% (14/14)");
    assert_eq!(callback_rate(&all).to_string(), "94.12% (16/17)");
}

proptest! {
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
