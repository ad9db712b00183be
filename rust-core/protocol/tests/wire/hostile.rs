//! Bytes nobody honest would send: every decoder ends in a value or a typed error.

use crate::{sample, support::DEVICE};
use lanewalk_model::id::{DocId, Hash};
use lanewalk_protocol::{
    batch::{BatchError, Changes, EntryBatch},
    enrolment::{EnrolRequest, EnrolResponse, Invitation},
    entry::{AnchorRef, Header},
    limits,
    receipt::{ErrorBody, Lease, Receipt},
    sync::{CheckpointUpdate, SyncRequest, SyncResponse},
};
use minicbor::{Encoder, bytes::ByteVec};
use proptest::prelude::*;

/// Gives bytes to every decoder there is; what a batch decodes to is also unpacked.
fn offer(bytes: &[u8]) {
    if let Ok(request) = minicbor::decode::<SyncRequest>(bytes)
        && let Some(push) = request.push
    {
        let _ = push.batch.unpack(DEVICE);
    }
    if let Ok(response) = minicbor::decode::<SyncResponse>(bytes) {
        let _ = response.changes.expand();
    }
    if let Ok(batch) = minicbor::decode::<EntryBatch>(bytes) {
        let _ = batch.unpack(DEVICE);
    }
    if let Ok(changes) = minicbor::decode::<Changes>(bytes) {
        let _ = changes.expand();
    }
    if let Ok(request) = minicbor::decode::<EnrolRequest>(bytes) {
        let _ = request.verify();
    }
    if let Ok(header) = Header::from_bytes(bytes) {
        assert_eq!(header.to_bytes(), bytes);
    }
    let _ = minicbor::decode::<EnrolResponse>(bytes);
    let _ = minicbor::decode::<Receipt>(bytes);
    let _ = minicbor::decode::<CheckpointUpdate>(bytes)
        .map(|u| u.checkpoint.verify(&sample::hq_key().public_key()));
    let _ = minicbor::decode::<ErrorBody>(bytes);
    let _ = minicbor::decode::<Lease>(bytes).map(|l| l.subject());
}

fn samples() -> Vec<Vec<u8>> {
    vec![
        minicbor::to_vec(sample::sync_request()).unwrap(),
        minicbor::to_vec(sample::sync_response()).unwrap(),
        minicbor::to_vec(sample::batch()).unwrap(),
        minicbor::to_vec(sample::enrol_request()).unwrap(),
        minicbor::to_vec(sample::enrol_response()).unwrap(),
        sample::entries()[1].header.to_bytes(),
        minicbor::to_vec(sample::witness_request()).unwrap(),
        minicbor::to_vec(sample::salvage_request()).unwrap(),
        minicbor::to_vec(sample::checkpoint_update()).unwrap(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        offer(&bytes);
    }

    #[test]
    fn bent_messages_never_panic(
        which in 0..8_usize,
        bends in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        cutting in any::<bool>(),
    ) {
        let mut bytes = samples()[which].clone();
        for (at, byte) in bends {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cutting {
            bytes.truncate(cut.index(bytes.len()));
        }
        offer(&bytes);
    }

    #[test]
    fn arbitrary_text_is_no_invitation(text in "\\PC{0,80}", tail in "[A-Za-z0-9_-]{0,300}") {
        prop_assert!(Invitation::from_text(&text).is_err());
        // Random base64 may be an invitation in principle; it must only not panic.
        let _ = Invitation::from_text(&format!("lanewalk1:{tail}"));
    }

    #[test]
    fn a_bent_invitation_is_refused_or_another(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_-]") {
        let text = sample::invitation().to_text();
        let at = at.index(text.len());
        let mut bent = text.clone();
        bent.replace_range(at..=at, &to);
        let read = Invitation::from_text(&bent);
        prop_assert_eq!(read == Ok(sample::invitation()), bent == text);
    }
}

#[test]
fn invitations_have_a_longest_form() {
    let text = sample::invitation().to_text();
    assert_eq!(Invitation::from_text(&format!(" {text}\n")), Ok(sample::invitation()));
    let long = format!("{text}{}", "A".repeat(1_025 - text.len()));
    for bad in [text.replace("lanewalk1", "lanewalk2"), text.to_uppercase(), String::new(), long] {
        assert!(Invitation::from_text(&bad).is_err(), "{bad}");
    }
}

/// A batch in parts, each of which can lie.
#[derive(Clone)]
struct Raw {
    first_seq: u64,
    boots: Vec<u8>,
    anchors: Vec<AnchorRef>,
    /// wall, mono, boot, anchor, base version.
    clocks: Vec<(i64, i64, u32, u32, u64)>,
    docs: Vec<DocId>,
    actors: Vec<u8>,
    /// doc, actor, dependencies, rest.
    rows: Vec<(u32, u32, Vec<Dep>, Vec<u8>)>,
}

#[derive(Clone)]
enum Dep {
    Back(u64),
    Hash,
}

impl Raw {
    fn new() -> Self {
        Self {
            first_seq: 1,
            boots: vec![1; 8],
            anchors: Vec::new(),
            clocks: vec![(0, 0, 0, 0, 0)],
            docs: vec![sample::ORDER],
            actors: vec![7; 16],
            rows: vec![(0, 0, Vec::new(), b"rest".to_vec())],
        }
    }

    fn with(bend: impl FnOnce(&mut Self)) -> Self {
        let mut raw = Self::new();
        bend(&mut raw);
        raw
    }

    fn changes(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::new());
        e.array(3).unwrap().array(self.docs.len() as u64).unwrap();
        for doc in &self.docs {
            e.bytes(&doc.to_bytes()).unwrap();
        }
        e.bytes(&self.actors).unwrap().array(self.rows.len() as u64).unwrap();
        for (doc, actor, deps, rest) in &self.rows {
            e.array(4).unwrap().u32(*doc).unwrap().u32(*actor).unwrap().array(deps.len() as u64).unwrap();
            for dep in deps {
                match dep {
                    Dep::Back(n) => e.u64(*n).unwrap(),
                    Dep::Hash => e.bytes(&[9; 32]).unwrap(),
                };
            }
            e.bytes(rest).unwrap();
        }
        e.into_writer()
    }

    fn unpack(&self) -> Result<usize, BatchError> {
        let mut e = Encoder::new(Vec::new());
        e.array(6).unwrap().u64(self.first_seq).unwrap().bytes(&[0; 32]).unwrap();
        e.bytes(&self.boots).unwrap().encode(&self.anchors).unwrap();
        e.array(self.clocks.len() as u64).unwrap();
        for (wall, mono, boot, anchor, version) in &self.clocks {
            e.array(5).unwrap().i64(*wall).unwrap().i64(*mono).unwrap();
            e.u32(*boot).unwrap().u32(*anchor).unwrap().u64(*version).unwrap();
        }
        let bytes = [e.into_writer(), self.changes()].concat();
        let batch: EntryBatch = minicbor::decode(&bytes).unwrap();
        batch.unpack(DEVICE).map(|entries| entries.len())
    }
}

#[test]
fn tables_and_numbers_that_lie() {
    use BatchError::{BadChange, BadClock, BadReference, TooMany};
    let row = |deps: Vec<Dep>| (0, 0, deps, Vec::new());
    let times = |n: usize| {
        move |r: &mut Raw| {
            r.rows = vec![r.rows[0].clone(); n];
            r.clocks = vec![(0, 0, 0, 0, 0); n];
        }
    };
    let two = |deps: Vec<Dep>| {
        Raw::with(|r| {
            r.rows.push(row(deps));
            r.clocks.push((0, 0, 0, 0, 0));
        })
    };
    let cases: Vec<(&str, Raw, Result<usize, BatchError>)> = vec![
        ("as it should be", Raw::new(), Ok(1)),
        ("no entries", Raw::with(times(0)), Ok(0)),
        ("document beyond the table", Raw::with(|r| r.rows[0].0 = 1), Err(BadReference)),
        ("document far beyond", Raw::with(|r| r.rows[0].0 = u32::MAX), Err(BadReference)),
        ("no documents", Raw::with(|r| r.docs.clear()), Err(BadReference)),
        ("actor beyond the table", Raw::with(|r| r.rows[0].1 = 1), Err(BadReference)),
        ("half an actor", Raw::with(|r| r.actors.truncate(15)), Err(BadReference)),
        ("boot beyond the table", Raw::with(|r| r.clocks[0].2 = 1), Err(BadReference)),
        ("half a boot", Raw::with(|r| r.boots.truncate(7)), Err(BadReference)),
        ("anchor without a table", Raw::with(|r| r.clocks[0].3 = 1), Err(BadReference)),
        ("last anchor number", Raw::with(|r| r.clocks[0].3 = u32::MAX), Err(BadReference)),
        ("on itself", Raw::with(|r| r.rows[0] = row(vec![Dep::Back(0)])), Err(BadReference)),
        ("before the batch", Raw::with(|r| r.rows[0] = row(vec![Dep::Back(1)])), Err(BadReference)),
        ("far before", two(vec![Dep::Back(u64::MAX)]), Err(BadReference)),
        ("on the one before", two(vec![Dep::Back(1)]), Ok(2)),
        ("as many dependencies as may be", two(vec![Dep::Hash; limits::MAX_DEPS]), Ok(2)),
        ("one more", two(vec![Dep::Back(1); limits::MAX_DEPS + 1]), Err(BadReference)),
        ("a clock too many", Raw::with(|r| r.clocks.push((0, 0, 0, 0, 0))), Err(BadReference)),
        ("a change too many", Raw::with(|r| r.rows.push(row(vec![]))), Err(BadReference)),
        ("before the boot", Raw::with(|r| r.clocks[0].1 = -1), Err(BadClock)),
        (
            "the wall clock goes back to where the other cannot",
            Raw::with(|r| r.clocks[0].0 = i64::MIN),
            Err(BadClock),
        ),
        ("wall clocks wrap", Raw::with(|r| (r.clocks[0].0, r.clocks[0].1) = (i64::MIN, i64::MIN)), Ok(1)),
        ("the longest chunk", Raw::with(|r| r.rows[0].3 = vec![0; (2 << 20) - 30]), Ok(1)),
        ("a chunk too long", Raw::with(|r| r.rows[0].3 = vec![0; 2 << 20]), Err(BadChange)),
        ("the last sequence number", Raw::with(|r| r.first_seq = u64::MAX), Ok(1)),
        (
            "beyond it",
            Raw::with(|r| {
                times(2)(r);
                r.first_seq = u64::MAX;
            }),
            Err(BadReference),
        ),
        ("as many as may be", Raw::with(times(limits::MAX_PUSH_ENTRIES)), Ok(limits::MAX_PUSH_ENTRIES)),
        ("one more", Raw::with(times(limits::MAX_PUSH_ENTRIES + 1)), Err(TooMany)),
    ];
    for (what, raw, wanted) in cases {
        assert_eq!(raw.unpack(), wanted, "{what}");
    }
}

#[test]
fn a_page_has_a_longest_form_too() {
    for (rows, wanted) in [
        (limits::MAX_PULL_ITEMS, Ok(limits::MAX_PULL_ITEMS)),
        (limits::MAX_PULL_ITEMS + 1, Err(BatchError::TooMany)),
    ] {
        let raw = Raw::with(|r| r.rows = vec![(0, 0, Vec::new(), Vec::new()); rows]);
        let changes: Changes = minicbor::decode(&raw.changes()).unwrap();
        assert_eq!(changes.expand().map(|c| c.len()), wanted);
    }
}

/// Lengths are believed only as far as there are bytes.
#[test]
fn claimed_lengths_reserve_nothing() {
    let huge = [0xff; 8];
    let list = [&[0x9b][..], &huge].concat();
    let bytes = [&[0x5b][..], &huge].concat();
    let map = [&[0xbb][..], &huge].concat();
    let text = [&[0x7b][..], &huge].concat();
    for head in [&list, &bytes, &map, &text] {
        offer(head);
        for sample in samples() {
            for at in 0..sample.len().min(400) {
                offer(&[&sample[..at], head, &sample[at..]].concat());
            }
        }
    }
    // A million levels of an unknown key's value are skipped without recursion.
    for (open, close) in [(0x81_u8, None), (0x9f, Some(0xff))] {
        let mut deep = vec![0xa1, 0x18, 99];
        deep.extend(std::iter::repeat_n(open, 1 << 20));
        deep.push(0x01);
        deep.extend(close.map_or(Vec::new(), |c: u8| vec![c; 1 << 20]));
        offer(&deep);
    }
}

#[test]
fn ids_have_exact_lengths() {
    for len in [0, 15, 17, 31, 33] {
        let mut e = Encoder::new(Vec::new());
        e.array(6).unwrap().u64(1).unwrap().encode(ByteVec::from(vec![0; len])).unwrap();
        let rest = minicbor::to_vec(sample::batch()).unwrap();
        let bytes = [e.into_writer(), rest[36..].to_vec()].concat();
        assert!(minicbor::decode::<EntryBatch>(&bytes).is_err(), "{len}");
    }
    assert_eq!(Hash::from_slice(&[0; 32]), Ok(Hash([0; 32])));
}
