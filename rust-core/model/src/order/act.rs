//! What staff at headquarters do to an order by hand, and what the clock does.
//!
//! Invariant: an act is judged by the same table as proposals, from the order as it is now; it
//! yields the edits and the one step that goes into the order's log, or a refusal in words.
//! What needs the calendar or the catalogue (due times, owners) headquarters adds to the edits.
//! Rejected: a method per button at headquarters, each with checks of its own.

use super::{
    Refusal, State, TRANSITIONS, is_master, move_to, next_version, state,
    table::{CALLBACK, CLERK, LEADERS},
};
use crate::{
    document::Edit,
    privacy,
    records::{CallbackRecord, ProposalRecord, StepKind, StepRecord},
    staff::{Roles, Subject},
    time::TimeMs,
    view::DocView,
};

/// Attempts after which a requester who was never reached counts as called back \[P\].
const ENOUGH_ATTEMPTS: usize = 3;
/// On so many different days \[P\].
const ENOUGH_DAYS: usize = 2;

/// Where an order is sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Destination {
    /// Lead section (R28).
    pub lead_unit: String,
    /// Supporting sections.
    pub support_units: Vec<String>,
    /// Grid cell.
    pub grid: String,
    /// Matter, if the catalogue or the deputy leader named one.
    pub matter_code: Option<String>,
    /// Facts or responsibility are unclear and a site check is planned (R49).
    pub site_check_planned: bool,
}

/// An act at headquarters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// 接单 by the clerk on watch.
    Accept,
    /// 转研判 (R27).
    ToTriage,
    /// 派件.
    Dispatch(Destination),
    /// Changes the urgency.
    Urgency(bool),
    /// 催办.
    Chase,
    /// 督办.
    Supervise,
    /// Takes a parked order up again.
    Resume,
    /// Passes a submitted result on to the callback.
    Pass,
    /// Sends a submitted result back.
    SendBack,
    /// 回访, one attempt.
    Callback(CallbackRecord),
    /// 办结.
    Close,
    /// 重办.
    Rework,
    /// Clears the flags of unclear facts or responsibility (R49: only headquarters may).
    Clear,
    /// 归档.
    Archive,
}

/// What judging an act needs besides the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// HQ time.
    pub now: TimeMs,
    /// Why, in the actor's words.
    pub reason: String,
    /// The actor is on watch (R23).
    pub on_watch: bool,
    /// How many rows of the catalogue fit the order's matter.
    pub matches: usize,
    /// Who visited or called the requester for it.
    pub visitors: Vec<String>,
}

/// What an act makes of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Edits of the order, without the step.
    pub edits: Vec<Edit>,
    /// The step for its log.
    pub step: StepRecord,
}

impl Act {
    /// Returns the id used in addresses and forms.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::ToTriage => "triage",
            Self::Dispatch(_) => "dispatch",
            Self::Urgency(_) => "urgency",
            Self::Chase => "chase",
            Self::Supervise => "supervise",
            Self::Resume => "resume",
            Self::Pass => "pass",
            Self::SendBack => "send_back",
            Self::Callback(_) => "callback",
            Self::Close => "close",
            Self::Rework => "rework",
            Self::Clear => "clear",
            Self::Archive => "archive",
        }
    }

    /// Returns the state it leads to; `None` when the state stays.
    fn target(&self, order: &DocView) -> Option<State> {
        match self {
            // Nobody has an order that was parked before it was dispatched.
            Self::Resume if order.int("dispatched_at").is_none() => Some(State::Triage),
            Self::Accept => Some(State::Accepted),
            Self::ToTriage => Some(State::Triage),
            Self::Dispatch(_) => Some(State::Dispatched),
            Self::Resume | Self::SendBack | Self::Rework => Some(State::Handling),
            Self::Pass => Some(State::Callback),
            Self::Close => Some(State::Closed),
            Self::Archive => Some(State::Archived),
            Self::Urgency(_) | Self::Chase | Self::Supervise | Self::Callback(_) | Self::Clear => None,
        }
    }

    fn step(&self) -> StepKind {
        match self {
            Self::Accept => StepKind::Accepted,
            Self::ToTriage => StepKind::ToTriage,
            Self::Dispatch(_) => StepKind::Dispatched,
            Self::Urgency(_) => StepKind::Urgency,
            Self::Chase => StepKind::Chased,
            Self::Supervise => StepKind::Supervised,
            Self::Resume => StepKind::Resumed,
            Self::Pass => StepKind::ToCallback,
            Self::SendBack => StepKind::SentBack,
            Self::Callback(_) => StepKind::CalledBack,
            Self::Close => StepKind::Closed,
            Self::Rework => StepKind::Reworked,
            Self::Clear => StepKind::Cleared,
            Self::Archive => StepKind::Archived,
        }
    }

    /// Who may do it where no transition says so.
    fn deciders(&self) -> Roles {
        match self {
            Self::Urgency(_) | Self::Clear => CLERK,
            Self::Chase => CLERK.or(LEADERS),
            Self::Supervise => LEADERS,
            Self::Callback(_) => CALLBACK,
            _ => Roles::NONE,
        }
    }

    /// Whether it has to say why.
    fn needs_reason(&self, from: State) -> bool {
        match self {
            Self::Dispatch(_) => from == State::Triage,
            Self::ToTriage
            | Self::Urgency(_)
            | Self::Chase
            | Self::Supervise
            | Self::Resume
            | Self::SendBack
            | Self::Rework
            | Self::Clear => true,
            Self::Accept | Self::Pass | Self::Callback(_) | Self::Close | Self::Archive => false,
        }
    }
}

/// Judges an act. `by` must hold its role in the order's grid; headquarters has checked that.
pub fn act(order: &DocView, act: &Act, by: &Subject, at: &Situation) -> Result<Done, Refusal> {
    let from = state(order);
    if is_master(order) && !matches!(act, Act::Chase | Act::Supervise) {
        return Err(Refusal::WrongState);
    }
    may(order, act, by)?;
    if act.needs_reason(from) && at.reason.trim().is_empty() {
        return Err(Refusal::ReasonMissing);
    }
    if privacy::identifies(&at.reason) {
        return Err(Refusal::PersonalData);
    }
    let mut edits = act.target(order).map_or_else(Vec::new, |to| move_to(order, to));
    let mut step = StepRecord {
        reason: at.reason.trim().to_owned(),
        ..StepRecord::new(act.step(), at.now, by.worker.as_str())
    };
    match act {
        Act::Accept if !at.on_watch => return Err(Refusal::NotOnWatch),
        Act::Accept => edits.push(Edit::set("accepted_at", at.now.0)),
        Act::Dispatch(to) => {
            if from == State::Accepted {
                if at.matches != 1 {
                    return Err(Refusal::NoSingleMatch);
                }
                let unclear = order.flag("unclear_statement") || order.flag("unclear_responsibility");
                if unclear && !to.site_check_planned {
                    return Err(Refusal::NoSiteCheck);
                }
            }
            if to.lead_unit.is_empty() || to.grid.is_empty() {
                return Err(Refusal::HolderUnknown);
            }
            step.to = Some(to.lead_unit.clone());
        }
        Act::Urgency(urgent) => {
            let word = if *urgent { "urgent" } else { "general" };
            if order.text("urgency") == Some(word) {
                return Err(Refusal::WrongState);
            }
            step.to = Some(word.to_owned());
            edits.extend([Edit::set("urgency", word), next_version(order)]);
        }
        Act::Supervise => edits.push(Edit::set("flag/supervised", true)),
        Act::Callback(call) => {
            if is_handler(order, &by.worker) || at.visitors.contains(&by.worker) {
                return Err(Refusal::OwnWork);
            }
            if privacy::identifies(&call.note) {
                return Err(Refusal::PersonalData);
            }
            let answers = [call.process_satisfied, call.result_satisfied, call.resolved];
            if call.reached && answers.iter().all(Option::is_none) {
                return Err(Refusal::AnswerMissing);
            }
        }
        Act::Close => {
            if !callback_done(order) {
                return Err(Refusal::CallbackMissing);
            }
            edits.push(Edit::set("closed_at", at.now.0));
        }
        Act::Rework => {
            let unhappy = |c: &CallbackRecord| {
                [c.process_satisfied, c.result_satisfied, c.resolved].contains(&Some(false))
            };
            if !callbacks(order).iter().any(|(_, c)| c.round == round(order) && c.reached && unhappy(c)) {
                return Err(Refusal::NothingToRework);
            }
        }
        Act::Clear => {
            let flags = ["unclear_statement", "unclear_responsibility"];
            edits.extend(flags.into_iter().filter(|f| order.flag(f)).map(|f| Edit::set(f, false)));
            if edits.is_empty() {
                return Err(Refusal::WrongState);
            }
        }
        Act::Resume if order.flag("flag/review") => edits.push(Edit::set("flag/review", false)),
        Act::ToTriage | Act::Chase | Act::Resume | Act::Pass | Act::SendBack | Act::Archive => {}
    }
    Ok(Done { edits, step })
}

/// Says whether a subject may do an act to the order as it stands; guards may still refuse it.
fn may(order: &DocView, act: &Act, by: &Subject) -> Result<(), Refusal> {
    let from = state(order);
    let deciders = match act.target(order) {
        Some(to) => {
            let rows = TRANSITIONS.iter().filter(|t| t.to == to);
            // Several acts lead to HANDLING or TRIAGE; each from one state of its own.
            let fits = |s: State| match act {
                Act::Resume => s == State::Parked,
                Act::ToTriage => s == State::Accepted,
                Act::SendBack => s == State::Submitted,
                Act::Rework => s == State::Callback,
                _ => true,
            };
            let rows = rows.filter(|t| fits(t.from));
            if !rows.clone().any(|t| t.deciders.has(by.role)) {
                return Err(Refusal::OtherDecides);
            }
            rows.filter(|t| t.from == from).fold(None, |_, t| Some(t.deciders))
        }
        None => {
            let fits = match act {
                Act::Callback(_) => from == State::Callback,
                Act::Chase | Act::Supervise => {
                    from.is_open() && !matches!(from, State::Received | State::Accepted)
                }
                _ => from.is_open(),
            };
            if !act.deciders().has(by.role) {
                return Err(Refusal::OtherDecides);
            }
            fits.then(|| act.deciders())
        }
    };
    match deciders {
        None => Err(Refusal::WrongState),
        Some(roles) if roles.has(by.role) => Ok(()),
        Some(_) => Err(Refusal::OtherDecides),
    }
}

/// Lists the ids of the acts whose button a subject sees at an order.
pub fn acts_for(order: &DocView, by: &Subject) -> Vec<&'static str> {
    let call = CallbackRecord {
        at: TimeMs(0),
        round: 0,
        reached: false,
        process_satisfied: None,
        result_satisfied: None,
        resolved: None,
        note: String::new(),
    };
    let unclear = order.flag("unclear_statement") || order.flag("unclear_responsibility");
    [
        Act::Accept,
        Act::Dispatch(Destination::default()),
        Act::ToTriage,
        Act::Pass,
        Act::SendBack,
        Act::Callback(call),
        Act::Close,
        Act::Rework,
        Act::Resume,
        Act::Urgency(true),
        Act::Chase,
        Act::Supervise,
        Act::Clear,
        Act::Archive,
    ]
    .iter()
    .filter(|act| may(order, act, by).is_ok() && (unclear || !matches!(act, Act::Clear)))
    .map(Act::id)
    .collect()
}

/// Reads the steps of an order, oldest first: (event id, record).
pub fn steps(order: &DocView) -> Vec<(String, StepRecord)> {
    log(order, "step")
}

/// Reads the callbacks of an order, oldest first: (who tried, record).
pub fn callbacks(order: &DocView) -> Vec<(String, CallbackRecord)> {
    let mut out: Vec<(String, CallbackRecord)> = order
        .members("callback")
        .filter_map(|(id, value)| {
            let by = order.all(&format!("callback/{id}")).last()?.by.clone();
            Some((by, serde_json::from_str(value.text()?).ok()?))
        })
        .collect();
    out.sort_by_key(|(_, c)| c.at);
    out
}

fn log<T: serde::de::DeserializeOwned>(order: &DocView, family: &str) -> Vec<(String, T)> {
    // Event ids are uuids of version 7: the order of the keys is the order of writing.
    order
        .members(family)
        .filter_map(|(id, value)| Some((id.to_owned(), serde_json::from_str(value.text()?).ok()?)))
        .collect()
}

/// Counts the rounds of rework so far (DOMAIN.md §5: derived).
pub fn round(order: &DocView) -> u32 {
    count(order, StepKind::Reworked)
}

/// Counts the transfers so far; two or more are an alert (R29).
pub fn transfers(order: &DocView) -> u32 {
    count(order, StepKind::Transferred)
}

fn count(order: &DocView, kind: StepKind) -> u32 {
    u32::try_from(steps(order).iter().filter(|(_, s)| s.kind == kind).count()).unwrap_or(u32::MAX)
}

/// Says whether this round's callback is done: reached and answered, or tried often enough.
pub fn callback_done(order: &DocView) -> bool {
    // A linked sub-task has no requester; the main order's callback asks.
    if order.text("subtask_of").is_some() {
        return true;
    }
    let round = round(order);
    let tried: Vec<CallbackRecord> =
        callbacks(order).into_iter().map(|(_, c)| c).filter(|c| c.round == round).collect();
    let mut days: Vec<String> = tried.iter().map(|c| c.at.china_with("%Y-%m-%d").to_string()).collect();
    days.sort_unstable();
    days.dedup();
    tried.iter().any(|c| c.reached) || (tried.len() >= ENOUGH_ATTEMPTS && days.len() >= ENOUGH_DAYS)
}

/// Says whether a member of staff handled the order: owned it, or asked for one of its steps.
pub fn is_handler(order: &DocView, worker: &str) -> bool {
    let owned = ["current_owner", "first_owner"].iter().any(|k| order.text(k) == Some(worker));
    let asked = order.members("proposal").any(|(id, value)| {
        let record = value.text().and_then(|t| serde_json::from_str::<ProposalRecord>(t).ok());
        record.is_some() && order.all(&format!("proposal/{id}")).iter().any(|a| a.by == worker)
    });
    owned || asked || order.flag(&format!("assignee/{worker}"))
}

/// When an order is marked, computed from its due time by the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// Yellow card.
    pub yellow: TimeMs,
    /// The due time.
    pub due: TimeMs,
    /// Red card.
    pub red: TimeMs,
}

/// Lists what the clock does to an order (R8, cards): each mark once, with the rung of the
/// ladder it calls: the lead section at the yellow card, the deputy leader when it is due, the
/// principal leader at the red card \[P\]. Nothing once a result was submitted, while parked or
/// at the end.
pub fn clock(order: &DocView, marks: &Marks, now: TimeMs) -> Vec<Done> {
    let mut done = Vec::new();
    for Rung { flag, card, role, .. } in rungs(order, marks).filter(|r| now >= r.at) {
        let mut step = StepRecord::new(StepKind::Escalated, now, "hq");
        step.due = Some(marks.due);
        step.to = Some(role.to_owned());
        done.extend(card.map(|kind| Done {
            edits: Vec::new(),
            step: StepRecord { due: Some(marks.due), ..StepRecord::new(kind, now, "hq") },
        }));
        done.push(Done { edits: vec![Edit::set(format!("flag/{flag}"), true)], step });
    }
    done
}

/// Returns when [`clock`] next does something to the order as it is; `None` for never.
pub fn next_mark(order: &DocView, marks: &Marks) -> Option<TimeMs> {
    rungs(order, marks).map(|r| r.at).min()
}

/// A mark that an order has not got yet.
struct Rung {
    flag: &'static str,
    card: Option<StepKind>,
    at: TimeMs,
    role: &'static str,
}

fn rungs(order: &DocView, marks: &Marks) -> impl Iterator<Item = Rung> {
    let at = state(order);
    let silent = !at.is_open() || matches!(at, State::Submitted | State::Callback | State::Parked);
    let all = [
        Rung { flag: "yellow", card: Some(StepKind::Yellow), at: marks.yellow, role: "section" },
        Rung { flag: "overdue", card: None, at: marks.due, role: "deputy_leader" },
        Rung { flag: "red", card: Some(StepKind::Red), at: marks.red, role: "principal" },
    ];
    all.into_iter().filter(move |r| !silent && !order.flag(&format!("flag/{}", r.flag)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
#[path = "act_tests.rs"]
mod tests;
