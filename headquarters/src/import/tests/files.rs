//! Whole files: cut off, charsets, line ends, limits, the real sample.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

#[test]
fn half_a_file() {
    let whole = file(&[GOOD, &GOOD.replace("W1", "W2").replace("楼道内养猫", "\"一楼\n二楼\"")]);
    let text = whole.trim_end();
    // Cut inside the quotes, on the second line of the record.
    let inside = text.find("二楼").unwrap();
    let outcome = read(&text.as_bytes()[..inside + 3]);
    assert_eq!(codes(&outcome), [(3, None, "unbalanced_quote")]);
    assert!(outcome.problems[0].message_zh.contains("第 4 行"));
    assert_eq!(ids(&outcome), ["W1"]);
    // Cut between cells.
    let outcome = read(&text.as_bytes()[..text.len() - 12]);
    assert_eq!(codes(&outcome), [(3, None, "cut_off")]);
    // Only the last line end is missing: nothing is wrong.
    let outcome = read(text.as_bytes());
    assert_eq!(codes(&outcome), []);
    assert_eq!(outcome.orders[1].reported_text, "一楼\n二楼");
}

#[test]
fn the_same_orders_from_every_charset_and_line_end() {
    let text = file(&[GOOD, &GOOD.replace("W1", "W2").replace("楼道内养猫", "\"一楼,\n\"\"二\"\"楼\"")]);
    let plain = read(text.as_bytes());
    assert_eq!(plain.orders.len(), 2);
    let strip = |outcome: ImportOutcome| {
        assert_eq!(codes(&outcome), []);
        outcome
            .orders
            .into_iter()
            .map(|order| IncomingOrder { payload_sha256: [0; 32], ..order })
            .collect::<Vec<_>>()
    };
    let marked = read(format!("\u{feff}{text}").as_bytes());
    assert!(marked.orders == plain.orders, "a byte order mark changes nothing");
    let gb = encoding_rs::GB18030.encode(&text).0.into_owned();
    assert_ne!(gb, text.as_bytes());
    let want = strip(plain);
    assert!(strip(read(&gb)) == want);
    let crlf = text.replace("\n编", "\r\n编").replace("在办,\n", "在办,\r\n").replace("备注\n", "备注\r\n");
    assert_eq!(crlf.matches("\r\n").count(), 3);
    assert!(strip(read(crlf.as_bytes())) == want);
    let tabbed =
        Mapping::from_toml(&MAPPING.replace("version = 1", "version = 1\ndelimiter = \"tab\"")).unwrap();
    let tabs = text.replace("一楼,", "一楼§").replace(',', "\t").replace('§', ",");
    let limits = ImportLimits::at(NOW);
    assert!(strip(read_csv(tabs.as_bytes(), &tabbed, &limits).unwrap()) == want);
}

#[test]
fn lines_are_physical_ones() {
    let quoted = GOOD.replace("楼道内养猫", "\"1\r\n2\r\n3\"");
    let bad = GOOD.replace("W1", "");
    let text = file(&[&quoted, "", &bad, &bad]).replace("\r\n", "\n").replace('\n', "\r\n");
    let outcome = read(text.as_bytes());
    let want = [(6, Some("编号"), "empty_id"), (7, Some("编号"), "empty_id")];
    assert_eq!(codes(&outcome), want);
    assert_eq!(outcome.rows, 3);
}

#[test]
fn broken_bytes_are_a_problem_and_never_replaced() {
    let text = file(&[GOOD, &GOOD.replace("W1", "W2").replace("华府一品", "华?府一品")]);
    let mut utf8 = text.clone().into_bytes();
    let hurt = utf8.iter().position(|b| *b == b'?').unwrap();
    utf8[hurt] = 0xff;
    let outcome = read(&utf8);
    assert_eq!(codes(&outcome), [(3, Some("地址"), "bad_charset")]);
    assert_eq!(ids(&outcome), ["W1"]);

    let mut gb = encoding_rs::GB18030.encode(&text).0.into_owned();
    let hurt = gb.iter().position(|b| *b == b'?').unwrap();
    gb[hurt] = 0xff;
    assert_eq!(codes(&read(&gb)), [(3, Some("地址"), "bad_charset")]);

    // A column that no field uses cannot spoil an order; the payload hash still covers it.
    let mut unused = file(&[&format!("{GOOD}?")]).into_bytes();
    let hurt = unused.iter().position(|b| *b == b'?').unwrap();
    unused[hurt] = 0xff;
    assert_eq!(codes(&read(&unused)), []);
}

#[test]
fn whole_files_that_are_refused() {
    let limits = ImportLimits::at(NOW);
    let refuse = |bytes: &[u8], limits: &ImportLimits| read_csv(bytes, &mapping(), limits).unwrap_err();
    let two = file(&[GOOD, &GOOD.replace("W1", "W2")]);
    assert_eq!(refuse(b"", &limits), ImportError::Empty);
    assert_eq!(refuse(b"\r\n\n", &limits), ImportError::Empty);
    assert_eq!(refuse(b"\xff\xfe", &limits), ImportError::Utf16);
    assert_eq!(
        refuse(HEADER.replace("受理,", "").replace(",状态", "").as_bytes(), &limits),
        ImportError::MissingColumns(vec!["受理".into(), "状态".into()])
    );
    assert_eq!(
        refuse(HEADER.replace("备注", "编号").as_bytes(), &limits),
        ImportError::AmbiguousColumn("编号".into())
    );
    assert_eq!(refuse(b"\"a", &limits), ImportError::HeaderUnreadable { line: 1 });
    assert_eq!(refuse(b"\n\na,\xff", &limits), ImportError::HeaderUnreadable { line: 3 });
    assert_eq!(refuse(&[b','; 1_000], &limits), ImportError::TooManyColumns { columns: 1_001 });
    let small = ImportLimits { max_rows: 1, ..limits };
    assert_eq!(refuse(two.as_bytes(), &small), ImportError::TooManyRows { limit: 1 });
    let bytes = two.len() as u64;
    let small = ImportLimits { max_file_bytes: bytes - 1, ..limits };
    assert_eq!(refuse(two.as_bytes(), &small), ImportError::FileTooLarge { bytes, limit: bytes - 1 });
    let exact = ImportLimits { max_file_bytes: bytes, max_rows: 2, ..limits };
    assert_eq!(read_csv(two.as_bytes(), &mapping(), &exact).unwrap().orders.len(), 2);
}

#[test]
fn problems_beyond_the_limit_are_counted() {
    let limits = ImportLimits { max_problems: 2, ..ImportLimits::at(NOW) };
    let outcome = read_csv(file(&["x"; 5]).as_bytes(), &mapping(), &limits).unwrap();
    assert_eq!((outcome.problems.len(), outcome.unlisted, outcome.rows), (2, 3, 5));
}

#[test]
fn a_template_may_not_outgrow_a_field() {
    let wide = MAPPING.replace("reported_text = \"内容\"", "reported_text = { template = \"{内容}{内容}\" }");
    let row = GOOD.replace("楼道内养猫", &"a".repeat(40_000));
    let outcome =
        read_csv(file(&[&row]).as_bytes(), &Mapping::from_toml(&wide).unwrap(), &ImportLimits::at(NOW))
            .unwrap();
    assert_eq!(codes(&outcome), [(2, Some("reported_text"), "field_too_long")]);
}

/// The counts were taken once by a separate count with Python's csv module.
#[test]
fn the_real_file_of_boston() {
    let csv = include_bytes!("../../../../cli/fixtures/boston311-100.csv");
    let mapping =
        Mapping::from_toml(include_str!("../../../../cli/fixtures/boston311.mapping.toml")).unwrap();
    let outcome = read_csv(csv, &mapping, &ImportLimits::at(NOW)).unwrap();
    assert_eq!(codes(&outcome), []);
    assert_eq!((outcome.rows, outcome.orders.len(), outcome.skipped), (100, 100, 0));
    let count = |test: &dyn Fn(&IncomingOrder) -> bool| outcome.orders.iter().filter(|o| test(o)).count();
    assert_eq!(count(&|o| o.closed_at_ms.is_some()), 85);
    assert_eq!(count(&|o| o.upstream_due_at_ms.is_some()), 89);
    assert_eq!(count(&|o| o.lat_e7.is_some() && o.lon_e7.is_some()), 100);
    assert_eq!(count(&|o| !o.reported_address.is_empty()), 99);
    assert_eq!(count(&|o| o.reported_text.contains("；照片 http")), 42);
    let both = |o: &IncomingOrder| o.closed_at_ms.zip(o.upstream_due_at_ms);
    assert_eq!(count(&|o| both(o).is_some()), 77);
    assert_eq!(count(&|o| both(o).is_some_and(|(closed, due)| closed <= due)), 72);
    let first = &outcome.orders[0];
    assert_eq!(first.upstream_id, "101004143000");
    // 13:47 at Boston is 18:47 UTC.
    assert_eq!(first.reported_at_ms, 1_642_790_820_000);
    assert_eq!((first.lat_e7, first.lon_e7), (Some(423_594_000), Some(-710_587_000)));
}
