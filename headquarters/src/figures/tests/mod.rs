//! Figures of a town drawn from dice, counted a second time by other means.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod grids;
mod recount;
mod rights;
pub(crate) mod town;

use super::*;
use lanewalk_model::{
    kpi::{Metric, Part, Stage},
    staff::Role,
    time::TimeMs,
};
use proptest::prelude::*;
use recount::Recount;
use std::{collections::BTreeSet, sync::LazyLock};
use town::{END, START, Town};

static TOWN: LazyLock<(std::path::PathBuf, Recount)> = LazyLock::new(|| {
    let mut town = Town::new(11);
    town.orders(400);
    let recount = Recount::of(town.hq.reader());
    // Kept open by nobody: the tests read it.
    (town.keep(), recount)
});

fn reader() -> rusqlite::Connection {
    store::open_reader(&TOWN.0).unwrap()
}

fn compare(query: &Query) {
    let db = reader();
    let figures = Figures::of(&db, query, &Dimension::ALL).unwrap();
    for metric in Metric::ALL {
        let (hit, all) = TOWN.1.ids(metric, query);
        let rate = figures.total.of(metric);
        assert_eq!((rate.n(), rate.d()), (hit.len() as u64, all.len() as u64), "{} {query:?}", metric.id());
        let listed = |part| -> BTreeSet<i64> {
            list(&db, query, metric, part).unwrap().iter().map(|f| f.doc).collect()
        };
        assert_eq!(listed(None), all, "{} d {query:?}", metric.id());
        assert_eq!(listed(Some(Part::Hit)), hit, "{} n {query:?}", metric.id());
        assert_eq!(listed(Some(Part::Not)), &all - &hit, "{} not {query:?}", metric.id());
        for groups in &figures.groups {
            let sum = |of: fn(lanewalk_model::kpi::Rate) -> u64| {
                groups.iter().map(|g| of(g.tally.of(metric))).sum::<u64>()
            };
            assert_eq!((sum(|r| r.n()), sum(|r| r.d())), (rate.n(), rate.d()), "{}", metric.id());
        }
    }
    let received = figures.total.of(Metric::Received).d();
    assert_eq!(figures.flow.iter().map(|b| b.stands.all()).sum::<u64>(), received);
    let open = figures.total.of(Metric::Open);
    assert_eq!(figures.ages.iter().map(|a| a.open + a.overdue).sum::<u64>(), open.n());
    let overdue = figures.total.of(Metric::Overdue(lanewalk_model::kpi::DueKind::Internal));
    assert_eq!(figures.ages.iter().map(|a| a.overdue).sum::<u64>(), overdue.n());
    assert_eq!(figures.moves, TOWN.1.moves(query));
    for (stage, timer) in Stage::ALL.into_iter().zip(figures.timers) {
        let want = TOWN.1.spread(stage, query);
        assert_eq!(timer.clock.map(|s| (s.n, s.median, s.p95)), want, "{} {query:?}", stage.id());
    }
}

#[test]
fn every_figure_equals_a_count_by_sql_over_the_documents() {
    compare(&Query::all(TimeMs(START), TimeMs(END), TimeMs(END)));
    let all = Query::all(TimeMs(START), TimeMs(END), TimeMs(START + 98 * town::DAY));
    compare(&all);
    // The town has something of everything, or the comparison would prove nothing.
    let figures = Figures::of(&reader(), &all, &[]).unwrap();
    for metric in Metric::ALL {
        let rate = figures.total.of(metric);
        assert!(
            rate.n() > 0 && (rate.n() < rate.d() || metric == Metric::Received),
            "{} {rate}",
            metric.id()
        );
    }
    assert!(figures.timers.iter().all(|t| t.clock.is_some_and(|s| s.n > 20 && s.p95 > s.median)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn so_does_every_part_of_the_town_at_every_moment(
        from in 0..100_i64, days in 1..100_i64, as_of in 0..110_i64, grid in 0..5_usize, unit in any::<bool>(),
        urgent in any::<bool>(), own in any::<bool>(),
    ) {
        let day = |n: i64| TimeMs(START + n * town::DAY);
        let mut query = Query::all(day(from), day(from + days), day(as_of));
        query.filter.grid = [None, Some("370705005004".to_owned()), Some(town::GRIDS[1].into()), Some("9".into()), None][grid].clone();
        query.filter.unit = unit.then(|| town::UNITS[0].to_owned());
        query.filter.urgency = urgent.then(|| "urgent".to_owned());
        if own {
            query.scope = Scope::Own { grids: vec![town::GRIDS[0].into()], units: vec![town::UNITS[1].into()] };
        }
        compare(&query);
    }
}

fn dump(db: &rusqlite::Connection) -> Vec<String> {
    let tables =
        ["order_facts", "visit_facts", "contact_facts", "appeal_facts", "person_links", "dwelling_facts"];
    let mut out = Vec::new();
    for table in tables {
        let mut s = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let n = s.column_count();
        let mut rows = s.query([]).unwrap();
        while let Some(r) = rows.next().unwrap() {
            let cells: Vec<_> = (0..n).map(|i| format!("{:?}", r.get_ref(i).unwrap())).collect();
            out.push(format!("{table} {}", cells.join(" ")));
        }
    }
    out
}

#[test]
fn a_rebuilt_cache_is_the_same() {
    let mut town = Town::new(5);
    town.orders(40);
    town.grid_work(60);
    let before = dump(town.hq.reader());
    assert!(before.len() > 200);
    town.hq.rebuild_figures().unwrap();
    assert_eq!(dump(town.hq.reader()), before);
}

#[test]
fn masters_and_sub_tasks_are_not_counted_and_leave_when_they_become_one() {
    let mut town = Town::new(6);
    town.orders(3);
    let all = Query::all(TimeMs(START), TimeMs(END), TimeMs(END));
    let received = |town: &Town| {
        Figures::of(town.hq.reader(), &all, &[]).unwrap().total.of(Metric::Received).d()
            + Figures::of(town.hq.reader(), &all, &[]).unwrap().total.of(Metric::Excluded).n()
    };
    assert_eq!(received(&town), 3);
    for (key, value) in [("channel", "cluster"), ("subtask_of", "order:00112233445566778899aabbccddeeff")] {
        let id = town.hq.new_id(DocKind::Order);
        let edits = vec![
            lanewalk_model::document::Edit::set("reported_at", START + town::DAY),
            lanewalk_model::document::Edit::set(key, value),
        ];
        town.hq.write_by_rule(&[(id, edits)]).unwrap();
        assert_eq!(received(&town), 3, "{key}");
    }
}

#[test]
fn frozen_figures_stand_and_cannot_be_changed() {
    let mut town = Town::new(8);
    town.orders(60);
    for (id, role) in [("dl-01", Role::DeputyLeader), ("gw-01", Role::GridWorker)] {
        town.hq.put_staff(id, id, role).unwrap();
    }
    let query = Query::all(TimeMs(START), TimeMs(END), TimeMs(END + 1_000 * town::DAY));
    let items = [NewItem { words: "=拆除 <b>".into(), owner: "sec-a".into(), due: Some(TimeMs(END)) }];
    let refused = town.hq.freeze_meeting("gw-01", "例会", &query, &items);
    assert!(matches!(refused, Err(HqError::NotAllowed(_))));
    assert!(matches!(town.hq.freeze_meeting("dl-01", " ", &query, &items), Err(HqError::NotAllowed(_))));
    let n = town.hq.freeze_meeting("dl-01", "五月调度会", &query, &items).unwrap();
    let frozen = Frozen::find(town.hq.reader(), n).unwrap().unwrap();
    assert!(frozen.meeting.query.as_of <= frozen.meeting.at, "the future is not known");
    let then = Figures::of(town.hq.reader(), &frozen.meeting.query, &[Dimension::Community, Dimension::Unit])
        .unwrap();
    assert_eq!(frozen.figures, then);
    // More orders come; the frozen answer stands, today's does not.
    town.orders(20);
    let again = Frozen::find(town.hq.reader(), n).unwrap().unwrap();
    assert_eq!(again, frozen);
    let today = Figures::of(town.hq.reader(), &query, &[]).unwrap();
    assert_ne!(today.total, frozen.figures.total);
    town.hq.mark_item("dl-01", n, frozen.items[0].n, "已办").unwrap();
    assert!(town.hq.mark_item("dl-01", n + 1, frozen.items[0].n, "已办").is_err());
    assert!(town.hq.mark_item("gw-01", n, frozen.items[0].n, "已办").is_err());
    assert_eq!(Frozen::find(town.hq.reader(), n).unwrap().unwrap().items[0].marks.len(), 1);
    assert_eq!(Meeting::latest(town.hq.reader(), 9).unwrap()[0].items, (1, 0));
    for sql in [
        "UPDATE meetings SET title = 'x'",
        "DELETE FROM meetings",
        "UPDATE meeting_items SET words = 'x'",
        "DELETE FROM meeting_items",
        "UPDATE meeting_marks SET words = 'x'",
        "DELETE FROM meeting_marks",
    ] {
        assert!(town.hq.db.execute(sql, []).is_err(), "{sql}");
    }
    assert_eq!(Frozen::find(town.hq.reader(), 77).unwrap(), None);
}
