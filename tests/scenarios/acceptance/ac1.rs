//! AC-1: parking before the shops of 华府一品 (R11, R32–R36).

use super::street::{
    act, all, at, at_hq, call, decide, go_to, keep_photo, not_reached, of_order, order_in, picture, reached,
    records, shoot, state, steps, submit, told_by, town, try_act,
};
use crate::{Hand, deliver};
use lanewalk_field::{Answer, Field, NewPlace, NewVisit, Shot};
use lanewalk_headquarters::{
    ahead::{forecasts, kb},
    groups::{Door, NewSurvey, NewTaskForce},
};
use lanewalk_model::{
    datum::Datum,
    group::{
        survey::{Standing, Tally},
        taskforce,
    },
    id::{DocId, to_hex},
    kpi::{self, History, Metric},
    order::{Act, Refusal, State},
    photo::{PhotoPart, PhotoRole},
    position::{Position, Source},
    records::{LiaisonRecord, ProposalKind, StepKind},
    schema::DocKind,
    staff::{Grant, Role},
    time::TimeMs,
    view::Value,
};
use lanewalk_protocol::http::Request;
use std::{collections::BTreeMap, sync::Mutex};
use support::{network::Network, town::Town};

const A: usize = 0;
const B: usize = 1;
const SHOPS: usize = 36;

fn field(town: &Town, phone: usize) -> Field {
    town.phones[phone].field().clone()
}

fn spot(n: usize) -> Position {
    let lon = 1_191_150_000 + i32::try_from(n).unwrap() * 350;
    Position::new(366_850_000, lon, Some(8), Source::Gps, false, Datum::Wgs84).unwrap()
}

/// 14 orders of three days within 150 m; the last ten come in at 09:40 on Friday.
fn fourteen(town: &mut Town) -> Vec<DocId> {
    let mut orders = Vec::new();
    for n in 0..14_usize {
        go_to(town, ["2026-05-06 09:10", "2026-05-07 15:20", "2026-05-08 09:40"][(n / 2).min(2)]);
        let order = call(town.clock.now(), &format!("AC1-{n}"), 1, "华府一品商铺门前乱停车", "noise", false);
        let order =
            told_by(order, &format!("周{}", ["一", "二", "三", "四"][n % 4]), &format!("1386360{n:04}"));
        let lon_e7 = order.lon_e7.map(|lon| lon + i32::try_from(n).unwrap() * 1_000);
        let forecasts = town.network.hq(|hq| forecasts::list(hq.reader(), 9).unwrap());
        assert_eq!(forecasts.len(), usize::from(n >= 5), "five of one matter in one place");
        orders.push(order_in(town, lanewalk_headquarters::import::IncomingOrder { lon_e7, ..order }));
    }
    orders
}

fn tally(town: &Town, survey: DocId) -> Tally {
    town.network.hq(|hq| hq.survey_tally(survey).unwrap())
}

fn totals(tally: &Tally) -> (usize, u32, u32, BTreeMap<&str, u32>) {
    let answers = tally.answers.iter().map(|(answer, n)| (answer.as_str(), *n)).collect();
    (tally.doors.len(), tally.heard, tally.conflicts, answers)
}

/// Goes into a shop: a visit, a photo, an answer.
fn ask(
    town: &mut Town,
    phone: usize,
    survey: DocId,
    shop: DocId,
    n: usize,
    answer: &str,
    file: &[u8],
) -> DocId {
    let visit = NewVisit {
        target: Some(shop),
        grid: Some(town.cells[1].clone()),
        kind: "patrol".into(),
        purpose: "collect".into(),
        result: "met".into(),
        position: Some(spot(n)),
        ..NewVisit::default()
    };
    let visit = field(town, phone).record_visit(visit).unwrap();
    town.remember(phone, "visit");
    let shot = Shot { position: Some(spot(n)), ..Shot::default() };
    shoot(town, phone, visit, PhotoRole::Before, file, &shot);
    say(town, phone, survey, shop, answer);
    visit
}

fn say(town: &mut Town, phone: usize, survey: DocId, shop: DocId, answer: &str) {
    let answer = Answer { place: Some(shop), answer: answer.into(), ..Answer::default() };
    field(town, phone).answer(survey, &answer).unwrap();
    town.remember(phone, "answer");
}

/// The shop that was missing on the list, as one of the two names it.
fn missing_shop(town: &mut Town, phone: usize, survey: DocId, name: &str) -> DocId {
    let cell = town.cells[1].clone();
    let place = NewPlace {
        raw_address: "华府一品37号".into(),
        name: name.into(),
        kind: "shop".into(),
        grid: Some(cell.clone()),
        ..NewPlace::default()
    };
    let shop = field(town, phone).new_place(place).unwrap();
    town.remember(phone, "place");
    let visit = NewVisit {
        target: Some(shop),
        grid: Some(cell),
        kind: "patrol".into(),
        result: "met".into(),
        ..NewVisit::default()
    };
    field(town, phone).record_visit(visit).unwrap();
    town.remember(phone, "visit");
    let answer =
        Answer { place: Some(shop), answer: "support".into(), add_as: name.into(), ..Answer::default() };
    field(town, phone).answer(survey, &answer).unwrap();
    town.remember(phone, "answer");
    shop
}

/// (distinct files, records) of the originals that have arrived.
fn originals(town: &Town) -> (u64, u64) {
    let sql = "SELECT count(DISTINCT r.sha256), count(*) FROM file_refs r JOIN files f ON f.sha256 = r.sha256
               WHERE r.part = ?1";
    town.network.hq(|hq| {
        hq.reader().query_row(sql, [PhotoPart::Original.code()], |r| Ok((r.get(0)?, r.get(1)?))).unwrap()
    })
}

fn entries(town: &Town) -> u64 {
    town.network.hq(|hq| hq.reader().query_row("SELECT count(*) FROM log", [], |r| r.get(0)).unwrap())
}

#[test]
fn fourteen_orders_about_parking_become_one_piece_of_work() {
    let mut town = town(411, 1, 1, "2026-05-06 09:00");
    let cell = town.cells[1].clone();
    let shops: Vec<DocId> = (1..=SHOPS)
        .map(|n| {
            let place = NewPlace {
                raw_address: format!("华府一品{n}号"),
                name: format!("{n}号店"),
                kind: "shop".into(),
                grid: Some(cell.clone()),
                position: Some(spot(n)),
            };
            field(&town, A).new_place(place).unwrap()
        })
        .collect();
    let shop = |n: usize| shops[n - 1];
    town.settle();
    assert_eq!(all(&town, DocKind::Place).len(), 36);

    // 1. The alert, the cluster; every child keeps its own due time.
    let orders = fourteen(&mut town);
    let forecast = town.network.hq(|hq| forecasts::list(hq.reader(), 9).unwrap().remove(0));
    assert_eq!((forecast.orders, forecast.found_at.0), (14, at("2026-05-08 09:40")));
    assert!(forecast.extent.unwrap().radius_m <= 150);
    assert!(field(&town, A).order(orders[0]).unwrap().view.flag("flag/hotspot"), "on the day's list");
    let master =
        town.network.hq(|hq| hq.make_cluster("华府一品停车", &orders, Some(forecast.n), "hc-01").unwrap());
    let due = |town: &Town, n: usize| at_hq(town, orders[n]).int("internal_due").unwrap();
    for (n, want) in
        [(0, "2026-05-08 17:30"), (2, "2026-05-09 17:30"), (4, "2026-05-11 17:30"), (13, "2026-05-11 17:30")]
    {
        assert_eq!(due(&town, n), at(want), "order {n}");
        assert_eq!(at_hq(&town, orders[n]).text("master"), Some(master.to_string().as_str()));
    }
    assert_eq!(at_hq(&town, master).int("internal_due"), None);
    assert_eq!(at_hq(&town, master).members("cluster_child").count(), 14);

    // 2. The task force; more time for each child, one refused.
    go_to(&town, "2026-05-08 10:00");
    let (force, survey) = town.network.hq(|hq| {
        hq.put_staff("zr-01", "街办主任", Role::DeputyLeader).unwrap();
        let grant = Grant { grid: "*".into(), role: Role::DeputyLeader, from: TimeMs(0), to: None };
        hq.grant("zr-01", &grant).unwrap();
        let new = NewTaskForce {
            title: "华府一品停车专班".into(),
            lead: "zr-01".into(),
            due: TimeMs(at("2026-05-29 17:30")),
            members: ["区住建局 王工", "区交警大队 张队", "sq-01", "gw-01", "ps-01"]
                .map(str::to_owned)
                .to_vec(),
            orders: vec![master],
        };
        assert!(hq.open_task_force(&new, "dl-01").is_err(), "the principal leader alone");
        let force = hq.open_task_force(&new, "pl-01").unwrap();
        let doors = shops
            .iter()
            .enumerate()
            .map(|(i, id)| Door { place: Some(*id), name: format!("{}号店", i + 1) })
            .collect();
        let survey = NewSurvey {
            title: "商户意见".into(),
            question: "是否同意划线限时停车".into(),
            taskforce: Some(force),
            grid: cell.clone(),
            doors,
            ..NewSurvey::default()
        };
        (force, hq.make_survey(&survey, "zr-01").unwrap())
    });
    town.settle();
    for order in &orders {
        assert!(at_hq(&town, *order).flag("flag/taskforce"));
        field(&town, A).propose(*order, ProposalKind::Ack, "", None, None, false).unwrap();
        field(&town, A).contact(*order, true, "已电话联系,了解停车情况").unwrap();
        field(&town, A)
            .propose(*order, ProposalKind::Extend, "须与住建、交警研究", None, Some(10), false)
            .unwrap();
    }
    town.settle();
    for (n, order) in orders.iter().enumerate() {
        let refused = n == 13;
        let want = refused.then_some(Refusal::RefusedByPerson);
        assert_eq!(decide(&town, "dl-01", *order, !refused, "按方案推进"), want);
    }
    for (n, want) in
        [(0, "2026-05-21 17:30"), (2, "2026-05-22 17:30"), (4, "2026-05-25 17:30"), (13, "2026-05-11 17:30")]
    {
        assert_eq!(due(&town, n), at(want), "order {n}");
    }
    town.settle();

    // 3. An afternoon without network.
    go_to(&town, "2026-05-08 14:00");
    let file = |n: usize| picture(100 + n as u64);
    for n in 1..=20 {
        town.clock.advance(180_000);
        if n == 10 {
            // The phone dies behind the camera; what the camera left is claimed afterwards.
            let visit = NewVisit {
                target: Some(shop(n)),
                grid: Some(cell.clone()),
                kind: "patrol".into(),
                purpose: "collect".into(),
                result: "met".into(),
                ..NewVisit::default()
            };
            let visit = field(&town, A).record_visit(visit).unwrap();
            town.remember(A, "visit");
            let ticket = field(&town, A).begin_photo(visit, PhotoRole::Before).unwrap();
            std::fs::write(&ticket.path, file(n)).unwrap();
            town.kill(A);
            let left = field(&town, A).open_tickets().unwrap();
            assert_eq!(left.iter().map(|t| (t.id, t.has_file)).collect::<Vec<_>>(), [(ticket.id, true)]);
            let photo = field(&town, A).finish_photo(ticket.id, &Shot::default()).unwrap();
            keep_photo(&mut town, A, visit, photo);
            say(&mut town, A, survey, shop(n), "support");
        } else {
            ask(&mut town, A, survey, shop(n), n, "support", &file(n));
        }
    }
    for n in 17..=SHOPS {
        town.clock.advance(180_000);
        let answer = match n {
            18 => "oppose",
            30.. => "neutral",
            _ => "support",
        };
        // At shop 20 the same file as the colleague's, byte for byte.
        let own = if n == 20 { file(20) } else { file(200 + n) };
        ask(&mut town, B, survey, shop(n), n, answer, &own);
    }
    let was = at_hq(&town, shop(19)).text("name").unwrap().to_owned();
    field(&town, A).set_field(shop(19), "name", Value::Text("十九号茶行".into())).unwrap();
    town.remember(A, "rename");
    let (his, hers) = (
        missing_shop(&mut town, B, survey, "三十七号烟酒"),
        missing_shop(&mut town, A, survey, "名烟名酒店"),
    );

    // 4. B, then A, then A's whole batch again.
    go_to(&town, "2026-05-08 16:30");
    town.sync(B).unwrap();
    let sent = Mutex::new(Vec::new());
    let wire = Hand(town.network.clone(), |network: &Network, request: Request| {
        sent.lock().unwrap().push(request.clone());
        Ok(deliver(network, &request))
    });
    field(&town, A).sync(&wire).unwrap();
    let visits = || all(&town, DocKind::Visit).len();
    assert_eq!(visits(), 42, "40 and the two at door 37");
    let before = entries(&town);
    let sent = std::mem::take(&mut *sent.lock().unwrap());
    assert!(!sent.is_empty());
    for request in &sent {
        deliver(&town.network, request);
    }
    assert_eq!((visits(), entries(&town)), (42, before), "none more after the repeat");
    town.settle();
    assert_eq!(all(&town, DocKind::Visit).len(), 42);
    assert_eq!(originals(&town), (39, 40));

    let renamed = at_hq(&town, shop(19));
    assert_eq!(renamed.text("name"), Some("十九号茶行"));
    assert_eq!(
        (was.as_str(), field(&town, B).document(shop(19)).unwrap().text("name")),
        ("19号店", Some("十九号茶行"))
    );
    let history: Vec<String> = town.network.hq(|hq| {
        let sql = "SELECT l.change FROM log l JOIN docs d ON d.n = l.doc WHERE d.id = ?1 ORDER BY l.idx";
        let mut statement = hq.reader().prepare(sql).unwrap();
        let changes = statement.query_map([shop(19).to_bytes()], |r| r.get::<_, Vec<u8>>(0)).unwrap();
        changes.map(|c| String::from_utf8_lossy(&c.unwrap()).into_owned()).collect()
    });
    assert!(history.len() == 2 && history[0].contains("19号店") && history[1].contains("十九号茶行"));

    // Shop 18 said two things: in neither total. 38 places, of which two are one door.
    assert_eq!(all(&town, DocKind::Place).len(), 38);
    let count = tally(&town, survey);
    assert_eq!(totals(&count), (38, 38, 1, BTreeMap::from([("neutral", 7), ("support", 30)])));
    let eighteen = |tally: &Tally| {
        tally.doors.iter().find(|d| d.target == to_hex(&shop(18).uuid)).unwrap().standing.clone()
    };
    let Standing::Conflict(said) = eighteen(&count) else { panic!("{:?}", eighteen(&count)) };
    let said: Vec<_> = said.iter().map(|a| (a.by.as_str(), a.value.text().unwrap())).collect();
    assert_eq!(said, [("gw-01", "support"), ("ps-01", "oppose")]);
    assert!(field(&town, A).conflicts().unwrap().iter().any(|(doc, _)| *doc == survey), "冲突 on the phone");
    go_to(&town, "2026-05-08 16:50");
    town.network.hq(|hq| hq.map_place(his, Some(hers), "同一地点", "hc-01").unwrap());
    let mapped = |id: &DocId| at_hq(&town, *id).text("mapped_to").is_some_and(|to| !to.is_empty());
    assert_eq!(all(&town, DocKind::Place).iter().filter(|id| !mapped(id)).count(), 37);
    let count = tally(&town, survey);
    assert_eq!(totals(&count), (37, 37, 1, BTreeMap::from([("neutral", 7), ("support", 29)])), "37 of 37");
    town.settle();
    // The third visit settles it.
    ask(&mut town, A, survey, shop(18), 18, "support", &file(300));
    town.settle();
    let count = tally(&town, survey);
    assert_eq!(totals(&count), (37, 37, 0, BTreeMap::from([("neutral", 7), ("support", 30)])));
    assert_eq!(eighteen(&count), Standing::Answered("support".into()));

    // The child whose extension was refused is handled in its own time.
    go_to(&town, "2026-05-11 10:00");
    town.settle();
    submit(&mut town, A, orders[13], "已劝离并列入专班方案", "mediated");
    town.settle();
    assert_eq!(state(&town, orders[13]), State::Submitted);

    // 5. Three meetings, the third plan; what 住建 and 交警 answered; the same spots afterwards.
    for (day, plan) in [
        ("2026-05-11 15:00", "划线"),
        ("2026-05-13 15:00", "划线、限时"),
        ("2026-05-15 15:00", "划线、限时、错峰共享"),
    ] {
        go_to(&town, day);
        town.network.hq(|hq| {
            let present = ["区住建局 王工", "区交警大队 张队", "街办主任"].map(str::to_owned);
            hq.task_force_meets(force, TimeMs(town.clock.now()), &present, "研究停车方案", "zr-01").unwrap();
            hq.task_force_plan(force, plan, "zr-01").unwrap();
        });
        town.settle();
    }
    town.network.hq(|hq| {
        hq.task_force_adopts(force, 3, "zr-01").unwrap();
        for (body, number) in [("区住建局", "潍奎住建函〔2026〕41号"), ("区交警大队", "奎交函〔2026〕9号")]
        {
            let reply = LiaisonRecord {
                body: body.into(),
                number: number.into(),
                date: TimeMs(at("2026-05-14 00:00")),
                text: "同意施划".into(),
                at: TimeMs(0),
            };
            assert_eq!(hq.liaison_reply("hc-01", master, reply).unwrap(), None);
        }
    });
    let view = at_hq(&town, force);
    assert_eq!((taskforce::meetings(&view).len(), taskforce::plans(&view).len()), (3, 3));
    assert_eq!(taskforce::adopted(&view).unwrap().version, 3);
    let replies: Vec<LiaisonRecord> = records(&town, master, "liaison_reply");
    assert_eq!(replies.iter().map(|r| r.body.as_str()).collect::<Vec<_>>(), ["区住建局", "区交警大队"]);
    for day in ["2026-05-17 10:00", "2026-05-20 09:00"] {
        go_to(&town, day);
        town.settle();
    }
    let before = of_shop(&town, shop(1));
    let visit = NewVisit {
        target: Some(shop(1)),
        grid: Some(cell.clone()),
        kind: "supervise".into(),
        position: Some(spot(1)),
        ..NewVisit::default()
    };
    let after = field(&town, A).record_visit(visit).unwrap();
    town.remember(A, "visit");
    let shot = Shot { position: Some(spot(1)), ..Shot::default() };
    shoot(&mut town, A, after, PhotoRole::After, &file(301), &shot);
    for order in &orders[..13] {
        submit(&mut town, A, *order, "已施划限时车位,错峰共享", "mediated");
    }
    town.settle();
    let taken = |visit: DocId| {
        let photos: Vec<lanewalk_model::photo::PhotoRecord> = records(&town, visit, "photo");
        photos.into_iter().map(|p| (p.role, p.position)).collect::<Vec<_>>()
    };
    assert_eq!(taken(before), [(PhotoRole::Before, Some(spot(1)))]);
    assert_eq!(taken(after), [(PhotoRole::After, Some(spot(1)))]);
    assert_eq!(originals(&town), (41, 42), "and one each of the third visit and of afterwards");

    // 6. Callbacks: 13 reached; one not, on two days three times.
    for (n, order) in orders.iter().enumerate() {
        assert_eq!(state(&town, *order), State::Submitted, "order {n}");
        act(&town, "hc-01", *order, &Act::Pass, "");
        if n > 0 {
            act(&town, "ca-01", *order, &reached(true, true, true), "");
            act(&town, "hc-01", *order, &Act::Close, "");
        }
    }
    assert!(at_hq(&town, master).text("state") != Some("CLOSED"), "one child is open");
    for (when, done) in [("2026-05-20 10:00", false), ("2026-05-20 16:00", false), ("2026-05-21 09:30", true)]
    {
        go_to(&town, when);
        act(&town, "ca-01", orders[0], &not_reached(), "");
        let refused = try_act(&town, "hc-01", orders[0], &Act::Close, "");
        assert_eq!(refused, (!done).then_some(Refusal::CallbackMissing), "{when}");
    }
    town.network.hq(|hq| {
        hq.dissolve_task_force(force, "车位已施划,问题解决", "pl-01").unwrap();
        hq.draft_plan(force, "hc-01").unwrap();
    });
    town.settle();

    for (n, order) in orders.iter().enumerate() {
        assert_eq!(state(&town, *order), State::Closed, "order {n}");
        assert_eq!(of_order(&town, *order, DocKind::Brief).len(), 1);
        assert_eq!(steps(&town, *order, StepKind::Extended).len(), usize::from(n != 13));
        assert!(at_hq(&town, *order).text("reply_text").is_some(), "each its own reply");
    }
    assert_eq!(state(&town, master), State::Closed);
    assert!(taskforce::is_over(&at_hq(&town, force)));
    let drafts = town.network.hq(|hq| kb::drafts(hq.reader()).unwrap());
    assert_eq!(drafts.len(), 1);
    assert!(drafts[0].entry.is_plan && drafts[0].entry.steps == "划线、限时、错峰共享");
    let now = TimeMs(town.clock.now());
    let counted: Vec<_> = all(&town, DocKind::Order)
        .into_iter()
        .map(|id| at_hq(&town, id))
        .filter(kpi::is_counted)
        .map(|view| History::of(&view).at(now).unwrap())
        .collect();
    let rate = |metric: Metric| metric.rate(&counted, now).to_string();
    assert_eq!(counted.len(), 14);
    assert_eq!(rate(Metric::ResultSatisfied), "100% (13/13)");
    assert_eq!(rate(Metric::Resolution), "100% (13/13)");
    assert_eq!(rate(Metric::CallbackSuccess), "92.86% (13/14)");
    assert_eq!(rate(Metric::OnTime(kpi::DueKind::Internal)), "100% (14/14)");
    support::check::laws(&town);
}

fn of_shop(town: &Town, shop: DocId) -> DocId {
    let shop = shop.to_string();
    let at = |id: &DocId| at_hq(town, *id).text("target") == Some(&shop);
    all(town, DocKind::Visit).into_iter().find(at).unwrap()
}
