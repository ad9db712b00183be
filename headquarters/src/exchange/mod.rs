//! Signed files for a neighbour without a network, both ways (R24; docs/exchange.md).
//!
//! Invariant: a file is taken in whole or not at all, in the order of its numbers, from a key that
//! an administrator registered, and only when it was made for this headquarters. Rejected: a mailbox
//! of loose records; nobody could say which never arrived.

mod container;
mod give;
mod take;
#[cfg(test)]
mod tests;

pub use container::{Broken, Head, Kind, MAX_BYTES, MAX_LINES, seal};
pub use give::Given;
pub use take::{OrderLine, TakenFile};

use crate::{error::HqError, hq::Headquarters, people::audit};
use lanewalk_protocol::keys::PublicKey;
use rusqlite::{Connection, OptionalExtension as _, params};

/// Longest name of a neighbour, characters.
const NAME_CHARS: usize = 64;

/// A neighbour.
#[derive(Debug, Clone)]
pub(crate) struct Neighbour {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) key: PublicKey,
    /// It hears of every order with an upstream id.
    pub(crate) all_of: bool,
}

impl Headquarters {
    /// Returns this headquarters' key as neighbours register it.
    pub fn exchange_key(&self) -> String {
        self.core.signer.public_key().to_text()
    }

    /// Registers a neighbour's key, or gives a known neighbour a new one; its numbers go on.
    /// With `all_of` it hears of every order with an upstream id, else only of those it brought.
    pub fn trust_neighbour(&mut self, name: &str, key: &str, all_of: bool) -> Result<(), HqError> {
        let name = name.trim();
        let reserved = ["csv", "form", "appeal", "open311"].contains(&name);
        if name.is_empty()
            || reserved
            || name.chars().count() > NAME_CHARS
            || name.chars().any(char::is_control)
        {
            return Err(HqError::NotAllowed(
                "请给对方起一个别的名称 / give the neighbour another name".into(),
            ));
        }
        let read = PublicKey::from_text(key)
            .ok_or_else(|| HqError::NotAllowed("公钥无效，应为 ed25519:… / not a key: ed25519:…".into()))?;
        self.act(|tx, core| {
            let now = core.now().0;
            tx.execute(
                "INSERT INTO neighbours (name, key, all_of, added_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (name) DO UPDATE SET key = excluded.key, all_of = excluded.all_of",
                params![name, read.to_text(), all_of, now],
            )?;
            audit(
                tx,
                lanewalk_model::time::TimeMs(now),
                "hq",
                "trust_neighbour",
                &format!("{name} {}", read.short_fingerprint()),
            )
        })
    }
}

impl Neighbour {
    /// Lists all, by name.
    pub(crate) fn all(db: &Connection) -> Result<Vec<Self>, HqError> {
        let mut statement =
            db.prepare_cached("SELECT id, name, key, all_of FROM neighbours ORDER BY name")?;
        let rows =
            statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get::<_, String>(2)?, r.get(3)?)))?;
        let mut all = Vec::new();
        for row in rows {
            let (id, name, key, all_of) = row?;
            let Some(key) = PublicKey::from_text(&key) else { continue };
            all.push(Self { id, name, key, all_of });
        }
        Ok(all)
    }

    fn named(db: &Connection, name: &str) -> Result<Self, HqError> {
        let found = Self::all(db)?.into_iter().find(|n| n.name == name.trim());
        found.ok_or_else(|| HqError::NotAllowed(format!("没有登记 / not registered: {name}")))
    }

    /// Finds the number of the last file given to it, or taken from it.
    pub(crate) fn last(&self, db: &Connection, taken: bool) -> Result<u64, HqError> {
        Ok(db
            .prepare_cached(
                "SELECT coalesce(max(seq), 0) FROM exchange_files WHERE neighbour = ?1 AND taken = ?2",
            )?
            .query_row(params![self.id, taken], |r| r.get(0))?)
    }
}

/// A file that was given or taken, as the list shows it.
#[derive(Debug, Clone)]
pub(crate) struct Filed {
    pub(crate) neighbour: String,
    pub(crate) taken: bool,
    pub(crate) seq: u64,
    pub(crate) at: i64,
    pub(crate) by: String,
    pub(crate) lines: u64,
    /// Files before a taken one that never came.
    pub(crate) missing: u64,
}

impl Filed {
    /// Lists the latest.
    pub(crate) fn latest(db: &Connection, most: i64) -> Result<Vec<Self>, HqError> {
        let mut statement = db.prepare_cached(
            "SELECT n.name, f.taken, f.seq, f.at, f.by, f.lines, CASE f.taken WHEN 1 THEN f.mark ELSE 0 END
             FROM exchange_files f JOIN neighbours n ON n.id = f.neighbour ORDER BY f.at DESC, f.seq DESC LIMIT ?1",
        )?;
        let rows = statement.query_map([most], |r| {
            Ok(Self {
                neighbour: r.get(0)?,
                taken: r.get(1)?,
                seq: r.get(2)?,
                at: r.get(3)?,
                by: r.get(4)?,
                lines: r.get(5)?,
                missing: r.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Finds the content's hash of a file with a number.
fn filed(db: &Connection, neighbour: i64, taken: bool, seq: u64) -> Result<Option<Vec<u8>>, HqError> {
    Ok(db
        .prepare_cached("SELECT sha256 FROM exchange_files WHERE neighbour = ?1 AND taken = ?2 AND seq = ?3")?
        .query_row(params![neighbour, taken, seq], |r| r.get(0))
        .optional()?)
}
