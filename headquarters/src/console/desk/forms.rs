//! The forms at an order, the likely one open, the rest folded.

use super::super::{
    forms::{area, date, field, line, yes_no},
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
        .filter(|(event, record)| {
            order::deciders(record.kind).has(who.role) && author(view, event) != who.worker
        })
        .collect();
    // Field roles propose on their phones; here it is the sections' and the clerk's.
    let asks: Vec<&str> = match who.role {
        Role::Section | Role::HotlineClerk => allowed_actions(view, who),
        _ => Vec::new(),
    };
    let writes = |key: &str| DocKind::Order.spec().field(key).is_some_and(|f| f.may_write(who.role));
    let may_contact = DocKind::Brief.spec().field("contact/x").is_some_and(|f| f.may_write(who.role));
    let to = |act: &str| format!("/orders/{}/{act}", to_hex(&id.uuid));
    let state = order::state(view);
    let open = state.is_open();
    let likely = likely(state);
    let send = |act: &str, fields: &Markup, label: Words| {
        html! { form method="post" action=(to(act)) { (fields) div.buttons { button { (bi(label)) } } } }
    };
    let mut cards: Vec<Card> = Vec::new();
    for act in &acts {
        let (title, fields) = fields(act, view, choices);
        cards.push(Card::of(likely.contains(act), title, send(act, &fields, title)));
    }
    // What waits is the reply until there is one, then the result.
    let replied = view.text("reply_text").is_some_and(|t| !t.trim().is_empty());
    for kind in ALL_KINDS.iter().filter(|k| asks.contains(&k.id())) {
        let fields = html! {
            input type="hidden" name="kind" value=(kind.id());
            input type="hidden" name="version" value=(order::version(view));
            (proposal_fields(*kind, choices))
        };
        let first = likely.contains(&kind.id()) && (replied || *kind != ProposalKind::Submit);
        let title = words::proposal(*kind);
        // What the rules alone answer is done by the button; the rest is asked for.
        let own = matches!(kind, ProposalKind::Ack | ProposalKind::Handle | ProposalKind::Submit);
        let label = if own { title } else { ("提出", "propose") };
        let card = Card::of(first, title, send("propose", &fields, label));
        cards.push(Card { asks: !own, ..card });
    }
    if open && writes("reply_text") {
        let field = area(
            "reply",
            ("给诉求人的答复", "what the requester is told"),
            view.text("reply_text").unwrap_or_default(),
            true,
        );
        let first = likely.contains(&"reply") && !replied;
        cards.push(Card::of(first, ("答复内容", "reply text"), send("reply", &field, ("保存", "save"))));
    }
    if open && writes("note/x") {
        let field = area("text", ("备注", "note"), "", true);
        cards.push(Card::of(false, ("备注", "note"), send("note", &field, KEEP)));
    }
    if open && may_contact {
        let fields = html! {
            (yes_no("reached", ("是否联系上", "reached"), true))
            (line("note", ("说明", "in words"), "", false))
        };
        let first = who.role == Role::Section && likely.contains(&"contact");
        cards.push(Card::of(
            first,
            ("联系诉求人", "contact with the requester"),
            send("contact", &fields, KEEP),
        ));
    }
    if open && matches!(who.role, Role::HotlineClerk | Role::Section | Role::Liaison) {
        let first = who.role == Role::Liaison;
        let fields = html! {
            (line("body", ("单位", "body"), "", true))
            (line("number", ("文号", "document number"), "", false))
            (date("date", ("日期", "date")))
            (area("text", ("回复内容", "what it answered"), "", true))
        };
        cards.push(Card::of(
            first,
            ("外部单位回复", "reply of a body outside"),
            send("liaison", &fields, KEEP),
        ));
    }
    if open && writes("finding/x") {
        let fields = html! {
            (line("number", ("文号", "document number"), "", true))
            (date("date", ("日期", "date")))
            (area("text", ("认定结果", "result"), "", true))
        };
        let label = ("写入(不可改)", "write, never changed");
        cards.push(Card::of(true, ("违章认定", "finding"), send("finding", &fields, label)));
    }
    if cards.is_empty() && decide.is_empty() {
        return html! {};
    }
    // What the state waits for comes first; the order of the work otherwise stays.
    cards.sort_by_key(|card| !card.first);
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
            @for card in &cards { (card.shown()) }
        }
    }
}

/// The button of what is only noted.
const KEEP: Words = ("记下", "keep");

/// One thing that may be done; what the state waits for stands open before the others.
struct Card {
    first: bool,
    /// A proposal, which somebody else decides.
    asks: bool,
    title: Words,
    form: Markup,
}

impl Card {
    fn of(first: bool, title: Words, form: Markup) -> Self {
        Self { first, asks: false, title, form }
    }

    fn shown(&self) -> Markup {
        let title = html! { (bi(self.title)) @if self.asks { " " span.tag { (bi(("申请", "ask"))) } } };
        html! {
            @if self.first { div.card { h3 { (title) } (self.form) } }
            @else { details.card { summary { (title) } (self.form) } }
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

/// The acts and proposals that this state waits for.
fn likely(state: State) -> &'static [&'static str] {
    match state {
        State::Received => &["accept"],
        State::Accepted | State::Triage => &["dispatch"],
        State::Dispatched => &["ack"],
        State::Acked => &["contact"],
        State::Investigating | State::Handling => &["reply", "submit"],
        State::Submitted => &["pass", "send_back"],
        State::Callback => &["callback", "close"],
        State::Parked => &["resume"],
        _ => &[],
    }
}

fn author<'a>(view: &'a DocView, event: &str) -> &'a str {
    view.all(&format!("proposal/{event}")).last().map_or("", |a| a.by.as_str())
}

fn units(choices: &Choices, name: &str, label: Words, chosen: &str) -> Markup {
    let units = choices.catalog.iter().flat_map(|c| &c.units);
    let input = html! {
        select name=(name) required {
            option value="" { "–" }
            @for u in units { option value=(u.id) selected[u.id == chosen] { (named(&u.name_zh, &u.name_en)) } }
        }
    };
    field(label, &input)
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
        (field(("事项", "matter"), &html! { select name="matter" required[!triage] {
            option value="" { (say(("清单中没有", "not in the catalogue"))) }
            @for m in matters { option value=(m.matter_code) selected[m.matter_code == matter] { (named(&m.name_zh, &m.name_en)) " " (m.matter_code) } }
        } }))
        @if triage { (units(choices, "lead", ("牵头科室", "lead section"), view.text("lead_unit").unwrap_or_default())) }
        @if choices.grids.is_empty() {
            (line("grid", ("网格", "grid"), grid, true))
        } @else {
            (field(("网格", "grid"), &html! { select name="grid" required {
                option value="" { "–" }
                @for (id, name) in &choices.grids { option value=(id) selected[id == grid] { (name) " " (id) } }
            } }))
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
            (field(("办理结果", "outcome"), &html! { select name="outcome" required {
                option value="" { "–" }
                @for id in words::OUTCOMES { option value=(id) { (words::value("outcome", id).map_or_else(|| (*id).to_owned(), say)) } }
            } }))
            (reason(false))
        },
        ProposalKind::Extend => html! {
            (field(("延长工作日", "working days"), &html! { input type="number" name="days" min="1" max="10" required; }))
            (reason(true))
        },
        ProposalKind::Transfer => html! {
            (units(choices, "to", ("转给", "to"), ""))
            (reason(true))
        },
        ProposalKind::Decline | ProposalKind::Return | ProposalKind::Check => reason(true),
        ProposalKind::Exclude => html! {
            (field(("依据", "ground"), &html! { select name="ground" required {
                option value="" { "–" }
                @for (id, zh, en) in GROUNDS { option value=(id) { (say((zh, en))) } }
            } }))
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
