//! A file on the disk that only this store's key opens.
//!
//! STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015) over ChaCha20-Poly1305 in segments of 64 KiB
//! with a 16-byte tag each; the last segment is marked as such, so a file cut at a segment's end is
//! noticed. Every file has a random key of its own, used for this one file, hence the fixed nonce.
//!
//! Invariant: any segment opens without the ones before it, so an upload goes on at any offset
//! without reading the file again. Rejected: one tag over the file, which a phone would have to
//! hold whole in memory.

use aead_stream::{NewStream as _, Nonce, StreamBE32, StreamPrimitive as _};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _};
use sha2::{Digest as _, Sha256};
use std::io::{self, Read, SeekFrom, Write};
use zeroize::ZeroizeOnDrop;

/// Bytes of a photo in one segment.
pub(crate) const SEGMENT: usize = 64 << 10;
const TAG: usize = 16;

/// The key of one file.
#[derive(Clone, zeroize::Zeroize, ZeroizeOnDrop)]
pub(crate) struct FileKey(pub(crate) [u8; 32]);

type Stream = StreamBE32<ChaCha20Poly1305>;

impl FileKey {
    fn stream(&self) -> Stream {
        let nonce: Nonce<ChaCha20Poly1305, Stream> = Nonce::<ChaCha20Poly1305, Stream>::default();
        Stream::from_aead(ChaCha20Poly1305::new(&self.0.into()), &nonce)
    }
}

/// What was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) sha256: [u8; 32],
    pub(crate) bytes: u64,
}

/// Seals everything a reader gives; an empty file becomes one empty segment.
pub(crate) fn seal(key: &FileKey, from: &mut dyn Read, to: &mut dyn Write) -> io::Result<Sealed> {
    let stream = key.stream();
    let (mut hash, mut bytes) = (Sha256::new(), 0_u64);
    let mut segment = read_segment(from)?;
    let mut position = 0_u32;
    loop {
        let next = if segment.len() < SEGMENT { Vec::new() } else { read_segment(from)? };
        let last = next.is_empty();
        hash.update(&segment);
        bytes += segment.len() as u64;
        let sealed = stream.encrypt(position, last, segment.as_slice()).map_err(|_| damaged())?;
        to.write_all(&sealed)?;
        if last {
            return Ok(Sealed { sha256: hash.finalize().into(), bytes });
        }
        // 2³² segments are 256 TiB.
        position = position.checked_add(1).ok_or_else(damaged)?;
        segment = next;
    }
}

/// Reads a segment's worth, or less at the end.
fn read_segment(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut segment = Vec::with_capacity(SEGMENT);
    from.take(SEGMENT as u64).read_to_end(&mut segment)?;
    Ok(segment)
}

/// Reads up to `most` bytes from `offset` of a sealed file of `bytes` plain bytes.
///
/// # Errors
/// `InvalidData` when a segment is not what was sealed; `UnexpectedEof` when the file is too short.
pub(crate) fn open_range(
    key: &FileKey,
    file: &mut (impl Read + io::Seek),
    bytes: u64,
    offset: u64,
    most: usize,
) -> io::Result<Vec<u8>> {
    let stream = key.stream();
    let segment_len = SEGMENT as u64;
    let last = last_segment(bytes);
    let end = bytes.min(offset.saturating_add(most as u64));
    let mut out = Vec::with_capacity(usize::try_from(end.saturating_sub(offset)).unwrap_or(0));
    let mut position = offset / segment_len;
    file.seek(SeekFrom::Start(position * (segment_len + TAG as u64)))?;
    while position <= last && (position * segment_len < end || bytes == 0) {
        let start = position * segment_len;
        let plain_len = usize::try_from((bytes - start).min(segment_len)).unwrap_or(SEGMENT);
        let mut sealed = vec![0; plain_len + TAG];
        file.read_exact(&mut sealed)?;
        let number = u32::try_from(position).map_err(|_| damaged())?;
        let plain = stream.decrypt(number, position == last, sealed.as_slice()).map_err(|_| damaged())?;
        let from = usize::try_from(offset.saturating_sub(start)).unwrap_or(SEGMENT);
        let to = usize::try_from(end.saturating_sub(start)).unwrap_or(SEGMENT).min(plain.len());
        out.extend_from_slice(plain.get(from..to).unwrap_or_default());
        position += 1;
    }
    Ok(out)
}

/// Reads a whole sealed file and says what it holds; also that nothing hangs behind it.
pub(crate) fn verify(key: &FileKey, file: &mut (impl Read + io::Seek), bytes: u64) -> io::Result<Sealed> {
    let mut hash = Sha256::new();
    let mut offset = 0;
    loop {
        let part = open_range(key, file, bytes, offset, SEGMENT)?;
        hash.update(&part);
        offset += part.len() as u64;
        if offset >= bytes {
            break;
        }
    }
    let sealed_len = bytes + (last_segment(bytes) + 1) * TAG as u64;
    if file.seek(SeekFrom::End(0))? != sealed_len {
        return Err(damaged());
    }
    Ok(Sealed { sha256: hash.finalize().into(), bytes })
}

fn last_segment(bytes: u64) -> u64 {
    bytes.saturating_sub(1) / SEGMENT as u64
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not what was sealed")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use std::io::Cursor;

    const KEY: FileKey = FileKey([9; 32]);

    fn plain(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 31 % 251) as u8).collect()
    }

    fn sealed(len: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let said = seal(&KEY, &mut Cursor::new(plain(len)), &mut out).unwrap();
        assert_eq!(said.bytes, len as u64);
        assert_eq!(said.sha256, <[u8; 32]>::from(Sha256::digest(plain(len))));
        out
    }

    fn range(bytes: &[u8], len: usize, offset: usize, most: usize) -> io::Result<Vec<u8>> {
        open_range(&KEY, &mut Cursor::new(bytes), len as u64, offset as u64, most)
    }

    const LENGTHS: [usize; 8] = [0, 1, 17, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 3 * SEGMENT + 5];

    #[test]
    fn every_range_opens_alone() {
        for len in LENGTHS {
            let file = sealed(len);
            let whole = plain(len);
            for offset in [0, 1, len / 2, len.saturating_sub(1), len, SEGMENT, SEGMENT - 1, 2 * SEGMENT] {
                for most in [0, 1, 100, SEGMENT, SEGMENT + 1, usize::MAX / 2] {
                    let from = offset.min(len);
                    let want = &whole[from..len.min(from.saturating_add(most))];
                    if offset <= len {
                        assert_eq!(range(&file, len, offset, most).unwrap(), want, "{len} {offset} {most}");
                    } else {
                        assert_eq!(range(&file, len, offset, most).unwrap(), b"", "{len} {offset} {most}");
                    }
                }
            }
            let said = verify(&KEY, &mut Cursor::new(&file), len as u64).unwrap();
            assert_eq!(said.sha256, <[u8; 32]>::from(Sha256::digest(&whole)));
        }
    }

    #[test]
    fn changed_cut_swapped_and_lengthened_files_are_noticed() {
        for len in LENGTHS {
            let file = sealed(len);
            let broken = |bytes: &[u8]| verify(&KEY, &mut Cursor::new(bytes), len as u64).is_err();
            for at in [0, file.len() / 2, file.len() - 1] {
                let mut changed = file.clone();
                changed[at] ^= 1;
                assert!(broken(&changed), "{len} {at}");
            }
            assert!(broken(&file[..file.len() - 1]) && broken(&[file.as_slice(), b"x"].concat()), "{len}");
            let other = verify(&FileKey([8; 32]), &mut Cursor::new(&file), len as u64);
            assert_eq!(other.unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
        let len = 3 * SEGMENT;
        let file = sealed(len);
        let (a, rest) = file.split_at(SEGMENT + TAG);
        let (b, c) = rest.split_at(SEGMENT + TAG);
        assert!(verify(&KEY, &mut Cursor::new([b, a, c].concat()), len as u64).is_err());
        // Cut at a segment's end: the last one there does not say that it is the last.
        assert!(verify(&KEY, &mut Cursor::new([a, b].concat()), 2 * SEGMENT as u64).is_err());
        assert_eq!(range(&file[..SEGMENT], len, 0, len).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
