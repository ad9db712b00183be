//! EXIF blocks as an independent reader sees them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use exif::{In, Reader, Tag, Value};
use lanewalk_camera::{ExifBlock, Gps, Shot};
use std::io::Cursor;

fn block(big_endian: bool) -> ExifBlock {
    ExifBlock {
        // 2026-06-22 10:05:07.789
        local_ms: Some(1_782_122_707_789),
        offset_min: Some(-210),
        gps: Some(Gps {
            lat: -33.123_456,
            lon: 116.407_4,
            time_ms: Some(1_782_093_907_500),
            datum: "WGS-84".into(),
            error_m: Some(4.75),
        }),
        make: "A".into(),
        model: "走街 1".into(),
        software: "4.2".into(),
        orientation: Some(6),
        big_endian,
    }
}

#[test]
fn reads_back_in_both_byte_orders() {
    for big_endian in [false, true] {
        let read = Reader::new().read_raw(block(big_endian).tiff()).unwrap();
        let text = |tag| match &read.get_field(tag, In::PRIMARY).unwrap().value {
            Value::Ascii(lines) => String::from_utf8(lines[0].clone()).unwrap(),
            other => panic!("{tag}: {other:?}"),
        };
        let numbers = |tag| match &read.get_field(tag, In::PRIMARY).unwrap().value {
            Value::Rational(all) => all.iter().map(exif::Rational::to_f64).collect::<Vec<_>>(),
            other => panic!("{tag}: {other:?}"),
        };
        assert_eq!(text(Tag::Make), "A");
        assert_eq!(text(Tag::Model), "走街 1");
        assert_eq!(text(Tag::Software), "4.2");
        assert_eq!(text(Tag::DateTimeOriginal), "2026:06:22 10:05:07");
        assert_eq!(text(Tag::SubSecTimeOriginal), "789");
        assert_eq!(text(Tag::OffsetTimeOriginal), "-03:30");
        assert_eq!(text(Tag::GPSLatitudeRef), "S");
        assert_eq!(text(Tag::GPSLongitudeRef), "E");
        assert_eq!(text(Tag::GPSMapDatum), "WGS-84");
        assert_eq!(text(Tag::GPSDateStamp), "2026:06:22");
        assert_eq!(numbers(Tag::GPSTimeStamp), [2.0, 5.0, 7.5]);
        assert_eq!(numbers(Tag::GPSHPositioningError), [4.75]);
        assert_eq!(numbers(Tag::GPSLatitude), [33.0, 7.0, 24.4416]);
        assert_eq!(numbers(Tag::GPSLongitude), [116.0, 24.0, 26.64]);
        let turn = read.get_field(Tag::Orientation, In::PRIMARY).unwrap();
        assert_eq!(turn.value.get_uint(0), Some(6));
    }
}

#[test]
fn a_shot_carries_its_orientation() {
    let shot = Shot { width: 64, height: 48, orientation: 8, ..Shot::default() };
    for shot in [shot.clone(), Shot { exif: Some(ExifBlock::default()), ..shot }] {
        let read = Reader::new().read_from_container(&mut Cursor::new(shot.jpeg())).unwrap();
        let turn = read.get_field(Tag::Orientation, In::PRIMARY).unwrap();
        assert_eq!(turn.value.get_uint(0), Some(8));
    }
}

#[test]
fn impossible_values_are_written_without_a_panic() {
    for n in [i64::MIN, -1, i64::MAX] {
        let gps = Gps {
            lat: f64::NAN,
            lon: f64::INFINITY,
            time_ms: Some(n),
            error_m: Some(-1.0),
            ..Gps::default()
        };
        let block = ExifBlock {
            local_ms: Some(n),
            offset_min: Some(i32::MIN),
            gps: Some(gps),
            orientation: Some(99),
            ..ExifBlock::default()
        };
        assert!(Reader::new().read_raw(block.tiff()).is_ok());
    }
}
