//! Is this response headquarters' answer to this request?
//!
//! Invariant: everything but a signature over our nonce, the status, the next nonce and the
//! body is "no network": captive portals answer 200 with HTML (F18). Rejected: trusting TLS
//! alone; a town's proxy may end it.

use super::SyncError;
use base64::Engine as _;
use lanewalk_protocol::{
    frame::{self, MEDIA_TYPE},
    http::{NEXT_NONCE, RESPONSE_SIGNATURE, Request, Response, header},
    keys::{Algorithm, Domain, PublicKey, Signature, verify_domain},
    limits,
    receipt::{ErrorBody, response_message},
};

/// A checked answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) next_nonce: String,
    pub(super) body: Vec<u8>,
}

/// Checks media type and signature.
pub(super) fn check(response: Response, request_nonce: &str, hq: &PublicKey) -> Result<Answer, SyncError> {
    let no_network = |why: &str| SyncError::NoNetwork { detail: why.to_owned() };
    let media = header(&response.headers, "content-type").unwrap_or_default();
    if media.split(';').next().map(str::trim) != Some(MEDIA_TYPE) {
        return Err(no_network("not headquarters: media type"));
    }
    if response.body.len() > limits::MAX_RESPONSE_BYTES {
        return Err(no_network("not headquarters: too large"));
    }
    let next_nonce = header(&response.headers, NEXT_NONCE).unwrap_or_default().to_owned();
    let signature = header(&response.headers, RESPONSE_SIGNATURE)
        .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok())
        .and_then(|bytes| {
            let (id, rest) = bytes.split_first()?;
            Signature::new(Algorithm::from_id(*id).ok()?, rest).ok()
        })
        .ok_or_else(|| no_network("not headquarters: no signature"))?;
    let message = response_message(request_nonce, response.status, &next_nonce, &response.body);
    verify_domain(hq, Domain::Response, &message, &signature)
        .map_err(|_| no_network("not headquarters: signature"))?;
    Ok(Answer { status: response.status, next_nonce, body: response.body })
}

/// Reads the error body of a checked answer.
pub(super) fn error_body(answer: &Answer) -> Result<ErrorBody, SyncError> {
    frame::decode(&answer.body, limits::MAX_REQUEST_DECODED)
        .map_err(|e| SyncError::Protocol { detail: format!("status {}: {e}", answer.status) })
}

/// Turns headquarters' refusal of a whole request into what the shell can act on.
pub(super) fn refusal(error: ErrorBody) -> SyncError {
    let ErrorBody { code, detail, need_seq, retry_after_s } = error;
    match code.as_str() {
        "revoked" => SyncError::Revoked { detail },
        "fork" => SyncError::Fork { detail },
        "chain_gap" => SyncError::ChainGap { need_seq: need_seq.unwrap_or(1) },
        "version_too_old" => SyncError::VersionTooOld,
        // Whatever is wrong there, headquarters says that waiting helps.
        _ if retry_after_s.is_some() => SyncError::Overloaded { retry_after_s: retry_after_s.unwrap_or(30) },
        _ => SyncError::Refused { code, detail },
    }
}

/// Counts what a request costs on the wire: body and headers.
pub(super) fn request_bytes(request: &Request) -> u64 {
    let line = request.method.len() + request.path.len() + request.query.len() + request.authority.len() + 20;
    bytes(line, &request.headers, &request.body)
}

/// Counts what a response costs.
pub(super) fn response_bytes(response: &Response) -> u64 {
    bytes(16, &response.headers, &response.body)
}

fn bytes(line: usize, headers: &[(String, String)], body: &[u8]) -> u64 {
    // Each header line has ": " and a line end.
    let headers: usize = headers.iter().map(|(n, v)| n.len() + v.len() + 4).sum();
    (line + headers + body.len()) as u64
}
