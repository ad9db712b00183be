//! The phone's store at every crash point (F1, F3, F10, F11).

use crate::{
    DAY,
    crash::{self, Print, Store},
    day::{Day, Promise},
    number,
};
use lanewalk_field::{Config, Field};
use lanewalk_model::{id::Hash, photo::PhotoPart};
use lanewalk_protocol::{
    entry::Header,
    keys::{Algorithm, SoftSigner},
};
use rusqlite::{Connection, OpenFlags};
use std::{path::Path, sync::Arc};
use support::{
    clock::{PhoneSource, TownClock},
    dice::Dice,
    town::START,
};

pub(crate) const FOLDER: &str = "phone-0-0";

/// The phone.
pub(crate) struct Phone;

fn words(e: impl std::fmt::Display) -> String {
    e.to_string()
}

/// Opens a phone's database beside the product; `None` when there is none yet.
pub(crate) fn raw(key: &[u8; 32], folder: &Path) -> rusqlite::Result<Option<Connection>> {
    let file = folder.join("lanewalk.db");
    if !file.exists() {
        return Ok(None);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(file, flags)?;
    db.pragma_update_and_check(None, "cipher_log_level", "NONE", |_| Ok(()))?;
    db.execute_batch(&format!("PRAGMA key = \"x'{}'\"", lanewalk_model::id::to_hex(key)))?;
    Ok(Some(db))
}

/// Opens the product on a folder.
pub(crate) fn open(day: &Day, folder: &Path) -> Result<Field, lanewalk_field::FieldError> {
    open_again(day, folder, 0)
}

/// Opens it with randomness that no opening before had.
pub(crate) fn open_again(day: &Day, folder: &Path, n: u64) -> Result<Field, lanewalk_field::FieldError> {
    let source = PhoneSource::new(TownClock::new(START + 86_400_000), Dice::new(day.seed, 55 + 1_000 * n));
    let signer = SoftSigner::new(Algorithm::Es256, &[3; 32]).unwrap();
    Field::open(Config::new(folder.to_owned(), day.key.clone()), Arc::new(source), Arc::new(signer))
}

impl Store for Phone {
    fn side(&self) -> &'static str {
        "phone"
    }

    fn has(&self, name: &Path) -> bool {
        name.starts_with(FOLDER)
    }

    fn print(&self, folder: &Path) -> Result<Print, String> {
        let Some(db) = raw(&DAY.key_bytes, &folder.join(FOLDER)).map_err(words)? else {
            return crash::cells(&Connection::open_in_memory().unwrap()).map_err(words);
        };
        let verdict: String = db.query_row("PRAGMA integrity_check", [], |r| r.get(0)).map_err(words)?;
        if verdict != "ok" {
            return Err(verdict);
        }
        // Torn pages beneath a WAL are written over before anybody reads them.
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(words)?;
        let broken =
            db.prepare("PRAGMA cipher_integrity_check").and_then(|mut s| s.exists([])).map_err(words)?;
        if broken {
            return Err("a page fails its checksum".into());
        }
        crash::cells(&db).map_err(words)
    }

    fn durable(&self, day: &Day, stage: usize) -> bool {
        matches!(day.stages[stage].promise, Promise::Saved(_) | Promise::Kept)
    }

    fn check(&self, day: &Day, done: Option<usize>, folder: &Path) -> Result<(), String> {
        let folder = folder.join(FOLDER);
        let field = open(day, &folder).map_err(words)?;
        let status = field.status().map_err(words)?;
        chain(&day.key_bytes, &folder)?;
        photos(day, done, &field, &folder)?;
        // It goes on: the next act continues the chain.
        if field.document(day.order).is_ok() {
            let saved = field.add_note(day.order, "重启之后").map_err(words)?;
            if saved.seq != status.last_seq + 1 {
                return Err(format!("entry {} after {}", saved.seq, status.last_seq));
            }
        }
        field.close().map_err(words)?;
        // And leaves a sound file, all of it written back.
        self.print(folder.parent().unwrap_or(&folder)).map(|_| ())
    }
}

/// The entries form one chain that ends where the store says.
pub(crate) fn chain(key: &[u8; 32], folder: &Path) -> Result<(), String> {
    let Some(db) = raw(key, folder).map_err(words)? else { return Ok(()) };
    let mut statement = db.prepare("SELECT seq, hash, header FROM entries ORDER BY seq").map_err(words)?;
    let mut rows = statement.query([]).map_err(words)?;
    let mut before: Option<(u64, Hash)> = None;
    while let Some(row) = rows.next().map_err(words)? {
        let (seq, hash): (u64, [u8; 32]) = (row.get(0).map_err(words)?, row.get(1).map_err(words)?);
        let header = Header::from_bytes(&row.get::<_, Vec<u8>>(2).map_err(words)?).map_err(words)?;
        if header.seq != seq || header.hash() != Hash(hash) {
            return Err(format!("entry {seq} is not what it says"));
        }
        if before.is_some_and(|before| before != (seq - 1, header.prev)) {
            return Err(format!("the chain breaks before entry {seq}"));
        }
        before = Some((seq, Hash(hash)));
    }
    let end: Option<Vec<u8>> =
        db.query_row("SELECT max(value) FROM meta WHERE key = 'chain'", [], |r| r.get(0)).map_err(words)?;
    match (end, before) {
        (Some(end), Some((seq, hash))) if end != [&seq.to_be_bytes()[..], &hash.0].concat() => {
            Err("the chain's end is another".into())
        }
        (None, Some(_)) => Err("the chain has no end".into()),
        _ => Ok(()),
    }
}

/// No row of a photo lacks its file, no file its row, and what was called saved can be read.
fn photos(day: &Day, done: Option<usize>, field: &Field, folder: &Path) -> Result<(), String> {
    let Some(db) = raw(&day.key_bytes, folder).map_err(words)? else { return Ok(()) };
    let sql = "SELECT count(*), coalesce(sum(trouble <> ''), 0) FROM files WHERE held = 1";
    let (held, troubled): (usize, usize) =
        db.query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?))).map_err(words)?;
    if troubled > 0 {
        return Err(format!("{troubled} photo files are missing"));
    }
    let there = std::fs::read_dir(folder.join("photos")).map_err(words)?.count();
    if there != held {
        return Err(format!("{there} files for {held} rows"));
    }
    let Some(stage) = done.map(|done| &day.stages[done]).filter(|stage| !stage.freed) else { return Ok(()) };
    // The use case under way may be the one that gives files up.
    if done.and_then(|done| day.stages.get(done + 1)).is_some_and(|next| next.freed) {
        return Ok(());
    }
    for photo in &stage.photos {
        for part in [PhotoPart::Thumbnail, PhotoPart::Evidence] {
            field.photo_bytes(*photo, part).map_err(|e| format!("photo {photo} {}: {e}", part.id()))?;
        }
    }
    Ok(())
}

/// F1, F3, F11: whatever a crash leaves, what was called saved is there, the rest wholly or not at all.
#[test]
fn a_phone_survives_a_crash_at_every_point() {
    let day = &*DAY;
    let counts = crash::everywhere(&Phone, day, number("DISK_SUBSETS", 4));
    crash::report(&Phone, day, &counts, 4_000);
    for (n, stage) in day.stages.iter().enumerate() {
        if let Promise::Saved(wanted) = stage.promise {
            let is = counts.states.get(&n).copied().unwrap_or_default();
            assert_eq!(is, wanted, "{}: transactions", stage.name);
        }
    }
}
