//! What a picture looks like, in 64 bits.
//!
//! Bit `8·v + u` is set when the coefficient of horizontal frequency `u` and vertical frequency
//! `v` (0 ≤ u, v < 8) of the 32 × 32 discrete cosine transform of the picture's brightness is
//! positive; bit 0, the mean, is always 0.
//!
//! Invariant: because only signs count, the hash of a turned or mirrored picture is a bit
//! permutation of the picture's own: mirroring negates the odd frequencies, turning swaps u and v.
//! So a turned copy is found without the picture. Rejected: the usual threshold at the median,
//! which is not antisymmetric and cannot do that.

use crate::id::{from_hex, to_hex};
use serde::{Deserialize, Serialize};

/// Perceptual hash; JSON and text are 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PHash(pub u64);

/// What a distance between two hashes says (measured; DOMAIN.md has no rule).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// At most 10 bits differ: very likely the same picture.
    Same,
    /// 11 to 16 bits differ: a person should look.
    Look,
    /// More differ.
    Stranger,
}

/// Bits of odd horizontal frequencies.
const ODD_U: u64 = 0xAAAA_AAAA_AAAA_AAAA;
/// Bits of odd vertical frequencies.
const ODD_V: u64 = 0xFF00_FF00_FF00_FF00;
const MEAN: u64 = 1;

impl PHash {
    /// Returns the hash of the mirrored picture (left and right exchanged).
    #[must_use]
    pub fn mirrored(self) -> Self {
        Self(self.0 ^ ODD_U)
    }

    /// Returns the hash of the picture upside down without mirroring its columns.
    #[must_use]
    pub fn flipped(self) -> Self {
        Self(self.0 ^ ODD_V)
    }

    /// Returns the hash of the picture with rows and columns exchanged.
    #[must_use]
    pub fn transposed(self) -> Self {
        let bit = |n: u32| (self.0 >> n) & 1;
        Self((0..64_u32).fold(0, |out, n| out | bit((n % 8) * 8 + n / 8) << n))
    }

    /// Returns the hashes of all eight ways to hold the picture.
    pub fn orientations(self) -> [Self; 8] {
        let t = self.transposed();
        [
            self,
            self.mirrored(),
            self.flipped(),
            self.mirrored().flipped(),
            t,
            t.mirrored(),
            t.flipped(),
            t.mirrored().flipped(),
        ]
    }

    /// Returns the number of differing bits, whichever way the other picture is held.
    pub fn distance(self, other: Self) -> u32 {
        let bits = |a: Self| ((a.0 ^ other.0) & !MEAN).count_ones();
        self.orientations().into_iter().map(bits).min().unwrap_or(64)
    }

    /// Says what the distance to another picture means.
    pub fn likeness(self, other: Self) -> Likeness {
        match self.distance(other) {
            0..=10 => Likeness::Same,
            11..=16 => Likeness::Look,
            _ => Likeness::Stranger,
        }
    }
}

impl TryFrom<String> for PHash {
    type Error = crate::id::IdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = from_hex(&text).ok_or(crate::id::IdError { what: "perceptual hash" })?;
        Ok(Self(u64::from_be_bytes(bytes)))
    }
}

impl From<PHash> for String {
    fn from(hash: PHash) -> Self {
        to_hex(&hash.0.to_be_bytes())
    }
}
