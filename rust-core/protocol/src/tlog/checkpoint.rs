//! Signed checkpoints: what the log was at a moment.
//!
//! Invariant: what is signed is the text of a C2SP *checkpoint* in a C2SP *signed note*, so any tool
//! for transparency logs checks it without this code; on the wire only the numbers travel and the
//! text is built anew. The text holds no byte below 0x20 but line feeds, every tag of a [`Domain`]
//! ends in a zero byte, so neither signature passes for the other although both are made by
//! headquarters' one key. Rejected: a second key for the log, which phones would have to be given.
//!
//! [`Domain`]: crate::keys::Domain

use crate::keys::{
    Algorithm, DeviceSigner, PublicKey, SIGNATURE_LEN, Signature, SignatureError, SignerError, verify,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lanewalk_model::id::{Hash, to_hex};
use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};

/// The number of Ed25519 in signed notes.
const NOTE_ED25519: u8 = 1;
/// Longest note that is looked at, bytes.
const MAX_NOTE: usize = 2_048;

/// The head of the tree and what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct TreeHead {
    /// Leaves.
    #[n(0)]
    pub size: u64,
    /// Root over them.
    #[cbor(n(1), with = "crate::cbor::id")]
    pub root: Hash,
    /// Which life of headquarters' database (F26).
    #[n(2)]
    pub hq_epoch: u64,
    /// Leaves that this life began with: what the backup held; 0 in the first.
    #[n(3)]
    pub began: u64,
    /// When it was made, UTC ms.
    #[n(4)]
    pub hq_time: i64,
}

/// A tree head with headquarters' signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Checkpoint {
    /// What is signed.
    #[n(0)]
    pub head: TreeHead,
    /// Ed25519 over [`TreeHead::text`], without a domain tag.
    #[n(1)]
    pub signature: Signature,
}

/// Why a text is not a checkpoint of this headquarters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not the text of a checkpoint, or not in the one spelling.
    #[error("not a checkpoint")]
    Malformed,
    /// Of another log.
    #[error("a checkpoint of another headquarters")]
    OtherLog,
    /// The signature does not stand.
    #[error("the checkpoint's signature does not stand")]
    Signature,
}

/// Returns the name of a headquarters' log, which is also the name of its key in notes.
pub fn origin(key: &PublicKey) -> String {
    let fingerprint: String = to_hex(&key.fingerprint()).chars().take(16).collect();
    format!("lanewalk/hq/{fingerprint}")
}

/// Returns the key as tools for signed notes take it: name, key hash, base64 of number and key.
pub fn verifier_key(key: &PublicKey) -> String {
    let name = origin(key);
    let id = to_hex(&key_id(&name, key));
    format!("{name}+{id}+{}", STANDARD.encode([&[NOTE_ED25519], key.bytes()].concat()))
}

/// The first four bytes of SHA-256(name ‖ line feed ‖ number ‖ key).
fn key_id(name: &str, key: &PublicKey) -> [u8; 4] {
    let hash = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', NOTE_ED25519])
        .chain_update(key.bytes())
        .finalize();
    let [a, b, c, d, ..]: [u8; 32] = hash.into();
    [a, b, c, d]
}

impl TreeHead {
    /// Returns the text that is signed: origin, size, root, and three lines of our own.
    pub fn text(&self, key: &PublicKey) -> String {
        let Self { size, root, hq_epoch, began, hq_time } = self;
        let (origin, root) = (origin(key), STANDARD.encode(root.0));
        format!("{origin}\n{size}\n{root}\nepoch {hq_epoch}\nbegan {began}\ntime {hq_time}\n")
    }

    /// Signs with headquarters' key, which is Ed25519; with another there is no checkpoint.
    pub fn sign(self, signer: &dyn DeviceSigner) -> Result<Checkpoint, SignerError> {
        let key = signer.public_key();
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(SignerError::Unavailable);
        }
        let signature = signer.sign(self.text(&key).as_bytes())?;
        Ok(Checkpoint { head: self, signature })
    }
}

impl Checkpoint {
    /// Checks the signature.
    pub fn verify(&self, hq: &PublicKey) -> Result<(), SignatureError> {
        let (key, signature) = (hq.algorithm(), self.signature.algorithm());
        if key != Algorithm::Ed25519 {
            return Err(SignatureError::WrongAlgorithm { key, signature });
        }
        verify(hq, self.head.text(hq).as_bytes(), &self.signature)
    }

    /// Returns the signed note: what people keep, print and compare.
    pub fn to_note(&self, hq: &PublicKey) -> String {
        let name = origin(hq);
        let signature = STANDARD.encode([&key_id(&name, hq), self.signature.bytes()].concat());
        format!("{}\n— {name} {signature}\n", self.head.text(hq))
    }

    /// Reads a signed note and checks it; other people's signatures below ours are passed over.
    pub fn from_note(note: &str, hq: &PublicKey) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE || !note.ends_with('\n') {
            return Err(NoteError::Malformed);
        }
        let (body, signatures) = note.split_once("\n\n").ok_or(NoteError::Malformed)?;
        let mut lines = body.lines();
        let mut line = || lines.next().ok_or(NoteError::Malformed);
        if line()? != origin(hq) {
            return Err(NoteError::OtherLog);
        }
        let size = number(line()?)?;
        let root = STANDARD.decode(line()?).ok().and_then(|root| Hash::from_slice(&root).ok());
        let mut field = |name: &str| -> Result<&str, NoteError> {
            line()?.strip_prefix(name).and_then(|l| l.strip_prefix(' ')).ok_or(NoteError::Malformed)
        };
        let head = TreeHead {
            size,
            root: root.ok_or(NoteError::Malformed)?,
            hq_epoch: number(field("epoch")?)?,
            began: number(field("began")?)?,
            hq_time: field("time")?.parse().map_err(|_| NoteError::Malformed)?,
        };
        // One spelling: what is read must be what would be written.
        if head.text(hq) != format!("{body}\n") {
            return Err(NoteError::Malformed);
        }
        let (name, id) = (origin(hq), key_id(&origin(hq), hq));
        let ours = signatures.lines().filter_map(|l| l.strip_prefix("— ")?.split_once(' '));
        let mut ours = ours.filter(|(by, _)| *by == name).filter_map(|(_, text)| STANDARD.decode(text).ok());
        let bytes = ours.find_map(|bytes| Some(bytes.strip_prefix(&id)?.to_vec()));
        let signature = bytes
            .filter(|bytes| bytes.len() == SIGNATURE_LEN)
            .and_then(|bytes| Signature::new(Algorithm::Ed25519, &bytes).ok())
            .ok_or(NoteError::Signature)?;
        let checkpoint = Self { head, signature };
        checkpoint.verify(hq).map_err(|_| NoteError::Signature)?;
        Ok(checkpoint)
    }
}

fn number(text: &str) -> Result<u64, NoteError> {
    text.parse().map_err(|_| NoteError::Malformed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::keys::SoftSigner;
    use proptest::prelude::*;

    fn signer() -> SoftSigner {
        SoftSigner::new(Algorithm::Ed25519, &[8; 32]).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        let head =
            TreeHead { size: 42, root: Hash([7; 32]), hq_epoch: 3, began: 40, hq_time: 1_778_025_600_000 };
        head.sign(&signer()).unwrap()
    }

    /// The example of the signed-note specification's Go implementation (`golang.org/x/mod/sumdb/note`).
    #[test]
    fn a_key_has_the_id_of_the_specification() {
        let key = STANDARD.decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
        let (number, key) = key.split_first().unwrap();
        assert_eq!(*number, NOTE_ED25519);
        let key = PublicKey::new(Algorithm::Ed25519, key).unwrap();
        assert_eq!(to_hex(&key_id("PeterNeumann", &key)), "c74f20a3");
    }

    #[test]
    fn a_note_reads_back_and_names_one_headquarters() {
        let (hq, made) = (signer().public_key(), checkpoint());
        let note = made.to_note(&hq);
        assert_eq!(Checkpoint::from_note(&note, &hq), Ok(made));
        let cosigned = format!("{note}— witness.example/w {}\n", STANDARD.encode([1; 68]));
        assert!(Checkpoint::from_note(&cosigned, &hq).is_ok());
        let other = SoftSigner::new(Algorithm::Ed25519, &[9; 32]).unwrap().public_key();
        assert_eq!(Checkpoint::from_note(&note, &other), Err(NoteError::OtherLog));
        let es256 = SoftSigner::new(Algorithm::Es256, &[9; 32]).unwrap();
        assert!(checkpoint().head.sign(&es256).is_err() && checkpoint().verify(&es256.public_key()).is_err());
        assert!(verifier_key(&hq).starts_with(&format!("{}+", origin(&hq))));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_changed_note_is_refused(at in any::<prop::sample::Index>(), to in any::<char>()) {
            let (hq, note) = (signer().public_key(), checkpoint().to_note(&signer().public_key()));
            let mut chars: Vec<char> = note.chars().collect();
            let at = at.index(chars.len());
            prop_assume!(chars.get(at) != Some(&to));
            *chars.get_mut(at).unwrap() = to;
            let bent: String = chars.into_iter().collect();
            prop_assert!(Checkpoint::from_note(&bent, &hq).is_err(), "{}", bent);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,300}") {
            let _ = Checkpoint::from_note(&text, &signer().public_key());
        }
    }
}
