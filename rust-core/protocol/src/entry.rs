//! The entry: one act of one device, hash-chained.
//!
//! Invariant: `hash(entry) = SHA-256("lanewalk/v1/entry\0" ‖ header)`, the header names the
//! previous entry's hash and the hash of its change, so a signature over the last hash covers
//! every entry before it. Who wrote and the hybrid clock are inside the change (its message and
//! time) and therefore covered too. Rejected: a signature per entry (0.8 ms each in a key chip,
//! and no proof that nothing between two entries was dropped).

use lanewalk_model::{
    clock_trust::Anchor,
    id::{DeviceId, DocId, Hash},
    time::TimeMs,
};
use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};

/// The latest headquarters time a device had seen, as it stands in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct AnchorRef {
    /// HQ time of the beacon, UTC ms.
    #[n(0)]
    pub hq_time: i64,
    /// The device's monotonic clock when the beacon arrived, ms, same boot.
    #[n(1)]
    pub mono_at: u64,
    /// The beacon's tag, which only headquarters can make.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub tag: [u8; 16],
}

impl AnchorRef {
    /// Returns the anchor in the model's terms.
    pub fn anchor(&self) -> Anchor {
        Anchor { hq_time: TimeMs(self.hq_time), mono_at_ms: self.mono_at }
    }
}

/// What is hashed: everything about an act but its content.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Header {
    /// Entry format, 1.
    #[n(0)]
    pub format: u8,
    /// The device.
    #[cbor(n(1), with = "crate::cbor::id")]
    pub device: DeviceId,
    /// Position in the device's chain, from 1, no gaps.
    #[n(2)]
    pub seq: u64,
    /// Hash of the entry before; zero for the first.
    #[cbor(n(3), with = "crate::cbor::id")]
    pub prev: Hash,
    /// The document changed.
    #[cbor(n(4), with = "crate::cbor::id")]
    pub doc: DocId,
    /// The order version the author saw; 0 where there is none.
    #[n(5)]
    pub base_version: u64,
    /// The phone's wall clock, UTC ms: a claim.
    #[n(6)]
    pub wall_ms: i64,
    /// The phone's monotonic clock, ms since boot.
    #[n(7)]
    pub mono_ms: u64,
    /// Names the boot, so that monotonic times can be compared.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub boot: [u8; 8],
    /// Latest HQ time seen in this boot.
    #[n(9)]
    pub anchor: Option<AnchorRef>,
    /// Hash of the automerge change.
    #[cbor(n(10), with = "crate::cbor::id")]
    pub change: Hash,
}

/// Version of the entry format.
pub const ENTRY_FORMAT: u8 = 1;

impl Header {
    /// Encodes the header as it is hashed.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Writing to a Vec cannot fail.
        minicbor::to_vec(self).unwrap_or_default()
    }

    /// Decodes a header; it must encode back to the same bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EntryError> {
        let header: Self = minicbor::decode(bytes).map_err(|_| EntryError::Malformed)?;
        if header.to_bytes() == bytes { Ok(header) } else { Err(EntryError::Malformed) }
    }

    /// Computes the entry's hash.
    pub fn hash(&self) -> Hash {
        hash_header(&self.to_bytes())
    }
}

/// Computes an entry's hash from its header bytes.
pub fn hash_header(header: &[u8]) -> Hash {
    let mut h = Sha256::new();
    h.update(b"lanewalk/v1/entry\0");
    h.update(header);
    Hash(h.finalize().into())
}

/// An act: header and automerge change (one uncompressed chunk).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Header.
    pub header: Header,
    /// The change.
    pub change: Vec<u8>,
}

/// What is wrong with an entry on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Not the canonical encoding.
    #[error("malformed entry")]
    Malformed,
}

/// The bytes a device signs: whose chain, how long, and its last hash.
pub fn chain_message(device: DeviceId, seq: u64, head: Hash) -> Vec<u8> {
    let mut out = Vec::with_capacity(56);
    out.extend(device.0);
    out.extend(seq.to_be_bytes());
    out.extend(head.0);
    out
}
