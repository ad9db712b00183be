//! Texts for people: codes with arguments, and the tables that give them words.
//!
//! Invariant: the core says what (a code and arguments), the tables say how, in each language the
//! same codes with the same arguments; a kit only puts the arguments in. A code that a table does
//! not know (a newer headquarters) is shown as its own last part. Rejected: finished sentences out
//! of the core, which a shell can neither translate nor restyle.

use crate::enums::Language;
use lanewalk_model::order::Refusal;
use std::{collections::HashMap, sync::OnceLock};

/// A text for people.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Text {
    /// Key of the tables, such as `state.ACKED`.
    pub code: String,
    /// What `{name}` in the table's words stands for.
    pub args: HashMap<String, String>,
}

impl Text {
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
    let [zh, en] = TABLES.get_or_init(|| [table(ZH, Refusal::zh), table(EN, Refusal::en)]);
    match language {
        Language::Chinese => zh.clone(),
        Language::English => en.clone(),
    }
}

fn table(json: &str, refusal: fn(Refusal) -> &'static str) -> HashMap<String, String> {
    let mut table: HashMap<String, String> = serde_json::from_str(json).unwrap_or_default();
    table.extend(Refusal::ALL.iter().map(|r| (format!("refusal.{}", r.code()), refusal(*r).to_owned())));
    table
}
