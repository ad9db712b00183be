//! Fonts of rectangles, so that drawing is tested where no font is installed.
//!
//! Invariant: a legal TrueType file of the tables a reader needs. Rejected: a font in the
//! repository: its licence, its size, and nobody sees which pixel a glyph ought to cover.

/// A glyph: its character, its rectangle (left, bottom, right, top), its advance; 1,000 units an em.
#[derive(Clone, Copy)]
pub(crate) struct Glyph(pub(crate) char, pub(crate) Option<[i16; 4]>, pub(crate) u16);

/// Makes a font file.
pub(crate) fn font(family: &str, glyphs: &[Glyph]) -> Vec<u8> {
    at(0, family, glyphs)
}

/// Makes a collection.
pub(crate) fn collection(faces: &[(&str, &[Glyph])]) -> Vec<u8> {
    let mut bodies = Vec::new();
    let start = 12 + 4 * faces.len();
    let mut offsets = Vec::new();
    for (family, glyphs) in faces {
        let here = start + bodies.len();
        offsets.extend((here as u32).to_be_bytes());
        bodies.extend(at(here, family, glyphs));
    }
    [b"ttcf\0\x01\0\0".to_vec(), (faces.len() as u32).to_be_bytes().to_vec(), offsets, bodies].concat()
}

fn shorts(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|v| (*v as u16).to_be_bytes()).collect()
}

fn at(base: usize, family: &str, glyphs: &[Glyph]) -> Vec<u8> {
    let mut glyphs = glyphs.to_vec();
    glyphs.sort_by_key(|g| g.0);
    // Glyph 0: what other programs draw for a missing character.
    glyphs.insert(0, Glyph('\0', Some([0, 0, 900, 900]), 1_000));
    let (mut glyf, mut loca, mut hmtx) = (Vec::new(), Vec::new(), Vec::new());
    let mut cmap = Vec::new();
    for (n, Glyph(character, rectangle, advance)) in glyphs.iter().enumerate() {
        loca.extend((glyf.len() as u32).to_be_bytes());
        let left = rectangle.map_or(0, |r| i32::from(r[0]));
        hmtx.extend(shorts(&[i32::from(*advance), left]));
        if let Some([l, b, r, t]) = rectangle.map(|r| r.map(i32::from)) {
            // One contour of four points, then no instructions, flags, x and y as differences.
            glyf.extend(shorts(&[1, l, b, r, t, 3, 0]));
            glyf.extend([1; 4]);
            glyf.extend(shorts(&[l, 0, r - l, 0, b, t - b, 0, b - t]));
        }
        if n > 0 {
            let code = u32::from(*character);
            cmap.extend([code, code, n as u32].iter().flat_map(|v| v.to_be_bytes()));
        }
    }
    loca.extend((glyf.len() as u32).to_be_bytes());
    let groups = (glyphs.len() - 1) as u32;
    let cmap_head =
        [shorts(&[0, 1, 3, 10, 0, 12, 12, 0]), [16 + 12 * groups, 0, groups].map(u32::to_be_bytes).concat()];
    let name: Vec<u8> = family.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let name = [shorts(&[0, 1, 18, 3, 1, 0x409, 1, name.len() as i32, 0]), name].concat();
    let head = [
        shorts(&[1, 0, 0, 0, 0, 0, 0x5F0F, 0x3CF5, 0, 1_000]),
        vec![0; 16],
        shorts(&[0, -200, 1_000, 900, 0, 8, 2, 1, 0]),
    ];
    let count = glyphs.len() as i32;
    let hhea = shorts(&[1, 0, 900, -200, 0, 1_000, 0, 0, 1_000, 1, 0, 0, 0, 0, 0, 0, 0, count]);
    let maxp = shorts(&[1, 0, count, 4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    let tables: [(&[u8; 4], Vec<u8>); 8] = [
        (b"cmap", [cmap_head.concat(), cmap].concat()),
        (b"glyf", glyf),
        (b"head", head.concat()),
        (b"hhea", hhea),
        (b"hmtx", hmtx),
        (b"loca", loca),
        (b"maxp", maxp),
        (b"name", name),
    ];
    let mut out = [vec![0, 1, 0, 0], shorts(&[tables.len() as i32, 128, 3, 0])].concat();
    let mut offset = base + 12 + 16 * tables.len();
    for (tag, table) in &tables {
        out.extend(*tag);
        out.extend([0, offset as u32, table.len() as u32].map(u32::to_be_bytes).concat());
        offset += table.len().next_multiple_of(4);
    }
    for (_, mut table) in tables {
        table.resize(table.len().next_multiple_of(4), 0);
        out.extend(table);
    }
    out
}
