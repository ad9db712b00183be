//! Documents as headquarters caches them.

use crate::{ahead, desk::tick, error::HqError, figures, photos};
use lanewalk_model::{
    document::Document,
    id::{DocId, Hash},
    policy::ScopeFacts,
    rows::ListRow,
    schema::DocKind,
    time::TimeMs,
    view::DocView,
};
use lanewalk_protocol::sync::ScopeDigest;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, named_params, params};

/// What is known of a document without loading it.
#[derive(Debug, Clone)]
pub struct DocRow {
    /// Row number.
    pub n: i64,
    /// Id.
    pub id: DocId,
    /// Facts for the policy.
    pub facts: ScopeFacts,
}

/// A document with its bytes.
#[derive(Debug, Clone)]
pub struct StoredDoc {
    /// What is known without loading it.
    pub row: DocRow,
    /// Saved automerge document.
    pub saved: Vec<u8>,
}

pub(crate) const FACT_COLUMNS: &str = "d.n, d.id, d.grid, d.assignees, d.author, d.finished_at";

impl DocRow {
    /// Reads the first six columns of `FACT_COLUMNS`.
    pub(crate) fn read(r: &Row<'_>) -> rusqlite::Result<Self> {
        let id: Vec<u8> = r.get(1)?;
        let id = DocId::from_slice(&id).map_err(|e| {
            rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Blob, Box::new(e))
        })?;
        let assignees: String = r.get(3)?;
        let facts = ScopeFacts {
            grid: r.get(2)?,
            assignees: assignees.split_whitespace().map(str::to_owned).collect(),
            author: r.get(4)?,
            finished_at: r.get::<_, Option<i64>>(5)?.map(TimeMs),
        };
        Ok(Self { n: r.get(0)?, id, facts })
    }

    /// Finds a document by id.
    pub fn find(db: &Connection, id: DocId) -> Result<Option<Self>, HqError> {
        let sql = format!("SELECT {FACT_COLUMNS} FROM docs d WHERE d.id = ?1");
        Ok(db.prepare_cached(&sql)?.query_row([id.to_bytes()], Self::read).optional()?)
    }

    /// Finds a document by row number.
    pub fn by_number(db: &Connection, n: i64) -> Result<Option<Self>, HqError> {
        let sql = format!("SELECT {FACT_COLUMNS} FROM docs d WHERE d.n = ?1");
        Ok(db.prepare_cached(&sql)?.query_row([n], Self::read).optional()?)
    }
}

impl StoredDoc {
    /// Reads the document as plain data.
    pub fn view(&self) -> Result<DocView, HqError> {
        Ok(Document::load(self.row.id.kind, &self.saved)?.view())
    }

    /// Finds a document with its bytes.
    pub fn find(db: &Connection, id: DocId) -> Result<Option<Self>, HqError> {
        let sql = format!("SELECT {FACT_COLUMNS}, d.saved FROM docs d WHERE d.id = ?1");
        let read = |r: &Row<'_>| Ok(Self { row: DocRow::read(r)?, saved: r.get(6)? });
        Ok(db.prepare_cached(&sql)?.query_row([id.to_bytes()], read).optional()?)
    }

    /// Lists the documents of a kind that hang on another (visits of an order).
    pub fn children(db: &Connection, parent: &str, kind: DocKind) -> Result<Vec<Self>, HqError> {
        let sql = format!(
            "SELECT {FACT_COLUMNS}, d.saved FROM docs d WHERE d.parent = ?1 AND d.kind = ?2 ORDER BY d.n"
        );
        let read = |r: &Row<'_>| Ok(Self { row: DocRow::read(r)?, saved: r.get(6)? });
        let rows = db
            .prepare_cached(&sql)?
            .query_map(params![parent, kind.code()], read)?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }
}

/// Writes the cache of a document: facts, list row, bytes, digest share, files named. Returns its row number.
pub(crate) fn put(
    tx: &Transaction<'_>,
    id: DocId,
    view: &DocView,
    saved: &[u8],
    heads: &[Hash],
    now: TimeMs,
) -> Result<i64, HqError> {
    let mut facts = ScopeFacts::of(view);
    if matches!(id.kind, DocKind::Visit | DocKind::Appeal) {
        // Law 5: a phone's clock does not decide how long phones keep its work.
        facts.finished_at = Some(now);
    }
    let row = ListRow::of(id, view);
    let known: Option<i64> = tx
        .prepare_cached("SELECT n FROM docs WHERE id = ?1")?
        .query_row([id.to_bytes()], |r| r.get(0))
        .optional()?;
    // Not an upsert with RETURNING: SQLite keeps a table aside for its answer, a third of the cost.
    let sql = match known {
        Some(_) => {
            "UPDATE docs SET grid = :grid, assignees = :assignees, author = :author, priority = :priority,
                finished_at = CASE WHEN kind IN (3, 4) THEN finished_at ELSE :finished_at END,
                parent = :parent, open = :open, due_at = :due_at, state = :state, units = :units,
                owner = :owner, pending = :pending, conflicts = :conflicts, row = :row, saved = :saved,
                share = :share
             WHERE id = :id AND kind = :kind"
        }
        None => {
            "INSERT INTO docs (id, kind, grid, assignees, author, finished_at, priority, parent, open,
                due_at, state, units, owner, pending, conflicts, row, saved, share)
             VALUES (:id, :kind, :grid, :assignees, :author, :finished_at, :priority, :parent, :open,
                :due_at, :state, :units, :owner, :pending, :conflicts, :row, :saved, :share)"
        }
    };
    tx.prepare_cached(sql)?.execute(named_params! {
        ":id": id.to_bytes(),
        ":kind": id.kind.code(),
        ":grid": facts.grid,
        ":assignees": facts.assignees.join(" "),
        ":author": facts.author,
        ":finished_at": facts.finished_at.map(|t| t.0),
        ":priority": row.priority(id.kind),
        ":parent": row.parent,
        ":open": row.open,
        ":due_at": row.due_at,
        ":state": row.state,
        ":units": row.units,
        ":owner": row.author,
        ":pending": row.pending,
        ":conflicts": row.conflicts,
        ":row": serde_json::to_string(&row).unwrap_or_default(),
        ":saved": saved,
        ":share": ScopeDigest::share(id, heads),
    })?;
    let n = known.unwrap_or_else(|| tx.last_insert_rowid());
    figures::note(tx, n, id, view)?;
    if id.kind == DocKind::Order {
        tick::note(tx, n, row.open)?;
    }
    if id.kind == DocKind::Visit {
        photos::cite(tx, n, view)?;
    }
    ahead::note(tx, n, id, view, &row)?;
    Ok(n)
}
