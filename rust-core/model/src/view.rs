//! A document as plain data: what screens, lists and rules read.
//!
//! Invariant: a view keeps EVERY concurrent value with who wrote it and when (law 3, no silent
//! loser); choosing one for display is a function of the field's merge rule and never drops the
//! others. Rejected: handing automerge types to the rules, which would tie each rule to the CRDT
//! and make it untestable as a table.

use crate::{
    document::Edit,
    id::ActorId,
    schema::{DocKind, FieldSpec, Rule},
    time::Hlc,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A scalar as documents hold it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// Integer, also times in UTC milliseconds.
    Int(i64),
    /// Text, also ids, codes and JSON records.
    Text(String),
}

impl Value {
    /// Returns the text, if it is text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(t) => Some(t),
            _ => None,
        }
    }

    /// Returns the integer, if it is one.
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Int(i) => Some(*i),
            _ => None,
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(true) => f.write_str("是"),
            Self::Bool(false) => f.write_str("否"),
            Self::Int(i) => write!(f, "{i}"),
            Self::Text(t) => f.write_str(t),
        }
    }
}

impl From<&str> for Value {
    fn from(t: &str) -> Self {
        Self::Text(t.into())
    }
}
impl From<String> for Value {
    fn from(t: String) -> Self {
        Self::Text(t)
    }
}
impl From<i64> for Value {
    fn from(i: i64) -> Self {
        Self::Int(i)
    }
}
impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

/// A value with who wrote it and when (by the writer's hybrid clock).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributed {
    /// The value.
    pub value: Value,
    /// Staff id of the writer; empty when there is only one value and nobody asked.
    pub by: String,
    /// The writer's hybrid clock.
    pub at: Hlc,
    /// The writing installation.
    pub actor: ActorId,
}

/// A field on which people disagree (冲突): two or more concurrent values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The document key.
    pub key: String,
    /// Every concurrent value, earliest first.
    pub values: Vec<Attributed>,
}

/// One document as plain data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocView {
    /// Wire code of the kind.
    kind: u8,
    /// Every visible value of every key, sorted by (hybrid clock, actor).
    fields: BTreeMap<String, Vec<Attributed>>,
}

impl DocView {
    /// Makes a view; each list of values is sorted here.
    pub fn new(kind: DocKind, mut fields: BTreeMap<String, Vec<Attributed>>) -> Self {
        for values in fields.values_mut() {
            values.sort_by_key(|v| (v.at, v.actor));
        }
        Self { kind: kind.code(), fields }
    }

    /// Returns the document as it would be with headquarters' edits: for looking ahead, never for
    /// writing.
    #[must_use]
    pub fn with(&self, edits: &[Edit]) -> Self {
        let mut fields = self.fields.clone();
        for edit in edits {
            match edit {
                Edit::Set(key, value) => {
                    let (by, at, actor) = ("hq".to_owned(), Hlc::default(), ActorId([0; 16]));
                    let one = Attributed { value: value.clone(), by, at, actor };
                    fields.insert(key.clone(), vec![one]);
                }
                Edit::Remove(key) => {
                    fields.remove(key);
                }
            }
        }
        Self { kind: self.kind, fields }
    }

    /// Returns the kind.
    pub fn kind(&self) -> DocKind {
        DocKind::from_code(self.kind).unwrap_or(DocKind::Reference)
    }

    /// Returns every visible value of a key, earliest first; empty when never written.
    pub fn all(&self, key: &str) -> &[Attributed] {
        self.fields.get(key).map_or(&[], Vec::as_slice)
    }

    /// Returns the value to show first, by the field's merge rule: the greatest for MAX, the
    /// latest by hybrid clock for everything else. For MV fields ask [`Self::conflicts`] too.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let all = self.all(key);
        match self.rule(key) {
            Some(Rule::Max) => all.iter().map(|a| &a.value).max(),
            _ => all.last().map(|a| &a.value),
        }
    }

    /// Returns the text of a key.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::text)
    }

    /// Returns the integer of a key.
    pub fn int(&self, key: &str) -> Option<i64> {
        self.get(key).and_then(Value::int)
    }

    /// Returns the flag of a key, false when never written.
    pub fn flag(&self, key: &str) -> bool {
        self.get(key) == Some(&Value::Bool(true))
    }

    /// Lists a family's members with their value, in key order.
    pub fn members<'a>(&'a self, family: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let from = format!("{family}/");
        self.fields.range(from..).map_while(move |(key, values)| {
            let member = key.strip_prefix(family)?.strip_prefix('/')?;
            Some((member, values.last().map(|a| &a.value)?))
        })
    }

    /// Lists every key with all its values.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &[Attributed])> {
        self.fields.iter().map(|(k, v)| (k.as_str(), v.as_slice()))
    }

    /// Lists the fields with two or more different concurrent values that a person must see.
    ///
    /// For MV fields the conflict stands until resolved; for the others the losers are shown as
    /// history. MAX fields combine and are never in conflict.
    pub fn conflicts(&self) -> Vec<Conflict> {
        self.fields
            .iter()
            .filter(|(key, values)| {
                values.len() > 1
                    && self.rule(key).is_some_and(|r| r != Rule::Max)
                    && values.windows(2).any(|w| w.first().map(|a| &a.value) != w.last().map(|a| &a.value))
            })
            .map(|(key, values)| Conflict { key: key.clone(), values: values.clone() })
            .collect()
    }

    /// Says whether a key waits for a person to choose (MV with several different values).
    pub fn is_open_conflict(&self, key: &str) -> bool {
        self.rule(key) == Some(Rule::Mv) && self.conflicts().iter().any(|c| c.key == key)
    }

    fn rule(&self, key: &str) -> Option<Rule> {
        self.spec(key).map(|s| s.rule)
    }

    fn spec(&self, key: &str) -> Option<&'static FieldSpec> {
        self.kind().spec().field(key)
    }
}
