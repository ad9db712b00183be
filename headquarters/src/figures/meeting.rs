//! Dispatch meetings (定期调度, R9): figures frozen as the meeting saw them, with what it agreed on.
//!
//! Invariant: a frozen meeting never changes (the tables refuse it); what became of an action item
//! is said beside it. It is a table of headquarters and no document: no phone reads it, and the
//! frozen figures cannot be counted again, because entries that come late change what an earlier
//! moment looks like. Rejected: the query alone, counted again on demand, for that reason.

use super::{Dimension, Figures, Query};
use crate::{error::HqError, hq::Headquarters, people::audit, store};
use lanewalk_model::{
    staff::{Role, Roles},
    time::TimeMs,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// Who may freeze figures and say what became of an item.
pub const MAY_FREEZE: Roles = Role::HotlineClerk.bit().or(Role::DeputyLeader.bit()).or(Role::Principal.bit());

/// Longest title, and longest words of an item, in characters.
const MAX_CHARS: usize = 400;
const MAX_ITEMS: usize = 50;

/// What a meeting agrees on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// What is to be done; names orders by number, holds no personal data.
    pub words: String,
    /// Section or staff id.
    pub owner: String,
    /// Until when.
    pub due: Option<TimeMs>,
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// When it was said.
    pub at: TimeMs,
    /// By whom.
    pub by: String,
    /// In words.
    pub words: String,
}

/// An action item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Number.
    pub n: i64,
    /// What.
    pub is: NewItem,
    /// What became of it, earliest first.
    pub marks: Vec<Mark>,
}

/// A meeting as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// Number.
    pub n: i64,
    /// Title.
    pub title: String,
    /// Who froze it.
    pub by: String,
    /// When.
    pub at: TimeMs,
    /// How far the log went.
    pub log_end: u64,
    /// What was asked.
    pub query: Query,
    /// Items, and those nothing was said about.
    pub items: (u64, u64),
}

/// A meeting with everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// What it is.
    pub meeting: Meeting,
    /// The figures as they were.
    pub figures: Figures,
    /// Its items.
    pub items: Vec<Item>,
}

impl Headquarters {
    /// Freezes the answer to a query with what the meeting agreed on; returns its number.
    pub fn freeze_meeting(
        &mut self,
        by: &str,
        title: &str,
        query: &Query,
        items: &[NewItem],
    ) -> Result<i64, HqError> {
        self.act(|tx, core| {
            check_role(tx, by)?;
            let too_long = |text: &str| text.chars().count() > MAX_CHARS;
            let title = title.trim();
            if title.is_empty() || too_long(title) {
                return Err(HqError::NotAllowed(
                    "请写会议名称,400 字以内 (a title, up to 400 characters)".into(),
                ));
            }
            let wrong = |i: &NewItem| i.words.trim().is_empty() || too_long(&i.words) || too_long(&i.owner);
            if items.len() > MAX_ITEMS || items.iter().any(wrong) {
                return Err(HqError::NotAllowed(
                    "议定事项最多 50 条,每条 400 字以内 (up to 50 items of 400 characters)".into(),
                ));
            }
            let now = core.now();
            // Nobody knows yet what counts later.
            let query = Query { as_of: query.as_of.min(now), ..query.clone() };
            let figures = Figures::of(tx, &query, &[Dimension::Community, Dimension::Unit])?;
            let json = |text: Result<String, serde_json::Error>| text.unwrap_or_default();
            tx.execute(
                "INSERT INTO meetings (title, frozen_by, frozen_at, log_end, query, figures)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    title,
                    by,
                    now.0,
                    store::log_end(tx)?,
                    json(serde_json::to_string(&query)),
                    json(serde_json::to_string(&figures))
                ],
            )?;
            let n = tx.last_insert_rowid();
            for item in items {
                tx.execute(
                    "INSERT INTO meeting_items (meeting, words, owner, due) VALUES (?1, ?2, ?3, ?4)",
                    params![n, item.words.trim(), item.owner.trim(), item.due.map(|t| t.0)],
                )?;
            }
            audit(tx, now, by, "freeze_meeting", &n.to_string())?;
            Ok(n)
        })
    }

    /// Says what became of an item of a meeting.
    pub fn mark_item(&mut self, by: &str, meeting: i64, item: i64, words: &str) -> Result<(), HqError> {
        self.act(|tx, core| {
            check_role(tx, by)?;
            let known: Option<i64> = tx
                .prepare_cached("SELECT n FROM meeting_items WHERE n = ?1 AND meeting = ?2")?
                .query_row([item, meeting], |r| r.get(0))
                .optional()?;
            let item = known.ok_or_else(|| HqError::NotFound(format!("item {item}")))?;
            let words = words.trim();
            if words.is_empty() || words.chars().count() > MAX_CHARS {
                return Err(HqError::NotAllowed(
                    "请写办理情况,400 字以内 (say what became of it, up to 400 characters)".into(),
                ));
            }
            tx.execute(
                "INSERT INTO meeting_marks (item, at, by, words) VALUES (?1, ?2, ?3, ?4)",
                params![item, core.now().0, by, words],
            )?;
            Ok(())
        })
    }
}

fn check_role(db: &Connection, by: &str) -> Result<(), HqError> {
    let role = store::subject(db, by)?.map(|(s, _)| s.role);
    if role.is_some_and(|role| MAY_FREEZE.has(role)) {
        return Ok(());
    }
    Err(HqError::NotAllowed("只有热线专员和领导可以定格数据 (only clerks and leaders freeze figures)".into()))
}

const MEETING: &str = "SELECT m.n, m.title, m.frozen_by, m.frozen_at, m.log_end, m.query,
    (SELECT count(*) FROM meeting_items i WHERE i.meeting = m.n),
    (SELECT count(*) FROM meeting_items i WHERE i.meeting = m.n
        AND NOT EXISTS (SELECT 1 FROM meeting_marks k WHERE k.item = i.n))
    FROM meetings m";

impl Meeting {
    /// Lists meetings, latest first.
    pub fn latest(db: &Connection, most: u32) -> Result<Vec<Self>, HqError> {
        let mut statement = db.prepare_cached(&format!("{MEETING} ORDER BY m.n DESC LIMIT ?1"))?;
        let found = statement.query_map([most], Self::read)?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    fn read(r: &Row<'_>) -> rusqlite::Result<Self> {
        let query: String = r.get(5)?;
        Ok(Self {
            n: r.get(0)?,
            title: r.get(1)?,
            by: r.get(2)?,
            at: TimeMs(r.get(3)?),
            log_end: r.get(4)?,
            query: json(5, &query)?,
            items: (r.get(6)?, r.get(7)?),
        })
    }
}

fn json<T: serde::de::DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(e))
    })
}

impl Frozen {
    /// Finds a meeting; `None` when there is none.
    pub fn find(db: &Connection, n: i64) -> Result<Option<Self>, HqError> {
        let meeting = db
            .prepare_cached(&format!("{MEETING} WHERE m.n = ?1"))?
            .query_row([n], Meeting::read)
            .optional()?;
        let Some(meeting) = meeting else { return Ok(None) };
        let figures = db
            .prepare_cached("SELECT figures FROM meetings WHERE n = ?1")?
            .query_row([n], |r| json(0, r.get_ref(0)?.as_str().unwrap_or_default()))?;
        let mut items = db
            .prepare_cached("SELECT n, words, owner, due FROM meeting_items WHERE meeting = ?1 ORDER BY n")?
            .query_map([n], |r| {
                let due: Option<i64> = r.get(3)?;
                let is = NewItem { words: r.get(1)?, owner: r.get(2)?, due: due.map(TimeMs) };
                Ok(Item { n: r.get(0)?, is, marks: Vec::new() })
            })?
            .collect::<Result<Vec<Item>, _>>()?;
        for item in &mut items {
            let mut statement =
                db.prepare_cached("SELECT at, by, words FROM meeting_marks WHERE item = ?1 ORDER BY n")?;
            let marks = statement.query_map([item.n], |r| {
                Ok(Mark { at: TimeMs(r.get(0)?), by: r.get(1)?, words: r.get(2)? })
            })?;
            item.marks = marks.collect::<Result<_, _>>()?;
        }
        Ok(Some(Self { meeting, figures, items }))
    }
}
