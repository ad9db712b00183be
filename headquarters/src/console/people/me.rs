//! The own account: sessions, authenticator app.
//!
//! Invariant: every act is about the visitor's own account; binding another app takes the password,
//! and the app that is bound. Rejected: changing a password here
//! without a code; a desk left open would be enough to take an account over.

use super::{button, page, qr};
use crate::{
    Headquarters, HqError,
    console::{
        Sources,
        forms::unclear,
        parts::{Row, bi, shown, table, when},
        web::{Answer, Ask},
        words,
    },
    people,
};
use maud::html;

/// Shows the own account.
pub(in crate::console) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    if ask.parts().len() != 1 {
        return Ok(Answer::Missing);
    }
    let staff = &ask.visitor.subject.worker;
    let account = people::accounts(from.db)?.into_iter().find(|a| a.staff == *staff);
    let rows: Vec<Row> = people::sessions_of(from.db, staff)?
        .iter()
        .map(|s| {
            Row::from(vec![
                html! { (when(s.made_at)) @if s.id == ask.visitor.session { " " span.tag { (bi(("本次", "this one"))) } } },
                when(s.seen_at),
                html! { span.id { (shown(&s.address)) } },
                shown(&s.agent),
            ])
        })
        .collect();
    let heads =
        [("登录", "signed in"), ("最近使用", "last used"), ("地址", "address"), ("浏览器", "browser")];
    let bound = account.as_ref().is_some_and(|a| a.has_totp);
    let needs_app = account.as_ref().is_some_and(|a| a.admin && !a.has_totp);
    Ok(page(
        ("我的账号", "My account"),
        html! {
            h1 { (shown(&ask.visitor.name)) " " span.id { (shown(staff)) } }
            p.lead { (bi(words::role(ask.visitor.subject.role))) }
            @if ask.visitor.subject.grids_at(ask.now).is_empty() {
                p { strong.soon { (bi(("您现在没有任何权限,请联系管理员。", "You hold no right now; ask an administrator."))) } }
            } @else {
                p { (bi(words::work(ask.visitor.subject.role))) }
            }
            section {
                h2 { (bi(("动态码", "Authenticator app"))) }
                @if needs_app { p { strong.soon { (bi(("管理员绑定动态码后才有管理权限。", "An administrator has no powers before an app is bound."))) } } }
                @if bound { p { (bi(("已绑定", "bound"))) } }
                form.panel method="post" action="/me" {
                    div.row {
                        p { label for="password" { (bi(("现在的密码", "Present password"))) } input #password name="password" type="password" required autocomplete="current-password"; }
                        @if bound { p { label for="present" { (bi(("现在的动态码", "Code of the present app"))) } input #present name="present" inputmode="numeric" required maxlength="9" autocomplete="one-time-code"; } }
                        p { button.second type="submit" name="act" value="totp" { (bi(("绑定新的动态码", "bind an app"))) } }
                    }
                    @if bound { p { (bi(("手机丢了、没有动态码时,请系统管理员在服务器上解除。", "Without the phone, whoever runs the server can unbind it there."))) } }
                }
            }
            section {
                (table(bi(("登录中的浏览器", "Signed in")), &heads, &rows, 0, ("没有", "none")))
                (button("/me", "everywhere", ("全部退出", "sign out everywhere"), "danger"))
            }
        },
    ))
}

/// Acts on the own account.
pub(in crate::console) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let staff = &ask.visitor.subject.worker;
    if ask.parts().len() != 1 {
        return Ok(Answer::Missing);
    }
    match ask.form.get("act") {
        Some("everywhere") => {
            hq.sign_out_everywhere(staff, staff)?;
            Ok(Answer::SeeOther("/login".into()))
        }
        Some("totp") => {
            let field =
                |name: &str| ask.form.0.iter().find(|(k, _)| k == name).map_or("", |(_, v)| v.as_str());
            let (text, secret) = hq.offer_totp(staff, field("password"), field("present"))?;
            Ok(page(
                ("绑定动态码", "Bind an app"),
                html! {
                    h1 { (bi(("绑定动态码", "Bind an app"))) }
                    p { (bi(("用手机上的动态码应用扫一扫,再输入它显示的 6 位数字。", "Scan this with an authenticator app, then type the six digits it shows."))) }
                    (qr(&text))
                    p { (bi(("或手工输入", "or type"))) " " span.secret { (secret) } }
                    form.panel method="post" action="/me" {
                        p { label for="code" { (bi(("6 位数字", "Six digits"))) } input #code name="code" inputmode="numeric" required maxlength="9" autocomplete="one-time-code"; }
                        p { button type="submit" name="act" value="confirm" { (bi(("确认", "Confirm"))) } }
                    }
                },
            ))
        }
        Some("confirm") => {
            hq.confirm_totp(staff, ask.form.get("code").unwrap_or_default())?;
            Ok(Answer::SeeOther("/me?done=bound".into()))
        }
        _ => Ok(unclear()),
    }
}
