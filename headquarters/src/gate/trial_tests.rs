#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
use lanewalk_model::{
    chunk::{join, split},
    document::{Edit, Stamp},
    id::ActorId,
    schema::DocKind,
    time::{Hlc, TimeMs},
    view::Value,
};

fn doc_id() -> DocId {
    DocId { kind: DocKind::Order, uuid: [1; 16] }
}

fn stamp(actor: u8, at: i64) -> Stamp {
    Stamp { actor: ActorId([actor; 16]), worker: format!("g{actor}"), hlc: Hlc(at) }
}

fn edit(doc: &mut Document, actor: u8, edits: &[Edit]) -> Vec<u8> {
    doc.edit(&stamp(actor, i64::from(actor)), edits).unwrap().unwrap()
}

/// An order of headquarters with one text, and its saved bytes.
fn base() -> (Document, Vec<u8>) {
    let mut doc = Document::new(DocKind::Order);
    edit(&mut doc, 1, &[Edit::set("title", "井盖丢失"), Edit::set("severity", 1)]);
    let saved = doc.save();
    (doc, saved)
}

fn job(base: &[u8], changes: Vec<Vec<u8>>) -> Job {
    Job { doc: doc_id(), base: Some(base.to_vec()), changes }
}

fn codes(result: &JobResult) -> Vec<&str> {
    result.verdicts.iter().map(|v| v.as_ref().map_or_else(|why| why.code.as_str(), |()| "ok")).collect()
}

#[test]
fn good_changes_of_several_actors_are_accepted_and_repeats_too() {
    let (doc, saved) = base();
    let (mut left, mut right) = (doc.clone(), doc);
    let a = edit(&mut left, 2, &[Edit::set("verified_address", "一号院")]);
    let b = edit(&mut right, 3, &[Edit::set("verified_address", "二号院")]);
    let c = edit(&mut left, 2, &[Edit::set("severity", 2)]);
    let result = trial(&job(&saved, vec![a.clone(), b.clone(), c.clone(), a.clone()]));
    assert_eq!(codes(&result), ["ok"; 4]);
    assert_eq!(result.view.conflicts().len(), 1);
    assert_eq!(result.view.int("severity"), Some(2));
    let mut loaded = Document::load(DocKind::Order, &result.saved).unwrap();
    assert_eq!((loaded.heads(), loaded.view()), (result.heads.clone(), result.view.clone()));
    // The same again, on what it gave: nothing changes.
    let again = trial(&job(&result.saved, vec![c, b, a]));
    assert_eq!(codes(&again), ["ok"; 3]);
    assert_eq!((again.saved, again.heads, again.view), (result.saved, result.heads, result.view));
}

/// The hybrid clock of a real day has to fit through the chunk reader.
#[test]
fn a_change_of_today_is_accepted() {
    let (doc, saved) = base();
    for (actor, ms) in [(2, 1_790_000_000_000), (3, 4_102_444_800_000)] {
        let stamp = stamp(actor, Hlc::from_wall(TimeMs(ms)).0);
        let change = doc.clone().edit(&stamp, &[Edit::set("severity", 2)]).unwrap().unwrap();
        assert_eq!(codes(&trial(&job(&saved, vec![change]))), ["ok"]);
    }
}

#[test]
fn a_new_document_begins_with_nothing() {
    let mut doc = Document::new(DocKind::Visit);
    let id = DocId { kind: DocKind::Visit, uuid: [2; 16] };
    let change = doc.edit(&stamp(4, 9), &[Edit::set("result", "met")]).unwrap().unwrap();
    let result = trial(&Job { doc: id, base: None, changes: vec![change] });
    assert_eq!(codes(&result), ["ok"]);
    let nothing = trial(&Job { doc: id, base: None, changes: vec![vec![1, 2, 3]] });
    assert_eq!(codes(&nothing), ["truncated"]);
    assert!(nothing.saved.is_empty() && nothing.heads.is_empty());
}

#[test]
fn each_rule_has_its_code_and_the_rest_goes_on() {
    let (mut doc, saved) = base();
    let mut elsewhere = Document::new(DocKind::Order);
    edit(&mut elsewhere, 8, &[Edit::set("severity", 1)]);
    let cases = [
        ("schema_unknown_key", doc.clone(), Edit::set("nonsense", 1)),
        ("schema_wrong_value", doc.clone(), Edit::set("severity", 9)),
        ("schema_wrong_value", doc.clone(), Edit::set("severity", "2")),
        ("schema_shrinks", doc.clone(), Edit::set("severity", 0)),
        ("schema_not_removable", doc.clone(), Edit::Remove("title".into())),
        ("missing_dependency", elsewhere, Edit::set("severity", 2)),
    ];
    let good = edit(&mut doc, 7, &[Edit::set("severity", 3)]);
    for (code, mut on, bad) in cases {
        let bad = edit(&mut on, 2, &[bad]);
        let next = edit(&mut on, 2, &[Edit::set("tag/x", true)]);
        let result = trial(&job(&saved, vec![bad, next, good.clone()]));
        assert_eq!(codes(&result), [code, "missing_dependency", "ok"]);
        assert_eq!(result.view.int("severity"), Some(3));
        assert_eq!(result.view.text("title"), Some("井盖丢失"));
    }
}

#[test]
fn an_immutable_field_is_written_once() {
    let id = DocId { kind: DocKind::Visit, uuid: [2; 16] };
    let mut doc = Document::new(DocKind::Visit);
    let changes =
        ["met", "absent"].map(|r| doc.edit(&stamp(4, 9), &[Edit::set("result", r)]).unwrap().unwrap());
    let result = trial(&Job { doc: id, base: None, changes: changes.to_vec() });
    assert_eq!(codes(&result), ["ok", "schema_immutable"]);
    assert_eq!(result.view.get("result"), Some(&Value::from("met")));
}

/// F33, F34: numbers that automerge would believe.
#[test]
fn forged_numbers_do_not_continue_the_document() {
    let (mut doc, saved) = base();
    let first = edit(&mut doc, 2, &[Edit::set("tag/a", true)]);
    let second = edit(&mut doc, 2, &[Edit::set("tag/b", true)]);
    let forge = |change: &[u8], seq: u8, start: u8| {
        let parts = split(change).unwrap();
        // Both numbers are below 128 here: one byte each.
        let rest = [&[seq, start], &parts.rest[2..]].concat();
        join(&parts.deps, parts.actor, &rest).unwrap()
    };
    assert_eq!(split(&second).unwrap().rest[..2], [2, 4]);
    for (seq, start, code) in
        [(2, 4, "ok"), (1, 4, "not_next"), (3, 4, "not_next"), (2, 3, "not_next"), (2, 5, "not_next")]
    {
        let result = trial(&job(&saved, vec![first.clone(), forge(&second, seq, start)]));
        assert_eq!(codes(&result), ["ok", code], "{seq} {start}");
    }
    let victim = split(&first).unwrap();
    let taken = join(&victim.deps, &[1; 16], victim.rest).unwrap();
    assert_eq!(codes(&trial(&job(&saved, vec![taken]))), ["not_next"]);
}

#[test]
fn overwriting_more_or_less_than_was_seen_is_refused() {
    let (doc, saved) = base();
    let (mut seeing, mut blind) = (doc, Document::new(DocKind::Order));
    let deps = split(&edit(&mut seeing, 2, &[Edit::set("severity", 2)])).unwrap().deps;
    // Written on nothing, then put on top of the base: it does not name what it overwrites.
    let change = edit(&mut blind, 2, &[Edit::set("severity", 2)]);
    let rest = [&[1, 3], &split(&change).unwrap().rest[2..]].concat();
    let forged = join(&deps, &[2; 16], &rest).unwrap();
    assert_eq!(codes(&trial(&job(&saved, vec![forged]))), ["wrong_predecessors"]);
}

#[test]
fn an_unreadable_base_blames_nobody() {
    let (mut doc, saved) = base();
    let change = edit(&mut doc, 2, &[Edit::set("severity", 2)]);
    let mut broken = saved.clone();
    *broken.last_mut().unwrap() ^= 0xff;
    for base in [&[][..], &change, &broken, &saved[..saved.len() / 2]] {
        let result = trial(&job(base, vec![change.clone()]));
        assert_eq!(codes(&result), [BASE_UNREADABLE]);
        assert!(!result.verdicts[0].as_ref().unwrap_err().is_final());
        assert_eq!(result.saved, base);
    }
}

#[test]
fn a_document_has_room_for_so_many_changes() {
    let mut doc = Document::new(DocKind::Order);
    for n in 0..MAX_DOCUMENT_CHANGES - 1 {
        edit(&mut doc, 1, &[Edit::set(format!("tag/{}", n % 9), n % 2 == 0)]);
    }
    let saved = doc.save();
    let changes = (0..3).map(|n| edit(&mut doc, 2, &[Edit::set("severity", n)])).collect();
    assert_eq!(codes(&trial(&job(&saved, changes))), ["ok", "too_many_changes", "too_many_changes"]);
}

#[test]
fn a_document_has_room_for_so_many_bytes() {
    let (mut doc, saved) = base();
    let text = |n: usize| "长".repeat(3_900) + &n.to_string();
    let fill = |n: usize| Edit::set("verified_facts", text(n));
    let changes: Vec<_> = (0..30).map(|n| edit(&mut doc, 2, &[fill(n)])).collect();
    let fits = MAX_DOCUMENT_BYTES / text(10).len();
    let result = trial(&job(&saved, changes.clone()));
    let accepted = result.verdicts.iter().take_while(|v| v.is_ok()).count();
    assert!((fits - 1..=fits).contains(&accepted), "{accepted} of {fits}");
    assert!(codes(&result)[accepted..].iter().all(|code| *code == "document_too_large"));
    assert!(result.saved.len() <= MAX_DOCUMENT_BYTES);
    // Full: repeats are still fine, and what is there can still be read.
    let again = trial(&job(&result.saved, changes));
    assert_eq!(codes(&again)[accepted - 1..=accepted], ["ok", "document_too_large"]);
    assert_eq!(again.view.text("verified_facts"), Some(text(accepted - 1).as_str()));
}

#[test]
fn a_job_of_endless_bytes_is_cut() {
    let (_, saved) = base();
    let result = trial(&job(&saved, vec![vec![0; 1 << 20]; 20]));
    assert_eq!(codes(&result)[..16], ["too_big"; 16]);
    assert_eq!(codes(&result)[16..], ["document_too_large"; 4]);
}
