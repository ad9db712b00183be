//! Agreement with automerge on documents automerge itself wrote.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use automerge::legacy::{Key, ObjectId, OpType};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, Change, ObjId, ROOT, ReadDoc, ScalarValue, Value};
use proptest::prelude::*;

use super::*;

/// What one author does at one step.
#[derive(Debug, Clone)]
struct Step {
    author: usize,
    /// Whose document is merged in first.
    merge: Option<usize>,
    /// One entry a key, so a change writes a key once; none deletes.
    edits: BTreeMap<u16, Option<Scalar>>,
    message: Option<String>,
    time: i64,
}

const AUTHORS: usize = 4;
const MAX_TIME: i64 = 1 << 53;

fn scalars() -> impl Strategy<Value = Scalar> {
    const WORDS: [&str; 6] = ["", "a", "灯草社区", "三楼302，已联系", "🏠", "note"];
    prop_oneof![
        any::<bool>().prop_map(Scalar::Bool),
        any::<i64>().prop_map(Scalar::Int),
        (-200_i64..200).prop_map(Scalar::Int),
        proptest::sample::select(&WORDS[..]).prop_map(|word| Scalar::Text(word.to_owned())),
        "\\PC{0,40}".prop_map(Scalar::Text),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let keys = prop_oneof![4 => 0_u16..6, 1 => 0_u16..400];
    let edits = |keys: BoxedStrategy<u16>, size: std::ops::Range<usize>| {
        proptest::collection::btree_map(keys, proptest::option::weighted(0.8, scalars()), size)
    };
    let few = edits(keys.boxed(), 1..6);
    let many = edits((0_u16..400).boxed(), 100..257);
    let step = (
        0..AUTHORS,
        proptest::option::weighted(0.5, 0..AUTHORS),
        prop_oneof![12 => few, 1 => many],
        proptest::option::of("[a-z入户]{0,12}"),
        prop_oneof![Just(0_i64), -MAX_TIME..=MAX_TIME, 1_700_000_000_i64..1_900_000_000],
    )
        .prop_map(|(author, merge, edits, message, time)| Step { author, merge, edits, message, time });
    proptest::collection::vec(step, 1..24)
}

fn key_name(key: u16) -> String {
    match key {
        0 => "姓名".to_owned(),
        1 => "x".to_owned(),
        key => format!("field/{key}"),
    }
}

fn stored(value: &Scalar) -> ScalarValue {
    match value {
        Scalar::Text(text) => ScalarValue::Str(text.as_str().into()),
        Scalar::Int(number) => ScalarValue::Int(*number),
        Scalar::Bool(flag) => ScalarValue::Boolean(*flag),
    }
}

/// Plays the steps and merges everything into the first author's document.
fn play(steps: &[Step]) -> Automerge {
    // Byte order of the ids differs from author order, as with random ids.
    let mut docs: Vec<Automerge> =
        [9_u8, 200, 3, 77].map(|seed| Automerge::new().with_actor(ActorId::from([seed; 16]))).into();
    for step in steps {
        if let Some(from) = step.merge
            && from != step.author
        {
            let mut other = docs[from].clone();
            docs[step.author].merge(&mut other).unwrap();
        }
        let mut transaction = docs[step.author].transaction();
        for (key, value) in &step.edits {
            match value {
                Some(value) => transaction.put(ROOT, key_name(*key), stored(value)).unwrap(),
                None => transaction.delete(ROOT, key_name(*key)).unwrap(),
            }
        }
        let mut options = CommitOptions::default().with_time(step.time);
        options.message.clone_from(&step.message);
        let _ = transaction.commit_with(options);
    }
    let mut rest = docs.split_off(1);
    let mut all = docs.remove(0);
    for doc in &mut rest {
        all.merge(doc).unwrap();
    }
    all
}

fn actor_bytes(actor: &ActorId) -> [u8; 16] {
    actor.to_bytes().try_into().unwrap()
}

/// Compares what we read with automerge's own accessors and decoded operations.
fn assert_agrees(change: &Change, facts: &ChangeFacts) {
    assert_eq!(facts.hash, change.hash().0);
    let deps: Vec<[u8; 32]> = change.deps().iter().map(|dep| dep.0).collect();
    assert_eq!(facts.deps, deps);
    assert_eq!(facts.actor, actor_bytes(change.actor_id()));
    assert_eq!(facts.seq, change.seq());
    assert_eq!(facts.start_op, change.start_op().get());
    assert_eq!(facts.time, change.timestamp());
    // In memory automerge tells an empty message from none; its bytes do not.
    let message = change.message().filter(|text| !text.is_empty());
    assert_eq!(facts.message.as_deref(), message);
    assert_eq!(facts.ops.len(), change.len());
    for (ours, theirs) in facts.ops.iter().zip(&change.decode().operations) {
        assert_eq!(theirs.obj, ObjectId::Root);
        assert!(!theirs.insert);
        assert_eq!(theirs.key, Key::Map(ours.key.as_str().into()));
        let action = match &ours.action {
            OpAction::Set(value) => OpType::Put(stored(value)),
            OpAction::Delete => OpType::Delete,
        };
        assert_eq!(theirs.action, action);
        let preds: Vec<_> = theirs.pred.iter().map(|id| (id.counter(), actor_bytes(id.actor()))).collect();
        assert_eq!(ours.preds, preds);
    }
}

type OpId = (u64, [u8; 16]);

/// Computes each key's surviving values from the facts alone.
fn survivors(changes: &[ChangeFacts]) -> BTreeMap<String, BTreeMap<OpId, ScalarValue>> {
    let replaced: BTreeSet<OpId> =
        changes.iter().flat_map(|change| &change.ops).flat_map(|op| op.preds.iter().copied()).collect();
    let mut state = BTreeMap::<String, BTreeMap<OpId, ScalarValue>>::new();
    for change in changes {
        for (op, id) in change.ops.iter().zip(change.start_op..) {
            if let OpAction::Set(value) = &op.action
                && !replaced.contains(&(id, change.actor))
            {
                let key = state.entry(op.key.clone()).or_default();
                key.insert((id, change.actor), stored(value));
            }
        }
    }
    state
}

fn state_of(doc: &Automerge) -> BTreeMap<String, BTreeMap<OpId, ScalarValue>> {
    doc.keys(ROOT)
        .map(|key| {
            let values = doc.get_all(ROOT, key.as_str()).unwrap();
            let values = values.into_iter().map(|(value, id)| {
                let (Value::Scalar(value), ObjId::Id(counter, actor, _)) = (value, id) else {
                    panic!("flat documents hold scalars");
                };
                ((counter, actor_bytes(&actor)), value.into_owned())
            });
            let values = values.collect();
            (key, values)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn reads_what_automerge_wrote(steps in steps()) {
        let doc = play(&steps);
        let limits = ChunkLimits::default();
        let changes = doc.get_changes(&[]);
        let facts: Vec<ChangeFacts> = changes
            .iter()
            .map(|change| read_change(change.raw_bytes(), &limits).unwrap())
            .collect();
        for (change, facts) in changes.iter().zip(&facts) {
            assert_agrees(change, facts);
        }
        prop_assert_eq!(survivors(&facts), state_of(&doc));

        // A saved document forgets the chunks and writes them anew.
        let loaded = Automerge::load(&doc.save()).unwrap();
        for change in loaded.get_changes(&[]) {
            let again = read_change(change.raw_bytes(), &limits).unwrap();
            prop_assert!(facts.contains(&again));
        }
    }

    #[test]
    fn join_undoes_split(steps in steps()) {
        for change in play(&steps).get_changes(&[]) {
            let bytes = change.raw_bytes();
            let parts = split(bytes).unwrap();
            let facts = read_change(bytes, &ChunkLimits::default()).unwrap();
            prop_assert_eq!(&parts.deps, &facts.deps);
            prop_assert_eq!(parts.actor, &facts.actor[..]);
            prop_assert!(parts.rest.len() + parts.deps.len() * 32 < bytes.len());
            prop_assert_eq!(join(&parts.deps, parts.actor, parts.rest).unwrap(), bytes);
        }
    }

    #[test]
    fn split_undoes_join(
        deps in proptest::collection::vec(any::<[u8; 32]>(), 0..5),
        actor in proptest::collection::vec(any::<u8>(), 0..300),
        rest in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let chunk = join(&deps, &actor, &rest).unwrap();
        let parts = split(&chunk).unwrap();
        prop_assert_eq!(parts, ChunkParts { deps, actor: &actor, rest: &rest });
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        // Alone they fail at the magic; as the rest of a sound chunk they reach every reader.
        let _ = read_change(&bytes, &ChunkLimits::default());
        let _ = split(&bytes);
        let chunk = join(&[], &[7; 16], &bytes).unwrap();
        let _ = read_change(&chunk, &ChunkLimits::default());
    }

    #[test]
    fn every_prefix_and_every_flipped_bit_is_refused(steps in steps(), at: usize, bit in 0..8_u32) {
        // Steps that only delete what is not there leave no change.
        let Some(change) = play(&steps).get_changes(&[]).pop() else {
            return Ok(());
        };
        let mut bytes = change.raw_bytes().to_vec();
        let limits = ChunkLimits::default();
        let at = at % bytes.len();
        prop_assert!(read_change(&bytes[..at], &limits).is_err());
        prop_assert!(split(&bytes[..at]).is_err());
        bytes[at] ^= 1 << bit;
        prop_assert!(read_change(&bytes, &limits).is_err());
        prop_assert!(split(&bytes).is_err());
    }
}

/// One change that sets `count` keys to `value`.
fn wide_change(count: u16, value: &str) -> Vec<u8> {
    let edits = (0..count).map(|key| (key, Some(Scalar::Text(value.to_owned()))));
    let step = Step { author: 1, merge: None, edits: edits.collect(), message: None, time: 0 };
    let change = play(&[step]).get_changes(&[]).remove(0);
    change.raw_bytes().to_vec()
}

#[test]
fn limits_are_inclusive() {
    let limits = ChunkLimits::default();
    let code = |bytes: &[u8], limits: &ChunkLimits| {
        read_change(bytes, limits).map_or_else(|error| error.code(), |_| "ok")
    };
    let one = wide_change(1, "灯草");
    let cases = [
        (wide_change(256, "v"), limits.clone(), "ok"),
        (wide_change(257, "v"), limits.clone(), "too_many_ops"),
        (wide_change(1, &"x".repeat(16 * 1024)), limits.clone(), "ok"),
        (wide_change(1, &"x".repeat(16 * 1024 + 1)), limits.clone(), "value_too_big"),
        (wide_change(5, &"x".repeat(16 * 1024)), limits.clone(), "too_big"),
        (one.clone(), ChunkLimits { max_key_bytes: 6, max_value_bytes: 6, ..limits.clone() }, "ok"),
        (one.clone(), ChunkLimits { max_key_bytes: 5, ..limits.clone() }, "key_length"),
        (one.clone(), ChunkLimits { max_op_counter: 2, ..limits.clone() }, "ok"),
        (one.clone(), ChunkLimits { max_op_counter: 1, ..limits.clone() }, "op_counter"),
        (one, ChunkLimits { max_op_counter: 0, ..limits }, "start_op"),
    ];
    for (index, (bytes, limits, expected)) in cases.iter().enumerate() {
        assert_eq!(code(bytes, limits), *expected, "case {index}");
    }
}

#[test]
fn join_refuses_what_split_would() {
    assert_eq!(join(&[], &[1; 16], &vec![0; MAX_CHUNK_BYTES]), Err(ChunkError::TooBig));
    let room = MAX_CHUNK_BYTES - 4 - 4 - 1 - 3 - 1 - 1 - 16;
    assert_eq!(join(&[], &[1; 16], &vec![0; room]).unwrap().len(), MAX_CHUNK_BYTES);
    assert_eq!(join(&[], &[1; 16], &vec![0; room + 1]), Err(ChunkError::TooBig));
}
