//! The routes of Open311: sockets around [`crate::open311`].
//!
//! Invariant: a caller has so many requests a minute, whoever it is; forms are small. Reads go
//! beside the writer, as the console's do.

use super::{Desk, caller, plain};
use crate::{
    config::{Source as _, SystemSource},
    console::web::Fields,
    open311::{self, Asked, Caller, Reply},
    store,
};
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Path, Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::Response,
    routing::any,
};
use lanewalk_model::time::TimeMs;
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::task::spawn_blocking;

/// Longest form.
const MAX_FORM: usize = 64 << 10;
/// Callers remembered at once; older minutes go first.
const MAX_CALLERS: usize = 10_000;
const MINUTE_MS: i64 = 60_000;

struct Shared {
    desk: Desk,
    database: PathBuf,
    /// By caller: the minute, and requests in it.
    calls: Mutex<HashMap<Caller, (i64, u32)>>,
}

/// Makes the routes.
pub(super) fn routes(desk: Desk, database: PathBuf) -> Router {
    let shared = Shared { desk, database, calls: Mutex::default() };
    Router::new().route("/open311/{*path}", any(answer)).with_state(Arc::new(shared))
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(path): Path<String>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let refuse = |status, words| send(&open311::refuse(&path, status, words));
    let query = Fields::parse(head.uri.query().unwrap_or_default().as_bytes());
    let idempotency_key = header(&head.headers, "idempotency-key");
    let mut asked = Asked { path: path.clone(), query, idempotency_key, form: Fields::default() };
    let post = match head.method {
        Method::GET | Method::HEAD => false,
        Method::POST => true,
        _ => return refuse(405, "只有 GET 和 POST / GET and POST only"),
    };
    if post {
        let media = header(&head.headers, "content-type").unwrap_or_default();
        if !media.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
            return refuse(
                400,
                "请用表单提交；图片请给 media_url / send a form (application/x-www-form-urlencoded); give pictures as media_url",
            );
        }
        let Ok(body) = axum::body::to_bytes(body, MAX_FORM).await else {
            return refuse(413, "内容过大 / the form is too large");
        };
        asked.form = Fields::parse(&body);
    }
    let address = caller::address(&head.headers, peer, &shared.desk.settings);
    let reply = spawn_blocking(move || shared.work(&asked, address, post)).await;
    reply.map_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "failed"), |reply| send(&reply))
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned)
}

impl Shared {
    fn work(&self, asked: &Asked, address: IpAddr, post: bool) -> Reply {
        let failed = || open311::refuse(&asked.path, 503, "暂时无法处理 / cannot be answered now");
        let Ok(mut db) = store::open_reader(&self.database) else { return failed() };
        let Ok(db) = db.transaction() else { return failed() };
        let Ok(caller) = Caller::of(&db, asked.api_key(), address) else { return failed() };
        let now = SystemSource.now_ms();
        if !self.may_call(caller, now) {
            return open311::refuse(
                &asked.path,
                429,
                "请求太多，请一分钟后再试 / too many requests, try again in a minute",
            );
        }
        if !post {
            return open311::get(&db, &self.desk.settings, asked, TimeMs(now));
        }
        drop(db);
        let asked_again = asked.clone();
        self.desk.run(move |hq| open311::post(hq, &asked_again)).unwrap_or_else(|_| failed())
    }

    fn may_call(&self, caller: Caller, now: i64) -> bool {
        let minute = now.div_euclid(MINUTE_MS);
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() >= MAX_CALLERS {
            calls.retain(|_, (at, _)| *at == minute);
        }
        if calls.len() >= MAX_CALLERS && !calls.contains_key(&caller) {
            return false;
        }
        let (at, count) = calls.entry(caller).or_insert((minute, 0));
        if *at != minute {
            (*at, *count) = (minute, 0);
        }
        *count = count.saturating_add(1);
        *count <= self.desk.settings.open311.per_minute
    }
}

fn send(reply: &Reply) -> Response {
    let mut response = Response::builder()
        .status(reply.status)
        .header("content-type", reply.format.media_type())
        .header("cache-control", "no-store")
        .header("x-content-type-options", "nosniff");
    if matches!(reply.status, 429 | 503) {
        response = response.header("retry-after", "60");
    }
    response
        .body(Body::from(reply.body.clone()))
        .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "headers"))
}
