#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
use crate::{id::ActorId, schema::DocKind, view::Value};

/// A survey: doors by name, answers as (door, answer, clock).
fn survey(doors: &[&str], answers: &[(&str, &str, i64)]) -> DocView {
    let mut fields: BTreeMap<String, Vec<Attributed>> = BTreeMap::new();
    let mut write = |key: String, value: &str, at: i64| {
        // Two writers at one clock reading have not seen each other.
        let n = fields.entry(key.clone()).or_default().len();
        let actor = ActorId([u8::try_from(n).unwrap(); 16]);
        let one = Attributed { value: Value::from(value), by: format!("w{n}"), at: Hlc(at), actor };
        fields.get_mut(&key).unwrap().push(one);
    };
    doors.iter().for_each(|d| write(format!("target/{d}"), &format!("商户{d}"), 0));
    answers.iter().for_each(|(d, a, at)| write(format!("answer/{d}"), a, *at));
    DocView::new(DocKind::Survey, fields)
}

fn none(_: &str) -> Option<Merged> {
    None
}

fn into(pairs: &'static [(&str, &str, i64)]) -> impl Fn(&str) -> Option<Merged> {
    move |from| {
        let found = pairs.iter().find(|(f, _, _)| *f == from)?;
        Some(Merged { into: found.1.into(), at: Hlc(found.2) })
    }
}

/// (doors, heard, support, oppose, conflicts, absent, strays)
fn counts(t: &Tally) -> (usize, u32, u32, u32, u32, u32, u32) {
    let of = |a: &str| t.answers.get(a).copied().unwrap_or(0);
    (t.doors.len(), t.heard, of("support"), of("oppose"), t.conflicts, t.absent, t.strays)
}

#[test]
fn doors_count_once_and_disputes_in_neither_total() {
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str, i64)], (usize, u32, u32, u32, u32, u32, u32));
    let cases: &[Case<'_>] = &[
        ("nobody went", &[], (2, 0, 0, 0, 0, 0, 0)),
        ("one heard", &[("1", "support", 1)], (2, 1, 1, 0, 0, 0, 0)),
        ("both heard the same", &[("1", "support", 1), ("1", "support", 1)], (2, 1, 1, 0, 0, 0, 0)),
        ("they differ", &[("1", "support", 1), ("1", "oppose", 1)], (2, 1, 0, 0, 1, 0, 0)),
        ("absent is no answer", &[("1", "absent", 1)], (2, 0, 0, 0, 0, 1, 0)),
        ("and contradicts none", &[("1", "absent", 1), ("1", "oppose", 1)], (2, 1, 0, 1, 0, 0, 0)),
        ("not on the list", &[("9", "oppose", 1)], (2, 0, 0, 0, 0, 0, 1)),
    ];
    for (what, answers, want) in cases {
        assert_eq!(counts(&tally(&survey(&["1", "2"], answers), none)), *want, "{what}");
    }
}

#[test]
fn merged_places_are_one_door() {
    let two = survey(&["a", "b"], &[("a", "support", 1), ("b", "support", 2)]);
    assert_eq!(counts(&tally(&two, none)), (2, 2, 2, 0, 0, 0, 0));
    assert_eq!(counts(&tally(&two, into(&[("b", "a", 5)]))), (1, 1, 1, 0, 0, 0, 0));
    let name = &tally(&two, into(&[("a", "b", 5)])).doors[0];
    assert_eq!((name.target.as_str(), name.name.as_str()), ("b", "商户b"));

    let differ = survey(&["a", "b"], &[("a", "support", 1), ("b", "oppose", 2)]);
    assert_eq!(counts(&tally(&differ, into(&[("b", "a", 5)]))), (1, 1, 0, 0, 1, 0, 0));
    // Asked again at the door that stayed, after the merge; nobody home settles nothing.
    let again = survey(&["a", "b"], &[("a", "oppose", 6), ("b", "support", 2)]);
    assert_eq!(counts(&tally(&again, into(&[("b", "a", 5)]))), (1, 1, 0, 1, 0, 0, 0));
    let nobody = survey(&["a", "b"], &[("a", "absent", 6), ("b", "support", 2)]);
    assert_eq!(counts(&tally(&nobody, into(&[("b", "a", 5)]))), (1, 1, 1, 0, 0, 0, 0));
    // Chains end; circles leave every place its own.
    let three = survey(&["a", "b", "c"], &[]);
    assert_eq!(tally(&three, into(&[("c", "b", 1), ("b", "a", 2)])).doors.len(), 1);
    assert_eq!(tally(&three, into(&[("c", "b", 1), ("b", "c", 2)])).doors.len(), 3);
    // Merged into a place that was never on the list.
    assert_eq!(counts(&tally(&two, into(&[("b", "x", 5)]))), (2, 2, 2, 0, 0, 0, 0));
}

/// AC-1: 36 shops, A visits 1–20, B 17–36, both add the missing one at door 37, shop 18 differs.
#[test]
fn the_shops_of_huafu_yipin() {
    let names: Vec<String> = (1..=36).map(|n| n.to_string()).chain(["37a".into(), "37b".into()]).collect();
    let doors: Vec<&str> = names.iter().map(String::as_str).collect();
    let a = doors[..20].iter().map(|d| (*d, "support", 1));
    let b = doors[16..36].iter().map(|d| (*d, if *d == "18" { "oppose" } else { "support" }, 1));
    let answers: Vec<_> = a.chain(b).chain([("37a", "support", 1), ("37b", "support", 1)]).collect();
    let before = tally(&survey(&doors, &answers), none);
    assert_eq!(counts(&before), (38, 38, 37, 0, 1, 0, 0));
    let merged = tally(&survey(&doors, &answers), into(&[("37b", "37a", 9)]));
    assert_eq!(counts(&merged), (37, 37, 36, 0, 1, 0, 0));
    assert!(
        matches!(&merged.doors.iter().find(|d| d.target == "18").unwrap().standing, Standing::Conflict(v) if v.len() == 2)
    );
    // The third visitor has seen both: his answer replaces them in the document.
    let asked: Vec<_> =
        answers.iter().copied().filter(|a| a.0 != "18").chain([("18", "oppose", 10)]).collect();
    assert_eq!(counts(&tally(&survey(&doors, &asked), into(&[("37b", "37a", 9)]))), (37, 37, 36, 1, 0, 0, 0));
}
