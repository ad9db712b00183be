//! Who this phone is, enrolment and upkeep.

use crate::{call::Core, error::LanewalkError, texts::Phrase};
use lanewalk_field::{self as core, HttpTransport};
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

/// Where this phone stands with headquarters.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Standing {
    /// Not a device yet: show the enrolment screen.
    NotEnrolled,
    /// Enrolled, and waiting for an administrator: show the fingerprint, who compares it confirms it.
    Waiting {
        /// Four groups of four digits.
        fingerprint: String,
    },
    /// A device.
    Active,
    /// Not a device any more; residents' data are locked.
    Revoked {
        /// Until when (UTC ms) headquarters takes what was written here; nothing: no more.
        deposit_until_ms: Option<i64>,
        /// Entries that headquarters has not in a backup yet; when it takes no more, those it does not hold.
        entries: u64,
        /// Photo files, likewise.
        files: u64,
        /// What the shell is to do.
        next: Farewell,
    },
}

/// What is to be done with a revoked phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Farewell {
    /// Run rounds until everything is delivered and in a backup of headquarters.
    Deliver,
    /// Offer `export_unsent`; who wants no copy says so with `decline_export`.
    Export,
    /// Destroy the store's key in the key store, then call `wipe`.
    Wipe,
}

impl From<core::Standing> for Standing {
    fn from(standing: core::Standing) -> Self {
        match standing {
            core::Standing::NotEnrolled => Self::NotEnrolled,
            core::Standing::Waiting { fingerprint } => Self::Waiting { fingerprint },
            core::Standing::Active => Self::Active,
            core::Standing::Revoked { deposit_until, entries, files, next } => Self::Revoked {
                deposit_until_ms: deposit_until,
                entries,
                files,
                next: match next {
                    core::Farewell::Deliver => Farewell::Deliver,
                    core::Farewell::Export => Farewell::Export,
                    core::Farewell::Wipe => Farewell::Wipe,
                },
            },
        }
    }
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

/// What this phone can show of headquarters' log, for an inspector. Each note is a text of its own, signed
/// by headquarters: written to a file as it is, `lanewalk verify --checkpoint` compares a proof with it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Witness {
    /// The newest note; nothing before the first round.
    pub checkpoint: Option<String>,
    /// The last notes from before headquarters was restored from a backup, the oldest first.
    pub earlier: Vec<String>,
    /// Proofs that the log was rewritten; empty when all is well.
    pub contradictions: Vec<Contradicted>,
}

/// Two notes of headquarters that exclude each other.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Contradicted {
    /// How.
    pub kind: Phrase,
    /// What this phone held.
    pub held: String,
    /// What it was given later.
    pub seen: String,
}

impl From<core::Witness> for Witness {
    fn from(core::Witness { checkpoint, earlier, contradictions }: core::Witness) -> Self {
        let kind = |c: core::Contradicted| Contradicted {
            kind: Phrase::of("history", &c.kind),
            held: c.held,
            seen: c.seen,
        };
        Self { checkpoint, earlier, contradictions: contradictions.into_iter().map(kind).collect() }
    }
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

    /// Says where this phone stands with headquarters, as far as the last contact told.
    pub fn standing(&self) -> Result<Standing, LanewalkError> {
        self.0.call(core::Field::standing).map(Into::into)
    }

    /// Returns what this phone can show of headquarters' log. The notes hold no personal data.
    pub fn witness(&self) -> Result<Witness, LanewalkError> {
        self.0.call(core::Field::witness).map(Into::into)
    }

    /// Notes that the worker was shown what is lost with a revoked phone, and wants no copy of it.
    pub fn decline_export(&self) -> Result<(), LanewalkError> {
        self.0.call(core::Field::decline_export)
    }

    /// Removes the store of a revoked phone, once its standing says so and the shell has destroyed the
    /// key. Calls after it give `Paused`.
    pub fn wipe(&self) -> Result<(), LanewalkError> {
        self.0.call(core::Field::wipe)
    }

    /// Makes this installation a device with the text of the QR code. Asks headquarters: up to 10 s
    /// for a connection, 120 s in all. The device waits for an administrator then: [`Self::standing`].
    ///
    /// Errors: `Invitation`, `Offline`, `DeviceStopped` with headquarters' code.
    pub fn enrol(&self, invitation: String) -> Result<Identity, LanewalkError> {
        let root = self.0.root.as_deref();
        let transport = self.0.call(|_| HttpTransport::for_invitation(&invitation, root))?;
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
