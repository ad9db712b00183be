//! Every role against every room, in its own grid, in another and in none: deny by default.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::{
    Console,
    lang::Lang,
    rooms,
    web::{Ask, Fields, Method, Visitor},
};
use crate::{Headquarters, Settings, SystemSource, gate::InProcess, import::IncomingOrder, store::Place};
use lanewalk_model::{
    access::{self, Action, Asker, CaseFacts, Sight},
    id::{DocId, to_hex},
    schema::DocKind,
    staff::{Grant, Role, Subject},
    time::TimeMs,
};
use std::sync::Arc;

const OWN: &str = "370705005008003";
const OTHER: &str = "370705005008004";
const NAME: &str = "欧阳秋月";
const PHONE: &str = "13800008000";

struct House {
    hq: Headquarters,
    console: Console,
    order: DocId,
    now: TimeMs,
    _dir: tempfile::TempDir,
}

fn house() -> House {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("headquarters.db");
    let mut hq = Headquarters::open(
        &Place::File(database.clone()),
        Settings::default(),
        Arc::new(SystemSource),
        Box::new(InProcess),
    )
    .unwrap();
    let catalog = r#"{"version":"1","units":[{"id":"sec-wuye","name_zh":"物业科","name_en":"Estates"}],"matters":[{"matter_code":"1","name_zh":"饲养动物扰民","name_en":"Animals","match":["养猫"],"urgency":"general","lead_unit":"sec-wuye"}]}"#;
    hq.publish_reference("matter_catalog", "1", catalog).unwrap();
    let ring = "[[[119.13,36.70],[119.14,36.70],[119.14,36.71],[119.13,36.71],[119.13,36.70]]]";
    let grids = format!(
        r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{"cell_id":"{OWN}","name":"东"}},"geometry":{{"type":"Polygon","coordinates":{ring}}}}}]}}"#
    );
    hq.publish_reference("grids", "1", &grids).unwrap();
    let now = hq.now();
    let order = IncomingOrder {
        upstream_id: "WF-1".into(),
        channel: "12345".into(),
        matter_text: "养猫".into(),
        title: "楼道内养猫".into(),
        reported_text: "楼道内养猫".into(),
        reported_address: "3号楼".into(),
        reported_at_ms: now.0,
        upstream_due_at_ms: None,
        closed_at_ms: None,
        urgent: false,
        lat_e7: Some(367_050_000),
        lon_e7: Some(1_191_350_000),
        datum: "wgs84".into(),
        requester_name: Some(NAME.into()),
        requester_phone: Some(PHONE.into()),
        secrecy: true,
        payload_sha256: [1; 32],
    };
    hq.take_in(&[order], "clerk-1").unwrap();
    let sql = "SELECT id FROM docs WHERE kind = ?1";
    let id: Vec<u8> = hq.reader().query_row(sql, [DocKind::Order.code()], |r| r.get(0)).unwrap();
    let order = DocId::from_slice(&id).unwrap();
    House { hq, console: Console::new(database), order, now, _dir: dir }
}

fn visitors() -> Vec<Visitor> {
    let mut all = Vec::new();
    for role in Role::ALL {
        for grid in [Some(OWN), Some(OTHER), Some("*"), Some("sec-wuye"), None] {
            for admin in [false, true] {
                let grant = grid.map(|g| Grant { grid: g.into(), role, from: TimeMs(0), to: None });
                let subject = Subject { worker: "w-1".into(), role, grants: grant.into_iter().collect() };
                all.push(Visitor { subject, name: "某".into(), admin, session: "s".into() });
            }
        }
    }
    all
}

fn ask(method: Method, path: &str, form: &str, visitor: &Visitor, now: TimeMs) -> Ask {
    Ask {
        method,
        path: path.into(),
        query: Fields::default(),
        form: Fields::parse(form.as_bytes()),
        files: Vec::new(),
        visitor: visitor.clone(),
        now,
    }
}

#[test]
fn nobody_enters_a_room_that_is_not_for_the_role() {
    let mut house = house();
    for visitor in visitors() {
        let get = |path: &str| house.console.get(&ask(Method::Get, path, "", &visitor, house.now), Lang::Zh);
        let nowhere = get("/nowhere");
        assert_eq!(nowhere.status, 404);
        let rooms: Vec<_> = rooms()
            .map(|r| {
                (
                    r,
                    format!("/{}", r.at),
                    r.who.has(visitor.subject.role) || visitor.admin && r.who.0 & (1 << 15) != 0,
                )
            })
            .collect();
        let mut closed = Vec::new();
        for (room, path, enters) in &rooms {
            let answer = get(path);
            assert!([200, 303, 404].contains(&answer.status), "{path} {visitor:?}: {}", answer.status);
            if !enters && room.at.is_empty() {
                assert_eq!(answer.status, 303);
            } else if !enters {
                assert_eq!((answer.status, &answer.body), (404, &nowhere.body), "{path} {visitor:?}");
            }
            closed.push((path.clone(), *enters));
        }
        for (path, enters) in closed {
            let answer =
                Console::post(&mut house.hq, &ask(Method::Post, &path, "", &visitor, house.now), Lang::Zh);
            assert!([200, 303, 404, 422].contains(&answer.status), "{path} {visitor:?}: {}", answer.status);
            assert!(enters || answer.status == 404, "{path} {visitor:?}: {}", answer.status);
        }
    }
}

#[test]
fn an_order_and_who_asked_are_seen_as_the_table_says() {
    let mut house = house();
    let facts = CaseFacts::of_order(&house.hq.document(house.order).unwrap().unwrap());
    let path = format!("/orders/{}", to_hex(&house.order.uuid));
    let reveal = format!("{path}/reveal");
    for visitor in visitors() {
        let may = |action| {
            let asker = Asker { subject: &visitor.subject, admin: visitor.admin };
            access::decide(asker, action, &facts, house.now)
        };
        let office = super::OFFICE.has(visitor.subject.role);
        let page = house.console.get(&ask(Method::Get, &path, "", &visitor, house.now), Lang::Zh);
        let want = if office && may(Action::ReadOrder) == Ok(Sight::Full) { 200 } else { 404 };
        assert_eq!(page.status, want, "{visitor:?}");
        let html = String::from_utf8(page.body).unwrap();
        assert!(!html.contains(NAME) && !html.contains(PHONE), "{visitor:?}");
        let masked = page.status == 200 && may(Action::ReadIdentity).is_ok();
        assert_eq!(html.contains("138****8000"), masked, "{visitor:?}");

        let form = "purpose=contact&reason=约定上门时间";
        let answer =
            Console::post(&mut house.hq, &ask(Method::Post, &reveal, form, &visitor, house.now), Lang::Zh);
        let want = if office && may(Action::RevealIdentity).is_ok() { 200 } else { 404 };
        assert_eq!(answer.status, want, "{visitor:?}");
        assert_eq!(String::from_utf8(answer.body).unwrap().contains(PHONE), want == 200, "{visitor:?}");
    }
}

#[test]
fn whoever_reads_a_resident_gives_a_reason_and_is_found_again() {
    let mut house = house();
    let grant = Grant { grid: "*".into(), role: Role::HotlineClerk, from: TimeMs(0), to: None };
    let subject = Subject { worker: "hc-01".into(), role: Role::HotlineClerk, grants: vec![grant] };
    let clerk = Visitor { subject, name: "马静".into(), admin: false, session: "abc".into() };
    let path = format!("/orders/{}/reveal", to_hex(&house.order.uuid));
    for form in ["", "purpose=contact", "purpose=contact&reason=a", "purpose=curiosity&reason=just because"] {
        let answer =
            Console::post(&mut house.hq, &ask(Method::Post, &path, form, &clerk, house.now), Lang::Zh);
        assert_eq!(answer.status, 422, "{form}");
        assert!(!String::from_utf8(answer.body).unwrap().contains(PHONE));
    }
    let count = |house: &House| -> i64 {
        house
            .hq
            .reader()
            .query_row("SELECT count(*) FROM audit WHERE what = 'reveal'", [], |r| r.get(0))
            .unwrap()
    };
    assert_eq!(count(&house), 0);
    let form = "purpose=contact&reason=约定上门时间";
    let answer = Console::post(&mut house.hq, &ask(Method::Post, &path, form, &clerk, house.now), Lang::Zh);
    assert_eq!((answer.status, count(&house)), (200, 1));
    let auditor = Role::Auditor;
    let grant = Grant { grid: "*".into(), role: auditor, from: TimeMs(0), to: None };
    let subject = Subject { worker: "au-01".into(), role: auditor, grants: vec![grant] };
    let auditor = Visitor { subject, name: "审计".into(), admin: false, session: "def".into() };
    for (form, found) in [
        ("name=欧阳 秋月", true),
        ("phone=138-0000-8000", true),
        ("name=欧阳秋月&phone=13800008000", true),
        ("name=欧阳", false),
        ("phone=13800008001", false),
    ] {
        let answer =
            Console::post(&mut house.hq, &ask(Method::Post, "/audit", form, &auditor, house.now), Lang::Zh);
        let html = String::from_utf8(answer.body).unwrap();
        assert_eq!(html.contains("contact: 约定上门时间"), found, "{form}");
    }
    let page = house.console.get(&ask(Method::Get, "/audit", "", &auditor, house.now), Lang::Zh);
    let html = String::from_utf8(page.body).unwrap();
    assert!(html.contains("记录链完整") && html.contains("hc-01") && !html.contains(NAME));
}

/// Pages in English hold no word of Chinese that is not somebody's data.
#[test]
fn english_is_english() {
    let mut house = house();
    house.hq.put_staff("hc-01", "Ma Jing", Role::HotlineClerk).unwrap();
    // What people wrote stands in `bdi`; the switch names each language in itself.
    let own = |html: &str| -> String {
        let mut out = String::new();
        for (n, part) in html.split("<bdi>").enumerate() {
            out.push_str(if n == 0 { part } else { part.split_once("</bdi>").unwrap().1 });
        }
        ["中文", "中/EN", "语言"].iter().fold(out, |text, word| text.replace(word, ""))
    };
    let order = format!("/orders/{}", to_hex(&house.order.uuid));
    let han =
        |html: &str| -> String { html.chars().filter(|c| ('\u{4e00}'..='\u{9fff}').contains(c)).collect() };
    for role in Role::ALL {
        let grant = Grant { grid: "*".into(), role, from: TimeMs(0), to: None };
        let subject = Subject { worker: "hc-01".into(), role, grants: vec![grant] };
        let visitor = Visitor { subject, name: "Ma Jing".into(), admin: true, session: String::new() };
        for path in [
            "/",
            order.as_str(),
            "/staff",
            "/staff/hc-01",
            "/devices",
            "/audit",
            "/keeping",
            "/me",
            "/nowhere",
        ] {
            let page = house.console.get(&ask(Method::Get, path, "", &visitor, house.now), Lang::En);
            let html = own(&String::from_utf8(page.body).unwrap());
            assert_eq!(han(&html), "", "{path} {role:?}");
        }
    }
    let answer = super::door::login(Lang::En, house.now, "/", None);
    let html = own(&String::from_utf8(answer.body).unwrap());
    assert_eq!(han(&html), "");
}
