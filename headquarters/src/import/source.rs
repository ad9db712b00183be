//! Where one field comes from, and the conditions of a mapping.
//!
//! Invariant: a checked source names at least one column or is a fixed text.
//! Rejected: column numbers instead of names; a column inserted upstream would shift every field.

use serde::Deserialize;

use super::mapping::MappingError;
use super::template::Template;

/// Says where a field's text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// One column.
    Column(String),
    /// Several columns.
    Template(Template),
    /// A fixed text.
    Value(String),
}

/// Is true where a column's trimmed cell is one of the values.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Condition {
    /// The column.
    pub(super) column: String,
    /// The values.
    pub(super) values: Vec<String>,
}

/// Holds a source as the mapping file writes it.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum WrittenSource {
    Column(String),
    Template(WrittenTemplate),
    Value(WrittenValue),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenTemplate {
    template: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenValue {
    value: String,
}

impl WrittenSource {
    /// Checks it, for the field of that name.
    pub(super) fn check(self, field: &str) -> Result<Source, MappingError> {
        match self {
            Self::Column(name) if name.trim().is_empty() => Err(MappingError::Blank(field.to_owned())),
            Self::Column(name) => Ok(Source::Column(name.trim().to_owned())),
            Self::Template(written) => Template::parse(&written.template)
                .map(Source::Template)
                .ok_or_else(|| MappingError::Template { field: field.to_owned() }),
            Self::Value(written) => Ok(Source::Value(written.value)),
        }
    }
}

/// Checks a source that may be left out.
pub(super) fn optional(written: Option<WrittenSource>, field: &str) -> Result<Option<Source>, MappingError> {
    written.map(|source| source.check(field)).transpose()
}

impl Condition {
    /// Checks and trims it, for the section of that name.
    pub(super) fn check(mut self, name: &str) -> Result<Self, MappingError> {
        self.column = self.column.trim().to_owned();
        for value in &mut self.values {
            *value = value.trim().to_owned();
        }
        if self.column.is_empty() || self.values.is_empty() {
            return Err(MappingError::Blank(name.to_owned()));
        }
        Ok(self)
    }
}
