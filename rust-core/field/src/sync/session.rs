//! One sync, request by request, without IO.
//!
//! Invariant: each response is applied in one transaction together with the cursor that names
//! it, so a session can be cut off anywhere and the next one goes on from there (F13, F14). The
//! outbox changes only by signed receipts and refusals. Rejected: keeping the position in
//! memory until the end.

use super::{
    SyncError, SyncReport, TransportError, answer, apply,
    enrol::{CHAIN_GAP, FORK, UNKNOWN_DEVICE},
    request::{self, Unsigned},
    witness::{self, Says},
};
use crate::{
    facade::Inner,
    identity,
    standing::{self, REVOKED},
    store::{Durability, docs, entries, meta, meta::key, salvage, uint},
};
use lanewalk_model::{
    id::{DeviceId, DocId, Hash},
    schema::DocKind,
};
use lanewalk_protocol::{
    batch::EntryBatch,
    entry::{Entry, chain_message},
    frame::{self, MEDIA_TYPE},
    http::{Request, Response, SYNC_PATH, authority},
    keys::{Domain, PublicKey, sign_domain},
    limits,
    receipt::Lease,
    sync::{Contradiction, Cursor, Push, Salvage, SyncRequest, SyncResponse},
};
use std::sync::{Arc, atomic::Ordering};

/// Whether a session has more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Call [`SyncSession::next_request`] again.
    More,
    /// Everything is in step.
    Done,
}

/// More requests than any honest sync needs: 50,000 documents come in about 60 pages.
const MAX_ROUNDS: u32 = 2_000;
/// Tries with another start of the chain, without any page between them.
const MAX_RETRIES: u32 = 3;
/// Tries with a new nonce: photos on their way beside a sync draw on the same ones.
const MAX_NONCES: u32 = 20;

/// What the store says before a request.
struct Situation {
    device: DeviceId,
    url: String,
    hq_key: PublicKey,
    hq_epoch: u64,
    cursor: Cursor,
    nonce: String,
    lease_version: u64,
    last_seq: u64,
    want: Vec<DocId>,
    says: Says,
    salvage: Option<Salvage>,
    push: Vec<(Entry, Hash)>,
}

/// The request under way.
struct Sent {
    binding: String,
    hq_key: PublicKey,
    want: Vec<DocId>,
    told: Option<Contradiction>,
    salvage: Option<Salvage>,
    mark: Mark,
}

/// Where a sync stands; two equal marks in a row mean that nothing moves any more.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    cursor: Cursor,
    unsent: Option<u64>,
    want: Vec<DocId>,
    hq_epoch: u64,
}

enum Phase {
    Ready,
    Waiting(Box<Sent>),
    Done,
}

/// A sync in progress. Call [`Self::next_request`] and [`Self::receive`] in turn.
pub struct SyncSession {
    inner: Arc<Inner>,
    phase: Phase,
    report: SyncReport,
    /// Headquarters asked for entries from here on.
    push_from: Option<u64>,
    retries: u32,
}

impl Drop for SyncSession {
    fn drop(&mut self) {
        self.inner.syncing.store(false, Ordering::Release);
    }
}

impl std::fmt::Debug for SyncSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyncSession").field("report", &self.report).finish_non_exhaustive()
    }
}

impl SyncSession {
    pub(crate) fn start(inner: Arc<Inner>) -> Result<Self, SyncError> {
        if inner.syncing.swap(true, Ordering::AcqRel) {
            return Err(SyncError::Busy);
        }
        let report = SyncReport::default();
        Ok(Self { inner, phase: Phase::Ready, report, push_from: None, retries: 0 })
    }

    /// Returns what was done so far.
    pub fn report(&self) -> SyncReport {
        self.report
    }

    /// Returns the next request; `None` when the sync is over.
    pub fn next_request(&mut self) -> Result<Option<Request>, SyncError> {
        match self.phase {
            Phase::Done => return Ok(None),
            Phase::Waiting(_) => {
                return Err(SyncError::Protocol { detail: "a request is under way".into() });
            }
            Phase::Ready => {}
        }
        if self.report.requests >= MAX_ROUNDS {
            self.phase = Phase::Done;
            return Ok(None);
        }
        let situation = self.situation()?;
        let (request, sent) = self.build(situation)?;
        self.report.requests += 1;
        self.report.bytes_up += answer::request_bytes(&request);
        self.phase = Phase::Waiting(Box::new(sent));
        Ok(Some(request))
    }

    /// Takes the response or the failure of the request under way.
    ///
    /// # Errors
    /// Any error ends the session; start a new one to try again.
    pub fn receive(&mut self, response: Result<Response, TransportError>) -> Result<Progress, SyncError> {
        let Phase::Waiting(sent) = std::mem::replace(&mut self.phase, Phase::Done) else {
            return Err(SyncError::Protocol { detail: "no request is under way".into() });
        };
        let response = response?;
        self.report.bytes_down += answer::response_bytes(&response);
        let answer = answer::check(response, &sent.binding, &sent.hq_key)?;
        if answer.status != 200 {
            return self.refused(&answer);
        }
        let page: SyncResponse = frame::decode(&answer.body, limits::MAX_RESPONSE_DECODED)
            .map_err(|e| SyncError::Protocol { detail: e.to_string() })?;
        let page_input = apply::Page {
            response: &page,
            hq_key: &sent.hq_key,
            asked: &sent.want,
            told: sent.told.as_ref(),
            salvage: sent.salvage.as_ref(),
            next_nonce: &answer.next_nonce,
            now: self.inner.now(),
        };
        let applied = self.inner.store.write(Durability::Page, |tx, cache| {
            let applied = apply::apply(tx, cache, &page_input)?;
            if applied.refused > 0 || applied.epoch_changed {
                // The line of changes has a hole now; go on with a new one (F27). Inside the
                // write, so that no act slips in between under the old actor.
                self.inner.new_actor();
            }
            Ok(applied)
        })?;
        self.count(&page, &applied);
        let kinds: Vec<DocKind> = applied.touched.iter().copied().collect();
        self.inner.notify(&kinds);
        (self.push_from, self.retries) = (None, 0);
        let after = self.inner.store.read(mark)?;
        // A deposit's answer does not say what else there is to know: ask once more, with nothing.
        let deposited = page.refused.iter().any(|r| r.code == REVOKED);
        let progress = if page.more
            || deposited
            || after != sent.mark && (after.unsent.is_some() || !after.want.is_empty())
            || applied.restarted
        {
            self.phase = Phase::Ready;
            Progress::More
        } else {
            Progress::Done
        };
        Ok(progress)
    }

    fn count(&mut self, page: &SyncResponse, applied: &apply::Applied) {
        let report = &mut self.report;
        report.acknowledged += applied.acknowledged;
        report.receipts += applied.receipts;
        report.refused += applied.refused;
        report.snapshots += page.snapshots.len() as u64;
        report.pulled += page.changes.len() as u64;
        report.left += page.left.len() as u64;
        report.resynced |= applied.resynced;
        report.epoch_changed |= applied.epoch_changed;
    }

    /// A signed answer that is not a page.
    fn refused(&mut self, answer: &answer::Answer) -> Result<Progress, SyncError> {
        let error = answer::error_body(answer)?;
        self.inner.store.write(Durability::Page, |tx, _| {
            // Both are ways to be enrolled anew.
            for known in [UNKNOWN_DEVICE, FORK].into_iter().filter(|code| error.code == *code) {
                meta::set_problem(tx, known, "")?;
            }
            // What the writer at headquarters never saw brings none: the one held goes on counting.
            if !answer.next_nonce.is_empty() {
                meta::put(tx, key::NONCE, answer.next_nonce.as_bytes())?;
            }
            standing::note(tx, &error)
        })?;
        self.retries += 1;
        let may_retry = self.retries <= MAX_RETRIES;
        match (error.code.as_str(), error.need_seq) {
            ("nonce", _) if self.retries <= MAX_NONCES => {}
            ("chain_gap", Some(need)) if may_retry && self.push_from != Some(need) => {
                if self.inner.store.read(|conn| entries::get(conn, need))?.is_none() {
                    self.inner.store.write(Durability::Page, |tx, _| {
                        meta::set_problem(tx, CHAIN_GAP, &need.to_string())
                    })?;
                    return Err(SyncError::ChainGap { need_seq: need });
                }
                self.push_from = Some(need);
            }
            _ => return Err(self.inner.refusal(error)),
        }
        self.phase = Phase::Ready;
        Ok(Progress::More)
    }

    fn situation(&self) -> Result<Situation, SyncError> {
        let push_from = self.push_from;
        Ok(self.inner.store.read(|conn| {
            let device = identity::device(conn)?.ok_or(crate::FieldError::NotEnrolled)?;
            let lease: Option<Lease> = meta::get_cbor(conn, key::LEASE)?;
            let first = match push_from {
                Some(seq) => Some(seq),
                None => entries::first_unsent(conn)?,
            };
            Ok(Situation {
                device,
                url: meta::get_text(conn, key::URL)?,
                hq_key: identity::hq_key(conn)?,
                hq_epoch: uint(meta::get_int(conn, key::HQ_EPOCH)?),
                cursor: meta::get_cbor(conn, key::CURSOR)?.unwrap_or_default(),
                nonce: request::nonce(conn)?,
                lease_version: lease.map_or(0, |l| l.version),
                last_seq: meta::chain(conn)?.seq,
                want: docs::wanted(conn, limits::MAX_WANTED)?,
                says: witness::says(conn)?,
                salvage: salvage::untold(conn)?,
                push: first.map_or(Ok(Vec::new()), |seq| entries::push_from(conn, seq))?,
            })
        })?)
    }

    fn build(&mut self, s: Situation) -> Result<(Request, Sent), SyncError> {
        let mark = Mark {
            cursor: s.cursor,
            unsent: s.push.first().map(|(e, _)| e.header.seq),
            want: s.want.clone(),
            hq_epoch: s.hq_epoch,
        };
        self.report.pushed += s.push.len() as u64;
        let last = s.push.last().map(|(e, hash)| (e.header.seq, *hash));
        let entries: Vec<Entry> = s.push.into_iter().map(|(e, _)| e).collect();
        let batch = EntryBatch::pack(&entries).map_err(crate::FieldError::internal)?;
        let push = match (batch, last) {
            (Some(batch), Some((seq, head))) => {
                let message = chain_message(s.device, seq, head);
                let signature = self.inner.signed(|signer| sign_domain(signer, Domain::Chain, &message))?;
                Some(Push { batch, signature })
            }
            _ => None,
        };
        let page_bytes = if s.cursor.token == 0 { limits::FIRST_PAGE_BYTES } else { limits::PAGE_BYTES };
        let body = frame::encode(&SyncRequest {
            version: lanewalk_protocol::VERSION,
            hq_epoch: s.hq_epoch,
            cursor: s.cursor,
            push,
            page_bytes,
            want: s.want.clone(),
            last_seq: s.last_seq,
            lease_version: s.lease_version,
            held: s.says.held,
            contradiction: s.says.contradiction.clone(),
            salvage: s.salvage,
        });
        let authority = authority(&s.url).ok_or(SyncError::BadInvitation)?;
        let headers = vec![("content-type".to_owned(), MEDIA_TYPE.to_owned())];
        let unsigned = Unsigned { method: "POST", authority: &authority, path: SYNC_PATH, headers, body };
        let request = self.inner.sign(unsigned, &s.nonce, s.device)?;
        let told = s.says.contradiction;
        let Situation { hq_key, want, salvage, .. } = s;
        let binding = request.binding();
        Ok((request, Sent { binding, hq_key, want, told, salvage, mark }))
    }
}

fn mark(conn: &rusqlite::Connection) -> Result<Mark, crate::FieldError> {
    Ok(Mark {
        cursor: meta::get_cbor(conn, key::CURSOR)?.unwrap_or_default(),
        unsent: entries::first_unsent(conn)?,
        want: docs::wanted(conn, limits::MAX_WANTED)?,
        hq_epoch: uint(meta::get_int(conn, key::HQ_EPOCH)?),
    })
}
