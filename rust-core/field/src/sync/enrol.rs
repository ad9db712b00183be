//! Enrolment: from an invitation to a device.
//!
//! Invariant: the invitation names headquarters' key, so the very first answer is checked; who
//! this device is gets stored in one transaction or not at all. Rejected: trusting whoever
//! answers first.

use super::{SyncError, Transport, answer};
use crate::{
    clock,
    device_key::DeviceKey,
    error::FieldError,
    facade::{Field, Inner},
    identity::{self, Identity, Me},
    store::{Durability, Former, docs, entries, former, int, meta, meta::key, offer_again, photos, salvage},
};
use lanewalk_model::{id::DeviceId, schema::DocKind, staff::Role};
use lanewalk_protocol::{
    enrolment::{EnrolRequest, EnrolResponse, Invitation},
    frame::{self, MEDIA_TYPE},
    http::{ENROL_PATH, Request, authority},
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
    /// Entries of the device it was before that were written again under this one.
    pub written_again: u64,
}

impl Field {
    /// Makes this installation a device: takes the text of the QR code and asks headquarters. An
    /// administrator has to confirm it before it is given anything: [`Field::standing`].
    ///
    /// A device whose chain cannot go on takes a code for the same worker: one that headquarters has
    /// forgotten (problem `unknown_device`) is the same device again and offers all it still has (F26). A
    /// copy (problem `fork`, F27), a salvaged store with a hole in its chain (problem `chain_gap`, F7) and
    /// one with another key than it was enrolled with ([`DeviceKey::Replaced`], F9) are another device
    /// from then on, and what headquarters lacks is written again under it: [`Field::former`] lists what
    /// became of each entry.
    ///
    /// # Errors
    /// `BadInvitation`, `AlreadyEnrolled`, `NoNetwork`, `Refused` with headquarters' code.
    pub fn enrol(&self, invitation: &str, transport: &dyn Transport) -> Result<Enrolled, SyncError> {
        let invitation = Invitation::from_text(invitation).map_err(|_| SyncError::BadInvitation)?;
        let authority = authority(&invitation.url).ok_or(SyncError::BadInvitation)?;
        let was = self.inner.was(&invitation)?;
        let install_epoch = self.inner.next_install_epoch()?;
        let signer = self.inner.signer.as_ref();
        let request = EnrolRequest::again(invitation.code, install_epoch, was, signer)?;
        let asked = Request {
            method: "POST".into(),
            authority,
            path: ENROL_PATH.into(),
            query: String::new(),
            headers: vec![("content-type".into(), MEDIA_TYPE.into())],
            body: frame::encode(&request),
        };
        let binding = asked.binding();
        let response = transport.send(asked)?;
        let now = self.inner.now();
        let answer = answer::check(response, &binding, &invitation.hq_key)?;
        if answer.status != 200 {
            return Err(self.inner.refusal(answer::error_body(&answer)?));
        }
        let given: EnrolResponse = frame::decode(&answer.body, limits::MAX_RESPONSE_DECODED)
            .map_err(|e| SyncError::Protocol { detail: e.to_string() })?;
        if given.lease.worker != invitation.worker || given.lease.subject().is_none() {
            return Err(SyncError::Protocol { detail: "the lease is for somebody else".into() });
        }
        let (identity, written_again) = self.inner.store.write(Durability::Act, |tx, cache| {
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
            let mut written_again = 0;
            match was {
                None => meta::put_int(tx, key::HQ_EPOCH, int(given.hq_epoch))?,
                Some((device, _)) if device == given.device => {
                    // All of the chain is offered again. The epoch stays the old one, so that the next
                    // page begins the comparison of everything else.
                    offer_again(tx, given.hq_epoch, 0)?;
                }
                Some((device, _)) => {
                    self.inner.new_actor();
                    let now = (given.device, self.inner.actor());
                    let held = given.held.as_deref().unwrap_or_default();
                    written_again = former::begin_again(tx, cache, device, now, held)?;
                    photos::reopen(tx, given.hq_epoch)?;
                    salvage::tell_again(tx)?;
                    // Headquarters gives the new device everything; what it does not name is not ours.
                    docs::begin_sweep(tx)?;
                    meta::put_int(tx, key::HQ_EPOCH, int(given.hq_epoch))?;
                    meta::put_int(tx, key::DURABLE_SEQ, 0)?;
                    meta::delete(tx, key::EXPORTED)?;
                }
            }
            for over in GROUNDS {
                meta::clear_problem(tx, over)?;
            }
            meta::put_int(tx, key::CONTACT, given.beacon.hq_time)?;
            clock::put_beacon(tx, &given.beacon, now)?;
            Ok((Me::load(tx, now)?.identity(), written_again))
        })?;
        self.inner.set_device_key(DeviceKey::Ready);
        if was.is_some() {
            self.inner.notify(&DocKind::ALL);
        }
        let Identity { device, worker, name, role, .. } = identity;
        Ok(Enrolled { device, worker, name, role, written_again })
    }

    /// Lists what was written before this installation became another device, entry by entry.
    pub fn former(&self) -> Result<Vec<Former>, FieldError> {
        self.inner.store.read(former::all)
    }
}

/// Headquarters' word, and the problem noted, when it does not know this device.
pub(super) const UNKNOWN_DEVICE: &str = "unknown_device";
/// The same, when it holds another chain of this device (F27).
pub(super) const FORK: &str = "fork";
/// The same, when it lacks an entry that this store lost (F7).
pub(super) const CHAIN_GAP: &str = "chain_gap";
/// What is over with an enrolment.
const GROUNDS: [&str; 3] = [UNKNOWN_DEVICE, FORK, CHAIN_GAP];

impl Inner {
    /// Returns the device this is, with the first entry it has no receipt for; `None` for one that never
    /// was a device. Refuses where there is no ground to become one anew, and another worker's code.
    fn was(&self, invitation: &Invitation) -> Result<Option<(DeviceId, u64)>, SyncError> {
        if !self.is_enrolled()? {
            return Ok(None);
        }
        let replaced = self.ask_device_key()? == DeviceKey::Replaced;
        let was = self.store.read(|conn| {
            let lease: Option<Lease> = meta::get_cbor(conn, key::LEASE)?;
            let same = identity::hq_key(conn)? == invitation.hq_key
                && lease.is_some_and(|l| l.worker == invitation.worker);
            let mut ground = replaced;
            for problem in GROUNDS {
                ground |= meta::has_problem(conn, problem)?;
            }
            if !same || !ground || meta::get(conn, key::REVOKED)?.is_some() {
                return Ok(None);
            }
            let next = meta::chain(conn)?.seq.saturating_add(1);
            let unsent = entries::first_unsent(conn)?.unwrap_or(next);
            Ok(identity::device(conn)?.map(|device| (device, unsent)))
        })?;
        was.map(Some).ok_or(SyncError::AlreadyEnrolled)
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
