//! Changes made column by column, so that each can be bent in one place.

use crate::{signed, unsigned};
use sha2::{Digest as _, Sha256};

/// Column numbers of a change.
#[allow(missing_docs, reason = "automerge's own names")]
pub mod column {
    pub const KEY: u64 = 0x15;
    pub const INSERT: u64 = 0x34;
    pub const ACTION: u64 = 0x42;
    pub const META: u64 = 0x56;
    pub const VALUE: u64 = 0x57;
    pub const PRED_COUNT: u64 = 0x70;
    pub const PRED_ACTOR: u64 = 0x71;
    pub const PRED_COUNTER: u64 = 0x73;
}

/// Puts magic, checksum, type and length in front of a body.
pub fn wrap(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut tail = vec![kind];
    unsigned(&mut tail, body.len() as u64);
    tail.extend_from_slice(body);
    let mut chunk = vec![0x85, 0x6f, 0x4a, 0x83];
    chunk.extend_from_slice(&Sha256::digest(&tail)[..4]);
    chunk.append(&mut tail);
    chunk
}

/// Returns the body of a chunk whose header is sound.
pub fn body_of(chunk: &[u8]) -> Vec<u8> {
    let length = chunk[9..].iter().take_while(|byte| **byte >= 0x80).count() + 1;
    chunk[9 + length..].to_vec()
}

/// A change in parts: actor 7…7 sets `k` to `v` as its first operation.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Dependencies.
    pub deps: Vec<[u8; 32]>,
    /// Actor.
    pub actor: Vec<u8>,
    /// Number among the actor's changes.
    pub seq: u64,
    /// Counter of the first operation.
    pub start_op: u64,
    /// Time.
    pub time: i64,
    /// Message.
    pub message: Vec<u8>,
    /// Other actors that it names.
    pub others: Vec<Vec<u8>>,
    /// Columns by number.
    pub columns: Vec<(u64, Vec<u8>)>,
    /// Bytes behind the columns.
    pub extra: Vec<u8>,
}

impl Default for Draft {
    fn default() -> Self {
        Self::new()
    }
}

impl Draft {
    /// Makes the unbent draft.
    pub fn new() -> Self {
        Self {
            deps: vec![],
            actor: vec![7; 16],
            seq: 1,
            start_op: 1,
            time: 0,
            message: vec![],
            others: vec![],
            columns: vec![
                (column::KEY, vec![0x7f, 1, b'k']),
                (column::INSERT, vec![1]),
                (column::ACTION, vec![0x7f, 1]),
                (column::META, vec![0x7f, 0x16]),
                (column::VALUE, vec![b'v']),
                (column::PRED_COUNT, vec![0x7f, 0]),
            ],
            extra: vec![],
        }
    }

    /// Replaces a column, or takes it out when `bytes` is empty.
    #[must_use]
    pub fn column(mut self, spec: u64, bytes: &[u8]) -> Self {
        self.columns.retain(|(other, _)| *other != spec);
        if !bytes.is_empty() {
            self.columns.push((spec, bytes.to_vec()));
            self.columns.sort();
        }
        self
    }

    /// The same author's later change that replaces these operations, all in one row.
    #[must_use]
    pub fn replacing(mut self, preds: &[(u64, i64)], others: &[[u8; 16]]) -> Self {
        (self.seq, self.start_op) = (2, 10);
        self.others = others.iter().map(|actor| actor.to_vec()).collect();
        let mut last = 0;
        let steps = preds.iter().map(|(_, counter)| counter - std::mem::replace(&mut last, *counter));
        let steps = run_or_literal(&steps.collect::<Vec<_>>(), |out, step| signed(out, *step));
        let actors: Vec<u64> = preds.iter().map(|(actor, _)| *actor).collect();
        let actors = run_or_literal(&actors, |out, actor| unsigned(out, *actor));
        self.column(column::PRED_COUNT, &[0x7f, preds.len() as u8])
            .column(column::PRED_ACTOR, &actors)
            .column(column::PRED_COUNTER, &steps)
    }

    /// Writes what stands behind the chunk's length.
    pub fn body(&self) -> Vec<u8> {
        let mut out = vec![];
        unsigned(&mut out, self.deps.len() as u64);
        self.deps.iter().for_each(|dep| out.extend_from_slice(dep));
        prefixed(&mut out, &self.actor);
        unsigned(&mut out, self.seq);
        unsigned(&mut out, self.start_op);
        signed(&mut out, self.time);
        prefixed(&mut out, &self.message);
        unsigned(&mut out, self.others.len() as u64);
        self.others.iter().for_each(|actor| prefixed(&mut out, actor));
        unsigned(&mut out, self.columns.len() as u64);
        for (spec, bytes) in &self.columns {
            unsigned(&mut out, *spec);
            unsigned(&mut out, bytes.len() as u64);
        }
        self.columns.iter().for_each(|(_, bytes)| out.extend_from_slice(bytes));
        out.extend_from_slice(&self.extra);
        out
    }

    /// Builds the chunk.
    pub fn build(&self) -> Vec<u8> {
        wrap(1, &self.body())
    }
}

/// Encodes equal values as one run and anything else as one literal.
fn run_or_literal<T: PartialEq>(values: &[T], write: impl Fn(&mut Vec<u8>, &T)) -> Vec<u8> {
    let mut out = vec![];
    let count = values.len() as i64;
    if count > 1 && values.iter().all(|value| *value == values[0]) {
        signed(&mut out, count);
        write(&mut out, &values[0]);
    } else {
        signed(&mut out, -count);
        values.iter().for_each(|value| write(&mut out, value));
    }
    out
}

fn prefixed(out: &mut Vec<u8>, bytes: &[u8]) {
    unsigned(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
