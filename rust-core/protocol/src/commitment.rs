//! A promise about bytes that may have to be erased.
//!
//! Invariant: `commit(salt, sha256) = SHA-256("lanewalk/v1/commitment\0" ‖ salt ‖ sha256)` with 16
//! random bytes of salt that are kept beside the bytes and nowhere else. While both are there, the
//! commitment proves them; when both are erased, it can be tried against nothing. Rejected: the
//! plain hash of a form: with everything but a telephone number known, all numbers of a province
//! are tried in minutes.

use lanewalk_model::id::Hash;
use sha2::{Digest as _, Sha256};

/// Bytes of a salt.
pub const SALT_LEN: usize = 16;

/// Makes the commitment to bytes with this SHA-256.
pub fn commit(salt: &[u8; SALT_LEN], sha256: &[u8; 32]) -> Hash {
    let mut hash = Sha256::new();
    hash.update(b"lanewalk/v1/commitment\0");
    hash.update(salt);
    hash.update(sha256);
    Hash(hash.finalize().into())
}
