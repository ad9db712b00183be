//! Published vectors through the C table: what SQLCipher calls, not what it is made of.
#![allow(unsafe_code, reason = "the functions under test are called as C calls them")]
#![allow(clippy::multiple_unsafe_ops_per_block, reason = "a table of calls shares one argument")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::ffi::{CStr, c_int};
use std::mem::MaybeUninit;
use std::ptr;

use lanewalk_sqlcipher_provider::table::{SqlcipherProvider, lanewalk_sqlcipher_setup};

const OK: c_int = 0;
const ERROR: c_int = 1;
const SHA1: c_int = 0;
const SHA256: c_int = 1;
const SHA512: c_int = 2;
const DECRYPT: c_int = 0;
const ENCRYPT: c_int = 1;

fn table() -> SqlcipherProvider {
    let mut table = MaybeUninit::uninit();
    // SAFETY: the pointer is to writable, aligned room for one table.
    assert_eq!(unsafe { lanewalk_sqlcipher_setup(table.as_mut_ptr()) }, OK);
    // SAFETY: set-up returned OK, so it wrote the whole table.
    unsafe { table.assume_init() }
}

fn len(bytes: &[u8]) -> c_int {
    bytes.len().try_into().unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn hmac(algorithm: c_int, key: &[u8], first: &[u8], second: Option<&[u8]>) -> (c_int, Vec<u8>) {
    let table = table();
    // SAFETY: takes no memory.
    let size = unsafe { (table.get_hmac_sz)(ptr::null_mut(), algorithm) };
    let mut out = vec![0; usize::try_from(size).unwrap().max(1)];
    let (second, second_len) = second.map_or((ptr::null(), 0), |s| (s.as_ptr(), len(s)));
    // SAFETY: every pointer comes with the length of its slice, and `out` has the size it asked for.
    let rc = unsafe {
        (table.hmac)(
            ptr::null_mut(),
            algorithm,
            key.as_ptr(),
            len(key),
            first.as_ptr(),
            len(first),
            second,
            second_len,
            out.as_mut_ptr(),
        )
    };
    (rc, out)
}

fn kdf(algorithm: c_int, pass: &[u8], salt: &[u8], rounds: c_int, size: usize) -> (c_int, Vec<u8>) {
    let mut key = vec![0; size];
    // SAFETY: every pointer comes with the length of its slice.
    let rc = unsafe {
        (table().kdf)(
            ptr::null_mut(),
            algorithm,
            pass.as_ptr(),
            len(pass),
            salt.as_ptr(),
            len(salt),
            rounds,
            len(&key),
            key.as_mut_ptr(),
        )
    };
    (rc, key)
}

fn cipher(mode: c_int, key: &[u8], iv: &[u8], input: &[u8]) -> (c_int, Vec<u8>) {
    assert_eq!(iv.len(), 16);
    let mut out = vec![0; input.len()];
    // SAFETY: the vector has its 16 bytes, the rest comes with its length; `out` is as long as `input`.
    let rc = unsafe {
        (table().cipher)(
            ptr::null_mut(),
            mode,
            key.as_ptr(),
            len(key),
            iv.as_ptr(),
            input.as_ptr(),
            len(input),
            out.as_mut_ptr(),
        )
    };
    (rc, out)
}

#[test]
fn hmac_matches_rfc_2202_and_rfc_4231() {
    let jefe: &[u8] = b"what do ya want for nothing?";
    let long_key: &[u8] = &[0xaa; 131];
    let long: &[u8] =
        b"This is a test using a larger than block-size key and a larger than block-size data. \
        The key needs to be hashed before being used by the HMAC algorithm.";
    let cases: [(c_int, &[u8], &[u8], &str); 6] = [
        (SHA1, &[0x0b; 20], b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
        (SHA1, b"Jefe", jefe, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        (SHA256, b"Jefe", jefe, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (SHA256, long_key, long, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
        (
            SHA512,
            b"Jefe",
            jefe,
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
             9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
        (
            SHA512,
            long_key,
            long,
            "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944\
             b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
        ),
    ];
    for (algorithm, key, data, expected) in cases {
        assert_eq!(hmac(algorithm, key, data, None), (OK, bytes(expected)), "algorithm {algorithm}");
        for split in [0, 1, data.len()] {
            let (first, second) = data.split_at(split);
            assert_eq!(hmac(algorithm, key, first, Some(second)), (OK, bytes(expected)), "split at {split}");
        }
    }
}

#[test]
fn pbkdf2_matches_its_published_vectors() {
    // RFC 6070 for SHA-1, RFC 7914 section 11 for SHA-256; the last one from OpenSSL, for want of an RFC.
    let cases: [(c_int, &str, &str, c_int, &str); 6] = [
        (SHA1, "password", "salt", 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"),
        (SHA1, "password", "salt", 4096, "4b007901b765489abead49d926f721d065a429c1"),
        (
            SHA1,
            "passwordPASSWORDpassword",
            "saltSALTsaltSALTsaltSALTsaltSALTsalt",
            4096,
            "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038",
        ),
        (SHA1, "pass\0word", "sa\0lt", 4096, "56fa6aa75548099dcc37d7f03425e0c3"),
        (
            SHA256,
            "passwd",
            "salt",
            1,
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc\
             49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
        ),
        (
            SHA512,
            "passwd",
            "salt",
            1000,
            "9b24b69e88dfa45d31e06a6dd20bc963268c0a94924677f76d4b2f02e5a105a7\
             f65fca857a354cb2e5069580b8b8457cb5b40da49084e4d75c39b31ac1f356d5",
        ),
    ];
    for (algorithm, pass, salt, rounds, expected) in cases {
        let expected = bytes(expected);
        let derived = kdf(algorithm, pass.as_bytes(), salt.as_bytes(), rounds, expected.len());
        assert_eq!(derived, (OK, expected), "algorithm {algorithm}, {rounds} rounds");
    }
}

#[test]
fn pbkdf2_sha512_of_one_round_is_its_definition() {
    // RFC 8018, 5.2: the first block of one round is HMAC(pass, salt || 1 as four bytes).
    let (_, expected) = hmac(SHA512, b"pass", b"salt", Some(&[0, 0, 0, 1]));
    assert_eq!(kdf(SHA512, b"pass", b"salt", 1, 64), (OK, expected));
}

#[test]
fn cipher_matches_sp_800_38a_both_ways() {
    let key = bytes("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    let iv = bytes("000102030405060708090a0b0c0d0e0f");
    let plain = bytes(
        "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
         30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710",
    );
    let secret = bytes(
        "f58c4c04d6e5f1ba779eabfb5f7bfbd6 9cfc4e967edb808d679f777bc6702c7d
         39f23369a9d9bacfa530e26304231461 b2eb05e2c39be9fcda6c19078c6a9d1b",
    );
    assert_eq!(cipher(ENCRYPT, &key, &iv, &plain), (OK, secret.clone()));
    assert_eq!(cipher(DECRYPT, &key, &iv, &secret), (OK, plain));
}

#[test]
fn cipher_round_trips_whole_pages_in_place_and_apart() {
    // 4016 bytes is what a 4096-byte page encrypts; the others leave odd numbers of parallel blocks.
    for size in [0, 16, 7 * 16, 1008, 4016, 65_520] {
        let plain: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let (key, iv) = ([7; 32], [9; 16]);
        let (rc, secret) = cipher(ENCRYPT, &key, &iv, &plain);
        assert_eq!(rc, OK);
        assert!(size == 0 || secret != plain);
        assert_eq!(cipher(DECRYPT, &key, &iv, &secret), (OK, plain.clone()));

        let mut page = plain;
        let start = page.as_mut_ptr();
        // SAFETY: one buffer as input and output, with its length.
        let rc = unsafe {
            (table().cipher)(
                ptr::null_mut(),
                ENCRYPT,
                key.as_ptr(),
                32,
                iv.as_ptr(),
                start,
                len(&page),
                start,
            )
        };
        assert_eq!((rc, page), (OK, secret));
    }
}

#[test]
fn random_fills_the_buffer_with_something_new() {
    let draw = |size: usize| {
        let mut buffer = vec![0_u8; size];
        // SAFETY: the pointer comes with the length of its buffer.
        let rc = unsafe { (table().random)(ptr::null_mut(), buffer.as_mut_ptr().cast(), len(&buffer)) };
        assert_eq!(rc, OK);
        buffer
    };
    assert_ne!(draw(80), draw(80));
    assert!(draw(4096).chunks(64).all(|chunk| chunk.iter().any(|&byte| byte != 0)));
    draw(0);
}

#[test]
fn sizes_and_names_are_those_of_aes_256_cbc() {
    let (table, ctx) = (table(), ptr::null_mut());
    // SAFETY: these take no memory.
    let sizes = unsafe { [(table.get_key_sz)(ctx), (table.get_iv_sz)(ctx), (table.get_block_sz)(ctx)] };
    assert_eq!(sizes, [32, 16, 16]);
    for (algorithm, size) in [(SHA1, 20), (SHA256, 32), (SHA512, 64), (3, 0), (-1, 0)] {
        // SAFETY: takes no memory.
        assert_eq!(unsafe { (table.get_hmac_sz)(ctx, algorithm) }, size);
    }
    // SAFETY: returns a static C string.
    let cipher = unsafe { CStr::from_ptr((table.get_cipher)(ctx)) };
    assert_eq!(cipher, c"AES-256-CBC");
}

#[test]
fn what_the_provider_does_not_serve_is_an_error() {
    let (key, iv) = ([0; 32], [0; 16]);
    assert_eq!(hmac(3, b"key", b"data", None).0, ERROR);
    assert_eq!(kdf(3, b"pass", b"salt", 1, 32).0, ERROR);
    for rounds in [0, -1] {
        assert_eq!(kdf(SHA512, b"pass", b"salt", rounds, 32).0, ERROR);
    }
    for size in [0, 65] {
        assert_eq!(kdf(SHA512, b"pass", b"salt", 1, size).0, ERROR);
    }
    assert_eq!(cipher(2, &key, &iv, &[0; 16]).0, ERROR);
    assert_eq!(cipher(ENCRYPT, &key, &iv, &[0; 17]).0, ERROR);
    assert_eq!(cipher(DECRYPT, &key[..16], &iv, &[0; 16]).0, ERROR);

    let (table, ctx) = (table(), ptr::null_mut());
    let (input, mut out) = ([0_u8; 32], [0_u8; 64]);
    let (null, some, target) = (ptr::null::<u8>(), input.as_ptr(), out.as_mut_ptr());
    // SAFETY: null pointers and negative lengths are what is tested: nothing may be read or written.
    let codes = unsafe {
        [
            lanewalk_sqlcipher_setup(ptr::null_mut()),
            (table.random)(ctx, ptr::null_mut(), 8),
            (table.random)(ctx, target.cast(), -1),
            (table.hmac)(ctx, SHA512, some, 32, null, 0, null, 0, target),
            (table.hmac)(ctx, SHA512, some, -1, some, 4, null, 0, target),
            (table.hmac)(ctx, SHA512, some, 32, some, 4, null, 0, ptr::null_mut()),
            (table.kdf)(ctx, SHA512, null, 4, some, 4, 1, 32, target),
            (table.kdf)(ctx, SHA512, some, 4, some, 4, 1, -1, target),
            (table.cipher)(ctx, ENCRYPT, null, 32, some, some, 16, target),
            (table.cipher)(ctx, ENCRYPT, some, 32, null, some, 16, target),
            (table.cipher)(ctx, ENCRYPT, some, 32, some, null, 16, target),
            (table.cipher)(ctx, ENCRYPT, some, 32, some, some, -16, target),
            (table.cipher)(ctx, ENCRYPT, some, 32, some, some, 16, ptr::null_mut()),
        ]
    };
    assert_eq!(codes, [ERROR; 13]);
    assert_eq!(out, [0; 64]);
}
