//! EXIF facts: real samples as exiftool reads them, blocks built by hand, broken blocks.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr)]

use lanewalk_media::exif::{Exif, read};
use lanewalk_model::{
    datum::Datum,
    photo::{Doubt, DoubtLimits, ExifFacts, FileRef, PhotoRecord, PhotoRole, Surroundings, doubts},
    position::{Position, Source},
    time::TimeMs,
};
use proptest::prelude::*;

const MAIN: usize = 0;
const PHOTO: usize = 1;
const GPS: usize = 2;

/// One entry: directory, tag, type, element count, bytes in the block's byte order.
type Field = (usize, u16, u16, u32, Vec<u8>);

struct Builder {
    big: bool,
    fields: Vec<Field>,
}

impl Builder {
    fn new(big: bool) -> Self {
        Self { big, fields: Vec::new() }
    }

    fn u16(&self, n: u16) -> [u8; 2] {
        if self.big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    fn u32(&self, n: u32) -> [u8; 4] {
        if self.big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    fn text(mut self, directory: usize, tag: u16, text: &str) -> Self {
        let bytes = [text.as_bytes(), b"\0"].concat();
        self.fields.push((directory, tag, 2, bytes.len() as u32, bytes));
        self
    }

    fn short(mut self, directory: usize, tag: u16, n: u16) -> Self {
        let bytes = self.u16(n).to_vec();
        self.fields.push((directory, tag, 3, 1, bytes));
        self
    }

    fn ratios(mut self, directory: usize, tag: u16, parts: &[(u32, u32)]) -> Self {
        let bytes = parts.iter().flat_map(|(a, b)| [self.u32(*a), self.u32(*b)].concat()).collect();
        self.fields.push((directory, tag, 5, parts.len() as u32, bytes));
        self
    }

    /// Lays the three directories one after the other, long values behind them.
    fn block(mut self) -> Vec<u8> {
        let sizes: Vec<usize> = (0..3)
            .map(|d| self.fields.iter().filter(|f| f.0 == d).count() + if d == MAIN { 2 } else { 0 })
            .map(|n| 2 + 12 * n + 4)
            .collect();
        for (directory, tag) in [(PHOTO, 0x8769_u16), (GPS, 0x8825)] {
            let at = (8 + sizes[..directory].iter().sum::<usize>()) as u32;
            let bytes = self.u32(at).to_vec();
            self.fields.push((MAIN, tag, 4, 1, bytes));
        }
        let mut out = if self.big { b"MM".to_vec() } else { b"II".to_vec() };
        out.extend(self.u16(42));
        out.extend(self.u32(8));
        let mut values: Vec<u8> = Vec::new();
        let values_at = 8 + sizes.iter().sum::<usize>();
        for directory in [MAIN, PHOTO, GPS] {
            let fields: Vec<&Field> = self.fields.iter().filter(|f| f.0 == directory).collect();
            out.extend(self.u16(fields.len() as u16));
            for (_, tag, kind, count, bytes) in fields {
                out.extend(self.u16(*tag));
                out.extend(self.u16(*kind));
                out.extend(self.u32(*count));
                if bytes.len() <= 4 {
                    out.extend(bytes.iter().copied().chain([0; 4]).take(4));
                } else {
                    out.extend(self.u32((values_at + values.len()) as u32));
                    values.extend(bytes);
                }
            }
            out.extend(self.u32(0));
        }
        out.extend(values);
        out
    }
}

/// A whole block as a phone in 潍坊 would write it.
fn phone(big: bool) -> Builder {
    Builder::new(big)
        .text(MAIN, 0x010F, "HUAWEI")
        .text(MAIN, 0x0110, "HUAWEI P30")
        .short(MAIN, 0x0112, 6)
        .text(MAIN, 0x0131, "P30 10.0.0.173")
        .text(PHOTO, 0x9003, "2026:06:22 10:05:00")
        .text(PHOTO, 0x9011, "+08:00")
        .text(PHOTO, 0x9291, "25")
        .text(GPS, 1, "N")
        .ratios(GPS, 2, &[(36, 1), (42, 1), (180_000, 100_000)])
        .text(GPS, 3, "E")
        .ratios(GPS, 4, &[(119, 1), (7, 1), (5_520, 100)])
        .ratios(GPS, 7, &[(2, 1), (4, 1), (59, 1)])
        .text(GPS, 0x12, "WGS-84")
        .text(GPS, 0x1D, "2026:06:22")
        .ratios(GPS, 0x1F, &[(121, 10)])
}

fn fix(lat_e7: i32, lon_e7: i32, accuracy_m: Option<u32>, datum: Datum) -> Option<Position> {
    Position::new(lat_e7, lon_e7, accuracy_m, Source::Gps, false, datum).ok()
}

fn sample(name: &str) -> Option<Exif> {
    let path = format!("{}/../../../shared/data/photos/{name}", env!("CARGO_MANIFEST_DIR"));
    let Ok(jpeg) = std::fs::read(&path) else {
        eprintln!("skipped: the sample photo {name} is not there");
        return None;
    };
    let at = jpeg.windows(6).position(|w| w == b"Exif\0\0").unwrap();
    let length = usize::from(u16::from_be_bytes([jpeg[at - 2], jpeg[at - 1]]));
    Some(read(&jpeg[at + 6..at - 2 + length]))
}

fn clock_doubts(facts: &ExifFacts) -> Vec<Doubt> {
    let photo = PhotoRecord {
        original: FileRef { sha256: lanewalk_model::id::Hash([0; 32]), bytes: 1 },
        evidence: None,
        thumbnail: None,
        media: "image/jpeg".into(),
        size: None,
        taken_at: TimeMs(0),
        role: PhotoRole::Before,
        in_app: false,
        position: None,
        phash: None,
        exif: Some(facts.clone()),
    };
    let all = doubts(&photo, &Surroundings::default(), &DoubtLimits::default());
    all.into_iter().filter(|d| *d != Doubt::Imported).collect()
}

#[test]
fn the_nikon_sample_is_a_day_behind_its_satellites() {
    let Some(exif) = sample("DSCN0010.jpg") else { return };
    let expected = ExifFacts {
        local_ms: Some(1_224_692_919_000),
        offset_min: None,
        gps_ms: Some(1_224_772_027_240),
        // exiftool: 43.4674483333333 N, 11.8851266666639 E.
        position: fix(434_674_483, 118_851_267, None, Datum::Wgs84),
        datum: "WGS-84".into(),
        camera: "NIKON COOLPIX P6000".into(),
        software: "Nikon Transfer 1.1 W".into(),
    };
    assert_eq!(exif, Exif { facts: expected, orientation: 1 });
    let found = clock_doubts(&exif.facts);
    // 23 h 58 m at the summer time of the place; the zone inferred from the longitude is an hour off.
    let [Doubt::CameraClock { ahead_s, zone_inferred: true }] = found[..] else { panic!("{found:?}") };
    assert_eq!(ahead_s, -(22 * 3_600 + 58 * 60 + 28));
}

#[test]
fn the_nokia_sample_agrees_with_its_satellites() {
    let Some(exif) = sample("HMD_Nokia_8.3_5G.jpg") else { return };
    let expected = ExifFacts {
        local_ms: Some(1_660_486_351_000 + exif.facts.local_ms.unwrap() % 1_000),
        offset_min: Some(180),
        gps_ms: Some(1_660_475_552_000),
        // exiftool: 60.1467055555556 N, 24.9067722222222 E.
        position: fix(601_467_056, 249_067_722, None, Datum::Wgs84),
        datum: String::new(),
        camera: "HMD Global Nokia 8.3 5G".into(),
        software: "00WW_3_380_SP02".into(),
    };
    assert_eq!(exif, Exif { facts: expected, orientation: 1 });
    assert_eq!(clock_doubts(&exif.facts), []);
}

#[test]
fn the_turned_samples_say_how_they_are_held() {
    for way in [1, 3, 6, 8] {
        let Some(exif) = sample(&format!("landscape_{way}.jpg")) else { return };
        assert_eq!(exif, Exif { facts: ExifFacts::default(), orientation: way });
    }
}

#[test]
fn a_whole_block_in_both_byte_orders() {
    for big in [false, true] {
        let exif = read(&phone(big).block());
        let facts = ExifFacts {
            local_ms: Some(1_782_122_700_250),
            offset_min: Some(480),
            gps_ms: Some(1_782_093_899_000),
            position: fix(367_005_000, 1_191_320_000, Some(13), Datum::Wgs84),
            datum: "WGS-84".into(),
            camera: "HUAWEI P30".into(),
            software: "P30 10.0.0.173".into(),
        };
        assert_eq!(exif, Exif { facts, orientation: 6 }, "big endian: {big}");
        assert_eq!(clock_doubts(&exif.facts), []);
    }
}

#[test]
fn times_that_are_none() {
    let local = |text: &str| read(&Builder::new(true).text(PHOTO, 0x9003, text).block()).facts.local_ms;
    assert_eq!(local("2008:10:22 16:28:39"), Some(1_224_692_919_000));
    assert_eq!(local("2008-10-22T16:28:39"), Some(1_224_692_919_000));
    assert_eq!(local("2024:02:29 00:00:00"), Some(1_709_164_800_000));
    assert_eq!(local("1969:12:31 23:59:59"), Some(-1_000));
    for none in [
        "0000:00:00 00:00:00",
        "0000:01:01 00:00:00",
        "    :  :     :  :  ",
        "2023:02:29 00:00:00",
        "2008:13:01 00:00:00",
        "2008:10:22 24:00:00",
        "2008:10:22 16:60:00",
        "2008:10:22 16:28",
        "2008:10:22",
        "2008:10:22 16:28:39:00",
        "+008:10:22 16:28:39",
        "2008:+1:22 16:28:39",
        "二〇〇八:10:22 16:28:39",
        "",
    ] {
        assert_eq!(local(none), None, "{none}");
    }
    let part = |sub: &str| {
        let block = Builder::new(true).text(PHOTO, 0x9003, "1970:01:01 00:00:00").text(PHOTO, 0x9291, sub);
        read(&block.block()).facts.local_ms
    };
    for (sub, ms) in
        [("5", 500), ("054", 54), ("123456", 123), ("  ", 0), ("-1", 0), ("1e2", 0), ("9999", 999)]
    {
        assert_eq!(part(sub), Some(ms), "{sub}");
    }
    let offset = |texts: [&str; 2]| {
        let block = Builder::new(false).text(PHOTO, 0x9011, texts[0]).text(PHOTO, 0x9010, texts[1]);
        read(&block.block()).facts.offset_min
    };
    assert_eq!(offset(["+08:00", "+09:00"]), Some(480));
    assert_eq!(offset(["   :  ", "-03:30"]), Some(-210));
    assert_eq!(offset(["Z", ""]), Some(0));
    assert_eq!(offset(["+14:00", ""]), Some(840));
    for none in ["+14:01", "-15:00", "+08:60", "08:00", "+8:00", "+08:0", "+-8:00", "+08:00:00"] {
        assert_eq!(offset([none, none]), None, "{none}");
    }
}

/// The phone's block with one tag of the satellites' directory replaced.
fn gps_with(tag: u16, change: impl FnOnce(Builder) -> Builder) -> ExifFacts {
    let mut builder = phone(true);
    builder.fields.retain(|f| (f.0, f.1) != (GPS, tag));
    read(&change(builder).block()).facts
}

#[test]
fn fixes_that_are_none() {
    let lat = |parts: &[(u32, u32)]| gps_with(2, |b| b.ratios(GPS, 2, parts)).position;
    assert!(lat(&[(36, 1), (42, 1), (18, 10)]).is_some());
    assert!(lat(&[(90, 1), (0, 1), (0, 1)]).is_some());
    for none in [
        &[(36, 0), (42, 1), (18, 10)][..],
        &[(36, 1), (0, 0), (18, 10)],
        &[(36, 1), (42, 1), (0, 0)],
        &[(90, 1), (0, 1), (1, 1)],
        &[(36, 1), (61, 1), (0, 1)],
        &[(36, 1), (42, 1), (61, 1)],
        &[(36, 1), (42, 1)],
        &[(u32::MAX, 1), (u32::MAX, 1), (u32::MAX, 1)],
        &[],
    ] {
        assert_eq!(lat(none), None, "{none:?}");
    }
    assert!(gps_with(2, |b| b).position.is_none(), "no latitude");
    for (letter, lat_e7) in
        [("N", Some(367_005_000)), ("s", Some(-367_005_000)), ("E", None), ("", None), ("NN", None)]
    {
        let position = gps_with(1, |b| b.text(GPS, 1, letter)).position;
        assert_eq!(position.map(|p| p.lat_e7()), lat_e7, "{letter}");
    }
    assert_eq!(gps_with(3, |b| b.text(GPS, 3, "W")).position.map(|p| p.lon_e7()), Some(-1_191_320_000));
    let accuracy = |a, b| gps_with(0x1F, |f| f.ratios(GPS, 0x1F, &[(a, b)])).position.unwrap().accuracy_m();
    assert_eq!(accuracy(38_813, 1_000), Some(39));
    assert_eq!([accuracy(0, 1), accuracy(0, 0), accuracy(5, 0)], [None; 3]);
    assert_eq!(accuracy(u32::MAX, 1), Some(u32::MAX));
    let clock = |parts: &[(u32, u32)]| gps_with(7, |b| b.ratios(GPS, 7, parts)).gps_ms;
    assert_eq!(clock(&[(2, 1), (4, 1), (5_925, 100)]), Some(1_782_093_899_250));
    assert_eq!(clock(&[(23, 1), (59, 1), (60, 1)]), Some(1_782_172_799_999));
    for none in [[(24, 1), (0, 1), (0, 1)], [(2, 1), (60, 1), (0, 1)], [(2, 1), (4, 1), (61, 1)], [(0, 0); 3]]
    {
        assert_eq!(clock(&none), None, "{none:?}");
    }
    assert_eq!(gps_with(0x1D, |b| b.text(GPS, 0x1D, "2026:06:31")).gps_ms, None);
}

#[test]
fn a_datum_that_is_not_known_gives_no_position_but_its_name() {
    for (written, datum) in [
        ("WGS-84", Some(Datum::Wgs84)),
        ("WGS84", Some(Datum::Wgs84)),
        ("wgs 84  ", Some(Datum::Wgs84)),
        ("WGS_1984", Some(Datum::Wgs84)),
        ("", Some(Datum::Wgs84)),
        ("GCJ-02", Some(Datum::Gcj02)),
        ("gcj02", Some(Datum::Gcj02)),
        ("BD-09", Some(Datum::Bd09)),
        ("bd09ll", Some(Datum::Bd09)),
        ("BD09MC", None),
        ("TOKYO", None),
        ("CGCS2000", None),
        ("北京54", None),
        ("火星坐标", None),
        ("?", None),
    ] {
        let facts = gps_with(0x12, |b| b.text(GPS, 0x12, written));
        assert_eq!(facts.position.map(|p| p.datum()), datum, "{written}");
        assert_eq!(facts.datum, written.trim(), "{written}");
        assert!(facts.gps_ms.is_some());
    }
    assert!(gps_with(0x12, |b| b).position.is_some(), "no datum is WGS-84");
    assert!(gps_with(0x12, |b| b.short(GPS, 0x12, 4)).position.is_none(), "a number is no datum");
}

#[test]
fn texts_are_short_and_visible() {
    let camera = |make: &str, model: &str| {
        read(&Builder::new(false).text(MAIN, 0x010F, make).text(MAIN, 0x0110, model).block()).facts.camera
    };
    assert_eq!(camera("NIKON CORPORATION", "NIKON D80"), "NIKON D80");
    assert_eq!(camera("Canon", "Canon EOS R5"), "Canon EOS R5");
    assert_eq!(camera("Xiaomi", "M2012K11AC"), "Xiaomi M2012K11AC");
    assert_eq!(camera("Apple", ""), "Apple");
    assert_eq!(camera("", "iPhone"), "iPhone");
    assert_eq!(camera("华为", "华为 Mate 60"), "华为 Mate 60");
    assert_eq!(camera(" A\u{1b}[31m\n", "\u{202E}B\u{200B}C  D "), "A[31m BC D");
    assert_eq!(camera("长".repeat(500).as_str(), "x"), "长".repeat(64));
    let mut latin1 = Builder::new(false);
    latin1.fields.push((MAIN, 0x0131, 2, 6, b"caf\xe9 1".to_vec()));
    assert_eq!(read(&latin1.block()).facts.software, "caf 1");
}

#[test]
fn orientations_that_are_none_are_upright() {
    for (n, way) in [(0, 1), (1, 1), (2, 2), (5, 5), (8, 8), (9, 1), (u16::MAX, 1)] {
        assert_eq!(read(&Builder::new(true).short(MAIN, 0x0112, n).block()).orientation, way, "{n}");
    }
    assert_eq!(read(&Builder::new(true).ratios(MAIN, 0x0112, &[(13, 2)]).block()).orientation, 1);
    assert_eq!(read(&Builder::new(true).text(MAIN, 0x0112, "6").block()).orientation, 1);
}

#[test]
fn a_block_pointing_at_itself_costs_nothing() {
    // 2,600 pointers to overlapping directories of 2,570 entries each.
    let mut block = vec![0x0A; 65_527];
    block[..10].copy_from_slice(b"MM\0*\0\0\0\x08\x0A\x28");
    for n in 0..2_600_u32 {
        let at = 10 + 12 * n as usize;
        let entry = [&[0x87, 0x69, 0, 4, 0, 0, 0, 1], &(31_210 + 2 * n).to_be_bytes()[..]].concat();
        block[at..at + 12].copy_from_slice(&entry);
    }
    assert_eq!(read(&block), Exif::default());
    // Every directory is the first one.
    let looped = b"II*\0\x08\0\0\0\x02\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x25\x88\x04\0\x01\0\0\0\x08\0\0\0";
    assert_eq!(read(looped), Exif::default());
}

#[test]
fn a_block_that_is_cut_gives_what_is_left_of_it() {
    let block = phone(false).block();
    let whole = read(&block);
    for end in 0..block.len() {
        let cut = read(&block[..end]);
        assert!(cut.orientation == 6 || cut.orientation == 1);
        let (cut, whole) = (cut.facts, whole.facts.clone());
        assert!([None, whole.gps_ms].contains(&cut.gps_ms), "{end}");
        // Cut in the accuracy, the position is still one.
        let place = |f: &ExifFacts| f.position.map(|p| (p.lat_e7(), p.lon_e7()));
        assert!([None, place(&whole)].contains(&place(&cut)), "{end}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes);
    }

    #[test]
    fn a_block_with_any_damage_is_read(
        big: bool,
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut block = phone(big).block();
        for (at, byte) in hits {
            let at = at.index(block.len());
            block[at] = byte;
        }
        let exif = read(&block);
        prop_assert!((1..=8).contains(&exif.orientation));
        for text in [exif.facts.datum, exif.facts.camera, exif.facts.software] {
            prop_assert!(text.chars().count() <= 64 && !text.chars().any(char::is_control), "{}", text);
        }
    }
}
