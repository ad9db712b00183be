//! AC-3: the cats of 潍棉小区 (R44–R49).

use super::street::{
    act, at, at_hq, call, go_to, keep_photo, of_order, order_in, picture, reached, records, seen, shoot,
    state, steps, submit, town,
};
use crate::logged;
use lanewalk_field::{FieldError, Shot};
use lanewalk_model::{
    kpi::{DueKind, History},
    order::{Act, Refusal, State},
    photo::{PhotoRecord, PhotoRole, PhotoScene},
    records::{
        ConsentRecord, MeasurementRecord, Method, PoliceRecord, ProposalKind, ProposalRecord, StepKind, Talk,
        TalkRecord, Verdict,
    },
    schema::DocKind,
    time::TimeMs,
    view::Value,
};

/// The community worker.
const A: usize = 0;
/// The property manager.
const B: usize = 1;

#[test]
fn twenty_cats_in_a_flat_reported_in_the_corridor() {
    let mut town = town(431, 1, 1, "2026-07-03 19:05");
    let now = town.clock.now();
    let order = order_in(&mut town, call(now, "AC3", 1, "楼道内养猫", "noise", false));
    let due = at_hq(&town, order).int("internal_due").unwrap();
    assert_eq!(due, at("2026-07-07 17:30"));
    let reported = at_hq(&town, order);
    let (worker, manager) = (town.phones[A].field().clone(), town.phones[B].field().clone());

    // The property manager looks three times, without network; sees the order as on Friday.
    let mut facts = Vec::new();
    for (when, words) in [
        ("2026-07-04 08:20", "楼道内未见"),
        ("2026-07-04 20:15", "楼道内有气味"),
        ("2026-07-05 19:40", "见到约12只"),
    ] {
        go_to(&town, when);
        seen(&mut town, B, order, "site_check", words);
        facts.push(town.remember(B, "check"));
    }
    manager.measure(order, "猫", 12_000, "只", Method::Estimated).unwrap();
    facts.push(town.remember(B, "estimate"));

    // The worker counts inside; the occupant refuses photos of the rooms and every persuasion.
    go_to(&town, "2026-07-05 20:00");
    worker.propose(order, ProposalKind::Ack, "", None, None, false).unwrap();
    let inside = seen(&mut town, A, order, "site_check", "501室内,住户不许入户拍照");
    worker.consent(inside, false).unwrap();
    let scenes = worker.photo_scenes(inside).unwrap();
    assert_eq!(scenes, [PhotoScene::Outdoors, PhotoScene::Corridor, PhotoScene::Door]);
    let scene = |scene| Shot { scene: Some(scene), ..Shot::default() };
    let ticket = worker.begin_photo(inside, PhotoRole::Before).unwrap();
    std::fs::write(&ticket.path, picture(30)).unwrap();
    let refused = worker.finish_photo(ticket.id, &scene(PhotoScene::Interior));
    assert!(matches!(&refused, Err(FieldError::Invalid { field, .. }) if field == "scene"), "{refused:?}");
    worker.drop_ticket(ticket.id).unwrap();
    shoot(&mut town, A, inside, PhotoRole::Before, &picture(31), &scene(PhotoScene::Corridor));
    shoot(&mut town, A, inside, PhotoRole::Before, &picture(32), &scene(PhotoScene::Door));
    // From the gallery of the phone, where somebody sent it.
    let folder = tempfile::tempdir().unwrap();
    let sent = folder.path().join("sent.jpg");
    std::fs::write(&sent, picture(33)).unwrap();
    let imported = worker.import_photo(inside, PhotoRole::Before, &sent, &scene(PhotoScene::Door)).unwrap();
    keep_photo(&mut town, A, inside, imported);
    worker.measure(order, "猫", 20_000, "只", Method::Counted).unwrap();
    worker.set_field(order, "verified_address", Value::Text("3号楼2单元501室内".into())).unwrap();
    worker.set_field(order, "verified_facts", Value::Text("住户在家中养猫20只".into())).unwrap();
    for words in ["第一次劝导,不认可", "第二次劝导,仍不认可"] {
        worker.talk(order, Talk::Persuasion, false, None, words).unwrap();
    }
    go_to(&town, "2026-07-06 09:30");
    town.sync(A).unwrap();
    assert_eq!(state(&town, order), State::Investigating);

    // "Not true", says the property manager, who has heard of nothing.
    go_to(&town, "2026-07-06 09:50");
    let check = ProposalRecord {
        outcome: Some("not_found".into()),
        ..ProposalRecord::new(ProposalKind::Check, 0, "不属实")
    };
    let event = manager.propose_record(order, check, false).unwrap().to_string();
    town.remember(B, "proposal");
    // He may not submit a result, nor send the order back.
    for kind in [ProposalKind::Submit, ProposalKind::Return] {
        let denied = manager.propose(order, kind, "不属实", Some("not_found"), None, false);
        assert_eq!(denied, Err(FieldError::WouldBeRefused { refusal: Refusal::RoleMayNot }));
    }
    go_to(&town, "2026-07-06 10:30");
    worker.police(order, "奎公(潍)报字0706-11", TimeMs(town.clock.now()), "").unwrap();
    go_to(&town, "2026-07-06 11:10");
    worker
        .police(order, "奎公(潍)报字0706-11", TimeMs(town.clock.now()), "民警到场,住户同意三日内送养")
        .unwrap();
    go_to(&town, "2026-07-06 12:00");
    town.settle();

    let page = manager.order(order).unwrap();
    let answer = page.proposals.iter().find(|p| p.id == event).unwrap().decision.clone().unwrap();
    assert_eq!((answer.verdict, answer.reason), (Verdict::Refused, Some(Refusal::StaleVersion)));
    let why = answer.words.unwrap();
    assert!(why.contains("gw-01: 猫 20 只") && why.contains("501室内"), "and contradicted: {why}");
    // He looks at it again and says the same: now it is only contradicted.
    let again = ProposalRecord {
        outcome: Some("not_found".into()),
        ..ProposalRecord::new(ProposalKind::Check, 0, "楼道确实没有")
    };
    let told = manager.propose_record(order, again, false);
    assert_eq!(told, Err(FieldError::WouldBeRefused { refusal: Refusal::Contradicted }));

    // What was reported stays beside what was found; his checks are facts like hers.
    let view = at_hq(&town, order);
    for key in ["title", "summary", "place_text", "reported_position"] {
        assert_eq!(view.get(key), reported.get(key), "{key}");
    }
    assert!(view.text("place_text").unwrap().contains("楼道"));
    assert_eq!(view.text("verified_address"), Some("3号楼2单元501室内"));
    assert_eq!(view.text("verified_facts"), Some("住户在家中养猫20只"));
    let mut counts: Vec<(i64, Method)> = records::<MeasurementRecord>(&town, order, "measurement")
        .into_iter()
        .map(|m| (m.milli, m.method))
        .collect();
    counts.sort_by_key(|(milli, _)| *milli);
    assert_eq!(counts, [(12_000, Method::Estimated), (20_000, Method::Counted)]);
    let visits = of_order(&town, order, DocKind::Visit);
    let checks = |who: &str| {
        let by = |v: &&_| at_hq(&town, **v).text("by") == Some(who);
        visits.iter().filter(by).filter(|v| at_hq(&town, **v).text("kind") == Some("site_check")).count()
    };
    assert_eq!((checks("ps-01"), checks("gw-01"), visits.len()), (3, 1, 4));
    for fact in facts {
        assert_eq!(logged(&town, fact).0, None, "kept");
    }
    let photos: Vec<PhotoRecord> = records(&town, inside, "photo");
    assert_eq!((photos.len(), photos.iter().filter(|p| p.in_app).count()), (3, 2), "the import is marked");
    let marked = worker.photos(inside).unwrap().into_iter().find(|p| p.id == imported).unwrap();
    assert!(!marked.record.in_app);
    assert_eq!(records::<ConsentRecord>(&town, inside, "consent").last().map(|c| c.given), Some(false));
    let brief = of_order(&town, order, DocKind::Brief)[0];
    let talks: Vec<TalkRecord> = records(&town, brief, "mediation");
    assert_eq!(talks.iter().map(|t| (t.kind, t.agreed)).collect::<Vec<_>>(), [(Talk::Persuasion, false); 2]);
    let police: Vec<PoliceRecord> = records(&town, brief, "police_referral");
    assert_eq!(
        police.iter().map(|p| p.when.0).collect::<Vec<_>>(),
        [at("2026-07-06 10:30"), at("2026-07-06 11:10")]
    );

    go_to(&town, "2026-07-06 15:00");
    submit(&mut town, A, order, "经劝导不认可,报警后住户同意送养", "referred_police");
    town.settle();
    assert_eq!(state(&town, order), State::Submitted);
    act(&town, "hc-01", order, &Act::Pass, "");
    act(&town, "ca-01", order, &reached(true, true, true), "");
    act(&town, "hc-01", order, &Act::Close, "");
    let recheck = town.network.hq(|hq| hq.make_recheck(order, "hc-01").unwrap());
    town.settle();

    let view = at_hq(&town, order);
    assert_eq!((view.text("state"), view.text("outcome")), (Some("CLOSED"), Some("referred_police")));
    let facts = History::of(&view).at(TimeMs(town.clock.now())).unwrap();
    assert!(facts.is_in_time(DueKind::Internal) && facts.closed_at.unwrap().0 < due);
    assert_eq!(steps(&town, order, StepKind::Checked), []);
    let task = at_hq(&town, recheck);
    assert_eq!(task.text("subtask_of"), Some(order.to_string().as_str()));
    assert_eq!(
        (task.text("state"), task.int("internal_due")),
        (Some("DISPATCHED"), Some(at("2026-07-13 17:30")))
    );
    assert!(worker.order(recheck).is_ok(), "on the worker's list");
    support::check::laws(&town);
}
