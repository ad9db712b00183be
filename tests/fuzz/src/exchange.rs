//! Any bytes are read as a neighbour's file; any lines become the records of one that is signed.

use crate::office::{NOW, Office};
use lanewalk_headquarters::{
    HqError,
    exchange::{Kind, seal},
};

/// What the neighbour did not sign is refused; what it signed is taken whole or refused in words.
pub(crate) fn check(data: &[u8]) {
    Office::enter(|office| {
        assert!(matches!(office.hq.take_file(data, "hc-01", true), Err(HqError::NotAllowed(_))));
        let text = String::from_utf8_lossy(data);
        let records: Vec<String> = text.lines().map(str::to_owned).collect();
        let to = office.hq.public_key();
        let file = seal(&office.neighbour, Kind::Orders, &to, office.file, NOW.0, &records).expect("signs");
        match office.hq.take_file(&file, "hc-01", false) {
            Ok(taken) => {
                assert_eq!((taken.seq, taken.missing), (office.file, 0));
                let done = taken.orders;
                assert_eq!(done.new + done.known + done.amended, records.len() as u32);
                assert!(office.hq.take_file(&file, "hc-01", false).is_err(), "taken twice");
                office.file += 1;
                office.took(records.len() as u32);
            }
            Err(HqError::NotAllowed(words)) => assert!(!words.is_empty()),
            Err(other) => panic!("{other}"),
        }
    });
}
