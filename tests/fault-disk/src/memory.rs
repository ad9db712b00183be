//! Memory that runs out inside SQLite: its allocator, with one that fails between (F8).
#![allow(unsafe_code, reason = "SQLite calls these functions")]

use core::ffi::{c_int, c_void};
use rusqlite::ffi;
use std::{
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

type Malloc = unsafe extern "C" fn(c_int) -> *mut c_void;
type Realloc = unsafe extern "C" fn(*mut c_void, c_int) -> *mut c_void;

/// SQLite's own allocator.
static REAL: OnceLock<(Malloc, Realloc)> = OnceLock::new();
/// The first request that fails, from 1; 0 for none.
static AT: AtomicU64 = AtomicU64::new(0);
static FOR_EVER: AtomicBool = AtomicBool::new(false);
static COUNTED: AtomicU64 = AtomicU64::new(0);
static FAILED: AtomicU64 = AtomicU64::new(0);

/// The memory of every SQLite connection in this process.
#[derive(Debug)]
pub struct Memory(());

impl Memory {
    /// Puts the failing allocator before SQLite's own, and switches off the small blocks that each
    /// connection keeps for itself, so that every request is met. `None` when the library is in use
    /// already: a program that wants this does nothing else.
    pub fn install() -> Option<Self> {
        // SAFETY: filled by the next call; all its fields may be zero.
        let mut real: ffi::sqlite3_mem_methods = unsafe { std::mem::zeroed() };
        // SAFETY: this option takes a pointer to such a structure.
        let got = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETMALLOC, &raw mut real) };
        if got != ffi::SQLITE_OK {
            return None;
        }
        let ours = ffi::sqlite3_mem_methods { xMalloc: Some(malloc), xRealloc: Some(realloc), ..real };
        REAL.set((real.xMalloc?, real.xRealloc?)).ok()?;
        // SAFETY: this option takes a pointer to such a structure and copies it.
        let set = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw const ours) };
        let none: c_int = 0;
        // SAFETY: this option takes two integers.
        let bare = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_LOOKASIDE, none, none) };
        (set == ffi::SQLITE_OK && bare == ffi::SQLITE_OK).then_some(Self(()))
    }

    /// Makes the `at`th request from now on fail, counted from 1, and all later ones too.
    pub fn arm(&self, at: u64, for_ever: bool) {
        COUNTED.store(0, Ordering::SeqCst);
        FAILED.store(0, Ordering::SeqCst);
        FOR_EVER.store(for_ever, Ordering::SeqCst);
        AT.store(at, Ordering::SeqCst);
    }

    /// Ends it; returns how many requests failed and how many there were.
    pub fn disarm(&self) -> (u64, u64) {
        AT.store(0, Ordering::SeqCst);
        (FAILED.load(Ordering::SeqCst), COUNTED.load(Ordering::SeqCst))
    }
}

fn fails() -> bool {
    let at = AT.load(Ordering::SeqCst);
    if at == 0 {
        return false;
    }
    let n = COUNTED.fetch_add(1, Ordering::SeqCst) + 1;
    let hit = n == at || (n > at && FOR_EVER.load(Ordering::SeqCst));
    FAILED.fetch_add(u64::from(hit), Ordering::SeqCst);
    hit
}

unsafe extern "C" fn malloc(bytes: c_int) -> *mut c_void {
    match REAL.get() {
        // SAFETY: passed on as it came.
        Some((malloc, _)) if !fails() => unsafe { malloc(bytes) },
        _ => ptr::null_mut(),
    }
}

unsafe extern "C" fn realloc(block: *mut c_void, bytes: c_int) -> *mut c_void {
    match REAL.get() {
        // SAFETY: passed on as it came.
        Some((_, realloc)) if !fails() => unsafe { realloc(block, bytes) },
        _ => ptr::null_mut(),
    }
}
