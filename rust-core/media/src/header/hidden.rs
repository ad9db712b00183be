//! Other files hidden in a picture's file.
//!
//! Phones append things after the picture: a second JPEG (MPF), a motion photo's MP4, maker's
//! trailers, zeros. What another program would open or run is refused.
//!
//! Invariant: looks where readers of the other format look (archives at the end, PDF within the
//! first 1,024 bytes, the rest after the picture) and holds 64 KiB. Rejected: refusing everything
//! after the picture, which half of today's phones would fail.

use super::{
    magic::{markup, other},
    scan::{Scan, io, read_some},
};
use crate::MediaError;
use memchr::memmem;
use std::io::{Read, Seek, SeekFrom};

/// Refused wherever they stand after the picture; long enough not to occur by chance.
const ANYWHERE: [(&[u8], &str); 7] = [
    (b"%PDF-", "PDF"),
    (b"Rar!\x1A\x07", "RAR"),
    (b"7z\xBC\xAF\x27\x1C", "7z"),
    (b"\x7FELF\x01\x01\x01", "ELF"),
    (b"\x7FELF\x02\x01\x01", "ELF"),
    (b"dex\n03", "DEX"),
    (b"SQLite format 3\0", "SQLite"),
];
/// Longest of the words searched for, less one.
const OVERLAP: usize = 15;
/// An end record of a ZIP is 22 bytes and a comment of at most 65,535.
const ZIP_END: usize = 22;
const ZIP_TAIL: u64 = ZIP_END as u64 + 65_535;

/// Looks at the first 1,024 bytes of a picture's file.
pub(super) fn in_head(head: &[u8]) -> Result<(), MediaError> {
    let pdf = memmem::find(head, b"%PDF-").map(|_| "PDF");
    pdf.or_else(|| markup(head)).map_or(Ok(()), |what| Err(MediaError::Polyglot { what }))
}

/// Looks at everything from where the picture ends.
pub(super) fn after_picture<R: Read>(scan: &mut Scan<R>) -> Result<(), MediaError> {
    let mut window: Vec<u8> = Vec::new();
    let mut padding = true;
    loop {
        let chunk = scan.chunk()?;
        if chunk.is_empty() {
            return Ok(());
        }
        let taken = chunk.len();
        let fresh = match padding {
            true => {
                chunk.iter().position(|byte| *byte != 0).and_then(|at| chunk.get(at..)).unwrap_or_default()
            }
            false => chunk,
        };
        window.drain(..window.len().saturating_sub(OVERLAP));
        window.extend_from_slice(fresh);
        scan.advance(taken);
        if padding && !window.is_empty() {
            padding = false;
            // The magic may lie across two chunks.
            if window.len() < OVERLAP {
                let chunk = scan.chunk()?;
                let taken = chunk.len();
                window.extend_from_slice(chunk);
                scan.advance(taken);
            }
            if let Some(what) = other(&window) {
                return Err(MediaError::Polyglot { what });
            }
        }
        let found = ANYWHERE.iter().find(|(magic, _)| memmem::find(&window, magic).is_some());
        if let Some(what) = found.map(|(_, what)| *what).or_else(|| markup(&window)) {
            return Err(MediaError::Polyglot { what });
        }
    }
}

/// Looks for a ZIP as its readers do: from the end of the file, wherever the picture ends.
pub(super) fn archive_at_end<R: Read + Seek>(source: &mut R, bytes: u64) -> Result<(), MediaError> {
    let tail = bytes.min(ZIP_TAIL);
    source.seek(SeekFrom::Start(bytes - tail)).map_err(|e| io(&e))?;
    let mut buffer = vec![0; tail as usize];
    let got = read_some(source, &mut buffer)?;
    buffer.truncate(got);
    for at in memmem::find_iter(&buffer, b"PK\x05\x06") {
        let Some(end) = buffer.get(at..at + ZIP_END) else { break };
        let word = |n: usize| end.get(n..n + 2).and_then(|b| b.first_chunk()).map(|b| u16::from_le_bytes(*b));
        let comment = word(20).map_or(usize::MAX, usize::from);
        // Four random bytes say "PK" once in 65,000 files; these fields must agree as well.
        if word(4) == word(6) && word(8) == word(10) && at + ZIP_END + comment <= buffer.len() {
            return Err(MediaError::Polyglot { what: "ZIP" });
        }
    }
    Ok(())
}
