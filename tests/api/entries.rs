//! Entries that belong to a valid chain but must not enter the documents: they stay in the log
//! with the reason, get their receipt, and the chain goes on behind them.

use crate::{kept_out, note, order, town, visit};
use lanewalk_headquarters::Headquarters;
use lanewalk_model::{
    document::{Edit, Stamp},
    id::{DocId, Hash},
    schema::DocKind,
    time::{Hlc, TimeMs},
};
use lanewalk_protocol::entry::Entry;
use support::{hostile::Device, town::START};

/// The scene of every case: what exists before the hostile entry.
pub(crate) struct Scene<'a> {
    pub(crate) hq: &'a mut Headquarters,
    /// gw-01, holds cells 0 and 1.
    pub(crate) worker: Device,
    /// ps-01, holds cells 2 and 0.
    pub(crate) property: Device,
    /// gw-02, honest, holds cells 1 and 2.
    pub(crate) victim: Device,
    /// An order in cell 0 of everybody there.
    pub(crate) ours: DocId,
    /// An order in cell 2, not gw-01's.
    pub(crate) theirs: DocId,
    /// A visit of gw-01.
    pub(crate) own_visit: DocId,
    /// A visit of gw-02 in cell 1, readable by gw-01.
    pub(crate) foreign_visit: DocId,
    /// A place made by gw-02 in cell 1.
    pub(crate) place: DocId,
    pub(crate) cells: &'a [String],
}

pub(crate) fn scene<'a>(hq: &'a mut Headquarters, cells: &'a [String]) -> Scene<'a> {
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
    let named = victim.act(
        place,
        &[Edit::set("name", "便民超市"), Edit::set("grid", cells[1].as_str()), Edit::set("kind", "shop")],
    );
    assert!(victim.sync(hq, &[visit, named]).is_empty());
    let mut scene =
        Scene { hq, worker, property, victim, ours, theirs, own_visit, foreign_visit, place, cells };
    scene.worker.pull(scene.hq);
    scene.property.pull(scene.hq);
    scene.victim.pull(scene.hq);
    scene
}

/// Who sends, and what.
type Case = (&'static str, &'static str, fn(&mut Scene<'_>) -> (Who, Entry));

pub(crate) enum Who {
    Worker,
    Property,
}

pub(crate) fn worker(s: &mut Scene<'_>, doc: DocId, edits: &[Edit]) -> (Who, Entry) {
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
        (
            Who::Worker,
            s.worker.act(s.place, &[Edit::set("name", "我的店"), Edit::set("grid", s.cells[0].as_str())]),
        )
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
    ("an order version written by a phone", "role_field", |s| {
        worker(s, s.ours, &[Edit::set("order_version", 9)])
    }),
    ("an order moved by a phone", "role_field", |s| {
        worker(s, s.ours, &[Edit::set("grid", s.cells[1].as_str())])
    }),
    ("an assignment by a phone", "role_field", |s| worker(s, s.ours, &[Edit::set("assignee/gw-01", true)])),
    ("a decision by a phone", "role_field", |s| {
        worker(s, s.ours, &[Edit::set(format!("decision/{:032x}", 1), r#"{"verdict":"accepted"}"#)])
    }),
    ("a due time by a phone", "role_field", |s| {
        worker(s, s.ours, &[Edit::set("internal_due", START + 1_000_000_000)])
    }),
    ("one allowed and one forbidden edit", "role_field", |s| {
        worker(s, s.ours, &[note(1), Edit::set("state", "CLOSED")])
    }),
    ("an assignment removed", "role_field", |s| worker(s, s.ours, &[Edit::Remove("assignee/ps-01".into())])),
    ("an unknown field", "unknown_field", |s| worker(s, s.ours, &[Edit::set("is_admin", true)])),
    ("a family without a member", "unknown_field", |s| worker(s, s.ours, &[Edit::set("note", "x")])),
    ("a member with a slash", "unknown_field", |s| worker(s, s.ours, &[Edit::set("note/a/b", "x")])),
    ("a number where text belongs", "schema_wrong_value", |s| {
        worker(s, s.ours, &[Edit::set("verified_facts", 7)])
    }),
    ("text where a number belongs", "schema_wrong_value", |s| {
        worker(s, s.ours, &[Edit::set("severity", "3")])
    }),
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
    ("one's own visit rewritten", "schema_immutable", |s| {
        worker(s, s.own_visit, &[Edit::set("kind", "site_check")])
    }),
    ("one's own visit moved", "schema_immutable", |s| {
        worker(s, s.own_visit, &[Edit::set("grid", s.cells[1].as_str())])
    }),
    ("a fact unwritten", "schema_not_removable", |s| {
        worker(s, s.own_visit, &[Edit::Remove("started".into())])
    }),
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
        property(
            s,
            id,
            &[Edit::set("name", "张三"), Edit::set("grid", s.cells[0].as_str()), Edit::set("purpose", "x")],
        )
    }),
    ("a vulnerability made by property staff", "may_not_create", |s| {
        let id = s.property.new_id(DocKind::Care);
        property(s, id, &[Edit::set("kind", "独居"), Edit::set("grid", s.cells[0].as_str())])
    }),
    ("an order closed by property staff", "role_field", |s| {
        property(s, s.ours, &[Edit::set("state", "CLOSED")])
    }),
    ("a reply by property staff", "role_field", |s| {
        property(s, s.ours, &[Edit::set("reply_text", "已解决")])
    }),
    ("a finding by property staff", "role_field", |s| {
        property(s, s.ours, &[Edit::set(format!("finding/{:032x}", 1), "{}")])
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

pub(crate) fn brief(hq: &Headquarters) -> DocId {
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
        let refused: u64 =
            s.hq.reader().query_row("SELECT count(refused) FROM log", [], |r| r.get(0)).unwrap();
        assert_eq!(refused, CASES.len() as u64);
    });
}
