//! The wire as a whole: frozen bytes, round trips, hostile input, newer peers, sizes, and the
//! document that describes all of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod codes;
mod corpus;
mod dump;
mod fixtures;
mod frames;
mod frozen;
mod handbook;
mod hostile;
mod newer;
mod roundtrip;
mod sample;
mod size;
mod support;
