//! A position as evidence: where the phone thought it was at one moment (DOMAIN.md §5, §8).
//!
//! Invariant: coordinates are on the globe and carry their datum; a poor or missing fix is a
//! legal value that blocks nothing. Taken at an evidence moment only, never as a track.
//! Rejected: floating-point degrees in storage, whose text form differs between platforms.

use geo::{Distance, Haversine, Point};
use serde::{Deserialize, Serialize};

use crate::datum::{Datum, convert};

/// Accuracy up to which a fix is usable by default, in metres \[P\].
pub const DEFAULT_USABLE_ACCURACY_M: u32 = 50;
const E7: f64 = 1e7;
const MAX_LAT_E7: i32 = 900_000_000;
const MAX_LON_E7: i32 = 1_800_000_000;

/// Says that coordinates are not on the globe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("position is not on the globe")]
pub struct PositionError;

/// Says where a position came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A satellite receiver.
    Gps,
    /// Cell towers or Wi-Fi.
    Network,
    /// A person pointed at the map.
    Manual,
    /// Not told.
    #[default]
    Unknown,
}

/// A checked position: degrees times 10⁷ (about 1 cm), with accuracy, source and datum.
///
/// JSON is compact: `{"lat":367005000,"lon":1191320000,"acc":12,"src":"gps","datum":"wgs84"}`;
/// `acc` in metres is left out when unknown, `mock` when false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Position {
    lat_e7: i32,
    lon_e7: i32,
    accuracy_m: Option<u32>,
    source: Source,
    mock: bool,
    datum: Datum,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    lat: i32,
    lon: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acc: Option<u32>,
    #[serde(default)]
    src: Source,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    mock: bool,
    // No default: a position without its datum is 532 m of doubt.
    datum: Datum,
}

/// Says whether a position can be used to tell a grid cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fix {
    /// Accurate enough, or set by a person.
    Usable(Position),
    /// Kept and shown, but not used to tell a cell.
    Coarse(Position),
    /// No position.
    Absent,
}

impl Position {
    /// Checks and makes a position from degrees times 10⁷.
    pub fn new(
        lat_e7: i32,
        lon_e7: i32,
        accuracy_m: Option<u32>,
        source: Source,
        mock: bool,
        datum: Datum,
    ) -> Result<Self, PositionError> {
        let in_range =
            (-MAX_LAT_E7..=MAX_LAT_E7).contains(&lat_e7) && (-MAX_LON_E7..=MAX_LON_E7).contains(&lon_e7);
        let position = Self { lat_e7, lon_e7, accuracy_m, source, mock, datum };
        in_range.then_some(position).ok_or(PositionError)
    }

    /// Makes a WGS-84 position of unknown accuracy and source from degrees.
    pub fn from_degrees(lat: f64, lon: f64) -> Result<Self, PositionError> {
        let (lat_e7, lon_e7) = (to_e7(lat)?, to_e7(lon)?);
        Self::new(lat_e7, lon_e7, None, Source::Unknown, false, Datum::Wgs84)
    }

    /// Returns the latitude in degrees times 10⁷.
    pub fn lat_e7(&self) -> i32 {
        self.lat_e7
    }

    /// Returns the longitude in degrees times 10⁷.
    pub fn lon_e7(&self) -> i32 {
        self.lon_e7
    }

    /// Returns the latitude in degrees.
    pub fn lat(&self) -> f64 {
        f64::from(self.lat_e7) / E7
    }

    /// Returns the longitude in degrees.
    pub fn lon(&self) -> f64 {
        f64::from(self.lon_e7) / E7
    }

    /// Returns the accuracy radius in metres, if known.
    pub fn accuracy_m(&self) -> Option<u32> {
        self.accuracy_m
    }

    /// Returns where the position came from.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Returns true if the system said that an app faked the position; shown, never a block.
    pub fn mock(&self) -> bool {
        self.mock
    }

    /// Returns the datum of the coordinates.
    pub fn datum(&self) -> Datum {
        self.datum
    }

    /// Returns the same place in another datum; only for the map edge.
    pub fn in_datum(&self, datum: Datum) -> Result<Self, PositionError> {
        if datum == self.datum {
            return Ok(*self);
        }
        let (lon, lat) = convert((self.lon(), self.lat()), self.datum, datum);
        let (lat_e7, lon_e7) = (to_e7(lat)?, to_e7(lon)?);
        Self::new(lat_e7, lon_e7, self.accuracy_m, self.source, self.mock, datum)
    }

    /// Returns the WGS-84 point (x = longitude, y = latitude, degrees).
    pub(crate) fn wgs84_point(&self) -> Point<f64> {
        Point::from(convert((self.lon(), self.lat()), self.datum, Datum::Wgs84))
    }

    /// Returns the distance in metres on a sphere, across datums.
    pub fn distance_m(&self, other: &Self) -> f64 {
        Haversine.distance(self.wgs84_point(), other.wgs84_point())
    }
}

/// Sorts a position into usable, coarse or absent; `most_m` is the configured accuracy limit.
///
/// Unknown accuracy is coarse unless a person set the point. Exactly 0°, 0° is how some phones
/// say "no fix", so it counts as absent.
pub fn fix(position: Option<Position>, most_m: u32) -> Fix {
    match position {
        Some(p) if (p.lat_e7, p.lon_e7) != (0, 0) => {
            let sharp = p.accuracy_m.map_or(p.source == Source::Manual, |m| m <= most_m);
            if sharp { Fix::Usable(p) } else { Fix::Coarse(p) }
        }
        _ => Fix::Absent,
    }
}

/// Rounds degrees to the nearest 10⁻⁷.
fn to_e7(degrees: f64) -> Result<i32, PositionError> {
    let scaled = (degrees * E7).round();
    // Also false for not-a-number; inside this range the cast is exact.
    if scaled.abs() <= f64::from(MAX_LON_E7) { Ok(scaled as i32) } else { Err(PositionError) }
}

impl TryFrom<Wire> for Position {
    type Error = PositionError;

    fn try_from(w: Wire) -> Result<Self, PositionError> {
        Self::new(w.lat, w.lon, w.acc, w.src, w.mock, w.datum)
    }
}

impl From<Position> for Wire {
    fn from(p: Position) -> Self {
        Self { lat: p.lat_e7, lon: p.lon_e7, acc: p.accuracy_m, src: p.source, mock: p.mock, datum: p.datum }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    fn weifang(accuracy_m: Option<u32>, source: Source) -> Position {
        Position::new(367_005_000, 1_191_320_000, accuracy_m, source, false, Datum::Wgs84).unwrap()
    }

    #[test]
    fn compact_json_both_ways() {
        let text = r#"{"lat":367005000,"lon":1191320000,"acc":12,"src":"gps","datum":"wgs84"}"#;
        let p = weifang(Some(12), Source::Gps);
        assert_eq!(serde_json::to_string(&p).unwrap(), text);
        assert_eq!(serde_json::from_str::<Position>(text).unwrap(), p);
        let mock = r#"{"lat":1,"lon":2,"src":"unknown","mock":true,"datum":"bd09"}"#;
        let p: Position = serde_json::from_str(mock).unwrap();
        assert!(p.mock() && p.accuracy_m().is_none() && p.datum() == Datum::Bd09);
        assert_eq!(serde_json::to_string(&p).unwrap(), mock);
        for bad in [
            r#"{"lat":900000001,"lon":0,"datum":"wgs84"}"#,
            r#"{"lat":0,"lon":-1800000001,"datum":"wgs84"}"#,
            r#"{"lat":0,"lon":0}"#,
            r#"{"lat":36.7,"lon":119.1,"datum":"wgs84"}"#,
            r#"{"lat":0,"lon":0,"acc":-1,"datum":"wgs84"}"#,
        ] {
            assert!(serde_json::from_str::<Position>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn degrees_are_checked() {
        let p = Position::from_degrees(36.7005, 119.132).unwrap();
        assert_eq!((p.lat_e7(), p.lon_e7()), (367_005_000, 1_191_320_000));
        for (lat, lon) in [
            (90.000_000_1, 0.0),
            (0.0, 180.000_000_1),
            (f64::NAN, 0.0),
            (0.0, f64::INFINITY),
            (f64::MAX, f64::MIN),
        ] {
            assert_eq!(Position::from_degrees(lat, lon), Err(PositionError), "{lat} {lon}");
        }
        assert!(Position::from_degrees(-90.0, 180.0).is_ok());
    }

    #[test]
    fn a_poor_fix_is_a_legal_value() {
        let usable = |p: Position| matches!(fix(Some(p), DEFAULT_USABLE_ACCURACY_M), Fix::Usable(_));
        assert!(usable(weifang(Some(50), Source::Gps)));
        assert!(!usable(weifang(Some(51), Source::Gps)));
        assert!(!usable(weifang(None, Source::Network)));
        assert!(usable(weifang(None, Source::Manual)));
        assert_eq!(fix(None, 50), Fix::Absent);
        assert_eq!(fix(Position::from_degrees(0.0, 0.0).ok(), 50), Fix::Absent);
    }

    #[test]
    fn distance_sees_through_the_datum() {
        let wgs = weifang(None, Source::Gps);
        let gcj = wgs.in_datum(Datum::Gcj02).unwrap();
        assert_eq!((gcj.lon_e7(), gcj.lat_e7()), (1_191_379_404, 367_009_872));
        assert!(wgs.distance_m(&gcj) < 0.02);
        // The same numbers read in the wrong datum are 532 m away.
        let mixed_up = Position::new(gcj.lat_e7(), gcj.lon_e7(), None, Source::Gps, false, Datum::Wgs84);
        assert_eq!(wgs.distance_m(&mixed_up.unwrap()).round(), 532.0);
        // One minute of latitude is about a nautical mile.
        let north = Position::from_degrees(36.7005 + 1.0 / 60.0, 119.132).unwrap();
        assert!((wgs.distance_m(&north) - 1_853.2).abs() < 0.5);
    }

    proptest! {
        #[test]
        fn converting_there_and_back_stays_within_two_centimetres(lat in 305_000_000..415_000_000_i32, lon in 850_000_000..1_180_000_000_i32) {
            let p = Position::new(lat, lon, None, Source::Gps, false, Datum::Wgs84).unwrap();
            for datum in [Datum::Gcj02, Datum::Bd09] {
                let back = p.in_datum(datum).unwrap().in_datum(Datum::Wgs84).unwrap();
                prop_assert!((back.lat_e7() - lat).abs() <= 1 && (back.lon_e7() - lon).abs() <= 1);
            }
        }
    }
}
