//! The demonstration's subdistrict: staff, grids, catalogue, calendar and orders, built into the program.
//!
//! Invariant: goes the same way as a town's own files: published reference data, the CSV importer,
//! grants. Orders are moved in time as a whole, so their distances in time stay real.
//! Rejected: a database made beforehand, which would hide what the importer does.

use crate::words::Failure;
use lanewalk_headquarters::{
    Headquarters,
    import::{ImportLimits, ImportOutcome, IncomingOrder, Mapping, read_csv},
    intake::{Arrival, Imported},
};
use lanewalk_model::{
    calendar::Calendar,
    staff::{Grant, Role},
    time::TimeMs,
};
use serde::{Deserialize, Serialize};

const STAFF: &str = include_str!("../fixtures/staff.json");
const CATALOGUE: &str = include_str!("../fixtures/catalogue.json");
const GRIDS: &str = include_str!("../fixtures/grids.geojson");
const ORDERS: &[u8] = include_bytes!("../fixtures/boston311-100.csv");
const ORDERS_MAPPING: &str = include_str!("../fixtures/boston311.mapping.toml");
const CALLS: &[u8] = include_bytes!("../fixtures/calls.csv");
const CALLS_MAPPING: &str = include_str!("../fixtures/calls.mapping.toml");
const HOUR_MS: i64 = 3_600_000;

/// A member of staff as the file has it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Person {
    /// Staff id.
    pub(crate) id: String,
    /// Chinese name.
    pub(crate) name_zh: String,
    role: String,
    /// The section somebody belongs to.
    #[serde(default)]
    unit: Option<String>,
    /// Grid cells; `*` for all.
    pub(crate) grids: Vec<String>,
}

impl Person {
    /// Reads the role.
    pub(crate) fn role(&self) -> Option<Role> {
        Role::from_id(&self.role)
    }
}

#[derive(Deserialize)]
struct StaffFile {
    version: String,
    staff: Vec<Person>,
}

/// A name as phones get it, to show who wrote what.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Named {
    /// Staff id.
    pub(crate) id: String,
    /// Name.
    pub(crate) name: String,
    /// Role id.
    pub(crate) role: String,
}

/// Reads the demonstration's staff.
pub(crate) fn staff() -> Result<Vec<Person>, Failure> {
    Ok(parse::<StaffFile>("staff.json", STAFF)?.staff)
}

fn parse<T: for<'a> Deserialize<'a>>(name: &str, text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|e| Failure::new(format!("{name}: {e}")))
}

/// Publishes grids, catalogue, calendar and staff.
pub(crate) fn town(hq: &mut Headquarters, now: TimeMs) -> Result<(), Failure> {
    let file: StaffFile = parse("staff.json", STAFF)?;
    let calendar = Calendar::china().map_err(|e| Failure::new(e.to_string()))?;
    let days = serde_json::to_string(calendar).map_err(|e| Failure::new(e.to_string()))?;
    let names: Vec<Named> = file
        .staff
        .iter()
        .map(|p| Named { id: p.id.clone(), name: p.name_zh.clone(), role: p.role.clone() })
        .collect();
    let names = serde_json::to_string(&names).map_err(|e| Failure::new(e.to_string()))?;
    hq.publish_reference("calendar", calendar.version(), &days)?;
    hq.publish_reference("matter_catalog", &file.version, CATALOGUE)?;
    hq.publish_reference("grids", &file.version, GRIDS)?;
    hq.publish_reference("staff", &file.version, &names)?;
    for person in &file.staff {
        let role = person.role().ok_or_else(|| Failure::new(format!("role of {}", person.id)))?;
        hq.put_staff(&person.id, &person.name_zh, role)?;
        // Staff of a section reach what their unit has; grid workers belong to one without that.
        let unit = person.unit.iter().filter(|_| role == Role::Section);
        for grid in person.grids.iter().chain(unit) {
            hq.grant(&person.id, &Grant { grid: grid.clone(), role, from: now, to: None })?;
        }
    }
    Ok(())
}

/// The console's accounts of a first try: one for each desk.
const DESKS: [&str; 4] = ["hc-01", "dl-01", "ca-01", "sc-01"];

/// Makes the demonstration's accounts; returns staff id and password of each. The first of them is
/// also an administrator, who has to bind an authenticator app before that counts.
pub(crate) fn accounts(hq: &mut Headquarters) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut out = Vec::new();
    for (n, staff) in DESKS.into_iter().enumerate() {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|e| Failure::new(e.to_string()))?;
        let password: String =
            random.iter().map(|b| char::from(b'a' + b % 26)).chain("-lane".chars()).collect();
        let code = hq.account_code(staff, (n == 0).then_some(true), "hq")?;
        hq.set_password(&code, &password)?;
        out.push((staff, password));
    }
    Ok(out)
}

/// Says how to sign in.
pub(crate) fn accounts_words(accounts: &[(&'static str, String)]) -> String {
    let all: Vec<String> = accounts.iter().map(|(staff, password)| format!("{staff} {password}")).collect();
    format!("控制台登录 / sign in with: {}", all.join("，"))
}

/// What an import gave, for people.
#[derive(Debug)]
pub(crate) struct Import {
    /// What headquarters did with the orders.
    pub(crate) done: Imported,
    /// What the reader found.
    pub(crate) read: ImportOutcome,
    /// By how much the times were moved, ms.
    pub(crate) moved_ms: i64,
}

impl Import {
    /// Says in one line what happened.
    pub(crate) fn words(&self) -> String {
        let Imported { new, known, amended, outside_grids, triage, repeats: _ } = self.done;
        format!(
            "{} 行：新 {new}，已有 {known}，补充 {amended}，待研判 {triage}，网格外 {outside_grids}，问题行 {} / {} rows: {new} new, {known} known, {amended} amended, {triage} to triage, {outside_grids} outside every grid, {} problems",
            self.read.rows,
            self.read.problems.len(),
            self.read.rows,
            self.read.problems.len(),
        )
    }
}

/// Reads a CSV by its mapping and takes the orders in. With `move_to_now`, all times move together
/// so that the newest order is one hour old.
pub(crate) fn import(
    hq: &mut Headquarters,
    csv: &[u8],
    mapping: &str,
    now: TimeMs,
    move_to_now: bool,
    clerk: &str,
) -> Result<Import, Failure> {
    let mapping = Mapping::from_toml(mapping).map_err(|e| Failure::new(e.to_string()))?;
    let mut read =
        read_csv(csv, &mapping, &ImportLimits::at(now.0)).map_err(|e| Failure::new(e.to_string()))?;
    let newest = read.orders.iter().map(|o| o.reported_at_ms).max();
    let moved_ms =
        newest.filter(|_| move_to_now).map_or(0, |t| now.0.saturating_sub(HOUR_MS).saturating_sub(t));
    for order in &mut read.orders {
        move_order(order, moved_ms);
    }
    let arrivals = read.orders.iter().zip(&read.places).map(|(order, place)| {
        let payload = csv.get(place.clone()).map(|raw| ("text/csv", raw));
        Arrival { payload, ..Arrival::from(order) }
    });
    let done = hq.take_in(arrivals, clerk)?;
    Ok(Import { done, read, moved_ms })
}

fn move_order(order: &mut IncomingOrder, by: i64) {
    order.reported_at_ms = order.reported_at_ms.saturating_add(by);
    for time in [&mut order.upstream_due_at_ms, &mut order.closed_at_ms].into_iter().flatten() {
        *time = time.saturating_add(by);
    }
}

/// Imports the 100 real orders.
pub(crate) fn orders(hq: &mut Headquarters, now: TimeMs, clerk: &str) -> Result<Import, Failure> {
    import(hq, ORDERS, ORDERS_MAPPING, now, true, clerk)
}

/// Imports the three made-up calls that carry a requester's name and phone.
pub(crate) fn calls(hq: &mut Headquarters, now: TimeMs, clerk: &str) -> Result<Import, Failure> {
    import(hq, CALLS, CALLS_MAPPING, now, true, clerk)
}

/// Says by how much times were moved.
pub(crate) fn moved_words(ms: i64) -> String {
    let (days, hours) = (ms / (24 * HOUR_MS), ms % (24 * HOUR_MS) / HOUR_MS);
    format!(
        "原时间整体后移 {days} 天 {hours} 小时，最新一件为一小时前 / original times + {days} d {hours} h; the newest order is one hour old"
    )
}
