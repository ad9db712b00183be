//! Properties over arbitrary headers and requests.

use lanewalk_protocol::httpsig::{RequestParts, SignatureHeadersRef, parse, sign_request, verify_request};
use lanewalk_protocol::keys::Algorithm;
use proptest::prelude::*;

use super::{CREATED, PARTS, code, device, signed};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_headers_never_panic(
        digest in proptest::option::of(any::<String>()),
        input in proptest::option::of(any::<String>()),
        signature in proptest::option::of(any::<String>()),
    ) {
        let headers = SignatureHeadersRef {
            content_digest: digest.as_deref(),
            signature_input: input.as_deref(),
            signature: signature.as_deref(),
        };
        prop_assert!(parse(&headers).is_err());
    }

    /// Near misses reach deeper than noise: one character put in, taken out or replaced. Nothing
    /// but the untouched header verifies, and nothing is accepted in two spellings.
    #[test]
    fn one_edit_never_verifies(
        at in any::<proptest::sample::Index>(),
        edit in 0_u8..3,
        with in "[ -~\t票]",
        which in 0_usize..3,
    ) {
        let (key, mut headers) = signed();
        let field = [&mut headers.content_digest, &mut headers.signature_input, &mut headers.signature]
            .into_iter().nth(which).unwrap();
        let mut characters: Vec<char> = field.chars().collect();
        let place = at.index(characters.len());
        let with = with.chars().next().unwrap();
        match edit {
            0 => characters.insert(place, with),
            1 => drop(characters.remove(place)),
            _ => characters[place] = with,
        }
        let altered: String = characters.into_iter().collect();
        prop_assume!(altered != *field);
        *field = altered;
        prop_assert_ne!(code(PARTS, &headers, &key), "ok");
        if let Ok(claimed) = parse(&headers.as_received()) {
            let again = sign_request(PARTS, claimed.created_s, &claimed.nonce, &claimed.key_id,
                &device(Algorithm::Es256, 5)).unwrap();
            prop_assert_eq!(again.signature_input, headers.signature_input);
        }
    }

    #[test]
    fn what_is_signed_verifies(
        method in "[A-Z]{1,10}",
        authority in "[a-zA-Z0-9.-]{1,40}(:[0-9]{1,5})?",
        path in "(/[!-\"$->@-~]{0,40})?",
        query in "[!-\"$-~]{0,60}",
        body in proptest::collection::vec(any::<u8>(), 0..200),
        created in -999_999_999_999_999_i64..=999_999_999_999_999,
        nonce in "[A-Za-z0-9._~:+/=-]{1,128}",
        key_id in "[A-Za-z0-9._~:+/=-]{1,128}",
        es256 in any::<bool>(),
    ) {
        let algorithm = if es256 { Algorithm::Es256 } else { Algorithm::Ed25519 };
        let signer = device(algorithm, 8);
        let parts = RequestParts {
            method: &method, authority: &authority, path: &path, query: &query, body: &body,
        };
        let headers = sign_request(parts, created, &nonce, &key_id, &signer).unwrap();
        let claimed = verify_request(parts, &headers.as_received(), &signer.public_key()).unwrap();
        prop_assert_eq!((claimed.created_s, claimed.nonce, claimed.key_id), (created, nonce, key_id));
    }

    /// Whatever the nonce and key id are, verification returns exactly them or refuses.
    #[test]
    fn a_claim_is_never_another_than_the_signed_one(nonce in any::<String>(), key_id in any::<String>()) {
        let signer = device(Algorithm::Ed25519, 8);
        let headers = sign_request(PARTS, CREATED, &nonce, &key_id, &signer).unwrap();
        if let Ok(claimed) = verify_request(PARTS, &headers.as_received(), &signer.public_key()) {
            prop_assert_eq!((claimed.nonce, claimed.key_id), (nonce, key_id));
        }
    }
}
