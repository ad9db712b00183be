//! What phones bring: checking chains, letting entries through the gate, writing the log.
//!
//! Invariant: every entry of a valid chain is in the log after the commit, those that may not
//! enter the documents with the reason beside them; receipts are made from the log, so a repeat
//! gets the same ones. Rejected: dropping refused entries, which would break the chain and lose
//! a worker's words.

use crate::{
    auth::Caller,
    chain,
    core::Core,
    error::{HqError, Refusal},
    gate::{BASE_UNREADABLE, Job, JobResult, Rejection},
    receipts,
    store::{self, DocRow, LogRow, StoredDoc},
    workflow,
};
use lanewalk_model::{
    chunk::{self, ChangeFacts, OpAction, Scalar},
    clock_trust::{self, ClockTrust},
    document::Edit,
    id::{DocId, Hash},
    policy,
    schema::JOINED,
    staff::Subject,
    time::{HLC_MAX_AHEAD_MS, Hlc, TimeMs},
};
use lanewalk_protocol::{
    entry::{AnchorRef, Entry},
    keys::Signature,
    limits,
    receipt::{Receipt, Refused},
    sync::SyncRequest,
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use std::collections::HashMap;

/// What one request's push came to.
#[derive(Debug, Default)]
pub(crate) struct Pushed {
    pub(crate) refusal: Option<Refusal>,
    pub(crate) known_seq: u64,
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) refused: Vec<Refused>,
}

/// One entry on its way in.
struct Incoming {
    entry: Entry,
    hash: Hash,
    facts: Option<ChangeFacts>,
    effective: (TimeMs, &'static str),
    rejection: Option<Rejection>,
}

/// One request's entries.
struct Run {
    device_n: i64,
    /// Fingerprint of the device's key, and what it signed: the last entry's number with it.
    key: [u8; 32],
    signed: Option<(u64, Signature)>,
    /// Of a revoked device: everything goes into quarantine.
    deposit: bool,
    subject: Option<Subject>,
    /// First and last sequence number the answer must have receipts for.
    answer: Option<(u64, u64)>,
    known_seq: u64,
    entries: Vec<Incoming>,
    refusal: Option<Refusal>,
    /// Nothing at all can have been written before: when the device was enrolled.
    enrolled: TimeMs,
    /// When the device was last heard of, and the last number it had written by then; what comes
    /// after that was written later. Not the last push: a long backlog comes in several.
    heard: (TimeMs, u64),
    /// Whether the device names the page in flight: what that told it to drop it has dropped.
    told: bool,
    /// When the page in flight was made.
    page_at: TimeMs,
}

impl Run {
    /// Says what the push came to.
    fn answer(self, tx: &Transaction<'_>, core: &Core) -> Result<Pushed, HqError> {
        let out = Pushed { refusal: self.refusal, known_seq: self.known_seq, ..Pushed::default() };
        let (Some(run), None) = (self.answer, &out.refusal) else { return Ok(out) };
        let (receipts, refused) = receipts::of_run(tx, core, self.device_n, run)?;
        Ok(Pushed { known_seq: out.known_seq.max(run.1), receipts, refused, ..out })
    }
}

/// Where each document's entries are: (run, entry).
type Places = HashMap<DocId, Vec<(usize, usize)>>;

/// All pushes of one batch of requests: one run of the gate, one transaction.
pub(crate) struct Batch {
    now: TimeMs,
    runs: Vec<Option<Run>>,
    /// Scope facts of documents created or known in this batch.
    known: HashMap<DocId, Option<policy::ScopeFacts>>,
}

impl Batch {
    pub(crate) fn new(now: TimeMs) -> Self {
        Self { now, runs: Vec::new(), known: HashMap::new() }
    }

    /// Takes a place for a request that pushes nothing.
    pub(crate) fn skip(&mut self) {
        self.runs.push(None);
    }

    /// Checks one request's chain and each entry's right; writes nothing.
    pub(crate) fn admit(
        &mut self,
        tx: &Transaction<'_>,
        core: &mut Core,
        caller: &Caller,
        request: &SyncRequest,
    ) -> Result<(), HqError> {
        let device = &caller.device;
        let subject = store::subject(tx, &device.worker)?.map(|(s, _)| s);
        let mut run = Run {
            device_n: device.n,
            key: device.key.fingerprint(),
            signed: None,
            deposit: device.revoked_at.is_some(),
            subject,
            answer: None,
            known_seq: device.last_seq,
            entries: Vec::new(),
            refusal: None,
            enrolled: enrolled_at(tx, device.n)?,
            heard: (TimeMs(device.last_contact.unwrap_or(i64::MIN)), device.announced_seq),
            told: request.cursor.token == device.page_token,
            page_at: TimeMs(device.page_at),
        };
        // Two requests of one device in a batch: the second is refused, its sender asks again.
        let twice = self.runs.iter().flatten().any(|r| r.device_n == device.n);
        match &request.push {
            _ if twice => run.refusal = Some(Refusal::new(409, "busy")),
            None => {}
            Some(push) => match chain::check(tx, caller, push)? {
                Err(refusal) => {
                    if refusal.code == chain::FORK {
                        chain::note_fork(tx, self.now, device)?;
                    }
                    run.refusal = Some(refusal);
                }
                Ok(fresh) => {
                    let last = push.batch.first_seq + push.batch.len() as u64 - 1;
                    run.answer = Some((push.batch.first_seq, last));
                    run.signed = Some((last, push.signature.clone()));
                    for (entry, hash) in fresh {
                        let incoming = self.examine(tx, core, &run, entry, hash)?;
                        run.entries.push(incoming);
                    }
                }
            },
        }
        self.runs.push(Some(run));
        Ok(())
    }

    /// Checks one entry without automerge: format, actor, author, right.
    fn examine(
        &mut self,
        tx: &Transaction<'_>,
        core: &Core,
        run: &Run,
        entry: Entry,
        hash: Hash,
    ) -> Result<Incoming, HqError> {
        let effective = self.effective(core, &entry);
        let mut incoming = Incoming { entry, hash, facts: None, effective, rejection: None };
        if run.deposit {
            incoming.rejection = Some(reject("revoked", "written on a device that was revoked"));
            return Ok(incoming);
        }
        let facts = match chunk::read_change(&incoming.entry.change, &limits::DEVICE_CHANGE) {
            Ok(facts) => facts,
            Err(e) => {
                incoming.rejection = Some(reject(e.code(), e.to_string()));
                return Ok(incoming);
            }
        };
        let seen = self.anchor(core, &incoming.entry).map(|a| TimeMs(a.hq_time));
        incoming.rejection = self.denied(tx, run, &incoming.entry, &facts, seen)?;
        incoming.facts = Some(facts);
        Ok(incoming)
    }

    fn denied(
        &mut self,
        tx: &Transaction<'_>,
        run: &Run,
        entry: &Entry,
        facts: &ChangeFacts,
        seen: Option<TimeMs>,
    ) -> Result<Option<Rejection>, HqError> {
        let Some(subject) = &run.subject else { return Ok(Some(reject("unknown_worker", ""))) };
        if facts.message.as_deref() != Some(subject.worker.as_str()) {
            return Ok(Some(reject("wrong_author", "change is not by the device's worker")));
        }
        // F30: no honest phone's hybrid clock runs further ahead than the lease allows.
        let ahead = self.now.0 + limits::LEASE_MS + 2 * HLC_MAX_AHEAD_MS;
        if facts.time > Hlc::from_wall(TimeMs(ahead)).0 {
            return Ok(Some(reject("clock_ahead", "the change's clock is too far ahead")));
        }
        let owner: Option<i64> = tx
            .prepare_cached("SELECT device FROM actors WHERE actor = ?1")?
            .query_row([facts.actor], |r| r.get(0))
            .optional()?;
        if owner.is_some_and(|n| n != run.device_n) {
            return Ok(Some(reject("actor_bound", "actor belongs to another device")));
        }
        let doc = entry.header.doc;
        if let std::collections::hash_map::Entry::Vacant(slot) = self.known.entry(doc) {
            slot.insert(DocRow::find(tx, doc)?.map(|d| d.facts));
        }
        let existing = self.known.get(&doc).cloned().flatten();
        let created = policy::created_facts(facts.ops.iter().filter_map(|op| match &op.action {
            OpAction::Set(Scalar::Text(t)) => Some((op.key.as_str(), t.as_str())),
            _ => None,
        }));
        let (heard_at, written) = run.heard;
        let since = if entry.header.seq > written { heard_at } else { run.enrolled };
        let from = since.max(seen.unwrap_or(run.enrolled)).max(run.enrolled);
        let keys = facts.ops.iter().map(|o| o.key.as_str());
        let verdict =
            policy::may_write(subject, doc.kind, existing.as_ref(), &created, keys, (from, self.now));
        if let (Err(denial), Some(now)) = (verdict, &existing)
            && policy::excused_while_held(denial, subject, doc.kind, now)
            && holds(tx, run, doc, seen)?
        {
            return Ok(None);
        }
        if verdict.is_ok() && existing.is_none() {
            self.known.insert(doc, Some(created));
        }
        Ok(verdict.err().map(|d| reject(&d.to_string(), doc.kind.name())))
    }

    /// A beacon counts only with the tag headquarters made for it, and not from the future.
    fn anchor(&self, core: &Core, entry: &Entry) -> Option<AnchorRef> {
        entry.header.anchor.filter(|a| a.tag == core.tag(a.hq_time) && a.hq_time <= self.now.0)
    }

    fn effective(&self, core: &Core, entry: &Entry) -> (TimeMs, &'static str) {
        let h = &entry.header;
        let anchor = self.anchor(core, entry);
        let judged =
            clock_trust::judge(TimeMs(h.wall_ms), h.mono_ms, anchor.map(|a| a.anchor()).as_ref(), self.now);
        let trust = match judged.trust {
            ClockTrust::Anchored => "anchored",
            ClockTrust::NoAnchor => "no_anchor",
            ClockTrust::Contradicted => "contradicted",
        };
        (judged.effective_at, trust)
    }

    /// Runs the gate over all entries, writes log and documents, lets the workflow decide, and
    /// makes the receipts.
    pub(crate) fn commit(mut self, tx: &Transaction<'_>, core: &mut Core) -> Result<Vec<Pushed>, HqError> {
        let saved = self.through_the_gate(tx, core)?;
        let mut rows: HashMap<DocId, i64> = HashMap::new();
        for (doc, result) in &saved {
            if result.verdicts.iter().any(Result::is_ok) {
                rows.insert(
                    *doc,
                    store::docs_put(tx, *doc, &result.view, &result.saved, &result.heads, self.now)?,
                );
            }
        }
        for run in self.runs.iter().flatten().filter(|r| r.refusal.is_none()) {
            for e in &run.entries {
                let known = match rows.get(&e.entry.header.doc) {
                    Some(n) => Some(*n),
                    None => DocRow::find(tx, e.entry.header.doc)?.map(|d| d.n),
                };
                let row = LogRow {
                    device: run.device_n,
                    key: run.key,
                    doc: known,
                    entry: &e.entry,
                    hash: e.hash,
                    received_at: self.now,
                    effective: e.effective,
                    refused: e.rejection.as_ref().map(|r| (r.code.as_str(), r.detail.as_str())),
                };
                row.append(tx)?;
                if let (None, Some(facts), Some(n)) = (&e.rejection, &e.facts, known) {
                    tx.prepare_cached("INSERT OR IGNORE INTO actors (actor, device) VALUES (?1, ?2)")?
                        .execute(params![facts.actor, run.device_n])?;
                    // The device holds what it wrote.
                    tx.prepare_cached(
                        "INSERT OR IGNORE INTO members (device, doc, token) VALUES (?1, ?2, 0)",
                    )?
                    .execute(params![run.device_n, n])?;
                }
            }
            if let (Some((seq, signature)), false) = (&run.signed, run.entries.is_empty()) {
                tx.prepare_cached(
                    "INSERT INTO chain_signatures (device, seq, signature) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![run.device_n, seq, signature.bytes()])?;
            }
            if let Some(last) = run.entries.last() {
                tx.prepare_cached(
                    "UPDATE devices SET last_seq = ?2, head = ?3, last_contact = ?4 WHERE n = ?1",
                )?
                .execute(params![
                    run.device_n,
                    last.entry.header.seq,
                    last.hash.0,
                    self.now.0
                ])?;
            }
        }
        for run in self.runs.iter().flatten().filter(|r| r.refusal.is_none()) {
            let Some(subject) = &run.subject else { continue };
            for e in run.entries.iter().filter(|e| e.rejection.is_none()) {
                if let Some(facts) = &e.facts {
                    let doc = e.entry.header.doc;
                    // What follows from one entry must never cost the others of the batch.
                    tx.execute_batch("SAVEPOINT consequence")?;
                    match workflow::on_entry(tx, core, subject, doc, facts, e.effective.0) {
                        Err(HqError::NotAllowed(_)) => {
                            tx.execute_batch("ROLLBACK TO consequence")?;
                            workflow::unanswerable(tx, core, doc, facts)?;
                        }
                        other => other?,
                    }
                    tx.execute_batch("RELEASE consequence")?;
                }
            }
        }
        for (doc, result) in &saved {
            if result.heads.len() > limits::MAX_HEADS {
                core.write(tx, *doc, "hq", &[Edit::set(JOINED, self.now.0)])?;
            }
        }
        self.runs
            .into_iter()
            .map(|run| run.map_or_else(|| Ok(Pushed::default()), |r| r.answer(tx, core)))
            .collect()
    }

    /// Asks the gate about all entries. A document that headquarters itself cannot read holds
    /// back only the phones that wrote to it; the others are judged again without them.
    fn through_the_gate(
        &mut self,
        tx: &Transaction<'_>,
        core: &mut Core,
    ) -> Result<Vec<(DocId, JobResult)>, HqError> {
        loop {
            let (order, places) = self.by_document();
            let mut jobs = Vec::with_capacity(order.len());
            for doc in &order {
                let changes = places.get(doc).into_iter().flatten();
                jobs.push(Job {
                    doc: *doc,
                    base: StoredDoc::find(tx, *doc)?.map(|d| d.saved),
                    changes: changes
                        .filter_map(|at| self.incoming(*at))
                        .map(|i| i.entry.change.clone())
                        .collect(),
                });
            }
            if jobs.is_empty() {
                return Ok(Vec::new());
            }
            let results = core.gate.run(jobs);
            if self.hold_back_unreadable(&order, &places, &results)? {
                continue;
            }
            for (doc, result) in order.iter().zip(&results) {
                for (at, verdict) in places.get(doc).into_iter().flatten().zip(&result.verdicts) {
                    if let (Err(rejection), Some(incoming)) = (verdict, self.incoming_mut(*at)) {
                        incoming.rejection = Some(rejection.clone());
                    }
                }
            }
            return Ok(order.into_iter().zip(results).collect());
        }
    }

    /// Groups the entries that may go on by document, in order.
    fn by_document(&self) -> (Vec<DocId>, Places) {
        let mut order: Vec<DocId> = Vec::new();
        let mut places = Places::new();
        for (r, run) in self.runs.iter().enumerate() {
            let Some(run) = run.as_ref().filter(|r| r.refusal.is_none()) else { continue };
            for (e, incoming) in run.entries.iter().enumerate().filter(|(_, i)| i.rejection.is_none()) {
                let doc = incoming.entry.header.doc;
                let at = places.entry(doc).or_insert_with(|| {
                    order.push(doc);
                    Vec::new()
                });
                at.push((r, e));
            }
        }
        (order, places)
    }

    /// Verdicts that are no judgement on anybody's entry: without workers the whole batch fails
    /// and every phone asks again; an unreadable document only makes its writers wait. Returns
    /// whether the gate must be asked again.
    fn hold_back_unreadable(
        &mut self,
        order: &[DocId],
        places: &Places,
        results: &[JobResult],
    ) -> Result<bool, HqError> {
        let mut again = false;
        for (doc, result) in order.iter().zip(results) {
            let unjudged = result.verdicts.iter().find_map(|v| v.as_ref().err().filter(|r| !r.is_final()));
            match unjudged {
                None => {}
                Some(r) if r.code == BASE_UNREADABLE => {
                    for (run, _) in places.get(doc).into_iter().flatten() {
                        if let Some(Some(run)) = self.runs.get_mut(*run) {
                            let refusal = Refusal::new(503, "document_unreadable").detail(doc.to_string());
                            run.refusal = Some(refusal);
                            again = true;
                        }
                    }
                }
                Some(r) => return Err(HqError::Gate(format!("{}: {}", r.code, r.detail))),
            }
        }
        Ok(again)
    }

    fn incoming(&self, (run, entry): (usize, usize)) -> Option<&Incoming> {
        self.runs.get(run)?.as_ref()?.entries.get(entry)
    }

    fn incoming_mut(&mut self, (run, entry): (usize, usize)) -> Option<&mut Incoming> {
        self.runs.get_mut(run)?.as_mut()?.entries.get_mut(entry)
    }
}

/// Returns when a device was enrolled.
fn enrolled_at(db: &Connection, device: i64) -> Result<TimeMs, HqError> {
    let at = db
        .prepare_cached("SELECT enrolled_at FROM devices WHERE n = ?1")?
        .query_row([device], |r| r.get(0))?;
    Ok(TimeMs(at))
}

/// Says whether a device holds a document: it was given it and has not been told to drop it.
fn holds(db: &Connection, run: &Run, doc: DocId, seen: Option<TimeMs>) -> Result<bool, HqError> {
    let token: Option<i64> = db
        .prepare_cached(
            "SELECT m.token FROM members m JOIN docs d ON d.n = m.doc WHERE m.device = ?1 AND d.id = ?2",
        )?
        .query_row(params![run.device_n, doc.to_bytes()], |r| r.get(0))
        .optional()?;
    // Written while the page that took the document back was still under way.
    let before_told = !run.told || seen.is_none_or(|at| at < run.page_at);
    Ok(token.is_some_and(|t| t >= 0 || before_told))
}

fn reject(code: &str, detail: impl Into<String>) -> Rejection {
    Rejection { code: code.to_owned(), detail: detail.into() }
}
