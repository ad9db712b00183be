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
use lanewalk_camera::{ExifBlock, Shot as Camera};
use lanewalk_field::{
    Field, FieldError, HttpTransport, ListQuery, NewAppeal, NewPerson, NewPlace, NewVisit, PartState, Shot,
    Source as _, SyncError, SystemSource, Transport, TransportError, UploadPolicy,
};
use lanewalk_model::{
    datum::Datum,
    id::{DocId, Hash},
    photo::{FileRef, PhotoRole},
    position::{Position, Source},
    schema::DocKind,
};
use lanewalk_protocol::http::{Request, Response};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io::BufRead as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
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
    /// Sends photo files; true when the network costs nothing.
    Upload(bool),
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

/// What sending photos gave, also when it failed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in the core's report")]
pub(super) struct Uploaded {
    pub(super) ok: bool,
    pub(super) why: String,
    pub(super) files: u64,
    pub(super) up: u64,
    /// Files and bytes that headquarters lacks, and bytes of them it has already.
    pub(super) waiting: (u64, u64, u64),
    /// The session ended because new text waits.
    pub(super) yielded: bool,
}

/// A photo as its phone holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in the core's view")]
pub(super) struct Pictured {
    pub(super) id: String,
    pub(super) visit: DocId,
    /// Each part's name, file and whether headquarters acknowledged it.
    pub(super) parts: Vec<(String, FileRef, bool)>,
    /// What speaks against it, in Chinese and English.
    pub(super) doubts: Vec<(String, String)>,
    /// Whether its record is in quarantine.
    pub(super) refused: bool,
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
    pub(super) photos: Vec<Pictured>,
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
    Uploaded(Uploaded),
    Stand(Box<Stand>),
    Bye,
    Failed(String),
}

/// Counts what really went over the wire, failures included.
struct Counting {
    inner: Arc<HttpTransport>,
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
pub(crate) fn main(data: &Path, photos: Option<&Path>) -> Result<(), Failure> {
    let phone = phone::open(data)?;
    say(&Say::Ready)?;
    // What the camera had written when the phone died.
    for ticket in phone.field.open_tickets()? {
        if ticket.has_file && phone.field.finish_photo(ticket.id, &lanewalk_field::Shot::default()).is_ok() {
            say!("saved {} photo", last(&phone.field)?);
        } else {
            phone.field.drop_ticket(ticket.id)?;
        }
    }
    let album = album(photos)?;
    for line in std::io::stdin().lock().lines() {
        let ask: Ask = serde_json::from_str(&line?).map_err(|e| Failure::usage(e.to_string()))?;
        match ask {
            Ask::Enrol(text) => say(&enrol(&phone.field, &text))?,
            Ask::Act(act) => match perform(&phone.field, &album, &act) {
                Ok((hash, what)) => {
                    say!("saved {hash} {what}");
                }
                Err(e) => say(&Say::Denied { code: e.code().to_owned(), what: format!("{e}") })?,
            },
            Ask::Mark => say(&Say::Done)?,
            Ask::Sync => say(&Say::Synced(sync(&phone.field)))?,
            Ask::Upload(free) => say(&Say::Uploaded(upload(&phone.field, free)))?,
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
        field.enrol(text, &HttpTransport::for_invitation(text, None)?)?;
        Ok(())
    };
    run().map_or_else(|e| Say::Failed(sync_words(&e)), |()| Say::Enrolled)
}

fn sync(field: &Field) -> Synced {
    let run = |field: &Field| -> Result<(Synced, Counting), SyncError> {
        let transport = Counting { inner: field.transport(None)?, counts: Mutex::default() };
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

fn perform(field: &Field, album: &[PathBuf], act: &Act) -> Result<(Hash, &'static str), FieldError> {
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
        Act::Photo { order, role, shot } => {
            photograph(field, album, *order, role, *shot)?;
            (last(field)?, "photo")
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

/// Finds the photos somebody lent to the demonstration, by name.
fn album(folder: Option<&Path>) -> Result<Vec<PathBuf>, Failure> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    found.retain(|path| {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        matches!(ending.as_str(), "jpg" | "jpeg" | "png" | "webp")
    });
    found.sort();
    Ok(found)
}

/// Takes a photo at the latest visit to an order: every fifth one out of the album, if there is
/// one, the others with a camera that draws a place of its own for each.
fn photograph(
    field: &Field,
    album: &[PathBuf],
    order: DocId,
    role: &str,
    shot: u64,
) -> Result<(), FieldError> {
    let query =
        ListQuery { kind: Some(DocKind::Visit), parent: Some(order.to_string()), ..ListQuery::default() };
    let me = field.identity().ok_or(FieldError::NotEnrolled)?;
    let mut mine = Vec::new();
    for item in field.list(&query)? {
        if field.document(item.id)?.text("by") == Some(me.worker.as_str()) {
            mine.push(item.id);
        }
    }
    // Ids grow with time.
    let visit = mine.into_iter().max().ok_or(FieldError::NotFound)?;
    let role = PhotoRole::from_id(role)
        .ok_or_else(|| FieldError::Invalid { field: "role".into(), why: role.into() })?;
    let lent = usize::try_from(shot / 5).ok().and_then(|n| album.get(n.checked_rem(album.len())?));
    if let (Some(path), 0) = (lent, shot % 5) {
        return field.import_photo(visit, role, path, &Shot::default()).map(|_| ());
    }
    let ticket = field.begin_photo(visit, role)?;
    let exif = ExifBlock {
        local_ms: Some(SystemSource::new().wall_ms() + 8 * 3_600_000),
        offset_min: Some(480),
        make: "Lanewalk".into(),
        model: "Demonstration camera".into(),
        ..ExifBlock::default()
    };
    let camera = Camera { seed: shot, width: 1_280, height: 960, exif: Some(exif), ..Camera::default() };
    std::fs::write(&ticket.path, camera.jpeg())
        .map_err(|e| FieldError::Internal { detail: e.kind().to_string() })?;
    let caption = if shot.is_multiple_of(3) { "现场照片".to_owned() } else { String::new() };
    field.finish_photo(ticket.id, &Shot { caption, ..Shot::default() })?;
    Ok(())
}

fn upload(field: &Field, free: bool) -> Uploaded {
    let policy = if free { UploadPolicy::UNMETERED } else { UploadPolicy::METERED };
    let run = || -> Result<Uploaded, SyncError> {
        let transport = Counting { inner: field.transport(None)?, counts: Mutex::default() };
        let before = field.storage()?.unsent_files;
        let done = field.upload(&transport, policy);
        let left = field.storage()?;
        let (_, up, _) = *transport.counts.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Uploaded {
            ok: done.is_ok(),
            yielded: done.as_ref().is_ok_and(|report| report.yielded),
            why: done.err().map(|e| e.code().to_owned()).unwrap_or_default(),
            files: before.saturating_sub(left.unsent_files),
            up,
            waiting: (left.unsent_files, left.unsent, left.sent),
        })
    };
    run().unwrap_or_else(|e| Uploaded { why: e.code().to_owned(), ..Uploaded::default() })
}

fn pictures(field: &Field) -> Result<Vec<Pictured>, Failure> {
    let query = ListQuery { kind: Some(DocKind::Visit), limit: 1_000, ..ListQuery::default() };
    let mut out = Vec::new();
    for item in field.list(&query)? {
        for photo in field.photos(item.id)? {
            let elsewhere = |state: &PartState| *state == PartState::Elsewhere;
            if photo.parts.iter().any(|(_, _, state)| elsewhere(state)) {
                continue;
            }
            let there = |state: PartState| matches!(state, PartState::Sent | PartState::GivenUp);
            out.push(Pictured {
                id: photo.id.to_string(),
                visit: item.id,
                parts: photo.parts.iter().map(|(p, file, s)| (p.id().to_owned(), *file, there(*s))).collect(),
                doubts: photo.doubts.iter().map(|d| (d.zh(), d.en())).collect(),
                refused: photo.parts.iter().any(|(_, _, s)| *s == PartState::RecordRefused),
            });
        }
    }
    Ok(out)
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
        photos: pictures(&phone.field)?,
        heads: phone.field.heads()?.into_iter().map(|(id, heads)| (id.to_string(), heads)).collect(),
    })
}
