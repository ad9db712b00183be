//! Lines of lists, decided for the screen.
//!
//! Invariant: made of the core's list row alone, so that a page of 50 reads one table.

use crate::{enums::Phase, foreign::Fix, texts::Phrase};
use lanewalk_field as core;
use lanewalk_model::{
    id::DocId,
    schema::DocKind,
    view::{self, DocView},
};

/// Which rows of a list.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct ListQuery {
    /// Only what needs work.
    #[uniffi(default = false)]
    pub open_only: bool,
    /// Only what belongs to this document: the visits of an order.
    #[uniffi(default = None)]
    pub parent: Option<String>,
    /// Nearest to this place first; rows without a place are left out.
    #[uniffi(default = None)]
    pub near: Option<Fix>,
    /// Most rows; at most 1,000.
    #[uniffi(default = 50)]
    pub limit: u32,
    /// Rows to skip.
    #[uniffi(default = 0)]
    pub offset: u32,
}

impl ListQuery {
    pub(crate) fn of(self, kind: DocKind) -> core::ListQuery {
        core::ListQuery {
            kind: Some(kind),
            open_only: self.open_only,
            parent: self.parent,
            near: self.near.and_then(|f| f.position()),
            limit: self.limit,
            offset: self.offset,
        }
    }
}

/// The time an order has left.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct Countdown {
    /// When it is due, UTC ms.
    pub due_at_ms: i64,
    /// Whole minutes left; negative once it is due.
    pub minutes_left: i64,
    /// Which card it shows.
    pub phase: Phase,
    /// In words, such as "2 小时 5 分".
    pub text: Phrase,
    /// The due time may still move: the calendar ends before it.
    pub provisional: bool,
    /// Headquarters' time is known; otherwise the phone's own clock was used.
    pub certain: bool,
}

impl From<core::Countdown> for Countdown {
    fn from(c: core::Countdown) -> Self {
        let left = c.minutes_left.unsigned_abs();
        let side = if c.minutes_left < 0 { "over" } else { "left" };
        let text = match (left / 1_440, left / 60 % 24, left % 60) {
            (0, 0, minutes) => Phrase::of("countdown", &format!("{side}_minutes")).with("minutes", minutes),
            (0, hours, minutes) => Phrase::of("countdown", &format!("{side}_hours"))
                .with("hours", hours)
                .with("minutes", minutes),
            (days, hours, _) => {
                Phrase::of("countdown", &format!("{side}_days")).with("days", days).with("hours", hours)
            }
        };
        Self {
            due_at_ms: c.due_at.0,
            minutes_left: c.minutes_left,
            phase: c.phase.into(),
            text,
            provisional: c.provisional,
            certain: c.certain,
        }
    }
}

/// A place on the map, WGS-84 degrees.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct Place {
    /// Latitude.
    pub lat: f64,
    /// Longitude.
    pub lon: f64,
}

/// A line of the list of orders.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct OrderRow {
    /// Id.
    pub id: String,
    /// What it is about.
    pub title: String,
    /// Where, in words.
    pub place_text: String,
    /// State.
    pub state: Phrase,
    /// Urgent: two hours.
    pub urgent: bool,
    /// Needs work.
    pub open: bool,
    /// The time left; nothing when nothing is due.
    pub countdown: Option<Countdown>,
    /// Grid cell.
    pub grid: String,
    /// Where on the map.
    pub place: Option<Place>,
    /// Metres from the place asked for.
    pub distance_m: Option<f64>,
    /// Staff id of who has it.
    pub owner: String,
    /// When it was reported, UTC ms.
    pub reported_at_ms: Option<i64>,
    /// Fields that wait for a person to choose.
    pub conflicts: u32,
    /// Proposals headquarters has not answered.
    pub waiting: u32,
}

/// A line of the list of visits.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct VisitRow {
    /// Id.
    pub id: String,
    /// The order it was for; empty for none.
    pub order: String,
    /// Kind.
    pub kind: Phrase,
    /// What came of it; nothing when it was not said.
    pub result: Option<Phrase>,
    /// Free words.
    pub notes: String,
    /// Staff id of who made it.
    pub by: String,
    /// Begin, UTC ms.
    pub started_at_ms: Option<i64>,
    /// Grid cell.
    pub grid: String,
}

/// A line of the list of appeals.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct AppealRow {
    /// Id.
    pub id: String,
    /// What was said.
    pub text: String,
    /// Where, in words.
    pub place_text: String,
    /// What became of it.
    pub status: Phrase,
    /// The order it became; empty for none.
    pub order: String,
    /// When, UTC ms.
    pub at_ms: Option<i64>,
}

/// A line of the list of residents.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct PersonRow {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Phone; may be empty.
    pub phone: String,
    /// Grid cell.
    pub grid: String,
    /// Fields that wait for a person to choose.
    pub conflicts: u32,
}

/// A line of the list of places.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct PlaceRow {
    /// Id.
    pub id: String,
    /// Name, or the address as read at the door.
    pub name: String,
    /// Address as read at the door.
    pub raw_address: String,
    /// Kind.
    pub kind: Phrase,
    /// Grid cell.
    pub grid: String,
    /// Where on the map.
    pub place: Option<Place>,
    /// Metres from the place asked for.
    pub distance_m: Option<f64>,
}

/// A line of the knowledge base and the response plans.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct KnowledgeRow {
    /// Id of this version.
    pub id: String,
    /// The topic whose version it is.
    pub topic: String,
    /// Title.
    pub title: String,
    /// `kb_entry` or `playbook`.
    pub kind: Phrase,
    /// Matter; may be empty.
    pub matter_code: String,
    /// False for a version that a newer one replaced.
    pub in_force: bool,
}

/// A line of the list of surveys 民意调查.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct SurveyRow {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// What is asked at each door.
    pub question: String,
    /// The order it is for; empty for none.
    pub order: String,
    /// Grid cell.
    pub grid: String,
}

/// A line of the list of task forces 专班.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct TaskForceRow {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// At work; false once it is dissolved.
    pub open: bool,
    /// When it is due, UTC ms.
    pub due_at_ms: Option<i64>,
    /// Grid cell.
    pub grid: String,
}

/// Something found by its words.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct SearchHit {
    /// Id; the part before the colon is the kind.
    pub id: String,
    /// Kind.
    pub kind: Phrase,
    /// First line.
    pub title: String,
    /// Second line.
    pub detail: String,
    /// Needs work.
    pub open: bool,
}

/// A field on which people disagree 冲突, with every value.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct ConflictView {
    /// The document.
    pub doc: String,
    /// The field.
    pub key: String,
    /// The field for people.
    pub label: Phrase,
    /// True while it waits for a person; false where a rule chose and the others are only shown.
    pub open: bool,
    /// Every value, earliest first.
    pub values: Vec<ConflictValue>,
}

/// One of several concurrent values.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct ConflictValue {
    /// The value as people read it.
    pub value: String,
    /// Staff id of who wrote it.
    pub by: String,
    /// When, by the writer's clock, UTC ms.
    pub at_ms: i64,
}

impl ConflictView {
    pub(crate) fn of(doc: &str, open: bool, conflict: &view::Conflict) -> Self {
        let family = conflict.key.split('/').next().unwrap_or_default();
        let value = |v: &view::Attributed| ConflictValue {
            value: v.value.to_string(),
            by: v.by.clone(),
            at_ms: v.at.ms().0,
        };
        Self {
            doc: doc.to_owned(),
            key: conflict.key.clone(),
            label: Phrase::of("field", family),
            open,
            values: conflict.values.iter().map(value).collect(),
        }
    }

    /// Lists those that wait for a person.
    pub(crate) fn waiting(all: &[(DocId, view::Conflict)]) -> Vec<Self> {
        all.iter().map(|(doc, conflict)| Self::of(&doc.to_string(), true, conflict)).collect()
    }

    /// Lists those of a document.
    pub(crate) fn all(doc: &str, view: &DocView, conflicts: &[view::Conflict]) -> Vec<Self> {
        conflicts.iter().map(|c| Self::of(doc, view.is_open_conflict(&c.key), c)).collect()
    }
}

fn place(row: &lanewalk_model::rows::ListRow) -> Option<Place> {
    // Ten-millionths of a degree fit a double exactly enough: 1 cm.
    #[allow(clippy::cast_precision_loss, reason = "below 2^31")]
    let degrees = |e7: i64| e7 as f64 / 1e7;
    Some(Place { lat: degrees(row.lat_e7?), lon: degrees(row.lon_e7?) })
}

fn said(set: &str, id: &str) -> Option<Phrase> {
    (!id.is_empty()).then(|| Phrase::of(set, id))
}

impl From<core::ListItem> for OrderRow {
    fn from(item: core::ListItem) -> Self {
        let row = item.row;
        Self {
            id: item.id.to_string(),
            state: Phrase::of("state", &row.state),
            place: place(&row),
            title: row.title,
            place_text: row.detail,
            urgent: row.urgent,
            open: row.open,
            countdown: item.countdown.map(Into::into),
            grid: row.grid,
            distance_m: item.distance_m,
            owner: row.author,
            reported_at_ms: row.at,
            conflicts: row.conflicts,
            waiting: row.pending,
        }
    }
}

impl From<core::ListItem> for VisitRow {
    fn from(item: core::ListItem) -> Self {
        let row = item.row;
        Self {
            id: item.id.to_string(),
            order: row.parent,
            kind: Phrase::of("visit_kind", &row.title),
            result: said("visit_result", &row.state),
            notes: row.detail,
            by: row.author,
            started_at_ms: row.at,
            grid: row.grid,
        }
    }
}

impl From<core::ListItem> for AppealRow {
    fn from(item: core::ListItem) -> Self {
        let row = item.row;
        Self {
            id: item.id.to_string(),
            text: row.title,
            place_text: row.detail,
            status: Phrase::of("appeal_status", &row.state),
            order: row.parent,
            at_ms: row.at,
        }
    }
}

impl From<core::ListItem> for PersonRow {
    fn from(item: core::ListItem) -> Self {
        let row = item.row;
        Self {
            id: item.id.to_string(),
            name: row.title,
            phone: row.detail,
            grid: row.grid,
            conflicts: row.conflicts,
        }
    }
}

impl From<core::ListItem> for PlaceRow {
    fn from(item: core::ListItem) -> Self {
        let row = item.row;
        Self {
            id: item.id.to_string(),
            place: place(&row),
            name: row.title,
            raw_address: row.detail,
            kind: Phrase::of("place_kind", &row.state),
            grid: row.grid,
            distance_m: item.distance_m,
        }
    }
}

impl From<core::ListItem> for KnowledgeRow {
    fn from(item: core::ListItem) -> Self {
        let row = item.row;
        Self {
            id: item.id.to_string(),
            topic: row.parent,
            title: row.title,
            kind: Phrase::of("knowledge_kind", &row.state),
            matter_code: row.detail,
            in_force: row.open,
        }
    }
}

impl From<core::ListItem> for SurveyRow {
    fn from(item: core::ListItem) -> Self {
        let row = item.row;
        Self {
            id: item.id.to_string(),
            title: row.title,
            question: row.detail,
            order: row.parent,
            grid: row.grid,
        }
    }
}

impl From<core::ListItem> for TaskForceRow {
    fn from(item: core::ListItem) -> Self {
        let row = item.row;
        Self {
            id: item.id.to_string(),
            title: row.title,
            open: row.open,
            due_at_ms: row.due_at,
            grid: row.grid,
        }
    }
}

impl From<core::ListItem> for SearchHit {
    fn from(item: core::ListItem) -> Self {
        let row = item.row;
        Self {
            id: item.id.to_string(),
            kind: Phrase::of("kind", item.id.kind.name()),
            title: row.title,
            detail: row.detail,
            open: row.open,
        }
    }
}
