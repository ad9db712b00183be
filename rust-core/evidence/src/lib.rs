//! The evidence bundle of an order: one file that shows by itself what was written by whom, after
//! what, and when headquarters had it.
//!
//! Invariant: whether a bundle stands is decided by this crate from the bundle alone and, where
//! given, a key or a checkpoint from elsewhere; headquarters has no other say in it than its
//! signatures. Every byte of a bundle counts: one that is changed anywhere is refused. Nothing here
//! panics, whatever the bytes are, and memory is bounded by [`limits`]. Rejected: an archive with
//! compression (bombs) or with two directories that can disagree (zip); a format that needs
//! Lanewalk to be looked into, which may be gone before the court is.

mod container;
mod records;
mod verify;
mod write;

pub use container::ContainerError;
pub use records::{
    Absent, Bytes, Device, Entry, Evidence, Manifest, ManifestFile, Original, Photo, Run, Witnessed,
};
pub use verify::{
    Broken, Commitment, PhotoFound, Said, Trust, Unproven, Verified, WitnessVerdict, Written, verify,
};
pub use write::{Bundle, WriteError};

/// Limits of a bundle; beyond them it is refused.
pub mod limits {
    /// Longest manifest and readme, bytes.
    pub const MANIFEST_BYTES: u64 = 4 << 20;
    /// Longest list of evidence, bytes.
    pub const EVIDENCE_BYTES: u64 = 64 << 20;
    /// Files in a bundle.
    pub const FILES: usize = 10_000;
    /// Entries, and headers between them.
    pub const ENTRIES: usize = 50_000;
    /// Devices, runs' signatures, photos, checkpoints of others: each.
    pub const ROWS: usize = 50_000;
}
