//! Reference data as it was published last, read beside the writer and parsed once.
//!
//! Invariant: what is kept belongs to the very bytes that were parsed, told by their documents'
//! digest shares, so whatever snapshot asks gets what stands in it. Rejected: parsing for each
//! page; grids and catalogue of a subdistrict take longer than the rest of it.

use crate::error::HqError;
use lanewalk_model::{catalog::Catalog, document::Document, grid::GridSet, schema::DocKind, time::TimeMs};
use rusqlite::{Connection, params};
use std::sync::{Arc, Mutex, PoisonError};

/// What was published; what cannot be read is as if it never was.
#[derive(Debug, Default)]
pub(crate) struct Reference {
    /// The catalogue of matters, and when it was published.
    pub(crate) catalog: Option<(Catalog, TimeMs)>,
    /// The grid cells.
    pub(crate) grids: Option<GridSet>,
}

/// The last that was parsed, with the shares of its documents.
static PARSED: Mutex<Option<(Vec<u8>, Arc<Reference>)>> = Mutex::new(None);

/// Reads what is in force in a snapshot.
pub(crate) fn reference(db: &Connection) -> Result<Arc<Reference>, HqError> {
    let kind = DocKind::Reference.code();
    let mut statement = db.prepare_cached("SELECT share FROM docs WHERE kind = ?1 ORDER BY n")?;
    let shares = statement.query_map([kind], |r| r.get::<_, Vec<u8>>(0))?;
    let shares = shares.collect::<Result<Vec<_>, _>>()?.concat();
    let mut parsed = PARSED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = parsed.as_ref().filter(|(of, _)| *of == shares) {
        return Ok(known.clone());
    }
    let mut statement = db.prepare_cached("SELECT saved FROM docs WHERE kind = ?1 ORDER BY n")?;
    let mut rows = statement.query(params![kind])?;
    let mut found = Reference::default();
    while let Some(r) = rows.next()? {
        let saved = r.get_ref(0)?.as_blob().unwrap_or_default();
        let Ok(mut document) = Document::load(DocKind::Reference, saved) else { continue };
        let view = document.view();
        let body = view.text("body").unwrap_or_default();
        match view.text("name").unwrap_or_default() {
            "matter_catalog" => {
                let at = view.all("version").last().map_or(TimeMs(0), |v| v.at.ms());
                found.catalog = Catalog::from_json(body).ok().map(|c| (c, at));
            }
            "grids" => found.grids = GridSet::from_geojson(body).ok(),
            _ => {}
        }
    }
    let found = Arc::new(found);
    *parsed = Some((shares, found.clone()));
    Ok(found)
}
