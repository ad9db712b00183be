//! The automerge part of the gate: what a phone sent is tried on a copy before it is stored.
//!
//! Invariant: bytes of a phone reach automerge only after the strict chunk reader, the schema and
//! the document have accepted them, and only inside a worker process with memory, CPU and stack
//! limits ([`WorkerPool`]); headquarters itself decodes nothing but its own worker's answers. A job
//! never gets lost: whatever a worker does, each change has a verdict in the end.
//!
//! Rejected alternative: `catch_unwind` in the server process. Running out of memory or stack
//! aborts, and an endless loop cannot be caught at all (F34–F38).

mod plan;
mod pool;
mod process;
mod steps;
mod trial;
mod wire;
mod worker;

pub use pool::{WorkerCommand, WorkerLimits, WorkerPool};
pub use trial::trial;
pub(crate) use worker::restrict;
pub use worker::{worker_main, worker_with};

use lanewalk_model::{
    id::{DocId, Hash},
    view::DocView,
};
use std::collections::BTreeMap;

/// Most changes of one document (FAULTS.md §e).
pub const MAX_DOCUMENT_CHANGES: usize = 2_000;
/// Most bytes of one saved document (FAULTS.md §e).
pub const MAX_DOCUMENT_BYTES: usize = 256 << 10;
/// Most bytes of changes tried in one job; what comes after is refused as `document_too_large`.
///
/// A document within the other two caps never needs as much: the shortest operation that brings
/// its own 128-byte key into a change leaves 5 bytes in the document, so 256 KiB are full after
/// about 7 MiB of changes.
pub const MAX_JOB_BYTES: usize = 16 << 20;

/// Work for the gate: the changes of one document in chain order, on what headquarters holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The document.
    pub doc: DocId,
    /// What `Document::save` gave; `None` for a document that does not exist yet.
    pub base: Option<Vec<u8>>,
    /// Uncompressed change chunks, each after those of its own device that it continues.
    pub changes: Vec<Vec<u8>>,
}

impl Job {
    fn bytes(&self) -> usize {
        self.base.as_ref().map_or(0, Vec::len) + self.changes.iter().map(Vec::len).sum::<usize>()
    }
}

/// Why a change was not accepted.
///
/// Codes are stable: those of `lanewalk_model::chunk::ChunkError::code`, `schema_unknown_key`,
/// `schema_wrong_value`, `schema_immutable`, `schema_shrinks`, `schema_not_removable`,
/// `missing_dependency`, `not_next`, `wrong_predecessors`, `unstable` (does not apply, or the
/// document would not survive saving and loading), `too_many_changes`, `document_too_large`,
/// `gate_crashed`, `gate_timeout`, and the two that blame headquarters: see [`Self::is_final`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Stable code.
    pub code: String,
    /// Words for support. Never text that the sender chose freely.
    pub detail: String,
}

/// No worker process could be started: nothing is known about the change.
pub const GATE_UNAVAILABLE: &str = "gate_unavailable";
/// The stored document does not load: rebuild it from its entries and try again.
pub const BASE_UNREADABLE: &str = "base_unreadable";

impl Rejection {
    fn new(code: &str, detail: impl Into<String>) -> Self {
        Self { code: code.into(), detail: detail.into() }
    }

    /// Says whether the change itself is at fault. When not (`gate_unavailable`,
    /// `base_unreadable`), headquarters must answer "later" and put nothing into quarantine.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.code != GATE_UNAVAILABLE && self.code != BASE_UNREADABLE
    }
}

/// What became of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobResult {
    /// One verdict per change, in the order of the job. A change that the document already had
    /// is accepted again.
    pub verdicts: Vec<Result<(), Rejection>>,
    /// The document with every accepted change; the base unchanged when none was new, empty when
    /// there is neither.
    pub saved: Vec<u8>,
    /// Its heads, sorted.
    pub heads: Vec<Hash>,
    /// Its content.
    pub view: DocView,
}

impl JobResult {
    /// Refuses every change of a job whose document could not even be read.
    fn refuse_all(job: &Job, why: &Rejection) -> Self {
        Self {
            verdicts: job.changes.iter().map(|_| Err(why.clone())).collect(),
            saved: job.base.clone().unwrap_or_default(),
            heads: Vec::new(),
            view: DocView::new(job.doc.kind, BTreeMap::new()),
        }
    }
}

/// Something that judges changes.
pub trait Gate: Send {
    /// Judges jobs and returns one result each, in the same order. Blocks until all are done.
    fn run(&mut self, jobs: Vec<Job>) -> Vec<JobResult>;
}

/// Judges in this process, for the simulator and for tests: no limit but the caps is enforced.
#[derive(Debug, Clone, Copy, Default)]
pub struct InProcess;

impl Gate for InProcess {
    fn run(&mut self, jobs: Vec<Job>) -> Vec<JobResult> {
        jobs.iter().map(trial).collect()
    }
}
