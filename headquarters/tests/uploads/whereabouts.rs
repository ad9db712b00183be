//! Which photo is still missing, and why; asking for an original.

use crate::device::{Device, EAST, START, Town, bytes, file_of, photo_id, record};
use lanewalk_headquarters::{
    HqError,
    photos::{Absence, Folder, Where, of_visit},
    store::{DocRow, StoredDoc},
};
use lanewalk_model::{
    document::{Document, Edit, Stamp},
    id::{ActorId, DocId, Hash},
    photo::{FileTrouble, PhotoPart, PhotoRecord, TroubleRecord},
    records::to_json,
    schema::DocKind,
    time::{Hlc, TimeMs},
    view::Value,
};
use lanewalk_protocol::{
    VERSION,
    batch::{EntryBatch, chunk_hash},
    entry::{ENTRY_FORMAT, Entry, Header, chain_message},
    frame, http,
    keys::{Domain, sign_domain},
    limits,
    sync::{Cursor, Push, SyncRequest, SyncResponse},
};

/// Where each part of each photo is.
fn places(town: &mut Town, visit: DocId) -> Vec<Vec<Where>> {
    let folder = Folder::beside(&town.database(), 0);
    let row = DocRow::find(town.hq().reader(), visit).unwrap().unwrap();
    let view = town.hq().document(visit).unwrap().unwrap();
    let found = of_visit(town.hq().reader(), &folder, &row, &view, TimeMs(START)).unwrap();
    found.into_iter().map(|p| p.parts.iter().map(|part| part.is).collect()).collect()
}

#[test]
fn every_part_is_here_or_says_why_not() {
    let mut town = Town::new();
    let contents: Vec<Vec<u8>> = (0..3).map(|n| bytes(n, 3_000)).collect();
    let [original, evidence, thumbnail] = [0, 1, 2].map(|n| file_of(&contents[n]));
    let visit = town.visit("gw-01", EAST, &[record(original, Some(evidence), Some(thumbnail))]);
    let mut device = Device::enrol(&mut town, "gw-01", 1);
    let missing = Where::Missing;
    let nothing = missing(Absence::NotSent);
    assert_eq!(places(&mut town, visit), [[nothing, nothing, missing(Absence::WaitsForWifi)]]);
    device.bring(&mut town, &contents[2]);
    device.create(&mut town, evidence, &contents[1][..1_200]);
    let partly = Where::Partly { offset: 1_200 };
    assert_eq!(places(&mut town, visit), [[Where::Here, partly, missing(Absence::WaitsForWifi)]]);
    town.hq().want_original(visit, photo_id(0), "hc-01").unwrap();
    let view = town.hq().document(visit).unwrap().unwrap();
    assert_eq!(view.get(&format!("original_wanted/{}", photo_id(0))), Some(&Value::Bool(true)));
    assert_eq!(places(&mut town, visit)[0][2], missing(Absence::Asked));
    let trouble = TroubleRecord { trouble: FileTrouble::Altered, at: TimeMs(START) };
    let key = format!("photo_trouble/{}.{}", photo_id(0), PhotoPart::Original.id());
    town.hq().write_by_rule(&[(visit, vec![Edit::set(key, to_json(&trouble))])]).unwrap();
    assert_eq!(places(&mut town, visit)[0][2], missing(Absence::Phone(FileTrouble::Altered)));
    std::fs::remove_file(town.place(&contents[2])).unwrap();
    assert_eq!(places(&mut town, visit)[0][0], missing(Absence::LostHere));
    // A file that came after all is here, whatever was told of it.
    device.bring(&mut town, &contents[0]);
    assert_eq!(places(&mut town, visit)[0][2], Where::Here);
}

#[test]
fn an_original_is_asked_for_by_staff_who_may_and_once() {
    let mut town = Town::new();
    let file = file_of(b"photo");
    let visit = town.visit("gw-01", EAST, &[record(file, None, None)]);
    for by in ["gw-01", "ps-01"] {
        let refused = town.hq().want_original(visit, photo_id(0), by);
        assert!(matches!(refused, Err(HqError::NotAllowed(_))), "{by} {refused:?}");
    }
    let nobody = town.hq().want_original(visit, photo_id(0), "nobody");
    assert!(matches!(nobody, Err(HqError::NotFound(_))));
    assert!(matches!(town.hq().want_original(visit, photo_id(9), "hc-01"), Err(HqError::NotFound(_))));
    let other = town.hq().new_id(DocKind::Visit);
    assert!(matches!(town.hq().want_original(other, photo_id(0), "hc-01"), Err(HqError::NotFound(_))));
    assert_eq!(town.count("SELECT count(*) FROM audit WHERE what = 'want_original'"), 0);
    for _ in 0..2 {
        town.hq().want_original(visit, photo_id(0), "hc-01").unwrap();
    }
    assert_eq!(town.count("SELECT count(*) FROM audit WHERE what = 'want_original'"), 1);
}

/// A visit as a phone makes it, and a record that is refused because it was written before.
#[test]
fn a_refused_record_says_so_and_names_nothing() {
    let mut town = Town::new();
    let mut device = Device::enrol(&mut town, "gw-01", 1);
    let visit = DocId { kind: DocKind::Visit, uuid: [0x55; 16] };
    let (good, bad) = (file_of(b"good"), file_of(b"bad"));
    let key = |n: usize| format!("photo/{}", photo_id(n));
    let mut phone = Phone { doc: Document::new(DocKind::Visit), chain: (0, Hash([0; 32])), visit };
    let make = [
        Edit::set("kind", "patrol"),
        Edit::set("by", "gw-01"),
        Edit::set("grid", EAST),
        Edit::set("started", START),
        Edit::set(key(0), to_json(&record(good, None, None))),
    ];
    let first = phone.write(&device, &make);
    // Its author may not say this, so the whole change stays out.
    let second = phone.write(
        &device,
        &[Edit::set(key(1), to_json(&record(bad, None, None))), Edit::set("original_wanted/x", true)],
    );
    let page = phone.push(&mut town, &mut device, &[first, second]);
    assert_eq!(page.refused.iter().map(|r| r.code.as_str()).collect::<Vec<_>>(), ["role_field"]);
    assert_eq!(
        places(&mut town, visit),
        [[Where::Missing(Absence::WaitsForWifi)], [Where::Missing(Absence::RecordRefused)]]
    );
    assert_eq!(device.bring(&mut town, b"good").receipt().index, 1);
    assert_eq!(device.create(&mut town, bad, &[]).refusal(), (409, "not_cited"));
    let row = DocRow::find(town.hq().reader(), visit).unwrap().unwrap();
    let view = StoredDoc::find(town.hq().reader(), visit).unwrap().unwrap().view().unwrap();
    let folder = Folder::beside(&town.database(), 0);
    let found = of_visit(town.hq().reader(), &folder, &row, &view, TimeMs(START)).unwrap();
    assert_eq!(found[0].parts[0].is, Where::Here);
    assert_eq!(found[0].last_contact, Some(TimeMs(START)));
    assert_eq!(found[1].record, record_of(bad));
}

fn record_of(file: lanewalk_model::photo::FileRef) -> PhotoRecord {
    record(file, None, None)
}

/// Words are there in both languages, and codes differ.
#[test]
fn every_absence_has_its_code_and_words() {
    let all = [
        Absence::Phone(FileTrouble::Missing),
        Absence::Phone(FileTrouble::Altered),
        Absence::RecordRefused,
        Absence::WaitsForWifi,
        Absence::Asked,
        Absence::NotSent,
        Absence::LostHere,
    ];
    for (n, one) in all.iter().enumerate() {
        assert!(!one.zh().is_ascii() && one.en().is_ascii() && !one.en().is_empty());
        assert!(all.iter().skip(n + 1).all(|other| other.code() != one.code()));
    }
}

/// The part of a phone that writes entries.
struct Phone {
    doc: Document,
    chain: (u64, Hash),
    visit: DocId,
}

impl Phone {
    fn write(&mut self, device: &Device, edits: &[Edit]) -> Entry {
        let hlc = Hlc::from_wall(TimeMs(START + self.chain.0 as i64));
        let stamp = Stamp { actor: ActorId([3; 16]), worker: "gw-01".into(), hlc };
        let change = self.doc.edit(&stamp, edits).unwrap().unwrap();
        let header = Header {
            format: ENTRY_FORMAT,
            device: device.id,
            seq: self.chain.0 + 1,
            prev: self.chain.1,
            doc: self.visit,
            base_version: 0,
            wall_ms: START,
            mono_ms: 0,
            boot: [1; 8],
            anchor: None,
            change: Hash(chunk_hash(&change)),
        };
        self.chain = (header.seq, header.hash());
        Entry { header, change }
    }

    fn push(&self, town: &mut Town, device: &mut Device, entries: &[Entry]) -> SyncResponse {
        let last = &entries.last().unwrap().header;
        let message = chain_message(device.id, last.seq, last.hash());
        let signature = sign_domain(&device.signer, Domain::Chain, &message).unwrap();
        let body = SyncRequest {
            version: VERSION,
            hq_epoch: 0,
            cursor: Cursor::default(),
            push: Some(Push { batch: EntryBatch::pack(entries).unwrap().unwrap(), signature }),
            page_bytes: limits::PAGE_BYTES,
            want: Vec::new(),
            last_seq: last.seq,
            lease_version: 0,
            held: None,
            contradiction: None,
            salvage: None,
        };
        let nonce = device.nonce.clone();
        let request = device.request("POST", http::SYNC_PATH, Vec::new(), &frame::encode(&body), &nonce);
        let answer = device.send(town, &request);
        frame::decode(&answer.body, limits::MAX_RESPONSE_DECODED).unwrap()
    }
}
