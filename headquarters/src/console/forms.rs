//! The pieces of forms: a field with its label, what was typed, and what is wrong with it.
//!
//! Invariant: a form that is shown again holds everything that was typed. Rejected: messages above
//! the form only; who works by keyboard or hears the page then looks for the field.

use super::{parts::bi, words::Words};
use crate::intake::Fault;
use maud::{Markup, html};

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
            div.field.wrong[fault.is_some()] {
                label for=(name) { (bi(label)) }
                (input)
                @if let Some((_, zh, en)) = fault {
                    p.fault id={ (name) "-fault" } { (bi((zh, en))) }
                }
            }
        }
    }

    fn wrong(&self, name: &str) -> Option<String> {
        self.faults.iter().any(|(field, _, _)| *field == name).then(|| format!("{name}-fault"))
    }

    /// A line of text; `kind` is the type of the input.
    pub(super) fn line(&self, name: &str, label: Words, kind: &str, most: usize, needed: bool) -> Markup {
        let input = html! {
            input id=(name) name=(name) type=(kind) value=(self.value(name)) maxlength=(most) required[needed]
                autocomplete="off" aria-invalid=[self.wrong(name).map(|_| "true")] aria-describedby=[self.wrong(name)];
        };
        self.framed(name, label, &input)
    }

    /// Several lines of text.
    pub(super) fn area(&self, name: &str, label: Words, rows: u8, most: usize, needed: bool) -> Markup {
        let input = html! {
            textarea id=(name) name=(name) rows=(rows) maxlength=(most) required[needed]
                aria-invalid=[self.wrong(name).map(|_| "true")] aria-describedby=[self.wrong(name)] { (self.value(name)) }
        };
        self.framed(name, label, &input)
    }

    /// One of several: (value, what it is called).
    pub(super) fn choice(&self, name: &str, label: Words, options: &[(String, Markup)]) -> Markup {
        let chosen = self.value(name);
        let input = html! {
            select id=(name) name=(name) aria-invalid=[self.wrong(name).map(|_| "true")] aria-describedby=[self.wrong(name)] {
                @for (value, called) in options {
                    option value=(value) selected[value == chosen] { (called) }
                }
            }
        };
        self.framed(name, label, &input)
    }

    /// Yes or no.
    pub(super) fn check(&self, name: &str, label: Words) -> Markup {
        html! {
            div.field.check {
                input id=(name) name=(name) type="checkbox" value="1" checked[!self.value(name).is_empty()];
                label for=(name) { (bi(label)) }
            }
        }
    }
}

/// Says above a form that something in it needs work.
pub(super) fn faults_note(faults: &[Fault]) -> Markup {
    html! {
        @if !faults.is_empty() {
            p.notice role="alert" { (bi(("有几处需要改正，已填的内容都在", "something has to be mended; what you typed is still here"))) }
        }
    }
}
