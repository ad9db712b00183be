//! Which characters of two short texts differ, to show the reported beside the verified (R44).
//!
//! Invariant: the pieces of a side put together are that side's text. Rejected: marking pieces of
//! texts that have little in common, where single shared characters make confetti.

/// Texts longer than this are only compared as a whole: the work is the product of both lengths.
const MAX_CHARS: usize = 400;
/// Least share of common characters, in percent, for marking pieces.
const MIN_COMMON: usize = 40;

/// A piece of text and whether the other side has it too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) common: bool,
}

/// Cuts two texts into common and differing pieces. One piece a side when they are equal, too
/// long or have little in common.
pub(super) fn pieces(left: &str, right: &str) -> (Vec<Piece>, Vec<Piece>) {
    let whole = |text: &str, common| vec![Piece { text: text.to_owned(), common }];
    if left == right {
        return (whole(left, true), whole(right, true));
    }
    let (a, b): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    if a.len() > MAX_CHARS || b.len() > MAX_CHARS {
        return (whole(left, false), whole(right, false));
    }
    let (in_a, in_b) = common(&a, &b);
    let shared = in_a.iter().filter(|c| **c).count();
    if shared * 200 < MIN_COMMON * (a.len() + b.len()) {
        return (whole(left, false), whole(right, false));
    }
    (join(&a, &in_a), join(&b, &in_b))
}

/// Marks the characters of a longest common subsequence on both sides.
fn common(a: &[char], b: &[char]) -> (Vec<bool>, Vec<bool>) {
    // Row i, column j: length of the longest common subsequence of a[i..] and b[j..].
    let mut table: Vec<Vec<u16>> = vec![vec![0; b.len() + 1]];
    for x in a.iter().rev() {
        let below = table.last().cloned().unwrap_or_default();
        let mut row = vec![0_u16; b.len() + 1];
        let mut right = 0;
        for (j, y) in b.iter().enumerate().rev() {
            let diagonal = below.get(j + 1).copied().unwrap_or(0);
            let down = below.get(j).copied().unwrap_or(0);
            right = if x == y { diagonal + 1 } else { right.max(down) };
            if let Some(cell) = row.get_mut(j) {
                *cell = right;
            }
        }
        table.push(row);
    }
    table.reverse();
    let at = |i: usize, j: usize| table.get(i).and_then(|r| r.get(j)).copied().unwrap_or(0);
    let (mut in_a, mut in_b) = (vec![false; a.len()], vec![false; b.len()]);
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if x == y {
            if let (Some(p), Some(q)) = (in_a.get_mut(i), in_b.get_mut(j)) {
                (*p, *q) = (true, true);
            }
            (i, j) = (i + 1, j + 1);
        } else if at(i + 1, j) >= at(i, j + 1) {
            i += 1;
        } else {
            j += 1;
        }
    }
    (in_a, in_b)
}

fn join(chars: &[char], common: &[bool]) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    for (c, common) in chars.iter().zip(common) {
        match out.last_mut() {
            Some(piece) if piece.common == *common => piece.text.push(*c),
            _ => out.push(Piece { text: c.to_string(), common: *common }),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    fn marked(pieces: &[Piece]) -> String {
        pieces.iter().map(|p| if p.common { p.text.clone() } else { format!("[{}]", p.text) }).collect()
    }

    #[test]
    fn differences_are_marked_on_both_sides() {
        for (left, right, want_left, want_right) in [
            (
                "潍棉小区3号楼楼道内",
                "潍棉小区3号楼201室内",
                "潍棉小区3号楼[楼道]内",
                "潍棉小区3号楼[201室]内",
            ),
            ("相同", "相同", "相同", "相同"),
            ("有人在楼道养猫", "噪音来自广场舞", "[有人在楼道养猫]", "[噪音来自广场舞]"),
            ("", "查实", "[]", "[查实]"),
        ] {
            let (a, b) = pieces(left, right);
            assert_eq!((marked(&a).as_str(), marked(&b).as_str()), (want_left, want_right));
        }
        let long = "长".repeat(MAX_CHARS + 1);
        assert_eq!(pieces(&long, "长").0.len(), 1);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(left in "[楼道室0-9]{0,30}", right in "[楼道室0-9]{0,30}") {
            let (a, b) = pieces(&left, &right);
            let text = |side: &[Piece]| side.iter().map(|p| p.text.as_str()).collect::<String>();
            let shared = |side: &[Piece]| side.iter().filter(|p| p.common).map(|p| p.text.as_str()).collect::<String>();
            prop_assert_eq!(text(&a), left);
            prop_assert_eq!(text(&b), right);
            prop_assert_eq!(shared(&a), shared(&b));
        }
    }
}
