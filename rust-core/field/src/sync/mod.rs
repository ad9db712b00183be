//! The sync engine and what drives it.
//!
//! Invariant: nothing a network can do changes the outbox; only headquarters' signed answers
//! do. The engine ([`SyncSession`]) does no IO and reads no clock but the injected one:
//! requests out, responses or failures in. Rejected: an engine that owns its sockets, which no
//! simulator can drive.

mod answer;
mod apply;
mod driver;
mod enrol;
mod fetch;
mod http;
mod policy;
mod request;
mod round;
mod session;
mod tls;
mod upload;
mod witness;

pub use enrol::Enrolled;
pub use http::HttpTransport;
pub(crate) use http::Way;
pub use policy::{Originals, UploadPolicy};
pub use round::{Network, RoundReport};
pub use session::{Progress, SyncSession};
pub use tls::Trust;
pub use upload::{UploadReport, UploadSession};
pub use witness::{Contradicted, HistoryAlarm, Witness};

use crate::{error::FieldError, facade::Field};
use lanewalk_protocol::{
    http::{Request, Response},
    keys::SignerError,
};

/// Says why a request got no response. Nothing is known about whether it arrived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection, or it broke.
    #[error("no connection: {detail}")]
    Unreachable {
        /// For support; no personal data.
        detail: String,
    },
    /// Took too long.
    #[error("timed out")]
    Timeout,
    /// The response was longer than allowed and was not read.
    #[error("response too large")]
    TooLarge,
    /// The server is not headquarters: its key is another. Somebody stands between, or a network
    /// wants a sign-in first. Nothing was sent.
    #[error("another server answers in place of headquarters")]
    Stranger,
    /// The URL is not one that may be used: plain `http` to another machine, or no host.
    #[error("address not allowed")]
    BadAddress,
}

/// Moves one request to headquarters and its response back. Blocks; called from any thread.
pub trait Transport: Send + Sync {
    /// Sends a request exactly as given and returns the response exactly as received.
    fn send(&self, request: Request) -> Result<Response, TransportError>;
}

/// Says why a sync or an enrolment stopped. The outbox is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// The phone's own store failed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// No answer that headquarters signed: no coverage, or a captive portal (F18).
    #[error("no network: {detail}")]
    NoNetwork {
        /// For support.
        detail: String,
    },
    /// The server is not our headquarters: its TLS key is another (F18). Nothing was sent; it
    /// passes with the network, or the town changed its keys behind this phone's back.
    #[error("not our headquarters")]
    NotHeadquarters,
    /// Another sync is running.
    #[error("another sync is running")]
    Busy,
    /// The key chip cannot sign now: try again.
    #[error("the device key is not available now")]
    SignerUnavailable,
    /// The device key is gone: enrol anew (F9).
    #[error("the device key is lost")]
    KeyLost,
    /// The key chip has another key than the one headquarters knows: enrol anew (F27).
    #[error("the device key is not the enrolled one")]
    KeyReplaced,
    /// The text is not an invitation.
    #[error("not an invitation")]
    BadInvitation,
    /// This store belongs to a device already.
    #[error("already enrolled")]
    AlreadyEnrolled,
    /// An administrator has not confirmed this phone's key yet: compare the fingerprint that
    /// [`Field::standing`] shows (F42).
    #[error("waiting for confirmation at headquarters")]
    NotConfirmed,
    /// Headquarters revoked this device; see [`Field::standing`] for what can still be done (F29).
    #[error("revoked")]
    Revoked {
        /// Until when (UTC ms) headquarters takes what was written here; `None`: no more.
        deposit_until: Option<i64>,
    },
    /// Headquarters misses earlier entries that are no longer here.
    #[error("headquarters wants entry {need_seq}")]
    ChainGap {
        /// The first entry it misses.
        need_seq: u64,
    },
    /// Two chains under one device: this phone or its store was copied (F27).
    #[error("forked")]
    Fork {
        /// For support.
        detail: String,
    },
    /// This app is too old for headquarters; update it. The outbox stays (F23).
    #[error("app too old")]
    VersionTooOld,
    /// Headquarters is busy: wait so long (F24).
    #[error("overloaded")]
    Overloaded {
        /// Seconds to wait.
        retry_after_s: u32,
    },
    /// Headquarters refused the request for another reason.
    #[error("refused: {code}")]
    Refused {
        /// Stable code.
        code: String,
        /// For support.
        detail: String,
    },
    /// A signed answer that this app cannot read.
    #[error("unreadable answer: {detail}")]
    Protocol {
        /// For support.
        detail: String,
    },
}

impl SyncError {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Field(e) => e.code(),
            Self::NoNetwork { .. } => "no_network",
            Self::NotHeadquarters => "not_headquarters",
            Self::Busy => "busy",
            Self::SignerUnavailable => "signer_unavailable",
            Self::KeyLost => "key_lost",
            Self::KeyReplaced => "key_replaced",
            Self::BadInvitation => "bad_invitation",
            Self::AlreadyEnrolled => "already_enrolled",
            Self::NotConfirmed => "not_confirmed",
            Self::Revoked { .. } => "revoked",
            Self::ChainGap { .. } => "chain_gap",
            Self::Fork { .. } => "fork",
            Self::VersionTooOld => "version_too_old",
            Self::Overloaded { .. } => "overloaded",
            Self::Refused { .. } => "refused",
            Self::Protocol { .. } => "protocol",
        }
    }
}

impl From<SignerError> for SyncError {
    fn from(error: SignerError) -> Self {
        match error {
            SignerError::Unavailable => Self::SignerUnavailable,
            SignerError::KeyLost => Self::KeyLost,
        }
    }
}

impl From<TransportError> for SyncError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Stranger => Self::NotHeadquarters,
            other => Self::NoNetwork { detail: other.to_string() },
        }
    }
}

/// What a sync did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// Requests sent.
    pub requests: u32,
    /// Bytes of requests: bodies and headers.
    pub bytes_up: u64,
    /// Bytes of responses: bodies and headers.
    pub bytes_down: u64,
    /// Entries sent, repeats included.
    pub pushed: u64,
    /// Entries acknowledged by a valid receipt.
    pub acknowledged: u64,
    /// Valid receipts.
    pub receipts: u64,
    /// Entries refused.
    pub refused: u64,
    /// Documents received whole.
    pub snapshots: u64,
    /// Changes received.
    pub pulled: u64,
    /// Documents that left the scope.
    pub left: u64,
    /// True when everything was compared with headquarters and differed, so all is pulled again.
    pub resynced: bool,
    /// True when headquarters had been restored from a backup.
    pub epoch_changed: bool,
}

impl std::ops::AddAssign for SyncReport {
    fn add_assign(&mut self, more: Self) {
        self.requests += more.requests;
        self.bytes_up += more.bytes_up;
        self.bytes_down += more.bytes_down;
        self.pushed += more.pushed;
        self.acknowledged += more.acknowledged;
        self.receipts += more.receipts;
        self.refused += more.refused;
        self.snapshots += more.snapshots;
        self.pulled += more.pulled;
        self.left += more.left;
        self.resynced |= more.resynced;
        self.epoch_changed |= more.epoch_changed;
    }
}

impl Field {
    /// Pushes the outbox and pulls everything new; blocks on the network, never inside a lock.
    ///
    /// # Errors
    /// [`SyncError`]; what was applied before stays, the outbox is never lost. A second call
    /// while one runs gives `Busy`.
    pub fn sync(&self, transport: &dyn Transport) -> Result<SyncReport, SyncError> {
        let mut session = self.session()?;
        while let Some(request) = session.next_request()? {
            match session.receive(transport.send(request))? {
                Progress::More => {}
                Progress::Done => break,
            }
        }
        Ok(session.report())
    }

    /// Starts a sync session for a driver of its own. Ends when dropped.
    pub fn session(&self) -> Result<SyncSession, SyncError> {
        SyncSession::start(std::sync::Arc::clone(&self.inner))
    }
}
