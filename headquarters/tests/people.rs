//! Accounts, sessions, the access log, retention and acts of two: through headquarters' own doors
//! and over real sockets.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod browser;

use lanewalk_headquarters::{
    Headquarters, HqError, Settings, Source,
    console::{
        Console,
        lang::Lang,
        web::{Fields, Method},
    },
    gate::InProcess,
    import::IncomingOrder,
    people::{self, Entered, Search},
    server::{Desk, router, serve},
    store::Place,
};
use lanewalk_model::{
    id::DocId,
    schema::DocKind,
    staff::{Grant, Role},
    time::TimeMs,
};
use lanewalk_protocol::{
    enrolment::EnrolRequest,
    frame, http,
    keys::{Algorithm, SoftSigner},
};
use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};
use tokio::sync::oneshot;

const START: i64 = 1_770_000_000_000;
const MINUTE: i64 = 60_000;
const PASSWORD: &str = "blue kettle lane";

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

struct House {
    hq: Option<Headquarters>,
    clock: Arc<Fixed>,
    database: PathBuf,
    _dir: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("headquarters.db");
        let clock = Arc::new(Fixed(AtomicI64::new(START), AtomicU64::new(7)));
        let place = Place::File(database.clone());
        let mut hq =
            Headquarters::open(&place, Settings::default(), clock.clone(), Box::new(InProcess)).unwrap();
        for (id, role) in [
            ("hc-01", Role::HotlineClerk),
            ("ad-01", Role::Liaison),
            ("ad-02", Role::Auditor),
            ("gw-01", Role::GridWorker),
        ] {
            hq.put_staff(id, id, role).unwrap();
            hq.grant(id, &Grant { grid: "*".into(), role, from: TimeMs(0), to: None }).unwrap();
        }
        Self { hq: Some(hq), clock, database, _dir: dir }
    }

    fn hq(&mut self) -> &mut Headquarters {
        self.hq.as_mut().unwrap()
    }

    fn later(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    fn account(&mut self, staff: &str) {
        let code = self.hq().account_code(staff, None, "hq").unwrap();
        self.hq().set_password(&code, PASSWORD).unwrap();
    }

    fn attempt(&mut self, staff: &str, password: &str, code: &str, address: &str) -> Entered {
        match self.hq().begin_sign_in(staff, address).unwrap() {
            Err(wait) => wait,
            Ok(attempt) => {
                let right = people::judge(&attempt, password);
                self.hq().end_sign_in(&attempt, right, code, "test").unwrap()
            }
        }
    }

    fn count(&mut self, sql: &str) -> i64 {
        self.hq().reader().query_row(sql, [], |r| r.get(0)).unwrap()
    }
}

fn refused(result: Result<impl std::fmt::Debug, HqError>, words: &str) {
    match result {
        Err(HqError::NotAllowed(why)) => assert!(why.contains(words), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_code_sets_one_password_once() {
    let mut house = House::new();
    let code = house.hq().account_code("hc-01", None, "ad-01").unwrap();
    assert_eq!(house.attempt("hc-01", PASSWORD, "", "a"), Entered::No);
    refused(house.hq().set_password(&code, "1234567"), "8");
    refused(house.hq().set_password(&code, "12345678"), "too common");
    refused(house.hq().set_password("AAAA-BBBB", PASSWORD), "the code is wrong");
    // As people type it.
    assert_eq!(house.hq().set_password(&code.to_lowercase().replace('-', " "), PASSWORD).unwrap(), "hc-01");
    refused(house.hq().set_password(&code, PASSWORD), "the code is wrong");
    assert!(matches!(house.attempt("hc-01", PASSWORD, "", "a"), Entered::Yes(_)));
    let late = house.hq().account_code("hc-01", None, "ad-01").unwrap();
    house.later(3 * 24 * 60 * MINUTE);
    refused(house.hq().set_password(&late, PASSWORD), "too old");
    assert!(matches!(house.hq().account_code("nobody", None, "ad-01"), Err(HqError::NotFound(_))));
    // Neither code nor password is anywhere in the database.
    let bytes = std::fs::read(&house.database).unwrap();
    assert!(!bytes.windows(PASSWORD.len()).any(|w| w == PASSWORD.as_bytes()));
    assert!(!bytes.windows(code.len()).any(|w| w == code.as_bytes()));
}

#[test]
fn failures_cost_time_and_lock_nobody_out() {
    let mut house = House::new();
    house.account("hc-01");
    for staff in ["hc-01", "no-such", "街道\"' OR 1=1"] {
        for n in 0..5 {
            assert_eq!(
                house.attempt(staff, "wrong password", "", &format!("{staff}{n}")),
                Entered::No,
                "{staff}"
            );
        }
        // Known or not: the same answer.
        assert_eq!(house.attempt(staff, PASSWORD, "", "other"), Entered::Wait(3), "{staff}");
    }
    house.later(2_001);
    assert_eq!(house.attempt("hc-01", "wrong password", "", "a"), Entered::No);
    assert_eq!(house.attempt("hc-01", PASSWORD, "", "a"), Entered::Wait(5));
    house.later(5 * MINUTE);
    assert!(matches!(house.attempt("hc-01", PASSWORD, "", "a"), Entered::Yes(_)));
    assert_eq!(house.attempt("hc-01", "wrong password", "", "a"), Entered::No);
    // One address that tries many names waits too.
    let mut waits = 0;
    for n in 0..40 {
        waits +=
            i32::from(matches!(house.attempt(&format!("x-{n}"), "guess guess", "", "bad"), Entered::Wait(_)));
    }
    assert_eq!(waits, 10);
}

#[test]
fn sessions_end_idle_old_or_when_told() {
    let mut house = House::new();
    house.account("hc-01");
    let enter = |house: &mut House| match house.attempt("hc-01", PASSWORD, "", "a") {
        Entered::Yes(token) => token,
        other => panic!("{other:?}"),
    };
    let settings = Settings::default();
    let alive = |house: &mut House, token: &str| {
        let now = house.hq().now();
        people::visitor(house.hq().reader(), token, &settings, now).unwrap().is_some()
    };
    let token = enter(&mut house);
    assert!(alive(&mut house, &token) && !alive(&mut house, "guess") && !alive(&mut house, ""));
    house.later(30 * MINUTE + 1);
    assert!(!alive(&mut house, &token), "idle");
    let token = enter(&mut house);
    for _ in 0..24 {
        house.later(29 * MINUTE);
        assert!(alive(&mut house, &token));
        house.hq().session_seen(&token).unwrap();
    }
    house.later(29 * MINUTE);
    assert!(!alive(&mut house, &token), "twelve hours");
    let (one, two) = (enter(&mut house), enter(&mut house));
    assert_ne!(one, two);
    house.hq().sign_out(&one).unwrap();
    assert!(!alive(&mut house, &one) && alive(&mut house, &two));
    house.hq().sign_out_everywhere("hc-01", "hc-01").unwrap();
    assert!(!alive(&mut house, &two));
    let token = enter(&mut house);
    house.hq().set_active("hc-01", false, "ad-01").unwrap();
    assert!(!alive(&mut house, &token));
    assert_eq!(house.attempt("hc-01", PASSWORD, "", "a"), Entered::No);
    refused(house.hq().set_active("ad-01", false, "ad-01"), "own account");
    assert_eq!(house.count("SELECT count(*) FROM sessions WHERE staff = 'hc-01'"), 0);
}

/// RFC 6238 for the secret that was shown, as the app on a phone does it.
fn app(secret: &str, at: i64) -> String {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mut bits = String::new();
    for c in secret.chars().filter(|c| *c != '-') {
        let n = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).unwrap();
        bits.push_str(&format!("{n:05b}"));
    }
    let key: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|b| u8::from_str_radix(std::str::from_utf8(b).unwrap(), 2).unwrap())
        .collect();
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&key).unwrap();
    mac.update(&(at / 30_000).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let o = usize::from(digest[19] & 15);
    let n = u32::from_be_bytes([digest[o], digest[o + 1], digest[o + 2], digest[o + 3]]) & 0x7FFF_FFFF;
    format!("{:06}", n % 1_000_000)
}

#[test]
fn an_administrator_has_powers_only_with_an_app_and_each_code_once() {
    let mut house = House::new();
    let code = house.hq().account_code("ad-01", Some(true), "hq").unwrap();
    house.hq().set_password(&code, PASSWORD).unwrap();
    let admin = |house: &mut House, entered: Entered| {
        let Entered::Yes(token) = entered else { panic!("{entered:?}") };
        let now = house.hq().now();
        people::visitor(house.hq().reader(), &token, &Settings::default(), now).unwrap().unwrap().0.admin
    };
    let entered = house.attempt("ad-01", PASSWORD, "", "a");
    assert!(!admin(&mut house, entered));
    let (address, secret) = house.hq().offer_totp("ad-01", PASSWORD, "").unwrap();
    assert!(address.starts_with("otpauth://totp/Lanewalk:ad-01?secret="));
    refused(house.hq().confirm_totp("ad-01", "000000"), "does not fit");
    house.hq().confirm_totp("ad-01", &app(&secret, START)).unwrap();
    // The code that confirmed the app is used up.
    assert_eq!(house.attempt("ad-01", PASSWORD, &app(&secret, START), "a"), Entered::No);
    assert_eq!(house.attempt("ad-01", PASSWORD, "", "a"), Entered::No);
    house.later(30_000);
    let now = START + 30_000;
    assert_eq!(house.attempt("ad-01", "wrong password", &app(&secret, now), "a"), Entered::No);
    let entered = house.attempt("ad-01", PASSWORD, &app(&secret, now), "a");
    assert!(admin(&mut house, entered));
    assert_eq!(house.attempt("ad-01", PASSWORD, &app(&secret, now), "a"), Entered::No);
}

/// Makes an administrator with an app; returns the app's secret.
fn administrator(house: &mut House, staff: &str) -> String {
    let code = house.hq().account_code(staff, Some(true), "hq").unwrap();
    house.hq().set_password(&code, PASSWORD).unwrap();
    let (_, secret) = house.hq().offer_totp(staff, PASSWORD, "").unwrap();
    let now = house.hq().now().0;
    house.hq().confirm_totp(staff, &app(&secret, now)).unwrap();
    house.later(30_000);
    secret
}

#[test]
fn another_app_takes_the_password_and_the_app_that_is_bound() {
    let mut house = House::new();
    let first = administrator(&mut house, "ad-01");
    let now = house.hq().now().0;
    for (password, code) in [
        ("", String::new()),
        (PASSWORD, String::new()),
        (PASSWORD, "000000".into()),
        (PASSWORD, app(&first, now - 30_000)),
        ("wrong password", app(&first, now)),
    ] {
        refused(house.hq().offer_totp("ad-01", password, &code), "password or code is wrong");
    }
    // Guesses here wait like guesses at the door, and there too.
    refused(house.hq().offer_totp("ad-01", PASSWORD, &app(&first, now)), "try again in 3 s");
    assert_eq!(house.attempt("ad-01", PASSWORD, &app(&first, now), "a"), Entered::Wait(3));
    house.later(30_000);
    let now = now + 30_000;
    let (_, second) = house.hq().offer_totp("ad-01", PASSWORD, &app(&first, now)).unwrap();
    refused(house.hq().offer_totp("ad-01", PASSWORD, &app(&first, now)), "code is wrong");
    house.hq().confirm_totp("ad-01", &app(&second, now)).unwrap();
    house.later(30_000);
    assert_eq!(house.attempt("ad-01", PASSWORD, &app(&first, now + 30_000), "a"), Entered::No);
    // Lost with the phone: unbound by hand, which ends every session.
    let entered = house.attempt("ad-01", PASSWORD, &app(&second, now + 30_000), "a");
    assert!(matches!(entered, Entered::Yes(_)));
    house.hq().drop_totp("ad-01", "hq").unwrap();
    assert_eq!(house.count("SELECT count(*) FROM sessions"), 0);
    assert!(matches!(house.attempt("ad-01", PASSWORD, "", "a"), Entered::Yes(_)));
    assert!(matches!(house.hq().drop_totp("gw-01", "hq"), Err(HqError::NotFound(_))));
    // Nobody without an account proves anything.
    refused(house.hq().prove("gw-01", None, "000000"), "code is wrong");
}

#[test]
fn acts_of_an_administrator_name_him_and_the_code_for_another_takes_his_app() {
    let mut house = House::new();
    let secret = administrator(&mut house, "ad-01");
    administrator(&mut house, "ad-02");
    house.account("hc-01");
    let now = house.hq().now();
    let act = |house: &mut House, path: &str, form: &str| {
        let mut visitor = browser::visitor("ad-01", Role::Liaison);
        (visitor.admin, visitor.session) = (true, "5e55".into());
        let mut ask = browser::ask(path, visitor, now);
        (ask.method, ask.form) = (Method::Post, Fields::parse(form.as_bytes()));
        let answer = Console::post(house.hq(), &ask, Lang::Both);
        (answer.status, String::from_utf8(answer.body).unwrap())
    };
    let codes = "SELECT count(*) FROM audit WHERE what IN ('account_code', 'admin_code') AND who = 'ad-01'";
    for form in ["act=code".to_owned(), "act=code&proof=123456".into()] {
        assert_eq!(act(&mut house, "/staff/ad-02", &form).0, 422);
    }
    assert_eq!(house.count(codes), 0);
    let proof = app(&secret, now.0);
    let (status, html) = act(&mut house, "/staff/ad-02", &format!("act=code&proof={proof}"));
    assert!(status == 200 && html.contains("class=\"secret\""), "{html}");
    assert_eq!(act(&mut house, "/staff/ad-02", &format!("act=code&proof={proof}")).0, 422, "once");
    assert_eq!(act(&mut house, "/staff/hc-01", "act=code").0, 200, "no administrator's account");
    assert_eq!(house.count(codes), 2);
    for form in ["act=grant&grid=*", "act=code"] {
        assert_eq!(act(&mut house, "/staff/ad-01", form).0, 422, "nothing for oneself: {form}");
    }
    for (form, what) in
        [("act=grant&grid=g-1", "grant"), ("act=end&grid=g-1", "end_grant"), ("act=invite", "invite")]
    {
        assert!(act(&mut house, "/staff/gw-01", form).0 < 400, "{form}");
        let about = "about LIKE 'gw-01%'";
        let by = format!("what = '{what}' AND who = 'ad-01' AND session = '5e55' AND {about}");
        assert_eq!(house.count(&format!("SELECT count(*) FROM audit WHERE {by}")), 1, "{what}");
        let no_one = format!("what = '{what}' AND who = 'hq' AND at >= {} AND {about}", now.0);
        assert_eq!(house.count(&format!("SELECT count(*) FROM audit WHERE {no_one}")), 0, "{what}");
    }
    let device = "0".repeat(32);
    assert_eq!(act(&mut house, "/devices", &format!("act=revoke&sure=yes&device={device}")).0, 303);
    assert_eq!(house.count("SELECT count(*) FROM audit WHERE what = 'revoke' AND who = 'ad-01'"), 1);
}

/// F42: what was compared is what is confirmed; nobody else may, and nothing is confirmed by accident.
#[test]
fn an_administrator_confirms_the_fingerprint_that_was_shown() {
    let mut house = House::new();
    let invitation = house.hq().invite("gw-01").unwrap();
    let enrol = |house: &mut House, n: u8| {
        let key = SoftSigner::new(Algorithm::Es256, &[n; 32]).unwrap();
        let request = http::Request {
            method: "POST".into(),
            path: http::ENROL_PATH.into(),
            body: frame::encode(&EnrolRequest::new(invitation.code, 1, &key).unwrap()),
            ..http::Request::default()
        };
        let status = house.hq().handle(&[request])[0].status;
        (status, key.public_key().short_fingerprint())
    };
    let (status, fingerprint) = enrol(&mut house, 3);
    assert_eq!(status, 200);
    assert_eq!(enrol(&mut house, 4).0, 403);
    let now = house.hq().now();
    let ask = |form: &str, admin: bool| {
        let mut visitor = browser::visitor("ad-01", Role::Liaison);
        (visitor.admin, visitor.session) = (admin, "5e55".into());
        let mut ask = browser::ask("/devices", visitor, now);
        if !form.is_empty() {
            (ask.method, ask.form) = (Method::Post, Fields::parse(form.as_bytes()));
        }
        ask
    };
    let console = Console::new(house.database.clone());
    let answer = console.get(&ask("", true), Lang::Both);
    let html = String::from_utf8(answer.body).unwrap();
    assert!(html.contains(&fingerprint) && html.contains("another phone tried the same code"), "{html}");
    let device: String = house
        .hq()
        .reader()
        .query_row("SELECT lower(hex(id)) FROM devices WHERE worker = 'gw-01'", [], |r| r.get(0))
        .unwrap();
    let shown = fingerprint.replace(' ', "+");
    let mut act = |form: String, admin| Console::post(house.hq(), &ask(&form, admin), Lang::Both).status;
    let right = format!("act=confirm&sure=yes&device={device}&fingerprint={shown}");
    assert_eq!(
        act(format!("act=confirm&sure=yes&device={device}&fingerprint=0000+0000+0000+0000"), true),
        422
    );
    assert_eq!(act(format!("act=confirm&device={device}&fingerprint={shown}"), true), 422, "not ticked");
    assert_eq!(act(right.clone(), false), 404, "administrators only");
    assert_eq!(act(right.clone(), true), 303);
    assert_eq!(act(right, true), 422, "it waits no more");
    let line = format!("what = 'confirm' AND who = 'ad-01' AND about = 'gw-01 {fingerprint}'");
    assert_eq!(house.count(&format!("SELECT count(*) FROM audit WHERE {line}")), 1);
}

#[test]
fn the_log_shows_when_a_line_was_touched() {
    let mut house = House::new();
    house.account("hc-01");
    house.attempt("hc-01", PASSWORD, "", "a");
    assert_eq!(people::check_chain(house.hq().reader()).unwrap(), None);
    let found =
        people::search(house.hq().reader(), &Search { who: "hc-01".into(), ..Search::default() }, 1).unwrap();
    assert_eq!((found.lines.len(), found.total, found.lines[0].what.as_str()), (1, 2, "sign_in"));
    let day = Search { from: Some(TimeMs(START + 1)), ..Search::default() };
    assert_eq!(people::search(house.hq().reader(), &day, 9).unwrap().total, 0);
    let n = found.lines[0].n;
    drop(house.hq.take());
    let db = rusqlite::Connection::open(&house.database).unwrap();
    assert!(db.execute("UPDATE audit SET who = 'x'", []).is_err());
    assert!(db.execute("DELETE FROM audit", []).is_err());
    // Whoever can take the triggers away still cannot make the chain fit.
    db.execute_batch("DROP TRIGGER audit_stays; DROP TRIGGER audit_grows").unwrap();
    db.execute("UPDATE audit SET purpose = 'x' WHERE n = ?1", [n]).unwrap();
    assert_eq!(people::check_chain(&db).unwrap().unwrap().n, n);
    db.execute("DELETE FROM audit WHERE n = 2", []).unwrap();
    assert_eq!(people::check_chain(&db).unwrap().unwrap().n, 2);
}

#[test]
fn what_was_looked_at_is_not_looked_at_again_and_a_whole_check_still_finds_it() {
    let mut house = House::new();
    assert_eq!(people::check_new(house.hq().reader()).unwrap().since, 0);
    for _ in 0..1_000 {
        house.hq().sign_out_everywhere("hc-01", "hc-01").unwrap();
    }
    house.hq().tick().unwrap();
    let end = house.count("SELECT max(n) FROM audit");
    let checked = people::check_new(house.hq().reader()).unwrap();
    assert!(checked.since > 1_000 && checked.since <= end && checked.broken.is_none(), "{checked:?}");
    assert_eq!(checked.whole_at, None);
    let seen = checked.since;
    house.hq().sign_out_everywhere("hc-01", "hc-01").unwrap();
    let whole = house.hq().check_access_log("ad-01").unwrap();
    assert_eq!((whole.broken, whole.whole_at), (None, Some(TimeMs(START))));
    let marked = people::check_new(house.hq().reader()).unwrap();
    assert!(marked.since > seen && marked.whole_at == whole.whole_at && marked.broken.is_none());
    let (mark, end) = (marked.since, house.count("SELECT max(n) FROM audit"));
    assert_eq!(end, mark + 1, "the check's own line is the only new one");
    house.hq().sign_out_everywhere("hc-01", "hc-01").unwrap();
    drop(house.hq.take());

    // Each act of whoever holds the file, and the line from which a page and a whole check doubt.
    let bytes = std::fs::read(&house.database).unwrap();
    let rehashed = format!("UPDATE audit SET purpose = 'x', hash = x'00' WHERE n = {mark}");
    for (act, page, whole) in [
        ("UPDATE audit SET purpose = 'x' WHERE n = 7".to_owned(), None, Some(7)),
        ("DELETE FROM audit WHERE n = 7".to_owned(), None, Some(7)),
        (format!("UPDATE audit SET purpose = 'x' WHERE n = {mark}"), Some(mark), Some(mark)),
        (rehashed, Some(mark), Some(mark)),
        (format!("UPDATE audit SET purpose = 'x' WHERE n = {}", mark + 2), Some(mark + 2), Some(mark + 2)),
        // The end cut off: nothing else would tell.
        (format!("DELETE FROM audit WHERE n >= {mark}"), Some(mark), Some(mark)),
        (format!("DELETE FROM audit WHERE n >= {}", mark - 3), Some(mark - 1), Some(mark - 3)),
        ("DELETE FROM audit".to_owned(), Some(mark - 1), Some(1)),
        // Without the mark everything is looked at.
        ("DELETE FROM audit_mark; DELETE FROM audit WHERE n = 7".to_owned(), Some(7), Some(7)),
    ] {
        std::fs::write(&house.database, &bytes).unwrap();
        let db = rusqlite::Connection::open(&house.database).unwrap();
        db.execute_batch(&format!("DROP TRIGGER audit_stays; DROP TRIGGER audit_grows; {act}")).unwrap();
        let doubted = people::check_new(&db).unwrap().broken.map(|b| b.n);
        assert_eq!((doubted, people::check_chain(&db).unwrap().map(|b| b.n)), (page, whole), "{act}");
    }
    // The mark never moves onto a wrong line, and a check that fails says so in the log.
    std::fs::write(&house.database, &bytes).unwrap();
    let db = rusqlite::Connection::open(&house.database).unwrap();
    db.execute_batch("DROP TRIGGER audit_stays; UPDATE audit SET purpose = 'x' WHERE n = 7").unwrap();
    drop(db);
    let place = Place::File(house.database.clone());
    house.hq = Some(
        Headquarters::open(&place, Settings::default(), house.clock.clone(), Box::new(InProcess)).unwrap(),
    );
    assert_eq!(house.hq().check_access_log("ad-01").unwrap().broken.map(|b| b.n), Some(7));
    assert_eq!(house.count("SELECT n FROM audit_mark"), mark);
    assert_eq!(house.count("SELECT count(*) FROM audit WHERE what = 'log_broken' AND about = '#7'"), 1);
}

fn take_in(house: &mut House) -> DocId {
    let order = IncomingOrder {
        upstream_id: "WF-1".into(),
        channel: "12345".into(),
        matter_text: "养猫".into(),
        title: "楼道内养猫".into(),
        reported_text: "楼道内养猫".into(),
        reported_address: "3号楼".into(),
        reported_at_ms: START,
        upstream_due_at_ms: None,
        closed_at_ms: None,
        urgent: false,
        lat_e7: None,
        lon_e7: None,
        datum: "wgs84".into(),
        requester_name: Some("欧阳秋月".into()),
        requester_phone: Some("13800008000".into()),
        secrecy: true,
        payload_sha256: [1; 32],
    };
    house.hq().take_in(&[order], "hc-01").unwrap();
    let sql = "SELECT id FROM docs WHERE kind = ?1";
    let id: Vec<u8> = house.hq().reader().query_row(sql, [DocKind::Order.code()], |r| r.get(0)).unwrap();
    DocId::from_slice(&id).unwrap()
}

#[test]
fn erasing_before_its_time_takes_two() {
    let mut house = House::new();
    let order = take_in(&mut house);
    refused(house.hq().ask_pair("erase", &order.to_string(), "", "ad-01"), "why");
    house.hq().ask_pair("erase", &order.to_string(), "本人要求删除", "ad-01").unwrap();
    let now = house.hq().now();
    let n = people::pairs(house.hq().reader(), now).unwrap()[0].n;
    refused(house.hq().confirm_erasure(n, "ad-01"), "another administrator");
    assert_eq!(house.count("SELECT count(*) FROM requesters"), 1);
    house.hq().confirm_erasure(n, "ad-02").unwrap();
    assert_eq!(house.count("SELECT count(*) FROM requesters"), 0);
    refused(house.hq().confirm_erasure(n, "ad-02"), "already done");
    house.hq().ask_pair("erase", &order.to_string(), "本人要求删除", "ad-01").unwrap();
    house.later(24 * 60 * MINUTE + 1);
    refused(house.hq().confirm_erasure(n + 1, "ad-02"), "too old");
    // The access log finds an order by its address and by its bare id, as people copy it.
    let mut found = |about: String| {
        people::search(house.hq().reader(), &Search { about, ..Search::default() }, 9).unwrap().total
    };
    let (whole, bare) = (found(order.to_string()), found(lanewalk_model::id::to_hex(&order.uuid)));
    assert!(whole > 0 && whole == bare, "{whole} {bare}");
}

#[test]
fn who_asked_is_kept_while_the_order_is_open_and_no_longer_than_three_years_after() {
    let mut house = House::new();
    take_in(&mut house);
    house.later(4 * 365 * 24 * 60 * MINUTE);
    let report = house.hq().run_retention("ad-01").unwrap();
    assert_eq!((report.requesters, house.count("SELECT count(*) FROM requesters")), (0, 1));
    drop(house.hq.take());
    let db = rusqlite::Connection::open(&house.database).unwrap();
    let end =
        |ms: i64| db.execute("UPDATE docs SET open = 0, finished_at = ?1 WHERE kind = 1", [ms]).unwrap();
    let kind = DocKind::Order.code();
    assert_eq!(kind, 1);
    let keep = Settings::default().keep_requesters_ms;
    end(START);
    for (after, want) in [(keep, 0), (keep + 1, 1)] {
        assert_eq!(people::due(&db, TimeMs(START + after)).unwrap().requesters, want, "{after}");
    }
    let place = Place::File(house.database.clone());
    let mut hq =
        Headquarters::open(&place, Settings::default(), house.clock.clone(), Box::new(InProcess)).unwrap();
    assert_eq!(hq.run_retention("ad-01").unwrap().requesters, 1);
    assert_eq!(hq.run_retention("ad-01").unwrap().requesters, 0);
    house.hq = Some(hq);
    assert_eq!(house.count("SELECT count(*) FROM requesters"), 0);
}

/// A server on a port of its own; ends when dropped.
struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Server {
    fn start(house: &mut House) -> Self {
        let (desk, writer) = Desk::start(house.hq.take().unwrap()).unwrap();
        let routes = router(desk, house.database.clone());
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
        Self { address, stop: Some(stop), threads: vec![server, writer] }
    }

    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let host = self.address;
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n{headers}connection: close\r\n\r\n{body}").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), format!("{head}\r\n"), body.to_owned())
    }

    fn post(&self, path: &str, cookie: &str, body: &str) -> (u16, String, String) {
        let form = "content-type: application/x-www-form-urlencoded\r\n";
        let headers = format!("origin: http://{}\r\n{form}cookie: {cookie}\r\n", self.address);
        self.ask("POST", path, &headers, body)
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

#[test]
fn a_clerk_signs_in_works_and_signs_out() {
    let mut house = House::new();
    let code = house.hq().account_code("hc-01", None, "hq").unwrap();
    let server = Server::start(&mut house);
    // Nobody yet: pages lead to the door, the rest is not there.
    let (status, head, _) = server.ask("GET", "/audit?who=x", "", "");
    assert_eq!(status, 303);
    assert!(head.contains("location: /login?next=%2Faudit\r\n"), "{head}");
    assert_eq!(server.post("/staff", "", "act=add").0, 404);
    assert_eq!(server.ask("GET", "/login", "", "").0, 200);
    assert_eq!(server.ask("PUT", "/login", "", "").0, 405);
    // A password by code, then in.
    assert_eq!(server.post("/password", "", &format!("code={code}&password={PASSWORD}&again=other")).0, 422);
    let (status, head, _) =
        server.post("/password", "", &format!("code={code}&password={PASSWORD}&again={PASSWORD}"));
    assert_eq!((status, head.contains("location: /login\r\n")), (303, true));
    let (status, head, body) = server.post("/login", "", "staff=hc-01&password=wrong+one&next=/");
    assert_eq!((status, head.contains("set-cookie")), (422, false));
    assert!(body.contains("工号、密码或动态码不对"));
    let (status, head, _) =
        server.post("/login", "", &format!("staff=hc-01&password={PASSWORD}&next=//evil.example/"));
    assert_eq!(status, 303);
    assert!(head.contains("location: /\r\n"), "{head}");
    let set = head.lines().find_map(|l| l.strip_prefix("set-cookie: ")).unwrap();
    assert!(set.starts_with("lanewalk=") && set.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{set}");
    let cookie = set.split(';').next().unwrap();
    let with = format!("cookie: {cookie}\r\n");
    let (status, head, body) = server.ask("GET", "/", &with, "");
    assert_eq!(status, 200);
    for header in [
        "content-security-policy: default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'\r\n",
        "x-content-type-options: nosniff\r\n",
        "cache-control: no-store\r\n",
        "referrer-policy: same-origin\r\n",
    ] {
        assert!(head.contains(header), "{header} in {head}");
    }
    assert!(!body.contains("<style") && !body.contains(" style=") && !body.contains("onclick"));
    for asset in ["/assets/console.css?v=", "/assets/console.js?v="] {
        let at = body.find(asset).unwrap();
        let path = body.get(at..).unwrap().split('"').next().unwrap();
        let (status, head, _) = server.ask("GET", path, "", "");
        assert_eq!((status, head.contains("immutable")), (200, true), "{path}");
    }
    // The language is the visitor's.
    let (status, head, _) = server.ask("GET", "/lang/en?back=%2Fme", "", "");
    assert_eq!((status, head.contains("location: /me\r\n")), (303, true));
    let english = server.ask("GET", "/", &format!("cookie: lang=en; {cookie}\r\n"), "").2;
    assert!(
        english.contains("<html lang=\"en\">")
            && english.contains("Open orders")
            && !english.contains("在办工单")
    );
    // Only own pages act; rooms of administrators are not there.
    for headers in ["", "origin: http://evil.example\r\n", "origin: null\r\n"] {
        assert_eq!(server.ask("POST", "/logout", &format!("{with}{headers}"), "").0, 403, "{headers}");
    }
    let cross = format!("{with}origin: http://{}\r\nsec-fetch-site: cross-site\r\n", server.address);
    assert_eq!(server.ask("POST", "/logout", &cross, "").0, 403);
    for path in ["/staff", "/audit", "/keeping", "/devices", "/nowhere"] {
        assert_eq!(server.ask("GET", path, &with, "").0, 404, "{path}");
        assert_eq!(server.post(path, cookie, "act=run").0, 404, "{path}");
    }
    // Bad forms are refused, each with its own status.
    let own = format!("{with}origin: http://{}\r\n", server.address);
    assert_eq!(server.ask("POST", "/me", &format!("{own}content-type: text/plain\r\n"), "x").0, 415);
    let broken = "content-type: multipart/form-data; boundary=x\r\n";
    assert_eq!(server.ask("POST", "/me", &format!("{own}{broken}"), "--x\r\nhalf").0, 400);
    assert_eq!(server.post("/me", cookie, &"a=1&".repeat(2_001)).0, 413);
    let (status, head, _) = server.post("/logout", cookie, "");
    assert_eq!((status, head.contains("Max-Age=0")), (303, true));
    assert_eq!(server.ask("GET", "/", &with, "").0, 303);
}
