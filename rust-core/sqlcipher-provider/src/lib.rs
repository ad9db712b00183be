//! Cryptography for SQLCipher from RustCrypto, so that a build needs no OpenSSL, perl or make.
//!
//! SQLCipher is compiled with `-DSQLCIPHER_CRYPTO_CUSTOM=lanewalk_sqlcipher_setup` (set in
//! `.cargo/config.toml`) and calls that function, defined in [`table`], to learn who encrypts its
//! pages. Files are byte-compatible with those of an OpenSSL build of SQLCipher 4.
//!
//! A crate that opens databases must have this one in its link: call [`assert_ready`] at start, or
//! write `use lanewalk_sqlcipher_provider as _;` where only `rusqlite` is used otherwise. Without
//! either, linking an executable stops at the missing symbol `lanewalk_sqlcipher_setup`.
//!
//! Invariant: `unsafe` stays inside [`table`]. Rejected: vendored OpenSSL, libtomcrypt and the
//! system's libcrypto; the reasons are in `docs/adr/0001-sqlcipher-without-openssl.md`.

pub mod primitives;
pub mod table;

use rusqlite::{Connection, OptionalExtension};

/// The oldest SQLite the project runs on, as `sqlite3_libversion_number` counts: 3.51.3.
pub const MIN_SQLITE: i32 = 3_051_003;

/// Tells what is linked, for the start-up log and support.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// SQLite, such as `3.53.4`.
    pub sqlite: String,
    /// SQLCipher with its edition, such as `4.19.0 community`.
    pub sqlcipher: String,
    /// The cryptography provider: [`table::PROVIDER_NAME`].
    pub provider: String,
    /// The provider's version: that of this crate.
    pub provider_version: String,
}

/// Says why databases must not be opened with what is linked.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// SQLite could not open or query a database in memory; the provider's set-up may have failed.
    #[error("SQLite does not start: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// SQLite is older than [`MIN_SQLITE`].
    #[error("SQLite {found} is older than 3.51.3")]
    SqliteTooOld {
        /// The linked version.
        found: String,
    },
    /// Plain SQLite is linked: it would ignore the key and write plain text.
    #[error("SQLite is linked without SQLCipher")]
    NoSqlcipher,
    /// SQLCipher was compiled for another provider, or has not registered ours.
    #[error("SQLCipher uses the provider {found:?}")]
    ForeignProvider {
        /// The provider's name, empty when SQLCipher names none.
        found: String,
    },
}

/// Checks the linked SQLite, SQLCipher and provider, on a database in memory; no IO.
///
/// Call it once before the first database is opened: plain SQLite accepts `PRAGMA key` silently and
/// would store residents' data unencrypted.
///
/// # Errors
/// [`NotReady`], one variant for each thing that can be wrong.
pub fn assert_ready() -> Result<Versions, NotReady> {
    let sqlite = rusqlite::version().to_owned();
    if rusqlite::version_number() < MIN_SQLITE {
        return Err(NotReady::SqliteTooOld { found: sqlite });
    }
    let db = Connection::open_in_memory()?;
    let sqlcipher = pragma(&db, "cipher_version")?.ok_or(NotReady::NoSqlcipher)?;
    // The provider answers only where a key is set. This one guards nothing, and being raw costs no
    // key derivation.
    db.pragma_update(None, "key", format!("x'{}'", "00".repeat(primitives::KEY_LEN)))?;
    let provider = pragma(&db, "cipher_provider")?.unwrap_or_default();
    if provider.as_bytes() != table::PROVIDER_NAME.to_bytes() {
        return Err(NotReady::ForeignProvider { found: provider });
    }
    let provider_version = pragma(&db, "cipher_provider_version")?.unwrap_or_default();
    Ok(Versions { sqlite, sqlcipher, provider, provider_version })
}

fn pragma(db: &Connection, name: &str) -> Result<Option<String>, rusqlite::Error> {
    db.pragma_query_value(None, name, |row| row.get(0)).optional()
}
