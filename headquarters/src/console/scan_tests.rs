//! No page of every day walks through a table that grows with the years.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::{
    ROOMS, ahead,
    alike::Alike,
    may_enter,
    photos::Sources,
    web::{Answer, Ask, Fields, Method, Room, Visitor},
};
use crate::{
    Headquarters, Settings, SystemSource, gate::InProcess, import::IncomingOrder, intake::Arrival,
    photos::Folder, store::Place,
};
use lanewalk_model::{
    id::{DocId, to_hex},
    staff::{Grant, Role, Subject},
    time::TimeMs,
};
use rusqlite::{
    Connection,
    trace::{TraceEvent, TraceEventCodes},
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

/// Tables that a subdistrict has a few hundred rows of, or a handful a device; indexes of a few rows of a
/// large one.
const SMALL: [&str; 13] = [
    "staff",
    "devices",
    "contradictions",
    "salvages",
    "watch",
    "shifts",
    "meta",
    "kb",
    "forecasts",
    "catalog_proposals",
    "spots_masters",
    "docs_pending",
    "log_refused",
];

struct House {
    hq: Headquarters,
    dir: tempfile::TempDir,
}

fn house() -> House {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::File(dir.path().join("headquarters.db"));
    let gate = Box::new(InProcess);
    let mut hq = Headquarters::open(&place, Settings::default(), Arc::new(SystemSource), gate).unwrap();
    let catalog = r#"{"version":"1","units":[{"id":"sec-wuye","name_zh":"物业科"}],"matters":[{"matter_code":"1","name_zh":"养猫","match":["养猫"],"urgency":"general","lead_unit":"sec-wuye"}]}"#;
    hq.publish_reference("matter_catalog", "1", catalog).unwrap();
    let order = IncomingOrder {
        upstream_id: "WF-1".into(),
        channel: "12345".into(),
        matter_text: "养猫".into(),
        title: "楼道内养猫".into(),
        reported_text: "楼道内养猫".into(),
        reported_address: "3号楼".into(),
        reported_at_ms: hq.now().0,
        upstream_due_at_ms: None,
        closed_at_ms: None,
        urgent: false,
        lat_e7: None,
        lon_e7: None,
        datum: "wgs84".into(),
        requester_name: Some("欧阳秋月".into()),
        requester_phone: None,
        secrecy: false,
        payload_sha256: [1; 32],
    };
    let grid = Some("370705005008003");
    hq.take_in([Arrival { grid, ..Arrival::from(&order) }], "clerk-1").unwrap();
    House { hq, dir }
}

/// Collects the statements that a connection runs.
fn hear(db: &mut Connection) -> Arc<Mutex<Vec<String>>> {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let into = heard.clone();
    let hear = move |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(statement, _) = event {
            into.lock().unwrap().push(statement.sql().into_owned());
        }
    };
    db.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(hear)).unwrap();
    heard
}

/// Lists the reading statements that were heard and walk a table that grows.
fn slow(db: &Connection, heard: &Mutex<Vec<String>>, about: &str) -> BTreeSet<String> {
    let heard = std::mem::take(&mut *heard.lock().unwrap());
    assert!(!heard.is_empty(), "{about}: {heard:?}");
    let mut slow = BTreeSet::new();
    for sql in heard.iter().filter(|sql| sql.trim_start().starts_with("SELECT")) {
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        // Unbound parameters are NULL; the plan does not depend on values.
        let mut rows = statement.raw_query();
        while let Some(r) = rows.next().unwrap() {
            let line: String = r.get(3).unwrap();
            if walks(&line, sql) {
                slow.insert(format!("{line}: {sql}"));
            }
        }
    }
    slow
}

/// Says whether a line of a plan walks a whole table that grows, or sorts one for a list.
fn walks(line: &str, sql: &str) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    let whole = words[0] == "SCAN"
        && !line.contains("VIRTUAL TABLE")
        && !line.contains("CONSTANT ROW")
        // The index's own settings, and the thousand rows it gave.
        && !words[1].ends_with("_config")
        && !sql.contains(&format!("LIMIT ?2) {}\n", words[1]))
        // A name before its alias: `staff s`.
        && !SMALL.iter().any(|small| words.contains(small) || aliased(sql, small, words[1]));
    let sorted = line.contains("TEMP B-TREE FOR ORDER BY") && sql.starts_with("SELECT id, row FROM docs");
    // The kind alone names a third of all documents.
    let kind_alone = line.contains("(kind=?)") && sql.contains("parent = ");
    whole || sorted || kind_alone
}

fn aliased(sql: &str, table: &str, name: &str) -> bool {
    sql.contains(&format!(" {table} {name} ")) || sql.contains(&format!(" {table} {name}\n"))
}

#[test]
fn pages_of_every_day_find_their_rows_by_index() {
    let House { hq, dir } = house();
    let folder = Folder::beside(&dir.path().join("headquarters.db"), 0);
    let id: Vec<u8> = hq.reader().query_row("SELECT id FROM docs WHERE kind = 1", [], |r| r.get(0)).unwrap();
    let order = format!("/orders/{}", to_hex(&DocId::from_slice(&id).unwrap().uuid));
    let room = |at: &str| -> &Room { ROOMS.iter().chain(&ahead::ROOMS).find(|r| r.at == at).unwrap() };
    let now = TimeMs(1_790_000_000_000);
    // The order is nobody's by name.
    let assigned = [Role::PropertyStaff];
    let mut walking = BTreeSet::new();
    let mut db = crate::store::open_reader(&dir.path().join("headquarters.db")).unwrap();
    let scopes = [["*", "sec-wuye"], ["370705005008003", "sec-wuye"]];
    for (role, scopes) in Role::ALL.into_iter().flat_map(|role| scopes.map(|s| (role, s))) {
        let grants = scopes.map(|g| Grant { grid: g.into(), role, from: TimeMs(0), to: None }).to_vec();
        let subject = Subject { worker: "w".into(), role, grants };
        let visitor = Visitor { subject, name: "某".into(), admin: false, session: String::new() };
        for (at, path, query) in [("", "/", ""), ("orders", &order, ""), ("search", "/search", "q=猫")] {
            if !may_enter(room(at), &visitor) {
                continue;
            }
            let ask = Ask {
                method: Method::Get,
                path: path.into(),
                query: Fields::parse(query.as_bytes()),
                form: Fields::default(),
                files: Vec::new(),
                visitor: visitor.clone(),
                now,
            };
            let alike = Alike::default();
            let heard = hear(&mut db);
            let from = Sources { db: &db, folder: &folder, alike: &alike, who: &visitor, now };
            let answer = (room(at).get)(&from, &ask).unwrap();
            let seen = matches!(answer, Answer::Page(_));
            let hidden = at == "orders" && assigned.contains(&role)
                || at == "orders" && role == Role::GridWorker && scopes[0] == "*";
            assert!(seen != hidden, "{path} {role:?} {scopes:?}");
            walking.append(&mut slow(&db, &heard, path));
        }
    }
    assert_eq!(walking, BTreeSet::new());
}

#[test]
fn the_clock_finds_its_orders_by_index() {
    let mut house = house();
    let heard = hear(&mut house.hq.db);
    house.hq.tick().unwrap();
    assert_eq!(slow(&house.hq.db, &heard, "tick"), BTreeSet::new());
}

/// Lists of those who see a part are as quick as those of who sees all.
#[test]
#[ignore = "a measurement"]
fn boards_over_thirty_five_thousand_orders() {
    let House { hq, dir } = house();
    let sql = "WITH RECURSIVE i(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM i WHERE x < 35000)
        INSERT INTO docs (id, kind, grid, assignees, author, finished_at, priority, parent, open, due_at, state, units, owner, pending, conflicts, row, saved, share)
        SELECT unhex('01' || hex(randomblob(16))), 1, g, printf('gw-%d ps-%d', x % 40, x % 30), '',
            CASE WHEN o THEN NULL ELSE 1780000000000 + x END, 2, '', o, 1790000000000 + x * 60000,
            iif(o, 'HANDLING', 'CLOSED'), printf(' sec-%d ', x % 12), '', 0, 0, json_set(d.row, '$.grid', g, '$.open', json(iif(o, 'true', 'false')),
                '$.state', iif(o, 'HANDLING', 'CLOSED'), '$.units', printf(' sec-%d ', x % 12)), d.saved, d.share
        FROM (SELECT x, x % 7 = 0 AS o, '3707050050080' || printf('%02d', x % 20) AS g FROM i), docs d WHERE d.kind = 1";
    assert_eq!(hq.db.execute(sql, []).unwrap(), 35_000);
    let console = super::Console::new(dir.path().join("headquarters.db"));
    for (role, grid) in [
        (Role::HotlineClerk, "*"),
        (Role::HotlineClerk, "370705005008003"),
        (Role::DeputyLeader, "370705005008003"),
        (Role::Section, "sec-3"),
        (Role::Enforcement, "sec-3"),
        (Role::GridWorker, "370705005008003"),
        (Role::PropertyStaff, "370705005008003"),
        (Role::Auditor, "*"),
    ] {
        let grants = vec![Grant { grid: grid.into(), role, from: TimeMs(0), to: None }];
        let subject = Subject { worker: "ps-3".into(), role, grants };
        let ask = Ask {
            method: Method::Get,
            path: "/".into(),
            query: Fields::default(),
            form: Fields::default(),
            files: Vec::new(),
            visitor: Visitor {
                subject: subject.clone(),
                name: "某".into(),
                admin: false,
                session: String::new(),
            },
            now: TimeMs(1_790_000_000_000),
        };
        let mut times: Vec<u128> = (0..9)
            .map(|_| {
                let start = std::time::Instant::now();
                let page = console.get(&ask, super::lang::Lang::Zh);
                let listed = page.body.windows(9).filter(|w| w == b"\"/orders/").count();
                assert!(page.status == 200 && (role == Role::Auditor || listed > 20), "{role:?} {listed}");
                start.elapsed().as_millis()
            })
            .collect();
        times.sort_unstable();
        assert!(times[4] <= 100, "{role:?} {grid}: {times:?}");
    }
}
