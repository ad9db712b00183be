//! What the files of a bundle hold, as JSON.
//!
//! Invariant: bytes that are hashed or signed stand there as they are (base64; hashes and ids in
//! hexadecimal); what can be worked out from them stands nowhere a second time. Unknown fields are
//! refused: in evidence nothing is passed over. Rejected: CBOR, which nobody reads with an editor.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lanewalk_model::{
    id::{DeviceId, DocId, Hash},
    photo::FileRef,
};
use lanewalk_protocol::keys::PublicKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Bytes as base64.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        STANDARD.decode(text).map(Self).map_err(D::Error::custom)
    }
}

pub(crate) mod key {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(key: &PublicKey, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&key.to_text())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<PublicKey, D::Error> {
        PublicKey::from_text(&String::deserialize(d)?).ok_or_else(|| D::Error::custom("not a key"))
    }
}

/// `manifest.json`: what is in the bundle, signed by headquarters in `manifest.sig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `lanewalk-evidence 1`.
    pub format: String,
    /// When it was made, UTC ms.
    pub made_at: i64,
    /// Staff id of who had it made.
    pub made_by: String,
    /// Why.
    pub reason: String,
    /// The order it is about.
    pub order: DocId,
    /// Headquarters' key.
    #[serde(with = "key")]
    pub hq_key: PublicKey,
    /// The files behind `manifest.sig`, in their order.
    pub files: Vec<ManifestFile>,
}

/// One file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its content.
    pub sha256: Hash,
}

/// `evidence.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The documents the entries are about: the order and what hangs on it.
    pub documents: Vec<DocId>,
    /// The devices whose chains they are in.
    pub devices: Vec<Device>,
    /// The entries, by log index.
    pub entries: Vec<Entry>,
    /// What devices signed.
    pub runs: Vec<Run>,
    /// Every photo file that the entries name.
    pub photos: Vec<Photo>,
    /// The order as it came in from outside, where it is still there and was asked for.
    pub originals: Vec<Original>,
    /// Checkpoints that others hold, with the proof that leads from or to this bundle's.
    pub witnessed: Vec<Witnessed>,
}

/// A device and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Device id.
    pub id: DeviceId,
    /// Staff id; `hq` for headquarters' own chain.
    pub worker: String,
    /// The worker's name and role when the bundle was made.
    pub name: String,
    /// Role id.
    pub role: String,
    /// The key that signs its chain.
    #[serde(with = "key")]
    pub key: PublicKey,
    /// When it was enrolled, UTC ms.
    pub enrolled_at: i64,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<i64>,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Log index.
    pub index: u64,
    /// The header as it was hashed.
    pub header: Bytes,
    /// The change.
    pub change: Bytes,
    /// When headquarters had it, UTC ms.
    pub hq_time: i64,
    /// When it counts, UTC ms.
    pub effective_at: i64,
    /// Why then.
    pub trust: String,
    /// Code of the reason when it was kept outside the documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// That it is in the log (RFC 6962 §2.1.1), for the bundle's checkpoint.
    pub inclusion: Vec<Hash>,
    /// Headquarters' signature of the receipt for this entry alone.
    pub receipt: Bytes,
}

/// The end of a run of a chain that a device signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The device.
    pub device: DeviceId,
    /// Number of the last entry.
    pub seq: u64,
    /// The signature over it.
    pub signature: Bytes,
    /// Headers of entries that are not in the bundle but lie between one that is and `seq`.
    pub links: Vec<Bytes>,
}

/// A photo file that an entry names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Photo {
    /// Hash and length.
    pub file: FileRef,
    /// Its name in the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Why it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<Absent>,
}

/// Why a file is not in the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absent {
    /// Left out by whoever made the bundle.
    LeftOut,
    /// Headquarters has not got it.
    NotThere,
}

/// The order as it came in, byte by byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Original {
    /// When, UTC ms.
    pub received_at: i64,
    /// Media type.
    pub media_type: String,
    /// The salt of the commitment in the order's entry.
    pub salt: Bytes,
    /// The bytes: personal data.
    pub bytes: Bytes,
}

/// A checkpoint that somebody else holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witnessed {
    /// The signed note.
    pub note: String,
    /// Consistency between it and the bundle's checkpoint, from the smaller to the larger.
    pub consistency: Vec<Hash>,
}
