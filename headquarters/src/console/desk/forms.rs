//! The forms at an order, the likely one open, the rest folded.

use super::super::{
    forms::{area, date, line, yes_no},
    names::Names,
    parts::{Veil, bi, named, say, shown},
    sections,
    web::Ask,
    words::{self, Words},
};
use lanewalk_model::{
    catalog::Catalog,
    id::{DocId, to_hex},
    order::{self, State, acts_for, allowed_actions, pending},
    records::ProposalKind,
    schema::DocKind,
    staff::Role,
    view::DocView,
};
use maud::{Markup, html};

/// What the forms offer to choose from.
#[derive(Debug, Default)]
pub(in crate::console) struct Choices {
    pub(in crate::console) catalog: Option<Catalog>,
    /// Grid cells: id and name.
    pub(in crate::console) grids: Vec<(String, String)>,
}

/// Words of a form field.
const REASON: Words = ("理由", "reason");

/// Shows everything the visitor may do to the order; nothing when there is nothing.
pub(in crate::console) fn panel(ask: &Ask, id: DocId, view: &DocView, names: &Names, veil: &Veil) -> Markup {
    let choices = &names.choices;
    let who = &ask.visitor.subject;
    let acts = acts_for(view, who);
    let decide: Vec<_> = pending(view)
        .into_iter()
        .filter(|(event, record)| decides(who.role, record.kind) && author(view, event) != who.worker)
        .collect();
    // Field roles propose on their phones; here it is the sections' and the clerk's.
    let asks: Vec<&str> = match who.role {
        Role::Section | Role::HotlineClerk => allowed_actions(view, who),
        _ => Vec::new(),
    };
    let writes = |key: &str| DocKind::Order.spec().field(key).is_some_and(|f| f.may_write(who.role));
    let may_contact = DocKind::Brief.spec().field("contact/x").is_some_and(|f| f.may_write(who.role));
    let open = order::state(view).is_open();
    if acts.is_empty() && decide.is_empty() && asks.is_empty() && !writes("finding/x") {
        return html! {};
    }
    let to = |act: &str| format!("/orders/{}/{act}", to_hex(&id.uuid));
    let primary = primary(order::state(view));
    html! {
        section.desk id="desk" aria-label=(say(("办理", "what you can do"))) {
            @for (event, record) in &decide {
                form.card.decide method="post" action=(to("decide")) {
                    h3 { (bi(("待您决定", "for you to decide"))) }
                    p { (names.person(author(view, event))) " " (sections::asks(record, veil)) }
                    input type="hidden" name="event" value=(event);
                    (line("words", ("批语", "your words"), "", false))
                    div.buttons {
                        button name="verdict" value="accept" { (bi(("同意", "agree"))) }
                        button.second name="verdict" value="refuse" { (bi(("不同意", "refuse"))) }
                    }
                }
            }
            @for act in &acts {
                @let (title, fields) = fields(act, view, choices);
                @let form = html! {
                    form method="post" action=(to(act)) { (fields) div.buttons { button type="submit" { (bi(title)) } } }
                };
                @if primary.contains(act) { div.card { h3 { (bi(title)) } (form) } }
                @else { details.card { summary { (bi(title)) } (form) } }
            }
            @for kind in ALL_KINDS.iter().filter(|k| asks.contains(&k.id())) {
                details.card {
                    summary { (bi(words::proposal(*kind))) " " span.tag { (bi(("申请", "ask"))) } }
                    form method="post" action=(to("propose")) {
                        input type="hidden" name="kind" value=(kind.id());
                        input type="hidden" name="version" value=(order::version(view));
                        (proposal_fields(*kind, choices))
                        div.buttons { button type="submit" { (bi(("提出", "propose"))) } }
                    }
                }
            }
            @if open && writes("reply_text") {
                details.card { summary { (bi(("答复内容", "reply text"))) }
                    form method="post" action=(to("reply")) {
                        (area("reply", ("给诉求人的答复", "what the requester is told"), view.text("reply_text").unwrap_or_default(), true))
                        div.buttons { button { (bi(("保存", "save"))) } }
                    }
                }
            }
            @if writes("note/x") {
                details.card { summary { (bi(("备注", "note"))) }
                    form method="post" action=(to("note")) { (area("text", ("备注", "note"), "", true)) div.buttons { button { (bi(("记下", "keep"))) } } }
                }
            }
            @if open && may_contact {
                details.card { summary { (bi(("联系诉求人", "contact with the requester"))) }
                    form method="post" action=(to("contact")) {
                        (yes_no("reached", ("是否联系上", "reached"), true))
                        (line("note", ("说明", "in words"), "", false))
                        div.buttons { button { (bi(("记下", "keep"))) } }
                    }
                }
            }
            @if open && matches!(who.role, Role::HotlineClerk | Role::Section | Role::Liaison) {
                details.card { summary { (bi(("外部单位回复", "reply of a body outside"))) }
                    form method="post" action=(to("liaison")) {
                        (line("body", ("单位", "body"), "", true))
                        (line("number", ("文号", "document number"), "", false))
                        (date("date", ("日期", "date")))
                        (area("text", ("回复内容", "what it answered"), "", true))
                        div.buttons { button { (bi(("记下", "keep"))) } }
                    }
                }
            }
            @if writes("finding/x") {
                details.card open { summary { (bi(("违章认定", "finding"))) }
                    form method="post" action=(to("finding")) {
                        (line("number", ("文号", "document number"), "", true))
                        (date("date", ("日期", "date")))
                        (area("text", ("认定结果", "result"), "", true))
                        div.buttons { button { (bi(("写入(不可改)", "write, never changed"))) } }
                    }
                }
            }
        }
    }
}

/// Every kind of proposal, in the order of the work.
const ALL_KINDS: [ProposalKind; 9] = [
    ProposalKind::Ack,
    ProposalKind::Handle,
    ProposalKind::Submit,
    ProposalKind::Extend,
    ProposalKind::Transfer,
    ProposalKind::Decline,
    ProposalKind::Return,
    ProposalKind::Exclude,
    ProposalKind::Park,
];

/// The acts that this state waits for.
fn primary(state: State) -> &'static [&'static str] {
    match state {
        State::Received => &["accept"],
        State::Accepted | State::Triage => &["dispatch"],
        State::Submitted => &["pass", "send_back"],
        State::Callback => &["callback", "close"],
        State::Parked => &["resume"],
        _ => &[],
    }
}

/// Says whether a role may decide a kind of proposal (the table decides again).
fn decides(role: Role, kind: ProposalKind) -> bool {
    match kind {
        ProposalKind::Return | ProposalKind::Check => role == Role::HotlineClerk,
        ProposalKind::Extend => matches!(role, Role::HotlineClerk | Role::DeputyLeader),
        ProposalKind::Exclude | ProposalKind::Park => role == Role::DeputyLeader,
        _ => false,
    }
}

fn author<'a>(view: &'a DocView, event: &str) -> &'a str {
    view.all(&format!("proposal/{event}")).last().map_or("", |a| a.by.as_str())
}

fn units(choices: &Choices, name: &str, label: Words, chosen: &str) -> Markup {
    let units = choices.catalog.iter().flat_map(|c| &c.units);
    html! { label { (bi(label)) select name=(name) required {
        option value="" { "–" }
        @for u in units { option value=(u.id) selected[u.id == chosen] { (named(&u.name_zh, &u.name_en)) } }
    } } }
}

/// What an act is called and asks for.
fn fields(act: &str, view: &DocView, choices: &Choices) -> (Words, Markup) {
    let reason = || line("reason", REASON, "", true);
    let none = html! {};
    match act {
        "accept" => (("接单", "accept"), none),
        "triage" => (("转研判", "to triage"), reason()),
        "dispatch" => (("派件", "dispatch"), dispatch(view, choices)),
        "urgency" => {
            let urgent = view.text("urgency") != Some("urgent");
            let title =
                if urgent { ("改为紧急件", "make urgent") } else { ("改为一般件", "make general") };
            (
                title,
                html! { input type="hidden" name="urgent" value=(if urgent { "yes" } else { "no" }); (reason()) },
            )
        }
        "chase" => (("催办", "chase"), reason()),
        "supervise" => (("督办", "supervise"), reason()),
        "resume" => (("恢复办理", "take up again"), reason()),
        "pass" => (
            ("审核通过,转回访", "pass on to callback"),
            line("reason", ("审核意见", "your words"), "", false),
        ),
        "send_back" => (("退回补办", "send back"), reason()),
        "callback" => (
            ("回访", "callback"),
            html! {
                (yes_no("reached", ("是否接通", "reached"), true))
                (yes_no("process", ("对办理过程满意", "satisfied with the way"), false))
                (yes_no("result", ("对办理结果满意", "satisfied with the result"), false))
                (yes_no("resolved", ("问题已解决", "resolved"), false))
                (line("note", ("说明", "in words"), "", false))
            },
        ),
        "close" => (("办结", "close"), line("reason", ("意见", "your words"), "", false)),
        "rework" => (("重办", "rework"), reason()),
        "clear" => (("澄清不明标记", "clear the flags of doubt"), reason()),
        _ => (("归档", "archive"), none),
    }
}

fn dispatch(view: &DocView, choices: &Choices) -> Markup {
    let triage = order::state(view) == State::Triage;
    let matter = view.text("matter_code").unwrap_or_default();
    let grid = view.text("grid").unwrap_or_default();
    let matters = choices.catalog.iter().flat_map(|c| &c.matters);
    html! {
        label { (bi(("事项", "matter"))) select name="matter" required[!triage] {
            option value="" { (say(("清单中没有", "not in the catalogue"))) }
            @for m in matters { option value=(m.matter_code) selected[m.matter_code == matter] { (named(&m.name_zh, &m.name_en)) " " (m.matter_code) } }
        } }
        @if triage { (units(choices, "lead", ("牵头科室", "lead section"), view.text("lead_unit").unwrap_or_default())) }
        @if choices.grids.is_empty() {
            label { (bi(("网格", "grid"))) input name="grid" value=(grid) required maxlength="15"; }
        } @else {
            label { (bi(("网格", "grid"))) select name="grid" required {
                option value="" { "–" }
                @for (id, name) in &choices.grids { option value=(id) selected[id == grid] { (name) " " (id) } }
            } }
        }
        @if !triage && (view.flag("unclear_statement") || view.flag("unclear_responsibility")) {
            label.radio { input type="checkbox" name="site_check" value="yes"; (bi(("已安排现场查实", "a site check is planned"))) }
        }
        @if triage { (line("reason", REASON, "", true)) }
    }
}

fn proposal_fields(kind: ProposalKind, choices: &Choices) -> Markup {
    let reason = |required| line("reason", REASON, "", required);
    match kind {
        ProposalKind::Ack | ProposalKind::Handle => reason(false),
        ProposalKind::Submit => html! {
            label { (bi(("办理结果", "outcome"))) select name="outcome" required {
                option value="" { "–" }
                @for id in words::OUTCOMES { option value=(id) { (words::value("outcome", id).map_or_else(|| (*id).to_owned(), say)) } }
            } }
            (reason(false))
        },
        ProposalKind::Extend => html! {
            label { (bi(("延长工作日", "working days"))) input type="number" name="days" min="1" max="10" required; }
            (reason(true))
        },
        ProposalKind::Transfer => html! {
            (units(choices, "to", ("转给", "to"), ""))
            (reason(true))
        },
        ProposalKind::Decline | ProposalKind::Return | ProposalKind::Check => reason(true),
        ProposalKind::Exclude => html! {
            label { (bi(("依据", "ground"))) select name="ground" required {
                option value="" { "–" }
                @for (id, zh, en) in GROUNDS { option value=(id) { (say((zh, en))) } }
            } }
            (line("evidence", ("证明材料", "what shows it"), "", true))
            (reason(true))
        },
        ProposalKind::Park => html! {
            (date("review", ("复查日期", "review date")))
            (reason(true))
        },
    }
}

/// Grounds of an exclusion (R10).
const GROUNDS: &[(&str, &str, &str)] = &[
    ("not_ours", "不属本街道管辖", "not of this subdistrict"),
    ("duplicate", "重复诉求", "a repeat"),
    ("unreasonable", "诉求不合理", "unreasonable"),
    ("in_court", "已进入司法或信访程序", "before a court or petition office"),
    ("unverifiable", "无法核实", "cannot be verified"),
];

/// Shows a ground in words.
pub(in crate::console) fn ground(id: &str) -> Markup {
    match GROUNDS.iter().find(|(g, _, _)| *g == id) {
        Some((_, zh, en)) => bi((zh, en)),
        None => shown(id),
    }
}
