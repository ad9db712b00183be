#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
use crate::datum::Datum;
use crate::position::Source;
use proptest::prelude::*;
use serde_json::{Value, json};

const BOX: Bounds =
    Bounds { west_e7: 1_191_200_000, south_e7: 366_900_000, east_e7: 1_191_440_000, north_e7: 367_080_000 };

fn at_e7(lon_e7: i32, lat_e7: i32) -> Position {
    Position::new(lat_e7, lon_e7, Some(5), Source::Gps, false, Datum::Wgs84).unwrap()
}

fn communities() -> Vec<CommunityId> {
    ["370705005004", "370705005008", "370705005017"].map(|c| c.parse().unwrap()).to_vec()
}

fn demo() -> GridSet {
    lattice(BOX, 4, 6, &communities()).unwrap()
}

fn id_at(grid: &GridSet, lon_e7: i32, lat_e7: i32) -> Option<String> {
    grid.cell_at(&at_e7(lon_e7, lat_e7)).map(|c| c.id().to_string())
}

#[test]
fn lattice_is_numbered_west_to_east_then_north_to_south() {
    let grid = demo();
    assert_eq!(grid.cells().len(), 24);
    // Cells are 60,000 wide and 30,000 high; each community has two rows.
    for (lon, lat, id) in [
        (1_191_200_001, 367_079_999, "370705005004001"),
        (1_191_439_999, 367_079_999, "370705005004004"),
        (1_191_200_001, 367_049_999, "370705005004005"),
        (1_191_200_001, 367_019_999, "370705005008001"),
        (1_191_439_999, 366_900_001, "370705005017008"),
    ] {
        assert_eq!(id_at(&grid, lon, lat).as_deref(), Some(id), "{lon} {lat}");
    }
    let cell = grid.get("370705005004005".parse().unwrap()).unwrap();
    assert_eq!(cell.name(), "004社区第005格");
    assert_eq!(grid.get("370705005004009".parse().unwrap()), None);
}

#[test]
fn lattices_that_do_not_fit() {
    let c = communities();
    let empty = Bounds { east_e7: BOX.west_e7, ..BOX };
    let off_globe = Bounds { east_e7: i32::MAX, ..BOX };
    for (bounds, cols, rows, communities, error) in [
        (BOX, 0, 6, c.as_slice(), GridError::BadLattice),
        (BOX, 4, 2, &c, GridError::BadLattice),
        (BOX, 4, 6, &[], GridError::BadLattice),
        (empty, 4, 6, &c, GridError::BadLattice),
        (off_globe, 4, 6, &c, GridError::BadLattice),
        (BOX, 100, 51, &c, GridError::TooManyCells),
        (BOX, 4, 6, &[c[0], c[0]], GridError::DuplicateId("370705005004001".parse().unwrap())),
        (BOX, 40, 25, &c[..1], GridError::BadCode("370705005004+1000".to_owned())),
    ] {
        assert_eq!(lattice(bounds, cols, rows, communities), Err(error), "{cols}x{rows}");
    }
    assert_eq!(lattice(BOX, 50, 50, &c).unwrap().cells().len(), 2_500);
}

#[test]
fn a_shared_border_belongs_to_the_lowest_code() {
    let grid = demo();
    for (lon, lat, id) in [
        (1_191_260_000, 367_060_000, "370705005004001"), // between 001 and 002
        (1_191_210_000, 367_050_000, "370705005004001"), // between 001 and 005
        (1_191_260_000, 367_050_000, "370705005004001"), // corner of four
        (1_191_260_000, 367_020_000, "370705005004005"), // between two communities
        (1_191_440_000, 366_900_000, "370705005017008"), // outer corner
    ] {
        assert_eq!(id_at(&grid, lon, lat).as_deref(), Some(id), "{lon} {lat}");
    }
    assert_eq!(id_at(&grid, 1_191_440_001, 366_900_000), None);
    assert_eq!(id_at(&grid, 1_191_440_000, 366_899_999), None);
}

#[test]
fn the_datum_is_seen_through() {
    let grid = demo();
    let wgs = at_e7(1_191_320_000, 367_005_000);
    let gcj = wgs.in_datum(Datum::Gcj02).unwrap();
    let right = grid.cell_at(&wgs).unwrap().id();
    assert_eq!(grid.cell_at(&gcj).unwrap().id(), right);
    // Read as WGS-84, the same numbers are another cell: what the tag is for.
    assert_ne!(grid.cell_at(&at_e7(gcj.lon_e7(), gcj.lat_e7())).unwrap().id(), right);
}

#[test]
fn nearest_cells_first() {
    let grid = demo();
    let near = grid.nearest_cells(&at_e7(1_191_231_000, 367_066_000), 3);
    let ids: Vec<_> = near.iter().map(|(c, _)| c.id().to_string()).collect();
    assert_eq!(ids, ["370705005004001", "370705005004005", "370705005004002"]);
    assert!(near[0].1 < 20.0 && near[0].1 <= near[1].1 && near[1].1 <= near[2].1);
    assert_eq!(grid.nearest_cells(&at_e7(0, 0), usize::MAX).len(), 24);
    assert!(grid.nearest_cells(&at_e7(0, 0), 0).is_empty());
    // Equal distances: a corner of four cells keeps the order of codes.
    let tie = grid.nearest_cells(&at_e7(1_191_260_000, 367_065_000), 2);
    assert_eq!(tie[0].0.id().to_string(), "370705005004001");
}

fn square(id: &str, w: f64, s: f64) -> Value {
    let (e, n) = (w + 0.001, s + 0.001);
    json!({"type": "Feature", "properties": {"cell_id": id, "name": "一格"},
        "geometry": {"type": "Polygon", "coordinates": [[[w,s],[e,s],[e,n],[w,n],[w,s]]]}})
}

fn file(features: Vec<Value>) -> Value {
    json!({"type": "FeatureCollection", "features": features})
}

const A: &str = "370705005004001";
const B: &str = "370705005004002";

fn read(value: &Value) -> Result<GridSet, GridError> {
    GridSet::from_geojson(&value.to_string())
}

#[test]
fn holes_and_multipolygons() {
    let ring = |w: f64, s: f64, d: f64| json!([[w, s], [w + d, s], [w + d, s + d], [w, s + d], [w, s]]);
    let mut feature = square(A, 119.0, 36.0);
    feature["geometry"] = json!({"type": "MultiPolygon", "coordinates": [
        [ring(119.0, 36.0, 0.01), ring(119.004, 36.004, 0.002)],
        [ring(119.02, 36.0, 0.001)],
    ]});
    let grid = read(&file(vec![feature])).unwrap();
    assert!(id_at(&grid, 1_190_010_000, 360_010_000).is_some());
    assert!(id_at(&grid, 1_190_205_000, 360_005_000).is_some());
    assert_eq!(id_at(&grid, 1_190_050_000, 360_050_000), None, "in the hole");
    assert_eq!(id_at(&grid, 1_190_150_000, 360_005_000), None, "between the parts");
    assert_eq!(GridSet::from_geojson(&grid.to_geojson()).unwrap(), grid);
}

#[test]
fn borders_drawn_a_hair_apart_close_up() {
    // 3 mm between the cells, less than a stored position can express.
    let grid = read(&file(vec![square(A, 119.0, 36.0), square(B, 119.001_000_03, 36.0)])).unwrap();
    assert_eq!(id_at(&grid, 1_190_010_000, 360_005_000).as_deref(), Some(A));
    let west = grid.get(B.parse().unwrap()).unwrap().shape().0[0].exterior().0[0];
    assert_eq!((west.x, west.y), (119.001, 36.0));
}

#[test]
fn faults_are_named() {
    let id: CellId = A.parse().unwrap();
    let with = |path: &str, value: Value| {
        let mut whole = file(vec![square(A, 119.0, 36.0), square(B, 119.001, 36.0)]);
        *whole.pointer_mut(path).unwrap() = value;
        read(&whole)
    };
    let coordinates = "/features/0/geometry/coordinates";
    let point = json!({"type": "Point", "coordinates": [119.0, 36.0]});
    let open = json!([[[119.0, 36.0], [119.1, 36.0], [119.1, 36.1], [119.0, 36.1]]]);
    let short = json!([[[119.0, 36.0], [119.1, 36.0], [119.0, 36.0]]]);
    let flat = json!([[[119.0, 36.0], [119.1, 36.0], [119.05, 36.0], [119.0, 36.0]]]);
    let swapped = json!([[[36.0, 119.0], [36.1, 119.0], [36.1, 119.1], [36.0, 119.0]]]);
    for (result, error) in [
        (with("/features/0/geometry", point), GridError::WrongGeometry(id)),
        (with("/features/0/geometry", Value::Null), GridError::WrongGeometry(id)),
        (with(coordinates, open), GridError::RingNotClosed(id)),
        (with(coordinates, short), GridError::RingNotClosed(id)),
        (with(coordinates, flat), GridError::NoArea(id)),
        (with(coordinates, json!([])), GridError::NoArea(id)),
        (with(coordinates, swapped), GridError::OutOfRange(id)),
        (with("/features/1/properties/cell_id", json!(A)), GridError::DuplicateId(id)),
        (with("/features/1/properties/cell_id", json!("7")), GridError::BadCode("7".into())),
        (
            with("/features/1/properties/name", json!(7)),
            GridError::MissingProperty { index: 1, name: "name" },
        ),
        (
            with("/features/1/properties", Value::Null),
            GridError::MissingProperty { index: 1, name: "cell_id" },
        ),
        (with("/features/1/properties/name", json!("格".repeat(101))), GridError::TooLarge),
    ] {
        assert_eq!(result, Err(error));
    }
    for text in ["", "{}", "[]", r#"{"type":"Feature"}"#, &"[".repeat(100_000)] {
        assert!(matches!(GridSet::from_geojson(text), Err(GridError::NotGeoJson(_))));
    }
    for number in ["1e999", "NaN", "\"119\"", "null"] {
        let text =
            file(vec![square(A, 119.0, 36.0)]).to_string().replacen("119.0,", &format!("{number},"), 1);
        assert!(GridSet::from_geojson(&text).is_err(), "{number}");
    }
}

#[test]
fn limits() {
    let code = |n: usize| format!("370705005{:03}{:03}", n / 999 + 1, n % 999 + 1);
    let features = (0..MAX_CELLS).map(|n| square(&code(n), 119.0, 36.0)).collect();
    let mut whole = file(features);
    assert_eq!(read(&whole).unwrap().cells().len(), MAX_CELLS);
    let more = square(&code(MAX_CELLS), 119.0, 36.0);
    whole["features"].as_array_mut().unwrap().push(more);
    assert_eq!(read(&whole), Err(GridError::TooManyCells));

    let circle = |vertices: usize| {
        let mut ring: Vec<_> = (1..vertices)
            .map(|n| n as f64 / vertices as f64 * std::f64::consts::TAU)
            .map(|a| json!([119.0 + a.cos(), 36.0 + a.sin()]))
            .collect();
        ring.push(ring[0].clone());
        let mut feature = square(A, 119.0, 36.0);
        feature["geometry"]["coordinates"] = json!([ring]);
        file(vec![feature])
    };
    assert!(read(&circle(MAX_VERTICES)).is_ok());
    assert_eq!(read(&circle(MAX_VERTICES + 1)), Err(GridError::TooManyVertices));
    assert_eq!(GridSet::from_geojson(&" ".repeat(MAX_TEXT_BYTES + 1)), Err(GridError::TooLarge));
}

#[test]
fn only_wgs84_unless_told() {
    let grid = demo();
    let mut whole: Value = serde_json::from_str(&grid.to_geojson()).unwrap();
    let named = |name: &str| json!({"type": "name", "properties": {"name": name}});
    for (member, value, ok) in [
        ("crs", named("urn:ogc:def:crs:OGC:1.3:CRS84"), true),
        ("crs", named("EPSG:4326"), true),
        ("crs", named("urn:ogc:def:crs:EPSG::4490"), true),
        ("crs", Value::Null, true),
        ("crs", named("EPSG:3857"), false),
        ("crs", json!(7), false),
        ("datum", json!("wgs84"), true),
        ("datum", json!("gcj02"), false),
        ("datum", json!("pz90"), false),
    ] {
        let mut file = whole.clone();
        file[member] = value.clone();
        let expected = if ok { Ok(grid.clone()) } else { Err(GridError::WrongDatum) };
        assert_eq!(read(&file), expected, "{member} {value}");
    }
    // Drawn on a GCJ-02 map: moved about 532 m to where it really is.
    whole["datum"] = json!("gcj02");
    let moved = GridSet::from_geojson_in(&whole.to_string(), Datum::Gcj02).unwrap();
    let gcj = Position::new(367_065_000, 1_191_230_000, None, Source::Manual, false, Datum::Gcj02);
    assert_eq!(moved.cell_at(&gcj.unwrap()).unwrap().id().to_string(), A);
    assert_eq!(GridSet::from_geojson_in(&whole.to_string(), Datum::Bd09), Err(GridError::WrongDatum));
}

proptest! {
    #[test]
    fn every_point_of_the_box_has_exactly_its_cell(
        lon in BOX.west_e7..=BOX.east_e7, lat in BOX.south_e7..=BOX.north_e7, snap in any::<bool>(),
    ) {
        let (lon, lat) = if snap { (lon / 10_000 * 10_000, lat / 10_000 * 10_000) } else { (lon, lat) };
        // Counted from the north-west; a border belongs to the earlier column and row.
        let col = ((lon - BOX.west_e7 - 1).max(0)) / 60_000;
        let row = ((BOX.north_e7 - lat - 1).max(0)) / 30_000;
        let community = [4, 8, 17][usize::try_from(row / 2).unwrap()];
        let expected = format!("370705005{community:03}{:03}", row % 2 * 4 + col + 1);
        prop_assert_eq!(id_at(&demo(), lon, lat), Some(expected));
    }

    #[test]
    fn geojson_round_trips(w in -1_800_000_000..1_790_000_000_i32, s in -900_000_000..890_000_000_i32, cols in 1_u16..8, rows in 1_u16..8) {
        let bounds = Bounds { west_e7: w, south_e7: s, east_e7: w + 9_999_991, north_e7: s + 7_777_777 };
        let grid = lattice(bounds, cols, rows, &communities()[..1]).unwrap();
        prop_assert_eq!(GridSet::from_geojson(&grid.to_geojson()).unwrap(), grid);
    }
}
