//! Who sees which figures (DOMAIN.md §3, last column).

use crate::figures::Scope;
use lanewalk_model::{
    staff::{Grant, Role, Subject},
    time::TimeMs,
};

#[test]
fn the_last_column_of_the_roles() {
    let own = |grids: &[&str], units: &[&str]| {
        let text = |all: &[&str]| all.iter().map(|s| (*s).to_owned()).collect();
        Some(Scope::Own { grids: text(grids), units: text(units) })
    };
    for (role, grants, want) in [
        (Role::HotlineClerk, vec!["*"], Some(Scope::All)),
        (Role::DeputyLeader, vec!["*"], Some(Scope::All)),
        (Role::Principal, vec!["*"], Some(Scope::All)),
        (Role::Auditor, vec![], Some(Scope::All)),
        (Role::GridWorker, vec!["370705005004001"], own(&["370705005004001"], &[])),
        (Role::GridWorker, vec![], own(&[], &[])),
        (Role::GridWorker, vec!["*"], own(&[], &[])),
        (Role::Section, vec!["sec-a", "*"], own(&[], &["sec-a"])),
        (Role::PropertyStaff, vec!["370705005004001"], None),
        (Role::Enforcement, vec!["*"], None),
        (Role::Liaison, vec!["*"], None),
        (Role::CallbackAgent, vec!["*"], None),
    ] {
        let grants = grants
            .iter()
            .map(|g| Grant { grid: (*g).into(), role, from: TimeMs(0), to: Some(TimeMs(100)) })
            .collect();
        let subject = Subject { worker: "w".into(), role, grants };
        assert_eq!(Scope::of(&subject, TimeMs(50)), want, "{role:?}");
        // A right that ended gives nothing of one's own.
        let later = Scope::of(&subject, TimeMs(500));
        assert!(matches!(later, None | Some(Scope::All)) || later == own(&[], &[]), "{role:?}");
    }
    let scope = own(&["g1"], &["u1"]).unwrap();
    for (grid, unit, want) in [("g1", "", true), ("", "u1", true), ("g2", "u2", false), ("", "", false)] {
        assert_eq!(scope.holds(grid, unit), want);
    }
}
