//! What every acceptance scenario needs: a town at a date, headquarters' acts, readings.

use lanewalk_headquarters::import::IncomingOrder;
use lanewalk_model::{
    id::DocId,
    order::{self, Act, Destination, Refusal, State},
    records::{CallbackRecord, ProposalRecord, StepKind, StepRecord},
    schema::DocKind,
    time::TimeMs,
    view::DocView,
};
use support::town::{Plan, Town};

/// Reads `2026-05-08 09:40` as China's time.
pub(crate) fn at(text: &str) -> i64 {
    let moment = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    moment.and_utc().timestamp_millis() - 8 * 3_600_000
}

/// Builds a town whose clerk `hc-01` is on watch.
pub(crate) fn town(seed: u64, grid_workers: u64, property_staff: u64, start: &str) -> Town {
    let mut town = Town::at(Plan { seed, grid_workers, property_staff, orders: 0 }, at(start));
    let judged = town.network.hq(|hq| hq.take_watch("hc-01", "").unwrap());
    assert_eq!(judged, None);
    town.settle();
    town
}

/// Moves the clock to a moment that lies ahead.
pub(crate) fn go_to(town: &Town, moment: &str) {
    let ahead = at(moment) - town.clock.now();
    assert!(ahead >= 0, "{moment} has passed");
    town.clock.advance(ahead);
}

/// An order as upstream sends it at a moment, in cell `cell` of the town.
pub(crate) fn call(now: i64, id: &str, cell: i32, title: &str, matter: &str, urgent: bool) -> IncomingOrder {
    let mut payload = [0; 32];
    for (to, from) in payload.iter_mut().zip(id.bytes()) {
        *to = from;
    }
    IncomingOrder {
        upstream_id: id.into(),
        channel: "12345".into(),
        matter_text: matter.into(),
        title: title.into(),
        reported_text: format!("{title},请处理"),
        reported_address: "幸福街3号楼2单元楼道".into(),
        reported_at_ms: now,
        upstream_due_at_ms: None,
        closed_at_ms: None,
        urgent,
        lat_e7: Some(366_850_000),
        lon_e7: Some(1_191_050_000 + cell * 100_000),
        datum: "wgs84".into(),
        requester_name: Some("张三丰".into()),
        requester_phone: Some("13800008000".into()),
        secrecy: false,
        payload_sha256: payload,
    }
}

/// Takes an order in, accepted by the clerk on watch; every phone that may have it gets it.
pub(crate) fn order_in(town: &mut Town, incoming: IncomingOrder) -> DocId {
    let id = incoming.upstream_id.clone();
    town.network.hq(|hq| hq.take_in(&[incoming], "hc-01").unwrap());
    town.settle();
    by_upstream(town, &id)
}

/// Finds an order by upstream's number.
pub(crate) fn by_upstream(town: &Town, upstream: &str) -> DocId {
    town.network.hq(|hq| {
        let sql = "SELECT d.id FROM upstream u JOIN docs d ON d.n = u.doc WHERE u.upstream_id = ?1";
        let id: Vec<u8> = hq.reader().query_row(sql, [upstream], |r| r.get(0)).unwrap();
        DocId::from_slice(&id).unwrap()
    })
}

/// Does an act at headquarters that the rules allow.
#[track_caller]
pub(crate) fn act(town: &Town, by: &str, order: DocId, what: &Act, reason: &str) {
    assert_eq!(try_act(town, by, order, what, reason), None, "{by} {what:?}");
}

/// Tries an act at headquarters.
pub(crate) fn try_act(town: &Town, by: &str, order: DocId, what: &Act, reason: &str) -> Option<Refusal> {
    town.network.hq(|hq| hq.perform(by, order, what, reason).unwrap())
}

/// Proposes at headquarters, on the order as it is now.
pub(crate) fn propose(town: &Town, by: &str, order: DocId, record: ProposalRecord) -> Option<Refusal> {
    town.network.hq(|hq| {
        let order_version = order::version(&hq.document(order).unwrap().unwrap());
        hq.propose(by, order, &ProposalRecord { order_version, ..record }).unwrap()
    })
}

/// Decides the one proposal that waits at an order.
pub(crate) fn decide(town: &Town, by: &str, order: DocId, accept: bool, words: &str) -> Option<Refusal> {
    town.network.hq(|hq| {
        let waiting: Vec<_> = hq.waiting().unwrap().into_iter().filter(|w| w.order == order).collect();
        assert_eq!(waiting.len(), 1, "{waiting:?}");
        hq.decide(order, &waiting[0].event, accept, by, words).unwrap()
    })
}

/// Where a deputy leader sends an order.
pub(crate) fn to(lead: &str, grid: &str) -> Act {
    Act::Dispatch(Destination { lead_unit: lead.into(), grid: grid.into(), ..Destination::default() })
}

/// A callback that reached the requester.
pub(crate) fn reached(process: bool, result: bool, resolved: bool) -> Act {
    Act::Callback(CallbackRecord {
        at: TimeMs(0),
        round: 0,
        reached: true,
        process_satisfied: Some(process),
        result_satisfied: Some(result),
        resolved: Some(resolved),
        note: String::new(),
    })
}

/// An attempt that reached nobody.
pub(crate) fn not_reached() -> Act {
    Act::Callback(CallbackRecord {
        at: TimeMs(0),
        round: 0,
        reached: false,
        process_satisfied: None,
        result_satisfied: None,
        resolved: None,
        note: String::new(),
    })
}

/// Reads a document at headquarters.
pub(crate) fn at_hq(town: &Town, id: DocId) -> DocView {
    town.network.hq(|hq| hq.document(id).unwrap().unwrap())
}

/// Reads an order's state at headquarters.
pub(crate) fn state(town: &Town, id: DocId) -> State {
    order::state(&at_hq(town, id))
}

/// Reads the steps of one kind.
pub(crate) fn steps(town: &Town, id: DocId, kind: StepKind) -> Vec<StepRecord> {
    order::steps(&at_hq(town, id)).into_iter().map(|(_, s)| s).filter(|s| s.kind == kind).collect()
}

/// Lists the documents of a kind at headquarters.
pub(crate) fn all(town: &Town, kind: DocKind) -> Vec<DocId> {
    town.network.hq(|hq| {
        let mut statement = hq.reader().prepare("SELECT id FROM docs WHERE kind = ?1 ORDER BY n").unwrap();
        let ids = statement.query_map([kind.code()], |r| r.get::<_, Vec<u8>>(0)).unwrap();
        ids.map(|id| DocId::from_slice(&id.unwrap()).unwrap()).collect()
    })
}
