//! Geodetic datums and the shift between them (坐标系: WGS-84, GCJ-02, BD-09).
//!
//! Invariant: positions are stored as WGS-84 with a datum tag; conversion happens only where a
//! map is drawn or read (DOMAIN.md §8). At 潍坊 the shift is 532 m (GCJ-02) or 1,327 m (BD-09)
//! and a grid cell is about 100 m wide, so a mix-up always lands in the wrong cell. Rejected:
//! the `coordtransform` crate, whose embedded border mask is ODbL data that every product would
//! have to attribute; here the shifted region is a coarse envelope less boxes of our own.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// A geodetic datum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Datum {
    /// What satellite receivers give, and what is stored.
    #[default]
    Wgs84,
    /// 国测局坐标: maps published in mainland China (AMap, Tencent).
    Gcj02,
    /// 百度坐标: GCJ-02 shifted once more.
    Bd09,
}

/// Longitude and latitude in degrees, in this order.
pub type LonLat = (f64, f64);

const AXIS_M: f64 = 6_378_245.0;
const ECCENTRICITY_SQ: f64 = 0.006_693_421_622_965_943;
const BD_FREQUENCY: f64 = PI * 3_000.0 / 180.0;
const INVERSE_STEPS: usize = 8;

/// Where no shift is applied although the envelope covers it: west, south, east, north.
///
/// Coarse boxes that cut nothing from the mainland; a place just across a land border may still
/// be shifted, as it is in every map library.
const OUTSIDE: [[f64; 4]; 9] = [
    [119.30, 21.70, 122.60, 25.40], // Taiwan
    [113.83, 22.10, 114.45, 22.44], // Hong Kong
    [113.53, 22.08, 113.61, 22.20], // Macao
    [124.70, 32.80, 138.00, 38.50], // Korea south of 38.5°
    [128.60, 24.00, 138.00, 41.80], // Japan
    [72.00, 0.80, 108.50, 17.80],   // Indochina, southern India
    [72.00, 17.80, 97.20, 26.40],   // India, Bengal, Burma
    [72.00, 26.40, 78.30, 30.00],   // northern India
    [93.00, 45.50, 110.50, 49.00],  // Mongolia
];

/// Returns true if published maps of this place are shifted (mainland China, coarsely).
pub fn is_shifted(place: LonLat) -> bool {
    let (lon, lat) = place;
    let within = |[w, s, e, n]: [f64; 4]| (w..=e).contains(&lon) && (s..=n).contains(&lat);
    within([72.004, 0.8293, 137.8347, 55.8271]) && !OUTSIDE.into_iter().any(within)
}

/// Converts degrees from one datum to another; unchanged outside the mainland.
///
/// To WGS-84 and back differs by less than 2 mm (DOMAIN.md §8). Not-a-number stays so.
pub fn convert(place: LonLat, from: Datum, to: Datum) -> LonLat {
    if from == to || !is_shifted(place) {
        return place;
    }
    let gcj = match from {
        Datum::Wgs84 => gcj_from_wgs(place),
        Datum::Gcj02 => place,
        Datum::Bd09 => invert(bd_from_gcj, place),
    };
    match to {
        Datum::Wgs84 => invert(gcj_from_wgs, gcj),
        Datum::Gcj02 => gcj,
        Datum::Bd09 => bd_from_gcj(gcj),
    }
}

/// Finds what `forward` maps to `target`, by feeding the remaining error back. The shifts are
/// near-constant, so every step gains two to three digits.
fn invert(forward: fn(LonLat) -> LonLat, target: LonLat) -> LonLat {
    (0..INVERSE_STEPS).fold(target, |guess, _| {
        let got = forward(guess);
        (guess.0 + target.0 - got.0, guess.1 + target.1 - got.1)
    })
}

/// The published GCJ-02 polynomial with its three groups of sine waves.
fn gcj_from_wgs((lon, lat): LonLat) -> LonLat {
    let (x, y) = (lon - 105.0, lat - 35.0);
    let root = x.abs().sqrt();
    let waves = |terms: [(f64, f64); 2], at: f64| -> f64 {
        terms.iter().map(|(height, pace)| height * (at * pace * PI).sin()).sum::<f64>()
    };
    let common = waves([(20.0, 6.0), (20.0, 2.0)], x);
    let north = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * root
        + (common
            + waves([(20.0, 1.0), (40.0, 1.0 / 3.0)], y)
            + waves([(160.0, 1.0 / 12.0), (320.0, 1.0 / 30.0)], y))
            * (2.0 / 3.0);
    let east = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * root
        + (common
            + waves([(20.0, 1.0), (40.0, 1.0 / 3.0)], x)
            + waves([(150.0, 1.0 / 12.0), (300.0, 1.0 / 30.0)], x))
            * (2.0 / 3.0);
    // Metres on the Krasovsky ellipsoid into degrees.
    let sin = lat.to_radians().sin();
    let w = 1.0 - ECCENTRICITY_SQ * sin * sin;
    let meridian = AXIS_M * (1.0 - ECCENTRICITY_SQ) / (w * w.sqrt());
    let parallel = AXIS_M / w.sqrt() * lat.to_radians().cos();
    (lon + (east / parallel).to_degrees(), lat + (north / meridian).to_degrees())
}

/// Baidu's extra shift: a small turn and stretch in polar form, then a constant offset.
fn bd_from_gcj((lon, lat): LonLat) -> LonLat {
    let radius = lon.hypot(lat) + 0.000_02 * (lat * BD_FREQUENCY).sin();
    let angle = lat.atan2(lon) + 0.000_003 * (lon * BD_FREQUENCY).cos();
    (radius * angle.cos() + 0.006_5, radius * angle.sin() + 0.006)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use geo::{Distance, Haversine, Point};
    use proptest::prelude::*;

    const WEIFANG: LonLat = (119.132, 36.7005);

    fn metres(a: LonLat, b: LonLat) -> f64 {
        Haversine.distance(Point::from(a), Point::from(b))
    }

    #[test]
    fn weifang_vectors() {
        let gcj = convert(WEIFANG, Datum::Wgs84, Datum::Gcj02);
        assert!((gcj.0 - 119.137_940_4).abs() < 6e-8, "{gcj:?}");
        assert!((gcj.1 - 36.700_987_2).abs() < 6e-8, "{gcj:?}");
        assert_eq!(metres(WEIFANG, gcj).round(), 532.0);
        let bd = convert(WEIFANG, Datum::Wgs84, Datum::Bd09);
        assert_eq!(metres(WEIFANG, bd).round(), 1_327.0);
        assert_eq!(convert(gcj, Datum::Gcj02, Datum::Bd09), bd);
        assert!(metres(convert(bd, Datum::Bd09, Datum::Gcj02), gcj) < 0.002);
    }

    #[test]
    fn only_the_mainland_is_shifted() {
        for (name, place, shifted) in [
            ("Weifang", WEIFANG, true),
            ("Beijing", (116.404, 39.915), true),
            ("Shenzhen", (114.058, 22.543), true),
            ("Zhuhai", (113.553, 22.224), true),
            ("Xiamen", (118.09, 24.48), true),
            ("Sanya", (109.51, 18.25), true),
            ("Kashgar", (75.99, 39.47), true),
            ("Lhasa", (91.11, 29.65), true),
            ("Xishuangbanna", (100.80, 22.01), true),
            ("Urumqi", (87.62, 43.83), true),
            ("Hunchun", (130.37, 42.86), true),
            ("Fuyuan", (134.30, 48.36), true),
            ("Mohe", (122.54, 52.97), true),
            ("Weihai", (122.12, 37.51), true),
            ("Taipei", (121.56, 25.03), false),
            ("Hong Kong", (114.16, 22.28), false),
            ("Macao", (113.55, 22.19), false),
            ("Seoul", (126.98, 37.57), false),
            ("Tokyo", (139.69, 35.69), false),
            ("Delhi", (77.21, 28.61), false),
            ("Bangkok", (100.50, 13.75), false),
            ("Ulaanbaatar", (106.92, 47.92), false),
            ("Boston", (-71.06, 42.36), false),
        ] {
            assert_eq!(is_shifted(place), shifted, "{name}");
            let moved = metres(place, convert(place, Datum::Wgs84, Datum::Gcj02));
            assert_eq!(moved > 50.0, shifted, "{name}: {moved} m");
        }
        let (lon, _) = convert((f64::NAN, 36.0), Datum::Bd09, Datum::Wgs84);
        assert!(lon.is_nan());
    }

    proptest! {
        #[test]
        fn round_trips_within_two_millimetres(lon in 80.0..134.0_f64, lat in 30.5..41.5_f64) {
            let place = (lon, lat);
            for datum in [Datum::Gcj02, Datum::Bd09] {
                let there = convert(place, Datum::Wgs84, datum);
                // Near a box of the region both ends may be judged differently: a coarse border.
                if is_shifted(place) == is_shifted(there) {
                    prop_assert!(metres(place, convert(there, datum, Datum::Wgs84)) < 0.002);
                }
            }
        }
    }
}
