//! Every answer against the shapes of the standard's published schemas.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::{public::iso, *};
use crate::{
    Open311Settings, SystemSource,
    gate::InProcess,
    import::IncomingOrder,
    intake::{Acceptance, Arrival},
    store::Place,
};
use lanewalk_model::{
    document::Edit,
    id::DocId,
    order::{Act, State},
    schema::DocKind,
    staff::{Grant, Role},
};
use serde_json::Value;
use std::sync::Arc;

const CATALOGUE: &str = r#"{"version":"1","units":[{"id":"sec-wuye","name_zh":"物业科"}],"matters":[
    {"matter_code":"020301","name_zh":"饲养动物扰民","name_en":"Animals","match":["养猫"],"urgency":"general","lead_unit":"sec-wuye"},
    {"matter_code":"020302","name_zh":"井盖缺失","match":["井盖"],"urgency":"urgent","lead_unit":"sec-wuye"}]}"#;

struct Town {
    hq: Headquarters,
    key: String,
    _dir: tempfile::TempDir,
}

impl Town {
    fn new(open311: Open311Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::File(dir.path().join("hq.db"));
        let settings = Settings { open311, public_url: "https://hq.example".into(), ..Settings::default() };
        let mut hq =
            Headquarters::open(&place, settings, Arc::new(SystemSource), Box::new(InProcess)).unwrap();
        hq.put_staff("hc-01", "马静", Role::HotlineClerk).unwrap();
        let everywhere = Grant { grid: "*".into(), role: Role::HotlineClerk, from: TimeMs(0), to: None };
        hq.grant("hc-01", &everywhere).unwrap();
        hq.publish_reference("matter_catalog", "1", CATALOGUE).unwrap();
        let key = hq.make_open311_key("市民应用").unwrap();
        Self { hq, key, _dir: dir }
    }

    fn get(&mut self, path: &str, query: &str) -> (u16, Value) {
        let asked = Asked { path: path.into(), query: Fields::parse(query.as_bytes()), ..Asked::default() };
        let now = self.hq.core.now();
        let reply = get(&self.hq.db, &self.hq.core.settings, &asked, now);
        assert_eq!(reply.format, Format::Json);
        (reply.status, serde_json::from_str(&reply.body).unwrap())
    }

    fn keyed(&mut self, path: &str, query: &str) -> Value {
        let query = format!("{query}&api_key={}", self.key);
        let (status, value) = self.get(path, &query);
        assert_eq!(status, 200, "{value}");
        value
    }

    fn post(&mut self, fields: &[(&str, &str)], idempotency_key: Option<&str>) -> (u16, Value) {
        let form = Fields(fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        let asked = Asked {
            path: "v2/requests.json".into(),
            form,
            idempotency_key: idempotency_key.map(str::to_owned),
            ..Asked::default()
        };
        let reply = post(&mut self.hq, &asked);
        (reply.status, serde_json::from_str(&reply.body).unwrap())
    }

    fn report(&mut self, more: &[(&str, &str)]) -> String {
        let key = self.key.clone();
        let mut fields = vec![
            ("api_key", key.as_str()),
            ("service_code", "020301"),
            ("lat", "36.705"),
            ("long", "119.135"),
            ("description", "张三丰说2单元201室养猫，打13800008000"),
            ("address_string", "奎文区潍棉小区3号楼2单元201室"),
            ("first_name", "三丰"),
            ("last_name", "张"),
            ("phone", "13800008000"),
            ("email", "zsf@example.com"),
        ];
        fields.extend(more);
        let (status, value) = self.post(&fields, None);
        assert_eq!(status, 200, "{value}");
        value[0]["service_request_id"].as_str().unwrap().to_owned()
    }
}

fn public() -> Town {
    Town::new(Open311Settings { public: true, ..Open311Settings::default() })
}

fn optional_text(value: &Value, name: &str) {
    assert!(value[name].is_null() || value[name].is_string(), "{name}: {}", value[name]);
    assert!(value.as_object().unwrap().contains_key(name), "{name}");
}

fn a_time(value: &Value) {
    let text = value.as_str().unwrap();
    assert!(chrono::DateTime::parse_from_rfc3339(text).is_ok() && text.ends_with("+08:00"), "{text}");
}

/// The published schema of a request.
fn is_request(value: &Value) {
    assert!(value["service_request_id"].is_string() && value["service_code"].is_string());
    assert!(["open", "closed"].contains(&value["status"].as_str().unwrap()));
    a_time(&value["requested_datetime"]);
    for name in ["updated_datetime", "expected_datetime"] {
        if !value[name].is_null() {
            a_time(&value[name]);
        }
    }
    for name in [
        "status_notes",
        "service_name",
        "description",
        "agency_responsible",
        "service_notice",
        "address",
        "address_id",
        "zipcode",
        "media_url",
    ] {
        optional_text(value, name);
    }
    for name in ["lat", "long"] {
        assert!(value[name].is_null() || value[name].is_number(), "{name}");
    }
    assert!(value["description"].as_str().unwrap_or_default().chars().count() <= 4_000);
    assert_eq!(value.as_object().unwrap().len(), 17, "no field of our own");
}

fn is_error(status: u16, value: &Value) {
    for error in value.as_array().unwrap() {
        assert_eq!(error["code"].as_u64(), Some(status.into()));
        assert!(error["description"].as_str().is_some_and(|d| d.contains(" / ")), "both languages: {error}");
    }
    assert_eq!(value.as_array().unwrap().len(), 1);
}

#[test]
fn services_and_definitions_have_the_published_shape() {
    let mut town = public();
    let (_, services) = town.get("v2/services.json", "jurisdiction_id=weifang");
    let services = services.as_array().unwrap();
    assert_eq!(
        services.iter().map(|s| s["service_code"].as_str().unwrap()).collect::<Vec<_>>(),
        ["020301", "020302", "other"]
    );
    for service in services {
        assert!(service["service_name"].is_string() && service["metadata"].is_boolean());
        assert_eq!(service["type"], "realtime");
        for name in ["description", "keywords", "group"] {
            optional_text(service, name);
        }
        let code = service["service_code"].as_str().unwrap();
        let (status, definition) = town.get(&format!("v2/services/{code}.json"), "");
        assert_eq!((status, &definition["service_code"]), (200, &service["service_code"]));
        for attribute in definition["attributes"].as_array().unwrap() {
            assert!(attribute["variable"].is_boolean() && attribute["required"].is_boolean());
            assert!(attribute["code"].is_string() && attribute["order"].is_i64());
            assert_eq!(attribute["datatype"], "singlevaluelist");
            for value in attribute["values"].as_array().unwrap() {
                assert!(value["key"].is_string() && value["name"].is_string());
            }
        }
    }
    let (status, value) = town.get("v2/services/nothing.json", "");
    assert_eq!(status, 404);
    is_error(404, &value);
}

#[test]
fn discovery_names_the_endpoint() {
    let mut town = Town::new(Open311Settings::default());
    for path in ["discovery.json", "v2/discovery.json"] {
        let (status, found) = town.get(path, "");
        assert_eq!(status, 200, "needs no key");
        a_time(&found["changeset"]);
        assert!(found["contact"].is_string() && found["key_service"].is_string());
        let endpoint = &found["endpoints"][0];
        assert_eq!(endpoint["url"], "https://hq.example/open311/v2");
        assert_eq!(endpoint["specification"], "http://wiki.open311.org/GeoReport_v2");
        assert_eq!(endpoint["formats"], serde_json::json!(["text/xml", "application/json"]));
        a_time(&endpoint["changeset"]);
    }
}

#[test]
fn a_report_waits_for_a_clerk_and_names_nobody_to_readers() {
    let mut town = public();
    let id = town.report(&[("media_url", "https://example.com/cat.jpg"), ("attribute[kind]", "complain")]);
    let order: DocId = format!("order:{id}").parse().unwrap();
    let view = town.hq.document(order).unwrap().unwrap();
    assert_eq!(view.text("state"), Some("RECEIVED"));
    assert_eq!((view.text("kind"), view.text("channel")), (Some("complain"), Some("open311")));
    let (_, found) = town.get(&format!("v2/requests/{id}.json"), "");
    is_request(&found[0]);
    assert_eq!((&found[0]["status"], &found[0]["service_code"]), (&"open".into(), &"020301".into()));
    assert_eq!(found[0]["lat"], 36.705);
    assert_eq!(found[0]["media_url"], "https://example.com/cat.jpg");
    assert_eq!(found[0]["address"], "潍棉小区3号楼…单元…室, 奎文区");
    let text = found.to_string();
    for secret in ["张三丰", "13800008000", "zsf@example.com", "201"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    // The clerk accepts it; its clock began with the report.
    assert_eq!(town.hq.take_watch("hc-01", "").unwrap(), None);
    assert_eq!(town.hq.perform("hc-01", order, &Act::Accept, "").unwrap(), None);
    let (_, found) = town.get(&format!("v2/requests/{id}.json"), "");
    assert!(
        found[0]["status_notes"].as_str().unwrap().contains("ACCEPTED"),
        "no grid yet: the clerk says where"
    );
    let done = [
        Edit::set("state", State::Closed.id()),
        Edit::set("closed_at", 1_790_000_000_000),
        Edit::set("outcome", "mediated"),
        Edit::set("lead_unit", "sec-wuye"),
    ];
    town.hq.write_by_rule(&[(order, done.to_vec())]).unwrap();
    let (_, found) = town.get(&format!("v2/requests/{id}.json"), "");
    is_request(&found[0]);
    assert_eq!((&found[0]["status"], &found[0]["agency_responsible"]), (&"closed".into(), &"物业科".into()));
    assert!(found[0]["status_notes"].as_str().unwrap().contains("mediated"));
}

#[test]
fn what_is_to_be_kept_in_confidence_shows_only_its_state() {
    let mut town = public();
    let id = town.report(&[("attribute[secrecy]", "yes"), ("media_url", "https://example.com/a")]);
    let (_, found) = town.get(&format!("v2/requests/{id}.json"), "");
    is_request(&found[0]);
    for name in ["description", "address", "lat", "long", "media_url"] {
        assert!(found[0][name].is_null(), "{name}");
    }
}

#[test]
fn the_same_report_is_one_order() {
    let mut town = public();
    let first = town.report(&[]);
    assert_eq!(town.report(&[]), first);
    let key = town.key.clone();
    let fields = |text: &'static str| {
        vec![
            ("api_key", key.clone()),
            ("service_code", "other".into()),
            ("description", text.to_owned()),
            ("address_string", "x".into()),
        ]
    };
    let mut send = |text, idempotency| {
        let fields = fields(text);
        let fields: Vec<_> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        town.post(&fields, idempotency)
    };
    let (_, a) = send("a", Some("k1"));
    assert_eq!(send("a", Some("k1")).1, a);
    assert_ne!(send("a", Some("k2")).1, a, "another key is another report");
    let (status, value) = send("b", Some("k1"));
    assert_eq!(status, 409);
    is_error(409, &value);
    // Another client's report in the same words is its own.
    town.key = town.hq.make_open311_key("别的应用").unwrap();
    assert_ne!(town.report(&[]), first);
}

#[test]
fn what_cannot_be_taken_is_an_error_of_the_standard() {
    let mut town =
        Town::new(Open311Settings { jurisdiction: "weifang".into(), ..Open311Settings::default() });
    let key = town.key.clone();
    let good = [("api_key", key.as_str()), ("service_code", "other"), ("address_string", "x")];
    let table: &[(&[(&str, &str)], u16)] = &[
        (&[("service_code", "other"), ("address_string", "x")], 403),
        (&[("api_key", "wrong"), ("service_code", "other"), ("address_string", "x")], 403),
        (&[("api_key", &key), ("address_string", "x")], 400),
        (&[("api_key", &key), ("service_code", "nothing"), ("address_string", "x")], 404),
        (&[("api_key", &key), ("service_code", "other")], 400),
        (&[good[0], good[1], ("lat", "36.7")], 400),
        (&[good[0], good[1], ("lat", "NaN"), ("long", "1")], 400),
        (&[good[0], good[1], ("lat", "91"), ("long", "1")], 400),
        (&[good[0], good[1], good[2], ("media_url", "javascript:alert(1)")], 400),
        (&[good[0], good[1], good[2], ("attribute[nothing]", "1")], 400),
        (&[good[0], good[1], good[2], ("attribute[kind]", "1")], 400),
        (&[good[0], good[1], good[2], ("jurisdiction_id", "elsewhere")], 404),
    ];
    for (fields, want) in table {
        let (status, value) = town.post(fields, None);
        assert_eq!(status, *want, "{fields:?} {value}");
        is_error(*want, &value);
    }
    let long = "字".repeat(4_001);
    assert_eq!(town.post(&[good[0], good[1], good[2], ("description", &long)], None).0, 400);
    let made: u32 = town.hq.db.query_row("SELECT count(*) FROM arrivals", [], |r| r.get(0)).unwrap();
    assert_eq!(made, 0);
    town.hq.revoke_open311_key("市民应用").unwrap();
    assert_eq!(town.post(&good, None).0, 403);
}

#[test]
fn reading_needs_a_key_unless_the_town_says_otherwise() {
    let mut town = Town::new(Open311Settings::default());
    let id = town.report(&[]);
    for path in ["v2/services.json", "v2/requests.json", &format!("v2/requests/{id}.json")] {
        let (status, value) = town.get(path, "");
        assert_eq!(status, 403);
        is_error(403, &value);
    }
    let (status, token) = town.get(&format!("v2/tokens/{id}.json"), &format!("api_key={}", town.key));
    assert_eq!((status, &token[0]["service_request_id"]), (200, &Value::from(id.as_str())));
    assert_eq!(town.keyed("v2/requests.json", "").as_array().unwrap().len(), 1);
}

fn call(n: u8, reported_at_ms: i64) -> IncomingOrder {
    IncomingOrder {
        upstream_id: format!("W{n}"),
        channel: "12345".into(),
        matter_text: "井盖".into(),
        title: "井盖".into(),
        reported_text: "井盖缺失".into(),
        reported_address: "路口".into(),
        reported_at_ms,
        upstream_due_at_ms: None,
        closed_at_ms: None,
        urgent: false,
        lat_e7: None,
        lon_e7: None,
        datum: "wgs84".into(),
        requester_name: None,
        requester_phone: None,
        secrecy: false,
        payload_sha256: [n; 32],
    }
}

#[test]
fn lists_are_narrowed_as_the_standard_says() {
    let mut town =
        Town::new(Open311Settings { all_orders: true, public: true, ..Open311Settings::default() });
    let now = town.hq.core.now().0;
    let day = 86_400_000;
    let calls: Vec<_> = (1..=5).map(|n| call(n, now - i64::from(n) * 29 * day)).collect();
    town.hq.take_in(calls.iter().map(Arrival::from), Acceptance::Later).unwrap();
    let report = town.report(&[]);
    let at = |days: i64| iso(TimeMs(now - days * day)).replace('+', "%2B");
    let ids = |value: &Value| value.as_array().unwrap().len();
    let table = [
        (String::new(), 4),
        ("service_code=020302".into(), 3),
        ("service_code=020302,020301".into(), 4),
        ("service_code=other".into(), 0),
        ("status=open".into(), 4),
        ("status=closed".into(), 0),
        ("status=open,closed".into(), 4),
        (format!("start_date={}&end_date={}", at(155), at(100)), 2),
        (format!("end_date={}", at(100)), 2),
        (format!("start_date={}", at(200)), 2),
        ("page_size=3".into(), 3),
        ("page_size=3&page=2".into(), 1),
        (format!("service_request_id={report},{},x", "0".repeat(32)), 1),
    ];
    for (query, want) in table {
        let (status, value) = town.get("v2/requests.json", &query);
        assert_eq!((status, ids(&value)), (200, want), "{query}");
        value.as_array().unwrap().iter().for_each(is_request);
    }
    for query in [
        "start_date=yesterday".to_owned(),
        "status=reopened".into(),
        "page_size=0".into(),
        format!("start_date={}&end_date={}", at(155), at(10)),
        format!("start_date={}&end_date={}", at(10), at(20)),
    ] {
        let (status, value) = town.get("v2/requests.json", &query);
        assert_eq!(status, 400, "{query}");
        is_error(400, &value);
    }
    // Without the setting, only what came in here is known to exist.
    town.hq.core.settings.open311.all_orders = false;
    assert_eq!(ids(&town.get("v2/requests.json", "").1), 1);
    let other: Vec<u8> = town
        .hq
        .db
        .query_row(
            "SELECT d.id FROM docs d JOIN arrivals a ON a.doc = d.n WHERE a.source = 'csv' LIMIT 1",
            [],
            |r| r.get(0),
        )
        .unwrap();
    let other = lanewalk_model::id::to_hex(&DocId::from_slice(&other).unwrap().uuid);
    assert_eq!(DocId::from_slice(&town.hq.new_id(DocKind::Order).to_bytes()).unwrap().kind, DocKind::Order);
    assert_eq!(town.get(&format!("v2/requests/{other}.json"), "").0, 404);
}

#[test]
fn xml_says_the_same_and_stands_whatever_is_in_it() {
    let mut town = public();
    let nasty = "=1+1 <script>\"'&\u{202e}\u{0}\u{8}]]> 𠀀";
    let id = town.report(&[("description", "x")]);
    let key = town.key.clone();
    let (_, made) = town.post(
        &[("api_key", &key), ("service_code", "other"), ("description", nasty), ("address_string", nasty)],
        None,
    );
    let xml = |town: &mut Town, path: &str| {
        let asked = Asked { path: path.into(), ..Asked::default() };
        let now = town.hq.core.now();
        let reply = get(&town.hq.db, &town.hq.core.settings, &asked, now);
        assert_eq!(reply.format.media_type(), "text/xml; charset=utf-8");
        reply.body
    };
    let body = xml(&mut town, "v2/requests.xml");
    assert!(body.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<service_requests><request>"));
    assert!(body.contains(&format!("<service_request_id>{id}</service_request_id>")));
    assert!(body.contains("&lt;script&gt;&quot;&apos;&amp;") && !body.contains("<script>"));
    assert!(!body.contains('\u{8}') && body.contains("𠀀") && body.contains("<address_id/>"));
    assert!(made[0]["service_request_id"].is_string());
    for (path, root) in [
        ("discovery.xml", "<discovery><changeset>"),
        ("v2/services.xml", "<services><service><service_code>020301</service_code>"),
        ("v2/services/020301.xml", "<service_definition><service_code>"),
        ("v2/nothing.xml", "<errors><error><code>404</code><description>"),
    ] {
        assert!(xml(&mut town, path).contains(root), "{path}");
    }
}
