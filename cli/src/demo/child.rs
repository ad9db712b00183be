//! A phone of the demonstration: a process of its own, so that it can be killed like one.
//!
//! Invariant: a line `saved <hash> …` is written only after the core's call returned `Ok`, and at
//! once; so what the parent has read was promised. Rejected: phones as threads, which cannot be
//! killed in the middle of a write.

use super::walk::Act;
use crate::{
    phone::{self, Phone},
    words::{Failure, say, sync_words},
};
use lanewalk_field::{
    Field, FieldError, HttpTransport, NewAppeal, NewPerson, NewPlace, NewVisit, SyncError, Transport,
    TransportError,
};
use lanewalk_model::{
    datum::Datum,
    id::Hash,
    position::{Position, Source},
};
use lanewalk_protocol::{
    enrolment::Invitation,
    http::{Request, Response},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io::BufRead as _,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// What the parent asks.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is one word of the line protocol")]
pub(super) enum Ask {
    Enrol(String),
    Act(Act),
    /// Answered with `done`: everything before it is finished.
    Mark,
    Sync,
    Report,
    Quit,
}

/// What a sync gave, also when it failed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in the core's report")]
pub(super) struct Synced {
    pub(super) ok: bool,
    pub(super) why: String,
    pub(super) requests: u64,
    pub(super) up: u64,
    pub(super) down: u64,
    pub(super) receipts: u64,
    /// Whether anything moved in either direction.
    pub(super) moved: bool,
}

/// A refused entry in words.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in the core's quarantine")]
pub(super) struct Kept {
    pub(super) doc: String,
    pub(super) code: String,
    pub(super) written: String,
}

/// How a phone stands in the end.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in the core's status")]
pub(super) struct Stand {
    pub(super) device: String,
    pub(super) pending: u64,
    pub(super) acked: u64,
    pub(super) conflicts: u64,
    pub(super) last_seq: u64,
    pub(super) problems: Vec<String>,
    pub(super) quarantine: Vec<Kept>,
    /// Heads of every confirmed document, by id.
    pub(super) heads: BTreeMap<String, Vec<Hash>>,
}

/// What the child says, one JSON line each, except `saved`.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is one word of the line protocol")]
pub(super) enum Say {
    Ready,
    Enrolled,
    Denied { code: String, what: String },
    Done,
    Synced(Synced),
    Stand(Box<Stand>),
    Bye,
    Failed(String),
}

/// Counts what really went over the wire, failures included.
struct Counting {
    inner: HttpTransport,
    counts: Mutex<(u64, u64, u64)>,
}

impl Transport for Counting {
    fn send(&self, request: Request) -> Result<Response, TransportError> {
        let size = |headers: &[(String, String)], body: &[u8]| {
            let head: usize = headers.iter().map(|(n, v)| n.len() + v.len() + 4).sum();
            u64::try_from(head + body.len()).unwrap_or(u64::MAX)
        };
        let up = size(&request.headers, &request.body);
        let answer = self.inner.send(request);
        let down = answer.as_ref().map_or(0, |r| size(&r.headers, &r.body));
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts = (counts.0 + 1, counts.1 + up, counts.2 + down);
        answer
    }
}

/// Runs a phone on standard input and output until told to quit or until the parent is gone.
pub(crate) fn main(data: &Path) -> Result<(), Failure> {
    let phone = phone::open(data)?;
    say(&Say::Ready)?;
    for line in std::io::stdin().lock().lines() {
        let ask: Ask = serde_json::from_str(&line?).map_err(|e| Failure::usage(e.to_string()))?;
        match ask {
            Ask::Enrol(text) => say(&enrol(&phone.field, &text))?,
            Ask::Act(act) => match perform(&phone.field, &act) {
                Ok((hash, what)) => {
                    say!("saved {hash} {what}");
                }
                Err(e) => say(&Say::Denied { code: e.code().to_owned(), what: format!("{e}") })?,
            },
            Ask::Mark => say(&Say::Done)?,
            Ask::Sync => say(&Say::Synced(sync(&phone.field)))?,
            Ask::Report => say(&Say::Stand(Box::new(stand(&phone)?)))?,
            Ask::Quit => break,
        }
    }
    phone.field.close()?;
    say(&Say::Bye)
}

fn say(what: &Say) -> Result<(), Failure> {
    let line = serde_json::to_string(what).map_err(|e| Failure::new(e.to_string()))?;
    say!("{line}");
    Ok(())
}

fn enrol(field: &Field, text: &str) -> Say {
    let run = || -> Result<(), SyncError> {
        let invitation = Invitation::from_text(text).map_err(|_| SyncError::BadInvitation)?;
        field.enrol(text, &HttpTransport::new(&invitation.url, None)?)?;
        Ok(())
    };
    run().map_or_else(|e| Say::Failed(sync_words(&e)), |()| Say::Enrolled)
}

fn sync(field: &Field) -> Synced {
    let run = |field: &Field| -> Result<(Synced, Counting), SyncError> {
        let url = field.server_url().ok_or(FieldError::NotEnrolled)?;
        let transport = Counting { inner: HttpTransport::new(&url, None)?, counts: Mutex::default() };
        let synced = match field.sync(&transport) {
            Ok(r) => Synced {
                ok: true,
                receipts: r.receipts,
                moved: r.pushed + r.snapshots + r.pulled + r.left > 0 || r.resynced,
                why: if r.resynced { "resynced".into() } else { String::new() },
                ..Synced::default()
            },
            Err(e) => Synced { why: e.code().to_owned(), moved: true, ..Synced::default() },
        };
        Ok((synced, transport))
    };
    match run(field) {
        Ok((synced, transport)) => {
            let (requests, up, down) = *transport.counts.lock().unwrap_or_else(PoisonError::into_inner);
            Synced { requests, up, down, ..synced }
        }
        Err(e) => Synced { why: e.code().to_owned(), moved: true, ..Synced::default() },
    }
}

fn perform(field: &Field, act: &Act) -> Result<(Hash, &'static str), FieldError> {
    Ok(match act {
        Act::Visit { order, kind, result, notes, at } => {
            field.record_visit(NewVisit {
                order: Some(*order),
                kind: kind.clone(),
                result: result.clone(),
                notes: notes.clone(),
                position: at.and_then(position),
                ..NewVisit::default()
            })?;
            (last(field)?, "visit")
        }
        Act::Measure { order, what, milli, unit, method } => {
            let method = phone::method_of(method).map_err(|e| invalid("method", &e))?;
            (field.measure(*order, what, *milli, unit, method)?.hash, "measurement")
        }
        Act::Note { order, text } => (field.add_note(*order, text)?.hash, "note"),
        Act::Set { doc, key, text } => (field.set_field(*doc, key, text.as_str().into())?.hash, "field"),
        Act::Severity { order, level } => {
            (field.set_field(*order, "severity", (*level).into())?.hash, "severity")
        }
        Act::Propose { order, what, reason, outcome, days } => {
            let kind = phone::proposal_of(what).map_err(|e| invalid("what", &e))?;
            // Offline a phone may know better than headquarters or worse: here everything is asked.
            field.propose(*order, kind, reason, outcome.as_deref(), *days, true)?;
            (last(field)?, "proposal")
        }
        Act::Appeal { grid, kind, text } => {
            let appeal = NewAppeal {
                kind: kind.clone(),
                text: text.clone(),
                grid: Some(grid.clone()),
                ..NewAppeal::default()
            };
            field.new_appeal(appeal)?;
            (last(field)?, "appeal")
        }
        Act::Person { grid, name, phone } => {
            field.new_person(NewPerson {
                name: name.clone(),
                phone: phone.clone(),
                purpose: "走访联系".into(),
                grid: Some(grid.clone()),
            })?;
            (last(field)?, "person")
        }
        Act::Place { grid, address, name } => {
            field.new_place(NewPlace {
                raw_address: address.clone(),
                name: name.clone(),
                kind: "dwelling".into(),
                grid: Some(grid.clone()),
                position: None,
            })?;
            (last(field)?, "place")
        }
    })
}

fn invalid(field: &str, why: &Failure) -> FieldError {
    FieldError::Invalid { field: field.into(), why: why.to_string() }
}

fn position((lat, lon): (i64, i64)) -> Option<Position> {
    let (lat, lon) = (i32::try_from(lat).ok()?, i32::try_from(lon).ok()?);
    Position::new(lat, lon, Some(18), Source::Gps, false, Datum::Wgs84).ok()
}

/// Returns the hash of the newest entry.
fn last(field: &Field) -> Result<Hash, FieldError> {
    field.entry_hash(field.status()?.last_seq)?.ok_or(FieldError::NotFound)
}

fn stand(phone: &Phone) -> Result<Stand, Failure> {
    let status = phone.field.status()?;
    let quarantine = phone.field.quarantine()?.into_iter().map(|q| Kept {
        doc: q.doc.to_string(),
        code: q.code,
        written: q
            .written
            .iter()
            .map(|w| format!("{}={}", w.key, w.value.as_deref().unwrap_or("")))
            .collect::<Vec<_>>()
            .join("；"),
    });
    Ok(Stand {
        device: phone.field.identity().map(|me| me.device.to_string()).unwrap_or_default(),
        pending: status.pending,
        acked: status.acked,
        conflicts: status.conflicts,
        last_seq: status.last_seq,
        problems: status.problems.into_iter().map(|(code, detail)| format!("{code}: {detail}")).collect(),
        quarantine: quarantine.collect(),
        heads: phone.field.heads()?.into_iter().map(|(id, heads)| (id.to_string(), heads)).collect(),
    })
}
