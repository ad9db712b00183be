//! Valid chunks with a few bytes changed and the checksum repaired.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, Change, ROOT, ScalarValue};
use lanewalk_forge::Mutator;
use lanewalk_model::chunk::{ChangeFacts, ChunkLimits, OpAction, OpFacts, join, read_change, split};

/// Mutants of a normal run, 35 s of one core; the variable `LANEWALK_MUTANTS` asks for more (FAULTS.md
/// §c: 20 million before a release).
const MUTANTS: u64 = 1_000_000;
/// Threads that share them, each with dice of its own.
const THREADS: u64 = 2;
const SEED: u64 = 0x1a2e_77a1_c0ff_ee01;

/// A change and the document it was made on.
struct Base {
    before: Automerge,
    chunk: Vec<u8>,
}

fn commit(doc: &mut Automerge, message: &str, edits: &[(&str, Option<ScalarValue>)]) -> Base {
    let before = doc.clone();
    let mut transaction = doc.transaction();
    for (key, value) in edits {
        match value {
            Some(value) => transaction.put(ROOT, *key, value.clone()).unwrap(),
            None => transaction.delete(ROOT, *key).unwrap(),
        }
    }
    let options = CommitOptions::default().with_message(message).with_time(1_790_000_000);
    transaction.commit_with(options);
    let chunk = doc.get_last_local_change().unwrap().raw_bytes().to_vec();
    Base { before, chunk }
}

/// Changes with every feature a flat document has: both actions, all three value types, runs and
/// literals, one to three dependencies, predecessors of one to three actors.
fn bases() -> Vec<Base> {
    let text = |text: &str| Some(ScalarValue::Str(text.into()));
    let int = |number: i64| Some(ScalarValue::Int(number));
    let flag = |flag: bool| Some(ScalarValue::Boolean(flag));
    let mut first = Automerge::new().with_actor(ActorId::from([9; 16]));
    let mut bases = vec![
        commit(&mut first, "", &[("姓名", text("张三")), ("age", int(67)), ("alone", flag(true))]),
        commit(&mut first, "改", &[("age", int(-1_000_000)), ("alone", None), ("b", flag(false))]),
    ];
    let mut second = first.fork().with_actor(ActorId::from([200; 16]));
    let mut third = first.fork().with_actor(ActorId::from([3; 16]));
    let wide: Vec<String> = (0..40).map(|n| format!("f{n}")).collect();
    let wide: Vec<_> = wide.iter().map(|key| (key.as_str(), int(5))).collect();
    bases.push(commit(&mut first, "", &[("age", int(70)), ("b", text("x"))]));
    bases.push(commit(&mut second, "", &[("age", int(71)), ("b", text("y")), ("c", flag(true))]));
    bases.push(commit(&mut third, "", &[("age", int(72)), ("b", None)]));
    bases.push(commit(&mut third, "", &wide));
    first.merge(&mut second).unwrap();
    first.merge(&mut third).unwrap();
    bases.push(commit(&mut first, "合并", &[("age", None), ("b", text("z")), ("f3", int(6))]));
    bases.push(commit(&mut first, "", &[("note", text(&"长".repeat(50))), ("age", int(1))]));
    bases
}

/// Requires that automerge takes an accepted mutant, reads it as we do, and would write it so.
fn read_as_automerge_does(chunk: &[u8], limits: &ChunkLimits) -> Option<ChangeFacts> {
    let facts = read_change(chunk, limits).ok()?;
    let owned = chunk.to_vec();
    let (theirs, rewritten) = catch_unwind(move || {
        let theirs = Change::from_bytes(owned).unwrap();
        let rewritten = Change::from(theirs.decode());
        (theirs, rewritten)
    })
    .unwrap_or_else(|_| panic!("automerge fails on an accepted chunk: {chunk:02x?}"));
    assert_eq!(theirs.hash().0, facts.hash);
    assert!(theirs.deps().iter().map(|dep| dep.0).eq(facts.deps.iter().copied()));
    assert_eq!(theirs.actor_id().to_bytes(), facts.actor);
    assert_eq!((theirs.seq(), theirs.start_op().get()), (facts.seq, facts.start_op));
    assert_eq!((theirs.len(), theirs.timestamp()), (facts.ops.len(), facts.time));
    assert_eq!(theirs.message(), facts.message.as_deref());
    assert_eq!(rewritten.raw_bytes(), chunk, "another spelling was accepted");
    Some(facts)
}

/// What only the document knows: the rules a gate adds before it applies an accepted change.
struct Known(HashMap<[u8; 32], ChangeFacts>);

impl Known {
    fn of(doc: &Automerge, limits: &ChunkLimits) -> Self {
        let read = |change: &Change| read_change(change.raw_bytes(), limits).unwrap();
        let changes = doc.get_changes(&[]);
        Self(changes.iter().map(read).map(|facts| (facts.hash, facts)).collect())
    }

    /// Dependencies known, `seq` and `start_op` the next ones, the author's last change and every
    /// predecessor among the ancestors, predecessors set the same key.
    fn admits(&self, facts: &ChangeFacts) -> bool {
        let mut ancestors = HashMap::new();
        let mut open = facts.deps.clone();
        while let Some(hash) = open.pop() {
            let Some(change) = self.0.get(&hash) else {
                return false;
            };
            if ancestors.insert(hash, change).is_none() {
                open.extend(&change.deps);
            }
        }
        let ends = ancestors.values().map(|change| change.start_op + change.ops.len() as u64);
        let own = |change: &&ChangeFacts| change.actor == facts.actor;
        let everywhere = self.0.values().filter(own).count() as u64;
        let inherited = ancestors.values().copied().filter(own).count() as u64;
        let mut settable = HashMap::new();
        for change in ancestors.values() {
            for (counter, op) in (change.start_op..).zip(&change.ops) {
                if op.action != OpAction::Delete {
                    settable.insert((counter, change.actor), &op.key);
                }
            }
        }
        let sound = |op: &OpFacts| op.preds.iter().all(|id| settable.get(id) == Some(&&op.key));
        facts.start_op == ends.max().unwrap_or(1)
            && everywhere == inherited
            && facts.seq == inherited + 1
            && facts.ops.iter().all(sound)
    }
}

#[derive(Debug, Default)]
struct Census {
    tried: u64,
    accepted: u64,
    admitted: u64,
    applied: u64,
    refused_late: u64,
    apply_panics: u64,
    unloadable: u64,
}

impl Census {
    fn and(self, other: Self) -> Self {
        Self {
            tried: self.tried + other.tried,
            accepted: self.accepted + other.accepted,
            admitted: self.admitted + other.admitted,
            applied: self.applied + other.applied,
            refused_late: self.refused_late + other.refused_late,
            apply_panics: self.apply_panics + other.apply_panics,
            unloadable: self.unloadable + other.unloadable,
        }
    }

    /// Counts what automerge does with an admitted mutant on the document it was made for.
    fn try_apply(&mut self, before: &Automerge, chunk: &[u8]) {
        let change = Change::from_bytes(chunk.to_vec()).unwrap();
        let trial = AssertUnwindSafe(|| {
            let mut doc = before.clone();
            doc.apply_changes([change]).map(|()| doc)
        });
        match catch_unwind(trial) {
            Err(_) => self.apply_panics += 1,
            Ok(Err(_)) => self.refused_late += 1,
            Ok(Ok(doc)) => {
                self.applied += 1;
                let load = AssertUnwindSafe(|| Automerge::load(&doc.save()));
                let same = |loaded: Automerge| loaded.get_heads() == doc.get_heads();
                if !catch_unwind(load).is_ok_and(|loaded| loaded.is_ok_and(same)) {
                    self.unloadable += 1;
                }
            }
        }
    }
}

#[test]
#[allow(clippy::print_stderr)]
fn mutants_are_refused_or_what_automerge_would_write() {
    let by_hand = std::env::var("LANEWALK_MUTANTS").ok();
    let mutants = by_hand.map_or(MUTANTS, |count| count.parse().unwrap());
    let started = Instant::now();
    let each = mutants.div_ceil(THREADS);
    let all = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..THREADS).map(|n| scope.spawn(move || try_mutants(SEED + n, each))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).fold(Census::default(), Census::and)
    });
    eprintln!("seed {SEED:#x}, {all:?}, {:.0} a second", all.tried as f64 / started.elapsed().as_secs_f64());
    assert!(all.tried >= mutants);
    // Byte values inside texts, hashes and ids stay acceptable: a run without any tests nothing.
    assert!(all.admitted > mutants / 100);
    assert_eq!(all.admitted, all.applied);
    assert_eq!(all.unloadable, 0);
}

fn try_mutants(seed: u64, mutants: u64) -> Census {
    let limits = ChunkLimits::default();
    let bases = bases();
    let known: Vec<Known> = bases.iter().map(|base| Known::of(&base.before, &limits)).collect();
    for (base, known) in bases.iter().zip(&known) {
        let facts = read_as_automerge_does(&base.chunk, &limits).unwrap();
        assert!(known.admits(&facts));
    }
    let mut random = Mutator::new(seed);
    let mut census = Census::default();
    for _ in 0..mutants {
        census.tried += 1;
        let at = random.below(bases.len());
        let base = &bases[at];
        let donor = &bases[random.below(bases.len())].chunk;
        let chunk = random.mutate(&base.chunk, donor);
        if let Ok(parts) = split(&chunk) {
            assert_eq!(join(&parts.deps, parts.actor, parts.rest).unwrap(), chunk);
        }
        let Some(facts) = read_as_automerge_does(&chunk, &limits) else {
            continue;
        };
        census.accepted += 1;
        if known[at].admits(&facts) {
            census.admitted += 1;
            census.try_apply(&base.before, &chunk);
        }
    }
    census
}
