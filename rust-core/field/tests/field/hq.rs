//! As much of a headquarters as these tests need: it believes everything, signs its answers and
//! can be told to misbehave. The real one is tested with the simulator.

use crate::phone::{GRID, NOW};
use lanewalk_field::{Transport, TransportError};
use lanewalk_model::{
    document::{Document, Edit, Stamp},
    id::{ActorId, DeviceId, DocId, Hash},
    schema::DocKind,
    staff::{Grant, Role, Subject},
    time::{Hlc, TimeMs},
};
use lanewalk_protocol::{
    batch::ChangesWriter,
    enrolment::{EnrolRequest, EnrolResponse, Invitation},
    entry::{chain_message, hash_header},
    frame::{self, MEDIA_TYPE},
    http::{ENROL_PATH, NEXT_NONCE, RESPONSE_SIGNATURE, Request, Response, header},
    httpsig::{RequestParts, SignatureHeadersRef, verify_request},
    keys::{Algorithm, Domain, PublicKey, SoftSigner, sign_domain, verify_domain},
    receipt::{Beacon, Deposit, ErrorBody, Lease, Receipt, Refused, UnsignedReceipt, response_message},
    sync::{Cursor, Salvage, ScopeDigest, Snapshot, SyncRequest, SyncResponse},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

pub const DEVICE: DeviceId = DeviceId([5; 16]);

/// How the next answers go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mood {
    #[default]
    Well,
    /// The answer is lost after everything was committed.
    LoseAnswer,
    /// What was said to the request before this one, which asked with the same nonce.
    Before,
    /// A hotel's login page.
    Portal,
    /// The body is changed on the way.
    Tamper,
    /// Receipts name another head.
    ForgeReceipts,
    /// An error of this code.
    Fail(&'static str, Option<u64>),
}

pub struct State {
    pub now: i64,
    pub epoch: u64,
    pub docs: BTreeMap<DocId, Document>,
    /// Every change in order; true when it came from the phone.
    pub log: Vec<(DocId, Vec<u8>, bool)>,
    pub known_seq: u64,
    pub head: Hash,
    pub refuse: BTreeMap<u64, &'static str>,
    pub durable_seq: u64,
    pub left: Vec<DocId>,
    pub lease: Lease,
    pub mood: Mood,
    /// The last answer that was lost.
    pub lost: Response,
    pub nonce: u64,
    /// Send this instead of the true fingerprint.
    pub digest: Option<ScopeDigest>,
    pub wrong_changes: bool,
    pub requests: u32,
    pub wants: Vec<Vec<DocId>>,
    /// What the requests told of damaged stores.
    pub salvages: Vec<Salvage>,
    /// What a revocation says.
    pub deposit_until: Option<i64>,
    /// Revoked: a sync without a push is told so.
    pub revoke_when_empty: bool,
    device_key: Option<PublicKey>,
    hlc: Hlc,
    refused_sent: BTreeSet<u64>,
}

pub struct Hq {
    key: SoftSigner,
    pub state: Mutex<State>,
}

pub fn lease(role: Role, version: u64) -> Lease {
    let grant = Grant { grid: GRID.into(), role, from: TimeMs(0), to: None };
    let subject = Subject { worker: "gw-01".into(), role, grants: vec![grant] };
    Lease::of(&subject, "李网格", version, TimeMs(NOW + 72 * 3_600_000))
}

impl Hq {
    pub fn new() -> Self {
        let state = State {
            now: NOW,
            epoch: 1,
            docs: BTreeMap::new(),
            log: Vec::new(),
            known_seq: 0,
            head: Hash([0; 32]),
            refuse: BTreeMap::new(),
            durable_seq: 0,
            left: Vec::new(),
            lease: lease(Role::GridWorker, 1),
            mood: Mood::Well,
            lost: Response::default(),
            nonce: 0,
            digest: None,
            wrong_changes: false,
            requests: 0,
            wants: Vec::new(),
            salvages: Vec::new(),
            deposit_until: None,
            revoke_when_empty: false,
            device_key: None,
            hlc: Hlc::default(),
            refused_sent: BTreeSet::new(),
        };
        Self { key: SoftSigner::new(Algorithm::Es256, &[3; 32]).unwrap(), state: Mutex::new(state) }
    }

    pub fn with_role(role: Role) -> Self {
        let hq = Self::new();
        hq.state.lock().unwrap().lease = lease(role, 1);
        hq
    }

    pub fn invitation(&self) -> String {
        let worker = self.state.lock().unwrap().lease.worker.clone();
        Invitation {
            url: "http://127.0.0.1:8080".into(),
            hq_key: self.key.public_key(),
            code: [1; 16],
            worker,
            expires_at: NOW + 600_000,
            pins: None,
        }
        .to_text()
    }

    pub fn mood(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    /// Headquarters itself writes.
    pub fn edit(&self, id: DocId, edits: &[Edit]) {
        let mut s = self.state.lock().unwrap();
        s.hlc = s.hlc.tick(TimeMs(s.now), None);
        let stamp = Stamp { actor: ActorId([0xAA; 16]), worker: "hq".into(), hlc: s.hlc };
        let doc = s.docs.entry(id).or_insert_with(|| Document::new(id.kind));
        let change = doc.edit(&stamp, edits).unwrap().unwrap();
        s.log.push((id, change, false));
    }

    /// Another phone's change that does not know the latest ones.
    pub fn concurrent_edit(&self, id: DocId, from: &mut Document, worker: &str, edits: &[Edit]) {
        let mut s = self.state.lock().unwrap();
        s.hlc = s.hlc.tick(TimeMs(s.now), None);
        let stamp = Stamp { actor: ActorId([0xBB; 16]), worker: worker.into(), hlc: s.hlc };
        let change = from.edit(&stamp, edits).unwrap().unwrap();
        s.docs.get_mut(&id).unwrap().apply([change.as_slice()]).unwrap();
        s.log.push((id, change, false));
    }

    pub fn order(&self, n: u8, edits: &[Edit]) -> DocId {
        let id = DocId { kind: DocKind::Order, uuid: [n; 16] };
        let base = [
            Edit::set("upstream_id", format!("WF-{n}")),
            Edit::set("grid", GRID),
            Edit::set("state", "DISPATCHED"),
            Edit::set("order_version", 3_i64),
        ];
        let all: Vec<Edit> = base
            .into_iter()
            .filter(|b| !edits.iter().any(|e| e.key() == b.key()))
            .chain(edits.iter().cloned())
            .collect();
        self.edit(id, &all);
        id
    }

    pub fn heads(&self) -> BTreeMap<DocId, Vec<Hash>> {
        let mut s = self.state.lock().unwrap();
        s.docs.iter_mut().map(|(id, doc)| (*id, doc.heads())).collect()
    }

    fn respond(&self, request: &Request, status: u16, next_nonce: String, body: Vec<u8>) -> Response {
        use base64::Engine as _;
        let message = response_message(&request.binding(), status, &next_nonce, &body);
        let signature = sign_domain(&self.key, Domain::Response, &message).unwrap();
        let mut bytes = vec![signature.algorithm().id()];
        bytes.extend(signature.bytes());
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        let headers = vec![
            ("content-type".into(), MEDIA_TYPE.into()),
            (NEXT_NONCE.into(), next_nonce),
            (RESPONSE_SIGNATURE.into(), text),
        ];
        Response { status, headers, body }
    }

    fn error(
        &self,
        request: &Request,
        next: String,
        status: u16,
        code: &str,
        need_seq: Option<u64>,
        deposit: Option<(i64, Deposit)>,
    ) -> Response {
        let (deposit_until, deposit) = deposit.unzip();
        // Only where waiting helps.
        let retry_after_s = (code == "overloaded").then_some(9);
        let body = ErrorBody {
            code: code.into(),
            detail: String::new(),
            need_seq,
            retry_after_s,
            deposit_until,
            deposit,
        };
        self.respond(request, status, next, frame::encode(&body))
    }

    fn enrol(&self, request: &Request) -> Response {
        let body: EnrolRequest = frame::decode(&request.body, 1 << 20).unwrap();
        body.verify().unwrap();
        let mut s = self.state.lock().unwrap();
        s.device_key = Some(body.key.clone());
        let given = EnrolResponse {
            version: 1,
            device: DEVICE,
            hq_epoch: s.epoch,
            lease: s.lease.clone(),
            beacon: Beacon { hq_time: s.now, tag: [2; 16] },
            held: None,
        };
        self.respond(request, 200, format!("n{}", s.nonce), frame::encode(&given))
    }

    fn receipt(&self, s: &State, first: u64, last: u64, head: Hash) -> Receipt {
        let receipt = UnsignedReceipt {
            device: DEVICE,
            first_seq: first,
            last_seq: last,
            head: if s.mood == Mood::ForgeReceipts { Hash([0xEE; 32]) } else { head },
            log_index: 100 + first,
            hq_time: s.now,
            hq_epoch: s.epoch,
        };
        let signature = sign_domain(&self.key, Domain::Receipt, &receipt.message()).unwrap();
        receipt.with(signature)
    }

    fn sync(&self, request: &Request) -> Response {
        let mut guard = self.state.lock().unwrap();
        let s = &mut *guard;
        let lines = request.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes()));
        let signed = SignatureHeadersRef::from_lines(lines).unwrap();
        let parts = RequestParts {
            method: &request.method,
            authority: &request.authority,
            path: &request.path,
            query: &request.query,
            body: &request.body,
        };
        let claimed = verify_request(parts, &signed, s.device_key.as_ref().unwrap()).unwrap();
        assert_eq!(claimed.key_id, DEVICE.to_string());
        assert_eq!(header(&request.headers, "content-type"), Some(MEDIA_TYPE));
        let nonce = claimed.nonce;
        if nonce != format!("n{}", s.nonce) {
            s.nonce += 1;
            return self.error(request, format!("n{}", s.nonce), 401, "nonce", None, None);
        }
        s.nonce += 1;
        let next = format!("n{}", s.nonce);
        let body: SyncRequest = frame::decode(&request.body, 4 << 20).unwrap();
        s.salvages.extend(body.salvage);
        let held = Deposit {
            hq_epoch: s.epoch,
            known_seq: s.known_seq,
            durable_seq: s.durable_seq,
            durable_files: 0,
        };
        let until = s.deposit_until.map(|until| (until, held));
        if s.revoke_when_empty && body.push.is_none() {
            return self.error(request, next, 403, "revoked", None, until);
        }
        if let Mood::Fail(code, need) = s.mood {
            if need.is_some() {
                s.mood = Mood::Well;
            }
            return self.error(request, next, 409, code, need, until);
        }
        s.wants.push(body.want.clone());
        let (mut receipts, mut refused) = (Vec::new(), Vec::new());
        if let Some(push) = &body.push {
            let entries = push.batch.unpack(DEVICE).unwrap();
            let (last, head) = entries.last().map(|(e, h)| (e.header.seq, *h)).unwrap();
            let message = chain_message(DEVICE, last, head);
            verify_domain(s.device_key.as_ref().unwrap(), Domain::Chain, &message, &push.signature).unwrap();
            if push.batch.first_seq > s.known_seq + 1 {
                return self.error(request, next, 409, "chain_gap", Some(s.known_seq + 1), None);
            }
            for (entry, hash) in &entries {
                let seq = entry.header.seq;
                assert_eq!(hash_header(&entry.header.to_bytes()), *hash);
                if seq <= s.known_seq {
                    continue;
                }
                assert_eq!(entry.header.prev, s.head, "the chain");
                (s.known_seq, s.head) = (seq, *hash);
                if s.refuse.contains_key(&seq) {
                    continue;
                }
                let doc =
                    s.docs.entry(entry.header.doc).or_insert_with(|| Document::new(entry.header.doc.kind));
                if doc.apply([entry.change.as_slice()]).is_err() {
                    s.refuse.insert(seq, "missing_dependency");
                    continue;
                }
                s.log.push((entry.header.doc, entry.change.clone(), true));
            }
            receipts.push(self.receipt(s, push.batch.first_seq, last, head));
            for (entry, hash) in &entries {
                if let Some(code) = s.refuse.get(&entry.header.seq) {
                    s.refused_sent.insert(entry.header.seq);
                    refused.push(Refused {
                        seq: entry.header.seq,
                        hash: *hash,
                        code: (*code).into(),
                        detail: "d".into(),
                    });
                }
            }
        }
        let (mut snapshots, mut changes) = (Vec::new(), ChangesWriter::default());
        let at = usize::try_from(body.cursor.index).unwrap();
        let fresh = body.cursor.token == 0 || body.hq_epoch != s.epoch;
        for (id, doc) in &mut s.docs {
            if fresh || body.want.contains(id) {
                snapshots.push(Snapshot { doc: *id, saved: doc.save() });
            }
        }
        if !fresh {
            for (i, (id, change, from_phone)) in s.log.iter().enumerate().skip(at) {
                // A change whose ground the phone does not have.
                let skip = s.wrong_changes && i == at;
                if !from_phone && !skip && s.docs.contains_key(id) {
                    changes.push(*id, change).unwrap();
                }
            }
        }
        let left = std::mem::take(&mut s.left);
        let mut digest = ScopeDigest { docs: s.docs.len() as u64, xor: [0; 32] };
        for (id, doc) in &mut s.docs {
            digest.toggle(&ScopeDigest::share(*id, &doc.heads()));
        }
        let page = SyncResponse {
            version: 1,
            hq_epoch: s.epoch,
            beacon: Beacon { hq_time: s.now, tag: [2; 16] },
            known_seq: s.known_seq,
            receipts,
            refused,
            snapshots,
            changes: changes.finish(),
            left,
            cursor: Cursor { index: s.log.len() as u64, token: body.cursor.token + 1 },
            more: false,
            durable_seq: s.durable_seq,
            lease: (body.lease_version != s.lease.version).then(|| s.lease.clone()),
            digest: Some(s.digest.unwrap_or(digest)),
            durable_files: None,
            checkpoint: None,
        };
        self.respond(request, 200, next, frame::encode(&page))
    }
}

impl Transport for Hq {
    fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.state.lock().unwrap().requests += 1;
        assert_eq!(request.authority, "127.0.0.1:8080");
        let mut response =
            if request.path == ENROL_PATH { self.enrol(&request) } else { self.sync(&request) };
        let mut s = self.state.lock().unwrap();
        match s.mood {
            Mood::LoseAnswer => {
                s.lost = response;
                return Err(TransportError::Timeout);
            }
            Mood::Before => return Ok(s.lost.clone()),
            Mood::Portal => {
                response.headers = vec![("content-type".into(), "text/html".into())];
                response.body = b"<html>please log in".to_vec();
            }
            Mood::Tamper => response.body.push(0),
            _ => {}
        }
        Ok(response)
    }
}
