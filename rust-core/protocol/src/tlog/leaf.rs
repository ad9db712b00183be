//! One line of headquarters' log as the tree holds it.
//!
//! Invariant: a leaf holds hashes, numbers, times and codes, and no word that a person wrote, so
//! nothing has to leave the tree when something is erased elsewhere. It names the key that signed
//! the chain, so the list of devices cannot be exchanged afterwards, and the verdict, so a line
//! cannot be taken out of the documents later. The hash of an entry is *not* a salted one: whoever
//! has the header and everything around it could try short texts against it. Therefore nothing that
//! may have to be erased stands in an entry; what came in from outside is committed to with a salt
//! that is erased with it ([`commitment`](crate::commitment)). Rejected: a salt in each entry, 16
//! bytes a line on every phone for content that the law keeps anyway.

use crate::tlog::merkle::leaf_hash;
use lanewalk_model::id::{DeviceId, Hash};
use minicbor::{Decode, Encode};

/// Version of the leaf format.
pub const LEAF_FORMAT: u8 = 1;

/// A line of the log: leaf `index − 1` of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Leaf {
    /// Leaf format, 1.
    #[n(0)]
    pub format: u8,
    /// Log index, from 1, no gaps.
    #[n(1)]
    pub index: u64,
    /// Hash of the entry.
    #[cbor(n(2), with = "crate::cbor::id")]
    pub entry: Hash,
    /// Whose chain it is in.
    #[cbor(n(3), with = "crate::cbor::id")]
    pub device: DeviceId,
    /// Its position there.
    #[n(4)]
    pub seq: u64,
    /// Fingerprint of the key that signs the chain.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub key: [u8; 32],
    /// HQ time of the commit, UTC ms.
    #[n(6)]
    pub hq_time: i64,
    /// When it counts (DOMAIN.md §5), UTC ms.
    #[n(7)]
    pub effective_at: i64,
    /// Why then: `anchored`, `no_anchor`, `contradicted`, or `hq`.
    #[n(8)]
    pub trust: String,
    /// Code of the reason when it is kept outside the documents.
    #[n(9)]
    pub refused: Option<String>,
}

impl Leaf {
    /// Encodes the leaf as it is hashed.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Writing to a Vec cannot fail.
        minicbor::to_vec(self).unwrap_or_default()
    }

    /// Computes the leaf's hash.
    pub fn hash(&self) -> Hash {
        leaf_hash(&self.to_bytes())
    }
}
