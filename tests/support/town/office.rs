//! Headquarters' side of a town: how it is furnished, what comes in, how it dies and comes back.

use super::{Plan, Town, phone::copy_dir, worker};
use crate::{
    clock::{HqSource, TownClock},
    dice::Dice,
    words,
};
use lanewalk_headquarters::{
    Headquarters, Settings, backup::restore, gate::InProcess, import::IncomingOrder, intake::Acceptance,
    store::Place,
};
use lanewalk_model::{
    calendar::Calendar,
    grid::{Bounds, CommunityId, GridSet, lattice},
    staff::{Grant, Role},
    time::TimeMs,
};
use sha2::Digest as _;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// South-west and north-east corner of the generated grids.
const WEST_E7: i32 = 1_191_000_000;
const SOUTH_E7: i32 = 366_800_000;
const CELL_E7: i32 = 100_000;
const COLUMNS: u16 = 3;

impl Town {
    /// Imports new hotline orders, accepted by the clerk at once.
    pub fn import(&mut self, n: u64) {
        self.import_as(n, Acceptance::By("hc-01"));
    }

    /// Imports new hotline orders.
    pub fn import_as(&mut self, n: u64, accepted: Acceptance<'_>) {
        let now = self.clock.now();
        let orders: Vec<IncomingOrder> = (0..n)
            .map(|_| {
                self.upstream += 1;
                incoming(&mut self.dice, self.upstream, now)
            })
            .collect();
        self.network.hq(|hq| hq.take_in(&orders, accepted).unwrap());
    }
    /// Kills headquarters now and brings it back from what is on its disk.
    pub fn kill_hq(&mut self) {
        let from = self.root.path().join(format!("hq-{}", self.hq_lives));
        self.hq_lives += 1;
        let to = self.root.path().join(format!("hq-{}", self.hq_lives));
        self.hq_medium.crash(&from, &to);
        self.hq_medium.mount(&to);
        let hq = open(&to, &self.clock, self.plan.seed, self.hq_lives, self.min_core);
        self.network.replace_hq(hq);
    }

    /// Starts headquarters again where it is: it remembers nothing that is not on its disk.
    pub fn restart_hq(&mut self) {
        let folder = self.root.path().join(format!("hq-{}", self.hq_lives));
        // No id that it draws was drawn before.
        let life = 1_000_000 + self.dice.below(1 << 40);
        let hq = open(&folder, &self.clock, self.plan.seed, life, self.min_core);
        self.network.replace_hq(hq);
    }

    /// Stops headquarters, lets somebody at its database file, and starts it again.
    pub fn tamper_hq(&mut self, with: impl FnOnce(&Path)) {
        let from = self.root.path().join(format!("hq-{}", self.hq_lives));
        self.hq_lives += 1;
        let to = self.root.path().join(format!("hq-{}", self.hq_lives));
        copy_dir(&from, &to);
        with(&to.join("hq.db"));
        self.hq_medium.mount(&to);
        let hq = open(&to, &self.clock, self.plan.seed, self.hq_lives, self.min_core);
        self.network.replace_hq(hq);
    }

    /// Makes a verified backup of headquarters and remembers it.
    pub fn backup(&mut self) {
        self.backup = Some(self.backup_hq());
    }

    /// Loses headquarters' disk and restores the last remembered backup (F26). Without one, nothing.
    pub fn restore(&mut self) {
        if let Some(backup) = self.backup.clone() {
            self.restore_hq(&backup);
        }
    }

    /// Copies headquarters' database while it runs; returns the file.
    pub fn backup_hq(&self) -> PathBuf {
        let file = self.root.path().join(format!("backup-{}.db", self.clock.now()));
        self.network.hq(|hq| hq.backup_to(&file).unwrap());
        file
    }

    /// Returns where headquarters keeps photo files.
    pub fn photo_folder(&self) -> PathBuf {
        self.root.path().join(format!("hq-{}/photos", self.hq_lives))
    }

    /// Replaces headquarters by what a backup holds (F26).
    pub fn restore_hq(&mut self, backup: &Path) {
        self.restores += 1;
        self.hq_lives += 1;
        let to = self.root.path().join(format!("hq-{}", self.hq_lives));
        std::fs::create_dir_all(&to).unwrap();
        let source = HqSource::new(self.clock.clone(), Dice::new(self.plan.seed, 50_000 + self.hq_lives));
        restore(backup, &to.join("hq.db"), &source).unwrap();
        self.hq_medium.mount(&to);
        let hq = open(&to, &self.clock, self.plan.seed, self.hq_lives, self.min_core);
        self.network.replace_hq(hq);
        self.forget_undelivered();
    }
}

pub(super) fn open(
    directory: &Path,
    clock: &TownClock,
    seed: u64,
    life: u64,
    min_core: [u16; 3],
) -> Headquarters {
    std::fs::create_dir_all(directory).unwrap();
    let source = Arc::new(HqSource::new(clock.clone(), Dice::new(seed, 10_000 + life)));
    let settings = Settings { public_url: "http://hq.test".into(), min_core, ..Settings::default() };
    Headquarters::open(&Place::File(directory.join("hq.db")), settings, source, Box::new(InProcess)).unwrap()
}

pub(super) fn furnish(hq: &mut Headquarters, plan: Plan) -> Vec<String> {
    let communities: Vec<CommunityId> =
        ["370705005004", "370705005008"].iter().map(|c| c.parse().unwrap()).collect();
    let bounds = Bounds {
        west_e7: WEST_E7,
        south_e7: SOUTH_E7,
        east_e7: WEST_E7 + CELL_E7 * i32::from(COLUMNS),
        north_e7: SOUTH_E7 + CELL_E7,
    };
    let grids: GridSet = lattice(bounds, COLUMNS, 1, &communities[..1]).unwrap();
    let cells: Vec<String> = grids.cells().iter().map(|c| c.id().to_string()).collect();
    hq.publish_reference("grids", "g1", &grids.to_geojson()).unwrap();
    let calendar = serde_json::to_string(Calendar::china().unwrap()).unwrap();
    hq.publish_reference("calendar", "c1", &calendar).unwrap();
    hq.publish_reference("matter_catalog", "m1", CATALOG).unwrap();
    for (id, name, role, scope) in [
        ("hc-01", "王热线", Role::HotlineClerk, "*"),
        ("hc-02", "赵热线", Role::HotlineClerk, "*"),
        ("dl-01", "李分管", Role::DeputyLeader, "*"),
        ("pl-01", "陈书记", Role::Principal, "*"),
        ("ca-01", "孙回访", Role::CallbackAgent, "*"),
        ("cg-01", "城管甲", Role::Section, "sec-chengguan"),
        ("zj-01", "住建甲", Role::Section, "sec-zhujian"),
        ("sq-01", "社区甲", Role::Section, "sec-shequ"),
        ("en-01", "中队甲", Role::Enforcement, "sec-chengguan"),
        ("au-01", "审计甲", Role::Auditor, "*"),
    ] {
        hq.put_staff(id, name, role).unwrap();
        hq.grant(id, &Grant { grid: scope.into(), role, from: TimeMs(0), to: None }).unwrap();
    }
    for i in 0..plan.grid_workers + plan.property_staff {
        let (id, role) = worker(i, plan);
        hq.put_staff(&id, &format!("{}{id}", role.zh()), role).unwrap();
        // Everybody holds two of the three cells, so that people meet on the same order.
        for step in 0..2 {
            let cell = &cells[usize::try_from((i + step) % u64::from(COLUMNS)).unwrap()];
            let grant = Grant { grid: cell.clone(), role, from: TimeMs(0), to: None };
            hq.grant(&id, &grant).unwrap();
        }
    }
    cells
}

const CATALOG: &str = r#"{"version":"m1","units":[{"id":"sec-chengguan","name_zh":"城管科"},{"id":"sec-zhujian","name_zh":"住建科"},
    {"id":"sec-shequ","name_zh":"社区科"}],"matters":[
    {"matter_code":"010101","name_zh":"噪音","match":["noise"],"urgency":"general","lead_unit":"sec-chengguan"},
    {"matter_code":"010102","name_zh":"漏水","match":["leak"],"urgency":"urgent","lead_unit":"sec-zhujian"}]}"#;

/// Draws an order as upstream sends it.
pub fn incoming(dice: &mut Dice, n: u64, now: i64) -> IncomingOrder {
    // Inside the lattice, off its edges.
    let e7 = |base: i32, width: i32, dice: &mut Dice| {
        base + 1_000 + i32::try_from(dice.below(u64::try_from(width - 2_000).unwrap())).unwrap()
    };
    let text = words::sentence(dice);
    let payload_sha256 = sha2::Sha256::digest(format!("{n}{text}")).into();
    IncomingOrder {
        upstream_id: format!("T{n:05}"),
        channel: "12345".into(),
        matter_text: (*dice.pick(&["noise", "leak", "noise", "unknown"])).into(),
        title: text.chars().take(12).collect(),
        reported_text: format!("{text}请回电13800008000。"),
        reported_address: words::address(dice),
        reported_at_ms: now,
        upstream_due_at_ms: None,
        closed_at_ms: None,
        urgent: false,
        lat_e7: Some(e7(SOUTH_E7, CELL_E7, dice)),
        lon_e7: Some(e7(WEST_E7, CELL_E7 * i32::from(COLUMNS), dice)),
        datum: "wgs84".into(),
        requester_name: Some("张三丰".into()),
        requester_phone: Some("13800008000".into()),
        secrecy: false,
        payload_sha256,
    }
}
