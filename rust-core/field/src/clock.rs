//! The best guess of headquarters' time.
//!
//! Invariant: only a beacon seen in this boot plus the monotonic clock since counts as known;
//! anything else is a claim of the phone, and never earlier than what the store has seen before.
//! Rejected: correcting the wall clock by a stored offset, which a worker winds away by changing
//! the clock (F30, F45).

use crate::{error::FieldError, source::Source, store::meta};
use lanewalk_model::time::TimeMs;
use lanewalk_protocol::{entry::AnchorRef, receipt::Beacon};
use rusqlite::{Connection, Transaction};

/// One reading of the phone's clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) wall_ms: i64,
    pub(crate) mono_ms: u64,
    pub(crate) boot: [u8; 8],
}

impl Now {
    /// Reads all three.
    pub(crate) fn read(source: &dyn Source) -> Self {
        Self { wall_ms: source.wall_ms(), mono_ms: source.mono_ms(), boot: source.boot_id() }
    }
}

/// The clocks together with what headquarters last said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) now: Now,
    /// Latest HQ time ever seen; 0 before the first contact.
    pub(crate) hq_seen: i64,
    /// The beacon, if it was seen in this boot.
    pub(crate) anchor: Option<AnchorRef>,
    /// The earliest that it can be, from what this store saw before; 0 when it saw nothing.
    pub(crate) floor: i64,
}

/// A moment the store has seen: how late it was, by which reading of which boot.
type Seen = (minicbor::bytes::ByteArray<8>, u64, i64);
/// The floor is written down this often at most, since that is a durable write.
const FLOOR_STEP_MS: i64 = 10 * 60_000;

impl Clock {
    /// Reads the stored beacon beside the clocks.
    pub(crate) fn load(conn: &Connection, now: Now) -> Result<Self, FieldError> {
        let hq_seen = meta::get_int(conn, meta::key::HQ_TIME)?;
        let stored: Option<(minicbor::bytes::ByteArray<8>, AnchorRef)> =
            meta::get_cbor(conn, meta::key::ANCHOR)?;
        let anchor = stored
            .filter(|(boot, anchor)| **boot == now.boot && anchor.mono_at <= now.mono_ms)
            .map(|(_, anchor)| anchor);
        let seen: Option<Seen> = meta::get_cbor(conn, meta::key::FLOOR)?;
        let floor = seen.map_or(0, |(boot, mono, time)| {
            // The boot of now began after that moment, if it is another: all of it has passed since.
            let same = *boot == now.boot && mono <= now.mono_ms;
            let since = if same { now.mono_ms - mono } else { now.mono_ms };
            time.saturating_add(i64::try_from(since).unwrap_or(i64::MAX))
        });
        Ok(Self { now, hq_seen, anchor, floor })
    }

    /// Writes down how late it is, so that a clock set back after a restart gains nothing (F32).
    pub(crate) fn keep(&self, tx: &Transaction<'_>) -> Result<(), FieldError> {
        let best = self.latest().0;
        let seen: Option<Seen> = meta::get_cbor(tx, meta::key::FLOOR)?;
        let recent = seen.is_some_and(|(boot, _, time)| {
            *boot == self.now.boot && best.saturating_sub(time) < FLOOR_STEP_MS
        });
        if recent { Ok(()) } else { put_floor(tx, self.now, best) }
    }

    /// Returns HQ time as known in this boot: the beacon plus the monotonic time since.
    pub(crate) fn known(&self) -> Option<TimeMs> {
        let anchor = self.anchor?;
        let since = i64::try_from(self.now.mono_ms.saturating_sub(anchor.mono_at)).unwrap_or(i64::MAX);
        Some(TimeMs(anchor.hq_time.saturating_add(since)))
    }

    /// Returns the known time, or the wall clock's claim where there is none; never before the
    /// latest HQ time seen.
    pub(crate) fn best(&self) -> TimeMs {
        TimeMs(self.known().map_or(self.now.wall_ms, |t| t.0).max(self.hq_seen))
    }

    /// Returns the latest that it may be: as [`Self::best`], but where nothing is known never before
    /// what this store saw. What ends by time alone is judged by this: a clock that was set back wins
    /// nothing, and one that ran ahead locks until the next contact.
    pub(crate) fn latest(&self) -> TimeMs {
        let floor = if self.anchor.is_some() { 0 } else { self.floor };
        TimeMs(self.best().0.max(floor))
    }

    /// Returns the interval in which an act of now was written, as headquarters will judge it.
    pub(crate) fn interval(&self) -> (TimeMs, TimeMs) {
        let from = if self.hq_seen > 0 { TimeMs(self.hq_seen) } else { self.best() };
        (from, self.best())
    }
}

/// Keeps a beacon as the anchor of this boot.
pub(crate) fn put_beacon(tx: &Transaction<'_>, beacon: &Beacon, now: Now) -> Result<(), FieldError> {
    let anchor = AnchorRef { hq_time: beacon.hq_time, mono_at: now.mono_ms, tag: beacon.tag };
    meta::put_cbor(tx, meta::key::ANCHOR, &(minicbor::bytes::ByteArray::from(now.boot), anchor))?;
    let seen = meta::get_int(tx, meta::key::HQ_TIME)?;
    meta::put_int(tx, meta::key::HQ_TIME, seen.max(beacon.hq_time))?;
    // Headquarters' word replaces what a wrong wall clock may have claimed.
    put_floor(tx, now, seen.max(beacon.hq_time))
}

fn put_floor(tx: &Transaction<'_>, now: Now, time: i64) -> Result<(), FieldError> {
    let seen: Seen = (minicbor::bytes::ByteArray::from(now.boot), now.mono_ms, time);
    meta::put_cbor(tx, meta::key::FLOOR, &seen)
}
