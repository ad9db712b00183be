//! Enrolment: from an invitation to a device.
//!
//! Invariant: the invitation names headquarters' key, so the very first answer is checked; who
//! this device is gets stored in one transaction or not at all. Rejected: trusting whoever
//! answers first.

use super::{SyncError, Transport, answer};
use crate::{
    clock,
    device_key::DeviceKey,
    facade::{Field, Inner},
    identity::{self, Identity, Me},
    store::{Durability, entries, int, meta, meta::key, photos, salvage},
};
use lanewalk_model::{id::DeviceId, staff::Role};
use lanewalk_protocol::{
    enrolment::{EnrolRequest, EnrolResponse, Invitation},
    frame::{self, MEDIA_TYPE},
    http::{ENROL_PATH, Request},
    limits,
    receipt::{ErrorBody, Lease},
    sync::Cursor,
};

/// What enrolment gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// The new device.
    pub device: DeviceId,
    /// Staff id.
    pub worker: String,
    /// Display name.
    pub name: String,
    /// The main role.
    pub role: Role,
}

impl Field {
    /// Makes this installation a device: takes the text of the QR code and asks headquarters. An
    /// administrator has to confirm it before it is given anything: [`Field::standing`]. One that
    /// headquarters has forgotten (problem `unknown_device`) becomes the same device again and offers
    /// all it still has (F26).
    ///
    /// # Errors
    /// `BadInvitation`, `AlreadyEnrolled`, `NoNetwork`, `Refused` with headquarters' code.
    pub fn enrol(&self, invitation: &str, transport: &dyn Transport) -> Result<Enrolled, SyncError> {
        let invitation = Invitation::from_text(invitation).map_err(|_| SyncError::BadInvitation)?;
        let authority = authority(&invitation.url).ok_or(SyncError::BadInvitation)?;
        let was = self.inner.forgotten(&invitation)?;
        if was.is_none() && self.inner.is_enrolled()? {
            return Err(SyncError::AlreadyEnrolled);
        }
        let install_epoch = self.inner.next_install_epoch()?;
        let signer = self.inner.signer.as_ref();
        let request = EnrolRequest::again(invitation.code, install_epoch, was, signer)?;
        let nonce = request.nonce();
        let response = transport.send(Request {
            method: "POST".into(),
            authority,
            path: ENROL_PATH.into(),
            query: String::new(),
            headers: vec![("content-type".into(), MEDIA_TYPE.into())],
            body: frame::encode(&request),
        })?;
        let now = self.inner.now();
        let answer = answer::check(response, &nonce, &invitation.hq_key)?;
        if answer.status != 200 {
            return Err(self.inner.refusal(answer::error_body(&answer)?));
        }
        let given: EnrolResponse = frame::decode(&answer.body, limits::MAX_RESPONSE_DECODED)
            .map_err(|e| SyncError::Protocol { detail: e.to_string() })?;
        if given.lease.worker != invitation.worker || given.lease.subject().is_none() {
            return Err(SyncError::Protocol { detail: "the lease is for somebody else".into() });
        }
        if was.is_some_and(|device| device != given.device) {
            return Err(SyncError::Protocol { detail: "the chain is another device's".into() });
        }
        let identity = self.inner.store.write(Durability::Act, |tx, _| {
            meta::put(tx, key::DEVICE, &given.device.0)?;
            meta::put_cbor(tx, key::DEVICE_KEY, &request.key)?;
            meta::put(tx, key::URL, invitation.url.as_bytes())?;
            meta::put_cbor(tx, key::HQ_KEY, &invitation.hq_key)?;
            let pins = given.lease.pins.as_ref().or(invitation.pins.as_ref());
            meta::put_cbor(tx, key::PINS, &pins.cloned().unwrap_or_default())?;
            meta::put_cbor(tx, key::LEASE, &given.lease)?;
            meta::put(tx, key::WAITING, &[1])?;
            meta::put_cbor(tx, key::CURSOR, &Cursor::default())?;
            meta::put(tx, key::NONCE, answer.next_nonce.as_bytes())?;
            if was.is_some() {
                // All of the chain is offered again. The epoch stays the old one, so that the next
                // page begins the comparison of everything else.
                entries::reopen_above(tx, 0)?;
                photos::reopen(tx, given.hq_epoch)?;
                salvage::tell_again(tx)?;
                meta::clear_problem(tx, UNKNOWN_DEVICE)?;
            } else {
                meta::put_int(tx, key::HQ_EPOCH, int(given.hq_epoch))?;
            }
            meta::put_int(tx, key::CONTACT, given.beacon.hq_time)?;
            clock::put_beacon(tx, &given.beacon, now)?;
            Ok(Me::load(tx, now)?.identity())
        })?;
        self.inner.set_device_key(DeviceKey::Ready);
        let Identity { device, worker, name, role, .. } = identity;
        Ok(Enrolled { device, worker, name, role })
    }
}

/// Headquarters' word, and the problem noted, when it does not know this device.
pub(super) const UNKNOWN_DEVICE: &str = "unknown_device";

impl Inner {
    /// Returns the device this is, if headquarters says that it does not know it and the invitation
    /// is the same headquarters' for the same worker.
    fn forgotten(&self, invitation: &Invitation) -> Result<Option<DeviceId>, SyncError> {
        Ok(self.store.read(|conn| {
            if !meta::has_problem(conn, UNKNOWN_DEVICE)? {
                return Ok(None);
            }
            let lease: Option<Lease> = meta::get_cbor(conn, key::LEASE)?;
            let same = identity::hq_key(conn)? == invitation.hq_key
                && lease.is_some_and(|l| l.worker == invitation.worker);
            if same { identity::device(conn) } else { Ok(None) }
        })?)
    }

    /// Turns a refusal into what the shell can act on.
    pub(super) fn refusal(&self, error: ErrorBody) -> SyncError {
        answer::refusal(error, u32::from_be_bytes(self.random()))
    }

    /// Counts the attempts to become a device, so that no two use the same number (F27).
    fn next_install_epoch(&self) -> Result<u64, SyncError> {
        Ok(self.store.write(Durability::Act, |tx, _| {
            let next = meta::get_int(tx, key::INSTALL_EPOCH)?.saturating_add(1);
            meta::put_int(tx, key::INSTALL_EPOCH, next)?;
            Ok(crate::store::uint(next))
        })?)
    }
}

/// Returns the authority of a base URL: lower case, without the scheme's default port.
pub(super) fn authority(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let default = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let authority = rest.trim_end_matches('/').to_ascii_lowercase();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    if authority.is_empty() || !authority.bytes().all(plain) {
        return None;
    }
    // `[::]:80` ends in a port, a bare `[::]` in a bracket; a name has at most one colon.
    Some(authority.strip_suffix(default).unwrap_or(&authority).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities() {
        for (url, want) in [
            ("https://HQ.example/", Some("hq.example")),
            ("https://hq.example:443", Some("hq.example")),
            ("https://hq.example:8443", Some("hq.example:8443")),
            ("http://127.0.0.1:8080", Some("127.0.0.1:8080")),
            ("http://[::1]:80", Some("[::1]")),
            ("https://hq.example/path", None),
            ("https://user@hq.example", None),
            ("ftp://hq.example", None),
            ("https://", None),
            ("hq.example", None),
        ] {
            assert_eq!(authority(url).as_deref(), want, "{url}");
        }
    }
}
