//! Small values: who this device is, how far it is.
//!
//! Invariant: a value is changed only in the transaction of what it describes. Rejected: a
//! settings file beside the database, which a crash can leave behind it.

use crate::error::FieldError;
use lanewalk_model::id::Hash;
use lanewalk_protocol::sync::ScopeDigest;
use rusqlite::{Connection, OptionalExtension as _, Transaction};

/// Keys of the table.
pub(crate) mod key {
    pub(crate) const DEVICE: &str = "device";
    /// The public key that was enrolled; absent in stores enrolled before it was kept.
    pub(crate) const DEVICE_KEY: &str = "device_key";
    pub(crate) const URL: &str = "url";
    /// The keys of headquarters' own TLS.
    pub(crate) const PINS: &str = "pins";
    pub(crate) const HQ_KEY: &str = "hq_key";
    pub(crate) const LEASE: &str = "lease";
    pub(crate) const CURSOR: &str = "cursor";
    pub(crate) const NONCE: &str = "nonce";
    pub(crate) const HQ_EPOCH: &str = "hq_epoch";
    pub(crate) const HLC: &str = "hlc";
    pub(crate) const ANCHOR: &str = "anchor";
    pub(crate) const HQ_TIME: &str = "hq_time";
    pub(crate) const CHAIN: &str = "chain";
    pub(crate) const DURABLE_SEQ: &str = "durable_seq";
    /// Index of the last file receipt that headquarters' verified backup covers.
    pub(crate) const DURABLE_FILES: &str = "durable_files";
    pub(crate) const DIGEST: &str = "digest";
    pub(crate) const INSTALL_EPOCH: &str = "install_epoch";
    /// Present while a full resynchronisation after a digest mismatch runs.
    pub(crate) const SWEEP: &str = "sweep";
    /// HQ time of the last such resynchronisation.
    pub(crate) const RESYNCED: &str = "resynced";
    /// Present until headquarters confirms this device's key.
    pub(crate) const WAITING: &str = "waiting";
    /// Present once headquarters said that the device is revoked: until when it takes deposits, 0 for
    /// no more.
    pub(crate) const REVOKED: &str = "revoked";
    /// Present once everything headquarters lacks was exported: the last entry's number.
    pub(crate) const EXPORTED: &str = "exported";
    /// The earliest that it can be now, as far as this store has seen.
    pub(crate) const FLOOR: &str = "floor";
    /// What was saved of this store each time it was damaged, and how many of these headquarters knows.
    pub(crate) const SALVAGES: &str = "salvages";
    pub(crate) const SALVAGES_TOLD: &str = "salvages_told";
    /// Wall and HQ time of the last contact.
    pub(crate) const CONTACT: &str = "contact";
    /// Number of the last commit, and of the one at which its log was begun.
    pub(crate) const COMMIT: &str = "commit";
}

/// Reads a value.
pub(crate) fn get(conn: &Connection, key: &str) -> Result<Option<Vec<u8>>, FieldError> {
    Ok(conn
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |r| r.get(0))
        .optional()?)
}

/// Writes a value.
pub(crate) fn put(tx: &Transaction<'_>, key: &str, value: &[u8]) -> Result<(), FieldError> {
    tx.prepare_cached(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )?
    .execute((key, value))?;
    Ok(())
}

/// Removes a value.
pub(crate) fn delete(tx: &Transaction<'_>, key: &str) -> Result<(), FieldError> {
    tx.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([key])?;
    Ok(())
}

/// Reads an integer; 0 when absent.
pub(crate) fn get_int(conn: &Connection, key: &str) -> Result<i64, FieldError> {
    let bytes = get(conn, key)?;
    Ok(bytes.and_then(|b| b.try_into().ok()).map_or(0, i64::from_be_bytes))
}

/// Writes an integer.
pub(crate) fn put_int(tx: &Transaction<'_>, key: &str, value: i64) -> Result<(), FieldError> {
    put(tx, key, &value.to_be_bytes())
}

/// Reads a CBOR value.
pub(crate) fn get_cbor<T: for<'b> minicbor::Decode<'b, ()>>(
    conn: &Connection,
    key: &str,
) -> Result<Option<T>, FieldError> {
    get(conn, key)?
        .map(|bytes| {
            minicbor::decode(&bytes).map_err(|_| FieldError::corrupt("a setting does not read back"))
        })
        .transpose()
}

/// Writes a CBOR value.
pub(crate) fn put_cbor<T: minicbor::Encode<()>>(
    tx: &Transaction<'_>,
    key: &str,
    value: &T,
) -> Result<(), FieldError> {
    put(tx, key, &minicbor::to_vec(value).map_err(FieldError::internal)?)
}

/// Reads text; empty when absent.
pub(crate) fn get_text(conn: &Connection, key: &str) -> Result<String, FieldError> {
    Ok(get(conn, key)?.and_then(|b| String::from_utf8(b).ok()).unwrap_or_default())
}

/// The end of this device's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain {
    /// Number of the last entry; 0 before the first.
    pub(crate) seq: u64,
    /// Its hash; zero before the first.
    pub(crate) head: Hash,
}

/// Reads the end of the chain. Kept apart from the entries, which leave the phone one day.
pub(crate) fn chain(conn: &Connection) -> Result<Chain, FieldError> {
    let Some(bytes) = get(conn, key::CHAIN)? else { return Ok(Chain { seq: 0, head: Hash([0; 32]) }) };
    let bad = || FieldError::corrupt("the chain's end does not read back");
    let (seq, head) = bytes.split_first_chunk::<8>().ok_or_else(bad)?;
    let head = Hash::from_slice(head).map_err(|_| bad())?;
    Ok(Chain { seq: u64::from_be_bytes(*seq), head })
}

/// Writes the end of the chain.
pub(crate) fn put_chain(tx: &Transaction<'_>, chain: &Chain) -> Result<(), FieldError> {
    put(tx, key::CHAIN, &[chain.seq.to_be_bytes().as_slice(), &chain.head.0].concat())
}

/// Reads the fingerprint over the confirmed documents.
pub(crate) fn digest(conn: &Connection) -> Result<ScopeDigest, FieldError> {
    Ok(get_cbor(conn, key::DIGEST)?.unwrap_or_default())
}

/// Notes a thing that support should know.
pub(crate) fn set_problem(tx: &Transaction<'_>, code: &str, detail: &str) -> Result<(), FieldError> {
    tx.prepare_cached(
        "INSERT INTO problems (code, detail) VALUES (?1, ?2) ON CONFLICT (code) DO UPDATE SET detail = excluded.detail",
    )?
    .execute((code, detail))?;
    Ok(())
}

/// Says whether a thing is noted.
pub(crate) fn has_problem(conn: &Connection, code: &str) -> Result<bool, FieldError> {
    Ok(conn.prepare_cached("SELECT 1 FROM problems WHERE code = ?1")?.exists([code])?)
}

/// Clears a noted thing.
pub(crate) fn clear_problem(tx: &Transaction<'_>, code: &str) -> Result<(), FieldError> {
    tx.prepare_cached("DELETE FROM problems WHERE code = ?1")?.execute([code])?;
    Ok(())
}
