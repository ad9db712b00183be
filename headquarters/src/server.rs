//! Sockets around [`Headquarters`]: one writer thread, many connections.
//!
//! Invariant: everything that writes goes through one queue to one thread, which takes all that
//! is waiting as one batch: one transaction, one fsync, however many phones wait (group
//! commit). The console reads beside it. Rejected: waiting a fixed time for more requests,
//! which only makes a lone phone slower.

use crate::{
    config::{Settings, Source},
    core::sign,
    error::{HqError, Refusal},
    gate::WorkerCommand,
    hq::{Headquarters, Task},
    photos::{Dock, Settled},
    store,
};
use axum::{
    Router,
    body::{Body, HttpBody},
    extract::{ConnectInfo, Request, State},
    http::StatusCode,
    response::Response,
    routing::{any, post},
};
use guard::About;
use lanewalk_protocol::{http, keys::SoftSigner, limits, upload};
use std::{
    borrow::Cow,
    future::poll_fn,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

mod caller;
mod console;
mod guard;
mod listen;
mod open311;
mod paced;
mod uploads;

pub use listen::{Listening, Patience, serve, serve_on};

/// Requests in one batch at most.
const MAX_BATCH: usize = 64;
/// How long requests may go on after headquarters was told to stop.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often headquarters looks at the clock.
const TICK: Duration = Duration::from_secs(60);
/// Requests waiting before headquarters says it is busy (F24).
const MAX_WAITING: usize = 512;
/// Bytes of messages at once, from their first byte to their answer, whoever sends them: a slow body
/// takes no more than what is there of it.
const MAX_BODIES: usize = 128 << 20;
/// Longest body of an enrolment, which somebody unknown sends.
const MAX_ENROLMENT: usize = 4 << 10;

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
    signer: Arc<SoftSigner>,
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
        let signer = hq.core.signer.clone();
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
        Ok((Self { queue, dock, settings, source, signer, changes }, thread))
    }

    /// Returns what tells of every change: the highest log index.
    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Hands a task to the writer and waits for what it makes of it; why not, when it cannot.
    async fn ask(&self, task: Task<'static>) -> Result<Settled, Refusal> {
        let (reply, settled) = oneshot::channel();
        if self.queue.try_send(Work::Task(Box::new(task), reply)).is_err() {
            return Err(Refusal::new(503, "overloaded"));
        }
        settled.await.map_err(|_| Refusal::new(503, "stopping"))
    }

    /// Refuses a request that the writer never sees. Signed, so that the phone knows to wait; it
    /// gives no nonce, and the one the phone has goes on counting.
    fn refuse(&self, binding: &str, refusal: &Refusal, head: bool) -> Response {
        let body = if head { Vec::new() } else { refusal.body() };
        let headers = sign::response_headers(&*self.signer, binding, refusal.status, "", &body);
        to_axum(http::Response { status: refusal.status, headers, body })
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
    guard: Arc<guard::Guard>,
    /// Room for bodies, in bytes.
    room: Arc<Semaphore>,
}

/// Makes the routes: those of the protocol and the console, which shows no pictures.
pub fn router(desk: Desk, database: PathBuf) -> Router {
    router_with(desk, database, None)
}

/// Makes the routes; `draw` starts a worker for the console's pictures
/// ([`photos::redraw::worker_main`](crate::photos::redraw::worker_main)).
pub fn router_with(desk: Desk, database: PathBuf, draw: Option<WorkerCommand>) -> Router {
    let stages = Arc::new(uploads::Stages::new(desk.dock.clone(), database.clone()));
    let guard = Arc::new(guard::Guard::new(desk.settings.rates, desk.source.clone()));
    let room = Arc::new(Semaphore::new(MAX_BODIES));
    let open311 = open311::routes(desk.clone(), database.clone());
    Router::new()
        .route(http::SYNC_PATH, post(protocol))
        .route(http::ENROL_PATH, post(protocol))
        .route(upload::UPLOADS_PATH, any(uploads::photos))
        .route(&format!("{}/{{id}}", upload::UPLOADS_PATH), any(uploads::photos))
        .route(&format!("{}/{{sha256}}", upload::PHOTOS_PATH), any(uploads::photos))
        .layer(axum::extract::DefaultBodyLimit::max(limits::MAX_REQUEST_BYTES))
        .with_state(App { desk: desk.clone(), stages, guard, room })
        .merge(open311)
        .merge(console::routes(desk, database, draw))
}

async fn protocol(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let Some(mut request) = to_plain(&head, Vec::new()) else {
        return plain(StatusCode::BAD_REQUEST, "malformed headers");
    };
    let from = caller::address(&head.headers, peer, &app.desk.settings);
    let enrols = request.path == http::ENROL_PATH;
    // An answer to an enrolment is bound to its small body, so that is read before it is judged.
    let (about, most) = match enrols {
        true => (About::Enrolment, MAX_ENROLMENT),
        false => (About::Messages, limits::MAX_REQUEST_BYTES),
    };
    if !enrols && let Err(code) = app.guard.admit(from, about, &request) {
        return app.desk.refuse(&request.binding(), &Refusal::new(429, code), false);
    }
    let read = collect(body, most, &app.room).await;
    let _room = match read {
        Ok((body, room)) => {
            request.body = body;
            room
        }
        Err(Unread::TooLarge) => return plain(StatusCode::PAYLOAD_TOO_LARGE, "too large"),
        Err(Unread::Broken) => return plain(StatusCode::REQUEST_TIMEOUT, "too slow"),
        Err(Unread::NoRoom) => {
            let refusal = Refusal::new(503, "overloaded");
            return app.desk.refuse(&request.binding(), &refusal, false);
        }
    };
    let binding = request.binding();
    if enrols && let Err(code) = app.guard.admit(from, about, &request) {
        return app.desk.refuse(&binding, &Refusal::new(429, code), false);
    }
    match app.desk.ask(Task::Ask(Cow::Owned(request))).await {
        Ok(Settled::Answer(response)) => {
            if enrols && matches!(response.status, 401 | 403) {
                app.guard.refused(from);
            }
            to_axum(response)
        }
        // Only an upload has a second round.
        Ok(Settled::First(_)) => plain(StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        Err(refusal) => app.desk.refuse(&binding, &refusal, false),
    }
}

/// Why a body was not read.
enum Unread {
    TooLarge,
    /// It broke off or came too slowly.
    Broken,
    /// Too many bytes of others wait.
    NoRoom,
}

/// Reads a body; it has its room as long as what comes with it lives.
async fn collect(
    mut body: Body,
    most: usize,
    room: &Arc<Semaphore>,
) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), Unread> {
    let (mut bytes, mut held) = (Vec::new(), None::<OwnedSemaphorePermit>);
    while let Some(frame) = poll_fn(|cx| HttpBody::poll_frame(Pin::new(&mut body), cx)).await {
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        let more = u32::try_from(data.len()).map_err(|_| Unread::TooLarge)?;
        if bytes.len() + data.len() > most {
            return Err(Unread::TooLarge);
        }
        let more = room.clone().try_acquire_many_owned(more).map_err(|_| Unread::NoRoom)?;
        match &mut held {
            Some(held) => held.merge(more),
            None => held = Some(more),
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, held))
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
    // For proxies; a phone goes by what is signed.
    if matches!(response.status, 429 | 503) {
        out = out.header("retry-after", "10");
    }
    out.body(Body::from(response.body))
        .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "headers"))
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}
