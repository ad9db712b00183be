//! The phone's core as shells see it.
//!
//! Invariant: every method is synchronous, takes `&self`, may be called from any thread and
//! returns an error instead of panicking; what returns `Ok` from a writing method is on the
//! disk. Rejected: asynchronous methods, which tie the shells to one runtime; they call off
//! their main thread anyway.

use crate::{
    clock::Now,
    device_key::DeviceKey,
    error::FieldError,
    identity::{self, Identity, Me},
    photos::{capture::Darkroom, vault::Vault},
    proposals::OrderPage,
    reads::{ListQuery, References},
    source::Source,
    store::{Salvaged, Store, StoreKey, docs, entries, list, lock, meta},
    sync::Way,
    watch::{Delivery, ListUpdate, Listener, WatchHandle, Watchers},
};
use lanewalk_model::{
    id::{ActorId, DocId, Hash},
    policy::KEEP_FINISHED_MS,
    schema::DocKind,
    view::Conflict,
};
use lanewalk_protocol::keys::DeviceSigner;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, atomic::AtomicBool},
};

/// Where the store lies and what opens it.
#[derive(Debug)]
pub struct Config {
    /// The app's private directory; created when missing.
    pub directory: PathBuf,
    /// The store's key.
    pub key: StoreKey,
    /// Who calls the listeners of watches.
    pub delivery: Delivery,
}

impl Config {
    /// Makes the settings of a store whose listeners are called inline.
    pub fn new(directory: PathBuf, key: StoreKey) -> Self {
        Self { directory, key, delivery: Delivery::Inline }
    }
}

/// The phone's core: store, rules, sync.
#[derive(Clone)]
pub struct Field {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) signer: Arc<dyn DeviceSigner>,
    pub(crate) device_key: Mutex<DeviceKey>,
    pub(crate) watchers: Watchers,
    pub(crate) delivery: Delivery,
    pub(crate) references: Mutex<References>,
    /// Single flight: true while a session runs (F15).
    pub(crate) syncing: AtomicBool,
    /// The same for photo files.
    pub(crate) uploading: AtomicBool,
    /// The last connection broke within a creation that carried a file.
    pub(crate) creation_broke: AtomicBool,
    pub(crate) vault: Vault,
    /// The way to headquarters, once it was asked for.
    pub(crate) way: Mutex<Option<Way>>,
    darkroom: Mutex<Darkroom>,
    /// Writes changes until the process ends or an entry is refused: an actor is one unbroken
    /// line of changes, so a line with a refused link is never continued.
    actor: Mutex<ActorId>,
}

/// How the store stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Entries waiting for headquarters.
    pub pending: u64,
    /// Entries with a receipt that are still kept here.
    pub acked: u64,
    /// Entries in quarantine.
    pub quarantined: u64,
    /// Documents with a field that waits for a person.
    pub conflicts: u64,
    /// HQ time of the last signed answer.
    pub last_contact_ms: Option<i64>,
    /// Number of the last entry written.
    pub last_seq: u64,
    /// How the device's key stands.
    pub device_key: DeviceKey,
    /// What support should know: (code, detail); empty when all is well.
    pub problems: Vec<(String, String)>,
}

/// What [`Field::purge`] deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PurgeReport {
    /// Documents whose content went.
    pub documents: u64,
    /// Acknowledged entries that went.
    pub entries: u64,
    /// Photos of such documents whose files headquarters holds in a verified backup.
    pub photos: u64,
}

impl Field {
    /// Opens the store, creating or migrating it; asks the signer for its public key. What the signer
    /// answers keeps no store shut: [`Self::device_key`] says how the key stands.
    ///
    /// # Errors
    /// `WrongKey`, `NewerSchema`, `Corrupt` (the file stays as it is; see [`Self::salvage`]),
    /// `StorageFull`.
    pub fn open(
        config: Config,
        source: Arc<dyn Source>,
        signer: Arc<dyn DeviceSigner>,
    ) -> Result<Self, FieldError> {
        let store = Store::open(&config.directory, config.key)?;
        let vault = Vault::open(&config.directory)?;
        let actor = Mutex::new(random_actor(source.as_ref()));
        let field = Self {
            inner: Arc::new(Inner {
                store,
                source,
                signer,
                device_key: Mutex::default(),
                watchers: Watchers::default(),
                delivery: config.delivery,
                references: Mutex::default(),
                syncing: AtomicBool::new(false),
                uploading: AtomicBool::new(false),
                creation_broke: AtomicBool::new(false),
                vault,
                way: Mutex::default(),
                darkroom: Mutex::default(),
                actor,
            }),
        };
        field.sweep_photos()?;
        field.inner.ask_device_key()?;
        Ok(field)
    }

    /// Begins a new store with what can be read of a damaged one (F7): who this phone is, its chain
    /// with every entry that is readable, photos with their keys. What headquarters confirmed is pulled
    /// again. The damaged files are kept, in `damaged-<n>` beside the new store. Call it when
    /// [`Self::open`] or [`Self::check`] says `Corrupt`, with the store closed; then open.
    ///
    /// Afterwards [`Status::problems`] holds `salvaged`, and the next sync tells headquarters. With
    /// entries missing that headquarters lacks too, a sync delivers what stands before them and ends in
    /// `ChainGap`: [`Self::export_unsent`] gives out the rest.
    ///
    /// # Errors
    /// `Invalid` when the store is not damaged, `WrongKey` (also when the first page is damaged),
    /// `NewerSchema`, `StorageFull`: nothing was changed.
    pub fn salvage(config: &Config) -> Result<Salvaged, FieldError> {
        Store::salvage(&config.directory, &config.key)
    }

    /// Returns who this phone is; `None` before enrolment or while paused.
    pub fn identity(&self) -> Option<Identity> {
        self.inner.me().ok().map(|me| me.identity())
    }

    /// Returns headquarters' base URL from the invitation; `None` before enrolment.
    pub fn server_url(&self) -> Option<String> {
        let url = self.inner.store.read(|conn| meta::get_text(conn, meta::key::URL)).ok()?;
        (!url.is_empty()).then_some(url)
    }

    /// Counts what waits, what is in quarantine and what is wrong.
    pub fn status(&self) -> Result<Status, FieldError> {
        self.inner.status()
    }

    /// Deletes work finished more than 30 days ago and acknowledged entries that headquarters
    /// has in a verified backup; never anything without a receipt.
    pub fn purge(&self) -> Result<PurgeReport, FieldError> {
        let now = self.inner.now();
        let mut report = self.inner.store.write(crate::store::Durability::Act, |tx, cache| {
            let clock = crate::clock::Clock::load(tx, now)?;
            // The phone's own clock may be years ahead; only headquarters' time lets work go.
            let before = clock.hq_seen.saturating_sub(KEEP_FINISHED_MS);
            let mut report = PurgeReport::default();
            for id in list::finished_before(tx, before)? {
                if docs::confirmed(tx, id)?.is_some() && !entries::has_open(tx, id)? {
                    docs::purge(tx, cache, id)?;
                    report.documents += 1;
                }
            }
            let durable = meta::get_int(tx, meta::key::DURABLE_SEQ)?;
            let gone = entries::purge(tx, crate::store::uint(durable))?;
            report.entries = u64::try_from(gone).unwrap_or(u64::MAX);
            Ok(report)
        })?;
        report.photos = self.purge_photos()?;
        if report.documents > 0 {
            self.inner.notify(&DocKind::ALL);
        }
        Ok(report)
    }

    /// Returns the heads of every confirmed document, for comparing stores.
    pub fn heads(&self) -> Result<BTreeMap<DocId, Vec<Hash>>, FieldError> {
        self.inner.store.read(docs::all_heads)
    }

    /// Returns the hash of an entry of this phone's chain; `None` when it has been let go or
    /// never was.
    pub fn entry_hash(&self, seq: u64) -> Result<Option<Hash>, FieldError> {
        Ok(self.inner.store.read(|conn| entries::get(conn, seq))?.map(|e| e.hash))
    }

    /// Reads the whole file and its checksums; slow, for support.
    pub fn check(&self) -> Result<(), FieldError> {
        self.inner.store.check()
    }

    /// Follows a list: the listener gets the whole list first (also when empty), then changes,
    /// after each commit that touched it, in order, outside every lock. Dropping the handle ends it.
    pub fn watch(&self, query: ListQuery, listener: Arc<dyn Listener<ListUpdate>>) -> WatchHandle {
        self.inner.watch_list(query, listener)
    }

    /// Follows what waits, what was refused and what is wrong.
    pub fn watch_status(&self, listener: Arc<dyn Listener<Status>>) -> WatchHandle {
        self.inner.watch_status(listener)
    }

    /// Follows an order's page: as it is now, then each time it reads differently; `None` when the
    /// order has left this phone.
    ///
    /// # Errors
    /// As [`Self::order`], when it cannot be read at the beginning.
    pub fn watch_order(
        &self,
        id: DocId,
        listener: Arc<dyn Listener<Option<OrderPage>>>,
    ) -> Result<WatchHandle, FieldError> {
        self.order(id)?;
        Ok(self.inner.watch_order(id, listener))
    }

    /// Follows the fields that wait for a person: all of them as they are now, then each time they
    /// differ.
    pub fn watch_conflicts(&self, listener: Arc<dyn Listener<Vec<(DocId, Conflict)>>>) -> WatchHandle {
        self.inner.watch_conflicts(listener)
    }

    /// Says that time has passed: live lists show the time left anew. A screen that is looked at
    /// calls this once a minute.
    pub fn tick(&self) {
        // A store that cannot be written to now notes the time with the next act.
        let _ = self.inner.keep_time();
        self.inner.notify(&[DocKind::Order]);
    }

    /// Closes the database files until [`Self::resume`]; calls meanwhile give `Paused`.
    pub fn pause(&self) -> Result<(), FieldError> {
        self.inner.store.pause()
    }

    /// Opens the files again.
    pub fn resume(&self) -> Result<(), FieldError> {
        self.inner.store.resume()?;
        self.inner.notify(&DocKind::ALL);
        Ok(())
    }

    /// Ends every watch and closes the files.
    pub fn close(&self) -> Result<(), FieldError> {
        self.inner.watchers.clear();
        *lock(&self.inner.way) = None;
        self.inner.store.pause()
    }
}

impl Inner {
    /// Reads the clocks.
    pub(crate) fn now(&self) -> Now {
        Now::read(self.source.as_ref())
    }

    /// Writes down how late it is, where that matters and has moved.
    fn keep_time(&self) -> Result<(), FieldError> {
        if !self.is_enrolled()? {
            return Ok(());
        }
        let now = self.now();
        self.store.write(crate::store::Durability::Act, |tx, _| crate::clock::Clock::load(tx, now)?.keep(tx))
    }

    /// Counts what waits, what is in quarantine and what is wrong.
    pub(crate) fn status(&self) -> Result<Status, FieldError> {
        self.store.read(|conn| {
            let (pending, acked, quarantined) = entries::counts(conn)?;
            let mut problems: Vec<(String, String)> = conn
                .prepare_cached("SELECT code, detail FROM problems ORDER BY code")?
                .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
                .collect::<Result<_, _>>()?;
            let given_up = docs::given_up(conn)?;
            if given_up > 0 {
                problems.push(("documents_missing".into(), given_up.to_string()));
            }
            Ok(Status {
                pending,
                acked,
                quarantined,
                conflicts: u64::try_from(list::with_conflicts(conn)?.len()).unwrap_or(u64::MAX),
                last_contact_ms: meta::get(conn, meta::key::CONTACT)?
                    .and_then(|b| b.try_into().ok())
                    .map(i64::from_be_bytes),
                last_seq: meta::chain(conn)?.seq,
                device_key: *lock(&self.device_key),
                problems,
            })
        })
    }

    /// Reads identity and rights.
    pub(crate) fn me(&self) -> Result<Me, FieldError> {
        let now = self.now();
        self.store.read(|conn| Me::load(conn, now))
    }

    /// Returns the photo settings, locked; hold them for a moment only.
    pub(crate) fn darkroom(&self) -> MutexGuard<'_, Darkroom> {
        lock(&self.darkroom)
    }

    /// Returns the writing actor.
    pub(crate) fn actor(&self) -> ActorId {
        *lock(&self.actor)
    }

    /// Starts a new line of changes.
    pub(crate) fn new_actor(&self) {
        *lock(&self.actor) = random_actor(self.source.as_ref());
    }

    /// Draws random bytes.
    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.source.fill_random(&mut bytes);
        bytes
    }

    /// Tells the watchers of these kinds that something was committed. Call without locks.
    pub(crate) fn notify(&self, kinds: &[DocKind]) {
        for watcher in self.watchers.touched(kinds) {
            watcher.touch(self);
        }
    }

    /// Reads the device id; `None` before enrolment.
    pub(crate) fn is_enrolled(&self) -> Result<bool, FieldError> {
        self.store.read(|conn| Ok(identity::device(conn)?.is_some()))
    }
}

fn random_actor(source: &dyn Source) -> ActorId {
    let mut id = [0; 16];
    source.fill_random(&mut id);
    ActorId(id)
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Field(…)")
    }
}
