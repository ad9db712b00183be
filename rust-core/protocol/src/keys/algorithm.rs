//! The signature algorithms and their numbers.
//!
//! Invariant: a number once used keeps its meaning; a number this version does not know is a typed
//! error and never a default. Rejected: COSE's numbers, which have none for SM2.

use std::fmt;

/// Names a signature algorithm. The numbers are on the wire and are never reused; 3 is kept free
/// for SM2 (GB/T 32918).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256: what Secure Enclave and Android Keystore offer.
    Es256 = 1,
    /// Ed25519 (RFC 8032): software keys.
    Ed25519 = 2,
}

impl Algorithm {
    /// Returns the number written on the wire.
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// Reads the number from the wire; [`KeyError::UnknownAlgorithm`] for any other.
    pub const fn from_id(id: u8) -> Result<Self, KeyError> {
        match id {
            1 => Ok(Self::Es256),
            2 => Ok(Self::Ed25519),
            other => Err(KeyError::UnknownAlgorithm(other)),
        }
    }

    /// Returns the name in the HTTP Signature Algorithms registry (RFC 9421 §6.2).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ecdsa-p256-sha256",
            Self::Ed25519 => "ed25519",
        }
    }

    /// Reads a registry name; `None` for one that Lanewalk does not use.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Es256, Self::Ed25519].into_iter().find(|known| known.name() == name)
    }

    /// Returns the length of a public key in bytes: 33 (SEC1 compressed point) or 32.
    pub const fn public_key_len(self) -> usize {
        match self {
            Self::Es256 => 33,
            Self::Ed25519 => 32,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Says why bytes are not a key or a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The algorithm number is not one this version knows.
    #[error("unknown signature algorithm {0}")]
    UnknownAlgorithm(u8),
    /// The byte string has not the length of its algorithm.
    #[error("{what} of {algorithm} has {len} bytes")]
    WrongLength {
        /// What was read: `public key` or `signature`.
        what: &'static str,
        /// The algorithm it claimed.
        algorithm: Algorithm,
        /// The length found, in bytes.
        len: usize,
    },
    /// The bytes are not a usable point of the curve in the accepted encoding.
    #[error("not a valid {0} public key")]
    InvalidPublicKey(Algorithm),
    /// The secret is zero or outside the range of the curve.
    #[error("not a valid {0} secret")]
    InvalidSecret(Algorithm),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;

    #[test]
    fn algorithm_numbers_and_names_are_fixed() {
        for (algorithm, id, name) in
            [(Algorithm::Es256, 1, "ecdsa-p256-sha256"), (Algorithm::Ed25519, 2, "ed25519")]
        {
            assert_eq!((algorithm.id(), algorithm.name()), (id, name));
            assert_eq!(Algorithm::from_id(id), Ok(algorithm));
            assert_eq!(Algorithm::from_name(name), Some(algorithm));
        }
        for id in [0, 3, 255] {
            assert_eq!(Algorithm::from_id(id), Err(KeyError::UnknownAlgorithm(id)));
        }
    }
}
