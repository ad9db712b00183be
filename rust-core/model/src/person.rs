//! One resident recorded twice (DOMAIN.md §5, AC-4): merges as log records, each can be undone.
//!
//! Invariant: a merge deletes nothing; the record that says so stands in the person who is taken
//! to be somebody else, and an undo names the merge it undoes. Which person counts is derived.

use crate::{id::DocId, time::TimeMs, view::DocView};
use serde::{Deserialize, Serialize};

/// Records that follow each other; more is a circle.
const MAX_CHAIN: usize = 32;

/// A merge, or the undoing of one; who did it is the author of the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeRecord {
    /// HQ time.
    pub at: TimeMs,
    /// The person this one is; `None` in an undo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
    /// Event id of the merge that is undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
}

/// Reads the merge of a person that stands: (event id, the person it is). The last one counts.
pub fn merged_into(person: &DocView) -> Option<(String, DocId)> {
    let records: Vec<(String, MergeRecord)> = person
        .members("merged")
        .filter_map(|(event, v)| Some((event.to_owned(), serde_json::from_str(v.text()?).ok()?)))
        .collect();
    let undone = |event: &str| records.iter().any(|(_, r)| r.undoes.as_deref() == Some(event));
    // Event ids are uuids of version 7: the last by key is the last written.
    let (event, record) = records.iter().rev().find(|(e, r)| r.into.is_some() && !undone(e))?;
    Some((event.clone(), record.into.as_deref()?.parse().ok()?))
}

/// Returns what numbers of one telephone have in common, however they are written; `None` where
/// nothing could be told by it.
pub fn phone_key(phone: &str) -> Option<String> {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let local = digits.strip_prefix("00").unwrap_or(&digits);
    // China's own prefix stands before mobile numbers of eleven digits.
    let local = local.strip_prefix("86").filter(|rest| rest.len() == 11).unwrap_or(local);
    (local.len() >= 7).then(|| local.to_owned())
}

/// Returns what ways to write one address have in common: no spaces, no strokes but between two
/// numbers, narrow letters; `None` where too little is left to tell anything by it.
pub fn address_key(address: &str) -> Option<String> {
    let narrow = |c: char| match u32::from(c) {
        n @ 0xFF01..=0xFF5E => char::from_u32(n - 0xFEE0).unwrap_or(c),
        _ => c,
    };
    let mut key = String::new();
    let mut parted = false;
    for c in address.chars().map(narrow).flat_map(char::to_lowercase) {
        if !c.is_alphanumeric() {
            parted = true;
            continue;
        }
        if parted && c.is_ascii_digit() && key.ends_with(|before: char| before.is_ascii_digit()) {
            key.push('-');
        }
        key.push(c);
        parted = false;
    }
    (key.chars().count() >= 4).then_some(key)
}

/// Finds who a person is in the end; a circle leaves the person as it is.
pub fn stands_for(person: DocId, mut merged: impl FnMut(DocId) -> Option<DocId>) -> DocId {
    let mut at = person;
    for _ in 0..MAX_CHAIN {
        let Some(next) = merged(at) else { return at };
        at = next;
    }
    person
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        id::ActorId,
        records::to_json,
        schema::DocKind,
        time::Hlc,
        view::{Attributed, Value},
    };

    #[test]
    fn one_telephone_and_one_address_are_written_in_many_ways() {
        for (text, want) in [
            ("13800138000", Some("13800138000")),
            ("+86 138-0013-8000", Some("13800138000")),
            ("0086 13800138000", Some("13800138000")),
            ("0536-8791234", Some("05368791234")),
            ("8612345", Some("8612345")),
            ("12345", None),
            ("", None),
            ("１３８", None),
        ] {
            assert_eq!(phone_key(text).as_deref(), want, "{text}");
        }
        for (text, want) in [
            ("潍棉小区3号楼2单元", Some("潍棉小区3号楼2单元")),
            (" 潍棉小区 ３号楼，２单元 ", Some("潍棉小区3号楼2单元")),
            ("幸福里 3-2-501", Some("幸福里3-2-501")),
            ("幸福里3－2－501", Some("幸福里3-2-501")),
            ("幸福里 32 501", Some("幸福里32-501")),
            ("W Cedar St.", Some("wcedarst")),
            ("路口", None),
            ("—— ——", None),
        ] {
            assert_eq!(address_key(text).as_deref(), want, "{text}");
        }
    }

    fn id(n: u8) -> DocId {
        DocId { kind: DocKind::Person, uuid: [n; 16] }
    }

    fn person(records: &[(&str, Option<u8>, Option<&str>)]) -> DocView {
        let one = |(event, into, undoes): &(&str, Option<u8>, Option<&str>)| {
            let record = MergeRecord {
                at: TimeMs(1),
                into: into.map(|n| id(n).to_string()),
                undoes: undoes.map(str::to_owned),
                words: String::new(),
            };
            let value = Value::from(to_json(&record));
            (
                format!("merged/{event}"),
                vec![Attributed { value, by: "c".into(), at: Hlc(1), actor: ActorId([0; 16]) }],
            )
        };
        DocView::new(DocKind::Person, records.iter().map(one).collect())
    }

    #[test]
    fn the_last_merge_that_was_not_undone_counts() {
        for (records, want) in [
            (vec![], None),
            (vec![("a", Some(2), None)], Some(2)),
            (vec![("a", Some(2), None), ("b", None, Some("a"))], None),
            (vec![("a", Some(2), None), ("b", None, Some("a")), ("c", Some(3), None)], Some(3)),
            (vec![("a", Some(2), None), ("b", Some(3), None), ("c", None, Some("b"))], Some(2)),
            (vec![("a", None, Some("z"))], None),
        ] {
            assert_eq!(merged_into(&person(&records)).map(|(_, p)| p), want.map(id), "{records:?}");
        }
    }

    #[test]
    fn chains_end_and_circles_lead_nowhere() {
        let chain = |p: DocId| (p != id(3)).then(|| id(p.uuid.first().copied().unwrap_or(0) + 1));
        assert_eq!(stands_for(id(1), chain), id(3));
        assert_eq!(stands_for(id(1), |p| Some(if p == id(1) { id(2) } else { id(1) })), id(1));
    }
}
