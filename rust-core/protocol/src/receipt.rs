//! What headquarters answers and signs: beacons, receipts, refusals, leases, responses.
//!
//! Invariant: a phone lets go of a thing only after a receipt that names exactly that thing; a
//! receipt names a run of a chain by its last hash, which covers all of it. Rejected: a bare
//! "ok" with a count.

use crate::{
    keys::{PublicKey, Signature},
    pins::Pins,
};
use lanewalk_model::{
    id::{DeviceId, Hash},
    staff::{Grant, Role, Subject},
    time::TimeMs,
};
use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};

/// Headquarters' time, to be seen as an anchor in later entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Beacon {
    /// UTC ms.
    #[n(0)]
    pub hq_time: i64,
    /// Made from the time by a secret of headquarters.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub tag: [u8; 16],
}

/// A signed promise: these entries are in headquarters' log, durably.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Receipt {
    /// Whose chain.
    #[cbor(n(0), with = "crate::cbor::id")]
    pub device: DeviceId,
    /// First entry of the run.
    #[n(1)]
    pub first_seq: u64,
    /// Last entry of the run.
    #[n(2)]
    pub last_seq: u64,
    /// Hash of the last entry.
    #[cbor(n(3), with = "crate::cbor::id")]
    pub head: Hash,
    /// Log index of the first entry; the run is contiguous in the log.
    #[n(4)]
    pub log_index: u64,
    /// HQ time of the commit, UTC ms.
    #[n(5)]
    pub hq_time: i64,
    /// Which life of headquarters' database (F26).
    #[n(6)]
    pub hq_epoch: u64,
    /// Headquarters' signature over the fields above.
    #[n(7)]
    pub signature: Signature,
}

/// The fields of a receipt before it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the same fields as Receipt")]
pub struct UnsignedReceipt {
    pub device: DeviceId,
    pub first_seq: u64,
    pub last_seq: u64,
    pub head: Hash,
    pub log_index: u64,
    pub hq_time: i64,
    pub hq_epoch: u64,
}

impl UnsignedReceipt {
    /// Adds the signature.
    pub fn with(self, signature: Signature) -> Receipt {
        let Self { device, first_seq, last_seq, head, log_index, hq_time, hq_epoch } = self;
        Receipt { device, first_seq, last_seq, head, log_index, hq_time, hq_epoch, signature }
    }

    /// Returns the bytes that are signed.
    pub fn message(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(88);
        out.extend(self.device.0);
        out.extend(self.first_seq.to_be_bytes());
        out.extend(self.last_seq.to_be_bytes());
        out.extend(self.head.0);
        out.extend(self.log_index.to_be_bytes());
        out.extend(self.hq_time.to_be_bytes());
        out.extend(self.hq_epoch.to_be_bytes());
        out
    }
}

impl Receipt {
    /// Checks the signature.
    pub fn verify(&self, hq: &PublicKey) -> Result<(), crate::keys::SignatureError> {
        let Self { device, first_seq, last_seq, head, log_index, hq_time, hq_epoch, .. } = *self;
        let unsigned = UnsignedReceipt { device, first_seq, last_seq, head, log_index, hq_time, hq_epoch };
        crate::keys::verify_domain(hq, crate::keys::Domain::Receipt, &unsigned.message(), &self.signature)
    }
}

/// One entry that headquarters keeps but does not let into the documents.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Refused {
    /// Position in the chain.
    #[n(0)]
    pub seq: u64,
    /// Its hash.
    #[cbor(n(1), with = "crate::cbor::id")]
    pub hash: Hash,
    /// Stable code of the reason.
    #[n(2)]
    pub code: String,
    /// More for support; no personal data.
    #[n(3)]
    pub detail: String,
}

/// One grant on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct WireGrant {
    /// Grid cell or `*`.
    #[n(0)]
    pub grid: String,
    /// Role id.
    #[n(1)]
    pub role: String,
    /// From, UTC ms.
    #[n(2)]
    pub from: i64,
    /// To, UTC ms.
    #[n(3)]
    pub to: Option<i64>,
}

/// What this device may do, and until when without contact (F32).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Lease {
    /// Changes whenever the content does.
    #[n(0)]
    pub version: u64,
    /// Staff id.
    #[n(1)]
    pub worker: String,
    /// Display name.
    #[n(2)]
    pub name: String,
    /// Role id.
    #[n(3)]
    pub role: String,
    /// Grants.
    #[n(4)]
    pub grants: Vec<WireGrant>,
    /// End, UTC ms.
    #[n(5)]
    pub valid_until: i64,
    /// The keys of headquarters' own TLS from now on, in place of those known; absent: as before.
    #[n(6)]
    pub pins: Option<Pins>,
    /// Oldest core that should be in use (major, minor, patch); an older one is to be updated and goes
    /// on delivering (F23).
    #[n(7)]
    pub min_core: Option<[u16; 3]>,
}

impl Lease {
    /// Makes a lease for a subject.
    pub fn of(subject: &Subject, name: &str, version: u64, valid_until: TimeMs) -> Self {
        Self {
            version,
            worker: subject.worker.clone(),
            name: name.to_owned(),
            role: subject.role.id().to_owned(),
            grants: subject
                .grants
                .iter()
                .map(|g| WireGrant {
                    grid: g.grid.clone(),
                    role: g.role.id().to_owned(),
                    from: g.from.0,
                    to: g.to.map(|t| t.0),
                })
                .collect(),
            valid_until: valid_until.0,
            pins: None,
            min_core: None,
        }
    }

    /// Reads the subject; unknown roles give no rights.
    pub fn subject(&self) -> Option<Subject> {
        let role = Role::from_id(&self.role)?;
        let grants = self
            .grants
            .iter()
            .filter_map(|g| {
                Some(Grant {
                    grid: g.grid.clone(),
                    role: Role::from_id(&g.role)?,
                    from: TimeMs(g.from),
                    to: g.to.map(TimeMs),
                })
            })
            .collect();
        Some(Subject { worker: self.worker.clone(), role, grants })
    }
}

/// Why a whole request was refused. Nothing changed at headquarters.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ErrorBody {
    /// Stable code.
    #[n(0)]
    pub code: String,
    /// More for support; no personal data.
    #[n(1)]
    pub detail: String,
    /// With `chain_gap`: the sequence number headquarters wants next.
    #[n(2)]
    pub need_seq: Option<u64>,
    /// Seconds to wait.
    #[n(3)]
    pub retry_after_s: Option<u32>,
    /// With `revoked`: until when (UTC ms) the device may deliver what it wrote; absent: no more.
    #[n(4)]
    pub deposit_until: Option<i64>,
    /// With `revoked`, while the device may deliver: what headquarters has of it.
    #[n(5)]
    pub deposit: Option<Deposit>,
}

/// What headquarters has of a revoked device, so that it keeps the rest until a verified backup has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Deposit {
    /// Which life of headquarters' database this is.
    #[n(0)]
    pub hq_epoch: u64,
    /// The last of the device's entries there.
    #[n(1)]
    pub known_seq: u64,
    /// The last that a verified backup holds.
    #[n(2)]
    pub durable_seq: u64,
    /// Index of the last file receipt that a verified backup covers.
    #[n(3)]
    pub durable_files: u64,
}

/// The bytes headquarters signs for every response: what it is bound to
/// ([`crate::http::Request::binding`]), the status, the next nonce and the body, so that a response cannot
/// be replayed to another request (F18, F41).
pub fn response_message(binding: &str, status: u16, next_nonce: &str, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    for text in [binding, next_nonce] {
        out.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(text.as_bytes());
    }
    out.extend(status.to_be_bytes());
    out.extend(Sha256::digest(body));
    out
}
