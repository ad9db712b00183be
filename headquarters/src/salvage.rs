//! What phones saved of damaged stores (F7).
//!
//! Invariant: each salvage is kept once, with one line in the access log, however often a phone tells
//! it; its numbers are the phone's word, and what arrives afterwards is judged as ever. Rejected: an
//! entry of the phone's chain, which is what the damage may have broken.

use crate::{
    error::HqError,
    hq::Headquarters,
    people::{Line, note},
    store::DeviceRow,
};
use lanewalk_model::{id::DeviceId, time::TimeMs};
use lanewalk_protocol::sync::Salvage;
use rusqlite::{Connection, Transaction, params};

/// Salvages kept of one device; a disk that fails more often is replaced.
const MOST: u64 = 16;

/// A salvage as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salvaged {
    /// Whose phone told it.
    pub device: DeviceId,
    /// When headquarters first heard of it.
    pub at: TimeMs,
    /// What was saved.
    pub salvage: Salvage,
    /// Entries are missing, and the device still has some that do not arrive before it is enrolled again.
    pub stuck: bool,
}

/// Keeps what a phone says of its damaged store.
pub(crate) fn hear(
    tx: &Transaction<'_>,
    now: TimeMs,
    device: &DeviceRow,
    told: &Salvage,
) -> Result<(), HqError> {
    // Claims: what no column can hold must not fail the whole batch.
    let [entries, unsent, export_only, missing, photos] =
        [told.entries, told.unsent, told.export_only, told.missing, told.photos].map(|n| n.min(1 << 40));
    // Read first: a repeat, which a phone with a hole in its chain sends for long, costs no write.
    let (known, kept): (bool, u64) = tx
        .prepare_cached(
            "SELECT coalesce(max((number, identity, entries, unsent, export_only, missing, photos)
                                 = (?2, ?3, ?4, ?5, ?6, ?7, ?8)), 0), count(*)
             FROM salvages WHERE device = ?1",
        )?
        .query_row(
            params![device.n, told.number, told.identity, entries, unsent, export_only, missing, photos],
            |r| Ok((r.get(0)?, r.get(1)?)),
        )?;
    if known || kept >= MOST {
        return Ok(());
    }
    tx.prepare_cached(
        "INSERT INTO salvages (device, number, identity, entries, unsent, export_only, missing, photos, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        device.n,
        told.number,
        told.identity,
        entries,
        unsent,
        export_only,
        missing,
        photos,
        now.0
    ])?;
    let purpose = if told.identity {
        format!("条目 {entries}, 未上传 {unsent}, 等新邀请码 {export_only}, 读不出 {missing}, 照片 {photos}")
    } else {
        "登记前的数据读不出".to_owned()
    };
    let about = device.id.to_string();
    let (who, what) = (device.worker.as_str(), "store_salvaged");
    note(tx, now, &Line { who, what, about: &about, purpose: &purpose, ..Line::default() })
}

/// Lists what phones said, the newest first.
pub(crate) fn all(db: &Connection) -> Result<Vec<Salvaged>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT d.id, s.at, s.number, s.identity, s.entries, s.unsent, s.export_only, s.missing, s.photos,
                s.missing > 0 AND d.announced_seq > d.last_seq AND d.revoked_at IS NULL AND NOT EXISTS (
                    SELECT 1 FROM audit a WHERE a.what = 'enrol_after' AND a.about = lower(hex(d.id)))
         FROM salvages s JOIN devices d ON d.n = s.device ORDER BY s.at DESC, s.device, s.number DESC",
    )?;
    let rows = statement.query_map([], |r| {
        let salvage = Salvage {
            number: r.get(2)?,
            identity: r.get(3)?,
            entries: r.get(4)?,
            unsent: r.get(5)?,
            export_only: r.get(6)?,
            missing: r.get(7)?,
            photos: r.get(8)?,
        };
        Ok(Salvaged { device: DeviceId(r.get(0)?), at: TimeMs(r.get(1)?), salvage, stuck: r.get(9)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Headquarters {
    /// Lists what phones saved of damaged stores, the newest first.
    pub fn salvages(&self) -> Result<Vec<Salvaged>, HqError> {
        all(self.reader())
    }
}
