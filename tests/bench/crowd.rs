//! Headquarters under a crowd: real server process, real sockets, small phones.
//!
//! `bench crowd` is 200 phones for a minute; `bench crowd long` a thousand, a hundred at a time, for
//! ten minutes, with photos, headquarters killed every minute and 5 % of the connections cut. Ends with
//! an exit code of 1 when a floor is missed. `LOAD_SEED` draws others, `LOAD_SECONDS` makes it shorter.

use crate::{child, child::Child, process};
use lanewalk_headquarters::{
    Headquarters, Settings, SystemSource,
    gate::{InProcess, WorkerCommand, WorkerLimits, WorkerPool},
    photos::Folder,
    server::{self, Desk},
    store::Place,
};
use lanewalk_model::photo::FileRef;
use serde_json::json;
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use support::{
    crowd::{Caller, Heard},
    dice::Dice,
    hostile::AUTHORITY,
};
use tokio::sync::Semaphore;

/// What is run and what must come of it.
struct Plan {
    phones: u16,
    /// Phones that are at it at once.
    at_once: usize,
    lasts: Duration,
    /// Pushes a second of all phones together.
    per_s: u32,
    kill_every: Option<Duration>,
    /// Percent of connections that break.
    cuts: u64,
    /// One push of so many carries a photo; none with 0.
    photo_every: u32,
    /// Least pushes with a receipt, and least photos.
    floor: (usize, usize),
}

const SHORT: Plan = Plan {
    phones: 200,
    at_once: 200,
    lasts: Duration::from_secs(60),
    per_s: 100,
    kill_every: None,
    cuts: 0,
    photo_every: 0,
    floor: (5_900, 0),
};
const LONG: Plan = Plan {
    phones: 1_000,
    at_once: 100,
    lasts: Duration::from_secs(600),
    per_s: 100,
    kill_every: Some(Duration::from_secs(60)),
    cuts: 5,
    photo_every: 12,
    floor: (59_000, 4_900),
};
/// Of a push that met a headquarters which was up, from its first byte to the receipt.
const MOST_P99_MS: f64 = 1_000.0;
const MOST_RSS_MB: f64 = 512.0;
/// A stamped copy, as a phone sends it.
const PHOTO_BYTES: u64 = 200_000;
/// Longest wait for what a killed headquarters still owes.
const SETTLE: u32 = 60;

fn settings() -> Settings {
    Settings { public_url: format!("http://{AUTHORITY}"), ..Settings::default() }
}

/// Headquarters on a directory that is there, until it is killed.
pub(crate) fn office(dir: &str, port: &str) {
    let database = Path::new(dir).join("hq.db");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse().unwrap())).unwrap();
    let command =
        WorkerCommand { program: std::env::current_exe().unwrap(), args: vec!["gate-worker".into()] };
    let gate = WorkerPool::start(2, command, WorkerLimits::default()).unwrap();
    let place = Place::File(database.clone());
    let hq = Headquarters::open(&place, settings(), Arc::new(SystemSource), Box::new(gate)).unwrap();
    let (desk, _writer) = Desk::start(hq).unwrap();
    let router = server::router(desk, database);
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(server::serve(router, listener, std::future::pending())).unwrap();
    });
    println!("{{}}");
    child::answer(|_| {
        json!({
            "peak_mb": process::peak_mb(), "workers_mb": process::children_peak_mb(), "cpu_ms": process::cpu_ms(),
        })
    });
    std::process::exit(0);
}

/// What the crowd met.
#[derive(Default)]
struct Counts {
    told_to_wait: AtomicU64,
    broken: AtomicU64,
}

fn start(dir: &str, port: &str) -> Child {
    let mut office = Child::start(&["office", dir, port]);
    office.line();
    office
}

/// Runs the plan; true when every floor held.
pub(crate) fn run(long: bool) -> bool {
    let plan = if long { LONG } else { SHORT };
    let seed: u64 = std::env::var("LOAD_SEED").map_or(1, |text| text.parse().unwrap());
    println!("LOAD_SEED={seed}");
    let lasts = std::env::var("LOAD_SECONDS").map_or(plan.lasts, |n| Duration::from_secs(n.parse().unwrap()));
    let share = lasts.as_secs_f64() / plan.lasts.as_secs_f64();
    let dir = tempfile::tempdir().unwrap();
    let (path, place) = (dir.path().to_str().unwrap(), Place::File(dir.path().join("hq.db")));
    let mut callers: Vec<Caller> = {
        let source = Arc::new(SystemSource);
        let mut hq = Headquarters::open(&place, settings(), source, Box::new(InProcess)).unwrap();
        (0..plan.phones).map(|n| Caller::enrol(&mut hq, n)).collect()
    };
    callers.iter_mut().zip(0..).for_each(|(caller, n)| caller.cut(plan.cuts, seed + n));
    // Free again when the probe is dropped.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut office = start(path, &port.to_string());
    let counts = Arc::new(Counts::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let begun = Instant::now();
    let places = Arc::new(Semaphore::new(plan.at_once));
    let every = Duration::from_secs(1) * u32::from(plan.phones) / plan.per_s;
    let running: Vec<_> = callers
        .into_iter()
        .zip(0..)
        .map(|(caller, n)| {
            // Spread evenly over the time between two pushes of a phone.
            let first = every * u32::from(n) / u32::from(plan.phones);
            let (end, dice, photo_every) = (begun + lasts, Dice::new(seed, n.into()), plan.photo_every);
            let walk = Walk { caller, n, address, every, end, photo_every, dice };
            runtime.spawn(walk.go(begun + first, Arc::clone(&counts), Arc::clone(&places)))
        })
        .collect();
    let (mut kills, mut peak_mb, mut workers_mb) = (0_u64, 0.0_f64, 0.0_f64);
    let mut look = |office: &mut Child| {
        let figures = office.ask(&json!({}));
        peak_mb = peak_mb.max(figures["peak_mb"].as_f64().unwrap());
        workers_mb = workers_mb.max(figures["workers_mb"].as_f64().unwrap());
    };
    while let Some(rest) = (begun + lasts).checked_duration_since(Instant::now()) {
        std::thread::sleep(rest.min(plan.kill_every.unwrap_or(rest)));
        look(&mut office);
        if plan.kill_every.is_some() && begun.elapsed() < lasts {
            // Dropping it is SIGKILL.
            drop(office);
            office = start(path, &port.to_string());
            kills += 1;
        }
    }
    let (mut times, mut acknowledged, mut unsent, mut photos) = (Vec::new(), BTreeSet::new(), 0, Vec::new());
    for walk in running {
        let (caller, mut of_phone) = runtime.block_on(walk).unwrap();
        times.append(&mut of_phone);
        unsent += caller.unsent() + caller.unsent_photos();
        photos.extend(caller.delivered.iter().copied());
        acknowledged.extend(caller.acknowledged.iter().map(|(_, hash)| hash.to_string()));
    }
    look(&mut office);
    drop(office);
    let db = rusqlite::Connection::open(dir.path().join("hq.db")).unwrap();
    let verdict: String = db.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
    let mut log = db.prepare("SELECT lower(hex(hash)) FROM log").unwrap();
    let there: BTreeSet<String> = log.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
    let folder = Folder::beside(&dir.path().join("hq.db"), 0);
    let whole =
        |photo: &FileRef| std::fs::metadata(folder.path(photo.sha256)).is_ok_and(|m| m.len() == photo.bytes);
    let lost = acknowledged.difference(&there).count() + photos.iter().filter(|photo| !whole(photo)).count();
    let (p50, p99) = (process::percentile(&mut times, 50), process::percentile(&mut times, 99));
    println!(
        "{} phones, {} at once, {:.0} s: {} pushes and {} photos acknowledged, p50 {p50} ms, p99 {p99} ms; told to wait {}, \
         connections broken {}, headquarters killed {kills} times; its peak {peak_mb} MB, gate workers {workers_mb} MB; \
         {lost} lost, {unsent} still waiting, integrity {verdict}",
        plan.phones,
        plan.at_once,
        begun.elapsed().as_secs_f64(),
        acknowledged.len(),
        photos.len(),
        counts.told_to_wait.load(Ordering::Relaxed),
        counts.broken.load(Ordering::Relaxed),
    );
    let floors = [
        ("acknowledged pushes", acknowledged.len() as f64 >= plan.floor.0 as f64 * share),
        ("photos", photos.len() as f64 >= plan.floor.1 as f64 * share),
        ("p99", p99 <= MOST_P99_MS),
        ("peak", peak_mb <= MOST_RSS_MB),
        ("nothing lost", lost == 0),
        ("all sent in the end", unsent == 0),
        ("a sound database", verdict == "ok"),
        ("kills", plan.kill_every.is_none_or(|every| kills + 2 > lasts.as_secs() / every.as_secs())),
    ];
    floors.iter().filter(|(_, held)| !held).for_each(|(what, _)| println!("MISSED: {what}"));
    floors.iter().all(|(_, held)| *held)
}

/// A phone at work.
struct Walk {
    caller: Caller,
    n: u16,
    address: SocketAddr,
    every: Duration,
    end: Instant,
    photo_every: u32,
    dice: Dice,
}

impl Walk {
    /// Writes and pushes until the end, then until nothing waits. Returns the times of the pushes
    /// that were answered at the first try, ms.
    async fn go(
        mut self,
        mut next: Instant,
        counts: Arc<Counts>,
        places: Arc<Semaphore>,
    ) -> (Caller, Vec<f64>) {
        let mut times = Vec::new();
        for push in 1.. {
            if next >= self.end {
                break;
            }
            tokio::time::sleep_until(next.into()).await;
            next += self.every;
            if self.photo_every > 0 && (push + u32::from(self.n)).is_multiple_of(self.photo_every) {
                self.caller.photograph(self.n, PHOTO_BYTES);
            } else {
                self.caller.write(self.n);
            }
            let _place = places.acquire().await.unwrap();
            let start = Instant::now();
            if self.tries(&counts).await {
                times.push(process::ms(start.elapsed()));
            }
            // Photos after text; what does not go now goes after the next push.
            if self.caller.unsent() == 0 && self.caller.unsent_photos() > 0 {
                self.tries(&counts).await;
            }
        }
        for _ in 0..SETTLE {
            if self.caller.unsent() + self.caller.unsent_photos() == 0 {
                break;
            }
            let _place = places.acquire().await.unwrap();
            self.tries(&counts).await;
        }
        (self.caller, times)
    }

    /// One push, or one photo when all text is sent; when headquarters is busy or gone, a wait as it
    /// said. True when it was answered.
    async fn tries(&mut self, counts: &Counts) -> bool {
        let heard = if self.caller.unsent() > 0 {
            self.caller.sync(self.address).await
        } else {
            self.caller.upload(self.address, PHOTO_BYTES).await
        };
        let wait = match heard {
            Heard::Page(_) => return true,
            Heard::Wait(seconds) => {
                counts.told_to_wait.fetch_add(1, Ordering::Relaxed);
                seconds * 1_000
            }
            Heard::Broken => {
                counts.broken.fetch_add(1, Ordering::Relaxed);
                200
            }
        };
        tokio::time::sleep(Duration::from_millis(wait + self.dice.below(200))).await;
        false
    }
}
