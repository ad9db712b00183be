//! A thread that drives connections, so that a blocking caller can wait for them.
//!
//! Invariant: connections are driven also between calls, so one that headquarters closed is known to
//! be closed before the next request; dropping waits for nobody. Rejected: reqwest's blocking client,
//! which begins its time limit anew with every piece of an answer.

use std::{io, thread};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

/// A running driver; the thread ends when it is dropped.
#[derive(Debug)]
pub(super) struct Driver {
    handle: Handle,
    /// Dropped with the driver, which tells the thread.
    _running: oneshot::Sender<()>,
}

impl Driver {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (running, ended) = oneshot::channel();
        thread::Builder::new().name("lanewalk-http".into()).spawn(move || {
            // Ends with an error when the sender is gone, which is the only end.
            let _ = runtime.block_on(ended);
            // A name that is still being looked up is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, _running: running })
    }

    /// Waits for a result. Not to be called from an async runtime's thread.
    pub(super) fn wait<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }
}
