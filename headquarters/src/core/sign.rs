//! The two small signatures headquarters makes all day.

use lanewalk_protocol::{
    frame, http,
    keys::{DeviceSigner, Domain, sign_domain},
    receipt::response_message,
};

/// Makes the headers of an answer: its type, its signature, and the device's next nonce if there is
/// one.
pub(crate) fn response_headers(
    signer: &dyn DeviceSigner,
    binding: &str,
    status: u16,
    next: &str,
    message: &[u8],
) -> Vec<(String, String)> {
    let signature = sign_response(signer, binding, status, next, message);
    let mut headers = vec![
        ("content-type".to_owned(), frame::MEDIA_TYPE.to_owned()),
        (http::RESPONSE_SIGNATURE.to_owned(), signature),
    ];
    if !next.is_empty() {
        headers.push((http::NEXT_NONCE.to_owned(), next.to_owned()));
    }
    headers
}

/// Signs an answer: base64 of algorithm id and signature; empty if the key cannot sign, which a
/// phone then treats as "no network".
fn sign_response(
    signer: &dyn DeviceSigner,
    binding: &str,
    status: u16,
    next_nonce: &str,
    body: &[u8],
) -> String {
    use base64::Engine as _;
    let message = response_message(binding, status, next_nonce, body);
    let Ok(signature) = sign_domain(signer, Domain::Response, &message) else { return String::new() };
    let mut bytes = vec![signature.algorithm().id()];
    bytes.extend(signature.bytes());
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// HMAC-SHA-256 over a time, cut to 16 bytes. Not over the epoch: what a phone saw before a
/// restore still anchors the entries it has not sent.
pub(super) fn hmac_tag(secret: &[u8; 32], hq_time: i64) -> [u8; 16] {
    use hmac::{KeyInit as _, Mac as _};
    let mut out = [0; 16];
    // HMAC takes keys of any length.
    if let Ok(mut mac) = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret) {
        mac.update(&hq_time.to_be_bytes());
        for (o, b) in out.iter_mut().zip(mac.finalize().into_bytes()) {
            *o = b;
        }
    }
    out
}
