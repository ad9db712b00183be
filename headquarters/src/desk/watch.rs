//! The watch (盯靠内网): who is responsible for accepting orders now, and who was (R23).
//!
//! Invariant: from the first handover on exactly one clerk is on watch at each moment; taking
//! over is one act that ends the other's watch and keeps what that one had to say. Rejected: a
//! watch that ends by the clock; between two shifts nobody would be responsible.

use super::staff;
use crate::{error::HqError, hq::Headquarters, people::audit, store};
use lanewalk_model::{order::Refusal, privacy, staff::Role, time::TimeMs};
use rusqlite::{Connection, OptionalExtension as _, params};

/// Longest planned shift: a day.
const LONGEST_SHIFT_MS: i64 = 24 * 3_600_000;

/// One stretch of watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// Staff id.
    pub person: String,
    /// Since when.
    pub from: TimeMs,
    /// Until when; `None` while it lasts.
    pub to: Option<TimeMs>,
    /// What the one before left to say.
    pub handover: String,
}

/// A planned shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// Row number.
    pub n: i64,
    /// Staff id.
    pub person: String,
    /// From.
    pub from: TimeMs,
    /// To.
    pub to: TimeMs,
}

/// Returns who is on watch.
pub fn on_watch(db: &Connection) -> Result<Option<Watch>, HqError> {
    Ok(last(db, 1)?.pop())
}

/// Lists the latest watches, newest first.
pub fn last(db: &Connection, most: u32) -> Result<Vec<Watch>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT person, from_ms, lead(from_ms) OVER (ORDER BY n), handover FROM watch ORDER BY n DESC LIMIT ?1",
    )?;
    let rows = statement.query_map([most], |r| {
        Ok(Watch {
            person: r.get(0)?,
            from: TimeMs(r.get(1)?),
            to: r.get::<_, Option<i64>>(2)?.map(TimeMs),
            handover: r.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Lists the shifts that end after a moment, in order.
pub fn shifts(db: &Connection, after: TimeMs) -> Result<Vec<Shift>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT n, person, from_ms, to_ms FROM shifts WHERE to_ms > ?1 ORDER BY from_ms LIMIT 200",
    )?;
    let rows = statement.query_map([after.0], |r| {
        Ok(Shift { n: r.get(0)?, person: r.get(1)?, from: TimeMs(r.get(2)?), to: TimeMs(r.get(3)?) })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Headquarters {
    /// Takes over the watch; `handover` is what the one before had to say. Only clerks may, and
    /// not from themselves.
    pub fn take_watch(&mut self, by: &str, handover: &str) -> Result<Option<Refusal>, HqError> {
        self.act(|tx, core| {
            let clerk = staff(tx, by)?;
            let now = core.now();
            if clerk.role != Role::HotlineClerk || !clerk.holds("*", now, now) {
                return Ok(Some(Refusal::RoleMayNot));
            }
            if privacy::identifies(handover) {
                return Ok(Some(Refusal::PersonalData));
            }
            if on_watch(tx)?.is_some_and(|w| w.person == by) {
                return Ok(Some(Refusal::WrongState));
            }
            tx.prepare_cached("INSERT INTO watch (person, from_ms, handover) VALUES (?1, ?2, ?3)")?
                .execute(params![by, now.0, handover.trim()])?;
            audit(tx, now, by, "watch", "taken over")?;
            Ok(None)
        })
    }

    /// Plans a shift. Shifts of less than a minute or more than a day, of somebody who is no
    /// clerk, or over another's are refused.
    pub fn plan_shift(
        &mut self,
        by: &str,
        person: &str,
        from: TimeMs,
        to: TimeMs,
    ) -> Result<Option<Refusal>, HqError> {
        self.act(|tx, core| {
            let planner = staff(tx, by)?;
            let Some((clerk, _)) = store::subject(tx, person)? else {
                return Ok(Some(Refusal::HolderUnknown));
            };
            let plans = matches!(planner.role, Role::HotlineClerk | Role::DeputyLeader | Role::Principal);
            if !plans || clerk.role != Role::HotlineClerk {
                return Ok(Some(Refusal::RoleMayNot));
            }
            let length = to.0.saturating_sub(from.0);
            let over: Option<i64> = tx
                .prepare_cached("SELECT n FROM shifts WHERE from_ms < ?2 AND to_ms > ?1 LIMIT 1")?
                .query_row(params![from.0, to.0], |r| r.get(0))
                .optional()?;
            if !(60_000..=LONGEST_SHIFT_MS).contains(&length) || over.is_some() {
                return Ok(Some(Refusal::WrongState));
            }
            tx.prepare_cached("INSERT INTO shifts (person, from_ms, to_ms) VALUES (?1, ?2, ?3)")?
                .execute(params![person, from.0, to.0])?;
            audit(tx, core.now(), by, "shift", person)?;
            Ok(None)
        })
    }

    /// Takes a planned shift out of the roster.
    pub fn drop_shift(&mut self, by: &str, n: i64) -> Result<Option<Refusal>, HqError> {
        self.act(|tx, core| {
            let planner = staff(tx, by)?;
            if !matches!(planner.role, Role::HotlineClerk | Role::DeputyLeader | Role::Principal) {
                return Ok(Some(Refusal::RoleMayNot));
            }
            let gone = tx.execute("DELETE FROM shifts WHERE n = ?1", [n])?;
            audit(tx, core.now(), by, "shift", "dropped")?;
            Ok((gone == 0).then_some(Refusal::WrongState))
        })
    }
}
