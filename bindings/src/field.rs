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
        if config.directory.is_empty() || config.directory.contains('\0') {
            return Err(LanewalkError::invalid("directory", "not a path"));
        }
        let bytes = Zeroizing::new(keys.store_key().map_err(|e| key_error(&e))?);
        let key = <[u8; 32]>::try_from(bytes.as_slice())
            .map_err(|_| LanewalkError::invalid("store_key", "not 32 bytes"))?;
        let signer = ShellSigner { signer, log: log.clone() };
        let source = ShellSource { system: SystemSource::new(), position, log: log.clone() };
        let config_core = Config {
            directory: PathBuf::from(config.directory),
            key: StoreKey::new(key),
            delivery: Delivery::Threads,
        };
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
