//! Frozen bytes: today's code writes exactly them and reads them back to the expected values.

use crate::{
    frozen::{check, check_text, keep},
    sample::{self, AUTHORITY, NEXT_NONCE, NONCE},
    support::DEVICE,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lanewalk_model::{chunk, document::Document, id::Hash, schema::DocKind};
use lanewalk_protocol::{
    batch::{EntryBatch, chunk_hash},
    enrolment::{EnrolRequest, EnrolResponse, Invitation},
    entry::{Header, chain_message, hash_header},
    frame, http,
    httpsig::{ParamValue, RequestParts, SignatureHeadersRef, signature_base, verify_request},
    keys::{Algorithm, Domain, Signature, SoftSigner, sign_domain, verify_domain},
    limits,
    receipt::{Deposit, ErrorBody, Receipt, response_message},
    sync::{SyncRequest, SyncResponse},
    tlog::{Checkpoint, LEAF_FORMAT, Leaf},
    upload::{FileReceipt, UploadAnswer},
};

/// Freezes a message and checks both directions.
fn both<T>(name: &str, what: &str, value: &T) -> Vec<u8>
where
    T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> + PartialEq + std::fmt::Debug,
{
    let frozen = check(name, what, &minicbor::to_vec(value).unwrap());
    assert_eq!(&minicbor::decode::<T>(&frozen).unwrap(), value, "{name}");
    frozen
}

#[test]
fn an_entry() {
    let entry = &sample::entries()[2];
    let header = check("entry-header.hex", "header of entry 3, as hashed", &entry.header.to_bytes());
    let hash = check("entry-hash.hex", "hash of entry 3", &entry.header.hash().0);
    let change = check("entry-change.hex", "change of entry 3, one automerge chunk", &entry.change);
    assert_eq!(Header::from_bytes(&header).as_ref(), Ok(&entry.header));
    assert_eq!(hash_header(&header).0.as_slice(), hash);
    assert_eq!(chunk_hash(&change), entry.header.change.0);
    let facts = chunk::read_change(&change, &limits::DEVICE_CHANGE).unwrap();
    assert_eq!((facts.hash, facts.message.as_deref()), (entry.header.change.0, Some("w-07")));
}

#[test]
fn a_batch_of_three_entries() {
    let frozen = both("batch.hex", "EntryBatch of entries 1 to 3", &sample::batch());
    let batch: EntryBatch = minicbor::decode(&frozen).unwrap();
    let entries = batch.unpack(DEVICE).unwrap();
    let wanted: Vec<_> = sample::entries().into_iter().map(|e| (e.header.hash(), e)).collect();
    assert_eq!(entries.len(), 3);
    for ((entry, hash), (wanted_hash, wanted)) in entries.iter().zip(&wanted) {
        assert_eq!((entry, hash), (wanted, wanted_hash));
    }
}

#[test]
fn a_chain_signature_under_both_algorithms() {
    let message = chain_message(DEVICE, 3, sample::head());
    let frozen = check("chain-message.hex", "chain message of entry 3, without its domain tag", &message);
    let ed25519 = SoftSigner::new(Algorithm::Ed25519, &[0x07; 32]).unwrap();
    for (name, signer) in [("chain-es256.hex", sample::phone_key()), ("chain-ed25519.hex", ed25519)] {
        let made = sign_domain(&signer, Domain::Chain, &message).unwrap();
        let bytes = both(name, "Signature over it; the secret is 32 bytes of 07", &made);
        let read: Signature = minicbor::decode(&bytes).unwrap();
        assert_eq!(verify_domain(&signer.public_key(), Domain::Chain, &frozen, &read), Ok(()));
        assert!(verify_domain(&signer.public_key(), Domain::Receipt, &frozen, &read).is_err());
    }
}

#[test]
fn a_receipt() {
    let message = sample::unsigned_receipt().message();
    check("receipt-message.hex", "receipt message, without its domain tag", &message);
    let frozen =
        both("receipt.hex", "Receipt; headquarters' Ed25519 secret is 32 bytes of 08", &sample::receipt());
    let read: Receipt = minicbor::decode(&frozen).unwrap();
    assert_eq!(read.verify(&sample::hq_key().public_key()), Ok(()));
    assert!(read.verify(&sample::phone_key().public_key()).is_err());
}

#[test]
fn a_receipt_for_a_file_and_the_answer_that_brings_it() {
    let message = sample::unsigned_file_receipt().message();
    check("file-receipt-message.hex", "message of a receipt for a file, without its domain tag", &message);
    let answer = sample::upload_answer();
    let frozen = both("file-receipt.hex", "FileReceipt", answer.receipt.as_ref().unwrap());
    let read: FileReceipt = minicbor::decode(&frozen).unwrap();
    assert_eq!(read.verify(&sample::hq_key().public_key()), Ok(()));
    let lines: Vec<String> = answer.headers().iter().map(|(n, v)| format!("{n}: {v}\n")).collect();
    let head = check_text("upload-answer.txt", &lines.concat());
    let headers: Vec<(String, String)> =
        head.lines().filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.into(), v.into())).collect();
    assert_eq!(UploadAnswer::read(&headers).as_ref(), Some(&answer));
    let content = String::from_utf8(answer.message()).unwrap();
    check_text("upload-answer-content.txt", &content);
}

#[test]
fn an_invitation_and_an_enrolment() {
    let text = check_text("invitation.txt", &(sample::invitation().to_text() + "\n"));
    assert_eq!(Invitation::from_text(&text), Ok(sample::invitation()));
    let text = check_text("invitation-pins.txt", &(sample::pinned_invitation().to_text() + "\n"));
    assert_eq!(Invitation::from_text(&text), Ok(sample::pinned_invitation()));
    both("lease-full.hex", "Lease with every field present", &sample::full_lease());
    let frozen = both("enrol-request.hex", "EnrolRequest", &sample::enrol_request());
    assert_eq!(minicbor::decode::<EnrolRequest>(&frozen).unwrap().verify(), Ok(()));
    let frozen = both("enrol-response.hex", "EnrolResponse", &sample::enrol_response());
    let read: EnrolResponse = minicbor::decode(&frozen).unwrap();
    assert!(read.lease.subject().unwrap().holds(
        "g-031",
        lanewalk_model::time::TimeMs(1),
        lanewalk_model::time::TimeMs(2)
    ));
}

#[test]
fn a_sync_request_and_its_answer() {
    let frozen = both("sync-request.hex", "SyncRequest", &sample::sync_request());
    let read: SyncRequest = minicbor::decode(&frozen).unwrap();
    let push = read.push.unwrap();
    let (last, head) = push.batch.unpack(DEVICE).unwrap().pop().map(|(e, h)| (e.header.seq, h)).unwrap();
    let message = chain_message(DEVICE, last, head);
    let key = sample::phone_key().public_key();
    assert_eq!(verify_domain(&key, Domain::Chain, &message, &push.signature), Ok(()));

    let frozen = both("sync-response.hex", "SyncResponse", &sample::sync_response());
    let read: SyncResponse = minicbor::decode(&frozen).unwrap();
    let mut order = Document::load(DocKind::Order, &read.snapshots[0].saved).unwrap();
    let changes = read.changes.expand().unwrap();
    order.apply(changes.iter().map(|(_, bytes, _)| bytes.as_slice())).unwrap();
    assert_eq!(order.view().text("state"), Some("INVESTIGATING"));
    assert_eq!(order.heads(), [Hash(chunk_hash(&changes[1].1))]);

    both("error.hex", "ErrorBody of a chain_gap", &sample::error_body());
    both(
        "error-busy.hex",
        "ErrorBody with a time to wait",
        &ErrorBody {
            code: "storage_failed".into(),
            detail: "disk".into(),
            need_seq: None,
            retry_after_s: Some(5),
            deposit_until: None,
            deposit: None,
        },
    );
    both(
        "error-revoked.hex",
        "ErrorBody of a revoked device that may deliver",
        &ErrorBody {
            code: "revoked".into(),
            detail: String::new(),
            need_seq: None,
            retry_after_s: None,
            deposit_until: Some(1_792_630_800_000),
            deposit: None,
        },
    );
    both(
        "error-deposit.hex",
        "ErrorBody of a revoked device, with what there is of it",
        &ErrorBody {
            code: "revoked".into(),
            detail: String::new(),
            need_seq: None,
            retry_after_s: None,
            deposit_until: Some(1_792_630_800_000),
            deposit: Some(Deposit { hq_epoch: 7, known_seq: 412, durable_seq: 390, durable_files: 58 }),
        },
    );
}

/// Another zstd release may compress in another way, so a frame is frozen for reading only.
#[test]
fn a_signed_http_request_and_the_signed_response_header() {
    let made = frame::encode(&sample::sync_request());
    let body = keep("sync-request.zst.hex", "SyncRequest as a body: one zstd frame", &made);
    for body in [&body, &made] {
        let read: SyncRequest = frame::decode(body, limits::MAX_REQUEST_DECODED).unwrap();
        assert_eq!(read, sample::sync_request());
    }
    let request = sample::http_request(body.clone());
    let header = |name| http::header(&request.headers, name).unwrap();
    let params = [
        ("created", ParamValue::Integer(crate::support::START / 1_000)),
        ("nonce", ParamValue::String(NONCE)),
        ("keyid", ParamValue::String("d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1")),
    ];
    let parts = [
        ("@method", "POST"),
        ("@authority", AUTHORITY),
        ("@path", "/v1/sync"),
        ("@query", "?"),
        ("content-digest", header("content-digest")),
    ];
    check_text("http-signature-base.txt", &signature_base(&parts, &params));
    let lines: Vec<String> = request.headers.iter().map(|(n, v)| format!("{n}: {v}\n")).collect();
    let head = check_text("http-request.txt", &format!("POST /v1/sync HTTP/1.1\n{}", lines.concat()));
    let read: Vec<(&str, &[u8])> =
        head.lines().skip(1).filter_map(|l| l.split_once(": ")).map(|(n, v)| (n, v.as_bytes())).collect();
    let parts =
        RequestParts { method: "POST", authority: AUTHORITY, path: "/v1/sync", query: "", body: &body };
    let headers = SignatureHeadersRef::from_lines(read).unwrap();
    let claimed = verify_request(parts, &headers, &sample::phone_key().public_key()).unwrap();
    assert_eq!((claimed.key_id, claimed.nonce.as_str()), (DEVICE.to_string(), NONCE));

    let response = minicbor::to_vec(sample::sync_response()).unwrap();
    let frame = keep(
        "sync-response.zst.hex",
        "SyncResponse as a body: one zstd frame",
        &frame::encode(&sample::sync_response()),
    );
    assert_eq!(frame::decode::<SyncResponse>(&frame, response.len()).unwrap(), sample::sync_response());
    let message = response_message(headers.signature.unwrap(), 200, NEXT_NONCE, &frame);
    let message = check("response-message.hex", "response message, without its domain tag", &message);
    let made = sign_domain(&sample::hq_key(), Domain::Response, &message).unwrap();
    let value = STANDARD.encode([&[made.algorithm().id()], made.bytes()].concat());
    let name = http::RESPONSE_SIGNATURE;
    let next = http::NEXT_NONCE;
    let text = format!(
        "HTTP/1.1 200 OK\ncontent-type: {}\n{name}: {value}\n{next}: {NEXT_NONCE}\n",
        frame::MEDIA_TYPE
    );
    let frozen = check_text("http-response.txt", &text);
    let value = frozen.lines().find_map(|l| l.strip_prefix("lanewalk-signature: ")).unwrap();
    let bytes = STANDARD.decode(value).unwrap();
    let algorithm = Algorithm::from_id(bytes[0]).unwrap();
    let signature = Signature::new(algorithm, &bytes[1..]).unwrap();
    assert_eq!(verify_domain(&sample::hq_key().public_key(), Domain::Response, &message, &signature), Ok(()));
}

#[test]
fn what_the_log_adds() {
    both("sync-request-witness.hex", "SyncRequest with keys 8 and 9", &sample::witness_request());
    both("sync-request-salvage.hex", "SyncRequest with key 10", &sample::salvage_request());
    both("checkpoint-update.hex", "CheckpointUpdate", &sample::checkpoint_update());
    let hq = sample::hq_key().public_key();
    let note = check_text("checkpoint-note.txt", &sample::checkpoint(44).to_note(&hq));
    assert_eq!(Checkpoint::from_note(&note, &hq), Ok(sample::checkpoint(44)));
    let leaf = Leaf {
        format: LEAF_FORMAT,
        index: 44,
        entry: sample::head(),
        device: DEVICE,
        seq: 3,
        key: sample::phone_key().public_key().fingerprint(),
        hq_time: sample::beacon().hq_time,
        effective_at: sample::beacon().hq_time - 1_000,
        trust: "anchored".into(),
        refused: Some("not_author".into()),
    };
    both("leaf.hex", "Leaf of entry 3 as line 44, refused", &leaf);
    check("leaf-hash.hex", "its hash in the tree", &leaf.hash().0);
}
