//! Open311 GeoReport v2: services, requests, tokens and discovery for programs of others.
//!
//! Invariant: what leaves here was made for strangers: no requester, no words of theirs but the
//! redacted ones, no door number, and nothing at all of an order that was to be kept in confidence.
//! A request that comes in stands in RECEIVED until a clerk accepts it. Rejected: a status beyond
//! `open` and `closed`; clients of the standard know no other, so the rest is told in `status_notes`.

mod keys;
mod list;
mod node;
mod post;
mod public;
mod services;
#[cfg(test)]
mod tests;

pub(crate) use keys::Caller;

use crate::{config::Settings, console::web::Fields, error::HqError, hq::Headquarters, intake::catalogue};
use lanewalk_model::time::TimeMs;
use node::{Node, text};
use rusqlite::Connection;

/// The media types of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/json`.
    Json,
    /// `text/xml`.
    Xml,
}

impl Format {
    /// Returns the media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::Xml => "text/xml; charset=utf-8",
        }
    }
}

/// One request of a client.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The path after `/open311/`, percent-decoded.
    pub path: String,
    /// Query.
    pub query: Fields,
    /// Form of a POST.
    pub form: Fields,
    /// The header `Idempotency-Key`.
    pub idempotency_key: Option<String>,
}

impl Asked {
    /// Returns the key the client gives, in the form or the query.
    pub(crate) fn api_key(&self) -> Option<&str> {
        self.form.get("api_key").or_else(|| self.query.get("api_key"))
    }

    fn jurisdiction(&self) -> Option<&str> {
        self.form.get("jurisdiction_id").or_else(|| self.query.get("jurisdiction_id"))
    }
}

/// What a client gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Media type.
    pub format: Format,
    /// Content.
    pub body: String,
}

/// Why a request is refused: status, and words for the client's developer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) u16, pub(crate) String);

/// A node under its root element, or a refusal.
type Answered = Result<(&'static str, Node), Refused>;

impl From<HqError> for Refused {
    fn from(error: HqError) -> Self {
        match error {
            HqError::NotAllowed(words) => Self(400, words),
            // Details of the database are no client's business.
            _ => Self(500, "暂时无法处理，请稍后再试 / cannot be answered now, try again".into()),
        }
    }
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        HqError::from(error).into()
    }
}

fn refused<T>(status: u16, words: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(status, words.into()))
}

/// What a path names, and in which format.
#[derive(Debug, PartialEq, Eq)]
enum Resource<'a> {
    Discovery,
    Services,
    Service(&'a str),
    Requests,
    Request(&'a str),
    Token(&'a str),
}

fn resource(path: &str) -> (Option<Resource<'_>>, Format) {
    let (path, format) = match path.rsplit_once('.') {
        Some((rest, "json")) => (rest, Format::Json),
        Some((rest, "xml")) => (rest, Format::Xml),
        _ => return (None, Format::Xml),
    };
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let found = match parts.as_slice() {
        ["discovery"] | ["v2", "discovery"] => Some(Resource::Discovery),
        ["v2", "services"] => Some(Resource::Services),
        ["v2", "services", code] => Some(Resource::Service(code)),
        ["v2", "requests"] => Some(Resource::Requests),
        ["v2", "requests", id] => Some(Resource::Request(id)),
        ["v2", "tokens", token] => Some(Resource::Token(token)),
        _ => None,
    };
    (found, format)
}

/// Answers a GET from a read-only snapshot.
pub fn get(db: &Connection, settings: &Settings, asked: &Asked, now: TimeMs) -> Reply {
    let (resource, format) = resource(&asked.path);
    reply(answer(db, settings, asked, resource, now), format)
}

fn answer(
    db: &Connection,
    settings: &Settings,
    asked: &Asked,
    resource: Option<Resource<'_>>,
    now: TimeMs,
) -> Answered {
    let Some(resource) = resource else { return refused(404, "没有这个资源 / no such resource") };
    let published = catalogue(db)?;
    if resource == Resource::Discovery {
        return Ok(("discovery", services::discovery(settings, published.at)));
    }
    check_jurisdiction(settings, asked)?;
    if !settings.open311.public {
        keys::known(db, asked.api_key())?;
    }
    match resource {
        Resource::Discovery => refused(404, "not found"),
        Resource::Services => Ok(("services", services::list(&published.catalog))),
        Resource::Service(code) => {
            Ok(("service_definition", services::definition(&published.catalog, code)?))
        }
        Resource::Requests => {
            Ok(("service_requests", list::many(db, settings, asked, &published.catalog, now)?))
        }
        Resource::Request(id) => Ok(("service_requests", list::one(db, settings, id, &published.catalog)?)),
        // Requests get their id at once, so the id is its own token.
        Resource::Token(token) => {
            list::one(db, settings, token, &published.catalog)?;
            let pair = vec![("service_request_id", text(token)), ("token", text(token))];
            Ok(("service_requests", Node::List("request", vec![Node::Map(pair)])))
        }
    }
}

/// Answers a POST on the writer's thread.
pub fn post(hq: &mut Headquarters, asked: &Asked) -> Reply {
    let (resource, format) = resource(&asked.path);
    let made = match resource {
        Some(Resource::Requests) => {
            check_jurisdiction(&hq.core.settings, asked).and_then(|()| post::create(hq, asked))
        }
        Some(_) => refused(405, "这里不能提交 / nothing can be posted here"),
        None => refused(404, "没有这个资源 / no such resource"),
    };
    reply(made, format)
}

/// Makes an answer of a refusal that did not reach the rules: too many requests, too large a form.
pub fn refuse(path: &str, status: u16, words: &str) -> Reply {
    reply(refused(status, words), resource(path).1)
}

fn check_jurisdiction(settings: &Settings, asked: &Asked) -> Result<(), Refused> {
    let known = settings.open311.jurisdiction.as_str();
    match asked.jurisdiction() {
        Some(other) if !known.is_empty() && other != known => {
            refused(404, "jurisdiction_id 不对 / jurisdiction_id not found")
        }
        _ => Ok(()),
    }
}

fn reply(made: Answered, format: Format) -> Reply {
    let (status, root, node) = match made {
        Ok((root, node)) => (200, root, node),
        Err(Refused(status, words)) => {
            let error = vec![("code", Node::Number(f64::from(status))), ("description", text(&words))];
            (status, "errors", Node::List("error", vec![Node::Map(error)]))
        }
    };
    let body = match format {
        Format::Json => node.json().to_string(),
        Format::Xml => node.xml(root),
    };
    Reply { status, format, body }
}
