//! Sync requests as they lie on the wire, every number open. The layout is docs/protocol.md's; the
//! protocol crate keeps these fields to itself.

use lanewalk_protocol::{
    entry::AnchorRef,
    keys::Signature,
    sync::{Cursor, SyncRequest},
};
use minicbor::{Decode, Encode, bytes::ByteVec};

/// A push as it lies on the wire, every number open.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(array)]
#[allow(missing_docs, reason = "the fields of Push and EntryBatch")]
pub struct RawPush {
    #[n(0)]
    pub batch: RawBatch,
    #[n(1)]
    pub signature: Signature,
}

#[derive(Debug, Clone, Encode, Decode)]
#[cbor(array)]
#[allow(missing_docs, reason = "the fields of EntryBatch")]
pub struct RawBatch {
    #[n(0)]
    pub first_seq: u64,
    #[n(1)]
    pub prev: ByteVec,
    #[n(2)]
    pub boots: ByteVec,
    #[n(3)]
    pub anchors: Vec<AnchorRef>,
    #[n(4)]
    pub clocks: Vec<RawClock>,
    #[n(5)]
    pub changes: RawChanges,
}

#[derive(Debug, Clone, Encode, Decode)]
#[cbor(array)]
#[allow(missing_docs, reason = "the fields of a clock")]
pub struct RawClock {
    #[n(0)]
    pub wall: i64,
    #[n(1)]
    pub mono: i64,
    #[n(2)]
    pub boot: u32,
    #[n(3)]
    pub anchor: u32,
    #[n(4)]
    pub base_version: u64,
}

#[derive(Debug, Clone, Encode, Decode)]
#[cbor(array)]
#[allow(missing_docs, reason = "the fields of Changes")]
pub struct RawChanges {
    #[n(0)]
    pub docs: Vec<ByteVec>,
    #[n(1)]
    pub actors: ByteVec,
    #[n(2)]
    pub rows: Vec<RawRow>,
}

#[derive(Debug, Clone, Encode, Decode)]
#[cbor(array)]
#[allow(missing_docs, reason = "the fields of a change on the wire")]
pub struct RawRow {
    #[n(0)]
    pub doc: u32,
    #[n(1)]
    pub actor: u32,
    #[n(2)]
    pub deps: Vec<RawDep>,
    #[n(3)]
    pub rest: ByteVec,
}

/// A dependency: steps back in the batch, or a hash.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "said above")]
pub enum RawDep {
    Back(u64),
    Hash(Vec<u8>),
}

impl<C> Encode<C> for RawDep {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match self {
            Self::Back(n) => e.u64(*n)?.ok(),
            Self::Hash(hash) => e.bytes(hash)?.ok(),
        }
    }
}

impl<'b, C> Decode<'b, C> for RawDep {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        match d.datatype()? {
            minicbor::data::Type::Bytes => Ok(Self::Hash(d.bytes()?.to_vec())),
            _ => d.u64().map(Self::Back),
        }
    }
}

/// A sync request with its push open.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
#[allow(missing_docs, reason = "the fields of SyncRequest")]
pub struct RawRequest {
    #[n(0)]
    pub version: u16,
    #[n(1)]
    pub hq_epoch: u64,
    #[n(2)]
    pub cursor: Cursor,
    #[n(3)]
    pub push: Option<RawPush>,
    #[n(4)]
    pub page_bytes: u32,
    #[n(5)]
    pub want: Vec<ByteVec>,
    #[n(6)]
    pub last_seq: u64,
    #[n(7)]
    pub lease_version: u64,
}

impl RawRequest {
    /// Opens an honest body.
    pub fn of(body: &SyncRequest) -> Self {
        minicbor::decode(&minicbor::to_vec(body).unwrap()).unwrap()
    }

    /// Returns the open batch.
    pub fn batch(&mut self) -> &mut RawBatch {
        &mut self.push.as_mut().unwrap().batch
    }
}
