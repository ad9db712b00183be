//! Chains that do not continue what headquarters holds.

use crate::{Code, note, order, refused, town};
use lanewalk_headquarters::Headquarters;
use lanewalk_model::id::{DocId, Hash};
use lanewalk_protocol::{
    entry::{Entry, chain_message},
    frame,
    keys::{Domain, sign_domain},
    limits,
};
use minicbor::bytes::ByteVec;
use support::hostile::{Device, Footprint, RawBatch, RawDep, RawRequest, read_answer};

/// What it is, how it is refused, how it is made.
type Case<F> = (&'static str, Code, F);
const GAP: Code = (409, "chain_gap");

/// A device with three entries at headquarters and two more in hand.
fn five(hq: &mut Headquarters, cell: &str) -> (Device, DocId, Vec<Entry>) {
    let order = order(hq, cell, "gw-01");
    let mut device = Device::enrol(hq, "gw-01", 31);
    device.pull(hq);
    let entries: Vec<Entry> = (0..5).map(|n| device.act(order, &[note(n)])).collect();
    assert!(device.sync(hq, &entries[..3]).is_empty());
    (device, order, entries)
}

#[test]
fn what_does_not_continue_the_chain_is_refused_as_a_whole() {
    type Make = fn(&mut Device, DocId, &[Entry]) -> Vec<Entry>;
    let cases: Vec<Case<Make>> = vec![
        ("a gap", GAP, |_, _, e| vec![e[4].clone()]),
        ("a gap to the end of numbers", GAP, |d, o, _| {
            d.chain = (u64::MAX - 1, Hash([1; 32]));
            vec![d.act(o, &[note(90)])]
        }),
        ("a second child of entry 3", (409, "fork"), |d, o, e| {
            d.chain = (2, e[1].header.hash());
            vec![d.act(o, &[note(91)])]
        }),
        ("a second child with honest ones after it", (409, "fork"), |d, o, e| {
            d.chain = (2, e[1].header.hash());
            (0..3).map(|n| d.act(o, &[note(92 + n)])).collect()
        }),
        ("a new first entry", (409, "fork"), |d, o, _| {
            d.chain = (0, Hash([0; 32]));
            (0..5).map(|n| d.act(o, &[note(95 + n)])).collect()
        }),
        ("wrong prev", (409, "fork"), |d, o, _| {
            d.chain = (3, Hash([7; 32]));
            vec![d.act(o, &[note(96)])]
        }),
        ("zero prev in the middle", (409, "fork"), |d, o, _| {
            d.chain = (3, Hash([0; 32]));
            vec![d.act(o, &[note(97)])]
        }),
    ];
    for (what, want, make) in cases {
        let town = town();
        town.network.hq(|hq| {
            let (mut device, order, entries) = five(hq, &town.cells[0]);
            let bad = make(&mut device, order, &entries);
            let mut before = Footprint::of(hq);
            let body = device.body(&bad);
            let answer = device.ask(hq, &body);
            assert_eq!(answer.code(), want, "{what}");
            assert_eq!(answer.error.unwrap().need_seq, (want == GAP).then_some(4), "{what}");
            let mut after = Footprint::of(hq);
            // Of a fork the access log gets a line (F27).
            let lines = usize::from(want.1 == "fork");
            assert_eq!(after.take_audit(), before.take_audit() + lines, "{what}");
            assert_eq!(after, before, "{what} changed something");
            // The true chain goes on.
            assert!(device.sync(hq, &entries[3..]).is_empty(), "after {what}");
        });
    }
}

#[test]
fn a_push_bent_on_the_wire_is_refused_as_a_whole() {
    type Bend = fn(&mut RawRequest);
    let malformed = (400, "malformed");
    let unsigned = (401, "bad_chain_signature");
    fn batch(b: &mut RawRequest) -> &mut RawBatch {
        b.batch()
    }
    let cases: Vec<Case<Bend>> = vec![
        ("bad chain signature", unsigned, |b| b.push.as_mut().unwrap().signature = other_signature()),
        ("a byte of an entry", unsigned, |b| *batch(b).changes.rows[0].rest.last_mut().unwrap() ^= 1),
        ("a clock", unsigned, |b| batch(b).clocks[0].wall += 1),
        ("an order version", unsigned, |b| batch(b).clocks[1].base_version += 1),
        ("the beacon's tag", unsigned, |b| batch(b).anchors[0].tag[0] ^= 1),
        ("the boot", unsigned, |b| batch(b).boots[0] ^= 1),
        ("another document", unsigned, |b| batch(b).changes.docs[0][16] ^= 1),
        ("another kind of document", unsigned, |b| batch(b).changes.docs[0][0] = 3),
        ("another actor", unsigned, |b| batch(b).changes.actors[0] ^= 1),
        ("prev", unsigned, |b| batch(b).prev[0] ^= 1),
        ("another number", unsigned, |b| batch(b).first_seq += 1),
        ("number 0", unsigned, |b| batch(b).first_seq = 0),
        ("the last entry cut off", unsigned, |b| {
            batch(b).clocks.pop();
            batch(b).changes.rows.pop();
        }),
        ("two entries swapped", unsigned, |b| {
            batch(b).changes.rows[1].deps = Vec::new();
            batch(b).changes.rows.swap(0, 1);
        }),
        ("an unknown kind of document", malformed, |b| batch(b).changes.docs[0][0] = 200),
        ("a document id that is cut", malformed, |b| batch(b).changes.docs[0].truncate(16)),
        ("a document outside the table", malformed, |b| batch(b).changes.rows[0].doc = 9),
        ("an actor outside the table", malformed, |b| batch(b).changes.rows[0].actor = u32::MAX),
        ("half an actor", malformed, |b| batch(b).changes.actors.truncate(8)),
        ("a boot outside the table", malformed, |b| batch(b).clocks[0].boot = 1),
        ("an anchor outside the table", malformed, |b| batch(b).clocks[0].anchor = u32::MAX),
        ("a dependency on itself", malformed, |b| batch(b).changes.rows[1].deps = vec![RawDep::Back(0)]),
        ("a dependency before the batch", malformed, |b| {
            batch(b).changes.rows[1].deps = vec![RawDep::Back(5)]
        }),
        ("a dependency of 2^64", malformed, |b| batch(b).changes.rows[1].deps = vec![RawDep::Back(u64::MAX)]),
        ("a hash that is cut", malformed, |b| {
            batch(b).changes.rows[1].deps = vec![RawDep::Hash(vec![1; 31])]
        }),
        ("too many dependencies", malformed, |b| {
            batch(b).changes.rows[1].deps = vec![RawDep::Hash(vec![1; 32]); limits::MAX_DEPS + 1];
        }),
        ("more clocks than changes", malformed, |b| {
            let clock = batch(b).clocks[0].clone();
            batch(b).clocks.push(clock);
        }),
        ("numbers beyond the end", malformed, |b| batch(b).first_seq = u64::MAX),
        ("a clock before the boot", malformed, |b| batch(b).clocks[0].mono = i64::MIN / 2),
        ("too many entries", malformed, |b| {
            let (clock, row) = (batch(b).clocks[0].clone(), batch(b).changes.rows[0].clone());
            batch(b).clocks = vec![clock; limits::MAX_PUSH_ENTRIES + 1];
            batch(b).changes.rows = vec![row; limits::MAX_PUSH_ENTRIES + 1];
        }),
        ("no entries", (400, "empty_push"), |b| {
            batch(b).clocks.clear();
            batch(b).changes.rows.clear();
        }),
        ("a prev that is cut", malformed, |b| batch(b).prev = ByteVec::from(vec![0; 31])),
    ];
    let town = town();
    town.network.hq(|hq| {
        let (mut device, _, entries) = five(hq, &town.cells[0]);
        for (what, want, bend) in cases {
            let mut body = RawRequest::of(&device.body(&entries[3..]));
            bend(&mut body);
            let before = Footprint::of(hq);
            let answer = device.ask(hq, &body);
            assert_eq!(answer.code(), want, "{what}");
            assert_eq!(Footprint::of(hq), before, "{what} changed something");
        }
        assert!(device.sync(hq, &entries[3..]).is_empty());
    });
}

fn other_signature() -> lanewalk_protocol::keys::Signature {
    sign_domain(&support::hostile::key(200), Domain::Chain, b"something else").unwrap()
}

/// Number 0 properly signed: there is no such entry.
#[test]
fn there_is_no_entry_0() {
    let town = town();
    town.network.hq(|hq| {
        let order = order(hq, &town.cells[0], "gw-01");
        let mut device = Device::enrol(hq, "gw-01", 31);
        device.pull(hq);
        let mut entry = device.act(order, &[note(1)]);
        entry.header.seq = 0;
        let mut body = device.body(std::slice::from_ref(&entry));
        let message = chain_message(device.id, 0, entry.header.hash());
        body.push.as_mut().unwrap().signature = sign_domain(&device.signer, Domain::Chain, &message).unwrap();
        let request = device.request(&body);
        refused(hq, &request, (400, "malformed"));
    });
}

/// A signature of the same key under another domain is none.
#[test]
fn a_signature_of_another_domain_is_none() {
    let town = town();
    town.network.hq(|hq| {
        let (mut device, _, entries) = five(hq, &town.cells[0]);
        let last = &entries[4].header;
        let message = chain_message(device.id, last.seq, last.hash());
        for domain in Domain::ALL {
            let mut body = device.body(&entries[3..]);
            body.push.as_mut().unwrap().signature = sign_domain(&device.signer, domain, &message).unwrap();
            let want = if domain == Domain::Chain { (200, "") } else { (401, "bad_chain_signature") };
            assert_eq!(device.ask(hq, &body).code(), want, "{domain:?}");
        }
    });
}

/// The entries of another device under one's own name and signature: the chain does not verify.
#[test]
fn entries_of_another_device_are_nobodys() {
    let town = town();
    town.network.hq(|hq| {
        let (victim, _, entries) = five(hq, &town.cells[0]);
        let mut thief = Device::enrol(hq, "gw-01", 32);
        // As overheard.
        let before = Footprint::of(hq);
        let body = victim.body(&entries[3..]);
        assert_eq!(thief.ask(hq, &body).code(), (401, "bad_chain_signature"));
        let body = victim.body(&entries);
        assert_eq!(thief.ask(hq, &body).code(), (401, "bad_chain_signature"));
        assert_eq!(Footprint::of(hq), before);
        // Retold as one's own chain: the changes carry the victim's actor.
        let retold: Vec<Entry> =
            entries[3..].iter().map(|e| thief.entry(e.header.doc, e.change.clone())).collect();
        let refused = thief.sync(hq, &retold);
        assert_eq!(refused.into_values().collect::<Vec<_>>(), ["actor_bound", "actor_bound"]);
    });
}

#[test]
fn a_repeat_gets_the_same_receipts_and_has_one_effect() {
    let town = town();
    town.network.hq(|hq| {
        let (mut device, order, entries) = five(hq, &town.cells[0]);
        // An overlap: the three known entries with the two new ones.
        let body = device.body(&entries);
        let page = device.ask(hq, &body).page();
        device.check_receipts(&page, &entries);
        let (receipts, view) = (page.receipts.clone(), hq.document(order).unwrap());
        device.take(page);
        device.pull(hq);
        let before = Footprint::of(hq);
        for n in 0..50 {
            // The whole, its end, its middle: any run that is known.
            let run = [&entries[..], &entries[3..], &entries[1..3]][n % 3];
            let body = device.body(run);
            let page = device.ask(hq, &body).page();
            device.check_receipts(&page, run);
            if n % 3 == 0 {
                assert_eq!(page.receipts, receipts, "repeat {n}");
            }
            assert_eq!(page.known_seq, 5);
        }
        let body = device.body(&[]);
        assert_eq!(device.ask(hq, &body).page().known_seq, 5, "also to who pushes nothing");
        assert_eq!(Footprint::of(hq), before);
        assert_eq!(hq.document(order).unwrap(), view);
    });
}

/// Fifty copies of one push in one batch (F15): one counts, the others are told to ask again.
#[test]
fn fifty_at_once_count_once() {
    let town = town();
    town.network.hq(|hq| {
        let (mut device, _, entries) = five(hq, &town.cells[0]);
        let request = device.request(&device.body(&entries[3..]));
        let requests = vec![request.clone(); 50];
        let answers: Vec<_> =
            hq.handle(&requests).iter().map(|r| read_answer(&device.hq_key, &request, r)).collect();
        assert_eq!(answers[0].code(), (200, ""));
        assert!(answers[1..].iter().all(|a| a.code() == (409, "busy")));
        device.nonce = answers.last().unwrap().next_nonce.clone();
        let before = Footprint::of(hq);
        let request = device.signed(frame::encode(&device.body(&entries[3..])));
        let page = device.send(hq, &request).page();
        device.check_receipts(&page, &entries[3..]);
        assert_eq!(Footprint::of(hq).clone(), before);
    });
}

/// Two different requests of one device in one batch: the second waits, and then counts.
#[test]
fn two_requests_of_one_device_in_a_batch() {
    let town = town();
    town.network.hq(|hq| {
        let (mut device, order, entries) = five(hq, &town.cells[0]);
        let requests =
            [device.request(&device.body(&entries[3..4])), device.request(&device.body(&entries[3..]))];
        let responses = hq.handle(&requests);
        let codes: Vec<_> =
            requests.iter().zip(&responses).map(|(q, r)| read_answer(&device.hq_key, q, r)).collect();
        assert_eq!([codes[0].code(), codes[1].code()], [(200, ""), (409, "busy")]);
        device.nonce = codes[1].next_nonce.clone();
        assert!(device.sync(hq, &entries[3..]).is_empty());
        let view = hq.document(order).unwrap().unwrap();
        assert_eq!(view.members("note").count(), 5);
    });
}
