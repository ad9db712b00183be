//! Rooms about people: own account, staff, devices, access log, retention, and the two places
//! where a resident's data are opened for a reason.
//!
//! Invariant: codes and secrets are shown once, in the answer to the act that made them. Rejected:
//! mailing them; the inner network has no mail.

pub(super) mod audit;
pub(super) mod care;
pub(super) mod devices;
pub(super) mod keeping;
pub(super) mod me;
pub(super) mod reveal;
pub(super) mod settings;
pub(super) mod staff;

use super::{
    forms::field,
    parts::{bi, say},
    web::{Answer, Page},
    words::Words,
};
use lanewalk_model::{access::Action, view::DocView};
use maud::{Markup, PreEscaped, html};
use qrcode::{EcLevel, QrCode, render::svg};

/// Why somebody may open a resident's data.
const PURPOSES: &[(&str, &str, &str)] = &[
    ("contact", "联系诉求人", "contact the requester"),
    ("visit", "上门走访", "visit at home"),
    ("callback", "回访", "callback"),
    ("check", "核对身份", "check who it is"),
    ("emergency", "紧急情况", "emergency"),
];

/// Shows the choice of a purpose and the words to it.
pub(super) fn purpose_fields() -> Markup {
    let choice = html! {
        select name="purpose" required {
            option value="" { (say(("请选择", "choose"))) }
            @for (id, zh, en) in PURPOSES { option value=(id) { (say((zh, en))) } }
        }
    };
    let words = html! { input name="reason" required minlength="4" maxlength="200" autocomplete="off"; };
    html! {
        (field(("用途", "Purpose"), &choice))
        (field(("说明(至少 4 个字)", "In words, at least 4 characters"), &words))
    }
}

/// Reads a purpose with its words; `None` when something lacks.
pub(super) fn purpose(ask: &super::web::Ask) -> Option<String> {
    let id = ask.form.get("purpose").filter(|p| PURPOSES.iter().any(|(id, ..)| id == p))?;
    let reason = ask.form.get("reason").filter(|r| (4..=200).contains(&r.chars().count()))?;
    Some(format!("{id}: {reason}"))
}

pub(super) const NO_PURPOSE: &str =
    "请选择用途并写明说明(4 到 200 个字) / choose a purpose and say why in 4 to 200 characters";

/// A button that acts alone.
fn button(to: &str, act: &str, words: Words, class: &'static str) -> Markup {
    html! { form method="post" action=(to) { button class=(class) type="submit" name="act" value=(act) { (bi(words)) } } }
}

/// Shows a text as a QR code.
fn qr(text: &str) -> Markup {
    let drawn = QrCode::with_error_correction_level(text, EcLevel::L).map(|code| {
        code.render::<svg::Color<'_>>()
            .min_dimensions(240, 240)
            .dark_color(svg::Color("#000"))
            .light_color(svg::Color("#fff"))
            .build()
    });
    // The drawing is our own; only its XML head has no place inside HTML.
    let drawn = drawn.ok().and_then(|svg| svg.find("<svg").and_then(|at| svg.get(at..).map(str::to_owned)));
    html! { @if let Some(svg) = drawn { div.qr { (PreEscaped(svg)) } } }
}

fn page(title: Words, content: Markup) -> Answer {
    Answer::Page(Page { title, live: false, content })
}

/// Says whether a visitor may do something with an order; `None` stands for "there is no such".
fn allowed(ask: &super::web::Ask, action: Action, order: &DocView) -> Option<()> {
    ask.sight(action, order).map(|_| ())
}
