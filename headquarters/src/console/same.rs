//! Residents and places that look recorded twice (居民与地点): side by side, joined by a clerk with a
//! reason, parted again with one.
//!
//! Invariant: what looks alike is only shown; a clerk says what is one. Names and numbers are masked
//! until somebody gives a reason, which is a line of the access log for each resident. Rejected:
//! joining by itself what has one number; a family shares a telephone.

use super::{
    forms::{button, line},
    names::Names,
    parts::{Row, bi, both, none, say, shown, table, when},
    people::{NO_PURPOSE, purpose, purpose_fields},
    photos::Sources,
    web::{Answer, Ask, Page, Room},
    words::Words,
};
use crate::{Headquarters, HqError, groups::find};
use lanewalk_model::{
    access::Action,
    id::{DocId, from_hex, to_hex},
    person::{address_key, merged_into, phone_key, stands_for},
    privacy,
    schema::DocKind,
    staff::Role,
    view::DocView,
};
use maud::{Markup, html};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const ROOM: Room =
    Room { at: "same", title: Some(TITLE), who: Role::HotlineClerk.bit(), get, post };

const TITLE: Words = ("居民与地点", "Residents and places");
/// Groups on the page; the others come up when these are settled.
const MOST: usize = 60;
/// Records of a group that are looked at.
const ALIKE: usize = 20;

/// One record of a group.
struct Record {
    id: DocId,
    view: DocView,
    /// What it was joined to, directly.
    joined: Option<DocId>,
}

impl Record {
    fn read(db: &Connection, id: DocId) -> Result<Option<Self>, HqError> {
        let Some(view) = find(db, id)? else { return Ok(None) };
        let joined = match id.kind {
            DocKind::Person => merged_into(&view).map(|(_, into)| into),
            _ => view.text("mapped_to").and_then(|to| to.parse().ok()),
        };
        Ok(Some(Self { id, view, joined }))
    }

    fn text(&self, field: &str) -> &str {
        self.view.text(field).unwrap_or_default()
    }
}

/// Finds records that look alike: residents by number, places by address within a grid.
fn alike(db: &Connection, kind: DocKind) -> Result<Vec<Vec<DocId>>, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT id, grid, coalesce(row ->> 'detail', '') FROM docs WHERE kind = ?1 ORDER BY n",
    )?;
    let mut rows = statement.query([kind.code()])?;
    let mut by_key: BTreeMap<(String, String), Vec<DocId>> = BTreeMap::new();
    while let Some(r) = rows.next()? {
        let Ok(id) = DocId::from_slice(r.get_ref(0)?.as_blob().unwrap_or_default()) else { continue };
        let (grid, detail): (String, String) = (r.get(1)?, r.get(2)?);
        let key = match kind {
            DocKind::Person => phone_key(&detail).map(|key| (String::new(), key)),
            _ => address_key(&detail).map(|key| (grid, key)),
        };
        if let Some(key) = key {
            by_key.entry(key).or_default().push(id);
        }
    }
    Ok(by_key.into_values().filter(|ids| ids.len() > 1).collect())
}

fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    if ask.parts().len() != 1 || !ask.may(Action::ReadIdentity) {
        return Ok(Answer::Missing);
    }
    let names = Names::all(from.db)?;
    let residents =
        section(from.db, &names, DocKind::Person, ("同一电话的居民", "Residents with one number"))?;
    let places = section(from.db, &names, DocKind::Place, ("同一地址的地点", "Places with one address"))?;
    let content = html! {
        h1 { (bi(TITLE)) }
        p.sub { (bi(("合并不删除任何内容,可以撤销;合并后按一位居民、一处地点计数。", "Joining deletes nothing and can be undone; joined records count as one."))) }
        (residents)
        (places)
    };
    Ok(Answer::Page(Page { title: TITLE, live: false, content }))
}

fn section(db: &Connection, names: &Names, kind: DocKind, title: Words) -> Result<Markup, HqError> {
    let groups = alike(db, kind)?;
    let (mut open, mut settled) = (Vec::new(), Vec::new());
    let mut looked = 0;
    for ids in &groups {
        if open.len() >= MOST || settled.len() >= MOST {
            break;
        }
        looked += 1;
        let records = records(db, ids.iter().copied())?;
        let target = if is_settled(&records) { &mut settled } else { &mut open };
        target.push(card(&records, names, false));
    }
    let more = groups.len().saturating_sub(looked);
    Ok(html! {
        section {
            h2 { (bi(title)) " " span.count { (open.len()) } }
            @if open.is_empty() { p.empty { (bi(("没有看起来重复的记录", "nothing looks recorded twice"))) } }
            @for card in &open { (card) }
            @if more > 0 { p.more { (both(format!("另有 {more} 组,处理后显示"), format!("{more} more groups, shown when these are settled"))) } }
            @if !settled.is_empty() {
                details { summary { (bi(("已合并", "joined"))) " " span.count { (settled.len()) } } @for card in &settled { (card) } }
            }
        }
    })
}

fn records(db: &Connection, ids: impl Iterator<Item = DocId>) -> Result<Vec<Record>, HqError> {
    let found: Result<Vec<_>, HqError> = ids.take(ALIKE).map(|id| Record::read(db, id)).collect();
    Ok(found?.into_iter().flatten().collect())
}

/// Says whether all of a group stand for one.
fn is_settled(records: &[Record]) -> bool {
    let joined = |id: DocId| records.iter().find(|r| r.id == id)?.joined;
    records.iter().map(|r| stands_for(r.id, joined)).collect::<BTreeSet<_>>().len() < 2
}

/// Shows a group side by side with what can be done; `seen` shows whom it names.
fn card(records: &[Record], names: &Names, seen: bool) -> Markup {
    let Some(kind) = records.first().map(|r| r.id.kind) else { return html! {} };
    let free = || records.iter().filter(|r| r.joined.is_none());
    let rows: Vec<Row> = records.iter().map(|r| row(r, records, names, seen)).collect();
    let heads = [
        ("记录", "record"),
        if kind == DocKind::Person {
            ("姓名和电话", "name and number")
        } else {
            ("地址和名称", "address and name")
        },
        ("网格", "grid"),
        ("登记", "recorded"),
        ("保留这条", "stays"),
        ("就是保留的那条", "is the one that stays"),
    ];
    html! {
        article.card {
            form method="post" action="/same" {
                (table(bi(("看起来相同的记录", "What looks alike")), &heads, &rows, 0, ("没有", "none")))
                @if free().count() > 1 {
                    div.panel {
                        (line("reason", ("理由", "Reason"), "", true))
                        p { (button("join", ("合并", "join"), "")) }
                    }
                }
            }
            @for r in records.iter().filter(|r| r.joined.is_some()) {
                details {
                    summary { (bi(("撤销合并", "part again"))) " " (short(r.id)) }
                    form.panel method="post" action="/same" {
                        input type="hidden" name="record" value=(r.id);
                        (line("reason", ("理由", "Reason"), "", true))
                        p { (button("part", ("撤销合并", "part again"), "danger")) }
                    }
                }
            }
            @if kind == DocKind::Person && !seen {
                details {
                    summary { (bi(("查看姓名和电话(会留下记录)", "See names and numbers; it is logged"))) }
                    form.panel method="post" action="/same/reveal" {
                        @for r in records { input type="hidden" name="record" value=(r.id); }
                        (purpose_fields())
                        p { button type="submit" { (bi(("查看", "See"))) } }
                    }
                }
            }
        }
    }
}

fn short(id: DocId) -> Markup {
    let hex = to_hex(&id.uuid);
    html! { span.id { (hex.get(26..).unwrap_or_default()) } }
}

fn row(r: &Record, all: &[Record], names: &Names, seen: bool) -> Row {
    let who = match (r.id.kind, seen) {
        (DocKind::Person, true) => {
            html! { (shown(r.text("name"))) span.sub { span.id { (shown(r.text("phone"))) } } }
        }
        (DocKind::Person, false) => {
            html! { (shown(&privacy::mask_name(r.text("name")))) span.sub { span.id { (privacy::mask_phone(r.text("phone"))) } } }
        }
        _ => {
            let name = r.text("name");
            // A dwelling is called by who lives there.
            let name = if r.text("kind") == "dwelling" { privacy::mask_name(name) } else { name.to_owned() };
            html! { (shown(r.text("raw_address"))) @if !name.is_empty() { span.sub { (shown(&name)) } } }
        }
    };
    let first = if r.id.kind == DocKind::Person { "name" } else { "raw_address" };
    let recorded = r.view.all(first).first();
    let pick = |name: &'static str, words: Words| {
        let label = format!("{} {}", say(words), to_hex(&r.id.uuid).get(26..).unwrap_or_default());
        html! { @if r.joined.is_none() { input type="radio" name=(name) value=(r.id) required aria-label=(label); } @else { (none()) } }
    };
    Row {
        class: if r.joined.is_some() { "ended" } else { "" },
        cells: vec![
            html! {
                (short(r.id))
                @if let Some(into) = r.joined {
                    span.sub { (bi(("已合并到", "joined to"))) " " (short(into)) }
                } @else if all.iter().any(|other| other.joined == Some(r.id)) {
                    span.sub { (bi(("保留", "stays"))) }
                }
            },
            who,
            names.thing("grid", r.text("grid")),
            match recorded {
                Some(a) => html! { (names.person(&a.by)) span.sub { (when(a.at.ms().0)) } },
                None => none(),
            },
            pick("into", ("保留这条", "stays")),
            pick("record", ("就是保留的那条", "is the one that stays")),
        ],
    }
}

fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    if !ask.may(Action::RevealIdentity) {
        return Ok(Answer::Missing);
    }
    match ask.parts().as_slice() {
        [_] => act(hq, ask),
        [_, "reveal"] => reveal(hq, ask),
        _ => Ok(Answer::Missing),
    }
}

/// Reads a record's id: a resident or a place, nothing else.
fn record_id(text: &str) -> Option<DocId> {
    let (kind, hex) = text.split_once(':')?;
    let kind = [DocKind::Person, DocKind::Place].into_iter().find(|k| k.name() == kind)?;
    Some(DocId { kind, uuid: from_hex(hex)? })
}

fn act(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let id = |name: &str| ask.form.get(name).and_then(record_id);
    let (reason, by) = (ask.form.get("reason").unwrap_or_default(), ask.visitor.subject.worker.as_str());
    let done = |code: &str| Ok(Answer::SeeOther(format!("/same?done={code}")));
    match (ask.form.get("act"), id("record"), id("into")) {
        (Some("join"), Some(record), Some(into)) if record.kind == into.kind => {
            match record.kind {
                DocKind::Person => hq.merge_persons(record, into, reason, by)?,
                _ => hq.map_place(record, Some(into), reason, by)?,
            }
            done("merged")
        }
        (Some("join"), ..) => Ok(Answer::Refused(
            "请选择保留哪一条、哪一条与它相同 / choose which record stays and which one is the same".into(),
        )),
        (Some("part"), Some(record), _) => {
            match record.kind {
                DocKind::Person => hq.undo_merge(record, reason, by)?,
                _ => hq.map_place(record, None, reason, by)?,
            }
            done("parted")
        }
        _ => Ok(Answer::Missing),
    }
}

/// Shows a group with names and numbers, after a line of the log for each resident.
fn reveal(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let ids: Vec<DocId> =
        ask.form.all("record").filter_map(record_id).filter(|id| id.kind == DocKind::Person).collect();
    // Only what looks alike is shown here, not the whole register.
    let groups = alike(hq.reader(), DocKind::Person)?;
    let Some(group) = groups.iter().find(|g| ids.first().is_some_and(|id| g.contains(id))) else {
        return Ok(Answer::Missing);
    };
    let Some(purpose) = purpose(ask) else { return Ok(Answer::Refused(NO_PURPOSE.into())) };
    let records = records(hq.reader(), group.iter().copied())?;
    for r in &records {
        hq.note_read("reveal", &r.id.to_string(), Some((r.text("name"), r.text("phone"))), ask, &purpose)?;
    }
    let names = Names::all(hq.reader())?;
    let content = html! {
        p.crumb { a href="/same" { "← " (bi(TITLE)) } }
        h1 { (bi(TITLE)) }
        p.done { (bi(("本次查看已记录。离开此页后需重新说明用途。", "This view is logged. After this page a reason is needed again."))) }
        (card(&records, &names, true))
    };
    Ok(Answer::Page(Page { title: TITLE, live: false, content }))
}

#[cfg(test)]
mod tests;
