//! Callers who take too much: requests, tries, places, time (F18, F24, F42).

use crate::house::{GRID, House, Manner, phone};
use lanewalk_field::{HttpTransport, NewVisit, SyncError};
use lanewalk_headquarters::{Rates, server::Patience};
use lanewalk_protocol::enrolment::Invitation;
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    num::NonZeroU32,
    time::Duration,
};
use support::town::confirm_all;

fn few(n: u32) -> (NonZeroU32, NonZeroU32) {
    (NonZeroU32::MIN, NonZeroU32::new(n).unwrap())
}

/// A device that asks too often is told to wait, by a signed answer; its work and its nonce stay.
#[test]
fn a_device_that_asks_too_often_waits_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let rates = Rates { messages: few(8), ..Rates::default() };
    let house = House::start(dir.path(), Manner { rates, ..Manner::default() });
    let (field, text) = (phone(dir.path(), 1), house.invite());
    field.enrol(&text, &HttpTransport::for_invitation(&text, None).unwrap()).unwrap();
    house.at_hq(confirm_all);
    let transport = field.transport(None).unwrap();
    field.sync(&*transport).unwrap();
    let visit = NewVisit { kind: "patrol".into(), grid: Some(GRID.into()), ..NewVisit::default() };
    field.record_visit(visit).unwrap();
    let mut waits = 0;
    for _ in 0..40 {
        match field.sync(&*transport) {
            Ok(_) => {}
            Err(SyncError::Overloaded { retry_after_s }) => {
                assert!((10..=15).contains(&retry_after_s), "{retry_after_s}");
                waits += 1;
            }
            Err(e) => panic!("{e}"),
        }
    }
    assert!(waits > 10, "{waits}");
    // Another device from the same address has its own share.
    let (other, text) = (phone(dir.path(), 2), house.invite());
    other.enrol(&text, &HttpTransport::for_invitation(&text, None).unwrap()).unwrap();
    house.at_hq(confirm_all);
    other.sync(&*other.transport(None).unwrap()).unwrap();
}

/// An address has its share too, whoever it says it is.
#[test]
fn an_address_that_asks_too_often_waits() {
    let dir = tempfile::tempdir().unwrap();
    let rates = Rates { address: few(5), ..Rates::default() };
    let house = House::start(dir.path(), Manner { rates, ..Manner::default() });
    let (field, text) = (phone(dir.path(), 1), house.invite());
    let transport = HttpTransport::for_invitation(&text, None).unwrap();
    let wrong = Invitation { code: [9; 16], ..Invitation::from_text(&text).unwrap() }.to_text();
    let codes: Vec<&str> = (0..12).map(|_| field.enrol(&wrong, &transport).unwrap_err().code()).collect();
    assert_eq!((codes[0], codes[11]), ("refused", "overloaded"));
}

/// F42: five codes that were refused, and the address waits, also with a right one.
#[test]
fn guessing_codes_ends_after_five_tries() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::start(dir.path(), Manner::default());
    let (field, text) = (phone(dir.path(), 1), house.invite());
    let transport = HttpTransport::for_invitation(&text, None).unwrap();
    for n in 0..5 {
        let guess = Invitation { code: [n; 16], ..Invitation::from_text(&text).unwrap() }.to_text();
        let error = field.enrol(&guess, &transport).unwrap_err();
        assert!(matches!(&error, SyncError::Refused { code, .. } if code == "code_unknown"), "{error}");
    }
    let error = field.enrol(&text, &transport).unwrap_err();
    assert!(matches!(error, SyncError::Overloaded { retry_after_s: 600..=900 }), "{error:?}");
}

/// Half a head, a byte at a time or none: the place is free again after the head's time.
#[test]
fn who_does_not_finish_a_head_is_hung_up_on() {
    let dir = tempfile::tempdir().unwrap();
    let patience = Patience { head: Duration::from_millis(300), ..Patience::default() };
    let house = House::start(dir.path(), Manner { patience, ..Manner::default() });
    for said in [&b""[..], b"POST /v1/sync HTTP/1.1\r\nhost: x\r\n"] {
        let mut stream = TcpStream::connect(house.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(said).unwrap();
        let mut heard = Vec::new();
        // Ends only because headquarters ends it.
        stream.read_to_end(&mut heard).unwrap();
        assert!(!heard.starts_with(b"HTTP/1.1 2"));
    }
}

/// One address cannot take every place.
#[test]
fn an_address_has_a_share_of_the_connections() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::start(dir.path(), Manner::default());
    let held: Vec<TcpStream> = (0..256).map(|_| TcpStream::connect(house.address).unwrap()).collect();
    let mut one_more = TcpStream::connect(house.address).unwrap();
    one_more.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert_eq!(one_more.read(&mut [0; 8]).unwrap_or(0), 0, "hung up on at once");
    drop(held);
}

/// A head that never ends is not collected for ever.
#[test]
fn a_head_has_a_size() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::start(dir.path(), Manner::default());
    let mut stream = TcpStream::connect(house.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "a".repeat(64 << 10));
    let _ = stream.write_all(head.as_bytes());
    let mut heard = [0; 16];
    let n = stream.read(&mut heard).unwrap_or(0);
    assert!(n == 0 || heard.starts_with(b"HTTP/1.1 431"), "{:?}", String::from_utf8_lossy(&heard[..n]));
}
