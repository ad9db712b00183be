//! Which document is meant: by number of the last list, by the beginning or the end of its id.
//!
//! Invariant: a short form that fits several documents is refused, never guessed.

use super::Phone;
use crate::words::Failure;
use lanewalk_field::{ListItem, ListQuery};
use lanewalk_model::{id::DocId, id::to_hex, schema::DocKind};
use std::fs;

/// Remembers a list, so that its numbers can be used. Holds ids only.
pub(super) fn remember(phone: &Phone, items: &[ListItem]) -> Result<(), Failure> {
    let text: String = items.iter().map(|i| format!("{}\n", i.id)).collect();
    Ok(fs::write(phone.data.join("last-list"), text)?)
}

/// Finds the document that is meant.
pub(super) fn find(phone: &Phone, wanted: &str) -> Result<DocId, Failure> {
    if let Ok(id) = wanted.parse() {
        return Ok(id);
    }
    if let Some(at) = wanted.parse::<usize>().ok().filter(|n| wanted.len() < 4 && *n > 0) {
        let text = fs::read_to_string(phone.data.join("last-list")).unwrap_or_default();
        let line = text.lines().nth(at - 1).and_then(|l| l.parse().ok());
        return line.ok_or_else(|| {
            Failure::new(format!("上一次列表没有第 {at} 条 / no number {at} in the last list"))
        });
    }
    let (kind, digits) = match wanted.split_once(':') {
        Some((kind, digits)) => (DocKind::from_name(kind), digits),
        None => (None, wanted),
    };
    let mut hits = all(phone, kind)?.into_iter().map(|i| i.id).filter(|id| {
        let hex = to_hex(&id.uuid);
        !digits.is_empty() && (hex.ends_with(digits) || hex.starts_with(digits))
    });
    match (hits.next(), hits.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => Err(Failure::new(format!("没有找到 / not found: {wanted}"))),
        (Some(_), Some(_)) => {
            Err(Failure::new(format!("不止一条，请多写几位 / several match, write more: {wanted}")))
        }
    }
}

/// Reads every row of the lists.
pub(super) fn all(phone: &Phone, kind: Option<DocKind>) -> Result<Vec<ListItem>, Failure> {
    let mut out = Vec::new();
    loop {
        let offset = u32::try_from(out.len()).unwrap_or(u32::MAX);
        let page = phone.field.list(&ListQuery { kind, limit: 1_000, offset, ..ListQuery::default() })?;
        let last = page.len() < 1_000;
        out.extend(page);
        if last {
            return Ok(out);
        }
    }
}
