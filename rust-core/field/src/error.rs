//! What can go wrong, by what the shell can do about it.
//!
//! Invariant: every failure inside the crate ends in exactly one variant here, through the one
//! `match` on SQLite's codes below; no text in a variant holds personal data. Rejected: passing
//! library errors outward, which gives shells forty cases and none they can act on.

use crate::photos::vault::ReadFailure;
use lanewalk_media::MediaError;
use lanewalk_model::{
    document::{DocumentError, SchemaError},
    order::Refusal,
    policy::Denial,
};

/// Says why a call on the phone's store failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The key does not open the database: ask for the key again, or enrol anew (F9).
    #[error("the key does not open the store")]
    WrongKey,
    /// A newer app wrote this database: update the app. Nothing was touched (F10).
    #[error("the store has schema {found}, this app knows {known}")]
    NewerSchema {
        /// Version in the file.
        found: u32,
        /// Newest version this build knows.
        known: u32,
    },
    /// The file is damaged; it stays as it is (F7).
    #[error("the store is damaged: {detail}")]
    Corrupt {
        /// For support.
        detail: String,
    },
    /// No room on the phone; nothing was half written (F5).
    #[error("no room left on the phone")]
    StorageFull,
    /// This installation is not a device yet.
    #[error("not enrolled")]
    NotEnrolled,
    /// The store is paused or closed: resume it.
    #[error("the store is paused")]
    Paused,
    /// No such document on this phone.
    #[error("not found")]
    NotFound,
    /// The rights held do not allow it; nothing was written.
    #[error("not allowed: {code}")]
    NotAllowed {
        /// Stable code of [`Denial`].
        code: String,
    },
    /// Headquarters would refuse this proposal; nothing was written.
    #[error("headquarters would refuse this: {}", .refusal.code())]
    WouldBeRefused {
        /// Why, with words for the worker in [`Refusal::zh`].
        refusal: Refusal,
    },
    /// The lease is over: only new facts can be written until the next contact (F32).
    #[error("the lease is over")]
    LeaseOver,
    /// An argument does not fit; nothing was written.
    #[error("{field}: {why}")]
    Invalid {
        /// Which argument or document key.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file cannot be a photo, or a photo's file cannot be read.
    #[error("photo: {code}: {detail}")]
    Photo {
        /// Stable code: of [`lanewalk_media::MediaError`], or `changed`, `copy_too_large`,
        /// `missing`, `altered`.
        code: &'static str,
        /// For support; no path.
        detail: String,
    },
    /// A fault of this software.
    #[error("internal: {detail}")]
    Internal {
        /// For support.
        detail: String,
    },
}

impl FieldError {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongKey => "wrong_key",
            Self::NewerSchema { .. } => "newer_schema",
            Self::Corrupt { .. } => "corrupt",
            Self::StorageFull => "storage_full",
            Self::NotEnrolled => "not_enrolled",
            Self::Paused => "paused",
            Self::NotFound => "not_found",
            Self::NotAllowed { .. } => "not_allowed",
            Self::WouldBeRefused { .. } => "would_be_refused",
            Self::LeaseOver => "lease_over",
            Self::Invalid { .. } => "invalid",
            Self::Photo { code, .. } => code,
            Self::Internal { .. } => "internal",
        }
    }

    pub(crate) fn invalid(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), why: why.into() }
    }

    pub(crate) fn internal(detail: impl std::fmt::Display) -> Self {
        Self::Internal { detail: detail.to_string() }
    }

    pub(crate) fn corrupt(detail: impl std::fmt::Display) -> Self {
        Self::Corrupt { detail: detail.to_string() }
    }
}

impl From<rusqlite::Error> for FieldError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match &error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                Code::DiskFull => Self::StorageFull,
                Code::DatabaseCorrupt | Code::NotADatabase => Self::corrupt(failure),
                // Only the code: the text of a constraint could quote a value.
                _ => Self::internal(failure),
            },
            rusqlite::Error::QueryReturnedNoRows => Self::NotFound,
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..) => Self::corrupt("a row does not read back"),
            _ => Self::internal("sqlite"),
        }
    }
}

impl From<MediaError> for FieldError {
    fn from(error: MediaError) -> Self {
        Self::Photo { code: error.code(), detail: error.to_string() }
    }
}

impl From<ReadFailure> for FieldError {
    fn from(failure: ReadFailure) -> Self {
        match failure {
            ReadFailure::Lost(trouble) => Self::Photo { code: trouble.code(), detail: String::new() },
            ReadFailure::Disk(error) => error,
        }
    }
}

impl From<Denial> for FieldError {
    fn from(denial: Denial) -> Self {
        Self::NotAllowed { code: denial.to_string() }
    }
}

impl From<SchemaError> for FieldError {
    fn from(error: SchemaError) -> Self {
        Self::Invalid { field: error.key, why: error.problem.to_string() }
    }
}

impl From<DocumentError> for FieldError {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::Load(detail) => Self::corrupt(detail),
            other => Self::internal(other),
        }
    }
}

/// Runs automerge code that is not guarded elsewhere; a panic in it becomes an error.
pub(crate) fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, FieldError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run))
        .map_err(|_| FieldError::internal("a library panicked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlites_codes_become_what_the_shell_can_act_on() {
        for (code, want) in [(13, "storage_full"), (11, "corrupt"), (26, "corrupt"), (5, "internal")] {
            let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            assert_eq!(FieldError::from(error).code(), want, "{code}");
        }
    }

    #[test]
    fn a_panic_becomes_an_error() {
        let empty: Vec<u8> = Vec::new();
        let out = guarded(|| {
            empty.iter().copied().reduce(|a, b| a / b).map_or_else(|| empty.split_at(1).0.len(), usize::from)
        });
        assert_eq!(out.map_err(|e| e.code()), Err("internal"));
    }
}
