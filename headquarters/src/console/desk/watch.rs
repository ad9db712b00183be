//! The watch (R23): who answers now, who did, who will.

use super::{
    super::{
        forms,
        names::Names,
        parts::{Row, bi, none, shown, table, when},
        photos::Sources,
        web::{Answer, Ask, Page},
    },
    done,
};
use crate::{desk::watch, error::HqError, hq::Headquarters};
use lanewalk_model::{staff::Role, time::TimeMs};
use maud::{Markup, html};
use rusqlite::Connection;

/// Watches listed.
const LISTED: u32 = 30;

/// Makes the page: `/watch`.
pub(in crate::console) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    if ask.parts().len() != 1 {
        return Ok(Answer::Missing);
    }
    let names = Names::of_staff(from.db)?;
    let now = watch::on_watch(from.db)?;
    let me = ask.visitor.subject.worker.as_str();
    let clerk = ask.visitor.subject.role == Role::HotlineClerk;
    let mine = now.as_ref().is_some_and(|w| w.person == me);
    let content = html! {
        h1 { (bi(("值班", "Watch"))) }
        p.lead {
            @match &now {
                Some(w) => { (bi(("当前值班", "on watch now"))) " " strong { (names.person(&w.person)) } " " (bi(("自", "since"))) " " (when(w.from.0)) }
                None => { strong.late { (bi(("无人值班", "nobody is on watch"))) } }
            }
        }
        @if clerk && !mine {
            form.card method="post" action="/watch/take" {
                h3 { (bi(("接班", "take over"))) }
                (forms::area("handover", ("上一班交代事项", "what the one before left to say"), "", false))
                div.buttons { button { (bi(("我来值班", "I am on watch"))) } }
            }
        }
        (roster(from.db, ask, &names)?)
        (history(from.db, &names)?)
    };
    Ok(Answer::Page(Page { title: ("值班", "Watch"), live: true, content }))
}

fn roster(db: &Connection, ask: &Ask, names: &Names) -> Result<Markup, HqError> {
    let shifts = watch::shifts(db, ask.now)?;
    let mut rows: Vec<Row> = Vec::new();
    let mut end: Option<TimeMs> = None;
    for s in &shifts {
        if let Some(gap) = end.filter(|e| *e < s.from) {
            let missing = html! { strong.late { (bi(("无人", "nobody"))) } };
            rows.push(Row::from(vec![when(gap.0), when(s.from.0), missing, none()]));
        }
        end = Some(s.to);
        let drop = html! {
            form method="post" action="/watch/drop" { input type="hidden" name="n" value=(s.n); button.plain { (bi(("取消", "take out"))) } }
        };
        rows.push(Row::from(vec![when(s.from.0), when(s.to.0), names.person(&s.person), drop]));
    }
    let clerks = names.with_role(Role::HotlineClerk);
    let heads = [("自", "from"), ("至", "to"), ("值班人", "clerk"), ("", "")];
    Ok(html! {
        section { (table(bi(("排班", "Roster")), &heads, &rows, 0, ("没有排班", "nothing planned"))) }
        details.card { summary { (bi(("排一班", "plan a shift"))) }
            form method="post" action="/watch/plan" {
                (forms::select("person", ("值班人", "clerk"), &clerks, ""))
                (forms::moment("from", ("自", "from"), None))
                (forms::moment("to", ("至", "to"), None))
                div.buttons { button { (bi(("排定", "plan"))) } }
            }
        }
    })
}

fn history(db: &Connection, names: &Names) -> Result<Markup, HqError> {
    let rows: Vec<Row> = watch::last(db, LISTED)?
        .iter()
        .map(|w| {
            let to = w.to.map_or_else(|| bi(("在班", "on watch")), |t| when(t.0));
            let said = if w.handover.is_empty() { none() } else { shown(&w.handover) };
            Row::from(vec![when(w.from.0), to, names.person(&w.person), said])
        })
        .collect();
    let heads = [("接班", "from"), ("交班", "to"), ("值班人", "clerk"), ("交代事项", "handed over")];
    Ok(
        html! { section { (table(bi(("交接班记录", "Handovers")), &heads, &rows, 0, ("没有记录", "none yet"))) } },
    )
}

/// Answers a POST to `/watch/{take, plan, drop}`.
pub(in crate::console) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let by = ask.visitor.subject.worker.as_str();
    let back = || "/watch".to_owned();
    match ask.parts().as_slice() {
        ["watch", "take"] => {
            done(hq.take_watch(by, ask.form.get("handover").unwrap_or_default()), back(), "watch")
        }
        ["watch", "plan"] => {
            let (from, to) = (forms::time(ask, "from")?, forms::time(ask, "to")?);
            done(hq.plan_shift(by, forms::text(ask, "person"), from, to), back(), "saved")
        }
        ["watch", "drop"] => match ask.form.get("n").and_then(|n| n.parse().ok()) {
            Some(n) => done(hq.drop_shift(by, n), back(), "saved"),
            None => Ok(forms::unclear()),
        },
        _ => Ok(Answer::Missing),
    }
}
