//! Callers who take too much: requests, tries, places, time (F18, F24, F42).

use crate::house::{GRID, House, Manner, phone};
use lanewalk_field::{HttpTransport, NewVisit, SyncError};
use lanewalk_headquarters::{Rates, server::Patience};
use lanewalk_protocol::{enrolment::Invitation, pace::Pace};
use std::{
    io::{ErrorKind, Read as _, Write as _},
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

/// A body that stands still or comes drop by drop is ended and answered, whatever route it is for;
/// others are served meanwhile (F18).
#[test]
fn who_sends_drop_by_drop_is_hung_up_on() {
    let dir = tempfile::tempdir().unwrap();
    let body = Pace { grace: Duration::from_millis(300), bytes_per_s: 1_000_000 };
    let house = House::start(
        dir.path(),
        Manner { patience: Patience { body, ..Patience::default() }, ..Manner::default() },
    );
    for (line, more) in [
        ("POST /v1/sync HTTP/1.1", ""),
        ("POST /v1/enrol HTTP/1.1", ""),
        ("POST /v1/uploads HTTP/1.1", "tus-resumable: 1.0.0\r\n"),
        ("POST /open311/v2/requests.json HTTP/1.1", "content-type: application/x-www-form-urlencoded\r\n"),
        ("POST /login HTTP/1.1", "content-type: application/x-www-form-urlencoded\r\n"),
    ] {
        for drips in [false, true] {
            let mut stream = TcpStream::connect(house.address).unwrap();
            let head = format!("{line}\r\nhost: {}\r\n{more}content-length: 1000\r\n\r\nab", house.address);
            stream.write_all(head.as_bytes()).unwrap();
            let wait = Duration::from_millis(if drips { 5 } else { 60_000 });
            stream.set_read_timeout(Some(wait)).unwrap();
            let mut heard = Vec::new();
            // Ends only because headquarters ends it.
            while let Err(e) = stream.read_to_end(&mut heard) {
                assert!(
                    drips && matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionReset),
                    "{line}: {e}"
                );
                if stream.write_all(b"c").is_err() {
                    break;
                }
            }
            assert!(!heard.starts_with(b"HTTP/1.1 2"), "{line}: {}", String::from_utf8_lossy(&heard));
        }
    }
    // Whoever sends what it announced is answered, as before.
    let text = house.invite();
    phone(dir.path(), 1).enrol(&text, &HttpTransport::for_invitation(&text, None).unwrap()).unwrap();
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
