//! One answer in both formats.
//!
//! Invariant: JSON and XML are written from the same tree, so they cannot disagree; a text becomes
//! well-formed XML whatever is in it. Rejected: two serialisers per answer.

use serde_json::Value;

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// Nothing: `null`, or an empty element.
    Null,
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// Yes or no.
    Bool(bool),
    /// Several things, with the name that each has in XML.
    List(&'static str, Vec<Node>),
    /// Named things, in order.
    Map(Vec<(&'static str, Node)>),
}

/// Makes a text; nothing of an empty one.
pub(super) fn text(text: &str) -> Node {
    if text.is_empty() { Node::Null } else { Node::Text(text.to_owned()) }
}

impl Node {
    /// Writes it as JSON.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => Value::String(text.clone()),
            // Whole numbers without a fraction: codes are compared as integers.
            Self::Number(n) if n.fract() == 0.0 && n.abs() < 1e15 => Value::from(*n as i64),
            Self::Number(n) => Value::from(*n),
            Self::Bool(b) => Value::Bool(*b),
            Self::List(_, all) => Value::Array(all.iter().map(Self::json).collect()),
            Self::Map(all) => {
                Value::Object(all.iter().map(|(name, node)| ((*name).to_owned(), node.json())).collect())
            }
        }
    }

    /// Writes it as an XML document under a root element.
    pub(super) fn xml(&self, root: &str) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
        self.element(root, &mut out);
        out
    }

    fn element(&self, name: &str, out: &mut String) {
        if *self == Self::Null {
            out.push_str(&format!("<{name}/>"));
            return;
        }
        out.push_str(&format!("<{name}>"));
        match self {
            Self::Null => {}
            Self::Text(text) => escape(text, out),
            Self::Number(n) => out.push_str(&n.to_string()),
            Self::Bool(b) => out.push_str(&b.to_string()),
            Self::List(each, all) => all.iter().for_each(|node| node.element(each, out)),
            Self::Map(all) => all.iter().for_each(|(name, node)| node.element(name, out)),
        }
        out.push_str(&format!("</{name}>"));
    }
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' => out.push(c),
            // A parser would make a line end of it.
            '\r' => out.push_str("&#13;"),
            // XML 1.0 has no way to write these.
            c if c.is_control() || matches!(u32::from(c), 0xFFFE | 0xFFFF) => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
}
