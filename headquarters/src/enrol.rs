//! Enrolment at headquarters: invitations, staff, grants, revocation.
//!
//! Invariant: a code works once, for one named worker, within ten minutes; only its hash is
//! stored. A wrong code says nothing but "no". A new device has no rights before an administrator
//! has compared its key's fingerprint with the phone (F42): offered → waiting → active → revoked,
//! and no way back. Rejected: codes that a clerk can read again; the code alone as proof, which a
//! photograph of the screen is as well.

use crate::{
    ask::version_code,
    core::Core,
    error::{HqError, Refusal},
    hq::Headquarters,
    people::{By, audit},
    pull,
    store::{self, DeviceRow, set_meta},
};
use lanewalk_model::{
    id::{DeviceId, Hash},
    staff::{Grant, Role},
    time::TimeMs,
};
use lanewalk_protocol::{
    VERSION,
    enrolment::{EnrolRequest, EnrolResponse, Held, Invitation},
    frame, http,
    keys::PublicKey,
    limits,
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use sha2::{Digest as _, Sha256};

/// Refused requests with one code before it is void.
const MAX_TRIES: i64 = 5;
const DAY_MS: i64 = 86_400_000;

impl Headquarters {
    /// Adds or renames a member of staff.
    pub fn put_staff(&mut self, id: &str, name: &str, role: Role) -> Result<(), HqError> {
        if id.is_empty() || id.len() > limits::MAX_WORKER_BYTES || !id.is_ascii() {
            return Err(HqError::NotAllowed(format!("staff id {id:?} must be 1–32 ASCII characters")));
        }
        self.act(|tx, _| {
            tx.execute(
                "INSERT INTO staff (id, name, role) VALUES (?1, ?2, ?3)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, role = excluded.role",
                params![id, name, role.id()],
            )?;
            bump_scope(tx)
        })
    }

    /// Gives a right; phones see it with their next sync.
    pub fn grant(&mut self, worker: &str, grant: &Grant) -> Result<(), HqError> {
        self.grant_by(worker, grant, By::HOUSE)
    }

    /// As [`Self::grant`], by a member of staff.
    pub(crate) fn grant_by(&mut self, worker: &str, grant: &Grant, by: By<'_>) -> Result<(), HqError> {
        self.act(|tx, core| {
            tx.execute(
                "INSERT INTO grants (staff, grid, role, from_ms, to_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![worker, grant.grid, grant.role.id(), grant.from.0, grant.to.map(|t| t.0)],
            )?;
            by.did(tx, core.now(), "grant", &format!("{worker} {}", grant.grid))?;
            bump_scope(tx)
        })
    }

    /// Ends every right of a worker in a grid at a moment. Unsent work that was written before
    /// still comes in (F22).
    pub fn end_grant(&mut self, worker: &str, grid: &str, at: TimeMs) -> Result<(), HqError> {
        self.end_grant_by(worker, grid, at, By::HOUSE)
    }

    /// As [`Self::end_grant`], by a member of staff.
    pub(crate) fn end_grant_by(
        &mut self,
        worker: &str,
        grid: &str,
        at: TimeMs,
        by: By<'_>,
    ) -> Result<(), HqError> {
        self.act(|tx, core| {
            tx.execute(
                "UPDATE grants SET to_ms = ?3 WHERE staff = ?1 AND grid = ?2 AND (to_ms IS NULL OR to_ms > ?3)",
                params![worker, grid, at.0],
            )?;
            by.did(tx, core.now(), "end_grant", &format!("{worker} {grid}"))?;
            bump_scope(tx)
        })
    }

    /// Makes a one-time invitation for a worker; its text goes into a QR code.
    pub fn invite(&mut self, worker: &str) -> Result<Invitation, HqError> {
        self.invite_by(worker, By::HOUSE)
    }

    /// As [`Self::invite`], by a member of staff.
    pub(crate) fn invite_by(&mut self, worker: &str, by: By<'_>) -> Result<Invitation, HqError> {
        let hq_key = self.core.signer.public_key();
        let url = self.core.settings.public_url.clone();
        let pins = self.core.settings.pins.clone();
        let pins = (!pins.is_empty()).then_some(pins);
        self.act(|tx, core| {
            if store::subject(tx, worker)?.is_none() {
                return Err(HqError::NotFound(format!("staff {worker}")));
            }
            let mut code = [0; 16];
            core.source.fill_random(&mut code);
            let now = core.now();
            let expires_at = now.0 + limits::ENROLMENT_TTL_MS;
            tx.execute(
                "INSERT INTO invitations (code_hash, worker, expires_at) VALUES (?1, ?2, ?3)",
                params![hash(&code), worker, expires_at],
            )?;
            by.did(tx, now, "invite", worker)?;
            Ok(Invitation { url, hq_key, code, worker: worker.to_owned(), expires_at, pins })
        })
    }

    /// Confirms a device's key, after its fingerprint was compared with what the phone shows: from
    /// now on it gets what its worker may see. Again: no effect.
    ///
    /// # Errors
    /// `NotFound` for a device that is unknown or revoked.
    pub fn confirm(&mut self, device: DeviceId) -> Result<(), HqError> {
        self.confirm_by(device, By::HOUSE)
    }

    /// As [`Self::confirm`], by a member of staff.
    pub(crate) fn confirm_by(&mut self, device: DeviceId, by: By<'_>) -> Result<(), HqError> {
        self.act(|tx, core| {
            let found = DeviceRow::find(tx, device)?.filter(|d| d.revoked_at.is_none());
            let found = found.ok_or_else(|| HqError::NotFound(format!("device {device}")))?;
            if found.confirmed_at.is_some() {
                return Ok(());
            }
            let now = core.now();
            tx.execute("UPDATE devices SET confirmed_at = ?2 WHERE id = ?1", params![device.0, now.0])?;
            by.did(tx, now, "confirm", &format!("{} {}", found.worker, found.key.short_fingerprint()))
        })
    }

    /// Revokes a device: from its next contact it gets nothing. What it wrote it may deliver into
    /// quarantine for [`Settings::deposit_days`](crate::Settings::deposit_days). Again: nothing is opened anew.
    pub fn revoke(&mut self, device: DeviceId) -> Result<(), HqError> {
        self.revoke_by(device, By::HOUSE)
    }

    /// As [`Self::revoke`], by a member of staff.
    pub(crate) fn revoke_by(&mut self, device: DeviceId, by: By<'_>) -> Result<(), HqError> {
        self.act(|tx, core| {
            let now = core.now();
            let until = now.0 + i64::from(core.settings.deposit_days) * DAY_MS;
            // One that was never confirmed held no rights, so it has nothing to deliver.
            tx.execute(
                "UPDATE devices SET revoked_at = ?2, deposit_until = iif(confirmed_at IS NULL, NULL, ?3)
                 WHERE id = ?1 AND revoked_at IS NULL",
                params![device.0, now.0, until],
            )?;
            by.did(tx, now, "revoke", &device.to_string())
        })
    }
}

/// A phone that waits for its key to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The device.
    pub device: DeviceId,
    /// Whose phone it says it is.
    pub worker: String,
    /// What the phone shows too.
    pub fingerprint: String,
    /// When it enrolled.
    pub enrolled_at: TimeMs,
    /// Requests with the same code that were refused: somebody else has the code.
    pub other_tries: u32,
}

/// Lists the phones that wait, the newest first.
pub fn waiting(db: &Connection) -> Result<Vec<Waiting>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT d.id, d.worker, d.key, d.enrolled_at,
                coalesce((SELECT max(i.tries) FROM invitations i WHERE i.device = d.n), 0)
         FROM devices d WHERE d.confirmed_at IS NULL AND d.revoked_at IS NULL ORDER BY d.n DESC LIMIT 500",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(r) = rows.next()? {
        let Ok(key) = minicbor::decode::<PublicKey>(r.get_ref(2)?.as_blob().unwrap_or_default()) else {
            continue;
        };
        found.push(Waiting {
            device: DeviceId(r.get(0)?),
            worker: r.get(1)?,
            fingerprint: key.short_fingerprint(),
            enrolled_at: TimeMs(r.get(3)?),
            other_tries: r.get(4)?,
        });
    }
    Ok(found)
}

/// Lists the devices in use that have not named a lease with the present TLS keys yet, with their
/// worker and last contact: the next rotation would shut them out.
pub fn unaware(db: &Connection) -> Result<Vec<(DeviceId, String, Option<i64>)>, HqError> {
    let Some(since) = pull::pins_since(db)? else { return Ok(Vec::new()) };
    let mut statement = db.prepare_cached(
        "SELECT id, worker, last_contact FROM devices
         WHERE confirmed_at IS NOT NULL AND revoked_at IS NULL AND lease_version < ?1
           AND id <> (SELECT value FROM meta WHERE key = 'own_device') ORDER BY worker, n",
    )?;
    let rows = statement.query_map([since], |r| Ok((DeviceId(r.get(0)?), r.get(1)?, r.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Core {
    pub(crate) fn enrol(
        &mut self,
        tx: &Transaction<'_>,
        binding: &str,
        request: &EnrolRequest,
    ) -> Result<http::Response, HqError> {
        match self.admit(tx, request)? {
            Ok((device, worker)) => self.enrolled(tx, binding, request, device, &worker),
            Err(refusal) => {
                tx.prepare_cached("UPDATE invitations SET tries = tries + 1 WHERE code_hash = ?1")?
                    .execute([hash(&request.code)])?;
                Ok(self.respond(binding, None, refusal.status, refusal.body()))
            }
        }
    }

    /// Makes a device out of a request that fits its invitation; it waits for confirmation.
    fn admit(
        &mut self,
        tx: &Transaction<'_>,
        request: &EnrolRequest,
    ) -> Result<Result<(DeviceId, String), Refusal>, HqError> {
        let refuse = |status, code| Ok(Err(Refusal::new(status, code)));
        if request.version != VERSION {
            return refuse(426, version_code(request.version));
        }
        let now = self.now();
        let found: Option<(String, i64, Option<i64>, i64)> = tx
            .prepare_cached("SELECT worker, expires_at, device, tries FROM invitations WHERE code_hash = ?1")?
            .query_row([hash(&request.code)], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
            .optional()?;
        if request.verify().is_err() {
            return refuse(401, "bad_proof");
        }
        let Some((worker, expires_at, used, tries)) = found else { return refuse(403, "code_unknown") };
        if let Some(n) = used {
            // The answer was lost: the same key with the same code gets the same answer.
            let again = enrolled_as(tx, request, n)?.map(|device| (device, worker));
            return again.map_or_else(|| refuse(403, "code_used"), |found| Ok(Ok(found)));
        }
        if tries >= MAX_TRIES {
            return refuse(403, "code_tries");
        }
        if now.0 > expires_at {
            return refuse(403, "code_expired");
        }
        let was = request.was.map(|device| DeviceId(*device));
        let known = was.map(|device| DeviceRow::find(tx, device)).transpose()?.flatten();
        if known.as_ref().is_some_and(|before| before.worker != worker) {
            return refuse(409, "device_of_another");
        }
        let id = match (was, &known) {
            // Restored from a backup older than its enrolment: its chain goes on under its name.
            (Some(device), None) => device.0,
            _ => {
                let mut id = [0; 16];
                self.source.fill_random(&mut id);
                id
            }
        };
        tx.execute(
            "INSERT INTO devices (id, worker, key, install_epoch, enrolled_at, head) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                id,
                worker,
                minicbor::to_vec(&request.key).unwrap_or_default(),
                i64::try_from(request.install_epoch).unwrap_or(i64::MAX),
                now.0,
                [0_u8; 32]
            ],
        )?;
        tx.execute(
            "UPDATE invitations SET device = ?2 WHERE code_hash = ?1",
            params![hash(&request.code), tx.last_insert_rowid()],
        )?;
        audit(tx, now, &worker, "enrol", &request.key.short_fingerprint())?;
        if let Some(before) = known {
            audit(tx, now, &worker, "enrol_after", &before.id.to_string())?;
        }
        Ok(Ok((DeviceId(id), worker)))
    }

    fn enrolled(
        &mut self,
        tx: &Transaction<'_>,
        binding: &str,
        request: &EnrolRequest,
        device: DeviceId,
        worker: &str,
    ) -> Result<http::Response, HqError> {
        let now = self.now();
        let was = request.was.map(|was| DeviceId(*was)).filter(|was| *was != device);
        let held = was.map(|was| held(tx, was, request.unsent.unwrap_or(0))).transpose()?;
        let mut lease =
            pull::make_lease(tx, self, worker, now)?.ok_or_else(|| HqError::NotFound(worker.to_owned()))?;
        if DeviceRow::find(tx, device)?.is_none_or(|d| d.confirmed_at.is_none()) {
            // Nothing may be done with it yet; the first sync after confirmation brings the real one.
            (lease.version, lease.valid_until) = (0, now.0);
            lease.grants.clear();
        }
        let (hq_epoch, beacon) = (self.epoch, self.beacon(now));
        let body = EnrolResponse { version: VERSION, device, hq_epoch, lease, beacon, held };
        Ok(self.respond(binding, Some(device), 200, frame::encode(&body)))
    }
}

/// Returns the device that came of a code if the request is the one that made it, and it has delivered
/// nothing yet.
fn enrolled_as(tx: &Transaction<'_>, request: &EnrolRequest, n: i64) -> Result<Option<DeviceId>, HqError> {
    let key = minicbor::to_vec(&request.key).unwrap_or_default();
    let id = tx
        .prepare_cached(
            "SELECT id FROM devices WHERE n = ?1 AND key = ?2 AND last_seq = 0 AND revoked_at IS NULL",
        )?
        .query_row(params![n, key], |r| r.get(0))
        .optional()?;
    Ok(id.map(DeviceId))
}

/// Lists what headquarters holds of a device from an entry on, so that an installation that becomes
/// another one writes nothing twice (F27).
fn held(db: &Connection, device: DeviceId, from: u64) -> Result<Vec<Held>, HqError> {
    let sql = "SELECT l.hash, l.refused FROM log l JOIN devices d ON d.n = l.device
               WHERE d.id = ?1 AND l.seq >= ?2 ORDER BY l.seq LIMIT ?3";
    let mut statement = db.prepare_cached(sql)?;
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![device.0, from, limits::MAX_HELD], |r| {
        Ok(Held { hash: Hash(r.get(0)?), refused: r.get(1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn hash(code: &[u8; 16]) -> [u8; 32] {
    Sha256::digest(code).into()
}

/// Notes that somebody's scope may have changed: every device is compared again.
pub(crate) fn bump_scope(tx: &Transaction<'_>) -> Result<(), HqError> {
    let next = store::meta_u64(tx, "scope_version")? + 1;
    set_meta(tx, "scope_version", &next.to_be_bytes())
}
