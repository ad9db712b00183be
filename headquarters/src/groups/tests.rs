#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
use crate::ahead::tests::{GRID, Town, at, why};
use lanewalk_model::{
    group::{Refusal, cluster as rules, taskforce as force_rules},
    order::{State, state, steps},
    person::merged_into,
    records::StepKind,
    time::TimeMs,
};

fn kinds(town: &Town, order: DocId) -> Vec<StepKind> {
    steps(&town.view(order)).into_iter().map(|(_, s)| s.kind).collect()
}

fn street(town: &mut Town, n: i32) -> Vec<DocId> {
    (0..n).map(|i| town.order("门前乱停车", "2026-05-07 10:00", GRID, i * 10)).collect()
}

#[test]
fn children_keep_what_is_theirs_and_the_master_ends_with_the_last() {
    let mut town = Town::new("2026-05-08 09:40");
    let orders = street(&mut town, 3);
    let before: Vec<_> = orders.iter().map(|o| town.view(*o)).collect();
    for (by, title, children, want) in [
        ("boss", "停车", &orders[..], Refusal::RoleMayNot),
        ("clerk", " ", &orders[..], Refusal::WordsMissing),
        ("clerk", "停车", &orders[..1], Refusal::TooFew),
        ("clerk", "停车", &[orders[0], orders[0]][..], Refusal::TooFew),
    ] {
        assert_eq!(why(town.hq.make_cluster(title, children, None, by)), want);
    }
    let master = town.hq.make_cluster("华府一品停车", &orders[..2], None, "clerk").unwrap();
    assert_eq!(why(town.hq.make_cluster("再并", &orders, None, "clerk")), Refusal::Taken);
    assert_eq!(why(town.hq.join_cluster(master, master, "clerk")), Refusal::NotAnOrder);
    town.hq.join_cluster(master, orders[2], "clerk").unwrap();
    let m = town.view(master);
    assert_eq!(
        (m.text("channel"), m.text("lead_unit"), m.int("internal_due")),
        (Some("cluster"), Some("sec-a"), None)
    );
    assert!(!rules::is_counted(&m) && !kinds(&town, master).contains(&StepKind::Received));
    for (child, old) in orders.iter().zip(&before) {
        let new = town.view(*child);
        assert_eq!(new.text("master"), Some(master.to_string().as_str()));
        for key in ["internal_due", "order_version", "state", "title"] {
            assert_eq!(new.get(key), old.get(key), "{key}");
        }
        assert_eq!(kinds(&town, *child), [StepKind::Clustered]);
    }
    assert_eq!(why(town.hq.split_cluster(master, orders[2], "", "clerk")), Refusal::WordsMissing);
    town.hq.split_cluster(master, orders[2], "另一处", "clerk").unwrap();
    let alone = town.view(orders[2]);
    assert_eq!((alone.text("master"), alone.flag("flag/cluster_child")), (Some(""), false));
    assert_eq!(why(town.hq.split_cluster(master, orders[2], "再", "clerk")), Refusal::NotInIt);

    town.end(orders[0]);
    assert_eq!(state(&town.view(master)), State::Handling);
    town.end(orders[1]);
    assert_eq!(state(&town.view(master)), State::Closed);
    assert_eq!(kinds(&town, master).last(), Some(&StepKind::Closed));
    assert_eq!(state(&town.view(orders[2])), State::Acked, "who was taken out goes on");
    assert_eq!(why(town.hq.join_cluster(master, orders[2], "clerk")), Refusal::Over);
}

#[test]
fn the_clock_ends_a_master_too() {
    let mut town = Town::new("2026-05-08 09:40");
    let orders = street(&mut town, 2);
    let master = town.hq.make_cluster("停车", &orders, None, "clerk").unwrap();
    for order in &orders {
        town.hq.write_by_rule(&[(*order, vec![Edit::set("state", "EXCLUDED")])]).unwrap();
    }
    town.hq.tick_groups().unwrap();
    assert_eq!(state(&town.view(master)), State::Closed);
}

/// AC-1, as far as headquarters goes.
#[test]
fn a_task_force_from_opening_to_the_plan_that_stays() {
    let mut town = Town::new("2026-05-08 09:40");
    let orders = street(&mut town, 14);
    let master = town.hq.make_cluster("华府一品门前停车", &orders, None, "clerk").unwrap();
    let new = NewTaskForce {
        title: "华府一品停车专班".into(),
        lead: "deputy".into(),
        due: at("2026-06-08 17:30"),
        members: vec!["gw-01".into(), "ps-01".into(), "区交警大队 张队".into()],
        orders: vec![master],
    };
    assert_eq!(why(town.hq.open_task_force(&new, "deputy")), Refusal::RoleMayNot);
    for (spoilt, want) in [
        (NewTaskForce { lead: "nobody".into(), ..new.clone() }, Refusal::LeadMissing),
        (NewTaskForce { due: at("2026-05-08 09:40"), ..new.clone() }, Refusal::DueMissing),
        (NewTaskForce { due: TimeMs(i64::MAX), ..new.clone() }, Refusal::DueMissing),
    ] {
        assert_eq!(why(town.hq.open_task_force(&spoilt, "boss")), want);
    }
    let force = town.hq.open_task_force(&new, "boss").unwrap();
    let view = town.view(force);
    assert_eq!(orders_of(&view, "order").len(), 15, "the master brought its children");
    let members: Vec<_> = view.members("member").map(|(_, n)| n.text().unwrap().to_owned()).collect();
    assert!(members.contains(&"王建国".to_owned()) && members.contains(&"区交警大队 张队".to_owned()));
    assert!(orders.iter().all(|o| town.view(*o).flag("flag/taskforce")));
    assert_eq!(why(town.hq.task_force_takes(force, orders[0], "clerk")), Refusal::Taken);

    assert_eq!(
        why(town.hq.task_force_meets(force, at("2026-05-11 15:00"), &[], "议", "sec-a-1")),
        Refusal::NotMember
    );
    town.hq.task_force_member(force, "sec-a-1", "deputy").unwrap();
    for (day, plan) in [
        ("2026-05-11 15:00", "划线"),
        ("2026-05-13 15:00", "划线、错峰"),
        ("2026-05-15 15:00", "划线、错峰、劝导"),
    ] {
        town.hq
            .task_force_meets(force, at(day), &["交警".into(), " ".into()], "开会研究", "sec-a-1")
            .unwrap();
        town.hq.task_force_plan(force, plan, "sec-a-1").unwrap();
    }
    assert_eq!(why(town.hq.task_force_adopts(force, 3, "sec-a-1")), Refusal::RoleMayNot);
    assert_eq!(why(town.hq.task_force_adopts(force, 4, "deputy")), Refusal::NoSuchPlan);
    town.hq.task_force_adopts(force, 3, "deputy").unwrap();
    let view = town.view(force);
    assert_eq!(force_rules::adopted(&view).unwrap().version, 3);
    assert_eq!(force_rules::meetings(&view)[0].1.present, ["交警"]);

    assert_eq!(why(town.hq.dissolve_task_force(force, "完", "boss")), Refusal::StillOpen);
    assert_eq!(why(town.hq.draft_plan(force, "clerk")), Refusal::StillOpen);
    orders.iter().for_each(|o| town.end(*o));
    town.hq.dissolve_task_force(force, "问题解决", "boss").unwrap();
    assert_eq!(state(&town.view(master)), State::Closed);
    assert_eq!(why(town.hq.task_force_plan(force, "v4", "boss")), Refusal::Over);

    let n = town.hq.draft_plan(force, "clerk").unwrap();
    let draft = crate::ahead::kb::drafts(town.hq.reader()).unwrap().remove(0);
    assert_eq!(
        (draft.n, draft.entry.steps.as_str(), draft.entry.owner_unit.as_str()),
        (n, "划线、错峰、劝导", "sec-a")
    );
    assert!(draft.entry.body.contains("14 件"));
    assert_eq!(why(town.hq.publish_draft(n, &draft.entry, "clerk")), Refusal::RoleMayNot);
    let plan = town.hq.publish_draft(n, &draft.entry, "sec-a-2").unwrap();
    assert_eq!(town.view(plan).text("drafted_from"), Some(force.to_string().as_str()));
    assert_eq!(why(town.hq.publish_draft(n, &draft.entry, "sec-a-2")), Refusal::Decided);
}

#[test]
fn an_overdue_task_force_supervises_its_orders_once_a_due_time() {
    let mut town = Town::new("2026-05-08 09:40");
    let orders = street(&mut town, 2);
    let due = at("2026-05-20 17:30");
    let new = NewTaskForce {
        title: "专班".into(),
        lead: "deputy".into(),
        due,
        members: Vec::new(),
        orders: orders.clone(),
    };
    let force = town.hq.open_task_force(&new, "boss").unwrap();
    town.end(orders[1]);
    let supervised = |town: &Town, id| kinds(town, id).iter().filter(|k| **k == StepKind::Supervised).count();
    for (time, want) in [("2026-05-20 17:30", 0), ("2026-05-20 17:31", 1), ("2026-05-21 09:00", 1)] {
        town.set(time);
        town.hq.tick_groups().unwrap();
        assert_eq!((supervised(&town, orders[0]), supervised(&town, force)), (want, want), "{time}");
    }
    assert_eq!(supervised(&town, orders[1]), 0, "what has ended is left alone");
    town.hq.task_force_due(force, at("2026-05-22 17:30"), "等交警", "boss").unwrap();
    town.hq.tick_groups().unwrap();
    assert_eq!(supervised(&town, orders[0]), 1);
    town.set("2026-05-23 09:00");
    town.hq.tick_groups().unwrap();
    assert_eq!(supervised(&town, orders[0]), 2);
    town.hq.task_force_lets_go(force, orders[0], "转科室", "clerk").unwrap();
    let order = town.view(orders[0]);
    assert_eq!((order.text("taskforce"), order.flag("flag/taskforce")), (Some(""), false));
}

#[test]
fn a_sub_task_has_its_own_clock_and_leaves_the_main_order_alone() {
    let mut town = Town::new("2026-06-22 10:00");
    let main = town.order("电箱", "2026-06-18 16:40", GRID, 0);
    let before = town.view(main);
    let new = NewSubtask { title: "楼顶防水".into(), lead_unit: "sec-b".into(), ..NewSubtask::default() };
    assert_eq!(why(town.hq.make_subtask(main, &new, "gw-01")), Refusal::RoleMayNot);
    let sub = town.hq.make_subtask(main, &new, "clerk").unwrap();
    let view = town.view(sub);
    assert_eq!(view.int("internal_due"), Some(at("2026-06-24 17:30").0));
    assert_eq!((view.text("subtask_of"), view.text("grid")), (Some(main.to_string().as_str()), Some(GRID)));
    assert!(view.flag("assignee/gw-01") && !rules::is_counted(&view));
    assert_eq!(why(town.hq.make_subtask(sub, &new, "clerk")), Refusal::NotAnOrder);
    town.end(main);
    town.end(sub);
    assert_eq!((state(&town.view(main)), state(&town.view(sub))), (State::Closed, State::Closed));
    assert_eq!(town.view(main).int("internal_due"), before.int("internal_due"));
}

fn place(town: &mut Town, name: &str) -> DocId {
    let id = town.hq.new_id(DocKind::Place);
    let edits = vec![Edit::set("grid", GRID), Edit::set("kind", "shop"), Edit::set("name", name)];
    town.hq.write_by_rule(&[(id, edits)]).unwrap();
    id
}

#[test]
fn a_survey_counts_doors_and_merged_places_once() {
    let mut town = Town::new("2026-05-08 14:00");
    let order = town.order("停车", "2026-05-07 10:00", GRID, 0);
    let (a, b, c) = (place(&mut town, "一号店"), place(&mut town, "二号店"), place(&mut town, "贰号店"));
    let door = |place, name: &str| Door { place, name: name.into() };
    let new = NewSurvey {
        title: "商户意见".into(),
        question: "是否同意划线".into(),
        order: Some(order),
        doors: vec![door(Some(a), "一号店"), door(Some(b), "二号店"), door(None, "岗亭")],
        ..NewSurvey::default()
    };
    assert_eq!(why(town.hq.make_survey(&new, "gw-01")), Refusal::RoleMayNot);
    let survey = town.hq.make_survey(&new, "clerk").unwrap();
    assert_eq!(town.view(survey).text("grid"), Some(GRID));
    town.hq.add_doors(survey, &[door(Some(c), "贰号店")], "clerk").unwrap();
    let hex = |id: DocId| lanewalk_model::id::to_hex(&id.uuid);
    for (target, answer) in
        [(hex(a), "support"), (hex(b), "support"), (hex(c), "oppose"), ("3".into(), "absent")]
    {
        town.hq.write_by_rule(&[(survey, vec![Edit::set(format!("answer/{target}"), answer)])]).unwrap();
    }
    let count = |town: &Town| {
        let t = tally(town.hq.reader(), &town.view(survey)).unwrap();
        (t.doors.len(), t.heard, t.conflicts, t.absent)
    };
    assert_eq!(count(&town), (4, 3, 0, 1));
    town.set("2026-05-09 14:00");
    assert_eq!(why(town.hq.map_place(c, Some(c), "同一地点", "clerk")), Refusal::Same);
    town.hq.map_place(c, Some(b), "同一地点", "clerk").unwrap();
    assert_eq!(why(town.hq.map_place(b, Some(c), "同一地点", "clerk")), Refusal::Same);
    assert_eq!(count(&town), (3, 2, 1, 1));
    town.set("2026-05-10 14:00");
    town.hq.write_by_rule(&[(survey, vec![Edit::set(format!("answer/{}", hex(b)), "neutral")])]).unwrap();
    assert_eq!(count(&town), (3, 2, 0, 1));
    town.hq.map_place(c, None, "同一地点", "clerk").unwrap();
    assert_eq!(count(&town), (4, 3, 0, 1));
}

#[test]
fn merges_of_residents_are_undone_one_by_one() {
    let mut town = Town::new("2026-05-08 14:00");
    let people: Vec<DocId> = (0..3)
        .map(|i| {
            let id = town.hq.new_id(DocKind::Person);
            town.hq
                .write_by_rule(&[(id, vec![Edit::set("grid", GRID), Edit::set("name", format!("居民{i}"))])])
                .unwrap();
            id
        })
        .collect();
    let into = |town: &Town, i: usize| merged_into(&town.view(people[i])).map(|(_, p)| p);
    assert_eq!(why(town.hq.merge_persons(people[0], people[1], "同一人", "gw-01")), Refusal::RoleMayNot);
    assert_eq!(why(town.hq.merge_persons(people[0], people[0], "同一人", "clerk")), Refusal::Same);
    town.hq.merge_persons(people[0], people[1], "同一人", "clerk").unwrap();
    assert_eq!(why(town.hq.merge_persons(people[1], people[0], "反了", "clerk")), Refusal::Same);
    assert_eq!(why(town.hq.merge_persons(people[0], people[2], "再并", "clerk")), Refusal::Taken);
    assert_eq!(into(&town, 0), Some(people[1]));
    town.hq.undo_merge(people[0], "不是同一人", "clerk").unwrap();
    assert_eq!(into(&town, 0), None);
    assert_eq!(why(town.hq.undo_merge(people[0], "再", "clerk")), Refusal::NothingToUndo);
    town.hq.merge_persons(people[0], people[2], "另一人", "clerk").unwrap();
    assert_eq!(into(&town, 0), Some(people[2]));
    assert_eq!(town.view(people[0]).members("merged").count(), 3, "nothing is deleted");
}

#[test]
fn a_cluster_drafts_a_plan_from_its_replies() {
    let mut town = Town::new("2026-05-08 09:40");
    let orders = street(&mut town, 2);
    let master = town.hq.make_cluster("停车", &orders, None, "clerk").unwrap();
    for order in &orders {
        town.hq.write_by_rule(&[(*order, vec![Edit::set("reply_text", "已划线")])]).unwrap();
    }
    assert_eq!(why(town.hq.draft_plan(master, "clerk")), Refusal::StillOpen);
    assert_eq!(why(town.hq.draft_plan(orders[0], "clerk")), Refusal::StillOpen);
    orders.iter().for_each(|o| town.end(*o));
    town.hq.draft_plan(master, "clerk").unwrap();
    let draft = crate::ahead::kb::drafts(town.hq.reader()).unwrap().remove(0);
    assert_eq!(draft.entry.body.matches("已划线").count(), 1);
    town.hq.drop_draft(draft.n, "已有预案", "deputy").unwrap();
    assert!(crate::ahead::kb::drafts(town.hq.reader()).unwrap().is_empty());
}
