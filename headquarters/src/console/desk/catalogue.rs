//! The catalogue in force, and the deputy leader's choices that may become rows of the next (R26,
//! R27).

use super::{
    super::{
        forms::{area, field, line, unclear},
        names::Names,
        parts::{Row, bi, named, none, say, shown, table, when},
        photos::Sources,
        web::{Answer, Ask, Page},
    },
    address, done,
};
use crate::{
    desk::catalogue::{self, CatalogProposal},
    error::HqError,
    hq::Headquarters,
    store::StoredDoc,
};
use lanewalk_model::{
    access::{Action, Sight},
    catalog::Catalog,
    staff::Role,
};
use maud::{Markup, html};

/// Rows of the catalogue on one page.
const LISTED: usize = 500;

/// Makes the page: `/catalogue`.
pub(in crate::console) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    if ask.parts().len() != 1 {
        return Ok(Answer::Missing);
    }
    let names = Names::all(from.db)?;
    let waiting = catalogue::waiting(from.db)?;
    let mut seen = Vec::with_capacity(waiting.len());
    for p in &waiting {
        let order = StoredDoc::find(from.db, p.order)?.map(|stored| stored.view()).transpose()?;
        seen.push(order.is_some_and(|o| ask.sight(Action::ReadOrder, &o) == Some(Sight::Full)));
    }
    let deputy = ask.visitor.subject.role == Role::DeputyLeader;
    let content = html! {
        h1 { (bi(("事项清单", "Matter catalogue"))) }
        @if let Some(catalog) = &names.choices.catalog {
            p.lead { (bi(("版本", "version"))) " " span.id { (shown(&catalog.version)) } " · " (catalog.matters.len()) " " (bi(("个事项", "matters"))) }
        }
        section id="proposed" { h2 { (bi(("研判结果拟入清单", "Choices that may become rows"))) }
            @if waiting.is_empty() { p.none { (bi(("没有", "none"))) } }
            @for (p, seen) in waiting.iter().zip(&seen) { (proposal(p, &names, deputy, *seen)) }
        }
        @if let Some(catalog) = &names.choices.catalog { (list(catalog, &names)) }
    };
    Ok(Answer::Page(Page { title: ("事项清单", "Catalogue"), live: false, content }))
}

fn proposal(p: &CatalogProposal, names: &Names, deputy: bool, sees_orders: bool) -> Markup {
    html! {
        div.card {
            p { @if sees_orders { a href=(address(p.order)) { (shown(&p.words)) } } @else { (bi(("一件工单", "an order"))) } " → " (names.thing("lead_unit", &p.lead_unit)) }
            p.sub { (names.person(&p.by)) " · " (when(p.at.0)) }
            @if deputy {
                form method="post" action="/catalogue/adopt" {
                    input type="hidden" name="n" value=(p.n);
                    (field(("事项编码(6 位)", "code, six digits"), &html! { input name="code" pattern="[0-9]{6}" maxlength="6" required autocomplete="off"; }))
                    (line("name", ("事项名称", "name"), "", true))
                    (area("words", ("上级用语,一行一个", "upstream words, one a line"), "", false))
                    div.buttons {
                        button { (bi(("入清单", "make it a row"))) }
                        button.second formaction="/catalogue/decline" formnovalidate { (bi(("不入清单", "leave it"))) }
                    }
                }
            }
        }
    }
}

fn list(catalog: &Catalog, names: &Names) -> Markup {
    let rows: Vec<Row> = catalog
        .matters
        .iter()
        .take(LISTED)
        .map(|m| {
            let support: Vec<Markup> =
                m.support_units.iter().map(|u| names.thing("support_unit", u)).collect();
            let evidence: Vec<String> = m.required_evidence.iter().map(|e| say(e.words())).collect();
            Row::from(vec![
                html! { span.id { (shown(&m.matter_code)) } " " (shown(named(&m.name_zh, &m.name_en))) },
                if m.urgency == "urgent" {
                    html! { strong.urgent { (bi(("紧急", "urgent"))) } }
                } else {
                    bi(("一般", "general"))
                },
                names.thing("lead_unit", &m.lead_unit),
                if support.is_empty() {
                    none()
                } else {
                    html! { @for s in &support { div { (s) } } }
                },
                if evidence.is_empty() { none() } else { shown(&evidence.join("、")) },
                if m.matches.is_empty() { none() } else { shown(&m.matches.join("、")) },
            ])
        })
        .collect();
    let heads = [
        ("事项", "matter"),
        ("紧急程度", "urgency"),
        ("牵头", "lead"),
        ("配合", "support"),
        ("必需材料", "required evidence"),
        ("上级用语", "upstream words"),
    ];
    let left_out = catalog.matters.len().saturating_sub(rows.len()) as u64;
    html! { section { (table(bi(("清单", "Rows")), &heads, &rows, left_out, ("清单为空", "no rows"))) } }
}

/// Answers a POST to `/catalogue/{adopt, decline}`.
pub(in crate::console) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let by = ask.visitor.subject.worker.as_str();
    let back = "/catalogue".to_owned();
    let row = ask.form.get("n").and_then(|n| n.parse().ok());
    match (ask.parts().as_slice(), row) {
        ([_, "adopt" | "decline"], None) => Ok(unclear()),
        ([_, "adopt"], Some(n)) => {
            let text = |name| ask.form.get(name).unwrap_or_default();
            let words: Vec<&str> = text("words").lines().map(str::trim).filter(|w| !w.is_empty()).collect();
            done(hq.adopt_row(by, n, text("code"), text("name"), &words), back, "saved")
        }
        ([_, "decline"], Some(n)) => done(hq.decline_row(by, n), back, "saved"),
        _ => Ok(Answer::Missing),
    }
}
