//! Scenarios of a working day with real phone cores and a real headquarters: what DOMAIN.md §10
//! and the fault list promise to people, read from what people see.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod acceptance;
mod again;
mod clocks;
mod desk;
mod drill;
mod evidence;
mod lost;
mod network;
mod orders;
mod restore;
mod rights;
mod salvage;
mod sharing;
mod versions;
mod witness;

use lanewalk_field::{Field, ListQuery, NewVisit, ProposalStatus, SyncError, Transport, TransportError};
use lanewalk_headquarters::import::IncomingOrder;
use lanewalk_model::{
    id::{DocId, Hash},
    order::Refusal,
    records::Verdict,
    schema::DocKind,
    view::DocView,
};
use lanewalk_protocol::http::{Request, Response};
use std::sync::Arc;
use support::{
    network::Network,
    town::{Plan, Town},
};

/// Phones 0 and 1 are community workers (cells 0, 1 and 1, 2), phone 2 a property manager
/// (cells 2, 0).
const A: usize = 0;
const OTHER: usize = 1;
const B: usize = 2;

fn town(seed: u64, orders: u64) -> Town {
    let mut town = Town::new(Plan { seed, grid_workers: 2, property_staff: 1, orders });
    town.settle();
    town
}

/// Imports one order in the middle of a cell; every phone that may have it gets it.
fn order_in(town: &mut Town, cell: i32, title: &str) -> DocId {
    let known: Vec<DocId> = hq_ids(town, DocKind::Order);
    let order = IncomingOrder {
        upstream_id: format!("S-{title}"),
        channel: "12345".into(),
        matter_text: "noise".into(),
        title: title.to_owned(),
        reported_text: format!("{title},请处理"),
        reported_address: "幸福街3号楼2单元楼道".into(),
        reported_at_ms: town.clock.now(),
        upstream_due_at_ms: None,
        closed_at_ms: None,
        urgent: false,
        lat_e7: Some(366_850_000),
        lon_e7: Some(1_191_050_000 + cell * 100_000),
        datum: "wgs84".into(),
        requester_name: Some("张三丰".into()),
        requester_phone: Some("13800008000".into()),
        secrecy: false,
        payload_sha256: [title.len() as u8; 32],
    };
    town.network.hq(|hq| hq.take_in(&[order], "hc-01").unwrap());
    town.settle();
    *hq_ids(town, DocKind::Order).iter().find(|id| !known.contains(id)).unwrap()
}

fn hq_ids(town: &Town, kind: DocKind) -> Vec<DocId> {
    town.network.hq(|hq| {
        let mut statement = hq.reader().prepare("SELECT id FROM docs WHERE kind = ?1 ORDER BY n").unwrap();
        let ids = statement.query_map([kind.code()], |r| r.get::<_, Vec<u8>>(0)).unwrap();
        ids.map(|id| DocId::from_slice(&id.unwrap()).unwrap()).collect()
    })
}

fn at_hq(town: &Town, id: DocId) -> DocView {
    town.network.hq(|hq| hq.document(id).unwrap().unwrap())
}

/// An entry in headquarters' log: (why refused, effective time, trust, received).
fn logged(town: &Town, hash: Hash) -> (Option<String>, i64, String, i64) {
    town.network.hq(|hq| {
        let sql = "SELECT refused, effective_at, trust, received_at FROM log WHERE hash = ?1";
        hq.reader().query_row(sql, [hash.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))).unwrap()
    })
}

fn visit(order: DocId, kind: &str, notes: &str) -> NewVisit {
    NewVisit {
        order: Some(order),
        kind: kind.into(),
        result: "met".into(),
        notes: notes.into(),
        ..NewVisit::default()
    }
}

fn ids(field: &Field, kind: DocKind) -> Vec<DocId> {
    let query = ListQuery { kind: Some(kind), limit: 1_000, ..ListQuery::default() };
    field.list(&query).unwrap().into_iter().map(|i| i.id).collect()
}

fn proposal(town: &Town, phone: usize, order: DocId, event: &str) -> ProposalStatus {
    let page = town.phones[phone].field().order(order).unwrap();
    page.proposals.into_iter().find(|p| p.id == event).unwrap()
}

#[track_caller]
fn accepted(town: &Town, phone: usize, order: DocId, event: &str) {
    let decision = proposal(town, phone, order, event).decision.expect("answered");
    assert_eq!((decision.verdict, decision.reason), (Verdict::Accepted, None));
}

#[track_caller]
fn refused(town: &Town, phone: usize, order: DocId, event: &str, why: Refusal) {
    let decision = proposal(town, phone, order, event).decision.expect("answered");
    assert_eq!((decision.verdict, decision.reason), (Verdict::Refused, Some(why)));
    assert!(!why.zh().is_empty());
}

/// A transport in the tester's hand.
struct Hand<F>(Arc<Network>, F);

impl<F: Fn(&Network, Request) -> Result<Response, TransportError> + Send + Sync> Transport for Hand<F> {
    fn send(&self, request: Request) -> Result<Response, TransportError> {
        (self.1)(&self.0, request)
    }
}

fn deliver(network: &Network, request: &Request) -> Response {
    network.hq(|hq| hq.handle(std::slice::from_ref(request)).pop().unwrap())
}

fn lost() -> TransportError {
    TransportError::Unreachable { detail: "tunnel".into() }
}

#[track_caller]
fn no_network<T: std::fmt::Debug>(done: Result<T, SyncError>) {
    assert!(matches!(done, Err(SyncError::NoNetwork { .. })), "{done:?}");
}
