#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
use crate::schema::DocKind;
use proptest::prelude::*;

const DAY: i64 = DAY_MS;
/// Weifang.
const HERE: (i32, i32) = (367_005_000, 1_191_320_000);

fn order(id: u8, matter: &str, grid: &str, at: i64, place: Option<(i32, i32)>) -> Seen {
    let order = DocId { kind: DocKind::Order, uuid: [id; 16] };
    Seen { order, matter: matter.into(), grid: grid.into(), at: TimeMs(at), place }
}

/// So many metres north of the town's centre.
fn north(m: i32) -> Option<(i32, i32)> {
    // A metre of latitude is 89.93 units.
    Some((HERE.0 + m * 8_993 / 100, HERE.1))
}

fn found(orders: &[Seen]) -> Vec<usize> {
    hot_spots(orders, TimeMs(10 * DAY), &Concentration::default()).iter().map(|h| h.members.len()).collect()
}

#[test]
fn five_of_a_matter_in_a_week_in_one_grid_are_a_hot_spot() {
    let at = |i: u8| 4 * DAY + i64::from(i);
    let same: Vec<Seen> = (1..=5).map(|i| order(i, "m", "g", at(i), None)).collect();
    assert_eq!(found(&same), [5]);
    for (what, spoil) in [
        ("four", None),
        ("another matter", Some(order(5, "n", "g", at(5), None))),
        ("no matter", Some(order(5, "", "g", at(5), None))),
        ("another grid", Some(order(5, "m", "h", at(5), None))),
        ("no grid", Some(order(5, "m", "", at(5), None))),
        ("exactly a week old", Some(order(5, "m", "g", 3 * DAY, None))),
        ("from tomorrow", Some(order(5, "m", "g", 10 * DAY + 1, None))),
        ("the same again", Some(order(4, "m", "g", at(4), None))),
    ] {
        let mut orders = same[..4].to_vec();
        orders.extend(spoil);
        assert_eq!(found(&orders), Vec::<usize>::new(), "{what}");
    }
}

#[test]
fn metres_join_across_grids_and_from_one_to_the_next() {
    let street = |step: i32| -> Vec<Seen> {
        (1..=5_u8).map(|i| order(i, "m", &format!("g{i}"), 5 * DAY, north(i32::from(i) * step))).collect()
    };
    assert_eq!(found(&street(149)), [5]);
    assert_eq!(found(&street(152)), Vec::<usize>::new());
    let far = Concentration { metres: 0, ..Concentration::default() };
    assert_eq!(hot_spots(&street(1), TimeMs(10 * DAY), &far), []);
}

#[test]
fn a_hot_spot_tells_when_where_and_how_wide() {
    let orders: Vec<Seen> = (0..5_u8)
        .map(|i| {
            order(
                9 - i,
                "m",
                ["b", "a"][usize::from(i % 2)],
                5 * DAY + i64::from(i),
                north(i32::from(i) * 100),
            )
        })
        .collect();
    let spots = hot_spots(&orders, TimeMs(10 * DAY), &Concentration::default());
    let [spot] = spots.as_slice() else { panic!("{spots:?}") };
    assert_eq!((spot.first, spot.last), (TimeMs(5 * DAY), TimeMs(5 * DAY + 4)));
    assert_eq!(spot.grids, ["a", "b"]);
    assert_eq!(spot.members.first().unwrap().uuid, [5; 16]);
    let extent = spot.extent.unwrap();
    assert_eq!(extent.lat_e7, north(200).unwrap().0);
    assert!((200..=201).contains(&extent.radius_m), "{extent:?}");
}

#[test]
fn thousands_in_one_place_take_no_time() {
    let orders: Vec<Seen> = (0..20_000_u32)
        .map(|i| {
            let mut one = order(0, "m", "", 5 * DAY, north((i % 40) as i32));
            one.order.uuid[..4].copy_from_slice(&i.to_be_bytes());
            one
        })
        .collect();
    assert_eq!(found(&orders), [20_000]);
}

/// The rule as it is said, pair by pair.
fn plainly(seen: &[Seen], now: TimeMs, rule: &Concentration) -> BTreeSet<BTreeSet<DocId>> {
    let live: Vec<&Seen> =
        seen.iter().filter(|s| !s.matter.is_empty() && s.at > rule.since(now) && s.at <= now).collect();
    let linked = |a: &Seen, b: &Seen| {
        a.matter == b.matter
            && (a.order == b.order
                || (!a.grid.is_empty() && a.grid == b.grid)
                || a.place
                    .zip(b.place)
                    .is_some_and(|(a, b)| rule.metres > 0 && metres(a, b) <= f64::from(rule.metres)))
    };
    let mut out = BTreeSet::new();
    for start in &live {
        let mut group = vec![*start];
        let mut at = 0;
        while at < group.len() {
            let here = group[at];
            let more: Vec<&Seen> =
                live.iter().copied().filter(|o| linked(here, o) && !group.contains(o)).collect();
            group.extend(more);
            at += 1;
        }
        let ids: BTreeSet<DocId> = group.iter().map(|o| o.order).collect();
        if ids.len() >= rule.orders as usize {
            out.insert(ids);
        }
    }
    out
}

fn arbitrary() -> impl Strategy<Value = Vec<Seen>> {
    let one = (0..40_u8, 0..2_usize, 0..4_usize, 0..12_i64, prop::option::of((-400..400_i32, -400..400_i32)));
    let town = prop::collection::vec(one, 0..40);
    town.prop_map(|all| {
        let mut known = BTreeSet::new();
        all.into_iter()
            .filter(|one| known.insert(one.0))
            .map(|(id, matter, grid, day, place)| {
                let place = place.map(|(y, x)| (HERE.0 + y * 90, HERE.1 + x * 112));
                order(id, ["m", "n"][matter], ["", "", "", "g"][grid], day * DAY, place)
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn hashing_finds_what_the_plain_rule_finds(orders in arbitrary(), needed in 2..6_u32, metres in 0..200_u32) {
        let rule = Concentration { orders: needed, days: 7, metres };
        let now = TimeMs(10 * DAY);
        let got: BTreeSet<BTreeSet<DocId>> =
            hot_spots(&orders, now, &rule).into_iter().map(|h| h.members.into_iter().collect()).collect();
        prop_assert_eq!(got, plainly(&orders, now, &rule));
    }

    #[test]
    fn the_order_of_coming_in_changes_nothing(orders in arbitrary(), turn in 0..40_usize) {
        let rule = Concentration { orders: 3, ..Concentration::default() };
        let mut turned = orders.clone();
        turned.rotate_left(turn.min(orders.len()));
        turned.reverse();
        turned.extend(orders.first().cloned());
        prop_assert_eq!(hot_spots(&orders, TimeMs(10 * DAY), &rule), hot_spots(&turned, TimeMs(10 * DAY), &rule));
    }

    #[test]
    fn one_more_order_never_makes_a_hot_spot_smaller(orders in arbitrary()) {
        let rule = Concentration { orders: 3, ..Concentration::default() };
        let Some((more, before)) = orders.split_last() else { return Ok(()) };
        let after = hot_spots(&orders, TimeMs(10 * DAY), &rule);
        for old in hot_spots(before, TimeMs(10 * DAY), &rule) {
            let kept = after.iter().any(|new| old.members.iter().all(|m| new.members.contains(m)));
            prop_assert!(kept, "{:?} lost to {:?}", old, more);
        }
    }
}
