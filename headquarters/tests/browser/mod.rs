//! What a browser would ask of the console, without sockets.
#![allow(dead_code, reason = "each test binary uses its own part")]

use lanewalk_headquarters::{
    Headquarters,
    console::{
        Console,
        lang::Lang,
        web::{Ask, Fields, Method, Visitor},
    },
    people,
};
use lanewalk_model::{
    staff::{Grant, Role, Subject},
    time::TimeMs,
};

/// A visitor who holds a role in the whole subdistrict.
pub(crate) fn visitor(worker: &str, role: Role) -> Visitor {
    let grant = Grant { grid: "*".into(), role, from: TimeMs(0), to: None };
    let subject = Subject { worker: worker.into(), role, grants: vec![grant] };
    Visitor { subject, name: worker.into(), admin: false, session: String::new() }
}

/// A GET of a path, with a query if there is one.
pub(crate) fn ask(path: &str, visitor: Visitor, now: TimeMs) -> Ask {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    Ask {
        method: Method::Get,
        path: path.into(),
        query: Fields::parse(query.as_bytes()),
        form: Fields::default(),
        files: Vec::new(),
        visitor,
        now,
    }
}

/// Gets a page as the clerk on watch, in both languages: status and HTML.
pub(crate) fn page(console: &Console, path: &str, now: TimeMs) -> (u16, String) {
    let answer = console.get(&ask(path, visitor("clerk-1", Role::HotlineClerk), now), Lang::Both);
    (answer.status, String::from_utf8(answer.body).unwrap())
}

/// Gives a member of staff an account and signs in; returns the cookie.
pub(crate) fn sign_in(hq: &mut Headquarters, staff: &str) -> String {
    const PASSWORD: &str = "blue kettle lane";
    let code = hq.account_code(staff, None, "hq").unwrap();
    hq.set_password(&code, PASSWORD).unwrap();
    let attempt = hq.begin_sign_in(staff, "127.0.0.1").unwrap().unwrap();
    let right = people::judge(&attempt, PASSWORD);
    match hq.end_sign_in(&attempt, right, "", "test").unwrap() {
        people::Entered::Yes(token) => format!("lanewalk={token}"),
        refused => panic!("{refused:?}"),
    }
}
