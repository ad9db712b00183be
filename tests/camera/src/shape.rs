//! What a scene is made of: outlines with a colour and a surface.
//!
//! Invariant: a shape can be drawn one row at a time; its edges are as soft as the pixels are
//! large, so a scene looks the same at every size. Rejected: a drawing library: the same bytes on
//! every platform need integer arithmetic, and four outlines are enough for a street.

use crate::dice;
use crate::noise::UNIT_BITS;

/// A pixel being made: red, green, blue in 0..=255, and how strong the fine texture is.
pub(crate) type Cell = [i32; 4];

/// Where the pixels lie in the scene.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    /// Pixels along the long edge.
    pub long: i64,
    /// Scene units left of and above the first pixel.
    pub offset: (i32, i32),
}

impl Grid {
    /// Returns the scene unit of a pixel's middle.
    pub(crate) fn unit(&self, pixel: i32, offset: i32) -> i32 {
        let middle = ((2 * i64::from(pixel) + 1) << UNIT_BITS) / (2 * self.long);
        i32::try_from(middle).unwrap_or(i32::MAX) + offset
    }

    /// Returns a scene unit as a place between pixels, in 1/256 pixel.
    fn place(&self, unit: i32, offset: i32) -> i32 {
        let place = ((i64::from(unit) - i64::from(offset)) * self.long) >> (UNIT_BITS - 8);
        i32::try_from(place.clamp(-(1 << 28), 1 << 28)).unwrap_or(0)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Outline {
    /// Level top and bottom; the sides go straight from the first to the second number.
    Quad {
        y: [i32; 2],
        left: [i32; 2],
        right: [i32; 2],
    },
    Oval {
        middle: [i32; 2],
        radius: [i32; 2],
    },
    /// Hangs between two points of one height.
    Cable {
        x: [i32; 2],
        y: i32,
        sag: i32,
        thick: i32,
    },
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Surface {
    Plain,
    /// Bricks or tiles with joints; every second row is moved by `shift`.
    Bricks {
        width: i32,
        height: i32,
        shift: i32,
    },
    /// Lines across, such as a roller shutter.
    Slats(i32),
    /// Lines upright, such as a window cage.
    Bars(i32),
    /// Signs that look like writing from afar, in a light (positive) or dark ink.
    Writing {
        cell: i32,
        ink: i32,
    },
}

impl Surface {
    /// Returns what the surface adds to the brightness at a place.
    fn tone(self, u: i32, v: i32, seed: u64) -> i32 {
        match self {
            Self::Plain => 0,
            Self::Bricks { width, height, shift } => {
                let line = v / height.max(1);
                let u = u + (line & 1) * shift;
                let width = width.max(1);
                if v % height.max(1) < height / 8 || u % width < height / 8 {
                    return 26;
                }
                i32::from((dice::at(seed, u / width, line) >> 58) as u8) - 32
            }
            Self::Slats(pitch) => (v % pitch.max(1)) * 60 / pitch.max(1) - 30,
            Self::Bars(pitch) => {
                if u % pitch.max(1) < pitch / 5 {
                    70
                } else {
                    0
                }
            }
            Self::Writing { cell, ink } => {
                let cell = cell.max(9);
                let (column, line) = (u % cell * 9 / cell, v % cell * 9 / cell);
                if !(1..8).contains(&column) || !(1..8).contains(&line) {
                    return 0;
                }
                // Strokes run along every other line and column, as they do in most characters.
                let glyph = dice::at(seed, u / cell, v / cell);
                let across = line % 2 == 1 && (glyph >> (line * 3 + column / 3)) & 1 == 1;
                let down = column % 3 == 1 && (glyph >> (32 + column * 3 + line / 3)) & 1 == 1;
                if across || down { ink } else { 0 }
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub outline: Outline,
    pub color: [i32; 3],
    /// Added to the colour at the bottom, in proportion above.
    pub fade: i32,
    /// 256 covers what is behind.
    pub cover: i32,
    pub surface: Surface,
    /// Strength of the fine texture; 64 is a plastered wall.
    pub rough: i32,
    pub seed: u64,
}

impl Shape {
    /// Draws the part of the shape that lies in pixel row `y`.
    pub(crate) fn draw(&self, grid: &Grid, y: i32, xs: &[i32], row: &mut [Cell]) {
        let v = grid.unit(y, grid.offset.1);
        if let Outline::Cable { x, y, sag, thick } = self.outline {
            let pixel = i32::try_from((1 << UNIT_BITS) / grid.long).unwrap_or(1).max(1);
            let reach = thick + pixel;
            if (y - reach..=y + sag + reach).contains(&v) {
                let [from, to] = x;
                let long = i64::from(to - from).max(1);
                for (cell, &u) in row.iter_mut().zip(xs).filter(|(_, u)| (from..to).contains(*u)) {
                    let along = i64::from(u - from);
                    let hangs = 4 * i64::from(sag) * along / long * (long - along) / long;
                    let away = (i64::from(v) - i64::from(y) - hangs).abs();
                    let inside = (i64::from(reach) - 2 * away) * 256 / (2 * i64::from(pixel));
                    let inside = i32::try_from(inside.clamp(0, 256)).unwrap_or(0);
                    self.lay(cell, 0, inside * self.cover / 256);
                }
            }
            return;
        }
        let ([top, bottom], [left, right]) = match self.outline {
            Outline::Quad { y, left, right } => (y, [along(y, left, v), along(y, right, v)]),
            Outline::Oval { middle: [u, w], radius: [wide, high] } => {
                let high = i64::from(high.max(1));
                let away = i64::from(v - w);
                let half = u64::try_from(high * high - away * away).unwrap_or(0).isqrt();
                let half =
                    i32::try_from(i64::try_from(half).unwrap_or(0) * i64::from(wide) / high).unwrap_or(0);
                let high = i32::try_from(high).unwrap_or(0);
                ([w - high, w + high], [u - half, u + half])
            }
            Outline::Cable { .. } => return,
        };
        let inside = overlap(grid.place(top, grid.offset.1), grid.place(bottom, grid.offset.1), y);
        if inside == 0 {
            return;
        }
        let (left, right) = (grid.place(left, grid.offset.0), grid.place(right, grid.offset.0));
        let first = usize::try_from((left >> 8).max(0)).unwrap_or(0);
        let last = usize::try_from(((right + 255) >> 8).max(0)).unwrap_or(0).min(row.len());
        let fade = self.fade * ((v - top) >> 4) / ((bottom - top) >> 4).max(1);
        let many = last.saturating_sub(first);
        let cells = row.iter_mut().zip(xs).enumerate().skip(first).take(many);
        for (x, (cell, &u)) in cells {
            let edge = x == first || x + 1 == last;
            let across = if edge { overlap(left, right, i32::try_from(x).unwrap_or(0)) } else { 256 };
            let light = fade + self.surface.tone(u, v, self.seed);
            self.lay(cell, light, (self.cover * inside * across) >> 16);
        }
    }

    fn lay(&self, cell: &mut Cell, light: i32, cover: i32) {
        let [red, green, blue] = self.color;
        for (old, new) in cell.iter_mut().zip([red + light, green + light, blue + light, self.rough]) {
            *old += ((new - *old) * cover) >> 8;
        }
    }
}

/// Returns where a side is at height `v`.
fn along(y: [i32; 2], side: [i32; 2], v: i32) -> i32 {
    let high = i64::from(y[1] - y[0]).max(1);
    let moved = i64::from(side[1] - side[0]) * i64::from(v - y[0]) / high;
    side[0].saturating_add(i32::try_from(moved).unwrap_or(0))
}

/// Returns how much of a pixel lies between two places, in 1/256.
fn overlap(from: i32, to: i32, pixel: i32) -> i32 {
    (to.min((pixel + 1) << 8) - from.max(pixel << 8)).clamp(0, 256)
}
