//! Any text is read as a signed checkpoint or a key, any bytes as proofs of a log.

use lanewalk_model::id::Hash;
use lanewalk_protocol::{
    keys::{Algorithm, PublicKey, SoftSigner},
    pins::Pins,
    tlog::{
        Checkpoint, Leaf, TreeHead, merkle,
        merkle::{verify_consistency, verify_inclusion},
    },
};

/// A checkpoint has one spelling below the signatures and is signed with this very key; a proof
/// shows only what it proves.
pub(crate) fn check(data: &[u8]) {
    let signer = SoftSigner::new(Algorithm::Ed25519, &[8; 32]).expect("a key");
    let hq = signer.public_key();
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(checkpoint) = Checkpoint::from_note(text, &hq) {
            let again = checkpoint.to_note(&hq);
            assert!(text.starts_with(again.split("\n\n").next().expect("a first part")));
            assert_eq!(Checkpoint::from_note(&again, &hq), Ok(checkpoint));
        }
        if let Some(key) = PublicKey::from_text(text) {
            assert_eq!(PublicKey::from_text(&key.to_text()).as_ref(), Some(&key));
        }
    }
    if let Some(pins) = Pins::from_bytes(data) {
        assert_eq!(data.len() % 32, 0);
        let _ = pins;
    }
    if let Ok(leaf) = minicbor::decode::<Leaf>(data) {
        assert_eq!(minicbor::decode::<Leaf>(&leaf.to_bytes()).ok().as_ref(), Some(&leaf));
    }
    if let Ok(head) = minicbor::decode::<TreeHead>(data) {
        let signed = head.sign(&signer).expect("a soft key signs");
        assert_eq!(Checkpoint::from_note(&signed.to_note(&hq), &hq), Ok(signed));
    }
    proofs(data);
}

/// Two numbers and a root, then the proof's hashes.
fn proofs(data: &[u8]) {
    let Some((numbers, rest)) = data.split_first_chunk::<16>() else { return };
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|n| numbers[at + n]));
    let (small, size) = (number(0), number(8));
    let hashes: Vec<Hash> = rest.chunks_exact(32).filter_map(|c| Hash::from_slice(c).ok()).collect();
    let Some((root, proof)) = hashes.split_first() else { return };
    let leaf = merkle::leaf_hash(data);
    // Found by nobody: a leaf that names the hash of its own proof.
    assert!(verify_inclusion(&leaf, small, size, root, proof).is_err() || (size == 1 && leaf == *root));
    let whole = small == 0 && proof.is_empty();
    if verify_consistency((small, &leaf), (size, root), proof).is_ok() {
        assert!(whole || (small == size && leaf == *root));
    }
    let _ = verify_consistency((small, root), (size, root), proof);
    let _ = verify_inclusion(root, small, size, root, proof);
}
