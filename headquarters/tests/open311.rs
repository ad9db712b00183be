//! Open311 over real sockets: what a client's HTTP library meets.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use lanewalk_headquarters::{
    Headquarters, Open311Settings, Settings, SystemSource,
    gate::InProcess,
    server::{Desk, router, serve},
    store::Place,
};
use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread::JoinHandle,
};
use tokio::sync::oneshot;

const CATALOGUE: &str = r#"{"version":"1","units":[],"matters":[
    {"matter_code":"020301","name_zh":"饲养动物扰民","match":["养猫"],"urgency":"general","lead_unit":"sec-wuye"}]}"#;

/// A served headquarters; ends when dropped.
struct Served {
    address: SocketAddr,
    key: String,
    stop: Option<oneshot::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
    _dir: tempfile::TempDir,
}

impl Served {
    fn start(per_minute: u32) -> Self {
        Self::start_as(&Settings::default().public_url, per_minute)
    }

    fn start_as(public_url: &str, per_minute: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("hq.db");
        let open311 = Open311Settings { per_minute, ..Open311Settings::default() };
        let settings = Settings { open311, public_url: public_url.into(), ..Settings::default() };
        let place = Place::File(database.clone());
        let mut hq =
            Headquarters::open(&place, settings, Arc::new(SystemSource), Box::new(InProcess)).unwrap();
        hq.publish_reference("matter_catalog", "1", CATALOGUE).unwrap();
        let key = hq.make_open311_key("测试").unwrap();
        let (desk, writer) = Desk::start(hq).unwrap();
        let routes = router(desk, database);
        let (stop, stopped) = oneshot::channel::<()>();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let stopped = async move {
                let _ = stopped.await;
            };
            runtime.unwrap().block_on(serve(routes, listener, stopped)).unwrap();
        });
        Self { address, key, stop: Some(stop), threads: vec![server, writer], _dir: dir }
    }

    /// Sends a request and returns status, head and body.
    fn ask(&self, line: &str, headers: &str, body: &[u8]) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\nhost: hq\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refuses early may close before everything is sent.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    fn post(&self, media: &str, body: &str) -> (u16, String, String) {
        self.ask("POST /open311/v2/requests.json", &format!("content-type: {media}\r\n"), body.as_bytes())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn a_client_reads_services_posts_and_reads_its_request() {
    let hq = Served::start(1_000);
    let (status, head, body) = hq.ask("GET /open311/discovery.json", "", b"");
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/json") && body.contains("/open311/v2"));
    let (status, head, body) = hq.ask("GET /open311/v2/services.xml", "", b"");
    assert!(status == 403 && head.contains("content-type: text/xml") && body.contains("<code>403</code>"));
    let with_key = |path: &str| format!("GET /open311/v2/{path}?api_key={}", hq.key);
    let (status, _, body) = hq.ask(&with_key("services.json"), "", b"");
    assert!(status == 200 && body.contains("020301"));
    let form =
        format!("api_key={}&service_code=020301&lat=36.7&long=119.1&description=%E5%85%BB%E7%8C%AB", hq.key);
    let (status, _, made) = hq.post(FORM, &form);
    assert_eq!(status, 200, "{made}");
    assert_eq!(hq.post("Application/X-WWW-Form-Urlencoded; charset=UTF-8", &form).2, made, "the same report");
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let id = made[0]["service_request_id"].as_str().unwrap();
    let (status, _, body) = hq.ask(&with_key(&format!("requests/{id}.json")), "", b"");
    assert!(status == 200 && body.contains("养猫") && body.contains("\"status\":\"open\""), "{body}");
}

#[test]
fn what_http_can_do_wrong_is_answered_in_the_standards_words() {
    let hq = Served::start(1_000);
    let long = format!("api_key={}&description={}", hq.key, "a".repeat(70_000));
    let (status, _, body) = hq.post(FORM, &long);
    assert!(status == 413 && body.contains("\"code\":413"), "{status} {body}");
    for (media, body) in
        [("multipart/form-data; boundary=x", "--x--"), ("application/json", "{}"), ("", "a=1")]
    {
        let (status, _, answer) = hq.post(media, body);
        assert!(status == 400 && answer.contains("media_url"), "{media}: {answer}");
    }
    let (status, _, body) = hq.ask("DELETE /open311/v2/requests.json", "", b"");
    assert!(status == 405 && body.contains("405"));
    for path in
        ["v2/requests", "v2/requests.html", "v3/requests.json", "v2/requests/%ff.json", "v2/..%2f..%2fx.json"]
    {
        let (status, _, _) = hq.ask(&format!("GET /open311/{path}?api_key={}", hq.key), "", b"");
        assert!((400..500).contains(&status), "{path}: {status}");
    }
    assert_eq!(hq.ask("POST /open311/v2/services.json", &format!("content-type: {FORM}\r\n"), b"a=1").0, 405);
}

#[test]
fn who_asks_too_often_waits() {
    let hq = Served::start(5);
    let mut last = 0;
    // A minute may turn over once in between.
    for _ in 0..12 {
        let (status, head, body) = hq.ask("GET /open311/v2/services.json?api_key=wrong", "", b"");
        last = status;
        if status == 429 {
            assert!(head.contains("retry-after: 60") && body.contains("429"));
            break;
        }
        assert_eq!(status, 403);
    }
    assert_eq!(last, 429);
    let (status, _, _) = hq.ask(&format!("GET /open311/v2/services.json?api_key={}", hq.key), "", b"");
    assert_eq!(status, 200, "a key of its own is another caller");
}

/// Asks until told to wait; says whether that happened.
fn is_stopped(hq: &Served, headers: impl Fn(u32) -> String) -> bool {
    // Twice as often as is allowed, so that a minute may turn over once in between.
    (0..12).any(|n| hq.ask("GET /open311/v2/services.json?api_key=wrong", &headers(n), b"").0 == 429)
}

#[test]
fn behind_a_proxy_each_caller_has_a_share_and_nobody_invents_another() {
    let hq = Served::start_as("https://hq.example", 5);
    // Who writes addresses in front of what the proxy adds stays one caller.
    assert!(is_stopped(&hq, |n| format!("x-forwarded-for: 10.7.7.{n}, 10.0.0.5\r\n")));
    let (status, ..) =
        hq.ask("GET /open311/v2/services.json?api_key=wrong", "x-forwarded-for: 10.0.0.6\r\n", b"");
    assert_eq!(status, 403, "the next caller behind the proxy has his own share");
    // Without a proxy the header says nothing.
    let hq = Served::start(5);
    assert!(is_stopped(&hq, |n| format!("x-forwarded-for: 10.7.7.{n}\r\n")));
}
