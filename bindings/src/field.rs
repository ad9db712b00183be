//! The store of one phone, opened.

use crate::{
    call::Core,
    device::Device,
    error::{LanewalkError, Reason},
    foreign::{
        Connectivity, DeviceSigner, ForeignError, KeyStore, LogLevel, LogSink, Logger, Position, ShellSigner,
        ShellSource,
    },
    knowledge::Knowledge,
    orders::Orders,
    people::People,
    photos::Photos,
    sync::Sync,
    visits::Visits,
};
use lanewalk_field::{Config, Delivery, StoreKey, SystemSource};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use zeroize::Zeroizing;

/// Where the store lies.
#[derive(Debug, Clone, uniffi::Record)]
pub struct OpenConfig {
    /// The app's private directory, absolute; created when missing. One process opens it at a time.
    pub directory: String,
    /// Headquarters' own root certificate (DER); the public roots count without it.
    #[uniffi(default = None)]
    pub root_certificate: Option<Vec<u8>>,
}

/// The phone's core: one per process and store. Thread-safe; call it off the main thread. End it with
/// [`Self::shutdown`]; a language's own `close` or `destroy` only drops the handle, and calls on a
/// dropped one fail untyped.
#[derive(uniffi::Object)]
pub struct Field {
    core: Arc<Core>,
}

#[uniffi::export]
impl Field {
    /// Opens the store, creating or migrating it. Reads the disk; asks `keys` and `signer` once. A signer
    /// that fails or has another key keeps nothing shut: [`StatusView::key`](crate::StatusView) says so, and
    /// rounds end in `Key` or `Wait`.
    ///
    /// Errors: `Key`, `UpdateApp`, `StoreDamaged`, `StorageFull`, `Invalid`, `Wait` (key store locked).
    #[uniffi::constructor(default(connectivity = None, position = None, log = None))]
    pub fn open(
        config: OpenConfig,
        keys: Arc<dyn KeyStore>,
        signer: Arc<dyn DeviceSigner>,
        connectivity: Option<Arc<dyn Connectivity>>,
        position: Option<Arc<dyn Position>>,
        log: Option<Arc<dyn LogSink>>,
    ) -> Result<Arc<Self>, LanewalkError> {
        let log = Logger(log);
        let config_core = place(config.directory, keys.as_ref())?;
        let signer = ShellSigner { signer, log: log.clone() };
        let source = ShellSource { system: SystemSource::new(), position, log: log.clone() };
        let open = move || lanewalk_field::Field::open(config_core, Arc::new(source), Arc::new(signer));
        let field = std::panic::catch_unwind(std::panic::AssertUnwindSafe(open))
            .map_err(|_| LanewalkError::internal("panicked"))??;
        log.line(LogLevel::Info, "store opened");
        let core = Core {
            field,
            connectivity,
            log,
            root: config.root_certificate,
            asleep: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        };
        Ok(Arc::new(Self { core: Arc::new(core) }))
    }

    /// Work orders.
    pub fn orders(&self) -> Arc<Orders> {
        Arc::new(Orders(Arc::clone(&self.core)))
    }

    /// Visits and appeals.
    pub fn visits(&self) -> Arc<Visits> {
        Arc::new(Visits(Arc::clone(&self.core)))
    }

    /// Photos.
    pub fn photos(&self) -> Arc<Photos> {
        Arc::new(Photos(Arc::clone(&self.core)))
    }

    /// Residents, places, care.
    pub fn people(&self) -> Arc<People> {
        Arc::new(People(Arc::clone(&self.core)))
    }

    /// Knowledge base, response plans, catalogue, grids.
    pub fn knowledge(&self) -> Arc<Knowledge> {
        Arc::new(Knowledge(Arc::clone(&self.core)))
    }

    /// Rounds with headquarters and what waits.
    pub fn sync(&self) -> Arc<Sync> {
        Arc::new(Sync(Arc::clone(&self.core)))
    }

    /// Who this phone is.
    pub fn device(&self) -> Arc<Device> {
        Arc::new(Device(Arc::clone(&self.core)))
    }

    /// Says that time has passed: live lists show the time left anew. A screen that is looked at
    /// calls this once a minute.
    pub fn tick(&self) -> Result<(), LanewalkError> {
        self.core.call(|field| {
            field.tick();
            Ok::<_, LanewalkError>(())
        })
    }

    /// Closes the files until [`Self::resume`], so that the system may suspend the app; waits for a
    /// write that is under way. Calls meanwhile give `Paused`; a round that runs ends.
    pub fn pause(&self) -> Result<(), LanewalkError> {
        self.core.asleep.store(true, Ordering::Release);
        self.core.call(lanewalk_field::Field::pause)
    }

    /// Opens the files again.
    pub fn resume(&self) -> Result<(), LanewalkError> {
        self.core.call(lanewalk_field::Field::resume)?;
        self.core.asleep.store(false, Ordering::Release);
        Ok(())
    }

    /// Ends every watch and every round and closes the files for good; calls after it give `Closed`.
    /// A second call does nothing.
    pub fn shutdown(&self) -> Result<(), LanewalkError> {
        self.core.asleep.store(true, Ordering::Release);
        if self.core.closed.load(Ordering::Acquire) {
            return Ok(());
        }
        let ended = self.core.call(lanewalk_field::Field::close);
        self.core.closed.store(true, Ordering::Release);
        ended
    }
}

/// What was saved of a damaged store.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Salvaged {
    /// False when it could not be read who this phone is: it is to be enrolled anew, and nothing was
    /// carried over.
    pub identity: bool,
    /// Entries that were saved.
    pub entries: u64,
    /// Of these, entries headquarters has not acknowledged.
    pub unsent: u64,
    /// Of the unsent, entries that headquarters will not take, because others before them are missing:
    /// they arrive under a new code (`enrol`), or leave this phone by `export_unsent`.
    pub export_only: u64,
    /// Entries that could not be read and that headquarters may lack too.
    pub missing: u64,
    /// Photos that were saved.
    pub photos: u64,
}

/// Begins a new store with what can be read of a damaged one, when `open` or `check` says
/// `StoreDamaged`; ask the person first. The store must be closed; open it afterwards. The damaged files are
/// kept beside it, in `damaged-1` and so on. Headquarters is told by the next round. Reads and writes the
/// disk for as long as the store is large; asks `keys` once. Killed at any moment, it is to be called again.
///
/// Errors: `Invalid` (the store is not damaged), `Key` (also when its first page is damaged), `UpdateApp`,
/// `StorageFull`, `Wait` (key store locked): nothing was changed.
#[uniffi::export]
pub fn salvage(directory: String, keys: Arc<dyn KeyStore>) -> Result<Salvaged, LanewalkError> {
    let config = place(directory, keys.as_ref())?;
    let run = move || lanewalk_field::Field::salvage(&config);
    let lanewalk_field::Salvaged { entries, unsent, export_only, missing, photos, identity } =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(run))
            .map_err(|_| LanewalkError::internal("panicked"))??;
    Ok(Salvaged { identity, entries, unsent, export_only, missing, photos })
}

/// Says where the store lies and asks for its key.
fn place(directory: String, keys: &dyn KeyStore) -> Result<Config, LanewalkError> {
    if directory.is_empty() || directory.contains('\0') {
        return Err(LanewalkError::invalid("directory", "not a path"));
    }
    let bytes = Zeroizing::new(keys.store_key().map_err(|e| key_error(&e))?);
    let key = <[u8; 32]>::try_from(bytes.as_slice())
        .map_err(|_| LanewalkError::invalid("store_key", "not 32 bytes"))?;
    Ok(Config { directory: PathBuf::from(directory), key: StoreKey::new(key), delivery: Delivery::Threads })
}

fn key_error(error: &ForeignError) -> LanewalkError {
    match error {
        ForeignError::Lost => LanewalkError::Key { reason: Reason::new("key_lost", "") },
        ForeignError::Unavailable => {
            LanewalkError::Wait { reason: Reason::new("signer_unavailable", ""), retry_after_s: None }
        }
        ForeignError::Failed { details } => {
            LanewalkError::Key { reason: Reason::new("key_failed", details.clone()) }
        }
    }
}
