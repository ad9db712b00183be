//! One order: what is claimed, what was found, who disagrees, what was asked and decided.
//!
//! Invariant: nothing of it comes from the requester's own table or from a brief; both are for
//! those who call back. Rejected: choosing a winner where people disagree (law 3).

use super::{
    ahead, desk,
    diff::{self, Piece},
    history,
    names::Names,
    parts::{
        MAX_ROWS, Row, bi, both, fold, none, remaining, say, shown, span, table, untitled, visible, when,
    },
    photos::{self, Sources},
    sections, steps,
    values::{Showing, label},
    visits::{self, Visit},
    web::{Answer, Ask, Page},
    words::{self, Words},
};
use crate::{error::HqError, store::StoredDoc};
use lanewalk_model::{
    access::{Action, Sight},
    id::{DocId, to_hex},
    order,
    records::{DecisionRecord, ProposalRecord},
    schema::DocKind,
    time::TimeMs,
    view::{Attributed, Conflict, DocView},
};
use maud::{Markup, html};

/// Makes the page of an order: `/orders/{id}`.
pub(super) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    let found = match ask.parts().as_slice() {
        [_, id] => super::order_id(id).map(|id| content(from, ask, id)).transpose()?.flatten(),
        _ => None,
    };
    Ok(found.map_or(Answer::Missing, |content| {
        Answer::Page(Page { title: ("工单", "Order"), live: false, content })
    }))
}

fn content(from: &Sources<'_>, ask: &Ask, id: DocId) -> Result<Option<Markup>, HqError> {
    let &Sources { db, now, .. } = from;
    let Some(stored) = StoredDoc::find(db, id)? else { return Ok(None) };
    let view = stored.view()?;
    let Some(sight) = ask.sight(Action::ReadOrder, &view) else { return Ok(None) };
    let all = sight == Sight::Full;
    let names = Names::all(db)?;
    let veil = sections::veil(db, id)?;
    let show = Showing { names: &names, veil: &veil, most: 4_000 };
    // A callback agent hears what was done from the order, not from the door (DOMAIN.md §3).
    let sees_visits = ask.sight(Action::ReadVisits, &view).is_some();
    let (visits, total) = if sees_visits { visits::read(db, id)? } else { (Vec::new(), 0) };
    let docs: Vec<i64> = std::iter::once(stored.row.n).chain(visits.iter().map(|v| v.n)).collect();
    let title = veil.plain(view.text("title").unwrap_or_default());
    Ok(Some(html! {
        (head(id, &view, (sight > Sight::Flag).then_some(&title), &names))
        (clocks(&view, now))
        div.work {
            // First in reading order, so that keys and phones come to it first.
            div.todo {
                (desk::panel(ask, id, &view, &names, &veil))
                (super::people::reveal::section(db, ask, id, &view)?)
                (super::people::care::section(db, ask, view.text("grid").unwrap_or_default(), &visits)?)
                @if all { (ahead::beside(from, ask, id, &view)?) }
            }
            div.known {
                @if sight > Sight::Flag { section id="compare" { (compare(&view, &show, all)) } }
                section id="facts" { (facts(&view, &show, sight)) }
            }
        }
        @if all { (conflicts(id, &view, &visits, &show)) }
        (steps::section(&view, &names, &veil, all))
        @if all { (proposals(&view, &show)) }
        @if sees_visits { (visits::section(from, (&visits, total), photos::place(&view), &names, &veil)?) }
        (records(&view, &show, sight))
        @if all { (history::section(db, id, &docs, &names, &veil)?) }
    }))
}

fn head(id: DocId, view: &DocView, title: Option<&String>, names: &Names) -> Markup {
    html! {
        p.crumb { a href="/" { (bi(("← 值班台", "board"))) } }
        h1 {
            @if view.text("urgency") == Some("urgent") { strong.urgent { (bi(("紧急", "urgent"))) } " " }
            @match title {
                None => (bi(("工单", "Order"))),
                Some(title) if title.trim().is_empty() => (untitled()),
                Some(title) => (shown(title)),
            }
        }
        @if title.is_none() { p.note { (bi(("按您的权限只显示状态和时间。", "By your rights this shows states and times alone."))) } }
        p.lead {
            span.state.big { (bi(words::state(order::state(view)))) } " "
            @if let Some(owner) = view.text("current_owner").filter(|o| !o.is_empty()) { span { (bi(("承办", "owner"))) " " (names.person(owner)) } }
            @else { span.none { (bi(("未签收", "nobody acknowledged it yet"))) } }
        }
        p.ids {
            (bi(("上级编号", "upstream"))) " " span.id { (shown(view.text("upstream_id").unwrap_or("–"))) }
            " · " (bi(("工单", "order"))) " " span.id { (to_hex(&id.uuid)) }
            " · " (bi(("版本", "version"))) " " (order::version(view))
        }
    }
}

/// Both clocks (R31): the subdistrict's own, which is never later, and upstream's.
fn clocks(view: &DocView, now: TimeMs) -> Markup {
    let open = order::state(view).is_open();
    let start = view.int("reported_at");
    let clock = |key: &str, words: Words| {
        let due = view.int(key);
        html! {
            div.clock-card {
                h2 { (bi(words)) }
                @if let Some(due) = due {
                    p.due { (when(due)) }
                    @if open {
                        p { (remaining(due, now)) }
                        @if let Some(start) = start.filter(|s| *s < due) {
                            progress max=(due.saturating_sub(start)) value=(now.0.saturating_sub(start).clamp(0, due.saturating_sub(start))) { "" }
                        }
                    } @else { p { (kept(view.int("closed_at"), due)) } }
                } @else { p { (bi(("没有规定", "none set"))) } }
            }
        }
    };
    html! {
        section.clocks aria-label=(say(("时限", "due times"))) {
            (clock("internal_due", ("街道时限", "our own limit")))
            (clock("upstream_due", ("上级时限", "upstream's limit")))
            @if let Some(promised) = view.int("promised_due") {
                p.note { (bi(("已延期;原定", "Extended; promised earlier"))) " " (when(promised)) }
            }
            @if view.flag("due_provisional") {
                p.note { (bi(("时限暂定:超出现有日历,新日历到后重算。", "Provisional: past the end of the calendar, computed again with the next one."))) }
            }
        }
    }
}

fn kept(closed: Option<i64>, due: i64) -> Markup {
    let Some(closed) = closed else { return bi(("已结束", "ended")) };
    let (zh, en) = span(closed.saturating_sub(due));
    if closed <= due {
        both(format!("按时办结,提前 {zh}"), format!("on time, {en} before"))
    } else {
        html! { strong.late { (both(format!("超时 {zh}"), format!("late by {en}"))) } }
    }
}

const FACTS: &[&str] = &[
    "reported_at",
    "channel",
    "matter_code",
    "grid",
    "lead_unit",
    "current_owner",
    "first_owner",
    "accepted_at",
    "dispatched_at",
    "submitted_at",
    "closed_at",
    "outcome",
    "resolved_claim",
    "severity",
    "unclear_statement",
    "unclear_responsibility",
    "recurrence_of",
    "reported_position",
    "calendar_version",
    "catalog_version",
];
const SETS: &[&str] = &["assignee", "support_unit", "tag", "flag", "cluster_child"];

/// What says where or about what, in words; not for those who see numbers alone.
const TELLING: &[&str] = &["reported_position", "tag"];

fn facts(view: &DocView, show: &Showing<'_>, sight: Sight) -> Markup {
    let told = |key: &&&str| sight > Sight::Flag || !TELLING.contains(*key);
    html! {
        h2 { (bi(("工单情况", "Facts"))) }
        dl.facts {
            @for key in FACTS.iter().filter(told) {
                @if let Some(value) = view.get(key) { div { dt { (label(key)) } dd { (show.value(DocKind::Order, key, value)) } } }
            }
            @for family in SETS.iter().filter(told) {
                @let members: Vec<_> = view.members(family).take(MAX_ROWS).collect();
                @if !members.is_empty() {
                    div { dt { (label(family)) } dd { ul.set {
                        @for (member, value) in members { li { (show.value(DocKind::Order, &format!("{family}/{member}"), value)) } }
                    } } }
                }
            }
        }
    }
}

/// R44: what was reported stays as it is, what was verified stands beside it.
fn compare(view: &DocView, show: &Showing<'_>, all: bool) -> Markup {
    let rows: Vec<Row> = [
        (("地点", "place"), "place_text", "verified_address"),
        (("情况", "facts"), "summary", "verified_facts"),
    ]
    .into_iter()
    .map(|(words, reported, verified)| {
        let raw = view.text(reported).unwrap_or_default().trim();
        let reported = show.veil.plain(raw);
        let found: Vec<&Attributed> = view.all(verified).iter().collect();
        // Judged before anything is taken out: two phone numbers look the same afterwards.
        let differs = found.iter().any(|a| a.value.text().unwrap_or_default().trim() != raw);
        let texts: Vec<String> =
            found.iter().map(|a| show.veil.plain(a.value.text().unwrap_or_default())).collect();
        // With several verified values the differences are marked against the latest.
        let left = texts.last().map_or_else(
            || vec![Piece { text: reported.clone(), common: true }],
            |t| diff::pieces(&reported, t).0,
        );
        Row::from(vec![
            bi(words),
            if reported.is_empty() {
                none()
            } else {
                html! { p.text { (marked(&left)) } }
            },
            html! {
                @for (value, text) in found.iter().zip(&texts) {
                    p.text { (marked(&diff::pieces(&reported, text).1)) }
                    (signed(value, show.names))
                }
                @if found.is_empty() { (bi(("尚未查实", "not verified yet"))) }
            },
            match (found.is_empty(), differs) {
                (true, _) => none(),
                (false, true) => html! { strong.tag.differs { (bi(("不同", "differs"))) } },
                (false, false) => html! { span.tag { (bi(("一致", "same"))) } },
            },
        ])
    })
    .collect();
    let heads = [
        ("项目", "item"),
        ("反映(不改)", "reported, never changed"),
        ("查实", "verified"),
        ("比较", "compared"),
    ];
    html! {
        (table(html! { (bi(("反映与查实", "Reported beside verified"))) }, &heads, &rows, 0, ("无", "none")))
        (visits::measurements(view, show))
        @for value in view.all("reply_text").iter().filter(|_| all) {
            h3 { (bi(("答复内容", "Reply"))) }
            p.text { (show.value(DocKind::Order, "reply_text", &value.value)) }
            (signed(value, show.names))
        }
    }
}

/// Marks what the other side does not have; a text that differs as a whole needs no marks.
fn marked(pieces: &[Piece]) -> Markup {
    if let [all] = pieces {
        return shown(&all.text);
    }
    html! { bdi { @for p in pieces { @if p.common { (visible(&p.text)) } @else { mark { (visible(&p.text)) } } } } }
}

fn signed(value: &Attributed, names: &Names) -> Markup {
    html! { p.sub { (names.person(&value.by)) " · " (when(value.at.ms().0)) } }
}

/// Every field with several values, of the order and its visits.
fn conflicts(id: DocId, view: &DocView, visits: &[Visit], show: &Showing<'_>) -> Markup {
    let docs =
        std::iter::once((id, view)).chain(visits.iter().filter_map(|v| Some((v.id, v.view.as_ref()?))));
    let mut rows: Vec<Row> = Vec::new();
    for (doc, view) in docs {
        for conflict in &view.conflicts() {
            let open = view.is_open_conflict(&conflict.key);
            rows.push(Row::from(vec![
                html! { (label(&conflict.key)) @if doc.kind != DocKind::Order { span.sub { (bi(words::kind(doc.kind))) } } },
                html! {
                    ol.values { @for value in &conflict.values {
                        li { div.text { (show.value(doc.kind, &conflict.key, &value.value)) } (signed(value, show.names)) }
                    } }
                },
                if open { choose(id, doc, conflict) }
                else { html! { span.tag { (bi(("取最后写入,其余留存", "latest counts, others kept"))) } } },
            ]));
        }
    }
    let total = rows.len();
    rows.truncate(MAX_ROWS);
    let caption = html! { (bi(("冲突", "Conflicts: every value, who and when"))) " " span.count { (total) } };
    let heads = [("项目", "field"), ("各人所写", "values"), ("处理", "standing")];
    let content = table(
        caption.clone(),
        &heads,
        &rows,
        total.saturating_sub(rows.len()) as u64,
        ("没有冲突", "no conflict"),
    );
    fold("conflicts", &caption, total > 0, &content)
}

/// Lets a person say which value holds; the others stay in the history.
fn choose(order: DocId, doc: DocId, conflict: &Conflict) -> Markup {
    html! {
        strong.tag.conflict { (bi(("待人决定", "a person must choose"))) }
        @for (n, value) in conflict.values.iter().enumerate() {
            form.inline method="post" action={ "/orders/" (to_hex(&order.uuid)) "/resolve" } {
                input type="hidden" name="doc" value=(doc.to_string());
                input type="hidden" name="key" value=(conflict.key);
                input type="hidden" name="value" value=(serde_json::to_string(&value.value).unwrap_or_default());
                button { (both(format!("取第 {} 个", n + 1), format!("take no. {}", n + 1))) }
            }
        }
    }
}

fn proposals(view: &DocView, show: &Showing<'_>) -> Markup {
    let mut all: Vec<(&str, &Attributed)> = view
        .entries()
        .filter_map(|(key, values)| Some((key.strip_prefix("proposal/")?, values.last()?)))
        .collect();
    all.sort_by_key(|(_, written)| std::cmp::Reverse(written.at));
    let total = all.len();
    let rows: Vec<Row> = all.iter().take(MAX_ROWS).map(|(event, written)| {
        let record = written.value.text().and_then(|t| serde_json::from_str::<ProposalRecord>(t).ok());
        let decision = view.text(&format!("decision/{event}")).and_then(|t| serde_json::from_str::<DecisionRecord>(t).ok());
        Row::from(vec![
            match &record {
                Some(r) => html! { (sections::asks(r, show.veil)) span.sub { (both(format!("所见版本 {}", r.order_version), format!("version seen {}", r.order_version))) } },
                None => bi(("无法识别", "cannot be read")),
            },
            html! { (names_and_time(show.names, &written.by, written.at.ms().0)) },
            match &decision {
                Some(d) => show.decision(d),
                None => html! { strong.tag.ask { (bi(("待决定", "waiting"))) } },
            },
            decision.as_ref().map_or_else(none, |d| names_and_time(show.names, &d.by, d.decided_at.0)),
        ])
    }).collect();
    let caption = html! { (bi(("申请与决定", "Proposals and decisions"))) " " span.count { (total) } };
    let heads = [
        ("申请", "proposal"),
        ("申请人", "by"),
        ("决定与理由", "decision and reason"),
        ("决定人", "decided by"),
    ];
    let content = table(
        caption.clone(),
        &heads,
        &rows,
        total.saturating_sub(rows.len()) as u64,
        ("没有申请", "no proposal"),
    );
    fold("proposals", &caption, total > 0, &content)
}

fn names_and_time(names: &Names, by: &str, at: i64) -> Markup {
    html! { (names.person(by)) span.sub { (when(at)) } }
}

const RECORDS: &[&str] = &[
    "amendment",
    "erasure",
    "note",
    "contact",
    "mediation",
    "police_referral",
    "liaison_reply",
    "finding",
    "callback",
];

/// What is shared with those who help from outside (DOMAIN.md §3).
const SHARED: &[&str] = &["liaison_reply", "finding"];

/// Everything else that people noted at the order.
fn records(view: &DocView, show: &Showing<'_>, sight: Sight) -> Markup {
    let families = match sight {
        Sight::Full => RECORDS,
        Sight::Redacted | Sight::Masked => SHARED,
        Sight::Metadata | Sight::Flag => return html! {},
    };
    let mut all: Vec<(&str, &Attributed)> = view
        .entries()
        .filter(|(key, _)| key.split_once('/').is_some_and(|(family, _)| families.contains(&family)))
        .filter_map(|(key, values)| Some((key, values.last()?)))
        .collect();
    all.sort_by_key(|(_, written)| std::cmp::Reverse(written.at));
    let rows: Vec<Row> = all
        .iter()
        .take(MAX_ROWS)
        .map(|(key, written)| {
            let content = html! { div.text { (show.value(DocKind::Order, key, &written.value)) } };
            Row::from(vec![label(key), content, names_and_time(show.names, &written.by, written.at.ms().0)])
        })
        .collect();
    let caption = html! { (bi(("备注与往来", "Notes and records"))) " " span.count { (all.len()) } };
    let heads = [("类别", "kind"), ("内容", "content"), ("谁", "who")];
    let left_out = all.len().saturating_sub(rows.len()) as u64;
    let content = table(caption.clone(), &heads, &rows, left_out, ("没有备注", "no notes"));
    fold("records", &caption, !all.is_empty(), &content)
}
