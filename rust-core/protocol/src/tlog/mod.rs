//! Headquarters' log as a transparency log: a Merkle tree over everything it has taken in, and
//! signed checkpoints of it that every phone keeps.
//!
//! Invariant: headquarters cannot change, drop or insert a line of its log without some phone's
//! checkpoint contradicting it, and a court needs one key, one checkpoint and a few hashes to see
//! that a line was there. Rejected: a hash chain alone (as in the access log), in which showing
//! one line means showing all; a notary service, which an inner network does not reach.

mod checkpoint;
mod leaf;
pub mod merkle;

pub use checkpoint::{Checkpoint, NoteError, TreeHead, origin, verifier_key};
pub use leaf::{LEAF_FORMAT, Leaf};
