//! What a camera writes into a file, as far as evidence needs it.
//!
//! Invariant: copied, never corrected: a civil time without an offset stays one. Rejected:
//! turning it into UTC at intake by a guessed zone, which hides the guess.

use crate::position::Position;
use serde::{Deserialize, Serialize};

/// Facts of a photo's EXIF block; everything may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExifFacts {
    /// When the camera says it was taken: civil time in ms, counted as if it were UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_ms: Option<i64>,
    /// The camera's offset from UTC in minutes, if it wrote one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_min: Option<i32>,
    /// Time of the satellite fix, UTC ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gps_ms: Option<i64>,
    /// Position of the satellite fix, if it is on the globe and its datum is one we know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The datum as written.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub datum: String,
    /// Maker and model as written.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub camera: String,
    /// Software as written; editors leave their name here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub software: String,
}

impl ExifFacts {
    /// Returns true when the file said nothing of all this.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
