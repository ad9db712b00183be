//! Who may see and do what at headquarters: DOMAIN.md §3 as one table.
//!
//! Invariant: every page and every act of the console asks [`decide`]; what the table does not
//! name is denied. Rejected: a check written in each page, where one is always forgotten, and
//! which no test can hold against the law of the project.

use crate::{
    policy::{Denial, ScopeFacts},
    schema::DocKind,
    staff::{Role, Subject},
    time::TimeMs,
    view::DocView,
};

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// The facts of an order.
    ReadOrder,
    /// Who asked, as far as it is shown without a reason.
    ReadIdentity,
    /// Name and number in full, with a reason.
    RevealIdentity,
    /// A resident's vulnerability.
    ReadCare,
    /// Visits and photos.
    ReadVisits,
    /// Takes a new order in.
    TakeIn,
    /// Sends an order to its section and grid.
    Dispatch,
    /// Leaves triage (R27).
    Triage,
    /// Asks to return or extend.
    Propose,
    /// Decides a return.
    DecideReturn,
    /// Decides an extension.
    DecideExtend,
    /// Proposes a result.
    Submit,
    /// Decides a result.
    DecideSubmit,
    /// Offers an order to another section or takes one over.
    Transfer,
    /// Closes.
    Close,
    /// Excludes or parks.
    Exclude,
    /// Calls the requester back.
    Callback,
    /// Opens and leads a task force.
    OpenTaskforce,
    /// Writes a finding (R39).
    Finding,
    /// Writes an outside body's reply (R34).
    LiaisonReply,
    /// Rates and counts.
    ReadFigures,
    /// Who read what.
    ReadAccessLog,
    /// Accounts, rights, devices.
    ManageStaff,
    /// Everything at once, out of the house.
    Export,
    /// Erases what names a resident.
    Erase,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 25] = [
        Self::ReadOrder,
        Self::ReadIdentity,
        Self::RevealIdentity,
        Self::ReadCare,
        Self::ReadVisits,
        Self::TakeIn,
        Self::Dispatch,
        Self::Triage,
        Self::Propose,
        Self::DecideReturn,
        Self::DecideExtend,
        Self::Submit,
        Self::DecideSubmit,
        Self::Transfer,
        Self::Close,
        Self::Exclude,
        Self::Callback,
        Self::OpenTaskforce,
        Self::Finding,
        Self::LiaisonReply,
        Self::ReadFigures,
        Self::ReadAccessLog,
        Self::ManageStaff,
        Self::Export,
        Self::Erase,
    ];
}

/// How much of a thing is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sight {
    /// Numbers and times only.
    Metadata,
    /// That there is something, not what.
    Flag,
    /// Without anything personal.
    Redacted,
    /// Surname and the ends of a number.
    Masked,
    /// All of it.
    Full,
}

/// What the rules need to know about an order or what belongs to one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaseFacts {
    /// Grid and people.
    pub scope: ScopeFacts,
    /// Lead section, supporting ones, and the one it is offered to.
    pub units: Vec<String>,
    /// Who has the order now.
    pub owner: String,
    /// Who handled it: never its callback agent.
    pub handlers: Vec<String>,
    /// Who proposed what is decided; empty when nothing is.
    pub proposer: String,
}

impl CaseFacts {
    /// Reads the facts of an order.
    pub fn of_order(view: &DocView) -> Self {
        let text = |key: &str| view.text(key).unwrap_or_default().to_owned();
        // Whom it is offered to has to read it before taking it (R29).
        let lead = [view.text("lead_unit"), view.text("offered_to")].into_iter().flatten();
        let units = lead.filter(|u| !u.is_empty()).chain(view.members("support_unit").map(|(m, _)| m));
        let wrote = view
            .entries()
            .filter(|(key, _)| ["proposal/", "visit/", "measurement/"].iter().any(|f| key.starts_with(f)))
            .flat_map(|(_, values)| values.iter().map(|v| v.by.clone()));
        let mut handlers: Vec<String> =
            wrote.chain([text("current_owner"), text("first_owner")]).filter(|w| !w.is_empty()).collect();
        handlers.sort();
        handlers.dedup();
        Self {
            scope: ScopeFacts::of(view),
            units: units.map(str::to_owned).collect(),
            owner: text("current_owner"),
            handlers,
            proposer: String::new(),
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// Staff id, role and grants.
    pub subject: &'a Subject,
    /// Manages accounts. No right to any order follows from it.
    pub admin: bool,
}

/// Where a right holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// In every grid the role is held.
    Held,
    /// In own grids, for own units, or where assigned.
    Own,
    /// In own grids. Dispatch assigns those who hold the grid, and a right that ended there ends
    /// what was assigned.
    Grid,
    /// Only where assigned, by name or by unit.
    Assigned,
    /// Only where assigned by name, and only in own grids: what a phone of the same person holds.
    AssignedInGrid,
    /// Only in the section for welfare.
    Welfare,
    /// Not about one order at all.
    House,
}

/// The section that may read vulnerability records beside the grid's own worker.
pub const WELFARE_UNIT: &str = "sec-minzheng";

/// The table of DOMAIN.md §3, row by row.
fn rule(role: Role, action: Action) -> Option<(Reach, Sight)> {
    use Action as A;
    use Reach::{Assigned, AssignedInGrid, Grid, Held, House, Own, Welfare};
    use Sight::{Flag, Full, Masked, Metadata, Redacted};
    Some(match (role, action) {
        (Role::GridWorker, A::ReadOrder | A::RevealIdentity | A::ReadCare | A::ReadVisits) => (Grid, Full),
        (Role::GridWorker, A::ReadIdentity) => (Grid, Masked),
        (Role::GridWorker, A::Propose | A::Submit) => (Grid, Full),
        (Role::GridWorker, A::ReadFigures) => (House, Redacted),
        (Role::PropertyStaff, A::ReadOrder) => (AssignedInGrid, Redacted),
        (Role::PropertyStaff, A::ReadVisits | A::Submit) => (AssignedInGrid, Full),
        (
            Role::HotlineClerk,
            A::ReadOrder
            | A::ReadIdentity
            | A::RevealIdentity
            | A::ReadVisits
            | A::Dispatch
            | A::DecideReturn
            | A::DecideExtend
            | A::DecideSubmit
            | A::Close,
        ) => (Held, Full),
        (Role::HotlineClerk, A::ReadCare) => (Held, Flag),
        (Role::HotlineClerk, A::ReadFigures | A::TakeIn) => (House, Full),
        (Role::Section, A::ReadOrder | A::ReadVisits | A::Transfer | A::Propose | A::Submit) => (Own, Full),
        (Role::Section, A::ReadIdentity) => (Own, Masked),
        (Role::Section, A::ReadCare) => (Welfare, Full),
        (Role::Section, A::ReadFigures) => (House, Redacted),
        (
            Role::DeputyLeader,
            A::ReadOrder
            | A::ReadVisits
            | A::Dispatch
            | A::Triage
            | A::DecideReturn
            | A::DecideExtend
            | A::DecideSubmit
            | A::Exclude,
        ) => (Held, Full),
        (Role::Principal, A::ReadOrder | A::ReadVisits | A::Dispatch | A::DecideReturn | A::DecideExtend) => {
            (Held, Full)
        }
        (Role::DeputyLeader | Role::Principal, A::ReadIdentity) => (Held, Masked),
        // "On case": a leader sees it where an order brings it before him.
        (Role::DeputyLeader | Role::Principal, A::ReadCare) => (Held, Full),
        (Role::DeputyLeader | Role::Principal, A::ReadFigures) => (House, Full),
        (Role::Principal, A::OpenTaskforce) => (House, Full),
        (Role::Enforcement, A::ReadOrder | A::Finding) => (Assigned, Full),
        (Role::Liaison, A::ReadOrder) => (Assigned, Redacted),
        (Role::Liaison, A::LiaisonReply) => (Assigned, Full),
        (Role::CallbackAgent, A::ReadOrder | A::ReadIdentity | A::RevealIdentity | A::Callback) => {
            (Held, Full)
        }
        (Role::Auditor, A::ReadOrder) => (Held, Metadata),
        (Role::Auditor, A::ReadFigures | A::ReadAccessLog) => (House, Full),
        _ => return None,
    })
}

/// Which orders a right reaches: the same rule for one order ([`Extent::holds`]) and for whoever
/// makes a list of many.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extent<'a> {
    /// Every order, also without a grid.
    pub all: bool,
    /// Those in these grids.
    pub grids: Vec<&'a str>,
    /// Those led by, supported by or offered to these units.
    pub units: Vec<&'a str>,
    /// Those assigned to or owned by this person.
    pub person: Option<&'a str>,
    /// Only the person's own, and only as far as the grids go.
    pub person_only: bool,
}

impl<'a> Extent<'a> {
    fn of(subject: &'a Subject, reach: Reach, at: TimeMs) -> Self {
        let held = subject.grids_at(at);
        if held.is_empty() {
            return Self::default();
        }
        let whole = held.contains(&"*");
        let person = Some(subject.worker.as_str());
        let units: Vec<&str> = subject.units_at(at).collect();
        let grids: Vec<&str> = held.into_iter().filter(|g| *g != "*" && !g.is_empty()).collect();
        match reach {
            Reach::House => Self { all: true, ..Self::default() },
            Reach::Held => Self { all: whole, grids, ..Self::default() },
            // A whole subdistrict is nobody's own grid.
            Reach::Own => Self { grids, units, person, ..Self::default() },
            Reach::Grid => Self { grids, ..Self::default() },
            Reach::Assigned => Self { units, person, ..Self::default() },
            Reach::AssignedInGrid => Self { all: whole, grids, person, person_only: true, ..Self::default() },
            Reach::Welfare => Self { all: units.contains(&WELFARE_UNIT), ..Self::default() },
        }
    }

    /// Says which orders a subject may read at a moment, and how much of them; `None` for none.
    pub fn of_orders(subject: &'a Subject, at: TimeMs) -> Option<(Self, Sight)> {
        rule(subject.role, Action::ReadOrder).map(|(reach, sight)| (Self::of(subject, reach, at), sight))
    }

    /// Says whether an order is one of them.
    pub fn holds(&self, facts: &CaseFacts) -> bool {
        let is = |person: &str| facts.owner == person || facts.scope.assignees.iter().any(|a| a == person);
        let person = self.person.is_some_and(is);
        let grid = self.all || self.grids.contains(&facts.scope.grid.as_str());
        let unit = || self.units.iter().any(|unit| facts.units.iter().any(|u| u == unit));
        if self.person_only { person && grid } else { person || grid || unit() }
    }
}

/// Says whether an order is one of a subject's at a moment: the subject reads it, so the rules of
/// what may be done to it are asked at all.
pub fn reaches(subject: &Subject, order: &DocView, at: TimeMs) -> bool {
    let extent = Extent::of_orders(subject, at);
    subject.role == Role::System
        || extent.is_some_and(|(extent, _)| extent.holds(&CaseFacts::of_order(order)))
}

/// Says whether somebody may do something, and how much is seen; `facts` are those of the order it
/// is about, empty ones when it is about none.
///
/// # Errors
/// Why not; the console answers all of them alike.
pub fn decide(asker: Asker<'_>, action: Action, facts: &CaseFacts, at: TimeMs) -> Result<Sight, Denial> {
    let subject = asker.subject;
    if matches!(action, Action::ManageStaff | Action::Export | Action::Erase) || administers(asker, action) {
        return if asker.admin { Ok(Sight::Full) } else { Err(Denial::RoleKind) };
    }
    let (reach, sight) = rule(subject.role, action).ok_or(Denial::RoleKind)?;
    if !Extent::of(subject, reach, at).holds(facts) {
        let assigned = matches!(reach, Reach::Assigned | Reach::AssignedInGrid);
        return Err(if assigned { Denial::NotAssigned } else { Denial::OutsideGrid });
    }
    let worker = &subject.worker;
    let own_work = match action {
        Action::Callback => facts.handlers.contains(worker),
        Action::DecideReturn | Action::DecideExtend | Action::DecideSubmit | Action::Exclude => {
            facts.proposer == *worker
        }
        _ => false,
    };
    if own_work { Err(Denial::OwnWork) } else { Ok(sight) }
}

/// Administrators look after accounts, so they read who read what; auditors do by their role.
fn administers(asker: Asker<'_>, action: Action) -> bool {
    action == Action::ReadAccessLog && asker.admin
}

/// Facts of a care record: its grid is all that counts.
pub fn care_facts(view: &DocView) -> CaseFacts {
    debug_assert_eq!(view.kind(), DocKind::Care);
    CaseFacts { scope: ScopeFacts::of(view), ..CaseFacts::default() }
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
