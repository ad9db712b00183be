//! What can be saved of a damaged store.
//!
//! A new database is built beside the damaged one out of everything only this phone has: identity,
//! the chain with its entries, receipts, photos with their keys. What headquarters confirmed is pulled
//! again. The damaged files then move into `damaged-<n>`; nothing of them is written or deleted. What
//! was saved is written into the new database itself, and told to headquarters until a page answers.
//!
//! Invariant: the folder `salvage` appears under its name only when the new database in it is whole;
//! from then on every opening first ends what a crash left unfinished ([`finish`]). Before, nothing has
//! happened. Rejected: beginning anew by itself at opening: the person at the phone should know, and a
//! disk that fails for a moment must not cost a store; renumbering entries behind a hole, which makes
//! other entries of them than those that were called saved.

use super::{
    DocCache, FILE, StoreKey, docs, entries, io_error, meta, meta::key, migrate, open, photos, sync_folder,
    wal::Beside,
};
use crate::error::FieldError;
use lanewalk_protocol::sync::Salvage;
use rusqlite::{Connection, Transaction, config::DbConfig, types::Value};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The new store while it is built, and when it is whole.
const BUILDING: &str = "salvage.part";
const WHOLE: &str = "salvage";
/// Where the damaged files go, inside `salvage` and afterwards beside the store.
const ASIDE: &str = "damaged";

/// What was saved of a damaged store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Entries that could be read.
    pub entries: u64,
    /// Of these, entries that headquarters has not acknowledged.
    pub unsent: u64,
    /// Of the unsent, entries behind one that could not be read. Headquarters takes a chain without
    /// holes only: unless it holds the missing ones after all, these wait for a new code, with which they
    /// are written again under another device ([`crate::Field::enrol`]), or leave as an export.
    pub export_only: u64,
    /// Entries after the first unsent one that could not be read.
    pub missing: u64,
    /// Photos that could be read, with the keys of their files.
    pub photos: u64,
    /// False when it could not be read who this phone is: it is to be enrolled anew, and no entry was
    /// carried over; all stay in the damaged file.
    pub identity: bool,
}

/// What the new store takes over besides entries and photos. Cursor and fingerprint are left out, so
/// that everything is pulled again. What headquarters said of this device stays said, and the earliest
/// time that it can be stays behind it.
const KEPT: [&str; 22] = [
    key::DEVICE,
    key::DEVICE_KEY,
    key::URL,
    key::PINS,
    key::WAITING,
    key::REVOKED,
    key::EXPORTED,
    key::FLOOR,
    key::HQ_KEY,
    key::LEASE,
    key::CHAIN,
    key::NONCE,
    key::HQ_EPOCH,
    key::HLC,
    key::ANCHOR,
    key::HQ_TIME,
    key::DURABLE_SEQ,
    key::DURABLE_FILES,
    key::INSTALL_EPOCH,
    key::CONTACT,
    key::SALVAGES,
    key::SALVAGES_TOLD,
];
/// Without these this is no device.
const IDENTITY: [&str; 5] = [key::DEVICE, key::URL, key::HQ_KEY, key::LEASE, key::CHAIN];

/// A table copied row by row: name, columns, key.
type Table = (&'static str, &'static [&'static str], &'static str);

/// Files before the photos that name them.
const TABLES: [Table; 8] = [
    ("receipts", &["first_seq", "last_seq", "hq_epoch", "receipt"], "last_seq, first_seq, hq_epoch"),
    (
        "former",
        &[
            "device",
            "seq",
            "hash",
            "doc",
            "header",
            "change",
            "change_hash",
            "state",
            "refused_code",
            "refused_detail",
            "log_index",
            "again",
        ],
        "device, seq",
    ),
    (
        "former_receipts",
        &["device", "first_seq", "last_seq", "hq_epoch", "receipt"],
        "device, last_seq, first_seq, hq_epoch",
    ),
    ("tickets", &["id", "visit", "role", "wall_ms", "mono_ms", "boot"], "id"),
    (
        "files",
        &[
            "sha256",
            "bytes",
            "part",
            "name",
            "key",
            "made_at",
            "held",
            "trouble",
            "told",
            "upload",
            "sent",
            "receipt",
            "receipt_index",
            "receipt_epoch",
        ],
        "sha256",
    ),
    ("photos", &["id", "visit", "seq", "thumbnail", "evidence", "original", "phash"], "id"),
    ("checkpoints", &["n", "hq_epoch", "checkpoint"], "n"),
    ("contradictions", &["n", "kind", "held", "seen", "reported"], "n"),
];

const ENTRY: &[&str] = &[
    "seq",
    "hash",
    "doc",
    "header",
    "change",
    "change_hash",
    "state",
    "refused_code",
    "refused_detail",
    "log_index",
];

type Row = Vec<Value>;

/// Saves what can be read and puts the damaged files aside.
pub(super) fn run(directory: &Path, store_key: &StoreKey) -> Result<Salvaged, FieldError> {
    finish(directory)?;
    let mut wreck = Wreck { path: directory.join(FILE), key: store_key, alone: false };
    wreck.judge()?;
    let building = directory.join(BUILDING);
    let io = |e: std::io::Error| io_error(&e);
    if building.exists() {
        fs::remove_dir_all(&building).map_err(io)?;
    }
    fs::create_dir_all(building.join(ASIDE)).map_err(io)?;
    let report = wreck.build(directory, &building)?;
    sync_folder(&building.join(ASIDE)).map_err(io)?;
    sync_folder(&building).map_err(io)?;
    fs::rename(&building, directory.join(WHOLE)).map_err(io)?;
    sync_folder(directory).map_err(io)?;
    finish(directory)?;
    Ok(report)
}

/// Ends a salvage that a crash cut off; nothing when there was none.
pub(super) fn finish(directory: &Path) -> Result<(), FieldError> {
    let whole = directory.join(WHOLE);
    if !whole.exists() {
        return Ok(());
    }
    let io = |e: std::io::Error| io_error(&e);
    let aside = whole.join(ASIDE);
    if whole.join(FILE).exists() {
        fs::create_dir_all(&aside).map_err(io)?;
        for ending in ["", "-wal"] {
            let name = [FILE, ending].concat();
            let (from, to) = (directory.join(&name), aside.join(&name));
            if from.exists() && !to.exists() {
                fs::rename(from, to).map_err(io)?;
            }
        }
        let shared = directory.join([FILE, "-shm"].concat());
        if shared.exists() {
            fs::remove_file(shared).map_err(io)?;
        }
        // The damaged WAL must be gone from beside the new database before that is there.
        sync_folder(&aside).map_err(io)?;
        sync_folder(directory).map_err(io)?;
        fs::rename(whole.join(FILE), directory.join(FILE)).map_err(io)?;
        sync_folder(directory).map_err(io)?;
    }
    if aside.exists() {
        fs::rename(&aside, kept_in(directory, free_number(directory))).map_err(io)?;
        sync_folder(directory).map_err(io)?;
    }
    fs::remove_dir(&whole).map_err(io)
}

/// Returns the number of the next salvage: the first without a folder of damaged files.
fn free_number(directory: &Path) -> u32 {
    (1..u32::MAX).find(|n| !kept_in(directory, *n).exists()).unwrap_or(u32::MAX)
}

fn kept_in(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("{ASIDE}-{number}"))
}

/// Returns the first salvage that headquarters has not answered yet.
pub(crate) fn untold(conn: &Connection) -> Result<Option<Salvage>, FieldError> {
    let told = usize::try_from(meta::get_int(conn, key::SALVAGES_TOLD)?).unwrap_or(usize::MAX);
    Ok(all(conn)?.get(told).copied())
}

/// Notes that headquarters answered a request that carried this.
pub(crate) fn told(tx: &Transaction<'_>, salvage: &Salvage) -> Result<(), FieldError> {
    if untold(tx)?.as_ref() != Some(salvage) {
        return Ok(());
    }
    meta::put_int(tx, key::SALVAGES_TOLD, meta::get_int(tx, key::SALVAGES_TOLD)?.saturating_add(1))
}

/// Notes that headquarters may have forgotten all of them: it was restored from a backup (F26).
pub(crate) fn tell_again(tx: &Transaction<'_>) -> Result<(), FieldError> {
    meta::delete(tx, key::SALVAGES_TOLD)
}

fn all(conn: &Connection) -> Result<Vec<Salvage>, FieldError> {
    Ok(meta::get_cbor(conn, key::SALVAGES)?.unwrap_or_default())
}

/// Adds a salvage to those that headquarters is to hear of.
fn note(tx: &Transaction<'_>, number: u32, report: &Salvaged) -> Result<(), FieldError> {
    let &Salvaged { identity, entries, unsent, export_only, missing, photos } = report;
    // One of the two values may have been lost with its page.
    let mut salvages = all(tx).unwrap_or_default();
    let told = meta::get_int(tx, key::SALVAGES_TOLD)?.min(super::int(salvages.len() as u64));
    salvages.push(Salvage { number, identity, entries, unsent, export_only, missing, photos });
    meta::put_int(tx, key::SALVAGES_TOLD, told)?;
    meta::put_cbor(tx, key::SALVAGES, &salvages)
}

/// A damaged database; it is only read. SQLCipher refuses everything on a connection that met a
/// broken page, so each failure asks for a new one.
struct Wreck<'a> {
    path: PathBuf,
    key: &'a StoreKey,
    /// The log beside it is not its own: without it, the database is as it was last written back.
    alone: bool,
}

impl Wreck<'_> {
    fn open(&self) -> Result<Connection, FieldError> {
        if self.alone {
            return open::alone(&self.path, self.key);
        }
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = open::unlock(&self.path, self.key, flags)?;
        conn.pragma_update(None, "query_only", "ON")?;
        Ok(conn)
    }

    /// Refuses what is not damaged, or not by accident.
    fn judge(&mut self) -> Result<(), FieldError> {
        let opened = self.open();
        let beside = Beside::look(&self.path, self.key, opened.as_ref().map_err(Clone::clone));
        self.alone = beside == Ok(Beside::Foreign);
        let sound = beside.and_then(Beside::own).and(opened).and_then(|conn| {
            migrate::check(&conn)?;
            super::sound(&conn, &self.path)?;
            // Closed as any other, then.
            Ok(conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(drop)?)
        });
        match sound {
            Ok(()) => Err(FieldError::invalid("store", "not damaged")),
            Err(FieldError::Corrupt { .. }) => Ok(()),
            Err(other) => Err(other),
        }
    }

    fn build(&self, directory: &Path, building: &Path) -> Result<Salvaged, FieldError> {
        let mut report = Salvaged::default();
        let values = self.meta();
        report.identity = IDENTITY.iter().all(|key| values.iter().any(|(k, _)| k == key));
        let (mut conn, _) = open::writer(&building.join(FILE), self.key)?;
        let tx = conn.transaction()?;
        if report.identity {
            for (key, value) in &values {
                meta::put(&tx, key, value)?;
            }
            self.entries(&tx)?;
            for table in TABLES {
                let copied = self.copy(&tx, table)?;
                if table.0 == "photos" {
                    report.photos = copied;
                }
            }
            count(&tx, &mut report)?;
            // Saved, not readable, only as an export.
            let detail = format!("{} / {} / {}", report.entries, report.missing, report.export_only);
            meta::set_problem(&tx, "salvaged", &detail)?;
        }
        note(&tx, free_number(directory), &report)?;
        tx.commit()?;
        let held = photos::held(&conn)?.into_iter().map(|file| file.name).collect();
        keep_photos(directory, &building.join(ASIDE), &held)?;
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        conn.close().map_err(|(_, e)| FieldError::from(e))?;
        Ok(report)
    }

    /// Reads the settings one by one.
    fn meta(&self) -> Vec<(&'static str, Vec<u8>)> {
        let read = |key| self.open().and_then(|conn| meta::get(&conn, key)).ok().flatten();
        KEPT.iter().filter_map(|key| Some((*key, read(key)?))).collect()
    }

    /// Takes over every entry that can be read, under its own number.
    fn entries(&self, tx: &Transaction<'_>) -> Result<(), FieldError> {
        let end = super::int(meta::chain(tx)?.seq);
        let insert = insert("entries", ENTRY);
        let mut next = 1;
        while next <= end {
            let (rows, whole) =
                self.rows("entries", ENTRY, "WHERE seq >= ?1 ORDER BY seq", &[Value::Integer(next)]);
            for row in rows {
                let Some(Value::Integer(seq)) = row.first() else { continue };
                next = seq.saturating_add(1);
                tx.prepare_cached(&insert)?.execute(rusqlite::params_from_iter(&row))?;
            }
            if whole {
                break;
            }
            // The next one lies in a damaged page; one of those behind it may not.
            next = next.saturating_add(1);
        }
        let mut cache = DocCache::default();
        let mine: BTreeSet<_> = entries::unsent(tx)?.into_iter().map(|entry| entry.doc).collect();
        mine.into_iter().try_for_each(|doc| docs::refresh(tx, &mut cache, doc))
    }

    /// Copies the rows of a table before and behind its damaged pages; returns how many.
    fn copy(&self, tx: &Transaction<'_>, (name, columns, key): Table) -> Result<u64, FieldError> {
        let insert = insert(name, columns).replace("INSERT", "INSERT OR IGNORE");
        let (mut rows, whole) = self.rows(name, columns, &format!("ORDER BY {key}"), &[]);
        if !whole {
            let backwards = key.split(", ").map(|k| format!("{k} DESC")).collect::<Vec<_>>().join(", ");
            rows.extend(self.rows(name, columns, &format!("ORDER BY {backwards}"), &[]).0);
        }
        let mut copied = 0;
        for row in rows {
            match tx.prepare_cached(&insert)?.execute(rusqlite::params_from_iter(&row)) {
                Ok(n) => copied += n as u64,
                // A photo whose files' rows are lost.
                Err(rusqlite::Error::SqliteFailure(e, _))
                    if e.code == rusqlite::ErrorCode::ConstraintViolation => {}
                Err(other) => return Err(other.into()),
            }
        }
        Ok(copied)
    }

    /// Reads rows as far as they can be read, and whether that was all.
    fn rows(&self, table: &str, columns: &[&str], rest: &str, from: &[Value]) -> (Vec<Row>, bool) {
        let mut out = Vec::new();
        let sql = ["SELECT ", &columns.join(", "), " FROM ", table, " ", rest].concat();
        let read = || -> Result<(), FieldError> {
            let conn = self.open()?;
            let mut statement = conn.prepare(&sql)?;
            let mut rows = statement.query(rusqlite::params_from_iter(from))?;
            while let Some(row) = rows.next()? {
                out.push((0..columns.len()).map(|i| row.get(i)).collect::<Result<Row, _>>()?);
            }
            Ok(())
        };
        let whole = { read }().is_ok();
        (out, whole)
    }
}

/// Counts what was saved and what is missing.
fn count(tx: &Transaction<'_>, report: &mut Salvaged) -> Result<(), FieldError> {
    // Headquarters answers in order: what is missing below its last answer it has.
    let sql = "SELECT max(coalesce((SELECT max(last_seq) FROM receipts), 0), ?1,
                          coalesce((SELECT max(seq) FROM entries WHERE log_index IS NOT NULL), 0))";
    let durable = meta::get_int(tx, key::DURABLE_SEQ)?;
    let known: i64 = tx.query_row(sql, [durable], |r| r.get(0))?;
    let sql = "SELECT count(*), count(*) FILTER (WHERE log_index IS NULL), count(*) FILTER (WHERE seq > ?1) FROM entries";
    let (all, unsent, behind): (i64, i64, i64) =
        tx.query_row(sql, [known], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    let end = super::int(meta::chain(tx)?.seq);
    (report.entries, report.unsent) = (super::uint(all), super::uint(unsent));
    report.missing = super::uint(end.saturating_sub(known).saturating_sub(behind));
    // An entry in its place has as many before it as its number says.
    let sql = "SELECT count(*) FILTER (WHERE log_index IS NULL AND seq > ?1 + place)
               FROM (SELECT seq, log_index, row_number() OVER (ORDER BY seq) AS place FROM entries WHERE seq > ?1)";
    report.export_only = super::uint(tx.query_row(sql, [known], |r| r.get(0))?);
    Ok(())
}

fn insert(table: &str, columns: &[&str]) -> String {
    let places: Vec<String> = (1..=columns.len()).map(|n| format!("?{n}")).collect();
    ["INSERT INTO ", table, " (", &columns.join(", "), ") VALUES (", &places.join(", "), ")"].concat()
}

/// Keeps sealed files whose keys could not be read with the damaged store, which still has them.
fn keep_photos(directory: &Path, aside: &Path, held: &BTreeSet<String>) -> Result<(), FieldError> {
    let io = |e: std::io::Error| io_error(&e);
    let Ok(files) = fs::read_dir(directory.join("photos")) else { return Ok(()) };
    for file in files {
        let file = file.map_err(io)?;
        if file.file_name().to_str().is_some_and(|name| held.contains(name)) {
            continue;
        }
        let folder = aside.join("photos");
        fs::create_dir_all(&folder).map_err(io)?;
        // Android refuses hard links.
        let to = folder.join(file.file_name());
        fs::copy(file.path(), &to).and_then(|_| fs::File::open(&to)?.sync_all()).map_err(io)?;
        sync_folder(&folder).map_err(io)?;
    }
    Ok(())
}
