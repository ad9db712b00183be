//! What fuzzing starts from: files called `sample-…` are the frozen messages as they are now and a
//! few bent ones. The variable `LANEWALK_WRITE_FIXTURE` writes them anew; `tests/corpus` replays them.

use crate::sample;
use lanewalk_forge::{Draft, Mutator, column};
use lanewalk_model::{
    calendar::Calendar,
    grid::{Bounds, lattice},
    id::{DeviceId, Hash},
};
use lanewalk_protocol::{
    frame,
    httpsig::{self, RequestParts, sign_request},
    keys::{Algorithm, SoftSigner},
    tlog::{LEAF_FORMAT, Leaf, TreeHead},
};
use std::path::PathBuf;

fn folder(target: &str) -> PathBuf {
    PathBuf::from(format!("{}/../../tests/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR")))
}

/// Checks that a target's corpus holds these samples.
fn sampled(target: &str, samples: &[Vec<u8>]) {
    let folder = folder(target);
    for (n, sample) in samples.iter().enumerate() {
        let file = folder.join(format!("sample-{n:02}"));
        if std::env::var_os("LANEWALK_WRITE_FIXTURE").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, sample).unwrap();
        }
        let kept = std::fs::read(&file).unwrap_or_default();
        assert!(kept == *sample, "{} is not the sample any more: write it anew", file.display());
    }
}

fn cbor<T: minicbor::Encode<()>>(message: T) -> Vec<u8> {
    minicbor::to_vec(message).unwrap()
}

#[test]
fn entries_and_batches() {
    let mut samples: Vec<Vec<u8>> = sample::entries().iter().map(|e| e.header.to_bytes()).collect();
    samples.extend([cbor(sample::batch()), cbor(sample::hq_changes())]);
    sampled("entry", &samples);
}

#[test]
fn requests_and_answers() {
    let (request, response) = (sample::sync_request(), sample::sync_response());
    let framed = [frame::encode(&request), frame::encode(&response)];
    let samples = [[cbor(request), cbor(response)], framed].concat();
    sampled("sync", &samples);
}

#[test]
fn receipts_and_leases() {
    let samples = [
        cbor(sample::receipt()),
        cbor(sample::unsigned_file_receipt().with(sample::receipt().signature)),
        cbor(sample::beacon()),
        cbor(sample::lease()),
        cbor(sample::error_body()),
        cbor(sample::enrol_response()),
        cbor(sample::entries()[1].header.anchor),
    ];
    sampled("receipt", &samples);
}

#[test]
fn invitations_and_enrolments() {
    let text = sample::invitation().to_text();
    let cut: String = text.chars().take(text.len() - 3).collect();
    let longer = format!("{text}AA");
    let texts = [text, cut, longer].map(String::into_bytes);
    let samples = [texts.to_vec(), vec![cbor(sample::enrol_request())]].concat();
    sampled("ticket", &samples);
}

#[test]
fn signature_headers() {
    let parts = RequestParts { method: "POST", authority: "hq.test", path: "/v1/sync", query: "", body: b"" };
    let key = SoftSigner::new(Algorithm::Ed25519, &[5; 32]);
    let signed = sign_request(parts, 1_778_025_600, "abc", "device", &key.unwrap()).unwrap();
    let lines = format!(
        "{}: {}\n{}: {}\n{}: {}",
        httpsig::CONTENT_DIGEST,
        signed.content_digest,
        httpsig::SIGNATURE_INPUT,
        signed.signature_input,
        httpsig::SIGNATURE,
        signed.signature,
    );
    let other = lines.replace("abc", "abd");
    let algorithm = lines.replace(";keyid", ";alg=\"ed25519\";keyid");
    let spaced = lines.replace("nonce=", " nonce=");
    let samples: Vec<Vec<u8>> = [lines, other, algorithm, spaced].map(String::into_bytes).into();
    sampled("signature", &samples);
}

#[test]
fn changes() {
    let (_, real) = sample::order();
    let entries: Vec<Vec<u8>> = sample::entries().into_iter().map(|e| e.change).collect();
    let mut samples = [vec![real.clone()], entries].concat();
    samples.extend([
        Draft::new().build(),
        Draft::new().replacing(&[(1, 3), (0, 3), (2, 4)], &[[3; 16], [9; 16]]).build(),
        Draft { start_op: u64::from(u32::MAX), ..Draft::new() }.build(),
        Draft::new().column(column::ACTION, &[0x7f, 0]).build(),
        Draft::new().column(column::VALUE | 8, &[1, 2, 3]).build(),
    ]);
    let mut random = Mutator::new(7);
    for _ in 0..8 {
        let mutant = random.mutate(&real, &samples[1]);
        samples.push(mutant);
    }
    sampled("change", &samples);
}

#[test]
fn reference_data() {
    let communities = ["370705005004".parse().unwrap()];
    let bounds = Bounds {
        west_e7: 1_191_000_000,
        south_e7: 366_800_000,
        east_e7: 1_191_200_000,
        north_e7: 366_900_000,
    };
    let grids = lattice(bounds, 2, 1, &communities).unwrap().to_geojson();
    let catalogue = r#"{"version":"m1","units":[{"id":"sec-a","name_zh":"甲科"}],"matters":[
        {"matter_code":"010101","name_zh":"噪音","match":["noise"],"urgency":"general","lead_unit":"sec-a"}]}"#;
    let holidays =
        r#"{"year":2026,"papers":[],"days":[{"name":"元旦","date":"2026-01-01","isOffDay":true}]}"#;
    let calendar = Calendar::from_holiday_cn("v", &[holidays]);
    let calendar = calendar.map_or_else(|_| "{}".to_owned(), |c| serde_json::to_string(&c).unwrap());
    let texts = [grids, catalogue.to_owned(), holidays.to_owned(), calendar];
    let samples: Vec<Vec<u8>> = texts.map(String::into_bytes).into();
    sampled("reference", &samples);
}

#[test]
fn checkpoints_and_proofs() {
    let signer = SoftSigner::new(Algorithm::Ed25519, &[8; 32]).unwrap();
    let hq = signer.public_key();
    let head = TreeHead { size: 3, root: Hash([7; 32]), hq_epoch: 3, began: 2, hq_time: 1_778_025_600_000 };
    let note = head.sign(&signer).unwrap().to_note(&hq);
    let cosigned = format!("{note}\u{2014} witness.example/w AAAA\n");
    let leaf = Leaf {
        format: LEAF_FORMAT,
        index: 3,
        entry: Hash([2; 32]),
        device: DeviceId([3; 16]),
        seq: 9,
        key: hq.fingerprint(),
        hq_time: 1_778_025_600_000,
        effective_at: 1_778_025_600_000,
        trust: "anchored".into(),
        refused: Some("not_next".into()),
    };
    // The numbers 1 and 3, a root, the hashes of a proof.
    let proof = [1_u64.to_le_bytes(), 3_u64.to_le_bytes()].concat();
    let proof = [proof, [5; 96].to_vec()].concat();
    let texts = [note, cosigned, hq.to_text()].map(String::into_bytes);
    sampled("note", &[texts.to_vec(), vec![leaf.to_bytes(), cbor(head), proof]].concat());
}
