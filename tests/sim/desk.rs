//! What people at headquarters do in a simulated town: the whole workflow, drawn from dice.
//!
//! Invariant: whatever is drawn is tried; the rules say no in words and nothing else happens. An
//! error that is no such answer fails the seed. Rejected: drawing only what the rules allow, which
//! never meets a rule that is too lax.

use lanewalk_headquarters::{
    Headquarters, HqError,
    ahead::kb::Entry,
    desk::Waiting,
    groups::{Door, NewSubtask, NewSurvey, NewTaskForce},
    intake::{Acceptance, Conversion},
};
use lanewalk_model::{
    id::DocId,
    order::{self, Act, Destination, Refusal, State},
    person::merged_into,
    records::{CallbackRecord, ProposalKind, ProposalRecord},
    schema::DocKind,
    time::TimeMs,
    view::DocView,
};
use std::collections::BTreeMap;
use support::{dice::Dice, town::Town};

/// How often each kind of act was done and refused.
pub(crate) type Acts = BTreeMap<&'static str, (u64, u64)>;

const CLERKS: [&str; 2] = ["hc-01", "hc-02"];
const SECTIONS: [(&str, &str); 3] =
    [("cg-01", "sec-chengguan"), ("zj-01", "sec-zhujian"), ("sq-01", "sec-shequ")];
const OUTCOMES: [&str; 3] = ["mediated", "explained", "not_found"];

/// What became of an act: `true` when it was done.
type Done = Result<bool, HqError>;

/// A quarter of an hour at the desk: a few acts drawn from the dice, each counted.
pub(crate) fn work_on(town: &mut Town, dice: &mut Dice, acts: &mut Acts) {
    for _ in 0..2 + dice.below(7) {
        act(town, dice, acts);
    }
}

fn act(town: &mut Town, dice: &mut Dice, acts: &mut Acts) {
    if dice.chance(6) {
        town.import_as(1, Acceptance::Later);
        acts.entry("import").or_default().0 += 1;
        return;
    }
    let (cells, now) = (town.cells.clone(), TimeMs(town.clock.now()));
    let done = town.network.hq(|hq| one(hq, dice, &cells, now));
    count(acts, done);
}

/// Answers one proposal that waits, and counts it.
pub(crate) fn answer(town: &mut Town, dice: &mut Dice, acts: &mut Acts) {
    let done = town.network.hq(|hq| decide(hq, dice));
    count(acts, done);
}

fn count(acts: &mut Acts, (what, done): (&'static str, Done)) {
    let count = acts.entry(what).or_default();
    match done {
        Ok(true) => count.0 += 1,
        Ok(false) | Err(HqError::NotAllowed(_) | HqError::NotFound(_)) => count.1 += 1,
        Err(e) => panic!("{what} at headquarters: {e}"),
    }
}

fn one(hq: &mut Headquarters, dice: &mut Dice, cells: &[String], now: TimeMs) -> (&'static str, Done) {
    match dice.below(20) {
        0..=8 => work(hq, dice, cells),
        9..=11 => decide(hq, dice),
        12 | 13 => facts(hq, dice, now),
        14 | 15 => group(hq, dice, now),
        16 => ("catalogue", catalogue(hq, dice)),
        17 => records(hq, dice),
        18 => ("tick", hq.tick().map(|_| true)),
        _ => ("watch", said(hq.take_watch(clerk(dice), "无"))),
    }
}

fn clerk(dice: &mut Dice) -> &'static str {
    CLERKS[usize::from(dice.chance(50))]
}

fn said(answer: Result<Option<Refusal>, HqError>) -> Done {
    answer.map(|refusal| refusal.is_none())
}

fn any(hq: &Headquarters, dice: &mut Dice, kind: DocKind) -> Option<DocId> {
    draw(hq, dice, &format!("kind = {}", kind.code()))
}

/// An order that waits for somebody at headquarters.
fn waiting_order(hq: &Headquarters, dice: &mut Dice) -> Option<DocId> {
    let late =
        dice.chance(70).then(|| draw(hq, dice, "kind = 1 AND row ->> 'state' IN ('SUBMITTED', 'CALLBACK')"));
    late.flatten()
        .or_else(|| draw(hq, dice, "kind = 1 AND row ->> 'state' IN ('RECEIVED', 'TRIAGE', 'ACKED')"))
}

fn draw(hq: &Headquarters, dice: &mut Dice, those: &str) -> Option<DocId> {
    let ids = ids(hq, those);
    (!ids.is_empty()).then(|| *dice.pick(&ids))
}

fn ids(hq: &Headquarters, those: &str) -> Vec<DocId> {
    let sql = format!("SELECT id FROM docs WHERE {those} ORDER BY n");
    let mut statement = hq.reader().prepare(&sql).unwrap();
    let ids = statement.query_map([], |r| r.get::<_, Vec<u8>>(0)).unwrap();
    ids.map(|id| DocId::from_slice(&id.unwrap()).unwrap()).collect()
}

/// One step of an order, mostly the one its state waits for.
fn work(hq: &mut Headquarters, dice: &mut Dice, cells: &[String]) -> (&'static str, Done) {
    let waits = if dice.chance(60) { waiting_order(hq, dice) } else { None };
    let Some(id) = waits.or_else(|| any(hq, dice, DocKind::Order)) else { return ("nothing", Ok(false)) };
    let view = hq.document(id).unwrap().unwrap();
    let by_clerk = clerk(dice);
    let usual = dice.chance(75);
    match order::state(&view) {
        State::Received if usual => ("accept", said(hq.perform(by_clerk, id, &Act::Accept, ""))),
        State::Accepted | State::Triage if usual => {
            let to = Destination {
                lead_unit: dice.pick(&SECTIONS).1.into(),
                grid: dice.pick(cells).clone(),
                site_check_planned: dice.chance(70),
                ..Destination::default()
            };
            let by = if dice.chance(80) { "dl-01" } else { by_clerk };
            ("dispatch", said(hq.perform(by, id, &Act::Dispatch(to), "研判派件")))
        }
        State::Dispatched | State::Acked | State::Investigating | State::Handling if usual => {
            section(hq, dice, id, &view)
        }
        State::Submitted if usual && dice.chance(75) => {
            ("pass", said(hq.perform(by_clerk, id, &Act::Pass, "")))
        }
        State::Submitted => ("send back", said(hq.perform(by_clerk, id, &Act::SendBack, "材料不全"))),
        State::Callback if order::callback_done(&view) && dice.chance(30) => {
            ("rework", said(hq.perform(by_clerk, id, &Act::Rework, "群众不满意")))
        }
        State::Callback if order::callback_done(&view) && dice.chance(60) => {
            ("close", said(hq.perform(by_clerk, id, &Act::Close, "")))
        }
        State::Callback if usual => match dice.below(5) {
            0..=3 => {
                let reached = dice.chance(70);
                let mut answer = || (reached && dice.chance(90)).then(|| dice.chance(70));
                let call = CallbackRecord {
                    at: TimeMs(0),
                    round: 0,
                    reached,
                    process_satisfied: answer(),
                    result_satisfied: answer(),
                    resolved: answer(),
                    note: String::new(),
                };
                ("callback", said(hq.perform("ca-01", id, &Act::Callback(call), "")))
            }
            _ => ("close", said(hq.perform(by_clerk, id, &Act::Close, ""))),
        },
        _ => match dice.below(6) {
            0 => ("chase", said(hq.perform(by_clerk, id, &Act::Chase, "请尽快"))),
            1 => ("supervise", said(hq.perform("pl-01", id, &Act::Supervise, "督办"))),
            2 => ("urgency", said(hq.perform(by_clerk, id, &Act::Urgency(dice.chance(50)), "升级"))),
            3 => ("clear", said(hq.perform(by_clerk, id, &Act::Clear, "已查清"))),
            4 => ("resume", said(hq.perform("dl-01", id, &Act::Resume, "条件具备"))),
            _ => ("close", said(hq.perform(by_clerk, id, &Act::Close, ""))),
        },
    }
}

/// A section takes an order, works on it, offers it on, or asks for something.
fn section(hq: &mut Headquarters, dice: &mut Dice, id: DocId, view: &DocView) -> (&'static str, Done) {
    let holder = view.text("offered_to").filter(|to| !to.is_empty()).or(view.text("lead_unit"));
    let own = SECTIONS.iter().find(|(_, unit)| holder == Some(*unit)).filter(|_| dice.chance(85));
    let (by, _) = *own.unwrap_or_else(|| dice.pick(&SECTIONS));
    let ask = |kind| ProposalRecord::new(kind, order::version(view), "科室意见");
    let due = match order::state(view) {
        State::Dispatched => 0,
        State::Investigating if dice.chance(30) => 1,
        _ => 2,
    };
    let (what, record) = match if dice.chance(55) { due } else { dice.below(8) } {
        0 => ("ack", ask(ProposalKind::Ack)),
        1 => ("handle", ask(ProposalKind::Handle)),
        2 => {
            let outcome = Some((*dice.pick(&OUTCOMES)).to_owned());
            let _ = hq.contact(by, id, true, "已联系");
            let _ = hq.reply(by, id, "已办理");
            ("submit", ProposalRecord { outcome, ..ask(ProposalKind::Submit) })
        }
        3 => (
            "transfer",
            ProposalRecord { to: Some(dice.pick(&SECTIONS).1.into()), ..ask(ProposalKind::Transfer) },
        ),
        4 => ("decline", ask(ProposalKind::Decline)),
        5 => ("extend", ProposalRecord { extend_days: Some(3), ..ask(ProposalKind::Extend) }),
        _ if dice.chance(50) => {
            let (ground, evidence) = (Some("duplicate".to_owned()), Some("见走访".to_owned()));
            ("exclude", ProposalRecord { ground, evidence, ..ask(ProposalKind::Exclude) })
        }
        _ => {
            let review_at = Some(TimeMs(view.int("reported_at").unwrap_or(0) + 40 * 86_400_000));
            ("park", ProposalRecord { review_at, ..ask(ProposalKind::Park) })
        }
    };
    (what, said(hq.propose(by, id, &record)))
}

fn decide(hq: &mut Headquarters, dice: &mut Dice) -> (&'static str, Done) {
    let waiting: Vec<Waiting> = hq.waiting().unwrap();
    if waiting.is_empty() {
        return ("decide", Ok(false));
    }
    let asked = dice.pick(&waiting).clone();
    let by = *dice.pick(&["dl-01", "hc-01", "hc-02"]);
    ("decide", said(hq.decide(asked.order, &asked.event, dice.chance(65), by, "研究决定")))
}

fn facts(hq: &mut Headquarters, dice: &mut Dice, now: TimeMs) -> (&'static str, Done) {
    let Some(id) = any(hq, dice, DocKind::Order) else { return ("nothing", Ok(false)) };
    let (by, _) = *dice.pick(&SECTIONS);
    match dice.below(6) {
        0 => ("reply", said(hq.reply(by, id, "已答复"))),
        1 => ("note", said(hq.note(clerk(dice), id, "补充说明"))),
        2 => ("contact", said(hq.contact(clerk(dice), id, dice.chance(60), "去电"))),
        3 => ("finding", said(hq.finding("en-01", id, "认字18号", now, "违法建设"))),
        _ => {
            // Whoever sees two values says which one holds.
            let view = hq.document(id).unwrap().unwrap();
            let open = view.conflicts().into_iter().find(|c| view.is_open_conflict(&c.key));
            let Some(conflict) = open else { return ("resolve", Ok(false)) };
            let value = dice.pick(view.all(&conflict.key)).value.clone();
            let value = serde_json::to_string(&value).unwrap();
            ("resolve", said(hq.resolve(clerk(dice), id, id, &conflict.key, &value)))
        }
    }
}

/// Clusters, task forces, sub-tasks, surveys.
fn group(hq: &mut Headquarters, dice: &mut Dice, now: TimeMs) -> (&'static str, Done) {
    let (Some(a), Some(b)) = (any(hq, dice, DocKind::Order), any(hq, dice, DocKind::Order)) else {
        return ("nothing", Ok(false));
    };
    let force = any(hq, dice, DocKind::TaskForce);
    match (dice.below(9), force) {
        (0, _) => ("cluster", hq.make_cluster("并案", &[a, b], None, "hc-01").map(|_| true)),
        (1, _) => ("join", hq.join_cluster(a, b, "hc-01").map(|()| true)),
        (2, _) => {
            let child = |id: &DocId| hq.document(*id).unwrap().unwrap().flag("flag/cluster_child");
            let b = (0..12).filter_map(|_| any(hq, dice, DocKind::Order)).find(child).unwrap_or(b);
            let master = hq.document(b).unwrap().unwrap().text("master").and_then(|m| m.parse().ok());
            ("split", hq.split_cluster(master.unwrap_or(a), b, "另办", "hc-01").map(|()| true))
        }
        (3, _) | (_, None) => {
            let new = NewTaskForce {
                title: "专班".into(),
                lead: "dl-01".into(),
                due: TimeMs(now.0 + 3_600_000 * i64::try_from(1 + dice.below(300)).unwrap()),
                members: vec!["cg-01".into(), "交警 张队".into()],
                orders: vec![a],
            };
            ("task force", hq.open_task_force(&new, "pl-01").map(|_| true))
        }
        (4, Some(force)) => {
            let _ = hq.task_force_meets(force, now, &["城管".into()], "会议", "dl-01");
            ("plan", hq.task_force_plan(force, "方案", "dl-01").map(|_| true))
        }
        (5, Some(force)) => ("take up", hq.task_force_takes(force, a, "hc-01").map(|()| true)),
        (6, Some(force)) => match dice.below(3) {
            0 => ("adopt", hq.task_force_adopts(force, 1, "pl-01").map(|()| true)),
            1 => ("let go", hq.task_force_lets_go(force, a, "另办", "hc-01").map(|()| true)),
            _ => ("dissolve", hq.dissolve_task_force(force, "完成", "pl-01").map(|()| true)),
        },
        (7, _) => {
            let new =
                NewSubtask { title: "后续".into(), lead_unit: "sec-shequ".into(), ..NewSubtask::default() };
            let made =
                if dice.chance(50) { hq.make_subtask(a, &new, "hc-01") } else { hq.make_recheck(a, "hc-01") };
            ("sub-task", made.map(|_| true))
        }
        _ => {
            let door = |place: DocId| Door { place: Some(place), name: "门店".into() };
            let survey = NewSurvey {
                title: "意见".into(),
                question: "是否同意".into(),
                order: Some(a),
                doors: any(hq, dice, DocKind::Place).map(door).into_iter().collect(),
                ..NewSurvey::default()
            };
            ("survey", hq.make_survey(&survey, "hc-01").map(|_| true))
        }
    }
}

/// R27: a choice becomes a row, or does not.
fn catalogue(hq: &mut Headquarters, dice: &mut Dice) -> Done {
    let rows = hq.catalog_proposals().unwrap();
    let Some(row) = rows.first() else { return Ok(false) };
    let by = if dice.chance(80) { "dl-01" } else { "hc-01" };
    if dice.chance(70) {
        let code = format!("0102{:02}", dice.below(20));
        said(hq.adopt_row(by, row.n, &code, "新增事项", &["unknown"]))
    } else {
        said(hq.decline_row(by, row.n))
    }
}

/// Appeals, persons and places recorded twice, knowledge.
fn records(hq: &mut Headquarters, dice: &mut Dice) -> (&'static str, Done) {
    match dice.below(6) {
        0 | 1 => {
            let Some(a) = any(hq, dice, DocKind::Person) else { return ("merge", Ok(false)) };
            let other = (0..6).filter_map(|_| any(hq, dice, DocKind::Person)).find(|b| *b != a);
            let b = other.unwrap_or(a);
            // One that was merged is parted again, if there is one: there are few.
            let merged = |id: &DocId| merged_into(&hq.document(*id).unwrap().unwrap()).is_some();
            match ids(hq, &format!("kind = {}", DocKind::Person.code())).into_iter().find(merged) {
                Some(a) if dice.chance(50) => {
                    ("undo", hq.undo_merge(a, "不是同一人", "hc-01").map(|()| true))
                }
                _ => ("merge", hq.merge_persons(a, b, "同一人", "hc-01").map(|()| true)),
            }
        }
        2 => {
            let pair = (any(hq, dice, DocKind::Place), any(hq, dice, DocKind::Place));
            let (Some(a), Some(b)) = pair else { return ("map", Ok(false)) };
            ("map", hq.map_place(a, dice.chance(70).then_some(b), "同一地点", "hc-01").map(|()| true))
        }
        3 | 4 => {
            let Some(appeal) = any(hq, dice, DocKind::Appeal) else { return ("convert", Ok(false)) };
            if dice.chance(70) {
                let how = Conversion { urgent: dice.chance(20), ..Conversion::default() };
                ("convert", hq.convert_appeal(appeal, "hc-01", &how).map(|_| true))
            } else {
                ("close appeal", hq.close_appeal(appeal, "hc-01", "已解释").map(|()| true))
            }
        }
        _ => {
            let entry = Entry {
                title: "政策".into(),
                owner_unit: "sec-chengguan".into(),
                body: "说明".into(),
                ..Entry::default()
            };
            ("knowledge", hq.publish(&entry, "cg-01").map(|_| true))
        }
    }
}
