//! Bundles that somebody made to hurt the reader, and one that must be readable for ever.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use lanewalk_evidence::{Broken, Bundle, Bytes, Entry, Evidence, Manifest, Run, Trust, verify};
use lanewalk_model::{
    id::{DeviceId, DocId, Hash},
    schema::DocKind,
};
use lanewalk_protocol::{
    keys::{Algorithm, SoftSigner},
    tlog::TreeHead,
};
use proptest::prelude::*;

const ORDER: DocId = DocId { kind: DocKind::Order, uuid: [7; 16] };

fn signer() -> SoftSigner {
    SoftSigner::new(Algorithm::Ed25519, &[8; 32]).unwrap()
}

/// What whoever likes can make: a list that is signed by a key of their own.
fn bundle(evidence: &Evidence) -> Vec<u8> {
    let head = TreeHead { size: u64::MAX, root: Hash([1; 32]), hq_epoch: 1, began: 0, hq_time: 0 };
    let manifest = Manifest {
        format: String::new(),
        made_at: 0,
        made_by: "x".into(),
        reason: "x".into(),
        order: ORDER,
        hq_key: signer().public_key(),
        files: Vec::new(),
    };
    let mut out = Vec::new();
    let made = Bundle::new(manifest, &head.sign(&signer()).unwrap(), evidence, &signer()).unwrap();
    made.write(&mut out, |_| Ok(std::io::empty())).unwrap();
    out
}

fn check(bytes: &[u8]) -> Result<lanewalk_evidence::Verified, Broken> {
    verify(bytes, &Trust::default())
}

fn entry(index: u64) -> Entry {
    Entry {
        index,
        header: Bytes(vec![0; 40]),
        change: Bytes(vec![0; 40]),
        hq_time: i64::MIN,
        effective_at: i64::MAX,
        trust: String::new(),
        refused: None,
        inclusion: vec![Hash([0; 32]); 200],
        receipt: Bytes(vec![0; 64]),
    }
}

#[test]
fn absurd_numbers_end_in_a_clear_error() {
    let documents = vec![ORDER];
    let empty = Evidence { documents: documents.clone(), ..Evidence::default() };
    assert!(check(&bundle(&empty)).is_ok(), "nothing is claimed, so nothing is wrong");
    for index in [0, 1, u64::MAX] {
        let evidence = Evidence { entries: vec![entry(index)], ..empty.clone() };
        assert!(matches!(check(&bundle(&evidence)), Err(Broken::Entry { .. })), "{index}");
    }
    let run = Run {
        device: DeviceId([1; 16]),
        seq: u64::MAX,
        signature: Bytes(vec![]),
        links: vec![Bytes(vec![0; 3])],
    };
    assert!(check(&bundle(&Evidence { runs: vec![run], ..empty.clone() })).is_err());
    let many = Evidence { documents: vec![ORDER; 50_001], ..Evidence::default() };
    assert!(matches!(check(&bundle(&many)), Err(Broken::TooMany("documents"))));
    assert!(matches!(check(&bundle(&Evidence::default())), Err(Broken::NotListed(_))));
}

/// Brackets within brackets would end the stack of a careless reader.
#[test]
fn deep_json_is_refused() {
    let good = bundle(&Evidence { documents: vec![ORDER], ..Evidence::default() });
    let deep = "[".repeat(200_000);
    let mut bytes = good[..512].to_vec();
    // The first header again, with the length of what follows.
    let text = format!("{:011o}", deep.len());
    bytes[124..135].copy_from_slice(text.as_bytes());
    bytes[148..156].copy_from_slice(b"        ");
    let sum: u32 = bytes.iter().map(|b| u32::from(*b)).sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    bytes.extend(deep.as_bytes());
    bytes.extend(vec![0; 4 * 512]);
    let refused = check(&bytes).unwrap_err();
    assert!(
        matches!(refused, Broken::Json { file: "manifest.json", .. } | Broken::Container(_)),
        "{refused}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..4_000)) {
        prop_assert!(check(&bytes).is_err());
    }

    /// Blocks of a good bundle left out, repeated, exchanged.
    #[test]
    fn shuffled_blocks_are_refused(moves in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..4)) {
        let good = bundle(&Evidence { documents: vec![ORDER], ..Evidence::default() });
        let mut blocks: Vec<&[u8]> = good.chunks(512).collect();
        for (from, to) in moves {
            let block = blocks.remove(from.index(blocks.len()));
            blocks.insert(to.index(blocks.len() + 1), block);
        }
        let bent = blocks.concat();
        prop_assert!(bent == good || check(&bent).is_err());
    }
}

/// A bundle that an earlier version made, as it was given away.
#[test]
fn a_bundle_of_version_1_stands() {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/bundle-1.tar");
    let v = check(&std::fs::read(kept).unwrap()).unwrap();
    assert!(v.entries.len() >= 5);
    let notes = v.entries.iter().flat_map(|e| &e.written).filter(|(key, _)| key.starts_with("note/"));
    assert_eq!(notes.count(), 3);
}
