//! What a change may do to a document by the schema alone.

use super::{Edit, to_scalar};
use crate::{
    chunk::{self, ChangeFacts, OpAction},
    privacy,
    schema::{DocKind, Rule},
    view::{DocView, Value},
};

/// Checks every operation of a change against the schema alone: known key, right type, right
/// way to write it for its merge rule. `before` gives [`super::Document::values_before`] of a key.
pub fn check_schema(
    kind: DocKind,
    facts: &ChangeFacts,
    mut before: impl FnMut(&str) -> Vec<Value>,
) -> Result<(), SchemaError> {
    for op in &facts.ops {
        let wrong = |problem| SchemaError { key: op.key.clone(), problem };
        let spec = kind.spec().field(&op.key).ok_or(wrong(SchemaProblem::UnknownKey))?;
        match &op.action {
            OpAction::Delete if spec.rule == Rule::Add => {}
            OpAction::Delete => return Err(wrong(SchemaProblem::NotRemovable)),
            OpAction::Set(scalar) => {
                let value = Value::from(scalar.clone());
                if !spec.accepts(&value) {
                    return Err(wrong(SchemaProblem::WrongValue));
                }
                if kind == DocKind::Order && names_a_person(&value) {
                    return Err(wrong(SchemaProblem::PersonalData));
                }
                let seen = before(&op.key);
                match spec.rule {
                    Rule::Imm | Rule::Log if !seen.is_empty() => return Err(wrong(SchemaProblem::Immutable)),
                    Rule::Max if seen.iter().any(|v| *v > value) => {
                        return Err(wrong(SchemaProblem::Shrinks));
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

/// Says which operation does not fit the schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct SchemaError {
    /// The document key.
    pub key: String,
    /// What is wrong with it.
    pub problem: SchemaProblem,
}

/// What can be wrong with one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SchemaProblem {
    /// This kind of document has no such key.
    #[error("没有这个字段 / no such field")]
    UnknownKey,
    /// Wrong type, too long, or outside its bounds.
    #[error("内容不符合要求 / value does not fit the field")]
    WrongValue,
    /// Written before and fixed since.
    #[error("写定后不能更改 / is fixed once written")]
    Immutable,
    /// A MAX field may only grow.
    #[error("只能增大 / may only grow")]
    Shrinks,
    /// A telephone or identity number or a mail address in an order, which property staff read.
    #[error("含有手机号、身份证号或邮箱 / has a personal number or address in it")]
    PersonalData,
    /// Only set members can be removed.
    #[error("不能删除 / cannot be removed")]
    NotRemovable,
}

/// Checks edits against the schema before they are written: the phone's side of the same rule.
pub fn check_edits(view: &DocView, edits: &[Edit]) -> Result<(), SchemaError> {
    let facts = ChangeFacts {
        hash: [0; 32],
        deps: Vec::new(),
        actor: [0; 16],
        seq: 1,
        start_op: 1,
        time: 0,
        message: None,
        ops: edits
            .iter()
            .map(|e| chunk::OpFacts {
                key: e.key().to_owned(),
                preds: Vec::new(),
                action: match e {
                    Edit::Set(_, v) => OpAction::Set(to_scalar(v)),
                    Edit::Remove(_) => OpAction::Delete,
                },
            })
            .collect(),
    };
    check_schema(view.kind(), &facts, |key| view.all(key).iter().map(|a| a.value.clone()).collect())
}

/// Says whether free text identifies a person (§9). In a JSON record only its texts count.
fn names_a_person(value: &Value) -> bool {
    let Value::Text(text) = value else { return false };
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) {
        Ok(record) => record.values().filter_map(serde_json::Value::as_str).any(privacy::identifies),
        Err(_) => privacy::identifies(text),
    }
}
