//! The file around it: a POSIX tar (ustar, IEEE 1003.1-1988) in exactly one spelling.
//!
//! Invariant: for a list of names and contents there is one byte string; the reader makes each
//! header anew and compares, so padding, times and owners cannot be used to hide or change
//! anything. Names come from a fixed set, so nothing can be unpacked outside its folder. Rejected:
//! a tar library for reading: it accepts many spellings, which is what is to be refused here.

use std::io::{self, Read, Write};

const BLOCK: usize = 512;

/// Why a file is not such a container.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// Reading failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Not a tar in our spelling, cut off, or with something behind it.
    #[error("not a whole bundle: at byte {0}")]
    Shape(u64),
    /// A name that no bundle has.
    #[error("a bundle has no such file: {0}")]
    Name(String),
    /// Longer than allowed.
    #[error("too large: {0}")]
    TooLarge(String),
}

/// Says whether a name is one that bundles have.
pub(crate) fn known_name(name: &str) -> bool {
    let photo = |rest: &str| {
        rest.split_once('.').is_some_and(|(hash, end)| {
            hash.len() == 64
                && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
                && matches!(end, "jpg" | "webp" | "png" | "bin")
        })
    };
    matches!(name, "manifest.json" | "manifest.sig" | "READ-ME.txt" | "checkpoint.txt" | "evidence.json")
        || name.strip_prefix("photos/").is_some_and(photo)
}

/// Makes the header of a file: mode 0644, no owner, 1970.
fn header(name: &str, bytes: u64) -> [u8; BLOCK] {
    let mut out = [0_u8; BLOCK];
    let mut put = |at: usize, text: &[u8]| {
        out.iter_mut().skip(at).zip(text).for_each(|(to, from)| *to = *from);
    };
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{bytes:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = out.iter().map(|b| u32::from(*b)).sum();
    let sum = format!("{sum:06o}\0 ");
    out.iter_mut().skip(148).zip(sum.as_bytes()).for_each(|(to, from)| *to = *from);
    out
}

fn padding(bytes: u64) -> u64 {
    (BLOCK as u64 - bytes % BLOCK as u64) % BLOCK as u64
}

/// Writes a file's header; its content follows by [`end_file`].
pub(crate) fn begin_file(out: &mut dyn Write, name: &str, bytes: u64) -> io::Result<()> {
    out.write_all(&header(name, bytes))
}

/// Fills up behind a file's content.
pub(crate) fn end_file(out: &mut dyn Write, bytes: u64) -> io::Result<()> {
    io::copy(&mut io::repeat(0).take(padding(bytes)), out).map(|_| ())
}

/// Ends the container.
pub(crate) fn end(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])
}

/// Reads a container from front to back.
pub(crate) struct Reader<R> {
    from: R,
    at: u64,
}

/// A file that comes next.
#[derive(Debug)]
pub(crate) struct Next {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

impl<R: Read> Reader<R> {
    pub(crate) fn new(from: R) -> Self {
        Self { from, at: 0 }
    }

    fn shape(&self) -> ContainerError {
        ContainerError::Shape(self.at)
    }

    fn block(&mut self) -> Result<[u8; BLOCK], ContainerError> {
        let mut block = [0; BLOCK];
        self.from.read_exact(&mut block).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => self.shape(),
            _ => e.into(),
        })?;
        self.at += BLOCK as u64;
        Ok(block)
    }

    /// Reads the next header; `None` at the end, behind which nothing may follow.
    pub(crate) fn next(&mut self) -> Result<Option<Next>, ContainerError> {
        let block = self.block()?;
        if block == [0; BLOCK] {
            let last = self.block()? == [0; BLOCK];
            let behind = self.from.read(&mut [0; 1])?;
            return if last && behind == 0 { Ok(None) } else { Err(self.shape()) };
        }
        let text = |at: usize, len: usize| {
            let field = block.get(at..at + len).unwrap_or_default();
            let field = field.split(|b| *b == 0).next().unwrap_or_default();
            std::str::from_utf8(field).ok()
        };
        let name = text(0, 100).ok_or_else(|| self.shape())?;
        let bytes = text(124, 12).and_then(|t| u64::from_str_radix(t, 8).ok()).ok_or_else(|| self.shape())?;
        if !known_name(name) {
            return Err(ContainerError::Name(name.chars().take(100).filter(|c| !c.is_control()).collect()));
        }
        if header(name, bytes) != block {
            return Err(self.shape());
        }
        Ok(Some(Next { name: name.to_owned(), bytes }))
    }

    /// Hands the content of the file just named to `take`, piece by piece.
    pub(crate) fn content(&mut self, next: &Next, mut take: impl FnMut(&[u8])) -> Result<(), ContainerError> {
        let mut buffer = vec![0; 1 << 16];
        let mut left = next.bytes;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let piece = buffer.get_mut(..most).unwrap_or_default();
            let n = self.from.read(piece)?;
            if n == 0 {
                return Err(self.shape());
            }
            take(piece.get(..n).unwrap_or_default());
            left = left.saturating_sub(n as u64);
            self.at += n as u64;
        }
        let fill = usize::try_from(padding(next.bytes)).unwrap_or(0);
        let mut block = [0; BLOCK];
        let rest = block.get_mut(..fill).unwrap_or_default();
        self.from.read_exact(rest).map_err(|_| ContainerError::Shape(self.at))?;
        if rest.iter().any(|b| *b != 0) {
            return Err(self.shape());
        }
        self.at += fill as u64;
        Ok(())
    }

    /// Reads the content of the file just named whole, if it is not longer than allowed.
    pub(crate) fn whole(&mut self, next: &Next, most: u64) -> Result<Vec<u8>, ContainerError> {
        if next.bytes > most {
            return Err(ContainerError::TooLarge(next.name.clone()));
        }
        let mut out = Vec::new();
        self.content(next, |piece| out.extend_from_slice(piece))?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests;
