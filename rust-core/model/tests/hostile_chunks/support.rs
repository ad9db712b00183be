//! Hand-made chunks: a valid change that can be bent in one place, with length and checksum right.

use std::time::{Duration, Instant};

use lanewalk_model::chunk::{ChunkLimits, read_change};
use sha2::{Digest, Sha256};

pub(crate) const KEY: u64 = 0x15;
pub(crate) const INSERT: u64 = 0x34;
pub(crate) const ACTION: u64 = 0x42;
pub(crate) const META: u64 = 0x56;
pub(crate) const VALUE: u64 = 0x57;
pub(crate) const PRED_COUNT: u64 = 0x70;
pub(crate) const PRED_ACTOR: u64 = 0x71;
pub(crate) const PRED_COUNTER: u64 = 0x73;

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

/// Puts magic, checksum, type and length in front of a body.
pub(crate) fn wrap(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut tail = vec![kind];
    unsigned(&mut tail, body.len() as u64);
    tail.extend_from_slice(body);
    let mut chunk = vec![0x85, 0x6f, 0x4a, 0x83];
    chunk.extend_from_slice(&Sha256::digest(&tail)[..4]);
    chunk.append(&mut tail);
    chunk
}

/// Returns the body of a chunk whose header is sound.
pub(crate) fn body_of(chunk: &[u8]) -> Vec<u8> {
    let length = chunk[9..].iter().take_while(|byte| **byte >= 0x80).count() + 1;
    chunk[9 + length..].to_vec()
}

/// A change in parts: author 7…7 sets `k` to `v` as its first operation.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) deps: Vec<[u8; 32]>,
    pub(crate) actor: Vec<u8>,
    pub(crate) seq: u64,
    pub(crate) start_op: u64,
    pub(crate) time: i64,
    pub(crate) message: Vec<u8>,
    pub(crate) others: Vec<Vec<u8>>,
    pub(crate) columns: Vec<(u64, Vec<u8>)>,
    pub(crate) extra: Vec<u8>,
}

impl Draft {
    pub(crate) fn new() -> Self {
        Self {
            deps: vec![],
            actor: vec![7; 16],
            seq: 1,
            start_op: 1,
            time: 0,
            message: vec![],
            others: vec![],
            columns: vec![
                (KEY, vec![0x7f, 1, b'k']),
                (INSERT, vec![1]),
                (ACTION, vec![0x7f, 1]),
                (META, vec![0x7f, 0x16]),
                (VALUE, vec![b'v']),
                (PRED_COUNT, vec![0x7f, 0]),
            ],
            extra: vec![],
        }
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

    /// The same author's later change that replaces these operations, all in one row.
    pub(crate) fn replacing(mut self, preds: &[(u64, i64)], others: &[[u8; 16]]) -> Self {
        (self.seq, self.start_op) = (2, 10);
        self.others = others.iter().map(|actor| actor.to_vec()).collect();
        let mut last = 0;
        let steps = preds.iter().map(|(_, counter)| counter - std::mem::replace(&mut last, *counter));
        let steps = run_or_literal(&steps.collect::<Vec<_>>(), |out, step| signed(out, *step));
        let actors: Vec<u64> = preds.iter().map(|(actor, _)| *actor).collect();
        let actors = run_or_literal(&actors, |out, actor| unsigned(out, *actor));
        self.column(PRED_COUNT, &[0x7f, preds.len() as u8])
            .column(PRED_ACTOR, &actors)
            .column(PRED_COUNTER, &steps)
    }

    pub(crate) fn body(&self) -> Vec<u8> {
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

    pub(crate) fn build(&self) -> Vec<u8> {
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

/// Reads under the default limits and returns the refusal's code, or `"ok"`.
pub(crate) fn code(chunk: &[u8]) -> &'static str {
    read_change(chunk, &ChunkLimits::default()).map_or_else(|error| error.code(), |_| "ok")
}

/// Returns the code, having required that the best of five readings took under 10 ms.
pub(crate) fn refused(chunk: &[u8]) -> &'static str {
    let best = (0..5).map(|_| {
        let start = Instant::now();
        let _ = code(chunk);
        start.elapsed()
    });
    assert!(best.min().unwrap() < Duration::from_millis(10));
    code(chunk)
}

/// Returns the process's peak memory in KiB, where the system tells it.
pub(crate) fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
}
