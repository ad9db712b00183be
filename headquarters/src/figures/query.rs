//! What figures are asked about: a period, a moment, a part of the town.
//!
//! Invariant: what a visitor may not see is outside the question itself, so no figure, list or
//! file of it can hold it (DOMAIN.md §3, last column). Rejected: hiding lines on the page.

use lanewalk_model::{
    staff::{Role, Subject},
    time::TimeMs,
};
use serde::{Deserialize, Serialize};

/// Longest period.
pub const MAX_PERIOD_MS: i64 = 3_660 * 86_400_000;

/// A question.
///
/// An order belongs to the period in which it came in (R5). What happened to it is as of a moment;
/// which grid, matter, section and urgency it has is as known today, so that a correction
/// corrects earlier periods too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// First moment of the period.
    pub from: TimeMs,
    /// First moment after it.
    pub to: TimeMs,
    /// Nothing after this moment counts (R9).
    pub as_of: TimeMs,
    /// A part of the town.
    #[serde(default)]
    pub filter: Filter,
    /// What may be seen.
    pub scope: Scope,
}

/// Which orders; `None`: all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filter {
    /// Code of a grid cell, or the beginning of one, such as a community's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<String>,
    /// Matter code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter: Option<String>,
    /// Lead section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// `urgent` or `general`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<String>,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// What a visitor may see figures of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything.
    All,
    /// Own grids and own sections.
    Own {
        /// Grid cells.
        grids: Vec<String>,
        /// Sections.
        units: Vec<String>,
    },
}

impl Scope {
    /// Returns what a subject may see now; `None` for roles without figures.
    pub fn of(subject: &Subject, now: TimeMs) -> Option<Self> {
        match subject.role {
            Role::HotlineClerk | Role::DeputyLeader | Role::Principal | Role::Auditor | Role::System => {
                Some(Self::All)
            }
            // `*` is a right of headquarters' roles: it makes nothing more one's own.
            Role::GridWorker | Role::Section => {
                let own = subject.grids_at(now).into_iter().filter(|g| *g != "*");
                let (grids, _): (Vec<_>, Vec<_>) =
                    own.map(str::to_owned).partition(|g| g.bytes().all(|b| b.is_ascii_digit()));
                let units = subject.units_at(now).map(str::to_owned).collect();
                Some(Self::Own { grids, units })
            }
            Role::PropertyStaff | Role::Enforcement | Role::Liaison | Role::CallbackAgent => None,
        }
    }

    /// Says whether an order of this grid and lead section may be seen.
    pub fn holds(&self, grid: &str, unit: &str) -> bool {
        match self {
            Self::All => true,
            Self::Own { grids, units } => grids.iter().any(|g| g == grid) || units.iter().any(|u| u == unit),
        }
    }
}

impl Query {
    /// Asks about everything in a period, as of a moment.
    pub fn all(from: TimeMs, to: TimeMs, as_of: TimeMs) -> Self {
        Self { from, to, as_of, filter: Filter::default(), scope: Scope::All }
    }

    /// Returns the same question about another period of the same town.
    #[must_use]
    pub fn during(&self, from: TimeMs, to: TimeMs) -> Self {
        Self { from, to, ..self.clone() }
    }

    /// Says whether a thing in a grid is asked about: visits, appeals, dwellings.
    pub(super) fn asks_for_grid(&self, grid: &str) -> bool {
        self.scope.holds(grid, "\0") && self.filter.grid.as_deref().is_none_or(|g| grid.starts_with(g))
    }

    /// Says whether an order is asked about.
    pub(super) fn asks_for(&self, order: &Belongs<'_>) -> bool {
        let Filter { grid, matter, unit, urgency, channel } = &self.filter;
        let same = |want: &Option<String>, is: &str| want.as_deref().is_none_or(|want| want == is);
        self.scope.holds(order.grid, order.unit)
            && grid.as_deref().is_none_or(|g| order.grid.starts_with(g))
            && same(matter, order.matter)
            && same(unit, order.unit)
            && same(urgency, order.urgency)
            && same(channel, order.channel)
    }
}

/// Where an order belongs.
#[derive(Debug, Clone, Copy)]
pub struct Belongs<'a> {
    /// Grid cell.
    pub grid: &'a str,
    /// Matter code.
    pub matter: &'a str,
    /// Lead section.
    pub unit: &'a str,
    /// Urgency.
    pub urgency: &'a str,
    /// Channel.
    pub channel: &'a str,
}

/// By what figures are broken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// 社区: the first 12 digits of the grid.
    Community,
    /// 网格.
    Grid,
    /// 科室.
    Unit,
    /// 事项.
    Matter,
    /// 缓急.
    Urgency,
    /// 来源.
    Channel,
}

impl Dimension {
    /// Every one, in the order of the page.
    pub const ALL: [Self; 6] =
        [Self::Community, Self::Grid, Self::Unit, Self::Matter, Self::Urgency, Self::Channel];

    /// Returns the id used in addresses and files.
    pub fn id(self) -> &'static str {
        match self {
            Self::Community => "community",
            Self::Grid => "grid",
            Self::Unit => "unit",
            Self::Matter => "matter",
            Self::Urgency => "urgency",
            Self::Channel => "channel",
        }
    }

    /// Returns an order's value.
    pub(super) fn of<'a>(self, order: &Belongs<'a>) -> &'a str {
        match self {
            Self::Community => order.grid.get(..12).unwrap_or(order.grid),
            Self::Grid => order.grid,
            Self::Unit => order.unit,
            Self::Matter => order.matter,
            Self::Urgency => order.urgency,
            Self::Channel => order.channel,
        }
    }
}
