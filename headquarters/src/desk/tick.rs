//! What the clock does to orders: cards, the ladder, alarms, reviews, the archive (R8, R23).
//!
//! Invariant: a tick is idempotent; whatever it did is a step and a flag of the order, so a
//! missed tick is made good by the next. `clock` says when an open order has to be looked at next,
//! so that a minute costs what is due in it and not what is open. Rejected: timers per order, which
//! a restart forgets.

use crate::{
    ahead,
    core::Core,
    error::HqError,
    groups,
    hq::Headquarters,
    people::{chain, retention},
    store::{self, StoredDoc},
};
use lanewalk_model::{
    document::Edit,
    id::DocId,
    order::{self, Act, Situation, State},
    records::{StepKind, StepRecord},
    schema::DocKind,
    staff::Subject,
    time::TimeMs,
    view::DocView,
};
use rusqlite::{Transaction, params};

/// Orders looked at in one tick: an import of a year must not keep phones waiting.
const MOST: u32 = 2_000;

/// What one tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Cards shown and rungs of the ladder called.
    pub marks: u32,
    /// Orders nobody accepted in time.
    pub unaccepted: u32,
    /// Parked orders whose review has come.
    pub reviews: u32,
    /// Orders archived.
    pub archived: u32,
}

impl Headquarters {
    /// Does what is due by now; call it every minute.
    pub fn tick(&mut self) -> Result<Ticked, HqError> {
        self.act(|tx, core| {
            let mut done = Ticked::default();
            let now = core.now();
            for (n, id) in due(tx, now)? {
                core.tend(tx, (n, id), now, &mut done)?;
            }
            let keep = i64::from(core.settings.archive_after_days).saturating_mul(24 * 3_600_000);
            for id in closed_before(tx, TimeMs(now.0.saturating_sub(keep)))? {
                done.archived += u32::from(core.archive(tx, id, now)?);
            }
            groups::tick(tx, core)?;
            ahead::forecasts::scan(tx, core)?;
            core.daily(tx, now)?;
            chain::advance(tx)?;
            Ok(done)
        })
    }
}

/// The day on which the daily work was last done, as days since 1970 in China.
const DAILY: &str = "daily_done";

impl Core {
    /// Once a day: what was kept long enough is erased (DOMAIN.md §9).
    fn daily(&mut self, tx: &Transaction<'_>, now: TimeMs) -> Result<(), HqError> {
        let day = u64::try_from(now.0.saturating_add(8 * 3_600_000).div_euclid(24 * 3_600_000)).unwrap_or(0);
        if store::meta_u64(tx, DAILY)? >= day {
            return Ok(());
        }
        retention::run(tx, self)?;
        store::set_meta(tx, DAILY, &day.to_be_bytes())
    }

    /// Does to an open order what is due, and notes when it has to be looked at again.
    fn tend(
        &mut self,
        tx: &Transaction<'_>,
        (n, id): (i64, DocId),
        now: TimeMs,
        done: &mut Ticked,
    ) -> Result<(), HqError> {
        let Some(stored) = StoredDoc::find(tx, id)? else { return Ok(()) };
        let view = stored.view()?;
        let marks = self.marks(&view);
        let cards = marks.as_ref().map_or_else(Vec::new, |marks| order::clock(&view, marks, now));
        let alarm = self.alarm_at(&view, now).filter(|at| *at <= now);
        let review = review_at(&view).filter(|at| *at <= now);
        if cards.is_empty() && alarm.is_none() && review.is_none() {
            let next = marks.and_then(|m| order::next_mark(&view, &m));
            let next = [next, self.alarm_at(&view, now), review_at(&view)].into_iter().flatten().min();
            return note_next(tx, n, next.unwrap_or(TimeMs(i64::MAX)));
        }
        // What is written here is looked at again by the next tick.
        for d in &cards {
            self.step(tx, id, "hq", d.edits.clone(), &d.step)?;
        }
        done.marks = done.marks.saturating_add(u32::try_from(cards.len()).unwrap_or(u32::MAX));
        for (due, flag, to, count) in [
            (alarm, "flag/unaccepted", "backup", &mut done.unaccepted),
            (review, "flag/review", "deputy_leader", &mut done.reviews),
        ] {
            if due.is_some() {
                let step =
                    StepRecord { to: Some(to.into()), ..StepRecord::new(StepKind::Escalated, now, "hq") };
                self.step(tx, id, "hq", vec![Edit::set(flag, true)], &step)?;
                *count += 1;
            }
        }
        Ok(())
    }

    /// R23: when an order that the watch has not accepted calls the backup, once.
    fn alarm_at(&self, view: &DocView, now: TimeMs) -> Option<TimeMs> {
        if order::state(view) != State::Received || view.flag("flag/unaccepted") {
            return None;
        }
        let limits = &self.settings.limits;
        let urgent = view.text("urgency") == Some("urgent");
        let limit = if urgent { limits.accept_urgent } else { limits.accept_general };
        let came = TimeMs(view.int("reported_at").unwrap_or(now.0));
        self.limit_end(came, limit).map(|due| due.at)
    }

    fn archive(&mut self, tx: &Transaction<'_>, id: DocId, now: TimeMs) -> Result<bool, HqError> {
        let Some(stored) = StoredDoc::find(tx, id)? else { return Ok(false) };
        let situation =
            Situation { now, reason: String::new(), on_watch: false, matches: 0, visitors: Vec::new() };
        let Ok(done) = order::act(&stored.view()?, &Act::Archive, &Subject::system(), &situation) else {
            return Ok(false);
        };
        self.step(tx, id, "hq", done.edits, &done.step)?;
        Ok(true)
    }
}

fn ids(tx: &Transaction<'_>, sql: &str, values: impl rusqlite::Params) -> Result<Vec<DocId>, HqError> {
    let found: Vec<Vec<u8>> =
        tx.prepare_cached(sql)?.query_map(values, |r| r.get(0))?.collect::<Result<_, _>>()?;
    Ok(found.iter().filter_map(|b| DocId::from_slice(b).ok()).collect())
}

/// When a parked order is looked at again, once.
fn review_at(view: &DocView) -> Option<TimeMs> {
    let waits = order::state(view) == State::Parked && !view.flag("flag/review");
    view.int("review_at").filter(|_| waits).map(TimeMs)
}

/// Lists the orders that the clock has something to say about, or that were written since it
/// looked, row number and id: those whose time has come first, then those due soonest.
fn due(tx: &Transaction<'_>, now: TimeMs) -> Result<Vec<(i64, DocId)>, HqError> {
    let sql = "SELECT c.doc, d.id FROM clock c JOIN docs d ON d.n = c.doc WHERE c.at <= ?1
               ORDER BY c.at = 0, d.due_at LIMIT ?2";
    let found: Vec<(i64, Vec<u8>)> = tx
        .prepare_cached(sql)?
        .query_map([now.0, MOST.into()], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(found.into_iter().filter_map(|(n, id)| Some((n, DocId::from_slice(&id).ok()?))).collect())
}

/// Notes that an order was written: the clock looks at it if it is open.
pub(crate) fn note(tx: &Transaction<'_>, n: i64, open: bool) -> Result<(), HqError> {
    if open {
        return note_next(tx, n, TimeMs(0));
    }
    tx.prepare_cached("DELETE FROM clock WHERE doc = ?1")?.execute([n])?;
    Ok(())
}

/// Lets the clock look at every open order again: calendar, hours or limits may be others.
pub(crate) fn look_at_all(tx: &Transaction<'_>) -> Result<(), HqError> {
    tx.execute("UPDATE clock SET at = 0", [])?;
    Ok(())
}

fn note_next(tx: &Transaction<'_>, n: i64, at: TimeMs) -> Result<(), HqError> {
    tx.prepare_cached(
        "INSERT INTO clock (doc, at) VALUES (?1, ?2) ON CONFLICT (doc) DO UPDATE SET at = excluded.at",
    )?
    .execute([n, at.0])?;
    Ok(())
}

fn closed_before(tx: &Transaction<'_>, at: TimeMs) -> Result<Vec<DocId>, HqError> {
    let sql = "SELECT id FROM docs WHERE kind = ?1 AND state = ?2 AND finished_at < ?3 LIMIT 500";
    ids(tx, sql, params![DocKind::Order.code(), State::Closed.id(), at.0])
}
