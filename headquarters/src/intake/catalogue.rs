//! Reference data as it was published last, read without the writer.

use crate::error::HqError;
use lanewalk_model::{catalog::Catalog, document::Document, grid::GridSet, schema::DocKind, time::TimeMs};
use rusqlite::{Connection, OptionalExtension as _, params};

/// The catalogue of matters with the moment it was published.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    /// The catalogue; without matters when none was published.
    pub(crate) catalog: Catalog,
    /// When.
    pub(crate) at: TimeMs,
}

/// Reads the catalogue.
pub(crate) fn catalogue(db: &Connection) -> Result<Published, HqError> {
    let none = Catalog { version: "none".into(), units: Vec::new(), matters: Vec::new() };
    Ok(match body(db, "matter_catalog")? {
        Some((text, at)) => Published { catalog: Catalog::from_json(&text).unwrap_or(none), at },
        None => Published { catalog: none, at: TimeMs(0) },
    })
}

/// Lists grid cells: (id, name).
pub(crate) fn cells(db: &Connection) -> Result<Vec<(String, String)>, HqError> {
    let grids = body(db, "grids")?.and_then(|(text, _)| GridSet::from_geojson(&text).ok());
    let of = |g: GridSet| g.cells().iter().map(|c| (c.id().to_string(), c.name().to_owned())).collect();
    Ok(grids.map(of).unwrap_or_default())
}

fn body(db: &Connection, name: &str) -> Result<Option<(String, TimeMs)>, HqError> {
    let saved: Option<Vec<u8>> = db
        .prepare_cached("SELECT saved FROM docs WHERE kind = ?1 AND row ->> 'title' = ?2")?
        .query_row(params![DocKind::Reference.code(), name], |r| r.get(0))
        .optional()?;
    let Some(saved) = saved else { return Ok(None) };
    let view = Document::load(DocKind::Reference, &saved)?.view();
    let at = view.all("version").last().map_or(TimeMs(0), |v| v.at.ms());
    Ok(view.text("body").map(|text| (text.to_owned(), at)))
}

/// Says whether text may be a matter's code.
pub(crate) fn reads_as_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
