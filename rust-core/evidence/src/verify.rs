//! Checking a bundle.
//!
//! Invariant: [`verify`] returns [`Verified`] only if every hash, chain, signature, receipt and proof
//! in the bundle stands; what could not be shown although nothing contradicts it is listed as
//! [`Unproven`], never left out. Completeness has limits that are said: a change names those it
//! builds on, so a gap within a document shows; that headquarters left out the newest of several
//! concurrent changes does not. Rejected: a verdict by entry, which invites reading the good half
//! of a forged bundle.

mod chains;
mod content;

use crate::{
    container::{ContainerError, Reader},
    limits,
    records::{Absent, Device, Evidence, Manifest},
    write::FORMAT,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lanewalk_model::{
    id::{DeviceId, DocId, Hash},
    photo::FileRef,
};
use lanewalk_protocol::{
    keys::{Algorithm, Domain, PublicKey, Signature, verify_domain},
    tlog::{Checkpoint, NoteError, TreeHead, merkle},
};
use sha2::{Digest as _, Sha256};
use std::{collections::HashMap, io::Read};

/// Why a bundle does not stand.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The file is no such container.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// A file is missing, in the wrong place, or not what the manifest says.
    #[error("file {0}")]
    File(String),
    /// The manifest or the list of evidence does not read.
    #[error("{file}: {why}")]
    Json {
        /// Which.
        file: &'static str,
        /// Where and why.
        why: String,
    },
    /// The format is another one.
    #[error("unknown format {0}")]
    Format(String),
    /// More rows than allowed.
    #[error("too many {0}")]
    TooMany(&'static str),
    /// Headquarters did not sign this manifest.
    #[error("the manifest's signature does not stand")]
    ManifestSignature,
    /// Another headquarters than the one that was named.
    #[error("the bundle is of another headquarters")]
    OtherKey,
    /// The checkpoint does not stand.
    #[error("checkpoint: {0}")]
    Checkpoint(NoteError),
    /// Something about an entry does not stand.
    #[error("entry {index}: {what}")]
    Entry {
        /// Its log index, or its number in the chain where it has none here.
        index: u64,
        /// What.
        what: &'static str,
    },
    /// A record refers to something that is not in the bundle.
    #[error("{0} is not listed")]
    NotListed(String),
    /// The original is not what the order's entry promised.
    #[error("the original is not the one the order was made of")]
    Original,
    /// The checkpoint from elsewhere contradicts the bundle's: the log was rewritten.
    #[error("the checkpoint from elsewhere contradicts the bundle's")]
    Contradicted,
}

/// What the reader trusts besides the bundle.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Headquarters' key, from elsewhere.
    pub key: Option<PublicKey>,
    /// A checkpoint from elsewhere, such as a phone's: a signed note.
    pub checkpoint: Option<String>,
}

/// What became of the checkpoint from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WitnessVerdict {
    /// None was given.
    NotGiven,
    /// It and the bundle's are of one history.
    Agrees(TreeHead),
    /// Nothing in the bundle leads from one to the other; it has to be made anew with that one.
    NotComparable(TreeHead),
}

/// One key written by an entry; `None`: taken away.
pub type Written = (String, Option<String>);

/// One entry, proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Log index.
    pub index: u64,
    /// The document.
    pub doc: DocId,
    /// The device.
    pub device: DeviceId,
    /// Position in the device's chain; it was written after all smaller ones.
    pub seq: u64,
    /// Hash of the entry.
    pub hash: Hash,
    /// Staff id of the author, as the change says.
    pub author: String,
    /// The phone's wall clock: a claim.
    pub wall_ms: i64,
    /// Latest time of headquarters the phone had seen, UTC ms: it was written after that.
    pub after_ms: Option<i64>,
    /// When headquarters had it, UTC ms.
    pub hq_time: i64,
    /// When it counts, UTC ms.
    pub effective_at: i64,
    /// Why then.
    pub trust: String,
    /// Why it was kept outside the documents.
    pub refused: Option<String>,
    /// What it wrote.
    pub written: Vec<Written>,
}

/// A photo file that the entries name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoFound {
    /// Id of the photo.
    pub photo: String,
    /// `original`, `evidence` or `thumbnail`.
    pub part: &'static str,
    /// Hash and length.
    pub file: FileRef,
    /// Log index of the entry that names it.
    pub index: u64,
    /// Why it is not in the bundle; `None` when it is.
    pub absent: Option<Absent>,
}

/// What the order was made of, as its entries promise it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment {
    /// Log index of the entry that promises it.
    pub index: u64,
    /// The original: when it came, media type, bytes. `None` when it is not in the bundle.
    pub original: Option<(i64, String, Vec<u8>)>,
}

/// What could not be shown, although nothing contradicts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unproven {
    /// The key is the bundle's own.
    OwnKey,
    /// A change builds on one that is not in the bundle.
    MissingBefore {
        /// Log index of the entry.
        index: u64,
        /// Hash of the change that is missing.
        change: Hash,
    },
    /// An entry that was refused cannot be read as a change.
    Unreadable {
        /// Its log index.
        index: u64,
    },
}

/// A bundle that stands.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The manifest.
    pub manifest: Manifest,
    /// The log's head it was proven against.
    pub head: TreeHead,
    /// The devices.
    pub devices: Vec<Device>,
    /// The entries by log index.
    pub entries: Vec<Said>,
    /// The photo files.
    pub photos: Vec<PhotoFound>,
    /// What came in from outside.
    pub commitments: Vec<Commitment>,
    /// The checkpoint from elsewhere.
    pub witness: WitnessVerdict,
    /// What could not be shown.
    pub unproven: Vec<Unproven>,
}

fn json<T: serde::de::DeserializeOwned>(file: &'static str, bytes: &[u8]) -> Result<T, Broken> {
    serde_json::from_slice(bytes).map_err(|e| Broken::Json { file, why: e.to_string() })
}

/// Reads a file that must come next.
fn expect<R: Read>(reader: &mut Reader<R>, name: &str, most: u64) -> Result<Vec<u8>, Broken> {
    match reader.next()? {
        Some(next) if next.name == name => Ok(reader.whole(&next, most)?),
        _ => Err(Broken::File(name.to_owned())),
    }
}

/// Checks a bundle to its last byte. Reads it once from front to back; photos are hashed, not held.
///
/// # Errors
/// [`Broken`]: nothing of the bundle may be believed then.
pub fn verify(from: impl Read, trust: &Trust) -> Result<Verified, Broken> {
    let mut reader = Reader::new(from);
    let list = expect(&mut reader, "manifest.json", limits::MANIFEST_BYTES)?;
    let manifest: Manifest = json("manifest.json", &list)?;
    if manifest.format != FORMAT {
        return Err(Broken::Format(manifest.format.chars().take(60).collect()));
    }
    if manifest.files.len() > limits::FILES {
        return Err(Broken::TooMany("files"));
    }
    let signature = expect(&mut reader, "manifest.sig", limits::MANIFEST_BYTES)?;
    check_manifest(&manifest, &list, &signature)?;
    if trust.key.as_ref().is_some_and(|key| *key != manifest.hq_key) {
        return Err(Broken::OtherKey);
    }
    let (mut checkpoint, mut evidence) = (None, None);
    let mut photos: HashMap<String, FileRef> = HashMap::new();
    for listed in &manifest.files {
        let next = reader.next()?.filter(|n| n.name == listed.name && n.bytes == listed.bytes);
        let next = next.ok_or_else(|| Broken::File(listed.name.clone()))?;
        let mut hash = Sha256::new();
        if next.name.starts_with("photos/") {
            reader.content(&next, |piece| hash.update(piece))?;
            photos.insert(listed.name.clone(), FileRef { sha256: listed.sha256, bytes: listed.bytes });
        } else {
            let most =
                if next.name == "evidence.json" { limits::EVIDENCE_BYTES } else { limits::MANIFEST_BYTES };
            let bytes = reader.whole(&next, most)?;
            hash.update(&bytes);
            match next.name.as_str() {
                "checkpoint.txt" => checkpoint = Some(bytes),
                "evidence.json" => evidence = Some(bytes),
                _ => {}
            }
        }
        if hash.finalize().as_slice() != listed.sha256.0 {
            return Err(Broken::File(listed.name.clone()));
        }
    }
    if let Some(more) = reader.next()? {
        return Err(Broken::File(more.name));
    }
    let note = checkpoint.and_then(|bytes| String::from_utf8(bytes).ok());
    let note = note.ok_or_else(|| Broken::File("checkpoint.txt".into()))?;
    let head = Checkpoint::from_note(&note, &manifest.hq_key).map_err(Broken::Checkpoint)?.head;
    let evidence = evidence.ok_or_else(|| Broken::File("evidence.json".into()))?;
    let evidence: Evidence = json("evidence.json", &evidence)?;
    examine(manifest, head, &evidence, &photos, trust)
}

fn check_manifest(manifest: &Manifest, list: &[u8], signature: &[u8]) -> Result<(), Broken> {
    let bad = || Broken::ManifestSignature;
    let text = std::str::from_utf8(signature).ok().and_then(|t| t.strip_suffix('\n')).ok_or_else(bad)?;
    let bytes = STANDARD.decode(text).map_err(|_| bad())?;
    let signature = Signature::new(Algorithm::Ed25519, &bytes).map_err(|_| bad())?;
    verify_domain(&manifest.hq_key, Domain::Evidence, list, &signature).map_err(|_| bad())
}

fn examine(
    manifest: Manifest,
    head: TreeHead,
    evidence: &Evidence,
    photos: &HashMap<String, FileRef>,
    trust: &Trust,
) -> Result<Verified, Broken> {
    if !evidence.documents.contains(&manifest.order) {
        return Err(Broken::NotListed(manifest.order.to_string()));
    }
    let links: usize = evidence.runs.iter().map(|r| r.links.len()).sum();
    for (what, n, most) in [
        ("entries", evidence.entries.len().saturating_add(links), limits::ENTRIES),
        ("devices", evidence.devices.len(), limits::ROWS),
        ("runs", evidence.runs.len(), limits::ROWS),
        ("photos", evidence.photos.len(), limits::ROWS),
        ("checkpoints", evidence.witnessed.len(), limits::ROWS),
        ("originals", evidence.originals.len(), limits::ROWS),
        ("documents", evidence.documents.len(), limits::ROWS),
    ] {
        if n > most {
            return Err(Broken::TooMany(what));
        }
    }
    let mut unproven = Vec::new();
    if trust.key.is_none() {
        unproven.push(Unproven::OwnKey);
    }
    let proven = chains::check(&manifest, &head, evidence)?;
    let read = content::read(evidence, &proven, photos, &mut unproven)?;
    let witness = match &trust.checkpoint {
        Some(note) => compare(note, &manifest.hq_key, &head, evidence)?,
        None => WitnessVerdict::NotGiven,
    };
    Ok(Verified {
        manifest,
        head,
        devices: evidence.devices.clone(),
        entries: read.entries,
        photos: read.photos,
        commitments: read.commitments,
        witness,
        unproven,
    })
}

/// Compares a checkpoint from elsewhere with the bundle's.
fn compare(
    note: &str,
    key: &PublicKey,
    head: &TreeHead,
    evidence: &Evidence,
) -> Result<WitnessVerdict, Broken> {
    let theirs = Checkpoint::from_note(note, key).map_err(Broken::Checkpoint)?.head;
    let (small, large) = if theirs.size <= head.size { (&theirs, head) } else { (head, &theirs) };
    let given = evidence.witnessed.iter().find(|w| w.note == note);
    let proof = given.map_or(&[][..], |w| &w.consistency);
    let proven = merkle::verify_consistency((small.size, &small.root), (large.size, &large.root), proof);
    match proven {
        Ok(()) => Ok(WitnessVerdict::Agrees(theirs)),
        // One life of the database has one tree of a size.
        Err(_) if theirs.hq_epoch == head.hq_epoch && theirs.size == head.size => Err(Broken::Contradicted),
        Err(_) if given.is_some_and(|w| !w.consistency.is_empty()) => Err(Broken::Contradicted),
        Err(_) => Ok(WitnessVerdict::NotComparable(theirs)),
    }
}
