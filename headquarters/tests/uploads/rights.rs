//! Who may bring and read which file (F43): the same answers as for the visits that name it.

use crate::device::{Device, EAST, START, Town, WEST, bytes, file_of, read, record};
use lanewalk_model::{photo::FileRef, time::TimeMs};
use lanewalk_protocol::{http::header, limits, upload::UploadId};

struct Scene {
    town: Town,
    original: Vec<u8>,
    evidence: Vec<u8>,
    thumbnail: Vec<u8>,
}

fn scene() -> Scene {
    let mut town = Town::new();
    let (original, evidence, thumbnail) = (bytes(1, 9_000), bytes(2, 4_000), bytes(3, 700));
    let photo = record(file_of(&original), Some(file_of(&evidence)), Some(file_of(&thumbnail)));
    town.visit("gw-01", EAST, &[photo]);
    Scene { town, original, evidence, thumbnail }
}

/// Every worker by every file: who may bring it, who may read it.
#[test]
fn files_follow_their_visits() {
    let Scene { mut town, original, evidence, thumbnail } = scene();
    // (worker, may bring, may read): author, colleague in the grid, another grid, property staff
    // of the grid who is not assigned.
    let matrix =
        [("gw-01", true, true), ("gw-02", true, true), ("gw-03", false, false), ("ps-01", false, false)];
    let mut devices: Vec<Device> = (1..).zip(matrix).map(|(n, m)| Device::enrol(&mut town, m.0, n)).collect();
    for content in [&original, &evidence, &thumbnail] {
        for (device, (who, bring, _)) in devices.iter_mut().zip(matrix) {
            let answer = device.create(&mut town, file_of(content), &[]);
            let want = if bring { (201, "") } else { (409, "not_cited") };
            assert_eq!(answer.refusal(), want, "{who}");
        }
        assert_eq!(
            devices[0].get(&mut town, file_of(content).sha256).refusal(),
            (404, "not_found"),
            "not here"
        );
        devices[0].bring(&mut town, content);
        for (device, (who, bring, _)) in devices.iter_mut().zip(matrix) {
            let answer = device.create(&mut town, file_of(content), &[]);
            assert_eq!(answer.refusal(), if bring { (201, "") } else { (409, "not_cited") }, "{who}");
        }
    }
    for (device, (who, _, may_read)) in devices.iter_mut().zip(matrix) {
        for content in [&evidence, &thumbnail] {
            let answer = device.get(&mut town, file_of(content).sha256);
            if may_read {
                assert_eq!((answer.status, &answer.body), (200, content), "{who}");
                let h = |name| header(&answer.headers, name).unwrap_or_default();
                assert_eq!(h("content-type"), "application/octet-stream");
                assert_eq!(
                    (h("x-content-type-options"), h("content-disposition")),
                    ("nosniff", "attachment")
                );
            } else {
                assert_eq!(answer.refusal(), (404, "not_found"), "{who}");
            }
        }
        let answer = device.get(&mut town, file_of(&original).sha256);
        assert_eq!(answer.refusal(), (404, "not_found"), "{who}: originals are for nobody's phone");
        let answer = device.get(&mut town, file_of(b"nothing").sha256);
        assert_eq!(answer.refusal(), (404, "not_found"), "{who}: unknown looks the same");
    }
}

/// An upload's id is worth nothing on another device, not even that it exists.
#[test]
fn uploads_of_others_are_not_found() {
    let Scene { mut town, original, .. } = scene();
    let mut owner = Device::enrol(&mut town, "gw-01", 1);
    let id = owner.create(&mut town, file_of(&original), &original[..100]).up().id;
    for (n, who) in [(2, "gw-01"), (3, "gw-02"), (4, "gw-03")] {
        let mut other = Device::enrol(&mut town, who, n);
        let before = town.footprint();
        for unknown in [id, UploadId([7; 16])] {
            assert_eq!(other.patch(&mut town, unknown, 100, &original[100..]).refusal(), (404, "not_found"));
            assert_eq!(other.delete(&mut town, unknown).refusal(), (404, "not_found"));
            assert_eq!(other.head(&mut town, unknown).status, 404);
        }
        town.hq().handle_cut(&other.patch_request(id, 100, &original[100..]));
        // And a request signed by one key in the name of another device.
        let forged = Device { id: owner.id, ..other };
        let request = forged.patch_request(id, 100, &original[100..]);
        let response = town.hq().handle(std::slice::from_ref(&request)).pop().unwrap();
        let answer = read(&owner.hq_key, &request, &response);
        assert_eq!(answer.refusal(), (401, "bad_signature"));
        assert_eq!(town.footprint(), before);
    }
}

/// Who took a photo delivers it, whoever holds the grid by then; but reads it no more.
#[test]
fn the_author_delivers_after_losing_the_grid() {
    let Scene { mut town, evidence, .. } = scene();
    let mut device = Device::enrol(&mut town, "gw-01", 1);
    town.hq().end_grant("gw-01", EAST, TimeMs(START + 1_000)).unwrap();
    town.advance(3_600_000);
    assert_eq!(device.bring(&mut town, &evidence).receipt().index, 1);
    assert_eq!(device.get(&mut town, file_of(&evidence).sha256).refusal(), (404, "not_found"));
    // So does one that comes after phones have long dropped the visit.
    let Scene { mut town, evidence, .. } = scene();
    let (mut author, mut colleague) =
        (Device::enrol(&mut town, "gw-01", 1), Device::enrol(&mut town, "gw-02", 2));
    town.advance(60 * 24 * 3_600_000);
    assert_eq!(colleague.create(&mut town, file_of(&evidence), &[]).refusal(), (409, "not_cited"));
    assert_eq!(author.bring(&mut town, &evidence).receipt().index, 1);
}

/// Who has kept a hash cannot cite himself in, nor turn an original into a copy.
#[test]
fn a_record_of_ones_own_opens_no_file_of_others() {
    let Scene { mut town, original, evidence, .. } = scene();
    let mut owner = Device::enrol(&mut town, "gw-01", 1);
    owner.bring(&mut town, &evidence);
    owner.bring(&mut town, &original);
    let own = record(file_of(&bytes(8, 10)), Some(file_of(&evidence)), Some(file_of(&original)));
    town.visit("gw-03", WEST, &[own]);
    let mut thief = Device::enrol(&mut town, "gw-03", 3);
    assert_eq!(thief.get(&mut town, file_of(&evidence).sha256).refusal(), (404, "not_found"));
    assert_eq!(thief.get(&mut town, file_of(&original).sha256).refusal(), (404, "not_found"));
    // Nor does it take the owner's reading away.
    assert_eq!(owner.get(&mut town, file_of(&evidence).sha256).status, 200);
    // Two visits with one picture, both honest: each grid reads it.
    let mut theirs = Device::enrol(&mut town, "gw-02", 2);
    assert_eq!(theirs.get(&mut town, file_of(&evidence).sha256).status, 200);
}

/// A copy must fit into an answer; an original need not.
#[test]
fn copies_have_a_smaller_limit() {
    let mut town = Town::new();
    let long = FileRef { bytes: limits::MAX_COPY_BYTES + 1, ..file_of(b"copy") };
    let original = FileRef { bytes: limits::MAX_FILE_BYTES, ..file_of(b"original") };
    let beyond = FileRef { bytes: limits::MAX_FILE_BYTES + 1, ..file_of(b"beyond") };
    let empty = FileRef { bytes: 0, ..file_of(b"empty") };
    town.visit("gw-01", EAST, &[record(original, Some(long), Some(empty)), record(beyond, None, None)]);
    let mut device = Device::enrol(&mut town, "gw-01", 1);
    assert_eq!(device.create(&mut town, long, &[]).refusal(), (413, "too_large"));
    assert_eq!(device.create(&mut town, beyond, &[]).refusal(), (413, "too_large"));
    assert_eq!(device.create(&mut town, empty, &[]).refusal(), (409, "wrong_length"));
    assert_eq!(device.create(&mut town, original, &[]).status, 201);
}

/// Records nobody can read, and lengths no column holds, name nothing and break nothing.
#[test]
fn strange_records_are_harmless() {
    use lanewalk_model::{document::Edit, schema::DocKind};
    let mut town = Town::new();
    let visit = town.hq().new_id(DocKind::Visit);
    let huge = format!(
        r#"{{"sha256":"{}","bytes":{},"taken_at":1,"role":"after","in_app":true}}"#,
        "07".repeat(32),
        u64::MAX
    );
    let edits = vec![
        Edit::set("by", "gw-01"),
        Edit::set("grid", EAST),
        Edit::set(format!("photo/{}", "1".repeat(32)), huge),
        Edit::set(format!("photo/{}", "2".repeat(32)), "{"),
        Edit::set(format!("photo/{}", "3".repeat(32)), "null"),
    ];
    town.hq().write_by_rule(&[(visit, edits)]).unwrap();
    assert_eq!(town.count("SELECT count(*) FROM file_refs"), 0);
}
