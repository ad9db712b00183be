//! Task forces 专班 (R32, R34, R36): opened by the principal leader alone, with a lead, members,
//! an own due time, meetings, plan versions of which one is adopted, and an end.
//!
//! Invariant: one table says who may do what; a task force that is over changes no more.
//! Rejected: rights that follow from being named as a member alone, since members are named by
//! the lead and may be people without an account.

use super::Refusal;
use crate::{
    id::{DocId, to_hex},
    staff::{Role, Roles, Subject},
    time::TimeMs,
    view::DocView,
};
use serde::{Deserialize, Serialize};

const PRINCIPAL: Roles = Role::Principal.bit();
const CLERK: Roles = Role::HotlineClerk.bit();
const LEADERS: Roles = PRINCIPAL.or(Role::DeputyLeader.bit());
/// Who writes minutes and plans, as far as lead or member.
const WRITERS: Roles = LEADERS.or(Role::Section.bit());

/// One meeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeetingRecord {
    /// When it took place.
    pub at: TimeMs,
    /// Who was there, as written.
    #[serde(default)]
    pub present: Vec<String>,
    /// What was said and agreed.
    pub words: String,
}

/// One version of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// 1 and up.
    pub version: u32,
    /// HQ time.
    pub at: TimeMs,
    /// The plan.
    pub text: String,
}

/// What is done to a task force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Opens one.
    Open,
    /// Takes an order up or lets it go.
    Order,
    /// Changes the lead.
    Lead,
    /// Changes the due time.
    Due,
    /// Names or removes a member.
    Member,
    /// Records a meeting.
    Meeting,
    /// Writes the next plan version.
    Plan,
    /// Adopts a plan version.
    Adopt,
    /// Dissolves it.
    Dissolve,
}

impl Act {
    /// Every act, in the order of buttons.
    pub const ALL: [Self; 9] = [
        Self::Open,
        Self::Order,
        Self::Lead,
        Self::Due,
        Self::Member,
        Self::Meeting,
        Self::Plan,
        Self::Adopt,
        Self::Dissolve,
    ];

    /// Roles that may, and whether only as lead or member; the lead may whatever the role.
    fn who(self) -> (Roles, Roles) {
        match self {
            Self::Open | Self::Lead | Self::Due | Self::Dissolve => (PRINCIPAL, Roles::NONE),
            Self::Order => (PRINCIPAL.or(CLERK), Roles::NONE),
            Self::Member => (LEADERS, WRITERS),
            Self::Meeting | Self::Plan => (PRINCIPAL, WRITERS),
            Self::Adopt => (PRINCIPAL, Roles::NONE),
        }
    }

    /// Whether its lead may do it.
    fn is_leads(self) -> bool {
        matches!(self, Self::Member | Self::Meeting | Self::Plan | Self::Adopt)
    }
}

/// Says whether a subject may do an act; `force` is `None` while it is being opened.
pub fn may(force: Option<&DocView>, act: Act, by: &Subject) -> Result<(), Refusal> {
    if force.is_some_and(is_over) {
        return Err(Refusal::Over);
    }
    let (always, as_member) = act.who();
    let leads = force.is_some_and(|f| f.text("lead") == Some(&by.worker));
    let member = leads || force.is_some_and(|f| f.get(&member_key(&by.worker)).is_some());
    if always.has(by.role) || (leads && act.is_leads()) || (member && as_member.has(by.role)) {
        Ok(())
    } else if as_member.has(by.role) {
        Err(Refusal::NotMember)
    } else {
        Err(Refusal::RoleMayNot)
    }
}

/// Says whether a task force was dissolved.
pub fn is_over(force: &DocView) -> bool {
    force.flag("dissolved")
}

/// Returns the key of a member.
pub fn member_key(id: &str) -> String {
    format!("member/{id}")
}

/// Returns the key of an order in its task force.
pub fn order_key(order: DocId) -> String {
    format!("order/{}", to_hex(&order.uuid))
}

/// Lists the plan versions, first one first: (event id, record).
pub fn plans(force: &DocView) -> Vec<(String, PlanRecord)> {
    let mut all: Vec<(String, PlanRecord)> = records(force, "plan");
    all.sort_by_key(|(_, plan)| plan.version);
    all
}

/// Lists the meetings, first one first.
pub fn meetings(force: &DocView) -> Vec<(String, MeetingRecord)> {
    let mut all: Vec<(String, MeetingRecord)> = records(force, "meeting");
    all.sort_by_key(|(_, meeting)| meeting.at);
    all
}

fn records<T: serde::de::DeserializeOwned>(force: &DocView, family: &str) -> Vec<(String, T)> {
    let read = |(id, value): (&str, &crate::view::Value)| {
        Some((id.to_owned(), serde_json::from_str(value.text()?).ok()?))
    };
    force.members(family).filter_map(read).collect()
}

/// Returns the adopted plan.
pub fn adopted(force: &DocView) -> Option<PlanRecord> {
    let event = force.text("adopted_plan")?;
    plans(force).into_iter().find(|(id, _)| id == event).map(|(_, plan)| plan)
}

/// Says whether its due time has passed and nobody has been told yet.
pub fn is_overdue(force: &DocView, now: TimeMs) -> bool {
    let Some(due) = force.int("due").filter(|due| *due < now.0) else { return false };
    // Told once per due time: a new one can pass again.
    !is_over(force) && force.int("overdue_told") != Some(due)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        id::ActorId,
        schema::DocKind,
        time::Hlc,
        view::{Attributed, Value},
    };

    fn force(fields: &[(&str, Value)]) -> DocView {
        let one = |v: &Value| {
            vec![Attributed { value: v.clone(), by: "p".into(), at: Hlc(1), actor: ActorId([0; 16]) }]
        };
        DocView::new(DocKind::TaskForce, fields.iter().map(|(k, v)| ((*k).to_owned(), one(v))).collect())
    }

    fn who(role: Role, worker: &str) -> Subject {
        Subject { worker: worker.into(), role, grants: Vec::new() }
    }

    #[test]
    fn who_may_do_what() {
        use Act::*;
        use Role::*;
        let open =
            force(&[("lead", "dl-1".into()), ("member/sec-1", "张".into()), ("member/gw-1", "李".into())]);
        let every = Act::ALL;
        let cases: [(Role, &str, &[Act]); 8] = [
            (Principal, "p-1", &every),
            (DeputyLeader, "dl-1", &[Member, Meeting, Plan, Adopt]),
            (DeputyLeader, "dl-2", &[Member]),
            (Section, "sec-1", &[Member, Meeting, Plan]),
            (Section, "sec-2", &[]),
            (HotlineClerk, "cl-1", &[Order]),
            (GridWorker, "gw-1", &[]),
            (Auditor, "au-1", &[]),
        ];
        for (role, worker, allowed) in cases {
            for act in every {
                let got = may(Some(&open), act, &who(role, worker));
                assert_eq!(got.is_ok(), allowed.contains(&act), "{role:?} {worker} {act:?} {got:?}");
            }
        }
        for role in Role::ALL {
            assert_eq!(may(None, Open, &who(role, "x")).is_ok(), role == Principal, "{role:?} opens");
        }
        assert_eq!(may(Some(&open), Plan, &who(Section, "sec-2")), Err(Refusal::NotMember));
    }

    #[test]
    fn nothing_changes_after_the_end() {
        let over = force(&[("dissolved", true.into()), ("due", 5.into())]);
        for act in Act::ALL {
            assert_eq!(may(Some(&over), act, &who(Role::Principal, "p")), Err(Refusal::Over), "{act:?}");
        }
        assert!(!is_overdue(&over, TimeMs(6)));
    }

    #[test]
    fn every_due_time_is_told_once() {
        for (told, now, want) in [(None, 5, false), (None, 6, true), (Some(5), 6, false), (Some(4), 6, true)]
        {
            let mut fields = vec![("due", Value::from(5))];
            fields.extend(told.map(|t: i64| ("overdue_told", Value::from(t))));
            assert_eq!(is_overdue(&force(&fields), TimeMs(now)), want, "{told:?} {now}");
        }
        assert!(!is_overdue(&force(&[]), TimeMs(9)));
    }

    #[test]
    fn the_adopted_plan_is_the_one_named() {
        let plan = |version| {
            let text = format!("v{version}");
            Value::from(crate::records::to_json(&PlanRecord { version, at: TimeMs(1), text }))
        };
        // Event ids do not sort as the versions do.
        let f = force(&[
            ("plan/c", plan(1)),
            ("plan/a", plan(2)),
            ("plan/b", plan(10)),
            ("adopted_plan", "a".into()),
        ]);
        assert_eq!(plans(&f).iter().map(|(_, p)| p.version).collect::<Vec<_>>(), [1, 2, 10]);
        assert_eq!(adopted(&f).unwrap().version, 2);
        assert_eq!(adopted(&force(&[("adopted_plan", "x".into())])), None);
    }
}
