//! Every role against every room, in its own grid, in another and in none: deny by default.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, clippy::panic)]

use super::{
    Console,
    lang::Lang,
    rooms,
    test_house::{House, NAME, OTHER, OWN, PHONE, ask, house},
    web::{Fields, Method, Visitor},
};
use lanewalk_model::{
    access::{self, Action, Asker, CaseFacts, Sight},
    document::Edit,
    id::{DocId, to_hex},
    position::Position,
    records::to_json,
    schema::DocKind,
    staff::{Grant, Role, Subject},
    time::TimeMs,
};
use std::collections::BTreeSet;

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
                    // Who holds no right any more has the room of the account alone.
                    r.who.has(visitor.subject.role) && (!visitor.subject.grants.is_empty() || r.at == "me")
                        || visitor.admin && r.who.0 & (1 << 15) != 0,
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
        let page = house.console.get(&ask(Method::Get, &path, "", &visitor, house.now), Lang::Zh);
        let sees = may(Action::ReadOrder);
        let want = if sees.is_ok() { 200 } else { 404 };
        assert_eq!(page.status, want, "{visitor:?}");
        let html = String::from_utf8(page.body).unwrap();
        assert!(!html.contains(NAME) && !html.contains(PHONE), "{visitor:?}");
        // Words of the order, its log, and what was asked are for those who read it.
        assert_eq!(html.contains("楼道内养猫"), sees.is_ok_and(|s| s > Sight::Flag), "{visitor:?}");
        assert_eq!(html.contains("id=\"history\""), sees == Ok(Sight::Full), "{visitor:?}");
        assert_eq!(html.contains("id=\"proposals\""), sees == Ok(Sight::Full), "{visitor:?}");
        let masked = page.status == 200 && may(Action::ReadIdentity).is_ok();
        assert_eq!(html.contains("138****8000"), masked, "{visitor:?}");

        let form = "purpose=contact&reason=约定上门时间";
        let answer =
            Console::post(&mut house.hq, &ask(Method::Post, &reveal, form, &visitor, house.now), Lang::Zh);
        let want = match (sees.is_ok(), may(Action::RevealIdentity).is_ok()) {
            (_, true) => 200,
            (true, false) => 422,
            (false, false) => 404,
        };
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

/// Takes out what people wrote: it stands in `bdi`, or in an attribute or option, where no element
/// can stand. The switch names each language in itself.
fn without_data(html: &str) -> String {
    let mut out = String::new();
    for (n, part) in html.split("<bdi>").enumerate() {
        out.push_str(if n == 0 { part } else { part.split_once("</bdi>").unwrap().1 });
    }
    let switch = ["中文", "中/EN", "语言 language"];
    let data = ["楼道内养猫", "养猫预案", "养猫", "张队", "sec-wuye"];
    switch.iter().chain(&data).fold(out, |text, word| text.replace(word, ""))
}

fn is_han(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

/// Returns what stands around a place in a page.
fn around(html: &str, at: usize) -> String {
    let mut before: Vec<char> = html[..at].chars().rev().take(50).collect();
    before.reverse();
    before.into_iter().chain(html[at..].chars().take(50)).collect()
}

/// What is around the first Chinese words of a page.
fn chinese(html: &str) -> Option<String> {
    html.find(is_han).map(|at| around(html, at))
}

/// What is around the first English words that stand beside Chinese ones.
fn english_beside(html: &str) -> Option<String> {
    let beside = |at: usize| {
        let word = html[at + 1..].bytes().take_while(u8::is_ascii_lowercase);
        // Ids are hexadecimal: no letter after f.
        let is_word = word.clone().count() > 2 && word.clone().any(|b| b > b'f');
        is_word && html[..at].chars().next_back().is_some_and(is_han)
    };
    let marked = html.find("lang=\"en\"");
    let at = marked.or_else(|| html.match_indices(' ').map(|(at, _)| at).find(|at| beside(*at)));
    at.map(|at| around(html, at))
}

/// A house where every room has something to show, and the addresses of it all.
fn furnished(house: &mut House) -> Vec<String> {
    let now = house.now;
    for (id, role) in [
        ("hc-01", Role::HotlineClerk),
        ("dl-01", Role::DeputyLeader),
        ("pl-01", Role::Principal),
        ("sc-01", Role::Section),
    ] {
        house.hq.put_staff(id, "Ma Jing", role).unwrap();
        let grid = if role == Role::Section { "sec-wuye" } else { "*" };
        house.hq.grant(id, &Grant { grid: grid.into(), role, from: TimeMs(0), to: None }).unwrap();
    }
    let hq = &mut house.hq;
    let field = |key: &str, value: &str| Edit::set(key, value);
    let appeal = hq.new_id(DocKind::Appeal);
    let mut edits = vec![field("kind", "complain"), field("text", "楼道堆物"), field("place_text", "3号楼")];
    edits.extend([field("grid", OWN), field("by", "gw-01"), Edit::set("at", now.0)]);
    hq.write_by_rule(&[(appeal, edits)]).unwrap();
    // Enough of one matter in one grid for the rule, open, late and closed.
    let mut orders = Vec::new();
    for i in 0..8_i64 {
        let (order, at) = (hq.new_id(DocKind::Order), now.0 - 86_400_000 * (1 + i % 3));
        let place = Position::from_degrees(36.705, 119.135).unwrap();
        let mut edits = vec![field("channel", "12345"), field("title", "楼道内养猫"), field("grid", OWN)];
        edits.extend([field("matter_code", "1"), field("lead_unit", "sec-wuye"), field("state", "ACKED")]);
        edits.extend([Edit::set("reported_at", at), Edit::set("order_version", 3)]);
        edits.push(field("reported_position", &to_json(&place)));
        edits.push(Edit::set("internal_due", at + (i - 2) * 86_400_000));
        hq.write_by_rule(&[(order, edits)]).unwrap();
        orders.push(order);
    }
    hq.look_ahead().unwrap();
    let n = crate::ahead::forecasts::list(hq.reader(), 9).unwrap()[0].n;
    let entry = crate::ahead::kb::Entry {
        is_plan: true,
        title: "养猫预案".into(),
        matter: "1".into(),
        owner_unit: "sec-wuye".into(),
        body: "1".into(),
        steps: "2".into(),
        ..Default::default()
    };
    let plan = hq.publish(&entry, "sc-01").unwrap();
    hq.suggest(plan, "再快些", "hc-01").unwrap();
    let master = hq.make_cluster("养猫", &orders[..2], Some(n), "hc-01").unwrap();
    let force = crate::groups::NewTaskForce {
        title: "养猫专班".into(),
        lead: "dl-01".into(),
        due: TimeMs(now.0 + 86_400_000),
        members: vec!["hc-01".into(), "张队".into()],
        orders: vec![orders[3]],
    };
    let force = hq.open_task_force(&force, "pl-01").unwrap();
    hq.take_watch("hc-01", "交代").unwrap();
    let period = crate::figures::Query {
        from: TimeMs(now.0 - 30 * 86_400_000),
        to: TimeMs(now.0 + 86_400_000),
        as_of: now,
        filter: crate::figures::Filter::default(),
        scope: crate::figures::Scope::All,
    };
    let item = crate::figures::NewItem { words: "划线".into(), owner: "物业科".into(), due: Some(now) };
    let meeting = hq.freeze_meeting("dl-01", "调度", &period, &[item]).unwrap();
    let hex = |id: DocId| to_hex(&id.uuid);
    let rooms =
        rooms().filter(|r| !["photos", "care", "orders"].contains(&r.at)).map(|r| format!("/{}", r.at));
    let more = [
        format!("/orders/{}", hex(house.order)),
        format!("/orders/{}", hex(orders[0])),
        "/staff/hc-01".into(),
        "/nowhere".into(),
        "/figures?by=grid&from=x".into(),
        "/figures?by=unit".into(),
        "/figures?by=matter".into(),
        "/figures?by=urgency&from=2020-01-01&to=2040-01-01&as_of=x".into(),
        "/figures?by=channel".into(),
        "/figures/orders".into(),
        "/figures/orders?metric=response&part=not".into(),
        "/figures/meetings".into(),
        format!("/figures/meetings/{meeting}"),
        format!("/ahead/{n}"),
        format!("/kb/{}", hex(plan)),
        "/kb/new".into(),
        format!("/clusters/{}", hex(master)),
        format!("/taskforces/{}", hex(force)),
        "/search?q=%E5%85%BB%E7%8C%AB".into(),
        "/map?state=all".into(),
        format!("/map?state=all&grid={OWN}"),
        "/intake/import".into(),
    ];
    rooms.chain(more).collect()
}

/// A right to one grid is no right to what lies in the next, in any list of any room.
#[test]
fn who_holds_one_grid_meets_nothing_of_another() {
    let mut house = house();
    let addresses = furnished(&mut house);
    let appeal = "SELECT lower(hex(substr(id, 2))) FROM docs WHERE kind = ?1";
    let appeal: String = house.hq.reader().query_row(appeal, [DocKind::Appeal.code()], |r| r.get(0)).unwrap();
    let mut seen = 0;
    house.hq.put_staff("x-01", "某", Role::HotlineClerk).unwrap();
    for role in [Role::HotlineClerk, Role::DeputyLeader, Role::Principal, Role::CallbackAgent, Role::Auditor]
    {
        for grid in [OWN, OTHER] {
            let grant = Grant { grid: grid.into(), role, from: TimeMs(0), to: None };
            let subject = Subject { worker: "x-01".into(), role, grants: vec![grant] };
            let visitor = Visitor { subject, name: "某".into(), admin: false, session: String::new() };
            let rooms = ["/", "/search", "/map", "/appeals", "/figures/orders", "/catalogue"];
            for address in addresses.iter().filter(|a| rooms.contains(&a.split('?').next().unwrap())) {
                let (path, query) = address.split_once('?').unwrap_or((address, ""));
                let mut ask = ask(Method::Get, path, "", &visitor, house.now);
                ask.query = Fields::parse(query.as_bytes());
                let page = house.console.get(&ask, Lang::Zh);
                let html = String::from_utf8(page.body).unwrap();
                let told = html.contains("楼道内养猫") || html.contains("楼道堆物");
                assert!(!told || grid == OWN, "{role:?} {address}");
                seen += u32::from(told);
            }
            let path = format!("/appeals/{appeal}/close");
            // Without words, so that it stays open.
            let post = ask(Method::Post, &path, "words=", &visitor, house.now);
            let may = role == Role::HotlineClerk && grid == OWN;
            let status = Console::post(&mut house.hq, &post, Lang::Zh).status;
            assert_eq!(status, if may { 422 } else { 404 }, "{role:?} {grid}");
        }
    }
    assert!(seen > 8, "{seen}");
}

/// Pages in one language hold no word of the other that is not somebody's data; pages in both
/// hold both.
#[test]
fn english_is_english() {
    let mut house = house();
    let addresses = furnished(&mut house);
    let mut leaks = BTreeSet::new();
    let mut shown = BTreeSet::new();
    for role in Role::ALL {
        let grid = match role {
            Role::Section | Role::Enforcement | Role::Liaison => "sec-wuye",
            Role::GridWorker => OWN,
            _ => "*",
        };
        let grant = Grant { grid: grid.into(), role, from: TimeMs(0), to: None };
        let worker = if role == Role::Section { "sc-01" } else { "hc-01" };
        let subject = Subject { worker: worker.into(), role, grants: vec![grant] };
        let visitor = Visitor { subject, name: "Ma Jing".into(), admin: true, session: String::new() };
        for address in &addresses {
            let (path, query) = address.split_once('?').unwrap_or((address, ""));
            let mut ask = ask(Method::Get, path, "", &visitor, house.now);
            ask.query = Fields::parse(query.as_bytes());
            let page = |lang| {
                let page = house.console.get(&ask, lang);
                (page.status, without_data(&String::from_utf8(page.body).unwrap()))
            };
            let (status, en) = page(Lang::En);
            if status == 200 {
                shown.insert(address.clone());
            }
            leaks.extend(chinese(&en).map(|found| format!("{address} en: {found}")));
            let (_, zh) = page(Lang::Zh);
            leaks.extend(english_beside(&zh).map(|found| format!("{address} zh: {found}")));
            let (status, both) = page(Lang::Both);
            if status == 200
                && (chinese(&both).is_none() || !both.contains("<span class=\"en\" lang=\"en\">"))
            {
                leaks.insert(format!("{address}: not both"));
            }
        }
    }
    let never: Vec<_> =
        addresses.iter().filter(|a| !shown.contains(*a) && *a != "/nowhere" && *a != "/surveys").collect();
    assert!(never.is_empty(), "nobody sees {never:?}");
    assert!(leaks.is_empty(), "{leaks:#?}");
    let answer = super::door::login(Lang::En, house.now, "/", None);
    let html = without_data(&String::from_utf8(answer.body).unwrap());
    assert_eq!(chinese(&html), None);
}
