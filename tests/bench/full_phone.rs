//! One phone as full as a phone gets: 10,000 orders, 50,000 entries of its own, 2,000 photos.
//!
//! `bench full-phone` passes or fails: opening, saving and memory have their floors.

use crate::{child, child::Child, phone, process};
use lanewalk_camera::Shot as Camera;
use lanewalk_field::{
    Field, FontFile, HttpTransport, ListQuery, NewVisit, PhotoSettings, Shot, StorageBudget, Trust,
};
use lanewalk_model::{id::DocId, photo::PhotoRole, schema::DocKind, view::Value as Content};
use serde_json::{Value, json};
use std::{path::Path, time::Instant};
use support::{dice::Dice, words};

const ORDERS: u64 = 10_000;
const ENTRIES: u64 = 50_000;
const PHOTOS: u64 = 2_000;
const PHOTOS_A_VISIT: u64 = 10;
/// Saves that are timed.
const SAVES: usize = 1_000;

const MOST_OPEN_MS: f64 = 300.0;
const MOST_SAVE_P99_MS: f64 = 30.0;
const MOST_PEAK_MB: f64 = 150.0;

/// Fills the phone in one process and measures it in another; true when every floor held.
pub(crate) fn run() -> bool {
    let dir = tempfile::tempdir().unwrap();
    let mut hq = Child::start(&["hq", dir.path().to_str().unwrap(), &ORDERS.to_string()]);
    let ready = hq.line();
    let folder = dir.path().join("phone");
    let words = ["full-phone-child", folder.to_str().unwrap()];
    let mut full = Child::start(&words);
    full.ask(&json!({"do": "enrol", "invitation": ready["invitation"], "url": ready["url"]}));
    hq.ask(&json!({"do": "confirm"}));
    let made = full.ask(&json!({"do": "fill", "url": ready["url"]}));
    full.ask(&json!({"do": "quit"}));
    let mut again = Child::start(&words);
    let opened = again.ask(&json!({"do": "opened"}));
    let saved = again.ask(&json!({"do": "save"}));
    let count = |value: &Value| value.as_u64().unwrap();
    println!(
        "{} orders, {} entries, {} photos (filled with a peak of {} MB)\nopen to the first {} rows {} ms; one field saved p50 {} ms, \
         p99 {} ms over {}; peak {} MB",
        made["orders"],
        made["entries"],
        made["photos"],
        made["peak_mb"],
        opened["rows"],
        opened["ms"],
        saved["p50"],
        saved["p99"],
        saved["n"],
        saved["peak_mb"],
    );
    let figure = |value: &Value| value.as_f64().unwrap();
    let floors = [
        ("orders", count(&made["orders"]) >= ORDERS),
        ("entries", count(&made["entries"]) >= ENTRIES),
        ("photos", count(&made["photos"]) >= PHOTOS),
        ("open", figure(&opened["ms"]) <= MOST_OPEN_MS),
        ("p99 of a save", figure(&saved["p99"]) <= MOST_SAVE_P99_MS),
        ("peak", figure(&saved["peak_mb"]) <= MOST_PEAK_MB),
    ];
    floors.iter().filter(|(_, held)| !held).for_each(|(what, _)| println!("MISSED: {what}"));
    floors.iter().all(|(_, held)| *held)
}

/// The phone's process.
pub(crate) fn child(dir: &str) {
    let start = Instant::now();
    let field = phone::open(Path::new(dir), 7);
    let first = ListQuery { kind: Some(DocKind::Order), open_only: true, limit: 50, ..ListQuery::default() };
    let rows = field.list(&first).map_or(0, |rows| rows.len());
    let opened = json!({ "ms": process::ms(start.elapsed()), "rows": rows });
    let mut dice = Dice::new(11, 0);
    child::answer(|question| match question["do"].as_str().unwrap() {
        "enrol" => {
            let wire = HttpTransport::new(question["url"].as_str().unwrap(), &Trust::Public).unwrap();
            field.enrol(question["invitation"].as_str().unwrap(), &wire).unwrap();
            json!({})
        }
        "fill" => fill(&field, question["url"].as_str().unwrap(), &mut dice),
        "opened" => opened.clone(),
        "save" => {
            let ids = orders(&field);
            let mut times: Vec<f64> = (0..SAVES)
                .map(|_| {
                    let (id, text) = (*dice.pick(&ids), Content::Text(words::sentence(&mut dice)));
                    let start = Instant::now();
                    field.set_field(id, "verified_facts", text).unwrap();
                    process::ms(start.elapsed())
                })
                .collect();
            json!({
                "p50": process::percentile(&mut times, 50), "p99": process::percentile(&mut times, 99), "n": SAVES,
                "peak_mb": process::peak_mb(),
            })
        }
        other => panic!("{other}"),
    });
}

/// All of them; a list gives a thousand at most.
fn orders(field: &Field) -> Vec<DocId> {
    field.heads().unwrap().into_keys().filter(|id| id.kind == DocKind::Order).collect()
}

fn fill(field: &Field, url: &str, dice: &mut Dice) -> Value {
    let wire = HttpTransport::new(url, &Trust::Public).unwrap();
    field.sync(&wire).unwrap();
    let font = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rust-core/media/fonts/NotoSansSC-GB2312.otf");
    let fonts = vec![FontFile { path: font, index: None }];
    let budget = StorageBudget { keep_free: 0, ..StorageBudget::default() };
    field.set_photo_settings(PhotoSettings { fonts, budget, ..PhotoSettings::default() }).unwrap();
    let (ids, mut photos) = (orders(field), 0);
    for n in 0..PHOTOS / PHOTOS_A_VISIT {
        let visit = field.record_visit(NewVisit {
            grid: Some(crate::hq::GRID.into()),
            kind: "patrol".into(),
            notes: words::sentence(dice),
            ..NewVisit::default()
        });
        for k in 0..PHOTOS_A_VISIT {
            let ticket = field.begin_photo(*visit.as_ref().unwrap(), PhotoRole::Before).unwrap();
            let camera =
                Camera { seed: n * PHOTOS_A_VISIT + k, width: 640, height: 480, ..Camera::default() };
            std::fs::write(&ticket.path, camera.jpeg()).unwrap();
            field.finish_photo(ticket.id, &Shot::default()).unwrap();
            photos += 1;
        }
    }
    let mut entries = field.status().unwrap().last_seq;
    while entries < ENTRIES {
        for id in ids.iter().take(5_000) {
            field.set_field(*id, "verified_facts", Content::Text(words::sentence(dice))).unwrap();
        }
        // What was sent stays until a verified backup has it.
        field.sync(&wire).unwrap();
        entries = field.status().unwrap().last_seq;
    }
    json!({ "orders": ids.len(), "entries": entries, "photos": photos, "peak_mb": process::peak_mb() })
}
