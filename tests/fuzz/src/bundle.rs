//! Any bytes are read as an evidence bundle; any JSON becomes the evidence of one that is signed.

use lanewalk_evidence::{Bundle, Evidence, Manifest, Trust, verify};
use lanewalk_model::{
    id::{DocId, Hash},
    schema::DocKind,
};
use lanewalk_protocol::{
    keys::{Algorithm, SoftSigner},
    tlog::TreeHead,
};

/// A verdict comes in the end; what stands, stands however often it is read.
pub(crate) fn check(data: &[u8]) {
    if let Ok(verified) = verify(data, &Trust::default()) {
        let again = verify(data, &Trust::default()).expect("as before");
        assert_eq!(verified.entries, again.entries);
        let other = Trust { key: Some(signer().public_key()), checkpoint: None };
        assert!(verified.manifest.hq_key == signer().public_key() || verify(data, &other).is_err());
    }
    let text = String::from_utf8_lossy(data);
    let _ = verify(data, &Trust { key: None, checkpoint: Some(text.into_owned()) });
    if let Ok(evidence) = serde_json::from_slice::<Evidence>(data) {
        let _ = verify(&*signed(&evidence), &Trust::default());
    }
}

/// What whoever likes can make: evidence in a bundle signed by a key of their own.
pub(crate) fn signed(evidence: &Evidence) -> Vec<u8> {
    let size = evidence.entries.iter().map(|e| e.index).max().unwrap_or(0);
    let head = TreeHead { size, root: Hash([1; 32]), hq_epoch: 1, began: 0, hq_time: 0 };
    let manifest = Manifest {
        format: String::new(),
        made_at: 0,
        made_by: "x".into(),
        reason: "x".into(),
        order: evidence.documents.first().copied().unwrap_or(DocId { kind: DocKind::Order, uuid: [7; 16] }),
        hq_key: signer().public_key(),
        files: Vec::new(),
    };
    let mut out = Vec::new();
    let checkpoint = head.sign(&signer()).expect("a soft key signs");
    if let Ok(bundle) = Bundle::new(manifest, &checkpoint, evidence, &signer()) {
        // Photos that the JSON names are not there; then the bundle ends where they would begin.
        let _ = bundle.write(&mut out, |_| Ok(std::io::empty()));
    }
    out
}

fn signer() -> SoftSigner {
    SoftSigner::new(Algorithm::Ed25519, &[8; 32]).expect("a key")
}
