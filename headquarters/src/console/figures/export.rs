//! Figures as files: CSV (UTF-8 with a mark for spreadsheets) and XLSX.
//!
//! Invariant: the same numbers as the page, no name, phone, address, title or flag of a person
//! (DOMAIN.md §10 AC-2), and no cell that a spreadsheet runs: in CSV a text that could be a formula
//! begins with an apostrophe, in XLSX texts are typed as texts. Rejected: the list of titles,
//! which are citizens' words.

use super::{period::Asked, words};
use crate::{
    Headquarters, HqError,
    console::{
        names::Names,
        web::{Answer, Ask},
    },
    figures::{Dimension, Figures, Scope, list},
};
use lanewalk_model::{
    id::{DocId, to_hex},
    kpi::{DueKind, Metric, Stage},
    schema::DocKind,
    time::TimeMs,
};
use rusqlite::{Connection, params};
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

/// What a cell holds.
#[derive(Debug, Clone)]
enum Cell {
    Text(String),
    Number(i64),
    Empty,
}

impl From<&str> for Cell {
    fn from(t: &str) -> Self {
        Self::Text(t.to_owned())
    }
}
impl From<String> for Cell {
    fn from(t: String) -> Self {
        Self::Text(t)
    }
}
impl From<u64> for Cell {
    fn from(n: u64) -> Self {
        Self::Number(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

/// A sheet: its name, and lines of which the first is the head.
struct Sheet {
    name: &'static str,
    lines: Vec<Vec<Cell>>,
}

fn failed(why: impl std::fmt::Display) -> HqError {
    HqError::Reference { what: "export", why: why.to_string() }
}

fn head(names: &[&str]) -> Vec<Cell> {
    names.iter().map(|n| Cell::from(*n)).collect()
}

/// Makes the sheets of the report.
fn sheets(db: &Connection, asked: &Asked) -> Result<Vec<Sheet>, HqError> {
    let query = &asked.query;
    let figures = Figures::of(db, query, &Dimension::ALL)?;
    let names = Names::all(db)?;
    let filter = &query.filter;
    let mut about = vec![head(&["项目 item", "内容 value"])];
    let period = format!("{} 至 {}", asked.first, asked.last);
    let parts = [
        ("时段 period", Some(period)),
        ("截至 as of (UTC+8)", Some(query.as_of.china())),
        ("社区或网格 grid", filter.grid.clone()),
        ("科室 section", filter.unit.clone()),
        ("事项 matter", filter.matter.clone()),
        ("缓急 urgency", filter.urgency.clone()),
        ("来源 channel", filter.channel.clone()),
        ("转派次数 transfers", Some(figures.moves.to_string())),
    ];
    about.extend(parts.into_iter().filter_map(|(k, v)| Some(vec![Cell::from(k), Cell::from(v?)])));
    let mut rates = vec![head(&["id", "指标", "figure", "分子 n", "分母 d", "比率 rate", "公式", "formula"])];
    for metric in Metric::ALL {
        let rate = figures.total.of(metric);
        let ((zh, en), (how, how_en)) = (words::metric(metric), words::formula(metric));
        rates.push(vec![
            metric.id().into(),
            zh.into(),
            en.into(),
            rate.n().into(),
            rate.d().into(),
            rate.percent().into(),
            how.into(),
            how_en.into(),
        ]);
    }
    let mut timers = vec![head(&[
        "id",
        "环节",
        "stage",
        "件数 orders",
        "中位 median (min)",
        "95 分位 p95 (min)",
        "中位 median (business min)",
        "95 分位 p95 (business min)",
    ])];
    for (stage, timer) in Stage::ALL.into_iter().zip(&figures.timers) {
        let minutes = |ms: Option<i64>| ms.map_or(Cell::Empty, |ms| Cell::Number(ms / 60_000));
        let (zh, en) = words::stage(stage);
        timers.push(vec![
            stage.id().into(),
            zh.into(),
            en.into(),
            timer.clock.map_or(0, |s| s.n).into(),
            minutes(timer.clock.map(|s| s.median)),
            minutes(timer.clock.map(|s| s.p95)),
            minutes(timer.working.map(|s| s.median)),
            minutes(timer.working.map(|s| s.p95)),
        ]);
    }
    let mut groups =
        vec![head(&["分项 by", "编号 code", "名称 name", "id", "指标", "分子 n", "分母 d", "比率 rate"])];
    for (dimension, lines) in Dimension::ALL.into_iter().zip(&figures.groups) {
        let field = match dimension {
            Dimension::Unit => "lead_unit",
            Dimension::Matter => "matter_code",
            _ => "grid",
        };
        for group in lines {
            for metric in Metric::ALL {
                let rate = group.tally.of(metric);
                groups.push(vec![
                    dimension.id().into(),
                    group.key.as_str().into(),
                    names.name_of(field, &group.key).unwrap_or_default().into(),
                    metric.id().into(),
                    words::metric(metric).0.into(),
                    rate.n().into(),
                    rate.d().into(),
                    rate.percent().into(),
                ]);
            }
        }
    }
    let mut flow = vec![head(&[
        "起 from",
        "按时办结 in time",
        "超时办结 late",
        "在办 open",
        "逾期 overdue",
        "退单 returned",
        "合计 all",
    ])];
    for b in &figures.flow {
        let s = &b.stands;
        let mut line = vec![Cell::from(b.from.china_with("%Y-%m-%d"))];
        line.extend([s.in_time, s.late, s.open, s.overdue, s.returned, s.all()].map(Cell::from));
        flow.push(line);
    }
    let work = &figures.grid_work;
    let mut grids =
        vec![head(&["项目 item", "类别 kind", "来源 channel", "数量 n", "其中 of these", "分母 d"])];
    for a in &work.appeals {
        grids.push(vec![
            "诉求 appeals, 当场解决 solved on site".into(),
            a.kind.as_str().into(),
            a.channel.as_str().into(),
            a.n.into(),
            a.solved.into(),
            Cell::Empty,
        ]);
    }
    for (item, n, d) in [
        ("联系群众 people met (人)", work.people, None),
        ("人次 contacts", work.contacts, None),
        ("走访 visits", work.visits, None),
        ("入户覆盖 dwellings visited", work.coverage.n(), Some(work.coverage.d())),
        ("当场解决后未再拨热线 kept off the hotline", work.kept_off.n(), Some(work.kept_off.d())),
    ] {
        let d = d.map_or(Cell::Empty, Cell::from);
        grids.push(vec![item.into(), Cell::Empty, Cell::Empty, n.into(), Cell::Empty, d]);
    }
    Ok(vec![
        Sheet { name: "说明", lines: about },
        Sheet { name: "指标", lines: rates },
        Sheet { name: "环节用时", lines: timers },
        Sheet { name: "分项", lines: groups },
        Sheet { name: "走势", lines: flow },
        Sheet { name: "网格工作", lines: grids },
    ])
}

/// Takes the power from a text that a spreadsheet would run as a formula.
fn safe(text: &str) -> String {
    let first = text.trim_start_matches([' ', '\u{feff}']).chars().next();
    let runs = matches!(
        first,
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
    );
    if runs { format!("'{text}") } else { text.to_owned() }
}

fn csv(blocks: &[Sheet]) -> Result<Vec<u8>, HqError> {
    // Spreadsheets take a file without this mark for GB18030.
    let mut out = "\u{feff}".as_bytes().to_vec();
    let mut writer =
        csv::WriterBuilder::new().flexible(true).terminator(csv::Terminator::CRLF).from_writer(&mut out);
    for (i, sheet) in blocks.iter().enumerate() {
        if blocks.len() > 1 {
            if i > 0 {
                writer.write_record([""]).map_err(failed)?;
            }
            writer.write_record([sheet.name]).map_err(failed)?;
        }
        for line in &sheet.lines {
            let cells = line.iter().map(|cell| match cell {
                Cell::Text(text) => safe(text),
                Cell::Number(n) => n.to_string(),
                Cell::Empty => String::new(),
            });
            writer.write_record(cells).map_err(failed)?;
        }
    }
    writer.flush()?;
    drop(writer);
    Ok(out)
}

fn file(kind: &str, asked: &Asked, media_type: &'static str, bytes: Vec<u8>) -> Answer {
    let (first, last) = (asked.first.format("%Y%m%d"), asked.last.format("%Y%m%d"));
    let end = if media_type.starts_with("text") { "csv" } else { "xlsx" };
    Answer::File { name: format!("lanewalk-{kind}-{first}-{last}.{end}"), media_type, bytes }
}

/// Makes one of the files; `None` when there is none of that name.
pub(super) fn made(db: &Connection, asked: &Asked, name: &str) -> Option<Result<Answer, HqError>> {
    match name {
        "orders.csv" => Some(orders_csv(db, asked)),
        "report.csv" => Some(report_csv(db, asked)),
        "report.xlsx" => Some(report_xlsx(db, asked)),
        _ => None,
    }
}

/// Gives a file out: an act, whose line in the access log says which figures left the house.
pub(super) fn act(hq: &mut Headquarters, ask: &Ask, name: &str) -> Result<Answer, HqError> {
    let scope = Scope::of(&ask.visitor.subject, ask.now);
    let Some(asked) = scope.map(|scope| Asked::read(&ask.query, scope, ask.now)) else {
        return Ok(Answer::Missing);
    };
    let Some(file) = made(hq.reader(), &asked, name) else { return Ok(Answer::Missing) };
    let file = file?;
    hq.act(|tx, core| ask.by().did(tx, core.now(), "export", &asked.link(&format!("/figures/{name}"), &[])))?;
    Ok(file)
}

fn report_csv(db: &Connection, asked: &Asked) -> Result<Answer, HqError> {
    Ok(file("report", asked, "text/csv; charset=utf-8", csv(&sheets(db, asked)?)?))
}

fn report_xlsx(db: &Connection, asked: &Asked) -> Result<Answer, HqError> {
    let bytes = workbook(&sheets(db, asked)?).map_err(failed)?;
    let media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    Ok(file("report", asked, media_type, bytes))
}

fn workbook(sheets: &[Sheet]) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let bold = Format::new().set_bold();
    for sheet in sheets {
        let page: &mut Worksheet = book.add_worksheet();
        page.set_name(sheet.name)?;
        page.set_freeze_panes(1, 0)?;
        for (row, line) in (0_u32..).zip(&sheet.lines) {
            for (column, cell) in (0_u16..).zip(line) {
                match cell {
                    Cell::Text(text) if row == 0 => {
                        page.write_string_with_format(row, column, text, &bold)?
                    }
                    Cell::Text(text) => page.write_string(row, column, text)?,
                    #[allow(clippy::cast_precision_loss, reason = "counts and minutes, far below 2^53")]
                    Cell::Number(n) => page.write_number(row, column, *n as f64)?,
                    Cell::Empty => continue,
                };
            }
        }
        page.autofit();
    }
    book.save_to_buffer()
}

/// Every order of the period with its times; no word of what it is about.
fn orders_csv(db: &Connection, asked: &Asked) -> Result<Answer, HqError> {
    let mut lines = vec![head(&[
        "order",
        "upstream_id",
        "grid",
        "matter_code",
        "lead_unit",
        "urgency",
        "channel",
        "received_at",
        "accepted_at",
        "dispatched_at",
        "first_contact_at",
        "submitted_at",
        "closed_at",
        "internal_due",
        "upstream_due",
        "in_time",
        "in_time_upstream",
        "dispatches",
        "transfers",
        "returns",
        "rounds",
        "attempts",
        "reached",
        "process_satisfied",
        "result_satisfied",
        "resolved",
        "recurrence",
        "excluded",
    ])];
    let mut statement = db.prepare(
        "SELECT d.id, coalesce(u.upstream_id, ''), f.grid, f.matter, f.unit, f.urgency, f.channel
         FROM order_facts f JOIN docs d ON d.n = f.doc LEFT JOIN upstream u ON u.doc = f.doc WHERE f.doc = ?1",
    )?;
    let time = |t: Option<TimeMs>| t.map_or(Cell::Empty, |t| Cell::from(t.china_with("%Y-%m-%d %H:%M:%S")));
    let yes = |b: bool| Cell::Number(b.into());
    let all = list(db, &asked.query, Metric::Received, None)?;
    let excluded = list(db, &asked.query, Metric::Excluded, Some(lanewalk_model::kpi::Part::Hit))?;
    for found in all.into_iter().chain(excluded) {
        let o = found.facts;
        let mut line = statement.query_row(params![found.doc], |r| {
            let id: Vec<u8> = r.get(0)?;
            let hex =
                DocId::from_slice(&id).ok().filter(|d| d.kind == DocKind::Order).map(|d| to_hex(&d.uuid));
            let mut line = vec![Cell::from(hex.unwrap_or_default())];
            for column in 1..7 {
                line.push(Cell::from(r.get::<_, String>(column)?));
            }
            Ok(line)
        })?;
        let closed = |kind| if o.closed_at.is_some() { yes(o.is_in_time(kind)) } else { Cell::Empty };
        let said = |a: Option<bool>| a.map_or(Cell::Empty, yes);
        line.extend([
            time(Some(o.received_at)),
            time(o.accepted_at),
            time(o.dispatched_at),
            time(o.first_contact_at),
            time(o.submitted_at),
            time(o.closed_at),
            time(o.internal_due),
            time(o.upstream_due),
            closed(DueKind::Internal),
            closed(DueKind::Upstream),
            Cell::from(u64::from(o.dispatches)),
            Cell::from(u64::from(o.transfers)),
            Cell::from(u64::from(o.returns)),
            Cell::from(u64::from(o.rounds)),
            Cell::from(u64::from(o.attempts)),
            yes(o.reached_at.is_some()),
            said(o.answers.process_satisfied),
            said(o.answers.result_satisfied),
            said(o.answers.resolved),
            yes(o.recurrence),
            yes(o.excluded),
        ]);
        lines.push(line);
    }
    let sheet = Sheet { name: "orders", lines };
    Ok(file("orders", asked, "text/csv; charset=utf-8", csv(&[sheet])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_runs() {
        for text in
            ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u{feff}=1", "\u{ff1d}1", "\u{ff20}x"]
        {
            assert!(safe(text).starts_with('\''), "{text:?}");
        }
        for text in ["", "1", "网格", "a=b", "'=1", "98.00%", "–"] {
            assert_eq!(safe(text), text);
        }
    }
}
