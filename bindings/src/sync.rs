//! Rounds with headquarters, what waits and what was refused.

use crate::{
    call::Core,
    enums::{DeviceKey, Network},
    error::LanewalkError,
    foreign::{ForeignError, LogLevel},
    live::{Told, Watch},
    texts::Phrase,
};
use lanewalk_field as core;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Rounds with headquarters.
#[derive(uniffi::Object)]
pub struct Sync(pub(crate) Arc<Core>);

/// What a round did.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Round {
    /// Requests sent.
    pub requests: u32,
    /// Bytes sent.
    pub bytes_up: u64,
    /// Bytes received.
    pub bytes_down: u64,
    /// Entries acknowledged by a valid receipt.
    pub acknowledged: u64,
    /// Entries refused.
    pub refused: u64,
    /// Changes and documents received.
    pub received: u64,
    /// Photo files acknowledged.
    pub photo_files: u64,
    /// Photo files held back because of what the network costs.
    pub held_back: u64,
    /// Stopped before its end.
    pub stopped: bool,
}

/// How the store stands.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct StatusView {
    /// Entries waiting for headquarters.
    pub pending: u64,
    /// Entries in quarantine.
    pub quarantined: u64,
    /// Documents with a field that waits for a person.
    pub conflicts: u64,
    /// HQ time of the last signed answer, UTC ms.
    pub last_contact_ms: Option<i64>,
    /// How the device's key stands; without it no round begins.
    pub key: DeviceKey,
    /// What is wrong, in words; empty when all is well.
    pub problems: Vec<Phrase>,
}

/// Hears how the store stands. Called on a thread of its own.
#[uniffi::export(with_foreign)]
pub trait StatusListener: Send + std::marker::Sync {
    /// Takes the status as it is now.
    fn changed(&self, status: StatusView) -> Result<(), ForeignError>;
}

/// Something headquarters refused; it stays here with its exact bytes.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RefusedEntry {
    /// Number in this device's chain.
    pub seq: u64,
    /// The document it was for.
    pub doc: String,
    /// Why.
    pub reason: Phrase,
    /// When it was written, by the phone's clock, UTC ms.
    pub at_ms: i64,
    /// What was written.
    pub written: Vec<WrittenLine>,
}

/// One thing that was written.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct WrittenLine {
    /// The field for people.
    pub label: Phrase,
    /// The value as people read it; nothing when it was removed.
    pub value: Option<String>,
}

/// Asks a round to end. One round takes one; asked before the round has begun, it counts all the same.
#[derive(Debug, Default, uniffi::Object)]
pub struct StopToken(AtomicBool);

#[uniffi::export]
impl StopToken {
    /// Makes one that was not asked.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Asks its round to end before the next request. Does not wait.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }
}

#[uniffi::export]
impl Sync {
    /// Pushes and pulls everything, then sends photos as the network allows. Blocks on the network:
    /// up to 10 s for a connection and 120 s a request; `stop` ends it before the next one, and so
    /// does pausing or shutting down.
    ///
    /// Errors: `Offline`, `Wait`, `DeviceStopped`, `UpdateApp`, `Key`, `NotEnrolled`: nothing is lost.
    #[uniffi::method(default(stop = None))]
    pub fn run(&self, stop: Option<Arc<StopToken>>) -> Result<Round, LanewalkError> {
        let core = &self.0;
        let asleep = || core.asleep.load(Ordering::Acquire);
        core.call(|_| if asleep() { Err(core::FieldError::Paused) } else { Ok(()) })?;
        let network = match core.connectivity.as_ref().map(|c| c.network()) {
            None => Network::Unmetered,
            Some(Ok(network)) => network,
            Some(Err(_)) => {
                core.log.line(LogLevel::Warn, "the shell's connectivity failed");
                Network::Metered
            }
        };
        let transport = core.call(|field| field.transport(core.root.as_deref()))?;
        let asked = || stop.as_ref().is_some_and(|token| token.0.load(Ordering::Acquire));
        let stopped = || asked() || asleep();
        let report = core.call(|field| field.round(transport.as_ref(), network.into(), &stopped));
        match &report {
            Ok(r) => core.log.line(
                LogLevel::Info,
                format!("round: {} requests, {} sent", r.sync.requests, r.sync.acknowledged),
            ),
            Err(error) => core.log.line(LogLevel::Warn, format!("round: {}", error.reason().code)),
        }
        let core::RoundReport { sync, upload, stopped } = report?;
        Ok(Round {
            requests: sync.requests.saturating_add(upload.requests),
            bytes_up: sync.bytes_up.saturating_add(upload.bytes_up),
            bytes_down: sync.bytes_down.saturating_add(upload.bytes_down),
            acknowledged: sync.acknowledged,
            refused: sync.refused,
            received: sync.snapshots.saturating_add(sync.pulled),
            photo_files: upload.files,
            held_back: upload.held_back,
            stopped,
        })
    }

    /// Says how the store stands.
    pub fn status(&self) -> Result<StatusView, LanewalkError> {
        self.0.call(core::Field::status).map(Into::into)
    }

    /// Follows it: the status at once, then every new one.
    pub fn watch(&self, listener: Arc<dyn StatusListener>) -> Result<Arc<Watch>, LanewalkError> {
        let told = Told::new(&self.0, move |status: core::Status| listener.changed(status.into()));
        self.0.call(|field| Ok::<_, LanewalkError>(Watch::new(field.watch_status(told))))
    }

    /// Lists what headquarters refused, oldest first.
    pub fn refused(&self) -> Result<Vec<RefusedEntry>, LanewalkError> {
        let refused = self.0.call(core::Field::quarantine)?;
        Ok(refused.into_iter().map(Into::into).collect())
    }

    /// Exports what was refused as JSON with every byte. Holds personal data: seal the file.
    pub fn export_refused(&self) -> Result<String, LanewalkError> {
        self.0.call(core::Field::export_quarantine)
    }

    /// Exports what headquarters does not hold yet, in the same form; for a phone that is stopped.
    pub fn export_unsent(&self) -> Result<String, LanewalkError> {
        self.0.call(core::Field::export_unsent)
    }
}

impl From<core::Status> for StatusView {
    fn from(status: core::Status) -> Self {
        let problem = |(code, detail): (String, String)| Phrase::of("problem", &code).with("detail", detail);
        let key = DeviceKey::from(status.device_key);
        let gone = matches!(key, DeviceKey::Lost | DeviceKey::Replaced).then(|| key.label());
        Self {
            pending: status.pending,
            quarantined: status.quarantined,
            conflicts: status.conflicts,
            last_contact_ms: status.last_contact_ms,
            key,
            problems: gone.into_iter().chain(status.problems.into_iter().map(problem)).collect(),
        }
    }
}

impl From<core::Quarantined> for RefusedEntry {
    fn from(entry: core::Quarantined) -> Self {
        let line = |w: core::Written| WrittenLine {
            label: Phrase::of("field", w.key.split('/').next().unwrap_or_default()),
            value: w.value,
        };
        Self {
            seq: entry.seq,
            doc: entry.doc.to_string(),
            reason: Phrase::of("refused", &entry.code),
            at_ms: entry.at.0,
            written: entry.written.into_iter().map(line).collect(),
        }
    }
}
