//! One job on one document: check, apply, save, load again, compare.
//!
//! Invariant: pure, and never panics out. What [`trial`] returns as saved has been loaded again
//! and found equal, and contains every accepted change and nothing of a refused one. The common
//! job costs one apply per change and one save-and-load; only when that last check fails is the
//! guilty change looked for, by halving, so that a crowd of changes cannot make it quadratic.
//!
//! Rejected alternative: saving and loading after each change, which is what halving avoids: 2,000
//! changes on a document of 256 KiB would take most of a minute.

use super::{
    BASE_UNREADABLE, Job, JobResult, MAX_DOCUMENT_BYTES, MAX_DOCUMENT_CHANGES, MAX_JOB_BYTES, Rejection,
};
use lanewalk_model::{
    chunk::read_change,
    document::{Document, DocumentError, SchemaError, SchemaProblem, check_schema},
    id::{DocId, Hash},
    view::DocView,
};
use lanewalk_protocol::limits::DEVICE_CHANGE;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How often a job may force its document to be built again before everything new is refused.
const MAX_REBUILDS: usize = 8;

type Verdict = Result<(), Rejection>;

/// Judges the changes of one document. What a worker runs; does no IO.
#[must_use]
pub fn trial(job: &Job) -> JobResult {
    judge(job).unwrap_or_else(|why| JobResult::refuse_all(job, &why))
}

/// Returns how many leading changes stay within [`MAX_JOB_BYTES`].
pub(super) fn within_job_bytes(job: &Job) -> usize {
    let sums = job.changes.iter().scan(0_usize, |sum, change| {
        *sum += change.len();
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= MAX_JOB_BYTES).count()
}

/// The refusal of what comes after them.
pub(super) fn beyond_job_bytes() -> Rejection {
    Rejection::new("document_too_large", "more bytes of changes than any document can hold")
}

fn judge(job: &Job) -> Result<JobResult, Rejection> {
    let (within, _) = job.changes.split_at(within_job_bytes(job));
    let mut verdicts: Vec<Verdict> = Vec::with_capacity(job.changes.len());
    let mut base = job.base.clone();
    let mut closed = None;
    let mut rebuilds = 0;
    // Each round ends the job or finds one guilty change and goes on behind it.
    let settled = loop {
        let rest: Vec<&[u8]> = within.iter().skip(verdicts.len()).map(Vec::as_slice).collect();
        let mut pass = Pass::open(job.doc, base.as_deref(), closed.clone())?;
        pass.rebuilds = rebuilds;
        pass.offer(&rest)?;
        match pass.settle(base.as_deref()) {
            Ok(settled) => {
                verdicts.append(&mut pass.verdicts);
                break settled;
            }
            Err(why) => {
                let (guilty, good) = find_guilty(job.doc, base.as_deref(), &rest, &pass.applied)?;
                pass.verdicts.truncate(guilty);
                verdicts.append(&mut pass.verdicts);
                verdicts.push(Err(why.clone()));
                rebuilds = pass.rebuilds + 1;
                base = good.or(base);
                if why.code == "document_too_large" || rebuilds >= MAX_REBUILDS {
                    closed = Some(why);
                }
            }
        }
    };
    verdicts.resize_with(job.changes.len(), || Err(beyond_job_bytes()));
    Ok(JobResult { verdicts, saved: settled.saved, heads: settled.heads, view: settled.view })
}

/// Finds the first applied change after which the document no longer settles; also returns the
/// saved document without it, `None` when that is the base itself.
fn find_guilty(
    doc: DocId,
    base: Option<&[u8]>,
    changes: &[&[u8]],
    applied: &[usize],
) -> Result<(usize, Option<Vec<u8>>), Rejection> {
    let prefix = |count: usize| -> Vec<&[u8]> {
        applied.iter().take(count).filter_map(|i| changes.get(*i).copied()).collect()
    };
    let (mut good, mut bad, mut saved) = (0, applied.len(), None);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        let mut pass = Pass::open(doc, base, None)?;
        pass.offer(&prefix(middle))?;
        match pass.settle(base) {
            Ok(settled) => (good, saved) = (middle, Some(settled.saved)),
            Err(_) => bad = middle,
        }
    }
    let guilty = bad.checked_sub(1).and_then(|last| applied.get(last));
    guilty.map(|guilty| (*guilty, saved)).ok_or_else(unreadable)
}

/// One walk over changes on a document.
struct Pass<'a> {
    id: DocId,
    base: Option<&'a [u8]>,
    doc: Document,
    /// Changes in the document.
    count: usize,
    verdicts: Vec<Verdict>,
    /// Positions of the changes that are new in the document.
    applied: Vec<usize>,
    rebuilds: usize,
    /// When set, every new change is refused for this reason.
    closed: Option<Rejection>,
    /// Bytes of changes applied since the size was last looked at.
    unmeasured: usize,
}

struct Settled {
    saved: Vec<u8>,
    heads: Vec<Hash>,
    view: DocView,
}

/// A refused change, and whether automerge had already begun with it.
struct Refused {
    why: Rejection,
    dirty: bool,
}

impl<'a> Pass<'a> {
    fn open(id: DocId, base: Option<&'a [u8]>, closed: Option<Rejection>) -> Result<Self, Rejection> {
        let doc = load(id, base)?;
        let count = doc.change_count();
        let (verdicts, applied) = (Vec::new(), Vec::new());
        Ok(Self { id, base, doc, count, verdicts, applied, rebuilds: 0, closed, unmeasured: 0 })
    }

    /// Tries each change on what the ones before it left. Stops early, with verdicts missing at
    /// the end, when the document is beyond its size and so cannot settle.
    fn offer(&mut self, changes: &[&[u8]]) -> Result<(), Rejection> {
        for (at, bytes) in changes.iter().enumerate() {
            let closed = self.closed.as_ref();
            let step = catch(|| step(&mut self.doc, self.count, closed, bytes))
                .unwrap_or_else(|why| Err(Refused { why, dirty: true }));
            let verdict = match step {
                Ok(new) => {
                    if new {
                        self.count += 1;
                        self.applied.push(at);
                        self.unmeasured += bytes.len();
                    }
                    Ok(())
                }
                Err(Refused { why, dirty }) => {
                    if dirty {
                        self.rebuild(changes, &why)?;
                    }
                    Err(why)
                }
            };
            self.verdicts.push(verdict);
            if self.is_overfull()? {
                break;
            }
        }
        Ok(())
    }

    /// Says whether the document is too large already; looks only now and then.
    fn is_overfull(&mut self) -> Result<bool, Rejection> {
        if self.unmeasured <= MAX_DOCUMENT_BYTES {
            return Ok(false);
        }
        self.unmeasured = 0;
        Ok(catch(|| self.doc.save())?.len() > MAX_DOCUMENT_BYTES)
    }

    /// Makes the document anew from the base and what was applied: after a failed apply its
    /// state in memory is unknown.
    fn rebuild(&mut self, changes: &[&[u8]], why: &Rejection) -> Result<(), Rejection> {
        self.rebuilds += 1;
        if self.rebuilds >= MAX_REBUILDS {
            self.closed = Some(why.clone());
        }
        self.doc = load(self.id, self.base)?;
        let good = self.applied.iter().filter_map(|i| changes.get(*i).copied());
        self.doc.apply(good).map_err(|e| document_rejection(&e))
    }

    /// Saves, loads again, compares, and checks the size.
    fn settle(&mut self, base: Option<&[u8]>) -> Result<Settled, Rejection> {
        let new = !self.applied.is_empty();
        let doc = &mut self.doc;
        let (saved, heads, view) = catch(|| {
            let (saved, view) =
                if new { doc.save_checked()? } else { (base.unwrap_or_default().to_vec(), doc.view()) };
            Ok((saved, doc.heads(), view))
        })?
        .map_err(|e: DocumentError| document_rejection(&e))?;
        // A document that came to be larger by other ways stays readable.
        if new && saved.len() > MAX_DOCUMENT_BYTES {
            return Err(Rejection::new("document_too_large", "no room left in this document"));
        }
        Ok(Settled { saved, heads, view })
    }
}

/// Judges and applies one change; says whether it was new.
fn step(doc: &mut Document, count: usize, closed: Option<&Rejection>, bytes: &[u8]) -> Result<bool, Refused> {
    let clean = |why| Refused { why, dirty: false };
    let facts =
        read_change(bytes, &DEVICE_CHANGE).map_err(|e| clean(Rejection::new(e.code(), e.to_string())))?;
    if doc.has_change(&Hash(facts.hash)) {
        return Ok(false);
    }
    if let Some(why) = closed {
        return Err(clean(why.clone()));
    }
    if count >= MAX_DOCUMENT_CHANGES {
        return Err(clean(Rejection::new("too_many_changes", "no room left in this document")));
    }
    // Before the schema, which looks at the document as the dependencies leave it.
    doc.check_continues(&facts).map_err(|e| clean(document_rejection(&e)))?;
    check_schema(doc.kind(), &facts, |key| doc.values_before(&facts.deps, key))
        .map_err(|e| clean(schema_rejection(&e)))?;
    doc.apply([bytes]).map_err(|e| Refused { why: document_rejection(&e), dirty: true })?;
    Ok(true)
}

fn load(id: DocId, base: Option<&[u8]>) -> Result<Document, Rejection> {
    match base {
        // automerge would also load nothing at all, or a bare change; type 0 is a document.
        Some(bytes) if bytes.get(8) != Some(&0) => Err(unreadable()),
        Some(bytes) => Document::load(id.kind, bytes).map_err(|_| unreadable()),
        None => Ok(Document::new(id.kind)),
    }
}

fn unreadable() -> Rejection {
    Rejection::new(BASE_UNREADABLE, "the stored document does not load")
}

/// Runs automerge code that has no guard of its own.
fn catch<T>(run: impl FnOnce() -> T) -> Result<T, Rejection> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| document_rejection(&DocumentError::Panicked))
}

fn document_rejection(error: &DocumentError) -> Rejection {
    match error {
        DocumentError::Chunk(e) => Rejection::new(e.code(), e.to_string()),
        DocumentError::MissingDependency => Rejection::new("missing_dependency", error.to_string()),
        DocumentError::NotNext => Rejection::new("not_next", error.to_string()),
        DocumentError::WrongPredecessors { .. } => {
            Rejection::new("wrong_predecessors", "overwrites other values than its author saw")
        }
        // The texts of the first two are automerge's own and may quote the bytes.
        DocumentError::Load(_) => Rejection::new("unstable", "the document would not load again"),
        DocumentError::Apply(_) => Rejection::new("unstable", "the change does not apply"),
        DocumentError::Unstable | DocumentError::Panicked => Rejection::new("unstable", error.to_string()),
    }
}

fn schema_rejection(error: &SchemaError) -> Rejection {
    let code = match error.problem {
        SchemaProblem::UnknownKey => "schema_unknown_key",
        SchemaProblem::WrongValue => "schema_wrong_value",
        SchemaProblem::Immutable => "schema_immutable",
        SchemaProblem::Shrinks => "schema_shrinks",
        SchemaProblem::NotRemovable => "schema_not_removable",
        SchemaProblem::PersonalData => "schema_personal_data",
    };
    let detail = match error.problem {
        // An unknown key may be any text.
        SchemaProblem::UnknownKey => error.problem.to_string(),
        _ => error.to_string(),
    };
    Rejection::new(code, detail)
}

#[cfg(test)]
#[path = "trial_tests.rs"]
mod tests;
