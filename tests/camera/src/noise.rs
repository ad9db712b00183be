//! Texture that goes on at every size, one row at a time.
//!
//! Invariant: a row depends on its place alone, so rows may be made in any order; arithmetic is
//! integer. Rejected: noise images made once and stretched: a 48 MP one is 48 MB, and repeats show.

use crate::dice;

/// The long edge of every scene, in scene units.
pub(crate) const UNIT_BITS: u32 = 20;
pub(crate) const UNIT: i32 = 1 << UNIT_BITS;

/// Smooths a step: `t` and the result are 0..=256, the slope at both ends is 0.
fn ease(t: i32) -> i32 {
    (t * t * (768 - 2 * t)) >> 16
}

/// Adds one octave of value noise to a row: cells of `1 << bits` units, values up to
/// ±`strength` · 2¹⁵.
pub(crate) fn octave(seed: u64, bits: u32, strength: i32, xs: &[i32], v: i32, row: &mut [i32]) {
    let (Some(&first), Some(&last)) = (xs.first(), xs.last()) else { return };
    let cell = 1 << bits;
    let fraction = |n: i32| {
        let part = n & (cell - 1);
        ease(if bits > 8 { part >> (bits - 8) } else { part << (8 - bits) })
    };
    let value =
        |x: i32, y: i32| i32::from((dice::at(seed ^ (u64::from(bits) << 58), x, y) >> 56) as u8) - 128;
    let (above, down) = (v >> bits, fraction(v));
    let start = first >> bits;
    let lattice: Vec<i32> = (start..=(last >> bits) + 1)
        .map(|x| {
            let top = value(x, above);
            (top << 8) + (value(x, above + 1) - top) * down
        })
        .collect();
    for (out, &u) in row.iter_mut().zip(xs) {
        let i = ((u >> bits) - start).cast_unsigned() as usize;
        let left = lattice.get(i).copied().unwrap_or(0);
        let right = lattice.get(i + 1).copied().unwrap_or(left);
        *out += (left + (((right - left) * fraction(u)) >> 8)) * strength;
    }
}

/// What a sensor adds to one pixel, for red, green and blue.
///
/// Brightness has a standard deviation of 6.4 levels of 255 (2.5 %), colour one of 2.9.
pub(crate) fn sensor(seed: u64, x: i32, y: i32) -> [i32; 3] {
    let [a, b, c, d, red, green, blue, _] = dice::at(seed, x, y).to_le_bytes().map(i32::from);
    // The sum of four even bytes is nearly normal with a deviation of 147.8; one byte has 73.9.
    let grey = (a + b + c + d - 510) * 11;
    [red, green, blue].map(|tint| (grey + (tint - 127) * 10) >> 8)
}
