//! The tree: RFC 6962 §2.1 (RFC 9162 §2.1) over SHA-256.
//!
//! Invariant: a leaf is hashed behind a byte 0 and a node behind a byte 1, so neither passes for the
//! other; the hash of a *complete* subtree never changes once its last leaf is there, so whoever
//! stores those (two to a leaf on average) appends with one hash a completed level and makes any
//! proof from O(log n) of them. Nothing recurses and nothing panics, whatever a proof claims.
//! Rejected: a library with its own storage; the nodes lie beside the log's rows here.

use lanewalk_model::id::Hash;
use sha2::{Digest as _, Sha256};

/// Most hashes an honest proof of any kind has: a tree of 2⁶⁴ leaves is 64 high.
pub const MAX_PROOF: usize = 65;

/// Why a proof does not show what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf lies outside the tree, or the older tree is the larger one.
    #[error("the proof is about something outside the tree")]
    Range,
    /// Too few or too many hashes for these sizes.
    #[error("the proof has not the length of these trees")]
    Length,
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// Gives the hashes of complete subtrees.
pub trait Nodes {
    /// What goes wrong when reading.
    type Error;

    /// Returns the hash of the complete subtree of 2^`level` leaves that begins at leaf
    /// `index` · 2^`level`. Asked only for subtrees within the size that was given.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// Returns the hash of a leaf.
pub fn leaf_hash(data: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(data).finalize().into())
}

/// Returns the hash of a node from its two halves.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// Returns the root of the tree without leaves.
pub fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}

/// Returns the hashes of the subtrees that leaf `index` completes, from its own upwards: level 0,
/// then one more for each trailing one bit of `index`. The subtrees left of them must be there.
pub fn completed<N: Nodes>(nodes: &N, index: u64, leaf: Hash) -> Result<Vec<Hash>, N::Error> {
    let mut out = vec![leaf];
    let mut hash = leaf;
    for level in 0..index.trailing_ones() {
        hash = node_hash(&nodes.node(level, (index >> level) - 1)?, &hash);
        out.push(hash);
    }
    Ok(out)
}

/// Returns the root of the first `size` leaves.
pub fn root<N: Nodes>(nodes: &N, size: u64) -> Result<Hash, N::Error> {
    range(nodes, 0, size)
}

/// Makes the proof that leaf `index` is in the tree of `size` leaves (RFC 6962 §2.1.1); empty when
/// it is not.
pub fn inclusion<N: Nodes>(nodes: &N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let (mut start, mut end) = (0, size);
    let mut path = Vec::new();
    while index < size && end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range(nodes, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Makes the proof that the tree of `old` leaves is the beginning of the one of `size` leaves (RFC
/// 6962 §2.1.2); empty when `old` is 0, `size`, or larger.
pub fn consistency<N: Nodes>(nodes: &N, old: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    if old == 0 || old >= size {
        return Ok(Vec::new());
    }
    let (mut start, mut end, mut whole) = (0, size, true);
    let mut path = Vec::new();
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range(nodes, start, middle)?);
            (start, whole) = (middle, false);
        }
    }
    if !whole {
        path.push(range(nodes, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// Checks that a leaf is at `index` in the tree of `size` leaves with this root (RFC 9162 §2.1.3.2).
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Range);
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for beside in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(beside, &hash);
            let skip = if at & 1 == 1 { 0 } else { at.trailing_zeros() };
            (at, last) = (shift(at, skip), shift(last, skip));
        } else {
            hash = node_hash(&hash, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    match last {
        0 if hash == *root => Ok(()),
        0 => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

/// Checks that the tree of `old` leaves with root `old_root` is the beginning of the tree of `size`
/// leaves with root `root` (RFC 9162 §2.1.4.2). Everything begins with the empty tree.
pub fn verify_consistency(
    (old, old_root): (u64, &Hash),
    (size, root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > size {
        return Err(ProofError::Range);
    }
    if old == size || old == 0 {
        let same = if old == 0 { *old_root == empty_root() } else { old_root == root };
        return match (proof.is_empty(), same) {
            (false, _) => Err(ProofError::Length),
            (true, false) => Err(ProofError::Root),
            (true, true) => Ok(()),
        };
    }
    // Where the old tree is complete, its root is the node that the proof would begin with.
    let (begin, rest) = match (old.is_power_of_two(), proof.split_first()) {
        (true, _) => (old_root, proof),
        (false, Some((first, rest))) => (first, rest),
        (false, None) => return Err(ProofError::Length),
    };
    let skip = (old - 1).trailing_ones();
    let (mut at, mut last) = (shift(old - 1, skip), shift(size - 1, skip));
    let (mut of_old, mut of_new) = (*begin, *begin);
    for beside in rest {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at & 1 == 1 || at == last {
            (of_old, of_new) = (node_hash(beside, &of_old), node_hash(beside, &of_new));
            let skip = if at & 1 == 1 { 0 } else { at.trailing_zeros() };
            (at, last) = (shift(at, skip), shift(last, skip));
        } else {
            of_new = node_hash(&of_new, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    match last {
        0 if of_old == *old_root && of_new == *root => Ok(()),
        0 => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

/// Shifts right; by 64 (a zero has that many trailing zeros) gives 0.
fn shift(n: u64, by: u32) -> u64 {
    n.checked_shr(by).unwrap_or(0)
}

/// Returns the largest power of two below `n`, which is at least 2.
fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// Returns the hash over leaves `start..end`, a range that [`split`] made: complete subtrees, the
/// larger first.
fn range<N: Nodes>(nodes: &N, start: u64, end: u64) -> Result<Hash, N::Error> {
    let mut peaks = Vec::new();
    let mut at = start;
    while at < end {
        let level = 63 - (end - at).leading_zeros();
        peaks.push(nodes.node(level, at >> level)?);
        at += 1 << level;
    }
    let whole = peaks.into_iter().rev().reduce(|right, left| node_hash(&left, &right));
    Ok(whole.unwrap_or_else(empty_root))
}

#[cfg(test)]
mod tests;
