//! One act: checked, stamped, chained, saved.
//!
//! Invariant: the same rules as headquarters' (policy, schema, wire limits) are asked before
//! anything is written; then entry, list row and words are committed together with
//! `synchronous=FULL`, and only after that does the caller hear "saved" (law 1, law 4).
//! Rejected: writing first and letting headquarters sort it out.

use crate::{
    error::{FieldError, guarded},
    facade::{Field, Inner},
    identity::Me,
    photos::record_key,
    reads,
    store::{DocCache, Durability, docs, entries, list, meta, meta::key},
};
use lanewalk_model::{
    chunk,
    document::{Document, Edit, Stamp, check_edits},
    id::{ActorId, DocId, EventId, Hash, uuid_v7},
    policy::{self, ScopeFacts},
    schema::DocKind,
    time::{HLC_MAX_AHEAD_MS, Hlc, TimeMs},
    view::{DocView, Value},
};
use lanewalk_protocol::{
    batch::chunk_hash,
    entry::{ENTRY_FORMAT, Header},
    limits,
};
use rusqlite::Transaction;

/// What a saved act is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// Its number in this device's chain. When every edit was already true, nothing is written
    /// and this is the last entry's.
    pub seq: u64,
    /// The entry's hash.
    pub hash: Hash,
}

impl Field {
    /// Writes edits to a document as one act; creates the document if it does not exist.
    ///
    /// `base_version` is the order version the author saw, 0 where there is none. A write to a
    /// field with several concurrent values replaces all of them: that resolves a conflict.
    ///
    /// # Errors
    /// `NotAllowed`, `Invalid`, `LeaseOver`, `StorageFull`: nothing was written.
    pub fn write(&self, id: DocId, edits: Vec<Edit>, base_version: u64) -> Result<Saved, FieldError> {
        self.inner.act(id, &edits, base_version, Mode::Any)
    }

    /// Creates a document under a new id. `by` and `grid` are filled in from the identity where
    /// the kind has them: the grid only when exactly one is held.
    ///
    /// # Errors
    /// As [`Self::write`]; `Invalid` for `grid` when several are held and none was named.
    pub fn create(&self, kind: DocKind, edits: Vec<Edit>) -> Result<(DocId, Saved), FieldError> {
        let id = self.inner.new_doc(kind);
        let edits = self.inner.with_defaults(kind, edits)?;
        let saved = self.inner.act(id, &edits, 0, Mode::Create)?;
        Ok((id, saved))
    }

    /// Sets one field; for a field in conflict this is a person's choice among the values.
    pub fn set_field(&self, id: DocId, key: &str, value: Value) -> Result<Saved, FieldError> {
        self.inner.act(id, &[Edit::set(key, value)], 0, Mode::Existing)
    }
}

/// Whether the document must exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Any,
    Create,
    Existing,
}

impl Inner {
    /// Makes the id of a new document.
    pub(crate) fn new_doc(&self, kind: DocKind) -> DocId {
        DocId { kind, uuid: self.new_uuid() }
    }

    /// Makes the id of a new record.
    pub(crate) fn new_event(&self) -> EventId {
        EventId(self.new_uuid())
    }

    fn new_uuid(&self) -> [u8; 16] {
        uuid_v7(self.source.wall_ms(), self.random())
    }

    fn with_defaults(&self, kind: DocKind, mut edits: Vec<Edit>) -> Result<Vec<Edit>, FieldError> {
        let me = self.me()?;
        let missing = |edits: &[Edit], key: &str| {
            kind.spec().field(key).is_some_and(|f| f.may_write(me.subject.role))
                && !edits.iter().any(|e| e.key() == key)
        };
        if missing(&edits, "by") {
            edits.push(Edit::set("by", me.subject.worker.as_str()));
        }
        if missing(&edits, "grid") {
            match me.identity().grids.as_slice() {
                [grid] => edits.push(Edit::set("grid", grid.as_str())),
                // Without any, the rights say what is missing.
                [] => {}
                _ => return Err(FieldError::invalid("grid", "several are held: name one")),
            }
        }
        Ok(edits)
    }

    /// Writes one act and tells the watchers.
    pub(crate) fn act(
        &self,
        id: DocId,
        edits: &[Edit],
        base_version: u64,
        mode: Mode,
    ) -> Result<Saved, FieldError> {
        self.act_with(id, edits, base_version, mode, |_, _| Ok(()))
    }

    /// Writes one act and whatever belongs to it in one transaction, and tells the watchers.
    pub(crate) fn act_with(
        &self,
        id: DocId,
        edits: &[Edit],
        base_version: u64,
        mode: Mode,
        with: impl FnOnce(&Transaction<'_>, Saved) -> Result<(), FieldError>,
    ) -> Result<Saved, FieldError> {
        let now = self.now();
        let saved = self.store.write(Durability::Act, |tx, cache| {
            let me = Me::load(tx, now)?;
            let act = Act { tx, me: &me, actor: self.actor(), base_version };
            let saved = act.run(cache, id, edits, mode)?;
            with(tx, saved)?;
            me.clock.keep(tx)?;
            Ok(saved)
        })?;
        self.notify(&[id.kind]);
        Ok(saved)
    }

    /// Says whether a photo may be added to a visit now, before anything is spent on it.
    pub(crate) fn may_add_photo(&self, visit: DocId, photo: EventId) -> Result<(), FieldError> {
        let now = self.now();
        self.store.read(|conn| {
            let me = Me::load(conn, now)?;
            let view = reads::view(conn, visit)?.ok_or(FieldError::NotFound)?;
            let facts = ScopeFacts::of(&view);
            let key = record_key(photo);
            me.may_act_on(visit.kind, &facts, [key.as_str()])?;
            let created = policy::created_facts_of(&[]);
            let interval = me.clock.interval();
            policy::may_write(&me.subject, visit.kind, Some(&facts), &created, [key.as_str()], interval)?;
            Ok(())
        })
    }
}

struct Act<'a> {
    tx: &'a Transaction<'a>,
    me: &'a Me,
    actor: ActorId,
    base_version: u64,
}

impl Act<'_> {
    fn run(&self, cache: &mut DocCache, id: DocId, edits: &[Edit], mode: Mode) -> Result<Saved, FieldError> {
        let existing = match cache.take(id) {
            Some(doc) => Some(doc),
            None => self.load(id)?,
        };
        let exists = existing.is_some();
        match mode {
            Mode::Existing if !exists => return Err(FieldError::NotFound),
            Mode::Create if exists => return Err(FieldError::invalid("id", "exists already")),
            // Purged here, out of our scope, or refused at birth: never born a second time.
            _ if !exists && (docs::confirmed(self.tx, id)?.is_some() || entries::any(self.tx, id)?) => {
                return Err(FieldError::NotFound);
            }
            _ => {}
        }
        let mut doc = existing.unwrap_or_else(|| Document::new(id.kind));
        let before = guarded(|| doc.view())?;
        self.check(id, &before, exists, edits)?;
        let stamp = self.stamp()?;
        let change = guarded(|| doc.edit(&stamp, edits))??;
        let Some(change) = change else {
            cache.put(id, doc);
            let chain = meta::chain(self.tx)?;
            return Ok(Saved { seq: chain.seq, hash: chain.head });
        };
        // What headquarters would refuse by size must not be called saved.
        chunk::read_change(&change, &limits::DEVICE_CHANGE)
            .map_err(|e| FieldError::invalid("edits", e.code()))?;
        let saved = self.append(id, &change)?;
        let view = guarded(|| doc.view())?;
        list::put(self.tx, id, &view)?;
        cache.put(id, doc);
        Ok(saved)
    }

    fn load(&self, id: DocId) -> Result<Option<Document>, FieldError> {
        if let Some((mut doc, appended)) = docs::load_confirmed(self.tx, id)? {
            docs::fold(self.tx, id, &mut doc, appended)?;
            docs::apply_pending(self.tx, id, &mut doc)?;
            return Ok(Some(doc));
        }
        docs::load(self.tx, id)
    }

    fn check(&self, id: DocId, before: &DocView, exists: bool, edits: &[Edit]) -> Result<(), FieldError> {
        let facts = exists.then(|| ScopeFacts::of(before));
        if let Some(facts) = &facts {
            self.me.may_act_on(id.kind, facts, edits.iter().map(Edit::key))?;
        }
        policy::may_write(
            &self.me.subject,
            id.kind,
            facts.as_ref(),
            &policy::created_facts_of(edits),
            edits.iter().map(Edit::key),
            self.me.clock.interval(),
        )?;
        check_edits(before, edits)?;
        if edits.is_empty() {
            return Err(FieldError::invalid("edits", "nothing to write"));
        }
        let keys: std::collections::BTreeSet<&str> = edits.iter().map(Edit::key).collect();
        if keys.len() != edits.len() {
            return Err(FieldError::invalid("edits", "a key is written twice"));
        }
        Ok(())
    }

    /// Ticks the hybrid clock, which never follows a phone clock that runs ahead (F30).
    fn stamp(&self) -> Result<Stamp, FieldError> {
        // Without a beacon in this boot, no further than a lease lasts from the latest one.
        let clock = &self.me.clock;
        let most = clock.known().map_or(clock.hq_seen.saturating_add(limits::LEASE_MS), |t| t.0);
        let ceiling = Some(TimeMs(most.saturating_add(HLC_MAX_AHEAD_MS)));
        let last = Hlc(meta::get_int(self.tx, key::HLC)?);
        let hlc = last.tick(TimeMs(self.me.clock.now.wall_ms), ceiling);
        meta::put_int(self.tx, key::HLC, hlc.0)?;
        Ok(Stamp { actor: self.actor, worker: self.me.subject.worker.clone(), hlc })
    }

    fn append(&self, id: DocId, change: &[u8]) -> Result<Saved, FieldError> {
        let chain = meta::chain(self.tx)?;
        let header = Header {
            format: ENTRY_FORMAT,
            device: self.me.device,
            seq: chain.seq.saturating_add(1),
            prev: chain.head,
            doc: id,
            base_version: self.base_version,
            wall_ms: self.me.clock.now.wall_ms,
            mono_ms: self.me.clock.now.mono_ms,
            boot: self.me.clock.now.boot,
            anchor: self.me.clock.anchor,
            change: Hash(chunk_hash(change)),
        };
        let hash = entries::append(self.tx, &header, change)?;
        Ok(Saved { seq: header.seq, hash })
    }
}
