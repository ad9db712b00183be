//! Staff: who there is, which rights they hold from when to when, whether they may sign in.
//!
//! Invariant: rights change only by grants with dates; what ended stays in the list. Rejected:
//! deleting a person, whose entries would then be by nobody.

use super::{button, page, qr};
use crate::{
    Headquarters, HqError,
    console::{
        Sources, alarms,
        forms::unclear,
        names::Names,
        parts::{Row, bi, none, say, shown, table, when},
        web::{Answer, Ask},
        words,
    },
    people, store,
};
use chrono::NaiveDate;
use lanewalk_model::{
    access::Action,
    staff::{Grant, Role},
    time::TimeMs,
};
use maud::{Markup, html};

/// Shows the list, or one person: `/staff/{id}`.
pub(in crate::console) fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    if !ask.may(Action::ManageStaff) {
        return Ok(Answer::Missing);
    }
    match ask.parts().as_slice() {
        [_] => list(from, ask),
        [_, id] => person(from, id, ask.now),
        _ => Ok(Answer::Missing),
    }
}

fn list(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    let accounts = people::accounts(from.db)?;
    let mut statement = from.db.prepare("SELECT id FROM staff ORDER BY role, id")?;
    let ids = statement.query_map([], |r| r.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut rows: Vec<Row> = Vec::new();
    for id in &ids {
        let Some((subject, name)) = store::subject(from.db, id)? else { continue };
        let held = subject.grids_at(ask.now);
        let account = accounts.iter().find(|a| a.staff == *id);
        rows.push(Row::from(vec![
            html! { a.title href={ "/staff/" (id) } { (shown(&name)) } span.sub { span.id { (id) } } },
            bi(words::role(subject.role)),
            html! { @if held.is_empty() { strong.soon { (bi(("没有权限", "no rights"))) } } @else { span.id { (held.join(" ")) } } },
            match account {
                None => none(),
                Some(a) if !a.active => html! { span.tag { (bi(("停用", "off"))) } },
                Some(a) if !a.has_password => html! { span.tag.ask { (bi(("未设密码", "no password yet"))) } },
                Some(a) => html! { (bi(("在用", "in use"))) @if a.admin { " " span.tag { (bi(("管理员", "administrator"))) } } },
            },
        ]));
    }
    let heads = [("姓名", "name"), ("角色", "role"), ("网格或科室", "grids or unit"), ("账号", "account")];
    let content = html! {
        h1 { (bi(("人员", "Staff"))) }
        (alarms::section(from.db, ask, &Names::of_staff(from.db)?)?)
        (table(html! { (bi(("人员", "Staff"))) " " span.count { (rows.len()) } }, &heads, &rows, 0, ("没有人员", "nobody")))
        section {
            h2 { (bi(("添加或改名", "Add or rename"))) }
            form.panel method="post" action="/staff" {
                p { label for="id" { (bi(("工号(英文字母、数字)", "Staff id, ASCII"))) } input #id name="id" required maxlength="32" pattern="[A-Za-z0-9._-]+" autocomplete="off"; }
                p { label for="name" { (bi(("姓名", "Name"))) } input #name name="name" required maxlength="60" autocomplete="off"; }
                p { label for="role" { (bi(("角色", "Role"))) } (role_select()) }
                p { button type="submit" name="act" value="add" { (bi(("保存", "Save"))) } }
            }
        }
    };
    Ok(page(("人员", "Staff"), content))
}

fn role_select() -> Markup {
    html! {
        select #role name="role" required {
            @for role in Role::ALL { @if role != Role::System { option value=(role.id()) { (say(words::role(role))) } } }
        }
    }
}

fn person(from: &Sources<'_>, id: &str, now: TimeMs) -> Result<Answer, HqError> {
    let Some((subject, name)) = store::subject(from.db, id)? else { return Ok(Answer::Missing) };
    let account = people::accounts(from.db)?.into_iter().find(|a| a.staff == id);
    let here = format!("/staff/{id}");
    let rows: Vec<Row> = subject
        .grants
        .iter()
        .map(|g| {
            let standing = g.stood_within(now, now);
            Row {
                class: if g.to.is_some_and(|to| to <= now) { "ended" } else { "" },
                cells: vec![
                    html! { span.id { (shown(&g.grid)) } },
                    bi(words::role(g.role)),
                    when(g.from.0),
                    g.to.map_or_else(|| bi(("长期", "open"))  , |to| when(to.0)),
                    if standing {
                        html! { form method="post" action=(here) {
                            input type="hidden" name="grid" value=(g.grid);
                            button.plain type="submit" name="act" value="end" { (bi(("现在收回", "end now"))) }
                        } }
                    } else { none() },
                ],
            }
        })
        .collect();
    let heads = [("网格或科室", "grid or unit"), ("角色", "role"), ("从", "from"), ("到", "to"), ("", "")];
    let active = account.as_ref().is_some_and(|a| a.active);
    let content = html! {
        p.crumb { a href="/staff" { "← " (bi(("人员", "staff"))) } }
        h1 { (shown(&name)) " " span.id { (id) } }
        p.lead { (bi(words::role(subject.role))) }
        section {
            (table(bi(("权限", "Rights")), &heads, &rows, 0, ("没有权限", "no rights")))
            form.panel method="post" action=(here) {
                div.row {
                    p { label for="grid" { (bi(("网格(15 位)、科室或 *", "Grid of 15 digits, unit, or *"))) } input #grid name="grid" required maxlength="64" autocomplete="off"; }
                    p { label for="from" { (bi(("从(空:现在)", "from, empty: now"))) } input #from name="from" type="date"; }
                    p { label for="to" { (bi(("到当天结束(空:长期)", "to the end of, empty: open"))) } input #to name="to" type="date"; }
                    p { button type="submit" name="act" value="grant" { (bi(("给予权限", "Grant"))) } }
                }
            }
        }
        section {
            h2 { (bi(("登录", "Signing in"))) }
            div.row {
                @if account.as_ref().is_some_and(|a| a.admin) {
                    form.row method="post" action=(here) {
                        p { label for="proof" { (bi(("这是管理员账号:请输入您自己的动态码", "An administrator's account: type a code of your own app"))) } input #proof name="proof" inputmode="numeric" required maxlength="9" autocomplete="one-time-code"; }
                        p { button.second type="submit" name="act" value="code" { (bi(("给新的密码设置码", "new code for a password"))) } }
                    }
                } @else { (button(&here, "code", if account.is_some() { ("给新的密码设置码", "new code for a password") } else { ("开设账号", "make an account") }, "second")) }
                @if account.is_some() {
                    @if active { (button(&here, "off", ("停用账号", "switch off"), "danger")) } @else { (button(&here, "on", ("启用账号", "switch on"), "second")) }
                    (button(&here, "everywhere", ("退出所有浏览器", "sign out everywhere"), "second"))
                }
            }
        }
        section {
            h2 { (bi(("手机", "Phone"))) }
            (button(&here, "invite", ("登记一部手机", "enrol a phone"), "second"))
            p { a href="/devices" { (bi(("全部设备", "all devices"))) } }
        }
    };
    Ok(page(("人员", "Staff"), content))
}

/// Reads a day as its first moment in China.
fn day(text: &str) -> Option<i64> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis() - 8 * 3_600_000)
}

/// Acts on staff.
pub(in crate::console) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    if !ask.may(Action::ManageStaff) {
        return Ok(Answer::Missing);
    }
    let by = ask.visitor.subject.worker.as_str();
    let (act, field) =
        (ask.form.get("act").unwrap_or_default(), |name| ask.form.get(name).unwrap_or_default());
    let parts = ask.parts();
    let [_, id] = parts.as_slice() else {
        if act != "add" {
            return Ok(unclear());
        }
        let role = Role::from_id(field("role")).filter(|r| *r != Role::System);
        let Some(role) = role else {
            return Ok(Answer::Refused("没有这个角色 / no such role".into()));
        };
        if field("name").is_empty()
            || !field("id").bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        {
            return Ok(Answer::Refused(
                "工号只用英文字母和数字,姓名不能空 / id of ASCII letters and digits, and a name".into(),
            ));
        }
        if field("id") == by {
            return Ok(not_oneself());
        }
        hq.put_staff(field("id"), field("name"), role)?;
        hq.note_act(by, "put_staff", field("id"), &ask.visitor.session)?;
        return Ok(Answer::SeeOther(format!("/staff/{}?done=saved", field("id"))));
    };
    let Some(subject) = hq.subject(id)? else { return Ok(Answer::Missing) };
    let back = |code: &str| Ok(Answer::SeeOther(format!("/staff/{id}?done={code}")));
    // No right to any order follows from managing accounts, so nobody gives rights to oneself.
    if *id == by && matches!(act, "grant" | "code") {
        return Ok(not_oneself());
    }
    match act {
        "grant" => {
            let from = if field("from").is_empty() { Some(ask.now.0) } else { day(field("from")) };
            let to = if field("to").is_empty() {
                Some(None)
            } else {
                day(field("to")).map(|t| Some(t + 86_400_000))
            };
            let (Some(from), Some(to)) = (from, to) else {
                return Ok(Answer::Refused("日期不对 / no such date".into()));
            };
            let grid = field("grid");
            let plain = grid == "*"
                || !grid.is_empty() && grid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            if !plain || to.is_some_and(|to| to <= from) {
                return Ok(Answer::Refused(
                    "网格写法不对,或结束早于开始 / no such grid, or it ends before it begins".into(),
                ));
            }
            let grant =
                Grant { grid: grid.into(), role: subject.role, from: TimeMs(from), to: to.map(TimeMs) };
            hq.grant_by(id, &grant, ask.by())?;
            back("granted")
        }
        "end" => {
            hq.end_grant_by(id, field("grid"), ask.now, ask.by())?;
            back("ended")
        }
        "code" => {
            // The code opens an administrator's account to whoever holds it.
            if people::accounts(hq.reader())?.iter().any(|a| a.staff == *id && a.admin) {
                hq.prove(by, None, field("proof"))?;
            }
            let code = hq.account_code(id, None, by)?;
            Ok(page(
                ("设置码", "Code"),
                html! {
                    p.crumb { a href={ "/staff/" (id) } { "← " (id) } }
                    h1 { (bi(("密码设置码", "Code to set a password"))) }
                    p { (bi(("只显示这一次,三天内一次有效。请当面交给本人,本人在登录页设置密码。", "Shown only now, good once within three days. Hand it over in person; it is typed on the sign-in page."))) }
                    p.secret { (code) }
                },
            ))
        }
        "invite" => {
            let invitation = hq.invite_by(id, ask.by())?;
            Ok(page(
                ("登记手机", "Enrol a phone"),
                html! {
                    p.crumb { a href={ "/staff/" (id) } { "← " (id) } }
                    h1 { (bi(("登记手机", "Enrol a phone"))) }
                    p { (bi(("用本人的手机扫一扫,十分钟内一次有效。", "Scan with the person's phone; good once within ten minutes."))) }
                    (qr(&invitation.to_text()))
                    p { (bi(("到", "until"))) " " (when(invitation.expires_at)) }
                },
            ))
        }
        "off" => hq.set_active(id, false, by).and_then(|()| back("saved")),
        "on" => hq.set_active(id, true, by).and_then(|()| back("saved")),
        "everywhere" => hq.sign_out_everywhere(id, by).and_then(|()| back("saved")),
        _ => Ok(unclear()),
    }
}
fn not_oneself() -> Answer {
    Answer::Refused(
        "不能给自己改角色、权限或设置码,请另一位管理员办理 / not for oneself: ask another administrator"
            .into(),
    )
}
