#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;

/// A picture as rows; `extent` may be less than its size.
struct Memory<'a> {
    picture: &'a Rgb,
    extent: (f64, f64),
    at: usize,
}

impl Rows for Memory<'_> {
    fn size(&self) -> (usize, usize) {
        (self.picture.width as usize, self.picture.height as usize)
    }

    fn extent(&self) -> (f64, f64) {
        self.extent
    }

    fn read(&mut self, rows: &mut [u8]) -> Result<(), MediaError> {
        rows.copy_from_slice(&self.picture.data[self.at..self.at + rows.len()]);
        self.at += rows.len();
        Ok(())
    }
}

/// Hard edges and noise, so that every row of the filter counts.
fn picture(width: u32, height: u32) -> Rgb {
    let mut state = 0x9E37_79B9_u32;
    let data = (0..width * height * 3)
        .map(|at| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (state >> 25) as u8;
            let edge = if (at / 3 / width / 7 + at / 3 % width / 11).is_multiple_of(2) { 128 } else { 0 };
            edge + noise
        })
        .collect();
    Rgb { width, height, data }
}

fn shrunk(picture: &Rgb, to: (u32, u32), bytes: usize) -> Rgb {
    let extent = (f64::from(picture.width), f64::from(picture.height));
    let mut rows = Memory { picture, extent, at: 0 };
    let out = stream(&mut rows, to, bytes).unwrap();
    assert_eq!(rows.at, picture.data.len(), "every row is read, so every warning is seen");
    out
}

#[test]
fn strips_give_what_the_whole_gives() {
    for (from, to) in [
        ((300, 500), (150, 250)),
        ((301, 499), (154, 255)),
        ((640, 2_000), (64, 200)),
        ((2_000, 70), (200, 7)),
        ((100, 1_000), (99, 990)),
        ((50, 129), (50, 128)),
    ] {
        let picture = picture(from.0, from.1);
        let at_once = whole(&picture, to).unwrap();
        // From one row of the result at a time to all.
        for bytes in [0, 20_000, 100_000, STRIP] {
            let strips = shrunk(&picture, to, bytes);
            let worst = strips.data.iter().zip(&at_once.data).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(worst <= 1, "{from:?} to {to:?}, {bytes} bytes: {worst}");
        }
    }
}

#[test]
fn nothing_changes_at_its_own_size() {
    let picture = picture(33, 200);
    assert_eq!(shrunk(&picture, (33, 200), 0), picture);
}

#[test]
fn a_half_column_beyond_the_extent_moves_nothing() {
    // 101 columns at a half are 50.5; 51 are decoded.
    let picture = picture(51, 40);
    let mut rows = Memory { picture: &picture, extent: (50.5, 40.0), at: 0 };
    let out = stream(&mut rows, (25, 20), STRIP).unwrap();
    assert_eq!((out.width, out.height), (25, 20));
    let wider = whole(&picture, (25, 20)).unwrap();
    assert_ne!(out, wider);
}

#[test]
fn sizes_keep_their_shape_and_are_never_enlarged() {
    for (from, edge, to) in [
        ((4_000, 3_000), 2_048, (2_048, 1_536)),
        ((3_000, 4_000), 2_048, (1_536, 2_048)),
        ((2_048, 10), 2_048, (2_048, 10)),
        ((100, 50), 2_048, (100, 50)),
        ((65_500, 1), 2_048, (2_048, 1)),
        ((4_001, 3_000), 320, (320, 240)),
    ] {
        assert_eq!(fit(from, edge), to, "{from:?}");
    }
}
