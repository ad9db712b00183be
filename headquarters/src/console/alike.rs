//! Photos that look like each other, over all photo records that headquarters holds.
//!
//! Invariant: reads only what was written since it was last asked, beside the writer and in the
//! page's own snapshot, and keeps about 100 bytes a photo. Only accepted records are in it; a
//! record never changes, so nothing is ever taken out. Rejected: a column with the hash in the
//! database, which costs the writer a row for a question that only these pages ask.

use crate::{
    error::HqError,
    store::{DocRow, StoredDoc},
};
use lanewalk_model::{
    id::{DocId, EventId, Hash, from_hex},
    photo::{Likeness, PHash, PhotoPart, PhotoRecord},
    view::DocView,
};
use rusqlite::{Connection, OptionalExtension as _, params};

/// Look-alikes of one photo returned.
const MAX_FOUND: usize = 12;
/// Differing bits up to which the exact question is asked: the most that are alike, and the mean's
/// bit, which does not count.
const NEAR_BITS: u32 = 17;

/// One photo.
#[derive(Debug)]
struct Known {
    doc: i64,
    photo: EventId,
    original: Hash,
    phash: Option<PHash>,
}

/// Another photo that is the same file or looks alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Like {
    /// The visit it is in.
    pub(super) visit: DocId,
    /// Its id there.
    pub(super) photo: EventId,
    /// True when the originals are the same byte for byte.
    pub(super) identical: bool,
    /// Bits that differ, of 63; `None` where one of the pictures is flat.
    pub(super) distance: Option<u32>,
}

impl Like {
    /// Says what the distance means, in both languages.
    pub(super) fn words(&self) -> super::words::Words {
        match self.distance {
            _ if self.identical => ("同一文件", "same file"),
            Some(0..=10) => ("几乎相同", "nearly the same picture"),
            _ => ("相似", "looks alike"),
        }
    }
}

/// Look-alikes of one photo, the nearest first.
#[derive(Debug, Default)]
pub(super) struct Likes {
    /// At most [`MAX_FOUND`].
    pub(super) found: Vec<Like>,
    /// How many there are.
    pub(super) total: usize,
}

/// All photos by what they look like.
#[derive(Debug, Default)]
pub(super) struct Alike {
    /// Last row of `file_refs` that was read; rows are only ever added.
    last: i64,
    known: Vec<Known>,
}

impl Alike {
    /// Reads what is new. 2,000 visits with a photo each take 0.15 s the first time.
    pub(super) fn catch_up(&mut self, db: &Connection) -> Result<(), HqError> {
        let mut statement =
            db.prepare_cached("SELECT n, doc, photo FROM file_refs WHERE part = ?1 AND n > ?2 ORDER BY n")?;
        let mut rows = statement.query(params![PhotoPart::Original.code(), self.last])?;
        // The photos of a visit mostly come one after the other.
        let mut open: Option<(i64, Option<DocView>)> = None;
        while let Some(r) = rows.next()? {
            let (n, doc): (i64, i64) = (r.get(0)?, r.get(1)?);
            let member = r.get_ref(2)?.as_str().unwrap_or_default();
            let (_, view) = match open.take() {
                Some(same) if same.0 == doc => open.insert(same),
                _ => open.insert((doc, view(db, doc)?)),
            };
            let record = view.as_ref().and_then(|v| record(v, member));
            if let (Some(photo), Some(record)) = (from_hex(member).map(EventId), record) {
                let original = record.original.sha256;
                self.known.push(Known { doc, photo, original, phash: record.phash });
            }
            self.last = n;
        }
        Ok(())
    }

    /// Finds what is like a record; `own` is the row of its visit and its id there.
    pub(super) fn find(
        &self,
        db: &Connection,
        own: (i64, &str),
        record: &PhotoRecord,
    ) -> Result<Likes, HqError> {
        let own_photo = from_hex(own.1).map(EventId);
        let ways = record.phash.map(PHash::orientations);
        let mut found: Vec<(bool, u32, &Known)> = Vec::new();
        for known in &self.known {
            if known.doc == own.0 && Some(known.photo) == own_photo {
                continue;
            }
            let identical = known.original == record.original.sha256;
            // A few instructions for nearly all of them; the model's own answer for the rest.
            let near = known.phash.filter(|other| {
                identical || ways.iter().flatten().any(|way| (way.0 ^ other.0).count_ones() <= NEAR_BITS)
            });
            let alike =
                near.zip(record.phash).filter(|(a, b)| identical || a.likeness(*b) != Likeness::Stranger);
            if identical || alike.is_some() {
                found.push((identical, alike.map_or(u32::MAX, |(a, b)| a.distance(b)), known));
            }
        }
        let total = found.len();
        found.sort_by_key(|(identical, distance, known)| (!*identical, *distance, known.doc, known.photo));
        found.truncate(MAX_FOUND);
        let mut likes = Likes { found: Vec::with_capacity(found.len()), total };
        for (identical, distance, Known { doc, photo, .. }) in found {
            // A snapshot older than the index does not know the newest visits.
            let Some(DocRow { id: visit, .. }) = DocRow::by_number(db, *doc)? else { continue };
            let distance = (distance != u32::MAX).then_some(distance);
            likes.found.push(Like { visit, photo: *photo, identical, distance });
        }
        Ok(likes)
    }
}

/// Reads a photo's record; `None` when there is none that this version can read.
pub(super) fn record(view: &DocView, photo: &str) -> Option<PhotoRecord> {
    serde_json::from_str(view.text(&format!("photo/{photo}"))?).ok()
}

fn view(db: &Connection, n: i64) -> Result<Option<DocView>, HqError> {
    let Some(row) = DocRow::by_number(db, n)? else { return Ok(None) };
    let saved = db
        .prepare_cached("SELECT saved FROM docs WHERE n = ?1")?
        .query_row([n], |r| r.get::<_, Vec<u8>>(0))
        .optional()?;
    // A visit that does not load has no photos to compare; its page says so.
    Ok(saved.and_then(|saved| StoredDoc { row, saved }.view().ok()))
}
