//! Texts for people: codes with arguments, and the tables that give them words.
//!
//! Invariant: the core says what (a code and arguments), the tables say how, in each language the
//! same codes with the same arguments; a kit only puts the arguments in. A code that a table does
//! not know (a newer headquarters) is shown as its own last part. Rejected: finished sentences out
//! of the core, which a shell can neither translate nor restyle.

use crate::enums::Language;
use lanewalk_model::{catalog::Evidence, order::Refusal};
use std::{collections::HashMap, sync::OnceLock};

/// A text for people.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Phrase {
    /// Key of the tables, such as `state.ACKED`.
    pub code: String,
    /// What `{name}` in the table's words stands for.
    pub args: HashMap<String, String>,
}

impl Phrase {
    /// Makes a text without arguments out of a set and a value of it.
    pub(crate) fn of(set: &str, value: &str) -> Self {
        Self { code: format!("{set}.{value}"), args: HashMap::new() }
    }

    /// Adds an argument.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.args.insert(name.to_owned(), value.to_string());
        self
    }
}

static ZH: &str = include_str!("../texts/zh.json");
static EN: &str = include_str!("../texts/en.json");

/// Returns the words of every code in a language; `{name}` stands for an argument.
#[uniffi::export]
pub fn text_table(language: Language) -> HashMap<String, String> {
    static TABLES: OnceLock<[HashMap<String, String>; 2]> = OnceLock::new();
    let [zh, en] = TABLES
        .get_or_init(|| [table(ZH, Refusal::zh, |e| e.words().0), table(EN, Refusal::en, |e| e.words().1)]);
    match language {
        Language::Chinese => zh.clone(),
        Language::English => en.clone(),
    }
}

/// Adds the words that the core itself knows to those of a file.
fn table(
    json: &str,
    refusal: fn(Refusal) -> &'static str,
    evidence: fn(Evidence) -> &'static str,
) -> HashMap<String, String> {
    let mut table: HashMap<String, String> = serde_json::from_str(json).unwrap_or_default();
    table.extend(Refusal::ALL.iter().map(|r| (format!("refusal.{}", r.code()), refusal(*r).to_owned())));
    table.extend(Evidence::ALL.iter().map(|e| (format!("evidence.{}", e.id()), evidence(*e).to_owned())));
    table
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::enums::{
        AppealKind, ConfirmedHow, DeviceKey, MeasuredHow, Network, OrderOutcome, Phase, PhotoPart,
        PhotoScene, PlaceKind, PositionSource, SurveyAnswer, TalkKind, VisitKind, VisitPurpose, VisitResult,
    };
    use lanewalk_model::{
        order::State,
        photo::{FileTrouble, PhotoRole},
        records::ProposalKind,
        schema::{DocKind, Type},
        staff::Role,
    };

    /// Every id that the core may put into a text.
    fn codes() -> Vec<String> {
        let mut codes: Vec<String> = Vec::new();
        let mut add = |set: &str, ids: Vec<&str>| codes.extend(ids.iter().map(|id| format!("{set}.{id}")));
        add("state", State::ALL.iter().map(|s| s.id()).collect());
        add("role", Role::ALL.iter().map(|r| r.id()).collect());
        add("kind", DocKind::ALL.iter().map(|k| k.name()).collect());
        add("action", ProposalKind::ALL.iter().map(|k| k.id()).collect());
        add("action", vec!["visit", "note", "measure"]);
        add("photo_role", PhotoRole::ALL.iter().map(|r| r.id()).collect());
        add("photo_state", vec![FileTrouble::Missing.code(), FileTrouble::Altered.code()]);
        add("history", vec!["rewritten", "shrunk", "rolled_back"]);
        // As the core notes them.
        add("problem", vec!["checkpoint_invalid", "core_too_old", "digest_differs", "documents_missing"]);
        add("problem", vec!["fork", "history_rewritten", "receipt_invalid", "refusal_unknown"]);
        add("problem", vec!["salvaged", "unknown_device"]);
        let choices = [
            ("visit_kind", DocKind::Visit, "kind"),
            ("visit_purpose", DocKind::Visit, "purpose"),
            ("visit_result", DocKind::Visit, "result"),
            ("appeal_kind", DocKind::Appeal, "kind"),
            ("appeal_status", DocKind::Appeal, "status"),
            ("place_kind", DocKind::Place, "kind"),
            ("outcome", DocKind::Order, "outcome"),
            ("knowledge_kind", DocKind::Knowledge, "kind"),
            ("photo_scene", DocKind::Visit, "scene/1"),
            ("survey_answer", DocKind::Survey, "answer/1"),
        ];
        for (set, kind, field) in choices {
            let Type::OneOf(ids) = kind.spec().field(field).unwrap().ty else { continue };
            add(set, ids.to_vec());
        }
        codes
    }

    /// What a person chooses from: the label of every value, and how many there are.
    macro_rules! labels {
        ($($name:ident),+) => { [$($name::ALL.iter().map($name::label).collect::<Vec<_>>()),+].concat() };
    }

    #[test]
    fn every_choice_has_words() {
        let proposals = crate::enums::ProposalKind::ALL.iter().map(crate::enums::ProposalKind::label);
        let roles = crate::enums::PhotoRole::ALL.iter().map(crate::enums::PhotoRole::label);
        let mut labels = labels!(
            AppealKind,
            ConfirmedHow,
            DeviceKey,
            MeasuredHow,
            Network,
            OrderOutcome,
            Phase,
            PhotoPart,
            PhotoScene,
            PlaceKind,
            PositionSource,
            SurveyAnswer,
            TalkKind,
            VisitKind,
            VisitPurpose,
            VisitResult
        );
        labels.extend(proposals.chain(roles));
        for language in [Language::Chinese, Language::English] {
            let table = text_table(language);
            let silent: Vec<_> = labels.iter().filter(|label| !table.contains_key(&label.code)).collect();
            assert!(silent.is_empty(), "{silent:?}");
        }
        let codes: std::collections::HashSet<_> = labels.iter().map(|label| &label.code).collect();
        assert_eq!(codes.len(), labels.len(), "two choices share their words");
    }

    #[test]
    fn every_code_has_words_in_both_languages() {
        let tables = [text_table(Language::Chinese), text_table(Language::English)];
        let codes = codes();
        assert!(codes.len() > 80);
        for code in codes {
            assert!(tables.iter().all(|t| t.get(&code).is_some_and(|w| !w.trim().is_empty())), "{code}");
        }
    }

    #[test]
    fn what_phones_write_has_a_name() {
        let table = text_table(Language::Chinese);
        let kinds =
            [DocKind::Order, DocKind::Visit, DocKind::Appeal, DocKind::Place, DocKind::Person, DocKind::Care];
        for field in kinds.iter().flat_map(|k| k.spec().fields) {
            let written = field.writers.has(Role::GridWorker) || field.writers.has(Role::PropertyStaff);
            assert!(!written || table.contains_key(&format!("field.{}", field.name)), "{}", field.name);
        }
    }
}
