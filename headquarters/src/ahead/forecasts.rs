//! Forecasts 提前研判 (R11): hot spots that the rule found, and what people foresee.
//!
//! Invariant: a forecast keeps its number while it grows; the orders it was made of and the
//! parameters then in force stay with it. What a closed forecast was made of founds no other
//! one. Rejected: computing the list anew for each page, which forgets a hot spot on the day its
//! first order is a week old, together with what people said about it.

use super::{actor, refused, some_words, words};
use crate::{core::Core, error::HqError, hq::Headquarters, store::StoredDoc};
use lanewalk_model::{
    document::Edit,
    group::Refusal,
    hotspot::{Concentration, Extent, HotSpot, Seen, hot_spots},
    id::DocId,
    order,
    schema::DocKind,
    staff::{Role, Roles},
    time::TimeMs,
};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

/// The flag by which a phone's day list shows that an order is part of a hot spot.
pub const FLAG: &str = "flag/hotspot";
/// Who foresees, and decides about forecasts.
pub const JUDGES: Roles =
    Role::HotlineClerk.bit().or(Role::Section.bit()).or(Role::DeputyLeader.bit()).or(Role::Principal.bit());

/// How it stands with a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has looked at it.
    New,
    /// Somebody keeps an eye on it.
    Watched,
    /// A response plan is named, or a cluster was made.
    Planned,
    /// Over, or nothing in it.
    Closed,
}

impl Standing {
    /// Every standing, in order.
    pub const ALL: [Self; 4] = [Self::New, Self::Watched, Self::Planned, Self::Closed];

    /// Returns the id used in data and forms.
    pub fn id(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Watched => "watched",
            Self::Planned => "planned",
            Self::Closed => "closed",
        }
    }

    /// Finds a standing by its id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.id() == id)
    }
}

/// One forecast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// Its number.
    pub n: i64,
    /// A person foresees it; no rule found it.
    pub by_person: bool,
    /// The matter.
    pub matter: String,
    /// The grids.
    pub grids: Vec<String>,
    /// The parameters when it was found; `None` for a person's.
    pub rule: Option<Concentration>,
    /// When it was found.
    pub found_at: TimeMs,
    /// When its last order joined.
    pub grown_at: TimeMs,
    /// When the first and the last of its orders were reported.
    pub reported: Option<(TimeMs, TimeMs)>,
    /// Where.
    pub extent: Option<Extent>,
    /// How it stands.
    pub standing: Standing,
    /// The version of a response plan, if one is named.
    pub plan: Option<DocId>,
    /// The cluster made of it.
    pub cluster: Option<DocId>,
    /// How many orders.
    pub orders: u32,
}

/// What a look at the orders came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scan {
    /// New forecasts.
    pub found: u32,
    /// Forecasts with more orders than before.
    pub grown: u32,
}

/// One thing that was said about a forecast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// When.
    pub at: TimeMs,
    /// Who; `hq` for the rule.
    pub by: String,
    /// The standing from then on.
    pub standing: Standing,
    /// The words.
    pub words: String,
}

const COLUMNS: &str = "f.n, f.source, f.matter, f.grids, f.rule, f.found_at, f.grown_at, f.first_at, f.last_at, \
     f.lat_e7, f.lon_e7, f.radius_m, f.standing, f.plan, f.cluster, \
     (SELECT count(*) FROM forecast_orders o WHERE o.forecast = f.n)";

fn read(r: &Row<'_>) -> rusqlite::Result<Forecast> {
    let text = |i| r.get::<_, String>(i);
    let times: (Option<i64>, Option<i64>) = (r.get(7)?, r.get(8)?);
    let circle: (Option<i32>, Option<i32>, Option<u32>) = (r.get(9)?, r.get(10)?, r.get(11)?);
    Ok(Forecast {
        n: r.get(0)?,
        by_person: text(1)? == "person",
        matter: text(2)?,
        grids: text(3)?.split_whitespace().map(str::to_owned).collect(),
        rule: serde_json::from_str(&text(4)?).ok(),
        found_at: TimeMs(r.get(5)?),
        grown_at: TimeMs(r.get(6)?),
        reported: times.0.zip(times.1).map(|(a, b)| (TimeMs(a), TimeMs(b))),
        extent: circle.0.zip(circle.1).zip(circle.2).map(|((lat_e7, lon_e7), radius_m)| Extent {
            lat_e7,
            lon_e7,
            radius_m,
        }),
        standing: Standing::from_id(&text(12)?).unwrap_or(Standing::New),
        plan: text(13)?.parse().ok(),
        cluster: text(14)?.parse().ok(),
        orders: r.get(15)?,
    })
}

/// Lists forecasts: those nobody has looked at first, then the open ones by their last order,
/// then the closed ones.
pub fn list(db: &Connection, most: usize) -> Result<Vec<Forecast>, HqError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM forecasts f
         ORDER BY f.standing = 'closed', f.standing <> 'new', f.grown_at DESC, f.n DESC LIMIT ?1"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map([i64::try_from(most).unwrap_or(0)], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Finds a forecast.
pub fn one(db: &Connection, n: i64) -> Result<Option<Forecast>, HqError> {
    let sql = format!("SELECT {COLUMNS} FROM forecasts f WHERE f.n = ?1");
    Ok(db.prepare_cached(&sql)?.query_row([n], read).optional()?)
}

/// Lists the orders a forecast was made of, oldest first, with when each joined.
pub fn orders(db: &Connection, n: i64) -> Result<Vec<(DocId, TimeMs)>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT d.id, o.found_at FROM forecast_orders o JOIN docs d ON d.n = o.doc JOIN spots s ON s.doc = o.doc
         WHERE o.forecast = ?1 ORDER BY s.at, d.n",
    )?;
    let rows = statement.query_map([n], |r| Ok((r.get::<_, Vec<u8>>(0)?, TimeMs(r.get(1)?))))?;
    let found: Vec<(Vec<u8>, TimeMs)> = rows.collect::<Result<_, _>>()?;
    Ok(found.into_iter().filter_map(|(id, at)| Some((DocId::from_slice(&id).ok()?, at))).collect())
}

/// Finds the open forecast that an order is part of.
pub fn of_order(db: &Connection, order: DocId) -> Result<Option<i64>, HqError> {
    Ok(db
        .prepare_cached(
            "SELECT f.n FROM forecast_orders o JOIN forecasts f ON f.n = o.forecast
             WHERE o.doc = (SELECT n FROM docs WHERE id = ?1) AND f.standing <> 'closed' ORDER BY f.n LIMIT 1",
        )?
        .query_row([order.to_bytes()], |r| r.get(0))
        .optional()?)
}

/// Lists what was said about a forecast, oldest first.
pub fn said(db: &Connection, n: i64) -> Result<Vec<Said>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT at, by, standing, words FROM forecast_words WHERE forecast = ?1 ORDER BY n",
    )?;
    let rows = statement.query_map([n], |r| {
        let standing: String = r.get(2)?;
        Ok(Said {
            at: TimeMs(r.get(0)?),
            by: r.get(1)?,
            standing: Standing::from_id(&standing).unwrap_or(Standing::New),
            words: r.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Looks at the orders of the window: hot spots become forecasts or grow. Called after orders
/// came in, and by the clock.
pub(crate) fn scan(tx: &Transaction<'_>, core: &mut Core) -> Result<Scan, HqError> {
    let (now, rule) = (core.now(), core.settings.concentration);
    let seen = in_window(tx, now, &rule)?;
    let mut scan = Scan::default();
    for spot in hot_spots(&seen, now, &rule) {
        let known = open_with(tx, &spot)?;
        let n = match known.split_first() {
            Some((first, others)) => {
                others.iter().try_for_each(|other| unite(tx, now, *other, *first))?;
                *first
            }
            None => found(tx, now, &spot, &rule)?,
        };
        let more = join(tx, core, n, &spot)?;
        match (known.is_empty(), more) {
            (true, _) => scan.found += 1,
            (false, true) => scan.grown += 1,
            (false, false) => {}
        }
    }
    Ok(scan)
}

/// Reads the orders of the window, without those of closed forecasts.
fn in_window(tx: &Transaction<'_>, now: TimeMs, rule: &Concentration) -> Result<Vec<Seen>, HqError> {
    let mut statement = tx.prepare_cached(
        "SELECT d.id, s.matter, s.grid, s.at, s.lat_e7, s.lon_e7 FROM spots s JOIN docs d ON d.n = s.doc
         WHERE s.counted = 1 AND s.at > ?1 AND s.at <= ?2 AND s.matter <> ''
           AND NOT EXISTS (SELECT 1 FROM forecast_orders o JOIN forecasts f ON f.n = o.forecast
                           WHERE o.doc = s.doc AND f.standing = 'closed')",
    )?;
    let mut rows = statement.query([rule.since(now).0, now.0])?;
    let mut seen = Vec::new();
    while let Some(r) = rows.next()? {
        let Ok(order) = DocId::from_slice(r.get_ref(0)?.as_blob().unwrap_or_default()) else { continue };
        let place: (Option<i32>, Option<i32>) = (r.get(4)?, r.get(5)?);
        let place = place.0.zip(place.1);
        seen.push(Seen { order, matter: r.get(1)?, grid: r.get(2)?, at: TimeMs(r.get(3)?), place });
    }
    Ok(seen)
}

/// Finds the open forecasts that hold an order of a hot spot, oldest first.
fn open_with(tx: &Transaction<'_>, spot: &HotSpot) -> Result<Vec<i64>, HqError> {
    let mut statement = tx.prepare_cached(
        "SELECT f.n FROM forecast_orders o JOIN forecasts f ON f.n = o.forecast
         WHERE o.doc = (SELECT n FROM docs WHERE id = ?1) AND f.matter = ?2 AND f.standing <> 'closed'",
    )?;
    let mut all = Vec::new();
    for order in &spot.members {
        let rows = statement.query_map(params![order.to_bytes(), spot.matter], |r| r.get::<_, i64>(0))?;
        all.extend(rows.collect::<Result<Vec<_>, _>>()?);
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn found(tx: &Transaction<'_>, now: TimeMs, spot: &HotSpot, rule: &Concentration) -> Result<i64, HqError> {
    let rule = serde_json::to_string(rule).unwrap_or_default();
    tx.prepare_cached(
        "INSERT INTO forecasts (source, matter, grids, rule, found_at, grown_at, standing)
         VALUES ('rule', ?1, ?2, ?3, ?4, ?4, 'new')",
    )?
    .execute(params![spot.matter, spot.grids.join(" "), rule, now.0])?;
    Ok(tx.last_insert_rowid())
}

/// Two forecasts turned out to be one: the later one is closed and says so.
fn unite(tx: &Transaction<'_>, now: TimeMs, later: i64, first: i64) -> Result<(), HqError> {
    tx.execute(
        "INSERT OR IGNORE INTO forecast_orders (forecast, doc, found_at)
         SELECT ?2, doc, found_at FROM forecast_orders WHERE forecast = ?1",
        [later, first],
    )?;
    // Its orders go on founding: they belong to the one that stays.
    tx.execute("DELETE FROM forecast_orders WHERE forecast = ?1", [later])?;
    say(
        tx,
        later,
        now,
        "hq",
        Standing::Closed,
        &format!("并入第 {first} 号研判 (became part of no. {first})"),
    )
}

/// Adds the orders that are new to a forecast and tells phones. Returns whether there were any.
fn join(tx: &Transaction<'_>, core: &mut Core, n: i64, spot: &HotSpot) -> Result<bool, HqError> {
    let now = core.now();
    let mut more = false;
    for order in &spot.members {
        let added = tx
            .prepare_cached(
                "INSERT OR IGNORE INTO forecast_orders (forecast, doc, found_at)
                 SELECT ?1, n, ?3 FROM docs WHERE id = ?2",
            )?
            .execute(params![n, order.to_bytes(), now.0])?;
        if added > 0 {
            more = true;
            mark(tx, core, *order, true)?;
        }
    }
    if more {
        extend(tx, n, now)?;
    }
    Ok(more)
}

/// Computes when and where from all orders of a forecast.
fn extend(tx: &Transaction<'_>, n: i64, now: TimeMs) -> Result<(), HqError> {
    let mut statement = tx.prepare_cached(
        "SELECT s.at, s.lat_e7, s.lon_e7, s.grid FROM forecast_orders o JOIN spots s ON s.doc = o.doc
         WHERE o.forecast = ?1",
    )?;
    type Spot = (i64, Option<i32>, Option<i32>, String);
    let rows = statement.query_map([n], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?;
    let spots: Vec<Spot> = rows.collect::<Result<_, _>>()?;
    let places: Vec<(i32, i32)> = spots.iter().filter_map(|s| s.1.zip(s.2)).collect();
    let extent = Extent::of(&places);
    let grids: std::collections::BTreeSet<&str> =
        spots.iter().map(|s| s.3.as_str()).filter(|g| !g.is_empty()).collect();
    let grids: Vec<&str> = grids.into_iter().collect();
    tx.prepare_cached(
        "UPDATE forecasts SET grown_at = ?2, first_at = ?3, last_at = ?4, grids = ?5, lat_e7 = ?6, lon_e7 = ?7,
            radius_m = ?8 WHERE n = ?1",
    )?
    .execute(params![
        n,
        now.0,
        spots.iter().map(|s| s.0).min(),
        spots.iter().map(|s| s.0).max(),
        grids.join(" "),
        extent.map(|e| e.lat_e7),
        extent.map(|e| e.lon_e7),
        extent.map(|e| e.radius_m),
    ])?;
    Ok(())
}

/// Puts the hint on an open order or takes it off.
fn mark(tx: &Transaction<'_>, core: &mut Core, order: DocId, on: bool) -> Result<(), HqError> {
    let Some(stored) = StoredDoc::find(tx, order)? else { return Ok(()) };
    let view = stored.view()?;
    if order::state(&view).is_open() && view.flag(FLAG) != on {
        let edit = if on { Edit::set(FLAG, true) } else { Edit::Remove(FLAG.to_owned()) };
        core.write(tx, order, "hq", &[edit])?;
    }
    Ok(())
}

fn say(
    tx: &Transaction<'_>,
    n: i64,
    at: TimeMs,
    by: &str,
    standing: Standing,
    words: &str,
) -> Result<(), HqError> {
    tx.execute("UPDATE forecasts SET standing = ?2 WHERE n = ?1", params![n, standing.id()])?;
    tx.execute(
        "INSERT INTO forecast_words (forecast, at, by, standing, words) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![n, at.0, by, standing.id(), words],
    )?;
    Ok(())
}

/// Notes that a cluster was made of a forecast.
pub(crate) fn clustered(
    tx: &Transaction<'_>,
    n: i64,
    cluster: DocId,
    at: TimeMs,
    by: &str,
) -> Result<(), HqError> {
    tx.execute("UPDATE forecasts SET cluster = ?2 WHERE n = ?1", params![n, cluster.to_string()])?;
    say(tx, n, at, by, Standing::Planned, "已并案 (made into a cluster)")
}

impl Headquarters {
    /// Looks for hot spots now.
    pub fn look_ahead(&mut self) -> Result<Scan, HqError> {
        self.act(scan)
    }

    /// Decides about a forecast, with words; a plan is named when it is planned. Closing needs
    /// words and takes the hint off the phones' lists; a closed one stays closed.
    pub fn judge_forecast(
        &mut self,
        n: i64,
        standing: Standing,
        plan: Option<DocId>,
        text: &str,
        by: &str,
    ) -> Result<(), HqError> {
        self.act(|tx, core| {
            if !JUDGES.has(actor(tx, by)?.role) {
                return Err(refused(Refusal::RoleMayNot));
            }
            let forecast = one(tx, n)?.ok_or_else(|| HqError::NotFound(format!("forecast {n}")))?;
            if forecast.standing == Standing::Closed {
                return Err(refused(Refusal::Over));
            }
            let text =
                if standing == Standing::Closed { words(text, 6_000) } else { some_words(text, 6_000) }?;
            if let Some(plan) = plan {
                if plan.kind != DocKind::Knowledge || StoredDoc::find(tx, plan)?.is_none() {
                    return Err(refused(Refusal::NoSuchPlan));
                }
                tx.execute("UPDATE forecasts SET plan = ?2 WHERE n = ?1", params![n, plan.to_string()])?;
            } else if standing == Standing::Planned && forecast.plan.is_none() && forecast.cluster.is_none() {
                return Err(refused(Refusal::NoSuchPlan));
            }
            say(tx, n, core.now(), by, standing, &text)?;
            if standing == Standing::Closed {
                for (order, _) in orders(tx, n)? {
                    mark(tx, core, order, false)?;
                }
            }
            Ok(())
        })
    }

    /// Notes what a person foresees before any order shows it: a storm, a street that will be
    /// dug up (下一步可能集中出现的问题). Returns its number.
    pub fn foresee(&mut self, matter: &str, grid: &str, text: &str, by: &str) -> Result<i64, HqError> {
        self.act(|tx, core| {
            if !JUDGES.has(actor(tx, by)?.role) {
                return Err(refused(Refusal::RoleMayNot));
            }
            let (text, now) = (words(text, 6_000)?, core.now());
            let known = core.catalog.matter(matter).is_some();
            if !known {
                return Err(HqError::NotAllowed("请选择事项 (choose a matter of the catalogue)".into()));
            }
            tx.execute(
                "INSERT INTO forecasts (source, matter, grids, rule, found_at, grown_at, standing)
                 VALUES ('person', ?1, ?2, '', ?3, ?3, 'watched')",
                params![matter, grid.trim(), now.0],
            )?;
            let n = tx.last_insert_rowid();
            say(tx, n, now, by, Standing::Watched, &text)?;
            Ok(n)
        })
    }
}
