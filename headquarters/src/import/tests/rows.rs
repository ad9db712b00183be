//! Single records: each problem by name, duplicates, formulas.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use sha2::{Digest as _, Sha256};

#[test]
fn a_row_becomes_an_order() {
    let outcome = read(file(&[GOOD]).as_bytes());
    assert_eq!(codes(&outcome), []);
    let want = IncomingOrder {
        upstream_id: "W1".into(),
        channel: "12345".into(),
        matter_text: "噪音".into(),
        title: "噪音".into(),
        reported_text: "楼道内养猫".into(),
        reported_address: "华府一品".into(),
        reported_at_ms: NOW - 40 * 60_000,
        upstream_due_at_ms: Some(NOW + (7 * 24 * 60 + 7 * 60 + 50) * 60_000),
        closed_at_ms: None,
        urgent: true,
        lat_e7: Some(367_005_000),
        lon_e7: Some(1_191_320_000),
        datum: "gcj02".into(),
        requester_name: Some("张三".into()),
        requester_phone: Some("13800138000".into()),
        secrecy: true,
        payload_sha256: Sha256::digest(GOOD).into(),
    };
    assert!(outcome.orders == [want]);
    let shown = format!("{:?}", outcome.orders);
    for secret in ["张三", "13800138000", "养猫", "华府"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

#[test]
fn each_problem_is_named_and_the_rest_is_imported() {
    let with = |from: &str, to: &str| {
        let good = GOOD.replace("W1", "W2");
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let long = "长".repeat(21_846);
    let no_end = GOOD.strip_suffix("在办,").unwrap().replace("W1", "W2");
    // (a bad row of one line, column, code)
    let table: Vec<(String, Option<&str>, &str)> = vec![
        (with("W2,", ","), Some("编号"), "empty_id"),
        (with("W2,", "1.2E+15,"), Some("编号"), "bad_id"),
        (with("2026-05-08 09:00", ""), Some("受理"), "missing_date"),
        (with("2026-05-08 09:00", "2026-05-08"), Some("受理"), "bad_date"),
        (with("2026-05-08 09:00", "2026-02-30 09:00"), Some("受理"), "bad_date"),
        (with("2026-05-08 09:00", "1999-12-31 09:00"), Some("受理"), "date_too_early"),
        (with("2026-05-08 09:00", "0026-05-08 09:00"), Some("受理"), "date_too_early"),
        (with("2026-05-08 09:00", "2026-05-09 09:41"), Some("受理"), "date_in_future"),
        (with("2026-05-15 17:30", "soon"), Some("时限"), "bad_date"),
        (with("2026-05-15 17:30", "2206-05-15 17:30"), Some("时限"), "date_in_future"),
        (with(",,36.7005", ",2026-05-08 08:59,36.7005"), Some("办结"), "closed_before_reported"),
        (with("36.7005,119.132", "119.132,36.7005"), Some("纬度"), "coordinate_out_of_range"),
        (with("119.132", "180.5"), Some("经度"), "coordinate_out_of_range"),
        (with("119.132", "east"), Some("经度"), "bad_coordinate"),
        (with("119.132", ""), Some("经度"), "half_coordinate"),
        (with("36.7005", " "), Some("纬度"), "half_coordinate"),
        (with("楼道内养猫", "楼道\0养猫"), Some("内容"), "nul_byte"),
        (with("楼道内养猫", &long), Some("内容"), "field_too_long"),
        (with("楼道内养猫", "\"楼道\"内养猫"), None, "stray_quote"),
        (with("楼道内养猫", "楼道,内养猫"), None, "column_count"),
        (no_end, None, "column_count"),
    ];
    let last = GOOD.replace("W1", "W3");
    for (bad, field, code) in &table {
        let outcome = read(file(&[GOOD, bad, &last]).as_bytes());
        assert_eq!(codes(&outcome), [(3, *field, *code)], "{code}");
        assert_eq!(ids(&outcome), ["W1", "W3"], "{code}");
        assert_eq!(outcome.rows, 3);
        let problem = &outcome.problems[0];
        assert!(problem.message_zh.starts_with("第 3 行"), "{}", problem.message_zh);
        assert!(problem.message_en.starts_with("line 3"), "{}", problem.message_en);
        for secret in ["张三", "13800138000"] {
            assert!(!problem.message_zh.contains(secret) && !problem.message_en.contains(secret));
        }
    }
    // The edges that are still good.
    for (from, to) in [
        ("2026-05-08 09:00", "2026-05-09 09:40"),
        ("2026-05-08 09:00", "2000-01-01 08:00"),
        ("楼道内养猫", &format!("{}a", "长".repeat(21_845))),
        ("36.7005,119.132", ","),
        ("36.7005,119.132", "-90,180"),
        ("楼道内养猫", "5\" 水管"),
    ] {
        let outcome = read(file(&[&with(from, to)]).as_bytes());
        assert_eq!(codes(&outcome), [], "{to}");
    }
}

#[test]
fn all_problems_of_one_row_are_told() {
    let bad = GOOD.replace("W1", "").replace("09:00", "9 Uhr").replace("119.132", "190");
    let outcome = read(file(&[&bad]).as_bytes());
    let want = [
        (2, Some("编号"), "empty_id"),
        (2, Some("受理"), "bad_date"),
        (2, Some("经度"), "coordinate_out_of_range"),
    ];
    assert_eq!(codes(&outcome), want);
}

#[test]
fn duplicates_within_the_file() {
    let other = GOOD.replace("养猫", "养狗");
    let bad = GOOD.replace("09:00", "x").replace("W1", "W9");
    let mended = GOOD.replace("W1", "W9");
    let outcome = read(file(&[GOOD, GOOD, &other, GOOD, &bad, &mended]).as_bytes());
    let want = [
        (3, Some("编号"), "duplicate_same"),
        (4, Some("编号"), "duplicate_differs"),
        (6, Some("受理"), "bad_date"),
    ];
    assert_eq!(codes(&outcome), want);
    assert_eq!(ids(&outcome), ["W1", "W9"]);
    assert_eq!(outcome.orders[0].reported_text, "楼道内养猫");
    assert_eq!(outcome.rows, 6);
}

#[test]
fn formulas_are_kept_as_text() {
    for formula in
        ["=1+1", "+8613800138000", "-2", "@SUM(A1)", "\t=cmd|' /C calc'!A0", "=HYPERLINK(\"\"x\"\")"]
    {
        let row = GOOD
            .replace("13800138000", &format!("\"{formula}\""))
            .replace("楼道内养猫", &format!("\"{formula}\""));
        let outcome = read(file(&[&row]).as_bytes());
        let want = formula.replace("\"\"", "\"");
        assert_eq!(outcome.orders[0].reported_text, want);
        assert_eq!(outcome.orders[0].requester_phone.as_deref(), Some(want.as_str()));
    }
}

#[test]
fn skipped_rows_are_counted_even_when_bad() {
    let dead = GOOD.replace("在办", " 作废 ").replace("09:00", "x");
    let outcome = read(file(&[&dead, GOOD]).as_bytes());
    assert_eq!((outcome.rows, outcome.skipped, outcome.orders.len()), (2, 1, 1));
    assert_eq!(codes(&outcome), []);
}
