//! Looking ahead (R11–R13): what piles up, what is known about it, and finding it again.
//!
//! Invariant: the tables that the rule and the search read are written with the document they
//! are about, in its transaction. Rejected: a job that fills them later; what came in while it
//! did not run would be missed without anybody seeing it.

pub mod forecasts;
mod index;
pub mod kb;
pub mod search;
pub mod tiles;

pub(crate) use index::note;

use crate::{error::HqError, store};
use lanewalk_model::{group::Refusal, privacy, staff::Subject};
use rusqlite::Connection;

/// Turns a refusal of the rules into what people read.
pub(crate) fn refused(refusal: Refusal) -> HqError {
    HqError::NotAllowed(refusal.to_string())
}

/// Reads who acts.
pub(crate) fn actor(db: &Connection, id: &str) -> Result<Subject, HqError> {
    store::subject(db, id)?.map(|(s, _)| s).ok_or_else(|| HqError::NotFound(format!("staff {id}")))
}

/// Checks words of a person that go to phones: not empty, not too long, telephone numbers and
/// the like taken out, since property staff read them (DOMAIN.md §9).
pub(crate) fn words(text: &str, max: usize) -> Result<String, HqError> {
    let text = privacy::redact(&text.trim().replace(['\0', '\r'], ""), &[]);
    if text.is_empty() {
        return Err(refused(Refusal::WordsMissing));
    }
    fits(text, max)
}

/// As [`words`], but nothing may be said.
pub(crate) fn some_words(text: &str, max: usize) -> Result<String, HqError> {
    if text.trim().is_empty() { Ok(String::new()) } else { words(text, max) }
}

fn fits(text: String, max: usize) -> Result<String, HqError> {
    if text.len() > max {
        return Err(HqError::NotAllowed(format!(
            "文字过长:最多约 {} 个汉字 (too long: at most {max} bytes)",
            max / 3
        )));
    }
    Ok(text)
}

#[cfg(test)]
pub(crate) mod tests;
