//! What a newer version wrote survives in this one: unknown keys, nested objects, richer records.
//!
//! The newer version is played by automerge itself, which writes whatever it is told.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use automerge::{
    AutoCommit, ObjType, ROOT, ReadDoc, ScalarValue, transaction::CommitOptions, transaction::Transactable,
};
use lanewalk_model::{
    chunk::read_change,
    document::{Document, DocumentError, Edit, SchemaProblem, Stamp, check_edits},
    id::{ActorId, DocId, IdError},
    order::{self, State},
    photo::PhotoRecord,
    records::{MeasurementRecord, NoteRecord, ProposalRecord},
    rows::ListRow,
    schema::DocKind,
    time::{Hlc, TimeMs},
    view::{DocView, Value},
};

const START_MS: i64 = 1_778_204_400_000;

fn stamp(n: i64) -> Stamp {
    Stamp {
        actor: ActorId([2; 16]),
        worker: "gw-01".into(),
        hlc: Hlc(Hlc::from_wall(TimeMs(START_MS)).0 + n),
    }
}

/// Every kind of scalar automerge has, with a key of its own.
fn scalars() -> Vec<(&'static str, ScalarValue)> {
    vec![
        ("future_text", ScalarValue::Str("新字段".into())),
        ("future_int", ScalarValue::Int(-7)),
        ("future_flag", ScalarValue::Boolean(true)),
        ("future_family/one", ScalarValue::Str("第一".into())),
        ("future_uint", ScalarValue::Uint(u64::MAX)),
        ("future_float", ScalarValue::F64(0.5)),
        ("future_bytes", ScalarValue::Bytes(vec![0, 1, 255])),
        ("future_time", ScalarValue::Timestamp(START_MS)),
        ("future_count", ScalarValue::counter(3)),
        ("future_null", ScalarValue::Null),
    ]
}

/// A document as a newer version would write it: known fields, unknown scalars, a nested object.
fn newer(known: &[(&str, ScalarValue)]) -> AutoCommit {
    let mut doc = AutoCommit::new().with_actor(automerge::ActorId::from([1; 16]));
    for (key, value) in known.iter().cloned().chain(scalars()) {
        doc.put(ROOT, key, value).unwrap();
    }
    let nested = doc.put_object(ROOT, "future_map", ObjType::Map).unwrap();
    doc.put(&nested, "inside", "深处").unwrap();
    let list = doc.put_object(&nested, "list", ObjType::List).unwrap();
    doc.insert(&list, 0, 1).unwrap();
    let text = doc.put_object(ROOT, "future_prose", ObjType::Text).unwrap();
    doc.splice_text(&text, 0, 0, "长文").unwrap();
    doc.commit_with(
        CommitOptions::default().with_message("hq").with_time(Hlc::from_wall(TimeMs(START_MS)).0),
    );
    doc
}

fn newer_order() -> AutoCommit {
    newer(&[
        ("title", "楼道堆物".into()),
        ("state", State::Handling.id().into()),
        ("order_version", ScalarValue::Int(5)),
        ("grid", "370705005004001".into()),
    ])
}

/// Everything the newer version wrote is there, read with automerge alone.
fn assert_untouched(saved: &[u8]) {
    let doc = AutoCommit::load(saved).unwrap();
    for (key, value) in scalars() {
        assert_eq!(doc.get(ROOT, key).unwrap().unwrap().0.as_scalar(), Some(&value), "{key}");
    }
    let nested = doc.get(ROOT, "future_map").unwrap().unwrap().1;
    assert_eq!(doc.get(&nested, "inside").unwrap().unwrap().0.as_str(), Some("深处"));
    let list = doc.get(&nested, "list").unwrap().unwrap().1;
    assert_eq!(doc.length(&list), 1);
    let text = doc.get(ROOT, "future_prose").unwrap().unwrap().1;
    assert_eq!(doc.text(&text).unwrap(), "长文");
}

#[test]
fn unknown_keys_and_objects_survive_load_edit_and_save() {
    let mut doc = Document::load(DocKind::Order, &newer_order().save()).unwrap();
    let view = doc.view();
    assert_eq!(view.text("future_text"), Some("新字段"));
    assert_eq!(view.int("future_int"), Some(-7));
    assert!(view.flag("future_flag"));
    assert_eq!(view.members("future_family").collect::<Vec<_>>(), [("one", &Value::from("第一"))]);
    assert_eq!(view.all("future_text")[0].by, "hq");
    // What this version has no value for is not shown, and not lost.
    for hidden in [
        "future_uint",
        "future_float",
        "future_bytes",
        "future_time",
        "future_count",
        "future_null",
        "future_map",
        "future_prose",
    ] {
        assert_eq!(view.get(hidden), None, "{hidden}");
    }

    for n in 1..4 {
        let edits = [Edit::set("severity", n), Edit::set(format!("note/{n}"), r#"{"text":"看过","at":0}"#)];
        check_edits(&doc.view(), &edits).unwrap();
        doc.edit(&stamp(n), &edits).unwrap().unwrap();
        let (saved, _) = doc.save_checked().unwrap();
        assert_untouched(&saved);
        doc = Document::load(DocKind::Order, &saved).unwrap();
    }
    assert_eq!((doc.view().int("severity"), doc.view().members("note").count()), (Some(3), 3));
    assert_eq!(doc.view().text("future_text"), Some("新字段"));
}

/// The other way round: the newer version's change comes in on top of what this one wrote.
#[test]
fn a_newer_change_applies_and_merges() {
    let mut newer = newer_order();
    let mut old = Document::load(DocKind::Order, &newer.save()).unwrap();
    let mine = old.edit(&stamp(1), &[Edit::set("severity", 2)]).unwrap().unwrap();
    newer.put(ROOT, "future_int", 8).unwrap();
    let deeper = newer.put_object(ROOT, "future_second", ObjType::Map).unwrap();
    newer.put(&deeper, "x", true).unwrap();
    newer.commit();
    let theirs = newer.get_last_local_change().unwrap().raw_bytes().to_vec();

    old.apply([theirs.as_slice()]).unwrap();
    newer.apply_changes([automerge::Change::from_bytes(mine).unwrap()]).unwrap();
    assert_eq!(old.view().int("future_int"), Some(8));
    let mut other = Document::load(DocKind::Order, &newer.save()).unwrap();
    assert_eq!((other.heads(), other.view()), (old.heads(), old.view()));
    old.save_checked().unwrap();
    // From a phone nothing of the kind is taken: the reader wants flat documents.
    let limits = lanewalk_model::chunk::ChunkLimits::default();
    assert!(read_change(&theirs, &limits).is_err());
}

/// Two newer installations that write an unknown key at the same time: both values are kept, and
/// as the rule is unknown nobody is asked to decide.
#[test]
fn concurrent_unknown_values_are_both_kept() {
    let mut a = newer_order();
    let mut b = a.fork().with_actor(automerge::ActorId::from([3; 16]));
    a.put(ROOT, "future_text", "甲").unwrap();
    b.put(ROOT, "future_text", "乙").unwrap();
    a.merge(&mut b).unwrap();
    let mut doc = Document::load(DocKind::Order, &a.save()).unwrap();
    let view = doc.view();
    assert_eq!(view.all("future_text").len(), 2);
    assert!(!view.is_open_conflict("future_text"));
    assert_eq!(ListRow::of(id(DocKind::Order), &view).conflicts, 0);
}

#[test]
fn this_version_does_not_write_what_it_does_not_know() {
    let view = Document::load(DocKind::Order, &newer_order().save()).unwrap().view();
    for edits in [
        [Edit::set("future_text", "x")],
        [Edit::Remove("future_text".into())],
        [Edit::set("future_family/two", true)],
    ] {
        assert_eq!(check_edits(&view, &edits).unwrap_err().problem, SchemaProblem::UnknownKey);
    }
}

/// A value that this version cannot read in a field that it knows: as if it were not set, except
/// that it stays.
#[test]
fn a_known_field_of_another_type_is_as_good_as_unset() {
    let newer = newer(&[
        ("severity", ScalarValue::F64(2.5)),
        ("title", ScalarValue::Bytes(vec![1])),
        ("state", 3.into()),
    ]);
    let mut newer = newer;
    let mut doc = Document::load(DocKind::Order, &newer.save()).unwrap();
    let view = doc.view();
    assert_eq!((view.get("severity"), view.text("title"), view.text("state")), (None, None, None));
    assert_eq!(order::state(&view), State::Received);
    let row = ListRow::of(id(DocKind::Order), &view);
    assert_eq!((row.title.as_str(), row.state.as_str()), ("", "RECEIVED"));
    doc.edit(&stamp(1), &[Edit::set("tag/a", true)]).unwrap().unwrap();
    let kept = AutoCommit::load(&doc.save_checked().unwrap().0).unwrap();
    assert_eq!(kept.get(ROOT, "severity").unwrap().unwrap().0.as_f64(), Some(2.5));
}

fn id(kind: DocKind) -> DocId {
    DocId { kind, uuid: [7; 16] }
}

#[test]
fn records_keep_fields_of_a_newer_version_byte_for_byte() {
    let proposal = r#"{ "kind":"submit", "order_version":5, "outcome":"mediated", "witness":{"name":"王**","n":[1,2.50]}, "urgent":true }"#;
    let note = r#"{"text":"看过","at":1778204400000,"mood":"calm","text_en":"seen"}"#;
    let measurement =
        r#"{"what":"猫","milli":20000,"unit":"只","method":"counted","at":1778204400000,"device":"x"}"#;
    let keys = ["proposal/p1", "note/n1", "measurement/m1"];
    let mut doc = Document::new(DocKind::Order);
    let edits: Vec<_> =
        keys.into_iter().zip([proposal, note, measurement]).map(|(k, v)| Edit::set(k, v)).collect();
    check_edits(&doc.view(), &edits).unwrap();
    doc.edit(&stamp(1), &edits).unwrap().unwrap();
    let mut doc = Document::load(DocKind::Order, &doc.save_checked().unwrap().0).unwrap();
    doc.edit(&stamp(2), &[Edit::set("severity", 1)]).unwrap().unwrap();
    let view = doc.view();
    for (key, text) in keys.into_iter().zip([proposal, note, measurement]) {
        assert_eq!(view.text(key), Some(text), "{key}");
    }
    // This version reads its own part of them.
    let record: ProposalRecord = serde_json::from_str(proposal).unwrap();
    assert_eq!((record.order_version, record.outcome.as_deref()), (5, Some("mediated")));
    assert_eq!(order::pending(&view), [("p1".to_owned(), record)]);
    assert_eq!(serde_json::from_str::<NoteRecord>(note).unwrap().text, "看过");
    assert_eq!(serde_json::from_str::<MeasurementRecord>(measurement).unwrap().milli, 20_000);
    let photo = r#"{"sha256":"0707070707070707070707070707070707070707070707070707070707070707","bytes":1,"taken_at":1,"role":"after","in_app":true,"lens":"wide",
        "position":{"lat":367005000,"lon":1191320000,"src":"gps","datum":"wgs84","alt":12}}"#;
    let photo: PhotoRecord = serde_json::from_str(photo).unwrap();
    assert_eq!(photo.position.map(|p| p.lat_e7()), Some(367_005_000));
}

/// A proposal of a kind that only a newer version has: kept, not shown as ours, no error.
#[test]
fn a_proposal_of_an_unknown_kind_is_kept_and_not_pending_here() {
    let text = r#"{"kind":"auction","order_version":5,"to":"sec-zhujian"}"#;
    let mut doc = Document::new(DocKind::Order);
    doc.edit(&stamp(1), &[Edit::set("proposal/p", text)]).unwrap().unwrap();
    let view = doc.view();
    assert_eq!(view.text("proposal/p"), Some(text));
    assert_eq!(order::pending(&view), []);
}

#[test]
fn an_unknown_kind_is_a_typed_error() {
    let code = u8::try_from(DocKind::ALL.len()).unwrap() + 1;
    assert_eq!(DocKind::from_code(code), None);
    let mut bytes = id(DocKind::Reference).to_bytes();
    bytes[0] = code;
    let wrong = Err(IdError { what: "document id" });
    assert_eq!(DocId::from_slice(&bytes), wrong);
    assert_eq!(format!("drone:{}", "0".repeat(32)).parse::<DocId>(), wrong);
    assert!(serde_json::from_str::<DocId>(&format!("\"drone:{}\"", "0".repeat(32))).is_err());
}

#[test]
fn what_is_no_document_is_a_typed_error() {
    let saved = newer_order().save();
    let mut bent = saved.clone();
    *bent.last_mut().unwrap() ^= 1;
    for bytes in [&b"no document"[..], &saved[..saved.len() / 2], &bent] {
        assert!(matches!(Document::load(DocKind::Order, bytes), Err(DocumentError::Load(_))));
    }
}

/// A list line of every kind can be made of a document full of unknown things, and of an empty one.
#[test]
fn rows_can_be_made_of_newer_documents_of_every_kind() {
    for kind in DocKind::ALL {
        let known: Vec<(&str, ScalarValue)> = vec![
            ("grid", "370705005004001".into()),
            ("title", "标题".into()),
            ("name", "名称".into()),
            ("kind", "a_kind_of_2030".into()),
            ("status", "a_status_of_2030".into()),
            ("position", r#"{"lat":367005000,"lon":1191320000,"src":"lidar","datum":"cgcs2000"}"#.into()),
        ];
        let mut doc = Document::load(kind, &newer(&known).save()).unwrap();
        let row = ListRow::of(id(kind), &doc.view());
        assert_eq!(row.grid, "370705005004001", "{kind:?}");
        assert_eq!((row.lat_e7, row.conflicts, row.pending), (None, 0, 0), "{kind:?}");
        assert_eq!(serde_json::from_value::<ListRow>(serde_json::to_value(&row).unwrap()).unwrap(), row);
        doc.save_checked().unwrap();
        let empty = ListRow::of(id(kind), &Document::new(kind).view());
        assert_eq!(empty.grid, "");
    }
}

/// An order in a state that only a newer headquarters has stays open, allows nothing by table, and
/// is listed under the state's own name rather than as 待接单.
#[test]
fn an_unknown_state_is_shown_as_it_is() {
    let mut doc = Document::load(DocKind::Order, &newer(&[("state", "ON_APPEAL".into())]).save()).unwrap();
    let row = ListRow::of(id(DocKind::Order), &doc.view());
    assert_eq!((row.state.as_str(), row.open), ("ON_APPEAL", true));
}

/// Views travel as JSON between core and shells; a field added there must not break this side.
#[test]
fn a_view_survives_json_with_extra_fields() {
    let view = Document::load(DocKind::Order, &newer_order().save()).unwrap().view();
    let mut json = serde_json::to_value(&view).unwrap();
    assert_eq!(serde_json::from_value::<DocView>(json.clone()).unwrap(), view);
    json.as_object_mut().unwrap().insert("since_2030".into(), true.into());
    assert_eq!(serde_json::from_value::<DocView>(json).unwrap(), view);
}
