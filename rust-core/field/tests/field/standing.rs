//! Whether headquarters counts this phone as a device, and what becomes of it when not.

use crate::{
    hq::{Hq, Mood},
    phone::{GRID, HOUR, NOW, Phone, open},
};
use lanewalk_field::{Farewell, FieldError, NewVisit, Standing, SyncError};
use lanewalk_model::{
    document::Edit,
    id::{DocId, Hash},
    schema::DocKind,
};
use std::sync::atomic::Ordering;

fn visit() -> NewVisit {
    NewVisit { grid: Some(GRID.into()), kind: "patrol".into(), ..NewVisit::default() }
}

/// A phone that holds a resident's words.
fn with_brief() -> (Hq, Phone, DocId) {
    let hq = Hq::new();
    let brief = DocId { kind: DocKind::Brief, uuid: [1; 16] };
    hq.edit(
        brief,
        &[Edit::set("order", "order:1"), Edit::set("grid", GRID), Edit::set("reported_text", "楼下养猫")],
    );
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    (hq, phone, brief)
}

fn revoke(hq: &Hq, until: Option<i64>) {
    hq.mood(Mood::Fail("revoked", None));
    hq.state.lock().unwrap().deposit_until = until;
}

fn next(phone: &Phone) -> Farewell {
    match phone.field.standing().unwrap() {
        Standing::Revoked { next, .. } => next,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_phone_waits_until_headquarters_gives_it_a_page() {
    let hq = Hq::new();
    let phone = Phone::new(1);
    assert_eq!(phone.field.standing(), Ok(Standing::NotEnrolled));
    phone.field.enrol(&hq.invitation(), &hq).unwrap();
    let Standing::Waiting { fingerprint } = phone.field.standing().unwrap() else { panic!("not waiting") };
    assert_eq!(fingerprint.split(' ').map(str::len).collect::<Vec<_>>(), [4; 4]);
    hq.mood(Mood::Fail("not_confirmed", None));
    assert_eq!(phone.field.sync(&hq), Err(SyncError::NotConfirmed));
    // Killed meanwhile: it still waits, with the same fingerprint.
    assert_eq!(phone.after_kill().field.standing(), Ok(Standing::Waiting { fingerprint }));
    hq.mood(Mood::Well);
    phone.field.sync(&hq).unwrap();
    assert_eq!(phone.field.standing(), Ok(Standing::Active));
    assert_eq!(phone.after_kill().field.standing(), Ok(Standing::Active));
}

/// F29, law 1: as long as headquarters takes what is here, nothing can be wiped.
#[test]
fn a_revoked_phone_delivers_before_it_is_wiped() {
    let (hq, phone, brief) = with_brief();
    assert!(phone.field.document(brief).is_ok());
    phone.field.record_visit(visit()).unwrap();
    revoke(&hq, Some(NOW + 14 * 24 * HOUR));
    let error = phone.field.sync(&hq).unwrap_err();
    assert_eq!(error, SyncError::Revoked { deposit_until: Some(NOW + 14 * 24 * HOUR) });
    // Residents are locked at once, also after a kill.
    for p in [&phone, &phone.after_kill()] {
        assert_eq!(p.field.document(brief), Err(FieldError::LeaseOver));
        assert_eq!(next(p), Farewell::Deliver);
        assert_eq!(p.field.wipe().unwrap_err().code(), "invalid");
        assert_eq!(p.field.decline_export().unwrap_err().code(), "invalid");
    }
    // The deposit is taken: receipts, everything in quarantine.
    hq.mood(Mood::Well);
    hq.state.lock().unwrap().refuse.insert(1, "revoked");
    hq.state.lock().unwrap().revoke_when_empty = true;
    let error = phone.field.sync(&hq).unwrap_err();
    assert_eq!(error.code(), "revoked");
    let kept = phone.field.quarantine().unwrap();
    assert_eq!(kept.iter().map(|q| q.code.as_str()).collect::<Vec<_>>(), ["revoked"]);
    // Received is not yet safe: headquarters comes back from a backup that lacks it, and gets it again.
    assert_eq!(next(&phone), Farewell::Deliver);
    assert_eq!(phone.field.wipe().unwrap_err().code(), "invalid");
    {
        let mut s = hq.state.lock().unwrap();
        (s.epoch, s.known_seq, s.head) = (2, 0, Hash([0; 32]));
    }
    assert_eq!(phone.field.sync(&hq).unwrap_err().code(), "revoked");
    assert_eq!(phone.field.status().unwrap().pending, 1);
    assert_eq!(phone.field.sync(&hq).unwrap_err().code(), "revoked");
    assert_eq!((hq.state.lock().unwrap().known_seq, next(&phone)), (1, Farewell::Deliver));
    // A verified backup holds it.
    hq.state.lock().unwrap().durable_seq = 1;
    assert_eq!(phone.field.sync(&hq).unwrap_err().code(), "revoked");
    assert_eq!(next(&phone), Farewell::Wipe);
    phone.field.wipe().unwrap();
    assert_eq!(phone.field.status().unwrap_err(), FieldError::Paused);
    let left: Vec<_> = std::fs::read_dir(phone.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    // Another device can begin in the same place, with another key.
    let anew = open(phone.dir.path(), [8; 32], phone.source.clone()).unwrap();
    assert_eq!(anew.standing(), Ok(Standing::NotEnrolled));
}

/// Headquarters takes no more: only a copy, or the worker's word, lets the rest go.
#[test]
fn without_a_deposit_the_worker_is_offered_a_copy_first() {
    for by_copy in [true, false] {
        let hq = Hq::new();
        let phone = Phone::enrolled(&hq);
        phone.field.sync(&hq).unwrap();
        phone.field.record_visit(visit()).unwrap();
        revoke(&hq, None);
        phone.field.sync(&hq).unwrap_err();
        assert_eq!(next(&phone), Farewell::Export);
        assert_eq!(phone.field.wipe().unwrap_err().code(), "invalid");
        if by_copy {
            assert!(phone.field.export_unsent().unwrap().contains("patrol"));
        } else {
            phone.field.decline_export().unwrap();
        }
        assert_eq!(next(&phone), Farewell::Wipe);
        // Something new was written since: it was not in the copy.
        phone.field.record_visit(visit()).unwrap();
        assert_eq!(next(&phone), Farewell::Export);
        phone.field.export_unsent().unwrap();
        phone.field.wipe().unwrap();
    }
}

/// An answer that is not headquarters' revokes nothing.
#[test]
fn a_portal_revokes_nothing() {
    let hq = Hq::new();
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    for mood in [Mood::Portal, Mood::Tamper] {
        hq.mood(mood);
        assert_eq!(phone.field.sync(&hq).unwrap_err().code(), "no_network");
        assert_eq!(phone.field.standing(), Ok(Standing::Active));
    }
}

/// F32: restarts and a wall clock set back win no time for reading.
#[test]
fn a_clock_that_is_set_back_does_not_extend_the_lease() {
    let (hq, phone, brief) = with_brief();
    // 60 hours pass in this boot, and the store sees it.
    phone.source.pass(60 * HOUR);
    phone.field.record_visit(visit()).unwrap();
    assert!(phone.field.document(brief).is_ok());
    // Restarted, and the wall clock set back to the last contact.
    phone.source.boot.store(99, Ordering::SeqCst);
    phone.source.mono.store(0, Ordering::SeqCst);
    phone.source.wall.store(NOW, Ordering::SeqCst);
    assert!(phone.field.document(brief).is_ok(), "60 of 72 hours are over");
    // 13 hours in the new boot, always with the wall clock set back.
    phone.source.mono.store(13 * HOUR.unsigned_abs(), Ordering::SeqCst);
    assert_eq!(phone.field.document(brief), Err(FieldError::LeaseOver));
    // What the store saw survives a kill and the next restart, if a screen was looked at.
    phone.field.tick();
    let cold = phone.after_kill();
    cold.source.boot.store(100, Ordering::SeqCst);
    cold.source.mono.store(0, Ordering::SeqCst);
    assert_eq!(cold.field.document(brief), Err(FieldError::LeaseOver));
    cold.field.record_visit(visit()).unwrap();
    drop(cold);
    // Headquarters' word counts again.
    let mut lease = crate::hq::lease(lanewalk_model::staff::Role::GridWorker, 2);
    lease.valid_until += 100 * HOUR;
    let mut s = hq.state.lock().unwrap();
    (s.now, s.lease) = (s.now + 73 * HOUR, lease);
    drop(s);
    phone.field.sync(&hq).unwrap();
    assert!(phone.field.document(brief).is_ok());
}

/// F23: a core that headquarters finds too old says so and goes on delivering.
#[test]
fn a_core_that_is_too_old_goes_on_delivering() {
    let hq = Hq::new();
    let phone = Phone::enrolled(&hq);
    let mut lease = crate::hq::lease(lanewalk_model::staff::Role::GridWorker, 2);
    lease.min_core = Some([99, 0, 0]);
    hq.state.lock().unwrap().lease = lease.clone();
    phone.field.sync(&hq).unwrap();
    let problems = phone.field.status().unwrap().problems;
    assert_eq!(problems, [("core_too_old".to_owned(), "99.0.0".to_owned())]);
    phone.field.record_visit(visit()).unwrap();
    assert_eq!(phone.field.sync(&hq).unwrap().acknowledged, 1);
    lease.min_core = Some(lanewalk_field::CORE);
    lease.version += 1;
    hq.state.lock().unwrap().lease = lease;
    phone.field.sync(&hq).unwrap();
    assert_eq!(phone.field.status().unwrap().problems, []);
}
