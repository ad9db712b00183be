//! The console's routes: pages, drawn copies, stored files. For the machine itself only.
//!
//! Invariant: a stored byte leaves here only as a download, a picture only as drawn by a limited
//! process; both only when a photo record names the file. Rejected: showing stored files in the
//! browser, whose decoders would then meet what a phone has sent.

use crate::{
    console::{CONTENT_SECURITY_POLICY, Console},
    error::HqError,
    gate::WorkerCommand,
    photos::{Folder, RedrawError, Redrawer},
    store,
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, Path, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use lanewalk_model::{
    id::{Hash, from_hex},
    photo::{FileRef, PhotoPart},
};
use std::{
    fs::File,
    io::{self, Read as _},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
};
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::plain;

/// Edges of drawn copies, pixels; others are not made.
const EDGES: [u32; 2] = [320, 2_048];
/// Requests for copies that hold a thread at once: one draws, one reads what is drawn.
const MAX_DRAWING: usize = 2;
/// Bytes of a stored file in memory at once.
const CHUNK: usize = 256 << 10;

/// What the console's routes share.
#[derive(Debug)]
struct Shared {
    console: Console,
    database: PathBuf,
    folder: Folder,
    redrawer: Option<Redrawer>,
    drawing: Semaphore,
}

/// Makes the console's routes. `draw` starts a worker that draws pictures; without one there are
/// none to see.
pub(super) fn routes(database: PathBuf, draw: Option<WorkerCommand>) -> Router {
    let folder = Folder::beside(&database, 0);
    let shared = Shared {
        console: Console::new(database.clone()),
        redrawer: draw.map(|command| Redrawer::new(folder.clone(), command)),
        database,
        folder,
        drawing: Semaphore::new(MAX_DRAWING),
    };
    Router::new()
        .route("/", get(page))
        .route("/orders/{id}", get(page))
        .route("/photos/{visit}/{photo}", get(page))
        .route("/files/{sha256}/original", get(original))
        .route("/files/{sha256}/{edge}", get(copy))
        .layer(middleware::from_fn(on_this_machine))
        .with_state(Arc::new(shared))
}

/// The console has no login yet, so it answers only to the machine it runs on.
async fn on_this_machine(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if !peer.ip().is_loopback() || !asked_on_this_machine(request.headers()) {
        return plain(StatusCode::NOT_FOUND, "not found");
    }
    next.run(request).await
}

/// Says whether nothing in a request tells of a proxy or of another machine's name for this one
/// (a proxy's peer is loopback too, and so is a page that rebinds its name).
fn asked_on_this_machine(headers: &HeaderMap) -> bool {
    let forwarded =
        ["forwarded", "x-forwarded-for", "x-real-ip", "via"].iter().any(|h| headers.contains_key(*h));
    let host = headers.get("host").and_then(|h| h.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    !forwarded && matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

async fn page(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let made = spawn_blocking(move || shared.console.page(&path)).await;
    let (status, html) = made.unwrap_or((500, String::new()));
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("cache-control", "no-store"),
    ];
    answer(status, &headers, Body::from(html))
}

/// Answers with what every answer of the console says.
fn answer(status: u16, headers: &[(&'static str, &str)], body: Body) -> Response {
    let mut response = Response::builder()
        .status(status)
        .header("x-content-type-options", "nosniff")
        .header("referrer-policy", "no-referrer")
        .header("cross-origin-resource-policy", "same-origin");
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body).unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "headers"))
}

/// What a file may do in a browser: nothing.
const SANDBOX: (&str, &str) = ("content-security-policy", "default-src 'none'; sandbox");

/// Answers with a drawn copy of a received one.
async fn copy(State(shared): State<Arc<Shared>>, Path((sha256, edge)): Path<(String, String)>) -> Response {
    let edge = EDGES.into_iter().find(|known| known.to_string() == edge);
    let (Some(sha256), Some(edge)) = (from_hex(&sha256).map(Hash), edge) else {
        return no_picture(404, "not_found");
    };
    let Ok(_turn) = shared.drawing.acquire().await else { return no_picture(503, "stopping") };
    let worked = {
        let shared = shared.clone();
        spawn_blocking(move || shared.draw(sha256, edge)).await
    };
    match worked.unwrap_or(Err((500, "failed".to_owned()))) {
        Ok(jpeg) => {
            let headers = [
                ("content-type", "image/jpeg"),
                ("content-disposition", "inline"),
                // What a hash names never changes; a shared cache may not keep it.
                ("cache-control", "private, max-age=86400, immutable"),
                SANDBOX,
            ];
            answer(200, &headers, Body::from(jpeg))
        }
        Err((status, code)) => no_picture(status, &code),
    }
}

impl Shared {
    fn draw(&self, sha256: Hash, edge: u32) -> Result<Vec<u8>, (u16, String)> {
        let failed = |_: HqError| (500, "failed".to_owned());
        let is_copy = |part| part != PhotoPart::Original;
        let file = self.named(sha256, is_copy).map_err(failed)?.ok_or((404, "not_found".to_owned()))?;
        let redrawer = self.redrawer.as_ref().ok_or((503, "no_decoder".to_owned()))?;
        redrawer.copy(file, edge).map_err(|e| match e {
            RedrawError::NotHere => (404, "not_here".to_owned()),
            RedrawError::NotAPicture(code) => (422, code),
            RedrawError::Harmful => (422, "harmful".to_owned()),
            RedrawError::Folder(_) => (500, "failed".to_owned()),
        })
    }

    /// Finds a file that was taken in, if a photo record names it as such a part.
    fn named(&self, sha256: Hash, fits: impl Fn(PhotoPart) -> bool) -> Result<Option<FileRef>, HqError> {
        let db = store::open_reader(&self.database)?;
        let mut statement = db.prepare(
            "SELECT r.part, f.bytes FROM file_refs r JOIN files f ON f.sha256 = r.sha256 WHERE r.sha256 = ?1",
        )?;
        let mut rows = statement.query([sha256.0])?;
        while let Some(r) = rows.next()? {
            if PhotoPart::from_code(r.get(0)?).is_some_and(&fits) {
                return Ok(Some(FileRef { sha256, bytes: r.get(1)? }));
            }
        }
        Ok(None)
    }

    /// Opens a stored file that is whole.
    fn open(&self, sha256: Hash) -> Result<Option<(File, FileRef)>, HqError> {
        let file = self.named(sha256, |_| true)?.filter(|file| self.folder.holds(*file));
        Ok(file.and_then(|file| Some((File::open(self.folder.path(sha256)).ok()?, file))))
    }
}

/// Says in the picture's place why there is none: browsers show it whatever the status.
fn no_picture(status: u16, code: &str) -> Response {
    // Codes are lower-case letters and underscores: nothing in them can be markup.
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 320 240\" role=\"img\">\
         <rect width=\"320\" height=\"240\" fill=\"#e9ece9\"/>\
         <g font-family=\"system-ui, sans-serif\" fill=\"#55656a\" text-anchor=\"middle\">\
         <text x=\"160\" y=\"112\" font-size=\"20\">无法显示</text>\
         <text x=\"160\" y=\"140\" font-size=\"15\">cannot be shown: {code}</text></g></svg>"
    );
    let headers = [("content-type", "image/svg+xml"), ("cache-control", "no-store"), SANDBOX];
    answer(status, &headers, Body::from(svg))
}

/// Answers with a stored file as it came, to be saved, never shown.
async fn original(State(shared): State<Arc<Shared>>, Path(sha256): Path<String>) -> Response {
    let not_found = || plain(StatusCode::NOT_FOUND, "not found");
    let Some(hash) = from_hex(&sha256).map(Hash) else { return not_found() };
    let opened = spawn_blocking(move || shared.open(hash)).await;
    let (file, is) = match opened {
        Ok(Ok(Some(opened))) => opened,
        Ok(Ok(None)) => return not_found(),
        Ok(Err(_)) | Err(_) => return plain(StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    };
    let name = hash.to_string();
    let disposition = format!("attachment; filename=\"{}.jpg\"", name.get(..12).unwrap_or_default());
    let length = is.bytes.to_string();
    let headers = [
        ("content-type", "application/octet-stream"),
        ("content-length", length.as_str()),
        ("content-disposition", disposition.as_str()),
        ("cache-control", "no-store"),
        SANDBOX,
    ];
    answer(200, &headers, Body::from_stream(futures_util::stream::try_unfold(file, next_chunk)))
}

/// Reads the next bytes of a file; `None` at its end.
async fn next_chunk(mut file: File) -> io::Result<Option<(Bytes, File)>> {
    let read = spawn_blocking(move || {
        let mut bytes = Vec::new();
        file.by_ref().take(CHUNK as u64).read_to_end(&mut bytes)?;
        Ok((!bytes.is_empty()).then(|| (Bytes::from(bytes), file)))
    });
    read.await.map_err(io::Error::other)?
}
