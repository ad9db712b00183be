//! The one window: a form for every matter, and the way to the CSV import.
//!
//! Invariant: only the clerk fills it in; what was typed stays until it is an order. The name and
//! the phone leave this page only towards headquarters' own tables.

use super::{
    forms::{Filled, faults_note},
    import,
    parts::{bi, say},
    photos::Sources,
    web::{Answer, Ask, Page, Room},
    words::{self, Words},
};
use crate::{
    config::{Source as _, SystemSource},
    desk::watch,
    error::HqError,
    hq::Headquarters,
    intake::{CHANNELS, Fault, Form, KINDS, NOT_LISTED, catalogue, cells},
};
use lanewalk_model::{
    catalog::Catalog,
    id::{from_hex, to_hex},
    staff::Role,
};
use maud::{Markup, html};
use rusqlite::Connection;

/// The room's title.
const TITLE: Words = ("登记诉求", "New appeal");

/// `/intake` and `/intake/import`.
pub(super) const ROOM: Room =
    Room { at: "intake", title: Some(TITLE), who: Role::HotlineClerk.bit(), get, post };

fn get(from: &Sources<'_>, ask: &Ask) -> Result<Answer, HqError> {
    match ask.parts().as_slice() {
        ["intake"] => Ok(form_page((from.db, ask), &|name| ask.query.get(name), &[], &fresh_token())?),
        ["intake", "import"] => import::get(from, ask),
        _ => Ok(Answer::Missing),
    }
}

fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    match ask.parts().as_slice() {
        ["intake"] => take(hq, ask),
        ["intake", "import"] => import::post(hq, ask),
        _ => Ok(Answer::Missing),
    }
}

fn take(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let get = |name: &str| ask.form.get(name);
    let token = get("token").and_then(from_hex::<16>);
    let read = Form::read(get, ask.now);
    let (form, token) = match (read, token) {
        (Ok(form), Some(token)) => (form, token),
        (read, token) => {
            // A form without a token was not made here; it is shown again with one.
            let token = token.map_or_else(fresh_token, |t| to_hex(&t));
            return form_page((hq.reader(), ask), &get, &read.err().unwrap_or_default(), &token);
        }
    };
    match hq.take_form(&form, token, &ask.visitor.subject.worker)? {
        Ok(order) => Ok(Answer::SeeOther(format!("/orders/{}", to_hex(&order.uuid)))),
        Err(faults) => form_page((hq.reader(), ask), &get, &faults, &to_hex(&token)),
    }
}

/// Draws a token for one form. Not of the snapshot: two pages must never share one.
fn fresh_token() -> String {
    let mut token = [0; 16];
    SystemSource.fill_random(&mut token);
    to_hex(&token)
}

fn form_page<'a>(
    (db, ask): (&Connection, &Ask),
    get: &'a dyn Fn(&str) -> Option<&'a str>,
    faults: &'a [Fault],
    token: &str,
) -> Result<Answer, HqError> {
    let filled = Filled { get, faults };
    let catalog = catalogue(db)?.catalog;
    // R23: whoever is not on watch takes in, and the watch accepts.
    let accepts = watch::on_watch(db)?.is_some_and(|w| w.person == ask.visitor.subject.worker);
    let press = if accepts { ("登记并接单", "take in and accept") } else { ("登记", "take in") };
    let content = html! {
        h1 { (bi(TITLE)) }
        p.sub { a href="/intake/import" { (bi(("从 CSV 文件导入", "import from a CSV file"))) } " · " a href="/appeals" { (bi(("网格收集的诉求", "appeals from the grid"))) } }
        (faults_note(faults))
        form.panel method="post" action="/intake" {
            input type="hidden" name="token" value=(token);
            (fields(&filled, &catalog, &cells(db)?))
            @if !accepts { p { (bi(("您不在值班:登记后由值班人员接单。", "You are not on watch: whoever is will accept it."))) } }
            div.buttons { button type="submit" { (bi(press)) } }
        }
    };
    Ok(Answer::Page(Page { title: TITLE, live: false, content }))
}

fn fields(filled: &Filled<'_>, catalog: &Catalog, cells: &[(String, String)]) -> Markup {
    let named = |field: &str, ids: &[&str]| -> Vec<(String, Markup)> {
        let name = |id: &str| words::value(field, id).map_or_else(|| html! { (id) }, plain);
        ids.iter().map(|id| ((*id).to_owned(), name(id))).collect()
    };
    let grids: Vec<_> = std::iter::once((String::new(), plain(("不清楚", "not known"))))
        .chain(cells.iter().map(|(id, name)| (id.clone(), html! { (name) " " (id) })))
        .collect();
    html! {
        fieldset {
            legend { (bi(("怎么来的", "How it came"))) }
            (filled.choice("channel", ("渠道", "channel"), &named("channel", &CHANNELS)))
            (filled.choice("kind", ("诉求类型", "kind of appeal"), &named("appeal_kind", &KINDS)))
            (filled.line("reported_at", ("反映时间（空为现在）", "time of report; empty: now"), "datetime-local", 19, false))
        }
        fieldset {
            legend { (bi(("什么事", "What it is"))) }
            (filled.area("text", ("诉求内容", "what was said"), 6, 4_000, true))
            (filled.line("address", ("地址", "place"), "text", 200, true))
            (filled.choice("grid", ("网格", "grid"), &grids))
            (matter_choice(filled, catalog))
            (filled.check("urgent", ("紧急", "urgent")))
        }
        fieldset {
            legend { (bi(("谁反映的（只留在总部）", "Who reports; stays at headquarters"))) }
            (filled.line("requester_name", ("姓名", "name"), "text", 50, false))
            (filled.line("requester_phone", ("电话", "phone"), "tel", 30, false))
            (filled.check("secrecy", ("要求保密", "asks for confidence")))
        }
        fieldset {
            legend { (bi(("上级工单", "Upstream order"))) }
            (filled.line("upstream_id", ("上级编号", "upstream id"), "text", 64, false))
            (filled.line("upstream_due", ("上级时限", "upstream due time"), "datetime-local", 19, false))
        }
    }
}

/// The matter: one of the catalogue, or none that fits.
pub(super) fn matter_choice(filled: &Filled<'_>, catalog: &Catalog) -> Markup {
    let none = (NOT_LISTED.to_owned(), plain(("清单中没有（转研判）", "not listed: to triage")));
    let listed = catalog
        .matters
        .iter()
        .map(|m| (m.matter_code.clone(), html! { (super::parts::named(&m.name_zh, &m.name_en)) }));
    let options: Vec<_> = std::iter::once(none).chain(listed).collect();
    filled.choice("matter", ("事项", "matter"), &options)
}

/// Options hold no markup, so the words stand as one text.
pub(super) fn plain(words: Words) -> Markup {
    html! { (say(words)) }
}

/// Shows why the rules refuse an act, in the words of the rule.
pub(super) fn refused(error: HqError) -> Result<Answer, HqError> {
    match error {
        HqError::NotAllowed(words) => Ok(Answer::Refused(words)),
        HqError::NotFound(_) => Ok(Answer::Missing),
        other => Err(other),
    }
}
