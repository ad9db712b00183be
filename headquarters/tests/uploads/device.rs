//! A small headquarters that can be closed and opened again, and a device made by hand that is
//! honest in everything a test does not bend.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lanewalk_headquarters::{Headquarters, Settings, Source, gate::InProcess, photos::Folder, store::Place};
use lanewalk_model::{
    document::Edit,
    id::{DeviceId, DocId, EventId, Hash},
    photo::{FileRef, PhotoRecord, PhotoRole},
    records::to_json,
    schema::DocKind,
    staff::{Grant, Role},
    time::TimeMs,
};
use lanewalk_protocol::{
    VERSION,
    enrolment::{EnrolRequest, EnrolResponse},
    frame,
    http::{self, Request, Response, header},
    httpsig::{self, RequestParts, sign_request},
    keys::{Algorithm, Domain, PublicKey, Signature, SoftSigner, verify_domain},
    limits,
    receipt::{ErrorBody, response_message},
    sync::{Cursor, SyncRequest, SyncResponse},
    upload::{
        self, Creation, FileReceipt, OFFSET_STREAM, TUS_VERSION, UPLOADS_PATH, UploadAnswer, UploadId,
        patch_nonce,
    },
};
use sha2::{Digest as _, Sha256};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

pub(crate) const HOST: &str = "hq.test";
pub(crate) const EAST: &str = "370705005008003";
pub(crate) const WEST: &str = "370705005008004";
pub(crate) const START: i64 = 1_791_421_200_000;

/// A clock that stands still until told, and numbers that do not repeat.
pub(crate) struct Fixed(AtomicI64, AtomicU64);

impl Source for Fixed {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
    fn fill_random(&self, buf: &mut [u8]) {
        for byte in buf {
            let x = self.1.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
            *byte = ((x ^ (x >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32) as u8;
        }
    }
}

/// Headquarters with two community workers in EAST, one in WEST, and property staff in EAST.
pub(crate) struct Town {
    hq: Option<Headquarters>,
    clock: Arc<Fixed>,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) host: String,
}

impl Town {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(Fixed(AtomicI64::new(START), AtomicU64::new(7)));
        let mut town = Self { hq: None, clock, dir, host: HOST.into() };
        town.open(0);
        for (id, role, grid) in [
            ("gw-01", Role::GridWorker, EAST),
            ("gw-02", Role::GridWorker, EAST),
            ("gw-03", Role::GridWorker, WEST),
            ("ps-01", Role::PropertyStaff, EAST),
        ] {
            town.hq().put_staff(id, id, role).unwrap();
            town.hq().grant(id, &Grant { grid: grid.into(), role, from: TimeMs(0), to: None }).unwrap();
        }
        town.hq().put_staff("hc-01", "刘敏", Role::HotlineClerk).unwrap();
        town
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.dir.path().join("hq.db")
    }

    /// Closes headquarters and opens it from what is on the disk.
    pub(crate) fn open(&mut self, keep_free: u64) {
        self.hq = None;
        let settings =
            Settings { public_url: format!("http://{}", self.host), keep_free, ..Settings::default() };
        let place = Place::File(self.database());
        let opened = Headquarters::open(&place, settings, self.clock.clone(), Box::new(InProcess));
        self.hq = Some(opened.unwrap());
    }

    pub(crate) fn hq(&mut self) -> &mut Headquarters {
        self.hq.as_mut().unwrap()
    }

    pub(crate) fn take_hq(&mut self) -> Headquarters {
        self.hq.take().unwrap()
    }

    pub(crate) fn advance(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// Makes a visit with photo records; photo n has the id of n.
    pub(crate) fn visit(&mut self, by: &str, grid: &str, photos: &[PhotoRecord]) -> DocId {
        let id = self.hq().new_id(DocKind::Visit);
        let mut edits = vec![
            Edit::set("kind", "patrol"),
            Edit::set("by", by),
            Edit::set("grid", grid),
            Edit::set("started", START),
        ];
        for (n, photo) in photos.iter().enumerate() {
            edits.push(Edit::set(format!("photo/{}", photo_id(n)), to_json(photo)));
        }
        self.hq().write_by_rule(&[(id, edits)]).unwrap();
        id
    }

    pub(crate) fn count(&mut self, sql: &str) -> i64 {
        self.hq().reader().query_row(sql, [], |r| r.get(0)).unwrap()
    }

    /// Everything a refused request must leave as it was.
    pub(crate) fn footprint(&mut self) -> (Vec<String>, Vec<(PathBuf, u64)>) {
        let mut rows = Vec::new();
        for table in ["files", "file_refs", "uploads", "docs", "log"] {
            let mut statement =
                self.hq().reader().prepare(&format!("SELECT * FROM {table} ORDER BY 1")).unwrap();
            let columns = statement.column_count();
            let mut found = statement.query([]).unwrap();
            while let Some(r) = found.next().unwrap() {
                rows.push((0..columns).map(|i| format!("{:?}|", r.get_ref(i).unwrap())).collect());
            }
        }
        (rows, files(&self.dir.path().join("photos")))
    }

    /// Where a whole file is or would be.
    pub(crate) fn place(&self, content: &[u8]) -> PathBuf {
        Folder::beside(&self.database(), 0).path(file_of(content).sha256)
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("photos")
    }
}

/// Lists the files below a directory with their lengths, sorted.
pub(crate) fn files(directory: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(directory) else { return found };
    for entry in entries {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push((entry.path(), entry.metadata().unwrap().len()));
        }
    }
    found.sort();
    found
}

pub(crate) fn photo_id(n: usize) -> EventId {
    EventId([n as u8 + 1; 16])
}

/// Bytes that compress to nothing and repeat nowhere.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(length + 32);
    for n in 0_u64.. {
        if out.len() >= length {
            break;
        }
        out.extend(Sha256::digest([seed.to_be_bytes(), n.to_be_bytes()].concat()));
    }
    out.truncate(length);
    out
}

pub(crate) fn file_of(bytes: &[u8]) -> FileRef {
    FileRef { sha256: Hash(Sha256::digest(bytes).into()), bytes: bytes.len() as u64 }
}

pub(crate) fn record(
    original: FileRef,
    evidence: Option<FileRef>,
    thumbnail: Option<FileRef>,
) -> PhotoRecord {
    PhotoRecord {
        original,
        evidence,
        thumbnail,
        media: "image/jpeg".into(),
        size: Some((4_000, 3_000)),
        taken_at: TimeMs(START),
        role: PhotoRole::Before,
        in_app: true,
        position: None,
        phash: None,
        exif: None,
    }
}

/// A device under the tester's full control.
pub(crate) struct Device {
    pub(crate) signer: SoftSigner,
    pub(crate) id: DeviceId,
    pub(crate) hq_key: PublicKey,
    pub(crate) nonce: String,
    pub(crate) host: String,
}

/// An answer with a good signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) upload: Option<UploadAnswer>,
    pub(crate) body: Vec<u8>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) next: String,
}

impl Answer {
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, &self.code)
    }

    #[track_caller]
    pub(crate) fn up(&self) -> &UploadAnswer {
        self.upload.as_ref().unwrap_or_else(|| panic!("refused: {} {}", self.status, self.code))
    }

    #[track_caller]
    pub(crate) fn receipt(&self) -> &FileReceipt {
        self.up().receipt.as_ref().expect("a receipt")
    }
}

/// Checks that headquarters signed an answer to this request, and reads it.
pub(crate) fn read(hq: &PublicKey, request: &Request, response: &Response) -> Answer {
    let Response { status, headers, body } = response.clone();
    let next = header(&headers, http::NEXT_NONCE).unwrap_or_default().to_owned();
    let signature = STANDARD.decode(header(&headers, http::RESPONSE_SIGNATURE).expect("signed")).unwrap();
    let signature = Signature::new(Algorithm::from_id(signature[0]).unwrap(), &signature[1..]).unwrap();
    let upload = UploadAnswer::read(&headers);
    let content = upload.as_ref().map_or_else(|| body.clone(), UploadAnswer::message);
    let message = response_message(&request.binding(), status, &next, &content);
    verify_domain(hq, Domain::Response, &message, &signature).expect("headquarters signed this answer");
    let code = if status >= 400 && !body.is_empty() {
        let error: ErrorBody = frame::decode(&body, 1 << 16).unwrap();
        error.code
    } else {
        String::new()
    };
    Answer { status, code, upload, body, headers, next }
}

impl Device {
    pub(crate) fn enrol(town: &mut Town, worker: &str, n: u8) -> Self {
        let invitation = town.hq().invite(worker).unwrap();
        let signer = SoftSigner::new(Algorithm::Es256, &[n; 32]).unwrap();
        let body = EnrolRequest::new(invitation.code, 1, &signer).unwrap();
        let host = town.host.clone();
        let request = Request {
            method: "POST".into(),
            authority: host.clone(),
            path: http::ENROL_PATH.into(),
            body: frame::encode(&body),
            ..Request::default()
        };
        let response = town.hq().handle(std::slice::from_ref(&request)).pop().unwrap();
        let answer = read(&invitation.hq_key, &request, &response);
        let given: EnrolResponse = frame::decode(&answer.body, 1 << 20).unwrap();
        town.hq().confirm(given.device).unwrap();
        Self { signer, id: given.device, hq_key: invitation.hq_key, nonce: answer.next, host }
    }

    /// Signs a request with any nonce.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        mut headers: Vec<(String, String)>,
        body: &[u8],
        nonce: &str,
    ) -> Request {
        let parts = RequestParts { method, authority: &self.host, path, query: "", body };
        let made = sign_request(parts, START / 1_000, nonce, &self.id.to_string(), &self.signer).unwrap();
        headers.extend([
            (httpsig::CONTENT_DIGEST.into(), made.content_digest),
            (httpsig::SIGNATURE_INPUT.into(), made.signature_input),
            (httpsig::SIGNATURE.into(), made.signature),
        ]);
        Request {
            method: method.into(),
            authority: self.host.clone(),
            path: path.into(),
            query: String::new(),
            headers,
            body: body.to_vec(),
        }
    }

    pub(crate) fn create_request(&self, file: FileRef, first: &[u8]) -> Request {
        let headers = Creation { file }.headers(!first.is_empty());
        self.request("POST", UPLOADS_PATH, headers, first, &self.nonce)
    }

    pub(crate) fn patch_request(&self, id: UploadId, offset: u64, body: &[u8]) -> Request {
        self.request("PATCH", &id.path(), patch_headers(offset), body, &patch_nonce(id, offset))
    }

    pub(crate) fn bare_request(&self, method: &str, id: UploadId) -> Request {
        let headers = vec![(upload::header::TUS_RESUMABLE.into(), TUS_VERSION.into())];
        self.request(method, &id.path(), headers, &[], &id.to_string())
    }

    pub(crate) fn send(&mut self, town: &mut Town, request: &Request) -> Answer {
        let response = town.hq().handle(std::slice::from_ref(request)).pop().unwrap();
        let answer = read(&self.hq_key, request, &response);
        if !answer.next.is_empty() {
            self.nonce.clone_from(&answer.next);
        }
        answer
    }

    /// Creates an upload; asks once more when only the nonce was old.
    pub(crate) fn create(&mut self, town: &mut Town, file: FileRef, first: &[u8]) -> Answer {
        for _ in 0..2 {
            let request = self.create_request(file, first);
            let answer = self.send(town, &request);
            if answer.refusal() != (401, "nonce") {
                return answer;
            }
        }
        panic!("the nonce that was given does not count")
    }

    pub(crate) fn patch(&mut self, town: &mut Town, id: UploadId, offset: u64, body: &[u8]) -> Answer {
        let request = self.patch_request(id, offset, body);
        self.send(town, &request)
    }

    pub(crate) fn head(&mut self, town: &mut Town, id: UploadId) -> Answer {
        let request = self.bare_request("HEAD", id);
        self.send(town, &request)
    }

    pub(crate) fn delete(&mut self, town: &mut Town, id: UploadId) -> Answer {
        let request = self.bare_request("DELETE", id);
        self.send(town, &request)
    }

    pub(crate) fn get(&mut self, town: &mut Town, sha256: Hash) -> Answer {
        for _ in 0..2 {
            let nonce = self.nonce.clone();
            let request = self.request("GET", &upload::photo_path(sha256), Vec::new(), &[], &nonce);
            let answer = self.send(town, &request);
            if answer.refusal() != (401, "nonce") {
                return answer;
            }
        }
        panic!("the nonce that was given does not count")
    }

    /// Brings a whole file and returns the last answer.
    pub(crate) fn bring(&mut self, town: &mut Town, content: &[u8]) -> Answer {
        let made = self.create(town, file_of(content), &[]);
        let mut answer = made.clone();
        let mut offset = made.up().offset;
        while offset < content.len() as u64 {
            let from = offset as usize;
            let part = &content[from..content.len().min(from + limits::UPLOAD_PART_BYTES)];
            answer = self.patch(town, made.up().id, offset, part);
            offset = answer.up().offset;
        }
        answer
    }

    pub(crate) fn sync(&mut self, town: &mut Town) -> SyncResponse {
        let body = SyncRequest {
            version: VERSION,
            hq_epoch: 0,
            cursor: Cursor::default(),
            push: None,
            page_bytes: limits::PAGE_BYTES,
            want: Vec::new(),
            last_seq: 0,
            lease_version: 0,
            held: None,
            contradiction: None,
            salvage: None,
        };
        for _ in 0..2 {
            let nonce = self.nonce.clone();
            let request = self.request("POST", http::SYNC_PATH, Vec::new(), &frame::encode(&body), &nonce);
            let answer = self.send(town, &request);
            if answer.status == 200 {
                return frame::decode(&answer.body, limits::MAX_RESPONSE_DECODED).unwrap();
            }
        }
        panic!("no sync")
    }
}

pub(crate) fn patch_headers(offset: u64) -> Vec<(String, String)> {
    vec![
        (upload::header::TUS_RESUMABLE.into(), TUS_VERSION.into()),
        (upload::header::UPLOAD_OFFSET.into(), offset.to_string()),
        ("content-type".into(), OFFSET_STREAM.into()),
    ]
}
