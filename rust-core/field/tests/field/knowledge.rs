//! Response plans on the phone, offline: the version in force, finding it, suggesting a change.

use crate::{hq::Hq, phone::Phone};
use lanewalk_field::{FieldError, ListQuery};
use lanewalk_model::{document::Edit, id::DocId, knowledge::suggestions, schema::DocKind, staff::Role};

fn version(hq: &Hq, n: u8, steps: &str, superseded: bool) -> DocId {
    let id = DocId { kind: DocKind::Knowledge, uuid: [n; 16] };
    let mut edits = vec![
        Edit::set("kind", "playbook"),
        Edit::set("topic", "parking"),
        Edit::set("version", i64::from(n)),
        Edit::set("title", "停车预案"),
        Edit::set("body", "联系交警大队"),
        Edit::set("steps", steps),
    ];
    edits.extend(superseded.then(|| Edit::set("superseded", true)));
    hq.edit(id, &edits);
    id
}

#[test]
fn the_version_in_force_is_readable_and_found_offline_and_every_role_of_the_field_suggests() {
    for role in [Role::GridWorker, Role::PropertyStaff] {
        let hq = Hq::with_role(role);
        let first = version(&hq, 1, "一、划线", true);
        let second = version(&hq, 2, "一、划线 二、夜间巡查", false);
        let phone = Phone::enrolled(&hq);
        phone.field.sync(&hq).unwrap();
        // From here on without headquarters.
        let (id, view) = phone.field.knowledge("parking").unwrap().unwrap();
        assert_eq!((id, view.int("version")), (second, Some(2)));
        assert_eq!(phone.field.knowledge("other").unwrap(), None);
        let found = phone.field.search("夜间巡查", 10).unwrap();
        assert_eq!(found.iter().map(|i| i.id).collect::<Vec<_>>(), [second]);
        let by_body = phone.field.search("交警", 10).unwrap();
        assert_eq!(by_body.iter().map(|i| i.id).collect::<Vec<_>>(), [second, first], "in force first");
        let all = ListQuery { parent: Some("parking".into()), ..ListQuery::default() };
        assert_eq!(phone.field.list(&all).unwrap().len(), 2, "the history stays readable");

        phone.field.suggest(second, "加上联系电话").unwrap();
        assert!(matches!(phone.field.suggest(second, " "), Err(FieldError::Invalid { .. })));
        assert!(phone.field.set_field(second, "body", "改".into()).is_err(), "versions never change");
        let said = suggestions(&phone.field.document(second).unwrap());
        assert_eq!(said.iter().map(|s| s.2.text.as_str()).collect::<Vec<_>>(), ["加上联系电话"]);
    }
}
