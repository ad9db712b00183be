//! A font file mapped into memory.
//!
//! Invariant: holds the only `unsafe` of the crate; the map is read-only and lives as long as its
//! owner. Rejected: reading the file, since a CJK collection is 20 MB and a stamp needs some hundred
//! outlines of it (3 MB resident).

use crate::MediaError;
use memmap2::Mmap;
use std::{fs::File, path::Path};

/// Largest font file; the largest CJK collections have about 100 MB.
const MOST_BYTES: u64 = 256 << 20;

/// Maps a font file; fails for anything but a regular file of a plausible size.
#[allow(unsafe_code)] // the one place, see below
pub(crate) fn map(path: &Path) -> Result<Mmap, MediaError> {
    let failed = |e: std::io::Error| MediaError::Font { detail: e.kind().to_string() };
    // Asked before opening: opening a pipe would wait for its writer.
    let is_file = std::fs::metadata(path).map_err(failed)?.is_file();
    let file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    if !is_file || bytes == 0 || bytes > MOST_BYTES {
        return Err(MediaError::Font { detail: format!("not a font file ({bytes} bytes)") });
    }
    // SAFETY: the bytes must not change while they are mapped. The caller names fonts of the system
    // or of the app's own package, which are on read-only partitions or replaced as whole files
    // (an update unlinks the old file, and the map keeps it). Nothing here writes to it. Were such
    // a file truncated in place nevertheless, reading past its new end stops the process (SIGBUS):
    // a crash as by `kill`, which intake survives; it never reads another's memory.
    unsafe { Mmap::map(&file) }.map_err(failed)
}
