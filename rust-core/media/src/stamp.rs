//! Burns lines of text into a picture: light on a dark, half-transparent ground, bottom left.
//!
//! Invariant: either every character is drawn, whole and inside the picture, or nothing is changed.
//! Rejected: replacement boxes and cut lines, which turn evidence into something that looks like it.

mod face;
mod layout;
mod map;
mod text;

use crate::{MediaError, pixels::Rgb};
use face::{Bitmap, Face, FontSource, guarded};
use layout::{Block, Char};
use std::collections::HashMap;

pub use face::FontFile;
pub(crate) use text::is_invisible;

/// Most characters of a stamp; it bounds the work, a picture holds fewer.
const MOST_CHARS: usize = 2_000;
/// Part of the picture's light that the ground leaves: white on it has a contrast of 5.7 to 1 even
/// where the picture is white.
const GROUND: u16 = 102;

/// Draws stamps with the fonts of the device; may be shared between threads.
pub struct Stamper {
    fonts: Vec<FontSource>,
}

/// Glyphs by face and number.
type Bitmaps = HashMap<(usize, u16), Option<Bitmap>>;

impl Stamper {
    /// Maps the font files; a character is drawn from the first one that has it.
    ///
    /// Fails with [`MediaError::Font`] if there is none or one cannot be read.
    pub fn open(fonts: &[FontFile]) -> Result<Self, MediaError> {
        if fonts.is_empty() {
            return Err(MediaError::Font { detail: "none given".into() });
        }
        Ok(Self { fonts: fonts.iter().map(FontSource::open).collect::<Result<_, _>>()? })
    }

    /// Says whether every character can be drawn; fails with the first that cannot.
    pub fn check(&self, lines: &[String]) -> Result<(), MediaError> {
        guarded(|| {
            let faces = self.fonts.iter().map(FontSource::face).collect::<Result<Vec<_>, _>>()?;
            lines.iter().try_for_each(|line| resolve(&faces, &text::clean(line)).map(drop))
        })
    }

    /// Draws the lines, wrapped to the picture's width, in letters of 2.4 % of its long edge.
    ///
    /// Letters shrink to 12 pixels where the block would cover more than half of the picture.
    /// Control and zero-width characters and marks of direction are left out; the text is not
    /// shaped, so scripts that join their letters (Arabic, Mongolian) come apart. Fails with
    /// [`MediaError::Undrawable`], or [`MediaError::TooSmall`] for a picture too small for the
    /// text; the picture is then as it was.
    pub fn draw(&self, picture: &mut Rgb, lines: &[String]) -> Result<(), MediaError> {
        let size = (picture.width as usize, picture.height as usize);
        let whole = size.0.checked_mul(size.1).and_then(|n| n.checked_mul(3));
        if whole != Some(picture.data.len()) || picture.data.is_empty() {
            return Err(MediaError::Malformed { what: "size of the pixels" });
        }
        let prepared = guarded(|| self.prepare(size, lines))?;
        if let Some((block, bitmaps)) = prepared {
            darken(picture, &block);
            for glyph in &block.glyphs {
                if let Some(Some(bitmap)) = bitmaps.get(&(glyph.face, glyph.id.0)) {
                    let at = (glyph.x + i64::from(bitmap.left), glyph.baseline + i64::from(bitmap.top));
                    lighten(picture, at, bitmap);
                }
            }
        }
        Ok(())
    }

    /// Does everything that can fail; `None` if there is nothing to draw.
    fn prepare(
        &self,
        size: (usize, usize),
        lines: &[String],
    ) -> Result<Option<(Block, Bitmaps)>, MediaError> {
        let lines: Vec<String> = lines.iter().map(|l| text::clean(l)).filter(|l| !l.is_empty()).collect();
        if lines.is_empty() {
            return Ok(None);
        }
        if lines.iter().map(|line| line.chars().count()).sum::<usize>() > MOST_CHARS {
            return Err(MediaError::TooSmall);
        }
        let faces = self.fonts.iter().map(FontSource::face).collect::<Result<Vec<_>, _>>()?;
        let lines = lines.iter().map(|line| resolve(&faces, line)).collect::<Result<Vec<_>, _>>()?;
        let block = layout::fit(&lines, size).ok_or(MediaError::TooSmall)?;
        let mut bitmaps = Bitmaps::new();
        for glyph in &block.glyphs {
            if let (None, Some(face)) = (bitmaps.get(&(glyph.face, glyph.id.0)), faces.get(glyph.face)) {
                bitmaps.insert((glyph.face, glyph.id.0), face.bitmap(glyph.id, block.em)?);
            }
        }
        Ok(Some((block, bitmaps)))
    }
}

/// Finds the face that draws each character of a line.
fn resolve(faces: &[Face<'_>], line: &str) -> Result<Vec<Char>, MediaError> {
    let breaks = text::breaks(line);
    let found = line.chars().zip(breaks).map(|(character, may_break)| {
        let mut glyphs =
            faces.iter().enumerate().filter_map(|(n, face)| Some((n, face, face.glyph(character)?)));
        let (face, parsed, id) = glyphs.next().ok_or(MediaError::Undrawable { character })?;
        let advance = parsed.advance(id, 1.0);
        Ok(Char { face, id, advance, is_space: character == ' ', may_break })
    });
    found.collect()
}

/// Lays the ground.
fn darken(picture: &mut Rgb, block: &Block) {
    let row = picture.width as usize * 3;
    for line in picture.data.chunks_exact_mut(row).skip(block.top).take(block.height) {
        for value in line.iter_mut().skip(block.left * 3).take(block.width * 3) {
            *value = (u16::from(*value) * GROUND / 255) as u8;
        }
    }
}

/// Mixes white into the pixels that the bitmap covers; what is outside the picture is not there.
fn lighten(picture: &mut Rgb, (left, top): (i64, i64), bitmap: &Bitmap) {
    let row = picture.width as usize * 3;
    for (y, ink) in (top..).zip(bitmap.ink.chunks_exact(bitmap.width)) {
        let line = usize::try_from(y).ok().and_then(|y| picture.data.chunks_exact_mut(row).nth(y));
        let (Some(line), skipped) = (line, left.min(0).unsigned_abs() as usize) else { continue };
        let start = usize::try_from(left.max(0)).unwrap_or(usize::MAX);
        let pixels = line.chunks_exact_mut(3).skip(start);
        for (pixel, covered) in pixels.zip(ink.iter().skip(skipped)) {
            for value in pixel {
                let light = u16::from(255 - *value) * u16::from(*covered) / 255;
                *value += light as u8;
            }
        }
    }
}
