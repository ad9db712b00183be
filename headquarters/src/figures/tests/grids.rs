//! People, contacts, appeals and doors, counted again from the documents.

use super::town::{DAY, END, GRIDS, Town};
use crate::figures::{Figures, GridWork, Query};
use lanewalk_model::{
    document::{Document, Edit},
    id::DocId,
    kpi::Rate,
    person::MergeRecord,
    schema::DocKind,
    time::TimeMs,
    view::DocView,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
};

fn documents(town: &Town, kind: DocKind) -> Vec<(DocId, DocView)> {
    let mut s = town.hq.reader().prepare("SELECT id, saved FROM docs WHERE kind = ?1").unwrap();
    s.query_map([kind.code()], |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, Vec<u8>>(1)?)))
        .unwrap()
        .map(|row| {
            let (id, saved) = row.unwrap();
            (DocId::from_slice(&id).unwrap(), Document::load(kind, &saved).unwrap().view())
        })
        .collect()
}

/// 人 and 人次 by hand: merge records replayed as a table of names.
fn by_hand(town: &Town) -> (u64, u64) {
    let mut other: BTreeMap<String, String> = BTreeMap::new();
    for (id, view) in documents(town, DocKind::Person) {
        for (_, value) in view.members("merged") {
            let merge: MergeRecord = serde_json::from_str(value.text().unwrap()).unwrap();
            match merge.into {
                Some(into) => other.insert(id.to_string(), into),
                None => other.remove(&id.to_string()),
            };
        }
    }
    let mut met: Vec<String> = documents(town, DocKind::Visit)
        .iter()
        .flat_map(|(_, view)| {
            view.members("met").map(|(_, v)| v.text().unwrap().to_owned()).collect::<Vec<_>>()
        })
        .collect();
    // As often as there are people: then every chain is followed to its end.
    for _ in 0..other.len() {
        for person in &mut met {
            *person = other.get(person).unwrap_or(person).clone();
        }
    }
    (met.iter().collect::<BTreeSet<_>>().len() as u64, met.len() as u64)
}

fn work(town: &Town) -> GridWork {
    Figures::of(town.hq.reader(), &Town::everything(), &[]).unwrap().grid_work
}

#[test]
fn people_and_contacts_at_every_step() {
    let mut town = Town::new(21);
    town.grid_work(80);
    let counts = |town: &Town| (work(town).people, work(town).contacts);
    assert_eq!(counts(&town), by_hand(&town));
    let people: Vec<DocId> = documents(&town, DocKind::Person).into_iter().map(|(id, _)| id).collect();
    let before = counts(&town);
    let merge = town.merge(people[0], people[30]);
    let merged = counts(&town);
    assert_eq!(merged, by_hand(&town));
    assert_eq!(merged, (before.0 - 1, before.1), "merged people count once, contacts stay");
    town.undo(people[0], merge);
    assert_eq!(counts(&town), before, "undone: both as before");
    assert_eq!(counts(&town), by_hand(&town));
}

#[test]
fn appeals_and_doors() {
    let mut town = Town::new(22);
    town.grid_work(60);
    let work = work(&town);
    let appeals = documents(&town, DocKind::Appeal);
    assert_eq!(work.appeals_in_all(), 60);
    for a in &work.appeals {
        let of = |(_, v): &&(DocId, DocView)| {
            v.text("kind") == Some(&a.kind) && v.text("channel") == Some(&a.channel)
        };
        let same: Vec<_> = appeals.iter().filter(of).collect();
        let solved = same.iter().filter(|(_, v)| v.flag("solved_on_site")).count() as u64;
        let turned = same.iter().filter(|(_, v)| v.text("status") == Some("converted")).count() as u64;
        assert_eq!((a.n, a.solved, a.turned), (same.len() as u64, solved, turned), "{a:?}");
    }
    let visited: BTreeSet<String> =
        documents(&town, DocKind::Visit).iter().map(|(_, v)| v.text("target").unwrap().to_owned()).collect();
    let doors: Vec<String> = documents(&town, DocKind::Place)
        .iter()
        .filter(|(_, v)| v.text("kind") == Some("dwelling") && v.text("mapped_to").is_none())
        .map(|(id, _)| id.to_string())
        .collect();
    let hit = doors.iter().filter(|d| visited.contains(*d)).count() as u64;
    assert_eq!(work.coverage, Rate::new(hit, doors.len() as u64).unwrap());
    assert!(hit > 0 && work.coverage_by_grid.len() > 1);
    // By receipt, not by what a phone's clock says (law 5).
    let one_day = Query::all(TimeMs(END), TimeMs(END + DAY), TimeMs(END + 99 * DAY));
    let first_day = Figures::of(town.hq.reader(), &one_day, &[]).unwrap().grid_work;
    assert_eq!((first_day.appeals_in_all(), first_day.visits), (24, 24));
    let earlier = Query { as_of: TimeMs(END + DAY / 2), ..one_day };
    assert_eq!(Figures::of(town.hq.reader(), &earlier, &[]).unwrap().grid_work.visits, 13);
}

/// R21, case by case: (order's place, grid, days later, channel) and whether the appeal counts.
#[test]
fn an_appeal_is_kept_off_the_hotline_if_no_order_follows_at_its_place() {
    for (place, grid, days, channel, want) in [
        ("华府一品3号楼", GRIDS[0], 5, "12345", 0),
        ("华府一品 3 号楼 2 单元", GRIDS[0], 5, "12345", 0), // more exact
        ("别处", GRIDS[0], 5, "12345", 1),
        ("华府一品3号楼", GRIDS[1], 5, "12345", 1),
        ("华府一品3号楼", GRIDS[0], 31, "12345", 1),
        ("华府一品3号楼", GRIDS[0], -1, "12345", 1), // before
        ("华府一品3号楼", GRIDS[0], 5, "grid", 1),   // not by the hotline
        ("", GRIDS[0], 5, "12345", 1),
    ] {
        let mut town = Town::new(1);
        let (appeal, order) = (town.hq.new_id(DocKind::Appeal), town.hq.new_id(DocKind::Order));
        let edits = vec![
            Edit::set("grid", GRIDS[0]),
            Edit::set("place_text", "华府一品3号楼"),
            Edit::set("solved_on_site", true),
        ];
        town.hq.write_by_rule(&[(appeal, edits)]).unwrap();
        town.clock.0.store(END + 40 * DAY, Ordering::SeqCst);
        let edits = vec![
            Edit::set("reported_at", END + days * DAY),
            Edit::set("grid", grid),
            Edit::set("place_text", place),
            Edit::set("channel", channel),
        ];
        town.hq.write_by_rule(&[(order, edits)]).unwrap();
        assert_eq!(work(&town).kept_off, Rate::new(want, 1).unwrap(), "{place} {grid} {days} {channel}");
        // Its days are not over: nobody knows yet.
        let early = Query { as_of: TimeMs(END + 29 * DAY), ..Town::everything() };
        let early = Figures::of(town.hq.reader(), &early, &[]).unwrap().grid_work.kept_off;
        assert_eq!(early, Rate::default());
    }
}
