//! CBOR glue for identifiers of the model: each is a byte string of its exact length.

use lanewalk_model::id::{DeviceId, DocId, Hash};
use minicbor::{Decoder, Encoder, decode, encode};

/// An identifier with a fixed byte form.
pub(crate) trait WireId: Sized {
    fn bytes(&self) -> impl AsRef<[u8]>;
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

impl WireId for DocId {
    fn bytes(&self) -> impl AsRef<[u8]> {
        self.to_bytes()
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::from_slice(bytes).ok()
    }
}
impl WireId for DeviceId {
    fn bytes(&self) -> impl AsRef<[u8]> {
        self.0
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::from_slice(bytes).ok()
    }
}
impl WireId for Hash {
    fn bytes(&self) -> impl AsRef<[u8]> {
        self.0
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::from_slice(bytes).ok()
    }
}

/// `#[cbor(with = "crate::cbor::id")]` for one identifier.
pub(crate) mod id {
    use super::*;

    pub(crate) fn encode<C, T: WireId, W: encode::Write>(
        id: &T,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.bytes(id.bytes().as_ref())?.ok()
    }

    pub(crate) fn decode<'b, C, T: WireId>(d: &mut Decoder<'b>, _: &mut C) -> Result<T, decode::Error> {
        let at = d.position();
        T::from_bytes(d.bytes()?).ok_or_else(|| decode::Error::message("identifier").at(at))
    }
}

/// `#[cbor(with = "crate::cbor::ids")]` for a table of identifiers.
pub(crate) mod ids {
    use super::*;

    pub(crate) fn encode<C, T: WireId, W: encode::Write>(
        ids: &[T],
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.array(ids.len() as u64)?;
        ids.iter().try_for_each(|x| id::encode(x, e, ctx))
    }

    pub(crate) fn decode<'b, C, T: WireId>(
        d: &mut Decoder<'b>,
        ctx: &mut C,
    ) -> Result<Vec<T>, decode::Error> {
        let len = d.array()?.ok_or_else(|| decode::Error::message("indefinite array"))?;
        (0..len).map(|_| id::decode(d, ctx)).collect()
    }
}
