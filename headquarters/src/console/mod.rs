//! The console (值班台): what people at headquarters see and do in a browser.
//!
//! Invariant: a GET is a pure function of one read-only snapshot of the database, the photo folder,
//! the visitor and the time, so all numbers of a page agree; a POST is one act on the writer
//! thread. A path leads to one room; who may not enter gets the answer of a path that leads
//! nowhere. Its pictures are copies that a limited process has drawn. Rejected: a page that scripts
//! build over an API of its own; that is a second way to every document, and a text that slips
//! through escaping could then act.

#[cfg(test)]
mod act_matrix_tests;
mod ahead;
mod alarms;
mod alike;
mod appeals;
pub mod assets;
mod board;
mod desk;
mod diff;
pub mod door;
mod exchange;
mod figures;
mod forms;
mod frame;
mod history;
mod import;
mod intake;
#[cfg(test)]
mod intake_tests;
pub mod lang;
#[cfg(test)]
mod matrix_tests;
mod names;
mod order;
mod parts;
mod people;
mod photo;
mod photos;
mod reach;
mod same;
#[cfg(test)]
mod scan_tests;
mod sections;
mod steps;
#[cfg(test)]
mod test_house;
mod values;
mod visits;
pub mod web;
mod words;

use crate::{
    error::HqError,
    hq::Headquarters,
    photos::Folder,
    store::{Readers, StoredDoc},
};
use alike::Alike;
use frame::Around;
use lanewalk_model::{
    access::{self, Action, Asker, CaseFacts},
    id::{DocId, Hash, from_hex},
    schema::DocKind,
    staff::{Role, Roles},
    time::TimeMs,
};
use lang::Lang;
use photos::Sources;
use rusqlite::Connection;
use std::{
    path::PathBuf,
    sync::{PoisonError, RwLock},
};
use web::{ADMINS, Answer, Ask, Response, Room, Visitor, no_act, no_page};

/// Everybody who may sign in: all but the system's own role. Which orders, and how much of them,
/// says the table of rights.
const EVERYBODY: Roles = Roles(0x03FF);

/// Everybody at headquarters who works on orders.
const OFFICE: Roles = Role::HotlineClerk
    .bit()
    .or(Role::Section.bit())
    .or(Role::DeputyLeader.bit())
    .or(Role::Principal.bit())
    .or(Role::CallbackAgent.bit());

/// Who may see visits and photos.
const VISITS: Roles = OFFICE.or(Role::GridWorker.bit()).or(Role::PropertyStaff.bit());

/// Who has to do with every order.
const WATCH: Roles = Role::HotlineClerk
    .bit()
    .or(Role::DeputyLeader.bit())
    .or(Role::Principal.bit())
    .or(Role::CallbackAgent.bit());

/// Who plans and keeps the watch.
const WATCHERS: Roles = Role::HotlineClerk.bit().or(Role::DeputyLeader.bit()).or(Role::Principal.bit());

/// Who may ever read a vulnerability record here.
const CARE: Roles =
    Role::GridWorker.bit().or(Role::Section.bit()).or(Role::DeputyLeader.bit()).or(Role::Principal.bit());

/// All rooms; the first part of a path names one. A new page is a new line here.
static ROOMS: &[Room] = &[
    Room { at: "", title: Some(("值班台", "Board")), who: EVERYBODY, get: board::get, post: no_act },
    Room { at: "orders", title: None, who: EVERYBODY, get: order::get, post: desk::post },
    Room {
        at: "watch",
        title: Some(("值班", "Watch")),
        who: WATCHERS,
        get: desk::watch::get,
        post: desk::watch::post,
    },
    Room {
        at: "catalogue",
        title: Some(("清单", "Catalogue")),
        who: OFFICE,
        get: desk::catalogue::get,
        post: desk::catalogue::post,
    },
    intake::ROOM,
    appeals::ROOM,
    exchange::ROOM,
    figures::ROOM,
    Room { at: "photos", title: None, who: VISITS, get: photo::get, post: no_act },
    Room { at: "care", title: None, who: CARE, get: no_page, post: people::care::post },
    Room {
        at: "staff",
        title: Some(("人员", "Staff")),
        who: ADMINS,
        get: people::staff::get,
        post: people::staff::post,
    },
    Room {
        at: "devices",
        title: Some(("设备", "Devices")),
        who: ADMINS,
        get: people::devices::get,
        post: people::devices::post,
    },
    Room {
        at: "audit",
        title: Some(("查阅记录", "Access log")),
        who: Role::Auditor.bit().or(ADMINS),
        get: people::audit::get,
        post: people::audit::post,
    },
    Room {
        at: "keeping",
        title: Some(("保存期限", "Retention")),
        who: ADMINS,
        get: people::keeping::get,
        post: people::keeping::post,
    },
    people::settings::ROOM,
    same::ROOM,
    Room { at: "me", title: None, who: Roles(0x07FF), get: people::me::get, post: people::me::post },
];

/// Lists all rooms, in the order of the navigation.
fn rooms() -> impl Iterator<Item = &'static Room> {
    ROOMS.iter().chain(&ahead::ROOMS)
}

/// Makes pages of a database and the photos beside it.
#[derive(Debug)]
pub struct Console {
    readers: Readers,
    folder: Folder,
    alike: RwLock<Alike>,
}

impl Console {
    /// Makes a console. Does no IO.
    pub fn new(database: PathBuf) -> Self {
        // The console writes nothing, so no room is kept free for it.
        let folder = Folder::beside(&database, 0);
        Self { readers: Readers::new(database), folder, alike: RwLock::default() }
    }

    /// Answers a GET from one read-only snapshot. Never fails: what cannot be read is a page that
    /// says so without details.
    pub fn get(&self, ask: &Ask, lang: Lang) -> Response {
        lang.speak(|| {
            let answer = match entered(ask) {
                Some(room) => self.read(room, ask),
                // Where everybody comes in, whoever has no board is led to what he has.
                None if ask.parts().is_empty() => Ok(Answer::SeeOther(home(&ask.visitor, ask.now))),
                None => Ok(Answer::Missing),
            };
            frame::response(answer, &Around::of(ask))
        })
    }

    fn read(&self, room: &Room, ask: &Ask) -> Result<Answer, HqError> {
        self.readers.read(|db| {
            // One transaction, so that every number of the page is of the same moment.
            let snapshot = db.transaction()?;
            self.alike.write().unwrap_or_else(PoisonError::into_inner).catch_up(&snapshot)?;
            let alike = self.alike.read().unwrap_or_else(PoisonError::into_inner);
            let from = Sources {
                db: &snapshot,
                folder: &self.folder,
                alike: &alike,
                who: &ask.visitor,
                now: ask.now,
            };
            (room.get)(&from, ask)
        })
    }

    /// Performs a POST: one act. What the rules refuse is an answer with words, and nothing changed.
    pub fn post(hq: &mut Headquarters, ask: &Ask, lang: Lang) -> Response {
        lang.speak(|| {
            let answer = entered(ask).map_or(Ok(Answer::Missing), |room| (room.post)(hq, ask));
            frame::response(answer, &Around::of(ask))
        })
    }
}

impl Console {
    /// Returns the connections that pages read by.
    pub(crate) fn readers(&self) -> &Readers {
        &self.readers
    }

    /// Says whether a visitor may see a stored file: one of an order whose photos he may see.
    pub(crate) fn may_see_file(&self, visitor: &Visitor, sha256: Hash, now: TimeMs) -> Result<bool, HqError> {
        self.readers.read(|db| may_see_file(db, visitor, sha256, now))
    }
}

fn may_see_file(db: &Connection, visitor: &Visitor, sha256: Hash, now: TimeMs) -> Result<bool, HqError> {
    let mut statement = db.prepare_cached(
        "SELECT DISTINCT v.parent FROM file_refs f JOIN docs v ON v.n = f.doc WHERE f.sha256 = ?1 LIMIT 50",
    )?;
    let orders =
        statement.query_map([sha256.0], |r| r.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    for order in orders {
        if may_see_visits(db, visitor, order.parse().ok(), now)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Says whether a visitor may see the visits of an order; `None` for those without one.
fn may_see_visits(
    db: &Connection,
    visitor: &Visitor,
    order: Option<DocId>,
    now: TimeMs,
) -> Result<bool, HqError> {
    let asker = Asker { subject: &visitor.subject, admin: visitor.admin };
    let stored = order.map(|id| StoredDoc::find(db, id)).transpose()?.flatten();
    // A visit without an order belongs to those who see every grid.
    let facts =
        stored.map(|s| s.view()).transpose()?.map_or_else(CaseFacts::default, |v| CaseFacts::of_order(&v));
    Ok(access::decide(asker, Action::ReadVisits, &facts, now).is_ok())
}

/// Finds the room a visitor asks for and may enter.
fn entered(ask: &Ask) -> Option<&'static Room> {
    // Every page has one address.
    if ask.path != "/" && (ask.path.ends_with('/') || ask.path.contains("//")) {
        return None;
    }
    let at = ask.parts().first().copied().unwrap_or_default();
    let fits = |room: &&Room| room.at == at && may_enter(room, &ask.visitor);
    rooms().find(fits).filter(|room| stands(room, &ask.visitor, ask.now))
}

/// Says whether a visitor holds any right now: who has left keeps an account and the room for it.
fn stands(room: &Room, visitor: &Visitor, now: TimeMs) -> bool {
    let role = visitor.subject.role;
    let holds = visitor.subject.grants.iter().any(|g| g.role == role && g.stood_within(now, now));
    holds || room.at == "me" || (visitor.admin && room.who.0 & web::ADMINS.0 != 0)
}

/// Returns the first room a visitor may enter.
fn home(visitor: &Visitor, now: TimeMs) -> String {
    let open = |room: &&Room| room.title.is_some() && may_enter(room, visitor) && stands(room, visitor, now);
    let first = rooms().find(open);
    format!("/{}", first.map_or("me", |room| room.at))
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
    use lanewalk_model::staff::{Grant, Subject};
    use web::{Fields, Method};

    fn ask(path: &str, role: Role, admin: bool) -> Ask {
        let grant = Grant { grid: "*".into(), role, from: TimeMs(0), to: None };
        let subject = Subject { worker: "w".into(), role, grants: vec![grant] };
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
            ("/", Role::PropertyStaff, true),
            ("/", Role::System, false),
            ("/catalogue", Role::PropertyStaff, false),
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
