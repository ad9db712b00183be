//! What a document is made of: DOMAIN.md §5 as one table per kind.
//!
//! Invariant: a document is one FLAT map from string keys to scalars. A field is either
//! `name` (one value) or `name/<member>` (a family: set members, log records). There are no
//! nested objects, so two phones can never create the same container twice and hide each
//! other's contents, and a change can be read completely by a small bounded parser
//! ([`crate::chunk`]). Rejected: nested automerge maps and lists, one per log.
//!
//! A key that no table names is refused from phones; in documents from a newer headquarters it
//! is kept untouched (automerge carries it), so unknown fields survive a round trip.

mod tables;

use crate::staff::{Role, Roles};
use crate::view::Value;

/// The kinds of documents. The code is on the wire and never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocKind {
    /// Work order 工单 without anything that names the requester.
    Order,
    /// What only community workers may read of an order: the citizen's words, masked contact.
    Brief,
    /// A visit or site check 走访/现场查实.
    Visit,
    /// An appeal collected in the grid 诉求.
    Appeal,
    /// A place with its household 地址/户.
    Place,
    /// A resident 居民.
    Person,
    /// Sealed vulnerability of a resident 弱势群体 (PIPL sensitive).
    Care,
    /// A survey over a door list.
    Survey,
    /// Task force 专班.
    TaskForce,
    /// Knowledge entry or response plan 资料库/预案.
    Knowledge,
    /// Reference data by name: catalogue, grids, calendar, staff.
    Reference,
}

impl DocKind {
    /// Every kind, in code order.
    pub const ALL: [Self; 11] = [
        Self::Order,
        Self::Brief,
        Self::Visit,
        Self::Appeal,
        Self::Place,
        Self::Person,
        Self::Care,
        Self::Survey,
        Self::TaskForce,
        Self::Knowledge,
        Self::Reference,
    ];

    /// Returns the wire code, 1 and up.
    pub fn code(self) -> u8 {
        self as u8 + 1
    }

    /// Finds a kind by wire code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }

    /// Returns the name used in ids and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Brief => "brief",
            Self::Visit => "visit",
            Self::Appeal => "appeal",
            Self::Place => "place",
            Self::Person => "person",
            Self::Care => "care",
            Self::Survey => "survey",
            Self::TaskForce => "taskforce",
            Self::Knowledge => "kb",
            Self::Reference => "reference",
        }
    }

    /// Finds a kind by name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }

    /// Returns the table of this kind.
    pub fn spec(self) -> &'static KindSpec {
        tables::spec(self)
    }
}

/// How concurrent and later writes of a field combine (DOMAIN.md §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Set once, by the change that creates the document.
    Imm,
    /// Append-only records, union by event id.
    Log,
    /// Last writer by hybrid clock; concurrent losers stay readable.
    Lww,
    /// All concurrent values stay until a person resolves them.
    Mv,
    /// Add-wins set.
    Add,
    /// Grows only; concurrent values combine to the greatest.
    Max,
    /// Decided at headquarters by compare-and-set on `order_version`.
    Own,
    /// Written by headquarters only.
    Hq,
}

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Text of at most so many bytes.
    Text(usize),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Integer within bounds.
    Int(i64, i64),
    /// UTC milliseconds between 2000 and 2100.
    Time,
    /// Yes or no.
    Bool,
    /// A JSON object of at most so many bytes, kept verbatim.
    Json(usize),
}

/// One field or family of fields.
#[derive(Debug, Clone, Copy)]
pub struct FieldSpec {
    /// Key, or the part before the slash of a family.
    pub name: &'static str,
    /// Whether keys are `name/<member>`.
    pub family: bool,
    /// Value type.
    pub ty: Type,
    /// Merge rule.
    pub rule: Rule,
    /// Roles that may write it from a device ([`Role::System`] always may).
    pub writers: Roles,
}

/// One document kind: who may create and read it, and its fields.
#[derive(Debug)]
pub struct KindSpec {
    /// The kind.
    pub kind: DocKind,
    /// Roles that may create such a document from a device.
    pub creators: Roles,
    /// Roles whose devices may hold such a document at all (scope narrows it further).
    pub readers: Roles,
    /// The fields.
    pub fields: &'static [FieldSpec],
}

/// Longest member part of a family key, in bytes.
pub const MAX_MEMBER_BYTES: usize = 64;

/// A key that every kind has: when headquarters last joined a document's concurrent heads, so
/// that a document many wrote to offline never names more dependencies than a change may have.
pub const JOINED: &str = "joined";

static JOINED_FIELD: FieldSpec =
    FieldSpec { name: JOINED, family: false, ty: Type::Time, rule: Rule::Hq, writers: Roles::NONE };

impl KindSpec {
    /// Finds the field a key belongs to; `None` for keys this version does not know.
    pub fn field(&self, key: &str) -> Option<&'static FieldSpec> {
        if key == JOINED {
            return Some(&JOINED_FIELD);
        }
        let (name, member) = match key.split_once('/') {
            Some((name, member)) => (name, Some(member)),
            None => (key, None),
        };
        let spec = self.fields.iter().find(|f| f.name == name)?;
        let fits = match member {
            None => !spec.family,
            Some(m) => spec.family && is_member(m),
        };
        fits.then_some(spec)
    }
}

/// Says whether text may be the member part of a key: 1–64 bytes of letters, digits and `-_.:`.
pub fn is_member(text: &str) -> bool {
    (1..=MAX_MEMBER_BYTES).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
}

impl FieldSpec {
    /// Says whether a role may write the field.
    pub fn may_write(&self, role: Role) -> bool {
        role == Role::System || self.writers.has(role)
    }

    /// Says whether a value has the right type and size.
    pub fn accepts(&self, value: &Value) -> bool {
        match (self.ty, value) {
            (Type::Text(max), Value::Text(t)) => t.len() <= max && !t.contains('\0'),
            (Type::OneOf(words), Value::Text(t)) => words.contains(&t.as_str()),
            (Type::Int(min, max), Value::Int(i)) => (min..=max).contains(i),
            (Type::Time, Value::Int(i)) => (946_684_800_000..4_102_444_800_000).contains(i),
            (Type::Bool, Value::Bool(_)) => true,
            (Type::Json(max), Value::Text(t)) => {
                t.len() <= max
                    && serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(t).is_ok()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_round_trip() {
        for (i, kind) in DocKind::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(kind.code()), i + 1);
            assert_eq!(DocKind::from_code(kind.code()), Some(kind));
            assert_eq!(DocKind::from_name(kind.name()), Some(kind));
            assert_eq!(kind.spec().kind, kind);
        }
        assert_eq!(DocKind::from_code(0), None);
        assert_eq!(DocKind::from_code(200), None);
    }

    #[test]
    fn keys_resolve_to_their_field() {
        let spec = DocKind::Order.spec();
        for (key, want) in [
            ("severity", Some("severity")),
            ("tag/noise", Some("tag")),
            ("tag", None),
            ("severity/x", None),
            ("tag/", None),
            ("tag/a/b", None),
            ("tag/a b", None),
            ("nonsense", None),
        ] {
            assert_eq!(spec.field(key).map(|f| f.name), want, "{key}");
        }
    }

    #[test]
    fn no_table_names_a_field_twice_and_property_staff_reach_no_personal_kind() {
        for kind in DocKind::ALL {
            let spec = kind.spec();
            let mut names: Vec<_> = spec.fields.iter().map(|f| f.name).collect();
            names.sort_unstable();
            let before = names.len();
            names.dedup();
            assert_eq!(names.len(), before, "{kind:?}");
            if matches!(kind, DocKind::Brief | DocKind::Person | DocKind::Care) {
                assert!(!spec.readers.has(Role::PropertyStaff));
                assert!(!spec.creators.has(Role::PropertyStaff));
                assert!(spec.fields.iter().all(|f| !f.may_write(Role::PropertyStaff)));
            }
            for f in spec.fields {
                if matches!(f.rule, Rule::Own | Rule::Hq) {
                    assert_eq!(f.writers, Roles::NONE, "{kind:?}.{} is decided at HQ", f.name);
                }
            }
        }
    }
}
