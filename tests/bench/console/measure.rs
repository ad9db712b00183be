//! Measures a built town.
//!
//! Pages are asked of `Console::get` as a signed-in visitor would, then once more over a socket
//! with a session; acts and the clock run on a copy, so that every run begins with the same town.

use super::{
    build,
    town::{self, END},
};
use crate::process;
use lanewalk_headquarters::{
    Headquarters,
    console::{
        Console,
        lang::Lang,
        web::{Ask, Fields, Method, Visitor},
    },
    figures::{Dimension, Figures, Query},
    intake::Acceptance,
    server::{self, Desk},
};
use lanewalk_model::{catalog::Catalog, id::to_hex, order::Act, records::CallbackRecord, time::TimeMs};
use std::{
    io::{Read as _, Write as _},
    path::Path,
    time::Instant,
};
use support::{clock::TownClock, dice::Dice};

/// Requests of each row.
const N: usize = 200;
/// What issue 4 asks of a page, ms.
const PAGE_MS: f64 = 100.0;

/// What clerks type: one to four characters and more, numbers, several words, nothing that is there.
const QUERIES: [&str; 20] = [
    "猫",
    "楼",
    "电梯",
    "噪音",
    "漏水",
    "停车",
    "华府一品",
    "潍棉小区",
    "星河花园 3号楼",
    "夜间扰民",
    "WF0012345",
    "消防通道 堵塞",
    "路灯",
    "供暖 4单元",
    "北王社区",
    "1单元",
    "龘",
    "不存在的词",
    "垃圾",
    "WF00",
];

/// One measure: by the clock and on the processor, ms.
type Took = (f64, f64);

fn timed(run: impl FnOnce()) -> Took {
    let (at, cpu) = (Instant::now(), process::thread_cpu_ms());
    run();
    (process::ms(at.elapsed()), process::thread_cpu_ms() - cpu)
}

struct Town {
    console: Console,
    hq: Headquarters,
}

/// Prints the table of a town.
pub(super) fn table(dir: &Path) {
    let database = dir.join("hq.db");
    process::reset_peak();
    let clock = TownClock::new(END);
    let hq = town::open(&database, &clock, 99, "http://127.0.0.1:8645");
    let mut town = Town { console: Console::new(database.clone()), hq };
    sizes(&town, &database);
    println!(
        "  {:<44} {:>8} {:>8} {:>8} {:>5}  {:>8} {:>8}  aim",
        "what, ms", "p50", "p95", "max", "n", "CPU p50", "CPU p95"
    );
    let first = Instant::now();
    town.page("hc-01", "/");
    println!(
        "  {:<44} {:>8} (its photos are read for look-alikes)",
        "first page after the start",
        process::ms(first.elapsed())
    );
    pages(&mut town);
    let Town { hq, .. } = town;
    println!("  peak of the pages {} MB", process::peak_mb());
    drop(hq);
    sockets(&database, &clock);
    acts(dir, &database);
}

fn sizes(town: &Town, database: &Path) {
    let mut kinds = String::new();
    let mut statement =
        town.hq.reader().prepare("SELECT kind, sum(open), count(*) FROM docs GROUP BY kind").unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(r) = rows.next().unwrap() {
        let (kind, open, all): (u8, u64, u64) = (r.get(0).unwrap(), r.get(1).unwrap(), r.get(2).unwrap());
        kinds.push_str(&format!("kind {kind}: {all} ({open} open), "));
    }
    let count = |sql: &str| town.hq.reader().query_row(sql, [], |r| r.get::<_, u64>(0)).unwrap();
    println!(
        "  {kinds}{} log entries, {} photos, database {} MB",
        count("SELECT count(*) FROM log"),
        count("SELECT count(*) FROM file_refs WHERE part = 2"),
        database.metadata().unwrap().len() >> 20
    );
}

impl Town {
    fn ask(&self, who: &str, address: &str) -> Ask {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        Ask {
            method: Method::Get,
            path: path.to_owned(),
            query: Fields::parse(query.as_bytes()),
            form: Fields::default(),
            files: Vec::new(),
            visitor: self.visitor(who),
            now: TimeMs(END),
        }
    }

    /// Asks for a page and returns its bytes and how long it took, ms.
    fn page(&self, who: &str, address: &str) -> (usize, Took) {
        let ask = self.ask(who, address);
        let mut bytes = 0;
        let took = timed(|| {
            let response = self.console.get(&ask, Lang::Zh);
            assert_eq!(response.status, 200, "{address} {}", String::from_utf8_lossy(&response.body));
            bytes = response.body.len();
        });
        (bytes, took)
    }

    fn visitor(&self, who: &str) -> Visitor {
        let subject = self.hq.subject(who).unwrap().unwrap();
        Visitor { subject, name: who.to_owned(), admin: false, session: String::new() }
    }

    fn pages(&self, what: &str, who: &str, addresses: &[String]) {
        let mut bytes = 0;
        let mut took = Vec::new();
        for address in addresses {
            let (n, ms) = self.page(who, address);
            bytes = bytes.max(n);
            took.push(ms);
        }
        row(&format!("{what}, {} KB", bytes >> 10), &took, Some(PAGE_MS));
    }

    /// Lists addresses of random orders, the longest first.
    fn orders(&self, n: usize) -> Vec<String> {
        let db = self.hq.reader();
        let ids = |sql: &str| -> Vec<Vec<u8>> {
            db.prepare(sql).unwrap().query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect()
        };
        let mut longest = ids(
            "SELECT d.id FROM docs d JOIN log l ON l.doc = d.n WHERE d.kind = 1 GROUP BY d.n ORDER BY count(*) DESC LIMIT 1",
        );
        let all = ids("SELECT id FROM docs WHERE kind = 1");
        let mut dice = Dice::new(11, 0);
        longest.extend((1..n).map(|_| dice.pick(&all).clone()));
        longest.iter().map(|id| format!("/orders/{}", to_hex(&id[1..]))).collect()
    }
}

fn row(what: &str, took: &[Took], aim: Option<f64>) {
    let (mut wall, mut cpu): (Vec<f64>, Vec<f64>) = took.iter().copied().unzip();
    let mut of = |percent| process::percentile(&mut wall, percent);
    let (p50, p95, most) = (of(50), of(95), of(100));
    let judged =
        aim.map_or(String::new(), |aim| format!("≤ {aim} {}", if p95 <= aim { "yes" } else { "NO" }));
    let (cpu50, cpu95) = (process::percentile(&mut cpu, 50), process::percentile(&mut cpu, 95));
    let n = took.len();
    println!("  {what:<44} {p50:>8.2} {p95:>8.2} {most:>8.2} {n:>5}  {cpu50:>8.2} {cpu95:>8.2}  {judged}");
}

fn pages(town: &mut Town) {
    let many = |address: &str| vec![address.to_owned(); N];
    for (who, role) in [
        ("hc-01", "clerk"),
        ("dl-01", "deputy leader"),
        ("pl-01", "principal"),
        ("ca-01", "callback agent"),
        ("sc-01", "section"),
    ] {
        town.pages(&format!("board, {role}"), who, &many("/"));
    }
    let orders = town.orders(N);
    town.pages("order page, random", "hc-01", &orders[1..]);
    town.pages("order page, the longest history", "hc-01", &vec![orders[0].clone(); N]);
    let queries: Vec<String> =
        (0..N * 2).map(|i| form(QUERIES[i % QUERIES.len()])).map(|q| format!("/search?q={q}")).collect();
    town.pages("search, 20 queries, clerk", "hc-01", &queries);
    town.pages("search, 20 queries, section", "sc-01", &queries);
    let half_year = Query::all(TimeMs(town::START), TimeMs(END), TimeMs(END));
    let took: Vec<Took> = (0..N)
        .map(|_| {
            timed(|| {
                let figures = Figures::of(town.hq.reader(), &half_year, &Dimension::ALL).unwrap();
                assert!(figures.total.of(lanewalk_model::kpi::Metric::Received).n() > 0);
            })
        })
        .collect();
    row("figures of the half year, six breakdowns", &took, Some(PAGE_MS));
    const HALF_YEAR: &str = "from=2026-01-01&to=2026-07-14";
    for who in ["hc-01", "sc-01"] {
        let page = format!("/figures?{HALF_YEAR}");
        town.pages(&format!("half-year report, {who}"), who, &many(&page));
    }
    let ask = Ask { method: Method::Post, ..town.ask("hc-01", &format!("/figures/report.xlsx?{HALF_YEAR}")) };
    let took: Vec<Took> = (0..N)
        .map(|_| timed(|| assert_eq!(Console::post(&mut town.hq, &ask, Lang::Zh).status, 200)))
        .collect();
    row("half-year report as XLSX, with its line in the log", &took, Some(PAGE_MS));
    for (what, address) in [
        ("map, 30 days, open", "/map"),
        ("map, 90 days, all", "/map?days=90&state=all"),
        ("forecasts", "/ahead"),
        ("knowledge", "/kb"),
        ("appeals", "/appeals"),
        ("catalogue", "/catalogue"),
        ("task forces", "/taskforces"),
        ("clusters", "/clusters"),
    ] {
        town.pages(what, "hc-01", &many(address));
    }
}

/// Encodes a word for an address.
fn form(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

/// The same over a socket: session, headers, one connection a request.
fn sockets(database: &Path, clock: &TownClock) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut hq = town::open(database, clock, 98, &format!("http://127.0.0.1:{port}"));
    let code = hq.account_code("hc-01", None, "hq").unwrap();
    hq.set_password(&code, "zhi-ban-tai-35000").unwrap();
    let addresses = Town { console: Console::new(database.into()), hq };
    let orders = addresses.orders(N);
    let Town { hq, .. } = addresses;
    let (desk, thread) = Desk::start(hq).unwrap();
    let router = server::router(desk.clone(), database.into());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let stopped = async move { drop(stopped.await) };
        runtime.block_on(server::serve(router, listener, stopped)).unwrap();
    });
    let body = "staff=hc-01&password=zhi-ban-tai-35000";
    let login = http(
        port,
        &format!(
            "POST /login HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\norigin: http://127.0.0.1:{port}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ),
    );
    let cookie = login.lines().find_map(|l| l.strip_prefix("set-cookie: ")).expect(&login);
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let get = |address: &str| {
        timed(|| {
            let answer = http(
                port,
                &format!(
                    "GET {address} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n"
                ),
            );
            assert!(answer.starts_with("HTTP/1.1 200"), "{}", answer.chars().take(300).collect::<String>());
        })
    };
    get("/");
    let took: Vec<Took> = (0..N).map(|_| get("/")).collect();
    row("over a socket: board, clerk", &took, Some(PAGE_MS));
    let took: Vec<Took> = orders[1..].iter().map(|o| get(o)).collect();
    row("over a socket: order page", &took, Some(PAGE_MS));
    let took: Vec<Took> =
        (0..N).map(|i| get(&format!("/search?q={}", form(QUERIES[i % QUERIES.len()])))).collect();
    row("over a socket: search", &took, Some(PAGE_MS));
    println!("  peak with the server {} MB", process::peak_mb());
    stop.send(()).unwrap();
    drop(desk);
    serving.join().unwrap();
    thread.join().unwrap();
}

fn http(port: u16, request: &str) -> String {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Acts of people and the clock's, durable, on a copy.
fn acts(dir: &Path, database: &Path) {
    let scratch = tempfile::tempdir_in(dir).unwrap();
    let copy = scratch.path().join("hq.db");
    std::fs::copy(database, &copy).unwrap();
    let clock = TownClock::new(END);
    let mut hq = town::open(&copy, &clock, 97, "http://127.0.0.1:8645");
    let took: Vec<Took> = (0..N)
        .map(|_| {
            clock.advance(60_000);
            timed(|| {
                hq.tick().unwrap();
            })
        })
        .collect();
    row("the clock's minute, the first", &took[..1], None);
    row("the clock's minute", &took, None);
    let catalog: Catalog = Catalog::from_json(include_str!("../../../cli/fixtures/catalogue.json")).unwrap();
    let file = town::calls(&mut Dice::new(5, 5), &catalog, 9_000_000, N as u64, (END - 600_000, END));
    build::take_in(&mut hq, &clock, &file, Acceptance::Later);
    let of = |hq: &Headquarters, state: &str| -> Vec<lanewalk_model::id::DocId> {
        let sql = "SELECT id FROM docs WHERE kind = 1 AND open = 1 AND row ->> 'state' = ?1 ORDER BY n DESC";
        let db = hq.reader();
        let mut s = db.prepare(sql).unwrap();
        s.query_map([state], |r| r.get::<_, Vec<u8>>(0))
            .unwrap()
            .map(|b| lanewalk_model::id::DocId::from_slice(&b.unwrap()).unwrap())
            .collect()
    };
    let perform = |hq: &mut Headquarters, what: &str, by: &str, state: &str, act: &Act| {
        let orders: Vec<_> = of(hq, state).into_iter().take(N).collect();
        let took: Vec<Took> = orders
            .iter()
            .map(|order| timed(|| assert_eq!(hq.perform(by, *order, act, "").unwrap(), None)))
            .collect();
        row(&format!("act: {what}"), &took, None);
    };
    perform(&mut hq, "accept", "hc-01", "RECEIVED", &Act::Accept);
    perform(&mut hq, "pass on to the callback", "hc-01", "SUBMITTED", &Act::Pass);
    let call = CallbackRecord {
        at: TimeMs(0),
        round: 0,
        reached: true,
        process_satisfied: Some(true),
        result_satisfied: Some(true),
        resolved: Some(true),
        note: String::new(),
    };
    perform(&mut hq, "callback", "ca-01", "CALLBACK", &Act::Callback(call));
    perform(&mut hq, "close", "hc-01", "CALLBACK", &Act::Close);
}
