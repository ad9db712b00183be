//! Reads one automerge change chunk with bounded work, before automerge sees a byte of it.
//!
//! Invariant: [`read_change`] is pure and total. It does O(input) work, never panics, and what it
//! accepts is exactly what automerge 0.12 itself would write for a flat document (one root map,
//! string keys, text / integer / boolean values): bytes that say the same thing in another way are
//! refused, because a saved document forgets the original bytes and is checked against their hash
//! when it is loaded again.
//!
//! Rejected alternative: `automerge::Change::from_bytes` under `catch_unwind`. A 113-byte change
//! takes it 4.4 GiB and 83 s, and an abort cannot be caught; inflating happens before its checksum
//! test. Here a run length is compared with what is left of the budget before anything is expanded.
//!
//! Not decided here, because it needs the document: whether the dependencies are known, whether
//! `seq` is the next one of its actor, whether `start_op` follows the dependencies exactly, whether
//! every predecessor exists, and which keys this author may write.

mod columns;
mod envelope;
mod error;
mod leb;
mod ops;
#[cfg(test)]
mod tests;

pub use envelope::{ChunkParts, MAX_CHUNK_BYTES, join, split};
pub use error::ChunkError;

use leb::Reader;

/// Bounds what [`read_change`] accepts.
///
/// Lengths are bytes of UTF-8. The defaults are the wire contract of both sides: a phone must not
/// write what headquarters would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkLimits {
    /// Caps the whole chunk, header included. Default 64 KiB.
    pub max_bytes: usize,
    /// Caps the operations of one change. Default 256.
    pub max_ops: usize,
    /// Caps the dependencies. Default 16.
    pub max_deps: usize,
    /// Caps one key. Default 128.
    pub max_key_bytes: usize,
    /// Caps one text value. Default 16 KiB.
    pub max_value_bytes: usize,
    /// Caps the commit message. Default 64.
    pub max_message_bytes: usize,
    /// Caps the predecessors of one operation, and the other actors a change may name; a whole
    /// change may name eight times as many predecessors. Default 64, so 512 for the change.
    pub max_preds: usize,
    /// Caps `start_op` + operations. Automerge keeps counters in 32 bits and panics beyond them.
    /// Default 1 000 000.
    pub max_op_counter: u64,
}

/// Caps the distance of a time from 1970, in any unit. Automerge stores the differences between
/// neighbouring times and, built with overflow checks, panics when one leaves 64 bits.
const MAX_TIME: u64 = 1 << 53;

impl Default for ChunkLimits {
    fn default() -> Self {
        Self {
            max_bytes: 64 * 1024,
            max_ops: 256,
            max_deps: 16,
            max_key_bytes: 128,
            max_value_bytes: 16 * 1024,
            max_message_bytes: 64,
            max_preds: 64,
            max_op_counter: 1_000_000,
        }
    }
}

/// Holds everything one accepted change says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeFacts {
    /// SHA-256 over chunk type, length and body: automerge's change hash.
    pub hash: [u8; 32],
    /// Hashes of the changes this one was made on top of, ascending and unique.
    pub deps: Vec<[u8; 32]>,
    /// The author's actor id. Claimed, not proven: the entry's signature proves it.
    pub actor: [u8; 16],
    /// Number of this change among its actor's changes, from 1; never above `start_op`.
    pub seq: u64,
    /// Counter of the first operation, from 1; operation `i` has `start_op + i`.
    pub start_op: u64,
    /// Wall time in the author's unit, within ±2⁵³ of 1970 and otherwise unchecked.
    pub time: i64,
    /// Commit message; never `Some("")`, which the format cannot tell from none.
    pub message: Option<String>,
    /// At least one operation, each on its own key, in the order written.
    pub ops: Vec<OpFacts>,
}

/// Holds one operation on the root map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpFacts {
    /// The key written; never empty, unique within its change.
    pub key: String,
    /// What happens to it.
    pub action: OpAction,
    /// Operations this one replaces, as (counter, actor), ascending and unique.
    pub preds: Vec<(u64, [u8; 16])>,
}

/// Says what an operation does to its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpAction {
    /// Gives the key a value.
    Set(Scalar),
    /// Takes the named predecessors away; there is at least one.
    Delete,
}

/// A value of a flat document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// UTF-8 text.
    Text(String),
    /// Signed integer.
    Int(i64),
    /// Truth value.
    Bool(bool),
}

/// Reads one uncompressed change chunk completely, or says why it is refused.
///
/// Does no IO, allocates at most a small multiple of `limits` and never panics. `bytes` must be
/// the chunk and nothing else.
///
/// # Errors
/// The first broken rule as a [`ChunkError`]; [`ChunkError::code`] is stable.
pub fn read_change(bytes: &[u8], limits: &ChunkLimits) -> Result<ChangeFacts, ChunkError> {
    if bytes.len() > limits.max_bytes {
        return Err(ChunkError::TooBig);
    }
    let (hash, body) = envelope::open(bytes)?;
    let mut reader = Reader::new(body);

    let deps = envelope::read_deps(&mut reader, limits.max_deps)?;
    if !deps.is_sorted_by(|a, b| a < b) {
        return Err(ChunkError::DepsOrder);
    }
    let actor = read_actor(&mut reader)?;
    let seq = reader.unsigned()?;
    let start_op = reader.unsigned()?;
    if start_op == 0 || start_op > limits.max_op_counter {
        return Err(ChunkError::StartOp);
    }
    // Every earlier change of the actor has an operation, so `seq` cannot outrun the counter.
    if seq == 0 || seq > start_op {
        return Err(ChunkError::Seq);
    }
    let time = reader.signed()?;
    if time.unsigned_abs() > MAX_TIME {
        return Err(ChunkError::Time);
    }
    let message = read_message(&mut reader, limits.max_message_bytes)?;
    let actors = read_actors(&mut reader, actor, limits.max_preds)?;

    let table = columns::Table::read(&mut reader)?;
    if !reader.is_empty() {
        return Err(ChunkError::ExtraBytes);
    }
    let ops = ops::read_ops(&table, &actors, start_op, limits)?;
    let count = u64::try_from(ops.len()).map_err(|_| ChunkError::TooManyOps)?;
    if start_op.saturating_add(count) > limits.max_op_counter {
        return Err(ChunkError::OpCounter);
    }
    Ok(ChangeFacts { hash, deps, actor, seq, start_op, time, message, ops })
}

fn read_actor(reader: &mut Reader<'_>) -> Result<[u8; 16], ChunkError> {
    let bytes = reader.prefixed()?;
    <[u8; 16]>::try_from(bytes).map_err(|_| ChunkError::ActorLength)
}

fn read_message(reader: &mut Reader<'_>, max: usize) -> Result<Option<String>, ChunkError> {
    let bytes = reader.prefixed()?;
    if bytes.len() > max {
        return Err(ChunkError::MessageLength);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ChunkError::Utf8)?;
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Reads the actor table that operation ids point into: the author first, then the others in
/// ascending order.
fn read_actors(
    reader: &mut Reader<'_>,
    author: [u8; 16],
    max_others: usize,
) -> Result<Vec<[u8; 16]>, ChunkError> {
    let others = reader.unsigned()?;
    if !usize::try_from(others).is_ok_and(|count| count <= max_others) {
        return Err(ChunkError::TooManyActors);
    }
    let mut actors = vec![author];
    let mut last: Option<[u8; 16]> = None;
    for _ in 0..others {
        let actor = read_actor(reader)?;
        if actor == author || last.is_some_and(|last| last >= actor) {
            return Err(ChunkError::ActorsOrder);
        }
        last = Some(actor);
        actors.push(actor);
    }
    Ok(actors)
}
