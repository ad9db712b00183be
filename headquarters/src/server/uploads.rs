//! Photo files over sockets: bodies that may break off, and disk work beside the writer.
//!
//! Invariant: what has arrived of a `PATCH` is kept however its connection ends, so the work goes
//! on in a task of its own when the phone hangs up; requests about one upload are worked one after
//! the other, and with a newer one waiting an older body may stand still for a moment only, since
//! the phone it came from has probably given that connection up; at most [`MAX_STAGES`] requests work on the disk at once, and none of
//! them on the writer thread. Rejected: reading a body inside the handler, which is dropped together
//! with its connection; answering `HEAD` beside a body that still comes in, with an offset that is
//! wrong a moment later.

use super::{App, caller, guard::About, plain, to_axum, to_plain};
use crate::{
    error::{HqError, Refusal},
    hq::Task,
    photos::{Dock, Settled},
    store,
};
use axum::{
    body::{Body, HttpBody},
    extract::{ConnectInfo, Request, State},
    http::{StatusCode, request::Parts},
    response::Response,
};
use lanewalk_protocol::{http, limits, upload::UploadId};
use rusqlite::Connection;
use std::{
    collections::HashMap,
    future::poll_fn,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, Semaphore};

/// Requests that work on the disk at once: one slow disk needs no more, and each holds a file.
const MAX_STAGES: usize = 4;
/// Requests about photos at once, wherever they are on their way: 128 MiB of bodies at most. A line
/// of 2G holds a place for minutes, so there are more than the disk needs.
const MAX_REQUESTS: usize = 128;
/// A body that stands still for so long has broken off when a newer request about the same upload
/// has come: what the network still holds of a broken connection is here by then.
const OVERTAKEN: Duration = Duration::from_millis(250);

/// What works on photo requests beside the writer.
#[derive(Debug)]
pub(super) struct Stages {
    dock: Arc<Dock>,
    database: PathBuf,
    idle: Mutex<Vec<Connection>>,
    free: Semaphore,
    places: Semaphore,
    lines: Mutex<HashMap<UploadId, Arc<Line>>>,
}

/// The requests about one upload.
#[derive(Debug, Default)]
struct Line {
    turn: tokio::sync::Mutex<()>,
    /// Number of the newest request.
    newest: AtomicU64,
    newer: Notify,
}

impl Line {
    /// Takes a number and tells older requests that there is a newer one.
    fn join(&self) -> u64 {
        let number = self.newest.fetch_add(1, Ordering::SeqCst) + 1;
        self.newer.notify_waiters();
        number
    }

    /// Resolves when a newer request than this one has come.
    async fn overtaken(&self, number: u64) {
        loop {
            let mut newer = pin!(self.newer.notified());
            newer.as_mut().enable();
            if self.newest.load(Ordering::SeqCst) > number {
                return;
            }
            newer.await;
        }
    }
}

impl Stages {
    pub(super) fn new(dock: Arc<Dock>, database: PathBuf) -> Self {
        Self {
            dock,
            database,
            idle: Mutex::default(),
            free: Semaphore::new(MAX_STAGES),
            places: Semaphore::new(MAX_REQUESTS),
            lines: Mutex::default(),
        }
    }

    fn line(&self, id: UploadId) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= MAX_REQUESTS * 4 {
            // Lines nobody stands in any more.
            lines.retain(|other, line| *other == id || Arc::strong_count(line) > 1);
        }
        lines.entry(id).or_default().clone()
    }

    /// Runs disk work on a thread that may block, with a reader of its own.
    async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Dock, &Connection) -> T + Send + 'static,
    ) -> Result<T, HqError> {
        // Never closed.
        let _turn = self.free.acquire().await.map_err(|_| super::gone())?;
        let stages = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let idle = stages.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let db = idle.map_or_else(|| store::open_reader(&stages.database), Ok)?;
            let done = work(&stages.dock, &db);
            stages.idle.lock().unwrap_or_else(PoisonError::into_inner).push(db);
            Ok(done)
        });
        done.await.map_err(|e| HqError::Photos(e.to_string()))?
    }
}

/// Takes a request about photo files.
pub(super) async fn photos(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let from = caller::address(&head.headers, peer, &app.desk.settings);
    let answer = tokio::spawn(async move { answer(&app, from, &head, body).await });
    answer.await.unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "failed"))
}

async fn answer(app: &App, from: IpAddr, head: &Parts, body: Body) -> Response {
    let Some(mut request) = to_plain(head, Vec::new()) else {
        return plain(StatusCode::BAD_REQUEST, "malformed headers");
    };
    let (binding, looks) = (request.binding(), request.method == "HEAD");
    let refuse = |status, code| app.desk.refuse(&binding, &Refusal::new(status, code), looks);
    if let Err(code) = app.guard.admit(from, About::Files, &request) {
        return refuse(429, code);
    }
    // Photos wait first: text never stands behind them (F24).
    let Ok(_place) = app.stages.places.try_acquire() else { return refuse(503, "overloaded") };
    let line = UploadId::of_path(&request.path).map(|id| app.stages.line(id));
    let number = line.as_ref().map_or(0, |line| line.join());
    // Held until this request is answered.
    let _turn = match &line {
        Some(line) => Some(line.turn.lock().await),
        None => None,
    };
    let promised = http::header(&request.headers, "content-length").and_then(|n| n.parse().ok());
    let whole;
    (request.body, whole) = read(body, promised, line.as_deref(), number).await;
    if !whole {
        let kept = app.stages.run(move |dock, db| dock.keep_cut(db, &request)).await;
        // Nobody is there to read this.
        return plain(StatusCode::BAD_REQUEST, if kept.is_ok() { "cut off" } else { "failed" });
    }
    let mut staged = app.stages.run(move |dock, db| dock.stage(db, &request)).await;
    loop {
        let settled = match staged {
            Ok(staged) => app.desk.ask(Task::Settle(staged)).await,
            Err(_) => return plain(StatusCode::SERVICE_UNAVAILABLE, "storage"),
        };
        match settled {
            Ok(Settled::Answer(response)) => return to_axum(response),
            Ok(Settled::First(first)) => {
                staged = app.stages.run(move |dock, db| dock.append_first(db, *first)).await;
            }
            Err(refusal) => return app.desk.refuse(&binding, &refusal, looks),
        }
    }
}

/// Reads a body up to one byte more than allowed; false when it broke off. A connection that ends
/// may look like a body that does, so the promised length counts too.
async fn read(mut body: Body, promised: Option<usize>, line: Option<&Line>, number: u64) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    loop {
        if promised.is_some_and(|n| bytes.len() == n && n <= limits::UPLOAD_PART_BYTES) {
            return (bytes, true);
        }
        let next = poll_fn(|cx| HttpBody::poll_frame(Pin::new(&mut body), cx));
        let patience = async {
            match line {
                Some(line) => line.overtaken(number).await,
                None => std::future::pending().await,
            }
            tokio::time::sleep(OVERTAKEN).await;
        };
        let frame = tokio::select! {
            biased;
            frame = next => frame,
            () = patience => return (bytes, false),
        };
        match frame {
            None => {
                let whole = promised.is_none_or(|n| bytes.len() == n);
                return (bytes, whole);
            }
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else { continue };
                let room = (limits::UPLOAD_PART_BYTES + 1).saturating_sub(bytes.len());
                bytes.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
                if bytes.len() > limits::UPLOAD_PART_BYTES {
                    return (bytes, true);
                }
            }
            Some(Err(_)) => return (bytes, false),
        }
    }
}
