//! What a request asks, and who is asking.
//!
//! Invariant: a refusal names the device only when its signature was good, since the answer then
//! carries its next nonce. Rejected: reading bodies before signatures, which lets anybody make
//! headquarters decompress.

use crate::{
    auth::{self, Caller, Lane},
    backup::FILES_HORIZON,
    core::Core,
    error::{HqError, Refusal},
    photos::Staged,
    pull, push, receipts,
    store::{self, DeviceRow},
};
use lanewalk_model::{id::DeviceId, time::TimeMs};
use lanewalk_protocol::{
    VERSION,
    enrolment::EnrolRequest,
    frame, http, limits,
    receipt::Deposit,
    sync::{SyncRequest, SyncResponse},
};
use rusqlite::Transaction;

/// What a request asks, once it is known who asks.
pub(crate) enum Ask {
    Enrol(EnrolRequest),
    Sync(Box<(Caller, SyncRequest)>),
    Photos(Staged),
}

impl Core {
    /// Finds out who asks what; changes nothing.
    pub(crate) fn read(
        &mut self,
        tx: &Transaction<'_>,
        request: &http::Request,
    ) -> Result<Result<Ask, (Refusal, Option<DeviceId>)>, HqError> {
        let refuse = |refusal: Refusal| Ok(Err((refusal, None)));
        if request.body.len() > limits::MAX_REQUEST_BYTES {
            return refuse(Refusal::new(413, "too_large"));
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", http::ENROL_PATH) => {
                match frame::decode::<EnrolRequest>(&request.body, limits::MAX_REQUEST_DECODED) {
                    Ok(body) => Ok(Ok(Ask::Enrol(body))),
                    Err(e) => refuse(Refusal::new(400, "malformed").detail(e.to_string())),
                }
            }
            ("POST", http::SYNC_PATH) => {
                let caller =
                    match auth::authenticate(tx, request, &self.settings.authority(), auth::Body::Whole)? {
                        Ok(caller) => caller,
                        Err(refusal) => return refuse(refusal),
                    };
                let device = Some(caller.device.id);
                if !self.nonces.is_current(caller.device.id, &caller.nonce) {
                    return Ok(Err((Refusal::new(401, "nonce"), device)));
                }
                let lane = match caller.lane(self.now()) {
                    Ok(lane) => lane,
                    Err(refusal) => return Ok(Err((refusal, device))),
                };
                match frame::decode::<SyncRequest>(&request.body, limits::MAX_REQUEST_DECODED) {
                    Ok(body) if body.version != VERSION => Ok(Err((
                        Refusal::new(426, version_code(body.version)).detail(VERSION.to_string()),
                        device,
                    ))),
                    Ok(body) if body.want.len() > limits::MAX_WANTED => {
                        Ok(Err((Refusal::new(400, "too_many_wanted"), device)))
                    }
                    // It may deliver, and learns nothing but that.
                    Ok(body) if lane == Lane::Deposit && body.push.is_none() => {
                        let deposit = Some(self.deposit(tx, &caller)?);
                        Ok(Err((Refusal { deposit, ..caller.revoked() }, device)))
                    }
                    Ok(body) => Ok(Ok(Ask::Sync(Box::new((caller, body))))),
                    Err(e) => {
                        let status = if e == frame::FrameError::TooLarge { 413 } else { 400 };
                        Ok(Err((Refusal::new(status, "malformed").detail(e.to_string()), device)))
                    }
                }
            }
            _ => refuse(Refusal::new(404, "not_found")),
        }
    }

    /// Says what there is of a revoked device, which keeps the rest (F29, law 1).
    fn deposit(&self, tx: &Transaction<'_>, caller: &Caller) -> Result<Deposit, HqError> {
        Ok(Deposit {
            hq_epoch: self.epoch,
            known_seq: caller.device.last_seq,
            durable_seq: pull::durable_seq(tx, caller.device.n)?,
            durable_files: store::meta_u64(tx, FILES_HORIZON)?,
        })
    }

    /// Makes the answer to a sync whose push is in.
    pub(crate) fn answer_sync(
        &mut self,
        tx: &Transaction<'_>,
        caller: &Caller,
        request: &SyncRequest,
        mut pushed: push::Pushed,
        now: TimeMs,
    ) -> Result<SyncResponse, HqError> {
        if request.hq_epoch != 0 && request.hq_epoch != self.epoch {
            // After a restore an entry may have come in again and been refused in an answer that
            // was lost, while the phone still holds the receipt of the former life (F26).
            pushed.refused = receipts::all_refused(tx, caller.device.n)?;
        }
        let revoked = caller.device.revoked_at.is_some();
        let page = match revoked {
            false => pull::page(tx, self, caller, request, now)?,
            // A deposit: receipts, and not a word of what others wrote.
            true => pull::Page { cursor: request.cursor, ..pull::Page::default() },
        };
        Ok(SyncResponse {
            version: VERSION,
            hq_epoch: self.epoch,
            beacon: self.beacon(now),
            known_seq: pushed.known_seq,
            receipts: pushed.receipts,
            refused: pushed.refused,
            snapshots: page.snapshots,
            changes: page.changes,
            left: page.left,
            cursor: page.cursor,
            more: page.more,
            durable_seq: pull::durable_seq(tx, caller.device.n)?,
            lease: if revoked { None } else { pull::lease(tx, self, caller, request, now)? },
            digest: page.digest,
            durable_files: Some(store::meta_u64(tx, FILES_HORIZON)?),
            checkpoint: None,
        })
    }
}

/// What a device says it has written, as far as an honest one can: it pushes all it has unless
/// the push was cut.
pub(crate) fn announced(device: &DeviceRow, request: &SyncRequest) -> u64 {
    const MOST_UNSENT: u64 = 50_000;
    let pushed = request.push.as_ref().map(|p| p.batch.first_seq.saturating_add(p.batch.len() as u64));
    let most =
        pushed.map_or(device.last_seq, |to| to.min(device.last_seq + 4_097).saturating_add(MOST_UNSENT));
    request.last_seq.min(most)
}

/// Names what is wrong with a protocol version that is not ours.
pub(crate) fn version_code(theirs: u16) -> &'static str {
    if theirs < VERSION { "version_too_old" } else { "version_too_new" }
}
