//! Opening the encrypted file: key, pragmas, checks.
//!
//! Invariant: until the key fits and the schema is known, nothing is written, so a wrong key, a
//! newer schema and a damaged file all leave the bytes as they were. Rejected: a passphrase,
//! which costs 140–300 ms of key derivation at each open; the key comes from the key chip.

use super::{io_error, migrate, wal::Beside};
use crate::error::FieldError;
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};
use std::{fs::File, io::Read as _, path::Path};
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

// Only linked: SQLCipher calls into it for its ciphers.
use lanewalk_sqlcipher_provider as _;

/// The store's 256-bit key, wiped from memory when dropped and never shown.
#[derive(Clone, zeroize::Zeroize, ZeroizeOnDrop)]
pub struct StoreKey([u8; 32]);

impl StoreKey {
    /// Takes the key from the shell's key store; the caller wipes its own copy.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreKey(…)")
    }
}

/// Oldest SQLite that may run: the WAL-reset fault of earlier ones can corrupt a database.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Settings of every connection, with the reason for each.
const PRAGMAS: &[(&str, &str)] = &[
    // Locking every page into memory doubles the cost of a read, and Android's quota is 64 KiB;
    // the pages lie in the app's own memory, as the screens' texts do.
    ("cipher_memory_security", "OFF"),
    // Readers go on while the one writer commits; one fsync per act instead of two.
    ("journal_mode", "WAL"),
    // An act is acknowledged only when it is on the disk (F3). Pulled pages lower this for
    // themselves: their cursor is in the same transaction.
    ("synchronous", "FULL"),
    // Apple's fsync does not reach the medium; elsewhere these two do nothing.
    ("fullfsync", "ON"),
    ("checkpoint_fullfsync", "ON"),
    ("foreign_keys", "ON"),
    // The writer is alone within the process; this covers a checkpoint by the reader.
    ("busy_timeout", "5000"),
    // 8 MiB: cold pages cost a decryption each (3–5 times plain SQLite), warm ones nothing.
    ("cache_size", "-8192"),
    // Sorting must not write plaintext into a temporary file (F47).
    ("temp_store", "MEMORY"),
    // What leaves the scope must not stay in free pages, even encrypted.
    ("secure_delete", "ON"),
    // A long sync must not leave a WAL of hundreds of megabytes behind.
    ("journal_size_limit", "16777216"),
    // A hostile schema in a swapped file could otherwise run functions.
    ("trusted_schema", "OFF"),
];

/// Opens the writing connection, creating or migrating the database; also returns the commit at which a
/// new log begins ([`Beside::own`]).
pub(crate) fn writer(path: &Path, key: &StoreKey) -> Result<(Connection, Option<u64>), FieldError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(FieldError::internal("SQLite is too old"));
    }
    lanewalk_sqlcipher_provider::assert_ready().map_err(FieldError::internal)?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = unlock(path, key, flags)?;
    let found = migrate::check(&conn)?;
    let whole = Beside::look(path, key, Ok(&conn))?.own()?;
    configure(&conn)?;
    migrate::run(&mut conn, found)?;
    // What only this phone has is read once at every open: a damaged page fails its checksum here
    // and not in the middle of a sync. The rest can be pulled again and is checked when read.
    conn.query_row("SELECT count(header), count(change) FROM entries WHERE state = 0", [], |_| Ok(()))?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok((conn, whole))
}

/// Opens the reading connection beside the writer.
pub(crate) fn reader(path: &Path, key: &StoreKey) -> Result<Connection, FieldError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = unlock(path, key, flags)?;
    configure(&conn)?;
    conn.pragma_update(None, "query_only", "ON")?;
    Ok(conn)
}

/// Opens the file with its key, nothing more.
pub(super) fn unlock(path: &Path, key: &StoreKey, flags: OpenFlags) -> Result<Connection, FieldError> {
    match attempt(path, key, flags) {
        // SQLCipher draws a new salt when the disk does not give it the file's, and then no key fits:
        // a disk that failed for a moment must not be taken for a lost key.
        Err(FieldError::WrongKey) => {
            let mut salt = [0; 16];
            File::open(path).and_then(|mut file| file.read_exact(&mut salt)).map_err(|e| io_error(&e))?;
            attempt(path, key, flags)
        }
        done => done,
    }
}

/// Opens the database as if no log lay beside it, to read.
pub(super) fn alone(path: &Path, key: &StoreKey) -> Result<Connection, FieldError> {
    use std::fmt::Write as _;
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                uri.push(char::from(*byte));
            }
            other => write!(uri, "%{other:02X}").map_err(FieldError::internal)?,
        }
    }
    uri.push_str("?immutable=1");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    attempt(Path::new(&uri), key, flags)
}

fn attempt(path: &Path, key: &StoreKey, flags: OpenFlags) -> Result<Connection, FieldError> {
    let conn = Connection::open_with_flags(path, flags)?;
    conn.set_prepared_statement_cache_capacity(96);
    // A WAL of another store lies there with sums that fit, as its pages do not; closing would write it
    // over the database. Only a writer that found all well does that.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // SQLCipher would write its errors to stderr; they come back as errors anyway.
    conn.pragma_update_and_check(None, "cipher_log_level", "NONE", |_| Ok(()))?;
    let mut hex = Zeroizing::new(String::with_capacity(96));
    hex.push_str("PRAGMA key = \"x'");
    let mut digits = lanewalk_model::id::to_hex(&key.0);
    hex.push_str(&digits);
    digits.zeroize();
    hex.push_str("'\"");
    conn.execute_batch(&hex)?;
    // The first page read tells whether the key fits.
    match conn.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get::<_, i64>(0)) {
        Ok(_) => Ok(conn),
        Err(rusqlite::Error::SqliteFailure(f, _)) if f.code == ErrorCode::NotADatabase => {
            Err(FieldError::WrongKey)
        }
        Err(other) => Err(other.into()),
    }
}

fn configure(conn: &Connection) -> Result<(), FieldError> {
    for (name, value) in PRAGMAS {
        // Some of these answer with a row, some do not.
        conn.pragma_update_and_check(None, name, value, |_| Ok(()))
            .or_else(|e| if matches!(e, rusqlite::Error::QueryReturnedNoRows) { Ok(()) } else { Err(e) })?;
    }
    Ok(())
}
