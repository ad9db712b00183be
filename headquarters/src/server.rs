//! Sockets around [`Headquarters`]: one writer thread, many connections.
//!
//! Invariant: everything that writes goes through one queue to one thread, which takes all that
//! is waiting as one batch: one transaction, one fsync, however many phones wait (group
//! commit). The console reads beside it. Rejected: waiting a fixed time for more requests,
//! which only makes a lone phone slower.

use crate::{console, error::HqError, hq::Headquarters};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, Request, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use lanewalk_protocol::{http, limits};
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread::JoinHandle,
};
use tokio::sync::oneshot;

/// Requests in one batch at most.
const MAX_BATCH: usize = 64;
/// Requests waiting before headquarters says it is busy (F24).
const MAX_WAITING: usize = 512;

enum Work {
    Answer(http::Request, oneshot::Sender<http::Response>),
    /// Runs something on the writer thread between two batches.
    Run(Box<dyn FnOnce(&mut Headquarters) + Send>),
}

/// The way to the writer thread. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    queue: mpsc::SyncSender<Work>,
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
        let thread = std::thread::Builder::new().name("headquarters".into()).spawn(move || {
            while let Ok(first) = work.recv() {
                let mut batch = Vec::new();
                let mut next = Some(first);
                while let Some(work_item) = next.take() {
                    match work_item {
                        Work::Answer(request, reply) => batch.push((request, reply)),
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
            }
        })?;
        Ok((Self { queue }, thread))
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

fn answer_all(hq: &mut Headquarters, batch: Vec<(http::Request, oneshot::Sender<http::Response>)>) {
    if batch.is_empty() {
        return;
    }
    let (requests, replies): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
    for (response, reply) in hq.handle(&requests).into_iter().zip(replies) {
        // A phone that hung up asks again.
        let _ = reply.send(response);
    }
}

#[derive(Clone, Debug)]
struct App {
    desk: Desk,
    database: Arc<PathBuf>,
}

/// Makes the routes: the two of the protocol and the console.
pub fn router(desk: Desk, database: PathBuf) -> Router {
    Router::new()
        .route(http::SYNC_PATH, post(protocol))
        .route(http::ENROL_PATH, post(protocol))
        .route("/", get(page))
        .route("/orders/{id}", get(page))
        .layer(axum::extract::DefaultBodyLimit::max(limits::MAX_REQUEST_BYTES))
        .with_state(App { desk, database: Arc::new(database) })
}

/// Serves until `stop` resolves. Binds `address` and reports what was bound.
pub async fn serve(
    router: Router,
    address: SocketAddr,
    bound: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    bound(listener.local_addr()?);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop).await
}

async fn protocol(State(app): State<App>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, limits::MAX_REQUEST_BYTES).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "too large");
    };
    let Some(request) = to_plain(&head, &body) else {
        return plain(StatusCode::BAD_REQUEST, "malformed headers");
    };
    let (reply, answer) = oneshot::channel();
    if app.desk.queue.try_send(Work::Answer(request, reply)).is_err() {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "busy");
    }
    match answer.await {
        Ok(response) => to_axum(response),
        Err(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "stopping"),
    }
}

/// Takes a request apart; `None` when a header that is checked occurs twice or is not text.
fn to_plain(head: &axum::http::request::Parts, body: &Bytes) -> Option<http::Request> {
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
        body: body.to_vec(),
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

/// Says whether nothing in a request tells of a proxy or of another machine's name for this one
/// (a proxy's peer is loopback too, and so is a page that rebinds its name).
fn asked_on_this_machine(headers: &axum::http::HeaderMap) -> bool {
    let forwarded =
        ["forwarded", "x-forwarded-for", "x-real-ip", "via"].iter().any(|h| headers.contains_key(*h));
    let host = headers.get("host").and_then(|h| h.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    !forwarded && matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

/// The console has no login yet, so it answers only to the machine it runs on.
async fn page(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    if !peer.ip().is_loopback() || !asked_on_this_machine(request.headers()) {
        return plain(StatusCode::NOT_FOUND, "not found");
    }
    let path = request.uri().path().to_owned();
    let made = tokio::task::spawn_blocking(move || console::page(&app.database, &path)).await;
    let (status, html) = made.unwrap_or((500, String::new()));
    Response::builder()
        .status(status)
        .header("content-type", "text/html; charset=utf-8")
        .header("content-security-policy", console::CONTENT_SECURITY_POLICY)
        .header("x-content-type-options", "nosniff")
        .header("referrer-policy", "no-referrer")
        .header("cache-control", "no-store")
        .body(Body::from(html))
        .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "headers"))
}
