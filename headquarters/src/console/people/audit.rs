//! The access log: who read or did what, by person, order, resident or day.
//!
//! Invariant: a resident is looked for by what the visitor types, in an act, so that neither name
//! nor number ever stands in an address. Rejected: names in the log; it would be the largest
//! collection of them in the house.

use super::page;
use crate::{
    Headquarters, HqError,
    console::{
        Sources,
        names::Names,
        parts::{Row, bi, both, none, shown, table, when},
        web::{Answer, Ask, Fields},
        words,
    },
    people::{self, Checked, Search},
};
use chrono::NaiveDate;
use lanewalk_model::{access::Action, staff::Role, time::TimeMs};
use maud::{Markup, html};
use rusqlite::Connection;

const MOST: usize = 200;

fn wanted(fields: &Fields) -> Search {
    let text = |name: &str| fields.get(name).unwrap_or_default().to_owned();
    let day = fields.get("day").and_then(|d| NaiveDate::parse_from_str(d, "%Y-%m-%d").ok());
    let start =
        day.and_then(|d| d.and_hms_opt(0, 0, 0)).map(|t| t.and_utc().timestamp_millis() - 8 * 3_600_000);
    Search {
        who: text("who"),
        about: text("about"),
        name: text("name"),
        phone: text("phone"),
        from: start.map(TimeMs),
        to: start.map(|t| TimeMs(t + 86_400_000)),
    }
}

/// Shows the log; the query looks by person, thing and day.
pub(in crate::console) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    if !ask.may(Action::ReadAccessLog) || ask.parts().len() != 1 {
        return Ok(Answer::Missing);
    }
    let search = Search { name: String::new(), phone: String::new(), ..wanted(&ask.query) };
    content(from.db, &search, &ask.query).map(|c| page(("查阅记录", "Access log"), c))
}

/// Looks for a resident: an act, and one line of the log itself.
pub(in crate::console) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    if !ask.may(Action::ReadAccessLog) {
        return Ok(Answer::Missing);
    }
    if ask.form.get("act") == Some("check") {
        hq.check_access_log(&ask.visitor.subject.worker)?;
        return Ok(Answer::SeeOther("/audit?done=checked".into()));
    }
    let search = wanted(&ask.form);
    if search.name.is_empty() && search.phone.is_empty() {
        return Ok(Answer::Refused("请填写姓名或电话 / type a name or a number".into()));
    }
    hq.note_act(&ask.visitor.subject.worker, "search_resident", "", &ask.visitor.session)?;
    content(hq.reader(), &search, &Fields::default()).map(|c| page(("查阅记录", "Access log"), c))
}

fn content(db: &Connection, search: &Search, fields: &Fields) -> Result<Markup, HqError> {
    let names = Names::of_staff(db)?;
    let found = people::search(db, search, MOST)?;
    let checked = people::check_new(db)?;
    let rows: Vec<Row> = found
        .lines
        .iter()
        .map(|l| {
            Row::from(vec![
                html! { (when(l.at.0)) span.sub { "#" (l.n) } },
                html! { (names.person(&l.who)) @if let Some(role) = Role::from_id(&l.role) { span.sub { (bi(words::role(role))) } } },
                html! { (bi(words::audited(&l.what))) span.sub { span.id { (shown(&l.what)) } } },
                html! { span.id { (shown(&l.about)) } @if l.names_resident() { " " span.tag.ask { (bi(("居民", "resident"))) } } },
                if l.purpose.is_empty() { none() } else { shown(&l.purpose) },
                if l.session.is_empty() { none() } else { html! { span.id { (shown(&l.session)) } } },
            ])
        })
        .collect();
    let heads = [
        ("时间", "time"),
        ("谁", "who"),
        ("做了什么", "what"),
        ("关于", "about"),
        ("用途", "purpose"),
        ("会话", "session"),
    ];
    let left_out = found.total.saturating_sub(rows.len() as u64);
    let value = |name: &str| fields.get(name).unwrap_or_default().to_owned();
    Ok(html! {
        h1 { (bi(("查阅记录", "Access log"))) }
        (standing(&checked))
        form.panel method="get" action="/audit" {
            div.row {
                p { label for="who" { (bi(("谁查的(工号)", "who, by id"))) } input #who name="who" value=(value("who")) maxlength="32"; }
                p { label for="about" { (bi(("工单或对象", "order or thing"))) } input #about name="about" value=(value("about")) maxlength="80"; }
                p { label for="day" { (bi(("日期", "day"))) } input #day name="day" type="date" value=(value("day")); }
                p { button type="submit" { (bi(("查找", "Search"))) } }
            }
        }
        form.panel method="post" action="/audit" {
            div.row {
                p { label for="name" { (bi(("居民姓名", "resident's name"))) } input #name name="name" maxlength="60" autocomplete="off"; }
                p { label for="phone" { (bi(("居民电话", "resident's number"))) } input #phone name="phone" maxlength="30" autocomplete="off"; }
                p { button type="submit" { (bi(("谁看过这位居民的信息", "Who saw this resident"))) } }
            }
        }
        (table(html! { (bi(("记录", "Lines"))) " " span.count { (found.total) } }, &heads, &rows, left_out, ("没有找到", "nothing found")))
    })
}

/// Says whether the log is whole, as far as was looked at.
fn standing(checked: &Checked) -> Markup {
    let since = checked.since;
    html! {
        @match checked.broken {
            None if since == 0 => p.done { "✓ " (bi(("记录链完整,没有改动或缺失", "the chain is whole: nothing was changed or taken out"))) },
            None => p.done { "✓ " (both(format!("第 {since} 条之后的记录链完整;之前的已查过"), format!("the chain is whole after line {since}; what stands before was looked at earlier"))) },
            Some(b) => p.refused role="alert" { (bi(("记录链断裂,从这一条起不可信", "the chain is broken from this line on"))) " #" (b.n) },
        }
        form method="post" action="/audit" {
            p {
                @match checked.whole_at {
                    Some(at) => { (bi(("上次全部核对", "all of it was checked last"))) " " (when(at.0)) },
                    None => (bi(("还没有全部核对过", "never checked as a whole"))),
                }
                " " button.second type="submit" name="act" value="check" { (bi(("全部核对", "check all of it"))) }
            }
        }
    }
}
