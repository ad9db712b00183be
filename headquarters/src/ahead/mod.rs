//! Looking ahead (R11–R13): what piles up, what is known about it, and finding it again.
//!
//! Invariant: the tables that the rule and the search read are written with the document they
//! are about, in its transaction. Rejected: a job that fills them later; what came in while it
//! did not run would be missed without anybody seeing it.

pub mod forecasts;
mod index;
pub mod kb;
pub mod search;

pub(crate) use index::note;

use crate::{error::HqError, hq::Headquarters, store};
use lanewalk_model::{group::Refusal, privacy, staff::Subject};
use rusqlite::Connection;

impl Headquarters {
    /// Sets the house's own tile source for the map, such as `https://tiles.inner/{z}/{x}/{y}.png`;
    /// empty for none, which is how it begins. The page's policy has to allow its host.
    pub fn set_map_tiles(&mut self, source: &str) -> Result<(), HqError> {
        let source = source.trim();
        let is_source = ["http://", "https://", "/"].iter().any(|p| source.starts_with(p))
            && ["{z}", "{x}", "{y}"].iter().all(|part| source.contains(part));
        if !source.is_empty() && !is_source {
            return Err(HqError::NotAllowed(
                "瓦片地址须含 {z} {x} {y} (the address needs {z}, {x} and {y})".into(),
            ));
        }
        self.act(|tx, _| store::set_meta(tx, "map_tiles", source.as_bytes()))
    }
}

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
