//! One document change by change, after a worker died or hung on all of it together.
//!
//! Invariant: each change is tried by itself on what the accepted ones before it left, so only the
//! changes that do the harm are refused for it. First the document without any change: if that
//! alone does harm, headquarters' own copy is at fault and no phone. Rejected alternative: refusing
//! the whole document, which would let one phone keep all others out of it.

use super::{BASE_UNREADABLE, Job, JobResult, Rejection, wire::JobRef};
use std::time::Duration;

/// After so many crashes or timeouts in one document the rest is refused untried: each costs a
/// deadline that others wait for.
const MAX_STRIKES: usize = 3;

/// How a worker failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It ended, or its answer made no sense.
    Crashed,
    /// It did not answer in time.
    TimedOut,
}

impl Fault {
    fn rejection(self) -> Rejection {
        match self {
            Self::Crashed => Rejection::new("gate_crashed", "the change broke the worker that tried it"),
            Self::TimedOut => Rejection::new("gate_timeout", "the change took too long to try"),
        }
    }
}

/// Where such a document stands.
#[derive(Debug)]
pub(super) struct Steps {
    /// Position of the job.
    pub(super) job: usize,
    verdicts: Vec<Result<(), Rejection>>,
    base: Option<Vec<u8>>,
    last: Option<JobResult>,
    strikes: usize,
    spent: Duration,
}

impl Steps {
    /// Begins with a document that failed as a whole.
    pub(super) fn new(job: usize, whole: &Job, fault: Fault) -> Self {
        // A single change has been tried by itself already.
        let verdicts = match whole.changes.as_slice() {
            [_] => vec![Err(fault.rejection())],
            _ => Vec::new(),
        };
        Self { job, verdicts, base: whole.base.clone(), last: None, strikes: 0, spent: Duration::ZERO }
    }

    /// Returns what to try next; `None` when all is known.
    pub(super) fn next<'a>(&'a self, whole: &'a Job) -> Option<JobRef<'a>> {
        let changes = match &self.last {
            None => &[],
            Some(_) => std::slice::from_ref(whole.changes.get(self.verdicts.len())?),
        };
        Some(JobRef { doc: whole.doc, base: self.base.as_deref(), changes })
    }

    /// Takes note of the time that a try took. Beyond the budget the rest is refused untried:
    /// changes can be slow together without one of them being slow.
    pub(super) fn took(&mut self, whole: &Job, time: Duration, budget: Duration) {
        self.spent = self.spent.saturating_add(time);
        if self.spent > budget && self.last.is_some() {
            self.refuse_rest(whole, Fault::TimedOut);
        }
    }

    fn refuse_rest(&mut self, whole: &Job, fault: Fault) {
        self.verdicts.resize_with(whole.changes.len(), || Err(fault.rejection()));
    }

    /// Takes the result of what was tried.
    pub(super) fn succeeded(&mut self, mut result: JobResult) {
        if let Some(verdict) = result.verdicts.pop() {
            if verdict.is_ok() {
                self.base = Some(result.saved.clone());
                self.last = Some(result);
            }
            self.verdicts.push(verdict);
        } else {
            self.last = Some(result);
        }
    }

    /// Takes note that what was tried did harm.
    pub(super) fn failed(&mut self, whole: &Job, fault: Fault) {
        if self.last.is_none() {
            let why = Rejection::new(BASE_UNREADABLE, "the stored document breaks the worker");
            self.last = Some(JobResult::refuse_all(whole, &why));
            self.verdicts = whole.changes.iter().map(|_| Err(why.clone())).collect();
            return;
        }
        self.strikes += 1;
        if self.strikes >= MAX_STRIKES {
            self.refuse_rest(whole, fault);
        } else {
            self.verdicts.push(Err(fault.rejection()));
        }
    }

    /// Ends with a verdict for each change.
    pub(super) fn finish(self, whole: &Job) -> JobResult {
        let last = self.last.unwrap_or_else(|| JobResult::refuse_all(whole, &Fault::Crashed.rejection()));
        JobResult { verdicts: self.verdicts, ..last }
    }
}
