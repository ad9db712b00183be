//! The places a worker photographs: a street front, a stairwell, a yard.
//!
//! Invariant: a place is decided by its seed and the picture's proportions alone. Rejected: one
//! fixed plan with other colours: its perceptual hashes would all be near each other.

mod stairwell;
mod street;
mod yard;

use crate::dice::Dice;
use crate::shape::{Outline, Shape, Surface};

/// Collects shapes, from the back to the front, in units from the picture's top left corner.
struct Plan {
    dice: Dice,
    origin: i32,
    wide: i32,
    high: i32,
    /// Left and right are exchanged.
    mirrored: bool,
    shapes: Vec<Shape>,
}

/// Returns the shapes of a seed's place, from the back to the front.
pub(crate) fn shapes(seed: u64, origin: i32, wide: i32, high: i32) -> Vec<Shape> {
    let mut dice = Dice::new(seed);
    let mirrored = dice.chance(50);
    let mut plan = Plan { dice, origin, wide, high, mirrored, shapes: Vec::new() };
    match plan.dice.range(0, 9) {
        0..=4 => street::draw(&mut plan),
        5..=7 => stairwell::draw(&mut plan),
        _ => yard::draw(&mut plan),
    }
    plan.light();
    plan.shapes
}

impl Plan {
    fn add(&mut self, outline: Outline, color: [i32; 3]) -> &mut Shape {
        let (origin, edge) = (self.origin, 2 * self.origin + self.wide);
        let flip = |[a, b]: [i32; 2]| if self.mirrored { [edge - b, edge - a] } else { [a, b] };
        let down = |[a, b]: [i32; 2]| [a + origin, b + origin];
        let outline = match outline {
            Outline::Quad { y, left, right } => {
                let [top_left, top_right] = flip(down([left[0], right[0]]));
                let [low_left, low_right] = flip(down([left[1], right[1]]));
                Outline::Quad { y: down(y), left: [top_left, low_left], right: [top_right, low_right] }
            }
            Outline::Oval { middle: [x, y], radius } => {
                let [x, _] = flip([x + origin, x + origin]);
                Outline::Oval { middle: [x, y + origin], radius }
            }
            Outline::Cable { x, y, sag, thick } => {
                Outline::Cable { x: flip(down(x)), y: y + origin, sag, thick }
            }
        };
        let seed = self.dice.next();
        self.shapes.push(Shape {
            outline,
            color,
            fade: 0,
            cover: 256,
            surface: Surface::Plain,
            rough: 48,
            seed,
        });
        let last = self.shapes.len() - 1;
        // `push` came just before.
        self.shapes.get_mut(last).expect("a shape was just added")
    }

    fn rect(&mut self, x: i32, y: i32, wide: i32, high: i32, color: [i32; 3]) -> &mut Shape {
        self.add(Outline::Quad { y: [y, y + high], left: [x, x], right: [x + wide, x + wide] }, color)
    }

    fn oval(&mut self, x: i32, y: i32, wide: i32, high: i32, color: [i32; 3]) -> &mut Shape {
        self.add(Outline::Oval { middle: [x, y], radius: [wide, high] }, color)
    }

    /// A colour near `color`.
    fn near(&mut self, color: [i32; 3], by: i32) -> [i32; 3] {
        let light = self.dice.range(-by, by);
        color.map(|c| (c + light + self.dice.range(-by / 3, by / 3)).clamp(8, 248))
    }

    /// A part of a length, in percent.
    fn part(&mut self, of: i32, low: i32, high: i32) -> i32 {
        of / 100 * self.dice.range(low, high)
    }

    /// A board with writing.
    fn sign(&mut self, x: i32, y: i32, wide: i32, high: i32) {
        const BOARDS: [([i32; 3], i32); 5] = [
            ([178, 34, 34], 120),
            ([30, 70, 140], 130),
            ([235, 230, 215], -150),
            ([222, 178, 40], -130),
            ([30, 110, 70], 120),
        ];
        let (color, ink) = self.dice.pick(&BOARDS, ([178, 34, 34], 120));
        let color = self.near(color, 14);
        self.rect(x - wide / 80, y - high / 20, wide + wide / 40, high + high / 10, color.map(|c| c / 2));
        let board = self.rect(x, y, wide, high, color);
        board.rough = 20;
        let lines = self.dice.range(1, 2);
        let cell = high / (lines + 1);
        let many = (wide / cell.max(1) - 1).max(1);
        let words = self.rect(
            x + (wide - many * cell) / 2,
            y + (high - lines * cell) / 2,
            many * cell,
            lines * cell,
            color,
        );
        words.surface = Surface::Writing { cell, ink };
        words.rough = 20;
    }

    /// A heap of blobs: leaves, rubble, bags.
    fn heap(&mut self, [x, y]: [i32; 2], [wide, high]: [i32; 2], color: [i32; 3], many: i32, rough: i32) {
        let (most, least) = (wide.min(high) / 3, wide.min(high) / 14);
        for _ in 0..many {
            let color = self.near(color, 34);
            let (u, v) = (x + self.dice.range(-wide, wide), y + self.dice.range(-high, high));
            let (w, h) = (self.dice.range(least, most), self.dice.range(least, most));
            self.oval(u, v, w, h * 3 / 4, color).rough = rough;
        }
    }

    /// Cables from edge to edge.
    fn cables(&mut self, most: i32, top: i32, bottom: i32) {
        for _ in 0..self.dice.range(1, most) {
            let x = [self.dice.range(-self.wide, 0), self.wide + self.dice.range(0, self.wide)];
            let y = self.dice.range(top, bottom);
            let sag = self.part(self.high, 1, 14);
            let thick = self.dice.range(600, 2400);
            let color = self.near([34, 34, 38], 12);
            self.add(Outline::Cable { x, y, sag, thick }, color);
        }
    }

    /// Slanting shadows and patches of sun over everything.
    fn light(&mut self) {
        for _ in 0..self.dice.range(2, 4) {
            let (wide, high) = (self.wide, self.high);
            let (x, slant) = (self.part(wide, -40, 90), self.part(wide, -60, 60));
            let y = [self.part(high, -20, 60), self.part(high, 70, 130)];
            let broad = [self.part(wide, 10, 60), self.part(wide, 10, 60)];
            let dark = self.dice.chance(65);
            let cover = self.dice.range(60, 130);
            let color = if dark { [16, 18, 30] } else { [255, 240, 205] };
            let shade = self.add(
                Outline::Quad { y, left: [x, x + slant], right: [x + broad[0], x + slant + broad[1]] },
                color,
            );
            shade.cover = if dark { cover } else { cover * 2 / 3 };
            shade.rough = 48;
        }
    }
}
