//! Headquarters as a process.

use crate::{child, process};
use lanewalk_headquarters::{
    Headquarters, Rates, Settings, SystemSource,
    gate::{WorkerCommand, WorkerLimits, WorkerPool},
    server::{self, Desk},
    store::Place,
};
use lanewalk_model::{
    document::Edit,
    id::DocId,
    position::Position,
    records::to_json,
    schema::DocKind,
    staff::{Grant, Role},
    time::TimeMs,
};
use serde_json::json;
use std::{num::NonZeroU32, path::Path, sync::Arc};
use support::{dice::Dice, words};

/// The one grid of the benchmark.
pub(crate) const GRID: &str = "370705005004001";

/// Serves D orders until told to quit.
pub(crate) fn serve(dir: &str, d: u64) {
    let dir = Path::new(dir);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let command =
        WorkerCommand { program: std::env::current_exe().unwrap(), args: vec!["gate-worker".into()] };
    let gate = WorkerPool::start(2, command, WorkerLimits::default()).unwrap();
    // The benchmark asks what headquarters can do, not what it lets one address have.
    let much = (NonZeroU32::MIN.saturating_add(99_999), NonZeroU32::MIN.saturating_add(99_999));
    let rates = Rates { address: much, messages: much, files: much, tries: 5 };
    let settings = Settings { public_url: url.clone(), rates, ..Settings::default() };
    let place = Place::File(dir.join("hq.db"));
    let mut hq = Headquarters::open(&place, settings, Arc::new(SystemSource), Box::new(gate)).unwrap();
    let mut dice = Dice::new(7, 0);
    let orders = fill(&mut hq, d, &mut dice);
    let invitation = hq.invite("gw-01").unwrap().to_text();
    let (desk, _thread) = Desk::start(hq).unwrap();
    let router = server::router(desk.clone(), dir.join("hq.db"));
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(server::serve(router, listener, std::future::pending())).unwrap();
    });
    println!("{}", json!({ "url": url, "invitation": invitation }));
    let (mut cpu, mut workers_cpu) = (process::cpu_ms(), process::children_cpu_ms());
    child::answer(|question| match question["do"].as_str().unwrap() {
        "edit" => {
            let documents = edits(&orders, &mut dice);
            desk.run(move |hq| {
                for part in &documents {
                    hq.write_by_rule(part).unwrap();
                }
                let new: Vec<_> = (0..orders_len(d))
                    .map(|i| (hq.new_id(DocKind::Order), order(&mut Dice::new(i, 9), i)))
                    .collect();
                hq.write_by_rule(&new).unwrap();
            })
            .unwrap();
            json!({})
        }
        "reset" => {
            process::reset_peak();
            (cpu, workers_cpu) = (process::cpu_ms(), process::children_cpu_ms());
            json!({})
        }
        "figures" => json!({
            "cpu_ms": process::cpu_ms() - cpu, "peak_mb": process::peak_mb(), "workers_mb": process::children_peak_mb(),
            "workers_cpu_ms": process::children_cpu_ms() - workers_cpu
        }),
        "heads" => {
            let digest = desk.run(|hq| {
                let mut all = std::collections::BTreeMap::new();
                let mut s = hq.reader().prepare("SELECT id, saved FROM docs").unwrap();
                let rows =
                    s.query_map([], |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, Vec<u8>>(1)?))).unwrap();
                for row in rows {
                    let (id, saved) = row.unwrap();
                    let id = DocId::from_slice(&id).unwrap();
                    let heads = lanewalk_model::document::Document::load(id.kind, &saved).unwrap().heads();
                    all.insert(id.to_string(), heads);
                }
                json!(all)
            });
            json!(digest_of(&digest.unwrap()))
        }
        "invite" => {
            let n = question["n"].as_u64().unwrap();
            let texts =
                desk.run(move |hq| (0..n).map(|_| hq.invite("gw-01").unwrap().to_text()).collect::<Vec<_>>());
            json!({ "do": "enrol", "invitations": texts.unwrap() })
        }
        "confirm" => {
            desk.run(support::town::confirm_all).unwrap();
            json!({})
        }
        "commits" => {
            let commits: u64 = desk
                .run(|hq| {
                    hq.reader()
                        .query_row("SELECT count(DISTINCT received_at) FROM log", [], |r| r.get(0))
                        .unwrap()
                })
                .unwrap();
            json!({ "commits": commits })
        }
        other => panic!("{other}"),
    });
    std::process::exit(0);
}

/// Returns a short fingerprint of a JSON value.
pub(crate) fn digest_of(value: &serde_json::Value) -> String {
    use sha2::Digest as _;
    lanewalk_model::id::to_hex(&sha2::Sha256::digest(value.to_string()))
}

fn orders_len(d: u64) -> u64 {
    d / 20
}

fn fill(hq: &mut Headquarters, d: u64, dice: &mut Dice) -> Vec<DocId> {
    hq.put_staff("gw-01", "张网格", Role::GridWorker).unwrap();
    let grant = Grant { grid: GRID.into(), role: Role::GridWorker, from: TimeMs(0), to: None };
    hq.grant("gw-01", &grant).unwrap();
    let mut ids = Vec::new();
    for start in (0..d).step_by(500) {
        let part: Vec<_> =
            (start..d.min(start + 500)).map(|i| (hq.new_id(DocKind::Order), order(dice, i))).collect();
        hq.write_by_rule(&part).unwrap();
        ids.extend(part.iter().map(|(id, _)| *id));
    }
    ids
}

/// An order of about 1.5 KB of mixed Chinese text.
fn order(dice: &mut Dice, i: u64) -> Vec<Edit> {
    let position = Position::from_degrees(36.70, 119.13).unwrap();
    vec![
        Edit::set("upstream_id", format!("W{i:06}")),
        Edit::set("channel", "12345"),
        Edit::set("reported_at", 1_778_000_000_000 + i64::try_from(i).unwrap() * 60_000),
        Edit::set("reported_position", to_json(&position)),
        Edit::set("title", words::sentence(dice)),
        Edit::set("summary", words::mixed(dice, 1_050)),
        Edit::set("place_text", words::address(dice)),
        Edit::set("grid", GRID),
        Edit::set("urgency", if dice.chance(10) { "urgent" } else { "general" }),
        Edit::set("state", "DISPATCHED"),
        Edit::set("order_version", 1),
        Edit::set("lead_unit", "sec-chengguan"),
        Edit::set("internal_due", 1_778_100_000_000 + i64::try_from(dice.below(1_000_000_000)).unwrap()),
        Edit::set("assignee/gw-01", true),
    ]
}

/// The second tenth of the orders, three edits each, one change an edit.
fn edits(orders: &[DocId], dice: &mut Dice) -> Vec<Vec<(DocId, Vec<Edit>)>> {
    let tenth = orders.len() / 10;
    let mine: Vec<_> = orders.iter().skip(tenth).take(tenth).copied().collect();
    (0..3)
        .map(|round| {
            let key = ["place_text", "title", "place_text"][round];
            mine.iter().map(|id| (*id, vec![Edit::set(key, words::mixed(dice, 120))])).collect()
        })
        .collect()
}
