//! People at headquarters: accounts, sessions, the log of who read what, retention.
//!
//! Invariant: what a browser holds is never stored, only its SHA-256; a password only as Argon2id.
//! Rejected: tokens that say who they are (JWT); they cannot be taken back.

mod accounts;
mod audit;
pub(crate) mod chain;
mod door;
mod pairs;
mod password;
pub(crate) mod retention;
mod sessions;
mod totp;

pub use accounts::{Account, accounts};
pub use audit::{AuditLine, Found, Search, search};
pub use chain::{Broken, Checked, check_chain, check_new};
pub use door::{Attempt, Entered, judge};
pub use pairs::{Pair, pairs};
pub use retention::{Due, Report, due};
pub use sessions::{Session, sessions_of, visitor};

pub(crate) use audit::{By, Line, audit, note};
