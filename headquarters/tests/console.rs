//! The console's pages over a small town that went through headquarters' real doors: imports,
//! enrolled phones with signed pushes, rules and people deciding.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod browser;

use lanewalk_headquarters::{
    Headquarters, Settings, Source,
    console::{Console, lang::Lang},
    gate::InProcess,
    import::IncomingOrder,
    store::{Place, StoredDoc},
};
use lanewalk_model::{
    document::{Document, Edit, Stamp},
    id::{ActorId, DeviceId, DocId, EventId, Hash, to_hex},
    order::Refusal,
    photo::{FileRef, PhotoRecord, PhotoRole},
    records::{MeasurementRecord, Method, NoteRecord, ProposalKind, ProposalRecord, to_json},
    schema::DocKind,
    staff::{Grant, Role},
    time::{Hlc, TimeMs},
};
use lanewalk_protocol::{
    VERSION,
    batch::{EntryBatch, chunk_hash},
    enrolment::{EnrolRequest, EnrolResponse},
    entry::{AnchorRef, ENTRY_FORMAT, Entry, Header, chain_message},
    frame,
    http::{self, Request},
    httpsig::{self, RequestParts},
    keys::{Algorithm, Domain, SoftSigner, sign_domain},
    limits,
    sync::{Cursor, Push, Salvage, SyncRequest},
};
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

const GRID: &str = "370705005008003";
const HOST: &str = "127.0.0.1:8645";
/// Escaping, formulas and bidirectional tricks at once.
const NASTY: &str = "=HYPERLINK(\"http://x\",\"y\")<script>alert(1)</script>'\u{202e}gpj.exe\u{200b}";

/// Reads China time.
fn at(text: &str) -> i64 {
    let time = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    time.and_utc().timestamp_millis() - 8 * 3_600_000
}

/// A clock that stands still until told, and numbers that repeat.
struct Fixed(AtomicI64, AtomicU64);

impl Source for Fixed {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
    fn fill_random(&self, buf: &mut [u8]) {
        for byte in buf {
            let x = self.1.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
            *byte = ((x ^ (x >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32) as u8;
        }
    }
}

struct Town {
    hq: Headquarters,
    clock: Arc<Fixed>,
    database: PathBuf,
    console: Console,
    _dir: tempfile::TempDir,
}

impl Town {
    fn new(start: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("headquarters.db");
        let clock = Arc::new(Fixed(AtomicI64::new(at(start)), AtomicU64::new(7)));
        let settings = Settings { public_url: format!("http://{HOST}"), ..Settings::default() };
        let mut hq =
            Headquarters::open(&Place::File(database.clone()), settings, clock.clone(), Box::new(InProcess))
                .unwrap();
        hq.put_staff("clerk-1", "刘敏", Role::HotlineClerk).unwrap();
        let everywhere = Grant { grid: "*".into(), role: Role::HotlineClerk, from: TimeMs(0), to: None };
        hq.grant("clerk-1", &everywhere).unwrap();
        for (id, name, role) in [
            ("gw-01", "王建国", Role::GridWorker),
            ("gw-02", "孙丽<b>", Role::GridWorker),
            ("ps-01", "周强", Role::PropertyStaff),
        ] {
            hq.put_staff(id, name, role).unwrap();
            hq.grant(id, &Grant { grid: GRID.into(), role, from: TimeMs(0), to: None }).unwrap();
        }
        let catalog = r#"{"version":"2026-1","units":[{"id":"sec-wuye","name_zh":"物业科"}],"matters":[{"matter_code":"020301","name_zh":"饲养动物扰民","match":["养猫"],"urgency":"general","lead_unit":"sec-wuye"}]}"#;
        hq.publish_reference("matter_catalog", "2026-1", catalog).unwrap();
        let ring = "[[[119.13,36.70],[119.14,36.70],[119.14,36.71],[119.13,36.71],[119.13,36.70]]]";
        let grids = format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{"cell_id":"{GRID}","name":"潍棉小区东"}},"geometry":{{"type":"Polygon","coordinates":{ring}}}}}]}}"#
        );
        hq.publish_reference("grids", "2026-1", &grids).unwrap();
        Self { hq, clock, console: Console::new(database.clone()), database, _dir: dir }
    }

    fn set(&self, time: &str) {
        self.clock.0.store(at(time), Ordering::SeqCst);
    }

    fn take_in(
        &mut self,
        n: u8,
        title: &str,
        place: &str,
        text: &str,
        reported: &str,
        urgent: bool,
    ) -> DocId {
        let order = IncomingOrder {
            upstream_id: format!("WF12345-{n:04}"),
            channel: "12345".into(),
            matter_text: "养猫".into(),
            title: title.into(),
            reported_text: text.into(),
            reported_address: place.into(),
            reported_at_ms: at(reported),
            upstream_due_at_ms: Some(at(reported) + 5 * 86_400_000),
            closed_at_ms: None,
            urgent,
            lat_e7: Some(367_050_000),
            lon_e7: Some(1_191_350_000),
            datum: "wgs84".into(),
            requester_name: Some("欧阳秋月".into()),
            requester_phone: Some("13800008000".into()),
            secrecy: true,
            payload_sha256: [n; 32],
        };
        self.hq.take_in(&[order], "clerk-1").unwrap();
        let sql = "SELECT d.id FROM upstream u JOIN docs d ON d.n = u.doc WHERE u.upstream_id = ?1";
        let id: Vec<u8> = self.hq.reader().query_row(sql, [format!("WF12345-{n:04}")], |r| r.get(0)).unwrap();
        DocId::from_slice(&id).unwrap()
    }

    fn get(&self, path: &str) -> String {
        let (status, html) = browser::page(&self.console, path, TimeMs(self.clock.now_ms()));
        assert_eq!(status, 200, "{path}");
        html
    }

    fn order(&self, id: DocId) -> String {
        self.get(&format!("/orders/{}", to_hex(&id.uuid)))
    }
}

/// A phone in a few lines: a chain, an actor, copies of documents.
struct Phone {
    worker: &'static str,
    device: DeviceId,
    signer: SoftSigner,
    nonce: String,
    anchor: AnchorRef,
    seq: u64,
    head: Hash,
    actor: ActorId,
    tick: i64,
    docs: HashMap<DocId, Document>,
    outbox: Vec<Entry>,
    salvage: Option<Salvage>,
}

impl Phone {
    fn enrol(town: &mut Town, worker: &'static str, key: u8) -> Self {
        let signer = SoftSigner::new(Algorithm::Ed25519, &[key; 32]).unwrap();
        let invitation = town.hq.invite(worker).unwrap();
        let body = frame::encode(&EnrolRequest::new(invitation.code, 1, &signer).unwrap());
        let request = Request {
            method: "POST".into(),
            authority: HOST.into(),
            path: http::ENROL_PATH.into(),
            body,
            ..Request::default()
        };
        let answer = town.hq.handle(&[request]).remove(0);
        assert_eq!(answer.status, 200);
        let enrolled: EnrolResponse = frame::decode(&answer.body, limits::MAX_RESPONSE_DECODED).unwrap();
        town.hq.confirm(enrolled.device).unwrap();
        let beacon = enrolled.beacon;
        Self {
            worker,
            device: enrolled.device,
            signer,
            nonce: http::header(&answer.headers, http::NEXT_NONCE).unwrap().to_owned(),
            anchor: AnchorRef { hq_time: beacon.hq_time, mono_at: 1_000, tag: beacon.tag },
            seq: 0,
            head: Hash([0; 32]),
            actor: ActorId([key; 16]),
            tick: 0,
            docs: HashMap::new(),
            outbox: Vec::new(),
            salvage: None,
        }
    }

    /// Takes what headquarters holds now, as if just synced.
    fn see(&mut self, town: &Town, id: DocId) {
        let saved = StoredDoc::find(town.hq.reader(), id).unwrap().unwrap().saved;
        self.docs.insert(id, Document::load(id.kind, &saved).unwrap());
    }

    /// Writes one change; `wall` is the phone's clock, `real` when it truly happened.
    fn write(&mut self, id: DocId, wall: &str, real: &str, edits: &[Edit]) {
        self.tick += 1;
        let stamp = Stamp {
            actor: self.actor,
            worker: self.worker.into(),
            hlc: Hlc::from_wall(TimeMs(at(wall) + self.tick)),
        };
        let document = self.docs.entry(id).or_insert_with(|| Document::new(id.kind));
        let change = document.edit(&stamp, edits).unwrap().unwrap();
        self.seq += 1;
        let header = Header {
            format: ENTRY_FORMAT,
            device: self.device,
            seq: self.seq,
            prev: self.head,
            doc: id,
            base_version: 1,
            wall_ms: at(wall),
            mono_ms: u64::try_from(at(real) - self.anchor.hq_time).unwrap() + 1_000,
            boot: [1; 8],
            anchor: Some(self.anchor),
            change: Hash(chunk_hash(&change)),
        };
        self.head = header.hash();
        self.outbox.push(Entry { header, change });
    }

    fn push(&mut self, town: &mut Town) {
        assert_eq!(self.offer(town), 200);
    }

    /// Offers what was written; returns the answer's status.
    fn offer(&mut self, town: &mut Town) -> u16 {
        let batch = EntryBatch::pack(&self.outbox).unwrap().unwrap();
        self.outbox.clear();
        let signature =
            sign_domain(&self.signer, Domain::Chain, &chain_message(self.device, self.seq, self.head))
                .unwrap();
        let sync = SyncRequest {
            version: VERSION,
            hq_epoch: 0,
            cursor: Cursor::default(),
            push: Some(Push { batch, signature }),
            page_bytes: 10_000,
            want: Vec::new(),
            // Three more acts are on the phone than it sends.
            last_seq: self.seq + 3,
            lease_version: 0,
            held: None,
            contradiction: None,
            salvage: self.salvage,
        };
        let body = frame::encode(&sync);
        let parts =
            RequestParts { method: "POST", authority: HOST, path: http::SYNC_PATH, query: "", body: &body };
        let signed =
            httpsig::sign_request(parts, 0, &self.nonce, &self.device.to_string(), &self.signer).unwrap();
        let headers = [
            (httpsig::CONTENT_DIGEST, signed.content_digest),
            (httpsig::SIGNATURE_INPUT, signed.signature_input),
            (httpsig::SIGNATURE, signed.signature),
        ];
        let headers = headers.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        let request = Request {
            method: "POST".into(),
            authority: HOST.into(),
            path: http::SYNC_PATH.into(),
            query: String::new(),
            headers,
            body,
        };
        let answer = town.hq.handle(&[request]).remove(0);
        self.nonce = http::header(&answer.headers, http::NEXT_NONCE).unwrap().to_owned();
        answer.status
    }
}

fn event(n: u8) -> EventId {
    EventId([n; 16])
}

fn propose(n: u8, kind: ProposalKind, version: u64, reason: &str) -> Edit {
    let days = (kind == ProposalKind::Extend).then_some(3);
    let record = ProposalRecord { extend_days: days, ..ProposalRecord::new(kind, version, reason) };
    Edit::set(format!("proposal/{}", event(n)), to_json(&record))
}

/// The cats of AC-3 and a few more orders: conflict, refusals, a contradicted clock.
fn cats() -> (Town, DocId) {
    let mut town = Town::new("2026-07-03 19:10");
    let text = "有人在楼道内养猫,气味大,请回电13800008000,欧阳秋月";
    let order = town.take_in(1, "楼道内养猫扰民", "潍棉小区3号楼楼道内", text, "2026-07-03 19:05", false);
    town.take_in(2, NASTY, NASTY, NASTY, "2026-07-03 18:00", true);
    town.take_in(3, "夜间施工噪音", "健康东街工地", "夜间施工", "2026-07-04 21:00", false);
    let mut a = Phone::enrol(&mut town, "gw-01", 1);
    let mut b = Phone::enrol(&mut town, "gw-02", 2);
    let mut c = Phone::enrol(&mut town, "ps-01", 3);
    for phone in [&mut a, &mut b, &mut c] {
        phone.see(&town, order);
    }
    // Two workers disagree about where the cats are; the second one's clock is an hour behind.
    let visit = DocId { kind: DocKind::Visit, uuid: [0xA1; 16] };
    a.write(order, "2026-07-04 07:50", "2026-07-04 07:50", &[propose(3, ProposalKind::Ack, 1, "")]);
    a.write(
        visit,
        "2026-07-04 08:20",
        "2026-07-04 08:20",
        &[
            Edit::set("order", order.to_string()),
            Edit::set("grid", GRID),
            Edit::set("kind", "site_check"),
            Edit::set("by", "gw-01"),
            Edit::set("started", at("2026-07-04 08:05")),
            Edit::set("ended", at("2026-07-04 08:20")),
            Edit::set("result", "met"),
            Edit::set(
                "position",
                r#"{"lat":367050100,"lon":1191350200,"acc":12,"src":"gps","datum":"wgs84"}"#,
            ),
            Edit::set("notes", "欧阳秋月家对门,电话13800008000。楼道无猫,室内清点。"),
            Edit::set(
                format!("measurement/{}", event(1)),
                to_json(&MeasurementRecord {
                    what: "猫".into(),
                    milli: 20_000,
                    unit: "只".into(),
                    method: Method::Counted,
                    at: TimeMs(at("2026-07-04 08:15")),
                }),
            ),
            Edit::set(format!("photo/{}", event(2)), photo_record(0xab)),
            Edit::set(format!("caption/{}", event(2)), "住户门口"),
        ],
    );
    a.write(
        order,
        "2026-07-04 08:25",
        "2026-07-04 08:25",
        &[
            Edit::set("verified_address", "潍棉小区3号楼201室内"),
            Edit::set("verified_facts", "实为住户家中养猫20只"),
            Edit::set("severity", 2),
        ],
    );
    a.write(
        order,
        "2026-07-04 08:30",
        "2026-07-04 08:30",
        &[propose(4, ProposalKind::Extend, 1, "需与房东 0536-8123456 约时间")],
    );
    b.write(
        order,
        "2026-07-04 08:40",
        "2026-07-04 09:40",
        &[
            Edit::set("verified_address", "潍棉小区3号楼202室内"),
            Edit::set(
                format!("note/{}", event(5)),
                to_json(&NoteRecord { text: NASTY.into(), at: TimeMs(at("2026-07-04 08:40")) }),
            ),
        ],
    );
    b.write(order, "2026-07-04 08:50", "2026-07-04 09:50", &[propose(6, ProposalKind::Return, 1, "不属实")]);
    // A property manager may not write the reply: refused, kept outside the document.
    c.write(order, "2026-07-04 10:00", "2026-07-04 10:00", &[Edit::set("reply_text", "已处理")]);
    // Nor open a visit in a grid that is not theirs: this document never comes to be.
    c.write(
        DocId { kind: DocKind::Visit, uuid: [0xC3; 16] },
        "2026-07-04 10:10",
        "2026-07-04 10:10",
        &[
            Edit::set("order", order.to_string()),
            Edit::set("grid", "370705005008009"),
            Edit::set("kind", "prelim"),
            Edit::set("by", "ps-01"),
            Edit::set("notes", "跨网格上门"),
        ],
    );
    town.set("2026-07-04 12:00");
    a.push(&mut town);
    b.push(&mut town);
    c.push(&mut town);
    town.hq.revoke(c.device).unwrap();
    (town, order)
}

fn assert_all(html: &str, wanted: &[&str]) {
    for text in wanted {
        assert!(html.contains(text), "{text} is not in\n{html}");
    }
}

#[test]
fn the_board_shows_what_needs_a_person() {
    let (town, order) = cats();
    let html = town.get("/");
    assert_all(
        &html,
        &[
            &to_hex(&order.uuid),
            "楼道内养猫扰民",
            "潍棉小区3号楼楼道内",
            GRID,
            "王建国",
            "2026-07-07",
            "剩 3 天 5 小时",
            "逾期 16 小时 0 分",
            "紧急",
            "冲突 1",
            "申请 1",
            "延期",
            "3 个工作日",
            "[号码]",
            "周强",
            "3 条未上传",
            "已吊销",
            "未采纳",
            "角色不能填写此项",
            "role_field",
            "日志条目",
            "总部纪元",
            "data-live",
        ],
    );
    // Urgent first, though its row is younger; the overdue one says so in words.
    let open = html.split_once("id=\"open\"").unwrap().1;
    assert!(open.find("HYPERLINK").unwrap() < open.find("楼道内养猫扰民").unwrap());
}

#[test]
fn an_order_shows_both_sides_every_voice_and_the_log() {
    let (town, order) = cats();
    let html = town.order(order);
    assert_all(
        &html,
        &[
            "WF12345-0001",
            "饲养动物扰民",
            "物业科",
            "潍棉小区东",
            "街道时限",
            "上级时限",
            // R44: reported beside verified, difference marked and named.
            "反映与查实",
            "<mark>楼道</mark>",
            "不同",
            "潍棉小区3号楼",
            "实为住户家中养猫20只",
            // Every voice of the conflict.
            "待人决定",
            "201室内",
            "202室内",
            "王建国",
            "孙丽&lt;b&gt;",
            // Proposals in words.
            "<strong>同意 ",
            "待决定",
            "不属实",
            "申请与决定",
            // Visit, measurement, photo.
            "现场查实",
            "20",
            "清点",
            "处理前",
            "1.7 MB",
            "相册导入",
            "住户门口",
            "卫星定位",
            // Log: clocks and refusal.
            "时间可信",
            "时钟矛盾,待复核",
            "未采纳",
            "已处理",
            "不在本人网格内",
            "跨网格上门",
            "总部规则",
            "初查/查实",
            "2026-07-04</span> <span class=\"clock\">08:40",
        ],
    );
    assert!(!html.contains("http-equiv=\"refresh\""));
    // The same page under the id's other spelling.
    let main = |html: &str| html.split_once("<main").unwrap().1.to_owned();
    assert_eq!(main(&html), main(&town.get(&format!("/orders/{order}"))));
}

fn photo_record(n: u8) -> String {
    to_json(&PhotoRecord {
        original: FileRef { sha256: Hash([n; 32]), bytes: 1_887_437 },
        evidence: None,
        thumbnail: None,
        media: "image/jpeg".into(),
        size: Some((4_000, 3_000)),
        taken_at: TimeMs(at("2026-07-04 08:16")),
        role: PhotoRole::Before,
        in_app: false,
        position: None,
        phash: None,
        exif: None,
    })
}

/// A photo says how far the time of the entry that brought it counts; one whose record was refused
/// is shown as such, under the entry that was accepted where there are both.
#[test]
fn a_photo_bears_the_trust_of_its_entry_and_a_refused_one_says_so() {
    let (mut town, order) = cats();
    let visit = DocId { kind: DocKind::Visit, uuid: [0xB7; 16] };
    let mut phone = Phone::enrol(&mut town, "gw-02", 9);
    let make = [
        Edit::set("order", order.to_string()),
        Edit::set("grid", GRID),
        Edit::set("kind", "handle"),
        Edit::set("by", "gw-02"),
        Edit::set(format!("photo/{}", event(7)), photo_record(7)),
    ];
    phone.write(visit, "2026-07-04 13:00", "2026-07-04 14:00", &make);
    // Its author may not ask for originals, so the whole change stays out.
    let refused = [
        Edit::set(format!("photo/{}", event(8)), photo_record(8)),
        Edit::set(format!("photo/{}", event(7)), photo_record(6)),
        Edit::set(format!("original_wanted/{}", event(8)), true),
    ];
    phone.write(visit, "2026-07-04 14:01", "2026-07-04 14:01", &refused);
    town.set("2026-07-04 14:30");
    phone.push(&mut town);
    let html = town.order(order);
    let cards: Vec<&str> = html.split("<figure class=\"photo\">").skip(1).collect();
    assert_eq!(cards.len(), 3);
    assert_all(cards[0], &["时钟矛盾,待复核", "原图等手机连上 Wi-Fi 再传"]);
    assert!(!cards[0].contains("记录未被接受"));
    assert_all(cards[1], &["记录未被接受", "照片记录未被接受"]);
    assert_all(cards[2], &["时间可信", "住户门口"]);
    let page = town.get(&format!("/photos/{}/{}", to_hex(&visit.uuid), event(8)));
    assert_all(
        &page,
        &["照片记录未被接受", "孙丽&lt;b&gt;", "2026-07-04</span> <span class=\"clock\">14:01", "2 / 3"],
    );
}

#[test]
fn a_refused_proposal_gives_its_reason_in_both_languages() {
    let (mut town, order) = cats();
    let waiting = town.hq.waiting().unwrap();
    let extend = waiting.iter().find(|w| w.record.kind == ProposalKind::Extend).unwrap();
    town.hq.decide(order, &extend.event, false, "clerk-1", "先上门再说").unwrap();
    let html = town.order(order);
    assert_all(&html, &[Refusal::RefusedByPerson.zh(), Refusal::RefusedByPerson.en(), "先上门再说", "刘敏"]);
    let board = town.get("/");
    assert!(board.contains("没有待决定的申请") && !board.contains("申请 1"));
}

#[test]
fn nothing_names_the_requester_anywhere() {
    let (town, order) = cats();
    for html in [town.get("/"), town.order(order)] {
        for secret in ["欧阳秋月", "13800008000", "8123456"] {
            assert!(!html.contains(secret), "{secret}");
        }
    }
    // The clerk sees who it may be, and nobody else's words tell more.
    assert!(!town.get("/").contains("欧阳"));
    assert_all(&town.order(order), &["欧阳**", "138****8000"]);
    assert!(town.order(order).contains("[姓名]家对门"), "the worker's note stays, without the name");
}

#[test]
fn text_of_strangers_stays_text() {
    let (town, order) = cats();
    let nasty: Vec<u8> = town
        .hq
        .reader()
        .query_row(
            "SELECT d.id FROM upstream u JOIN docs d ON d.n = u.doc WHERE u.upstream_id = 'WF12345-0002'",
            [],
            |r| r.get(0),
        )
        .unwrap();
    for html in [town.get("/"), town.order(order), town.order(DocId::from_slice(&nasty).unwrap())] {
        assert!(!html.contains("<script>") && !html.contains("孙丽<b>"));
        assert!(!html.contains('\u{202e}') && !html.contains('\u{200b}'));
        assert_all(&html, &["=HYPERLINK(", "&lt;script&gt;", "⟨U+202E⟩", "⟨U+200B⟩"]);
    }
}

#[test]
fn long_lists_say_what_they_leave_out() {
    let mut town = Town::new("2026-07-03 19:10");
    for n in 0..205 {
        town.take_in(n, &format!("第{n}件"), "某处", "事由", "2026-07-03 19:05", false);
    }
    let html = town.get("/");
    assert_all(&html, &["另有 5 条未显示", "5 more not shown", r#"<span class="count">205</span>"#]);
    assert_eq!(html.matches("class=\"title\"").count(), 200);
}

#[test]
fn refused_entries_leave_the_board_after_a_week_and_stay_in_the_history() {
    let (town, order) = cats();
    assert_all(&town.get("/"), &["角色不能填写此项", "不在本人网格内"]);
    town.set("2026-07-11 11:59");
    assert_all(&town.get("/"), &["角色不能填写此项", "不在本人网格内"]);
    town.set("2026-07-11 12:01");
    assert_all(&town.get("/"), &["没有未采纳的条目"]);
    assert_all(&town.order(order), &["角色不能填写此项", "不在本人网格内"]);
}

/// F31: a clock that was set back is said on the board, and no more once it has caught up.
#[test]
fn a_clock_that_was_set_back_is_told() {
    let mut town = Town::new("2026-07-03 19:10");
    town.take_in(1, "养猫", "潍棉小区3号楼", "楼道养猫", "2026-07-03 18:00", false);
    let told = |town: &Town| town.get("/").contains("服务器时钟比最近一条记录慢 1 小时 0 分");
    assert!(!told(&town));
    town.set("2026-07-03 18:10");
    assert!(told(&town));
    town.set("2026-07-03 19:11");
    assert!(!told(&town));
}

#[test]
fn an_empty_headquarters_has_a_board_and_unknown_orders_have_none() {
    let town = Town::new("2026-07-03 19:10");
    assert_all(&town.get("/"), &["没有工单", "没有待决定的申请", "没有设备", "没有未采纳的条目"]);
    let id = "00112233445566778899aabbccddeeff";
    for path in [format!("/orders/{id}"), format!("/orders/visit:{id}"), "/orders/".into(), "/v2".into()] {
        assert_eq!(browser::page(&town.console, &path, TimeMs(0)).0, 404, "{path}");
    }
    let garbage = town.database.with_extension("txt");
    std::fs::write(&garbage, "not a database").unwrap();
    assert_eq!(browser::page(&Console::new(garbage), "/", TimeMs(0)).0, 500);
}

/// F7: a salvage is told wherever phones are shown, an alarm as long as entries do not arrive, and one
/// line of the access log is found by the phone's own address.
#[test]
fn a_salvaged_phone_is_told_where_phones_are_shown() {
    let (mut town, order) = cats();
    let mut phone = Phone::enrol(&mut town, "gw-02", 9);
    phone.see(&town, order);
    phone.salvage = Some(Salvage {
        number: 1,
        identity: true,
        entries: 41,
        unsent: 9,
        export_only: 5,
        missing: 2,
        photos: 3,
    });
    for n in [21, 22] {
        phone.write(order, "2026-07-04 12:00", "2026-07-04 12:00", &[propose(n, ProposalKind::Ack, 1, "")]);
        phone.push(&mut town);
    }
    let now = TimeMs(town.clock.now_ms());
    let admin = |path: &str| {
        let mut visitor = browser::visitor("ad-01", Role::Liaison);
        visitor.admin = true;
        let answer = town.console.get(&browser::ask(path, visitor, now), Lang::Both);
        assert_eq!(answer.status, 200, "{path}");
        String::from_utf8(answer.body).unwrap()
    };
    let saved = ["数据库损坏后抢救", "救回 41 条,读不出 2 条,等新邀请码 5 条"];
    let stuck = "手机数据库损坏,条目传不上来";
    assert_all(&town.get("/"), &saved);
    assert!(!town.get("/").contains(stuck), "for administrators");
    assert_all(&admin("/devices"), &saved);
    for path in ["/devices", "/staff"] {
        assert_all(&admin(path), &[stuck, "2 条读不出,其后 5 条要等新的邀请码"]);
    }
    let log = admin(&format!("/audit?about={}", phone.device));
    assert_all(&log, &["手机数据库损坏后抢救", "等新邀请码 5, 读不出 2"]);
    assert_eq!(log.matches("store_salvaged").count(), 1, "once");
    // Everything arrived after all: headquarters held what the phone could not read.
    let file = rusqlite::Connection::open(&town.database).unwrap();
    file.execute("UPDATE devices SET announced_seq = last_seq WHERE id = ?1", [phone.device.0]).unwrap();
    assert!(!admin("/devices").contains(stuck));
    assert_all(&admin("/devices"), &saved);
}

/// F27: of a device that two phones write as, the list of devices says so.
#[test]
fn a_copied_phone_is_told_where_phones_are_shown() {
    let (mut town, order) = cats();
    let mut phone = Phone::enrol(&mut town, "gw-02", 9);
    phone.see(&town, order);
    let copied = "数据被复制或回退";
    let start = (phone.seq, phone.head, phone.docs.clone());
    for (n, status, told) in [(31, 200, false), (32, 409, true)] {
        // Both times the first entry of the chain.
        (phone.seq, phone.head, phone.docs) = start.clone();
        phone.write(order, "2026-07-04 12:00", "2026-07-04 12:00", &[propose(n, ProposalKind::Ack, 1, "")]);
        assert_eq!(phone.offer(&mut town), status);
        assert_eq!(town.get("/").contains(copied), told);
    }
}

/// F46: what a phone proves against the log stands on every page where an administrator comes in.
#[test]
fn a_rewritten_log_is_an_alarm_where_administrators_come_in() {
    let mut town = Town::new("2026-07-03 19:10");
    let phone = Phone::enrol(&mut town, "gw-01", 1);
    let now = TimeMs(town.clock.now_ms());
    let see = |path: &str, role: Role, admin: bool| {
        let mut visitor = browser::visitor("x-01", role);
        visitor.admin = admin;
        let answer = town.console.get(&browser::ask(path, visitor, now), Lang::Both);
        assert_eq!(answer.status, 200, "{path}");
        String::from_utf8(answer.body).unwrap().contains("总部日志可能被改写")
    };
    let everywhere = |wanted: bool| {
        for (path, role, admin) in [
            ("/", Role::Auditor, false),
            ("/", Role::HotlineClerk, true),
            ("/devices", Role::Liaison, true),
            ("/staff", Role::Liaison, true),
        ] {
            assert_eq!(see(path, role, admin), wanted, "{path} {role:?}");
        }
        assert!(!see("/", Role::HotlineClerk, false), "not for those who may not read the access log");
    };
    everywhere(false);
    let file = rusqlite::Connection::open(&town.database).unwrap();
    let sql = "INSERT INTO contradictions (device, held, seen, at)
               SELECT n, CAST('a' AS BLOB), CAST('b' AS BLOB), ?2 FROM devices WHERE id = ?1";
    assert_eq!(file.execute(sql, rusqlite::params![phone.device.0, now.0]).unwrap(), 1);
    everywhere(true);
}
