//! The console (值班台): what a clerk on watch sees of headquarters, and can change nothing of.
//!
//! Invariant: a page is a pure function of one read-only snapshot of the database, the photo
//! folder and the time, so all its numbers agree; it holds no script, no outside resource and
//! nothing that names a requester. Its pictures are copies that a limited process has drawn. The one place that reads a requester's name does so to take it out of what others
//! wrote. Rejected: a page that scripts keep fresh over an API of its own; that is a second way
//! to every document, and a text that slips through escaping could then act.

mod alike;
mod board;
mod diff;
mod figures;
mod history;
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

use crate::{
    config::{Source as _, SystemSource},
    error::HqError,
    photos::Folder,
    store,
};
use alike::Alike;
use lanewalk_model::{
    id::{DocId, EventId, from_hex},
    schema::DocKind,
    time::TimeMs,
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use photos::Sources;
use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

const STYLE: &str = concat!(include_str!("style.css"), include_str!("figures/figures.css"));

/// What a browser may load for a page: nothing but the one style sheet inside it, known by its
/// SHA-256, and pictures of headquarters' own. No script, frame, form or font.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'sha256-sBMk31fBLDi2R/UsXeBILIe1VIauuCNbg/E7WHh59VM='; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Makes pages of a database and the photos beside it.
#[derive(Debug)]
pub struct Console {
    database: PathBuf,
    folder: Folder,
    alike: Mutex<Alike>,
}

/// What a path asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Board,
    Order(DocId),
    Photo(DocId, EventId),
}

impl Console {
    /// Makes a console. Does no IO.
    pub fn new(database: PathBuf) -> Self {
        // The console writes nothing, so no room is kept free for it.
        let folder = Folder::beside(&database, 0);
        Self { database, folder, alike: Mutex::default() }
    }

    /// Makes the page for a path: status code and HTML. Opens the database read-only; `/` is the
    /// board, `/orders/{id}` an order (32 hex digits, or `order:` and these),
    /// `/photos/{visit}/{photo}` a photo. Never fails: what cannot be read is a page that says so
    /// without details.
    pub fn page(&self, path: &str) -> (u16, String) {
        self.page_at(path, TimeMs(SystemSource.now_ms()))
    }

    /// Makes the page as of a moment; [`Self::page`] takes the machine's time.
    pub fn page_at(&self, path: &str, now: TimeMs) -> (u16, String) {
        let made = asked(path).map_or(Ok(None), |asked| self.read(&asked, now));
        match made {
            Ok(Some(html)) => (200, html.into_string()),
            Ok(None) => (404, not_found().into_string()),
            Err(_) => (500, unreadable().into_string()),
        }
    }

    fn read(&self, asked: &Asked, now: TimeMs) -> Result<Option<Markup>, HqError> {
        let mut db = store::open_reader(&self.database)?;
        // One transaction, so that every number of the page is of the same moment.
        let snapshot = db.transaction()?;
        if *asked == Asked::Board {
            return board::page(&snapshot, now).map(Some);
        }
        let mut alike = self.alike.lock().unwrap_or_else(PoisonError::into_inner);
        alike.catch_up(&snapshot)?;
        let from = Sources { db: &snapshot, folder: &self.folder, alike: &alike, now };
        match asked {
            Asked::Board => Ok(None),
            Asked::Order(id) => order::page(&from, *id),
            Asked::Photo(visit, photo) => photo::page(&from, *visit, *photo),
        }
    }
}

fn asked(path: &str) -> Option<Asked> {
    if path == "/" {
        return Some(Asked::Board);
    }
    if let Some(id) = path.strip_prefix("/orders/") {
        return order_id(id).map(Asked::Order);
    }
    let (visit, photo) = path.strip_prefix("/photos/")?.split_once('/')?;
    let visit = DocId { kind: DocKind::Visit, uuid: from_hex(visit)? };
    Some(Asked::Photo(visit, EventId(from_hex(photo)?)))
}

/// Reads `0190…`, `order:0190…` or `order%3A0190…`.
fn order_id(text: &str) -> Option<DocId> {
    let hex = ["order:", "order%3A", "order%3a"].iter().find_map(|p| text.strip_prefix(p)).unwrap_or(text);
    Some(DocId { kind: DocKind::Order, uuid: from_hex(hex)? })
}

/// Puts a page's content into the frame that all pages share.
fn frame(title: &str, refresh: bool, now: TimeMs, foot: &Markup, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="zh-Hans" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                @if refresh { meta http-equiv="refresh" content="30"; }
                title { (title) " · 走街串巷 Lanewalk" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "跳到内容 " span.en lang="en" { "skip to content" } }
                header.top {
                    a.brand href="/" { "走街串巷" span.en lang="en" { "Lanewalk" } }
                    p.role { "街道热线办 · 值班台" span.en lang="en" { "Headquarters, on watch" } }
                    p.now { (parts::when(now.0)) span.en lang="en" { "China time" } }
                }
                main id="main" { (content) }
                footer { (foot) p { "只读页面,不含诉求人身份信息。" span.en lang="en" { "Read-only; holds nothing that names a requester." } } }
            }
        }
    }
}

fn message(title: &str, zh: &str, en: &str) -> Markup {
    let content = html! {
        section.message {
            h1 { (title) }
            p { (zh) }
            p.en lang="en" { (en) }
            p { a href="/" { "返回值班台 " span.en lang="en" { "back to the board" } } }
        }
    };
    frame(title, false, TimeMs(SystemSource.now_ms()), &html! {}, &content)
}

fn not_found() -> Markup {
    message("没有这个页面", "地址不对,或者没有这件工单。", "No such page, or no such order.")
}

fn unreadable() -> Markup {
    message(
        "暂时无法读取",
        "读不到数据。请稍后再试;仍不行请联系维护人员。",
        "The data cannot be read now. Try again later, then call support.",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use base64::Engine as _;
    use sha2::Digest as _;

    #[test]
    fn the_policy_names_exactly_this_style_sheet() {
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(STYLE));
        assert!(CONTENT_SECURITY_POLICY.contains(&format!("style-src 'sha256-{hash}'")), "sha256-{hash}");
        assert!(STYLE.is_ascii() && !STYLE.contains('<') && !STYLE.contains("url("));
    }

    #[test]
    fn only_order_ids_are_order_ids() {
        let hex = "00112233445566778899aabbccddeeff";
        for (text, want) in [
            (hex.to_owned(), true),
            (format!("order:{hex}"), true),
            (format!("order%3A{hex}"), true),
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
    fn a_path_asks_for_one_thing() {
        let (visit, photo) = ("00".repeat(16), "0a".repeat(16));
        let wanted = DocId { kind: DocKind::Visit, uuid: [0; 16] };
        assert_eq!(asked(&format!("/photos/{visit}/{photo}")), Some(Asked::Photo(wanted, EventId([10; 16]))));
        for path in ["", "/orders", "/photos", "/photos/", "/photos/1/2", &format!("/photos/{visit}")] {
            assert_eq!(asked(path), None, "{path}");
        }
        assert_eq!(asked(&format!("/photos/{visit}/{photo}/")), None);
        assert_eq!(asked(&format!("/photos/visit:{visit}/{photo}")), None);
    }

    #[test]
    fn errors_are_pages_without_details() {
        let nowhere = Console::new("/nonexistent/headquarters.db".into());
        let (status, html) = nowhere.page("/");
        assert_eq!(status, 500);
        assert!(html.contains("暂时无法读取") && !html.contains("nonexistent") && !html.contains("SQL"));
        let (status, html) = nowhere.page("/admin");
        assert_eq!(status, 404);
        assert!(html.contains("没有这个页面"));
    }
}
