//! Keys and signatures on the wire: `[algorithm number, byte string]`.
//!
//! Invariant: one value has one encoding, since entries and receipts that contain keys are hashed.
//! Rejected: derived codecs, which would build a key without [`PublicKey::new`] and read a number
//! in any of its CBOR lengths.

use minicbor::encode::Write;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use super::{Algorithm, KeyError, PublicKey, Signature};

fn encode_pair<W: Write>(
    e: &mut Encoder<W>,
    algorithm: Algorithm,
    bytes: &[u8],
) -> Result<(), encode::Error<W::Error>> {
    e.array(2)?.u8(algorithm.id())?.bytes(bytes)?.ok()
}

/// Reads `[alg, bstr]` and borrows the string; `build` limits its length before anything is copied.
/// Only the shortest CBOR form is taken, so equal values are equal bytes in whatever is hashed.
fn decode_pair<'b, T>(
    d: &mut Decoder<'b>,
    build: impl FnOnce(Algorithm, &'b [u8]) -> Result<T, KeyError>,
) -> Result<T, decode::Error> {
    let start = d.position();
    if d.array()? != Some(2) {
        return Err(decode::Error::message("not an [alg, bstr] pair").at(start));
    }
    let id = d.u8()?;
    let bytes = d.bytes()?;
    let value = Algorithm::from_id(id)
        .and_then(|algorithm| build(algorithm, bytes))
        .map_err(|error| decode::Error::custom(error).at(start))?;
    // Array head 1, number 1, string head 2: the accepted lengths lie between 24 and 255.
    if d.position().checked_sub(start) != bytes.len().checked_add(4) {
        return Err(decode::Error::message("not the shortest form").at(start));
    }
    Ok(value)
}

impl<C> Encode<C> for PublicKey {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        encode_pair(e, self.algorithm, &self.bytes)
    }
}

impl<'b, C> Decode<'b, C> for PublicKey {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        decode_pair(d, Self::new)
    }
}

impl<C> Encode<C> for Signature {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        encode_pair(e, self.algorithm, &self.bytes)
    }
}

impl<'b, C> Decode<'b, C> for Signature {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        decode_pair(d, Self::new)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

    use super::super::{DeviceSigner as _, SoftSigner};
    use super::*;

    fn soft(algorithm: Algorithm, fill: u8) -> SoftSigner {
        SoftSigner::new(algorithm, &[fill; 32]).unwrap()
    }

    #[test]
    fn cbor_takes_the_one_shortest_form_of_a_known_length() {
        for algorithm in [Algorithm::Es256, Algorithm::Ed25519] {
            let key = soft(algorithm, 9).public_key();
            let len = u8::try_from(key.bytes().len()).unwrap();
            let wire = minicbor::to_vec(&key).unwrap();
            assert_eq!(wire, [&[0x82, algorithm.id(), 0x58, len], key.bytes()].concat());
            assert_eq!(minicbor::decode::<PublicKey>(&wire).unwrap(), key);
            let refused = [
                ("unknown algorithm", [&[0x82, 3, 0x58, len], key.bytes()].concat()),
                ("long number", [&[0x82, 0x18, algorithm.id(), 0x58, len], key.bytes()].concat()),
                ("long length", [&[0x82, algorithm.id(), 0x59, 0, len], key.bytes()].concat()),
                ("three elements", [&[0x83, algorithm.id(), 0x58, len], key.bytes(), &[0]].concat()),
                ("indefinite", [&[0x9f, algorithm.id(), 0x58, len], key.bytes(), &[0xff]].concat()),
                ("short", [&[0x82, algorithm.id(), 0x58, len - 1], &key.bytes()[1..]].concat()),
                (
                    "huge claimed length",
                    vec![0x82, algorithm.id(), 0x5b, 0x7f, 255, 255, 255, 255, 255, 255, 255],
                ),
            ];
            for (what, wire) in refused {
                assert!(minicbor::decode::<PublicKey>(&wire).is_err(), "{what}");
            }
            let signature = soft(algorithm, 9).sign(b"m").unwrap();
            let wire = minicbor::to_vec(&signature).unwrap();
            assert_eq!(minicbor::decode::<Signature>(&wire).unwrap(), signature);
            let long = [&[0x82, algorithm.id(), 0x58, 65], signature.bytes(), &[0]].concat();
            assert!(minicbor::decode::<Signature>(&long).is_err());
        }
    }
}
