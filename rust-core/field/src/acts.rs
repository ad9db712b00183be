//! The acts of a day at the doors, each one entry.
//!
//! Invariant: an act is a fact with the phone's own time as a claim; no act changes an order's
//! state. A visit names its order, and that is the whole link (one entry per act). Rejected: a
//! second entry on the order for the same visit, which a crash leaves without its twin.

use crate::{
    error::FieldError,
    facade::Field,
    reads,
    write::{Mode, Saved},
};
use lanewalk_model::{
    document::Edit,
    id::{DocId, EventId},
    knowledge::SuggestionRecord,
    position::Position,
    records::{MeasurementRecord, Method, NoteRecord, to_json},
    schema::DocKind,
    time::TimeMs,
    view::Value,
};

/// A visit or site check 走访/现场查实.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewVisit {
    /// The order it is for; the visit takes the order's grid.
    pub order: Option<DocId>,
    /// The place or person visited.
    pub target: Option<DocId>,
    /// Grid cell, where there is no order.
    pub grid: Option<String>,
    /// `prelim_call`, `prelim`, `site_check`, `handle`, `supervise`, `patrol` or `care`.
    pub kind: String,
    /// `collect`, `mediate`, `publicity`, `safety`, `service` or `emergency`; may be empty.
    pub purpose: String,
    /// `met`, `absent`, `refused` or `locked`; may be empty.
    pub result: String,
    /// Begin by the phone's clock; now when left out.
    pub started: Option<TimeMs>,
    /// End by the phone's clock.
    pub ended: Option<TimeMs>,
    /// Where; the source's place when left out.
    pub position: Option<Position>,
    /// Free words.
    pub notes: String,
}

/// An appeal collected in the grid 诉求.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewAppeal {
    /// `consult`, `help`, `suggest`, `complain`, `report` or `opinion`.
    pub kind: String,
    /// What was said.
    pub text: String,
    /// Who said it, if recorded as a person.
    pub person: Option<DocId>,
    /// Where, if recorded as a place.
    pub place: Option<DocId>,
    /// Where, in words.
    pub place_text: String,
    /// Grid cell; the only one held when left out.
    pub grid: Option<String>,
    /// Taken in at a service point, such as a 党群服务驿站 (R18); in the grid otherwise.
    pub service_point: bool,
    /// Settled at the door.
    pub solved_on_site: bool,
}

/// A place that headquarters does not have yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewPlace {
    /// Address as read at the door.
    pub raw_address: String,
    /// Name on the sign.
    pub name: String,
    /// `dwelling`, `shop`, `org`, `service_point` or `public`.
    pub kind: String,
    /// Grid cell; the only one held when left out.
    pub grid: Option<String>,
    /// Where.
    pub position: Option<Position>,
}

/// A resident, recorded for a named purpose.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewPerson {
    /// Name.
    pub name: String,
    /// Phone; may be empty.
    pub phone: String,
    /// Why the record is made (PIPL: named purpose).
    pub purpose: String,
    /// Grid cell; the only one held when left out.
    pub grid: Option<String>,
}

/// A sealed vulnerability 弱势群体 of a resident.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCare {
    /// The resident.
    pub person: DocId,
    /// Kind of vulnerability.
    pub kind: String,
    /// On what ground it is recorded.
    pub basis: String,
    /// When it expires.
    pub valid_to: Option<TimeMs>,
    /// Grid cell; the only one held when left out.
    pub grid: Option<String>,
}

/// Collects edits and leaves out what was not given.
#[derive(Default)]
struct Edits(Vec<Edit>);

impl Edits {
    fn text(mut self, key: &str, text: &str) -> Self {
        if !text.is_empty() {
            self.0.push(Edit::set(key, text));
        }
        self
    }

    fn opt(mut self, key: &str, value: Option<impl Into<Value>>) -> Self {
        self.0.extend(value.map(|v| Edit::set(key, v)));
        self
    }

    fn doc(self, key: &str, id: Option<DocId>) -> Self {
        self.opt(key, id.map(|id| id.to_string()))
    }

    fn place(self, position: Option<&Position>) -> Self {
        self.opt("position", position.map(to_json))
    }
}

impl Field {
    /// Records a visit and returns its id.
    pub fn record_visit(&self, visit: NewVisit) -> Result<DocId, FieldError> {
        let order_grid = match visit.order {
            Some(id) => self
                .inner
                .store
                .read(|conn| Ok(reads::view(conn, id)?.and_then(|v| v.text("grid").map(str::to_owned))))?,
            None => None,
        };
        let started = visit.started.unwrap_or(TimeMs(self.inner.source.wall_ms()));
        let edits = Edits::default()
            .text("kind", &visit.kind)
            .text("purpose", &visit.purpose)
            .text("result", &visit.result)
            .text("notes", &visit.notes)
            .doc("order", visit.order)
            .doc("target", visit.target)
            .opt("grid", order_grid.or(visit.grid))
            .opt("started", Some(started.0))
            .opt("ended", visit.ended.map(|t| t.0))
            .place(visit.position.or_else(|| self.inner.source.position()).as_ref());
        Ok(self.create(DocKind::Visit, edits.0)?.0)
    }

    /// Says what came of a visit that was saved before its end (a photo needs a saved visit): its
    /// result and its end, now when left out, each fixed once; words are added where there are any.
    pub fn finish_visit(
        &self,
        visit: DocId,
        result: &str,
        ended: Option<TimeMs>,
        notes: &str,
    ) -> Result<Saved, FieldError> {
        let ended = ended.unwrap_or(TimeMs(self.inner.source.wall_ms()));
        let edits = Edits::default().text("result", result).opt("ended", Some(ended.0)).text("notes", notes);
        self.inner.act(visit, &edits.0, 0, Mode::Existing)
    }

    /// Adds a note to an order.
    pub fn add_note(&self, order: DocId, text: &str) -> Result<Saved, FieldError> {
        if text.trim().is_empty() {
            return Err(FieldError::invalid("text", "empty"));
        }
        let record = NoteRecord { text: text.to_owned(), at: TimeMs(self.inner.source.wall_ms()) };
        self.record(order, "note", &to_json(&record)).map(|(_, saved)| saved)
    }

    /// Adds a measurement to an order or a visit; `milli` in thousandths of `unit` (R46).
    pub fn measure(
        &self,
        doc: DocId,
        what: &str,
        milli: i64,
        unit: &str,
        method: Method,
    ) -> Result<Saved, FieldError> {
        let at = TimeMs(self.inner.source.wall_ms());
        let record = MeasurementRecord { what: what.into(), milli, unit: unit.into(), method, at };
        self.record(doc, "measurement", &to_json(&record)).map(|(_, saved)| saved)
    }

    /// Suggests a change of a version of knowledge or of a response plan (R13); the section's
    /// answer comes back beside it.
    pub fn suggest(&self, version: DocId, text: &str) -> Result<Saved, FieldError> {
        if text.trim().is_empty() {
            return Err(FieldError::invalid("text", "empty"));
        }
        let record = SuggestionRecord { at: TimeMs(self.inner.source.wall_ms()), text: text.to_owned() };
        self.record(version, "suggestion", &to_json(&record)).map(|(_, saved)| saved)
    }

    /// Records an appeal and returns its id.
    pub fn new_appeal(&self, appeal: NewAppeal) -> Result<DocId, FieldError> {
        let edits = Edits::default()
            .text("kind", &appeal.kind)
            .text("text", &appeal.text)
            .text("place_text", &appeal.place_text)
            .text("channel", if appeal.service_point { "service_point" } else { "grid" })
            .doc("person", appeal.person)
            .doc("place", appeal.place)
            .opt("grid", appeal.grid)
            .opt("at", Some(self.inner.source.wall_ms()))
            .opt("solved_on_site", appeal.solved_on_site.then_some(true));
        Ok(self.create(DocKind::Appeal, edits.0)?.0)
    }

    /// Records a place and returns its id.
    pub fn new_place(&self, place: NewPlace) -> Result<DocId, FieldError> {
        let edits = Edits::default()
            .text("raw_address", &place.raw_address)
            .text("name", &place.name)
            .text("kind", &place.kind)
            .opt("grid", place.grid)
            .place(place.position.as_ref());
        Ok(self.create(DocKind::Place, edits.0)?.0)
    }

    /// Records a resident and returns the id.
    pub fn new_person(&self, person: NewPerson) -> Result<DocId, FieldError> {
        if person.purpose.trim().is_empty() {
            return Err(FieldError::invalid("purpose", "a record of a person needs a purpose"));
        }
        let edits = Edits::default()
            .text("name", &person.name)
            .text("phone", &person.phone)
            .text("purpose", &person.purpose)
            .opt("grid", person.grid);
        Ok(self.create(DocKind::Person, edits.0)?.0)
    }

    /// Records a vulnerability and returns its id.
    pub fn new_care(&self, care: NewCare) -> Result<DocId, FieldError> {
        if care.basis.trim().is_empty() {
            return Err(FieldError::invalid("basis", "a vulnerability needs its basis"));
        }
        let edits = Edits::default()
            .doc("person", Some(care.person))
            .text("kind", &care.kind)
            .text("basis", &care.basis)
            .opt("valid_to", care.valid_to.map(|t| t.0))
            .opt("grid", care.grid);
        Ok(self.create(DocKind::Care, edits.0)?.0)
    }

    /// Appends a record to a family of an existing document.
    pub(crate) fn record(
        &self,
        doc: DocId,
        family: &str,
        json: &str,
    ) -> Result<(EventId, Saved), FieldError> {
        let event = self.inner.new_event();
        let key = [family, "/", &event.to_string()].concat();
        let saved = self.inner.act(doc, &[Edit::set(key, json)], 0, Mode::Existing)?;
        Ok((event, saved))
    }
}
