//! The console's routes: pages and acts, drawn copies, stored files.
//!
//! Invariant: an act is done only for a page of this same server; plain HTTP answers this machine
//! only. a stored byte leaves here only as a download, a picture only as drawn by a limited
//! process; both only when a photo record names the file. Rejected: showing stored files in the
//! browser, whose decoders would then meet what a phone has sent.

use super::{Desk, caller, plain};
use crate::{
    console::{
        Console,
        assets::Asset,
        door,
        lang::Lang,
        web::{self, Ask, Visitor},
    },
    error::HqError,
    gate::WorkerCommand,
    people,
    photos::{Folder, RedrawError, Redrawer},
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, DefaultBodyLimit, Path, Request, State},
    http::{HeaderMap, Method as HttpMethod, StatusCode},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use lanewalk_model::{
    id::{Hash, from_hex},
    photo::{FileRef, PhotoPart},
    time::TimeMs,
};
use std::{
    fs::File,
    io::{self, Read as _},
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{sync::Semaphore, task::spawn_blocking};

mod events;
mod forms;
mod house;

use house::House;

/// Edges of drawn copies, pixels; others are not made.
const EDGES: [u32; 2] = [320, 2_048];
/// Requests for copies that hold a thread at once: one draws, one reads what is drawn.
const MAX_DRAWING: usize = 2;
/// A form of this size needs no session and no turn: signing in, a button, a page of words.
const SMALL_FORM: usize = 64 << 10;
/// Forms with files read at once; each may hold 24 MiB two or three times.
const MAX_LARGE_FORMS: usize = 4;
/// A form that takes longer is given up.
const FORM_TIME: std::time::Duration = std::time::Duration::from_secs(60);
/// Bytes of a stored file in memory at once.
const CHUNK: usize = 256 << 10;

/// What the console's routes share.
#[derive(Debug)]
struct Shared {
    house: House,
    desk: Desk,
    console: Console,
    folder: Folder,
    redrawer: Option<Redrawer>,
    drawing: Semaphore,
    streams: Arc<Semaphore>,
    large_forms: Semaphore,
    /// Held while a password is judged.
    judging: Mutex<()>,
}

/// Makes the console's routes. `draw` starts a worker that draws pictures; without one there are
/// none to see.
pub(super) fn routes(desk: Desk, database: PathBuf, draw: Option<WorkerCommand>) -> Router {
    let folder = Folder::beside(&database, 0);
    let house = House::new(desk.settings.clone());
    let shared = Arc::new(Shared {
        house,
        desk,
        console: Console::new(database),
        redrawer: draw.map(|command| Redrawer::new(folder.clone(), command)),
        folder,
        drawing: Semaphore::new(MAX_DRAWING),
        streams: Arc::new(Semaphore::new(events::MAX_STREAMS)),
        large_forms: Semaphore::new(MAX_LARGE_FORMS),
        judging: Mutex::new(()),
    });
    Router::new()
        .route("/files/{sha256}/original", get(original))
        .route("/files/{sha256}/{edge}", get(copy))
        .route("/assets/{name}", get(asset))
        .route("/lang/{lang}", get(language))
        .route("/events", get(events::events))
        .fallback(page)
        .layer(DefaultBodyLimit::max(forms::MAX_FORM_BYTES))
        .layer(middleware::from_fn_with_state(shared.clone(), at_home))
        .with_state(shared)
}

/// Lets in only requests addressed to this house, by a way it is safe to sign in on.
async fn at_home(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let host = header(request.headers(), "host").unwrap_or_default();
    if !shared.house.is_own(host, peer) {
        return plain(StatusCode::NOT_FOUND, "not found");
    }
    next.run(request).await
}

/// Answers everything that is no file: pages, acts, the door.
async fn page(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let Some(path) = forms::decoded(request.uri().path()) else { return not_found() };
    let lang = lang_of(request.headers());
    let asked = Asked {
        lang,
        path,
        query: web::Fields::parse(request.uri().query().unwrap_or_default().as_bytes()),
        token: cookie(request.headers(), shared.house.cookie()).map(str::to_owned),
        address: caller::address(request.headers(), peer, &shared.desk.settings).to_string(),
        agent: header(request.headers(), "user-agent").unwrap_or_default().to_owned(),
    };
    let made = match *request.method() {
        HttpMethod::GET | HttpMethod::HEAD => spawn_blocking(move || shared.read(asked)).await,
        HttpMethod::POST if !House::is_same_origin(request.headers(), &shared.house) => {
            return plain(StatusCode::FORBIDDEN, "another origin");
        }
        HttpMethod::POST => match shared.clone().read_form(asked.token.clone(), request).await {
            Ok((form, files)) => spawn_blocking(move || shared.act(asked, form, files)).await,
            Err(refused) => return refused,
        },
        _ => return plain(StatusCode::METHOD_NOT_ALLOWED, "method"),
    };
    match made {
        Ok(Ok(response)) => page_response(response),
        Ok(Err(_)) | Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    }
}

/// A request to the console without its form.
struct Asked {
    lang: Lang,
    path: String,
    query: web::Fields,
    token: Option<String>,
    address: String,
    agent: String,
}

fn not_found() -> Response {
    plain(StatusCode::NOT_FOUND, "not found")
}

fn page_response(made: web::Response) -> Response {
    let everywhere = web::policy(None);
    let mut headers = vec![("cache-control", "no-store")];
    if !made.headers.iter().any(|(name, _)| *name == web::POLICY) {
        headers.push((web::POLICY, &everywhere));
    }
    headers.extend(made.headers.iter().map(|(name, value)| (*name, value.as_str())));
    answer(made.status, &headers, Body::from(made.body))
}

/// Reads the language that the visitor chose.
fn lang_of(headers: &HeaderMap) -> Lang {
    cookie(headers, "lang").and_then(Lang::from_id).unwrap_or_default()
}

/// Answers with a style sheet or script.
async fn asset(request: Request) -> Response {
    let Some(asset) = Asset::find(request.uri().path()) else {
        return plain(StatusCode::NOT_FOUND, "not found");
    };
    // What the hash in the address names never changes.
    let keep = if asset.is_current(request.uri().query().unwrap_or_default()) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    answer(200, &[("content-type", asset.media_type), ("cache-control", keep)], Body::from(asset.text))
}

/// Remembers the language in the browser and goes back.
async fn language(State(shared): State<Arc<Shared>>, Path(lang): Path<String>, request: Request) -> Response {
    let Some(lang) = Lang::from_id(&lang) else { return plain(StatusCode::NOT_FOUND, "not found") };
    let query = web::Fields::parse(request.uri().query().unwrap_or_default().as_bytes());
    let back = web::own_path(query.get("back").unwrap_or("/"));
    let secure = if shared.house.is_https() { "; Secure" } else { "" };
    let cookie = format!("lang={}; Path=/; Max-Age=31536000; SameSite=Strict{secure}", lang.id());
    let headers = [("location", back.as_str()), ("set-cookie", &cookie), ("cache-control", "no-store")];
    answer(303, &headers, Body::empty())
}

impl Shared {
    fn now(&self) -> TimeMs {
        TimeMs(self.desk.source.now_ms())
    }

    /// Reads a form: a few fields from anybody, whole files only from who has signed in, and few
    /// of those at once.
    async fn read_form(
        self: Arc<Self>,
        token: Option<String>,
        request: Request,
    ) -> Result<(web::Fields, Vec<web::Upload>), Response> {
        let house = self.clone();
        let known = match token {
            None => false,
            Some(token) => matches!(spawn_blocking(move || house.is_standing(&token)).await, Ok(Ok(true))),
        };
        let told = header(request.headers(), "content-length").and_then(|l| l.parse::<usize>().ok());
        let small = told.is_some_and(|bytes| bytes <= SMALL_FORM);
        if !known && !small {
            return Err(plain(StatusCode::PAYLOAD_TOO_LARGE, "too large"));
        }
        let _turn = match small {
            true => None,
            false => Some(self.large_forms.acquire().await.map_err(|_| not_found())?),
        };
        match tokio::time::timeout(FORM_TIME, forms::read(request)).await {
            Ok(read) => read,
            Err(_) => Err(plain(StatusCode::REQUEST_TIMEOUT, "too slow")),
        }
    }

    /// Finds who a session stands for, and keeps it from going idle.
    fn visitor(&self, token: Option<&str>) -> Result<Option<Visitor>, HqError> {
        let Some(token) = token else { return Ok(None) };
        let now = self.now();
        let found = self.console.readers().read(|db| people::visitor(db, token, &self.desk.settings, now))?;
        let Some((visitor, seen)) = found else { return Ok(None) };
        if seen {
            let token = token.to_owned();
            self.desk.run(move |hq| hq.session_seen(&token))??;
        }
        Ok(Some(visitor))
    }

    fn is_standing(&self, token: &str) -> Result<bool, HqError> {
        let now = self.now();
        let found = self.console.readers().read(|db| people::visitor(db, token, &self.desk.settings, now))?;
        Ok(found.is_some())
    }

    fn read(&self, asked: Asked) -> Result<web::Response, HqError> {
        let Asked { lang, path, query, token, .. } = asked;
        let now = self.now();
        match path.as_str() {
            "/login" => return Ok(door::login(lang, now, query.get("next").unwrap_or("/"), None)),
            "/password" => return Ok(door::password(lang, now, None)),
            _ => {}
        }
        let Some(visitor) = self.visitor(token.as_deref())? else {
            let next: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
            return Ok(web::Response::see_other(format!("/login?next={next}")));
        };
        let ask = Ask {
            method: web::Method::Get,
            path,
            query,
            form: web::Fields::default(),
            files: Vec::new(),
            visitor,
            now,
        };
        Ok(self.console.get(&ask, lang))
    }

    fn act(
        &self,
        asked: Asked,
        form: web::Fields,
        files: Vec<web::Upload>,
    ) -> Result<web::Response, HqError> {
        match asked.path.as_str() {
            "/login" => return self.sign_in(&asked, &form),
            "/password" => return self.set_password(&asked, &form),
            "/logout" => {
                if let Some(token) = asked.token {
                    self.desk.run(move |hq| hq.sign_out(&token))??;
                }
                return Ok(web::Response::see_other("/login".into()).with_cookie(self.house.set_cookie(None)));
            }
            _ => {}
        }
        let Asked { lang, path, query, token, .. } = asked;
        let Some(visitor) = self.visitor(token.as_deref())? else { return Ok(web::Response::missing()) };
        let ask = Ask { method: web::Method::Post, path, query, form, files, visitor, now: self.now() };
        self.desk.run(move |hq| Console::post(hq, &ask, lang))
    }

    /// The password is judged on this thread, between two short acts of the writer.
    fn sign_in(&self, asked: &Asked, form: &web::Fields) -> Result<web::Response, HqError> {
        let text = |name: &str| form.0.iter().find(|(k, _)| k == name).map_or("", |(_, v)| v.as_str());
        let (staff, address) = (text("staff").trim().to_owned(), asked.address.clone());
        let begun = self.desk.run(move |hq| hq.begin_sign_in(&staff, &address))??;
        let entered = match begun {
            Err(wait) => wait,
            Ok(attempt) => {
                let right = {
                    // One at a time: each takes 19 MiB.
                    let _turn = self.judging.lock().unwrap_or_else(PoisonError::into_inner);
                    people::judge(&attempt, text("password"))
                };
                let (code, agent) = (text("code").to_owned(), asked.agent.clone());
                self.desk.run(move |hq| hq.end_sign_in(&attempt, right, &code, &agent))??
            }
        };
        let next = web::own_path(form.get("next").unwrap_or("/"));
        Ok(match entered {
            people::Entered::Yes(token) => {
                web::Response::see_other(next).with_cookie(self.house.set_cookie(Some(&token)))
            }
            refused => door::login(asked.lang, self.now(), &next, Some(&refused)),
        })
    }

    fn set_password(&self, asked: &Asked, form: &web::Fields) -> Result<web::Response, HqError> {
        let text =
            |name: &str| form.0.iter().find(|(k, _)| k == name).map_or("", |(_, v)| v.as_str()).to_owned();
        let (code, chosen, again) = (text("code"), text("password"), text("again"));
        let set = if chosen == again {
            // A code is as hard to guess as a key, so no attempt needs to wait.
            self.desk.run(move |hq| hq.set_password(&code, &chosen))?
        } else {
            Err(HqError::NotAllowed("两次输入的密码不一样 / the two passwords differ".into()))
        };
        Ok(match set {
            Ok(_) => web::Response::see_other("/login".into()),
            Err(HqError::NotAllowed(why)) => door::password(asked.lang, self.now(), Some(&why)),
            Err(e) => return Err(e),
        })
    }

    /// Says whether a visitor may see a stored file.
    fn may_see(&self, headers: &HeaderMap, sha256: Hash) -> Result<bool, HqError> {
        let token = cookie(headers, self.house.cookie());
        let Some(visitor) = self.visitor(token)? else { return Ok(false) };
        self.console.may_see_file(&visitor, sha256, self.now())
    }
}

/// Returns a header that is text and occurs once.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(one), None) => one.to_str().ok(),
        _ => None,
    }
}

/// Returns the value of a cookie.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all("cookie").iter().filter_map(|h| h.to_str().ok());
    all.flat_map(|h| h.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Answers with what every answer of the console says.
fn answer(status: u16, headers: &[(&'static str, &str)], body: Body) -> Response {
    let mut response = Response::builder()
        .status(status)
        .header("x-content-type-options", "nosniff")
        // With "no-referrer" browsers send forms with `Origin: null`, which no page of ours has.
        .header("referrer-policy", "same-origin")
        .header("cross-origin-resource-policy", "same-origin");
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body).unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "headers"))
}

/// What a file may do in a browser: nothing.
const SANDBOX: (&str, &str) = ("content-security-policy", "default-src 'none'; sandbox");

/// Answers with a drawn copy of a received one.
async fn copy(
    State(shared): State<Arc<Shared>>,
    Path((sha256, edge)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let edge = EDGES.into_iter().find(|known| known.to_string() == edge);
    let (Some(sha256), Some(edge)) = (from_hex(&sha256).map(Hash), edge) else {
        return no_picture(404, "not_found");
    };
    let Ok(_turn) = shared.drawing.acquire().await else { return no_picture(503, "stopping") };
    let worked = {
        let shared = shared.clone();
        spawn_blocking(move || match shared.may_see(&headers, sha256) {
            Ok(true) => shared.draw(sha256, edge),
            Ok(false) => Err((404, "not_found".to_owned())),
            Err(_) => Err((500, "failed".to_owned())),
        })
        .await
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
        self.console.readers().read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT r.part, f.bytes FROM file_refs r JOIN files f ON f.sha256 = r.sha256 WHERE r.sha256 = ?1",
            )?;
            let mut rows = statement.query([sha256.0])?;
            while let Some(r) = rows.next()? {
                if PhotoPart::from_code(r.get(0)?).is_some_and(&fits) {
                    return Ok(Some(FileRef { sha256, bytes: r.get(1)? }));
                }
            }
            Ok(None)
        })
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
async fn original(
    State(shared): State<Arc<Shared>>,
    Path(sha256): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(hash) = from_hex(&sha256).map(Hash) else { return not_found() };
    let opened =
        spawn_blocking(move || if shared.may_see(&headers, hash)? { shared.open(hash) } else { Ok(None) })
            .await;
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
