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
mod error;
mod facade;
mod identity;
mod photos;
mod proposals;
mod quarantine;
mod reads;
mod source;
mod store;
pub mod sync;
mod talks;
mod watch;
mod write;

pub use acts::{NewAppeal, NewCare, NewPerson, NewPlace, NewVisit};
pub use countdown::{Countdown, Phase};
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
pub use store::StoreKey;
pub use sync::{
    Contradicted, Enrolled, HistoryAlarm, HttpTransport, Network, Originals, Progress, RoundReport,
    SyncError, SyncReport, SyncSession, Transport, TransportError, UploadPolicy, UploadReport, UploadSession,
    Witness,
};
pub use talks::Answer;
pub use watch::{Change, Delivery, ListListener, ListUpdate, StatusListener, WatchHandle};
pub use write::Saved;
