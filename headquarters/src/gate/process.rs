//! One worker process and the two threads that speak with it.
//!
//! Invariant: the pool never blocks on a pipe. Frames are written and read by threads of their own,
//! which end when the process does; dropping a [`Worker`] kills the process and waits for both.
//! Rejected alternative: writing from the pool's thread, where a worker that stops reading would
//! stop headquarters.

use super::{
    WorkerCommand,
    wire::{HELLO, read_frame, write_frame},
};
use std::{
    io::{self, BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout},
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    thread::{self, JoinHandle},
    time::Duration,
};

/// What a worker let us know.
#[derive(Debug)]
pub(super) enum Event {
    /// A whole frame.
    Answer(Vec<u8>),
    /// It closed its output or broke the framing.
    Gone,
}

/// An event and who it is from.
#[derive(Debug)]
pub(super) struct Report {
    /// Place in the pool.
    pub(super) slot: usize,
    /// Which process held that place; reports of a former one are void.
    pub(super) generation: u64,
    /// What happened.
    pub(super) event: Event,
}

/// A running worker process.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    frames: Option<Sender<Vec<u8>>>,
    threads: Vec<JoinHandle<()>>,
    /// Which process this is among all the pool started.
    pub(super) generation: u64,
    /// Batches handed to it.
    pub(super) served: u64,
}

impl Worker {
    /// Starts a process and waits until it has said what it is.
    pub(super) fn start(
        command: &WorkerCommand,
        patience: Duration,
        slot: usize,
        generation: u64,
        reports: Sender<Report>,
    ) -> io::Result<Self> {
        let mut child = command.process().spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (frames, to_write) = channel();
        // From here on dropping the worker ends the process.
        let mut worker = Self { child, frames: Some(frames), threads: Vec::new(), generation, served: 0 };
        let (stdin, stdout) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        let (hello, said) = sync_channel(1);
        let listen = move || listen(stdout, &hello, slot, generation, &reports);
        worker.thread("gate-writer", move || write_all(stdin, &to_write))?;
        worker.thread("gate-reader", listen)?;
        match said.recv_timeout(patience) {
            Ok(frame) if frame == HELLO => Ok(worker),
            Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "not a gate worker of this version")),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the gate worker did not start")),
        }
    }

    fn thread(&mut self, name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.push(thread::Builder::new().name(name.into()).spawn(body)?);
        Ok(())
    }

    /// Hands a frame over; never blocks. A dead worker shows in its reports.
    pub(super) fn send(&mut self, frame: Vec<u8>) {
        self.served += 1;
        if let Some(frames) = &self.frames {
            // The writer is gone only with the process, whose end the reader reports.
            let _ = frames.send(frame);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.frames = None;
        // Both fail only for a process that is already gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn write_all(mut stdin: ChildStdin, frames: &Receiver<Vec<u8>>) {
    while let Ok(frame) = frames.recv() {
        if write_frame(&mut stdin, &frame).is_err() {
            break;
        }
    }
    let _ = stdin.flush();
}

fn listen(
    stdout: ChildStdout,
    hello: &SyncSender<Vec<u8>>,
    slot: usize,
    generation: u64,
    reports: &Sender<Report>,
) {
    let mut stdout = BufReader::new(stdout);
    if let Ok(Some(frame)) = read_frame(&mut stdout.by_ref().take(64)) {
        let _ = hello.send(frame);
    } else {
        return;
    }
    loop {
        let event = match read_frame(&mut stdout) {
            Ok(Some(frame)) => Event::Answer(frame),
            Ok(None) | Err(_) => Event::Gone,
        };
        let gone = matches!(event, Event::Gone);
        if reports.send(Report { slot, generation, event }).is_err() || gone {
            return;
        }
    }
}
