//! One spelling only: every other way to write an accepted header is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lanewalk_protocol::httpsig::{
    MAX_KEY_ID_LEN, MAX_NONCE_LEN, MAX_SIGNATURE_INPUT_LEN, RequestParts, SignatureHeaders, parse,
    sign_request,
};
use lanewalk_protocol::keys::Algorithm;

use super::{CREATED, KEY_ID, NONCE, PARTS, code, device, signed, swap};

#[test]
fn other_spellings_of_signature_input_are_refused() {
    let (key, headers) = signed();
    let text = headers.signature_input.as_str();
    let covered = r#"("@method" "@authority" "@path" "@query" "content-digest")"#;
    let member = text.strip_prefix("lw=").unwrap();
    let reordered = r#"("@authority" "@method" "@path" "@query" "content-digest")"#;
    let fewer = r#"("@method" "@authority" "@path" "@query")"#;
    let more = r#"("@method" "@authority" "@path" "@query" "content-digest" "date")"#;
    let repeated = r#"("@method" "@method" "@authority" "@path" "@query" "content-digest")"#;
    let parametrised = r#"("@method";req "@authority" "@path" "@query" "content-digest")"#;
    let cases = [
        (String::new(), "malformed"),
        (format!(" {text}"), "malformed"),
        (format!("{text} "), "malformed"),
        (format!("{text}\n"), "malformed"),
        (format!("{text},"), "malformed"),
        (format!("{text}, {text}"), "malformed"),
        (format!("{text}, lw2={member}"), "malformed"),
        (format!("sig1=(), {text}"), "malformed"),
        (swap(text, "lw=", "sig1="), "malformed"),
        (swap(text, "lw=", "LW="), "malformed"),
        (swap(text, "lw=", "lw ="), "malformed"),
        (swap(text, "lw=(", "lw=( "), "malformed"),
        (swap(text, "\" \"@path", "\"  \"@path"), "malformed"),
        (swap(text, "\" \"@path", "\"\t\"@path"), "malformed"),
        (swap(text, ";created", "; created"), "malformed"),
        (swap(text, "=1780000000", "=01780000000"), "malformed"),
        (swap(text, "=1780000000", "=+1780000000"), "malformed"),
        (swap(text, "=1780000000", "=1780000000.0"), "malformed"),
        (swap(text, "=1780000000", "=\"1780000000\""), "malformed"),
        (swap(text, "=1780000000", "=9999999999999999"), "malformed"),
        (swap(text, ";created=1780000000", ""), "malformed"),
        (swap(text, ";nonce=\"q1w2E3r4-T5y6_U7i8\"", ""), "malformed"),
        (swap(text, ";nonce", ";nonce=\"a\";nonce"), "malformed"),
        (swap(text, ";keyid", ";keyid=\"a\";keyid"), "malformed"),
        (swap(text, ";created", ";created=1;created"), "malformed"),
        (swap(text, NONCE, ""), "malformed"),
        (swap(text, NONCE, "a b"), "malformed"),
        (swap(text, NONCE, r"a\\b"), "malformed"),
        (swap(text, NONCE, "票"), "malformed"),
        (swap(text, KEY_ID, ""), "malformed"),
        (format!("{text};expires=1"), "malformed"),
        (format!("{text};tag=\"x\""), "malformed"),
        (format!("{text};alg=\"ed25519\""), "unknown_algorithm"),
        (swap(text, ";nonce", ";alg=\"hmac-sha256\";nonce"), "unknown_algorithm"),
        (swap(text, covered, reordered), "wrong_components"),
        (swap(text, covered, fewer), "wrong_components"),
        (swap(text, covered, more), "wrong_components"),
        (swap(text, covered, repeated), "wrong_components"),
        (swap(text, covered, "()"), "wrong_components"),
        (swap(text, covered, parametrised), "malformed"),
        (swap(text, NONCE, &"n".repeat(MAX_NONCE_LEN + 1)), "too_long"),
        (swap(text, KEY_ID, &"k".repeat(MAX_KEY_ID_LEN + 1)), "too_long"),
        (format!("lw=({}", "\"@path\" ".repeat(MAX_SIGNATURE_INPUT_LEN)), "too_long"),
        ("(".repeat(1 << 20), "too_long"),
    ];
    for (signature_input, wanted) in cases {
        let altered = SignatureHeaders { signature_input, ..headers.clone() };
        let shown: String = altered.signature_input.chars().take(200).collect();
        assert_eq!(code(PARTS, &altered, &key), wanted, "{shown}");
        assert_eq!(parse(&altered.as_received()).unwrap_err().code(), wanted, "{shown}");
    }
}

#[test]
fn other_spellings_of_signature_and_digest_are_refused() {
    let (key, headers) = signed();
    let text = headers.signature.as_str();
    let bytes = STANDARD.decode(text.trim_start_matches("lw=:").trim_end_matches(':')).unwrap();
    let unpadded = STANDARD.encode(&bytes).trim_end_matches('=').to_owned();
    let cases = [
        String::new(),
        format!(" {text}"),
        format!("{text} "),
        format!("{text}, {text}"),
        format!("{text};a"),
        swap(text, "lw=", "sig1="),
        swap(text, "lw=:", "lw=: "),
        format!("lw=:{unpadded}:"),
        format!("lw=:{}:", STANDARD.encode(&bytes[..63])),
        format!("lw=:{}:", STANDARD.encode([bytes.as_slice(), &[0]].concat())),
        "lw=::".to_owned(),
        "lw=:".to_owned(),
    ];
    for signature in cases {
        let altered = SignatureHeaders { signature, ..headers.clone() };
        assert_eq!(code(PARTS, &altered, &key), "malformed", "{}", altered.signature);
        let parsed = parse(&altered.as_received());
        assert_eq!(parsed.unwrap_err().code(), "malformed", "{}", altered.signature);
    }

    let digest = headers.content_digest.as_str();
    let sha512 = format!("sha-512=:{}:", STANDARD.encode([0; 64]));
    let cases = [
        (String::new(), "malformed"),
        (format!("{digest} "), "malformed"),
        (format!("{digest}, {digest}"), "malformed"),
        (format!("{digest}, {sha512}"), "malformed"),
        (format!("{digest};q=1"), "malformed"),
        (swap(digest, "sha-256", "SHA-256"), "malformed"),
        (format!("sha-256=:{}:", STANDARD.encode([0; 31])), "malformed"),
        (sha512.clone(), "unknown_algorithm"),
        (format!("{sha512}, {digest}"), "unknown_algorithm"),
        (swap(digest, "sha-256", "md5"), "unknown_algorithm"),
        (format!("sha-256=:{}:", STANDARD.encode([0; 32])), "digest_mismatch"),
        (format!("sha-256=:{}:", "A".repeat(1 << 20)), "too_long"),
    ];
    for (content_digest, wanted) in cases {
        let altered = SignatureHeaders { content_digest, ..headers.clone() };
        assert_eq!(code(PARTS, &altered, &key), wanted, "{wanted}");
    }
    let huge = SignatureHeaders { signature: format!("lw=:{}:", "A".repeat(1 << 20)), ..headers };
    assert_eq!(code(PARTS, &huge, &key), "too_long");
}

/// The phone takes the nonce from the network: whatever it is given, it must not sign a statement
/// that headquarters would read as another one.
#[test]
fn hostile_input_to_the_signer_gives_headers_that_are_refused() {
    let signer = device(Algorithm::Es256, 5);
    let key = signer.public_key();
    for nonce in ["", "a\";keyid=\"other", "a\\", "a\r\nx: y", "随机数", &"n".repeat(MAX_NONCE_LEN + 1)] {
        let headers = sign_request(PARTS, CREATED, nonce, KEY_ID, &signer).unwrap();
        assert_ne!(code(PARTS, &headers, &key), "ok", "{nonce:?}");
    }
    let injected = RequestParts { path: "/a\n\"@query\": ?b", ..PARTS };
    let headers = sign_request(injected, CREATED, NONCE, KEY_ID, &signer).unwrap();
    assert_eq!(code(injected, &headers, &key), "malformed");
    let read_as = RequestParts { path: "/a", query: "b", ..PARTS };
    assert_eq!(code(read_as, &headers, &key), "bad_signature");
}
