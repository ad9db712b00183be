//! What every page has around it, and what an answer becomes on the wire.
//!
//! Invariant: the navigation shows only rooms that the visitor may enter. A missing thing, a room
//! that is closed to the visitor and a path that leads nowhere give the same bytes. Rejected:
//! "no permission" pages, which tell that something is there.

use super::{
    assets::{ICON, SCRIPT, STYLE},
    lang::Lang,
    may_enter,
    parts::{bi, say, shown, when},
    rooms as all_rooms,
    web::{self, Answer, Ask, Fields, Page, Response, Visitor},
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
    /// What was typed, so that a refusal loses nothing; nobody's form for a GET.
    pub(super) typed: Option<&'a Fields>,
    /// The moment.
    pub(super) now: TimeMs,
}

/// Rooms by what people go there for, each with the letter that leads there after `g`. A room that
/// is not here is in no navigation.
const GROUPS: [(Words, &[(&str, &str)]); 3] = [
    (("办理", "Work"), &[("", "b"), ("intake", "n"), ("appeals", "a"), ("watch", "w")]),
    (
        ("统筹", "Steer"),
        &[
            ("map", "m"),
            ("ahead", "f"),
            ("clusters", "c"),
            ("taskforces", "t"),
            ("kb", "k"),
            ("figures", "i"),
        ],
    ),
    (
        ("管理", "Manage"),
        &[
            ("catalogue", "l"),
            ("exchange", "x"),
            ("same", "e"),
            ("staff", "p"),
            ("devices", "d"),
            ("audit", "r"),
            ("keeping", "y"),
            ("settings", "s"),
        ],
    ),
];

impl<'a> Around<'a> {
    /// Reads it from a request.
    pub(super) fn of(ask: &'a Ask) -> Self {
        let (typed, done) = (Some(&ask.form), ask.query.get("done"));
        Self { visitor: Some(&ask.visitor), path: &ask.path, done, typed, now: ask.now }
    }
}

/// Turns an answer into bytes with status and headers.
pub(super) fn response(answer: Result<Answer, HqError>, around: &Around<'_>) -> Response {
    let nowhere = Around { path: "/", done: None, typed: None, ..*around };
    let html_in = |around: &Around<'_>, status, page: Page| Response {
        status,
        headers: vec![("content-type", "text/html; charset=utf-8".into())],
        body: frame(&page, around).into_string().into_bytes(),
    };
    let html = |status, page| html_in(around, status, page);
    match answer {
        Ok(Answer::Page(page)) => html(200, page),
        Ok(Answer::Map(page, origin)) => {
            let mut made = html(200, page);
            made.headers.push((web::POLICY, web::policy(Some(&origin))));
            made
        }
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
        Ok(Answer::Refused(why)) | Err(HqError::NotAllowed(why)) => html(422, refused(&why, around)),
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
                link rel="icon" type=(ICON.media_type) href=(ICON.address());
                link rel="stylesheet" href=(STYLE.address());
                script src=(SCRIPT.address()) defer {}
            }
            body.inside[around.visitor.is_some()] {
                a.skip href="#main" { (bi(("跳到内容", "skip to content"))) }
                header.top {
                    a.brand href=(around.visitor.map_or("/".to_owned(), |v| super::home(v, around.now))) { (bi(("走街串巷", "Lanewalk"))) }
                    @match around.visitor {
                        Some(visitor) => {
                            (search(visitor))
                            p.now { (when(around.now.0)) }
                            button.second.hint type="button" popovertarget="keys" title=(say(("键盘操作", "keys"))) { "?" }
                            button.second.menu type="button" popovertarget="rooms" { "☰ " (bi(("菜单", "menu"))) }
                        }
                        None => (languages(lang, around.path)),
                    }
                }
                @if let Some(visitor) = around.visitor { (rooms(visitor, around.path, lang)) (keys(visitor)) }
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

/// Lists the rooms of a group that a visitor may enter: path, letter, name.
fn open<'a>(group: &'a [(&str, &str)], visitor: &Visitor) -> Vec<(&'a str, &'a str, Words)> {
    let room = |at: &str| all_rooms().find(|r| r.at == at && may_enter(r, visitor));
    group.iter().filter_map(|(at, key)| Some((*at, *key, room(at)?.title?))).collect()
}

/// The rooms at the side; on a narrow screen behind a button.
fn rooms(visitor: &Visitor, path: &str, lang: Lang) -> Markup {
    let here = path.split('/').find(|p| !p.is_empty()).unwrap_or_default();
    html! {
        nav.rooms id="rooms" popover aria-label=(say(("各处", "rooms"))) {
            @for (title, group) in GROUPS {
                @let open = open(group, visitor);
                @if !open.is_empty() {
                    p.group { (bi(title)) }
                    ul {
                        @for (at, key, title) in open {
                            li { a href={ "/" (at) } data-go=(key) aria-current=[(at == here).then_some("page")] { (bi(title)) } }
                        }
                    }
                }
            }
            div.who {
                p { a href="/me" data-go="u" aria-current=[(here == "me").then_some("page")] { (shown(&visitor.name)) } span.sub { (bi(words::role(visitor.subject.role))) } }
                (languages(lang, path))
                form method="post" action="/logout" { button.plain type="submit" { (bi(("退出", "sign out"))) } }
            }
        }
    }
}

/// What the keys do.
fn keys(visitor: &Visitor) -> Markup {
    const KEYS: [(&str, Words); 6] = [
        ("/", ("搜索", "search")),
        ("j k", ("下一行、上一行", "next line, line before")),
        ("Enter", ("打开这一行", "open the line")),
        ("Esc", ("离开输入框,关闭窗口", "leave a field, close a window")),
        ("?", ("显示或关闭本说明", "show or close this")),
        ("g", ("再按下列字母,去那一处", "and then one of these letters: go there")),
    ];
    html! {
        div.keys id="keys" popover role="dialog" aria-label=(say(("键盘操作", "keys"))) {
            h2 { (bi(("键盘操作", "Keys"))) }
            dl {
                @for (key, title) in KEYS { div { dt { kbd { (key) } } dd { (bi(title)) } } }
            }
            dl.go {
                @for (at, key, title) in GROUPS.iter().flat_map(|(_, group)| open(group, visitor)) {
                    div { dt { kbd { "g" } " " kbd { (key) } } dd { a href={ "/" (at) } { (bi(title)) } } }
                }
                div { dt { kbd { "g" } " " kbd { "u" } } dd { a href="/me" { (bi(("我的账号", "my account"))) } } }
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

fn refused(why: &str, around: &Around<'_>) -> Page {
    let content = html! {
        p.refused role="alert" { (shown(why)) }
        p { (bi(("什么都没有改动。", "Nothing was changed."))) }
        @if let Some(typed) = around.typed { (typed_words(typed)) }
        p { a href=(page_of(around.path)) { (bi(("回到上一页", "back to that page"))) } }
    };
    message(("没有办成", "Not done"), content)
}

/// Fields that people write sentences into.
const SENTENCES: [&str; 8] = ["text", "reason", "words", "reply", "note", "body", "handover", "title"];

/// Gives back what somebody wrote, to copy: a refusal loses nothing.
fn typed_words(typed: &Fields) -> Markup {
    let kept: Vec<&str> = typed
        .0
        .iter()
        .filter(|(name, text)| SENTENCES.contains(&name.as_str()) && !text.trim().is_empty())
        .map(|(_, text)| text.as_str())
        .collect();
    html! {
        @if !kept.is_empty() {
            h2 { (bi(("您写的内容", "What you wrote"))) }
            @for text in kept { p.text.quote { (shown(text)) } }
        }
    }
}

/// Finds the page on which the form of a path stands.
fn page_of(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    match parts.as_slice() {
        ["orders", id, ..] => format!("/orders/{id}"),
        [room @ ("watch" | "catalogue" | "appeals" | "exchange"), ..] => format!("/{room}"),
        _ => path.to_owned(),
    }
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
        Around { visitor: None, path, done: None, typed: None, now: TimeMs(0) }
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
    fn a_refusal_gives_back_what_was_written_and_leads_to_the_form() {
        let typed = Fields(vec![("reason".into(), "<i>说明".into()), ("phone".into(), "138".into())]);
        let around = Around { typed: Some(&typed), ..around("/orders/00/accept") };
        let html = String::from_utf8(response(Ok(Answer::Refused("x".into())), &around).body).unwrap();
        assert!(
            html.contains("&lt;i&gt;说明") && !html.contains("138") && html.contains("href=\"/orders/00\"")
        );
    }

    #[test]
    fn every_room_with_a_name_is_in_one_group() {
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, g)| g.iter().map(|(at, _)| *at)).collect();
        for room in all_rooms().filter(|r| r.title.is_some()) {
            assert_eq!(grouped.iter().filter(|at| **at == room.at).count(), 1, "{}", room.at);
        }
        let mut keys: Vec<&str> = GROUPS.iter().flat_map(|(_, g)| g.iter().map(|(_, key)| *key)).collect();
        keys.push("u");
        keys.sort_unstable();
        assert!(keys.windows(2).all(|k| k[0] != k[1]), "{keys:?}");
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
