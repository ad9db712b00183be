//! `lanewalk serve`: headquarters on a socket.
//!
//! Invariant: exactly one process has the database open for writing, guarded by a locked file; other
//! processes ask it through `admin.sock`. Rejected: SQLite's own locking between two headquarters,
//! which would give each its own idea of the last log index.

use crate::{
    admin, seed,
    words::{Failure, bold, dim, say},
};
use clap::Args;
use lanewalk_headquarters::{
    Headquarters, Open311Settings, Settings, Source as _, SystemSource,
    gate::{Gate, InProcess, WorkerCommand, WorkerLimits, WorkerPool},
    server::{self, Desk, Listening, Patience},
    store::Place,
    tls::{Tls, TlsError, TlsFolder},
};
use lanewalk_model::time::TimeMs;
use lanewalk_protocol::http;
use std::{
    fs::{self, File, TryLockError},
    net::{IpAddr, SocketAddr, TcpListener},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The database's name in the data directory.
pub(crate) const DATABASE: &str = "headquarters.db";
const GATE_WORKERS: usize = 2;

/// Arguments of `lanewalk serve`.
#[derive(Args)]
pub(crate) struct ServeArgs {
    /// 数据目录 / data directory
    #[arg(long, default_value = "hq-data")]
    data: PathBuf,
    /// 监听地址 / address to listen on
    #[arg(long, default_value = "127.0.0.1:8645")]
    listen: SocketAddr,
    /// 手机使用的网址（默认 `http://监听地址`） / what phones call headquarters
    #[arg(long)]
    url: Option<String>,
    /// 前置反向代理的地址，可多次给出（网址为 https 时默认为本机） / address of the proxy in front, may be repeated; with an https URL this machine by default
    #[arg(long)]
    proxy: Vec<IpAddr>,
    /// 装入演示数据：人员、网格、清单、日历和 100 件真实工单 / fill an empty database for a first try
    #[arg(long)]
    demo_data: bool,
    /// 手机应用内核的最低版本，如 0.2.0；更旧的会提示升级 / oldest core phones should run
    #[arg(long, value_parser = version)]
    min_core: Option<Version>,
    /// Open311 不用密钥也能查询 / anybody may read by Open311, without a key
    #[arg(long)]
    open311_public: bool,
    /// Open311 可查询所有工单，不只是由它提交的 / every order can be read by Open311
    #[arg(long)]
    open311_all_orders: bool,
}

/// A version of the core.
#[derive(Debug, Clone, Copy)]
struct Version([u16; 3]);

fn version(text: &str) -> Result<Version, String> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    match (parts.next().flatten(), parts.next().flatten(), parts.next().flatten(), parts.next()) {
        (Some(a), Some(b), Some(c), None) => Ok(Version([a, b, c])),
        _ => Err("版本写作 0.2.0 / a version is written 0.2.0".into()),
    }
}

impl ServeArgs {
    fn settings(&self) -> Settings {
        Settings {
            open311: Open311Settings {
                public: self.open311_public,
                all_orders: self.open311_all_orders,
                ..Open311Settings::default()
            },
            proxies: self.proxy.clone(),
            min_core: self.min_core.map_or([0; 3], |v| v.0),
            ..Settings::default()
        }
    }
}

/// An opened headquarters with the lock that makes it the only one.
pub(crate) struct Opened {
    /// Headquarters.
    pub(crate) hq: Headquarters,
    /// Its own TLS, if it was set up.
    pub(crate) tls: Option<Tls>,
    /// Held as long as the database is open.
    pub(crate) lock: File,
}

/// Takes headquarters' data directory (mode 0700) for this process, creating it when missing.
pub(crate) fn lock(data: &Path) -> Result<File, Failure> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data)?;
    fs::set_permissions(data, fs::Permissions::from_mode(0o700))?;
    fs::create_dir_all(data.join("photos"))?;
    let lock = File::create(data.join("hq.lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(Failure::new("另一个进程正在使用这个数据目录 / another process uses this data directory"))
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Loads headquarters' own TLS; `None` where none was set up.
fn tls(data: &Path) -> Result<Option<Tls>, Failure> {
    match TlsFolder::new(data).load(TimeMs(SystemSource.now_ms())) {
        Ok(tls) => Ok(Some(tls)),
        Err(TlsError::Missing) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Opens or creates headquarters' data directory and database.
pub(crate) fn open(
    data: &Path,
    url: Option<&str>,
    settings: Settings,
    gate: Box<dyn Gate>,
) -> Result<Opened, Failure> {
    let lock = lock(data)?;
    let tls = tls(data)?;
    let url_file = data.join("url");
    // Invitations made while the server is off must name the same address.
    let url = match url {
        Some(url) => {
            if http::authority(url).is_none() {
                return Err(Failure::usage(format!(
                    "{url}：不是服务地址，应如 https://hq.example / is no address for phones, such as https://hq.example"
                )));
            }
            fs::write(&url_file, url)?;
            url.to_owned()
        }
        None => fs::read_to_string(&url_file).unwrap_or_else(|_| Settings::default().public_url),
    };
    let pins = tls.as_ref().map(|tls| tls.pins.clone()).unwrap_or_default();
    let settings = Settings { public_url: url, pins, ..settings };
    let hq = Headquarters::open(&Place::File(data.join(DATABASE)), settings, Arc::new(SystemSource), gate)?;
    Ok(Opened { hq, tls, lock })
}

/// Opens headquarters for one administrative act while no server runs. Nothing is judged then.
pub(crate) fn open_offline(data: &Path) -> Result<Opened, Failure> {
    open(data, None, Settings::default(), Box::new(InProcess))
}

/// Starts the gate's worker processes: this same program as `gate-worker`.
pub(crate) fn gate() -> Result<WorkerPool, Failure> {
    Ok(WorkerPool::start(GATE_WORKERS, worker("gate-worker")?, WorkerLimits::default())?)
}

/// Says how this same program is started as one of headquarters' limited workers.
pub(crate) fn worker(kind: &str) -> Result<WorkerCommand, Failure> {
    Ok(WorkerCommand { program: std::env::current_exe()?, args: vec![kind.into()] })
}

/// Runs headquarters until it is told to stop.
pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    // Before anything else: phones must be told the port that was really given.
    let listener = TcpListener::bind(args.listen)?;
    let bound = listener.local_addr()?;
    // The names stand in the certificate, which phones do not look at and browsers do.
    let host = tls(&args.data)?.map(|tls| tls.names.first().cloned().unwrap_or_default());
    let url = args.url.clone().unwrap_or_else(|| match host {
        Some(host) => format!("https://{}:{}", bracketed(&host), bound.port()),
        None => format!("http://{bound}"),
    });
    let Opened { mut hq, tls, lock } = open(&args.data, Some(&url), args.settings(), Box::new(gate()?))?;
    say!("{}", bold("走街串巷 指挥中心 / Lanewalk headquarters"));
    if args.demo_data {
        demo_data(&mut hq)?;
    }
    let (desk, writer) = Desk::start(hq)?;
    let control = admin::listen(&args.data, desk.clone())?;
    let router = server::router_with(desk, args.data.join(DATABASE), Some(worker("photo-worker")?));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    greet(args, &url, bound, tls.as_ref());
    let listening = Listening { listener, tls: tls.map(|tls| tls.config), patience: Patience::default() };
    runtime.block_on(server::serve_on(router, listening, stopped()))?;
    say!("正在停止 / stopping …");
    control.stop();
    drop(runtime);
    // The last desk is gone, so the writer finishes what it has and closes the database.
    let _ = writer.join();
    drop(lock);
    say!("已停止 / stopped");
    Ok(())
}

fn demo_data(hq: &mut Headquarters) -> Result<(), Failure> {
    let orders: i64 = hq.reader().query_row("SELECT count(*) FROM upstream", [], |r| r.get(0))?;
    if orders > 0 {
        say!(
            "已有 {orders} 件工单，不再装入演示数据 / {orders} orders here already: demonstration data left out"
        );
        return Ok(());
    }
    let now = TimeMs(SystemSource.now_ms());
    seed::town(hq, now)?;
    let import = seed::orders(hq, now, "hc-01")?;
    say!("{}", import.words());
    say!("{}", dim(seed::moved_words(import.moved_ms)));
    let calls = seed::calls(hq, now, "hc-01")?;
    say!("{}", calls.words());
    say!("{}", bold(seed::accounts_words(&seed::accounts(hq)?)));
    Ok(())
}

/// An IPv6 address stands in brackets where a port follows.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn greet(args: &ServeArgs, url: &str, bound: SocketAddr, tls: Option<&Tls>) {
    let data = args.data.display();
    say!("监听 / listening on {bound}，手机用 / phones use {}", bold(url));
    match tls {
        Some(tls) => {
            say!("控制台 / console: {}", bold(format!("{url}/")));
            say!(
                "{}",
                dim(format!(
                    "TLS 证书到 {}；浏览器须先信任 / certificate until then; browsers must trust {}",
                    tls.valid_until.china(),
                    tls.root.display()
                ))
            );
        }
        None => {
            say!("控制台 / console: {}", bold(format!("http://{bound}/")));
            if !bound.ip().is_loopback() {
                say!(
                    "{}",
                    dim(format!(
                        "没有 TLS：请先运行 lanewalk admin --data {data} tls init，或放在反向代理后面 / no TLS: set it up, or put a reverse proxy in front"
                    ))
                );
            }
        }
    }
    say!("在另一个终端里 / in another terminal:");
    say!("  lanewalk admin --data {data} account hc-01 --admin");
    say!("  lanewalk admin --data {data} staff list");
    say!("  lanewalk admin --data {data} staff add gw-09 赵一 grid_worker 370705005023001");
    say!("  lanewalk admin --data {data} import orders.csv --mapping mapping.toml");
    say!("  lanewalk admin --data {data} invite gw-03");
    say!("  lanewalk admin --data {data} confirm \"0123 4567 89ab cdef\"");
    say!("按 Ctrl-C 停止 / Ctrl-C stops");
}

/// Resolves on Ctrl-C or when the system asks the process to end.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
    }
}
