//! The room as a browser sees it: every number leads to its orders, nobody sees more than his own.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::{
    console::{
        alike::Alike,
        lang::Lang,
        web::{Fields, Method, Visitor},
    },
    figures::tests::town::{DAY, END, GRIDS, START, Town, UNITS},
    photos::Folder,
};
use lanewalk_model::{
    document::Edit,
    schema::DocKind,
    staff::{Grant, Subject},
    time::TimeMs,
};
use proptest::prelude::*;
use std::{path::Path, sync::LazyLock};

/// Every way to break a page or a spreadsheet that a code from outside could try.
const NASTY: &str = "=cmd|'/c calc'!A1<script>alert(1)</script>";

fn visitor(role: Role, places: &[&str]) -> Visitor {
    let grant = |g: &&str| Grant { grid: (*g).into(), role, from: TimeMs(0), to: None };
    let subject = Subject { worker: "w-01".into(), role, grants: places.iter().map(grant).collect() };
    Visitor { subject, name: "某人".into(), admin: false, session: String::new() }
}

fn ask(visitor: &Visitor, to: &str) -> Ask {
    let (path, query) = to.split_once('?').unwrap_or((to, ""));
    Ask {
        method: Method::Get,
        path: path.into(),
        query: Fields::parse(query.as_bytes()),
        form: Fields::default(),
        files: Vec::new(),
        visitor: visitor.clone(),
        now: TimeMs(START + 98 * DAY),
    }
}

fn got(db: &rusqlite::Connection, visitor: &Visitor, to: &str) -> Answer {
    let folder = Folder::beside(Path::new("/nonexistent/hq.db"), 0);
    let ask = ask(visitor, to);
    let from = Sources { db, folder: &folder, alike: &Alike::default(), who: &ask.visitor, now: ask.now };
    get(&from, &ask).unwrap()
}

fn html(db: &rusqlite::Connection, visitor: &Visitor, to: &str) -> String {
    match got(db, visitor, to) {
        Answer::Page(page) => page.content.into_string(),
        other => panic!("{to}: {other:?}"),
    }
}

/// A file's content, as the act makes it once it is logged.
fn taken(db: &rusqlite::Connection, visitor: &Visitor, to: &str) -> Answer {
    let ask = ask(visitor, to);
    let asked = Asked::read(&ask.query, Scope::of(&visitor.subject, ask.now).unwrap(), ask.now);
    export::made(db, &asked, ask.parts()[1]).unwrap().unwrap()
}

fn file(db: &rusqlite::Connection, visitor: &Visitor, to: &str) -> Vec<u8> {
    match taken(db, visitor, to) {
        Answer::File { bytes, .. } => bytes,
        other => panic!("{to}: {other:?}"),
    }
}

/// A town with people in it whose names must not come out.
static TOWN: LazyLock<std::path::PathBuf> = LazyLock::new(|| {
    let mut town = Town::new(31);
    town.orders(150);
    let (order, brief) = (town.hq.new_id(DocKind::Order), town.hq.new_id(DocKind::Brief));
    let (person, care) = (town.hq.new_id(DocKind::Person), town.hq.new_id(DocKind::Care));
    let edits = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| Edit::set(*k, *v)).collect::<Vec<_>>();
    let mut of_order = edits(&[
        ("title", "欧阳秋月家漏水"),
        ("summary", "电话13800008000"),
        ("place_text", "幸福里9号楼"),
        ("grid", GRIDS[0]),
        ("matter_code", NASTY),
        ("lead_unit", NASTY),
        ("channel", NASTY),
    ]);
    of_order.push(Edit::set("reported_at", START + DAY));
    town.hq
        .write_by_rule(&[
            (order, of_order),
            (
                brief,
                edits(&[("order", &order.to_string()), ("grid", GRIDS[0]), ("reported_text", "独居老人")]),
            ),
            (person, edits(&[("name", "欧阳秋月"), ("phone", "13800008000"), ("grid", GRIDS[0])])),
            (care, edits(&[("person", &person.to_string()), ("kind", "独居老人"), ("grid", GRIDS[0])])),
        ])
        .unwrap();
    town.grid_work(20);
    town.keep()
});

fn reader() -> rusqlite::Connection {
    crate::store::open_reader(&TOWN).unwrap()
}

const PERIOD: &str = "from=2026-05-01&to=2026-08-28";

/// Finds every link to a list of orders with the number it carries.
fn numbers(html: &str) -> Vec<(String, u64)> {
    let mut out = Vec::new();
    for link in html.split("<a ").skip(1) {
        let Some(href) = link.split("href=\"").nth(1).and_then(|h| h.split('"').next()) else { continue };
        let inside = link.split_once('>').unwrap().1.split("</a>").next().unwrap();
        let text: String = inside.replace("<strong>", "").replace("差 ", "");
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        if let (true, Ok(n)) = (href.starts_with("/figures/orders?"), digits.parse()) {
            out.push((href.replace("&amp;", "&"), n));
        }
    }
    out
}

#[test]
fn every_number_leads_to_as_many_orders() {
    let db = reader();
    let clerk = visitor(Role::HotlineClerk, &["*"]);
    let mut seen = 0;
    for by in ["community", "unit", "matter", "channel"] {
        let page = html(&db, &clerk, &format!("/figures?{PERIOD}&by={by}&as_of=2026-07-01T08:00"));
        let numbers = numbers(&page);
        assert!(numbers.len() > 60, "{}", numbers.len());
        for (href, n) in numbers {
            let list = html(&db, &clerk, &href);
            assert!(list.contains(&format!("<span class=\"count\">{n}</span>")), "{href} {n}");
            let rows = list.matches("<tr role=\"row\"").count()
                + list.matches("<tr class=\"late\" role=\"row\"").count();
            assert!(rows as u64 > n.min(50) || n == 0);
            seen += 1;
        }
    }
    assert!(seen > 300);
}

#[test]
fn everybody_sees_as_much_as_the_last_column_says() {
    let db = reader();
    let count = |page: &str| numbers(page).iter().find(|(h, _)| h.contains("metric=received")).unwrap().1;
    let page = format!("/figures?{PERIOD}");
    let all = count(&html(&db, &visitor(Role::Principal, &["*"]), &page));
    assert!(all > 100);
    for role in [Role::HotlineClerk, Role::DeputyLeader, Role::Auditor] {
        assert_eq!(count(&html(&db, &visitor(role, &["*"]), &page)), all, "{role:?}");
    }
    let worker = visitor(Role::GridWorker, &[GRIDS[1]]);
    let own = count(&html(&db, &worker, &page));
    let as_clerk = html(&db, &visitor(Role::HotlineClerk, &["*"]), &format!("{page}&grid={}", GRIDS[1]));
    assert_eq!(own, count(&as_clerk));
    assert!(own > 0 && own < all);
    // Asking for another grid gives nothing of it.
    assert_eq!(count(&html(&db, &worker, &format!("{page}&grid={}", GRIDS[0]))), 0);
    let section = html(&db, &visitor(Role::Section, &[UNITS[0]]), &page);
    assert!(count(&section) > 0 && count(&section) < all);
    // The files hold no more than the page.
    let csv = String::from_utf8(file(&db, &worker, &format!("/figures/orders.csv?{PERIOD}"))).unwrap();
    assert!(csv.contains(GRIDS[1]) && !csv.contains(GRIDS[0]));
    for role in [Role::PropertyStaff, Role::Enforcement, Role::Liaison, Role::CallbackAgent] {
        for path in ["", "/orders", "/orders.csv", "/report.csv", "/report.xlsx", "/meetings"] {
            let answer = got(&db, &visitor(role, &["*", GRIDS[0]]), &format!("/figures{path}"));
            assert!(matches!(answer, Answer::Missing), "{role:?} {path}");
        }
        assert!(!WHO.has(role));
    }
    for path in ["meetings", "meetings/1", "nothing", "orders/1", "meetings/1/2"] {
        assert!(matches!(got(&db, &worker, &format!("/figures/{path}")), Answer::Missing), "{path}");
    }
    // An auditor reads what is known about orders and no word of them (§3: metadata).
    let list = format!("/figures/orders?{PERIOD}&metric=received&part=d&channel=nothing");
    assert!(html(&db, &visitor(Role::Auditor, &[]), &list).contains("没有工单"));
    let list = format!("/figures/orders?{PERIOD}&metric=received&part=d&page=3");
    let lines = |role, place: &str| {
        let html = html(&db, &visitor(role, &[place]), &list);
        (html.matches("href=\"/orders/").count(), html.matches("class=\"title\"").count())
    };
    let (every, _) = lines(Role::HotlineClerk, "*");
    assert_eq!(lines(Role::HotlineClerk, "*"), (every, every));
    assert_eq!(lines(Role::Auditor, "*"), (every, 0));
    // A clerk of one grid counts all, and reads those of the grid.
    let (links, titles) = lines(Role::HotlineClerk, GRIDS[0]);
    assert!(links == titles && links > 0 && links < every, "{links} {titles}");
}

#[test]
fn files_hold_nobody_and_run_nothing() {
    let db = reader();
    let clerk = visitor(Role::HotlineClerk, &["*"]);
    for path in ["orders.csv", "report.csv"] {
        let bytes = file(&db, &clerk, &format!("/figures/{path}?{PERIOD}"));
        assert!(bytes.starts_with("\u{feff}".as_bytes()), "{path}");
        let text = String::from_utf8(bytes).unwrap();
        for secret in ["欧阳", "秋月", "13800008000", "幸福里", "漏水", "独居", "care", "vulnerab"]
        {
            assert!(!text.contains(secret), "{path} {secret}");
        }
        assert!(text.contains("cmd|"), "the code is there, as a text");
        let mut reader =
            csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
        for record in reader.records() {
            for cell in &record.unwrap() {
                let runs = cell.starts_with(['=', '+', '@', '\t', '\r'])
                    || (cell.starts_with('-') && cell.len() > 1);
                assert!(!runs, "{path} {cell}");
            }
        }
    }
    let bytes = file(&db, &clerk, &format!("/figures/report.xlsx?{PERIOD}"));
    assert!(bytes.starts_with(b"PK\x03\x04") && bytes.len() > 5_000);
    assert!(!bytes.windows(12).any(|w| w == "欧阳秋月".as_bytes()));
}

#[test]
fn who_takes_a_file_out_stands_in_the_access_log() {
    let mut town = Town::new(5);
    town.orders(20);
    let lines = |town: &Town| -> Vec<(String, String)> {
        let mut lines =
            town.hq.reader().prepare("SELECT who, about FROM audit WHERE what = 'export'").unwrap();
        lines.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap().map(Result::unwrap).collect()
    };
    for name in ["orders.csv", "report.csv", "report.xlsx"] {
        let to = format!("/figures/{name}?{PERIOD}");
        let clerk = visitor(Role::HotlineClerk, &["*"]);
        let got = got(town.hq.reader(), &clerk, &to);
        assert!(matches!(got, Answer::Missing), "no file without an act");
        for role in [Role::PropertyStaff, Role::CallbackAgent] {
            let no = post(&mut town.hq, &ask(&visitor(role, &["*"]), &to)).unwrap();
            assert!(matches!(no, Answer::Missing), "{role:?}");
        }
        let before = lines(&town).len();
        let Answer::File { bytes, .. } = post(&mut town.hq, &ask(&clerk, &to)).unwrap() else {
            panic!("{to}")
        };
        let (who, about) = lines(&town).pop().unwrap();
        assert_eq!((lines(&town).len(), who.as_str()), (before + 1, "w-01"));
        assert!(about.starts_with(&to) && bytes.len() > 100, "{about}");
    }
    let nothing = post(&mut town.hq, &ask(&visitor(Role::HotlineClerk, &["*"]), "/figures/nothing.csv"));
    assert!(matches!(nothing.unwrap(), Answer::Missing) && lines(&town).len() == 3);
}

#[test]
fn codes_of_strangers_are_text_on_the_page() {
    let db = reader();
    let clerk = visitor(Role::HotlineClerk, &["*"]);
    for by in ["unit", "matter", "channel"] {
        let page = html(&db, &clerk, &format!("/figures?{PERIOD}&by={by}"));
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{by}");
        assert!(!page.contains("欧阳") && !page.contains(" style=\""));
    }
}

/// Charts and tables full of numbers, in each language alone.
#[test]
fn a_full_report_speaks_one_language() {
    let db = reader();
    let clerk = visitor(Role::HotlineClerk, &["*"]);
    let is_han = |c: &char| ('\u{4e00}'..='\u{9fff}').contains(c);
    for path in ["/figures", "/figures/orders"] {
        for by in ["community", "unit", "matter", "urgency", "channel"] {
            let to = format!("{path}?{PERIOD}&by={by}&as_of=2026-07-01T08:00");
            let en = Lang::En.speak(|| html(&db, &clerk, &to));
            let own: String =
                en.split("<bdi>").map(|p| p.split_once("</bdi>").map_or(p, |(_, rest)| rest)).collect();
            assert_eq!(own.chars().filter(is_han).collect::<String>(), "", "{to}");
            assert!(en.contains("closed in time") || path != "/figures", "{to}");
            assert!(!html(&db, &clerk, &to).contains("lang=\"en\""), "{to}");
            let both = Lang::Both.speak(|| html(&db, &clerk, &to));
            assert!(both.contains("class=\"en\"") && both.chars().any(|c| is_han(&c)), "{to}");
        }
    }
}

#[test]
fn a_community_is_called_what_its_grids_say() {
    let mut names = crate::console::names::Names::default();
    let cells = [("370705005004001", "潍柴社区第一网格"), ("370705005004002", "潍柴社区第二网格")];
    let more = [("370705005008001", "甲社区一"), ("370705005008002", "乙社区一"), ("370705005017001", "东")];
    names.choices.grids =
        cells.iter().chain(&more).map(|(id, name)| ((*id).into(), (*name).into())).collect();
    for (key, want) in [
        ("370705005004", Some("潍柴社区")),
        ("370705005008", None),
        ("370705005017", None),
        ("370705005099", None),
    ] {
        assert_eq!(tables::community_name(&names, key), want, "{key}");
    }
}

#[test]
fn a_meeting_is_frozen_by_form_and_compared_with_today() {
    let mut town = Town::new(33);
    town.orders(80);
    town.hq.put_staff("w-01", "刘敏", Role::DeputyLeader).unwrap();
    let leader = visitor(Role::DeputyLeader, &["*"]);
    let form = |body: &str| Ask {
        method: Method::Post,
        form: Fields::parse(body.as_bytes()),
        now: TimeMs(END),
        ..ask(&leader, "/figures/meetings")
    };
    let body =
        format!("{PERIOD}&title=%E8%B0%83%E5%BA%A6%E4%BC%9A&words_0={NASTY}&owner_0=sec-a&due_0=2026-09-01");
    let refused = post(&mut town.hq, &form(&format!("{body}&due_0=1.9."))).unwrap();
    assert!(matches!(refused, Answer::SeeOther(_)), "the first value of a name counts");
    for bad in ["title=", "title=x&from=1", "title=x&words_0=y&due_0=1.9."] {
        let answer = post(&mut town.hq, &form(bad)).unwrap();
        assert!(matches!(answer, Answer::Refused(_)), "{bad} {answer:?}");
    }
    let Answer::SeeOther(to) = post(&mut town.hq, &form(&body)).unwrap() else { panic!() };
    assert_eq!(to, "/figures/meetings/2");
    let mark = Ask { path: to.clone(), ..form("item=2&words=%E5%B7%B2%E5%8A%9E") };
    assert!(matches!(post(&mut town.hq, &mark).unwrap(), Answer::SeeOther(_)));
    let mark = Ask { path: to.clone(), ..form("item=1&words=x") };
    assert!(matches!(post(&mut town.hq, &mark).unwrap(), Answer::Refused(_)), "an item of another meeting");
    let page = html(town.hq.reader(), &leader, &to);
    assert!(page.contains("已办") && page.contains("会议所见") && !page.contains("<script"));
    assert!(html(town.hq.reader(), &leader, "/figures/meetings").contains("/figures/meetings/2"));
    let mut auditor = visitor(Role::Auditor, &[]);
    auditor.subject.worker = "w-02".into();
    town.hq.put_staff("w-02", "审计", Role::Auditor).unwrap();
    let page = html(town.hq.reader(), &auditor, "/figures/meetings/2");
    assert!(!page.contains("<form"));
    let as_auditor = Ask { visitor: auditor, ..form(&body) };
    assert!(matches!(post(&mut town.hq, &as_auditor).unwrap(), Answer::Refused(_)));
    let worker = Ask { visitor: visitor(Role::GridWorker, &[GRIDS[0]]), ..form(&body) };
    assert!(matches!(post(&mut town.hq, &worker).unwrap(), Answer::Missing));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_address_is_answered(query in "(from|to|as_of|grid|unit|by|metric|part|page)=[ -~\u{4e00}-\u{4e20}]{0,12}(&(from|to|as_of|grid|page|by)=[ -~]{0,20}){0,4}") {
        let db = reader();
        let clerk = visitor(Role::HotlineClerk, &["*"]);
        for path in ["/figures", "/figures/orders", "/figures/meetings"] {
            match got(&db, &clerk, &format!("{path}?{query}")) {
                Answer::Page(page) => prop_assert!(!page.content.into_string().contains("<script")),
                Answer::Missing => {}
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }
}

/// Ten times the half-year of the article. `cargo test --release -p lanewalk-headquarters --lib
/// thirty_five_thousand -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout, reason = "a measurement prints")]
fn thirty_five_thousand_orders() {
    let mut town = Town::new(35);
    let matter = |i: u32| {
        format!(r#"{{"matter_code":"{i:06}","name_zh":"事项{i}","urgency":"general","lead_unit":"sec-a"}}"#)
    };
    let matters: Vec<String> = (10_000..10_300).map(matter).collect();
    let catalog = format!(r#"{{"version":"bench","matters":[{}]}}"#, matters.join(","));
    town.hq.publish_reference("matter_catalog", "bench", &catalog).unwrap();
    town.orders(35_000);
    town.grid_work(3_000);
    let db = crate::store::open_reader(&town.keep()).unwrap();
    let clerk = visitor(Role::HotlineClerk, &["*"]);
    let size = |answer: Answer| match answer {
        Answer::Page(page) => page.content.into_string().len(),
        Answer::File { bytes, .. } => bytes.len(),
        other => panic!("{other:?}"),
    };
    for (name, to, runs) in [
        ("report", format!("/figures?{PERIOD}"), 60),
        ("report by grid", format!("/figures?{PERIOD}&by=grid&unit=sec-a"), 60),
        ("report, earlier", format!("/figures?{PERIOD}&as_of=2026-06-20T08:00"), 60),
        ("one month", "/figures?from=2026-06-01&to=2026-06-30".to_owned(), 60),
        ("orders, last page", format!("/figures/orders?{PERIOD}&metric=response&part=not&page=9999"), 60),
        ("report.csv", format!("/figures/report.csv?{PERIOD}"), 20),
        ("report.xlsx", format!("/figures/report.xlsx?{PERIOD}"), 20),
        ("orders.csv", format!("/figures/orders.csv?{PERIOD}"), 10),
    ] {
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..runs {
            let start = std::time::Instant::now();
            let file = to.contains(".csv?") || to.contains(".xlsx?");
            bytes = size(if file { taken(&db, &clerk, &to) } else { got(&db, &clerk, &to) });
            times.push(start.elapsed().as_secs_f64() * 1_000.0);
        }
        times.sort_by(f64::total_cmp);
        let at = |p: usize| times[(times.len() * p).div_ceil(100) - 1];
        println!("{name:<18} p50 {:>6.1} ms  p95 {:>6.1} ms  {} KB", at(50), at(95), bytes / 1024);
    }
}
