//! Who read or did what: one line each, chained by hashes.
//!
//! Invariant: a line is written before what it is about is shown, never changes and is never
//! deleted; residents stand in it as keyed hashes of name and number, so "who saw me" can be
//! answered and the log itself names nobody. Rejected: plain hashes of numbers; all numbers of a
//! town are tried in a second.

use crate::{console::web::Ask, error::HqError, hq::Headquarters, store};
use hmac::{Hmac, KeyInit as _, Mac as _};
use lanewalk_model::time::TimeMs;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, Transaction};
use sha2::{Digest as _, Sha256};

/// A line before it is written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Line<'a> {
    /// Staff id; `hq` for a rule.
    pub(crate) who: &'a str,
    /// Role id at that moment; empty where it does not matter.
    pub(crate) role: &'a str,
    /// Stable code, such as `reveal`.
    pub(crate) what: &'a str,
    /// Document, person or device.
    pub(crate) about: &'a str,
    /// Why, in words.
    pub(crate) purpose: &'a str,
    /// Name and phone of the resident.
    pub(crate) resident: Option<(&'a str, &'a str)>,
    /// Beginning of the session's hash.
    pub(crate) session: &'a str,
}

/// Who does an act about staff and devices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By<'a> {
    /// Staff id.
    pub(crate) who: &'a str,
    /// Beginning of the session's hash.
    pub(crate) session: &'a str,
}

impl By<'_> {
    /// The house's own command line, which has no account.
    pub(crate) const HOUSE: Self = Self { who: "hq", session: "" };

    /// Writes a line about what was done.
    pub(crate) fn did(
        self,
        tx: &Transaction<'_>,
        at: TimeMs,
        what: &str,
        about: &str,
    ) -> Result<(), HqError> {
        let Self { who, session } = self;
        note(tx, at, &Line { who, what, about, session, ..Line::default() })
    }
}

/// Writes a line without a resident.
pub(crate) fn audit(
    tx: &Transaction<'_>,
    at: TimeMs,
    who: &str,
    what: &str,
    about: &str,
) -> Result<(), HqError> {
    note(tx, at, &Line { who, what, about, ..Line::default() })
}

/// Writes a line.
pub(crate) fn note(tx: &Transaction<'_>, at: TimeMs, line: &Line<'_>) -> Result<(), HqError> {
    let key = store::meta(tx, "resident_key")?.unwrap_or_default();
    let (name, phone) = line.resident.unwrap_or_default();
    let (name, phone) = (keyed(&key, b'n', &plain_name(name)), keyed(&key, b'p', &digits(phone)));
    let (n, before) = tx
        .prepare_cached("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1")?
        .query_row([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, Vec<u8>>(1)?)))
        .optional()?
        .unwrap_or_default();
    let stored = AuditLine {
        n: n + 1,
        at,
        who: line.who.to_owned(),
        role: line.role.to_owned(),
        what: line.what.to_owned(),
        about: line.about.to_owned(),
        purpose: line.purpose.to_owned(),
        session: line.session.to_owned(),
        name,
        phone,
    };
    tx.prepare_cached(
        "INSERT INTO audit (n, at, who, role, what, about, purpose, name, phone, session, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(rusqlite::params![
        stored.n,
        at.0,
        stored.who,
        stored.role,
        stored.what,
        stored.about,
        stored.purpose,
        stored.name,
        stored.phone,
        stored.session,
        stored.hash(&before)
    ])?;
    Ok(())
}

/// A line as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// Number, without gaps.
    pub n: i64,
    /// HQ time.
    pub at: TimeMs,
    /// Staff id.
    pub who: String,
    /// Role id.
    pub role: String,
    /// Code of what was read or done.
    pub what: String,
    /// Document, person or device.
    pub about: String,
    /// Why.
    pub purpose: String,
    /// Beginning of the session's hash.
    pub session: String,
    name: Option<Vec<u8>>,
    phone: Option<Vec<u8>>,
}

impl AuditLine {
    pub(super) fn read(r: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            n: r.get(0)?,
            at: TimeMs(r.get(1)?),
            who: r.get(2)?,
            role: r.get(3)?,
            what: r.get(4)?,
            about: r.get(5)?,
            purpose: r.get(6)?,
            name: r.get(7)?,
            phone: r.get(8)?,
            session: r.get(9)?,
        })
    }

    pub(super) fn hash(&self, before: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut put = |bytes: &[u8]| {
            hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(bytes);
        };
        put(before);
        put(&self.n.to_be_bytes());
        put(&self.at.0.to_be_bytes());
        for text in [&self.who, &self.role, &self.what, &self.about, &self.purpose, &self.session] {
            put(text.as_bytes());
        }
        put(self.name.as_deref().unwrap_or_default());
        put(self.phone.as_deref().unwrap_or_default());
        hash.finalize().into()
    }

    /// Says whether it is about a resident.
    pub fn names_resident(&self) -> bool {
        self.name.is_some() || self.phone.is_some()
    }
}

pub(super) const COLUMNS: &str = "n, at, who, role, what, about, purpose, name, phone, session";

/// What is looked for; empty fields do not count.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Staff id.
    pub who: String,
    /// Document, person or device; an order also by its bare id.
    pub about: String,
    /// A resident's name as written.
    pub name: String,
    /// A resident's number as written.
    pub phone: String,
    /// First moment.
    pub from: Option<TimeMs>,
    /// First moment that is too late.
    pub to: Option<TimeMs>,
}

/// Lines that were found, the newest first.
#[derive(Debug, Default)]
pub struct Found {
    /// At most as many as asked for.
    pub lines: Vec<AuditLine>,
    /// How many there are.
    pub total: u64,
}

/// Looks for lines.
pub fn search(db: &Connection, wanted: &Search, most: usize) -> Result<Found, HqError> {
    let key = store::meta(db, "resident_key")?.unwrap_or_default();
    let name = keyed(&key, b'n', &plain_name(&wanted.name));
    let phone = keyed(&key, b'p', &digits(&wanted.phone));
    let (from, to) = (wanted.from.map(|t| t.0), wanted.to.map(|t| t.0));
    let mut values: Vec<&dyn ToSql> = Vec::new();
    let mut which = String::from("1");
    if !wanted.who.is_empty() {
        values.push(&wanted.who);
        which.push_str(&format!(" AND who = ?{}", values.len()));
    }
    if !wanted.about.is_empty() {
        values.push(&wanted.about);
        let n = values.len();
        which.push_str(&format!(" AND about IN (?{n}, 'order:' || ?{n})"));
    }
    for (column, hash) in [("name = ", &name), ("phone = ", &phone)] {
        if hash.is_some() {
            values.push(hash);
            which.push_str(&format!(" AND {column}?{}", values.len()));
        }
    }
    for (column, time) in [("at >= ", &from), ("at < ", &to)] {
        if time.is_some() {
            values.push(time);
            which.push_str(&format!(" AND {column}?{}", values.len()));
        }
    }
    let total = db
        .prepare(&format!("SELECT count(*) FROM audit WHERE {which}"))?
        .query_row(values.as_slice(), |r| r.get(0))?;
    let mut statement =
        db.prepare(&format!("SELECT {COLUMNS} FROM audit WHERE {which} ORDER BY n DESC LIMIT {most}"))?;
    let lines = statement.query_map(values.as_slice(), AuditLine::read)?.collect::<Result<_, _>>()?;
    Ok(Found { lines, total })
}

fn plain_name(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace()).collect()
}

fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}

fn keyed(key: &[u8], kind: u8, text: &str) -> Option<Vec<u8>> {
    if text.is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(&[kind]);
    mac.update(text.as_bytes());
    Some(mac.finalize().into_bytes().to_vec())
}

impl Headquarters {
    /// Writes a line about an act of staff.
    pub(crate) fn note_act(
        &mut self,
        who: &str,
        what: &str,
        about: &str,
        session: &str,
    ) -> Result<(), HqError> {
        self.act(|tx, core| note(tx, core.now(), &Line { who, what, about, session, ..Line::default() }))
    }

    /// Writes a line about a resident's data that are about to be shown.
    pub(crate) fn note_read(
        &mut self,
        what: &str,
        about: &str,
        resident: Option<(&str, &str)>,
        ask: &Ask,
        purpose: &str,
    ) -> Result<(), HqError> {
        let (subject, session) = (&ask.visitor.subject, ask.visitor.session.as_str());
        let (who, role) = (subject.worker.as_str(), subject.role.id());
        let line = Line { who, role, what, about, purpose, resident, session };
        self.act(|tx, core| note(tx, core.now(), &line))
    }
}
