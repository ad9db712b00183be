//! Changes made column by column, so that each can be bent in one place; length and checksum stay
//! right. Rejected: flipping bits of honest changes, which only the checksum would notice.

use lanewalk_model::{chunk, id::ActorId};

/// A change in parts: a new actor sets the key `name` to `v` on nothing.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Dependencies.
    pub deps: Vec<[u8; 32]>,
    /// Actor.
    pub actor: ActorId,
    /// Number among the actor's changes.
    pub seq: u64,
    /// Counter of the first operation.
    pub start_op: u64,
    /// Author.
    pub message: String,
    /// Columns by number.
    pub columns: Vec<(u64, Vec<u8>)>,
}

/// Column numbers of a change.
#[allow(missing_docs, reason = "automerge's own names")]
pub mod column {
    pub const KEY: u64 = 0x15;
    pub const INSERT: u64 = 0x34;
    pub const ACTION: u64 = 0x42;
    pub const META: u64 = 0x56;
    pub const VALUE: u64 = 0x57;
    pub const PRED_COUNT: u64 = 0x70;
}

impl Draft {
    /// Makes the unbent draft.
    pub fn new(actor: ActorId, message: &str) -> Self {
        let columns = vec![
            (column::KEY, [&[0x7f, 4], b"name".as_slice()].concat()),
            (column::INSERT, vec![1]),
            (column::ACTION, vec![0x7f, 1]),
            (column::META, vec![0x7f, 0x16]),
            (column::VALUE, vec![b'v']),
            (column::PRED_COUNT, vec![0x7f, 0]),
        ];
        Self { deps: vec![], actor, seq: 1, start_op: 1, message: message.to_owned(), columns }
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

    /// Builds the chunk.
    pub fn build(&self) -> Vec<u8> {
        let mut rest = Vec::new();
        unsigned(&mut rest, self.seq);
        unsigned(&mut rest, self.start_op);
        rest.push(0);
        unsigned(&mut rest, self.message.len() as u64);
        rest.extend(self.message.as_bytes());
        rest.push(0);
        unsigned(&mut rest, self.columns.len() as u64);
        for (spec, bytes) in &self.columns {
            unsigned(&mut rest, *spec);
            unsigned(&mut rest, bytes.len() as u64);
        }
        self.columns.iter().for_each(|(_, bytes)| rest.extend(bytes));
        chunk::join(&self.deps, &self.actor.0, &rest).unwrap()
    }
}

/// Appends an unsigned LEB128 number.
pub fn unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed LEB128 number.
pub fn signed(out: &mut Vec<u8>, mut value: i64) {
    while !(-64..64).contains(&value) {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}
