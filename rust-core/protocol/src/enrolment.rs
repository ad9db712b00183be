//! Enrolment: how an installation becomes a device.
//!
//! Invariant: the code is a one-time 128-bit secret bound to one named worker for ten minutes;
//! the phone proves that it holds the key it announces. Rejected: passwords typed on phones.

use crate::{
    keys::{
        DeviceSigner, Domain, PublicKey, Signature, SignatureError, SignerError, sign_domain, verify_domain,
    },
    pins::Pins,
    receipt::{Beacon, Lease},
};
use base64::Engine as _;
use lanewalk_model::id::{DeviceId, Hash};
use minicbor::{Decode, Encode, bytes::ByteArray};

/// What the QR code on the administrator's screen holds.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Invitation {
    /// Base URL of headquarters, no trailing slash.
    #[n(0)]
    pub url: String,
    /// Headquarters' signing key, so that every answer can be checked from the first.
    #[n(1)]
    pub hq_key: PublicKey,
    /// The one-time secret.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub code: [u8; 16],
    /// Staff id it is for.
    #[n(3)]
    pub worker: String,
    /// End of life, UTC ms.
    #[n(4)]
    pub expires_at: i64,
    /// The keys of headquarters' own TLS; without them the public roots count.
    #[n(5)]
    pub pins: Option<Pins>,
}

const PREFIX: &str = "lanewalk1:";

/// Says that text is not an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a Lanewalk invitation")]
pub struct InvitationError;

impl Invitation {
    /// Returns the text of the QR code.
    pub fn to_text(&self) -> String {
        let bytes = minicbor::to_vec(self).unwrap_or_default();
        format!("{PREFIX}{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads the text of a QR code (at most 1,024 characters).
    pub fn from_text(text: &str) -> Result<Self, InvitationError> {
        let text = text.trim();
        if text.len() > 1024 {
            return Err(InvitationError);
        }
        let body = text.strip_prefix(PREFIX).ok_or(InvitationError)?;
        let bytes =
            base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body).map_err(|_| InvitationError)?;
        minicbor::decode(&bytes).map_err(|_| InvitationError)
    }
}

/// `POST /v1/enrol`, body.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EnrolRequest {
    /// Protocol version.
    #[n(0)]
    pub version: u16,
    /// The secret from the invitation.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub code: [u8; 16],
    /// The device's key.
    #[n(2)]
    pub key: PublicKey,
    /// Counts installations of this app on this phone; part of a clone's detection (F27).
    #[n(3)]
    pub install_epoch: u64,
    /// Proof: signature over code, key, install epoch, and the device it was with its number, if any.
    #[n(4)]
    pub proof: Signature,
    /// The device this installation was. One that headquarters has forgotten (restored from a backup
    /// older than the enrolment, F26) becomes the same again; otherwise it becomes another (F27).
    #[n(5)]
    pub was: Option<ByteArray<16>>,
    /// The first entry of that device that this installation has no receipt for.
    #[n(6)]
    pub unsent: Option<u64>,
}

impl EnrolRequest {
    /// Makes and signs a request.
    pub fn new(code: [u8; 16], install_epoch: u64, signer: &dyn DeviceSigner) -> Result<Self, SignerError> {
        Self::again(code, install_epoch, None, signer)
    }

    /// As [`Self::new`], by what was a device already: which, and the first of its entries that this
    /// installation has no receipt for.
    pub fn again(
        code: [u8; 16],
        install_epoch: u64,
        was: Option<(DeviceId, u64)>,
        signer: &dyn DeviceSigner,
    ) -> Result<Self, SignerError> {
        let key = signer.public_key()?;
        let (was, unsent) = (was.map(|(device, _)| ByteArray::from(device.0)), was.map(|(_, unsent)| unsent));
        let message = proof_message(&code, &key, install_epoch, was, unsent);
        let proof = sign_domain(signer, Domain::Enrolment, &message)?;
        Ok(Self { version: crate::VERSION, code, key, install_epoch, proof, was, unsent })
    }

    /// Checks the proof.
    pub fn verify(&self) -> Result<(), SignatureError> {
        let message = proof_message(&self.code, &self.key, self.install_epoch, self.was, self.unsent);
        verify_domain(&self.key, Domain::Enrolment, &message, &self.proof)
    }
}

fn proof_message(
    code: &[u8; 16],
    key: &PublicKey,
    install_epoch: u64,
    was: Option<ByteArray<16>>,
    unsent: Option<u64>,
) -> Vec<u8> {
    let mut out = code.to_vec();
    out.extend(minicbor::to_vec(key).unwrap_or_default());
    out.extend(install_epoch.to_be_bytes());
    out.extend(was.iter().flat_map(|device| device.iter()));
    out.extend(unsent.iter().flat_map(|seq| seq.to_be_bytes()));
    out
}

/// The answer to an [`EnrolRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EnrolResponse {
    /// Protocol version.
    #[n(0)]
    pub version: u16,
    /// The device's id from now on.
    #[cbor(n(1), with = "crate::cbor::id")]
    pub device: DeviceId,
    /// Which life of headquarters' database this is.
    #[n(2)]
    pub hq_epoch: u64,
    /// Rights.
    #[n(3)]
    pub lease: Lease,
    /// HQ time.
    #[n(4)]
    pub beacon: Beacon,
    /// When the device is another than it was: headquarters' entries of that one from `unsent` on, at most
    /// [`MAX_HELD`](crate::limits::MAX_HELD).
    #[n(5)]
    pub held: Option<Vec<Held>>,
}

/// An entry that headquarters holds of the device that an installation was.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Held {
    /// The entry's hash.
    #[cbor(n(0), with = "crate::cbor::id")]
    pub hash: Hash,
    /// Code of the reason when it is in quarantine there.
    #[n(1)]
    pub refused: Option<String>,
}
