//! `/clusters`: masters and their children.

use super::{HqError, Orders, forms};
use crate::{
    Headquarters,
    console::{
        Sources,
        names::Names,
        parts::{MAX_ROWS, Row, bi, shown, table},
        web::{Answer, Ask, Page},
        words,
    },
    groups::{self, NewSubtask},
};
use lanewalk_model::{
    access::Action,
    id::{DocId, to_hex},
    order,
    schema::DocKind,
    staff::Role,
};
use maud::html;

pub(super) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    match ask.parts().as_slice() {
        [_] => list(from),
        [_, hex] => match super::id(DocKind::Order, hex) {
            Some(id) => page(from, ask, id),
            None => Ok(Answer::Missing),
        },
        _ => Ok(Answer::Missing),
    }
}

fn list(from: &Sources<'_>) -> Result<Answer, HqError> {
    let names = Names::all(from.db)?;
    let mut rows = Vec::new();
    for id in groups::masters(from.db, MAX_ROWS)? {
        let Some(view) = groups::find(from.db, id)? else { continue };
        let children = groups::orders_of(&view, "cluster_child");
        let mut ended = 0;
        for child in &children {
            ended += u32::from(groups::find(from.db, *child)?.is_some_and(|c| !order::state(&c).is_open()));
        }
        rows.push(Row::from(vec![
            html! { a.title href={ "/clusters/" (to_hex(&id.uuid)) } { (shown(view.text("title").unwrap_or_default())) } },
            html! { span.state { (bi(words::state(order::state(&view)))) } },
            html! { (ended) " / " (children.len()) },
            names.thing("matter_code", view.text("matter_code").unwrap_or_default()),
            names.thing("grid", view.text("grid").unwrap_or_default()),
        ]));
    }
    let heads = [
        ("主单", "master"),
        ("状态", "state"),
        ("已结束子单", "children ended"),
        ("事项", "matter"),
        ("网格", "grid"),
    ];
    let caption = html! { (bi(("并案", "Clusters"))) " " span.count { (rows.len()) } };
    let content = html! {
        h1 { (bi(("并案", "Clusters"))) }
        p.sub { (bi(("每件子单保留自己的编号、时限、答复和回访。并案从研判或地图所选工单发起。", "Each child keeps own number, deadline, reply and callback. Begin from a forecast or from orders chosen on the map."))) }
        (table(caption, &heads, &rows, 0, ("没有并案", "no clusters")))
    };
    Ok(Answer::Page(Page { title: ("并案", "Clusters"), live: false, content }))
}

fn page(from: &Sources<'_>, ask: &Ask, id: DocId) -> Result<Answer, HqError> {
    let Some(view) = groups::find(from.db, id)?.filter(groups::is_master) else { return Ok(Answer::Missing) };
    let names = Names::all(from.db)?;
    let who = &ask.visitor.subject;
    let children = groups::orders_of(&view, "cluster_child");
    let open = order::state(&view).is_open();
    let may_split = open && who.role == Role::HotlineClerk;
    let table = Orders { db: from.db, who, names: &names, now: ask.now, pick: false }.table(
        ("子单", "Children"),
        &children,
        MAX_ROWS,
    )?;
    let hex = to_hex(&id.uuid);
    let options: Vec<(String, String)> = children
        .iter()
        .map(|c| {
            let title = super::seen(from.db, who, *c, ask.now).ok().flatten().map(|r| r.title);
            let hex = to_hex(&c.uuid);
            let short = crate::console::board::short(&hex).to_owned();
            (hex, format!("{short} {}", title.unwrap_or_default()))
        })
        .collect();
    let content = html! {
        p.crumb { a href="/clusters" { "← " (bi(("并案", "clusters"))) } }
        h1 { (shown(view.text("title").unwrap_or_default())) }
        p.lead { span.state.big { (bi(words::state(order::state(&view)))) } " " (names.thing("matter_code", view.text("matter_code").unwrap_or_default())) " · " (names.thing("grid", view.text("grid").unwrap_or_default())) " · " a href={ "/orders/" (hex) } { (bi(("主单及经过", "master and history"))) } }
        (table)
        @if may_split {
            form.panel method="post" action={ "/clusters/" (hex) } {
                h2 { (bi(("移出子单", "Take an order out"))) }
                (forms::select("order", ("子单", "child"), &options, ""))
                (forms::line("words", ("理由", "why"), "", true))
                p { (forms::button("split", ("移出", "take out"), "second")) }
            }
        }
        @if !open {
            form method="post" action={ "/kb/from/order/" (hex) } { (forms::button("draft", ("据此起草预案", "draft a plan from it"), "")) }
        }
    };
    Ok(Answer::Page(Page { title: ("并案", "Cluster"), live: false, content }))
}

pub(super) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    match ask.parts().as_slice() {
        [_] => forms::named(make(hq, ask)),
        // A cluster's master, or the order that gets a sub-task.
        [_, hex] => match super::id(DocKind::Order, hex) {
            Some(order)
                if hq.document(order)?.is_some_and(|v| ask.sight(Action::ReadOrder, &v).is_some()) =>
            {
                forms::named(change(hq, ask, order))
            }
            _ => Ok(Answer::Missing),
        },
        _ => Ok(Answer::Missing),
    }
}

fn saved(id: DocId) -> Answer {
    Answer::SeeOther(format!("/clusters/{}?done=saved", to_hex(&id.uuid)))
}

fn chosen(ask: &Ask) -> Vec<DocId> {
    ask.form.all("order").filter_map(|hex| super::id(DocKind::Order, hex)).collect()
}

fn make(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    if forms::text(ask, "act") != "make" {
        return Ok(forms::unclear());
    }
    let forecast = ask.form.get("forecast").and_then(|n| n.parse().ok());
    let by = &ask.visitor.subject.worker;
    hq.make_cluster(forms::text(ask, "title"), &chosen(ask), forecast, by).map(saved)
}

fn change(hq: &mut Headquarters, ask: &Ask, order: DocId) -> Result<Answer, HqError> {
    let by = &ask.visitor.subject.worker;
    match (forms::text(ask, "act"), chosen(ask).as_slice()) {
        ("subtask", _) => {
            let text = |name| forms::text(ask, name).to_owned();
            let new = NewSubtask {
                title: text("title"),
                summary: text("words"),
                lead_unit: text("lead_unit"),
                grid: String::new(),
            };
            let made = hq.make_subtask(order, &new, by)?;
            Ok(Answer::SeeOther(format!("/orders/{}?done=sent", to_hex(&made.uuid))))
        }
        ("join", [child]) => hq.join_cluster(order, *child, by).map(|()| saved(order)),
        ("split", [child]) => {
            hq.split_cluster(order, *child, forms::text(ask, "words"), by).map(|()| saved(order))
        }
        _ => Ok(forms::unclear()),
    }
}
