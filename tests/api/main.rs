//! A hostile device against a real headquarters: whatever deviates from the protocol or the rules
//! is refused by its documented code, changes nothing, and harms nobody else.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod chain;
mod chunks;
mod enrolment;
mod entries;
mod misuse;
mod mutants;
mod requests;
mod scope;
mod witness;

use lanewalk_headquarters::Headquarters;
use lanewalk_model::{
    document::Edit,
    id::DocId,
    records::{NoteRecord, to_json},
    schema::DocKind,
    time::TimeMs,
};
use lanewalk_protocol::{entry::Entry, http::Request};
use support::{
    hostile::{Answer, Device, Footprint, send},
    town::{Plan, START, Town},
};

/// Status and code of a refusal.
type Code = (u16, &'static str);

/// Two community workers, one property manager, a few orders; their honest phones exist too.
/// gw-01 holds cells 0 and 1, gw-02 cells 1 and 2, ps-01 cells 2 and 0.
fn town() -> Town {
    Town::new(Plan { seed: 7, grid_workers: 2, property_staff: 1, orders: 6 })
}

/// Makes an order in a cell, assigned to somebody.
fn order(hq: &mut Headquarters, grid: &str, assignee: &str) -> DocId {
    let id = hq.new_id(DocKind::Order);
    let edits = vec![
        Edit::set("title", "楼道堆物"),
        Edit::set("state", "DISPATCHED"),
        Edit::set("order_version", 1),
        Edit::set("grid", grid),
        Edit::set("severity", 2),
        Edit::set(format!("assignee/{assignee}"), true),
    ];
    hq.write_by_rule(&[(id, edits)]).unwrap();
    id
}

/// An edit that every member of field staff may make in an order of his.
fn note(n: u64) -> Edit {
    let record = NoteRecord { text: format!("已到现场{n}"), at: TimeMs(START) };
    Edit::set(format!("note/{n:032x}"), to_json(&record))
}

/// The edits that make a visit.
fn visit(worker: &str, grid: &str) -> Vec<Edit> {
    vec![
        Edit::set("kind", "patrol"),
        Edit::set("by", worker),
        Edit::set("grid", grid),
        Edit::set("started", START),
        Edit::set("notes", "门锁着"),
    ]
}

/// Sends what must be refused as a whole: signed answer, right code, nothing changed.
#[track_caller]
fn refused(hq: &mut Headquarters, request: &Request, want: Code) -> Answer {
    let before = Footprint::of(hq);
    let answer = send(hq, request);
    assert_eq!(answer.code(), want, "{:?}", answer.error);
    assert_eq!(Footprint::of(hq), before, "a refused request changed something");
    answer
}

/// Pushes an entry that is kept outside the documents, then an honest one of the same chain.
#[track_caller]
fn kept_out(
    hq: &mut Headquarters,
    device: &mut Device,
    what: &str,
    entry: Entry,
    code: &str,
    honest: (DocId, Edit),
) {
    let doc = entry.header.doc;
    let before = hq.document(doc).unwrap();
    let seq = entry.header.seq;
    let refused = device.sync(hq, &[entry]);
    assert_eq!(refused.get(&seq).map(String::as_str), Some(code), "{what}");
    assert_eq!(hq.document(doc).unwrap(), before, "{what} changed the document");
    let kept: (Option<String>, String) = hq
        .reader()
        .query_row(
            "SELECT refused, trust FROM log JOIN devices d ON d.n = log.device WHERE d.id = ?1 AND seq = ?2",
            (device.id.0, seq),
            |r| Ok((r.get(0)?, r.get(1)?)),
        )
        .unwrap();
    assert_eq!(kept.0.as_deref(), Some(code), "{what} is in the log with its reason");
    let (order, edit) = honest;
    device.fresh_actor();
    device.learn(hq, order);
    let next = device.act(order, std::slice::from_ref(&edit));
    assert_eq!(device.sync(hq, &[next]).len(), 0, "the honest entry after: {what}");
    assert!(hq.document(order).unwrap().unwrap().get(edit.key()).is_some(), "{what}");
}
