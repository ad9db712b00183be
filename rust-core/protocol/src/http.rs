//! Requests and responses as plain data, the same for real sockets and the simulator.
//!
//! Invariant: everything that is signed or checked is in these structs; a transport only moves
//! them. Rejected: a web framework's types in the core, which the simulator could not drive.

use crate::httpsig::SIGNATURE;
use lanewalk_model::id::to_hex;
use sha2::{Digest as _, Sha256};

/// Header carrying headquarters' signature over [`crate::receipt::response_message`]:
/// base64 of the algorithm id byte followed by the signature.
pub const RESPONSE_SIGNATURE: &str = "lanewalk-signature";
/// Header carrying the nonce for the device's next request.
pub const NEXT_NONCE: &str = "lanewalk-nonce";
/// Path of the sync request.
pub const SYNC_PATH: &str = "/v1/sync";
/// Path of the enrolment request.
pub const ENROL_PATH: &str = "/v1/enrol";

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// Upper-case method.
    pub method: String,
    /// Host as in the Host header, lower case, with port unless it is the scheme's default.
    pub authority: String,
    /// Path without query.
    pub path: String,
    /// Query without `?`; may be empty.
    pub query: String,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Request {
    /// Returns what headquarters' answer is bound to: the request's signature (RFC 9421 §2.4 has
    /// `"signature";req` for it), or the SHA-256 of the body in hex where there is none, as with an
    /// enrolment. Not the nonce: a request that got no answer is followed by another with the same one.
    pub fn binding(&self) -> String {
        let signature = header(&self.headers, SIGNATURE).map(str::to_owned);
        signature.unwrap_or_else(|| to_hex(&Sha256::digest(&self.body)))
    }
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// Finds a header by its lower-case name.
pub fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

/// Returns the authority of a base URL, as phones put it into every request and headquarters expects it:
/// lower case, without the scheme's default port. `None` for what is no base URL: another scheme, a path, a
/// user, no host.
pub fn authority(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let default = match scheme.to_ascii_lowercase().as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let authority = rest.trim_end_matches('/').to_ascii_lowercase();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    if authority.is_empty() || authority.starts_with(':') || !authority.bytes().all(plain) {
        return None;
    }
    // `[::]:80` ends in a port, a bare `[::]` in a bracket; a name has at most one colon.
    Some(authority.strip_suffix(default).unwrap_or(&authority).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities() {
        for (url, want) in [
            ("https://HQ.example/", Some("hq.example")),
            ("HTTPS://hq.example:443", Some("hq.example")),
            ("https://hq.example:80", Some("hq.example:80")),
            ("https://hq.example:8443", Some("hq.example:8443")),
            ("http://127.0.0.1:8080", Some("127.0.0.1:8080")),
            ("http://[::1]:80", Some("[::1]")),
            ("http://:80", None),
            ("https://:8443", None),
            ("https://hq.example/path", None),
            ("https://user@hq.example", None),
            ("ftp://hq.example", None),
            ("https://", None),
            ("hq.example", None),
        ] {
            assert_eq!(authority(url).as_deref(), want, "{url}");
        }
    }
}
