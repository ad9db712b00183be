//! Appendix B of RFC 9421, as far as its keys are of an algorithm that devices use.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use lanewalk_protocol::httpsig::{ParamValue, content_digest, signature_base, signature_params};
use lanewalk_protocol::keys::{
    Algorithm, DeviceSigner as _, PublicKey, Signature, SignatureError, SoftSigner, verify,
};
use sha2::Sha256;

// ---- Appendix B.1: the keys ----

/// test-key-ed25519 (B.1.4), from the JWK members `d` and `x`.
fn rfc_ed25519() -> SoftSigner {
    let signer = soft_from(Algorithm::Ed25519, "n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU");
    let published = URL_SAFE_NO_PAD.decode("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs").unwrap();
    assert_eq!(signer.public_key().bytes(), published);
    signer
}

/// test-key-ecc-p256 (B.1.3), from the JWK members `d`, `x` and `y`.
fn rfc_p256() -> SoftSigner {
    let signer = soft_from(Algorithm::Es256, "UpuF81l-kOxbjf7T4mNSv0r5tN67Gim7rnf6EFpcYDs");
    let x = URL_SAFE_NO_PAD.decode("qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA").unwrap();
    let y = URL_SAFE_NO_PAD.decode("Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0").unwrap();
    let compressed = [&[2 + (y[31] & 1)], x.as_slice()].concat();
    assert_eq!(signer.public_key(), PublicKey::new(Algorithm::Es256, &compressed).unwrap());
    signer
}

fn soft_from(algorithm: Algorithm, secret: &str) -> SoftSigner {
    SoftSigner::new(algorithm, &URL_SAFE_NO_PAD.decode(secret).unwrap().try_into().unwrap()).unwrap()
}

fn signature(algorithm: Algorithm, base64: &str) -> Signature {
    Signature::new(algorithm, &STANDARD.decode(base64).unwrap()).unwrap()
}

fn rfc_params(key_id: &str) -> [(&'static str, ParamValue<'_>); 2] {
    [("created", ParamValue::Integer(1_618_884_473)), ("keyid", ParamValue::String(key_id))]
}

// ---- Appendix B.2 to B.4: the vectors ----

#[test]
fn b_2_1_an_empty_component_list() {
    let params = [
        ("created", ParamValue::Integer(1_618_884_473)),
        ("keyid", ParamValue::String("test-key-rsa-pss")),
        ("nonce", ParamValue::String("b3k2pp5k7z-50gnwp.yemd")),
    ];
    assert_eq!(
        signature_base(&[], &params),
        r#""@signature-params": ();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd""#
    );
}

#[test]
fn b_2_4_ecdsa_p256_over_a_response() {
    let digest = "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWd\
                  XymyU0rjJuahq4l5aGgfLQ==:";
    let components = [
        ("@status", "200"),
        ("content-type", "application/json"),
        ("content-digest", digest),
        ("content-length", "23"),
    ];
    let text = signature_base(&components, &rfc_params("test-key-ecc-p256"));
    let published = signature(
        Algorithm::Es256,
        "wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==",
    );
    let key = rfc_p256().public_key();
    assert_eq!(verify(&key, text.as_bytes(), &published), Ok(()));
    let other = signature_base(&components, &rfc_params("test-key-ecc-p255"));
    assert_eq!(verify(&key, other.as_bytes(), &published), Err(SignatureError::Mismatch));
}

/// B.2.5 is HMAC, which no device uses; the base it covers is built by our code all the same.
#[test]
fn b_2_5_hmac_over_our_base() {
    let secret = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
    let components = [
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("@authority", "example.com"),
        ("content-type", "application/json"),
    ];
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(secret).unwrap()).unwrap();
    mac.update(signature_base(&components, &rfc_params("test-shared-secret")).as_bytes());
    let made = STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(made, "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=");
}

#[test]
fn b_2_6_ed25519_over_a_request() {
    let components = [
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("@method", "POST"),
        ("@path", "/foo"),
        ("@authority", "example.com"),
        ("content-type", "application/json"),
        ("content-length", "18"),
    ];
    let params = rfc_params("test-key-ed25519");
    let names = components.map(|(name, _)| name);
    assert_eq!(
        signature_params(&names, &params),
        r#"("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#
    );
    let text = signature_base(&components, &params);
    let published = signature(
        Algorithm::Ed25519,
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
    );
    let signer = rfc_ed25519();
    assert_eq!(verify(&signer.public_key(), text.as_bytes(), &published), Ok(()));
    assert_eq!(signer.sign(text.as_bytes()).unwrap(), published);
}

#[test]
fn b_3_ecdsa_p256_with_a_query_and_a_client_certificate() {
    let certificate = ":MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUx\
        GzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJ\
        BgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p\
        5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjL\
        a38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMw\
        EYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCO\
        OB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:";
    let components = [
        ("@path", "/foo"),
        ("@query", "?param=Value&Pet=dog"),
        ("@method", "POST"),
        ("@authority", "service.internal.example"),
        ("client-cert", certificate),
    ];
    let text = signature_base(&components, &rfc_params("test-key-ecc-p256"));
    let published = signature(
        Algorithm::Es256,
        "xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==",
    );
    assert_eq!(verify(&rfc_p256().public_key(), text.as_bytes(), &published), Ok(()));
}

#[test]
fn b_4_ed25519_with_a_field_of_two_values() {
    let components = [
        ("@method", "GET"),
        ("@path", "/demo"),
        ("@authority", "example.org"),
        ("accept", "application/json, */*"),
    ];
    let text = signature_base(&components, &rfc_params("test-key-ed25519"));
    let published = signature(
        Algorithm::Ed25519,
        "ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==",
    );
    assert_eq!(rfc_ed25519().sign(text.as_bytes()).unwrap(), published);
}

/// The body of the RFC's test request with the SHA-256 digest that RFC 9421 §2.1.2 and RFC 9530
/// appendix B.1 print for it (the latter with a line feed at the end).
#[test]
fn content_digests_are_those_of_the_rfcs() {
    for (body, wanted) in [
        ("{\"hello\": \"world\"}", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"),
        ("{\"hello\": \"world\"}\n", "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"),
    ] {
        assert_eq!(content_digest(body.as_bytes()), wanted);
    }
}
