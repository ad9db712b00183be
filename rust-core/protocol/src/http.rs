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
