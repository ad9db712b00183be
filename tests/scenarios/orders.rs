//! Orders that change while a phone is away: facts stay, proposals are answered (DOMAIN.md §4).

use crate::{A, B, OTHER, accepted, at_hq, logged, order_in, refused, town, visit};
use lanewalk_field::FieldError;
use lanewalk_model::{
    document::Edit,
    order::Refusal,
    records::{MeasurementRecord, Method, ProposalKind},
    view::Value,
};
use support::check;

/// Headquarters closes the order while somebody stands at the door.
#[test]
fn a_closed_order_keeps_the_visit_and_refuses_the_proposal() {
    let mut town = town(201, 2);
    let order = order_in(&mut town, 0, "路灯不亮");
    let field = town.phones[A].field().clone();
    field.record_visit(visit(order, "site_check", "灯罩破了")).unwrap();
    let fact = town.remember(A, "visit");
    let event = field.propose(order, ProposalKind::Ack, "", None, None, false).unwrap().to_string();
    town.remember(A, "proposal");
    town.clock.advance(600_000);
    let now = town.clock.now();
    let version = at_hq(&town, order).int("order_version").unwrap();
    let closed = vec![
        Edit::set("state", "CLOSED"),
        Edit::set("closed_at", now),
        Edit::set("order_version", version + 1),
    ];
    town.network.hq(|hq| hq.write_by_rule(&[(order, closed)]).unwrap());
    town.clock.advance(600_000);
    town.settle();
    assert_eq!(logged(&town, fact).0, None);
    let page = field.order(order).unwrap();
    assert_eq!(page.view.text("state"), Some("CLOSED"));
    assert_eq!(page.visits.len(), 1);
    refused(&town, A, order, &event, Refusal::WrongState);
    assert!(page.actions.is_empty(), "{:?}", page.actions);
    check::laws(&town);
}

/// AC-3: twenty cats. The property manager's checks count, his "not true" does not.
#[test]
fn a_property_managers_no_is_kept_as_a_note() {
    let mut town = town(202, 2);
    let order = order_in(&mut town, 0, "楼道内养猫");
    let (manager, worker) = (town.phones[B].field().clone(), town.phones[A].field().clone());
    let reported = worker.order(order).unwrap().view;
    // Three checks, all offline.
    for (hours, words) in [(12, "楼道里没有"), (12, "有气味"), (23, "看到约12只")] {
        town.clock.advance(hours * 3_600_000);
        manager.record_visit(visit(order, "site_check", words)).unwrap();
        town.remember(B, "check");
    }
    manager.measure(order, "猫", 12_000, "只", Method::Estimated).unwrap();
    town.remember(B, "estimate");
    // The worker, offline too, counts.
    worker.record_visit(visit(order, "site_check", "室内20只,不许拍照")).unwrap();
    worker.measure(order, "猫", 20_000, "只", Method::Counted).unwrap();
    worker.set_field(order, "verified_address", Value::Text("3号楼2单元501室内".into())).unwrap();
    // He says it is not true; the phone tells him at once that this is not his to say.
    let denied = manager.propose(order, ProposalKind::Return, "不属实", None, None, false);
    assert_eq!(denied, Err(FieldError::WouldBeRefused { refusal: Refusal::RoleMayNot }));
    let event = manager.propose(order, ProposalKind::Return, "不属实", None, None, true).unwrap().to_string();
    town.remember(B, "return");
    town.clock.advance(14 * 3_600_000);
    town.settle();

    for phone in [A, B] {
        let page = town.phones[phone].field().order(order).unwrap();
        refused(&town, phone, order, &event, Refusal::RoleMayNot);
        let notes: Vec<_> = page.view.members("note").filter_map(|(_, v)| v.text()).collect();
        assert!(
            notes.iter().any(|n| n.contains("不属实") && n.contains("退单") && n.contains("ps-01")),
            "{notes:?}"
        );
        // What was reported stays beside what was found.
        for key in ["title", "summary", "place_text"] {
            assert_eq!(page.view.get(key), reported.get(key), "{key}");
        }
        assert!(page.view.text("place_text").unwrap().contains("楼道"));
        assert_eq!(page.view.text("verified_address"), Some("3号楼2单元501室内"));
        let mut counts: Vec<_> = page
            .view
            .members("measurement")
            .map(|(_, v)| serde_json::from_str::<MeasurementRecord>(v.text().unwrap()).unwrap())
            .map(|m| (m.milli / 1_000, m.method))
            .collect();
        counts.sort_by_key(|c| c.0);
        assert_eq!(counts, [(12, Method::Estimated), (20, Method::Counted)]);
        // The manager sees his own checks only (R45), the worker all of them.
        assert_eq!(page.visits.len(), if phone == A { 4 } else { 3 });
    }
    assert_ne!(at_hq(&town, order).text("state"), Some("RETURNED"));
    check::laws(&town);
}

/// Acknowledged, visited, answered and submitted in one morning without coverage; the colleague
/// who did the same on the old sight of the order is told why not.
#[test]
fn ack_and_submit_of_one_morning_are_both_accepted() {
    let mut town = town(203, 2);
    let order = order_in(&mut town, 1, "噪音扰民");
    let (first, second) = (town.phones[A].field().clone(), town.phones[OTHER].field().clone());
    let morning = first.order(order).unwrap().view.int("order_version");
    let ack = first.propose(order, ProposalKind::Ack, "", None, None, false).unwrap().to_string();
    town.clock.advance(1_800_000);
    first.record_visit(visit(order, "site_check", "已劝说")).unwrap();
    first.set_field(order, "reply_text", Value::Text("已现场调解".into())).unwrap();
    let submit =
        first.propose(order, ProposalKind::Submit, "", Some("mediated"), None, false).unwrap().to_string();
    assert_eq!(
        first.order(order).unwrap().view.int("order_version"),
        morning,
        "nothing is decided on a phone"
    );
    // The colleague, offline as well.
    second.record_visit(visit(order, "site_check", "没人开门")).unwrap();
    let late =
        second.propose(order, ProposalKind::Submit, "", Some("not_found"), None, true).unwrap().to_string();

    town.sync(A).unwrap();
    accepted(&town, A, order, &ack);
    accepted(&town, A, order, &submit);
    town.settle();
    refused(&town, OTHER, order, &late, Refusal::WrongState);
    let view = at_hq(&town, order);
    assert_eq!((view.text("state"), view.text("outcome")), (Some("SUBMITTED"), Some("mediated")));
    assert_eq!(view.int("order_version"), morning.map(|v| v + 2));
    assert_eq!(first.order(order).unwrap().visits.len(), 2, "the colleague's visit is a fact all the same");
    check::laws(&town);
}

/// The same, but the first has only acknowledged and visited: the state would allow the second's
/// submission, the version does not.
#[test]
fn a_submit_on_an_old_sight_is_stale() {
    let mut town = town(204, 2);
    let order = order_in(&mut town, 1, "违规停车");
    let (first, second) = (town.phones[A].field().clone(), town.phones[OTHER].field().clone());
    first.propose(order, ProposalKind::Ack, "", None, None, false).unwrap();
    first.record_visit(visit(order, "site_check", "车已劝离")).unwrap();
    second.record_visit(visit(order, "site_check", "车还在")).unwrap();
    second.set_field(order, "reply_text", Value::Text("无法联系车主".into())).unwrap();
    let late =
        second.propose(order, ProposalKind::Submit, "", Some("not_found"), None, true).unwrap().to_string();
    town.sync(A).unwrap();
    assert_eq!(at_hq(&town, order).text("state"), Some("INVESTIGATING"));
    town.settle();
    refused(&town, OTHER, order, &late, Refusal::StaleVersion);
    // He looks again and submits what he now sees.
    let again =
        second.propose(order, ProposalKind::Submit, "", Some("not_found"), None, false).unwrap().to_string();
    town.settle();
    accepted(&town, OTHER, order, &again);
    check::laws(&town);
}
