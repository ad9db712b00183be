//! The outside of a chunk: magic, checksum, type, length, and the parts a wire format can imply.
//!
//! Invariant: `join(split(b)) == b` for every `b` that [`split`] accepts. Rejected alternative:
//! decoding and encoding the whole change to save the same 50 to 100 bytes; the part from `seq` on
//! travels verbatim, so signatures and hashes cannot depend on our encoder.

use sha2::{Digest, Sha256};

use super::ChunkError;
use super::leb::{Reader, write_unsigned};

/// Caps any chunk that is split, joined, or read under the default limits, in bytes.
pub const MAX_CHUNK_BYTES: usize = 2 << 20;

/// Automerge's magic number.
const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];

/// The one accepted chunk type. 0 is a document, 2 a deflated change, 3 a bundle.
const CHANGE: u8 = 1;

/// The parts of a chunk that a wire format can imply: `join(split(b)) == b` exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkParts<'a> {
    /// Dependencies in the order of the chunk.
    pub deps: Vec<[u8; 32]>,
    /// Actor id of any length.
    pub actor: &'a [u8],
    /// From `seq` to the end, verbatim and unchecked.
    pub rest: &'a [u8],
}

/// Checks magic, type, length and checksum; returns the hash and the body.
pub(super) fn open(bytes: &[u8]) -> Result<([u8; 32], &[u8]), ChunkError> {
    let mut reader = Reader::new(bytes);
    if reader.array::<4>()? != MAGIC {
        return Err(ChunkError::Magic);
    }
    let checksum = reader.array::<4>()?;
    // Before the length and the hash: a deflate bomb is turned away at its ninth byte.
    let kind = reader.byte()?;
    if kind != CHANGE {
        return Err(ChunkError::ChunkType);
    }
    let length = reader.unsigned()?;
    let body = reader.take(length)?;
    if !reader.is_empty() {
        return Err(ChunkError::TrailingBytes);
    }
    let hash = hash_of(body);
    if hash.first_chunk::<4>() != Some(&checksum) {
        return Err(ChunkError::Checksum);
    }
    Ok((hash, body))
}

/// Reads the dependency list, which grows with the input at most.
pub(super) fn read_deps(reader: &mut Reader<'_>, max: usize) -> Result<Vec<[u8; 32]>, ChunkError> {
    let count = reader.unsigned()?;
    if !usize::try_from(count).is_ok_and(|count| count <= max) {
        return Err(ChunkError::TooManyDeps);
    }
    (0..count).map(|_| reader.array::<32>()).collect()
}

/// Splits a change chunk into what a wire format can imply and the rest.
///
/// Does no IO and does not look inside `rest`; use [`super::read_change`] before trusting it.
///
/// # Errors
/// Refuses more than [`MAX_CHUNK_BYTES`], a wrong magic, type, length or checksum, and padded
/// numbers.
pub fn split(bytes: &[u8]) -> Result<ChunkParts<'_>, ChunkError> {
    if bytes.len() > MAX_CHUNK_BYTES {
        return Err(ChunkError::TooBig);
    }
    let (_, body) = open(bytes)?;
    let mut reader = Reader::new(body);
    let deps = read_deps(&mut reader, MAX_CHUNK_BYTES)?;
    let actor = reader.prefixed()?;
    Ok(ChunkParts { deps, actor, rest: reader.rest() })
}

/// Builds the chunk of these parts: magic, checksum, type and length are computed.
///
/// Does no IO. The result is as trustworthy as `rest`: it is well formed only on the outside.
///
/// # Errors
/// [`ChunkError::TooBig`] if the chunk would exceed [`MAX_CHUNK_BYTES`].
pub fn join(deps: &[[u8; 32]], actor: &[u8], rest: &[u8]) -> Result<Vec<u8>, ChunkError> {
    let parts = deps.len().saturating_mul(32).saturating_add(actor.len());
    if parts.saturating_add(rest.len()) > MAX_CHUNK_BYTES {
        return Err(ChunkError::TooBig);
    }
    let mut body = Vec::with_capacity(parts + rest.len() + 4);
    write_length(&mut body, deps.len());
    for dep in deps {
        body.extend_from_slice(dep);
    }
    write_length(&mut body, actor.len());
    body.extend_from_slice(actor);
    body.extend_from_slice(rest);

    let hash = hash_of(&body);
    let mut chunk = Vec::with_capacity(body.len() + 12);
    chunk.extend_from_slice(&MAGIC);
    chunk.extend(hash.iter().take(4));
    chunk.push(CHANGE);
    write_length(&mut chunk, body.len());
    chunk.append(&mut body);
    if chunk.len() > MAX_CHUNK_BYTES {
        return Err(ChunkError::TooBig);
    }
    Ok(chunk)
}

fn hash_of(body: &[u8]) -> [u8; 32] {
    let mut head = vec![CHANGE];
    write_length(&mut head, body.len());
    Sha256::new().chain_update(&head).chain_update(body).finalize().into()
}

fn write_length(out: &mut Vec<u8>, length: usize) {
    // A usize never exceeds 64 bits on a supported target.
    write_unsigned(out, u64::try_from(length).unwrap_or(u64::MAX));
}
