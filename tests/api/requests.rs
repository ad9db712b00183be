//! Requests that are not what the protocol says.

use crate::{Code, note, order, refused, town};
use lanewalk_headquarters::Headquarters;
use lanewalk_model::id::{DeviceId, DocId};
use lanewalk_protocol::{
    frame,
    http::{self, Request},
    httpsig, limits,
    sync::{Salvage, SyncRequest},
};
use support::hostile::{Device, Footprint, RawRequest, key, read_answer, sign, with_signature};

type Bend = Box<dyn Fn(&Device) -> Request>;

fn bend(change: impl Fn(&mut Request) + 'static) -> Bend {
    Box::new(move |device| {
        let mut request = device.request(&device.body(&[]));
        change(&mut request);
        request
    })
}

fn bytes(body: impl Fn(Vec<u8>) -> Vec<u8> + 'static) -> Bend {
    Box::new(move |device| device.signed(body(frame::encode(&device.body(&[])))))
}

fn field(change: impl Fn(&mut SyncRequest) + 'static) -> Bend {
    Box::new(move |device| {
        let mut body = device.body(&[]);
        change(&mut body);
        device.request(&body)
    })
}

fn header<'a>(request: &'a mut Request, name: &str) -> &'a mut String {
    &mut request.headers.iter_mut().find(|(n, _)| n == name).unwrap().1
}

/// Signs one thing and sends another.
fn signed_as(change: impl Fn(&mut Request) + 'static) -> Bend {
    Box::new(move |device| {
        let mut plain = device.request(&device.body(&[]));
        plain.headers.truncate(1);
        let mut other = plain.clone();
        change(&mut other);
        with_signature(plain, sign(&other, &device.nonce, &device.id.to_string(), &device.signer))
    })
}

fn zeros(n: usize) -> Vec<u8> {
    zstd::bulk::compress(&vec![0; n], 3).unwrap()
}

fn cases() -> Vec<(&'static str, Code, Bend)> {
    vec![
        ("unsigned", (401, "missing_header"), bend(|r| r.headers.truncate(1))),
        (
            "no digest",
            (401, "missing_header"),
            bend(|r| r.headers.retain(|(n, _)| n != httpsig::CONTENT_DIGEST)),
        ),
        (
            "no signature",
            (401, "missing_header"),
            bend(|r| r.headers.retain(|(n, _)| n != httpsig::SIGNATURE)),
        ),
        ("repeated header", (401, "malformed"), bend(|r| r.headers.push(r.headers[3].clone()))),
        (
            "repeated header in capitals",
            (401, "malformed"),
            bend(|r| r.headers.push(("Signature-Input".into(), r.headers[2].1.clone()))),
        ),
        (
            "header with a space more",
            (401, "malformed"),
            bend(|r| header(r, httpsig::SIGNATURE_INPUT).push(' ')),
        ),
        (
            "unknown device",
            (401, "unknown_device"),
            Box::new(|d| {
                let mut plain = d.request(&d.body(&[]));
                plain.headers.truncate(1);
                let headers = sign(&plain, &d.nonce, &DeviceId([9; 16]).to_string(), &d.signer);
                with_signature(plain, headers)
            }),
        ),
        (
            "a name that is no device id",
            (401, "unknown_device"),
            Box::new(|d| {
                let mut plain = d.request(&d.body(&[]));
                plain.headers.truncate(1);
                let headers = sign(&plain, &d.nonce, "admin", &d.signer);
                with_signature(plain, headers)
            }),
        ),
        (
            "another device's signature",
            (401, "bad_signature"),
            Box::new(|d| {
                let mut plain = d.request(&d.body(&[]));
                plain.headers.truncate(1);
                let headers = sign(&plain, &d.nonce, &d.id.to_string(), &key(200));
                with_signature(plain, headers)
            }),
        ),
        ("method signed otherwise", (401, "bad_signature"), signed_as(|r| r.method = "PUT".into())),
        ("path signed otherwise", (401, "bad_signature"), signed_as(|r| r.path = http::ENROL_PATH.into())),
        (
            "authority signed otherwise",
            (401, "bad_signature"),
            signed_as(|r| r.authority = "evil.test".into()),
        ),
        ("query signed otherwise", (401, "bad_signature"), signed_as(|r| r.query = "a=b".into())),
        ("query added", (401, "bad_signature"), bend(|r| r.query = "all=1".into())),
        ("body signed otherwise", (401, "digest_mismatch"), signed_as(|r| r.body.push(0))),
        ("one bit of the body", (401, "digest_mismatch"), bend(|r| r.body[5] ^= 1)),
        (
            "body and digest swapped together",
            (401, "bad_signature"),
            bend(|r| {
                r.body = zeros(10);
                let digest = httpsig::content_digest(&r.body);
                *header(r, httpsig::CONTENT_DIGEST) = digest;
            }),
        ),
        (
            "another time",
            (401, "bad_signature"),
            bend(|r| {
                let h = header(r, httpsig::SIGNATURE_INPUT);
                *h = h.replace("created=1", "created=2");
            }),
        ),
        (
            "another nonce",
            (401, "bad_signature"),
            bend(|r| {
                let h = header(r, httpsig::SIGNATURE_INPUT);
                *h = h.replace("nonce=\"", "nonce=\"0");
            }),
        ),
        (
            "fewer parts covered",
            (401, "wrong_components"),
            bend(|r| {
                let h = header(r, httpsig::SIGNATURE_INPUT);
                *h = h.replace(" \"content-digest\"", "");
            }),
        ),
        (
            "an algorithm of its choice",
            (401, "unknown_algorithm"),
            bend(|r| header(r, httpsig::SIGNATURE_INPUT).push_str(";alg=\"hmac-sha256\"")),
        ),
        ("wrong authority", (401, "wrong_authority"), bend(|r| r.authority = "evil.test".into())),
        (
            "an old nonce",
            (401, "nonce"),
            Box::new(|d| {
                let mut plain = d.request(&d.body(&[]));
                plain.headers.truncate(1);
                let headers = sign(&plain, "00112233445566778899aabb", &d.id.to_string(), &d.signer);
                with_signature(plain, headers)
            }),
        ),
        ("GET", (404, "not_found"), bend(|r| r.method = "GET".into())),
        ("unknown path", (404, "not_found"), bend(|r| r.path = "/v1/admin".into())),
        ("path with a dot", (404, "not_found"), bend(|r| r.path = "/v1/./sync".into())),
        ("oversized body", (413, "too_large"), bytes(|_| vec![0; limits::MAX_REQUEST_BYTES + 1])),
        ("zstd bomb of 1 GiB", (413, "malformed"), bytes(|_| bomb())),
        ("just over the cap", (413, "malformed"), bytes(|_| zeros(limits::MAX_REQUEST_DECODED + 1))),
        ("truncated frame", (400, "malformed"), bytes(|b| b[..b.len() - 3].to_vec())),
        ("empty body", (400, "malformed"), bytes(|_| Vec::new())),
        ("no zstd", (400, "malformed"), bytes(|_| b"hello hello hello".to_vec())),
        ("garbage CBOR", (400, "malformed"), bytes(|_| zstd::bulk::compress(&[0xff; 40], 3).unwrap())),
        (
            "a CBOR array of 2^60 items",
            (400, "malformed"),
            bytes(|_| zstd::bulk::compress(&[0xa1, 0x05, 0x9b, 0x10, 0, 0, 0, 0, 0, 0, 0], 3).unwrap()),
        ),
        (
            "a byte behind the frame",
            (400, "malformed"),
            bytes(|mut b| {
                b.push(0);
                b
            }),
        ),
        ("a second frame behind the frame", (400, "malformed"), bytes(|b| [b, zeros(3)].concat())),
        (
            "a byte behind the message",
            (400, "malformed"),
            bytes(|b| {
                let mut plain = zstd::stream::decode_all(b.as_slice()).unwrap();
                plain.push(0xf6);
                zstd::bulk::compress(&plain, 3).unwrap()
            }),
        ),
        ("older version", (426, "version_too_old"), field(|b| b.version = 0)),
        ("newer version", (426, "version_too_new"), field(|b| b.version = 2)),
        (
            "too many wanted",
            (400, "too_many_wanted"),
            field(|b| {
                b.want = vec![
                    DocId { kind: lanewalk_model::schema::DocKind::Order, uuid: [1; 16] };
                    limits::MAX_WANTED + 1
                ]
            }),
        ),
    ]
}

/// 1 GiB of zeros in one frame of about 33 KB.
fn bomb() -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..1 << 10).for_each(|_| encoder.write_all(&zeros).unwrap());
    encoder.finish().unwrap()
}

#[test]
fn what_deviates_is_refused_by_name_and_changes_nothing() {
    let town = town();
    town.network.hq(|hq| {
        let mut device = Device::enrol(hq, "gw-01", 11);
        for (what, want, make) in cases() {
            let request = make(&device);
            let before = Footprint::of(hq);
            let answer = device.send(hq, &request);
            assert_eq!(answer.code(), want, "{what}: {:?}", answer.error);
            assert_eq!(Footprint::of(hq), before, "{what} changed something");
            // Whoever could not prove to be the device does not get its next nonce.
            let proven = !matches!(want, (401 | 404, _) | (413, "too_large")) || want.1 == "nonce";
            assert_eq!(answer.next_nonce.is_empty(), !proven, "{what}");
            // And the device itself goes on undisturbed.
            let body = device.body(&[]);
            let request = device.request(&body);
            assert_eq!(device.send(hq, &request).status, 200, "after {what}");
        }
    });
}

/// In one batch with all of them, an honest request is answered as if it were alone.
#[test]
fn hostile_requests_do_not_hold_back_others_in_their_batch() {
    let town = town();
    town.network.hq(|hq| {
        let order = order(hq, &town.cells[1], "gw-02");
        let mut honest = Device::enrol(hq, "gw-02", 12);
        honest.pull(hq);
        let devices: Vec<Device> =
            (0..cases().len()).map(|n| Device::enrol(hq, "gw-01", 20 + n as u8)).collect();
        let mut requests: Vec<Request> =
            devices.iter().zip(cases()).map(|(d, (_, _, make))| make(d)).collect();
        let entry = honest.act(order, &[note(1)]);
        let middle = requests.len() / 2;
        requests.insert(middle, honest.request(&honest.body(std::slice::from_ref(&entry))));
        let responses = hq.handle(&requests);
        assert_eq!(responses.len(), requests.len());
        for (at, (request, response)) in requests.iter().zip(&responses).enumerate() {
            let answer = read_answer(&honest.hq_key, request, response);
            if at == middle {
                let page = answer.page();
                honest.check_receipts(&page, std::slice::from_ref(&entry));
                assert!(page.refused.is_empty());
            } else {
                let case = &cases()[if at < middle { at } else { at - 1 }];
                assert_eq!(answer.code(), case.1, "{}", case.0);
            }
        }
        assert!(hq.document(order).unwrap().unwrap().get(note(1).key()).is_some());
    });
}

/// Numbers at the edges of their types do no harm, to nobody in the batch.
#[test]
fn extreme_numbers_are_harmless() {
    let town = town();
    type Twist = fn(&mut RawRequest);
    let bends: Vec<(&str, Twist)> = vec![
        ("last_seq", |b| b.last_seq = u64::MAX),
        ("cursor index", |b| b.cursor.index = u64::MAX),
        ("cursor token", |b| b.cursor.token = u64::MAX),
        ("epoch", |b| b.hq_epoch = u64::MAX),
        ("page", |b| b.page_bytes = u32::MAX),
        ("no page", |b| b.page_bytes = 0),
        ("lease", |b| b.lease_version = u64::MAX),
        ("wall clock low", |b| clocks(b, i64::MIN, 0)),
        ("wall clock high", |b| clocks(b, i64::MAX, 0)),
        ("monotonic clock", |b| clocks(b, 0, i64::MAX)),
        ("both clocks", |b| clocks(b, i64::MIN, i64::MAX)),
        ("anchor from the end of time", |b| b.batch().anchors[0].hq_time = i64::MAX),
        ("anchor from the beginning of time", |b| b.batch().anchors[0].hq_time = i64::MIN),
        ("order version", |b| b.batch().clocks[0].base_version = u64::MAX),
    ];
    town.network.hq(|hq| {
        let order = order(hq, &town.cells[1], "gw-02");
        for (n, (what, bend)) in bends.iter().enumerate() {
            let mut honest = Device::enrol(hq, "gw-02", 60 + n as u8);
            let mut device = Device::enrol(hq, "gw-01", 80 + n as u8);
            honest.pull(hq);
            device.pull(hq);
            let entry = device.act(order, &[note(100 + n as u64)]);
            let mut body = RawRequest::of(&device.body(std::slice::from_ref(&entry)));
            bend(&mut body);
            resign(&device, &mut body);
            let beside = honest.act(order, &[note(n as u64)]);
            let requests =
                [device.request(&body), honest.request(&honest.body(std::slice::from_ref(&beside)))];
            let responses = hq.handle(&requests);
            for (request, response) in requests.iter().zip(&responses) {
                assert_eq!(read_answer(&honest.hq_key, request, response).code(), (200, ""), "{what}");
            }
        }
    });
}

/// F7: a device may say of its store what it likes: each once, a handful at most, and no number breaks
/// the batch.
#[test]
fn what_a_device_says_of_its_store_is_kept_once_and_a_handful_at_most() {
    let town = town();
    town.network.hq(|hq| {
        let mut device = Device::enrol(hq, "gw-01", 140);
        for n in (0..40).chain(0..40) {
            let most = if n % 2 == 0 { u64::MAX } else { n };
            let salvage = Salvage {
                number: u32::MAX - n as u32,
                identity: n % 3 > 0,
                entries: most,
                unsent: most,
                export_only: most,
                missing: most,
                photos: most,
            };
            let body = SyncRequest { salvage: Some(salvage), ..device.body(&[]) };
            let page = device.ask(hq, &body).page();
            device.take(page);
        }
        let kept = hq.salvages().unwrap();
        assert_eq!(kept.len(), 16);
        assert!(kept.iter().all(|s| s.device == device.id && s.salvage.missing <= 1 << 40));
        let sql = "SELECT count(*) FROM audit WHERE what = 'store_salvaged'";
        assert_eq!(hq.reader().query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap(), 16);
    });
}

/// Sets the clocks of the first entry; the monotonic one travels as a difference to the wall's.
fn clocks(body: &mut RawRequest, wall: i64, mono: i64) {
    let clock = &mut body.batch().clocks[0];
    (clock.wall, clock.mono) = (wall, mono.wrapping_sub(wall));
}

/// Signs again what the entries of a bent body come to.
fn resign(device: &Device, body: &mut RawRequest) {
    let bytes = minicbor::to_vec(&*body).unwrap();
    let read: SyncRequest = minicbor::decode(&bytes).unwrap();
    let push = read.push.unwrap();
    let entries: Vec<_> = push.batch.unpack(device.id).unwrap().into_iter().map(|(e, _)| e).collect();
    body.push.as_mut().unwrap().signature = device.push(&entries).unwrap().signature;
}

#[test]
fn a_replay_has_no_effect() {
    let town = town();
    town.network.hq(|hq| {
        let order = order(hq, &town.cells[1], "gw-01");
        let mut device = Device::enrol(hq, "gw-01", 11);
        device.pull(hq);
        let entry = device.act(order, &[note(1)]);
        let first = device.request(&device.body(std::slice::from_ref(&entry)));
        let page = device.send(hq, &first).page();
        device.take(page);
        // Byte for byte, at once and after other requests.
        let answer = refused(hq, &first, (401, "nonce"));
        device.nonce = answer.next_nonce;
        device.pull(hq);
        let second = device.act(order, &[note(2)]);
        device.sync(hq, &[second]);
        for _ in 0..3 {
            device.nonce = refused(hq, &first, (401, "nonce")).next_nonce;
        }
        device.pull(hq);
        // The same request twice in one batch counts once.
        let third = device.act(order, &[note(3)]);
        let request = device.request(&device.body(std::slice::from_ref(&third)));
        let responses = hq.handle(&[request.clone(), request.clone()]);
        let answers: Vec<_> = responses.iter().map(|r| read_answer(&device.hq_key, &request, r)).collect();
        assert_eq!([answers[0].code(), answers[1].code()], [(200, ""), (409, "busy")]);
        assert_eq!(log_entries(hq, &device), 3);
        // The device itself loses at most one round trip.
        let body = device.body(&[]);
        assert_eq!(device.ask(hq, &body).status, 200);
    });
}

/// Another device cannot send on what it overheard.
#[test]
fn a_request_is_of_one_device_only() {
    let town = town();
    town.network.hq(|hq| {
        let order = order(hq, &town.cells[1], "gw-01");
        let mut victim = Device::enrol(hq, "gw-01", 11);
        let thief = Device::enrol(hq, "gw-02", 12);
        victim.pull(hq);
        let entry = victim.act(order, &[note(1)]);
        let overheard = victim.request(&victim.body(std::slice::from_ref(&entry)));
        // The victim's body under the thief's own signature: the chain is not his.
        let stolen = thief.signed(overheard.body.clone());
        let thief_nonce = refused(hq, &stolen, (401, "bad_chain_signature")).next_nonce;
        assert!(!thief_nonce.is_empty());
        // The victim's headers over the thief's body.
        let mut swapped = overheard.clone();
        swapped.body = frame::encode(&thief.body(&[]));
        refused(hq, &swapped, (401, "digest_mismatch"));
        assert_eq!(victim.send(hq, &overheard).status, 200);
    });
}

fn log_entries(hq: &Headquarters, device: &Device) -> u64 {
    hq.reader()
        .query_row(
            "SELECT count(*) FROM log JOIN devices d ON d.n = log.device WHERE d.id = ?1",
            [device.id.0],
            |r| r.get(0),
        )
        .unwrap()
}
