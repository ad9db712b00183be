//! Grid cells (单元网格): their codes, their borders, and which cell a position is in.
//!
//! Invariant: a position belongs to at most one cell, the same on every device: where borders
//! touch or overlap, the one with the lowest code. Shapes are WGS-84 (DOMAIN.md §8). Rejected: a
//! spatial index; at most 5,000 bounding boxes are compared in microseconds.

mod cell_id;
mod geojson;
mod lattice;

pub use cell_id::{CellId, CellParts, CommunityId};
pub use lattice::{Bounds, lattice};

use geo::{Distance, Haversine, Intersects, MultiPolygon, Point, Rect};

use crate::position::Position;

/// Most cells in one set.
pub const MAX_CELLS: usize = 5_000;
/// Most vertices in one set.
pub const MAX_VERTICES: usize = 200_000;
/// Largest GeoJSON text, in bytes: room for [`MAX_VERTICES`] with full decimals.
pub const MAX_TEXT_BYTES: usize = 12 * 1024 * 1024;
/// Longest cell name, in bytes.
pub const MAX_NAME_BYTES: usize = 300;

/// Says why a grid or a code was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    /// A code has the wrong digits.
    #[error("{0:?} is not a grid code")]
    BadCode(String),
    /// The text or a name in it is too long.
    #[error("the grid file is too large")]
    TooLarge,
    /// The text is not a GeoJSON FeatureCollection.
    #[error("not a GeoJSON FeatureCollection: {0}")]
    NotGeoJson(String),
    /// The file is not in the expected datum or reference system.
    #[error("the grid file is in another datum")]
    WrongDatum,
    /// More than [`MAX_CELLS`].
    #[error("too many grid cells")]
    TooManyCells,
    /// More than [`MAX_VERTICES`].
    #[error("too many vertices")]
    TooManyVertices,
    /// A feature lacks a text property.
    #[error("feature {index} has no property {name}")]
    MissingProperty {
        /// Position of the feature, from 0.
        index: usize,
        /// The property.
        name: &'static str,
    },
    /// A geometry is neither Polygon nor MultiPolygon.
    #[error("cell {0} is not a polygon")]
    WrongGeometry(CellId),
    /// A ring has fewer than four points or does not end where it began.
    #[error("cell {0} has a ring that is not closed")]
    RingNotClosed(CellId),
    /// A polygon has no area.
    #[error("cell {0} has no area")]
    NoArea(CellId),
    /// A coordinate is missing or not on the globe.
    #[error("cell {0} has coordinates that are not on the globe")]
    OutOfRange(CellId),
    /// Two features have the same code.
    #[error("cell {0} is given twice")]
    DuplicateId(CellId),
    /// The box, the number of cells or the communities of a lattice do not fit.
    #[error("the lattice cannot be cut this way")]
    BadLattice,
}

/// One grid cell with its border in WGS-84 degrees.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    id: CellId,
    name: String,
    shape: MultiPolygon<f64>,
    bounds: Rect<f64>,
    centroid: Point<f64>,
}

impl Cell {
    /// Returns the code.
    pub fn id(&self) -> CellId {
        self.id
    }

    /// Returns the name people use.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the border; x is longitude, y latitude.
    pub fn shape(&self) -> &MultiPolygon<f64> {
        &self.shape
    }

    fn holds(&self, point: &Point<f64>) -> bool {
        self.bounds.intersects(point) && self.shape.intersects(point)
    }
}

/// A checked set of cells, in order of code.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GridSet {
    cells: Vec<Cell>,
}

impl GridSet {
    fn from_cells(mut cells: Vec<Cell>) -> Result<Self, GridError> {
        cells.sort_by_key(Cell::id);
        let twice = cells.iter().zip(cells.iter().skip(1)).find(|(a, b)| a.id == b.id);
        match twice {
            Some((cell, _)) => Err(GridError::DuplicateId(cell.id)),
            None => Ok(Self { cells }),
        }
    }

    /// Returns all cells, lowest code first.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Returns the cell with this code.
    pub fn get(&self, id: CellId) -> Option<&Cell> {
        let index = self.cells.binary_search_by_key(&id, Cell::id).ok()?;
        self.cells.get(index)
    }

    /// Returns the cell a position is in, borders included; `None` outside all cells.
    ///
    /// Positions in another datum are converted first. Whether a fix is good enough to ask is
    /// the caller's decision, see [`crate::position::fix`].
    pub fn cell_at(&self, position: &Position) -> Option<&Cell> {
        let point = position.wgs84_point();
        self.cells.iter().find(|cell| cell.holds(&point))
    }

    /// Returns up to `n` cells with the distance in metres to their centroid, nearest first;
    /// equal distances in order of code.
    pub fn nearest_cells(&self, position: &Position, n: usize) -> Vec<(&Cell, f64)> {
        let point = position.wgs84_point();
        let mut by_distance: Vec<_> =
            self.cells.iter().map(|cell| (cell, Haversine.distance(point, cell.centroid))).collect();
        by_distance.sort_by(|a, b| a.1.total_cmp(&b.1));
        by_distance.truncate(n);
        by_distance
    }
}

#[cfg(test)]
mod tests;
