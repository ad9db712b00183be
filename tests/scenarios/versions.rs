//! Phones and headquarters of other versions (F23).

use crate::{A, OTHER, logged, order_in, town, visit};
use lanewalk_field::SyncError;
use support::{check, skew::Skew};

/// A phone whose number headquarters does not speak is told so, keeps what it wrote, and delivers it
/// after its update; whatever the number, nothing else happens.
#[test]
fn a_phone_that_headquarters_does_not_speak_with_delivers_after_its_update() {
    for (n, version) in [(901, Skew::TooOld), (902, Skew::TooNew)] {
        let mut town = town(n, 2);
        let order = order_in(&mut town, 0, "路灯不亮");
        town.update(A, version);
        town.phones[A].field().record_visit(visit(order, "prelim", "已记下灯杆号")).unwrap();
        let hash = town.remember(A, "visit");
        let before = town.phones[A].field().status().unwrap();
        match town.sync(A).unwrap_err() {
            SyncError::VersionTooOld => assert_eq!(version, Skew::TooOld),
            SyncError::Refused { code, detail } => {
                assert_eq!(version, Skew::TooNew);
                assert_eq!((code.as_str(), detail.as_str()), ("version_too_new", "1"));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(town.phones[A].field().status().unwrap(), before);
        // Everybody else goes on, and the laws hold for what it keeps.
        town.settle();
        check::laws(&town);
        town.update(A, Skew::Same);
        town.settle();
        assert_eq!(logged(&town, hash).0, None);
        check::laws(&town);
    }
}

/// Messages with keys nobody knows, and without those that came later, mean the same: the bytes on the
/// wire differ, and what everybody holds in the end does not.
#[test]
fn older_and_newer_messages_mean_the_same() {
    let run = |phone: Skew, headquarters: Skew| {
        let mut town = town(903, 3);
        let order = order_in(&mut town, 1, "垃圾清运");
        town.update(A, phone);
        town.network.speak(headquarters);
        town.phones[A].field().record_visit(visit(order, "site_check", "已清")).unwrap();
        town.remember(A, "visit");
        town.sync(A).unwrap();
        town.phones[OTHER].field().add_note(order, "又满了").unwrap();
        town.remember(OTHER, "note");
        assert!(town.newer_record(A) && town.newer_record(OTHER));
        town.settle();
        (town.network.traffic(), check::laws(&town))
    };
    let (traffic, state) = run(Skew::Same, Skew::Same);
    for phone in [Skew::Same, Skew::Older, Skew::Newer] {
        for headquarters in [Skew::Same, Skew::Older, Skew::Newer] {
            let (other, after) = run(phone, headquarters);
            assert_eq!(after, state, "{phone:?} with {headquarters:?}");
            match phone {
                Skew::Older => assert!(other.up < traffic.up, "{phone:?} with {headquarters:?}"),
                Skew::Newer => assert!(other.up > traffic.up, "{phone:?} with {headquarters:?}"),
                // A phone that was given no tree head names none.
                _ => {}
            }
        }
    }
}
