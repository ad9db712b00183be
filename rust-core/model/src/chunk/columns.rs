//! The column table of a change and its run-length code.
//!
//! Invariant: a column is expanded only up to a row budget the caller names, and has one spelling:
//! every run is as long as it can be. Rejected alternative: expanding first and encoding again to
//! compare; it needs a second codec, while with no nulls in any column the two rules "neighbours
//! differ across a boundary" and "no literal follows a literal" say the same.

use super::ChunkError;
use super::leb::Reader;

/// Key names. A column's specification is its id × 16 + its type (automerge binary format).
const KEY: u64 = 0x15;
const INSERT: u64 = 0x34;
const ACTION: u64 = 0x42;
const VALUE_META: u64 = 0x56;
const VALUE: u64 = 0x57;
const PRED_COUNT: u64 = 0x70;
const PRED_ACTOR: u64 = 0x71;
const PRED_COUNTER: u64 = 0x73;

/// Columns that a flat document never has; automerge leaves them out when every row is null.
const OBJECT_ACTOR: u64 = 0x01;
const OBJECT_COUNTER: u64 = 0x02;
const ELEMENT_ACTOR: u64 = 0x11;
const ELEMENT_COUNTER: u64 = 0x13;
const EXPAND: u64 = 0x94;
const MARK_NAME: u64 = 0xa5;

/// Set in a specification whose column is deflated.
const DEFLATED: u64 = 0x08;

/// The raw bytes of the columns a flat change has; an absent column is empty.
#[derive(Debug, Default)]
pub(super) struct Table<'a> {
    pub(super) key: &'a [u8],
    pub(super) insert: &'a [u8],
    pub(super) action: &'a [u8],
    pub(super) value_meta: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) pred_count: &'a [u8],
    pub(super) pred_actor: &'a [u8],
    pub(super) pred_counter: &'a [u8],
}

impl<'a> Table<'a> {
    /// Reads the column list and takes each column's bytes; leaves the reader behind the last.
    ///
    /// Refuses unknown, deflated, empty, repeated and disordered columns.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, ChunkError> {
        let count = reader.unsigned()?;
        let mut specs: Vec<(u64, u64)> = Vec::new();
        // Bounded whatever the count says: specifications must be known and ascend.
        for _ in 0..count {
            let spec = reader.unsigned()?;
            let length = reader.unsigned()?;
            if spec & DEFLATED != 0 && spec <= u64::from(u32::MAX) {
                return Err(ChunkError::CompressedColumn);
            }
            if !is_known(spec) {
                return Err(ChunkError::UnknownColumn);
            }
            if specs.last().is_some_and(|(last, _)| *last >= spec) {
                return Err(ChunkError::ColumnOrder);
            }
            if length == 0 {
                return Err(ChunkError::EmptyColumn);
            }
            specs.push((spec, length));
        }
        refuse_structure(&specs)?;
        let mut table = Self::default();
        for (spec, length) in specs {
            let bytes = reader.take(length)?;
            match spec {
                KEY => table.key = bytes,
                INSERT => table.insert = bytes,
                ACTION => table.action = bytes,
                VALUE_META => table.value_meta = bytes,
                VALUE => table.value = bytes,
                PRED_COUNT => table.pred_count = bytes,
                PRED_ACTOR => table.pred_actor = bytes,
                PRED_COUNTER => table.pred_counter = bytes,
                _ => return Err(ChunkError::UnknownColumn),
            }
        }
        Ok(table)
    }
}

fn is_known(spec: u64) -> bool {
    matches!(
        spec,
        KEY | INSERT
            | ACTION
            | VALUE_META
            | VALUE
            | PRED_COUNT
            | PRED_ACTOR
            | PRED_COUNTER
            | OBJECT_ACTOR
            | OBJECT_COUNTER
            | ELEMENT_ACTOR
            | ELEMENT_COUNTER
            | EXPAND
            | MARK_NAME
    )
}

/// Refuses columns that only marks, sequences and nested objects have, the most telling first.
fn refuse_structure(specs: &[(u64, u64)]) -> Result<(), ChunkError> {
    let has = |wanted: [u64; 2]| specs.iter().any(|(spec, _)| wanted.contains(spec));
    if has([EXPAND, MARK_NAME]) {
        Err(ChunkError::Mark)
    } else if has([ELEMENT_ACTOR, ELEMENT_COUNTER]) {
        Err(ChunkError::ListOp)
    } else if has([OBJECT_ACTOR, OBJECT_COUNTER]) {
        Err(ChunkError::NestedObject)
    } else {
        Ok(())
    }
}

/// Expands a run-length column of at most `budget` rows.
///
/// `over` is the error for more rows; it is decided from the run's length, before expanding.
pub(super) fn rows<'a, T, F>(
    column: &'a [u8],
    budget: usize,
    over: &ChunkError,
    mut read: F,
) -> Result<Vec<T>, ChunkError>
where
    T: Copy + PartialEq,
    F: FnMut(&mut Reader<'a>) -> Result<T, ChunkError>,
{
    let mut reader = Reader::new(column);
    let mut rows: Vec<T> = Vec::new();
    let mut after_literal = false;
    while !reader.is_empty() {
        let head = reader.signed()?;
        if head == 0 {
            return Err(ChunkError::NullRow);
        }
        let count = usize::try_from(head.unsigned_abs()).unwrap_or(usize::MAX);
        if count > budget.saturating_sub(rows.len()) {
            return Err(over.clone());
        }
        let literal = head < 0;
        // A run of one is spelt as a literal, and two literals in a row as one.
        if (literal && after_literal) || head == 1 {
            return Err(ChunkError::NotCanonical);
        }
        after_literal = literal;
        let (values, repeat) = if literal { (count, 1) } else { (1, count) };
        for _ in 0..values {
            let value = read(&mut reader)?;
            if rows.last() == Some(&value) {
                return Err(ChunkError::NotCanonical);
            }
            rows.extend(std::iter::repeat_n(value, repeat));
        }
    }
    Ok(rows)
}

/// Like [`rows`] for a column that must have exactly `count` rows.
pub(super) fn exact_rows<'a, T, F>(column: &'a [u8], count: usize, read: F) -> Result<Vec<T>, ChunkError>
where
    T: Copy + PartialEq,
    F: FnMut(&mut Reader<'a>) -> Result<T, ChunkError>,
{
    let rows = rows(column, count, &ChunkError::RowCount, read)?;
    if rows.len() == count { Ok(rows) } else { Err(ChunkError::RowCount) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    type Rows = Result<Vec<u64>, ChunkError>;

    fn read(column: &[u8], budget: usize) -> Rows {
        rows(column, budget, &ChunkError::TooManyOps, Reader::unsigned)
    }

    #[test]
    fn runs_have_one_spelling_and_a_budget() {
        let cases: &[(&[u8], Rows)] = &[
            (&[], Ok(vec![])),
            (&[3, 7], Ok(vec![7, 7, 7])),
            (&[0x7d, 1, 2, 1], Ok(vec![1, 2, 1])),
            (&[0x7f, 1, 2, 5], Ok(vec![1, 5, 5])),
            (&[2, 5, 2, 6], Ok(vec![5, 5, 6, 6])),
            (&[1, 7], Err(ChunkError::NotCanonical)),
            (&[2, 7, 2, 7], Err(ChunkError::NotCanonical)),
            (&[2, 7, 0x7f, 7], Err(ChunkError::NotCanonical)),
            (&[0x7e, 1, 1], Err(ChunkError::NotCanonical)),
            (&[0x7f, 1, 0x7f, 2], Err(ChunkError::NotCanonical)),
            (&[0x7f, 5, 2, 5], Err(ChunkError::NotCanonical)),
            (&[0, 3], Err(ChunkError::NullRow)),
            (&[5, 7], Err(ChunkError::TooManyOps)),
            (&[2, 7, 3, 8], Err(ChunkError::TooManyOps)),
            (&[0x80, 0xad, 0xe2, 0x04, 7], Err(ChunkError::TooManyOps)),
            (&[0x7b, 1, 2, 3, 4, 5], Err(ChunkError::TooManyOps)),
            (&[2], Err(ChunkError::Truncated)),
            (&[0x7e, 1], Err(ChunkError::Truncated)),
        ];
        for (column, expected) in cases {
            assert_eq!(&read(column, 4), expected, "{column:?}");
        }
        let lowest = [128, 128, 128, 128, 128, 128, 128, 128, 128, 0x7f];
        assert_eq!(read(&lowest, 4), Err(ChunkError::TooManyOps));
    }
}
