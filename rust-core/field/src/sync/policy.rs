//! Which photo files may travel on which network.
//!
//! Invariant: the shell says what the network costs, the core what that lets through; what is held
//! back is counted and travels later. Rejected: the core guessing at the network.

use crate::{
    error::FieldError,
    reads,
    store::photos::{self, FileRow},
};
use lanewalk_model::photo::PhotoPart;

/// Whether originals may travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Originals {
    /// Not now.
    Never,
    /// Those headquarters asked for.
    Wanted,
    /// All.
    All,
}

/// What may travel now; the shell knows the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadPolicy {
    /// Stamped copies.
    pub evidence: bool,
    /// Originals.
    pub originals: Originals,
}

impl UploadPolicy {
    /// Wi-Fi: everything.
    pub const UNMETERED: Self = Self { evidence: true, originals: Originals::All };
    /// Paid by the byte: no originals but those headquarters asked for.
    pub const METERED: Self = Self { evidence: true, originals: Originals::Wanted };
    /// Nearly used up: thumbnails only.
    pub const SAVING: Self = Self { evidence: false, originals: Originals::Never };

    /// Says whether a file may travel now.
    pub(super) fn lets(self, conn: &rusqlite::Connection, row: &FileRow) -> Result<bool, FieldError> {
        match (row.part, self.originals) {
            (PhotoPart::Thumbnail, _) => Ok(true),
            (PhotoPart::Evidence, _) => Ok(self.evidence),
            (PhotoPart::Original, Originals::All) => Ok(true),
            (PhotoPart::Original, Originals::Never) => Ok(false),
            (PhotoPart::Original, Originals::Wanted) => {
                for photo in photos::photos_with(conn, row.file.sha256)? {
                    let wanted = ["original_wanted/", &photo.id.to_string()].concat();
                    let view = reads::view(conn, photo.visit)?;
                    if view.is_some_and(|v| v.flag(&wanted)) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}
