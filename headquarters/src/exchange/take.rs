//! In: orders of a neighbour.
//!
//! Invariant: one transaction takes the whole file and its number; if the power goes in between,
//! the file can be taken in again. An id that another source brought is never amended from here.
//! Rejected: taking the good lines of a bad file; whoever signed it must mend it.

use super::{Broken, Kind, Neighbour, container, filed};
use crate::{
    error::HqError,
    hq::Headquarters,
    import::IncomingOrder,
    intake::{Acceptance, Arrival, Imported},
    people::audit,
};
use lanewalk_protocol::keys::PublicKey;
use rusqlite::{OptionalExtension as _, Transaction, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// Faults named one by one.
const MAX_FAULTS: usize = 20;
const FIELD_BYTES: usize = 64 << 10;
const ID_BYTES: usize = 64;
const DAY_MS: i64 = 86_400_000;
/// 2000-01-01T00:00:00Z.
const YEAR_2000_MS: i64 = 946_684_800_000;

/// One record of a file of orders. Times are ISO 8601 with an offset.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OrderLine {
    /// The sender's number.
    pub upstream_id: String,
    /// Words that the catalogue knows.
    #[serde(default)]
    pub matter: String,
    /// Title.
    pub title: String,
    /// What was reported.
    pub text: String,
    /// Where.
    #[serde(default)]
    pub address: String,
    /// When it was reported, or dispatched to us: the clock begins then.
    pub reported_at: String,
    /// The sender's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// Urgent.
    #[serde(default)]
    pub urgent: bool,
    /// Degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
    /// Degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long: Option<f64>,
    /// `wgs84` where it is left out, `gcj02` or `bd09`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datum: Option<String>,
    /// The requester's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester_name: Option<String>,
    /// The requester's phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester_phone: Option<String>,
    /// To be kept in confidence.
    #[serde(default)]
    pub secrecy: bool,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenFile {
    /// Its number.
    pub seq: u64,
    /// Files before it that never came.
    pub missing: u64,
    /// What became of its orders.
    pub orders: Imported,
}

impl Headquarters {
    /// Takes in a neighbour's file of orders; they wait to be accepted. Refused, with the reason
    /// and without any effect, when the signature, the receiver, the number or a line is wrong.
    /// `allow_gap` takes it although files before it are missing.
    pub fn take_file(&mut self, bytes: &[u8], by: &str, allow_gap: bool) -> Result<TakenFile, HqError> {
        let own = self.core.signer.public_key();
        let neighbours = Neighbour::all(&self.db)?;
        let sender = |fingerprint: &[u8; 32]| neighbours.iter().find(|n| n.key.fingerprint() == *fingerprint);
        let key_of =
            |fingerprint: &[u8; 32]| -> Option<PublicKey> { sender(fingerprint).map(|n| n.key.clone()) };
        let opened = container::open(bytes, &own, key_of).map_err(not_allowed)?;
        let from = lanewalk_model::id::from_hex(&opened.head.from).and_then(|f| sender(&f));
        let from = from.ok_or(Broken::Unknown).map_err(not_allowed)?;
        if opened.head.kind != Kind::Orders {
            return Err(HqError::NotAllowed("文件里不是工单 / the file holds no orders".into()));
        }
        let seq = opened.head.seq;
        self.act(|tx, core| {
            let now = core.now().0;
            let sha256: [u8; 32] = Sha256::digest(bytes).into();
            let missing = number(tx, from, seq, &sha256, allow_gap)?;
            let orders = read_lines(tx, from, &opened.lines, now)?;
            let mut done = Imported::default();
            for (order, line) in orders.iter().zip(&opened.lines) {
                let arrival = Arrival {
                    source: &from.name,
                    payload: Some(("application/json", line.as_bytes())),
                    ..Arrival::from(order)
                };
                core.take_in(tx, &arrival, Acceptance::Later, &mut done)?;
            }
            tx.execute(
                "INSERT INTO exchange_files (neighbour, taken, seq, at, by, sha256, lines, mark)
                 VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![from.id, seq, now, by, sha256, orders.len(), missing],
            )?;
            audit(
                tx,
                lanewalk_model::time::TimeMs(now),
                by,
                "exchange_take",
                &format!("{} {seq}", from.name),
            )?;
            Ok(TakenFile { seq, missing, orders: done })
        })
    }
}

fn not_allowed(broken: Broken) -> HqError {
    HqError::NotAllowed(broken.to_string())
}

/// Checks a file's number and returns how many before it are missing.
fn number(
    tx: &Transaction<'_>,
    from: &Neighbour,
    seq: u64,
    sha256: &[u8; 32],
    allow_gap: bool,
) -> Result<u64, HqError> {
    let refuse = |words: String| Err(HqError::NotAllowed(words));
    if let Some(before) = filed(tx, from.id, true, seq)? {
        return refuse(if before == sha256 {
            format!("第 {seq} 号文件已经导入过 / file {seq} was taken in before")
        } else {
            format!("第 {seq} 号已被另一个文件用过 / another file had the number {seq}")
        });
    }
    let last = from.last(tx, true)?;
    if seq <= last || i64::try_from(seq).is_err() {
        return refuse(format!(
            "第 {seq} 号早于已导入的第 {last} 号 / file {seq} is older than {last}, taken in before"
        ));
    }
    let missing = seq.saturating_sub(last).saturating_sub(1);
    if missing > 0 && !allow_gap {
        let (first, end) = (last.saturating_add(1), seq.saturating_sub(1));
        return refuse(format!(
            "缺第 {first} 到 {end} 号文件，请先导入它们 / files {first} to {end} are missing: take them in first"
        ));
    }
    Ok(missing)
}

fn read_lines(
    tx: &Transaction<'_>,
    from: &Neighbour,
    lines: &[&str],
    now: i64,
) -> Result<Vec<IncomingOrder>, HqError> {
    let (mut orders, mut faults, mut seen) = (Vec::with_capacity(lines.len()), Vec::new(), BTreeSet::new());
    for (n, line) in (1_u64..).zip(lines) {
        let read = read_line(line, now).and_then(|order| {
            let others: Option<String> = tx
                .prepare_cached(
                    "SELECT a.source FROM upstream u JOIN arrivals a ON a.doc = u.doc WHERE u.upstream_id = ?1 AND a.source <> ?2",
                )
                .and_then(|mut s| s.query_row(params![order.upstream_id, from.name], |r| r.get(0)).optional())
                .map_err(|_| "无法读取 / cannot be read")?;
            match others {
                Some(_) => Err("编号属于别的来源 / the id belongs to another source"),
                None if !seen.insert(order.upstream_id.clone()) => Err("编号重复 / the id stands twice"),
                None => Ok(order),
            }
        });
        match read {
            Ok(order) => orders.push(order),
            Err(words) if faults.len() < MAX_FAULTS => {
                faults.push(format!("第 {n} 条 / record {n}: {words}"));
            }
            Err(_) => {}
        }
    }
    if faults.is_empty() {
        return Ok(orders);
    }
    Err(HqError::NotAllowed(format!("文件未导入 / nothing was taken in\n{}", faults.join("\n"))))
}

fn read_line(line: &str, now: i64) -> Result<IncomingOrder, &'static str> {
    let read: OrderLine =
        serde_json::from_str(line).map_err(|_| "不是工单记录 / not a record of an order")?;
    let id = read.upstream_id.trim();
    if id.is_empty() || id.len() > ID_BYTES || id.chars().any(char::is_control) {
        return Err("编号无效 / the id is not valid");
    }
    let texts = [&read.matter, &read.title, &read.text, &read.address];
    let personal = [&read.requester_name, &read.requester_phone].into_iter().flatten();
    if texts.into_iter().chain(personal).any(|t| t.len() > FIELD_BYTES) {
        return Err("内容过长 / a text is too long");
    }
    let time = |text: &str, latest: i64| -> Result<i64, &'static str> {
        let at = chrono::DateTime::parse_from_rfc3339(text).map(|t| t.timestamp_millis());
        match at {
            Err(_) => Err("时间格式无效 / a time is not valid"),
            Ok(at) if at < YEAR_2000_MS || at > latest => Err("时间不可信 / a time is not plausible"),
            Ok(at) => Ok(at),
        }
    };
    let reported_at_ms = time(&read.reported_at, now.saturating_add(DAY_MS))?;
    let due = read.due.as_deref().map(|t| time(t, now.saturating_add(3_653 * DAY_MS))).transpose()?;
    let degrees = |value: Option<f64>, most: f64| -> Result<Option<i32>, &'static str> {
        match value {
            Some(v) if !v.is_finite() || v.abs() > most => Err("坐标无效 / a coordinate is not valid"),
            // In range: 180 × 10⁷ fits an i32.
            other => Ok(other.map(|v| (v * 1e7).round() as i32)),
        }
    };
    let (lat_e7, lon_e7) = (degrees(read.lat, 90.0)?, degrees(read.long, 180.0)?);
    let datum = read.datum.unwrap_or_else(|| "wgs84".to_owned());
    if lat_e7.is_some() != lon_e7.is_some() || !["wgs84", "gcj02", "bd09"].contains(&datum.as_str()) {
        return Err("坐标或坐标系无效 / the position or its datum is not valid");
    }
    let said = |text: Option<String>| text.filter(|t| !t.trim().is_empty());
    Ok(IncomingOrder {
        upstream_id: id.to_owned(),
        channel: "neighbour".into(),
        matter_text: read.matter.trim().to_owned(),
        title: read.title,
        reported_text: read.text,
        reported_address: read.address,
        reported_at_ms,
        upstream_due_at_ms: due,
        closed_at_ms: None,
        urgent: read.urgent,
        lat_e7,
        lon_e7,
        datum,
        requester_name: said(read.requester_name),
        requester_phone: said(read.requester_phone),
        secrecy: read.secrecy,
        payload_sha256: Sha256::digest(line).into(),
    })
}
