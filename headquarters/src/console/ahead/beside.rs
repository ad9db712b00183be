//! What these rooms add to an order's page: what it belongs to, and the plan it is handled by.

use super::{HqError, forms, rule, seen};
use crate::{
    ahead::kb,
    console::{
        Sources,
        names::Names,
        parts::{bi, shown},
        web::Ask,
        words::Words,
    },
    groups,
    store::StoredDoc,
};
use lanewalk_model::{
    group::cluster,
    id::{DocId, to_hex},
    order,
    schema::DocKind,
    view::DocView,
};
use maud::{Markup, html};

/// Shows the groups of an order, its sub-tasks, and the response plan with what may be done.
pub(in crate::console) fn beside(
    from: &Sources<'_>,
    ask: &Ask,
    id: DocId,
    view: &DocView,
) -> Result<Markup, HqError> {
    let who = &ask.visitor.subject;
    let open = order::state(view).is_open();
    let hex = to_hex(&id.uuid);
    let mut links: Vec<(Words, String)> = Vec::new();
    let named = |key: &str| view.text(key).and_then(|t| t.parse::<DocId>().ok()).map(|d| to_hex(&d.uuid));
    if groups::is_master(view) {
        links.push((("并案主单:看子单", "master: see its children"), format!("/clusters/{hex}")));
    }
    for (key, label, room) in [
        ("master", ("已并案", "in a cluster"), "clusters"),
        ("taskforce", ("专班办理", "led by a task force"), "taskforces"),
        ("subtask_of", ("主件", "main order"), "orders"),
        ("playbook", ("所用预案", "plan in use"), "kb"),
    ] {
        links.extend(named(key).map(|to| (label, format!("/{room}/{to}"))));
    }
    if let Some(n) = rule::of_order(from.db, id)? {
        links.push((("属于集中反映", "part of a hot spot"), format!("/ahead/{n}")));
    }
    let mut tasks = Vec::new();
    for task in StoredDoc::children(from.db, &id.to_string(), DocKind::Order)? {
        tasks.extend(seen(from.db, who, task.row.id, ask.now)?.map(|row| (task.row.id, row)));
    }
    let may = open && kb::USERS.has(who.role);
    let plans =
        if may { kb::plans_for(from.db, view.text("matter_code").unwrap_or_default())? } else { Vec::new() };
    let plans = plans.into_iter().filter(|p| named("playbook").as_ref() != Some(&to_hex(&p.id.uuid)));
    let plans: Vec<kb::Version> = plans.collect();
    let names = Names::all(from.db)?;
    Ok(html! {
        section id="groups" {
            @if !links.is_empty() { ul.chips { @for (label, to) in &links { li { a href=(to) { (bi(*label)) } } } } }
            @for (task, row) in &tasks { p { (bi(("子任务", "sub-task"))) " " a href={ "/orders/" (to_hex(&task.uuid)) } { (shown(&row.title)) } } }
            @for plan in &plans {
                form.row method="post" action={ "/kb/" (to_hex(&plan.id.uuid)) } {
                    input type="hidden" name="order" value=(hex);
                    a href={ "/kb/" (to_hex(&plan.id.uuid)) } { (bi(("解决预案", "plan"))) " " (shown(&plan.title)) " v" (plan.version) }
                    (forms::button("use", ("按此预案办理", "use this plan"), "second"))
                }
            }
            @if may && cluster::is_counted(view) { details { summary { (bi(("派发子任务", "Make a sub-task"))) }
                form.panel method="post" action={ "/clusters/" (hex) } {
                    (forms::line("title", ("任务", "what is to be done"), "", true))
                    (forms::select("lead_unit", ("承办科室", "section"), &names.list("lead_unit"), ""))
                    (forms::area("words", ("说明", "more about it"), "", false))
                    p { (forms::button("subtask", ("派发", "dispatch"), "")) }
                }
            } }
        }
    })
}
