//! The wire as a whole: frozen bytes, round trips, hostile input, newer peers, and sizes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod size;
mod support;
