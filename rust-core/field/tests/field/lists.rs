//! Lists, search, nearest, live lists.

use crate::{hq::Hq, phone::Phone};
use lanewalk_field::{
    Change, FieldError, ListItem, ListQuery, ListUpdate, Listener, NewPerson, NewPlace, NewVisit, OrderPage,
};
use lanewalk_model::{document::Edit, position::Position, records::to_json, schema::DocKind};
use std::sync::{Arc, Mutex};

fn titles(items: &[ListItem]) -> Vec<&str> {
    items.iter().map(|i| i.row.title.as_str()).collect()
}

fn orders() -> ListQuery {
    ListQuery { kind: Some(DocKind::Order), ..ListQuery::default() }
}

#[test]
fn urgent_comes_first_then_what_is_due() {
    let hq = Hq::new();
    for (n, title, urgency, due, state) in [
        (1, "无期限", "general", None, "DISPATCHED"),
        (2, "明天", "general", Some(2_000_000_000_000), "ACKED"),
        (3, "紧急", "urgent", Some(3_000_000_000_000), "ACKED"),
        (4, "今天", "general", Some(1_900_000_000_000), "HANDLING"),
        (5, "办结", "urgent", Some(1_000_000_000_000), "CLOSED"),
    ] {
        let mut edits =
            vec![Edit::set("title", title), Edit::set("urgency", urgency), Edit::set("state", state)];
        edits.extend(due.map(|d: i64| Edit::set("internal_due", d)));
        hq.order(n, &edits);
    }
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    let all = phone.field.list(&orders()).unwrap();
    assert_eq!(titles(&all), ["紧急", "今天", "明天", "无期限", "办结"]);
    let open = phone.field.list(&ListQuery { open_only: true, limit: 2, offset: 1, ..orders() }).unwrap();
    assert_eq!(titles(&open), ["今天", "明天"]);
}

#[test]
fn names_of_two_characters_are_found() {
    let hq = Hq::new();
    hq.order(1, &[Edit::set("title", "华府一品商铺门前乱停车"), Edit::set("summary", "占道 CAR 12号楼")]);
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    for name in ["张三", "张三丰", "李四"] {
        let person = NewPerson { name: name.into(), purpose: "走访".into(), ..NewPerson::default() };
        phone.field.new_person(person).unwrap();
    }
    for (text, want) in [
        ("张三", 2),
        ("张三丰", 1),
        ("三", 2),
        ("李四", 1),
        ("四李", 0),
        ("乱停车", 1),
        ("car", 1),
        ("CAR 12号", 1),
        ("停车 张三", 0),
        ("", 0),
        ("\"'*", 0),
    ] {
        assert_eq!(phone.field.search(text, 10).unwrap().len(), want, "{text}");
    }
    // A changed text is found by its new words only.
    let id = phone.field.search("李四", 1).unwrap()[0].id;
    phone.field.set_field(id, "name", "王五".into()).unwrap();
    assert_eq!(phone.field.search("李四", 10).unwrap().len(), 0);
    assert_eq!(phone.field.search("王五", 10).unwrap()[0].id, id);
}

#[test]
fn nearest_first() {
    let hq = Hq::new();
    let phone = Phone::enrolled(&hq);
    phone.field.sync(&hq).unwrap();
    for (name, lat, lon) in [("远", 36.71, 119.14), ("近", 36.7006, 119.1321), ("中", 36.702, 119.132)] {
        let position = Some(Position::from_degrees(lat, lon).unwrap());
        phone.field.new_place(NewPlace { name: name.into(), position, ..NewPlace::default() }).unwrap();
    }
    phone.field.new_place(NewPlace { name: "无定位".into(), ..NewPlace::default() }).unwrap();
    let here = Position::from_degrees(36.7005, 119.132).unwrap();
    let query = ListQuery { kind: Some(DocKind::Place), near: Some(here), ..ListQuery::default() };
    let found = phone.field.list(&query).unwrap();
    assert_eq!(titles(&found), ["近", "中", "远"]);
    for item in &found {
        let place = phone.field.document(item.id).unwrap();
        let there: Position = serde_json::from_str(place.text("position").unwrap()).unwrap();
        let exact = here.distance_m(&there);
        assert!((item.distance_m.unwrap() - exact).abs() < exact * 0.005 + 0.1);
        assert_eq!(place.text("position").unwrap(), to_json(&there));
    }
    assert_eq!(titles(&phone.field.list(&ListQuery { offset: 1, limit: 1, ..query }).unwrap()), ["中"]);
}

#[derive(Default)]
struct Screen {
    updates: Mutex<Vec<ListUpdate>>,
    shown: Mutex<Vec<ListItem>>,
}

impl Listener<ListUpdate> for Screen {
    fn changed(&self, update: ListUpdate) {
        let mut shown = self.shown.lock().unwrap();
        match update.clone() {
            ListUpdate::Reset(items) => *shown = items,
            ListUpdate::Diff(steps) => {
                for step in steps {
                    match step {
                        Change::Insert { at, item } => shown.insert(at as usize, item),
                        Change::Update { at, item } => shown[at as usize] = item,
                        Change::Remove { at } => drop(shown.remove(at as usize)),
                    }
                }
            }
        }
        self.updates.lock().unwrap().push(update);
    }
}

#[test]
fn a_live_list_starts_with_a_reset_and_follows_by_steps_until_dropped() {
    let hq = Hq::new();
    let phone = Phone::enrolled(&hq);
    let screen = Arc::new(Screen::default());
    let handle = phone.field.watch(orders(), screen.clone());
    assert_eq!(*screen.updates.lock().unwrap(), [ListUpdate::Reset(vec![])]);
    let a = hq.order(1, &[Edit::set("title", "甲")]);
    hq.order(2, &[Edit::set("title", "乙")]);
    phone.field.sync(&hq).unwrap();
    assert_eq!(screen.updates.lock().unwrap().len(), 2);
    hq.edit(a, &[Edit::set("urgency", "urgent"), Edit::set("title", "甲急")]);
    hq.order(3, &[Edit::set("title", "丙")]);
    phone.field.sync(&hq).unwrap();
    assert_eq!(*screen.shown.lock().unwrap(), phone.field.list(&orders()).unwrap());
    assert_eq!(screen.shown.lock().unwrap()[0].row.title, "甲急");
    let count = screen.updates.lock().unwrap().len();
    // Other kinds and acts that change no row say nothing.
    phone.field.new_place(NewPlace { name: "店".into(), ..NewPlace::default() }).unwrap();
    phone.field.add_note(a, "备注").unwrap();
    assert_eq!(screen.updates.lock().unwrap().len(), count);
    drop(handle);
    hq.order(4, &[]);
    phone.field.sync(&hq).unwrap();
    assert_eq!(screen.updates.lock().unwrap().len(), count);
}

#[derive(Default)]
struct Page(Mutex<Vec<Option<OrderPage>>>);

impl Listener<Option<OrderPage>> for Page {
    fn changed(&self, page: Option<OrderPage>) {
        self.0.lock().unwrap().push(page);
    }
}

#[test]
fn a_live_page_follows_its_order_until_that_leaves() {
    let hq = Hq::new();
    let phone = Phone::enrolled(&hq);
    let [order, other] = [1, 2].map(|n| hq.order(n, &[Edit::set("title", "路灯")]));
    let page = Arc::new(Page::default());
    assert_eq!(phone.field.watch_order(order, page.clone()).map(drop), Err(FieldError::NotFound));
    phone.field.sync(&hq).unwrap();
    let handle = phone.field.watch_order(order, page.clone()).unwrap();
    // Its own acts and visits are told, another order's are not.
    phone.field.add_note(order, "已看").unwrap();
    phone.field.add_note(other, "别处").unwrap();
    let visit = NewVisit { order: Some(order), kind: "handle".into(), ..NewVisit::default() };
    phone.field.record_visit(visit).unwrap();
    let now = phone.field.order(order).unwrap();
    assert_eq!((now.view.members("note").count(), now.visits.len()), (1, 1));
    assert_eq!(page.0.lock().unwrap().len(), 3);
    assert_eq!(page.0.lock().unwrap().last().unwrap().as_ref(), Some(&now));
    // While nothing can be read, nothing is told.
    phone.field.pause().unwrap();
    phone.field.resume().unwrap();
    phone.field.sync(&hq).unwrap();
    let mut state = hq.state.lock().unwrap();
    state.left.push(order);
    state.docs.remove(&order);
    drop(state);
    phone.field.sync(&hq).unwrap();
    assert_eq!(page.0.lock().unwrap().last(), Some(&None));
    drop(handle);
}

/// Asks the core for more from inside the call, as a screen does.
struct Reentrant(lanewalk_field::Field, Mutex<usize>);

impl Listener<ListUpdate> for Reentrant {
    fn changed(&self, _: ListUpdate) {
        *self.1.lock().unwrap() += self.0.list(&ListQuery::default()).unwrap().len();
        if *self.1.lock().unwrap() < 5 {
            self.0.new_place(NewPlace { name: "再来".into(), ..NewPlace::default() }).unwrap();
        }
    }
}

#[test]
fn a_listener_may_call_back() {
    let hq = Hq::new();
    let phone = Phone::enrolled(&hq);
    let listener = Arc::new(Reentrant(phone.field.clone(), Mutex::new(0)));
    let handle = phone.field.watch(ListQuery::default(), listener.clone());
    assert!(*listener.1.lock().unwrap() >= 5);
    drop(handle);
}

#[test]
fn reference_data_is_read_and_replaced() {
    use lanewalk_model::{calendar::Calendar, grid, id::DocId};
    let hq = Hq::new();
    let phone = Phone::enrolled(&hq);
    let here = Position::from_degrees(36.7005, 119.132).unwrap();
    phone.field.sync(&hq).unwrap();
    assert_eq!(phone.field.grid_at(&here).unwrap(), None);
    assert!(phone.field.calendar().unwrap().is_none());
    let bounds = grid::Bounds {
        west_e7: 1_191_300_000,
        south_e7: 366_990_000,
        east_e7: 1_191_340_000,
        north_e7: 367_020_000,
    };
    let grids = grid::lattice(bounds, 2, 2, &["370705005004".parse().unwrap()]).unwrap().to_geojson();
    let calendar = serde_json::to_string(Calendar::china().unwrap()).unwrap();
    let catalog = r#"{"version":"v1","matters":[]}"#.to_owned();
    for (n, name, body) in [(1, "grids", grids), (2, "calendar", calendar), (3, "matter_catalog", catalog)] {
        let id = DocId { kind: DocKind::Reference, uuid: [n; 16] };
        hq.edit(id, &[Edit::set("name", name), Edit::set("version", "v1"), Edit::set("body", body)]);
    }
    phone.field.sync(&hq).unwrap();
    let (cell, name) = phone.field.grid_at(&here).unwrap().unwrap();
    assert!(cell.starts_with("370705005004") && !name.is_empty());
    assert!(phone.field.calendar().unwrap().is_some());
    assert_eq!(phone.field.catalog().unwrap().unwrap().version, "v1");
    let id = DocId { kind: DocKind::Reference, uuid: [3; 16] };
    hq.edit(id, &[Edit::set("body", r#"{"version":"v2","matters":[]}"#)]);
    phone.field.sync(&hq).unwrap();
    assert_eq!(phone.field.catalog().unwrap().unwrap().version, "v2");
}
