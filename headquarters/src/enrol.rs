//! Enrolment at headquarters: invitations, staff, grants, revocation.
//!
//! Invariant: a code works once, for one named worker, within ten minutes; only its hash is
//! stored. A wrong code says nothing but "no". Rejected: codes that a clerk can read again.

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
    id::DeviceId,
    staff::{Grant, Role},
    time::TimeMs,
};
use lanewalk_protocol::{
    VERSION,
    enrolment::{EnrolRequest, EnrolResponse, Invitation},
    frame, http, limits,
};
use rusqlite::{OptionalExtension as _, Transaction, params};
use sha2::{Digest as _, Sha256};

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
            Ok(Invitation { url, hq_key, code, worker: worker.to_owned(), expires_at })
        })
    }

    /// Revokes a device: from its next contact it gets nothing and its pushes are refused.
    pub fn revoke(&mut self, device: DeviceId) -> Result<(), HqError> {
        self.revoke_by(device, By::HOUSE)
    }

    /// As [`Self::revoke`], by a member of staff.
    pub(crate) fn revoke_by(&mut self, device: DeviceId, by: By<'_>) -> Result<(), HqError> {
        self.act(|tx, core| {
            let now = core.now();
            tx.execute("UPDATE devices SET revoked_at = ?2 WHERE id = ?1", params![device.0, now.0])?;
            by.did(tx, now, "revoke", &device.to_string())
        })
    }
}

impl Core {
    pub(crate) fn enrol(
        &mut self,
        tx: &Transaction<'_>,
        request: &EnrolRequest,
    ) -> Result<http::Response, HqError> {
        let nonce = request.nonce();
        let refuse = |core: &mut Self, status, code| {
            let body = Refusal::new(status, code).body();
            Ok(core.respond(&nonce, None, status, body))
        };
        if request.version != VERSION {
            return refuse(self, 426, version_code(request.version));
        }
        if request.verify().is_err() {
            return refuse(self, 401, "bad_proof");
        }
        let now = self.now();
        let found: Option<(String, i64, Option<i64>)> = tx
            .prepare_cached("SELECT worker, expires_at, used_at FROM invitations WHERE code_hash = ?1")?
            .query_row([hash(&request.code)], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
            .optional()?;
        let Some((worker, expires_at, used_at)) = found else { return refuse(self, 403, "code_unknown") };
        if let Some(device) = self.enrolled_with(tx, request, used_at)? {
            // The answer was lost: the same key with the same code gets the same answer.
            return self.enrolled(tx, &nonce, device, &worker, now);
        }
        if used_at.is_some() {
            return refuse(self, 403, "code_used");
        }
        if now.0 > expires_at {
            return refuse(self, 403, "code_expired");
        }
        let id = match request.was.map(|device| DeviceId(*device)) {
            Some(device) if DeviceRow::find(tx, device)?.is_some() => {
                return refuse(self, 409, "device_known");
            }
            // Restored from a backup older than its enrolment: its chain goes on under its name.
            Some(device) => device.0,
            None => {
                let mut id = [0; 16];
                self.source.fill_random(&mut id);
                id
            }
        };
        tx.execute(
            "UPDATE invitations SET used_at = ?2 WHERE code_hash = ?1",
            params![hash(&request.code), now.0],
        )?;
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
        audit(tx, now, &worker, "enrol", &request.key.short_fingerprint())?;
        self.enrolled(tx, &nonce, DeviceId(id), &worker, now)
    }

    fn enrolled_with(
        &self,
        tx: &Transaction<'_>,
        request: &EnrolRequest,
        used_at: Option<i64>,
    ) -> Result<Option<DeviceId>, HqError> {
        let Some(used_at) = used_at else { return Ok(None) };
        let key = minicbor::to_vec(&request.key).unwrap_or_default();
        let id: Option<Vec<u8>> = tx
            .prepare_cached("SELECT id FROM devices WHERE key = ?1 AND enrolled_at = ?2 AND last_seq = 0 AND revoked_at IS NULL")?
            .query_row(params![key, used_at], |r| r.get(0))
            .optional()?;
        Ok(id.and_then(|id| DeviceId::from_slice(&id).ok()))
    }

    fn enrolled(
        &mut self,
        tx: &Transaction<'_>,
        nonce: &str,
        device: DeviceId,
        worker: &str,
        now: TimeMs,
    ) -> Result<http::Response, HqError> {
        let lease = pull::make_lease(tx, worker, now)?.ok_or_else(|| HqError::NotFound(worker.to_owned()))?;
        let body =
            EnrolResponse { version: VERSION, device, hq_epoch: self.epoch, lease, beacon: self.beacon(now) };
        Ok(self.respond(nonce, Some(device), 200, frame::encode(&body)))
    }
}

fn hash(code: &[u8; 16]) -> [u8; 32] {
    Sha256::digest(code).into()
}

/// Notes that somebody's scope may have changed: every device is compared again.
pub(crate) fn bump_scope(tx: &Transaction<'_>) -> Result<(), HqError> {
    let next = store::meta_u64(tx, "scope_version")? + 1;
    set_meta(tx, "scope_version", &next.to_be_bytes())
}
