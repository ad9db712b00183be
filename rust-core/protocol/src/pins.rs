//! The keys by which a phone knows headquarters' TLS.
//!
//! Invariant: a pin is the SHA-256 of a SubjectPublicKeyInfo, so a certificate may be renewed without
//! any phone noticing; beside the key in use there is the next one, so that a key can be changed
//! without losing a phone. Rejected: pinning the private CA, whose key would have to lie beside the
//! server for every renewal and whose certificates a phone with a wrong clock refuses.

use lanewalk_model::id::Hash;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use sha2::{Digest as _, Sha256};

/// Pins in one set: the key in use, the next one, and room.
pub const MAX_PINS: usize = 4;

/// The keys that count; empty: headquarters ends no TLS itself. On the wire one byte string, 32
/// bytes each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins(Vec<Hash>);

impl Pins {
    /// Makes a set out of SubjectPublicKeyInfos (DER), the one in use first; at most [`MAX_PINS`].
    pub fn of_keys<'a>(keys: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self(keys.into_iter().take(MAX_PINS).map(|key| Hash(Sha256::digest(key).into())).collect())
    }

    /// Says whether a server's SubjectPublicKeyInfo (DER) is one of these.
    pub fn hold(&self, key: &[u8]) -> bool {
        self.0.contains(&Hash(Sha256::digest(key).into()))
    }

    /// Says whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the hashes.
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }

    /// Reads the concatenated hashes; `None` for a length that is none of theirs.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let whole = bytes.len().is_multiple_of(32) && bytes.len() <= MAX_PINS * 32;
        whole.then(|| Self(bytes.chunks_exact(32).filter_map(|c| Hash::from_slice(c).ok()).collect()))
    }

    /// Returns the concatenated hashes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|h| h.0).collect()
    }
}

impl<C> Encode<C> for Pins {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.bytes(&self.to_bytes())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Pins {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        Self::from_bytes(d.bytes()?).ok_or_else(|| decode::Error::message("pins").at(at))
    }
}
