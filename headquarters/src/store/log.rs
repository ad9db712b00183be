//! The log: every entry that ever came, in the order it was committed.

use crate::{error::HqError, figures, store, tlog::Tree};
use lanewalk_model::{id::Hash, time::TimeMs};
use lanewalk_protocol::{
    entry::Entry,
    tlog::{LEAF_FORMAT, Leaf, merkle},
};
use rusqlite::{Transaction, params};

/// One row to append.
pub(crate) struct LogRow<'a> {
    /// Row number of the device.
    pub(crate) device: i64,
    /// Fingerprint of the key that signs the device's chain.
    pub(crate) key: [u8; 32],
    /// Row number of the document, if there is one.
    pub(crate) doc: Option<i64>,
    /// The entry.
    pub(crate) entry: &'a Entry,
    /// Its hash.
    pub(crate) hash: Hash,
    /// When it was committed.
    pub(crate) received_at: TimeMs,
    /// When it counts, and why.
    pub(crate) effective: (TimeMs, &'static str),
    /// Code and words when it is kept outside the documents.
    pub(crate) refused: Option<(&'a str, &'a str)>,
}

impl LogRow<'_> {
    /// Appends the row, and with it the leaf of the tree.
    pub(crate) fn append(&self, tx: &Transaction<'_>) -> Result<(), HqError> {
        let before = store::log_end(tx)?;
        let leaf = Leaf {
            format: LEAF_FORMAT,
            index: before + 1,
            entry: self.hash,
            device: self.entry.header.device,
            seq: self.entry.header.seq,
            key: self.key,
            hq_time: self.received_at.0,
            effective_at: self.effective.0.0,
            trust: self.effective.1.to_owned(),
            refused: self.refused.map(|r| r.0.to_owned()),
        };
        let nodes = merkle::completed(&Tree(tx), before, leaf.hash())?;
        tx.prepare_cached(
            "INSERT INTO log (idx, hash, device, seq, doc, header, change, received_at, effective_at, trust, refused, detail, nodes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            leaf.index,
            self.hash.0,
            self.device,
            self.entry.header.seq,
            self.doc,
            self.entry.header.to_bytes(),
            self.entry.change,
            self.received_at.0,
            self.effective.0.0,
            self.effective.1,
            self.refused.map(|r| r.0),
            self.refused.map_or("", |r| r.1),
            nodes.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>(),
        ])?;
        match self.doc {
            Some(doc) if self.refused.is_none() => {
                figures::counts_from(tx, doc, self.entry.header.doc.kind, self.effective.0)
            }
            _ => Ok(()),
        }
    }
}
