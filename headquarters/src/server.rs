//! Sockets around [`Headquarters`]: one writer thread, many connections.
//!
//! Invariant: everything that writes goes through one queue to one thread, which takes all that
//! is waiting as one batch: one transaction, one fsync, however many phones wait (group
//! commit). The console reads beside it. Rejected: waiting a fixed time for more requests,
//! which only makes a lone phone slower.

use crate::{
    config::{Settings, Source},
    error::HqError,
    gate::WorkerCommand,
    hq::{Headquarters, Task},
    photos::{Dock, Settled},
    store,
};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
    routing::{any, post},
};
use lanewalk_protocol::{http, limits, upload};
use std::{
    borrow::Cow,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::{oneshot, watch};

mod caller;
mod console;
mod open311;
mod uploads;

/// Requests in one batch at most.
const MAX_BATCH: usize = 64;
/// How long requests may go on after headquarters was told to stop.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often headquarters looks at the clock.
const TICK: Duration = Duration::from_secs(60);
/// Requests waiting before headquarters says it is busy (F24).
const MAX_WAITING: usize = 512;

enum Work {
    Task(Box<Task<'static>>, oneshot::Sender<Settled>),
    /// Runs something on the writer thread between two batches.
    Run(Box<dyn FnOnce(&mut Headquarters) + Send>),
}

/// The way to the writer thread. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    queue: mpsc::SyncSender<Work>,
    dock: Arc<Dock>,
    settings: Arc<Settings>,
    source: Arc<dyn Source>,
    changes: watch::Receiver<u64>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Desk")
    }
}

impl Desk {
    /// Starts the writer thread. It ends when the last `Desk` is dropped.
    pub fn start(mut hq: Headquarters) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (queue, work) = mpsc::sync_channel::<Work>(MAX_WAITING);
        let dock = hq.dock.clone();
        let (settings, source) = (Arc::new(hq.core.settings.clone()), hq.core.source.clone());
        let (told, changes) = watch::channel(0);
        let thread = std::thread::Builder::new().name("headquarters".into()).spawn(move || {
            let mut ticked = None;
            loop {
                if ticked.is_none_or(|at: Instant| at.elapsed() >= TICK) {
                    ticked = Some(Instant::now());
                    // What one tick could not do the next one does; phones are served meanwhile.
                    let _ = hq.tick();
                }
                let first = match work.recv_timeout(TICK) {
                    Ok(first) => first,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => break,
                };
                let mut batch = Vec::new();
                let mut next = Some(first);
                while let Some(work_item) = next.take() {
                    match work_item {
                        Work::Task(task, reply) => batch.push((*task, reply)),
                        Work::Run(run) => {
                            answer_all(&mut hq, std::mem::take(&mut batch));
                            run(&mut hq);
                        }
                    }
                    if batch.len() < MAX_BATCH {
                        next = work.try_recv().ok();
                    }
                }
                answer_all(&mut hq, batch);
                if let Ok(end) = store::log_end(hq.reader()) {
                    told.send_if_modified(|known| std::mem::replace(known, end) != end);
                }
            }
        })?;
        Ok((Self { queue, dock, settings, source, changes }, thread))
    }

    /// Returns what tells of every change: the highest log index.
    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Hands a task to the writer and waits for what it makes of it; an answer that is no part of
    /// the protocol when it cannot.
    async fn ask(&self, task: Task<'static>) -> Result<Settled, Response> {
        let (reply, settled) = oneshot::channel();
        if self.queue.try_send(Work::Task(Box::new(task), reply)).is_err() {
            return Err(plain(StatusCode::SERVICE_UNAVAILABLE, "busy"));
        }
        settled.await.map_err(|_| plain(StatusCode::SERVICE_UNAVAILABLE, "stopping"))
    }

    /// Runs a function with headquarters and returns its result. Blocks until its turn.
    pub fn run<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Headquarters) -> T + Send + 'static,
    ) -> Result<T, HqError> {
        let (send, receive) = mpsc::sync_channel(1);
        let work = Work::Run(Box::new(move |hq| {
            // The asker may be gone; that is its business.
            let _ = send.send(run(hq));
        }));
        self.queue.send(work).map_err(|_| gone())?;
        receive.recv().map_err(|_| gone())
    }
}

fn gone() -> HqError {
    HqError::NotFound("writer thread".into())
}

fn answer_all(hq: &mut Headquarters, batch: Vec<(Task<'_>, oneshot::Sender<Settled>)>) {
    if batch.is_empty() {
        return;
    }
    let (tasks, replies): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
    for (settled, reply) in hq.work(tasks).into_iter().zip(replies) {
        // A phone that hung up asks again.
        let _ = reply.send(settled);
    }
}

#[derive(Clone, Debug)]
struct App {
    desk: Desk,
    stages: Arc<uploads::Stages>,
}

/// Makes the routes: those of the protocol and the console, which shows no pictures.
pub fn router(desk: Desk, database: PathBuf) -> Router {
    router_with(desk, database, None)
}

/// Makes the routes; `draw` starts a worker for the console's pictures
/// ([`photos::redraw::worker_main`](crate::photos::redraw::worker_main)).
pub fn router_with(desk: Desk, database: PathBuf, draw: Option<WorkerCommand>) -> Router {
    let stages = Arc::new(uploads::Stages::new(desk.dock.clone(), database.clone()));
    let open311 = open311::routes(desk.clone(), database.clone());
    Router::new()
        .route(http::SYNC_PATH, post(protocol))
        .route(http::ENROL_PATH, post(protocol))
        .route(upload::UPLOADS_PATH, any(uploads::photos))
        .route(&format!("{}/{{id}}", upload::UPLOADS_PATH), any(uploads::photos))
        .route(&format!("{}/{{sha256}}", upload::PHOTOS_PATH), any(uploads::photos))
        .layer(axum::extract::DefaultBodyLimit::max(limits::MAX_REQUEST_BYTES))
        .with_state(App { desk: desk.clone(), stages })
        .merge(open311)
        .merge(console::routes(desk, database, draw))
}

/// Serves what comes to a bound listener until `stop` resolves.
pub async fn serve(
    router: Router,
    listener: std::net::TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let (told, mut stopping) = watch::channel(false);
    let stop = async move {
        stop.await;
        let _ = told.send(true);
    };
    let serving = axum::serve(listener, service).with_graceful_shutdown(stop);
    // Pages that listen for changes never end by themselves.
    let patience = async {
        let _ = stopping.wait_for(|stopping| *stopping).await;
        tokio::time::sleep(PATIENCE).await;
    };
    tokio::select! {
        ended = serving => ended,
        () = patience => Ok(()),
    }
}

async fn protocol(State(app): State<App>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, limits::MAX_REQUEST_BYTES).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "too large");
    };
    let Some(request) = to_plain(&head, body.to_vec()) else {
        return plain(StatusCode::BAD_REQUEST, "malformed headers");
    };
    match app.desk.ask(Task::Ask(Cow::Owned(request))).await {
        Ok(Settled::Answer(response)) => to_axum(response),
        // Only an upload has a second round.
        Ok(Settled::First(_)) => plain(StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        Err(response) => response,
    }
}

/// Takes a request apart; `None` when a header that is checked occurs twice or is not text.
fn to_plain(head: &axum::http::request::Parts, body: Vec<u8>) -> Option<http::Request> {
    let mut headers: Vec<(String, String)> = Vec::with_capacity(head.headers.len());
    for (name, value) in &head.headers {
        if headers.iter().any(|(n, _)| n == name.as_str()) {
            return None;
        }
        headers.push((name.as_str().to_owned(), value.to_str().ok()?.to_owned()));
    }
    let authority = http::header(&headers, "host").unwrap_or_default().to_ascii_lowercase();
    Some(http::Request {
        method: head.method.as_str().to_owned(),
        authority,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
    })
}

fn to_axum(response: http::Response) -> Response {
    let mut out = Response::builder().status(response.status).header("cache-control", "no-store");
    for (name, value) in response.headers {
        out = out.header(name, value);
    }
    out.body(Body::from(response.body))
        .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "headers"))
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}
