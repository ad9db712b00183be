//! One line of a list: what phones and the console show before a document is opened.
//!
//! Invariant: a row is a pure function of one document, so both sides can drop and rebuild
//! their list tables at any time. One row shape serves every kind (rejected: a table and a
//! projection per kind, eight times the same code).

use crate::{id::DocId, order, position::Position, schema::DocKind, view::DocView};
use serde::{Deserialize, Serialize};

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ListRow {
    /// First line people read.
    pub title: String,
    /// Second line.
    pub detail: String,
    /// State id for orders, result for visits, status for appeals.
    pub state: String,
    /// True while it needs work.
    pub open: bool,
    /// Urgent order.
    pub urgent: bool,
    /// Due time, UTC ms.
    pub due_at: Option<i64>,
    /// Due time computed past the calendar's end.
    pub due_provisional: bool,
    /// Grid cell.
    pub grid: String,
    /// WGS-84 latitude × 10⁷.
    pub lat_e7: Option<i64>,
    /// WGS-84 longitude × 10⁷.
    pub lon_e7: Option<i64>,
    /// The order a visit, brief, appeal or sub-task belongs to, the person of a care record, the topic of a
    /// version of knowledge.
    pub parent: String,
    /// Who made it or owns it.
    pub author: String,
    /// When it was reported, started or made, UTC ms.
    pub at: Option<i64>,
    /// Fields with several concurrent values that wait for a person.
    pub conflicts: u32,
    /// Proposals without a decision.
    pub pending: u32,
    /// The units an order is led by, supported by or offered to, each between spaces.
    #[serde(default)]
    pub units: String,
    /// Every card has been shown; the clock has nothing more to say.
    #[serde(default)]
    pub marked: bool,
    /// Everything searchable, as written (fold with [`crate::search::index_text`]).
    pub search: String,
}

impl ListRow {
    /// Makes the row of a document.
    pub fn of(id: DocId, view: &DocView) -> Self {
        let text = |key: &str| view.text(key).unwrap_or_default().to_owned();
        let mut row = Self {
            grid: text("grid"),
            author: text("by"),
            conflicts: count(view.conflicts().iter().filter(|c| view.is_open_conflict(&c.key)).count()),
            open: true,
            ..Self::default()
        };
        match id.kind {
            DocKind::Order => {
                let state = order::state(view);
                row.title = text("title");
                row.detail = text("place_text");
                // A state of a newer version is shown as it is, not as one of ours.
                row.state = view.text("state").unwrap_or(state.id()).to_owned();
                row.open = state.is_open();
                row.urgent = view.text("urgency") == Some("urgent");
                row.due_at = view.int("internal_due");
                row.due_provisional = view.flag("due_provisional");
                row.author = text("current_owner");
                row.parent = text("subtask_of");
                row.at = view.int("reported_at");
                row.pending = count(order::pending(view).len());
                row.marked = view.flag("flag/red");
                let units = [view.text("lead_unit"), view.text("offered_to")].into_iter().flatten();
                let units = units.chain(view.members("support_unit").map(|(m, _)| m));
                row.units = units.filter(|u| !u.is_empty()).fold(" ".to_owned(), |all, u| all + u + " ");
                row.search = [
                    text("title"),
                    text("summary"),
                    text("place_text"),
                    text("upstream_id"),
                    text("verified_address"),
                ]
                .join(" ");
                row.place(view.text("reported_position"));
            }
            DocKind::Brief => {
                row.title = text("reported_address");
                row.detail = text("reported_text");
                row.parent = text("order");
                row.search = [text("reported_text"), text("reported_address")].join(" ");
            }
            DocKind::Visit => {
                row.title = text("kind");
                row.detail = text("notes");
                row.state = text("result");
                row.parent = text("order");
                row.at = view.int("started");
                row.search = text("notes");
                row.place(view.text("position"));
            }
            DocKind::Appeal => {
                row.title = text("text");
                row.detail = text("place_text");
                row.state = if view.text("status").is_some() { text("status") } else { "open".into() };
                row.open = row.state == "open";
                row.parent = text("order");
                row.at = view.int("at");
                row.search = [text("text"), text("place_text")].join(" ");
            }
            DocKind::Place => {
                row.title = if view.text("name").is_some() { text("name") } else { text("raw_address") };
                row.detail = text("raw_address");
                row.state = text("kind");
                let aliases: Vec<_> = view.members("alias").filter_map(|(_, v)| v.text()).collect();
                row.search = format!("{} {} {}", text("name"), text("raw_address"), aliases.join(" "));
                row.place(view.text("position"));
            }
            DocKind::Person => {
                row.title = text("name");
                row.detail = text("phone");
                row.search = [text("name"), text("phone")].join(" ");
            }
            DocKind::Care => {
                row.title = text("kind");
                row.parent = text("person");
                row.due_at = view.int("valid_to");
            }
            DocKind::Survey => {
                row.title = text("title");
                row.detail = text("question");
                row.parent = text("order");
                row.search = text("title");
            }
            DocKind::TaskForce => {
                row.title = text("title");
                row.open = !view.flag("dissolved");
                row.due_at = view.int("due");
                row.search = text("title");
            }
            DocKind::Knowledge => {
                row.title = text("title");
                row.detail = text("matter_code");
                row.state = text("kind");
                row.parent = text("topic");
                row.open = !view.flag("superseded");
                row.search = [text("title"), text("trigger"), text("body"), text("steps")].join(" ");
            }
            DocKind::Reference => {
                row.title = text("name");
                row.detail = text("version");
            }
        }
        row
    }

    /// Orders snapshots on first sync: reference data, then open urgent orders, then open
    /// orders, then the rest. Smaller comes first.
    pub fn priority(&self, kind: DocKind) -> u8 {
        match kind {
            DocKind::Reference => 0,
            DocKind::Order if self.open && self.urgent => 1,
            DocKind::Order if self.open => 2,
            DocKind::Brief | DocKind::Survey | DocKind::TaskForce => 3,
            DocKind::Place | DocKind::Person | DocKind::Care | DocKind::Knowledge => 4,
            DocKind::Order | DocKind::Visit | DocKind::Appeal => 5,
        }
    }

    fn place(&mut self, json: Option<&str>) {
        if let Some(p) = json.and_then(|j| serde_json::from_str::<Position>(j).ok()) {
            self.lat_e7 = Some(p.lat_e7().into());
            self.lon_e7 = Some(p.lon_e7().into());
        }
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
