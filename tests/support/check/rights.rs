//! Nobody reads or writes outside the grants (I5).

use super::{Town, stores, subject};
use lanewalk_headquarters::store;
use lanewalk_model::{
    chunk::{self, OpAction, Scalar},
    id::{DocId, Hash},
    policy,
    schema::DocKind,
    time::TimeMs,
};
use lanewalk_protocol::limits;
use std::collections::{BTreeMap, BTreeSet};

/// What a phone wrote and headquarters took in names the device's own worker, and lies in a grid in
/// which that worker held a right at some time. An independent reading of the log: where a document
/// lay is whatever anybody ever wrote there.
pub(super) fn nobody_wrote_elsewhere(town: &Town) {
    town.network.hq(|hq| {
        let db = hq.reader();
        let mut grants: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut s = db.prepare("SELECT staff, grid FROM grants").unwrap();
        let mut rows = s.query([]).unwrap();
        while let Some(r) = rows.next().unwrap() {
            grants.entry(r.get(0).unwrap()).or_default().insert(r.get(1).unwrap());
        }
        let mut lay: BTreeMap<DocId, BTreeSet<String>> = BTreeMap::new();
        let mut wrote: BTreeSet<(String, DocId)> = BTreeSet::new();
        let sql = "SELECT d.id, l.change, v.worker, v.id = (SELECT value FROM meta WHERE key = 'own_device')
                   FROM log l JOIN docs d ON d.n = l.doc JOIN devices v ON v.n = l.device
                   WHERE l.refused IS NULL ORDER BY l.idx";
        let mut s = db.prepare(sql).unwrap();
        let mut rows = s.query([]).unwrap();
        while let Some(r) = rows.next().unwrap() {
            let id = DocId::from_slice(&r.get::<_, Vec<u8>>(0).unwrap()).unwrap();
            let facts = chunk::read_change(&r.get::<_, Vec<u8>>(1).unwrap(), &limits::HQ_CHANGE).unwrap();
            let grids = facts.ops.iter().filter(|op| op.key == "grid").filter_map(|op| match &op.action {
                OpAction::Set(Scalar::Text(grid)) => Some(grid.clone()),
                _ => None,
            });
            lay.entry(id).or_default().extend(grids);
            if !r.get::<_, bool>(3).unwrap() {
                let worker: String = r.get(2).unwrap();
                assert_eq!(facts.message.as_deref(), Some(worker.as_str()), "{id}: another author");
                wrote.insert((worker, id));
            }
        }
        for (worker, id) in wrote.into_iter().filter(|(_, id)| id.kind != DocKind::Knowledge) {
            let held = grants.get(&worker).cloned().unwrap_or_default();
            let right = lay[&id].iter().any(|grid| held.contains(grid));
            assert!(right, "{worker} wrote into {id} in {:?}, and held {held:?}", lay[&id]);
        }
    });
}

/// No property manager's phone holds the requester's identity or the citizen's own words (§9).
pub(super) fn least_knowledge(town: &Town) {
    for phone in stores(town).filter(|p| p.role == lanewalk_model::staff::Role::PropertyStaff) {
        for id in phone.field().heads().unwrap().into_keys() {
            assert!(
                !matches!(id.kind, DocKind::Brief | DocKind::Person | DocKind::Care),
                "{} holds {id}",
                phone.worker
            );
            let view = phone.field().document(id).unwrap();
            for (key, values) in view.entries() {
                let own =
                    |v: &lanewalk_model::view::Attributed| v.by.starts_with("gw-") || v.by.starts_with("ps-");
                for v in values.iter().filter(|v| !own(v)) {
                    let text = v.value.to_string();
                    assert!(
                        !text.contains("13800008000") && !text.contains("张三丰"),
                        "{id} {key} names the requester"
                    );
                }
            }
        }
    }
}

/// Each phone holds exactly the documents of its scope, in exactly headquarters' state.
pub(super) fn same_everywhere(town: &Town, heads: &BTreeMap<DocId, Vec<Hash>>) {
    let now = TimeMs(town.clock.now());
    for phone in town.phones.iter().filter(|p| p.works()) {
        let subject = subject(town, &phone.worker);
        let expected: BTreeMap<DocId, Vec<Hash>> = town.network.hq(|hq| {
            heads
                .iter()
                .filter(|(id, _)| {
                    let row = store::DocRow::find(hq.reader(), **id).unwrap().unwrap();
                    policy::may_read(&subject, id.kind, &row.facts, now).is_ok()
                })
                .map(|(id, h)| (*id, h.clone()))
                .collect()
        });
        let held = phone.field().heads().unwrap();
        for (id, heads) in &expected {
            assert_eq!(held.get(id), Some(heads), "{}: {id} differs from headquarters", phone.worker);
        }
        let surplus: Vec<_> = held.keys().filter(|id| !expected.contains_key(id)).collect();
        assert!(surplus.is_empty(), "{} holds what left its scope: {surplus:?}", phone.worker);
    }
}
