//! A device made by hand: it has an enrolled soft key and speaks the protocol byte by byte, so it
//! can be honest in everything and deviate in exactly one place.
//!
//! Invariant: no answer is believed that headquarters did not sign for exactly this request.
//! Rejected: bending a real phone core, which refuses to write most of what must be tried here.

mod draft;
mod wire;

pub use draft::draft;
pub use lanewalk_forge::{Draft, column, signed, unsigned};
pub use wire::{RawBatch, RawChanges, RawClock, RawDep, RawPush, RawRequest, RawRow};

use lanewalk_headquarters::{Headquarters, store::StoredDoc};
use lanewalk_model::{
    document::{Document, Edit, Stamp},
    id::{ActorId, DeviceId, DocId, Hash},
    schema::DocKind,
    time::{Hlc, TimeMs},
    view::DocView,
};
use lanewalk_protocol::{
    VERSION,
    batch::{EntryBatch, chunk_hash},
    enrolment::{EnrolRequest, EnrolResponse, Invitation},
    entry::{AnchorRef, ENTRY_FORMAT, Entry, Header, chain_message},
    frame,
    http::{self, Request, Response, header},
    httpsig::{self, RequestParts, sign_request},
    keys::{Algorithm, Domain, PublicKey, Signature, SoftSigner, sign_domain, verify_domain},
    limits,
    receipt::{ErrorBody, response_message},
    sync::{Cursor, Push, SyncRequest, SyncResponse},
    upload::{self, UploadAnswer},
};
use minicbor::Encode;
use std::collections::BTreeMap;

/// What requests to the simulated headquarters are addressed to.
pub const AUTHORITY: &str = "hq.test";

/// A device under the tester's full control.
#[derive(Debug)]
pub struct Device {
    /// Staff id it is enrolled for.
    pub worker: String,
    /// Its key.
    pub signer: SoftSigner,
    /// Its id.
    pub id: DeviceId,
    /// Headquarters' key.
    pub hq_key: PublicKey,
    /// Nonce for the next request.
    pub nonce: String,
    /// Last entry made: number and hash.
    pub chain: (u64, Hash),
    /// Where its pulls stand.
    pub cursor: Cursor,
    /// Epoch of headquarters it knows.
    pub epoch: u64,
    /// Actor of its next changes.
    pub actor: ActorId,
    /// What it holds, its own writes included.
    pub docs: BTreeMap<DocId, Document>,
    /// Latest beacon as an anchor with a monotonic clock of 0.
    pub anchor: Option<AnchorRef>,
    clock: i64,
    ids: u32,
}

/// Headquarters' answer, its signature checked.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The error, unless the status is 200.
    pub error: Option<ErrorBody>,
    /// The page, if this answers a sync.
    pub page: Option<SyncResponse>,
    /// The body after decompression.
    pub plain: Vec<u8>,
    /// The nonce for the next request; empty when none was given.
    pub next_nonce: String,
}

impl Answer {
    /// Returns status and error code, (200, "") when all is well.
    pub fn code(&self) -> (u16, &str) {
        (self.status, self.error.as_ref().map_or("", |e| e.code.as_str()))
    }

    /// Returns the page; panics with the error if there is none.
    pub fn page(self) -> SyncResponse {
        self.page.unwrap_or_else(|| panic!("refused: {} {:?}", self.status, self.error))
    }
}

/// Makes a device key from one number.
pub fn key(n: u8) -> SoftSigner {
    SoftSigner::new(Algorithm::Es256, &[n; 32]).unwrap()
}

/// Checks that headquarters signed an answer with this content to a request; returns the next nonce.
fn verified(hq_key: &PublicKey, request: &Request, response: &Response, content: &[u8]) -> String {
    use base64::Engine as _;
    let next_nonce = header(&response.headers, http::NEXT_NONCE).unwrap_or_default().to_owned();
    let text = header(&response.headers, http::RESPONSE_SIGNATURE).expect("every answer is signed");
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    let signature = Signature::new(Algorithm::from_id(bytes[0]).unwrap(), &bytes[1..]).unwrap();
    let message = response_message(&request.binding(), response.status, &next_nonce, content);
    verify_domain(hq_key, Domain::Response, &message, &signature).expect("headquarters signed this answer");
    next_nonce
}

/// Checks the signature of an answer about an upload; where it stands or why not, and the next nonce.
pub fn read_upload(
    hq_key: &PublicKey,
    request: &Request,
    response: &Response,
) -> (Result<UploadAnswer, ErrorBody>, String) {
    if let Some(state) = UploadAnswer::read(&response.headers).filter(|_| response.status < 300) {
        let next = verified(hq_key, request, response, &state.message());
        return (Ok(state), next);
    }
    let next = verified(hq_key, request, response, &response.body);
    (Err(frame::decode(&response.body, limits::MAX_RESPONSE_DECODED).unwrap()), next)
}

/// The headers of a part of a file.
pub fn patch_headers(offset: u64) -> Vec<(String, String)> {
    vec![
        (upload::header::TUS_RESUMABLE.into(), upload::TUS_VERSION.into()),
        (upload::header::UPLOAD_OFFSET.into(), offset.to_string()),
        ("content-type".into(), upload::OFFSET_STREAM.into()),
    ]
}

/// Checks media type and signature of an answer and reads it.
pub fn read_answer(hq_key: &PublicKey, request: &Request, response: &Response) -> Answer {
    assert_eq!(header(&response.headers, "content-type"), Some(frame::MEDIA_TYPE));
    let next_nonce = verified(hq_key, request, response, &response.body);
    let plain = zstd::stream::decode_all(response.body.as_slice()).unwrap();
    let error = (response.status != 200).then(|| minicbor::decode(&plain).unwrap());
    let is_page = response.status == 200 && request.path == http::SYNC_PATH;
    let page = is_page.then(|| frame::decode(&response.body, limits::MAX_RESPONSE_DECODED).unwrap());
    Answer { status: response.status, error, page, plain, next_nonce }
}

/// Sends one request alone and reads the answer.
pub fn send(hq: &mut Headquarters, request: &Request) -> Answer {
    let response = hq.handle(std::slice::from_ref(request)).pop().unwrap();
    read_answer(&hq.public_key(), request, &response)
}

/// Makes an enrolment request.
pub fn enrolment(invitation: &Invitation, signer: &SoftSigner) -> Request {
    enrolment_of(&EnrolRequest::new(invitation.code, 1, signer).unwrap())
}

/// Wraps an enrolment body.
pub fn enrolment_of(body: &EnrolRequest) -> Request {
    post(http::ENROL_PATH, frame::encode(body))
}

fn post(path: &str, body: Vec<u8>) -> Request {
    Request {
        method: "POST".into(),
        authority: AUTHORITY.into(),
        path: path.into(),
        query: String::new(),
        headers: vec![("content-type".into(), frame::MEDIA_TYPE.into())],
        body,
    }
}

impl Device {
    /// Enrols a new device for a worker with the key of a number.
    pub fn enrol(hq: &mut Headquarters, worker: &str, n: u8) -> Self {
        Self::enrol_with(hq, worker, key(n))
    }

    /// Enrols a new device for a worker with any key.
    pub fn enrol_with(hq: &mut Headquarters, worker: &str, signer: SoftSigner) -> Self {
        let invitation = hq.invite(worker).unwrap();
        let answer = send(hq, &enrolment(&invitation, &signer));
        assert_eq!(answer.status, 200, "{:?}", answer.error);
        let given: EnrolResponse = minicbor::decode(&answer.plain).unwrap();
        hq.confirm(given.device).unwrap();
        Self::of(&invitation, &given, signer, answer.next_nonce)
    }

    /// Makes the device that an enrolment gave.
    pub fn of(invitation: &Invitation, given: &EnrolResponse, signer: SoftSigner, nonce: String) -> Self {
        let n = given.device.0[0];
        let anchor = Some(AnchorRef { hq_time: given.beacon.hq_time, mono_at: 0, tag: given.beacon.tag });
        Self {
            worker: invitation.worker.clone(),
            signer,
            id: given.device,
            hq_key: invitation.hq_key.clone(),
            nonce,
            chain: (0, Hash([0; 32])),
            cursor: Cursor::default(),
            epoch: given.hq_epoch,
            actor: ActorId([n; 16]),
            docs: BTreeMap::new(),
            anchor,
            clock: given.beacon.hq_time,
            ids: 0,
        }
    }

    /// Starts a new line of changes, as an honest phone does after a refusal.
    pub fn fresh_actor(&mut self) {
        self.ids += 1;
        let mut actor = self.id.0;
        actor[12..].copy_from_slice(&self.ids.to_be_bytes());
        self.actor = ActorId(actor);
    }

    /// Makes an id for a new document.
    pub fn new_id(&mut self, kind: DocKind) -> DocId {
        self.ids += 1;
        let mut uuid = self.id.0;
        uuid[11] = 0xdd;
        uuid[12..].copy_from_slice(&self.ids.to_be_bytes());
        DocId { kind, uuid }
    }

    /// Makes a stamp of this worker now.
    pub fn stamp(&mut self) -> Stamp {
        self.clock += 1;
        Stamp { actor: self.actor, worker: self.worker.clone(), hlc: Hlc::from_wall(TimeMs(self.clock)) }
    }

    /// Takes a document as headquarters holds it, asked for or not.
    pub fn learn(&mut self, hq: &Headquarters, id: DocId) -> DocView {
        let saved = StoredDoc::find(hq.reader(), id).unwrap().unwrap().saved;
        let mut doc = Document::load(id.kind, &saved).unwrap();
        let view = doc.view();
        self.docs.insert(id, doc);
        view
    }

    /// Writes edits without asking any rule and returns the change.
    pub fn write(&mut self, id: DocId, edits: &[Edit]) -> Vec<u8> {
        let stamp = self.stamp();
        self.write_as(id, &stamp, edits)
    }

    /// Writes edits under any stamp.
    pub fn write_as(&mut self, id: DocId, stamp: &Stamp, edits: &[Edit]) -> Vec<u8> {
        self.docs.entry(id).or_insert_with(|| Document::new(id.kind)).edit(stamp, edits).unwrap().unwrap()
    }

    /// Chains a change as the next entry.
    pub fn entry(&mut self, doc: DocId, change: Vec<u8>) -> Entry {
        let (seq, prev) = self.chain;
        let header = Header {
            format: ENTRY_FORMAT,
            device: self.id,
            seq: seq + 1,
            prev,
            doc,
            base_version: 0,
            wall_ms: self.clock,
            mono_ms: 0,
            boot: [1; 8],
            anchor: self.anchor,
            change: Hash(chunk_hash(&change)),
        };
        self.chain = (seq + 1, header.hash());
        Entry { header, change }
    }

    /// Writes edits as the next entry.
    pub fn act(&mut self, id: DocId, edits: &[Edit]) -> Entry {
        let change = self.write(id, edits);
        self.entry(id, change)
    }

    /// Signs the end of a run of entries.
    pub fn push(&self, entries: &[Entry]) -> Option<Push> {
        let batch = EntryBatch::pack(entries).unwrap()?;
        let last = &entries.last()?.header;
        let message = chain_message(self.id, last.seq, last.hash());
        Some(Push { batch, signature: sign_domain(&self.signer, Domain::Chain, &message).unwrap() })
    }

    /// Makes an honest body.
    pub fn body(&self, entries: &[Entry]) -> SyncRequest {
        SyncRequest {
            version: VERSION,
            hq_epoch: self.epoch,
            cursor: self.cursor,
            push: self.push(entries),
            page_bytes: limits::PAGE_BYTES,
            want: Vec::new(),
            last_seq: self.chain.0,
            lease_version: 0,
            held: None,
            contradiction: None,
            salvage: None,
        }
    }

    /// Signs a body as this device with the current nonce.
    pub fn request(&self, body: &impl Encode<()>) -> Request {
        self.signed(frame::encode(body))
    }

    /// Signs any bytes as this device.
    pub fn signed(&self, body: Vec<u8>) -> Request {
        let request = post(http::SYNC_PATH, body);
        let headers = sign(&request, &self.nonce, &self.id.to_string(), &self.signer);
        with_signature(request, headers)
    }

    /// Signs a request about a file.
    pub fn file_request(
        &self,
        method: &str,
        path: &str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        nonce: &str,
    ) -> Request {
        let request = Request { method: method.into(), headers, ..post(path, body) };
        let headers = sign(&request, nonce, &self.id.to_string(), &self.signer);
        with_signature(request, headers)
    }

    /// Sends a request and keeps the next nonce.
    pub fn send(&mut self, hq: &mut Headquarters, request: &Request) -> Answer {
        let answer = send(hq, request);
        if !answer.next_nonce.is_empty() {
            self.nonce.clone_from(&answer.next_nonce);
        }
        answer
    }

    /// Sends a body; asks once more when only the nonce was old.
    pub fn ask(&mut self, hq: &mut Headquarters, body: &impl Encode<()>) -> Answer {
        let request = self.request(body);
        let answer = self.send(hq, &request);
        if answer.code() != (401, "nonce") {
            return answer;
        }
        let request = self.request(body);
        self.send(hq, &request)
    }

    /// Pushes entries and takes the page in. Returns the reasons of what was refused, by number.
    pub fn sync(&mut self, hq: &mut Headquarters, entries: &[Entry]) -> BTreeMap<u64, String> {
        let body = self.body(entries);
        let page = self.ask(hq, &body).page();
        self.check_receipts(&page, entries);
        let refused = page.refused.iter().map(|r| (r.seq, r.code.clone())).collect();
        self.take(page);
        refused
    }

    /// Pulls until nothing more waits.
    pub fn pull(&mut self, hq: &mut Headquarters) {
        loop {
            let body = self.body(&[]);
            let page = self.ask(hq, &body).page();
            let more = page.more;
            self.take(page);
            if !more {
                return;
            }
        }
    }

    /// Every entry has exactly one valid receipt that names it by its last hash.
    pub fn check_receipts(&self, page: &SyncResponse, entries: &[Entry]) {
        for Entry { header, .. } in entries {
            let fitting = page.receipts.iter().filter(|r| (r.first_seq..=r.last_seq).contains(&header.seq));
            assert_eq!(fitting.count(), 1, "receipts for entry {}", header.seq);
        }
        for receipt in &page.receipts {
            receipt.verify(&self.hq_key).unwrap();
            assert_eq!(receipt.device, self.id);
            if let Some(last) = entries.iter().find(|e| e.header.seq == receipt.last_seq) {
                assert_eq!(receipt.head, last.header.hash());
            }
        }
    }

    /// Applies a page as an honest phone would.
    pub fn take(&mut self, page: SyncResponse) {
        for s in page.snapshots {
            self.docs.insert(s.doc, Document::load(s.doc.kind, &s.saved).unwrap());
        }
        for (id, change, _) in page.changes.expand().unwrap() {
            self.docs.entry(id).or_insert_with(|| Document::new(id.kind)).apply([change.as_slice()]).unwrap();
        }
        for id in page.left {
            self.docs.remove(&id);
        }
        self.cursor = page.cursor;
        self.epoch = page.hq_epoch;
        self.clock = self.clock.max(page.beacon.hq_time);
        self.anchor = Some(AnchorRef { hq_time: page.beacon.hq_time, mono_at: 0, tag: page.beacon.tag });
    }
}

/// Signs a request's parts.
pub fn sign(request: &Request, nonce: &str, key_id: &str, signer: &SoftSigner) -> Vec<(String, String)> {
    let parts = RequestParts {
        method: &request.method,
        authority: &request.authority,
        path: &request.path,
        query: &request.query,
        body: &request.body,
    };
    let signed = sign_request(parts, 1_778_025_600, nonce, key_id, signer).unwrap();
    vec![
        (httpsig::CONTENT_DIGEST.into(), signed.content_digest),
        (httpsig::SIGNATURE_INPUT.into(), signed.signature_input),
        (httpsig::SIGNATURE.into(), signed.signature),
    ]
}

/// Adds signature headers.
#[must_use]
pub fn with_signature(mut request: Request, headers: Vec<(String, String)>) -> Request {
    request.headers.extend(headers);
    request
}

/// Everything headquarters keeps, table by table, to see that a refusal changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footprint(BTreeMap<&'static str, Vec<String>>);

impl Footprint {
    /// Reads it.
    pub fn of(hq: &Headquarters) -> Self {
        let tables = [
            "log",
            "docs",
            "members",
            "devices",
            "actors",
            "invitations",
            "staff",
            "grants",
            "audit",
            "upstream",
            "requesters",
            "files",
            "file_refs",
            "uploads",
        ];
        Self(tables.into_iter().map(|t| (t, rows(hq.reader(), t))).collect())
    }

    /// Takes the access log out of it; returns how many lines that has.
    pub fn take_audit(&mut self) -> usize {
        self.0.remove("audit").unwrap_or_default().len()
    }
}

fn rows(db: &rusqlite::Connection, table: &str) -> Vec<String> {
    use sha2::Digest as _;
    // That a device was heard of is no effect of what it asked.
    let columns = match table {
        "devices" => {
            "id, worker, key, confirmed_at, revoked_at, deposit_until, last_seq, head, scanned, scan_pending, page_token"
        }
        // Nor that a code was tried in vain.
        "invitations" => "code_hash, worker, expires_at, device",
        _ => "*",
    };
    let mut statement = db.prepare(&format!("SELECT {columns} FROM {table} ORDER BY 1, 2")).unwrap();
    let columns = statement.column_count();
    let read = |row: &rusqlite::Row<'_>| {
        let values: Vec<String> = (0..columns).map(|i| format!("{:?}", row.get_ref(i).unwrap())).collect();
        Ok(Hash(sha2::Sha256::digest(values.join("|")).into()).to_string())
    };
    statement.query_map([], read).unwrap().collect::<Result<_, _>>().unwrap()
}
