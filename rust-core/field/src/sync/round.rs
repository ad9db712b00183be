//! A whole round with headquarters: text first, then photos as the network allows.
//!
//! Invariant: new text never waits behind a photo, and a round that is stopped has lost nothing.
//! Rejected: a round in each shell, which would each forget one half of it.

use super::{Progress, SyncError, SyncReport, Transport, UploadPolicy, UploadReport};
use crate::facade::Field;

/// What the network costs; the shell knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// No network: a round is not tried.
    Offline,
    /// Nearly used up: text and thumbnails only.
    Saving,
    /// Paid by the byte.
    Metered,
    /// Wi-Fi.
    Unmetered,
}

impl Network {
    /// Says which photos may travel; `None` where nothing may.
    pub fn policy(self) -> Option<UploadPolicy> {
        match self {
            Self::Offline => None,
            Self::Saving => Some(UploadPolicy::SAVING),
            Self::Metered => Some(UploadPolicy::METERED),
            Self::Unmetered => Some(UploadPolicy::UNMETERED),
        }
    }
}

/// What a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoundReport {
    /// The text.
    pub sync: SyncReport,
    /// The photos.
    pub upload: UploadReport,
    /// True when it was stopped before its end.
    pub stopped: bool,
}

impl Field {
    /// Pushes and pulls everything, then sends photos as the network allows, and text again when a
    /// worker wrote meanwhile. Blocks on the network, never inside a lock; `stop` is asked
    /// before each request, and ends the round when it says so.
    ///
    /// # Errors
    /// As [`Field::sync`] and [`Field::upload`]; `NoNetwork` at once when there is none.
    pub fn round(
        &self,
        transport: &dyn Transport,
        network: Network,
        stop: &dyn Fn() -> bool,
    ) -> Result<RoundReport, SyncError> {
        let policy = network.policy().ok_or_else(|| SyncError::NoNetwork { detail: "offline".into() })?;
        let mut report = RoundReport::default();
        loop {
            let mut session = self.session()?;
            let mut revoked = None;
            while let Some(request) = next(stop, &mut report.stopped, || session.next_request())? {
                match session.receive(transport.send(request)) {
                    Ok(Progress::More) => {}
                    Ok(Progress::Done) => break,
                    // The text is delivered; the photos may follow it (F29).
                    Err(e @ SyncError::Revoked { deposit_until: Some(_) }) => {
                        revoked = Some(e);
                        break;
                    }
                    Err(e) => return Err(e),
                }
            }
            report.sync += session.report();
            drop(session);
            let mut upload = self.upload_session(policy)?;
            while let Some(request) = next(stop, &mut report.stopped, || upload.next_request())? {
                if upload.receive(transport.send(request))? == Progress::Done {
                    break;
                }
            }
            let sent = upload.report();
            report.upload += sent;
            if let Some(revoked) = revoked {
                return Err(revoked);
            }
            if report.stopped || !sent.yielded {
                return Ok(report);
            }
        }
    }
}

fn next<T>(
    stop: &dyn Fn() -> bool,
    stopped: &mut bool,
    request: impl FnOnce() -> Result<Option<T>, SyncError>,
) -> Result<Option<T>, SyncError> {
    if stop() {
        *stopped = true;
        return Ok(None);
    }
    request()
}
