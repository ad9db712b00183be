//! The one window's form: whatever somebody says, in one page (R14).
//!
//! Invariant: a form that was sent is one order, however often it is sent; its token tells. A field
//! that cannot be taken is named, and nothing else of the form is lost. Rejected: telling repeats
//! by their words; two neighbours may well say the same.

use super::{Acceptance, Arrival, Imported, catalogue::reads_as_code, made_by_form};
use crate::{error::HqError, hq::Headquarters, import::IncomingOrder, store::DocRow};
use lanewalk_model::{id::DocId, time::TimeMs};
use rusqlite::params;
use sha2::{Digest as _, Sha256};

/// How an appeal comes to the window.
pub const CHANNELS: [&str; 4] = ["phone", "walk_in", "grid", "letter"];
/// The five kinds of appeals.
pub const KINDS: [&str; 5] = ["consult", "help", "suggest", "complain", "report"];
/// Stands for "not in the catalogue".
pub const NOT_LISTED: &str = "none";

/// Life of a form's token: a page left open longer than this makes a second order.
const TOKEN_MS: i64 = 7 * 86_400_000;
const DAY_MS: i64 = 86_400_000;
/// 2000-01-01T00:00:00Z.
const YEAR_2000_MS: i64 = 946_684_800_000;
const TEN_YEARS_MS: i64 = 3_653 * DAY_MS;
const CHINA_MS: i64 = 8 * 3_600_000;

/// Why a field cannot be taken, Chinese and English.
pub type Fault = (&'static str, &'static str, &'static str);

/// A form that can be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The order it makes.
    pub order: IncomingOrder,
    /// Matter from the catalogue.
    pub matter_code: Option<String>,
    /// One of [`KINDS`].
    pub kind: String,
    /// Grid cell, where it is known.
    pub grid: Option<String>,
    /// What was filled in, as JSON.
    pub payload: Vec<u8>,
}

impl Form {
    /// Reads the filled-in fields; `get` gives one without white space around it. Fails with every
    /// fault there is: (field, Chinese, English).
    pub fn read<'f>(get: impl Fn(&str) -> Option<&'f str>, now: TimeMs) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut line = |name: &'static str, most: usize, needed: bool| -> String {
            let text = get(name).unwrap_or_default();
            if needed && text.is_empty() {
                faults.push((name, "请填写", "fill this in"));
            } else if text.chars().count() > most {
                faults.push((name, "太长了", "too long"));
            }
            text.to_owned()
        };
        let text = line("text", 4_000, true);
        let address = line("address", 200, true);
        let name = line("requester_name", 50, false);
        let phone = line("requester_phone", 30, false);
        let upstream_id = line("upstream_id", 64, false);
        let matter = line("matter", 64, true);
        let grid = line("grid", 64, false);
        let one_of = |field: &'static str, known: &[&str], faults: &mut Vec<Fault>| {
            let chosen = get(field).filter(|c| known.contains(c)).unwrap_or_default().to_owned();
            if chosen.is_empty() {
                faults.push((field, "请选择", "choose one"));
            }
            chosen
        };
        let channel = one_of("channel", &CHANNELS, &mut faults);
        let kind = one_of("kind", &KINDS, &mut faults);
        if upstream_id.len() > 64 || upstream_id.chars().any(char::is_control) {
            faults.push(("upstream_id", "编号太长或含控制字符", "too long, or holds control characters"));
        }
        if !phone.chars().all(|c| c.is_ascii_digit() || "+- ()转".contains(c)) {
            faults.push((
                "requester_phone",
                "只能有数字、+、-、空格、括号",
                "digits, +, -, blanks and brackets only",
            ));
        }
        if matter != NOT_LISTED && !matter.is_empty() && !reads_as_code(&matter) {
            faults.push(("matter", "请从清单中选择", "choose from the catalogue"));
        }
        let reported =
            time(&get, "reported_at", (YEAR_2000_MS, now.0.saturating_add(5 * 60_000)), &mut faults);
        let latest = now.0.saturating_add(TEN_YEARS_MS);
        let due = time(&get, "upstream_due", (reported.unwrap_or(now.0), latest), &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let flag = |name: &str| get(name).is_some();
        let payload = serde_json::json!({
            "channel": channel, "kind": kind, "text": text, "address": address, "matter": matter, "grid": grid,
            "urgent": flag("urgent"), "secrecy": flag("secrecy"), "requester_name": name,
            "requester_phone": phone, "upstream_id": upstream_id, "upstream_due": due, "reported_at": reported,
        });
        let payload = payload.to_string().into_bytes();
        let said = |text: String| (!text.is_empty()).then_some(text);
        let order = IncomingOrder {
            upstream_id,
            channel,
            matter_text: String::new(),
            title: String::new(),
            reported_text: text,
            reported_address: address,
            reported_at_ms: reported.unwrap_or(now.0),
            upstream_due_at_ms: due,
            closed_at_ms: None,
            urgent: flag("urgent"),
            lat_e7: None,
            lon_e7: None,
            datum: "wgs84".into(),
            requester_name: said(name),
            requester_phone: said(phone),
            secrecy: flag("secrecy"),
            payload_sha256: Sha256::digest(&payload).into(),
        };
        Ok(Self {
            order,
            matter_code: Some(matter).filter(|m| m != NOT_LISTED),
            kind,
            grid: said(grid),
            payload,
        })
    }
}

/// Reads `2026-05-08T09:40` in China's time, within bounds; `None` if it is empty.
fn time<'f>(
    get: &impl Fn(&str) -> Option<&'f str>,
    field: &'static str,
    (first, last): (i64, i64),
    faults: &mut Vec<Fault>,
) -> Option<i64> {
    let text = get(field)?;
    let read = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|format| chrono::NaiveDateTime::parse_from_str(text, format).ok())
        .map(|local| local.and_utc().timestamp_millis().saturating_sub(CHINA_MS));
    match read {
        None => {
            faults.push((field, "时间格式应为 2026-05-08 09:40", "write a time such as 2026-05-08 09:40"))
        }
        Some(ms) if ms < first => faults.push((field, "时间太早", "too early")),
        Some(ms) if ms > last => faults.push((field, "时间太晚", "too late")),
        Some(_) => {}
    }
    read
}

impl Headquarters {
    /// Takes in a form of the one window, accepted by the clerk who filled it in if that one is on
    /// watch, else left to the watch. The same token
    /// again gives the order it made before. The inner error names fields that fit neither the
    /// catalogue nor the grids as they are now.
    pub fn take_form(
        &mut self,
        form: &Form,
        token: [u8; 16],
        clerk: &str,
    ) -> Result<Result<DocId, Vec<Fault>>, HqError> {
        self.act(|tx, core| {
            let now = core.now().0;
            tx.execute("DELETE FROM form_tokens WHERE at < ?1", [now.saturating_sub(TOKEN_MS)])?;
            if let Some(made) = made_by_form(tx, &token)? {
                return Ok(Ok(made));
            }
            let mut faults = Vec::new();
            if form.matter_code.as_deref().is_some_and(|code| core.catalog.matter(code).is_none()) {
                faults.push(("matter", "清单中没有这个事项", "not in the catalogue"));
            }
            let cells = core.grids.as_ref().map(|g| g.cells()).unwrap_or_default();
            if form.grid.as_deref().is_some_and(|grid| !cells.iter().any(|c| c.id().to_string() == grid)) {
                faults.push(("grid", "没有这个网格", "no such grid"));
            }
            if !faults.is_empty() {
                return Ok(Err(faults));
            }
            let arrival = Arrival {
                source: "form",
                payload: Some(("application/json", &form.payload)),
                matter_code: form.matter_code.as_deref(),
                kind: Some(&form.kind),
                grid: form.grid.as_deref(),
                ..Arrival::from(&form.order)
            };
            let made = core
                .take_in(tx, &arrival, Acceptance::by_clerk(tx, clerk)?, &mut Imported::default())?
                .order();
            let row = DocRow::find(tx, made)?.ok_or_else(|| HqError::NotFound(made.to_string()))?;
            tx.execute(
                "INSERT INTO form_tokens (token, at, doc) VALUES (?1, ?2, ?3)",
                params![token, now, row.n],
            )?;
            Ok(Ok(made))
        })
    }
}
