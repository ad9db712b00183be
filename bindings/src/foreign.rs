//! What a shell implements: keys, network, place, log.
//!
//! Invariant: every method is synchronous, may be called from any thread and returns an error
//! instead of throwing; one that throws all the same is taken as failed. None is called while the
//! core holds a lock. Rejected: asynchronous foreign methods, which tie a shell's scheduler to ours.

use crate::enums::{Network, PositionSource};
use lanewalk_field::{Source, SystemSource};
use lanewalk_model::{datum, position};
use lanewalk_protocol::keys::{self, PublicKey, Signature, SignerError};
use std::{path::Path, sync::Arc};

/// Says why a shell's implementation did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum ForeignError {
    /// Not now: the phone is locked, the service busy.
    #[error("not available now")]
    Unavailable,
    /// Gone for good.
    #[error("lost")]
    Lost,
    /// Anything else.
    #[error("failed: {details}")]
    Failed {
        /// For support; no personal data.
        details: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for ForeignError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { details: error.reason }
    }
}

/// Keeps the store's key (Android Keystore, iOS keychain).
#[uniffi::export(with_foreign)]
pub trait KeyStore: Send + Sync {
    /// Returns the store's 32 bytes, made at random at the first call. Called once, by
    /// [`Field::open`](crate::Field).
    ///
    /// `Unavailable`: unlock first. `Lost`: the data can never be read again; enrol anew.
    fn store_key(&self) -> Result<Vec<u8>, ForeignError>;
}

/// Signs with the device's key: ECDSA on P-256 with SHA-256, in the key chip.
///
/// Called from worker threads while a round runs; may take tens of milliseconds.
#[uniffi::export(with_foreign)]
pub trait DeviceSigner: Send + Sync {
    /// Returns the public key as the platform gives it: a SubjectPublicKeyInfo (Android), or a
    /// SEC1 point of 65 or 33 bytes (iOS). Called when the store is opened and at enrolment; when it
    /// was not available, again by the next round.
    ///
    /// `Lost`, or another key than the one enrolled: the store opens all the same, for reading and for
    /// `export_unsent`, and no round begins.
    fn public_key(&self) -> Result<Vec<u8>, ForeignError>;

    /// Signs exactly `message`: DER (both platforms) or 64 raw bytes.
    fn sign(&self, message: Vec<u8>) -> Result<Vec<u8>, ForeignError>;
}

/// Knows what the network costs.
#[uniffi::export(with_foreign)]
pub trait Connectivity: Send + Sync {
    /// Returns the network as it is now; asked at the begin of a round.
    fn network(&self) -> Result<Network, ForeignError>;
}

/// Knows where the phone is. Asked only at an act: when a visit or a photo is saved without a
/// place. Nothing follows a worker (law 7).
#[uniffi::export(with_foreign)]
pub trait Position: Send + Sync {
    /// Returns the last known fix; nothing when there is none. Must not wait for one.
    fn last_fix(&self) -> Result<Option<Fix>, ForeignError>;
}

/// Weight of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// For developers.
    Debug,
    /// What happened.
    Info,
    /// What went wrong and was dealt with.
    Warn,
    /// A fault of this software.
    Error,
}

/// Takes log lines. They hold counts and codes, never ids, words or personal data.
#[uniffi::export(with_foreign)]
pub trait LogSink: Send + Sync {
    /// Takes a line. Must not call the core.
    fn log(&self, level: LogLevel, line: String) -> Result<(), ForeignError>;
}

/// A position as the phone tells it.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct Fix {
    /// Latitude in degrees.
    pub lat: f64,
    /// Longitude in degrees.
    pub lon: f64,
    /// Where it came from.
    pub source: PositionSource,
    /// Which coordinates these are.
    pub datum: Datum,
    /// Radius of the circle it lies in, metres; 68 % as Android and iOS give it.
    #[uniffi(default = None)]
    pub accuracy_m: Option<u32>,
    /// The system says that an app fakes it.
    #[uniffi(default = false)]
    pub mock: bool,
}

/// Which coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Datum {
    /// What satellite receivers, Android and iOS give.
    Wgs84,
    /// 国测局坐标: AMap, Tencent, Apple's map in mainland China.
    Gcj02,
    /// 百度坐标.
    Bd09,
}

impl Fix {
    /// Turns it into the core's position; `None` off the globe.
    pub(crate) fn position(&self) -> Option<position::Position> {
        let plain = position::Position::from_degrees(self.lat, self.lon).ok()?;
        let datum = match self.datum {
            Datum::Wgs84 => datum::Datum::Wgs84,
            Datum::Gcj02 => datum::Datum::Gcj02,
            Datum::Bd09 => datum::Datum::Bd09,
        };
        let (source, mock) = (self.source.into(), self.mock);
        position::Position::new(plain.lat_e7(), plain.lon_e7(), self.accuracy_m, source, mock, datum).ok()
    }
}

/// The log, where a shell wants one.
#[derive(Clone)]
pub(crate) struct Logger(pub(crate) Option<Arc<dyn LogSink>>);

impl Logger {
    /// Writes a line; a sink that fails is left alone.
    pub(crate) fn line(&self, level: LogLevel, line: impl Into<String>) {
        if let Some(sink) = &self.0 {
            let _ = sink.log(level, line.into());
        }
    }
}

/// The shell's signer as the core wants it.
pub(crate) struct ShellSigner {
    pub(crate) signer: Arc<dyn DeviceSigner>,
    pub(crate) log: Logger,
}

impl ShellSigner {
    /// Reads an answer. A chip that gives something else cannot be used; another try may find it well
    /// again.
    fn read<T, E: std::fmt::Display>(
        &self,
        answer: Result<Vec<u8>, ForeignError>,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<T, SignerError> {
        let failed = |details: String| {
            self.log.line(LogLevel::Warn, format!("the shell's signer failed: {details}"));
            SignerError::Unavailable
        };
        match answer {
            Ok(bytes) => parse(&bytes).map_err(|error| failed(error.to_string())),
            Err(ForeignError::Lost) => Err(SignerError::KeyLost),
            Err(ForeignError::Unavailable) => Err(SignerError::Unavailable),
            Err(ForeignError::Failed { details }) => Err(failed(details)),
        }
    }
}

impl keys::DeviceSigner for ShellSigner {
    fn public_key(&self) -> Result<PublicKey, SignerError> {
        self.read(self.signer.public_key(), PublicKey::es256_from_platform)
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        self.read(self.signer.sign(message.to_vec()), Signature::es256_from_platform)
    }
}

/// The phone's clocks with the shell's place.
pub(crate) struct ShellSource {
    pub(crate) system: SystemSource,
    pub(crate) position: Option<Arc<dyn Position>>,
    pub(crate) log: Logger,
}

impl Source for ShellSource {
    fn wall_ms(&self) -> i64 {
        self.system.wall_ms()
    }

    fn mono_ms(&self) -> u64 {
        self.system.mono_ms()
    }

    fn boot_id(&self) -> [u8; 8] {
        self.system.boot_id()
    }

    fn free_bytes(&self, folder: &Path) -> u64 {
        self.system.free_bytes(folder)
    }

    fn position(&self) -> Option<position::Position> {
        match self.position.as_ref()?.last_fix() {
            Ok(fix) => fix.and_then(|f| f.position()),
            Err(_) => {
                self.log.line(LogLevel::Warn, "the shell's position failed");
                None
            }
        }
    }

    fn fill_random(&self, buf: &mut [u8]) {
        self.system.fill_random(buf);
    }
}
