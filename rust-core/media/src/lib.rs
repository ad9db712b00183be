//! Photo intake on the phone: from the camera's file to what headquarters is sent.
//!
//! Invariant: no input panics, hangs or takes more than [`Limits`] allow; sizes are read from the
//! file's own structure and judged before anything is decoded; no IO beyond the file and the fonts
//! that are named. Rejected: decoding first and looking at the size of what came out.

mod decode;
mod encode;
mod error;
pub mod exif;
mod header;
mod intake;
mod limits;
mod orient;
pub mod phash;
pub mod pixels;
mod shrink;
pub mod stamp;

pub use error::MediaError;
pub use header::{Header, MediaType};
pub use intake::{EVIDENCE_EDGE, Intake, Redrawn, THUMBNAIL_EDGE, inspect, inspect_bytes, intake, redraw};
pub use limits::Limits;
