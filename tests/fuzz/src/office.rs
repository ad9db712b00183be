//! A headquarters for the targets that need one: a catalogue, a key for programs, a neighbour.

use lanewalk_headquarters::{Headquarters, Open311Settings, Settings, Source, gate::InProcess, store::Place};
use lanewalk_model::{
    staff::{Grant, Role},
    time::TimeMs,
};
use lanewalk_protocol::keys::{Algorithm, SoftSigner};
use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

const CATALOGUE: &str = r#"{"version":"1","units":[{"id":"sec-wuye","name_zh":"物业科"}],"matters":[
    {"matter_code":"020301","name_zh":"饲养动物扰民","match":["养猫"],"urgency":"general","lead_unit":"sec-wuye"},
    {"matter_code":"020302","name_zh":"井盖缺失","match":["井盖"],"urgency":"urgent","lead_unit":"sec-wuye"}]}"#;

/// Orders after which a fresh office takes over, so that a long run does not fill one up.
const MOST_ORDERS: u32 = 500;

/// One office; its folder goes with it.
pub(crate) struct Office {
    pub(crate) hq: Headquarters,
    pub(crate) settings: Settings,
    /// A program's key.
    pub(crate) key: String,
    pub(crate) neighbour: SoftSigner,
    /// Number of the neighbour's next file.
    pub(crate) file: u64,
    orders: u32,
    _folder: tempfile::TempDir,
}

/// Time stands, keys come from a counter: the same input gives the same answer.
struct Steady(AtomicU64);

impl Source for Steady {
    fn now_ms(&self) -> i64 {
        NOW.0
    }

    fn fill_random(&self, buf: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        buf.iter_mut().zip(count.iter().cycle()).for_each(|(to, from)| *to = *from);
    }
}

pub(crate) const NOW: TimeMs = TimeMs(1_778_204_400_000);

impl Office {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::File(folder.path().join("hq.db"));
        let settings = Settings {
            open311: Open311Settings { public: true, ..Open311Settings::default() },
            ..Settings::default()
        };
        let source = Arc::new(Steady(AtomicU64::new(1)));
        let mut hq =
            Headquarters::open(&place, settings.clone(), source, Box::new(InProcess)).expect("opens");
        hq.put_staff("hc-01", "马静", Role::HotlineClerk).expect("staff");
        let grant = Grant { grid: "*".into(), role: Role::HotlineClerk, from: TimeMs(0), to: None };
        hq.grant("hc-01", &grant).expect("a grant");
        hq.publish_reference("matter_catalog", "1", CATALOGUE).expect("a catalogue");
        let neighbour = SoftSigner::new(Algorithm::Ed25519, &[9; 32]).expect("a key");
        hq.trust_neighbour("区热线办", &neighbour.public_key().to_text(), false).expect("a neighbour");
        let key = hq.make_open311_key("fuzz").expect("a key");
        Self { hq, settings, key, neighbour, file: 1, orders: 0, _folder: folder }
    }

    /// Works in this thread's office.
    pub(crate) fn enter(work: impl FnOnce(&mut Self)) {
        thread_local!(static OFFICE: RefCell<Office> = RefCell::new(Office::open()));
        OFFICE.with_borrow_mut(work);
    }

    /// Counts orders that came in; exchanges the office for a fresh one when it is full.
    pub(crate) fn took(&mut self, orders: u32) {
        self.orders += orders;
        if self.orders >= MOST_ORDERS {
            *self = Self::open();
        }
    }
}
