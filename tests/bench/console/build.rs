//! Builds the town: week by week a CSV file through the importer, then what became of its orders.

use super::{
    lives::{Came, Lives},
    town::{self, DAY, DAYS, END, HOUR, START},
};
use crate::process::ms;
use lanewalk_headquarters::{
    Headquarters,
    import::{ImportLimits, Mapping, read_csv},
    intake::{Acceptance, Arrival},
};
use lanewalk_model::{
    datum::Datum,
    id::DocId,
    position::{Position, Source},
    schema::DocKind,
};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use support::{clock::TownClock, dice::Dice};

const SEED: u64 = 35;
const WEEK: i64 = 7 * DAY;

/// Makes the database; prints how fast rows came in.
pub(super) fn build(database: &Path, orders: u64) {
    let begun = Instant::now();
    let clock = TownClock::new(START);
    let mut hq = town::open(database, &clock, SEED, "http://127.0.0.1:8645");
    let (_, catalog) = town::found(&mut hq);
    let mut dice = Dice::new(SEED, 3);
    let mut lives = Lives::new(SEED, START);
    let weeks = (DAYS * DAY).div_euclid(WEEK) + 1;
    let (mut done, mut spent, mut slowest) = (0, Duration::ZERO, f64::MAX);
    let mut before: Vec<Came> = Vec::new();
    for week in 0..weeks {
        let stretch = (START + week * WEEK, (START + (week + 1) * WEEK).min(END - 10 * HOUR));
        let n =
            orders * u64::try_from(stretch.1 - START).unwrap() / u64::try_from(DAYS * DAY).unwrap() - done;
        let file = town::calls(&mut dice, &catalog, done, n, stretch);
        let at = Instant::now();
        take_in(&mut hq, &clock, &file, Acceptance::By("hc-01"));
        spent += at.elapsed();
        slowest = slowest.min(n as f64 / at.elapsed().as_secs_f64());
        let now = clock.now();
        // The orders of the week before have come further by now.
        for (i, o) in before.iter().enumerate() {
            let left = week + 1 == weeks && i % 3 == 0;
            let stays = left || lives.dice.chance(8);
            lives.live(&mut hq, o, now, stays);
            if i % 48 == 0 {
                lives.appeal(&mut hq, o);
            }
        }
        lives.flush(&mut hq);
        before = arrived(&hq, done, n);
        done += n;
        tick(&mut hq, &clock, now);
    }
    for (i, o) in before.iter().enumerate() {
        let stays = i % 3 != 0;
        lives.live(&mut hq, o, END, stays);
    }
    lives.flush(&mut hq);
    lives.long_history(&mut hq, &before[0]);
    // A quarter of an hour's calls that nobody has accepted yet.
    let file = town::calls(&mut dice, &catalog, orders, 20, (END - HOUR / 4, END));
    take_in(&mut hq, &clock, &file, Acceptance::Later);
    tick(&mut hq, &clock, END);
    drop(hq);
    beside(database);
    println!(
        "import: {done} rows in {weeks} weekly files, {:.0} rows/s ({} ms a row; slowest week {slowest:.0} rows/s); town built in {:.0} s",
        done as f64 / spent.as_secs_f64(),
        ms(spent / u32::try_from(done).unwrap()),
        begun.elapsed().as_secs_f64()
    );
}

/// Takes a file in as the console does; the clock goes with the calls.
pub(super) fn take_in(hq: &mut Headquarters, clock: &TownClock, file: &[u8], accepted: Acceptance<'_>) {
    let mapping = Mapping::from_toml(town::MAPPING).unwrap();
    let read = read_csv(file, &mapping, &ImportLimits::at(END)).unwrap();
    assert!(read.problems.is_empty(), "{:?}", read.problems.first());
    let arrivals = read.orders.iter().zip(&read.places).map(|(order, place)| {
        clock.advance((order.reported_at_ms + 120_000 - clock.now()).max(0));
        Arrival { payload: Some(("text/csv", &file[place.clone()])), ..Arrival::from(order) }
    });
    let taken = hq.take_in(arrivals, accepted).unwrap();
    assert_eq!(usize::try_from(taken.new).unwrap(), read.orders.len());
}

/// Lets the clock do its work of a week.
fn tick(hq: &mut Headquarters, clock: &TownClock, now: i64) {
    clock.advance((now - clock.now()).max(0));
    for _ in 0..4 {
        hq.tick().unwrap();
    }
}

/// Reads what the orders of a file have become.
fn arrived(hq: &Headquarters, first: u64, n: u64) -> Vec<Came> {
    let mut statement = hq
        .reader()
        .prepare(
            "SELECT d.id, d.row ->> 'state', d.grid, d.row ->> 'at', d.due_at,
                    d.row ->> 'lat_e7', d.row ->> 'lon_e7'
             FROM upstream u JOIN docs d ON d.n = u.doc WHERE u.upstream_id >= ?1 AND u.upstream_id < ?2 ORDER BY 4",
        )
        .unwrap();
    let mut brief = hq.reader().prepare("SELECT id FROM docs WHERE parent = ?1 AND kind = ?2").unwrap();
    let name = |n: u64| format!("WF{n:07}");
    let rows = statement
        .query_map([name(first), name(first + n)], |r| {
            let id = DocId::from_slice(&r.get::<_, Vec<u8>>(0)?).unwrap();
            let found: Vec<u8> = brief.query_row((id.to_string(), DocKind::Brief.code()), |r| r.get(0))?;
            let place: Option<(i32, i32)> = r.get::<_, Option<i32>>(5)?.zip(r.get(6)?);
            Ok(Came {
                id,
                brief: DocId::from_slice(&found).unwrap(),
                state: r.get(1)?,
                grid: r.get::<_, Option<String>>(2)?.unwrap_or_default(),
                at: r.get(3)?,
                due: r.get::<_, Option<i64>>(4)?.unwrap_or(START),
                place: place
                    .map(|(a, b)| Position::new(a, b, Some(12), Source::Gps, false, Datum::Wgs84).unwrap()),
            })
        })
        .unwrap();
    rows.map(Result::unwrap).collect()
}

/// Writes what only phones and uploads bring, straight into the tables: 80 devices, and that the
/// files of all photos but those of the last two days are here.
fn beside(database: &Path) {
    let db = rusqlite::Connection::open(database).unwrap();
    db.execute_batch("BEGIN").unwrap();
    for i in 0..80_u8 {
        db.execute(
            "INSERT INTO devices (id, worker, key, install_epoch, enrolled_at, confirmed_at, head, last_contact, announced_seq, last_seq)
             SELECT ?1, ?2, key, 0, ?3, ?3, head, ?4, 400, 390 FROM devices LIMIT 1",
            ([[i; 16].as_slice(), &[]].concat(), format!("gw-{:02}", 1 + i % 60), START, END - i64::from(i) * HOUR),
        )
        .unwrap();
    }
    db.execute(
        "INSERT OR IGNORE INTO files (sha256, bytes, received_at, device)
         SELECT f.sha256, f.bytes, ?1, 2 FROM file_refs f JOIN docs v ON v.n = f.doc
         WHERE f.part <> 2 AND (v.row ->> 'at') < ?2",
        [END, END - 2 * DAY],
    )
    .unwrap();
    db.execute_batch("COMMIT").unwrap();
}
