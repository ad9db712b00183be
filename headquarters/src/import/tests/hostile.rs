//! Any bytes: no panic, and nothing unaccounted for.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use proptest::prelude::*;

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let tail = proptest::collection::vec(any::<u8>(), 0..400);
    let pieces = proptest::sample::select(
        &[GOOD, ",", "\"", "\n", "\r\n", "\0", "2026-13-40 99:99", "1e999", "，"][..],
    );
    let shaped = proptest::collection::vec(pieces, 0..40)
        .prop_map(|pieces| format!("{HEADER}\n{}", pieces.concat()).into_bytes());
    let spliced =
        (shaped.clone(), tail.clone(), any::<prop::sample::Index>()).prop_map(|(mut base, noise, at)| {
            let at = at.index(base.len());
            base.splice(at..at, noise);
            base
        });
    prop_oneof![tail, shaped, spliced]
}

proptest! {
    /// Any bytes end in a result, and every record is accounted for.
    #[test]
    fn arbitrary_bytes_never_panic(bytes in hostile()) {
        if let Ok(outcome) = read_csv(&bytes, &mapping(), &ImportLimits::at(NOW)) {
            let refused = outcome.rows - outcome.skipped - outcome.orders.len() as u64;
            let lines: std::collections::BTreeSet<u64> = outcome.problems.iter().map(|p| p.line).collect();
            let repeats = outcome.problems.iter().filter(|p| p.code == "duplicate_same").count();
            // A repeated record is noted once, however often it comes.
            prop_assert!(lines.len() as u64 <= refused);
            prop_assert!(repeats > 0 || lines.len() as u64 == refused);
        }
    }

    /// What a well-behaved writer quotes comes back as it was.
    #[test]
    fn texts_survive_quoting(text in "[^\0]{0,60}") {
        prop_assume!(!text.trim().is_empty());
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(HEADER.split(',')).unwrap();
        let mut row: Vec<&str> = GOOD.split(',').collect();
        row[2] = &text;
        writer.write_record(&row).unwrap();
        let outcome = read(&writer.into_inner().unwrap());
        prop_assert_eq!(codes(&outcome), vec![]);
        prop_assert_eq!(&outcome.orders[0].reported_text, &text);
    }
}
