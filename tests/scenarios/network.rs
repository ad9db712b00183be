//! What streets do to a sync: lost answers, captive portals, phones that die at every request
//! (F13, F14, F18).

use crate::{A, Hand, accepted, at_hq, deliver, hq_ids, logged, lost, no_network, order_in, town, visit};
use lanewalk_field::{Progress, SyncError};
use lanewalk_model::{records::ProposalKind, schema::DocKind};
use lanewalk_protocol::{
    frame::{self, MEDIA_TYPE},
    http::{Request, Response},
    limits,
    sync::SyncRequest,
};
use support::{
    check,
    network::Weather,
    town::{Plan, Town},
};

fn entries_of(town: &Town, phone: usize) -> u64 {
    town.network.hq(|hq| {
        let sql = "SELECT count(*) FROM log JOIN devices d ON d.n = log.device WHERE d.worker = ?1";
        hq.reader().query_row(sql, [&town.phones[phone].worker], |r| r.get(0)).unwrap()
    })
}

#[test]
fn an_answer_lost_many_times_has_one_effect() {
    let mut town = town(501, 2);
    let order = order_in(&mut town, 0, "垃圾满溢");
    let field = town.phones[A].field().clone();
    let before = entries_of(&town, A);
    let ack = field.propose(order, ProposalKind::Ack, "", None, None, false).unwrap().to_string();
    field.record_visit(visit(order, "prelim", "已联系保洁")).unwrap();
    let hash = town.remember(A, "visit");
    let deaf = Hand(town.network.clone(), |network: &_, request: Request| {
        deliver(network, &request);
        Err(lost())
    });
    for _ in 0..7 {
        no_network(field.sync(&deaf));
        assert_eq!(field.status().unwrap().pending, 2, "without a receipt nothing is let go");
    }
    let view = at_hq(&town, order);
    assert_eq!(entries_of(&town, A), before + 2);
    town.settle();
    assert_eq!(field.status().unwrap().pending, 0);
    assert_eq!((at_hq(&town, order), logged(&town, hash).0), (view, None));
    accepted(&town, A, order, &ack);
    assert_eq!(at_hq(&town, order).members("decision").count(), 1);
    check::laws(&town);
}

#[test]
fn whoever_answers_without_headquarters_signature_is_no_network() {
    let mut town = town(502, 2);
    let order = order_in(&mut town, 0, "井盖缺失");
    let field = town.phones[A].field().clone();
    let other = self::town(503, 1);
    let foreign = other.network.clone();
    field.add_note(order, "围挡已放").unwrap();
    type Portal = Box<dyn Fn(Response) -> Response + Send + Sync>;
    let html = |status: u16| -> Portal {
        Box::new(move |_| Response {
            status,
            headers: vec![("content-type".into(), "text/html".into())],
            body: b"<html>please log in</html>".to_vec(),
        })
    };
    let portals: Vec<(&str, Portal)> = vec![
        ("a page", html(200)),
        ("a redirect", html(302)),
        ("unauthorised", html(511)),
        ("nothing", Box::new(|_| Response { status: 204, ..Response::default() })),
        (
            "our type, their body",
            Box::new(|mut r| {
                r.body = b"{}".to_vec();
                r
            }),
        ),
        (
            "our type, no signature",
            Box::new(|mut r| {
                r.headers.retain(|(n, _)| n != "lanewalk-signature");
                r
            }),
        ),
        (
            "another status",
            Box::new(|mut r| {
                r.status = 403;
                r
            }),
        ),
        (
            "another nonce",
            Box::new(|mut r| {
                for (name, value) in &mut r.headers {
                    if name == "lanewalk-nonce" {
                        value.push('0');
                    }
                }
                r
            }),
        ),
        (
            "half the answer",
            Box::new(|mut r| {
                r.body.truncate(r.body.len() / 2);
                r
            }),
        ),
        (
            "another headquarters",
            Box::new(move |_| {
                foreign.hq(|hq| {
                    hq.handle(&[Request {
                        method: "POST".into(),
                        path: "/v1/sync".into(),
                        ..Request::default()
                    }])
                    .pop()
                    .unwrap()
                })
            }),
        ),
        (
            "a refusal of nobody's",
            Box::new(|_| Response {
                status: 403,
                headers: vec![("content-type".into(), MEDIA_TYPE.into())],
                body: Vec::new(),
            }),
        ),
    ];
    for (what, portal) in portals {
        let status = field.status().unwrap();
        let heads = field.heads().unwrap();
        let wire = Hand(town.network.clone(), move |network: &_, request: Request| {
            Ok(portal(deliver(network, &request)))
        });
        no_network(field.sync(&wire));
        assert_eq!((field.status().unwrap(), field.heads().unwrap()), (status, heads), "{what}");
    }
    // An honest answer to another request, kept back and given now.
    let kept = std::sync::Mutex::new(None);
    let keep = Hand(town.network.clone(), move |network: &_, request: Request| {
        let fresh = deliver(network, &request);
        Ok(kept.lock().unwrap().replace(fresh).unwrap_or_default())
    });
    no_network(field.sync(&keep));
    no_network(field.sync(&keep));
    town.settle();
    assert_eq!(at_hq(&town, order).members("note").count(), 1);
    check::laws(&town);
}

/// Drives a phone's sync and kills it at every boundary: with the request built, with the answer
/// on its way, and with the answer applied. Returns (requests, pages that were needed).
fn sync_dying(town: &mut Town, phone: usize) -> (u32, u32) {
    let (mut requests, mut pages) = (0, 0);
    loop {
        let mut done = false;
        for step in 0..3 {
            let field = town.phones[phone].field().clone();
            let mut session = field.session().unwrap();
            // A restarted phone may need a nonce first; that round is part of the step.
            loop {
                let request = session.next_request().unwrap().unwrap();
                check_no_resend(town, phone, &request);
                requests += 1;
                if step == 0 {
                    break;
                }
                let response = deliver(&town.network, &request);
                let only_nonce = response.status == 401;
                if step == 1 && !only_nonce {
                    break;
                }
                match session.receive(Ok(response)).unwrap() {
                    Progress::More if only_nonce => {}
                    Progress::More => {
                        pages += 1;
                        break;
                    }
                    Progress::Done => {
                        pages += 1;
                        done = true;
                        break;
                    }
                }
            }
            drop(session);
            drop(field);
            town.kill(phone);
            town.clock.advance(1_000);
        }
        if done {
            return (requests, pages);
        }
        assert!(pages < 200, "no end in sight");
    }
}

/// No request carries an entry that the phone has a receipt for.
fn check_no_resend(town: &Town, phone: usize, request: &Request) {
    let body: SyncRequest = frame::decode(&request.body, limits::MAX_REQUEST_DECODED).unwrap();
    let status = town.phones[phone].field().status().unwrap();
    if let Some(push) = body.push {
        assert_eq!(push.batch.first_seq, status.last_seq - status.pending + 1);
    }
}

#[test]
fn a_first_sync_survives_death_at_every_request() {
    let mut town = Town::new(Plan { seed: 504, grid_workers: 1, property_staff: 0, orders: 2_400 });
    let (requests, pages) = sync_dying(&mut town, A);
    assert!(pages >= 3, "{pages} pages");
    assert!(requests <= pages * 6, "{requests} requests for {pages} pages");
    // It is complete, and complete means: nothing comes any more.
    let report = town.sync(A).unwrap();
    assert_eq!((report.snapshots, report.resynced), (0, false));
    town.settle();
    check::laws(&town);
}

#[test]
fn a_long_push_survives_death_at_every_request() {
    let mut town = town(505, 2);
    let order = order_in(&mut town, 0, "长篇走访");
    let before = entries_of(&town, A);
    let notes = "走访记录很长。".repeat(560);
    for _ in 0..300 {
        town.phones[A].field().record_visit(visit(order, "prelim", &notes)).unwrap();
        town.remember(A, "visit");
        town.clock.advance(1_000);
    }
    let (_, pages) = sync_dying(&mut town, A);
    assert!(pages >= 3, "{pages} pushes");
    assert_eq!(town.phones[A].field().status().unwrap().pending, 0);
    assert_eq!(entries_of(&town, A), before + 300);
    assert_eq!(hq_ids(&town, DocKind::Visit).len(), 300);
    town.settle();
    check::laws(&town);
}

/// Two sync loops on one phone: the second is told, nothing is sent twice (F15).
#[test]
fn one_sync_at_a_time() {
    let mut town = town(506, 1);
    let order = order_in(&mut town, 0, "双开");
    let field = town.phones[A].field().clone();
    field.add_note(order, "一次").unwrap();
    let mut first = field.session().unwrap();
    let request = first.next_request().unwrap().unwrap();
    assert!(matches!(field.session(), Err(SyncError::Busy)));
    let response = deliver(&town.network, &request);
    assert_eq!(first.receive(Ok(response)).unwrap(), Progress::Done);
    drop(first);
    assert!(field.session().is_ok());
    town.settle();
    check::laws(&town);
}

/// Answers that are lost again and again cost the repeat and nothing else: each new document comes
/// once, and never everything from the start.
#[test]
fn many_lost_answers_do_not_bring_everything_again() {
    let mut town = Town::new(Plan { seed: 77, grid_workers: 1, property_staff: 0, orders: 12 });
    town.settle();
    let before = town.phones[0].field().heads().unwrap().len() as u64;
    town.network.set_weather(Weather { drop_response: 60, ..Weather::FAIR });
    let mut received = 0;
    for _ in 0..40 {
        town.import(1);
        received += town.sync(0).map_or(0, |r| r.snapshots);
    }
    town.network.set_weather(Weather::FAIR);
    received += town.sync(0).unwrap().snapshots;
    let now = town.phones[0].field().heads().unwrap().len() as u64;
    assert!(now > before + 20);
    assert_eq!(received, now - before);
    check::laws(&town);
}
