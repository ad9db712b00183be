//! Who this installation is and what it may do.
//!
//! Invariant: identity and rights come only from headquarters' signed answers; the lease is the
//! one place they are read from. Rejected: a user table on the phone.

use crate::{
    clock::{Clock, Now},
    error::FieldError,
    store::meta::{self, key},
};
use lanewalk_model::{
    id::DeviceId,
    policy::ScopeFacts,
    schema::{DocKind, Rule},
    staff::{Role, Subject},
};
use lanewalk_protocol::{keys::PublicKey, receipt::Lease};
use rusqlite::Connection;

/// Who this phone is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The device.
    pub device: DeviceId,
    /// Staff id.
    pub worker: String,
    /// Display name.
    pub name: String,
    /// The main role.
    pub role: Role,
    /// Grid cells held now.
    pub grids: Vec<String>,
}

/// Identity, rights and time, read together in one transaction.
pub(crate) struct Me {
    pub(crate) device: DeviceId,
    pub(crate) lease: Lease,
    pub(crate) subject: Subject,
    pub(crate) clock: Clock,
    /// Headquarters revoked the device.
    pub(crate) revoked: bool,
}

impl Me {
    /// Reads who this is; [`FieldError::NotEnrolled`] before enrolment.
    pub(crate) fn load(conn: &Connection, now: Now) -> Result<Self, FieldError> {
        let device = device(conn)?.ok_or(FieldError::NotEnrolled)?;
        let lease: Lease = meta::get_cbor(conn, key::LEASE)?.ok_or(FieldError::NotEnrolled)?;
        let subject = lease.subject().ok_or_else(|| FieldError::invalid("role", "unknown to this app"))?;
        let revoked = meta::get(conn, key::REVOKED)?.is_some();
        Ok(Self { device, lease, subject, clock: Clock::load(conn, now)?, revoked })
    }

    /// Says whether the lease has run out without contact (F32), or was ended (F29).
    pub(crate) fn lease_over(&self) -> bool {
        self.revoked || self.clock.latest().0 > self.lease.valid_until
    }

    /// After the lease's end a phone only captures: own documents, and new facts in those of others
    /// that name no resident (law 2: facts are always kept). Nothing is decided or overwritten.
    pub(crate) fn may_act_on<'k>(
        &self,
        kind: DocKind,
        facts: &ScopeFacts,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> Result<(), FieldError> {
        if !self.lease_over() || facts.author == self.subject.worker {
            return Ok(());
        }
        let spec = kind.spec();
        let is_fact =
            |key: &str| !key.starts_with("proposal/") && spec.field(key).is_some_and(|f| f.rule == Rule::Log);
        let captures = !RESIDENTS.contains(&kind) && keys.into_iter().all(is_fact);
        if captures { Ok(()) } else { Err(FieldError::LeaseOver) }
    }

    /// Lists the kinds whose residents may not be read any more.
    pub(crate) fn hidden(&self) -> &'static [DocKind] {
        if self.lease_over() { &RESIDENTS } else { &[] }
    }

    /// Refuses to read residents after the lease's end.
    pub(crate) fn may_open(&self, kind: DocKind) -> Result<(), FieldError> {
        if self.hidden().contains(&kind) { Err(FieldError::LeaseOver) } else { Ok(()) }
    }

    /// Returns the identity for the shell.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            device: self.device,
            worker: self.lease.worker.clone(),
            name: self.lease.name.clone(),
            role: self.subject.role,
            grids: self.subject.grids_at(self.clock.best()).into_iter().map(str::to_owned).collect(),
        }
    }
}

/// What names residents.
const RESIDENTS: [DocKind; 3] = [DocKind::Brief, DocKind::Person, DocKind::Care];

/// Reads the device id.
pub(crate) fn device(conn: &Connection) -> Result<Option<DeviceId>, FieldError> {
    meta::get(conn, key::DEVICE)?.map(|b| DeviceId::from_slice(&b).map_err(FieldError::corrupt)).transpose()
}

/// Reads headquarters' key.
pub(crate) fn hq_key(conn: &Connection) -> Result<PublicKey, FieldError> {
    meta::get_cbor(conn, key::HQ_KEY)?.ok_or(FieldError::NotEnrolled)
}
