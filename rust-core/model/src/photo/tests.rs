#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice)]
use super::*;
use crate::{clock_trust::ClockTrust, datum::Datum, position::Source};
use proptest::prelude::*;

/// 2026-06-22 10:05 in China.
const NOW: i64 = 1_782_093_900_000;

fn at(lat_e7: i32, lon_e7: i32, accuracy: Option<u32>) -> Position {
    Position::new(lat_e7, lon_e7, accuracy, Source::Gps, false, Datum::Wgs84).unwrap()
}

fn record() -> PhotoRecord {
    PhotoRecord {
        original: FileRef { sha256: Hash([7; 32]), bytes: 3_000_000 },
        evidence: None,
        thumbnail: None,
        media: "image/jpeg".into(),
        size: Some((4000, 3000)),
        taken_at: TimeMs(NOW),
        role: PhotoRole::Before,
        in_app: true,
        position: None,
        phash: Some(PHash(0x1234_5678_9abc_def0)),
        exif: None,
    }
}

fn found(photo: &PhotoRecord, around: &Surroundings) -> Vec<Doubt> {
    doubts(photo, around, &DoubtLimits::default())
}

#[test]
fn the_record_of_the_first_version_still_reads() {
    let old = r#"{"sha256":"0707070707070707070707070707070707070707070707070707070707070707","bytes":5,
        "taken_at":1782093900000,"role":"after","in_app":false,"from_a_newer_version":1}"#;
    let photo: PhotoRecord = serde_json::from_str(old).unwrap();
    assert_eq!(photo.original, FileRef { sha256: Hash([7; 32]), bytes: 5 });
    assert_eq!(photo.parts().map(|(part, _)| part).collect::<Vec<_>>(), [PhotoPart::Original]);
    let again: PhotoRecord = serde_json::from_str(&crate::records::to_json(&photo)).unwrap();
    assert_eq!(again, photo);
    for bad in ["\"sha256\":\"07\"", "\"sha256\":\"zz\"", "\"sha256\":5"] {
        let text = old.replacen(&old[1..75], bad, 1);
        assert!(serde_json::from_str::<PhotoRecord>(&text).is_err(), "{text}");
    }
}

#[test]
fn a_full_record_goes_through_json() {
    let file = |n| Some(FileRef { sha256: Hash([n; 32]), bytes: u64::from(n) });
    let photo = PhotoRecord {
        evidence: file(1),
        thumbnail: file(2),
        position: Some(at(367_005_000, 1_191_320_000, Some(8))),
        exif: Some(ExifFacts { local_ms: Some(5), camera: "NIKON".into(), ..ExifFacts::default() }),
        ..record()
    };
    let json = crate::records::to_json(&photo);
    assert_eq!(serde_json::from_str::<PhotoRecord>(&json).unwrap(), photo);
    let order: Vec<_> = photo.parts().map(|(part, file)| (part.id(), file.bytes)).collect();
    assert_eq!(order, [("thumbnail", 2), ("evidence", 1), ("original", 3_000_000)]);
}

/// The sample whose camera ran 23 h 58 m behind the satellites (Arezzo, no offset written): the
/// nautical zone there is one hour short of the summer time the camera was set to.
#[test]
fn a_camera_clock_far_from_the_satellites_is_seen() {
    let arezzo = at(434_674_000, 118_853_000, None);
    let exif = ExifFacts {
        local_ms: Some(1_224_692_919_000),
        gps_ms: Some(1_224_772_027_240),
        position: Some(arezzo),
        ..ExifFacts::default()
    };
    let photo = PhotoRecord { exif: Some(exif.clone()), in_app: false, ..record() };
    let doubts = found(&photo, &Surroundings::default());
    let ahead_s = -(22 * 3_600 + 58 * 60 + 28);
    assert_eq!(doubts, [Doubt::Imported, Doubt::CameraClock { ahead_s, zone_inferred: true }]);
    assert!(doubts[1].zh().contains("慢22小时58分钟(时区按地点推定)"), "{}", doubts[1].zh());
    // With its offset written the difference is the whole 23 h 58 m.
    let exif = ExifFacts { offset_min: Some(120), ..exif };
    let photo = PhotoRecord { exif: Some(exif), ..photo };
    let ahead_s = -(23 * 3_600 + 58 * 60 + 28);
    assert!(
        found(&photo, &Surroundings::default())
            .contains(&Doubt::CameraClock { ahead_s, zone_inferred: false })
    );
}

#[test]
fn clocks_that_agree_and_files_that_say_nothing_raise_no_doubt() {
    let beijing = |local: i64, gps| ExifFacts { local_ms: Some(local), gps_ms: gps, ..ExifFacts::default() };
    let local = NOW + 8 * 3_600_000;
    for exif in
        [None, Some(beijing(local, None)), Some(beijing(local, Some(NOW))), Some(ExifFacts::default())]
    {
        let photo = PhotoRecord { exif, ..record() };
        assert_eq!(found(&photo, &Surroundings::default()), []);
    }
    // A day off, in the app: the phone's clock or the camera's is wrong.
    let photo = PhotoRecord { exif: Some(beijing(local - 86_400_000, None)), ..record() };
    assert_eq!(found(&photo, &Surroundings::default()), [Doubt::PhoneClock { ahead_s: -86_400 }]);
    // The tolerance of a written offset is minutes.
    let wrong = ExifFacts { offset_min: Some(480), ..beijing(local + 601_000, None) };
    let photo = PhotoRecord { exif: Some(wrong), ..record() };
    assert_eq!(found(&photo, &Surroundings::default()), [Doubt::PhoneClock { ahead_s: 601 }]);
}

#[test]
fn old_far_faked_and_edited_photos_are_seen() {
    let exif = ExifFacts {
        gps_ms: Some(NOW - 3 * 86_400_000),
        position: Some(at(367_005_000, 1_191_320_000, None)),
        software: "Adobe Photoshop 25.1".into(),
        ..ExifFacts::default()
    };
    let photo = PhotoRecord { exif: Some(exif), in_app: false, ..record() };
    let around = Surroundings {
        visit_started: Some(TimeMs(NOW)),
        place: Some(at(367_095_000, 1_191_320_000, Some(100))),
    };
    let doubts = found(&photo, &around);
    let Doubt::FarFromPlace { metres } = doubts[3] else { panic!("{doubts:?}") };
    assert!((880..=920).contains(&metres), "{metres}: a thousand metres less the accuracy");
    assert_eq!(doubts[..3], [Doubt::Imported, Doubt::BeforeVisit { by_s: 3 * 86_400 }, Doubt::Edited]);
    let mock = Position::new(367_095_000, 1_191_320_000, Some(5), Source::Gps, true, Datum::Wgs84).unwrap();
    let photo = PhotoRecord { position: Some(mock), ..photo };
    let codes: Vec<_> = found(&photo, &around).into_iter().map(Doubt::code).collect();
    assert_eq!(codes, ["imported", "before_visit", "edited", "elsewhere_in_file", "mock_position"]);
    // 0°, 0° is how some phones say "no fix".
    let photo = PhotoRecord { position: Some(at(0, 0, Some(5))), exif: None, in_app: true, ..record() };
    assert_eq!(found(&photo, &around), []);
}

#[test]
fn no_number_in_a_file_makes_the_rule_panic() {
    let exif = ExifFacts {
        local_ms: Some(i64::MIN),
        offset_min: Some(i32::MAX),
        gps_ms: Some(i64::MAX),
        ..ExifFacts::default()
    };
    let photo = PhotoRecord { exif: Some(exif), taken_at: TimeMs(i64::MIN), ..record() };
    let around = Surroundings { visit_started: Some(TimeMs(i64::MAX)), place: None };
    for doubt in found(&photo, &around) {
        assert!(!doubt.zh().is_empty() && !doubt.en().is_empty());
    }
}

#[test]
fn the_stamp_says_who_when_where_and_what_proves_it() {
    let facts = StampFacts {
        at: TimeMs(NOW),
        trust: Some(ClockTrust::Anchored),
        place: "金御皇庭3号楼".into(),
        grid: "370705005004001".into(),
        worker: "张晓(网格员)".into(),
        order: "20260622-017".into(),
        beacon: [0x3f, 0x9a, 0x12, 0xbc],
        imported: false,
    };
    assert_eq!(
        stamp_lines(&facts),
        [
            "2026-06-22 10:05:00 拍摄 时间已校准",
            "金御皇庭3号楼 网格370705005004001",
            "张晓(网格员) · 工单 20260622-017",
            "走街串巷 总部校时码 3F9A-12BC",
        ]
    );
    assert_eq!(
        stamp_lines(&StampFacts { imported: true, ..StampFacts::default() }),
        ["1970-01-01 08:00:00 导入 时间未校准", "走街串巷 总部校时码 无"]
    );
}

proptest! {
    #[test]
    fn turning_is_a_group_and_distance_does_not_see_it(a: u64, b: u64, way in 0_usize..8) {
        let (a, b) = (PHash(a & !1), PHash(b & !1));
        prop_assert_eq!(a.transposed().transposed(), a);
        prop_assert_eq!(a.mirrored().mirrored(), a);
        prop_assert_eq!(a.transposed().mirrored().transposed(), a.flipped());
        prop_assert_eq!(a.distance(a.orientations()[way]), 0);
        prop_assert_eq!(a.distance(b), b.distance(a));
        prop_assert_eq!(a.orientations()[way].distance(b), a.distance(b));
    }

    #[test]
    fn a_hash_is_sixteen_digits(a: u64) {
        let json = serde_json::to_string(&PHash(a)).unwrap();
        prop_assert_eq!(json.len(), 18);
        prop_assert_eq!(serde_json::from_str::<PHash>(&json).unwrap(), PHash(a));
    }
}
