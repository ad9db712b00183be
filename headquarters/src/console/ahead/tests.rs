#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::{drawing::Window, *};
use crate::{
    ahead::tests::{GRID, MATTER, OTHER, Town, at, why},
    console::{
        Sources,
        alike::Alike,
        lang::Lang,
        web::{Answer, Ask, Fields, Method, Page, Visitor},
    },
    photos::Folder,
};
use lanewalk_model::{document::Edit, group::Refusal};

/// Escaping, formulas and bidirectional tricks at once.
const NASTY: &str = "=HYPERLINK(\"http://x\",\"y\")<script>alert(1)</script>'\u{202e}gpj.exe\u{200b}";

fn ask(town: &Town, who: &str, method: Method, address: &str, form: &[(&str, &str)]) -> Ask {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let subject = town.hq.subject(who).unwrap().unwrap();
    Ask {
        method,
        path: path.to_owned(),
        query: Fields::parse(query.as_bytes()),
        form: Fields(form.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()),
        files: Vec::new(),
        visitor: Visitor { subject, name: who.to_owned(), admin: false, session: String::new() },
        now: at("2026-05-08 09:40"),
    }
}

fn room(address: &str) -> &'static Room {
    let first = address.split(['/', '?']).nth(1).unwrap();
    ROOMS.iter().find(|r| r.at == first).unwrap_or_else(|| panic!("no room {first}"))
}

fn get(town: &Town, who: &str, address: &str) -> Answer {
    let ask = ask(town, who, Method::Get, address, &[]);
    let (folder, alike) = (Folder::beside(std::path::Path::new("/nonexistent"), 0), Alike::default());
    let from =
        Sources { db: town.hq.reader(), folder: &folder, alike: &alike, who: &ask.visitor, now: ask.now };
    (room(address).get)(&from, &ask).unwrap()
}

fn page(town: &Town, who: &str, address: &str) -> String {
    match get(town, who, address) {
        Answer::Page(Page { content, .. }) => content.into_string(),
        other => panic!("{address}: {other:?}"),
    }
}

fn post(town: &mut Town, who: &str, address: &str, form: &[(&str, &str)]) -> Result<Answer, HqError> {
    let ask = ask(town, who, Method::Post, address, form);
    (room(address).post)(&mut town.hq, &ask)
}

/// Where an act led, without what was done.
fn led(answer: Result<Answer, HqError>) -> String {
    match answer.unwrap() {
        Answer::SeeOther(to) => to.split('?').next().unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

fn hex(id: DocId) -> String {
    to_hex(&id.uuid)
}

fn busy() -> (Town, Vec<DocId>) {
    let mut town = Town::new("2026-05-08 09:40");
    let orders = (0..6).map(|i| town.order("门前乱停车", "2026-05-07 10:00", GRID, i * 20)).collect();
    town.order(NASTY, "2026-05-01 10:00", OTHER, 300);
    town.hq.look_ahead().unwrap();
    (town, orders)
}

#[test]
fn from_a_hot_spot_to_a_cluster_a_task_force_a_survey_and_a_plan() {
    let (mut town, orders) = busy();
    let list = page(&town, "clerk", "/ahead");
    assert!(list.contains("机动车乱停放") && list.contains("class=\"forecast\""), "{list}");
    let n = rule::list(town.hq.reader(), 1).unwrap()[0].n;
    let forecast = page(&town, "clerk", &format!("/ahead/{n}"));
    assert!(orders.iter().all(|o| forecast.contains(&format!("/orders/{}", hex(*o)))));
    assert!(forecast.contains("不少于 5 件") && forecast.contains("150 米"), "the rule then in force");
    let english = Lang::En.speak(|| page(&town, "clerk", &format!("/ahead/{n}")));
    assert!(english.contains("5 orders or more of one matter") && !english.contains("不少于"), "{english}");

    let (number, ids): (String, Vec<String>) = (n.to_string(), orders.iter().map(|o| hex(*o)).collect());
    let mut form = vec![("act", "make"), ("title", "华府一品停车"), ("forecast", number.as_str())];
    form.extend(ids.iter().map(|id| ("order", id.as_str())));
    assert_eq!(why(post(&mut town, "boss", "/clusters", &form)), Refusal::RoleMayNot);
    let cluster = led(post(&mut town, "clerk", "/clusters", &form));
    let master = cluster.rsplit('/').next().unwrap().to_owned();
    assert!(page(&town, "clerk", &cluster).contains("移出"));
    assert!(page(&town, "clerk", "/clusters").contains("0 / 6"));
    assert!(page(&town, "clerk", &format!("/ahead/{n}")).contains("已并案"));

    assert!(!page(&town, "clerk", "/taskforces").contains("name=\"lead\""));
    let open = [
        ("act", "open"),
        ("title", "停车专班"),
        ("lead", "deputy"),
        ("due", "2026-06-08T17:30"),
        ("members", "gw-01\r\n区交警大队 张队\r\n"),
        ("orders", master.as_str()),
    ];
    let force = led(post(&mut town, "boss", "/taskforces", &open));
    let shown = page(&town, "boss", &force);
    assert!(shown.contains("王建国") && shown.contains("区交警大队 张队") && shown.contains("解散"));
    assert!(!page(&town, "sec-b-1", &force).contains("<form"), "who may do nothing sees no form");
    post(&mut town, "deputy", &force, &[("act", "plan"), ("words", "划线")]).unwrap();
    post(&mut town, "deputy", &force, &[("act", "adopt"), ("version", "1")]).unwrap();
    let meeting =
        [("act", "meeting"), ("at", "2026-05-11T15:00"), ("present", "交警、住建"), ("words", "研究")];
    post(&mut town, "deputy", &force, &meeting).unwrap();
    assert!(
        post(&mut town, "deputy", &force, &[("act", "meeting"), ("at", "yesterday"), ("words", "x")])
            .is_err()
    );
    let shown = page(&town, "deputy", &force);
    assert!(shown.contains("已采用") && shown.contains("交警、住建"));

    let force_hex = force.rsplit('/').next().unwrap();
    let survey = [
        ("act", "make"),
        ("taskforce", force_hex),
        ("title", "商户意见"),
        ("question", "同意划线吗"),
        ("doors", "一号店\n二号店"),
    ];
    let survey = led(post(&mut town, "clerk", "/surveys", &survey));
    let id = super::id(DocKind::Survey, survey.rsplit('/').next().unwrap()).unwrap();
    town.hq.write_by_rule(&[(id, vec![Edit::set("answer/1", "support")])]).unwrap();
    let shown = page(&town, "clerk", &survey);
    assert!(shown.contains("1 / 2") && shown.contains("50.00%"), "{shown}");
    assert!(page(&town, "clerk", &force).contains("商户意见"));

    orders.iter().for_each(|o| town.end(*o));
    post(&mut town, "boss", &force, &[("act", "dissolve"), ("words", "解决")]).unwrap();
    let draft =
        led(post(&mut town, "clerk", &format!("/kb/from/taskforce/{force_hex}"), &[("act", "draft")]));
    assert!(
        page(&town, "sec-a-1", &draft).contains("划线") && page(&town, "clerk", "/kb").contains("待发布")
    );
    let publish = [
        ("act", "publish"),
        ("kind", "playbook"),
        ("title", "停车预案"),
        ("matter", MATTER),
        ("owner_unit", "sec-a"),
        ("body", "由专班总结"),
        ("steps", "一、划线"),
    ];
    let entry = led(post(&mut town, "sec-a-1", &draft, &publish));
    assert!(page(&town, "clerk", &entry).contains("停车预案"));
    assert!(matches!(get(&town, "clerk", &draft), Answer::Missing), "decided once");
}

#[test]
fn a_suggestion_becomes_a_version_with_the_difference_shown() {
    let (mut town, orders) = busy();
    let fields = |steps: &'static str| {
        [
            ("kind", "playbook"),
            ("title", "停车预案"),
            ("matter", MATTER),
            ("owner_unit", "sec-a"),
            ("body", "联系交警"),
            ("steps", steps),
        ]
    };
    let mut form = vec![("act", "publish")];
    form.extend(fields("一、划线"));
    let first = led(post(&mut town, "sec-a-1", "/kb", &form));
    led(post(&mut town, "clerk", &first, &[("act", "suggest"), ("words", NASTY)]));
    let shown = page(&town, "sec-a-1", &first);
    assert!(shown.contains("采纳并发布") && !shown.contains("<script"), "{shown}");
    assert!(!page(&town, "sec-b-1", &first).contains("采纳并发布"));
    let id = super::id(DocKind::Knowledge, first.rsplit('/').next().unwrap()).unwrap();
    let event = lanewalk_model::knowledge::suggestions(&town.view(id))[0].0.clone();
    let seen = hex(id);
    let mut form = vec![("act", "revise"), ("seen", seen.as_str()), ("event", event.as_str())];
    form.extend(fields("一、划线,夜间巡查"));
    let second = led(post(&mut town, "sec-a-1", &first, &form));
    let shown = page(&town, "clerk", &second);
    assert!(shown.contains("<mark>,夜间巡查</mark>") && shown.contains("采纳建议"), "{shown}");
    assert!(page(&town, "clerk", &first).contains("旧版本"));
    let order = hex(orders[0]);
    led(post(&mut town, "clerk", &second, &[("act", "use"), ("order", &order)]));
    assert!(town.view(orders[0]).text("playbook").is_some());
}

#[test]
fn search_shows_what_is_around_the_words_as_text() {
    let (town, _) = busy();
    let shown = page(&town, "clerk", "/search?q=%E4%B9%B1%E5%81%9C");
    assert!(shown.contains("门前<mark>乱停</mark>车"), "{shown}");
    assert!(shown.contains("href=\"/search?q=%E4%B9%B1%E5%81%9C&amp;kind=order\""), "{shown}");
    let nasty = page(&town, "clerk", "/search?q=alert");
    assert!(nasty.contains("&lt;script&gt;") && !nasty.contains("<script") && nasty.contains("⟨U+202E⟩"));
    let echo = page(&town, "clerk", "/search?q=%22%3E%3Cscript%3E");
    assert!(!echo.contains("<script") && echo.contains("value=\"&quot;&gt;&lt;script&gt;\""));
    assert!(page(&town, "clerk", "/search").contains("资料库"));
    assert!(page(&town, "sec-b-1", "/search?q=%E4%B9%B1%E5%81%9C").contains("没有找到"));
}

#[test]
fn the_map_shows_shapes_groups_and_only_what_may_be_seen() {
    let (mut town, orders) = busy();
    let all = page(&town, "clerk", "/map");
    assert!(all.contains("华府一品东") && all.matches("class=\"cell\"").count() == 2);
    assert!(all.contains("class=\"heap open\"") && all.contains("class=\"overdue\""), "{all}");
    assert!(!all.contains("<table"), "nothing is listed before something is chosen");
    let other = page(&town, "sec-b-1", "/map");
    assert!(!other.contains("class=\"heap") && !other.contains("/orders/"));
    let grid = page(&town, "clerk", &format!("/map?grid={GRID}"));
    assert!(orders.iter().all(|o| grid.contains(&hex(*o))) && grid.contains("name=\"order\""));
    assert!(!page(&town, "deputy", &format!("/map?grid={GRID}")).contains("name=\"order\""));
    let box_ = Window::around([(36.705, 119.135)], 3.0).unwrap().code();
    let one = page(&town, "clerk", &format!("/map?box={box_}"));
    assert_eq!(orders.iter().filter(|o| one.contains(&format!("value=\"{}\"", hex(**o)))).count(), 1);
    for nasty in [
        "box=1,2",
        "box=NaN,1,2,3",
        "box=9,9,1,1",
        "days=-5",
        "days=x",
        "grid=%3Cscript%3E",
        "state=%22",
        "matter=%27",
    ] {
        let html = page(&town, "clerk", &format!("/map?{nasty}"));
        assert!(!html.contains("<script") && !html.contains("NaN"), "{nasty}");
    }
    // No tile is fetched from anywhere unless the house has a source of its own.
    assert!(!all.contains("<image"));
    assert!(town.hq.set_map_tiles("javascript:alert(1)", "adm").is_err());
    town.hq.set_map_tiles("https://tiles.inner/{z}/{x}/{y}.png", "adm").unwrap();
    for address in ["/map", "/ahead", "/ahead/1"] {
        let Answer::Map(page, origin) = get(&town, "clerk", address) else { panic!("no map at {address}") };
        let html = page.content.into_string();
        let (tiles, grids) = (html.find("<image href=\"https://tiles.inner/"), html.find("class=\"cell\""));
        assert!(origin == "https://tiles.inner" && tiles.unwrap() < grids.unwrap(), "{address}: {html}");
    }
    assert!(matches!(get(&town, "clerk", "/kb"), Answer::Page(_)), "other pages show no tiles");
    town.hq.set_map_tiles("", "adm").unwrap();
    assert!(matches!(get(&town, "clerk", "/map"), Answer::Page(_)));
}

#[test]
fn an_order_shows_what_it_belongs_to_and_takes_a_plan_and_a_sub_task() {
    let (mut town, orders) = busy();
    let entry = crate::ahead::kb::Entry {
        is_plan: true,
        title: "停车预案".into(),
        matter: MATTER.into(),
        owner_unit: "sec-a".into(),
        body: "内容".into(),
        steps: "一".into(),
        ..Default::default()
    };
    let plan = town.hq.publish(&entry, "sec-a-1").unwrap();
    let beside = |town: &Town, who: &str| {
        let ask = ask(town, who, Method::Get, "/orders/x", &[]);
        let (folder, alike) = (Folder::beside(std::path::Path::new("/nonexistent"), 0), Alike::default());
        let from =
            Sources { db: town.hq.reader(), folder: &folder, alike: &alike, who: &ask.visitor, now: ask.now };
        super::beside(&from, &ask, orders[0], &town.view(orders[0])).unwrap().into_string()
    };
    let before = beside(&town, "clerk");
    assert!(before.contains("按此预案办理") && before.contains("href=\"/ahead/1\""), "{before}");
    assert!(!beside(&town, "gw-01").contains("<form"));
    led(post(
        &mut town,
        "clerk",
        &format!("/kb/{}", hex(plan)),
        &[("act", "use"), ("order", &hex(orders[0]))],
    ));
    let task = [("act", "subtask"), ("title", "楼顶防水"), ("lead_unit", "sec-b")];
    led(post(&mut town, "clerk", &format!("/clusters/{}", hex(orders[0])), &task));
    let after = beside(&town, "clerk");
    assert!(
        after.contains("所用预案") && !after.contains("按此预案办理") && after.contains("楼顶防水"),
        "{after}"
    );
}

#[test]
fn what_does_not_exist_is_missing_everywhere() {
    let (mut town, orders) = busy();
    let nobody = "00".repeat(16);
    for address in [
        "/ahead/99",
        "/ahead/x",
        "/ahead/1/2",
        "/kb/zz",
        "/kb/drafts/9",
        "/taskforces/1",
        "/clusters/1",
        "/surveys",
        "/surveys/1",
    ] {
        assert!(matches!(get(&town, "clerk", address), Answer::Missing), "{address}");
    }
    for kind in ["kb", "taskforces", "clusters", "surveys"] {
        assert!(matches!(get(&town, "clerk", &format!("/{kind}/{nobody}")), Answer::Missing), "{kind}");
    }
    let plain = format!("/clusters/{}", hex(orders[0]));
    assert!(matches!(get(&town, "clerk", &plain), Answer::Missing), "an order is no cluster");
    for (address, act) in [("/kb/drafts/x", "publish"), ("/taskforces/1", "plan"), ("/clusters/1", "join")] {
        let answer = post(&mut town, "clerk", address, &[("act", act)]);
        assert!(matches!(answer, Ok(Answer::Missing)), "{address}");
    }
    // The address leads somewhere; what lacks is in the form.
    for (address, act) in [("/ahead", "x"), ("/clusters", "join"), ("/surveys", "x"), ("/kb", "")] {
        let answer = post(&mut town, "clerk", address, &[("act", act)]);
        assert!(matches!(answer, Ok(Answer::Refused(_))), "{address}");
    }
}
