#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::{forecasts::*, kb::*, *};
use crate::{Headquarters, Settings, Source, gate::InProcess, store::Place};
use lanewalk_model::{
    document::Edit,
    id::DocId,
    knowledge::suggestions,
    position::Position,
    records::{DecisionRecord, to_json},
    schema::DocKind,
    staff::{Grant, Role},
    time::TimeMs,
    view::DocView,
};
use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

pub(crate) const GRID: &str = "370705005008003";
pub(crate) const OTHER: &str = "370705005008004";
pub(crate) const MATTER: &str = "020301";
pub(crate) const DAY: i64 = 86_400_000;

/// Reads China time.
pub(crate) fn at(text: &str) -> TimeMs {
    let time = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    TimeMs(time.and_utc().timestamp_millis() - 8 * 3_600_000)
}

/// A clock that stands still until told, and numbers that repeat.
#[derive(Debug)]
struct Fixed(AtomicI64, AtomicU64);

impl Source for Fixed {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
    fn fill_random(&self, buf: &mut [u8]) {
        for byte in buf {
            let x = self.1.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
            *byte = ((x ^ (x >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32) as u8;
        }
    }
}

/// Headquarters with a few people, two grids and one matter.
pub(crate) struct Town {
    pub(crate) hq: Headquarters,
    clock: Arc<Fixed>,
    _dir: tempfile::TempDir,
}

impl Town {
    pub(crate) fn new(start: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(Fixed(AtomicI64::new(at(start).0), AtomicU64::new(7)));
        let place = Place::File(dir.path().join("headquarters.db"));
        let mut hq =
            Headquarters::open(&place, Settings::default(), clock.clone(), Box::new(InProcess)).unwrap();
        for (id, name, role, grid) in [
            ("clerk", "刘敏", Role::HotlineClerk, "*"),
            ("sec-a-1", "陈科", Role::Section, "sec-a"),
            ("sec-a-2", "赵科", Role::Section, "sec-a"),
            ("sec-b-1", "钱科", Role::Section, "sec-b"),
            ("deputy", "吴副", Role::DeputyLeader, "*"),
            ("boss", "郑书记", Role::Principal, "*"),
            ("gw-01", "王建国", Role::GridWorker, GRID),
            ("ps-01", "周强", Role::PropertyStaff, GRID),
            ("audit", "审计", Role::Auditor, "*"),
        ] {
            hq.put_staff(id, name, role).unwrap();
            hq.grant(id, &Grant { grid: grid.into(), role, from: TimeMs(0), to: None }).unwrap();
        }
        let catalog = format!(
            r#"{{"version":"1","units":[{{"id":"sec-a","name_zh":"城管科"}},{{"id":"sec-b","name_zh":"物业科"}}],
                "matters":[{{"matter_code":"{MATTER}","name_zh":"机动车乱停放","match":["停车"],"urgency":"general","lead_unit":"sec-a"}}]}}"#
        );
        hq.publish_reference("matter_catalog", "1", &catalog).unwrap();
        let cell = |id: &str, name: &str, west: f64| {
            let east = west + 0.01;
            format!(
                r#"{{"type":"Feature","properties":{{"cell_id":"{id}","name":"{name}"}},"geometry":{{"type":"Polygon","coordinates":[[[{west},36.70],[{east},36.70],[{east},36.71],[{west},36.71],[{west},36.70]]]}}}}"#
            )
        };
        let grids = format!(
            r#"{{"type":"FeatureCollection","features":[{},{}]}}"#,
            cell(GRID, "华府一品东", 119.13),
            cell(OTHER, "华府一品西", 119.14)
        );
        hq.publish_reference("grids", "1", &grids).unwrap();
        Self { hq, clock, _dir: dir }
    }

    pub(crate) fn set(&self, time: &str) {
        self.clock.0.store(at(time).0, Ordering::SeqCst);
    }

    /// Writes an order, acknowledged, somewhere along a street.
    pub(crate) fn order(&mut self, title: &str, reported: &str, grid: &str, metres: i32) -> DocId {
        let id = self.hq.new_id(DocKind::Order);
        let place = Position::from_degrees(36.705 + f64::from(metres) / 111_195.0, 119.135).unwrap();
        let edits = vec![
            Edit::set("channel", "12345"),
            Edit::set("title", title),
            Edit::set("matter_code", MATTER),
            Edit::set("grid", grid),
            Edit::set("lead_unit", "sec-a"),
            Edit::set("reported_at", at(reported).0),
            Edit::set("reported_position", to_json(&place)),
            Edit::set("state", "ACKED"),
            Edit::set("order_version", 3),
            Edit::set("internal_due", at(reported).0 + 3 * DAY),
        ];
        self.hq.write_by_rule(&[(id, edits)]).unwrap();
        id
    }

    pub(crate) fn view(&self, id: DocId) -> DocView {
        self.hq.document(id).unwrap().unwrap()
    }

    /// Ends an order, as the acts of headquarters would.
    pub(crate) fn end(&mut self, order: DocId) {
        let edits = vec![Edit::set("state", "CLOSED"), Edit::set("closed_at", self.clock.now_ms())];
        self.hq.write_by_rule(&[(order, edits)]).unwrap();
        self.hq.act(|tx, core| crate::groups::ended(tx, core, order)).unwrap();
    }
}

/// The words of a refusal.
pub(crate) fn why<T: std::fmt::Debug>(result: Result<T, HqError>) -> Refusal {
    match result {
        Err(HqError::NotAllowed(words)) => {
            let all = [
                Refusal::RoleMayNot,
                Refusal::NotMember,
                Refusal::Over,
                Refusal::WordsMissing,
                Refusal::LeadMissing,
                Refusal::DueMissing,
                Refusal::NoSuchPlan,
                Refusal::StillOpen,
                Refusal::OrderEnded,
                Refusal::Taken,
                Refusal::NotInIt,
                Refusal::NotAnOrder,
                Refusal::TooFew,
                Refusal::Same,
                Refusal::NothingToUndo,
                Refusal::OwnWork,
                Refusal::Decided,
                Refusal::NotCurrent,
            ];
            all.into_iter().find(|r| r.to_string() == words).unwrap_or_else(|| panic!("{words}"))
        }
        other => panic!("{other:?}"),
    }
}

fn open_forecasts(town: &Town) -> Vec<Forecast> {
    let all = forecasts::list(town.hq.reader(), 50).unwrap();
    all.into_iter().filter(|f| f.standing != Standing::Closed).collect()
}

#[test]
fn a_hot_spot_is_one_forecast_that_grows_and_keeps_its_evidence() {
    let mut town = Town::new("2026-05-08 09:00");
    let mut orders: Vec<DocId> =
        (0..4).map(|i| town.order("门前乱停车", "2026-05-06 10:00", GRID, i * 10)).collect();
    assert_eq!(town.hq.look_ahead().unwrap(), Scan::default());
    // The fifth lies in the other grid, but near.
    orders.push(town.order("门前乱停车", "2026-05-08 08:00", OTHER, 60));
    assert_eq!(town.hq.look_ahead().unwrap(), Scan { found: 1, grown: 0 });
    assert_eq!(town.hq.look_ahead().unwrap(), Scan::default());
    let first = open_forecasts(&town).remove(0);
    assert_eq!((first.orders, first.standing, first.grids.len()), (5, Standing::New, 2));
    assert_eq!(first.reported, Some((at("2026-05-06 10:00"), at("2026-05-08 08:00"))));
    assert_eq!(first.rule, Some(Settings::default().concentration));
    assert!(orders.iter().all(|id| town.view(*id).flag(FLAG)));

    town.set("2026-05-09 09:00");
    orders.push(town.order("又停", "2026-05-09 08:00", GRID, 5));
    assert_eq!(town.hq.look_ahead().unwrap(), Scan { found: 0, grown: 1 });
    // A week later the first ones have left the window; what is kept stays.
    town.set("2026-05-15 09:00");
    town.hq.look_ahead().unwrap();
    let all = open_forecasts(&town);
    assert_eq!((all.len(), all[0].n, all[0].orders), (1, first.n, 6));
    let kept: Vec<DocId> =
        forecasts::orders(town.hq.reader(), first.n).unwrap().into_iter().map(|o| o.0).collect();
    assert_eq!(kept, orders);
}

#[test]
fn a_closed_forecast_stays_closed_and_founds_no_other() {
    let mut town = Town::new("2026-05-08 09:00");
    let orders: Vec<DocId> = (0..5).map(|_| town.order("乱停车", "2026-05-07 10:00", GRID, 0)).collect();
    town.hq.look_ahead().unwrap();
    let n = open_forecasts(&town)[0].n;
    let close =
        |town: &mut Town, words: &str, by: &str| town.hq.judge_forecast(n, Standing::Closed, None, words, by);
    assert_eq!(why(close(&mut town, "完", "gw-01")), Refusal::RoleMayNot);
    assert_eq!(why(close(&mut town, " ", "clerk")), Refusal::WordsMissing);
    assert_eq!(why(town.hq.judge_forecast(n, Standing::Planned, None, "", "clerk")), Refusal::NoSuchPlan);
    town.hq.judge_forecast(n, Standing::Watched, None, "看着", "sec-a-1").unwrap();
    close(&mut town, "已约谈,问题解决 13800008000", "clerk").unwrap();
    assert_eq!(why(close(&mut town, "再来", "clerk")), Refusal::Over);
    let said = forecasts::said(town.hq.reader(), n).unwrap();
    assert_eq!(said.last().unwrap().words, "已约谈,问题解决 [号码]");
    assert!(orders.iter().all(|id| !town.view(*id).flag(FLAG)));
    for i in 0..5 {
        assert!(open_forecasts(&town).is_empty());
        town.order("乱停车", "2026-05-08 08:00", GRID, i);
        town.hq.look_ahead().unwrap();
    }
    assert_eq!(open_forecasts(&town)[0].orders, 5);
}

#[test]
fn two_forecasts_that_meet_become_the_older_one() {
    let mut town = Town::new("2026-05-08 09:00");
    for metres in [0, 280] {
        for _ in 0..5 {
            town.order("乱停车", "2026-05-07 10:00", "", metres);
        }
        town.hq.look_ahead().unwrap();
    }
    let two = open_forecasts(&town);
    assert_eq!(two.len(), 2);
    let oldest = two.iter().map(|f| f.n).min().unwrap();
    town.order("乱停车", "2026-05-08 08:00", "", 140);
    assert_eq!(town.hq.look_ahead().unwrap(), Scan { found: 0, grown: 1 });
    let one = open_forecasts(&town);
    assert_eq!((one.len(), one[0].n, one[0].orders), (1, oldest, 11));
}

#[test]
fn people_foresee_what_no_order_shows_yet() {
    let mut town = Town::new("2026-06-08 09:00");
    assert_eq!(why(town.hq.foresee(MATTER, GRID, "高考期间", "audit")), Refusal::RoleMayNot);
    assert!(town.hq.foresee("none", GRID, "高考期间", "clerk").is_err());
    let n = town.hq.foresee(MATTER, GRID, "高考期间考点周边停车", "deputy").unwrap();
    let f = forecasts::one(town.hq.reader(), n).unwrap().unwrap();
    assert!(f.by_person && f.rule.is_none() && f.standing == Standing::Watched);
}

fn plan(title: &str) -> Entry {
    Entry {
        is_plan: true,
        title: title.into(),
        matter: MATTER.into(),
        owner_unit: "sec-a".into(),
        trigger: "一周五件".into(),
        body: "联系交警".into(),
        steps: "一、划线\n二、劝导".into(),
    }
}

#[test]
fn versions_follow_each_other_and_suggestions_are_answered_where_they_were_made() {
    let mut town = Town::new("2026-05-08 09:00");
    assert_eq!(why(town.hq.publish(&plan("停车预案"), "sec-b-1")), Refusal::RoleMayNot);
    let v1 = town.hq.publish(&plan("停车预案"), "sec-a-1").unwrap();
    town.hq.suggest(v1, "加上夜间巡查", "gw-01").unwrap();
    town.hq.suggest(v1, "请写明联系人", "sec-a-1").unwrap();
    assert_eq!(why(town.hq.suggest(v1, "x", "boss")), Refusal::RoleMayNot);
    assert_eq!(kb::current(town.hq.reader()).unwrap()[0].waiting, 2);
    let said = suggestions(&town.view(v1));
    let event = |by: &str| said.iter().find(|s| s.1 == by).unwrap().0.clone();
    let (night, own) = (event("gw-01"), event("sec-a-1"));

    let next =
        Entry { steps: "一、划线\n二、劝导\n三、夜间巡查".into(), ..plan("停车预案") };
    assert_eq!(why(town.hq.revise(v1, &next, Some((v1, &own)), "sec-a-1")), Refusal::OwnWork);
    assert_eq!(why(town.hq.decline_suggestion(v1, &own, "不", "sec-b-1")), Refusal::RoleMayNot);
    let v2 = town.hq.revise(v1, &next, Some((v1, &night)), "sec-a-1").unwrap();
    let view = town.view(v2);
    assert_eq!((view.int("version"), view.text("suggested_by")), (Some(2), Some("gw-01")));
    assert_eq!(town.view(v1).text("steps"), Some("一、划线\n二、劝导"), "versions never change");
    assert_eq!(why(town.hq.revise(v1, &next, None, "sec-a-2")), Refusal::NotCurrent);
    // The other suggestion waits at the version it was made on.
    assert_eq!(kb::current(town.hq.reader()).unwrap()[0].waiting, 1);
    town.hq.decline_suggestion(v1, &own, "已在通讯录", "sec-a-2").unwrap();
    assert_eq!(why(town.hq.decline_suggestion(v1, &own, "再", "sec-a-2")), Refusal::Decided);
    let record: DecisionRecord =
        serde_json::from_str(town.view(v1).text(&format!("decision/{own}")).unwrap()).unwrap();
    assert_eq!(record.words.as_deref(), Some("已在通讯录"));
    let listed = kb::versions(town.hq.reader(), view.text("topic").unwrap()).unwrap();
    assert_eq!(listed.iter().map(|v| (v.version, v.current)).collect::<Vec<_>>(), [(2, true), (1, false)]);
    assert_eq!(kb::plans_for(town.hq.reader(), MATTER).unwrap()[0].id, v2);

    let order = town.order("乱停车", "2026-05-07 10:00", GRID, 0);
    assert_eq!(why(town.hq.use_plan(order, v2, "gw-01")), Refusal::RoleMayNot);
    town.hq.use_plan(order, v1, "clerk").unwrap();
    assert_eq!(town.view(order).text("playbook"), Some(v1.to_string().as_str()));
}

#[test]
fn what_goes_to_phones_has_no_numbers_and_fits() {
    let mut town = Town::new("2026-05-08 09:00");
    let id =
        town.hq.publish(&Entry { body: "找李师傅 13800008000".into(), ..plan("停车") }, "deputy").unwrap();
    assert_eq!(town.view(id).text("body"), Some("找李师傅 [号码]"));
    for spoilt in [
        Entry { title: "  ".into(), ..plan("x") },
        Entry { title: "长".repeat(201), ..plan("x") },
        Entry { body: "长".repeat(4_001), ..plan("x") },
        Entry { steps: String::new(), ..plan("x") },
        Entry { owner_unit: String::new(), ..plan("x") },
    ] {
        assert!(matches!(town.hq.publish(&spoilt, "deputy"), Err(HqError::NotAllowed(_))), "{spoilt:?}");
    }
}

fn titles(town: &Town, who: &str, query: &str) -> Vec<String> {
    let subject = town.hq.subject(who).unwrap().unwrap();
    let found = search::find(town.hq.reader(), &subject, query, None, at("2026-05-09 09:00"), 50).unwrap();
    found.hits.into_iter().map(|h| h.row.title).collect()
}

#[test]
fn search_finds_by_rights_ranked_and_takes_nothing_for_syntax() {
    let mut town = Town::new("2026-05-08 09:00");
    town.order("占道经营", "2026-05-07 10:00", GRID, 0);
    let old = town.order("华府一品乱停车", "2026-05-07 09:00", GRID, 0);
    town.end(old);
    town.order("华府一品乱停车", "2026-05-07 10:00", OTHER, 0);
    let entry = Entry { body: "乱停车先劝导".into(), ..plan("停车预案") };
    town.hq.publish(&entry, "sec-a-1").unwrap();
    assert_eq!(titles(&town, "clerk", "乱停车"), ["停车预案", "华府一品乱停车", "华府一品乱停车"]);
    assert_eq!(titles(&town, "clerk", "停"), titles(&town, "clerk", "停车"));
    assert_eq!(titles(&town, "gw-01", "乱停车"), ["停车预案", "华府一品乱停车"], "own grid");
    assert_eq!(titles(&town, "sec-a-1", "乱停车").len(), 3, "what the section leads");
    assert_eq!(titles(&town, "sec-b-1", "乱停车"), ["停车预案"]);
    assert_eq!(titles(&town, "audit", "乱停车"), Vec::<String>::new());
    for nasty in
        ["\"", "* OR 1=1 --", "NEAR(a b)", "words:停车^2", "<script>", "\u{0}", "%_", &"停".repeat(5_000)]
    {
        titles(&town, "clerk", nasty);
    }
    assert_eq!(titles(&town, "clerk", ""), Vec::<String>::new());
    // A text that changes is found by its new words alone.
    town.hq.write_by_rule(&[(old, vec![Edit::set("title", "已改名")])]).unwrap();
    assert_eq!(titles(&town, "clerk", "改名"), ["已改名"]);
    assert_eq!(titles(&town, "gw-01", "乱停车"), ["停车预案"]);
}

#[test]
fn nobody_finds_an_order_by_its_requester() {
    let mut town = Town::new("2026-05-08 09:00");
    let order = town.order("漏水", "2026-05-07 10:00", GRID, 0);
    let n = store::DocRow::find(town.hq.reader(), order).unwrap().unwrap().n;
    let insert = "INSERT INTO requesters (doc, name, phone) VALUES (?1, '欧阳秋月', '13800008000')";
    town.hq.act(|tx, _| Ok(tx.execute(insert, [n])?)).unwrap();
    let visit = town.hq.new_id(DocKind::Visit);
    let edits = vec![
        Edit::set("order", order.to_string()),
        Edit::set("grid", GRID),
        Edit::set("notes", "欧阳秋月家厨房漏水,电话 13800008000"),
    ];
    town.hq.write_by_rule(&[(visit, edits)]).unwrap();
    assert_eq!(titles(&town, "clerk", "厨房").len(), 1);
    for identity in ["欧阳", "秋月", "13800008000"] {
        assert_eq!(titles(&town, "clerk", identity), Vec::<String>::new(), "{identity}");
    }
}

/// Run by hand: `cargo test --release -p lanewalk-headquarters --lib -- --ignored as_fast`.
#[test]
#[ignore = "measures"]
#[allow(clippy::print_stdout)]
fn as_fast_as_people_type_at_ten_times_the_half_year() {
    let mut town = Town::new("2026-05-08 09:00");
    let streets = ["华府一品", "潍棉小区", "金御皇庭", "幸福街", "健康街", "星河小区"];
    let things = ["门前乱停车", "楼道养猫", "电箱噪声", "占道经营", "下水堵塞", "路灯不亮"];
    let began = std::time::Instant::now();
    let mut batch = Vec::new();
    for i in 0..35_000_usize {
        let id = town.hq.new_id(DocKind::Order);
        let title = format!("{}{}{}号", streets[i % 6], things[i / 6 % 6], i);
        let edits = vec![
            Edit::set("channel", "12345"),
            Edit::set("title", title.as_str()),
            Edit::set("summary", format!("反映{title},希望尽快处理,多次拨打热线未解决。").repeat(3)),
            Edit::set("matter_code", format!("m{}", i % 40)),
            Edit::set("grid", GRID),
            Edit::set("reported_at", at("2026-05-08 09:00").0 - i as i64 * 450_000),
            Edit::set("state", if i < 400 { "ACKED" } else { "CLOSED" }),
        ];
        let visit = town.hq.new_id(DocKind::Visit);
        let notes = vec![
            Edit::set("order", id.to_string()),
            Edit::set("grid", GRID),
            Edit::set("notes", format!("到{}现场查看,{}属实", streets[i % 6], things[i / 6 % 6])),
        ];
        batch.extend([(id, edits), (visit, notes)]);
        if batch.len() >= 1_000 {
            town.hq.write_by_rule(&batch).unwrap();
            batch.clear();
        }
    }
    println!("written in {:?}", began.elapsed());
    let subject = town.hq.subject("clerk").unwrap().unwrap();
    let mut times = Vec::new();
    for round in 0..20 {
        for query in ["停车", "华府一品 停车", "号", "楼道养猫", "路", "1234", "希望尽快处理", "没有的词"]
        {
            let began = std::time::Instant::now();
            search::find(town.hq.reader(), &subject, query, None, at("2026-05-09 09:00"), 50).unwrap();
            times.push((began.elapsed(), query, round));
        }
    }
    times.sort_unstable();
    println!("search median {:?} p95 {:?} worst {:?}", times[80].0, times[152].0, times[159]);
    let began = std::time::Instant::now();
    println!("scan {:?} in {:?}", town.hq.look_ahead().unwrap(), began.elapsed());
    let began = std::time::Instant::now();
    println!("scan again {:?} in {:?}", town.hq.look_ahead().unwrap(), began.elapsed());
}
