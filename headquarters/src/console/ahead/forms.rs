//! Fields of forms, each with its label.

use super::Words;
use crate::console::{parts::bi, web::Ask};
use crate::error::HqError;
use lanewalk_model::time::TimeMs;
use maud::{Markup, html};

/// A line.
pub(super) fn line(name: &str, label: Words, value: &str, required: bool) -> Markup {
    html! { p { label for=(name) { (bi(label)) } input id=(name) name=(name) value=(value) required[required] maxlength="600"; } }
}

/// A date and time of China.
pub(super) fn moment(name: &str, label: Words, value: Option<TimeMs>) -> Markup {
    let value = value.map(|t| t.china_with("%Y-%m-%dT%H:%M"));
    html! { p { label for=(name) { (bi(label)) } input id=(name) name=(name) type="datetime-local" value=[value] required; } }
}

/// A text of several lines.
pub(super) fn area(name: &str, label: Words, value: &str, required: bool) -> Markup {
    html! { p { label for=(name) { (bi(label)) } textarea id=(name) name=(name) required[required] { (value) } } }
}

/// One of several; each is (value, what people read).
pub(super) fn select(name: &str, label: Words, options: &[(String, String)], chosen: &str) -> Markup {
    html! {
        p {
            label for=(name) { (bi(label)) }
            select id=(name) name=(name) {
                @for (value, text) in options { option value=(value) selected[value == chosen] { (text) } }
            }
        }
    }
}

/// A button that names the act.
pub(super) fn button(act: &str, label: Words, class: &str) -> Markup {
    html! { button type="submit" name="act" value=(act) class=[(!class.is_empty()).then_some(class)] { (bi(label)) } }
}

/// Returns a field's text, empty when it is not there.
pub(super) fn text<'a>(ask: &'a Ask, name: &str) -> &'a str {
    ask.form.get(name).unwrap_or_default()
}

/// Reads a date and time of China as browsers write it.
pub(super) fn time(ask: &Ask, name: &str) -> Result<TimeMs, HqError> {
    let read = |t: &str| chrono::NaiveDateTime::parse_from_str(t, "%Y-%m-%dT%H:%M").ok();
    let found = ask.form.get(name).and_then(read).map(|t| t.and_utc().timestamp_millis());
    found
        .map(|t| TimeMs(t.saturating_sub(8 * 3_600_000)))
        .ok_or_else(|| HqError::NotAllowed("请填写日期和时间 (give a date and time)".into()))
}
