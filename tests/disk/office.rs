//! Headquarters' store at every crash point (F25, I2).

use crate::{
    DAY,
    crash::{self, Print, Store},
    day::Day,
    number,
};
use lanewalk_headquarters::{Headquarters, HqError, Settings, gate::InProcess, store::Place};
use lanewalk_model::{id::Hash, photo::FileRef};
use rusqlite::{Connection, OpenFlags};
use std::{path::Path, sync::Arc};
use support::{
    clock::{HqSource, TownClock},
    dice::Dice,
    town::START,
};

/// Headquarters in one of its folders; backups lie beside them.
pub(crate) struct Office(pub(crate) &'static str);

fn words(e: impl std::fmt::Display) -> String {
    e.to_string()
}

fn raw(file: &Path) -> rusqlite::Result<Option<Connection>> {
    if !file.exists() {
        return Ok(None);
    }
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map(Some)
}

/// Opens the product on a folder.
pub(crate) fn open(day: &Day, folder: &Path) -> Result<Headquarters, HqError> {
    let source = HqSource::new(TownClock::new(START + 86_400_000), Dice::new(day.seed, 56));
    let settings = Settings { public_url: "http://hq.test".into(), ..Settings::default() };
    Headquarters::open(&Place::File(folder.join("hq.db")), settings, Arc::new(source), Box::new(InProcess))
}

fn whole(db: &Connection) -> Result<(), String> {
    let verdict: String = db.query_row("PRAGMA integrity_check", [], |r| r.get(0)).map_err(words)?;
    if verdict == "ok" { Ok(()) } else { Err(verdict) }
}

impl Store for Office {
    fn side(&self) -> &'static str {
        self.0
    }

    fn has(&self, name: &Path) -> bool {
        // Backups lie beside the folders; the new headquarters has none.
        name.starts_with(self.0) || (self.0 != "hq-new" && name.to_string_lossy().starts_with("backup-"))
    }

    fn print(&self, folder: &Path) -> Result<Print, String> {
        let Some(db) = raw(&folder.join(self.0).join("hq.db")).map_err(words)? else {
            return crash::cells(&Connection::open_in_memory().unwrap()).map_err(words);
        };
        whole(&db)?;
        crash::cells(&db).map_err(words)
    }

    fn durable(&self, _: &Day, _: usize) -> bool {
        true
    }

    fn check(&self, day: &Day, done: Option<usize>, folder: &Path) -> Result<(), String> {
        let at = folder.join(self.0);
        std::fs::create_dir_all(&at).map_err(words)?;
        let mut hq = open(day, &at).map_err(words)?;
        // I2: what a phone holds a receipt for.
        let receipts = done.map_or(&[][..], |done| &day.stages[done].receipts);
        if self.0 == "hq-0" {
            let mut held = hq.reader().prepare("SELECT 1 FROM log WHERE hash = ?1").map_err(words)?;
            for Hash(hash) in receipts {
                if !held.exists([hash]).map_err(words)? {
                    return Err("an entry with a receipt is not in the log".into());
                }
            }
        }
        // The restored one's files are hard links to files that were written in other folders, which its
        // journal does not follow.
        if self.0 != "hq-1" {
            files(&hq, &at)?;
        }
        horizon(&hq, folder)?;
        hq.tick().map_err(words)?;
        hq.sweep_uploads().map_err(words)?;
        whole(hq.reader())
    }
}

/// Every file headquarters gave a receipt for lies there, whole.
fn files(hq: &Headquarters, at: &Path) -> Result<(), String> {
    let mut statement = hq.reader().prepare("SELECT sha256, bytes FROM files").map_err(words)?;
    let mut rows = statement.query([]).map_err(words)?;
    while let Some(row) = rows.next().map_err(words)? {
        let file = FileRef { sha256: Hash(row.get(0).map_err(words)?), bytes: row.get(1).map_err(words)? };
        let name = file.sha256.to_string();
        let bytes = std::fs::read(at.join("photos").join(&name[..2]).join(&name))
            .map_err(|e| format!("file {name}: {e}"))?;
        if FileRef::of(&bytes) != file {
            return Err(format!("file {name} is not what it says"));
        }
    }
    Ok(())
}

/// A horizon that phones may let go by is covered by a backup that opens, is whole and reaches so far.
fn horizon(hq: &Headquarters, folder: &Path) -> Result<(), String> {
    let number = |key: &str| -> Result<u64, String> {
        let sql = "SELECT value FROM meta WHERE key = ?1";
        let found = hq.reader().prepare(sql).and_then(|mut s| {
            let mut rows = s.query([key])?;
            rows.next()?.map(|r| r.get::<_, Vec<u8>>(0)).transpose()
        });
        Ok(found.map_err(words)?.map_or(0, |b| b.try_into().map_or(0, u64::from_be_bytes)))
    };
    let (index, last) = (number("durable_index")?, number("durable_files")?);
    if index == 0 && last == 0 {
        return Ok(());
    }
    let name = std::fs::read_dir(folder).map_err(words)?.flatten().map(|e| e.path()).find(|path| {
        path.extension().is_some_and(|e| e == "db")
            && path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("backup-"))
    });
    let name = name.ok_or("a horizon without a backup")?;
    let copy = raw(&name).map_err(words)?.ok_or("a horizon without a backup")?;
    whole(&copy)?;
    let reached: u64 =
        copy.query_row("SELECT coalesce(max(idx), 0) FROM log", [], |r| r.get(0)).map_err(words)?;
    if reached < index {
        return Err(format!("the backup reaches {reached}, the horizon says {index}"));
    }
    let mut statement = copy.prepare("SELECT sha256, bytes FROM files WHERE n <= ?1").map_err(words)?;
    let mut rows = statement.query([last]).map_err(words)?;
    while let Some(row) = rows.next().map_err(words)? {
        let file = FileRef { sha256: Hash(row.get(0).map_err(words)?), bytes: row.get(1).map_err(words)? };
        let hex = file.sha256.to_string();
        let path = Path::new(&format!("{}.photos", name.display())).join(&hex[..2]).join(&hex);
        let bytes = std::fs::read(path).map_err(|e| format!("file {hex} of the backup: {e}"))?;
        if FileRef::of(&bytes) != file {
            return Err(format!("file {hex} of the backup is not what it says"));
        }
    }
    Ok(())
}

/// F25, I2: whatever a crash leaves, every receipt given out is honoured, and no horizon lies.
#[test]
fn headquarters_survives_a_crash_at_every_point() {
    let day = &*DAY;
    let subsets = number("DISK_SUBSETS", 4);
    for (folder, floor) in [("hq-new", 1_500), ("hq-0", 4_000), ("hq-1", 1_000)] {
        let counts = crash::everywhere(&Office(folder), day, subsets);
        crash::report(&Office(folder), day, &counts, floor);
    }
}
