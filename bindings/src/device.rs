//! Who this phone is, enrolment and upkeep.

use crate::{call::Core, error::LanewalkError, texts::Phrase};
use lanewalk_field::{self as core, HttpTransport};
use lanewalk_protocol::enrolment::Invitation;
use std::sync::Arc;

/// Who this phone is.
#[derive(uniffi::Object)]
pub struct Device(pub(crate) Arc<Core>);

/// Who this phone belongs to.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Identity {
    /// Device id.
    pub device: String,
    /// Staff id.
    pub worker: String,
    /// Name.
    pub name: String,
    /// Role.
    pub role: Phrase,
    /// Grid cells held now.
    pub grids: Vec<String>,
}

/// What a purge deleted.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Purged {
    /// Documents.
    pub documents: u64,
    /// Acknowledged entries.
    pub entries: u64,
    /// Photos.
    pub photos: u64,
}

#[uniffi::export]
impl Device {
    /// Returns who this phone is; nothing before enrolment or while paused.
    pub fn identity(&self) -> Result<Option<Identity>, LanewalkError> {
        let me = self.0.call(|field| Ok::<_, LanewalkError>(field.identity()))?;
        Ok(me.map(|me| Identity {
            device: me.device.to_string(),
            worker: me.worker,
            name: me.name,
            role: Phrase::of("role", me.role.id()),
            grids: me.grids,
        }))
    }

    /// Makes this installation a device with the text of the QR code. Asks headquarters: up to 10 s
    /// for a connection, 120 s in all.
    ///
    /// Errors: `Invitation`, `Offline`, `DeviceStopped` with headquarters' code.
    pub fn enrol(&self, invitation: String) -> Result<Identity, LanewalkError> {
        let url = Invitation::from_text(&invitation).map_err(|_| core::SyncError::BadInvitation)?.url;
        let transport = self.0.call(|_| HttpTransport::new(&url, self.0.root.as_deref()))?;
        self.0.call(|field| field.enrol(&invitation, &transport))?;
        self.identity()?.ok_or_else(|| core::FieldError::NotEnrolled.into())
    }

    /// Deletes work finished more than 30 days ago that headquarters has in a verified backup.
    pub fn purge(&self) -> Result<Purged, LanewalkError> {
        let report = self.0.call(core::Field::purge)?;
        Ok(Purged { documents: report.documents, entries: report.entries, photos: report.photos })
    }

    /// Reads the whole store and its checksums; slow, for support.
    pub fn check(&self) -> Result<(), LanewalkError> {
        self.0.call(core::Field::check)
    }
}
