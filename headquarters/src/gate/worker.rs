//! The worker's side: limits first, then jobs from standard input until it ends.
//!
//! Invariant: before the first job is read the process can no longer take more than its share of
//! memory, open files or write cores, and never has more CPU time ahead of it than one batch is
//! worth, so it dies by itself even when nobody is left to kill it. Rejected alternative: limits set
//! by the parent between fork and exec, which needs unsafe code.

use super::{Job, JobResult, trial, wire};
use rlimit::Resource;
use std::{
    io::{self, BufReader, BufWriter, Read, Write},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

/// Address space of a worker.
const MEMORY: u64 = 512 << 20;
/// Stack of the thread that judges: automerge recurses into nested documents, and the usual 2 MiB
/// end at a depth that fits into 5 KB (F37).
const STACK: usize = 16 << 20;
/// CPU time for one batch, well above any deadline of the parent, which is the first to act.
const BATCH_CPU: Duration = Duration::from_secs(120);
/// Open files: the three standard streams and a few to spare.
const FILES: u64 = 16;

/// Runs a worker on standard input and output: the body of the hidden subcommand
/// `lanewalk gate-worker`. Returns when standard input ends.
#[must_use]
pub fn worker_main() -> ExitCode {
    worker_with(io::stdout(), trial)
}

/// Runs a worker that answers on `answers` and judges with `judge`, so that tests can have one that
/// misbehaves.
#[doc(hidden)]
#[must_use]
pub fn worker_with(answers: impl Write + Send + 'static, judge: fn(&Job) -> JobResult) -> ExitCode {
    // The text of a panic may quote a phone's bytes, and a hostile one could fill the log.
    std::panic::set_hook(Box::new(|_| {}));
    let served = restrict().and_then(|()| {
        let body = move || serve(io::stdin().lock(), answers, judge);
        let thread = thread::Builder::new().stack_size(STACK).spawn(body)?;
        thread.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
    });
    if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Takes away memory, core dumps, open files and writing of files; what is read next is not trusted.
pub(crate) fn restrict() -> io::Result<()> {
    for (resource, most) in
        [(Resource::AS, MEMORY), (Resource::CORE, 0), (Resource::NOFILE, FILES), (Resource::FSIZE, 0)]
    {
        let (_, hard) = rlimit::getrlimit(resource)?;
        rlimit::setrlimit(resource, most.min(hard), most.min(hard))?;
    }
    Ok(())
}

/// Lets the process run for one more batch. `busy` is the time spent on batches so far, which its
/// CPU time cannot exceed by much, since one thread does the work.
fn allow_batch(busy: Duration) -> io::Result<()> {
    let (_, hard) = rlimit::getrlimit(Resource::CPU)?;
    let allowed = busy.saturating_add(BATCH_CPU).as_secs();
    rlimit::setrlimit(Resource::CPU, allowed.min(hard), hard)
}

fn serve(jobs: impl Read, answers: impl Write, judge: fn(&Job) -> JobResult) -> io::Result<()> {
    let mut jobs = BufReader::new(jobs);
    let mut answers = BufWriter::new(answers);
    let mut busy = Duration::ZERO;
    wire::write_frame(&mut answers, wire::HELLO)?;
    while let Some(frame) = wire::read_frame(&mut jobs)? {
        allow_batch(busy)?;
        let start = Instant::now();
        let batch = wire::decode_jobs(&frame).map_err(io::Error::other)?;
        drop(frame);
        let results: Vec<JobResult> = batch.iter().map(judge).collect();
        wire::write_frame(&mut answers, &wire::encode_results(&results))?;
        busy = busy.saturating_add(start.elapsed());
    }
    Ok(())
}
