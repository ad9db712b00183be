//! Photos as screens see them.
//!
//! Invariant: every photo of a visit is listed, also a colleague's and one whose file is gone, with
//! what is known of each file. Rejected: hiding what cannot be shown.

use crate::{
    error::FieldError,
    facade::{Field, Inner},
    reads,
    store::{io_error, photos},
};
use lanewalk_model::{
    id::{DocId, EventId, from_hex},
    photo::{
        Doubt, DoubtLimits, FileRef, FileTrouble, Likeness, PhotoPart, PhotoRecord, Surroundings, doubts,
    },
    position::Position,
    time::TimeMs,
    view::DocView,
};
use rusqlite::Connection;
use std::{fs, io, path::Path};

/// Where one file of a photo is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartState {
    /// Here, not yet at headquarters.
    Waiting {
        /// Bytes headquarters is known to have.
        sent: u64,
    },
    /// Here and at headquarters.
    Sent,
    /// At headquarters only; given up here.
    GivenUp,
    /// Headquarters refused the photo's record (quarantine); the file stays here.
    RecordRefused,
    /// Lost on this phone before headquarters had it.
    Lost(FileTrouble),
    /// Of a colleague's phone; headquarters may have it.
    Elsewhere,
}

impl PartState {
    /// Returns the stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Sent => "sent",
            Self::GivenUp => "given_up",
            Self::RecordRefused => "record_refused",
            Self::Lost(trouble) => trouble.code(),
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// Another photo that looks like this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alike {
    /// The other photo.
    pub photo: EventId,
    /// Its visit.
    pub visit: DocId,
    /// True when the files are the same byte for byte.
    pub identical: bool,
    /// How alike they look.
    pub likeness: Likeness,
}

/// A photo of a visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoView {
    /// Id.
    pub id: EventId,
    /// What its record says.
    pub record: PhotoRecord,
    /// Words under it.
    pub caption: String,
    /// Its files: thumbnail, evidence, original.
    pub parts: Vec<(PhotoPart, FileRef, PartState)>,
    /// What speaks against it.
    pub doubts: Vec<Doubt>,
    /// Photos taken on this phone that look like it.
    pub alike: Vec<Alike>,
}

/// Returns the document key of a photo's record.
pub(crate) fn record_key(id: EventId) -> String {
    ["photo/", &id.to_string()].concat()
}

/// Reads the records of a visit, oldest first; one this version cannot read is left out.
fn records(view: &DocView) -> Vec<(EventId, PhotoRecord)> {
    let mut out: Vec<_> = view
        .members("photo")
        .filter_map(|(member, value)| {
            let id = EventId(from_hex(member)?);
            Some((id, serde_json::from_str(value.text()?).ok()?))
        })
        .collect();
    out.sort_by_key(|(id, record): &(EventId, PhotoRecord)| (record.taken_at, *id));
    out
}

impl Field {
    /// Lists the photos of a visit, oldest first.
    pub fn photos(&self, visit: DocId) -> Result<Vec<PhotoView>, FieldError> {
        self.inner.store.read(|conn| {
            let view = reads::view(conn, visit)?.ok_or(FieldError::NotFound)?;
            let around = surroundings(conn, &view)?;
            let mine = photos::photos(conn)?;
            let limits = DoubtLimits::default();
            records(&view)
                .into_iter()
                .map(|(id, record)| {
                    let parts = parts(conn, id, &record)?;
                    let doubts = doubts(&record, &around, &limits);
                    let alike = alike(&mine, id, &record);
                    let caption = view.text(&["caption/", &id.to_string()].concat());
                    let caption = caption.unwrap_or_default().to_owned();
                    Ok(PhotoView { id, record, caption, parts, doubts, alike })
                })
                .collect()
        })
    }

    /// Reads a photo's thumbnail or evidence copy, decrypted in memory. Originals never leave the
    /// store but to headquarters.
    ///
    /// # Errors
    /// `NotFound` when the file is not on this phone; `Photo` (`missing`, `altered`) when it is lost.
    pub fn photo_bytes(&self, photo: EventId, part: PhotoPart) -> Result<Vec<u8>, FieldError> {
        let row = self.inner.held_copy(photo, part)?;
        let most = usize::try_from(row.file.bytes).unwrap_or(usize::MAX);
        Ok(self.inner.vault.read(&row.name, &row.key, row.file.bytes, 0, most)?)
    }

    /// Writes a photo's thumbnail or evidence copy, decrypted, to a path of the shell's, in place of
    /// what lies there; half a file never does. The shell removes it when it was shown.
    ///
    /// # Errors
    /// As [`Self::photo_bytes`]; `StorageFull`; `Invalid` for a path that cannot be written.
    pub fn write_photo(&self, photo: EventId, part: PhotoPart, path: &Path) -> Result<(), FieldError> {
        let row = self.inner.held_copy(photo, part)?;
        let mut name =
            path.file_name().ok_or_else(|| FieldError::invalid("path", "names no file"))?.to_owned();
        name.push(".part");
        let unfinished = path.with_file_name(name);
        let mut file = fs::File::create(&unfinished).map_err(|e| unwritable(&e))?;
        let vault = &self.inner.vault;
        let written = vault.unseal(&row.name, &row.key, row.file.bytes, |part| {
            io::Write::write_all(&mut file, part).map_err(|e| unwritable(&e))
        });
        drop(file);
        let written = written.and_then(|()| fs::rename(&unfinished, path).map_err(|e| unwritable(&e)));
        if written.is_err() {
            // Best effort: the folder is the shell's.
            let _ = fs::remove_file(&unfinished);
        }
        written
    }
}

impl Inner {
    /// Finds a copy that may be shown and lies here.
    fn held_copy(&self, photo: EventId, part: PhotoPart) -> Result<photos::FileRow, FieldError> {
        if part == PhotoPart::Original {
            return Err(FieldError::invalid("part", "originals stay sealed"));
        }
        let row = self.store.read(|conn| {
            let Some(row) = photos::photo(conn, photo)? else { return Ok(None) };
            let slot = usize::from(part.code());
            let Some(hash) = row.files.get(slot) else { return Ok(None) };
            photos::file(conn, *hash)
        })?;
        row.filter(|r| r.held).ok_or(FieldError::NotFound)
    }
}

/// A path of the shell's that cannot be written; a full disk is one all the same.
fn unwritable(error: &io::Error) -> FieldError {
    match io_error(error) {
        FieldError::StorageFull => FieldError::StorageFull,
        _ => FieldError::invalid("path", error.kind().to_string()),
    }
}

fn surroundings(conn: &Connection, visit: &DocView) -> Result<Surroundings, FieldError> {
    let order = visit.text("order").and_then(|t| t.parse::<DocId>().ok());
    let order = order.map(|id| reads::view(conn, id)).transpose()?.flatten();
    let place = order.as_ref().and_then(|o| o.text("reported_position"));
    let place: Option<Position> = place.and_then(|json| serde_json::from_str(json).ok());
    Ok(Surroundings { visit_started: visit.int("started").map(TimeMs), place })
}

fn parts(
    conn: &Connection,
    id: EventId,
    record: &PhotoRecord,
) -> Result<Vec<(PhotoPart, FileRef, PartState)>, FieldError> {
    let mine = photos::photo(conn, id)?;
    let refused = photos::record_refused(conn, id)?;
    let state = |file: FileRef| -> Result<PartState, FieldError> {
        let row = match &mine {
            Some(_) => photos::file(conn, file.sha256)?,
            None => None,
        };
        Ok(match row {
            None => PartState::Elsewhere,
            Some(row) if row.has_receipt && row.held => PartState::Sent,
            Some(row) if row.has_receipt => PartState::GivenUp,
            Some(row) => match row.trouble {
                Some(trouble) => PartState::Lost(trouble),
                None if refused => PartState::RecordRefused,
                None => PartState::Waiting { sent: row.sent },
            },
        })
    };
    record.parts().map(|(part, file)| Ok((part, file, state(file)?))).collect()
}

fn alike(mine: &[photos::PhotoRow], id: EventId, record: &PhotoRecord) -> Vec<Alike> {
    let mut out = Vec::new();
    for other in mine.iter().filter(|p| p.id != id) {
        let [_, _, original] = other.files;
        let identical = original == record.original.sha256;
        let likeness = match (record.phash, other.phash) {
            _ if identical => Likeness::Same,
            (Some(a), Some(b)) => a.likeness(b),
            _ => Likeness::Stranger,
        };
        if likeness != Likeness::Stranger {
            out.push(Alike { photo: other.id, visit: other.visit, identical, likeness });
        }
    }
    out
}
