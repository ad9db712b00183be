//! A made-up grid of rectangles, for demonstrations and tests.
//!
//! Invariant: neighbours share their corners exactly, and cells are numbered west to east, then
//! north to south within each community, as the standard says. Rejected: floating-point steps,
//! which leave slivers between cells that no position falls into.

use geo::{Coord, MultiPolygon, Rect};

use super::geojson::make_cell;
use super::{Cell, CommunityId, GridError, GridSet, MAX_CELLS};

/// A box in WGS-84 degrees times 10⁷.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Western edge.
    pub west_e7: i32,
    /// Southern edge.
    pub south_e7: i32,
    /// Eastern edge.
    pub east_e7: i32,
    /// Northern edge.
    pub north_e7: i32,
}

/// Cuts a box into `cols` × `rows` cells and gives each community a band of rows, the first one
/// in the north. At most 999 cells a community and [`MAX_CELLS`] in all.
pub fn lattice(
    bounds: Bounds,
    cols: u16,
    rows: u16,
    communities: &[CommunityId],
) -> Result<GridSet, GridError> {
    let on_globe = (-1_800_000_000..=1_800_000_000).contains(&bounds.west_e7)
        && (-1_800_000_000..=1_800_000_000).contains(&bounds.east_e7)
        && (-900_000_000..=900_000_000).contains(&bounds.south_e7)
        && (-900_000_000..=900_000_000).contains(&bounds.north_e7);
    let width = i64::from(bounds.east_e7).saturating_sub(bounds.west_e7.into());
    let height = i64::from(bounds.north_e7).saturating_sub(bounds.south_e7.into());
    if !on_globe || cols == 0 || rows == 0 || width < cols.into() || height < rows.into() {
        return Err(GridError::BadLattice);
    }
    if usize::from(cols).saturating_mul(rows.into()) > MAX_CELLS {
        return Err(GridError::TooManyCells);
    }
    let bands = u16::try_from(communities.len()).map_err(|_| GridError::BadLattice)?;
    if bands == 0 || bands > rows {
        return Err(GridError::BadLattice);
    }
    let mut cells = Vec::with_capacity(usize::from(cols).saturating_mul(rows.into()));
    let x = |col| edge(bounds.west_e7, width, col, cols);
    let y = |row| edge(bounds.north_e7, height.saturating_neg(), row, rows);
    for (band, community) in (0_u16..).zip(communities) {
        let mut serial = 0_u16;
        for row in split(rows, band, bands)..split(rows, band.saturating_add(1), bands) {
            for col in 0..cols {
                serial = serial.saturating_add(1);
                let north_west = Coord { x: x(col), y: y(row) };
                let south_east = Coord { x: x(col.saturating_add(1)), y: y(row.saturating_add(1)) };
                cells.push(rectangle(*community, serial, north_west, south_east)?);
            }
        }
    }
    GridSet::from_cells(cells)
}

fn rectangle(
    community: CommunityId,
    serial: u16,
    north_west: Coord<f64>,
    south_east: Coord<f64>,
) -> Result<Cell, GridError> {
    let id = community.cell(serial)?;
    let part = id.parts();
    let name = format!("{:03}社区第{:03}格", part.community, part.cell);
    let polygon = Rect::new(north_west, south_east).to_polygon();
    make_cell(id, name, MultiPolygon::new(vec![polygon]))
}

/// Returns the first row of band `band` of `bands`.
fn split(rows: u16, band: u16, bands: u16) -> u16 {
    let at = u32::from(rows).saturating_mul(band.into()) / u32::from(bands.max(1));
    u16::try_from(at).unwrap_or(rows)
}

fn edge(from_e7: i32, span: i64, step: u16, steps: u16) -> f64 {
    let offset = span.saturating_mul(step.into()) / i64::from(steps.max(1));
    // At most 1.8e9 either way: exact in f64.
    i64::from(from_e7).saturating_add(offset) as f64 / 1e7
}
