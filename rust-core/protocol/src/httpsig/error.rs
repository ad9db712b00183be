//! Why a signed request is refused.
//!
//! Invariant: the codes are stable; phones and alarms act on them, people read the texts.
//! Rejected: one code for all refusals. A phone must tell a damaged body (send again) from a key
//! that headquarters no longer takes (enrol again), and none of the codes says more about a key
//! than that it did not sign this request.

/// Says why a request is refused. [`Self::code`] is stable; the texts are for logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HttpSigError {
    /// One of the three headers is not there.
    #[error("the header {0} is missing")]
    MissingHeader(&'static str),
    /// A header or a part of the request is not spelled as the profile says.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// The signature covers other components, or in another order.
    #[error("the signature does not cover the components of the profile")]
    WrongComponents,
    /// The body is not the one the digest was made of.
    #[error("the content digest does not match the body")]
    DigestMismatch,
    /// The digest is made with another hash, or the request names a signature algorithm itself.
    #[error("{0} names an algorithm that the profile does not have")]
    UnknownAlgorithm(&'static str),
    /// The key did not sign this request.
    #[error("the signature does not match the request and key")]
    BadSignature,
    /// A header or a part of the request is longer than the profile allows.
    #[error("{0} is too long")]
    TooLong(&'static str),
}

impl HttpSigError {
    /// Returns the stable code for logs, metrics and the refusal sent back.
    pub const fn code(self) -> &'static str {
        match self {
            Self::MissingHeader(_) => "missing_header",
            Self::Malformed(_) => "malformed",
            Self::WrongComponents => "wrong_components",
            Self::DigestMismatch => "digest_mismatch",
            Self::UnknownAlgorithm(_) => "unknown_algorithm",
            Self::BadSignature => "bad_signature",
            Self::TooLong(_) => "too_long",
        }
    }
}
