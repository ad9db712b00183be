//! Who gets what: by name, by cursor, by scope (F43), and what no property manager ever gets.

use crate::{order, town, visit};
use lanewalk_headquarters::{Headquarters, import::IncomingOrder};
use lanewalk_model::{
    document::Edit,
    id::{DocId, to_hex},
    records::{NoteRecord, to_json},
    schema::DocKind,
    staff::{Grant, Role},
    time::TimeMs,
};
use lanewalk_protocol::{limits, sync::Cursor};
use support::{
    hostile::{Answer, Device},
    town::Town,
};

fn all(hq: &Headquarters, kinds: &[DocKind]) -> Vec<DocId> {
    let mut statement = hq.reader().prepare("SELECT id FROM docs ORDER BY n").unwrap();
    let ids = statement.query_map([], |r| r.get::<_, Vec<u8>>(0)).unwrap();
    ids.map(|id| DocId::from_slice(&id.unwrap()).unwrap()).filter(|d| kinds.contains(&d.kind)).collect()
}

/// Every document by name, for every role: whole if it may be read, else "left" and not a byte.
#[test]
fn asking_by_name_gives_what_the_scope_gives() {
    let town = busy_town();
    town.network.hq(|hq| {
        hq.put_staff("gw-09", "外片", Role::GridWorker).unwrap();
        let now = TimeMs(town.clock.now());
        for (n, worker) in ["gw-01", "gw-02", "ps-01", "gw-09"].into_iter().enumerate() {
            let mut device = Device::enrol(hq, worker, 70 + n as u8);
            device.pull(hq);
            let held: Vec<DocId> = device.docs.keys().copied().collect();
            let subject = hq.subject(worker).unwrap().unwrap();
            let mut asked = all(hq, &DocKind::ALL);
            // And one that does not exist: answered like one that may not be read.
            asked.push(DocId { kind: DocKind::Order, uuid: [0xee; 16] });
            for part in asked.chunks(limits::MAX_WANTED) {
                let mut body = device.body(&[]);
                body.want = part.to_vec();
                body.page_bytes = u32::MAX;
                let page = device.ask(hq, &body).page();
                for id in part {
                    let row = lanewalk_headquarters::store::DocRow::find(hq.reader(), *id).unwrap();
                    let may = row.is_some_and(|r| {
                        lanewalk_model::policy::may_read(&subject, id.kind, &r.facts, now).is_ok()
                    });
                    assert_eq!(may, held.contains(id), "{worker} {id}: the scope is what was pulled");
                    assert_eq!(
                        page.snapshots.iter().filter(|s| s.doc == *id).count(),
                        usize::from(may),
                        "{worker} {id}"
                    );
                    assert_eq!(page.left.contains(id), !may, "{worker} {id}");
                }
                assert_eq!(page.snapshots.len() + page.left.len(), part.len());
                device.take(page);
            }
            // Asking changed nothing about what it holds.
            let before: Vec<DocId> = device.docs.keys().copied().collect();
            device.pull(hq);
            assert_eq!(before, device.docs.keys().copied().collect::<Vec<_>>());
            assert_eq!(before, held);
        }
    });
}

/// One document asked for 256 times is sent once, and many large ones end with the page.
#[test]
fn asking_often_does_not_multiply_the_answer() {
    let town = town();
    town.network.hq(|hq| {
        let orders: Vec<DocId> = (0..40).map(|_| order(hq, &town.cells[0], "gw-01")).collect();
        let mut device = Device::enrol(hq, "gw-01", 71);
        device.pull(hq);
        let mut body = device.body(&[]);
        body.want = vec![orders[0]; limits::MAX_WANTED];
        let page = device.ask(hq, &body).page();
        assert_eq!(page.snapshots.len(), 1);
        device.take(page);
        for id in &orders {
            let text: Vec<Edit> = (0..20)
                .map(|n| {
                    Edit::set(
                        format!("note/{n:032x}"),
                        to_json(&NoteRecord { text: "长".repeat(1_300), at: TimeMs(0) }),
                    )
                })
                .collect();
            hq.write_by_rule(&[(*id, text)]).unwrap();
        }
        device.pull(hq);
        let mut body = device.body(&[]);
        body.want = orders.clone();
        let answer = device.ask(hq, &body);
        assert!(answer.plain.len() < 2 * limits::PAGE_BYTES as usize, "{} bytes", answer.plain.len());
        assert!(answer.page().snapshots.len() > 10);
    });
}

/// Cursors that were never given out show nothing and lose nothing.
#[test]
fn invented_cursors() {
    let town = busy_town();
    town.network.hq(|hq| {
        let mut device = Device::enrol(hq, "gw-01", 72);
        device.pull(hq);
        let held: Vec<DocId> = device.docs.keys().copied().collect();
        for (index, token) in [(0, 999), (0, 1), (u64::MAX, 1), (u64::MAX, u64::MAX), (5, 2), (0, u64::MAX)] {
            let mut body = device.body(&[]);
            body.cursor = Cursor { index, token };
            let page = device.ask(hq, &body).page();
            for id in
                page.snapshots.iter().map(|s| s.doc).chain(page.changes.expand().unwrap().iter().map(|c| c.0))
            {
                assert!(held.contains(&id), "cursor {index}/{token} brought {id}");
            }
        }
        // Starting over brings everything back.
        device.cursor = Cursor::default();
        device.docs.clear();
        device.pull(hq);
        assert_eq!(held, device.docs.keys().copied().collect::<Vec<_>>());
    });
}

const NAME: &str = "赵铁柱";
const PHONE: &str = "13911112222";
const RESIDENT: &str = "孙大娘";
const RESIDENT_PHONE: &str = "13733334444";
const ILLNESS: &str = "独居高血压";

/// A town where everything that names people has happened: orders with a requester, briefs,
/// residents, vulnerabilities, visits, an amended import.
fn busy_town() -> Town {
    let mut town = town();
    let cells = town.cells.clone();
    let now = town.clock.now();
    let incoming = |n: u32, text: &str| IncomingOrder {
        upstream_id: format!("C{n}"),
        channel: "12345".into(),
        matter_text: "noise".into(),
        title: format!("{NAME}反映噪音,电话{PHONE}"),
        reported_text: text.to_owned(),
        reported_address: format!("3号楼2单元{NAME}家,{PHONE}"),
        reported_at_ms: now,
        upstream_due_at_ms: None,
        closed_at_ms: None,
        urgent: false,
        // The middle of cell 0.
        lat_e7: Some(366_850_000),
        lon_e7: Some(1_191_050_000),
        datum: "wgs84".into(),
        requester_name: Some(NAME.into()),
        requester_phone: Some(PHONE.into()),
        secrecy: true,
        payload_sha256: [n as u8; 32],
    };
    town.network.hq(|hq| {
        let text = format!("我是{NAME},手机139 1111 2222或139-1111-2222,楼上太吵");
        hq.take_in(&[incoming(1, &text), incoming(2, &text)], "hc-01").unwrap();
        let amended = IncomingOrder {
            payload_sha256: [9; 32],
            ..incoming(1, &format!("{text}。{NAME}补充:请打１３９１１１１２２２２"))
        };
        hq.take_in(&[amended], "hc-01").unwrap();
        let mut worker = Device::enrol(hq, "gw-01", 73);
        worker.pull(hq);
        let (person, care, seen) =
            (worker.new_id(DocKind::Person), worker.new_id(DocKind::Care), worker.new_id(DocKind::Visit));
        let grid = |n: usize| Edit::set("grid", cells[n].as_str());
        let entries = vec![
            worker.act(
                person,
                &[
                    Edit::set("name", RESIDENT),
                    Edit::set("phone", RESIDENT_PHONE),
                    Edit::set("purpose", "走访"),
                    grid(0),
                ],
            ),
            worker.act(
                care,
                &[
                    Edit::set("person", person.to_string()),
                    Edit::set("kind", ILLNESS),
                    Edit::set("basis", "本人自述"),
                    grid(0),
                ],
            ),
            worker.act(
                seen,
                &[visit("gw-01", &cells[0]), vec![Edit::set("target", person.to_string())]].concat(),
            ),
        ];
        assert!(worker.sync(hq, &entries).is_empty());
    });
    town.import(0);
    town
}

/// Every byte that reaches a property manager's device in a whole session, decompressed.
#[test]
fn property_staff_never_receive_what_names_people() {
    let town = busy_town();
    let clock = town.clock.clone();
    town.network.hq(|hq| {
        let mut device = Device::enrol(hq, "ps-01", 74);
        let mut heard = Vec::new();
        let mut kinds = std::collections::BTreeSet::new();
        let mut orders = 0;
        let mut ask = |device: &mut Device, hq: &mut Headquarters, want: &[DocId]| loop {
            let mut body = device.body(&[]);
            body.want = want.to_vec();
            let Answer { page, plain, .. } = device.ask(hq, &body);
            heard.extend(plain);
            let page = page.unwrap();
            kinds.extend(page.snapshots.iter().map(|s| s.doc.kind));
            kinds.extend(page.changes.expand().unwrap().iter().map(|c| c.0.kind));
            orders += page.snapshots.iter().filter(|s| s.doc.kind == DocKind::Order).count();
            let more = page.more;
            device.take(page);
            if !more {
                return;
            }
        };
        ask(&mut device, hq, &[]);
        // Everything by name.
        for part in all(hq, &DocKind::ALL).chunks(limits::MAX_WANTED) {
            ask(&mut device, hq, part);
        }
        // From the beginning, and with cursors never given out.
        device.cursor = Cursor { index: 0, token: 1 };
        ask(&mut device, hq, &[]);
        device.cursor = Cursor::default();
        ask(&mut device, hq, &[]);
        // What happens while it watches: a worker's day, an amendment, a move of grids and roles.
        let cells = town.cells.clone();
        let mut worker = Device::enrol(hq, "gw-01", 75);
        worker.pull(hq);
        let person = worker.new_id(DocKind::Person);
        let entry = worker.act(
            person,
            &[
                Edit::set("name", RESIDENT),
                Edit::set("phone", RESIDENT_PHONE),
                Edit::set("purpose", "x"),
                Edit::set("grid", cells[0].as_str()),
            ],
        );
        assert!(worker.sync(hq, &[entry]).is_empty());
        ask(&mut device, hq, &[person]);
        clock.advance(60_000);
        let now = TimeMs(clock.now());
        hq.grant("ps-01", &Grant { grid: cells[1].clone(), role: Role::PropertyStaff, from: now, to: None })
            .unwrap();
        // A right of another role that the person does not have as staff counts for nothing.
        hq.grant("ps-01", &Grant { grid: cells[0].clone(), role: Role::GridWorker, from: now, to: None })
            .unwrap();
        ask(&mut device, hq, &[]);
        for part in all(hq, &[DocKind::Brief, DocKind::Person, DocKind::Care, DocKind::Visit])
            .chunks(limits::MAX_WANTED)
        {
            ask(&mut device, hq, part);
        }
        hq.end_grant("ps-01", &cells[0], now).unwrap();
        clock.advance(60_000);
        ask(&mut device, hq, &[]);

        assert!(orders > 1, "a session without orders proves nothing");
        for kind in [DocKind::Brief, DocKind::Person, DocKind::Care] {
            assert!(!kinds.contains(&kind), "{kind:?} was sent");
        }
        let canaries = [
            NAME,
            PHONE,
            "139 1111 2222",
            "139-1111-2222",
            "１３９１１１１２２２２",
            "赵**",
            "139****2222",
            RESIDENT,
            RESIDENT_PHONE,
            ILLNESS,
            "张三丰",
            "13800008000",
            "138****8000",
        ];
        for canary in canaries {
            let found = heard.windows(canary.len()).any(|w| w == canary.as_bytes());
            assert!(!found, "{canary} reached a property manager's phone");
        }
        // The words that are no secret did arrive, so the scan looks at the right bytes.
        assert!(heard.windows(6).any(|w| w == "太吵".as_bytes()));
    });
}

/// The same bytes for a community worker: the masked contact, never the identity.
#[test]
fn nobody_receives_the_requesters_phone() {
    let town = busy_town();
    town.network.hq(|hq| {
        let mut device = Device::enrol(hq, "gw-01", 76);
        let mut heard = Vec::new();
        loop {
            let body = device.body(&[]);
            let answer = device.ask(hq, &body);
            heard.extend_from_slice(&answer.plain);
            let page = answer.page();
            let more = page.more;
            device.take(page);
            if !more {
                break;
            }
        }
        let has = |text: &str| heard.windows(text.len()).any(|w| w == text.as_bytes());
        assert!(has("139****2222") && has("赵**"), "the masked contact is there");
        // Also in hexadecimal, as a hash or an id might carry it.
        assert!(!has(&to_hex(PHONE.as_bytes())));
        let stored: u64 = hq
            .reader()
            .query_row("SELECT count(*) FROM requesters WHERE name = ?1 AND phone = ?2", (NAME, PHONE), |r| {
                r.get(0)
            })
            .unwrap();
        assert_eq!(stored, 2, "the identity lies in its own table");
    });
}
