//! `/surveys/{id}`: doors, answers, disputes, coverage (R35).

use super::{HqError, forms};
use crate::{
    Headquarters,
    console::{
        Sources,
        names::Names,
        parts::{MAX_ROWS, Row, bi, none, shown, table, when},
        web::{Answer, Ask, Page},
        words::Words,
    },
    groups::{self, Door, NewSurvey},
};
use lanewalk_model::{
    group::survey::{Standing, Tally},
    id::{DocId, to_hex},
    kpi::Rate,
    schema::DocKind,
    staff::Role,
    view::Attributed,
};
use maud::{Markup, html};
use rusqlite::Connection;

fn answer(id: &str) -> Words {
    match id {
        "support" => ("支持", "support"),
        "oppose" => ("反对", "oppose"),
        "neutral" => ("无所谓", "neutral"),
        _ => ("其他", "other"),
    }
}

/// Shows the counts of a survey in a line; no percentage without its parts.
fn counts(t: &Tally) -> Markup {
    let heard = t.doors.iter().filter(|d| !matches!(d.standing, Standing::Open | Standing::Absent)).count();
    // Heard doors are among the doors.
    let coverage = Rate::new(heard as u64, t.doors.len() as u64).unwrap_or_default();
    html! {
        dl.states-line {
            div { dt { (bi(("覆盖", "coverage"))) } dd { (t.heard) " / " (t.doors.len()) " " span.sub { (coverage.percent()) } } }
            @for (id, n) in &t.answers { div { dt { (bi(answer(id))) } dd { (n) } } }
            div { dt { (bi(("意见不一,不计入", "disputed, in no total"))) } dd { (t.conflicts) } }
            div { dt { (bi(("无人", "absent"))) } dd { (t.absent) } }
        }
    }
}

/// Lists the surveys of a task force, with a form to make one.
pub(super) fn of_task_force(from: &Sources<'_>, ask: &Ask, force: DocId) -> Result<Markup, HqError> {
    let mut found = Vec::new();
    for row in groups::list(from.db, DocKind::Survey, MAX_ROWS)? {
        let Some(view) = groups::find(from.db, row.id)? else { continue };
        if view.text("taskforce") == Some(&force.to_string()) {
            let tally = groups::tally(from.db, &view)?;
            found.push((row.id, view.text("title").unwrap_or_default().to_owned(), tally));
        }
    }
    let role = ask.visitor.subject.role;
    let may = matches!(role, Role::HotlineClerk | Role::DeputyLeader | Role::Principal);
    Ok(html! {
        section {
            h2 { (bi(("入户听取意见", "Surveys"))) }
            @for (id, title, tally) in &found { h3 { a href={ "/surveys/" (to_hex(&id.uuid)) } { (shown(title)) } } (counts(tally)) }
            @if found.is_empty() { p { (none()) } }
        }
        @if may { details { summary { (bi(("发起调查", "Make a survey"))) }
            form.panel method="post" action="/surveys" {
                input type="hidden" name="taskforce" value=(to_hex(&force.uuid));
                (forms::line("title", ("标题", "title"), "", true))
                (forms::line("question", ("问题", "question"), "", true))
                p { label.inline { input type="checkbox" name="shops" value="1"; " " (bi(("列入本网格已登记的商户", "list the recorded shops of the grid"))) } }
                (forms::area("doors", ("其他门牌(每行一户)", "other doors, a line each"), "", false))
                p { (forms::button("make", ("发起", "make"), "")) }
            }
        } }
    })
}

pub(super) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    let parts = ask.parts();
    let id = parts.get(1).and_then(|hex| super::id(DocKind::Survey, hex));
    let view = id.map(|id| groups::find(from.db, id)).transpose()?.flatten();
    let Some(view) = view.filter(|_| parts.len() == 2) else { return Ok(Answer::Missing) };
    // What is said at a door is for those whose grid it is and who lead the house.
    let facts = lanewalk_model::policy::ScopeFacts::of(&view);
    let who = &ask.visitor.subject;
    let force = view.text("taskforce").and_then(|t| t.parse::<DocId>().ok());
    let force = force.map(|id| groups::find(from.db, id)).transpose()?.flatten();
    let belongs = force.is_some_and(|f| {
        f.text("lead") == Some(who.worker.as_str()) || f.get(&format!("member/{}", who.worker)).is_some()
    });
    if !belongs && !super::finder::may_see(who, DocKind::Survey, &facts, "", ask.now) {
        return Ok(Answer::Missing);
    }
    let names = Names::all(from.db)?;
    let tally = groups::tally(from.db, &view)?;
    let rows: Vec<Row> = tally
        .doors
        .iter()
        .map(|d| Row::from(vec![html! { (shown(&d.name)) }, standing(&d.standing, &names)]))
        .collect();
    let back = view.text("taskforce").and_then(|t| t.parse::<DocId>().ok());
    let content = html! {
        @if let Some(force) = back { p.crumb { a href={ "/taskforces/" (to_hex(&force.uuid)) } { "← " (bi(("专班", "task force"))) } } }
        h1 { (shown(view.text("title").unwrap_or_default())) }
        p.lead { (shown(view.text("question").unwrap_or_default())) }
        (counts(&tally))
        @if tally.strays > 0 { p.sub { (tally.strays) " " (bi(("条答复不在名单内", "answers for doors that are not listed"))) } }
        (table(html! { (bi(("门牌", "Doors"))) " " span.count { (rows.len()) } }, &[("门牌", "door"), ("意见", "answer")], &rows, 0, ("名单为空", "no doors")))
    };
    Ok(Answer::Page(Page { title: ("民意调查", "Survey"), live: false, content }))
}

fn standing(standing: &Standing, names: &Names) -> Markup {
    let said = |a: &Attributed| html! { li { (bi(answer(a.value.text().unwrap_or_default()))) " " (names.person(&a.by)) " " (when(a.at.ms().0)) } };
    match standing {
        Standing::Open => none(),
        Standing::Absent => bi(("无人", "absent")),
        Standing::Answered(id) => bi(answer(id)),
        Standing::Conflict(all) => html! {
            strong.tag.conflict { (bi(("意见不一,请再上门", "disputed: ask again"))) }
            ul { @for a in all { (said(a)) } }
        },
    }
}

pub(super) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    if ask.parts().len() != 1 {
        return Ok(Answer::Missing);
    }
    if forms::text(ask, "act") != "make" {
        return Ok(forms::unclear());
    }
    let taskforce = super::id(DocKind::TaskForce, forms::text(ask, "taskforce"));
    let grid = taskforce.map(|id| hq.document(id)).transpose()?.flatten();
    let grid = grid.and_then(|v| v.text("grid").map(str::to_owned)).unwrap_or_default();
    let mut doors = if ask.form.get("shops").is_some() { shops(hq.reader(), &grid)? } else { Vec::new() };
    let lines = forms::text(ask, "doors").lines().map(str::trim).filter(|l| !l.is_empty());
    doors.extend(lines.map(|name| Door { place: None, name: name.to_owned() }));
    let new = NewSurvey {
        title: forms::text(ask, "title").to_owned(),
        question: forms::text(ask, "question").to_owned(),
        taskforce,
        order: None,
        grid,
        doors,
    };
    let id = hq.make_survey(&new, &ask.visitor.subject.worker)?;
    Ok(Answer::SeeOther(format!("/surveys/{}?done=saved", to_hex(&id.uuid))))
}

/// Lists the recorded shops of a grid that were not merged into others.
fn shops(db: &Connection, grid: &str) -> Result<Vec<Door>, HqError> {
    let mut out = Vec::new();
    let mut statement = db.prepare_cached(
        "SELECT id, row ->> 'title' FROM docs WHERE kind = ?1 AND grid = ?2 AND state = 'shop' ORDER BY n",
    )?;
    let mut rows = statement.query((DocKind::Place.code(), grid))?;
    while let Some(r) = rows.next()? {
        let Ok(id) = DocId::from_slice(r.get_ref(0)?.as_blob().unwrap_or_default()) else { continue };
        let merged =
            groups::find(db, id)?.is_some_and(|v| v.text("mapped_to").is_some_and(|m| !m.is_empty()));
        let name: String = r.get(1)?;
        if !merged && !name.trim().is_empty() {
            out.push(Door { place: Some(id), name });
        }
    }
    Ok(out)
}
