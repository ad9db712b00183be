//! The outbox and the chain: every act of this device.
//!
//! Invariant: an entry is written once and only its state columns change; it is deleted only by
//! [`purge`], after headquarters' signed receipt and its durable horizon. Rejected: deleting on
//! receipt, which a restore of headquarters from a backup would make a loss (F26).

use super::{int, meta, uint};
use crate::error::FieldError;
use lanewalk_model::id::{DocId, Hash};
use lanewalk_protocol::{
    batch::chunk_hash,
    entry::{Entry, Header},
    limits,
};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};

/// Pending: headquarters has not answered.
pub(crate) const PENDING: i64 = 0;
/// Refused: kept here, not part of the document. (1 is: acknowledged by a signed receipt.)
pub(crate) const REFUSED: i64 = 2;

/// An entry with what headquarters said about it.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) seq: u64,
    pub(crate) hash: Hash,
    pub(crate) doc: DocId,
    pub(crate) header: Vec<u8>,
    pub(crate) change: Vec<u8>,
    pub(crate) change_hash: Hash,
    pub(crate) state: i64,
    pub(crate) code: String,
    pub(crate) detail: String,
    pub(crate) in_doc: bool,
}

const COLUMNS: &str =
    "seq, hash, doc, header, change, change_hash, state, refused_code, refused_detail, in_doc";

fn select(rest: &str) -> String {
    ["SELECT ", COLUMNS, " FROM entries ", rest].concat()
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        seq: uint(row.get(0)?),
        hash: blob_id(row, 1, Hash::from_slice)?,
        doc: blob_id(row, 2, DocId::from_slice)?,
        header: row.get(3)?,
        change: row.get(4)?,
        change_hash: blob_id(row, 5, Hash::from_slice)?,
        state: row.get(6)?,
        code: row.get(7)?,
        detail: row.get(8)?,
        in_doc: row.get::<_, i64>(9)? != 0,
    })
}

/// Reads an identifier column.
pub(crate) fn blob_id<T, E: std::error::Error + Send + Sync + 'static>(
    row: &Row<'_>,
    column: usize,
    read: impl FnOnce(&[u8]) -> Result<T, E>,
) -> rusqlite::Result<T> {
    let bytes = row.get_ref(column)?.as_blob()?;
    read(bytes).map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, Box::new(e))
    })
}

/// Appends an entry at the end of the chain.
pub(crate) fn append(tx: &Transaction<'_>, header: &Header, change: &[u8]) -> Result<Hash, FieldError> {
    let hash = header.hash();
    tx.prepare_cached(
        "INSERT INTO entries (seq, hash, doc, header, change, change_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute((
        int(header.seq),
        hash.0.as_slice(),
        header.doc.to_bytes().as_slice(),
        header.to_bytes(),
        change,
        chunk_hash(change).as_slice(),
    ))?;
    meta::put_chain(tx, &meta::Chain { seq: header.seq, head: hash })?;
    Ok(hash)
}

/// Reads one entry.
pub(crate) fn get(conn: &Connection, seq: u64) -> Result<Option<Stored>, FieldError> {
    Ok(conn.prepare_cached(&select("WHERE seq = ?1"))?.query_row([int(seq)], stored).optional()?)
}

/// Lists a run of entries that have no receipt yet or lie in a range to be acknowledged.
pub(crate) fn range(conn: &Connection, first: u64, last: u64) -> Result<Vec<Stored>, FieldError> {
    let mut statement = conn.prepare_cached(&select("WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq"))?;
    let rows = statement.query_map((int(first), int(last)), stored)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Lists a document's entries that are not in what headquarters confirmed and not refused.
pub(crate) fn pending_of(conn: &Connection, doc: DocId) -> Result<Vec<Stored>, FieldError> {
    let mut statement =
        conn.prepare_cached(&select("WHERE doc = ?1 AND state = 0 AND in_doc = 0 ORDER BY seq"))?;
    let rows = statement.query_map([doc.to_bytes().as_slice()], stored)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Lists what headquarters refused, oldest first, and what of former chains it refused or could not be
/// written again.
pub(crate) fn refused(conn: &Connection) -> Result<Vec<Stored>, FieldError> {
    const FORMER: &str = "SELECT seq, hash, doc, header, change, change_hash, state, refused_code,
        refused_detail, 0 AS in_doc FROM former WHERE state = 2 ORDER BY device, seq";
    let now = select("WHERE state = 2 ORDER BY seq");
    let mut statement =
        conn.prepare_cached(&["SELECT * FROM (", FORMER, ") UNION ALL SELECT * FROM (", &now, ")"].concat())?;
    let rows = statement.query_map([], stored)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Lists what headquarters does not hold yet, oldest first.
pub(crate) fn unsent(conn: &Connection) -> Result<Vec<Stored>, FieldError> {
    let mut statement = conn.prepare_cached(&select("WHERE log_index IS NULL ORDER BY seq"))?;
    let rows = statement.query_map([], stored)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Counts what no verified backup of headquarters holds.
pub(crate) fn unguarded(conn: &Connection) -> Result<u64, FieldError> {
    let durable = meta::get_int(conn, meta::key::DURABLE_SEQ)?;
    let sql = "SELECT count(*) FROM entries WHERE log_index IS NULL OR seq > ?1";
    Ok(conn.prepare_cached(sql)?.query_row([durable], |r| Ok(uint(r.get(0)?)))?)
}

/// Says whether a document has entries of ours that headquarters has not answered.
pub(crate) fn has_unsent(conn: &Connection, doc: DocId) -> Result<bool, FieldError> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM entries WHERE doc = ?1 AND log_index IS NULL AND state = 0)",
        )?
        .query_row([doc.to_bytes().as_slice()], |r| r.get(0))?)
}

/// Says whether a document has entries of ours that headquarters does not hold, or refused.
pub(crate) fn has_open(conn: &Connection, doc: DocId) -> Result<bool, FieldError> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM entries WHERE doc = ?1 AND (log_index IS NULL OR state = 2))",
        )?
        .query_row([doc.to_bytes().as_slice()], |r| r.get(0))?)
}

/// Says whether this installation ever wrote to a document, as far as entries are still here.
pub(crate) fn any(conn: &Connection, doc: DocId) -> Result<bool, FieldError> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM entries WHERE doc = ?1) OR EXISTS (SELECT 1 FROM former WHERE doc = ?1)",
        )?
        .query_row([doc.to_bytes().as_slice()], |r| r.get(0))?)
}

/// Returns the first entry that headquarters does not hold.
pub(crate) fn first_unsent(conn: &Connection) -> Result<Option<u64>, FieldError> {
    let first: Option<i64> = conn
        .prepare_cached("SELECT min(seq) FROM entries WHERE log_index IS NULL")?
        .query_row([], |r| r.get(0))?;
    Ok(first.map(uint))
}

/// Reads the entries of the next push, from `first` on, within the protocol's limits and up to the next
/// hole that a salvage left: a batch counts its entries without gaps.
pub(crate) fn push_from(conn: &Connection, first: u64) -> Result<Vec<(Entry, Hash)>, FieldError> {
    let mut statement = conn
        .prepare_cached("SELECT header, change, hash FROM entries WHERE seq >= ?1 ORDER BY seq LIMIT ?2")?;
    let limit = i64::try_from(limits::MAX_PUSH_ENTRIES).unwrap_or(i64::MAX);
    let mut rows = statement.query((int(first), limit))?;
    let (mut out, mut bytes) = (Vec::<(Entry, Hash)>::new(), 0_usize);
    while let Some(row) = rows.next()? {
        let header = Header::from_bytes(row.get_ref(0)?.as_blob().map_err(FieldError::corrupt)?)
            .map_err(FieldError::corrupt)?;
        let change: Vec<u8> = row.get(1)?;
        bytes = bytes.saturating_add(change.len());
        let follows = |(last, _): &(Entry, Hash)| last.header.seq.checked_add(1) == Some(header.seq);
        if out.last().is_some_and(|last| bytes > limits::PUSH_TARGET_BYTES || !follows(last)) {
            break;
        }
        out.push((Entry { header, change }, blob_id(row, 2, Hash::from_slice)?));
    }
    Ok(out)
}

/// Notes a receipt for one entry.
pub(crate) fn acknowledge(tx: &Transaction<'_>, seq: u64, log_index: u64) -> Result<(), FieldError> {
    tx.prepare_cached(
        "UPDATE entries SET log_index = ?2, in_doc = max(in_doc, state = 0), state = max(state, 1) WHERE seq = ?1",
    )?
    .execute((int(seq), int(log_index)))?;
    Ok(())
}

/// Notes a refusal; the entry leaves the document and stays in quarantine.
pub(crate) fn refuse(tx: &Transaction<'_>, seq: u64, code: &str, detail: &str) -> Result<(), FieldError> {
    tx.prepare_cached(
        "UPDATE entries SET state = 2, in_doc = 0, refused_code = ?2, refused_detail = ?3,
                log_index = coalesce(log_index, -1)
         WHERE seq = ?1",
    )?
    .execute((int(seq), code, detail))?;
    Ok(())
}

/// Notes whether the confirmed document contains a pending entry's change.
pub(crate) fn set_in_doc(tx: &Transaction<'_>, seq: u64, in_doc: bool) -> Result<(), FieldError> {
    tx.prepare_cached("UPDATE entries SET in_doc = ?2 WHERE seq = ?1")?.execute((int(seq), in_doc))?;
    Ok(())
}

/// Makes everything above a number pending again: headquarters lost it (F26).
pub(crate) fn reopen_above(tx: &Transaction<'_>, known_seq: u64) -> Result<usize, FieldError> {
    let count = tx
        .prepare_cached(
            "UPDATE entries SET state = 0, log_index = NULL, refused_code = '', refused_detail = ''
             WHERE seq > ?1 AND log_index IS NOT NULL",
        )?
        .execute([int(known_seq)])?;
    Ok(count)
}

/// Deletes acknowledged entries that are in a verified backup of headquarters.
pub(crate) fn purge(tx: &Transaction<'_>, durable_seq: u64) -> Result<usize, FieldError> {
    let gone = tx
        .prepare_cached("DELETE FROM entries WHERE seq <= ?1 AND state = 1 AND log_index IS NOT NULL")?
        .execute([int(durable_seq)])?;
    tx.prepare_cached("DELETE FROM receipts WHERE last_seq <= ?1")?.execute([int(durable_seq)])?;
    Ok(gone)
}

/// Counts entries by state: (pending, acknowledged, refused).
pub(crate) fn counts(conn: &Connection) -> Result<(u64, u64, u64), FieldError> {
    Ok(conn.query_row(
        "SELECT coalesce(sum(state = 0), 0), coalesce(sum(state = 1), 0), coalesce(sum(state = 2), 0) + (SELECT count(*) FROM former WHERE state = 2)
         FROM entries",
        [],
        |r| Ok((uint(r.get(0)?), uint(r.get(1)?), uint(r.get(2)?))),
    )?)
}
