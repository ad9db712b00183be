//! A scene on a grid of pixels.
//!
//! Invariant: the same seed shows the same place at every size; a row needs no other row, so a
//! picture is never whole in memory unless the caller wants it. Rejected: pure noise, which
//! compresses and hashes like nothing a person would photograph.

use crate::dice;
use crate::noise::{self, UNIT};
use crate::places;
use crate::shape::{Cell, Grid, Shape};

/// The scene's left and top edge in lattice units, so that a moved camera never meets a negative
/// number.
const ORIGIN: i32 = UNIT;

/// A picture that has not been drawn yet.
#[derive(Debug, Clone)]
pub struct Picture {
    width: u16,
    height: u16,
    seed: u64,
    moment: u32,
    grid: Grid,
    /// The scene unit of every column.
    xs: Vec<i32>,
    shapes: Vec<Shape>,
    /// Brightness of the moment, 256 = as it is.
    gain: i32,
}

/// Returns the place that a seed stands for; an edge of 0 counts as 1.
#[must_use]
pub fn scene(seed: u64, width: u16, height: u16) -> Picture {
    Picture::taken(seed, width, height, 0)
}

impl Picture {
    /// Returns the same place at another moment: moved by at most 0.6 % of the long edge, up to
    /// 4 % brighter or darker, with other noise. Moment 0 is [`scene`].
    #[must_use]
    pub fn taken(seed: u64, width: u16, height: u16, moment: u32) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        let long = i64::from(width.max(height));
        let mut hand = dice::Dice::new(seed ^ (u64::from(moment) << 32) ^ 0x4841_4E44);
        let (mut offset, mut gain) = ((ORIGIN, ORIGIN), 256);
        if moment > 0 {
            let far = UNIT * 6 / 1000;
            offset = (ORIGIN + hand.range(-far, far), ORIGIN + hand.range(-far, far));
            gain += hand.range(-10, 10);
        }
        let grid = Grid { long, offset };
        let high = i32::try_from((i64::from(height) << noise::UNIT_BITS) / long).unwrap_or(UNIT);
        let wide = i32::try_from((i64::from(width) << noise::UNIT_BITS) / long).unwrap_or(UNIT);
        Self {
            width,
            height,
            seed,
            moment,
            grid,
            xs: (0..i32::from(width)).map(|x| grid.unit(x, offset.0)).collect(),
            shapes: places::shapes(seed, ORIGIN, wide, high),
            gain,
        }
    }

    /// Pixels across.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Pixels down.
    #[must_use]
    pub fn height(&self) -> u16 {
        self.height
    }

    /// Draws row `y`, three bytes a pixel; a longer `out` keeps its end, a shorter one gets what
    /// fits.
    pub fn row(&self, y: u16, out: &mut [u8]) {
        let y = i32::from(y);
        let v = self.grid.unit(y, self.grid.offset.1);
        let mut cells: Vec<Cell> = vec![[128, 128, 128, 32]; self.xs.len()];
        for shape in &self.shapes {
            shape.draw(&self.grid, y, &self.xs, &mut cells);
        }
        let zero = vec![0; self.xs.len()];
        let (mut light, mut warm, mut detail) = (zero.clone(), zero.clone(), zero);
        for (bits, strength) in [(19, 150), (18, 150), (17, 70)] {
            noise::octave(self.seed, bits, strength, &self.xs, v, &mut light);
        }
        for bits in [17, 15, 13] {
            noise::octave(!self.seed, bits, 40, &self.xs, v, &mut warm);
        }
        // Cells of at least two pixels: finer ones would be noise of the grid, not of the place.
        // Coarse ones are weaker, or every wall looks like a cloud.
        let mut strength = 48;
        for bits in (6..=15).rev().filter(|bits| (i64::from(1_i32 << bits) * self.grid.long) >> 20 >= 2) {
            noise::octave(self.seed, bits, strength, &self.xs, v, &mut detail);
            strength = (strength * 5 / 4).min(150);
        }
        let grain = dice::mix(self.seed ^ (u64::from(self.moment) << 40));
        let pixels = out.as_chunks_mut::<3>().0.iter_mut().zip(0_i32..);
        let made = cells.iter().zip(&light).zip(&warm).zip(&detail);
        for ((((cell, light), warm), detail), (pixel, x)) in made.zip(pixels) {
            let [red, green, blue, rough] = *cell;
            let gain = ((256 + (light >> 16)).clamp(96, 420) * self.gain) >> 8;
            let fine = ((detail >> 12) * rough) >> 12;
            let warm = warm >> 17;
            let hue = [red + warm, green, blue - warm];
            for ((out, level), grain) in pixel.iter_mut().zip(hue).zip(noise::sensor(grain, x, y)) {
                *out = u8::try_from((((level + fine) * gain) >> 8).saturating_add(grain).clamp(0, 255))
                    .unwrap_or(255);
            }
        }
    }

    /// Draws all rows: `width · height · 3` bytes.
    #[must_use]
    pub fn rgb(&self) -> Vec<u8> {
        let line = usize::from(self.width) * 3;
        let mut all = vec![0; line * usize::from(self.height)];
        for (y, row) in (0_u16..).zip(all.chunks_exact_mut(line)) {
            self.row(y, row);
        }
        all
    }
}
