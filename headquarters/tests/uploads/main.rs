//! Photo files on their way to headquarters and back, against a real headquarters: what is kept
//! is exactly what was sent, what is refused has its code and changes nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs, reason = "tests")]

mod device;
mod keeping;
mod properties;
mod rights;
mod rules;
mod sockets;
mod whereabouts;
