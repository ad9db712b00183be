//! A survey as a screen shows it (R35).

use crate::{rows::ConflictView, texts::Phrase};
use lanewalk_model::{
    id::{DocId, from_hex},
    schema::DocKind,
    view::DocView,
};

/// Everything a screen shows of one survey.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct SurveyView {
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
    /// The doors on its list.
    pub doors: Vec<SurveyDoor>,
    /// Doors with different answers, until who asks again settles them.
    pub conflicts: Vec<ConflictView>,
}

/// A door of a survey.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SurveyDoor {
    /// The place.
    pub place: String,
    /// Its name on the list.
    pub name: String,
    /// What was answered; nothing before.
    pub answer: Option<Phrase>,
    /// What was said; may be empty.
    pub words: String,
}

impl SurveyView {
    pub(crate) fn of(id: String, view: &DocView) -> Self {
        let text = |key: &str| view.text(key).unwrap_or_default().to_owned();
        let door = |(member, value): (&str, _)| {
            let uuid = from_hex(member)?;
            let answer = view.text(&["answer/", member].concat());
            Some(SurveyDoor {
                place: DocId { kind: DocKind::Place, uuid }.to_string(),
                name: lanewalk_model::view::Value::text(value).unwrap_or_default().to_owned(),
                answer: answer.map(|answer| Phrase::of("survey_answer", answer)),
                words: text(&["answer_text/", member].concat()),
            })
        };
        Self {
            title: text("title"),
            question: text("question"),
            order: text("order"),
            grid: text("grid"),
            doors: view.members("target").filter_map(door).collect(),
            conflicts: ConflictView::all(&id, view, &view.conflicts()),
            id,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use lanewalk_model::{
        document::{Document, Edit, Stamp},
        id::{ActorId, to_hex},
        time::Hlc,
    };

    #[test]
    fn a_survey_shows_its_doors_with_what_was_answered() {
        let [asked, waits] = [[1; 16], [2; 16]].map(|uuid: [u8; 16]| to_hex(&uuid));
        let edits = [
            Edit::set("title", "加装电梯"),
            Edit::set("question", "同意加装吗"),
            Edit::set(format!("target/{asked}"), "1单元101"),
            Edit::set(format!("target/{waits}"), "1单元102"),
            Edit::set(format!("answer/{asked}"), "oppose"),
            Edit::set(format!("answer_text/{asked}"), "怕挡光"),
        ];
        let stamp = Stamp { actor: ActorId([7; 16]), worker: "gw-03".into(), hlc: Hlc(1 << 20) };
        let mut document = Document::new(DocKind::Survey);
        document.edit(&stamp, &edits).unwrap();
        let page = SurveyView::of("survey:x".into(), &document.view());
        assert_eq!((page.title.as_str(), page.question.as_str()), ("加装电梯", "同意加装吗"));
        let door = |member: &str, name: &str, answer: Option<&str>, words: &str| SurveyDoor {
            place: format!("place:{member}"),
            name: name.into(),
            answer: answer.map(|a| Phrase::of("survey_answer", a)),
            words: words.into(),
        };
        let doors = [door(&asked, "1单元101", Some("oppose"), "怕挡光"), door(&waits, "1单元102", None, "")];
        assert_eq!(page.doors, doors);
        assert!(page.conflicts.is_empty());
    }
}
