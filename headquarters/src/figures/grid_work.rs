//! What was done in the grids (R16, R19–R21): appeals, people met, doors visited.
//!
//! Invariant: counted from events, each once; a person merged into another counts as that one,
//! and alone again when the merge is undone. Rejected: a counter per worker, which is a quota
//! before long.

use super::query::Query;
use crate::error::HqError;
use lanewalk_model::{
    deadline::DAY_MS,
    kpi::{Part, Rate},
};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Appeals of a kind that came by a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppealCount {
    /// `consult`, `help`, `suggest`, `complain`, `report`, `opinion`.
    pub kind: String,
    /// `grid` or `service_point`.
    pub channel: String,
    /// How many.
    pub n: u64,
    /// Of these, solved on site.
    pub solved: u64,
    /// Of these, made an order.
    pub turned: u64,
}

/// What was done in the grids.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GridWork {
    /// Appeals by kind and channel.
    pub appeals: Vec<AppealCount>,
    /// Different people met (人).
    pub people: u64,
    /// Times somebody was met (人次).
    pub contacts: u64,
    /// Visits.
    pub visits: u64,
    /// Dwellings visited / dwellings.
    pub coverage: Rate,
    /// The same by grid.
    pub coverage_by_grid: Vec<(String, Rate)>,
    /// R21: appeals solved on site without a hotline order at the same place in the days after /
    /// those of them whose days are over and whose place is named. An appeal names no matter, so
    /// an order about anything at that place counts against it: the stricter test.
    pub kept_off: Rate,
}

impl GridWork {
    /// Counts.
    pub(super) fn of(db: &Connection, query: &Query, quiet_days: u16) -> Result<Self, HqError> {
        let mut work = Self::default();
        work.count_appeals(db, query)?;
        work.count_contacts(db, query)?;
        work.count_doors(db, query)?;
        work.count_kept_off(db, query, i64::from(quiet_days).saturating_mul(DAY_MS))?;
        Ok(work)
    }

    fn count_appeals(&mut self, db: &Connection, query: &Query) -> Result<(), HqError> {
        let mut statement = db.prepare_cached(
            "SELECT grid, kind, channel, count(*), sum(solved), sum(turned) FROM appeal_facts
             WHERE at >= ?1 AND at < ?2 AND at <= ?3 GROUP BY grid, kind, channel",
        )?;
        let mut rows = statement.query(params![query.from.0, query.to.0, query.as_of.0])?;
        let mut found: BTreeMap<(String, String), (u64, u64, u64)> = BTreeMap::new();
        while let Some(r) = rows.next()? {
            if !query.asks_for_grid(r.get_ref(0)?.as_str().unwrap_or_default()) {
                continue;
            }
            let sum = found.entry((r.get(1)?, r.get(2)?)).or_default();
            sum.0 += r.get::<_, u64>(3)?;
            sum.1 += r.get::<_, u64>(4)?;
            sum.2 += r.get::<_, u64>(5)?;
        }
        self.appeals = found
            .into_iter()
            .map(|((kind, channel), (n, solved, turned))| AppealCount { kind, channel, n, solved, turned })
            .collect();
        Ok(())
    }

    fn count_contacts(&mut self, db: &Connection, query: &Query) -> Result<(), HqError> {
        let links: HashMap<String, String> = db
            .prepare_cached("SELECT person, other FROM person_links")?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let mut statement = db.prepare_cached(
            "SELECT v.grid, c.person FROM visit_facts v JOIN contact_facts c ON c.visit = v.doc
             WHERE v.at >= ?1 AND v.at < ?2 AND v.at <= ?3",
        )?;
        let mut rows = statement.query(params![query.from.0, query.to.0, query.as_of.0])?;
        let mut people = HashSet::new();
        while let Some(r) = rows.next()? {
            if query.asks_for_grid(r.get_ref(0)?.as_str().unwrap_or_default()) {
                self.contacts = self.contacts.saturating_add(1);
                people.insert(root(&links, r.get_ref(1)?.as_str().unwrap_or_default()).to_owned());
            }
        }
        self.people = people.len() as u64;
        Ok(())
    }

    fn count_doors(&mut self, db: &Connection, query: &Query) -> Result<(), HqError> {
        let mut statement = db
            .prepare_cached("SELECT grid, target FROM visit_facts WHERE at >= ?1 AND at < ?2 AND at <= ?3")?;
        let mut rows = statement.query(params![query.from.0, query.to.0, query.as_of.0])?;
        let mut visited: HashSet<String> = HashSet::new();
        while let Some(r) = rows.next()? {
            if query.asks_for_grid(r.get_ref(0)?.as_str().unwrap_or_default()) {
                self.visits = self.visits.saturating_add(1);
                visited.insert(r.get(1)?);
            }
        }
        let mut by_grid: BTreeMap<String, Rate> = BTreeMap::new();
        let mut statement = db.prepare_cached("SELECT grid, place FROM dwelling_facts")?;
        let mut rows = statement.query([])?;
        while let Some(r) = rows.next()? {
            let grid = r.get_ref(0)?.as_str().unwrap_or_default();
            if !query.asks_for_grid(grid) {
                continue;
            }
            let hit = visited.contains(r.get_ref(1)?.as_str().unwrap_or_default());
            let part = if hit { Part::Hit } else { Part::Not };
            self.coverage = self.coverage.plus(part);
            let rate = by_grid.entry(grid.to_owned()).or_default();
            *rate = rate.plus(part);
        }
        self.coverage_by_grid = by_grid.into_iter().collect();
        Ok(())
    }

    fn count_kept_off(&mut self, db: &Connection, query: &Query, quiet: i64) -> Result<(), HqError> {
        let mut statement = db.prepare_cached(
            "SELECT a.grid, NOT EXISTS (SELECT 1 FROM order_facts o
                WHERE o.grid = a.grid AND o.received_at > a.at AND o.received_at <= a.at + ?4 AND o.hotline = 1
                  AND o.place <> '' AND (instr(o.place, a.place) OR instr(a.place, o.place)))
             FROM appeal_facts a
             WHERE a.at >= ?1 AND a.at < ?2 AND a.at + ?4 <= ?3 AND a.solved = 1 AND a.place <> ''",
        )?;
        let mut rows = statement.query(params![query.from.0, query.to.0, query.as_of.0, quiet])?;
        while let Some(r) = rows.next()? {
            if query.asks_for_grid(r.get_ref(0)?.as_str().unwrap_or_default()) {
                self.kept_off = self.kept_off.plus(if r.get(1)? { Part::Hit } else { Part::Not });
            }
        }
        Ok(())
    }

    /// Returns all appeals.
    pub fn appeals_in_all(&self) -> u64 {
        self.appeals.iter().map(|a| a.n).sum()
    }
}

/// Follows the merges; a circle, which two clerks can make, ends where it began.
fn root<'a>(links: &'a HashMap<String, String>, person: &'a str) -> &'a str {
    let mut seen = vec![person];
    let mut at = person;
    while let Some(next) = links.get(at) {
        if seen.contains(&next.as_str()) {
            // Everybody in the circle counts as the same one.
            let from = seen.iter().position(|p| *p == next.as_str()).unwrap_or(0);
            return seen.iter().skip(from).copied().min().unwrap_or(at);
        }
        seen.push(next);
        at = next;
    }
    at
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn merges_are_followed_and_circles_end() {
        let pairs = [("a", "b"), ("b", "c"), ("x", "y"), ("y", "z"), ("z", "y")];
        let links = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        for (person, want) in
            [("a", "c"), ("b", "c"), ("c", "c"), ("q", "q"), ("x", "y"), ("y", "y"), ("z", "y")]
        {
            assert_eq!(root(&links, person), want, "{person}");
        }
    }
}
