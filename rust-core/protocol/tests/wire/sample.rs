//! One fixed value of every message, used by the fixtures and by the worked example.

use crate::support::{DEVICE, Phone, START, hq_change};
use lanewalk_model::{
    document::{Document, Edit},
    id::{DeviceId, DocId, Hash, uuid_v7},
    photo::FileRef,
    schema::DocKind,
};
use lanewalk_protocol::{
    VERSION,
    batch::{Changes, ChangesWriter, EntryBatch, chunk_hash},
    enrolment::{EnrolRequest, EnrolResponse, Invitation},
    entry::{AnchorRef, Entry, chain_message},
    http,
    httpsig::{RequestParts, sign_request},
    keys::{Algorithm, Domain, SoftSigner, sign_domain},
    limits,
    pins::Pins,
    receipt::{Beacon, ErrorBody, Lease, Receipt, Refused, UnsignedReceipt, WireGrant},
    sync::{
        CheckpointUpdate, Contradiction, Cursor, HeldHead, Push, Salvage, ScopeDigest, Snapshot, SyncRequest,
        SyncResponse,
    },
    tlog::{Checkpoint, TreeHead},
    upload::{UnsignedFileReceipt, UploadAnswer, UploadId},
};

pub(crate) const ORDER: DocId = DocId { kind: DocKind::Order, uuid: uuid(0x0d) };
pub(crate) const VISIT: DocId = DocId { kind: DocKind::Visit, uuid: uuid(0x51) };
pub(crate) const AUTHORITY: &str = "hq.jiedao.example:8443";
pub(crate) const NONCE: &str = "00112233445566778899aabb";
pub(crate) const NEXT_NONCE: &str = "c0c1c2c3c4c5c6c7c8c9cacb";
pub(crate) const CODE: [u8; 16] = [0xc0; 16];

const fn uuid(fill: u8) -> [u8; 16] {
    let mut out = [fill; 16];
    // 2026-10-07, version 7, variant 2: what `uuid_v7` gives for these bytes.
    let head = [0x01, 0xa1, 0x13, 0xdf, 0xda, 0x80, 0x70 | (fill & 0x0f), fill];
    let mut i = 0;
    while i < head.len() {
        out[i] = head[i];
        i += 1;
    }
    out[8] = 0x80 | (fill & 0x3f);
    out
}

#[test]
fn the_sample_ids_are_uuids_of_version_7() {
    let ms = i64::from_be_bytes([&[0, 0], &ORDER.uuid[..6]].concat().try_into().unwrap());
    for id in [ORDER, VISIT] {
        let random: Vec<u8> = id.uuid[6..].to_vec();
        assert_eq!(uuid_v7(ms, random.try_into().unwrap()), id.uuid);
    }
}

pub(crate) fn phone_key() -> SoftSigner {
    SoftSigner::new(Algorithm::Es256, &[0x07; 32]).unwrap()
}

pub(crate) fn hq_key() -> SoftSigner {
    SoftSigner::new(Algorithm::Ed25519, &[0x08; 32]).unwrap()
}

fn anchor() -> AnchorRef {
    AnchorRef { hq_time: START - 3_000, mono_at: 597_500, tag: [0xbe; 16] }
}

/// The order as headquarters made it, and that change.
pub(crate) fn order() -> (Document, Vec<u8>) {
    let mut order = Document::new(DocKind::Order);
    let made = [Edit::set("title", "夜间噪音"), Edit::set("grid", "g-031"), Edit::set("order_version", 2)];
    let change = hq_change(&mut order, 0xee, START - 86_400_000, &made);
    (order, change)
}

/// Three entries: a visit is made, a note goes to its order, the visit's notes are written again.
pub(crate) fn entries() -> Vec<Entry> {
    let mut phone = Phone::new();
    phone.docs.insert(ORDER, order().0);
    let made = [
        Edit::set("order", ORDER.to_string()),
        Edit::set("grid", "g-031"),
        Edit::set("kind", "site_check"),
        Edit::set("by", "w-07"),
        Edit::set("started", START - 60_000),
        Edit::set("notes", "到场"),
    ];
    let first = phone.write(VISIT, &made);
    phone.wait(45_000);
    phone.anchor = Some(anchor());
    phone.base_version = 2;
    let second = phone.write(ORDER, &[Edit::set("verified_facts", "二十二时实测五十八分贝")]);
    phone.wait(30_500);
    phone.base_version = 0;
    let third = phone.write(VISIT, &[Edit::set("notes", "到场，已测噪音")]);
    [first, second, third].into_iter().flatten().collect()
}

pub(crate) fn batch() -> EntryBatch {
    EntryBatch::pack(&entries()).unwrap().unwrap()
}

pub(crate) fn head() -> Hash {
    entries().last().unwrap().header.hash()
}

pub(crate) fn push() -> Push {
    let message = chain_message(DEVICE, 3, head());
    Push { batch: batch(), signature: sign_domain(&phone_key(), Domain::Chain, &message).unwrap() }
}

pub(crate) fn beacon() -> Beacon {
    Beacon { hq_time: START + 90_000, tag: [0xbf; 16] }
}

pub(crate) fn unsigned_receipt() -> UnsignedReceipt {
    UnsignedReceipt {
        device: DEVICE,
        first_seq: 1,
        last_seq: 3,
        head: head(),
        log_index: 42,
        hq_time: START + 90_000,
        hq_epoch: 1,
    }
}

pub(crate) fn receipt() -> Receipt {
    let unsigned = unsigned_receipt();
    unsigned.with(sign_domain(&hq_key(), Domain::Receipt, &unsigned.message()).unwrap())
}

pub(crate) fn unsigned_file_receipt() -> UnsignedFileReceipt {
    UnsignedFileReceipt {
        device: DEVICE,
        file: FileRef { sha256: Hash([0xf1; 32]), bytes: 70_000 },
        index: 17,
        hq_time: START + 120_000,
        hq_epoch: 1,
    }
}

/// The answer to the last `PATCH` of that file.
pub(crate) fn upload_answer() -> UploadAnswer {
    let unsigned = unsigned_file_receipt();
    let receipt = unsigned.with(sign_domain(&hq_key(), Domain::File, &unsigned.message()).unwrap());
    let id = UploadId([0x0f; 16]);
    UploadAnswer { id, offset: 70_000, length: 70_000, expires: 0, receipt: Some(receipt) }
}

pub(crate) fn lease() -> Lease {
    let grant = |grid: &str, to| WireGrant { grid: grid.into(), role: "grid_worker".into(), from: 0, to };
    Lease {
        version: (3 << 20) | 20_733,
        worker: "w-07".into(),
        name: "王芳".into(),
        role: "grid_worker".into(),
        grants: vec![grant("g-031", None), grant("g-032", Some(START + 86_400_000))],
        valid_until: START + 90_000 + limits::LEASE_MS,
        pins: None,
        min_core: None,
    }
}

pub(crate) fn invitation() -> Invitation {
    Invitation {
        url: format!("https://{AUTHORITY}"),
        hq_key: hq_key().public_key(),
        code: CODE,
        worker: "w-07".into(),
        expires_at: START + limits::ENROLMENT_TTL_MS,
        pins: None,
    }
}

/// The keys of a headquarters that ends TLS itself.
pub(crate) fn pins() -> Pins {
    Pins::of_keys([b"the key in use".as_slice(), b"the next key".as_slice()])
}

/// The same from a headquarters that ends TLS itself.
pub(crate) fn pinned_invitation() -> Invitation {
    Invitation { pins: Some(pins()), ..invitation() }
}

/// A lease with everything that is optional.
pub(crate) fn full_lease() -> Lease {
    Lease { pins: Some(pins()), min_core: Some([0, 2, 0]), ..lease() }
}

pub(crate) fn enrol_request() -> EnrolRequest {
    EnrolRequest::new(CODE, 1, &phone_key()).unwrap()
}

pub(crate) fn enrol_response() -> EnrolResponse {
    EnrolResponse {
        version: VERSION,
        device: DEVICE,
        hq_epoch: 1,
        lease: lease(),
        beacon: beacon(),
        held: None,
    }
}

pub(crate) fn sync_request() -> SyncRequest {
    SyncRequest {
        version: VERSION,
        hq_epoch: 1,
        cursor: Cursor { index: 41, token: 7 },
        push: Some(push()),
        page_bytes: limits::PAGE_BYTES,
        want: vec![ORDER],
        last_seq: 3,
        lease_version: 3 << 20,
        held: None,
        contradiction: None,
        salvage: None,
    }
}

/// Two changes of headquarters to the order, the second on top of the first.
pub(crate) fn hq_changes() -> Changes {
    let (mut order, _) = order();
    let mut writer = ChangesWriter::default();
    for state in ["DISPATCHED", "INVESTIGATING"] {
        let change = hq_change(&mut order, 0xee, START - 80_000_000, &[Edit::set("state", state)]);
        writer.push(ORDER, &change).unwrap();
    }
    writer.finish()
}

pub(crate) fn sync_response() -> SyncResponse {
    let (mut order, change) = order();
    let mut digest = ScopeDigest { docs: 1, xor: [0; 32] };
    digest.toggle(&ScopeDigest::share(ORDER, &[Hash(chunk_hash(&change))]));
    let refused = Refused { seq: 3, hash: head(), code: "not_author".into(), detail: "visit".into() };
    SyncResponse {
        version: VERSION,
        hq_epoch: 1,
        beacon: beacon(),
        known_seq: 3,
        receipts: vec![receipt()],
        refused: vec![refused],
        snapshots: vec![Snapshot { doc: ORDER, saved: order.save() }],
        changes: hq_changes(),
        left: vec![VISIT],
        cursor: Cursor { index: 46, token: 8 },
        more: false,
        durable_seq: 2,
        lease: Some(lease()),
        digest: Some(digest),
        durable_files: Some(16),
        checkpoint: None,
    }
}

pub(crate) fn checkpoint(size: u64) -> Checkpoint {
    let head = TreeHead { size, root: Hash([0x5e; 32]), hq_epoch: 1, began: 0, hq_time: START + 90_000 };
    head.sign(&hq_key()).unwrap()
}

/// What a phone says that stands on a checkpoint and has found another that excludes it.
pub(crate) fn witness_request() -> SyncRequest {
    let TreeHead { size, root, hq_epoch, .. } = checkpoint(41).head;
    SyncRequest {
        push: None,
        held: Some(HeldHead { size, root, hq_epoch }),
        contradiction: Some(Contradiction { held: checkpoint(41), seen: checkpoint(40) }),
        ..sync_request()
    }
}

/// What a phone says whose store was damaged.
pub(crate) fn salvage_request() -> SyncRequest {
    let salvage =
        Salvage { number: 1, identity: true, entries: 41, unsent: 11, export_only: 5, missing: 2, photos: 7 };
    SyncRequest { push: None, salvage: Some(salvage), ..sync_request() }
}

pub(crate) fn checkpoint_update() -> CheckpointUpdate {
    CheckpointUpdate { checkpoint: checkpoint(44), consistency: vec![Hash([0xa1; 32]), Hash([0xa2; 32])] }
}

pub(crate) fn error_body() -> ErrorBody {
    ErrorBody {
        code: "chain_gap".into(),
        detail: String::new(),
        need_seq: Some(2),
        retry_after_s: None,
        deposit_until: None,
        deposit: None,
    }
}

/// A signed `POST /v1/sync` with this body.
pub(crate) fn http_request(body: Vec<u8>) -> http::Request {
    let parts =
        RequestParts { method: "POST", authority: AUTHORITY, path: http::SYNC_PATH, query: "", body: &body };
    let made =
        sign_request(parts, START / 1_000, NONCE, &DeviceId(DEVICE.0).to_string(), &phone_key()).unwrap();
    let header = |name: &str, value: String| (name.to_owned(), value);
    http::Request {
        method: "POST".into(),
        authority: AUTHORITY.into(),
        path: http::SYNC_PATH.into(),
        query: String::new(),
        headers: vec![
            header("host", AUTHORITY.into()),
            header("content-type", lanewalk_protocol::frame::MEDIA_TYPE.into()),
            header("content-digest", made.content_digest),
            header("signature-input", made.signature_input),
            header("signature", made.signature),
        ],
        body,
    }
}
