//! The table of rights, and where each right reaches.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
use crate::{
    id::ActorId,
    staff::Grant,
    time::Hlc,
    view::{Attributed, Value},
};
use std::{collections::BTreeMap, fmt::Write as _};

fn subject(role: Role, grid: &str) -> Subject {
    let grant = Grant { grid: grid.into(), role, from: TimeMs(0), to: Some(TimeMs(100)) };
    Subject { worker: "w".into(), role, grants: vec![grant] }
}

fn facts(grid: &str, assigned: bool, unit: &str) -> CaseFacts {
    CaseFacts {
        scope: ScopeFacts {
            grid: grid.into(),
            assignees: if assigned { vec!["w".into()] } else { Vec::new() },
            ..ScopeFacts::default()
        },
        units: vec![unit.into()],
        ..CaseFacts::default()
    }
}

fn asked(s: &Subject, action: Action, f: &CaseFacts) -> Result<Sight, Denial> {
    decide(Asker { subject: s, admin: false }, action, f, TimeMs(50))
}

/// An order of keys, their values and who wrote them; the same key again is a value beside it.
fn order(written: &[(&str, Value, &str)]) -> DocView {
    view(DocKind::Order, written)
}

fn view(kind: DocKind, written: &[(&str, Value, &str)]) -> DocView {
    let mut fields = BTreeMap::<String, Vec<Attributed>>::new();
    for (n, (key, value, by)) in (0..).zip(written) {
        let (at, actor) = (Hlc::default(), ActorId([n; 16]));
        let one = Attributed { value: value.clone(), by: (*by).into(), at, actor };
        fields.entry((*key).to_owned()).or_default().push(one);
    }
    DocView::new(kind, fields)
}

/// One line a role: what it may do somewhere, with how much it sees. Written down so that a
/// change of any cell is seen as a change of the law.
#[test]
fn the_table_is_the_law() {
    let mut text = String::new();
    for role in Role::ALL {
        write!(text, "{}:", role.id()).unwrap();
        for action in Action::ALL {
            if let Some((reach, sight)) = rule(role, action) {
                write!(text, " {action:?}={reach:?}/{sight:?}").unwrap();
            }
        }
        text.push('\n');
    }
    assert_eq!(text, include_str!("access_table.txt"));
}

#[test]
fn own_means_grid_unit_or_name() {
    let section = |grid: &str| subject(Role::Section, grid);
    for (s, f, want) in [
        (section("sec-a"), facts("g1", false, "sec-a"), Ok(Sight::Full)),
        (section("sec-b"), facts("g1", false, "sec-a"), Err(Denial::OutsideGrid)),
        (section("*"), facts("g1", false, "sec-a"), Err(Denial::OutsideGrid)),
        (section("sec-b"), facts("g1", true, "sec-a"), Ok(Sight::Full)),
        (subject(Role::GridWorker, "g1"), facts("g1", false, ""), Ok(Sight::Full)),
        (subject(Role::GridWorker, "g1"), facts("g2", false, ""), Err(Denial::OutsideGrid)),
        (subject(Role::GridWorker, "g1"), facts("", false, ""), Err(Denial::OutsideGrid)),
        (subject(Role::PropertyStaff, "g1"), facts("g1", false, ""), Err(Denial::NotAssigned)),
        (subject(Role::PropertyStaff, "g1"), facts("g1", true, ""), Ok(Sight::Redacted)),
        (subject(Role::HotlineClerk, "*"), facts("", false, ""), Ok(Sight::Full)),
        (subject(Role::HotlineClerk, "g1"), facts("g2", false, ""), Err(Denial::OutsideGrid)),
        (subject(Role::Auditor, "*"), facts("g2", false, ""), Ok(Sight::Metadata)),
    ] {
        assert_eq!(asked(&s, Action::ReadOrder, &f), want, "{s:?} {f:?}");
    }
}

#[test]
fn an_order_is_reached_by_grid_by_unit_or_by_assignment() {
    use Role::*;
    let order = order(&[
        ("grid", Value::from("g1"), "hq"),
        ("lead_unit", "sec-a".into(), "hq"),
        ("offered_to", "sec-b".into(), "hq"),
        ("support_unit/sec-c", true.into(), "hq"),
        ("assignee/w", true.into(), "hq"),
    ]);
    for (role, worker, scope, want) in [
        (HotlineClerk, "x", "*", true),
        (GridWorker, "x", "g1", true),
        (GridWorker, "x", "g2", false),
        (GridWorker, "x", "sec-a", false),
        (Section, "x", "sec-a", true),
        (Section, "x", "sec-b", true),
        (Section, "x", "sec-c", true),
        (Section, "x", "sec-d", false),
        (Section, "x", "g1", true),
        (Section, "x", "*", false),
        (Section, "w", "sec-d", true),
        (GridWorker, "x", "*", false),
        (GridWorker, "w", "g2", false),
        (Enforcement, "x", "g1", false),
        (Enforcement, "x", "*", false),
        (Enforcement, "w", "g2", true),
        (Enforcement, "x", "sec-c", true),
        (Liaison, "x", "sec-c", true),
        (Auditor, "x", "g1", true),
        (PropertyStaff, "w", "g1", true),
        (PropertyStaff, "x", "g1", false),
        (PropertyStaff, "w", "g2", false),
    ] {
        let grant = Grant { grid: scope.into(), role, from: TimeMs(0), to: Some(TimeMs(100)) };
        let subject = Subject { worker: worker.into(), role, grants: vec![grant] };
        assert_eq!(reaches(&subject, &order, TimeMs(50)), want, "{role:?} {worker} {scope}");
        assert!(!reaches(&subject, &order, TimeMs(100)), "{role:?} {worker} {scope}: ended");
    }
}

/// What reaches further than the grids of a grant, and what a grant without a place does not reach.
#[test]
fn a_right_of_the_house_reaches_every_grid_and_an_empty_grant_none() {
    let (elsewhere, nowhere) = (facts("g9", false, ""), facts("", false, ""));
    let care = CaseFacts { units: Vec::new(), ..elsewhere.clone() };
    for (s, action, f, want) in [
        (subject(Role::DeputyLeader, "g1"), Action::ReadFigures, &elsewhere, true),
        (subject(Role::DeputyLeader, "g1"), Action::ReadOrder, &elsewhere, false),
        (subject(Role::PropertyStaff, "*"), Action::ReadOrder, &facts("g9", true, ""), true),
        (subject(Role::PropertyStaff, "*"), Action::ReadOrder, &elsewhere, false),
        (subject(Role::Section, WELFARE_UNIT), Action::ReadCare, &care, true),
        (subject(Role::Section, "sec-a"), Action::ReadCare, &care, false),
        (subject(Role::GridWorker, ""), Action::ReadOrder, &nowhere, false),
    ] {
        assert_eq!(asked(&s, action, f).is_ok(), want, "{:?} {action:?}", s.role);
    }
}

#[test]
fn a_care_record_is_reached_by_its_grid() {
    let record = care_facts(&view(DocKind::Care, &[("grid", "g1".into(), "hq")]));
    assert_eq!(record.scope.grid, "g1");
    assert!(asked(&subject(Role::GridWorker, "g1"), Action::ReadCare, &record).is_ok());
    assert!(asked(&subject(Role::GridWorker, "g2"), Action::ReadCare, &record).is_err());
}

#[test]
fn rights_end_and_nobody_has_one_without_a_grant() {
    let mut s = subject(Role::HotlineClerk, "*");
    let f = facts("g1", true, "");
    let at = |s: &Subject, t| decide(Asker { subject: s, admin: false }, Action::Dispatch, &f, TimeMs(t));
    assert_eq!((at(&s, 99), at(&s, 100)), (Ok(Sight::Full), Err(Denial::OutsideGrid)));
    s.grants.clear();
    for action in Action::ALL {
        assert!(asked(&s, action, &f).is_err(), "{action:?}");
    }
}

#[test]
fn who_wrote_or_had_an_order_handled_it() {
    let facts = CaseFacts::of_order(&order(&[
        ("proposal/1", "{}".into(), "proposes"),
        ("visit/1", true.into(), "visits"),
        ("visit/1", true.into(), "visits-too"),
        ("measurement/1", "{}".into(), "measures"),
        ("measurement/2", "{}".into(), "measures"),
        ("note/1", "{}".into(), "notes"),
        ("current_owner", "has-it".into(), "dispatches"),
        ("first_owner", "had-it".into(), "dispatches"),
    ]));
    assert_eq!(facts.handlers, ["had-it", "has-it", "measures", "proposes", "visits", "visits-too"]);
    assert_eq!(facts.owner, "has-it");
    assert_eq!(CaseFacts::of_order(&order(&[("first_owner", "".into(), "hq")])).handlers, [""; 0]);
}

#[test]
fn nobody_judges_own_work() {
    let agent = subject(Role::CallbackAgent, "*");
    let mut f = facts("g1", false, "");
    assert_eq!(asked(&agent, Action::Callback, &f), Ok(Sight::Full));
    f.handlers = vec!["w".into()];
    assert_eq!(asked(&agent, Action::Callback, &f), Err(Denial::OwnWork));
    let deputy = subject(Role::DeputyLeader, "*");
    f.proposer = "w".into();
    assert_eq!(asked(&deputy, Action::DecideExtend, &f), Err(Denial::OwnWork));
}

#[test]
fn administrators_manage_and_read_no_order() {
    let nobody = Subject { worker: "w".into(), role: Role::Liaison, grants: Vec::new() };
    let f = facts("g1", false, "");
    for action in Action::ALL {
        let want =
            matches!(action, Action::ManageStaff | Action::Export | Action::Erase | Action::ReadAccessLog);
        let may = decide(Asker { subject: &nobody, admin: true }, action, &f, TimeMs(1)).is_ok();
        assert_eq!(may, want, "{action:?}");
    }
}

#[test]
fn property_staff_never_meet_a_person() {
    let s = subject(Role::PropertyStaff, "*");
    let f = facts("g1", true, "");
    for action in [Action::ReadIdentity, Action::RevealIdentity, Action::ReadCare, Action::ReadFigures] {
        assert_eq!(asked(&s, action, &f), Err(Denial::RoleKind), "{action:?}");
    }
}
