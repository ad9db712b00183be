//! The pool of worker processes.
//!
//! Invariant: every job given to [`WorkerPool::run`](super::Gate::run) gets a result with one
//! verdict per change, whatever the workers do. A batch that fails is tried document by document,
//! a document that fails change by change, and a crash is blamed on a change only if it happened
//! in a process that had tried nothing else before. One event loop hands out the work and waits
//! for the earliest deadline; rejected: a thread for each worker with its own share, which needs
//! locks to take work back from one that died.

use super::{
    BASE_UNREADABLE, GATE_UNAVAILABLE, Gate, Job, JobResult, Rejection, plan,
    process::{Event, Report, Worker},
    steps::{Fault, Steps},
    trial::{beyond_job_bytes, within_job_bytes},
    wire::{self, JobRef, MAX_FRAME},
};
use std::{
    collections::VecDeque,
    io,
    path::PathBuf,
    process::{Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    time::{Duration, Instant},
};

/// A document change by change may take so many times the deadline of a single document.
const STEPS_BUDGET: u32 = 3;

/// How to start a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerCommand {
    /// The program, usually the running binary itself.
    pub program: PathBuf,
    /// Its arguments, usually `["gate-worker"]`.
    pub args: Vec<String>,
}

impl WorkerCommand {
    /// The process to start: fed and heard through pipes.
    pub(crate) fn process(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // The program's allocator reserves a gibibyte of addresses before the worker limits its own;
        // without arenas it asks for what it uses, and the limit is on that.
        command.env("MIMALLOC_ARENA_RESERVE", "0");
        command
    }
}

/// How long the pool waits for a worker. What a worker may use is its own affair
/// ([`super::worker_main`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerLimits {
    /// To start and say hello.
    pub start: Duration,
    /// For the answer to a batch, however small.
    pub batch: Duration,
    /// For the answer about a single document after its batch failed.
    pub alone: Duration,
    /// On top of either, for each mebibyte sent.
    pub per_mebibyte: Duration,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(10),
            batch: Duration::from_secs(10),
            alone: Duration::from_secs(3),
            per_mebibyte: Duration::from_secs(5),
        }
    }
}

/// Judges changes in worker processes, several at once. Dropping it ends them.
#[derive(Debug)]
pub struct WorkerPool {
    command: WorkerCommand,
    limits: WorkerLimits,
    slots: Vec<Option<Worker>>,
    sender: Sender<Report>,
    reports: Receiver<Report>,
    started: u64,
}

impl WorkerPool {
    /// Starts the workers (at least one) and waits until each has answered.
    ///
    /// # Errors
    /// When the program does not start or is not a gate worker of this version.
    pub fn start(workers: usize, command: WorkerCommand, limits: WorkerLimits) -> io::Result<Self> {
        let (sender, reports) = channel();
        let mut pool = Self { command, limits, slots: Vec::new(), sender, reports, started: 0 };
        for slot in 0..workers.max(1) {
            let worker = pool.start_worker(slot)?;
            pool.slots.push(Some(worker));
        }
        Ok(pool)
    }

    fn start_worker(&mut self, slot: usize) -> io::Result<Worker> {
        self.started += 1;
        let patience = self.limits.start;
        Worker::start(&self.command, patience, slot, self.started, self.sender.clone())
    }

    /// Takes the worker of a place, starting one if need be; `pristine` asks for one that has
    /// tried nothing yet.
    fn take_worker(&mut self, slot: usize, pristine: bool) -> io::Result<Worker> {
        match self.slots.get_mut(slot).and_then(Option::take) {
            Some(worker) if !pristine || worker.served == 0 => Ok(worker),
            old => {
                drop(old);
                self.start_worker(slot)
            }
        }
    }

    /// Forgets idle workers that ended since the last run.
    fn sweep(&mut self) {
        while let Ok(report) = self.reports.try_recv() {
            if let Some(place) = self.slots.get_mut(report.slot) {
                place.take_if(|worker| worker.generation == report.generation);
            }
        }
    }
}

impl Gate for WorkerPool {
    fn run(&mut self, mut jobs: Vec<Job>) -> Vec<JobResult> {
        let counts: Vec<usize> = jobs.iter().map(|job| job.changes.len()).collect();
        for job in &mut jobs {
            job.changes.truncate(within_job_bytes(job));
        }
        self.sweep();
        let mut run = Run::new(self, jobs);
        run.work();
        let mut results = run.finish();
        for (result, count) in results.iter_mut().zip(counts) {
            result.verdicts.resize_with(count, || Err(beyond_job_bytes()));
        }
        results
    }
}

/// What a worker can be given.
#[derive(Debug)]
enum Task {
    /// Several documents.
    Batch(Vec<usize>),
    /// A document whose batch failed.
    Alone(usize),
    /// A document that failed alone.
    Steps(Steps),
}

#[derive(Debug)]
struct Assignment {
    task: Task,
    pristine: bool,
}

/// A busy worker.
#[derive(Debug)]
struct Busy {
    worker: Worker,
    task: Task,
    begun: Instant,
    deadline: Instant,
}

/// One call of `run`.
struct Run<'p> {
    pool: &'p mut WorkerPool,
    jobs: Vec<Job>,
    results: Vec<Option<JobResult>>,
    queue: VecDeque<Assignment>,
    busy: Vec<Option<Busy>>,
}

impl<'p> Run<'p> {
    fn new(pool: &'p mut WorkerPool, jobs: Vec<Job>) -> Self {
        let sizes: Vec<usize> = jobs.iter().map(Job::bytes).collect();
        let workers = pool.slots.len();
        let queue = plan::batches(&sizes, workers)
            .into_iter()
            .map(|batch| Assignment { task: Task::Batch(batch), pristine: false })
            .collect();
        Self {
            results: jobs.iter().map(|_| None).collect(),
            busy: (0..workers).map(|_| None).collect(),
            pool,
            jobs,
            queue,
        }
    }

    fn work(&mut self) {
        loop {
            self.hand_out();
            let Some(deadline) = self.busy.iter().flatten().map(|busy| busy.deadline).min() else {
                // Nothing is being tried: all is done, or no worker can be started.
                return;
            };
            let patience = deadline.saturating_duration_since(Instant::now());
            match self.pool.reports.recv_timeout(patience) {
                Ok(report) => self.take_report(report),
                Err(_) => self.end_overdue(),
            }
        }
    }

    /// Returns a result for each job; those that nobody could try are not refused for good.
    fn finish(mut self) -> Vec<JobResult> {
        // Not overdue and yet here: only if the loop ended early. Their workers are in the midst
        // of something nobody waits for.
        self.busy.clear();
        let why = Rejection::new(GATE_UNAVAILABLE, "no gate worker could be started");
        let Self { jobs, results, .. } = self;
        jobs.iter()
            .zip(results)
            .map(|(job, result)| result.unwrap_or_else(|| JobResult::refuse_all(job, &why)))
            .collect()
    }

    /// Gives every idle worker something to do.
    fn hand_out(&mut self) {
        for slot in 0..self.busy.len() {
            if self.busy.get(slot).is_some_and(Option::is_some) {
                continue;
            }
            let Some(Assignment { task, pristine }) = self.next_assignment() else { return };
            let Ok(worker) = self.pool.take_worker(slot, pristine) else {
                // Another worker may still be alive to take it.
                self.queue.push_front(Assignment { task, pristine });
                continue;
            };
            let busy = self.begin(worker, task);
            if let Some(place) = self.busy.get_mut(slot) {
                *place = Some(busy);
            }
        }
    }

    /// Takes the next assignment that fits into a frame.
    fn next_assignment(&mut self) -> Option<Assignment> {
        loop {
            let assignment = self.queue.pop_front()?;
            let size: usize = self.work_of(&assignment.task).iter().map(job_size).sum();
            if size < MAX_FRAME {
                return Some(assignment);
            }
            // Changes are capped, so this is the base of one document alone.
            let why = Rejection::new(BASE_UNREADABLE, "the stored document is beyond any limit");
            for at in positions(&assignment.task) {
                let result = self.jobs.get(at).map(|job| JobResult::refuse_all(job, &why));
                self.put(at, result);
            }
        }
    }

    fn work_of<'a>(&'a self, task: &'a Task) -> Vec<JobRef<'a>> {
        let whole = |at: &usize| {
            let job = self.jobs.get(*at)?;
            Some(JobRef { doc: job.doc, base: job.base.as_deref(), changes: &job.changes })
        };
        match task {
            Task::Batch(batch) => batch.iter().filter_map(whole).collect(),
            Task::Alone(at) => whole(at).into_iter().collect(),
            Task::Steps(steps) => {
                self.jobs.get(steps.job).and_then(|job| steps.next(job)).into_iter().collect()
            }
        }
    }

    fn begin(&self, mut worker: Worker, task: Task) -> Busy {
        let frame = wire::encode_jobs(self.work_of(&task).into_iter());
        let limits = &self.pool.limits;
        let base = if matches!(task, Task::Batch(_)) { limits.batch } else { limits.alone };
        let mebibytes = u32::try_from(frame.len().div_ceil(1 << 20)).unwrap_or(u32::MAX);
        let allowed = base.saturating_add(limits.per_mebibyte.saturating_mul(mebibytes - mebibytes.min(1)));
        worker.send(frame);
        let begun = Instant::now();
        Busy { worker, task, begun, deadline: begun + allowed }
    }

    fn take_report(&mut self, report: Report) {
        let Report { slot, generation, event } = report;
        let theirs = |busy: &mut Busy| busy.worker.generation == generation;
        let Some(Busy { worker, task, begun, .. }) = self.busy.get_mut(slot).and_then(|b| b.take_if(theirs))
        else {
            // From a process that was replaced, or from an idle one that ended.
            if let Some(place) = self.pool.slots.get_mut(slot) {
                place.take_if(|worker| worker.generation == generation);
            }
            return;
        };
        let answer = match event {
            Event::Answer(frame) => self.read_answer(&task, &frame),
            Event::Gone => None,
        };
        if let Some(results) = answer {
            if let Some(place) = self.pool.slots.get_mut(slot) {
                *place = Some(worker);
            }
            self.accept(task, results, begun.elapsed());
        } else {
            let pristine = worker.served == 1;
            drop(worker);
            self.refuse(task, Fault::Crashed, pristine, begun.elapsed());
        }
    }

    fn end_overdue(&mut self) {
        let now = Instant::now();
        let overdue: Vec<Busy> =
            self.busy.iter_mut().filter_map(|place| place.take_if(|busy| busy.deadline <= now)).collect();
        for Busy { worker, task, begun, .. } in overdue {
            drop(worker);
            // Time is not a matter of what the process did before: no second look.
            self.refuse(task, Fault::TimedOut, true, begun.elapsed());
        }
    }

    /// Decodes an answer; `None` when it does not belong to the task.
    fn read_answer(&self, task: &Task, frame: &[u8]) -> Option<Vec<JobResult>> {
        let work = self.work_of(task);
        let results = wire::decode_results(frame, work.iter().map(|job| job.doc.kind)).ok()?;
        let fits = results.len() == work.len()
            && results.iter().zip(&work).all(|(result, job)| result.verdicts.len() == job.changes.len());
        fits.then_some(results)
    }

    fn accept(&mut self, task: Task, mut results: Vec<JobResult>, took: Duration) {
        match task {
            Task::Batch(_) | Task::Alone(_) => {
                for (at, result) in positions(&task).into_iter().zip(results) {
                    self.put(at, Some(result));
                }
            }
            Task::Steps(mut steps) => {
                if let Some(result) = results.pop() {
                    steps.succeeded(result);
                }
                self.go_on(steps, took);
            }
        }
    }

    /// Narrows down what did harm. `sure` says that nothing but this task can be the cause.
    fn refuse(&mut self, task: Task, fault: Fault, sure: bool, took: Duration) {
        match task {
            Task::Batch(batch) if batch.len() > 1 => {
                let each = batch.into_iter().map(|at| Assignment { task: Task::Alone(at), pristine: false });
                self.queue.extend(each);
            }
            Task::Batch(batch) => {
                self.queue
                    .extend(batch.into_iter().map(|at| Assignment { task: Task::Alone(at), pristine: true }));
            }
            task if !sure => self.queue.push_back(Assignment { task, pristine: true }),
            Task::Alone(at) => {
                if let Some(job) = self.jobs.get(at) {
                    self.go_on(Steps::new(at, job, fault), Duration::ZERO);
                }
            }
            Task::Steps(mut steps) => {
                if let Some(job) = self.jobs.get(steps.job) {
                    steps.failed(job, fault);
                    self.go_on(steps, took);
                }
            }
        }
    }

    fn go_on(&mut self, mut steps: Steps, took: Duration) {
        let Some(job) = self.jobs.get(steps.job) else { return };
        steps.took(job, took, self.pool.limits.alone.saturating_mul(STEPS_BUDGET));
        if steps.next(job).is_some() {
            self.queue.push_back(Assignment { task: Task::Steps(steps), pristine: false });
        } else {
            let at = steps.job;
            let result = steps.finish(job);
            self.put(at, Some(result));
        }
    }

    fn put(&mut self, at: usize, result: Option<JobResult>) {
        if let Some(place) = self.results.get_mut(at) {
            *place = result;
        }
    }
}

fn positions(task: &Task) -> Vec<usize> {
    match task {
        Task::Batch(batch) => batch.clone(),
        Task::Alone(at) => vec![*at],
        Task::Steps(steps) => vec![steps.job],
    }
}

fn job_size(job: &JobRef<'_>) -> usize {
    // Each byte string brings at most nine bytes of length.
    let changes = job.changes.iter().map(|change| change.len() + 9).sum::<usize>();
    job.base.map_or(0, <[u8]>::len) + changes + 64
}
