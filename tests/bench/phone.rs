//! One phone as a process.

use crate::{child, hq, process};
use lanewalk_field::{
    Config, Field, HttpTransport, ListQuery, NewVisit, StoreKey, SystemSource, TransportError, Trust,
};
use lanewalk_model::{id::DocId, schema::DocKind, view::Value as Field_};
use lanewalk_protocol::{
    enrolment::Invitation,
    http::{Request, Response},
    keys::{Algorithm, SoftSigner},
};
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use support::{dice::Dice, words};

/// Opens the phone of a directory.
pub(crate) fn open(dir: &Path, secret: u8) -> Field {
    let signer = Arc::new(SoftSigner::new(Algorithm::Es256, &[secret; 32]).unwrap());
    let config = Config::new(dir.to_owned(), StoreKey::new([secret; 32]));
    Field::open(config, Arc::new(SystemSource::new()), signer).unwrap()
}

/// Counts what goes over the wire, and when the first answer was there.
struct Counting {
    inner: HttpTransport,
    requests: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
    /// When each request began: the second one means that the first page is applied.
    begun: Mutex<Vec<Instant>>,
}

impl Counting {
    fn new(url: &str) -> Self {
        Self {
            inner: HttpTransport::new(url, &Trust::Public).unwrap(),
            requests: AtomicU64::new(0),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            begun: Mutex::default(),
        }
    }
}

fn size(headers: &[(String, String)], body: &[u8]) -> u64 {
    let lines: usize = headers.iter().map(|(n, v)| n.len() + v.len() + 4).sum();
    (lines + body.len()) as u64
}

impl lanewalk_field::Transport for Counting {
    fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.begun.lock().unwrap().push(Instant::now());
        self.requests.fetch_add(1, Ordering::Relaxed);
        // Request line and Host header.
        let line = request.method.len() + request.path.len() + request.authority.len() + 20;
        self.up.fetch_add(size(&request.headers, &request.body) + line as u64, Ordering::Relaxed);
        let response = self.inner.send(request)?;
        self.down.fetch_add(size(&response.headers, &response.body) + 17, Ordering::Relaxed);
        Ok(response)
    }
}

fn kb(bytes: &AtomicU64) -> f64 {
    let tenths = bytes.load(Ordering::Relaxed) / 10;
    f64::from(u32::try_from(tenths).unwrap()) / 100.0
}

fn timed_sync(field: &Field) -> Value {
    process::reset_peak();
    let wire = Counting::new(&field.server_url().unwrap());
    let cpu = process::cpu_ms();
    let start = Instant::now();
    field.sync(&wire).unwrap();
    let wall = start.elapsed();
    let begun = wire.begun.lock().unwrap();
    json!({
        "requests": wire.requests.load(Ordering::Relaxed), "up_kb": kb(&wire.up), "down_kb": kb(&wire.down),
        "ms": process::ms(wall), "cpu_ms": process::cpu_ms() - cpu, "peak_mb": process::peak_mb(),
        "first_screen_ms": begun.get(1).map(|t| process::ms(*t - start)),
    })
}

/// Answers the orchestrator's questions.
pub(crate) fn run(dir: &str) {
    let dir = Path::new(dir);
    let start = Instant::now();
    let field = open(dir, 7);
    let rows = field.list(&ListQuery {
        kind: Some(DocKind::Order),
        open_only: true,
        limit: 50,
        ..ListQuery::default()
    });
    // A phone that is not enrolled yet has no list.
    let cold = json!({ "ms": process::ms(start.elapsed()), "rows": rows.map_or(0, |r| r.len()) });
    let mut dice = Dice::new(8, 0);
    child::answer(|question| match question["do"].as_str().unwrap() {
        "enrol" => {
            let text = question["invitation"].as_str().unwrap();
            let url = Invitation::from_text(text).unwrap().url;
            field.enrol(text, &HttpTransport::new(&url, &Trust::Public).unwrap()).unwrap();
            json!({})
        }
        "first_sync" => timed_sync(&field),
        "sync" => {
            let mut figures = timed_sync(&field);
            figures.as_object_mut().unwrap().remove("first_screen_ms");
            figures
        }
        "edit" => {
            edit(&field, question["d"].as_u64().unwrap(), &mut dice);
            json!({})
        }
        "heads" => {
            let heads: std::collections::BTreeMap<_, _> =
                field.heads().unwrap().into_iter().map(|(id, h)| (id.to_string(), h)).collect();
            json!(hq::digest_of(&json!(heads)))
        }
        "save" => saves(&field, dir, &mut dice, question["n"].as_u64().unwrap()),
        "memory" => json!({ "rss_mb": process::rss_mb(), "documents": field.heads().unwrap().len() }),
        "cold" => cold.clone(),
        "search" => search(&field, &mut dice),
        other => panic!("{other}"),
    });
}

fn orders(field: &Field, limit: u32) -> Vec<DocId> {
    let query = ListQuery { kind: Some(DocKind::Order), limit, ..ListQuery::default() };
    let mut ids: Vec<DocId> = field.list(&query).unwrap().into_iter().map(|i| i.id).collect();
    ids.sort_unstable();
    ids
}

/// The first tenth, three edits each; a twentieth new.
fn edit(field: &Field, d: u64, dice: &mut Dice) {
    let tenth = usize::try_from(d / 10).unwrap();
    for id in orders(field, u32::MAX).into_iter().take(tenth) {
        for key in ["verified_facts", "reply_text", "verified_facts"] {
            field.set_field(id, key, Field_::Text(words::mixed(dice, 120))).unwrap();
        }
    }
    for _ in 0..d / 20 {
        let visit = NewVisit {
            grid: Some(hq::GRID.into()),
            kind: "patrol".into(),
            purpose: "safety".into(),
            notes: words::mixed(dice, 1_300),
            ..NewVisit::default()
        };
        field.record_visit(visit).unwrap();
    }
}

fn save_times(field: &Field, ids: &[DocId], dice: &mut Dice, n: u64) -> Vec<f64> {
    (0..n)
        .map(|_| {
            let id = *dice.pick(ids);
            let text = Field_::Text(words::sentence(dice));
            let start = Instant::now();
            field.set_field(id, "verified_facts", text).unwrap();
            process::ms(start.elapsed())
        })
        .collect()
}

/// Durable saves on the disk, and the same on a memory file system where fsync costs nothing.
fn saves(field: &Field, from: &Path, dice: &mut Dice, n: u64) -> Value {
    let ids = orders(field, 200);
    let mut on_disk = save_times(field, &ids, dice, n);
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    // The same store, copied as it lies while nothing writes.
    for file in std::fs::read_dir(from).unwrap().flatten() {
        if !file.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(file.path(), memory.path().join(file.file_name())).unwrap();
        }
    }
    let copy = open(memory.path(), 7);
    let mut in_memory = save_times(&copy, &ids, dice, n);
    let (p50, p50_memory) = (process::percentile(&mut on_disk, 50), process::percentile(&mut in_memory, 50));
    json!({
        "p50": p50, "p99": process::percentile(&mut on_disk, 99), "p50_memory": p50_memory,
        "disk_percent": (100.0 * (p50 - p50_memory) / p50).round(),
    })
}

fn search(field: &Field, dice: &mut Dice) -> Value {
    let queries = ["电梯", "漏水 华府一品", "张", "12号楼", "消防通道 堵塞", "幸福街3号"];
    let mut times: Vec<f64> = (0..60)
        .map(|_| {
            let query = *dice.pick(&queries);
            let start = Instant::now();
            field.search(query, 20).unwrap();
            process::ms(start.elapsed())
        })
        .collect();
    json!({ "p50": process::percentile(&mut times, 50), "p99": process::percentile(&mut times, 99), "n": times.len() })
}
