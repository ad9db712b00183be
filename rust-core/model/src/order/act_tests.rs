//! Acts of headquarters as tables: who, from where, what is missing.

use super::*;
use crate::{
    id::ActorId,
    order::{Circumstances, Outcome, decide, version},
    records::{CallbackRecord, ProposalKind, ProposalRecord, StepKind, to_json},
    schema::DocKind,
    staff::{Grant, Role},
    time::Hlc,
    view::{Attributed, Value},
};
use State::*;
use std::collections::BTreeMap;

const NOW: TimeMs = TimeMs(1_778_204_400_000);
const DAY: i64 = 86_400_000;

fn order(state: State, fields: &[(&str, Value)]) -> DocView {
    let mut all: BTreeMap<String, Vec<Attributed>> = BTreeMap::new();
    let base = [("state", Value::from(state.id())), ("order_version", Value::Int(5))];
    for (key, value) in base.iter().chain(fields) {
        let by = if key.starts_with("callback") { "agent" } else { "hq" };
        let one =
            Attributed { value: value.clone(), by: by.into(), at: Hlc::default(), actor: ActorId([0; 16]) };
        all.insert((*key).to_owned(), vec![one]);
    }
    DocView::new(DocKind::Order, all)
}

fn who(id: &str, role: Role, scopes: &[&str]) -> Subject {
    let grants =
        scopes.iter().map(|s| Grant { grid: (*s).to_owned(), role, from: TimeMs(0), to: None }).collect();
    Subject { worker: id.into(), role, grants }
}

fn quiet() -> Situation {
    Situation { now: NOW, reason: "为何".into(), on_watch: true, matches: 1, visitors: Vec::new() }
}

fn call(day: i64, round: u32, reached: bool, resolved: Option<bool>) -> CallbackRecord {
    CallbackRecord {
        at: TimeMs(NOW.0 + day * DAY),
        round,
        reached,
        process_satisfied: None,
        result_satisfied: None,
        resolved,
        note: String::new(),
    }
}

fn somewhere() -> Destination {
    Destination { lead_unit: "sec-a".into(), grid: "370705005004001".into(), ..Destination::default() }
}

fn every_act() -> Vec<Act> {
    vec![
        Act::Accept,
        Act::ToTriage,
        Act::Dispatch(somewhere()),
        Act::Urgency(true),
        Act::Chase,
        Act::Supervise,
        Act::Resume,
        Act::Pass,
        Act::SendBack,
        Act::Callback(call(0, 0, true, Some(true))),
        Act::Close,
        Act::Rework,
        Act::Clear,
        Act::Archive,
    ]
}

/// DOMAIN.md §3 and §4: who may do what, from where.
#[test]
fn who_may_do_what_from_where() {
    use Role::*;
    for act_ in every_act() {
        let (roles, from): (&[Role], &[State]) = match act_ {
            Act::Accept => (&[HotlineClerk], &[Received]),
            Act::ToTriage => (&[HotlineClerk, System], &[Accepted]),
            Act::Pass | Act::SendBack => (&[HotlineClerk, DeputyLeader], &[Submitted]),
            Act::Close | Act::Rework => (&[HotlineClerk], &[Callback]),
            Act::Callback(_) => (&[CallbackAgent], &[Callback]),
            Act::Resume => (&[DeputyLeader], &[Parked]),
            Act::Archive => (&[System], &[Closed]),
            Act::Supervise => (
                &[DeputyLeader, Principal],
                &[Triage, Dispatched, Acked, Investigating, Handling, Submitted, Callback, Parked],
            ),
            // Tested by themselves below.
            Act::Dispatch(_) | Act::Urgency(_) | Act::Chase | Act::Clear => continue,
        };
        for role in Role::ALL {
            for state in State::ALL.iter().copied() {
                let view = order(state, &[]);
                let got = may(&view, &act_, &who("x", role, &["*"]));
                let want = roles.contains(&role) && from.contains(&state);
                assert_eq!(got.is_ok(), want, "{role:?} {state:?} {act_:?} {got:?}");
                assert_eq!(acts_for(&view, &who("x", role, &["*"])).contains(&act_.id()), want);
                // Who is told to come back later holds the right.
                assert_eq!(
                    got == Err(Refusal::OtherDecides),
                    !roles.contains(&role),
                    "{role:?} {state:?} {act_:?}"
                );
            }
        }
    }
}

#[test]
fn only_the_deputy_leads_out_of_triage_and_only_one_match_leads_past_it() {
    let clerk = who("c", Role::HotlineClerk, &["*"]);
    let deputy = who("d", Role::DeputyLeader, &["*"]);
    let go = Act::Dispatch(somewhere());
    let at = |matches, reason: &str| Situation { matches, reason: reason.into(), ..quiet() };
    let unclear = [("unclear_statement", Value::Bool(true))];
    let planned = Act::Dispatch(Destination { site_check_planned: true, ..somewhere() });
    for (name, view, by, what, situation, want) in [
        ("one match", order(Accepted, &[]), &clerk, &go, at(1, ""), None),
        ("no match", order(Accepted, &[]), &clerk, &go, at(0, "x"), Some(Refusal::NoSingleMatch)),
        ("two", order(Accepted, &[]), &clerk, &go, at(2, "x"), Some(Refusal::NoSingleMatch)),
        ("unclear", order(Accepted, &unclear), &clerk, &go, at(1, ""), Some(Refusal::NoSiteCheck)),
        ("unclear, check planned", order(Accepted, &unclear), &clerk, &planned, at(1, ""), None),
        ("clerk, triage", order(Triage, &[]), &clerk, &go, at(1, "x"), Some(Refusal::OtherDecides)),
        ("deputy too early", order(Accepted, &[]), &deputy, &go, at(1, "x"), Some(Refusal::OtherDecides)),
        ("deputy", order(Triage, &[]), &deputy, &go, at(0, "x"), None),
        ("deputy, silent", order(Triage, &[]), &deputy, &go, at(0, " "), Some(Refusal::ReasonMissing)),
        (
            "nowhere",
            order(Triage, &[]),
            &deputy,
            &Act::Dispatch(Destination::default()),
            at(0, "x"),
            Some(Refusal::HolderUnknown),
        ),
    ] {
        assert_eq!(act(&view, what, by, &situation).err(), want, "{name}");
    }
    let done = act(&order(Triage, &[]), &go, &deputy, &at(0, "无清单")).unwrap();
    assert_eq!(done.edits, [Edit::set("state", "DISPATCHED"), Edit::set("order_version", 6)]);
    assert_eq!(
        (done.step.kind, done.step.to.as_deref(), done.step.by.as_str()),
        (StepKind::Dispatched, Some("sec-a"), "d")
    );
}

#[test]
fn guards_of_the_other_acts() {
    let clerk = who("c", Role::HotlineClerk, &["*"]);
    let agent = who("agent", Role::CallbackAgent, &["*"]);
    let off = Situation { on_watch: false, ..quiet() };
    let mute = Situation { reason: String::new(), ..quiet() };
    let went = Situation { visitors: vec!["agent".into()], ..quiet() };
    let ask = to_json(&ProposalRecord::new(ProposalKind::Submit, 4, ""));
    let answered = Act::Callback(call(0, 0, true, Some(true)));
    let mine = [("current_owner", Value::from("agent"))];
    let asked = [("proposal/1", Value::from(ask.as_str()))];
    for (name, view, by, what, situation, want) in [
        ("off watch", order(Received, &[]), &clerk, &Act::Accept, &off, Some(Refusal::NotOnWatch)),
        ("on watch", order(Received, &[]), &clerk, &Act::Accept, &quiet(), None),
        (
            "back without words",
            order(Submitted, &[]),
            &clerk,
            &Act::SendBack,
            &mute,
            Some(Refusal::ReasonMissing),
        ),
        ("on without words", order(Submitted, &[]), &clerk, &Act::Pass, &mute, None),
        ("own order", order(Callback, &mine), &agent, &answered, &quiet(), Some(Refusal::OwnWork)),
        ("went there", order(Callback, &[]), &agent, &answered, &went, Some(Refusal::OwnWork)),
        ("another's", order(Callback, &asked), &agent, &answered, &quiet(), None),
        (
            "no answer",
            order(Callback, &[]),
            &agent,
            &Act::Callback(call(0, 0, true, None)),
            &quiet(),
            Some(Refusal::AnswerMissing),
        ),
        ("nobody there", order(Callback, &[]), &agent, &Act::Callback(call(0, 0, false, None)), &mute, None),
        ("nothing unclear", order(Handling, &[]), &clerk, &Act::Clear, &quiet(), Some(Refusal::WrongState)),
        (
            "same urgency",
            order(Handling, &[("urgency", "urgent".into())]),
            &clerk,
            &Act::Urgency(true),
            &quiet(),
            Some(Refusal::WrongState),
        ),
        ("chase early", order(Accepted, &[]), &clerk, &Act::Chase, &quiet(), Some(Refusal::WrongState)),
        ("chase", order(Dispatched, &[]), &clerk, &Act::Chase, &quiet(), None),
    ] {
        assert_eq!(act(&view, what, by, situation).err(), want, "{name}");
    }
}

/// §4: callback done, or three attempts on two days; each round anew. Rework needs a ground.
#[test]
fn closing_and_rework_follow_from_the_callbacks_of_this_round() {
    let clerk = who("c", Role::HotlineClerk, &["*"]);
    let reworked = to_json(&StepRecord::new(StepKind::Reworked, NOW, "c"));
    let (missing, no_ground) = (Some(Refusal::CallbackMissing), Some(Refusal::NothingToRework));
    for (name, round, calls, close, rework) in [
        ("none", 0, vec![], missing, no_ground),
        ("reached, solved", 0, vec![call(0, 0, true, Some(true))], None, no_ground),
        ("reached, not solved", 0, vec![call(0, 0, true, Some(false))], None, None),
        ("3 on one day", 0, vec![call(0, 0, false, None); 3], missing, no_ground),
        ("2 on two days", 0, vec![call(0, 0, false, None), call(1, 0, false, None)], missing, no_ground),
        (
            "3 on two days",
            0,
            vec![call(0, 0, false, None), call(0, 0, false, None), call(1, 0, false, None)],
            None,
            no_ground,
        ),
        ("old round", 1, vec![call(0, 0, true, Some(false))], missing, no_ground),
        ("new round", 1, vec![call(0, 0, true, Some(false)), call(1, 1, true, Some(true))], None, no_ground),
    ] {
        let mut fields: Vec<(String, Value)> = calls
            .iter()
            .enumerate()
            .map(|(i, c)| (format!("callback/{i}"), Value::from(to_json(c).as_str())))
            .collect();
        fields.extend((0..round).map(|i| (format!("step/{i}"), Value::from(reworked.as_str()))));
        let fields: Vec<(&str, Value)> = fields.iter().map(|(k, v)| (k.as_str(), v.clone())).collect();
        let view = order(Callback, &fields);
        assert_eq!(super::round(&view), round, "{name}");
        assert_eq!(act(&view, &Act::Close, &clerk, &quiet()).err(), close, "{name}: close");
        assert_eq!(act(&view, &Act::Rework, &clerk, &quiet()).err(), rework, "{name}: rework");
    }
}

/// R29: the owner changes by offer and accept only; the second transfer raises the alert.
#[test]
fn an_offer_moves_nothing_until_its_holder_accepts() {
    let worker = who("gw", Role::GridWorker, &["370705005004001"]);
    let section = who("s1", Role::Section, &["370705005004001", "sec-b"]);
    let stranger = who("s2", Role::Section, &["370705005004001", "sec-c"]);
    let at = Circumstances {
        effective_at: NOW,
        right_stands: true,
        return_limit: None,
        inquiries: 0,
        site_checks: 0,
        max_extension_days: 10,
        now: NOW,
        evidence_missing: false,
    };
    let base =
        [("lead_unit", Value::from("sec-a")), ("current_owner", "gw".into()), ("first_owner", "gw".into())];
    let view = order(Handling, &base);
    let to = |unit: &str| ProposalRecord {
        to: Some(unit.into()),
        ..ProposalRecord::new(ProposalKind::Transfer, 5, "超出职权")
    };
    let go = |view: &DocView, p: &ProposalRecord, by: &Subject| decide(view, "e", p, by, &at, false);
    assert_eq!(go(&view, &to("sec-a"), &worker), Outcome::Refuse(Refusal::HolderUnknown));
    assert_eq!(go(&view, &to(" "), &worker), Outcome::Refuse(Refusal::HolderUnknown));
    assert_eq!(go(&order(Submitted, &base), &to("sec-b"), &worker), Outcome::Refuse(Refusal::WrongState));
    let offered = go(&view, &to("sec-b"), &worker);
    assert_eq!(
        offered,
        Outcome::Accept(vec![Edit::set("offered_to", "sec-b"), Edit::set("order_version", 6)])
    );

    let transferred = to_json(&StepRecord::new(StepKind::Transferred, NOW, "x"));
    for (before, alert) in [(0, false), (1, true)] {
        let mut fields = base.to_vec();
        fields.push(("offered_to", "sec-b".into()));
        let keys: Vec<String> = (0..before).map(|i| format!("step/{i}")).collect();
        fields.extend(keys.iter().map(|k| (k.as_str(), Value::from(transferred.as_str()))));
        let view = order(Handling, &fields);
        let ask = |kind| ProposalRecord::new(kind, version(&view), "");
        for by in [&stranger, &worker] {
            let got = go(&view, &ask(ProposalKind::Decline), by);
            assert_eq!(got, Outcome::Refuse(Refusal::NothingOffered));
        }
        let none = vec![Edit::set("offered_to", ""), Edit::set("order_version", 6)];
        assert_eq!(go(&view, &ask(ProposalKind::Decline), &section), Outcome::Accept(none.clone()));
        let Outcome::Accept(edits) = go(&view, &ask(ProposalKind::Ack), &section) else { panic!("declined") };
        let mut want = none;
        want.extend([
            Edit::set("current_owner", "s1"),
            Edit::set("assignee/s1", true),
            Edit::set("lead_unit", "sec-b"),
        ]);
        want.extend(alert.then(|| Edit::set("flag/transfers", true)));
        assert_eq!(edits, want);
    }
}

#[test]
fn excluding_and_parking_need_ground_evidence_and_another_person() {
    let worker = who("gw", Role::GridWorker, &["g"]);
    let at = Circumstances {
        effective_at: NOW,
        right_stands: true,
        return_limit: None,
        inquiries: 0,
        site_checks: 0,
        max_extension_days: 10,
        now: NOW,
        evidence_missing: false,
    };
    let view = order(Handling, &[]);
    let exclude = |ground: Option<&str>, evidence: Option<&str>| ProposalRecord {
        ground: ground.map(Into::into),
        evidence: evidence.map(Into::into),
        ..ProposalRecord::new(ProposalKind::Exclude, 5, "重复投诉")
    };
    let park = |review: Option<i64>| ProposalRecord {
        review_at: review.map(TimeMs),
        ..ProposalRecord::new(ProposalKind::Park, 5, "等改造")
    };
    for (record, want) in [
        (exclude(None, Some("录音")), Some(Refusal::GroundMissing)),
        (exclude(Some("unreasonable"), Some(" ")), Some(Refusal::GroundMissing)),
        (exclude(Some("unreasonable"), Some("录音")), None),
        (park(None), Some(Refusal::ReviewMissing)),
        (park(Some(NOW.0)), Some(Refusal::ReviewMissing)),
        (park(Some(NOW.0 + DAY)), None),
    ] {
        let got = decide(&view, "e", &record, &worker, &at, false);
        match want {
            Some(refusal) => assert_eq!(got, Outcome::Refuse(refusal)),
            None => assert_eq!(got, Outcome::Ask(Role::DeputyLeader.bit())),
        }
    }
}

#[test]
fn the_clock_marks_each_rung_once_and_rests_when_the_work_is_done() {
    let marks = Marks { yellow: TimeMs(NOW.0), due: TimeMs(NOW.0 + DAY), red: TimeMs(NOW.0 + 2 * DAY) };
    let rungs = |view: &DocView, now: i64| -> Vec<String> {
        clock(view, &marks, TimeMs(now)).into_iter().filter_map(|d| d.step.to).collect()
    };
    let fresh = order(Handling, &[]);
    assert_eq!(rungs(&fresh, NOW.0 - 1), Vec::<String>::new());
    assert_eq!(rungs(&fresh, NOW.0), ["section"]);
    assert_eq!(rungs(&fresh, NOW.0 + 3 * DAY), ["section", "deputy_leader", "principal"]);
    let marked = order(Handling, &[("flag/yellow", Value::Bool(true))]);
    assert_eq!(rungs(&marked, NOW.0 + DAY), ["deputy_leader"]);
    for state in [Submitted, Callback, Parked, Closed, Returned, Excluded, Archived] {
        assert_eq!(rungs(&order(state, &[]), NOW.0 + 3 * DAY), Vec::<String>::new(), "{state:?}");
    }
}

/// What an act writes fits the schema that headquarters enforces on others.
#[test]
fn edits_and_steps_fit_the_schema() {
    let reached = to_json(&call(0, 0, true, Some(false)));
    for act_ in every_act() {
        for state in State::ALL.iter().copied() {
            for role in Role::ALL {
                let fields =
                    [("callback/1", Value::from(reached.as_str())), ("unclear_statement", Value::Bool(true))];
                let view = order(state, &fields);
                // Clearing shrinks a field that only grows on phones; that is headquarters' right (R49).
                if act_ == Act::Clear {
                    continue;
                }
                let Ok(done) = act(&view, &act_, &who("x", role, &["*"]), &quiet()) else { continue };
                let mut edits = done.edits;
                edits.push(Edit::set("step/e1", to_json(&done.step)));
                assert_eq!(crate::document::check_edits(&view, &edits), Ok(()), "{act_:?}");
            }
        }
    }
}
