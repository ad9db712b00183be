//! Whether the evidence a matter demands is there (DOMAIN.md §4, guard of SUBMITTED).
//!
//! Invariant: a photo counts when its stamped copy has arrived and was checked by its hash, not
//! when a phone says that it was taken.

use crate::{error::HqError, store::StoredDoc};
use lanewalk_model::{
    catalog::Evidence,
    id::DocId,
    photo::{PhotoPart, PhotoRecord, PhotoRole},
    schema::DocKind,
    view::DocView,
};
use rusqlite::{Connection, OptionalExtension as _};

/// Lists what a matter demands and the order has not.
pub(crate) fn missing(
    db: &Connection,
    order: DocId,
    view: &DocView,
    demanded: &[Evidence],
) -> Result<Vec<Evidence>, HqError> {
    if demanded.is_empty() {
        return Ok(Vec::new());
    }
    let mut has = Vec::new();
    let any = |view: &DocView, family: &str| view.members(family).next().is_some();
    if any(view, "measurement") {
        has.push(Evidence::Measurement);
    }
    if any(view, "finding") {
        has.push(Evidence::Finding);
    }
    for stored in StoredDoc::children(db, &order.to_string(), DocKind::Visit)? {
        let visit = stored.view()?;
        if visit.text("kind") != Some("prelim_call") {
            has.push(Evidence::SiteCheck);
        }
        if any(&visit, "confirmation") {
            has.push(Evidence::Confirmation);
        }
        if any(&visit, "measurement") {
            has.push(Evidence::Measurement);
        }
        for (_, value) in visit.members("photo") {
            let Some(record) = value.text().and_then(|t| serde_json::from_str::<PhotoRecord>(t).ok()) else {
                continue;
            };
            if !arrived(db, &record)? {
                continue;
            }
            has.push(Evidence::Photo);
            match record.role {
                PhotoRole::Before => has.push(Evidence::PhotoBefore),
                PhotoRole::After => has.push(Evidence::PhotoAfter),
                PhotoRole::During | PhotoRole::Document => {}
            }
        }
    }
    Ok(demanded.iter().copied().filter(|e| !has.contains(e)).collect())
}

fn arrived(db: &Connection, record: &PhotoRecord) -> Result<bool, HqError> {
    let copy = record.part(PhotoPart::Evidence).or_else(|| record.part(PhotoPart::Original));
    let Some(file) = copy else { return Ok(false) };
    let found: Option<i64> = db
        .prepare_cached("SELECT n FROM files WHERE sha256 = ?1 AND bytes = ?2")?
        .query_row(rusqlite::params![file.sha256.0, file.bytes], |r| r.get(0))
        .optional()?;
    Ok(found.is_some())
}
