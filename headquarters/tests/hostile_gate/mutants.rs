//! Valid changes with a few bytes changed and the checksum repaired, through the whole trial.

use super::support::{codes, edit};
use lanewalk_forge::Mutator;
use lanewalk_headquarters::gate::{Job, trial};
use lanewalk_model::{
    document::{Document, Edit},
    id::{DocId, Hash},
    schema::DocKind,
};
use std::collections::BTreeMap;

/// Mutants of a normal run, 20 s of one core; the variable `LANEWALK_MUTANTS` asks for more (FAULTS.md
/// §c: 20 million before a release, 3 hours).
const MUTANTS: u64 = 40_000;
/// Threads that share them, each with dice of its own.
const THREADS: u64 = 2;
const SEED: u64 = 0x6a7e_0000_c0ff_ee02;
const DOC: DocId = DocId { kind: DocKind::Order, uuid: [3; 16] };

/// A change, and the document it is offered to: saved, and as the changes that made it.
struct Origin {
    base: Vec<u8>,
    history: Vec<Vec<u8>>,
    change: Vec<u8>,
}

/// A document with the changes that made it.
#[derive(Clone)]
struct Replica {
    doc: Document,
    history: Vec<Vec<u8>>,
}

impl Replica {
    fn write(&mut self, actor: u8, edits: &[Edit]) -> Origin {
        let (base, history) = (self.doc.save(), self.history.clone());
        let change = edit(&mut self.doc, actor, edits);
        self.history.push(change.clone());
        Origin { base, history, change }
    }

    fn take(&mut self, other: &Origin) {
        self.doc.apply([&other.change[..]]).unwrap();
        self.history.push(other.change.clone());
    }
}

/// Changes with all that orders have: sets, removals, every type, conflicts, several actors and
/// dependencies; some on documents that have since moved on.
fn origins() -> Vec<Origin> {
    let record = r#"{"at":1790000000000,"text":"现场查实"}"#;
    let mut hq = Replica { doc: Document::new(DocKind::Order), history: Vec::new() };
    let first =
        hq.write(1, &[Edit::set("title", "噪声"), Edit::set("severity", 0), Edit::set("tag/noise", true)]);
    // Where late ones arrive: written on an earlier state than the one they meet.
    let mut moved_on = hq.clone();
    moved_on.write(1, &[Edit::set("state", "HANDLING"), Edit::set("severity", 1)]);
    let (mut left, mut right) = (hq.clone(), hq.clone());
    let a = left.write(9, &[Edit::set("verified_facts", "夜间施工"), Edit::set("severity", 2)]);
    let b = right.write(200, &[Edit::set("verified_facts", "已停工"), Edit::Remove("tag/noise".into())]);
    let c = right.write(200, &[Edit::set("note/7f", record), Edit::set("tag/noise", true)]);
    [&a, &b, &c].into_iter().for_each(|change| hq.take(change));
    let both = [Edit::set("verified_facts", "已停工，复查"), Edit::set("unclear_statement", true)];
    let resolved = hq.write(9, &both);
    let wide: Vec<_> = (0..40).map(|n| Edit::set(format!("tag/t{n}"), true)).collect();
    let wide = hq.write(77, &wide);
    let late = |change: &Origin| Origin {
        base: moved_on.doc.clone().save(),
        history: moved_on.history.clone(),
        change: change.change.clone(),
    };
    let late = [late(&a), late(&b)];
    [first, a, b, c, resolved, wide].into_iter().chain(late).collect()
}

#[test]
#[allow(clippy::print_stderr)]
fn accepted_mutants_leave_a_document_that_works() {
    let by_hand = std::env::var("LANEWALK_MUTANTS").ok();
    let mutants: u64 = by_hand.map_or(MUTANTS, |count| count.parse().unwrap());
    let started = std::time::Instant::now();
    let each = mutants.div_ceil(THREADS);
    let mut census = BTreeMap::<String, u64>::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..THREADS).map(|n| scope.spawn(move || try_mutants(SEED + n, each))).collect();
        for (code, count) in threads.into_iter().flat_map(|thread| thread.join().unwrap()) {
            *census.entry(code).or_default() += count;
        }
    });
    let tried: u64 = census.values().sum();
    let rate = tried as f64 / started.elapsed().as_secs_f64();
    eprintln!("seed {SEED:#x}, {tried} mutants, {rate:.0} a second: {census:?}");
    assert!(tried >= mutants);
    assert!(census["ok"] > mutants / 50, "too few accepted to test anything: {census:?}");
    assert!(!census.contains_key("base_unreadable"));
}

/// Tries mutants and counts their verdicts.
fn try_mutants(seed: u64, mutants: u64) -> BTreeMap<String, u64> {
    let origins = origins();
    for origin in &origins {
        let job = Job { doc: DOC, base: Some(origin.base.clone()), changes: vec![origin.change.clone()] };
        assert_eq!(codes(&trial(&job)), ["ok"]);
    }
    let mut random = Mutator::new(seed);
    let mut census = BTreeMap::<String, u64>::new();
    for _ in 0..mutants {
        let origin = &origins[random.below(origins.len())];
        let donor = &origins[random.below(origins.len())].change;
        let mutant = random.mutate(&origin.change, donor);
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
        assert_eq!((doc.heads(), doc.view()), (result.heads.clone(), result.view.clone()));
        // Rebuilt from its changes, as after the loss of the cache, it is the same.
        let mut changes = origin.history.clone();
        changes.push(mutant.clone());
        changes.extend((verdicts[1] == "ok").then(|| origin.change.clone()));
        let mut replayed = Document::new(DocKind::Order);
        replayed.apply(changes.iter().map(Vec::as_slice)).unwrap();
        assert_eq!((replayed.heads(), replayed.view()), (result.heads, result.view), "{mutant:02x?}");
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
    census
}
