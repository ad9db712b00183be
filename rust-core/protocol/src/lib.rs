//! The wire between phones and headquarters, version 1.
//!
//! Invariant: no IO and no clock; every decoder is total (typed errors, bounded memory), and
//! the bytes that are hashed or signed are rebuilt exactly from what is sent, never trusted from
//! it. `docs/protocol.md` says the same for a second implementation; `fixtures` holds frozen
//! bytes. Rejected: sending automerge's own sync messages, which need a handshake per
//! document and parse hostile bytes deep inside the CRDT library.

pub mod batch;
mod cbor;
pub mod commitment;
pub mod enrolment;
pub mod entry;
pub mod frame;
pub mod http;
pub mod httpsig;
pub mod keys;
pub mod limits;
pub mod pace;
pub mod pins;
pub mod receipt;
pub mod sync;
pub mod tlog;
pub mod upload;

/// Version of the protocol spoken here.
pub const VERSION: u16 = 1;
