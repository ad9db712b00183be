//! The perceptual hash of a picture's brightness; its bits are defined in [`lanewalk_model::photo`].
//!
//! Invariant: whole numbers only, so every platform gives the same bits, and turning or mirroring
//! the 32 × 32 input turns or mirrors the coefficients exactly. Rejected: floating point, whose
//! last digit decides the sign of a small coefficient and differs with the order of the sum.

use lanewalk_model::photo::PHash;

/// Edge of the brightness picture.
pub const SIDE: usize = 32;
const LOW: usize = 8;

/// Least strength of a picture that has a hash: 1.5 levels of brightness, in the unit of
/// [`low_frequencies`].
///
/// Measured: blank walls, skies with a gradient and covered lenses, with noise up to 40 levels, stay
/// under 0.9 and a recompression turns 7 to 41 of their bits; a wall with a crack has 2.1 and one
/// bit turns, real photos have 14 to 84 and none turns.
const WEAKEST: i64 = 3 * (1 << 28) * 16 / 2;

/// cos(k·π/64)·2¹⁴ for k = 0..=32, rounded.
const QUARTER: [i64; 33] = [
    16384, 16364, 16305, 16207, 16069, 15893, 15679, 15426, 15137, 14811, 14449, 14053, 13623, 13160, 12665,
    12140, 11585, 11003, 10394, 9760, 9102, 8423, 7723, 7005, 6270, 5520, 4756, 3981, 3196, 2404, 1606, 804,
    0,
];

/// Computes the hash of a 32 × 32 picture of brightness, row after row from the top left.
///
/// Returns `None` for a picture without enough in it to be told from another.
pub fn of_luma(luma: &[u8; SIDE * SIDE]) -> Option<PHash> {
    let low = low_frequencies(luma);
    (strength(&low) >= WEAKEST).then(|| {
        let bits = low.iter().enumerate().skip(1).filter(|(_, c)| **c > 0);
        PHash(bits.fold(0, |hash, (bit, _)| hash | 1 << bit))
    })
}

/// Computes the 8 × 8 lowest coefficients, index 8·v + u, times 2²⁸ and not normalised.
fn low_frequencies(luma: &[u8; SIDE * SIDE]) -> [i64; LOW * LOW] {
    let mut low = [0; LOW * LOW];
    for (y, row) in luma.chunks_exact(SIDE).enumerate() {
        for u in 0..LOW {
            let across: i64 = row.iter().enumerate().map(|(x, p)| i64::from(*p) * cosine(x, u)).sum();
            for v in 0..LOW {
                if let Some(c) = low.get_mut(v * LOW + u) {
                    *c += across * cosine(y, v);
                }
            }
        }
    }
    low
}

/// Returns the size of the middle coefficient, the mean left out.
///
/// The sum of squares does not tell: the gradient of an empty sky alone outweighs a page of text.
fn strength(low: &[i64; LOW * LOW]) -> i64 {
    let mut sizes = low.map(i64::abs);
    let (_, sizes) = sizes.split_at_mut(1);
    let (_, middle, _) = sizes.select_nth_unstable(sizes.len() / 2);
    *middle
}

/// cos((2x + 1)·u·π/64)·2¹⁴, by the symmetries of the first quarter of the circle.
fn cosine(x: usize, u: usize) -> i64 {
    let n = (2 * x + 1) * u % 128;
    let n = n.min(128 - n);
    let (n, sign) = if n > 32 { (64 - n, -1) } else { (n, 1) };
    sign * QUARTER.get(n).copied().unwrap_or_default()
}
