//! Changes made by hand and changes bent by dice, with length and checksum right: what a hostile
//! device can send and a checksum cannot tell.
//!
//! Invariant: knows nothing of the code under test, so a fault there cannot hide itself here.
//! Rejected: flipping bits of whole chunks, which only the checksum would notice.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "forges what tests gave it")]

mod draft;
mod leb;
mod mutate;

pub use draft::{Draft, body_of, column, wrap};
pub use leb::{read_unsigned, signed, unsigned};
pub use mutate::Mutator;
