//! The C face: SQLCipher's table of functions, filled with [`crate::primitives`].
//!
//! Invariant: a function here checks every length and null pointer, turns C memory into slices or
//! local arrays, calls safe code, and returns `SQLITE_OK` or `SQLITE_ERROR`; no panic crosses into
//! C. Outputs are computed apart and copied last, so buffers that C lets overlap are harmless.
//! Rejected: generating the struct with bindgen; it needs libclang on every build machine, and the
//! struct sits inside the amalgamation, not in a header. `tests/layout.rs` guards against drift.
#![allow(unsafe_code, reason = "the functions of this table are called by C")]

use core::ffi::{CStr, c_char, c_int, c_uchar, c_void};
use core::mem::MaybeUninit;
use core::{ptr, slice};
use std::panic::{UnwindSafe, catch_unwind};

use rusqlite::ffi::{SQLITE_ERROR, SQLITE_OK};
use zeroize::Zeroizing;

use crate::primitives::{self, BLOCK_LEN, Hash, KEY_LEN, MAX_TAG_LEN, Refused};

/// The name that `PRAGMA cipher_provider` reports.
pub const PROVIDER_NAME: &CStr = c"lanewalk-rustcrypto";

const PROVIDER_VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"unknown",
    };

/// The longest key SQLCipher may ask PBKDF2 for, in bytes; it asks for [`KEY_LEN`].
const MAX_DERIVED_LEN: usize = 64;

/// Mirrors `struct sqlcipher_provider` of SQLCipher 4.19, member by member.
///
/// The first argument of most functions is the provider's context, which is always null here.
#[repr(C)]
#[derive(Debug)]
pub struct SqlcipherProvider {
    /// Runs once at registration; unset.
    pub init: Option<unsafe extern "C" fn() -> c_int>,
    /// Runs once at the end of the process; unset.
    pub shutdown: Option<unsafe extern "C" fn()>,
    /// Returns the provider's name, a static C string.
    pub get_provider_name: unsafe extern "C" fn(*mut c_void) -> *const c_char,
    /// Mixes `(buffer, length)` into the random generator.
    pub add_random: unsafe extern "C" fn(*mut c_void, *const c_void, c_int) -> c_int,
    /// Fills `(buffer, length)` with random bytes.
    pub random: unsafe extern "C" fn(*mut c_void, *mut c_void, c_int) -> c_int,
    /// Computes a tag: algorithm, key, first part, second part or null, output.
    pub hmac: unsafe extern "C" fn(
        *mut c_void,
        c_int,
        *const c_uchar,
        c_int,
        *const c_uchar,
        c_int,
        *const c_uchar,
        c_int,
        *mut c_uchar,
    ) -> c_int,
    /// Derives a key: algorithm, passphrase, salt, rounds, key length, output.
    pub kdf: unsafe extern "C" fn(
        *mut c_void,
        c_int,
        *const c_uchar,
        c_int,
        *const c_uchar,
        c_int,
        c_int,
        c_int,
        *mut c_uchar,
    ) -> c_int,
    /// Encrypts (mode 1) or decrypts (mode 0): mode, key, vector, input, output of the same length.
    pub cipher: unsafe extern "C" fn(
        *mut c_void,
        c_int,
        *const c_uchar,
        c_int,
        *const c_uchar,
        *const c_uchar,
        c_int,
        *mut c_uchar,
    ) -> c_int,
    /// Returns the cipher's name, a static C string.
    pub get_cipher: unsafe extern "C" fn(*mut c_void) -> *const c_char,
    /// Returns the key length in bytes.
    pub get_key_sz: unsafe extern "C" fn(*mut c_void) -> c_int,
    /// Returns the initialisation vector's length in bytes.
    pub get_iv_sz: unsafe extern "C" fn(*mut c_void) -> c_int,
    /// Returns the block length in bytes.
    pub get_block_sz: unsafe extern "C" fn(*mut c_void) -> c_int,
    /// Returns an algorithm's tag length in bytes, 0 when there is no such algorithm.
    pub get_hmac_sz: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
    /// Makes a context; ours stays null.
    pub ctx_init: unsafe extern "C" fn(*mut *mut c_void) -> c_int,
    /// Ends a context.
    pub ctx_free: unsafe extern "C" fn(*mut *mut c_void) -> c_int,
    /// Says whether a certified FIPS module is in use: never.
    pub fips_status: unsafe extern "C" fn(*mut c_void) -> c_int,
    /// Returns the provider's version, a static C string.
    pub get_provider_version: unsafe extern "C" fn(*mut c_void) -> *const c_char,
    /// Belongs to SQLCipher: the next registered provider.
    pub next: *mut SqlcipherProvider,
}

/// Fills SQLCipher's table of functions; SQLCipher calls it once, when SQLite initialises.
///
/// Returns `SQLITE_OK`, or `SQLITE_ERROR` for a null table.
///
/// # Safety
/// `table` is null, or valid for writing and aligned as a [`SqlcipherProvider`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanewalk_sqlcipher_setup(table: *mut SqlcipherProvider) -> c_int {
    if table.is_null() {
        return SQLITE_ERROR;
    }
    let ours = SqlcipherProvider {
        init: None,
        shutdown: None,
        get_provider_name,
        add_random,
        random,
        hmac,
        kdf,
        cipher,
        get_cipher,
        get_key_sz,
        get_iv_sz,
        get_block_sz,
        get_hmac_sz,
        ctx_init,
        ctx_free,
        fips_status,
        get_provider_version,
        next: ptr::null_mut(),
    };
    // SAFETY: not null (checked); the caller promises it is aligned and writable.
    unsafe { table.write(ours) };
    SQLITE_OK
}

/// Runs `body` and turns its result, or a panic in it, into an SQLite code.
fn guarded(body: impl FnOnce() -> Result<(), Refused> + UnwindSafe) -> c_int {
    match catch_unwind(body) {
        Ok(Ok(())) => SQLITE_OK,
        Ok(Err(Refused)) | Err(_) => SQLITE_ERROR,
    }
}

fn length(len: c_int) -> Result<usize, Refused> {
    usize::try_from(len).map_err(|_| Refused)
}

/// Borrows `len` bytes of C memory; a null pointer stands for the empty slice.
///
/// # Safety
/// Unless null, `start` is valid for reading `len` bytes, and nothing writes them during `'a`.
unsafe fn borrow<'a>(start: *const c_uchar, len: c_int) -> Result<&'a [u8], Refused> {
    match (start.is_null(), length(len)?) {
        (true, 0) => Ok(&[]),
        (true, _) => Err(Refused),
        // SAFETY: not null, and the caller promises `len` readable bytes that stay unchanged.
        (false, len) => Ok(unsafe { slice::from_raw_parts(start, len) }),
    }
}

/// Copies `source` to C memory.
///
/// # Safety
/// Unless null, `target` is valid for writing `source.len()` bytes.
unsafe fn store(source: &[u8], target: *mut c_uchar) -> Result<(), Refused> {
    if target.is_null() {
        return Err(Refused);
    }
    // SAFETY: not null, writable for that length by the caller's promise; `copy` allows overlap.
    unsafe { ptr::copy(source.as_ptr(), target, source.len()) };
    Ok(())
}

unsafe extern "C" fn get_provider_name(_ctx: *mut c_void) -> *const c_char {
    PROVIDER_NAME.as_ptr()
}

unsafe extern "C" fn get_provider_version(_ctx: *mut c_void) -> *const c_char {
    PROVIDER_VERSION.as_ptr()
}

/// Accepts and ignores entropy: the operating system's generator seeds itself.
unsafe extern "C" fn add_random(_ctx: *mut c_void, _buffer: *const c_void, _length: c_int) -> c_int {
    SQLITE_OK
}

unsafe extern "C" fn random(_ctx: *mut c_void, buffer: *mut c_void, len: c_int) -> c_int {
    guarded(|| {
        let len = length(len)?;
        if buffer.is_null() {
            return Err(Refused);
        }
        // SAFETY: not null; SQLCipher hands over `len` bytes it owns and touches from this thread
        // only. They may be uninitialised, which `MaybeUninit` allows.
        let target = unsafe { slice::from_raw_parts_mut(buffer.cast::<MaybeUninit<u8>>(), len) };
        getrandom::fill_uninit(target).map(|_| ()).map_err(|_| Refused)
    })
}

unsafe extern "C" fn hmac(
    _ctx: *mut c_void,
    algorithm: c_int,
    key: *const c_uchar,
    key_len: c_int,
    first: *const c_uchar,
    first_len: c_int,
    second: *const c_uchar,
    second_len: c_int,
    out: *mut c_uchar,
) -> c_int {
    guarded(|| {
        let hash = Hash::from_code(algorithm).ok_or(Refused)?;
        if first.is_null() {
            return Err(Refused);
        }
        // SAFETY: SQLCipher passes a key of `key_len` bytes that it leaves alone until we return.
        let key = unsafe { borrow(key, key_len) }?;
        // SAFETY: likewise for the first part (a page's ciphertext and vector).
        let first = unsafe { borrow(first, first_len) }?;
        let second_len = if second.is_null() { 0 } else { second_len };
        // SAFETY: likewise for the second part (the page number), which may be null.
        let second = unsafe { borrow(second, second_len) }?;
        let mut tag = [0_u8; MAX_TAG_LEN];
        let tag = tag.get_mut(..hash.tag_len()).ok_or(Refused)?;
        primitives::hmac(hash, key, first, second, tag)?;
        // SAFETY: `out` has room for the tag: SQLCipher reserves what `get_hmac_sz` told it.
        unsafe { store(tag, out) }
    })
}

unsafe extern "C" fn kdf(
    _ctx: *mut c_void,
    algorithm: c_int,
    pass: *const c_uchar,
    pass_len: c_int,
    salt: *const c_uchar,
    salt_len: c_int,
    rounds: c_int,
    key_len: c_int,
    key: *mut c_uchar,
) -> c_int {
    guarded(|| {
        let hash = Hash::from_code(algorithm).ok_or(Refused)?;
        let rounds = u32::try_from(rounds).map_err(|_| Refused)?;
        // SAFETY: SQLCipher passes a passphrase of `pass_len` bytes, unchanged until we return.
        let pass = unsafe { borrow(pass, pass_len) }?;
        // SAFETY: likewise for the salt.
        let salt = unsafe { borrow(salt, salt_len) }?;
        let mut derived = Zeroizing::new([0_u8; MAX_DERIVED_LEN]);
        let derived = derived.get_mut(..length(key_len)?).ok_or(Refused)?;
        primitives::pbkdf2(hash, pass, salt, rounds, derived)?;
        // SAFETY: `key` has room for the `key_len` bytes that were asked for.
        unsafe { store(derived, key) }
    })
}

unsafe extern "C" fn cipher(
    _ctx: *mut c_void,
    mode: c_int,
    key: *const c_uchar,
    key_len: c_int,
    iv: *const c_uchar,
    input: *const c_uchar,
    input_len: c_int,
    out: *mut c_uchar,
) -> c_int {
    guarded(|| {
        // SAFETY: SQLCipher passes a key of `key_len` bytes; it is copied before anything is written.
        let key = unsafe { borrow(key, key_len) }?;
        let key = Zeroizing::new(<[u8; KEY_LEN]>::try_from(key).map_err(|_| Refused)?);
        // SAFETY: the vector is always as long as `get_iv_sz` says, and is copied like the key.
        let iv = unsafe { borrow(iv, BLOCK_LEN as c_int) }?;
        let iv = <[u8; BLOCK_LEN]>::try_from(iv).map_err(|_| Refused)?;
        let len = length(input_len)?;
        if input.is_null() || out.is_null() {
            return Err(Refused);
        }
        // Copy, then work in place: right whether the buffers are apart, the same or overlapping.
        // SAFETY: neither is null; SQLCipher passes two buffers of `input_len` bytes each.
        unsafe { ptr::copy(input, out, len) };
        // SAFETY: `out` is writable for `len` bytes, initialised by the copy, and not read or
        // written by anyone else during this call.
        let data = unsafe { slice::from_raw_parts_mut(out, len) };
        match mode {
            1 => primitives::encrypt(&key, &iv, data),
            0 => primitives::decrypt(&key, &iv, data),
            _ => Err(Refused),
        }
    })
}

unsafe extern "C" fn get_cipher(_ctx: *mut c_void) -> *const c_char {
    c"AES-256-CBC".as_ptr()
}

unsafe extern "C" fn get_key_sz(_ctx: *mut c_void) -> c_int {
    KEY_LEN as c_int
}

unsafe extern "C" fn get_iv_sz(_ctx: *mut c_void) -> c_int {
    BLOCK_LEN as c_int
}

unsafe extern "C" fn get_block_sz(_ctx: *mut c_void) -> c_int {
    BLOCK_LEN as c_int
}

unsafe extern "C" fn get_hmac_sz(_ctx: *mut c_void, algorithm: c_int) -> c_int {
    Hash::from_code(algorithm).map_or(0, |hash| hash.tag_len() as c_int)
}

unsafe extern "C" fn ctx_init(_ctx: *mut *mut c_void) -> c_int {
    SQLITE_OK
}

unsafe extern "C" fn ctx_free(_ctx: *mut *mut c_void) -> c_int {
    SQLITE_OK
}

unsafe extern "C" fn fips_status(_ctx: *mut c_void) -> c_int {
    0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;

    #[test]
    fn a_panic_becomes_an_error_code() {
        assert_eq!(guarded(|| Ok(())), SQLITE_OK);
        assert_eq!(guarded(|| Err(Refused)), SQLITE_ERROR);
        assert_eq!(guarded(|| panic!("on purpose")), SQLITE_ERROR);
    }
}
