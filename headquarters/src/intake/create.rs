//! A new order: its documents, both clocks, and where it goes first.
//!
//! Invariant: a document holds nothing that names the requester; every transition that an order
//! makes here leaves a step in it. Rejected: writing RECEIVED, ACCEPTED and DISPATCHED as three
//! changes when they happen in one act; nobody can see the states between.

use super::{Acceptance, Arrival, Imported, names};
use crate::{core::Core, error::HqError, import::IncomingOrder, store};
use lanewalk_model::{
    catalog::Matter,
    datum::Datum,
    deadline,
    document::Edit,
    id::{DocId, to_hex},
    order::State,
    position::{Position, Source},
    privacy,
    records::{StepKind, StepRecord, to_json},
    schema::DocKind,
    staff::Role,
    time::TimeMs,
};
use lanewalk_protocol::commitment::{SALT_LEN, commit};
use rusqlite::{Transaction, params};

/// Bytes that a short id of a document may have.
const ID_BYTES: usize = 64;
/// Bytes of a line, as the documents' table has it.
const LINE_BYTES: usize = 600;
/// Bytes of a free text.
const FREE_BYTES: usize = 12_000;
/// Characters of a title that is made of the beginning of what was said.
const TITLE_CHARS: usize = 40;

impl Core {
    /// Makes the documents and rows of a new order and returns its id.
    pub(super) fn create(
        &mut self,
        tx: &Transaction<'_>,
        arrival: &Arrival<'_>,
        accepted: Acceptance<'_>,
        total: &mut Imported,
    ) -> Result<DocId, HqError> {
        total.new += 1;
        let order = arrival.order;
        let id = DocId { kind: DocKind::Order, uuid: self.uuid() };
        let names = names(order);
        let position = position(order);
        let grid = position.as_ref().and_then(|p| self.cell(p)).or(arrival.grid.map(str::to_owned));
        let matter = match arrival.matter_code {
            Some(code) => self.catalog.matter(code).cloned(),
            None => self.catalog.exact_match(&order.matter_text).cloned(),
        };
        let urgent = order.urgent || matter.as_ref().is_some_and(|m| m.urgency == "urgent");
        let start = TimeMs(order.reported_at_ms);
        let salt = self.salt();
        let mut edits = vec![
            Edit::set("channel", cut(&order.channel, ID_BYTES)),
            Edit::set("reported_at", start.0),
            Edit::set("payload_hash", to_hex(&commit(&salt, &order.payload_sha256).0)),
            Edit::set("title", title(order, &names)),
            Edit::set("summary", cut(&privacy::redact(&order.reported_text, &names), FREE_BYTES)),
            Edit::set("place_text", cut(&privacy::redact(&order.reported_address, &names), LINE_BYTES)),
            Edit::set("urgency", if urgent { "urgent" } else { "general" }),
            Edit::set("order_version", 1),
            Edit::set("state", State::Received.id()),
        ];
        if !order.upstream_id.is_empty() {
            edits.push(Edit::set("upstream_id", cut(&order.upstream_id, ID_BYTES)));
        }
        edits.extend(arrival.kind.map(|k| Edit::set("kind", k)));
        edits.extend(arrival.appeal.map(|a| Edit::set("appeal", a.to_string())));
        edits.extend(position.as_ref().map(|p| Edit::set("reported_position", to_json(p))));
        edits.extend(order.upstream_due_at_ms.map(|t| Edit::set("upstream_due", t)));
        self.set_due(&mut edits, start, urgent, order.upstream_due_at_ms);
        if let Some(matter) = &matter {
            edits.push(Edit::set("matter_code", matter.matter_code.as_str()));
            edits.push(Edit::set("catalog_version", self.catalog.version.as_str()));
        }
        if let Some(grid) = &grid {
            edits.push(Edit::set("grid", grid.as_str()));
        }
        total.outside_grids += u32::from(grid.is_none());
        total.triage += u32::from(matter.is_none());
        if let Some(earlier) = self.repeats(tx, arrival, matter.as_ref(), position.as_ref())? {
            total.repeats += 1;
            edits.push(Edit::set("recurrence_of", earlier.to_string()));
            edits.push(Edit::set("flag/recurrence", true));
        }
        let by = match accepted {
            Acceptance::By(clerk) | Acceptance::LaterFrom(clerk) => clerk,
            Acceptance::Later => "hq",
        };
        self.push_step(&mut edits, &StepRecord::new(StepKind::Received, start, by));
        if let Acceptance::By(clerk) = accepted {
            let now = self.now();
            edits.push(Edit::set("accepted_at", now.0));
            self.push_step(&mut edits, &StepRecord::new(StepKind::Accepted, now, clerk));
            self.route_edits(tx, &mut edits, matter.as_ref(), grid.as_deref(), clerk)?;
        }
        self.write(tx, id, by, &edits)?;
        let n: i64 = tx
            .prepare_cached("SELECT n FROM docs WHERE id = ?1")?
            .query_row([id.to_bytes()], |r| r.get(0))?;
        self.create_brief(tx, id, order, grid.as_deref(), by)?;
        self.keep(tx, n, arrival, matter.as_ref(), &salt)?;
        Ok(id)
    }

    /// Keeps at headquarters what no document may hold.
    fn keep(
        &mut self,
        tx: &Transaction<'_>,
        n: i64,
        arrival: &Arrival<'_>,
        matter: Option<&Matter>,
        salt: &[u8; SALT_LEN],
    ) -> Result<(), HqError> {
        let order = arrival.order;
        if !order.upstream_id.is_empty() {
            tx.prepare_cached("INSERT INTO upstream (upstream_id, doc, payload_hash) VALUES (?1, ?2, ?3)")?
                .execute(params![order.upstream_id, n, self.payload_mark(&order.payload_sha256)])?;
        }
        if order.requester_name.is_some() || order.requester_phone.is_some() {
            let of = |text: &Option<String>| text.as_deref().unwrap_or_default().to_owned();
            tx.prepare_cached("INSERT INTO requesters (doc, name, phone) VALUES (?1, ?2, ?3)")?
                .execute(params![n, of(&order.requester_name), of(&order.requester_phone)])?;
        }
        tx.prepare_cached(
            "INSERT INTO arrivals (doc, source, reported_at, matter_text, matter_code, place, requester, secrecy, media_url)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            n,
            arrival.source,
            order.reported_at_ms,
            order.matter_text,
            matter.map_or("", |m| m.matter_code.as_str()),
            super::repeat::place_key(&order.reported_address),
            self.requester_key(order),
            order.secrecy,
            arrival.media_url.unwrap_or_default(),
        ])?;
        self.keep_payload(tx, n, arrival, salt)
    }

    fn create_brief(
        &mut self,
        tx: &Transaction<'_>,
        order_id: DocId,
        order: &IncomingOrder,
        grid: Option<&str>,
        by: &str,
    ) -> Result<(), HqError> {
        let id = DocId { kind: DocKind::Brief, uuid: self.uuid() };
        let names = names(order);
        let mut edits = vec![
            Edit::set("order", order_id.to_string()),
            Edit::set("grid", grid.unwrap_or_default()),
            // Masked for every phone (§9); the words as they came stay with the payload.
            Edit::set("reported_text", cut(&privacy::redact(&order.reported_text, &names), FREE_BYTES)),
            Edit::set("reported_address", cut(&privacy::redact(&order.reported_address, &names), LINE_BYTES)),
            Edit::set("secrecy", order.secrecy),
        ];
        edits.extend(
            order.requester_name.as_deref().map(|n| Edit::set("requester_masked", privacy::mask_name(n))),
        );
        edits.extend(
            order.requester_phone.as_deref().map(|p| Edit::set("phone_masked", privacy::mask_phone(p))),
        );
        self.write(tx, id, by, &edits)?;
        Ok(())
    }

    /// R30, R31: both clocks, the internal one never later than the upstream one; and until when
    /// the requester has to be contacted.
    fn set_due(&self, edits: &mut Vec<Edit>, start: TimeMs, urgent: bool, upstream: Option<i64>) {
        let limits = &self.settings.limits;
        let (limit, response) = if urgent {
            (limits.urgent, limits.response_urgent)
        } else {
            (limits.general, limits.response_general)
        };
        let due = |limit| deadline::limit_due(start, limit, &self.calendar, &self.settings.hours);
        if let Ok(contact) = due(response) {
            edits.push(Edit::set("contact_due", contact.at.0));
        }
        let Ok(due) = due(limit) else { return };
        let binding = deadline::internal_vs_upstream(due.at, upstream.map(TimeMs));
        edits.push(Edit::set("internal_due", binding.at.0));
        edits.push(Edit::set("calendar_version", self.calendar.version()));
        edits.push(Edit::set("due_provisional", due.provisional));
    }

    /// Makes the edits that send an order to a section and a grid's people.
    pub(crate) fn dispatch_edits(
        &self,
        tx: &Transaction<'_>,
        edits: &mut Vec<Edit>,
        lead: &str,
        support: &[String],
        grid: &str,
        now: TimeMs,
    ) -> Result<(), HqError> {
        edits.push(Edit::set("state", State::Dispatched.id()));
        edits.push(Edit::set("lead_unit", lead));
        edits.push(Edit::set("dispatched_at", now.0));
        edits.extend(support.iter().map(|u| Edit::set(format!("support_unit/{u}"), true)));
        for (worker, role) in store::holders(tx, grid, now.0)? {
            if matches!(Role::from_id(&role), Some(Role::GridWorker | Role::PropertyStaff)) {
                edits.push(Edit::set(format!("assignee/{worker}"), true));
            }
        }
        Ok(())
    }

    fn cell(&self, position: &Position) -> Option<String> {
        Some(self.grids.as_ref()?.cell_at(position)?.id().to_string())
    }
}

/// Makes the title: the order's own, else the beginning of what was said. Redacted before it is
/// cut, so that no part of a name or a number is left at the end.
fn title(order: &IncomingOrder, names: &[&str]) -> String {
    if !order.title.trim().is_empty() {
        return cut(&privacy::redact(&order.title, names), LINE_BYTES);
    }
    let said = privacy::redact(&order.reported_text, names);
    said.chars().take(TITLE_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Reads an order's position, in WGS-84.
pub(super) fn position(order: &IncomingOrder) -> Option<Position> {
    let datum = match order.datum.as_str() {
        "gcj02" => Datum::Gcj02,
        "bd09" => Datum::Bd09,
        _ => Datum::Wgs84,
    };
    let stated = Position::new(order.lat_e7?, order.lon_e7?, None, Source::Manual, false, datum).ok()?;
    stated.in_datum(Datum::Wgs84).ok()
}

/// Cuts text to a number of bytes at a character boundary.
pub(super) fn cut(text: &str, max: usize) -> String {
    let text = text.replace('\0', " ");
    let end = text.floor_char_boundary(max);
    text.get(..end).unwrap_or_default().to_owned()
}
