//! The desk at headquarters: watch, cards and ladder, rounds, exclusions (DOMAIN.md §3, §4, §7).

use crate::acceptance::street::{
    act, at, at_hq, by_upstream, call, decide, go_to, not_reached, order_in, propose, reached, state, steps,
    to, town, try_act,
};
use crate::visit;
use lanewalk_headquarters::{desk::watch, intake::Acceptance};
use lanewalk_model::{
    document::Edit,
    id::DocId,
    order::{Act, Refusal, State},
    records::{ProposalKind, ProposalRecord, StepKind},
    staff::{Grant, Role},
    time::TimeMs,
    view::Value,
};
use support::town::Town;

const A: usize = 0;

fn ask(kind: ProposalKind, reason: &str) -> ProposalRecord {
    ProposalRecord::new(kind, 0, reason)
}

/// Brings an order from its section's desk to the callback.
fn handled(town: &mut Town, order: DocId) {
    assert_eq!(propose(town, "cg-01", order, ask(ProposalKind::Ack, "")), None);
    assert_eq!(town.network.hq(|hq| hq.contact("cg-01", order, true, "已电话了解").unwrap()), None);
    assert_eq!(town.network.hq(|hq| hq.reply("cg-01", order, "已处理").unwrap()), None);
    submit(town, order);
    act(town, "hc-01", order, &Act::Pass, "");
}

fn submit(town: &mut Town, order: DocId) {
    let record = ProposalRecord { outcome: Some("explained".into()), ..ask(ProposalKind::Submit, "") };
    assert_eq!(propose(town, "cg-01", order, record), None);
    assert_eq!(state(town, order), State::Submitted);
}

/// R23: who is not on watch accepts nothing; a handover is one act and is kept.
#[test]
fn exactly_one_clerk_is_on_watch() {
    let mut town = town(701, 1, 0, "2026-05-06 09:00");
    let incoming = call(town.clock.now(), "W1", 0, "路灯不亮", "noise", false);
    town.network.hq(|hq| hq.take_in(&[incoming], Acceptance::Later).unwrap());
    let order = by_upstream(&town, "W1");
    assert_eq!(state(&town, order), State::Received);
    assert_eq!(try_act(&town, "hc-02", order, &Act::Accept, ""), Some(Refusal::NotOnWatch));
    town.clock.advance(60_000);
    assert_eq!(town.network.hq(|hq| hq.take_watch("cg-01", "").unwrap()), Some(Refusal::RoleMayNot));
    assert_eq!(town.network.hq(|hq| hq.take_watch("hc-01", "").unwrap()), Some(Refusal::WrongState));
    assert_eq!(
        town.network.hq(|hq| hq.take_watch("hc-02", "给13800008000回电").unwrap()),
        Some(Refusal::PersonalData)
    );
    assert_eq!(town.network.hq(|hq| hq.take_watch("hc-02", "路灯一件待接").unwrap()), None);
    assert_eq!(try_act(&town, "hc-01", order, &Act::Accept, ""), Some(Refusal::NotOnWatch));
    act(&town, "hc-02", order, &Act::Accept, "");
    // One match in the catalogue and a place: it goes on at once (R26).
    assert_eq!(state(&town, order), State::Dispatched);
    let log = town.network.hq(|hq| watch::last(hq.reader(), 10).unwrap());
    let people: Vec<_> =
        log.iter().map(|w| (w.person.as_str(), w.to.is_some(), w.handover.as_str())).collect();
    assert_eq!(people, [("hc-02", false, "路灯一件待接"), ("hc-01", true, "")]);
    assert_eq!(log[1].to, Some(log[0].from), "no gap and no overlap");
    town.settle();
    support::check::laws(&town);
}

#[test]
fn planned_shifts_do_not_overlap() {
    let town = town(702, 1, 0, "2026-05-06 09:00");
    let plan = |from: &str, until: &str, who: &str| {
        let (from, until) = (TimeMs(at(from)), TimeMs(at(until)));
        town.network.hq(|hq| hq.plan_shift("dl-01", who, from, until).unwrap())
    };
    assert_eq!(plan("2026-05-07 08:00", "2026-05-07 20:00", "hc-01"), None);
    for (from, until, who, want) in [
        ("2026-05-07 20:00", "2026-05-08 08:00", "hc-02", None),
        ("2026-05-07 19:59", "2026-05-07 21:00", "hc-02", Some(Refusal::WrongState)),
        ("2026-05-09 08:00", "2026-05-09 08:00", "hc-02", Some(Refusal::WrongState)),
        ("2026-05-09 09:00", "2026-05-09 08:00", "hc-02", Some(Refusal::WrongState)),
        ("2026-05-09 08:00", "2026-05-10 08:01", "hc-02", Some(Refusal::WrongState)),
        ("2026-05-09 08:00", "2026-05-09 20:00", "cg-01", Some(Refusal::RoleMayNot)),
    ] {
        assert_eq!(plan(from, until, who), want, "{from} {until} {who}");
    }
    let shifts = town.network.hq(|hq| watch::shifts(hq.reader(), TimeMs(0)).unwrap());
    assert_eq!(shifts.len(), 2);
    assert_eq!(town.network.hq(|hq| hq.drop_shift("dl-01", shifts[0].n).unwrap()), None);
    assert_eq!(town.network.hq(|hq| hq.drop_shift("dl-01", shifts[0].n).unwrap()), Some(Refusal::WrongState));
}

/// R23, R25: an order nobody accepts calls the backup: an urgent one after 5 minutes, a general one
/// after 30; once.
#[test]
fn an_order_nobody_accepts_rings_once() {
    let town = town(703, 1, 0, "2026-05-06 09:00");
    let now = town.clock.now();
    let calls = [call(now, "U", 0, "燃气味", "noise", true), call(now, "G", 0, "路灯", "noise", false)];
    town.network.hq(|hq| hq.take_in(&calls, Acceptance::Later).unwrap());
    let ring = |moment: &str| {
        go_to(&town, moment);
        let done = town.network.hq(|hq| hq.tick().unwrap());
        done.unaccepted
    };
    assert_eq!(ring("2026-05-06 09:04"), 0);
    assert_eq!(ring("2026-05-06 09:05"), 1);
    assert_eq!(ring("2026-05-06 09:29"), 0);
    assert_eq!(ring("2026-05-06 09:30"), 1);
    assert_eq!(ring("2026-05-06 12:00"), 0);
    let rung = steps(&town, by_upstream(&town, "U"), StepKind::Escalated);
    assert_eq!(rung.iter().filter_map(|s| s.to.as_deref()).filter(|to| *to == "backup").count(), 1);
}

/// AC-2's order: of Thu 06-18 16:40, due Tue 06-23 17:30 (Dragon Boat Festival between), yellow card
/// on Mon 06-22, red on Wed 06-24; each rung of the ladder once (R8).
#[test]
fn cards_and_the_ladder_follow_the_calendar() {
    let mut town = town(704, 1, 0, "2026-06-18 16:40");
    let incoming = call(town.clock.now(), "C", 0, "电箱", "noise", false);
    let order = order_in(&mut town, incoming);
    assert_eq!(at_hq(&town, order).int("internal_due"), Some(at("2026-06-23 17:30")));
    let mut seen = Vec::new();
    for moment in [
        "2026-06-19 09:00",
        "2026-06-22 08:29",
        "2026-06-22 08:30",
        "2026-06-23 17:29",
        "2026-06-23 17:30",
        "2026-06-24 08:29",
        "2026-06-24 08:30",
        "2026-06-25 12:00",
    ] {
        go_to(&town, moment);
        town.network.hq(|hq| hq.tick().unwrap());
        let roles: Vec<_> =
            steps(&town, order, StepKind::Escalated).into_iter().filter_map(|s| s.to).collect();
        seen.push((moment, roles.len()));
    }
    let counts: Vec<usize> = seen.iter().map(|(_, n)| *n).collect();
    assert_eq!(counts, [0, 0, 1, 1, 2, 2, 3, 3], "{seen:?}");
    let roles: Vec<_> = steps(&town, order, StepKind::Escalated).into_iter().filter_map(|s| s.to).collect();
    assert_eq!(roles, ["section", "deputy_leader", "principal"]);
    assert_eq!(steps(&town, order, StepKind::Yellow).len() + steps(&town, order, StepKind::Red).len(), 2);
    // The phone sees the cards.
    town.settle();
    let view = town.phones[A].field().order(order).unwrap().view;
    assert!(view.flag("flag/yellow") && view.flag("flag/red"));
    support::check::laws(&town);
}

/// §4: rework gets three working days of its own, is called back again, and needs a ground.
#[test]
fn an_unhappy_requester_begins_a_round_of_its_own() {
    let mut town = town(705, 1, 0, "2026-05-06 09:00");
    let incoming = call(town.clock.now(), "R", 0, "井盖松动", "noise", false);
    let order = order_in(&mut town, incoming);
    assert_eq!(try_act(&town, "hc-01", order, &Act::Close, ""), Some(Refusal::WrongState));
    handled(&mut town, order);
    assert_eq!(try_act(&town, "hc-01", order, &Act::Close, ""), Some(Refusal::CallbackMissing));
    act(&town, "ca-01", order, &reached(true, false, false), "");
    go_to(&town, "2026-05-06 15:00");
    act(&town, "hc-01", order, &Act::Rework, "仍松动");
    let reworked = at_hq(&town, order);
    // Wed 05-06, so Thu, Fri and the make-up Saturday 05-09.
    assert_eq!(reworked.int("internal_due"), Some(at("2026-05-09 17:30")));
    submit(&mut town, order);
    act(&town, "hc-01", order, &Act::SendBack, "照片不清");
    submit(&mut town, order);
    act(&town, "hc-01", order, &Act::Pass, "");
    assert_eq!(
        try_act(&town, "hc-01", order, &Act::Close, ""),
        Some(Refusal::CallbackMissing),
        "a new round"
    );
    act(&town, "ca-01", order, &not_reached(), "");
    act(&town, "ca-01", order, &not_reached(), "");
    go_to(&town, "2026-05-07 09:00");
    assert_eq!(try_act(&town, "hc-01", order, &Act::Close, ""), Some(Refusal::CallbackMissing));
    act(&town, "ca-01", order, &not_reached(), "");
    act(&town, "hc-01", order, &Act::Close, "三次未接通");
    assert_eq!(state(&town, order), State::Closed);
    assert_eq!(
        (steps(&town, order, StepKind::Submitted).len(), steps(&town, order, StepKind::Reworked).len()),
        (3, 1)
    );
    // Thirty days later it goes to the archive, and leaves phones.
    go_to(&town, "2026-06-08 09:00");
    assert_eq!(town.network.hq(|hq| hq.tick().unwrap()).archived, 1);
    assert_eq!(state(&town, order), State::Archived);
    town.settle();
    assert!(town.phones[A].field().order(order).is_err());
}

/// §3: callback agent and handler are never the same person, whatever the role says later.
#[test]
fn nobody_calls_back_about_own_work() {
    let mut town = town(706, 1, 0, "2026-05-06 09:00");
    let incoming = call(town.clock.now(), "H", 0, "噪音", "noise", false);
    let order = order_in(&mut town, incoming);
    let field = town.phones[A].field().clone();
    field.propose(order, ProposalKind::Ack, "", None, None, false).unwrap();
    field.record_visit(visit(order, "site_check", "属实")).unwrap();
    field.set_field(order, "reply_text", Value::Text("已劝阻".into())).unwrap();
    field.propose(order, ProposalKind::Submit, "", Some("mediated"), None, false).unwrap();
    town.settle();
    act(&town, "hc-01", order, &Act::Pass, "");
    // The worker becomes a callback agent.
    town.network.hq(|hq| {
        hq.put_staff("gw-01", "转岗", Role::CallbackAgent).unwrap();
        let grant = Grant { grid: "*".into(), role: Role::CallbackAgent, from: TimeMs(0), to: None };
        hq.grant("gw-01", &grant).unwrap();
    });
    assert_eq!(try_act(&town, "gw-01", order, &reached(true, true, true), ""), Some(Refusal::OwnWork));
    act(&town, "ca-01", order, &reached(true, true, true), "");
}

/// R10: an exclusion needs ground, evidence and the deputy leader, who may not be the one who asks.
#[test]
fn excluding_and_parking_are_decided_by_the_deputy() {
    let mut town = town(707, 1, 0, "2026-05-06 09:00");
    let incoming = call(town.clock.now(), "E", 0, "重复反映", "noise", false);
    let order = order_in(&mut town, incoming);
    assert_eq!(
        propose(&town, "cg-01", order, ask(ProposalKind::Exclude, "重复")),
        Some(Refusal::GroundMissing)
    );
    let full = ProposalRecord {
        ground: Some("duplicate".into()),
        evidence: Some("工单 T00012 录音".into()),
        ..ask(ProposalKind::Exclude, "同一人同一事")
    };
    assert_eq!(propose(&town, "cg-01", order, full), None);
    let wrong = town.network.hq(|hq| {
        let w = hq.waiting().unwrap().remove(0);
        hq.decide(order, &w.event, true, "hc-01", "").map_err(|e| e.to_string())
    });
    assert_eq!(wrong, Ok(Some(Refusal::OtherDecides)));
    assert_eq!(decide(&town, "dl-01", order, false, "先核实"), Some(Refusal::RefusedByPerson));
    assert!(state(&town, order).is_open());

    let park = ProposalRecord {
        review_at: Some(TimeMs(at("2026-05-20 09:00"))),
        ..ask(ProposalKind::Park, "等改造")
    };
    assert_eq!(propose(&town, "cg-01", order, park), None);
    assert_eq!(decide(&town, "dl-01", order, true, "同意"), None);
    assert_eq!(state(&town, order), State::Parked);
    // No cards while parked; the review rings once.
    go_to(&town, "2026-05-19 09:00");
    assert_eq!(town.network.hq(|hq| hq.tick().unwrap()), Default::default());
    go_to(&town, "2026-05-20 09:00");
    assert_eq!(town.network.hq(|hq| hq.tick().unwrap()).reviews, 1);
    assert_eq!(town.network.hq(|hq| hq.tick().unwrap()).reviews, 0);
    act(&town, "dl-01", order, &Act::Resume, "改造完成");
    assert_eq!(state(&town, order), State::Handling);
}

/// §4: one extension, asked before due, by working days; the promise before it stays visible, and
/// the cards belong to the new time.
#[test]
fn an_extension_moves_the_due_time_and_keeps_the_promise() {
    let mut town = town(708, 1, 0, "2026-06-18 16:40");
    let incoming = call(town.clock.now(), "X", 0, "电箱", "noise", false);
    let order = order_in(&mut town, incoming);
    go_to(&town, "2026-06-22 10:00");
    town.network.hq(|hq| hq.tick().unwrap());
    assert!(at_hq(&town, order).flag("flag/yellow"));
    let long = ProposalRecord { extend_days: Some(11), ..ask(ProposalKind::Extend, "需鉴定") };
    assert_eq!(propose(&town, "cg-01", order, long), Some(Refusal::TooLong));
    let ten = ProposalRecord { extend_days: Some(10), ..ask(ProposalKind::Extend, "需鉴定") };
    assert_eq!(propose(&town, "cg-01", order, ten.clone()), None);
    go_to(&town, "2026-06-23 15:00");
    assert_eq!(decide(&town, "dl-01", order, true, "同意"), None);
    let view = at_hq(&town, order);
    assert_eq!(view.int("promised_due"), Some(at("2026-06-23 17:30")));
    assert_eq!(view.int("internal_due"), Some(at("2026-07-07 17:30")));
    assert!(!view.flag("flag/yellow"));
    assert_eq!(propose(&town, "cg-01", order, ten), Some(Refusal::AlreadyExtended));
    assert_eq!(steps(&town, order, StepKind::Extended)[0].due.map(|t| t.0), Some(at("2026-07-07 17:30")));
}

/// The clerk raises the urgency: two hours from the start, and everybody's phone knows.
#[test]
fn urgency_is_raised_from_the_start_of_the_order() {
    let mut town = town(709, 1, 0, "2026-05-06 09:00");
    let incoming = call(town.clock.now(), "Y", 0, "燃气味", "noise", false);
    let order = order_in(&mut town, incoming);
    town.clock.advance(600_000);
    assert_eq!(try_act(&town, "hc-01", order, &Act::Urgency(true), ""), Some(Refusal::ReasonMissing));
    act(&town, "hc-01", order, &Act::Urgency(true), "有泄漏危险");
    let view = at_hq(&town, order);
    assert_eq!(
        (view.text("urgency"), view.int("internal_due")),
        (Some("urgent"), Some(at("2026-05-06 11:00")))
    );
    town.settle();
    assert!(town.phones[A].field().order(order).unwrap().row.urgent);
}

/// R49: what is unclear is not dispatched before a site check is planned, and only headquarters
/// clears the flag.
#[test]
fn unclear_orders_are_looked_at_first() {
    let town = town(710, 1, 0, "2026-05-06 09:00");
    let incoming = call(town.clock.now(), "Z", 0, "说不清的异味", "noise", false);
    town.network.hq(|hq| hq.take_in(&[incoming], Acceptance::Later).unwrap());
    let order = by_upstream(&town, "Z");
    town.network.hq(|hq| hq.write_as("hc-01", order, &[Edit::set("unclear_statement", true)]).unwrap());
    act(&town, "hc-01", order, &Act::Accept, "");
    assert_eq!(state(&town, order), State::Accepted, "waits for the clerk");
    let cell = town.cells[0].clone();
    assert_eq!(try_act(&town, "hc-01", order, &to("", &cell), ""), Some(Refusal::NoSiteCheck));
    act(&town, "hc-01", order, &Act::Clear, "来电补充说明");
    act(&town, "hc-01", order, &to("", &cell), "");
    assert_eq!(at_hq(&town, order).text("lead_unit"), Some("sec-chengguan"), "as the catalogue says");
}

/// A section sees and does nothing outside its own orders: for it they do not exist.
#[test]
fn a_section_has_its_own_orders_only() {
    let mut town = town(711, 1, 0, "2026-05-06 09:00");
    let incoming = call(town.clock.now(), "S", 0, "噪音", "noise", false);
    let order = order_in(&mut town, incoming);
    let foreign = town.network.hq(|hq| {
        let record = ProposalRecord { order_version: 1, ..ask(ProposalKind::Ack, "") };
        hq.propose("zj-01", order, &record).map_err(|e| e.to_string())
    });
    assert!(foreign.unwrap_err().starts_with("not found"));
    assert!(town.network.hq(|hq| hq.note("zj-01", order, "看看").is_err()));
    assert_eq!(town.network.hq(|hq| hq.note("cg-01", order, "已安排").unwrap()), None);
    assert_eq!(
        town.network.hq(|hq| hq.note("cg-01", order, "电话13800008000").unwrap()),
        Some(Refusal::PersonalData)
    );
    assert_eq!(
        town.network.hq(|hq| hq
            .finding("cg-01", order, "奎城认1号", TimeMs(at("2026-05-06 00:00")), "违建")
            .unwrap()),
        Some(Refusal::RoleMayNot)
    );
    assert_eq!(
        town.network.hq(|hq| hq
            .finding("en-01", order, "奎城认1号", TimeMs(at("2026-05-06 00:00")), "违建")
            .unwrap()),
        None
    );
}
