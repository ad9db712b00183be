//! Entries and changes as they travel: what the receiver can work out is left out.
//!
//! Invariant: `decode(encode(x)) == x`, byte for byte, so hashes and signatures hold. Left out:
//! device, sequence number and previous hash (the chain gives them), the change's magic,
//! checksum and length, actor ids and document ids after their first use, and dependencies on a
//! change that came earlier in the same batch. That is about 90 of 150 bytes of an edit that no
//! compressor can shrink. Rejected: sending headers as hashed, under zstd.

use crate::{
    entry::{AnchorRef, ENTRY_FORMAT, Entry, Header},
    limits,
};
use lanewalk_model::{
    chunk,
    id::{DeviceId, DocId, Hash},
};
use minicbor::{Decode, Decoder, Encode, Encoder, data::Type, decode, encode};
use std::collections::HashMap;

/// What is wrong with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// A number points outside its table, or a table is too long.
    #[error("batch refers to something it does not contain")]
    BadReference,
    /// A change cannot be put together.
    #[error("change is not a plain chunk")]
    BadChange,
    /// More entries or changes than one message may have.
    #[error("too many entries")]
    TooMany,
    /// Clock arithmetic out of range.
    #[error("clock out of range")]
    BadClock,
}

/// A dependency: how many changes back in this batch (1 = the one before), or a hash.
///
/// On the wire the CBOR type tells them apart, an unsigned integer or a byte string. Rejected: a
/// derived enum. Inside an `Option`, minicbor takes a variant it does not know for an absent value
/// and reads on in the middle of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Dep {
    Back(u64),
    Hash(Hash),
}

impl<C> Encode<C> for Dep {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        match self {
            Self::Back(n) => e.u64(*n)?.ok(),
            Self::Hash(hash) => crate::cbor::id::encode(hash, e, ctx),
        }
    }
}

impl<'b, C> Decode<'b, C> for Dep {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        match d.datatype()? {
            Type::Bytes => crate::cbor::id::decode(d, ctx).map(Self::Hash),
            _ => d.u64().map(Self::Back),
        }
    }
}

/// One change with document and actor by table index.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct WireChange {
    #[n(0)]
    doc: u32,
    #[n(1)]
    actor: u32,
    #[n(2)]
    deps: Vec<Dep>,
    #[cbor(n(3), with = "minicbor::bytes")]
    rest: Vec<u8>,
}

/// Changes of many documents, in an order in which they can be applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Changes {
    #[cbor(n(0), with = "crate::cbor::ids")]
    docs: Vec<DocId>,
    #[cbor(n(1), with = "minicbor::bytes")]
    actors: Vec<u8>,
    #[n(2)]
    rows: Vec<WireChange>,
}

/// Builds [`Changes`] one by one.
#[derive(Debug, Default)]
pub struct ChangesWriter {
    out: Changes,
    docs: HashMap<DocId, u32>,
    actors: HashMap<[u8; 16], u32>,
    hashes: HashMap<[u8; 32], u64>,
}

impl ChangesWriter {
    /// Adds a change; refuses what is not a plain chunk with a 16-byte actor.
    pub fn push(&mut self, doc: DocId, change: &[u8]) -> Result<(), BatchError> {
        let parts = chunk::split(change).map_err(|_| BatchError::BadChange)?;
        let actor: [u8; 16] = parts.actor.try_into().map_err(|_| BatchError::BadChange)?;
        let at = self.out.rows.len() as u64;
        let row = WireChange {
            doc: *self.docs.entry(doc).or_insert_with(|| {
                self.out.docs.push(doc);
                index(self.out.docs.len())
            }),
            actor: *self.actors.entry(actor).or_insert_with(|| {
                self.out.actors.extend(actor);
                index(self.out.actors.len() / 16)
            }),
            deps: parts
                .deps
                .iter()
                .map(|d| self.hashes.get(d).map_or(Dep::Hash(Hash(*d)), |i| Dep::Back(at - i)))
                .collect(),
            rest: parts.rest.to_vec(),
        };
        self.hashes.insert(chunk_hash(change), at);
        self.out.rows.push(row);
        Ok(())
    }

    /// Returns the number of changes so far.
    pub fn len(&self) -> usize {
        self.out.rows.len()
    }

    /// Says whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.out.rows.is_empty()
    }

    /// Finishes.
    pub fn finish(self) -> Changes {
        self.out
    }
}

/// Table index of the element just pushed.
fn index(len: usize) -> u32 {
    u32::try_from(len.saturating_sub(1)).unwrap_or(u32::MAX)
}

/// Computes a change's hash: SHA-256 over chunk type, length and body.
pub fn chunk_hash(change: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(change.get(8..).unwrap_or_default()).into()
}

impl Changes {
    /// Returns the number of changes.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Puts the changes together again: (document, change bytes, change hash).
    pub fn expand(&self) -> Result<Vec<(DocId, Vec<u8>, Hash)>, BatchError> {
        if self.rows.len() > limits::MAX_PULL_ITEMS {
            return Err(BatchError::TooMany);
        }
        let actors: Vec<&[u8]> = self.actors.chunks_exact(16).collect();
        let mut out: Vec<(DocId, Vec<u8>, Hash)> = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let doc = at(&self.docs, row.doc)?;
            let actor = at(&actors, row.actor)?;
            if row.deps.len() > limits::MAX_DEPS {
                return Err(BatchError::BadReference);
            }
            let deps = row
                .deps
                .iter()
                .map(|d| match d {
                    Dep::Hash(h) => Ok(h.0),
                    Dep::Back(n) => usize::try_from(*n)
                        .ok()
                        .and_then(|n| out.len().checked_sub(n))
                        .and_then(|i| out.get(i))
                        .map(|(_, _, hash)| hash.0)
                        .ok_or(BatchError::BadReference),
                })
                .collect::<Result<Vec<_>, _>>()?;
            let change = chunk::join(&deps, actor, &row.rest).map_err(|_| BatchError::BadChange)?;
            let hash = Hash(chunk_hash(&change));
            out.push((*doc, change, hash));
        }
        Ok(out)
    }
}

fn at<T>(table: &[T], i: u32) -> Result<&T, BatchError> {
    usize::try_from(i).ok().and_then(|i| table.get(i)).ok_or(BatchError::BadReference)
}

/// The clocks of one entry; each number is the difference to the entry before.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct WireClock {
    #[n(0)]
    wall: i64,
    #[n(1)]
    mono: i64,
    #[n(2)]
    boot: u32,
    #[n(3)]
    anchor: u32,
    #[n(4)]
    base_version: u64,
}

/// A run of one device's chain.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct EntryBatch {
    /// Sequence number of the first entry.
    #[n(0)]
    pub first_seq: u64,
    /// Hash of the entry before the first; zero at the start of the chain.
    #[cbor(n(1), with = "crate::cbor::id")]
    pub prev: Hash,
    #[cbor(n(2), with = "minicbor::bytes")]
    boots: Vec<u8>,
    #[n(3)]
    anchors: Vec<AnchorRef>,
    #[n(4)]
    clocks: Vec<WireClock>,
    #[n(5)]
    changes: Changes,
}

impl EntryBatch {
    /// Packs entries that follow each other in one chain; `None` when there are none.
    pub fn pack(entries: &[Entry]) -> Result<Option<Self>, BatchError> {
        let Some(first) = entries.first() else { return Ok(None) };
        let mut batch = Self {
            first_seq: first.header.seq,
            prev: first.header.prev,
            boots: Vec::new(),
            anchors: Vec::new(),
            clocks: Vec::with_capacity(entries.len()),
            changes: Changes::default(),
        };
        let mut changes = ChangesWriter::default();
        let (mut wall, mut mono) = (0_i64, 0_i64);
        for Entry { header, change } in entries {
            let mono_now = i64::try_from(header.mono_ms).map_err(|_| BatchError::BadClock)?;
            let known_boot = batch.boots.chunks_exact(8).position(|b| b == header.boot);
            let boot = known_boot.unwrap_or_else(|| {
                batch.boots.extend(header.boot);
                batch.boots.len() / 8 - 1
            });
            let anchor = header.anchor.map_or(0, |a| {
                let known = batch.anchors.iter().position(|x| *x == a);
                known.unwrap_or_else(|| {
                    batch.anchors.push(a);
                    batch.anchors.len() - 1
                }) + 1
            });
            batch.clocks.push(WireClock {
                wall: header.wall_ms.wrapping_sub(wall),
                // Both clocks mostly run alike: what is left is small.
                mono: mono_now.wrapping_sub(mono).wrapping_sub(header.wall_ms.wrapping_sub(wall)),
                boot: u32::try_from(boot).unwrap_or(u32::MAX),
                anchor: u32::try_from(anchor).unwrap_or(u32::MAX),
                base_version: header.base_version,
            });
            (wall, mono) = (header.wall_ms, mono_now);
            changes.push(header.doc, change)?;
        }
        batch.changes = changes.finish();
        Ok(Some(batch))
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.clocks.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.clocks.is_empty()
    }

    /// Rebuilds the entries exactly as the device hashed them, each with its hash.
    pub fn unpack(&self, device: DeviceId) -> Result<Vec<(Entry, Hash)>, BatchError> {
        if self.clocks.len() > limits::MAX_PUSH_ENTRIES {
            return Err(BatchError::TooMany);
        }
        if self.clocks.len() != self.changes.len() {
            return Err(BatchError::BadReference);
        }
        let boots: Vec<&[u8]> = self.boots.chunks_exact(8).collect();
        let (mut wall, mut mono, mut prev) = (0_i64, 0_i64, self.prev);
        let mut out = Vec::with_capacity(self.clocks.len());
        for ((clock, (doc, change, hash)), i) in self.clocks.iter().zip(self.changes.expand()?).zip(0_u64..) {
            wall = wall.wrapping_add(clock.wall);
            mono = mono.wrapping_add(clock.mono).wrapping_add(clock.wall);
            let anchor = match clock.anchor {
                0 => None,
                n => Some(*at(&self.anchors, n - 1)?),
            };
            let header = Header {
                format: ENTRY_FORMAT,
                device,
                seq: self.first_seq.checked_add(i).ok_or(BatchError::BadReference)?,
                prev,
                doc,
                base_version: clock.base_version,
                wall_ms: wall,
                mono_ms: u64::try_from(mono).map_err(|_| BatchError::BadClock)?,
                boot: at(&boots, clock.boot)?.as_ref().try_into().map_err(|_| BatchError::BadReference)?,
                anchor,
                change: hash,
            };
            prev = header.hash();
            out.push((Entry { header, change }, prev));
        }
        Ok(out)
    }
}
