//! What can go wrong at headquarters.

use lanewalk_protocol::{
    frame,
    receipt::{Deposit, ErrorBody},
};

/// A failure of headquarters itself; requests that are refused are [`Refusal`]s.
#[derive(Debug, thiserror::Error)]
pub enum HqError {
    /// The database failed; nothing of the batch was kept.
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
    /// The database was written by a newer version.
    #[error("database schema {found} is newer than {known}")]
    NewerSchema {
        /// Version found.
        found: i64,
        /// Version this program knows.
        known: i64,
    },
    /// A stored document does not load; the log still has every change of it.
    #[error("stored document: {0}")]
    Document(#[from] lanewalk_model::document::DocumentError),
    /// Reference data cannot be read.
    #[error("{what}: {why}")]
    Reference {
        /// Which.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// Files or processes.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The folder of photo files.
    #[error("photos: {0}")]
    Photos(String),
    /// The gate's workers cannot work; nothing was judged.
    #[error("gate: {0}")]
    Gate(String),
    /// An evidence bundle could not be made.
    #[error("evidence: {0}")]
    Evidence(String),
    /// A line of the log is not as it was written.
    #[error("日志第 {0} 行与写入时不同 / line {0} of the log is not as it was written")]
    LogBroken(u64),
    /// An act of staff that the rules do not allow.
    #[error("{0}")]
    NotAllowed(String),
    /// No such thing.
    #[error("not found: {0}")]
    NotFound(String),
    /// A batch could not be packed.
    #[error("packing: {0}")]
    Batch(#[from] lanewalk_protocol::batch::BatchError),
}

/// A request refused as a whole: nothing changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: &'static str,
    /// More for support, without personal data.
    pub detail: String,
    /// With `chain_gap`: the sequence number wanted.
    pub need_seq: Option<u64>,
    /// With `revoked`: until when the device may deliver what it wrote.
    pub deposit_until: Option<i64>,
    /// With it: what headquarters has of that device.
    pub deposit: Option<Deposit>,
}

impl Refusal {
    /// Makes a refusal.
    pub fn new(status: u16, code: &'static str) -> Self {
        Self { status, code, detail: String::new(), need_seq: None, deposit_until: None, deposit: None }
    }

    /// Adds words for support.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Encodes the body.
    pub fn body(&self) -> Vec<u8> {
        frame::encode(&ErrorBody {
            code: self.code.to_owned(),
            detail: self.detail.clone(),
            need_seq: self.need_seq,
            retry_after_s: self.retry_after_s(),
            deposit_until: self.deposit_until,
            deposit: self.deposit,
        })
    }

    /// Returns the seconds to wait, where waiting helps.
    pub(crate) fn retry_after_s(&self) -> Option<u32> {
        match (self.status, self.code) {
            (503, _) => Some(5),
            (429, "too_many_requests") => Some(10),
            (429, "too_many_tries") => Some(600),
            // Uploads end, or somebody makes room: neither within seconds.
            (429 | 507, _) => Some(300),
            _ => None,
        }
    }
}
