//! The door: pages for somebody who is not signed in.
//!
//! Invariant: they say nothing of who has an account. Rejected: a page of its own for the second
//! factor, which would tell that the password was right.

use super::{
    frame::{self, Around},
    lang::Lang,
    parts::{bi, both, shown},
    web::{Answer, Page, Response, own_path},
};
use crate::people::Entered;
use lanewalk_model::time::TimeMs;
use maud::{Markup, html};

fn made(lang: Lang, now: TimeMs, path: &str, status: u16, page: impl FnOnce() -> Page) -> Response {
    lang.speak(|| {
        let around = Around { visitor: None, path, done: None, typed: None, now };
        Response { status, ..frame::response(Ok(Answer::Page(page())), &around) }
    })
}

/// Makes the page to sign in on; `next` is where it leads, `refused` why it did not.
pub fn login(lang: Lang, now: TimeMs, next: &str, refused: Option<&Entered>) -> Response {
    let status = if refused.is_some() { 422 } else { 200 };
    made(lang, now, "/login", status, || {
        let why = refused.map(|why| match why {
            Entered::Wait(seconds) => both(
                format!("尝试太多,请 {seconds} 秒后再试"),
                format!("Too many attempts: try again in {seconds} s"),
            ),
            _ => bi(("工号、密码或动态码不对", "Wrong id, password or code")),
        });
        let content = html! {
            section.message {
                h1 { (bi(("登录", "Sign in"))) }
                @if let Some(why) = why { p.refused role="alert" { (why) } }
                form.panel method="post" action="/login" {
                    input type="hidden" name="next" value=(own_path(next));
                    p { label for="staff" { (bi(("工号", "Staff id"))) } input #staff name="staff" required maxlength="32" autocomplete="username" autocapitalize="none" spellcheck="false"; }
                    p { label for="password" { (bi(("密码", "Password"))) } input #password name="password" type="password" required autocomplete="current-password"; }
                    p { label for="code" { (bi(("动态码(管理员)", "Code of the app (administrators)"))) } input #code name="code" inputmode="numeric" maxlength="9" autocomplete="one-time-code"; }
                    p { button type="submit" { (bi(("登录", "Sign in"))) } }
                }
                p { a href="/password" { (bi(("第一次使用,或忘了密码:用设置码设密码", "First time here, or password forgotten: set one with a code"))) } }
            }
        };
        Page { title: ("登录", "Sign in"), live: false, content }
    })
}

/// Makes the page on which a person sets a password with a code.
pub fn password(lang: Lang, now: TimeMs, refused: Option<&str>) -> Response {
    let status = if refused.is_some() { 422 } else { 200 };
    made(lang, now, "/password", status, || {
        let content = html! {
            section.message {
                h1 { (bi(("设置密码", "Set a password"))) }
                @if let Some(why) = refused { p.refused role="alert" { (shown(why)) } }
                form.panel method="post" action="/password" {
                    p { label for="code" { (bi(("设置码(管理员给的,一次有效)", "Code from an administrator, good once"))) } input #code name="code" required maxlength="40" autocomplete="off" autocapitalize="characters" spellcheck="false"; }
                    (chosen())
                    p { button type="submit" { (bi(("保存", "Save"))) } }
                }
            }
        };
        Page { title: ("设置密码", "Set a password"), live: false, content }
    })
}

fn chosen() -> Markup {
    html! {
        p {
            label for="password" { (bi(("新密码,至少 8 个字符,一句话最好记", "New password, 8 characters or more; a sentence is easy to remember"))) }
            input #password name="password" type="password" required minlength="8" autocomplete="new-password";
        }
        p { label for="again" { (bi(("再输一次", "Once more"))) } input #again name="again" type="password" required minlength="8" autocomplete="new-password"; }
    }
}
