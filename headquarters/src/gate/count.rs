//! Counts the changes of a saved document.
//!
//! Invariant: reads only what headquarters itself saved, and looks no further than the first
//! column, which has one row per change. Rejected alternative: trusting the caller's count of
//! entries, which would leave the cap outside the trial.

/// Counts the changes in what `Document::save` gave; `None` if the bytes are something else.
pub(super) fn saved_changes(saved: &[u8]) -> Option<usize> {
    // Magic and checksum; then type 0, a document.
    let rest = saved.get(8..)?;
    let (&0, mut rest) = rest.split_first()? else { return None };
    let _length = unsigned(&mut rest)?;
    for _ in 0..unsigned(&mut rest)? {
        let actor = unsigned(&mut rest)?;
        take(&mut rest, actor)?;
    }
    let heads = unsigned(&mut rest)?;
    take(&mut rest, heads.checked_mul(32)?)?;
    let mut columns = Vec::new();
    for _ in 0..unsigned(&mut rest)? {
        columns.push((unsigned(&mut rest)?, unsigned(&mut rest)?));
    }
    for _ in 0..unsigned(&mut rest)? {
        let _spec_and_length = (unsigned(&mut rest)?, unsigned(&mut rest)?);
    }
    match columns.first() {
        // 1 is "actor of the change", the lowest specification there is.
        Some(&(1, length)) => rows(take(&mut rest, length)?),
        Some(_) => None,
        None => Some(0),
    }
}

/// Counts the rows of a run-length encoded column of small numbers.
fn rows(mut column: &[u8]) -> Option<usize> {
    let mut rows = 0_usize;
    while !column.is_empty() {
        let run = signed(&mut column)?;
        let count = usize::try_from(run.unsigned_abs()).ok()?;
        match run {
            1.. => {
                unsigned(&mut column)?;
            }
            0 => return None,
            // Each literal takes a byte at least, so a wrong count ends with the column.
            _ => {
                for _ in 0..count {
                    unsigned(&mut column)?;
                }
            }
        }
        rows = rows.checked_add(count)?;
    }
    Some(rows)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

fn unsigned(rest: &mut &[u8]) -> Option<usize> {
    usize::try_from(leb128(rest)?.0).ok()
}

fn signed(rest: &mut &[u8]) -> Option<i64> {
    let (value, bits) = leb128(rest)?;
    let unused = 64_u32.checked_sub(bits)?;
    Some((value << unused).cast_signed() >> unused)
}

/// Reads up to nine groups of seven bits; returns the value and the number of bits.
fn leb128(rest: &mut &[u8]) -> Option<(u64, u32)> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value, shift + 7));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use lanewalk_model::{
        document::{Document, Edit, Stamp},
        id::ActorId,
        schema::DocKind,
        time::Hlc,
    };

    #[test]
    fn counts_what_was_written() {
        let mut doc = Document::new(DocKind::Order);
        assert_eq!(saved_changes(&doc.save()), Some(0));
        for n in 0..300_u16 {
            // Runs of one, runs of many, and more actors than one byte of a run can say.
            let actor = if n < 100 { n / 7 } else { n / 40 };
            let stamp =
                Stamp { actor: ActorId([actor as u8 + 1; 16]), worker: "g1".into(), hlc: Hlc(i64::from(n)) };
            doc.edit(&stamp, &[Edit::set("severity", i64::from(n))]).unwrap().unwrap();
            assert_eq!(saved_changes(&doc.save()), Some(usize::from(n) + 1));
        }
    }

    #[test]
    fn other_bytes_are_no_document() {
        let mut doc = Document::new(DocKind::Order);
        let stamp = Stamp { actor: ActorId([1; 16]), worker: "g1".into(), hlc: Hlc(1) };
        let change = doc.edit(&stamp, &[Edit::set("severity", 1)]).unwrap().unwrap();
        assert_eq!(saved_changes(&change), None);
        assert_eq!(saved_changes(&[]), None);
        let saved = doc.save();
        for end in 0..60 {
            assert_eq!(saved_changes(&saved[..end]), None);
        }
    }
}
