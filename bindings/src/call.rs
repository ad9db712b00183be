//! The one way from a shell into the core.
//!
//! Invariant: every exported method passes [`Core::call`]: a shut-down object answers `Closed`, a
//! panic becomes `Internal` (and a line for the log), and no lock of this crate is held meanwhile.

use crate::{
    error::LanewalkError,
    foreign::{Connectivity, LogLevel, Logger},
};
use lanewalk_field::Field;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// What every sub-client shares.
pub(crate) struct Core {
    pub(crate) field: Field,
    pub(crate) connectivity: Option<Arc<dyn Connectivity>>,
    pub(crate) log: Logger,
    /// Headquarters' own root certificate, DER.
    pub(crate) root: Option<Vec<u8>>,
    /// Paused or shut down: a round that runs ends.
    pub(crate) asleep: AtomicBool,
    pub(crate) closed: AtomicBool,
}

impl Core {
    /// Calls the core.
    pub(crate) fn call<T, E>(&self, run: impl FnOnce(&Field) -> Result<T, E>) -> Result<T, LanewalkError>
    where
        LanewalkError: From<E>,
    {
        if self.closed.load(Ordering::Acquire) {
            return Err(LanewalkError::closed());
        }
        match catch_unwind(AssertUnwindSafe(|| run(&self.field))) {
            Ok(answer) => Ok(answer?),
            Err(_) => {
                self.log.line(LogLevel::Error, "a call panicked");
                Err(LanewalkError::internal("panicked"))
            }
        }
    }
}
