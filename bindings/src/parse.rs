//! Ids as text.

use crate::error::LanewalkError;
use lanewalk_model::{
    id::{DocId, EventId, from_hex},
    schema::DocKind,
    time::TimeMs,
};

/// Reads a document id of one of these kinds.
pub(crate) fn doc(field: &str, id: &str, kinds: &[DocKind]) -> Result<DocId, LanewalkError> {
    let read = id.parse::<DocId>().ok().filter(|d| kinds.contains(&d.kind));
    read.ok_or_else(|| LanewalkError::invalid(field, "not an id of this kind"))
}

/// Reads an optional one.
pub(crate) fn maybe(
    field: &str,
    id: Option<&String>,
    kinds: &[DocKind],
) -> Result<Option<DocId>, LanewalkError> {
    id.map(|id| doc(field, id, kinds)).transpose()
}

/// Reads an order's id.
pub(crate) fn order(id: &str) -> Result<DocId, LanewalkError> {
    doc("order", id, &[DocKind::Order])
}

/// Reads a visit's id.
pub(crate) fn visit(id: &str) -> Result<DocId, LanewalkError> {
    doc("visit", id, &[DocKind::Visit])
}

/// Reads the id of a photo, a proposal or a ticket.
pub(crate) fn event(field: &str, id: &str) -> Result<EventId, LanewalkError> {
    from_hex(id).map(EventId).ok_or_else(|| LanewalkError::invalid(field, "not an id"))
}

/// Reads a time.
pub(crate) fn time(ms: Option<i64>) -> Option<TimeMs> {
    ms.map(TimeMs)
}
