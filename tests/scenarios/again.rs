//! Phones whose chain cannot go on, and that become another device: what headquarters lacks is written
//! again (F9, F27).

use crate::{A, Hand, accepted, at_hq, logged, lost, order_in, town, visit};
use lanewalk_field::{DeviceKey, SyncError, UploadPolicy};
use lanewalk_model::{
    id::{DocId, Hash},
    records::ProposalKind,
    view::Value,
};
use support::{check, network::Wire, town::Town};

/// Notes of an order at headquarters, as text.
fn notes(town: &Town, order: DocId) -> Vec<String> {
    let view = at_hq(town, order);
    let mut notes: Vec<String> = view.members("note").map(|(_, v)| format!("{v:?}")).collect();
    notes.sort();
    notes
}

fn effective(town: &Town, hash: Hash) -> i64 {
    town.network.hq(|hq| {
        let mut s = hq.reader().prepare("SELECT effective_at FROM log WHERE hash = ?1").unwrap();
        s.query_row([hash.0], |r| r.get(0)).unwrap()
    })
}

/// Two phones with one chain: the one that is told gets a code, and every word it wrote arrives, at the
/// moment at which it was written.
#[test]
fn the_second_branch_is_written_again_under_another_device() {
    let mut town = town(701, 3);
    let order = order_in(&mut town, 0, "群租房");
    // Written before the copy, sent after it: both phones have it to send.
    town.phones[A].field().add_note(order, "两机都有").unwrap();
    let copy = town.clone_phone(A);
    let (first, second) = (town.phones[A].field().clone(), town.phones[copy].field().clone());
    first.add_note(order, "原机写的").unwrap();
    first.set_field(order, "verified_facts", Value::Text("原机所见".into())).unwrap();
    second.add_note(order, "副本写的").unwrap();
    second.set_field(order, "verified_facts", Value::Text("副本所见".into())).unwrap();
    second.record_visit(visit(order, "site_check", "副本入户")).unwrap();
    let visited = town.remember(copy, "visit");
    let written_at = town.clock.now();
    town.sync(A).unwrap();
    // Before headquarters has said that it is a copy, no code helps.
    let text = town.network.hq(|hq| hq.invite("gw-01").unwrap().to_text());
    let wire = Wire::new(town.network.clone(), || {});
    assert_eq!(second.enrol(&text, &wire).unwrap_err(), SyncError::AlreadyEnrolled);
    assert!(matches!(town.sync(copy), Err(SyncError::Fork { .. })));
    // Nor does somebody else's.
    let other = town.network.hq(|hq| hq.invite("gw-02").unwrap().to_text());
    assert_eq!(second.enrol(&other, &wire).unwrap_err(), SyncError::AlreadyEnrolled);

    town.clock.advance(5 * 3_600_000);
    let was = town.device(copy);
    // The note that both phones had is at headquarters already: by its hash, not by its words.
    assert_eq!(town.begin_again(copy), 3);
    assert_ne!(town.device(copy), was);
    assert_eq!(second.status().unwrap().pending, 3);
    assert_eq!(second.document(order).unwrap().text("verified_facts"), Some("副本所见"));
    town.settle();
    // Every word is there; the one that both had counts once.
    assert_eq!(second.quarantine().unwrap(), []);
    let all = notes(&town, order);
    assert_eq!(all.len(), 3, "{all:?}");
    for word in ["两机都有", "原机写的", "副本写的"] {
        assert!(all.iter().any(|n| n.contains(word)), "{word} of {all:?}");
    }
    // Two truths of two phones wait for a person, as they would from two workers.
    assert_eq!(
        at_hq(&town, order).conflicts().iter().map(|c| c.key.as_str()).collect::<Vec<_>>(),
        ["verified_facts"]
    );
    // The visit took place when it took place.
    let again = town.saved.iter().find(|act| act.phone == copy && act.what == "visit").unwrap().hash;
    assert_ne!(again, visited);
    assert_eq!(logged(&town, again).0, None);
    assert!((effective(&town, again) - written_at).abs() < 1_000);
    let former = second.former().unwrap();
    assert!(former.iter().any(|f| f.device == was && f.hash == visited && f.again == Some(again)));
    // Both go on.
    for phone in [A, copy] {
        town.phones[phone].field().add_note(order, "继续").unwrap();
        town.sync(phone).unwrap();
        assert_eq!(town.phones[phone].field().status().unwrap().problems, []);
    }
    assert_eq!(notes(&town, order).len(), 5);
    second.check().unwrap();
    town.settle();
    check::laws(&town);
}

/// A phone breaks, its backup comes up on another one, whose chip has another key: work, photos and
/// proposals that headquarters lacks arrive all the same. One answer was lost on the old phone, so that it
/// did not know what headquarters had: nothing counts twice.
#[test]
fn a_store_on_another_phone_writes_its_work_again() {
    let mut town = town(702, 3);
    let order = order_in(&mut town, 0, "树枝压线");
    let field = town.phones[A].field().clone();
    field.record_visit(visit(order, "site_check", "树枝压在电线上")).unwrap();
    let ack = field.propose(order, ProposalKind::Ack, "", None, None, false).unwrap().to_string();
    let tunnel = Hand(town.network.clone(), |network: &support::network::Network, request| {
        crate::deliver(network, &request);
        Err(lost())
    });
    assert!(field.sync(&tunnel).is_err());
    assert_eq!(field.status().unwrap().pending, 2, "it does not know that headquarters has them");
    accepted_at_hq(&town, order, &ack);
    // And this headquarters has never seen.
    field.add_note(order, "已设围挡").unwrap();
    town.remember(A, "note");
    let before = town.photos.len();
    while town.photos.len() == before {
        town.photograph(A);
    }
    let pending = field.status().unwrap().pending;
    assert!(pending >= 4);
    drop(field);

    town.another_chip(A);
    let field = town.phones[A].field().clone();
    assert!(matches!(town.sync(A), Err(SyncError::KeyReplaced)));
    assert_eq!(field.device_key(), DeviceKey::Replaced);
    assert_eq!(town.begin_again(A), pending - 2);
    town.settle();
    town.upload(A, UploadPolicy::UNMETERED).unwrap();
    town.settle();
    assert_eq!(field.device_key(), DeviceKey::Ready);
    assert_eq!(field.status().unwrap().pending, 0);
    accepted(&town, A, order, &ack);
    assert_eq!(field.quarantine().unwrap(), []);
    assert_eq!(notes(&town, order).len(), 1);
    let decided = at_hq(&town, order).members("decision").count();
    assert_eq!(decided, 1, "the proposal was decided once");
    check::laws(&town);
}

fn accepted_at_hq(town: &Town, order: DocId, event: &str) {
    assert!(at_hq(town, order).members("decision").any(|(key, _)| key == event));
}

/// What headquarters had refused stays in quarantine, under the chain it was written in.
#[test]
fn a_quarantine_outlives_its_chain() {
    let mut town = town(703, 2);
    let order = order_in(&mut town, 0, "乱堆杂物");
    let backup = town.backup_hq();
    let field = town.phones[A].field().clone();
    let ack = field.propose(order, ProposalKind::Ack, "", None, None, false).unwrap().to_string();
    town.settle();
    accepted(&town, A, order, &ack);
    let note = field.add_note(order, "楼道已清").unwrap();
    town.remember(A, "note");
    town.settle();
    // Headquarters loses the decision that the note stands on.
    town.restore_hq(&backup);
    town.settle();
    let refused = field.quarantine().unwrap();
    assert_eq!(refused.len(), 1);
    let copy = town.clone_phone(A);
    town.phones[A].field().add_note(order, "原机").unwrap();
    town.sync(A).unwrap();
    let second = town.phones[copy].field().clone();
    second.add_note(order, "副本").unwrap();
    assert!(matches!(town.sync(copy), Err(SyncError::Fork { .. })));
    town.begin_again(copy);
    town.settle();
    assert_eq!(second.quarantine().unwrap(), refused);
    assert_eq!(second.status().unwrap().quarantined, 1);
    assert!(second.export_quarantine().unwrap().contains("楼道已清"));
    assert!(refused.iter().any(|q| q.hash == note.hash));
    check::laws(&town);
}
