//! Any lines are read as an Open311 request: `GET` or `POST`, path and query, then a form.

use crate::office::{NOW, Office};
use lanewalk_headquarters::{
    console::web::Fields,
    open311::{Asked, Format, get, post},
};

/// Every request has an answer in the standard's words and in good form, and none blames
/// headquarters.
pub(crate) fn check(data: &[u8]) {
    let at = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let (line, form) = data.split_at(at);
    let line = String::from_utf8_lossy(line).into_owned();
    let (method, target) = line.split_once(' ').unwrap_or(("GET", &line));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut asked = Asked {
        path: path.to_owned(),
        query: Fields::parse(query.as_bytes()),
        form: Fields::parse(form.get(1..).unwrap_or_default()),
        idempotency_key: None,
    };
    asked.idempotency_key = asked.query.get("idempotency").map(str::to_owned);
    Office::enter(|office| {
        let reply = if method == "POST" {
            if asked.form.get("api_key").is_none() {
                asked.form.0.push(("api_key".to_owned(), office.key.clone()));
            }
            post(&mut office.hq, &asked)
        } else {
            let settings = office.settings.clone();
            get(office.hq.reader(), &settings, &asked, NOW)
        };
        assert!([200, 400, 403, 404, 405, 409].contains(&reply.status), "{} {}", reply.status, reply.body);
        match reply.format {
            Format::Json => assert!(serde_json::from_str::<serde_json::Value>(&reply.body).is_ok()),
            Format::Xml => well_formed(&reply.body),
        }
        if method == "POST" && reply.status == 200 {
            office.took(1);
        }
    });
}

/// Tags open and close in turn, and between them stand no marks of the language.
fn well_formed(xml: &str) {
    assert!(!xml.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{xml:?}");
    let (_, body) = xml.split_once("?>\n").expect("a declaration");
    let mut open = Vec::new();
    for piece in body.split_inclusive('>').map(str::trim).filter(|p| !p.is_empty()) {
        let (text, tag) = piece.split_once('<').expect("a tag");
        assert!(!text.contains('>') && text.split('&').skip(1).all(|t| t.contains(';')), "{xml}");
        let tag = tag.strip_suffix('>').expect("its end");
        match (tag.strip_prefix('/'), tag.strip_suffix('/')) {
            (Some(name), _) => assert_eq!(open.pop(), Some(name), "{xml}"),
            (None, Some(_)) => {}
            (None, None) => open.push(tag),
        }
    }
    assert!(open.is_empty(), "{xml}");
}
