//! What is packed comes out again byte for byte, whatever a phone went through.

use crate::support::{DEVICE, Phone, START, doc, hq_change};
use lanewalk_model::{
    chunk::read_change,
    document::{Document, Edit},
    id::{ActorId, DocId, Hash},
    schema::DocKind,
};
use lanewalk_protocol::{
    batch::{Changes, ChangesWriter, EntryBatch},
    entry::{AnchorRef, Entry},
    frame, limits,
};
use proptest::prelude::*;
use std::collections::HashMap;

/// What happens to a phone.
#[derive(Debug, Clone)]
enum Event {
    Write {
        doc: u64,
        text: String,
        keys: u8,
    },
    /// Headquarters writes without having seen the phone's latest, and the phone gets it.
    Pull {
        doc: u64,
        text: String,
    },
    /// Headquarters gets everything of a document.
    Sent {
        doc: u64,
    },
    Restart(u8),
    Reboot(u8),
    Beacon {
        ahead: i64,
        tag: u8,
    },
    Clock(i64),
    Wait(u32),
    Version(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..4_u64, "\\PC{0,30}", 1..4_u8).prop_map(|(doc, text, keys)| Event::Write { doc, text, keys }),
        2 => (0..4_u64, "[a-z]{1,9}").prop_map(|(doc, text)| Event::Pull { doc, text }),
        1 => (0..4_u64).prop_map(|doc| Event::Sent { doc }),
        1 => (1..5_u8).prop_map(Event::Restart),
        1 => (1..5_u8).prop_map(Event::Reboot),
        1 => (any::<i64>(), any::<u8>()).prop_map(|(ahead, tag)| Event::Beacon { ahead, tag }),
        1 => prop_oneof![any::<i64>(), -4_000_000_000..4_000_000_000_i64].prop_map(Event::Clock),
        2 => any::<u32>().prop_map(Event::Wait),
        1 => any::<u64>().prop_map(Event::Version),
    ]
}

struct Town {
    phone: Phone,
    hq: HashMap<DocId, Document>,
    entries: Vec<Entry>,
    /// Every change of both sides, each after what it depends on.
    changes: Vec<(DocId, Vec<u8>)>,
}

fn live(events: &[Event]) -> Town {
    let mut town = Town { phone: Phone::new(), hq: HashMap::new(), entries: Vec::new(), changes: Vec::new() };
    for (i, event) in events.iter().enumerate() {
        town.happen(i, event);
    }
    town
}

impl Town {
    fn happen(&mut self, i: usize, event: &Event) {
        let phone = &mut self.phone;
        match event {
            Event::Write { doc: n, text, keys } => {
                let id = doc(DocKind::Visit, *n);
                let edits: Vec<_> = (0..*keys)
                    .map(|k| Edit::set(format!("caption/{k}"), format!("{text} {i} {k}")))
                    .collect();
                let entry = phone.write(id, &edits).unwrap();
                self.changes.push((id, entry.change.clone()));
                self.entries.push(entry);
            }
            Event::Pull { doc: n, text } => {
                let id = doc(DocKind::Visit, *n);
                let hq = self.hq.entry(id).or_insert_with(|| Document::new(id.kind));
                let edit = Edit::set("caption/0", format!("{text} {i}"));
                let change = hq_change(hq, 0xee, START + i as i64, &[edit]);
                let own = phone.docs.entry(id).or_insert_with(|| Document::new(id.kind));
                own.apply([change.as_slice()]).unwrap();
                self.changes.push((id, change));
            }
            Event::Sent { doc: n } => {
                let id = doc(DocKind::Visit, *n);
                let hq = self.hq.entry(id).or_insert_with(|| Document::new(id.kind));
                let of_it = self.changes.iter().filter(|(of, _)| *of == id);
                hq.apply(of_it.map(|(_, change)| change.as_slice())).unwrap();
            }
            Event::Restart(n) => {
                // Never an actor twice.
                let mut actor = [*n; 16];
                actor[8..].copy_from_slice(&(i as u64).to_be_bytes());
                phone.actor = ActorId(actor);
            }
            Event::Reboot(n) => {
                (phone.boot, phone.mono, phone.anchor) = ([*n; 8], u64::from(*n), None);
            }
            Event::Beacon { ahead, tag } => {
                phone.anchor = Some(AnchorRef { hq_time: *ahead, mono_at: phone.mono, tag: [*tag; 16] });
            }
            Event::Clock(wall) => phone.wall = *wall,
            Event::Wait(ms) => {
                phone.wall = phone.wall.saturating_add(i64::from(*ms));
                phone.mono += u64::from(*ms);
            }
            Event::Version(version) => phone.base_version = *version,
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|w| w == part)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_run_of_any_chain(events in prop::collection::vec(event(), 1..70), from in any::<prop::sample::Index>()) {
        let town = live(&events);
        prop_assume!(!town.entries.is_empty());
        let from = from.index(town.entries.len());
        for run in [&town.entries[..], &town.entries[from..]] {
            let batch = EntryBatch::pack(run).unwrap().unwrap();
            prop_assert_eq!(batch.len(), run.len());
            let body = frame::encode(&batch);
            let read: EntryBatch = frame::decode(&body, limits::MAX_REQUEST_DECODED).unwrap();
            prop_assert_eq!(&read, &batch);
            let mut prev = run[0].header.prev;
            let out = read.unpack(DEVICE).unwrap();
            prop_assert_eq!(out.len(), run.len());
            for ((entry, hash), wanted) in out.iter().zip(run) {
                prop_assert_eq!(entry, wanted);
                prop_assert_eq!(*hash, wanted.header.hash());
                prop_assert_eq!(entry.header.prev, prev);
                let facts = read_change(&entry.change, &limits::DEVICE_CHANGE).unwrap();
                prop_assert_eq!(facts.hash, entry.header.change.0);
                prev = *hash;
            }
        }
    }

    #[test]
    fn any_changes_of_many_documents_and_actors(events in prop::collection::vec(event(), 0..70)) {
        let town = live(&events);
        let mut writer = ChangesWriter::default();
        for (id, change) in &town.changes {
            writer.push(*id, change).unwrap();
        }
        prop_assert_eq!((writer.len(), writer.is_empty()), (town.changes.len(), town.changes.is_empty()));
        let changes = writer.finish();
        let plain = minicbor::to_vec(&changes).unwrap();
        let read: Changes = minicbor::decode(&plain).unwrap();
        prop_assert_eq!(&read, &changes);
        let out = read.expand().unwrap();
        let again: Vec<_> = out.iter().map(|(id, bytes, _)| (*id, bytes.clone())).collect();
        prop_assert_eq!(&again, &town.changes);
        for (_, bytes, hash) in &out {
            let facts = read_change(bytes, &limits::HQ_CHANGE).unwrap();
            prop_assert_eq!(facts.hash, hash.0);
            // Everything is in the batch, so no dependency travels as a hash.
            for dep in &facts.deps {
                prop_assert!(!contains(&plain, dep));
            }
        }
    }
}

/// The proptests above would not notice a batch that sends everything as it is.
#[test]
fn what_the_receiver_can_work_out_is_left_out() {
    let (a, b) = (doc(DocKind::Visit, 0), doc(DocKind::Visit, 1));
    let write = |doc, text: &str| Event::Write { doc, text: text.into(), keys: 2 };
    let town = live(&[
        write(0, "one"),
        write(1, "two"),
        Event::Pull { doc: 0, text: "hq".into() },
        Event::Restart(3),
        // A merge: on top of the phone's first entry and of headquarters' change.
        write(0, "three"),
        write(1, "four"),
    ]);
    let deps = |e: &Entry| read_change(&e.change, &limits::DEVICE_CHANGE).unwrap().deps;
    let merge = deps(&town.entries[2]);
    assert_eq!((town.entries.len(), merge.len()), (4, 2));
    let plain = minicbor::to_vec(EntryBatch::pack(&town.entries).unwrap().unwrap()).unwrap();
    let foreign = Hash(read_change(&town.changes[2].1, &limits::HQ_CHANGE).unwrap().hash);
    assert!(merge.contains(&foreign.0) && contains(&plain, &foreign.0));
    for entry in &town.entries {
        assert!(!contains(&plain, &entry.header.device.0));
        assert!(!contains(&plain, &entry.header.hash().0));
        assert!(!contains(&plain, &entry.header.change.0));
        assert!(!contains(&plain, &[0x85, 0x6f, 0x4a, 0x83]));
    }
    let count = |part: &[u8]| plain.windows(part.len()).filter(|w| *w == part).count();
    for once in [&a.to_bytes()[..], &b.to_bytes(), &[0xb0; 8]] {
        assert_eq!(count(once), 1);
    }
    // Once in the table, and in each change of the new actor that replaces a value of the old one.
    assert_eq!(count(&[0xa1; 16]), 3);
}

#[test]
fn nothing_packs_to_nothing_and_bad_changes_are_refused() {
    assert_eq!(EntryBatch::pack(&[]), Ok(None));
    let town = live(&[Event::Write { doc: 0, text: "x".into(), keys: 1 }]);
    let mut writer = ChangesWriter::default();
    let mut bent = town.changes[0].1.clone();
    bent[20] ^= 1;
    assert!(writer.push(town.changes[0].0, &bent).is_err());
    assert!(writer.is_empty(), "a refused change leaves nothing behind");
    assert_eq!(writer.finish(), Changes::default());
}
