//! Files for neighbours without a network: what was given and taken, and doing so.
//!
//! Invariant: keys are registered by an administrator at the machine, never here; a clerk only
//! carries files.

use super::{
    forms::{field, tick},
    intake::refused,
    names::Names,
    parts::{Row, bi, both, shown, table, when},
    photos::Sources,
    web::{Answer, Ask, Page, Room},
    words::Words,
};
use crate::{
    error::HqError,
    exchange::{Filed, Neighbour},
    hq::Headquarters,
};
use lanewalk_model::staff::Role;
use maud::{Markup, html};
use rusqlite::Connection;

const TITLE: Words = ("离线交换", "Exchange by file");
/// Files listed.
const FILES: i64 = 100;

/// `/exchange`.
pub(super) const ROOM: Room =
    Room { at: "exchange", title: Some(TITLE), who: Role::HotlineClerk.bit(), get, post };

fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    match ask.parts().as_slice() {
        ["exchange"] => page(from.db, None),
        _ => Ok(Answer::Missing),
    }
}

fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let by = ask.visitor.subject.worker.as_str();
    let neighbour = ask.form.get("neighbour").unwrap_or_default();
    match ask.parts().as_slice() {
        ["exchange", "give"] => {
            let given = match ask.form.get("again").and_then(|seq| seq.parse().ok()) {
                Some(seq) => hq.give_again(neighbour, seq, by).map(Some),
                None => hq.give_file(neighbour, by),
            };
            match given {
                Ok(Some(file)) => Ok(Answer::File {
                    name: format!("lanewalk-{}.lwx", file.seq),
                    media_type: "application/octet-stream",
                    bytes: file.bytes,
                }),
                Ok(None) => page(hq.reader(), Some("上次以来没有变化 / nothing changed since the last file")),
                Err(e) => refused(e),
            }
        }
        ["exchange", "take"] => {
            let Some(file) = ask.files.iter().find(|f| !f.bytes.is_empty()) else {
                return page(hq.reader(), Some("请选择文件 / choose a file"));
            };
            match hq.take_file(&file.bytes, by, ask.form.get("gap").is_some()) {
                Ok(done) => {
                    let words = format!(
                        "第 {} 号文件：新 {}，已有 {}，补充 {} / file {}: {} new, {} known, {} amended",
                        done.seq,
                        done.orders.new,
                        done.orders.known,
                        done.orders.amended,
                        done.seq,
                        done.orders.new,
                        done.orders.known,
                        done.orders.amended
                    );
                    page(hq.reader(), Some(&words))
                }
                Err(HqError::NotAllowed(words)) => page(hq.reader(), Some(&words)),
                Err(e) => Err(e),
            }
        }
        _ => Ok(Answer::Missing),
    }
}

fn page(db: &Connection, said: Option<&str>) -> Result<Answer, HqError> {
    let names = Names::of_staff(db)?;
    let content = html! {
        h1 { (bi(TITLE)) }
        @if let Some(words) = said {
            div.done role="status" { @for line in words.lines() { p { (shown(line)) } } }
        }
        form.panel method="post" action="/exchange/take" enctype="multipart/form-data" {
            (field(("收到的文件", "file that was brought"), &html! { input name="file" type="file" accept=".lwx" required; }))
            (tick("gap", ("中间缺文件也导入", "take it in although files before it are missing"), false))
            button type="submit" { (bi(("导入", "take in"))) }
        }
        (neighbours(db)?)
        (files(db, &names)?)
    };
    Ok(Answer::Page(Page { title: TITLE, live: false, content }))
}

fn neighbours(db: &Connection) -> Result<Markup, HqError> {
    let mut rows: Vec<Row> = Vec::new();
    for n in Neighbour::all(db)? {
        let (given, taken) = (n.last(db, false)?, n.last(db, true)?);
        let scope = if n.all_of {
            ("全部上级工单", "all upstream orders")
        } else {
            ("对方的工单", "its own orders")
        };
        let give = html! {
            form.inline method="post" action="/exchange/give" {
                input type="hidden" name="neighbour" value=(n.name);
                button type="submit" { (bi(("导出变化", "give changes"))) }
            }
        };
        rows.push(
            vec![
                shown(&n.name),
                html! { code { (n.key.short_fingerprint()) } },
                bi(scope),
                html! { (given) },
                html! { (taken) },
                give,
            ]
            .into(),
        );
    }
    let heads = [
        ("对方", "neighbour"),
        ("公钥指纹", "key"),
        ("范围", "hears of"),
        ("已给到", "given up to"),
        ("已收到", "taken up to"),
        ("导出", "give"),
    ];
    Ok(table(bi(("邻接系统", "Neighbours")), &heads, &rows, 0, ("没有登记", "none registered")))
}

fn files(db: &Connection, names: &Names) -> Result<Markup, HqError> {
    let line = |f: &Filed| -> Row {
        let way = if f.taken { ("收", "taken") } else { ("给", "given") };
        let again = html! {
            @if !f.taken {
                form.inline method="post" action="/exchange/give" {
                    input type="hidden" name="neighbour" value=(f.neighbour);
                    button.second type="submit" name="again" value=(f.seq) { (bi(("再导出", "again"))) }
                }
            } @else if f.missing > 0 {
                strong.late { (both(format!("缺 {} 个", f.missing), format!("{} missing", f.missing))) }
            }
        };
        vec![
            when(f.at),
            shown(&f.neighbour),
            bi(way),
            html! { (f.seq) },
            html! { (f.lines) },
            names.person(&f.by),
            again,
        ]
        .into()
    };
    let rows: Vec<Row> = Filed::latest(db, FILES)?.iter().map(line).collect();
    let heads = [
        ("时间", "time"),
        ("对方", "neighbour"),
        ("方向", "way"),
        ("编号", "number"),
        ("条数", "records"),
        ("经手", "by"),
        ("", ""),
    ];
    Ok(table(bi(("文件", "Files")), &heads, &rows, 0, ("还没有", "none yet")))
}
