//! Turns the columns of a flat change into operations.
//!
//! Invariant: every column yields one value for every operation and nothing is left over.
//! Rejected alternative: skipping what a flat document does not know (a counter, a nested map);
//! automerge would apply it all the same, so the whole change is refused.

use std::collections::BTreeSet;

use super::columns::{Table, exact_rows, rows};
use super::leb::Reader;
use super::{ChunkError, ChunkLimits, OpAction, OpFacts, Scalar};

/// What the action column may say; the other numbers are named in [`read_action`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Set,
    Delete,
}

/// A change may name this many times [`ChunkLimits::max_preds`] predecessors.
const PRED_FACTOR: usize = 8;

/// Reads all operations of a change.
///
/// `actors` is the table operation ids point into, the author first; `start_op` bounds the
/// predecessors, which must be older than the change.
pub(super) fn read_ops(
    table: &Table<'_>,
    actors: &[[u8; 16]],
    start_op: u64,
    limits: &ChunkLimits,
) -> Result<Vec<OpFacts>, ChunkError> {
    // The action column rules the row count, as in automerge.
    let actions = rows(table.action, limits.max_ops, &ChunkError::TooManyOps, read_action)?;
    if actions.is_empty() {
        return Err(ChunkError::NoOps);
    }
    let count = actions.len();
    refuse_inserts(table.insert, count)?;
    let keys = exact_rows(table.key, count, |reader| read_key(reader, limits.max_key_bytes))?;
    if keys.iter().collect::<BTreeSet<_>>().len() < count {
        return Err(ChunkError::DuplicateKey);
    }
    let metas = exact_rows(table.value_meta, count, Reader::unsigned)?;
    let preds = read_preds(table, count, actors, start_op, limits)?;

    let mut values = Reader::new(table.value);
    let mut ops = Vec::with_capacity(count);
    for (((action, key), meta), preds) in actions.into_iter().zip(keys).zip(metas).zip(preds) {
        let action = match action {
            Action::Set => OpAction::Set(read_value(meta, &mut values, limits.max_value_bytes)?),
            Action::Delete if meta != 0 => return Err(ChunkError::DeleteValue),
            Action::Delete if preds.is_empty() => return Err(ChunkError::DeleteNothing),
            Action::Delete => OpAction::Delete,
        };
        ops.push(OpFacts { key: key.to_owned(), action, preds });
    }
    if !values.is_empty() {
        return Err(ChunkError::ValueLength);
    }
    Ok(ops)
}

fn read_action(reader: &mut Reader<'_>) -> Result<Action, ChunkError> {
    match reader.unsigned()? {
        1 => Ok(Action::Set),
        3 => Ok(Action::Delete),
        // Make map, make table.
        0 | 6 => Err(ChunkError::NestedObject),
        2 => Err(ChunkError::ListOp),
        4 => Err(ChunkError::TextObject),
        5 => Err(ChunkError::Increment),
        // A mark; the first automerge called this number a link.
        7 => Err(ChunkError::Mark),
        _ => Err(ChunkError::UnknownAction),
    }
}

/// Accepts only "all false": one count of exactly the number of rows.
fn refuse_inserts(column: &[u8], count: usize) -> Result<(), ChunkError> {
    let mut reader = Reader::new(column);
    let not_inserts = reader.unsigned().map_err(|error| match error {
        ChunkError::Truncated => ChunkError::RowCount,
        other => other,
    })?;
    if !reader.is_empty() {
        Err(ChunkError::ListOp)
    } else if usize::try_from(not_inserts) == Ok(count) {
        Ok(())
    } else {
        Err(ChunkError::RowCount)
    }
}

fn read_key<'a>(reader: &mut Reader<'a>, max: usize) -> Result<&'a str, ChunkError> {
    let bytes = reader.prefixed()?;
    if bytes.is_empty() || bytes.len() > max {
        return Err(ChunkError::KeyLength);
    }
    std::str::from_utf8(bytes).map_err(|_| ChunkError::Utf8)
}

/// Reads one value: the low four bits of `meta` are its type, the others its length in bytes.
fn read_value(meta: u64, values: &mut Reader<'_>, max: usize) -> Result<Scalar, ChunkError> {
    let length = meta >> 4;
    match meta & 0x0f {
        0 => Err(ChunkError::NullValue),
        1 | 2 if length != 0 => Err(ChunkError::ValueLength),
        1 => Ok(Scalar::Bool(false)),
        2 => Ok(Scalar::Bool(true)),
        4 => {
            let mut number = Reader::new(values.take(length)?);
            let value = number.signed()?;
            if number.is_empty() { Ok(Scalar::Int(value)) } else { Err(ChunkError::ValueLength) }
        }
        6 => {
            if !usize::try_from(length).is_ok_and(|length| length <= max) {
                return Err(ChunkError::ValueTooBig);
            }
            let text = std::str::from_utf8(values.take(length)?).map_err(|_| ChunkError::Utf8)?;
            Ok(Scalar::Text(text.to_owned()))
        }
        8 => Err(ChunkError::Counter),
        _ => Err(ChunkError::ValueType),
    }
}

type Preds = Vec<(u64, [u8; 16])>;

/// Reads the predecessors of all rows, and checks that every other actor is one of them.
fn read_preds(
    table: &Table<'_>,
    count: usize,
    actors: &[[u8; 16]],
    start_op: u64,
    limits: &ChunkLimits,
) -> Result<Vec<Preds>, ChunkError> {
    let counts = exact_rows(table.pred_count, count, |reader| {
        usize::try_from(reader.unsigned()?)
            .ok()
            .filter(|preds| *preds <= limits.max_preds)
            .ok_or(ChunkError::TooManyPreds)
    })?;
    let total = counts.iter().fold(0, |sum: usize, preds| sum.saturating_add(*preds));
    if total > limits.max_preds.saturating_mul(PRED_FACTOR) {
        return Err(ChunkError::TooManyPreds);
    }
    let indexes = exact_rows(table.pred_actor, total, Reader::unsigned)?;
    let steps = exact_rows(table.pred_counter, total, Reader::signed)?;

    let mut used = BTreeSet::new();
    let mut counter = 0_i64;
    let mut ids = Vec::with_capacity(total);
    for (index, step) in indexes.into_iter().zip(steps) {
        let actor =
            usize::try_from(index).ok().and_then(|index| actors.get(index)).ok_or(ChunkError::PredActor)?;
        used.insert(index);
        counter = counter.checked_add(step).ok_or(ChunkError::PredCounter)?;
        let id = u64::try_from(counter)
            .ok()
            .filter(|id| (1..start_op).contains(id))
            .ok_or(ChunkError::PredCounter)?;
        ids.push((id, *actor));
    }
    // The author's own place, 0, is in the table whether it is used or not.
    used.remove(&0);
    if used.len() + 1 != actors.len() {
        return Err(ChunkError::UnusedActor);
    }

    let mut ids = ids.into_iter();
    let mut preds = Vec::with_capacity(count);
    for length in counts {
        let row: Preds = ids.by_ref().take(length).collect();
        if !row.is_sorted_by(|a, b| a < b) {
            return Err(ChunkError::PredOrder);
        }
        preds.push(row);
    }
    Ok(preds)
}
