//! What can go wrong, by what the shell can do about it.
//!
//! Invariant: every failure of the core ends in one variant here, through the two matches below;
//! the code is stable, `details` is for support and never holds personal data. Rejected: one
//! variant for each failure of the core; a shell acts on a dozen cases, not on forty.

use crate::texts::Phrase;
use lanewalk_field::{FieldError, SyncError, TransportError};

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Reason {
    /// Stable code.
    pub code: String,
    /// What to tell the person.
    pub text: Phrase,
    /// For support; no personal data.
    pub details: String,
}

/// Why a call failed, by what the shell can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum LanewalkError {
    /// At opening, the store's key is gone or does not fit: unlock the phone and try again. In a round, the
    /// device's key is gone or is not the enrolled one: offer the export of what was not sent. Else, and
    /// then, enrol anew. Nothing was touched.
    #[error("{reason}")]
    Key {
        /// Why.
        reason: Reason,
    },
    /// This app is too old for its store or for headquarters: update it.
    #[error("{reason}")]
    UpdateApp {
        /// Why.
        reason: Reason,
    },
    /// The store is damaged; it stays as it is until the person agrees to [`salvage`](crate::salvage).
    #[error("{reason}")]
    StoreDamaged {
        /// Why.
        reason: Reason,
    },
    /// No room: offer to free photos.
    #[error("{reason}")]
    StorageFull {
        /// Why.
        reason: Reason,
    },
    /// Not a device yet: show the enrolment screen.
    #[error("{reason}")]
    NotEnrolled {
        /// Why.
        reason: Reason,
    },
    /// The store is paused: resume it.
    #[error("{reason}")]
    Paused {
        /// Why.
        reason: Reason,
    },
    /// The object was shut down: open anew.
    #[error("{reason}")]
    Closed {
        /// Why.
        reason: Reason,
    },
    /// Not on this phone.
    #[error("{reason}")]
    NotFound {
        /// Why.
        reason: Reason,
    },
    /// The rights or the rules do not allow it; nothing was written. Show the text.
    #[error("{reason}")]
    NotAllowed {
        /// Why.
        reason: Reason,
    },
    /// The right to work offline has run out: connect to headquarters (F32).
    #[error("{reason}")]
    Connect {
        /// Why.
        reason: Reason,
    },
    /// An argument does not fit; nothing was written. Mark the field.
    #[error("{reason}")]
    Invalid {
        /// Why.
        reason: Reason,
        /// Which argument or document key.
        field: String,
    },
    /// A file cannot be a photo, or a photo's file cannot be read.
    #[error("{reason}")]
    Photo {
        /// Why.
        reason: Reason,
    },
    /// Headquarters cannot be reached: everything stays, try later.
    #[error("{reason}")]
    Offline {
        /// Why.
        reason: Reason,
    },
    /// Something is busy: wait so long.
    #[error("{reason}")]
    Wait {
        /// Why.
        reason: Reason,
        /// Seconds to wait; nothing when nobody knows.
        retry_after_s: Option<u32>,
    },
    /// Headquarters does not take this device's work any more: export it and ask the office.
    #[error("{reason}")]
    DeviceStopped {
        /// Why.
        reason: Reason,
    },
    /// The text is not an invitation, or this phone has a device already.
    #[error("{reason}")]
    Invitation {
        /// Why.
        reason: Reason,
    },
    /// A shell's own implementation failed, or a fault of this software.
    #[error("{reason}")]
    Internal {
        /// Why.
        reason: Reason,
    },
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.details)
    }
}

impl Reason {
    pub(crate) fn new(code: &str, details: impl Into<String>) -> Self {
        Self { code: code.into(), text: Phrase::of("error", code), details: details.into() }
    }
}

impl LanewalkError {
    /// Returns why.
    pub(crate) fn reason(&self) -> &Reason {
        match self {
            Self::Key { reason }
            | Self::UpdateApp { reason }
            | Self::StoreDamaged { reason }
            | Self::StorageFull { reason }
            | Self::NotEnrolled { reason }
            | Self::Paused { reason }
            | Self::Closed { reason }
            | Self::NotFound { reason }
            | Self::NotAllowed { reason }
            | Self::Connect { reason }
            | Self::Invalid { reason, .. }
            | Self::Photo { reason }
            | Self::Offline { reason }
            | Self::Wait { reason, .. }
            | Self::DeviceStopped { reason }
            | Self::Invitation { reason }
            | Self::Internal { reason } => reason,
        }
    }

    pub(crate) fn invalid(field: &str, why: &str) -> Self {
        Self::Invalid { reason: Reason::new("invalid", why), field: field.into() }
    }

    pub(crate) fn internal(details: impl Into<String>) -> Self {
        Self::Internal { reason: Reason::new("internal", details) }
    }

    pub(crate) fn closed() -> Self {
        Self::Closed { reason: Reason::new("closed", "") }
    }
}

impl From<FieldError> for LanewalkError {
    fn from(error: FieldError) -> Self {
        let mut reason = Reason::new(error.code(), error.to_string());
        match error {
            FieldError::WrongKey => Self::Key { reason },
            FieldError::NewerSchema { .. } => Self::UpdateApp { reason },
            FieldError::Corrupt { .. } => Self::StoreDamaged { reason },
            FieldError::StorageFull => Self::StorageFull { reason },
            FieldError::NotEnrolled => Self::NotEnrolled { reason },
            FieldError::Paused => Self::Paused { reason },
            FieldError::NotFound => Self::NotFound { reason },
            FieldError::NotAllowed { code } => {
                reason.text = Phrase::of("denial", &code);
                Self::NotAllowed { reason }
            }
            FieldError::WouldBeRefused { refusal } => {
                reason.text = Phrase::of("refusal", refusal.code());
                Self::NotAllowed { reason }
            }
            FieldError::LeaseOver => Self::Connect { reason },
            FieldError::Invalid { field, .. } => Self::Invalid { reason, field },
            FieldError::Photo { code, .. } => {
                reason.text = Phrase::of("photo_error", code);
                Self::Photo { reason }
            }
            FieldError::Internal { .. } => Self::Internal { reason },
        }
    }
}

impl From<SyncError> for LanewalkError {
    fn from(error: SyncError) -> Self {
        let reason = Reason::new(error.code(), error.to_string());
        match error {
            SyncError::Field(error) => error.into(),
            SyncError::NoNetwork { .. } | SyncError::NotHeadquarters => Self::Offline { reason },
            SyncError::Busy | SyncError::SignerUnavailable => Self::Wait { reason, retry_after_s: None },
            SyncError::Overloaded { retry_after_s } => {
                Self::Wait { reason, retry_after_s: Some(retry_after_s) }
            }
            SyncError::KeyLost | SyncError::KeyReplaced => Self::Key { reason },
            SyncError::BadInvitation | SyncError::AlreadyEnrolled => Self::Invitation { reason },
            SyncError::NotConfirmed => Self::Wait { reason, retry_after_s: None },
            SyncError::Revoked { .. }
            | SyncError::ChainGap { .. }
            | SyncError::Fork { .. }
            | SyncError::Refused { .. } => Self::DeviceStopped { reason },
            SyncError::VersionTooOld => Self::UpdateApp { reason },
            SyncError::Protocol { .. } => Self::Internal { reason },
        }
    }
}

impl From<TransportError> for LanewalkError {
    fn from(error: TransportError) -> Self {
        SyncError::from(error).into()
    }
}
