//! Full-text search over what headquarters holds, as far as the reader may see it.
//!
//! Invariant: a hit is shown only after the same policy that scopes phones said yes; no input is
//! a syntax error. Knowledge is asked for apart from the rest, so that a common word never buries
//! it under the newest orders. Rejected: bm25 over all hits, which walks every occurrence of
//! every character of the query and ranks short Chinese texts no better.

use crate::{
    error::HqError,
    store::{DocRow, FACT_COLUMNS},
};
use lanewalk_model::{
    access::{CaseFacts, Extent, Sight},
    id::DocId,
    policy::{self, ScopeFacts},
    rows::ListRow,
    schema::DocKind,
    search,
    staff::{Role, Subject},
    time::TimeMs,
};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Hits looked at of knowledge and of everything else; more is no search but a list.
const LOOKED_AT: u32 = 1_000;

/// One document that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The document.
    pub id: DocId,
    /// Its list row.
    pub row: ListRow,
    /// The order it belongs to, if it is not one itself.
    pub order: Option<DocId>,
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// The best hits, best first.
    pub hits: Vec<Hit>,
    /// How many of each kind, by code, the reader may see.
    pub kinds: BTreeMap<u8, u32>,
    /// There were more hits than were looked at.
    pub more: bool,
}

/// Searches: hits in titles before others, open work before what has ended, newer before older.
/// `kind` narrows the hits to one kind; counts are of all.
pub fn find(
    db: &Connection,
    reader: &Subject,
    query: &str,
    kind: Option<DocKind>,
    now: TimeMs,
    most: usize,
) -> Result<Found, HqError> {
    let Some(expression) = search::match_expression(query) else { return Ok(Found::default()) };
    let mut found = Found::default();
    let mut ranked: Vec<((bool, bool, bool, i64), Hit)> = Vec::new();
    for (table, knowledge) in [("known", true), ("found", false)] {
        let sql = format!(
            "SELECT {FACT_COLUMNS}, d.row, d.parent, s.units FROM
               (SELECT rowid AS n FROM {table} WHERE {table} MATCH ?1 ORDER BY rowid DESC LIMIT ?2) f
             JOIN docs d ON d.n = f.n
             LEFT JOIN docs p ON d.kind <> 1 AND p.id = CASE WHEN d.parent LIKE 'order:%' THEN unhex('01' || substr(d.parent, 7)) END
             LEFT JOIN spots s ON s.doc = coalesce(p.n, d.n)"
        );
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query(params![expression, LOOKED_AT])?;
        let mut seen = 0;
        while let Some(r) = rows.next()? {
            seen += 1;
            let doc = DocRow::read(r)?;
            let units: Option<String> = r.get(8)?;
            if !may_see(reader, doc.id.kind, &doc.facts, units.as_deref().unwrap_or_default(), now) {
                continue;
            }
            *found.kinds.entry(doc.id.kind.code()).or_default() += 1;
            if kind.is_some_and(|k| k != doc.id.kind) {
                continue;
            }
            let Ok(row) = serde_json::from_str::<ListRow>(r.get_ref(6)?.as_str().unwrap_or_default()) else {
                continue;
            };
            let order = row.parent.parse().ok().filter(|id: &DocId| id.kind == DocKind::Order);
            let rank = (
                knowledge && row.open,
                search::is_in(&row.title, query),
                row.open && doc.id.kind == DocKind::Order,
                row.at.unwrap_or(0),
            );
            ranked.push((rank, Hit { id: doc.id, row, order }));
        }
        found.more |= seen >= LOOKED_AT;
    }
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.id.cmp(&a.1.id)));
    found.hits = ranked.into_iter().take(most).map(|(_, hit)| hit).collect();
    Ok(found)
}

/// Says whether somebody at headquarters may see a document: an order as the table of rights says,
/// anything else as a phone of the same person might hold it, finished work included; a section
/// what is of its own grids and of orders whose `units` name it.
pub fn may_see(reader: &Subject, kind: DocKind, facts: &ScopeFacts, units: &str, now: TimeMs) -> bool {
    let units = units.split_whitespace();
    if kind == DocKind::Order {
        let facts = CaseFacts {
            scope: facts.clone(),
            units: units.map(str::to_owned).collect(),
            ..CaseFacts::default()
        };
        let extent = Extent::of_orders(reader, now);
        return extent.is_some_and(|(extent, sight)| sight > Sight::Flag && extent.holds(&facts));
    }
    let of_house = matches!(kind, DocKind::Knowledge | DocKind::Reference);
    if reader.role == Role::Section && !of_house {
        let own = reader.units_at(now).any(|mine| units.clone().any(|unit| unit == mine));
        let held = || reader.grids_at(now).contains(&facts.grid.as_str());
        return kind.spec().readers.has(Role::Section) && (own || held());
    }
    let lasting = ScopeFacts { finished_at: None, ..facts.clone() };
    policy::may_read(reader, kind, &lasting, now).is_ok()
}
