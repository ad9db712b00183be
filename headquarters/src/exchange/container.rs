//! The file itself: a line that says what it is, a head, records, a signature.
//!
//! Invariant: nothing behind the signature is looked at before it stands, and the signature covers
//! everything before it. Rejected: an archive format; a plain text file can be read by whoever
//! carries it across, with any editor.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lanewalk_model::id::{from_hex, to_hex};
use lanewalk_protocol::keys::{
    Algorithm, DeviceSigner, Domain, PublicKey, Signature, SignerError, sign_domain, verify_domain,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Longest file, bytes.
pub const MAX_BYTES: usize = 32 << 20;
/// Most records in one file.
pub const MAX_LINES: usize = 5_000;
/// The first line.
const MAGIC: &str = "lanewalk-exchange 1";

/// What the records of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Orders for the receiver.
    Orders,
    /// What became of orders.
    Changes,
}

/// The second line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// What the records are.
    pub kind: Kind,
    /// Fingerprint of the sender's key, hexadecimal.
    pub from: String,
    /// Fingerprint of the receiver's key.
    pub to: String,
    /// Number of the file from this sender to this receiver: 1, 2, 3 …
    pub seq: u64,
    /// When it was made, UTC milliseconds.
    pub made_at: i64,
    /// Records that follow.
    pub lines: usize,
    /// SHA-256 over their bytes, line ends included.
    pub sha256: String,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
struct Tail {
    algorithm: String,
    signature: String,
}

/// Why a file cannot be used; nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Too long.
    #[error("文件超过 32 MiB 或 5000 条 / the file has more than 32 MiB or 5,000 records")]
    TooLarge,
    /// Not such a file, or cut off.
    #[error("文件不完整或格式不对 / the file is not whole, or no exchange file")]
    Shape,
    /// From somebody who is not registered.
    #[error("发送方没有登记 / the sender is not registered")]
    Unknown,
    /// The signature does not stand.
    #[error("签名不符，文件可能被改动 / the signature does not stand: the file may have been altered")]
    Signature,
    /// Made for somebody else.
    #[error("文件是给别处的 / the file was made for somebody else")]
    NotForUs,
}

/// A file whose signature stands.
#[derive(Debug)]
pub(super) struct Opened<'f> {
    pub(super) head: Head,
    pub(super) lines: Vec<&'f str>,
}

/// Makes a file of records, each one line of JSON.
///
/// # Errors
/// Where the key cannot sign.
pub fn seal(
    signer: &dyn DeviceSigner,
    kind: Kind,
    to: &PublicKey,
    seq: u64,
    made_at: i64,
    records: &[String],
) -> Result<Vec<u8>, SignerError> {
    let body: String = records.iter().flat_map(|r| [r.as_str(), "\n"]).collect();
    let head = Head {
        kind,
        from: to_hex(&signer.public_key()?.fingerprint()),
        to: to_hex(&to.fingerprint()),
        seq,
        made_at,
        lines: records.len(),
        sha256: to_hex(&Sha256::digest(&body)),
    };
    let head = serde_json::to_string(&head).unwrap_or_default();
    let mut file = format!("{MAGIC}\n{head}\n{body}");
    let signature = sign_domain(signer, Domain::Exchange, file.as_bytes())?;
    let tail = Tail {
        algorithm: signature.algorithm().name().to_owned(),
        signature: STANDARD.encode(signature.bytes()),
    };
    file.push_str(&serde_json::to_string(&tail).unwrap_or_default());
    file.push('\n');
    Ok(file.into_bytes())
}

/// Opens a file: `key_of` finds the sender's registered key by fingerprint, `own` is ours.
pub(super) fn open<'f>(
    bytes: &'f [u8],
    own: &PublicKey,
    key_of: impl Fn(&[u8; 32]) -> Option<PublicKey>,
) -> Result<Opened<'f>, Broken> {
    if bytes.len() > MAX_BYTES {
        return Err(Broken::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Broken::Shape)?;
    let (signed, tail) = text.strip_suffix('\n').and_then(|t| t.rsplit_once('\n')).ok_or(Broken::Shape)?;
    let rest = signed.strip_prefix(MAGIC).and_then(|r| r.strip_prefix('\n')).ok_or(Broken::Shape)?;
    let (head, body) = rest.split_once('\n').unwrap_or((rest, ""));
    let head: Head = serde_json::from_str(head).map_err(|_| Broken::Shape)?;
    let tail: Tail = serde_json::from_str(tail).map_err(|_| Broken::Shape)?;
    let from = from_hex::<32>(&head.from).ok_or(Broken::Shape)?;
    let key = key_of(&from).ok_or(Broken::Unknown)?;
    let signature = STANDARD.decode(&tail.signature).map_err(|_| Broken::Signature)?;
    let signature = Algorithm::from_name(&tail.algorithm)
        .and_then(|algorithm| Signature::new(algorithm, &signature).ok())
        .ok_or(Broken::Signature)?;
    // The line end before the signature is signed too.
    let covered = bytes.get(..signed.len().saturating_add(1)).unwrap_or_default();
    verify_domain(&key, Domain::Exchange, covered, &signature).map_err(|_| Broken::Signature)?;
    if from_hex::<32>(&head.to) != Some(own.fingerprint()) {
        return Err(Broken::NotForUs);
    }
    let lines: Vec<&str> = if body.is_empty() { Vec::new() } else { body.split('\n').collect() };
    if lines.len() > MAX_LINES {
        return Err(Broken::TooLarge);
    }
    let mut hash = Sha256::new();
    lines.iter().for_each(|line| {
        hash.update(line);
        hash.update(b"\n");
    });
    if lines.len() != head.lines || to_hex(&hash.finalize()) != head.sha256 {
        return Err(Broken::Shape);
    }
    Ok(Opened { head, lines })
}
