//! The one object that is headquarters.

use crate::{
    auth::{self, Caller, Nonces},
    config::{Settings, Source},
    core::Core,
    error::{HqError, Refusal},
    gate::Gate,
    pull, push, receipts,
    store::{self, Place, StoredDoc, set_meta},
};
use lanewalk_model::{
    calendar::Calendar,
    catalog::Catalog,
    document::Document,
    id::{ActorId, DeviceId, DocId},
    schema::DocKind,
    staff::Subject,
    time::{Hlc, TimeMs},
    view::DocView,
};
use lanewalk_protocol::{
    VERSION,
    enrolment::EnrolRequest,
    frame, http,
    keys::{Algorithm, DeviceSigner as _, PublicKey, SoftSigner},
    limits,
    sync::{SyncRequest, SyncResponse},
};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::sync::Arc;

/// Headquarters: database, keys, rules, gate. One thread owns it.
pub struct Headquarters {
    pub(crate) db: Connection,
    pub(crate) core: Core,
}

impl std::fmt::Debug for Headquarters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Headquarters").field("epoch", &self.core.epoch).finish_non_exhaustive()
    }
}

impl Headquarters {
    /// Opens or creates headquarters' database. Does IO; one process at a time.
    pub fn open(
        place: &Place,
        settings: Settings,
        source: Arc<dyn Source>,
        gate: Box<dyn Gate>,
    ) -> Result<Self, HqError> {
        let mut db = store::open(place)?;
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if store::meta(&tx, "signing_key")?.is_none() {
            first_start(&tx, source.as_ref())?;
        }
        let secret = |key| -> Result<[u8; 32], HqError> {
            let bytes = store::meta(&tx, key)?.unwrap_or_default();
            bytes.try_into().map_err(|_| HqError::NotFound(key.into()))
        };
        let signer = SoftSigner::new(Algorithm::Ed25519, &secret("signing_key")?)
            .map_err(|e| HqError::Reference { what: "signing key", why: e.to_string() })?;
        let beacon_secret = secret("beacon_secret")?;
        let own = store::meta(&tx, "own_device")?
            .and_then(|b| DeviceId::from_slice(&b).ok())
            .ok_or_else(|| HqError::NotFound("own_device".into()))?;
        let own_n: i64 = tx.query_row("SELECT n FROM devices WHERE id = ?1", [own.0], |r| r.get(0))?;
        let epoch = store::meta_u64(&tx, "epoch")?;
        let hlc = Hlc(i64::try_from(store::meta_u64(&tx, "hlc")?).unwrap_or(0));
        let mut actor = [0; 16];
        source.fill_random(&mut actor);
        // F33: bound like a phone's, so that no phone can write under headquarters' own actor.
        tx.execute("INSERT OR IGNORE INTO actors (actor, device) VALUES (?1, ?2)", (actor, own_n))?;
        tx.commit()?;
        let calendar = Calendar::china()
            .cloned()
            .map_err(|e| HqError::Reference { what: "calendar", why: e.to_string() })?;
        let mut hq = Self {
            db,
            core: Core {
                source,
                gate,
                settings,
                signer,
                beacon_secret,
                nonces: Nonces::default(),
                own,
                own_n,
                actor: ActorId(actor),
                hlc,
                last_now: 0,
                epoch,
                calendar,
                catalog: Catalog { version: "none".into(), units: Vec::new(), matters: Vec::new() },
                grids: None,
            },
        };
        hq.load_reference()?;
        Ok(hq)
    }

    /// Returns the key that signs receipts and answers.
    pub fn public_key(&self) -> PublicKey {
        self.core.signer.public_key()
    }

    /// Returns which life of the database this is.
    pub fn epoch(&self) -> u64 {
        self.core.epoch
    }

    /// Declares that the database was restored from a backup (F26): phones will offer again
    /// what this copy does not know.
    pub fn mark_restored(&mut self) -> Result<(), HqError> {
        let mut random = [0; 4];
        self.core.source.fill_random(&mut random);
        // Random, so that two restores of the same backup differ.
        let step = 1 + u64::from(u32::from_be_bytes(random));
        let epoch = self.core.epoch.saturating_add(step);
        let tx = self.db.transaction()?;
        set_meta(&tx, "epoch", &epoch.to_be_bytes())?;
        tx.execute("DELETE FROM members", [])?;
        tx.execute("UPDATE devices SET scanned = 0, scan_pending = 0, page_token = 0", [])?;
        tx.commit()?;
        self.core.epoch = epoch;
        Ok(())
    }

    /// Copies the database to a file while it is in use, opens and checks the copy, and only then
    /// moves the durable horizon: phones may let go of what a verified copy holds. Returns the
    /// log index that the copy reaches.
    pub fn backup_to(&mut self, path: &std::path::Path) -> Result<u64, HqError> {
        let mut to = Connection::open(path)?;
        rusqlite::backup::Backup::new(&self.db, &mut to)?.run_to_completion(
            512,
            std::time::Duration::ZERO,
            None,
        )?;
        drop(to);
        let copy = store::open_reader(path)?;
        let verdict: String = copy.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0))?;
        if verdict != "ok" {
            return Err(HqError::Reference { what: "backup", why: verdict });
        }
        let reached = store::log_end(&copy)?;
        self.act(|tx, _| set_meta(tx, "durable_index", &reached.to_be_bytes()))?;
        Ok(reached)
    }

    /// Answers a batch of requests in ONE transaction: all their effects are durable when this
    /// returns, at the price of one fsync. A request that is refused changes nothing.
    pub fn handle(&mut self, requests: &[http::Request]) -> Vec<http::Response> {
        match self.try_handle(requests) {
            Ok(responses) => responses,
            Err(e) => {
                // The transaction was rolled back: every phone keeps its entries and asks again.
                let refusal = Refusal::new(503, "storage_failed").detail(e.to_string());
                requests.iter().map(|r| self.core.refuse(&request_nonce(r), None, &refusal)).collect()
            }
        }
    }

    fn try_handle(&mut self, requests: &[http::Request]) -> Result<Vec<http::Response>, HqError> {
        let Self { db, core } = self;
        // Deferred: a batch that changes nothing never writes, so an idle sync costs no fsync.
        let tx = db.transaction_with_behavior(TransactionBehavior::Deferred)?;
        let now = core.now();
        let asked = requests.iter().map(|r| core.read(&tx, r)).collect::<Result<Vec<_>, _>>()?;
        let mut batch = push::Batch::new(now);
        for ask in &asked {
            if let Ok(Ask::Sync(sync)) = ask {
                let (caller, request) = sync.as_ref();
                caller.device.heard(&tx, now.0, announced(&caller.device, request))?;
                batch.admit(&tx, core, caller, request)?;
            } else {
                batch.skip();
            }
        }
        let mut pushed = batch.commit(&tx, core)?.into_iter();
        let mut responses = Vec::with_capacity(requests.len());
        for (request, ask) in requests.iter().zip(asked) {
            let pushed = pushed.next().unwrap_or_default();
            let response = match ask {
                Err((refusal, device)) => core.refuse(&request_nonce(request), device, &refusal),
                Ok(Ask::Enrol(request)) => core.enrol(&tx, &request)?,
                Ok(Ask::Sync(sync)) => match pushed.refusal {
                    Some(refusal) => core.refuse(&sync.0.nonce, Some(sync.0.device.id), &refusal),
                    None => {
                        let (caller, request) = sync.as_ref();
                        let body = core.answer_sync(&tx, caller, request, pushed, now)?;
                        core.respond(&caller.nonce, Some(caller.device.id), 200, frame::encode(&body))
                    }
                },
            };
            responses.push(response);
        }
        core.save_clock(&tx)?;
        tx.commit()?;
        Ok(responses)
    }

    /// Runs an act of headquarters' own staff or rules in one durable transaction.
    pub(crate) fn act<T>(
        &mut self,
        run: impl FnOnce(&Transaction<'_>, &mut Core) -> Result<T, HqError>,
    ) -> Result<T, HqError> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = run(&tx, &mut self.core)?;
        self.core.save_clock(&tx)?;
        tx.commit()?;
        Ok(done)
    }

    /// Reads a document; `None` when there is none.
    pub fn document(&self, id: DocId) -> Result<Option<DocView>, HqError> {
        StoredDoc::find(&self.db, id)?.map(|stored| stored.view()).transpose()
    }

    /// Reads a member of staff with all rights; `None` when there is none.
    pub fn subject(&self, worker: &str) -> Result<Option<Subject>, HqError> {
        Ok(store::subject(&self.db, worker)?.map(|(s, _)| s))
    }

    /// Gives read access for the console and for checks.
    pub fn reader(&self) -> &Connection {
        &self.db
    }

    fn load_reference(&mut self) -> Result<(), HqError> {
        let bodies = self.reference_bodies()?;
        for (name, body) in bodies {
            self.core.use_reference(&name, &body)?;
        }
        Ok(())
    }

    fn reference_bodies(&self) -> Result<Vec<(String, String)>, HqError> {
        let mut statement = self.db.prepare("SELECT saved FROM docs WHERE kind = ?1")?;
        let saved = statement.query_map([DocKind::Reference.code()], |r| r.get::<_, Vec<u8>>(0))?;
        let mut out = Vec::new();
        for bytes in saved {
            let view = Document::load(DocKind::Reference, &bytes?)?.view();
            if let (Some(name), Some(body)) = (view.text("name"), view.text("body")) {
                out.push((name.to_owned(), body.to_owned()));
            }
        }
        Ok(out)
    }
}

/// What a request asks, once it is known who asks.
enum Ask {
    Enrol(EnrolRequest),
    Sync(Box<(Caller, SyncRequest)>),
}

/// Returns the nonce a request was signed with, unchecked: only to bind an answer to it.
fn request_nonce(request: &http::Request) -> String {
    if request.path == http::ENROL_PATH {
        let read = frame::decode::<EnrolRequest>(&request.body, limits::MAX_REQUEST_DECODED);
        return read.map(|r| r.nonce()).unwrap_or_default();
    }
    auth::claimed_nonce(request)
}

impl Core {
    fn read(
        &mut self,
        tx: &Transaction<'_>,
        request: &http::Request,
    ) -> Result<Result<Ask, (Refusal, Option<DeviceId>)>, HqError> {
        let refuse = |refusal: Refusal| Ok(Err((refusal, None)));
        if request.body.len() > limits::MAX_REQUEST_BYTES {
            return refuse(Refusal::new(413, "too_large"));
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", http::ENROL_PATH) => {
                match frame::decode::<EnrolRequest>(&request.body, limits::MAX_REQUEST_DECODED) {
                    Ok(body) => Ok(Ok(Ask::Enrol(body))),
                    Err(e) => refuse(Refusal::new(400, "malformed").detail(e.to_string())),
                }
            }
            ("POST", http::SYNC_PATH) => {
                let caller = match auth::authenticate(tx, request, &self.settings.authority())? {
                    Ok(caller) => caller,
                    Err(refusal) => return refuse(refusal),
                };
                let device = Some(caller.device.id);
                if !self.nonces.is_current(caller.device.id, &caller.nonce) {
                    return Ok(Err((Refusal::new(401, "nonce"), device)));
                }
                if caller.device.revoked_at.is_some() {
                    return Ok(Err((Refusal::new(403, "revoked"), device)));
                }
                match frame::decode::<SyncRequest>(&request.body, limits::MAX_REQUEST_DECODED) {
                    Ok(body) if body.version != VERSION => Ok(Err((
                        Refusal::new(426, version_code(body.version)).detail(VERSION.to_string()),
                        device,
                    ))),
                    Ok(body) if body.want.len() > limits::MAX_WANTED => {
                        Ok(Err((Refusal::new(400, "too_many_wanted"), device)))
                    }
                    Ok(body) => Ok(Ok(Ask::Sync(Box::new((caller, body))))),
                    Err(e) => {
                        let status = if e == frame::FrameError::TooLarge { 413 } else { 400 };
                        Ok(Err((Refusal::new(status, "malformed").detail(e.to_string()), device)))
                    }
                }
            }
            _ => refuse(Refusal::new(404, "not_found")),
        }
    }

    fn answer_sync(
        &mut self,
        tx: &Transaction<'_>,
        caller: &Caller,
        request: &SyncRequest,
        mut pushed: push::Pushed,
        now: TimeMs,
    ) -> Result<SyncResponse, HqError> {
        if request.hq_epoch != 0 && request.hq_epoch != self.epoch {
            // After a restore an entry may have come in again and been refused in an answer that
            // was lost, while the phone still holds the receipt of the former life (F26).
            pushed.refused = receipts::all_refused(tx, caller.device.n)?;
        }
        let page = pull::page(tx, self, caller, request, now)?;
        Ok(SyncResponse {
            version: VERSION,
            hq_epoch: self.epoch,
            beacon: self.beacon(now),
            known_seq: pushed.known_seq,
            receipts: pushed.receipts,
            refused: pushed.refused,
            snapshots: page.snapshots,
            changes: page.changes,
            left: page.left,
            cursor: page.cursor,
            more: page.more,
            durable_seq: pull::durable_seq(tx, caller.device.n)?,
            lease: pull::lease(tx, caller, request, now)?,
            digest: page.digest,
        })
    }
}

/// What a device says it has written, as far as an honest one can: it pushes all it has unless
/// the push was cut.
fn announced(device: &store::DeviceRow, request: &SyncRequest) -> u64 {
    const MOST_UNSENT: u64 = 50_000;
    let pushed = request.push.as_ref().map(|p| p.batch.first_seq.saturating_add(p.batch.len() as u64));
    let most =
        pushed.map_or(device.last_seq, |to| to.min(device.last_seq + 4_097).saturating_add(MOST_UNSENT));
    request.last_seq.min(most)
}

/// Names what is wrong with a protocol version that is not ours.
pub(crate) fn version_code(theirs: u16) -> &'static str {
    if theirs < VERSION { "version_too_old" } else { "version_too_new" }
}

/// Makes keys, epoch and headquarters' own chain.
fn first_start(tx: &Transaction<'_>, source: &dyn Source) -> Result<(), HqError> {
    let mut key = [0; 32];
    source.fill_random(&mut key);
    set_meta(tx, "signing_key", &key)?;
    let signer = SoftSigner::new(Algorithm::Ed25519, &key)
        .map_err(|e| HqError::Reference { what: "signing key", why: e.to_string() })?;
    source.fill_random(&mut key);
    set_meta(tx, "beacon_secret", &key)?;
    set_meta(tx, "epoch", &1_u64.to_be_bytes())?;
    set_meta(tx, "scope_version", &1_u64.to_be_bytes())?;
    let mut own = [0; 16];
    source.fill_random(&mut own);
    set_meta(tx, "own_device", &own)?;
    tx.execute(
        "INSERT INTO devices (id, worker, key, install_epoch, enrolled_at, head) VALUES (?1, 'hq', ?2, 0, ?3, ?4)",
        rusqlite::params![own, minicbor::to_vec(signer.public_key()).unwrap_or_default(), source.now_ms(), [0_u8; 32]],
    )?;
    Ok(())
}
