//! The cryptography SQLCipher asks for, over slices and without `unsafe`.
//!
//! Invariant: nothing here allocates, panics or keeps state between calls, and every key copied to
//! the stack is wiped. Rejected: keeping the expanded AES key in SQLCipher's provider context; it
//! would save the key schedule per page and leave round keys in memory for as long as the database
//! is open, while SQLCipher masks its own copy between pages.

use aes::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, consts::U16};
use aes::{Aes256Dec, Aes256Enc};
use hmac::{EagerHash, Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

/// The AES-256 key length in bytes.
pub const KEY_LEN: usize = 32;
/// The AES block length in bytes, which is also that of the CBC initialisation vector.
pub const BLOCK_LEN: usize = 16;
/// The longest tag in bytes, that of HMAC-SHA-512.
pub const MAX_TAG_LEN: usize = 64;

/// Says that an input is outside what the provider serves; SQLCipher gets `SQLITE_ERROR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

/// Names the hash under HMAC and PBKDF2; SQLCipher numbers both families alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1, number 0: databases of SQLCipher 3 and older.
    Sha1,
    /// SHA-256, number 1.
    Sha256,
    /// SHA-512, number 2: the default since SQLCipher 4.
    Sha512,
}

impl Hash {
    /// Reads SQLCipher's number; `None` when there is no such algorithm.
    #[must_use]
    pub fn from_code(code: i32) -> Option<Self> {
        match code {
            0 => Some(Self::Sha1),
            1 => Some(Self::Sha256),
            2 => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Returns the tag's length in bytes.
    #[must_use]
    pub fn tag_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => MAX_TAG_LEN,
        }
    }
}

/// Computes HMAC (RFC 2104) over `first` then `second` into `tag`.
///
/// # Errors
/// [`Refused`] when `tag` is not exactly [`Hash::tag_len`] bytes.
pub fn hmac(hash: Hash, key: &[u8], first: &[u8], second: &[u8], tag: &mut [u8]) -> Result<(), Refused> {
    match hash {
        Hash::Sha1 => hmac_with::<Hmac<Sha1>>(key, first, second, tag),
        Hash::Sha256 => hmac_with::<Hmac<Sha256>>(key, first, second, tag),
        Hash::Sha512 => hmac_with::<Hmac<Sha512>>(key, first, second, tag),
    }
}

fn hmac_with<M: Mac + KeyInit>(
    key: &[u8],
    first: &[u8],
    second: &[u8],
    tag: &mut [u8],
) -> Result<(), Refused> {
    let mut mac = <M as KeyInit>::new_from_slice(key).map_err(|_| Refused)?;
    mac.update(first);
    mac.update(second);
    let computed = mac.finalize().into_bytes();
    if tag.len() != computed.len() {
        return Err(Refused);
    }
    tag.copy_from_slice(&computed);
    Ok(())
}

/// Derives `key` from a passphrase with PBKDF2 (RFC 8018), `rounds` iterations.
///
/// # Errors
/// [`Refused`] for zero rounds or an empty `key`.
pub fn pbkdf2(hash: Hash, pass: &[u8], salt: &[u8], rounds: u32, key: &mut [u8]) -> Result<(), Refused> {
    if rounds == 0 || key.is_empty() {
        return Err(Refused);
    }
    match hash {
        Hash::Sha1 => pbkdf2_with::<Sha1>(pass, salt, rounds, key),
        Hash::Sha256 => pbkdf2_with::<Sha256>(pass, salt, rounds, key),
        Hash::Sha512 => pbkdf2_with::<Sha512>(pass, salt, rounds, key),
    }
}

fn pbkdf2_with<D: EagerHash>(pass: &[u8], salt: &[u8], rounds: u32, key: &mut [u8]) -> Result<(), Refused> {
    pbkdf2::pbkdf2::<Hmac<D>>(pass, salt, rounds, key).map_err(|_| Refused)
}

/// Encrypts whole blocks in place: AES-256 in CBC mode (NIST SP 800-38A), no padding.
///
/// # Errors
/// [`Refused`] when `data` does not end on a block boundary; it is then unchanged.
pub fn encrypt(key: &[u8; KEY_LEN], iv: &[u8; BLOCK_LEN], data: &mut [u8]) -> Result<(), Refused> {
    let blocks = blocks(data)?;
    cbc::Encryptor::<Aes256Enc>::new(key.into(), iv.into()).encrypt_blocks(blocks);
    Ok(())
}

/// Decrypts whole blocks in place, the inverse of [`encrypt`].
///
/// Handing over all blocks at once lets `aes` work on several in parallel, which CBC allows when
/// decrypting only.
///
/// # Errors
/// [`Refused`] when `data` does not end on a block boundary; it is then unchanged.
pub fn decrypt(key: &[u8; KEY_LEN], iv: &[u8; BLOCK_LEN], data: &mut [u8]) -> Result<(), Refused> {
    let blocks = blocks(data)?;
    cbc::Decryptor::<Aes256Dec>::new(key.into(), iv.into()).decrypt_blocks(blocks);
    Ok(())
}

fn blocks(data: &mut [u8]) -> Result<&mut [Array<u8, U16>], Refused> {
    match Array::slice_as_chunks_mut(data) {
        (blocks, []) => Ok(blocks),
        _ => Err(Refused),
    }
}
