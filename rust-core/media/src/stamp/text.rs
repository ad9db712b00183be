//! The text of a stamp before it meets a font.
//!
//! Invariant: what is left is either a space or something to be seen. Rejected: refusing invisible
//! characters; they come along when a name is copied from a web page and nobody can find them.

use unicode_linebreak::{BreakOpportunity, linebreaks};

/// Returns true for characters that have no ink by design: control characters, marks of direction,
/// zero-width joiners, variation selectors, fillers.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F
            | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0x1_D173..=0x1_D17A | 0xE_0000..=0xE_0FFF)
}

/// Makes every kind of space a plain one, drops invisible characters, trims.
pub(super) fn clean(line: &str) -> String {
    let visible = line
        .chars()
        .filter_map(|c| if c.is_whitespace() { Some(' ') } else { (!is_invisible(c)).then_some(c) });
    visible.collect::<String>().trim().to_owned()
}

/// Says for each character whether a line may end after it (UAX 14: not before `,` or `)`, not
/// within a number).
pub(super) fn breaks(line: &str) -> Vec<bool> {
    let allowed: Vec<usize> = linebreaks(line)
        .filter(|(_, kind)| *kind == BreakOpportunity::Allowed)
        .map(|(offset, _)| offset)
        .collect();
    let ends = line.char_indices().map(|(at, c)| at + c.len_utf8());
    ends.map(|end| allowed.binary_search(&end).is_ok()).collect()
}
