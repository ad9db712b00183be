//! A client reports something.
//!
//! Invariant: the same report is one order: by the client's `Idempotency-Key`, else by the same
//! form from the same key within the setting's minutes; the standard itself has no such key.
//! Rejected: refusing what the catalogue cannot place; it goes to triage like every other order.

use super::{
    Answered, Asked, Refused, keys,
    node::{Node, text},
    refused,
    services::{ATTRIBUTES, OTHER, called},
};
use crate::{
    error::HqError,
    hq::Headquarters,
    import::IncomingOrder,
    intake::{Acceptance, Arrival, Imported},
    store::DocRow,
};
use lanewalk_model::{
    catalog::Catalog,
    id::{DocId, to_hex},
    time::TimeMs,
};
use rusqlite::{OptionalExtension as _, Transaction, params};
use sha2::{Digest as _, Sha256};

/// Most characters of a description, as the standard's schema has it.
const DESCRIPTION_CHARS: usize = 4_000;
const LINE_CHARS: usize = 200;
const URL_BYTES: usize = 2_000;
const KEY_BYTES: usize = 200;

/// A report that can be taken in.
struct Report {
    order: IncomingOrder,
    matter_code: Option<String>,
    kind: Option<String>,
    media_url: Option<String>,
    payload: Vec<u8>,
}

/// Takes in a report and answers with its id.
pub(super) fn create(hq: &mut Headquarters, asked: &Asked) -> Answered {
    let key = keys::known(&hq.db, asked.api_key())?;
    let now = hq.core.now();
    let report = Report::read(asked, &hq.core.catalog, now)?;
    let form: [u8; 32] = report.order.payload_sha256;
    let digest: [u8; 32] = match asked.idempotency_key.as_deref() {
        Some(given) if given.is_empty() || given.len() > KEY_BYTES => {
            return refused(400, "Idempotency-Key 太长或为空 / Idempotency-Key is empty or too long");
        }
        Some(given) => Sha256::digest(given).into(),
        None => form,
    };
    let made = hq.act(|tx, core| {
        let keep = i64::from(core.settings.open311.same_form_minutes).saturating_mul(60_000);
        tx.execute("DELETE FROM open311_posts WHERE at < ?1", [now.0.saturating_sub(keep)])?;
        if let Some((before, order)) = posted(tx, key, &digest)? {
            return Ok((before == form).then_some(order));
        }
        let arrival = Arrival {
            source: "open311",
            payload: Some(("application/json", &report.payload)),
            matter_code: report.matter_code.as_deref(),
            kind: report.kind.as_deref(),
            media_url: report.media_url.as_deref(),
            ..Arrival::from(&report.order)
        };
        let order = core.take_in(tx, &arrival, Acceptance::Later, &mut Imported::default())?.order();
        let row = DocRow::find(tx, order)?.ok_or_else(|| HqError::NotFound(order.to_string()))?;
        tx.execute(
            "INSERT INTO open311_posts (key, digest, form, at, doc) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![key, digest, form, now.0, row.n],
        )?;
        Ok(Some(order))
    })?;
    let Some(order) = made else {
        return refused(409, "Idempotency-Key 已用于别的内容 / Idempotency-Key was used with other content");
    };
    let id = to_hex(&order.uuid);
    let notice = "已收到，等待接单 / received, waits to be accepted";
    let pair =
        vec![("service_request_id", text(&id)), ("service_notice", text(notice)), ("account_id", Node::Null)];
    Ok(("service_requests", Node::List("request", vec![Node::Map(pair)])))
}

/// Finds what was posted under a digest: the form's own digest and the order.
fn posted(tx: &Transaction<'_>, key: i64, digest: &[u8; 32]) -> Result<Option<([u8; 32], DocId)>, HqError> {
    let found: Option<([u8; 32], i64)> = tx
        .prepare_cached("SELECT form, doc FROM open311_posts WHERE key = ?1 AND digest = ?2")?
        .query_row(params![key, digest], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let Some((form, n)) = found else { return Ok(None) };
    Ok(DocRow::by_number(tx, n)?.map(|row| (form, row.id)))
}

impl Report {
    fn read(asked: &Asked, catalog: &Catalog, now: TimeMs) -> Result<Self, Refused> {
        let form = &asked.form;
        let line = |name: &str, most: usize| -> Result<Option<String>, Refused> {
            match form.get(name) {
                Some(text) if text.chars().count() > most => {
                    refused(400, format!("{name} 超过 {most} 字 / {name} has more than {most} characters"))
                }
                found => Ok(found.map(str::to_owned)),
            }
        };
        let Some(code) = form.get("service_code") else {
            return refused(400, "缺少 service_code / service_code is missing");
        };
        let Some((service, _)) = called(catalog, code) else {
            return refused(404, "service_code 不存在 / service_code not found");
        };
        let (lat, lon) = position(form.get("lat"), form.get("long"))?;
        let address = line("address_string", LINE_CHARS)?.or(line("address_id", LINE_CHARS)?);
        if lat.is_none() && address.is_none() {
            return refused(
                400,
                "缺少位置：lat 和 long，或 address_string / a location is missing: lat and long, or address_string",
            );
        }
        let media_url = form.get("media_url").map(str::to_owned);
        let is_url = |url: &String| {
            let web = url.starts_with("https://") || url.starts_with("http://");
            web && url.len() <= URL_BYTES && !url.chars().any(|c| c.is_control() || c.is_whitespace())
        };
        if !media_url.as_ref().is_none_or(is_url) {
            return refused(400, "media_url 无效 / media_url is not valid");
        }
        let (kind, secrecy) = attributes(asked)?;
        let words = line("description", DESCRIPTION_CHARS)?.unwrap_or_else(|| service.clone());
        let name = match (line("last_name", LINE_CHARS)?, line("first_name", LINE_CHARS)?) {
            // 张 三 is written without a blank.
            (Some(last), Some(first)) if !last.is_ascii() => Some(format!("{last}{first}")),
            (Some(last), Some(first)) => Some(format!("{first} {last}")),
            (last, first) => last.or(first),
        };
        let payload = canonical(asked);
        let order = IncomingOrder {
            upstream_id: String::new(),
            channel: "open311".into(),
            matter_text: service,
            title: String::new(),
            reported_text: words,
            reported_address: address.unwrap_or_default(),
            reported_at_ms: now.0,
            upstream_due_at_ms: None,
            closed_at_ms: None,
            urgent: false,
            lat_e7: lat,
            lon_e7: lon,
            datum: "wgs84".into(),
            requester_name: name,
            requester_phone: line("phone", LINE_CHARS)?,
            secrecy,
            payload_sha256: Sha256::digest(&payload).into(),
        };
        let matter_code = (code != OTHER).then(|| code.to_owned());
        Ok(Self { order, matter_code, kind, media_url, payload })
    }
}

/// Reads both coordinates or none, in degrees × 10⁷.
fn position(lat: Option<&str>, lon: Option<&str>) -> Result<(Option<i32>, Option<i32>), Refused> {
    let read = |text: &str, most: f64| -> Option<i32> {
        let plain = text.len() <= 32 && text.bytes().all(|b| b.is_ascii_digit() || b"+-.".contains(&b));
        let degrees = text.parse::<f64>().ok().filter(|d| plain && d.abs() <= most)?;
        // In range: 180 × 10⁷ fits an i32.
        Some((degrees * 1e7).round() as i32)
    };
    match (lat, lon) {
        (None, None) => Ok((None, None)),
        (Some(lat), Some(lon)) => match (read(lat, 90.0), read(lon, 180.0)) {
            (Some(lat), Some(lon)) => Ok((Some(lat), Some(lon))),
            _ => refused(400, "lat、long 无效 / lat and long must be decimal degrees in WGS 84"),
        },
        _ => refused(400, "lat 和 long 要么都有，要么都没有 / give both lat and long or neither"),
    }
}

/// Reads the attributes of the definition: kind and confidence.
fn attributes(asked: &Asked) -> Result<(Option<String>, bool), Refused> {
    let (mut kind, mut secrecy) = (None, false);
    for (name, value) in &asked.form.0 {
        let Some(code) = name.strip_prefix("attribute[").and_then(|rest| rest.split(']').next()) else {
            continue;
        };
        let known = ATTRIBUTES.iter().find(|known| known.code == code);
        let Some(known) = known else {
            return refused(400, format!("没有这个属性 / no such attribute: {}", clip(code)));
        };
        let value = value.trim();
        if value.is_empty() {
            continue;
        }
        if !known.values.iter().any(|(key, _)| *key == value) {
            return refused(
                400,
                format!("属性 {code} 的值无效 / the value of attribute {code} is not valid"),
            );
        }
        match code {
            "kind" => kind = Some(value.to_owned()),
            _ => secrecy = value == "yes",
        }
    }
    Ok((kind, secrecy))
}

fn clip(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Writes the form without the key, sorted: equal forms are equal bytes.
fn canonical(asked: &Asked) -> Vec<u8> {
    let mut fields: Vec<&(String, String)> = asked.form.0.iter().filter(|(n, _)| n != "api_key").collect();
    fields.sort();
    serde_json::to_vec(&fields).unwrap_or_default()
}
