//! Where each glyph of a stamp goes.
//!
//! Invariant: every character that is not a space at a line's end gets a place inside the block, and
//! the block lies inside the picture; all faces of a line stand on one baseline. Rejected: a fixed
//! size, which a portrait picture or a long place name does not hold.

use ab_glyph::GlyphId;
use std::ops::Range;

/// Letter size as a part of the long edge.
const EM_PART: f32 = 0.024;
/// Smallest letter size: Chinese characters of more than ten strokes run together below it.
const LEAST_EM: f32 = 12.0;
/// In ems: line pitch, space around the text, space to the picture's edges.
const PITCH: f32 = 1.35;
const PADDING: f32 = 0.4;
const MARGIN: f32 = 0.5;
/// Where the baseline stands in an ideographic em box.
const BASELINE: f32 = 0.88;

/// A character with the face that draws it.
pub(super) struct Char {
    /// Index of the face.
    pub(super) face: usize,
    /// Its glyph there.
    pub(super) id: GlyphId,
    /// The pen's way in ems.
    pub(super) advance: f32,
    /// True for a space, which may vanish at a line's end.
    pub(super) is_space: bool,
    /// True if a line may end after it.
    pub(super) may_break: bool,
}

/// A glyph with its place: the pen's point on the baseline, in pixels.
pub(super) struct Placed {
    /// Index of the face.
    pub(super) face: usize,
    /// Its glyph there.
    pub(super) id: GlyphId,
    /// From the left.
    pub(super) x: i64,
    /// From the top.
    pub(super) baseline: i64,
}

/// The ground in pixels, and all glyphs.
pub(super) struct Block {
    /// Letter size in pixels.
    pub(super) em: f32,
    /// Left edge.
    pub(super) left: usize,
    /// Upper edge.
    pub(super) top: usize,
    /// Width.
    pub(super) width: usize,
    /// Height.
    pub(super) height: usize,
    /// What stands on it.
    pub(super) glyphs: Vec<Placed>,
}

/// Finds the largest letter size at which the block covers at most half of the picture's height, or
/// with the smallest letters its whole height; `None` if even that is too little.
pub(super) fn fit(lines: &[Vec<Char>], (width, height): (usize, usize)) -> Option<Block> {
    let mut em = (width.max(height) as f32 * EM_PART).round().max(LEAST_EM);
    loop {
        let block = block(lines, (width, height), em);
        let least = em <= LEAST_EM;
        if let Some(block) = block.filter(|b| least || b.height * 2 <= height) {
            return Some(block);
        }
        if least {
            return None;
        }
        em = (em - (em / 12.0).ceil()).max(LEAST_EM);
    }
}

/// Lays out at one size; `None` if the block is larger than the picture.
fn block(lines: &[Vec<Char>], (width, height): (usize, usize), em: f32) -> Option<Block> {
    let around = ((MARGIN + PADDING) * em).ceil();
    let room = width as f32 - 2.0 * around;
    let mut rows = Vec::new();
    for line in lines {
        rows.extend(wrap(line, room / em)?.into_iter().filter_map(|row| line.get(row)));
    }
    let pitch = (PITCH * em).round();
    let (margin, padding) = ((MARGIN * em).floor(), (PADDING * em).ceil());
    let ground = rows.len() as f32 * pitch + 2.0 * padding;
    let top = height as f32 - margin - ground;
    let widest = rows.iter().map(|row| length(row)).fold(0.0, f32::max) * em;
    if top < margin {
        return None;
    }
    let mut glyphs = Vec::new();
    for (n, row) in rows.into_iter().enumerate() {
        let line_top = top + padding + n as f32 * pitch;
        let baseline = (line_top + (pitch - em) / 2.0 + BASELINE * em).round() as i64;
        let mut x = margin + padding;
        for c in row {
            glyphs.push(Placed { face: c.face, id: c.id, x: x.round() as i64, baseline });
            x += c.advance * em;
        }
    }
    let width = (widest + 2.0 * padding).ceil() as usize;
    Some(Block { em, left: margin as usize, top: top as usize, width, height: ground as usize, glyphs })
}

fn length(row: &[Char]) -> f32 {
    row.iter().map(|c| c.advance).sum()
}

/// Breaks a line into rows of at most `room` ems, where it may break if it can, else anywhere;
/// `None` if one character is wider.
fn wrap(line: &[Char], room: f32) -> Option<Vec<Range<usize>>> {
    let mut rows = Vec::new();
    let mut start = 0;
    while start < line.len() {
        let end = start + row_length(line.get(start..)?, room)?;
        let spaces = line.get(start..end)?.iter().rev().take_while(|c| c.is_space).count();
        rows.push(start..end - spaces);
        start = end + line.get(end..)?.iter().take_while(|c| c.is_space).count();
    }
    Some(rows)
}

/// Counts the characters of the first row.
fn row_length(rest: &[Char], room: f32) -> Option<usize> {
    let (mut x, mut best) = (0.0, None);
    for (n, c) in rest.iter().enumerate() {
        x += c.advance;
        if x > room && !c.is_space {
            return best.or_else(|| (n > 0).then_some(n));
        }
        if c.may_break {
            best = Some(n + 1);
        }
    }
    Some(rest.len())
}
