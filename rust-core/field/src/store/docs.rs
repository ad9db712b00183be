//! Documents: what headquarters has confirmed, and this phone's own pending changes on top.
//!
//! Invariant: `docs` and `doc_changes` hold only what headquarters has confirmed to us, so the
//! fingerprint over their heads can be compared with headquarters' own; own pending changes
//! live in `entries` and are applied in memory. A confirmed change is appended (175 B), not
//! merged into the snapshot (1.7 KB), until there are [`FOLD_AT`] of them. Rejected: one blob
//! per document with everything in it, which cannot tell the two apart after a refusal.

use super::{DocCache, entries, list, meta};
use crate::error::{FieldError, guarded};
use lanewalk_model::{
    chunk,
    document::Document,
    id::{DocId, Hash},
};
use lanewalk_protocol::sync::{Cursor, ScopeDigest};
use rusqlite::{Connection, OptionalExtension as _, Transaction};
use std::collections::BTreeMap;

/// Appended changes before they are folded into the snapshot.
const FOLD_AT: usize = 16;

/// The fingerprint, kept in memory while one transaction changes it.
pub(crate) struct Digest(ScopeDigest);

impl Digest {
    /// Reads it.
    pub(crate) fn load(conn: &Connection) -> Result<Self, FieldError> {
        meta::digest(conn).map(Self)
    }

    /// Writes it.
    pub(crate) fn store(&self, tx: &Transaction<'_>) -> Result<(), FieldError> {
        meta::put_cbor(tx, meta::key::DIGEST, &self.0)
    }

    /// Returns it.
    pub(crate) fn value(&self) -> ScopeDigest {
        self.0
    }

    fn replace(&mut self, id: DocId, old: Option<&[Hash]>, new: Option<&[Hash]>) {
        if let Some(heads) = old {
            self.0.toggle(&ScopeDigest::share(id, heads));
            self.0.docs = self.0.docs.saturating_sub(1);
        }
        if let Some(heads) = new {
            self.0.toggle(&ScopeDigest::share(id, heads));
            self.0.docs = self.0.docs.saturating_add(1);
        }
    }
}

/// A row of `docs` without its content.
pub(crate) struct Confirmed {
    pub(crate) heads: Vec<Hash>,
    pub(crate) purged: bool,
}

fn heads_from(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks_exact(32).filter_map(|b| Hash::from_slice(b).ok()).collect()
}

fn heads_bytes(heads: &[Hash]) -> Vec<u8> {
    heads.iter().flat_map(|h| h.0).collect()
}

/// Reads a document's row.
pub(crate) fn confirmed(conn: &Connection, id: DocId) -> Result<Option<Confirmed>, FieldError> {
    Ok(conn
        .prepare_cached("SELECT heads, purged FROM docs WHERE doc = ?1")?
        .query_row([id.to_bytes().as_slice()], |r| {
            Ok(Confirmed { heads: heads_from(r.get_ref(0)?.as_blob()?), purged: r.get::<_, i64>(1)? != 0 })
        })
        .optional()?)
}

/// What the store has of a confirmed document: bytes that may not read back.
///
/// Reading them and making a document of them are two steps, because their failures are two things: where
/// the second fails there is another copy at headquarters; where the first fails the transaction is over.
pub(crate) struct Kept {
    id: DocId,
    saved: Vec<u8>,
    changes: Vec<Vec<u8>>,
}

impl Kept {
    /// Makes the document, and says how many changes were appended to its snapshot.
    pub(crate) fn document(&self) -> Result<(Document, usize), FieldError> {
        let kind = self.id.kind;
        let mut doc =
            if self.saved.is_empty() { Document::new(kind) } else { Document::load(kind, &self.saved)? };
        if !self.changes.is_empty() {
            let changes = self.changes.iter().map(Vec::as_slice);
            doc.apply(changes).map_err(|e| FieldError::corrupt(e.to_string()))?;
        }
        Ok((doc, self.changes.len()))
    }
}

/// Reads what the store has of a document that headquarters confirmed, unless its content was purged.
pub(crate) fn kept(conn: &Connection, id: DocId) -> Result<Option<Kept>, FieldError> {
    let key = id.to_bytes();
    let saved: Option<Vec<u8>> = conn
        .prepare_cached("SELECT saved FROM docs WHERE doc = ?1 AND purged = 0")?
        .query_row([key.as_slice()], |r| r.get(0))
        .optional()?;
    let Some(saved) = saved else { return Ok(None) };
    let changes: Vec<Vec<u8>> = conn
        .prepare_cached("SELECT change FROM doc_changes WHERE doc = ?1 ORDER BY n")?
        .query_map([key.as_slice()], |r| r.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(Some(Kept { id, saved, changes }))
}

/// Loads what headquarters has confirmed of a document, and how many changes were appended.
pub(crate) fn load_confirmed(conn: &Connection, id: DocId) -> Result<Option<(Document, usize)>, FieldError> {
    kept(conn, id)?.map(|kept| kept.document()).transpose()
}

/// Applies own pending changes; those whose ground was refused or lost stay out.
pub(crate) fn apply_pending(conn: &Connection, id: DocId, doc: &mut Document) -> Result<(), FieldError> {
    for entry in entries::pending_of(conn, id)? {
        // A change that builds on a refused one does not apply; headquarters will refuse it too.
        let _ = doc.apply([entry.change.as_slice()]);
    }
    Ok(())
}

/// Loads a document as the worker sees it; `None` when this phone has nothing of it.
pub(crate) fn load(conn: &Connection, id: DocId) -> Result<Option<Document>, FieldError> {
    let mut doc = match load_confirmed(conn, id)? {
        Some((doc, _)) => doc,
        None if confirmed(conn, id)?.is_some() => return Ok(None),
        None => Document::new(id.kind),
    };
    apply_pending(conn, id, &mut doc)?;
    let heads = guarded(|| doc.heads())?;
    Ok((!heads.is_empty()).then_some(doc))
}

/// Adds a confirmed change of our own without loading the document: the new heads are the old
/// ones without its dependencies, and itself.
pub(crate) fn confirm(
    tx: &Transaction<'_>,
    digest: &mut Digest,
    id: DocId,
    change: &[u8],
    hash: Hash,
) -> Result<(), FieldError> {
    let parts = chunk::split(change).map_err(FieldError::corrupt)?;
    let known = confirmed(tx, id)?;
    // Not a new document and not one we hold: it left our scope meanwhile.
    if known.is_none() && !parts.deps.is_empty() {
        return Ok(());
    }
    let old = known.as_ref().map(|k| k.heads.as_slice());
    let mut heads: Vec<Hash> = old.unwrap_or_default().to_vec();
    heads.retain(|h| !parts.deps.contains(&h.0) && *h != hash);
    heads.push(hash);
    heads.sort_unstable();
    if known.is_none() {
        insert(tx, id, &[], &heads)?;
    } else {
        set_heads(tx, id, &heads)?;
    }
    digest.replace(id, old, Some(&heads));
    if known.as_ref().is_some_and(|k| k.purged) {
        return want(tx, id);
    }
    append_change(tx, id, change)
}

fn insert(tx: &Transaction<'_>, id: DocId, saved: &[u8], heads: &[Hash]) -> Result<(), FieldError> {
    tx.prepare_cached(
        "INSERT INTO docs (doc, saved, heads) VALUES (?1, ?2, ?3)
         ON CONFLICT (doc) DO UPDATE SET saved = excluded.saved, heads = excluded.heads, purged = 0, seen = 1",
    )?
    .execute((id.to_bytes().as_slice(), saved, heads_bytes(heads)))?;
    Ok(())
}

fn set_heads(tx: &Transaction<'_>, id: DocId, heads: &[Hash]) -> Result<(), FieldError> {
    tx.prepare_cached("UPDATE docs SET heads = ?2, seen = 1 WHERE doc = ?1")?
        .execute((id.to_bytes().as_slice(), heads_bytes(heads)))?;
    Ok(())
}

fn append_change(tx: &Transaction<'_>, id: DocId, change: &[u8]) -> Result<(), FieldError> {
    tx.prepare_cached(
        "INSERT INTO doc_changes (doc, n, change)
         VALUES (?1, (SELECT coalesce(max(n), 0) + 1 FROM doc_changes WHERE doc = ?1), ?2)",
    )?
    .execute((id.to_bytes().as_slice(), change))?;
    Ok(())
}

/// Reads headquarters' snapshot of a document, with its heads; fails where it is none.
pub(crate) fn read_snapshot(id: DocId, saved: &[u8]) -> Result<(Document, Vec<Hash>), FieldError> {
    let mut doc = Document::load(id.kind, saved)?;
    let heads = guarded(|| doc.heads())?;
    Ok((doc, heads))
}

/// Replaces a document by headquarters' snapshot with these heads.
pub(crate) fn put_snapshot(
    tx: &Transaction<'_>,
    digest: &mut Digest,
    id: DocId,
    saved: &[u8],
    heads: &[Hash],
) -> Result<(), FieldError> {
    let old = confirmed(tx, id)?;
    delete_changes(tx, id)?;
    insert(tx, id, saved, heads)?;
    digest.replace(id, old.as_ref().map(|k| k.heads.as_slice()), Some(heads));
    Ok(())
}

/// Adds pulled changes to a loaded, confirmed document that already contains them.
pub(crate) fn append_pulled(
    tx: &Transaction<'_>,
    digest: &mut Digest,
    id: DocId,
    doc: &mut Document,
    appended: usize,
    fresh: &[&[u8]],
) -> Result<(), FieldError> {
    let heads = guarded(|| doc.heads())?;
    let old = confirmed(tx, id)?;
    let fold = appended.saturating_add(fresh.len()) > FOLD_AT;
    if fold || old.is_none() {
        let saved = guarded(|| doc.save())?;
        delete_changes(tx, id)?;
        insert(tx, id, &saved, &heads)?;
    } else {
        for change in fresh {
            append_change(tx, id, change)?;
        }
        set_heads(tx, id, &heads)?;
    }
    digest.replace(id, old.as_ref().map(|k| k.heads.as_slice()), Some(&heads));
    Ok(())
}

/// Folds many appended changes into the snapshot.
pub(crate) fn fold(
    tx: &Transaction<'_>,
    id: DocId,
    doc: &mut Document,
    appended: usize,
) -> Result<(), FieldError> {
    if appended > FOLD_AT {
        let saved = guarded(|| doc.save())?;
        delete_changes(tx, id)?;
        tx.prepare_cached("UPDATE docs SET saved = ?2 WHERE doc = ?1")?
            .execute((id.to_bytes().as_slice(), saved))?;
    }
    Ok(())
}

fn delete_changes(tx: &Transaction<'_>, id: DocId) -> Result<(), FieldError> {
    tx.prepare_cached("DELETE FROM doc_changes WHERE doc = ?1")?.execute([id.to_bytes().as_slice()])?;
    Ok(())
}

/// Notes, for each pending entry of a document, whether the confirmed document contains it.
pub(crate) fn mark_contained(tx: &Transaction<'_>, id: DocId, doc: &mut Document) -> Result<(), FieldError> {
    let mut statement =
        tx.prepare_cached("SELECT seq, change_hash, in_doc FROM entries WHERE doc = ?1 AND state = 0")?;
    let rows: Vec<(u64, Hash, bool)> = statement
        .query_map([id.to_bytes().as_slice()], |r| {
            Ok((super::uint(r.get(0)?), entries::blob_id(r, 1, Hash::from_slice)?, r.get::<_, i64>(2)? != 0))
        })?
        .collect::<Result<_, _>>()?;
    for (seq, hash, was) in rows {
        let is = guarded(|| doc.has_change(&hash))?;
        if is != was {
            entries::set_in_doc(tx, seq, is)?;
        }
    }
    Ok(())
}

/// Rebuilds a document's list row from the database, or removes it when nothing is left.
pub(crate) fn refresh(tx: &Transaction<'_>, cache: &mut DocCache, id: DocId) -> Result<(), FieldError> {
    drop(cache.take(id));
    match load(tx, id)? {
        Some(mut doc) => {
            let view = guarded(|| doc.view())?;
            list::put(tx, id, &view)
        }
        None => list::remove(tx, id),
    }
}

/// Drops everything of a document; entries of ours stay (law 1).
pub(crate) fn forget(
    tx: &Transaction<'_>,
    cache: &mut DocCache,
    digest: &mut Digest,
    id: DocId,
) -> Result<bool, FieldError> {
    drop(cache.take(id));
    let Some(old) = confirmed(tx, id)? else {
        list::remove(tx, id)?;
        return Ok(false);
    };
    digest.replace(id, Some(&old.heads), None);
    delete_changes(tx, id)?;
    unwant(tx, id)?;
    tx.prepare_cached("DELETE FROM docs WHERE doc = ?1")?.execute([id.to_bytes().as_slice()])?;
    list::remove(tx, id)?;
    Ok(true)
}

/// Begins to pull everything from the start; the documents stay meanwhile.
pub(crate) fn begin_sweep(tx: &Transaction<'_>) -> Result<(), FieldError> {
    meta::put(tx, meta::key::SWEEP, &[1])?;
    meta::put_cbor(tx, meta::key::CURSOR, &Cursor::default())?;
    tx.execute("UPDATE docs SET seen = 0", [])?;
    Ok(())
}

/// Deletes the content of a finished document; headquarters still counts it for this phone, so
/// its heads stay for the fingerprint.
pub(crate) fn purge(tx: &Transaction<'_>, cache: &mut DocCache, id: DocId) -> Result<(), FieldError> {
    drop(cache.take(id));
    delete_changes(tx, id)?;
    tx.prepare_cached("UPDATE docs SET saved = x'', purged = 1 WHERE doc = ?1")?
        .execute([id.to_bytes().as_slice()])?;
    list::remove(tx, id)
}

/// Lists the heads of every confirmed document.
pub(crate) fn all_heads(conn: &Connection) -> Result<BTreeMap<DocId, Vec<Hash>>, FieldError> {
    let mut statement = conn.prepare_cached("SELECT doc, heads FROM docs")?;
    let rows = statement.query_map([], |r| {
        Ok((entries::blob_id(r, 0, DocId::from_slice)?, heads_from(r.get_ref(1)?.as_blob()?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Tries to ask for a document before it counts as a problem.
pub(crate) const MAX_TRIES: i64 = 3;

/// Asks for a document as a whole with the next request.
pub(crate) fn want(tx: &Transaction<'_>, id: DocId) -> Result<(), FieldError> {
    tx.prepare_cached("INSERT INTO want (doc) VALUES (?1) ON CONFLICT (doc) DO NOTHING")?
        .execute([id.to_bytes().as_slice()])?;
    Ok(())
}

/// Stops asking.
pub(crate) fn unwant(tx: &Transaction<'_>, id: DocId) -> Result<(), FieldError> {
    tx.prepare_cached("DELETE FROM want WHERE doc = ?1")?.execute([id.to_bytes().as_slice()])?;
    Ok(())
}

/// Counts one unanswered question.
pub(crate) fn tried(tx: &Transaction<'_>, id: DocId) -> Result<(), FieldError> {
    tx.prepare_cached("UPDATE want SET tries = tries + 1 WHERE doc = ?1")?
        .execute([id.to_bytes().as_slice()])?;
    Ok(())
}

/// Lists the documents to ask for.
pub(crate) fn wanted(conn: &Connection, limit: usize) -> Result<Vec<DocId>, FieldError> {
    let mut statement =
        conn.prepare_cached("SELECT doc FROM want WHERE tries < ?1 ORDER BY tries, doc LIMIT ?2")?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map((MAX_TRIES, limit), |r| entries::blob_id(r, 0, DocId::from_slice))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Counts documents that stayed unanswered.
pub(crate) fn given_up(conn: &Connection) -> Result<i64, FieldError> {
    Ok(conn.query_row("SELECT count(*) FROM want WHERE tries >= ?1", [MAX_TRIES], |r| r.get(0))?)
}
