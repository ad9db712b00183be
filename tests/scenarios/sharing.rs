//! Two people write about the same thing (AC-2): nobody's words vanish, everybody sees whose.

use crate::{A, B, OTHER, at_hq, order_in, town};
use lanewalk_field::NewPlace;
use lanewalk_model::{time::TimeMs, view::Value};
use support::check;

#[test]
fn the_greater_severity_stands_whoever_syncs_first() {
    for first in [A, B] {
        let mut town = town(301, 2);
        let order = order_in(&mut town, 0, "电箱过热");
        town.phones[A].field().set_field(order, "severity", Value::Int(3)).unwrap();
        town.phones[B].field().set_field(order, "severity", Value::Int(1)).unwrap();
        town.sync(first).unwrap();
        town.settle();
        for phone in [A, B] {
            assert_eq!(town.phones[phone].field().document(order).unwrap().int("severity"), Some(3));
        }
        assert_eq!(at_hq(&town, order).int("severity"), Some(3));
        // It cannot be talked down afterwards.
        assert_eq!(
            town.phones[B].field().set_field(order, "severity", Value::Int(2)).unwrap_err().code(),
            "invalid"
        );
        check::laws(&town);
    }
}

#[test]
fn the_last_access_note_stands_and_the_other_stays_readable() {
    for first in [A, B] {
        let mut town = town(302, 2);
        let grid = Some(town.cells[0].clone());
        let place =
            NewPlace {
                name: "金御皇庭7号楼".into(), kind: "dwelling".into(), grid, ..NewPlace::default()
            };
        let place = town.phones[A].field().new_place(place).unwrap();
        town.settle();
        town.clock.advance(60_000);
        town.phones[A].field().set_field(place, "access_note", Value::Text("密码锁,问门卫".into())).unwrap();
        town.clock.advance(60_000);
        town.phones[B].field().set_field(place, "access_note", Value::Text("走地下车库".into())).unwrap();
        town.sync(first).unwrap();
        town.settle();
        for view in [A, B]
            .map(|p| town.phones[p].field().document(place).unwrap())
            .into_iter()
            .chain([at_hq(&town, place)])
        {
            assert_eq!(view.text("access_note"), Some("走地下车库"), "the later one by the clock");
            let all: Vec<_> =
                view.all("access_note").iter().map(|a| (a.by.as_str(), a.value.text().unwrap())).collect();
            assert!(all.contains(&("gw-01", "密码锁,问门卫")), "{all:?}");
            assert!(!view.is_open_conflict("access_note"), "nobody is asked to choose");
        }
        check::laws(&town);
    }
}

#[test]
fn two_truths_wait_for_a_person_and_then_one_stands_everywhere() {
    let mut town = town(303, 2);
    let order = order_in(&mut town, 1, "违建");
    let start = town.clock.now();
    town.clock.advance(60_000);
    town.phones[A].field().set_field(order, "verified_facts", Value::Text("阳台封闭,已十年".into())).unwrap();
    town.clock.advance(60_000);
    town.phones[OTHER]
        .field()
        .set_field(order, "verified_facts", Value::Text("阳台新封,上月".into()))
        .unwrap();
    town.settle();
    let says = |view: &lanewalk_model::view::DocView| {
        let all = view.all("verified_facts").iter();
        all.map(|a| (a.by.clone(), a.at.ms(), a.value.text().unwrap().to_owned())).collect::<Vec<_>>()
    };
    let both = vec![
        ("gw-01".to_owned(), TimeMs(start + 60_000), "阳台封闭,已十年".to_owned()),
        ("gw-02".to_owned(), TimeMs(start + 120_000), "阳台新封,上月".to_owned()),
    ];
    for phone in [A, OTHER] {
        let field = town.phones[phone].field();
        let mut seen = says(&field.document(order).unwrap());
        seen.sort();
        assert_eq!(seen, both, "both, with who and when, on phone {phone}");
        assert_eq!(
            field.conflicts().unwrap().iter().map(|(id, c)| (*id, c.key.as_str())).collect::<Vec<_>>(),
            [(order, "verified_facts")]
        );
        assert_eq!(field.status().unwrap().conflicts, 1);
        assert_eq!(field.order(order).unwrap().conflicts.len(), 1);
    }
    let mut seen = says(&at_hq(&town, order));
    seen.sort();
    assert_eq!(seen, both, "and at headquarters");
    // One of them decides, for what the other said.
    town.clock.advance(60_000);
    town.phones[A].field().set_field(order, "verified_facts", Value::Text("阳台新封,上月".into())).unwrap();
    town.settle();
    for view in [A, OTHER]
        .map(|p| town.phones[p].field().document(order).unwrap())
        .into_iter()
        .chain([at_hq(&town, order)])
    {
        assert_eq!(says(&view), [("gw-01".to_owned(), TimeMs(start + 180_000), "阳台新封,上月".to_owned())]);
        assert!(!view.is_open_conflict("verified_facts"));
    }
    assert!([A, OTHER].iter().all(|p| town.phones[*p].field().conflicts().unwrap().is_empty()));
    check::laws(&town);
}

/// Both resolve at once, differently: that is a conflict again, not a silent winner.
#[test]
fn two_resolutions_are_a_conflict_again() {
    let mut town = town(304, 2);
    let order = order_in(&mut town, 1, "占道经营");
    for (phone, words) in [(A, "甲说"), (OTHER, "乙说")] {
        town.phones[phone].field().set_field(order, "verified_facts", Value::Text(words.into())).unwrap();
    }
    town.settle();
    for (phone, words) in [(A, "乙说"), (OTHER, "甲说")] {
        town.phones[phone].field().set_field(order, "verified_facts", Value::Text(words.into())).unwrap();
    }
    town.settle();
    let view = at_hq(&town, order);
    let mut seen: Vec<_> =
        view.all("verified_facts").iter().map(|a| (a.by.as_str(), a.value.text().unwrap())).collect();
    seen.sort_unstable();
    assert_eq!(seen, [("gw-01", "乙说"), ("gw-02", "甲说")]);
    check::laws(&town);
}
