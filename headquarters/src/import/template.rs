//! Joins columns into one field: `"{title}[；{detail}]"`.
//!
//! Invariant: a template only copies cells and its own fixed text; where every column it names is
//! empty, the result is empty, so that fixed words never pretend that something was reported.
//! Rejected: an expression language; a mapping file is data that a clerk must be able to read.

/// Holds a parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Column(String),
    /// Left out where all its columns are empty.
    Optional(Vec<Piece>),
}

/// More pieces than a readable mapping has; bounds what one row may become.
const MAX_PIECES: usize = 64;

impl Template {
    /// Parses `{column}`, an optional group `[…{column}…]`, and the doubled `{{ }} [[ ]]` for themselves.
    ///
    /// # Errors
    /// None for an unclosed or unopened bracket, an empty column, a group in a group or without a
    /// column, no column at all, or more than 64 pieces.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut chars = text.chars().peekable();
        let mut outer: Vec<Piece> = Vec::new();
        let mut group: Option<Vec<Piece>> = None;
        let (mut count, mut columns) = (0_usize, 0_usize);
        while let Some(c) = chars.next() {
            let doubled = matches!(c, '{' | '}' | '[' | ']') && chars.next_if_eq(&c).is_some();
            let into = group.as_mut().unwrap_or(&mut outer);
            match c {
                '{' if !doubled => {
                    let mut name = String::new();
                    loop {
                        match chars.next()? {
                            '}' => break,
                            letter => name.push(letter),
                        }
                    }
                    if name.trim().is_empty() {
                        return None;
                    }
                    into.push(Piece::Column(name.trim().to_owned()));
                    columns = columns.saturating_add(1);
                }
                '}' if !doubled => return None,
                '[' if !doubled => {
                    if group.replace(Vec::new()).is_some() {
                        return None;
                    }
                }
                ']' if !doubled => {
                    let done = group.take()?;
                    if !done.iter().any(|piece| matches!(piece, Piece::Column(_))) {
                        return None;
                    }
                    outer.push(Piece::Optional(done));
                }
                letter => {
                    if let Some(Piece::Text(text)) = into.last_mut() {
                        text.push(letter);
                        continue;
                    }
                    into.push(Piece::Text(letter.to_string()));
                }
            }
            count = count.saturating_add(1);
        }
        (group.is_none() && columns > 0 && count <= MAX_PIECES).then_some(Self { pieces: outer })
    }

    /// Lists the columns that it names.
    pub(super) fn columns(&self) -> Vec<&str> {
        fn collect<'a>(pieces: &'a [Piece], into: &mut Vec<&'a str>) {
            for piece in pieces {
                match piece {
                    Piece::Text(_) => {}
                    Piece::Column(name) => into.push(name),
                    Piece::Optional(inner) => collect(inner, into),
                }
            }
        }
        let mut names = Vec::new();
        collect(&self.pieces, &mut names);
        names
    }

    /// Fills it in; `cell` gives a column's text. White space alone counts as empty.
    pub(super) fn fill<'a>(&self, cell: &dyn Fn(&str) -> &'a str) -> String {
        fill(&self.pieces, cell)
    }
}

fn fill<'a>(pieces: &[Piece], cell: &dyn Fn(&str) -> &'a str) -> String {
    let (mut made, mut any) = (String::new(), false);
    for piece in pieces {
        match piece {
            Piece::Text(text) => made.push_str(text),
            Piece::Column(name) => {
                let text = cell(name);
                if !text.trim().is_empty() {
                    made.push_str(text);
                    any = true;
                }
            }
            Piece::Optional(inner) => {
                let text = fill(inner, cell);
                any |= !text.is_empty();
                made.push_str(&text);
            }
        }
    }
    if any { made } else { String::new() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn fills_in() {
        let cell = |name: &str| match name {
            "a" => "甲",
            "b" => "=1+1",
            "blank" => " \u{3000}",
            _ => "",
        };
        for (template, want) in [
            ("{a}", "甲"),
            ("{a} {b}", "甲 =1+1"),
            ("{a}[；{none}]", "甲"),
            ("{a}[；{b}]", "甲；=1+1"),
            ("报：{none}{blank}", ""),
            ("报：[x{blank}]{ a }", "报：甲"),
            ("{{{a}}} [[1]]", "{甲} [1]"),
        ] {
            let parsed = Template::parse(template).unwrap_or_else(|| panic!("{template}"));
            assert_eq!(parsed.fill(&cell), want, "{template}");
        }
        assert_eq!(Template::parse("{a}[-{b}]").unwrap().columns(), ["a", "b"]);
    }

    #[test]
    fn refuses() {
        let long = "{a}".repeat(65);
        for bad in
            ["", "x", "{", "{}", "{ }", "a}", "[{a}", "{a}]", "[x]{a}", "[[{a}]", "[{a}[{b}]]x]", &long]
        {
            assert_eq!(Template::parse(bad), None, "{bad}");
        }
    }
}
