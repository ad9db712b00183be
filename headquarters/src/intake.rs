//! Orders in: what came from upstream, a form, a phone or a neighbour becomes documents.
//!
//! Invariant: an upstream id is an order once; the same record again changes nothing, and a changed
//! record is an amendment, never a rewrite (DOMAIN.md §5, R1). An order's clock begins when it was
//! reported (R25), whoever accepts it and whenever. The requester's identity and the record as it
//! came stay in tables of their own that no phone ever syncs. Rejected: one door per way in; every
//! one would then know duplicates, amendments and repeats in its own way.

mod accept;
mod appeal;
mod catalogue;
mod create;
mod draft;
mod form;
mod repeat;

pub use appeal::Conversion;
pub(crate) use appeal::is_open as appeal_is_open;
pub(crate) use catalogue::{catalogue, cells};
pub(crate) use draft::Draft;
pub use draft::Looked;
pub use form::{CHANNELS, Fault, Form, KINDS, NOT_LISTED};

use crate::{
    ahead::forecasts,
    core::Core,
    desk::{
        catalogue::{Carried, carry},
        watch,
    },
    error::HqError,
    hq::Headquarters,
    import::IncomingOrder,
    store::{self, DocRow, StoredDoc},
};
use lanewalk_model::{
    document::Edit,
    id::{DocId, to_hex},
    order, privacy,
    records::{StepKind, StepRecord},
    schema::DocKind,
    time::TimeMs,
};
use lanewalk_protocol::commitment::{SALT_LEN, commit};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use std::borrow::Cow;

/// Orders in one transaction.
const IN_ONE_TRANSACTION: usize = 200;

/// When an order that comes in is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance<'a> {
    /// At once, by this clerk, who is on watch (R23).
    By(&'a str),
    /// By whoever is on watch: the order stands in RECEIVED until then.
    Later,
    /// Likewise, though a clerk took it in: one who is not on watch.
    LaterFrom(&'a str),
}

impl<'a> Acceptance<'a> {
    /// A clerk takes an order in: whoever is on watch accepts it by that, anybody else leaves it to
    /// the watch (R23, DOMAIN.md §4).
    pub(crate) fn by_clerk(db: &Connection, clerk: &'a str) -> Result<Self, HqError> {
        let accepts = watch::on_watch(db)?.is_some_and(|watch| watch.person == clerk);
        Ok(if accepts { Self::By(clerk) } else { Self::LaterFrom(clerk) })
    }
}

impl<'a> From<&'a str> for Acceptance<'a> {
    fn from(clerk: &'a str) -> Self {
        Self::By(clerk)
    }
}

/// An order as it arrives, with what is known of it besides its own words.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// The order. An empty upstream id means that it begins here.
    pub order: &'a IncomingOrder,
    /// `csv`, `form`, `appeal`, `open311`, or the name of a neighbour.
    pub source: &'a str,
    /// The record as it came, with its media type; kept as it is.
    pub payload: Option<(&'static str, &'a [u8])>,
    /// The matter that somebody chose from the catalogue; its words are matched otherwise.
    pub matter_code: Option<&'a str>,
    /// `consult`, `help`, `suggest`, `complain` or `report`.
    pub kind: Option<&'a str>,
    /// The grid, where no position tells it.
    pub grid: Option<&'a str>,
    /// The appeal it is made of (R17).
    pub appeal: Option<DocId>,
    /// A picture or the like that the requester points to.
    pub media_url: Option<&'a str>,
}

impl<'a> From<&'a IncomingOrder> for Arrival<'a> {
    fn from(order: &'a IncomingOrder) -> Self {
        Self {
            order,
            source: "csv",
            payload: None,
            matter_code: None,
            kind: None,
            grid: None,
            appeal: None,
            media_url: None,
        }
    }
}

/// What became of one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is new.
    New(DocId),
    /// It was here and is the same.
    Known(DocId),
    /// It was here and says something new.
    Amended(DocId),
}

impl Taken {
    /// Returns the order.
    pub fn order(self) -> DocId {
        match self {
            Self::New(id) | Self::Known(id) | Self::Amended(id) => id,
        }
    }
}

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
    /// New orders that bring back a matter that was closed (DOMAIN.md §4).
    pub repeats: u32,
}

impl Headquarters {
    /// Takes in orders, each once, in transactions of 200. Fails only with the database; what was
    /// committed before stays, and taking the same in again is harmless.
    pub fn take_in<'a, A: Into<Arrival<'a>>>(
        &mut self,
        arrivals: impl IntoIterator<Item = A>,
        accepted: impl Into<Acceptance<'a>>,
    ) -> Result<Imported, HqError> {
        let accepted = accepted.into();
        let mut total = Imported::default();
        let mut arrivals = arrivals.into_iter().map(Into::into).peekable();
        while arrivals.peek().is_some() {
            let part = arrivals.by_ref().take(IN_ONE_TRANSACTION);
            self.act(|tx, core| {
                for arrival in part {
                    core.take_in(tx, &arrival, accepted, &mut total)?;
                }
                // R11: concentrated is what came in now together with what came before.
                forecasts::scan(tx, core).map(|_| ())
            })?;
        }
        Ok(total)
    }

    /// Publishes reference data (calendar, matter_catalog, grids, staff); phones get it with
    /// their next sync. The body is checked first. Rows of the catalogue that deputy leaders adopted
    /// stay in the next one (R27); the answer says which and which not.
    pub fn publish_reference(&mut self, name: &str, version: &str, body: &str) -> Result<Carried, HqError> {
        let before = (self.core.calendar.clone(), self.core.catalog.clone(), self.core.grids.clone());
        let published = self.replace_reference(name, version, body);
        if published.is_err() {
            // Rules go by what is stored, so what was not stored is forgotten.
            (self.core.calendar, self.core.catalog, self.core.grids) = before;
        }
        published
    }

    fn replace_reference(&mut self, name: &str, version: &str, body: &str) -> Result<Carried, HqError> {
        self.core.use_reference(name, body)?;
        let id = self.reference_id(name)?;
        self.act(|tx, core| {
            let (mut body, mut version) = (Cow::Borrowed(body), Cow::Borrowed(version));
            let mut carried = Carried::default();
            if name == "matter_catalog" {
                carried = carry(tx, &mut core.catalog)?;
                if carried.rows > 0 {
                    let unwritable = |e: serde_json::Error| HqError::Reference {
                        what: "matter_catalog",
                        why: e.to_string(),
                    };
                    body = serde_json::to_string(&core.catalog).map_err(unwritable)?.into();
                    version = core.catalog.version.clone().into();
                }
            }
            let id = id.unwrap_or_else(|| DocId { kind: DocKind::Reference, uuid: core.uuid() });
            let edits = [Edit::set("name", name), Edit::set("version", &*version), Edit::set("body", &*body)];
            core.write(tx, id, "hq", &edits)?;
            if name == "calendar" {
                core.redate(tx)?;
            }
            Ok(carried)
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
    /// Takes in one order and counts what became of it.
    pub(crate) fn take_in(
        &mut self,
        tx: &Transaction<'_>,
        arrival: &Arrival<'_>,
        accepted: Acceptance<'_>,
        total: &mut Imported,
    ) -> Result<Taken, HqError> {
        let order = arrival.order;
        let known: Option<(i64, Vec<u8>)> = match order.upstream_id.as_str() {
            "" => None,
            id => tx
                .prepare_cached("SELECT doc, payload_hash FROM upstream WHERE upstream_id = ?1")?
                .query_row([id], |r| Ok((r.get(0)?, r.get(1)?)))
                .optional()?,
        };
        let Some((n, hash)) = known else {
            let id = self.create(tx, arrival, accepted, total)?;
            return Ok(Taken::New(id));
        };
        let row = DocRow::by_number(tx, n)?.ok_or_else(|| HqError::NotFound(order.upstream_id.clone()))?;
        if hash == self.payload_mark(&order.payload_sha256) {
            total.known += 1;
            return Ok(Taken::Known(row.id));
        }
        self.amend(tx, &row, arrival)?;
        total.amended += 1;
        Ok(Taken::Amended(row.id))
    }

    fn amend(&mut self, tx: &Transaction<'_>, row: &DocRow, arrival: &Arrival<'_>) -> Result<(), HqError> {
        let order = arrival.order;
        let words = create::cut(&privacy::redact(&order.reported_text, &names(order)), AMENDMENT_BYTES);
        let salt = self.salt();
        let promise = commit(&salt, &order.payload_sha256);
        let record = serde_json::json!({ "at": self.now(), "text": words, "payload": to_hex(&promise.0) });
        let mut edits = vec![Edit::set(format!("amendment/{}", self.event()), record.to_string())];
        if let Some(due) = order.upstream_due_at_ms {
            self.follow_upstream(tx, row.id, due, &mut edits)?;
        }
        self.write(tx, row.id, "hq", &edits)?;
        tx.prepare_cached("UPDATE upstream SET payload_hash = ?2 WHERE upstream_id = ?1")?
            .execute(params![order.upstream_id, self.payload_mark(&order.payload_sha256)])?;
        // Of an order that has ended nothing personal is kept anew: it may have been erased.
        let open: bool =
            tx.prepare_cached("SELECT open FROM docs WHERE n = ?1")?.query_row([row.n], |r| r.get(0))?;
        if open { self.keep_payload(tx, row.n, arrival, &salt) } else { Ok(()) }
    }

    /// Upstream's own limit moved. R31: where it is now earlier than ours, it is the one that holds,
    /// and the earlier promise stays visible.
    fn follow_upstream(
        &mut self,
        tx: &Transaction<'_>,
        id: DocId,
        due: i64,
        edits: &mut Vec<Edit>,
    ) -> Result<(), HqError> {
        let view = StoredDoc::find(tx, id)?.ok_or_else(|| HqError::NotFound(id.to_string()))?.view()?;
        if view.int("upstream_due") == Some(due) {
            return Ok(());
        }
        edits.push(Edit::set("upstream_due", due));
        // An approved extension or a round of rework has a time of its own.
        if order::round(&view) > 0 || view.flag("flag/extended") {
            return Ok(());
        }
        let Some(ours) = view.int("internal_due").filter(|ours| *ours > due) else { return Ok(()) };
        if order::state(&view).is_open() {
            edits.extend([Edit::set("promised_due", ours), Edit::set("internal_due", due)]);
            let step = StepRecord::new(StepKind::Redated, self.now(), "hq");
            self.push_step(edits, &StepRecord { due: Some(TimeMs(due)), ..step });
        }
        Ok(())
    }

    /// Draws the salt of a promise about a record as it came.
    fn salt(&self) -> [u8; SALT_LEN] {
        let mut salt = [0; SALT_LEN];
        self.source.fill_random(&mut salt);
        salt
    }

    /// Makes the mark by which the same record is known again.
    fn payload_mark(&self, sha256: &[u8; 32]) -> Vec<u8> {
        use hmac::{KeyInit as _, Mac as _};
        // HMAC takes keys of any length.
        let Ok(mut mac) = hmac::Hmac::<sha2::Sha256>::new_from_slice(&self.beacon_secret) else {
            return Vec::new();
        };
        mac.update(b"lanewalk/payload\0");
        mac.update(sha256);
        mac.finalize().into_bytes().to_vec()
    }

    /// Keeps a record as it came, with the salt of the promise about it.
    fn keep_payload(
        &mut self,
        tx: &Transaction<'_>,
        n: i64,
        arrival: &Arrival<'_>,
        salt: &[u8; SALT_LEN],
    ) -> Result<(), HqError> {
        let Some((media_type, bytes)) = arrival.payload else { return Ok(()) };
        tx.prepare_cached(
            "INSERT INTO payloads (doc, received_at, media_type, sha256, salt, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![n, self.now().0, media_type, arrival.order.payload_sha256, salt, bytes])?;
        Ok(())
    }
}

/// Bytes of an amendment's words: the record around them must fit its field.
const AMENDMENT_BYTES: usize = 3_600;

fn names(order: &IncomingOrder) -> Vec<&str> {
    order.requester_name.as_deref().into_iter().collect()
}

/// Finds the row of an order by its form's token.
pub(crate) fn made_by_form(tx: &Transaction<'_>, token: &[u8]) -> Result<Option<DocId>, HqError> {
    let n: Option<i64> = tx
        .prepare_cached("SELECT doc FROM form_tokens WHERE token = ?1")?
        .query_row([token], |r| r.get(0))
        .optional()?;
    let row = n.map(|n| store::DocRow::by_number(tx, n)).transpose()?.flatten();
    Ok(row.map(|row| row.id))
}
