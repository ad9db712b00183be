//! Becoming a device, and ceasing to be one.

use crate::{Code, note, order, refused, town};
use lanewalk_protocol::{
    enrolment::{EnrolRequest, EnrolResponse, Invitation},
    http::Request,
    limits,
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
        // All that did not use the code up.
        assert_eq!(send(hq, &enrolment(&invitation, &key(40))).status, 200);
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

fn device_invitation(
    hq: &mut lanewalk_headquarters::Headquarters,
    device: &mut Device,
    order: lanewalk_model::id::DocId,
) -> Request {
    let invitation = hq.invite("gw-01").unwrap();
    let request = enrolment(&invitation, &key(45));
    let answer = send(hq, &request);
    let given: EnrolResponse = minicbor::decode(&answer.plain).unwrap();
    (device.id, device.signer, device.nonce) = (given.device, key(45), answer.next_nonce);
    device.pull(hq);
    let entry = device.act(order, &[note(1)]);
    assert!(device.sync(hq, &[entry]).is_empty());
    request
}

#[test]
fn a_revoked_device_gets_403_and_nothing_else() {
    let town = town();
    town.network.hq(|hq| {
        let order = order(hq, &town.cells[0], "gw-01");
        let invitation = hq.invite("gw-01").unwrap();
        let asked = enrolment(&invitation, &key(46));
        assert_eq!(send(hq, &asked).status, 200);
        let mut device = Device::enrol(hq, "gw-01", 47);
        device.pull(hq);
        let entry = device.act(order, &[note(1)]);
        let fresh: EnrolResponse = minicbor::decode(&send(hq, &asked).plain).unwrap();
        hq.revoke(device.id).unwrap();
        hq.revoke(fresh.device).unwrap();
        let before = Footprint::of(hq);
        for entries in [&[][..], std::slice::from_ref(&entry)] {
            let mut body = device.body(entries);
            body.want = vec![order];
            body.cursor = Default::default();
            let answer = device.ask(hq, &body);
            assert_eq!(answer.code(), (403, "revoked"));
            let error = answer.error.unwrap();
            assert!(answer.plain.len() < 40 && error.detail.is_empty(), "only the code: {error:?}");
        }
        assert_eq!(Footprint::of(hq), before);
        // Asking for the enrolment's answer once more gives no rights and no names either.
        refused(hq, &asked, (403, "code_used"));
    });
}
