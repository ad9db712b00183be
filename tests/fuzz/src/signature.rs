//! Any lines are read as the signature headers of a request.

use lanewalk_protocol::{
    httpsig::{RequestParts, SignatureHeadersRef, parse, sign_request, verify_request},
    keys::{Algorithm, SoftSigner},
};

const PARTS: RequestParts<'_> =
    RequestParts { method: "POST", authority: "hq.test", path: "/v1/sync", query: "", body: b"" };

/// What is claimed can be written in one way only; what verifies was signed with this very key.
pub(crate) fn check(data: &[u8]) {
    let lines = data.split(|b| *b == b'\n').filter_map(|line| {
        let at = line.windows(2).position(|w| w == b": ")?;
        Some((std::str::from_utf8(line.get(..at)?).ok()?, line.get(at + 2..)?))
    });
    let Ok(headers) = SignatureHeadersRef::from_lines(lines) else { return };
    let key = SoftSigner::new(Algorithm::Ed25519, &[5; 32]).expect("a key");
    if let Ok(claimed) = parse(&headers) {
        let again = sign_request(PARTS, claimed.created_s, &claimed.nonce, &claimed.key_id, &key)
            .expect("a soft key signs");
        assert_eq!(Some(again.signature_input.as_str()), headers.signature_input);
        if verify_request(PARTS, &headers, &key.public_key()).is_ok() {
            assert_eq!(Some(again.signature.as_str()), headers.signature);
        }
    }
}
