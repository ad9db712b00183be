//! Device keys and signatures: what a phone's key chip signs and headquarters checks.
//!
//! Invariant: a [`PublicKey`] or [`Signature`] that exists is well formed (known algorithm, exact
//! length, a point of the curve in its one accepted encoding), so code behind the constructor
//! compares bytes and never parses again. Every signature names its algorithm, and every signature
//! that is not an HTTP request signature starts with the tag of its [`Domain`].
//!
//! Rejected: one fixed curve and bare 64-byte strings. Key chips offer P-256 only, tests want
//! Ed25519, and SM2 (国密) may be required later; a stored signature without its algorithm could
//! not be read again after such a change.

use std::fmt;

use ed25519_dalek as ed25519;
use lanewalk_model::id::{from_hex, to_hex};
use p256::ecdsa as es256;
use p256::ecdsa::signature::Verifier as _;
use sha2::{Digest as _, Sha256};

mod algorithm;
mod cbor;
mod signer;

pub use algorithm::{Algorithm, KeyError};
pub use signer::{DeviceSigner, Domain, SECRET_LEN, SignerError, SoftSigner, sign_domain, verify_domain};

/// Says how many bytes a signature has, under every algorithm known so far.
pub const SIGNATURE_LEN: usize = 64;

/// Says why a signature does not stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The signature names another algorithm than the key.
    #[error("the signature is {signature}, the key is {key}")]
    WrongAlgorithm {
        /// The key's algorithm.
        key: Algorithm,
        /// The signature's algorithm.
        signature: Algorithm,
    },
    /// The signature was not made over this message by this key.
    #[error("the signature does not match the message and key")]
    Mismatch,
}

/// Holds a public key that is known to be well formed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

/// What stands before the point in a SubjectPublicKeyInfo of P-256 (RFC 5480): the algorithm and the
/// curve, then a bit string of 65 bytes and a zero.
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

impl PublicKey {
    /// Reads a P-256 key as key chips give it: a SubjectPublicKeyInfo (Android), or a SEC1 point of
    /// 65 or 33 bytes (iOS).
    pub fn es256_from_platform(bytes: &[u8]) -> Result<Self, KeyError> {
        let point = bytes.strip_prefix(P256_SPKI.as_slice()).unwrap_or(bytes);
        let known = matches!((point.first(), point.len()), (Some(4), 65) | (Some(2 | 3), 33));
        let key = es256::VerifyingKey::from_sec1_bytes(point).ok().filter(|_| known);
        let key = key.ok_or(KeyError::InvalidPublicKey(Algorithm::Es256))?;
        Self::new(Algorithm::Es256, key.to_sec1_point(true).as_bytes())
    }

    /// Checks and keeps a public key. ES256: 33 bytes, SEC1 compressed (first byte 2 or 3) and on
    /// the curve. Ed25519: 32 bytes, the canonical encoding of a point that is not of small order
    /// (under such a point a signature can hold for messages nobody signed).
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() != algorithm.public_key_len() {
            return Err(KeyError::WrongLength { what: "public key", algorithm, len: bytes.len() });
        }
        let valid = match algorithm {
            // The SEC1 reader also takes tag 5 (the compact form): a second encoding of one point.
            Algorithm::Es256 => {
                matches!(bytes.first(), Some(2 | 3)) && es256::VerifyingKey::from_sec1_bytes(bytes).is_ok()
            }
            Algorithm::Ed25519 => ed25519_key(bytes)
                .is_some_and(|key| !key.is_weak() && key.to_edwards().compress().as_bytes() == bytes),
        };
        if valid {
            Ok(Self { algorithm, bytes: bytes.to_vec() })
        } else {
            Err(KeyError::InvalidPublicKey(algorithm))
        }
    }

    /// Returns the algorithm the key is for.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the key's bytes: 33 (ES256) or 32 (Ed25519).
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns SHA-256 over the algorithm number (one byte) and the key bytes. The number is
    /// inside because an SM2 key would have the same 33-byte form as an ES256 key.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::new().chain_update([self.algorithm.id()]).chain_update(&self.bytes).finalize().into()
    }

    /// Returns the key as people exchange it: the algorithm's registry name, a colon, and the bytes in
    /// hexadecimal, such as `ed25519:` and 64 digits.
    pub fn to_text(&self) -> String {
        format!("{}:{}", self.algorithm.name(), to_hex(&self.bytes))
    }

    /// Reads what [`Self::to_text`] wrote; `None` for anything else.
    pub fn from_text(text: &str) -> Option<Self> {
        let (name, hex) = text.trim().split_once(':')?;
        let algorithm = Algorithm::from_name(name)?;
        let bytes = match algorithm.public_key_len() {
            32 => from_hex::<32>(hex)?.to_vec(),
            _ => from_hex::<33>(hex)?.to_vec(),
        };
        Self::new(algorithm, &bytes).ok()
    }

    /// Returns the first 64 bits of the fingerprint as `0123 4567 89ab cdef`, which the clerk who
    /// admits a device compares with the phone's screen. For people only: programs compare
    /// [`Self::fingerprint`].
    pub fn short_fingerprint(&self) -> String {
        let fingerprint = self.fingerprint();
        let groups: Vec<String> = fingerprint
            .chunks(2)
            .take(4)
            .map(|pair| pair.iter().map(|byte| format!("{byte:02x}")).collect())
            .collect();
        groups.join(" ")
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.algorithm, self.short_fingerprint())
    }
}

/// Holds a signature of the right length for its algorithm; whether it stands, [`verify`] says.
///
/// ES256: r‖s, 32 bytes each, big-endian. A high s is accepted (key chips make both forms), so a
/// signature's bytes identify nothing: deduplicate by what was signed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Signature {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

impl Signature {
    /// Checks the length (64 bytes) and keeps the signature.
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() == SIGNATURE_LEN {
            Ok(Self { algorithm, bytes: bytes.to_vec() })
        } else {
            Err(KeyError::WrongLength { what: "signature", algorithm, len: bytes.len() })
        }
    }

    /// Reads an ES256 signature as key chips give it: DER (Android, iOS), or 64 raw bytes.
    pub fn es256_from_platform(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() == SIGNATURE_LEN {
            return Self::new(Algorithm::Es256, bytes);
        }
        match es256::Signature::from_der(bytes) {
            Ok(signature) => Self::new(Algorithm::Es256, &signature.to_bytes()),
            Err(_) => Err(KeyError::WrongLength {
                what: "signature",
                algorithm: Algorithm::Es256,
                len: bytes.len(),
            }),
        }
    }

    /// Returns the algorithm that made the signature.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the 64 bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn ed25519_key(bytes: &[u8]) -> Option<ed25519::VerifyingKey> {
    ed25519::VerifyingKey::from_bytes(bytes.try_into().ok()?).ok()
}

/// Checks a signature over exactly `message`, without a domain tag. Only HTTP request signatures
/// are checked this way; everything else goes through [`verify_domain`].
pub fn verify(key: &PublicKey, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
    if key.algorithm != signature.algorithm {
        return Err(SignatureError::WrongAlgorithm { key: key.algorithm, signature: signature.algorithm });
    }
    let stands = match key.algorithm {
        Algorithm::Es256 => es256::VerifyingKey::from_sec1_bytes(&key.bytes)
            .and_then(|point| point.verify(message, &es256::Signature::from_slice(&signature.bytes)?))
            .is_ok(),
        // Strict: refuses the encodings of R and s on which Ed25519 implementations disagree.
        Algorithm::Ed25519 => ed25519_key(&key.bytes)
            .zip(ed25519::Signature::from_slice(&signature.bytes).ok())
            .is_some_and(|(point, signature)| point.verify_strict(message, &signature).is_ok()),
    };
    if stands { Ok(()) } else { Err(SignatureError::Mismatch) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    const BOTH: [Algorithm; 2] = [Algorithm::Es256, Algorithm::Ed25519];

    fn soft(algorithm: Algorithm, fill: u8) -> SoftSigner {
        SoftSigner::new(algorithm, &[fill; 32]).unwrap()
    }

    #[test]
    fn a_high_s_is_accepted() {
        let signer = soft(Algorithm::Es256, 7);
        let made = signer.sign(b"m").unwrap();
        let parsed = es256::Signature::from_slice(made.bytes()).unwrap();
        let (r, s) = parsed.split_scalars();
        let twin = es256::Signature::from_scalars(*r.as_ref(), -*s.as_ref()).unwrap();
        assert_ne!(twin, parsed);
        let twin = Signature::new(Algorithm::Es256, &twin.to_bytes()).unwrap();
        assert_eq!(verify(&signer.public_key(), b"m", &twin), Ok(()));
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        let es256 = soft(Algorithm::Es256, 1).public_key().bytes().to_vec();
        let mut compact = es256.clone();
        compact[0] = 5;
        let uncompressed = es256::VerifyingKey::from_sec1_bytes(&es256).unwrap().to_sec1_point(false);
        // x = 5 has a point on P-256, x = 1 has none; an all-ones x is no field element.
        let off_curve = [[2].as_slice(), &[0; 31], &[1]].concat();
        let on_curve = [[2].as_slice(), &[0; 31], &[5]].concat();
        assert!(PublicKey::new(Algorithm::Es256, &on_curve).is_ok());
        // y = 1 is the neutral point.
        let neutral = [[1].as_slice(), &[0; 31]].concat();
        // p + 3 as 32 little-endian bytes: y = 3 in an encoding that is not the canonical one.
        let padded = [[0xf0].as_slice(), &[0xff; 30], &[0x7f]].concat();
        let canonical = [[3].as_slice(), &[0; 31]].concat();
        assert!(PublicKey::new(Algorithm::Ed25519, &canonical).is_ok());
        let cases = [
            ("compact tag", Algorithm::Es256, compact),
            ("off the curve", Algorithm::Es256, off_curve),
            ("x too large", Algorithm::Es256, [[2].as_slice(), &[0xff; 32]].concat()),
            ("small order", Algorithm::Ed25519, neutral),
            ("second encoding", Algorithm::Ed25519, padded),
        ];
        for (what, algorithm, bytes) in cases {
            assert_eq!(
                PublicKey::new(algorithm, &bytes),
                Err(KeyError::InvalidPublicKey(algorithm)),
                "{what}"
            );
        }
        for (algorithm, bytes) in [
            (Algorithm::Es256, uncompressed.as_bytes()),
            (Algorithm::Es256, &[]),
            (Algorithm::Ed25519, es256.as_slice()),
        ] {
            let len = bytes.len();
            let refused = KeyError::WrongLength { what: "public key", algorithm, len };
            assert_eq!(PublicKey::new(algorithm, bytes), Err(refused));
        }
    }

    #[test]
    fn fingerprints_separate_algorithms_and_read_in_four_groups() {
        let key = soft(Algorithm::Ed25519, 1).public_key();
        assert_eq!(key.fingerprint().as_slice(), Sha256::digest([&[2], key.bytes()].concat()).as_slice());
        let short = key.short_fingerprint();
        assert_eq!(short.split(' ').map(str::len).collect::<Vec<_>>(), [4; 4]);
        let hex: String = key.fingerprint()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(short.replace(' ', ""), hex);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_flipped_bit_anywhere_breaks_a_signature(
            secret in proptest::array::uniform32(1_u8..=0xfe),
            message in proptest::collection::vec(any::<u8>(), 1..80),
            bit in any::<proptest::sample::Index>(),
            es256 in any::<bool>(),
        ) {
            let signer = SoftSigner::new(BOTH[usize::from(!es256)], &secret).unwrap();
            let (key, made) = (signer.public_key(), signer.sign(&message).unwrap());
            prop_assert_eq!(verify(&key, &message, &made), Ok(()));
            let (mut other, at) = (message.clone(), bit.index(message.len() * 8));
            other[at / 8] ^= 1 << (at % 8);
            prop_assert_eq!(verify(&key, &other, &made), Err(SignatureError::Mismatch));
            let (mut broken, at) = (made.bytes().to_vec(), bit.index(SIGNATURE_LEN * 8));
            broken[at / 8] ^= 1 << (at % 8);
            let broken = Signature::new(made.algorithm(), &broken).unwrap();
            prop_assert_eq!(verify(&key, &message, &broken), Err(SignatureError::Mismatch));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            for algorithm in BOTH {
                let _ = PublicKey::new(algorithm, &bytes);
            }
            if let Ok(key) = minicbor::decode::<PublicKey>(&bytes) {
                prop_assert!(bytes.starts_with(&minicbor::to_vec(&key).unwrap()));
            }
            let _ = minicbor::decode::<Signature>(&bytes);
        }
    }
}
