//! A CSV file between the look at it and its taking in.
//!
//! Invariant: what is taken in is read again from the kept file with the kept mapping, so it is what
//! was looked at; a file is taken in once. Drafts go after a day; they hold personal data.

use super::{Acceptance, Arrival, Imported};
use crate::{
    core::Core,
    error::HqError,
    hq::Headquarters,
    import::{ImportLimits, ImportOutcome, Mapping, read_csv, repair_csv},
    people::audit,
};
use lanewalk_model::id::to_hex;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

/// Life of a draft.
const DRAFT_MS: i64 = 24 * 3_600_000;
/// Longest name of a mapping, characters.
const NAME_CHARS: usize = 64;

/// A file that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    /// Id, in hexadecimal.
    pub(crate) id: String,
    /// When.
    pub(crate) at: i64,
    /// By whom.
    pub(crate) by: String,
    /// The file's name.
    pub(crate) name: String,
    /// What became of it, in words; `None` before.
    pub(crate) taken: Option<String>,
}

impl Draft {
    /// Lists the latest.
    pub(crate) fn list(db: &Connection, most: i64) -> Result<Vec<Self>, HqError> {
        let mut statement =
            db.prepare("SELECT id, at, by, name, taken FROM import_drafts ORDER BY at DESC LIMIT ?1")?;
        let rows = statement.query_map([most], |r| {
            let id: Vec<u8> = r.get(0)?;
            Ok(Self { id: to_hex(&id), at: r.get(1)?, by: r.get(2)?, name: r.get(3)?, taken: r.get(4)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// What taking a file in would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// What was read.
    pub read: ImportOutcome,
    /// Orders that are not here.
    pub new: u32,
    /// Here and the same.
    pub known: u32,
    /// Here and different.
    pub amended: u32,
    /// New ones without exactly one match in the catalogue.
    pub triage: u32,
}

/// A stored draft with what reading needs.
struct Kept {
    mapping: Mapping,
    bytes: Vec<u8>,
    taken: Option<String>,
}

impl Headquarters {
    /// Keeps a mapping file under a name. Refused with the reason where it cannot be used.
    pub fn keep_mapping(&mut self, name: &str, toml: &str, by: &str) -> Result<(), HqError> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > NAME_CHARS || name.chars().any(char::is_control) {
            return Err(HqError::NotAllowed("请给映射起一个名称 / give the mapping a name".into()));
        }
        Mapping::from_toml(toml).map_err(|e| HqError::NotAllowed(e.to_string()))?;
        self.act(|tx, core| {
            let now = core.now().0;
            tx.execute(
                "INSERT INTO mappings (name, toml, at, by) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (name) DO UPDATE SET toml = excluded.toml, at = excluded.at, by = excluded.by",
                params![name, toml, now, by],
            )?;
            audit(tx, lanewalk_model::time::TimeMs(now), by, "mapping", name)
        })
    }

    /// Reads a file without taking anything in, and keeps it for a day. Refused with the reason
    /// where the file as a whole cannot be read.
    pub fn draft_import(
        &mut self,
        name: &str,
        bytes: &[u8],
        mapping: &str,
        by: &str,
    ) -> Result<([u8; 16], Looked), HqError> {
        self.act(|tx, core| {
            let toml: Option<String> = tx
                .query_row("SELECT toml FROM mappings WHERE name = ?1", [mapping], |r| r.get(0))
                .optional()?;
            let toml = toml.ok_or_else(|| HqError::NotAllowed("没有这个映射 / no such mapping".into()))?;
            let now = core.now().0;
            let kept = Kept { mapping: parse(&toml)?, bytes: bytes.to_vec(), taken: None };
            let read = kept.read(now)?;
            let looked = core.look(tx, read)?;
            let id = core.uuid();
            tx.execute("DELETE FROM import_drafts WHERE at < ?1", [now.saturating_sub(DRAFT_MS)])?;
            tx.execute(
                "INSERT INTO import_drafts (id, at, by, name, mapping, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![id, now, by, name, toml, bytes],
            )?;
            audit(tx, lanewalk_model::time::TimeMs(now), by, "import_look", &to_hex(&id))?;
            Ok((id, looked))
        })
    }

    /// Takes in the orders of a draft, once. With `later`, nobody has accepted them yet.
    pub fn take_draft(&mut self, id: [u8; 16], by: &str, later: bool) -> Result<Imported, HqError> {
        let kept = Kept::find(&self.db, id)?;
        if kept.taken.is_some() {
            return Err(HqError::NotAllowed("这个文件已经导入过 / this file was taken in before".into()));
        }
        let read = kept.read(self.core.now().0)?;
        let accepted = if later { Acceptance::Later } else { Acceptance::by_clerk(&self.db, by)? };
        let arrivals = read.orders.iter().zip(&read.places).map(|(order, place)| {
            let payload = kept.bytes.get(place.clone()).map(|raw| ("text/csv", raw));
            Arrival { payload, ..Arrival::from(order) }
        });
        let done = self.take_in(arrivals, accepted)?;
        self.act(|tx, core| {
            let words =
                format!("新 {} new, 已有 {} known, 补充 {} amended", done.new, done.known, done.amended);
            tx.execute("UPDATE import_drafts SET taken = ?2 WHERE id = ?1", params![id, words])?;
            audit(tx, core.now(), by, "import_take", &to_hex(&id))
        })?;
        Ok(done)
    }

    /// Gives the refused rows of a draft back as a file, after an audit line.
    pub fn refused_rows(&mut self, id: [u8; 16], by: &str) -> Result<Vec<u8>, HqError> {
        self.act(|tx, core| {
            let kept = Kept::find(tx, id)?;
            let now = core.now().0;
            let read = kept.read(now)?;
            audit(tx, lanewalk_model::time::TimeMs(now), by, "import_refused_rows", &to_hex(&id))?;
            repair_csv(&kept.bytes, &kept.mapping, &read).map_err(|e| HqError::NotAllowed(e.to_string()))
        })
    }
}

impl Kept {
    fn find(db: &Connection, id: [u8; 16]) -> Result<Self, HqError> {
        let found: Option<(String, Vec<u8>, Option<String>)> = db
            .prepare_cached("SELECT mapping, bytes, taken FROM import_drafts WHERE id = ?1")?
            .query_row([id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
            .optional()?;
        let gone =
            || HqError::NotAllowed("文件已不在，请重新上传 / the file is gone: upload it again".into());
        let (toml, bytes, taken) = found.ok_or_else(gone)?;
        Ok(Self { mapping: parse(&toml)?, bytes, taken })
    }

    fn read(&self, now: i64) -> Result<ImportOutcome, HqError> {
        let limits = ImportLimits::at(now);
        read_csv(&self.bytes, &self.mapping, &limits).map_err(|e| HqError::NotAllowed(e.to_string()))
    }
}

fn parse(toml: &str) -> Result<Mapping, HqError> {
    Mapping::from_toml(toml).map_err(|e| HqError::NotAllowed(e.to_string()))
}

impl Core {
    fn look(&self, tx: &Transaction<'_>, read: ImportOutcome) -> Result<Looked, HqError> {
        let mut looked = Looked { new: 0, known: 0, amended: 0, triage: 0, read };
        let mut statement = tx.prepare_cached("SELECT payload_hash FROM upstream WHERE upstream_id = ?1")?;
        for order in &looked.read.orders {
            let hash: Option<Vec<u8>> = statement.query_row([&order.upstream_id], |r| r.get(0)).optional()?;
            match hash {
                Some(hash) if hash == self.payload_mark(&order.payload_sha256) => looked.known += 1,
                Some(_) => looked.amended += 1,
                None => {
                    looked.new += 1;
                    looked.triage += u32::from(self.catalog.exact_match(&order.matter_text).is_none());
                }
            }
        }
        Ok(looked)
    }
}
