//! Headquarters (街道热线办): the server that turns hotline calls into work orders, lets in what
//! phones wrote, decides, and answers.
//!
//! Invariant: [`hq::Headquarters`] is one synchronous object with one database, an injected
//! clock and a gate; a batch of requests is one transaction. The simulator drives exactly this
//! object, and [`server`] only moves bytes to it. Rejected: handlers that each open their own
//! transaction, which cost one fsync per push and cannot be replayed from a seed.

pub mod ahead;
mod ask;
pub mod auth;
pub mod backup;
mod chain;
pub mod config;
pub mod console;
mod core;
pub mod desk;
pub mod enrol;
pub mod error;
pub mod evidence;
pub mod exchange;
pub mod figures;
pub mod gate;
pub mod groups;
pub mod hq;
pub mod import;
pub mod intake;
pub mod open311;
pub mod people;
pub mod photos;
mod pull;
mod push;
mod receipts;
pub mod salvage;
pub mod server;
pub mod store;
pub mod tlog;
pub mod tls;
mod workflow;

// Links SQLCipher's ciphers: headquarters' database is plain, but the library is the phone's.
use lanewalk_sqlcipher_provider as _;

pub use config::{Open311Settings, Rates, Settings, Source, SystemSource};
pub use error::HqError;
pub use hq::Headquarters;
