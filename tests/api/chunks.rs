//! Changes whose bytes are an attack on automerge (F34–F39), sent as entries of a valid chain.

use crate::{kept_out, note, order, town, visit};
use lanewalk_model::{
    chunk,
    document::Edit,
    id::{ActorId, DocId},
    schema::DocKind,
};
use lanewalk_protocol::frame;
use support::hostile::{
    Device, Draft, RawRequest,
    column::{ACTION, INSERT, KEY, META, PRED_COUNT, VALUE},
    draft, read_answer, signed, unsigned,
};

fn run(count: i64, value: &[u8]) -> Vec<u8> {
    let mut column = Vec::new();
    signed(&mut column, count);
    column.extend_from_slice(value);
    column
}

fn million() -> Vec<u8> {
    let mut column = Vec::new();
    unsigned(&mut column, 10_000_000);
    column
}

type Bend = fn(Draft) -> Draft;

const CASES: &[(&str, &str, Bend)] = &[
    ("F34: the counter that panics", "start_op", |d| Draft { start_op: 1 << 32, ..d }),
    ("F34: the counter that poisons", "start_op", |d| Draft { start_op: (1 << 32) - 1, ..d }),
    ("F34: a counter far ahead", "not_next", |d| Draft { start_op: 900_000, ..d }),
    ("a sequence number far ahead", "not_next", |d| Draft { seq: 5, start_op: 5, ..d }),
    ("F35: ten million operations in 120 bytes", "too_many_ops", |d| {
        d.column(KEY, &run(10_000_000, b"\x01k"))
            .column(INSERT, &million())
            .column(ACTION, &run(10_000_000, &[1]))
            .column(META, &run(10_000_000, &[1]))
            .column(VALUE, &[])
            .column(PRED_COUNT, &run(10_000_000, &[0]))
    }),
    ("F35: ten million empty rows", "null_row", |d| d.column(ACTION, &[&[0], million().as_slice()].concat())),
    ("F36: a compressed column", "compressed_column", |d| d.column(VALUE | 8, &[1, 2, 3])),
    ("F37: a map inside the map", "nested_object", |d| {
        d.column(ACTION, &[0x7f, 0]).column(META, &[0x7f, 0]).column(VALUE, &[])
    }),
    ("F37: a list inside the map", "list_op", |d| {
        d.column(ACTION, &[0x7f, 2]).column(META, &[0x7f, 0]).column(VALUE, &[])
    }),
    ("a text object", "text_object", |d| {
        d.column(ACTION, &[0x7f, 4]).column(META, &[0x7f, 0]).column(VALUE, &[])
    }),
    ("an unknown action", "unknown_action", |d| d.column(ACTION, &[0x7f, 60])),
    ("an unknown column", "unknown_column", |d| d.column(0x91, &[1])),
    ("a value longer than its column", "truncated", |d| d.column(META, &[0x7f, 0x76])),
    ("a value that is no UTF-8", "utf8", |d| d.column(VALUE, &[0xff])),
    ("an empty change", "no_ops", |d| {
        [KEY, INSERT, ACTION, META, VALUE, PRED_COUNT].into_iter().fold(d, |d, c| d.column(c, &[]))
    }),
];

#[test]
fn no_chunk_harms_headquarters() {
    let town = town();
    town.network.hq(|hq| {
        let ours = order(hq, &town.cells[0], "gw-01");
        let mut device = Device::enrol(hq, "gw-01", 61);
        device.pull(hq);
        for (n, (what, code, bend)) in CASES.iter().enumerate() {
            device.fresh_actor();
            // A visit that is well formed as far as the rules look, bent in one place.
            let id = device.new_id(DocKind::Visit);
            let change = bend(draft(device.actor, "gw-01")).build();
            let entry = device.entry(id, change);
            let got = chunk::read_change(&entry.change, &lanewalk_protocol::limits::DEVICE_CHANGE);
            // What only automerge's own state can refuse needs a change the rules let through.
            let entry = if got.is_ok() {
                device.chain = (entry.header.seq - 1, entry.header.prev);
                let honest = device.write(id, &visit("gw-01", &town.cells[0]));
                let change = renumbered(&honest, bend(draft(device.actor, "gw-01")));
                device.docs.remove(&id);
                device.entry(id, change)
            } else {
                entry
            };
            kept_out(hq, &mut device, what, entry, code, (ours, note(n as u64)));
        }
    });
}

/// Gives an honest first change the sequence number and counter of a draft.
fn renumbered(honest: &[u8], draft: Draft) -> Vec<u8> {
    let parts = chunk::split(honest).unwrap();
    // Both numbers of an honest first change are one byte: 1 and 1.
    assert_eq!(parts.rest[..2], [1, 1]);
    let mut rest = Vec::new();
    unsigned(&mut rest, draft.seq);
    unsigned(&mut rest, draft.start_op);
    rest.extend_from_slice(&parts.rest[2..]);
    chunk::join(&parts.deps, parts.actor, &rest).unwrap()
}

/// Predecessors that are not exactly what the author saw: taking away a value unseen, or naming
/// one that never was.
#[test]
fn predecessors_must_be_what_was_seen() {
    let town = town();
    town.network.hq(|hq| {
        let ours = order(hq, &town.cells[0], "gw-01");
        let mut device = Device::enrol(hq, "gw-01", 61);
        device.pull(hq);
        device.fresh_actor();
        // Writes "verified_facts" as if it had never been written, on top of a change that did.
        let first = device.act(ours, &[Edit::set("verified_facts", "甲")]);
        assert!(device.sync(hq, std::slice::from_ref(&first)).is_empty());
        let second = device.write(ours, &[Edit::set("verified_facts", "乙")]);
        let facts = chunk::read_change(&second, &lanewalk_protocol::limits::DEVICE_CHANGE).unwrap();
        let mut bent =
            draft(device.actor, "gw-01").column(KEY, &[&[0x7f, 14], b"verified_facts".as_slice()].concat());
        (bent.deps, bent.seq, bent.start_op) = (facts.deps, facts.seq, facts.start_op);
        let entry = device.entry(ours, bent.build());
        kept_out(hq, &mut device, "no predecessors", entry, "wrong_predecessors", (ours, note(1)));
    });
}

/// F39: thousands of changes whose dependency nobody has cost little and change nothing.
#[test]
fn a_flood_of_orphans() {
    let town = town();
    town.network.hq(|hq| {
        let ours = order(hq, &town.cells[0], "gw-01");
        let mut device = Device::enrol(hq, "gw-01", 61);
        device.pull(hq);
        let base = device.docs.clone();
        let before = hq.document(ours).unwrap();
        let entries: Vec<_> = (0..2_000)
            .map(|n| {
                device.docs.clone_from(&base);
                device.actor = ActorId((n as u128 + 1).to_be_bytes());
                device.write(ours, &[note(n)]);
                let orphan = device.write(ours, &[note(10_000 + n)]);
                device.entry(ours, orphan)
            })
            .collect();
        let refused = device.sync(hq, &entries);
        assert_eq!(refused.len(), 2_000);
        assert!(refused.values().all(|c| c == "missing_dependency"));
        assert_eq!(hq.document(ours).unwrap(), before);
        device.docs.clone_from(&base);
        device.fresh_actor();
        let entry = device.act(ours, &[note(5)]);
        assert!(device.sync(hq, &[entry]).is_empty());
    });
}

/// Bytes in place of a change: what is not even a chunk's inside is kept and refused, and the
/// honest requests of the same batch do not notice.
#[test]
fn garbage_in_place_of_changes() {
    let town = town();
    town.network.hq(|hq| {
        let ours = order(hq, &town.cells[1], "gw-01");
        let mut device = Device::enrol(hq, "gw-01", 61);
        let mut honest = Device::enrol(hq, "gw-02", 62);
        device.pull(hq);
        honest.pull(hq);
        let garbage: Vec<Vec<u8>> =
            vec![vec![], vec![0], vec![0xff; 200], vec![0x80; 60_000], vec![1; 70_000]];
        let mut template = device.docs.clone();
        for (n, rest) in garbage.into_iter().enumerate() {
            device.fresh_actor();
            let real = device.act(ours, &[note(n as u64)]);
            let mut body = RawRequest::of(&device.body(std::slice::from_ref(&real)));
            body.batch().changes.rows[0].rest = rest.into();
            // Sign what it unpacks to.
            let read: lanewalk_protocol::sync::SyncRequest =
                minicbor::decode(&minicbor::to_vec(&body).unwrap()).unwrap();
            let (entry, hash) = read.push.unwrap().batch.unpack(device.id).unwrap().remove(0);
            device.chain = (entry.header.seq, hash);
            body.push.as_mut().unwrap().signature =
                device.push(std::slice::from_ref(&entry)).unwrap().signature;
            let beside = honest.act(ours, &[note(100 + n as u64)]);
            let requests = [
                device.signed(frame::encode(&body)),
                honest.request(&honest.body(std::slice::from_ref(&beside))),
            ];
            let responses = hq.handle(&requests);
            let page = read_answer(&device.hq_key, &requests[0], &responses[0]).page();
            device.check_receipts(&page, std::slice::from_ref(&entry));
            assert_eq!(page.refused.len(), 1, "garbage {n}");
            device.docs.clone_from(&template);
            device.take(page);
            template.clone_from(&device.docs);
            let page = read_answer(&device.hq_key, &requests[1], &responses[1]).page();
            assert!(page.refused.is_empty());
            honest.take(page);
            honest.nonce =
                support::hostile::read_answer(&device.hq_key, &requests[1], &responses[1]).next_nonce;
            device.nonce =
                support::hostile::read_answer(&device.hq_key, &requests[0], &responses[0]).next_nonce;
        }
    });
}

/// A document filled to its limits by one device refuses more by name and stays readable.
#[test]
fn a_document_that_is_full_says_so() {
    let town = town();
    town.network.hq(|hq| {
        let ours = order(hq, &town.cells[0], "gw-01");
        let mut device = Device::enrol(hq, "gw-01", 61);
        device.pull(hq);
        let text = "满".repeat(1_300);
        let record = |n: u64| {
            let json = serde_json::json!({ "text": format!("{n}{text}"), "at": 0 }).to_string();
            Edit::set(format!("note/{n:032x}"), json)
        };
        let entries: Vec<_> = (0..100).map(|n| device.act(ours, &[record(n)])).collect();
        let refused = device.sync(hq, &entries);
        assert!(!refused.is_empty());
        let first = *refused.keys().next().unwrap();
        assert_eq!(refused[&first], "document_too_large");
        let size: usize = hq
            .reader()
            .query_row("SELECT length(saved) FROM docs WHERE id = ?1", [ours.to_bytes()], |r| r.get(0))
            .unwrap();
        assert!(size <= 256 << 10);
        // Headquarters itself can still decide.
        hq.write_by_rule(&[(ours, vec![Edit::set("state", "ACKED")])]).unwrap();
        let id: DocId = ours;
        assert_eq!(hq.document(id).unwrap().unwrap().text("state"), Some("ACKED"));
    });
}
