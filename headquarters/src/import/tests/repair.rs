//! What was refused comes back to be mended.

use super::*;

/// The rows of a repair file: the added cells and the record's own.
fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
    let outcome = read(bytes);
    let csv = repair_csv(bytes, &mapping(), &outcome).unwrap();
    assert!(csv.starts_with(b"\xef\xbb\xbf"));
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(&csv[3..])
        .records()
        .map(|r| r.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

#[test]
fn every_refused_record_comes_back_whole_with_its_reasons() {
    let bad = GOOD
        .replace("W1", "W2")
        .replace("2026-05-08 09:00", "3026-05-08 09:00")
        .replace("楼道内养猫", "=1+1");
    let short = "W3,噪音";
    let text = file(&[GOOD, &bad, short, &GOOD.replace("噪音", "别的"), GOOD]);
    let got = rows(text.as_bytes());
    assert_eq!(got.len(), 4, "a header and three: the same record again needs no repair");
    assert_eq!(got[0][..3], ["导入行号 line", "导入问题", "import problem"]);
    assert_eq!(got[0][3..].join(","), HEADER);
    assert_eq!((got[1][0].as_str(), got[1][5].as_str()), ("3", "'=1+1"));
    assert!(got[1][1].contains("受理") && got[1][2].contains("too far in the future"));
    assert_eq!(got[1][3], "W2");
    assert_eq!(got[2][3..], [short]);
    assert_eq!(got[3][4], "别的");
}

#[test]
fn a_mended_file_is_read_with_the_same_mapping() {
    let bad = GOOD.replace("2026-05-08 09:00", "昨天");
    let text = file(&[&bad]);
    let csv = repair_csv(text.as_bytes(), &mapping(), &read(text.as_bytes())).unwrap();
    let mended = String::from_utf8(csv).unwrap().replace("昨天", "2026-05-08 09:00");
    let again = read(mended.as_bytes());
    assert_eq!(codes(&again), []);
    assert_eq!(ids(&again), ["W1"]);
    assert_eq!(again.orders[0].requester_phone.as_deref(), Some("13800138000"));
}

/// A mapping with another charset and delimiter reads its own mended file too, and cells that were
/// made harmless are what they were.
#[test]
fn a_mended_file_keeps_charset_delimiter_and_cells() {
    let toml = MAPPING.replace("version = 1", "version = 1\ncharset = \"gb18030\"\ndelimiter = \";\"");
    let mapping = Mapping::from_toml(&toml).unwrap();
    let bad = GOOD
        .replace("2026-05-08 09:00", "昨天")
        .replace("119.132", "-119.132")
        .replace("13800138000", "+86 138")
        .replace(',', ";");
    let text = format!("{}\n{bad}\n", HEADER.replace(',', ";"));
    let bytes = encoding_rs::GB18030.encode(&text).0.into_owned();
    let limits = ImportLimits::at(NOW);
    let first = read_csv(&bytes, &mapping, &limits).unwrap();
    assert_eq!((first.orders.len(), first.refused.len()), (0, 1));
    let repair = repair_csv(&bytes, &mapping, &first).unwrap();
    let text = encoding_rs::GB18030.decode(&repair).0.into_owned();
    assert!(text.contains(";'-119.132;") && text.contains(";'+86 138;"), "{text}");
    // Refused once more it comes back as it was, with the columns once.
    let again = read_csv(&repair, &mapping, &limits).unwrap();
    let twice = repair_csv(&repair, &mapping, &again).unwrap();
    assert_eq!(encoding_rs::GB18030.decode(&twice).0.replace('2', "3"), text.replace('2', "3"));
    let mended = encoding_rs::GB18030.encode(&text.replace("昨天", "2026-05-08 09:00")).0.into_owned();
    let read = read_csv(&mended, &mapping, &limits).unwrap();
    assert_eq!(codes(&read), []);
    assert_eq!(read.orders[0].lon_e7, Some(-1_191_320_000));
    assert_eq!(read.orders[0].requester_phone.as_deref(), Some("+86 138"));
}

/// As many refused records as reasons that are kept, in a file of one letter a line.
#[test]
fn many_refused_records_come_back_in_no_time() {
    let limits = ImportLimits::at(NOW);
    let text = format!("{HEADER}\n{}", "x\n".repeat(limits.max_rows as usize));
    let read = read_csv(text.as_bytes(), &mapping(), &limits).unwrap();
    assert_eq!((read.refused.len(), read.problems.len()), (200_000, limits.max_problems));
    let repair = repair_csv(text.as_bytes(), &mapping(), &read).unwrap();
    assert_eq!(repair.iter().filter(|b| **b == b'\n').count(), 200_001);
}

#[test]
fn broken_bytes_and_quotes_lose_nothing() {
    let text = file(&[&GOOD.replace("华府一品", "华?府一品"), "W2,\"open,\nmore"]);
    let mut bytes = text.clone().into_bytes();
    let hurt = bytes.iter().position(|b| *b == b'?').unwrap();
    bytes[hurt] = 0xff;
    let got = rows(&bytes);
    assert_eq!(got[1][6], "华\\xff府一品");
    assert_eq!(got[2][3], "W2,\"open,\nmore\n");
    let gb = encoding_rs::GB18030.encode(&file(&[&GOOD.replace("2026-05-08 09:00", "?")])).0.into_owned();
    assert_eq!(rows(&gb)[1][6], "华府一品");
}

#[test]
fn cells_that_would_run_are_text() {
    for (cell, want) in [
        ("=1+1", "'=1+1"),
        ("+8613800008000", "'+8613800008000"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        (" =1", "' =1"),
        ("\u{c}=1", "'\u{c}=1"),
        ("\nx", "'\nx"),
        ("\u{2003}\u{feff}@x", "'\u{2003}\u{feff}@x"),
        ("＝1", "'＝1"),
        ("1+1=2", "1+1=2"),
        ("", ""),
        ("3号楼", "3号楼"),
    ] {
        assert_eq!(neutral(cell), want);
    }
}

#[test]
fn places_are_those_of_the_records() {
    let text = format!("\u{feff}{}", file(&[GOOD, "bad", &GOOD.replace("W1", "W2")]));
    let outcome = read(text.as_bytes());
    let at = |r: &std::ops::Range<usize>| std::str::from_utf8(&text.as_bytes()[r.clone()]).unwrap();
    assert_eq!(outcome.places.iter().map(at).collect::<Vec<_>>(), [GOOD, &GOOD.replace("W1", "W2")]);
    assert_eq!(at(&outcome.refused[0].place), "bad");
}
