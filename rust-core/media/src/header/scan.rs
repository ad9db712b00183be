//! Reads a file once, from the first byte to the last, and hashes what passes.
//!
//! Invariant: holds 64 KiB of the file, whatever it says of itself. Rejected: mapping the file,
//! which needs `unsafe` and dies of SIGBUS when another app cuts the file short.

use crate::MediaError;
use lanewalk_model::{id::Hash, photo::FileRef};
use sha2::{Digest, Sha256};
use std::io::Read;

const CHUNK: usize = 64 << 10;

pub(crate) struct Scan<R> {
    source: R,
    hash: Sha256,
    buffer: Vec<u8>,
    at: usize,
    read: u64,
    most: u64,
}

impl<R: Read> Scan<R> {
    /// `bytes`: the file's size as its system tells it; a file that grows meanwhile is an error.
    pub(crate) fn new(source: R, bytes: u64) -> Self {
        Self { source, hash: Sha256::new(), buffer: Vec::new(), at: 0, read: 0, most: bytes }
    }

    /// Returns the bytes at hand, at least one unless the file is at its end.
    pub(crate) fn chunk(&mut self) -> Result<&[u8], MediaError> {
        if self.at >= self.buffer.len() {
            self.buffer.resize(CHUNK, 0);
            let got = read_some(&mut self.source, &mut self.buffer)?;
            self.buffer.truncate(got);
            self.at = 0;
            self.read += got as u64;
            if self.read > self.most {
                return Err(MediaError::Io { detail: "the file grew while it was read".into() });
            }
            self.hash.update(&self.buffer);
        }
        Ok(self.buffer.get(self.at..).unwrap_or_default())
    }

    /// Goes `bytes` on inside what [`Self::chunk`] returned.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.buffer.len());
    }

    pub(crate) fn byte(&mut self) -> Result<u8, MediaError> {
        let byte = *self.chunk()?.first().ok_or(MediaError::Truncated)?;
        self.advance(1);
        Ok(byte)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], MediaError> {
        let mut out = [0; N];
        for slot in &mut out {
            *slot = self.byte()?;
        }
        Ok(out)
    }

    pub(crate) fn be16(&mut self) -> Result<u16, MediaError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn skip(&mut self, mut bytes: u64) -> Result<(), MediaError> {
        while bytes > 0 {
            let at_hand = self.chunk()?.len();
            if at_hand == 0 {
                return Err(MediaError::Truncated);
            }
            let step = usize::try_from(bytes).unwrap_or(usize::MAX).min(at_hand);
            self.advance(step);
            bytes -= step as u64;
        }
        Ok(())
    }

    /// Takes `bytes` out; the caller bounds them.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<Vec<u8>, MediaError> {
        let mut out = Vec::new();
        while out.len() < bytes {
            let chunk = self.chunk()?;
            let part = chunk.get(..chunk.len().min(bytes - out.len())).unwrap_or_default();
            let step = part.len();
            if step == 0 {
                return Err(MediaError::Truncated);
            }
            out.extend_from_slice(part);
            self.advance(step);
        }
        Ok(out)
    }

    /// Reads what is left and names the whole file.
    pub(crate) fn finish(mut self) -> Result<FileRef, MediaError> {
        loop {
            let at_hand = self.chunk()?.len();
            if at_hand == 0 {
                break;
            }
            self.advance(at_hand);
        }
        Ok(FileRef { sha256: Hash(self.hash.finalize().into()), bytes: self.read })
    }
}

/// Reads until the buffer is full or the file ends.
pub(crate) fn read_some(source: &mut impl Read, buffer: &mut [u8]) -> Result<usize, MediaError> {
    let mut got = 0;
    while let Some(rest) = buffer.get_mut(got..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(io(&e)),
        }
    }
    Ok(got)
}

/// Turns a failure of reading into ours, without the path.
pub(crate) fn io(error: &std::io::Error) -> MediaError {
    MediaError::Io { detail: error.kind().to_string() }
}
