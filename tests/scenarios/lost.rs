//! A phone that is lost with work on it, and found again (F28).

use crate::{A, OTHER, accepted, at_hq, deliver, logged, order_in, refused, town, visit};
use lanewalk_model::{order::Refusal, records::ProposalKind, view::Value};
use support::{check, town::Town};

const HOUR: i64 = 3_600_000;

/// What headquarters knows of a worker's device: (entries held, entries written, last heard of).
fn device(town: &Town, worker: &str) -> (u64, u64, i64) {
    town.network.hq(|hq| {
        let sql = "SELECT last_seq, announced_seq, last_contact FROM devices WHERE worker = ?1";
        hq.reader().query_row(sql, [worker], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).unwrap()
    })
}

/// Headquarters knows how much is missing and since when; somebody else takes the order over; the
/// phone comes back: its facts come in, its proposal on the old sight is refused in words.
#[test]
fn a_lost_phone_is_missed_by_number_and_its_late_return_is_judged() {
    let mut town = town(801, 2);
    let order = order_in(&mut town, 1, "井盖破损");
    let field = town.phones[A].field().clone();
    // Too much for one push: the first one arrives and says how much there is.
    let other = order_in(&mut town, 0, "长篇走访");
    let notes = "现场记录很长。".repeat(560);
    for _ in 0..200 {
        field.record_visit(visit(other, "prelim", &notes)).unwrap();
        town.remember(A, "visit");
        town.clock.advance(1_000);
    }
    field.set_field(order, "reply_text", Value::Text("已设围挡".into())).unwrap();
    let fact = town.remember(A, "reply");
    let late = field.propose(order, ProposalKind::Ack, "", None, None, false).unwrap().to_string();
    town.remember(A, "ack");
    let written = field.status().unwrap().last_seq;
    {
        let mut session = field.session().unwrap();
        let request = session.next_request().unwrap().unwrap();
        deliver(&town.network, &request);
    }
    let heard = town.clock.now();
    let (held, announced, last) = device(&town, "gw-01");
    assert!(held > 0 && held < written, "{held} of {written}");
    assert_eq!((announced, last), (written, heard));

    // The phone lies in a drain. Its order goes to somebody else.
    town.clock.advance(30 * HOUR);
    town.sync(OTHER).unwrap();
    let colleague = town.phones[OTHER].field().clone();
    let ack = colleague.propose(order, ProposalKind::Ack, "", None, None, false).unwrap().to_string();
    town.remember(OTHER, "ack");
    town.sync(OTHER).unwrap();
    assert_eq!(device(&town, "gw-01"), (held, announced, last), "nobody heard of it since");
    assert_eq!(at_hq(&town, order).text("state"), Some("ACKED"));

    town.clock.advance(HOUR);
    town.settle();
    let (held, announced, _) = device(&town, "gw-01");
    assert_eq!((held, announced), (written, written));
    assert_eq!(logged(&town, fact).0, None, "a fact is a fact, however late");
    accepted(&town, OTHER, order, &ack);
    refused(&town, A, order, &late, Refusal::WrongState);
    check::laws(&town);
}
