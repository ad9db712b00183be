//! The parts of a request that the signature covers.
//!
//! Invariant: parts that pass [`check`] contain no white space and no line feed, so each is one
//! line of the signature base. Rejected: normalising percent-encoding and dots; a program on the
//! way could normalise differently, so the bytes on the wire are what is signed.

use super::HttpSigError;

/// Limits the path, in bytes.
pub const MAX_PATH_LEN: usize = 2_048;
/// Limits the query, in bytes.
pub const MAX_QUERY_LEN: usize = 8_192;
const MAX_METHOD_LEN: usize = 32;
/// A DNS name and a port.
const MAX_AUTHORITY_LEN: usize = 253 + 6;

/// Borrows the parts of a request that the signature covers, as they are on the wire.
#[derive(Debug, Clone, Copy)]
pub struct RequestParts<'a> {
    /// The method, upper case as sent.
    pub method: &'a str,
    /// The `Host` value with its port exactly as sent; letter case does not matter.
    pub authority: &'a str,
    /// The path, percent-encoded as sent; empty means `/`.
    pub path: &'a str,
    /// The query without its `?`, percent-encoded as sent; may be empty.
    pub query: &'a str,
    /// The body as sent, that is, after compression; may be empty.
    pub body: &'a [u8],
}

/// Refuses parts that could not have come from one request line: with them a line of the base
/// could be read in two ways.
pub(super) fn check(parts: &RequestParts<'_>) -> Result<(), HttpSigError> {
    let visible = |byte: &u8| byte.is_ascii_graphic();
    let checks: [(&'static str, &str, usize, bool); 4] = [
        (
            "method",
            parts.method,
            MAX_METHOD_LEN,
            !parts.method.is_empty()
                && parts.method.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
        ),
        (
            "authority",
            parts.authority,
            MAX_AUTHORITY_LEN,
            !parts.authority.is_empty()
                && parts
                    .authority
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte)),
        ),
        (
            "path",
            parts.path,
            MAX_PATH_LEN,
            (parts.path.is_empty() || parts.path.starts_with('/'))
                && parts.path.bytes().all(|byte| visible(&byte) && byte != b'?' && byte != b'#'),
        ),
        ("query", parts.query, MAX_QUERY_LEN, parts.query.bytes().all(|byte| visible(&byte) && byte != b'#')),
    ];
    for (what, text, limit, well_formed) in checks {
        if text.len() > limit {
            return Err(HttpSigError::TooLong(what));
        }
        if !well_formed {
            return Err(HttpSigError::Malformed(what));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;

    #[test]
    fn parts_no_request_line_can_hold_are_refused() {
        let good = RequestParts {
            method: "POST",
            authority: "HQ.example:8443",
            path: "/v1/sync",
            query: "a=b?c&d=%0A",
            body: b"",
        };
        assert_eq!(check(&good), Ok(()));
        assert_eq!(check(&RequestParts { authority: "[::1]:80", path: "", ..good }), Ok(()));
        let long = "x".repeat(MAX_QUERY_LEN + 1);
        let long_path = format!("/{long}");
        let cases = [
            (RequestParts { method: "", ..good }, "malformed"),
            (RequestParts { method: "PO ST", ..good }, "malformed"),
            (RequestParts { method: &long, ..good }, "too_long"),
            (RequestParts { authority: "", ..good }, "malformed"),
            (RequestParts { authority: "hq.example\n\"@path\": /x", ..good }, "malformed"),
            (RequestParts { authority: "user@hq.example", ..good }, "malformed"),
            (RequestParts { authority: &long, ..good }, "too_long"),
            (RequestParts { path: "v1/sync", ..good }, "malformed"),
            (RequestParts { path: "/v1?sync", ..good }, "malformed"),
            (RequestParts { path: "/街", ..good }, "malformed"),
            (RequestParts { path: &long_path, ..good }, "too_long"),
            (RequestParts { query: "a#b", ..good }, "malformed"),
            (RequestParts { query: "a\r\nb", ..good }, "malformed"),
            (RequestParts { query: &long, ..good }, "too_long"),
        ];
        for (parts, code) in cases {
            assert_eq!(check(&parts).unwrap_err().code(), code, "{parts:?}");
        }
    }
}
