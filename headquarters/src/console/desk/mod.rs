//! The desk in the browser: what a visitor may do to an order, and the forms for it.
//!
//! Invariant: which buttons there are says the model (`acts_for`, `allowed_actions`); a form only
//! carries words to it. What the rules refuse comes back in words, and nothing changed. Rejected:
//! buttons that are greyed out by checks of the page's own.

pub(super) mod catalogue;
mod forms;
mod post;
pub(super) mod queue;
pub(super) mod watch;

pub(super) use forms::{Choices, ground, panel};
pub(super) use post::post;

use super::parts::say;
use super::web::Answer;
use crate::error::HqError;
use lanewalk_model::{
    id::{DocId, to_hex},
    order::Refusal,
};

/// Answers an act: on success the page it was done on, with a green line.
pub(super) fn done(
    judged: Result<Option<Refusal>, HqError>,
    at: String,
    code: &str,
) -> Result<Answer, HqError> {
    Ok(match judged? {
        None => Answer::SeeOther(format!("{at}?done={code}")),
        Some(refusal) => Answer::Refused(say((refusal.zh(), refusal.en()))),
    })
}

/// Returns an order's address.
pub(super) fn address(order: DocId) -> String {
    format!("/orders/{}", to_hex(&order.uuid))
}
