//! Which photo is here, which is still missing, and why.
//!
//! Invariant: derived from the visit, the log, the rows and the folder each time it is asked, so
//! it cannot disagree with them. Rejected: a status column kept up to date, which would be wrong
//! after a crash.

use super::{folder::Folder, rows};
use crate::{error::HqError, store::DocRow};
use lanewalk_model::{
    chunk::{self, OpAction, Scalar},
    photo::{FileRef, FileTrouble, PhotoPart, PhotoRecord, TroubleRecord},
    time::TimeMs,
    view::DocView,
};
use lanewalk_protocol::{limits, upload::UploadId};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Why a file is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The phone has told that it is lost.
    Phone(FileTrouble),
    /// The record that names it is kept outside the documents, so nobody may bring it.
    RecordRefused,
    /// Originals come on Wi-Fi, or when they are asked for.
    WaitsForWifi,
    /// Asked for, and not here yet.
    Asked,
    /// Not sent yet.
    NotSent,
    /// It was here and is not any more: the disk was damaged or restored.
    LostHere,
}

impl Absence {
    /// Returns the stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Phone(trouble) => trouble.code(),
            Self::RecordRefused => "record_refused",
            Self::WaitsForWifi => "waits_for_wifi",
            Self::Asked => "asked",
            Self::NotSent => "not_sent",
            Self::LostHere => "lost_here",
        }
    }

    /// Returns the Chinese words.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Phone(trouble) => trouble.zh(),
            Self::RecordRefused => "照片记录未被接受",
            Self::WaitsForWifi => "原图等手机连上 Wi-Fi 再传",
            Self::Asked => "已向手机索取原图",
            Self::NotSent => "手机尚未上传",
            Self::LostHere => "指挥中心的文件丢失",
        }
    }

    /// Returns the English words.
    pub fn en(self) -> &'static str {
        match self {
            Self::Phone(FileTrouble::Missing) => "the file is gone from the phone",
            Self::Phone(FileTrouble::Altered) => "the file is damaged on the phone",
            Self::RecordRefused => "the photo's record was not accepted",
            Self::WaitsForWifi => "the original waits for Wi-Fi",
            Self::Asked => "the original was asked for",
            Self::NotSent => "not sent yet",
            Self::LostHere => "lost at headquarters",
        }
    }
}

/// Where a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// At headquarters.
    Here,
    /// On its way.
    Partly {
        /// Bytes that are here.
        offset: u64,
    },
    /// Not here.
    Missing(Absence),
}

/// One file of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartWhere {
    /// Which.
    pub part: PhotoPart,
    /// The file.
    pub file: FileRef,
    /// Where it is.
    pub is: Where,
}

/// One photo of a visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoWhere {
    /// The photo's id in the visit.
    pub photo: String,
    /// Its record.
    pub record: PhotoRecord,
    /// Its files, in the order in which they travel.
    pub parts: Vec<PartWhere>,
    /// When a device that wrote this visit was last heard of, HQ time; what is missing can have
    /// been sent by then.
    pub last_contact: Option<TimeMs>,
}

/// Refused entries of one visit looked at.
const MAX_REFUSED: u32 = 200;

/// Says for every photo of a visit where its files are: those of accepted records in the order of
/// the visit, then those of refused ones. Reads the database and looks at files' lengths.
pub fn of_visit(
    db: &Connection,
    folder: &Folder,
    visit: &DocRow,
    view: &DocView,
    now: TimeMs,
) -> Result<Vec<PhotoWhere>, HqError> {
    let last_contact: Option<i64> = db
        .prepare_cached(
            "SELECT max(d.last_contact) FROM log l JOIN devices d ON d.n = l.device WHERE l.doc = ?1 AND d.worker = ?2",
        )?
        .query_row(params![visit.n, visit.facts.author], |r| r.get(0))?;
    let last_contact = last_contact.map(TimeMs);
    let mut photos = Vec::new();
    for (photo, value) in view.members("photo") {
        let Some(record) = value.text().and_then(read) else { continue };
        let mut parts = Vec::new();
        for (part, file) in record.parts() {
            let is = match here_or_partly(db, folder, file, now)? {
                Some(is) => is,
                None => Where::Missing(absence(db, view, photo, part, file)?),
            };
            parts.push(PartWhere { part, file, is });
        }
        photos.push(PhotoWhere { photo: photo.to_owned(), record, parts, last_contact });
    }
    for (photo, record) in refused(db, visit.n)? {
        if view.get(&format!("photo/{photo}")).is_some() {
            continue;
        }
        let mut parts = Vec::new();
        for (part, file) in record.parts() {
            // Another record may have brought the same file.
            let found = here_or_partly(db, folder, file, now)?;
            let is = found.unwrap_or(Where::Missing(Absence::RecordRefused));
            parts.push(PartWhere { part, file, is });
        }
        photos.push(PhotoWhere { photo, record, parts, last_contact });
    }
    Ok(photos)
}

fn here_or_partly(
    db: &Connection,
    folder: &Folder,
    file: FileRef,
    now: TimeMs,
) -> Result<Option<Where>, HqError> {
    if rows::file(db, file.sha256)?.is_some() && folder.holds(file) {
        return Ok(Some(Where::Here));
    }
    let mut statement = db.prepare_cached(
        "SELECT id FROM uploads WHERE sha256 = ?1 AND length = ?2 AND state = 0 AND expires_at > ?3",
    )?;
    // A length no column holds is no upload's.
    let length = i64::try_from(file.bytes).unwrap_or(-1);
    let ids = statement.query_map(params![file.sha256.0, length, now.0], |r| r.get(0).map(UploadId))?;
    let mut offset = 0;
    for id in ids {
        // Of several devices the one that is furthest; an unreadable one counts as nothing.
        offset = offset.max(folder.length(id?).unwrap_or(0));
    }
    Ok((offset > 0).then_some(Where::Partly { offset }))
}

fn absence(
    db: &Connection,
    view: &DocView,
    photo: &str,
    part: PhotoPart,
    file: FileRef,
) -> Result<Absence, HqError> {
    let told = view.text(&format!("photo_trouble/{photo}.{}", part.id()));
    if let Some(told) = told.and_then(|text| serde_json::from_str::<TroubleRecord>(text).ok()) {
        return Ok(Absence::Phone(told.trouble));
    }
    if rows::file(db, file.sha256)?.is_some() {
        return Ok(Absence::LostHere);
    }
    let asked = view.get(&format!("original_wanted/{photo}")).is_some();
    Ok(match part {
        PhotoPart::Original if asked => Absence::Asked,
        PhotoPart::Original => Absence::WaitsForWifi,
        _ => Absence::NotSent,
    })
}

fn read(text: &str) -> Option<PhotoRecord> {
    serde_json::from_str(text).ok()
}

/// Reads the photo records of a visit's refused entries.
fn refused(db: &Connection, visit: i64) -> Result<BTreeMap<String, PhotoRecord>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT change FROM log WHERE doc = ?1 AND refused IS NOT NULL ORDER BY idx LIMIT ?2",
    )?;
    let mut entries = statement.query(params![visit, MAX_REFUSED])?;
    let mut found = BTreeMap::new();
    while let Some(r) = entries.next()? {
        let change = r.get_ref(0)?.as_blob().unwrap_or_default();
        let Ok(facts) = chunk::read_change(change, &limits::DEVICE_CHANGE) else { continue };
        for op in &facts.ops {
            if let (Some(photo), OpAction::Set(Scalar::Text(text))) =
                (op.key.strip_prefix("photo/"), &op.action)
                && let Some(record) = read(text)
            {
                found.insert(photo.to_owned(), record);
            }
        }
    }
    Ok(found)
}
