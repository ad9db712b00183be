//! Hand-made changes and short forms for the tests of the gate.

use lanewalk_headquarters::gate::JobResult;
use lanewalk_model::{
    chunk::join,
    document::{Document, Edit, Stamp},
    id::ActorId,
    time::Hlc,
};

pub(crate) const KEY: u64 = 0x15;
pub(crate) const INSERT: u64 = 0x34;
pub(crate) const ACTION: u64 = 0x42;
pub(crate) const META: u64 = 0x56;
pub(crate) const VALUE: u64 = 0x57;
pub(crate) const PRED_COUNT: u64 = 0x70;

/// Returns each verdict's code, `ok` for what was accepted.
pub(crate) fn codes(result: &JobResult) -> Vec<&str> {
    result.verdicts.iter().map(|v| v.as_ref().map_or_else(|why| why.code.as_str(), |()| "ok")).collect()
}

/// Writes as one change of an actor.
pub(crate) fn edit(doc: &mut Document, actor: u8, edits: &[Edit]) -> Vec<u8> {
    let stamp =
        Stamp { actor: ActorId([actor; 16]), worker: format!("g{actor}"), hlc: Hlc(i64::from(actor)) };
    doc.edit(&stamp, edits).unwrap().unwrap()
}

/// Appends an unsigned LEB128 number.
pub(crate) fn unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed LEB128 number.
pub(crate) fn signed(out: &mut Vec<u8>, mut value: i64) {
    while !(-64..64).contains(&value) {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

/// A change in parts: a new actor sets `k` to `v` on nothing.
pub(crate) struct Draft {
    pub(crate) start_op: u64,
    columns: Vec<(u64, Vec<u8>)>,
}

impl Draft {
    pub(crate) fn new() -> Self {
        let columns = vec![
            (KEY, vec![0x7f, 1, b'k']),
            (INSERT, vec![1]),
            (ACTION, vec![0x7f, 1]),
            (META, vec![0x7f, 0x16]),
            (VALUE, vec![b'v']),
            (PRED_COUNT, vec![0x7f, 0]),
        ];
        Self { start_op: 1, columns }
    }

    /// Replaces a column, or takes it out when `bytes` is empty.
    pub(crate) fn column(mut self, spec: u64, bytes: &[u8]) -> Self {
        self.columns.retain(|(other, _)| *other != spec);
        if !bytes.is_empty() {
            self.columns.push((spec, bytes.to_vec()));
            self.columns.sort();
        }
        self
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let mut rest = vec![1];
        unsigned(&mut rest, self.start_op);
        // Time 0, no message, no other actors.
        rest.extend([0, 0, 0]);
        unsigned(&mut rest, self.columns.len() as u64);
        for (spec, bytes) in &self.columns {
            unsigned(&mut rest, *spec);
            unsigned(&mut rest, bytes.len() as u64);
        }
        for (_, bytes) in &self.columns {
            rest.extend_from_slice(bytes);
        }
        join(&[], &[7; 16], &rest).unwrap()
    }
}
