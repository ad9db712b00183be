//! Who is asking: the signature of a request and its nonce.
//!
//! Invariant: a request counts once. Its nonce is the one headquarters gave that device in the
//! answer before; a replayed, swapped or cross-device request has another (F41). Nonces live in
//! memory: after a restart each phone needs one extra round trip. Rejected: time windows, since
//! phones' clocks are years off.

use crate::{
    error::{HqError, Refusal},
    store::DeviceRow,
};
use lanewalk_model::{
    id::{DeviceId, to_hex},
    time::TimeMs,
};
use lanewalk_protocol::{
    http::Request,
    httpsig::{self, HttpSigError, RequestParts, SignatureHeadersRef},
};
use rusqlite::Connection;
use std::collections::HashMap;

/// The nonce each device must use next.
#[derive(Debug, Default)]
pub(crate) struct Nonces(HashMap<DeviceId, String>);

impl Nonces {
    /// Gives a device a new nonce; the one before is void.
    pub(crate) fn renew(&mut self, device: DeviceId, random: [u8; 12]) -> String {
        let nonce = to_hex(&random);
        self.0.insert(device, nonce.clone());
        nonce
    }

    /// Gives the nonce that counts, making one only if there is none: a replayed old request must
    /// not void what the device was given.
    pub(crate) fn current_or(&mut self, device: DeviceId, random: [u8; 12]) -> String {
        self.0.entry(device).or_insert_with(|| to_hex(&random)).clone()
    }

    pub(crate) fn is_current(&self, device: DeviceId, nonce: &str) -> bool {
        self.0.get(&device).is_some_and(|n| n == nonce)
    }
}

/// A request with a valid signature; whether its nonce is current is another question.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) device: DeviceRow,
    pub(crate) nonce: String,
    /// What the answer is bound to.
    pub(crate) binding: String,
}

/// What a device may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Everything within its worker's rights.
    Open,
    /// Revoked: it may deliver what it wrote, into quarantine, and reads nothing (F29).
    Deposit,
}

impl Caller {
    /// Says whether the device may ask at all. The one place where a device's standing counts.
    pub(crate) fn lane(&self, now: TimeMs) -> Result<Lane, Refusal> {
        let device = &self.device;
        match (device.revoked_at, device.confirmed_at) {
            (None, Some(_)) => Ok(Lane::Open),
            (None, None) => Err(Refusal::new(403, "not_confirmed")),
            (Some(_), _) if device.deposit_until.is_some_and(|until| now.0 <= until) => Ok(Lane::Deposit),
            (Some(_), _) => Err(Refusal::new(403, "revoked")),
        }
    }

    /// Says that the device is revoked, and until when it may deliver.
    pub(crate) fn revoked(&self) -> Refusal {
        let mut refusal = Refusal::new(403, "revoked");
        refusal.deposit_until = self.device.deposit_until;
        refusal
    }
}

/// Finds the signature headers; a repeated one is refused.
fn signature_headers(request: &Request) -> Result<SignatureHeadersRef<'_>, HttpSigError> {
    SignatureHeadersRef::from_lines(request.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())))
}

/// Whether a request came with its whole body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// It did, so the hash that is signed must be the body's.
    Whole,
    /// The connection ended before it; the signed hash is of more than came.
    Cut,
}

/// Checks a request's signature against the key of the device it names.
pub(crate) fn authenticate(
    db: &Connection,
    request: &Request,
    authority: &str,
    body: Body,
) -> Result<Result<Caller, Refusal>, HqError> {
    let unauthorized = |code| Ok(Err(Refusal::new(401, code)));
    let headers = match signature_headers(request) {
        Ok(headers) => headers,
        Err(e) => return unauthorized(e.code()),
    };
    let claimed = match httpsig::parse(&headers) {
        Ok(claimed) => claimed,
        Err(e) => return unauthorized(e.code()),
    };
    let Ok(id) = claimed.key_id.parse::<DeviceId>() else { return unauthorized("unknown_device") };
    let Some(device) = DeviceRow::find(db, id)? else { return unauthorized("unknown_device") };
    if request.authority != authority {
        return unauthorized("wrong_authority");
    }
    let parts = RequestParts {
        method: &request.method,
        authority,
        path: &request.path,
        query: &request.query,
        body: &request.body,
    };
    let verified = match body {
        Body::Whole => httpsig::verify_request(parts, &headers, &device.key),
        Body::Cut => httpsig::verify_cut_request(parts, &headers, &device.key),
    };
    match verified {
        Ok(claimed) => Ok(Ok(Caller { device, nonce: claimed.nonce, binding: request.binding() })),
        Err(e) => unauthorized(e.code()),
    }
}
