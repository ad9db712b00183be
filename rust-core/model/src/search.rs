//! Text as a full-text index wants it, Chinese included.
//!
//! Invariant: index text and query text go through the same folding, and each Chinese character
//! is a token of its own, so a query of any length, even one character, finds what it is part
//! of. Rejected: SQLite's trigram tokenizer, which cannot find two-character names such as 张三,
//! and a dictionary segmenter, which must ship a dictionary and guesses names wrong.

/// Longest query in characters; the rest is ignored.
pub const MAX_QUERY_CHARS: usize = 64;

fn is_cjk(c: char) -> bool {
    matches!(u32::from(c), 0x2E80..=0x2FDF | 0x3005..=0x3007 | 0x3040..=0x30FF | 0x3400..=0x4DBF
        | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// Folds one character: full-width to half-width, upper to lower case.
fn fold(c: char) -> impl Iterator<Item = char> {
    let code = u32::from(c);
    let narrow = match code {
        0x3000 => ' ',
        0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(c),
        _ => c,
    };
    narrow.to_lowercase()
}

/// Splits text into tokens: runs of letters and digits, and single Chinese characters.
fn tokens(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut open = false;
    for c in text.chars().flat_map(fold) {
        if is_cjk(c) {
            out.push(c.to_string());
            open = false;
        } else if c.is_alphanumeric() {
            match out.last_mut() {
                Some(last) if open => last.push(c),
                _ => out.push(c.to_string()),
            }
            open = true;
        } else {
            open = false;
        }
    }
    out
}

/// Returns the text to store in an FTS5 column (tokens with spaces between).
pub fn index_text(text: &str) -> String {
    tokens(text).join(" ")
}

/// Returns an FTS5 MATCH expression: each word of the query as a phrase, the last one as a
/// prefix, all required; `None` when nothing searchable is in it. Never contains raw user
/// syntax, so no input can be an FTS5 error.
pub fn match_expression(query: &str) -> Option<String> {
    let short: String = query.chars().take(MAX_QUERY_CHARS).collect();
    let phrases: Vec<String> = short
        .split_whitespace()
        .map(tokens)
        .filter(|t| !t.is_empty())
        .map(|t| format!("\"{}\"*", t.join(" ")))
        .collect();
    (!phrases.is_empty()).then(|| phrases.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_characters_are_tokens_and_widths_fold() {
        assert_eq!(index_text("华府一品12号楼A座"), "华 府 一 品 12 号 楼 a 座");
        assert_eq!(index_text("12ab,张三"), "12ab 张 三");
    }

    #[test]
    fn queries_are_phrases_and_never_syntax() {
        assert_eq!(match_expression("张三 12号").as_deref(), Some("\"张 三\"* \"12 号\"*"));
        assert_eq!(match_expression("\"; DROP-- NEAR(").as_deref(), Some("\"drop\"* \"near\"*"));
        assert_eq!(match_expression(" *()\"' "), None);
    }
}
