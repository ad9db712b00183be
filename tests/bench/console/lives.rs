//! What becomes of the orders: their later steps, visits, briefs, people, appeals.
//!
//! Written by rule, with the same fields and steps as the acts would leave; only taking in,
//! accepting and dispatching go through the rules themselves. 35,000 whole lives by acts would
//! take hours.

use super::town::{DAY, HOUR, below};
use lanewalk_headquarters::Headquarters;
use lanewalk_model::{
    document::Edit,
    id::{DocId, EventId, Hash, uuid_v7},
    photo::{FileRef, PHash, PhotoRecord, PhotoRole},
    position::Position,
    records::{
        CallbackRecord, ContactRecord, NoteRecord, ProposalKind, ProposalRecord, StepKind, StepRecord,
        to_json,
    },
    schema::DocKind,
    time::TimeMs,
};
use support::{dice::Dice, words};

/// Documents in one transaction.
const TOGETHER: usize = 400;

/// An order that came in.
pub(super) struct Came {
    pub(super) id: DocId,
    pub(super) brief: DocId,
    pub(super) at: i64,
    pub(super) due: i64,
    pub(super) state: String,
    pub(super) grid: String,
    pub(super) place: Option<Position>,
}

/// Writes lives.
pub(super) struct Lives {
    pub(super) dice: Dice,
    events: i64,
    waiting: Vec<(DocId, Vec<Edit>)>,
    people: Vec<DocId>,
}

impl Lives {
    pub(super) fn new(seed: u64, start: i64) -> Self {
        Self { dice: Dice::new(seed, 2), events: start, waiting: Vec::new(), people: Vec::new() }
    }

    fn event(&mut self) -> EventId {
        self.events += 1;
        let mut random = [0; 10];
        self.dice.fill(&mut random);
        EventId(uuid_v7(self.events, random))
    }

    fn put(&mut self, hq: &mut Headquarters, id: DocId, edits: Vec<Edit>) {
        self.waiting.push((id, edits));
        if self.waiting.len() >= TOGETHER {
            self.flush(hq);
        }
    }

    pub(super) fn flush(&mut self, hq: &mut Headquarters) {
        hq.write_by_rule(&std::mem::take(&mut self.waiting)).unwrap();
    }

    fn step(&mut self, edits: &mut Vec<Edit>, kind: StepKind, at: i64, by: &str, due: Option<i64>) {
        let step = StepRecord { due: due.map(TimeMs), ..StepRecord::new(kind, TimeMs(at), by) };
        edits.push(Edit::set(format!("step/{}", self.event()), to_json(&step)));
    }

    /// One order's life as far as it has come by `now`. `stays` keeps it from ending.
    pub(super) fn live(&mut self, hq: &mut Headquarters, o: &Came, now: i64, stays: bool) {
        let late = self.dice.chance(if stays { 50 } else { 7 });
        let span = (o.due - o.at).max(HOUR);
        let end = o.at
            + if late {
                span + below(&mut self.dice, 3 * DAY)
            } else {
                span / 3 + below(&mut self.dice, span / 2)
            };
        let (submitted, closed) = (end, end + HOUR + below(&mut self.dice, DAY));
        let how_far = self.dice.below(100);
        let owner = format!("gw-{:02}", 1 + o.id.uuid[15] % 60);
        let mut version = 2_i64;
        let mut state = |to: &str| {
            version += 1;
            vec![Edit::set("state", to), Edit::set("order_version", version)]
        };
        if !stays && self.dice.chance(3) {
            let kind = self.dice.chance(50);
            let mut edits = state(if kind { "EXCLUDED" } else { "RETURNED" });
            edits.push(Edit::set("closed_at", o.at + DAY / 2));
            self.step(
                &mut edits,
                if kind { StepKind::Excluded } else { StepKind::Returned },
                o.at + DAY / 2,
                "dl-01",
                None,
            );
            self.put(hq, o.id, edits);
            self.put(hq, o.brief, vec![Edit::set("closed_at", o.at + DAY / 2)]);
            return;
        }
        let mut edits = Vec::new();
        if o.state == "TRIAGE" {
            if stays && how_far < 60 {
                return;
            }
            edits.extend([Edit::set("lead_unit", "sec-shequ"), Edit::set("dispatched_at", o.at + HOUR)]);
            self.step(&mut edits, StepKind::Dispatched, o.at + HOUR, "dl-01", None);
        }
        if stays && how_far < 10 {
            self.put(hq, o.id, edits);
            return;
        }
        // Acknowledged, looked at.
        let acked = o.at + HOUR + below(&mut self.dice, 3 * HOUR);
        edits.extend(state(if stays && how_far < 25 { "ACKED" } else { "INVESTIGATING" }));
        edits.extend([Edit::set("current_owner", owner.as_str()), Edit::set("first_owner", owner.as_str())]);
        self.step(&mut edits, StepKind::Acked, acked, &owner, None);
        if self.dice.chance(8) {
            self.step(&mut edits, StepKind::Transferred, acked + HOUR, "gw-01", None);
        }
        self.put(hq, o.id, edits);
        if stays && how_far < 25 {
            return;
        }
        let visits = 1 + usize::from(self.dice.chance(50));
        for i in 0..visits {
            self.visit(hq, o, &owner, acked + HOUR * (1 + i64::try_from(i).unwrap()));
        }
        let contact = ContactRecord { at: TimeMs(acked), reached: true, note: String::new() };
        let mut brief = vec![Edit::set(format!("contact/{}", self.event()), to_json(&contact))];
        if stays && how_far < 45 {
            self.put(hq, o.brief, brief);
            return;
        }
        // Handled.
        let parked = stays && how_far < 50;
        let mut edits = state(if parked { "PARKED" } else { "HANDLING" });
        edits.push(Edit::set("first_contact_at", acked));
        edits.push(Edit::set("verified_facts", words::sentence(&mut self.dice)));
        let done = to_json(&StepRecord::new(StepKind::Investigated, TimeMs(acked + HOUR), "hq"));
        edits.push(Edit::set(format!("step/{}", self.event()), done));
        self.step(
            &mut edits,
            if parked { StepKind::Parked } else { StepKind::Handling },
            acked + 2 * HOUR,
            &owner,
            None,
        );
        if parked {
            edits.push(Edit::set("review_at", now + 10 * DAY));
        }
        if self.dice.chance(6) {
            self.step(&mut edits, StepKind::Extended, acked + 3 * HOUR, "dl-01", Some(o.due + 3 * DAY));
            edits.extend([Edit::set("internal_due", o.due + 3 * DAY), Edit::set("flag/extended", true)]);
        }
        if stays && self.dice.chance(4) {
            let ask = ProposalRecord {
                extend_days: Some(3),
                ..ProposalRecord::new(ProposalKind::Extend, 4, "需协调施工")
            };
            edits.push(Edit::set(format!("proposal/{}", self.event()), to_json(&ask)));
        }
        self.put(hq, o.id, edits);
        if stays && how_far < 82 {
            self.put(hq, o.brief, brief);
            return;
        }
        // Answered, called back, closed.
        let mut edits = state("SUBMITTED");
        edits.extend([
            Edit::set("submitted_at", submitted),
            Edit::set("outcome", *self.dice.pick(&["mediated", "explained", "self_corrected", "enforced"])),
            Edit::set("reply_text", words::text(&mut self.dice, 240)),
            Edit::set("resolved_claim", true),
        ]);
        self.step(&mut edits, StepKind::Submitted, submitted, &owner, Some(o.due));
        self.put(hq, o.id, edits);
        if stays && how_far < 91 {
            self.put(hq, o.brief, brief);
            return;
        }
        let mut edits = state("CALLBACK");
        self.step(&mut edits, StepKind::ToCallback, submitted + HOUR / 2, "hc-01", None);
        let mut round = 0;
        if self.dice.chance(4) {
            self.step(&mut edits, StepKind::CalledBack, submitted + HOUR, "ca-01", None);
            self.step(&mut edits, StepKind::Reworked, submitted + HOUR, "hc-01", None);
            self.step(&mut edits, StepKind::Submitted, closed - HOUR, &owner, Some(closed + DAY));
            self.step(&mut edits, StepKind::ToCallback, closed - HOUR / 2, "hc-01", None);
            round = 1;
        }
        self.put(hq, o.id, edits);
        if stays {
            self.put(hq, o.brief, brief);
            return;
        }
        let mut edits = state("CLOSED");
        let reached = self.dice.chance(92);
        let answer = |yes: bool| reached.then_some(yes);
        let call = CallbackRecord {
            at: TimeMs(closed - HOUR / 4),
            round,
            reached,
            process_satisfied: answer(self.dice.chance(97)),
            result_satisfied: answer(self.dice.chance(95)),
            resolved: answer(self.dice.chance(96)),
            note: String::new(),
        };
        edits.push(Edit::set(format!("callback/{}", self.event()), to_json(&call)));
        edits.push(Edit::set("closed_at", closed));
        self.step(&mut edits, StepKind::CalledBack, closed - HOUR / 4, "ca-01", None);
        self.step(&mut edits, StepKind::Closed, closed, "hc-01", None);
        self.put(hq, o.id, edits);
        brief.push(Edit::set("closed_at", closed));
        self.put(hq, o.brief, brief);
    }

    /// A visit with notes, on average two photos, and people met.
    pub(super) fn visit(&mut self, hq: &mut Headquarters, o: &Came, by: &str, at: i64) {
        let id = hq.new_id(DocKind::Visit);
        let mut edits = vec![
            Edit::set("order", o.id.to_string()),
            Edit::set("grid", o.grid.as_str()),
            Edit::set("kind", *self.dice.pick(&["prelim", "site_check", "handle"])),
            Edit::set("by", by),
            Edit::set("started", at),
            Edit::set("ended", at + HOUR / 3),
            Edit::set("result", *self.dice.pick(&["met", "met", "absent"])),
            Edit::set("notes", words::text(&mut self.dice, 150)),
        ];
        edits.extend(o.place.as_ref().map(|p| Edit::set("position", to_json(p))));
        for _ in 0..self.dice.below(5) {
            let photo = self.photo(at, o.place);
            edits.push(Edit::set(format!("photo/{}", self.event()), to_json(&photo)));
        }
        if self.people.is_empty() || self.dice.chance(57) {
            let person = hq.new_id(DocKind::Person);
            let name = format!("居民{}", self.people.len());
            let known = vec![Edit::set("grid", o.grid.as_str()), Edit::set("name", name)];
            self.put(hq, person, known);
            self.people.push(person);
        }
        let met = *self.dice.pick(&self.people);
        edits.push(Edit::set(format!("met/{}", self.event()), met.to_string()));
        self.put(hq, id, edits);
    }

    fn photo(&mut self, at: i64, position: Option<Position>) -> PhotoRecord {
        let mut file = |bytes| {
            let mut sha256 = [0; 32];
            self.dice.fill(&mut sha256);
            FileRef { sha256: Hash(sha256), bytes }
        };
        let (original, evidence, thumbnail) = (file(4_700_000), file(900_000), file(24_000));
        let mut phash = [0; 8];
        self.dice.fill(&mut phash);
        PhotoRecord {
            original,
            evidence: Some(evidence),
            thumbnail: Some(thumbnail),
            media: "image/jpeg".into(),
            size: Some((4_000, 3_000)),
            taken_at: TimeMs(at),
            role: *self.dice.pick(&[PhotoRole::Before, PhotoRole::During, PhotoRole::After]),
            in_app: true,
            position,
            phash: Some(PHash(u64::from_be_bytes(phash))),
            exif: None,
        }
    }

    /// An appeal taken in by a grid worker.
    pub(super) fn appeal(&mut self, hq: &mut Headquarters, o: &Came) {
        let id = hq.new_id(DocKind::Appeal);
        let edits = vec![
            Edit::set("kind", *self.dice.pick(&["help", "complain", "opinion"])),
            Edit::set("text", words::text(&mut self.dice, 200)),
            Edit::set("place_text", words::address(&mut self.dice)),
            Edit::set("grid", o.grid.as_str()),
            Edit::set("channel", "grid"),
            Edit::set("by", "gw-01"),
            Edit::set("at", o.at),
            Edit::set("solved_on_site", self.dice.chance(60)),
        ];
        self.put(hq, id, edits);
    }

    /// An order that half the house wrote in: 20 visits and 150 notes, each an entry of its own.
    pub(super) fn long_history(&mut self, hq: &mut Headquarters, o: &Came) {
        for i in 0..20 {
            self.visit(hq, o, "gw-01", o.at + i * HOUR);
        }
        for i in 0..150 {
            let note = NoteRecord { text: words::sentence(&mut self.dice), at: TimeMs(o.at + i * HOUR) };
            let edits = vec![Edit::set(format!("note/{}", self.event()), to_json(&note))];
            self.put(hq, o.id, edits);
        }
        self.flush(hq);
    }
}
