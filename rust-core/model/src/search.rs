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

/// A word or Chinese character, folded, and where it stands, in characters.
struct Token {
    text: String,
    from: usize,
    to: usize,
}

/// Splits text into tokens: runs of letters and digits, and single Chinese characters.
fn tokens(text: &str) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::new();
    let mut open = false;
    for (at, c) in text.chars().enumerate().flat_map(|(at, c)| fold(c).map(move |c| (at, c))) {
        if !is_cjk(c) && !c.is_alphanumeric() {
            open = false;
            continue;
        }
        match out.last_mut() {
            Some(last) if open && !is_cjk(c) => {
                last.text.push(c);
                last.to = at + 1;
            }
            _ => out.push(Token { text: c.to_string(), from: at, to: at + 1 }),
        }
        open = !is_cjk(c);
    }
    out
}

fn words(text: &str) -> Vec<String> {
    tokens(text).into_iter().map(|t| t.text).collect()
}

/// Returns the phrases of a query.
fn phrases(query: &str) -> Vec<Vec<String>> {
    let short: String = query.chars().take(MAX_QUERY_CHARS).collect();
    short.split_whitespace().map(words).filter(|t| !t.is_empty()).collect()
}

/// Says whether a phrase begins at a token; its last word may go on.
fn begins(tokens: &[Token], phrase: &[String]) -> bool {
    let Some((last, first)) = phrase.split_last() else { return false };
    let whole = tokens.iter().zip(first).all(|(t, word)| t.text == *word);
    whole && tokens.get(first.len()).is_some_and(|t| t.text.starts_with(last.as_str()))
}

/// Says whether all phrases of a query are in a text, as the index would say it.
pub fn is_in(text: &str, query: &str) -> bool {
    let (tokens, phrases) = (tokens(text), phrases(query));
    let found =
        |phrase: &Vec<String>| (0..tokens.len()).any(|i| begins(tokens.get(i..).unwrap_or_default(), phrase));
    !phrases.is_empty() && phrases.iter().all(found)
}

/// A piece of a text and whether the query is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// It is what was looked for.
    pub hit: bool,
}

/// Cuts out of a text what surrounds the first place where the query is found: at most `most`
/// characters, with the places marked. The beginning when nothing is found.
pub fn excerpt(text: &str, query: &str, most: usize) -> Vec<Piece> {
    let (tokens, phrases) = (tokens(text), phrases(query));
    let mut hits: Vec<(usize, usize)> = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        let rest = tokens.get(i..).unwrap_or_default();
        let longest = phrases.iter().filter(|p| begins(rest, p)).map(Vec::len).max();
        let end = longest.and_then(|len| tokens.get(i + len - 1)).map(|last| last.to);
        hits.extend(end.map(|end| (token.from, end)));
    }
    let first = hits.first().map_or(0, |h| h.0);
    let chars: Vec<char> = text.chars().collect();
    // A third of it before the hit, so that the eye finds what it is about.
    let from = first.saturating_sub(most / 3).min(chars.len().saturating_sub(most));
    let to = from.saturating_add(most).min(chars.len());
    let mut out: Vec<Piece> = Vec::new();
    let marked = |at: usize| hits.iter().any(|(a, b)| (*a..*b).contains(&at));
    for (at, c) in chars.iter().enumerate().take(to).skip(from) {
        let hit = marked(at);
        match out.last_mut() {
            Some(last) if last.hit == hit => last.text.push(*c),
            _ => out.push(Piece { text: c.to_string(), hit }),
        }
    }
    if from > 0 {
        out.insert(0, Piece { text: "…".into(), hit: false });
    }
    if to < chars.len() {
        out.push(Piece { text: "…".into(), hit: false });
    }
    out
}

/// Returns the text to store in an FTS5 column (tokens with spaces between).
pub fn index_text(text: &str) -> String {
    words(text).join(" ")
}

/// Returns an FTS5 MATCH expression: each word of the query as a phrase, the last one as a
/// prefix, all required; `None` when nothing searchable is in it. Never contains raw user
/// syntax, so no input can be an FTS5 error.
pub fn match_expression(query: &str) -> Option<String> {
    let phrases: Vec<String> = phrases(query).iter().map(|p| format!("\"{}\"*", p.join(" "))).collect();
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

    #[test]
    fn the_title_has_it_as_the_index_says() {
        for (text, query, want) in [
            ("华府一品停车难", "停车", true),
            ("华府一品停车难", "华府 停车", true),
            ("华府一品停车难", "停难", false),
            ("ABC-12号", "abc", true),
            ("ABC-12号", "1", true),
            ("ABC-12号", "bc", false),
            ("华府", "", false),
        ] {
            assert_eq!(is_in(text, query), want, "{text} {query}");
        }
    }

    #[test]
    fn excerpts_surround_the_first_hit_and_mark_all() {
        let marked = |text: &str, query: &str, most| -> String {
            let pieces = excerpt(text, query, most);
            pieces.iter().map(|p| if p.hit { format!("[{}]", p.text) } else { p.text.clone() }).collect()
        };
        for (text, query, most, want) in [
            ("门前停车,路边停车", "停车", 20, "门前[停车],路边[停车]"),
            ("一二三四五六停车八九十", "停车", 6, "…五六[停车]八九…"),
            ("没有", "停车", 20, "没有"),
            ("一二三四五", "x", 3, "一二三…"),
            ("Ａbc 12号", "ABC", 20, "[Ａbc] 12号"),
            ("", "a", 5, ""),
        ] {
            assert_eq!(marked(text, query, most), want, "{text} {query}");
        }
    }
}
