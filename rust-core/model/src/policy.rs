//! Who may read and write what: one pure function each, deny by default.
//!
//! Invariant: the phone asks before it writes and headquarters asks on receipt, with this same
//! code; every path (push, pull, console, export) goes through [`may_read`] or [`may_write`].
//! Rejected: rights checked in each route, where one is always forgotten.

use crate::{
    document::Edit,
    schema::DocKind,
    staff::{Role, Subject},
    time::TimeMs,
    view::DocView,
};

/// How long a phone keeps finished work (DESIGN.md law 6; \[P\]).
pub const KEEP_FINISHED_MS: i64 = 30 * 24 * 3_600_000;

/// What the rules need to know about a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopeFacts {
    /// The grid cell it belongs to; empty when it belongs to none.
    pub grid: String,
    /// Staff the work is assigned to.
    pub assignees: Vec<String>,
    /// Who made it.
    pub author: String,
    /// When the work was finished, if it is.
    pub finished_at: Option<TimeMs>,
}

impl ScopeFacts {
    /// Reads the facts from a document.
    pub fn of(view: &DocView) -> Self {
        let time = |key| view.int(key).map(TimeMs);
        Self {
            grid: view.text("grid").unwrap_or_default().to_owned(),
            assignees: view.members("assignee").map(|(m, _)| m.to_owned()).collect(),
            author: view.text("by").unwrap_or_default().to_owned(),
            // A visit's or an appeal's own times are claims of a phone (law 5): for them
            // headquarters takes the time of receipt.
            finished_at: match view.kind() {
                DocKind::Order | DocKind::Brief => time("closed_at"),
                _ => None,
            },
        }
    }
}

/// Why something is not allowed: stable codes for the wire and the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Denial {
    /// The role never has to do with this kind of document.
    #[error("role_kind")]
    RoleKind,
    /// The role may not write this field.
    #[error("role_field")]
    RoleField,
    /// No such field in this kind.
    #[error("unknown_field")]
    UnknownField,
    /// The document lies outside the grids held.
    #[error("outside_grid")]
    OutsideGrid,
    /// Not assigned to this person.
    #[error("not_assigned")]
    NotAssigned,
    /// Only its author may change it.
    #[error("not_author")]
    NotAuthor,
    /// The role may not create this kind.
    #[error("may_not_create")]
    MayNotCreate,
    /// Finished longer ago than phones keep.
    #[error("finished")]
    Finished,
    /// It would be a judgement of own work (DOMAIN.md §3).
    #[error("own_work")]
    OwnWork,
}

/// Says whether a subject's device may hold a document at a moment.
pub fn may_read(subject: &Subject, kind: DocKind, facts: &ScopeFacts, now: TimeMs) -> Result<(), Denial> {
    if !kind.spec().readers.has(subject.role) {
        return Err(Denial::RoleKind);
    }
    if matches!(kind, DocKind::Reference | DocKind::Knowledge) {
        return Ok(());
    }
    if !subject.holds(&facts.grid, now, now) {
        return Err(Denial::OutsideGrid);
    }
    if subject.role == Role::PropertyStaff {
        assigned_or_own(subject, kind, facts)?;
    }
    if facts.finished_at.is_some_and(|at| now.0.saturating_sub(at.0) > KEEP_FINISHED_MS) {
        return Err(Denial::Finished);
    }
    Ok(())
}

/// Says whether a subject may write edits, at some moment of `[from, to]`: between the last HQ
/// time the device had seen and the receipt (F22).
///
/// `existing` is `None` when the edits create the document; then `created` holds its facts.
pub fn may_write<'a>(
    subject: &Subject,
    kind: DocKind,
    existing: Option<&ScopeFacts>,
    created: &ScopeFacts,
    keys: impl IntoIterator<Item = &'a str>,
    (from, to): (TimeMs, TimeMs),
) -> Result<(), Denial> {
    if subject.role == Role::System {
        return Ok(());
    }
    let spec = kind.spec();
    let facts = match existing {
        Some(facts) if spec.readers.has(subject.role) => facts,
        Some(_) => return Err(Denial::RoleKind),
        None if !spec.creators.has(subject.role) => return Err(Denial::MayNotCreate),
        None => created,
    };
    for key in keys {
        let field = spec.field(key).ok_or(Denial::UnknownField)?;
        if !field.may_write(subject.role) {
            return Err(Denial::RoleField);
        }
    }
    if kind == DocKind::Knowledge {
        return Ok(());
    }
    if !subject.holds(&facts.grid, from, to) {
        return Err(Denial::OutsideGrid);
    }
    if matches!(kind, DocKind::Visit | DocKind::Appeal) && facts.author != subject.worker {
        return Err(Denial::NotAuthor);
    }
    if subject.role == Role::PropertyStaff {
        assigned_or_own(subject, kind, facts)?;
    }
    Ok(())
}

/// Says whether a denial does not count because the writing device still holds the document:
/// headquarters gave it out and has not told the device to drop it, so the order was moved or
/// given to others behind the worker's back, and what was seen at the door is a fact (law 2).
pub fn excused_while_held(denial: Denial, subject: &Subject, kind: DocKind, facts: &ScopeFacts) -> bool {
    let own = !matches!(kind, DocKind::Visit | DocKind::Appeal) || facts.author == subject.worker;
    own && matches!(denial, Denial::OutsideGrid | Denial::NotAssigned)
}

/// Property staff: only what is assigned to them or what they made (DOMAIN.md §3, R45).
fn assigned_or_own(subject: &Subject, kind: DocKind, facts: &ScopeFacts) -> Result<(), Denial> {
    match kind {
        DocKind::Order if !facts.assignees.contains(&subject.worker) => Err(Denial::NotAssigned),
        DocKind::Visit | DocKind::Appeal if facts.author != subject.worker => Err(Denial::NotAssigned),
        _ => Ok(()),
    }
}

/// Reads the scope facts that edits creating a document would give it.
pub fn created_facts<'a>(sets: impl IntoIterator<Item = (&'a str, &'a str)>) -> ScopeFacts {
    let mut facts = ScopeFacts::default();
    for (key, text) in sets {
        match key {
            "grid" => text.clone_into(&mut facts.grid),
            "by" => text.clone_into(&mut facts.author),
            _ => {}
        }
    }
    facts
}

/// Reads the same from edits on the phone.
pub fn created_facts_of(edits: &[Edit]) -> ScopeFacts {
    created_facts(edits.iter().filter_map(|e| match e {
        Edit::Set(key, value) => Some((key.as_str(), value.text()?)),
        Edit::Remove(_) => None,
    }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::staff::Grant;

    fn subject(role: Role) -> Subject {
        let grant = Grant { grid: "g1".into(), role, from: TimeMs(0), to: Some(TimeMs(100)) };
        Subject { worker: "w".into(), role, grants: vec![grant] }
    }

    fn facts(grid: &str, assignee: &str, author: &str) -> ScopeFacts {
        ScopeFacts {
            grid: grid.into(),
            assignees: vec![assignee.into()],
            author: author.into(),
            finished_at: None,
        }
    }

    #[test]
    fn reading() {
        use DocKind::*;
        use Role::*;
        let now = TimeMs(50);
        for (role, kind, f, want) in [
            (GridWorker, Order, facts("g1", "x", ""), Ok(())),
            (GridWorker, Order, facts("g2", "w", ""), Err(Denial::OutsideGrid)),
            (GridWorker, Care, facts("g1", "", ""), Ok(())),
            (PropertyStaff, Order, facts("g1", "w", ""), Ok(())),
            (PropertyStaff, Order, facts("g1", "x", ""), Err(Denial::NotAssigned)),
            (PropertyStaff, Visit, facts("g1", "", "x"), Err(Denial::NotAssigned)),
            (PropertyStaff, Visit, facts("g1", "", "w"), Ok(())),
            (PropertyStaff, Brief, facts("g1", "w", "w"), Err(Denial::RoleKind)),
            (PropertyStaff, Person, facts("g1", "w", "w"), Err(Denial::RoleKind)),
            (PropertyStaff, Care, facts("g1", "w", "w"), Err(Denial::RoleKind)),
            (Auditor, Order, facts("g1", "w", "w"), Err(Denial::RoleKind)),
            (PropertyStaff, Reference, facts("", "", ""), Ok(())),
        ] {
            assert_eq!(may_read(&subject(role), kind, &f, now), want, "{role:?} {kind:?} {f:?}");
        }
    }

    #[test]
    fn finished_work_leaves_after_thirty_days_and_rights_end() {
        let mut s = subject(Role::GridWorker);
        let mut f = facts("g1", "", "");
        f.finished_at = Some(TimeMs(0));
        assert_eq!(may_read(&s, DocKind::Order, &f, TimeMs(99)), Ok(()));
        assert_eq!(may_read(&s, DocKind::Order, &f, TimeMs(100)), Err(Denial::OutsideGrid));
        s.grants.first_mut().unwrap().to = None;
        assert_eq!(may_read(&s, DocKind::Order, &f, TimeMs(KEEP_FINISHED_MS + 1)), Err(Denial::Finished));
    }

    #[test]
    fn a_moved_order_takes_facts_from_who_still_holds_it() {
        use DocKind::*;
        let other = facts("g2", "x", "x");
        for (kind, denial, want) in [
            (Order, Denial::OutsideGrid, true),
            (Order, Denial::NotAssigned, true),
            (Place, Denial::OutsideGrid, true),
            (Visit, Denial::OutsideGrid, false),
            (Order, Denial::RoleField, false),
            (Order, Denial::RoleKind, false),
            (Order, Denial::UnknownField, false),
        ] {
            let got = excused_while_held(denial, &subject(Role::GridWorker), kind, &other);
            assert_eq!(got, want, "{kind:?} {denial:?}");
        }
    }

    #[test]
    fn writing() {
        use DocKind::*;
        use Role::*;
        let own = facts("g1", "w", "w");
        let other = facts("g1", "x", "x");
        let g2 = facts("g2", "w", "w");
        for (role, kind, existing, created, key, want) in [
            (GridWorker, Visit, None, &own, "notes", Ok(())),
            (GridWorker, Visit, None, &other, "notes", Err(Denial::NotAuthor)),
            (GridWorker, Visit, None, &g2, "notes", Err(Denial::OutsideGrid)),
            (GridWorker, Order, None, &own, "tag/a", Err(Denial::MayNotCreate)),
            (GridWorker, Order, Some(&other), &own, "tag/a", Ok(())),
            (GridWorker, Order, Some(&own), &own, "state", Err(Denial::RoleField)),
            (GridWorker, Order, Some(&own), &own, "bogus", Err(Denial::UnknownField)),
            (PropertyStaff, Order, Some(&own), &own, "severity", Ok(())),
            (PropertyStaff, Order, Some(&other), &own, "severity", Err(Denial::NotAssigned)),
            (PropertyStaff, Order, Some(&own), &own, "finding/1", Err(Denial::RoleField)),
            (PropertyStaff, Person, None, &own, "name", Err(Denial::MayNotCreate)),
            (PropertyStaff, Brief, Some(&own), &own, "reported_text", Err(Denial::RoleKind)),
            (Enforcement, Order, Some(&own), &own, "finding/1", Ok(())),
        ] {
            let got = may_write(&subject(role), kind, existing, created, [key], (TimeMs(90), TimeMs(500)));
            assert_eq!(got, want, "{role:?} {kind:?} {key}");
        }
        // F22: the right ended before the earliest moment the entry can have been written.
        let late = may_write(&subject(GridWorker), Visit, None, &own, ["notes"], (TimeMs(100), TimeMs(500)));
        assert_eq!(late, Err(Denial::OutsideGrid));
    }
}
