//! Evidence bundles (F45, F46, §d.13): made by a real headquarters from what real phones wrote, and
//! checked from the bytes alone.

use super::*;
use lanewalk_evidence::{
    Absent, Broken, Bundle, Evidence, Manifest, Trust, Unproven, Verified, WitnessVerdict, verify,
};
use lanewalk_headquarters::{evidence::EvidenceWish, intake::Arrival};
use lanewalk_protocol::{
    keys::{Algorithm, SoftSigner},
    tlog::Checkpoint,
};
use serde_json::Value as Json;
use support::dice::Dice;

fn wish() -> EvidenceWish {
    EvidenceWish { by: "hc-01".into(), reason: "法院调取".into(), ..EvidenceWish::default() }
}

fn export(town: &Town, order: DocId, wish: &EvidenceWish) -> Vec<u8> {
    let mut out = Vec::new();
    town.network.hq(|hq| hq.export_evidence(order, wish).unwrap().write(&mut out).unwrap());
    out
}

fn checked(bundle: &[u8]) -> Verified {
    verify(bundle, &Trust::default()).unwrap()
}

/// An order that two phones worked on, with a photo.
fn case(seed: u64) -> (Town, DocId) {
    let mut town = town(seed, 4);
    let order = order_in(&mut town, 1, "违建举报");
    let field = town.phones[A].field().clone();
    field.add_note(order, "现场有新砌砖墙").unwrap();
    let made = field.record_visit(visit(order, "site_check", "已拍照")).unwrap();
    let ticket = field.begin_photo(made, lanewalk_model::photo::PhotoRole::Before).unwrap();
    let picture = lanewalk_camera::Shot { seed: 7, width: 320, height: 240, ..Default::default() };
    std::fs::write(&ticket.path, picture.jpeg()).unwrap();
    field
        .finish_photo(ticket.id, &lanewalk_field::Shot { caption: "砖墙".into(), ..Default::default() })
        .unwrap();
    // Between two entries about the order the worker does something else: only its header is shown.
    let other = order_in(&mut town, 1, "无关工单");
    field.add_note(other, "此话与违建无关").unwrap();
    field.add_note(order, "当事人不在场").unwrap();
    field.add_note(other, "又一句无关的话").unwrap();
    town.settle();
    town.phones[OTHER].field().add_note(order, "邻居作证").unwrap();
    town.settle();
    (town, order)
}

/// Splits a bundle into its files by the lengths in their headers.
fn files(bundle: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (mut out, mut at) = (Vec::new(), 0);
    while bundle[at] != 0 {
        let text = |from: usize, len: usize| {
            let field = &bundle[at + from..at + from + len];
            String::from_utf8(field.split(|b| *b == 0).next().unwrap().to_vec()).unwrap()
        };
        let len = usize::from_str_radix(&text(124, 12), 8).unwrap();
        out.push((text(0, 100), bundle[at + 512..at + 512 + len].to_vec()));
        at += 512 + len.div_ceil(512) * 512;
    }
    out
}

fn file(bundle: &[u8], name: &str) -> Vec<u8> {
    files(bundle).into_iter().find(|(n, _)| n == name).unwrap().1
}

/// Headquarters' own key: what an administrator has who wants to forge.
fn hq_signer(town: &Town) -> SoftSigner {
    let sql = "SELECT value FROM meta WHERE key = 'signing_key'";
    let secret: [u8; 32] = town.network.hq(|hq| hq.reader().query_row(sql, [], |r| r.get(0)).unwrap());
    SoftSigner::new(Algorithm::Ed25519, &secret).unwrap()
}

#[test]
fn a_bundle_says_who_wrote_what_after_what_and_when_headquarters_had_it() {
    let (mut town, order) = case(901);
    let bundle = export(&town, order, &wish());
    let v = checked(&bundle);
    assert_eq!((v.manifest.order, v.manifest.made_by.as_str()), (order, "hc-01"));
    let notes: Vec<_> =
        v.entries.iter().filter(|e| e.written.iter().any(|(k, _)| k.starts_with("note/"))).collect();
    let authors: Vec<&str> = notes.iter().map(|e| e.author.as_str()).collect();
    let [a, other] = [A, OTHER].map(|p| town.phones[p].worker.clone());
    assert_eq!(authors, [a.as_str(), &a, &other]);
    assert!(notes[0].written.iter().any(|(_, text)| text.as_deref().is_some_and(|t| t.contains("新砌砖墙"))));
    assert!(notes[1].seq > notes[0].seq + 1, "something else lies between");
    assert!(notes.iter().all(|e| e.hq_time >= e.after_ms.unwrap() && e.refused.is_none()));
    assert!(v.entries.windows(2).all(|w| w[0].index < w[1].index));
    let logged_at = logged(&town, notes[0].hash).3;
    assert_eq!(notes[0].hq_time, logged_at);
    assert_eq!(v.unproven, [Unproven::OwnKey], "the key is all that has to come from elsewhere");
    assert!(v.photos.iter().filter(|p| p.absent.is_none()).count() >= 2, "{:?}", v.photos);
    assert_eq!(v.commitments.len(), 1);

    // Of what else the worker did there is no word, and of the requester no name or number.
    let text = String::from_utf8_lossy(&bundle);
    let json: Evidence = serde_json::from_slice(&file(&bundle, "evidence.json")).unwrap();
    let said: Vec<u8> = json.entries.iter().flat_map(|e| e.change.0.clone()).collect();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("当事人不在场") && !said.contains("无关的话") && !said.contains("此话与违建无关"));
    for secret in ["13800008000", "张三丰"] {
        assert!(!text.contains(secret) && !said.contains(secret));
    }
    assert!(json.runs.iter().any(|r| !r.links.is_empty()), "headers alone link to the signature");

    // Who took it out is in the access log, with the reason.
    let sql = "SELECT who, about, purpose FROM audit WHERE what = 'export_evidence'";
    let line: (String, String, String) = town
        .network
        .hq(|hq| hq.reader().query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).unwrap());
    assert_eq!(line, ("hc-01".into(), order.to_string(), "法院调取".into()));
    for (by, reason) in [("hc-01", ""), ("nobody", "法院调取")] {
        let bad = EvidenceWish { by: by.into(), reason: reason.into(), ..EvidenceWish::default() };
        assert!(town.network.hq(|hq| hq.export_evidence(order, &bad)).is_err(), "{by} {reason}");
    }
    let without = export(&town, order, &EvidenceWish { no_photos: true, ..wish() });
    let v = checked(&without);
    assert!(!v.photos.is_empty() && v.photos.iter().all(|p| p.absent == Some(Absent::LeftOut)));
    assert!(without.len() < bundle.len());
    // A file that headquarters lost is said to be missing, and everything else stands.
    std::fs::remove_dir_all(town.photo_folder()).unwrap();
    let v = checked(&export(&town, order, &wish()));
    assert!(v.photos.iter().all(|p| p.absent == Some(Absent::NotThere)));
    town.settle();
}

/// What was refused is in the bundle with its reason: evidence does not vanish (I6). After a restore
/// the bundle says so too.
#[test]
fn a_refused_entry_is_in_the_bundle_with_the_reason() {
    let mut town = town(902, 2);
    let order = order_in(&mut town, 1, "占用绿地");
    let backup = town.backup_hq();
    let field = town.phones[A].field().clone();
    town.clock.advance(60_000);
    field.propose(order, lanewalk_model::records::ProposalKind::Ack, "", None, None, false).unwrap();
    town.settle();
    // Written on top of a decision that headquarters then loses.
    let note = field.add_note(order, "写在丢失的决定之上").unwrap();
    town.settle();
    town.restore_hq(&backup);
    town.settle();
    let v = checked(&export(&town, order, &wish()));
    let late = v.entries.iter().find(|e| e.hash == note.hash).unwrap();
    assert_eq!(late.refused.as_deref(), Some("missing_dependency"));
    assert!(late.written.iter().any(|(_, text)| text.as_deref().is_some_and(|t| t.contains("丢失的决定"))));
    assert!(v.head.began > 0 && v.head.hq_epoch > 1);
}

/// One bit anywhere, a byte more, a byte less: every byte of a bundle counts.
#[test]
fn any_changed_byte_fails() {
    let (town, order) = case(903);
    let bundle = export(&town, order, &EvidenceWish { no_photos: true, ..wish() });
    checked(&bundle);
    let mut dice = Dice::new(903, 77);
    let head: usize = files(&bundle).iter().take(2).map(|(_, b)| 512 + b.len().div_ceil(512) * 512).sum();
    // All of the manifest and its signature; of the rest, each block at several places.
    let places = (0..head).chain((head..bundle.len()).step_by(29));
    let mut bent = bundle.clone();
    let mut tried = 0;
    for at in places {
        let bit = 1 << dice.below(8);
        bent[at] ^= bit;
        assert!(verify(bent.as_slice(), &Trust::default()).is_err(), "bit {bit} of byte {at}");
        bent[at] ^= bit;
        tried += 1;
    }
    assert!(tried > 3_000, "{tried}");
    for _ in 0..200 {
        let at = usize::try_from(dice.below(bundle.len() as u64)).unwrap();
        let mut longer = bundle.clone();
        longer.insert(at, 0);
        assert!(verify(longer.as_slice(), &Trust::default()).is_err(), "a byte more at {at}");
        let mut shorter = bundle.clone();
        shorter.remove(at);
        assert!(verify(shorter.as_slice(), &Trust::default()).is_err(), "a byte less at {at}");
        assert!(verify(&bundle[..at], &Trust::default()).is_err(), "cut at {at}");
    }
    assert!(verify([bundle.as_slice(), &[0]].concat().as_slice(), &Trust::default()).is_err());
}

/// Walks all scalars of a JSON value; `change` is called with the path to each.
fn each_scalar(at: &Json, path: &str, out: &mut Vec<String>) {
    match at {
        Json::Array(list) => {
            list.iter().enumerate().for_each(|(i, v)| each_scalar(v, &format!("{path}/{i}"), out))
        }
        Json::Object(map) => map.iter().for_each(|(k, v)| each_scalar(v, &format!("{path}/{k}"), out)),
        _ => out.push(path.to_owned()),
    }
}

fn bend(value: &mut Json, dice: &mut Dice) {
    match value {
        Json::Number(n) => *value = (n.as_i64().unwrap() + 1).into(),
        Json::String(text) => {
            let mut chars: Vec<char> = text.chars().collect();
            let at = usize::try_from(dice.below(chars.len() as u64)).unwrap();
            chars[at] = if chars[at] == '2' { '3' } else { '2' };
            *text = chars.into_iter().collect();
        }
        _ => *value = Json::Null,
    }
}

/// Headquarters itself, with its key, changes a field and signs the list anew: everything but what
/// rests on its word alone is still found out.
#[test]
fn headquarters_cannot_change_a_field_and_sign_anew() {
    let (town, order) = case(904);
    let bundle = export(&town, order, &EvidenceWish { no_photos: true, original: true, ..wish() });
    let signer = hq_signer(&town);
    let manifest: Manifest = serde_json::from_slice(&file(&bundle, "manifest.json")).unwrap();
    let note = String::from_utf8(file(&bundle, "checkpoint.txt")).unwrap();
    let checkpoint = Checkpoint::from_note(&note, &manifest.hq_key).unwrap();
    let json: Json = serde_json::from_slice(&file(&bundle, "evidence.json")).unwrap();
    let remake = |json: &Json| -> Option<Vec<u8>> {
        let evidence: Evidence = serde_json::from_value(json.clone()).ok()?;
        let mut out = Vec::new();
        let made = Bundle::new(manifest.clone(), &checkpoint, &evidence, &signer).unwrap();
        made.write(&mut out, |_| Ok(std::io::empty())).unwrap();
        Some(out)
    };
    assert_eq!(remake(&json).unwrap(), bundle, "a bundle is one byte string");
    let mut paths = Vec::new();
    each_scalar(&json, "", &mut paths);
    let word_alone = |path: &str| {
        let mut parts = path.split('/').skip(1);
        match parts.next().unwrap() {
            "devices" => ["name", "role", "enrolled_at", "revoked_at"].contains(&parts.nth(1).unwrap()),
            "photos" => path.ends_with("/absent"),
            "originals" => path.ends_with("/received_at") || path.ends_with("/media_type"),
            _ => false,
        }
    };
    let mut dice = Dice::new(904, 5);
    let (mut tried, mut kinds) = (0, std::collections::BTreeSet::new());
    for path in paths.iter().filter(|p| !word_alone(p)) {
        let mut forged = json.clone();
        bend(forged.pointer_mut(path).unwrap(), &mut dice);
        if let Some(bytes) = remake(&forged) {
            let found = verify(bytes.as_slice(), &Trust::default());
            assert!(found.is_err(), "{path} was changed and nobody noticed");
        }
        tried += 1;
        kinds.insert(path.split('/').filter(|p| p.parse::<u32>().is_err()).collect::<Vec<_>>().join("/"));
    }
    assert!(tried > 100 && kinds.len() >= 15, "{tried} {kinds:?}");
    // Whole rows: left out, twice, exchanged.
    for list in ["entries", "runs", "devices", "documents", "originals"] {
        for i in 0..json[list].as_array().unwrap().len() {
            let mut forged = json.clone();
            let rows = forged[list].as_array_mut().unwrap();
            let row = rows.remove(i);
            let less = remake(&forged).unwrap();
            let found = verify(less.as_slice(), &Trust::default());
            // An entry that others build on leaves a gap that is said; the newest ones leave none.
            let said = found
                .as_ref()
                .is_ok_and(|v| v.unproven.iter().any(|u| matches!(u, Unproven::MissingBefore { .. })));
            // A later signature of the same chain covers what an earlier one did.
            let last_word = ["entries", "originals", "runs"].contains(&list);
            assert!(found.is_err() || said || last_word, "{list} {i} was left out");
            let rows = forged[list].as_array_mut().unwrap();
            rows.insert(i, row.clone());
            rows.insert(i, row);
            let twice = remake(&forged).unwrap();
            let harmless = ["runs", "documents", "originals"].contains(&list);
            assert!(verify(twice.as_slice(), &Trust::default()).is_err() || harmless, "{list} {i} twice");
        }
    }
}

/// A phone's checkpoint settles whether the log behind the bundle is the one the phone saw.
#[test]
fn a_checkpoint_from_a_phone_is_compared() {
    let (mut town, order) = case(905);
    let note = |town: &Town| town.phones[A].field().witness().unwrap().checkpoint.unwrap();
    let early = note(&town);
    town.phones[OTHER].field().add_note(order, "后来的话").unwrap();
    town.settle();
    let key = town.network.hq(|hq| hq.public_key());
    let trust = |note: &str| Trust { key: Some(key.clone()), checkpoint: Some(note.to_owned()) };
    let plain = export(&town, order, &wish());
    let with = export(&town, order, &EvidenceWish { checkpoints: vec![early.clone()], ..wish() });
    let v = verify(with.as_slice(), &trust(&early)).unwrap();
    assert!(matches!(v.witness, WitnessVerdict::Agrees(_)) && v.unproven.is_empty());
    let v = verify(plain.as_slice(), &trust(&early)).unwrap();
    assert!(matches!(v.witness, WitnessVerdict::NotComparable(_)));
    let late = note(&town);
    let v = verify(plain.as_slice(), &trust(&late)).unwrap();
    assert!(matches!(v.witness, WitnessVerdict::Agrees(_)), "the newest, when nothing came since");
    // Another headquarters' key.
    let other = SoftSigner::new(Algorithm::Ed25519, &[9; 32]).unwrap();
    let strange = Trust { key: Some(other.public_key()), checkpoint: None };
    assert!(matches!(verify(plain.as_slice(), &strange), Err(Broken::OtherKey)));
    // The log is rewritten; headquarters makes a bundle for the phone's checkpoint.
    town.tamper_hq(|file| {
        let db = rusqlite::Connection::open(file).unwrap();
        let sql = "UPDATE log SET received_at = received_at - 1 WHERE idx = (SELECT max(idx) FROM log WHERE device <> 1)";
        db.execute(sql, []).unwrap();
        crate::witness::recompute_tree(&db);
    });
    let forged = export(&town, order, &EvidenceWish { checkpoints: vec![late.clone()], ..wish() });
    verify(forged.as_slice(), &Trust::default()).unwrap();
    assert!(matches!(verify(forged.as_slice(), &trust(&late)), Err(Broken::Contradicted)));
    for bad in ["", "lanewalk/hq/0\n1\n\n", &late.replace('—', "-")] {
        let wish = EvidenceWish { checkpoints: vec![bad.to_owned()], ..wish() };
        assert!(town.network.hq(|hq| hq.export_evidence(order, &wish)).is_err(), "{bad:?}");
    }
}

/// After a restore that lost lines, a checkpoint over the lost ones contradicts nothing and shows
/// nothing; one from before the copy still agrees.
#[test]
fn a_checkpoint_from_before_a_restore_is_no_contradiction() {
    let mut town = town(908, 2);
    let order = order_in(&mut town, 1, "树枝断落");
    let backup = town.backup_hq();
    town.phones[A].field().add_note(order, "已报园林").unwrap();
    town.sync(A).unwrap();
    town.restore_hq(&backup);
    // The lost line comes in again at another time; at the same one it would be the same line.
    town.clock.advance(60_000);
    town.settle();
    let earlier = |phone: usize| town.phones[phone].field().witness().unwrap().earlier[0].clone();
    let (lost, kept) = (earlier(A), earlier(OTHER));
    let wish = EvidenceWish { checkpoints: vec![lost.clone(), kept.clone()], ..wish() };
    let bundle = export(&town, order, &wish);
    let with = |note: &str| {
        let trust = Trust { key: None, checkpoint: Some(note.to_owned()) };
        verify(bundle.as_slice(), &trust).unwrap().witness
    };
    assert!(matches!(with(&lost), WitnessVerdict::NotComparable(_)));
    assert!(matches!(with(&kept), WitnessVerdict::Agrees(_)));
}

/// Erasing who asked takes the original and its salt; the bundle still stands, says who erased when,
/// and nothing in it can be tried against a telephone number.
#[test]
fn after_an_erasure_the_bundle_stands_and_says_so() {
    let mut town = town(906, 2);
    let payload = "Q-1,噪音,张三丰,13800008000".as_bytes();
    let order = IncomingOrder {
        payload_sha256: lanewalk_model::photo::FileRef::of(payload).sha256.0,
        ..order_like("Q-1", town.clock.now())
    };
    let take = |town: &Town| {
        let arrival = Arrival { payload: Some(("text/csv", payload)), ..Arrival::from(&order) };
        town.network.hq(|hq| hq.take_in([arrival], "hc-01").unwrap())
    };
    assert_eq!(take(&town).new, 1);
    town.settle();
    let id = *hq_ids(&town, DocKind::Order).last().unwrap();
    let view = at_hq(&town, id);
    let promise = view.text("payload_hash").unwrap().to_owned();
    assert_ne!(promise, lanewalk_model::id::to_hex(&order.payload_sha256), "salted");
    assert_eq!(take(&town).known, 1, "the same record is known again");

    let bundle = export(&town, id, &EvidenceWish { original: true, ..wish() });
    let original = checked(&bundle).commitments[0].original.clone().unwrap();
    assert_eq!((original.1.as_str(), original.2.as_slice()), ("text/csv", payload));
    // Another original under the same promise: headquarters signs the list, the promise stands in the log.
    let manifest: Manifest = serde_json::from_slice(&file(&bundle, "manifest.json")).unwrap();
    let note = String::from_utf8(file(&bundle, "checkpoint.txt")).unwrap();
    let checkpoint = Checkpoint::from_note(&note, &manifest.hq_key).unwrap();
    let mut evidence: Evidence = serde_json::from_slice(&file(&bundle, "evidence.json")).unwrap();
    evidence.originals[0].bytes.0[4] ^= 1;
    let mut forged = Vec::new();
    let made = Bundle::new(manifest, &checkpoint, &evidence, &hq_signer(&town)).unwrap();
    made.write(&mut forged, |_| Ok(std::io::empty())).unwrap();
    assert!(matches!(verify(forged.as_slice(), &Trust::default()), Err(Broken::Original)));
    let without = checked(&export(&town, id, &wish()));
    assert_eq!(without.commitments.iter().map(|c| c.original.is_some()).collect::<Vec<_>>(), [false]);
    town.network.hq(|hq| {
        hq.ask_pair("erase", &id.to_string(), "本人要求删除", "ad-01").unwrap();
        let n: i64 = hq.reader().query_row("SELECT max(n) FROM pairs", [], |r| r.get(0)).unwrap();
        hq.confirm_erasure(n, "ad-02").unwrap();
    });
    let bundle = export(&town, id, &EvidenceWish { original: true, ..wish() });
    let v = checked(&bundle);
    assert_eq!(v.unproven, [Unproven::OwnKey]);
    let erased: Vec<_> = v
        .entries
        .iter()
        .flat_map(|e| &e.written)
        .filter(|(key, _)| key.starts_with("erasure/"))
        .filter_map(|(_, value)| serde_json::from_str::<Json>(value.as_deref()?).ok())
        .collect();
    assert_eq!(erased.len(), 1);
    assert_eq!((erased[0]["by"].as_str(), erased[0]["second"].as_str()), (Some("ad-01"), Some("ad-02")));
    assert!(v.commitments.iter().all(|c| c.original.is_none()));
    assert_eq!(at_hq(&town, id).text("payload_hash"), Some(promise.as_str()), "the promise stays");
    assert_eq!(take(&town).known, 1, "and the record is still known, so it does not come in anew");
    // Neither the number nor the salt is left anywhere in the database.
    let salts: i64 = town
        .network
        .hq(|hq| hq.reader().query_row("SELECT count(*) FROM payloads", [], |r| r.get(0)).unwrap());
    assert_eq!(salts, 0);
    town.network.hq(|hq| hq.check_log().unwrap());
}

fn order_like(upstream_id: &str, now: i64) -> IncomingOrder {
    IncomingOrder {
        upstream_id: upstream_id.into(),
        channel: "12345".into(),
        matter_text: "noise".into(),
        title: "噪音".into(),
        reported_text: "夜间噪音".into(),
        reported_address: "幸福街3号楼".into(),
        reported_at_ms: now,
        upstream_due_at_ms: None,
        closed_at_ms: None,
        urgent: false,
        lat_e7: Some(366_850_000),
        lon_e7: Some(1_191_050_000),
        datum: "wgs84".into(),
        requester_name: Some("张三丰".into()),
        requester_phone: Some("13800008000".into()),
        secrecy: false,
        payload_sha256: [0; 32],
    }
}

/// The bundle that `rust-core/evidence` keeps: LANEWALK_BLESS=1 makes it anew, which is right only
/// before a version is in the field.
#[test]
fn the_kept_bundle_is_one_that_is_made_here() {
    let kept = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../rust-core/evidence/tests/fixtures/bundle-1.tar");
    if std::env::var_os("LANEWALK_BLESS").is_some_and(|v| v == "1") {
        let (town, order) = case(907);
        std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
        std::fs::write(&kept, export(&town, order, &EvidenceWish { no_photos: true, ..wish() })).unwrap();
    }
    let v = checked(&std::fs::read(&kept).unwrap());
    assert!(v.entries.len() >= 5 && !v.photos.is_empty());
}
