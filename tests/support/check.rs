//! What must hold once everything has settled: the laws, checked against plain data and an
//! independent reading of headquarters' log.

use crate::town::{Phone, Town};
use lanewalk_field::Standing;
use lanewalk_headquarters::store;
use lanewalk_model::{
    chunk::{self, OpAction, Scalar},
    document::Document,
    id::{DocId, Hash},
    photo::{FileRef, PhotoPart, PhotoRecord},
    policy,
    records::DecisionRecord,
    schema::DocKind,
    staff::Subject,
    time::TimeMs,
    view::Value,
};
use lanewalk_protocol::limits;
use memchr::memmem;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What a settled town looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// SHA-256 over every document's id and heads at headquarters.
    pub hash: [u8; 32],
    /// Entries in the log.
    pub entries: u64,
    /// Entries kept outside the documents.
    pub refused: u64,
    /// Keys with several concurrent values.
    pub conflicts: u64,
    /// Proposals decided.
    pub decided: u64,
    /// Photos whose three files headquarters holds.
    pub photos: u64,
}

/// Checks laws 1 to 3, convergence and least knowledge; panics with words if one is broken.
pub fn laws(town: &Town) -> State {
    let heads = law_1_nothing_lost(town);
    law_2_every_proposal_answered(town);
    let (conflicts, decided) = law_3_no_silent_loser(town);
    same_everywhere(town, &heads);
    least_knowledge(town);
    time_and_order_of_the_log(town);
    nothing_in_clear(town);
    let photos = law_1_no_photo_lost(town);
    let mut hash = Sha256::new();
    for (doc, heads) in &heads {
        hash.update(doc.to_bytes());
        heads.iter().for_each(|h| hash.update(h.0));
    }
    let (entries, refused) = town.network.hq(|hq| {
        hq.reader()
            .query_row("SELECT count(*), count(refused) FROM log", [], |r| Ok((r.get(0)?, r.get(1)?)))
            .unwrap()
    });
    State { hash: hash.finalize().into(), entries, refused, conflicts, decided, photos }
}

/// Every act a phone called saved is in headquarters' log, its phone holds a receipt for it, and
/// nothing waits. The documents rebuilt from the log alone equal the cached ones.
fn law_1_nothing_lost(town: &Town) -> BTreeMap<DocId, Vec<Hash>> {
    let log: BTreeMap<[u8; 32], Option<String>> = town.network.hq(|hq| {
        let mut s = hq.reader().prepare("SELECT hash, refused FROM log").unwrap();
        let rows = s.query_map([], |r| Ok((r.get::<_, [u8; 32]>(0)?, r.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    });
    let unsent: Vec<String> = town.phones.iter().map(|p| p.field().export_unsent().unwrap()).collect();
    for act in town.saved.iter().filter(|a| !a.gone) {
        let phone = &town.phones[act.phone];
        let Some(refused) = log.get(&act.hash.0) else {
            // A phone that is refused for good still has every word and gives it out. What a
            // restored headquarters lost again it has too, without knowing that it was lost.
            let given = unsent[act.phone].contains(&act.hash.to_string())
                || town.restores > 0 && holds(phone, act.hash);
            let fate = phone.fate;
            assert!(
                given && !phone.works(),
                "LOST: {} of {} {} ({fate:?})",
                act.what,
                phone.worker,
                act.hash
            );
            continue;
        };
        if !phone.works() {
            continue;
        }
        if let Some(code) = refused {
            let shown = phone.field().quarantine().unwrap().iter().any(|q| q.hash == act.hash);
            assert!(shown, "{} of {} was refused ({code}) but is not shown there", act.what, phone.worker);
        }
    }
    for phone in &town.phones {
        let status = phone.field().status().unwrap();
        assert!(status.pending == 0 || !phone.works(), "{} still has unsent entries", phone.worker);
        phone.field().check().unwrap();
    }
    rebuild(town)
}

/// Says whether an entry is still in a phone's store.
fn holds(phone: &Phone, hash: Hash) -> bool {
    let last = phone.field().status().unwrap().last_seq;
    (1..=last).any(|seq| phone.field().entry_hash(seq).unwrap() == Some(hash))
}

/// Every photo a phone called saved and whose record headquarters took in is there with its three
/// files, each with the right bytes; one whose record was refused is still on its phone. Equal files
/// lie there once, and nothing else lies there.
fn law_1_no_photo_lost(town: &Town) -> u64 {
    let folder = town.photo_folder();
    let mut named = BTreeSet::new();
    let mut arrived = 0;
    for saved in &town.photos {
        let phone = &town.phones[saved.phone];
        let view = town.network.hq(|hq| hq.document(saved.visit).unwrap());
        let record = view.as_ref().and_then(|v| v.text(&format!("photo/{}", saved.photo)).map(str::to_owned));
        let Some(record) = record else {
            let here = phone.field().photo_bytes(saved.photo, PhotoPart::Thumbnail).is_ok();
            assert!(
                here || saved.gone,
                "LOST: photo {} of {} (phone {}, {:?}) is nowhere",
                saved.photo,
                phone.worker,
                saved.phone,
                phone.fate
            );
            // What a revoked device delivered lies in quarantine, and its files in the folder (F29).
            if matches!(phone.field().standing().unwrap(), Standing::Revoked { .. }) {
                let key = format!("photo/{}", saved.photo);
                let refused = phone.field().quarantine().unwrap();
                for written in refused.iter().flat_map(|entry| &entry.written).filter(|w| w.key == key) {
                    let record: PhotoRecord =
                        serde_json::from_str(written.value.as_deref().unwrap()).unwrap();
                    named.extend(record.parts().map(|(_, file)| file.sha256.to_string()));
                }
            }
            continue;
        };
        let record: PhotoRecord = serde_json::from_str(&record).unwrap();
        let mut whole = true;
        for (part, file) in record.parts() {
            let hex = file.sha256.to_string();
            let path = folder.join(hex.get(..2).unwrap()).join(&hex);
            named.insert(hex);
            match std::fs::read(&path) {
                Ok(bytes) => assert_eq!(FileRef::of(&bytes), file, "{} of photo {}", part.id(), saved.photo),
                Err(_) if saved.gone => whole = false,
                // Its phone may not bring it any more, and still has it.
                Err(_) if !phone.works() && phone.field().storage().unwrap().unsent_files > 0 => {
                    whole = false;
                }
                Err(e) => panic!(
                    "LOST: {} of photo {} of {} (phone {}, {:?}): {e}",
                    part.id(),
                    saved.photo,
                    phone.worker,
                    saved.phone,
                    phone.fate
                ),
            }
        }
        arrived += u64::from(whole);
    }
    for entry in std::fs::read_dir(&folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name.len() == 2 {
            for file in std::fs::read_dir(&path).unwrap() {
                let name = file.unwrap().file_name().to_string_lossy().into_owned();
                assert!(named.contains(&name), "{name} at headquarters belongs to no saved photo");
            }
        }
    }
    for phone in town.phones.iter().filter(|p| p.works()) {
        let left = phone.field().storage().unwrap();
        let refused = phone.field().quarantine().unwrap().len();
        assert!(left.unsent_files == 0 || refused > 0, "{} still has files to send: {left:?}", phone.worker);
    }
    arrived
}

fn rebuild(town: &Town) -> BTreeMap<DocId, Vec<Hash>> {
    town.network.hq(|hq| {
        let mut changes: BTreeMap<DocId, Vec<Vec<u8>>> = BTreeMap::new();
        let sql = "SELECT d.id, l.change FROM log l JOIN docs d ON d.n = l.doc WHERE l.refused IS NULL ORDER BY l.idx";
        let mut s = hq.reader().prepare(sql).unwrap();
        let rows = s.query_map([], |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, Vec<u8>>(1)?))).unwrap();
        for row in rows {
            let (id, change) = row.unwrap();
            changes.entry(DocId::from_slice(&id).unwrap()).or_default().push(change);
        }
        let mut heads = BTreeMap::new();
        for (id, changes) in changes {
            let mut doc = Document::new(id.kind);
            doc.apply(changes.iter().map(Vec::as_slice)).unwrap();
            let cached = hq.document(id).unwrap().unwrap();
            // Whatever order they are delivered in: backwards every change comes before its cause.
            let mut late = Document::new(id.kind);
            late.apply(changes.iter().rev().map(Vec::as_slice)).unwrap();
            assert_eq!(late.view(), cached, "{id} delivered backwards differs");
            assert_eq!(doc.view(), cached, "{id} rebuilt from the log differs from the cache");
            heads.insert(id, doc.heads());
        }
        heads
    })
}

/// Every proposal that came in has an answer or waits for a person, and its author's phone
/// shows the same.
fn law_2_every_proposal_answered(town: &Town) {
    let waiting: BTreeSet<String> =
        town.network.hq(|hq| hq.waiting().unwrap().into_iter().map(|w| w.event).collect());
    for phone in town.phones.iter().filter(|p| p.works()) {
        for id in phone.field().heads().unwrap().into_keys().filter(|d| d.kind == DocKind::Order) {
            let page = phone.field().order(id).unwrap();
            for proposal in page.proposals {
                match proposal.decision {
                    Some(DecisionRecord {
                        verdict: lanewalk_model::records::Verdict::Refused,
                        reason,
                        ..
                    }) => {
                        assert!(reason.is_some(), "refused without a reason");
                    }
                    Some(_) => {}
                    None => assert!(waiting.contains(&proposal.id), "proposal {} has no answer", proposal.id),
                }
            }
        }
    }
}

/// Everything ever written at one key: by operation, `None` for a removal.
type Writes = BTreeMap<(u64, [u8; 16]), Option<Value>>;

/// An independent reading of the log: a written value may only disappear when somebody who had
/// seen it wrote over it. Everything else must be visible.
fn law_3_no_silent_loser(town: &Town) -> (u64, u64) {
    town.network.hq(|hq| {
        let mut written: BTreeMap<(DocId, String), Writes> = BTreeMap::new();
        let mut covered: BTreeSet<(DocId, String, u64, [u8; 16])> = BTreeSet::new();
        let sql = "SELECT d.id, l.change FROM log l JOIN docs d ON d.n = l.doc WHERE l.refused IS NULL";
        let mut s = hq.reader().prepare(sql).unwrap();
        let rows = s.query_map([], |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, Vec<u8>>(1)?))).unwrap();
        for row in rows {
            let (id, change) = row.unwrap();
            let id = DocId::from_slice(&id).unwrap();
            let facts = chunk::read_change(&change, &limits::HQ_CHANGE).unwrap();
            for (counter, op) in (facts.start_op..).zip(facts.ops) {
                let value = match op.action {
                    OpAction::Set(Scalar::Text(t)) => Some(Value::Text(t)),
                    OpAction::Set(Scalar::Int(i)) => Some(Value::Int(i)),
                    OpAction::Set(Scalar::Bool(b)) => Some(Value::Bool(b)),
                    OpAction::Delete => None,
                };
                covered.extend(op.preds.iter().map(|(c, a)| (id, op.key.clone(), *c, *a)));
                written.entry((id, op.key)).or_default().insert((counter, facts.actor), value);
            }
        }
        let (mut conflicts, mut decided) = (0, 0);
        let mut views = BTreeMap::new();
        for ((id, key), values) in written {
            let mut standing: Vec<Value> = values
                .into_iter()
                .filter(|((c, a), _)| !covered.contains(&(id, key.clone(), *c, *a)))
                .filter_map(|(_, v)| v)
                .collect();
            let view = views.entry(id).or_insert_with(|| hq.document(id).unwrap().unwrap());
            let mut shown: Vec<Value> = view.all(&key).iter().map(|a| a.value.clone()).collect();
            standing.sort();
            shown.sort();
            assert_eq!(shown, standing, "SILENT LOSER in {id} at {key}");
            conflicts += u64::from(standing.len() > 1);
            decided += u64::from(key.starts_with("decision/"));
            assert!(view.all(&key).iter().all(|a| !a.by.is_empty()), "{id} {key}: a value without an author");
        }
        (conflicts, decided)
    })
}

/// Each phone holds exactly the documents of its scope, in exactly headquarters' state.
fn same_everywhere(town: &Town, heads: &BTreeMap<DocId, Vec<Hash>>) {
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

/// However often an entry came, it stands once; and whatever headquarters' clock did, its time in
/// the log never goes back.
fn time_and_order_of_the_log(town: &Town) {
    town.network.hq(|hq| {
        let count = |sql: &str| hq.reader().query_row(sql, [], |r| r.get::<_, u64>(0)).unwrap();
        let (all, once) = (count("SELECT count(*) FROM log"), count("SELECT count(DISTINCT hash) FROM log"));
        assert_eq!(all, once, "an entry stands in the log twice");
        let back = "SELECT count(*) FROM (SELECT received_at - lag(received_at) OVER (ORDER BY idx) AS step FROM log)
                    WHERE step < 0";
        assert_eq!(count(back), 0, "headquarters' time went back in the log");
    });
}

/// No file of any phone holds a name or a number in clear (I9): neither the database nor its log nor
/// what lies beside them.
fn nothing_in_clear(town: &Town) {
    for phone in &town.phones {
        let mut open = vec![phone.directory.clone()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    open.push(entry.path());
                    continue;
                }
                let bytes = std::fs::read(entry.path()).unwrap();
                for secret in SECRETS {
                    let found = memmem::find(&bytes, secret.as_bytes()).is_some();
                    assert!(!found, "{:?} holds {secret} in clear", entry.path());
                }
            }
        }
    }
}

/// Words that people in the town have in their documents.
const SECRETS: [&str; 4] = ["13800008000", "13900001111", "张三", "走访"];

fn subject(town: &Town, worker: &str) -> Subject {
    town.network.hq(|hq| hq.subject(worker).unwrap().unwrap())
}

/// No property manager's phone holds the requester's identity or the citizen's own words (§9).
fn least_knowledge(town: &Town) {
    for phone in town.phones.iter().filter(|p| p.role == lanewalk_model::staff::Role::PropertyStaff) {
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
