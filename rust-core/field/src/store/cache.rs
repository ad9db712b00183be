//! The few documents that are open for writing.
//!
//! Invariant: a cached document holds the confirmed changes and this phone's own pending ones,
//! as the database does; whoever changes a document behind it takes it out. Rejected: keeping
//! every document (31 KB each, 155 MB at 5,000).

use lanewalk_model::{document::Document, id::DocId};
use std::collections::VecDeque;

/// How many documents stay open: loading one costs 0.2–0.4 ms.
const CAPACITY: usize = 16;

/// Least-recently-used documents, newest last.
#[derive(Debug, Default)]
pub(crate) struct DocCache {
    docs: VecDeque<(DocId, Document)>,
}

impl DocCache {
    /// Takes a document out.
    pub(crate) fn take(&mut self, id: DocId) -> Option<Document> {
        let at = self.docs.iter().position(|(d, _)| *d == id)?;
        self.docs.remove(at).map(|(_, doc)| doc)
    }

    /// Puts a document in as the newest.
    pub(crate) fn put(&mut self, id: DocId, doc: Document) {
        self.docs.retain(|(d, _)| *d != id);
        if self.docs.len() >= CAPACITY {
            self.docs.pop_front();
        }
        self.docs.push_back((id, doc));
    }

    /// Empties the cache.
    pub(crate) fn clear(&mut self) {
        self.docs.clear();
    }
}
