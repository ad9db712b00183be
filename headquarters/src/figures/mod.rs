//! Figures (数据): rates, timers, breakdowns and what the grids did, for any period and moment.
//!
//! Invariant: everything a report shows is counted in one pass over one snapshot, by the rules of
//! [`lanewalk_model::kpi`]; the list behind a figure is the same pass with a filter. Rejected: one
//! SQL query per rate, whose conditions drift apart.

mod cache;
mod grid_work;
mod meeting;
mod pack;
mod query;
mod report;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use cache::{counts_from, note};
pub use grid_work::{AppealCount, GridWork};
pub use meeting::{Frozen, Item, MAY_FREEZE, Mark, Meeting, NewItem};
pub use query::{Belongs, Dimension, Filter, MAX_PERIOD_MS, Query, Scope};
pub use report::{AGES_DAYS, Age, Bucket, Figures, Found, Group, Stands, Tally, Timer, list};

use crate::{
    error::HqError,
    hq::Headquarters,
    store::{self, set_meta},
};
use lanewalk_model::{calendar::Calendar, deadline::Hours, document::Document, schema::DocKind};
use rusqlite::{Connection, OptionalExtension as _, Transaction};
use serde::{Deserialize, Serialize};

/// What figures need of the settings: the console reads it beside the data, so that a report
/// counts by the hours headquarters works by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Rules {
    /// Business hours.
    pub hours: Hours,
    /// R21: days without a hotline order after which an appeal solved on site counts \[P\].
    pub quiet_days: u16,
}

const RULES: &str = "figures_rules";

impl Rules {
    /// Keeps the rules in force; called when headquarters opens.
    pub(crate) fn keep(&self, tx: &Transaction<'_>) -> Result<(), HqError> {
        set_meta(tx, RULES, &serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads the rules in force.
    pub fn read(db: &Connection) -> Result<Self, HqError> {
        let json = store::meta(db, RULES)?.unwrap_or_default();
        serde_json::from_slice(&json)
            .map_err(|e| HqError::Reference { what: "rules of figures", why: e.to_string() })
    }
}

/// Reads the calendar in force: the published one, else the one of this program.
pub fn calendar(db: &Connection) -> Result<Calendar, HqError> {
    let bad = |why: String| HqError::Reference { what: "calendar", why };
    let saved: Option<Vec<u8>> = db
        .prepare_cached("SELECT saved FROM docs WHERE kind = ?1 AND row ->> 'title' = 'calendar'")?
        .query_row([DocKind::Reference.code()], |r| r.get(0))
        .optional()?;
    match saved {
        Some(saved) => {
            let view = Document::load(DocKind::Reference, &saved)?.view();
            serde_json::from_str(view.text("body").unwrap_or_default()).map_err(|e| bad(e.to_string()))
        }
        None => Calendar::china().cloned().map_err(|e| bad(e.to_string())),
    }
}

impl Headquarters {
    /// Makes the tables of figures anew from documents and log.
    pub fn rebuild_figures(&mut self) -> Result<(), HqError> {
        self.act(|tx, _| cache::rebuild(tx))
    }
}
