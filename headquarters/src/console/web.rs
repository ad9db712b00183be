//! What a browser asks, and what it gets: the only two shapes between the sockets and the pages.
//!
//! Invariant: a GET changes nothing and sees one read-only snapshot; a POST runs on the writer
//! thread, is one act, and answers with a redirect or a page. Personal data appear only in the
//! answer to a POST, whose audit line is committed before it. Rejected: pages that take requests
//! apart themselves; every one would then check rights and lengths in its own way.

use super::words::Words;
use crate::people::By;
use lanewalk_model::{
    access::{self, Action, Asker, CaseFacts, Sight},
    staff::{Roles, Subject},
    time::TimeMs,
    view::DocView,
};
use maud::Markup;

/// How something is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Acts.
    Post,
}

/// Names and values of a query or a form, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// Reads `a=1&b=2`. Never fails: what is no pair has an empty value.
    pub fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).map(|(k, v)| (k.into_owned(), v.into_owned())).collect())
    }

    /// Returns the first value of that name, without white space around it; `None` if it is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Returns every value of that name that is not empty.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let name = name.to_owned();
        self.0.iter().filter(move |(k, v)| *k == name && !v.trim().is_empty()).map(|(_, v)| v.trim())
    }
}

/// A file that came with a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Name of the field.
    pub field: String,
    /// The file's name as the browser told it.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// Staff id and rights.
    pub subject: Subject,
    /// Name.
    pub name: String,
    /// May manage accounts; no right to any order follows from it.
    pub admin: bool,
    /// Beginning of the session's hash, for the audit log; empty without a session.
    pub session: String,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Ask {
    /// How.
    pub method: Method,
    /// Path, percent-decoded, beginning with `/`.
    pub path: String,
    /// Query.
    pub query: Fields,
    /// Form; empty for GET.
    pub form: Fields,
    /// Files of the form.
    pub files: Vec<Upload>,
    /// Who asks.
    pub visitor: Visitor,
    /// The moment of the answer.
    pub now: TimeMs,
}

impl Ask {
    /// Returns who asks, as the rules want it.
    pub(super) fn asker(&self) -> Asker<'_> {
        Asker { subject: &self.visitor.subject, admin: self.visitor.admin }
    }

    /// Returns who asks, as the access log wants it.
    pub(super) fn by(&self) -> By<'_> {
        By { who: &self.visitor.subject.worker, session: &self.visitor.session }
    }

    /// Says how much of an order the visitor may have of it; `None` when nothing.
    pub(super) fn sight(&self, action: Action, order: &DocView) -> Option<Sight> {
        access::decide(self.asker(), action, &CaseFacts::of_order(order), self.now).ok()
    }

    /// Says whether the visitor may do something that is about no order.
    pub(super) fn may(&self, action: Action) -> bool {
        access::decide(self.asker(), action, &CaseFacts::default(), self.now).is_ok()
    }

    /// Returns the parts of the path: `["orders", "0190…"]`.
    pub fn parts(&self) -> Vec<&str> {
        self.path.split('/').filter(|p| !p.is_empty()).collect()
    }
}

/// Returns a path of this server, whatever was asked for: nothing that leads elsewhere.
pub fn own_path(path: &str) -> String {
    let inside = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    let plain = path.bytes().all(|b| b.is_ascii_graphic());
    if inside && plain && path.len() <= 512 { path.to_owned() } else { "/".to_owned() }
}

/// What a browser may load for a page: only what this server has, and pictures from one more
/// origin if there is one.
pub fn policy(pictures: Option<&str>) -> String {
    let rest = "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
    pictures.map_or_else(
        || format!("default-src 'self'; {rest}"),
        |origin| format!("default-src 'self'; img-src 'self' {origin}; {rest}"),
    )
}

/// The header that [`policy`] stands in.
pub const POLICY: &str = "content-security-policy";

/// A page inside the frame that all share.
#[derive(Debug)]
pub struct Page {
    /// Title, Chinese and English.
    pub title: Words,
    /// The page asks for itself again when something changes.
    pub live: bool,
    /// What is in it.
    pub content: Markup,
}

/// What a request gets.
#[derive(Debug)]
pub enum Answer {
    /// A page.
    Page(Page),
    /// A page with a map, whose pictures may also come from this one origin.
    Map(Page, String),
    /// Look there; the way every successful act ends.
    SeeOther(String),
    /// A file to save.
    File {
        /// Name, ASCII.
        name: String,
        /// Media type.
        media_type: &'static str,
        /// Content.
        bytes: Vec<u8>,
    },
    /// There is no such thing, or not for this visitor: nobody can tell which.
    Missing,
    /// The act was refused, with words about what to do next; nothing changed.
    Refused(String),
}

/// An answer as it goes over the wire, without the headers that all have.
#[derive(Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers of this answer.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Response {
    /// Look there.
    pub fn see_other(to: String) -> Self {
        Self { status: 303, headers: vec![("location", to)], body: Vec::new() }
    }

    /// There is no such thing; for somebody who is not signed in.
    pub fn missing() -> Self {
        Self {
            status: 404,
            headers: vec![("content-type", "text/plain".into())],
            body: b"not found".to_vec(),
        }
    }

    /// Adds the header that sets a cookie.
    #[must_use]
    pub fn with_cookie(mut self, cookie: String) -> Self {
        self.headers.push(("set-cookie", cookie));
        self
    }
}

/// Stands in [`Room::who`] for everybody who may manage accounts, whatever the role.
pub(super) const ADMINS: Roles = Roles(1 << 15);

/// A part of the console with its own address.
pub(super) struct Room {
    /// First part of the path; empty for the board.
    pub(super) at: &'static str,
    /// What the navigation calls it; `None` keeps it out of there.
    pub(super) title: Option<Words>,
    /// Who may enter; each page narrows it further.
    pub(super) who: Roles,
    /// Answers a GET.
    pub(super) get: fn(&super::Sources<'_>, &Ask) -> Result<Answer, crate::HqError>,
    /// Answers a POST.
    pub(super) post: fn(&mut crate::Headquarters, &Ask) -> Result<Answer, crate::HqError>,
}

/// For rooms where nothing can be done.
pub(super) fn no_act(_: &mut crate::Headquarters, _: &Ask) -> Result<Answer, crate::HqError> {
    Ok(Answer::Missing)
}

/// For rooms where nothing is shown without an act.
pub(super) fn no_page(_: &super::Sources<'_>, _: &Ask) -> Result<Answer, crate::HqError> {
    Ok(Answer::Missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_browsers_write_them() {
        let fields = Fields::parse("a=1&b=%E8%A1%97+x&a=2&c=&d=+".as_bytes());
        assert_eq!(fields.get("a"), Some("1"));
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(fields.get("b"), Some("街 x"));
        assert_eq!((fields.get("c"), fields.get("d"), fields.get("e")), (None, None, None));
    }
}
