//! Devices that misuse what they have: actors, clocks, beacons, proposals, rights that ended.

use crate::{
    entries::{brief, scene, worker},
    note, order, refused, town, visit,
};
use lanewalk_headquarters::{Headquarters, store::StoredDoc};
use lanewalk_model::{
    document::{Edit, Stamp},
    id::{ActorId, DeviceId},
    records::{ProposalKind, ProposalRecord, to_json},
    schema::DocKind,
    staff::{Grant, Role},
    time::{HLC_MAX_AHEAD_MS, Hlc, TimeMs},
    view::Value,
};
use lanewalk_protocol::{
    enrolment::{EnrolRequest, EnrolResponse},
    entry::AnchorRef,
    frame, limits,
};
use support::{
    hostile::{Device, enrolment_of, key, read_answer},
    town::START,
};

/// F33: who takes the victim's next sequence number first does not stop the victim's change.
#[test]
fn a_sequence_number_taken_first_harms_nobody() {
    for same_batch in [false, true] {
        let town = town();
        town.network.hq(|hq| {
            let mut s = scene(hq, &town.cells);
            // The victim writes offline; the attacker writes the same number of the same actor.
            let honest = s.victim.act(s.place, &[Edit::set("access_note", "走侧门")]);
            s.worker.learn(s.hq, s.place);
            let stamp = Stamp { actor: s.victim.actor, ..s.worker.stamp() };
            let change = s.worker.write_as(s.place, &stamp, &[Edit::set("access_note", "此路不通")]);
            let forged = s.worker.entry(s.place, change);
            let requests = [
                s.worker.request(&s.worker.body(std::slice::from_ref(&forged))),
                s.victim.request(&s.victim.body(std::slice::from_ref(&honest))),
            ];
            let responses = if same_batch {
                s.hq.handle(&requests)
            } else {
                requests.iter().flat_map(|r| s.hq.handle(std::slice::from_ref(r))).collect()
            };
            let read = |n: usize| read_answer(&s.victim.hq_key, &requests[n], &responses[n]).page();
            assert_eq!(read(0).refused[0].code, "actor_bound");
            assert!(read(1).refused.is_empty());
            let view = s.hq.document(s.place).unwrap().unwrap();
            assert_eq!(view.text("access_note"), Some("走侧门"));
            assert_eq!(view.conflicts().len(), 0);
        });
    }
}

/// An actor nobody has used yet, claimed by two devices in one batch, is the first one's; and a
/// refused entry claims nothing.
#[test]
fn an_actor_belongs_to_the_device_whose_entry_was_accepted_first() {
    let town = town();
    town.network.hq(|hq| {
        let mut s = scene(hq, &town.cells);
        let shared = ActorId([0x77; 16]);
        s.worker.actor = shared;
        // Refused: claims nothing.
        let (ours, own_visit) = (s.ours, s.own_visit);
        let (_, forbidden) = worker(&mut s, ours, &[Edit::set("state", "CLOSED")]);
        assert_eq!(s.worker.sync(s.hq, &[forbidden]).len(), 1);
        s.victim.actor = shared;
        let honest = s.victim.act(s.place, &[Edit::set("access_note", "走侧门")]);
        assert!(s.victim.sync(s.hq, &[honest]).is_empty());
        let (_, late) = {
            s.worker.learn(s.hq, s.own_visit);
            worker(&mut s, own_visit, &[Edit::set("notes", "后来的")])
        };
        assert_eq!(s.worker.sync(s.hq, &[late]).into_values().collect::<Vec<_>>(), ["actor_bound"]);
    });
}

/// Several entries of one push: the refused ones do not take the others with them, and what
/// builds on a refused one is refused by name.
#[test]
fn a_push_with_good_and_bad_entries() {
    let town = town();
    town.network.hq(|hq| {
        let mut s = scene(hq, &town.cells);
        let id = s.worker.new_id(DocKind::Visit);
        let entries = vec![
            s.worker.act(s.ours, &[note(1)]),
            s.worker.act(id, &visit("gw-01", &s.cells[0])),
            // Forbidden, and one that builds on it.
            s.worker.act(s.own_visit, &[Edit::set("kind", "handle")]),
            s.worker.act(s.own_visit, &[Edit::set("notes", "建立在改写之上")]),
            s.worker.act(id, &[Edit::set("notes", "补充")]),
        ];
        let refused = s.worker.sync(s.hq, &entries);
        let codes: Vec<_> =
            refused.iter().map(|(seq, code)| (seq - entries[0].header.seq, code.as_str())).collect();
        assert_eq!(codes, [(2, "schema_immutable"), (3, "missing_dependency")]);
        assert_eq!(s.hq.document(id).unwrap().unwrap().text("notes"), Some("补充"));
    });
}

/// A visit in one's own grid that names an order of another: the fact is kept, the order that its
/// author may not touch does not move, and the visit is no inquiry into it.
#[test]
fn a_visit_does_not_move_an_order_its_author_may_not_touch() {
    let town = town();
    town.network.hq(|hq| {
        let mut s = scene(hq, &town.cells);
        let acked = Edit::set("state", "ACKED");
        s.hq.write_by_rule(&[(s.theirs, vec![acked])]).unwrap();
        let before = s.hq.document(s.theirs).unwrap();
        for (device, worker) in [(&mut s.worker, "gw-01"), (&mut s.property, "ps-01")] {
            let id = device.new_id(DocKind::Visit);
            let mut edits = visit(worker, &s.cells[0]);
            edits.push(Edit::set("order", s.theirs.to_string()));
            let entry = device.act(id, &edits);
            assert!(device.sync(s.hq, &[entry]).is_empty());
            assert!(s.hq.document(id).unwrap().is_some());
            assert_eq!(s.hq.document(s.theirs).unwrap(), before, "{worker}");
        }
    });
}

/// Proposals that a phone would never write: unreadable, of another time, of somebody without
/// the right. Each is kept as a fact and refused with a reason.
#[test]
fn odd_proposals_are_answered() {
    let town = town();
    town.network.hq(|hq| {
        let mut s = scene(hq, &town.cells);
        let record = |kind, version| to_json(&ProposalRecord::new(kind, version, ""));
        let cases = [
            ("{}".to_owned(), "unreadable"),
            (r#"{"kind":"destroy","order_version":1}"#.to_owned(), "unreadable"),
            (record(ProposalKind::Ack, u64::MAX), "stale_version"),
            (record(ProposalKind::Ack, 0), "stale_version"),
            (record(ProposalKind::Submit, 1), "wrong_state"),
            (record(ProposalKind::Return, 1), "reason_missing"),
        ];
        for (n, (json, reason)) in cases.into_iter().enumerate() {
            let event = format!("{n:032x}");
            let entry = s.worker.act(s.ours, &[Edit::set(format!("proposal/{event}"), json.as_str())]);
            assert!(s.worker.sync(s.hq, &[entry]).is_empty(), "{json}");
            let view = s.hq.document(s.ours).unwrap().unwrap();
            let decision =
                view.text(&format!("decision/{event}")).unwrap_or_else(|| panic!("{json}: no answer"));
            assert!(decision.contains(reason), "{json}: {decision}");
            assert_eq!(view.text("state"), Some("DISPATCHED"), "{json}");
        }
    });
}

/// A forged anchor buys no trust: only a time with headquarters' own tag vouches for a phone's.
#[test]
fn a_forged_anchor_is_no_anchor() {
    let town = town();
    town.network.hq(|hq| {
        let mut s = scene(hq, &town.cells);
        let real = s.worker.anchor.unwrap();
        let other = Device::enrol(s.hq, "gw-02", 99).anchor.unwrap();
        town.clock.advance(3_600_000);
        let now = town.clock.now();
        let cases = [
            ("real", Some(real), "anchored"),
            ("none", None, "no_anchor"),
            ("a later time under the same tag", Some(AnchorRef { hq_time: real.hq_time + 60_000, ..real }), "no_anchor"),
            ("a made-up tag", Some(AnchorRef { tag: [0; 16], ..real }), "no_anchor"),
            ("a true one, but the clock has gone on since", Some(other), "contradicted"),
        ];
        for (n, (what, anchor, trust)) in cases.into_iter().enumerate() {
            s.worker.anchor = anchor;
            let entry = s.worker.act(s.ours, &[note(n as u64)]);
            let (seq, wall) = (entry.header.seq, entry.header.wall_ms);
            assert!(s.worker.sync(s.hq, &[entry]).is_empty());
            let row: (String, i64) = s
                .hq
                .reader()
                .query_row(
                    "SELECT trust, effective_at FROM log JOIN devices d ON d.n = log.device WHERE d.id = ?1 AND seq = ?2",
                    (s.worker.id.0, seq),
                    |r| Ok((r.get(0)?, r.get(1)?)),
                )
                .unwrap();
            assert_eq!(row.0, trust, "{what}");
            let by_receipt = row.1 == now;
            assert_eq!(by_receipt, trust != "anchored" || wall == now, "{what}: {row:?}");
        }
    });
}

/// Two values of one type for every key that a phone can bend: none of them reaches a document
/// under a rule that forbids it. Every field of every kind, written by property staff and workers.
#[test]
fn no_field_decided_at_headquarters_can_be_written_by_a_phone() {
    let town = town();
    town.network.hq(|hq| {
        let mut s = scene(hq, &town.cells);
        let brief = brief(s.hq);
        for doc in [s.ours, brief, s.own_visit] {
            let view = s.hq.document(doc).unwrap();
            let fields: Vec<_> = doc.kind.spec().fields.iter().filter(|f| f.writers.0 == 0).collect();
            let mut entries = Vec::new();
            for field in &fields {
                let key = if field.family { format!("{}/x", field.name) } else { field.name.to_owned() };
                s.worker.fresh_actor();
                s.worker.learn(s.hq, doc);
                let value = if view.as_ref().unwrap().get(&key) == Some(&Value::Bool(true)) {
                    Value::Bool(false)
                } else {
                    Value::Bool(true)
                };
                entries.push(s.worker.act(doc, &[Edit::Set(key, value)]));
            }
            let refused = s.worker.sync(s.hq, &entries);
            assert_eq!(refused.len(), fields.len());
            assert!(refused.values().all(|c| c == "role_field" || c == "role_kind"), "{doc}: {refused:?}");
            assert_eq!(s.hq.document(doc).unwrap(), view);
        }
    });
}

/// A right that ended is over for what is written later; F22 protects only what was written before.
#[test]
fn a_right_that_ended_is_over() {
    let town = town();
    let cells = town.cells.clone();
    let clock = town.clock.clone();
    town.network.hq(|hq| {
        let mut s = scene(hq, &cells);
        let before = s.worker.act(s.ours, &[note(1)]);
        clock.advance(60_000);
        s.hq.end_grant("gw-01", &cells[0], TimeMs(clock.now())).unwrap();
        clock.advance(60_000);
        // Written before the end, sent after: in.
        assert!(s.worker.sync(s.hq, &[before]).is_empty());
        s.worker.pull(s.hq);
        assert!(!s.worker.docs.contains_key(&s.ours), "and the phone lets go of the order");
        // Written after the device had heard of it: out, with the reason.
        clock.advance(60_000);
        s.worker.learn(s.hq, s.ours);
        s.worker.fresh_actor();
        let after = s.worker.act(s.ours, &[note(2)]);
        assert_eq!(s.worker.sync(s.hq, &[after]).into_values().collect::<Vec<_>>(), ["outside_grid"]);
        // A new right counts from its beginning.
        let grant =
            Grant { grid: cells[0].clone(), role: Role::GridWorker, from: TimeMs(clock.now()), to: None };
        s.hq.grant("gw-01", &grant).unwrap();
        s.worker.fresh_actor();
        s.worker.learn(s.hq, s.ours);
        let again = s.worker.act(s.ours, &[note(3)]);
        assert!(s.worker.sync(s.hq, &[again]).is_empty());
    });
}

/// A bent device leaves the beacon out, or names its oldest, to write under a right that ended; but
/// it has said how far it had written when it was last heard of.
#[test]
fn a_right_that_ended_is_not_revived_without_a_beacon() {
    let town = town();
    town.network.hq(|hq| {
        let mut s = scene(hq, &town.cells);
        let oldest = s.worker.anchor;
        town.clock.advance(60_000);
        s.hq.end_grant("gw-01", &town.cells[0], TimeMs(town.clock.now())).unwrap();
        town.clock.advance(86_400_000);
        // The device has heard of it, has said that it heard, and that it had written nothing more.
        s.worker.pull(s.hq);
        s.worker.pull(s.hq);
        for anchor in [None, oldest] {
            town.clock.advance(86_400_000);
            s.worker.learn(s.hq, s.ours);
            s.worker.fresh_actor();
            s.worker.anchor = anchor;
            let entry = s.worker.act(s.ours, &[note(1)]);
            assert_eq!(
                s.worker.sync(s.hq, &[entry]).into_values().collect::<Vec<_>>(),
                ["outside_grid"],
                "{anchor:?}"
            );
        }
    });
}

/// What a device had announced as written when it was last heard of may be older than that; only what
/// comes after it is not.
#[test]
fn what_was_announced_before_a_right_ended_comes_in_after_it() {
    let town = town();
    town.network.hq(|hq| {
        let mut s = scene(hq, &town.cells);
        s.worker.learn(s.hq, s.ours);
        s.worker.anchor = None;
        let [sent, announced] = [1, 2].map(|n| s.worker.act(s.ours, &[note(n)]));
        town.clock.advance(60_000);
        s.hq.end_grant("gw-01", &town.cells[0], TimeMs(town.clock.now())).unwrap();
        town.clock.advance(3_600_000);
        // Heard of with two entries written and one sent; then it says that it dropped the order.
        assert!(s.worker.sync(s.hq, &[sent]).is_empty());
        s.worker.pull(s.hq);
        s.worker.pull(s.hq);
        let after = s.worker.act(s.ours, &[note(3)]);
        let refused = s.worker.sync(s.hq, &[announced, after]);
        assert_eq!(refused.into_iter().collect::<Vec<_>>(), [(4, "outside_grid".to_owned())]);
    });
}

/// A right ended, and the page that says so is lost, then arrives: what was written before it came counts.
#[test]
fn what_was_written_while_the_page_was_under_way_comes_in() {
    let town = town();
    town.network.hq(|hq| {
        let mut s = scene(hq, &town.cells);
        s.worker.learn(s.hq, s.ours);
        let before = s.worker.anchor;
        town.clock.advance(60_000);
        s.hq.end_grant("gw-01", &town.cells[0], TimeMs(town.clock.now())).unwrap();
        town.clock.advance(3_600_000);
        let lost = s.worker.ask(s.hq, &s.worker.body(&[])).page();
        assert!(lost.left.contains(&s.ours));
        let AnchorRef { mono_at, .. } = before.unwrap();
        let since = Some(AnchorRef { hq_time: lost.beacon.hq_time, mono_at, tag: lost.beacon.tag });
        s.worker.anchor = since;
        let unaware = s.worker.act(s.ours, &[note(1)]);
        let body = s.worker.body(std::slice::from_ref(&unaware));
        let page = s.worker.ask(s.hq, &body).page();
        assert_eq!((page.refused.as_slice(), page.known_seq), ([].as_slice(), 2));
        let order = s.worker.docs.get(&s.ours).cloned();
        s.worker.take(page);
        s.worker.docs.extend(order.map(|doc| (s.ours, doc)));
        // The next request says that the page has come.
        let told = s.worker.anchor;
        let [early, late] = [(before, 2), (told, 3)].map(|(anchor, n)| {
            s.worker.anchor = anchor;
            s.worker.act(s.ours, &[note(n)])
        });
        let refused = s.worker.sync(s.hq, &[early, late]);
        assert_eq!(refused.into_iter().collect::<Vec<_>>(), [(4, "outside_grid".to_owned())]);
    });
}

/// A device can have written nothing before it was one: a right that ended by then is none of its own.
#[test]
fn a_right_that_ended_before_the_device_was_enrolled_is_none() {
    let town = town();
    town.network.hq(|hq| {
        let order = order(hq, &town.cells[2], "gw-02");
        let (from, to) = (TimeMs(town.clock.now() - 7_200_000), Some(TimeMs(town.clock.now() - 3_600_000)));
        hq.grant("gw-01", &Grant { grid: town.cells[2].clone(), role: Role::GridWorker, from, to }).unwrap();
        let mut device = Device::enrol(hq, "gw-01", 60);
        device.anchor = None;
        device.learn(hq, order);
        let entry = device.act(order, &[note(1)]);
        let refused = device.sync(hq, &[entry]);
        assert_eq!(refused.into_values().collect::<Vec<_>>(), ["outside_grid"]);
    });
}

/// F30: to the millisecond as far ahead as a lease and two clock errors allow.
#[test]
fn a_clock_may_be_so_far_ahead_and_no_further() {
    let town = town();
    town.network.hq(|hq| {
        let mut s = scene(hq, &town.cells);
        let most = town.clock.now() + limits::LEASE_MS + 2 * HLC_MAX_AHEAD_MS;
        let last = Hlc::from_wall(TimeMs(most));
        for (hlc, want) in [(last, vec![]), (Hlc(last.0 + 1), vec!["clock_ahead".to_owned()])] {
            s.worker.learn(s.hq, s.ours);
            let stamp = Stamp { hlc, ..s.worker.stamp() };
            let change = s.worker.write_as(s.ours, &stamp, &[note(want.len() as u64 + 1)]);
            let entry = s.worker.entry(s.ours, change);
            assert_eq!(s.worker.sync(s.hq, &[entry]).into_values().collect::<Vec<_>>(), want);
        }
    });
}

/// A document that headquarters cannot read any more makes its own writers wait, and nobody else; what
/// they wrote is not judged by it.
#[test]
fn an_unreadable_document_makes_only_its_writers_wait() {
    let town = town();
    town.network.hq(|hq| {
        let (broken, sound) = (order(hq, &town.cells[0], "gw-01"), order(hq, &town.cells[1], "gw-02"));
        let [mut one, mut other] = [("gw-01", 61), ("gw-02", 62)].map(|(w, n)| Device::enrol(hq, w, n));
        one.learn(hq, broken);
        other.learn(hq, sound);
        let saved = StoredDoc::find(hq.reader(), broken).unwrap().unwrap().saved;
        let put = |hq: &Headquarters, bytes: &[u8]| {
            let sql = "UPDATE docs SET saved = ?2 WHERE id = ?1";
            hq.reader().execute(sql, (broken.to_bytes(), bytes)).unwrap();
        };
        put(hq, &saved[..saved.len() / 2]);
        let (waits, comes) = (one.act(broken, &[note(1)]), other.act(sound, &[note(2)]));
        let requests =
            [one.request(&one.body(std::slice::from_ref(&waits))), other.request(&other.body(&[comes]))];
        let responses = hq.handle(&requests);
        let answers: Vec<_> =
            requests.iter().zip(&responses).map(|(q, r)| read_answer(&one.hq_key, q, r)).collect();
        assert_eq!(answers[0].code(), (503, "document_unreadable"));
        assert_eq!(answers[1].code(), (200, ""));
        one.nonce = answers[0].next_nonce.clone();
        put(hq, &saved);
        assert!(one.sync(hq, &[waits]).is_empty());
        assert_eq!(hq.document(broken).unwrap().unwrap().members("note").count(), 1);
        assert_eq!(hq.document(sound).unwrap().unwrap().members("note").count(), 1);
    });
}

/// The hybrid clock of a hostile device does not win over honest ones for ever: a last-writer
/// field keeps the loser readable, and the next honest writer, who has seen it, wins.
#[test]
fn a_clock_from_the_future_does_not_own_a_field() {
    let town = town();
    town.network.hq(|hq| {
        let mut s = scene(hq, &town.cells);
        let honest = s.victim.act(s.place, &[Edit::set("access_note", "走侧门")]);
        let far = Stamp { hlc: Hlc::from_wall(TimeMs(START + limits::LEASE_MS)), ..s.worker.stamp() };
        s.worker.learn(s.hq, s.place);
        let change = s.worker.write_as(s.place, &far, &[Edit::set("access_note", "我说了算")]);
        let forged = s.worker.entry(s.place, change);
        assert!(s.worker.sync(s.hq, &[forged]).is_empty(), "as far as a lease allows");
        s.victim.sync(s.hq, &[honest]);
        s.victim.pull(s.hq);
        let all: Vec<_> =
            s.hq.document(s.place)
                .unwrap()
                .unwrap()
                .all("access_note")
                .iter()
                .map(|a| a.value.to_string())
                .collect();
        assert!(all.contains(&"走侧门".to_owned()), "{all:?}");
        let last = s.victim.act(s.place, &[Edit::set("access_note", "走正门")]);
        assert!(s.victim.sync(s.hq, &[last]).is_empty());
        let view = s.hq.document(s.place).unwrap().unwrap();
        assert_eq!((view.text("access_note"), view.all("access_note").len()), (Some("走正门"), 1));
    });
}

/// Twenty people who never saw each other write to one order. A change names every head its
/// author saw, so headquarters joins them before anybody is asked to name too many.
#[test]
fn a_document_many_wrote_to_offline_stays_writable_for_everybody() {
    let town = town();
    town.network.hq(|hq| {
        let mut s = scene(hq, &town.cells);
        let base = s.worker.docs.get(&s.ours).cloned();
        let mut entries = Vec::new();
        for n in 0..20 {
            s.worker.docs.insert(s.ours, base.clone().unwrap());
            s.worker.fresh_actor();
            entries.push(s.worker.act(s.ours, &[note(n)]));
        }
        let mut all = base.unwrap();
        all.apply(entries.iter().map(|e| e.change.as_slice())).unwrap();
        assert_eq!(all.heads().len(), 20);
        s.worker.docs.insert(s.ours, all);
        assert!(s.worker.sync(s.hq, &entries).is_empty(), "every one of them is a fact");
        let sql = "SELECT saved FROM docs WHERE id = ?1";
        let saved: Vec<u8> = s.hq.reader().query_row(sql, [s.ours.to_bytes()], |r| r.get(0)).unwrap();
        let mut doc = lanewalk_model::document::Document::load(s.ours.kind, &saved).unwrap();
        assert_eq!(doc.heads().len(), 1, "headquarters joined them");
        assert_eq!(doc.view().members("note").count(), 20);
        s.worker.fresh_actor();
        s.worker.learn(s.hq, s.ours);
        let next = s.worker.act(s.ours, &[note(21)]);
        assert_eq!(s.worker.sync(s.hq, &[next]), std::collections::BTreeMap::new());
    });
}

/// Under a code of one's own nobody becomes a device that headquarters knows, nor hears what another
/// worker's has sent; a claim that is bent after it was signed proves nothing.
#[test]
fn a_known_device_cannot_be_claimed() {
    let town = town();
    town.network.hq(|hq| {
        let victim = Device::enrol(hq, "gw-02", 91);
        let own = Device::enrol(hq, "gw-01", 92);
        let code = hq.invite("gw-01").unwrap().code;
        let claim = EnrolRequest::again(code, 2, Some((victim.id, 0)), &key(93)).unwrap();
        refused(hq, &enrolment_of(&claim), (409, "device_of_another"));
        let stranger = DeviceId([9; 16]);
        let mut bent = EnrolRequest::again(code, 2, Some((stranger, 7)), &key(94)).unwrap();
        bent.unsent = Some(0);
        refused(hq, &enrolment_of(&bent), (401, "bad_proof"));
        let mut bent = EnrolRequest::again(code, 2, Some((stranger, 7)), &key(94)).unwrap();
        (bent.was, bent.unsent) = (None, None);
        refused(hq, &enrolment_of(&bent), (401, "bad_proof"));
        let mut bent = EnrolRequest::new(code, 2, &key(94)).unwrap();
        bent.was = Some(stranger.0.into());
        refused(hq, &enrolment_of(&bent), (401, "bad_proof"));
        // One's own: another device comes of it.
        let code = hq.invite("gw-01").unwrap().code;
        let claim = EnrolRequest::again(code, 2, Some((own.id, 0)), &key(95)).unwrap();
        let response = hq.handle(&[enrolment_of(&claim)]).pop().unwrap();
        let given: EnrolResponse = frame::decode(&response.body, 1 << 20).unwrap();
        assert_ne!(given.device, own.id);
        assert_eq!(given.held, Some(Vec::new()));
    });
}
