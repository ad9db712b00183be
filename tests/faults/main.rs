//! Holds `tests/faults.md` to its word: every fault has its row, every named test exists, and what
//! is said to be missing only gets less.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod sources;

use std::{collections::BTreeSet, path::Path};

/// Faults, F1 to this one.
const FAULTS: usize = 47;

/// One row of the table.
struct Row {
    number: usize,
    /// Fault, behaviour, tests, open.
    cells: [String; 4],
}

impl Row {
    /// Reads a line `| F1 | fault | behaviour | tests | open |`; other lines are none.
    fn of(line: &str) -> Option<Self> {
        let inner = line.strip_prefix("| F")?.strip_suffix('|')?;
        let mut cells = inner.split('|').map(|c| c.trim().to_owned());
        let number = cells.next()?.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        let cells: Vec<String> = cells.collect();
        Some(Self { number, cells: cells.try_into().unwrap_or_else(|_| panic!("F{number}: not five cells")) })
    }

    /// Names of tests: what stands between backticks.
    fn tests(&self) -> impl Iterator<Item = &str> {
        self.cells[2].split('`').skip(1).step_by(2)
    }

    /// The open part that begins with this word.
    fn open(&self, word: &str) -> Option<&str> {
        self.cells[3].split(';').map(str::trim).find_map(|part| part.strip_prefix(word)).map(str::trim)
    }
}

fn table() -> Vec<Row> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("faults.md")).unwrap();
    text.lines().filter_map(Row::of).collect()
}

#[test]
fn every_fault_has_one_row() {
    let rows = table();
    assert_eq!(rows.iter().map(|r| r.number).collect::<Vec<_>>(), (1..=FAULTS).collect::<Vec<_>>());
    for row in rows {
        let n = row.number;
        assert!(row.cells[..2].iter().all(|c| !c.is_empty()), "F{n} does not say what it is");
        assert_eq!(row.cells[2].matches('`').count() % 2, 0, "F{n}: a backtick too few");
        let shown = row.tests().count() > 0;
        let said = row.open("missing:").or(row.open("phone:")).is_some_and(|what| !what.is_empty());
        assert!(shown || said, "F{n} names no test and does not say why");
        for part in row.cells[3].split(';').map(str::trim).filter(|p| !p.is_empty()) {
            assert!(part.starts_with("missing:") || part.starts_with("phone:") || said, "F{n}: {part}");
        }
    }
}

#[test]
fn every_named_test_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let tests = sources::tests_of_the_workspace(root);
    // A reader that finds nothing would find nothing wrong.
    assert!(tests.len() > 800, "only {} tests found", tests.len());
    let mut unknown = Vec::new();
    let mut named = BTreeSet::new();
    for row in table() {
        for name in row.tests() {
            named.insert(name.to_owned());
            let known = tests.contains(name) || sources::in_another_language(root, name);
            if !known {
                unknown.push(format!("F{}: {name}", row.number));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
    println!("{} tests named out of {}", named.len(), tests.len());
}

#[test]
fn every_row_is_shown_whole() {
    let rows = table();
    let missing: Vec<(usize, &str)> =
        rows.iter().filter_map(|r| Some((r.number, r.open("missing:")?))).collect();
    assert!(missing.is_empty(), "rows that lack something: {missing:?}");
    let phone: Vec<usize> = rows.iter().filter(|r| r.open("phone:").is_some()).map(|r| r.number).collect();
    println!("a real phone is needed for parts of {phone:?}");
}
