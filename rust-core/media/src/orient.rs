//! Turns a picture upright, as the EXIF orientation says it is held.
//!
//! Invariant: moves pixels, computes none. Rejected: leaving the number in the copy's metadata,
//! which a copy does not have.

use crate::pixels::Rgb;

/// Edge of the squares in which a picture is transposed, so that both sides stay in the cache.
const SQUARE: usize = 32;

/// Returns the picture upright; orientations outside 2 to 8 change nothing.
pub(crate) fn upright(mut picture: Rgb, orientation: u8) -> Rgb {
    if matches!(orientation, 5..=8) {
        picture = transposed(&picture);
    }
    // After transposing, 6 is a mirrored picture, 8 one upside down, 7 both; 5 is done.
    let (across, down) = match orientation {
        2 | 6 => (true, false),
        3 | 7 => (true, true),
        4 | 8 => (false, true),
        _ => (false, false),
    };
    let line = picture.width as usize * 3;
    if across {
        picture.data.chunks_exact_mut(line.max(1)).for_each(mirror);
    }
    if down {
        let (rows, half) = (picture.height as usize, picture.height as usize / 2);
        let (top, bottom) = picture.data.split_at_mut((rows - half) * line);
        let bottom = bottom.chunks_exact_mut(line.max(1)).rev();
        top.chunks_exact_mut(line.max(1)).zip(bottom).for_each(|(a, b)| a.swap_with_slice(b));
    }
    picture
}

fn mirror(row: &mut [u8]) {
    row.reverse();
    row.chunks_exact_mut(3).for_each(|pixel| pixel.reverse());
}

fn transposed(picture: &Rgb) -> Rgb {
    let mut out = Rgb::black(picture.height, picture.width);
    let (width, height) = (picture.width as usize, picture.height as usize);
    for top in (0..height).step_by(SQUARE) {
        for left in (0..width).step_by(SQUARE) {
            for y in top..(top + SQUARE).min(height) {
                for x in left..(left + SQUARE).min(width) {
                    let (from, to) = ((y * width + x) * 3, (x * height + y) * 3);
                    if let (Some(from), Some(to)) =
                        (picture.data.get(from..from + 3), out.data.get_mut(to..to + 3))
                    {
                        to.copy_from_slice(from);
                    }
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    /// Letters are grey values; the upright picture is `ab/cd/ef`.
    fn picture(rows: &[&str]) -> Rgb {
        let data = rows.concat().bytes().flat_map(|b| [b, b + 1, b + 2]).collect();
        Rgb { width: rows[0].len() as u32, height: rows.len() as u32, data }
    }

    #[test]
    fn each_orientation_as_the_standard_draws_it() {
        let stored: [&[&str]; 8] = [
            &["ab", "cd", "ef"],
            &["ba", "dc", "fe"],
            &["fe", "dc", "ba"],
            &["ef", "cd", "ab"],
            &["ace", "bdf"],
            &["bdf", "ace"],
            &["fdb", "eca"],
            &["eca", "fdb"],
        ];
        for (at, rows) in stored.iter().enumerate() {
            let number = at as u8 + 1;
            assert_eq!(upright(picture(rows), number), picture(stored[0]), "orientation {number}");
        }
    }
}
