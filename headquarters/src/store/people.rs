//! Staff, grants and devices.

use crate::error::HqError;
use lanewalk_model::{
    id::{DeviceId, Hash},
    staff::{Grant, Role, Subject},
    time::TimeMs,
};
use lanewalk_protocol::keys::PublicKey;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

/// A device as headquarters knows it.
#[derive(Debug, Clone)]
pub struct DeviceRow {
    /// Row number.
    pub n: i64,
    /// Id.
    pub id: DeviceId,
    /// Staff id.
    pub worker: String,
    /// Key.
    pub key: PublicKey,
    /// When an administrator confirmed its key.
    pub confirmed_at: Option<i64>,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
    /// Until when it may deliver what it wrote although revoked.
    pub deposit_until: Option<i64>,
    /// Last sequence number held.
    pub last_seq: u64,
    /// Hash of that entry.
    pub head: Hash,
    /// Version of its lease.
    pub lease_version: u64,
    /// Scope version its holdings were compared with.
    pub scanned: u64,
    /// Scope version that counts once the page in flight is named.
    pub scan_pending: u64,
    /// Token of the page in flight.
    pub page_token: u64,
    /// When it was last heard of, to within ten minutes.
    pub last_contact: Option<i64>,
    /// Last sequence number it said it has written.
    pub announced_seq: u64,
    /// When the page in flight was made.
    pub page_at: i64,
}

/// An idle sync is noted this often at most, because noting it costs a write.
const CONTACT_STEP_MS: i64 = 10 * 60_000;

impl DeviceRow {
    /// Finds a device.
    pub fn find(db: &Connection, id: DeviceId) -> Result<Option<Self>, HqError> {
        let row = db
            .prepare_cached(
                "SELECT n, worker, key, revoked_at, last_seq, head, lease_version, scanned, scan_pending, page_token,
                        last_contact, announced_seq, page_at, confirmed_at, deposit_until
                 FROM devices WHERE id = ?1",
            )?
            .query_row([id.0], |r| {
                let key: Vec<u8> = r.get(2)?;
                let head: Vec<u8> = r.get(5)?;
                let bad = |i: usize| rusqlite::Error::InvalidColumnType(i, "devices".into(), rusqlite::types::Type::Blob);
                Ok(Self {
                    n: r.get(0)?,
                    id,
                    worker: r.get(1)?,
                    key: minicbor::decode(&key).map_err(|_| bad(2))?,
                    revoked_at: r.get(3)?,
                    last_seq: r.get(4)?,
                    head: Hash::from_slice(&head).map_err(|_| bad(5))?,
                    lease_version: r.get(6)?,
                    scanned: r.get(7)?,
                    scan_pending: r.get(8)?,
                    page_token: r.get(9)?,
                    last_contact: r.get(10)?,
                    announced_seq: r.get(11)?,
                    page_at: r.get(12)?,
                    confirmed_at: r.get(13)?,
                    deposit_until: r.get(14)?,
                })
            })
            .optional()?;
        Ok(row)
    }
}

impl DeviceRow {
    /// Notes that the device was heard of, what it says it has written (F28) and which lease it says
    /// it holds.
    pub(crate) fn heard(
        &self,
        tx: &Transaction<'_>,
        now: i64,
        announced: u64,
        lease_version: u64,
    ) -> Result<(), HqError> {
        // Claims: what no column can hold, or no sum over devices, must not fail the whole batch.
        let (announced, lease_version) = (announced.min(1 << 40), lease_version.min(1 << 62));
        let recent = self.last_contact.is_some_and(|at| now - at < CONTACT_STEP_MS);
        if recent && announced <= self.announced_seq && lease_version == self.lease_version {
            return Ok(());
        }
        tx.prepare_cached(
            "UPDATE devices SET last_contact = ?2, announced_seq = max(announced_seq, ?3), lease_version = ?4
             WHERE n = ?1",
        )?
        .execute(params![self.n, now, announced, lease_version])?;
        Ok(())
    }
}

/// Reads a staff member's name and rights.
pub(crate) fn subject(db: &Connection, worker: &str) -> Result<Option<(Subject, String)>, HqError> {
    let found: Option<(String, String)> = db
        .prepare_cached("SELECT name, role FROM staff WHERE id = ?1")?
        .query_row([worker], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let Some((name, role)) = found else { return Ok(None) };
    let Some(role) = Role::from_id(&role) else { return Ok(None) };
    let grants = db
        .prepare_cached(
            "SELECT grid, role, from_ms, to_ms FROM grants WHERE staff = ?1 ORDER BY from_ms, grid",
        )?
        .query_map([worker], |r| {
            Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?, r.get(2)?, r.get::<_, Option<i64>>(3)?))
        })?
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .filter_map(|(grid, role, from, to)| {
            Some(Grant { grid, role: Role::from_id(&role)?, from: TimeMs(from), to: to.map(TimeMs) })
        })
        .collect();
    Ok(Some((Subject { worker: worker.to_owned(), role, grants }, name)))
}

/// Lists field staff who hold a grid at a moment: (id, role).
pub(crate) fn holders(db: &Connection, grid: &str, at: i64) -> Result<Vec<(String, String)>, HqError> {
    let rows = db
        .prepare_cached(
            "SELECT DISTINCT staff, role FROM grants
             WHERE grid = ?1 AND from_ms <= ?2 AND (to_ms IS NULL OR to_ms > ?2) ORDER BY role, staff",
        )?
        .query_map(params![grid, at], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}
