//! Clusters 并案 (R33): making, joining, splitting, ending.

use super::{LINE, find, is_master, need, orders_of, write};
use crate::{
    ahead::{actor, forecasts, refused, words},
    core::Core,
    desk::within_reach,
    error::HqError,
    hq::Headquarters,
};
use lanewalk_model::{
    datum::Datum,
    document::Edit,
    group::{Refusal, cluster},
    hotspot::Extent,
    id::DocId,
    order::{self, State},
    position::{Position, Source},
    records::{StepKind, StepRecord, to_json},
    schema::DocKind,
    view::DocView,
};
use rusqlite::Transaction;
use std::collections::BTreeMap;

impl Headquarters {
    /// Makes a cluster of orders; `forecast` is the number of the forecast it was made from.
    /// Returns the master.
    pub fn make_cluster(
        &mut self,
        title: &str,
        children: &[DocId],
        forecast: Option<i64>,
        by: &str,
    ) -> Result<DocId, HqError> {
        self.act(|tx, core| {
            cluster::may(&actor(tx, by)?).map_err(refused)?;
            let title = words(title, LINE)?;
            let mut ids = children.to_vec();
            ids.sort_unstable();
            ids.dedup();
            if ids.len() < cluster::FEWEST {
                return Err(refused(Refusal::TooFew));
            }
            let mut views = Vec::with_capacity(ids.len());
            for id in &ids {
                let (_, view) = within_reach(tx, by, *id, core.now())?;
                cluster::may_join(&view).map_err(refused)?;
                views.push(view);
            }
            let master = DocId { kind: DocKind::Order, uuid: core.uuid() };
            let now = core.now();
            let mut edits = master_edits(&title, &views);
            edits.extend(ids.iter().map(|id| Edit::set(cluster::child_key(*id), true)));
            let mut step = StepRecord::new(StepKind::Clustered, now, by);
            step.reason = format!("{} 件并案", ids.len());
            write(tx, core, master, edits, &step)?;
            ids.iter().try_for_each(|child| join(tx, core, master, *child, by))?;
            if let Some(n) = forecast {
                forecasts::clustered(tx, n, master, now, by)?;
            }
            Ok(master)
        })
    }

    /// Adds an order to a cluster.
    pub fn join_cluster(&mut self, master: DocId, child: DocId, by: &str) -> Result<(), HqError> {
        self.act(|tx, core| {
            cluster::may(&actor(tx, by)?).map_err(refused)?;
            if !order::state(&the_master(tx, master)?).is_open() {
                return Err(refused(Refusal::Over));
            }
            let (_, joining) = within_reach(tx, by, child, core.now())?;
            cluster::may_join(&joining).map_err(refused)?;
            core.write(tx, master, by, &[Edit::set(cluster::child_key(child), true)])?;
            join(tx, core, master, child, by)
        })
    }

    /// Takes an order out of a cluster; it goes on by itself.
    pub fn split_cluster(
        &mut self,
        master: DocId,
        child: DocId,
        text: &str,
        by: &str,
    ) -> Result<(), HqError> {
        self.act(|tx, core| {
            cluster::may(&actor(tx, by)?).map_err(refused)?;
            let view = the_master(tx, master)?;
            within_reach(tx, by, child, core.now())?;
            if !order::state(&view).is_open() {
                return Err(refused(Refusal::Over));
            }
            let key = cluster::child_key(child);
            if !view.flag(&key) {
                return Err(refused(Refusal::NotInIt));
            }
            let mut step = StepRecord::new(StepKind::Clustered, core.now(), by);
            step.from = Some(master.to_string());
            step.reason = words(text, 2_000)?;
            core.write(tx, master, by, &[Edit::Remove(key)])?;
            let edits = vec![Edit::set("master", ""), Edit::Remove("flag/cluster_child".into())];
            write(tx, core, child, edits, &step)?;
            settle(tx, core, master)
        })
    }
}

fn the_master(tx: &Transaction<'_>, id: DocId) -> Result<DocView, HqError> {
    let view = need(tx, id, DocKind::Order)?;
    if is_master(&view) { Ok(view) } else { Err(refused(Refusal::NotInIt)) }
}

fn join(tx: &Transaction<'_>, core: &mut Core, master: DocId, child: DocId, by: &str) -> Result<(), HqError> {
    let mut step = StepRecord::new(StepKind::Clustered, core.now(), by);
    step.to = Some(master.to_string());
    // Not a new order version: nobody's proposal becomes stale because a neighbour complained too.
    let edits = vec![Edit::set("master", master.to_string()), Edit::set("flag/cluster_child", true)];
    write(tx, core, child, edits, &step)
}

/// What a master has in common with most of its children. It has no due time of its own.
fn master_edits(title: &str, children: &[DocView]) -> Vec<Edit> {
    let mut edits = vec![
        Edit::set("channel", cluster::CHANNEL),
        Edit::set("title", title),
        Edit::set("urgency", "general"),
        Edit::set("state", State::Handling.id()),
        Edit::set("order_version", 1),
    ];
    for key in ["matter_code", "grid", "lead_unit"] {
        edits.extend(most_common(children, key).map(|value| Edit::set(key, value)));
    }
    edits.extend(
        children.iter().filter_map(|c| c.int("reported_at")).min().map(|t| Edit::set("reported_at", t)),
    );
    let places: Vec<(i32, i32)> = children.iter().filter_map(place).collect();
    let centre = Extent::of(&places).and_then(|e| {
        Position::new(e.lat_e7, e.lon_e7, Some(e.radius_m), Source::Manual, false, Datum::Wgs84).ok()
    });
    edits.extend(centre.map(|p| Edit::set("reported_position", to_json(&p))));
    edits
}

fn place(order: &DocView) -> Option<(i32, i32)> {
    let position: Position = serde_json::from_str(order.text("reported_position")?).ok()?;
    Some((position.lat_e7(), position.lon_e7()))
}

/// Returns the value most children have; of equally many the first by name.
fn most_common<'a>(children: &'a [DocView], key: &str) -> Option<&'a str> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for value in children.iter().filter_map(|c| c.text(key)).filter(|v| !v.is_empty()) {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(name, n)| (*n, std::cmp::Reverse(*name))).map(|(name, _)| name)
}

/// Ends a master when no child of it is open any more.
pub(super) fn settle(tx: &Transaction<'_>, core: &mut Core, master: DocId) -> Result<(), HqError> {
    let Some(view) = find(tx, master)? else { return Ok(()) };
    let mut children = Vec::new();
    for child in orders_of(&view, "cluster_child") {
        children.extend(find(tx, child)?);
    }
    if !is_master(&view) || !cluster::is_done(&view, &children) {
        return Ok(());
    }
    let mut edits = order::move_to(&view, State::Closed);
    edits.push(Edit::set("closed_at", core.now().0));
    let mut step = StepRecord::new(StepKind::Closed, core.now(), "hq");
    step.reason = format!("{} 件子单均已结束", children.len());
    write(tx, core, master, edits, &step)
}

/// Ends every master that is done; a few dozen are open at most.
pub(super) fn end_masters(tx: &Transaction<'_>, core: &mut Core) -> Result<(), HqError> {
    let mut statement = tx.prepare_cached(
        "SELECT d.id FROM spots s JOIN docs d ON d.n = s.doc WHERE s.counted = 2 AND d.open = 1",
    )?;
    let ids = statement.query_map([], |r| r.get::<_, Vec<u8>>(0))?.collect::<Result<Vec<_>, _>>()?;
    ids.iter().filter_map(|id| DocId::from_slice(id).ok()).try_for_each(|id| settle(tx, core, id))
}
