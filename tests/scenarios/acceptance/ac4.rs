//! AC-4: appeals of the grids and people met (R15–R21).
//!
//! Six weeks of eight workers in ten communities, generated in full: every one of the 73 appeals,
//! 4,137 contacts and 3,024 person records is an act on a real phone.

use super::street::{all, at, at_hq, go_to};
use crate::logged;
use lanewalk_field::{Config, Field, FieldError, NewAppeal, NewPerson, NewVisit};
use lanewalk_headquarters::{
    figures::{Figures, GridWork, Query},
    intake::Conversion,
};
use lanewalk_model::{
    chunk::{self, OpAction, Scalar},
    deadline::DAY_MS,
    grid::{Bounds, CommunityId, lattice},
    id::DocId,
    schema::DocKind,
    staff::{Grant, Role},
    time::TimeMs,
};
use lanewalk_protocol::{
    keys::{Algorithm, SoftSigner},
    limits,
};
use rusqlite::Connection;
use std::sync::Arc;
use support::{
    dice::Dice,
    town::{Plan, Town},
};

const MINUTE_MS: i64 = 60_000;
const WORKERS: usize = 8;
const APPEALS: usize = 73;
const PAIRS: usize = 40;
const DAYS: i64 = 42;
/// 潍柴, 幸福街, 星河, 健康街, 黄家, 马少野, 北王, 西王, 东王, 道口.
const COMMUNITIES: [&str; 10] = [
    "370705005004",
    "370705005008",
    "370705005017",
    "370705005018",
    "370705005023",
    "370705005024",
    "370705005025",
    "370705005026",
    "370705005027",
    "370705005029",
];
const KINDS: [&str; 6] = ["consult", "help", "suggest", "complain", "report", "opinion"];

/// A town whose eight workers stand in ten communities of one cell each; the first two have two.
fn ten_communities() -> Town {
    let plan = Plan { seed: 441, grid_workers: WORKERS as u64, property_staff: 0, orders: 0 };
    let mut town = Town::at(plan, at("2026-05-06 07:30"));
    let communities: Vec<CommunityId> = COMMUNITIES.iter().map(|c| c.parse().unwrap()).collect();
    let bounds = Bounds {
        west_e7: 1_191_000_000,
        south_e7: 366_800_000,
        east_e7: 1_191_100_000,
        north_e7: 367_800_000,
    };
    let grids = lattice(bounds, 1, 10, &communities).unwrap();
    let cells: Vec<String> = grids.cells().iter().map(|c| c.id().to_string()).collect();
    assert_eq!(cells.len(), 10);
    let now = TimeMs(town.clock.now());
    town.network.hq(|hq| {
        assert_eq!(hq.take_watch("hc-01", "").unwrap(), None);
        hq.publish_reference("grids", "g2", &grids.to_geojson()).unwrap();
        for (i, phone) in town.phones.iter().enumerate() {
            for old in &town.cells {
                let _ = hq.end_grant(&phone.worker, old, now);
            }
            for cell in [Some(&cells[i]), cells.get(i + WORKERS)].into_iter().flatten() {
                let grant = Grant { grid: cell.clone(), role: Role::GridWorker, from: now, to: None };
                hq.grant(&phone.worker, &grant).unwrap();
            }
        }
    });
    town.cells = cells;
    town.clock.advance(MINUTE_MS);
    town.settle();
    town
}

/// What the log says, change by change, in a table: the counting below is plain SQL over it and
/// knows nothing of documents or figures.
fn events(town: &Town) -> Connection {
    let out = Connection::open_in_memory().unwrap();
    out.execute_batch("CREATE TABLE events (doc TEXT, kind TEXT, key TEXT, value TEXT)").unwrap();
    town.network.hq(|hq| {
        let sql = "SELECT d.id, l.change FROM log l JOIN docs d ON d.n = l.doc WHERE l.refused IS NULL ORDER BY l.idx";
        let mut log = hq.reader().prepare(sql).unwrap();
        let mut rows = log.query([]).unwrap();
        let mut insert = out.prepare("INSERT INTO events VALUES (?1, ?2, ?3, ?4)").unwrap();
        while let Some(row) = rows.next().unwrap() {
            let doc = DocId::from_slice(&row.get::<_, Vec<u8>>(0).unwrap()).unwrap();
            if !matches!(doc.kind, DocKind::Visit | DocKind::Person | DocKind::Appeal) {
                continue;
            }
            let change = row.get::<_, Vec<u8>>(1).unwrap();
            for op in chunk::read_change(&change, &limits::HQ_CHANGE).unwrap().ops {
                if let OpAction::Set(Scalar::Text(text)) = op.action {
                    let kind = doc.to_string().split(':').next().unwrap().to_owned();
                    insert.execute((doc.to_string(), kind, op.key, text)).unwrap();
                }
            }
        }
    });
    out
}

/// (人, 人次, persons on record, appeals).
fn by_sql(town: &Town) -> (u64, u64, u64, u64) {
    let sql = "
        WITH RECURSIVE
        records (person, event, into_, undoes) AS (
            SELECT doc, substr(key, 8), value ->> 'into', value ->> 'undoes' FROM events
            WHERE kind = 'person' AND key LIKE 'merged/%'),
        links (person, other) AS (
            SELECT person, into_ FROM records
            WHERE into_ IS NOT NULL AND event NOT IN (SELECT undoes FROM records WHERE undoes IS NOT NULL)),
        met (person) AS (SELECT value FROM events WHERE kind = 'visit' AND key LIKE 'met/%'),
        walk (person, at) AS (
            SELECT DISTINCT person, person FROM met
            UNION SELECT w.person, l.other FROM walk w JOIN links l ON l.person = w.at)
        SELECT (SELECT count(DISTINCT at) FROM walk WHERE at NOT IN (SELECT person FROM links)),
               (SELECT count(*) FROM met),
               (SELECT count(DISTINCT doc) FROM events WHERE kind = 'person'),
               (SELECT count(DISTINCT doc) FROM events WHERE kind = 'appeal')";
    events(town).query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))).unwrap()
}

fn work(town: &Town) -> GridWork {
    let (from, to) = (TimeMs(at("2026-05-06 00:00")), TimeMs(at("2026-12-31 00:00")));
    let query = Query::all(from, to, to);
    town.network.hq(|hq| Figures::of(hq.reader(), &query, &[]).unwrap().grid_work)
}

/// Compares the figures with the independent count and returns (人, 人次).
#[track_caller]
fn counted(town: &Town, step: &str) -> (u64, u64) {
    let (figures, sql) = (work(town), by_sql(town));
    assert_eq!((figures.people, figures.contacts), (sql.0, sql.1), "{step}: 人, 人次");
    assert_eq!(figures.appeals_in_all(), sql.3, "{step}: appeals");
    (sql.0, sql.1)
}

/// What is still to be done in the six weeks.
struct Weeks {
    persons: usize,
    contacts: usize,
    appeals: usize,
    /// Whom each worker has on record.
    known: Vec<Vec<DocId>>,
    /// Residents whom two workers recorded.
    pairs: Vec<Vec<DocId>>,
    taken: Vec<DocId>,
}

impl Weeks {
    /// One door: somebody is met, known or new; `twin` is one whom a colleague has too.
    fn door(&mut self, town: &mut Town, dice: &mut Dice, phone: usize, most: usize) {
        let field = town.phones[phone].field().clone();
        let cell = field.identity().unwrap().grids[0].clone();
        let mut met = Vec::new();
        for _ in 0..most.min(self.contacts) {
            let left = u64::try_from(self.persons * 100 / self.contacts.max(1)).unwrap();
            let new = self.persons > 0 && (self.known[phone].is_empty() || dice.chance(left));
            let person = if new {
                let twin = self.pairs.iter().position(|p| p.len() == 1 && p[0].kind == DocKind::Person);
                let twin = twin.filter(|i| !self.known[phone].contains(&self.pairs[*i][0]));
                let (name, number) = match twin {
                    Some(i) => (format!("王秀瑛{i}"), format!("1396360{i:04}")),
                    None => (format!("居民{}", self.persons), format!("1376361{:04}", self.persons)),
                };
                let begin = twin.is_none() && self.pairs.len() < PAIRS;
                let (name, number) = if begin {
                    let i = self.pairs.len();
                    (format!("王秀英{i}"), format!("1396360{i:04}"))
                } else {
                    (name, number)
                };
                let new = NewPerson {
                    name,
                    phone: number,
                    purpose: "联系服务群众".into(),
                    grid: Some(cell.clone()),
                };
                let person = field.new_person(new).unwrap();
                town.remember(phone, "person");
                match twin {
                    Some(i) => self.pairs[i].push(person),
                    None if begin => self.pairs.push(vec![person]),
                    None => {}
                }
                self.known[phone].push(person);
                self.persons -= 1;
                person
            } else {
                *dice.pick(&self.known[phone])
            };
            met.push(person);
            self.contacts -= 1;
        }
        visit(town, phone, &cell, &met);
    }

    fn appeal(&mut self, town: &mut Town, dice: &mut Dice, phone: usize) {
        let field = town.phones[phone].field().clone();
        let appeal = NewAppeal {
            kind: (*dice.pick(&KINDS)).into(),
            text: format!("诉求{}", self.appeals),
            grid: Some(field.identity().unwrap().grids[0].clone()),
            solved_on_site: dice.chance(60),
            ..NewAppeal::default()
        };
        self.taken.push(field.new_appeal(appeal).unwrap());
        town.remember(phone, "appeal");
        self.appeals -= 1;
    }
}

fn visit(town: &mut Town, phone: usize, cell: &str, met: &[DocId]) -> DocId {
    let field = town.phones[phone].field().clone();
    let new = NewVisit {
        grid: Some(cell.to_owned()),
        kind: "care".into(),
        purpose: "service".into(),
        result: "met".into(),
        ..NewVisit::default()
    };
    let visit = field.record_visit(new).unwrap();
    town.remember(phone, "visit");
    field.met(visit, met).unwrap();
    town.remember(phone, "met");
    visit
}

#[test]
fn everybody_met_counts_once_and_every_meeting_counts() {
    let (persons, contacts) = (3_024, 4_137);
    let mut town = ten_communities();
    let mut dice = Dice::new(441, 9);
    let mut weeks = Weeks {
        persons,
        contacts: contacts - 5,
        appeals: APPEALS - 2,
        known: vec![Vec::new(); WORKERS],
        pairs: Vec::new(),
        taken: Vec::new(),
    };
    let per_half_day = (weeks.contacts).div_ceil(30 * 2 * WORKERS);
    for day in 0..DAYS {
        let morning = at("2026-05-06 08:00") + day * DAY_MS;
        town.clock.advance(morning - town.clock.now());
        for half in 0..2 {
            // In the morning without network; at noon and in the evening they sync.
            if !matches!(day.rem_euclid(7), 3 | 4) {
                for phone in 0..WORKERS {
                    town.clock.advance(5 * MINUTE_MS);
                    if weeks.contacts > 0 {
                        weeks.door(&mut town, &mut dice, phone, per_half_day);
                    }
                    if weeks.appeals > 0 && dice.chance(16) {
                        weeks.appeal(&mut town, &mut dice, phone);
                    }
                }
            }
            town.clock.advance(4 * 60 * MINUTE_MS);
            for phone in 0..WORKERS {
                town.sync(phone).unwrap();
            }
            if half == 1 && day.rem_euclid(7) == 6 {
                counted(&town, &format!("day {day}"));
            }
        }
    }
    while weeks.appeals > 0 {
        weeks.appeal(&mut town, &mut dice, 0);
    }
    assert_eq!((weeks.contacts, weeks.persons), (0, 0), "all of it happened");
    town.settle();
    let full = (u64::try_from(persons).unwrap(), u64::try_from(contacts).unwrap());
    assert_eq!(counted(&town, "six weeks"), (full.0, full.1 - 5));
    assert_eq!(by_sql(&town).2, full.0, "person records");

    // A worker moves to another grid while visits wait on the phone.
    let mover = 2;
    go_to(&town, "2026-06-17 08:00");
    town.settle();
    let (old, new) = (town.cells[2].clone(), town.cells[9].clone());
    let someone = weeks.known[mover][0];
    let mut unsent = Vec::new();
    for _ in 0..5 {
        town.clock.advance(5 * MINUTE_MS);
        let id = visit(&mut town, mover, &old, &[someone]);
        unsent.push((id, town.remember(mover, "met")));
    }
    let now = TimeMs(town.clock.now());
    town.network.hq(|hq| {
        let worker = "gw-03";
        hq.end_grant(worker, &old, now).unwrap();
        hq.grant(worker, &Grant { grid: new.clone(), role: Role::GridWorker, from: now, to: None }).unwrap();
    });
    assert_eq!(counted(&town, "moved"), (full.0, full.1 - 5), "nothing has arrived");
    town.clock.advance(30 * MINUTE_MS);
    town.settle();
    for (visit, entry) in &unsent {
        assert_eq!(logged(&town, *entry).0, None, "taken in");
        assert_eq!(at_hq(&town, *visit).text("grid"), Some(old.as_str()), "under the old grid");
    }
    assert_eq!(town.phones[mover].field().identity().unwrap().grids, [new]);
    assert_eq!(counted(&town, "arrived"), full);

    // One appeal becomes an order; its clock begins then.
    let open = weeks.taken.iter().find(|id| !at_hq(&town, **id).flag("solved_on_site")).copied().unwrap();
    go_to(&town, "2026-06-18 16:40");
    let how = Conversion { matter_code: Some("010101"), ..Conversion::default() };
    let order = town.network.hq(|hq| hq.convert_appeal(open, "hc-01", &how).unwrap());
    let view = at_hq(&town, order);
    assert_eq!(view.int("reported_at"), Some(at("2026-06-18 16:40")));
    assert_eq!(view.int("internal_due"), Some(at("2026-06-23 17:30")));
    assert_eq!((view.text("appeal"), view.text("channel")), (Some(open.to_string().as_str()), Some("grid")));
    let appeal = at_hq(&town, open);
    assert_eq!(
        (appeal.text("status"), appeal.text("order")),
        (Some("converted"), Some(order.to_string().as_str()))
    );
    town.settle();

    // Forty residents are on record twice; one of the merges was wrong.
    assert_eq!(weeks.pairs.len(), PAIRS);
    assert!(weeks.pairs.iter().all(|p| p.len() == 2));
    let merge = |town: &Town, pair: &[DocId]| {
        town.network.hq(|hq| hq.merge_persons(pair[1], pair[0], "同一电话,同一住户", "hc-01").unwrap());
    };
    for (n, pair) in weeks.pairs.iter().enumerate() {
        merge(&town, pair);
        if n % 10 == 9 {
            assert_eq!(counted(&town, "merging"), (full.0 - n as u64 - 1, full.1));
        }
    }
    let names = |town: &Town, pair: &[DocId]| {
        pair.iter().map(|p| at_hq(town, *p).text("name").unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = names(&town, &weeks.pairs[7]);
    town.network.hq(|hq| hq.undo_merge(weeks.pairs[7][1], "不是同一人", "hc-01").unwrap());
    assert_eq!(counted(&town, "undone"), (full.0 - 39, full.1), "both count again");
    assert_eq!(names(&town, &weeks.pairs[7]), before);
    assert_eq!(all(&town, DocKind::Person).len() as u64, full.0, "nothing was deleted");

    tablet(&mut town);
    town.settle();
    counted(&town, "tablet");
    let work = work(&town);
    assert_eq!(work.appeals_in_all(), APPEALS as u64);
    let by_channel =
        |channel: &str| work.appeals.iter().filter(|a| a.channel == channel).map(|a| a.n).sum::<u64>();
    assert_eq!((by_channel("grid"), by_channel("service_point")), (71, 2));
    assert_eq!(work.appeals.iter().map(|a| a.turned).sum::<u64>(), 1);
    support::check::laws(&town);
}

/// A tablet at a 党群服务驿站: two users, each with a store of their own under a key of their own.
fn tablet(town: &mut Town) {
    let (one, two) = (6, 7);
    let secret = "想办低保,不愿让邻居知道";
    for (user, text) in [(one, secret), (two, "咨询养老服务")] {
        let field = town.phones[user].field().clone();
        let appeal = NewAppeal {
            kind: "help".into(),
            text: text.into(),
            grid: Some(field.identity().unwrap().grids[0].clone()),
            service_point: true,
            ..NewAppeal::default()
        };
        field.new_appeal(appeal).unwrap();
        town.remember(user, "appeal");
    }
    let has = |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|w| w == word.as_bytes());
    let raw = |directory: &std::path::Path| {
        let files = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
        files
            .filter(|f| f.path().is_file())
            .flat_map(|f| std::fs::read(f.path()).unwrap())
            .collect::<Vec<u8>>()
    };
    // On the tablet's disk the first user's words are not to be read, with the second's key neither.
    let (first, second) = (&town.phones[one], &town.phones[two]);
    assert!(first.field().list(&lanewalk_field::ListQuery::default()).is_ok());
    assert!(has(&first.plain(&first.directory), secret), "the first user reads it");
    assert!(!has(&raw(&first.directory), secret));
    assert!(!has(&second.plain(&second.directory), secret));
    let copy = tempfile::tempdir().unwrap();
    for file in
        std::fs::read_dir(&first.directory).unwrap().map(Result::unwrap).filter(|f| f.path().is_file())
    {
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let config = Config::new(copy.path().to_owned(), second.store_key());
    let signer = Arc::new(SoftSigner::new(Algorithm::Es256, &[7; 32]).unwrap());
    let opened = Field::open(config, second.source.clone(), signer);
    assert!(matches!(opened, Err(FieldError::WrongKey)), "{opened:?}");
}
