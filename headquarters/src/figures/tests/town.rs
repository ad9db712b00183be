//! A town of orders that went every way an order can go.

use crate::{
    Headquarters, Settings, Source,
    figures::{Query, Scope},
    gate::InProcess,
    store::Place,
};
use lanewalk_model::{
    document::Edit,
    id::{DocId, EventId, uuid_v7},
    records::{CallbackRecord, PersonMergeRecord, StepKind, StepRecord, to_json},
    schema::DocKind,
    time::TimeMs,
};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const DAY: i64 = 24 * HOUR;
/// 2026-05-01 00:00 in China.
pub(crate) const START: i64 = 1_777_564_800_000;
pub(crate) const END: i64 = START + 120 * DAY;
pub(crate) const GRIDS: [&str; 4] = ["370705005004001", "370705005004002", "370705005008001", ""];
pub(crate) const UNITS: [&str; 3] = ["sec-a", "sec-b", "sec-c"];

pub(crate) struct Clock(pub(crate) AtomicI64, AtomicU64);

impl Source for Clock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
    fn fill_random(&self, buf: &mut [u8]) {
        for byte in buf {
            let x = self.1.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
            *byte = ((x ^ (x >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32) as u8;
        }
    }
}

pub(crate) struct Town {
    pub(crate) hq: Headquarters,
    pub(crate) clock: Arc<Clock>,
    dice: u64,
    events: i64,
    dir: tempfile::TempDir,
}

impl Town {
    pub(crate) fn new(seed: u64) -> Self {
        let shm = std::path::Path::new("/dev/shm");
        let dir = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap();
        let clock = Arc::new(Clock(AtomicI64::new(END), AtomicU64::new(seed)));
        let place = Place::File(dir.path().join("hq.db"));
        let hq = Headquarters::open(&place, Settings::default(), clock.clone(), Box::new(InProcess)).unwrap();
        Self { hq, clock, dice: seed, events: START, dir }
    }

    /// Closes it and keeps its database; returns the path.
    pub(crate) fn keep(self) -> PathBuf {
        self.dir.keep().join("hq.db")
    }

    /// A number below `n` (splitmix64).
    pub(crate) fn below(&mut self, n: i64) -> i64 {
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n as u64) as i64
    }

    fn chance(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }

    /// Event ids in the order of writing, whatever time the event counts from.
    fn event(&mut self) -> EventId {
        self.events += 1;
        EventId(uuid_v7(self.events, [self.below(256) as u8; 10]))
    }

    pub(crate) fn orders(&mut self, n: usize) {
        for _ in 0..n {
            let id = self.hq.new_id(DocKind::Order);
            let edits = self.life();
            self.hq.write_by_rule(&[(id, edits)]).unwrap();
        }
    }

    /// One order's life, with late, lost, wrong and repeated things in it.
    fn life(&mut self) -> Vec<Edit> {
        let started = START + self.below(100 * DAY);
        let urgent = self.chance(15);
        let mut at = started + self.below(2 * HOUR);
        let mut due = started + if urgent { 2 * HOUR } else { 2 * DAY };
        let mut edits = vec![
            Edit::set("reported_at", started),
            Edit::set("channel", ["12345", "grid", "app"][self.below(3) as usize]),
            Edit::set("urgency", if urgent { "urgent" } else { "general" }),
            Edit::set("grid", GRIDS[self.below(4) as usize]),
            Edit::set("lead_unit", UNITS[self.below(3) as usize]),
            Edit::set("matter_code", ["010101", "020301", ""][self.below(3) as usize]),
            Edit::set("place_text", ["华府一品3号楼", "潍棉小区", ""][self.below(3) as usize]),
            Edit::set("contact_due", started + DAY),
        ];
        if self.chance(80) {
            edits.push(Edit::set("upstream_due", started + (1 + self.below(6)) * DAY));
        }
        if self.chance(80) {
            edits.push(Edit::set("first_contact_at", at + self.below(2 * DAY)));
        }
        if self.chance(10) {
            edits.push(Edit::set("recurrence_of", "order:00112233445566778899aabbccddeeff"));
        }
        let received = self.chance(90);
        if received {
            self.add(&mut edits, StepKind::Received, at, Some(due));
        }
        let mut go = |town: &mut Self, kind, most: i64, named: bool, due: i64| {
            at += town.below(most) + 1;
            // A phone without network: it counts earlier than it came in.
            let counts =
                if kind == StepKind::Submitted && town.chance(20) { at - town.below(6 * HOUR) } else { at };
            town.add(&mut edits, kind, counts, named.then_some(due));
            at
        };
        let finish = 'life: {
            if self.chance(4) {
                break 'life false;
            }
            go(self, StepKind::Accepted, HOUR, false, due);
            if self.chance(5) {
                go(self, StepKind::Excluded, DAY, false, due);
                break 'life false;
            }
            go(self, StepKind::ToTriage, HOUR, false, due);
            for _ in 0..1 + self.below(2) * self.below(2) {
                go(self, StepKind::Dispatched, 4 * HOUR, false, due);
                if self.chance(10) {
                    go(self, StepKind::Returned, 4 * HOUR, false, due);
                }
            }
            if self.chance(10) {
                break 'life false;
            }
            for _ in 0..self.below(3) * self.below(2) {
                go(self, StepKind::Transferred, 4 * HOUR, false, due);
            }
            go(self, StepKind::Acked, 4 * HOUR, false, due);
            if self.chance(8) {
                go(self, StepKind::Parked, DAY, false, due);
                if self.chance(50) {
                    break 'life false;
                }
                go(self, StepKind::Resumed, 3 * DAY, false, due);
            }
            if self.chance(20) {
                due += 3 * DAY;
                go(self, StepKind::Extended, DAY, true, due);
            }
            let rounds = 1 + self.below(3) * self.below(2);
            for round in 0..rounds {
                if self.chance(90) {
                    go(self, StepKind::Submitted, 2 * DAY, self.dice % 10 > 1, due);
                    if self.chance(15) {
                        go(self, StepKind::SentBack, HOUR, false, due);
                        go(self, StepKind::Submitted, DAY, true, due);
                    }
                }
                go(self, StepKind::ToCallback, DAY, false, due);
                if round + 1 < rounds {
                    go(self, StepKind::CalledBack, DAY, false, due);
                    due = go(self, StepKind::Reworked, DAY, false, due) + 3 * DAY;
                    if self.chance(70) {
                        go(self, StepKind::Redated, HOUR, true, due);
                    }
                }
            }
            self.chance(80)
        };
        if finish {
            go(self, StepKind::Closed, 2 * DAY, false, due);
        }
        edits.push(Edit::set("internal_due", due));
        if self.chance(30) {
            edits.push(Edit::set("promised_due", due - DAY));
        }
        for _ in 0..self.below(5) {
            let call = self.call(started);
            let key = format!("callback/{}", self.event());
            edits.push(Edit::set(key, to_json(&call)));
        }
        edits
    }

    fn call(&mut self, started: i64) -> CallbackRecord {
        let reached = self.chance(70);
        let mut answer = || (reached && self.chance(80)).then(|| self.chance(75));
        CallbackRecord {
            process_satisfied: answer(),
            result_satisfied: answer(),
            resolved: answer(),
            at: TimeMs(started + 2 * DAY + self.below(10 * DAY)),
            round: self.below(3) as u32 * self.below(2) as u32,
            reached,
            note: String::new(),
        }
    }

    fn add(&mut self, edits: &mut Vec<Edit>, kind: StepKind, at: i64, due: Option<i64>) {
        let step = StepRecord { due: due.map(TimeMs), ..StepRecord::new(kind, TimeMs(at), "hq") };
        edits.push(Edit::set(format!("step/{}", self.event()), to_json(&step)));
    }

    /// Visits, appeals, people who are merged and taken apart again.
    pub(crate) fn grid_work(&mut self, n: usize) {
        let people: Vec<DocId> = (0..n / 2).map(|_| self.hq.new_id(DocKind::Person)).collect();
        let places: Vec<DocId> = (0..n / 3).map(|_| self.hq.new_id(DocKind::Place)).collect();
        for (i, id) in places.iter().enumerate() {
            let kind = ["dwelling", "dwelling", "shop"][i % 3];
            let mut edits = vec![Edit::set("kind", kind), Edit::set("grid", GRIDS[i % 3])];
            if self.chance(10) {
                edits.push(Edit::set("mapped_to", places[0].to_string()));
            }
            self.hq.write_by_rule(&[(*id, edits)]).unwrap();
        }
        for id in &people {
            self.hq.write_by_rule(&[(*id, vec![Edit::set("grid", GRIDS[0])])]).unwrap();
        }
        for i in 0..n {
            self.clock.0.store(END + i as i64 * HOUR, Ordering::SeqCst);
            let mut edits = vec![
                Edit::set("grid", GRIDS[self.below(3) as usize]),
                Edit::set("target", places[self.below(places.len() as i64) as usize].to_string()),
                // A phone's clock that is years off.
                Edit::set("started", 1_000),
            ];
            for _ in 0..self.below(4) {
                let person = people[self.below(people.len() as i64) as usize];
                edits.push(Edit::set(format!("met/{}", self.event()), person.to_string()));
            }
            let visit = self.hq.new_id(DocKind::Visit);
            let solved = self.chance(50);
            let appeal = self.hq.new_id(DocKind::Appeal);
            let kinds = ["consult", "help", "suggest", "complain", "report", "opinion"];
            let words = vec![
                Edit::set("kind", kinds[self.below(6) as usize]),
                Edit::set("channel", ["grid", "service_point"][self.below(2) as usize]),
                Edit::set("grid", GRIDS[self.below(3) as usize]),
                Edit::set("place_text", ["华府一品", "潍棉小区 5 号楼", "别处", ""][self.below(4) as usize]),
                Edit::set("solved_on_site", solved),
            ];
            self.hq.write_by_rule(&[(visit, edits), (appeal, words)]).unwrap();
            if self.chance(20) {
                self.hq.write_by_rule(&[(appeal, vec![Edit::set("status", "converted")])]).unwrap();
            }
        }
        for i in 1..n / 4 {
            let into = people[self.below(i as i64) as usize];
            self.merge(people[i], into, self.dice.is_multiple_of(3));
        }
    }

    /// Merges a person into another, and maybe undoes it.
    pub(crate) fn merge(&mut self, person: DocId, into: DocId, undone: bool) {
        for undone in [false, true].into_iter().take(1 + usize::from(undone)) {
            let record = PersonMergeRecord { into: into.to_string(), undone, at: TimeMs(END) };
            let key = format!("merged/{}", self.event());
            self.hq.write_by_rule(&[(person, vec![Edit::set(key, to_json(&record))])]).unwrap();
        }
    }

    pub(crate) fn everything() -> Query {
        Query {
            scope: Scope::All,
            ..Query::all(TimeMs(START), TimeMs(END + 999 * DAY), TimeMs(END + 999 * DAY))
        }
    }
}
