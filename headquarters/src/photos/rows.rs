//! Files, uploads and citations in the database.
//!
//! Invariant: a row in `files` is written only for a file that lies checked under its hash.
//! Rejected: the state of an upload in memory, which a restart would lose with the offer to go on.

use crate::{error::HqError, store::DocRow};
use lanewalk_model::{
    chunk::{self, OpAction, Scalar},
    id::Hash,
    photo::{FileRef, PhotoPart, PhotoRecord},
    time::TimeMs,
    view::DocView,
};
use lanewalk_protocol::{limits, upload::UploadId};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use std::collections::HashSet;

/// A file headquarters holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileRow {
    pub(super) n: u64,
    pub(super) received_at: i64,
}

/// How an upload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Finished,
    Gone,
}

impl State {
    fn code(self) -> i64 {
        match self {
            Self::Open => 0,
            Self::Finished => 1,
            Self::Gone => 2,
        }
    }

    fn from_code(code: i64) -> Self {
        match code {
            0 => Self::Open,
            1 => Self::Finished,
            _ => Self::Gone,
        }
    }
}

/// An upload.
#[derive(Debug, Clone, Copy)]
pub(super) struct UploadRow {
    pub(super) id: UploadId,
    /// Row number of its device.
    pub(super) device: i64,
    pub(super) file: FileRef,
    pub(super) state: State,
    pub(super) expires_at: i64,
}

const UPLOAD: &str = "SELECT id, device, sha256, length, state, expires_at FROM uploads";
/// The end of an upload is moved this often at most, because that costs a commit.
const EXPIRY_STEP_MS: i64 = 24 * 3_600_000;

impl UploadRow {
    fn read(r: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: UploadId(r.get(0)?),
            device: r.get(1)?,
            file: FileRef { sha256: Hash(r.get(2)?), bytes: r.get(3)? },
            state: State::from_code(r.get(4)?),
            expires_at: r.get(5)?,
        })
    }

    pub(super) fn find(db: &Connection, id: UploadId) -> Result<Option<Self>, HqError> {
        let sql = format!("{UPLOAD} WHERE id = ?1");
        Ok(db.prepare_cached(&sql)?.query_row([id.0], Self::read).optional()?)
    }

    /// Finds a device's living upload of a file, expired or not.
    pub(super) fn of_file(db: &Connection, device: i64, sha256: Hash) -> Result<Option<Self>, HqError> {
        let sql = format!("{UPLOAD} WHERE device = ?1 AND sha256 = ?2 AND state <> 2");
        Ok(db.prepare_cached(&sql)?.query_row(params![device, sha256.0], Self::read).optional()?)
    }

    /// Writes a new row, living its full time.
    pub(super) fn create(
        tx: &Transaction<'_>,
        id: UploadId,
        device: i64,
        file: FileRef,
        now: TimeMs,
    ) -> Result<Self, HqError> {
        let row = Self { id, device, file, state: State::Open, expires_at: now.0 + limits::UPLOAD_TTL_MS };
        tx.prepare_cached(
            "INSERT INTO uploads (id, device, sha256, length, state, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![id.0, device, file.sha256.0, file.bytes, row.state.code(), row.expires_at])?;
        Ok(row)
    }

    /// Moves the upload to a state; its time starts anew.
    pub(super) fn set(&mut self, tx: &Transaction<'_>, state: State, now: TimeMs) -> Result<(), HqError> {
        (self.state, self.expires_at) = (state, now.0 + limits::UPLOAD_TTL_MS);
        tx.prepare_cached("UPDATE uploads SET state = ?2, expires_at = ?3 WHERE id = ?1")?
            .execute(params![self.id.0, state.code(), self.expires_at])?;
        Ok(())
    }

    /// Notes that the device was here; writes once a day at most.
    pub(super) fn touch(&mut self, tx: &Transaction<'_>, now: TimeMs) -> Result<(), HqError> {
        if now.0 + limits::UPLOAD_TTL_MS - self.expires_at < EXPIRY_STEP_MS {
            return Ok(());
        }
        self.set(tx, self.state, now)
    }
}

/// Counts the uploads a device has open.
pub(super) fn open_uploads(db: &Connection, device: i64, now: TimeMs) -> Result<u64, HqError> {
    Ok(db
        .prepare_cached("SELECT count(*) FROM uploads WHERE device = ?1 AND state = 0 AND expires_at > ?2")?
        .query_row(params![device, now.0], |r| r.get(0))?)
}

/// Ends what is over: open uploads are given up, rows that have served their time go.
pub(super) fn expire(tx: &Transaction<'_>, now: TimeMs) -> Result<(), HqError> {
    tx.execute("DELETE FROM uploads WHERE state <> 0 AND expires_at <= ?1", [now.0])?;
    tx.execute(
        "UPDATE uploads SET state = 2, expires_at = ?2 WHERE state = 0 AND expires_at <= ?1",
        params![now.0, now.0 + limits::UPLOAD_TTL_MS],
    )?;
    Ok(())
}

/// Finds a file that headquarters has taken in.
pub(super) fn file(db: &Connection, sha256: Hash) -> Result<Option<FileRow>, HqError> {
    Ok(db
        .prepare_cached("SELECT n, received_at FROM files WHERE sha256 = ?1")?
        .query_row([sha256.0], |r| Ok(FileRow { n: r.get(0)?, received_at: r.get(1)? }))
        .optional()?)
}

/// Notes that a file is here; the first note stays.
pub(super) fn put_file(
    tx: &Transaction<'_>,
    held: FileRef,
    device: i64,
    now: TimeMs,
) -> Result<FileRow, HqError> {
    if let Some(row) = file(tx, held.sha256)? {
        return Ok(row);
    }
    Ok(tx
        .prepare_cached(
            "INSERT INTO files (sha256, bytes, received_at, device) VALUES (?1, ?2, ?3, ?4) RETURNING n",
        )?
        .query_row(params![held.sha256.0, held.bytes, now.0, device], |r| {
            Ok(FileRow { n: r.get(0)?, received_at: now.0 })
        })?)
}

/// A photo record that names a file.
#[derive(Debug, Clone)]
pub(super) struct Citation {
    /// The visit it is in.
    pub(super) visit: DocRow,
    pub(super) part: PhotoPart,
    pub(super) bytes: u64,
}

/// Lists who names a file, in the order in which the records came.
pub(super) fn citations(db: &Connection, sha256: Hash) -> Result<Vec<Citation>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT d.n, d.id, d.grid, d.assignees, d.author, d.finished_at, f.part, f.bytes
         FROM file_refs f JOIN docs d ON d.n = f.doc WHERE f.sha256 = ?1 ORDER BY f.n",
    )?;
    let rows = statement.query_map([sha256.0], |r| Ok((DocRow::read(r)?, r.get(6)?, r.get(7)?)))?;
    let mut found = Vec::new();
    for row in rows {
        let (visit, part, bytes) = row?;
        if let Some(part) = PhotoPart::from_code(part) {
            found.push(Citation { visit, part, bytes });
        }
    }
    Ok(found)
}

/// Lists what a revoked device's entries in quarantine say of a file: (part, length).
pub(super) fn deposited(
    db: &Connection,
    device: i64,
    sha256: Hash,
) -> Result<Vec<(PhotoPart, u64)>, HqError> {
    let mut statement =
        db.prepare_cached("SELECT change FROM log WHERE device = ?1 AND refused = 'revoked' ORDER BY seq")?;
    let mut rows = statement.query([device])?;
    let mut found = Vec::new();
    while let Some(r) = rows.next()? {
        // In quarantine nothing was judged, so nothing is believed beyond its bounds.
        let change = r.get_ref(0)?.as_blob().unwrap_or_default();
        let Ok(facts) = chunk::read_change(change, &limits::DEVICE_CHANGE) else { continue };
        for op in facts.ops.iter().filter(|op| op.key.starts_with("photo/")) {
            let OpAction::Set(Scalar::Text(text)) = &op.action else { continue };
            let record = serde_json::from_str::<PhotoRecord>(text).ok();
            let parts = record.iter().flat_map(PhotoRecord::parts);
            found.extend(parts.filter(|(_, f)| f.sha256 == sha256).map(|(part, f)| (part, f.bytes)));
        }
    }
    Ok(found)
}

/// Notes the files that a visit's photo records name; records never change, so only new ones are
/// written. Records that cannot be read name nothing.
pub(crate) fn cite(tx: &Transaction<'_>, doc: i64, visit: &DocView) -> Result<(), HqError> {
    for (photo, value) in visit.members("photo") {
        let record = value.text().and_then(|text| serde_json::from_str::<PhotoRecord>(text).ok());
        let phash = record.as_ref().and_then(|r| r.phash).map(|p| p.0.cast_signed());
        for (part, file) in record.iter().flat_map(PhotoRecord::parts) {
            // What no integer column holds is no length of a file either.
            let Ok(bytes) = i64::try_from(file.bytes) else { continue };
            tx.prepare_cached(
                "INSERT OR IGNORE INTO file_refs (sha256, bytes, doc, photo, part, phash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![file.sha256.0, bytes, doc, photo, part.code(), phash.filter(|_| part == PhotoPart::Original)])?;
        }
    }
    Ok(())
}

/// Lists the uploads that may go on.
pub(super) fn open_ids(db: &Connection) -> Result<HashSet<UploadId>, HqError> {
    let mut statement = db.prepare_cached("SELECT id FROM uploads WHERE state = 0")?;
    let ids = statement.query_map([], |r| r.get(0).map(UploadId))?.collect::<Result<_, _>>()?;
    Ok(ids)
}
