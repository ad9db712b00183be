//! Orders in: what the importer read becomes documents.
//!
//! Invariant: an upstream id is an order once; importing the same file again changes nothing,
//! and a changed record is an amendment, never a rewrite (DOMAIN.md §5, R1). The requester's
//! identity stays in a table of its own that no phone ever syncs.

use crate::{
    core::Core,
    error::HqError,
    hq::Headquarters,
    import::IncomingOrder,
    store::{self},
};
use lanewalk_model::{
    datum::Datum,
    deadline,
    document::Edit,
    id::{DocId, to_hex},
    order::State,
    position::{Position, Source},
    privacy,
    records::to_json,
    schema::DocKind,
    staff::Role,
    time::TimeMs,
};
use rusqlite::{OptionalExtension as _, Transaction, params};

/// What became of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// New orders.
    pub new: u32,
    /// Known and unchanged.
    pub known: u32,
    /// Known and amended.
    pub amended: u32,
    /// New orders outside every grid: they wait for a clerk.
    pub outside_grids: u32,
    /// New orders without exactly one match in the catalogue.
    pub triage: u32,
}

impl Headquarters {
    /// Takes in orders, each once; `clerk` is on watch and accepts them (R23, R25). Runs in
    /// transactions of 200 orders.
    pub fn take_in(&mut self, orders: &[IncomingOrder], clerk: &str) -> Result<Imported, HqError> {
        let mut total = Imported::default();
        for part in orders.chunks(200) {
            self.act(|tx, core| part.iter().try_for_each(|o| core.take_in_one(tx, o, clerk, &mut total)))?;
        }
        Ok(total)
    }

    /// Publishes reference data (calendar, matter_catalog, grids, staff); phones get it with
    /// their next sync. The body is checked first.
    pub fn publish_reference(&mut self, name: &str, version: &str, body: &str) -> Result<(), HqError> {
        self.core.use_reference(name, body)?;
        let id = self.reference_id(name)?;
        self.act(|tx, core| {
            let id = id.unwrap_or_else(|| DocId { kind: DocKind::Reference, uuid: core.uuid() });
            let edits = [Edit::set("name", name), Edit::set("version", version), Edit::set("body", body)];
            core.write(tx, id, "hq", &edits)?;
            if name == "calendar" {
                core.redate(tx)?;
            }
            Ok(())
        })
    }

    fn reference_id(&self, name: &str) -> Result<Option<DocId>, HqError> {
        let id: Option<Vec<u8>> = self
            .db
            .prepare_cached("SELECT id FROM docs WHERE kind = ?1 AND row ->> 'title' = ?2")?
            .query_row(params![DocKind::Reference.code(), name], |r| r.get(0))
            .optional()?;
        Ok(id.and_then(|b| DocId::from_slice(&b).ok()))
    }
}

impl Core {
    fn take_in_one(
        &mut self,
        tx: &Transaction<'_>,
        order: &IncomingOrder,
        clerk: &str,
        total: &mut Imported,
    ) -> Result<(), HqError> {
        let known: Option<(i64, Vec<u8>)> = tx
            .prepare_cached("SELECT doc, payload_hash FROM upstream WHERE upstream_id = ?1")?
            .query_row([&order.upstream_id], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        match known {
            Some((_, hash)) if hash == order.payload_sha256 => total.known += 1,
            Some((n, _)) => {
                self.amend(tx, n, order)?;
                total.amended += 1;
            }
            None => self.create(tx, order, clerk, total)?,
        }
        Ok(())
    }

    fn amend(&mut self, tx: &Transaction<'_>, n: i64, order: &IncomingOrder) -> Result<(), HqError> {
        let Some(row) = store::DocRow::by_number(tx, n)? else { return Ok(()) };
        let words = privacy::redact(&order.reported_text, &names(order));
        let record =
            serde_json::json!({ "at": self.now(), "text": words, "payload": to_hex(&order.payload_sha256) });
        let key = format!("amendment/{}", self.event());
        self.write(tx, row.id, "hq", &[Edit::set(key, record.to_string())])?;
        tx.execute(
            "UPDATE upstream SET payload_hash = ?2 WHERE upstream_id = ?1",
            params![order.upstream_id, order.payload_sha256],
        )?;
        Ok(())
    }

    fn create(
        &mut self,
        tx: &Transaction<'_>,
        order: &IncomingOrder,
        clerk: &str,
        total: &mut Imported,
    ) -> Result<(), HqError> {
        total.new += 1;
        let id = DocId { kind: DocKind::Order, uuid: self.uuid() };
        let names = names(order);
        let position = position(order);
        let grid = position.as_ref().and_then(|p| self.cell(p));
        let matter = self.catalog.exact_match(&order.matter_text).cloned();
        let urgent = order.urgent || matter.as_ref().is_some_and(|m| m.urgency == "urgent");
        let start = TimeMs(order.reported_at_ms);
        let now = self.now();
        let mut edits = vec![
            Edit::set("upstream_id", order.upstream_id.as_str()),
            Edit::set("channel", order.channel.as_str()),
            Edit::set("reported_at", start.0),
            Edit::set("payload_hash", to_hex(&order.payload_sha256)),
            Edit::set("title", cut(&privacy::redact(&order.title, &names), 600)),
            Edit::set("summary", cut(&privacy::redact(&order.reported_text, &names), 12_000)),
            Edit::set("place_text", cut(&privacy::redact(&order.reported_address, &names), 600)),
            Edit::set("urgency", if urgent { "urgent" } else { "general" }),
            Edit::set("order_version", 1),
            Edit::set("accepted_at", now.0),
        ];
        edits.extend(position.as_ref().map(|p| Edit::set("reported_position", to_json(p))));
        edits.extend(order.upstream_due_at_ms.map(|t| Edit::set("upstream_due", t)));
        self.set_due(&mut edits, start, urgent, order.upstream_due_at_ms);
        total.outside_grids += u32::from(grid.is_none());
        total.triage += u32::from(matter.is_none());
        if let Some(grid) = &grid {
            edits.push(Edit::set("grid", grid.as_str()));
        }
        match (&matter, &grid) {
            (Some(matter), Some(grid)) => {
                edits.push(Edit::set("matter_code", matter.matter_code.as_str()));
                edits.push(Edit::set("catalog_version", self.catalog.version.as_str()));
                self.dispatch_edits(tx, &mut edits, &matter.lead_unit, &matter.support_units, grid, now)?;
            }
            // R27: no clear owner. Only the deputy leader leaves this state.
            _ => edits.push(Edit::set("state", State::Triage.id())),
        }
        self.write(tx, id, clerk, &edits)?;
        let n: i64 = tx.query_row("SELECT n FROM docs WHERE id = ?1", [id.to_bytes()], |r| r.get(0))?;
        tx.prepare_cached("INSERT INTO upstream (upstream_id, doc, payload_hash) VALUES (?1, ?2, ?3)")?
            .execute(params![order.upstream_id, n, order.payload_sha256])?;
        self.create_brief(tx, id, order, grid.as_deref(), clerk)?;
        if order.requester_name.is_some() || order.requester_phone.is_some() {
            tx.prepare_cached("INSERT INTO requesters (doc, name, phone) VALUES (?1, ?2, ?3)")?.execute(
                params![
                    n,
                    order.requester_name.as_deref().unwrap_or_default(),
                    order.requester_phone.as_deref().unwrap_or_default()
                ],
            )?;
        }
        Ok(())
    }

    fn create_brief(
        &mut self,
        tx: &Transaction<'_>,
        order_id: DocId,
        order: &IncomingOrder,
        grid: Option<&str>,
        clerk: &str,
    ) -> Result<(), HqError> {
        let id = DocId { kind: DocKind::Brief, uuid: self.uuid() };
        let names = names(order);
        let mut edits = vec![
            Edit::set("order", order_id.to_string()),
            Edit::set("grid", grid.unwrap_or_default()),
            // Masked for every phone (§9); the words as they came stay in the upstream file.
            Edit::set("reported_text", cut(&privacy::redact(&order.reported_text, &names), 12_000)),
            Edit::set("reported_address", cut(&privacy::redact(&order.reported_address, &names), 600)),
            Edit::set("secrecy", order.secrecy),
        ];
        edits.extend(
            order.requester_name.as_deref().map(|n| Edit::set("requester_masked", privacy::mask_name(n))),
        );
        edits.extend(
            order.requester_phone.as_deref().map(|p| Edit::set("phone_masked", privacy::mask_phone(p))),
        );
        self.write(tx, id, clerk, &edits)?;
        Ok(())
    }

    /// R30, R31: both clocks; the internal one is never later than the upstream one.
    fn set_due(&self, edits: &mut Vec<Edit>, start: TimeMs, urgent: bool, upstream: Option<i64>) {
        let limits = &self.settings.limits;
        let limit = if urgent { limits.urgent } else { limits.general };
        let Ok(due) = deadline::limit_due(start, limit, &self.calendar, &self.settings.hours) else { return };
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

fn names(order: &IncomingOrder) -> Vec<&str> {
    order.requester_name.as_deref().into_iter().collect()
}

fn position(order: &IncomingOrder) -> Option<Position> {
    let datum = match order.datum.as_str() {
        "gcj02" => Datum::Gcj02,
        "bd09" => Datum::Bd09,
        _ => Datum::Wgs84,
    };
    let stated = Position::new(order.lat_e7?, order.lon_e7?, None, Source::Manual, false, datum).ok()?;
    stated.in_datum(Datum::Wgs84).ok()
}

/// Cuts text to a number of bytes at a character boundary.
fn cut(text: &str, max: usize) -> String {
    let text = text.replace('\0', " ");
    let end =
        text.char_indices().map(|(i, c)| i + c.len_utf8()).take_while(|end| *end <= max).last().unwrap_or(0);
    text.get(..end).unwrap_or_default().to_owned()
}
