//! The one request of a phone's day: push the outbox, pull everything since the cursor.
//!
//! Invariant: a request repeated any number of times has one effect, and a lost response costs
//! only the repeat: pushes are known by entry hash, and what was pulled counts only when the
//! phone names the page's token in its next cursor. Rejected: a handshake per document, which
//! costs 155 B up and 175 B down for each unchanged one.

use crate::{
    batch::{Changes, EntryBatch},
    keys::Signature,
    receipt::{Beacon, Lease, Receipt, Refused},
    tlog::Checkpoint,
};
use lanewalk_model::id::{DocId, Hash};
use minicbor::{Decode, Encode};

/// How far a phone has everything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Cursor {
    /// Last log index whose effects the phone holds.
    #[n(0)]
    pub index: u64,
    /// Names the page last applied; 0 before the first.
    #[n(1)]
    pub token: u64,
}

/// A phone's run of entries with the signature over its end.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Push {
    /// The entries.
    #[n(0)]
    pub batch: EntryBatch,
    /// Signature over [`crate::entry::chain_message`] of the last entry.
    #[n(1)]
    pub signature: Signature,
}

/// `POST /v1/sync`, body.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SyncRequest {
    /// Protocol version.
    #[n(0)]
    pub version: u16,
    /// The life of headquarters' database this phone knows; 0 before the first answer.
    #[n(1)]
    pub hq_epoch: u64,
    /// Where to go on.
    #[n(2)]
    pub cursor: Cursor,
    /// New entries.
    #[n(3)]
    pub push: Option<Push>,
    /// Uncompressed bytes wanted in the answer, about.
    #[n(4)]
    pub page_bytes: u32,
    /// Documents to send whole, because something of them did not apply.
    #[cbor(n(5), with = "crate::cbor::ids")]
    pub want: Vec<DocId>,
    /// Last sequence number written on the phone (F28: unsent work of a lost phone is known).
    #[n(6)]
    pub last_seq: u64,
    /// Version of the lease held.
    #[n(7)]
    pub lease_version: u64,
    /// The newest tree head this phone holds, so that the answer can be proven from it.
    #[n(8)]
    pub held: Option<HeldHead>,
    /// Two checkpoints of headquarters that exclude each other, until an answer came (F46).
    #[n(9)]
    pub contradiction: Option<Contradiction>,
    /// What was saved of this phone's damaged store, until an answer came (F7).
    #[n(10)]
    pub salvage: Option<Salvage>,
}

/// What a phone could save of a damaged store. It counts what the phone itself knew then: answers
/// that were lost on their way may make it look worse than it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Salvage {
    /// Which one it is on this phone; the damaged files lie in a folder of this number there.
    #[n(0)]
    pub number: u32,
    /// False when nothing of the store could be read: this device was enrolled after it, another one
    /// wrote what is lost.
    #[n(1)]
    pub identity: bool,
    /// Entries that were saved.
    #[n(2)]
    pub entries: u64,
    /// Of these, entries without a receipt.
    #[n(3)]
    pub unsent: u64,
    /// Of those, entries behind a missing one: the chain breaks before them, so they leave the phone
    /// under another device or as an export.
    #[n(4)]
    pub export_only: u64,
    /// Entries that could not be read and that headquarters may lack too.
    #[n(5)]
    pub missing: u64,
    /// Photos that were saved.
    #[n(6)]
    pub photos: u64,
}

/// The tree head a phone stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct HeldHead {
    /// Leaves.
    #[n(0)]
    pub size: u64,
    /// Root over them.
    #[cbor(n(1), with = "crate::cbor::id")]
    pub root: Hash,
    /// Of which life of headquarters' database.
    #[n(2)]
    pub hq_epoch: u64,
}

/// What shows that headquarters' log was rewritten: both are signed by headquarters itself.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Contradiction {
    /// What the phone held.
    #[n(0)]
    pub held: Checkpoint,
    /// What it was given later.
    #[n(1)]
    pub seen: Checkpoint,
}

/// The newest checkpoint with what leads to it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct CheckpointUpdate {
    /// The checkpoint.
    #[n(0)]
    pub checkpoint: Checkpoint,
    /// That the tree the phone holds is its beginning (RFC 6962 §2.1.2); empty when the phone holds
    /// none, the same, or one whose end was lost with a restore.
    #[cbor(n(1), with = "crate::cbor::ids")]
    pub consistency: Vec<Hash>,
}

/// A whole document.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Snapshot {
    /// Which.
    #[cbor(n(0), with = "crate::cbor::id")]
    pub doc: DocId,
    /// automerge document, saved without its own compression.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub saved: Vec<u8>,
}

/// A fingerprint of what a phone should hold, to find divergence no cursor shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ScopeDigest {
    /// Number of documents.
    #[n(0)]
    pub docs: u64,
    /// XOR of SHA-256(document id ‖ heads) over the documents.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub xor: [u8; 32],
}

impl ScopeDigest {
    /// Computes one document's share.
    pub fn share(doc: DocId, heads: &[Hash]) -> [u8; 32] {
        use sha2::Digest as _;
        let mut h = sha2::Sha256::new();
        h.update(doc.to_bytes());
        for head in heads {
            h.update(head.0);
        }
        h.finalize().into()
    }

    /// Adds (or takes away again) a document's share.
    pub fn toggle(&mut self, share: &[u8; 32]) {
        for (a, b) in self.xor.iter_mut().zip(share) {
            *a ^= b;
        }
    }
}

/// The answer to a [`SyncRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SyncResponse {
    /// Protocol version.
    #[n(0)]
    pub version: u16,
    /// Which life of headquarters' database this is.
    #[n(1)]
    pub hq_epoch: u64,
    /// HQ time.
    #[n(2)]
    pub beacon: Beacon,
    /// Last sequence number of this device that headquarters holds.
    #[n(3)]
    pub known_seq: u64,
    /// Receipts for what was pushed.
    #[n(4)]
    pub receipts: Vec<Receipt>,
    /// Entries kept outside the documents, with reasons.
    #[n(5)]
    pub refused: Vec<Refused>,
    /// Whole documents.
    #[n(6)]
    pub snapshots: Vec<Snapshot>,
    /// Changes of documents the phone has.
    #[n(7)]
    pub changes: Changes,
    /// Documents that left the device's scope.
    #[cbor(n(8), with = "crate::cbor::ids")]
    pub left: Vec<DocId>,
    /// Where to go on.
    #[n(9)]
    pub cursor: Cursor,
    /// True when more is waiting.
    #[n(10)]
    pub more: bool,
    /// Entries up to this sequence number are in a verified backup and may leave the phone.
    #[n(11)]
    pub durable_seq: u64,
    /// The lease, when it changed or nears its end.
    #[n(12)]
    pub lease: Option<Lease>,
    /// What the phone should hold after this page; only when nothing more is waiting.
    #[n(13)]
    pub digest: Option<ScopeDigest>,
    /// Files with a receipt index up to this are in a verified backup; `None` from a version
    /// before uploads, which holds no files.
    #[n(14)]
    pub durable_files: Option<u64>,
    /// The newest checkpoint, unless the phone named its root in the request.
    #[n(15)]
    pub checkpoint: Option<CheckpointUpdate>,
}
