//! The rooms of looking ahead and of groups: forecasts, knowledge, search, task forces, clusters,
//! surveys, the map.
//!
//! Invariant: an order that the visitor may not see appears nowhere, not even as a number in a
//! list; counts that the whole house may know say so. Text of people goes through
//! [`super::parts::Veil`] or [`super::parts::shown`].

mod beside;
mod clusters;
mod drawing;
mod entry;
mod forecasts;
mod kb;
mod map;
mod search;
mod surveys;
mod taskforce;
mod taskforces;

use super::{
    board::order_link,
    forms,
    names::Names,
    parts::{Row, bi, none, remaining, shown, table, when},
    sections,
    web::{Room, no_act},
    words::{self, Words},
};
use crate::{
    ahead::{forecasts as rule, search as finder},
    error::HqError,
    store::{DocRow, FACT_COLUMNS},
};
use lanewalk_model::{
    id::{DocId, from_hex, to_hex},
    order::State,
    rows::ListRow,
    schema::DocKind,
    staff::{Role, Roles, Subject},
    time::TimeMs,
};
use maud::{Markup, html};
use rusqlite::{Connection, OptionalExtension as _};

pub(super) use beside::beside;

/// Everybody at headquarters who has to do with orders.
const HOUSE: Roles = rule::JUDGES.or(Role::CallbackAgent.bit());

/// The rooms, in the order of the navigation.
pub(super) static ROOMS: [Room; 7] = [
    Room { at: "search", title: None, who: HOUSE, get: search::get, post: no_act },
    Room { at: "map", title: Some(("地图", "Map")), who: rule::JUDGES, get: map::get, post: no_act },
    Room {
        at: "ahead",
        title: Some(("研判", "Forecasts")),
        who: rule::JUDGES,
        get: forecasts::get,
        post: forecasts::post,
    },
    Room { at: "kb", title: Some(("资料库", "Knowledge")), who: HOUSE, get: kb::get, post: kb::post },
    Room {
        at: "clusters",
        title: Some(("并案", "Clusters")),
        who: rule::JUDGES,
        get: clusters::get,
        post: clusters::post,
    },
    Room {
        at: "taskforces",
        title: Some(("专班", "Task forces")),
        who: rule::JUDGES,
        get: taskforces::get,
        post: taskforces::post,
    },
    Room { at: "surveys", title: None, who: rule::JUDGES, get: surveys::get, post: surveys::post },
];

/// Reads `0190…` as the id of a document.
fn id(kind: DocKind, hex: &str) -> Option<DocId> {
    Some(DocId { kind, uuid: from_hex(hex)? })
}

/// Reads the list row of a document that a subject may see.
fn seen(db: &Connection, who: &Subject, id: DocId, now: TimeMs) -> Result<Option<ListRow>, HqError> {
    let sql = format!(
        "SELECT {FACT_COLUMNS}, d.row, s.units FROM docs d LEFT JOIN spots s ON s.doc = d.n WHERE d.id = ?1"
    );
    let found = db
        .prepare_cached(&sql)?
        .query_row([id.to_bytes()], |r| {
            let units: Option<String> = r.get(7)?;
            Ok((DocRow::read(r)?, r.get::<_, String>(6)?, units.unwrap_or_default()))
        })
        .optional()?;
    Ok(found.and_then(|(doc, row, units)| {
        let may = finder::may_see(who, id.kind, &doc.facts, &units, now);
        may.then(|| serde_json::from_str(&row).ok()).flatten()
    }))
}

/// Shows orders in a table; with `pick`, each with a box named `order` to choose it.
struct Orders<'a> {
    db: &'a Connection,
    who: &'a Subject,
    names: &'a Names,
    now: TimeMs,
    pick: bool,
}

impl Orders<'_> {
    /// Makes the table of those the visitor may see, in the order given; the others are only
    /// counted.
    fn table(&self, title: Words, ids: &[DocId], most: usize) -> Result<Markup, HqError> {
        let mut rows = Vec::new();
        let mut left_out = 0_u64;
        for id in ids {
            // What is not shown is not read: a grid can have twenty thousand.
            let room = rows.len() < most;
            match if room { seen(self.db, self.who, *id, self.now)? } else { None } {
                Some(row) => rows.push(self.line(*id, &row)?),
                None => left_out += 1,
            }
        }
        let heads = [
            ("工单", "order"),
            ("状态", "state"),
            ("反映时间", "reported"),
            ("时限", "due"),
            ("网格", "grid"),
        ];
        let caption = html! { (bi(title)) " " span.count { (ids.len()) } };
        Ok(table(caption, &heads, &rows, left_out, ("没有工单", "no orders")))
    }

    fn line(&self, id: DocId, row: &ListRow) -> Result<Row, HqError> {
        let veil = sections::veil(self.db, id)?;
        let state = State::from_id(&row.state).map_or_else(|| shown(&row.state), |s| bi(words::state(s)));
        let late = row.open && row.due_at.is_some_and(|due| due < self.now.0);
        Ok(Row {
            class: if late { "late" } else { "" },
            cells: vec![
                html! {
                    @if self.pick {
                        input type="checkbox" name="order" value=(to_hex(&id.uuid)) checked[row.open]
                            aria-label={ "选择 " (row.title) };
                        " "
                    }
                    (order_link(id, &veil.plain(&row.title), &veil.plain(&row.detail), row.urgent))
                },
                html! { span.state { (state) } },
                row.at.map_or_else(none, when),
                match row.due_at {
                    Some(due) => {
                        html! { (when(due)) @if row.open { span.sub { (remaining(due, self.now)) } } }
                    }
                    None => none(),
                },
                self.names.thing("grid", &row.grid),
            ],
        })
    }
}

#[cfg(test)]
mod tests;
