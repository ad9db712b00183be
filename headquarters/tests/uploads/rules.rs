//! The rules of tus as they are spoken here, one by one.

use crate::device::{Device, EAST, Town, bytes, file_of, files, patch_headers, read, record};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lanewalk_model::{id::Hash, photo::FileRef};
use lanewalk_protocol::{
    http::{Request, header},
    limits,
    upload::{self, Creation, UPLOADS_PATH, UploadAnswer, UploadId, patch_nonce},
};
use sha2::{Digest as _, Sha256};

const DAY: i64 = 24 * 3_600_000;

/// A town, a device of gw-01, and a photo of its own visit.
fn scene(length: usize) -> (Town, Device, Vec<u8>) {
    let mut town = Town::new();
    let content = bytes(1, length);
    town.visit("gw-01", EAST, &[record(file_of(&content), None, None)]);
    let device = Device::enrol(&mut town, "gw-01", 1);
    (town, device, content)
}

#[test]
fn a_file_comes_in_parts_and_gets_a_receipt() {
    let (mut town, mut device, content) = scene(2_500_000);
    let file = file_of(&content);
    let made = device.create(&mut town, file, &[]);
    assert_eq!(made.status, 201);
    assert_eq!((made.up().offset, made.up().length, &made.up().receipt), (0, 2_500_000, &None));
    assert!(header(&made.headers, "upload-expires").unwrap().ends_with(" GMT"));
    let id = made.up().id;
    let parts: Vec<&[u8]> = content.chunks(limits::UPLOAD_PART_BYTES).collect();
    let first = device.patch(&mut town, id, 0, parts[0]);
    assert_eq!((first.status, first.up().offset, first.next.as_str()), (204, 1 << 20, ""));
    let looked = device.head(&mut town, id);
    assert_eq!((looked.status, looked.up().offset, looked.next.as_str()), (200, 1 << 20, ""));
    device.patch(&mut town, id, 1 << 20, parts[1]);
    let last = device.patch(&mut town, id, 2 << 20, parts[2]);
    let receipt = last.receipt();
    assert_eq!((receipt.file(), receipt.device, receipt.index), (file, device.id, 1));
    receipt.verify(&device.hq_key).unwrap();
    assert_eq!(std::fs::read(town.place(&content)).unwrap(), content);
    assert_eq!(files(&town.folder()).len(), 1, "nothing is left in incoming");
    // A lost answer costs a question.
    let again = device.head(&mut town, id);
    assert_eq!((again.up().offset, again.receipt()), (2_500_000, receipt));
    assert_eq!(header(&again.headers, "upload-expires"), None);
}

/// Small files take one round trip.
#[test]
fn the_first_bytes_may_come_with_the_creation() {
    let (mut town, mut device, content) = scene(9_000);
    let before = device.nonce.clone();
    let half = device.create(&mut town, file_of(&content), &content[..4_000]);
    assert_eq!((half.status, half.up().offset), (201, 4_000));
    assert!(!half.next.is_empty() && half.next != before);
    // Again: the same upload goes on where it is, whatever first bytes come.
    let again = device.create(&mut town, file_of(&content), &content[..100]);
    assert_eq!((again.up().id, again.up().offset), (half.up().id, 4_000));
    let done = device.patch(&mut town, half.up().id, 4_000, &content[4_000..]);
    assert_eq!(done.receipt().bytes, 9_000);
    let other = bytes(2, 500);
    town.visit("gw-01", EAST, &[record(file_of(&other), None, None)]);
    let at_once = device.create(&mut town, file_of(&other), &other);
    assert_eq!((at_once.status, at_once.receipt().index), (201, 2));
}

#[test]
fn identical_bytes_are_sent_and_stored_once() {
    let (mut town, mut device, content) = scene(5_000);
    town.visit("gw-02", EAST, &[record(file_of(&content), None, None)]);
    let mut other = Device::enrol(&mut town, "gw-02", 2);
    // Both are under way when the first arrives.
    let theirs = other.create(&mut town, file_of(&content), &content[..10]);
    assert_eq!(theirs.up().offset, 10);
    let first = device.bring(&mut town, &content);
    let theirs = other.head(&mut town, theirs.up().id);
    assert_eq!(theirs.up().offset, 5_000, "never sent again");
    assert_eq!(theirs.receipt().index, first.receipt().index);
    assert_eq!(theirs.receipt().device, other.id);
    let third = other.create(&mut town, file_of(&content), &[]);
    assert_eq!(third.receipt(), theirs.receipt());
    assert_eq!(town.count("SELECT count(*) FROM files"), 1);
    assert_eq!(files(&town.folder()).len(), 1);
}

type Bend = fn(&Device, UploadId, &[u8]) -> Request;

fn with(mut request: Request, name: &str, value: Option<&str>) -> Request {
    request.headers.retain(|(n, _)| n != name);
    request.headers.extend(value.map(|v| (name.to_owned(), v.to_owned())));
    request
}

/// What is wrong with a request about the open upload, which has 1,000 of 3,000 bytes.
fn refusals() -> Vec<(&'static str, (u16, &'static str), Bend)> {
    vec![
        ("a step back", (409, "wrong_offset"), |d, id, c| d.patch_request(id, 0, &c[..1_000])),
        ("a step ahead", (409, "wrong_offset"), |d, id, c| d.patch_request(id, 1_001, &c[1_001..])),
        ("a byte too much", (413, "too_large"), |d, id, c| {
            d.patch_request(id, 1_000, &[&c[1_000..], b"x"].concat())
        }),
        ("a part too long", (413, "too_large"), |d, id, _| {
            d.patch_request(id, 1_000, &vec![0; limits::UPLOAD_PART_BYTES + 1])
        }),
        ("no version", (412, "tus_version"), |d, id, c| {
            let r = d.patch_request(id, 1_000, &c[1_000..]);
            with(r, "tus-resumable", None)
        }),
        ("another media type", (415, "media_type"), |d, id, c| {
            let r = d.patch_request(id, 1_000, &c[1_000..]);
            with(r, "content-type", Some("image/jpeg"))
        }),
        ("no offset", (400, "upload_offset"), |d, id, c| {
            let r = d.patch_request(id, 1_000, &c[1_000..]);
            with(r, "upload-offset", None)
        }),
        ("an offset that was not signed", (401, "nonce"), |d, id, c| {
            let r = d.patch_request(id, 0, &c[1_000..]);
            with(r, "upload-offset", Some("1000"))
        }),
        ("an unreadable checksum", (400, "upload_checksum"), |d, id, c| {
            let r = d.patch_request(id, 1_000, &c[1_000..]);
            with(r, "upload-checksum", Some("crc32 AAAAAA=="))
        }),
        ("a wrong checksum", (460, "checksum_mismatch"), |d, id, c| {
            let r = d.patch_request(id, 1_000, &c[1_000..]);
            let sum = format!("sha256 {}", STANDARD.encode([7; 32]));
            with(r, "upload-checksum", Some(&sum))
        }),
        ("a damaged body", (401, "digest_mismatch"), |d, id, c| {
            let mut r = d.patch_request(id, 1_000, &c[1_000..]);
            r.body[5] ^= 1;
            r
        }),
        ("the nonce of a sync", (401, "nonce"), |d, id, c| {
            d.request("PATCH", &id.path(), patch_headers(1_000), &c[1_000..], &d.nonce)
        }),
        ("another id as nonce", (401, ""), |d, id, _| {
            let other = UploadId([9; 16]).to_string();
            d.request("HEAD", &id.path(), vec![("tus-resumable".into(), "1.0.0".into())], &[], &other)
        }),
        ("an unknown upload", (404, "not_found"), |d, _, c| d.patch_request(UploadId([9; 16]), 0, &c[..10])),
        ("an unknown upload, HEAD", (404, ""), |d, _, _| d.bare_request("HEAD", UploadId([9; 16]))),
        ("PUT", (404, "not_found"), |d, id, c| {
            d.request("PUT", &id.path(), patch_headers(1_000), &c[1_000..], &patch_nonce(id, 1_000))
        }),
        ("an id in capitals", (404, "not_found"), |d, id, c| {
            let path = format!("{UPLOADS_PATH}/{}", id.to_string().to_uppercase());
            d.request("PATCH", &path, patch_headers(1_000), &c[1_000..], &patch_nonce(id, 1_000))
        }),
        ("unsigned", (401, "missing_header"), |d, id, c| {
            let mut r = d.patch_request(id, 1_000, &c[1_000..]);
            r.headers.truncate(3);
            r
        }),
        ("length that no record says", (409, "wrong_length"), |d, _, c| {
            d.create_request(FileRef { bytes: 2_999, ..file_of(c) }, &[])
        }),
        ("a file no record names", (409, "not_cited"), |d, _, _| {
            d.create_request(FileRef { sha256: Hash([1; 32]), bytes: 3_000 }, &[])
        }),
        ("a file of 64 MiB and a byte", (413, "too_large"), |d, _, c| {
            d.create_request(FileRef { bytes: limits::MAX_FILE_BYTES + 1, ..file_of(c) }, &[])
        }),
        ("a creation without length", (400, "upload_length"), |d, _, c| {
            with(d.create_request(file_of(c), &[]), "upload-length", None)
        }),
        ("a creation without hash", (400, "upload_metadata"), |d, _, c| {
            with(d.create_request(file_of(c), &[]), "upload-metadata", Some("filename YQ=="))
        }),
        ("first bytes of an unknown type", (415, "media_type"), |d, _, c| {
            with(d.create_request(file_of(c), &c[..5]), "content-type", None)
        }),
    ]
}

#[test]
fn what_deviates_is_refused_by_name_and_changes_nothing() {
    let (mut town, mut device, content) = scene(3_000);
    let id = device.create(&mut town, file_of(&content), &content[..1_000]).up().id;
    for (what, want, bend) in refusals() {
        let request = bend(&device, id, &content);
        let before = town.footprint();
        let answer = device.send(&mut town, &request);
        assert_eq!(answer.refusal(), want, "{what}");
        assert_eq!(town.footprint(), before, "{what} changed something");
        // Only what carries a one-time nonce is given the next.
        let creation = request.method == "POST";
        assert_eq!(!answer.next.is_empty(), creation, "{what}");
    }
    assert_eq!(device.patch(&mut town, id, 1_000, &content[1_000..]).receipt().bytes, 3_000);
}

#[test]
fn checksums_that_fit_are_taken() {
    let (mut town, mut device, content) = scene(3_000);
    let id = device.create(&mut town, file_of(&content), &[]).up().id;
    let sum = format!("sha256 {}", STANDARD.encode(Sha256::digest(&content[..1_000])));
    let request = with(device.patch_request(id, 0, &content[..1_000]), "upload-checksum", Some(&sum));
    assert_eq!(device.send(&mut town, &request).up().offset, 1_000);
}

#[test]
fn options_say_what_is_spoken_to_anybody() {
    let mut town = Town::new();
    for path in [UPLOADS_PATH.to_owned(), UploadId([1; 16]).path()] {
        let request = Request { method: "OPTIONS".into(), path, ..Request::default() };
        let response = town.hq().handle(&[request]).pop().unwrap();
        assert_eq!(response.status, 204);
        let h = |name| header(&response.headers, name).unwrap();
        assert_eq!((h("tus-version"), h("tus-resumable"), h("tus-max-size")), ("1.0.0", "1.0.0", "67108864"));
        assert_eq!(h("tus-extension"), upload::TUS_EXTENSIONS);
        assert_eq!(h("tus-checksum-algorithm"), "sha1,sha256");
    }
}

/// Whoever repeats what he has overheard moves nothing.
#[test]
fn a_replayed_request_has_no_effect() {
    let (mut town, mut device, content) = scene(3_000);
    let creation = device.create_request(file_of(&content), &content[..500]);
    let id = device.send(&mut town, &creation).up().id;
    let before = town.footprint();
    let next = device.nonce.clone();
    let replayed = device.send(&mut town, &creation);
    assert_eq!((replayed.refusal(), &replayed.next), ((401, "nonce"), &next), "the device's nonce stands");
    let part = device.patch_request(id, 500, &content[500..900]);
    assert_eq!(device.send(&mut town, &part).up().offset, 900);
    let after = town.footprint();
    assert_ne!(before, after);
    let replayed = device.send(&mut town, &part);
    assert_eq!(replayed.refusal(), (409, "wrong_offset"));
    // Two at once in one batch: one of them counts.
    let part = device.patch_request(id, 900, &content[900..1_000]);
    let both = town.hq().handle(&[part.clone(), part.clone()]);
    let codes: Vec<u16> = both.iter().map(|r| read(&device.hq_key, &part, r).status).collect();
    assert_eq!(codes, [204, 409]);
    assert_eq!(device.head(&mut town, id).up().offset, 1_000);
    let other = bytes(2, 300);
    town.visit("gw-01", EAST, &[record(file_of(&other), None, None)]);
    let creation = device.create_request(file_of(&other), &other[..100]);
    let both = town.hq().handle(&[creation.clone(), creation.clone()]);
    let codes: Vec<u16> = both.iter().map(|r| read(&device.hq_key, &creation, r).status).collect();
    assert_eq!(codes, [201, 401]);
}

#[test]
fn uploads_end() {
    let (mut town, mut device, content) = scene(3_000);
    let file = file_of(&content);
    // Given up by the device.
    let first = device.create(&mut town, file, &content[..100]).up().id;
    assert_eq!(device.delete(&mut town, first).status, 204);
    assert_eq!(files(&town.folder()), []);
    assert_eq!(device.patch(&mut town, first, 0, &content[..5]).refusal(), (410, "upload_gone"));
    assert_eq!(device.head(&mut town, first).status, 410);
    assert_eq!(device.delete(&mut town, first).refusal(), (410, "upload_gone"));
    // By time, which every sign of life moves.
    let second = device.create(&mut town, file, &content[..100]).up().id;
    assert_ne!(second, first);
    town.advance(5 * DAY);
    assert_eq!(device.head(&mut town, second).up().offset, 100);
    town.advance(5 * DAY);
    assert_eq!(device.patch(&mut town, second, 100, &content[100..200]).status, 204);
    town.open(0);
    assert_eq!(device.head(&mut town, second).up().offset, 200, "a restart sweeps nothing alive");
    town.advance(8 * DAY);
    assert_eq!(device.head(&mut town, second).status, 410);
    town.open(0);
    assert_eq!(files(&town.folder()), [], "swept");
    // A new one starts anew, and a finished one says so as long as its row is kept.
    let third = device.create(&mut town, file, &content).up().id;
    assert_eq!(device.patch(&mut town, third, 3_000, &[]).refusal(), (410, "upload_gone"));
    assert_eq!(device.delete(&mut town, third).refusal(), (410, "upload_gone"));
    assert_eq!(device.head(&mut town, third).receipt().file(), file);
    town.advance(15 * DAY);
    town.open(0);
    assert_eq!(device.head(&mut town, third).status, 404);
    assert_eq!(files(&town.folder()).len(), 1, "a finished file is never swept");
    assert_eq!(device.create(&mut town, file, &[]).receipt().index, 1);
}

/// A record may say a wrong length: the upload of that length never finishes, the other one does.
#[test]
fn an_upload_past_its_time_or_of_another_length_is_replaced() {
    let (mut town, mut device, content) = scene(3_000);
    let file = file_of(&content);
    town.visit("gw-02", EAST, &[record(FileRef { bytes: 2_000, ..file }, None, None)]);
    let first = device.create(&mut town, file, &content[..100]).up().id;
    town.advance(8 * DAY);
    let second = device.create(&mut town, file, &[]);
    assert_ne!(second.up().id, first);
    assert_eq!(second.up().offset, 0);
    assert_eq!(device.head(&mut town, first).status, 410);
    let wrong = device.create(&mut town, FileRef { bytes: 2_000, ..file }, &[]);
    assert_eq!((wrong.up().length, wrong.up().offset), (2_000, 0));
    assert_eq!(device.head(&mut town, second.up().id).status, 410);
    let refused = device.patch(&mut town, wrong.up().id, 0, &content[..2_000]);
    assert_eq!(refused.refusal(), (460, "hash_mismatch"));
    assert_eq!(device.create(&mut town, file, &content).receipt().file(), file);
}

#[test]
fn a_device_has_so_many_open_uploads() {
    let mut town = Town::new();
    let most = limits::MAX_OPEN_UPLOADS;
    let contents: Vec<Vec<u8>> = (0..=most).map(|n| bytes(n, 50)).collect();
    let records: Vec<_> = contents.iter().map(|c| record(file_of(c), None, None)).collect();
    for some in records.chunks(20) {
        town.visit("gw-01", EAST, some);
    }
    let mut device = Device::enrol(&mut town, "gw-01", 1);
    let mut ids = Vec::new();
    for content in contents.iter().take(most as usize) {
        ids.push(device.create(&mut town, file_of(content), &[]).up().id);
    }
    let last = file_of(contents.last().unwrap());
    assert_eq!(device.create(&mut town, last, &[]).refusal(), (429, "too_many_uploads"));
    assert_eq!(device.create(&mut town, file_of(&contents[0]), &[]).up().id, ids[0]);
    device.delete(&mut town, ids[3]);
    assert_eq!(device.create(&mut town, last, &[]).status, 201);
}

/// F29: until the date it may deliver what it took, and reads nothing; after it nothing at all.
#[test]
fn a_revoked_device_delivers_and_reads_nothing() {
    let (mut town, mut device, content) = scene(3_000);
    let id = device.create(&mut town, file_of(&content), &content[..500]).up().id;
    town.hq().revoke(device.id).unwrap();
    assert_eq!(device.get(&mut town, file_of(&content).sha256).refusal(), (403, "revoked"));
    let stranger = b"a file that nobody named".as_slice();
    assert_eq!(device.create(&mut town, file_of(stranger), &[]).refusal(), (409, "not_cited"));
    town.advance(14 * 86_400_000);
    assert_eq!(device.head(&mut town, id).status, 410, "given up meanwhile, as any upload");
    let id = device.create(&mut town, file_of(&content), &content[..500]).up().id;
    town.advance(1);
    let before = town.footprint();
    assert_eq!(device.patch(&mut town, id, 500, &content[500..]).refusal(), (403, "revoked"));
    assert_eq!(device.head(&mut town, id).status, 403);
    assert_eq!(device.create(&mut town, file_of(&content), &[]).refusal(), (403, "revoked"));
    assert_eq!(device.get(&mut town, file_of(&content).sha256).refusal(), (403, "revoked"));
    town.hq().handle_cut(&device.patch_request(id, 500, &content[500..]));
    assert_eq!(town.footprint(), before);
}

#[test]
fn a_connection_that_breaks_leaves_what_it_brought() {
    let (mut town, mut device, content) = scene(3_000);
    let id = device.create(&mut town, file_of(&content), &[]).up().id;
    let cut = |mut request: Request, at: usize| {
        request.body.truncate(at);
        request
    };
    let whole = device.patch_request(id, 0, &content);
    town.hq().handle_cut(&cut(whole.clone(), 700));
    assert_eq!(device.head(&mut town, id).up().offset, 700);
    // The same again, and one that was never signed, bring nothing.
    town.hq().handle_cut(&cut(whole.clone(), 900));
    town.hq().handle_cut(&with(cut(whole, 900), "upload-offset", Some("700")));
    let mut stranger = device.patch_request(id, 700, &content[700..]);
    stranger.headers.retain(|(n, _)| n != "signature");
    town.hq().handle_cut(&cut(stranger, 50));
    // With a checksum it is all or nothing.
    let sum = format!("sha256 {}", STANDARD.encode(Sha256::digest(&content[700..])));
    let summed = with(device.patch_request(id, 700, &content[700..]), "upload-checksum", Some(&sum));
    town.hq().handle_cut(&cut(summed, 50));
    // Neither does a creation.
    let creation = device.create_request(file_of(&content), &content);
    town.hq().handle_cut(&cut(creation, 50));
    assert_eq!(device.head(&mut town, id).up().offset, 700);
    let done = device.patch(&mut town, id, 700, &content[700..]);
    assert_eq!(done.receipt().file(), file_of(&content));
}

/// Bytes that are not the file's are found at the end, and the file comes anew.
#[test]
fn a_wrong_file_is_thrown_away_and_may_come_again() {
    let (mut town, mut device, content) = scene(3_000);
    let id = device.create(&mut town, file_of(&content), &content[..1_000]).up().id;
    let mut wrong = content[1_000..].to_vec();
    wrong[7] ^= 1;
    assert_eq!(device.patch(&mut town, id, 1_000, &wrong).refusal(), (460, "hash_mismatch"));
    assert_eq!(files(&town.folder()), []);
    assert_eq!(town.count("SELECT count(*) FROM files"), 0);
    assert_eq!(device.head(&mut town, id).up().offset, 0);
    assert_eq!(device.patch(&mut town, id, 0, &content).receipt().index, 1);
}

/// tus' own reader of answers finds everything it needs in the headers.
#[test]
fn an_answer_reads_back() {
    let (mut town, mut device, content) = scene(3_000);
    let made = device.create(&mut town, file_of(&content), &[]);
    let headers = Creation { file: file_of(&content) }.headers(false);
    assert_eq!(Creation::read(&headers).unwrap().file, file_of(&content));
    assert_eq!(UploadAnswer::read(&made.headers).as_ref(), Some(made.up()));
}
