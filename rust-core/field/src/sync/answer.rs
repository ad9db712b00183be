//! Is this response headquarters' answer to this request?
//!
//! Invariant: everything but a signature over our request's signature, the status, the next nonce and the
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
    upload::UploadAnswer,
};

/// A checked answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) next_nonce: String,
    pub(super) body: Vec<u8>,
}

/// Checks media type and signature.
pub(super) fn check(response: Response, binding: &str, hq: &PublicKey) -> Result<Answer, SyncError> {
    let no_network = |why: &str| SyncError::NoNetwork { detail: why.to_owned() };
    let media = header(&response.headers, "content-type").unwrap_or_default();
    if media.split(';').next().map(str::trim) != Some(MEDIA_TYPE) {
        return Err(no_network("not headquarters: media type"));
    }
    check_bytes(response, binding, hq)
}

/// Checks the signature of an answer whose body may be any bytes.
pub(super) fn check_bytes(response: Response, binding: &str, hq: &PublicKey) -> Result<Answer, SyncError> {
    if response.body.len() > limits::MAX_RESPONSE_BYTES {
        return Err(SyncError::NoNetwork { detail: "not headquarters: too large".to_owned() });
    }
    let next_nonce = verify(&response, binding, hq, &response.body)?;
    Ok(Answer { status: response.status, next_nonce, body: response.body })
}

/// Checks headquarters' signature over an answer whose body part is `content`; returns the nonce
/// for the device's next request, empty when the answer gives none.
fn verify(response: &Response, binding: &str, hq: &PublicKey, content: &[u8]) -> Result<String, SyncError> {
    let no_network = |why: &str| SyncError::NoNetwork { detail: why.to_owned() };
    let next_nonce = header(&response.headers, NEXT_NONCE).unwrap_or_default().to_owned();
    let signature = header(&response.headers, RESPONSE_SIGNATURE)
        .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok())
        .and_then(|bytes| {
            let (id, rest) = bytes.split_first()?;
            Signature::new(Algorithm::from_id(*id).ok()?, rest).ok()
        })
        .ok_or_else(|| no_network("not headquarters: no signature"))?;
    let message = response_message(binding, response.status, &next_nonce, content);
    verify_domain(hq, Domain::Response, &message, &signature)
        .map_err(|_| no_network("not headquarters: signature"))?;
    Ok(next_nonce)
}

/// A checked answer about an upload.
pub(super) struct UploadReply {
    pub(super) next_nonce: String,
    pub(super) content: UploadContent,
}

/// What it says.
pub(super) enum UploadContent {
    /// Where the upload stands.
    State(UploadAnswer),
    /// A refusal.
    Refused { status: u16, body: Vec<u8> },
}

/// Checks an answer to a tus request: its headers are what is signed when it is a success.
pub(super) fn check_upload(
    response: Response,
    binding: &str,
    hq: &PublicKey,
) -> Result<UploadReply, SyncError> {
    if !(200..300).contains(&response.status) {
        let next_nonce = verify(&response, binding, hq, &response.body)?;
        let content = UploadContent::Refused { status: response.status, body: response.body };
        return Ok(UploadReply { next_nonce, content });
    }
    let state = UploadAnswer::read(&response.headers)
        .ok_or_else(|| SyncError::NoNetwork { detail: "not headquarters: no upload".to_owned() })?;
    let next_nonce = verify(&response, binding, hq, &state.message())?;
    Ok(UploadReply { next_nonce, content: UploadContent::State(state) })
}

/// Reads a refusal; the answer to a `HEAD` has no body, so its status has to say it.
pub(super) fn upload_error(head: bool, status: u16, body: &[u8]) -> Result<ErrorBody, SyncError> {
    if !head {
        return frame::decode(body, limits::MAX_REQUEST_DECODED)
            .map_err(|e| SyncError::Protocol { detail: format!("status {status}: {e}") });
    }
    let code = match status {
        401 => "nonce",
        403 => "revoked",
        404 => "not_found",
        410 => "upload_gone",
        _ => "unavailable",
    };
    let retry_after_s = (status == 429 || status >= 500).then_some(5);
    Ok(ErrorBody {
        code: code.to_owned(),
        detail: status.to_string(),
        need_seq: None,
        retry_after_s,
        deposit_until: None,
        deposit: None,
    })
}

/// Reads the error body of a checked answer.
pub(super) fn error_body(answer: &Answer) -> Result<ErrorBody, SyncError> {
    frame::decode(&answer.body, limits::MAX_REQUEST_DECODED)
        .map_err(|e| SyncError::Protocol { detail: format!("status {}: {e}", answer.status) })
}

/// Turns headquarters' refusal of a whole request into what the shell can act on. `dice` spreads
/// the phones that were told to wait at the same moment (F24).
pub(super) fn refusal(error: ErrorBody, dice: u32) -> SyncError {
    let ErrorBody { code, detail, need_seq, retry_after_s, deposit_until, deposit: _ } = error;
    match code.as_str() {
        "not_confirmed" => SyncError::NotConfirmed,
        "revoked" => SyncError::Revoked { deposit_until },
        "fork" => SyncError::Fork { detail },
        "chain_gap" => SyncError::ChainGap { need_seq: need_seq.unwrap_or(1) },
        "version_too_old" => SyncError::VersionTooOld,
        // Two requests of this device met in one batch.
        "busy" => SyncError::Overloaded { retry_after_s: spread(1, dice) },
        // Whatever is wrong there, headquarters says that waiting helps.
        _ => match retry_after_s {
            Some(wait) => SyncError::Overloaded { retry_after_s: spread(wait, dice) },
            None => SyncError::Refused { code, detail },
        },
    }
}

/// Lengthens a time to wait by up to a half.
fn spread(wait_s: u32, dice: u32) -> u32 {
    let most = (wait_s / 2).max(1);
    wait_s.saturating_add(dice % (most + 1))
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
