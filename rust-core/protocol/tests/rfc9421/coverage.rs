//! What the signature covers: any altered part is refused, with the right code.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lanewalk_protocol::httpsig::{
    RequestParts, SignatureHeaders, SignatureHeadersRef, content_digest, parse, sign_request, verify_request,
};
use lanewalk_protocol::keys::{Algorithm, DeviceSigner, PublicKey, Signature, SignerError};

use super::{CREATED, KEY_ID, NONCE, PARTS, code, device, signed, swap};

#[test]
fn the_headers_are_spelled_like_this() {
    let (key, headers) = signed();
    assert_eq!(
        headers.signature_input,
        "lw=(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\")\
         ;created=1780000000;nonce=\"q1w2E3r4-T5y6_U7i8\";keyid=\"device:0190b2c4\""
    );
    assert!(headers.content_digest.starts_with("sha-256=:") && headers.content_digest.len() == 54);
    assert!(headers.signature.starts_with("lw=:") && headers.signature.len() == 93);
    let claimed = parse(&headers.as_received()).unwrap();
    assert_eq!(
        (claimed.key_id.as_str(), claimed.nonce.as_str(), claimed.created_s),
        (KEY_ID, NONCE, CREATED)
    );
    assert_eq!(verify_request(PARTS, &headers.as_received(), &key), Ok(claimed));
}

#[test]
fn every_covered_part_is_covered() {
    let (key, headers) = signed();
    assert_eq!(code(PARTS, &headers, &key), "ok");
    let cases = [
        ("method", RequestParts { method: "PUT", ..PARTS }, "bad_signature"),
        ("method case", RequestParts { method: "post", ..PARTS }, "bad_signature"),
        ("host", RequestParts { authority: "hq.jiedao.example.evil:8443", ..PARTS }, "bad_signature"),
        ("port", RequestParts { authority: "hq.jiedao.example", ..PARTS }, "bad_signature"),
        ("path", RequestParts { path: "/v1/sync/", ..PARTS }, "bad_signature"),
        ("path case", RequestParts { path: "/v1/Sync", ..PARTS }, "bad_signature"),
        ("no path", RequestParts { path: "", ..PARTS }, "bad_signature"),
        ("query", RequestParts { query: "cursor=18&scope=a%2Fb", ..PARTS }, "bad_signature"),
        ("query decoded", RequestParts { query: "cursor=17&scope=a/b", ..PARTS }, "bad_signature"),
        ("no query", RequestParts { query: "", ..PARTS }, "bad_signature"),
        ("body", RequestParts { body: b"\x28\xb5\x2f\xfdcompresseD", ..PARTS }, "digest_mismatch"),
        ("no body", RequestParts { body: b"", ..PARTS }, "digest_mismatch"),
    ];
    for (what, parts, wanted) in cases {
        assert_eq!(code(parts, &headers, &key), wanted, "{what}");
    }
    let same = RequestParts { authority: "HQ.Jiedao.Example:8443", ..PARTS };
    assert_eq!(code(same, &headers, &key), "ok", "a host has no letter case");
}

#[test]
fn every_header_value_is_covered() {
    let (key, headers) = signed();
    let input = |from, to| SignatureHeaders {
        signature_input: swap(&headers.signature_input, from, to),
        ..headers.clone()
    };
    let other_body = RequestParts { body: b"other", ..PARTS };
    let other_digest =
        SignatureHeaders { content_digest: content_digest(other_body.body), ..headers.clone() };
    assert_eq!(code(PARTS, &input(NONCE, "q1w2E3r4-T5y6_U7i9"), &key), "bad_signature");
    assert_eq!(code(PARTS, &input("1780000000", "1780000001"), &key), "bad_signature");
    assert_eq!(code(PARTS, &input("0190b2c4", "0190b2c5"), &key), "bad_signature");
    assert_eq!(code(PARTS, &other_digest, &key), "digest_mismatch");
    assert_eq!(code(other_body, &other_digest, &key), "bad_signature");

    for algorithm in [Algorithm::Es256, Algorithm::Ed25519] {
        let other_device = device(algorithm, 6).public_key();
        assert_eq!(code(PARTS, &headers, &other_device), "bad_signature");
    }
    let other_request = RequestParts { path: "/v1/upload", ..PARTS };
    let other = sign_request(other_request, CREATED, NONCE, KEY_ID, &device(Algorithm::Es256, 5)).unwrap();
    let moved = SignatureHeaders { signature: other.signature, ..headers.clone() };
    assert_eq!(code(PARTS, &moved, &key), "bad_signature");
    let zero = SignatureHeaders { signature: format!("lw=:{}:", STANDARD.encode([0; 64])), ..headers };
    assert_eq!(code(PARTS, &zero, &key), "bad_signature");
}

#[test]
fn a_missing_header_is_named() {
    let (_, headers) = signed();
    let all = headers.as_received();
    for (lacking, name) in [
        (SignatureHeadersRef { content_digest: None, ..all }, "content-digest"),
        (SignatureHeadersRef { signature_input: None, ..all }, "signature-input"),
        (SignatureHeadersRef { signature: None, ..all }, "signature"),
    ] {
        let error = parse(&lacking).unwrap_err();
        assert_eq!(error.code(), "missing_header");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn no_clock_is_too_wrong_to_sign() {
    let signer = device(Algorithm::Ed25519, 5);
    for (clock, wanted) in
        [(0, 0), (-86_400, -86_400), (i64::MAX, 999_999_999_999_999), (i64::MIN, -999_999_999_999_999)]
    {
        let headers = sign_request(PARTS, clock, NONCE, KEY_ID, &signer).unwrap();
        let claimed = verify_request(PARTS, &headers.as_received(), &signer.public_key()).unwrap();
        assert_eq!(claimed.created_s, wanted);
    }
}

#[test]
fn a_failing_key_chip_is_reported() {
    struct Lost;
    impl DeviceSigner for Lost {
        fn public_key(&self) -> Result<PublicKey, SignerError> {
            Err(SignerError::KeyLost)
        }
        fn sign(&self, _: &[u8]) -> Result<Signature, SignerError> {
            Err(SignerError::KeyLost)
        }
    }
    assert_eq!(sign_request(PARTS, CREATED, NONCE, KEY_ID, &Lost), Err(SignerError::KeyLost));
}
