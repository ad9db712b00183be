//! Photos on the console: the pages over a town whose photos are in every state, and the routes
//! over real sockets with real worker processes.
//!
//! The worker is this test binary itself, see [`worker_process`].
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "uploads/device.rs"]
#[allow(dead_code)]
mod device;

mod browser;

use device::{Device, EAST, START, Town, file_of, photo_id, record};
use lanewalk_camera::{ExifBlock, Gps, Shot};
use lanewalk_headquarters::{
    console::Console,
    gate::WorkerCommand,
    import::IncomingOrder,
    photos::redraw::{draw, worker_with},
    server::{Desk, router, router_with, serve},
};
use lanewalk_media::{
    Limits, intake,
    stamp::{FontFile, Stamper},
};
use lanewalk_model::{
    document::Edit,
    id::{DocId, Hash, to_hex},
    photo::{FileTrouble, PHash, PhotoRecord, PhotoRole, StampFacts, TroubleRecord, stamp_lines},
    position::Position,
    records::to_json,
    staff::{Grant, Role},
    time::TimeMs,
};
use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
};
use tokio::sync::oneshot;

const NAME: &str = "欧阳秋月";
/// Markup, the requester, a phone number and a bidirectional trick in one caption.
const NASTY: &str = "<script>alert(1)</script>\"><img src=x> 欧阳秋月 13800008000 \u{202e}gpj";

/// Not a test: the body of the worker process. The test harness prints on standard output, so
/// answers go to descriptor 3.
#[test]
#[ignore = "body of the worker process"]
fn worker_process() {
    let Ok(answers) = File::options().write(true).open("/dev/fd/3") else { return };
    let _ = worker_with(answers, draw);
}

fn worker() -> WorkerCommand {
    let me = std::env::current_exe().unwrap().display().to_string();
    let script = r#"exec "$0" --exact worker_process --ignored --nocapture 3>&1 1>/dev/null"#;
    WorkerCommand { program: "/bin/sh".into(), args: ["-c".into(), script.into(), me].into() }
}

/// A photo as a phone makes it: record, and the bytes of thumbnail, evidence copy, original.
struct Taken {
    record: PhotoRecord,
    files: [Vec<u8>; 3],
}

impl Taken {
    fn new(dir: &Path, shot: &Shot, order: &str, imported: bool) -> Self {
        let path = dir.join("shot.jpg");
        let original = shot.jpeg();
        fs::write(&path, &original).unwrap();
        let font =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../rust-core/media/fonts/NotoSansSC-GB2312.otf");
        let stamper = Stamper::open(&[FontFile { path: font, index: None }]).unwrap();
        let lines = stamp_lines(&StampFacts {
            at: TimeMs(START),
            place: "潍棉小区3号楼".into(),
            grid: EAST.into(),
            worker: "王建国".into(),
            order: order.into(),
            beacon: [0x5a, 0x0f, 0x77, 0x21],
            imported,
            ..StampFacts::default()
        });
        let taken = intake(&path, Some((&stamper, &lines)), &Limits::default()).unwrap();
        let record = PhotoRecord {
            size: Some((taken.width, taken.height)),
            phash: taken.phash,
            exif: taken.exif,
            in_app: !imported,
            position: Some(here()),
            ..record(taken.original, Some(file_of(&taken.evidence)), Some(file_of(&taken.thumbnail)))
        };
        Self { record, files: [taken.thumbnail, taken.evidence, original] }
    }
}

fn here() -> Position {
    serde_json::from_str(r#"{"lat":367050100,"lon":1191350200,"acc":12,"src":"gps","datum":"wgs84"}"#)
        .unwrap()
}

fn shot(seed: u64) -> Shot {
    Shot { seed, width: 1_600, height: 1_200, ..Shot::default() }
}

/// Two orders with a visit each, photos in every state.
struct Scene {
    town: Town,
    orders: [DocId; 2],
    visits: [DocId; 2],
    /// The first photo's, all of it here.
    whole: Taken,
    /// Bytes that are called a thumbnail.
    garbage: Vec<u8>,
}

fn order(town: &mut Town, n: u8, title: &str) -> DocId {
    let order = IncomingOrder {
        upstream_id: format!("WF12345-{n:04}"),
        channel: "12345".into(),
        matter_text: "养猫".into(),
        title: title.into(),
        reported_text: "楼道内有人养猫".into(),
        reported_address: "潍棉小区3号楼".into(),
        reported_at_ms: START - 7_200_000,
        upstream_due_at_ms: None,
        closed_at_ms: None,
        urgent: false,
        lat_e7: Some(367_050_000),
        lon_e7: Some(1_191_350_000),
        datum: "wgs84".into(),
        requester_name: Some(NAME.into()),
        requester_phone: Some("13800008000".into()),
        secrecy: true,
        payload_sha256: [n; 32],
    };
    town.hq().take_in(&[order], "hc-01").unwrap();
    let sql = "SELECT d.id FROM upstream u JOIN docs d ON d.n = u.doc WHERE u.upstream_id = ?1";
    let id: Vec<u8> = town.hq().reader().query_row(sql, [format!("WF12345-{n:04}")], |r| r.get(0)).unwrap();
    DocId::from_slice(&id).unwrap()
}

fn visit(town: &mut Town, order: DocId, photos: &[PhotoRecord]) -> DocId {
    let id = town.visit("gw-01", EAST, photos);
    town.hq().write_by_rule(&[(id, vec![Edit::set("order", order.to_string())])]).unwrap();
    id
}

fn scene() -> Scene {
    let mut town = Town::new();
    let catalog = r#"{"version":"2026-1","units":[{"id":"sec-wuye","name_zh":"物业科"}],"matters":[{"matter_code":"020301","name_zh":"饲养动物扰民","match":["养猫"],"urgency":"general","lead_unit":"sec-wuye"}]}"#;
    town.hq().publish_reference("matter_catalog", "2026-1", catalog).unwrap();
    let cats = order(&mut town, 1, "楼道内养猫扰民");
    let street = order(&mut town, 2, "健康东街占道经营");
    let dir = town.dir.path().join("camera");
    fs::create_dir(&dir).unwrap();
    let whole = Taken::new(&dir, &shot(1), "WF12345-0001", false);
    let part = Taken::new(&dir, &shot(2), "WF12345-0001", false);
    let exif = ExifBlock {
        local_ms: Some(START + 8 * 3_600_000 - 86_000_000),
        offset_min: Some(480),
        gps: Some(Gps {
            lat: 36.80,
            lon: 119.20,
            time_ms: Some(START),
            datum: "WGS-84".into(),
            error_m: Some(9.0),
        }),
        make: "<b>HMD</b>".into(),
        model: "Nokia 8.3".into(),
        software: "Adobe Photoshop 25.1".into(),
        ..ExifBlock::default()
    };
    let imported = Taken::new(&dir, &Shot { exif: Some(exif), ..shot(3) }, "WF12345-0001", true);
    let garbage = b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec();
    let with = |role, record: &PhotoRecord| PhotoRecord { role, ..record.clone() };
    let (spoilt, unsent) = (file_of(&garbage), file_of(b"unsent"));
    let lost = Taken::new(&dir, &shot(4), "WF12345-0001", false);
    let records = [
        whole.record.clone(),
        with(PhotoRole::During, &part.record),
        record(unsent, Some(file_of(b"unsent evidence")), Some(file_of(b"unsent thumbnail"))),
        with(PhotoRole::Document, &record(file_of(b"no picture"), None, Some(spoilt))),
        with(PhotoRole::After, &imported.record),
        with(PhotoRole::After, &lost.record),
    ];
    let first = visit(&mut town, cats, &records);
    // The same stairwell once more, and a file that was used before, at another order.
    let again = Taken::new(&dir, &shot(1).again(), "WF12345-0002", false);
    let second = visit(&mut town, street, &[again.record.clone(), with(PhotoRole::Before, &imported.record)]);
    let mut device = Device::enrol(&mut town, "gw-01", 1);
    for bytes in whole.files.iter().chain(&imported.files[..2]).chain(&again.files[..2]) {
        device.bring(&mut town, bytes);
    }
    device.bring(&mut town, &part.files[0]);
    device.create(&mut town, part.record.evidence.unwrap(), &part.files[1][..20_000]);
    device.bring(&mut town, &garbage);
    for bytes in &lost.files[..2] {
        device.bring(&mut town, bytes);
    }
    fs::remove_file(town.place(&lost.files[1])).unwrap();
    let told = to_json(&TroubleRecord { trouble: FileTrouble::Altered, at: TimeMs(START) });
    let edits = vec![
        Edit::set(format!("caption/{}", photo_id(0)), "三楼楼道,清理前"),
        Edit::set(format!("caption/{}", photo_id(4)), NASTY),
        Edit::set(format!("photo_trouble/{}.original", photo_id(5)), told),
    ];
    town.hq().write_by_rule(&[(first, edits)]).unwrap();
    town.hq().want_original(first, photo_id(1), "hc-01").unwrap();
    Scene { town, orders: [cats, street], visits: [first, second], whole, garbage }
}

fn order_path(id: DocId) -> String {
    format!("/orders/{}", to_hex(&id.uuid))
}

fn photo_path(visit: DocId, n: usize) -> String {
    format!("/photos/{}/{}", to_hex(&visit.uuid), photo_id(n))
}

impl Scene {
    fn console(&self) -> Console {
        Console::new(self.town.database())
    }

    fn get(&self, path: &str) -> String {
        let (status, html) = browser::page(&self.console(), path, TimeMs(START));
        assert_eq!(status, 200, "{path}");
        html
    }

    /// The part of an order's page that shows one photo.
    fn card(&self, n: usize) -> String {
        let html = self.get(&order_path(self.orders[0]));
        let cards: Vec<&str> = html.split("<figure class=\"photo\">").skip(1).collect();
        assert_eq!(cards.len(), 6);
        cards[n].to_owned()
    }
}

#[track_caller]
fn assert_all(html: &str, wanted: &[&str]) {
    for text in wanted {
        let body = html.split("<main").last().unwrap();
        assert!(html.contains(text), "{text} is not in\n{body}");
    }
}

#[test]
fn an_order_counts_its_photos_and_says_what_is_missing_and_why() {
    let scene = scene();
    let html = scene.get(&order_path(scene.orders[0]));
    assert_all(
        &html,
        &[
            "6 张照片",
            "3 张还缺文件",
            "手机尚未上传 1",
            "正在上传 1",
            "已向手机索取原图 1",
            "指挥中心的文件丢失 1",
            "手机上的文件已损坏 1",
            "3 张的原图等 Wi-Fi",
        ],
    );
    let other = scene.get(&order_path(scene.orders[1]));
    // Photo 1 is on its way and photo 2 is not sent; what was here once is no matter for the list.
    let board = scene.get("/");
    assert_eq!(board.matches("照片未齐").count(), 1);
    assert_all(&board, &["照片未齐 2"]);
    assert_all(&other, &["<strong>2 张照片", ",画面齐全", "2 张的原图等 Wi-Fi"]);
}

#[test]
fn a_card_shows_the_picture_its_facts_and_where_its_files_are() {
    let scene = scene();
    let small = |taken: &Taken| format!("<img src=\"/files/{}/320\"", taken.record.thumbnail.unwrap().sha256);
    let whole = scene.card(0);
    assert_all(
        &whole,
        &[
            &small(&scene.whole),
            "loading=\"lazy\"",
            "处理前",
            "应用内拍摄",
            "三楼楼道,清理前",
            "1600 × 1200",
            "36.70501, 119.13502",
            "总部时间",
            "文件齐全",
            &photo_path(scene.visits[0], 0),
        ],
    );
    assert!(!whole.contains("class=\"doubts\""));
    assert_all(&scene.card(1), &["处理中", "已传 ", "% is here", "已向手机索取原图", "<img"]);
    let nothing = scene.card(2);
    assert_all(&nothing, &["图像未到", "手机尚未上传", "原图等手机连上 Wi-Fi 再传"]);
    assert!(!nothing.contains("<img"));
    assert_all(&scene.card(3), &["材料", "<img"]);
    assert_all(&scene.card(5), &["指挥中心的文件丢失", "手机上的文件已损坏", "<img"]);
}

#[test]
fn doubts_are_words_and_nothing_in_a_caption_acts_or_names_the_requester() {
    let scene = scene();
    let card = scene.card(4);
    assert_all(
        &card,
        &[
            "相册导入",
            "相机时钟比卫星时间慢23小时53分钟",
            "camera clock 23 h 53 min behind",
            "照片自带位置与手机位置相距约",
            "文件经修图软件处理",
            "&lt;script&gt;",
            "[姓名] [号码]",
            "⟨U+202E⟩",
        ],
    );
    let page = scene.get(&photo_path(scene.visits[0], 4));
    assert_all(&page, &["&lt;b&gt;HMD", "Photoshop", "WGS-84", "UTC+08:00", "从相册导入", "[姓名] [号码]"]);
    for html in [scene.get(&order_path(scene.orders[0])), page] {
        for bad in ["<script>", "<img src=x", NAME, "13800008000", "\u{202e}", "<b>HMD"] {
            assert!(!html.contains(bad), "{bad}");
        }
    }
}

#[test]
fn the_same_picture_at_another_order_is_found_and_linked() {
    let scene = scene();
    let [cats, street] = scene.visits;
    let (nearly, same) = (scene.card(0), scene.card(4));
    assert_all(&nearly, &["几乎相同", &photo_path(street, 0), "健康东街占道经营"]);
    assert_all(&same, &["同一文件", &photo_path(street, 1), "健康东街占道经营"]);
    for n in [1, 2, 3, 5] {
        assert!(!scene.card(n).contains("class=\"like\""), "{n}");
    }
    let page = scene.get(&photo_path(street, 0));
    assert_all(&page, &["几乎相同", "/ 63 位", &photo_path(cats, 0), "楼道内养猫扰民"]);
    assert!(!page.contains("同一文件"));
    let page = scene.get(&photo_path(street, 1));
    assert_all(&page, &["同一文件", "相差 0 / 63 位", &photo_path(cats, 4)]);
}

/// The index reads on where it stopped.
#[test]
fn a_photo_that_comes_later_is_compared_too() {
    let mut scene = scene();
    let console = scene.console();
    let path = photo_path(scene.visits[1], 0);
    let ask = || browser::page(&console, &path, TimeMs(START)).1;
    assert!(
        ask().contains("The same or alike, at all of headquarters</span> <span class=\"count\">1</span>")
    );
    let far = PHash(scene.whole.record.phash.unwrap().0 ^ 0xffff_0000);
    let stranger = PhotoRecord { phash: Some(far), ..record(file_of(b"stranger"), None, None) };
    // Turned by a quarter it is still the same picture.
    let turned = scene.whole.record.phash.unwrap().transposed().mirrored();
    let turned = PhotoRecord { phash: Some(turned), ..record(file_of(b"turned"), None, None) };
    let flat = record(file_of(b"flat"), None, None);
    let order = scene.orders[0];
    let late = visit(&mut scene.town, order, &[stranger, flat, turned]);
    let html = ask();
    assert!(html.contains("The same or alike, at all of headquarters</span> <span class=\"count\">2</span>"));
    assert!(html.contains(&photo_path(late, 2)) && !html.contains(&photo_path(late, 0)));
}

#[test]
fn a_photo_has_a_page_with_every_fact_and_its_neighbours() {
    let scene = scene();
    let [visit, _] = scene.visits;
    let html = scene.get(&photo_path(visit, 0));
    let record = &scene.whole.record;
    assert_all(
        &html,
        &[
            &format!("<img src=\"/files/{}/2048\"", record.evidence.unwrap().sha256),
            &record.original.sha256.to_string(),
            &record.thumbnail.unwrap().sha256.to_string(),
            &format!("/files/{}/original", record.original.sha256),
            &order_path(scene.orders[0]),
            "楼道内养猫扰民",
            "没有发现矛盾",
            "存证件",
            "image/jpeg",
            "1 / 6",
            "accesskey=\"n\"",
        ],
    );
    assert!(!html.contains("accesskey=\"p\""));
    let html = scene.get(&photo_path(visit, 1));
    assert_all(&html, &["accesskey=\"p\"", &photo_path(visit, 0), &photo_path(visit, 2), "只有缩略图"]);
    assert_eq!(html.matches("/original\"").count(), 1, "only what is here can be saved");
    assert_all(&scene.get(&photo_path(visit, 2)), &["图像未到", "没有"]);
    for path in [
        photo_path(visit, 7),
        photo_path(scene.orders[0], 0),
        format!("{}/", photo_path(visit, 0)),
        format!("/photos/{}", to_hex(&visit.uuid)),
    ] {
        assert_eq!(browser::page(&scene.console(), &path, TimeMs(START)).0, 404, "{path}");
    }
}

/// A server on a port of its own; ends when dropped.
struct Server {
    address: SocketAddr,
    cookie: String,
    stop: Option<oneshot::Sender<()>>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Server {
    fn start(town: &mut Town, draw: Option<WorkerCommand>) -> Self {
        let mut hq = town.take_hq();
        hq.put_staff("clerk-1", "刘敏", Role::HotlineClerk).unwrap();
        let right = Grant { grid: "*".into(), role: Role::HotlineClerk, from: TimeMs(0), to: None };
        hq.grant("clerk-1", &right).unwrap();
        let cookie = browser::sign_in(&mut hq, "clerk-1");
        let (desk, writer) = Desk::start(hq).unwrap();
        let routes = match draw {
            None => router(desk, town.database()),
            draw => router_with(desk, town.database(), draw),
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let stopped = async move {
                let _ = stopped.await;
            };
            runtime.unwrap().block_on(serve(routes, listener, stopped)).unwrap();
        });
        Self { address, cookie, stop: Some(stop), threads: vec![server, writer] }
    }

    fn ask(&self, method: &str, path: &str, more: &str) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let host = if more.contains("host:") { String::new() } else { format!("host: {}\r\n", self.address) };
        write!(stream, "{method} {path} HTTP/1.1\r\n{host}{more}connection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), format!("{head}\r\n"), answer[end + 4..].to_vec())
    }

    fn get(&self, path: &str) -> (u16, String, Vec<u8>) {
        self.ask("GET", path, &format!("cookie: {}\r\n", self.cookie))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

fn file_path(sha256: Hash, what: &str) -> String {
    format!("/files/{sha256}/{what}")
}

const SANDBOX: &str = "content-security-policy: default-src 'none'; sandbox\r\n";
const NOSNIFF: &str = "x-content-type-options: nosniff\r\n";

#[test]
fn pictures_are_drawn_anew_and_stored_files_are_only_saved() {
    let mut scene = scene();
    let server = Server::start(&mut scene.town, Some(worker()));
    let record = &scene.whole.record;
    let (thumbnail, evidence) = (record.thumbnail.unwrap().sha256, record.evidence.unwrap().sha256);
    let mut lengths = Vec::new();
    for path in [file_path(thumbnail, "320"), file_path(evidence, "320"), file_path(evidence, "2048")] {
        let (status, head, jpeg) = server.get(&path);
        assert_eq!(status, 200, "{path}");
        assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]));
        assert!(scene.whole.files.iter().all(|stored| *stored != jpeg), "a stored file is never shown");
        let cache = "cache-control: private, max-age=86400, immutable\r\n";
        assert_all(
            &head,
            &["content-type: image/jpeg\r\n", "content-disposition: inline\r\n", cache, SANDBOX, NOSNIFF],
        );
        lengths.push(jpeg.len());
    }
    assert!(lengths[2] > 4 * lengths[1]);
    let original = record.original.sha256;
    for (path, stored) in [(original, 2), (evidence, 1)].map(|(h, n)| (file_path(h, "original"), n)) {
        let (status, head, bytes) = server.get(&path);
        assert_eq!((status, &bytes), (200, &scene.whole.files[stored]));
        let name =
            format!("content-disposition: attachment; filename=\"{}.jpg\"\r\n", path.get(7..19).unwrap());
        let length = format!("content-length: {}\r\n", bytes.len());
        let plain = "content-type: application/octet-stream\r\n";
        assert_all(&head, &[&name, &length, plain, "cache-control: no-store\r\n", SANDBOX, NOSNIFF]);
    }
    // What is no picture says so in the picture's place, twice the same.
    let spoilt = file_path(file_of(&scene.garbage).sha256, "320");
    for _ in 0..2 {
        let (status, head, body) = server.get(&spoilt);
        assert_eq!(status, 422);
        assert_all(
            &head,
            &["content-type: image/svg+xml\r\n", "cache-control: no-store\r\n", SANDBOX, NOSNIFF],
        );
        assert_all(&String::from_utf8(body).unwrap(), &["无法显示", "cannot be shown: unsupported"]);
    }
}

#[test]
fn a_file_that_no_record_names_or_that_is_not_here_is_not_found() {
    let mut scene = scene();
    let stray = scene.town.place(b"stray");
    fs::create_dir_all(stray.parent().unwrap()).unwrap();
    fs::write(&stray, b"stray").unwrap();
    // A damaged disk: half of a file is not the file.
    let halved = scene.whole.record.evidence.unwrap().sha256;
    fs::write(scene.town.place(&scene.whole.files[1]), b"half").unwrap();
    let server = Server::start(&mut scene.town, Some(worker()));
    let (original, thumbnail) =
        (scene.whole.record.original.sha256, scene.whole.record.thumbnail.unwrap().sha256);
    for path in [
        file_path(Hash([7; 32]), "320"),
        file_path(Hash([7; 32]), "original"),
        file_path(file_of(b"stray").sha256, "original"),
        file_path(file_of(b"stray").sha256, "320"),
        file_path(file_of(b"unsent").sha256, "original"),
        file_path(halved, "original"),
        file_path(file_of(b"unsent thumbnail").sha256, "320"),
        // Originals are not drawn, and there are two sizes.
        file_path(original, "320"),
        file_path(thumbnail, "640"),
        file_path(thumbnail, "0320"),
        "/files/../320".into(),
        "/files/xyz/original".into(),
    ] {
        assert_eq!(server.get(&path).0, 404, "{path}");
    }
    assert_eq!(server.ask("POST", &file_path(thumbnail, "320"), "").0, 405);
}

#[test]
fn the_console_answers_only_to_its_own_machine() {
    let mut scene = scene();
    let paths = [
        "/".to_owned(),
        order_path(scene.orders[0]),
        photo_path(scene.visits[0], 0),
        file_path(scene.whole.record.thumbnail.unwrap().sha256, "320"),
        file_path(scene.whole.record.original.sha256, "original"),
    ];
    let server = Server::start(&mut scene.town, Some(worker()));
    for path in &paths {
        let (status, head, _) = server.get(path);
        assert_eq!(status, 200, "{path}");
        assert_all(
            &head,
            &[NOSNIFF, "referrer-policy: same-origin\r\n", "cross-origin-resource-policy: same-origin\r\n"],
        );
        let cookie = format!("cookie: {}\r\n", server.cookie);
        let (status, _, body) = server.ask("GET", path, &format!("{cookie}host: evil.example\r\n"));
        assert_eq!((status, body.as_slice()), (404, b"not found".as_slice()), "{path}");
        // Nobody: pages lead to the door, files are not there.
        let (status, head, _) = server.ask("GET", path, "cookie: lanewalk=guess\r\n");
        if path.starts_with("/files") {
            assert_eq!(status, 404, "{path}");
        } else {
            assert_eq!(status, 303, "{path}");
            assert_all(&head, &["location: /login?next=%2F"]);
        }
    }
    let (_, head, _) = server.get(&paths[2]);
    assert_all(&head, &["default-src 'self';", "frame-ancestors 'none';", "cache-control: no-store\r\n"]);
}

#[test]
fn without_a_decoder_nothing_is_drawn_and_files_can_be_saved() {
    let mut scene = scene();
    let server = Server::start(&mut scene.town, None);
    let (status, _, body) = server.get(&file_path(scene.whole.record.thumbnail.unwrap().sha256, "320"));
    assert_eq!(status, 503);
    assert_all(&String::from_utf8(body).unwrap(), &["cannot be shown: no_decoder"]);
    assert_eq!(server.get(&file_path(scene.whole.record.original.sha256, "original")).0, 200);
}
