//! The knowledge base 资料库 and response plans 解决预案 (R12, R13).
//!
//! Invariant: every version is a document of its own that never changes; one version of a topic
//! is current. A suggestion stands in the version its author saw, a decision beside it. Rejected:
//! one document that is edited, where nobody can tell which wording an order was handled by.

use crate::{
    group::Refusal,
    staff::{Role, Roles, Subject},
    time::TimeMs,
    view::DocView,
};
use serde::{Deserialize, Serialize};

const LEADERS: Roles = Role::DeputyLeader.bit().or(Role::Principal.bit());

/// What somebody who reads an entry would change; who it was is the author of the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuggestionRecord {
    /// Phone time (a claim).
    pub at: TimeMs,
    /// What to change.
    pub text: String,
}

/// Says whether a subject may publish a version that a unit owns: the unit's own staff, or a
/// leader.
pub fn may_publish(by: &Subject, owner_unit: &str, now: TimeMs) -> Result<(), Refusal> {
    let own = by.role == Role::Section && by.units_at(now).any(|unit| unit == owner_unit);
    if own || LEADERS.has(by.role) { Ok(()) } else { Err(Refusal::RoleMayNot) }
}

/// Says whether a subject may decide a suggestion of somebody.
pub fn may_decide(entry: &DocView, event: &str, by: &Subject, now: TimeMs) -> Result<(), Refusal> {
    may_publish(by, entry.text("owner_unit").unwrap_or_default(), now)?;
    if entry.get(&format!("decision/{event}")).is_some() {
        return Err(Refusal::Decided);
    }
    let author = entry.all(&format!("suggestion/{event}")).last().map(|a| a.by.as_str());
    if author == Some(&by.worker) { Err(Refusal::OwnWork) } else { Ok(()) }
}

/// Lists the suggestions of a version, oldest first: (event id, who, record, decided).
pub fn suggestions(entry: &DocView) -> Vec<(String, String, SuggestionRecord, bool)> {
    let mut all: Vec<_> = entry
        .members("suggestion")
        .filter_map(|(event, value)| {
            let record: SuggestionRecord = serde_json::from_str(value.text()?).ok()?;
            let by = entry.all(&format!("suggestion/{event}")).last()?.by.clone();
            let decided = entry.get(&format!("decision/{event}")).is_some();
            Some((event.to_owned(), by, record, decided))
        })
        .collect();
    all.sort_by_key(|(event, _, record, _)| (record.at, event.clone()));
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        id::ActorId,
        records::to_json,
        schema::DocKind,
        staff::Grant,
        time::Hlc,
        view::{Attributed, Value},
    };

    fn who(role: Role, worker: &str, unit: &str) -> Subject {
        let grant = Grant { grid: unit.into(), role, from: TimeMs(0), to: None };
        Subject { worker: worker.into(), role, grants: vec![grant] }
    }

    fn entry() -> DocView {
        let one = |value: Value, by: &str| {
            vec![Attributed { value, by: by.into(), at: Hlc(1), actor: ActorId([0; 16]) }]
        };
        let said =
            |at, text: &str| Value::from(to_json(&SuggestionRecord { at: TimeMs(at), text: text.into() }));
        let fields = [
            ("owner_unit", one("sec-a".into(), "hq")),
            ("suggestion/1", one(said(9, "later"), "gw-1")),
            ("suggestion/2", one(said(3, "first"), "s-1")),
            ("suggestion/3", one("no record".into(), "gw-2")),
            ("decision/1", one("{}".into(), "s-2")),
        ];
        DocView::new(DocKind::Knowledge, fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
    }

    #[test]
    fn the_owning_section_and_leaders_publish() {
        for (role, unit, want) in [
            (Role::Section, "sec-a", true),
            (Role::Section, "sec-b", false),
            (Role::GridWorker, "sec-a", false),
            (Role::HotlineClerk, "*", false),
            (Role::DeputyLeader, "*", true),
            (Role::Principal, "*", true),
        ] {
            assert_eq!(
                may_publish(&who(role, "x", unit), "sec-a", TimeMs(1)).is_ok(),
                want,
                "{role:?} {unit}"
            );
        }
    }

    #[test]
    fn nobody_decides_an_own_suggestion_or_one_twice() {
        let now = TimeMs(1);
        for (event, worker, want) in
            [("2", "s-2", Ok(())), ("2", "s-1", Err(Refusal::OwnWork)), ("1", "s-1", Err(Refusal::Decided))]
        {
            assert_eq!(
                may_decide(&entry(), event, &who(Role::Section, worker, "sec-a"), now),
                want,
                "{event} {worker}"
            );
        }
    }

    #[test]
    fn suggestions_are_told_oldest_first() {
        let all = suggestions(&entry());
        let told: Vec<_> =
            all.iter().map(|(e, by, r, d)| (e.as_str(), by.as_str(), r.text.as_str(), *d)).collect();
        assert_eq!(told, [("2", "s-1", "first", false), ("1", "gw-1", "later", true)]);
    }
}
