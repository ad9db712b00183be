//! A phone that writes entries, with every clock and random number given by the test.

use lanewalk_model::{
    document::{Document, Edit, Stamp},
    id::{ActorId, DeviceId, DocId, Hash, uuid_v7},
    schema::DocKind,
    time::{Hlc, TimeMs},
};
use lanewalk_protocol::{
    batch::chunk_hash,
    entry::{AnchorRef, ENTRY_FORMAT, Entry, Header},
};
use std::collections::HashMap;

/// 2026-10-08 09:00 in China.
pub(crate) const START: i64 = 1_791_421_200_000;
pub(crate) const DEVICE: DeviceId = DeviceId([0xd1; 16]);

pub(crate) struct Phone {
    pub(crate) docs: HashMap<DocId, Document>,
    pub(crate) actor: ActorId,
    pub(crate) wall: i64,
    pub(crate) mono: u64,
    pub(crate) boot: [u8; 8],
    pub(crate) anchor: Option<AnchorRef>,
    pub(crate) base_version: u64,
    hlc: Hlc,
    seq: u64,
    prev: Hash,
}

impl Phone {
    pub(crate) fn new() -> Self {
        Self {
            docs: HashMap::new(),
            actor: ActorId([0xa1; 16]),
            wall: START,
            mono: 600_000,
            boot: [0xb0; 8],
            anchor: None,
            base_version: 0,
            hlc: Hlc::default(),
            seq: 0,
            prev: Hash([0; 32]),
        }
    }

    /// Writes one entry; `None` if the edits change nothing.
    pub(crate) fn write(&mut self, id: DocId, edits: &[Edit]) -> Option<Entry> {
        self.hlc = self.hlc.tick(TimeMs(self.wall), None);
        let stamp = Stamp { actor: self.actor, worker: "w-07".into(), hlc: self.hlc };
        let doc = self.docs.entry(id).or_insert_with(|| Document::new(id.kind));
        let change = doc.edit(&stamp, edits).unwrap()?;
        self.seq += 1;
        let header = Header {
            format: ENTRY_FORMAT,
            device: DEVICE,
            seq: self.seq,
            prev: self.prev,
            doc: id,
            base_version: self.base_version,
            wall_ms: self.wall,
            mono_ms: self.mono,
            boot: self.boot,
            anchor: self.anchor,
            change: Hash(chunk_hash(&change)),
        };
        self.prev = header.hash();
        Some(Entry { header, change })
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, ms: u64) {
        self.wall += i64::try_from(ms).unwrap();
        self.mono += ms;
    }
}

pub(crate) fn doc(kind: DocKind, n: u64) -> DocId {
    let mut random = [7; 10];
    // Spread like real random numbers, so that nothing compresses that would not.
    random[2..].copy_from_slice(&(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    random[..2].copy_from_slice(&(n as u16).wrapping_mul(40_503).to_be_bytes());
    DocId { kind, uuid: uuid_v7(START - 86_400_000 + n as i64 * 61_003, random) }
}

/// A change headquarters makes to a document.
pub(crate) fn hq_change(doc: &mut Document, actor: u8, at: i64, edits: &[Edit]) -> Vec<u8> {
    let stamp = Stamp { actor: ActorId([actor; 16]), worker: "hq".into(), hlc: Hlc::from_wall(TimeMs(at)) };
    doc.edit(&stamp, edits).unwrap().unwrap()
}
