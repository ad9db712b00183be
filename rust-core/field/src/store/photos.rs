//! Tickets, photos and their files in the database.
//!
//! Invariant: a file is given up only with a receipt whose index headquarters' verified backup
//! covers; a receipt of another life of headquarters' database is no receipt (F26). Rejected: a
//! state column per file, which could contradict the receipt beside it.

use super::{int, meta, uint};
use crate::{error::FieldError, photos::seal::FileKey};
use lanewalk_model::{
    id::{DocId, EventId, Hash},
    photo::{FileRef, FileTrouble, PHash, PhotoPart, PhotoRole},
};
use lanewalk_protocol::upload::{FileReceipt, UploadId};
use rusqlite::{Connection, Row, Transaction, params};
use std::collections::BTreeSet;

/// A photo about to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TicketRow {
    pub(crate) id: EventId,
    pub(crate) visit: DocId,
    pub(crate) role: PhotoRole,
    pub(crate) wall_ms: i64,
    pub(crate) mono_ms: u64,
    pub(crate) boot: [u8; 8],
}

/// A file of a photo.
#[derive(Clone)]
pub(crate) struct FileRow {
    pub(crate) file: FileRef,
    pub(crate) part: PhotoPart,
    pub(crate) name: String,
    pub(crate) key: FileKey,
    pub(crate) made_at: i64,
    pub(crate) held: bool,
    pub(crate) trouble: Option<FileTrouble>,
    pub(crate) upload: Option<UploadId>,
    pub(crate) sent: u64,
    pub(crate) told: bool,
    pub(crate) has_receipt: bool,
}

/// A photo taken on this phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PhotoRow {
    pub(crate) id: EventId,
    pub(crate) visit: DocId,
    pub(crate) seq: u64,
    /// Thumbnail, evidence, original.
    pub(crate) files: [Hash; 3],
    pub(crate) phash: Option<PHash>,
}

fn bad() -> FieldError {
    FieldError::corrupt("a photo's row does not read back")
}

fn id16(bytes: Vec<u8>) -> Result<EventId, FieldError> {
    EventId::from_slice(&bytes).map_err(|_| bad())
}

fn hash(bytes: Vec<u8>) -> Result<Hash, FieldError> {
    Hash::from_slice(&bytes).map_err(|_| bad())
}

/// Writes a ticket.
pub(crate) fn put_ticket(tx: &Transaction<'_>, t: &TicketRow) -> Result<(), FieldError> {
    tx.prepare_cached(
        "INSERT INTO tickets (id, visit, role, wall_ms, mono_ms, boot) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![t.id.0, t.visit.to_bytes(), t.role.id(), t.wall_ms, int(t.mono_ms), t.boot])?;
    Ok(())
}

/// Removes a ticket; says whether there was one.
pub(crate) fn delete_ticket(tx: &Transaction<'_>, id: EventId) -> Result<bool, FieldError> {
    Ok(tx.prepare_cached("DELETE FROM tickets WHERE id = ?1")?.execute([id.0])? > 0)
}

/// Reads all tickets, oldest first (ids grow with time).
pub(crate) fn tickets(conn: &Connection) -> Result<Vec<TicketRow>, FieldError> {
    let mut statement =
        conn.prepare_cached("SELECT id, visit, role, wall_ms, mono_ms, boot FROM tickets ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut out = Vec::new();
    while let Some(r) = rows.next()? {
        let role: String = r.get(2)?;
        let visit: Vec<u8> = r.get(1)?;
        out.push(TicketRow {
            id: id16(r.get(0)?)?,
            visit: DocId::from_slice(&visit).map_err(|_| bad())?,
            role: PhotoRole::from_id(&role).ok_or_else(bad)?,
            wall_ms: r.get(3)?,
            mono_ms: uint(r.get(4)?),
            boot: r.get::<_, Vec<u8>>(5)?.try_into().map_err(|_| bad())?,
        });
    }
    Ok(out)
}

/// Reads one ticket.
pub(crate) fn ticket(conn: &Connection, id: EventId) -> Result<Option<TicketRow>, FieldError> {
    // A handful exist at most.
    Ok(tickets(conn)?.into_iter().find(|t| t.id == id))
}

/// Writes a file's row.
pub(crate) fn put_file(tx: &Transaction<'_>, f: &FileRow) -> Result<(), FieldError> {
    tx.prepare_cached(
        "INSERT INTO files (sha256, bytes, part, name, key, made_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![f.file.sha256.0, int(f.file.bytes), f.part.code(), f.name, f.key.0, f.made_at])?;
    Ok(())
}

/// Takes a file that was given up or lost into keeping again, under a new name and key, and offers
/// it again: whether its old receipt still counts is not known.
pub(crate) fn revive_file(tx: &Transaction<'_>, f: &FileRow) -> Result<(), FieldError> {
    tx.prepare_cached(
        "UPDATE files SET name = ?2, key = ?3, held = 1, trouble = '', told = 0, upload = NULL, sent = 0,
             receipt = NULL, receipt_index = NULL, receipt_epoch = NULL WHERE sha256 = ?1",
    )?
    .execute(params![f.file.sha256.0, f.name, f.key.0])?;
    Ok(())
}

const FILE: &str = "f.sha256, f.bytes, f.part, f.name, f.key, f.made_at, f.held, f.trouble, f.upload, f.sent, f.told, f.receipt IS NOT NULL";

fn file_of(r: &Row<'_>) -> Result<FileRow, FieldError> {
    let key: Vec<u8> = r.get(4)?;
    let trouble: String = r.get(7)?;
    let upload: Option<Vec<u8>> = r.get(8)?;
    Ok(FileRow {
        file: FileRef { sha256: hash(r.get(0)?)?, bytes: uint(r.get(1)?) },
        part: PhotoPart::from_code(r.get(2)?).ok_or_else(bad)?,
        name: r.get(3)?,
        key: FileKey(key.try_into().map_err(|_| bad())?),
        made_at: r.get(5)?,
        held: r.get(6)?,
        trouble: match trouble.as_str() {
            "" => None,
            "missing" => Some(FileTrouble::Missing),
            _ => Some(FileTrouble::Altered),
        },
        upload: upload.map(|b| b.try_into().map(UploadId).map_err(|_| bad())).transpose()?,
        sent: uint(r.get(9)?),
        told: r.get(10)?,
        has_receipt: r.get(11)?,
    })
}

fn files(conn: &Connection, rest: &str, p: impl rusqlite::Params) -> Result<Vec<FileRow>, FieldError> {
    let mut statement = conn.prepare_cached(&["SELECT ", FILE, " FROM files f ", rest].concat())?;
    let mut rows = statement.query(p)?;
    let mut out = Vec::new();
    while let Some(r) = rows.next()? {
        out.push(file_of(r)?);
    }
    Ok(out)
}

/// Reads a file's row.
pub(crate) fn file(conn: &Connection, sha256: Hash) -> Result<Option<FileRow>, FieldError> {
    Ok(files(conn, "WHERE f.sha256 = ?1", [sha256.0])?.pop())
}

/// Reads every file that should lie on the disk.
pub(crate) fn held(conn: &Connection) -> Result<Vec<FileRow>, FieldError> {
    files(conn, "WHERE f.held = 1", [])
}

/// Reads the files that wait for headquarters, in the order in which they travel: thumbnails,
/// evidence, originals, each oldest first. Only of photos whose record headquarters holds: the
/// entry is acknowledged (1), or gone after that, or was deposited by a revoked phone (F29).
pub(crate) fn unsent(conn: &Connection) -> Result<Vec<FileRow>, FieldError> {
    files(
        conn,
        "WHERE f.receipt IS NULL AND f.held = 1 AND f.trouble = '' AND EXISTS (
             SELECT 1 FROM (SELECT seq FROM photos WHERE thumbnail = f.sha256
                 UNION ALL SELECT seq FROM photos WHERE evidence = f.sha256
                 UNION ALL SELECT seq FROM photos WHERE original = f.sha256) p
             LEFT JOIN entries e ON e.seq = p.seq
             WHERE p.seq >= 0 AND coalesce(e.state, 1) = 1 OR e.refused_code = 'revoked')
         ORDER BY f.part, f.made_at, f.sha256",
        [],
    )
}

/// Reads held files with a receipt that a verified backup of this life of headquarters covers, in
/// the order in which they may go: originals, evidence, thumbnails, each oldest first.
pub(crate) fn freeable(conn: &Connection, epoch: u64, durable: u64) -> Result<Vec<FileRow>, FieldError> {
    files(
        conn,
        "WHERE f.receipt IS NOT NULL AND f.held = 1 AND f.receipt_epoch = ?1 AND f.receipt_index <= ?2
         ORDER BY f.part DESC, f.made_at, f.sha256",
        [int(epoch), int(durable)],
    )
}

/// Counts the held files that no verified backup of headquarters covers.
pub(crate) fn unguarded(conn: &Connection) -> Result<u64, FieldError> {
    let [epoch, durable] =
        [meta::key::HQ_EPOCH, meta::key::DURABLE_FILES].map(|key| meta::get_int(conn, key));
    let sql = "SELECT count(*) FROM files WHERE held = 1 AND trouble = ''
               AND (receipt IS NULL OR receipt_epoch <> ?1 OR receipt_index > ?2)";
    Ok(conn.prepare_cached(sql)?.query_row([epoch?, durable?], |r| Ok(uint(r.get(0)?)))?)
}

/// Notes how far an upload is.
pub(crate) fn set_progress(
    tx: &Transaction<'_>,
    sha256: Hash,
    upload: Option<UploadId>,
    sent: u64,
) -> Result<(), FieldError> {
    tx.prepare_cached("UPDATE files SET upload = ?2, sent = ?3 WHERE sha256 = ?1")?.execute(params![
        sha256.0,
        upload.map(|u| u.0),
        int(sent)
    ])?;
    Ok(())
}

/// Takes a note of a lost file back: it is there after all.
pub(crate) fn clear_trouble(tx: &Transaction<'_>, sha256: Hash) -> Result<(), FieldError> {
    tx.prepare_cached("UPDATE files SET trouble = '', told = 0 WHERE sha256 = ?1")?.execute([sha256.0])?;
    Ok(())
}

/// Keeps a receipt that was checked; one of another life of headquarters than the store knows is
/// asked for again after the next sync.
pub(crate) fn set_receipt(tx: &Transaction<'_>, receipt: &FileReceipt) -> Result<(), FieldError> {
    let bytes = minicbor::to_vec(receipt).map_err(FieldError::internal)?;
    tx.prepare_cached(
        "UPDATE files SET receipt = ?2, receipt_index = ?3, receipt_epoch = ?4, upload = NULL, sent = bytes
         WHERE sha256 = ?1",
    )?
    .execute(params![receipt.sha256.0, bytes, int(receipt.index), int(receipt.hq_epoch)])?;
    Ok(())
}

/// Headquarters lives another life: what is still held here is offered again.
pub(crate) fn reopen(tx: &Transaction<'_>, epoch: u64) -> Result<(), FieldError> {
    tx.prepare_cached(
        "UPDATE files SET receipt = NULL, receipt_index = NULL, receipt_epoch = NULL, upload = NULL, sent = 0
         WHERE held = 1 AND (receipt IS NULL OR receipt_epoch <> ?1)",
    )?
    .execute([int(epoch)])?;
    Ok(())
}

/// Notes that a file can never be sent.
pub(crate) fn set_trouble(
    tx: &Transaction<'_>,
    sha256: Hash,
    trouble: FileTrouble,
) -> Result<(), FieldError> {
    tx.prepare_cached("UPDATE files SET trouble = ?2 WHERE sha256 = ?1 AND trouble = ''")?
        .execute(params![sha256.0, trouble.code()])?;
    Ok(())
}

/// Reads the files in trouble that headquarters was not told of.
pub(crate) fn untold(conn: &Connection) -> Result<Vec<FileRow>, FieldError> {
    files(conn, "WHERE f.trouble <> '' AND f.told = 0 AND f.receipt IS NULL", [])
}

/// Notes that headquarters is told, by an entry in the same transaction.
pub(crate) fn set_told(tx: &Transaction<'_>, sha256: Hash) -> Result<(), FieldError> {
    tx.prepare_cached("UPDATE files SET told = 1 WHERE sha256 = ?1")?.execute([sha256.0])?;
    Ok(())
}

/// Notes that a file is given up here.
pub(crate) fn give_up(tx: &Transaction<'_>, sha256: Hash) -> Result<(), FieldError> {
    tx.prepare_cached("UPDATE files SET held = 0 WHERE sha256 = ?1 AND receipt IS NOT NULL")?
        .execute([sha256.0])?;
    Ok(())
}

/// Writes a photo's row.
pub(crate) fn put_photo(tx: &Transaction<'_>, p: &PhotoRow) -> Result<(), FieldError> {
    let [thumbnail, evidence, original] = p.files;
    tx.prepare_cached(
        "INSERT INTO photos (id, visit, seq, thumbnail, evidence, original, phash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        p.id.0,
        p.visit.to_bytes(),
        int(p.seq),
        thumbnail.0,
        evidence.0,
        original.0,
        // The same 64 bits, read as a signed number.
        p.phash.map(|h| i64::from_be_bytes(h.0.to_be_bytes())),
    ])?;
    Ok(())
}

fn photos_where(
    conn: &Connection,
    rest: &str,
    p: impl rusqlite::Params,
) -> Result<Vec<PhotoRow>, FieldError> {
    let sql = ["SELECT id, visit, seq, thumbnail, evidence, original, phash FROM photos ", rest].concat();
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(p)?;
    let mut out = Vec::new();
    while let Some(r) = rows.next()? {
        let visit: Vec<u8> = r.get(1)?;
        let phash: Option<i64> = r.get(6)?;
        out.push(PhotoRow {
            id: id16(r.get(0)?)?,
            visit: DocId::from_slice(&visit).map_err(|_| bad())?,
            seq: uint(r.get(2)?),
            files: [hash(r.get(3)?)?, hash(r.get(4)?)?, hash(r.get(5)?)?],
            phash: phash.map(|h| PHash(u64::from_be_bytes(h.to_be_bytes()))),
        });
    }
    Ok(out)
}

/// Reads a photo of this phone.
pub(crate) fn photo(conn: &Connection, id: EventId) -> Result<Option<PhotoRow>, FieldError> {
    Ok(photos_where(conn, "WHERE id = ?1", [id.0])?.pop())
}

/// Says whether the record of a photo of this phone was refused.
pub(crate) fn record_refused(conn: &Connection, id: EventId) -> Result<bool, FieldError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM photos p LEFT JOIN entries e ON e.seq = p.seq
                              WHERE p.id = ?1 AND (p.seq < 0 OR e.state = 2))";
    Ok(conn.prepare_cached(sql)?.query_row([id.0], |r| r.get(0))?)
}

/// Reads all photos of this phone.
pub(crate) fn photos(conn: &Connection) -> Result<Vec<PhotoRow>, FieldError> {
    photos_where(conn, "ORDER BY id", [])
}

/// Reads the photos that a file belongs to.
pub(crate) fn photos_with(conn: &Connection, sha256: Hash) -> Result<Vec<PhotoRow>, FieldError> {
    photos_where(conn, "WHERE thumbnail = ?1 OR evidence = ?1 OR original = ?1 ORDER BY id", [sha256.0])
}

/// Removes a photo's row and returns the names of files that nothing needs any more.
pub(crate) fn forget(tx: &Transaction<'_>, photo: &PhotoRow) -> Result<BTreeSet<String>, FieldError> {
    tx.prepare_cached("DELETE FROM photos WHERE id = ?1")?.execute([photo.id.0])?;
    let mut gone = BTreeSet::new();
    for sha256 in photo.files {
        let Some(row) = file(tx, sha256)? else { continue };
        if photos_with(tx, sha256)?.is_empty() {
            tx.prepare_cached("DELETE FROM files WHERE sha256 = ?1")?.execute([sha256.0])?;
            gone.insert(row.name);
        }
    }
    Ok(gone)
}

/// Bytes held, bytes held that headquarters lacks, number of files it lacks, bytes sent of these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) held: u64,
    pub(crate) unsent: u64,
    pub(crate) unsent_files: u64,
    pub(crate) sent: u64,
}

/// Adds up the files.
pub(crate) fn sums(conn: &Connection) -> Result<Sums, FieldError> {
    Ok(conn
        .prepare_cached(
            "SELECT coalesce(sum(bytes), 0),
                    coalesce(sum(bytes) FILTER (WHERE receipt IS NULL AND trouble = ''), 0),
                    count(*) FILTER (WHERE receipt IS NULL AND trouble = ''),
                    coalesce(sum(sent) FILTER (WHERE receipt IS NULL AND trouble = ''), 0)
             FROM files WHERE held = 1",
        )?
        .query_row([], |r| {
            Ok(Sums {
                held: uint(r.get(0)?),
                unsent: uint(r.get(1)?),
                unsent_files: uint(r.get(2)?),
                sent: uint(r.get(3)?),
            })
        })?)
}
