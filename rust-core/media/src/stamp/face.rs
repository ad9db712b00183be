//! The faces of a font file: choosing one of a collection, and asking it for glyphs.
//!
//! Invariant: every call into the font parser is made under [`guarded`]; a glyph without ink is not
//! a glyph. Rejected: keeping the parsed face, which borrows from its own map; parsing it again costs
//! less than 1 µs.

use super::map::map;
use crate::MediaError;
use ab_glyph::{Font, FontRef, Glyph, GlyphId, OutlinedGlyph, Point, PxScale, PxScaleFactor};
use memmap2::Mmap;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};
use ttf_parser::{PlatformId, name_id};

/// Faces of a collection that are looked at.
const MOST_FACES: u32 = 64;
/// A glyph larger than so many ems is not drawn: its size would be the font's to choose.
const MOST_EMS: f32 = 4.0;

/// Names a font file of the system or of the app's package; it must not be written to while open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FontFile {
    /// A `.ttf`, `.otf` or `.ttc` file.
    pub path: PathBuf,
    /// Face of a collection; `None` takes its first Simplified Chinese one, else the first.
    pub index: Option<u32>,
}

/// A mapped font file and the chosen face.
pub(crate) struct FontSource {
    map: Mmap,
    index: u32,
}

/// A parsed face.
pub(crate) struct Face<'a> {
    font: FontRef<'a>,
    per_em: f32,
}

/// How much of each pixel a glyph covers, 0 to 255, row after row.
pub(crate) struct Bitmap {
    /// Left edge, from the pen.
    pub(crate) left: i32,
    /// Upper edge, from the baseline; negative is above.
    pub(crate) top: i32,
    /// Pixels in a row; not 0.
    pub(crate) width: usize,
    /// Coverage.
    pub(crate) ink: Vec<u8>,
}

impl FontSource {
    /// Maps the file and checks that the face can be read.
    pub(crate) fn open(file: &FontFile) -> Result<Self, MediaError> {
        let map = map(&file.path)?;
        let index = match file.index {
            Some(index) => index,
            None => guarded(|| Ok(chinese_face(&map)))?,
        };
        let source = Self { map, index };
        guarded(|| source.face().map(drop))?;
        Ok(source)
    }

    /// Parses the face; call it under [`guarded`].
    pub(crate) fn face(&self) -> Result<Face<'_>, MediaError> {
        let font = FontRef::try_from_slice_and_index(&self.map, self.index)
            .map_err(|_| MediaError::Font { detail: format!("no face {} in the file", self.index) })?;
        let per_em = font.units_per_em().filter(|n| *n >= 16.0);
        let per_em = per_em.ok_or_else(|| MediaError::Font { detail: "no size of its em".into() })?;
        Ok(Face { font, per_em })
    }
}

impl Face<'_> {
    /// Finds the glyph of a character; `None` if the face has none, or one without ink.
    pub(crate) fn glyph(&self, character: char) -> Option<GlyphId> {
        let id = self.font.glyph_id(character);
        // Glyph 0 is the box of a missing character; colour glyphs have no outline.
        let drawn = id.0 != 0 && (character == ' ' || self.font.outline(id).is_some());
        drawn.then_some(id)
    }

    /// Returns the pen's way to the next glyph at `em` pixels.
    pub(crate) fn advance(&self, id: GlyphId, em: f32) -> f32 {
        let advance = self.font.h_advance_unscaled(id) * em / self.per_em;
        advance.clamp(0.0, MOST_EMS * em)
    }

    /// Draws a glyph at `em` pixels; `None` for one without ink.
    pub(crate) fn bitmap(&self, id: GlyphId, em: f32) -> Result<Option<Bitmap>, MediaError> {
        let Some(outline) = self.font.outline(id) else { return Ok(None) };
        // `PxScale` counts ascent and descent, not the em, so it is passed by.
        let factor = em / self.per_em;
        let factor = PxScaleFactor { horizontal: factor, vertical: factor };
        let glyph = Glyph { id, scale: PxScale::from(em), position: Point::default() };
        let outlined = OutlinedGlyph::new(glyph, outline, factor);
        let bounds = outlined.px_bounds();
        let sides = [bounds.min.x, bounds.min.y, bounds.max.x, bounds.max.y];
        if !sides.iter().all(|side| side.abs() <= MOST_EMS * em) {
            return Err(MediaError::Font { detail: "a glyph of many ems".into() });
        }
        let (width, height) = (bounds.width() as usize, bounds.height() as usize);
        if width == 0 || height == 0 {
            return Ok(None);
        }
        let mut ink = vec![0; width * height];
        outlined.draw(|x, y, covered| {
            if let Some(pixel) = ink.get_mut(y as usize * width + x as usize) {
                *pixel = (covered * 255.0).round() as u8;
            }
        });
        Ok(Some(Bitmap { left: bounds.min.x as i32, top: bounds.min.y as i32, width, ink }))
    }
}

/// Runs what reads a font; a panic of the parser becomes an error.
pub(crate) fn guarded<T>(read: impl FnOnce() -> Result<T, MediaError>) -> Result<T, MediaError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(MediaError::Font { detail: "the font parser failed".into() }))
}

/// Returns the first face of a collection that names itself Simplified Chinese, else 0.
fn chinese_face(data: &[u8]) -> u32 {
    let faces = ttf_parser::fonts_in_collection(data).unwrap_or(1).min(MOST_FACES);
    (0..faces).find(|index| is_simplified(data, *index)).unwrap_or(0)
}

/// `Noto Sans CJK SC`, `Source Han Sans CN`: the language stands last in a family's name.
fn is_simplified(data: &[u8], index: u32) -> bool {
    let Ok(face) = ttf_parser::Face::parse(data, index) else { return false };
    face.names().into_iter().any(|name| {
        let family = matches!(name.name_id, name_id::FAMILY | name_id::TYPOGRAPHIC_FAMILY);
        let text = match name.platform_id {
            PlatformId::Macintosh => String::from_utf8(name.name.to_vec()).ok(),
            _ => name.to_string(),
        };
        family && text.is_some_and(|t| matches!(t.split(' ').next_back(), Some("SC" | "CN" | "GB")))
    })
}
