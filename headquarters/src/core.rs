//! What headquarters is besides its database: keys, clock, rules in force, its own chain.
//!
//! Invariant: everything headquarters itself writes goes through [`Core::write`], one entry of
//! its own chain with the same log row and cache as a phone's. Rejected: writing documents
//! directly for "internal" changes, which no log would explain.

use crate::{
    auth::Nonces,
    config::{Settings, Source},
    error::{HqError, Refusal},
    gate::Gate,
    store::{self, LogRow, StoredDoc, set_meta},
};
use lanewalk_model::{
    calendar::Calendar,
    catalog::Catalog,
    document::{Document, Edit, Stamp},
    grid::GridSet,
    id::{ActorId, DeviceId, DocId, EventId, Hash, uuid_v7},
    records::{StepRecord, to_json},
    schema::Type,
    time::{Hlc, TimeMs},
    view::{DocView, Value},
};
use lanewalk_protocol::{
    entry::{ENTRY_FORMAT, Entry, Header},
    http,
    keys::SoftSigner,
    receipt::Beacon,
    tlog::Checkpoint,
};
use rusqlite::Transaction;
use std::{collections::HashSet, sync::Arc};

pub(crate) mod sign;

/// Everything but the database, so that a transaction can be held beside it.
pub(crate) struct Core {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) gate: Box<dyn Gate>,
    pub(crate) settings: Settings,
    pub(crate) signer: Arc<SoftSigner>,
    pub(crate) beacon_secret: [u8; 32],
    pub(crate) nonces: Nonces,
    /// Headquarters' own chain.
    pub(crate) own: DeviceId,
    pub(crate) own_n: i64,
    pub(crate) actor: ActorId,
    pub(crate) hlc: Hlc,
    pub(crate) last_now: i64,
    pub(crate) last_event: u128,
    pub(crate) epoch: u64,
    /// The checkpoint made last; signed anew when the tree has another root.
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) calendar: Calendar,
    pub(crate) catalog: Catalog,
    pub(crate) grids: Option<GridSet>,
}

impl Core {
    /// Returns HQ time: never before the newest entry of the log, and never back within a process,
    /// whatever the machine's clock does (F31): the log is searched by time.
    pub(crate) fn now(&mut self) -> TimeMs {
        self.last_now = self.source.now_ms().max(self.last_now);
        TimeMs(self.last_now)
    }

    /// Draws a fresh uuid v7.
    pub(crate) fn uuid(&mut self) -> [u8; 16] {
        let mut random = [0; 10];
        self.source.fill_random(&mut random);
        uuid_v7(self.now().0, random)
    }

    /// Draws a fresh event id, greater than the one before even within a millisecond: steps are
    /// read in the order of their ids.
    pub(crate) fn event(&mut self) -> EventId {
        let drawn = u128::from_be_bytes(self.uuid());
        self.last_event = drawn.max(self.last_event.saturating_add(1));
        EventId(self.last_event.to_be_bytes())
    }

    /// Makes the beacon for a time.
    pub(crate) fn beacon(&self, at: TimeMs) -> Beacon {
        Beacon { hq_time: at.0, tag: self.tag(at.0) }
    }

    /// Makes the tag that proves a time came from headquarters.
    pub(crate) fn tag(&self, hq_time: i64) -> [u8; 16] {
        sign::hmac_tag(&self.beacon_secret, hq_time)
    }

    /// Signs an answer and gives the device its next nonce.
    pub(crate) fn respond(
        &mut self,
        binding: &str,
        device: Option<DeviceId>,
        status: u16,
        body: Vec<u8>,
    ) -> http::Response {
        let headers = self.signed_headers(binding, device, status, &body);
        http::Response { status, headers, body }
    }

    /// Signs an answer whose content is this message and returns its headers, among them the
    /// device's next nonce.
    pub(crate) fn signed_headers(
        &mut self,
        binding: &str,
        device: Option<DeviceId>,
        status: u16,
        message: &[u8],
    ) -> Vec<(String, String)> {
        let next = self.next_nonce(device);
        sign::response_headers(&*self.signer, binding, status, &next, message)
    }

    /// Gives a device its next nonce; the one before is void. Empty for nobody.
    pub(crate) fn next_nonce(&mut self, device: Option<DeviceId>) -> String {
        let random = self.random();
        device.map_or_else(String::new, |d| self.nonces.renew(d, random))
    }

    fn random(&self) -> [u8; 12] {
        let mut random = [0; 12];
        self.source.fill_random(&mut random);
        random
    }

    pub(crate) fn refuse(
        &mut self,
        binding: &str,
        device: Option<DeviceId>,
        refusal: &Refusal,
    ) -> http::Response {
        match device {
            Some(device) if refusal.code == "nonce" => {
                let random = self.random();
                let current = self.nonces.current_or(device, random);
                let (status, body) = (refusal.status, refusal.body());
                let headers = sign::response_headers(&*self.signer, binding, status, &current, &body);
                http::Response { status, headers, body }
            }
            _ => self.respond(binding, device, refusal.status, refusal.body()),
        }
    }

    pub(crate) fn save_clock(&self, tx: &Transaction<'_>) -> Result<(), HqError> {
        let stored = store::meta_u64(tx, "hlc")?;
        let now = u64::try_from(self.hlc.0).unwrap_or(0);
        if now > stored {
            set_meta(tx, "hlc", &now.to_be_bytes())?;
        }
        Ok(())
    }

    /// Writes edits to a document as headquarters: one entry of its own chain. `by` is the
    /// staff id of who decided, `hq` for a rule. Returns the new view.
    pub(crate) fn write(
        &mut self,
        tx: &Transaction<'_>,
        id: DocId,
        by: &str,
        edits: &[Edit],
    ) -> Result<DocView, HqError> {
        let mut doc = match StoredDoc::find(tx, id)? {
            Some(stored) => Document::load(id.kind, &stored.saved)?,
            None => Document::new(id.kind),
        };
        self.hlc = self.hlc.tick(self.now(), None);
        let stamp = Stamp { actor: self.actor, worker: by.to_owned(), hlc: self.hlc };
        // An act may touch a field on its way (RECEIVED, then DISPATCHED); the last word counts.
        let mut seen = HashSet::new();
        let mut last: Vec<Edit> = edits.iter().rev().filter(|e| seen.insert(e.key())).cloned().collect();
        last.reverse();
        // A text longer than its field is refused by every phone; people do write such.
        let too_long = |edit: &&Edit| match (id.kind.spec().field(edit.key()).map(|f| f.ty), edit) {
            (Some(Type::Text(most) | Type::Json(most)), Edit::Set(_, Value::Text(text))) => text.len() > most,
            _ => false,
        };
        if let Some(edit) = last.iter().find(too_long) {
            let field = edit.key().split('/').next().unwrap_or_default();
            return Err(HqError::NotAllowed(format!(
                "内容太长,请改短一些 ({field}) / too long, make it shorter ({field})"
            )));
        }
        let Some(change) = doc.edit(&stamp, &last)? else { return Ok(doc.view()) };
        let view = doc.view();
        let now = self.now();
        let n = store::docs_put(tx, id, &view, &doc.save(), &doc.heads(), now)?;
        self.append_own(tx, id, n, change)?;
        Ok(view)
    }

    /// Writes edits to an order together with the step they are in its log. `by` as in
    /// [`Self::write`].
    pub(crate) fn step(
        &mut self,
        tx: &Transaction<'_>,
        order: DocId,
        by: &str,
        mut edits: Vec<Edit>,
        step: &StepRecord,
    ) -> Result<DocView, HqError> {
        self.push_step(&mut edits, step);
        self.write(tx, order, by, &edits)
    }

    /// Adds a step to the edits of an order.
    pub(crate) fn push_step(&mut self, edits: &mut Vec<Edit>, step: &StepRecord) {
        edits.push(Edit::set(format!("step/{}", self.event()), to_json(step)));
    }

    fn append_own(
        &mut self,
        tx: &Transaction<'_>,
        doc: DocId,
        n: i64,
        change: Vec<u8>,
    ) -> Result<(), HqError> {
        let now = self.now();
        let (seq, prev): (u64, Vec<u8>) = tx
            .prepare_cached("SELECT last_seq, head FROM devices WHERE n = ?1")?
            .query_row([self.own_n], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let header = Header {
            format: ENTRY_FORMAT,
            device: self.own,
            seq: seq + 1,
            prev: Hash::from_slice(&prev).unwrap_or(Hash([0; 32])),
            doc,
            base_version: 0,
            wall_ms: now.0,
            mono_ms: 0,
            boot: [0; 8],
            anchor: None,
            change: Hash(lanewalk_protocol::batch::chunk_hash(&change)),
        };
        let hash = header.hash();
        let entry = Entry { header, change };
        let effective = (now, "hq");
        let row = LogRow {
            device: self.own_n,
            key: self.signer.public_key().fingerprint(),
            doc: Some(n),
            entry: &entry,
            hash,
            received_at: now,
            effective,
            refused: None,
        };
        row.append(tx)?;
        tx.prepare_cached("UPDATE devices SET last_seq = ?2, head = ?3 WHERE n = ?1")?
            .execute(rusqlite::params![self.own_n, seq + 1, hash.0])?;
        Ok(())
    }

    /// Takes reference data into use.
    pub(crate) fn use_reference(&mut self, name: &str, body: &str) -> Result<(), HqError> {
        let bad = |what, why: String| HqError::Reference { what, why };
        match name {
            "calendar" => {
                self.calendar = serde_json::from_str(body).map_err(|e| bad("calendar", e.to_string()))?
            }
            "matter_catalog" => {
                self.catalog = Catalog::from_json(body).map_err(|e| bad("matter_catalog", e.to_string()))?
            }
            "grids" => {
                self.grids = Some(GridSet::from_geojson(body).map_err(|e| bad("grids", e.to_string()))?)
            }
            _ => {}
        }
        Ok(())
    }
}
