//! The town of the console's benchmark: staff, grids, catalogue, and the calls as a CSV file.
//!
//! Invariant: everything follows from the seed and the clock of the town.

use lanewalk_headquarters::{Headquarters, Settings, ahead::kb::Entry, gate::InProcess, store::Place};
use lanewalk_model::{
    calendar::Calendar,
    catalog::Catalog,
    grid::{Bounds, CommunityId, GridSet, lattice},
    staff::{Grant, Role},
    time::TimeMs,
};
use std::{path::Path, sync::Arc};
use support::{
    clock::{HqSource, TownClock},
    dice::Dice,
    words,
};

pub(super) const HOUR: i64 = 3_600_000;
pub(super) const DAY: i64 = 24 * HOUR;
/// 2026-01-01 00:00 in China.
pub(super) const START: i64 = 1_767_196_800_000;
/// The half year of the article.
pub(super) const DAYS: i64 = 195;
/// 10:00 on the day after the last.
pub(super) const END: i64 = START + DAYS * DAY + 10 * HOUR;

const CATALOGUE: &str = include_str!("../../../cli/fixtures/catalogue.json");
const COMMUNITIES: [u16; 10] = [4, 8, 17, 18, 23, 24, 25, 26, 27, 29];
/// Cells from west to east and rows from north to south: 300 in all.
const LATTICE: (u16, u16) = (15, 20);
const BOUNDS: Bounds =
    Bounds { west_e7: 1_191_200_000, south_e7: 366_900_000, east_e7: 1_191_400_000, north_e7: 367_110_000 };
const WORKERS: usize = 60;
const SURNAMES: [&str; 8] = ["张", "王", "李", "赵", "刘", "陈", "欧阳", "孙"];

/// Reads one line per order from the file that [`calls`] writes.
pub(super) const MAPPING: &str = r#"
version = 1
charset = "utf-8"
date_formats = ["%Y-%m-%d %H:%M:%S"]
utc_offset_minutes = 480
datum = "wgs84"
[fields]
upstream_id = "工单编号"
channel = { value = "12345" }
matter_text = "诉求类别"
title = "标题"
reported_text = "诉求内容"
reported_address = "地址"
reported_at = "受理时间"
upstream_due_at = "办结时限"
lat = "纬度"
lon = "经度"
requester_name = "来电人"
requester_phone = "联系电话"
[urgent]
column = "紧急程度"
values = ["紧急"]
"#;

/// Opens headquarters of this town; `url` is what browsers reach it by.
pub(super) fn open(database: &Path, clock: &TownClock, seed: u64, url: &str) -> Headquarters {
    let source = Arc::new(HqSource::new(clock.clone(), Dice::new(seed, 1)));
    let settings = Settings { public_url: url.to_owned(), ..Settings::default() };
    Headquarters::open(&Place::File(database.into()), settings, source, Box::new(InProcess)).unwrap()
}

/// Makes grids, catalogue, calendar, staff with their grants, knowledge.
pub(super) fn found(hq: &mut Headquarters) -> (GridSet, Catalog) {
    let communities: Vec<CommunityId> =
        COMMUNITIES.iter().map(|c| format!("370705005{c:03}").parse().unwrap()).collect();
    let grids = lattice(BOUNDS, LATTICE.0, LATTICE.1, &communities).unwrap();
    let catalog = Catalog::from_json(CATALOGUE).unwrap();
    let calendar = Calendar::china().unwrap();
    hq.publish_reference("calendar", calendar.version(), &serde_json::to_string(calendar).unwrap()).unwrap();
    hq.publish_reference("matter_catalog", &catalog.version, CATALOGUE).unwrap();
    hq.publish_reference("grids", "1", &grids.to_geojson()).unwrap();
    let everywhere = ["*"];
    for (role, id, n) in [
        (Role::HotlineClerk, "hc", 4),
        (Role::DeputyLeader, "dl", 2),
        (Role::Principal, "pl", 1),
        (Role::CallbackAgent, "ca", 3),
        (Role::Auditor, "au", 1),
    ] {
        for i in 1..=n {
            person(hq, &format!("{id}-{i:02}"), role, &everywhere);
        }
    }
    for (i, unit) in catalog.units.iter().enumerate() {
        person(hq, &format!("sc-{:02}", i + 1), Role::Section, &[&unit.id]);
    }
    let cells: Vec<String> = grids.cells().iter().map(|c| c.id().to_string()).collect();
    for (i, part) in cells.chunks(cells.len() / WORKERS).enumerate() {
        let part: Vec<&str> = part.iter().map(String::as_str).collect();
        person(hq, &format!("gw-{:02}", i + 1), Role::GridWorker, &part);
        person(hq, &format!("ps-{:02}", i + 1), Role::PropertyStaff, &part[..1]);
    }
    hq.take_watch("hc-01", "").unwrap();
    let mut dice = Dice::new(3, 0);
    for i in 0..150_usize {
        let matter = &catalog.matters[i % catalog.matters.len()];
        let entry = Entry {
            is_plan: i % 3 == 0,
            title: format!("{}处置 {i}", matter.name_zh),
            matter: matter.matter_code.clone(),
            owner_unit: matter.lead_unit.clone(),
            trigger: "同一网格一周内五件以上".into(),
            body: words::text(&mut dice, 1_200),
            steps: words::text(&mut dice, 400),
        };
        let unit = catalog.units.iter().position(|u| u.id == matter.lead_unit).unwrap();
        hq.publish(&entry, &format!("sc-{:02}", unit + 1)).unwrap();
    }
    (grids, catalog)
}

fn person(hq: &mut Headquarters, id: &str, role: Role, grids: &[&str]) {
    hq.put_staff(id, &format!("{}{id}", SURNAMES[id.len() % 8]), role).unwrap();
    for grid in grids {
        let grant = Grant { grid: (*grid).into(), role, from: TimeMs(0), to: None };
        hq.grant(id, &grant).unwrap();
    }
}

/// Writes the calls of a stretch of the town's life as a CSV file, in order of time.
pub(super) fn calls(
    dice: &mut Dice,
    catalog: &Catalog,
    first: u64,
    n: u64,
    (from, to): (i64, i64),
) -> Vec<u8> {
    let mut out = String::from(
        "工单编号,受理时间,诉求类别,标题,诉求内容,地址,来电人,联系电话,纬度,经度,紧急程度,办结时限\n",
    );
    let mut times: Vec<i64> = (0..n).map(|_| from + below(dice, to - from)).collect();
    times.sort_unstable();
    for (i, at) in times.into_iter().enumerate() {
        // A few matters make up most of what people call about.
        let most = catalog.matters.len() as u64;
        let matter = &catalog.matters[usize::try_from(dice.below(most).min(dice.below(most))).unwrap()];
        let words = if dice.chance(4) { "清单外的事项" } else { matter.matches[0].as_str() };
        let (surname, given) = (*dice.pick(&SURNAMES), dice.below(9_000));
        let due = at + (2 + below(dice, 5)) * DAY;
        let (lat, lon) = place(dice);
        out.push_str(&format!(
            "WF{:07},{},{words},\"{}\",\"{}来电人{surname}先生,电话13{:09}。\",\"{}\",{surname}{given},13{:09},{lat:.6},{lon:.6},{},{}\n",
            first + i as u64,
            china(at),
            words::sentence(dice),
            words::text(dice, 500),
            dice.below(1_000_000_000),
            words::address(dice),
            dice.below(20_000),
            if dice.chance(6) { "紧急" } else { "一般" },
            china(due),
        ));
    }
    out.into_bytes()
}

/// A place in the town; some streets have more trouble than others. One in a hundred is outside.
fn place(dice: &mut Dice) -> (f64, f64) {
    let at = |low: i32, high: i32, part: u64| {
        f64::from(low) / 1e7 + f64::from(high - low) / 1e7 * part as f64 / 1e4
    };
    if dice.chance(1) {
        return (36.80, 119.30);
    }
    let (y, x) = if dice.chance(15) {
        (300 + dice.below(9) * 1_000 + dice.below(60), 500 + dice.below(60))
    } else {
        (dice.below(10_000), dice.below(10_000))
    };
    (at(BOUNDS.south_e7, BOUNDS.north_e7, y), at(BOUNDS.west_e7, BOUNDS.east_e7, x))
}

/// Draws a number below `n`.
pub(super) fn below(dice: &mut Dice, n: i64) -> i64 {
    i64::try_from(dice.below(n.unsigned_abs())).unwrap()
}

fn china(at: i64) -> String {
    TimeMs(at).china_with("%Y-%m-%d %H:%M:%S").to_string()
}
