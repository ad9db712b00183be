//! CSV in three steps: choose, look (dry run), take in; and what was refused back as a file.
//!
//! Invariant: nothing is taken in that was not looked at, and nothing of the file is lost: it stays
//! here for a day, and refused rows come back with the reasons beside them. Whoever takes rows out
//! again leaves an audit line; they hold names and phones. Rejected: importing the good rows at
//! once; with the wrong mapping, "good" rows are the worst ones.

use super::{
    forms::{Filled, field, tick, unclear},
    intake::refused,
    parts::{MAX_ROWS, Row, bi, both, say, shown, table, when},
    photos::Sources,
    web::{Answer, Ask, Page},
    words::Words,
};
use crate::{
    error::HqError,
    hq::Headquarters,
    intake::{Draft, Imported, Looked},
};
use lanewalk_model::id::{from_hex, to_hex};
use maud::{Markup, html};
use rusqlite::Connection;

const TITLE: Words = ("从 CSV 文件导入", "Import from CSV");
/// Drafts listed.
const DRAFTS: i64 = 20;

/// Answers `/intake/import`.
pub(super) fn get(from: &Sources<'_>, _ask: &Ask) -> Result<Answer, HqError> {
    start_page(from.db, &|_| None, None)
}

/// Acts on it: `look`, `take`, `refused` or `mapping`.
pub(super) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let by = ask.visitor.subject.worker.as_str();
    let draft = || ask.form.get("draft").and_then(from_hex::<16>);
    let done = match (ask.form.get("step"), draft()) {
        (Some("look"), _) => return look(hq, ask),
        (Some("mapping"), _) => return keep_mapping(hq, ask),
        (Some("take"), Some(id)) => hq.take_draft(id, by, ask.form.get("later").is_some()).map(|done| {
            Answer::Page(Page { title: TITLE, live: false, content: taken(&done, &to_hex(&id)) })
        }),
        (Some("refused"), Some(id)) => hq.refused_rows(id, by).map(|bytes| Answer::File {
            name: "refused.csv".to_owned(),
            media_type: "text/csv; charset=utf-8",
            bytes,
        }),
        _ => return Ok(unclear()),
    };
    done.or_else(refused)
}

fn look(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let by = ask.visitor.subject.worker.as_str();
    let get = |name: &str| ask.form.get(name);
    let file = ask.files.iter().find(|f| f.field == "file" && !f.bytes.is_empty());
    let (Some(file), Some(mapping)) = (file, get("mapping")) else {
        let words = say(("请选择文件和映射", "choose a file and a mapping"));
        return start_page(hq.reader(), &get, Some(&words));
    };
    match hq.draft_import(&file.name, &file.bytes, mapping, by) {
        Ok((id, looked)) => {
            let content = looked_page(&to_hex(&id), &file.name, &looked);
            Ok(Answer::Page(Page { title: TITLE, live: false, content }))
        }
        Err(HqError::NotAllowed(words)) => start_page(hq.reader(), &get, Some(&words)),
        Err(e) => Err(e),
    }
}

fn keep_mapping(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let get = |name: &str| ask.form.get(name);
    let uploaded = ask.files.iter().find(|f| f.field == "toml" && !f.bytes.is_empty());
    let text = uploaded.map(|f| String::from_utf8_lossy(&f.bytes).into_owned());
    let text = text.or_else(|| get("toml_text").map(str::to_owned)).unwrap_or_default();
    let name = get("mapping_name").unwrap_or_default();
    match hq.keep_mapping(name, &text, &ask.visitor.subject.worker) {
        Ok(()) => Ok(Answer::SeeOther("/intake/import".to_owned())),
        Err(HqError::NotAllowed(words)) => start_page(hq.reader(), &get, Some(&words)),
        Err(e) => Err(e),
    }
}

fn start_page<'a>(
    db: &Connection,
    get: &'a dyn Fn(&str) -> Option<&'a str>,
    wrong: Option<&str>,
) -> Result<Answer, HqError> {
    let filled = Filled { get, faults: &[] };
    let mut statement = db.prepare("SELECT name FROM mappings ORDER BY name")?;
    let names = statement.query_map([], |r| r.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let options: Vec<_> = names.into_iter().map(|n| (n.clone(), html! { (n) })).collect();
    let content = html! {
        h1 { (bi(TITLE)) }
        @if let Some(words) = wrong { p.refused role="alert" { (shown(words)) } }
        form.panel method="post" action="/intake/import" enctype="multipart/form-data" {
            input type="hidden" name="step" value="look";
            (field(("CSV 文件", "CSV file"), &html! { input name="file" type="file" accept=".csv,.txt,text/csv" required; }))
            @if options.is_empty() { p.empty { (bi(("还没有映射文件:先在下面添加一个,说明哪一列是什么。", "No mapping yet: add one below that says which column is what."))) } }
            @else {
                (filled.choice("mapping", ("映射", "mapping"), &options))
                div.buttons { button type="submit" { (bi(("先检查", "look first"))) } }
            }
        }
        (drafts(db)?)
        details {
            summary { (bi(("添加或更换映射文件", "add or change a mapping file"))) }
            form.panel method="post" action="/intake/import" enctype="multipart/form-data" {
                input type="hidden" name="step" value="mapping";
                (filled.line("mapping_name", ("名称", "name"), "text", 64, true))
                div.field { label for="toml" { (bi(("映射文件 (TOML)", "mapping file (TOML)"))) } input id="toml" name="toml" type="file" accept=".toml"; }
                (filled.area("toml_text", ("或粘贴内容", "or paste it"), 12, 60_000, false))
                button type="submit" { (bi(("保存映射", "keep the mapping"))) }
            }
        }
    };
    Ok(Answer::Page(Page { title: TITLE, live: false, content }))
}

/// The files that were looked at lately; names of files are words of strangers too.
fn drafts(db: &Connection) -> Result<Markup, HqError> {
    let drafts = Draft::list(db, DRAFTS)?;
    let rows: Vec<Row> = drafts
        .iter()
        .map(|d| {
            let state = match &d.taken {
                Some(words) => shown(words),
                None => {
                    html! { (bi(("尚未导入", "not taken in yet"))) (act(&d.id, "take", ("导入", "take in"))) }
                }
            };
            vec![
                when(d.at),
                shown(&d.name),
                shown(&d.by),
                state,
                act(&d.id, "refused", ("下载问题行", "refused rows")),
            ]
            .into()
        })
        .collect();
    let heads =
        [("时间", "time"), ("文件", "file"), ("经手", "by"), ("结果", "result"), ("问题行", "refused rows")];
    let caption = bi(("最近的文件（保留一天）", "recent files, kept for a day"));
    Ok(table(caption, &heads, &rows, 0, ("没有", "none")))
}

fn act(id: &str, step: &str, words: Words) -> Markup {
    html! {
        form.inline method="post" action="/intake/import" {
            input type="hidden" name="draft" value=(id);
            button type="submit" name="step" value=(step) { (bi(words)) }
        }
    }
}

fn looked_page(id: &str, name: &str, looked: &Looked) -> Markup {
    let read = &looked.read;
    let rows: Vec<Row> = read
        .problems
        .iter()
        .take(MAX_ROWS)
        .map(|p| {
            let field = p.field.as_deref().unwrap_or("–");
            vec![html! { (p.line) }, shown(field), both(shown(&p.message_zh), shown(&p.message_en))].into()
        })
        .collect();
    let heads = [("行", "line"), ("列", "column"), ("问题", "problem")];
    let shown_rows = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let all = u64::try_from(read.problems.len()).unwrap_or(u64::MAX).saturating_add(read.unlisted);
    html! {
        h1 { (bi(("检查结果", "What the file holds"))) }
        p { (shown(name)) }
        dl.facts {
            div { dt { (bi(("行", "rows"))) } dd { (read.rows) } }
            div { dt { (bi(("新工单", "new orders"))) } dd { (looked.new) } }
            div { dt { (bi(("已有", "known"))) } dd { (looked.known) } }
            div { dt { (bi(("有补充", "amended"))) } dd { (looked.amended) } }
            div { dt { (bi(("待研判", "to triage"))) } dd { (looked.triage) } }
            div { dt { (bi(("按规则跳过", "skipped by rule"))) } dd { (read.skipped) } }
            div { dt { (bi(("问题行", "refused rows"))) } dd { (read.refused.len()) } }
        }
        form.panel method="post" action="/intake/import" {
            input type="hidden" name="draft" value=(id);
            @if !read.orders.is_empty() {
                (tick("later", ("只登记，稍后接单", "take in only; accept later"), false))
                button type="submit" name="step" value="take" { (bi(("导入", "take in"))) }
            }
            @if !read.refused.is_empty() {
                button.second type="submit" name="step" value="refused" { (bi(("下载问题行", "download refused rows"))) }
            }
        }
        (table(bi(("问题", "Problems")), &heads, &rows, all.saturating_sub(shown_rows), ("没有问题", "no problems")))
    }
}

fn taken(done: &Imported, id: &str) -> Markup {
    html! {
        h1 { (bi(("已导入", "Taken in"))) }
        dl.facts {
            div { dt { (bi(("新工单", "new orders"))) } dd { (done.new) } }
            div { dt { (bi(("已有", "known"))) } dd { (done.known) } }
            div { dt { (bi(("有补充", "amended"))) } dd { (done.amended) } }
            div { dt { (bi(("待研判", "to triage"))) } dd { (done.triage) } }
            div { dt { (bi(("网格外", "outside every grid"))) } dd { (done.outside_grids) } }
            div { dt { (bi(("重复诉求", "repeats"))) } dd { (done.repeats) } }
        }
        p { a href="/" { (bi(("返回值班台", "back to the board"))) } " · " a href="/intake/import" { (bi(("再导入一个文件", "another file"))) } }
        (act(id, "refused", ("下载问题行", "download refused rows")))
    }
}
