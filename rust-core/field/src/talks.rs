//! What people say and agree to at the door: met, asked, confirmed, talked to, reported.
//!
//! Invariant: like every act, each is one entry and a fact. What names people goes into the brief,
//! which property staff never hold; a record of care is shown only after the view itself was
//! written down (R38). Rejected: a free note for all of it, which nobody can count.

use crate::{
    error::FieldError,
    facade::Field,
    identity::Me,
    proposals::children,
    reads,
    write::{Mode, Saved},
};
use lanewalk_model::{
    document::Edit,
    id::{DocId, EventId, to_hex},
    records::{
        Confirmation, ConfirmationRecord, ConsentRecord, ContactRecord, PoliceRecord, Talk, TalkRecord,
        ViewedRecord, to_json,
    },
    schema::DocKind,
    time::TimeMs,
    view::DocView,
};

/// An answer at one door of a survey (R35).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The place that was asked.
    pub place: Option<DocId>,
    /// `support`, `oppose`, `neutral` or `absent`.
    pub answer: String,
    /// What was said; may be empty.
    pub words: String,
    /// Puts the place on the list under this name, if it was missing there.
    pub add_as: String,
}

impl Field {
    /// Ticks persons met at a visit (R20); each counts as one contact (人次).
    pub fn met(&self, visit: DocId, persons: &[DocId]) -> Result<Saved, FieldError> {
        let edits: Vec<Edit> = persons
            .iter()
            .map(|person| {
                Edit::set(["met/", &self.inner.new_event().to_string()].concat(), person.to_string())
            })
            .collect();
        self.inner.act(visit, &edits, 0, Mode::Existing)
    }

    /// Keeps a resident's confirmation (R42): evidence, not the callback. `photo` is that of the
    /// signed paper, taken at the same visit.
    pub fn confirm(
        &self,
        visit: DocId,
        how: Confirmation,
        photo: Option<EventId>,
    ) -> Result<Saved, FieldError> {
        let record = ConfirmationRecord { how, photo: photo.map(|p| p.to_string()), at: self.wall() };
        self.record(visit, "confirmation", &to_json(&record)).map(|(_, saved)| saved)
    }

    /// Keeps whether the occupant agrees to photos of the inside (DOMAIN.md §9).
    pub fn consent(&self, visit: DocId, given: bool) -> Result<Saved, FieldError> {
        let record = ConsentRecord { given, at: self.wall() };
        self.record(visit, "consent", &to_json(&record)).map(|(_, saved)| saved)
    }

    /// Writes the answer of a door. A door with different answers is settled by who asks again.
    pub fn answer(&self, survey: DocId, answer: &Answer) -> Result<Saved, FieldError> {
        let place = answer.place.ok_or_else(|| FieldError::invalid("place", "whose answer it is"))?;
        let target = to_hex(&place.uuid);
        let mut edits = vec![Edit::set(["answer/", &target].concat(), answer.answer.as_str())];
        if !answer.words.is_empty() {
            edits.push(Edit::set(["answer_text/", &target].concat(), answer.words.as_str()));
        }
        if !answer.add_as.is_empty() {
            edits.push(Edit::set(["target/", &target].concat(), answer.add_as.as_str()));
        }
        self.inner.act(survey, &edits, 0, Mode::Existing)
    }

    /// Keeps a contact with the requester of an order, or an attempt (R3, R48).
    pub fn contact(&self, order: DocId, reached: bool, note: &str) -> Result<Saved, FieldError> {
        let record = ContactRecord { at: self.wall(), reached, note: note.to_owned() };
        self.in_brief(order, "contact", &to_json(&record))
    }

    /// Keeps a mediation or a persuasion and whether it led to an agreement (R37, R40, R47);
    /// `cites` is the version of the knowledge that was explained.
    pub fn talk(
        &self,
        order: DocId,
        kind: Talk,
        agreed: bool,
        cites: Option<DocId>,
        note: &str,
    ) -> Result<Saved, FieldError> {
        if cites.is_some_and(|id| id.kind != DocKind::Knowledge) {
            return Err(FieldError::invalid("cites", "not a version of the knowledge"));
        }
        let cites = cites.map(|id| id.to_string());
        let record = TalkRecord { kind, agreed, cites, note: note.to_owned(), at: self.wall() };
        self.in_brief(order, "mediation", &to_json(&record))
    }

    /// Keeps a report to the police, or later what came of it (R47).
    pub fn police(
        &self,
        order: DocId,
        number: &str,
        when: TimeMs,
        result: &str,
    ) -> Result<Saved, FieldError> {
        if number.trim().is_empty() {
            return Err(FieldError::invalid("number", "empty"));
        }
        let record =
            PoliceRecord { number: number.to_owned(), when, result: result.to_owned(), at: self.wall() };
        self.in_brief(order, "police_referral", &to_json(&record))
    }

    /// Opens a record of care for a purpose: the view is written down, then shown.
    ///
    /// # Errors
    /// `Invalid` without a purpose; as [`Field::document`].
    pub fn open_care(&self, care: DocId, purpose: &str) -> Result<DocView, FieldError> {
        if purpose.trim().is_empty() {
            return Err(FieldError::invalid("purpose", "say what for"));
        }
        let record = ViewedRecord { purpose: purpose.to_owned(), at: self.wall() };
        self.record(care, "viewed", &to_json(&record))?;
        let now = self.inner.now();
        self.inner.store.read(|conn| {
            Me::load(conn, now)?.may_open(care.kind)?;
            reads::view(conn, care)?.ok_or(FieldError::NotFound)
        })
    }

    fn in_brief(&self, order: DocId, family: &str, json: &str) -> Result<Saved, FieldError> {
        let brief = self.inner.store.read(|conn| Ok(children(conn, order, DocKind::Brief)?.pop()))?;
        let brief = brief.ok_or(FieldError::NotFound)?;
        self.record(brief.id, family, json).map(|(_, saved)| saved)
    }

    fn wall(&self) -> TimeMs {
        TimeMs(self.inner.source.wall_ms())
    }
}
