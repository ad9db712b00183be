//! The console (值班台): what people at headquarters see and do in a browser.
//!
//! Invariant: a GET is a pure function of one read-only snapshot of the database, the photo folder,
//! the visitor and the time, so all numbers of a page agree; a POST is one act on the writer
//! thread. A path leads to one room; who may not enter gets the answer of a path that leads
//! nowhere. Its pictures are copies that a limited process has drawn. Rejected: a page that scripts
//! build over an API of its own; that is a second way to every document, and a text that slips
//! through escaping could then act.

mod alike;
pub mod assets;
mod board;
mod diff;
mod frame;
mod history;
pub mod lang;
mod names;
mod order;
mod parts;
mod photo;
mod photos;
mod sections;
mod values;
mod visits;
pub mod web;
mod words;

use crate::{error::HqError, hq::Headquarters, photos::Folder, store};
use alike::Alike;
use frame::Around;
use lanewalk_model::{
    id::{DocId, from_hex},
    schema::DocKind,
    staff::{Role, Roles},
};
use lang::Lang;
use photos::Sources;
use std::{
    path::PathBuf,
    sync::{PoisonError, RwLock},
};
use web::{Answer, Ask, Response, Room, Visitor, no_act};

/// Everybody at headquarters who has to do with orders.
const OFFICE: Roles = Role::HotlineClerk
    .bit()
    .or(Role::Section.bit())
    .or(Role::DeputyLeader.bit())
    .or(Role::Principal.bit())
    .or(Role::CallbackAgent.bit());

/// All rooms; the first part of a path names one. A new page is a new line here.
static ROOMS: &[Room] = &[
    Room { at: "", title: Some(("值班台", "Board")), who: OFFICE, get: board::get, post: no_act },
    Room { at: "orders", title: None, who: OFFICE, get: order::get, post: no_act },
    Room { at: "photos", title: None, who: OFFICE, get: photo::get, post: no_act },
];

/// Makes pages of a database and the photos beside it.
#[derive(Debug)]
pub struct Console {
    database: PathBuf,
    folder: Folder,
    alike: RwLock<Alike>,
}

impl Console {
    /// Makes a console. Does no IO.
    pub fn new(database: PathBuf) -> Self {
        // The console writes nothing, so no room is kept free for it.
        let folder = Folder::beside(&database, 0);
        Self { database, folder, alike: RwLock::default() }
    }

    /// Answers a GET from one read-only snapshot. Never fails: what cannot be read is a page that
    /// says so without details.
    pub fn get(&self, ask: &Ask, lang: Lang) -> Response {
        lang.speak(|| {
            let answer = entered(ask).map_or(Ok(Answer::Missing), |room| self.read(room, ask));
            frame::response(answer, &Around::of(ask))
        })
    }

    fn read(&self, room: &Room, ask: &Ask) -> Result<Answer, HqError> {
        let mut db = store::open_reader(&self.database)?;
        // One transaction, so that every number of the page is of the same moment.
        let snapshot = db.transaction()?;
        self.alike.write().unwrap_or_else(PoisonError::into_inner).catch_up(&snapshot)?;
        let alike = self.alike.read().unwrap_or_else(PoisonError::into_inner);
        let from = Sources { db: &snapshot, folder: &self.folder, alike: &alike, now: ask.now };
        (room.get)(&from, ask)
    }

    /// Performs a POST: one act. What the rules refuse is an answer with words, and nothing changed.
    pub fn post(hq: &mut Headquarters, ask: &Ask, lang: Lang) -> Response {
        lang.speak(|| {
            let answer = entered(ask).map_or(Ok(Answer::Missing), |room| (room.post)(hq, ask));
            frame::response(answer, &Around::of(ask))
        })
    }
}

/// Finds the room a visitor asks for and may enter.
fn entered(ask: &Ask) -> Option<&'static Room> {
    let at = ask.parts().first().copied().unwrap_or_default();
    ROOMS.iter().find(|room| room.at == at && may_enter(room, &ask.visitor))
}

fn may_enter(room: &Room, visitor: &Visitor) -> bool {
    room.who.has(visitor.subject.role) || (visitor.admin && room.who.0 & web::ADMINS.0 != 0)
}

/// Reads `0190…` or `order:0190…`.
fn order_id(text: &str) -> Option<DocId> {
    let hex = text.strip_prefix("order:").unwrap_or(text);
    Some(DocId { kind: DocKind::Order, uuid: from_hex(hex)? })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use lanewalk_model::{staff::Subject, time::TimeMs};
    use web::{Fields, Method};

    fn ask(path: &str, role: Role, admin: bool) -> Ask {
        let subject = Subject { worker: "w".into(), role, grants: Vec::new() };
        let visitor = Visitor { subject, name: "某".into(), admin, session: String::new() };
        Ask {
            method: Method::Get,
            path: path.into(),
            query: Fields::default(),
            form: Fields::default(),
            files: Vec::new(),
            visitor,
            now: TimeMs(0),
        }
    }

    #[test]
    fn only_order_ids_are_order_ids() {
        let hex = "00112233445566778899aabbccddeeff";
        for (text, want) in [
            (hex.to_owned(), true),
            (format!("order:{hex}"), true),
            (hex.to_uppercase(), true),
            (format!("visit:{hex}"), false),
            (format!("{hex}00"), false),
            (format!("../{hex}"), false),
            (String::new(), false),
            ("é".repeat(16), false),
        ] {
            assert_eq!(order_id(&text).is_some(), want, "{text}");
        }
    }

    #[test]
    fn a_room_is_entered_by_role_alone() {
        for (path, role, want) in [
            ("/", Role::HotlineClerk, true),
            ("/orders/x", Role::Section, true),
            ("/", Role::PropertyStaff, false),
            ("/nowhere", Role::Principal, false),
            ("/Orders/x", Role::Principal, false),
        ] {
            assert_eq!(entered(&ask(path, role, false)).is_some(), want, "{path} {role:?}");
        }
    }

    #[test]
    fn errors_are_pages_without_details() {
        let nowhere = Console::new("/nonexistent/headquarters.db".into());
        let answer = nowhere.get(&ask("/", Role::HotlineClerk, false), Lang::Zh);
        let html = String::from_utf8(answer.body).unwrap();
        assert_eq!(answer.status, 500);
        assert!(html.contains("暂时无法读取") && !html.contains("nonexistent") && !html.contains("SQL"));
        let answer = nowhere.get(&ask("/admin", Role::HotlineClerk, false), Lang::Zh);
        assert_eq!(answer.status, 404);
        assert!(String::from_utf8(answer.body).unwrap().contains("没有这个页面"));
    }
}
