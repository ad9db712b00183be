//! Making signatures: the trait the key chip implements, the purpose of a signature, software keys.
//!
//! Invariant: a secret is never shown, serialised or handed out, and a signature made through
//! [`sign_domain`] stands for one [`Domain`] only. Rejected: an asynchronous trait; shells call on
//! worker threads, and foreign traits that cross the FFI stay synchronous.

use std::fmt;

use ed25519_dalek as ed25519;
use p256::ecdsa as es256;
use p256::ecdsa::signature::Signer as _;

use super::{Algorithm, KeyError, PublicKey, SIGNATURE_LEN, Signature, SignatureError, verify};

/// Says how many bytes a secret has, under every algorithm known so far.
pub const SECRET_LEN: usize = 32;

/// Says why the key chip gave no key or no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// The chip cannot be used now (phone locked, service busy): try again later.
    #[error("the device key is not available now")]
    Unavailable,
    /// The key is gone for good (wiped, restored to another phone): enrol again.
    #[error("the device key is lost")]
    KeyLost,
}

/// Signs with the device's key; implemented by the phone's key chip, or by [`SoftSigner`].
///
/// Calls block (a key chip takes tens of milliseconds) and may come from any thread.
pub trait DeviceSigner: Send + Sync {
    /// Returns the public half of the key that [`Self::sign`] uses.
    fn public_key(&self) -> Result<PublicKey, SignerError>;

    /// Signs exactly `message`; ES256 hashes it with SHA-256 inside.
    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError>;
}

/// Names what a signature is for, so that one made for one purpose never passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Domain {
    /// The head of a device's entry chain.
    Chain,
    /// A receipt of headquarters.
    Receipt,
    /// A receipt of headquarters for a file.
    File,
    /// A response of headquarters to a request.
    Response,
    /// A device's proof that it owns the key it enrols.
    Enrolment,
    /// A right to work offline that headquarters gave for a time.
    Lease,
    /// A file for a neighbour without a network (docs/exchange.md).
    Exchange,
    /// The list of what is in an evidence bundle (docs/evidence.md).
    Evidence,
}

impl Domain {
    /// Lists every domain.
    pub const ALL: [Self; 8] = [
        Self::Chain,
        Self::Receipt,
        Self::File,
        Self::Response,
        Self::Enrolment,
        Self::Lease,
        Self::Exchange,
        Self::Evidence,
    ];

    /// Returns the bytes put before the message. No tag is the start of another (each ends with
    /// its only zero byte) and none starts like an RFC 9421 signature base (`"`).
    pub const fn tag(self) -> &'static [u8] {
        match self {
            Self::Chain => b"lanewalk/v1/chain\0",
            Self::Receipt => b"lanewalk/v1/receipt\0",
            Self::File => b"lanewalk/v1/file\0",
            Self::Response => b"lanewalk/v1/response\0",
            Self::Enrolment => b"lanewalk/v1/enrolment\0",
            Self::Lease => b"lanewalk/v1/lease\0",
            Self::Exchange => b"lanewalk/v1/exchange\0",
            Self::Evidence => b"lanewalk/v1/evidence\0",
        }
    }

    fn tagged(self, bytes: &[u8]) -> Vec<u8> {
        [self.tag(), bytes].concat()
    }
}

/// Signs `bytes` for one purpose.
pub fn sign_domain(
    signer: &dyn DeviceSigner,
    domain: Domain,
    bytes: &[u8],
) -> Result<Signature, SignerError> {
    signer.sign(&domain.tagged(bytes))
}

/// Checks a signature that [`sign_domain`] made for the same purpose.
pub fn verify_domain(
    key: &PublicKey,
    domain: Domain,
    bytes: &[u8],
    signature: &Signature,
) -> Result<(), SignatureError> {
    verify(key, &domain.tagged(bytes), signature)
}

enum SoftKey {
    // Both wipe their secret when dropped.
    Es256(es256::SigningKey),
    Ed25519(ed25519::SigningKey),
}

/// Signs with a key held in memory: headquarters, tests, and phones without a key chip.
///
/// Deterministic: ES256 by RFC 6979, Ed25519 by RFC 8032. The secret is wiped on drop; the array
/// handed to [`Self::new`] stays the caller's to wipe.
pub struct SoftSigner {
    key: SoftKey,
    public: PublicKey,
}

impl SoftSigner {
    /// Takes the 32-byte secret: the scalar of ES256 (big-endian) or the seed of Ed25519. Refuses
    /// a scalar that is zero or not below the group order, and an all-zero seed, which is a seed
    /// that was never drawn.
    pub fn new(algorithm: Algorithm, secret: &[u8; SECRET_LEN]) -> Result<Self, KeyError> {
        let refused = KeyError::InvalidSecret(algorithm);
        if secret.iter().all(|byte| *byte == 0) {
            return Err(refused);
        }
        let (key, public) = match algorithm {
            Algorithm::Es256 => {
                let key = es256::SigningKey::from_slice(secret).map_err(|_| refused)?;
                let point = key.verifying_key().to_sec1_point(true);
                (SoftKey::Es256(key), PublicKey::new(algorithm, point.as_bytes())?)
            }
            Algorithm::Ed25519 => {
                let key = ed25519::SigningKey::from_bytes(secret);
                let point = key.verifying_key().to_bytes();
                (SoftKey::Ed25519(key), PublicKey::new(algorithm, &point)?)
            }
        };
        Ok(Self { key, public })
    }

    /// Returns the public half, which a key in software always knows.
    pub fn public_key(&self) -> PublicKey {
        self.public.clone()
    }
}

impl DeviceSigner for SoftSigner {
    fn public_key(&self) -> Result<PublicKey, SignerError> {
        Ok(self.public.clone())
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        let bytes: [u8; SIGNATURE_LEN] = match &self.key {
            SoftKey::Es256(key) => {
                let signature: es256::Signature =
                    key.try_sign(message).map_err(|_| SignerError::Unavailable)?;
                signature.to_bytes().into()
            }
            SoftKey::Ed25519(key) => key.try_sign(message).map_err(|_| SignerError::Unavailable)?.to_bytes(),
        };
        Ok(Signature { algorithm: self.public.algorithm, bytes: bytes.to_vec() })
    }
}

impl fmt::Debug for SoftSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftSigner").field("public", &self.public).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;

    const BOTH: [Algorithm; 2] = [Algorithm::Es256, Algorithm::Ed25519];
    /// The order n of P-256 (SEC 2 §2.4.2).
    const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

    fn unhex(text: &str) -> Vec<u8> {
        text.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn soft(algorithm: Algorithm, fill: u8) -> SoftSigner {
        SoftSigner::new(algorithm, &[fill; 32]).unwrap()
    }

    /// RFC 6979 A.2.5 (P-256, SHA-256) and RFC 8032 §7.1 test 1.
    #[test]
    fn published_vectors_come_out() {
        let cases = [
            (
                Algorithm::Es256,
                "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
                "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
                "sample",
                "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
                 f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
            ),
            (
                Algorithm::Ed25519,
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
                 5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
        ];
        for (algorithm, secret, public, message, signature) in cases {
            let signer = SoftSigner::new(algorithm, &unhex(secret).try_into().unwrap()).unwrap();
            assert_eq!(signer.public_key().bytes(), unhex(public), "{algorithm}");
            let made = signer.sign(message.as_bytes()).unwrap();
            assert_eq!(made.bytes(), unhex(signature), "{algorithm}");
            assert_eq!(verify(&signer.public_key(), message.as_bytes(), &made), Ok(()));
        }
    }

    #[test]
    fn secrets_out_of_range_are_refused_and_none_is_shown() {
        for algorithm in BOTH {
            assert_eq!(SoftSigner::new(algorithm, &[0; 32]).err(), Some(KeyError::InvalidSecret(algorithm)));
            let shown = format!("{:?} {:#?}", soft(algorithm, 0xab), soft(algorithm, 0xab));
            assert!(!shown.contains("abab") && !shown.contains("171"), "{shown}");
        }
        let order: [u8; 32] = unhex(P256_ORDER).try_into().unwrap();
        let mut below = order;
        below[31] -= 1;
        assert!(SoftSigner::new(Algorithm::Es256, &below).is_ok());
        assert!(SoftSigner::new(Algorithm::Es256, &order).is_err());
        assert!(SoftSigner::new(Algorithm::Es256, &[0xff; 32]).is_err());
    }

    #[test]
    fn a_signature_serves_one_domain_one_key_and_one_algorithm() {
        for algorithm in BOTH {
            let signer = soft(algorithm, 3);
            let key = signer.public_key();
            for made_for in Domain::ALL {
                let signature = sign_domain(&signer, made_for, b"head").unwrap();
                for read_as in Domain::ALL {
                    let verdict = verify_domain(&key, read_as, b"head", &signature);
                    assert_eq!(verdict.is_ok(), made_for == read_as, "{made_for:?} as {read_as:?}");
                }
                assert_eq!(verify(&key, b"head", &signature), Err(SignatureError::Mismatch));
                let other = soft(algorithm, 4).public_key();
                assert!(verify_domain(&other, made_for, b"head", &signature).is_err());
            }
        }
        let signature = soft(Algorithm::Es256, 3).sign(b"m").unwrap();
        let refused = SignatureError::WrongAlgorithm { key: Algorithm::Ed25519, signature: Algorithm::Es256 };
        assert_eq!(verify(&soft(Algorithm::Ed25519, 3).public_key(), b"m", &signature), Err(refused));
    }

    #[test]
    fn no_tag_is_the_start_of_another() {
        for a in Domain::ALL {
            assert_eq!(a.tag().iter().position(|byte| *byte == 0), Some(a.tag().len() - 1));
            for b in Domain::ALL {
                assert!(a == b || !a.tag().starts_with(b.tag()));
            }
        }
        assert_eq!(Domain::Chain.tag(), b"lanewalk/v1/chain\0");
    }
}
