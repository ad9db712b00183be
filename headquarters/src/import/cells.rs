//! Turns single cells into ids and coordinates.
//!
//! Invariant: a value is exact or refused; nothing is guessed from a damaged cell.
//! Rejected: `f64` syntax for coordinates as it stands; it would take `inf`, `NaN` and `1e2`.

use super::problem::Fault;

/// Longest upstream id, bytes: what an order's field holds. The widest seen in use have about 30.
const MAX_ID_BYTES: usize = 64;

/// Reads an upstream id.
///
/// # Errors
/// Empty, too long, with control characters, or in scientific notation: a spreadsheet has then
/// dropped digits, and several orders share what is left.
pub(super) fn upstream_id(cell: &str) -> Result<String, Fault> {
    let id = cell.trim();
    if id.is_empty() {
        return Err(Fault::EmptyId);
    }
    if id.len() > MAX_ID_BYTES {
        return Err(Fault::FieldTooLong { bytes: id.len(), limit: MAX_ID_BYTES });
    }
    if id.chars().any(char::is_control) || is_scientific(id) {
        return Err(Fault::BadId);
    }
    Ok(id.to_owned())
}

fn is_scientific(id: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    id.split_once("E+").or_else(|| id.split_once("e+")).is_some_and(|(mantissa, exponent)| {
        digits(exponent)
            && match mantissa.split_once('.') {
                Some((whole, part)) => digits(whole) && digits(part),
                None => digits(mantissa),
            }
    })
}

/// Reads decimal degrees into degrees × 10⁷, rounded to the nearest; empty is none.
///
/// # Errors
/// Not a plain decimal number, or beyond ±`limit_degrees`.
pub(super) fn degrees_e7(cell: &str, limit_degrees: i32) -> Result<Option<i32>, Fault> {
    let text = cell.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let plain =
        text.len() <= 32 && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
    let degrees = match text.parse::<f64>() {
        Ok(degrees) if plain => degrees,
        _ => return Err(Fault::BadCoordinate),
    };
    if degrees.abs() > f64::from(limit_degrees) {
        return Err(Fault::CoordinateOutOfRange);
    }
    // In range: 180 × 10⁷ fits an i32.
    let scaled = (degrees * 1e7).round() as i32;
    Ok(Some(scaled))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn ids() {
        let long = "9".repeat(65);
        for (cell, want) in [
            (" 101004143000 ", Ok("101004143000")),
            ("=\"0012\"", Ok("=\"0012\"")),
            ("WF-2026/05-E1", Ok("WF-2026/05-E1")),
            ("", Err("empty_id")),
            (" \u{3000}", Err("empty_id")),
            ("1.01004E+11", Err("bad_id")),
            ("2e+5", Err("bad_id")),
            ("a\nb", Err("bad_id")),
            (&long, Err("field_too_long")),
        ] {
            let got = upstream_id(cell).map_err(Fault::code);
            assert_eq!(got.as_deref().map_err(|code| *code), want, "{cell:?}");
        }
    }

    #[test]
    fn coordinates() {
        for (cell, limit, want) in [
            ("42.3594", 90, Ok(Some(423_594_000))),
            ("-71.0587", 180, Ok(Some(-710_587_000))),
            ("36.70050004", 90, Ok(Some(367_005_000))),
            ("36.70050006", 90, Ok(Some(367_005_001))),
            ("+180", 180, Ok(Some(1_800_000_000))),
            ("90.0000001", 90, Err("coordinate_out_of_range")),
            ("119.132", 90, Err("coordinate_out_of_range")),
            ("-181", 180, Err("coordinate_out_of_range")),
            ("  ", 90, Ok(None)),
            ("NaN", 90, Err("bad_coordinate")),
            ("inf", 90, Err("bad_coordinate")),
            ("1e1", 90, Err("bad_coordinate")),
            ("36°42'", 90, Err("bad_coordinate")),
            ("36,7", 90, Err("bad_coordinate")),
        ] {
            assert_eq!(degrees_e7(cell, limit).map_err(Fault::code), want, "{cell:?}");
        }
    }
}
