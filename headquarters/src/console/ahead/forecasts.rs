//! `/ahead`: what piles up, with the evidence, and what is decided about it.

use super::{
    HqError, Orders, forms,
    map::{Shown, Window},
    rule::{self, Forecast, Standing},
};
use crate::{
    Headquarters,
    ahead::kb,
    console::{
        Sources,
        names::Names,
        parts::{MAX_ROWS, Row, bi, both, none, say, shown, table, when},
        web::{Answer, Ask, Page},
        words::Words,
    },
};
use lanewalk_model::{
    id::{DocId, to_hex},
    schema::DocKind,
    staff::Role,
};
use maud::{Markup, html};

pub(super) fn word(standing: Standing) -> Words {
    match standing {
        Standing::New => ("新发现", "new"),
        Standing::Watched => ("关注中", "watched"),
        Standing::Planned => ("已有预案", "planned"),
        Standing::Closed => ("已结束", "closed"),
    }
}

pub(super) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    match ask.parts().as_slice() {
        [_] => list(from),
        [_, n] => match n.parse().ok().map(|n| rule::one(from.db, n)).transpose()?.flatten() {
            Some(forecast) => page(from, ask, &forecast),
            None => Ok(Answer::Missing),
        },
        _ => Ok(Answer::Missing),
    }
}

fn tag(standing: Standing) -> Markup {
    html! { span.tag.(standing.id()) { (bi(word(standing))) } }
}

fn list(from: &Sources<'_>) -> Result<Answer, HqError> {
    let names = Names::all(from.db)?;
    let all = rule::list(from.db, MAX_ROWS)?;
    let mut rows = Vec::with_capacity(all.len());
    for f in &all {
        let said = rule::said(from.db, f.n)?;
        let last = said.iter().rev().find(|s| !s.words.is_empty());
        rows.push(Row {
            class: if f.standing == Standing::New { "fresh" } else { "" },
            cells: vec![
                html! { a.title href={ "/ahead/" (f.n) } { (shown(&names.plain("matter_code", &f.matter))) } span.sub { (both(format!("第 {} 号", f.n), format!("no. {}", f.n))) " " (bi(if f.by_person { ("人工研判", "foreseen") } else { ("规则发现", "by rule") })) } },
                html! { @for grid in &f.grids { div { (names.thing("grid", grid)) } } @if f.grids.is_empty() { (none()) } },
                html! { strong { (f.orders) } },
                match f.reported { Some((a, b)) => html! { (when(a.0)) span.sub { "– " (when(b.0)) } }, None => when(f.found_at.0) },
                html! { (tag(f.standing)) @if let Some(s) = last { span.sub { (shown(&crate::console::parts::clip(&s.words, 60))) } } },
            ],
        });
    }
    let heads = [
        ("事项", "matter"),
        ("网格", "grid"),
        ("件数", "orders"),
        ("反映时间", "reported"),
        ("情况", "standing"),
    ];
    let matters: Vec<(String, String)> = names.list("matter_code");
    let grids: Vec<(String, String)> =
        std::iter::once((String::new(), say(("不限", "anywhere")))).chain(names.list("grid")).collect();
    let content = html! {
        h1 { (bi(("提前研判", "Looking ahead"))) }
        (super::map::picture(from.db, &Window::of_forecasts(&all), &Shown { forecasts: &all, ..Shown::default() })?)
        (table(html! { (bi(("集中反映", "What piles up"))) " " span.count { (all.len()) } }, &heads, &rows, 0, ("近期没有相对集中的问题", "nothing piles up")))
        form.panel method="post" action="/ahead" {
            h2 { (bi(("人工研判:下一步可能集中的问题", "Foresee what no order shows yet"))) }
            (forms::select("matter", ("事项", "matter"), &matters, ""))
            (forms::select("grid", ("网格", "grid"), &grids, ""))
            (forms::area("words", ("依据和判断", "grounds"), "", true))
            p { (forms::button("foresee", ("记录研判", "record"), "")) }
        }
    };
    super::map::answer(from.db, Page { title: ("研判", "Forecasts"), live: true, content })
}

fn page(from: &Sources<'_>, ask: &Ask, f: &Forecast) -> Result<Answer, HqError> {
    let names = Names::all(from.db)?;
    let who = &ask.visitor.subject;
    let orders: Vec<DocId> = rule::orders(from.db, f.n)?.into_iter().map(|(id, _)| id).collect();
    let open = f.standing != Standing::Closed;
    let may_cluster = open && who.role == Role::HotlineClerk && !orders.is_empty();
    let table = Orders { db: from.db, who, names: &names, now: ask.now, pick: may_cluster }.table(
        ("依据:所含工单", "Evidence: its orders"),
        &orders,
        MAX_ROWS,
    )?;
    let plans = kb::plans_for(from.db, &f.matter)?;
    let here = format!("/ahead/{}", f.n);
    let shown_on =
        Shown { forecasts: std::slice::from_ref(f), orders: super::map::of(from.db, who, &orders, ask.now)? };
    let content = html! {
        p.crumb { a href="/ahead" { "← " (bi(("提前研判", "looking ahead"))) } }
        h1 { (shown(&names.plain("matter_code", &f.matter))) " " (tag(f.standing)) }
        p.lead {
            @if let Some((first, last)) = f.reported {
                strong { (f.orders) } " " (bi(("件", "orders"))) " · " (when(first.0)) " – " (when(last.0))
            }
            @for grid in &f.grids { " · " (names.thing("grid", grid)) }
        }
        p.ids {
            (bi(("发现于", "found"))) " " (when(f.found_at.0))
            @if let Some(rule) = f.rule {
                " · " (bi(("规则", "rule"))) ": " (both(
                    format!("{} 天内同一事项不少于 {} 件,同一网格或相距不超过 {} 米", rule.days, rule.orders, rule.metres),
                    format!("within {} days {} orders or more of one matter, in one grid or within {} m", rule.days, rule.orders, rule.metres),
                ))
            }
        }
        (super::map::picture(from.db, &Window::of_forecasts(std::slice::from_ref(f)), &shown_on)?)
        @if let Some(plan) = f.plan { p { (bi(("解决预案", "response plan"))) ": " a href={ "/kb/" (to_hex(&plan.uuid)) } { (bi(("查看", "read"))) } } }
        @if let Some(cluster) = f.cluster { p { (bi(("已并案", "cluster"))) ": " a href={ "/orders/" (to_hex(&cluster.uuid)) } { (bi(("主单", "master"))) } } }
        @if may_cluster {
            form method="post" action="/clusters" {
                (table)
                input type="hidden" name="forecast" value=(f.n);
                div.panel {
                    (forms::line("title", ("主单标题", "title of the master"), "", true))
                    p { (forms::button("make", ("将所选工单并案", "make a cluster of the chosen"), "")) }
                }
            }
        } @else { (table) }
        @if open {
            form.panel method="post" action=(here) {
                h2 { (bi(("处理意见", "Decide"))) }
                (forms::select("standing", ("情况", "standing"), &[Standing::Watched, Standing::Planned, Standing::Closed].map(|s| (s.id().to_owned(), say(word(s)))), f.standing.id()))
                (forms::select("plan", ("解决预案", "response plan"), &plan_options(&plans), &f.plan.map(|p| to_hex(&p.uuid)).unwrap_or_default()))
                @if plans.is_empty() { p.sub { (bi(("此事项还没有预案", "no plan for this matter yet"))) " " a href={ "/kb/new?matter=" (f.matter) } { (bi(("编写预案", "write one"))) } } }
                (forms::area("words", ("意见", "words"), "", false))
                p { (forms::button("judge", ("保存", "save"), "")) }
            }
        }
        section { h2 { (bi(("经过", "What was said"))) } (said(from, &names, f.n)?) }
    };
    super::map::answer(from.db, Page { title: ("研判", "Forecast"), live: false, content })
}

fn plan_options(plans: &[kb::Version]) -> Vec<(String, String)> {
    let none = (String::new(), say(("不选", "none")));
    let all = plans.iter().map(|p| (to_hex(&p.id.uuid), format!("{} v{}", p.title, p.version)));
    std::iter::once(none).chain(all).collect()
}

fn said(from: &Sources<'_>, names: &Names, n: i64) -> Result<Markup, HqError> {
    let said = rule::said(from.db, n)?;
    Ok(html! {
        ol.said { @for s in said.iter().rev() {
            li { p { (tag(s.standing)) " " (names.person(&s.by)) " " (when(s.at.0)) } @if !s.words.is_empty() { p { (shown(&s.words)) } } }
        } }
        @if said.is_empty() { p { (bi(("还没有人处理", "nobody has looked at it yet"))) } }
    })
}

pub(super) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let by = &ask.visitor.subject.worker;
    let words = forms::text(ask, "words");
    match (ask.parts().as_slice(), forms::text(ask, "act")) {
        ([_], "foresee") => {
            let n = hq.foresee(forms::text(ask, "matter"), forms::text(ask, "grid"), words, by)?;
            Ok(Answer::SeeOther(format!("/ahead/{n}?done=saved")))
        }
        ([_, n], "judge") => {
            let Ok(number) = n.parse() else { return Ok(Answer::Missing) };
            let Some(standing) = Standing::from_id(forms::text(ask, "standing")) else {
                return Ok(forms::unclear());
            };
            let plan = super::id(DocKind::Knowledge, forms::text(ask, "plan"));
            hq.judge_forecast(number, standing, plan, words, by)?;
            Ok(Answer::SeeOther(format!("/ahead/{n}?done=decided")))
        }
        ([_], _) => Ok(forms::unclear()),
        ([_, n], _) if n.parse::<i64>().is_ok() => Ok(forms::unclear()),
        _ => Ok(Answer::Missing),
    }
}
