//! Photos on the phone: from the ticket before the camera opens to the file that may go.
//!
//! Invariant: after a photo was called saved, its record, its three sealed files and their keys
//! are on the disk; text never waits for them. A file leaves the phone only after headquarters'
//! signed receipt for exactly it and a verified backup that holds it. Rejected: trusting the
//! gallery to keep the original, which a worker or a cleaning app empties.

pub(crate) mod capture;
pub(crate) mod seal;
mod space;
mod stamping;
mod trouble;
pub(crate) mod vault;
mod view;

pub use capture::{PhotoSettings, Shot, Ticket};
pub use space::{Freed, StorageBudget, StorageReport};
pub use view::{Alike, PartState, PhotoView};

pub(crate) use view::record_key;
