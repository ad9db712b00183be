//! What a stamp says of one shot.
//!
//! Invariant: a time counts as calibrated only when the clock that nobody can set agrees. Rejected:
//! stamping the wall clock, which a worker sets.

use super::capture::Origin;
use crate::{clock::Clock, error::FieldError, facade::Inner, identity::Me, reads, store::meta};
use lanewalk_model::{clock_trust::ClockTrust, id::DocId, photo::StampFacts, time::TimeMs};
use lanewalk_protocol::entry::AnchorRef;

impl Inner {
    /// Collects what the stamp says.
    pub(super) fn stamp_facts(
        &self,
        origin: &Origin<'_>,
        visit: DocId,
        taken_at: TimeMs,
    ) -> Result<StampFacts, FieldError> {
        let now = self.now();
        self.store.read(|conn| {
            let me = Me::load(conn, now)?;
            let view = reads::view(conn, visit)?.ok_or(FieldError::NotFound)?;
            let order_id = view.text("order").and_then(|t| t.parse::<DocId>().ok());
            let order = order_id.map(|id| reads::view(conn, id)).transpose()?.flatten();
            let of_order = |key| order.as_ref().and_then(|o| o.text(key)).unwrap_or_default().to_owned();
            let (at, trust) = trusted(&me.clock, origin, taken_at);
            let beacon = last_beacon(conn)?;
            Ok(StampFacts {
                at,
                trust: Some(trust),
                place: of_order("place_text"),
                grid: view.text("grid").unwrap_or_default().to_owned(),
                worker: if me.lease.name.is_empty() {
                    me.lease.worker.clone()
                } else {
                    me.lease.name.clone()
                },
                order: of_order("upstream_id"),
                beacon,
                imported: matches!(origin, Origin::Gallery { .. }),
            })
        })
    }
}

/// The best time of a shot: headquarters' time of this boot less what has passed since, if the
/// ticket was written in this boot too and the two clocks agree on it.
fn trusted(clock: &Clock, origin: &Origin<'_>, taken_at: TimeMs) -> (TimeMs, ClockTrust) {
    let Some(known) = clock.known() else { return (taken_at, ClockTrust::NoAnchor) };
    let ago = clock.now.wall_ms.saturating_sub(taken_at.0);
    let at = TimeMs(known.0.saturating_sub(ago));
    match origin {
        Origin::Camera(row) if row.boot == clock.now.boot => {
            let since_ticket =
                i64::try_from(clock.now.mono_ms.saturating_sub(row.mono_ms)).unwrap_or(i64::MAX);
            // Taken between ticket and now by the clock that nobody can set; a second for the file
            // system's rounding.
            let within = (-1_000..=since_ticket.saturating_add(1_000)).contains(&ago);
            if within { (at, ClockTrust::Anchored) } else { (taken_at, ClockTrust::Contradicted) }
        }
        Origin::Camera(_) => (taken_at, ClockTrust::NoAnchor),
        Origin::Gallery { .. } => (at, ClockTrust::Anchored),
    }
}

/// The first bytes of the latest beacon's tag, of whichever boot: nobody knew it before
/// headquarters gave it out.
fn last_beacon(conn: &rusqlite::Connection) -> Result<[u8; 4], FieldError> {
    let stored: Option<(minicbor::bytes::ByteArray<8>, AnchorRef)> = meta::get_cbor(conn, meta::key::ANCHOR)?;
    Ok(stored.and_then(|(_, anchor)| anchor.tag.first_chunk().copied()).unwrap_or_default())
}
