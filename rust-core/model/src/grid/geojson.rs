//! Grid cells from and to GeoJSON (RFC 7946).
//!
//! Invariant: what is accepted has closed rings with area, on the globe, in WGS-84, within the
//! limits; the first fault refuses the whole file with the cell it is in. Rejected: repairing
//! rings silently, which turns a drawing error into a wrong border.

use geo::{Area, BoundingRect, Centroid, Coord, LineString, MultiPolygon, Polygon};
use geojson::{Feature, FeatureCollection, Geometry, GeometryValue, JsonObject};

use super::{Cell, CellId, GridError, GridSet, MAX_CELLS, MAX_NAME_BYTES, MAX_TEXT_BYTES, MAX_VERTICES};
use crate::datum::{Datum, convert};

const E7: f64 = 1e7;

impl GridSet {
    /// Reads Polygon and MultiPolygon features with the properties `cell_id` and `name`.
    ///
    /// Coordinates are WGS-84, rounded to 10⁻⁷ degree like every stored position. A file that
    /// states another datum or reference system is refused; see [`Self::from_geojson_in`].
    pub fn from_geojson(text: &str) -> Result<Self, GridError> {
        Self::from_geojson_in(text, Datum::Wgs84)
    }

    /// Reads cells drawn on a map of another datum and converts them to WGS-84.
    ///
    /// A member `datum` of the file (`wgs84`, `gcj02`, `bd09`), if any, must agree.
    pub fn from_geojson_in(text: &str, datum: Datum) -> Result<Self, GridError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(GridError::TooLarge);
        }
        let file: FeatureCollection =
            serde_json::from_str(text).map_err(|e| GridError::NotGeoJson(e.to_string()))?;
        check_reference(file.foreign_members.as_ref(), datum)?;
        if file.features.len() > MAX_CELLS {
            return Err(GridError::TooManyCells);
        }
        let mut reader = Reader { datum, vertices: 0 };
        let cells: Result<Vec<_>, _> = file
            .features
            .into_iter()
            .enumerate()
            .map(|(index, feature)| reader.cell(index, feature))
            .collect();
        Self::from_cells(cells?)
    }

    /// Writes the cells as a FeatureCollection, lowest code first.
    pub fn to_geojson(&self) -> String {
        let features = self.cells().iter().map(|cell| {
            let mut properties = JsonObject::new();
            properties.insert("cell_id".to_owned(), cell.id().to_string().into());
            properties.insert("name".to_owned(), cell.name().into());
            let value = match cell.shape().0.as_slice() {
                [polygon] => GeometryValue::from(polygon),
                _ => GeometryValue::from(cell.shape()),
            };
            Feature {
                geometry: Some(Geometry::new(value)),
                properties: Some(properties),
                ..Feature::default()
            }
        });
        FeatureCollection::new(features).to_string()
    }
}

fn check_reference(members: Option<&JsonObject>, datum: Datum) -> Result<(), GridError> {
    let Some(members) = members else { return Ok(()) };
    if let Some(stated) = members.get("datum") {
        let stated: Option<Datum> = serde_json::from_value(stated.clone()).ok();
        if stated != Some(datum) {
            return Err(GridError::WrongDatum);
        }
    }
    // The old `crs` member: RFC 7946 dropped it, map programs still write it. 4490 is CGCS2000,
    // the datum of Chinese official maps, which agrees with WGS-84 to centimetres.
    if let Some(crs) = members.get("crs").filter(|crs| !crs.is_null()) {
        let name = crs.pointer("/properties/name").and_then(|n| n.as_str()).unwrap_or_default();
        let known = ["CRS84", "EPSG:4326", "EPSG::4326", "EPSG:4490", "EPSG::4490"];
        if !known.iter().any(|known| name.ends_with(known)) {
            return Err(GridError::WrongDatum);
        }
    }
    Ok(())
}

struct Reader {
    datum: Datum,
    vertices: usize,
}

impl Reader {
    fn cell(&mut self, index: usize, feature: Feature) -> Result<Cell, GridError> {
        let property = |name: &'static str| {
            feature.property(name).and_then(|v| v.as_str()).ok_or(GridError::MissingProperty { index, name })
        };
        let id: CellId = property("cell_id")?.parse()?;
        let name = property("name")?.to_owned();
        if name.len() > MAX_NAME_BYTES {
            return Err(GridError::TooLarge);
        }
        let polygons = match feature.geometry.map(|g| g.value) {
            Some(GeometryValue::Polygon { coordinates }) => vec![coordinates],
            Some(GeometryValue::MultiPolygon { coordinates }) => coordinates,
            _ => return Err(GridError::WrongGeometry(id)),
        };
        let polygons: Result<Vec<_>, _> = polygons.iter().map(|rings| self.polygon(id, rings)).collect();
        make_cell(id, name, MultiPolygon::new(polygons?))
    }

    fn polygon(&mut self, id: CellId, rings: &[Vec<geojson::Position>]) -> Result<Polygon<f64>, GridError> {
        let rings: Result<Vec<_>, _> = rings.iter().map(|ring| self.ring(id, ring)).collect();
        let mut rings = rings?.into_iter();
        let exterior = rings.next().ok_or(GridError::NoArea(id))?;
        Ok(Polygon::new(exterior, rings.collect()))
    }

    fn ring(&mut self, id: CellId, ring: &[geojson::Position]) -> Result<LineString<f64>, GridError> {
        self.vertices = self.vertices.saturating_add(ring.len());
        if self.vertices > MAX_VERTICES {
            return Err(GridError::TooManyVertices);
        }
        let points: Result<Vec<Coord<f64>>, _> = ring
            .iter()
            .map(|position| match position.as_slice() {
                [lon, lat, ..] => self.coord(*lon, *lat).ok_or(GridError::OutOfRange(id)),
                _ => Err(GridError::OutOfRange(id)),
            })
            .collect();
        let points = points?;
        if points.len() < 4 || points.first() != points.last() {
            return Err(GridError::RingNotClosed(id));
        }
        Ok(LineString::new(points))
    }

    fn coord(&self, lon: f64, lat: f64) -> Option<Coord<f64>> {
        // Written so that not-a-number is refused too.
        let on_globe = lon.abs() <= 180.0 && lat.abs() <= 90.0;
        let (lon, lat) = convert((lon, lat), self.datum, Datum::Wgs84);
        let round = |degrees: f64| (degrees * E7).round() / E7;
        on_globe.then(|| Coord { x: round(lon), y: round(lat) })
    }
}

/// Builds a cell from its shape; refuses a shape without area.
pub(super) fn make_cell(id: CellId, name: String, shape: MultiPolygon<f64>) -> Result<Cell, GridError> {
    let no_area = shape.0.is_empty() || shape.iter().any(|p| p.unsigned_area() <= 0.0);
    match (shape.bounding_rect(), shape.centroid()) {
        (Some(bounds), Some(centroid)) if !no_area => Ok(Cell { id, name, shape, bounds, centroid }),
        _ => Err(GridError::NoArea(id)),
    }
}
