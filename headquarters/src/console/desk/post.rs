//! A form at an order becomes an act.

use super::{
    super::{
        forms::unclear,
        order_id, people,
        web::{Answer, Ask, Fields},
    },
    address, done,
};
use crate::{error::HqError, hq::Headquarters};
use lanewalk_model::{
    access::Action,
    deadline::{Minute, china_time},
    id::DocId,
    order::{Act, Destination},
    records::{CallbackRecord, LiaisonRecord, ProposalKind, ProposalRecord},
    time::TimeMs,
};

/// Answers a POST to `/orders/{id}/{act}`.
pub(in crate::console) fn post(hq: &mut Headquarters, ask: &Ask) -> Result<Answer, HqError> {
    let parts = ask.parts();
    let [_, id, what] = parts.as_slice() else { return Ok(Answer::Missing) };
    let Some(order) = order_id(id) else { return Ok(Answer::Missing) };
    // Before any form is read: who does not see the order is told the same as if there were none.
    let Some(view) = hq.document(order)? else { return Ok(Answer::Missing) };
    if ask.sight(Action::ReadOrder, &view).is_none() {
        return Ok(Answer::Missing);
    }
    let by = ask.visitor.subject.worker.as_str();
    let form = &ask.form;
    let reason = form.get("reason").unwrap_or_default();
    match act(what, form) {
        Read::Act(act) => return done(hq.perform(by, order, &act, reason), address(order), what),
        Read::Unclear => return Ok(unclear()),
        Read::NoAct => {}
    }
    match *what {
        "decide" => {
            let (Some(event), Some(verdict)) = (form.get("event"), form.get("verdict")) else {
                return Ok(unclear());
            };
            let words = form.get("words").unwrap_or_default();
            let accept = verdict == "accept";
            let judged = hq.decide(order, event, accept, by, words)?;
            // A refusal that the person gave is what was asked for.
            let judged = judged.filter(|r| accept || *r != lanewalk_model::order::Refusal::RefusedByPerson);
            done(Ok(judged), address(order), "decide")
        }
        "propose" => match proposal(form) {
            Some(record) => done(hq.propose(by, order, &record), address(order), "propose"),
            None => Ok(unclear()),
        },
        "reply" => with_text(form, "reply", |text| hq.reply(by, order, text), order),
        "note" => with_text(form, "text", |text| hq.note(by, order, text), order),
        "contact" => {
            let Some(reached) = yes_no(form, "reached") else { return Ok(unclear()) };
            let note = form.get("note").unwrap_or_default();
            done(hq.contact(by, order, reached, note), address(order), "contact")
        }
        "finding" => {
            let (Some(number), Some(date)) = (form.get("number"), day(form, "date")) else {
                return Ok(unclear());
            };
            with_text(form, "text", |text| hq.finding(by, order, number, date, text), order)
        }
        "liaison" => {
            let (Some(body), Some(date)) = (form.get("body"), day(form, "date")) else {
                return Ok(unclear());
            };
            let number = form.get("number").unwrap_or_default().to_owned();
            let write = |text: &str| {
                let (body, text) = (body.to_owned(), text.to_owned());
                hq.liaison_reply(by, order, LiaisonRecord { body, number, date, text, at: TimeMs(0) })
            };
            with_text(form, "text", write, order)
        }
        "resolve" => {
            let (Some(doc), Some(key), Some(value)) = (form.get("doc"), form.get("key"), form.get("value"))
            else {
                return Ok(unclear());
            };
            let Ok(doc) = doc.parse::<DocId>() else { return Ok(unclear()) };
            done(hq.resolve(by, order, doc, key, value), address(order), "resolve")
        }
        "reveal" => people::reveal::post(hq, ask),
        _ => Ok(Answer::Missing),
    }
}

fn with_text(
    form: &Fields,
    name: &str,
    write: impl FnOnce(&str) -> Result<Option<lanewalk_model::order::Refusal>, HqError>,
    order: DocId,
) -> Result<Answer, HqError> {
    match form.get(name) {
        Some(text) => done(write(text), address(order), "kept"),
        None => Ok(unclear()),
    }
}

/// What a form says about an act of [`Act`].
enum Read {
    Act(Act),
    /// Of an act, but something lacks.
    Unclear,
    /// Of something else.
    NoAct,
}

/// Reads which act a form is about.
fn act(what: &str, form: &Fields) -> Read {
    Read::Act(match what {
        "accept" => Act::Accept,
        "triage" => Act::ToTriage,
        "dispatch" => Act::Dispatch(Destination {
            lead_unit: form.get("lead").unwrap_or_default().to_owned(),
            support_units: form.all("support").map(str::to_owned).collect(),
            grid: form.get("grid").unwrap_or_default().to_owned(),
            matter_code: form.get("matter").map(str::to_owned),
            site_check_planned: form.get("site_check").is_some(),
        }),
        "urgency" => match yes_no(form, "urgent") {
            Some(urgent) => Act::Urgency(urgent),
            None => return Read::Unclear,
        },
        "chase" => Act::Chase,
        "supervise" => Act::Supervise,
        "resume" => Act::Resume,
        "pass" => Act::Pass,
        "send_back" => Act::SendBack,
        "callback" => {
            let Some(reached) = yes_no(form, "reached") else { return Read::Unclear };
            // Nobody who was not reached has answered.
            let answer = |name| yes_no(form, name).filter(|_| reached);
            Act::Callback(CallbackRecord {
                at: TimeMs(0),
                round: 0,
                reached,
                process_satisfied: answer("process"),
                result_satisfied: answer("result"),
                resolved: answer("resolved"),
                note: form.get("note").unwrap_or_default().to_owned(),
            })
        }
        "close" => Act::Close,
        "rework" => Act::Rework,
        "clear" => Act::Clear,
        _ => return Read::NoAct,
    })
}

fn proposal(form: &Fields) -> Option<ProposalRecord> {
    let kind = form.get("kind")?;
    let kind: ProposalKind = serde_json::from_value(serde_json::Value::String(kind.to_owned())).ok()?;
    let version = form.get("version")?.parse().ok()?;
    let text = |name| form.get(name).map(str::to_owned);
    Some(ProposalRecord {
        outcome: text("outcome"),
        extend_days: form.get("days").and_then(|d| d.parse().ok()),
        to: text("to"),
        ground: text("ground"),
        evidence: text("evidence"),
        review_at: day(form, "review"),
        ..ProposalRecord::new(kind, version, form.get("reason").unwrap_or_default())
    })
}

fn yes_no(form: &Fields, name: &str) -> Option<bool> {
    match form.get(name)? {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// Reads a day; it begins at midnight in China.
fn day(form: &Fields, name: &str) -> Option<TimeMs> {
    let date = form.get(name)?.parse().ok()?;
    Some(china_time(date, Minute::new(0, 0).ok()?))
}
