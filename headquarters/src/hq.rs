//! The one object that is headquarters.

use crate::{
    ask::{Ask, announced},
    auth::Nonces,
    chain,
    config::{Settings, Source},
    core::Core,
    desk::tick,
    error::{HqError, Refusal},
    figures::Rules,
    gate::Gate,
    people::retention,
    photos::{self, Dock, Settled, Staged},
    pull, push, salvage,
    store::{self, Place, StoredDoc, set_meta},
};
use lanewalk_model::{
    calendar::Calendar,
    catalog::Catalog,
    document::Document,
    id::{ActorId, DeviceId, DocId},
    schema::DocKind,
    staff::Subject,
    time::Hlc,
    view::DocView,
};
use lanewalk_protocol::{
    frame, http,
    keys::{Algorithm, PublicKey, SoftSigner},
    sync::SyncResponse,
};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::{borrow::Cow, sync::Arc};

/// Headquarters: database, keys, rules, gate. One thread owns it.
pub struct Headquarters {
    pub(crate) db: Connection,
    pub(crate) core: Core,
    pub(crate) dock: Arc<Dock>,
}

/// A request on its way through [`Headquarters::work`].
pub(crate) enum Task<'a> {
    /// Untouched.
    Ask(Cow<'a, http::Request>),
    /// About photos: its work on the disk is done.
    Settle(Staged),
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
        retention::note_period(&tx, settings.keep_requesters_ms)?;
        Rules { hours: settings.hours.clone(), quiet_days: settings.quiet_days }.keep(&tx)?;
        pull::note_terms(&tx, &settings)?;
        tick::look_at_all(&tx)?;
        let last_now = store::last_received(&tx)?;
        tx.commit()?;
        let calendar = Calendar::china()
            .cloned()
            .map_err(|e| HqError::Reference { what: "calendar", why: e.to_string() })?;
        let Place::File(database) = place;
        let dock = Arc::new(Dock::new(database, &settings, source.clone()));
        let mut hq = Self {
            db,
            dock,
            core: Core {
                source,
                gate,
                settings,
                signer: Arc::new(signer),
                beacon_secret,
                nonces: Nonces::default(),
                own,
                own_n,
                actor: ActorId(actor),
                hlc,
                last_now,
                last_event: 0,
                epoch,
                checkpoint: None,
                calendar,
                catalog: Catalog { version: "none".into(), units: Vec::new(), matters: Vec::new() },
                grids: None,
            },
        };
        hq.load_reference()?;
        hq.sweep_uploads()?;
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

    /// Answers a batch of requests in ONE transaction: all their effects are durable when this
    /// returns, at the price of one fsync. A request that is refused changes nothing. Uploads that
    /// are created with their first bytes take a second round.
    pub fn handle(&mut self, requests: &[http::Request]) -> Vec<http::Response> {
        let staged = |r: &http::Request| Task::Settle(self.dock.stage(&self.db, r));
        let tasks = requests
            .iter()
            .map(|r| if photos::is_path(&r.path) { staged(r) } else { Task::Ask(Cow::Borrowed(r)) });
        let settled = self.work(tasks.collect());
        settled.into_iter().map(|settled| self.answer(settled)).collect()
    }

    fn answer(&mut self, settled: Settled) -> http::Response {
        let first = match settled {
            Settled::Answer(response) => return response,
            Settled::First(first) => first,
        };
        let staged = self.dock.append_first(&self.db, *first);
        // Work on an upload that exists has no third round.
        self.work(vec![Task::Settle(staged)]).pop().map_or_else(http::Response::default, |s| self.answer(s))
    }

    /// Works a batch of tasks in one transaction.
    pub(crate) fn work(&mut self, tasks: Vec<Task<'_>>) -> Vec<Settled> {
        let bound: Vec<(String, bool)> = tasks.iter().map(Task::bound_to).collect();
        match self.try_work(tasks) {
            Ok(settled) => settled,
            Err(e) => {
                // The transaction was rolled back: every phone keeps its entries and asks again.
                let refusal = Refusal::new(503, "storage_failed").detail(e.to_string());
                let refuse = |(binding, head): &(String, bool)| {
                    Settled::Answer(self.core.refuse_bare(binding, &refusal, *head))
                };
                bound.iter().map(refuse).collect()
            }
        }
    }

    fn try_work(&mut self, tasks: Vec<Task<'_>>) -> Result<Vec<Settled>, HqError> {
        let Self { db, core, .. } = self;
        // Deferred: a batch that changes nothing never writes, so an idle sync costs no fsync.
        let tx = store::begin(db, TransactionBehavior::Deferred)?;
        let now = core.now();
        let mut asked = Vec::with_capacity(tasks.len());
        for task in tasks {
            asked.push(match task {
                Task::Ask(request) => (request.binding(), core.read(&tx, &request)?),
                Task::Settle(staged) => (String::new(), Ok(Ask::Photos(staged))),
            });
        }
        let mut batch = push::Batch::new(now);
        for (_, ask) in &asked {
            if let Ok(Ask::Sync(sync)) = ask {
                let (caller, request) = sync.as_ref();
                caller.device.heard(&tx, now.0, announced(&caller.device, request), request.lease_version)?;
                // Also beside a push that is refused: a hole in the chain is what a salvage may leave.
                if let Some(told) = &request.salvage {
                    salvage::hear(&tx, now, &caller.device, told)?;
                }
                batch.admit(&tx, core, caller, request)?;
            } else {
                batch.skip();
            }
        }
        let mut pushed = batch.commit(&tx, core)?.into_iter();
        let syncs = asked.iter().any(|(_, ask)| matches!(ask, Ok(Ask::Sync(_))));
        let checkpoint = if syncs { Some(core.checkpoint(&tx, now)?) } else { None };
        let mut settled = Vec::with_capacity(asked.len());
        for (binding, ask) in asked {
            let pushed = pushed.next().unwrap_or_default();
            let response = match ask {
                Err((refusal, device)) => core.refuse(&binding, device, &refusal),
                Ok(Ask::Enrol(request)) => core.enrol(&tx, &binding, &request)?,
                Ok(Ask::Photos(staged)) => {
                    settled.push(core.settle(&tx, staged)?);
                    continue;
                }
                Ok(Ask::Sync(sync)) => match pushed.refusal {
                    Some(refusal) => core.refuse(&binding, Some(sync.0.device.id), &refusal),
                    None => {
                        let (caller, request) = sync.as_ref();
                        chain::note_rollback(&tx, now, &caller.device, request.last_seq)?;
                        if let Some(pair) = &request.contradiction {
                            core.note_contradiction(&tx, now, &caller.device, pair)?;
                        }
                        let update = |c| core.update_for(&tx, c, request.held).transpose();
                        let checkpoint = checkpoint.as_ref().and_then(update).transpose()?;
                        let body = SyncResponse {
                            checkpoint,
                            ..core.answer_sync(&tx, caller, request, pushed, now)?
                        };
                        core.respond(&binding, Some(caller.device.id), 200, frame::encode(&body))
                    }
                },
            };
            settled.push(Settled::Answer(response));
        }
        core.save_clock(&tx)?;
        tx.commit()?;
        Ok(settled)
    }

    /// Runs an act of headquarters' own staff or rules in one durable transaction.
    pub(crate) fn act<T>(
        &mut self,
        run: impl FnOnce(&Transaction<'_>, &mut Core) -> Result<T, HqError>,
    ) -> Result<T, HqError> {
        let tx = store::begin(&mut self.db, TransactionBehavior::Immediate)?;
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

impl Task<'_> {
    /// Returns what the answer is bound to, and whether it must have no body.
    fn bound_to(&self) -> (String, bool) {
        match self {
            Self::Ask(request) => (request.binding(), false),
            Self::Settle(staged) => staged.bound_to(),
        }
    }
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
    source.fill_random(&mut key);
    set_meta(tx, "resident_key", &key)?;
    set_meta(tx, "epoch", &1_u64.to_be_bytes())?;
    tx.execute("INSERT INTO epochs (epoch, began) VALUES (1, 0)", [])?;
    set_meta(tx, "scope_version", &1_u64.to_be_bytes())?;
    let mut own = [0; 16];
    source.fill_random(&mut own);
    set_meta(tx, "own_device", &own)?;
    tx.execute(
        "INSERT INTO devices (id, worker, key, install_epoch, enrolled_at, confirmed_at, head) VALUES (?1, 'hq', ?2, 0, ?3, ?3, ?4)",
        rusqlite::params![own, minicbor::to_vec(signer.public_key()).unwrap_or_default(), source.now_ms(), [0_u8; 32]],
    )?;
    Ok(())
}
