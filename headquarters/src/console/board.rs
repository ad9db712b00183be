//! The board: what is open, late, waiting, silent or refused, at one look.
//!
//! Invariant: every list is bounded and says how much it leaves out. Rejected: filters and
//! paging; the worst comes first, and a list that is too long is itself the finding.

use super::{
    alarms, desk,
    names::Names,
    parts::{
        MAX_ROWS, NEAR_MS, Row, Veil, bi, both, clip, fold, none, remaining, say, shown, span, table,
        untitled, when,
    },
    photos::Sources,
    reach::Reach,
    sections,
    web::{Answer, Ask, Page},
    words,
};
use crate::{error::HqError, store};
use lanewalk_model::{
    id::{DocId, to_hex},
    order::State,
    photo::PhotoPart,
    rows::ListRow,
    schema::DocKind,
    staff::Role,
    time::TimeMs,
};
use maud::{Markup, html};
use rusqlite::{Connection, Params, params, params_from_iter, types::Value as Sql};
use std::collections::HashMap;

/// A clock further back than the newest entry was set wrong, or back.
const CLOCK_STEP_MS: i64 = 2_000;
/// Finished orders shown.
const ENDED_ROWS: usize = 20;

/// Makes the board.
pub(super) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    if !ask.parts().is_empty() {
        return Ok(Answer::Missing);
    }
    let content = content(from.db, ask)?;
    Ok(Answer::Page(Page { title: ("值班台", "Board"), live: true, content }))
}

fn content(db: &Connection, ask: &Ask) -> Result<Markup, HqError> {
    let now = ask.now;
    let role = ask.visitor.subject.role;
    let names = Names::of_staff(db)?;
    let alarms = alarms::section(db, ask, &names)?;
    let waits = desk::queue::section(db, ask, &names)?;
    if !super::WATCH.has(role) {
        // Who has to do with some orders sees those.
        return Ok(html! {
            h1.quiet { (bi(("值班台", "Board"))) }
            (alarms)
            p.lead { (bi(words::work(role))) }
            @if role == Role::Auditor { (ways(ask)) }
            (waits.tiles) (waits.lists)
        });
    }
    let reach = Reach::of(ask);
    let (open, open_total) = orders(db, &reach, "open = 1", "priority, due_at IS NULL, due_at, n", MAX_ROWS)?;
    let (ended, ended_total) = orders(db, &reach, "open = 0", "finished_at DESC, n DESC", ENDED_ROWS)?;
    let lacking = lacking(db, open.iter().chain(&ended))?;
    let proposals = sections::waiting(db, &names, &reach)?;
    // Devices and refused entries are of the whole house.
    let devices = reach.all.then(|| sections::devices(db, &names, now, false)).transpose()?;
    let refused = reach.all.then(|| sections::refused(db, &names, now)).transpose()?;
    let total = |section: &Option<sections::Section>| section.as_ref().map(|s| s.total);
    let in_hand = order_table(("在办工单", "Open orders"), &open, open_total, &lacking, &names, now);
    let over = order_table(("最近结束", "Recently ended"), &ended, ended_total, &lacking, &names, now);
    Ok(html! {
        h1.quiet { (bi(("值班台", "Board"))) }
        (clock_alarm(db, now)?)
        (alarms)
        (waits.tiles)
        (figures(db, &reach, now, proposals.total, total(&devices), total(&refused))?)
        (waits.lists)
        (proposals.table)
        (fold("open", &in_hand.0, waits.total == 0, &in_hand.1))
        (states(db, &reach)?)
        @for section in refused.iter().chain(&devices) { (section.table) }
        (fold("ended", &over.0, false, &over.1))
        @if reach.all { (foot(db)?) }
    })
}

/// Says that this machine's clock is behind what it has already stamped (F31).
fn clock_alarm(db: &Connection, now: TimeMs) -> Result<Markup, HqError> {
    let behind = store::last_received(db)?.saturating_sub(now.0);
    let (zh, en) = span(behind);
    Ok(html! {
        @if behind > CLOCK_STEP_MS {
            p.refused role="alert" {
                (both(
                    format!("服务器时钟比最近一条记录慢 {zh}。请管理员校时；此前新记录的时间停在该处，先后以日志序号为准。"),
                    format!("The server's clock is {en} behind the newest entry. Set it right; until then the time of new entries stands still and the log's numbers give the order."),
                ))
            }
        }
    })
}

/// Leads who has no orders to work on to what there is.
fn ways(ask: &Ask) -> Markup {
    let open = super::rooms().filter(|room| !room.at.is_empty() && super::may_enter(room, &ask.visitor));
    let open = open.filter(|room| super::stands(room, &ask.visitor, ask.now));
    html! {
        ul.chips {
            @for (at, title) in open.filter_map(|room| Some((room.at, room.title?))) {
                li { a href={ "/" (at) } { (bi(title)) } }
            }
            li { a href="/figures/orders" { (bi(("本期工单", "orders of this period"))) } }
        }
    }
}

/// Counts orders of a reach.
fn orders_with(db: &Connection, reach: &Reach, which: &str, values: &[i64]) -> Result<u64, HqError> {
    let sql = format!("SELECT count(*) FROM docs WHERE kind = ? AND {which} AND {}", reach.sql);
    let values = std::iter::once(i64::from(DocKind::Order.code())).chain(values.iter().copied());
    count(db, &sql, params_from_iter(values.map(Sql::from).chain(reach.values.iter().cloned())))
}

fn count(db: &Connection, sql: &str, values: impl Params) -> Result<u64, HqError> {
    Ok(db.prepare(sql)?.query_row(values, |r| r.get(0))?)
}

fn figures(
    db: &Connection,
    reach: &Reach,
    now: TimeMs,
    waiting: u64,
    unsent: Option<u64>,
    refused: Option<u64>,
) -> Result<Markup, HqError> {
    let late = orders_with(db, reach, "open = 1 AND due_at < ?", &[now.0])?;
    let soon = [now.0, now.0.saturating_add(NEAR_MS)];
    let near = orders_with(db, reach, "open = 1 AND due_at BETWEEN ? AND ?", &soon)?;
    let conflicts = orders_with(db, reach, "conflicts > 0", &[])?;
    let all: [(Option<u64>, &str, words::Words, &str); 6] = [
        (Some(late), "late", ("逾期", "overdue"), "#open"),
        (Some(near), "soon", ("24 小时内到期", "due within 24 h"), "#open"),
        (Some(waiting), "ask", ("待决定的申请", "proposals to decide"), "#waiting"),
        (Some(conflicts), "ask", ("有冲突的工单", "orders in conflict"), "#open"),
        (refused, "held", ("7 天内未采纳", "entries refused, 7 days"), "#refused"),
        (unsent, "held", ("未上传的条目", "entries not sent yet"), "#devices"),
    ];
    let all: Vec<_> =
        all.into_iter().filter_map(|(n, class, label, to)| Some((n?, class, label, to.to_owned()))).collect();
    Ok(tiles("glance", ("要事", "at a glance"), &all))
}

/// Shows numbers that lead to what they count: number, words for the style sheet, label, where.
pub(super) fn tiles(id: &str, label: words::Words, all: &[(u64, &str, words::Words, String)]) -> Markup {
    html! {
        ul.figures id=(id) aria-label=(say(label)) {
            @for (n, class, label, to) in all {
                li class={ (class) @if *n == 0 { " zero" } } {
                    a href=(to) { strong { (n) } span.label { (bi(*label)) } }
                }
            }
        }
    }
}

fn states(db: &Connection, reach: &Reach) -> Result<Markup, HqError> {
    let sql = format!("SELECT state, count(*) FROM docs WHERE kind = ? AND {} GROUP BY 1", reach.sql);
    let kind = Sql::from(i64::from(DocKind::Order.code()));
    let mut statement = db.prepare(&sql)?;
    let found = statement
        .query_map(params_from_iter(std::iter::once(kind).chain(reach.values.iter().cloned())), |r| {
            Ok((r.get::<_, String>(0)?, r.get::<_, u64>(1)?))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let of = |state: State| found.iter().filter(|(id, _)| id == state.id()).map(|(_, n)| n).sum::<u64>();
    let total: u64 = found.iter().map(|(_, n)| n).sum();
    Ok(html! {
        section.states aria-label=(say(("各状态工单数", "orders by state"))) {
            dl {
                @for state in State::ALL.iter().copied().filter(|s| of(*s) > 0) {
                    div { dt { (bi(words::state(state))) } dd { (of(state)) } }
                }
                div.total { dt { (bi(("合计", "all"))) } dd { (total) } }
            }
        }
    })
}

/// An order as the list shows it.
pub(super) struct Line {
    pub(super) id: DocId,
    pub(super) row: ListRow,
}

fn orders(
    db: &Connection,
    reach: &Reach,
    which: &str,
    by: &str,
    most: usize,
) -> Result<(Vec<Line>, u64), HqError> {
    let kind = Sql::from(i64::from(DocKind::Order.code()));
    let values = std::iter::once(kind).chain(reach.values.iter().cloned()).collect();
    lines(db, &format!("{which} AND {}", reach.sql), by, values, most)
}

/// Reads order lines: those that `which` says with these values (the kind is the first), and how
/// many there are in all.
pub(super) fn lines(
    db: &Connection,
    which: &str,
    by: &str,
    values: Vec<Sql>,
    most: usize,
) -> Result<(Vec<Line>, u64), HqError> {
    let sql = format!("SELECT count(*) FROM docs WHERE kind = ? AND {which}");
    let total = count(db, &sql, params_from_iter(values.iter()))?;
    let sql = format!("SELECT id, row FROM docs WHERE kind = ? AND {which} ORDER BY {by} LIMIT {most}");
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut lines = Vec::new();
    while let Some(r) = rows.next()? {
        let id = DocId::from_slice(r.get_ref(0)?.as_blob().unwrap_or_default());
        let row = serde_json::from_str(r.get_ref(1)?.as_str().unwrap_or_default());
        // A line that this version cannot read still counts in the total.
        if let (Ok(id), Ok(row)) = (id, row) {
            lines.push(Line { id, row });
        }
    }
    Ok((lines, total))
}

/// Counts by order the photos whose copies are not all here.
fn lacking<'a>(
    db: &Connection,
    lines: impl Iterator<Item = &'a Line>,
) -> Result<HashMap<DocId, u64>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT count(DISTINCT f.doc || ' ' || f.photo) FROM docs v JOIN file_refs f ON f.doc = v.n
         WHERE v.parent = ?1 AND v.kind = ?2 AND f.part <> ?3
           AND NOT EXISTS (SELECT 1 FROM files h WHERE h.sha256 = f.sha256)",
    )?;
    let (visit, original) = (DocKind::Visit.code(), PhotoPart::Original.code());
    let of = |line: &Line| {
        let n = statement.query_row(params![line.id.to_string(), visit, original], |r| r.get(0))?;
        Ok((line.id, n))
    };
    lines.map(of).collect()
}

/// Makes a list of orders: its caption and its table.
fn order_table(
    words: words::Words,
    lines: &[Line],
    total: u64,
    lacking: &HashMap<DocId, u64>,
    names: &Names,
    now: TimeMs,
) -> (Markup, Markup) {
    let lack = |line: &Line| lacking.get(&line.id).copied().unwrap_or(0);
    let rows: Vec<Row> = lines.iter().map(|line| order_row(line, lack(line), names, now)).collect();
    let left_out = total.saturating_sub(lines.len() as u64);
    let caption = html! { (bi(words)) " " span.count { (total) } };
    let content = table(caption.clone(), &HEADS, &rows, left_out, ("没有工单", "no orders"));
    (caption, content)
}

/// What a line of orders shows.
pub(super) const HEADS: [words::Words; 6] = [
    ("工单", "order"),
    ("状态", "state"),
    ("时限", "due"),
    ("网格", "grid"),
    ("承办人", "owner"),
    ("待办", "to do"),
];

/// Names an order in a list: a link, the short id, the place.
pub(super) fn order_link(id: DocId, title: &str, place: &str, urgent: bool) -> Markup {
    let hex = to_hex(&id.uuid);
    html! {
        @if urgent { strong.urgent { (bi(("紧急", "urgent"))) } " " }
        a.title href={ "/orders/" (hex) } {
            @if title.trim().is_empty() { (untitled()) } @else { (shown(&clip(title, 80))) }
        }
        span.sub {
            span.id title=(hex) { (short(&hex)) }
            @if !place.is_empty() { " · " (shown(&clip(place, 80))) }
        }
    }
}

/// The part of an id that differs between orders of one day: its random end.
pub(super) fn short(hex: &str) -> &str {
    hex.len().checked_sub(8).and_then(|from| hex.get(from..)).unwrap_or(hex)
}

/// Shows an order as a line.
pub(super) fn order_row(Line { id, row }: &Line, lacking: u64, names: &Names, now: TimeMs) -> Row {
    let veil = Veil::default();
    let late = row.open && row.due_at.is_some_and(|due| due < now.0);
    let state = State::from_id(&row.state).map_or_else(|| shown(&row.state), |s| bi(words::state(s)));
    let due = match row.due_at {
        None => none(),
        Some(due) => html! {
            (when(due))
            @if row.due_provisional { " " span.tag { (bi(("暂定", "provisional"))) } }
            @if row.open { span.sub { (remaining(due, now)) } }
        },
    };
    let owner = if row.author.is_empty() {
        html! { span.none { (bi(("未签收", "nobody yet"))) } }
    } else {
        names.person(&row.author)
    };
    let grid = if row.grid.is_empty() {
        html! { span.tag { (bi(("网格外", "no grid"))) } }
    } else {
        html! { span.id { (shown(&row.grid)) } }
    };
    let todo = html! {
        @if row.conflicts > 0 { span.tag.conflict { (both(format!("冲突 {}", row.conflicts), format!("{} in conflict", row.conflicts))) } " " }
        @if row.pending > 0 { span.tag.ask { (both(format!("申请 {}", row.pending), format!("{} to decide", row.pending))) } " " }
        @if lacking > 0 { span.tag.doubt { (both(format!("照片未齐 {lacking}"), format!("{lacking} photos not here yet"))) } }
        @if row.conflicts == 0 && row.pending == 0 && lacking == 0 { (none()) }
    };
    Row {
        class: if late { "late" } else { "" },
        cells: vec![
            order_link(*id, &veil.plain(&row.title), &veil.plain(&row.detail), row.urgent),
            html! { span.state { (state) } },
            due,
            grid,
            owner,
            todo,
        ],
    }
}

fn foot(db: &Connection) -> Result<Markup, HqError> {
    let pages = count(db, "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()", [])?;
    Ok(html! {
        dl.foot {
            div { dt { (bi(("日志条目", "log entries"))) } dd { (store::log_end(db)?) } }
            div { dt { (bi(("数据库", "database"))) } dd { (pages.div_ceil(1 << 20)) " MB" } }
            div { dt { (bi(("总部纪元", "HQ epoch"))) } dd { (store::meta_u64(db, "epoch")?) } }
            div { dt { (bi(("自动刷新", "refresh"))) } dd { "30 s" } }
        }
    })
}
