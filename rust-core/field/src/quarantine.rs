//! What headquarters refused: shown in words, exported whole.
//!
//! Invariant: a refused entry stays here with its exact bytes until a person has exported it;
//! no code deletes it (law 1, I6). Rejected: a message "could not be sent" and the words gone.

use crate::{
    error::FieldError,
    facade::Field,
    standing::{Farewell, Standing},
    store::entries::{self, Stored},
};
use lanewalk_model::{
    chunk::{self, OpAction, Scalar},
    id::{DocId, Hash, to_hex},
    time::TimeMs,
};
use lanewalk_protocol::{entry::Header, limits};
use serde::Serialize;

/// One thing that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// The document key.
    pub key: String,
    /// The value as people read it; `None` when the key was removed.
    pub value: Option<String>,
}

/// A refused entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quarantined {
    /// Number in the chain.
    pub seq: u64,
    /// The entry's hash.
    pub hash: Hash,
    /// The document it was for.
    pub doc: DocId,
    /// Stable code of the reason.
    pub code: String,
    /// More for support.
    pub detail: String,
    /// When it was written, by the phone's clock.
    pub at: TimeMs,
    /// What was written.
    pub written: Vec<Written>,
}

#[derive(Serialize)]
struct Export {
    #[serde(flatten)]
    entry: Quarantined,
    header: String,
    change: String,
}

impl Field {
    /// Lists what headquarters refused, with what was written, oldest first.
    pub fn quarantine(&self) -> Result<Vec<Quarantined>, FieldError> {
        let refused = self.inner.store.read(entries::refused)?;
        Ok(refused.iter().map(in_words).collect())
    }

    /// Exports the quarantine as a JSON array with every byte (header and change in
    /// hexadecimal), so that nothing is lost. Holds personal data: the shell seals the file.
    pub fn export_quarantine(&self) -> Result<String, FieldError> {
        export(&self.inner.store.read(entries::refused)?)
    }

    /// Exports what headquarters does not hold yet, in the same form: for a phone whose sync is
    /// refused for good, a copy (`Fork`, F27) or a revoked one (F29).
    pub fn export_unsent(&self) -> Result<String, FieldError> {
        let text = export(&self.inner.store.read(entries::unsent)?)?;
        if matches!(self.standing()?, Standing::Revoked { next: Farewell::Export, .. }) {
            self.inner.note_export()?;
        }
        Ok(text)
    }
}

fn export(entries: &[Stored]) -> Result<String, FieldError> {
    let rows: Vec<Export> = entries
        .iter()
        .map(|e| Export { entry: in_words(e), header: to_hex(&e.header), change: to_hex(&e.change) })
        .collect();
    serde_json::to_string_pretty(&rows).map_err(FieldError::internal)
}

fn in_words(entry: &Stored) -> Quarantined {
    let ops = chunk::read_change(&entry.change, &limits::DEVICE_CHANGE).map(|f| f.ops).unwrap_or_default();
    let written = ops
        .into_iter()
        .map(|op| Written {
            key: op.key,
            value: match op.action {
                OpAction::Set(Scalar::Text(text)) => Some(text),
                OpAction::Set(Scalar::Int(int)) => Some(int.to_string()),
                OpAction::Set(Scalar::Bool(yes)) => Some(if yes { "是" } else { "否" }.to_owned()),
                OpAction::Delete => None,
            },
        })
        .collect();
    Quarantined {
        seq: entry.seq,
        hash: entry.hash,
        doc: entry.doc,
        code: entry.code.clone(),
        detail: entry.detail.clone(),
        at: TimeMs(Header::from_bytes(&entry.header).map_or(0, |h| h.wall_ms)),
        written,
    }
}
