//! Reading requests: one, several by id, or those of a time.
//!
//! Invariant: at most 1,000 requests and 90 days in one answer, as the standard has it. An order
//! that a stranger may not know of is answered like one that does not exist.

use super::{
    Asked, Refused,
    node::Node,
    public::{Shown, request},
    refused,
    services::OTHER,
};
use crate::{config::Settings, store::StoredDoc};
use lanewalk_model::{
    catalog::Catalog,
    document::Document,
    id::{DocId, from_hex},
    schema::DocKind,
    time::TimeMs,
};
use rusqlite::{Connection, OptionalExtension as _, params};

const MOST: usize = 1_000;
/// Requests passed over for a page at most: each costs reading a document.
const DEEPEST: usize = 5_000;
const SPAN_MS: i64 = 90 * 86_400_000;

/// What of an order stands outside its document.
const BESIDE: &str = "SELECT a.source, a.secrecy, a.media_url FROM arrivals a WHERE a.doc = ?1";

/// Describes one request.
pub(super) fn one(
    db: &Connection,
    settings: &Settings,
    id: &str,
    catalog: &Catalog,
) -> Result<Node, Refused> {
    match find(db, settings, id, catalog)? {
        Some(node) => Ok(Node::List("request", vec![node])),
        None => refused(404, "service_request_id 不存在 / service_request_id not found"),
    }
}

fn find(db: &Connection, settings: &Settings, id: &str, catalog: &Catalog) -> Result<Option<Node>, Refused> {
    let Some(uuid) = from_hex(id) else { return Ok(None) };
    let Some(stored) = StoredDoc::find(db, DocId { kind: DocKind::Order, uuid })? else { return Ok(None) };
    let beside: Option<(String, bool, String)> = db
        .prepare_cached(BESIDE)?
        .query_row([stored.row.n], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .optional()?;
    let Some((source, secrecy, media_url)) = beside else { return Ok(None) };
    if source != "open311" && !settings.open311.all_orders {
        return Ok(None);
    }
    let shown = Shown { id: stored.row.id, view: &stored.view()?, secrecy, media_url: &media_url };
    Ok(Some(request(&shown, catalog)))
}

/// Lists requests by ids, or by service, time and status.
pub(super) fn many(
    db: &Connection,
    settings: &Settings,
    asked: &Asked,
    catalog: &Catalog,
    now: TimeMs,
) -> Result<Node, Refused> {
    if let Some(ids) = asked.query.get("service_request_id") {
        let mut found = Vec::new();
        for id in ids.split(',').map(str::trim).filter(|id| !id.is_empty()).take(MOST) {
            found.extend(find(db, settings, id, catalog)?);
        }
        return Ok(Node::List("request", found));
    }
    let filter = Filter::read(asked, now)?;
    let mut statement = db.prepare_cached(
        "SELECT d.id, d.saved, a.secrecy, a.media_url FROM arrivals a JOIN docs d ON d.n = a.doc
         WHERE a.reported_at BETWEEN ?1 AND ?2 AND (?3 OR a.source = 'open311') AND (?4 IS NULL OR d.open = ?4)
           AND (?5 = '' OR a.matter_code = '' OR instr(?5, ',' || a.matter_code || ',') > 0)
         ORDER BY a.reported_at DESC, a.doc DESC",
    )?;
    let (all, codes) = (settings.open311.all_orders, filter.codes_text());
    let mut rows = statement.query(params![filter.from, filter.to, all, filter.open, codes])?;
    let (mut found, mut passed) = (Vec::new(), 0);
    while let Some(r) = rows.next()? {
        let id: Vec<u8> = r.get(0)?;
        let Ok(id) = DocId::from_slice(&id) else { continue };
        let saved = r.get_ref(1)?.as_blob().unwrap_or_default();
        let view = Document::load(DocKind::Order, saved).map_err(crate::HqError::from)?.view();
        // The matter may have been found later than the order came.
        let code = view.text("matter_code").filter(|c| !c.is_empty()).unwrap_or(OTHER);
        if !filter.codes.is_empty() && !filter.codes.iter().any(|c| c == code) {
            continue;
        }
        passed += 1;
        if passed <= filter.skip {
            continue;
        }
        let media_url: String = r.get(3)?;
        found.push(request(&Shown { id, view: &view, secrecy: r.get(2)?, media_url: &media_url }, catalog));
        if found.len() >= filter.most {
            break;
        }
    }
    Ok(Node::List("request", found))
}

/// What a list is narrowed to.
#[derive(Debug)]
struct Filter {
    from: i64,
    to: i64,
    open: Option<bool>,
    codes: Vec<String>,
    skip: usize,
    most: usize,
}

impl Filter {
    fn read(asked: &Asked, now: TimeMs) -> Result<Self, Refused> {
        let query = &asked.query;
        let words = |name: &str| -> Vec<String> {
            let listed = query.all(name).flat_map(|v| v.split(',').map(|w| w.trim().to_owned()));
            listed.filter(|w| !w.is_empty()).take(MOST).collect()
        };
        let date = |name: &str| match query.get(name) {
            None => Ok(None),
            Some(text) => match read_time(text) {
                Some(at) => Ok(Some(at)),
                None => refused(
                    400,
                    format!(
                        "{name} 应为带时区的 ISO 8601 时间 / {name} must be an ISO 8601 time with an offset"
                    ),
                ),
            },
        };
        let (from, to) = match (date("start_date")?, date("end_date")?) {
            (Some(from), Some(to)) => (from, to),
            (Some(from), None) => (from, from.saturating_add(SPAN_MS)),
            (None, Some(to)) => (to.saturating_sub(SPAN_MS), to),
            (None, None) => (now.0.saturating_sub(SPAN_MS), i64::MAX),
        };
        if from > to || (to != i64::MAX && to.saturating_sub(from) > SPAN_MS) {
            return refused(
                400,
                "时间范围须在 90 天以内 / start_date and end_date must span 90 days at most",
            );
        }
        let mut open = None;
        let states = words("status");
        if !states.iter().all(|s| s == "open" || s == "closed") {
            return refused(400, "status 只能是 open 或 closed / status must be open or closed");
        }
        if !states.is_empty() && states.iter().all(|s| *s == states.first().map_or("", String::as_str)) {
            open = Some(states.iter().any(|s| s == "open"));
        }
        let number = |name: &str, least: usize| -> Result<Option<usize>, Refused> {
            match query.get(name).map(str::parse::<usize>) {
                None => Ok(None),
                Some(Ok(n)) if n >= least => Ok(Some(n)),
                Some(_) => refused(400, format!("{name} 应为正整数 / {name} must be a positive number")),
            }
        };
        let most = number("page_size", 1)?.unwrap_or(MOST).min(MOST);
        let page = number("page", 1)?.unwrap_or(1);
        let skip = page.saturating_sub(1).saturating_mul(most);
        if skip > DEEPEST {
            return refused(
                400,
                format!(
                    "翻页过深，请缩小时段 / too many pages: ask for a shorter time (at most {DEEPEST} before)"
                ),
            );
        }
        Ok(Self { from, to, open, codes: words("service_code"), skip, most })
    }

    /// The codes as SQL looks for them; empty for every code.
    fn codes_text(&self) -> String {
        if self.codes.is_empty() { String::new() } else { format!(",{},", self.codes.join(",")) }
    }
}

/// Reads `2026-05-08T09:40:00+08:00`; a plus sign that became a blank on its way is one again.
fn read_time(text: &str) -> Option<i64> {
    let text = text.trim().replace(' ', "+");
    chrono::DateTime::parse_from_rfc3339(&text).ok().map(|t| t.timestamp_millis())
}
