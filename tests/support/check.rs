//! What must hold once everything has settled: the laws, checked against plain data and an
//! independent reading of headquarters' log.
//!
//! | invariant of FAULTS.md | checked by |
//! |---|---|
//! | I1 saved is saved, through kills | `law_1_nothing_lost`, `photos::law_1_no_photo_lost`, against [`Town::saved`] and [`Town::photos`] |
//! | I2 a receipted entry is at headquarters, and on the phone until a verified backup has it | `law_1_nothing_lost`, `kept_until_the_horizon` |
//! | I3 delivered often, counted once | `time_and_order_of_the_log`, `rebuild` |
//! | I4 the same entries are the same state everywhere | `rebuild` (forwards and backwards), `rights::same_everywhere` |
//! | I5 nobody reads or writes outside the grants | `rights::same_everywhere`, `rights::least_knowledge`, `rights::nobody_wrote_elsewhere` |
//! | I6 evidence stays, a refusal is seen with its reason | `law_1_nothing_lost`, `law_2_every_proposal_answered`, `law_3_no_silent_loser`, `no_alarm`, `newer_records` |
//! | I7 no panic | every run: a panic fails its seed; caps of memory and time have `tests/api` and `tests/fuzz` |
//! | I8 in step within three rounds, or the reason is named | [`Town::settle`], and `law_1_nothing_lost` for what waits |
//! | I9 nothing in clear | `nothing_in_clear` |

mod photos;
mod rights;

use crate::town::{Fate, Phone, Town};
use lanewalk_headquarters::store;
use lanewalk_model::{
    chunk::{self, OpAction, Scalar},
    document::Document,
    id::{DocId, Hash},
    records::DecisionRecord,
    schema::DocKind,
    staff::Subject,
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
    /// Entries that a wiped phone had delivered and a restored headquarters lost again.
    pub unguarded: u64,
}

/// Checks laws 1 to 3, convergence and least knowledge; panics with words if one is broken.
pub fn laws(town: &Town) -> State {
    let (heads, unguarded) = law_1_nothing_lost(town);
    law_2_every_proposal_answered(town);
    let (conflicts, decided) = law_3_no_silent_loser(town);
    kept_until_the_horizon(town);
    rights::same_everywhere(town, &heads);
    rights::least_knowledge(town);
    rights::nobody_wrote_elsewhere(town);
    time_and_order_of_the_log(town);
    nothing_in_clear(town);
    newer_records(town);
    no_alarm(town);
    let photos = photos::law_1_no_photo_lost(town);
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
    State { hash: hash.finalize().into(), entries, refused, conflicts, decided, photos, unguarded }
}

/// Every act a phone called saved is in headquarters' log, its phone holds a receipt for it, and
/// nothing waits. The documents rebuilt from the log alone equal the cached ones.
fn law_1_nothing_lost(town: &Town) -> (BTreeMap<DocId, Vec<Hash>>, u64) {
    let log: BTreeMap<[u8; 32], Option<String>> = town.network.hq(|hq| {
        let mut s = hq.reader().prepare("SELECT hash, refused FROM log").unwrap();
        let rows = s.query_map([], |r| Ok((r.get::<_, [u8; 32]>(0)?, r.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    });
    let mut unguarded = 0;
    let unsent: Vec<String> = town.phones.iter().map(unsent).collect();
    for act in town.saved.iter().filter(|a| !a.gone) {
        let phone = &town.phones[act.phone];
        let Some(refused) = log.get(&act.hash.0) else {
            // A phone that is refused for good still has every word and gives it out. What a
            // restored headquarters lost again it has too, without knowing that it was lost.
            let given = unsent[act.phone].contains(&act.hash.to_string());
            if !given && town.restores > 0 && phone.fate == Fate::Wiped && !phone.left.guarded {
                // It went with headquarters' disk, after the receipt and before a backup: when the time to
                // deliver is over, a wipe waits for the one and not for the other.
                unguarded += 1;
                continue;
            }
            let given = given || town.restores > 0 && holds(phone, act.hash);
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
            let quarantine = phone.field().quarantine().unwrap();
            let shown = quarantine.iter().any(|q| q.hash == act.hash && q.code == *code);
            assert!(
                shown && !code.is_empty(),
                "{} of {} was refused ({code}) but is not shown there",
                act.what,
                phone.worker
            );
        }
    }
    for phone in stores(town) {
        let status = phone.field().status().unwrap();
        assert!(status.pending == 0 || !phone.works(), "{} still has unsent entries", phone.worker);
        phone.field().check().unwrap();
    }
    (rebuild(town), unguarded)
}

/// The phones that still have a store.
fn stores(town: &Town) -> impl Iterator<Item = &Phone> {
    town.phones.iter().filter(|p| p.fate != Fate::Wiped)
}

/// What a phone gives out of what headquarters lacks; of a wiped one, what its worker took along.
fn unsent(phone: &Phone) -> String {
    match phone.fate {
        Fate::Wiped => phone.left.copy.clone(),
        _ => phone.field().export_unsent().unwrap(),
    }
}

/// Says whether an entry is still in a phone's store.
fn holds(phone: &Phone, hash: Hash) -> bool {
    let last = phone.field().status().unwrap().last_seq;
    (1..=last).any(|seq| phone.field().entry_hash(seq).unwrap() == Some(hash))
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

/// What a phone let go of headquarters has; and unless it came back from a backup, a verified backup
/// had it, too.
fn kept_until_the_horizon(town: &Town) {
    for phone in town.phones.iter().filter(|p| p.works()) {
        let Some(identity) = phone.field().identity() else { continue };
        let last = phone.field().status().unwrap().last_seq;
        let gone: Vec<u64> =
            (1..=last).filter(|seq| phone.field().entry_hash(*seq).unwrap().is_none()).collect();
        town.network.hq(|hq| {
            let horizon = store::meta_u64(hq.reader(), "durable_index").unwrap();
            let sql =
                "SELECT l.idx FROM log l JOIN devices v ON v.n = l.device WHERE v.id = ?1 AND l.seq = ?2";
            for seq in gone {
                let index: Option<u64> =
                    hq.reader().query_row(sql, (identity.device.0, seq), |r| r.get(0)).ok();
                assert!(
                    index.is_some_and(|idx| town.restores > 0 || idx <= horizon),
                    "{} let go of entry {seq} ({index:?}, horizon {horizon})",
                    phone.worker
                );
            }
        });
    }
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

/// What a newer version wrote beside what this one knows is kept byte for byte (F23).
fn newer_records(town: &Town) {
    for (hash, order, key, text) in &town.newer {
        town.network.hq(|hq| {
            let sql = "SELECT 1 FROM log WHERE hash = ?1 AND refused IS NULL";
            if hq.reader().prepare_cached(sql).unwrap().exists([hash.0]).unwrap() {
                let view = hq.document(*order).unwrap().unwrap();
                assert_eq!(view.text(key), Some(text.as_str()), "{key} of {order}");
            }
        });
    }
}

/// No phone has found headquarters out, since headquarters was honest; whoever is below the floor was
/// told, and nobody else.
fn no_alarm(town: &Town) {
    for phone in stores(town) {
        for (problem, detail) in phone.field().status().unwrap().problems {
            assert!(
                !matches!(problem.as_str(), "history_rewritten" | "checkpoint_invalid"),
                "{}: {problem}: {detail}",
                phone.worker
            );
            let low = town.min_core != [0; 3];
            assert!(problem != "core_too_old" || low || !phone.works(), "{}: {detail}", phone.worker);
        }
    }
}

/// No file of any phone holds a name or a number in clear (I9): neither the database nor its log nor
/// what lies beside them.
fn nothing_in_clear(town: &Town) {
    for phone in stores(town) {
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
