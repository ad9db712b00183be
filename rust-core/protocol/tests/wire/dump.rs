//! CBOR for people: one item a line, hex on the left, what it says on the right.

use lanewalk_model::id::to_hex;
use minicbor::{Decoder, data::Type};

/// Names what stands at a place; the path holds the indices and map keys that lead to it.
pub(crate) type Names<'a> = &'a dyn Fn(&[u64]) -> &'static str;

/// Writes an encoding item by item. The hex of all lines is exactly `bytes`.
pub(crate) fn dump(bytes: &[u8], names: Names<'_>) -> String {
    let mut out = String::new();
    let mut d = Decoder::new(bytes);
    item(&mut d, bytes, &mut Vec::new(), names, &mut out);
    assert_eq!(d.position(), bytes.len());
    out
}

fn item(d: &mut Decoder<'_>, bytes: &[u8], path: &mut Vec<u64>, names: Names<'_>, out: &mut String) {
    let start = d.position();
    let mut line = |d: &Decoder<'_>, what: String| {
        let hex = "  ".repeat(path.len()) + &to_hex(&bytes[start..d.position()]);
        let name = names(path);
        let gap = if name.is_empty() || what.is_empty() { "" } else { ": " };
        out.push_str(format!("{hex}  ; {name}{gap}{what}").trim_end_matches("  ; "));
        out.push('\n');
    };
    match d.datatype().unwrap() {
        Type::Array => {
            let len = d.array().unwrap().unwrap();
            line(d, format!("array of {len}"));
            for i in 0..len {
                path.push(i);
                item(d, bytes, path, names, out);
                path.pop();
            }
        }
        Type::Map => {
            let len = d.map().unwrap().unwrap();
            line(d, format!("map of {len}"));
            for _ in 0..len {
                let at = d.position();
                let key = d.u64().unwrap();
                let hex = to_hex(&bytes[at..d.position()]);
                path.push(key);
                out.push_str(&format!("{}{hex}  ; key {key}\n", "  ".repeat(path.len())));
                item(d, bytes, path, names, out);
                path.pop();
            }
        }
        Type::Bytes => {
            let len = d.bytes().unwrap().len();
            line(d, if len == 0 { "empty".into() } else { String::new() });
        }
        Type::String => {
            let text = d.str().unwrap().to_owned();
            line(d, format!("{text:?}"));
        }
        Type::Bool => {
            let value = d.bool().unwrap();
            line(d, value.to_string());
        }
        Type::Null => {
            d.null().unwrap();
            line(d, "null".into());
        }
        _ => {
            let number = d.int().unwrap();
            line(d, number.to_string());
        }
    }
}
