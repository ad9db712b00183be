//! Becoming a device, and ceasing to be one.

use crate::{Code, note, order, refused, town, visit};
use lanewalk_headquarters::enrol;
use lanewalk_model::schema::DocKind;
use lanewalk_protocol::{
    enrolment::{EnrolRequest, EnrolResponse, Invitation},
    http::Request,
    limits,
    sync::SyncResponse,
};
use support::hostile::{Device, Footprint, enrolment, enrolment_of, key, send};

#[test]
fn an_invitation_that_does_not_hold_makes_no_device() {
    type Make = fn(&Invitation) -> Request;
    let cases: Vec<(&str, Code, Make)> = vec![
        ("wrong code", (403, "code_unknown"), |i| {
            enrolment(&Invitation { code: [1; 16], ..i.clone() }, &key(40))
        }),
        ("no code", (403, "code_unknown"), |i| {
            enrolment(&Invitation { code: [0; 16], ..i.clone() }, &key(40))
        }),
        ("one bit off", (403, "code_unknown"), |i| {
            let mut code = i.code;
            code[15] ^= 1;
            enrolment(&Invitation { code, ..i.clone() }, &key(40))
        }),
        ("proof of another key", (401, "bad_proof"), |i| {
            let mut request = EnrolRequest::new(i.code, 1, &key(40)).unwrap();
            request.key = EnrolRequest::new(i.code, 1, &key(41)).unwrap().key;
            enrolment_of(&request)
        }),
        ("proof for another code", (401, "bad_proof"), |i| {
            let mut request = EnrolRequest::new([3; 16], 1, &key(40)).unwrap();
            request.code = i.code;
            enrolment_of(&request)
        }),
        ("another installation", (401, "bad_proof"), |i| {
            let mut request = EnrolRequest::new(i.code, 1, &key(40)).unwrap();
            request.install_epoch = 2;
            enrolment_of(&request)
        }),
        ("older version", (426, "version_too_old"), |i| {
            enrolment_of(&EnrolRequest { version: 0, ..EnrolRequest::new(i.code, 1, &key(40)).unwrap() })
        }),
        ("newer version", (426, "version_too_new"), |i| {
            enrolment_of(&EnrolRequest { version: 9, ..EnrolRequest::new(i.code, 1, &key(40)).unwrap() })
        }),
        ("garbage", (400, "malformed"), |i| {
            let mut request = enrolment(i, &key(40));
            request.body.truncate(20);
            request
        }),
        ("a byte too many", (400, "malformed"), |i| {
            let mut request = enrolment(i, &key(40));
            request.body.push(0);
            request
        }),
        ("GET", (404, "not_found"), |i| Request { method: "GET".into(), ..enrolment(i, &key(40)) }),
    ];
    let town = town();
    town.network.hq(|hq| {
        let invitation = hq.invite("gw-01").unwrap();
        for (what, want, make) in cases {
            let before = Footprint::of(hq);
            let answer = send(hq, &make(&invitation));
            assert_eq!(answer.code(), want, "{what}");
            assert_eq!(Footprint::of(hq), before, "{what} changed something");
            assert!(answer.next_nonce.is_empty(), "{what}");
        }
        // All that did not use the code up; five that knew it and were refused have ended it.
        refused(hq, &enrolment(&invitation, &key(40)), (403, "code_tries"));
    });
}

#[test]
fn a_code_works_once_and_for_ten_minutes() {
    let town = town();
    town.network.hq(|hq| {
        let used = hq.invite("gw-01").unwrap();
        assert_eq!(send(hq, &enrolment(&used, &key(40))).status, 200);
        refused(hq, &enrolment(&used, &key(41)), (403, "code_used"));
        let late = hq.invite("gw-01").unwrap();
        let last = hq.invite("gw-02").unwrap();
        town.clock.advance(limits::ENROLMENT_TTL_MS);
        assert_eq!(send(hq, &enrolment(&last, &key(42))).status, 200, "the last millisecond counts");
        town.clock.advance(1);
        refused(hq, &enrolment(&late, &key(43)), (403, "code_expired"));
        // Used and late is still used.
        refused(hq, &enrolment(&used, &key(41)), (403, "code_used"));
    });
}

/// Two phones photograph the same code and ask in one batch.
#[test]
fn two_at_once_make_one_device() {
    let town = town();
    town.network.hq(|hq| {
        let invitation = hq.invite("gw-01").unwrap();
        let requests = [enrolment(&invitation, &key(40)), enrolment(&invitation, &key(41))];
        let status: Vec<u16> = hq.handle(&requests).iter().map(|r| r.status).collect();
        assert_eq!(status, [200, 403]);
    });
}

/// The answer was lost: the same code with the same key is the same device, until it has written.
#[test]
fn a_lost_answer_is_given_again_to_the_same_key() {
    let town = town();
    town.network.hq(|hq| {
        let order = order(hq, &town.cells[0], "gw-01");
        let invitation = hq.invite("gw-01").unwrap();
        let request = enrolment(&invitation, &key(40));
        let first: EnrolResponse = minicbor::decode(&send(hq, &request).plain).unwrap();
        town.clock.advance(limits::ENROLMENT_TTL_MS * 3);
        let before = Footprint::of(hq);
        let again = send(hq, &request);
        assert_eq!(again.status, 200);
        let second: EnrolResponse = minicbor::decode(&again.plain).unwrap();
        assert_eq!(first.device, second.device);
        assert_eq!(Footprint::of(hq), before);
        refused(hq, &enrolment(&invitation, &key(41)), (403, "code_used"));
        // With the first entry the enrolment is over for good.
        let mut device = Device::enrol(hq, "gw-01", 44);
        let invitation = device_invitation(hq, &mut device, order);
        refused(hq, &invitation, (403, "code_used"));
    });
}

/// Two copies of one store become devices of their own in the same millisecond: a lost answer is given
/// again by its code, not by key and time (F27).
#[test]
fn two_codes_in_one_moment_are_two_devices() {
    let town = town();
    town.network.hq(|hq| {
        let codes = [0; 2].map(|_| hq.invite("gw-01").unwrap());
        let mut enrol = |i: usize| {
            let answer = send(hq, &enrolment(&codes[i], &key(40)));
            minicbor::decode::<EnrolResponse>(&answer.plain).unwrap().device
        };
        let first = [enrol(0), enrol(1)];
        assert_ne!(first[0], first[1]);
        assert_eq!([enrol(0), enrol(1)], first);
    });
}

fn device_invitation(
    hq: &mut lanewalk_headquarters::Headquarters,
    device: &mut Device,
    order: lanewalk_model::id::DocId,
) -> Request {
    let invitation = hq.invite("gw-01").unwrap();
    let request = enrolment(&invitation, &key(45));
    let answer = send(hq, &request);
    let given: EnrolResponse = minicbor::decode(&answer.plain).unwrap();
    hq.confirm(given.device).unwrap();
    (device.id, device.signer, device.nonce) = (given.device, key(45), answer.next_nonce);
    device.pull(hq);
    let entry = device.act(order, &[note(1)]);
    assert!(device.sync(hq, &[entry]).is_empty());
    request
}

/// F42: the code alone gives nothing; only a compared fingerprint does.
#[test]
fn a_device_gets_nothing_before_its_fingerprint_is_confirmed() {
    let town = town();
    town.network.hq(|hq| {
        let order = order(hq, &town.cells[0], "gw-01");
        let invitation = hq.invite("gw-01").unwrap();
        let answer = send(hq, &enrolment(&invitation, &key(50)));
        let given: EnrolResponse = minicbor::decode(&answer.plain).unwrap();
        assert!(given.lease.grants.is_empty() && given.lease.valid_until <= town.clock.now());
        let mut device = Device::of(&invitation, &given, key(50), answer.next_nonce);
        let waiting = enrol::waiting(hq.reader()).unwrap();
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0].fingerprint, key(50).public_key().short_fingerprint());
        let id = device.new_id(DocKind::Visit);
        let written = device.act(id, &visit("gw-01", &town.cells[0]));
        for entries in [vec![], vec![written]] {
            let before = Footprint::of(hq);
            let body = device.body(&entries);
            let answer = device.ask(hq, &body);
            assert_eq!(answer.code(), (403, "not_confirmed"));
            assert!(answer.plain.len() < 60, "only the code");
            assert_eq!(Footprint::of(hq), before);
        }
        hq.confirm(given.device).unwrap();
        assert_eq!(enrol::waiting(hq.reader()).unwrap(), []);
        let mut honest = Device::of(&invitation, &given, key(50), device.nonce.clone());
        honest.pull(hq);
        assert!(honest.docs.contains_key(&order));
        // Confirming again changes nothing; a revoked one cannot be confirmed.
        let before = Footprint::of(hq);
        hq.confirm(given.device).unwrap();
        assert_eq!(Footprint::of(hq), before);
        hq.revoke(given.device).unwrap();
        assert!(hq.confirm(given.device).is_err());
    });
}

/// An administrator turns a phone away: it never held rights, so it has nothing to deliver.
#[test]
fn a_phone_that_is_turned_away_may_not_deliver() {
    let town = town();
    town.network.hq(|hq| {
        let invitation = hq.invite("gw-01").unwrap();
        let answer = send(hq, &enrolment(&invitation, &key(51)));
        let given: EnrolResponse = minicbor::decode(&answer.plain).unwrap();
        hq.revoke(given.device).unwrap();
        let mut device = Device::of(&invitation, &given, key(51), answer.next_nonce);
        let body = device.body(&[]);
        let answer = device.ask(hq, &body);
        assert_eq!(answer.code(), (403, "revoked"));
        assert_eq!(answer.error.unwrap().deposit_until, None);
    });
}

/// Somebody photographed the code: the administrator sees that another phone tried it.
#[test]
fn other_tries_with_a_code_are_counted_and_end_it() {
    let town = town();
    town.network.hq(|hq| {
        let invitation = hq.invite("gw-01").unwrap();
        assert_eq!(send(hq, &enrolment(&invitation, &key(52))).status, 200);
        for n in 53..55 {
            refused(hq, &enrolment(&invitation, &key(n)), (403, "code_used"));
        }
        assert_eq!(enrol::waiting(hq.reader()).unwrap()[0].other_tries, 2);
        // The owner's own repeats are none.
        assert_eq!(send(hq, &enrolment(&invitation, &key(52))).status, 200);
        assert_eq!(enrol::waiting(hq.reader()).unwrap()[0].other_tries, 2);

        let broken = hq.invite("gw-02").unwrap();
        let mut bad = EnrolRequest::new(broken.code, 1, &key(60)).unwrap();
        bad.install_epoch = 2;
        for _ in 0..5 {
            refused(hq, &enrolment_of(&bad), (401, "bad_proof"));
        }
        refused(hq, &enrolment(&broken, &key(60)), (403, "code_tries"));
        refused(hq, &enrolment_of(&bad), (401, "bad_proof"));
    });
}

/// F29: a revoked device delivers what it wrote, into quarantine, and learns nothing.
#[test]
fn a_revoked_device_delivers_into_quarantine_and_reads_nothing() {
    let town = town();
    town.network.hq(|hq| {
        let order = order(hq, &town.cells[0], "gw-01");
        let mut device = Device::enrol(hq, "gw-01", 47);
        device.pull(hq);
        let entry = device.act(order, &[note(1)]);
        let before = hq.document(order).unwrap();
        hq.revoke(device.id).unwrap();
        let until = town.clock.now() + 14 * 86_400_000;
        // Nothing to deliver: nothing to ask for either, whatever is wished.
        let footprint = Footprint::of(hq);
        let mut body = device.body(&[]);
        (body.want, body.cursor) = (vec![order], Default::default());
        let answer = device.ask(hq, &body);
        assert_eq!(answer.code(), (403, "revoked"));
        assert_eq!(answer.error.unwrap().deposit_until, Some(until));
        assert_eq!(Footprint::of(hq), footprint);
        let mut body = device.body(std::slice::from_ref(&entry));
        (body.want, body.cursor) = (vec![order], Default::default());
        for _ in 0..2 {
            let answer = device.ask(hq, &body);
            assert_eq!(answer.status, 200, "{:?}", answer.error);
            let page: SyncResponse = minicbor::decode(&answer.plain).unwrap();
            assert_eq!(page.receipts.len(), 1);
            page.receipts[0].verify(&device.hq_key).unwrap();
            assert_eq!(page.refused.iter().map(|r| r.code.as_str()).collect::<Vec<_>>(), ["revoked"]);
            assert!(page.snapshots.is_empty() && page.changes.is_empty() && page.left.is_empty());
            assert!(page.lease.is_none() && page.digest.is_none() && !page.more);
        }
        assert_eq!(hq.document(order).unwrap(), before, "nothing entered the document");
        // The last millisecond counts; after it not even a deposit.
        town.clock.advance(14 * 86_400_000);
        assert_eq!(device.ask(hq, &body).status, 200);
        town.clock.advance(1);
        let answer = device.ask(hq, &body);
        assert_eq!(answer.code(), (403, "revoked"));
        assert_eq!(answer.error.unwrap().deposit_until, None);
        // Revoking again does not open it anew.
        hq.revoke(device.id).unwrap();
        assert_eq!(device.ask(hq, &body).code(), (403, "revoked"));
    });
}

/// Asking for an enrolment's answer once more gives a revoked device no rights and no names.
#[test]
fn a_revoked_device_cannot_enrol_with_its_old_code() {
    let town = town();
    town.network.hq(|hq| {
        let invitation = hq.invite("gw-01").unwrap();
        let asked = enrolment(&invitation, &key(46));
        let fresh: EnrolResponse = minicbor::decode(&send(hq, &asked).plain).unwrap();
        hq.revoke(fresh.device).unwrap();
        refused(hq, &asked, (403, "code_used"));
    });
}
