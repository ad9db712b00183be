//! Concentration 相对集中 (R11): orders of one matter that pile up in one place within days.
//!
//! Invariant: which orders come in first, and how often one is named, changes nothing; one more
//! order never makes a hot spot smaller. Two orders of a matter belong together when they lie in
//! the same grid or close enough to each other, and so do those that a third one joins; enough of
//! them within the window are a hot spot. Rejected: counting per grid alone, which misses a
//! street that is the border of two grids; clusters of best fit, which another order can split.

use crate::{id::DocId, time::TimeMs};
use geo::{Distance, Haversine, Point};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

const DAY_MS: i64 = 24 * 3_600_000;
/// Mean radius of the globe, metres.
const RADIUS_M: f64 = 6_371_008.8;
const E7: f64 = 1e7;

/// When orders count as concentrated \[P\].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Concentration {
    /// So many orders at least.
    pub orders: u32,
    /// Within so many days up to now.
    pub days: u32,
    /// In the same grid, or so many metres from one to the next; 0: the grid alone counts.
    pub metres: u32,
}

impl Default for Concentration {
    fn default() -> Self {
        Self { orders: 5, days: 7, metres: 150 }
    }
}

impl Concentration {
    /// Returns the first moment after which an order counts.
    pub fn since(&self, now: TimeMs) -> TimeMs {
        TimeMs(now.0.saturating_sub(i64::from(self.days).saturating_mul(DAY_MS)))
    }
}

/// What the rule looks at of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The order.
    pub order: DocId,
    /// Its matter; orders without one are not concentrated with anything.
    pub matter: String,
    /// Its grid cell; empty when unknown.
    pub grid: String,
    /// When it was reported.
    pub at: TimeMs,
    /// WGS-84 latitude and longitude times 10⁷.
    pub place: Option<(i32, i32)>,
}

/// Orders of one matter in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotSpot {
    /// The matter.
    pub matter: String,
    /// The orders, by id.
    pub members: Vec<DocId>,
    /// When the first was reported.
    pub first: TimeMs,
    /// When the last was reported.
    pub last: TimeMs,
    /// The grids they lie in.
    pub grids: Vec<String>,
    /// Where and how wide; `None` when no order has a position.
    pub extent: Option<Extent>,
}

/// A circle that holds positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// WGS-84 latitude of the centre times 10⁷.
    pub lat_e7: i32,
    /// Longitude.
    pub lon_e7: i32,
    /// Radius in metres, rounded up.
    pub radius_m: u32,
}

impl Extent {
    /// Makes the circle round the mean of some places, given as latitude and longitude times 10⁷.
    pub fn of(places: &[(i32, i32)]) -> Option<Self> {
        let count = i64::try_from(places.len()).ok().filter(|n| *n > 0)?;
        let mean = |sum: i64| i32::try_from(sum.div_euclid(count)).ok();
        let lat_e7 = mean(places.iter().map(|p| i64::from(p.0)).sum())?;
        let lon_e7 = mean(places.iter().map(|p| i64::from(p.1)).sum())?;
        let widest = places.iter().map(|p| metres((lat_e7, lon_e7), *p)).fold(0.0, f64::max).ceil();
        // At most half the way round the globe.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Some(Self { lat_e7, lon_e7, radius_m: widest as u32 })
    }
}

/// Finds the hot spots among orders as of a moment, ordered by matter, then by first member.
/// Orders reported after that moment do not count.
pub fn hot_spots(seen: &[Seen], now: TimeMs, rule: &Concentration) -> Vec<HotSpot> {
    let counts = |s: &&Seen| !s.matter.is_empty() && s.at > rule.since(now) && s.at <= now;
    let orders: BTreeMap<(&str, DocId), &Seen> =
        seen.iter().filter(counts).map(|s| ((s.matter.as_str(), s.order), s)).collect();
    let orders: Vec<&Seen> = orders.into_values().collect();
    let mut sets = Sets((0..orders.len()).collect());
    let mut grids: HashMap<(&str, &str), usize> = HashMap::new();
    for (i, order) in orders.iter().enumerate().filter(|(_, o)| !o.grid.is_empty()) {
        let first = *grids.entry((&order.matter, &order.grid)).or_insert(i);
        sets.join(first, i);
    }
    if rule.metres > 0 {
        join_near(&orders, rule.metres, &mut sets);
    }
    let mut groups: BTreeMap<usize, Vec<&Seen>> = BTreeMap::new();
    for (i, order) in orders.iter().enumerate() {
        groups.entry(sets.root(i)).or_default().push(order);
    }
    // A root is the least index of its set and indices are ordered by matter.
    groups
        .into_values()
        .filter(|g| g.len() as u64 >= u64::from(rule.orders.max(1)))
        .filter_map(spot)
        .collect()
}

fn spot(group: Vec<&Seen>) -> Option<HotSpot> {
    let places: Vec<(i32, i32)> = group.iter().filter_map(|o| o.place).collect();
    let grids: BTreeSet<&str> = group.iter().map(|o| o.grid.as_str()).filter(|g| !g.is_empty()).collect();
    Some(HotSpot {
        matter: group.first()?.matter.clone(),
        members: group.iter().map(|o| o.order).collect(),
        first: group.iter().map(|o| o.at).min()?,
        last: group.iter().map(|o| o.at).max()?,
        grids: grids.into_iter().map(str::to_owned).collect(),
        extent: Extent::of(&places),
    })
}

/// Joins orders of a matter that are at most so far apart. Space is cut into cubes whose
/// diagonal is that far, so all in one cube belong together and one near pair joins two cubes.
fn join_near(orders: &[&Seen], reach: u32, sets: &mut Sets) {
    type Cube<'a> = (&'a str, [i64; 3]);
    let reach = f64::from(reach);
    let edge = reach / 3_f64.sqrt() * 0.999;
    let mut cubes: BTreeMap<Cube<'_>, Vec<usize>> = BTreeMap::new();
    for (i, order) in orders.iter().enumerate() {
        if let Some(place) = order.place {
            cubes.entry((&order.matter, cube(place, edge))).or_default().push(i);
        }
    }
    for (at, members) in &cubes {
        let Some(first) = members.first() else { continue };
        members.iter().for_each(|i| sets.join(*first, *i));
        // What lies before has looked here already.
        for step in steps().filter(|step| *step > [0, 0, 0]) {
            let [x, y, z] = at.1;
            let [dx, dy, dz] = step;
            let Some(others) = cubes.get(&(at.0, [x + dx, y + dy, z + dz])) else { continue };
            let Some(other) = others.first() else { continue };
            if sets.root(*first) == sets.root(*other) {
                continue;
            }
            let place = |i: &usize| orders.get(*i).and_then(|o| o.place);
            let near =
                |a: &usize, b: &usize| place(a).zip(place(b)).is_some_and(|(a, b)| metres(a, b) <= reach);
            if members.iter().any(|a| others.iter().any(|b| near(a, b))) {
                sets.join(*first, *other);
            }
        }
    }
}

/// Cubes that can hold something within reach: two edges and a little to every side.
fn steps() -> impl Iterator<Item = [i64; 3]> {
    (-2..=2).flat_map(|x| (-2..=2).flat_map(move |y| (-2..=2).map(move |z| [x, y, z])))
}

fn cube((lat, lon): (i32, i32), edge: f64) -> [i64; 3] {
    let (lat, lon) = ((f64::from(lat) / E7).to_radians(), (f64::from(lon) / E7).to_radians());
    let at = [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()];
    // The globe is below 10⁷ m in radius, so every number of an edge of a metre fits.
    #[allow(clippy::cast_possible_truncation)]
    at.map(|part| (part * RADIUS_M / edge).floor() as i64)
}

/// Returns the metres between two places, given as latitude and longitude times 10⁷.
pub fn metres(a: (i32, i32), b: (i32, i32)) -> f64 {
    let point = |(lat, lon): (i32, i32)| Point::new(f64::from(lon) / E7, f64::from(lat) / E7);
    Haversine.distance(point(a), point(b))
}

/// Disjoint sets; the root is the least index.
struct Sets(Vec<usize>);

impl Sets {
    fn root(&mut self, i: usize) -> usize {
        let mut at = i;
        while let Some(up) = self.0.get(at).copied().filter(|up| *up != at) {
            let next = self.0.get(up).copied().unwrap_or(up);
            if let Some(slot) = self.0.get_mut(at) {
                *slot = next;
            }
            at = next;
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if let Some(slot) = self.0.get_mut(a.max(b)) {
            *slot = a.min(b);
        }
    }
}

#[cfg(test)]
mod tests;
