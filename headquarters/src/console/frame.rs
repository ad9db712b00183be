//! What every page has around it, and what an answer becomes on the wire.
//!
//! Invariant: the navigation shows only rooms that the visitor may enter. A missing thing, a room
//! that is closed to the visitor and a path that leads nowhere give the same bytes. Rejected:
//! "no permission" pages, which tell that something is there.

use super::{
    assets::{SCRIPT, STYLE},
    lang::Lang,
    may_enter,
    parts::{bi, say, shown, when},
    rooms as all_rooms,
    web::{Answer, Ask, Page, Response, Visitor},
    words::{self, Words},
};
use crate::error::HqError;
use lanewalk_model::time::TimeMs;
use maud::{DOCTYPE, Markup, html};

/// What the frame shows besides the page.
#[derive(Debug)]
pub(super) struct Around<'a> {
    /// Who looks; nobody before signing in.
    pub(super) visitor: Option<&'a Visitor>,
    /// Where.
    pub(super) path: &'a str,
    /// What was just done.
    pub(super) done: Option<&'a str>,
    /// The moment.
    pub(super) now: TimeMs,
}

impl<'a> Around<'a> {
    /// Reads it from a request.
    pub(super) fn of(ask: &'a Ask) -> Self {
        Self { visitor: Some(&ask.visitor), path: &ask.path, done: ask.query.get("done"), now: ask.now }
    }
}

/// Turns an answer into bytes with status and headers.
pub(super) fn response(answer: Result<Answer, HqError>, around: &Around<'_>) -> Response {
    let nowhere = Around { path: "/", done: None, ..*around };
    let html_in = |around: &Around<'_>, status, page: Page| Response {
        status,
        headers: vec![("content-type", "text/html; charset=utf-8".into())],
        body: frame(&page, around).into_string().into_bytes(),
    };
    let html = |status, page| html_in(around, status, page);
    match answer {
        Ok(Answer::Page(page)) => html(200, page),
        Ok(Answer::SeeOther(to)) => {
            Response { status: 303, headers: vec![("location", to)], body: Vec::new() }
        }
        Ok(Answer::File { name, media_type, bytes }) => Response {
            status: 200,
            headers: vec![
                ("content-type", media_type.into()),
                ("content-disposition", format!("attachment; filename=\"{}\"", file_name(&name))),
            ],
            body: bytes,
        },
        // The path may name what must stay unknown, so the answer does not depend on it.
        Ok(Answer::Missing) => html_in(&nowhere, 404, missing()),
        Ok(Answer::Refused(why)) => html(422, refused(&why, around.path)),
        Err(HqError::NotAllowed(why)) => html(422, refused(&why, around.path)),
        Err(HqError::NotFound(_)) => html_in(&nowhere, 404, missing()),
        Err(_) => html(500, unreadable()),
    }
}

/// Keeps what a header and every file system can hold.
fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect()
}

fn frame(page: &Page, around: &Around<'_>) -> Markup {
    let lang = Lang::now();
    let title = say(page.title);
    let thing = around.path.rsplit('/').next().filter(|p| p.len() == 32).map(super::board::short);
    html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                @if page.live { noscript { meta http-equiv="refresh" content="30"; } }
                title { (title) @if let Some(id) = thing { " " (id) } " · " (say(("走街串巷", "Lanewalk"))) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(STYLE.address());
                script src=(SCRIPT.address()) defer {}
            }
            body {
                a.skip href="#main" { (bi(("跳到内容", "skip to content"))) }
                header.top {
                    a.brand href=(around.visitor.map_or("/".to_owned(), super::home)) { (bi(("走街串巷", "Lanewalk"))) }
                    @if let Some(visitor) = around.visitor { (rooms(visitor, around.path)) (search(visitor)) (who(visitor)) }
                    p.now { (when(around.now.0)) }
                    (languages(lang, around.path))
                }
                main id="main" data-live[page.live] {
                    @if let Some(done) = around.done.filter(|d| is_code(d)) { p.done role="status" { "✓ " (bi(words::done(done))) } }
                    (page.content)
                }
            }
        }
    }
}

fn is_code(code: &str) -> bool {
    code.len() <= 32 && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

fn rooms(visitor: &Visitor, path: &str) -> Markup {
    let here = path.split('/').find(|p| !p.is_empty()).unwrap_or_default();
    let open = all_rooms().filter(|r| may_enter(r, visitor)).filter_map(|r| Some((r.at, r.title?)));
    html! {
        nav.rooms aria-label=(say(("各处", "rooms"))) {
            @for (at, title) in open {
                a href={ "/" (at) } aria-current=[(at == here).then_some("page")] { (bi(title)) }
            }
        }
    }
}

/// The one box to search everything from; `/` leads to it.
fn search(visitor: &Visitor) -> Markup {
    let may = all_rooms().any(|r| r.at == "search" && may_enter(r, visitor));
    html! {
        @if may {
            form.find role="search" method="get" action="/search" {
                input type="search" name="q" maxlength="200" placeholder=(say(("搜索 /", "search /"))) aria-label=(say(("搜索", "search"))) data-key="/";
            }
        }
    }
}

fn who(visitor: &Visitor) -> Markup {
    html! {
        div.who {
            span { (shown(&visitor.name)) " " span.sub.inline { (bi(words::role(visitor.subject.role))) } }
            form method="post" action="/logout" { button.plain type="submit" { (bi(("退出", "sign out"))) } }
        }
    }
}

fn languages(now: Lang, path: &str) -> Markup {
    let back: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
    html! {
        nav.lang aria-label="语言 language" {
            @for lang in Lang::ALL {
                @let name = match lang { Lang::Zh => "中文", Lang::En => "EN", Lang::Both => "中/EN" };
                @if lang == now { strong { (name) } }
                @else { a href={ "/lang/" (lang.id()) "?back=" (back) } rel="nofollow" { (name) } }
            }
        }
    }
}

fn message(title: Words, content: Markup) -> Page {
    let content = html! {
        section.message {
            h1 { (bi(title)) }
            (content)
            p { a href="/" { (bi(("返回首页", "back to the start"))) } }
        }
    };
    Page { title, live: false, content }
}

fn missing() -> Page {
    let words = ("地址不对,或者没有这一项。", "The address is wrong, or there is no such thing.");
    message(("没有这个页面", "No such page"), html! { p { (bi(words)) } })
}

fn refused(why: &str, path: &str) -> Page {
    let content = html! {
        p.refused role="alert" { (shown(why)) }
        p { (bi(("什么都没有改动。", "Nothing was changed."))) }
        p { a href=(path) { (bi(("回到上一页", "back to that page"))) } }
    };
    message(("没有办成", "Not done"), content)
}

fn unreadable() -> Page {
    let words = (
        "读不到数据。请稍后再试;仍不行请联系维护人员。",
        "The data cannot be read now. Try again later, then call support.",
    );
    message(("暂时无法读取", "Cannot be read now"), html! { p { (bi(words)) } })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn around(path: &str) -> Around<'_> {
        Around { visitor: None, path, done: None, now: TimeMs(0) }
    }

    #[test]
    fn answers_become_responses() {
        let made = response(Ok(Answer::SeeOther("/orders/1?done=sent".into())), &around("/x"));
        assert_eq!((made.status, made.headers[0].1.as_str()), (303, "/orders/1?done=sent"));
        let file = Answer::File { name: "a\"\r\nb.csv".into(), media_type: "text/csv", bytes: vec![1] };
        let made = response(Ok(file), &around("/x"));
        assert_eq!(made.headers[1].1, "attachment; filename=\"a___b.csv\"");
        let made = response(Ok(Answer::Refused("<b>已签收 / taken".into())), &around("/x"));
        let html = String::from_utf8(made.body).unwrap();
        assert_eq!(made.status, 422);
        assert!(html.contains("&lt;b&gt;已签收") && html.contains("什么都没有改动"));
    }

    #[test]
    fn what_was_done_is_said_once_and_only_in_known_form() {
        let page = || Answer::Page(Page { title: ("甲", "a"), live: false, content: html! {} });
        for (code, seen) in [("saved", true), ("<script>", false), ("a b", false)] {
            let made = response(Ok(page()), &Around { done: Some(code), ..around("/") });
            assert_eq!(String::from_utf8(made.body).unwrap().contains("class=\"done\""), seen, "{code}");
        }
    }
}
