//! What every acceptance scenario needs: a town at a date, headquarters' acts, readings.

use lanewalk_field::Shot;
use lanewalk_headquarters::import::IncomingOrder;
use lanewalk_model::{
    id::{DocId, EventId},
    order::{self, Act, Destination, Refusal, State},
    photo::PhotoRole,
    records::{CallbackRecord, ProposalKind, ProposalRecord, StepKind, StepRecord},
    schema::DocKind,
    time::TimeMs,
    view::{DocView, Value},
};
use support::town::{Plan, SavedPhoto, Town};

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

/// An order of a matter at a place, told by somebody: what [`call`] leaves open.
pub(crate) fn told_by(order: IncomingOrder, name: &str, phone: &str) -> IncomingOrder {
    IncomingOrder { requester_name: Some(name.into()), requester_phone: Some(phone.into()), ..order }
}

/// Draws a small picture; equal seeds give equal files.
pub(crate) fn picture(seed: u64) -> Vec<u8> {
    lanewalk_camera::Shot { seed, width: 320, height: 240, ..lanewalk_camera::Shot::default() }.jpeg()
}

/// Takes a photo with the app's own camera.
pub(crate) fn shoot(
    town: &mut Town,
    phone: usize,
    visit: DocId,
    role: PhotoRole,
    file: &[u8],
    shot: &Shot,
) -> EventId {
    let field = town.phones[phone].field().clone();
    let ticket = field.begin_photo(visit, role).unwrap();
    std::fs::write(&ticket.path, file).unwrap();
    let photo = field.finish_photo(ticket.id, shot).unwrap();
    keep_photo(town, phone, visit, photo);
    photo
}

/// Remembers a saved photo for the laws.
pub(crate) fn keep_photo(town: &mut Town, phone: usize, visit: DocId, photo: EventId) {
    town.remember(phone, "photo");
    town.photos.push(SavedPhoto { phone, visit, photo, gone: false });
}

/// A visit for an order, now; remembered for the laws.
pub(crate) fn seen(town: &mut Town, phone: usize, order: DocId, kind: &str, notes: &str) -> DocId {
    let visit = town.phones[phone].field().record_visit(crate::visit(order, kind, notes)).unwrap();
    town.remember(phone, "visit");
    visit
}

/// The records of a family in a document at headquarters, in the order of writing.
pub(crate) fn records<T: serde::de::DeserializeOwned>(town: &Town, id: DocId, family: &str) -> Vec<T> {
    let view = at_hq(town, id);
    view.members(family).map(|(_, v)| serde_json::from_str(v.text().unwrap()).unwrap()).collect()
}

/// The documents of a kind that belong to an order, at headquarters.
pub(crate) fn of_order(town: &Town, order: DocId, kind: DocKind) -> Vec<DocId> {
    let order = order.to_string();
    all(town, kind).into_iter().filter(|id| at_hq(town, *id).text("order") == Some(&order)).collect()
}

/// Acknowledges, answers and submits an order from a phone, on the sight of now.
pub(crate) fn submit(town: &mut Town, phone: usize, order: DocId, reply: &str, outcome: &str) {
    let field = town.phones[phone].field().clone();
    if field.order(order).unwrap().actions.contains(&"ack") {
        field.propose(order, ProposalKind::Ack, "", None, None, false).unwrap();
    }
    field.set_field(order, "reply_text", Value::Text(reply.into())).unwrap();
    field.propose(order, ProposalKind::Submit, "", Some(outcome), None, false).unwrap();
}
