//! A phone under test: a temporary directory, clocks and randomness that the test owns.

use crate::hq::Hq;
use lanewalk_field::{Config, Field, FieldError, Source, StoreKey};
use lanewalk_protocol::keys::{Algorithm, SoftSigner};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

pub const KEY: [u8; 32] = [7; 32];
pub const GRID: &str = "370705005004001";
/// 2026-05-06 09:00 in China.
pub const NOW: i64 = 1_778_029_200_000;
pub const HOUR: i64 = 3_600_000;

pub struct TestSource {
    pub wall: AtomicI64,
    pub mono: AtomicU64,
    pub boot: AtomicU64,
    random: AtomicU64,
}

impl TestSource {
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            wall: AtomicI64::new(NOW),
            mono: AtomicU64::new(1_000),
            boot: AtomicU64::new(seed),
            random: AtomicU64::new(seed),
        })
    }

    pub fn pass(&self, ms: i64) {
        self.wall.fetch_add(ms, Ordering::SeqCst);
        self.mono.fetch_add(ms.unsigned_abs(), Ordering::SeqCst);
    }
}

impl Source for TestSource {
    fn wall_ms(&self) -> i64 {
        self.wall.load(Ordering::SeqCst)
    }
    fn mono_ms(&self) -> u64 {
        self.mono.load(Ordering::SeqCst)
    }
    fn boot_id(&self) -> [u8; 8] {
        self.boot.load(Ordering::SeqCst).to_be_bytes()
    }
    fn fill_random(&self, buf: &mut [u8]) {
        for chunk in buf.chunks_mut(8) {
            // splitmix64
            let mut z = self.random.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_be_bytes()[..chunk.len()]);
        }
    }
}

pub struct Phone {
    pub field: Field,
    pub source: Arc<TestSource>,
    pub dir: tempfile::TempDir,
}

pub fn open(dir: &Path, key: [u8; 32], source: Arc<TestSource>) -> Result<Field, FieldError> {
    let signer = Arc::new(SoftSigner::new(Algorithm::Ed25519, &[9; 32]).unwrap());
    Field::open(Config::new(dir.to_owned(), StoreKey::new(key)), source, signer)
}

impl Phone {
    /// A phone that is no device yet.
    pub fn new(seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let source = TestSource::new(seed);
        let field = open(dir.path(), KEY, source.clone()).unwrap();
        Self { field, source, dir }
    }

    /// A grid worker's phone.
    pub fn enrolled(hq: &Hq) -> Self {
        let phone = Self::new(1);
        phone.field.enrol(&hq.invitation(), hq).unwrap();
        phone
    }

    /// Copies the files as they are now, as a power cut would leave them, and opens the copy.
    pub fn after_kill(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(self.dir.path(), dir.path());
        let source = TestSource::new(77);
        let field = open(dir.path(), KEY, source.clone()).unwrap();
        Self { field, source, dir }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let there = to.join(path.file_name().unwrap());
        if path.is_dir() {
            std::fs::create_dir_all(&there).unwrap();
            copy(&path, &there);
        } else if path.extension().is_none_or(|e| e != "db-shm") {
            // With its time of writing, as the disk itself keeps it.
            let written = path.metadata().unwrap().modified().unwrap();
            std::fs::copy(&path, &there).unwrap();
            std::fs::File::options().write(true).open(&there).unwrap().set_modified(written).unwrap();
        }
    }
}
