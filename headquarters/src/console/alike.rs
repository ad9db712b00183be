//! Photos that look like each other, over all photo records that headquarters holds.
//!
//! Invariant: reads only what was written since it was last asked, beside the writer and in the
//! page's own snapshot, and keeps about 100 bytes a photo. Only accepted records are in it; a
//! record never changes, so nothing is ever taken out. Rejected: reading the hashes from the visits
//! themselves, which opened 50,000 documents before the first page after a start.

use crate::{error::HqError, store::DocRow};
use lanewalk_model::{
    id::{DocId, EventId, Hash, from_hex},
    photo::{Likeness, PHash, PhotoPart, PhotoRecord},
    view::DocView,
};
use rusqlite::{Connection, params};

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
    /// Reads what is new. 100,000 photos take 0.1 s the first time.
    pub(super) fn catch_up(&mut self, db: &Connection) -> Result<(), HqError> {
        let mut statement = db.prepare_cached(
            "SELECT n, doc, photo, sha256, phash FROM file_refs WHERE part = ?1 AND n > ?2 ORDER BY n",
        )?;
        let mut rows = statement.query(params![PhotoPart::Original.code(), self.last])?;
        while let Some(r) = rows.next()? {
            self.last = r.get(0)?;
            let Some(photo) = from_hex(r.get_ref(2)?.as_str().unwrap_or_default()).map(EventId) else {
                continue;
            };
            let phash = r.get::<_, Option<i64>>(4)?.map(|bits| PHash(bits.cast_unsigned()));
            self.known.push(Known { doc: r.get(1)?, photo, original: Hash(r.get(3)?), phash });
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
