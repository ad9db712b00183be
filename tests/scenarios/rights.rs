//! Rights that change while a phone is away (F22, DOMAIN.md §3).

use crate::{A, at_hq, hq_ids, ids, logged, order_in, town, visit};
use lanewalk_field::{Farewell, NewAppeal, NewPerson, NewPlace, Standing, SyncError, UploadPolicy};
use lanewalk_model::{
    schema::DocKind,
    staff::{Grant, Role},
    time::TimeMs,
};
use support::{check, town::Town};

/// A worker becomes a property manager while her phone, offline, holds persons and notes.
#[test]
fn a_demotion_refuses_what_the_new_role_may_not_and_blocks_nothing() {
    let mut town = town(101, 4);
    let order = order_in(&mut town, 0, "楼道养猫");
    let grid = Some(town.cells[0].clone());
    assert!(!ids(town.phones[A].field(), DocKind::Brief).is_empty());
    town.clock.advance(3_600_000);
    let field = town.phones[A].field().clone();
    let person = NewPerson {
        name: "李秀兰".into(),
        phone: "13700001111".into(),
        purpose: "走访".into(),
        grid: grid.clone(),
    };
    let person = field.new_person(person).unwrap();
    let refused = town.remember(A, "person");
    let note = field.add_note(order, "住户不在,下午再来").unwrap();
    field
        .new_appeal(NewAppeal {
            kind: "help".into(),
            text: "想装扶手".into(),
            grid: grid.clone(),
            ..NewAppeal::default()
        })
        .unwrap();
    let appeal = town.remember(A, "appeal");
    field
        .new_place(NewPlace { name: "早餐店".into(), kind: "shop".into(), grid, ..NewPlace::default() })
        .unwrap();
    let place = town.remember(A, "place");
    field.record_visit(visit(order, "site_check", "楼道里有笼子")).unwrap();
    let seen = town.remember(A, "visit");

    town.clock.advance(3_600_000);
    let now = TimeMs(town.clock.now());
    town.network.hq(|hq| {
        hq.put_staff("gw-01", "转岗物业", Role::PropertyStaff).unwrap();
        for cell in &town.cells[..2] {
            hq.end_grant("gw-01", cell, now).unwrap();
            hq.grant("gw-01", &Grant { grid: cell.clone(), role: Role::PropertyStaff, from: now, to: None })
                .unwrap();
        }
    });
    town.phones[A].role = Role::PropertyStaff;
    town.clock.advance(3_600_000);
    town.settle();

    let quarantine = field.quarantine().unwrap();
    assert_eq!(
        quarantine.iter().map(|q| (q.hash, q.code.as_str())).collect::<Vec<_>>(),
        [(refused, "may_not_create")]
    );
    assert_eq!(quarantine[0].doc, person);
    let words: Vec<_> = quarantine[0].written.iter().filter_map(|w| w.value.as_deref()).collect();
    assert!(words.contains(&"李秀兰"), "{words:?}");
    let export = field.export_quarantine().unwrap();
    assert!(export.contains("李秀兰") && export.contains("13700001111") && export.contains("may_not_create"));
    for (hash, what) in [(note.hash, "note"), (appeal, "appeal"), (place, "place"), (seen, "visit")] {
        assert_eq!(logged(&town, hash).0, None, "{what}");
    }
    assert_eq!(
        logged(&town, refused).0.as_deref(),
        Some("may_not_create"),
        "and headquarters has it in the log"
    );
    assert!(!hq_ids(&town, DocKind::Person).contains(&person));
    // The phone has let go of what the new role may not hold.
    assert!(
        field
            .heads()
            .unwrap()
            .keys()
            .all(|d| !matches!(d.kind, DocKind::Brief | DocKind::Person | DocKind::Care))
    );
    // And work goes on.
    field.add_note(order, "以物业身份再来一次").unwrap();
    assert_eq!(town.settle(), 1);
    assert_eq!(at_hq(&town, order).members("note").count(), 2);
    assert_eq!(field.status().unwrap().pending, 0);
    check::laws(&town);
}

/// A grid goes to somebody else while the worker is in it; later it comes back.
#[test]
fn a_reassigned_grid_keeps_what_was_done_in_it() {
    let mut town = town(102, 6);
    let order = order_in(&mut town, 0, "电梯故障");
    let field = town.phones[A].field().clone();
    let old = town.cells[0].clone();
    let held = field.heads().unwrap().len();
    town.clock.advance(3_600_000);
    let visits: Vec<_> = (0..3)
        .map(|n| {
            town.clock.advance(60_000);
            let id = field.record_visit(visit(order, "prelim", &format!("第{n}次"))).unwrap();
            (id, town.remember(A, "visit"))
        })
        .collect();
    field.add_note(order, "等配件").unwrap();
    let note = town.remember(A, "note");

    let now = TimeMs(town.clock.now());
    town.network.hq(|hq| hq.end_grant("gw-01", &old, now).unwrap());
    town.clock.advance(7_200_000);
    town.sync(A).unwrap();
    for (id, hash) in &visits {
        assert_eq!(logged(&town, *hash).0, None);
        assert_eq!(at_hq(&town, *id).text("grid"), Some(old.as_str()), "under the old grid");
    }
    assert_eq!(logged(&town, note).0, None);
    // What was lost has left the phone; nothing unsent stays behind.
    assert!(field.order(order).is_err());
    assert!(visits.iter().all(|(id, _)| field.document(*id).is_err()));
    assert!(field.list(&Default::default()).unwrap().iter().all(|row| row.row.grid != old));
    assert_eq!((field.status().unwrap().pending, field.quarantine().unwrap().len()), (0, 0));
    town.settle();
    check::laws(&town);
    // A new fact there is refused at once, on the phone.
    let late =
        lanewalk_field::NewVisit { grid: Some(old.clone()), kind: "patrol".into(), ..Default::default() };
    assert_eq!(field.record_visit(late).unwrap_err().code(), "not_allowed");

    town.clock.advance(3_600_000);
    let now = TimeMs(town.clock.now());
    town.network.hq(|hq| {
        hq.grant("gw-01", &Grant { grid: old, role: Role::GridWorker, from: now, to: None }).unwrap()
    });
    town.settle();
    assert_eq!(field.order(order).unwrap().visits.len(), 3);
    assert_eq!(field.heads().unwrap().len(), held + 3);
    check::laws(&town);
}

/// A right is given and taken for an hour of the same day: with the first sync after each moment the phone
/// has, and has not, what belongs to it.
#[test]
fn a_dated_right_begins_and_ends_at_its_moment() {
    let mut town = town(107, 4);
    let order = order_in(&mut town, 2, "占道经营");
    let field = town.phones[A].field().clone();
    let (hour, now) = (3_600_000, town.clock.now());
    let (from, to) = (TimeMs(now + hour), Some(TimeMs(now + 2 * hour)));
    let cell = town.cells[2].clone();
    town.network.hq(|hq| hq.grant("gw-01", &Grant { grid: cell, role: Role::GridWorker, from, to }).unwrap());
    for (what, there) in [("before", false), ("within", true), ("after", false)] {
        town.settle();
        assert_eq!(field.order(order).is_ok(), there, "{what}");
        check::laws(&town);
        town.clock.advance(hour);
    }
}

/// Both at once: the right ends and the phone dies before its visits are sent.
#[test]
fn a_reassigned_phone_that_dies_keeps_its_visits() {
    let mut town = town(103, 4);
    let order = order_in(&mut town, 0, "下水道堵塞");
    town.phones[A].field().record_visit(visit(order, "prelim", "淹了半层")).unwrap();
    let hash = town.remember(A, "visit");
    let now = TimeMs(town.clock.now() + 1);
    let cell = town.cells[0].clone();
    town.network.hq(|hq| hq.end_grant("gw-01", &cell, now).unwrap());
    town.kill(A);
    town.kill_hq();
    town.clock.advance(86_400_000);
    town.settle();
    assert_eq!(logged(&town, hash).0, None);
    check::laws(&town);
}

/// A phone is revoked while it is away (F29): it delivers what it wrote, into quarantine, reads no
/// more, and is wiped only then.
#[test]
fn a_revoked_phone_delivers_and_is_wiped() {
    let mut town = town(104, 2);
    let order = order_in(&mut town, 0, "消防通道堵塞");
    let field = town.phones[A].field().clone();
    field.add_note(order, "已劝离两辆车").unwrap();
    let note = town.remember(A, "note");
    field.record_visit(visit(order, "site_check", "第三辆无人应答")).unwrap();
    let seen = town.remember(A, "visit");
    let device = field.identity().unwrap().device;
    town.network.hq(|hq| hq.revoke(device).unwrap());
    assert!(matches!(town.sync(A), Err(SyncError::Revoked { deposit_until: Some(_) })));
    for hash in [note, seen] {
        assert_eq!(logged(&town, hash).0.as_deref(), Some("revoked"));
    }
    assert_eq!(at_hq(&town, order).members("note").count(), 0, "nothing entered the documents");
    // Everything is receipted; it is let go once a verified backup has it.
    let Standing::Revoked { entries: 1.., next: Farewell::Deliver, .. } = field.standing().unwrap() else {
        panic!("{:?}", field.standing());
    };
    town.backup();
    assert!(matches!(town.sync(A), Err(SyncError::Revoked { .. })));
    let Standing::Revoked { entries: 0, files: 0, next: Farewell::Wipe, .. } = field.standing().unwrap()
    else {
        panic!("{:?}", field.standing());
    };
    assert!(field.export_quarantine().unwrap().contains("已劝离两辆车"));
    field.wipe().unwrap();
    assert!(!town.phones[A].directory.join("lanewalk.db").exists());
}

/// The photos of a revoked phone are taken too: those whose visit came in before, and those that
/// only its entries in quarantine name.
#[test]
fn a_revoked_phone_delivers_its_photos() {
    let mut town = town(106, 2);
    let order = order_in(&mut town, 0, "井盖破损");
    let field = town.phones[A].field().clone();
    field.record_visit(visit(order, "site_check", "先到")).unwrap();
    let photo = |town: &mut Town| {
        let before = town.photos.len();
        while town.photos.len() == before {
            town.photograph(A);
        }
    };
    photo(&mut town);
    town.sync(A).unwrap();
    // Later, so that the stamp is another even if the picture is the same.
    town.clock.advance(120_000);
    photo(&mut town);
    let device = field.identity().unwrap().device;
    town.network.hq(|hq| hq.revoke(device).unwrap());
    assert!(matches!(town.sync(A), Err(SyncError::Revoked { deposit_until: Some(_) })));
    let Standing::Revoked { files, next: Farewell::Deliver, .. } = field.standing().unwrap() else {
        panic!("{:?}", field.standing());
    };
    assert!(files >= 4, "{files}");
    let report = town.upload(A, UploadPolicy::UNMETERED).unwrap();
    assert_eq!((report.files, report.refused), (files, 0), "{report:?}");
    town.backup();
    assert!(matches!(town.sync(A), Err(SyncError::Revoked { .. })));
    let Standing::Revoked { files: 0, next: Farewell::Wipe, .. } = field.standing().unwrap() else {
        panic!("{:?}", field.standing());
    };
}

/// So much was written offline that it takes several pushes; the right ended meanwhile. The later
/// pushes were written before the first came in, too.
#[test]
fn a_long_backlog_of_a_reassigned_grid_comes_in_whole() {
    let mut town = town(105, 2);
    let order = order_in(&mut town, 0, "老旧小区改造");
    let notes = "逐户走访记录。".repeat(560);
    for _ in 0..300 {
        town.clock.advance(1_000);
        town.phones[A].field().record_visit(visit(order, "prelim", &notes)).unwrap();
        town.remember(A, "visit");
    }
    let (now, cell) = (TimeMs(town.clock.now()), town.cells[0].clone());
    town.network.hq(|hq| hq.end_grant("gw-01", &cell, now).unwrap());
    town.clock.advance(3_600_000);
    assert!(town.sync(A).unwrap().requests >= 3);
    assert_eq!(town.phones[A].field().quarantine().unwrap().len(), 0);
    assert_eq!(hq_ids(&town, DocKind::Visit).len(), 300);
    town.settle();
    check::laws(&town);
}
