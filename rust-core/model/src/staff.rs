//! People who use Lanewalk: roles and grants (DOMAIN.md §3).
//!
//! Invariant: a right exists only as a [`Grant`] with dates; nobody has a right by being who
//! they are (R15: worker ↔ grid assignment has from and to).

use crate::time::TimeMs;
use serde::{Deserialize, Serialize};

/// A role of DOMAIN.md §3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 网格员, community worker with full rights in own grids.
    GridWorker,
    /// 物业服务人, private company staff with the least rights.
    PropertyStaff,
    /// 热线专员 on watch.
    HotlineClerk,
    /// 科室.
    Section,
    /// 分管领导.
    DeputyLeader,
    /// 主要领导.
    Principal,
    /// 城管中队.
    Enforcement,
    /// 住建/交警/派出所 as guests.
    Liaison,
    /// 回访员.
    CallbackAgent,
    /// 审计.
    Auditor,
    /// Headquarters' own rules: importer, clock, automatic transitions.
    System,
}

impl Role {
    /// Every role, in the order of DOMAIN.md §3.
    pub const ALL: [Self; 11] = [
        Self::GridWorker,
        Self::PropertyStaff,
        Self::HotlineClerk,
        Self::Section,
        Self::DeputyLeader,
        Self::Principal,
        Self::Enforcement,
        Self::Liaison,
        Self::CallbackAgent,
        Self::Auditor,
        Self::System,
    ];

    /// Returns the id used in data and on the wire.
    pub fn id(self) -> &'static str {
        match self {
            Self::GridWorker => "grid_worker",
            Self::PropertyStaff => "property_staff",
            Self::HotlineClerk => "hotline_clerk",
            Self::Section => "section",
            Self::DeputyLeader => "deputy_leader",
            Self::Principal => "principal",
            Self::Enforcement => "enforcement",
            Self::Liaison => "liaison",
            Self::CallbackAgent => "callback_agent",
            Self::Auditor => "auditor",
            Self::System => "system",
        }
    }

    /// Returns the Chinese name people read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::GridWorker => "网格员",
            Self::PropertyStaff => "物业",
            Self::HotlineClerk => "热线专员",
            Self::Section => "科室",
            Self::DeputyLeader => "分管领导",
            Self::Principal => "主要领导",
            Self::Enforcement => "城管中队",
            Self::Liaison => "联络单位",
            Self::CallbackAgent => "回访员",
            Self::Auditor => "审计",
            Self::System => "系统",
        }
    }

    /// Finds a role by its id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.id() == id)
    }

    /// Returns the single-bit set of this role.
    pub const fn bit(self) -> Roles {
        Roles(1 << self as u16)
    }
}

/// A set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles(pub u16);

impl Roles {
    /// No role.
    pub const NONE: Self = Self(0);

    /// Returns the union.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Says whether the set holds a role.
    pub const fn has(self, role: Role) -> bool {
        self.0 & role.bit().0 != 0
    }
}

/// A dated right: this worker acts in this role in this grid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The 15-digit grid cell, `*` for the whole subdistrict (HQ roles only), or the id of the
    /// unit the person belongs to, such as `sec-chengguan`.
    pub grid: String,
    /// The role held there.
    pub role: Role,
    /// First moment of the right (HQ time).
    pub from: TimeMs,
    /// First moment after the right; `None` while it stands.
    pub to: Option<TimeMs>,
}

impl Grant {
    /// Says whether the grant stood at some moment of the closed interval (F22: an entry was
    /// written somewhere between the last HQ time it saw and its receipt).
    pub fn stood_within(&self, start: TimeMs, end: TimeMs) -> bool {
        self.from <= end && self.to.is_none_or(|to| to > start)
    }
}

/// Who acts: a staff member and the rights held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Staff id such as `gw-01`; at most 32 ASCII bytes, no personal data.
    pub worker: String,
    /// The main role, which decides what the phone may hold.
    pub role: Role,
    /// All rights, past ones included.
    pub grants: Vec<Grant>,
}

impl Subject {
    /// Makes headquarters' own subject.
    pub fn system() -> Self {
        let grant = Grant { grid: "*".into(), role: Role::System, from: TimeMs(i64::MIN), to: None };
        Self { worker: "hq".into(), role: Role::System, grants: vec![grant] }
    }

    /// Says whether the subject held its role in a grid at some moment of the interval.
    pub fn holds(&self, grid: &str, start: TimeMs, end: TimeMs) -> bool {
        self.grants
            .iter()
            .any(|g| g.role == self.role && (g.grid == "*" || g.grid == grid) && g.stood_within(start, end))
    }

    /// Lists the units the subject belongs to at a moment.
    pub fn units_at(&self, at: TimeMs) -> impl Iterator<Item = &str> {
        let is_unit = |grid: &str| grid != "*" && !grid.bytes().all(|b| b.is_ascii_digit());
        let now = self.grants.iter().filter(move |g| g.role == self.role && g.stood_within(at, at));
        now.map(|g| g.grid.as_str()).filter(move |grid| is_unit(grid))
    }

    /// Lists the grids the subject holds at a moment.
    pub fn grids_at(&self, at: TimeMs) -> Vec<&str> {
        self.grants
            .iter()
            .filter(|g| g.role == self.role && g.stood_within(at, at))
            .map(|g| g.grid.as_str())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_covers_an_interval_it_touches() {
        let g = Grant { grid: "g".into(), role: Role::GridWorker, from: TimeMs(10), to: Some(TimeMs(20)) };
        for (start, end, want) in
            [(0, 9, false), (0, 10, true), (19, 30, true), (20, 30, false), (12, 13, true)]
        {
            assert_eq!(g.stood_within(TimeMs(start), TimeMs(end)), want, "{start}..{end}");
        }
    }

    #[test]
    fn role_ids_round_trip() {
        for r in Role::ALL {
            assert_eq!(Role::from_id(r.id()), Some(r));
        }
        assert_eq!(Role::from_id("boss"), None);
    }
}
