//! The room of figures (数据): the report, the orders behind each number, files, meetings.
//!
//! Invariant: every number on a page is a link to the orders it counts; what a visitor may not
//! see is outside the question ([`Scope`]). Nothing here names a person or says that somebody is
//! vulnerable. Rejected: a page per report; one address with a period and a filter is all of them.

mod charts;
mod export;
mod meetings;
mod orders;
mod page;
mod period;
mod tables;
mod words;

#[cfg(test)]
mod tests;

use super::{
    photos::Sources,
    web::{Answer, Ask, Page, Room},
};
use crate::{Headquarters, HqError, figures::Scope};
use lanewalk_model::staff::{Role, Roles};
use maud::Markup;
use period::Asked;

/// DOMAIN.md §3, last column.
const WHO: Roles = Role::HotlineClerk
    .bit()
    .or(Role::DeputyLeader.bit())
    .or(Role::Principal.bit())
    .or(Role::Auditor.bit())
    .or(Role::GridWorker.bit())
    .or(Role::Section.bit());

/// The room.
#[allow(dead_code, reason = "the list of rooms takes it in")]
pub(super) const ROOM: Room = Room { at: "figures", title: Some(("数据", "Figures")), who: WHO, get, post };

fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    let Some(scope) = Scope::of(&ask.visitor.subject, ask.now) else { return Ok(Answer::Missing) };
    let asked = Asked::read(&ask.query, scope, ask.now);
    match ask.parts().as_slice() {
        [_] => page::answer(from, &asked, ask),
        [_, "orders"] => orders::answer(from, &asked, ask),
        // What a meeting of the whole town saw is for those who may see all of it.
        [_, "meetings", rest @ ..] if asked.query.scope == Scope::All => {
            meetings::answer(from, &asked, ask, rest)
        }
        _ => Ok(Answer::Missing),
    }
}

fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    match ask.parts().as_slice() {
        [_, "meetings", rest @ ..] if Scope::of(&ask.visitor.subject, ask.now) == Some(Scope::All) => {
            meetings::act(hq, ask, rest)
        }
        [_, file] => export::act(hq, ask, file),
        _ => Ok(Answer::Missing),
    }
}

fn shown(title: super::words::Words, content: Markup) -> Answer {
    Answer::Page(Page { title, live: false, content })
}
