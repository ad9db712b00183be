//! Bodies: one zstd frame of one CBOR item, never more than the cap.

use crate::sample;
use lanewalk_protocol::{
    frame::{FrameError, decode, encode},
    limits,
    sync::SyncRequest,
};
use proptest::prelude::*;

const CAP: usize = limits::MAX_REQUEST_DECODED;

fn read(body: &[u8]) -> Result<SyncRequest, FrameError> {
    decode(body, CAP)
}

fn zst(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, 3).unwrap()
}

/// F36: neither time nor memory of the bomb's size is spent.
#[test]
fn a_bomb_is_refused_at_the_cap() {
    let bomb = zst(&vec![0; 100 << 20]);
    assert!(bomb.len() < 64 << 10);
    assert_eq!(decode::<SyncRequest>(&bomb, 1 << 20), Err(FrameError::TooLarge));
    // Cut in half it is refused for the same reason: nobody read as far as the cut.
    assert_eq!(decode::<SyncRequest>(&bomb[..bomb.len() / 2], 1 << 20), Err(FrameError::TooLarge));
    // A frame that wants a window of 128 MiB before its first byte.
    let mut wide = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3];
    wide.extend([0x01, 0x00, 0x00]);
    assert_eq!(read(&wide), Err(FrameError::NotZstd));
    wide[5] = 10 << 3;
    assert_eq!(read(&wide), Err(FrameError::NotCbor), "the same with a window of 1 MiB is only empty");
}

#[test]
fn the_cap_is_exact() {
    let plain = minicbor::to_vec(sample::sync_request()).unwrap();
    let body = zst(&plain);
    assert_eq!(decode::<SyncRequest>(&body, plain.len()), Ok(sample::sync_request()));
    assert_eq!(decode::<SyncRequest>(&body, plain.len() - 1), Err(FrameError::TooLarge));
}

#[test]
fn a_body_is_one_whole_frame_of_one_item() {
    let good = encode(&sample::sync_request());
    let plain = minicbor::to_vec(sample::sync_request()).unwrap();
    assert_eq!(read(&good), Ok(sample::sync_request()));
    for end in 0..good.len() {
        assert!(read(&good[..end]).is_err(), "cut at {end}");
    }
    let (left, right) = plain.split_at(plain.len() / 2);
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    for (what, body, wanted) in [
        ("a byte behind", [good.as_slice(), &[0]].concat(), FrameError::NotZstd),
        ("a frame behind", [good.clone(), good.clone()].concat(), FrameError::NotZstd),
        ("an empty frame behind", [good.clone(), zst(&[])].concat(), FrameError::NotZstd),
        ("one item in two frames", [zst(left), zst(right)].concat(), FrameError::NotZstd),
        ("a skippable frame behind", [good.as_slice(), &skippable].concat(), FrameError::NotZstd),
        ("a skippable frame before", [&skippable, good.as_slice()].concat(), FrameError::NotZstd),
        ("two items", zst(&[plain.clone(), vec![0]].concat()), FrameError::NotCbor),
        ("half an item", zst(left), FrameError::NotCbor),
        ("nothing in a frame", zst(&[]), FrameError::NotCbor),
        ("another item", zst(&[0x01]), FrameError::NotCbor),
        ("not compressed", plain.clone(), FrameError::NotZstd),
    ] {
        assert_eq!(read(&body), Err(wanted), "{what}");
    }
    assert!(read(&[]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bodies_never_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&body);
        let _ = read(&[&[0x28, 0xb5, 0x2f, 0xfd], body.as_slice()].concat());
    }

    #[test]
    fn a_bent_body_never_panics(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut body = encode(&sample::sync_request());
        let at = at.index(body.len());
        body[at] ^= 1 << bit;
        let _ = read(&body);
    }
}
