//! One document as an automerge CRDT. The only module that touches automerge.
//!
//! Invariant: a [`Document`] is a cache; the changes (entries) are the truth and it can be
//! rebuilt from them at any time. Every change carries its author in itself: `time` is the
//! writer's hybrid clock and `message` the staff id, both equal to the signed entry header
//! (checked at the gate), so snapshots need no side table to say who wrote which concurrent
//! value. Rejected: automerge nested objects, Text and patches (FAULTS.md §e).
//!
//! Two phones write without knowing of each other; the one who syncs second sees both words and
//! whose they are, and his next word settles it:
//!
//! ```
//! use lanewalk_model::{
//!     document::{Document, Edit, Stamp, check_edits},
//!     id::ActorId,
//!     schema::DocKind,
//!     time::{Hlc, TimeMs},
//! };
//!
//! let stamp = |n: u8, worker: &str| Stamp {
//!     actor: ActorId([n; 16]),
//!     worker: worker.into(),
//!     hlc: Hlc::from_wall(TimeMs(1_778_204_400_000 + i64::from(n))),
//! };
//! let mut a = Document::new(DocKind::Order);
//! let mut b = Document::new(DocKind::Order);
//! let from_a = a.edit(&stamp(1, "gw-01"), &[Edit::set("severity", 3), Edit::set("verified_facts", "在楼道")])?;
//! let from_b = b.edit(&stamp(2, "gw-02"), &[Edit::set("severity", 1), Edit::set("verified_facts", "在室内")])?;
//! a.apply(from_b.iter().map(Vec::as_slice))?;
//! b.apply(from_a.iter().map(Vec::as_slice))?;
//!
//! let view = a.view();
//! assert_eq!(view, b.view());
//! assert_eq!(view.int("severity"), Some(3)); // MAX
//! assert!(view.is_open_conflict("verified_facts")); // MV
//! let said: Vec<_> = view.all("verified_facts").iter().map(|v| (v.by.as_str(), v.value.text())).collect();
//! assert_eq!(said, [("gw-01", Some("在楼道")), ("gw-02", Some("在室内"))]);
//!
//! // Severity only grows; a phone asks before it writes.
//! assert!(check_edits(&view, &[Edit::set("severity", 2)]).is_err());
//! b.edit(&stamp(3, "gw-02"), &[Edit::set("verified_facts", "在室内")])?;
//! assert!(b.view().conflicts().is_empty());
//! # Ok::<(), lanewalk_model::document::DocumentError>(())
//! ```

use crate::{
    chunk::{self, ChangeFacts, Scalar},
    id::{ActorId, Hash},
    schema::{DocKind, Rule},
    time::Hlc,
    view::{Attributed, DocView, Value},
};
use automerge::{
    AutoCommit, Change, ChangeHash, ExpandedChange, ROOT, ReadDoc as _, ScalarValue, legacy,
    transaction::{CommitOptions, Transactable as _},
};
use std::collections::{BTreeMap, BTreeSet};

mod authors;
mod rules;

pub use rules::{SchemaError, SchemaProblem, check_edits, check_schema};

use authors::{Authors, actor_id};

/// Why a document or a change could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The bytes of a saved document do not load.
    #[error("document does not load: {0}")]
    Load(String),
    /// automerge refused a change that the reader had accepted.
    #[error("change does not apply: {0}")]
    Apply(String),
    /// The bytes are not a plain, canonical change.
    #[error("not a plain change: {0}")]
    Chunk(#[from] chunk::ChunkError),
    /// A change this one builds on is not here.
    #[error("depends on a change that is not here")]
    MissingDependency,
    /// The change does not continue its actor's line or the op counter of what it builds on.
    #[error("does not continue what it builds on")]
    NotNext,
    /// It overwrites something other than exactly what its author saw.
    #[error("overwrites other values than its author saw, at {key}")]
    WrongPredecessors {
        /// The document key.
        key: String,
    },
    /// After saving and loading again the document is not the same.
    #[error("document changes when saved and loaded")]
    Unstable,
    /// Inside automerge something panicked.
    #[error("automerge panicked")]
    Panicked,
}

/// Who writes and when, put into every change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Writing installation.
    pub actor: ActorId,
    /// Staff id.
    pub worker: String,
    /// Hybrid clock of this write.
    pub hlc: Hlc,
}

/// One wish to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Puts a value at a key.
    Set(String, Value),
    /// Removes a key (set members only).
    Remove(String),
}

impl Edit {
    /// Makes a `Set`.
    pub fn set(key: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::Set(key.into(), value.into())
    }

    /// Returns the key.
    pub fn key(&self) -> &str {
        match self {
            Self::Set(key, _) | Self::Remove(key) => key,
        }
    }
}

/// One document in memory. Not thread-safe by itself; small (about 30 KB).
#[derive(Debug, Clone)]
pub struct Document {
    kind: DocKind,
    inner: AutoCommit,
}

impl Document {
    /// Makes an empty document.
    pub fn new(kind: DocKind) -> Self {
        Self { kind, inner: AutoCommit::new() }
    }

    /// Loads what [`Self::save`] gave. Only for bytes that this installation saved or that
    /// headquarters signed.
    pub fn load(kind: DocKind, bytes: &[u8]) -> Result<Self, DocumentError> {
        guard(|| AutoCommit::load(bytes))?
            .map(|inner| Self { kind, inner })
            .map_err(|e| DocumentError::Load(e.to_string()))
    }

    /// Saves without automerge's own compression, which would defeat the one outside.
    pub fn save(&mut self) -> Vec<u8> {
        self.inner.save_nocompress()
    }

    /// Returns the kind.
    pub fn kind(&self) -> DocKind {
        self.kind
    }

    /// Returns the hashes of the latest changes, sorted.
    pub fn heads(&mut self) -> Vec<Hash> {
        let mut heads: Vec<_> = self.inner.get_heads().into_iter().map(|h| Hash(h.0)).collect();
        heads.sort_unstable();
        heads
    }

    /// Returns the number of changes.
    pub fn change_count(&self) -> usize {
        usize::try_from(self.inner.stats().num_changes).unwrap_or(usize::MAX)
    }

    /// Says whether a change is in the document.
    pub fn has_change(&mut self, hash: &Hash) -> bool {
        self.inner.get_change_meta_by_hash(&ChangeHash(hash.0)).is_some()
    }

    /// Writes edits as one change and returns its uncompressed bytes; `None` when every edit
    /// was already true. Does not check policy or schema: callers do, before.
    pub fn edit(&mut self, stamp: &Stamp, edits: &[Edit]) -> Result<Option<Vec<u8>>, DocumentError> {
        if self.inner.get_heads().is_empty() {
            return self.begin(stamp, edits);
        }
        let kept = self.winners_written_again(edits)?;
        if kept.is_empty() {
            return self.commit(stamp, edits);
        }
        // Who settles a conflict with the value that automerge lists last has written nothing in
        // automerge's eyes: it only deletes the others, so whoever chose a third value meanwhile
        // would silently win, and the gate would see a removal. Write something else and put the
        // value into the finished change.
        let before = self.inner.clone();
        let masked: Vec<_> = edits
            .iter()
            .map(|edit| match edit {
                Edit::Set(key, Value::Text(_)) if kept.contains_key(key.as_str()) => Edit::set(key, 0),
                Edit::Set(key, _) if kept.contains_key(key.as_str()) => Edit::set(key, ""),
                other => other.clone(),
            })
            .collect();
        let written = self.commit(stamp, &masked);
        self.inner = before;
        let Some(masked) = written? else { return Ok(None) };
        let change = guard(|| with_values(&masked, &kept))??;
        self.apply([change.as_slice()])?;
        Ok(Some(change))
    }

    /// Writes the first change of an empty document: the same bytes as a transaction's, which
    /// compares and splices at every key and takes five times as long. An import makes thousands.
    fn begin(&mut self, stamp: &Stamp, edits: &[Edit]) -> Result<Option<Vec<u8>>, DocumentError> {
        let op = |(key, value): (&String, &Value)| legacy::Op {
            action: legacy::OpType::Put(to_automerge(value)),
            obj: legacy::ObjectId::Root,
            key: legacy::Key::Map(key.as_str().into()),
            pred: legacy::SortedVec::new(),
            insert: false,
        };
        // A change writes a key once; the last wish counts.
        let last = |(i, edit): &(usize, &Edit)| edits.iter().skip(i + 1).all(|e| e.key() != edit.key());
        let wanted = edits.iter().enumerate().filter(last).filter_map(|(_, edit)| match edit {
            Edit::Set(key, value) => Some((key, value)),
            Edit::Remove(_) => None,
        });
        let operations: Vec<_> = wanted.map(op).collect();
        if operations.is_empty() {
            return Ok(None);
        }
        let change = Change::from(ExpandedChange {
            operations,
            actor_id: automerge::ActorId::from(stamp.actor.0),
            hash: None,
            seq: 1,
            start_op: std::num::NonZeroU64::MIN,
            time: stamp.hlc.0,
            message: Some(stamp.worker.clone()),
            deps: Vec::new(),
            extra_bytes: Vec::new(),
            author: None,
        });
        let bytes = change.raw_bytes().to_vec();
        guard(|| self.inner.apply_changes([change]))?.map_err(refused)?;
        Ok(Some(bytes))
    }

    /// Finds the keys with several values where an edit says again what automerge lists last.
    fn winners_written_again<'e>(
        &self,
        edits: &'e [Edit],
    ) -> Result<BTreeMap<&'e str, &'e Value>, DocumentError> {
        let mut kept = BTreeMap::new();
        for edit in edits {
            kept.remove(edit.key());
            if let Edit::Set(key, value) = edit {
                let all = self.inner.get_all(ROOT, key.as_str()).map_err(refused)?;
                let last = all.last().and_then(|(v, _)| from_automerge(v));
                if all.len() > 1 && last.as_ref() == Some(value) {
                    kept.insert(key.as_str(), value);
                }
            }
        }
        Ok(kept)
    }

    fn commit(&mut self, stamp: &Stamp, edits: &[Edit]) -> Result<Option<Vec<u8>>, DocumentError> {
        self.inner.set_actor(automerge::ActorId::from(stamp.actor.0));
        for (i, edit) in edits.iter().enumerate() {
            if edits.iter().skip(i + 1).any(|later| later.key() == edit.key()) {
                // A change writes a key once; the last wish counts.
                continue;
            }
            match edit {
                Edit::Set(key, value) => {
                    let all = self.inner.get_all(ROOT, key.as_str()).map_err(refused)?;
                    let same =
                        matches!(all.as_slice(), [(v, _)] if from_automerge(v).as_ref() == Some(value));
                    if !same {
                        self.inner.put(ROOT, key.as_str(), to_automerge(value)).map_err(refused)?;
                    }
                }
                Edit::Remove(key) => {
                    if self.inner.get(ROOT, key.as_str()).map_err(refused)?.is_some() {
                        self.inner.delete(ROOT, key.as_str()).map_err(refused)?;
                    }
                }
            }
        }
        let options = CommitOptions::default().with_time(stamp.hlc.0).with_message(stamp.worker.as_str());
        Ok(self
            .inner
            .commit_with(options)
            .and_then(|hash| self.inner.get_change_by_hash(&hash))
            .map(|c| c.raw_bytes().to_vec()))
    }

    /// Applies changes this side has already accepted or that come signed from headquarters.
    /// Repeats are harmless; a missing dependency is an error and changes nothing visible.
    pub fn apply<'a>(&mut self, changes: impl IntoIterator<Item = &'a [u8]>) -> Result<(), DocumentError> {
        let changes = changes
            .into_iter()
            .map(|bytes| {
                chunk::split(bytes)?;
                guard(|| Change::from_bytes(bytes.to_vec()))?.map_err(refused)
            })
            .collect::<Result<Vec<_>, DocumentError>>()?;
        // automerge would keep a change without its dependencies, save it with the document, and
        // apply it behind everybody's back as soon as they come.
        let offered: BTreeSet<_> = changes.iter().map(Change::hash).collect();
        let known = |d: &ChangeHash| offered.contains(d) || self.inner.get_change_meta_by_hash(d).is_some();
        if !changes.iter().flat_map(Change::deps).all(known) {
            return Err(DocumentError::MissingDependency);
        }
        guard(|| self.inner.apply_changes(changes))?.map_err(refused)?;
        let all = offered.iter().all(|h| self.inner.get_change_meta_by_hash(h).is_some());
        all.then_some(()).ok_or(DocumentError::MissingDependency)
    }

    /// Checks that a change continues this document exactly as automerge itself would have
    /// written it: dependencies known, next sequence number of its actor, exact op counter, and
    /// predecessors exactly the values visible to its author (F33, F34, F39; Kleppmann, "Making
    /// CRDTs Byzantine fault tolerant").
    pub fn check_continues(&mut self, facts: &ChangeFacts) -> Result<(), DocumentError> {
        let mut max_op = 0;
        let deps: Vec<_> = facts.deps.iter().map(|d| ChangeHash(*d)).collect();
        for dep in &deps {
            let meta = self.inner.get_change_meta_by_hash(dep).ok_or(DocumentError::MissingDependency)?;
            max_op = max_op.max(meta.max_op);
        }
        let own = self.last_of(facts.actor);
        let next = own.as_ref().map_or(1, |(seq, _)| seq + 1);
        if facts.seq != next || facts.start_op != max_op + 1 {
            return Err(DocumentError::NotNext);
        }
        if own.is_some_and(|(_, last)| !self.is_ancestor(&last, &deps)) {
            return Err(DocumentError::NotNext);
        }
        for op in &facts.ops {
            let mut seen: Vec<(u64, [u8; 16])> = Vec::new();
            let visible = self.inner.get_all_at(ROOT, op.key.as_str(), &deps);
            for (_, id) in visible.map_err(refused)? {
                if let automerge::ObjId::Id(counter, actor, _) = id {
                    seen.push((counter, actor_id(&actor).0));
                }
            }
            let mut claimed = op.preds.clone();
            seen.sort_unstable();
            claimed.sort_unstable();
            if seen != claimed {
                return Err(DocumentError::WrongPredecessors { key: op.key.clone() });
            }
        }
        Ok(())
    }

    /// Finds an actor's last change: its sequence number and hash.
    fn last_of(&mut self, actor: [u8; 16]) -> Option<(u64, ChangeHash)> {
        let actor = automerge::ActorId::from(actor);
        let metas = self.inner.get_changes_meta(&[]);
        metas.iter().filter(|m| *m.actor == actor).map(|m| (m.seq, m.hash)).max_by_key(|m| m.0)
    }

    /// Says whether a change is one of `from` or among what they build on.
    fn is_ancestor(&mut self, wanted: &ChangeHash, from: &[ChangeHash]) -> bool {
        let mut heads = self.inner.get_heads();
        heads.sort_unstable();
        if from.contains(wanted) || heads == from {
            return true;
        }
        let mut open = from.to_vec();
        let mut seen: BTreeSet<ChangeHash> = open.iter().copied().collect();
        while let Some(hash) = open.pop() {
            if hash == *wanted {
                return true;
            }
            if let Some(meta) = self.inner.get_change_meta_by_hash(&hash) {
                open.extend(meta.deps.into_iter().filter(|d| seen.insert(*d)));
            }
        }
        false
    }

    /// Returns the values that decide whether a change may write a key: for what is written once
    /// (IMM, LOG) every value there is, so that two devices cannot both create one document;
    /// for the rest those its author saw.
    pub fn values_before(&mut self, deps: &[[u8; 32]], key: &str) -> Vec<Value> {
        let once = self.kind.spec().field(key).is_some_and(|f| matches!(f.rule, Rule::Imm | Rule::Log));
        if once {
            let all = self.inner.get_all(ROOT, key).unwrap_or_default();
            return all.iter().filter_map(|(v, _)| from_automerge(v)).collect();
        }
        self.values_at(deps, key)
    }

    /// Returns the document as its author saw a change's dependencies: the values of one key.
    pub fn values_at(&mut self, deps: &[[u8; 32]], key: &str) -> Vec<Value> {
        let deps: Vec<_> = deps.iter().map(|d| ChangeHash(*d)).collect();
        let all = self.inner.get_all_at(ROOT, key, &deps).unwrap_or_default();
        all.iter().filter_map(|(v, _)| from_automerge(v)).collect()
    }

    /// Saves, loads again and compares (F38: some changes apply but leave a document that cannot
    /// be loaded); returns the bytes and what they hold. Loading computes every hash again from
    /// the saved operations, so equal heads mean equal operations.
    pub fn save_checked(&mut self) -> Result<(Vec<u8>, DocView), DocumentError> {
        let bytes = guard(|| self.inner.save_nocompress())?;
        let mut again = Self::load(self.kind, &bytes)?;
        if again.heads() != self.heads() {
            return Err(DocumentError::Unstable);
        }
        let view = again.view();
        Ok((bytes, view))
    }

    /// Reads the whole document as plain data, each value with its author.
    pub fn view(&mut self) -> DocView {
        let doc = self.inner.document();
        let authors = Authors::of(doc);
        let mut fields: BTreeMap<String, Vec<Attributed>> = BTreeMap::new();
        for item in doc.map_range(ROOT, ..) {
            let key = item.key.to_string();
            let values = if item.conflict {
                let all = doc.get_all(ROOT, key.as_str()).unwrap_or_default();
                all.iter().filter_map(|(v, id)| authors.attribute(from_automerge(v)?, id)).collect()
            } else {
                let value = from_automerge_ref(&item.value);
                value.and_then(|v| authors.attribute(v, &item.id())).into_iter().collect::<Vec<_>>()
            };
            if !values.is_empty() {
                fields.insert(key, values);
            }
        }
        DocView::new(self.kind, fields)
    }
}

fn refused(error: impl std::fmt::Display) -> DocumentError {
    DocumentError::Apply(error.to_string())
}

/// Makes the change again with other values at some keys.
fn with_values(bytes: &[u8], values: &BTreeMap<&str, &Value>) -> Result<Vec<u8>, DocumentError> {
    let mut change = ExpandedChange::from(&Change::from_bytes(bytes.to_vec()).map_err(refused)?);
    for op in &mut change.operations {
        if let legacy::Key::Map(key) = &op.key
            && let Some(value) = values.get(key.as_str())
        {
            op.action = legacy::OpType::Put(to_automerge(value));
        }
    }
    Ok(Change::from(change).raw_bytes().to_vec())
}

/// Runs automerge code so that a panic inside it becomes an error.
fn guard<T>(run: impl FnOnce() -> T) -> Result<T, DocumentError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).map_err(|_| DocumentError::Panicked)
}

impl From<Scalar> for Value {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Text(t) => Self::Text(t),
            Scalar::Int(i) => Self::Int(i),
            Scalar::Bool(b) => Self::Bool(b),
        }
    }
}

fn to_scalar(value: &Value) -> Scalar {
    match value {
        Value::Text(t) => Scalar::Text(t.clone()),
        Value::Int(i) => Scalar::Int(*i),
        Value::Bool(b) => Scalar::Bool(*b),
    }
}

fn to_automerge(value: &Value) -> ScalarValue {
    match value {
        Value::Text(t) => ScalarValue::Str(t.as_str().into()),
        Value::Int(i) => ScalarValue::Int(*i),
        Value::Bool(b) => ScalarValue::Boolean(*b),
    }
}

fn from_automerge(value: &automerge::Value<'_>) -> Option<Value> {
    match value.as_scalar()? {
        ScalarValue::Str(t) => Some(Value::Text(t.to_string())),
        ScalarValue::Int(i) => Some(Value::Int(*i)),
        ScalarValue::Boolean(b) => Some(Value::Bool(*b)),
        _ => None,
    }
}

fn from_automerge_ref(value: &automerge::ValueRef<'_>) -> Option<Value> {
    match value {
        automerge::ValueRef::Scalar(automerge::ScalarValueRef::Str(t)) => Some(Value::Text(t.to_string())),
        automerge::ValueRef::Scalar(automerge::ScalarValueRef::Int(i)) => Some(Value::Int(*i)),
        automerge::ValueRef::Scalar(automerge::ScalarValueRef::Boolean(b)) => Some(Value::Bool(*b)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_first_change_has_the_bytes_of_a_transaction() {
        let stamp = Stamp { actor: ActorId([7; 16]), worker: "hq".into(), hlc: Hlc(1 << 40) };
        let edits = [
            Edit::set("title", "楼道内养猫"),
            Edit::set("urgency", "general"),
            Edit::set("severity", 3),
            Edit::Remove("tag/x".into()),
            Edit::set("assignee/gw-01", true),
            Edit::set("title", "楼道"),
        ];
        let (mut fast, mut slow) = (Document::new(DocKind::Order), Document::new(DocKind::Order));
        assert_eq!(fast.begin(&stamp, &edits).unwrap(), slow.commit(&stamp, &edits).unwrap());
        assert_eq!((fast.save(), fast.heads()), (slow.save(), slow.heads()));
        let next = [Edit::set("title", "x"), Edit::set("severity", 4)];
        assert_eq!(fast.edit(&stamp, &next).unwrap(), slow.edit(&stamp, &next).unwrap());
        assert_eq!(fast.save(), slow.save());
        assert_eq!(Document::new(DocKind::Order).edit(&stamp, &[Edit::Remove("a".into())]).unwrap(), None);
    }
}
