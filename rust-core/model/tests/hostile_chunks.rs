//! Chunks that panic, hang, abort or blow up automerge are refused by name, fast and small.
//!
//! Regression rows F33 to F37 of the fault list. What was measured against automerge itself is
//! named at each test; here automerge is given only what the reader accepts.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use automerge::marks::{ExpandMark, Mark};
use automerge::transaction::Transactable;
use automerge::{ActorId, Automerge, ObjType, ROOT, ScalarValue};

#[path = "hostile_chunks/mutants.rs"]
mod mutants;
#[path = "hostile_chunks/support.rs"]
mod support;

use lanewalk_forge::{
    Draft, body_of,
    column::{ACTION, INSERT, KEY, META, PRED_ACTOR, PRED_COUNT, PRED_COUNTER, VALUE},
    signed, unsigned, wrap,
};
use support::{code, peak_memory, refused};

fn with(bend: impl FnOnce(&mut Draft)) -> Draft {
    let mut draft = Draft::new();
    bend(&mut draft);
    draft
}

/// One change made by automerge.
fn made(edit: impl FnOnce(&mut automerge::transaction::Transaction<'_>)) -> Vec<u8> {
    let mut doc = Automerge::new().with_actor(ActorId::from([7; 16]));
    let mut transaction = doc.transaction();
    edit(&mut transaction);
    transaction.commit();
    doc.get_last_local_change().unwrap().raw_bytes().to_vec()
}

#[test]
fn the_unbent_drafts_are_accepted() {
    let plain = Draft::new();
    let replacing = Draft::new().replacing(&[(1, 3), (0, 3), (2, 4)], &[[3; 16], [9; 16]]);
    for draft in [plain, replacing] {
        let chunk = draft.build();
        assert_eq!(code(&chunk), "ok");
        automerge::Change::from_bytes(chunk).unwrap();
    }
}

/// F34: 2³² panics at apply; 2³² − 1 is accepted and every later edit panics.
#[test]
fn operation_counters_near_the_32_bit_edge() {
    let cases = [
        (1 << 32, "start_op"),
        ((1 << 32) - 1, "start_op"),
        (u64::MAX, "start_op"),
        (0, "start_op"),
        (1_000_001, "start_op"),
        (1_000_000, "op_counter"),
        (999_999, "ok"),
    ];
    for (start_op, expected) in cases {
        assert_eq!(refused(&with(|draft| draft.start_op = start_op).build()), expected);
    }
}

/// F35: 113 bytes that say ten million operations take automerge 4.4 GiB and 83 s.
#[test]
fn operation_bombs() {
    let run = |count: i64, value: &[u8]| {
        let mut column = vec![];
        signed(&mut column, count);
        column.extend_from_slice(value);
        column
    };
    let mut million = vec![];
    unsigned(&mut million, 10_000_000);
    let nulls = [&[0], &million[..]].concat();
    let draft = Draft::new;
    let whole = draft()
        .column(KEY, &run(10_000_000, b"\x01k"))
        .column(INSERT, &million)
        .column(ACTION, &run(10_000_000, &[1]))
        .column(META, &run(10_000_000, &[1]))
        .column(VALUE, &[])
        .column(PRED_COUNT, &run(10_000_000, &[0]));
    assert!(whole.build().len() < 120);
    let count_of = |column: &[u8]| [&[0x7f], column].concat();
    let cases = [
        (whole, "too_many_ops"),
        (draft().column(ACTION, &run(257, &[1])), "too_many_ops"),
        (draft().column(ACTION, &run(i64::MIN, &[1])), "too_many_ops"),
        (draft().column(ACTION, &nulls), "null_row"),
        (draft().column(KEY, &run(10_000_000, b"\x01k")), "row_count"),
        (draft().column(KEY, &nulls), "null_row"),
        (draft().column(INSERT, &million), "row_count"),
        (draft().column(META, &run(10_000_000, &[1])), "row_count"),
        (draft().column(PRED_COUNT, &run(10_000_000, &[0])), "row_count"),
        (draft().column(PRED_COUNT, &count_of(&million)), "too_many_preds"),
        (draft().column(PRED_ACTOR, &run(10_000_000, &[0])), "row_count"),
        (draft().column(PRED_COUNTER, &run(10_000_000, &[1])), "row_count"),
    ];
    let before = peak_memory();
    for (index, (draft, expected)) in cases.iter().enumerate() {
        assert_eq!(refused(&draft.build()), *expected, "case {index}");
    }
    // The other tests of this process grow too, by megabytes; a bomb grows by gigabytes.
    assert!(peak_memory() - before < 256 * 1024, "grown by more than 256 MiB");
}

/// Lengths and counts that promise more than the chunk holds cost nothing.
#[test]
fn empty_promises() {
    let mut huge = vec![];
    unsigned(&mut huge, u64::MAX);
    let body = Draft::new().body();
    // Deps 0, actor length 16 and actor, seq 1, start 1, time 0; then message, actors, columns.
    let (head, _) = body.split_at(21);
    assert_eq!(head[18..], [1, 1, 0]);
    let cases = [
        (huge.clone(), "too_many_deps"),
        ([&[0], &huge[..]].concat(), "truncated"),
        ([head, &huge[..]].concat(), "truncated"),
        ([head, &[0], &huge[..]].concat(), "too_many_actors"),
        ([head, &[0, 0], &huge[..]].concat(), "truncated"),
        ([head, &[0, 0, 1, 0x15], &huge[..]].concat(), "truncated"),
    ];
    for (index, (body, expected)) in cases.iter().enumerate() {
        assert_eq!(refused(&wrap(1, body)), *expected, "case {index}");
    }
}

/// F36: 1 MiB of a deflated change inflates to 3 GiB, before automerge checks anything.
#[test]
fn documents_deflated_changes_and_bundles() {
    let mut doc = Automerge::new();
    let mut transaction = doc.transaction();
    transaction.put(ROOT, "k", "x".repeat(8 * 1024 * 1024)).unwrap();
    transaction.commit();
    let mut change = doc.get_last_local_change().unwrap();
    let deflated = change.bytes().into_owned();
    assert!(deflated.len() < 16 * 1024);
    let bundle = doc.bundle([change.hash()]).unwrap();
    let body = Draft::new().body();
    let cases = [
        (2, deflated),
        (0, Automerge::new().save_nocompress()),
        (3, bundle.bytes()[..64].to_vec()),
        (0, wrap(0, &body)),
        (2, wrap(2, &body)),
        (3, wrap(3, &body)),
        (4, wrap(4, &body)),
        (255, wrap(255, &body)),
    ];
    for (kind, chunk) in cases {
        assert_eq!(chunk[8], kind);
        assert_eq!(refused(&chunk), "chunk_type");
    }
}

/// F37: 300 nested maps abort a 2 MiB stack, 100 a 512 KiB one.
#[test]
fn nested_maps() {
    for depth in [1, 100, 255, 300] {
        let chunk = made(|transaction| {
            let mut map = ROOT;
            for _ in 0..depth {
                map = transaction.put_object(&map, "m", ObjType::Map).unwrap();
            }
        });
        assert_eq!(refused(&chunk), "nested_object", "depth {depth}");
    }
    // The same, one change a level, as a patient sender would do it.
    let mut doc = Automerge::new().with_actor(ActorId::from([7; 16]));
    let mut map = ROOT;
    for _ in 0..100 {
        let mut transaction = doc.transaction();
        map = transaction.put_object(&map, "m", ObjType::Map).unwrap();
        transaction.commit();
        let change = doc.get_last_local_change().unwrap();
        assert_eq!(refused(change.raw_bytes()), "nested_object");
    }
}

#[test]
fn everything_a_flat_document_has_no_use_for() {
    let put = |value: ScalarValue| made(|transaction| transaction.put(ROOT, "k", value).unwrap());
    let cases = [
        (made(|t| drop(t.put_object(ROOT, "k", ObjType::Table))), "nested_object"),
        (made(|t| drop(t.put_object(ROOT, "k", ObjType::List))), "list_op"),
        (made(|t| drop(t.put_object(ROOT, "k", ObjType::Text))), "text_object"),
        (
            made(|t| {
                let list = t.put_object(ROOT, "k", ObjType::List).unwrap();
                t.insert(&list, 0, 1).unwrap();
            }),
            "list_op",
        ),
        (
            made(|t| {
                let text = t.put_object(ROOT, "k", ObjType::Text).unwrap();
                t.splice_text(&text, 0, 0, "灯草").unwrap();
                let mark = Mark::new("bold".into(), true, 0, 1);
                t.mark(&text, mark, ExpandMark::Both).unwrap();
            }),
            "mark",
        ),
        (
            made(|t| {
                t.put(ROOT, "k", ScalarValue::counter(1)).unwrap();
                t.increment(ROOT, "k", 5).unwrap();
            }),
            "increment",
        ),
        (made(|t| [1, 2].map(|n| t.put(ROOT, "k", n).unwrap()).into_iter().collect()), "duplicate_key"),
        (put(ScalarValue::counter(1)), "counter"),
        (put(ScalarValue::Null), "null_value"),
        (put(ScalarValue::Uint(1)), "value_type"),
        (put(ScalarValue::F64(1.0)), "value_type"),
        (put(ScalarValue::Bytes(vec![1])), "value_type"),
        (put(ScalarValue::Timestamp(1)), "value_type"),
        (put(ScalarValue::Unknown { type_code: 12, bytes: vec![1] }), "value_type"),
        (Draft::new().column(ACTION, &[0x7f, 5]).build(), "increment"),
        // The first automerge's link, which this one reads as a mark.
        (Draft::new().column(ACTION, &[0x7f, 7]).build(), "mark"),
        (Draft::new().column(ACTION, &[0x7f, 8]).build(), "unknown_action"),
    ];
    for (index, (chunk, expected)) in cases.iter().enumerate() {
        assert_eq!(refused(chunk), *expected, "case {index}");
    }
    let mut doc = Automerge::new().with_actor(ActorId::from([7; 16]));
    doc.empty_commit(Default::default());
    assert_eq!(refused(doc.get_changes(&[])[0].raw_bytes()), "no_ops");
}

/// F33: an actor id is bound to a device, so it has one form.
#[test]
fn actor_ids_of_other_lengths() {
    for length in [0, 1, 15, 17, 32, 300] {
        let chunk = with(|draft| draft.actor = vec![7; length]).build();
        assert_eq!(refused(&chunk), "actor_length");
        let mut replacing = Draft::new().replacing(&[(1, 3)], &[[3; 16]]);
        replacing.others = vec![vec![3; length]];
        assert_eq!(refused(&replacing.build()), "actor_length");
    }
}

#[test]
fn bent_drafts_are_refused_by_name() {
    let draft = Draft::new;
    let preds = |preds: &[(u64, i64)], others: &[[u8; 16]]| draft().replacing(preds, others);
    let many = |count: i64| (1..=count).map(|n| (0, n)).collect::<Vec<_>>();
    let mut late = preds(&many(65), &[]);
    late.start_op = 100;
    let cases = [
        (with(|d| d.seq = 0), "seq"),
        (with(|d| d.seq = 2), "seq"),
        (with(|d| d.time = i64::MAX), "time"),
        (with(|d| d.time = i64::MIN), "time"),
        (with(|d| d.message = vec![b'm'; 65]), "message_length"),
        (with(|d| d.message = vec![0xff]), "utf8"),
        (with(|d| d.deps = vec![[2; 32], [1; 32]]), "deps_order"),
        (with(|d| d.deps = vec![[1; 32], [1; 32]]), "deps_order"),
        (with(|d| d.deps = (0..17).map(|n| [n; 32]).collect()), "too_many_deps"),
        (with(|d| d.extra = vec![0]), "extra_bytes"),
        (with(|d| d.columns.clear()), "no_ops"),
        (with(|d| d.columns[0].0 |= 8), "compressed_column"),
        (with(|d| d.columns[4].0 |= 8), "compressed_column"),
        (with(|d| d.columns.swap(0, 1)), "column_order"),
        (with(|d| d.columns.insert(0, (KEY, vec![1]))), "column_order"),
        (with(|d| d.columns.push((0x73, vec![]))), "empty_column"),
        (with(|d| d.columns.push((0x7fff_fff5, vec![1]))), "unknown_column"),
        (draft().column(0x01, &[0, 1]), "nested_object"),
        (draft().column(0x02, &[0x7f, 1]), "nested_object"),
        (draft().column(0x11, &[0, 1]), "list_op"),
        (draft().column(0x13, &[0x7f, 1]), "list_op"),
        (draft().column(0x94, &[1]), "mark"),
        (draft().column(0xa5, &[0, 1]), "mark"),
        (draft().column(KEY, b""), "row_count"),
        (draft().column(KEY, b"\x7f\x00"), "key_length"),
        (draft().column(KEY, b"\x7f\x01\xff"), "utf8"),
        (draft().column(KEY, b"\x01\x01k"), "not_canonical"),
        (draft().column(INSERT, &[0, 1]), "list_op"),
        (draft().column(INSERT, &[]), "row_count"),
        (draft().column(INSERT, &[2]), "row_count"),
        (draft().column(ACTION, &[0xff, 0x7f, 1]), "bad_leb128"),
        (draft().column(META, &[0x7f, 0x26]), "truncated"),
        (draft().column(META, &[0x7f, 0x06]), "value_length"),
        (draft().column(META, &[0x7f, 0x12]), "value_length"),
        (draft().column(META, &[0x7f, 0x24]).column(VALUE, &[0x80, 0]), "bad_leb128"),
        (draft().column(META, &[0x7f, 0x24]).column(VALUE, &[1, 1]), "value_length"),
        (draft().column(VALUE, &[0xff]), "utf8"),
        (draft().column(ACTION, &[0x7f, 3]), "delete_value"),
        (draft().column(ACTION, &[0x7f, 3]).column(META, &[0x7f, 0]).column(VALUE, &[]), "delete_nothing"),
        (late, "too_many_preds"),
        (preds(&[(1, 3)], &[]), "pred_actor"),
        (preds(&[(0, 0)], &[]), "pred_counter"),
        (preds(&[(0, -1)], &[]), "pred_counter"),
        (preds(&[(0, 10)], &[]), "pred_counter"),
        (preds(&[(0, 4), (0, 3)], &[]), "pred_order"),
        (preds(&[(0, 3), (0, 3)], &[]), "pred_order"),
        // The tie is broken by the actor's bytes, not by its place in the table.
        (preds(&[(0, 3), (1, 3)], &[[3; 16]]), "pred_order"),
        (preds(&[(0, 3)], &[[3; 16]]), "unused_actor"),
        (preds(&[(0, 3), (1, 4)], &[[7; 16]]), "actors_order"),
        (preds(&[(1, 3), (2, 4)], &[[9; 16], [8; 16]]), "actors_order"),
        (preds(&[(1, 3), (2, 4)], &[[9; 16], [9; 16]]), "actors_order"),
    ];
    for (index, (draft, expected)) in cases.iter().enumerate() {
        assert_eq!(refused(&draft.build()), *expected, "case {index}");
    }
}

#[test]
fn predecessors_are_counted_over_the_whole_change() {
    // Each row replaces operations 1 to 64 of the author.
    let rows = |count: u8| {
        let (mut keys, mut actors, mut steps) = (vec![], vec![], vec![]);
        signed(&mut keys, -i64::from(count));
        (b'a'..b'a' + count).for_each(|key| keys.extend([1, key]));
        signed(&mut actors, 64 * i64::from(count));
        actors.push(0);
        signed(&mut steps, 64);
        steps.push(1);
        for _ in 1..count {
            signed(&mut steps, -1);
            signed(&mut steps, -63);
            signed(&mut steps, 63);
            steps.push(1);
        }
        let mut draft = Draft::new()
            .column(KEY, &keys)
            .column(INSERT, &[count])
            .column(ACTION, &[count, 1])
            .column(META, &[count, 1])
            .column(VALUE, &[])
            .column(PRED_COUNT, &[count, 64])
            .column(PRED_ACTOR, &actors)
            .column(PRED_COUNTER, &steps);
        (draft.seq, draft.start_op) = (2, 65);
        draft.build()
    };
    assert_eq!(refused(&rows(8)), "ok");
    assert_eq!(refused(&rows(9)), "too_many_preds");
}

#[test]
fn broken_envelopes() {
    let good = Draft::new().build();
    let bend = |at: usize, byte: u8| {
        let mut chunk = good.clone();
        chunk[at] = byte;
        chunk
    };
    let length = good[9];
    let padded = [&good[..9], &[length | 0x80, 0], &good[10..]].concat();
    let cases = [
        (bend(0, 0), "magic"),
        (bend(4, !good[4]), "checksum"),
        (bend(20, !good[20]), "checksum"),
        (bend(9, length + 1), "truncated"),
        (bend(9, length - 1), "trailing_bytes"),
        (padded, "bad_leb128"),
        ([&good[..], &[0]].concat(), "trailing_bytes"),
        ([&good[..], &good[..]].concat(), "trailing_bytes"),
        (vec![], "truncated"),
        (wrap(1, &vec![0; 64 * 1024]), "too_big"),
        (wrap(1, &body_of(&good)), "ok"),
    ];
    for (index, (chunk, expected)) in cases.iter().enumerate() {
        assert_eq!(refused(chunk), *expected, "case {index}");
    }
}
