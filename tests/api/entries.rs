//! Entries that belong to a valid chain but must not enter the documents: they stay in the log
//! with the reason, get their receipt, and the chain goes on behind them.

use crate::{kept_out, note, order, town, visit};
use lanewalk_headquarters::Headquarters;
use lanewalk_model::{
    document::{Edit, Stamp},
    id::{DocId, Hash},
    records::{ProposalKind, ProposalRecord, to_json},
    schema::DocKind,
    staff::{Grant, Role},
    time::{Hlc, TimeMs},
    view::Value,
};
use lanewalk_protocol::{
    entry::{AnchorRef, Entry},
    limits,
};
use support::{
    hostile::Device,
    town::{START, Town},
};

/// The scene of every case: what exists before the hostile entry.
struct Scene<'a> {
    hq: &'a mut Headquarters,
    /// gw-01, holds cells 0 and 1.
    worker: Device,
    /// ps-01, holds cells 2 and 0.
    property: Device,
    /// gw-02, honest, holds cells 1 and 2.
    victim: Device,
    /// An order in cell 0 of everybody there.
    ours: DocId,
    /// An order in cell 2, not gw-01's.
    theirs: DocId,
    /// A visit of gw-01.
    own_visit: DocId,
    /// A visit of gw-02 in cell 1, readable by gw-01.
    foreign_visit: DocId,
    /// A place made by gw-02 in cell 1.
    place: DocId,
    cells: &'a [String],
}

fn scene<'a>(hq: &'a mut Headquarters, cells: &'a [String]) -> Scene<'a> {
    let ours = order(hq, &cells[0], "ps-01");
    let theirs = order(hq, &cells[2], "gw-02");
    let mut worker = Device::enrol(hq, "gw-01", 51);
    let property = Device::enrol(hq, "ps-01", 52);
    let mut victim = Device::enrol(hq, "gw-02", 53);
    let (own_visit, foreign_visit, place) =
        (worker.new_id(DocKind::Visit), victim.new_id(DocKind::Visit), victim.new_id(DocKind::Place));
    let first = worker.act(own_visit, &visit("gw-01", &cells[0]));
    assert_eq!(worker.sync(hq, &[first]), Default::default());
    let visit = victim.act(foreign_visit, &visit("gw-02", &cells[1]));
    let named = victim.act(place, &[Edit::set("name", "便民超市"), Edit::set("grid", cells[1].as_str()), Edit::set("kind", "shop")]);
    assert!(victim.sync(hq, &[visit, named]).is_empty());
    let mut scene = Scene { hq, worker, property, victim, ours, theirs, own_visit, foreign_visit, place, cells };
    scene.worker.pull(scene.hq);
    scene.property.pull(scene.hq);
    scene.victim.pull(scene.hq);
    scene
}

/// Who sends, and what.
type Case = (&'static str, &'static str, fn(&mut Scene<'_>) -> (Who, Entry));

enum Who {
    Worker,
    Property,
}

fn worker(s: &mut Scene<'_>, doc: DocId, edits: &[Edit]) -> (Who, Entry) {
    if s.hq.document(doc).unwrap().is_some() {
        s.worker.learn(s.hq, doc);
    }
    (Who::Worker, s.worker.act(doc, edits))
}

fn property(s: &mut Scene<'_>, doc: DocId, edits: &[Edit]) -> (Who, Entry) {
    if s.hq.document(doc).unwrap().is_some() {
        s.property.learn(s.hq, doc);
    }
    (Who::Property, s.property.act(doc, edits))
}

fn stamped(s: &mut Scene<'_>, stamp: Stamp, doc: DocId, edits: &[Edit]) -> (Who, Entry) {
    s.worker.learn(s.hq, doc);
    let change = s.worker.write_as(doc, &stamp, edits);
    (Who::Worker, s.worker.entry(doc, change))
}

const CASES: &[Case] = &[
    ("somebody else's name", "wrong_author", |s| {
        let stamp = Stamp { worker: "gw-02".into(), ..s.worker.stamp() };
        stamped(s, stamp, s.ours, &[note(1)])
    }),
    ("headquarters' name", "wrong_author", |s| {
        let stamp = Stamp { worker: "hq".into(), ..s.worker.stamp() };
        stamped(s, stamp, s.ours, &[note(1)])
    }),
    ("no name", "wrong_author", |s| {
        let stamp = Stamp { worker: String::new(), ..s.worker.stamp() };
        stamped(s, stamp, s.ours, &[note(1)])
    }),
    ("another device's actor", "actor_bound", |s| {
        let stamp = Stamp { actor: s.victim.actor, ..s.worker.stamp() };
        stamped(s, stamp, s.place, &[Edit::set("access_note", "改了")])
    }),
    ("another device's actor in a document it never wrote", "actor_bound", |s| {
        let stamp = Stamp { actor: s.victim.actor, ..s.worker.stamp() };
        stamped(s, stamp, s.ours, &[note(1)])
    }),
    ("headquarters' own actor", "actor_bound", |s| {
        let actor = s.hq.document(s.ours).unwrap().unwrap().all("state")[0].actor;
        let stamp = Stamp { actor, ..s.worker.stamp() };
        stamped(s, stamp, s.ours, &[note(1)])
    }),
    ("a clock years ahead", "clock_ahead", |s| {
        let stamp = Stamp { hlc: Hlc::from_wall(TimeMs(START + 365 * 86_400_000)), ..s.worker.stamp() };
        stamped(s, stamp, s.ours, &[note(1)])
    }),
    ("a visit outside the grids held", "outside_grid", |s| {
        let id = s.worker.new_id(DocKind::Visit);
        worker(s, id, &visit("gw-01", &s.cells[2]))
    }),
    ("a visit in no grid", "outside_grid", |s| {
        let id = s.worker.new_id(DocKind::Visit);
        worker(s, id, &[Edit::set("kind", "patrol"), Edit::set("by", "gw-01")])
    }),
    ("a visit in every grid", "outside_grid", |s| {
        let id = s.worker.new_id(DocKind::Visit);
        worker(s, id, &visit("gw-01", "*"))
    }),
    ("an order outside the grids held", "outside_grid", |s| worker(s, s.theirs, &[note(1)])),
    ("a visit in another's name", "not_author", |s| {
        let id = s.worker.new_id(DocKind::Visit);
        worker(s, id, &visit("gw-02", &s.cells[0]))
    }),
    ("another's visit", "not_author", |s| worker(s, s.foreign_visit, &[Edit::set("notes", "不是我说的")])),
    ("another's document made once more", "not_author", |s| {
        s.worker.docs.remove(&s.foreign_visit);
        (Who::Worker, s.worker.act(s.foreign_visit, &visit("gw-01", &s.cells[0])))
    }),
    ("another's place made once more", "schema_immutable", |s| {
        s.worker.docs.remove(&s.place);
        (Who::Worker, s.worker.act(s.place, &[Edit::set("name", "我的店"), Edit::set("grid", s.cells[0].as_str())]))
    }),
    ("an order made by a phone", "may_not_create", |s| {
        let id = s.worker.new_id(DocKind::Order);
        worker(s, id, &[Edit::set("title", "假工单"), Edit::set("grid", s.cells[0].as_str())])
    }),
    ("reference data made by a phone", "may_not_create", |s| {
        let id = s.worker.new_id(DocKind::Reference);
        worker(s, id, &[Edit::set("name", "calendar"), Edit::set("body", "{}")])
    }),
    ("an order closed by a phone", "role_field", |s| worker(s, s.ours, &[Edit::set("state", "CLOSED")])),
    ("an order version written by a phone", "role_field", |s| worker(s, s.ours, &[Edit::set("order_version", 9)])),
    ("an order moved by a phone", "role_field", |s| worker(s, s.ours, &[Edit::set("grid", s.cells[1].as_str())])),
    ("an assignment by a phone", "role_field", |s| worker(s, s.ours, &[Edit::set("assignee/gw-01", true)])),
    ("a decision by a phone", "role_field", |s| {
        worker(s, s.ours, &[Edit::set(format!("decision/{:032x}", 1), r#"{"verdict":"accepted"}"#)])
    }),
    ("a due time by a phone", "role_field", |s| worker(s, s.ours, &[Edit::set("internal_due", START + 1_000_000_000)])),
    ("one allowed and one forbidden edit", "role_field", |s| worker(s, s.ours, &[note(1), Edit::set("state", "CLOSED")])),
    ("an assignment removed", "role_field", |s| worker(s, s.ours, &[Edit::Remove("assignee/ps-01".into())])),
    ("an unknown field", "unknown_field", |s| worker(s, s.ours, &[Edit::set("is_admin", true)])),
    ("a family without a member", "unknown_field", |s| worker(s, s.ours, &[Edit::set("note", "x")])),
    ("a member with a slash", "unknown_field", |s| worker(s, s.ours, &[Edit::set("note/a/b", "x")])),
    ("a number where text belongs", "schema_wrong_value", |s| worker(s, s.ours, &[Edit::set("verified_facts", 7)])),
    ("text where a number belongs", "schema_wrong_value", |s| worker(s, s.ours, &[Edit::set("severity", "3")])),
    ("a severity beyond the scale", "schema_wrong_value", |s| worker(s, s.ours, &[Edit::set("severity", 4)])),
    ("a severity below the scale", "schema_wrong_value", |s| worker(s, s.ours, &[Edit::set("severity", -1)])),
    ("a note that is no record", "schema_wrong_value", |s| {
        worker(s, s.ours, &[Edit::set(format!("note/{:032x}", 1), "words")])
    }),
    ("a text too long", "schema_wrong_value", |s| {
        let text = "长".repeat(4_001);
        worker(s, s.ours, &[Edit::set("verified_facts", text)])
    }),
    ("a visit from the year 9999", "schema_wrong_value", |s| {
        let id = s.worker.new_id(DocKind::Visit);
        let mut edits = visit("gw-01", &s.cells[0]);
        edits[3] = Edit::set("started", 253_370_764_800_000_i64);
        worker(s, id, &edits)
    }),
    ("a severity taken back", "schema_shrinks", |s| worker(s, s.ours, &[Edit::set("severity", 1)])),
    ("a severity removed", "schema_not_removable", |s| worker(s, s.ours, &[Edit::Remove("severity".into())])),
    ("one's own visit rewritten", "schema_immutable", |s| worker(s, s.own_visit, &[Edit::set("kind", "site_check")])),
    ("one's own visit moved", "schema_immutable", |s| worker(s, s.own_visit, &[Edit::set("grid", s.cells[1].as_str())])),
    ("a fact unwritten", "schema_not_removable", |s| worker(s, s.own_visit, &[Edit::Remove("started".into())])),
    ("a dependency nobody has", "missing_dependency", |s| {
        s.worker.act(s.ours, &[note(1)]);
        s.worker.chain = last_at(s.hq, &s.worker);
        (Who::Worker, s.worker.act(s.ours, &[note(2)]))
    }),
    ("a document never made", "missing_dependency", |s| {
        let id = s.worker.new_id(DocKind::Place);
        s.worker.act(id, &[Edit::set("name", "店"), Edit::set("grid", s.cells[0].as_str())]);
        s.worker.chain = last_at(s.hq, &s.worker);
        (Who::Worker, s.worker.act(id, &[Edit::set("grid", s.cells[1].as_str())]))
    }),
    ("a person made by property staff", "may_not_create", |s| {
        let id = s.property.new_id(DocKind::Person);
        property(s, id, &[Edit::set("name", "张三"), Edit::set("grid", s.cells[0].as_str()), Edit::set("purpose", "x")])
    }),
    ("a vulnerability made by property staff", "may_not_create", |s| {
        let id = s.property.new_id(DocKind::Care);
        property(s, id, &[Edit::set("kind", "独居"), Edit::set("grid", s.cells[0].as_str())])
    }),
    ("an order closed by property staff", "role_field", |s| property(s, s.ours, &[Edit::set("state", "CLOSED")])),
    ("a reply by property staff", "role_field", |s| property(s, s.ours, &[Edit::set("reply_text", "已解决")])),
    ("a police report by property staff", "role_field", |s| {
        property(s, s.ours, &[Edit::set(format!("police_referral/{:032x}", 1), "{}")])
    }),
    ("an order not assigned to property staff", "not_assigned", |s| property(s, s.theirs, &[note(1)])),
    ("a brief written by property staff", "role_kind", |s| {
        let brief = brief(s.hq);
        property(s, brief, &[Edit::set("reported_text", "改写")])
    }),
    ("a brief written by its reader", "role_field", |s| {
        let brief = brief(s.hq);
        worker(s, brief, &[Edit::set("reported_text", "改写")])
    }),
    ("another's visit by property staff", "not_author", |s| {
        property(s, s.own_visit, &[Edit::set("notes", "物业代写")])
    }),
];

fn brief(hq: &Headquarters) -> DocId {
    let sql = "SELECT id FROM docs WHERE kind = ?1 ORDER BY n LIMIT 1";
    let id: Vec<u8> = hq.reader().query_row(sql, [DocKind::Brief.code()], |r| r.get(0)).unwrap();
    DocId::from_slice(&id).unwrap()
}

/// Where a device's chain ends at headquarters.
fn last_at(hq: &Headquarters, device: &Device) -> (u64, Hash) {
    hq.reader()
        .query_row("SELECT last_seq, head FROM devices WHERE id = ?1", [device.id.0], |r| {
            Ok((r.get(0)?, Hash::from_slice(&r.get::<_, Vec<u8>>(1)?).unwrap()))
        })
        .unwrap()
}

#[test]
fn what_the_rules_forbid_is_kept_beside_the_documents_and_blocks_nothing() {
    let town = town();
    town.network.hq(|hq| {
        let mut s = scene(hq, &town.cells);
        for (n, (what, code, make)) in CASES.iter().enumerate() {
            let (who, entry) = make(&mut s);
            let honest = (s.ours, note(1_000 + n as u64));
            let device = match who {
                Who::Worker => &mut s.worker,
                Who::Property => &mut s.property,
            };
            kept_out(s.hq, device, what, entry, code, honest);
            device.pull(s.hq);
            device.fresh_actor();
        }
        // Nobody else noticed: the victim's line goes on, and nothing was pulled that was refused.
        s.victim.pull(s.hq);
        let entry = s.victim.act(s.place, &[Edit::set("access_note", "后门进")]);
        assert!(s.victim.sync(s.hq, &[entry]).is_empty());
        let refused: u64 = s.hq.reader().query_row("SELECT count(refused) FROM log", [], |r| r.get(0)).unwrap();
        assert_eq!(refused, CASES.len() as u64);
    });
}

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
            let read = |n: usize| support::hostile::read_answer(&s.victim.hq_key, &requests[n], &responses[n]).page();
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
        let shared = lanewalk_model::id::ActorId([0x77; 16]);
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
        let codes: Vec<_> = refused.iter().map(|(seq, code)| (seq - entries[0].header.seq, code.as_str())).collect();
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
        let record = |kind, version| {
            to_json(&ProposalRecord { kind, order_version: version, reason: String::new(), outcome: None, extend_days: None })
        };
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
            let decision = view.text(&format!("decision/{event}")).unwrap_or_else(|| panic!("{json}: no answer"));
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
                let value = if view.as_ref().unwrap().get(&key) == Some(&Value::Bool(true)) { Value::Bool(false) } else { Value::Bool(true) };
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
    let mut town = town();
    ended_right(&mut town);
}

fn ended_right(town: &mut Town) {
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
        let grant = Grant { grid: cells[0].clone(), role: Role::GridWorker, from: TimeMs(clock.now()), to: None };
        s.hq.grant("gw-01", &grant).unwrap();
        s.worker.fresh_actor();
        s.worker.learn(s.hq, s.ours);
        let again = s.worker.act(s.ours, &[note(3)]);
        assert!(s.worker.sync(s.hq, &[again]).is_empty());
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
        let all: Vec<_> = s.hq.document(s.place).unwrap().unwrap().all("access_note").iter().map(|a| a.value.to_string()).collect();
        assert!(all.contains(&"走侧门".to_owned()), "{all:?}");
        let last = s.victim.act(s.place, &[Edit::set("access_note", "走正门")]);
        assert!(s.victim.sync(s.hq, &[last]).is_empty());
        let view = s.hq.document(s.place).unwrap().unwrap();
        assert_eq!((view.text("access_note"), view.all("access_note").len()), (Some("走正门"), 1));
    });
}

