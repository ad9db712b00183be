//! The rooms where orders come in, asked as a browser would: forms, files, appeals, neighbours.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, clippy::panic)]

use super::{
    alike::Alike,
    appeals, exchange, intake,
    lang::Lang,
    photos::Sources,
    web::{Answer, Ask, Fields, Method, Upload, Visitor},
};
use crate::{
    Headquarters, Settings, Source,
    gate::InProcess,
    import::IncomingOrder,
    intake::{Acceptance, Arrival, Imported},
    photos::Folder,
    store::Place,
};
use lanewalk_model::{
    document::Edit,
    id::{DocId, to_hex},
    order::{Act, Refusal, steps},
    records::StepKind,
    schema::DocKind,
    staff::{Grant, Role, Subject},
    time::TimeMs,
    view::DocView,
};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU8, Ordering},
    },
};

const GRID: &str = "370705005008003";
const DAY: i64 = 86_400_000;
/// Escaping, formulas and bidirectional tricks at once.
const NASTY: &str = "=HYPERLINK(\"x\")<script>alert(1)</script>'\u{202e}gpj";
const MAPPING: &str = r#"
version = 1
date_formats = ["%Y-%m-%d %H:%M"]
utc_offset_minutes = 480
datum = "wgs84"
[fields]
upstream_id = "编号"
channel = { value = "12345" }
matter_text = "类别"
title = "内容"
reported_text = "内容"
reported_address = "地址"
reported_at = "受理"
requester_name = "姓名"
requester_phone = "电话"
"#;

/// A clock that stands still until told. 2026-05-08 09:40 in China, a Friday.
struct Fixed(AtomicI64, AtomicU8);

impl Source for Fixed {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
    fn fill_random(&self, buf: &mut [u8]) {
        for byte in buf {
            *byte = self.1.fetch_add(41, Ordering::SeqCst).wrapping_mul(7) ^ 0x5a;
        }
    }
}

struct Town {
    hq: Headquarters,
    clock: Arc<Fixed>,
    database: PathBuf,
    _dir: tempfile::TempDir,
}

impl Town {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("hq.db");
        let clock = Arc::new(Fixed(AtomicI64::new(1_778_204_400_000), AtomicU8::new(1)));
        let place = Place::File(database.clone());
        let mut hq =
            Headquarters::open(&place, Settings::default(), clock.clone(), Box::new(InProcess)).unwrap();
        hq.put_staff("hc-01", "马静", Role::HotlineClerk).unwrap();
        hq.put_staff("dl-01", "高志远", Role::DeputyLeader).unwrap();
        hq.put_staff("gw-01", "王建国", Role::GridWorker).unwrap();
        let grant = Grant { grid: GRID.into(), role: Role::GridWorker, from: TimeMs(0), to: None };
        hq.grant("gw-01", &grant).unwrap();
        let everywhere = Grant { grid: "*".into(), role: Role::HotlineClerk, from: TimeMs(0), to: None };
        hq.grant("hc-01", &everywhere).unwrap();
        let catalog = r#"{"version":"2026-1","units":[{"id":"sec-wuye","name_zh":"物业科"}],"matters":[
            {"matter_code":"020301","name_zh":"饲养动物扰民","match":["养猫"],"urgency":"general","lead_unit":"sec-wuye"},
            {"matter_code":"020302","name_zh":"井盖缺失","match":["井盖"],"urgency":"urgent","lead_unit":"sec-wuye"}]}"#;
        hq.publish_reference("matter_catalog", "2026-1", catalog).unwrap();
        let ring = "[[[119.13,36.70],[119.14,36.70],[119.14,36.71],[119.13,36.71],[119.13,36.70]]]";
        let grids = format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{"cell_id":"{GRID}","name":"潍棉小区东"}},"geometry":{{"type":"Polygon","coordinates":{ring}}}}}]}}"#
        );
        hq.publish_reference("grids", "2026-1", &grids).unwrap();
        Self { hq, clock, database, _dir: dir }
    }

    fn now(&self) -> i64 {
        self.clock.now_ms()
    }

    fn ask(&self, method: Method, path: &str, fields: &[(&str, &str)], files: Vec<Upload>) -> Ask {
        let fields = Fields(fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        let role = Role::HotlineClerk;
        let grants = vec![Grant { grid: "*".into(), role, from: TimeMs(0), to: None }];
        let subject = Subject { worker: "hc-01".into(), role, grants };
        Ask {
            method,
            path: path.into(),
            query: if method == Method::Get { fields.clone() } else { Fields::default() },
            form: if method == Method::Post { fields } else { Fields::default() },
            files,
            visitor: Visitor { subject, name: "马静".into(), admin: false, session: String::new() },
            now: TimeMs(self.now()),
        }
    }

    fn room(path: &str) -> super::web::Room {
        match path.split('/').nth(1) {
            Some("appeals") => appeals::ROOM,
            Some("exchange") => exchange::ROOM,
            _ => intake::ROOM,
        }
    }

    fn get(&self, path: &str) -> String {
        let ask = self.ask(Method::Get, path, &[], Vec::new());
        let folder = Folder::beside(&self.database, 0);
        let alike = Alike::default();
        let from = Sources {
            db: self.hq.reader(),
            folder: &folder,
            alike: &alike,
            who: &ask.visitor,
            now: TimeMs(self.now()),
        };
        Lang::Both.speak(|| page((Self::room(path).get)(&from, &ask).unwrap()))
    }

    fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_files(path, fields, Vec::new())
    }

    fn post_files(&mut self, path: &str, fields: &[(&str, &str)], files: Vec<Upload>) -> Answer {
        let ask = self.ask(Method::Post, path, fields, files);
        Lang::Both.speak(|| (Self::room(path).post)(&mut self.hq, &ask).unwrap())
    }

    fn count(&self, table: &str) -> i64 {
        self.hq.reader().query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0)).unwrap()
    }

    fn view(&self, id: DocId) -> DocView {
        self.hq.document(id).unwrap().unwrap()
    }

    fn appeal(&mut self, more: &[Edit]) -> DocId {
        let id = self.hq.new_id(DocKind::Appeal);
        let mut edits = vec![
            Edit::set("kind", "complain"),
            Edit::set("text", format!("楼道堆物 {NASTY}")),
            Edit::set("place_text", "潍棉小区3号楼"),
            Edit::set("grid", GRID),
            Edit::set("by", "gw-01"),
            Edit::set("at", self.now() - 3 * DAY),
        ];
        edits.extend_from_slice(more);
        self.hq.write_by_rule(&[(id, edits)]).unwrap();
        id
    }
}

fn page(answer: Answer) -> String {
    match answer {
        Answer::Page(page) => page.content.into_string(),
        other => panic!("{other:?}"),
    }
}

/// The order that a redirect names.
fn order(answer: &Answer) -> DocId {
    let Answer::SeeOther(to) = answer else { panic!("{answer:?}") };
    format!("order:{}", to.strip_prefix("/orders/").unwrap()).parse().unwrap()
}

fn kinds(view: &DocView) -> Vec<StepKind> {
    steps(view).into_iter().map(|(_, s)| s.kind).collect()
}

fn token_of(html: &str) -> String {
    let at = html.find("name=\"token\" value=\"").unwrap() + 20;
    html.get(at..at + 32).unwrap().to_owned()
}

fn call(n: u8) -> IncomingOrder {
    IncomingOrder {
        upstream_id: format!("W{n}"),
        channel: "12345".into(),
        matter_text: "养猫".into(),
        title: "楼道内养猫".into(),
        reported_text: "楼道内养猫".into(),
        reported_address: "潍棉小区3号楼".into(),
        reported_at_ms: 1_778_204_400_000 - 3_600_000,
        upstream_due_at_ms: None,
        closed_at_ms: None,
        urgent: false,
        lat_e7: Some(367_050_000),
        lon_e7: Some(1_191_350_000),
        datum: "wgs84".into(),
        requester_name: Some("欧阳秋月".into()),
        requester_phone: Some("138 0000 8000".into()),
        secrecy: false,
        payload_sha256: [n; 32],
    }
}

const FORM: [(&str, &str); 9] = [
    ("channel", "phone"),
    ("kind", "complain"),
    ("text", "张三说楼道内养猫，电话13800008000"),
    ("address", "潍棉小区3号楼"),
    ("grid", GRID),
    ("matter", "020301"),
    ("requester_name", "张三"),
    ("requester_phone", "13800008000"),
    ("token", "000102030405060708090a0b0c0d0e0f"),
];

#[test]
fn a_form_is_one_order_however_often_it_is_sent() {
    let mut town = Town::new();
    assert!(town.get("/intake").contains("不在值班"));
    assert_eq!(town.hq.take_watch("hc-01", "").unwrap(), None);
    let html = town.get("/intake");
    assert!(html.contains("登记并接单"));
    let token = token_of(&html);
    assert_ne!(token, token_of(&town.get("/intake")), "two pages are two forms");
    let mut fields = FORM.to_vec();
    *fields.last_mut().unwrap() = ("token", &token);
    let first = order(&town.post("/intake", &fields));
    assert_eq!(order(&town.post("/intake", &fields)), first);
    let view = town.view(first);
    assert_eq!(kinds(&view), [StepKind::Received, StepKind::Accepted, StepKind::Dispatched]);
    for (key, want) in [
        ("state", "DISPATCHED"),
        ("lead_unit", "sec-wuye"),
        ("kind", "complain"),
        ("channel", "phone"),
        ("summary", "[姓名]说楼道内养猫，电话[号码]"),
    ] {
        assert_eq!(view.text(key), Some(want), "{key}");
    }
    assert!(view.flag("assignee/gw-01") && view.get("upstream_id").is_none());
    assert_eq!((town.count("requesters"), town.count("payloads"), town.count("upstream")), (1, 1, 0));
    let (contact, due) = (view.int("contact_due").unwrap(), view.int("internal_due").unwrap());
    assert!(town.now() < contact && contact < due);
}

/// R23: whoever is not on watch takes in and leaves accepting to the watch.
#[test]
fn what_comes_in_beside_the_watch_waits_for_it() {
    let mut town = Town::new();
    let appeal = town.appeal(&[]);
    let token = token_of(&town.get("/intake"));
    let mut fields = FORM.to_vec();
    *fields.last_mut().unwrap() = ("token", &token);
    let convert = format!("/appeals/{}/convert", to_hex(&appeal.uuid));
    let typed = order(&town.post("/intake", &fields));
    let converted = order(&town.post(&convert, &[("matter", "020301")]));
    for made in [typed, converted] {
        let view = town.view(made);
        assert_eq!((view.text("state"), kinds(&view)), (Some("RECEIVED"), vec![StepKind::Received]));
        assert!(view.get("accepted_at").is_none());
        let by: String = view.all("state").last().map(|a| a.by.clone()).unwrap();
        assert_eq!(by, "hc-01", "who took it in is known");
    }
    // The same clerk, on watch, accepts it as any other.
    assert_eq!(town.hq.take_watch("hc-01", "").unwrap(), None);
    let act = lanewalk_model::order::Act::Accept;
    assert_eq!(town.hq.perform("hc-01", typed, &act, "").unwrap(), None);
    assert_eq!(town.view(typed).text("state"), Some("DISPATCHED"));
}

#[test]
fn every_wrong_field_is_named_and_nothing_typed_is_lost() {
    let mut town = Town::new();
    let table: &[(&str, &str, &str)] = &[
        ("channel", "fax", "choose one"),
        ("kind", "", "choose one"),
        ("text", "", "fill this in"),
        ("address", " ", "fill this in"),
        ("matter", "", "fill this in"),
        ("matter", "999999", "not in the catalogue"),
        ("matter", "a b", "choose from the catalogue"),
        ("grid", "370705005008999", "no such grid"),
        ("requester_phone", "call me", "digits"),
        ("upstream_due", "tomorrow", "write a time"),
        ("upstream_due", "2026-05-07T09:00", "too early"),
        ("upstream_due", "2126-05-07T09:00", "too late"),
        ("reported_at", "2026-05-09T09:00", "too late"),
        ("reported_at", "0026-05-09T09:00", "too early"),
        ("upstream_id", &"9".repeat(65), "too long"),
    ];
    for (field, value, want) in table {
        let mut fields: Vec<_> = FORM.iter().copied().filter(|(name, _)| name != field).collect();
        fields.push((field, value));
        let html = page(town.post("/intake", &fields));
        assert!(html.contains(want), "{field} {value}: {html}");
        assert!(html.contains("张三说楼道内养猫") || *field == "text");
        assert!(html.contains(FORM[8].1), "the same form is sent again");
    }
    let nasty: Vec<_> = FORM
        .iter()
        .map(|(k, v)| if *k == "text" || *k == "requester_phone" { (*k, NASTY) } else { (*k, *v) })
        .collect();
    let html = page(town.post("/intake", &nasty));
    assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"));
    assert_eq!(town.count("docs WHERE kind = 1"), 0);
}

#[test]
fn a_title_is_redacted_before_it_is_cut() {
    let mut town = Town::new();
    // The name and the number reach over the fortieth character.
    for text in ["字".repeat(39) + "张三丰", "字".repeat(35) + "13800008000"] {
        let fields: Vec<_> = FORM
            .iter()
            .map(|(k, v)| match *k {
                "text" => (*k, text.as_str()),
                "requester_name" => (*k, "张三丰"),
                "token" => (*k, if text.contains('张') { "00000000000000000000000000000001" } else { *v }),
                _ => (*k, *v),
            })
            .collect();
        let made = order(&town.post("/intake", &fields));
        let title = town.view(made).text("title").unwrap().to_owned();
        assert!(!title.contains('张') && !title.contains("138"), "{title}");
    }
}

#[test]
fn an_amendment_is_kept_beside_and_an_earlier_limit_holds() {
    let mut town = Town::new();
    let first = IncomingOrder { upstream_due_at_ms: Some(town.now() + 9 * DAY), ..call(1) };
    town.hq.take_in([&first], "hc-01").unwrap();
    let sql = "SELECT d.id FROM upstream u JOIN docs d ON d.n = u.doc";
    let id: Vec<u8> = town.hq.reader().query_row(sql, [], |r| r.get(0)).unwrap();
    let id = DocId::from_slice(&id).unwrap();
    let ours = town.view(id).int("internal_due").unwrap();
    let earlier = town.now() + 3_600_000;
    let text = "又来电催".to_owned();
    let second = IncomingOrder {
        reported_text: text,
        upstream_due_at_ms: Some(earlier),
        payload_sha256: [9; 32],
        ..first
    };
    let arrivals = [Arrival { payload: Some(("text/csv", b"raw")), ..Arrival::from(&second) }];
    let done = town.hq.take_in(arrivals, "hc-01").unwrap();
    assert_eq!((done.new, done.amended), (0, 1));
    assert_eq!(town.hq.take_in([&second], "hc-01").unwrap().known, 1);
    let view = town.view(id);
    assert_eq!(view.text("summary"), Some("楼道内养猫"), "what was reported first stays");
    assert_eq!(view.members("amendment").count(), 1);
    assert_eq!((view.int("internal_due"), view.int("promised_due")), (Some(earlier), Some(ours)));
    assert_eq!(kinds(&view).last(), Some(&StepKind::Redated));
    assert_eq!(town.count("payloads"), 1);
}

#[test]
fn an_order_that_is_taken_in_waits_until_a_clerk_accepts_it() {
    let mut town = Town::new();
    let mut total = Imported::default();
    let id = town
        .hq
        .act(|tx, core| core.take_in(tx, &Arrival::from(&call(1)), Acceptance::Later, &mut total))
        .unwrap()
        .order();
    let view = town.view(id);
    assert_eq!((view.text("state"), kinds(&view)), (Some("RECEIVED"), vec![StepKind::Received]));
    assert_eq!(view.get("accepted_at"), None);
    let due = view.int("internal_due").unwrap();
    town.clock.0.fetch_add(DAY, Ordering::SeqCst);
    let accept = |town: &mut Town, by: &str| town.hq.perform(by, id, &Act::Accept, "").ok().flatten();
    assert_eq!(accept(&mut town, "hc-01"), Some(Refusal::NotOnWatch));
    assert_eq!(town.hq.take_watch("hc-01", "").unwrap(), None);
    assert_eq!(accept(&mut town, "hc-01"), None);
    assert_eq!(accept(&mut town, "hc-01"), Some(Refusal::WrongState), "once");
    let view = town.view(id);
    assert_eq!(kinds(&view), [StepKind::Received, StepKind::Accepted, StepKind::Dispatched]);
    let times: Vec<_> = steps(&view).into_iter().map(|(_, s)| (s.at.0, s.by, s.to)).collect();
    assert_eq!(times[0].0, call(1).reported_at_ms, "R25: from upstream's time");
    assert_eq!(times[2], (town.now(), "hc-01".into(), Some("sec-wuye".into())));
    assert_eq!(view.int("internal_due"), Some(due), "slow accepting moves nothing");
    assert_eq!(view.int("order_version"), Some(2));
    // Nothing fits: the deputy leader.
    let other = IncomingOrder { matter_text: "别的".into(), ..call(2) };
    town.hq.take_in([&other], "hc-01").unwrap();
    let sql = "SELECT d.id FROM upstream u JOIN docs d ON d.n = u.doc WHERE u.upstream_id = 'W2'";
    let id: Vec<u8> = town.hq.reader().query_row(sql, [], |r| r.get(0)).unwrap();
    let view = town.view(DocId::from_slice(&id).unwrap());
    assert_eq!(kinds(&view), [StepKind::Received, StepKind::Accepted, StepKind::ToTriage]);
}

#[test]
fn the_same_again_is_a_repeat_only_within_the_days_and_for_the_same_person_matter_and_place() {
    let mut town = Town::new();
    town.hq.take_in([&call(1)], "hc-01").unwrap();
    let id = |town: &Town, upstream: &str| -> DocId {
        let sql = "SELECT d.id FROM upstream u JOIN docs d ON d.n = u.doc WHERE u.upstream_id = ?1";
        let id: Vec<u8> = town.hq.reader().query_row(sql, [upstream], |r| r.get(0)).unwrap();
        DocId::from_slice(&id).unwrap()
    };
    let first = id(&town, "W1");
    let later = town.now() + 10 * DAY;
    let again = |n: u8| IncomingOrder { reported_at_ms: later, ..call(n) };
    let far = |order: IncomingOrder| IncomingOrder { lat_e7: Some(367_090_000), ..order };
    town.clock.0.store(later, Ordering::SeqCst);
    // Still open: no repeat.
    town.hq.take_in([&again(2)], "hc-01").unwrap();
    assert_eq!(town.view(id(&town, "W2")).get("recurrence_of"), None);
    let closed = [Edit::set("state", "CLOSED"), Edit::set("closed_at", later - DAY)];
    town.hq.write_by_rule(&[(first, closed.to_vec())]).unwrap();
    let table = [
        (again(3), true),
        (
            IncomingOrder {
                requester_phone: Some("+86 138-0000-8000".into()),
                requester_name: None,
                ..again(4)
            },
            true,
        ),
        (IncomingOrder { reported_address: "潍棉小区３栋".into(), ..far(again(5)) }, true),
        (IncomingOrder { reported_address: "健康东街".into(), ..again(6) }, true),
        (IncomingOrder { reported_address: "健康东街".into(), ..far(again(7)) }, false),
        (IncomingOrder { matter_text: "井盖".into(), ..again(8) }, false),
        (IncomingOrder { requester_phone: Some("13900001111".into()), ..again(9) }, false),
        (IncomingOrder { requester_phone: None, requester_name: None, ..again(10) }, false),
        (IncomingOrder { reported_at_ms: later + 40 * DAY, ..again(11) }, false),
    ];
    town.clock.0.store(later + 41 * DAY, Ordering::SeqCst);
    for (order, want) in table {
        let done = town.hq.take_in([&order], "hc-01").unwrap();
        let view = town.view(id(&town, &order.upstream_id));
        let of = view.text("recurrence_of").map(str::to_owned);
        assert_eq!((of.is_some(), done.repeats == 1), (want, want), "{}", order.upstream_id);
        assert_eq!(view.flag("flag/recurrence"), want);
        assert!(of.is_none_or(|of| of == first.to_string()));
    }
    assert_eq!(town.view(first).text("state"), Some("CLOSED"), "the old order is not touched");
}

#[test]
fn an_appeal_becomes_one_order_whose_clock_begins_then() {
    let mut town = Town::new();
    assert_eq!(town.hq.take_watch("hc-01", "").unwrap(), None);
    let (a, b) = (town.appeal(&[]), town.appeal(&[]));
    let solved = town.appeal(&[Edit::set("solved_on_site", true)]);
    let html = town.get("/appeals");
    assert!(html.contains("&lt;script&gt;") && !html.contains("<script>") && html.contains("⟨U+202E⟩"));
    assert!(html.contains(&to_hex(&a.uuid)) && !html.contains(&to_hex(&solved.uuid)));
    let convert = format!("/appeals/{}/convert", to_hex(&a.uuid));
    let made = order(&town.post(&convert, &[("matter", "020301")]));
    assert!(matches!(town.post(&convert, &[("matter", "020301")]), Answer::Refused(_)), "once");
    let view = town.view(made);
    assert_eq!(view.text("appeal"), Some(a.to_string().as_str()));
    assert_eq!((view.text("channel"), view.text("state")), (Some("grid"), Some("DISPATCHED")));
    assert_eq!(view.int("reported_at"), Some(town.now()), "not three days ago");
    let appeal = town.view(a);
    assert_eq!(
        (appeal.text("status"), appeal.text("order")),
        (Some("converted"), Some(made.to_string().as_str()))
    );
    let close = format!("/appeals/{}/close", to_hex(&b.uuid));
    assert!(matches!(town.post(&close, &[]), Answer::Refused(_)), "words are needed");
    assert!(matches!(town.post(&close, &[("words", "当面说清了")]), Answer::SeeOther(_)));
    assert_eq!(town.view(b).text("status"), Some("closed"));
    assert!(matches!(town.post(&close, &[("words", "再来")]), Answer::Refused(_)));
    assert!(town.get("/appeals").contains("nothing waits"));
    let nobody = format!("/appeals/{}/convert", "0".repeat(32));
    assert!(matches!(town.post(&nobody, &[]), Answer::Missing));
}

fn upload(bytes: &[u8]) -> Vec<Upload> {
    vec![Upload { field: "file".into(), name: format!("五月{NASTY}.csv"), bytes: bytes.to_vec() }]
}

fn draft_of(html: &str) -> String {
    let at = html.find("name=\"draft\" value=\"").unwrap() + 20;
    html.get(at..at + 32).unwrap().to_owned()
}

#[test]
fn a_file_is_looked_at_then_taken_in_once_and_its_bad_rows_come_back() {
    let mut town = Town::new();
    let keep = [("step", "mapping"), ("mapping_name", "市热线"), ("toml_text", MAPPING)];
    assert!(matches!(town.post("/intake/import", &keep), Answer::SeeOther(_)));
    let wrong = [("step", "mapping"), ("mapping_name", "x"), ("toml_text", "version = 2")];
    assert!(page(town.post("/intake/import", &wrong)).contains("映射文件有误"));
    let text = format!(
        "编号,类别,内容,地址,受理,姓名,电话\nW1,养猫,楼道内养猫,潍棉小区,2026-05-08 09:00,张三,13800008000\n\
         W2,养猫,=1+1,潍棉小区,3026-05-08 09:00,李四,13800008001\nW3,别的,{},x,2026-05-08 09:00,,\n",
        NASTY.replace(['"', ','], "")
    );
    let look = [("step", "look"), ("mapping", "市热线")];
    let gb = encoding_rs::GB18030.encode(&text).0.into_owned();
    let marked = format!("\u{feff}{text}").into_bytes();
    for bytes in [gb.as_slice(), marked.as_slice(), text.as_bytes()] {
        let html = page(town.post_files("/intake/import", &look, upload(bytes)));
        assert!(html.contains("too far in the future") && html.contains("受理"));
        assert!(!html.contains("<script>") && !html.contains("李四"));
        assert_eq!(town.count("upstream"), 0, "looking takes nothing in");
    }
    let html = page(town.post_files("/intake/import", &look, upload(text.as_bytes())));
    let draft = draft_of(&html);
    let take = [("step", "take"), ("draft", draft.as_str())];
    assert!(page(town.post("/intake/import", &take)).contains("已导入"));
    assert_eq!((town.count("upstream"), town.count("payloads")), (2, 2));
    assert!(matches!(town.post("/intake/import", &take), Answer::Refused(_)), "once");
    let raw: Vec<u8> =
        town.hq.reader().query_row("SELECT bytes FROM payloads ORDER BY n", [], |r| r.get(0)).unwrap();
    assert_eq!(String::from_utf8(raw).unwrap(), text.lines().nth(1).unwrap(), "the record as it came");
    let audits = town.count("audit");
    let Answer::File { bytes, .. } = town.post("/intake/import", &[("step", "refused"), ("draft", &draft)])
    else {
        panic!()
    };
    let back = String::from_utf8(bytes).unwrap();
    assert!(back.contains("W2,养猫,'=1+1") && back.contains("李四") && back.contains("日期过于靠后"));
    assert!(!back.contains("W1"));
    assert_eq!(town.count("audit"), audits + 1, "who took rows out is known");
    // The same file again: everything is known, nothing is taken in twice.
    let html = page(town.post_files("/intake/import", &look, upload(text.as_bytes())));
    let again = draft_of(&html);
    page(town.post("/intake/import", &[("step", "take"), ("draft", &again)]));
    assert_eq!((town.count("upstream"), town.count("payloads")), (2, 2));
    // A day later the file is gone.
    town.clock.0.fetch_add(2 * DAY, Ordering::SeqCst);
    page(town.post_files("/intake/import", &look, upload(text.as_bytes())));
    assert!(matches!(
        town.post("/intake/import", &[("step", "refused"), ("draft", &draft)]),
        Answer::Refused(_)
    ));
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let mut town = Town::new();
    town.hq.keep_mapping("市热线", MAPPING, "hc-01").unwrap();
    let look = [("step", "look"), ("mapping", "市热线")];
    let utf16: Vec<u8> = "\u{feff}编号,类别".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let table: &[(&[u8], &str)] = &[
        (b"", "choose a file"),
        (b"\n\n", "the file is empty"),
        (&utf16, "UTF-16"),
        (b"a,b\n1,2\n", "lacks these columns"),
        (b"\"\xff\xfe\x00", "cannot be read"),
    ];
    for (bytes, want) in table {
        let html = page(town.post_files("/intake/import", &look, upload(bytes)));
        assert!(html.contains(want), "{want}: {html}");
    }
    assert_eq!(town.count("import_drafts"), 0);
    assert!(matches!(town.post("/intake/import", &[("step", "take")]), Answer::Refused(_)));
    assert!(matches!(
        town.post("/intake/import", &[("step", "take"), ("draft", &"0".repeat(32))]),
        Answer::Refused(_)
    ));
}

#[test]
fn the_exchange_page_gives_and_takes_files() {
    let mut town = Town::new();
    let key = town.hq.exchange_key();
    town.hq.trust_neighbour("区热线办", &key, true).unwrap();
    town.hq.take_in([&call(1)], "hc-01").unwrap();
    let give = [("neighbour", "区热线办")];
    let Answer::File { bytes, .. } = town.post("/exchange/give", &give) else { panic!() };
    assert!(bytes.starts_with(b"lanewalk-exchange 1\n"));
    assert!(page(town.post("/exchange/give", &give)).contains("nothing changed"));
    let Answer::File { bytes: again, .. } = town.post("/exchange/give", &[give[0], ("again", "1")]) else {
        panic!()
    };
    assert_eq!(bytes, again);
    // It is signed by a known key and for us, but holds changes.
    assert!(page(town.post_files("/exchange/take", &[], upload(&bytes))).contains("no orders"));
    assert!(town.get("/exchange").contains("区热线办"));
    assert!(matches!(town.post("/exchange/give", &[("neighbour", "nobody")]), Answer::Refused(_)));
}
