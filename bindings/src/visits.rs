//! Visits at the doors, appeals collected there, answers of surveys.

use crate::{
    call::Core,
    enums::{AppealKind, ConfirmedHow, PhotoScene, SurveyAnswer, VisitKind, VisitPurpose, VisitResult},
    error::LanewalkError,
    foreign::Fix,
    live::{self, AppealListener, VisitListener, Watch},
    parse,
    photos::PhotoView,
    rows::{AppealRow, ConflictView, ListQuery, Place, SurveyRow, VisitRow},
    surveys::SurveyView,
    texts::Phrase,
};
use lanewalk_field as core;
use lanewalk_model::{document::Edit, position::Position, schema::DocKind};
use std::sync::Arc;

/// Visits and appeals.
#[derive(uniffi::Object)]
pub struct Visits(pub(crate) Arc<Core>);

/// A visit to be saved 走访.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct NewVisit {
    /// Kind.
    pub kind: VisitKind,
    /// The order it is for; the visit takes the order's grid.
    #[uniffi(default = None)]
    pub order: Option<String>,
    /// The place or person visited.
    #[uniffi(default = None)]
    pub target: Option<String>,
    /// Grid cell, where there is no order; the only one held when left out.
    #[uniffi(default = None)]
    pub grid: Option<String>,
    /// What for.
    #[uniffi(default = None)]
    pub purpose: Option<VisitPurpose>,
    /// What came of it.
    #[uniffi(default = None)]
    pub result: Option<VisitResult>,
    /// Begin by the phone's clock, UTC ms; now when left out.
    #[uniffi(default = None)]
    pub started_at_ms: Option<i64>,
    /// End by the phone's clock, UTC ms.
    #[uniffi(default = None)]
    pub ended_at_ms: Option<i64>,
    /// Where; the shell's [`Position`](crate::Position) is asked when left out.
    #[uniffi(default = None)]
    pub fix: Option<Fix>,
    /// Free words.
    #[uniffi(default = "")]
    pub notes: String,
}

/// An appeal to be saved 诉求 (R17).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct NewAppeal {
    /// Kind.
    pub kind: AppealKind,
    /// What was said.
    pub text: String,
    /// Who said it, if recorded as a person.
    #[uniffi(default = None)]
    pub person: Option<String>,
    /// Where, if recorded as a place.
    #[uniffi(default = None)]
    pub place: Option<String>,
    /// Where, in words.
    #[uniffi(default = "")]
    pub place_text: String,
    /// Grid cell; the only one held when left out.
    #[uniffi(default = None)]
    pub grid: Option<String>,
    /// Taken in at a service point (R18).
    #[uniffi(default = false)]
    pub service_point: bool,
    /// Settled at the door.
    #[uniffi(default = false)]
    pub solved_on_site: bool,
}

/// Everything a screen shows of one visit.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct VisitView {
    /// Id.
    pub id: String,
    /// The order it was for; empty for none.
    pub order: String,
    /// Kind.
    pub kind: Phrase,
    /// What for; nothing when it was not said.
    pub purpose: Option<Phrase>,
    /// What came of it; nothing when it was not said.
    pub result: Option<Phrase>,
    /// Staff id of who made it.
    pub by: String,
    /// Begin, UTC ms.
    pub started_at_ms: Option<i64>,
    /// Free words.
    pub notes: String,
    /// Where.
    pub place: Option<Place>,
    /// Persons met (人次).
    pub met: u32,
    /// Where it may be photographed; the inside only with consent.
    pub scenes: Vec<PhotoScene>,
    /// Photos, oldest first.
    pub photos: Vec<PhotoView>,
    /// Fields with several concurrent values.
    pub conflicts: Vec<ConflictView>,
}

#[uniffi::export]
impl Visits {
    /// Lists visits; `parent` is the order's id.
    pub fn list(&self, query: ListQuery) -> Result<Vec<VisitRow>, LanewalkError> {
        let rows = self.0.call(|field| field.list(&query.of(DocKind::Visit)))?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Follows such a list.
    pub fn watch(
        &self,
        query: ListQuery,
        listener: Arc<dyn VisitListener>,
    ) -> Result<Arc<Watch>, LanewalkError> {
        live::watch_visits(&self.0, query, listener)
    }

    /// Reads a visit for its page.
    pub fn get(&self, visit: String) -> Result<VisitView, LanewalkError> {
        let id = parse::visit(&visit)?;
        self.0.call(|field| {
            let view = field.document(id)?;
            let text = |key: &str| view.text(key).unwrap_or_default().to_owned();
            let said = |set: &str, key: &str| view.text(key).map(|value| Phrase::of(set, value));
            let position = view.text("position");
            let position = position.and_then(|json| serde_json::from_str::<Position>(json).ok());
            Ok::<_, core::FieldError>(VisitView {
                order: text("order"),
                kind: Phrase::of("visit_kind", &text("kind")),
                purpose: said("visit_purpose", "purpose"),
                result: said("visit_result", "result"),
                by: text("by"),
                started_at_ms: view.int("started"),
                notes: text("notes"),
                place: position.map(|p| Place { lat: p.lat(), lon: p.lon() }),
                met: u32::try_from(view.members("met").count()).unwrap_or(u32::MAX),
                scenes: field.photo_scenes(id)?.into_iter().map(Into::into).collect(),
                photos: field.photos(id)?.into_iter().map(Into::into).collect(),
                conflicts: ConflictView::all(&visit, &view, &view.conflicts()),
                id: visit,
            })
        })
    }

    /// Saves a visit and returns its id. On the disk when it returns.
    pub fn record(&self, visit: NewVisit) -> Result<String, LanewalkError> {
        let order = parse::maybe("order", visit.order.as_ref(), &[DocKind::Order])?;
        let target = parse::maybe("target", visit.target.as_ref(), &[DocKind::Place, DocKind::Person])?;
        let new = core::NewVisit {
            order,
            target,
            grid: visit.grid,
            kind: visit.kind.id().to_owned(),
            purpose: visit.purpose.map(VisitPurpose::id).unwrap_or_default().to_owned(),
            result: visit.result.map(VisitResult::id).unwrap_or_default().to_owned(),
            started: parse::time(visit.started_at_ms),
            ended: parse::time(visit.ended_at_ms),
            position: visit.fix.and_then(|f| f.position()),
            notes: visit.notes,
        };
        self.0.call(|field| field.record_visit(new)).map(|id| id.to_string())
    }

    /// Says what came of a visit that was saved before its end, as a photo needs it: result and end
    /// (now when left out), each fixed once; empty notes leave the words as they are.
    ///
    /// Errors: `Invalid` when the result was given before.
    #[uniffi::method(default(ended_at_ms = None, notes = ""))]
    pub fn finish(
        &self,
        visit: String,
        result: VisitResult,
        ended_at_ms: Option<i64>,
        notes: String,
    ) -> Result<(), LanewalkError> {
        let id = parse::visit(&visit)?;
        self.0.call(|field| field.finish_visit(id, result.id(), parse::time(ended_at_ms), &notes)).map(drop)
    }

    /// Writes the words of a visit anew; the author's last stand.
    pub fn notes(&self, visit: String, text: String) -> Result<(), LanewalkError> {
        let id = parse::visit(&visit)?;
        self.0.call(|field| field.write(id, vec![Edit::set("notes", text)], 0)).map(drop)
    }

    /// Ticks persons met (R20); each counts as one contact.
    pub fn met(&self, visit: String, persons: Vec<String>) -> Result<(), LanewalkError> {
        let id = parse::visit(&visit)?;
        let persons: Result<Vec<_>, _> =
            persons.iter().map(|p| parse::doc("persons", p, &[DocKind::Person])).collect();
        let persons = persons?;
        self.0.call(|field| field.met(id, &persons)).map(drop)
    }

    /// Keeps whether the occupant agrees to photos of the inside.
    pub fn consent(&self, visit: String, given: bool) -> Result<(), LanewalkError> {
        let id = parse::visit(&visit)?;
        self.0.call(|field| field.consent(id, given)).map(drop)
    }

    /// Keeps a resident's confirmation (R42); `photo` is that of the signed paper.
    #[uniffi::method(default(photo = None))]
    pub fn confirm(
        &self,
        visit: String,
        how: ConfirmedHow,
        photo: Option<String>,
    ) -> Result<(), LanewalkError> {
        let id = parse::visit(&visit)?;
        let photo = photo.map(|p| parse::event("photo", &p)).transpose()?;
        self.0.call(|field| field.confirm(id, how.into(), photo)).map(drop)
    }

    /// Lists surveys; `parent` is the order's id.
    pub fn surveys(&self, query: ListQuery) -> Result<Vec<SurveyRow>, LanewalkError> {
        let rows = self.0.call(|field| field.list(&query.of(DocKind::Survey)))?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Reads a survey with its doors.
    pub fn survey(&self, survey: String) -> Result<SurveyView, LanewalkError> {
        let id = parse::doc("survey", &survey, &[DocKind::Survey])?;
        let view = self.0.call(|field| field.document(id))?;
        Ok(SurveyView::of(survey, &view))
    }

    /// Writes the answer of a door to a survey (R35); `add_as` puts a missing door on the list.
    #[uniffi::method(default(words = "", add_as = ""))]
    pub fn answer(
        &self,
        survey: String,
        place: String,
        answer: SurveyAnswer,
        words: String,
        add_as: String,
    ) -> Result<(), LanewalkError> {
        let id = parse::doc("survey", &survey, &[DocKind::Survey])?;
        let place = Some(parse::doc("place", &place, &[DocKind::Place])?);
        let said = core::Answer { place, answer: answer.id().to_owned(), words, add_as };
        self.0.call(|field| field.answer(id, &said)).map(drop)
    }

    /// Saves an appeal and returns its id. On the disk when it returns.
    pub fn appeal(&self, appeal: NewAppeal) -> Result<String, LanewalkError> {
        let new = core::NewAppeal {
            kind: appeal.kind.id().to_owned(),
            text: appeal.text,
            person: parse::maybe("person", appeal.person.as_ref(), &[DocKind::Person])?,
            place: parse::maybe("place", appeal.place.as_ref(), &[DocKind::Place])?,
            place_text: appeal.place_text,
            grid: appeal.grid,
            service_point: appeal.service_point,
            solved_on_site: appeal.solved_on_site,
        };
        self.0.call(|field| field.new_appeal(new)).map(|id| id.to_string())
    }

    /// Lists appeals.
    pub fn appeals(&self, query: ListQuery) -> Result<Vec<AppealRow>, LanewalkError> {
        let rows = self.0.call(|field| field.list(&query.of(DocKind::Appeal)))?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Follows the list of appeals.
    pub fn watch_appeals(
        &self,
        query: ListQuery,
        listener: Arc<dyn AppealListener>,
    ) -> Result<Arc<Watch>, LanewalkError> {
        live::watch_appeals(&self.0, query, listener)
    }
}
