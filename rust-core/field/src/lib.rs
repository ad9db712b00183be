//! The phone: encrypted store, outbox, sync engine and the facade [`Field`] that shells call.
//!
//! Invariant (law 1): what a writing method returned as saved stays on this phone until
//! headquarters' signed receipt for exactly it, and in quarantine if it was refused. The entries
//! are the truth; documents are a cache of them, lists a cache of the documents, all changed in
//! one transaction. Rejected: one store per concern, which a crash leaves disagreeing.
//!
//! The way through the crate: [`Field`] (facade) → `write` (checks, then one act) and `reads` →
//! `store` (SQL) ; `sync` is the sans-IO engine and its HTTP driver; `source` injects time and
//! randomness; `watch` keeps lists live.

mod acts;
mod clock;
mod countdown;
mod device_key;
mod error;
mod facade;
mod identity;
mod photos;
mod proposals;
mod quarantine;
mod reads;
mod source;
mod standing;
mod store;
pub mod sync;
mod talks;
mod watch;
mod write;

pub use acts::{NewAppeal, NewCare, NewPerson, NewPlace, NewVisit};
pub use countdown::{Countdown, Phase};
pub use device_key::DeviceKey;
pub use error::FieldError;
pub use facade::{Config, Field, PurgeReport, Status};
pub use identity::Identity;
pub use lanewalk_media::{Limits as PhotoLimits, stamp::FontFile};
pub use photos::{
    Alike, Freed, PartState, PhotoSettings, PhotoView, Shot, StorageBudget, StorageReport, Ticket,
};
pub use proposals::{OrderPage, ProposalStatus};
pub use quarantine::{Quarantined, Written};
pub use reads::{ListItem, ListQuery};
pub use source::{Source, SystemSource};
pub use standing::{Farewell, Standing};
pub use store::{Former, Salvaged, StoreKey};
pub use sync::{
    Contradicted, Enrolled, HistoryAlarm, HttpTransport, Network, Originals, Progress, RoundReport,
    SyncError, SyncReport, SyncSession, Transport, TransportError, Trust, UploadPolicy, UploadReport,
    UploadSession, Witness,
};
pub use talks::Answer;
pub use watch::{Change, Delivery, ListUpdate, Listener, WatchHandle};
pub use write::Saved;

/// This core's version: major, minor, patch. Headquarters may ask for a newer one (F23).
pub const CORE: [u16; 3] = [
    number(env!("CARGO_PKG_VERSION_MAJOR")),
    number(env!("CARGO_PKG_VERSION_MINOR")),
    number(env!("CARGO_PKG_VERSION_PATCH")),
];

const fn number(digits: &str) -> u16 {
    match u16::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => 0,
    }
}
