//! The pieces of forms: a field with its label, what was typed, and what is wrong with it.
//!
//! Invariant: a form that is shown again holds everything that was typed. A label encloses its
//! field, so several forms of one page may have fields of one name. Rejected: messages above the
//! form only; who works by keyboard or hears the page then looks for the field.

use super::{
    parts::{bi, say},
    web::{Answer, Ask},
    words::Words,
};
use crate::{error::HqError, intake::Fault};
use lanewalk_model::time::TimeMs;
use maud::{Markup, html};

/// Longest line that a field without a limit of its own takes, characters.
const LINE: usize = 600;
/// Longest text of several lines, characters.
const AREA: usize = 4_000;

/// A field with its label.
pub(super) fn field(label: Words, input: &Markup) -> Markup {
    html! { label.field { span.label { (bi(label)) } (input) } }
}

/// A line.
pub(super) fn line(name: &str, label: Words, value: &str, required: bool) -> Markup {
    let input =
        html! { input name=(name) value=(value) required[required] maxlength=(LINE) autocomplete="off"; };
    field(label, &input)
}

/// A text of several lines.
pub(super) fn area(name: &str, label: Words, value: &str, required: bool) -> Markup {
    let input = html! { textarea name=(name) rows="3" required[required] maxlength=(AREA) { (value) } };
    field(label, &input)
}

/// A date and time of China.
pub(super) fn moment(name: &str, label: Words, value: Option<TimeMs>) -> Markup {
    let value = value.map(|t| t.china_with("%Y-%m-%dT%H:%M"));
    field(label, &html! { input name=(name) type="datetime-local" value=[value] required; })
}

/// A day.
pub(super) fn date(name: &str, label: Words) -> Markup {
    field(label, &html! { input name=(name) type="date" required; })
}

/// One of several; each is (value, what people read).
pub(super) fn select(name: &str, label: Words, options: &[(String, String)], chosen: &str) -> Markup {
    let input = html! {
        select name=(name) {
            @for (value, text) in options { option value=(value) selected[value == chosen] { (text) } }
        }
    };
    field(label, &input)
}

/// A box to tick.
pub(super) fn tick(name: &str, label: Words, ticked: bool) -> Markup {
    html! { label.radio { input type="checkbox" name=(name) value="1" checked[ticked]; (bi(label)) } }
}

/// Yes or no, or that nobody said.
pub(super) fn yes_no(name: &str, label: Words, required: bool) -> Markup {
    html! {
        fieldset { legend { (bi(label)) }
            label.radio { input type="radio" name=(name) value="yes" required[required]; (bi(("是", "yes"))) }
            label.radio { input type="radio" name=(name) value="no" required[required]; (bi(("否", "no"))) }
            @if !required { label.radio { input type="radio" name=(name) value="" checked; (bi(("未答", "did not say"))) } }
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

/// Answers a form in which something lacks. That is no missing page: whoever may send the form
/// learns what is wrong with it.
pub(super) fn unclear() -> Answer {
    Answer::Refused(say(("表单不完整,请返回补填", "the form is incomplete; go back and fill it in")))
}

/// Answers an act at an address that leads somewhere: what its form names and nobody finds is said
/// in words too.
pub(super) fn named(done: Result<Answer, HqError>) -> Result<Answer, HqError> {
    match done {
        Err(HqError::NotFound(_)) => Ok(Answer::Refused(say((
            "表单里填的一项找不到,请核对",
            "something that the form names is not there; check it",
        )))),
        done => done,
    }
}

/// What was typed and what is wrong with it.
#[derive(Clone, Copy)]
pub(super) struct Filled<'a> {
    /// Gives what was typed into a field.
    pub(super) get: &'a dyn Fn(&str) -> Option<&'a str>,
    /// Faults by field.
    pub(super) faults: &'a [Fault],
}

impl<'a> Filled<'a> {
    /// Returns what was typed.
    pub(super) fn value(&self, name: &str) -> &'a str {
        (self.get)(name).unwrap_or_default()
    }

    fn framed(&self, name: &str, label: Words, input: &Markup) -> Markup {
        let fault = self.faults.iter().find(|(field, _, _)| *field == name);
        html! {
            label.field.wrong[fault.is_some()] {
                span.label { (bi(label)) }
                (input)
                @if let Some((_, zh, en)) = fault { strong.fault { (bi((zh, en))) } }
            }
        }
    }

    /// Says for who cannot see it that a field is wrong; the words stand in its label.
    fn wrong(&self, name: &str) -> Option<&'static str> {
        self.faults.iter().any(|(field, _, _)| *field == name).then_some("true")
    }

    /// A line of text; `kind` is the type of the input.
    pub(super) fn line(&self, name: &str, label: Words, kind: &str, most: usize, needed: bool) -> Markup {
        let input = html! {
            input name=(name) type=(kind) value=(self.value(name)) maxlength=(most) required[needed]
                autocomplete="off" aria-invalid=[self.wrong(name)];
        };
        self.framed(name, label, &input)
    }

    /// Several lines of text.
    pub(super) fn area(&self, name: &str, label: Words, rows: u8, most: usize, needed: bool) -> Markup {
        let input = html! {
            textarea name=(name) rows=(rows) maxlength=(most) required[needed]
                aria-invalid=[self.wrong(name)] { (self.value(name)) }
        };
        self.framed(name, label, &input)
    }

    /// One of several: (value, what it is called).
    pub(super) fn choice(&self, name: &str, label: Words, options: &[(String, Markup)]) -> Markup {
        let chosen = self.value(name);
        let input = html! {
            select name=(name) aria-invalid=[self.wrong(name)] {
                @for (value, called) in options {
                    option value=(value) selected[value == chosen] { (called) }
                }
            }
        };
        self.framed(name, label, &input)
    }

    /// Yes or no.
    pub(super) fn check(&self, name: &str, label: Words) -> Markup {
        tick(name, label, !self.value(name).is_empty())
    }
}

/// Says above a form that something in it needs work.
pub(super) fn faults_note(faults: &[Fault]) -> Markup {
    html! {
        @if !faults.is_empty() {
            p.refused role="alert" { (bi(("有几处需要改正，已填的内容都在", "something has to be mended; what you typed is still here"))) }
        }
    }
}
