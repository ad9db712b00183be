//! Reference data as it was published last, read without the writer.

use crate::{error::HqError, store::reference};
use lanewalk_model::{catalog::Catalog, time::TimeMs};
use rusqlite::Connection;

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
    let none = || Catalog { version: "none".into(), units: Vec::new(), matters: Vec::new() };
    let known = reference(db)?;
    let (catalog, at) = known.catalog.as_ref().map_or_else(|| (none(), TimeMs(0)), Clone::clone);
    Ok(Published { catalog, at })
}

/// Lists grid cells: (id, name).
pub(crate) fn cells(db: &Connection) -> Result<Vec<(String, String)>, HqError> {
    let known = reference(db)?;
    let cells = known.grids.iter().flat_map(|g| g.cells());
    Ok(cells.map(|c| (c.id().to_string(), c.name().to_owned())).collect())
}

/// Says whether text may be a matter's code.
pub(crate) fn reads_as_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
