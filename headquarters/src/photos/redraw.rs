//! Received pictures, drawn anew by a limited process, for people to look at.
//!
//! Invariant: headquarters never decodes a picture in its own process, and shows nothing but
//! pixels that a worker has drawn: no metadata, no second file behind the picture (F40). A worker
//! takes one picture and ends; whatever it does, the caller has an answer by the deadline. Both
//! answers are remembered beside the files, so a picture that does harm does it once. Rejected: the
//! gate's standing pool, whose workers pass on to the next batch what a decoder left in them.

use super::folder::{Folder, FolderError};
use crate::gate::{WorkerCommand, restrict};
use lanewalk_media::Limits;
use lanewalk_model::{id::Hash, photo::FileRef};
use lanewalk_protocol::limits;
use rlimit::Resource;
use std::{
    fs,
    io::{self, Read as _, Write},
    path::PathBuf,
    process::{Child, ExitCode},
    sync::{Mutex, PoisonError, mpsc::sync_channel},
    thread,
    time::Duration,
};

/// CPU time of one picture: 4 MP take a tenth of a second.
const CPU_SECONDS: u64 = 20;
/// Wall time of one picture.
const DEADLINE: Duration = Duration::from_secs(30);
/// First byte of an answer that is a picture, and of one that is a code; four bytes of length follow.
const DRAWN: u8 = b'+';
const REFUSED: u8 = b'-';

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
pub enum RedrawError {
    /// The file is not here, or no copy.
    #[error("no such file")]
    NotHere,
    /// It is no picture that is shown; the code says why.
    #[error("not a picture to show: {0}")]
    NotAPicture(String),
    /// The worker did not answer: it crashed, or took too much time or memory.
    #[error("the picture did harm to its decoder")]
    Harmful,
    /// Headquarters itself failed.
    #[error("{0}")]
    Folder(#[from] FolderError),
}

/// Draws received pictures anew. One at a time: people look at few.
#[derive(Debug)]
pub struct Redrawer {
    folder: Folder,
    command: WorkerCommand,
    deadline: Duration,
    turn: Mutex<()>,
}

impl Redrawer {
    /// Makes one for a folder; `command` starts a worker ([`worker_main`]), usually the running
    /// binary with `["photo-worker"]`.
    pub fn new(folder: Folder, command: WorkerCommand) -> Self {
        Self { folder, command, deadline: DEADLINE, turn: Mutex::default() }
    }

    /// Changes how long a picture may take.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Returns a received copy as a JPEG without metadata, `edge` pixels long at most. Blocks; does
    /// IO and may start a process.
    pub fn copy(&self, file: FileRef, edge: u32) -> Result<Vec<u8>, RedrawError> {
        let drawn = self.place(file.sha256, edge, "jpg");
        let refused = self.place(file.sha256, edge, "refused");
        let once = self.place(file.sha256, edge, "once");
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(jpeg) = fs::read(&drawn) {
            return Ok(jpeg);
        }
        if let Ok(code) = fs::read_to_string(&refused) {
            return Err(told(code));
        }
        let bytes = self.folder.read(file.sha256, limits::MAX_COPY_BYTES)?.ok_or(RedrawError::NotHere)?;
        let answer = self.ask(bytes, edge).map_err(|e| RedrawError::Folder(e.into()))?;
        match answer {
            Ok(jpeg) => {
                keep(&drawn, &jpeg)?;
                Ok(jpeg)
            }
            // A worker may have died of a busy machine: the second time it was the picture.
            Err(code) if code == HARMFUL && !once.exists() => {
                keep(&once, code.as_bytes())?;
                Err(told(code))
            }
            Err(code) => {
                keep(&refused, code.as_bytes())?;
                Err(told(code))
            }
        }
    }

    fn place(&self, sha256: Hash, edge: u32, extension: &str) -> PathBuf {
        self.folder.root().join("derived").join(format!("{sha256}-{edge}.{extension}"))
    }

    /// Has one picture drawn; an error only when no worker could be started.
    fn ask(&self, bytes: Vec<u8>, edge: u32) -> io::Result<Result<Vec<u8>, String>> {
        let mut child = Ended(self.command.process().spawn()?);
        let pipes = child.0.stdin.take().zip(child.0.stdout.take());
        let (mut stdin, stdout) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        let (said, answer) = sync_channel(1);
        // Both end when the process does, which `child` sees to.
        let write = thread::Builder::new().name("photo-writer".into()).spawn(move || {
            let _ = stdin.write_all(&edge.to_be_bytes()).and_then(|()| stdin.write_all(&bytes));
        })?;
        let read = thread::Builder::new().name("photo-reader".into()).spawn(move || {
            let mut out = Vec::new();
            let done = stdout.take(limits::MAX_COPY_BYTES + 5).read_to_end(&mut out);
            let _ = said.send(done.map(|_| out));
        })?;
        let answer = answer.recv_timeout(self.deadline);
        drop(child);
        for thread in [write, read] {
            let _ = thread.join();
        }
        let out = answer.ok().and_then(Result::ok).unwrap_or_default();
        // One that died while it wrote has not said all it promised.
        let said = out.split_first_chunk::<5>().and_then(|([kind, a, b, c, d], said)| {
            (said.len() == u32::from_be_bytes([*a, *b, *c, *d]) as usize).then_some((*kind, said))
        });
        Ok(match said {
            Some((DRAWN, jpeg)) => Ok(jpeg.to_vec()),
            Some((REFUSED, code)) if is_code(code) => Err(String::from_utf8_lossy(code).into_owned()),
            _ => Err(HARMFUL.to_owned()),
        })
    }
}

/// The code that is remembered for a picture that did harm.
const HARMFUL: &str = "harmful";

fn told(code: String) -> RedrawError {
    if code == HARMFUL { RedrawError::Harmful } else { RedrawError::NotAPicture(code) }
}

fn is_code(text: &[u8]) -> bool {
    (1..=40).contains(&text.len()) && text.iter().all(|b| b.is_ascii_lowercase() || *b == b'_')
}

/// A process that does not outlive this.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Both fail only for a process that is already gone.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Writes a file that can be made again: whole or not at all, and not forced to the disk.
fn keep(path: &PathBuf, bytes: &[u8]) -> Result<(), FolderError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let part = path.with_extension("part");
    fs::write(&part, bytes)?;
    Ok(fs::rename(&part, path)?)
}

/// Runs a worker on standard input and output: the body of the hidden subcommand
/// `lanewalk photo-worker`. Draws one picture and returns.
#[must_use]
pub fn worker_main() -> ExitCode {
    worker_with(io::stdout(), draw)
}

/// Runs a worker that answers on `answers` and draws with `draw`, so that tests can have one that
/// misbehaves.
#[doc(hidden)]
#[must_use]
pub fn worker_with(
    mut answers: impl Write,
    draw: fn(&[u8], u32) -> Result<Vec<u8>, &'static str>,
) -> ExitCode {
    // The text of a panic may quote the picture's bytes.
    std::panic::set_hook(Box::new(|_| {}));
    let done = limit().and_then(|()| {
        let mut input = Vec::new();
        io::stdin().take(limits::MAX_COPY_BYTES + 4).read_to_end(&mut input)?;
        let (edge, bytes) = input.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
        let drawn = draw(bytes, u32::from_be_bytes(*edge));
        let (kind, said) = match &drawn {
            Ok(jpeg) => (DRAWN, jpeg.as_slice()),
            Err(code) => (REFUSED, code.as_bytes()),
        };
        let length = u32::try_from(said.len()).map_err(io::Error::other)?;
        answers.write_all(&[[kind].as_slice(), &length.to_be_bytes(), said].concat())?;
        answers.flush()
    });
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn limit() -> io::Result<()> {
    restrict()?;
    let (_, hard) = rlimit::getrlimit(Resource::CPU)?;
    rlimit::setrlimit(Resource::CPU, CPU_SECONDS.min(hard), hard)
}

/// Draws a picture anew, for [`worker_main`] only: in this process. A copy is no larger than phones
/// make it, so a worker needs no more than that.
#[doc(hidden)]
pub fn draw(bytes: &[u8], edge: u32) -> Result<Vec<u8>, &'static str> {
    let longest = lanewalk_media::EVIDENCE_EDGE;
    let limits = Limits {
        max_bytes: limits::MAX_COPY_BYTES,
        max_pixels: u64::from(longest) * u64::from(longest),
        max_edge: longest,
        ..Limits::default()
    };
    lanewalk_media::redraw(bytes, edge, &limits).map(|drawn| drawn.jpeg).map_err(|e| e.code())
}
