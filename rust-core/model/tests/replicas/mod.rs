//! Simulated installations with one document each, and values for every field type.
//!
//! Invariant: a replica writes only what `check_edits` lets it write, and takes in only what
//! passes the reader, `check_continues` and `check_schema`, as phones and headquarters do.
#![allow(dead_code, reason = "each test binary uses its part")]

use lanewalk_model::{
    chunk::{ChangeFacts, ChunkLimits, read_change},
    document::{Document, Edit, SchemaError, Stamp, check_edits, check_schema},
    id::{ActorId, Hash},
    schema::{DocKind, FieldSpec, Type},
    time::{Hlc, TimeMs},
    view::{DocView, Value},
};

/// Fri 2026-05-08 09:40 in China.
pub(crate) const START_MS: i64 = 1_778_204_400_000;

/// What a phone may send, with room for whole reference files.
pub(crate) fn limits() -> ChunkLimits {
    ChunkLimits { max_bytes: 2 << 20, max_value_bytes: 1 << 20, ..ChunkLimits::default() }
}

/// Reads a change or fails the test.
pub(crate) fn facts(change: &[u8]) -> ChangeFacts {
    read_change(change, &limits()).unwrap()
}

/// One installation's copy of one document.
#[derive(Clone)]
pub(crate) struct Replica {
    pub(crate) doc: Document,
    pub(crate) actor: ActorId,
    pub(crate) worker: String,
    pub(crate) clock: Hlc,
}

impl Replica {
    /// Makes an empty copy; installations differ by their first byte.
    pub(crate) fn new(kind: DocKind, actor: u8, worker: &str) -> Self {
        Self {
            doc: Document::new(kind),
            actor: ActorId([actor; 16]),
            worker: worker.into(),
            clock: Hlc::default(),
        }
    }

    /// Makes another installation's copy with the same content.
    pub(crate) fn fork(&mut self, actor: u8, worker: &str) -> Self {
        let saved = self.doc.save();
        let doc = Document::load(self.doc.kind(), &saved).unwrap();
        Self { doc, actor: ActorId([actor; 16]), worker: worker.into(), clock: self.clock }
    }

    pub(crate) fn view(&mut self) -> DocView {
        self.doc.view()
    }

    /// Writes at a wall time after asking the schema; `None` when nothing was to be written.
    pub(crate) fn try_write(&mut self, wall_ms: i64, edits: &[Edit]) -> Result<Option<Vec<u8>>, SchemaError> {
        check_edits(&self.doc.view(), edits)?;
        self.clock = self.clock.tick(TimeMs(wall_ms), None);
        let stamp = Stamp { actor: self.actor, worker: self.worker.clone(), hlc: self.clock };
        Ok(self.doc.edit(&stamp, edits).unwrap())
    }

    /// Writes what must be writable and must say something new.
    pub(crate) fn write(&mut self, wall_ms: i64, edits: &[Edit]) -> Vec<u8> {
        self.try_write(wall_ms, edits).unwrap().unwrap()
    }

    /// Says whether everything a change builds on is here.
    pub(crate) fn is_ready(&mut self, change: &ChangeFacts) -> bool {
        change.deps.iter().all(|d| self.doc.has_change(&Hash(*d)))
    }

    /// Takes in another's change through every check; repeats do nothing.
    pub(crate) fn receive(&mut self, change: &[u8]) {
        let facts = facts(change);
        if !self.doc.has_change(&Hash(facts.hash)) {
            self.doc.check_continues(&facts).unwrap();
            check_schema(self.doc.kind(), &facts, |key| self.doc.values_at(&facts.deps, key)).unwrap();
        }
        self.doc.apply([change]).unwrap();
        self.clock = self.clock.max(Hlc(facts.time));
    }
}

/// Takes each other's changes in and fails unless both then show the same; returns that view.
pub(crate) fn exchange(a: &mut Replica, from_a: &[Vec<u8>], b: &mut Replica, from_b: &[Vec<u8>]) -> DocView {
    from_b.iter().for_each(|change| a.receive(change));
    from_a.iter().for_each(|change| b.receive(change));
    assert_eq!(a.doc.heads(), b.doc.heads());
    let view = a.view();
    assert_eq!(view, b.view());
    let (saved, _) = a.doc.save_checked().unwrap();
    assert_eq!(Document::load(view.kind(), &saved).unwrap().view(), view);
    view
}

/// Returns a key of a field: its name, or a member of the family.
pub(crate) fn key_of(field: &FieldSpec, member: &str) -> String {
    if field.family { format!("{}/{member}", field.name) } else { field.name.to_owned() }
}

/// Returns different values of a type, smallest first: three, or two where there are only two.
pub(crate) fn values(ty: Type) -> Vec<Value> {
    match ty {
        Type::Text(_) => ["a", "b", "c"].map(Value::from).to_vec(),
        Type::OneOf(words) => {
            let mut words: Vec<_> = words.iter().take(3).map(|w| Value::from(*w)).collect();
            words.sort();
            words
        }
        Type::Int(min, max) => {
            let all: Vec<_> = (min..=max).take(3).map(Value::from).collect();
            assert!(all.len() > 1);
            all
        }
        Type::Time => [0, 1, 2].map(|i| Value::from(START_MS + i)).to_vec(),
        Type::Bool => [false, true].map(Value::from).to_vec(),
        Type::Json(_) => [r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#].map(Value::from).to_vec(),
    }
}

/// Returns values that a field of this type must refuse.
pub(crate) fn misfits(ty: Type) -> Vec<Value> {
    match ty {
        Type::Text(max) => vec![1.into(), true.into(), "x".repeat(max + 1).into(), "a\0b".into()],
        Type::OneOf(_) => vec![1.into(), "no such word".into(), "".into()],
        Type::Int(min, max) => {
            let beyond = [min.checked_sub(1), max.checked_add(1)].into_iter().flatten();
            let beyond = beyond.map(Value::from);
            beyond.chain(["1".into(), true.into()]).collect()
        }
        Type::Time => vec![0.into(), 4_102_444_800_000_i64.into(), "2026-05-08".into()],
        Type::Bool => vec![1.into(), "true".into()],
        Type::Json(max) => {
            let long = format!(r#"{{"n":"{}"}}"#, "x".repeat(max));
            vec![1.into(), "".into(), "[1]".into(), "{".into(), "null".into(), long.into()]
        }
    }
}
