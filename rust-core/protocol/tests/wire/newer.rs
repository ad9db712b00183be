//! A newer peer: what it adds is skipped where that is safe and refused where bytes are hashed.

use crate::sample;
use lanewalk_protocol::{
    batch::EntryBatch,
    enrolment::{EnrolRequest, EnrolResponse},
    entry::Header,
    receipt::ErrorBody,
    sync::{SyncRequest, SyncResponse},
};
use minicbor::{Decode, Decoder, Encode, Encoder, data::Type};
use proptest::prelude::*;
use std::fmt::Debug;

/// Adds entries with unknown keys to a map, before and behind the known ones.
fn with_keys(plain: &[u8], before: &[(u64, Vec<u8>)], behind: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut d = Decoder::new(plain);
    let len = d.map().unwrap().unwrap();
    let rest = &plain[d.position()..];
    let pairs = |pairs: &[(u64, Vec<u8>)]| -> Vec<u8> {
        pairs.iter().flat_map(|(k, v)| [minicbor::to_vec(k).unwrap(), v.clone()].concat()).collect()
    };
    let mut e = Encoder::new(Vec::new());
    e.map(len + (before.len() + behind.len()) as u64).unwrap();
    [e.into_writer(), pairs(before), rest.to_vec(), pairs(behind)].concat()
}

/// Any CBOR item a newer version might put under a new key.
fn item() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(|n| minicbor::to_vec(n).unwrap()),
        any::<i64>().prop_map(|n| minicbor::to_vec(n).unwrap()),
        any::<bool>().prop_map(|b| minicbor::to_vec(b).unwrap()),
        ".{0,9}".prop_map(|t| minicbor::to_vec(t).unwrap()),
        prop::collection::vec(any::<u8>(), 0..40)
            .prop_map(|b| minicbor::to_vec(minicbor::bytes::ByteVec::from(b)).unwrap()),
        Just(vec![0xf6]),
        Just(vec![0xfb, 0, 0, 0, 0, 0, 0, 0, 0]),
        Just(vec![0xd8, 99, 0x01]),
        Just(vec![0x9f, 0x01, 0xbf, 0x01, 0x9f, 0xff, 0xff, 0xff]),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(|items| {
            let mut e = Encoder::new(Vec::new());
            e.array(items.len() as u64).unwrap();
            [e.into_writer(), items.concat()].concat()
        })
    })
}

fn new_keys() -> impl Strategy<Value = Vec<(u64, Vec<u8>)>> {
    prop::collection::vec((16..100_000_u64, item()), 0..3)
}

fn skips<T>(value: &T, before: &[(u64, Vec<u8>)], behind: &[(u64, Vec<u8>)])
where
    T: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + Debug,
{
    let newer = with_keys(&minicbor::to_vec(value).unwrap(), before, behind);
    let mut d = Decoder::new(&newer);
    assert_eq!(&d.decode::<T>().unwrap(), value);
    assert_eq!(d.position(), newer.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn unknown_map_keys_are_skipped(before in new_keys(), behind in new_keys()) {
        skips(&sample::sync_request(), &before, &behind);
        skips(&sample::sync_response(), &before, &behind);
        skips(&sample::enrol_request(), &before, &behind);
        skips(&sample::enrol_response(), &before, &behind);
    }
}

/// What is skipped has no effect: whoever adds a key must be content with an older peer that
/// answers as if it were not there.
#[test]
fn a_push_under_an_unknown_key_is_no_push() {
    let push = minicbor::to_vec(sample::push()).unwrap();
    let without = SyncRequest { push: None, ..sample::sync_request() };
    skips(&without, &[], &[(40, push)]);
}

#[test]
fn optional_fields_may_be_absent_or_null_and_others_must_be_there() {
    let plain = minicbor::to_vec(SyncRequest { push: None, ..sample::sync_request() }).unwrap();
    assert_eq!(plain[0], 0xa7, "an absent push is no key at all");
    let null = with_keys(&plain, &[], &[(3, vec![0xf6])]);
    assert_eq!(minicbor::decode::<SyncRequest>(&null).unwrap().push, None);
    let mut short = plain.clone();
    // The last pair, lease_version, is cut off.
    short.truncate(plain.len() - 6);
    short[0] = 0xa6;
    assert!(minicbor::decode::<SyncRequest>(&short).is_err());
    let body = minicbor::to_vec(ErrorBody { need_seq: None, ..sample::error_body() }).unwrap();
    assert_eq!(body[0], 0x82, "absent values at the end of an array are left out");
    assert_eq!(minicbor::decode::<ErrorBody>(&body).unwrap().need_seq, None);
}

#[test]
fn longer_arrays_are_read_but_never_what_is_hashed() {
    let mut error = minicbor::to_vec(sample::error_body()).unwrap();
    assert_eq!(error[0], 0x83);
    error[0] = 0x87;
    error.extend([0xf6, 0xf6, 0xf6, 0x07]);
    assert_eq!(minicbor::decode::<ErrorBody>(&error).unwrap(), sample::error_body());

    let header = &sample::entries()[1].header;
    let mut longer = header.to_bytes();
    assert_eq!(longer[0], 0x8b);
    longer[0] = 0x8c;
    longer.push(0x00);
    assert!(Header::from_bytes(&longer).is_err());
    let mut padded = header.to_bytes();
    padded.splice(1..2, [0x18, 0x01]);
    assert!(Header::from_bytes(&padded).is_err(), "a padded number");
    assert_eq!(Header::from_bytes(&header.to_bytes()).as_ref(), Ok(header));
}

/// Once a minicbor enum stood here, and a form of a later version made the whole push vanish.
#[test]
fn an_unknown_form_of_a_dependency_is_an_error_and_not_an_absent_push() {
    let request = SyncRequest { want: Vec::new(), ..sample::sync_request() };
    let plain = minicbor::to_vec(&request).unwrap();
    let dep = sample::order().0.heads()[0];
    let at = plain.windows(32).position(|w| w == dep.0).unwrap();
    // The byte string `58 20 …` becomes something else of the same length.
    for head in [[0x78, 0x20], [0x82, 0x02], [0xd8, 0x20]] {
        let mut bent = plain.clone();
        bent[at - 2..at].copy_from_slice(&head);
        assert!(minicbor::decode::<SyncRequest>(&bent).is_err(), "{head:02x?}");
    }
}

#[test]
fn unknown_algorithms_and_kinds_are_errors() {
    let plain = minicbor::to_vec(sample::enrol_request()).unwrap();
    let key = plain.windows(4).position(|w| w == [0x82, 0x01, 0x58, 33]).unwrap();
    let mut bent = plain.clone();
    bent[key + 1] = 3;
    assert!(minicbor::decode::<EnrolRequest>(&bent).is_err());
    let plain = minicbor::to_vec(sample::sync_response()).unwrap();
    let id = plain.windows(17).position(|w| w == sample::ORDER.to_bytes()).unwrap();
    let mut bent = plain.clone();
    bent[id] = 200;
    assert!(minicbor::decode::<SyncResponse>(&bent).is_err());
    assert!(minicbor::decode::<EnrolResponse>(&plain).is_err());
}

/// Decoders here take CBOR that our encoder would not write; nothing of it is hashed as it came.
#[test]
fn other_spellings_of_a_batch_give_the_same_entries() {
    let plain = minicbor::to_vec(sample::batch()).unwrap();
    let mut d = Decoder::new(&plain);
    assert_eq!(d.array().unwrap(), Some(6));
    assert_eq!(d.datatype().unwrap(), Type::U8);
    let mut other = vec![0x9f, 0x1b, 0, 0, 0, 0, 0, 0, 0, 1];
    other.extend_from_slice(&plain[2..]);
    other.push(0xff);
    let read: EntryBatch = minicbor::decode(&other).unwrap();
    assert_eq!(read.unpack(crate::support::DEVICE), sample::batch().unpack(crate::support::DEVICE));
}
