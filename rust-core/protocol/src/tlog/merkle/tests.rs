#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use lanewalk_model::id::from_hex;
use proptest::prelude::*;
use std::convert::Infallible;

/// Complete subtrees by level, as a log's rows hold them.
#[derive(Default)]
struct Stored(Vec<Vec<Hash>>);

impl Stored {
    fn of(leaves: &[Hash]) -> Self {
        let mut stored = Self::default();
        for (index, leaf) in (0_u64..).zip(leaves) {
            let made = completed(&stored, index, *leaf).unwrap();
            stored.0.resize(stored.0.len().max(made.len()), Vec::new());
            stored.0.iter_mut().zip(made).for_each(|(level, hash)| level.push(hash));
        }
        stored
    }
}

impl Nodes for Stored {
    type Error = Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Infallible> {
        Ok(self.0[level as usize][index as usize])
    }
}

/// RFC 6962 §2.1 word by word.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

fn naive_path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    let (mut path, beside) = if m < k {
        (naive_path(m, left), naive_root(right))
    } else {
        (naive_path(m - k, right), naive_root(left))
    };
    path.push(beside);
    path
}

fn naive_subproof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if whole { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    let (mut proof, beside) = if m <= k {
        (naive_subproof(m, left, whole), naive_root(right))
    } else {
        (naive_subproof(m - k, right, false), naive_root(left))
    };
    proof.push(beside);
    proof
}

fn leaves(n: usize) -> Vec<Hash> {
    (0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

fn hash(hex: &str) -> Hash {
    Hash(from_hex(hex).unwrap())
}

/// The leaves, roots and proofs of the reference implementation of RFC 6962
/// (certificate-transparency, `merkle_tree_test`).
#[test]
fn published_vectors_come_out() {
    let data: [&[u8]; 8] = [
        b"",
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let leaves: Vec<Hash> = data.iter().map(|d| leaf_hash(d)).collect();
    let stored = Stored::of(&leaves);
    for (size, expected) in (0..).zip(roots) {
        assert_eq!(root(&stored, size).unwrap(), hash(expected), "root of {size}");
    }
    let (a, b, c) = (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    );
    let second = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
    let right = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
    let inclusions: [(u64, u64, &[&str]); 5] = [
        (0, 1, &[]),
        (0, 8, &[second, a, right]),
        (5, 8, &[b, c, roots[4]]),
        (2, 3, &[roots[2]]),
        (1, 5, &[roots[1], a, b]),
    ];
    for (index, size, proof) in inclusions {
        let proof: Vec<Hash> = proof.iter().map(|h| hash(h)).collect();
        assert_eq!(inclusion(&stored, index, size).unwrap(), proof, "leaf {index} in {size}");
    }
    let sixth = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
    let consistencies: [(u64, u64, &[&str]); 4] =
        [(1, 1, &[]), (1, 8, &[second, a, right]), (6, 8, &[sixth, c, roots[4]]), (2, 5, &[a, b])];
    for (old, size, proof) in consistencies {
        let proof: Vec<Hash> = proof.iter().map(|h| hash(h)).collect();
        assert_eq!(consistency(&stored, old, size).unwrap(), proof, "{old} in {size}");
    }
}

/// Every leaf and every pair of sizes of all small trees, against the words of the RFC.
#[test]
fn small_trees_agree_with_the_definition_and_verify() {
    let all = leaves(33);
    let stored = Stored::of(&all);
    for n in 0..=all.len() {
        let (size, tree) = (n as u64, &all[..n]);
        let top = root(&stored, size).unwrap();
        assert_eq!(top, naive_root(tree));
        for (m, leaf) in tree.iter().enumerate() {
            let proof = inclusion(&stored, m as u64, size).unwrap();
            assert_eq!(proof, naive_path(m, tree), "leaf {m} of {n}");
            assert_eq!(verify_inclusion(leaf, m as u64, size, &top, &proof), Ok(()));
        }
        assert!(inclusion(&stored, size, size).unwrap().is_empty());
        assert_eq!(verify_inclusion(&top, size, size, &top, &[]), Err(ProofError::Range));
        for m in 0..=n {
            let old = root(&stored, m as u64).unwrap();
            let proof = consistency(&stored, m as u64, size).unwrap();
            if m > 0 {
                assert_eq!(proof, naive_subproof(m, tree, true), "{m} in {n}");
            }
            assert_eq!(verify_consistency((m as u64, &old), (size, &top), &proof), Ok(()), "{m} in {n}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// A proof serves one leaf, one place, one pair of trees; every bent one is refused.
    #[test]
    fn a_bent_proof_is_refused(n in 1_usize..400, at in any::<prop::sample::Index>(), bend in 0_u8..6, bit in 0_usize..256) {
        let all = leaves(n);
        let stored = Stored::of(&all);
        let (size, m) = (n as u64, at.index(n));
        let top = root(&stored, size).unwrap();
        let flip = |hash: &mut Hash| hash.0[bit / 8] ^= 1 << (bit % 8);

        let mut proof = inclusion(&stored, m as u64, size).unwrap();
        let (mut leaf, mut index, mut claimed) = (all[m], m as u64, top);
        match (bend, proof.is_empty()) {
            (0, false) => { let k = bit % proof.len(); flip(&mut proof[k]) }
            (1, false) => drop(proof.pop()),
            (2, _) => proof.push(top),
            (3, _) => flip(&mut leaf),
            (4, _) => flip(&mut claimed),
            _ => index = (index + 1) % size.max(2),
        }
        prop_assert!(verify_inclusion(&leaf, index, size, &claimed, &proof).is_err());

        let old = root(&stored, m as u64 + 1).unwrap();
        let mut proof = consistency(&stored, m as u64 + 1, size).unwrap();
        let (mut first, mut second) = (old, top);
        match (bend, proof.is_empty()) {
            (0, false) => { let k = bit % proof.len(); flip(&mut proof[k]) }
            (1, false) => drop(proof.pop()),
            (2, _) => proof.insert(0, top),
            (3, _) => flip(&mut first),
            _ => flip(&mut second),
        }
        prop_assert!(verify_consistency((m as u64 + 1, &first), (size, &second), &proof).is_err());
    }

    /// Absurd sizes and proofs end in an answer.
    #[test]
    fn nothing_panics(a in any::<u64>(), b in any::<u64>(), len in 0_usize..70, fill in any::<u8>()) {
        let (hash, proof) = (Hash([fill; 32]), vec![Hash([fill; 32]); len]);
        for (a, b) in [(a, b), (a, u64::MAX), (u64::MAX, u64::MAX), (u64::MAX - 1, u64::MAX), (a >> 40, b >> 30)] {
            let _ = verify_inclusion(&hash, a, b, &hash, &proof);
            let _ = verify_consistency((a, &hash), (b, &hash), &proof);
        }
    }
}
