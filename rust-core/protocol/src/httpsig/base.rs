//! The signature base: the text that is signed (RFC 9421 §2.5).
//!
//! Invariant: signer and verifier build it with the same function from the same values, so the
//! profile is exercised by the RFC's own vectors. Rejected: building the profile's base with one
//! format string, which no published vector could test.

use super::RequestParts;

/// Lists the components that the profile covers, in their order.
pub(super) const COVERED: [&str; 5] = ["@method", "@authority", "@path", "@query", "content-digest"];

/// Holds the value of a signature parameter (RFC 9421 §2.3): an RFC 8941 integer or string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamValue<'a> {
    /// A bare integer, as `created` is.
    Integer(i64),
    /// A quoted string, as `nonce` and `keyid` are.
    String(&'a str),
}

/// Serialises the value of `@signature-params`: the component names in parentheses, then the
/// parameters in the order given. It is also the member's value in `Signature-Input`.
pub fn signature_params(names: &[&str], params: &[(&str, ParamValue<'_>)]) -> String {
    let mut out = String::from("(");
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            out.push(' ');
        }
        push_string(&mut out, name);
    }
    out.push(')');
    for (name, value) in params {
        out.push(';');
        out.push_str(name);
        out.push('=');
        match value {
            ParamValue::Integer(number) => out.push_str(&number.to_string()),
            ParamValue::String(text) => push_string(&mut out, text),
        }
    }
    out
}

/// Builds the signature base from (component name, value) pairs and parameters: one line each,
/// then the `@signature-params` line without a line feed. Values are taken as they are; whoever
/// verifies has checked that they contain no line feed.
pub fn signature_base(components: &[(&str, &str)], params: &[(&str, ParamValue<'_>)]) -> String {
    let names: Vec<&str> = components.iter().map(|(name, _)| *name).collect();
    let mut out = String::new();
    for (name, value) in components {
        push_string(&mut out, name);
        out.push_str(": ");
        out.push_str(value);
        out.push('\n');
    }
    out.push_str("\"@signature-params\": ");
    out.push_str(&signature_params(&names, params));
    out
}

/// Returns the parameters of the profile in their order.
pub(super) fn profile_params<'a>(
    created_s: i64,
    nonce: &'a str,
    key_id: &'a str,
) -> [(&'static str, ParamValue<'a>); 3] {
    [
        ("created", ParamValue::Integer(created_s)),
        ("nonce", ParamValue::String(nonce)),
        ("keyid", ParamValue::String(key_id)),
    ]
}

/// Builds the base of a request in the profile (RFC 9421 §2.2: authority in lower case, an empty
/// path as `/`, the query with its `?` even when empty).
pub(super) fn profile_base(
    parts: &RequestParts<'_>,
    digest: &str,
    params: &[(&str, ParamValue<'_>)],
) -> String {
    let authority = parts.authority.to_ascii_lowercase();
    let path = if parts.path.is_empty() { "/" } else { parts.path };
    let query = format!("?{}", parts.query);
    let [method_name, authority_name, path_name, query_name, digest_name] = COVERED;
    let components = [
        (method_name, parts.method),
        (authority_name, authority.as_str()),
        (path_name, path),
        (query_name, query.as_str()),
        (digest_name, digest),
    ];
    signature_base(&components, params)
}

/// Appends an RFC 8941 string: quoted, with `"` and `\` escaped.
fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;

    #[test]
    fn the_profile_base_is_these_six_lines() {
        let parts =
            RequestParts { method: "POST", authority: "HQ.Example:8443", path: "", query: "", body: b"" };
        let text = profile_base(&parts, "sha-256=:x:", &profile_params(-5, "n", "k"));
        let wanted = [
            r#""@method": POST"#,
            r#""@authority": hq.example:8443"#,
            r#""@path": /"#,
            r#""@query": ?"#,
            r#""content-digest": sha-256=:x:"#,
            r#""@signature-params": ("@method" "@authority" "@path" "@query" "content-digest");created=-5;nonce="n";keyid="k""#,
        ];
        assert_eq!(text, wanted.join("\n"));
    }

    #[test]
    fn strings_cannot_leave_their_quotes() {
        let params = [("nonce", ParamValue::String(r#"x";keyid="other\"#))];
        assert_eq!(signature_params(&[], &params), r#"();nonce="x\";keyid=\"other\\""#);
    }
}
