//! What the clock does to orders: cards, the ladder, alarms, reviews, the archive (R8, R23).
//!
//! Invariant: a tick is idempotent; whatever it did is a step and a flag of the order, so a
//! missed tick is made good by the next. Rejected: timers per order, which a restart forgets.

use crate::{
    ahead,
    core::Core,
    error::HqError,
    groups,
    hq::Headquarters,
    people::retention,
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
};
use rusqlite::{Transaction, params};

/// An order due later than this cannot get a card yet: the longest holidays and a weekend.
const AHEAD_MS: i64 = 14 * 24 * 3_600_000;

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
            for id in due(tx, now)? {
                done.marks += core.mark(tx, id, now)?;
            }
            for id in in_state(tx, State::Received)? {
                done.unaccepted += u32::from(core.alarm(tx, id, now)?);
            }
            for id in in_state(tx, State::Parked)? {
                done.reviews += u32::from(core.review(tx, id, now)?);
            }
            let keep = i64::from(core.settings.archive_after_days).saturating_mul(24 * 3_600_000);
            for id in closed_before(tx, TimeMs(now.0.saturating_sub(keep)))? {
                done.archived += u32::from(core.archive(tx, id, now)?);
            }
            groups::tick(tx, core)?;
            ahead::forecasts::scan(tx, core)?;
            core.daily(tx, now)?;
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

    fn mark(&mut self, tx: &Transaction<'_>, id: DocId, now: TimeMs) -> Result<u32, HqError> {
        let Some(stored) = StoredDoc::find(tx, id)? else { return Ok(0) };
        let view = stored.view()?;
        let Some(marks) = self.marks(&view) else { return Ok(0) };
        let done = order::clock(&view, &marks, now);
        for d in &done {
            self.step(tx, id, "hq", d.edits.clone(), &d.step)?;
        }
        Ok(u32::try_from(done.len()).unwrap_or(u32::MAX))
    }

    /// R23: an order that the watch did not accept in time calls the backup, once.
    fn alarm(&mut self, tx: &Transaction<'_>, id: DocId, now: TimeMs) -> Result<bool, HqError> {
        let Some(stored) = StoredDoc::find(tx, id)? else { return Ok(false) };
        let view = stored.view()?;
        let limits = &self.settings.limits;
        let urgent = view.text("urgency") == Some("urgent");
        let limit = if urgent { limits.accept_urgent } else { limits.accept_general };
        let came = TimeMs(view.int("reported_at").unwrap_or(now.0));
        let late = self.limit_end(came, limit).is_some_and(|due| due.at <= now);
        if !late || view.flag("flag/unaccepted") {
            return Ok(false);
        }
        let step =
            StepRecord { to: Some("backup".into()), ..StepRecord::new(StepKind::Escalated, now, "hq") };
        self.step(tx, id, "hq", vec![Edit::set("flag/unaccepted", true)], &step)?;
        Ok(true)
    }

    fn review(&mut self, tx: &Transaction<'_>, id: DocId, now: TimeMs) -> Result<bool, HqError> {
        let Some(stored) = StoredDoc::find(tx, id)? else { return Ok(false) };
        let view = stored.view()?;
        if view.flag("flag/review") || view.int("review_at").is_none_or(|at| at > now.0) {
            return Ok(false);
        }
        let step = StepRecord {
            to: Some("deputy_leader".into()),
            ..StepRecord::new(StepKind::Escalated, now, "hq")
        };
        self.step(tx, id, "hq", vec![Edit::set("flag/review", true)], &step)?;
        Ok(true)
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

/// Open orders that are due soon or were, and have not got every mark yet.
fn due(tx: &Transaction<'_>, now: TimeMs) -> Result<Vec<DocId>, HqError> {
    let sql = "SELECT id FROM docs WHERE kind = ?1 AND open = 1 AND due_at < ?2 AND NOT (row ->> 'marked')";
    ids(tx, sql, params![DocKind::Order.code(), now.0.saturating_add(AHEAD_MS)])
}

fn in_state(tx: &Transaction<'_>, state: State) -> Result<Vec<DocId>, HqError> {
    let sql = "SELECT id FROM docs WHERE kind = ?1 AND open = 1 AND row ->> 'state' = ?2";
    ids(tx, sql, params![DocKind::Order.code(), state.id()])
}

fn closed_before(tx: &Transaction<'_>, at: TimeMs) -> Result<Vec<DocId>, HqError> {
    let sql = "SELECT id FROM docs WHERE kind = ?1 AND open = 0 AND finished_at < ?2 AND row ->> 'state' = ?3 LIMIT 500";
    ids(tx, sql, params![DocKind::Order.code(), at.0, State::Closed.id()])
}
