//! Makes an order of one record's decoded cells.
//!
//! Invariant: every fault of a row is noted, not only the first, so that one look mends it.
//! Rejected: leaving out a field that cannot be read and importing the rest of the row; an order
//! without its limit or place would look complete.

use std::borrow::Cow;

use super::mapping::Mapping;
use super::problem::{Fault, RowProblem};
use super::source::{Condition, Source};
use super::times::read_time;
use super::{ImportLimits, IncomingOrder, cells};

const DAY_MS: i64 = 86_400_000;
/// 2000-01-01T00:00:00Z.
const YEAR_2000_MS: i64 = 946_684_800_000;
/// Ten years: a later due time is a typing error.
const DUE_AHEAD_MS: i64 = 3_653 * DAY_MS;

/// Says whether a cell fulfils a condition.
pub(super) fn holds(condition: &Condition, cell: &str) -> bool {
    condition.values.iter().any(|value| value == cell.trim())
}

/// Names the column of a source, or the field where no single column stands for it.
pub(super) fn label<'s>(source: &'s Source, field: &'s str) -> &'s str {
    match source {
        Source::Column(name) => name,
        Source::Template(_) | Source::Value(_) => field,
    }
}

/// Holds one record's decoded cells while they become an order.
pub(super) struct Row<'r> {
    /// The physical line where the record begins.
    pub(super) line: u64,
    /// What a field may hold, and the present.
    pub(super) limits: &'r ImportLimits,
    /// Where the fields come from.
    pub(super) mapping: &'r Mapping,
    /// The decoded cells of the columns that the mapping names.
    pub(super) cells: Vec<(&'r str, Cow<'r, str>)>,
    /// What was found wrong so far.
    pub(super) problems: Vec<RowProblem>,
}

impl Row<'_> {
    fn fault(&mut self, source: &Source, field: &str, fault: Fault) {
        self.problems.push(fault.at(self.line, Some(label(source, field))));
    }

    fn raw(&self, column: &str) -> &str {
        self.cells.iter().find(|(name, _)| *name == column).map_or("", |(_, cell)| cell.as_ref())
    }

    /// Gives a field's text as it came; white space alone counts as empty.
    fn text(&mut self, source: &Source, field: &str) -> String {
        let text = match source {
            Source::Column(name) => self.raw(name).to_owned(),
            Source::Value(value) => value.clone(),
            Source::Template(template) => template.fill(&|column| self.raw(column)),
        };
        if text.len() > self.limits.max_field_bytes {
            let fault = Fault::FieldTooLong { bytes: text.len(), limit: self.limits.max_field_bytes };
            self.fault(source, field, fault);
            return String::new();
        }
        if text.trim().is_empty() { String::new() } else { text }
    }

    fn optional(&mut self, source: Option<&Source>, field: &str) -> Option<String> {
        let text = self.text(source?, field);
        (!text.is_empty()).then_some(text)
    }

    fn time(&mut self, source: Option<&Source>, field: &str, ahead_ms: i64) -> Option<i64> {
        let source = source?;
        let text = self.text(source, field);
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let latest = self.limits.now_ms.saturating_add(ahead_ms);
        let read = read_time(text, &self.mapping.date_formats, self.mapping.utc_offset_minutes);
        let fault = match read {
            None => Fault::BadDate,
            Some(ms) if ms < YEAR_2000_MS => Fault::DateTooEarly,
            Some(ms) if ms > latest => Fault::DateInFuture,
            Some(ms) => return Some(ms),
        };
        self.fault(source, field, fault);
        None
    }

    fn degrees(&mut self, source: Option<&Source>, field: &str, limit: i32) -> Option<i32> {
        let source = source?;
        let text = self.text(source, field);
        cells::degrees_e7(&text, limit).unwrap_or_else(|fault| {
            self.fault(source, field, fault);
            None
        })
    }

    fn condition(&self, condition: Option<&Condition>) -> bool {
        condition.is_some_and(|rule| holds(rule, self.raw(&rule.column)))
    }

    /// Makes the order; it is only to be used where no problem was noted.
    pub(super) fn order(&mut self, payload_sha256: [u8; 32]) -> IncomingOrder {
        let fields = &self.mapping.fields;
        let id = self.text(&fields.upstream_id, "upstream_id");
        let upstream_id = cells::upstream_id(&id).unwrap_or_else(|fault| {
            self.fault(&fields.upstream_id, "upstream_id", fault);
            String::new()
        });
        let found = self.problems.len();
        let reported = self.time(Some(&fields.reported_at), "reported_at", DAY_MS);
        if reported.is_none() && self.problems.len() == found {
            self.fault(&fields.reported_at, "reported_at", Fault::MissingDate);
        }
        let closed_at_ms = self.time(fields.closed_at.as_ref(), "closed_at", DAY_MS);
        if let (Some(reported), Some(closed), Some(source)) = (reported, closed_at_ms, &fields.closed_at)
            && closed < reported
        {
            self.fault(source, "closed_at", Fault::ClosedBeforeReported);
        }
        let found = self.problems.len();
        let lat_e7 = self.degrees(fields.lat.as_ref(), "lat", 90);
        let lon_e7 = self.degrees(fields.lon.as_ref(), "lon", 180);
        if lat_e7.is_some() != lon_e7.is_some()
            && self.problems.len() == found
            && let (Some(lat), Some(lon)) = (&fields.lat, &fields.lon)
        {
            let (source, field) = if lat_e7.is_none() { (lat, "lat") } else { (lon, "lon") };
            self.fault(source, field, Fault::HalfCoordinate);
        }
        IncomingOrder {
            upstream_id,
            channel: self.text(&fields.channel, "channel").trim().to_owned(),
            matter_text: self.text(&fields.matter_text, "matter_text").trim().to_owned(),
            title: self.text(&fields.title, "title"),
            reported_text: self.text(&fields.reported_text, "reported_text"),
            reported_address: self
                .optional(fields.reported_address.as_ref(), "reported_address")
                .unwrap_or_default(),
            reported_at_ms: reported.unwrap_or_default(),
            upstream_due_at_ms: self.time(fields.upstream_due_at.as_ref(), "upstream_due_at", DUE_AHEAD_MS),
            closed_at_ms,
            urgent: self.condition(self.mapping.urgent.as_ref()),
            lat_e7,
            lon_e7,
            datum: self.mapping.datum.clone(),
            requester_name: self.optional(fields.requester_name.as_ref(), "requester_name"),
            requester_phone: self.optional(fields.requester_phone.as_ref(), "requester_phone"),
            secrecy: self.condition(self.mapping.secrecy.as_ref()),
            payload_sha256,
        }
    }
}
