//! Valid changes with a few bytes changed and the checksum repaired, through the whole trial.

use super::support::{codes, edit};
use lanewalk_headquarters::gate::{Job, trial};
use lanewalk_model::{
    chunk::{join, split},
    document::{Document, Edit},
    id::{DocId, Hash},
    schema::DocKind,
};

/// Mutants of a normal run; the variable `LANEWALK_MUTANTS` asks for more by hand.
const MUTANTS: u64 = 20_000;
const SEED: u64 = 0x6a7e_0000_c0ff_ee02;
const DOC: DocId = DocId { kind: DocKind::Order, uuid: [3; 16] };

struct XorShift(u64);

impl XorShift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 11) as usize % bound
    }
}

/// A change and the saved document it was written on.
struct Origin {
    base: Vec<u8>,
    change: Vec<u8>,
}

/// Changes with all that orders have: sets, removals, every type, conflicts, several actors and
/// dependencies; some on documents that have since moved on.
fn origins() -> Vec<Origin> {
    let mut origins = Vec::new();
    let mut write = |doc: &mut Document, actor: u8, edits: &[Edit]| {
        let base = doc.save();
        let change = edit(doc, actor, edits);
        origins.push(Origin { base, change: change.clone() });
        change
    };
    let record = r#"{"at":1790000000000,"text":"现场查实"}"#;
    let mut hq = Document::new(DocKind::Order);
    write(&mut hq, 1, &[Edit::set("title", "噪声"), Edit::set("severity", 0), Edit::set("tag/noise", true)]);
    let mut left = hq.clone();
    let mut right = hq.clone();
    let a = write(&mut left, 9, &[Edit::set("verified_facts", "夜间施工"), Edit::set("severity", 2)]);
    let b =
        write(&mut right, 200, &[Edit::set("verified_facts", "已停工"), Edit::Remove("tag/noise".into())]);
    let c = write(&mut right, 200, &[Edit::set("note/7f", record), Edit::set("tag/noise", true)]);
    hq.apply([&a[..], &b, &c]).unwrap();
    write(&mut hq, 9, &[Edit::set("verified_facts", "已停工，复查"), Edit::set("unclear_statement", true)]);
    let wide: Vec<_> = (0..40).map(|n| Edit::set(format!("tag/t{n}"), true)).collect();
    write(&mut hq, 77, &wide);
    // Late ones: written on an earlier state than the one they meet.
    for late in [a, b] {
        let mut base = Document::load(DocKind::Order, &origins[0].base).unwrap();
        base.apply([&origins[0].change[..]]).unwrap();
        edit(&mut base, 1, &[Edit::set("state", "HANDLING"), Edit::set("severity", 1)]);
        origins.push(Origin { base: base.save(), change: late });
    }
    origins
}

/// Changes one to three bytes anywhere in dependencies, actor or rest.
fn mutate(change: &[u8], random: &mut XorShift) -> Vec<u8> {
    let parts = split(change).unwrap();
    let mut deps = parts.deps.clone();
    let mut actor = parts.actor.to_vec();
    let mut rest = parts.rest.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(rest.len());
        match random.below(16) {
            0..=3 => rest[at] = random.next() as u8,
            4..=6 => rest[at] = rest[at].wrapping_add(1),
            7 | 8 => rest[at] = rest[at].wrapping_sub(1),
            9 | 10 => rest[at] ^= 1 << random.below(8),
            11 => rest.insert(at, random.next() as u8),
            12 => drop(rest.remove(at)),
            13 => actor = vec![random.below(12) as u8; 16],
            14 => drop(deps.pop()),
            _ => deps.push([random.next() as u8; 32]),
        }
        if rest.is_empty() {
            rest.push(0);
        }
    }
    join(&deps, &actor, &rest).unwrap()
}

#[test]
#[allow(clippy::print_stderr)]
fn accepted_mutants_leave_a_document_that_works() {
    let by_hand = std::env::var("LANEWALK_MUTANTS").ok();
    let mutants = by_hand.map_or(MUTANTS, |count| count.parse().unwrap());
    let origins = origins();
    for origin in &origins {
        let job = Job { doc: DOC, base: Some(origin.base.clone()), changes: vec![origin.change.clone()] };
        assert_eq!(codes(&trial(&job)), ["ok"]);
    }
    let mut random = XorShift(SEED);
    let mut census = std::collections::BTreeMap::<String, u64>::new();
    for _ in 0..mutants {
        let origin = &origins[random.below(origins.len())];
        let mutant = mutate(&origin.change, &mut random);
        let job = Job {
            doc: DOC,
            base: Some(origin.base.clone()),
            changes: vec![mutant.clone(), origin.change.clone()],
        };
        let result = trial(&job);
        let verdicts = codes(&result);
        *census.entry(verdicts[0].to_owned()).or_default() += 1;
        if verdicts[0] != "ok" {
            // What is refused leaves no trace.
            assert_eq!(verdicts[1], "ok", "{mutant:02x?}");
            continue;
        }
        let mut doc = Document::load(DocKind::Order, &result.saved).unwrap();
        assert_eq!((doc.heads(), doc.view()), (result.heads, result.view));
        // Honest work goes on: a known writer and a new one, each accepted in turn.
        for actor in [1, 250] {
            let base = doc.save();
            let text = format!("复核 {actor}");
            let change = edit(
                &mut doc,
                actor,
                &[Edit::set("verified_facts", text.as_str()), Edit::set("tag/last", actor == 1)],
            );
            let later = trial(&Job { doc: DOC, base: Some(base), changes: vec![change.clone()] });
            assert_eq!(codes(&later), ["ok"], "after {mutant:02x?}");
            assert_eq!(later.view, doc.view());
            assert_eq!(later.view.text("verified_facts"), Some(text.as_str()));
            assert_eq!(later.heads.len(), 1);
            assert!(doc.has_change(&Hash(later.heads[0].0)));
        }
    }
    eprintln!("seed {SEED:#x}, {mutants} mutants: {census:?}");
    assert!(census["ok"] > mutants / 50, "too few accepted to test anything: {census:?}");
    assert!(!census.contains_key("base_unreadable"));
}
