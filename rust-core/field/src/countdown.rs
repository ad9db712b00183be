//! How much time an order has left, as a screen shows it.
//!
//! Invariant: computed by `model`'s calendar from headquarters' due time and the best time this
//! phone knows; a screen shows it and computes nothing. Rejected: the due time alone, which makes
//! every screen repeat the card rules of R30/R31 against a clock a worker may have set.

use crate::clock::Clock;
use lanewalk_model::{
    calendar::Calendar,
    deadline::{Hours, red_card_at, yellow_card_at},
    rows::ListRow,
    schema::DocKind,
    time::TimeMs,
};

/// Where an order stands between calm and the red card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Before the yellow card.
    Calm,
    /// Yellow card 黄牌: due soon.
    Yellow,
    /// Past the due time.
    Overdue,
    /// Red card 红牌.
    Red,
}

impl Phase {
    /// Returns the stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Yellow => "yellow",
            Self::Overdue => "overdue",
            Self::Red => "red",
        }
    }
}

/// The time left of an open order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Countdown {
    /// When it is due.
    pub due_at: TimeMs,
    /// Whole minutes left; negative once it is due.
    pub minutes_left: i64,
    /// Which card it shows. Without a calendar an order is calm until it is due.
    pub phase: Phase,
    /// The due time lies past the end of the calendar and may still move.
    pub provisional: bool,
    /// Headquarters' time is known since the last start of this phone; otherwise the phone's own
    /// clock was used.
    pub certain: bool,
}

impl Countdown {
    /// Computes the time left; `None` for what has no due time or needs no work.
    pub(crate) fn of(
        kind: DocKind,
        row: &ListRow,
        clock: &Clock,
        calendar: Option<&Calendar>,
    ) -> Option<Self> {
        let due = row.due_at.filter(|_| kind == DocKind::Order && row.open)?;
        let (now, due_at, hours) = (clock.best(), TimeMs(due), Hours::default());
        let passed = |mark: Option<TimeMs>| mark.is_some_and(|at| now >= at);
        let yellow = calendar.and_then(|c| yellow_card_at(due_at, c, &hours).ok()).map(|d| d.at);
        let red = calendar.and_then(|c| red_card_at(due_at, c, &hours).ok()).map(|d| d.at);
        let phase = if passed(red) {
            Phase::Red
        } else if now > due_at {
            Phase::Overdue
        } else if passed(yellow) {
            Phase::Yellow
        } else {
            Phase::Calm
        };
        Some(Self {
            due_at,
            minutes_left: due.saturating_sub(now.0).div_euclid(60_000),
            phase,
            provisional: row.due_provisional,
            certain: clock.known().is_some(),
        })
    }
}
