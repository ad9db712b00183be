//! The console (值班台): what a clerk on watch sees of headquarters, and can change nothing of.
//!
//! Invariant: a page is a pure function of one read-only snapshot of the database and the time,
//! so all its numbers agree; it holds no script, no outside resource and nothing that names a
//! requester. The one place that reads a requester's name does so to take it out of what others
//! wrote. Rejected: a page that scripts keep fresh over an API of its own; that is a second way
//! to every document, and a text that slips through escaping could then act.

mod board;
mod diff;
mod history;
mod names;
mod order;
mod parts;
mod sections;
mod values;
mod visits;
mod words;

use crate::{
    config::{Source as _, SystemSource},
    error::HqError,
    store,
};
use lanewalk_model::{
    id::{DocId, from_hex},
    schema::DocKind,
    time::TimeMs,
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::path::Path;

const STYLE: &str = include_str!("style.css");

/// What a browser may load for a page: nothing but the one style sheet inside it, known by its
/// SHA-256. No script, frame, form, image or font.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'sha256-chnQu988Ve/68N2vOwBhpVKCogzTRmSNRqu9ADO4rro='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Makes the page for a path: status code and HTML. Opens the database read-only; `/` is the
/// board, `/orders/{id}` an order (32 hex digits, or `order:` and these). Never fails: what cannot
/// be read is a page that says so without details.
pub fn page(database: &Path, path: &str) -> (u16, String) {
    page_at(database, path, TimeMs(SystemSource.now_ms()))
}

/// Makes the page as of a moment; [`page`] takes the machine's time.
pub fn page_at(database: &Path, path: &str, now: TimeMs) -> (u16, String) {
    match read(database, path, now) {
        Ok(Some(html)) => (200, html.into_string()),
        Ok(None) => (404, not_found().into_string()),
        Err(_) => (500, unreadable().into_string()),
    }
}

fn read(database: &Path, path: &str, now: TimeMs) -> Result<Option<Markup>, HqError> {
    let wanted = match path {
        "/" => None,
        _ => match path.strip_prefix("/orders/").and_then(order_id) {
            Some(id) => Some(id),
            None => return Ok(None),
        },
    };
    let mut db = store::open_reader(database)?;
    // One transaction, so that every number of the page is of the same moment.
    let snapshot = db.transaction()?;
    match wanted {
        None => board::page(&snapshot, now).map(Some),
        Some(id) => order::page(&snapshot, id, now),
    }
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
    fn errors_are_pages_without_details() {
        let nowhere = Path::new("/nonexistent/headquarters.db");
        let (status, html) = page(nowhere, "/");
        assert_eq!(status, 500);
        assert!(html.contains("暂时无法读取") && !html.contains("nonexistent") && !html.contains("SQL"));
        let (status, html) = page(nowhere, "/admin");
        assert_eq!(status, 404);
        assert!(html.contains("没有这个页面"));
    }
}
