//! AC-2: the electric box of 金御皇庭 (R37–R42). What the box was nobody says: the matter stays
//! in the citizen's words.

use super::street::{
    act, all, at, at_hq, call, decide, go_to, of_order, order_in, picture, reached, records, seen, shoot,
    state, steps, submit, told_by, town, try_act,
};
use lanewalk_field::{FieldError, NewCare, NewPerson, NewPlace, NewVisit, Shot};
use lanewalk_headquarters::{ahead::kb::Entry, groups::NewSubtask, import::IncomingOrder, people};
use lanewalk_model::{
    id::DocId,
    kpi::{History, Metric},
    order::{self, Act, Refusal, State},
    photo::PhotoRole,
    records::{
        Confirmation, ConfirmationRecord, FindingRecord, Method, NoteRecord, ProposalKind, StepKind, Talk,
        TalkRecord, Verdict,
    },
    schema::DocKind,
    staff::{Grant, Role},
    time::TimeMs,
    view::Value,
};
use support::town::Town;

const A: usize = 0;
const B: usize = 1;
const NAME: &str = "宋玉梅";
const PHONE: &str = "13963600218";
const BASIS: &str = "低保在册,社区入户核实";
const KIND: &str = "独居重病";

fn told(town: &Town, id: &str) -> IncomingOrder {
    let order = call(town.clock.now(), id, 1, "楼上电箱被改建出售,漏水扰民", "noise", false);
    told_by(order, NAME, PHONE)
}

/// W1: the mediation of May failed; closed, and not resolved.
fn first_round(town: &mut Town) -> DocId {
    let order = told(town, "AC2-1");
    let order = order_in(town, order);
    let field = town.phones[A].field().clone();
    field.propose(order, ProposalKind::Ack, "", None, None, false).unwrap();
    seen(town, A, order, "handle", "双方到场");
    field.talk(order, Talk::Mediation, false, None, "调解未果,楼上不同意拆除").unwrap();
    submit(town, A, order, "已组织调解,未达成一致", "explained");
    town.settle();
    act(town, "hc-01", order, &Act::Pass, "");
    act(town, "ca-01", order, &reached(true, false, false), "");
    act(town, "hc-01", order, &Act::Close, "");
    town.settle();
    order
}

#[test]
fn the_electric_box_upstairs_comes_back_and_is_taken_down() {
    let mut town = town(421, 1, 1, "2026-05-26 09:00");
    let (worker, manager) = (town.phones[A].field().clone(), town.phones[B].field().clone());
    let cell = town.cells[1].clone();
    let w1 = first_round(&mut town);
    let w1_then = at_hq(&town, w1);
    assert_eq!(state(&town, w1), State::Closed);

    // 1. Four weeks later the same requester, matter and place.
    go_to(&town, "2026-06-18 16:40");
    let order = told(&town, "AC2-2");
    let w2 = order_in(&mut town, order);
    let view = at_hq(&town, w2);
    assert_eq!(view.text("recurrence_of"), Some(w1.to_string().as_str()));
    assert_eq!(view.int("internal_due"), Some(at("2026-06-23 17:30")), "after the Dragon Boat days");
    let home = NewPlace {
        raw_address: "幸福街3号楼2单元601".into(),
        kind: "dwelling".into(),
        grid: Some(cell.clone()),
        ..NewPlace::default()
    };
    let place = worker.new_place(home).unwrap();
    worker.set_field(place, "access_note", Value::Text("楼道门禁坏".into())).unwrap();
    town.settle();
    for (when, yellow) in [("2026-06-21 12:00", false), ("2026-06-22 10:00", true)] {
        go_to(&town, when);
        town.network.hq(|hq| hq.tick().unwrap());
        assert_eq!(at_hq(&town, w2).flag("flag/yellow"), yellow, "{when}");
    }
    assert_eq!(steps(&town, w2, StepKind::Yellow).len(), 1);
    // After the holidays the phones' leases are over; in the office they are renewed.
    town.settle();

    // 2. In the stairwell there is no signal.
    go_to(&town, "2026-06-22 10:05");
    worker.propose(w2, ProposalKind::Ack, "", None, None, false).unwrap();
    let visit = seen(&mut town, A, w2, "site_check", "楼顶渗水,电箱间发热");
    for n in 0..5 {
        shoot(&mut town, A, visit, PhotoRole::Before, &picture(200 + n), &Shot::default());
    }
    for milli in [41_500, 43_000] {
        worker.measure(visit, "电箱外壳温度", milli, "℃", Method::Measured).unwrap();
    }
    let person = NewPerson {
        name: NAME.into(),
        phone: PHONE.into(),
        purpose: "走访救助".into(),
        grid: Some(cell.clone()),
    };
    let person = worker.new_person(person).unwrap();
    worker.met(visit, &[person]).unwrap();
    let valid_to = Some(TimeMs(at("2027-06-22 00:00")));
    let hardship = |basis: &str| NewCare {
        person,
        kind: KIND.into(),
        basis: basis.into(),
        valid_to,
        grid: Some(cell.clone()),
    };
    assert!(matches!(worker.new_care(hardship(" ")), Err(FieldError::Invalid { .. })), "no basis, no record");
    let care = worker.new_care(hardship(BASIS)).unwrap();
    worker.set_field(place, "access_note", Value::Text("下午在家,按门铃两次".into())).unwrap();
    worker.set_field(w2, "severity", Value::Int(3)).unwrap();
    go_to(&town, "2026-06-22 10:20");
    manager.set_field(place, "access_note", Value::Text("先到物业前台登记".into())).unwrap();
    manager.set_field(w2, "severity", Value::Int(1)).unwrap();
    let told = manager.propose(w2, ProposalKind::Return, "邻里纠纷", None, None, false);
    assert_eq!(told, Err(FieldError::WouldBeRefused { refusal: Refusal::RoleMayNot }));
    let sent_back =
        manager.propose(w2, ProposalKind::Return, "邻里纠纷", None, None, true).unwrap().to_string();
    town.remember(B, "return");

    // 3. Sync.
    go_to(&town, "2026-06-22 11:30");
    town.settle();
    let view = at_hq(&town, w2);
    assert_eq!(view.int("severity"), Some(3));
    let note = at_hq(&town, place);
    assert_eq!(note.text("access_note"), Some("先到物业前台登记"), "the last writer");
    let both: Vec<_> = note.all("access_note").iter().map(|v| v.value.text().unwrap()).collect();
    assert_eq!(both, ["下午在家,按门铃两次", "先到物业前台登记"], "the other one stays");
    for phone in [A, B] {
        let page = town.phones[phone].field().order(w2).unwrap();
        let answer = page.proposals.iter().find(|p| p.id == sent_back).unwrap().decision.clone().unwrap();
        assert_eq!((answer.verdict, answer.reason), (Verdict::Refused, Some(Refusal::RoleMayNot)));
    }
    let notes: Vec<NoteRecord> = records(&town, w2, "note");
    assert!(notes.iter().any(|n| n.text.contains("邻里纠纷") && n.text.contains("ps-01")), "{notes:?}");
    nothing_personal(&mut town, &[A], &["邻里纠纷"]);

    // 4. More time, the squad's finding, two talks with the knowledge at hand.
    go_to(&town, "2026-06-23 14:40");
    worker.propose(w2, ProposalKind::Extend, "须待自拆", None, Some(5), false).unwrap();
    town.settle();
    go_to(&town, "2026-06-23 15:00");
    assert_eq!(decide(&town, "dl-01", w2, true, "同意"), None);
    assert_eq!(at_hq(&town, w2).int("internal_due"), Some(at("2026-06-30 17:30")));
    let (kb, finding) = town.network.hq(|hq| {
        let entry = Entry {
            title: "违法建设自行拆除政策".into(),
            owner_unit: "sec-chengguan".into(),
            body: "限期内自行拆除的不予处罚".into(),
            ..Entry::default()
        };
        let date = TimeMs(at("2026-06-24 00:00"));
        let finding = |hq: &mut lanewalk_headquarters::Headquarters, by: &str| {
            hq.finding(by, w2, "潍州城管认字〔2026〕18号", date, "电箱间为违法建设").unwrap()
        };
        let kb = hq.publish(&entry, "cg-01").unwrap();
        assert_eq!(finding(hq, "cg-01"), Some(Refusal::RoleMayNot), "the squad alone");
        (kb, finding(hq, "en-01"))
    });
    assert_eq!(finding, None);
    let findings: Vec<FindingRecord> = records(&town, w2, "finding");
    assert_eq!((findings.len(), findings[0].number.as_str()), (1, "潍州城管认字〔2026〕18号"));
    town.settle();
    go_to(&town, "2026-06-25 09:00");
    worker.open_care(care, "上门前了解情况").unwrap();
    worker.talk(w2, Talk::Persuasion, false, Some(kb), "讲明政策,仍犹豫").unwrap();
    go_to(&town, "2026-06-26 16:00");
    town.settle();
    worker.talk(w2, Talk::Persuasion, true, Some(kb), "同意自行拆除").unwrap();
    go_to(&town, "2026-06-29 10:00");
    town.settle();
    assert!(matches!(worker.document(care), Err(FieldError::Invalid { .. })), "not past the log");
    assert!(matches!(worker.open_care(care, " "), Err(FieldError::Invalid { .. })));
    assert_eq!(worker.open_care(care, "确认救助").unwrap().text("basis"), Some(BASIS));
    let after = seen(&mut town, A, w2, "handle", "住户自行拆除完毕");
    shoot(&mut town, A, after, PhotoRole::After, &picture(210), &Shot::default());
    shoot(&mut town, A, after, PhotoRole::After, &picture(211), &Shot::default());
    let paper = shoot(&mut town, A, after, PhotoRole::Document, &picture(212), &Shot::default());
    worker.confirm(after, Confirmation::Signed, Some(paper)).unwrap();
    let roof =
        NewSubtask {
            title: "楼顶防水重做".into(), lead_unit: "sec-zhujian".into(), ..NewSubtask::default()
        };
    let roof = town.network.hq(|hq| hq.make_subtask(w2, &roof, "cg-01").unwrap());
    submit(&mut town, A, w2, "住户已自行拆除,楼顶防水另行安排", "self_corrected");
    town.settle();
    let brief = of_order(&town, w2, DocKind::Brief)[0];
    let talks: Vec<TalkRecord> = records(&town, brief, "mediation");
    let cites = Some(kb.to_string());
    assert_eq!(
        talks.iter().map(|t| (t.agreed, &t.cites)).collect::<Vec<_>>(),
        [(false, &cites), (true, &cites)]
    );
    let signed: Vec<ConfirmationRecord> = records(&town, after, "confirmation");
    assert_eq!((signed.len(), signed[0].how), (1, Confirmation::Signed));
    assert_eq!(signed[0].photo.as_deref(), Some(paper.to_string().as_str()));

    // 5. Who handled it does not ask whether it went well, not even in another role.
    act(&town, "hc-01", w2, &Act::Pass, "");
    let happy = reached(true, true, true);
    assert_eq!(try_act(&town, "gw-01", w2, &happy, ""), Some(Refusal::OtherDecides));
    town.network.hq(|hq| {
        hq.put_staff("gw-01", "网格员甲", Role::CallbackAgent).unwrap();
        let grant =
            Grant { grid: cell.clone(), role: Role::CallbackAgent, from: TimeMs(town.clock.now()), to: None };
        hq.grant("gw-01", &grant).unwrap();
    });
    assert_eq!(try_act(&town, "gw-01", w2, &happy, ""), Some(Refusal::OwnWork));
    town.network.hq(|hq| hq.put_staff("gw-01", "网格员甲", Role::GridWorker).unwrap());
    act(&town, "ca-01", w2, &happy, "");
    act(&town, "hc-01", w2, &Act::Close, "");
    town.settle();
    let closed = at_hq(&town, w2);
    assert_eq!((closed.text("state"), closed.text("outcome")), (Some("CLOSED"), Some("self_corrected")));

    // The roof is done later, with photos of its own; nothing opens again.
    go_to(&town, "2026-07-01 10:00");
    town.settle();
    assert_eq!(state(&town, roof), State::Dispatched);
    worker.propose(roof, ProposalKind::Ack, "", None, None, false).unwrap();
    let done = worker
        .record_visit(NewVisit { order: Some(roof), kind: "handle".into(), ..NewVisit::default() })
        .unwrap();
    shoot(&mut town, A, done, PhotoRole::Before, &picture(220), &Shot::default());
    shoot(&mut town, A, done, PhotoRole::After, &picture(221), &Shot::default());
    submit(&mut town, A, roof, "防水层重做完毕", "enforced");
    town.settle();
    act(&town, "hc-01", roof, &Act::Pass, "");
    act(&town, "ca-01", roof, &happy, "");
    act(&town, "hc-01", roof, &Act::Close, "");
    town.settle();
    assert_eq!(state(&town, roof), State::Closed);
    assert!(at_hq(&town, w2) == closed, "the sub-task left its order alone");
    assert!(at_hq(&town, w1) == w1_then, "and the earlier order was never rewritten");
    assert_eq!(order::callbacks(&w1_then).last().unwrap().1.resolved, Some(false));
    let photos = |visit| at_hq(&town, visit).members("photo").count();
    assert_eq!((photos(visit), photos(after), photos(done)), (5, 3, 2));

    // The log has every view of the vulnerability, and nobody else's.
    let wanted = people::Search { about: care.to_string(), ..people::Search::default() };
    let found = town.network.hq(|hq| people::search(hq.reader(), &wanted, 100).unwrap());
    let mut views: Vec<_> =
        found.lines.iter().map(|l| (l.at.0, l.who.as_str(), l.what.as_str(), l.purpose.as_str())).collect();
    views.sort_unstable();
    assert_eq!(
        views,
        [
            (at("2026-06-25 09:00"), "gw-01", "care", "上门前了解情况"),
            (at("2026-06-29 10:00"), "gw-01", "care", "确认救助"),
        ]
    );
    let resident = people::Search { phone: PHONE.into(), ..people::Search::default() };
    assert_eq!(town.network.hq(|hq| people::search(hq.reader(), &resident, 100).unwrap().total), 2);

    // No figure and no document but the record itself knows of it.
    let now = TimeMs(town.clock.now());
    let facts: Vec<_> = [w1, w2].iter().map(|id| History::of(&at_hq(&town, *id)).at(now).unwrap()).collect();
    assert_eq!(Metric::Resolution.rate(&facts, now).to_string(), "50.00% (1/2)");
    for kind in DocKind::ALL.into_iter().filter(|k| *k != DocKind::Care) {
        for id in all(&town, kind) {
            let text = serde_json::to_string(&at_hq(&town, id)).unwrap();
            assert!(![KIND, BASIS].iter().any(|w| text.contains(w)), "{id} holds the vulnerability");
        }
    }
    nothing_personal(&mut town, &[A], &["邻里纠纷"]);
    support::check::laws(&town);
}

/// Reads the property manager's device and a backup of it, with its key, and finds nobody; `own`
/// words of the manager show that the reading reads.
#[track_caller]
fn nothing_personal(town: &mut Town, knows: &[usize], own: &[&str]) {
    let backup = tempfile::tempdir().unwrap();
    let device = town.phones[B].directory.clone();
    for file in std::fs::read_dir(&device).unwrap().map(Result::unwrap) {
        if file.file_type().unwrap().is_file() {
            std::fs::copy(file.path(), backup.path().join(file.file_name())).unwrap();
        }
    }
    let has = |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|w| w == word.as_bytes());
    for (what, folder) in [("device", device.as_path()), ("backup", backup.path())] {
        let mut bytes = town.phones[B].plain(folder);
        for id in town.phones[B].field().heads().unwrap().into_keys() {
            bytes.extend(serde_json::to_vec(&town.phones[B].field().document(id).unwrap()).unwrap());
        }
        for word in [NAME, PHONE, "139****0218", KIND, BASIS] {
            assert!(!has(&bytes, word), "{what} of the property manager holds {word}");
        }
        assert!(own.iter().all(|w| has(&bytes, w)), "{what}: nothing was read");
    }
    for phone in knows {
        let bytes = town.phones[*phone].plain(&town.phones[*phone].directory);
        assert!(has(&bytes, KIND), "the worker holds what the grid is for");
    }
}
